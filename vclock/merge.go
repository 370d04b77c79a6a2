package vclock

// merge returns the pointwise maximum of two subtrees and how a relates to b.
// Unless they are Concurrent the result is one of them, so nothing is allocated
// for what one side already has.
func merge(a, b *node, shift uint) (*node, Ordering) {
	switch {
	case a == b:
		return a, Equal
	case a == nil:
		return b, Before
	case b == nil:
		return a, After
	case a.isBranch() && b.isBranch():
		return mergeBranches(a, b, shift)
	case a.isBranch():
		return mergeBranchRun(a, b.entries, shift)
	case b.isBranch():
		out, ord := mergeBranchRun(b, a.entries, shift)
		return out, flip(ord)
	default:
		return mergeBuckets(a, b, shift)
	}
}

func mergeBranches(a, b *node, shift uint) (*node, Ordering) {
	var kids [slots]*node
	ord := Equal
	for i := range kids {
		kid, kidOrd := merge(a.kids.at[i], b.kids.at[i], shift-slotBits)
		kids[i] = kid
		ord |= kidOrd
	}
	switch ord {
	case Equal, After:
		return a, ord
	case Before:
		return b, ord
	}
	out := a.copyBranch()
	for i, kid := range kids {
		if kid != a.kids.at[i] {
			out.put(i, kid)
		}
	}
	return out, ord
}

// mergeBranchRun merges es, a bucket or a part of one, into the branch n. By T2
// and T3 es never contains n, so the result is either n or a new branch.
func mergeBranchRun(n *node, es []entry, shift uint) (*node, Ordering) {
	out, ord := n, After
	for len(es) > 0 {
		i, run, rest := cut(es, shift)
		old := n.kids.at[i]
		if kid := mergeRun(old, run, shift-slotBits); kid != old {
			if out == n {
				out, ord = n.copyBranch(), Concurrent
			}
			out.put(i, kid)
		}
		es = rest
	}
	return out, ord
}

// mergeRun merges a part of a bucket into n and returns n itself if n contains
// it already.
func mergeRun(n *node, es []entry, shift uint) *node {
	if n.isBranch() {
		out, _ := mergeBranchRun(n, es, shift)
		return out
	}
	switch compareRuns(n.run(), es) {
	case Equal, After:
		return n
	case Before:
		return newBucket(es)
	default:
		return buildUnion(n.run(), es, shift)
	}
}

func mergeBuckets(a, b *node, shift uint) (*node, Ordering) {
	switch ord := compareRuns(a.entries, b.entries); ord {
	case Equal, After:
		return a, ord
	case Before:
		return b, ord
	default:
		return buildUnion(a.entries, b.entries, shift), ord
	}
}

func buildUnion(a, b []entry, shift uint) *node {
	var room [2 * bucketMax]entry
	return build(appendUnion(room[:0], a, b), shift)
}

func appendUnion(out, a, b []entry) []entry {
	for len(a) > 0 && len(b) > 0 {
		switch c := compareKeys(a[0].key, b[0].key); {
		case c < 0:
			out = append(out, a[0])
			a = a[1:]
		case c > 0:
			out = append(out, b[0])
			b = b[1:]
		default:
			if e := a[0]; e.compare(b[0]) >= 0 {
				out = append(out, e)
			} else {
				out = append(out, b[0])
			}
			a, b = a[1:], b[1:]
		}
	}
	return append(append(out, a...), b...)
}
