package peersampling

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

func TestBelowIsUniform(t *testing.T) {
	rng := rand.NewPCG(1, 1)
	for _, n := range []int{1, 2, 3, 7, 45} {
		alone, batch := make([]int, n), make([]int, n)
		const draws = 40_000
		for range draws / 4 {
			for _, i := range below4(rng, [4]uint64{uint64(n), uint64(n), uint64(n), uint64(n)}) {
				batch[i]++
				alone[below(rng, n)]++
			}
		}
		for i := range n {
			expectCount(t, alone[i], draws, 1/float64(n))
			expectCount(t, batch[i], draws, 1/float64(n))
		}
	}
}

// Bounds near 2^64 reject about half of all draws: what is left is in range.
func TestBelowRejects(t *testing.T) {
	rng := rand.NewPCG(1, 1)
	const n = 3 << 61
	low := 0
	for range 10_000 {
		i := below(rng, n)
		if i < 0 || i >= n {
			t.Fatalf("%d is not in [0, %d)", i, n)
		}
		if i < n/3 {
			low++
		}
	}
	expectCount(t, low, 10_000, 1.0/3) // without rejection the first third would be met too often
}

func TestShuffleHeadIsUniform(t *testing.T) {
	rng := rand.NewPCG(1, 1)
	for _, k := range []int{0, 1, 3, 5, 6, 9} {
		const n, rounds = 6, 60_000
		at := map[[2]int]int{}
		for range rounds {
			v := []peer.Descriptor{{Peer: 0}, {Peer: 1}, {Peer: 2}, {Peer: 3}, {Peer: 4}, {Peer: 5}}
			shuffleHead(v, k, rng)
			for i, d := range v {
				at[[2]int{i, int(d.Peer)}]++
			}
		}
		for i := range min(k, n) {
			for p := range n {
				expectCount(t, at[[2]int{i, p}], rounds, 1.0/n)
			}
		}
	}
}

// expectCount allows five standard deviations.
func expectCount(t *testing.T, got, draws int, p float64) {
	t.Helper()
	mean := float64(draws) * p
	if math.Abs(float64(got)-mean) > 5*math.Sqrt(mean*(1-p))+1e-9 {
		t.Errorf("%d of %d, want about %.0f", got, draws, mean)
	}
}
