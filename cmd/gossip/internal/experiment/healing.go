package experiment

import (
	"fmt"
	"math"
	"slices"

	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
	"github.com/Ishan27gOrg/gossipProtocol/sim/overlay"
)

var selfHealing = &Experiment{
	Name:     "self-healing",
	Title:    "Self-healing",
	Source:   in07Failure + "; " + in04Failure,
	Question: "After half of the nodes have failed at once, how soon do the others forget them?",
	PaperFound: `With healing, dead links vanish exponentially fast, within a few cycles; so they do with head view selection
in the space of 2004. With swapping and without healing, or with blind or rand view selection, they decline slowly, linearly at
best. A little healing (H = 1) is enough to get rid of them soon.`,
	Setting: `Half of the nodes is removed after the last cycle of convergence, and dead links are counted in every cycle that
follows. Cyclon drops a peer that does not answer, which is how it forgets; the others follow the papers' model, in which no dead
peer is chosen, or removed for being dead.`,

	run:   runHealing,
	total: func(p Params) int { return len(healers()) * (p.Cycles + afterwards(p)) },
	judge: judgeHealing,
	draw:  drawHealing,
}

// mostlySwapper heals by one and swaps the rest: H = 1, S = c/2 - 1.
var mostlySwapper = protocol{
	name: "(tail,H=1 S=c/2-1,pushpull)",
	policy: func(c int) peersampling.Policy {
		p := peersampling.Swapper(c)
		p.H, p.S = 1, c/2-1
		return p
	},
	style: Style{Colour: Sky, Marker: Diamond, Line: Dashed, Open: true},
}

func healers() []protocol {
	return slices.Concat(by07(peersampling.PushPull), []protocol{mostlySwapper}, by04(peersampling.PushPull), []protocol{cyclon})
}

// afterwards is for how many cycles the survivors are watched: two thirds of the
// time to converge.
func afterwards(p Params) int { return max(20, 2*p.Cycles/3) }

func runHealing(l *lab) (Tables, error) {
	protocols := healers()
	dead, err := collect(l, len(protocols), func(i int) ([]float64, error) { return crash(l, protocols[i]) })
	if err != nil {
		return nil, err
	}
	t := &Table{Name: "dead-links", Title: "Dead links per view after the failure", Columns: []string{"protocol", "cycle_after", "dead_links_per_view"}}
	summary := &Table{
		Name: "summary", Title: "Dead links per view, some cycles after the failure; the last column is one more than the cycles watched where those were too few", Summary: true,
		Columns: []string{"protocol", "1", "2", "3", "5", "10", "20", "cycles_until_1_percent"},
	}
	for i, p := range protocols {
		for after, n := range dead[i] {
			t.add(p.name, after+1, n)
		}
		row := []any{p.name}
		for _, after := range []int{1, 2, 3, 5, 10, 20} {
			row = append(row, dead[i][after-1])
		}
		summary.add(append(row, forgotten(dead[i], l.View))...)
	}
	return Tables{summary, t}, nil
}

// crash removes half of a converged overlay and returns the dead links per view
// after each of the cycles that follow.
func crash(l *lab, p protocol) ([]float64, error) {
	cfg := l.config(p, 0)
	cfg.Kill = []overlay.Kill{{Fraction: 0.5, Cycle: l.Cycles + 1}}
	o, err := overlay.New(cfg)
	if err != nil {
		return nil, err
	}
	var dead []float64
	err = l.step(o, l.Cycles+afterwards(l.Params), func() {
		if o.Cycle() > l.Cycles {
			dead = append(dead, float64(o.DeadLinks())/float64(o.Nodes()))
		}
	})
	return dead, err
}

// forgotten is the first cycle in which not more than one in a hundred of the
// dead links is left, of which there were half a view to begin with; or the one
// after the last, if they are not so few in the end.
func forgotten(dead []float64, c int) int {
	for i, n := range dead {
		if n <= float64(c)/2/100 {
			return i + 1
		}
	}
	return len(dead) + 1
}

func judgeHealing(p Params, data Tables) []Finding {
	t, summary := data.named("dead-links"), data.named("summary")
	until := func(names ...string) (xs []float64) {
		for _, name := range names {
			xs = append(xs, summary.where("protocol", name).last("cycles_until_1_percent"))
		}
		return xs
	}
	left := func(name string, after int) float64 {
		return t.where("protocol", name, "cycle_after", after).last("dead_links_per_view")
	}
	fast := []string{"(rand,healer,pushpull)", "(tail,healer,pushpull)", "(rand,head,pushpull)", "(tail,head,pushpull)"}
	slow := []string{"(rand,swapper,pushpull)", "(tail,swapper,pushpull)", "(rand,blind,pushpull)", "(tail,blind,pushpull)", "(rand,rand,pushpull)", "(tail,rand,pushpull)"}
	var after10 []float64
	for _, name := range slow {
		after10 = append(after10, left(name, 10)/(float64(p.View)/2))
	}
	findings := []Finding{{
		Claim:    "With healing, and with head view selection in 2004, the dead are forgotten within a few cycles",
		Section:  in07Failure + "; " + in04Failure,
		Measured: list(fast, "%.0f", until(fast...)) + " cycles until 1 % of the dead links is left",
		Holds:    all(until(fast...), func(x float64) bool { return x <= 10 }),
	}, {
		Claim:    "Without healing they are forgotten slowly",
		Section:  in07Failure + "; " + in04Failure,
		Measured: list(slow, "%.2f", after10) + " of the dead links are left after 10 cycles",
		Holds:    all(after10, func(x float64) bool { return x > 0.4 }),
	}}
	return append(findings, healerHalves(p, t), swapperHalves(p, t), Finding{
		Claim:    "A little healing goes a long way: H = 1 with S = c/2 - 1 forgets far sooner than the swapper",
		Section:  in07Failure,
		Measured: fmt.Sprintf("%.0f cycles until 1 %% is left, swapper %s", until(mostlySwapper.name)[0], orMore(until("(tail,swapper,pushpull)")[0], afterwards(p))),
		Holds:    3*until(mostlySwapper.name)[0] < until("(tail,swapper,pushpull)")[0],
	})
}

func healerHalves(p Params, t *Table) Finding {
	const name = "(tail,healer,pushpull)"
	dead := t.where("protocol", name).numbers("dead_links_per_view")
	first, second, third := halfWay(dead, float64(p.View)/2)
	return Finding{
		Claim:    "The healer forgets exponentially, or faster: each cycle leaves a smaller part than the one before",
		Section:  in07Failure,
		Measured: halves(name, first, second, third),
		Holds:    first+second+third <= 10 && third <= first,
	}
}

// swapperHalves: of a line, half of what is left takes half as long as the half
// before it; of an exponential it takes as long.
func swapperHalves(p Params, t *Table) Finding {
	const name = "(tail,swapper,pushpull)"
	dead := t.where("protocol", name).numbers("dead_links_per_view")
	first, second, third := halfWay(dead, float64(p.View)/2)
	return Finding{
		Claim:    "The swapper forgets linearly",
		Section:  in07Failure,
		Measured: halves(name, first, second, third) + ". On a line each would take half as long as the one before; an exponential takes as long for all",
		Holds:    second > 0 && second < 0.75*first,
	}
}

func halves(name string, first, second, third float64) string {
	return fmt.Sprintf("%s: %s cycles for the first half of the dead links, %s for half of the rest, %s for half of that",
		name, cycles(first), cycles(second), cycles(third))
}

// halfWay returns how long it takes until half of the dead links is left, from
// then until a quarter is, and from then until an eighth is; in cycles, with the
// part of a cycle that a line between two cycles tells. What does not happen
// takes for ever.
func halfWay(dead []float64, whole float64) (first, second, third float64) {
	reach := func(level float64) float64 {
		before := whole
		for i, n := range dead {
			if n <= level {
				return float64(i) + (before-level)/(before-n)
			}
			before = n
		}
		return math.Inf(1)
	}
	half, quarter, eighth := reach(whole/2), reach(whole/4), reach(whole/8)
	return half, gap(half, quarter), gap(quarter, eighth)
}

func gap(from, to float64) float64 {
	if math.IsInf(to, 1) {
		return to
	}
	return to - from
}

func cycles(n float64) string {
	if math.IsInf(n, 1) {
		return "too many"
	}
	return fmt.Sprintf("%.1f", n)
}

func orMore(n float64, most int) string {
	if n > float64(most) {
		return fmt.Sprintf("more than %d", most)
	}
	return fmt.Sprintf("%.0f", n)
}

func drawHealing(_ Params, data Tables) []Figure {
	t := data.named("dead-links")
	panel := func(title string, y Axis, protocols []protocol) Panel {
		p := Panel{Title: title, X: Axis{Label: "cycles after the failure", Log: y.Log}, Y: y}
		for _, x := range protocols {
			rows := t.where("protocol", x.name)
			p.Series = append(p.Series, Series{x.name, x.style, rows.numbers("cycle_after"), rows.numbers("dead_links_per_view")})
		}
		return p
	}
	by07 := append(by07(peersampling.PushPull), mostlySwapper)
	others := append(by04(peersampling.PushPull), cyclon)
	linear, logarithmic := Axis{Label: "dead links per view"}, Axis{Label: "dead links per view, logarithmic", Log: true, Min: 1e-3, Max: 1}
	return []Figure{{
		Name:    "dead-links",
		Caption: "Dead links per view after half of the nodes has failed, on linear axes (above) and on logarithmic ones (below).",
		Columns: 2,
		Panels: []Panel{
			panel("TOCS 2007", linear, by07), panel("Middleware 2004, and Cyclon", linear, others),
			panel("TOCS 2007", logarithmic, by07), panel("Middleware 2004, and Cyclon", logarithmic, others),
		},
	}}
}
