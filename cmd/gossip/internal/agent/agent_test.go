package agent

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/api"
	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/survey"
	"github.com/Ishan27gOrg/gossipProtocol/gossip"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var _ api.Source = (*Agent)(nil)

func start(t *testing.T, id string, join ...string) *gossip.Node {
	t.Helper()
	n, err := gossip.Start(t.Context(), gossip.Config{ID: id, Join: join, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

// An agent that somebody looks at finds the whole of a small network by asking around,
// and who has gone leaves the picture.
func TestOverlay(t *testing.T) {
	const nodes = 12
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	contact := start(t, "n00")
	limits := survey.DefaultLimits()
	limits.Refresh = 200 * time.Millisecond
	a := New(contact, Options{Cluster: "c", Order: "causal", MaxPayload: 1 << 20, Version: "v", Survey: limits})
	defer func() { contact.Close(); <-a.Done() }()
	var others []*gossip.Node
	for i := 1; i < nodes; i++ {
		others = append(others, start(t, fmt.Sprintf("n%02d", i), contact.Self().Addr))
	}
	for _, n := range others {
		if err := n.Ready(ctx); err != nil {
			t.Fatal(err)
		}
	}
	until := func(what string, enough func(api.Overlay) bool) {
		t.Helper()
		for {
			o, changed := a.Overlay()
			if enough(o) {
				return
			}
			select {
			case <-changed:
			case <-ctx.Done():
				t.Fatalf("%s: %d nodes, %d of them asked, %d links", what, len(o.Nodes), o.Asked, len(o.Links))
			}
		}
	}
	until("all are asked", func(o api.Overlay) bool {
		return o.Complete && len(o.Nodes) == nodes && o.Asked == nodes && len(o.Links) >= nodes-1 && len(o.Views) == nodes
	})
	gone := others[3].Self().ID
	others[3].Close()
	until("one has gone", func(o api.Overlay) bool {
		return !slices.ContainsFunc(o.Nodes, func(n api.OverlayNode) bool { return n.ID == gone && n.AgeMS != nil })
	})
}

// What an agent tells of its node is what the node says.
func TestSource(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	other := start(t, "other")
	node := start(t, "node", other.Self().Addr)
	a := New(node, Options{Order: "causal", MaxPayload: 10})
	defer func() { node.Close(); <-a.Done() }()
	if err := node.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	if !a.Ready() || a.Self().ID != "node" || a.Self().Addr != node.Self().Addr || len(a.Links()) != 1 || a.Links()[0].ID != "other" {
		t.Errorf("ready: %v, self: %+v, links: %+v", a.Ready(), a.Self(), a.Links())
	}
	r := a.Messages().Last(0)
	defer r.Close()
	id, err := a.Broadcast(ctx, []byte("x"), gossip.Headers{"content-type": "text/plain"})
	if err != nil {
		t.Fatal(err)
	}
	e, missed, err := r.Next(ctx)
	if err != nil || missed != 0 || e.ID != id || e.Headers["content-type"] != "text/plain" || e.At.IsZero() {
		t.Errorf("the agent has %+v, %d missed, %v", e, missed, err)
	}
	stats := a.Stats()
	for name, want := range map[string]float64{"links": 1, "protocol.delivered": 1, "kept_messages": 1, "readers": 1} {
		if stats[name] != want {
			t.Errorf("%s is %v, want %v", name, stats[name], want)
		}
	}
	if a.Clock().Get("node") != 1 {
		t.Errorf("the clock is %v", a.Clock())
	}
	node.Close()
	<-a.Done()
	if _, _, err := r.Next(ctx); err == nil {
		t.Error("the messages go on after the end")
	}
}

// An agent whose backlog overflows while it starts does not wait for messages that were
// pushed out.
func TestWhatIsGoneIsNotWaitedFor(t *testing.T) {
	messages := make(chan gossip.Message, 3)
	for range cap(messages) {
		messages <- gossip.Message{}
	}
	taken := 0
	takeUpTo(10, messages, 10*time.Millisecond, func(gossip.Message) { taken++ })
	if taken != 3 {
		t.Errorf("%d messages were taken, there were 3", taken)
	}
}
