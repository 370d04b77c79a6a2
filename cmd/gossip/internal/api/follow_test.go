package api_test

import (
	"log/slog"
	"net"
	"net/http"
	"slices"
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/api"
	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/hub"
)

// A client that follows is not given a second time what it has had, though an agent
// without a data directory has forgotten it and got it anew from the network.
func TestFollowOverARestart(t *testing.T) {
	first, second := newStage(), newStage()
	for _, s := range []*stage{first, second} {
		for _, text := range []string{"1", "2", "3"} {
			s.deliver(text)
		}
	}
	// In another order, as concurrent messages may come, and without the latest.
	reordered := slices.Collect(second.messages.Latest(10))
	second.messages = hub.NewMessages(hub.DefaultLimit)
	for _, i := range []int{1, 0} {
		second.messages.Add(reordered[i])
	}
	second.deliver("4")

	agent := &restarting{servers: []http.Handler{
		api.NewServer(first, api.Config{Logger: slog.New(slog.DiscardHandler)}),
		api.NewServer(second, api.Config{Logger: slog.New(slog.DiscardHandler)}),
	}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: agent}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	c, err := api.NewClient(l.Addr().String(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var got []string
	for e, err := range c.Follow(t.Context(), api.Stream{Latest: 10}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.ID == "" {
			continue // missed
		}
		got = append(got, *e.Payload)
		if *e.Payload == "4" {
			break
		}
	}
	if want := []string{"1", "2", "3", "4"}; !slices.Equal(got, want) {
		t.Errorf("the client was given %q, want %q", got, want)
	}
}

// restarting answers the first stream from the first server, cut off as by a crash, and
// the next from the next.
type restarting struct {
	servers []http.Handler
	empty   bool // the first stream breaks before there is anything in it
}

func (a *restarting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if len(a.servers) == 1 {
		a.servers[0].ServeHTTP(w, r)
		return
	}
	server := a.servers[0]
	a.servers = a.servers[1:]
	if a.empty {
		w.WriteHeader(200)
		http.NewResponseController(w).Flush()
	} else {
		q := r.URL.Query()
		q.Set("follow", "false")
		r.URL.RawQuery = q.Encode()
		server.ServeHTTP(w, r)
		http.NewResponseController(w).Flush()
	}
	panic(http.ErrAbortHandler)
}

// A client that follows has its connection once the agent has answered: if the agent is
// killed before there was any message, it is waited for as after one.
func TestFollowBeforeTheFirstMessage(t *testing.T) {
	s := newStage()
	s.deliver("1")
	handler := api.NewServer(s, api.Config{Logger: slog.New(slog.DiscardHandler)})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: &restarting{servers: []http.Handler{handler, handler}, empty: true}}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	c, err := api.NewClient(l.Addr().String(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for e, err := range c.Follow(t.Context(), api.Stream{Latest: 10}) {
		if err != nil {
			t.Fatalf("the client gave up: %v", err)
		}
		if *e.Payload != "1" {
			t.Errorf("got %q", *e.Payload)
		}
		break
	}
}
