package vclock

import (
	"cmp"
	"hash/maphash"
	"slices"
)

// The trie. A subtree is a bucket, a sorted run of entries, or a branch over
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
//	    a caller outside this file; nor do names, ever.
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
// and shared by every clock that descends from there.
//
// The epoch is no part of the name. A new one makes a new key, which is seldom.
type key struct {
	Origin
	hash  uint64 // of Origin.Name alone, so that the lives of one name are neighbours
	epoch uint32 // of the last event that is counted; 0 if it has none
}

// entry is a key and its count, where the two are looked at together.
type entry struct {
	key *key
	n   uint64
}

// names are the keys of a bucket. Nearly all buckets of the clocks that a process has
// differ in counts alone, so they share these: a clock then takes eight bytes an entry,
// the garbage collector finds no pointers among them, and clocks that have the same names
// are compared and merged without a look at any.
type names struct{ keys []*key }

// node is a bucket if kids is nil, else a branch. The array behind counts and
// the branch behind kids live in the same allocation as the node, unless a Maker has made
// it. With 40 bytes for the node and 8 for each count, buckets of an odd number fill Go's
// size classes exactly.
type node struct {
	kids   *branch
	names  *names
	counts []uint64 // one for each name
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
	switch {
	case e.n < f.n:
		return -1
	case e.n > f.n:
		return 1
	case e.key == f.key, e.key.epoch == 0, f.key.epoch == 0:
		return 0
	}
	return cmp.Compare(e.key.epoch, f.key.epoch)
}

func slot(hash uint64, shift uint) int { return int(hash >> shift % slots) }

func compareKeys(a, b *key) int {
	switch {
	case a == b:
		return 0
	case a.hash < b.hash:
		return -1
	case a.hash > b.hash:
		return 1
	}
	return a.Origin.Compare(b.Origin)
}

func sortByHash(es []entry) {
	slices.SortFunc(es, func(a, b entry) int { return compareKeys(a.key, b.key) })
}

// run is a sorted part of a bucket, or all of it.
type run struct {
	keys   []*key
	counts []uint64
}

func (r run) len() int           { return len(r.keys) }
func (r run) at(i int) entry     { return entry{r.keys[i], r.counts[i]} }
func (r run) slice(i, j int) run { return run{r.keys[i:j], r.counts[i:j]} }
func (r run) from(i int) run     { return run{r.keys[i:], r.counts[i:]} }
func (r run) append(e entry) run { return run{append(r.keys, e.key), append(r.counts, e.n)} }
func (r run) appendAll(s run) run {
	return run{append(r.keys, s.keys...), append(r.counts, s.counts...)}
}

// sharesNames reports whether two runs are known to have the same names without a look
// at them.
func (r run) sharesNames(s run) bool {
	return len(r.keys) > 0 && len(r.keys) == len(s.keys) && &r.keys[0] == &s.keys[0]
}

// room is for a run on the stack.
type room struct {
	keys   [2 * bucketMax]*key
	counts [2 * bucketMax]uint64
}

func (r *room) run() run { return run{r.keys[:0], r.counts[:0]} }

// runOf returns the entries as a run.
func runOf(es []entry) run {
	r := run{make([]*key, len(es)), make([]uint64, len(es))}
	for i, e := range es {
		r.keys[i], r.counts[i] = e.key, e.n
	}
	return r
}

// find returns where k is in keys, or where it belongs. It is written out because
// handing k to a function value would move it to the heap.
func find(keys []*key, k *key) (at int, found bool) {
	lo, hi := 0, len(keys)
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		switch c := compareKeys(keys[mid], k); {
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

// cut splits off the leading entries of r that belong into the same slot.
func cut(r run, shift uint) (i int, head, rest run) {
	i = slot(r.keys[0].hash, shift)
	end := 1
	for end < r.len() && slot(r.keys[end].hash, shift) == i {
		end++
	}
	return i, r.slice(0, end), r.from(end)
}

func (n *node) len() int {
	switch {
	case n == nil:
		return 0
	case n.kids == nil:
		return len(n.counts)
	default:
		return n.kids.n
	}
}

func (n *node) isBranch() bool { return n != nil && n.kids != nil }

// run returns the entries of a bucket, where nil is an empty one.
func (n *node) run() run {
	if n == nil {
		return run{}
	}
	return run{n.names.keys, n.counts}
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
		for i, r := 0, n.run(); i < r.len(); i++ {
			es = append(es, r.at(i))
		}
		return es
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
	r := n.run()
	i, found := find(r.keys, k)
	switch {
	case !found && count == 0:
		return n
	case found && count != 0 && k.epoch > r.keys[i].epoch:
		kept := *k
		out := bucketOf(newNames(r.keys), r.counts)
		out.names.keys[i], out.counts[i] = &kept, count
		return out
	case found && count == r.counts[i]:
		return n
	case found && count == 0:
		return buildWithout(r, i, shift)
	case found:
		out := bucketOf(n.names, r.counts)
		out.counts[i] = count
		return out
	default:
		kept := *k // k is on the caller's stack
		return buildWith(r, i, entry{&kept, count}, shift)
	}
}

func buildWithout(r run, i int, shift uint) *node {
	var room room
	return build(room.run().appendAll(r.slice(0, i)).appendAll(r.from(i+1)), shift)
}

func buildWith(r run, i int, e entry, shift uint) *node {
	var room room
	return build(room.run().appendAll(r.slice(0, i)).append(e).appendAll(r.from(i)), shift)
}

// restoreT3 returns n, from below which an entry was removed, or the bucket
// that has to take its place.
func (n *node) restoreT3() *node {
	if n.kids.n <= bucketMax {
		var room room
		return newBucket(n.appendRun(room.run()))
	}
	if kid := n.onlyKid(); kid != nil && !kid.isBranch() {
		return kid // more than bucketMax entries in a bucket: one hash, by T2
	}
	return n
}

// appendRun is appendTo for a run.
func (n *node) appendRun(r run) run {
	if !n.isBranch() {
		return r.appendAll(n.run())
	}
	for _, kid := range n.kids.at {
		r = kid.appendRun(r)
	}
	return r
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

// build makes the subtree of r, which is sorted as in T4 and copied. The
// recursion ends because entries that agree in all bits have one hash.
func build(r run, shift uint) *node {
	if r.len() == 0 {
		return nil
	}
	if r.len() <= bucketMax || r.keys[0].hash == r.keys[r.len()-1].hash {
		return newBucket(r)
	}
	out := newBranch()
	for r.len() > 0 {
		i, head, rest := cut(r, shift)
		out.put(i, build(head, shift-slotBits))
		r = rest
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

// newBucket returns a bucket with a copy of r.
func newBucket(r run) *node { return bucketOf(newNames(r.keys), r.counts) }

// newNames returns names with a copy of keys.
func newNames(keys []*key) *names {
	if len(keys) == 1 {
		n := new(struct {
			names
			room [1]*key
		})
		n.room[0], n.keys = keys[0], n.room[:]
		return &n.names
	}
	return &names{append(make([]*key, 0, len(keys)), keys...)}
}

// are reports whether these are the names, and the epochs.
func (n *names) are(keys []*key) bool {
	return n != nil && slices.EqualFunc(n.keys, keys, func(a, b *key) bool {
		return a == b || a.epoch == b.epoch && compareKeys(a, b) == 0
	})
}

// bucketOf returns a bucket with these names and a copy of counts, in one allocation if it
// has at most bucketMax entries. Go has no arrays of variable length inside a struct,
// hence a type for each size; the steps waste at most one count.
func bucketOf(names *names, counts []uint64) *node {
	n := len(counts)
	var out *node
	switch {
	case n <= 1:
		b := new(struct {
			node
			room [1]uint64
		})
		out, b.counts = &b.node, b.room[:n:n]
	case n <= 3:
		b := new(struct {
			node
			room [3]uint64
		})
		out, b.counts = &b.node, b.room[:n:n]
	case n <= 5:
		b := new(struct {
			node
			room [5]uint64
		})
		out, b.counts = &b.node, b.room[:n:n]
	case n <= 7:
		b := new(struct {
			node
			room [7]uint64
		})
		out, b.counts = &b.node, b.room[:n:n]
	case n <= 9:
		b := new(struct {
			node
			room [9]uint64
		})
		out, b.counts = &b.node, b.room[:n:n]
	case n <= 11:
		b := new(struct {
			node
			room [11]uint64
		})
		out, b.counts = &b.node, b.room[:n:n]
	case n <= 13:
		b := new(struct {
			node
			room [13]uint64
		})
		out, b.counts = &b.node, b.room[:n:n]
	case n <= 15:
		b := new(struct {
			node
			room [15]uint64
		})
		out, b.counts = &b.node, b.room[:n:n]
	case n <= bucketMax:
		b := new(struct {
			node
			room [bucketMax]uint64
		})
		out, b.counts = &b.node, b.room[:n:n]
	default:
		out = &node{counts: make([]uint64, n)}
	}
	out.names = names
	copy(out.counts, counts)
	return out
}
