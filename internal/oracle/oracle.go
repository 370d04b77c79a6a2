// Package oracle judges what the nodes of a real network delivered. It knows
// nothing of the protocol and trusts no clock: which messages happened before
// which follows from the order in which each origin's own application got its
// own messages and the others', as Lamport defined it. That relation then judges
// every node's order and every clock.
//
// The promises have the numbers that package sim gives them:
//
//	P1  no message is delivered twice at one node
//	P2  no message is delivered before one that happened before it, or without it,
//	    unless the node was told that it can no longer be had
//	P3  the clock delivered with a message is its exact clock
//	P4  each node delivers what it is owed; see Owe
//	P5  no node has more links than configured, one to itself, or two to a peer
//
// (The simulator has an oracle of its own, which sees the sending itself and
// judges while the world runs.)
package oracle

import (
	"fmt"
	"slices"

	"github.com/Ishan27gOrg/gossipProtocol/causal"
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

// Gap is a report that messages From to To of an origin can no longer be had.
type Gap struct {
	Origin   vclock.Origin
	From, To uint64
}

// LinkChange is a report that a link to a peer came up, or is gone.
type LinkChange struct {
	Peer vclock.Origin
	Up   bool
}

// Journal is what one node's application got, in order.
type Journal struct {
	Node  vclock.Origin
	Log   []Delivery
	Owed  []ID // what it had to get
	Gaps  []Gap
	Links []LinkChange
}

func (j *Journal) told(id ID) bool {
	return slices.ContainsFunc(j.Gaps, func(g Gap) bool { return g.Origin == id.Origin && g.From <= id.Seq && id.Seq <= g.To })
}

// Report counts deliveries and broken promises.
type Report struct {
	Expected         int      `json:"expected"`
	Delivered        int      `json:"delivered"` // of those
	Duplicates       int      `json:"duplicates"`
	Unexpected       int      `json:"unexpected"` // messages that nobody sent
	CausalViolations int      `json:"causal_violations"`
	UnreportedGaps   int      `json:"unreported_gaps"` // messages left out without a word
	WrongClocks      int      `json:"wrong_clocks"`
	WrongLinks       int      `json:"wrong_links"`
	Problems         []string `json:"problems"` // the first of them, in words
}

// Broken counts the violations by promise: P1 at 0.
func (r *Report) Broken() [5]int {
	return [5]int{
		r.Duplicates,
		r.Unexpected + r.CausalViolations + r.UnreportedGaps,
		r.WrongClocks,
		r.Expected - r.Delivered,
		r.WrongLinks,
	}
}

// OK reports whether every promise was kept.
func (r *Report) OK() bool { return r.Broken() == [5]int{} }

// maxProblems is how many problems are put in words.
const maxProblems = 10

func (r *Report) problem(promise int, format string, args ...any) {
	if len(r.Problems) < maxProblems {
		r.Problems = append(r.Problems, fmt.Sprintf("P%d: ", promise)+fmt.Sprintf(format, args...))
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

// Owe lists what each node that stayed up is owed: what any of them has
// delivered, and what any of them has sent.
func Owe(sent []ID, survivors []Journal) []ID {
	owed := Union(survivors)
	known := make(map[ID]bool)
	for _, id := range owed {
		known[id] = true
	}
	for _, id := range sent {
		own := slices.ContainsFunc(survivors, func(j Journal) bool { return j.Node == id.Origin })
		if own && !known[id] {
			owed = append(owed, id)
		}
	}
	return owed
}

// Rules are what the nodes are configured to keep.
type Rules struct {
	Order    causal.Order
	MaxLinks int // 0: any number
}

// Check judges nodes with the default order and any number of links.
func Check(sent []ID, journals []Journal) *Report { return Rules{}.Check(sent, journals) }

// Check judges the journals of all nodes; sent is every message that was
// accepted for sending. A message that its own origin's journal lacks, because
// that node was stopped before it could be read, is held to the order of its
// origin alone, and its clock only has to be the same everywhere.
func (rules Rules) Check(sent []ID, journals []Journal) *Report {
	c := check{Report: &Report{Problems: []string{}}, rules: rules, past: newRelation(rules.Order, sent, journals)}
	for i := range journals {
		c.deliveries(&journals[i])
		c.owed(&journals[i])
		c.links(&journals[i])
	}
	return c.Report
}

// check is a report that is being written.
type check struct {
	*Report
	rules Rules
	past  *relation
}

// deliveries checks P1 to P3.
func (c *check) deliveries(j *Journal) {
	all := c.past.delivered(j)
	had, skipped := newSet(len(c.past.ids)), newSet(len(c.past.ids))
	for _, d := range j.Log {
		i, known := c.past.index[d.ID]
		switch {
		case !known:
			c.Unexpected++
			c.problem(2, "%s delivered %v, which nobody sent", j.Node.Name, d.ID)
			continue
		case had.has(i):
			c.Duplicates++
			c.problem(1, "%s delivered %v again", j.Node.Name, d.ID)
			continue
		case skipped.has(i):
			c.CausalViolations++
			c.problem(2, "%s delivered %v after all, after it had been told that it cannot be had, and after what it happened before", j.Node.Name, d.ID)
		}
		c.order(j, i, all, had, skipped)
		c.clock(j, i, d)
		had.add(i)
	}
}

// order holds one delivery against what happened before it. What is missing and
// comes later breaks the order; what never comes has to be reported.
func (c *check) order(j *Journal, i int, all, had, skipped set) {
	for missing := range c.past.of[i].without(had) {
		switch id := c.past.ids[missing]; {
		case skipped.has(missing):
			continue // what it is worth was said before
		case j.told(id):
			skipped.add(missing)
			continue
		case all.has(missing):
			c.CausalViolations++
			c.problem(2, "%s delivered %v before %v, which happened before it", j.Node.Name, c.past.ids[i], id)
		default:
			skipped.add(missing)
			c.UnreportedGaps++
			c.problem(2, "%s delivered %v without %v, which happened before it, and was told of no gap", j.Node.Name, c.past.ids[i], id)
		}
		return // one is enough for one delivery
	}
}

// clock holds one delivery against the true clock, or if nobody can know that,
// against the first node's.
func (c *check) clock(j *Journal, i int, d Delivery) {
	want := c.past.clocks[i]
	if want == nil {
		c.past.clocks[i] = &d.Clock
		return
	}
	if !d.Clock.Equal(*want) {
		c.WrongClocks++
		c.problem(3, "%s delivered %v with the clock %v, the true one is %v", j.Node.Name, d.ID, d.Clock, *want)
	}
}

// owed checks P4.
func (c *check) owed(j *Journal) {
	all := c.past.delivered(j)
	for _, id := range j.Owed {
		c.Expected++
		if i, known := c.past.index[id]; known && all.has(i) {
			c.Delivered++
		} else {
			c.problem(4, "%s never delivered %v", j.Node.Name, id)
		}
	}
}

// links checks P5.
func (c *check) links(j *Journal) {
	linked := make(map[vclock.Origin]bool)
	wrong := func(format string, args ...any) {
		c.WrongLinks++
		c.problem(5, j.Node.Name+format, args...)
	}
	for _, l := range j.Links {
		switch {
		case !l.Up && !linked[l.Peer]:
			wrong(" lost a link to %s, which it had not", l.Peer.Name)
		case !l.Up:
			delete(linked, l.Peer)
		case l.Peer == j.Node:
			wrong(" has a link to itself")
		case linked[l.Peer]:
			wrong(" has two links to %s", l.Peer.Name)
		default:
			linked[l.Peer] = true
			if c.rules.MaxLinks > 0 && len(linked) > c.rules.MaxLinks {
				wrong(" has %d links, more than the %d configured", len(linked), c.rules.MaxLinks)
			}
		}
	}
}
