package experiment

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
	"github.com/Ishan27gOrg/gossipProtocol/sim/overlay"
)

var convergence = &Experiment{
	Name:     "convergence",
	Title:    "Convergence from three starts",
	Source:   in07Converge + "; " + in07Graph + "; " + in04Converge,
	Question: "Does an overlay come to the same state wherever it starts from, and how soon?",
	PaperFound: `Under push-pull every protocol comes to the same in-degree deviation, clustering and path length from the
growing, the lattice and the random start, and soon. Path lengths come close to those of a random graph; clustering does so
only with swapping. Push alone converges far more slowly in the growing scenario, or never: the overlay depends on how it was
started.`,
	Setting: `One run of each protocol from each start. Path lengths are from a sample of nodes, and so is clustering but after
the last cycle. The random graph is the random start before its first cycle.`,

	run:   runConvergence,
	total: func(p Params) int { return len(convergenceProtocols()) * len(papersStarts) * p.Cycles },
	judge: judgeConvergence,
	draw:  drawConvergence,
}

// papersStarts are the three scenarios of both papers (section 4 of each).
var papersStarts = []overlay.Start{overlay.Growing, overlay.Lattice, overlay.Random}

func convergenceProtocols() []protocol {
	return slices.Concat(by07(peersampling.PushPull), by04(peersampling.PushPull), by07(peersampling.Push), by04(peersampling.Push))
}

// What to measure of an overlay that is on its way, and of one that has arrived.
// A sample of 1000 nodes makes clustering right to about one in a hundred, and 64
// make the mean path length right to about one in a thousand.
var (
	onTheWay = overlay.Sampling{Clustering: 1000, Paths: 64}
	arrived  = overlay.Sampling{Paths: 64}
)

func runConvergence(l *lab) (Tables, error) {
	over := &Table{
		Name: "cycles", Title: "State after a cycle",
		Columns: []string{"protocol", "start", "cycle", "nodes", "indegree_std", "indegree_max", "clustering", "path_length", "components"},
	}
	final := &Table{
		Name: "final", Title: "State after the last cycle", Summary: true,
		Columns: []string{"protocol", "start", "indegree_std", "indegree_max", "clustering", "path_length", "components"},
	}
	protocols, at := convergenceProtocols(), sampled(l.Cycles)
	runs, err := collect(l, len(protocols)*len(papersStarts), func(i int) ([]overlay.Row, error) {
		cfg := l.config(protocols[i/len(papersStarts)], 0)
		cfg.Start = papersStarts[i%len(papersStarts)]
		return measured(l, cfg, at)
	})
	if err != nil {
		return nil, err
	}
	random, err := randomOverlay(l)
	if err != nil {
		return nil, err
	}
	r := random.Measure(arrived)
	final.add(randomGraph, "random", r.InDegreeStd, r.InDegreeMax, r.Clustering, r.PathLength, r.Components)
	for i, rows := range runs {
		name, start := protocols[i/len(papersStarts)].name, papersStarts[i%len(papersStarts)].String()
		for _, r := range rows {
			over.add(name, start, r.Cycle, r.Nodes, r.InDegreeStd, r.InDegreeMax, r.Clustering, r.PathLength, r.Components)
		}
		r := rows[len(rows)-1]
		final.add(name, start, r.InDegreeStd, r.InDegreeMax, r.Clustering, r.PathLength, r.Components)
	}
	return Tables{final, over}, nil
}

// measured runs an overlay and returns the rows of the cycles asked for.
func measured(l *lab, cfg overlay.Config, at map[int]bool) ([]overlay.Row, error) {
	o, err := overlay.New(cfg)
	if err != nil {
		return nil, err
	}
	var rows []overlay.Row
	err = l.step(o, l.Cycles, func() {
		switch {
		case o.Cycle() == l.Cycles:
			rows = append(rows, o.Measure(arrived))
		case at[o.Cycle()]:
			rows = append(rows, o.Measure(onTheWay))
		}
	})
	return rows, err
}

// randomOverlay is a random graph: everybody knows c random others, and nobody
// has talked to anybody yet.
func randomOverlay(l *lab) (*overlay.Overlay, error) {
	return overlay.New(l.config(by07(peersampling.PushPull)[0], 0))
}

func judgeConvergence(p Params, data Tables) []Finding {
	c := converged{p, data.named("final"), data.named("cycles")}
	return []Finding{
		c.startsDoNotMatter(),
		c.pathsAreShort(),
		c.healingClusters("rand"),
		c.healingClusters("tail"),
		c.itIsSoon(),
		c.pushDependsOnItsStart(),
		c.peerSelectionHardlyMatters(),
	}
}

// converged is what there is to judge.
type converged struct {
	p           Params
	final, over *Table
}

func (c converged) value(name string, start overlay.Start, column string) float64 {
	return c.final.where("protocol", name, "start", start.String()).last(column)
}

func (c converged) random(column string) float64 { return c.value(randomGraph, overlay.Random, column) }

func below(limit float64) func(float64) bool { return func(x float64) bool { return x < limit } }

func (c converged) startsDoNotMatter() Finding {
	pushpull := names(growers(peersampling.PushPull))
	var text []string
	holds := true
	for _, x := range []struct {
		column, name string
		tolerance    float64
	}{{"indegree_std", "in-degree deviation", 0.2}, {"clustering", "clustering", 0.2}, {"path_length", "path length", 0.03}} {
		var apart []float64
		for _, name := range pushpull {
			apart = append(apart, spread(c.value(name, overlay.Growing, x.column), c.value(name, overlay.Lattice, x.column), c.value(name, overlay.Random, x.column)))
		}
		name, most := largest(pushpull, apart)
		text = append(text, fmt.Sprintf("%s differs by %s at most, in %s", x.name, percent(most), name))
		holds = holds && all(apart, below(x.tolerance))
	}
	return Finding{
		Claim:    "Under push-pull, in-degree deviation, clustering and path length come to the same values from all three starts",
		Section:  in07Converge + "; " + in04Converge,
		Measured: strings.Join(text, "; "),
		Holds:    holds,
	}
}

func (c converged) pathsAreShort() Finding {
	pushpull := names(growers(peersampling.PushPull))
	var longer []float64
	for _, name := range pushpull {
		longer = append(longer, c.value(name, overlay.Random, "path_length")/c.random("path_length")-1)
	}
	name, most := largest(pushpull, longer)
	return Finding{
		Claim:    "Path lengths under push-pull are close to those of a random graph",
		Section:  in07Graph,
		Measured: fmt.Sprintf("random graph %.3f; at most %s longer, in %s", c.random("path_length"), percent(most), name),
		Holds:    all(longer, below(0.2)),
	}
}

func (c converged) healingClusters(peer string) Finding {
	of := func(view string) float64 {
		return c.value("("+peer+","+view+",pushpull)", overlay.Random, "clustering")
	}
	return Finding{
		Claim:   "Clustering with " + peer + " peer selection: the healer's is highest, then blind, and the swapper's is nearly that of a random graph",
		Section: in07Graph,
		Measured: fmt.Sprintf("healer %.4f, blind %.4f, swapper %.4f, random graph %.4f",
			of("healer"), of("blind"), of("swapper"), c.random("clustering")),
		Holds: of("healer") > 1.5*of("blind") && of("blind") > 1.3*of("swapper") && of("swapper") < 1.25*c.random("clustering"),
	}
}

func (c converged) itIsSoon() Finding {
	var late []float64
	for _, name := range names(growers(peersampling.PushPull)) {
		for _, start := range []overlay.Start{overlay.Lattice, overlay.Random} {
			late = append(late, float64(settled(c.over.where("protocol", name, "start", start.String()), "path_length", 0.02)))
		}
	}
	return Finding{
		Claim:    "From the lattice and the random start, path lengths under push-pull settle within a few tens of cycles",
		Section:  in07Converge + "; " + in04Converge,
		Measured: fmt.Sprintf("within 2 %% of their last value from cycle %.0f on, at the latest", slices.Max(late)),
		Holds:    all(late, func(cycle float64) bool { return cycle <= 50 }),
	}
}

func (c converged) pushDependsOnItsStart() Finding {
	push := names(growers(peersampling.Push))
	var apart, parts []float64
	for _, name := range push {
		apart = append(apart, spread(c.value(name, overlay.Growing, "indegree_std"), c.value(name, overlay.Random, "indegree_std")))
		parts = append(parts, c.value(name, overlay.Growing, "components"))
	}
	name, most := largest(push, apart)
	return Finding{
		Claim:   "Push alone does not come to the same from the growing as from the random start, for some of the protocols by far",
		Section: in07Converge + "; " + in04Converge,
		Measured: fmt.Sprintf("after cycle %d in-degree deviation differs by %s to %s (%s), and up to %.0f clusters are left",
			c.p.Cycles, percent(slices.Min(apart)), percent(most), name, slices.Max(parts)),
		Holds: most > 0.3 && slices.Max(parts) > 1,
	}
}

func (c converged) peerSelectionHardlyMatters() Finding {
	std := func(peer, view string) float64 {
		return c.value("("+peer+","+view+",pushpull)", overlay.Random, "indegree_std")
	}
	peer, view := 0.0, spread(std("rand", "blind"), std("rand", "swapper"))
	for _, v := range []string{"blind", "healer", "swapper"} {
		peer = max(peer, spread(std("rand", v), std("tail", v)))
	}
	return Finding{
		Claim:    "View selection decides the in-degree deviation, peer selection (rand or tail) hardly matters",
		Section:  in07Degree,
		Measured: fmt.Sprintf("rand and tail differ by at most %s, swapper and blind by %s", percent(peer), percent(view)),
		Holds:    peer < 0.2 && view > 0.5,
	}
}

// settled is the first cycle of a run from which on a column stays near its last
// value.
func settled(run *Table, column string, tolerance float64) int {
	xs, cycles := run.numbers(column), run.numbers("cycle")
	at := len(xs) - 1
	if at < 0 {
		return math.MaxInt
	}
	for at > 0 && spread(xs[at-1], xs[len(xs)-1]) <= tolerance {
		at--
	}
	return int(cycles[at])
}

func drawConvergence(p Params, data Tables) []Figure {
	var figures []Figure
	for _, group := range []struct {
		name, title string
		protocols   []protocol
	}{
		{"2007", "TOCS 2007, push-pull", by07(peersampling.PushPull)},
		{"2007-push", "TOCS 2007, push alone", by07(peersampling.Push)},
		{"2004", "Middleware 2004, push-pull", by04(peersampling.PushPull)},
		{"2004-push", "Middleware 2004, push alone", by04(peersampling.Push)},
	} {
		f := Figure{
			Name:    group.name,
			Caption: group.title + ": the state after each cycle, from three starts. The dotted line is the random graph.",
			Columns: len(papersStarts),
		}
		for _, column := range []struct {
			name string
			axis Axis
		}{
			{"indegree_std", Axis{Label: "in-degree, standard deviation", Log: true}},
			{"clustering", Axis{Label: "clustering coefficient", Log: true}},
			{"path_length", Axis{Label: "path length, hops", Log: true}},
		} {
			for _, start := range papersStarts {
				f.Panels = append(f.Panels, convergencePanel(p, data, group.protocols, start, column.name, column.axis))
			}
		}
		figures = append(figures, f)
	}
	return figures
}

func convergencePanel(p Params, data Tables, protocols []protocol, start overlay.Start, column string, y Axis) Panel {
	panel := Panel{Title: start.String(), X: Axis{Label: "cycle", Log: true}, Y: y}
	level := data.named("final").where("protocol", randomGraph).last(column)
	panel.Series = append(panel.Series, Series{randomGraph, baseline, []float64{1, float64(p.Cycles)}, []float64{level, level}})
	for _, p := range protocols {
		run := data.named("cycles").where("protocol", p.name, "start", start.String())
		panel.Series = append(panel.Series, Series{p.name, p.style, run.numbers("cycle"), run.numbers(column)})
	}
	return panel
}
