package experiment

import (
	"fmt"
	"slices"

	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
	"github.com/Ishan27gOrg/gossipProtocol/sim/overlay"
)

var churning = &Experiment{
	Name:     "churn",
	Title:    "Churn",
	Source:   in07Churn,
	Question: "What becomes of an overlay in which a part of the nodes is replaced in every cycle?",
	PaperFound: `Dead links come to a level at which they stay: next to none with healing, a good part of the views without it, in
proportion to the churn as long as that is small. The overlay stays in one piece, and its in-degrees stay about as even as
without churn.`,
	Setting: `Churn at rates from 0.1 % to 10 % of the nodes a cycle; one who joins knows one random node of those that stay. The
figures are means over the last third of the cycles. Cyclon drops a peer that does not answer; in the others, as in the papers'
model, no dead peer is chosen, or removed for being dead.`,

	run:   runChurn,
	total: func(p Params) int { return len(degreeProtocols()) * len(churnRates) * p.Cycles },
	judge: judgeChurn,
	draw:  drawChurn,
}

// churnRates are percentages of the nodes, per cycle.
var churnRates = []float64{0.1, 0.3, 1, 3, 10}

func runChurn(l *lab) (Tables, error) {
	protocols := degreeProtocols()
	t := &Table{
		Name: "stationary", Title: "State under churn", Summary: true,
		Columns: []string{"protocol", "churn_percent", "dead_links_per_view", "indegree_std", "clustering", "components", "largest_share", "outside"},
	}
	levels, err := collect(l, len(protocols)*len(churnRates), func(i int) (level, error) {
		cfg := l.config(protocols[i/len(churnRates)], 0)
		cfg.Churn = churnRates[i%len(churnRates)] / 100
		return stationary(l, cfg)
	})
	if err != nil {
		return nil, err
	}
	for i, x := range levels {
		nodes := float64(l.Nodes)
		t.add(protocols[i/len(churnRates)].name, churnRates[i%len(churnRates)],
			x.dead, x.std, x.clustering, x.components, 1-x.outside/nodes, x.outside)
	}
	return Tables{t}, nil
}

// level is what an overlay has come to, averaged over time.
type level struct{ dead, std, clustering, components, outside float64 }

// stationary is the level over the last third of the cycles.
func stationary(l *lab, cfg overlay.Config) (sum level, err error) {
	o, err := overlay.New(cfg)
	if err != nil {
		return sum, err
	}
	from, every, times := 2*l.Cycles/3, max(1, l.Cycles/30), 0.0
	err = l.step(o, l.Cycles, func() {
		if o.Cycle() <= from || (l.Cycles-o.Cycle())%every != 0 {
			return
		}
		in, parts := o.InDegree(), o.Components()
		sum.dead += float64(in.Dead) / float64(o.Nodes())
		sum.std += in.Std
		sum.clustering += o.Clustering(1000)
		sum.components += float64(len(parts))
		sum.outside += float64(parts.Outside())
		times++
	})
	return level{sum.dead / times, sum.std / times, sum.clustering / times, sum.components / times, sum.outside / times}, err
}

func judgeChurn(p Params, data Tables) []Finding {
	t := data.named("stationary")
	at := func(rate float64, column string, names ...string) (xs []float64) {
		for _, name := range names {
			xs = append(xs, t.where("protocol", name, "churn_percent", rate).last(column))
		}
		return xs
	}
	everybody := names(by07(peersampling.PushPull)) // the paper studies no others
	healers := []string{"(rand,healer,pushpull)", "(tail,healer,pushpull)", "(rand,head,pushpull)", "(tail,head,pushpull)"}
	others := []string{"(rand,swapper,pushpull)", "(tail,swapper,pushpull)", "(rand,blind,pushpull)", "(tail,blind,pushpull)"}
	view := float64(p.View)
	rising := true
	for _, name := range everybody {
		rising = rising && slices.IsSorted(t.where("protocol", name).numbers("dead_links_per_view"))
	}
	low, high := at(1, "dead_links_per_view", healers...), at(1, "dead_links_per_view", others...)
	small := at(0.1, "dead_links_per_view", everybody...)
	worst, most := largest(everybody, small)
	var share, hops []float64
	for _, rate := range churnRates[:3] {
		share = append(share, slices.Min(at(rate, "largest_share", everybody...)))
		hops = append(hops, slices.Min(at(rate, "largest_share", "(rand,rand,pushpull)", "(tail,rand,pushpull)")))
	}
	return []Finding{{
		Claim:    "With healing, dead links are next to none at a churn of 1 % a cycle; without it they are a good part of the views",
		Section:  in07Churn,
		Measured: fmt.Sprintf("dead links per view of %d: %s; %s", p.View, list(healers, "%.2f", low), list(others, "%.1f", high)),
		Holds:    slices.Max(low) < 0.05*view && slices.Min(high) > 0.15*view,
	}, {
		Claim:   "The more churn, the more dead links",
		Section: in07Churn,
		Measured: fmt.Sprintf("dead links per view at %v %% churn: (tail,swapper,pushpull) %s, (tail,healer,pushpull) %s", series(churnRates, "%g"),
			series(t.where("protocol", "(tail,swapper,pushpull)").numbers("dead_links_per_view"), "%.3g"),
			series(t.where("protocol", "(tail,healer,pushpull)").numbers("dead_links_per_view"), "%.3g")),
		Holds: rising,
	}, {
		Claim:    "At a small churn, 0.1 % a cycle, dead links are few in every protocol",
		Section:  in07Churn,
		Measured: fmt.Sprintf("at most %.1f of %d, in %s", most, p.View, worst),
		Holds:    most < 0.2*view,
	}, {
		Claim:   "Up to a churn of 1 % a cycle the overlay stays in one piece, but for newcomers",
		Section: in07Churn,
		Measured: fmt.Sprintf("at least %s of the nodes are in the largest component at 0.1 %%, %s at 0.3 %%, %s at 1 %%. With rand view selection of 2004, which that paper does not study: %s, %s, %s",
			percent(share[0]), percent(share[1]), percent(share[2]), percent(hops[0]), percent(hops[1]), percent(hops[2])),
		Holds: slices.Min(share) > 0.99,
	}}
}

func drawChurn(_ Params, data Tables) []Figure {
	t := data.named("stationary")
	var panels []Panel
	for _, y := range []struct {
		column string
		axis   Axis
	}{
		{"dead_links_per_view", Axis{Label: "dead links per view", Log: true}},
		{"outside", Axis{Label: "nodes outside the largest component", Log: true, Min: 0.1, Max: 1}},
		{"indegree_std", Axis{Label: "in-degree, standard deviation", Log: true}},
		{"clustering", Axis{Label: "clustering coefficient", Log: true}},
	} {
		p := Panel{X: Axis{Label: "nodes replaced in a cycle, %", Log: true}, Y: y.axis}
		for _, x := range append(slices.Concat(by07(peersampling.PushPull), by04(peersampling.PushPull)), cyclon) {
			rows := t.where("protocol", x.name)
			p.Series = append(p.Series, Series{x.name, x.style, rows.numbers("churn_percent"), rows.numbers(y.column)})
		}
		panels = append(panels, p)
	}
	return []Figure{{
		Name:    "stationary",
		Caption: "The state that an overlay comes to under churn, by its rate, on logarithmic axes. No point where there is nothing to count.",
		Panels:  panels,
		Columns: 2,
	}}
}
