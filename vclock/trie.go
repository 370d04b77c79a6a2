package vclock

import (
	"cmp"
	"hash/maphash"
	"slices"
)

// The trie. A subtree is a bucket, a sorted array of entries, or a branch over
// sixteen subtrees chosen by four bits of the hash, most significant first.
// These invariants make the shape a function of the contents, and the code in
// this package leans on them by number:
//
//	T1  An empty subtree is nil; no node is empty and no stored count is zero.
//	T2  A bucket has at most bucketMax entries, or all of them have one hash.
//	T3  A branch has more than bucketMax entries below it, and of those at
//	    least two have different hashes.
//	T4  A bucket is strictly sorted by hash, name, incarnation.
//	T5  All hashes below slot i of a branch have i in that branch's four bits,
//	    and agree in all higher bits.
//	T6  A node never changes after the function that made it has returned it to
//	    a caller outside this file.
//
// T4 and T5 mean that walking the trie from left to right walks the hashes in
// ascending order, and that the part of a bucket that belongs into one slot of
// a branch is a run of neighbours: a bucket can be held against a branch by
// slicing it, without taking it apart. T2 and T3 mean that a bucket can never
// contain everything that a branch does.
const (
	slotBits  = 4
	slots     = 1 << slotBits
	topShift  = 64 - slotBits
	bucketMax = 16
)

// key names an entry for ever. It is made once, when an origin is first set,
// and shared by every clock that descends from there; entries stay 16 bytes.
//
// The epoch is no part of the name. A new one makes a new key, which is seldom.
type key struct {
	Origin
	hash  uint64 // of Origin.Name alone, so that the lives of one name are neighbours
	epoch uint32 // of the last event that is counted; 0 if it has none
}

type entry struct {
	key *key
	n   uint64
}

// node is a bucket if kids is nil, else a branch. The array behind entries and
// the branch behind kids live in the same allocation as the node. With 32 bytes
// for the node and 16 for each entry, buckets fill Go's size classes exactly.
type node struct {
	kids    *branch
	entries []entry
}

type branch struct {
	n  int // entries below
	at [slots]*node
}

var seed = maphash.MakeSeed()

// hashName is a variable so that tests can force collisions.
var hashName = func(name string) uint64 { return maphash.String(seed, name) }

func newEntry(o Origin, n uint64, epoch uint32) entry {
	return entry{key: &key{Origin: o, hash: hashName(o.Name), epoch: epoch}, n: n}
}

// compare orders the entries of one origin. One event has one epoch, so the count
// decides; but a clock that somebody has made of counts alone equals the one that it
// is meant to be.
func (e entry) compare(f entry) int {
	if e == f {
		return 0 // as most are that clocks share; their key is not even looked at
	}
	if e.n != f.n || e.key.epoch == 0 || f.key.epoch == 0 {
		return cmp.Compare(e.n, f.n)
	}
	return cmp.Compare(e.key.epoch, f.key.epoch)
}

func slot(hash uint64, shift uint) int { return int(hash >> shift % slots) }

func compareKeys(a, b *key) int {
	if a == b {
		return 0
	}
	if c := cmp.Compare(a.hash, b.hash); c != 0 {
		return c
	}
	return a.Origin.Compare(b.Origin)
}

func sortByHash(es []entry) {
	slices.SortFunc(es, func(a, b entry) int { return compareKeys(a.key, b.key) })
}

// find returns where k is in es, or where it belongs. It is written out because
// handing k to a function value would move it to the heap.
func find(es []entry, k *key) (at int, found bool) {
	lo, hi := 0, len(es)
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		switch c := compareKeys(es[mid].key, k); {
		case c == 0:
			return mid, true
		case c < 0:
			lo = mid + 1
		default:
			hi = mid
		}
	}
	return lo, false
}

// cut splits off the leading entries of es that belong into the same slot.
func cut(es []entry, shift uint) (i int, run, rest []entry) {
	i = slot(es[0].key.hash, shift)
	end := 1
	for end < len(es) && slot(es[end].key.hash, shift) == i {
		end++
	}
	return i, es[:end], es[end:]
}

func (n *node) len() int {
	switch {
	case n == nil:
		return 0
	case n.kids == nil:
		return len(n.entries)
	default:
		return n.kids.n
	}
}

func (n *node) isBranch() bool { return n != nil && n.kids != nil }

// run returns the entries of a bucket, where nil is an empty one.
func (n *node) run() []entry {
	if n == nil {
		return nil
	}
	return n.entries
}

// bucket returns the bucket below n, nil if there is none, that would hold hash.
func (n *node) bucket(hash uint64) *node {
	for shift := uint(topShift); n.isBranch(); shift -= slotBits {
		n = n.kids.at[slot(hash, shift)]
	}
	return n
}

// appendTo appends all entries below n to es, sorted as in T4.
func (n *node) appendTo(es []entry) []entry {
	if !n.isBranch() {
		return append(es, n.run()...)
	}
	for _, kid := range n.kids.at {
		es = kid.appendTo(es)
	}
	return es
}

// set returns the subtree n with the count of k set to count, and n itself if
// that changes nothing. An entry that is there keeps its epoch if k has none
// that is later.
func (n *node) set(k *key, count uint64, shift uint) *node {
	if !n.isBranch() {
		return n.setInBucket(k, count, shift)
	}
	i := slot(k.hash, shift)
	old := n.kids.at[i]
	kid := old.set(k, count, shift-slotBits)
	if kid == old {
		return n
	}
	out := n.copyBranch()
	out.put(i, kid)
	if kid.len() < old.len() {
		return out.restoreT3()
	}
	return out
}

func (n *node) setInBucket(k *key, count uint64, shift uint) *node {
	es := n.run()
	i, found := find(es, k)
	switch {
	case !found && count == 0:
		return n
	case found && count != 0 && k.epoch > es[i].key.epoch:
		kept := *k
		out := newBucket(es)
		out.entries[i] = entry{&kept, count}
		return out
	case found && count == es[i].n:
		return n
	case found && count == 0:
		return buildWithout(es, i, shift)
	case found:
		out := newBucket(es)
		out.entries[i].n = count
		return out
	default:
		kept := *k // k is on the caller's stack
		return buildWith(es, i, entry{&kept, count}, shift)
	}
}

func buildWithout(es []entry, i int, shift uint) *node {
	var room [bucketMax]entry
	return build(append(append(room[:0], es[:i]...), es[i+1:]...), shift)
}

func buildWith(es []entry, i int, e entry, shift uint) *node {
	var room [bucketMax + 1]entry
	return build(append(append(append(room[:0], es[:i]...), e), es[i:]...), shift)
}

// restoreT3 returns n, from below which an entry was removed, or the bucket
// that has to take its place.
func (n *node) restoreT3() *node {
	if n.kids.n <= bucketMax {
		var room [bucketMax]entry
		return newBucket(n.appendTo(room[:0]))
	}
	if kid := n.onlyKid(); kid != nil && !kid.isBranch() {
		return kid // more than bucketMax entries in a bucket: one hash, by T2
	}
	return n
}

func (n *node) onlyKid() (only *node) {
	for _, kid := range n.kids.at {
		if kid == nil {
			continue
		}
		if only != nil {
			return nil
		}
		only = kid
	}
	return only
}

// build makes the subtree of es, which is sorted as in T4 and copied. The
// recursion ends because entries that agree in all bits have one hash.
func build(es []entry, shift uint) *node {
	if len(es) == 0 {
		return nil
	}
	if len(es) <= bucketMax || es[0].key.hash == es[len(es)-1].key.hash {
		return newBucket(es)
	}
	out := newBranch()
	for len(es) > 0 {
		i, run, rest := cut(es, shift)
		out.put(i, build(run, shift-slotBits))
		es = rest
	}
	return out
}

// put replaces kid i of a branch that nobody else has seen yet (T6).
func (n *node) put(i int, kid *node) {
	n.kids.n += kid.len() - n.kids.at[i].len()
	n.kids.at[i] = kid
}

func (n *node) copyBranch() *node {
	out := newBranch()
	*out.kids = *n.kids
	return out
}

func newBranch() *node {
	b := new(struct {
		node
		room branch
	})
	b.kids = &b.room
	return &b.node
}

// newBucket returns a bucket with a copy of es, in one allocation if it has at
// most bucketMax entries. Go has no arrays of variable length inside a struct,
// hence a type for each size; the steps waste at most one entry.
func newBucket(es []entry) *node {
	n := len(es)
	var out *node
	switch {
	case n <= 1:
		b := new(struct {
			node
			room [1]entry
		})
		out, b.entries = &b.node, b.room[:n:n]
	case n <= 2:
		b := new(struct {
			node
			room [2]entry
		})
		out, b.entries = &b.node, b.room[:n:n]
	case n <= 3:
		b := new(struct {
			node
			room [3]entry
		})
		out, b.entries = &b.node, b.room[:n:n]
	case n <= 4:
		b := new(struct {
			node
			room [4]entry
		})
		out, b.entries = &b.node, b.room[:n:n]
	case n <= 6:
		b := new(struct {
			node
			room [6]entry
		})
		out, b.entries = &b.node, b.room[:n:n]
	case n <= 8:
		b := new(struct {
			node
			room [8]entry
		})
		out, b.entries = &b.node, b.room[:n:n]
	case n <= 10:
		b := new(struct {
			node
			room [10]entry
		})
		out, b.entries = &b.node, b.room[:n:n]
	case n <= 12:
		b := new(struct {
			node
			room [12]entry
		})
		out, b.entries = &b.node, b.room[:n:n]
	case n <= 14:
		b := new(struct {
			node
			room [14]entry
		})
		out, b.entries = &b.node, b.room[:n:n]
	case n <= bucketMax:
		b := new(struct {
			node
			room [bucketMax]entry
		})
		out, b.entries = &b.node, b.room[:n:n]
	default:
		out = &node{entries: make([]entry, n)}
	}
	copy(out.entries, es)
	return out
}
