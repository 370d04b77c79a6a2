package overlay

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
)

func peersOf(o *Overlay, h peer.Handle) (peers []int) {
	for _, d := range o.View(h) {
		peers = append(peers, int(d.Peer))
	}
	slices.Sort(peers)
	return peers
}

func TestStarts(t *testing.T) {
	for _, test := range []struct {
		why   string
		start Start
		nodes int
		c     int
		want  [][]int // the views of nodes 1, 2, ...
	}{
		{"lattice: C/2 nearest on either side", Lattice, 7, 4, [][]int{{2, 3, 6, 7}, {1, 3, 4, 7}, {1, 2, 4, 5}, {2, 3, 5, 6}}},
		{"lattice: of an odd C one more on the side of the successors", Lattice, 7, 3, [][]int{{2, 3, 7}, {1, 3, 4}}},
		{"lattice: no more than there are", Lattice, 4, 9, [][]int{{2, 3, 4}, {1, 3, 4}, {1, 2, 4}, {1, 2, 3}}},
		{"lattice: of two", Lattice, 2, 2, [][]int{{2}, {1}}},
		{"random: no more than there are", Random, 4, 9, [][]int{{2, 3, 4}, {1, 3, 4}, {1, 2, 4}, {1, 2, 3}}},
		{"star: everybody knows the first, who knows nobody", Star, 4, 3, [][]int{nil, {1}, {1}, {1}}},
		{"growing: the first alone", Growing, 4, 3, [][]int{nil}},
	} {
		t.Run(test.why, func(t *testing.T) {
			o := newOverlay(t, Config{Nodes: test.nodes, Start: test.start, Policy: peersampling.Healer(test.c)})
			for i, want := range test.want {
				if got := peersOf(o, peer.Handle(i+1)); !slices.Equal(got, want) {
					t.Errorf("node %d knows %v, want %v", i+1, got, want)
				}
			}
			want := test.nodes
			if test.start == Growing {
				want = 1
			}
			if o.Nodes() != want || o.Cycle() != 0 {
				t.Errorf("%d nodes live in cycle %d", o.Nodes(), o.Cycle())
			}
		})
	}
}

// Everybody knows C others at the start, each with equal chance: who is known
// how often is binomial.
func TestRandomStart(t *testing.T) {
	const n, c, rounds = 12, 5, 4000
	var count [n + 1][n + 1]int
	first := [n + 1]int{} // the order within a view is random too
	for seed := range uint64(rounds) {
		o := newOverlay(t, Config{Nodes: n, Start: Random, Policy: peersampling.Healer(c), Seed: seed})
		for h := range o.Live() {
			v := o.View(h)
			if len(v) != c {
				t.Fatalf("a view of %d", len(v))
			}
			for _, d := range v {
				count[h][d.Peer]++
			}
			first[v[0].Peer]++
		}
	}
	p := float64(c) / (n - 1)
	slack := 5 * math.Sqrt(rounds*p*(1-p))
	for h := 1; h <= n; h++ {
		for q := 1; q <= n; q++ {
			want := rounds * p
			if h == q {
				want = 0
			}
			if math.Abs(float64(count[h][q])-want) > slack {
				t.Errorf("node %d knows %d in %d of %d runs, want about %.0f", h, q, count[h][q], rounds, want)
			}
		}
		if math.Abs(float64(first[h])-rounds) > 5*math.Sqrt(rounds) {
			t.Errorf("node %d is first in %d views, want about %d", h, first[h], rounds)
		}
	}
}

func TestGrowth(t *testing.T) {
	o := newOverlay(t, Config{Nodes: 260, Start: Growing, Policy: peersampling.Healer(6)})
	for _, want := range []int{101, 201, 260, 260} {
		o.Step()
		if o.Nodes() != want {
			t.Errorf("cycle %d: %d nodes, want %d", o.Cycle(), o.Nodes(), want)
		}
	}
	o = newOverlay(t, Config{Nodes: 50, Start: Growing, GrowPerCycle: 7, Policy: peersampling.Healer(6)})
	o.cycle = 1
	o.grow()
	for h := peer.Handle(2); h <= 8; h++ {
		if !slices.Equal(o.View(h), []peer.Descriptor{{Peer: 1}}) {
			t.Errorf("node %d joins with the view %v", h, o.View(h))
		}
	}
	o.grow()
	if o.Nodes() != 15 || !slices.Equal(peersOf(o, 15), []int{1}) {
		t.Errorf("%d nodes, and the last knows %v", o.Nodes(), peersOf(o, 15))
	}
}

func TestKill(t *testing.T) {
	o := newOverlay(t, Config{
		Nodes: 1000, Start: Random, Policy: peersampling.Swapper(10), Seed: 3,
		Kill: []Kill{{0.5, 3}, {0.25, 5}, {0.25, 3}},
	})
	for _, want := range []int{1000, 1000, 375, 375, 281, 281} {
		o.Step()
		if o.Nodes() != want {
			t.Errorf("cycle %d: %d nodes, want %d", o.Cycle(), o.Nodes(), want)
		}
	}
	o = newOverlay(t, Config{Nodes: 3, Start: Random, Policy: peersampling.Swapper(10), Kill: []Kill{{0.99, 1}}})
	if o.Step(); o.Nodes() != 1 {
		t.Errorf("of three %d are left, want one: never kill the last", o.Nodes())
	}
}

// Every node is as likely to be killed as any other.
func TestKillIsFair(t *testing.T) {
	const n, rounds = 10, 2000
	var killed [n + 1]int
	for seed := range uint64(rounds) {
		o := run(newOverlay(t, Config{Nodes: n, Start: Lattice, Seed: seed, Policy: peersampling.Healer(4), Kill: []Kill{{0.3, 2}}}), 2)
		for h := peer.Handle(1); h <= n; h++ {
			if !o.Alive(h) {
				killed[h]++
			}
		}
	}
	for h := 1; h <= n; h++ {
		if math.Abs(float64(killed[h])-0.3*rounds) > 5*math.Sqrt(rounds*0.3*0.7) {
			t.Errorf("node %d was killed in %d of %d runs", h, killed[h], rounds)
		}
	}
}

func TestChurn(t *testing.T) {
	o := newOverlay(t, Config{Nodes: 200, Start: Random, Policy: peersampling.Healer(8), Churn: 0.1})
	before := slices.Collect(o.Live())
	o.churn()
	if o.Nodes() != 200 || len(o.slot) != 221 {
		t.Fatalf("%d nodes live, %d ever did", o.Nodes(), len(o.slot)-1)
	}
	stayed := 0
	for _, h := range before {
		if o.Alive(h) {
			stayed++
		}
	}
	if stayed != 180 {
		t.Errorf("%d stayed, want 180", stayed)
	}
	for h := peer.Handle(201); h <= 220; h++ {
		v := o.View(h)
		if len(v) != 1 || v[0].Age != 0 || v[0].Peer > 200 || !o.Alive(v[0].Peer) {
			t.Errorf("node %d joins with the view %v", h, v)
		}
	}
	if dead := o.DeadLinks(); dead < 100 || dead > 200 {
		t.Errorf("%d dead links, want about 8 × 200 × 0.1 × 0.9", dead)
	}
}

// Fractions of nodes add up.
func TestChurnKeepsAccount(t *testing.T) {
	for churn, want := range map[float64]int{0.001: 10, 0.01: 100, 0.0137: 137, 0.1: 1000, 0.999: 9900} {
		o := run(newOverlay(t, Config{Nodes: 100, Start: Random, Policy: peersampling.Healer(4), Churn: churn}), 100)
		if got := len(o.slot) - 1 - 100; got != want {
			t.Errorf("churn %v: %d nodes of 100 replaced in 100 cycles, want %d", churn, got, want)
		}
	}
}

func TestBadConfigs(t *testing.T) {
	good := Config{Nodes: 100, Policy: peersampling.Healer(10)}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for field, spoil := range map[string]func(*Config){
		"Nodes":            func(c *Config) { c.Nodes = 1 },
		"Start":            func(c *Config) { c.Start = 4 },
		"Churn":            func(c *Config) { c.Churn = 1 },
		"GrowPerCycle":     func(c *Config) { c.GrowPerCycle = -1 },
		"Cores":            func(c *Config) { c.Cores = -1 },
		"Kill[0].Fraction": func(c *Config) { c.Kill = []Kill{{1, 5}} },
		"Kill[1].Fraction": func(c *Config) { c.Kill = []Kill{{0.5, 5}, {0, 5}} },
		"Kill[0].Cycle":    func(c *Config) { c.Kill = []Kill{{0.5, 0}} },
	} {
		cfg := good
		spoil(&cfg)
		_, err := New(cfg)
		var bad *ConfigError
		if !errors.As(err, &bad) || bad.Field != field || !strings.Contains(err.Error(), "Config."+field+" is ") || bad.Allowed == "" {
			t.Errorf("%s: %v", field, err)
		}
	}
	for _, spoil := range []func(*Config){
		func(c *Config) { c.Nodes = MaxNodes + 1 },
		func(c *Config) { c.Churn = -0.1 },
		func(c *Config) { c.Churn = math.NaN() },
		func(c *Config) { c.Kill = []Kill{{math.NaN(), 5}} },
	} {
		cfg := good
		if spoil(&cfg); cfg.Validate() == nil {
			t.Errorf("%+v is allowed", cfg)
		}
	}
	var policy *peersampling.PolicyError
	if _, err := New(Config{Nodes: 100, Policy: peersampling.Policy{C: 1}}); !errors.As(err, &policy) || policy.Field != "C" {
		t.Errorf("a bad policy: %v", err)
	}
}

func TestParseStart(t *testing.T) {
	for s := Growing; s <= Star; s++ {
		if got, err := ParseStart(s.String()); got != s || err != nil {
			t.Errorf("%v: %v, %v", s, got, err)
		}
	}
	if _, err := ParseStart("ring"); err == nil || !strings.Contains(err.Error(), "growing, lattice, random, star") {
		t.Errorf("ring: %v", err)
	}
}
