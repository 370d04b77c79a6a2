package sim

import (
	"fmt"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/protocol"
)

// total adds up what all nodes that are up have counted.
func total(w *World) (c protocol.Counters) {
	for _, n := range up(w.Nodes()) {
		x := n.Machine.Counters()
		c.Delivered += x.Delivered
		c.Duplicates += x.Duplicates
		c.Announced += x.Announced
		c.Pruned += x.Pruned
		c.Grafted += x.Grafted
		c.WantsServed += x.WantsServed
		c.Repairs += x.Repairs
	}
	return c
}

// burst lets a node say something n times, and returns how many duplicates each
// node got of each message.
func burst(w *World, from func() *Node, n int) float64 {
	before := total(w)
	for range n {
		w.Broadcast(from(), []byte("x"))
		w.Run(200 * time.Millisecond)
	}
	w.Run(2 * time.Second)
	return float64(total(w).Duplicates-before.Duplicates) / float64(n*len(up(w.Nodes())))
}

// Every node sends, and some ways are ten times longer than others: each origin would
// like another tree. They share one that rests all the same, though nodes come and
// go for a while.
func TestAllOriginsShareATree(t *testing.T) {
	w := NewWorld(3)
	w.Faults = Faults{Latency: 10 * time.Millisecond, Spread: 90 * time.Millisecond, Jitter: 5 * time.Millisecond}
	nodes := grow(w, 150)
	w.Run(20 * time.Second)
	anybody := func() *Node {
		alive := up(w.Nodes())
		return alive[w.rng.IntN(len(alive))]
	}
	for i := range 20 {
		w.Crash(nodes[10+i])
		w.Join(w.Start(fmt.Sprint("new", i)), nodes[0])
		burst(w, anybody, 5)
	}
	w.Run(45 * time.Second) // the last that have come change a link by then
	burst(w, anybody, 50)
	latest := time.Duration(0)
	w.OnDeliver = func(_ *Node, m *broadcast.Message) {
		born, _ := w.Oracle.born(m.Dot)
		latest = max(latest, w.now-born)
	}
	dup := burst(w, anybody, 50)
	t.Logf("%.3f duplicates per node and message, the last after %v; %+v", dup, latest, total(w))
	if dup > 0.05 || latest > 3*time.Second {
		t.Errorf("%.3f duplicates per node and message, the last came after %v", dup, latest)
	}
	checked(t, w, w.Nodes())
}

// Plumtree, section 4: once the tree has grown, hardly any payload comes twice,
// and so it is again soon after many nodes have died at once. Flooding with five
// links brings nearly three too many.
func TestATreeHardlyBringsAnythingTwice(t *testing.T) {
	size := 250
	if testing.Short() {
		size = 100
	}
	w := NewWorld(5)
	w.Faults = Faults{Latency: 10 * time.Millisecond, Jitter: 5 * time.Millisecond}
	nodes := grow(w, size)
	w.Run(20 * time.Second)
	origin := func() *Node { return nodes[7] }
	enough := func(when string) {
		t.Helper()
		first := burst(w, origin, 10)
		dup := burst(w, origin, 20)
		t.Logf("%s: %.3f duplicates per node and message, then %.3f; %+v", when, first, dup, total(w))
		if dup > 0.05 {
			t.Errorf("%s: %.3f duplicates per node and message", when, dup)
		}
	}
	enough("fresh")
	for i, n := range nodes {
		if i%10 < 3 && n != nodes[0] {
			w.Crash(n)
		}
	}
	w.Broadcast(origin(), []byte("at once"))
	w.Run(10 * time.Second)
	enough("30 % are gone")
	checked(t, w, nodes)
}

// A third of the nodes die, and fifty of the others speak at the moment at which their
// neighbours notice: what they say travels what is left of the tree and what was grafted
// in its place, and waits for nothing that is announced and asked for, which takes 70 ms
// at least. And the links that are pruned again leave a tree that is whole.
func TestTheTreeIsMendedAtOnce(t *testing.T) {
	w := NewWorld(11)
	w.Faults = Faults{Latency: time.Millisecond, Jitter: time.Millisecond}
	nodes := grow(w, 200)
	w.Run(20 * time.Second)
	origin := func() *Node { return nodes[7] }
	burst(w, origin, 20)
	for i, n := range nodes {
		if i%10 < 3 && n != nodes[0] {
			w.Crash(n)
		}
	}
	var latest time.Duration
	hops := uint8(0)
	w.OnDeliver = func(_ *Node, m *broadcast.Message) {
		born, _ := w.Oracle.born(m.Dot)
		latest, hops = max(latest, w.now-born), max(hops, m.Hops)
	}
	before := total(w)
	for _, n := range up(w.Nodes())[:50] {
		w.Broadcast(n, []byte("at once"))
	}
	w.Run(3 * time.Second)
	x := total(w)
	t.Logf("the last after %v, %d hops; %d grafts, %d prunes, %d asked for", latest, hops, x.Grafted-before.Grafted, x.Pruned-before.Pruned, x.WantsServed-before.WantsServed)
	if most := 20 * 2 * time.Millisecond; latest > most || x.WantsServed > before.WantsServed {
		t.Errorf("the last came after %v, and %d had to be asked for; want none, and 20 hops at most", latest, x.WantsServed-before.WantsServed)
	}
	before = x
	dup := burst(w, origin, 10)
	if x := total(w); x.WantsServed > before.WantsServed {
		t.Errorf("afterwards %d messages had to be asked for, and %.2f came twice", x.WantsServed-before.WantsServed, dup)
	}
	checked(t, w, w.Nodes())
}
