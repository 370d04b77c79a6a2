package vclock

import "strconv"

// Ordering is how one clock relates to another.
type Ordering uint8

// Before and After are bits that say "somewhere less" and "somewhere more", so
// that the orderings of the parts of two clocks, or-ed together, are the
// ordering of the whole.
const (
	Equal      Ordering = 0              // the same counts
	Before     Ordering = 1              // strictly in the causal past of the other
	After      Ordering = 2              // the other is strictly in its causal past
	Concurrent Ordering = Before | After // neither is in the causal past of the other
)

// String returns "equal", "before", "after" or "concurrent".
func (o Ordering) String() string {
	names := [...]string{Equal: "equal", Before: "before", After: "after", Concurrent: "concurrent"}
	if int(o) < len(names) {
		return names[o]
	}
	return "Ordering(" + strconv.Itoa(int(o)) + ")"
}

func compare(a, b *node, shift uint) Ordering {
	switch {
	case a == b:
		return Equal
	case a.isBranch() && b.isBranch():
		return compareBranches(a, b, shift)
	case a.isBranch():
		return compareBranchRun(a, b.run(), shift)
	case b.isBranch():
		return flip(compareBranchRun(b, a.run(), shift))
	default:
		return compareRuns(a.run(), b.run())
	}
}

func compareBranches(a, b *node, shift uint) Ordering {
	ord := Equal
	for i := 0; i < slots && ord != Concurrent; i++ {
		ord |= compare(a.kids.at[i], b.kids.at[i], shift-slotBits)
	}
	return ord
}

// compareBranchRun compares the branch n with r, a bucket or a part of one.
func compareBranchRun(n *node, r run, shift uint) Ordering {
	ord := After // by T2 and T3 something in n is missing from r
	for r.len() > 0 && ord != Concurrent {
		i, head, rest := cut(r, shift)
		if kid := n.kids.at[i]; kid.isBranch() {
			ord |= compareBranchRun(kid, head, shift-slotBits)
		} else {
			ord |= compareRuns(kid.run(), head)
		}
		r = rest
	}
	return ord
}

func compareRuns(a, b run) Ordering {
	if a.sharesNames(b) {
		return compareCounts(a.counts, b.counts)
	}
	ord, i, j := Equal, 0, 0
	for i < len(a.keys) && j < len(b.keys) && ord != Concurrent {
		switch c := compareKeys(a.keys[i], b.keys[j]); {
		case c < 0:
			ord |= After
			i++
		case c > 0:
			ord |= Before
			j++
		default:
			ord |= compareEntries(a.at(i), b.at(j))
			i, j = i+1, j+1
		}
	}
	if i < len(a.keys) {
		ord |= After
	}
	if j < len(b.keys) {
		ord |= Before
	}
	return ord
}

// compareCounts compares the counts of runs that share their names, and so epochs.
func compareCounts(a, b []uint64) (ord Ordering) {
	for i, n := range b[:len(a)] {
		switch {
		case a[i] < n:
			ord |= Before
		case a[i] > n:
			ord |= After
		}
	}
	return ord
}

func compareEntries(a, b entry) Ordering {
	switch c := a.compare(b); {
	case c < 0:
		return Before
	case c > 0:
		return After
	default:
		return Equal
	}
}

// flip turns the ordering of a to b into that of b to a.
func flip(o Ordering) Ordering { return o>>1&1 | o&1<<1 }
