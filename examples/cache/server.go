package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
)

// What a server takes and keeps. Guesses: for pages of text.
const (
	mostCached = 10_000
	ttl        = 30 * time.Second
	mostKey    = 256
	mostBody   = 64 << 10
)

// ErrNotFound says that the store has nothing under the key.
var ErrNotFound = errors.New("not found")

// Notice tells all servers that a key has been written.
type Notice struct {
	Key     string `json:"key"`
	Version uint64 `json:"version"`
	// From is what the new value was made from.
	From []Ref `json:"from,omitempty"`
}

// Ref is a version of a key.
type Ref struct {
	Key     string `json:"key"`
	Version uint64 `json:"version"`
}

// Server serves a store's pages from a cache. All servers of one network tell each
// other what they write.
type Server struct {
	node  *gossip.Node
	store Store
	cache *Cache
	// told is called for each notice, once the cache has heeded it: in causal order.
	told func(*Server, Notice)

	http   *http.Server
	addr   string
	served chan error    // what ended the HTTP server
	heard  chan struct{} // closed when no notice comes any more
}

// StartServer starts a server on a free port of loopback. A new server's cache is empty,
// so it need not be told of anything that was written before.
func StartServer(ctx context.Context, cfg gossip.Config, store Store, told func(*Server, Notice)) (*Server, error) {
	cfg.History = gossip.None
	node, err := gossip.Start(ctx, cfg)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		node.Close()
		return nil, err
	}
	s := &Server{
		node: node, store: store, cache: NewCache(store, mostCached, ttl), told: told,
		addr: l.Addr().String(), served: make(chan error, 1), heard: make(chan struct{}),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /pages/{key}", s.get)
	mux.HandleFunc("PUT /pages/{key}", s.put)
	s.http = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	go func() { s.served <- s.http.Serve(l) }()
	go s.listen()
	return s, nil
}

// Close finishes the requests under way and leaves the network.
func (s *Server) Close(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	err = errors.Join(err, s.node.Leave(ctx))
	<-s.heard
	if e := <-s.served; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, e)
	}
	return err
}

// Write puts a value into the store, and then tells everybody. The other way round, a
// server could heed the notice, read the old value once more, and keep that.
func (s *Server) Write(ctx context.Context, key string, data []byte, from ...Ref) (uint64, error) {
	version, err := s.store.Put(ctx, key, data)
	if err != nil {
		return 0, err
	}
	s.cache.Invalidate(key) // at once: who has written here reads here what he wrote
	notice, err := json.Marshal(Notice{Key: key, Version: version, From: from})
	if err == nil {
		_, err = s.node.Broadcast(ctx, notice)
	}
	if err != nil {
		return version, fmt.Errorf("%q is written (version %d), but other servers were not told, and may serve the old value for %v: %w", key, version, ttl, err)
	}
	return version, nil
}

// listen heeds what the others write until the node is closed.
func (s *Server) listen() {
	defer close(s.heard)
	events := s.node.Events()
	for {
		select {
		case m, ok := <-s.node.Messages():
			if !ok {
				return
			}
			s.heed(m.Payload)
		case e := <-events:
			s.happened(e)
		}
	}
}

func (s *Server) heed(payload []byte) {
	var n Notice
	if err := json.Unmarshal(payload, &n); err != nil {
		s.cache.Flush() // something has changed, and this version cannot read what
		return
	}
	s.cache.Invalidate(n.Key)
	if s.told != nil {
		s.told(s, n)
	}
}

// happened empties the cache when notices were lost: any key may have been in them.
func (s *Server) happened(e gossip.Event) {
	if e.Kind == gossip.Gap || e.Kind == gossip.Overflow {
		s.cache.Flush()
	}
}

func (s *Server) get(w http.ResponseWriter, r *http.Request) {
	v, hit, err := s.cache.Get(r.Context(), r.PathValue("key"))
	switch {
	case errors.Is(err, ErrNotFound):
		http.Error(w, err.Error(), http.StatusNotFound)
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadGateway)
	default:
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("X-Version", strconv.FormatUint(v.Version, 10))
		w.Header().Set("X-Cache", map[bool]string{true: "hit", false: "miss"}[hit])
		_, _ = w.Write(v.Data) // if it fails, the client has gone
	}
}

func (s *Server) put(w http.ResponseWriter, r *http.Request) {
	key := r.PathValue("key")
	if len(key) > mostKey {
		http.Error(w, fmt.Sprintf("a key has at most %d bytes", mostKey), http.StatusBadRequest)
		return
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostBody))
	if err != nil {
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	version, err := s.Write(r.Context(), key, data)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	w.Header().Set("X-Version", strconv.FormatUint(version, 10))
	w.WriteHeader(http.StatusNoContent)
}
