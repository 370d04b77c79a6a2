package delegate

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
)

// gate is a node that takes a broadcast when it is told to.
type gate struct {
	came chan string // what is being broadcast
	take chan error  // what becomes of it
}

func newGate() *gate { return &gate{make(chan string), make(chan error)} }

func (g *gate) Broadcast(ctx context.Context, payload []byte) (gossip.MessageID, error) {
	select {
	case g.came <- string(payload):
	case <-ctx.Done():
		return gossip.MessageID{}, ctx.Err()
	}
	select {
	case err := <-g.take:
		return gossip.MessageID{}, err
	case <-ctx.Done():
		return gossip.MessageID{}, ctx.Err()
	}
}

// news is about a key; later news of the same key is better.
type news struct {
	key, text string
	finished  func(text string)
}

func (n *news) Invalidates(b Broadcast) bool { return b.(*news).key == n.key }
func (n *news) Message() []byte              { return []byte(n.text) }
func (n *news) Finished()                    { n.finished(n.text) }

// ledger notes what was finished.
type ledger struct {
	mu   sync.Mutex
	list []string
}

func (l *ledger) news(key, text string) *news { return &news{key, text, l.note} }

func (l *ledger) note(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, text)
}

func (l *ledger) has() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.list)
}

func queue(t *testing.T, q *Queue, b Broadcast) {
	t.Helper()
	if err := q.QueueBroadcast(b); err != nil {
		t.Fatal(err)
	}
}

// While one broadcast is on its way, what waits is replaced by newer news of its key,
// which takes its turn at the end; what is on its way is not. All are finished once.
func TestNewsReplaceOlderNews(t *testing.T) {
	g, l := newGate(), &ledger{}
	q := newQueue(g, QueueConfig{})
	defer q.Close()
	queue(t, q, l.news("a", "a1"))
	if got := <-g.came; got != "a1" {
		t.Fatalf("%q came first", got)
	}
	queue(t, q, l.news("b", "b1"))
	queue(t, q, l.news("a", "a2"))
	queue(t, q, l.news("b", "b2"))
	if got := l.has(); !slices.Equal(got, []string{"b1"}) {
		t.Errorf("finished are %q, want b1, which b2 has replaced", got)
	}
	g.take <- nil
	for _, want := range []string{"a2", "b2"} {
		if got := <-g.came; got != want {
			t.Errorf("%q came, want %q", got, want)
		}
		g.take <- nil
	}
	if err := q.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := l.has(); !slices.Equal(got, []string{"b1", "a1", "a2", "b2"}) {
		t.Errorf("finished are %q", got)
	}
	if got, want := q.Stats(), (QueueStats{Sent: 3, Invalidated: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// Beyond its limit a queue refuses; what replaces something needs no room.
func TestQueueIsBounded(t *testing.T) {
	g, l := newGate(), &ledger{}
	q := newQueue(g, QueueConfig{Limit: 2})
	defer q.Close()
	queue(t, q, l.news("a", "a1"))
	<-g.came
	queue(t, q, l.news("b", "b1"))
	queue(t, q, l.news("c", "c1"))
	if err := q.QueueBroadcast(l.news("d", "d1")); !errors.Is(err, ErrQueueFull) {
		t.Errorf("a third one waits: %v", err)
	}
	queue(t, q, l.news("c", "c2"))
	if got, want := q.Stats(), (QueueStats{Waiting: 2, Invalidated: 1, Refused: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// What the node refuses is told, finished, and stops nothing behind it.
func TestRefusalsAreTold(t *testing.T) {
	g, l := newGate(), &ledger{}
	told := make(chan error, 1)
	q := newQueue(g, QueueConfig{OnError: func(b Broadcast, err error) { told <- err }})
	defer q.Close()
	queue(t, q, l.news("a", "a1"))
	<-g.came
	g.take <- gossip.ErrPayloadTooLong
	if err := <-told; !errors.Is(err, gossip.ErrPayloadTooLong) {
		t.Error(err)
	}
	queue(t, q, l.news("b", "b1"))
	<-g.came
	g.take <- nil
	if err := q.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := q.Stats(), (QueueStats{Sent: 1, Failed: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// Close gives up what waits, and what is on its way, and finishes it; afterwards
// nothing is taken.
func TestCloseGivesUp(t *testing.T) {
	g, l := newGate(), &ledger{}
	q := newQueue(g, QueueConfig{})
	queue(t, q, l.news("a", "a1"))
	<-g.came
	queue(t, q, l.news("b", "b1"))
	full, cancel := context.WithCancel(t.Context())
	cancel()
	if err := q.Flush(full); !errors.Is(err, context.Canceled) {
		t.Errorf("flushing while one waits: %v", err)
	}
	q.Close()
	q.Close()
	if got := l.has(); !slices.Equal(got, []string{"a1", "b1"}) {
		t.Errorf("finished are %q", got)
	}
	if err := q.QueueBroadcast(l.news("c", "c1")); !errors.Is(err, gossip.ErrClosed) {
		t.Errorf("a closed queue: %v", err)
	}
	if got, want := q.Stats(), (QueueStats{Failed: 2}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// Finished and NotifyMsg may say the next thing: nothing is locked meanwhile.
func TestFinishedMayQueue(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	a := start(t, ctx, "a")
	b := start(t, ctx, "b", a.Self().Addr)
	heard := make(plain, 2)
	follow(t, ctx, b, heard)
	q := NewQueue(a, QueueConfig{})
	defer q.Close()
	queue(t, q, &news{"a", "one", func(string) {
		q.QueueBroadcast(&news{"b", "two", func(string) {}})
	}})
	for _, want := range []string{"one", "two"} {
		if got := next(t, ctx, heard); got != want {
			t.Errorf("it heard %q, want %q", got, want)
		}
	}
}
