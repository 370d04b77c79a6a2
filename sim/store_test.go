package sim

import (
	"fmt"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/causal"
	"github.com/Ishan27gOrg/gossipProtocol/protocol"
)

// withStores has nodes keep what they deliver, and all who come or go in a random scenario
// come back with that.
func withStores(s *Scenario) {
	s.Store = true
	for i := range s.Steps {
		switch step := &s.Steps[i]; step.Kind {
		case Crash, Join, Churn:
			step.Kind, step.Every = Restart, 0
		}
	}
}

// TestPromisesHoldWithStores draws scenarios in which nodes crash while they write, and
// come back with what is on their disks; under every order, and with and without history.
func TestPromisesHoldWithStores(t *testing.T) {
	for seed := range fewer(60) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			t.Parallel()
			runFaults(t, uint64(2000+seed), withStores)
		})
	}
	for _, order := range []causal.Order{causal.FIFO, causal.Unordered} {
		for seed := range fewer(10) {
			t.Run(fmt.Sprint(order, "/seed=", seed), func(t *testing.T) {
				t.Parallel()
				runFaults(t, uint64(3000+seed), func(s *Scenario) { withStores(s); s.Order = order })
			})
		}
	}
	for seed := range fewer(10) {
		t.Run(fmt.Sprint("no history/seed=", seed), func(t *testing.T) {
			t.Parallel()
			runFaults(t, uint64(4000+seed), func(s *Scenario) { withStores(s); s.History = protocol.None })
		})
	}
}

// A message that a node's log has let go of is in its store no more, and others may still
// have it. The node remembers that it was had: it is not delivered again, and what the
// node says from now on follows it.
func TestWhatHasLeftTheStoreIsRemembered(t *testing.T) {
	for _, order := range []causal.Order{causal.Causal, causal.FIFO, causal.Unordered} {
		w := NewWorld(1)
		w.Faults.Latency, w.Stores, w.Oracle.Order = 10*time.Millisecond, true, order
		w.Configure = func(c *protocol.Config) {
			c.Order = order
			if w.node(c.Self).ID.Name == "small" {
				c.Log.Bytes = 10_000
			}
		}
		first := w.Start("first")
		nodes := []*Node{first, w.Start("silent"), w.Start("small")}
		w.Join(nodes[1], first)
		w.Join(nodes[2], first)
		w.Run(5 * time.Second)
		w.Broadcast(nodes[1], []byte("once"))
		for range 200 {
			w.Broadcast(first, make([]byte, 100))
			w.Run(50 * time.Millisecond)
		}
		w.Run(time.Second)
		small := nodes[2]
		w.Crash(small)
		for _, r := range small.store.records {
			if !r.mark && r.dot.Origin == nodes[1].Handle {
				t.Fatal("the store has it still")
			}
		}
		again := w.Resume(small)
		if again.Machine.Clock().Get("silent") != 1 {
			t.Errorf("%v: the node's clock is %v", order, again.Machine.Clock())
		}
		w.Join(again, first)
		w.Run(5 * time.Second)
		if m, err := w.Broadcast(again, []byte("back")); err != nil || order == causal.Causal && m.Clock.Get("silent") != 1 {
			t.Errorf("%v: the first message after the restart has clock %v (%v)", order, m.Clock, err)
		}
		w.Run(5 * time.Second)
		nodes[2] = again
		w.Oracle.Agree(nodes)
		if c := again.Machine.Counters(); c.Restored == 0 || c.Delivered != 1 || len(w.Oracle.Violations) > 0 {
			t.Errorf("%v: %d messages are restored, %d delivered: %v", order, c.Restored, c.Delivered, w.Oracle.Violations)
		}
	}
}

// Messages grow older while the node is down. What is over age by the time that it is up
// again is not spread any more, and not given to the application; but it was had.
func TestAStoreDoesNotStopTime(t *testing.T) {
	for _, down := range []time.Duration{50 * time.Minute, 2 * time.Hour} {
		w := NewWorld(1)
		w.Stores = true
		alone := w.Start("alone")
		w.Broadcast(alone, []byte("x"))
		w.Run(time.Second)
		w.Crash(alone)
		w.Run(down)
		other, again := w.Start("other"), w.Resume(alone)
		w.Join(other, again)
		w.Run(time.Minute)
		want := 1
		if down > time.Hour {
			want = 0
		}
		var aged time.Duration
		for m := range again.Machine.Restored(w.local(again)) {
			aged = w.local(again) - m.Born
		}
		if got := w.Oracle.Delivered(other); got != want || want == 1 && (aged < down || aged > down+2*time.Minute) {
			t.Errorf("after %v the other node has %d messages, want %d; it is %v old", down, got, want, aged)
		}
		if again.Machine.Clock().Get("alone") != 1 || len(w.Oracle.Violations) > 0 {
			t.Errorf("the clock is %v: %v", again.Machine.Clock(), w.Oracle.Violations)
		}
	}
}

// What is too old for the log may have what is not depend on it, and has its clock.
func TestTheOldHelpsTheYoung(t *testing.T) {
	w := NewWorld(1)
	w.Stores = true
	a, b := w.Start("a"), w.Start("b")
	w.Join(b, a)
	w.Run(5 * time.Second)
	w.Broadcast(a, []byte("first"))
	w.Run(time.Second)
	w.Broadcast(a, []byte("one"))
	w.Broadcast(b, []byte("another"))
	w.Run(5 * time.Minute)
	w.Broadcast(b, []byte("last"))
	w.Run(time.Second)
	w.Crash(a)
	w.Run(57 * time.Minute)
	again := w.Resume(a) // and the oracle sees to it that the last is there
	if c := again.Machine.Counters(); c.Restored != 4 || again.Machine.Gauges().LogMessages != 1 || len(w.Oracle.Violations) > 0 {
		t.Errorf("%d are restored, %d in the log: %v", c.Restored, again.Machine.Gauges().LogMessages, w.Oracle.Violations)
	}
}

// stored is what nodes are restarted in with their stores.
const stored = calm + "store on\nat 11s restart 4\n"

// spoilDisks changes the disk of every node just before some are restarted.
func spoilDisks(change func(records []record) []record) func(*World) {
	return func(w *World) {
		w.at(11*time.Second-1, func() {
			for _, n := range w.nodes {
				n.store.records = change(n.store.records)
			}
		})
	}
}

// swapFirst exchanges the first two messages on a disk.
func swapFirst(records []record) []record {
	for i := range records[:len(records)-1] {
		if a, b := &records[i], &records[i+1]; !a.mark && !b.mark {
			*a, *b = *b, *a
			break
		}
	}
	return records
}

// loseFifth takes the fifth message off a disk.
func loseFifth(records []record) []record {
	if len(records) < 6 {
		return records
	}
	return append(records[:5:5], records[6:]...)
}
