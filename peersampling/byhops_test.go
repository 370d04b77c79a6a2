package peersampling

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

func hops2004(view Selection, c int) Policy {
	return Policy{Peer: Random, Propagation: PushPull, View: view, C: c}
}

// Middleware 2004, section 3: the own descriptor with hop count 0 and the whole
// view are sent.
func TestWholeViewIsSent(t *testing.T) {
	e, rng := newEngine(t, hops2004(Head, 3)), rand.NewPCG(1, 1)
	sent, v := e.Request(nil, desc(1, 4, 2, 0, 3, 2), self, 2, rng)
	same(t, "sent", sent, desc(99, 0, 1, 4, 2, 0, 3, 2))
	same(t, "view", v, desc(1, 4, 2, 0, 3, 2))
	sent, _ = e.Reply(nil, nil, self, 2, rng)
	same(t, "an empty view", sent, desc(99, 0))
}

func TestHopCounts(t *testing.T) {
	literal := hops2004(Head, 8)
	literal.LiteralHops = true
	for _, test := range []struct {
		why    string
		policy Policy
		want   []peer.Descriptor
	}{
		{"all grow, the partner enters at 0", hops2004(Head, 8), desc(1, 5, 2, 2, 3, 1, 9, 0, 4, 1)},
		{"only what was received grows", literal, desc(1, 4, 2, 1, 3, 1, 9, 0, 4, 1)},
	} {
		e := newEngine(t, test.policy)
		got := e.Merge(desc(1, 4, 2, 1, 3, 7), desc(9, 0, 1, 6, 99, 0, 3, 0, 4, 0, 2, 2), nil, self, rand.NewPCG(1, 1))
		sameSet(t, test.why, got, test.want)
	}
}

func TestHopsSaturate(t *testing.T) {
	e := newEngine(t, hops2004(Head, 8))
	got := e.Merge(desc(1, math.MaxUint32), desc(9, math.MaxUint32, 2, math.MaxUint32), nil, self, rand.NewPCG(1, 1))
	same(t, "hops", got, desc(1, math.MaxUint32, 9, math.MaxUint32, 2, math.MaxUint32))
	e.Age(got)
	same(t, "time does not count", got, desc(1, math.MaxUint32, 9, math.MaxUint32, 2, math.MaxUint32))
}

// Middleware 2004, section 3: head keeps the lowest hop counts, tail the
// highest, rand any.
func TestViewSelection(t *testing.T) {
	view, received := desc(1, 8, 2, 1, 3, 6), desc(9, 0, 4, 4, 5, 9, 6, 2)
	seeds(func(rng *rand.PCG) {
		head := newEngine(t, hops2004(Head, 3)).Merge(append(desc(), view...), received, nil, self, rng)
		same(t, "head", head, desc(2, 2, 9, 0, 6, 3))
		tail := newEngine(t, hops2004(Tail, 3)).Merge(append(desc(), view...), received, nil, self, rng)
		same(t, "tail", tail, desc(1, 9, 3, 7, 5, 10))
	})
	e, rng := newEngine(t, hops2004(Random, 3)), rand.NewPCG(1, 1)
	kept := map[peer.Handle]int{}
	const rounds = 30_000
	for range rounds {
		for _, d := range e.Merge(append(desc(), view...), received, nil, self, rng) {
			kept[d.Peer]++
		}
	}
	for _, p := range []peer.Handle{1, 2, 3, 4, 5, 6, 9} {
		expectCount(t, kept[p], rounds, 3.0/7)
	}
}
