package peersampling

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

func newEngine(t testing.TB, p Policy) *Engine {
	t.Helper()
	e, err := NewEngine(p)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// desc makes descriptors of peer, age pairs.
func desc(pairs ...uint32) []peer.Descriptor {
	v := make([]peer.Descriptor, 0, 64)
	for i := 0; i < len(pairs); i += 2 {
		v = append(v, peer.Descriptor{Peer: peer.Handle(pairs[i]), Age: pairs[i+1]})
	}
	return v
}

// same compares with the order.
func same(t *testing.T, what string, got, want []peer.Descriptor) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// sameSet compares without the order.
func sameSet(t *testing.T, what string, got, want []peer.Descriptor) {
	t.Helper()
	same(t, what, sorted(got), sorted(want))
}

func sorted(v []peer.Descriptor) []peer.Descriptor {
	v = slices.Clone(v)
	slices.SortFunc(v, func(a, b peer.Descriptor) int { return int(a.Peer) - int(b.Peer) })
	return v
}

// invariants returns which of I1 to I3 (see Engine) v breaks, or "".
func invariants(v []peer.Descriptor, self peer.Handle, c int) string {
	if len(v) > c {
		return "I1: too long"
	}
	for i, d := range v {
		if d.Peer == peer.None || knows(v[:i], d.Peer) {
			return "I2: nobody, or a peer twice"
		}
		if d.Peer == self {
			return "I3: itself"
		}
	}
	return ""
}

// seeds runs a story whose end must not depend on chance a few times.
func seeds(story func(rng *rand.PCG)) {
	for seed := range uint64(20) {
		story(rand.NewPCG(seed, 0))
	}
}
