package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
	"github.com/Ishan27gOrg/gossipProtocol/keyring"
)

type options struct{ servers, pages, writes int }

// index is a page that one server makes from the others whenever it is told of one.
const index = "index"

// world is the servers, the store behind them, and what was measured.
type world struct {
	store   *memory
	servers []*Server
	client  *http.Client
	heeded  chan time.Duration // for each notice and server, the time since the write

	mu     sync.Mutex
	counts counts
}

// counts is what must come out as zero, and what shows that there was something to see.
type counts struct {
	reads, hits, stale int
	windows            []time.Duration // from a write to the invalidation, for each server
	longest            time.Duration   // that a read was behind the store
	indexes            int             // notices of an index that were checked
	outOfOrder         int             // of them those that came before what the index was made from
	wrong              int             // pages that some server had wrong in the end
}

func demo(ctx context.Context, out io.Writer, o options) (counts, error) {
	if o.servers < 1 || o.servers > 50 || o.pages < 1 || o.pages > 10_000 || o.writes < 1 || o.writes > 20_000 {
		return counts{}, errors.New("allowed: 1 to 50 servers, 1 to 10000 pages, 1 to 20000 writes")
	}
	w, err := start(ctx, o)
	if err != nil {
		return counts{}, err
	}
	defer w.close()
	fmt.Fprintf(out, "%d servers, each with its cache, in front of one store of %d pages\n", o.servers, o.pages)
	for _, step := range []func(context.Context, io.Writer, options) error{w.oneWrite, w.load, w.order, w.inTheEnd} {
		if err := step(ctx, out, o); err != nil {
			return w.counts, err
		}
	}
	if w.counts.wrong > 0 || w.counts.outOfOrder > 0 {
		return w.counts, errors.New("a promise was broken")
	}
	return w.counts, nil
}

func start(ctx context.Context, o options) (*world, error) {
	w := &world{store: newMemory(), client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2}, Timeout: 30 * time.Second}}
	w.heeded = make(chan time.Duration, 2*o.servers*(o.writes+1)) // each write brings another one, of the index
	for i := range o.pages {
		if _, err := w.store.Put(ctx, page(i), []byte("first")); err != nil {
			return nil, err
		}
	}
	if err := w.startServers(ctx, o.servers); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *world) startServers(ctx context.Context, count int) error {
	keys, err := keyring.New(keyring.NewKey()) // elsewhere: the same file on every host
	if err != nil {
		return err
	}
	for i := range count {
		cfg := gossip.Config{ID: fmt.Sprint("server-", i+1), Keyring: keys}
		if i > 0 {
			cfg.Join = []string{w.servers[0].node.Self().Addr}
		}
		s, err := StartServer(ctx, cfg, w.store, w.told)
		if err != nil {
			return err
		}
		w.servers = append(w.servers, s)
		if i == 0 {
			continue // nobody to wait for
		}
		if err := s.node.Ready(ctx); err != nil {
			return err
		}
	}
	return nil
}

// close has the last server leave in good order. With the others the network ends, and
// nobody is left to leave to.
func (w *world) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for i, s := range slices.Backward(w.servers) {
		if i < len(w.servers)-1 {
			s.node.Close()
		}
		s.Close(ctx)
	}
	w.client.CloseIdleConnections()
}

// told is what each server does once its cache has heeded a notice.
func (w *world) told(s *Server, n Notice) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	window := time.Since(w.store.writtenAt(Ref{n.Key, n.Version}))
	switch {
	case n.Key == index:
		w.check(ctx, s.cache, n)
	case s.node.Self().ID == "server-1":
		if _, err := s.Write(ctx, index, fmt.Appendf(nil, "news: %s, version %d", n.Key, n.Version), Ref{n.Key, n.Version}); err != nil {
			return // the demo ends, or waits for this one in vain and says so
		}
	}
	w.heeded <- window
}

// check holds the order against its promise: who is told of a write has been told of
// everything that led to it.
func (w *world) check(ctx context.Context, c *Cache, n Notice) {
	behind := 0
	for _, r := range n.From {
		if v, _, err := c.Get(ctx, r.Key); err == nil && v.Version < r.Version {
			behind++
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counts.indexes++
	w.counts.outOfOrder += behind
}

// wait returns how long it took each server to heed each of so many writes, and of the
// indexes that they brought.
func (w *world) wait(ctx context.Context, writes int) (windows []time.Duration, err error) {
	for range 2 * writes * len(w.servers) {
		select {
		case d := <-w.heeded:
			windows = append(windows, d)
		case <-ctx.Done():
			return nil, fmt.Errorf("%d notices were heeded, %d were due: %w", len(windows), 2*writes*len(w.servers), ctx.Err())
		}
	}
	slices.Sort(windows)
	return windows, nil
}

// oneWrite has all servers cache a page, and changes it at the last one.
func (w *world) oneWrite(ctx context.Context, out io.Writer, _ options) error {
	fmt.Fprintf(out, "\nOne write\n")
	for _, s := range w.servers {
		for range 2 { // the first read fills the cache
			if _, err := w.get(ctx, s, page(0)); err != nil {
				return err
			}
		}
	}
	writer := w.servers[len(w.servers)-1]
	if err := w.put(ctx, writer, page(0), "second"); err != nil {
		return err
	}
	windows, err := w.wait(ctx, 1)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "  PUT %s at %s; the last cache was emptied of it %v after the write\n", page(0), writer.node.Self().ID, short(windows[len(windows)-1]))
	for _, s := range w.servers {
		a, err := w.get(ctx, s, page(0))
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "  GET %s at %s: version %d\n", page(0), s.node.Self().ID, a.version)
	}
	return nil
}

// load has clients at each server. One in ten of their requests writes.
func (w *world) load(ctx context.Context, out io.Writer, o options) error {
	w.counts = counts{}
	var clients sync.WaitGroup
	errs := make(chan error, o.writes)
	for i := range o.writes {
		if i >= 2*len(w.servers) { // two clients at each server
			break
		}
		share := (o.writes - i + 2*len(w.servers) - 1) / (2 * len(w.servers))
		s, random := w.servers[i%len(w.servers)], rand.New(rand.NewPCG(uint64(i), 0))
		clients.Go(func() { errs <- w.clientOf(ctx, s, random, share, o.pages) })
	}
	windows, err := w.wait(ctx, o.writes)
	clients.Wait()
	close(errs)
	for e := range errs {
		err = errors.Join(err, e)
	}
	if err != nil {
		return err
	}
	c := &w.counts
	c.windows = windows
	fmt.Fprintf(out, "\nUnder load: %d writes, each of which brings another one (of the index), and nine reads for each\n", o.writes)
	fmt.Fprintf(out, "  staleness window, from a write to the invalidation in a cache (%d of them):\n", len(windows))
	fmt.Fprintf(out, "    median %v, 99 of 100 within %v, longest %v\n", short(windows[len(windows)/2]), short(windows[len(windows)*99/100]), short(windows[len(windows)-1]))
	fmt.Fprintf(out, "  %d reads, %d %% of them from a cache; %d got a version that was no longer the newest when they began", c.reads, 100*c.hits/max(1, c.reads), c.stale)
	if c.stale > 0 {
		fmt.Fprintf(out, ", by at most %v", short(c.longest))
	}
	fmt.Fprintln(out)
	return nil
}

func (w *world) clientOf(ctx context.Context, s *Server, random *rand.Rand, writes, pages int) error {
	for i := range writes {
		for range 9 {
			if err := w.read(ctx, s, page(random.IntN(pages))); err != nil {
				return err
			}
		}
		if err := w.put(ctx, s, page(random.IntN(pages)), fmt.Sprint(s.node.Self().ID, " wrote ", i)); err != nil {
			return err
		}
	}
	return nil
}

// read reads a page and judges what it got.
func (w *world) read(ctx context.Context, s *Server, key string) error {
	newest := w.store.version(key)
	a, err := w.get(ctx, s, key)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counts.reads++
	if a.cache == "hit" {
		w.counts.hits++
	}
	if a.version < newest {
		w.counts.stale++
		w.counts.longest = max(w.counts.longest, time.Since(w.store.writtenAt(Ref{key, a.version + 1})))
	}
	return nil
}

// order shows what is promised of two writes where one led to the other, and what the
// same two notices come to the other way round.
func (w *world) order(ctx context.Context, out io.Writer, _ options) error {
	fmt.Fprintf(out, "\nWhy the order matters: the index is written by whoever is told of a page\n")
	fmt.Fprintf(out, "  %d times was a server told of an index, %d times while it still served an older page than the index was made from\n", w.counts.indexes, w.counts.outOfOrder)
	served, err := wrongOrder(ctx)
	fmt.Fprintf(out, "  the same two notices the other way round: told of an index made from version 2 of a page, a cache serves version %d of it\n", served)
	return err
}

// wrongOrder hands a cache the notice of an index and not yet that of the page that it was
// made from, and returns the version of the page that the cache serves then.
func wrongOrder(ctx context.Context) (uint64, error) {
	store := newMemory()
	c := NewCache(store, mostCached, ttl)
	_, err1 := store.Put(ctx, page(0), []byte("old"))
	_, _, err2 := c.Get(ctx, page(0)) // is cached now
	_, err3 := store.Put(ctx, page(0), []byte("new"))
	_, err4 := store.Put(ctx, index, []byte("made from the new one"))
	c.Invalidate(index)
	v, _, err5 := c.Get(ctx, page(0))
	c.Invalidate(page(0)) // too late
	return v.Version, errors.Join(err1, err2, err3, err4, err5)
}

// inTheEnd compares what every server serves with what is in the store.
func (w *world) inTheEnd(ctx context.Context, out io.Writer, o options) error {
	for _, s := range w.servers {
		for _, key := range append(w.store.keys(), index) {
			a, err := w.get(ctx, s, key)
			if err != nil {
				return err
			}
			if a.version != w.store.version(key) {
				w.counts.wrong++
			}
		}
	}
	fmt.Fprintf(out, "\nIn the end: %d pages at each of %d servers, %d of them not as in the store\n", o.pages+1, o.servers, w.counts.wrong)
	return nil
}

// answer is what a server says of a page.
type answer struct {
	version uint64
	cache   string
}

func (w *world) get(ctx context.Context, s *Server, key string) (answer, error) {
	return w.do(ctx, s, http.MethodGet, key, "")
}

func (w *world) put(ctx context.Context, s *Server, key, data string) error {
	_, err := w.do(ctx, s, http.MethodPut, key, data)
	return err
}

func (w *world) do(ctx context.Context, s *Server, method, key, body string) (a answer, err error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+s.addr+"/pages/"+key, strings.NewReader(body))
	if err != nil {
		return a, err
	}
	resp, err := w.client.Do(req)
	if err != nil {
		return a, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, mostBody))
	if err != nil {
		return a, err
	}
	if resp.StatusCode >= 300 {
		return a, fmt.Errorf("%s %s at %s: %s: %s", method, key, s.node.Self().ID, resp.Status, text)
	}
	a.cache = resp.Header.Get("X-Cache")
	a.version, err = strconv.ParseUint(resp.Header.Get("X-Version"), 10, 64)
	return a, err
}

// memory is a store that remembers when each version was written, to measure by.
type memory struct {
	mu     sync.Mutex
	values map[string]Value
	at     map[Ref]time.Time
}

func newMemory() *memory { return &memory{values: map[string]Value{}, at: map[Ref]time.Time{}} }

func (m *memory) Get(_ context.Context, key string) (Value, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.values[key]
	if !ok {
		return v, fmt.Errorf("page %q: %w", key, ErrNotFound)
	}
	return v, nil
}

func (m *memory) Put(_ context.Context, key string, data []byte) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := Value{data, m.values[key].Version + 1}
	m.values[key] = v
	m.at[Ref{key, v.Version}] = time.Now()
	return v.Version, nil
}

func (m *memory) version(key string) uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.values[key].Version
}

func (m *memory) writtenAt(r Ref) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.at[r]
}

func (m *memory) keys() (keys []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for k := range m.values {
		if k != index {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, cmp.Compare[string])
	return keys
}

func page(i int) string { return fmt.Sprint("page-", i+1) }

func short(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }
