package experiment

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
	"github.com/Ishan27gOrg/gossipProtocol/sim/overlay"
)

var partitioning = &Experiment{
	Name:     "partitioning",
	Title:    "Partitioning of a growing overlay",
	Source:   in07Converge + "; " + in04Converge,
	Question: "Does an overlay that grows through one contact stay in one piece?",
	PaperFound: `Under push it often does not, and how often hangs on the protocol: with head view selection (2004) in every run,
into many clusters. Most nodes are in one large cluster all the same. Under push-pull no run was ever partitioned.`,
	Setting: `Many runs of the growing start, which adds 100 nodes a cycle. Push is judged by the state after the last cycle.
Push-pull takes a third as many runs, is looked at every ten cycles, and ends fifty cycles after the overlay is complete.`,
	Runs: 20,

	run: runPartitioning,
	total: func(p Params) int {
		return len(growers(peersampling.Push))*p.Runs*p.Cycles + len(growers(peersampling.PushPull))*fewer(p.Runs)*grownBy(p)
	},
	judge: judgePartitioning,
	draw:  drawPartitioning,
}

// growers are the protocols that grow.
func growers(propagation peersampling.Propagation) []protocol {
	return append(by07(propagation), by04(propagation)...)
}

// fewer is how many runs push-pull is worth, in which nothing happens.
func fewer(runs int) int { return (runs + 2) / 3 }

// grownBy is the cycle in which growth is long over.
func grownBy(p Params) int { return min(p.Cycles, p.Nodes/100+50) }

func runPartitioning(l *lab) (Tables, error) {
	summary := &Table{
		Name: "summary", Title: "Partitioned runs; means over those", Summary: true,
		Columns: []string{"protocol", "nodes", "runs", "partitioned", "share", "clusters_mean", "largest_mean"},
	}
	each := &Table{Name: "runs", Title: "Runs", Columns: []string{"protocol", "seed", "cycle", "nodes", "components", "largest_component"}}
	push, err := grow(l, growers(peersampling.Push), l.Runs, l.Cycles, l.Cycles)
	if err != nil {
		return nil, err
	}
	pushpull, err := grow(l, growers(peersampling.PushPull), fewer(l.Runs), grownBy(l.Params), 10)
	if err != nil {
		return nil, err
	}
	for _, x := range append(push, pushpull...) {
		var clusters, largest []float64
		for run, r := range x.runs {
			each.add(x.protocol.name, strconv.FormatUint(l.Seed+uint64(run), 10), r.cycle, r.nodes, r.clusters, r.largest)
			if r.clusters > 1 {
				clusters, largest = append(clusters, float64(r.clusters)), append(largest, float64(r.largest))
			}
		}
		nodes := x.runs[0].nodes
		clustersMean, largestMean := 1.0, float64(nodes)
		if len(clusters) > 0 {
			clustersMean, largestMean = mean(clusters), mean(largest)
		}
		summary.add(x.protocol.name, nodes, len(x.runs), len(clusters), float64(len(clusters))/float64(len(x.runs)), clustersMean, largestMean)
	}
	return Tables{summary, each}, nil
}

// pieces are what an overlay consists of.
type pieces struct{ cycle, nodes, clusters, largest int }

// grown are the runs of a protocol.
type grown struct {
	protocol protocol
	runs     []pieces
}

// grow lets overlays grow, some runs of each protocol for some cycles, and
// returns in how many pieces each is: after the last of the cycles looked at, or
// the first in which there is more than one.
func grow(l *lab, protocols []protocol, runs, cycles, every int) ([]grown, error) {
	outcomes, err := collect(l, len(protocols)*runs, func(i int) (last pieces, err error) {
		cfg := l.config(protocols[i/runs], i%runs)
		cfg.Start = overlay.Growing
		o, err := overlay.New(cfg)
		if err != nil {
			return last, err
		}
		err = l.step(o, cycles, func() {
			if last.clusters <= 1 && (o.Cycle()%every == 0 || o.Cycle() == cycles) {
				parts := o.Components()
				last = pieces{o.Cycle(), o.Nodes(), len(parts), parts.Largest()}
			}
		})
		return last, err
	})
	if err != nil {
		return nil, err
	}
	var list []grown
	for i, p := range protocols {
		list = append(list, grown{p, outcomes[i*runs : (i+1)*runs]})
	}
	return list, nil
}

func judgePartitioning(_ Params, data Tables) []Finding {
	summary := data.named("summary")
	of := func(column string, names ...string) (xs []float64) {
		for _, name := range names {
			xs = append(xs, summary.where("protocol", name).last(column))
		}
		return xs
	}
	pushpull, push := names(growers(peersampling.PushPull)), names(growers(peersampling.Push))
	runs, cut := 0.0, 0.0
	for i, n := range of("runs", pushpull...) {
		runs, cut = runs+n, cut+of("partitioned", pushpull...)[i]
	}
	heads := []string{"(rand,head,push)", "(tail,head,push)"}
	rands := []string{"(rand,rand,push)", "(tail,rand,push)"}
	nodes := summary.last("nodes")
	sizes07, sizes04 := of("largest_mean", push[:6]...), of("largest_mean", push[6:]...)
	return []Finding{{
		Claim:    "Under push-pull a growing overlay is never partitioned",
		Section:  in07Converge + "; " + in04Converge,
		Measured: fmt.Sprintf("%.0f of %.0f runs", cut, runs),
		Holds:    cut == 0 && runs > 0,
	}, {
		Claim:    "Under push, (rand,healer) is partitioned in every run",
		Section:  in07Converge,
		Measured: list(push[:6], "%.2f", of("share", push[:6]...)) + " of the runs",
		Holds:    of("share", "(rand,healer,push)")[0] == 1,
	}, {
		Claim:    "Under push, head view selection is partitioned in every run, rand in a part of them",
		Section:  in04Converge,
		Measured: list(push[6:], "%.2f", of("share", push[6:]...)) + " of the runs",
		Holds:    slices.Min(of("share", heads...)) == 1 && slices.Max(of("share", rands...)) < 1,
	}, {
		Claim:   "A partitioned overlay has one large cluster, which most nodes are in",
		Section: in07Converge,
		Measured: fmt.Sprintf("of %d nodes the largest has, on average: %s. In the space of 2004: %s",
			int(nodes), list(push[:6], "%.0f", sizes07), list(push[6:], "%.0f", sizes04)),
		Holds: slices.Min(sizes07) > 0.5*nodes,
	}}
}

func drawPartitioning(_ Params, data Tables) []Figure {
	each := data.named("runs")
	var panels []Panel
	for _, group := range []struct {
		title     string
		protocols []protocol
	}{{"TOCS 2007, push", by07(peersampling.Push)}, {"Middleware 2004, push", by04(peersampling.Push)}} {
		panel := Panel{
			Title: group.title,
			X:     Axis{Label: "share of the runs"},
			Y:     Axis{Label: "nodes outside the largest cluster", Log: true},
		}
		for _, p := range group.protocols {
			var outside []float64
			runs := each.where("protocol", p.name)
			nodes := runs.numbers("nodes")
			for i, n := range runs.numbers("largest_component") {
				outside = append(outside, nodes[i]-n)
			}
			slices.Sort(outside)
			panel.Series = append(panel.Series, Series{p.name, p.style, shares(len(outside)), outside})
		}
		panels = append(panels, panel)
	}
	return []Figure{{
		Name:    "outside",
		Caption: "Nodes outside the largest cluster, run by run in rising order. A run that stayed whole has none and is not drawn: a curve that begins at 0.6 is of a protocol that stayed whole in 6 of 10 runs.",
		Panels:  panels,
	}}
}

// shares are n steps from more than 0 to 1.
func shares(n int) (xs []float64) {
	for i := range n {
		xs = append(xs, float64(i+1)/float64(n))
	}
	return xs
}
