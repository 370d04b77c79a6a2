package causal

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// Gap is a run of messages that can no longer be had from anybody this node is
// linked to: they have left the logs.
type Gap struct {
	Origin   peer.Handle
	From, To uint64
	// Born is when the newest of them was broadcast, on this node's clock.
	Born time.Duration
}

// Ask is a request for one message, to be sent on a link.
type Ask struct {
	Link broadcast.LinkID
	Want broadcast.WantEntry
}

// want is something to ask for: a message, or the clock of one that is held.
type want struct {
	dot   peer.Dot
	clock bool
}

type asking struct {
	want
	first  broadcast.LinkID   // who has it, for sure
	asked  []broadcast.LinkID // ever, in the order in which they were asked last
	denied []broadcast.LinkID // answered that they cannot
	upTo   uint64             // the lowest eviction that a denial told of: all of them say that much
	born   time.Duration
	noRoom bool // it came, and could not be held: it is no gap
	next   time.Duration
	until  time.Duration
}

// wants asks one link after the other. There is one entry per missing dot, so
// their number is bounded by what is held back.
type wants struct {
	retry, giveUp time.Duration
	list          []*asking
	index         map[want]*asking
}

func newWants(retry, giveUp time.Duration) wants {
	return wants{retry: retry, giveUp: giveUp, index: make(map[want]*asking)}
}

func (w *wants) add(now time.Duration, x want, first broadcast.LinkID) {
	if w.index[x] != nil {
		return
	}
	a := &asking{want: x, first: first, next: now, until: now + w.giveUp}
	w.index[x] = a
	w.list = append(w.list, a)
}

func (w *wants) remove(x want) bool {
	a := w.index[x]
	if a == nil {
		return false
	}
	delete(w.index, x)
	w.list = slices.DeleteFunc(w.list, func(b *asking) bool { return b == a })
	return true
}

// refused notes that a wanted message can be had, but not now.
func (w *wants) refused(d peer.Dot) {
	if a := w.index[want{dot: d}]; a != nil {
		a.noRoom = true
	}
}

// Deadline is when Poll is due.
func (b *Buffer) Deadline() time.Duration {
	t := broadcast.Never
	for _, a := range b.wants.list {
		t = min(t, a.next, a.until)
	}
	return t
}

// Denied takes an answer that a wanted message cannot be sent.
func (b *Buffer) Denied(now time.Duration, link broadcast.LinkID, g broadcast.GoneEntry) {
	for _, clock := range [...]bool{false, true} {
		a := b.wants.index[want{g.Dot, clock}]
		if a == nil || !slices.Contains(a.asked, link) || slices.Contains(a.denied, link) {
			continue
		}
		a.denied = append(a.denied, link)
		if g.UpTo > 0 && (a.upTo == 0 || g.UpTo < a.upTo) {
			a.upTo, a.born = g.UpTo, now-g.Age
		}
		a.next = now
	}
}

// Poll appends the requests that are due, and the gaps that had to be accepted.
// links are the links that are up.
func (b *Buffer) Poll(now time.Duration, links []broadcast.LinkID, asks []Ask, gaps []Gap) ([]Ask, []Gap) {
	for _, a := range slices.Clone(b.wants.list) {
		if b.wants.index[a.want] != a {
			continue // settled by an earlier one of this round
		}
		switch {
		case b.exhausted(now, a, links):
			gaps = b.settle(now, a, gaps)
		case now >= a.next:
			if link, ok := a.pick(links); ok {
				a.asked = append(a.asked, link)
				asks = append(asks, Ask{link, broadcast.WantEntry{Dot: a.dot, Clock: a.clock}})
			}
			a.next = now + b.wants.retry
		}
	}
	b.drain(now)
	return asks, gaps
}

// pick chooses a link that has not been asked: first the one that brought what
// depends on the message, since its peer has delivered it; once all have been
// asked, whoever has not denied is asked again, in turn.
func (a *asking) pick(links []broadcast.LinkID) (broadcast.LinkID, bool) {
	if slices.Contains(links, a.first) && !slices.Contains(a.asked, a.first) {
		return a.first, true
	}
	for _, l := range links {
		if !slices.Contains(a.asked, l) {
			return l, true
		}
	}
	for i, l := range a.asked {
		if slices.Contains(links, l) && !slices.Contains(a.denied, l) {
			a.asked = slices.Delete(a.asked, i, i+1) // the caller puts it last
			return l, true
		}
	}
	return 0, false
}

// exhausted reports whether there is nobody left to ask, or no time.
func (b *Buffer) exhausted(now time.Duration, a *asking, links []broadcast.LinkID) bool {
	if now >= a.until {
		return true
	}
	return a.upTo > 0 && len(links) > 0 && !slices.ContainsFunc(links, func(l broadcast.LinkID) bool {
		return !slices.Contains(a.denied, l)
	})
}

// settle ends a want that was not met. If somebody had the message once, it is
// a gap; otherwise what waits for it is forgotten (invariant C4).
func (b *Buffer) settle(now time.Duration, a *asking, gaps []Gap) []Gap {
	origin := a.dot.Origin
	lowest := b.lowestHeld(origin)
	if !a.clock && lowest < a.dot.Seq {
		a.next, a.until = now+b.wants.retry, now+b.wants.giveUp
		return gaps // that one first: it waits for something too
	}
	b.wants.remove(a.want)
	if a.clock || a.noRoom || a.upTo < a.dot.Seq {
		b.forget(a)
		return gaps
	}
	to := min(a.upTo, lowest-1)
	for _, hole := range b.seen.AppendHoles(nil, origin, to) {
		b.Stats.Gaps++
		gaps = append(gaps, Gap{origin, hole.From, hole.To, a.born})
	}
	b.Stats.GapMessages += b.seen.Skip(origin, to)
	for _, d := range b.waitedFor(origin, to) {
		b.release(d)
	}
	b.askHole(now, origin, []broadcast.LinkID{a.first})
	return gaps
}

// lowestHeld is the lowest sequence number of the origin that is held back; the
// highest there is if none is.
func (b *Buffer) lowestHeld(origin peer.Handle) uint64 {
	lowest := uint64(math.MaxUint64)
	for d := range b.held { // a minimum: the order does not show
		if d.Origin == origin {
			lowest = min(lowest, d.Seq)
		}
	}
	return lowest
}

// waitedFor lists the dots of the origin up to seq that something waits for.
func (b *Buffer) waitedFor(origin peer.Handle, seq uint64) []peer.Dot {
	var dots []peer.Dot
	for d := range b.waiters {
		if d.Origin == origin && d.Seq <= seq {
			dots = append(dots, d)
		}
	}
	slices.SortFunc(dots, func(x, y peer.Dot) int { return cmp.Compare(x.Seq, y.Seq) })
	return dots
}

// forget drops the message whose clock cannot be had, or everything that waits
// for a message of which nobody knows, and what waits for those in turn.
func (b *Buffer) forget(a *asking) {
	var doomed []*held
	if a.clock {
		if h := b.held[a.dot]; h != nil {
			doomed = append(doomed, h)
		}
	} else {
		doomed = append(doomed, b.waiters[a.dot]...)
	}
	b.forgetAll(doomed)
}

// Overflowed reports whether a message was refused for want of room since the
// last MakeRoom.
func (b *Buffer) Overflowed() bool { return b.overflow }

// MakeRoom forgets the later half of what is held back. It is for when nothing
// moves because the room is full of what comes last: what comes first must then
// be sent again, in order. The earlier half stays, and what it asks for is asked
// for on, so that a gap in front of it is settled in its time.
func (b *Buffer) MakeRoom() {
	b.overflow = false
	all := make([]*held, 0, len(b.held))
	for _, h := range b.held { // sorted below
		all = append(all, h)
	}
	slices.SortFunc(all, func(x, y *held) int { return cmp.Compare(y.arrival, x.arrival) })
	b.forgetAll(all[:len(all)/2])
}

// forgetAll drops messages, and what waits for them.
func (b *Buffer) forgetAll(doomed []*held) {
	for len(doomed) > 0 {
		h := doomed[0]
		doomed = doomed[1:]
		if b.held[h.msg.Dot] != h {
			continue
		}
		b.Stats.Forgotten++
		delete(b.held, h.msg.Dot)
		b.bytes -= h.msg.Size()
		b.stopWaiting(h)
		doomed = append(doomed, b.waiters[h.msg.Dot]...)
	}
}

// stopWaiting takes a forgotten message off every list, and drops the requests
// that were for it alone.
func (b *Buffer) stopWaiting(h *held) {
	b.wants.remove(want{h.msg.Dot, true})
	for _, d := range b.awaited(h) {
		rest := slices.DeleteFunc(b.waiters[d], func(x *held) bool { return x == h })
		if len(rest) > 0 {
			b.waiters[d] = rest
			continue
		}
		delete(b.waiters, d)
		b.wants.remove(want{dot: d})
	}
}

// awaited lists every dot that the message waits for.
func (b *Buffer) awaited(h *held) []peer.Dot {
	dots := slices.Clone(b.dependencies(h.msg))
	if h.clock == received {
		dots = append(dots, b.past(h.msg)...)
	}
	return slices.DeleteFunc(dots, func(d peer.Dot) bool { return !slices.Contains(b.waiters[d], h) })
}
