package main

import (
	"fmt"
	"math/bits"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
)

// The checker holds what a network delivered against what was sent. It trusts
// no clock: which messages happened before which follows from the order in
// which each origin's own application got its own messages and the others', as
// Lamport defined it. That relation then judges every node's order and every
// clock.

// journal is what one node's application received, in order.
type journal struct {
	node string
	log  []gossip.Message
	owed []gossip.MessageID // what it had to receive
}

// verdict counts deliveries and broken promises.
type verdict struct {
	Expected         int      `json:"expected"`
	Delivered        int      `json:"delivered"` // of those
	Duplicates       int      `json:"duplicates"`
	Unexpected       int      `json:"unexpected"` // messages that nobody sent
	CausalViolations int      `json:"causal_violations"`
	WrongClocks      int      `json:"wrong_clocks"`
	Problems         []string `json:"problems"` // the first of them, in words
}

func (v *verdict) ok() bool {
	return v.Delivered == v.Expected && v.Duplicates+v.Unexpected+v.CausalViolations+v.WrongClocks == 0
}

// maxProblems is how many problems are put in words.
const maxProblems = 10

func (v *verdict) problem(format string, args ...any) {
	if len(v.Problems) < maxProblems {
		v.Problems = append(v.Problems, fmt.Sprintf(format, args...))
	}
}

// check judges the journals of all nodes; sent is every message that Broadcast
// accepted.
func check(sent []gossip.MessageID, journals []journal) verdict {
	v := verdict{Problems: []string{}}
	past := newRelation(sent, journals)
	for i := range journals {
		v.checkJournal(&journals[i], past)
	}
	return v
}

func (v *verdict) checkJournal(j *journal, past *relation) {
	had := newSet(len(past.ids))
	for _, m := range j.log {
		i, known := past.index[m.ID]
		switch {
		case !known:
			v.Unexpected++
			v.problem("%s delivered %v, which nobody sent", j.node, m.ID)
			continue
		case had.has(i):
			v.Duplicates++
			v.problem("%s delivered %v again", j.node, m.ID)
			continue
		}
		if missing := past.of[i].firstNotIn(had); missing >= 0 {
			v.CausalViolations++
			v.problem("%s delivered %v before %v, which happened before it", j.node, m.ID, past.ids[missing])
		}
		if want := past.clocks[i]; !matches(m, want) {
			v.WrongClocks++
			v.problem("%s delivered %v with the clock %v, the true one is %v", j.node, m.ID, m.Clock, want)
		}
		had.add(i)
	}
	for _, id := range j.owed {
		v.Expected++
		if had.has(past.index[id]) {
			v.Delivered++
		} else {
			v.problem("%s never delivered %v", j.node, id)
		}
	}
}

// relation is the true happened-before relation among messages.
type relation struct {
	ids   []gossip.MessageID
	index map[gossip.MessageID]int
	of    []set // of each message, those that happened before it
	// clocks has each message's true clock: of each origin, how many messages
	// happened before it, itself included.
	clocks []map[string]uint64
}

// newRelation reads the relation off the journals: a message happened after all
// that its origin had delivered before it, and after all that those happened
// after.
func newRelation(sent []gossip.MessageID, journals []journal) *relation {
	r := &relation{ids: sent, index: make(map[gossip.MessageID]int, len(sent)), of: make([]set, len(sent))}
	for i, id := range sent {
		r.index[id] = i
		r.of[i] = newSet(len(sent))
	}
	for _, j := range journals {
		before := newSet(len(sent))
		for _, m := range j.log {
			i, known := r.index[m.ID]
			if !known {
				continue
			}
			if m.ID.Origin == j.node {
				r.of[i].addAll(before)
			}
			before.add(i)
		}
	}
	r.close()
	for i := range r.ids {
		r.clocks = append(r.clocks, r.counts(i))
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

func (r *relation) counts(i int) map[string]uint64 {
	counts := map[string]uint64{r.ids[i].Origin: 1}
	for k, id := range r.ids {
		if r.of[i].has(k) {
			counts[id.Origin]++
		}
	}
	return counts
}

func matches(m gossip.Message, want map[string]uint64) bool {
	got := m.Clock.Map()
	if len(got) != len(want) || m.Clock.Len() != len(want) {
		return false
	}
	for origin, n := range want {
		if got[origin] != n {
			return false
		}
	}
	return true
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
