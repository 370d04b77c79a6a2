package peersampling

import (
	"math/bits"
	"math/rand/v2"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// below returns an unbiased number in [0, n); n must be positive. The upper
// half of a 64 × 64 bit product is the number; the lower half tells the few
// draws that would favour some numbers, and those are thrown back.
func below(rng *rand.PCG, n int) int {
	bound := uint64(n)
	hi, lo := bits.Mul64(rng.Uint64(), bound)
	if lo < bound {
		for reject := -bound % bound; lo < reject; {
			hi, lo = bits.Mul64(rng.Uint64(), bound)
		}
	}
	return int(hi)
}

// below4 returns four independent unbiased numbers, the i-th in [0, n[i]), for
// the price of one draw: each product leaves a remainder that serves as the
// next draw (Brackett-Rozinsky and Lemire, "Batched Ranged Random Integer
// Generation", 2024). The four bounds multiplied must stay below 2^64, which
// MaxView sees to.
func below4(rng *rand.PCG, n [4]uint64) (i [4]uint64) {
	bound := n[0] * n[1] * n[2] * n[3]
	for {
		rest := rng.Uint64()
		i[0], rest = bits.Mul64(rest, n[0])
		i[1], rest = bits.Mul64(rest, n[1])
		i[2], rest = bits.Mul64(rest, n[2])
		i[3], rest = bits.Mul64(rest, n[3])
		if rest >= bound || rest >= -bound%bound {
			return i
		}
	}
}

// shuffleHead makes the first k places of v those of a uniformly random
// permutation of v. The places behind hold the rest in no particular order.
func shuffleHead(v []peer.Descriptor, k int, rng *rand.PCG) {
	k = min(k, len(v)-1)
	i := 0
	for ; i+4 <= k; i += 4 {
		n := uint64(len(v) - i)
		by := below4(rng, [4]uint64{n, n - 1, n - 2, n - 3})
		rest := v[i:]
		swap(rest, 0, by[0])
		swap(rest, 1, 1+by[1])
		swap(rest, 2, 2+by[2])
		swap(rest, 3, 3+by[3])
	}
	for ; i < k; i++ {
		swap(v, uint64(i), uint64(i+below(rng, len(v)-i)))
	}
}

func swap(v []peer.Descriptor, i, j uint64) { v[i], v[j] = v[j], v[i] }
