package sim

import (
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/protocol"
)

// pair is two nodes that are linked.
func pair(t *testing.T, change func(*World)) (w *World, a, b *Node) {
	t.Helper()
	w = NewWorld(1)
	w.Faults.Latency = 10 * time.Millisecond
	if change != nil {
		change(w)
	}
	nodes := grow(w, 2)
	if !w.RunUntil(10*time.Second, func() bool { return allReady(nodes) }) {
		t.Fatal("no link after ten seconds")
	}
	w.Run(time.Second)
	return w, nodes[0], nodes[1]
}

// inflight is the most that any of a node's links has under way. Beside the link
// there may be a repair.
func (n *Node) inflight() (most int) {
	for _, e := range n.ends {
		most = max(most, e.inflight)
	}
	return most
}

// What a says does not reach b, but what b says reaches a; b's connection has no word
// of that and has a window's worth under way at most. When the cut is lifted in
// time, everything arrives, on the same link.
func TestAOneWayCutHoldsUpOneWay(t *testing.T) {
	w, a, b := pair(t, nil)
	w.Faults.Cut = func(from, to *Node) bool { return from == a }
	w.Broadcast(a, []byte("unheard"))
	w.Broadcast(b, []byte("heard"))
	w.Run(2 * time.Second)
	if w.Oracle.Delivered(a) != 2 || w.Oracle.Delivered(b) != 1 {
		t.Errorf("a has %d messages, b %d", w.Oracle.Delivered(a), w.Oracle.Delivered(b))
	}
	if a.inflight() == 0 || b.inflight() == 0 {
		t.Errorf("a has %d bytes under way, b %d", a.inflight(), b.inflight())
	}
	for range 150 {
		w.Broadcast(b, make([]byte, 1000))
	}
	w.Run(2 * time.Second)
	if got := w.Oracle.Delivered(a); got < 40 || got > 80 {
		t.Errorf("a has %d messages, want about 64 KB of them", got)
	}
	w.Faults.Cut = nil
	w.Run(3 * time.Second)
	if w.Oracle.Delivered(a) != 152 || w.Oracle.Delivered(b) != 152 || a.inflight()+b.inflight() != 0 {
		t.Errorf("a has %d messages, b %d, and %d and %d bytes are under way",
			w.Oracle.Delivered(a), w.Oracle.Delivered(b), a.inflight(), b.inflight())
	}
	if lost := a.Machine.Counters().LinksTimedOut + b.Machine.Counters().LinksTimedOut; lost != 0 {
		t.Errorf("%d links were given up", lost)
	}
}

// A slow node takes in what it can, in order, and the sender's window fills up
// meanwhile. When it is no longer slow it catches up at once.
func TestASlowNodeFillsItsSendersWindows(t *testing.T) {
	w, a, b := pair(t, func(w *World) {
		w.Configure = func(c *protocol.Config) { c.Relay.Window = 8000 }
	})
	w.Faults.Rate = func(n *Node) int {
		if n == b {
			return 5000
		}
		return 0
	}
	for range 50 {
		w.Broadcast(a, make([]byte, 750)) // a thousand bytes each
	}
	w.Run(4 * time.Second)
	if got := w.Oracle.Delivered(b); got < 17 || got > 20 {
		t.Errorf("b has %d messages after four seconds", got)
	}
	if f := a.inflight(); f < 8000 || f > 10_000 {
		t.Errorf("%d bytes are under way, of a window of 8000", f)
	}
	w.Faults.Rate = nil
	w.Run(time.Second)
	if w.Oracle.Delivered(b) != 50 || len(w.Oracle.Violations) > 0 {
		t.Errorf("b has %d messages, %q", w.Oracle.Delivered(b), w.Oracle.Violations)
	}
}

// No two clocks agree, and ages go from node to node all the same.
func TestClocksThatDrift(t *testing.T) {
	w, a, b := pair(t, func(w *World) { w.Drift = MaxDrift })
	if a.Machine.Started() == b.Machine.Started() || a.clock.ppm == b.clock.ppm {
		t.Errorf("%v and %v", a.clock, b.clock)
	}
	m, err := w.Broadcast(a, []byte("when?"))
	if err != nil {
		t.Fatal(err)
	}
	w.Run(time.Second)
	off := w.local(b) - b.Machine.Get(m.Dot).Born
	if off < 700*time.Millisecond || off > 1200*time.Millisecond {
		t.Errorf("b takes the message to be %v old, a second after it was sent", off)
	}
	for seed := range fewer(10) {
		runFaults(t, uint64(3000+seed), func(s *Scenario) { s.Drift = MaxDrift })
	}
}
