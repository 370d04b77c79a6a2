// Package oracle judges what the nodes of a real network delivered. It knows
// nothing of the protocol and trusts no clock: which messages happened before
// which follows from the order in which each origin's own application got its
// own messages and the others', as Lamport defined it. That relation then judges
// every node's order and every clock.
//
// The promises have the numbers that package sim gives them:
//
//	P1  no message is delivered twice at one node
//	P2  no message is delivered before one that happened before it, and none that
//	    nobody sent
//	P3  the clock delivered with a message is its exact clock
//	P4  each node delivers what it is owed; see Owe
//	P5  no node has more links than configured, one to itself, or two to a peer
//	P6  what a node leaves out, it has reported as gone; and what it reports as
//	    gone was sent, is never delivered there, and is reported once
//	P7  what a node was seen to hold is within its bounds
//	P8  in the end the links make one network of all nodes that are up
//	P9  when nobody has had anything to say for a while, nodes send next to nothing
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

// Holding is the most of something that a node was seen to hold, or to send when it
// had nothing to say, beside its bound.
type Holding struct {
	What     string
	Is, Most int
}

// Journal is what one node's application got, in order.
type Journal struct {
	Node vclock.Origin
	Log  []Delivery
	Owed []ID // what it had to get
	// Of what the logs need no longer have, it had to get Lapsed or report it as
	// gone; Foregone is older than the node, which may lack it without a word.
	Lapsed, Foregone []ID
	Gaps             []Gap
	Links            []LinkChange
	Held, Rest       []Holding
	Up               bool // until the end
}

// Report counts deliveries and broken promises.
type Report struct {
	Expected         int      `json:"expected"`
	Delivered        int      `json:"delivered"` // of those
	Duplicates       int      `json:"duplicates"`
	Unexpected       int      `json:"unexpected"` // messages that nobody sent
	CausalViolations int      `json:"causal_violations"`
	WrongClocks      int      `json:"wrong_clocks"`
	WrongLinks       int      `json:"wrong_links"`
	UnreportedGaps   int      `json:"unreported_gaps"` // messages left out without a word
	WrongGaps        int      `json:"wrong_gaps"`      // reports of what is not gone
	OverBounds       int      `json:"over_bounds"`
	Restless         int      `json:"restless"`
	Parts            int      `json:"parts"`    // networks that the links of those that are up make
	Problems         []string `json:"problems"` // the first of each promise, in words

	told [Promises]int
}

// Promises is how many there are: P1 is the first, and counted at 0.
const Promises = 9

// Broken counts the violations by promise.
func (r *Report) Broken() [Promises]int {
	return [Promises]int{
		r.Duplicates,
		r.Unexpected + r.CausalViolations,
		r.WrongClocks,
		r.Expected - r.Delivered,
		r.WrongLinks,
		r.UnreportedGaps + r.WrongGaps,
		r.OverBounds,
		max(r.Parts-1, 0),
		r.Restless,
	}
}

// OK reports whether every promise was kept.
func (r *Report) OK() bool { return r.Broken() == [Promises]int{} }

// maxProblems is how many problems with each promise are put in words.
const maxProblems = 5

func (r *Report) problem(promise int, format string, args ...any) {
	if r.told[promise-1]++; r.told[promise-1] <= maxProblems {
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

// Owe lists what each node that is up is owed: what any of them has delivered, and
// what any of them has sent.
func Owe(sent []ID, journals []Journal) (owed []ID) {
	up := slices.DeleteFunc(slices.Clone(journals), func(j Journal) bool { return !j.Up })
	delivered := make(map[ID]bool)
	for _, id := range Union(up) {
		delivered[id] = true
	}
	for _, id := range sent {
		own := slices.ContainsFunc(up, func(j Journal) bool { return j.Node == id.Origin })
		if own || delivered[id] {
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
		j := &journals[i]
		all := c.past.delivered(j)
		gone := c.gaps(j, all)
		c.deliveries(j, all, gone)
		c.owed(j, all, gone)
		c.links(j)
		c.OverBounds += c.over(7, j, "has", j.Held)
		c.Restless += c.over(9, j, "sent", j.Rest)
	}
	c.connected(journals)
	return c.Report
}
