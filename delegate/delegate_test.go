package delegate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is more than anything here takes.
const patience = 20 * time.Second

func start(t *testing.T, ctx context.Context, id string, join ...string) *gossip.Node {
	t.Helper()
	n, err := gossip.Start(ctx, gossip.Config{ID: id, Join: join, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

// follow runs a delegate until the test ends, or its node does.
func follow(t *testing.T, ctx context.Context, n *gossip.Node, d Delegate) (ended <-chan error) {
	ctx, stop := context.WithCancel(ctx)
	done, result := make(chan struct{}), make(chan error, 1)
	go func() {
		defer close(done)
		result <- Run(ctx, n, d)
	}()
	t.Cleanup(func() { stop(); <-done })
	return result
}

func say(t *testing.T, ctx context.Context, n *gossip.Node, text string) {
	t.Helper()
	if _, err := n.Broadcast(ctx, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

// plain is what memberlist asks for, and no more.
type plain chan string

func (p plain) NotifyMsg(payload []byte) { p <- string(payload) }

// curious gets everything.
type curious struct{ calls chan string }

func (c curious) NotifyMsg([]byte)               { c.calls <- "NotifyMsg, which must not be" }
func (c curious) NotifyMessage(m gossip.Message) { c.calls <- "message " + string(m.Payload) }
func (c curious) NotifyUp(p gossip.Peer)         { c.calls <- "up " + p.ID }
func (c curious) NotifyDown(p gossip.Peer)       { c.calls <- "down " + p.ID }
func (c curious) NotifySeen(p gossip.Peer)       { c.calls <- "seen " + p.ID }
func (c curious) NotifyConflict(p gossip.Peer)   { c.calls <- "conflict " + p.ID }
func (c curious) NotifyOverflow(p gossip.Peer, seq uint64) {
	c.calls <- fmt.Sprint("overflow ", p.ID, " ", seq)
}
func (c curious) NotifyGap(p gossip.Peer, from, to uint64) {
	c.calls <- fmt.Sprint("gap ", p.ID, " ", from, " ", to)
}

func next(t *testing.T, ctx context.Context, calls <-chan string) string {
	t.Helper()
	select {
	case c := <-calls:
		return c
	case <-ctx.Done():
		t.Fatal("there are no more calls")
		return ""
	}
}

// A delegate that is memberlist's hears what others say, in order, and not what its own
// node says: the last word is there after all before it.
func TestNotifyMsgIsOfOthers(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	a := start(t, ctx, "a")
	b := start(t, ctx, "b", a.Self().Addr)
	heard := make(plain, 10)
	follow(t, ctx, b, heard)
	if err := b.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	say(t, ctx, b, "mine")
	for _, word := range []string{"one", "two", "three"} {
		say(t, ctx, a, word)
		if got := next(t, ctx, heard); got != word {
			t.Errorf("it heard %q, want %q", got, word)
		}
	}
}

// One that wants more gets it: its own words, the neighbour when it comes and goes, and
// each life of a node once, however often it is met.
func TestMoreIsToldToWhoWantsIt(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	a := start(t, ctx, "a")
	c := curious{make(chan string, 100)}
	follow(t, ctx, a, c)
	b := start(t, ctx, "b", a.Self().Addr)
	if err := a.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	say(t, ctx, a, "mine")
	say(t, ctx, b, "yours")
	all := collect(t, ctx, c.calls, "message mine", "message yours", "up b", "seen b")
	if err := b.Leave(ctx); err != nil {
		t.Fatal(err)
	}
	all = append(all, collect(t, ctx, c.calls, "down b")...)
	again := start(t, ctx, "b", a.Self().Addr) // another life
	if err := again.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	say(t, ctx, again, "back")
	all = append(all, collect(t, ctx, c.calls, "message back", "seen b")...)
	for call, most := range map[string]int{"seen b": 2, "seen a": 0, "message mine": 1} {
		n := 0
		for _, got := range all {
			if got == call {
				n++
			}
		}
		if n > most {
			t.Errorf("%q came %d times, want %d: %q", call, n, most, all)
		}
	}
	if i := slices.IndexFunc(all, func(s string) bool { return strings.HasPrefix(s, "NotifyMsg") }); i >= 0 {
		t.Error(all[i])
	}
}

// collect reads calls until all of those wanted have come, in any order.
func collect(t *testing.T, ctx context.Context, calls <-chan string, wanted ...string) (all []string) {
	t.Helper()
	for len(wanted) > 0 {
		c := next(t, ctx, calls)
		all = append(all, c)
		if i := slices.Index(wanted, c); i >= 0 {
			wanted = slices.Delete(wanted, i, i+1)
		}
	}
	return all
}

// What is lost is told to who asks, with its numbers.
func TestEventsAreHandedOn(t *testing.T) {
	p := gossip.Peer{ID: "x", Incarnation: 3}
	for _, tt := range []struct {
		event gossip.Event
		want  []string
	}{
		{gossip.Event{Kind: gossip.LinkUp, Peer: p}, []string{"seen x", "up x"}},
		{gossip.Event{Kind: gossip.LinkDown, Peer: p}, []string{"down x"}},
		{gossip.Event{Kind: gossip.Gap, Peer: p, From: 4, To: 9}, []string{"gap x 4 9"}},
		{gossip.Event{Kind: gossip.Overflow, Peer: p, From: 5, To: 5}, []string{"overflow x 5"}},
		{gossip.Event{Kind: gossip.Conflict, Peer: p}, []string{"conflict x"}},
	} {
		c := curious{make(chan string, 10)}
		var r, deaf runner
		r.bind(c)
		r.event(tt.event)
		close(c.calls)
		var got []string
		for call := range c.calls {
			got = append(got, call)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%v: %q, want %q", tt.event, got, tt.want)
		}
		deaf.bind(make(plain))
		deaf.event(tt.event) // wants nothing of it
	}
}

// Run ends with its node or with its context, and says which.
func TestRunEnds(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	a := start(t, ctx, "a")
	ended := follow(t, ctx, a, curious{make(chan string, 10)})
	a.Close()
	if err := <-ended; !errors.Is(err, gossip.ErrClosed) {
		t.Errorf("the node was closed: %v", err)
	}
	enough := errors.New("enough")
	stopped, stop := context.WithCancelCause(ctx)
	stop(enough)
	b := start(t, ctx, "b")
	if err := Run(stopped, b, make(plain)); !errors.Is(err, enough) {
		t.Errorf("the context had ended: %v", err)
	}
}

// What was seen is known until so many others were.
func TestMemoryIsBounded(t *testing.T) {
	m := newMemory[int](3)
	for i, tt := range []struct {
		x   int
		new bool
	}{{1, true}, {1, false}, {2, true}, {3, true}, {1, false}, {4, true} /* and 1 is forgotten */, {3, false}, {1, true} /* and 2 is */, {2, true}} {
		if m.add(tt.x) != tt.new {
			t.Errorf("step %d: %d is new: %v, want %v", i, tt.x, !tt.new, tt.new)
		}
		if len(m.known) > 3 || len(m.order) > 3 {
			t.Fatalf("step %d: it holds %d and %d", i, len(m.known), len(m.order))
		}
	}
}
