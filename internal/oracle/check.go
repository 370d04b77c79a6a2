package oracle

import (
	"slices"

	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// check is a report that is being written.
type check struct {
	*Report
	rules Rules
	past  *relation
}

// deliveries checks P1 to P3, and P6 of what deliveries depend on; all is what the
// journal has, and gone what it has reported, to which is added what it may lack and
// what it was blamed for.
func (c *check) deliveries(j *Journal, all, gone set) {
	had := newSet(len(c.past.ids))
	excused := c.past.set(j.Foregone)
	excused.addAll(gone)
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
		}
		c.order(j, i, all, had, excused)
		c.clock(j, i, d)
		had.add(i)
	}
	gone.addAll(excused)
}

// order holds one delivery against what happened before it. What is missing and
// comes later breaks the order; what never comes has to be reported, unless it is
// excused, and is from then on, so that nobody is blamed twice.
func (c *check) order(j *Journal, i int, all, had, excused set) {
	late := false // one is enough for one delivery
	for missing := range c.past.of[i].without(had) {
		switch id := c.past.ids[missing]; {
		case all.has(missing):
			if !late {
				c.CausalViolations++
				c.problem(2, "%s delivered %v before %v, which happened before it", j.Node.Name, c.past.ids[i], id)
			}
			late = true
		case !excused.has(missing):
			excused.add(missing)
			c.UnreportedGaps++
			c.problem(6, "%s delivered %v without %v, which happened before it, and reported no gap", j.Node.Name, c.past.ids[i], id)
		}
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

// owed checks P4, and P6 of what may be delivered or reported.
func (c *check) owed(j *Journal, all, gone set) {
	for _, id := range j.Owed {
		c.Expected++
		if i, known := c.past.index[id]; known && all.has(i) {
			c.Delivered++
		} else {
			c.problem(4, "%s never delivered %v", j.Node.Name, id)
		}
	}
	for _, id := range j.Lapsed {
		if i, known := c.past.index[id]; !known || !all.has(i) && !gone.has(i) {
			c.UnreportedGaps++
			c.problem(6, "%s never delivered %v, and reported no gap", j.Node.Name, id)
		}
	}
}

// links checks P5.
func (c *check) links(j *Journal) {
	var linked []vclock.Origin
	wrong := func(format string, args ...any) {
		c.WrongLinks++
		c.problem(5, j.Node.Name+format, args...)
	}
	for _, l := range j.Links {
		switch at := slices.Index(linked, l.Peer); {
		case !l.Up && at < 0:
			wrong(" lost a link to %s, which it had not", l.Peer.Name)
		case !l.Up:
			linked = slices.Delete(linked, at, at+1)
		case l.Peer == j.Node:
			wrong(" has a link to itself")
		case at >= 0:
			wrong(" has two links to %s", l.Peer.Name)
		default:
			linked = append(linked, l.Peer)
			if c.rules.MaxLinks > 0 && len(linked) > c.rules.MaxLinks {
				wrong(" has %d links, more than the %d configured", len(linked), c.rules.MaxLinks)
			}
		}
	}
}

// gaps checks the second half of P6, and answers what was reported.
func (c *check) gaps(j *Journal, all set) set {
	gone := newSet(len(c.past.ids))
	wrong := func(id ID, how string) {
		c.WrongGaps++
		c.problem(6, "%s reported %v as gone, %s", j.Node.Name, id, how)
	}
	for _, g := range j.Gaps {
		for seq := g.From; seq <= g.To; seq++ {
			id := ID{g.Origin, seq}
			switch i, known := c.past.index[id]; {
			case !known:
				wrong(id, "which nobody sent")
			case all.has(i):
				wrong(id, "and delivered it")
			case gone.has(i):
				wrong(id, "and again")
			default:
				gone.add(i)
			}
		}
	}
	return gone
}

// over counts for P7 and P9 what is more than it may be.
func (c *check) over(promise int, j *Journal, verb string, holdings []Holding) (n int) {
	for _, h := range holdings {
		if h.Is > h.Most {
			n++
			c.problem(promise, "%s %s %d %s, more than %d", j.Node.Name, verb, h.Is, h.What, h.Most)
		}
	}
	return n
}

// connected checks P8.
func (c *check) connected(journals []Journal) {
	c.Parts = Parts(journals)
	if c.Parts > 1 {
		c.problem(8, "the links of the nodes that are up make %d networks", c.Parts)
	}
}

// Parts counts the networks that the links make of the nodes that are up. Both ends
// must know of a link.
func Parts(journals []Journal) (parts int) {
	links := make(map[vclock.Origin]map[vclock.Origin]bool)
	for i := range journals {
		if journals[i].Up {
			links[journals[i].Node] = linked(&journals[i])
		}
	}
	met := make(map[vclock.Origin]bool)
	for node := range links {
		if met[node] {
			continue
		}
		parts++
		met[node] = true
		for next := []vclock.Origin{node}; len(next) > 0; next = next[1:] {
			for p := range links[next[0]] {
				if links[p][next[0]] && !met[p] {
					met[p] = true
					next = append(next, p)
				}
			}
		}
	}
	return parts
}

// linked is whom a node has links to after all that its journal tells.
func linked(j *Journal) map[vclock.Origin]bool {
	peers := make(map[vclock.Origin]bool)
	for _, l := range j.Links {
		if l.Up {
			peers[l.Peer] = true
		} else {
			delete(peers, l.Peer)
		}
	}
	return peers
}
