package oracle

import (
	"iter"
	"math/bits"

	"github.com/Ishan27gOrg/gossipProtocol/causal"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// relation is the true happened-before relation among messages, or as much of it
// as an order promises to keep.
type relation struct {
	ids   []ID
	index map[ID]int
	of    []set // of each message, those that happened before it
	// unknown are the messages of whose past there may be more than anyone knows.
	unknown set
	// clocks has each message's true clock: of each origin, how many messages
	// happened before it, itself included. Nil: nobody knows.
	clocks []*vclock.Clock
}

// newRelation reads the relation off the journals: a message happened after all
// that its origin had sent or delivered before it, and after all that those
// happened after.
func newRelation(order causal.Order, sent []ID, journals []Journal) *relation {
	r := &relation{
		ids: sent, index: make(map[ID]int, len(sent)), of: make([]set, len(sent)),
		unknown: newSet(len(sent)), clocks: make([]*vclock.Clock, len(sent)),
	}
	for i, id := range sent {
		r.index[id] = i
		r.of[i] = newSet(len(sent))
	}
	if order != causal.Unordered {
		r.addOrigins()
	}
	if order != causal.Causal {
		for i, id := range sent {
			own := vclock.Clock{}.With(id.Origin, id.Seq)
			r.clocks[i] = &own
		}
		return r
	}
	r.addDeliveries(journals)
	r.close()
	r.forget(journals)
	for i := range r.ids {
		if !r.unknown.has(i) {
			clock := r.clock(i)
			r.clocks[i] = &clock
		}
	}
	return r
}

// addOrigins puts each origin's messages after each other.
func (r *relation) addOrigins() {
	for i, id := range r.ids {
		for k, other := range r.ids {
			if other.Origin == id.Origin && other.Seq < id.Seq {
				r.of[i].add(k)
			}
		}
	}
}

// addDeliveries puts each message after what its origin had delivered.
func (r *relation) addDeliveries(journals []Journal) {
	told := newSet(len(r.ids))
	for _, j := range journals {
		before := newSet(len(r.ids))
		for _, d := range j.Log {
			i, known := r.index[d.ID]
			if !known {
				continue
			}
			if d.ID.Origin == j.Node {
				r.of[i].addAll(before)
				told.add(i)
			}
			before.add(i)
		}
	}
	for i := range r.ids {
		if !told.has(i) {
			r.unknown.add(i)
		}
	}
}

// close makes the relation transitive.
func (r *relation) close() {
	for changed := true; changed; {
		changed = false
		for i := range r.of {
			for k := range r.of[i].without(nil) {
				if !r.of[k].in(r.of[i]) {
					r.of[i].addAll(r.of[k])
					changed = true
				}
			}
		}
	}
}

// forget marks what follows something unknown at an origin that was told of gaps.
// (Without gaps an origin has delivered the unknown, too, and its own journal
// tells.)
func (r *relation) forget(journals []Journal) {
	for _, j := range journals {
		if len(j.Gaps) == 0 {
			continue
		}
		for i, id := range r.ids {
			if id.Origin == j.Node && r.of[i].meets(r.unknown) {
				r.unknown.add(i)
			}
		}
	}
}

func (r *relation) clock(i int) (c vclock.Clock) {
	counts := map[vclock.Origin]uint64{r.ids[i].Origin: 1}
	for k := range r.of[i].without(nil) {
		counts[r.ids[k].Origin]++
	}
	for origin, n := range counts {
		c = c.With(origin, n)
	}
	return c
}

// delivered is the set of what a journal has.
func (r *relation) delivered(j *Journal) set {
	all := newSet(len(r.ids))
	for _, d := range j.Log {
		if i, known := r.index[d.ID]; known {
			all.add(i)
		}
	}
	return all
}

// set is the set of some messages.
func (r *relation) set(ids []ID) set {
	all := newSet(len(r.ids))
	for _, id := range ids {
		if i, known := r.index[id]; known {
			all.add(i)
		}
	}
	return all
}

// set is a set of small numbers.
type set []uint64

func newSet(size int) set { return make(set, (size+63)/64) }

func (s set) has(i int) bool { return s[i/64]>>(i%64)&1 == 1 }
func (s set) add(i int)      { s[i/64] |= 1 << (i % 64) }

func (s set) addAll(t set) {
	for i := range t {
		s[i] |= t[i]
	}
}

// in reports whether all of s is in t.
func (s set) in(t set) bool {
	for range s.without(t) {
		return false
	}
	return true
}

// meets reports whether anything is in both.
func (s set) meets(t set) bool {
	for i := range s {
		if s[i]&t[i] != 0 {
			return true
		}
	}
	return false
}

// without goes over what is in s and, unless that is nil, not in t, from the
// least.
func (s set) without(t set) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i, word := range s {
			if t != nil {
				word &^= t[i]
			}
			for ; word != 0; word &= word - 1 {
				if !yield(64*i + bits.TrailingZeros64(word)) {
					return
				}
			}
		}
	}
}
