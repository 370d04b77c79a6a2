package peersampling

import (
	"math/rand/v2"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// Cyclon's enhanced shuffle: Voulgaris, Gavidia and van Steen, Journal of
// Network and Systems Management 13(2), 2005, section 3.

// shuffleRequest is the initiator's side up to the sending. SelectPeer came
// before it: all ages grow alike, so the oldest is the same before and after.
func (e *Engine) shuffleRequest(buf, v []peer.Descriptor, self, to peer.Handle, rng *rand.PCG) (sent, view []peer.Descriptor) {
	increase(v)
	v = without(v, to)
	buf = append(buf[:0], peer.Descriptor{Peer: self}) // in the place of the peer's own descriptor
	shuffleHead(v, e.policy.Shuffle-1, rng)
	return append(buf, v[:min(len(v), e.policy.Shuffle-1)]...), v
}

// shuffleReply is the receiver's side: at most l of its neighbours, its own
// descriptor not among them.
func (e *Engine) shuffleReply(buf, v []peer.Descriptor, rng *rand.PCG) []peer.Descriptor {
	shuffleHead(v, e.policy.Shuffle, rng)
	return append(buf[:0], v[:min(len(v), e.policy.Shuffle)]...)
}

// mergeShuffle is what both sides do with what they receive: discard what
// points at themselves or is known already, fill the empty places of the view
// first, then replace what was sent. It is the swap of the 2007 framework with
// nothing else: what finds no place is dropped. What was sent, has left the view
// by another exchange since, and comes back in this one is received, not sent.
func (e *Engine) mergeShuffle(v, received, sent []peer.Descriptor, self peer.Handle) []peer.Descriptor {
	l := &e.list
	l.reset()
	l.addView(v)
	for i, d := range received {
		if l.find(d.Peer) < 0 { // known: not even fresher news is taken
			l.addReceived(received[i:i+1], self)
		}
	}
	excess := l.size - e.policy.C
	excess -= l.removeSent(excess, len(v), sent, self)
	l.dropLast(excess)
	return l.appendTo(v[:0])
}

// without returns v without the descriptor of p.
func without(v []peer.Descriptor, p peer.Handle) []peer.Descriptor {
	for i, d := range v {
		if d.Peer == p {
			v[i] = v[len(v)-1]
			return v[:len(v)-1]
		}
	}
	return v
}
