package experiment

import (
	"fmt"
	"math"
	"slices"

	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
	"github.com/Ishan27gOrg/gossipProtocol/sim/overlay"
)

var degreeOverTime = &Experiment{
	Name:     "degree-over-time",
	Title:    "In-degree of a node over time",
	Source:   in07Dynamics + "; " + in04Degree,
	Question: "Does a node stay in many views, or in few, for long?",
	PaperFound: `No: the in-degree of every node keeps changing, and its average over time is nearly the same for all nodes, whatever
the protocol, however uneven the in-degrees are at one moment. How fast it changes differs: with healing, and with head view
selection in 2004, it is all but independent after some cycles; with blind selection and with swapping it drifts slowly.`,
	Setting: `After the overlay has converged, the in-degree of every node is noted in every cycle, for as many cycles again. The
autocorrelation is the mean over 100 nodes; the band is what 99 % of random series of one node would stay in. That of nodes whose
mean is taken over the same few hundred cycles comes out somewhat too low where the in-degree drifts slowly.`,

	run:   runDynamics,
	total: func(p Params) int { return len(degreeProtocols()) * 2 * p.Cycles },
	judge: judgeDynamics,
	draw:  drawDynamics,
}

const (
	traced  = 100 // nodes whose autocorrelation is averaged
	mostLag = 150 // cycles
)

// lags is how far the autocorrelation goes: to half of the series at most.
func lags(p Params) int { return min(mostLag, p.Cycles/2) }

// history is what came of one protocol.
type history struct {
	one              []float64 // the in-degree of one node, cycle by cycle
	correlation      []float64 // by lag, from 0
	momentary        float64   // deviation over the nodes at one moment
	averages         []float64 // over time, by node, in order
	averageDeviation float64
}

func runDynamics(l *lab) (Tables, error) {
	protocols := degreeProtocols()
	histories, err := collect(l, len(protocols), func(i int) (history, error) { return watch(l, protocols[i]) })
	if err != nil {
		return nil, err
	}
	summary := &Table{
		Name: "summary", Title: "In-degrees at one moment and over time", Summary: true,
		Columns: []string{"protocol", "std_at_one_moment", "std_of_time_averages", "lowest_average", "highest_average", "lag_below_0.1"},
	}
	one := &Table{Name: "one-node", Title: "In-degree of one node", Single: true, Columns: []string{"protocol", "cycle", "indegree"}}
	correlation := &Table{Name: "autocorrelation", Title: "Autocorrelation of the in-degree", Columns: []string{"protocol", "lag", "autocorrelation"}}
	averages := &Table{Name: "averages", Title: "Time averages of nodes, in a hundred steps", Columns: []string{"protocol", "share_of_nodes", "average"}}
	for i, p := range protocols {
		h := histories[i]
		summary.add(p.name, h.momentary, h.averageDeviation, h.averages[0], h.averages[len(h.averages)-1], decorrelated(h.correlation))
		for t, k := range h.one {
			one.add(p.name, l.Cycles+t+1, int(k))
		}
		for lag, r := range h.correlation {
			correlation.add(p.name, lag, r)
		}
		for step := range 101 {
			averages.add(p.name, float64(step)/100, h.averages[step*(len(h.averages)-1)/100])
		}
	}
	return Tables{summary, one, correlation, averages}, nil
}

func watch(l *lab, p protocol) (h history, err error) {
	o, err := overlay.New(l.config(p, 0))
	if err != nil {
		return h, err
	}
	if err := l.step(o, l.Cycles, nil); err != nil {
		return h, err
	}
	nodes := slices.Collect(o.Live())
	series := make([][]float64, traced)
	sums := make([]float64, len(nodes))
	var now []int
	var momentary []float64
	err = l.step(o, 2*l.Cycles, func() {
		now = o.InDegreesOf(nodes, now[:0])
		momentary = append(momentary, o.InDegree().Std)
		for i, k := range now {
			sums[i] += float64(k)
			if i < traced {
				series[i] = append(series[i], float64(k))
			}
		}
	})
	for _, sum := range sums {
		h.averages = append(h.averages, sum/float64(l.Cycles))
	}
	slices.Sort(h.averages)
	h.one, h.momentary, h.averageDeviation = series[0], mean(momentary), deviation(h.averages)
	h.correlation = meanAutocorrelation(series, lags(l.Params))
	return h, err
}

// meanAutocorrelation is the mean over the series, by lag up to most.
func meanAutocorrelation(series [][]float64, most int) []float64 {
	sum := make([]float64, most+1)
	for _, xs := range series {
		for lag, r := range autocorrelation(xs, most) {
			sum[lag] += r / float64(len(series))
		}
	}
	return sum
}

// autocorrelation of a series, by lag from 0 to most: as both papers define it,
// with the mean and the variance of the whole series. One that never changes has
// none but at lag 0.
func autocorrelation(xs []float64, most int) []float64 {
	m := mean(xs)
	whole := 0.0
	for _, x := range xs {
		whole += (x - m) * (x - m)
	}
	r := make([]float64, most+1)
	r[0] = 1
	for lag := 1; lag <= most && whole > 0; lag++ {
		for i := range len(xs) - lag {
			r[lag] += (xs[i] - m) * (xs[i+lag] - m) / whole
		}
	}
	return r
}

// decorrelated is the first lag with less than 0.1, or the one after the last.
func decorrelated(correlation []float64) int {
	for lag, r := range correlation {
		if r < 0.1 {
			return lag
		}
	}
	return len(correlation)
}

func judgeDynamics(p Params, data Tables) []Finding {
	summary := data.named("summary")
	of := func(column string, names ...string) (xs []float64) {
		for _, name := range names {
			xs = append(xs, summary.where("protocol", name).last(column))
		}
		return xs
	}
	fast := []string{"(rand,healer,pushpull)", "(tail,healer,pushpull)", "(rand,head,pushpull)", "(tail,head,pushpull)"}
	swappers := []string{"(rand,swapper,pushpull)", "(tail,swapper,pushpull)"}
	uneven := []string{"(rand,blind,pushpull)", "(tail,blind,pushpull)", "(rand,rand,pushpull)", "(tail,rand,pushpull)"}
	slow := append(slices.Clone(swappers), uneven...)
	alike := func(of []float64) bool {
		return all(of, func(std float64) bool { return std < 0.15*float64(p.View) })
	}
	averages := func(names ...string) string {
		return fmt.Sprintf("averages over %d cycles have a mean of %d and a standard deviation of: ", p.Cycles, p.View) +
			list(names, "%.1f", of("std_of_time_averages", names...))
	}
	return []Finding{{
		Claim:    "With healing, swapping, or head view selection in 2004, the average over time is nearly the same for all nodes",
		Section:  in07Dynamics + "; " + in04Degree,
		Measured: averages(append(slices.Clone(fast), swappers...)...),
		Holds:    alike(of("std_of_time_averages", append(slices.Clone(fast), swappers...)...)),
	}, {
		Claim:   "So it is with blind selection, and with rand view selection in 2004",
		Section: in07Dynamics + "; " + in04Degree,
		Measured: averages(uneven...) + "; at one moment: " + list(uneven, "%.1f", of("std_at_one_moment", uneven...)) +
			". An in-degree that drifts as slowly as these has few independent values in that time",
		Holds: alike(of("std_of_time_averages", uneven...)),
	}, {
		Claim:    "With healing, and with head view selection in 2004, the in-degree forgets its past within some cycles",
		Section:  in07Dynamics + "; " + in04Degree,
		Measured: "autocorrelation is below 0.1 from a lag of: " + list(fast, "%.0f", of("lag_below_0.1", fast...)),
		Holds:    all(of("lag_below_0.1", fast...), func(x float64) bool { return x <= 15 }),
	}, {
		Claim:    "With blind selection and with swapping it drifts slowly, and so it does with rand view selection in 2004",
		Section:  in07Dynamics + "; " + in04Degree,
		Measured: "autocorrelation is below 0.1 from a lag of: " + list(slow, "%.0f", of("lag_below_0.1", slow...)),
		Holds:    slices.Min(of("lag_below_0.1", slow...)) > 1.5*slices.Max(of("lag_below_0.1", fast...)),
	}}
}

func drawDynamics(p Params, data Tables) []Figure {
	seven := by07(peersampling.PushPull)
	groups := []struct {
		title     string
		protocols []protocol
	}{
		{"rand peer selection", append(slices.Clone(seven[:3]), cyclon)},
		{"tail peer selection", seven[3:]},
		{"Middleware 2004", by04(peersampling.PushPull)},
	}
	panels := func(table, x, y string, xAxis, yAxis Axis, more ...Series) (list []Panel) {
		for _, g := range groups {
			panel := Panel{Title: g.title, X: xAxis, Y: yAxis, Series: slices.Clone(more)}
			for _, p := range g.protocols {
				rows := data.named(table).where("protocol", p.name)
				panel.Series = append(panel.Series, Series{p.name, p.style, rows.numbers(x), rows.numbers(y)})
			}
			list = append(list, panel)
		}
		return list
	}
	band := 2.576 / math.Sqrt(float64(p.Cycles)) // 99 % of a normal distribution
	level := func(y float64) Series {
		return Series{"99 % band", baseline, []float64{0, float64(lags(p))}, []float64{y, y}}
	}
	return []Figure{{
		Name:    "one-node",
		Caption: "The in-degree of one node, the same in all three, over as many cycles as the overlay had to converge.",
		Panels:  oneNodePanels(data.named("one-node"), seven[:3]),
	}, {
		Name:    "autocorrelation",
		Caption: "Autocorrelation of a node's in-degree, mean over 100 nodes. Between the dotted lines it is no more than that of one random series, with 99 % confidence.",
		Panels: panels("autocorrelation", "lag", "autocorrelation", Axis{Label: "lag, cycles"}, Axis{Label: "autocorrelation"},
			level(band), level(-band)),
	}, {
		Name:    "averages",
		Caption: "The in-degree of each node, averaged over time: the flatter the curve, the more alike the nodes.",
		Panels: panels("averages", "share_of_nodes", "average", Axis{Label: "share of nodes"},
			Axis{Label: "in-degree, time average", Min: 0, Max: 1}),
	}}
}

// oneNodePanels have a panel for each protocol: series of one node cross each
// other too often to be told apart.
func oneNodePanels(t *Table, protocols []protocol) (panels []Panel) {
	for _, p := range protocols {
		rows, style := t.where("protocol", p.name), p.style
		style.Marker = NoMarker
		panels = append(panels, Panel{
			Title: p.name, X: Axis{Label: "cycle"}, Y: Axis{Label: "in-degree of one node", Min: 0, Max: 1},
			Series: []Series{{p.name, style, rows.numbers("cycle"), rows.numbers("indegree")}},
		})
	}
	return panels
}
