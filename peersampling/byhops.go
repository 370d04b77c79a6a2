package peersampling

import (
	"cmp"
	"math/rand/v2"
	"slices"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// The 2004 framework: Jelasity, Guerraoui, Kermarrec and van Steen, "The Peer
// Sampling Service", Middleware 2004, section 3. Ages are hop counts here, and a
// view is a list ordered by them: head and tail are its two ends.

// wholeView is "buffer <- merge(view, {myDescriptor})", the own descriptor
// first: "0 is the initial hop count".
func wholeView(buf, v []peer.Descriptor, self peer.Handle) []peer.Descriptor {
	return append(append(buf[:0], peer.Descriptor{Peer: self}), v...)
}

// selectByHops is "view_p <- increaseHopCount(view_p); buffer <- merge(view_p,
// view); view <- selectView(buffer)". The coin says whose descriptor, the own or
// the received, comes first where the hop counts of two are equal first.
func (e *Engine) selectByHops(v, received []peer.Descriptor, self peer.Handle, coin bool, rng *rand.PCG) []peer.Descriptor {
	inOrder(v)
	inOrder(received)
	e.mergeByHops(v, received, self, coin)
	l := &e.list
	switch excess := l.size - e.policy.C; e.policy.View {
	case Head:
		l.dropLast(excess)
	case Tail:
		l.dropFirst(excess)
	default:
		l.removeAtRandom(excess, rng)
	}
	return l.appendTo(v[:0])
}

// mergeByHops merges two ordered lists into one, without duplicates, and lets
// hop counts grow: all of them by default, those received if LiteralHops. The
// partner's own descriptor, the first of its buffer, enters at 0. Where hop
// counts are equal the two lists take turns. See "Hop counts" in the package
// documentation.
func (e *Engine) mergeByHops(v, received []peer.Descriptor, self peer.Handle, ownFirst bool) {
	l := &e.list
	l.reset()
	if received[0].Age == 0 {
		l.add(received[0], self) // the partner itself
		received = received[1:]
	}
	kept := uint32(1)
	if e.policy.LiteralHops {
		kept = 0
	}
	for len(v) > 0 && len(received) > 0 {
		a, b := v[0], received[0]
		a.Age, b.Age = older(a.Age, kept), older(b.Age, 1)
		own := a.Age < b.Age
		if a.Age == b.Age {
			own, ownFirst = ownFirst, !ownFirst
		}
		if own {
			l.add(a, self)
			v = v[1:]
		} else {
			l.add(b, self)
			received = received[1:]
		}
		if l.size == e.policy.C && e.policy.View == Head {
			return // the rest would be dropped
		}
	}
	l.addOlder(v, kept, self)
	l.addOlder(received, 1, self)
}

// inOrder orders descriptors by hop count, which those of strangers, and those
// that came by other ways than an exchange, may not be.
func inOrder(v []peer.Descriptor) {
	byHops := func(a, b peer.Descriptor) int { return cmp.Compare(a.Age, b.Age) }
	if !slices.IsSortedFunc(v, byHops) {
		slices.SortStableFunc(v, byHops)
	}
}

// add appends a descriptor, unless it is self's or its peer is in the list.
func (l *list) add(d peer.Descriptor, self peer.Handle) {
	mark := &l.marks[int(d.Peer)&(len(l.marks)-1)]
	if d.Peer == self || d.Peer == peer.None || *mark == l.epoch && l.find(d.Peer) >= 0 {
		return
	}
	*mark = l.epoch
	l.items = append(l.items, d)
	l.size++
}

func (l *list) addOlder(some []peer.Descriptor, by uint32, self peer.Handle) {
	for _, d := range some {
		d.Age = older(d.Age, by)
		l.add(d, self)
	}
}
