package vclock

import "slices"

// Horizon is how many epochs an entry stays in clocks after its last event, at
// least: a clock of epoch e has none that are older than e - Horizon.
const Horizon = 8

// Epochs let clocks forget. See the package documentation; by number:
//
//	E1  A clock's epoch is the newest of its entries.
//	E2  No entry has an epoch that is before the clock's floor, Horizon epochs
//	    before its own, unless it has none.
//	E3  An entry that is absent stands for all events of its origin before the
//	    floor, and for none since. What is pruned, Merge does not bring back.
//
// and for whoever gives events their epochs:
//
//	E4  An origin's events all have epochs or none has; an event's epoch is not
//	    before that of any event that happened before it.
//
// From these follows what comparing means:
//
//	E5  The clock of event a is Before that of event b if a happened before b, or
//	    a's epoch is before b's floor; and in no other case.
//
// For if a's epoch is not before b's floor then b's clock has the whole of a's origin
// in its past, or not a, just as a full clock; and if it is, then all that a's clock
// has is before that floor (E4). The relation is an order, since it is the order of
// what happened together with that of time for what is so far apart: no two clocks
// ever compare against what happened, nor do three in a circle.

// Epoch is that of the clock's newest event, 0 if none has any. O(1).
func (c Clock) Epoch() uint32 { return c.epoch }

// Advance returns c with the count of o set to n by an event of this epoch, and
// without what is older than Horizon epochs then. Epoch 0 is none: the entry is
// never dropped. An event before the clock's own floor leaves c as it is. O(log n),
// and O(n) if the floor rises.
func (c Clock) Advance(o Origin, n uint64, epoch uint32) Clock {
	if epoch != 0 && epoch < floor(c.epoch) {
		return c
	}
	k := key{Origin: o, hash: hashName(o.Name), epoch: epoch}
	newest := max(c.epoch, epoch)
	return Clock{root: c.since(newest), epoch: newest}.with(&k, n)
}

// Maker makes clocks, some to an allocation, for who makes many that are all kept for
// about as long: one that is kept longer keeps up to 4 KiB of others, unless it is Cloned.
// The zero Maker is usable.
type Maker struct {
	nodes  []node
	counts []uint64
	last   *names // that there was a look at, which the next clock most likely has too
	made   int    // nodes allocated together last
}

// How much a Maker allocates at once, at most. It begins with a part of that, for whoever
// makes a clock now and then, and has twice as much each time.
const (
	madeNodes  = 32
	madeCounts = 256
	firstPart  = 8
)

// AdvanceAll returns the clock of an event that comes after all of pasts: what merging
// them, and then [Clock.Advance] with this epoch or the newest of theirs, comes to. If all
// of them are small it allocates little, however many there are.
func (m *Maker) AdvanceAll(pasts []Clock, o Origin, n uint64, epoch uint32) Clock {
	for _, p := range pasts {
		epoch = max(epoch, p.epoch)
	}
	if c, ok := m.advanceSmall(pasts, o, n, epoch); ok {
		return c
	}
	var past Clock
	for _, p := range slices.Backward(pasts) { // the last most likely knows most
		past = past.Merge(p)
	}
	return past.Advance(o, n, epoch)
}

// advanceSmall is AdvanceAll where one bucket has room for the clock, and for all that
// it is made of; false if there is no such bucket.
func (m *Maker) advanceSmall(pasts []Clock, o Origin, n uint64, epoch uint32) (c Clock, ok bool) {
	var first *node
	shared := true // the names, by all of pasts
	for _, p := range pasts {
		switch {
		case p.root == nil:
		case p.root.isBranch() || floor(p.epoch) != floor(epoch): // E2
			return c, false
		case first == nil:
			first = p.root
		default:
			shared = shared && p.root.names == first.names
		}
	}
	if n == 0 {
		return c, false
	}
	k := key{Origin: o, hash: hashName(o.Name), epoch: epoch}
	if first == nil || !shared {
		return m.advanceMixed(pasts, k, n)
	}
	i, found := find(first.names.keys, &k)
	if !found || first.names.keys[i].epoch < epoch {
		return m.advanceMixed(pasts, k, n)
	}
	out := m.bucket(first.names)
	for _, p := range pasts {
		if p.root != nil {
			raise(out.counts, p.root.counts)
		}
	}
	out.counts[i] = n
	return Clock{root: out, epoch: epoch}, true
}

// advanceMixed is advanceSmall for clocks of which not all have the same names, or that
// has another name than they.
func (m *Maker) advanceMixed(pasts []Clock, k key, n uint64) (c Clock, ok bool) {
	var rooms [2]room
	r := rooms[1].run()
	for i, p := range pasts {
		if r = appendUnion(rooms[i%2].run(), r, p.root.run()); r.len() > bucketMax {
			return c, false
		}
	}
	switch i, found := find(r.keys, &k); {
	case !found && r.len() == bucketMax:
		return c, false
	case found && r.keys[i].epoch >= k.epoch:
		r.counts[i] = n
	case found:
		kept := k
		r.keys[i], r.counts[i] = &kept, n
	default:
		kept := k // k is on the stack
		r.keys, r.counts = slices.Insert(r.keys, i, &kept), slices.Insert(r.counts, i, n)
	}
	if !m.last.are(r.keys) {
		m.last = newNames(r.keys)
	}
	out := m.bucket(m.last)
	copy(out.counts, r.counts)
	return Clock{root: out, epoch: k.epoch}, true
}

// bucket returns one with these names, and counts that are 0 and the caller's to set.
func (m *Maker) bucket(names *names) *node {
	n := len(names.keys)
	if len(m.nodes) == 0 {
		m.made = min(max(2*m.made, madeNodes/firstPart), madeNodes)
		m.nodes = make([]node, m.made)
	}
	if len(m.counts) < n {
		m.counts = make([]uint64, max(n, m.made*(madeCounts/madeNodes)))
	}
	out := &m.nodes[0]
	out.names, out.counts = names, m.counts[:n:n]
	m.nodes, m.counts = m.nodes[1:], m.counts[n:]
	return out
}

// Clone returns c in memory that it shares with no other clock of a [Maker], but for
// names.
func (c Clock) Clone() Clock {
	if c.root == nil || c.root.isBranch() { // a Maker makes buckets alone
		return c
	}
	return Clock{root: bucketOf(c.root.names, c.root.counts), epoch: c.epoch}
}

// floor is the oldest epoch that a clock of this epoch has entries of.
func floor(epoch uint32) uint32 { return max(epoch, Horizon) - Horizon }

// since returns the entries that a clock of this epoch, which is not before c's,
// still has.
func (c Clock) since(epoch uint32) *node {
	if floor(c.epoch) == floor(epoch) {
		return c.root // E2
	}
	return c.root.prune(floor(epoch), topShift)
}

// isBefore reports whether an entry has to go.
func (k *key) isBefore(floor uint32) bool { return k.epoch != 0 && k.epoch < floor }

// prune returns the subtree without the entries before the floor, and n itself if
// there are none. O(n).
func (n *node) prune(floor uint32, shift uint) *node {
	if !n.isBranch() {
		return n.pruneBucket(floor, shift)
	}
	out := n
	for i, kid := range n.kids.at {
		if pruned := kid.prune(floor, shift-slotBits); pruned != kid {
			if out == n {
				out = n.copyBranch()
			}
			out.put(i, pruned)
		}
	}
	switch {
	case out == n:
		return n
	case out.len() == 0:
		return nil
	}
	return out.restoreT3()
}

func (n *node) pruneBucket(floor uint32, shift uint) *node {
	r := n.run()
	if !slices.ContainsFunc(r.keys, func(k *key) bool { return k.isBefore(floor) }) {
		return n
	}
	var kept run
	for i, k := range r.keys {
		if !k.isBefore(floor) {
			kept = kept.append(r.at(i))
		}
	}
	return build(kept, shift)
}

// newest is the newest epoch of the entries.
func newest(es []entry) (epoch uint32) {
	for _, e := range es {
		epoch = max(epoch, e.key.epoch)
	}
	return epoch
}
