package peersampling

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

func shuffle2005(c, l int) Policy {
	return Policy{Peer: Tail, Propagation: PushPull, View: ByAge, C: c, Shuffle: l}
}

// Cyclon, section 3: all age by one; the peer's descriptor leaves the view and
// the own, fresh one is sent in its place, with l-1 others.
func TestShuffleRequest(t *testing.T) {
	seeds(func(rng *rand.PCG) {
		e := newEngine(t, shuffle2005(5, 3))
		sent, v := e.Request(nil, desc(1, 1, 2, 2, 3, 7, 4, 4, 5, 5), self, 3, rng)
		sameSet(t, "view", v, desc(1, 2, 2, 3, 4, 5, 5, 6))
		same(t, "sent", sent, append(desc(99, 0), v[:2]...))
	})
}

// The receiver sends l of its neighbours and neither ages nor sends itself.
func TestShuffleReply(t *testing.T) {
	seeds(func(rng *rand.PCG) {
		e := newEngine(t, shuffle2005(5, 3))
		sent, v := e.Reply(nil, desc(1, 1, 2, 2, 3, 7, 4, 4), self, 9, rng)
		sameSet(t, "view", v, desc(1, 1, 2, 2, 3, 7, 4, 4))
		same(t, "sent", sent, v[:3])
		sent, _ = e.Reply(nil, nil, self, 9, rng)
		same(t, "an empty view", sent, nil)
	})
}

func TestShuffleMerge(t *testing.T) {
	for _, test := range []struct {
		why                        string
		view, received, sent, want []peer.Descriptor
	}{{
		why:  "the own and the known are discarded, even if older than news of them",
		view: desc(1, 1, 2, 5), received: desc(99, 0, 2, 0, 7, 3),
		want: desc(1, 1, 2, 5, 7, 3),
	}, {
		why:  "empty places first, then those of what was sent",
		view: desc(1, 1, 2, 2, 3, 3), received: desc(7, 0, 8, 0), sent: desc(99, 0, 1, 1, 2, 2),
		want: desc(2, 2, 3, 3, 7, 0, 8, 0),
	}, {
		why:  "what was sent is known still while the reply is read",
		view: desc(1, 1, 2, 2, 3, 3, 4, 4), received: desc(7, 0, 1, 0), sent: desc(99, 0, 1, 1, 2, 2),
		want: desc(2, 2, 3, 3, 4, 4, 7, 0),
	}, {
		why:  "an exchange in between filled the place: what finds none is dropped",
		view: desc(1, 1, 2, 2, 3, 3, 4, 4), received: desc(7, 0, 8, 0, 9, 0), sent: desc(99, 0, 1, 1, 2, 2),
		want: desc(3, 3, 4, 4, 7, 0, 8, 0),
	}, {
		why:  "what was sent, is gone since, and comes back makes no room",
		view: desc(1, 1, 2, 2, 3, 3, 4, 4), received: desc(7, 0, 8, 0, 5, 0), sent: desc(99, 0, 5, 1, 2, 2),
		want: desc(1, 1, 3, 3, 4, 4, 7, 0),
	}, {
		why:  "nothing that was not sent is given up",
		view: desc(1, 1, 2, 2, 3, 3, 4, 4), received: desc(7, 0, 8, 0),
		want: desc(1, 1, 2, 2, 3, 3, 4, 4),
	}} {
		t.Run(test.why, func(t *testing.T) {
			e := newEngine(t, shuffle2005(4, 3))
			got := e.Merge(slices.Clone(test.view), test.received, test.sent, self, rand.NewPCG(1, 1))
			same(t, "view", got, test.want)
		})
	}
}

// Cyclon, section 3: a shuffle between two strangers reverses one link and
// moves the others; none is lost.
func TestShuffleConservesLinks(t *testing.T) {
	seeds(func(rng *rand.PCG) {
		e := newEngine(t, shuffle2005(4, 3))
		a, b := e.Exchange(desc(2, 9, 3, 0, 4, 1, 5, 2), desc(6, 0, 7, 1, 8, 2, 9, 3), 1, 2, rng)
		if knows(a, 2) || !knows(b, 1) {
			t.Errorf("the link was not reversed: %v, %v", a, b)
		}
		if len(a) != 4 || len(b) != 4 {
			t.Errorf("links were lost: %v, %v", a, b)
		}
		for p := peer.Handle(3); p <= 9; p++ {
			if knows(a, p) == knows(b, p) {
				t.Errorf("%d is known to both or neither: %v, %v", p, a, b)
			}
		}
	})
}
