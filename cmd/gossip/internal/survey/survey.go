// Package survey puts a picture of a network together from what its nodes tell of
// themselves. It decides whom to ask next, within limits, and what of the answers still
// counts; asking is for others, and so is the time.
package survey

import (
	"cmp"
	"slices"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/api"
	"github.com/Ishan27gOrg/gossipProtocol/gossip"
)

// Node names a node and where it is.
type Node struct{ ID, Addr string }

// Link is a link of the node that tells of it.
type Link struct {
	Node
	Tree bool // the node sends messages on it at once
}

// Description is what a node tells of itself.
type Description struct {
	Links []Link
	View  []Node
}

// DescriptionOf is what a node has told with these links and this view.
func DescriptionOf(links []gossip.LinkState, view []gossip.Peer) (d Description) {
	for _, l := range links {
		d.Links = append(d.Links, Link{Node{l.ID, l.Addr}, l.Tree})
	}
	for _, p := range view {
		d.View = append(d.View, Node{p.ID, p.Addr})
	}
	return d
}

// Limits bound a survey.
type Limits struct {
	// Nodes is how many nodes are known at most: those who were named first, and in any
	// case those whom the survey's own node names.
	Nodes int
	// Pending is how many questions are open at a time, and Pause the least time
	// between two.
	Pending int
	Pause   time.Duration
	// Refresh is how long an answer counts before the node is asked again, and Forget
	// how long it counts at all.
	Refresh, Forget time.Duration
	// Failures is after how many questions without an answer, one after the other, a
	// node is not asked again until somebody else names it anew.
	Failures int
}

// DefaultLimits has a network of 1,000 nodes asked once in 20 seconds, which sends and
// receives some 120 KiB a second and node asked.
func DefaultLimits() Limits {
	return Limits{Nodes: 1000, Pending: 16, Pause: 20 * time.Millisecond, Refresh: 10 * time.Second, Forget: time.Minute, Failures: 2}
}

// Survey is what is known. It is for one goroutine at a time.
type Survey struct {
	limits  Limits
	self    string
	nodes   map[string]*node
	asked   time.Duration // when somebody was asked last
	pending int
	changed bool
}

type node struct {
	Node
	self      bool
	described time.Duration // when it last told, or never
	answered  bool
	asking    bool
	asked     time.Duration
	failures  int
	named     time.Duration // when somebody last told of it
	near      time.Duration // when the survey's own node last did, or never
	Description
}

// never is long before a survey begins.
const never = -time.Duration(1 << 62)

// New returns a survey by a node, which Tell tells of.
func New(self Node, limits Limits) *Survey {
	s := &Survey{limits: limits, self: self.ID, nodes: make(map[string]*node), asked: never}
	s.nodes[self.ID] = &node{Node: self, self: true, described: never, asked: never, near: never}
	return s
}

// Next returns whom to ask now, and if that is nobody, when to look again.
func (s *Survey) Next(now time.Duration) (ask Node, found bool, again time.Duration) {
	s.forget(now)
	if wait := s.asked + s.limits.Pause; s.asked != never && wait > now {
		return Node{}, false, wait
	}
	again = now + s.limits.Refresh
	if s.pending >= s.limits.Pending {
		return Node{}, false, again // or when there is an answer
	}
	var next *node
	for _, n := range s.nodes {
		if n.self || n.asking || n.Addr == "" || n.failures >= s.limits.Failures {
			continue
		}
		if next == nil || n.before(next) {
			next = n
		}
	}
	switch {
	case next == nil:
		return Node{}, false, again
	case next.due(s.limits) > now:
		return Node{}, false, next.due(s.limits)
	}
	next.asking, next.asked = true, now
	s.asked = now
	s.pending++
	return next.Node, true, 0
}

// before orders nodes by who was asked the longest ago.
func (n *node) before(m *node) bool {
	return cmp.Or(cmp.Compare(n.asked, m.asked), cmp.Compare(n.ID, m.ID)) < 0
}

func (n *node) due(l Limits) time.Duration {
	if n.asked == never {
		return never
	}
	return n.asked + l.Refresh
}

// Tell takes what a node told, the survey's own among them.
func (s *Survey) Tell(now time.Duration, id string, d Description) {
	n := s.nodes[id]
	if n == nil {
		return // forgotten meanwhile
	}
	s.done(n)
	n.failures, n.answered, n.described = 0, true, now
	if !slices.Equal(n.Links, d.Links) || !slices.Equal(n.View, d.View) {
		s.changed = true
	}
	n.Description = d
	for _, l := range d.Links {
		s.name(now, l.Node, n.self)
	}
	for _, v := range d.View {
		s.name(now, v, n.self)
	}
}

// Failed takes that a node did not answer.
func (s *Survey) Failed(id string) {
	if n := s.nodes[id]; n != nil {
		s.done(n)
		n.failures++
		if n.failures >= s.limits.Failures && n.answered {
			n.answered, n.Description = false, Description{}
			s.changed = true
		}
	}
}

func (s *Survey) done(n *node) {
	if n.asking {
		n.asking = false
		s.pending--
	}
}

// Meet takes that a node is there.
func (s *Survey) Meet(now time.Duration, n Node) { s.name(now, n, false) }

// name takes that a node was named by another, or by the survey's own.
func (s *Survey) name(now time.Duration, named Node, byOwn bool) {
	n := s.nodes[named.ID]
	if n == nil {
		if len(s.nodes) >= s.limits.Nodes && !(byOwn && s.makeRoom(now)) {
			return
		}
		n = &node{Node: named, described: never, asked: never, near: never}
		s.nodes[named.ID] = n
		s.changed = true
	}
	if n.self {
		return // it knows best where it is
	}
	n.named = now
	if byOwn {
		n.near = now
	}
	// Who answers is where it was asked, whatever others say.
	if named.Addr != "" && n.Addr != named.Addr && (byOwn || !n.answered) {
		n.Addr, n.failures = named.Addr, 0
	}
}

// makeRoom drops one whom the survey's own node has not named the longest ago, rather
// one who has not answered; false if there is nobody to drop.
func (s *Survey) makeRoom(now time.Duration) bool {
	var worst *node
	for _, n := range s.nodes {
		if !n.self && !n.asking && (worst == nil || n.worse(worst)) {
			worst = n
		}
	}
	if worst == nil || worst.near == now { // there are more neighbours than the limit
		return false
	}
	delete(s.nodes, worst.ID)
	return true
}

// worse orders nodes by how little the picture loses without them.
func (n *node) worse(m *node) bool {
	answered := func(n *node) int {
		if n.answered {
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(n.near, m.near), cmp.Compare(answered(n), answered(m)), cmp.Compare(n.named, m.named), cmp.Compare(n.ID, m.ID)) < 0
}

// forget drops who has neither told nor been named for too long.
func (s *Survey) forget(now time.Duration) {
	for id, n := range s.nodes {
		if !n.self && !n.asking && max(n.described, n.named)+s.limits.Forget < now {
			delete(s.nodes, id)
			s.changed = true
		}
	}
}

// Changed reports whether there was news since it was last asked.
func (s *Survey) Changed() bool {
	changed := s.changed
	s.changed = false
	return changed
}

// Overlay is the picture as it is now.
func (s *Survey) Overlay(now time.Duration, at time.Time) api.Overlay {
	o := api.Overlay{
		At: at, Complete: true, Limit: s.limits.Nodes,
		Nodes: []api.OverlayNode{}, Links: []api.OverlayLink{}, Views: []api.OverlayView{},
	}
	tree := make(map[[2]string]bool)
	for _, n := range s.nodes {
		o.Nodes = append(o.Nodes, n.overlay(now))
		if !n.answered {
			o.Complete = o.Complete && n.failures >= s.limits.Failures
			continue
		}
		o.Asked++
		for _, l := range n.Links {
			if s.nodes[l.ID] != nil {
				pair := [2]string{min(n.ID, l.ID), max(n.ID, l.ID)}
				tree[pair] = tree[pair] || l.Tree
			}
		}
		v := api.OverlayView{From: n.ID, To: []string{}}
		for _, p := range n.View {
			if s.nodes[p.ID] != nil {
				v.To = append(v.To, p.ID)
			}
		}
		o.Views = append(o.Views, v)
	}
	for pair, isTree := range tree {
		o.Links = append(o.Links, api.OverlayLink{A: pair[0], B: pair[1], Tree: isTree})
	}
	sortOverlay(&o)
	return o
}

func (n *node) overlay(now time.Duration) api.OverlayNode {
	o := api.OverlayNode{ID: n.ID, Addr: n.Addr, Self: n.self}
	if n.answered {
		age := max(0, now-n.described).Milliseconds()
		o.AgeMS = &age
	}
	return o
}

func sortOverlay(o *api.Overlay) {
	slices.SortFunc(o.Nodes, func(a, b api.OverlayNode) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(o.Links, func(a, b api.OverlayLink) int { return cmp.Or(cmp.Compare(a.A, b.A), cmp.Compare(a.B, b.B)) })
	slices.SortFunc(o.Views, func(a, b api.OverlayView) int { return cmp.Compare(a.From, b.From) })
}
