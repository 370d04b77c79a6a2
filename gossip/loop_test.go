package gossip

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/internal/transport"
)

// TestAReaderStepsTheMachineWhereNothingElseIsToBeDone, and leaves to the loop what has to wait
// for something: what came before it on the link, what is being done, a message that the loop
// holds out.
func TestAReaderStepsTheMachineWhereNothingElseIsToBeDone(t *testing.T) {
	for _, c := range []struct {
		why     string
		prepare func(n *Node)
		now     bool
	}{
		{"nothing to do", func(*Node) {}, true},
		{"a step is under way", func(n *Node) { n.mu.Lock() }, false},
		{"there is no loop any more", func(n *Node) { n.over = true }, false},
		{"the loop holds out a message", func(n *Node) { n.offers = true }, false},
		{"something has not been handled that came before", func(n *Node) { n.handed.Add(1) }, false},
		{"something came just now", func(n *Node) { n.cameAt = n.now() + time.Hour }, false},
	} {
		n := stillNode(t)
		c.prepare(n)
		in := &framesIn{link: &link{gone: true}}
		if now := n.handleNow(in); now != c.now {
			t.Errorf("%s: the reader has taken it: %v, want %v", c.why, now, c.now)
		}
		if c.now != (in.link == nil) {
			t.Errorf("%s: it has been handled: %v, want %v", c.why, in.link == nil, c.now)
		}
	}
}

// TestWhatIsHandedOverCountsUntilItIsHandled: a link's reader must not go ahead of it.
func TestWhatIsHandedOverCountsUntilItIsHandled(t *testing.T) {
	n := stillNode(t)
	n.cameAt = n.now() + time.Hour // a busy one
	for range 2 {
		if !n.handFrames(&framesIn{link: &link{gone: true}}) {
			t.Fatal("the node is closed")
		}
	}
	for left := int64(2); left > 0; left-- {
		if now := n.handed.Load(); now != left {
			t.Fatalf("%d are under way, want %d", now, left)
		}
		n.handleHanded(<-n.frames)
	}
	n.cameAt = -time.Hour
	if !n.handleNow(&framesIn{link: &link{gone: true}}) {
		t.Error("all has been handled, and the reader does not take what comes next")
	}
}

// TestAReaderTellsTheLoopWhatItHasToOffer: what the channel to the application has no room for
// when a reader delivers it would stay where it is until the loop has something else to do.
func TestAReaderTellsTheLoopWhatItHasToOffer(t *testing.T) {
	for _, waits := range []bool{false, true} {
		n := stillNode(t)
		if waits {
			n.backlog.list.push(&unread{})
		}
		if !n.handleNow(&framesIn{link: &link{gone: true}}) {
			t.Fatal("the reader leaves it to the loop")
		}
		if told := len(n.written) > 0; told != waits {
			t.Errorf("a message waits to be offered: %v, and the loop is told: %v", waits, told)
		}
	}
}

// stillNode is one that has been made, and does nothing by itself.
func stillNode(t *testing.T) *Node {
	t.Helper()
	cfg := Config{ID: "a", Logger: quiet}.withDefaults()
	tr, err := transport.Listen(cfg.Listen)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tr.Close() })
	n, err := newNode(t.Context(), cfg, tr)
	if err != nil {
		t.Fatal(err)
	}
	n.cameAt = -time.Hour
	n.timer = time.NewTimer(time.Hour)
	t.Cleanup(func() { n.timer.Stop() })
	return n
}

// TestTheLoopOffersWhatAReaderHasDelivered: the application has not read what fills the
// channel, and what comes then, each message where nothing else is to be done, waits behind it
// and comes in order.
func TestTheLoopOffersWhatAReaderHasDelivered(t *testing.T) {
	ctx := within(t, 20*time.Second)
	a := start(t, Config{ID: "a"})
	b := start(t, Config{ID: "b", Join: []string{a.Self().Addr}})
	if err := b.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	const messages = mostGiven + 20
	for i := range messages {
		if _, err := a.Broadcast(ctx, binary.BigEndian.AppendUint32(nil, uint32(i))); err != nil {
			t.Fatal(err)
		}
		until(t, ctx, "it is delivered", func() bool { return b.Stats().Delivered == uint64(i+1) })
		time.Sleep(2 * busyAfter) // what is tested is what comes after a pause
	}
	for i := range messages {
		if m := receive(t, ctx, b); binary.BigEndian.Uint32(m.Payload) != uint32(i) {
			t.Fatalf("message %d comes as number %d", binary.BigEndian.Uint32(m.Payload), i)
		}
	}
}
