package broadcast

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// insist has a ask b for a link with priority.
func (w *world) insist(a, b *node) {
	w.step(a, func(out *Outbox) { a.links.Bridge(w.now, b.self, out) })
	w.drain()
}

// Whoever asks with priority gets a link, but not everybody's: of the links that were
// there before, a node keeps as many as are half of all of what it has chosen, and the
// older half of the rest if they are old; and it gives up first who has come before.
func TestWhoInsistsDoesNotGetAllLinks(t *testing.T) {
	for i := range 12 {
		chosen, isOld := i/2, i%2 == 1
		w := strangers(t, 5+1+40, nil)
		victim, friends, insistent := w.nodes[0], w.nodes[1:6], w.nodes[6:]
		for i, n := range friends {
			if i < chosen {
				w.insist(victim, n)
			} else {
				w.insist(n, victim)
			}
			w.now += time.Second
		}
		if isOld {
			w.now += proven * victim.links.cfg.Backoff
		}
		for range 3 {
			for _, n := range insistent {
				if w.insist(n, victim); !victim.links.Linked(n.self) {
					t.Fatalf("%d chosen: who asks with priority is refused", chosen)
				}
			}
			w.now += time.Second
		}
		kept := min(chosen, 2)
		if isOld {
			kept += (5 - kept) / 2
		}
		left := 0
		for i, n := range friends {
			if victim.links.Linked(n.self) {
				left++
			} else if i < chosen && i >= chosen-2 {
				t.Errorf("%d chosen: the link to number %d is gone", chosen, i)
			}
		}
		if left < kept || left == len(friends) {
			t.Errorf("%d chosen, old %v: %d of 5 links are left, want %d to 4", chosen, isOld, left, kept)
		}
	}
}

// Of those that could make room, who has come most often goes first: a newcomer is not
// driven out by those who drive out each other, who come again whenever they can.
func TestWhoComesMostOftenGoesFirst(t *testing.T) {
	w := strangers(t, 12, func(c *LinksConfig) { c.Max = 4 })
	full, insistent, newcomer := w.nodes[0], w.nodes[1:11], w.nodes[11]
	for range 2 {
		for _, n := range insistent {
			w.insist(n, full)
		}
	}
	w.insist(newcomer, full)
	for range 10 {
		for _, n := range insistent {
			w.insist(n, full)
		}
	}
	wantLinked(t, "it has come once", newcomer, full, true)
}

// Visitors are forgotten after an hour, and there are never too many.
func TestVisitorsAreForgotten(t *testing.T) {
	l := NewLinks(DefaultLinksConfig(), 1, rand.NewPCG(1, 1).Uint64)
	c := &conn{peer: 7}
	l.visit(0, 7)
	l.visit(time.Minute, 7)
	for now, want := range map[time.Duration]int{
		2 * time.Minute: 1,
		time.Minute + forgetVisits - time.Nanosecond: 1,
		time.Minute + forgetVisits:                   0,
	} {
		if got := l.returns(now, c); got != want {
			t.Errorf("after %v it has come again %d times, want %d", now, got, want)
		}
	}
	l.visit(time.Minute+forgetVisits, 7)
	if got := l.returns(time.Minute+forgetVisits, c); got != 0 {
		t.Errorf("who comes again after long has come again %d times, want 0", got)
	}
	for p := range peer.Handle(3 * maxVisitors) {
		l.visit(2*time.Hour, p+10)
	}
	if s := l.Bounded(); s != "" || len(l.choice.visitors) != maxVisitors {
		t.Errorf("%d visitors are remembered, want %d (%s)", len(l.choice.visitors), maxVisitors, s)
	}
}

// Who is full of links that others have asked for, and has had to give up some, asks for
// one itself after a while, and again when it has lost it.
func TestANodeChoosesALinkItself(t *testing.T) {
	w := strangers(t, 8, nil)
	node, askers, sample := w.nodes[0], w.nodes[1:6], w.nodes[6:]
	for _, n := range askers {
		w.insist(n, node)
	}
	for _, n := range sample {
		node.view = append(node.view, peer.Descriptor{Peer: n.self})
	}
	for round := range 3 {
		node.links.choice.evicted = pressure
		w.run(chooseSoon*node.links.cfg.Backoff + time.Second)
		if node.links.choices() != 1 || node.links.Len() != node.links.cfg.Max {
			t.Fatalf("round %d: %d of %d links are of its own choice, want 1 of 5",
				round, node.links.choices(), node.links.Len())
		}
		for _, n := range sample { // it is lost, and somebody else takes its place at once
			if node.links.Linked(n.self) {
				w.frozen = true
				w.step(n, func(out *Outbox) { n.links.Disconnect(w.now, out) })
				w.drain()
				for _, a := range askers {
					if !node.links.Linked(a.self) {
						w.insist(a, node)
					}
				}
				w.frozen = false
			}
		}
	}
}

// With all of its links to peers that it has chosen, a node exchanges the oldest, seldom,
// and more often where others take the places of its links.
func TestChoicesChange(t *testing.T) {
	for _, test := range []struct {
		why      string
		pressure int
		from, to time.Duration // when the first choice is gone
	}{
		{"quiet", 0, chooseSeldom / 2, chooseSeldom*3/2 + 1},
		{"pressed", pressure, 0, chooseOften + 1},
	} {
		w := strangers(t, 12, nil)
		node, first := w.nodes[0], w.nodes[1]
		for _, n := range w.nodes[1:6] {
			w.insist(node, n)
			w.now += time.Second
		}
		begin := w.now
		node.links.choice.evicted = test.pressure
		for _, n := range w.nodes[6:] {
			node.view = append(node.view, peer.Descriptor{Peer: n.self})
		}
		for node.links.Linked(first.self) && w.now < begin+time.Hour {
			w.run(time.Second)
		}
		backoff := node.links.cfg.Backoff
		if took := w.now - begin; took < test.from*backoff-10*time.Second || took > test.to*backoff {
			t.Errorf("%s: the oldest choice goes after %v, want %v to %v", test.why, took, test.from*backoff, test.to*backoff)
		}
		if node.links.choices() != 5 {
			t.Errorf("%s: %d of 5 links are of its own choice", test.why, node.links.choices())
		}
	}
}

// Insiders, a fifth of all, never go away, ask everybody for links with priority again and
// again, and take each place that gets free, while honest links break, each after half
// an hour. Nobody is left with them alone for long. With HyParView's rule all links were
// theirs within ten minutes.
func TestPatientInsidersDoNotGetAllLinks(t *testing.T) {
	const honest, hostile = 40, 10
	w := newWorld(t.Fatalf, honest+hostile, DefaultLinksConfig())
	rng := rand.New(rand.NewPCG(1, 2))
	isHostile := func(h peer.Handle) bool { return h > honest }
	for _, n := range w.nodes[honest:] {
		n.view, n.links.cfg.Max = nil, 32
	}
	w.run(time.Minute)
	theirs, all, alone, samples := 0, 0, 0, 0
	longest, since := time.Duration(0), make([]time.Duration, honest)
	for second := range 3600 {
		for _, n := range w.nodes[honest:] {
			w.insist(n, w.nodes[rng.IntN(honest)])
		}
		for _, n := range w.nodes[:honest] {
			for _, p := range n.links.AppendPeers(nil) {
				if !isHostile(p) && rng.IntN(3600) == 0 { // twice, as both ends draw
					w.breakLink(n, w.nodes[p-1])
				}
			}
		}
		w.run(time.Second)
		for i, n := range w.nodes[:honest] {
			friends := 0
			for _, p := range n.links.AppendPeers(nil) {
				if all++; isHostile(p) {
					theirs++
				} else {
					friends++
				}
			}
			if friends > 0 {
				since[i] = w.now
			}
			longest = max(longest, w.now-since[i])
			if second >= 600 {
				if samples++; friends == 0 {
					alone++
				}
			}
		}
	}
	w.symmetric()
	share := float64(alone) / float64(samples)
	t.Logf("insiders have %.2f of all links; a node has no other %.3f of the time, for %v at most",
		float64(theirs)/float64(all), share, longest)
	if share > .1 || longest > 5*time.Minute {
		t.Error("that is too much: want .1 of the time and 5 minutes at most")
	}
}

// breakLink breaks the connections between two nodes, and both notice.
func (w *world) breakLink(a, b *node) {
	for _, e := range slices.Clone(w.alive) {
		if e.node == a && e.other.node == b && !e.closed {
			w.drop(e)
			w.drop(e.other)
		}
	}
}
