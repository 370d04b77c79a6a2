package gossip

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/identity"
	"github.com/Ishan27gOrg/gossipProtocol/internal/transport"
	"github.com/Ishan27gOrg/gossipProtocol/internal/wire"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

var someHeaders = Headers{"content-type": "text/plain; charset=utf-8", "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "empty": ""}

// TestHeadersTravel: in every mode, over sockets, to who is there and to who comes later,
// next to messages that have none; and each says who has brought it.
func TestHeadersTravel(t *testing.T) {
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			ctx := within(t, 30*time.Second)
			protect := m.config(t)
			node := func(id string, join ...*Node) *Node {
				cfg := Config{ID: id}
				for _, n := range join {
					cfg.Join = append(cfg.Join, n.Self().Addr)
				}
				protect(&cfg)
				return start(t, cfg)
			}
			check := func(n *Node, from *Node, via string) {
				t.Helper()
				for range 2 {
					got := receive(t, ctx, n)
					var headers Headers
					if string(got.Payload) == "headed" {
						headers = someHeaders
					}
					if got.ID.Origin != from.Self().ID || len(got.Payload) != 6 || !maps.Equal(got.Headers, headers) || got.Headers == nil != (headers == nil) {
						t.Errorf("%s: %q of %v with the headers %q, want %q", n.Self().ID, got.Payload, got.ID, got.Headers, headers)
					}
					if got.Via != via {
						t.Errorf("%s: by way of %q, want %q", n.Self().ID, got.Via, via)
					}
				}
			}
			a := node("a")
			b := node("b", a)
			if err := b.Ready(ctx); err != nil {
				t.Fatal(err)
			}
			if _, err := a.BroadcastWith(ctx, []byte("headed"), BroadcastOptions{Headers: someHeaders}); err != nil {
				t.Fatal(err)
			}
			if _, err := a.Broadcast(ctx, []byte("simple")); err != nil {
				t.Fatal(err)
			}
			check(a, a, "")
			check(b, a, a.Self().ID)
			a.Close() // so that c has it from who was told
			c := node("c", b)
			check(c, a, b.Self().ID)
		})
	}
}

// TestHeadersThatAreRefused leave nothing behind, and headers take nothing from what the
// payload may be.
func TestHeadersThatAreRefused(t *testing.T) {
	ctx := within(t, 10*time.Second)
	a := start(t, Config{ID: "a", MaxPayload: 2000})
	for _, headers := range []Headers{{"Upper": "x"}, {"k": "\x07"}, {"k": strings.Repeat("v", 1024)}} {
		if id, err := a.BroadcastWith(ctx, nil, BroadcastOptions{headers}); !errors.Is(err, ErrHeaders) || id != (MessageID{}) {
			t.Errorf("%q: %v, %v", headers, id, err)
		}
	}
	b := start(t, Config{ID: "b", MaxPayload: 2000, Join: []string{a.Self().Addr}})
	if err := b.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	long, most := make([]byte, 2000), Headers{"k": strings.Repeat("v", 1018)}
	id, err := a.BroadcastWith(ctx, long, BroadcastOptions{most})
	if err != nil || id.Seq != 1 {
		t.Fatalf("%v, %v: the first message is this", id, err)
	}
	if got := receive(t, ctx, b); got.ID != id || len(got.Payload) != 2000 || !maps.Equal(got.Headers, most) {
		t.Errorf("%v of %d bytes with %d headers", got.ID, len(got.Payload), len(got.Headers))
	}
	if _, err := a.BroadcastWith(ctx, append(long, 0), BroadcastOptions{most}); !errors.Is(err, ErrPayloadTooLong) {
		t.Errorf("a payload too long: %v", err)
	}
}

// TestHeadersOfTheLeastNode: a node with the least memory can broadcast the most there may be.
func TestHeadersOfTheLeastNode(t *testing.T) {
	cfg := Config{ID: "a"}.withDefaults()
	m := cfg.table()
	least, _ := m.sum()
	a := start(t, Config{ID: "a", Memory: int(least) + 1})
	if _, err := a.BroadcastWith(within(t, 10*time.Second), make([]byte, 1<<20), BroadcastOptions{Headers{"k": strings.Repeat("v", 1018)}}); err != nil {
		t.Error(err)
	}
}

// TestHeadersAcrossAPartition: whatever way a message takes, by the tree, asked for, in a
// repair or when a link comes up, it has the headers that it was made with.
func TestHeadersAcrossAPartition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory, config := inMemory(t)
		memory.SetFaults(transport.Faults{Loss: 0.1, Latency: 5 * time.Millisecond, Jitter: 5 * time.Millisecond})
		ctx := within(t, time.Hour)
		var nodes []*Node
		for i := range 12 {
			cfg := config().with(fmt.Sprint("n", i))
			if i > 0 {
				cfg.Join = []string{nodes[0].Self().Addr}
			}
			nodes = append(nodes, start(t, cfg))
		}
		for _, n := range nodes {
			if err := n.Ready(ctx); err != nil {
				t.Fatal(err)
			}
		}
		headersOf := func(i, j int) Headers {
			if j%3 == 2 {
				return nil
			}
			return Headers{"from": fmt.Sprint("n", i), "number": fmt.Sprint(j)}
		}
		const each = 9
		for j := range each {
			switch j {
			case 3:
				memory.Cut(func(from, to netip.AddrPort) bool { return side(from) != side(to) })
				time.Sleep(2 * time.Minute) // of the bubble's time, after which the sides have given each other up
			case 6:
				memory.Heal()
			}
			for i, n := range nodes {
				if _, err := n.BroadcastWith(ctx, fmt.Append(nil, j), BroadcastOptions{headersOf(i, j)}); err != nil {
					t.Fatal(err)
				}
				time.Sleep(10 * time.Millisecond)
			}
		}
		repaired := uint64(0)
		for _, n := range nodes {
			for range each * len(nodes) {
				m := receive(t, ctx, n)
				var i, j int
				fmt.Sscanf(m.ID.Origin, "n%d", &i)
				fmt.Sscan(string(m.Payload), &j)
				if want := headersOf(i, j); !maps.Equal(m.Headers, want) || (m.Via == "") != (m.ID.Origin == n.Self().ID) {
					t.Errorf("%s: message %d of %s by way of %q has the headers %v, want %v", n.Self().ID, j, m.ID.Origin, m.Via, m.Headers, want)
				}
			}
			repaired += n.Stats().Repaired
		}
		t.Logf("%d deliveries were brought by repairs, the others by links, old and new", repaired)
		for _, n := range nodes {
			n.Close()
		}
	})
}

// becomeNeighbour has a link with a node, in the clear, as a node with these capabilities
// would that has had no messages.
func becomeNeighbour(t *testing.T, n *Node, capabilities wire.Capabilities) (net.Conn, *book) {
	t.Helper()
	conn, err := net.Dial("tcp", n.Self().Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	self := wire.Identity{ID: peer.ID{Name: "old", Incarnation: 1}, Addr: netip.MustParseAddrPort("127.0.0.1:9")}
	known := newBook(self.ID, self.Addr, 1<<10)
	b := wire.AppendHello(nil, wire.Hello{Identity: self, Capabilities: capabilities})
	for _, f := range []broadcast.Frame{
		{Kind: broadcast.Neighbor, Token: 1, Priority: true},
		{Kind: broadcast.Digest, Opening: true, Digest: []broadcast.DigestPart{{}}},
	} {
		b = wire.AppendFrame(b, 0, &f, known)
	}
	if _, err := conn.Write(b); err != nil {
		t.Fatal(err)
	}
	if _, err := readFrame(conn, wire.MaxHello); err != nil {
		t.Fatal(err)
	}
	return conn, known
}

// TestANodeOfBeforeHeaders is sent what it can read, in the clear: the same message without
// its headers, which the machine reckons with as it was.
func TestANodeOfBeforeHeaders(t *testing.T) {
	ctx := within(t, 10*time.Second)
	a := start(t, Config{ID: "a"})
	old, book := becomeNeighbour(t, a, wire.CausalOrder)
	const messages = 1000 // more than a window of 256 KiB holds: what is charged for each is given back
	go func() {
		for range messages {
			if _, err := a.BroadcastWith(ctx, make([]byte, 500), BroadcastOptions{someHeaders}); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	old.SetReadDeadline(time.Now().Add(10 * time.Second))
	for got := uint64(0); got < messages; {
		b, err := readFrame(old, 1<<20)
		if err != nil {
			t.Fatalf("after %d messages: %v", got, err)
		}
		if !wire.IsData(b) {
			continue
		}
		f, err := wire.DecodeFrame(b, 0, book)
		if got++; err != nil || b[0] != byte(broadcast.Data) || f.Message.Dot.Seq != got || len(f.Message.Payload) != 500 {
			t.Fatalf("frame of kind %d with message %d of %d bytes, %v, want message %d", b[0], f.Message.Dot.Seq, len(f.Message.Payload), err, got)
		}
	}
}

// Who does not read spans is told of messages in a list.
func TestANodeOfBeforeSpans(t *testing.T) {
	for _, test := range []struct {
		why          string
		capabilities wire.Capabilities
		kind         byte
	}{
		{"one of before", wire.CausalOrder | wire.Headers, byte(broadcast.IHave)},
		{"one of today", wire.CausalOrder | wire.Headers | wire.Spans, 21},
	} {
		t.Run(test.why, func(t *testing.T) {
			ctx := within(t, 20*time.Second)
			a := start(t, Config{ID: "a"})
			start(t, Config{ID: "b", Join: []string{a.Self().Addr}}) // whose link stays in the tree
			until(t, ctx, "a link", func() bool { return len(a.Links()) == 1 })
			conn, book := becomeNeighbour(t, a, test.capabilities)
			for _, kind := range []broadcast.FrameKind{broadcast.Prune, broadcast.Ping} {
				if _, err := conn.Write(wire.AppendFrame(nil, 0, &broadcast.Frame{Kind: kind}, book)); err != nil {
					t.Fatal(err)
				}
			}
			conn.SetReadDeadline(time.Now().Add(10 * time.Second))
			next := func() ([]byte, broadcast.Frame) {
				t.Helper()
				b, err := readFrame(conn, 1<<20)
				if err != nil {
					t.Fatal(err)
				}
				f, err := wire.DecodeFrame(b, 0, book)
				if err != nil {
					t.Fatal(err)
				}
				return b, f
			}
			for kind := broadcast.FrameKind(0); kind != broadcast.Pong; { // then it has had the PRUNE
				_, f := next()
				kind = f.Kind
			}
			const messages = 20
			for range messages {
				if _, err := a.Broadcast(ctx, []byte("x")); err != nil {
					t.Fatal(err)
				}
			}
			told := map[uint64]bool{}
			for len(told) < messages {
				b, f := next()
				if f.Kind == broadcast.IHave && b[0] != test.kind || f.Kind == broadcast.Data {
					t.Fatalf("a frame of kind %d, want announcements of kind %d", b[0], test.kind)
				}
				for _, x := range f.Announced {
					for seq := x.Dot.Seq; seq <= x.Last(); seq++ {
						told[seq] = true
					}
				}
			}
		})
	}
}

// TestHeadersPartSignedNetworks: what is signed cannot be told without its headers. Who
// cannot read them keeps his link until there are some, and has none from then on.
func TestHeadersPartSignedNetworks(t *testing.T) {
	ctx := within(t, 20*time.Second)
	ring := newRing(t)
	a := start(t, Config{ID: "a", Keyring: ring, Identity: identity.Generate()})
	alice := newPerson(t, "alice", "")
	old := infiltrate(t, a, ring, alice) // whose hello does not say Headers
	until(t, ctx, "the link is up", func() bool { return len(a.Links()) == 1 })
	if _, err := a.Broadcast(ctx, []byte("all can read this")); err != nil {
		t.Fatal(err)
	}
	until(t, ctx, "the message has left", func() bool { return a.Stats().Sent == 1 })
	if len(a.Links()) != 1 {
		t.Fatal("the link has ended for a message without headers")
	}
	if _, err := a.BroadcastWith(ctx, []byte("not all can read this"), BroadcastOptions{someHeaders}); err != nil {
		t.Fatal(err)
	}
	old.closed()
	until(t, ctx, "the link is gone", func() bool { return len(a.Links()) == 0 })
	dialIn(t, a, ring, alice, nil).closed()
	if s := a.Stats(); len(a.Links()) > 0 || s.SlowLinks > 0 || s.Barred > 0 || s.BadFrames > 0 {
		t.Errorf("%d links; %d slow, %d barred, %d bad frames: nobody is to blame", len(a.Links()), s.SlowLinks, s.Barred, s.BadFrames)
	}
	b := start(t, Config{ID: "b", Keyring: ring, Identity: identity.Generate(), Join: []string{a.Self().Addr}})
	for _, headers := range []Headers{nil, someHeaders} {
		if got := receive(t, ctx, b); !maps.Equal(got.Headers, headers) {
			t.Errorf("%q with %q, want %q", got.Payload, got.Headers, headers)
		}
	}
}

// TestWhoHasBroughtAMessage is known also when he is gone by the time that it is its turn.
func TestWhoHasBroughtAMessage(t *testing.T) {
	n := start(t, Config{ID: "a"})
	n.do(func() {
		for id := range broadcast.LinkID(100) {
			l := &link{id: 1000 + id, peer: wire.Identity{ID: peer.ID{Name: "n" + string(rune('0'+id%10))}}}
			n.links[l.id] = l
			if got := n.nameOn(l.id); got != l.peer.ID.Name {
				t.Errorf("link %d is %q's, want %q", id, got, l.peer.ID.Name)
			}
			n.forget(l)
			if got := n.nameOn(l.id); got != l.peer.ID.Name {
				t.Errorf("link %d, which has ended, was %q's, want %q", id, got, l.peer.ID.Name)
			}
		}
		if got := n.nameOn(1000); got != "" || len(n.parted) != maxParted {
			t.Errorf("the first of 100 is %q's still, and %d are remembered", got, len(n.parted))
		}
		if got := n.nameOn(0); got != "" {
			t.Errorf("no link is %q's", got)
		}
	})
}

// TestLinkStates: both ends of a link say the same of it, and measure the way between them
// without a packet for that.
func TestLinkStates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory, config := inMemory(t)
		const latency = 20 * time.Millisecond
		memory.SetFaults(transport.Faults{Latency: latency})
		ctx := within(t, time.Hour)
		var nodes []*Node
		for i, id := range []string{"a", "b", "c", "d", "e"} {
			cfg := config().with(id)
			if i > 0 {
				cfg.Join = []string{nodes[0].Self().Addr}
			}
			nodes = append(nodes, start(t, cfg))
		}
		for _, n := range nodes {
			for len(n.Links()) < len(nodes)-1 {
				time.Sleep(time.Second)
			}
		}
		for range 20 {
			if _, err := nodes[1].Broadcast(ctx, []byte("x")); err != nil {
				t.Fatal(err)
			}
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(time.Second)
		byPair, tree := map[[2]string]LinkState{}, 0
		for _, n := range nodes {
			states := n.LinkStates()
			if len(states) != len(nodes)-1 {
				t.Errorf("%s: %d links, want %d", n.Self().ID, len(states), len(nodes)-1)
			}
			for _, s := range states {
				byPair[[2]string{n.Self().ID, s.ID}] = s
				if s.RTT < 2*latency || s.RTT > 2*latency+10*time.Millisecond || s.Since < 2*time.Second || s.QueuedBytes != 0 || !s.Linked || s.Addr == "" {
					t.Errorf("%s: %+v; a round trip takes %v", n.Self().ID, s, 2*latency)
				}
			}
		}
		for pair, s := range byPair {
			other := byPair[[2]string{pair[1], pair[0]}]
			if s.Outbound == other.Outbound || s.Tree != other.Tree {
				t.Errorf("%v: %+v at one end, %+v at the other", pair, s, other)
			}
			if s.Tree && s.Outbound {
				tree++
			}
		}
		if links := len(nodes) * (len(nodes) - 1) / 2; tree < len(nodes)-1 || tree == links {
			t.Errorf("%d of %d links are the tree's, which needs %d", tree, links, len(nodes)-1)
		}
		for _, n := range nodes {
			n.Close()
		}
	})
}
