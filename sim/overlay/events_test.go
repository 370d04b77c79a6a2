package overlay

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
	"pgregory.net/rapid"
)

// eventful is a small event-driven overlay in which everything happens.
func eventful(p peersampling.Policy, nodes Nodes) Config {
	return Config{
		Nodes: 120, Policy: p, Start: Random, Seed: 7, DropDead: true, Churn: 0.02,
		Kill:     []Kill{{Fraction: 0.3, Cycle: 12}},
		Messages: &Messages{Nodes: nodes, Latency: 0.4, Spread: 0.8, Loss: 0.1, Cut: []Cut{{From: 5, To: 8}}},
	}
}

// exchanging are policies that Bare nodes can have.
func exchanging(c int) []peersampling.Policy {
	return []peersampling.Policy{
		peersampling.Healer(c), peersampling.Swapper(c), peersampling.Blind(c),
		peersampling.Cyclon(c), peersampling.Newscast(c), peersampling.Lpbcast(c),
	}
}

// Whatever is lost, late or out of order, under any policy and in any model: a
// view holds at most C, nobody twice and never its own node, and the same seed
// gives the same run.
func TestEventsKeepInvariantsAndRepeat(t *testing.T) {
	for _, nodes := range []Nodes{Bare, Deployed, Forgetful} {
		policies := exchanging(8)
		if nodes != Bare {
			policies = append(policies, peersampling.Brahms(8))
		}
		for _, p := range policies {
			t.Run(nodes.String()+" "+p.String(), func(t *testing.T) {
				o, again := newOverlay(t, eventful(p, nodes)), newOverlay(t, eventful(p, nodes))
				for range 25 {
					o.Step()
					again.Step()
					checkInvariants(t, o)
				}
				compare(t, o, again)
				if o.MessagesSent() != again.MessagesSent() {
					t.Errorf("%d and %d messages", o.MessagesSent(), again.MessagesSent())
				}
				other := eventful(p, nodes)
				other.Seed++
				if run(newOverlay(t, other), 25).MessagesSent() == o.MessagesSent() {
					t.Error("another seed sends as many messages: is anything random?")
				}
			})
		}
	}
}

func checkInvariants(t rapid.TB, o *Overlay) {
	t.Helper()
	for h := range o.Live() {
		v := o.View(h)
		if len(v) > o.cfg.Policy.C {
			t.Fatalf("cycle %d: node %d has %d of %d descriptors", o.cycle, h, len(v), o.cfg.Policy.C)
		}
		for i, d := range v {
			if d.Peer == h || d.Peer == peer.None || knows(v[:i], d.Peer) {
				t.Fatalf("cycle %d: node %d knows %v", o.cycle, h, v)
			}
		}
	}
}

// Any configuration, drawn: the invariants hold, and every buffer that was lent is
// in a message or back.
func TestEventsOfAnyKind(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := Config{
			Nodes: rapid.IntRange(2, 30).Draw(t, "nodes"), Policy: drawPolicy(t),
			Start:    Start(rapid.IntRange(0, 3).Draw(t, "start")),
			Seed:     rapid.Uint64().Draw(t, "seed"),
			Churn:    rapid.SampledFrom([]float64{0, 0.1, 0.5}).Draw(t, "churn"),
			DropDead: rapid.Bool().Draw(t, "drop"), GrowPerCycle: 5,
			Messages: &Messages{
				Nodes:   Nodes(rapid.IntRange(0, 2).Draw(t, "kind")),
				Latency: rapid.SampledFrom([]float64{0, 0.1, 1, 3}).Draw(t, "latency"),
				Spread:  rapid.SampledFrom([]float64{0, 1}).Draw(t, "spread"),
				Loss:    rapid.SampledFrom([]float64{0, 0.3}).Draw(t, "loss"),
				Answer:  rapid.SampledFrom([]float64{0, 0.2}).Draw(t, "answer"),
			},
		}
		o := newOverlay(t, cfg)
		for range 12 {
			o.Step()
			checkInvariants(t, o)
			if o.Nodes() > cfg.Nodes {
				t.Fatalf("%d nodes live", o.Nodes())
			}
		}
		if cfg.Messages.Nodes == Bare {
			seen := map[*peer.Descriptor]bool{}
			for _, b := range o.events.buffers {
				if at := &b[:1][0]; seen[at] {
					t.Fatal("a buffer is free twice")
				} else {
					seen[at] = true
				}
			}
		}
	})
}

// Where messages take no time and nothing gets lost, exchanges are atomic, and
// the event-driven model comes to the same figures as the one in cycles; to those
// of a fixed order of turns, to be exact, which makes little difference.
func TestWithoutLatencyItIsTheModelInCycles(t *testing.T) {
	for _, p := range exchanging(16) {
		t.Run(p.String(), func(t *testing.T) {
			cfg := Config{Nodes: 1000, Policy: p, Start: Random, Seed: 3, Cores: 1}
			cycles := run(newOverlay(t, cfg), 60).Measure(Sampling{Clustering: 500, Paths: 64})
			cfg.Messages = &Messages{Nodes: Bare}
			events := run(newOverlay(t, cfg), 60).Measure(Sampling{Clustering: 500, Paths: 64})
			for _, x := range []struct {
				what          string
				cycles, event float64
			}{
				{"in-degree deviation", cycles.InDegreeStd, events.InDegreeStd},
				{"clustering", cycles.Clustering, events.Clustering},
				{"path length", cycles.PathLength, events.PathLength},
			} {
				if x.event < 0.85*x.cycles || x.event > 1.15*x.cycles {
					t.Errorf("%s: %v, in cycles %v", x.what, x.event, x.cycles)
				}
			}
			if events.Components != 1 {
				t.Errorf("%d components", events.Components)
			}
		})
	}
}

// Two nodes, no chance: a request travels for a latency, and so does its reply.
func TestAnExchangeTakesTwoLatencies(t *testing.T) {
	o := newOverlay(t, Config{
		Nodes: 2, Policy: peersampling.Healer(4), Start: Star, Seed: 1,
		Messages: &Messages{Nodes: Bare, Latency: 0.75},
	})
	o.events.startAndStop()
	first := o.events.queue.next() // of the two only the second knows the other
	for o.events.sent == 0 {
		first = o.events.queue.next()
		o.events.until(first + 1)
	}
	const latency = 3 * Period / 4
	o.events.until(first + latency)
	if len(o.View(1)) != 0 {
		t.Error("the request came too soon")
	}
	o.events.until(first + latency + 1)
	if !knows(o.View(1), 2) {
		t.Error("the request has not come")
	}
	if age := o.View(2)[0].Age; age != 0 {
		t.Errorf("the reply has come already: age %d", age)
	}
	sent := o.events.sent
	o.events.until(first + Period)
	if o.events.sent != sent {
		t.Errorf("there were %d messages more, before anybody's next turn", o.events.sent-sent)
	}
	o.events.until(first + 2*latency + 1)
	if age := o.View(2)[0].Age; age == 0 {
		t.Error("the reply has not come")
	}
}

// By its bare rules a newcomer whose one request is lost is alone for ever; what
// nodes run asks again. (Churn is low, so that the one node that a newcomer knows
// does not leave at once: against that nothing helps.)
func TestALostRequest(t *testing.T) {
	for _, test := range []struct {
		nodes Nodes
		alone bool
	}{{Bare, true}, {Deployed, false}} {
		cfg := Config{
			Nodes: 50, Policy: peersampling.Cyclon(6), Start: Random, Seed: 1, DropDead: true, Churn: 0.005, Quiet: 30,
			Messages: &Messages{Nodes: test.nodes, Latency: 0.1, Loss: 0.5},
		}
		if alone := run(newOverlay(t, cfg), 80).Components().Outside() > 0; alone != test.alone {
			t.Errorf("%v: somebody is alone: %v, want %v", test.nodes, alone, test.alone)
		}
	}
}

// During a cut the halves forget each other. After it the healer's, who have
// forgotten all, never meet again by the bare rules, and do as deployed.
func TestACut(t *testing.T) {
	for _, test := range []struct {
		nodes Nodes
		parts int
	}{{Bare, 2}, {Forgetful, 2}, {Deployed, 1}} {
		o := newOverlay(t, Config{
			Nodes: 200, Policy: peersampling.Healer(10), Start: Random, Seed: 2, DropDead: true,
			Messages: &Messages{Nodes: test.nodes, Latency: 0.05, Cut: []Cut{{From: 11, To: 90}}},
		})
		if across := run(o, 10).Across(); across < 0.4 || across > 0.6 {
			t.Errorf("%v: before the cut %v of the descriptors are across", test.nodes, across)
		}
		if across := run(o, 80).Across(); across > 0.01 {
			t.Errorf("%v: after 80 periods %v are across still", test.nodes, across)
		}
		across := run(o, 40).Across()
		if parts := len(o.Components()); parts != test.parts || (parts == 1) != (across > 0.4) {
			t.Errorf("%v: in the end there are %d parts, and %v across; want %d", test.nodes, parts, across, test.parts)
		}
	}
}

// Replacements are spread over the period, so that those who join in one are not
// all equally old; and as many as in cycles.
func TestContinuousChurn(t *testing.T) {
	cfg := Config{Nodes: 100, Policy: peersampling.Healer(8), Start: Random, Seed: 1, Churn: 0.125, Messages: &Messages{}}
	o := newOverlay(t, cfg)
	run(o, 8)
	if joined := len(o.slot) - 1 - 100; joined != 100 {
		t.Errorf("%d nodes have joined in 8 periods, want 100", joined)
	}
	cfg.Quiet = 5
	o = newOverlay(t, cfg)
	run(o, 8)
	if joined := len(o.slot) - 1 - 100; joined != 50 {
		t.Errorf("%d nodes have joined, want 50: it is quiet from the fifth period on", joined)
	}
}

// Nothing is lost once it is quiet.
func TestQuietLosesNothing(t *testing.T) {
	o := newOverlay(t, Config{
		Nodes: 40, Policy: peersampling.Swapper(8), Start: Random, Seed: 1, Quiet: 20,
		Messages: &Messages{Latency: 0.01, Loss: 0.4},
	})
	sent := func(periods int) float64 {
		before := o.MessagesSent()
		run(o, periods)
		return float64(o.MessagesSent()-before) / float64(periods*o.Nodes())
	}
	if n := sent(19); n > 1.75 {
		t.Errorf("%.2f messages for each node and period: with 40 %% lost, 0.4 replies should be missing", n)
	}
	sent(1)
	if n := sent(20); n != 2 {
		t.Errorf("%.2f messages, want a request and a reply", n)
	}
}

// A shorter wait finds the dead sooner.
func TestAnswer(t *testing.T) {
	dead := func(answer float64) int {
		o := newOverlay(t, Config{
			Nodes: 300, Policy: peersampling.Swapper(10), Start: Random, Seed: 1,
			Kill:     []Kill{{Fraction: 0.5, Cycle: 21}},
			Messages: &Messages{Nodes: Deployed, Latency: 0.02, Answer: answer},
		})
		return run(o, 30).DeadLinks()
	}
	if patient, quick := dead(0), dead(0.2); quick >= patient {
		t.Errorf("%d dead links with a wait of 0.2 periods, %d with one of 1", quick, patient)
	}
}

// A node that may slow down does so when nothing happens, and not after a crash.
func TestSlowest(t *testing.T) {
	o := newOverlay(t, Config{
		Nodes: 300, Policy: peersampling.Cyclon(10), Start: Random, Seed: 1,
		Kill:     []Kill{{Fraction: 0.5, Cycle: 91}},
		Messages: &Messages{Nodes: Deployed, Latency: 0.02, Slowest: 10},
	})
	rate := func(periods int) float64 {
		before := o.MessagesSent()
		run(o, periods)
		return float64(o.MessagesSent()-before) / float64(periods*o.Nodes())
	}
	run(o, 60)
	quiet := rate(30)
	run(o, 10)
	if hurried := rate(10); quiet > 0.5 || hurried < 2*quiet {
		t.Errorf("%.2f messages for each node and period before the crash, %.2f after it", quiet, hurried)
	}
}

func TestMessagesErrors(t *testing.T) {
	good := Config{Nodes: 10, Policy: peersampling.Healer(4), Messages: &Messages{Cut: []Cut{{1, 1}}}}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for field, spoil := range map[string]func(*Config){
		"Messages.Nodes":   func(c *Config) { c.Messages.Nodes = 3 },
		"Messages.Latency": func(c *Config) { c.Messages.Latency = -1 },
		"Messages.Spread":  func(c *Config) { c.Messages.Spread = 4 },
		"Messages.Loss":    func(c *Config) { c.Messages.Loss = 1 },
		"Messages.Answer":  func(c *Config) { c.Messages.Answer = -0.1 },
		"Messages.Slowest": func(c *Config) { c.Messages.Slowest = 0.5 },
		"Messages.Cut[0]":  func(c *Config) { c.Messages.Cut = []Cut{{2, 1}} },
		"Attack.Fraction":  func(c *Config) { c.Attack.Fraction = 0.1 },
		"Quiet":            func(c *Config) { c.Quiet = -1 },
	} {
		c := good
		m := *good.Messages
		c.Messages = &m
		spoil(&c)
		var wrong *ConfigError
		if err := c.Validate(); !errors.As(err, &wrong) || wrong.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	good.Policy = peersampling.Brahms(4)
	if err := good.Validate(); err == nil || !strings.Contains(err.Error(), "Messages.Nodes is bare") {
		t.Errorf("bare Brahms: %v", err)
	}
}

// The queue gives back in the order of time, and of two at once the first first.
func TestQueue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q queue
		var want []entry
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		for range rapid.IntRange(0, 300).Draw(t, "operations") {
			if rng.IntN(3) > 0 || len(want) == 0 {
				at := time.Duration(rng.IntN(20))
				q.push(at, uint64(len(want)))
				want = append(want, entry{at, q.seq, uint64(len(want))})
				slices.SortFunc(want, func(a, b entry) int {
					if a.before(b) {
						return -1
					}
					return 1
				})
				continue
			}
			if q.next() != want[0].at {
				t.Fatalf("next at %v, want %v", q.next(), want[0].at)
			}
			if got := q.pop(); got != want[0] {
				t.Fatalf("got %v, want %v", got, want[0])
			}
			want = want[1:]
		}
		if len(want) == 0 && q.next() != never {
			t.Error("an empty queue waits for something")
		}
	})
}

// For a message of Bare nodes nothing is allocated, once there are as many
// buffers as ever travel at a time.
func TestEventsAllocateNothing(t *testing.T) {
	if underRace {
		t.Skip("the race detector allocates")
	}
	o := run(newOverlay(t, Config{
		Nodes: 500, Policy: peersampling.Healer(10), Start: Random, Seed: 1,
		Messages: &Messages{Latency: 0.1, Spread: 0.5},
	}), 50)
	if n := testing.AllocsPerRun(20, o.Step); n > 5 {
		t.Errorf("%v allocations in a period of 1000 messages", n)
	}
}
