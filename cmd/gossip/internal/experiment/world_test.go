package experiment

import (
	"fmt"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/sim"
)

func smallWorld(t *testing.T) *world {
	t.Helper()
	l := newLab(t.Context(), Params{Nodes: 100, View: 20, Cycles: 100, Runs: 1, Seed: 1}, nil, 1)
	w, err := newWorld(l, l.Nodes, usualFaults(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// The dependencies of the message in docs/protocol.md, section 10: their number, and
// then length of the name, name, incarnation, sequence number.
func TestOrderBytes(t *testing.T) {
	w := sim.NewWorld(1)
	w.Start("bob")
	w.Start("ann")
	bob, ann := peer.Dot{Origin: 1, Seq: 300}, peer.Dot{Origin: 2, Seq: 2}
	for _, test := range []struct {
		dots []peer.Dot
		want int
	}{
		{nil, 1},
		{[]peer.Dot{ann}, 1 + (1 + 3 + 8 + 1)},
		{[]peer.Dot{bob, ann}, 1 + (1 + 3 + 8 + 2) + (1 + 3 + 8 + 1)},
	} {
		if got := orderBytes(test.dots, wireNames{w}); got != test.want {
			t.Errorf("%v take %d bytes, want %d", test.dots, got, test.want)
		}
	}
}

// When processes die their neighbours learn of it at once; hosts are missed only
// after ten seconds of silence.
func TestProcessesAndHosts(t *testing.T) {
	for _, test := range []struct {
		of               string
		soon, afterwards bool // are there links to the dead?
	}{{processes, false, false}, {hosts, true, false}} {
		w := smallWorld(t)
		if g := linksAmong(w, w.up()); g.components != 1 || g.largest != 1 || g.perNode < 3 || g.perNode > float64(defaultLinks) || g.deadPerNode != 0 {
			t.Errorf("before: %+v, want one component of a few links each", g)
		}
		w.die(killing{50, test.of})
		alive := w.up()
		if g := linksAmong(w, alive); len(alive) != 50 || g.deadPerNode < 1 {
			t.Errorf("%d are left, and have %+v, want 50 with links to the dead", len(alive), g)
		}
		for _, x := range []struct {
			after time.Duration
			dead  bool
		}{{time.Second, test.soon}, {20 * time.Second, test.afterwards}} {
			w.Run(x.after)
			if g := linksAmong(w, alive); g.deadPerNode > 0 != x.dead {
				t.Errorf("%s died, and after %v more there are %+v, want links to the dead: %v", test.of, x.after, g, x.dead)
			}
		}
		if g := linksAmong(w, alive); g.components != 1 {
			t.Errorf("%s died, and in the end there is %+v, want one component", test.of, g)
		}
	}
}

// What is counted of a message adds up.
func TestSent(t *testing.T) {
	w := smallWorld(t)
	m, _, err := w.say(w.Nodes()[0])
	if err != nil {
		t.Fatal(err)
	}
	w.Run(5 * time.Second)
	if m.reached(99) != 1 || m.within(5*time.Second, 99) != 1 || m.within(0, 99) != 0 || m.redundancy() < 1 || m.hops < 3 || m.last() < 30*time.Millisecond {
		t.Errorf("%d deliveries, %d copies, %d hops, the last after %v", len(m.delays), m.copies, m.hops, m.last())
	}
	if w.broken() != 0 || w.copies != m.copies || w.deliveries != len(m.delays) {
		t.Errorf("%d broken, %d copies, %d deliveries", w.broken(), w.copies, w.deliveries)
	}
}

func TestQuantile(t *testing.T) {
	xs := []int{5, 1, 4, 2, 3}
	for share, want := range map[float64]int{0: 1, 0.5: 3, 0.99: 4, 1: 5} {
		if got := quantile(xs, share); got != want {
			t.Errorf("quantile %v is %d, want %d", share, got, want)
		}
	}
	if got := fmt.Sprint(quantile([]int{}, 0.5), xs); got != "0 [5 1 4 2 3]" {
		t.Errorf("%s, want 0 of none, and the numbers untouched", got)
	}
}

// Twice the depth of a tree: 10,000 nodes, five links, so four to pass on to.
func TestHopBound(t *testing.T) {
	if got := hopBound(10_000, 5); got < 13.2 || got > 13.4 {
		t.Errorf("the bound is %.1f, want 13.3", got)
	}
}
