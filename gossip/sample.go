package gossip

import (
	"context"
	"iter"
	"math"
	"slices"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// Sample returns up to k different peers, chosen uniformly from the view: the
// peer sampling service's getPeer (TOCS 2007, section 2). Under Brahms they come
// from its sample list, which is what is meant by the view in Samples and
// FreshSamples too.
func (n *Node) Sample(k int) (sample []Peer) {
	n.do(func() {
		for _, h := range n.machine.AppendSample(nil, k) {
			sample = append(sample, n.peer(h))
		}
	})
	return sample
}

// Samples is the peer sampling service as a stream. Each peer is drawn when the
// loop asks for it, uniformly from those in the view then that this stream has
// not yielded yet. Once it has yielded the whole view it starts over, and may
// repeat anybody but the last. A peer that left the view and has come back
// counts as not yielded.
//
// The stream waits only while the view is empty, for the first peer. It ends
// when ctx does or the node closes. It has no goroutine, and costs one call to
// the node's own for each peer, a few microseconds. Ranging over it again starts
// a new stream.
//
// The view changes with every exchange (Config.ExchangeMin, ExchangeMax), however
// often is asked. A loop that asks faster gets the same peers again and again, at
// most as many different ones as the view holds: FreshSamples waits instead.
// Samples that are several exchanges apart are close to independent of each
// other; those from one view are not.
func (n *Node) Samples(ctx context.Context) iter.Seq[Peer] {
	return n.stream(ctx, true)
}

// FreshSamples is like Samples, but yields a peer only once for as long as that
// stays in the view. When the whole view has been yielded it waits for a peer to
// come in, which in a small network that does not change may be for ever: end
// it with ctx.
//
// Each peer is news, which suits whatever must not turn to anybody twice. A
// peer's share of the stream goes by how often it comes into the view, not by how
// long it stays.
func (n *Node) FreshSamples(ctx context.Context) iter.Seq[Peer] {
	return n.stream(ctx, false)
}

func (n *Node) stream(ctx context.Context, again bool) iter.Seq[Peer] {
	return func(yield func(Peer) bool) {
		s := &sampler{again: again, yielded: make(map[peer.ID]struct{}), next: make(chan Peer, 1)}
		for {
			p, ok := n.nextSample(ctx, s)
			if !ok || !yield(p) {
				return
			}
		}
	}
}

// nextSample returns false if there is none before ctx ends or the node closes.
func (n *Node) nextSample(ctx context.Context, s *sampler) (Peer, bool) {
	if ctx.Err() != nil {
		return Peer{}, false
	}
	n.do(func() {
		if n.ctx.Err() != nil {
			return
		}
		if deck, mark := n.shuffled(); !s.draw(n, deck, mark) {
			n.samplers = append(n.samplers, s)
		}
	})
	select {
	case p := <-s.next:
		return p, true
	case <-ctx.Done():
		n.do(func() { n.samplers = remove(n.samplers, s) })
	case <-n.ctx.Done():
	}
	return Peer{}, false
}

// sampler is a stream of samples. Only the loop uses it, but for next.
type sampler struct {
	again   bool                 // starts over when it has yielded the whole view
	yielded map[peer.ID]struct{} // of the view; by identity, since handles are given anew
	last    peer.ID
	mark    uint64    // of the view at the last draw
	next    chan Peer // room for the one that is asked for
}

// offerSamples serves the streams that wait, if there is something new for them.
func (n *Node) offerSamples() {
	if len(n.samplers) == 0 {
		return
	}
	deck, mark := n.shuffled()
	n.samplers = slices.DeleteFunc(n.samplers, func(s *sampler) bool {
		return s.mark != mark && s.draw(n, deck, mark)
	})
}

// shuffled returns all that can be sampled now, in random order, and a number
// that tells different such sets apart, but for a chance of 2^-64.
func (n *Node) shuffled() (deck []peer.Handle, mark uint64) {
	deck = n.machine.AppendSample(n.scratch.deck[:0], math.MaxInt)
	n.scratch.deck = deck
	for _, h := range deck {
		x := uint64(h) * 0x9e3779b97f4a7c15 // mixed as in SplitMix64
		x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
		x = (x ^ x>>27) * 0x94d049bb133111eb
		mark += x ^ x>>31 // whatever the order
	}
	return deck, mark
}

// draw gives the stream the first of the deck whose turn it is, and reports
// whether there was one.
func (s *sampler) draw(n *Node, deck []peer.Handle, mark uint64) bool {
	s.mark = mark
	s.forgetAllBut(deck, n.book)
	h := s.choose(deck, n.book)
	if h == peer.None {
		return false
	}
	s.last, _ = n.book.Lookup(h)
	s.yielded[s.last] = struct{}{}
	s.next <- n.peer(h)
	return true
}

// forgetAllBut keeps of what was yielded only what can still be sampled.
func (s *sampler) forgetAllBut(deck []peer.Handle, b *book) {
	still := 0
	for _, h := range deck {
		if s.hasYielded(h, b) {
			still++
		}
	}
	if still == len(s.yielded) {
		return
	}
	yielded := make(map[peer.ID]struct{}, len(deck))
	for _, h := range deck {
		if id, _ := b.Lookup(h); s.hasYielded(h, b) {
			yielded[id] = struct{}{}
		}
	}
	s.yielded = yielded
}

func (s *sampler) hasYielded(h peer.Handle, b *book) bool {
	id, _ := b.Lookup(h)
	_, ok := s.yielded[id]
	return ok
}

// choose returns peer.None if it is nobody's turn.
func (s *sampler) choose(deck []peer.Handle, b *book) peer.Handle {
	for _, h := range deck {
		if !s.hasYielded(h, b) {
			return h
		}
	}
	if !s.again || len(deck) == 0 {
		return peer.None
	}
	clear(s.yielded)
	if id, _ := b.Lookup(deck[0]); id == s.last && len(deck) > 1 {
		return deck[1] // nobody twice in a row
	}
	return deck[0]
}
