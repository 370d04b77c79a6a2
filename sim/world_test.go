package sim

import (
	"fmt"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/causal"
	"github.com/Ishan27gOrg/gossipProtocol/protocol"
)

// grow starts n nodes that all know only the first.
func grow(w *World, n int) []*Node {
	nodes := make([]*Node, n)
	for i := range nodes {
		nodes[i] = w.Start(fmt.Sprintf("n%d", i))
		if i > 0 {
			w.Join(nodes[i], nodes[0])
		}
	}
	return nodes
}

func allReady(nodes []*Node) bool {
	for _, n := range nodes {
		if n.Up && !n.Machine.Ready() {
			return false
		}
	}
	return true
}

func up(nodes []*Node) (alive []*Node) {
	for _, n := range nodes {
		if n.Up {
			alive = append(alive, n)
		}
	}
	return alive
}

func checked(t *testing.T, w *World, nodes []*Node) {
	t.Helper()
	alive := up(nodes)
	if !w.RunUntil(2*time.Minute, func() bool { return w.Oracle.Missing(alive) == 0 }) {
		t.Errorf("%d deliveries missing after two minutes of quiet", w.Oracle.Missing(alive))
	}
	w.Oracle.Agree(alive)
	for _, v := range w.Oracle.Violations {
		t.Error(v)
	}
}

// chatter broadcasts count messages from random nodes, one each gap; every
// third delivery at some node is answered while answers are left.
func chatter(w *World, nodes []*Node, count int, gap time.Duration) {
	answers := count
	w.OnDeliver = func(n *Node, m *broadcast.Message) {
		if answers > 0 && w.rng.IntN(len(nodes)) == 0 && n.Up {
			answers--
			w.Broadcast(n, []byte("answer"))
		}
	}
	for range count {
		alive := up(nodes)
		w.Broadcast(alive[w.rng.IntN(len(alive))], []byte("message"))
		w.Run(gap)
	}
}

func TestAHundredNodesGossipThroughOneContact(t *testing.T) {
	w := NewWorld(1)
	w.Faults = Faults{Latency: 5 * time.Millisecond, Jitter: 20 * time.Millisecond}
	nodes := grow(w, 100)
	if !w.RunUntil(20*time.Second, func() bool { return allReady(nodes) }) {
		t.Fatal("not all ready after 20 s")
	}
	t.Logf("all ready after %v", w.Now())
	w.Run(10 * time.Second)
	chatter(w, nodes, 300, 5*time.Millisecond)
	checked(t, w, nodes)
}

// fewer is how many of so many seeds to run: with -short, as under the race
// detector, some.
func fewer(seeds int) int {
	if testing.Short() {
		return (seeds + 4) / 5
	}
	return seeds
}

// TestPromisesHoldUnderFaults draws a scenario from each seed: loss and
// duplication of datagrams, crashes, restarts under the same name, newcomers
// and a partition, with traffic throughout. Safety is checked during all of it,
// agreement after the faults have ended. Each is run with a tree, and flooding.
// For further seeds there is gossip sim fuzz.
func TestPromisesHoldUnderFaults(t *testing.T) {
	for seed := range fewer(60) {
		for _, flood := range []bool{false, true} {
			t.Run(fmt.Sprintf("seed=%d/flood=%v", seed, flood), func(t *testing.T) {
				t.Parallel()
				runFaults(t, uint64(seed), func(s *Scenario) { s.Flood = flood })
			})
		}
	}
}

// runFaults runs a random scenario, but for what change makes of it.
func runFaults(t *testing.T, seed uint64, change func(*Scenario)) {
	s := RandomScenario(seed, 33)
	change(&s)
	t.Logf("the scenario:\n%v", s)
	for _, v := range Run(s).Violations {
		t.Error(v)
	}
}

// Out of order, what one side of a partition that outlasts the logs has missed are
// holes in what it has; they are found, and reported.
func TestHolesAreReported(t *testing.T) {
	for _, seed := range []uint64{1, 9, 25, 30, 33} {
		s, err := ParseScenario(`
nodes 8
order unordered
retention 20s
latency 20ms
at 5s partition 0.3 for 41s
at 5s talk 20 every 1s answers 20
at 46s talk 40 every 100ms`)
		if err != nil {
			t.Fatal(err)
		}
		s.Seed = seed
		for _, v := range Run(s).Violations {
			t.Errorf("seed %d: %s", seed, v)
		}
	}
}

// TestWeakerOrdersKeepTheirs runs the fault scenarios under the cheaper orders.
func TestWeakerOrdersKeepTheirs(t *testing.T) {
	for _, order := range []causal.Order{causal.FIFO, causal.Unordered} {
		for seed := range fewer(10) {
			t.Run(fmt.Sprint(order, "/seed=", seed), func(t *testing.T) {
				t.Parallel()
				runFaults(t, uint64(1000+seed), func(s *Scenario) { s.Order = order })
			})
		}
	}
}

// TestHistoryNoneStartsNow: a newcomer is told what comes after it, and its
// clocks are exact all the same, although they count messages that it never
// had.
func TestHistoryNoneStartsNow(t *testing.T) {
	w := NewWorld(7)
	w.Faults.Latency = 10 * time.Millisecond
	nodes := grow(w, 10)
	w.Run(5 * time.Second)
	for _, n := range nodes {
		w.Broadcast(n, []byte("before"))
		w.Run(50 * time.Millisecond)
	}
	w.Configure = func(c *protocol.Config) { c.History = protocol.None }
	late := w.Start("late")
	w.Join(late, nodes[3])
	w.Run(5 * time.Second)
	for _, n := range nodes {
		w.Broadcast(n, []byte("after"))
		w.Run(50 * time.Millisecond)
	}
	w.Run(5 * time.Second)
	if got := w.Oracle.Delivered(late); got != 10 {
		t.Errorf("the newcomer delivered %d messages, want the 10 that came after it", got)
	}
	for _, v := range w.Oracle.Violations {
		t.Error(v)
	}
}

// TestBeyondRetentionIsReported: two sides are apart for longer than the logs
// keep messages. What is gone is reported as gaps, the rest is delivered, in
// order and with exact clocks, and nobody waits for ever.
func TestBeyondRetentionIsReported(t *testing.T) {
	for seed := range fewer(10) {
		w := NewWorld(uint64(seed))
		w.Faults.Latency = 10 * time.Millisecond
		w.Configure = func(c *protocol.Config) { c.Log.Age = 30 * time.Second }
		nodes := grow(w, 12)
		w.Run(5 * time.Second)
		chatter(w, nodes, 20, 100*time.Millisecond)
		w.Faults.Cut = func(a, b *Node) bool { return a.Handle%2 != b.Handle%2 }
		chatter(w, nodes, 100, time.Second)
		w.Faults.Cut = nil
		w.Run(90 * time.Second)
		sent := w.Oracle.Sent()
		chatter(w, nodes, 20, 100*time.Millisecond)
		w.Run(20 * time.Second)
		for _, n := range nodes {
			if got := uint64(w.Oracle.Delivered(n)) + n.Gaps; got != uint64(w.Oracle.Sent()) {
				t.Errorf("seed %d: %v delivered %d and reported %d as gaps, which is not the %d sent",
					seed, n.ID, w.Oracle.Delivered(n), n.Gaps, w.Oracle.Sent())
			}
			if n.Gaps == 0 {
				t.Errorf("seed %d: %v reported no gap", seed, n.ID)
			}
			if b := n.Machine.Gauges(); b.HeldMessages != 0 {
				t.Errorf("seed %d: %v still holds %d messages back", seed, n.ID, b.HeldMessages)
			}
		}
		if w.Oracle.Sent() == sent {
			t.Fatal("nothing was sent after the cut")
		}
		for _, v := range w.Oracle.Violations {
			t.Errorf("seed %d: %s", seed, v)
		}
	}
}

// TestFarBehindCatchesUpUnderLoad: a node is cut off while more is said than the
// logs hold, and while it can hold back far less than that. As soon as it is
// heard again it must get along, although new messages never cease to come and
// every one of them finds its predecessors missing.
func TestFarBehindCatchesUpUnderLoad(t *testing.T) {
	for seed := range fewer(10) {
		w := NewWorld(uint64(seed))
		w.Faults.Latency = 5 * time.Millisecond
		w.Configure = func(c *protocol.Config) {
			// Ten messages and their clocks are held back. With nine one seed in sixty gets
			// along no more, which no node is so small for.
			c.Log.Bytes, c.HoldBytes, c.Relay.Window = 100_000, 11_000, 8_000
		}
		nodes := grow(w, 4)
		w.Run(5 * time.Second)
		behind := nodes[3]
		talk := func(d time.Duration) {
			for end := w.Now() + d; w.Now() < end; w.Run(20 * time.Millisecond) {
				w.Broadcast(nodes[0], make([]byte, 700))
			}
		}
		w.Faults.Cut = func(a, b *Node) bool { return a == behind || b == behind }
		talk(8 * time.Second) // not long enough to give the links up
		w.Faults.Cut = nil
		for range 20 {
			talk(3 * time.Second)
			lag := w.Oracle.Sent() - w.Oracle.Delivered(behind) - int(behind.Gaps)
			if w.Now() > 20*time.Second && lag > 100 {
				t.Errorf("seed %d, %v: %d messages behind", seed, w.Now(), lag)
			}
		}
		w.Run(10 * time.Second)
		if given := float64(behind.Gaps) / float64(w.Oracle.Sent()); given > 0.25 {
			t.Errorf("seed %d: %.0f %% of the messages were given up", seed, 100*given)
		}
		if lag := w.Oracle.Sent() - w.Oracle.Delivered(behind) - int(behind.Gaps); lag != 0 {
			t.Errorf("seed %d: %d messages neither delivered nor reported: %+v", seed, lag, behind.Machine.Counters())
		}
		for _, v := range w.Oracle.Violations {
			t.Errorf("seed %d: %s", seed, v)
		}
	}
}

// TestACutLongerThanMemoryHeals: both sides forget each other, and are one
// network again soon after the cut is lifted, linked and not only repaired.
func TestACutLongerThanMemoryHeals(t *testing.T) {
	for seed := range fewer(10) {
		w := NewWorld(uint64(seed))
		w.Faults.Latency = 10 * time.Millisecond
		nodes := grow(w, 32)
		w.Run(10 * time.Second)
		other := func(a, b *Node) bool { return a.Handle%2 != b.Handle%2 }
		w.Faults.Cut = other
		forgotten := func() bool {
			for _, n := range nodes {
				for _, d := range n.Machine.View() {
					if other(n, w.node(d.Peer)) {
						return false
					}
				}
			}
			return true
		}
		if !w.RunUntil(10*time.Minute, forgotten) {
			t.Fatalf("seed %d: the sides still know each other after ten minutes", seed)
		}
		w.Run(time.Minute)
		for _, n := range nodes {
			w.Broadcast(n, []byte("meanwhile"))
			w.Run(100 * time.Millisecond)
		}
		w.Faults.Cut = nil
		crossed := func() bool {
			for _, n := range nodes {
				for _, h := range n.Machine.AppendLinked(nil) {
					if other(n, w.node(h)) {
						return true
					}
				}
			}
			return false
		}
		if !w.RunUntil(time.Minute, crossed) {
			t.Errorf("seed %d: no link crosses a minute after the cut was lifted", seed)
		}
		checked(t, w, nodes)
	}
}

// A thousand nodes know one, and ask it at the same moment. None of them is turned away
// because too many wait there, and all have links soon.
func TestAThousandJoinThroughOne(t *testing.T) {
	w := NewWorld(1000)
	w.Faults = Faults{Latency: 20 * time.Millisecond, Jitter: 20 * time.Millisecond}
	count := 1001
	if testing.Short() {
		count = 301
	}
	nodes := grow(w, count)
	if !w.RunUntil(20*time.Second, func() bool { return allReady(nodes) }) {
		t.Error("some have no link yet")
	}
	for _, n := range nodes {
		if c := n.Machine.Counters(); c.Crowded > 0 {
			t.Errorf("%v has turned away %d", n.ID, c.Crowded)
		}
	}
	if len(w.Oracle.Violations) > 0 {
		t.Error(w.Oracle.Violations)
	}
}
