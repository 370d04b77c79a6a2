package overlay

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
	"pgregory.net/rapid"
)

func drawAttack(t *rapid.T) Attack {
	a := Attack{
		Fraction: rapid.Float64Range(0, 0.99).Draw(t, "attackers"),
		Kind:     AttackKind(rapid.IntRange(0, 1).Draw(t, "kind")),
		From:     rapid.IntRange(0, 6).Draw(t, "from"),
	}
	if a.Kind == Flood {
		a.Rate = rapid.IntRange(1, 8).Draw(t, "rate")
	}
	return a
}

func TestAttackIsValidated(t *testing.T) {
	for _, test := range []struct {
		attack         Attack
		field, allowed string // none if it is right
	}{
		{Attack{}, "", ""},
		{Attack{Fraction: 0.99}, "", ""},
		{Attack{Fraction: 0.1, Kind: Flood, Rate: MaxRate, From: 300}, "", ""},
		{Attack{Fraction: 1}, "Attack.Fraction", "0 or more and less than 1"},
		{Attack{Fraction: -0.1}, "Attack.Fraction", "0 or more and less than 1"},
		{Attack{Fraction: math.NaN()}, "Attack.Fraction", "0 or more and less than 1"},
		{Attack{Kind: 2}, "Attack.Kind", "hub or flood"},
		{Attack{Rate: 1}, "Attack.Rate", "0 in a hub attack"},
		{Attack{Kind: Flood}, "Attack.Rate", "1 to 1000 in a flood"},
		{Attack{Kind: Flood, Rate: MaxRate + 1}, "Attack.Rate", "1 to 1000 in a flood"},
		{Attack{From: -1}, "Attack.From", "1 or more, or 0"},
	} {
		_, err := New(Config{Nodes: 10, Policy: peersampling.Healer(4), Attack: test.attack})
		var wrong *ConfigError
		switch {
		case test.field == "" && err != nil:
			t.Errorf("%+v: %v", test.attack, err)
		case test.field != "" && (!errors.As(err, &wrong) || wrong.Field != test.field || !strings.HasPrefix(wrong.Allowed, test.allowed)):
			t.Errorf("%+v: %v, want it to name %s and %s", test.attack, err, test.field, test.allowed)
		}
	}
	for k := Hub; k <= Flood; k++ {
		if got, err := ParseAttackKind(k.String()); got != k || err != nil {
			t.Errorf("ParseAttackKind(%q) = %v, %v", k, got, err)
		}
	}
	if _, err := ParseAttackKind("bribe"); err == nil || !strings.Contains(err.Error(), `"bribe", allowed: hub, flood`) {
		t.Error(err)
	}
}

// As many as were asked for attack, whoever the seed says, but never the first
// node; and who takes an attacker's place attacks.
func TestWhoAttacks(t *testing.T) {
	who := func(cfg Config, cycles int) (some []peer.Handle) {
		o := run(newOverlay(t, cfg), cycles)
		for h := range o.Live() {
			if o.Attacker(h) {
				some = append(some, h)
			}
		}
		return some
	}
	times := make([]int, 11)
	const seeds = 2000
	for seed := range uint64(seeds) {
		got := who(Config{Nodes: 10, Policy: peersampling.Blind(4), Start: Lattice, Seed: seed, Attack: Attack{Fraction: 0.3}}, 0)
		if len(got) != 3 {
			t.Fatalf("%v attack, want 3 of 10", got)
		}
		for _, h := range got {
			times[h]++
		}
	}
	for h, n := range times[2:] {
		if mean := seeds / 3.; math.Abs(float64(n)-mean) > 5*math.Sqrt(mean*2/3) {
			t.Errorf("node %d attacks %d times in %d runs", h+2, n, seeds)
		}
	}
	if times[1] != 0 {
		t.Errorf("the first node attacks %d times", times[1])
	}
	for f, want := range map[float64]int{0: 0, 0.004: 0, 0.02: 2, 0.99: 99, 0.999: 99} {
		if got := who(Config{Nodes: 100, Policy: peersampling.Blind(4), Start: Random, Attack: Attack{Fraction: f}}, 0); len(got) != want {
			t.Errorf("%v: %d attack, want %d", f, len(got), want)
		}
	}
	if got := who(Config{Nodes: 100, Policy: peersampling.Blind(4), Attack: Attack{Fraction: 0.2}, GrowPerCycle: 20}, 5); len(got) != 20 {
		t.Errorf("%d attack when all have joined, want 20", len(got))
	}
	churn := Config{Nodes: 100, Policy: peersampling.Blind(4), Start: Random, Attack: Attack{Fraction: 0.2}, Churn: 0.1}
	if got := who(churn, 30); len(got) != 20 || got[0] <= 100 && got[19] <= 100 {
		t.Errorf("after churn %v attack, want 20, some of them new", got)
	}
}

// What an attacker sends: itself, then other attackers, each once, all fresh, and
// all with the same chance.
func TestForge(t *testing.T) {
	villains := []peer.Handle{3, 5, 8, 9, 12}
	f := forger{villains: slices.Clone(villains)}
	rng := rand.NewPCG(1, 1)
	counts := map[peer.Handle]int{}
	const rounds = 8000
	for range rounds {
		for n, want := range map[int]int{1: 1, 3: 3, 5: 5, 30: 5} {
			got := f.forge(nil, n, 8, rng)
			if len(got) != want || got[0] != (peer.Descriptor{Peer: 8}) {
				t.Fatalf("room for %d: %v", n, got)
			}
			for i, d := range got {
				if d.Age != 0 || !slices.Contains(villains, d.Peer) || knows(got[:i], d.Peer) {
					t.Fatalf("room for %d: %v", n, got)
				}
				if n == 3 {
					counts[d.Peer]++
				}
			}
			if !slices.Equal(f.villains, villains) {
				t.Fatalf("the list was left as %v", f.villains)
			}
		}
	}
	for _, h := range []peer.Handle{3, 5, 9, 12} {
		if mean := rounds / 2.; math.Abs(float64(counts[h])-mean) > 5*math.Sqrt(mean/2) {
			t.Errorf("%d was sent %d times in %d", h, counts[h], rounds)
		}
	}
}

// Shares are of what honest nodes know, with the dead among it.
func TestAttackerShare(t *testing.T) {
	for _, test := range []struct {
		why      string
		hostile  []int
		knows    [][]int
		share    float64
		isolated int
	}{
		{"nobody attacks", nil, [][]int{{2}, {1}}, 0, 0},
		{"nobody is known", []int{2}, [][]int{{}, {1}}, 0, 0},
		{"what attackers know does not count", []int{2}, [][]int{{3}, {1, 3}, {1}}, 0, 0},
		{"half of what one knows", []int{2}, [][]int{{2, 3}, {}, {1}}, 1. / 3, 0},
		{"one knows nobody else", []int{2, 4}, [][]int{{2, 4}, {}, {1, 2}, {}}, 3. / 4, 1},
		{"nor do the dead help", []int{2}, [][]int{{2, 3}, {}, nil}, 1. / 2, 1},
		{"a dead attacker is dead", []int{2}, [][]int{{2, 3}, nil, {1}}, 0, 0},
	} {
		o := graphOf(test.knows...)
		if test.hostile != nil {
			o.attack.marked = make([]bool, len(test.knows)+1)
		}
		for _, h := range test.hostile {
			o.attack.marked[h] = true
		}
		if share, isolated := o.AttackerShare(); math.Abs(share-test.share) > 1e-12 || isolated != test.isolated {
			t.Errorf("%s: %v, %d isolated; want %v, %d", test.why, share, isolated, test.share, test.isolated)
		}
	}
}

// Until it begins an attack makes no difference; then it does, at once.
func TestAttackBeginsInItsCycle(t *testing.T) {
	for _, p := range []peersampling.Policy{peersampling.Healer(8), peersampling.Cyclon(8), peersampling.Newscast(8), peersampling.Brahms(8)} {
		cfg := Config{Nodes: 200, Policy: p, Start: Random, Seed: 3, Churn: 0.01}
		honest := newOverlay(t, cfg)
		cfg.Attack = Attack{Fraction: 0.1, From: 6}
		attacked := newOverlay(t, cfg)
		for range 5 {
			honest.Step()
			attacked.Step()
			compare(t, attacked, honest)
		}
		before, _ := attacked.AttackerShare()
		if before < 0.03 || before > 0.2 {
			t.Errorf("%v: attackers have %.3f of the views before they attack", p, before)
		}
		if after, _ := run(attacked, 5).AttackerShare(); after < 1.5*before {
			t.Errorf("%v: the attack made %.3f of %.3f", p, after, before)
		}
		for h := range attacked.Live() {
			if attacked.Attacker(h) && len(attacked.View(h)) != 0 {
				t.Errorf("%v: the attacker %d keeps the view %v", p, h, attacked.View(h))
			}
		}
	}
}

// inOrder is a cycle of turns that are taken one after the other.
func inOrder(o *Overlay) {
	o.cycle++
	o.grow()
	o.kill()
	o.churn()
	o.muster()
	w := newWorker(o)
	w.forger.villains = slices.Clone(o.attack.villains)
	for i := range o.live {
		s, times := o.drawTo(i), 1
		if o.attack.isHostile(s) {
			times = max(1, o.cfg.Attack.Rate)
		}
		for range times {
			x := turn{self: s, seed: [2]uint64{o.source.Uint64(), o.source.Uint64()}}
			w.choose(&x)
			w.do(&x)
		}
	}
}

// With attackers too, choosing ahead and out of order comes to the same as taking
// the turns one by one; views keep I1 to I3, and the books agree.
func TestAttackedTurnsAreAsIfOneByOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := drawConfig(t)
		cfg.Attack = drawAttack(t)
		got, want := newOverlay(t, cfg), newOverlay(t, cfg)
		wasDead := map[peer.Handle]bool{}
		for range 12 {
			got.Step()
			inOrder(want)
			compare(t, got, want)
			checkViews(t, got)
			checkBooks(t, got, wasDead)
		}
	})
}

// The same on several cores, where attackers are part of many turns at a time.
func TestAttackedCoresAreAsIfOne(t *testing.T) {
	for _, cfg := range []Config{
		{Policy: peersampling.Healer(12), Start: Random, Churn: 0.01, Attack: Attack{Fraction: 0.01, Kind: Flood, Rate: 20}},
		{Policy: peersampling.Cyclon(12), Start: Random, DropDead: true, Kill: []Kill{{0.5, 2}}, Attack: Attack{Fraction: 0.3, From: 2}},
	} {
		cfg.Nodes, cfg.Seed = 8000, 7
		want := newOverlay(t, cfg)
		var got []*Overlay
		for _, cfg.Cores = range []int{1, 2, 5} {
			got = append(got, newOverlay(t, cfg))
		}
		for range 4 {
			inOrder(want)
			for _, o := range got {
				o.Step()
				compare(t, o, want)
			}
		}
		if share, _ := want.AttackerShare(); share == 0 {
			t.Errorf("%v: nobody was attacked", cfg.Policy)
		}
	}
}

// Attackers of a flood begin Rate times as often. Under push alone, in an overlay
// where nobody knows anybody, that is all that happens: who was spoken to knows
// attackers, and so many are spoken to.
func TestFloodIsRateTimesAHub(t *testing.T) {
	reached := func(a Attack) (n int) {
		p := pushOnly(peersampling.Blind(2)) // one descriptor each
		o := newOverlay(t, Config{Nodes: 20_000, Policy: p, Start: Random, Seed: 1, Attack: a})
		for s := uint32(1); s < o.end(); s++ {
			o.records[int(s)*o.stride].Age = 0
		}
		o.Step()
		for h := range o.Live() {
			for _, d := range o.View(h) {
				if !o.Attacker(d.Peer) {
					t.Fatalf("%d has heard of %d", h, d.Peer)
				}
			}
			n += min(1, len(o.View(h)))
		}
		return n
	}
	// Of 19,900 honest ones 100 · rate, drawn with repetition.
	for _, test := range []struct {
		attack Attack
		begun  float64
	}{
		{Attack{Fraction: 0.005}, 100},
		{Attack{Fraction: 0.005, Kind: Flood, Rate: 1}, 100},
		{Attack{Fraction: 0.005, Kind: Flood, Rate: 50}, 5000},
	} {
		want := 19_900 * (1 - math.Exp(-test.begun/19_900))
		near(t, test.attack.Kind.String(), float64(reached(test.attack)), want, 2+0.02*want)
	}
}

// Nothing is allocated per exchange with attackers either.
func TestAttackedCycleAllocatesNothingPerExchange(t *testing.T) {
	for _, p := range []peersampling.Policy{peersampling.Healer(30), peersampling.Newscast(30), peersampling.Brahms(30)} {
		o := run(newOverlay(t, Config{Nodes: 1000, Policy: p, Start: Random, Cores: 1, Attack: Attack{Fraction: 0.05, Kind: Flood, Rate: 3}}), 3)
		if allocs := testing.AllocsPerRun(5, o.Step); allocs > 20 {
			t.Errorf("%v: %.0f allocations in a cycle", p, allocs)
		}
	}
}

// The hub attack of twenty in a thousand. Others measured with a program of their
// own that healer is taken over in .82 of all entries after 10 cycles and wholly
// after 50, and swapper in .65 after 100. That is nearly met with views of 20 and
// random peers: .80, 1 and .60, by a hundredth or three with the seed. With the
// oldest peer instead attackers come slower, since what is fresh is not turned
// to, and in swapper and Cyclon hardly at all. In views of 30 twenty attackers
// can have no more than two thirds.
func TestHubAttack(t *testing.T) {
	if testing.Short() || underRace {
		t.Skip("a million exchanges")
	}
	for _, test := range []struct {
		policy    peersampling.Policy
		want      map[int]float64 // by cycle
		tolerance float64
	}{
		{with(peersampling.Healer(20), peersampling.Random), map[int]float64{10: 0.80, 50: 1}, 0.05},
		{with(peersampling.Swapper(20), peersampling.Random), map[int]float64{100: 0.60}, 0.04},
		{peersampling.Healer(20), map[int]float64{10: 0.72, 50: 0.98}, 0.05},
		{peersampling.Newscast(20), map[int]float64{50: 1}, 0.01},
		{peersampling.Swapper(20), map[int]float64{10: 0.13, 100: 0.16}, 0.03},
		{peersampling.Cyclon(20), map[int]float64{10: 0.13, 100: 0.22}, 0.03},
		{peersampling.Healer(30), map[int]float64{50: 0.61}, 0.03},
		{peersampling.Newscast(30), map[int]float64{50: 2. / 3}, 0.01},
	} {
		o := newOverlay(t, Config{Nodes: 1000, Policy: test.policy, Start: Random, Seed: 1, Attack: Attack{Fraction: 0.02}})
		for cycle := 1; cycle <= 100; cycle++ {
			o.Step()
			if want, ok := test.want[cycle]; ok {
				share, isolated := o.AttackerShare()
				t.Logf("%v, cycle %d: %.3f, %d isolated", test.policy, cycle, share, isolated)
				near(t, test.policy.String(), share, want, test.tolerance)
			}
		}
	}
}

// What Brahms is for: one node in ten floods. Healer and Newscast are lost within
// 60 cycles, to nearly the last entry of the last view, and the others on their
// way there. Brahms' views go on knowing more honest nodes than attackers, nobody
// is isolated, and its samples know no more attackers than there are.
func TestBrahmsStandsAFlood(t *testing.T) {
	if testing.Short() || underRace {
		t.Skip("a billion hashes")
	}
	attack := Attack{Fraction: 0.1, Kind: Flood, Rate: 5}
	attacked := func(p peersampling.Policy) *Overlay {
		return run(newOverlay(t, Config{Nodes: 500, Policy: p, Start: Random, Seed: 1, Attack: attack}), 60)
	}
	for _, test := range []struct {
		policy   peersampling.Policy
		share    float64 // at least
		isolated int     // of 450
	}{
		{peersampling.Healer(30), 0.99, 400},
		{peersampling.Newscast(30), 0.99, 400},
		{peersampling.Swapper(30), 0.55, 0},
		{peersampling.Blind(30), 0.55, 0},
		{peersampling.Cyclon(30), 0.55, 0},
	} {
		o := attacked(test.policy)
		share, isolated := o.AttackerShare()
		t.Logf("%v: %.3f, %d isolated", test.policy, share, isolated)
		if share < test.share || isolated < test.isolated {
			t.Errorf("%v: %.3f of the views, %d isolated; want at least %v, %d", test.policy, share, isolated, test.share, test.isolated)
		}
		if s, n := o.SampleAttackerShare(); s != 0 || n != 0 {
			t.Errorf("%v has samples: %v, %d", test.policy, s, n)
		}
	}
	o := attacked(peersampling.Brahms(30))
	share, isolated := o.AttackerShare()
	samples, unsampled := o.SampleAttackerShare()
	t.Logf("Brahms: %.3f, %d isolated; samples %.3f, %d", share, isolated, samples, unsampled)
	if share > 0.45 || isolated > 0 {
		t.Errorf("%.3f of the views are attackers, %d nodes are isolated", share, isolated)
	}
	if samples < 0.08 || samples > 0.13 || unsampled > 0 {
		t.Errorf("%.3f of the samples are attackers, %d nodes have no honest one", samples, unsampled)
	}
}

// TestNobodyIsEclipsedByAFifth: one node in five colludes, floods and names only its
// own kind. Under Brahms no honest node is cut off from all others, and what it samples
// is attackers as often as there are any, by a twentieth. The default policy does not
// stand that: it is for networks without attackers inside.
func TestNobodyIsEclipsedByAFifth(t *testing.T) {
	if testing.Short() || underRace {
		t.Skip("a billion hashes")
	}
	attack := Attack{Fraction: 0.2, Kind: Flood, Rate: 5}
	o := run(newOverlay(t, Config{Nodes: 500, Policy: peersampling.Brahms(30), Start: Random, Seed: 1, Attack: attack}), 60)
	share, isolated := o.AttackerShare()
	samples, unsampled := o.SampleAttackerShare()
	t.Logf("Brahms: %.3f of the views, %d isolated; samples %.3f, %d without an honest one", share, isolated, samples, unsampled)
	if isolated > 0 || unsampled > 0 {
		t.Errorf("%d nodes know attackers only, %d have sampled attackers only", isolated, unsampled)
	}
	if samples > 0.25 {
		t.Errorf("%.3f of the samples are attackers", samples)
	}
	o = run(newOverlay(t, Config{Nodes: 500, Policy: peersampling.Balanced(30), Start: Random, Seed: 1, Attack: attack}), 60)
	share, isolated = o.AttackerShare()
	t.Logf("Balanced: %.3f of the views, %d isolated", share, isolated)
	if share < 0.5 {
		t.Errorf("%.3f of the views of the default policy are attackers: then it is better than said", share)
	}
}

// Attackers keep to the policy's propagation: under push nobody answers, under
// pull who begins tells nothing.
func TestAttackersKeepToThePropagation(t *testing.T) {
	for _, test := range []struct {
		propagation peersampling.Propagation
		begun       bool // by the attacker
		told        bool
	}{
		{peersampling.Push, true, true},
		{peersampling.Push, false, false},
		{peersampling.Pull, true, false},
		{peersampling.Pull, false, true},
		{peersampling.PushPull, true, true},
		{peersampling.PushPull, false, true},
	} {
		p := peersampling.Blind(4)
		p.Propagation = test.propagation
		o := newOverlay(t, Config{Nodes: 3, Policy: p, Start: Star, Attack: Attack{Fraction: 0.67}}) // 2 and 3
		o.muster()
		o.learn(1, 2)
		w := newWorker(o)
		w.forger.villains = slices.Clone(o.attack.villains)
		x := turn{self: 1, to: 2}
		if test.begun {
			x = turn{self: 2, to: 1}
		}
		w.do(&x)
		if told := knows(o.View(1), 3); told != test.told || !knows(o.View(1), 2) {
			t.Errorf("%v, begun by the attacker: %v: the view is %v", test.propagation, test.begun, o.View(1))
		}
		if len(o.View(2)) != 0 {
			t.Errorf("the attacker knows %v", o.View(2))
		}
	}
}
