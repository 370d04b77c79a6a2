package experiment

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/internal/wire"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	machine "github.com/Ishan27gOrg/gossipProtocol/protocol"
	"github.com/Ishan27gOrg/gossipProtocol/sim"
)

var metadata = &Experiment{
	Name:     "metadata",
	Title:    "What order costs on the wire",
	Source:   "Prakash, Raynal and Singhal, An Adaptive Causal Ordering Algorithm, JPDC 41(2), 1997; measured by others with 1,000 nodes",
	Question: "How many bytes does a message carry for causal order, how often does a delivery wait for it, and what would a vector clock take?",
	PaperFound: `A message need name its direct dependencies only, so that what it carries grows with how many messages are on their way at the
same time and not with the number of nodes. Others measured, with 1,000 nodes all sending, links of 10 to 100 ms and five to a node, at 1, 10, 100 and 1,000
messages a second in all: 1.2, 2.8, 13.7 and 52 dependencies on average, 3, 7, 23 and 97 at the 99th percentile; .01, .09, 1 and 5.7 % of the deliveries were held
back, for 20 to 32 ms on average.`,
	Setting: `A tenth of the nodes, though fifty at least, links of 10 to 100 ms, always the same between two nodes, five to a node. Messages are sent by
random nodes at random moments, at a rate; those of the first second, fifty at least, are not counted, but of the next all are, twice as many as there are cycles. Over
the tree, which all origins share, and by flooding, which others seem to have measured. Bytes are what package wire writes: names of 2 to 4 bytes, incarnations of 8. A full vector clock
is one that has an entry for each node, written in the same way.`,

	scale: tenth,
	run:   runMetadata,
	total: func(p Params) int {
		sum := 0
		for _, r := range relayings() {
			sum += warmUp(p) + uncounted(p, r.rate) + counted(p)
		}
		return sum
	},
	judge: judgeMetadata,
	draw:  drawMetadata,
}

// rates are messages a second, of all nodes together.
var rates = []int{1, 10, 100, 1000}

// counted is how many messages are measured, uncounted how many of the same rate are
// sent before.
func counted(p Params) int { return max(50, 2*p.Cycles) }

func uncounted(p Params, rate int) int { return min(max(50, rate), 2*counted(p)) }

// relaying is a way to relay messages, and their rate.
type relaying struct {
	how  string
	rate int
}

const (
	overTree   = "tree"
	byFlooding = "flooding"
)

func relayings() (list []relaying) {
	for _, how := range []string{overTree, byFlooding} {
		for _, rate := range rates {
			list = append(list, relaying{how, rate})
		}
	}
	return list
}

func runMetadata(l *lab) (Tables, error) {
	t := &Table{
		Name: "messages", Title: "Dependencies of a message, their bytes and those of its vector clock; deliveries that had to wait, and for how long", Summary: true,
		Columns: []string{
			"relayed", "rate", "messages", "deliveries", "dots_mean", "dots_p99", "bytes_mean", "bytes_p50", "bytes_p99",
			"full_vector_bytes", "held_share", "wait_mean_ms", "violations",
		},
	}
	rows, err := collect(l, len(relayings()), func(i int) (*Table, error) { return sendAtRate(l, relayings()[i], *t) })
	if err != nil {
		return nil, err
	}
	for _, some := range rows {
		t.Rows = append(t.Rows, some.Rows...)
	}
	return Tables{t}, nil
}

func sendAtRate(l *lab, r relaying, t Table) (*Table, error) {
	nodes := tenth(l.Nodes)
	w, err := newWorld(l, nodes, sim.Faults{Latency: 10 * time.Millisecond, Spread: 90 * time.Millisecond}, func(c *machine.Config) {
		c.Relay.Flood = r.how == byFlooding
	})
	if err != nil {
		return nil, err
	}
	random := func() (*broadcast.Message, error) {
		_, m, err := w.say(w.Nodes()[w.Rand().IntN(nodes)])
		if err != nil {
			return nil, err
		}
		return m, w.run(time.Duration(w.Rand().ExpFloat64() * float64(time.Second) / float64(r.rate)))
	}
	for range uncounted(l.Params, r.rate) {
		if _, err := random(); err != nil {
			return nil, err
		}
	}
	waits := w.watchWaits()
	book := wireNames{w.World}
	var dots, bytes, vector []int
	for range counted(l.Params) {
		m, err := random()
		if err != nil {
			return nil, err
		}
		dots, bytes = append(dots, len(m.Deps)), append(bytes, orderBytes(m.Deps, book))
		vector = append(vector, orderBytes(fullClock(w.World, m), book))
	}
	w.Run(10 * time.Second)
	t.add(r.how, r.rate, counted(l.Params), waits.deliveries, meanOf(dots), quantile(dots, 0.99), meanOf(bytes), quantile(bytes, 0.5), quantile(bytes, 0.99),
		meanOf(vector), float64(waits.held)/float64(max(waits.deliveries, 1)),
		milliseconds(waits.sum)/float64(max(waits.held, 1)), w.broken())
	return &t, nil
}

// orderBytes is how much longer a message is on the wire for naming these messages:
// their number, and each of them.
func orderBytes(dots []peer.Dot, book wire.Book) int {
	const none = 1 // the number 0
	return len(wire.EncodeMessage(&broadcast.Message{Deps: dots}, book)) - len(wire.EncodeMessage(&broadcast.Message{}, book)) + none
}

// fullClock is a message's vector clock with an entry for every node.
func fullClock(w *sim.World, m *broadcast.Message) (dots []peer.Dot) {
	for _, n := range w.Nodes() {
		dots = append(dots, peer.Dot{Origin: n.Handle, Seq: m.Clock.At(n.ID)})
	}
	return dots
}

// wireNames are the names of a world's nodes, for package wire. The origin of no message
// has none.
type wireNames struct{ w *sim.World }

func (b wireNames) Lookup(h peer.Handle) (peer.ID, netip.AddrPort) {
	if h == peer.None {
		return peer.ID{}, netip.AddrPort{}
	}
	return b.w.Nodes()[h-1].ID, netip.AddrPort{}
}

func (b wireNames) Intern([]byte, uint64, netip.AddrPort) peer.Handle {
	panic("experiment: nothing is decoded here")
}

// waits are the times between arrival and delivery.
type waits struct {
	deliveries, held int
	sum              time.Duration
}

// watchWaits looks at all deliveries from now on, but those of a node's own.
func (w *world) watchWaits() *waits {
	found := &waits{}
	came := make(map[*broadcast.Message]time.Duration)
	w.OnArrive(func(m *broadcast.Message) { came[m] = w.Now() })
	w.OnDeliver = func(n *sim.Node, m *broadcast.Message) {
		at, ok := came[m]
		if !ok {
			return // its own, or came before the watch began
		}
		delete(came, m)
		found.deliveries++
		if wait := w.Now() - at; wait > 0 {
			found.held++
			found.sum += wait
		}
	}
	return found
}

func meanOf(xs []int) float64 {
	sum := 0
	for _, x := range xs {
		sum += x
	}
	return float64(sum) / float64(len(xs))
}

func judgeMetadata(p Params, data Tables) []Finding {
	t := data.named("messages")
	at := func(how, column string) (xs []float64) {
		for _, rate := range rates {
			xs = append(xs, t.where("relayed", how, "rate", rate).last(column))
		}
		return xs
	}
	share := func(how string) (xs []float64) {
		for i, b := range at(how, "bytes_p99") {
			xs = append(xs, b/at(how, "full_vector_bytes")[i])
		}
		return xs
	}
	dots := at(byFlooding, "dots_mean")
	told := func(column, format string) string {
		return fmt.Sprintf("flooding %s, tree %s", series(at(byFlooding, column), format), series(at(overTree, column), format))
	}
	waiting := func(how string) string {
		return fmt.Sprintf("%s of the deliveries, for %s ms on average", series(at(how, "held_share"), "%.4f"), series(at(how, "wait_mean_ms"), "%.0f"))
	}
	few := func(x float64) bool { return x <= 0.06 }
	return []Finding{{
		Claim:    "What a message carries grows with the number of messages on their way at the same time, and far more slowly than that",
		Section:  "Prakash, Raynal and Singhal 1997",
		Measured: fmt.Sprintf("at 1, 10, 100, 1000 messages a second, dependencies on average: %s; at the 99th percentile: %s", told("dots_mean", "%.1f"), told("dots_p99", "%.0f")),
		Holds:    dots[0] < dots[1] && dots[1] < dots[2] && dots[2] < dots[3] && dots[3] < 100*dots[0],
	}, {
		Claim:   "It is a small part of a full vector clock",
		Section: "Prakash, Raynal and Singhal 1997",
		Measured: fmt.Sprintf("bytes at the median: %s; at the 99th percentile: %s; a full vector clock: %s",
			told("bytes_p50", "%.0f"), told("bytes_p99", "%.0f"), series(at(byFlooding, "full_vector_bytes"), "%.0f")),
		Holds: all(append(share(byFlooding)[:3], share(overTree)[:3]...), func(x float64) bool { return x > 0 && x < 0.4 }) && share(byFlooding)[3] < 0.8,
	}, {
		Claim:    "By flooding, deliveries that have to wait for what happened before them are few",
		Section:  "measured by others",
		Measured: waiting(byFlooding),
		Holds:    all(at(byFlooding, "held_share"), few) && all(at(byFlooding, "messages"), func(x float64) bool { return x >= 50 }),
	}, {
		Claim:    "So they are over the tree",
		Section:  "measured by others",
		Measured: waiting(overTree),
		Holds:    all(at(overTree, "held_share"), few),
	}, {
		Claim:    "Order and clocks are exact",
		Section:  "Prakash, Raynal and Singhal 1997",
		Measured: fmt.Sprintf("%.0f violations in %.0f deliveries", sum(t.numbers("violations")), sum(t.numbers("deliveries"))),
		Holds:    sum(t.numbers("violations")) == 0 && sum(t.numbers("deliveries")) > float64(len(relayings())*p.Cycles),
	}}
}

func drawMetadata(_ Params, data Tables) []Figure {
	t := data.named("messages")
	curve := func(how, name, column string, s Style) Series {
		rows := t.where("relayed", how)
		return Series{how + name, s, rows.numbers("rate"), rows.numbers(column)}
	}
	x := Axis{Label: "messages a second, of all nodes", Log: true}
	return []Figure{{
		Name:    "bytes",
		Caption: "Bytes of ordering information that a message carries, by how many are sent, against a full vector clock's; and the share of deliveries that had to wait.",
		Panels: []Panel{
			{X: x, Y: Axis{Label: "bytes", Log: true}, Series: []Series{
				curve(overTree, ", median", "bytes_p50", Style{Colour: Blue, Marker: Circle}),
				curve(overTree, ", 99th percentile", "bytes_p99", Style{Colour: Sky, Marker: Circle, Open: true, Line: Dashed}),
				curve(byFlooding, ", median", "bytes_p50", Style{Colour: Vermillion, Marker: Triangle}),
				curve(byFlooding, ", 99th percentile", "bytes_p99", Style{Colour: Orange, Marker: Triangle, Open: true, Line: Dashed}),
				curve(byFlooding, ", full vector clock", "full_vector_bytes", Style{Colour: Grey, Marker: Square, Line: Dotted}),
			}},
			{X: x, Y: Axis{Label: "share of deliveries held back"}, Series: []Series{
				curve(overTree, ", held back", "held_share", Style{Colour: Blue, Marker: Diamond}),
				curve(byFlooding, ", held back", "held_share", Style{Colour: Vermillion, Marker: Plus}),
			}},
		},
	}}
}
