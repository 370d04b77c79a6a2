package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestDemo plays the example at small scale, over HTTP and real sockets.
func TestDemo(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var out strings.Builder
	c, err := demo(ctx, &out, options{servers: 3, pages: 5, writes: 30})
	t.Log(out.String())
	if err != nil {
		t.Fatal(err)
	}
	if c.wrong != 0 {
		t.Errorf("%d pages are not as in the store in the end", c.wrong)
	}
	if c.indexes != 3*30 || c.outOfOrder != 0 {
		t.Errorf("%d notices of an index, %d before what it was made from; want %d and none", c.indexes, c.outOfOrder, 3*30)
	}
	if c.reads != 9*30 || c.hits == 0 {
		t.Errorf("%d reads, %d from a cache: want %d, and caches that serve", c.reads, c.hits, 9*30)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	if _, err := demo(t.Context(), io.Discard, options{servers: 0, pages: 5, writes: 30}); err == nil {
		t.Error("no servers were taken")
	}
}

// TestWrongOrderIsSeen: what the demo checks for does happen without the order.
func TestWrongOrderIsSeen(t *testing.T) {
	if v, err := wrongOrder(t.Context()); err != nil || v != 1 {
		t.Errorf("version %d, %v; want the old one", v, err)
	}
}

// slowStore answers when it is let, with what it had when it was asked.
type slowStore struct {
	*memory
	asked, answer chan struct{}
}

func (s *slowStore) Get(ctx context.Context, key string) (Value, error) {
	v, err := s.memory.Get(ctx, key)
	s.asked <- struct{}{}
	<-s.answer
	return v, err
}

// TestAReadThatIsOvertakenIsNotKept: a reader has the old value from the store, the write
// and its notice come, and only then would the reader put the old value into the cache.
func TestAReadThatIsOvertakenIsNotKept(t *testing.T) {
	for name, overtake := range map[string]func(*Cache){
		"invalidated": func(c *Cache) { c.Invalidate("k") },
		"flushed":     func(c *Cache) { c.Flush() },
	} {
		t.Run(name, func(t *testing.T) {
			store := &slowStore{newMemory(), make(chan struct{}), make(chan struct{})}
			store.Put(t.Context(), "k", []byte("old"))
			c := NewCache(store, 10, time.Hour)
			read := make(chan struct{})
			go func() { c.Get(t.Context(), "k"); close(read) }()
			<-store.asked
			store.Put(t.Context(), "k", []byte("new"))
			overtake(c)
			store.answer <- struct{}{}
			<-read

			go func() { <-store.asked; store.answer <- struct{}{} }()
			v, hit, err := c.Get(t.Context(), "k")
			if err != nil || hit || string(v.Data) != "new" {
				t.Fatalf("%q (hit: %v), %v; want new, from the store", v.Data, hit, err)
			}
			if _, hit, _ := c.Get(t.Context(), "k"); !hit {
				t.Error("the new value was not kept")
			}
			if len(c.reads) != 0 {
				t.Errorf("%d reads are still noted as under way", len(c.reads))
			}
		})
	}
}

// TestACacheIsBounded: in values, and in the time that it keeps one nobody tells it about.
func TestACacheIsBounded(t *testing.T) {
	store := newMemory()
	c := NewCache(store, 10, time.Hour)
	for i := range 100 {
		key := fmt.Sprint(i)
		store.Put(t.Context(), key, nil)
		c.Get(t.Context(), key)
	}
	if len(c.entries) != 10 {
		t.Errorf("%d values in a cache of 10", len(c.entries))
	}
	c = NewCache(store, 10, 0)
	for range 2 {
		if _, hit, err := c.Get(t.Context(), "1"); hit || err != nil {
			t.Errorf("hit: %v, %v; want none when the time to live is over", hit, err)
		}
	}
}

// TestServersThatWereApart: what one wrote meanwhile, the other serves stale, and no
// longer than until they meet.
func TestServersThatWereApart(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	store := newMemory()
	store.Put(ctx, "k", []byte("old"))
	told := make(chan Notice, 1)
	writer := startServer(t, ctx, "writer", store, nil)
	reader := startServer(t, ctx, "reader", store, func(_ *Server, n Notice) { told <- n })
	reader.cache.Get(ctx, "k")
	if _, err := writer.Write(ctx, "k", []byte("new")); err != nil {
		t.Fatal(err)
	}
	if v, hit, _ := reader.cache.Get(ctx, "k"); !hit || string(v.Data) != "old" {
		t.Fatalf("%q (hit: %v): how does it know?", v.Data, hit)
	}
	if err := reader.node.Join(ctx, writer.node.Self().Addr); err != nil {
		t.Fatal(err)
	}
	select {
	case <-told:
	case <-ctx.Done():
		t.Fatal("the notice did not come after they had met")
	}
	if v, _, _ := reader.cache.Get(ctx, "k"); string(v.Data) != "new" {
		t.Errorf("%q, want new", v.Data)
	}
}

// TestWhoCannotTellSaysSo: the value is written, and read where it was, but others may
// serve the old one.
func TestWhoCannotTellSaysSo(t *testing.T) {
	store := newMemory()
	store.Put(t.Context(), "k", []byte("old"))
	s := startServer(t, t.Context(), "server", store, nil)
	s.cache.Get(t.Context(), "k")
	s.node.Close()
	version, err := s.Write(t.Context(), "k", []byte("new"))
	if version != 2 || !errors.Is(err, gossip.ErrClosed) {
		t.Errorf("version %d, %v; want 2, and that the others were not told", version, err)
	}
	if v, _, _ := s.cache.Get(t.Context(), "k"); string(v.Data) != "new" {
		t.Errorf("read %q right after writing new", v.Data)
	}
}

func startServer(t *testing.T, ctx context.Context, id string, store Store, told func(*Server, Notice)) *Server {
	t.Helper()
	s, err := StartServer(ctx, gossip.Config{ID: id, Logger: slog.New(slog.DiscardHandler)}, store, told)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.node.Close()
		s.Close(context.Background())
	})
	return s
}

// TestWhatIsRefused: over HTTP, before it gets anywhere.
func TestWhatIsRefused(t *testing.T) {
	s := startServer(t, t.Context(), "server", newMemory(), nil)
	w := &world{client: &http.Client{Transport: &http.Transport{}}}
	defer w.client.CloseIdleConnections()
	for _, x := range []struct{ method, key, body, want string }{
		{http.MethodGet, "nothing", "", "404"},
		{http.MethodPut, strings.Repeat("k", mostKey+1), "", "400"},
		{http.MethodPut, "k", strings.Repeat("x", mostBody+1), "413"},
		{http.MethodDelete, "k", "", "405"},
	} {
		if _, err := w.do(t.Context(), s, x.method, x.key, x.body); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s of a key of %d bytes, %d bytes: %v, want status %s", x.method, len(x.key), len(x.body), err, x.want)
		}
	}
}

// TestWhatWasMissedEmptiesTheCache: nobody knows which keys were in a notice that is lost
// or cannot be read.
func TestWhatWasMissedEmptiesTheCache(t *testing.T) {
	for name, miss := range map[string]func(*Server){
		"a gap":        func(s *Server) { s.happened(gossip.Event{Kind: gossip.Gap}) },
		"an overflow":  func(s *Server) { s.happened(gossip.Event{Kind: gossip.Overflow}) },
		"not readable": func(s *Server) { s.heed([]byte("of a later version")) },
	} {
		store := newMemory()
		store.Put(t.Context(), "k", nil)
		s := &Server{cache: NewCache(store, 10, time.Hour)}
		s.cache.Get(t.Context(), "k")
		s.happened(gossip.Event{Kind: gossip.LinkUp})
		if len(s.cache.entries) != 1 {
			t.Fatalf("%s: nothing is cached to begin with", name)
		}
		if miss(s); len(s.cache.entries) != 0 {
			t.Errorf("%s left something in the cache", name)
		}
	}
}
