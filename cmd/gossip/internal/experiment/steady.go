package experiment

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	machine "github.com/Ishan27gOrg/gossipProtocol/protocol"
)

var steady = &Experiment{
	Name:     "steady",
	Title:    "A tree in a stable network",
	Source:   inPlumtree + "; " + inHyParView,
	Question: "What does a broadcast cost once the tree has grown, and how far is the last node?",
	PaperFound: `The first message floods and leaves a tree behind: payload copies per node minus one are about 2, 0.9 and 0.05 in
the first three cycles, and then none, where flooding goes on with 3. The last delivery is 8 to 10 hops away with one sender, and
about 17 with every node sending in turn and the tree optimised, 50 to 78 without. All nodes get all messages.`,
	Setting: `Whole nodes in the event-driven simulator, links of 10 to 15 ms, five to a node. After a fifth as many seconds
as there are cycles, during which all join through the first node, one message goes out each second, as many as that again. Loss is of
datagrams: links are streams, which do not lose. "Every node in turn" has each message sent by another node.`,

	run:   runSteady,
	total: func(p Params) int { return len(steadySettings) * (warmUp(p) + steadyMessages(p) + steadyAfter) },
	judge: judgeSteady,
	draw:  drawSteady,
}

type steadySetting struct {
	name            string
	flood, everyone bool
	loss            float64
	spread          time.Duration
	style           Style
}

const (
	oneSender  = "tree, one sender"
	withLoss   = "tree, one sender, 10 % loss"
	wideArea   = "tree, one sender, links of 10 to 100 ms"
	allSenders = "tree, every node in turn"
	flooding   = "flooding, one sender"
)

var steadySettings = []steadySetting{
	{name: oneSender, style: Style{Colour: Blue, Marker: Circle}},
	{name: withLoss, loss: 0.1, style: Style{Colour: Sky, Marker: Diamond, Open: true, Line: Dashed}},
	{name: wideArea, spread: 90 * time.Millisecond, style: Style{Colour: Green, Marker: Triangle}},
	{name: allSenders, everyone: true, style: Style{Colour: Vermillion, Marker: Square}},
	{name: flooding, flood: true, style: Style{Colour: Grey, Line: Dotted}},
}

// steadyMessages is how many are sent, steadyAfter how many seconds the last one
// is given.
func steadyMessages(p Params) int { return max(10, p.Cycles/5) }

const steadyAfter = 5

// treeAfter is after how many messages the tree is taken to have grown: the paper's
// redundancy is next to nothing from the third cycle on.
const treeAfter = 3

func runSteady(l *lab) (Tables, error) {
	t := &Table{
		Name: "messages", Title: "Message by message",
		Columns: []string{"setting", "message", "redundancy", "last_hop", "reliability", "last_ms"},
	}
	summary := &Table{
		Name: "summary", Title: "Redundancy (payload copies per node minus one) of the first messages and of those after the third, hops to the last node after the third, announcements per delivery, and latencies", Summary: true,
		Columns: []string{
			"setting", "1", "2", "3", "after", "after_most", "last_hop", "last_hop_most", "reliability_least",
			"announced", "p50_ms", "p99_ms", "max_ms", "violations",
		},
	}
	rows, err := collect(l, len(steadySettings), func(i int) (Tables, error) { return runSteadyOnce(l, steadySettings[i], *summary, *t) })
	if err != nil {
		return nil, err
	}
	for _, some := range rows {
		summary.Rows, t.Rows = append(summary.Rows, some[0].Rows...), append(t.Rows, some[1].Rows...)
	}
	return Tables{summary, t}, nil
}

func runSteadyOnce(l *lab, s steadySetting, summary, t Table) (Tables, error) {
	faults := usualFaults()
	faults.Loss, faults.Spread = s.loss, s.spread
	w, err := newWorld(l, l.Nodes, faults, func(c *machine.Config) { c.Relay.Flood = s.flood })
	if err != nil {
		return nil, err
	}
	announced := func(c machine.Counters) uint64 { return c.Announced }
	before := w.counted(announced)
	var messages []*sent
	for i := range steadyMessages(l.Params) {
		from := w.Nodes()[0]
		if s.everyone {
			from = w.Nodes()[i%len(w.Nodes())]
		}
		m, _, err := w.say(from)
		if err != nil {
			return nil, err
		}
		messages = append(messages, m)
		if err := w.seconds(1); err != nil {
			return nil, err
		}
	}
	if err := w.seconds(steadyAfter); err != nil {
		return nil, err
	}
	var redundancy, hops, reached []float64
	var delays []time.Duration
	for i, m := range messages {
		t.add(s.name, i+1, m.redundancy(), m.hops, m.reached(l.Nodes-1), milliseconds(m.last()))
		redundancy, hops = append(redundancy, m.redundancy()), append(hops, float64(m.hops))
		reached, delays = append(reached, m.reached(l.Nodes-1)), append(delays, m.delays...)
	}
	summary.add(s.name, redundancy[0], redundancy[1], redundancy[2], mean(redundancy[treeAfter:]), slices.Max(redundancy[treeAfter:]),
		mean(hops[treeAfter:]), slices.Max(hops[treeAfter:]), slices.Min(reached), float64(w.counted(announced)-before)/float64(max(w.deliveries, 1)),
		milliseconds(quantile(delays, 0.5)), milliseconds(quantile(delays, 0.99)), milliseconds(quantile(delays, 1)), w.broken())
	return Tables{&summary, &t}, nil
}

// hopBound is twice the depth of a full tree in which each node passes a message
// on to the others of its links.
func hopBound(nodes, links int) float64 {
	return 2 * math.Log2(float64(nodes)) / math.Log2(float64(links-1))
}

func judgeSteady(p Params, data Tables) []Finding {
	t := data.named("summary")
	at := func(column string, settings ...string) (xs []float64) {
		for _, s := range settings {
			xs = append(xs, t.where("setting", s).last(column))
		}
		return xs
	}
	everything := []string{oneSender, withLoss, wideArea, allSenders, flooding}
	quiet := []string{oneSender, wideArea}
	straight := []string{oneSender, flooding}
	bound := hopBound(p.Nodes, defaultLinks)
	isShort := func(x float64) bool { return x >= 2 && x <= bound }
	return []Finding{{
		Claim:   "One sender's tree has grown after three messages, and from then on a message comes 0.05 times too often at most",
		Section: inPlumtree,
		Measured: fmt.Sprintf("redundancy of the first three messages %s, of any after that at most: %s",
			series([]float64{at("1", oneSender)[0], at("2", oneSender)[0], at("3", oneSender)[0]}, "%.2f"), list(quiet, "%.3f", at("after_most", quiet...))),
		Holds: all(at("after_most", quiet...), func(x float64) bool { return x <= 0.05 }) && all(at("1", quiet...), func(x float64) bool { return x > 1 }),
	}, {
		Claim:    "On average it does so, too, where one datagram in ten is lost, and where every node sends in turn",
		Section:  inPlumtree,
		Measured: "redundancy after the third message: " + list([]string{withLoss, allSenders}, "%.3f", at("after", withLoss, allSenders)) + "; at most: " + series(at("after_most", withLoss, allSenders), "%.3f"),
		Holds:    all(at("after", withLoss, allSenders), func(x float64) bool { return x <= 0.05 }) && all(at("1", withLoss, allSenders), func(x float64) bool { return x > 1 }),
	}, {
		Claim:    "Flooding goes on to bring each message about three times too often",
		Section:  inPlumtree,
		Measured: fmt.Sprintf("redundancy after the third message: %.2f", at("after", flooding)[0]),
		Holds:    math.Abs(at("after", flooding)[0]-3) < 0.5,
	}, {
		Claim:    "The last node is at most 2 log2(N) / log2(links - 1) hops from one sender",
		Section:  inPlumtree + "; " + inHyParView,
		Measured: fmt.Sprintf("at most %s hops, where %.1f are allowed", list(straight, "%.0f", at("last_hop_most", straight...)), bound),
		Holds:    all(at("last_hop_most", straight...), isShort),
	}, {
		Claim:    "So it is where one datagram in ten is lost",
		Section:  "not in the papers",
		Measured: fmt.Sprintf("%.1f hops on average and %.0f at most, where %.1f are allowed", at("last_hop", withLoss)[0], at("last_hop_most", withLoss)[0], bound),
		Holds:    all(at("last_hop_most", withLoss), isShort),
	}, {
		Claim:    "When every node sends in turn the last node is farther away than from one sender, but not farther than the 78 hops of the paper",
		Section:  inPlumtree,
		Measured: fmt.Sprintf("%.1f hops on average and %.0f at most, one sender %.1f", at("last_hop", allSenders)[0], at("last_hop_most", allSenders)[0], at("last_hop", oneSender)[0]),
		Holds:    at("last_hop", allSenders)[0] > at("last_hop", oneSender)[0] && at("last_hop_most", allSenders)[0] <= 78,
	}, {
		Claim:    "Every node gets every message, and no promise is broken",
		Section:  inPlumtree + "; " + inHyParView,
		Measured: fmt.Sprintf("reliability of the worst message: %s; violations: %.0f", list(everything, "%.6g", at("reliability_least", everything...)), sum(at("violations", everything...))),
		Holds:    all(at("reliability_least", everything...), func(x float64) bool { return x == 1 }) && sum(at("violations", everything...)) == 0,
	}}
}

// defaultLinks is how many links a node keeps.
var defaultLinks = broadcast.DefaultLinksConfig().Max

func drawSteady(_ Params, data Tables) []Figure {
	t := data.named("messages")
	panel := func(column string, y Axis) Panel {
		p := Panel{X: Axis{Label: "message", Log: true}, Y: y}
		for _, s := range steadySettings {
			rows := t.where("setting", s.name)
			p.Series = append(p.Series, Series{s.name, s.style, rows.numbers("message"), rows.numbers(column)})
		}
		return p
	}
	return []Figure{{
		Name:    "messages",
		Caption: "Redundancy (payload copies per node minus one), hops to the last node, and time to it, from the very first message on.",
		Panels: []Panel{
			panel("redundancy", Axis{Label: "payload copies per node minus one"}),
			panel("last_hop", Axis{Label: "hops to the last node"}),
			panel("last_ms", Axis{Label: "ms to the last node"}),
		},
	}}
}
