package peersampling

import (
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

func with(p Policy, s Selection) Policy {
	p.Peer = s
	return p
}

func all27(c int) []Policy {
	var all []Policy
	for _, propagation := range []Propagation{Push, Pull, PushPull} {
		for _, who := range []Selection{Random, Head, Tail} {
			for _, view := range []Selection{Random, Head, Tail} {
				all = append(all, Policy{Peer: who, Propagation: propagation, View: view, C: c})
			}
		}
	}
	return all
}

// The standard deviation of the in-degree in the converged overlay. The figures
// to the right are those of independent programs for 10^4 nodes and 300 cycles;
// blind and random selection have less of it in a smaller overlay, Cyclon more.
func TestConvergedIndegree(t *testing.T) {
	if testing.Short() || underRace {
		t.Skip("large overlays take long, and share nothing that could race")
	}
	for _, test := range []struct {
		policy    Policy
		nodes     int
		low, high float64
	}{
		{with(Blind(30), Random), 2000, 18, 24},             // 22.8
		{Blind(30), 2000, 17, 23},                           // 21.7
		{with(Healer(30), Random), 2000, 9.8, 11.8},         // 10.8
		{Healer(30), 2000, 10, 12.2},                        // 11.1
		{with(Swapper(30), Random), 2000, 4.0, 4.7},         // 4.0: see "The place of a duplicate" in the package documentation
		{Swapper(30), 2000, 3.5, 4.2},                       // 3.9
		{with(ages2007(30, 1, 14), Random), 2000, 5.6, 6.5}, // 5.8
		{ages2007(30, 1, 14), 2000, 5.0, 5.9},               // 5.0
		{Cyclon(30), 10_000, 1.4, 2.5},                      // 1.75
		{Newscast(30), 10_000, 10, 11.8},                    // 11.1
		{with(Newscast(30), Tail), 2000, 13, 16},            // 15.2
		{hops2004(Random, 30), 2000, 19, 28},                // 27.0
		{with(hops2004(Random, 30), Tail), 2000, 18, 26},    // 24.9
	} {
		t.Run(test.policy.String(), func(t *testing.T) {
			t.Parallel()
			o := newOverlay(t, test.policy, test.nodes, 1)
			o.run(80)
			mean, std, most := o.indegree()
			t.Logf("in-degree mean %.2f, std %.2f, max %d; undirected degree %.2f", mean, std, most, o.undirectedDegree())
			if mean != 30 {
				t.Errorf("mean in-degree %.3f: views are not full", mean)
			}
			if std < test.low || std > test.high {
				t.Errorf("in-degree std %.2f, want %v to %v", std, test.low, test.high)
			}
		})
	}
}

// TOCS 2007, section 4: swapping balances the in-degree best, blind selection
// worst, and the order does not hang on c being even or 30.
func TestSwapperIsMoreEvenThanHealerThanBlind(t *testing.T) {
	for _, c := range []int{20, 15} {
		for _, who := range []Selection{Random, Tail} {
			var std [3]float64
			for i, p := range []Policy{Swapper(c), Healer(c), Blind(c)} {
				o := newOverlay(t, with(p, who), 1000, 2)
				o.run(60)
				_, std[i], _ = o.indegree()
			}
			if !(std[0] < std[1] && std[1] < std[2]) {
				t.Errorf("c=%d, %v: swapper %.1f, healer %.1f, blind %.1f", c, who, std[0], std[1], std[2])
			}
		}
	}
}

// TOCS 2007, section 6: healing forgets the dead exponentially fast, blind
// selection hardly.
func TestHealerForgetsTheDead(t *testing.T) {
	dead := func(p Policy) int {
		o := newOverlay(t, p, 1000, 3)
		o.run(30)
		o.order = o.order[:500] // the other half crashes
		alive := make([]bool, len(o.views))
		for _, self := range o.order {
			alive[self] = true
		}
		usable := func(p peer.Handle) bool { return alive[p] }
		for range 10 {
			for _, self := range o.order {
				if to, ok := o.engine.SelectPeer(o.views[self], usable, o.rng); ok {
					o.views[self], o.views[to] = o.engine.Exchange(o.views[self], o.views[to], self, to, o.rng)
				}
			}
		}
		links := 0
		for _, self := range o.order {
			for _, d := range o.views[self] {
				if !alive[d.Peer] {
					links++
				}
			}
		}
		return links
	}
	if n := dead(Healer(20)); n != 0 {
		t.Errorf("healer: %d dead links after 10 cycles", n)
	}
	if n := dead(Swapper(20)); n < 500 {
		t.Errorf("swapper: only %d dead links after 10 cycles, it should be slow", n)
	}
}

// Middleware 2004, section 4: all 27 combinations, in both readings of the hop
// count, run and keep the invariants.
func TestAll27KeepTheInvariants(t *testing.T) {
	for _, p := range all27(12) {
		for _, literal := range []bool{false, true} {
			p.LiteralHops = literal
			o := newOverlay(t, p, 150, 1)
			o.run(30)
			for self, v := range o.views {
				if broken := invariants(v, peer.Handle(self), p.C); broken != "" {
					t.Fatalf("%v: node %d: %s", p, self, broken)
				}
			}
		}
	}
}

// Middleware 2004, section 5: pull alone collapses to a star.
func TestPullCollapsesToAStar(t *testing.T) {
	o := newOverlay(t, Policy{Peer: Random, Propagation: Pull, View: Head, C: 20}, 1000, 1)
	o.run(100)
	if _, _, most := o.indegree(); most < 500 {
		t.Errorf("the best known of 1000 nodes is in %d views, want most", most)
	}
}

// The trap of the 2004 listing: hop counts that grow only on the way freeze the
// overlay into mutual pairs.
func TestLiteralHopsFreeze(t *testing.T) {
	p := Newscast(20)
	p.LiteralHops = true
	o := newOverlay(t, p, 1000, 1)
	o.run(150)
	if d := o.undirectedDegree(); d > 23 {
		t.Errorf("undirected degree %.1f, want near c = 20: each link mutual", d)
	}
}
