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
// the clock that they first came with; where they stood in its own order is not
// known for sure.
func Check(journals []Journal) *Report {
	c := &checker{report: &Report{}, index: make(map[vclock.Origin]int), truth: make(map[dot]*fact)}
	for _, j := range journals {
		c.learn(j)
	}
	whole, owed := 0, make(map[dot]int)
	for _, j := range journals {
		if !j.Cut {
			whole++
		}
		for d := range c.check(j) {
			if !j.Cut {
				owed[d]++
			}
		}
	}
	r := c.report
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

// vector counts messages by origin; origins have indexes, and what is beyond
// its end is zero.
type vector []uint64

func (v vector) get(i int) uint64 {
	if i < len(v) {
		return v[i]
	}
	return 0
}

func (v vector) with(i int, n uint64) vector {
	for len(v) <= i {
		v = append(v, 0)
	}
	v[i] = max(v[i], n)
	return v
}

// fact is what is known of a message: how many messages of each origin happened
// before it, itself included, and a clock that was found to say so.
type fact struct {
	past  vector
	clock vclock.Clock
}

type checker struct {
	report *Report
	index  map[vclock.Origin]int
	names  []vclock.Origin // by index
	truth  map[dot]*fact
}

func (c *checker) at(o vclock.Origin) int {
	i, ok := c.index[o]
	if !ok {
		i = len(c.names)
		c.index[o] = i
		c.names = append(c.names, o)
	}
	return i
}

// learn works out the truth about a node's own messages: their past is what it
// delivered before them.
func (c *checker) learn(j Journal) {
	if j.Cut {
		return
	}
	var past vector
	for _, d := range j.Deliveries {
		past = past.with(c.at(d.Origin), d.Seq)
		if d.Origin == j.Node {
			f := &fact{past: slices.Clone(past), clock: d.Clock}
			c.truth[dot{d.Origin, d.Seq}] = f
			if !c.says(d.Clock, past) {
				c.report.WrongClock++
				c.report.note("%v sent %v with clock %v, and had delivered %v", j.Node, dot{d.Origin, d.Seq}, d.Clock, past)
			}
		}
	}
}

// says reports whether a clock has exactly the vector's counts.
func (c *checker) says(clock vclock.Clock, v vector) bool {
	left := clock.Len()
	for i, n := range v {
		if n > 0 {
			left--
		}
		if clock.At(c.names[i]) != n {
			return false
		}
	}
	return left == 0
}

// fact returns what is known of a delivered message; of one whose origin was
// cut, what it says itself.
func (c *checker) fact(d Delivery) *fact {
	key := dot{d.Origin, d.Seq}
	f := c.truth[key]
	if f == nil {
		f = &fact{clock: d.Clock}
		for o, n := range d.Clock.All() {
			f.past = f.past.with(c.at(o), n)
		}
		c.truth[key] = f
	}
	return f
}

// check judges one node's deliveries and returns what they were.
func (c *checker) check(j Journal) map[dot]bool {
	r, had := c.report, make(map[dot]bool, len(j.Deliveries))
	var past vector
	for _, d := range j.Deliveries {
		key := dot{d.Origin, d.Seq}
		if had[key] {
			r.Duplicates++
			r.note("%v delivered %v twice", j.Node, key)
		}
		had[key] = true
		f := c.fact(d)
		if !f.clock.Equal(d.Clock) {
			r.WrongClock++
			r.note("%v delivered %v with clock %v instead of %v", j.Node, key, d.Clock, f.clock)
		}
		own := c.at(d.Origin)
		c.checkOrder(j.Node, key, own, past, f.past)
		past = past.with(own, d.Seq)
	}
	return had
}

// checkOrder holds a delivery against everything that happened before it.
func (c *checker) checkOrder(node vclock.Origin, d dot, own int, past, want vector) {
	for i, n := range want {
		if i == own {
			n--
		}
		if past.get(i) < n {
			c.report.Violations++
			c.report.note("%v delivered %v before %v", node, d, dot{c.names[i], n})
			return
		}
	}
}
