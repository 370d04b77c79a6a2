package overlay

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
	"pgregory.net/rapid"
)

// asWritten is a round of Brahms as the model is written: everybody's pushes and
// answers, from the views as they are, in maps; then everybody's new view. It
// shares the seeds of the nodes with Step, nothing else of rounds.go.
func asWritten(t rapid.TB, o *Overlay) {
	o.cycle++
	o.grow()
	o.kill()
	o.churn()
	o.muster()
	rounds, err := peersampling.NewRounds(o.cfg.Policy, o.cfg.Seed, nil)
	if err != nil {
		t.Fatal(err)
	}
	seeds := map[peer.Handle][2]uint64{}
	for s := uint32(1); s < o.end(); s++ {
		a, b := o.source.Uint64(), o.source.Uint64()
		seeds[o.name(s)] = [2]uint64{a, b}
	}
	started := func(h peer.Handle) *rand.PCG { return rand.NewPCG(seeds[h][0], seeds[h][1]) }
	hostile := func(h peer.Handle) bool { return o.attack.hostile != nil && o.Attacker(h) }
	forger := forger{villains: o.attack.villains}

	pushed := map[peer.Handle][]peer.Handle{}
	for from := range o.Live() {
		rng := started(from)
		if hostile(from) {
			for range rounds.Pushes() * max(1, o.cfg.Attack.Rate) {
				to := o.attack.victim(rng)
				pushed[to] = append(pushed[to], from)
			}
			continue
		}
		push, _ := rounds.Targets(o.View(from), rng)
		for _, to := range push {
			pushed[to] = append(pushed[to], from)
		}
	}
	views := map[peer.Handle][]peer.Descriptor{}
	for h := range o.Live() {
		if hostile(h) {
			continue
		}
		rng, samples := started(h), o.rounds.samplesOf(o.slot[h], o.cfg.Policy)
		if len(o.AppendSamples(nil, h)) == 0 {
			var some []peer.Handle
			for _, d := range o.View(h) {
				some = append(some, d.Peer)
			}
			rounds.Feed(samples, some, h)
		}
		_, pull := rounds.Targets(o.View(h), rng)
		pull = slices.Clone(pull)
		var pulled []peer.Handle
		for _, from := range pull {
			answer := o.View(from)
			switch {
			case hostile(from):
				answer = forger.forge(nil, o.cfg.Policy.C, from, rng)
			case !o.Alive(from) && o.cfg.DropDead:
				rounds.Forget(samples, from)
			}
			for _, d := range answer {
				pulled = append(pulled, d.Peer)
			}
		}
		slices.Reverse(pushed[h]) // as the inbox happens to be filled
		view, _ := rounds.Renew(nil, o.View(h), samples, pushed[h], pulled, h, rng)
		if o.cfg.DropDead {
			for _, gone := range pull {
				if i := slices.IndexFunc(view, func(d peer.Descriptor) bool { return d.Peer == gone }); i >= 0 && !o.Alive(gone) {
					view[i] = view[len(view)-1]
					view = view[:len(view)-1]
				}
			}
		}
		views[h] = view
		rounds.Feed(samples, append(pushed[h], pulled...), h)
		if p := samples[o.cycle%len(samples)].Peer; !o.Alive(p) {
			rounds.Forget(samples, p)
		}
	}
	for h := range o.Live() {
		at := int(o.slot[h]) * o.stride
		o.records[at].Age = uint32(copy(o.records[at+1:], views[h]))
	}
}

func compareSamples(t rapid.TB, got, want *Overlay) {
	for h := range want.Live() {
		if a, b := got.AppendSamples(nil, h), want.AppendSamples(nil, h); !slices.Equal(a, b) {
			t.Fatalf("cycle %d: the samples of node %d are %v, want %v", want.cycle, h, a, b)
		}
	}
}

func drawBrahms(t *rapid.T) Config {
	cfg := drawConfig(t)
	cfg.Policy = peersampling.Brahms(cfg.Policy.C)
	cfg.Policy.Samplers = rapid.IntRange(1, 12).Draw(t, "samplers")
	if rapid.Bool().Draw(t, "attacked") {
		cfg.Attack = drawAttack(t)
	}
	return cfg
}

// Whatever the run, a round comes to what the model says; and views keep I1 to
// I3, names are never given twice, and the books agree.
func TestRoundsAreAsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := drawBrahms(t)
		got, want := newOverlay(t, cfg), newOverlay(t, cfg)
		wasDead := map[peer.Handle]bool{}
		for range 10 {
			got.Step()
			asWritten(t, want)
			compare(t, got, want)
			compareSamples(t, got, want)
			checkViews(t, got)
			checkBooks(t, got, wasDead)
		}
	})
}

// The same bytes on any number of cores, and other bytes with another seed.
func TestRoundsOnCores(t *testing.T) {
	cfg := Config{
		Nodes: 1000, Policy: peersampling.Brahms(12), Start: Random, Seed: 1,
		Churn: 0.01, Kill: []Kill{{0.3, 3}}, Attack: Attack{Fraction: 0.1, Kind: Flood, Rate: 2, From: 2},
	}
	cfg.Cores = 1
	want := newOverlay(t, cfg)
	var got []*Overlay
	for _, cfg.Cores = range []int{2, 3, 7} {
		got = append(got, newOverlay(t, cfg))
	}
	for range 6 {
		want.Step()
		row := want.Measure(Sampling{Clustering: 100, Paths: 64})
		for _, o := range got {
			o.Step()
			compare(t, o, want)
			compareSamples(t, o, want)
			if r := o.Measure(Sampling{Clustering: 100, Paths: 64}); r != row {
				t.Fatalf("%v, on one core %v", r, row)
			}
		}
	}
	cfg.Seed = 2
	if o := run(newOverlay(t, cfg), 6); slices.Equal(o.View(1), want.View(1)) && o.Alive(1) {
		t.Error("seed 2 is seed 1")
	}
}

// From every start, one node that all know included, the overlay becomes the same
// and never falls apart on the way: in-degrees about as even as a random graph's
// (4.3 for views of 18.5), nobody left out, and nobody a hub.
func TestBrahmsFromAllStarts(t *testing.T) {
	const n, c = 600, 20
	for s := Growing; s <= Star; s++ {
		if s < Star && (testing.Short() || underRace) {
			continue // the hardest is enough
		}
		o := newOverlay(t, Config{Nodes: n, Policy: peersampling.Brahms(c), Start: s, Seed: 1})
		for o.Cycle() < 50 {
			o.Step()
			if parts := o.Components(); len(parts) != 1 {
				t.Errorf("%v, cycle %d: components of %v", s, o.Cycle(), parts)
			}
		}
		r, in := o.Measure(Sampling{Clustering: 300, Paths: 64}), o.InDegree()
		t.Log(s, r, in)
		near(t, s.String()+": in-degree mean", r.InDegreeMean, 18.5, 0.7) // fewer push than may, mostly
		near(t, s.String()+": in-degree std", r.InDegreeStd, 5.1, 0.7)
		near(t, s.String()+": path length", r.PathLength, 2.1, 0.1)
		if in.Min < 2 || in.Max > 3*c {
			t.Errorf("%v: in-degrees of %d to %d", s, in.Min, in.Max)
		}
	}
}

// The samples of all nodes together are uniform over the nodes, as the paper
// proves, although in-degrees are not.
func TestBrahmsSamplesAreUniform(t *testing.T) {
	const n, c = 200, 20
	o := run(newOverlay(t, Config{Nodes: n, Policy: peersampling.Brahms(c), Start: Star, Seed: 1}), 80)
	counts := make([]float64, n+1)
	total := 0.0
	for h := range o.Live() {
		for _, p := range o.AppendSamples(nil, h) {
			if p == h {
				t.Fatalf("%d samples itself", h)
			}
			counts[p]++
			total++
		}
	}
	if total != n*c {
		t.Fatalf("%v samples", total)
	}
	x, mean := 0.0, total/n
	for _, k := range counts[1:] {
		x += (k - mean) * (k - mean) / mean
	}
	if x > 267 { // 199 degrees of freedom: by chance once in a thousand
		t.Errorf("χ² = %.1f: %v", x, counts)
	}
}

// Half of the nodes crash. Each sample is probed once in as many rounds as there
// are samplers: after that many the dead are gone from most samples, and from
// the views, though nobody keeps them from being told of again.
func TestBrahmsForgetsTheDead(t *testing.T) {
	if testing.Short() || underRace {
		t.Skip("a billion hashes")
	}
	for _, drop := range []bool{false, true} {
		const n, c, crash = 1000, 20, 10
		o := run(newOverlay(t, Config{Nodes: n, Policy: peersampling.Brahms(c), Start: Random, Seed: 1, Kill: []Kill{{0.5, crash + 1}}, DropDead: drop}), crash)
		dead := func() (links, samples int) {
			for h := range o.Live() {
				for _, p := range o.AppendSamples(nil, h) {
					if !o.Alive(p) {
						samples++
					}
				}
			}
			return o.DeadLinks(), samples
		}
		o.Step()
		links, samples := dead()
		if links < n/2*c/10 || samples < n/2*c/3 {
			t.Fatalf("the story wants dead links (%d) and samples (%d)", links, samples)
		}
		run(o, 3*c)
		after, still := dead()
		t.Logf("drop %v: links %d, then %d; samples %d, then %d", drop, links, after, samples, still)
		if after > links/10 || still > samples/10 {
			t.Errorf("drop %v: %d of %d dead links are left and %d of %d samples", drop, after, links, still, samples)
		}
		if parts := o.Components(); len(parts) != 1 {
			t.Errorf("components of %v", parts)
		}
	}
}

func TestOtherPoliciesHaveNoSamples(t *testing.T) {
	o := run(newOverlay(t, Config{Nodes: 10, Policy: peersampling.Healer(4), Start: Random}), 2)
	if got := o.AppendSamples([]peer.Handle{7}, 1); !slices.Equal(got, []peer.Handle{7}) {
		t.Error(got)
	}
	o = run(newOverlay(t, Config{Nodes: 10, Policy: peersampling.Brahms(4), Start: Random, Kill: []Kill{{0.5, 1}}}), 1)
	for h := peer.Handle(1); h <= 10; h++ {
		if got := o.AppendSamples(nil, h); (len(got) > 0) != o.Alive(h) {
			t.Errorf("%d (alive %v) has the samples %v", h, o.Alive(h), got)
		}
	}
}

// Who takes the record of a node that left does not inherit its samples.
func TestNewcomersHaveNoSamples(t *testing.T) {
	o := run(newOverlay(t, Config{Nodes: 20, Policy: peersampling.Brahms(4), Start: Random}), 3)
	if len(o.AppendSamples(nil, 7)) != 4 {
		t.Fatal("the story wants samples")
	}
	s := o.slot[7]
	o.bury(s)
	o.rename(s)
	if got := o.AppendSamples(nil, o.name(s)); len(got) != 0 {
		t.Errorf("%d has the samples %v", o.name(s), got)
	}
}
