package overlay

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
	"pgregory.net/rapid"
)

// oneByOne is a cycle as the model is written: a loop over the nodes in random
// order, one atomic exchange after the other. It shares the seeds of the turns
// with Step, nothing else of turns.go.
func oneByOne(t rapid.TB, o *Overlay) {
	engine, err := peersampling.NewEngine(o.cfg.Policy)
	if err != nil {
		t.Fatal(err)
	}
	o.cycle++
	o.grow()
	o.kill()
	o.churn()
	usable := o.Alive
	if o.cfg.DropDead {
		usable = nil
	}
	for i := range o.live {
		s := o.drawTo(i)
		self, rng := o.name(s), rand.NewPCG(o.source.Uint64(), o.source.Uint64())
		to, ok := engine.SelectPeer(o.View(self), usable, rng)
		switch {
		case !ok:
		case o.Alive(to):
			a, b := engine.Exchange(o.View(self), o.View(to), self, to, rng)
			o.resize(o.slot[self], a)
			o.resize(o.slot[to], b)
		default:
			_, v := engine.Request(nil, o.View(self), self, to, rng)
			v = slices.DeleteFunc(v, func(d peer.Descriptor) bool { return d.Peer == to })
			o.resize(o.slot[self], v)
		}
	}
}

// compare reports where two overlays differ, in whatever a later cycle could
// notice.
func compare(t rapid.TB, got, want *Overlay) {
	if !slices.Equal(got.live, want.live) || !slices.Equal(got.slot, want.slot) {
		t.Fatalf("cycle %d: other nodes live", want.cycle)
	}
	for h := range want.Live() {
		if !slices.Equal(got.View(h), want.View(h)) {
			t.Fatalf("cycle %d: the view of node %d is %v, one by one it is %v", want.cycle, h, got.View(h), want.View(h))
		}
	}
	if got.source != want.source {
		t.Fatalf("cycle %d: the two runs will draw other numbers", want.cycle)
	}
}

// Whatever the run, to choose ahead and out of order comes to the same as taking
// the turns one by one.
func TestTurnsAreAsIfOneByOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := drawConfig(t)
		got, want := newOverlay(t, cfg), newOverlay(t, cfg)
		for range 15 {
			got.Step()
			oneByOne(t, want)
			compare(t, got, want)
		}
	})
}

// The same on several cores, in an overlay large enough to share the work.
func TestCoresAreAsIfOne(t *testing.T) {
	for _, cfg := range []Config{
		{Policy: peersampling.Healer(12), Start: Random, Churn: 0.01},
		{Policy: peersampling.Cyclon(12), Start: Random, Kill: []Kill{{0.5, 4}}, DropDead: true},
		{Policy: with(peersampling.Blind(7), peersampling.Random), Start: Star},
		{Policy: peersampling.Newscast(9), Start: Growing, GrowPerCycle: 4000},
	} {
		cfg.Nodes, cfg.Seed = 20_000, 7
		if testing.Short() || underRace {
			cfg.Nodes = 8000
		}
		want := newOverlay(t, cfg)
		var got []*Overlay
		cores := []int{1, 2, 5}
		for _, cfg.Cores = range cores {
			got = append(got, newOverlay(t, cfg))
		}
		for range 5 {
			oneByOne(t, want)
			for _, o := range got {
				o.Step()
				compare(t, o, want)
			}
		}
	}
}

func withCores(n int, do func()) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(n))
	do()
}

// Same seed, same bytes: the rows, on any number of cores. Another seed, another
// run. And measuring changes nothing.
func TestSameSeedSameRows(t *testing.T) {
	cfg := Config{Nodes: 5000, Policy: peersampling.Healer(10), Start: Random, Seed: 1, Churn: 0.002, Kill: []Kill{{0.3, 4}}}
	rows := func(cfg Config, cores, every int) (b []byte) {
		withCores(cores, func() {
			o := newOverlay(t, cfg)
			for range 6 {
				o.Step()
				if o.Cycle()%every == 0 {
					b = o.Measure(Sampling{Clustering: 700, Paths: 700}).AppendCSV(b)
				}
			}
		})
		return b
	}
	want := rows(cfg, 1, 1)
	for _, cores := range []int{1, 2, 3} {
		if got := rows(cfg, cores, 1); string(got) != string(want) {
			t.Errorf("%d cores:\n%s, one core:\n%s", cores, got, want)
		}
	}
	if last := rows(cfg, 2, 6); string(want[len(want)-len(last):]) != string(last) {
		t.Errorf("measured once:\n%s, measured each cycle:\n%s", last, want)
	}
	cfg.Seed = 2
	if string(rows(cfg, 1, 1)) == string(want) {
		t.Error("seed 2 is seed 1")
	}
}

// Views keep I1 to I3 of peersampling.Engine, names are never given twice, and the
// books agree with each other.
func TestInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := newOverlay(t, drawConfig(t))
		wasDead := map[peer.Handle]bool{}
		for range 15 {
			checkViews(t, o)
			checkBooks(t, o, wasDead)
			o.Step()
		}
	})
}

func checkViews(t *rapid.T, o *Overlay) {
	for h := range o.Live() {
		v := o.View(h)
		if len(v) > o.cfg.Policy.C || cap(v) != o.cfg.Policy.C {
			t.Fatalf("cycle %d: node %d has %d descriptors, room for %d, and C = %d", o.cycle, h, len(v), cap(v), o.cfg.Policy.C)
		}
		for i, d := range v {
			if d.Peer == h || d.Peer == peer.None || int(d.Peer) >= len(o.slot) || knows(v[:i], d.Peer) {
				t.Fatalf("cycle %d: node %d has the view %v", o.cycle, h, v)
			}
		}
	}
}

func checkBooks(t *rapid.T, o *Overlay, wasDead map[peer.Handle]bool) {
	if n := len(slices.Collect(o.Live())); n != o.Nodes() || n == 0 || n > o.cfg.Nodes {
		t.Fatalf("cycle %d: %d nodes live, %d are counted", o.cycle, n, o.Nodes())
	}
	for h := peer.Handle(1); int(h) < len(o.slot); h++ {
		switch {
		case !o.Alive(h):
			wasDead[h] = true
			if o.View(h) != nil {
				t.Fatalf("cycle %d: the dead node %d has a view", o.cycle, h)
			}
		case wasDead[h]:
			t.Fatalf("cycle %d: node %d has come back", o.cycle, h)
		case o.name(o.slot[h]) != h:
			t.Fatalf("cycle %d: node %d lives in the slot of %d", o.cycle, h, o.name(o.slot[h]))
		}
	}
	if o.slot[peer.None] != 0 || o.name(0) != peer.None {
		t.Fatal("somebody is nobody")
	}
}

// Each live node initiates exactly once a cycle: those who know only the dead, and
// drop one whenever they talk to one, know one less after each.
func TestEverybodyInitiatesOnce(t *testing.T) {
	const dead, n = 8, 200
	o := newOverlay(t, Config{Nodes: n, Start: Star, Policy: peersampling.Swapper(dead), DropDead: true})
	for s := uint32(1); s <= n; s++ {
		o.records[int(s)*o.stride].Age = 0
		for h := peer.Handle(1); h <= dead; h++ {
			o.learn(s, h)
		}
	}
	for s := uint32(1); s <= dead; s++ {
		o.bury(s)
	}
	o.live, o.deaths = o.live[dead:], true
	for left := dead - 1; left >= 0; left-- {
		o.Step()
		for h := range o.Live() {
			if len(o.View(h)) != left {
				t.Fatalf("cycle %d: node %d has lost %d descriptors", o.cycle, h, dead-len(o.View(h)))
			}
		}
	}
}

// A node that knows nobody, or only the dead, skips its turn.
func TestNobodyToTalkTo(t *testing.T) {
	o := newOverlay(t, Config{Nodes: 3, Start: Lattice, Policy: peersampling.Healer(2), Kill: []Kill{{0.6, 1}}})
	o.Step()
	if o.Nodes() != 1 {
		t.Fatalf("%d live", o.Nodes())
	}
	for h := range o.Live() {
		for _, d := range o.View(h) {
			if d.Age != 0 {
				t.Errorf("the last node aged its view: %v", o.View(h))
			}
		}
		if len(o.View(h)) != 2 {
			t.Errorf("the dead were removed for being dead: %v", o.View(h))
		}
	}
}

func TestDropDead(t *testing.T) {
	for _, test := range []struct {
		policy  peersampling.Policy
		wantAge uint32 // of who is left in the view after one failed exchange
	}{
		{peersampling.Healer(4), 0},
		{peersampling.Cyclon(4), 1},
	} {
		o := newOverlay(t, Config{Nodes: 5, Start: Lattice, Policy: test.policy, Kill: []Kill{{0.8, 1}}, DropDead: true})
		for left := 3; left >= 0; left-- {
			o.Step()
			for h := range o.Live() {
				v := o.View(h)
				if len(v) != left {
					t.Fatalf("%v: %d descriptors are left, want %d", test.policy, len(v), left)
				}
				if want := test.wantAge * uint32(4-left); left > 0 && v[0].Age != want {
					t.Errorf("%v: age %d, want %d", test.policy, v[0].Age, want)
				}
			}
		}
	}
}

// Nothing is allocated per exchange: a cycle of a thousand turns costs no more
// than a cycle's fixed few.
func TestCycleAllocatesNothingPerExchange(t *testing.T) {
	for _, p := range []peersampling.Policy{peersampling.Healer(30), peersampling.Newscast(30), peersampling.Cyclon(30)} {
		o := run(newOverlay(t, Config{Nodes: 1000, Policy: p, Start: Random}), 3)
		if allocs := testing.AllocsPerRun(5, o.Step); allocs > 10 {
			t.Errorf("%v: %.0f allocations in a cycle", p, allocs)
		}
	}
}
