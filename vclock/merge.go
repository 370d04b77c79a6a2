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
		return mergeBranchRun(a, b.run(), shift)
	case b.isBranch():
		out, ord := mergeBranchRun(b, a.run(), shift)
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

// mergeBranchRun merges r, a bucket or a part of one, into the branch n. By T2
// and T3 r never contains n, so the result is either n or a new branch.
func mergeBranchRun(n *node, r run, shift uint) (*node, Ordering) {
	out, ord := n, After
	for r.len() > 0 {
		i, head, rest := cut(r, shift)
		old := n.kids.at[i]
		if kid := mergeRun(old, head, shift-slotBits); kid != old {
			if out == n {
				out, ord = n.copyBranch(), Concurrent
			}
			out.put(i, kid)
		}
		r = rest
	}
	return out, ord
}

// mergeRun merges a part of a bucket into n and returns n itself if n contains
// it already.
func mergeRun(n *node, r run, shift uint) *node {
	if n.isBranch() {
		out, _ := mergeBranchRun(n, r, shift)
		return out
	}
	switch compareRuns(n.run(), r) {
	case Equal, After:
		return n
	case Before:
		return newBucket(r)
	default:
		return buildUnion(n, r, shift)
	}
}

func mergeBuckets(a, b *node, shift uint) (*node, Ordering) {
	switch ord := compareRuns(a.run(), b.run()); {
	case ord == Equal, ord == After:
		return a, ord
	case ord == Before:
		return b, ord
	case a.names == b.names:
		out := bucketOf(a.names, a.counts)
		raise(out.counts, b.counts)
		return out, ord
	default:
		return buildUnion(a, b.run(), shift), ord
	}
}

// raise has each count be at least the other one.
func raise(counts, others []uint64) {
	for i, n := range others[:len(counts)] {
		counts[i] = max(counts[i], n)
	}
}

// buildUnion merges r into a bucket. If the bucket has had all of the names, what comes
// of it shares them.
func buildUnion(n *node, r run, shift uint) *node {
	var room room
	union := appendUnion(room.run(), n.run(), r)
	if n != nil && n.names.are(union.keys) {
		return bucketOf(n.names, union.counts)
	}
	return build(union, shift)
}

func appendUnion(out, a, b run) run {
	i, j := 0, 0
	for i < len(a.keys) && j < len(b.keys) {
		e, f := a.at(i), b.at(j)
		c := compareKeys(e.key, f.key)
		switch {
		case c < 0:
			i++
		case c > 0:
			e = f
			j++
		default:
			if e.compare(f) < 0 {
				e = f
			}
			i, j = i+1, j+1
		}
		out.keys, out.counts = append(out.keys, e.key), append(out.counts, e.n)
	}
	return out.appendAll(a.from(i)).appendAll(b.from(j))
}
