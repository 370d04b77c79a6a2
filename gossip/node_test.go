package gossip

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// quiet drops a node's log.
var quiet = slog.New(slog.DiscardHandler)

// start runs a node that the test closes.
func start(t testing.TB, cfg Config) *Node {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = quiet
	}
	n, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

// within gives a test's waits an end.
func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeoutCause(t.Context(), d, fmt.Errorf("not within %v", d))
	t.Cleanup(cancel)
	return ctx
}

func receive(t testing.TB, ctx context.Context, n *Node) Message {
	t.Helper()
	select {
	case m, ok := <-n.Messages():
		if !ok {
			t.Fatalf("%s: Messages is closed", n.Self().ID)
		}
		return m
	case <-ctx.Done():
		t.Fatalf("%s: no message: %v", n.Self().ID, context.Cause(ctx))
	}
	panic("unreachable")
}

func TestTwoNodesTalk(t *testing.T) {
	ctx := within(t, 10*time.Second)
	a := start(t, Config{ID: "a"})
	b := start(t, Config{ID: "b", Join: []string{a.Self().Addr}})
	for _, n := range []*Node{a, b} {
		if err := n.Ready(ctx); err != nil {
			t.Fatal(err)
		}
	}
	id, err := a.Broadcast(ctx, []byte("hello"))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []*Node{a, b} {
		m := receive(t, ctx, n)
		if m.ID != id || string(m.Payload) != "hello" || m.Clock.Get("a") != 1 || m.Clock.Len() != 1 {
			t.Errorf("%s received %+v, want %v with hello and {a:1}", n.Self().ID, m, id)
		}
	}
}

// A payload is the caller's again when Broadcast returns, whether or not the message was
// sent; and one that was given up on its way into a busy loop is not sent later.
func TestABroadcastIsSentOrGivenUp(t *testing.T) {
	ctx := within(t, 10*time.Second)
	n := start(t, Config{ID: "a"})
	payload := make([]byte, 8)
	sent := 0
	for i := range 200 {
		busy, going := make(chan struct{}), make(chan struct{})
		go n.do(func() { close(busy); <-going })
		<-busy
		calling, giveUp := context.WithCancel(ctx)
		go func() {
			for len(n.sends) == 0 {
				runtime.Gosched()
			}
			if i%2 == 0 {
				giveUp()
			}
			for range 100 { // most likely the caller has noticed then
				runtime.Gosched()
			}
			close(going)
		}()
		binary.BigEndian.PutUint64(payload, uint64(sent))
		switch _, err := n.Broadcast(calling, payload); {
		case err == nil:
			sent++
		case i%2 != 0 || errors.Is(err, ErrLogFull) || !errors.Is(err, context.Canceled): // the log has room
			t.Fatal(err)
		}
		giveUp()
	}
	for i := range sent {
		if m := receive(t, ctx, n); binary.BigEndian.Uint64(m.Payload) != uint64(i) || m.ID.Seq != uint64(i+1) {
			t.Fatalf("message %d is %d, and says %d", i+1, m.ID.Seq, binary.BigEndian.Uint64(m.Payload))
		}
	}
	if s := n.Stats(); s.Delivered != uint64(sent) {
		t.Errorf("%d were sent, and %d delivered", sent, s.Delivered)
	}
	t.Logf("%d of 200 were sent", sent)
}

// What is used again for the next broadcast must not have it named after the one before.
func TestABroadcastThatFailsHasNoName(t *testing.T) {
	ctx := within(t, 10*time.Second)
	n := start(t, Config{ID: "a"})
	leaving := func(yes bool) { n.do(func() { n.leaving = yes }) }
	for range 20 { // a pool keeps what it likes
		if id, err := n.Broadcast(ctx, []byte("x")); err != nil || id.Seq == 0 {
			t.Fatal(id, err)
		}
		leaving(true)
		if id, err := n.Broadcast(ctx, []byte("y")); !errors.Is(err, ErrClosed) || id != (MessageID{}) {
			t.Fatalf("%v is not sent: %v; want no name, and ErrClosed", id, err)
		}
		leaving(false)
	}
}

func TestStartRefusesAPortInUse(t *testing.T) {
	a := start(t, Config{ID: "a"})
	_, err := Start(t.Context(), Config{ID: "b", Listen: a.Self().Addr, Logger: quiet})
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("got %v, want EADDRINUSE", err)
	}
}
