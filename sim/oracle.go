package sim

import (
	"fmt"
	"slices"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/causal"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/protocol"
)

// Oracle knows what truly happened and holds every delivery against it.
type Oracle struct {
	w *World
	// Violations are the broken promises, in the order in which they broke.
	Violations []string
	// MaxViolations bounds them, but not Broken, which counts them by promise: P1
	// at 0.
	MaxViolations int
	Broken        [5]int
	// Order is the guarantee that the world's nodes are configured to give.
	Order causal.Order

	truth   map[peer.Dot]truth // of every message sent
	order   []peer.Dot         // in which they were sent
	born    map[peer.Dot]time.Duration
	history map[*Node]*knowledge // of every node
	linked  []peer.Handle
}

// truth is what a message's clock has to say: how many messages of each origin
// happened before it, itself included. Indexed by handle.
type truth []uint64

// knowledge is what a node has delivered.
type knowledge struct {
	delivered map[peer.Dot]bool
	past      truth
}

func newOracle(w *World) *Oracle {
	return &Oracle{
		w: w, MaxViolations: 20,
		truth: make(map[peer.Dot]truth), born: make(map[peer.Dot]time.Duration), history: make(map[*Node]*knowledge),
	}
}

func (o *Oracle) violated(promise int, format string, args ...any) {
	o.Broken[promise-1]++
	if len(o.Violations) < o.MaxViolations {
		o.Violations = append(o.Violations, fmt.Sprintf("%v: P%d: ", o.w.now, promise)+fmt.Sprintf(format, args...))
	}
}

func (o *Oracle) started(n *Node) {
	o.history[n] = &knowledge{delivered: make(map[peer.Dot]bool)}
}

// broadcasting notes the true past of the message that a node is about to send,
// before its machine knows of it.
func (o *Oracle) broadcasting(n *Node) {
	k := o.history[n]
	past := k.past.with(n.Handle, k.past.get(n.Handle)+1)
	dot := peer.Dot{Origin: n.Handle, Seq: past.get(n.Handle)}
	if o.truth[dot] == nil {
		o.order = append(o.order, dot)
	}
	o.truth[dot], o.born[dot] = past, o.w.now
}

// delivered checks P1 to P3.
func (o *Oracle) delivered(n *Node, m *broadcast.Message) {
	k := o.history[n]
	past, sent := o.truth[m.Dot]
	switch {
	case !sent:
		o.violated(2, "%v delivered %v, which nobody sent", n.ID, m.Dot)
		return
	case k.delivered[m.Dot]:
		o.violated(1, "%v delivered %v twice", n.ID, m.Dot)
		return
	}
	k.delivered[m.Dot] = true
	if n.history == protocol.None && m.Dot.Origin == n.Handle {
		past = o.withWithheld(m, past)
	}
	switch o.Order {
	case causal.Causal:
		o.checkCausality(n, k, m, past)
		o.checkClock(n, m, past)
		k.past = k.past.merge(past)
	case causal.FIFO:
		o.checkCausality(n, k, m, truth(nil).with(m.Dot.Origin, m.Dot.Seq))
		k.past = k.past.merge(truth(nil).with(m.Dot.Origin, m.Dot.Seq))
	case causal.Unordered:
		k.past = k.past.merge(truth(nil).with(m.Dot.Origin, m.Dot.Seq))
	}
}

// withWithheld adds to the past of a message what its origin was told of and did
// not deliver because it wants no history: what comes from it follows that too.
// Only its machine knows which that is, so that P3 is weaker there: the clock counts
// all that the origin delivered, and all nodes are given the same one.
func (o *Oracle) withWithheld(m *broadcast.Message, past truth) truth {
	for origin, count := range m.Clock.All() {
		if h := peer.Handle(origin.Incarnation); h != m.Dot.Origin && count > past.get(h) {
			past = past.with(h, count)
		}
	}
	o.truth[m.Dot] = past
	return past
}

// checkCausality holds a delivery against everything that happened before it.
// Nodes that have reported gaps, or were withheld history, are held to the
// weaker promise: nothing that happened before comes after.
func (o *Oracle) checkCausality(n *Node, k *knowledge, m *broadcast.Message, past truth) {
	for h, count := range past {
		origin := peer.Handle(h)
		if origin == m.Dot.Origin {
			count--
		}
		if count > k.past.get(origin) && !excused(n) {
			o.violated(2, "%v delivered %v before %v", n.ID, m.Dot, peer.Dot{Origin: origin, Seq: count})
		}
	}
	if k.past.get(m.Dot.Origin) >= m.Dot.Seq {
		o.violated(2, "%v delivered %v after something that it happened before", n.ID, m.Dot)
	}
}

// excused reports whether a node has been told that it lacks something.
func excused(n *Node) bool {
	c := n.Machine.Counters()
	return c.GapMessages > 0 || c.Withheld > 0
}

func (o *Oracle) checkClock(n *Node, m *broadcast.Message, past truth) {
	entries := 0
	for h, count := range past {
		if count == 0 {
			continue
		}
		entries++
		if got := m.Clock.At(o.w.node(peer.Handle(h)).ID); got != count {
			o.violated(3, "%v delivered %v with clock %v; the truth of %v is %d", n.ID, m.Dot, m.Clock, h, count)
			return
		}
	}
	if m.Clock.Len() != entries {
		o.violated(3, "%v delivered %v with clock %v, which has entries beyond its past", n.ID, m.Dot, m.Clock)
	}
}

// stepped checks P5.
func (o *Oracle) stepped(n *Node) {
	o.linked = n.Machine.AppendLinked(o.linked[:0])
	slices.Sort(o.linked)
	for i, h := range o.linked {
		if h == n.Handle {
			o.violated(5, "%v has a link to itself", n.ID)
		}
		if i > 0 && o.linked[i-1] == h {
			o.violated(5, "%v has two links to %v", n.ID, o.w.node(h).ID)
		}
	}
	if len(o.linked) > n.maxLinks {
		o.violated(5, "%v has %d links, more than the %d configured", n.ID, len(o.linked), n.maxLinks)
	}
}

// Missing counts, over the nodes given, the deliveries that P4 still owes:
// what any of them has delivered or sent and another has not.
func (o *Oracle) Missing(nodes []*Node) int {
	missing := 0
	for _, dot := range o.order {
		have, owed := 0, 0
		for _, n := range nodes {
			switch {
			case o.history[n].delivered[dot]:
				have++
			case o.owes(n, dot):
				owed++
			}
		}
		if have > 0 {
			missing += owed
		}
	}
	return missing
}

// owes reports whether a node is to deliver a message that others have: one that
// wants no history, only what was sent after it started.
func (o *Oracle) owes(n *Node, dot peer.Dot) bool {
	return n.history == protocol.Retained || o.born[dot] > n.Machine.Started()
}

// Agree checks P4 among nodes that stayed up.
func (o *Oracle) Agree(nodes []*Node) {
	for _, dot := range o.order {
		var with, without *Node
		for _, n := range nodes {
			switch {
			case o.history[n].delivered[dot]:
				with = n
			case o.owes(n, dot):
				without = n
			}
		}
		if with != nil && without != nil {
			o.violated(4, "%v has %v, %v has not", with.ID, dot, without.ID)
		}
		if with == nil && slices.ContainsFunc(nodes, func(n *Node) bool { return n.Handle == dot.Origin }) {
			o.violated(4, "nobody has %v, not even its origin", dot)
		}
	}
}

// Delivered counts a node's deliveries.
func (o *Oracle) Delivered(n *Node) int { return len(o.history[n].delivered) }

// Sent counts the messages sent by anybody.
func (o *Oracle) Sent() int { return len(o.order) }

func (t truth) get(h peer.Handle) uint64 {
	if int(h) < len(t) {
		return t[h]
	}
	return 0
}

func (t truth) with(h peer.Handle, n uint64) truth {
	u := make(truth, max(len(t), int(h)+1))
	copy(u, t)
	u[h] = n
	return u
}

func (t truth) merge(u truth) truth {
	if len(u) > len(t) {
		t = append(slices.Clone(t), make(truth, len(u)-len(t))...)
	} else {
		t = slices.Clone(t)
	}
	for i, n := range u {
		t[i] = max(t[i], n)
	}
	return t
}
