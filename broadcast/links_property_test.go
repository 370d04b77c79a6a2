package broadcast

import (
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever is dialled, crossed, accepted, refused, cut and timed out, in
// whatever order: B4 holds at every step, a refusal is respected, deadlines
// move on, links are links at both ends once all is quiet, everybody finds one
// once the faults have ended, and leaving leaves nothing behind.
func TestLinksUnderAnything(t *testing.T) {
	for range 3 {
		rapid.Check(t, linksUnderAnything)
	}
}

func linksUnderAnything(t *rapid.T) {
	cfg := DefaultLinksConfig()
	cfg.Max = rapid.IntRange(1, 4).Draw(t, "max")
	cfg.Repairs = rapid.IntRange(1, 2).Draw(t, "repairs")
	w := newWorld(t.Fatalf, rapid.IntRange(2, 6).Draw(t, "nodes"), cfg)
	seed := rapid.Uint64().Draw(t, "seed")
	for i, n := range w.nodes {
		n.links.draw = rand.NewPCG(seed, uint64(i)).Uint64 // alike, their tokens would be
	}
	index := func(what string, n int) int { return rapid.IntRange(0, n-1).Draw(t, what) }
	node := func() *node { return w.nodes[index("node", len(w.nodes))] }
	t.Repeat(map[string]func(*rapid.T){
		"connect": func(t *rapid.T) {
			if n := len(w.dials); n > 0 {
				w.connect(index("dial", n))
			}
		},
		"fail a dial": func(t *rapid.T) {
			if n := len(w.dials); n > 0 {
				w.failDial(index("dial", n))
			}
		},
		"arrive": func(t *rapid.T) {
			for range rapid.IntRange(1, 5).Draw(t, "how many") {
				w.now += time.Duration(rapid.IntRange(0, 5).Draw(t, "ms")) * time.Millisecond
				if ends := w.busy(); len(ends) > 0 {
					w.arrive(ends[index("end", len(ends))])
				}
			}
		},
		"drain": func(t *rapid.T) { w.drain() },
		"break": func(t *rapid.T) {
			if n := len(w.ends); n > 0 {
				if e := w.ends[index("end", n)]; !e.closed {
					w.drop(e)
					w.close(e.other)
					w.drop(e.other)
				}
			}
		},
		"bridge": func(t *rapid.T) {
			a, b := node(), node()
			w.step(a, func(out *Outbox) { a.links.Bridge(w.now, b.self, out) })
		},
		"repair": func(t *rapid.T) {
			a, b := node(), node()
			w.step(a, func(out *Outbox) { a.links.Repair(w.now, b.self, out) })
		},
		"end repairs": func(t *rapid.T) {
			a := node()
			for id, c := range a.open {
				if c.Repair {
					w.step(a, func(out *Outbox) { a.links.EndRepair(w.now, id, out) })
					break
				}
			}
		},
		"offer": func(t *rapid.T) { n := node(); w.step(n, func(*Outbox) { n.links.Offer() }) },
		"wait": func(t *rapid.T) {
			w.now += time.Duration(rapid.IntRange(1, 4000).Draw(t, "ms")) * time.Millisecond
			for _, n := range w.nodes {
				if n.links.Deadline() <= w.now {
					w.tick(n)
				}
			}
		},
	})

	// The faults end, and nobody asks for more: what is on its way arrives.
	w.frozen = true
	w.drain()
	w.symmetric()

	// Everybody asks again.
	w.frozen = false
	w.run(30 * time.Second)
	w.frozen = true
	w.drain()
	w.symmetric()
	for _, n := range w.nodes {
		if n.links.Len() == 0 && cfg.Max > 1 {
			t.Fatalf("%d is alone after half a minute: %v", n.self, w)
		}
	}

	// Everybody leaves.
	w.frozen = false
	for _, n := range w.nodes {
		n.links.Leave()
		w.step(n, func(out *Outbox) { n.links.Disconnect(w.now, out) })
	}
	w.run(cfg.Answer + cfg.Timeout)
	for _, n := range w.nodes {
		if l := n.links; len(l.conns) != 0 || len(l.dials) != 0 || len(l.changes) != 0 || len(n.open) != 0 {
			t.Fatalf("%d is gone and still has %d connections, %d dials, %d changes", n.self, len(l.conns), len(l.dials), len(l.changes))
		}
		if d := n.links.Deadline(); d != Never {
			t.Fatalf("%d is gone and has something to do at %v", n.self, d)
		}
	}
}
