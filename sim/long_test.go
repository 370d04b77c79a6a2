package sim

import (
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/protocol"
)

// windowed is a load that has only so much under way: an origin sends its next message
// when one of its last few is everywhere.
type windowed struct {
	*World
	nodes   []*Node
	payload []byte
	places  int                 // messages that an origin has under way
	waiting map[peer.Handle]int // places that are free
	had     map[peer.Dot]int
	left    int // messages to be sent
}

func newWindowed(seed uint64, nodes, places int, payload []byte, configure func(*protocol.Config)) *windowed {
	w := &windowed{World: NewWorld(seed), payload: payload, places: places, waiting: map[peer.Handle]int{}, had: map[peer.Dot]int{}}
	w.Faults = Faults{Latency: time.Millisecond, Jitter: time.Millisecond}
	w.Configure = configure
	w.nodes = grow(w.World, nodes)
	w.Run(5 * time.Second)
	w.OnDeliver = func(_ *Node, m *broadcast.Message) {
		if w.had[m.Dot]++; w.had[m.Dot] == nodes {
			delete(w.had, m.Dot)
			w.waiting[m.Dot.Origin]++
			w.send(w.node(m.Dot.Origin))
		}
	}
	return w
}

// talk has some nodes send so many messages, and waits until all have everything.
func (w *windowed) talk(t *testing.T, seed uint64, origins, messages int) {
	t.Helper()
	began := w.Now()
	w.left = messages
	for i := range origins {
		n := w.nodes[i*len(w.nodes)/origins]
		w.waiting[n.Handle] = w.places
		w.send(n)
	}
	done := func() bool { return w.left == 0 && len(w.had) == 0 && w.Now() > began }
	if !w.RunUntil(5*time.Minute, done) || w.gaps() > 0 {
		t.Errorf("seed %d: %d messages were not sent, %d are not everywhere, and %d gaps", seed, w.left, len(w.had), w.gaps())
	}
}

func (w *windowed) send(n *Node) {
	for w.left > 0 && w.waiting[n.Handle] > 0 {
		if _, err := w.Broadcast(n, w.payload); err != nil {
			w.after(10*time.Millisecond, func() { w.send(n) })
			return
		}
		w.left--
		w.waiting[n.Handle]--
	}
}

func (w *windowed) gaps() (messages uint64) {
	for _, n := range w.nodes {
		messages += n.Gaps
	}
	return messages
}

// busyNodes has each node read next to nothing for a while, now and then.
func busyNodes(w *World, most, least int, span time.Duration) func(*Node) int {
	return func(n *Node) int {
		x := (uint64(w.now/span)<<20 ^ uint64(n.Handle)) * 0x9e3779b97f4a7c15
		if x>>40%16 == 0 {
			return least
		}
		return most
	}
}

// Sixty-four nodes, some of which are always busy with something else, and eight that send
// messages of 1 MiB, two at a time: the logs hold twice what is under way, and nobody misses
// anything. With seed 9 a node asked all of its neighbours for a message: one had had it and
// four had not, of which one said so when it had got it. It was not asked again, and the
// message was given up.
func TestLongMessagesWithinAWindow(t *testing.T) {
	for _, seed := range []uint64{9, 1, 2}[:fewer(3)] {
		w := newWindowed(seed, 64, 2, make([]byte, 1<<20), func(c *protocol.Config) { c.Log.Bytes = 32 << 20 })
		w.Faults.Rate = busyNodes(w.World, 20<<20, 2<<20, 300*time.Millisecond)
		w.talk(t, seed, 8, 300)
	}
}

// Sixteen nodes with 256 messages of 64 KiB under way, which wait for each other for seconds, hardly have
// any of them twice. When a crowd was 64 expected messages of whatever length, it was .01 to .23 copies
// for each delivery at 20 MiB a second, and .4 to .9 at 5.
func TestLongMessagesDoNotComeTwice(t *testing.T) {
	for _, test := range []struct {
		rate int
		most float64 // copies for each delivery, of all seeds together
	}{{20 << 20, .01}, {5 << 20, .15}} {
		var copies, deliveries uint64
		for seed := range uint64(fewer(6)) {
			w := newWindowed(seed, 16, 32, make([]byte, 64<<10), func(c *protocol.Config) { c.Log.Bytes = 64 << 20 })
			for i := range 100 {
				w.Broadcast(w.nodes[i%len(w.nodes)], []byte("x"))
				w.Run(100 * time.Millisecond)
			}
			w.Faults.Rate = func(*Node) int { return test.rate }
			before := total(w.World)
			w.talk(t, seed, 8, 600)
			after := total(w.World)
			copies += after.Duplicates - before.Duplicates
			deliveries += after.Delivered - before.Delivered
		}
		if got := float64(copies) / float64(deliveries); got > test.most {
			t.Errorf("%d bytes a second: %.3f copies for each delivery, at most %.2f are allowed", test.rate, got, test.most)
		}
	}
}

// A node reads at a ninth of the pace at which messages could be made, and others at once.
// The origin waits for it, and it misses nothing, but for one that hardly reads at all: for
// that it waits once, two seconds.
func TestBroadcastWaitsForASlowNeighbour(t *testing.T) {
	const messages, size = 64, 1 << 20
	payload := make([]byte, size)
	for _, test := range []struct {
		why         string
		rate        int
		least, most time.Duration
		complete    bool
	}{
		{"as fast as any", 0, 0, 100 * time.Millisecond, true},
		{"somewhat slow", 8 * size, 6 * time.Second, 9 * time.Second, true},
		{"far too slow", 4 * size / 10, 2 * time.Second, 5 * time.Second, false},
	} {
		w := NewWorld(1)
		w.Faults.Latency = time.Millisecond
		w.Configure = func(c *protocol.Config) { c.Log.Bytes = 8 * size }
		nodes := grow(w, 3)
		w.Run(5 * time.Second)
		slow := nodes[2]
		w.Faults.Rate = func(n *Node) int {
			if n == slow {
				return test.rate
			}
			return 0
		}
		began := w.Now()
		for sent := 0; sent < messages; {
			if _, err := w.Broadcast(nodes[0], payload); err == nil {
				sent++
			} else {
				w.Run(10 * time.Millisecond)
			}
		}
		if took := w.Now() - began; took < test.least || took > test.most {
			t.Errorf("%s: sent within %v, want %v to %v", test.why, took, test.least, test.most)
		}
		w.Run(time.Minute)
		if got := slow.Machine.Counters().Delivered; (got == messages) != test.complete || slow.Gaps > 0 == test.complete {
			t.Errorf("%s: it got %d of %d, and %d gaps", test.why, got, messages, slow.Gaps)
		}
	}
}
