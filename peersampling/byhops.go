package peersampling

import (
	"math/rand/v2"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// The 2004 framework: Jelasity, Guerraoui, Kermarrec and van Steen, "The Peer
// Sampling Service", Middleware 2004, section 3. Ages are hop counts here.

// wholeView is "buffer <- merge(view, {myDescriptor})", the own descriptor
// first: "0 is the initial hop count".
func wholeView(buf, v []peer.Descriptor, self peer.Handle) []peer.Descriptor {
	return append(append(buf[:0], peer.Descriptor{Peer: self}), v...)
}

// selectByHops is "view_p <- increaseHopCount(view_p); buffer <- merge(view_p,
// view); view <- selectView(buffer)".
func (e *Engine) selectByHops(v, received []peer.Descriptor, self peer.Handle, rng *rand.PCG) []peer.Descriptor {
	l := &e.list
	e.merge(v, received, self)
	switch excess := l.size - e.policy.C; e.policy.View {
	case Head:
		l.removeFirst(excess, oldestFirst, &e.ages, rng)
	case Tail:
		l.removeFirst(excess, freshestFirst, &e.ages, rng)
	default:
		l.removeAtRandom(excess, rng)
	}
	return l.appendTo(v[:0])
}

// merge joins the two lists and lets hop counts grow: all of them by default,
// those received if LiteralHops. The partner's own descriptor, the first of its
// buffer, enters at 0. See "Hop counts" in the package documentation.
func (e *Engine) merge(v, received []peer.Descriptor, self peer.Handle) {
	kept, first := uint32(1), uint32(1)
	if e.policy.LiteralHops {
		kept = 0
	}
	if received[0].Age == 0 {
		first = 0 // the partner itself
	}
	l := &e.list
	l.reset()
	l.addView(v, kept)
	l.addReceived(received[:1], first, self)
	l.addReceived(received[1:], 1, self)
}
