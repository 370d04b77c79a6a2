package overlay

import (
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
)

// The measured figures of other programs, 10^4 nodes and c = 30, that this one
// must meet. Ours are of the seed and the cycle of the test; others differ by the
// tolerance given and no more.

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if got < want-tolerance || got > want+tolerance {
		t.Errorf("%s: %.4f, want %.4f ± %.4f", what, got, want, tolerance)
	}
}

// A random graph of 10^4 nodes that know 30 each.
func TestRandomGraph(t *testing.T) {
	o := newOverlay(t, Config{Nodes: 10_000, Policy: peersampling.Blind(30), Start: Random, Seed: 1})
	r := o.Measure(Sampling{Paths: 512})
	t.Log(r)
	near(t, "in-degree mean", r.InDegreeMean, 30, 0)
	near(t, "in-degree std", r.InDegreeStd, 5.49, 0.15)
	near(t, "degree", o.MeanDegree(), 59.91, 0.05)
	near(t, "clustering", r.Clustering, 0.0060, 0.0002)
	near(t, "path length", r.PathLength, 2.686, 0.01)
}

// A ring lattice: a third of the way round to the farthest, 15 nodes a hop; 3/4 of
// the pairs of neighbours are linked but for the edges.
func TestLattice(t *testing.T) {
	const n, k = 601, 30
	o := newOverlay(t, Config{Nodes: n, Policy: peersampling.Blind(k), Start: Lattice, Seed: 1})
	r := o.Measure(Sampling{})
	near(t, "in-degree std", r.InDegreeStd, 0, 0)
	near(t, "clustering", r.Clustering, 3*(k-2)/(4.*(k-1)), 1e-12) // Watts and Strogatz 1998
	near(t, "path length", r.PathLength, 10.5, 1e-12)              // 1 to 20 hops, 30 nodes at each
}

// Converged overlays: TOCS 2007, sections 4 and 5, as measured by others.
func TestConverged(t *testing.T) {
	if testing.Short() || underRace {
		t.Skip("six million exchanges")
	}
	for _, test := range []struct {
		policy                  peersampling.Policy
		std, clustering, length float64
		tolerance               float64 // of the std
	}{
		{peersampling.Blind(30), 21.7, 0.024, 2.68, 1.5},
		{with(peersampling.Healer(30), peersampling.Random), 10.8, 0.148, 2.84, 0.3},
		{peersampling.Healer(30), 11.1, 0.106, 2.79, 0.3},
		// 4.0, 3.9 and .0067 by others: see "The place of a duplicate" in package
		// peersampling, which also tells why theirs are not met here.
		{with(peersampling.Swapper(30), peersampling.Random), 4.13, 0.0063, 2.70, 0.1},
		{peersampling.Swapper(30), 3.63, 0.0062, 2.69, 0.1},
		{h1s14(peersampling.Random), 5.8, 0.0079, 2.695, 0.15},
		{h1s14(peersampling.Tail), 5.0, 0.0076, 2.695, 0.25},
		{peersampling.Newscast(30), 11.1, 0, 0, 0.6},
	} {
		t.Run(test.policy.String(), func(t *testing.T) {
			t.Parallel()
			o := run(newOverlay(t, Config{Nodes: 10_000, Policy: test.policy, Start: Random, Seed: 1, Cores: 1}), 100)
			r := o.Measure(Sampling{Clustering: 2500, Paths: 512})
			t.Logf("%v; degree %.1f", r, o.MeanDegree())
			near(t, "in-degree mean", r.InDegreeMean, 30, 0)
			near(t, "in-degree std", r.InDegreeStd, test.std, test.tolerance)
			if test.clustering > 0 {
				near(t, "clustering", r.Clustering, test.clustering, 0.1*test.clustering)
				near(t, "path length", r.PathLength, test.length, 0.02)
			}
			near(t, "components", float64(r.Components), 1, 0)
		})
	}
}

// Cyclon's in-degree is the most even of all, but it takes its time.
func TestCyclonIsTheMostEven(t *testing.T) {
	if testing.Short() || underRace {
		t.Skip("1.5 million exchanges")
	}
	o := run(newOverlay(t, Config{Nodes: 10_000, Policy: peersampling.Cyclon(30), Start: Random, Seed: 1}), 150)
	r := o.Measure(Sampling{Clustering: 2500, Paths: 512})
	t.Log(r)
	near(t, "in-degree std", r.InDegreeStd, 1.75, 0.3)
	near(t, "clustering", r.Clustering, 0.0059, 0.0002)
	near(t, "path length", r.PathLength, 2.692, 0.01)
}

// h1s14 swaps all but the oldest.
func h1s14(who peersampling.Selection) peersampling.Policy {
	p := with(peersampling.Healer(30), who)
	p.H, p.S = 1, 14
	return p
}

// TOCS 2007, section 6: dead links per live view after half of the nodes are gone.
func TestDeadLinksDecay(t *testing.T) {
	const n = 4000
	for _, test := range []struct {
		policy    peersampling.Policy
		drop      bool
		want      map[int]float64 // by cycle after the failure
		tolerance float64
	}{
		{peersampling.Healer(30), false, map[int]float64{1: 12.8, 2: 7.5, 3: 2.3, 5: 0.01, 10: 0}, 0.4},
		{with(peersampling.Healer(30), peersampling.Random), false, map[int]float64{1: 13.8, 2: 9.6, 3: 4.0, 5: 0.07, 10: 0}, 0.4},
		{h1s14(peersampling.Tail), false, map[int]float64{1: 14.4, 3: 12.8, 5: 10.9, 10: 5.4, 20: 0.002}, 0.4},
		{peersampling.Swapper(30), false, map[int]float64{1: 14.7, 2: 14.4, 3: 14.2, 5: 13.7, 10: 12.6, 20: 10.6}, 0.4},
		{peersampling.Cyclon(30), true, map[int]float64{1: 14.5, 3: 13.9, 5: 13.4, 10: 12.0, 20: 8.9}, 0.5},
	} {
		t.Run(test.policy.String(), func(t *testing.T) {
			t.Parallel()
			const crash = 40
			o := run(newOverlay(t, Config{
				Nodes: n, Policy: test.policy, Start: Random, Seed: 1, Cores: 1, DropDead: test.drop, Kill: []Kill{{0.5, crash + 1}},
			}), crash)
			for after := 1; after <= 20; after++ {
				o.Step()
				if want, ok := test.want[after]; ok {
					got := float64(o.DeadLinks()) / (n / 2)
					t.Logf("after %d: %.3f (%v)", after, got, want)
					near(t, "dead links per view", got, want, test.tolerance)
				}
			}
		})
	}
}

// Middleware 2004 and TOCS 2007: a growing overlay under push falls to pieces
// when only the fresh are kept, and never under push-pull.
func TestPartitioningInTheGrowingScenario(t *testing.T) {
	healer := with(peersampling.Healer(30), peersampling.Random)
	seeds := uint64(2)
	if testing.Short() || underRace {
		seeds = 1
	}
	for seed := range seeds {
		for _, test := range []struct {
			policy peersampling.Policy
			whole  bool
		}{
			{pushOnly(healer), false},
			{healer, true},
			{peersampling.Healer(30), true},
			{peersampling.Swapper(30), true},
			{peersampling.Newscast(30), true},
		} {
			o := newOverlay(t, Config{Nodes: 2000, Policy: test.policy, Seed: seed})
			for o.Cycle() < 50 {
				o.Step()
				if parts := o.Components(); test.whole && len(parts) > 1 {
					t.Errorf("%v, seed %d, cycle %d: components of %v", test.policy, seed, o.Cycle(), parts)
				}
			}
			if parts := o.Components(); !test.whole && len(parts) == 1 {
				t.Errorf("%v, seed %d: whole", test.policy, seed)
			}
		}
	}
}

// TOCS 2007, section 4: the growing, the lattice and the random start come to the
// same under push-pull; a star recovers.
func TestAllStartsConverge(t *testing.T) {
	for s := Growing; s <= Star; s++ {
		o := run(newOverlay(t, Config{Nodes: 2000, Policy: peersampling.Swapper(20), Start: s, Seed: 1}), 120)
		r := o.Measure(Sampling{Clustering: 500, Paths: 64})
		t.Log(s, r)
		near(t, s.String()+": in-degree std", r.InDegreeStd, 3.1, 0.4)
		near(t, s.String()+": clustering", r.Clustering, 0.0225, 0.003)
		near(t, s.String()+": path length", r.PathLength, 2.41, 0.05)
	}
}
