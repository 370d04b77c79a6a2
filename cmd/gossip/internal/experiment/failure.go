package experiment

import (
	"fmt"
	"slices"

	"github.com/Ishan27gOrg/gossipProtocol/sim/overlay"
)

var catastrophicFailure = &Experiment{
	Name:     "catastrophic-failure",
	Title:    "Catastrophic failure",
	Source:   in07Failure + "; " + in04Failure,
	Question: "What is left of a converged overlay when most nodes fail at once?",
	PaperFound: `One component, up to the failure of about 70 % of the nodes, whatever the protocol. Where more fail, nearly all
survivors are still in one large component, and only a few single nodes or tiny groups are cut off. All protocols come close to
the random graph.`,
	Setting: `After the last cycle a random part of the nodes is taken away from one overlay of each protocol, many times; the
overlay itself stays as it is. --runs is the number of such trials.`,
	Runs: 100,

	run:   runFailure,
	total: func(p Params) int { return len(degreeProtocols()) * (p.Cycles + len(removals)*p.Runs) },
	judge: judgeFailure,
	draw:  drawFailure,
}

// removals are the percentages of nodes that fail.
var removals = []int{50, 55, 60, 65, 70, 75, 80, 85, 90, 95}

func runFailure(l *lab) (Tables, error) {
	t := &Table{
		Name: "removals", Title: "What a removal leaves; means over the trials", Summary: true,
		Columns: []string{"protocol", "removed_percent", "survivors", "partitioned", "components", "largest_share", "outside", "outside_max"},
	}
	protocols := degreeProtocols()
	tables, err := collect(l, len(protocols)+1, func(i int) (*Table, error) {
		some := &Table{Columns: t.Columns}
		if i == 0 {
			o, err := randomOverlay(l)
			if err != nil {
				return nil, err
			}
			return some, remove(l, o, randomGraph, some, func() {})
		}
		o, err := overlay.New(l.config(protocols[i-1], 0))
		if err != nil {
			return nil, err
		}
		if err := l.step(o, l.Cycles, nil); err != nil {
			return nil, err
		}
		return some, remove(l, o, protocols[i-1].name, some, l.tick)
	})
	if err != nil {
		return nil, err
	}
	for _, some := range tables {
		t.Rows = append(t.Rows, some.Rows...)
	}
	return Tables{t}, nil
}

// remove adds a row for each of the removals.
func remove(l *lab, o *overlay.Overlay, name string, t *Table, tick func()) error {
	for _, percent := range removals {
		cut, components, outside := 0, 0, []float64{}
		survivors := 0
		for trial := range l.Runs {
			if err := l.ctx.Err(); err != nil {
				return err
			}
			parts := o.ComponentsWithout(float64(percent)/100, uint64(trial))
			survivors = parts.Largest() + parts.Outside()
			components += len(parts)
			if len(parts) > 1 {
				cut++
			}
			outside = append(outside, float64(parts.Outside()))
			tick()
		}
		runs := float64(l.Runs)
		t.add(name, percent, survivors, float64(cut)/runs, float64(components)/runs,
			1-mean(outside)/float64(survivors), mean(outside), int(slices.Max(outside)))
	}
	return nil
}

func judgeFailure(_ Params, data Tables) []Finding {
	t := data.named("removals")
	everybody := names(degreeProtocols())
	at := func(percent int, column string, names ...string) (xs []float64) {
		for _, name := range names {
			xs = append(xs, t.where("protocol", name, "removed_percent", percent).last(column))
		}
		return xs
	}
	early := at(65, "partitioned", everybody...)
	name65, most65 := largest(everybody, early)
	swappers := []string{"(rand,swapper,pushpull)", "(tail,swapper,pushpull)", cyclon.name}
	blinds := []string{"(rand,blind,pushpull)", "(tail,blind,pushpull)"}
	worst := func(percent int, column string) float64 { return slices.Min(at(percent, column, everybody...)) }
	return []Finding{{
		Claim:    "Up to the removal of about two nodes in three, one component is left",
		Section:  in07Failure + "; " + in04Failure,
		Measured: fmt.Sprintf("65 %% removed: at most %s of the trials are partitioned, in %s; 70 %%: %s", percent(most65), name65, percent(slices.Max(at(70, "partitioned", everybody...)))),
		Holds:    most65 <= 0.05,
	}, {
		Claim:    "Beyond that nearly all survivors are still in one component",
		Section:  in07Failure + "; " + in04Failure,
		Measured: fmt.Sprintf("80 %% removed: at least %s of the survivors; 90 %%: %s; 95 %%: %s", percent(worst(80, "largest_share")), percent(worst(90, "largest_share")), percent(worst(95, "largest_share"))),
		Holds:    worst(80, "largest_share") > 0.99,
	}, {
		Claim:   "The even in-degrees of swapping make it the most robust, as robust as a random graph",
		Section: in07Failure,
		Measured: fmt.Sprintf("nodes outside, 90 %% removed: %s; %s; random graph %.1f",
			list(swappers, "%.1f", at(90, "outside", swappers...)), list(blinds, "%.1f", at(90, "outside", blinds...)), at(90, "outside", randomGraph)[0]),
		Holds: slices.Max(at(90, "outside", swappers...)) < slices.Min(at(90, "outside", blinds...)) &&
			slices.Max(at(90, "outside", swappers...)) < 2*at(90, "outside", randomGraph)[0],
	}}
}

func drawFailure(_ Params, data Tables) []Figure {
	t := data.named("removals")
	curve := func(name string, style Style, column string) Series {
		rows := t.where("protocol", name)
		return Series{name, style, rows.numbers("removed_percent"), rows.numbers(column)}
	}
	var panels []Panel
	for _, y := range []struct {
		column string
		axis   Axis
	}{
		{"outside", Axis{Label: "nodes outside the largest component", Log: true}},
		{"largest_share", Axis{Label: "share of survivors in the largest component", Max: 1, Min: 1}},
		{"partitioned", Axis{Label: "share of trials that are partitioned"}},
	} {
		p := Panel{X: Axis{Label: "nodes removed, %"}, Y: y.axis}
		p.Series = append(p.Series, curve(randomGraph, baseline, y.column))
		for _, x := range degreeProtocols() {
			p.Series = append(p.Series, curve(x.name, x.style, y.column))
		}
		panels = append(panels, p)
	}
	return []Figure{{
		Name:    "removal",
		Caption: "What is left when a part of the nodes is removed at random from a converged overlay, means over the trials. On the left, no point means that no trial was partitioned.",
		Panels:  panels,
	}}
}
