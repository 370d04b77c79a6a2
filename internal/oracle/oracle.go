// Package oracle judges what the nodes of a real network delivered. It knows
// nothing of the protocol: each node's deliveries, in their order, are all it
// is given, and the true happened-before relation follows from them, because a
// node delivers its own messages too, in their place.
//
// (The simulator has an oracle of its own, which sees the sending itself and
// judges while the world runs.)
package oracle

import (
	"fmt"
	"slices"

	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// Delivery is one message as one node delivered it.
type Delivery struct {
	Origin vclock.Origin
	Seq    uint64
	Clock  vclock.Clock
}

type dot struct {
	origin vclock.Origin
	seq    uint64
}

func (d dot) String() string { return fmt.Sprintf("%v:%d", d.origin, d.seq) }

// Journal is what one node delivered, in order.
type Journal struct {
	Node       vclock.Origin
	Deliveries []Delivery
	// Cut says that the node was stopped, and may have sent and delivered more
	// than was read from it.
	Cut bool
}

// Report counts broken promises; Details has the first of them in words.
type Report struct {
	Messages   int // different ones, seen anywhere
	Expected   int // deliveries owed by the nodes that were not cut
	Delivered  int // of those
	Duplicates int // by any node
	Violations int // deliveries before something that happened before
	WrongClock int
	Details    []string
}

// OK reports whether every promise was kept.
func (r *Report) OK() bool {
	return r.Duplicates == 0 && r.Violations == 0 && r.WrongClock == 0 && r.Delivered == r.Expected
}

const maxDetails = 20

func (r *Report) note(format string, args ...any) {
	if len(r.Details) < maxDetails {
		r.Details = append(r.Details, fmt.Sprintf(format, args...))
	}
}

// Check judges a run. Each node that was not cut owes what any such node
// delivered. Messages of a node that was cut are held to exactly-once and to
// the clock that came with them; where they stood in its own order is not
// known for sure.
func Check(journals []Journal) *Report {
	r := &Report{}
	truth := truths(journals)
	owed := make(map[dot]int)
	whole := 0
	for _, j := range journals {
		if !j.Cut {
			whole++
		}
		for d := range r.checkJournal(j, truth) {
			if !j.Cut {
				owed[d]++
			}
		}
	}
	for d, have := range owed {
		r.Delivered += have
		if have < whole {
			r.note("%v was delivered by %d of %d nodes", d, have, whole)
		}
	}
	r.Messages = len(owed)
	r.Expected = whole * len(owed)
	slices.Sort(r.Details)
	return r
}

// truths works out every message's exact clock: what its origin delivered
// before it, and itself.
func truths(journals []Journal) map[dot]map[vclock.Origin]uint64 {
	truth := make(map[dot]map[vclock.Origin]uint64)
	for _, j := range journals {
		past := make(map[vclock.Origin]uint64)
		for _, d := range j.Deliveries {
			past[d.Origin] = max(past[d.Origin], d.Seq)
			if d.Origin == j.Node && !j.Cut {
				truth[dot{d.Origin, d.Seq}] = clone(past)
			}
		}
	}
	return truth
}

func clone(past map[vclock.Origin]uint64) map[vclock.Origin]uint64 {
	c := make(map[vclock.Origin]uint64, len(past))
	for o, n := range past {
		c[o] = n
	}
	return c
}

// checkJournal judges one node's deliveries and returns what they were.
func (r *Report) checkJournal(j Journal, truth map[dot]map[vclock.Origin]uint64) map[dot]bool {
	had := make(map[dot]bool, len(j.Deliveries))
	past := make(map[vclock.Origin]uint64)
	for _, d := range j.Deliveries {
		key := dot{d.Origin, d.Seq}
		if had[key] {
			r.Duplicates++
			r.note("%v delivered %v twice", j.Node, key)
		}
		had[key] = true
		want, known := truth[key]
		if !known {
			want = entries(d.Clock)
		} else if !equal(want, entries(d.Clock)) {
			r.WrongClock++
			r.note("%v delivered %v with clock %v instead of %v", j.Node, key, d.Clock, want)
		}
		r.checkOrder(j.Node, key, past, want)
		past[d.Origin] = max(past[d.Origin], d.Seq)
	}
	return had
}

func entries(c vclock.Clock) map[vclock.Origin]uint64 {
	m := make(map[vclock.Origin]uint64, c.Len())
	for o, n := range c.All() {
		m[o] = n
	}
	return m
}

func equal(a, b map[vclock.Origin]uint64) bool {
	if len(a) != len(b) {
		return false
	}
	for o, n := range a {
		if b[o] != n {
			return false
		}
	}
	return true
}

// checkOrder holds a delivery against everything that happened before it.
func (r *Report) checkOrder(node vclock.Origin, d dot, past, want map[vclock.Origin]uint64) {
	for o, n := range want {
		if o == d.origin {
			n--
		}
		if past[o] < n {
			r.Violations++
			r.note("%v delivered %v before %v", node, d, dot{o, n})
			return
		}
	}
}
