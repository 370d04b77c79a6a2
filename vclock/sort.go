package vclock

import (
	"cmp"
	"math/bits"
	"slices"
)

// Sort reorders items into a linear extension of happened-before: no item comes
// before one whose clock happened before its own. clock returns the clock of an
// item, its own event included, and is called once for each.
//
// What is promised beyond that: items are ordered by the epochs of their clocks,
// then by the number of events in them, all origins together, and items with the
// same of both keep the order they came in. So items with equal clocks keep their order, concurrent
// items of the same size keep their order, concurrent items of different sizes
// come the smaller one first whatever their order was, the result depends on
// nothing but the clocks and the order of items, and sorting again changes
// nothing.
//
// O(m n + m log m) time for m items whose clocks have n entries, O(m) space.
func Sort[T any](items []T, clock func(T) Clock) {
	ranks := make([]rank, len(items))
	for i, item := range items {
		c := clock(item)
		ranks[i] = rank{epoch: c.epoch, events: c.root.sum(), at: i}
	}
	slices.SortFunc(ranks, rank.compare)
	old := slices.Clone(items)
	for i, r := range ranks {
		items[i] = old[r.at]
	}
}

// rank orders items. If one clock happened before another, its epoch is not later,
// and if they have the same, and so the same floor, none of its counts is larger and
// at least one is smaller, so that its sum is smaller.
type rank struct {
	epoch  uint32
	events uint128
	at     int
}

func (r rank) compare(s rank) int {
	return cmp.Or(cmp.Compare(r.epoch, s.epoch), r.events.compare(s.events), cmp.Compare(r.at, s.at))
}

// uint128 holds the sum of as many 64-bit counts as fit into memory. A sum that
// saturated or wrapped would put some clocks before their own past.
type uint128 struct{ hi, lo uint64 }

func (u uint128) add(n uint64) uint128 {
	lo, carry := bits.Add64(u.lo, n, 0)
	return uint128{u.hi + carry, lo}
}

func (u uint128) compare(v uint128) int {
	return cmp.Or(cmp.Compare(u.hi, v.hi), cmp.Compare(u.lo, v.lo))
}

func (n *node) sum() uint128 { return n.addTo(uint128{}) }

func (n *node) addTo(sum uint128) uint128 {
	if !n.isBranch() {
		for _, count := range n.run().counts {
			sum = sum.add(count)
		}
		return sum
	}
	for _, kid := range n.kids.at {
		sum = kid.addTo(sum)
	}
	return sum
}
