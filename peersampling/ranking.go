package peersampling

import (
	"math/rand/v2"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// order says which descriptors come first: an age, with these bits flipped,
// becomes a key, and the highest key is first.
type order uint32

const (
	oldestFirst   order = 0
	freshestFirst order = 1<<32 - 1
)

// key is even and at least 2: 0 is left for what is not there, odd keys for
// those that are preferred among equals.
func (o order) key(age uint32) uint64 { return uint64(age^uint32(o))<<1 + 2 }

// ranking finds the first n of some descriptors by an order, with equals
// chosen at random, without sorting them.
type ranking struct {
	keys []uint64 // by place; 0 for a place that is empty
	ties []int32  // the places with equal keys from which some are to be chosen
}

func newRanking(most int) ranking {
	return ranking{keys: make([]uint64, most), ties: make([]int32, most)}
}

// best returns where those are that no other comes before, by an order.
func (r *ranking) best(some []peer.Descriptor, by order) (places []int32) {
	best := uint32(0)
	for _, d := range some {
		best = max(best, d.Age^uint32(by))
	}
	ties := r.ties[:len(some)]
	n := uint64(0)
	for i, d := range some {
		ties[n] = int32(i)
		n += (uint64(d.Age^uint32(by)^best) - 1) >> 63 // 1 if they are equal
	}
	return ties[:n]
}

// first returns the keys of items and a cut: exactly n of the keys lie above
// it, those of the first n. There must be n descriptors that are not None.
func (r *ranking) first(items []peer.Descriptor, by order, n int, rng *rand.PCG) (keys []uint64, cut uint64) {
	keys, lo, hi := r.rank(items, by)
	cut, found := r.cut(keys, lo, hi, n)
	if found < n {
		r.prefer(keys, cut, n-found, rng)
	}
	return keys, cut
}

// rank fills in the keys and returns them with the lowest and the highest,
// those of empty places not counted.
func (r *ranking) rank(items []peer.Descriptor, by order) (keys []uint64, lo, hi uint64) {
	keys = r.keys[:len(items)]
	lo = ^lo
	for i, d := range items {
		// A key, or 0 and no candidate for the lowest if nobody is there.
		there := -uint64(present(d.Peer))
		key := by.key(d.Age) & there
		keys[i] = key
		lo, hi = min(lo, key|^there), max(hi, key)
	}
	return keys, lo, hi
}

// cut returns the lowest cut in [lo, hi] with at most n keys above it, or any
// with exactly n, and how many keys lie above it.
func (r *ranking) cut(keys []uint64, lo, hi uint64, n int) (cut uint64, found int) {
	if hi-lo < 2*bins {
		return cutByCounting(keys, lo, hi, n)
	}
	return cutBetween(keys, lo, hi, n)
}

// bins is how far ages may lie apart to be counted one by one. They mostly lie
// closer.
const bins = 64

// cutByCounting counts how often each key occurs and goes down from the highest.
// Two counters for each, since a counter is slow to be ready again.
func cutByCounting(keys []uint64, lo, hi uint64, n int) (cut uint64, found int) {
	var count [2][bins + 1]uint16 // the first for empty places
	base := lo/2 - 1
	for i, key := range keys {
		count[i%2][min(max(key/2, base)-base, bins)]++
	}
	for cut = hi; ; cut -= 2 {
		at := cut/2 - base
		more := int(count[0][at]) + int(count[1][at])
		if found+more > n || cut == lo {
			return cut, found
		}
		found += more
	}
}

// cutBetween halves the range of keys, which takes a few passes over a few cache
// lines, with no branch to mispredict, and 33 if an attacker sends the most
// absurd ages.
func cutBetween(keys []uint64, lo, hi uint64, n int) (cut uint64, found int) {
	for lo < hi {
		mid := (lo + hi) / 2
		switch found = above(keys, mid); {
		case found == n:
			return mid, n
		case found > n:
			lo = mid + 1
		default:
			hi = mid
		}
	}
	return lo, above(keys, lo)
}

// above counts the keys above cut. Keys have 34 bits: the sign of the
// difference tells.
func above(keys []uint64, cut uint64) int {
	n := uint64(0)
	for _, key := range keys {
		n += (cut - key) >> 63
	}
	return int(n)
}

// prefer lifts n of the keys that equal cut above it, at random.
func (r *ranking) prefer(keys []uint64, cut uint64, n int, rng *rand.PCG) {
	ties := r.places(keys, cut)
	for ; n > 0; n-- {
		at := below(rng, len(ties))
		keys[ties[at]]++
		ties[at] = ties[len(ties)-1]
		ties = ties[:len(ties)-1]
	}
}

// places returns where the keys that equal key are.
func (r *ranking) places(keys []uint64, key uint64) []int32 {
	ties := r.ties[:len(keys)]
	n := uint64(0)
	for i, k := range keys {
		ties[n] = int32(i)
		n += ((k ^ key) - 1) >> 63 // 1 if they are equal
	}
	return ties[:n]
}
