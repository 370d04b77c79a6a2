package experiment

import (
	"fmt"
	"slices"
	"strings"

	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
)

var dropDead = &Experiment{
	Name:     "drop-dead",
	Title:    "Dropping a peer that does not answer",
	Source:   "Not in the papers, whose model it changes (" + in07Failure + "; " + in07Churn + ")",
	Question: "What if nodes do as on a network: not know who is dead, and drop whoever does not answer?",
	PaperFound: `The papers leave it out: no dead peer is ever chosen, and none is removed for being dead, so that what is
measured is how a protocol forgets by itself. They expect that a real node does better.`,
	Setting: `Self-healing and churn of 1 % a cycle once more, each protocol with the papers' model and with dropping. With
dropping, a node that chooses a dead peer has lost its turn. Cyclon's own paper has it drop.`,

	run:   runDropDead,
	total: func(p Params) int { return 2 * len(droppers()) * (2*p.Cycles + afterwards(p)) },
	judge: judgeDropDead,
	draw:  drawDropDead,
}

func droppers() []protocol {
	four := by04(peersampling.PushPull)
	return slices.Concat(by07(peersampling.PushPull), []protocol{four[0], four[2], cyclon})
}

// model is a word for what happens to the dead.
func model(drops bool) string {
	if drops {
		return "dropped"
	}
	return "kept"
}

func runDropDead(l *lab) (Tables, error) {
	protocols := droppers()
	type outcome struct {
		dead  []float64
		churn level
	}
	outcomes, err := collect(l, 2*len(protocols), func(i int) (x outcome, err error) {
		p := protocols[i/2]
		p.drops = i%2 == 1
		if x.dead, err = crash(l, p); err != nil {
			return x, err
		}
		cfg := l.config(p, 0)
		cfg.Churn = 0.01
		x.churn, err = stationary(l, cfg)
		return x, err
	})
	if err != nil {
		return nil, err
	}
	t := &Table{Name: "dead-links", Title: "Dead links per view after the failure", Columns: []string{"protocol", "dead", "cycle_after", "dead_links_per_view"}}
	summary := &Table{
		Name: "summary", Title: "With the dead kept, and dropped", Summary: true,
		Columns: []string{"protocol", "dead", "after_5_cycles", "after_20_cycles", "cycles_until_1_percent", "churn_dead_links_per_view", "churn_indegree_std", "churn_outside"},
	}
	for i, x := range outcomes {
		name, dead := protocols[i/2].name, model(i%2 == 1)
		for after, n := range x.dead {
			t.add(name, dead, after+1, n)
		}
		summary.add(name, dead, x.dead[4], x.dead[19], forgotten(x.dead, l.View), x.churn.dead, x.churn.std, x.churn.outside)
	}
	return Tables{summary, t}, nil
}

func judgeDropDead(_ Params, data Tables) []Finding {
	summary := data.named("summary")
	of := func(drops bool, column string, names ...string) (xs []float64) {
		for _, name := range names {
			xs = append(xs, summary.where("protocol", name, "dead", model(drops)).last(column))
		}
		return xs
	}
	slow := []string{"(tail,blind,pushpull)", "(tail,swapper,pushpull)", "(rand,blind,pushpull)", "(rand,swapper,pushpull)"}
	healers := []string{"(tail,healer,pushpull)", "(rand,healer,pushpull)"}
	// fewer reports whether dropping leaves at most a part of what else is there.
	fewer := func(column string, part float64) bool {
		kept, dropped := of(false, column, slow...), of(true, column, slow...)
		for i := range slow {
			if !(dropped[i] < part*kept[i]) {
				return false
			}
		}
		return true
	}
	compare := func(column, format string, names ...string) string {
		var parts []string
		for i, x := range of(true, column, names...) {
			parts = append(parts, fmt.Sprintf("%s "+format+" instead of "+format, names[i], x, of(false, column, names...)[i]))
		}
		return strings.Join(parts, ", ")
	}
	const left, until, churned = "after_20_cycles", "cycles_until_1_percent", "churn_dead_links_per_view"
	tails, rands := of(true, left, slow[:2]...), of(true, left, slow[2:]...)
	return []Finding{{
		Claim:    "Dropping makes up for a lack of healing: blind and swapper forget sooner",
		Section:  notInPapers,
		Measured: "dead links per view 20 cycles after the failure: " + compare(left, "%.1f", slow...),
		Holds:    fewer(left, 0.75),
	}, {
		Claim:    "It does so best with tail, which turns to the dead first: they are the ones nobody has heard of for longest",
		Section:  notInPapers,
		Measured: fmt.Sprintf("dead links per view 20 cycles after the failure: tail %s, rand %s", series(tails, "%.1f"), series(rands, "%.1f")),
		Holds:    tails[0] < rands[0] && tails[1] < rands[1],
	}, {
		Claim:    "The healer needs no dropping",
		Section:  notInPapers,
		Measured: "cycles until 1 % of the dead links is left: " + compare(until, "%.0f", healers...),
		Holds:    all(append(of(true, until, healers...), of(false, until, healers...)...), func(x float64) bool { return x <= 12 }),
	}, {
		Claim:    "Under churn of 1 % a cycle it leaves blind and swapper fewer dead links",
		Section:  notInPapers,
		Measured: "dead links per view: " + compare(churned, "%.1f", slow...),
		Holds:    fewer(churned, 0.75),
	}}
}

const notInPapers = "not in the papers"

func drawDropDead(_ Params, data Tables) []Figure {
	t := data.named("dead-links")
	var panels []Panel
	for _, drops := range []bool{false, true} {
		title := map[bool]string{false: "dead peers are kept (the papers' model)", true: "a peer that does not answer is dropped"}[drops]
		p := Panel{
			Title: title, X: Axis{Label: "cycles after the failure", Log: true},
			Y: Axis{Label: "dead links per view", Log: true, Min: 1e-3, Max: 1},
		}
		for _, x := range droppers() {
			rows := t.where("protocol", x.name, "dead", model(drops))
			p.Series = append(p.Series, Series{x.name, x.style, rows.numbers("cycle_after"), rows.numbers("dead_links_per_view")})
		}
		panels = append(panels, p)
	}
	return []Figure{{
		Name:    "dead-links",
		Caption: "Dead links per view after half of the nodes has failed, on logarithmic axes.",
		Panels:  panels,
	}}
}
