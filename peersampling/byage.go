package peersampling

import (
	"math/rand/v2"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// The 2007 framework: Jelasity, Voulgaris, Guerraoui, Kermarrec and van Steen,
// "Gossip-based Peer Sampling", ACM TOCS 25(3), section 2. Quoted lines are
// those of its listings.

// halfView is how both threads fill their buffer.
func (e *Engine) halfView(buf, v []peer.Descriptor, self peer.Handle, rng *rand.PCG) []peer.Descriptor {
	buf = append(buf[:0], peer.Descriptor{Peer: self}) // "buffer <- ((MyAddress,0))"
	e.permute(v, rng)
	return append(buf, v[:min(len(v), e.policy.C/2-1)]...) // "buffer.append(view.head(c/2-1))"
}

// permute is "view.permute(); move oldest H items to the end of view". The two
// blocks are told apart first and each is shuffled afterwards, which comes to
// the same: equals are divided at random.
func (e *Engine) permute(v []peer.Descriptor, rng *rand.PCG) {
	young := e.moveOldestToEnd(v, min(e.policy.H, len(v)), rng)
	k := e.observed(v)
	shuffleHead(v[:young], k, rng)
	shuffleHead(v[young:], k-young, rng)
}

// observed says how much of a permutation anybody can ever see. Under PushPull
// every select() follows a permute() and looks no further than c/2 places: c/2
// items arrive at most, and each makes one item go. Where a thread selects
// without having sent, it meets the order that earlier exchanges left.
func (e *Engine) observed(v []peer.Descriptor) int {
	if e.policy.Propagation == PushPull {
		return e.policy.C / 2
	}
	return len(v)
}

// moveOldestToEnd returns how many stay in front.
func (e *Engine) moveOldestToEnd(v []peer.Descriptor, n int, rng *rand.PCG) (young int) {
	if n == 0 {
		return len(v)
	}
	keys, cut := e.ages.first(v, oldestFirst, n, rng)
	old := 0
	for i, d := range v { // both written, one counted: no branch
		v[young], e.aside[old] = d, d
		isOld := int((cut - keys[i]) >> 63)
		old += isOld
		young += 1 - isOld
	}
	copy(v[young:], e.aside[:old])
	return young
}

// selectByAge is "view.select(c,H,S,buffer_p)".
func (e *Engine) selectByAge(v, received, sent []peer.Descriptor, self peer.Handle, rng *rand.PCG) []peer.Descriptor {
	c, l := e.policy.C, &e.list
	l.reset()
	l.addView(v)
	l.addReceived(received, self) // "view.append(buffer_p); view.removeDuplicates()"

	l.removeFirst(min(e.policy.H, l.size-c), oldestFirst, &e.ages, rng) // "view.removeOldItems(min(H,view.size-c))"
	l.removeHead(min(e.policy.S, l.size-c), sent, self)                 // "view.removeHead(min(S,view.size-c))"
	l.removeAtRandom(l.size-c, rng)                                     // "view.removeAtRandom(view.size-c)"
	return l.appendTo(v[:0])
}
