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
	sameSet(t, "hops", got, desc(1, math.MaxUint32, 9, math.MaxUint32, 2, math.MaxUint32))
	e.Age(got)
	sameSet(t, "time does not count", got, desc(1, math.MaxUint32, 9, math.MaxUint32, 2, math.MaxUint32))
}

// Middleware 2004, section 3: head keeps the lowest hop counts, tail the
// highest, rand any. Whatever the order of what came in, a view is in the order
// of its hop counts.
func TestViewSelection(t *testing.T) {
	view, received := desc(1, 8, 2, 1, 3, 6), desc(9, 0, 4, 4, 5, 9, 6, 2)
	seeds(func(rng *rand.PCG) {
		head := newEngine(t, hops2004(Head, 3)).Merge(append(desc(), view...), received, nil, self, rng)
		same(t, "head", head, desc(9, 0, 2, 2, 6, 3))
		tail := newEngine(t, hops2004(Tail, 3)).Merge(append(desc(), view...), received, nil, self, rng)
		same(t, "tail", tail, desc(3, 7, 1, 9, 5, 10))
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

// Where hop counts are equal the two lists take turns, and a coin decides which
// begins. The peer itself stands in front.
func TestEqualHopsTakeTurns(t *testing.T) {
	e := newEngine(t, hops2004(Head, 8))
	begins := map[peer.Handle]int{}
	const rounds = 2000
	for i := range rounds {
		got := e.Merge(desc(1, 1, 2, 1, 3, 1), desc(9, 0, 4, 1, 5, 1, 6, 1), nil, self, rand.NewPCG(uint64(i), 1))
		if got[1].Peer == 1 {
			same(t, "the own first", got, desc(9, 0, 1, 2, 4, 2, 2, 2, 5, 2, 3, 2, 6, 2))
		} else {
			same(t, "the received first", got, desc(9, 0, 4, 2, 1, 2, 5, 2, 2, 2, 6, 2, 3, 2))
		}
		begins[got[1].Peer]++
	}
	expectCount(t, begins[1], rounds, 0.5)
}

// In an atomic exchange one coin decides for both: the partners end up with the
// same list, but for themselves.
func TestPartnersMergeAlike(t *testing.T) {
	e := newEngine(t, hops2004(Head, 4))
	seeds(func(rng *rand.PCG) {
		a, b := e.Exchange(desc(1, 1, 2, 1, 3, 1, 98, 1), desc(4, 1, 5, 1, 6, 1, 7, 1), self, 98, rng)
		same(t, "a begins with its partner", a[:1], desc(98, 0))
		same(t, "b begins with its partner", b[:1], desc(99, 0))
		same(t, "the rest", a[1:], b[1:])
	})
}

// The tail of a list is its last, and its head its first, also among equals.
func TestHeadAndTailAreTheEnds(t *testing.T) {
	v := desc(1, 0, 2, 0, 3, 4, 4, 4)
	for who, want := range map[Selection]peer.Handle{Head: 1, Tail: 4} {
		p := hops2004(Head, 4)
		p.Peer = who
		if got, ok := newEngine(t, p).SelectPeer(v, nil, rand.NewPCG(1, 1)); !ok || got != want {
			t.Errorf("%v selects %d, want %d", who, got, want)
		}
	}
}
