package experiment

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
	"github.com/Ishan27gOrg/gossipProtocol/sim/overlay"
)

var concurrency = &Experiment{
	Name:     "concurrency",
	Title:    "Exchanges that overlap, come late and get lost",
	Source:   "Not in the papers, whose exchanges are atomic (" + in07Setting + "; " + in04Setting + ")",
	Question: "What does it change that messages take time and get lost, and which policy bears it best?",
	PaperFound: `The papers' simulations, and Cyclon's, go by cycles: an exchange is atomic, and nothing comes in between. It is
reported that Cyclon can fall apart for good where exchanges overlap under churn, which such a model cannot show.`,
	Setting: `Each policy from the random start, in four models: in cycles, as everywhere above; "bare", the same rules message by
message; "deployed", the service that nodes run on a network, with resending, quarantine, and the search for lost peers and join
addresses; "forgetful", the same service without what its configuration can take away. In the last table stands "impatient", a deployed node that waits a quarter of
a period for an answer, twice, instead of a period. Everybody drops who does not answer. Latencies are log-normal
(deviation of the logarithm 0.5), and given as the median in periods; a deployed node's pace is fixed at one period after the end of its last exchange.
Calm is a latency of 0.05. Loss is 10 % of the messages at that latency, churn 1 % of the nodes a period, "churn and latency" the
same at a latency of 0.5, and all has the loss as well. Who joins knows one node, which may leave or not hear it. After the faults the overlay is left alone for 30 periods, and who is not in the largest component then is
cut off for good. In the cut two halves cannot hear each other for two fifths of the cycles, 30 at least. The crash takes half of a calm
overlay away; in the last table it comes on top of a latency of 0.05, 1 % loss and 0.1 % churn. A calm overlay is left to converge for all the cycles, a
deployed one for half of them, since it takes long to compute; all else lasts for a quarter of them. Brahms has a tenth of the nodes, though a hundred at least, and no bare form.`,

	scale: localNodes,
	run:   runConcurrency,
	total: func(p Params) (n int) {
		for _, x := range trials() {
			n += x.length(p)
		}
		return n
	},
	judge: judgeConcurrency,
	draw:  drawConcurrency,
}

// The models.
const (
	inCycles  = "cycles"
	bare      = "bare"
	deployed  = "deployed"
	forgetful = "forgetful"
	impatient = "impatient"
)

// condition is what the overlay has to bear.
type condition struct {
	name                 string
	latency, loss, churn float64
	cut, crash           bool
}

var (
	calm      = condition{name: "calm", latency: 0.05, crash: true}
	instant   = condition{name: "latency 0.005", latency: 0.005}
	short     = condition{name: "latency 0.02", latency: 0.02}
	longer    = condition{name: "latency 0.2", latency: 0.2}
	lossy     = condition{name: "loss", latency: 0.05, loss: 0.1}
	late      = condition{name: "latency 0.5", latency: 0.5}
	slow      = condition{name: "latency 2", latency: 2}
	churned   = condition{name: "churn", latency: 0.05, churn: 0.01}
	churnLate = condition{name: "churn and latency", latency: 0.5, churn: 0.01}
	allAtOnce = condition{name: "all", latency: 0.5, loss: 0.1, churn: 0.01}
	apart     = condition{name: "cut", latency: 0.05, cut: true}
	mild      = condition{name: "mild", latency: 0.05, loss: 0.01, churn: 0.001, crash: true}
)

// travelling are the conditions that differ by nothing but the latency.
var travelling = []condition{instant, short, calm, longer, late, slow}

// trial is a policy in a model under a condition.
type trial struct {
	protocol
	model string
	condition
}

// deployable are the policies that a node could have by default: all presets, and
// the one of TOCS 2007 that heals a little and swaps the rest.
func deployable() []protocol {
	dashed := func(c Colour, m Marker) Style { return Style{Colour: c, Marker: m, Line: Dashed, Open: true} }
	return []protocol{
		{name: "healer", policy: peersampling.Healer, style: dashed(Vermillion, Triangle)},
		{name: "swapper", policy: peersampling.Swapper, style: dashed(Green, Square)},
		{name: "blind", policy: peersampling.Blind, style: dashed(Blue, Circle)},
		{name: "H=1 S=c/2-1", policy: mostlySwapper.policy, style: mostlySwapper.style},
		{name: "cyclon", policy: peersampling.Cyclon, style: cyclon.style},
		{name: "newscast", policy: peersampling.Newscast, style: Style{Colour: Purple, Marker: Diamond}},
		{name: "lpbcast", policy: peersampling.Lpbcast, style: Style{Colour: Orange, Marker: Cross}},
		{name: brahms.name, policy: peersampling.Brahms, style: Style{Colour: Grey, Marker: Plus}},
	}
}

// between are the points from Cyclon and the swapper, which are even, to the
// healer, which forgets soon.
func between() (list []protocol) {
	for _, x := range []struct {
		name string
		heal func(c int) int
	}{
		{"H=0 S=c/2", func(int) int { return 0 }},
		{"H=1 S=c/2-1", func(int) int { return 1 }},
		{"H=c/8 S=3c/8", func(c int) int { return c / 8 }},
		{"H=c/4 S=c/4", func(c int) int { return c / 4 }},
		{"H=c/2 S=0", func(c int) int { return c / 2 }},
	} {
		list = append(list, protocol{name: x.name, policy: func(c int) peersampling.Policy {
			p := peersampling.Swapper(c)
			p.H = x.heal(c)
			p.S = c/2 - p.H
			return p
		}})
	}
	for _, x := range []struct {
		name   string
		length func(c int) int
	}{
		{"cyclon, shuffle 3", func(int) int { return 3 }},
		{"cyclon, shuffle 8", func(c int) int { return min(8, c) }},
		{"cyclon, shuffle c/2", func(c int) int { return c / 2 }},
		{"cyclon, shuffle c", func(c int) int { return c }},
	} {
		list = append(list, protocol{name: x.name, policy: func(c int) peersampling.Policy {
			p := peersampling.Cyclon(c)
			p.Shuffle = x.length(c)
			return p
		}})
	}
	return list
}

// trials are all that is carried out, those of one policy together.
func trials() (list []trial) {
	for _, p := range deployable() {
		in := func(model string, conditions ...condition) {
			for _, c := range conditions {
				list = append(list, trial{p, model, c})
			}
		}
		in(inCycles, calm, churned)
		if p.name != brahms.name {
			in(bare, calm, instant, short, longer, late, slow, lossy, churned, churnLate, allAtOnce, apart)
		}
		// A deployed node waits for two periods, so a slow network has no replies
		// for it at all.
		in(deployed, calm, late, lossy, churned, allAtOnce, apart)
		in(forgetful, apart)
	}
	for _, p := range between() {
		for _, model := range []string{inCycles, bare, impatient} {
			list = append(list, trial{p, model, mild})
		}
	}
	return list
}

// The parts of a trial, in cycles: under the condition, of which the last third
// is measured; the cut; and what follows.
func (x trial) under(p Params) int {
	switch {
	case x.cut:
		return max(10, p.Cycles/10)
	case x.name() != calm.name:
		return max(10, p.Cycles/4)
	case x.model == deployed:
		return max(10, p.Cycles/2)
	default:
		return p.Cycles
	}
}

func (x trial) apart(p Params) int {
	if x.cut {
		return max(30, 2*p.Cycles/5)
	}
	return 0
}

func (x trial) after(p Params) int {
	if x.crash {
		return max(30, p.Cycles/5)
	}
	return 30
}

func (x trial) length(p Params) int { return x.under(p) + x.apart(p) + x.after(p) }

func (x trial) name() string { return x.condition.name }

// config is that of the trial's overlay.
func (x trial) config(l *lab) overlay.Config {
	cfg := l.config(x.protocol, 0)
	cfg.DropDead = true
	if x.protocol.name == brahms.name {
		cfg.Nodes = localNodes(l.Nodes)
	}
	cfg.Churn = x.churn
	under := x.under(l.Params)
	if x.crash {
		cfg.Kill = []overlay.Kill{{Fraction: 0.5, Cycle: under + 1}}
	} else {
		cfg.Quiet = under + 1
	}
	if x.model == inCycles {
		return cfg
	}
	cfg.Messages = &overlay.Messages{Nodes: overlay.Bare, Latency: x.latency, Spread: 0.5, Loss: x.loss}
	switch x.model {
	case deployed:
		cfg.Messages.Nodes = overlay.Deployed
	case impatient:
		cfg.Messages.Nodes, cfg.Messages.Answer = overlay.Deployed, 0.25
	case forgetful:
		cfg.Messages.Nodes = overlay.Forgetful
	}
	if x.cut {
		cfg.Messages.Cut = []overlay.Cut{{From: under + 1, To: under + x.apart(l.Params)}}
	}
	return cfg
}

// trace is what a trial leaves behind.
type trace struct {
	overlay.InDegree
	std, dead, outside float64 // means over the last third of the time under the condition
	clustering, path   float64 // at its end,
	messages           float64 // for each node and period, until then
	deadAfter          []float64
	across             []float64 // from the start of the cut
	whole              int       // periods from the end of the cut until there is one component
	left               overlay.Components
}

func (x trial) carryOut(l *lab) (y trace, err error) {
	o, err := overlay.New(x.config(l))
	if err != nil {
		return y, err
	}
	under, apart, times := x.under(l.Params), x.apart(l.Params), 0.0
	every := max(1, under/30)
	err = l.step(o, under, func() {
		if o.Cycle() > 2*under/3 && (under-o.Cycle())%every == 0 {
			y.InDegree = o.InDegree()
			y.std += y.Std
			y.dead += float64(y.Dead) / float64(o.Nodes())
			y.outside += float64(o.Components().Outside())
			times++
		}
	})
	if err != nil {
		return y, err
	}
	y.std, y.dead, y.outside = y.std/times, y.dead/times, y.outside/times
	y.clustering, y.path = o.Clustering(1000), o.PathLength(128)
	y.messages = float64(o.MessagesSent()) / float64(o.Nodes()*under)
	err = l.step(o, x.length(l.Params), func() {
		switch since := o.Cycle() - under; {
		case x.crash:
			y.deadAfter = append(y.deadAfter, float64(o.DeadLinks())/float64(o.Nodes()))
		case x.cut:
			y.across = append(y.across, o.Across())
			if since > apart && y.whole == 0 && o.Components().Outside() == 0 {
				y.whole = since - apart
			}
		}
	})
	if y.whole == 0 {
		y.whole = x.after(l.Params) + 1
	}
	y.left = o.Components()
	return y, err
}

// healed is the first period after a crash in which not more than one in a
// hundred of the dead links that it made is left, beside those that there are
// always; or the one after the last.
func (y trace) healed(c int) int {
	var more []float64
	for _, n := range y.deadAfter {
		more = append(more, n-y.dead)
	}
	return forgotten(more, c)
}

func runConcurrency(l *lab) (Tables, error) {
	all := trials()
	traces, err := collect(l, len(all), func(i int) (trace, error) { return all[i].carryOut(l) })
	if err != nil {
		return nil, err
	}
	states := &Table{
		Name: "summary", Title: "State of each overlay under each condition; nodes outside the largest component, meanwhile and for good, and in the second largest then", Summary: true,
		Columns: []string{"protocol", "model", "condition", "indegree_std", "indegree_min", "indegree_max", "clustering", "path_length", "dead_links_per_view", "messages", "outside", "outside_for_good", "second_for_good"},
	}
	crashes := &Table{
		Name: "crash", Title: "Dead links per view, some periods after half of the nodes has failed; the last column is one more than the periods watched where those were too few", Summary: true,
		Columns: []string{"protocol", "model", "1", "2", "3", "5", "10", "20", "periods_until_1_percent"},
	}
	cuts := &Table{
		Name: "cut", Title: "The share of descriptors that are of the other half, and how soon after the cut there is one component; the last column is one more than the periods watched where there never was", Summary: true,
		Columns: []string{"protocol", "model", "across_before_end", "across_after", "outside", "periods_until_whole"},
	}
	both := &Table{
		Name: "balance-and-healing", Title: "In-degree deviation, and periods until 1 % of the dead links is left after a crash, together (latency 0.05, loss 1 %, churn 0.1 %)", Summary: true,
		Columns: []string{"protocol", "model", "indegree_std", "periods_until_1_percent"},
	}
	dead := &Table{Name: "dead-links", Title: "Dead links per view after the failure", Columns: []string{"protocol", "model", "cycle_after", "dead_links_per_view"}}
	across := &Table{Name: "across", Title: "The share of descriptors that are of the other half, from the start of the cut", Columns: []string{"protocol", "model", "cycle", "across"}}
	for i, y := range traces {
		x := all[i]
		p, model := x.protocol.name, x.model
		switch {
		case x.name() == mild.name:
			both.add(p, model, y.std, y.healed(l.View))
			continue
		case x.cut:
			for c, share := range y.across {
				across.add(p, model, c+1, share)
			}
			cuts.add(p, model, y.across[x.apart(l.Params)-1], y.across[len(y.across)-1], y.left.Outside(), y.whole)
			continue
		case x.crash:
			row := []any{p, model}
			for after, n := range y.deadAfter {
				dead.add(p, model, after+1, n)
			}
			for _, after := range []int{1, 2, 3, 5, 10, 20} {
				row = append(row, y.deadAfter[after-1])
			}
			crashes.add(append(row, y.healed(l.View))...)
			y.left = nil // the crash is another matter
		}
		states.add(p, model, x.name(), y.std, y.Min, y.Max, y.clustering, y.path, y.dead, y.messages, y.outside, y.left.Outside(), second(y.left))
	}
	return Tables{states, crashes, cuts, both, dead, across}, nil
}

// second is how many nodes are in the second largest component.
func second(parts overlay.Components) int {
	if len(parts) < 2 {
		return 0
	}
	return parts[1]
}

func judgeConcurrency(p Params, data Tables) []Finding {
	return slices.Concat(judgeOverlaps(p, data), judgeLosses(p, data), judgeAftermath(data))
}

// Names of those who are alike.
var (
	movers  = []string{"swapper", "cyclon"} // of descriptors
	copiers = []string{"healer", "blind", "newscast", "lpbcast"}
	soonest = []string{"healer", "newscast"} // to forget
)

// exchangers are all but Brahms.
func exchangers() (list []string) {
	for _, p := range deployable() {
		if p.name != brahms.name {
			list = append(list, p.name)
		}
	}
	return list
}

// column returns one of a table, of the rows of some protocols in a model and,
// where there are more, under a condition.
func column(t *Table, name, model, condition string, protocols []string) (xs []float64) {
	for _, p := range protocols {
		rows := t.where("protocol", p, "model", model)
		if condition != "" {
			rows = rows.where("condition", condition)
		}
		xs = append(xs, rows.last(name))
	}
	return xs
}

// insteadOf writes numbers with their names, and what they are held against.
func insteadOf(names []string, format string, xs, others []float64) string {
	var parts []string
	for i, name := range names {
		parts = append(parts, fmt.Sprintf("%s "+format+" instead of "+format, name, xs[i], others[i]))
	}
	return strings.Join(parts, ", ")
}

// pairs reports whether each number and what it is held against satisfy.
func pairs(xs, others []float64, satisfy func(x, other float64) bool) bool {
	for i := range xs {
		if !satisfy(xs[i], others[i]) {
			return false
		}
	}
	return len(xs) > 0
}

// judgeOverlaps is about what overlapping does to in-degrees.
func judgeOverlaps(p Params, data Tables) []Finding {
	of := func(model string, c condition, names []string) []float64 {
		return column(data.named("summary"), "indegree_std", model, c.name, names)
	}
	movedBare, movedCycles, movedLate := of(bare, calm, movers), of(inCycles, calm, movers), of(bare, late, movers)
	copiedBare, copiedCycles := of(bare, calm, copiers), of(inCycles, calm, copiers)
	random := math.Sqrt(float64(p.View) * (1 - float64(p.View)/float64(p.Nodes-1)))
	var travel, cyclonAt []float64
	for _, c := range travelling {
		travel, cyclonAt = append(travel, c.latency), append(cyclonAt, of(bare, c, []string{"cyclon"})...)
	}
	return []Finding{{
		Claim:    "Overlapping exchanges cost balance where descriptors are moved: swapper and Cyclon are less even message by message than in cycles",
		Section:  notInPapers,
		Measured: "in-degree deviation of a calm overlay: " + insteadOf(movers, "%.2f", movedBare, movedCycles),
		Holds:    pairs(movedBare, movedCycles, func(a, b float64) bool { return a > 1.1*b }),
	}, {
		Claim:    "Where descriptors are copied they make little difference",
		Section:  notInPapers,
		Measured: "in-degree deviation of a calm overlay: " + insteadOf(copiers, "%.2f", copiedBare, copiedCycles),
		Holds:    pairs(copiedBare, copiedCycles, func(a, b float64) bool { return math.Abs(a-b) < 0.2*b }),
	}, {
		Claim:    "It is the time that messages travel which costs balance: at 1/200 of a period Cyclon is nearly as even as in cycles",
		Section:  notInPapers,
		Measured: fmt.Sprintf("its in-degree deviation at a latency of %s periods: %s", series(travel, "%g"), series(cyclonAt, "%.2f")),
		Holds:    cyclonAt[0] < 1.25*movedCycles[1] && slices.IsSorted(cyclonAt[:4]),
	}, {
		Claim:    "With messages that take half a period nothing is left of the balance of swapper and Cyclon: a random graph is as even",
		Section:  notInPapers,
		Measured: fmt.Sprintf("in-degree deviation: %s, random graph %.2f", list(movers, "%.2f", movedLate), random),
		Holds:    all(movedLate, func(x float64) bool { return x > 0.9*random }),
	}}
}

// judgeLosses is about nodes that are cut off for good.
func judgeLosses(p Params, data Tables) []Finding {
	of := func(name, model string, c condition, names []string) []float64 {
		return column(data.named("summary"), name, model, c.name, names)
	}
	const lost = "outside_for_good"
	everybody := exchangers()
	others := slices.DeleteFunc(exchangers(), func(name string) bool { return name == "lpbcast" })
	hidden := of(lost, inCycles, churned, others)
	byRules, byService := of(lost, bare, allAtOnce, everybody), of(lost, deployed, allAtOnce, everybody)
	seconds := of("second_for_good", bare, allAtOnce, everybody)
	return []Finding{{
		Claim:   "Cycles hide that nodes can be cut off for good: under churn with delay and loss every policy loses some by its bare rules",
		Section: notInPapers,
		Measured: fmt.Sprintf("of %d nodes: %s. In cycles, under the same churn: %s, lpbcast %.0f", p.Nodes, list(everybody, "%.0f", byRules),
			list(others, "%.0f", hidden), of(lost, inCycles, churned, []string{"lpbcast"})[0]),
		Holds: all(hidden, func(x float64) bool { return x == 0 }) && all(byRules, func(x float64) bool { return x > 0 }),
	}, {
		Claim:    "Those cut off are single nodes, or a few: the overlay does not fall into parts",
		Section:  notInPapers,
		Measured: "nodes in the second largest component: " + list(everybody, "%.0f", seconds),
		Holds:    all(seconds, func(x float64) bool { return x <= 0.02*float64(p.Nodes) }),
	}, {
		Claim:    "The service that nodes run loses far fewer: fewer than half as many, under every policy",
		Section:  notInPapers,
		Measured: "nodes cut off for good: " + insteadOf(everybody, "%.0f", byService, byRules),
		Holds:    pairs(byService, byRules, func(a, b float64) bool { return a < b/2 }),
	}}
}

// judgeAftermath is about what follows a crash, and a cut.
func judgeAftermath(data Tables) []Finding {
	crashes, cuts := data.named("crash"), data.named("cut")
	const until, across = "periods_until_1_percent", "across_after"
	byRules, byService := column(crashes, until, bare, "", soonest), column(crashes, until, deployed, "", soonest)
	healers, apart := column(cuts, across, bare, "", soonest), column(cuts, across, bare, "", exchangers())
	whole := column(cuts, across, deployed, "", names(deployable()))
	reached, nearest := balanceAndHealing(data.named("balance-and-healing"))
	return []Finding{{
		Claim:    "As deployed even a healer forgets more slowly, for a node waits two periods before it gives a peer up",
		Section:  notInPapers,
		Measured: "periods until 1 % of the dead links is left: " + insteadOf(soonest, "%.0f", byService, byRules) + " by the bare rules",
		Holds:    pairs(byService, byRules, func(a, b float64) bool { return a > 1.3*b }),
	}, {
		Claim:    "By the bare rules those who heal never grow together after a cut: neither half remembers the other",
		Section:  notInPapers,
		Measured: "share of descriptors across, in the end: " + list(exchangers(), "%.2f", apart),
		Holds:    all(healers, func(x float64) bool { return x < 0.01 }),
	}, {
		Claim:    "As deployed every policy grows together",
		Section:  notInPapers,
		Measured: "share of descriptors across, in the end: " + list(names(deployable()), "%.2f", whole),
		Holds:    all(whole, func(x float64) bool { return x > 0.25 }),
	}, {
		Claim:    "There is a configuration with Cyclon's balance (a deviation below 2) that heals in fewer than 10 periods, with exchanges that overlap, loss and churn",
		Section:  notInPapers,
		Measured: nearest,
		Holds:    reached,
	}}
}

// balanceAndHealing tells whether any policy, message by message, has both, and
// what comes nearest to either.
func balanceAndHealing(t *Table) (reached bool, nearest string) {
	type point struct {
		name      string
		std, heal float64
	}
	var even, soon point
	std, heal := t.numbers("indegree_std"), t.numbers("periods_until_1_percent")
	for i, row := range t.Rows {
		x := point{fmt.Sprintf("%v, %v", row[t.column("protocol")], row[t.column("model")]), std[i], heal[i]}
		if row[t.column("model")] == inCycles {
			continue
		}
		reached = reached || x.std < 2 && x.heal < 10
		if even.name == "" || x.std < even.std {
			even = x
		}
		if soon.name == "" || x.heal < soon.heal || x.heal == soon.heal && x.std < soon.std {
			soon = x
		}
	}
	tell := func(x point) string {
		return fmt.Sprintf("%s (deviation %.2f, %.0f periods)", x.name, x.std, x.heal)
	}
	return reached, "most even: " + tell(even) + "; soonest: " + tell(soon)
}

func drawConcurrency(_ Params, data Tables) []Figure {
	curves := func(t *Table, x, y, model string) (list []Series) {
		for _, p := range deployable() {
			if rows := t.where("protocol", p.name, "model", model); len(rows.Rows) > 0 {
				list = append(list, Series{p.name, p.style, rows.numbers(x), rows.numbers(y)})
			}
		}
		return list
	}
	healing := Figure{Name: "crash", Caption: "Dead links per view after half of the nodes of a calm overlay has failed, on logarithmic axes: in cycles, message by message, and as deployed."}
	for _, model := range []string{inCycles, bare, deployed} {
		healing.Panels = append(healing.Panels, Panel{
			Title: model, X: Axis{Label: "periods after the failure", Log: true},
			Y:      Axis{Label: "dead links per view", Log: true, Min: 1e-3, Max: 1},
			Series: curves(data.named("dead-links"), "cycle_after", "dead_links_per_view", model),
		})
	}
	cut := Figure{Name: "cut", Caption: "The share of descriptors that cross the cut, from its start on. It is a half where nobody remembers that there were halves, and what remains at zero never grows together."}
	for _, model := range []string{bare, forgetful, deployed} {
		cut.Panels = append(cut.Panels, Panel{
			Title: model, X: Axis{Label: "periods since the start of the cut"},
			Y:      Axis{Label: "share of descriptors across", Max: 0.5},
			Series: curves(data.named("across"), "cycle", "across", model),
		})
	}
	states := data.named("summary")
	travel := Figure{Name: "latency", Caption: "What the time that messages travel does to the overlay by the bare rules: the deviation of in-degrees, and clustering. The marks at the left edge are of the model in cycles."}
	for _, y := range []struct {
		column string
		axis   Axis
	}{
		{"indegree_std", Axis{Label: "in-degree, standard deviation", Log: true}},
		{"clustering", Axis{Label: "clustering coefficient", Log: true}},
	} {
		panel := Panel{X: Axis{Label: "latency (median), periods", Log: true}, Y: y.axis}
		for _, p := range deployable() {
			rows := states.where("protocol", p.name, "model", inCycles, "condition", calm.name)
			xs, ys := []float64{inCyclesAt}, []float64{rows.last(y.column)}
			for _, c := range travelling {
				if rows := states.where("protocol", p.name, "model", bare, "condition", c.name); len(rows.Rows) > 0 {
					xs, ys = append(xs, c.latency), append(ys, rows.last(y.column))
				}
			}
			panel.Series = append(panel.Series, Series{p.name, p.style, xs, ys})
		}
		travel.Panels = append(travel.Panels, panel)
	}
	return []Figure{travel, healing, cut}
}

// inCyclesAt is where on the axis of latencies the model without any is drawn.
const inCyclesAt = 0.001
