package survey

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/api"
)

// network is nodes that know some others.
type network map[string]Description

func name(i int) string { return fmt.Sprintf("n%03d", i) }
func at(id string) Node { return Node{id, id + ":1"} }

// newNetwork links each node to the next, and gives it some of the others as a view.
func newNetwork(nodes, view int) network {
	rng := rand.New(rand.NewPCG(1, 2))
	w := make(network)
	for i := range nodes {
		d := Description{Links: []Link{
			{at(name((i + 1) % nodes)), i%2 == 0}, {at(name((i + nodes - 1) % nodes)), false},
		}}
		for _, j := range rng.Perm(nodes)[:view] {
			d.View = append(d.View, at(name(j)))
		}
		w[name(i)] = d
	}
	return w
}

// run surveys for some time from n000, and returns how many questions there were.
func run(s *Survey, w network, from, until time.Duration) (asked int, end time.Duration) {
	now := from
	s.Tell(now, name(0), w[name(0)])
	for now < until {
		n, found, again := s.Next(now)
		if !found {
			now = again
			continue
		}
		asked++
		if d, up := w[n.ID]; up {
			s.Tell(now, n.ID, d)
		} else {
			s.Failed(n.ID)
		}
	}
	return asked, now
}

// Everybody is found and asked, at no more than the pace allowed, and the picture has
// each link once.
func TestEverybodyIsFound(t *testing.T) {
	const nodes = 300
	w := newNetwork(nodes, 10)
	s := New(at(name(0)), DefaultLimits())
	asked, now := run(s, w, 0, 8*time.Second)
	if most := int(8*time.Second/DefaultLimits().Pause) + 1; asked < nodes-1 || asked > most {
		t.Errorf("%d questions in 8 s, want at least %d and at most %d", asked, nodes-1, most)
	}
	o := s.Overlay(now, time.Time{})
	if !o.Complete || len(o.Nodes) != nodes || o.Asked != nodes || len(o.Links) != nodes || len(o.Views) != nodes {
		t.Errorf("complete: %v, %d nodes of which %d were asked, %d links, %d views; want %d of each",
			o.Complete, len(o.Nodes), o.Asked, len(o.Links), len(o.Views), nodes)
	}
	for _, l := range o.Links {
		if l.A >= l.B {
			t.Errorf("the link %v is not in order", l)
		}
	}
	if !s.Changed() || s.Changed() {
		t.Error("news is told once")
	}
	run(s, w, now, now+30*time.Second)
	if s.Changed() {
		t.Error("the same answers again are news")
	}
}

// Of a network that is too large a part is known.
func TestNoMoreThanTheLimit(t *testing.T) {
	limits := DefaultLimits()
	limits.Nodes = 50
	s := New(at(name(0)), limits)
	_, now := run(s, newNetwork(300, 10), 0, 10*time.Second)
	if o := s.Overlay(now, time.Time{}); len(o.Nodes) != 50 || o.Asked != 50 {
		t.Errorf("%d nodes, %d asked, want 50", len(o.Nodes), o.Asked)
	}
}

// Who does not answer is asked a few times, is not what it was, and is forgotten when
// nobody names it any more.
func TestWhoIsGoneIsForgotten(t *testing.T) {
	w := newNetwork(30, 5)
	s := New(at(name(0)), DefaultLimits())
	_, now := run(s, w, 0, 5*time.Second)
	delete(w, name(7))
	_, now = run(s, w, now, now+25*time.Second)
	isGone := func(n api.OverlayNode) bool { return n.ID == name(7) }
	o := s.Overlay(now, time.Time{})
	if i := slices.IndexFunc(o.Nodes, isGone); i < 0 || o.Nodes[i].AgeMS != nil || !o.Complete {
		t.Errorf("after 25 s: %+v, want it named and not described", o.Nodes)
	}
	for id, d := range w { // the others notice
		d.Links = slices.DeleteFunc(slices.Clone(d.Links), func(l Link) bool { return l.ID == name(7) })
		d.View = slices.DeleteFunc(slices.Clone(d.View), func(n Node) bool { return n.ID == name(7) })
		w[id] = d
	}
	_, now = run(s, w, now, now+2*time.Minute)
	if o := s.Overlay(now, time.Time{}); slices.ContainsFunc(o.Nodes, isGone) || len(o.Nodes) != 29 {
		t.Errorf("after two minutes there are %d nodes, want 29 without the one that is gone", len(o.Nodes))
	}
}

// No more questions are open at a time than may be, and answers that come late are of
// no harm.
func TestPending(t *testing.T) {
	limits := DefaultLimits()
	limits.Pending, limits.Pause = 3, 0
	s := New(at(name(0)), limits)
	w := newNetwork(30, 10)
	s.Tell(0, name(0), w[name(0)])
	var open []Node
	for {
		n, found, _ := s.Next(0)
		if !found {
			break
		}
		open = append(open, n)
	}
	if len(open) != 3 {
		t.Fatalf("%d questions are open, want 3", len(open))
	}
	for _, n := range open {
		s.Tell(0, n.ID, w[n.ID])
		s.Tell(0, n.ID, w[n.ID]) // twice
		s.Failed(n.ID)
	}
	s.Tell(0, "stranger", Description{})
	s.Failed("stranger")
	if s.pending != 0 {
		t.Errorf("%d are pending, all were answered", s.pending)
	}
}

// A node may tell what it likes of others, but not where this one is, nor where one is
// who answers.
func TestWhatOthersSayOfOthers(t *testing.T) {
	s := New(at("a"), DefaultLimits())
	s.Tell(0, "a", Description{Links: []Link{{Node: at("b")}, {Node: at("evil")}}})
	s.Tell(0, "b", Description{})
	s.Tell(0, "evil", Description{View: []Node{{"a", "evil:1"}, {"b", "evil:1"}}})
	for _, n := range s.Overlay(0, time.Time{}).Nodes {
		if n.Addr != at(n.ID).Addr {
			t.Errorf("%s is at %s, as somebody else has said", n.ID, n.Addr)
		}
	}
	// One who has moved is found: it does not answer where it was.
	for range DefaultLimits().Failures {
		s.Failed("b")
	}
	s.Tell(0, "evil", Description{View: []Node{{"b", "b:2"}}})
	for _, n := range s.Overlay(0, time.Time{}).Nodes {
		if n.ID == "b" && n.Addr != "b:2" {
			t.Errorf("b is at %s, and has moved", n.Addr)
		}
	}
}

// Somebody who names thousands does not keep this node's own neighbours out of the
// picture.
func TestNeighboursHaveRoom(t *testing.T) {
	limits := DefaultLimits()
	limits.Nodes = 50
	s := New(at("a"), limits)
	s.Tell(0, "a", Description{Links: []Link{{Node: at("evil")}}})
	var many Description
	for i := range 1000 {
		many.View = append(many.View, at(name(i)))
	}
	s.Tell(0, "evil", many)
	s.Tell(0, "a", Description{Links: []Link{{Node: at("evil")}, {Node: at("b")}}, View: []Node{at("c")}})
	o := s.Overlay(0, time.Time{})
	if len(o.Nodes) > limits.Nodes {
		t.Errorf("%d nodes, at most %d may be known", len(o.Nodes), limits.Nodes)
	}
	for _, id := range []string{"a", "evil", "b", "c"} {
		if !slices.ContainsFunc(o.Nodes, func(n api.OverlayNode) bool { return n.ID == id }) {
			t.Errorf("%s is not in the picture", id)
		}
	}
}
