package gossip

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/internal/transport"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
)

// TestBadConfig: each mistake is an error that names the field and what is
// allowed.
func TestBadConfig(t *testing.T) {
	for _, tc := range []struct {
		name  string
		cfg   Config
		field string
		says  string
	}{
		{"id too long", Config{ID: strings.Repeat("x", 129)}, "ID", "1 to 128 bytes"},
		{"id not printable", Config{ID: "a\nb"}, "ID", "printable"},
		{"id not UTF-8", Config{ID: "a\xff"}, "ID", "UTF-8"},
		{"join without port", Config{Join: []string{"localhost"}}, "Join", "localhost"},
		{"join with a bad port", Config{Join: []string{"localhost:99999"}}, "Join", "99999"},
		{"advertise malformed", Config{Advertise: "here"}, "Advertise", "here"},
		{"cluster too long", Config{Cluster: strings.Repeat("x", 256)}, "Cluster", "255"},
		{"unknown order", Config{Order: 7}, "Order", "Unordered (2)"},
		{"unknown history", Config{History: 7}, "History", "None (1)"},
		{"too many links", Config{Links: 33}, "Links", "1 to 32"},
		{"negative payload", Config{MaxPayload: -1}, "MaxPayload", "1 to"},
		{"log below payload", Config{LogBytes: 10}, "LogBytes", "MaxPayload"},
		{"backlog below payload", Config{BacklogBytes: 10}, "BacklogBytes", "MaxPayload"},
		{"retention", Config{Retention: time.Millisecond}, "Retention", "1s"},
		{"retention of a lifetime", Config{Retention: 1 << 62}, "Retention", "more than"},
		{"horizon within retention", Config{Retention: time.Hour, Horizon: 3 * time.Hour}, "Horizon", "four times Retention"},
		{"horizon of a moment", Config{Retention: time.Second, Horizon: 7 * time.Second}, "Horizon", "8s"},
		{"names without certificates", Config{NamedCertificates: true}, "NamedCertificates", "TLS"},
		{"exchange order", Config{ExchangeMin: time.Minute, ExchangeMax: time.Second}, "ExchangeMax", "ExchangeMin"},
		{"timeout", Config{Heartbeat: time.Second, LinkTimeout: time.Second}, "LinkTimeout", "Heartbeat"},
		{"strategy", Config{Sampling: peersampling.Policy{C: 10, H: 4, S: 4, View: peersampling.ByAge, Propagation: 9}}, "Sampling", ""},
		{"healing and swap", Config{Sampling: peersampling.Policy{C: 10, H: 4, S: 4, View: peersampling.ByAge, Propagation: peersampling.PushPull}}, "Sampling", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.cfg.Logger = quiet
			n, err := Start(t.Context(), tc.cfg)
			if err == nil {
				n.Close()
				t.Fatal("no error")
			}
			var ce *ConfigError
			if !errors.As(err, &ce) || ce.Field != tc.field || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v, want an error about %s that says %q", err, tc.field, tc.says)
			}
		})
	}
}

func TestMalformedListenAddress(t *testing.T) {
	for _, address := range []string{"nonsense", "localhost:x", "localhost:99999", "256.1.1.1:0"} {
		n, err := Start(t.Context(), Config{ID: "a", Listen: address, Logger: quiet})
		if err == nil {
			n.Close()
			t.Errorf("listening on %q succeeded", address)
		} else if !strings.Contains(err.Error(), address) && !strings.Contains(err.Error(), "256.1.1.1") {
			t.Errorf("the error does not name %q: %v", address, err)
		}
	}
}

func TestJoinRefusesMalformedAddresses(t *testing.T) {
	n := start(t, Config{ID: "a"})
	err := n.Join(t.Context(), "127.0.0.1:1", "nowhere")
	if err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("got %v, want an error that names the address", err)
	}
}

func TestPayloadLimit(t *testing.T) {
	n := start(t, Config{ID: "a", MaxPayload: 100})
	if _, err := n.Broadcast(t.Context(), make([]byte, 101)); !errors.Is(err, ErrPayloadTooLong) {
		t.Errorf("101 bytes: %v, want ErrPayloadTooLong", err)
	}
	if _, err := n.Broadcast(t.Context(), make([]byte, 100)); err != nil {
		t.Errorf("100 bytes: %v", err)
	}
}

// TestLargePayloadsTravel at the default limit of 1 MiB, to a node that must
// catch up too.
func TestLargePayloadsTravel(t *testing.T) {
	ctx := within(t, 20*time.Second)
	a := start(t, Config{ID: "a"})
	for range 3 {
		if _, err := a.Broadcast(ctx, make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	b := start(t, Config{ID: "b", Join: []string{a.Self().Addr}})
	for i := range 3 {
		if m := receive(t, ctx, b); len(m.Payload) != 1<<20 || m.ID.Seq != uint64(i+1) {
			t.Fatalf("message %d: %v with %d bytes", i, m.ID, len(m.Payload))
		}
	}
}

// TestTwoLiveNodesWithOneID are detected and reported at both, although neither
// was told of the other. Meanwhile and after that nothing of either is lost.
func TestTwoLiveNodesWithOneID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory, config := inMemory(t)
		memory.SetFaults(transport.Faults{Latency: 20 * time.Millisecond})
		ctx := within(t, time.Hour)
		contact := start(t, config().with("contact"))
		join := func(id string) *Node {
			cfg := config().with(id)
			cfg.Join = []string{contact.Self().Addr}
			return start(t, cfg)
		}
		first, other := join("twin"), join("other")
		began := time.Now()
		twins := []*Node{first, join("twin")}
		var reported [2]time.Duration
		for i, twin := range twins {
			waitEvent(t, ctx, twin, Conflict)
			reported[i] = time.Since(began)
			if twin.Stats().Conflicts == 0 {
				t.Error("a conflict was reported but not counted")
			}
		}
		// Both go on, and their messages are told apart.
		const each = 100
		for _, twin := range twins {
			if err := twin.Ready(ctx); err != nil {
				t.Fatal(err)
			}
		}
		for range each {
			for _, twin := range twins {
				if _, err := twin.Broadcast(ctx, []byte("which twin?")); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, n := range []*Node{contact, other, twins[0], twins[1]} {
			had := make(map[MessageID]bool)
			of := make(map[uint64]int) // by incarnation
			for range 2 * each {
				m := receive(t, ctx, n)
				had[m.ID] = true
				of[m.ID.Incarnation]++
			}
			if len(had) != 2*each || of[twins[0].Self().Incarnation] != each || of[twins[1].Self().Incarnation] != each {
				t.Errorf("%s had %d messages, by incarnation %v, want %d of each twin", n.Self().ID, len(had), of, each)
			}
			t.Logf("%s had %d of %d messages", n.Self().ID, len(had), 2*each)
		}
		t.Logf("reported at the first after %v, at the second after %v", reported[0], reported[1])
		if slowest := max(reported[0], reported[1]); slowest > 10*time.Second {
			t.Errorf("reported after %v", slowest)
		}
		for _, n := range []*Node{contact, other, twins[0], twins[1]} {
			n.Close()
		}
	})
}

// TestAnEarlierLifeIsNoConflict: a node that does not know its own address meets
// news of what it was before its restart, and does not take that for another.
func TestAnEarlierLifeIsNoConflict(t *testing.T) {
	ctx := within(t, 30*time.Second)
	contact := start(t, Config{ID: "contact"})
	first := start(t, Config{ID: "phoenix", Listen: "0.0.0.0:0", Plain: true, Join: []string{contact.Self().Addr}})
	if err := first.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	address := first.Self().Addr
	first.Close()
	second := start(t, Config{ID: "phoenix", Listen: address, Plain: true, Join: []string{contact.Self().Addr}})
	if err := second.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	// Until the contact has given the old life up, it tells of it.
	for stale := true; stale; {
		stale = false
		for _, p := range contact.View() {
			stale = stale || p.Incarnation == first.Self().Incarnation
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			t.Fatal("the contact does not forget the old life")
		}
	}
	for len(second.Events()) > 0 {
		if e := <-second.Events(); e.Kind == Conflict {
			t.Errorf("reported its own past: %v", e)
		}
	}
}

func waitEvent(t *testing.T, ctx context.Context, n *Node, kind EventKind) Event {
	t.Helper()
	for {
		select {
		case e := <-n.Events():
			if e.Kind == kind {
				return e
			}
		case <-ctx.Done():
			t.Fatalf("%s: no %v event: %v", n.Self().ID, kind, context.Cause(ctx))
		}
	}
}

// TestARestartedNodeIsNotItsPast: same name, same address, new life. Its first
// message is not taken for the old one's.
func TestARestartedNodeIsNotItsPast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory, config := inMemory(t)
		ctx := within(t, time.Hour)
		stays := start(t, config().with("stays"))
		cfg := config().with("phoenix")
		cfg.Join = []string{stays.Self().Addr}
		for life := range 3 {
			n := start(t, cfg)
			if err := n.Ready(ctx); err != nil {
				t.Fatal(err)
			}
			id, err := n.Broadcast(ctx, []byte{byte(life)})
			if err != nil {
				t.Fatal(err)
			}
			if m := receive(t, ctx, stays); m.ID != id || m.Payload[0] != byte(life) {
				t.Errorf("life %d: received %v, want %v", life, m.ID, id)
			}
			memory.Kill(netip.MustParseAddrPort(n.Self().Addr))
			n.Close()
			time.Sleep(time.Second)
		}
		if got := stays.Clock(); got.Get("phoenix") != 3 || got.Len() != 3 {
			t.Errorf("the clock is %v, want three lives of phoenix with one message each", got)
		}
		stays.Close()
	})
}

// TestSlowReaderDelaysOnlyItself: a node whose application does not read passes
// messages on all the same; what does not fit its backlog is reported.
func TestSlowReaderDelaysOnlyItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, config := inMemory(t)
		ctx := within(t, time.Hour)
		// A chain, so that everything passes the slow one: a - slow - b.
		a := start(t, config().with("a"))
		slowCfg := config().with("slow")
		slowCfg.Join = []string{a.Self().Addr}
		slowCfg.MaxPayload, slowCfg.BacklogBytes = 1000, 100*(1000+messageOverhead+broadcast.SharedClock(1))
		slow := start(t, slowCfg)
		bCfg := config().with("b")
		bCfg.Join = []string{slow.Self().Addr}
		b := start(t, bCfg)
		for _, n := range []*Node{a, slow, b} {
			if err := n.Ready(ctx); err != nil {
				t.Fatal(err)
			}
		}
		const sent = 500
		for range sent {
			if _, err := a.Broadcast(ctx, make([]byte, 1000)); err != nil {
				t.Fatal(err)
			}
			receive(t, ctx, b)
		}
		first := waitEvent(t, ctx, slow, Overflow)
		if dropped := slow.Stats().BacklogDropped; dropped == 0 || first.Peer.ID != "a" {
			t.Errorf("%d messages dropped, first report %v; want some of a's", dropped, first)
		}
		// What is left comes in order and is as much as was promised.
		seen, last := uint64(0), uint64(0)
		for last < sent {
			m := receive(t, ctx, slow)
			if m.ID.Seq <= last {
				t.Fatalf("%v after %d", m.ID, last)
			}
			last = m.ID.Seq
			seen++
		}
		if got := seen + slow.Stats().BacklogDropped; got != sent || seen < 100 {
			t.Errorf("%d read and %d dropped, of %d", seen, slow.Stats().BacklogDropped, sent)
		}
		for _, n := range []*Node{a, slow, b} {
			n.Close()
		}
	})
}

// TestBroadcastWaitsForRoom: with nobody to take the messages the log fills;
// then Broadcast waits, says so when its context ends, and goes on when
// somebody comes.
func TestBroadcastWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, config := inMemory(t)
		cfg := config().with("a")
		cfg.MaxPayload, cfg.LogBytes = 1000, 20_000
		a := start(t, cfg)
		var err error
		accepted := 0
		for ; err == nil && accepted < 100; accepted++ {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			_, err = a.Broadcast(ctx, make([]byte, 1000))
			cancel()
		}
		if !errors.Is(err, ErrLogFull) || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("after %d messages: %v, want ErrLogFull and DeadlineExceeded", accepted, err)
		}
		done := make(chan error)
		go func() {
			_, err := a.Broadcast(t.Context(), make([]byte, 1000))
			done <- err
		}()
		synctest.Wait()
		select {
		case err := <-done:
			t.Fatalf("Broadcast did not wait: %v", err)
		default:
		}
		bCfg := config().with("b")
		bCfg.Join = []string{a.Self().Addr}
		b := start(t, bCfg)
		if err := <-done; err != nil {
			t.Errorf("with somebody to take the messages: %v", err)
		}
		ctx := within(t, time.Minute)
		for i := range accepted {
			if m := receive(t, ctx, b); m.ID.Seq != uint64(i+1) {
				t.Fatalf("b received %v as its message %d", m.ID, i+1)
			}
		}
		a.Close()
		b.Close()
	})
}

// TestLeaveLosesNothing: what Broadcast accepted has reached a neighbour when
// Leave returns, even if the application broadcast it a moment before.
func TestLeaveLosesNothing(t *testing.T) {
	ctx := within(t, 2*time.Minute)
	stays := start(t, Config{ID: "stays"})
	for i := range 10 {
		n := start(t, Config{Join: []string{stays.Self().Addr}})
		if err := n.Ready(ctx); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			if _, err := n.Broadcast(ctx, make([]byte, 100_000)); err != nil {
				t.Fatal(err)
			}
		}
		if err := n.Leave(ctx); err != nil {
			t.Fatal(err)
		}
		for seq := range 5 {
			if m := receive(t, ctx, stays); m.ID.Seq != uint64(seq+1) {
				t.Fatalf("leaver %d: received %v, want its message %d", i, m.ID, seq+1)
			}
		}
	}
}

// TestLeaveAtOnce: two nodes that have just met may have dialled each other, so
// that the link on which the first messages went is given up. Leave knows.
func TestLeaveAtOnce(t *testing.T) {
	ctx := within(t, time.Minute)
	for range 50 {
		hub := start(t, Config{ID: "hub"})
		ann := start(t, Config{ID: "ann", Join: []string{hub.Self().Addr}})
		if err := ann.Ready(ctx); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if _, err := ann.Broadcast(ctx, []byte("x")); err != nil {
				t.Fatal(err)
			}
		}
		if err := ann.Leave(ctx); err != nil {
			t.Fatal(err)
		}
		if got := hub.Clock().Get("ann"); got != 3 {
			t.Fatalf("the hub has delivered %d of 3", got)
		}
		hub.Close()
	}
}

// TestLeaveWithoutANeighbour: accepted, and nobody to take it; Leave says so.
func TestLeaveWithoutANeighbour(t *testing.T) {
	n := start(t, Config{ID: "a", Join: []string{"127.0.0.1:1"}})
	if _, err := n.Broadcast(t.Context(), []byte("x")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := n.Leave(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want DeadlineExceeded", err)
	}
}

// TestClosedNode: every method answers, none hangs, and closing again is fine.
func TestClosedNode(t *testing.T) {
	n := start(t, Config{ID: "a"})
	if _, err := n.Broadcast(t.Context(), []byte("x")); err != nil {
		t.Fatal(err)
	}
	n.Close()
	n.Close()
	if _, err := n.Broadcast(t.Context(), []byte("y")); !errors.Is(err, ErrClosed) {
		t.Errorf("Broadcast: %v, want ErrClosed", err)
	}
	if err := n.Ready(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("Ready: %v, want ErrClosed", err)
	}
	if err := n.Leave(t.Context()); err != nil {
		t.Errorf("Leave: %v", err)
	}
	for _, address := range []string{"127.0.0.1:1", "localhost:1"} {
		if err := n.Join(t.Context(), address); !errors.Is(err, ErrClosed) {
			t.Errorf("Join %s: %v, want ErrClosed", address, err)
		}
	}
	if n.Clock().Get("a") != 1 || n.View() != nil || n.Stats().Delivered != 1 || n.Self().ID != "a" {
		t.Errorf("the last state is gone: %v, %v", n.Clock(), n.Stats())
	}
	for range n.Messages() {
	}
}

// TestEverythingAtOnceWithClose: every method may be called while the node is
// being closed, from any number of goroutines.
func TestEverythingAtOnceWithClose(t *testing.T) {
	hub := start(t, Config{ID: "hub"})
	for range 30 {
		n := start(t, Config{ID: "n", Join: []string{hub.Self().Addr}})
		var wg sync.WaitGroup
		for _, call := range []func(){
			func() { n.Close() },
			func() { n.Leave(t.Context()) },
			func() { n.Leave(t.Context()) },
			func() { n.Join(t.Context(), "localhost:1") },
			func() { n.Join(t.Context(), "127.0.0.1:1") },
			func() { n.Broadcast(t.Context(), []byte("x")) },
			func() { n.View(); n.Stats(); n.Clock(); n.Sample(2) },
		} {
			wg.Go(call)
		}
		wg.Wait()
		if err := n.Ready(t.Context()); !errors.Is(err, ErrClosed) {
			t.Fatalf("Ready after Close: %v, want ErrClosed", err)
		}
	}
}

// TestStartOrNothing: whatever is wrong, Start leaves nothing running.
func TestStartOrNothing(t *testing.T) {
	var many []string
	for i := range maxNames + 1 {
		many = append(many, fmt.Sprintf("host%d.invalid:1", i))
	}
	n, err := Start(t.Context(), Config{ID: "a", Join: many, Logger: quiet})
	var ce *ConfigError
	if n != nil || !errors.As(err, &ce) || ce.Field != "Join" {
		t.Errorf("got %v and %v, want nothing and an error about Join", n, err)
	}
}

// TestNodesThatDifferInMaxPayload: what one of them cannot take ends the link, is
// logged and counted, and they leave each other alone for a while instead of
// dialling again at once.
func TestNodesThatDifferInMaxPayload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, config := inMemory(t)
		a := start(t, config().with("a"))
		cfg := config().with("b")
		cfg.MaxPayload, cfg.Join = 4<<20, []string{a.Self().Addr}
		b := start(t, cfg)
		ctx := within(t, time.Minute)
		if err := b.Ready(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Broadcast(ctx, make([]byte, 2<<20)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Second)
		s := a.Stats()
		if s.BadFrames == 0 || s.LinksAccepted > 60 {
			t.Errorf("%d bad frames, %d links accepted in half a minute", s.BadFrames, s.LinksAccepted)
		}
		a.Close()
		b.Close()
	})
}

// TestContextEndsTheNode: the context given to Start is the node's life.
func TestContextEndsTheNode(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	n, err := Start(ctx, Config{ID: "a", Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	<-n.Done()
	n.Close()
}

// TestReceiveLoopMayCallEverything: no call from inside the loop that reads
// messages can deadlock.
func TestReceiveLoopMayCallEverything(t *testing.T) {
	ctx := within(t, 20*time.Second)
	a := start(t, Config{ID: "a"})
	b := start(t, Config{ID: "b", Join: []string{a.Self().Addr}})
	if err := b.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Broadcast(ctx, []byte("0")); err != nil {
		t.Fatal(err)
	}
	for range 200 {
		m := receive(t, ctx, b)
		if _, err := b.Broadcast(ctx, append(m.Payload, 'x')); err != nil {
			t.Fatal(err)
		}
		b.View()
		b.Sample(3)
		b.Stats()
		b.Clock()
		b.Join(ctx, a.Self().Addr)
		if err := b.Ready(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

// TestOtherClustersIgnoreEachOther, although one knows the other's address.
func TestOtherClustersIgnoreEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, config := inMemory(t)
		red := config().with("a")
		red.Cluster = "red"
		a := start(t, red)
		blue := config().with("b")
		blue.Cluster, blue.Join = "blue", []string{a.Self().Addr}
		b := start(t, blue)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := b.Ready(ctx); err == nil {
			t.Error("nodes of two clusters are linked")
		}
		if a.Stats().OtherClusters == 0 {
			t.Error("what came from another cluster was not counted")
		}
		a.Close()
		b.Close()
	})
}

// TestAPeerThatComesLaterIsFound, however much later.
func TestAPeerThatComesLaterIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, config := inMemory(t)
		late := config().with("late")
		early := config().with("early")
		early.Join = []string{late.Listen}
		a := start(t, early)
		time.Sleep(time.Hour)
		b := start(t, late)
		ctx := within(t, time.Minute)
		for _, n := range []*Node{a, b} {
			if err := n.Ready(ctx); err != nil {
				t.Error(err)
			}
		}
		a.Close()
		b.Close()
	})
}

// TestEveryPolicyFormsANetwork: whatever the strategies, ten nodes find each
// other and get everything.
func TestEveryPolicyFormsANetwork(t *testing.T) {
	policies := []peersampling.Policy{
		peersampling.Blind(10), peersampling.Healer(10), peersampling.Swapper(10),
		peersampling.Newscast(10), peersampling.Cyclon(10), peersampling.Lpbcast(10),
	}
	for _, sel := range []peersampling.Selection{peersampling.Random, peersampling.Head, peersampling.Tail} {
		for _, view := range []peersampling.Selection{peersampling.Random, peersampling.Head, peersampling.Tail} {
			for _, prop := range []peersampling.Propagation{peersampling.Push, peersampling.Pull, peersampling.PushPull} {
				policies = append(policies, peersampling.Policy{Peer: sel, Propagation: prop, View: view, C: 10})
			}
		}
	}
	for _, p := range policies {
		t.Run(p.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, config := inMemory(t)
				ctx := within(t, 10*time.Minute)
				net := newNetwork(t)
				for range 10 {
					cfg := config()
					cfg.Sampling = p
					net.add(cfg)
				}
				net.ready(ctx)
				net.chatter(ctx, net.members, 20)
				mustBeRight(t, net.settled(ctx, 20))
				net.closeAll()
				net.wg.Wait()
			})
		})
	}
}
