package vclock

import (
	"iter"
	"math"
	"slices"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// Origin is whose events an entry of a clock counts: a name and the
// incarnation that tells apart the lives of a process that was restarted.
// Incarnation 0 means that incarnations are not used.
type Origin = peer.ID

// Clock is an immutable vector clock. The zero Clock is empty and ready to
// use. See the package documentation for what it costs.
type Clock struct {
	_     [0]func() // == would compare identities, so the compiler refuses it
	root  *node
	epoch uint32 // E1: the newest of its entries
}

// FromMap returns the clock with these counts, all of incarnation 0. Counts of
// zero are left out. O(n log n).
func FromMap(counts map[string]uint64) Clock {
	es := make([]entry, 0, len(counts))
	for name, n := range counts {
		if n > 0 {
			es = append(es, newEntry(Origin{Name: name}, n, 0))
		}
	}
	return fromEntries(es)
}

// Map returns the count of each name as Get does, all incarnations together.
// The map is the caller's to keep. O(n).
func (c Clock) Map() map[string]uint64 {
	counts := make(map[string]uint64, c.Len())
	for _, e := range c.root.appendTo(nil) {
		counts[e.key.Name] = addSaturating(counts[e.key.Name], e.n)
	}
	return counts
}

// Get returns the number of events whose origin has this name, all
// incarnations together. A sum above the largest uint64 is returned as the
// largest uint64. O(log n), no allocation.
func (c Clock) Get(name string) uint64 {
	first := key{Origin: Origin{Name: name}, hash: hashName(name)}
	r := c.root.bucket(first.hash).run()
	var sum uint64
	for i, _ := find(r.keys, &first); i < r.len() && r.keys[i].Name == name; i++ {
		sum = addSaturating(sum, r.counts[i])
	}
	return sum
}

// At returns the number of events of exactly this origin. O(log n), no
// allocation.
func (c Clock) At(o Origin) uint64 {
	k := key{Origin: o, hash: hashName(o.Name)}
	return c.at(&k)
}

func (c Clock) at(k *key) uint64 {
	r := c.root.bucket(k.hash).run()
	if i, found := find(r.keys, k); found {
		return r.counts[i]
	}
	return 0
}

// Increment returns c with one more event of the origin with this name and
// incarnation 0. For another incarnation write c.With(o, c.At(o)+1). A count
// that has reached the largest uint64 stays there, so that a forged clock can
// not make an origin start again from zero. O(log n).
func (c Clock) Increment(name string) Clock {
	k := key{Origin: Origin{Name: name}, hash: hashName(name)}
	return c.with(&k, addSaturating(c.at(&k), 1))
}

// With returns c with the count of o set to n, whether that is more or less
// than before. Setting it to 0 removes the entry. The entry keeps its epoch; a new
// one has none. If nothing changes, c itself is returned. O(log n), and O(n) if
// an entry of the newest epoch is removed.
func (c Clock) With(o Origin, n uint64) Clock {
	k := key{Origin: o, hash: hashName(o.Name)}
	return c.with(&k, n)
}

func (c Clock) with(k *key, n uint64) Clock {
	out := Clock{root: c.root.set(k, n, topShift), epoch: c.epoch}
	if n == 0 && c.epoch > 0 && out.root != c.root {
		out.epoch = newest(out.root.appendTo(nil))
	}
	return out
}

// Merge returns the clock that holds the larger count of each origin: the least
// clock that contains both c and d. If one of them contains the other it is
// returned as it is, and nothing is allocated. O(d), where d is the size of the
// parts that the clocks do not share.
func (c Clock) Merge(d Clock) Clock {
	epoch := max(c.epoch, d.epoch)
	root, _ := merge(c.since(epoch), d.since(epoch), topShift)
	return Clock{root: root, epoch: epoch}
}

// Compare tells how c relates to d: Before if c happened before d. O(d), where
// d is the size of the parts that the clocks do not share; no allocation.
//
// Of two events more than [Horizon] epochs apart, the earlier one counts as the past
// of the later one; see "Epochs" in the package documentation. If the older clock has
// entries beyond the newer one's horizon, comparing them allocates.
func (c Clock) Compare(d Clock) Ordering {
	epoch := max(c.epoch, d.epoch)
	return compare(c.since(epoch), d.since(epoch), topShift)
}

// HappenedBefore reports whether c is strictly in the causal past of d, that is
// whether c.Compare(d) is Before.
func (c Clock) HappenedBefore(d Clock) bool { return c.Compare(d) == Before }

// Equal reports whether c and d hold the same counts, that is whether
// c.Compare(d) is Equal. Testing libraries look for a method of this name.
func (c Clock) Equal(d Clock) bool { return c.Compare(d) == Equal }

// Len returns the number of entries: of origins with a count above zero. O(1).
func (c Clock) Len() int { return c.root.len() }

// All ranges over the entries sorted by name and then by incarnation. Names are
// compared byte by byte. O(n log n) before the first entry.
func (c Clock) All() iter.Seq2[Origin, uint64] {
	return func(yield func(Origin, uint64) bool) {
		for _, e := range c.sorted() {
			if !yield(e.key.Origin, e.n) {
				return
			}
		}
	}
}

// sorted returns the entries in the only order that may be shown.
func (c Clock) sorted() []entry {
	es := c.root.appendTo(make([]entry, 0, c.Len()))
	slices.SortFunc(es, func(a, b entry) int { return a.key.Origin.Compare(b.key.Origin) })
	return es
}

// fromEntries makes a clock of entries in any order. No origin may occur twice
// and no count may be zero. It reorders es.
func fromEntries(es []entry) Clock {
	sortByHash(es)
	return Clock{root: build(runOf(es), topShift), epoch: newest(es)}
}

func addSaturating(a, b uint64) uint64 {
	if a > math.MaxUint64-b {
		return math.MaxUint64
	}
	return a + b
}
