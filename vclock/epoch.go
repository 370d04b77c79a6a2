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
// about as long: one that is kept longer keeps up to 5 KiB of others, unless it is Cloned.
// The zero Maker is usable.
type Maker struct {
	nodes   []node
	entries []entry
	made    int // nodes allocated together last
}

// How much a Maker allocates at once, at most. It begins with a part of that, for whoever
// makes a clock now and then, and has twice as much each time.
const (
	madeNodes   = 16
	madeEntries = 64
	firstPart   = 8
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
	var rooms [2][2 * bucketMax]entry
	es := rooms[1][:0]
	for i, p := range pasts {
		if p.root.isBranch() || floor(p.epoch) != floor(epoch) { // E2
			return c, false
		}
		if es = appendUnion(rooms[i%2][:0], es, p.root.run()); len(es) > bucketMax {
			return c, false
		}
	}
	k := key{Origin: o, hash: hashName(o.Name), epoch: epoch}
	switch i, found := find(es, &k); {
	case n == 0 || !found && len(es) == bucketMax:
		return c, false
	case found && es[i].key.epoch >= epoch:
		es[i].n = n
	case found:
		kept := k
		es[i] = entry{&kept, n}
	default:
		kept := k // k is on the stack
		es = slices.Insert(es, i, entry{&kept, n})
	}
	return Clock{root: m.bucket(es), epoch: epoch}, true
}

// bucket returns one with a copy of es.
func (m *Maker) bucket(es []entry) *node {
	if len(m.nodes) == 0 {
		m.made = min(max(2*m.made, madeNodes/firstPart), madeNodes)
		m.nodes = make([]node, m.made)
	}
	if len(m.entries) < len(es) {
		m.entries = make([]entry, max(len(es), m.made*(madeEntries/madeNodes)))
	}
	out, room := &m.nodes[0], m.entries[:len(es):len(es)]
	m.nodes, m.entries = m.nodes[1:], m.entries[len(es):]
	copy(room, es)
	out.entries = room
	return out
}

// Clone returns c in memory that it shares with no other clock of a [Maker].
func (c Clock) Clone() Clock {
	if c.root == nil || c.root.isBranch() { // a Maker makes buckets alone
		return c
	}
	return Clock{root: newBucket(c.root.entries), epoch: c.epoch}
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
func (e entry) isBefore(floor uint32) bool { return e.key.epoch != 0 && e.key.epoch < floor }

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
	for i, e := range n.run() {
		if !e.isBefore(floor) {
			continue
		}
		kept := append(make([]entry, 0, len(n.entries)), n.entries[:i]...)
		for _, e := range n.entries[i+1:] {
			if !e.isBefore(floor) {
				kept = append(kept, e)
			}
		}
		return build(kept, shift)
	}
	return n
}

// newest is the newest epoch of the entries.
func newest(es []entry) (epoch uint32) {
	for _, e := range es {
		epoch = max(epoch, e.key.epoch)
	}
	return epoch
}
