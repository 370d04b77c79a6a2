package stage

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
	"github.com/Ishan27gOrg/gossipProtocol/internal/oracle"
	"github.com/Ishan27gOrg/gossipProtocol/internal/transport"
	"github.com/Ishan27gOrg/gossipProtocol/sim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func parse(t *testing.T, text string) sim.Scenario {
	t.Helper()
	s, err := sim.ParseScenario(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// inBubble plays in memory, where time costs nothing.
func inBubble(t *testing.T, s sim.Scenario, broken sabotage) (r *Report, on *memory) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		on = Memory(s.Seed).(*memory)
		var err error
		if r, err = play(t.Context(), s, on, broken); err != nil {
			t.Fatal(err)
		}
	})
	return r, on
}

func mustBeKept(t *testing.T, r *Report) {
	t.Helper()
	if !r.Kept() {
		t.Errorf("broken %v: %+v\n%s", r.Oracle.Broken(), *r, strings.Join(r.Oracle.Problems, "\n"))
	}
}

// TestEverywhere plays one file three ways: on simulated machines, with real nodes
// over a network in memory, and with real nodes over UDP and TCP. All keep the same
// promises.
func TestEverywhere(t *testing.T) {
	t.Parallel() // it waits most of its time
	text, err := os.ReadFile("../../sim/testdata/scenarios/everywhere.txt")
	if err != nil {
		t.Fatal(err)
	}
	inMemory, onSockets := 200, 64
	if testing.Short() || underRace {
		inMemory, onSockets = 40, 16
	}
	scenario := func(nodes int) sim.Scenario {
		s := parse(t, string(text))
		s.Nodes = nodes
		return s
	}
	t.Run("simulated", func(t *testing.T) {
		t.Parallel()
		s := scenario(inMemory)
		r := sim.Run(s)
		if !r.Kept() {
			t.Errorf("broken %v: %+v", r.Broken, r)
		}
		wholeCast(t, s, r.Nodes, r.Survivors, r.Messages)
	})
	judge := func(t *testing.T, s sim.Scenario, r *Report) {
		t.Helper()
		t.Logf("%+v", *r)
		mustBeKept(t, r)
		wholeCast(t, s, r.Nodes, r.Survivors, r.Messages)
		if least := r.Survivors * r.Messages * 9 / 10; r.Oracle.Expected < least {
			t.Errorf("the survivors owe %d deliveries, want %d or more", r.Oracle.Expected, least)
		}
		if lost := float64(r.Lost) / float64(r.Datagrams); lost < s.Loss-0.02 || lost > 0.25 {
			t.Errorf("%d of %d datagrams were lost, want about one in eight", r.Lost, r.Datagrams)
		}
	}
	t.Run("in memory", func(t *testing.T) {
		t.Parallel()
		s := scenario(inMemory)
		r, _ := inBubble(t, s, sabotage{})
		judge(t, s, r)
	})
	t.Run("on loopback", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithTimeoutCause(t.Context(), 4*time.Minute, errors.New("not within four minutes"))
		defer cancel()
		s := scenario(onSockets)
		r, err := Play(ctx, s, Loopback(s.Seed))
		if err != nil {
			t.Fatal(err)
		}
		judge(t, s, r)
	})
}

// wholeCast holds what was played against everywhere.txt: 20 nodes come by churn, 5
// restart, 5 join; as many die by churn, then a fifth, then three, and any of those
// that restart; 160 messages are sent, and about as many answers, as chance has it.
func wholeCast(t *testing.T, s sim.Scenario, nodes, survivors, messages int) {
	t.Helper()
	if nodes != s.Nodes+30 {
		t.Errorf("%d nodes, want %d", nodes, s.Nodes+30)
	}
	left := s.Nodes + 5 // the restarted
	left -= left / 5
	left += 5 - 3
	if survivors > left+1 || survivors < left-7 {
		t.Errorf("%d survivors, want at most %d, and few less", survivors, left)
	}
	if messages < 240 || messages > 320 {
		t.Errorf("%d messages, want 320, or some fewer", messages)
	}
}

// What TestRandomScenarios plays. Nodes draw for themselves what a seed does not
// decide: the same seed need not go wrong twice.
var (
	firstSeed    = flag.Uint64("first", 1, "first seed of the random scenarios")
	countSeeds   = flag.Uint64("seeds", 10, "how many random scenarios to play")
	maxNodes     = flag.Int("nodes", 60, "how many nodes they have at most")
	maxRetention = flag.Duration("retention", 0, "instead of the usual retention, so that partitions outlast it")
)

// Random scenarios, with partitions too, in which real nodes have more to say than
// machines have: handshakes, closed sockets, addresses used again. For more of them:
//
//	go test ./internal/stage -run RandomScenarios -first 1000 -seeds 400 -timeout 1h
func TestRandomScenarios(t *testing.T) {
	t.Parallel()
	seeds, nodes := *countSeeds, *maxNodes
	if testing.Short() || underRace {
		seeds, nodes = min(seeds, 4), min(nodes, 20)
	}
	for seed := *firstSeed; seed < *firstSeed+seeds; seed++ {
		s := playable(t, sim.RandomScenario(seed, nodes))
		if *maxRetention > 0 {
			s.Retention = *maxRetention
		}
		if r, _ := inBubble(t, s, sabotage{}); !r.Kept() {
			mustBeKept(t, r)
			t.Logf("seed %d:\n%v", seed, s)
		}
	}
}

// playable leaves out of a scenario what real nodes cannot do.
func playable(t *testing.T, s sim.Scenario) sim.Scenario {
	t.Helper()
	text := s.String()
	if refused := (*UnsupportedError)(nil); errors.As(unsupported(&s, Memory(0)), &refused) {
		for _, line := range refused.What {
			text = strings.Replace(text, line+"\n", "", 1)
		}
	}
	return parse(t, text)
}

// Each step does to real nodes what it does to machines.
func TestSteps(t *testing.T) {
	tests := []struct {
		step             string
		nodes, survivors int
		check            func(*Report, transport.Stats) bool
	}{
		{"crash 4", 12, 8, nil},
		{"crash 40", 12, 3, nil}, // three are left
		{"kill 0.5", 12, 6, nil},
		{"join 3", 15, 15, nil},
		{"churn 5 every 1s", 17, 12, nil},
		{"restart 1", 13, 12, nil},
		{"lose 0.9 for 20s", 12, 12, func(r *Report, _ transport.Stats) bool { return r.Lost > r.Datagrams/10 }},
		{"partition 0.5 for 20s", 12, 12, func(_ *Report, s transport.Stats) bool { return s.Separated > 0 }},
		{"talk 7 every 1s size 20000", 12, 12, func(r *Report, s transport.Stats) bool { return r.Messages == 17 && s.StreamBytes > 7*11*20_000 }},
		{"talk 7 every 1s answers 3", 12, 12, func(r *Report, _ transport.Stats) bool { return r.Messages == 20 }},
	}
	for _, tt := range tests {
		t.Run(tt.step, func(t *testing.T) {
			s := parse(t, "nodes 12\nat 10s "+tt.step+"\nat 10s talk 10 every 1s\nend 40s")
			r, on := inBubble(t, s, sabotage{})
			mustBeKept(t, r)
			if r.Nodes != tt.nodes || r.Survivors != tt.survivors || r.Messages < 10 {
				t.Errorf("%d nodes, %d survivors, %d messages; want %d, %d and 10 or more", r.Nodes, r.Survivors, r.Messages, tt.nodes, tt.survivors)
			}
			if stats := on.net.Stats(); tt.check != nil && !tt.check(r, stats) {
				t.Errorf("%+v\n%+v", *r, stats)
			}
			if tt.check == nil && r.Lost > 0 {
				t.Errorf("%d datagrams were lost", r.Lost)
			}
		})
	}
}

// What a scenario says of the network and of the nodes is so.
func TestKeys(t *testing.T) {
	const talk = "\nnodes 8\nat 5s talk 20 every 100ms answers 20"
	tests := []struct {
		key   string
		check func(cfg gossip.Config, origins int, s transport.Stats) bool
	}{
		{"order fifo", func(cfg gossip.Config, _ int, _ transport.Stats) bool { return cfg.Order == gossip.FIFO }},
		{"order unordered", func(cfg gossip.Config, _ int, _ transport.Stats) bool { return cfg.Order == gossip.Unordered }},
		{"relay flood", func(cfg gossip.Config, _ int, _ transport.Stats) bool { return cfg.Flood }},
		{"policy brahms\nview 10", func(cfg gossip.Config, _ int, _ transport.Stats) bool {
			return cfg.Sampling != gossip.DefaultPolicy() && cfg.Sampling.C == 10
		}},
		{"origins 2", func(_ gossip.Config, origins int, _ transport.Stats) bool { return origins == 1 || origins == 2 }},
		{"retention 90s", func(cfg gossip.Config, _ int, _ transport.Stats) bool { return cfg.Retention == 90*time.Second }},
		{"codec on", func(gossip.Config, int, transport.Stats) bool { return true }},
		{"loss 0.5", func(_ gossip.Config, _ int, s transport.Stats) bool { return s.Lost > s.Sent/20 }},
		{"duplicate 0.5", func(_ gossip.Config, _ int, s transport.Stats) bool { return s.Duplicated > s.Sent/20 }},
	}
	for _, tt := range tests {
		t.Run(tt.key, func(t *testing.T) {
			var cfg gossip.Config
			origins := make(map[string]bool)
			first := new(atomic.Pointer[member]) // one node's deliveries tell of all origins
			r, on := inBubble(t, parse(t, tt.key+talk), sabotage{
				config: func(c *gossip.Config) { cfg = *c },
				deliver: func(m *member, d oracle.Delivery) []oracle.Delivery {
					if first.CompareAndSwap(nil, m); first.Load() == m {
						origins[d.ID.Origin.Name] = true
					}
					return []oracle.Delivery{d}
				},
			})
			mustBeKept(t, r)
			if !tt.check(cfg, len(origins), on.net.Stats()) {
				t.Errorf("config %+v, %d origins, network %+v", cfg, len(origins), on.net.Stats())
			}
		})
	}
}

// Latency is that of the scenario: nothing is known within it.
func TestLatencyAndJitter(t *testing.T) {
	r, _ := inBubble(t, parse(t, "nodes 8\nlatency 700ms\njitter 100ms\nat 30s talk 1"), sabotage{})
	mustBeKept(t, r)
	if r.SettledMS < 700 {
		t.Errorf("settled within %v ms", r.SettledMS)
	}
}

// Beyond retention: both sides of a partition that outlasts it report what they
// missed, deliver the rest, and nobody is stuck. A node that comes later is told of
// nothing.
func TestBeyondRetention(t *testing.T) {
	s := parse(t, `
		nodes 12
		arrive 2s
		at 10s talk 10 every 500ms answers 10
		at 20s partition 0.5 for 3m
		at 30s talk 30 every 1s answers 10
		at 3m30s talk 20 every 500ms answers 10
		at 3m35s join 2`)
	s.Retention = 40 * time.Second
	r, _ := inBubble(t, s, sabotage{})
	mustBeKept(t, r)
	if r.Gaps == 0 {
		t.Error("nobody reported a gap")
	}
	if r.SettledMS > 30_000 {
		t.Errorf("settled after %v ms", r.SettledMS)
	}
	// Who does not hear of it lacks messages without a word.
	r, _ = inBubble(t, s, sabotage{deaf: true})
	if broken := r.Oracle.Broken(); broken[5] == 0 || broken[0]+broken[1]+broken[2]+broken[3] > 0 {
		t.Errorf("deaf to gaps: broken %v: %q", broken, r.Oracle.Problems)
	}
	// Within retention the same partition loses nothing.
	s.Retention = time.Hour
	r, _ = inBubble(t, s, sabotage{})
	mustBeKept(t, r)
	if r.Gaps > 0 {
		t.Errorf("%d messages were reported as gone", r.Gaps)
	}
}

// A promise that is broken on purpose is told, with its number; and what follows
// from it, but nothing else.
func TestABrokenPromiseIsTold(t *testing.T) {
	const scenario = `
		nodes 12
		arrive 2s
		origins 1 # so that each message follows the one before
		at 10s partition 0.5 for 5s
		at 20s talk 20 every 100ms`
	// once changes the fifth delivery of one node, and all those after it.
	once := func(change func(n int, d oracle.Delivery) []oracle.Delivery) func(*member, oracle.Delivery) []oracle.Delivery {
		n := 0
		return func(m *member, d oracle.Delivery) []oracle.Delivery {
			if m.name != "n7" {
				return []oracle.Delivery{d}
			}
			n++
			return change(n, d)
		}
	}
	tests := []struct {
		how     string
		promise int
		also    []int
		broken  sabotage
		tells   string
	}{
		{"nothing is broken", 0, nil, sabotage{}, ""},
		{"delivered twice", 1, nil, sabotage{deliver: once(func(n int, d oracle.Delivery) []oracle.Delivery {
			if n == 5 {
				return []oracle.Delivery{d, d}
			}
			return []oracle.Delivery{d}
		})}, "n7 delivered n0:5 again"},
		{"invented", 2, nil, sabotage{deliver: once(func(n int, d oracle.Delivery) []oracle.Delivery {
			if n == 5 {
				nobody := oracle.Delivery{ID: oracle.ID{Origin: d.ID.Origin, Seq: 99}}
				return []oracle.Delivery{d, nobody}
			}
			return []oracle.Delivery{d}
		})}, "n7 delivered n0:99, which nobody sent"},
		{"in the wrong order", 2, nil, sabotage{deliver: func() func(*member, oracle.Delivery) []oracle.Delivery {
			var held oracle.Delivery
			return once(func(n int, d oracle.Delivery) []oracle.Delivery {
				switch n {
				case 5:
					held = d
					return nil
				case 6:
					return []oracle.Delivery{d, held}
				}
				return []oracle.Delivery{d}
			})
		}()}, "n7 delivered n0:6 before n0:5, which happened before it"},
		{"with another clock", 3, nil, sabotage{deliver: once(func(n int, d oracle.Delivery) []oracle.Delivery {
			if n == 5 {
				d.Clock = d.Clock.With(d.ID.Origin, 99)
			}
			return []oracle.Delivery{d}
		})}, "n7 delivered n0:5 with the clock {n0:99}, the true one is {n0:5}"},
		{"never delivered", 4, nil, sabotage{deliver: once(func(n int, d oracle.Delivery) []oracle.Delivery {
			if n == 20 {
				return nil
			}
			return []oracle.Delivery{d}
		})}, "n7 never delivered n0:20"},
		{"left out without a word", 6, []int{4}, sabotage{deliver: once(func(n int, d oracle.Delivery) []oracle.Delivery {
			if n == 5 {
				return nil
			}
			return []oracle.Delivery{d}
		})}, "n7 delivered n0:6 without n0:5, which happened before it, and reported no gap"},
		{"more links than configured", 5, []int{7}, sabotage{config: func(c *gossip.Config) { c.Links = 9 }}, "more than the 5 configured"},
		{"more peers than configured", 7, nil, sabotage{config: func(c *gossip.Config) { c.Sampling.C = 30 }}, ""},
		{"a partition that does not end", 8, []int{4}, sabotage{noHeal: true}, "the links of the nodes that are up make 2 networks"},
		{"somebody cannot be silent", 9, nil, sabotage{restless: true}, "messages, announcements and answers at rest, more than 0"},
		{"views are exchanged without rest", 9, nil, sabotage{config: func(c *gossip.Config) { c.ExchangeMin, c.ExchangeMax = 100*time.Millisecond, 200*time.Millisecond }}, "datagrams at rest, with all others, more than"},
	}
	for _, tt := range tests {
		t.Run(tt.how, func(t *testing.T) {
			s := parse(t, scenario)
			if tt.promise == 7 {
				s.Nodes, s.View = 40, 10
			}
			r, _ := inBubble(t, s, tt.broken)
			told := strings.Join(r.Oracle.Problems, "\n")
			if !strings.Contains(told, tt.tells) {
				t.Errorf("told %q, want %q", told, tt.tells)
			}
			for i, n := range r.Oracle.Broken() {
				expected, allowed := i+1 == tt.promise, i+1 == tt.promise
				for _, p := range tt.also {
					allowed = allowed || i+1 == p
				}
				if expected && n == 0 || !allowed && n > 0 {
					t.Errorf("P%d is said to be broken %d times: %s", i+1, n, told)
				}
			}
			if r.Kept() != (tt.promise == 0) {
				t.Errorf("kept: %v", r.Kept())
			}
		})
	}
}

// What cannot be done is refused before anything begins, all of it by name.
func TestUnsupported(t *testing.T) {
	const text = `
		history none
		hold 9000
		log 70000
		codec on
		loss 0.1
		latency 30ms
		jitter 5ms
		duplicate 0.1
		at 1s talk 3
		at 2s partition 0.5 for 3s
		at 3s lose 0.5 for 1s`
	tests := []struct {
		on   Network
		want string
	}{
		{Memory(1), "stage: not with real nodes on a network in memory: history none; log 70000; hold 9000"},
		{Loopback(1), "stage: not with real nodes on the loopback interface: history none; log 70000; hold 9000; at 2s partition 0.5 for 3s"},
	}
	for _, tt := range tests {
		_, err := Play(t.Context(), parse(t, text), tt.on)
		refused := (*UnsupportedError)(nil)
		if !errors.As(err, &refused) || err.Error() != tt.want {
			t.Errorf("got %v, want %s", err, tt.want)
		}
	}
	if _, err := Play(t.Context(), sim.Scenario{}, Memory(1)); err == nil {
		t.Error("an empty scenario is not valid, and was played")
	}
}

// A word that a later simulator understands and this package does not is refused,
// too, instead of being passed over.
func TestUnknownWords(t *testing.T) {
	if stepSupported(sim.Talk, []string{"every", "1s", "louder", "2"}, Memory(1)) {
		t.Error("louder is not known")
	}
	if stepSupported("dance", nil, Memory(1)) {
		t.Error("dance is not known")
	}
	if !stepSupported(sim.Talk, []string{"every", "1s", "answers", "2"}, Memory(1)) {
		t.Error("talk is known")
	}
}

// However a play ends, no node outlives it: goleak and the bubble see to that.
func TestPlayThatIsInterrupted(t *testing.T) {
	for _, after := range []time.Duration{0, 3 * time.Second, 90 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			cause := fmt.Errorf("enough after %v", after)
			ctx, cancel := context.WithTimeoutCause(t.Context(), after, cause)
			defer cancel()
			// The partition does not end, so that there is something to wait for.
			s := parse(t, "nodes 10\narrive 5s\nat 10s talk 20 every 1s answers 9\nat 20s partition 0.5 for 20s")
			if r, err := play(ctx, s, Memory(1), sabotage{noHeal: true}); !errors.Is(err, cause) {
				t.Errorf("got %v and %v, want %v", r, err, cause)
			}
		})
	}
}

// oneHome has an address for one node only.
type oneHome struct{ *memory }

func (h oneHome) home() string { return "10.0.0.1:7946" }

func TestPlayWithoutRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if _, err := Play(t.Context(), parse(t, "nodes 3"), oneHome{Memory(1).(*memory)}); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("got %v, want EADDRINUSE", err)
		}
	})
}
