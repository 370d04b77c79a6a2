package experiment

import (
	"fmt"
	"slices"

	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
	"github.com/Ishan27gOrg/gossipProtocol/sim/overlay"
)

var degreeDistribution = &Experiment{
	Name:     "degree-distribution",
	Title:    "Converged in-degree distributions",
	Source:   in07Degree + "; " + in04Degree,
	Question: "In how many views is a node, once the overlay has converged?",
	PaperFound: `Swapping gives the most even in-degrees, more even than those of a random graph. Blind selection, and random
view selection in the space of 2004, give the most uneven ones, with a long tail of nodes that are in very many views. Healing, and
head view selection, are in between. The more is swapped, the more even the in-degrees.`,
	Setting: `The distribution after the last cycle, over all nodes of all runs, from the random start. The second figure is one run
of a third as many cycles for each H and S, peer selection tail.`,
	Runs: 3,

	run: runDegrees,
	total: func(p Params) int {
		return p.Cycles*len(degreeProtocols())*p.Runs + p.Cycles/3*len(halvings(p.View))
	},
	judge: judgeDegrees,
	draw:  drawDegrees,
}

func degreeProtocols() []protocol {
	return append(slices.Concat(by07(peersampling.PushPull), by04(peersampling.PushPull)), cyclon)
}

func runDegrees(l *lab) (Tables, error) {
	protocols := degreeProtocols()
	runs, err := collect(l, len(protocols)*l.Runs, func(i int) ([]int, error) {
		o, err := overlay.New(l.config(protocols[i/l.Runs], i%l.Runs))
		if err != nil {
			return nil, err
		}
		err = l.step(o, l.Cycles, nil)
		return o.InDegreeHistogram(), err
	})
	if err != nil {
		return nil, err
	}
	baselines, err := collect(l, l.Runs, func(i int) ([]int, error) {
		cfg := l.config(protocols[0], i)
		o, err := overlay.New(cfg)
		if err != nil {
			return nil, err
		}
		return o.InDegreeHistogram(), nil
	})
	if err != nil {
		return nil, err
	}
	summary := &Table{
		Name: "summary", Title: "In-degrees", Summary: true,
		Columns: []string{"protocol", "std", "min", "median", "p99", "max"},
	}
	histogram := &Table{Name: "histogram", Title: "Nodes by in-degree", Columns: []string{"protocol", "indegree", "nodes", "share"}}
	for i, name := range append([]string{randomGraph}, names(protocols)...) {
		count := merged(baselines)
		if i > 0 {
			count = merged(runs[(i-1)*l.Runs : i*l.Runs])
		}
		describe(summary, histogram, name, count)
	}
	grid, err := runHalvings(l)
	return Tables{summary, grid, histogram}, err
}

// merged adds histograms up.
func merged(histograms [][]int) (sum []int) {
	for _, h := range histograms {
		for k, n := range h {
			for k >= len(sum) {
				sum = append(sum, 0)
			}
			sum[k] += n
		}
	}
	return sum
}

func describe(summary, histogram *Table, name string, count []int) {
	var degrees []float64 // in order
	for k, n := range count {
		for range n {
			degrees = append(degrees, float64(k))
		}
	}
	at := func(share float64) int { return int(degrees[int(share*float64(len(degrees)-1))]) }
	summary.add(name, deviation(degrees), at(0), at(0.5), at(0.99), at(1))
	for k, n := range count {
		if n > 0 {
			histogram.add(name, k, n, float64(n)/float64(len(degrees)))
		}
	}
}

// halving is a choice of H and S.
type halving struct{ h, s int }

// halvings are the choices of which the in-degree deviation is measured: H from
// 0 to c/2 in steps, with no S, a third of what is left, two thirds, and all.
func halvings(c int) []halving {
	half := c / 2
	var healings []int
	for h := 0; h < half; h += max(1, half/7) {
		healings = append(healings, h)
	}
	var list []halving
	for _, h := range append(healings, half) {
		for third := range 4 {
			x := halving{h, (half - h) * third / 3}
			if !slices.Contains(list, x) {
				list = append(list, x)
			}
		}
	}
	return list
}

func runHalvings(l *lab) (*Table, error) {
	list := halvings(l.View)
	rows, err := collect(l, len(list), func(i int) (overlay.Row, error) {
		cfg := l.config(protocol{policy: func(c int) peersampling.Policy {
			p := peersampling.Blind(c)
			p.H, p.S = list[i].h, list[i].s
			return p
		}}, 0)
		o, err := overlay.New(cfg)
		if err != nil {
			return overlay.Row{}, err
		}
		err = l.step(o, l.Cycles/3, nil)
		return o.Measure(arrived), err
	})
	grid := &Table{
		Name: "healing-and-swap", Title: "The space between blind, healer and swapper, peer selection tail",
		Columns: []string{"h", "s", "swap", "indegree_std", "clustering", "path_length"},
	}
	for i, r := range rows {
		grid.add(list[i].h, list[i].s, swapShare(l.View, list[i]), r.InDegreeStd, r.Clustering, r.PathLength)
	}
	return grid, err
}

// swapShare tells how much of what H leaves is swapped.
func swapShare(c int, x halving) string {
	left := c/2 - x.h
	for third, name := range []string{"S = 0", "a third", "two thirds"} {
		if x.s == left*third/3 && (left > 0 || third == 0) {
			return name
		}
	}
	return "all"
}

func judgeDegrees(_ Params, data Tables) []Finding {
	summary, grid := data.named("summary"), data.named("healing-and-swap")
	of := func(column string, names ...string) (xs []float64) {
		for _, name := range names {
			xs = append(xs, summary.where("protocol", name).last(column))
		}
		return xs
	}
	std := func(name string) float64 { return of("std", name)[0] }
	random := std(randomGraph)

	swappers := []string{"(rand,swapper,pushpull)", "(tail,swapper,pushpull)"}
	healers := []string{"(rand,healer,pushpull)", "(tail,healer,pushpull)"}
	blinds := []string{"(rand,blind,pushpull)", "(tail,blind,pushpull)"}
	even := append(slices.Clone(swappers), cyclon.name)
	findings := []Finding{{
		Claim:    "The swapper's in-degrees are more even than those of a random graph",
		Section:  in07Degree,
		Measured: list(even, "%.2f", of("std", even...)) + fmt.Sprintf(", random graph %.2f (standard deviation)", random),
		Holds:    all(of("std", even...), func(x float64) bool { return x < random }),
	}, {
		Claim:    "Blind selection is the least even, the healer is in between",
		Section:  in07Degree,
		Measured: list(blinds, "%.1f", of("std", blinds...)) + "; " + list(healers, "%.1f", of("std", healers...)),
		Holds: slices.Min(of("std", blinds...)) > 1.3*slices.Max(of("std", healers...)) &&
			slices.Min(of("std", healers...)) > 1.3*slices.Max(of("std", swappers...)),
	}}

	tails := []string{"(rand,blind,pushpull)", "(tail,blind,pushpull)", "(rand,rand,pushpull)", "(tail,rand,pushpull)"}
	findings = append(findings, Finding{
		Claim:    "Blind selection, and rand view selection of 2004, have a long tail: some nodes are in very many views",
		Section:  in07Degree + "; " + in04Degree,
		Measured: fmt.Sprintf("highest in-degrees: %s; random graph %.0f", list(tails, "%.0f", of("max", tails...)), of("max", randomGraph)[0]),
		Holds:    all(of("max", tails...), func(x float64) bool { return x > 1.5*of("max", randomGraph)[0] }),
	}, Finding{
		Claim:    "In the space of 2004, head view selection is more even than rand",
		Section:  in04Degree,
		Measured: list(names(by04(peersampling.PushPull)), "%.1f", of("std", names(by04(peersampling.PushPull))...)),
		Holds: max(std("(rand,head,pushpull)"), std("(tail,head,pushpull)")) <
			min(std("(rand,rand,pushpull)"), std("(tail,rand,pushpull)")),
	})

	with := func(swap string) []float64 { return grid.where("swap", swap, "h", 0).numbers("indegree_std") }
	all0 := slices.Concat(with("S = 0"), with("a third"), with("two thirds"), with("all"))
	return append(findings, Finding{
		Claim:    "The more is swapped, the more even the in-degrees",
		Section:  in07Degree,
		Measured: "standard deviation with H = 0 and S from 0 to c/2: " + series(all0, "%.3g"),
		Holds:    len(all0) > 1 && slices.IsSortedFunc(all0, func(a, b float64) int { return int(1e6 * (b - a)) }),
	})
}

func drawDegrees(_ Params, data Tables) []Figure {
	histogram, grid := data.named("histogram"), data.named("healing-and-swap")
	curve := func(name string, style Style) Series {
		t := histogram.where("protocol", name)
		style.Line = NoLine
		return Series{name, style, t.numbers("indegree"), t.numbers("share")}
	}
	panel := func(title string, protocols []protocol) Panel {
		p := Panel{Title: title, X: Axis{Label: "in-degree", Log: true}, Y: Axis{Label: "share of nodes", Log: true}}
		random := curve(randomGraph, baseline)
		random.Style = Style{Colour: Grey, Line: Solid}
		p.Series = append(p.Series, random)
		for _, x := range protocols {
			p.Series = append(p.Series, curve(x.name, x.style))
		}
		return p
	}
	by07 := by07(peersampling.PushPull)
	space := Panel{
		Title: "in-degree", X: Axis{Label: "H"}, Y: Axis{Label: "in-degree, standard deviation", Min: 0, Max: 1},
	}
	clustered := Panel{Title: "clustering", X: space.X, Y: Axis{Label: "clustering coefficient", Min: 0, Max: 0.01}}
	for i, swap := range []string{"S = 0", "a third", "two thirds", "all"} {
		t := grid.where("swap", swap)
		style := Style{Colour: []Colour{Blue, Sky, Orange, Green}[i], Marker: []Marker{Circle, Diamond, Triangle, Square}[i]}
		name := "S = 0"
		if i > 0 {
			name = "S = " + swap + " of c/2 - H"
		}
		space.Series = append(space.Series, Series{name, style, t.numbers("h"), t.numbers("indegree_std")})
		clustered.Series = append(clustered.Series, Series{name, style, t.numbers("h"), t.numbers("clustering")})
	}
	return []Figure{
		{
			Name:    "distribution",
			Caption: "In-degree distributions after the last cycle, on logarithmic axes. The grey line is the random graph.",
			Panels: []Panel{
				panel("rand peer selection", append(slices.Clone(by07[:3]), cyclon)),
				panel("tail peer selection", by07[3:]),
				panel("Middleware 2004", by04(peersampling.PushPull)),
			},
		},
		{
			Name:    "healing-and-swap",
			Caption: "What healing (H) and swapping (S) do to the in-degree deviation and to clustering: the corners are blind (left, S = 0), swapper (left, S = all) and healer (right).",
			Panels:  []Panel{space, clustered},
		},
	}
}
