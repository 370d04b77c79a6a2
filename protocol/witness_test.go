package protocol

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/causal"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// witness looks at one machine from outside, step by step, and objects when an
// invariant does not hold. It knows what the machine was told and what it wanted done,
// and stands between buffer and log, where messages enter in their order.
//
// If the peers are truthful, then in what an origin or its signature vouches for:
// messages, their clocks and their ages. Whatever else they say may be false: what they
// have, what is gone, what they want, and when. Then the witness knows the whole of
// happened-before, and C1 to C3 and what is reported are held to the letter. Otherwise
// anybody says anything in anybody's name, and what is left of them is what a node can
// see to by itself.
type witness struct {
	m        *Machine
	fail     func(string, ...any)
	truthful bool

	made  uint64                          // by this node
	truth map[peer.Dot]*broadcast.Message // that origins have made, with their clocks
	told  []peer.Dot                      // the same, as they were made

	entered uint64                     // the log, how many
	order   map[peer.Dot]uint64        // when it entered the log, counted from 1
	late    map[peer.Dot]uint64        // the same, of origins that are forgotten: it may be in the log still
	had     map[peer.Handle]uint64     // how many have, since the origin was last forgotten
	gone    map[peer.Handle][]span     // reported as gaps, since then
	sum     vclock.Clock               // the least upper bound of the clocks that have entered
	heads   []*broadcast.Message       // the last of the truth that has
	fresh   []*broadcast.Message       // has entered in this step
	lost    []peer.Dot                 // dependencies of those that have not, and were given up
	wires   map[broadcast.LinkID]*wire // connections that are open
}

type span = broadcast.Span

// wire is what has been sent on a connection.
type wire struct {
	flight []int      // what each frame costs that is under way
	last   uint64     // place of the last message that was not asked for
	wanted []peer.Dot // in the order in which they are sent, if they are
}

// mostWanted is more than how many requests a link remembers.
const mostWanted = 256

func (w *wire) inFlight() (sum int) {
	for _, cost := range w.flight {
		sum += cost
	}
	return sum
}

// watch puts a witness beside a machine that is new.
func watch(m *Machine, truthful bool, fail func(string, ...any)) *witness {
	w := &witness{
		m: m, fail: fail, truthful: truthful,
		truth: map[peer.Dot]*broadcast.Message{}, order: map[peer.Dot]uint64{}, late: map[peer.Dot]uint64{},
		had: map[peer.Handle]uint64{}, gone: map[peer.Handle][]span{},
		wires: map[broadcast.LinkID]*wire{},
	}
	m.buffer = causal.New(m.causalConfig(), m.seen, w)
	return w
}

func (w *witness) isCausal() bool { return w.m.cfg.Order == causal.Causal }

// Get is part of causal.Log.
func (w *witness) Get(d peer.Dot) *broadcast.Message { return w.m.Get(d) }

// Deliver is part of causal.Log: a message enters the log.
func (w *witness) Deliver(m *broadcast.Message, from []broadcast.LinkID) {
	if w.order[m.Dot] > 0 {
		w.fail("B1: %v enters the log twice", m.Dot)
	}
	if m.Dot.Seq == 0 || m.Dot.Seq > peer.MaxSeq || m.Dot.Origin == 1 && m.Dot.Seq != w.made+1 {
		w.fail("%v enters the log", m.Dot)
	}
	if w.isGone(m.Dot) {
		w.fail("%v enters the log, and was reported as a gap", m.Dot)
	}
	unknown := w.had[m.Dot.Origin] == 0 && len(w.gone[m.Dot.Origin]) == 0
	if n := w.m.seen.Len(); w.truthful && unknown && n > w.m.cfg.Origins && m.Dot.Origin != 1 {
		w.fail("%v enters the log, of %d origins", m.Dot, n)
	}
	for _, d := range w.dependencies(m) {
		switch {
		case w.order[d] > 0:
		case w.m.seen.Has(d):
			w.lost = append(w.lost, d)
		case !w.truthful && m.Dot.Origin != 1 && !w.knows(d.Origin):
			// Given up, with an age that had its origin forgotten before the message's clock came.
		default:
			w.fail("B2, C1: %v enters the log before %v, which it depends on", m.Dot, d)
		}
	}
	w.checkClock(m)
	w.entered++
	w.order[m.Dot] = w.entered
	w.had[m.Dot.Origin]++
	w.sum = w.sum.Merge(m.Clock)
	if w.isCausal() {
		w.heads = slices.DeleteFunc(w.heads, func(h *broadcast.Message) bool { return h.Clock.HappenedBefore(m.Clock) })
		w.heads = append(w.heads, m)
	}
	w.fresh = append(w.fresh, m)
	if m.Dot.Origin == 1 {
		w.made++
		w.tell(m)
	}
	w.m.Deliver(m, from)
}

// dependencies is what must enter before the message, by its own word.
func (w *witness) dependencies(m *broadcast.Message) []peer.Dot {
	switch {
	case w.isCausal() && len(m.Deps) > 0:
		return m.Deps
	case w.m.cfg.Order != causal.Unordered && m.Dot.Seq > 1 && !m.Resumes:
		return []peer.Dot{{Origin: m.Dot.Origin, Seq: m.Dot.Seq - 1}}
	}
	return nil
}

// checkClock looks at the clock of what enters the log.
func (w *witness) checkClock(m *broadcast.Message) {
	name := directory{}.Name(m.Dot.Origin)
	want := vclock.Clock{}.With(name, m.Dot.Seq)
	switch {
	case !w.isCausal():
	case m.Dot.Origin == 1:
		want = w.sum.Advance(name, m.Dot.Seq, m.Clock.Epoch())
		w.checkHeads(m)
	case w.truthful && w.truth[m.Dot] != nil:
		want = w.truth[m.Dot].Clock
	case w.truthful:
		w.fail("%v enters the log, and nobody has made it", m.Dot)
	default:
		if m.Clock.At(name) != m.Dot.Seq {
			w.fail("C2: %v has clock %v", m.Dot, m.Clock)
		}
		return
	}
	if !m.Clock.Equal(want) {
		w.fail("C2: %v has clock %v, the truth is %v", m.Dot, m.Clock, want)
	}
	for o, n := range want.All() {
		if h := (directory{}).Handle(o); w.isCausal() && w.truthful && h != m.Dot.Origin && w.m.seen.Contiguous(h) < n {
			w.fail("C1: %v enters the log before %v of %v, which happened before it", m.Dot, n, o)
		}
	}
}

// checkHeads holds what the node's own message depends on against what has entered.
func (w *witness) checkHeads(m *broadcast.Message) {
	for i, d := range m.Deps {
		if w.order[d] == 0 {
			w.fail("C3: %v has a head %v, which has not entered the log", m.Dot, d)
		}
		if slices.ContainsFunc(m.Deps[:i], func(x peer.Dot) bool { return x.Origin == d.Origin }) {
			w.fail("C3: %v has heads of one origin: %v", m.Dot, m.Deps)
		}
	}
	if !w.truthful {
		return
	}
	for _, h := range w.heads {
		if !slices.Contains(m.Deps, h.Dot) {
			w.fail("C3: %v depends on %v, and not on the head %v", m.Dot, m.Deps, h.Dot)
		}
	}
	if len(m.Deps) != len(w.heads) {
		w.fail("C3: %v depends on %v, the heads are %d", m.Dot, m.Deps, len(w.heads))
	}
}

// tell notes what an origin has made.
func (w *witness) tell(m *broadcast.Message) {
	w.truth[m.Dot] = m
	w.told = append(w.told, m.Dot)
}

// isGone reports whether a message was reported as a gap.
func (w *witness) isGone(d peer.Dot) bool {
	return slices.ContainsFunc(w.gone[d.Origin], func(s span) bool { return s.From <= d.Seq && d.Seq <= s.To })
}

// hears notes what the machine is about to be told on a link.
func (w *witness) hears(id broadcast.LinkID, f *broadcast.Frame) {
	c := w.wires[id]
	switch {
	case c == nil:
	case f.Kind == broadcast.Digest && f.Opening: // it starts over
		c.last = 0
	case f.Kind == broadcast.Want:
		for _, x := range f.Wants {
			if !x.Check {
				c.wanted = append(c.wanted, x.Dot)
			}
		}
	}
}

// after looks at what the step has come to, and at the machine.
func (w *witness) after(out *Outbox) {
	w.checkDeliveries(out)
	w.checkGaps(out)
	for _, s := range out.Links.Sends {
		w.checkSend(s)
	}
	for _, c := range w.wires { // what there was no room for is sent later
		c.wanted = c.wanted[max(0, len(c.wanted)-mostWanted):]
	}
	for _, id := range out.Links.Closes {
		if w.wires[id] == nil {
			w.fail("connection %d is closed, and is not open", id)
		}
		delete(w.wires, id)
	}
	w.forget()
	if broken := w.m.broken(); broken != "" {
		w.fail("%s", broken)
	}
	if d := (peer.Dot{Origin: 1, Seq: w.made + 1}); w.m.seen.Has(d) || w.m.seen.Highest(1) > w.made {
		w.fail("this node has had %d messages of its own, and made %d", w.m.seen.Highest(1), w.made)
	}
	if !w.m.Clock().Equal(w.sum) {
		w.fail("C3: the node's clock is %v, what has entered adds up to %v", w.m.Clock(), w.sum)
	}
	if n := w.m.buffer.Heads(); w.truthful && n != len(w.heads) {
		w.fail("C3: there are %d heads, and should be %d", n, len(w.heads))
	}
}

// checkDeliveries holds what is delivered against what has entered the log.
func (w *witness) checkDeliveries(out *Outbox) {
	want := slices.DeleteFunc(w.fresh, func(m *broadcast.Message) bool {
		return w.m.cfg.History == None && m.Born < w.m.start && m.Dot.Origin != 1
	})
	if !slices.Equal(out.Deliveries, want) {
		w.fail("%d messages enter the log, and %d are delivered", len(want), len(out.Deliveries))
	}
	w.fresh = w.fresh[:0]
}

// checkGaps notes what is reported, and whether all is that should be.
func (w *witness) checkGaps(out *Outbox) {
	for _, e := range out.Events {
		if e.Kind != MessageGap {
			continue
		}
		g := e.Gap
		if g.Origin == 1 || g.From == 0 || g.From > g.To || g.To > peer.MaxSeq {
			w.fail("a gap %+v", g)
		}
		for _, s := range w.gone[g.Origin] {
			if g.From <= s.To && s.From <= g.To {
				w.fail("%+v is reported, and %+v was", g, s)
			}
		}
		for d := range w.order {
			if d.Origin == g.Origin && g.From <= d.Seq && d.Seq <= g.To {
				w.fail("%+v is reported, and %v has entered the log", g, d)
			}
		}
		if !w.m.seen.Has(peer.Dot{Origin: g.Origin, Seq: g.From}) || !w.m.seen.Has(peer.Dot{Origin: g.Origin, Seq: g.To}) {
			w.fail("%+v is reported, and was not given up", g)
		}
		w.gone[g.Origin] = append(w.gone[g.Origin], span{From: g.From, To: g.To})
	}
	if w.truthful {
		w.checkReported()
	}
	w.lost = w.lost[:0]
}

// checkReported has everything that counts as had either in the log once, or reported.
func (w *witness) checkReported() {
	for _, d := range w.lost {
		if !w.isGone(d) {
			w.fail("B2: %v was given up, and is not reported", d)
		}
	}
	w.m.seen.Handles(func(h peer.Handle) {
		highest := w.m.seen.Highest(h)
		known, had := w.had[h], highest
		for _, s := range w.gone[h] {
			known += s.To - s.From + 1
		}
		for _, hole := range w.m.seen.AppendHoles(nil, h, highest) {
			had -= hole.To - hole.From + 1
		}
		if known != had {
			w.fail("C5: of %d, %d messages count as had, and %d have entered the log or are reported", h, had, known)
		}
	})
}

// checkSend looks at what is sent on a link.
func (w *witness) checkSend(s broadcast.Send) {
	c := w.wires[s.Link]
	if c == nil {
		w.fail("%v is sent on connection %d, which is not open", s.Frame.Kind, s.Link)
	}
	window := w.m.cfg.Relay.Window
	if s.Frame.Kind == broadcast.Data {
		d := s.Frame.Message.Dot
		place := max(w.order[d], w.late[d])
		if place == 0 {
			w.fail("%v is sent, and has not entered the log", d)
		}
		if i := slices.Index(c.wanted, d); i >= 0 {
			c.wanted = c.wanted[i+1:]
			window *= 4
		} else if place <= c.last {
			w.fail("B3: %v is sent on link %d out of order", d, s.Link)
		} else {
			c.last = place
		}
	}
	if cost := s.Frame.Cost(); cost > 0 {
		if c.inFlight() >= window {
			w.fail("B5: link %d has %d bytes in flight, and is sent %v", s.Link, c.inFlight(), s.Frame.Kind)
		}
		c.flight = append(c.flight, cost)
	}
}

// forget drops what was known of an origin that the machine has forgotten.
func (w *witness) forget() {
	for h := range w.had {
		if !w.knows(h) {
			w.drop(h)
		}
	}
	for h := range w.gone {
		if !w.knows(h) {
			w.drop(h)
		}
	}
}

func (w *witness) knows(origin peer.Handle) bool {
	_, known := w.m.seen.Born(origin)
	return known
}

// drop forgets an origin. Who lies about the age of what it has sent before then may
// bring it again; where peers are truthful it is told by its epoch.
func (w *witness) drop(h peer.Handle) {
	delete(w.had, h)
	delete(w.gone, h)
	maps.DeleteFunc(w.order, func(d peer.Dot, place uint64) bool {
		if d.Origin == h {
			w.late[d] = place
		}
		return d.Origin == h
	})
}

// left names what the machine still waits for, or is "".
func (w *witness) left() string {
	if g := w.m.Gauges(); g.HeldMessages > 0 || g.Expected > 0 {
		return fmt.Sprintf("%d messages are held back, %d expected", g.HeldMessages, g.Expected)
	}
	return ""
}

// longest is how long anything may wait: each message that is held back may have to be
// asked for in its turn, and each request takes GiveUp at most, and eight times that if
// earlier messages go first (mostTurns in package causal).
func (w *witness) longest() time.Duration {
	return time.Duration(8+2+w.m.Gauges().HeldMessages) * (w.m.cfg.GiveUp + 2*w.m.cfg.Retry)
}
