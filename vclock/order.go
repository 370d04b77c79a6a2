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

// compareBranchRun compares the branch n with es, a bucket or a part of one.
func compareBranchRun(n *node, es []entry, shift uint) Ordering {
	ord := After // by T2 and T3 something in n is missing from es
	for len(es) > 0 && ord != Concurrent {
		i, run, rest := cut(es, shift)
		if kid := n.kids.at[i]; kid.isBranch() {
			ord |= compareBranchRun(kid, run, shift-slotBits)
		} else {
			ord |= compareRuns(kid.run(), run)
		}
		es = rest
	}
	return ord
}

func compareRuns(a, b []entry) Ordering {
	ord := Equal
	for len(a) > 0 && len(b) > 0 && ord != Concurrent {
		switch c := compareKeys(a[0].key, b[0].key); {
		case c < 0:
			ord |= After
			a = a[1:]
		case c > 0:
			ord |= Before
			b = b[1:]
		default:
			ord |= compareEntries(a[0], b[0])
			a, b = a[1:], b[1:]
		}
	}
	if len(a) > 0 {
		ord |= After
	}
	if len(b) > 0 {
		ord |= Before
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
