package sim

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/causal"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/protocol"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// Oracle knows what truly happened and holds every delivery against it.
type Oracle struct {
	w *World
	// Violations are the broken promises, in the order in which they broke.
	Violations []string
	// MaxViolations bounds them, but not Broken, which counts them by promise: P1
	// at 0.
	MaxViolations int
	Broken        [Promises]int
	// Order is the guarantee that the world's nodes are configured to give.
	Order causal.Order

	sent     []sending // every message, in the order in which they were sent
	index    map[peer.Dot]int
	log      broadcast.LogConfig // the tightest bounds of any node
	logBytes int                 // what all messages are charged together
	largest  int                 // what the largest is charged
	epoch    uint32              // of the first message
	linked   []peer.Handle
}

// sending is what is known of a message from the moment that it is sent.
type sending struct {
	dot  peer.Dot
	past truth
	born time.Duration // on the world's clock; Message.Born is what nodes make of it
	// resumes is set if it came after so long that its origin said so.
	resumes bool
	// As its origin delivered it, under causal order:
	clock vclock.Clock
}

// truth is what a message's clock has to say: how many messages of each origin
// happened before it, itself included. Indexed by handle.
type truth []uint64

// knowledge is what a node has delivered, and what it has reported as gone.
type knowledge struct {
	delivered, gone set
	count           int // of the delivered
	past            truth
}

func newOracle(w *World) *Oracle {
	return &Oracle{
		w: w, MaxViolations: 20, index: make(map[peer.Dot]int),
		log: broadcast.LogConfig{Bytes: 1 << 62, Age: broadcast.Never},
	}
}

func (o *Oracle) violated(promise int, format string, args ...any) {
	o.Broken[promise-1]++
	if len(o.Violations) < o.MaxViolations {
		o.Violations = append(o.Violations, fmt.Sprintf("%v: P%d: ", o.w.now, promise)+fmt.Sprintf(format, args...))
	}
}

func (o *Oracle) started(n *Node) {
	o.log.Bytes = min(o.log.Bytes, n.cfg.Log.Bytes)
	o.log.Age = min(o.log.Age, n.cfg.Log.Age)
}

// broadcasting notes the true past of the message that a node is about to send,
// before its machine knows of it.
func (o *Oracle) broadcasting(n *Node) {
	past := n.known.past.with(n.Handle, n.known.past.get(n.Handle)+1)
	dot := peer.Dot{Origin: n.Handle, Seq: past.get(n.Handle)}
	if _, used := o.index[dot]; used {
		o.violated(1, "%v sends a second message as %v", n.ID, dot)
	}
	o.index[dot] = len(o.sent)
	o.sent = append(o.sent, sending{dot: dot, past: past, born: o.w.now})
}

// broadcasted notes that the message was made, or was not.
func (o *Oracle) broadcasted(m *broadcast.Message) {
	if m == nil {
		last := len(o.sent) - 1
		delete(o.index, o.sent[last].dot)
		o.sent = o.sent[:last]
		return
	}
	o.sent[len(o.sent)-1].resumes = m.Resumes
	o.logBytes += m.Size()
	o.largest = max(o.largest, m.Size())
}

// delivered checks P1 to P3, and P6.
func (o *Oracle) delivered(n *Node, m *broadcast.Message) {
	k := &n.known
	i, sent := o.index[m.Dot]
	switch {
	case !sent:
		o.violated(2, "%v delivered %v, which nobody sent", n.ID, m.Dot)
		return
	case k.delivered.has(i):
		o.violated(1, "%v delivered %v twice", n.ID, m.Dot)
		return
	case k.gone.has(i):
		o.violated(6, "%v delivered %v after it had reported it as gone", n.ID, m.Dot)
	}
	k.delivered.add(i)
	k.count++
	past := o.sent[i].past
	if n.cfg.History == protocol.None && m.Dot.Origin == n.Handle {
		past = o.withWithheld(m, past)
		o.sent[i].past = past
	}
	switch o.Order {
	case causal.Causal:
		if m.Dot.Origin == n.Handle {
			o.sent[i].clock = m.Clock
		}
		o.checkCausality(n, k, m, past)
		o.checkClock(n, m, past)
		k.past = k.past.merged(past)
	case causal.FIFO:
		o.checkCausality(n, k, m, truth(nil).with(m.Dot.Origin, m.Dot.Seq))
		k.past = k.past.counting(m.Dot)
	case causal.Unordered:
		k.past = k.past.counting(m.Dot)
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
	return past
}

// checkCausality holds a delivery against everything that happened before it: each
// such message was delivered here, or is not owed, or a log may have lost it. The
// latter is for P6, and not to come later.
func (o *Oracle) checkCausality(n *Node, k *knowledge, m *broadcast.Message, past truth) {
	for h, count := range past {
		origin := peer.Handle(h)
		if origin == m.Dot.Origin {
			count--
		}
		for seq := k.past.get(origin) + 1; seq <= count; seq++ {
			before := peer.Dot{Origin: origin, Seq: seq}
			if i := o.index[before]; !k.gone.has(i) && !o.mayBeGone(i) && o.owes(n, i) {
				o.violated(2, "%v delivered %v before %v", n.ID, m.Dot, before)
				break
			}
		}
	}
	if k.past.get(m.Dot.Origin) >= m.Dot.Seq {
		o.violated(2, "%v delivered %v after something that it happened before", n.ID, m.Dot)
	}
}

// isBeyond reports whether the origin's message is beyond another one's horizon, so
// that the clock of that one does not count it.
func (o *Oracle) isBeyond(origin peer.Handle, seq uint64, of *broadcast.Message) bool {
	if of.Clock.Epoch() <= o.epoch+vclock.Horizon {
		return false // nothing is yet
	}
	i, sent := o.index[peer.Dot{Origin: origin, Seq: seq}]
	return sent && o.sent[i].clock.Epoch()+vclock.Horizon < of.Clock.Epoch()
}

func (o *Oracle) checkClock(n *Node, m *broadcast.Message, past truth) {
	if o.epoch == 0 {
		o.epoch = m.Clock.Epoch()
	}
	entries := 0
	for h, count := range past {
		if count == 0 || o.isBeyond(peer.Handle(h), count, m) {
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

// reported checks P6 of a gap that a node has just reported, and that P4 allows it.
func (o *Oracle) reported(n *Node, g causal.Gap) {
	for seq := g.From; seq <= g.To; seq++ {
		dot := peer.Dot{Origin: g.Origin, Seq: seq}
		i, sent := o.index[dot]
		switch {
		case !sent:
			o.violated(6, "%v reports %d to %d of %v as gone, and %v was never sent", n.ID, g.From, g.To, g.Origin, dot)
			return
		case n.known.delivered.has(i) && o.w.now-o.sent[i].born > n.cfg.Horizon*7/4:
			continue // it has forgotten that, having been cut off from the origin
		case n.known.delivered.has(i):
			o.violated(6, "%v reports %v as gone, which it has delivered", n.ID, dot)
		case n.known.gone.has(i):
			o.violated(6, "%v reports %v as gone once more", n.ID, dot)
		case !o.mayBeGone(i):
			o.violated(4, "%v reports %v as gone, which every log must have that has had it", n.ID, dot)
		}
		n.known.gone.add(i)
	}
}

// mayBeGone reports whether a log that had a message may have lost it by now.
func (o *Oracle) mayBeGone(i int) bool {
	age := o.w.now - o.sent[i].born
	return o.logBytes > o.log.Bytes || age+o.misjudged(age) >= o.log.Age
}

// misjudged is by how much nodes may be mistaken about a time that has passed. Where
// they compare it with what another has told them, it may be twice that.
func (o *Oracle) misjudged(d time.Duration) time.Duration {
	return time.Duration(float64(d) * o.w.Drift / (1 - o.w.Drift))
}

// Missing counts, over the nodes given, the deliveries, or reports of gaps, that P4
// and P6 still owe: what any of them has delivered or sent and another has not.
func (o *Oracle) Missing(nodes []*Node) int {
	missing := 0
	for w := range (len(o.sent) + 63) / 64 {
		var have uint64
		for _, n := range nodes {
			have |= n.known.delivered.word(w)
		}
		for _, n := range nodes {
			lacks := have &^ n.known.delivered.word(w) &^ n.known.gone.word(w)
			for ; lacks != 0; lacks &= lacks - 1 {
				if o.owes(n, 64*w+bits.TrailingZeros64(lacks)) {
					missing++
				}
			}
		}
	}
	return missing
}

// owes reports whether a node is to deliver a message that others have, or to
// report it: what is older than the node only if it wants history, and if it can
// still be had.
func (o *Oracle) owes(n *Node, i int) bool {
	return o.isNews(n, i) || n.cfg.History == protocol.Retained && !o.mayBeGone(i)
}

// isNews reports whether a node must take a message for one that was sent after it
// had started.
func (o *Oracle) isNews(n *Node, i int) bool {
	born := o.sent[i].born
	return born > n.started+2*o.misjudged(o.w.now-born)
}

// isUnheardOf reports whether the first that a node heard of an origin was a message
// that came after long, and after one that it lacks: it cannot tell then whether it has
// forgotten that, or never had it.
func (o *Oracle) isUnheardOf(n *Node, d peer.Dot) bool {
	for first := (peer.Dot{Origin: d.Origin, Seq: 1}); ; first.Seq++ {
		i, ok := o.index[first]
		if !ok {
			return false
		}
		if n.known.delivered.has(i) {
			return o.sent[i].resumes && first.Seq > d.Seq
		}
	}
}

// Agree checks P4 and P6 among nodes that stayed up.
func (o *Oracle) Agree(nodes []*Node) {
	for i, s := range o.sent {
		var with, without *Node
		for _, n := range nodes {
			switch {
			case n.known.delivered.has(i):
				with = n
			case o.owes(n, i) && !n.known.gone.has(i) && !o.isUnheardOf(n, s.dot):
				without = n
			}
		}
		switch {
		case with == nil:
			if slices.ContainsFunc(nodes, func(n *Node) bool { return n.Handle == s.dot.Origin }) {
				o.violated(4, "nobody has %v, not even its origin", s.dot)
			}
		case without == nil:
		case o.mayBeGone(i):
			o.violated(6, "%v has %v, %v has not and has not reported it", with.ID, s.dot, without.ID)
		default:
			o.violated(4, "%v has %v, %v has not", with.ID, s.dot, without.ID)
		}
	}
}

// Compared checks P10 of so many pairs of messages that the world draws, all of them
// if there are no more.
func (o *Oracle) Compared(most int) {
	n := len(o.sent)
	if o.Order != causal.Causal || n < 2 {
		return
	}
	if n*(n-1)/2 <= most {
		for i := range n {
			for j := range i {
				o.compare(&o.sent[i], &o.sent[j])
			}
		}
		return
	}
	rng := rand.New(rand.NewPCG(uint64(n), 10)) // the world's own is not touched
	for range most {
		o.compare(&o.sent[rng.IntN(n)], &o.sent[rng.IntN(n)])
	}
}

func (o *Oracle) compare(a, b *sending) {
	want := vclock.Concurrent
	switch {
	case a.dot == b.dot:
		want = vclock.Equal
	case b.past.get(a.dot.Origin) >= a.dot.Seq || a.clock.Epoch()+vclock.Horizon < b.clock.Epoch():
		want = vclock.Before
	case a.past.get(b.dot.Origin) >= b.dot.Seq || b.clock.Epoch()+vclock.Horizon < a.clock.Epoch():
		want = vclock.After
	}
	if got := a.clock.Compare(b.clock); got != want {
		o.violated(10, "the clocks of %v and %v, %v and %v, compare as %v; in truth it is %v", a.dot, b.dot, a.clock, b.clock, got, want)
	}
}

// Delivered counts a node's deliveries.
func (o *Oracle) Delivered(n *Node) int { return n.known.count }

// Sent counts the messages sent by anybody.
func (o *Oracle) Sent() int { return len(o.sent) }

// has reports whether a node has delivered a message.
func (o *Oracle) has(n *Node, d peer.Dot) bool {
	i, sent := o.index[d]
	return sent && n.known.delivered.has(i)
}

// born is when a message was sent, if it was.
func (o *Oracle) born(d peer.Dot) (born time.Duration, sent bool) {
	i, sent := o.index[d]
	if !sent {
		return 0, false
	}
	return o.sent[i].born, true
}

func (t truth) get(h peer.Handle) uint64 {
	if int(h) < len(t) {
		return t[h]
	}
	return 0
}

// with is a copy in which one entry is another.
func (t truth) with(h peer.Handle, n uint64) truth {
	u := make(truth, max(len(t), int(h)+1))
	copy(u, t)
	u[h] = n
	return u
}

// merged changes t, which nobody else may hold.
func (t truth) merged(u truth) truth {
	t = t.grown(len(u))
	for i, n := range u {
		t[i] = max(t[i], n)
	}
	return t
}

// counting changes t, too.
func (t truth) counting(d peer.Dot) truth {
	t = t.grown(int(d.Origin) + 1)
	t[d.Origin] = max(t[d.Origin], d.Seq)
	return t
}

func (t truth) grown(size int) truth {
	if len(t) < size {
		t = append(t, make(truth, size-len(t))...)
	}
	return t
}

// set is a set of messages, by their place in Oracle.sent: a bit for each.
type set []uint64

func (s set) word(w int) uint64 {
	if w < len(s) {
		return s[w]
	}
	return 0
}

func (s set) has(i int) bool { return s.word(i/64)>>(i%64)&1 == 1 }

func (s *set) add(i int) {
	for len(*s) <= i/64 {
		*s = append(*s, 0)
	}
	(*s)[i/64] |= 1 << (i % 64)
}
