// Package oracle judges what the nodes of a real network delivered. It knows
// nothing of the protocol and trusts no clock: which messages happened before
// which follows from the order in which each origin's own application got its
// own messages and the others', as Lamport defined it. That relation then judges
// every node's order and every clock.
//
// (The simulator has an oracle of its own, which sees the sending itself and
// judges while the world runs.)
package oracle

import (
	"fmt"
	"math/bits"

	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// ID names a message.
type ID struct {
	Origin vclock.Origin
	Seq    uint64
}

func (id ID) String() string { return fmt.Sprintf("%s:%d", id.Origin.Name, id.Seq) }

// Delivery is one message as one node's application got it.
type Delivery struct {
	ID    ID
	Clock vclock.Clock
}

// Journal is what one node's application got, in order.
type Journal struct {
	Node vclock.Origin
	Log  []Delivery
	Owed []ID // what it had to get
}

// Report counts deliveries and broken promises.
type Report struct {
	Expected         int      `json:"expected"`
	Delivered        int      `json:"delivered"` // of those
	Duplicates       int      `json:"duplicates"`
	Unexpected       int      `json:"unexpected"` // messages that nobody sent
	CausalViolations int      `json:"causal_violations"`
	WrongClocks      int      `json:"wrong_clocks"`
	Problems         []string `json:"problems"` // the first of them, in words
}

// OK reports whether every promise was kept.
func (r *Report) OK() bool {
	return r.Delivered == r.Expected && r.Duplicates+r.Unexpected+r.CausalViolations+r.WrongClocks == 0
}

// maxProblems is how many problems are put in words.
const maxProblems = 10

func (r *Report) problem(format string, args ...any) {
	if len(r.Problems) < maxProblems {
		r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
	}
}

// Union lists what at least one of the journals has, in the order of first sight.
func Union(journals []Journal) (ids []ID) {
	seen := make(map[ID]bool)
	for _, j := range journals {
		for _, d := range j.Log {
			if !seen[d.ID] {
				seen[d.ID] = true
				ids = append(ids, d.ID)
			}
		}
	}
	return ids
}

// Check judges the journals of all nodes; sent is every message that was
// accepted for sending. A message that its own origin's journal lacks, because
// that node was stopped before it could be read, is not held to an order of its
// own nor to a clock.
func Check(sent []ID, journals []Journal) *Report {
	r := &Report{Problems: []string{}}
	past := newRelation(sent, journals)
	for i := range journals {
		r.checkJournal(&journals[i], past)
	}
	return r
}

func (r *Report) checkJournal(j *Journal, past *relation) {
	had := newSet(len(past.ids))
	for _, d := range j.Log {
		i, known := past.index[d.ID]
		switch {
		case !known:
			r.Unexpected++
			r.problem("%s delivered %v, which nobody sent", j.Node.Name, d.ID)
			continue
		case had.has(i):
			r.Duplicates++
			r.problem("%s delivered %v again", j.Node.Name, d.ID)
			continue
		}
		if missing := past.of[i].firstNotIn(had); missing >= 0 {
			r.CausalViolations++
			r.problem("%s delivered %v before %v, which happened before it", j.Node.Name, d.ID, past.ids[missing])
		}
		if want := past.clocks[i]; past.told[i] && !d.Clock.Equal(want) {
			r.WrongClocks++
			r.problem("%s delivered %v with the clock %v, the true one is %v", j.Node.Name, d.ID, d.Clock, want)
		}
		had.add(i)
	}
	for _, id := range j.Owed {
		r.Expected++
		if i, known := past.index[id]; known && had.has(i) {
			r.Delivered++
		} else {
			r.problem("%s never delivered %v", j.Node.Name, id)
		}
	}
}

// relation is the true happened-before relation among messages.
type relation struct {
	ids   []ID
	index map[ID]int
	of    []set  // of each message, those that happened before it
	told  []bool // whether its origin's journal tells of it
	// clocks has each message's true clock: of each origin, how many messages
	// happened before it, itself included.
	clocks []vclock.Clock
}

// newRelation reads the relation off the journals: a message happened after all
// that its origin had delivered before it, and after all that those happened
// after.
func newRelation(sent []ID, journals []Journal) *relation {
	r := &relation{ids: sent, index: make(map[ID]int, len(sent)), of: make([]set, len(sent)), told: make([]bool, len(sent))}
	for i, id := range sent {
		r.index[id] = i
		r.of[i] = newSet(len(sent))
	}
	for _, j := range journals {
		before := newSet(len(sent))
		for _, d := range j.Log {
			i, known := r.index[d.ID]
			if !known {
				continue
			}
			if d.ID.Origin == j.Node {
				r.of[i].addAll(before)
				r.told[i] = true
			}
			before.add(i)
		}
	}
	r.close()
	for i := range r.ids {
		r.clocks = append(r.clocks, r.clock(i))
	}
	return r
}

// close makes the relation transitive.
func (r *relation) close() {
	for changed := true; changed; {
		changed = false
		for i := range r.of {
			for k := range r.ids {
				if r.of[i].has(k) && r.of[k].firstNotIn(r.of[i]) >= 0 {
					r.of[i].addAll(r.of[k])
					changed = true
				}
			}
		}
	}
}

func (r *relation) clock(i int) (c vclock.Clock) {
	counts := map[vclock.Origin]uint64{r.ids[i].Origin: 1}
	for k, id := range r.ids {
		if r.of[i].has(k) {
			counts[id.Origin]++
		}
	}
	for origin, n := range counts {
		c = c.With(origin, n)
	}
	return c
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

// firstNotIn returns the least number of s that t has not, or -1.
func (s set) firstNotIn(t set) int {
	for i := range s {
		if rest := s[i] &^ t[i]; rest != 0 {
			return 64*i + bits.TrailingZeros64(rest)
		}
	}
	return -1
}
