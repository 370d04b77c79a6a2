package gossip

import (
	"bytes"
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/causal"
	"github.com/Ishan27gOrg/gossipProtocol/internal/guard"
	"github.com/Ishan27gOrg/gossipProtocol/internal/seal"
	"github.com/Ishan27gOrg/gossipProtocol/internal/secure"
	"github.com/Ishan27gOrg/gossipProtocol/internal/transport"
	"github.com/Ishan27gOrg/gossipProtocol/internal/wire"
	"github.com/Ishan27gOrg/gossipProtocol/keyring"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
	"github.com/Ishan27gOrg/gossipProtocol/protocol"
)

// These are the attacks in the table of SECURITY.md that a node meets at its sockets.

var victim = netip.MustParseAddrPort("10.9.9.9:7946")

// stranger is a node that does not exist.
type stranger struct{ id peer.ID }

func (s stranger) Lookup(peer.Handle) (peer.ID, netip.AddrPort)      { return s.id, victim }
func (s stranger) Intern([]byte, uint64, netip.AddrPort) peer.Handle { return 1 }

// forgeries are datagrams of all kinds in the name of a node that does not exist.
func forgeries(cluster uint32) (list [][]byte) {
	forged := stranger{peer.ID{Name: "forged", Incarnation: 1}}
	self := wire.Identity{ID: forged.id, Addr: victim}
	view := []peer.Descriptor{{Peer: 1}, {Peer: 1, Age: 1}}
	for kind := peersampling.ExchangeRequest; kind <= peersampling.ProbeReply; kind++ {
		for _, token := range []uint64{0, mathrand.Uint64()} {
			for _, wide := range []bool{false, true} {
				list = append(list, wire.AppendPacket(nil, cluster, self,
					&peersampling.Packet{Kind: kind, Nonce: mathrand.Uint64(), View: view, Token: token, Wide: wide}, forged))
			}
		}
	}
	for _, token := range []uint64{0, mathrand.Uint64()} {
		list = append(list,
			wire.AppendQuestion(nil, cluster, &wire.Question{From: self, Nonce: mathrand.Uint64(), Token: token, Room: wire.MaxDatagram}),
			wire.AppendDescription(nil, cluster, &wire.Description{Self: self, Nonce: token}, wire.MaxDatagram))
	}
	list = append(list, wire.AppendKnock(nil, cluster, wire.Knock{Nonce: 1}),
		wire.AppendKnock(nil, cluster, wire.Knock{Nonce: 1, Token: 1, Answer: true}))
	for _, b := range slices.Clone(list) {
		list = append(list, b[:len(b)/2], b[:3], append(slices.Clone(b), make([]byte, 100)...))
	}
	return list
}

// TestNothingIsAnsweredThatIsNotDue: whoever forges where a datagram comes from gets
// nobody into a view, and no more written to his victim than he has written himself;
// without the key he gets nothing written at all.
func TestNothingIsAnsweredThatIsNotDue(t *testing.T) {
	for _, sealed := range []bool{false, true} {
		t.Run(fmt.Sprintf("sealed %v", sealed), func(t *testing.T) {
			cfg, tap := tapped(Config{ID: "a"})
			ring := newRing(t)
			if sealed {
				cfg.Keyring = ring
			}
			n := start(t, cfg)
			worst, answered := 0.0, 0
			for i, b := range forgeries(wire.ClusterTag("")) {
				from := netip.AddrPortFrom(victim.Addr(), uint16(1000+i))
				tap.inject(t, n, b, from)
				out := 0
				for _, d := range tap.sentTo(from) {
					out += len(d.b)
					answered++
				}
				worst = max(worst, float64(out)/float64(len(b)))
			}
			t.Logf("%d forged datagrams were answered, at most with %.2f times their bytes", answered, worst)
			if worst > 1 {
				t.Errorf("a datagram was answered with %.2f times its bytes", worst)
			}
			if sealed && answered > 0 {
				t.Errorf("%d datagrams in the clear were answered", answered)
			}
			if len(n.View()) > 0 || n.Stats().Identities > 1 {
				t.Errorf("forged nodes are known: %v, %d identities", n.View(), n.Stats().Identities)
			}
			// A stranger who has the key of another cluster, or this one's for another name.
			other := seal.New(ring, "another cluster")
			for i, b := range forgeries(wire.ClusterTag("")) {
				if !sealed || len(b) > wire.MaxDatagram-seal.Overhead {
					continue
				}
				from := netip.AddrPortFrom(victim.Addr(), uint16(3000+i))
				tap.inject(t, n, other.Seal(nil, b, wire.IsAnswer(b)), from)
				// As an answer what is a request, and the other way round.
				tap.inject(t, n, seal.New(ring, "").Seal(nil, b, !wire.IsAnswer(b)), from)
				if got := tap.sentTo(from); len(got) > 0 {
					t.Fatalf("a datagram of another cluster or direction was answered: %x", got[0].b)
				}
			}
		})
	}
}

// TestFloodsGetFewAnswers: tokens to whoever asks, and answers to whoever has one, are
// as many as guard.Rates allow one address at a moment.
func TestFloodsGetFewAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // in which no time passes during the flood
		_, config := inMemory(t)
		cfg, tap := tapped(config().with("a"))
		n := start(t, cfg)
		const count = 2500
		for range count {
			tap.inject(t, n, wire.AppendKnock(nil, wire.ClusterTag(""), wire.Knock{Nonce: 1}), victim)
		}
		if got := len(tap.sentTo(victim)); got != 2000 {
			t.Errorf("%d of %d were given a token, want 2000", got, count)
		}
		from := netip.AddrPortFrom(victim.Addr(), 7)
		var token guard.Token
		n.do(func() { token = n.addresses.Token(n.now(), from) })
		forged := stranger{peer.ID{Name: "forged", Incarnation: 1}}
		for i := range count {
			tap.inject(t, n, wire.AppendPacket(nil, wire.ClusterTag(""), wire.Identity{ID: forged.id, Addr: victim},
				&peersampling.Packet{Kind: peersampling.ProbeRequest, Nonce: uint64(i), Token: tokenNumber(token)}, forged), from)
		}
		if got := len(tap.sentTo(from)); got != 400 {
			t.Errorf("%d of %d requests were answered, want 400", got, count)
		}
		if got := n.Stats().Throttled; got != count-2000+count-400 {
			t.Errorf("%d are counted as throttled", got)
		}
	})
}

// TestAnswersAreNoLargerThanRequests: also to those who have shown where they are.
func TestAnswersAreNoLargerThanRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, config := inMemory(t)
		ctx := within(t, time.Hour)
		ring := newRing(t)
		var taps []*tap
		var nodes []*Node
		for i := range 40 {
			cfg := config().with(fmt.Sprint("n", i))
			cfg.Keyring = ring
			if i > 0 {
				cfg.Join = []string{nodes[0].Self().Addr}
			}
			cfg, tap := tapped(cfg)
			taps = append(taps, tap)
			nodes = append(nodes, start(t, cfg))
		}
		for _, n := range nodes {
			if err := n.Ready(ctx); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(2 * time.Minute) // of the bubble's time
		requests, answers := 0, 0
		for i, tap := range taps {
			pending := map[netip.AddrPort][]int{} // sizes of requests from there
			sealer := seal.New(ring, "")
			// What was received before what was sent: order within one node's tap is not
			// kept between the two lists, so an answer must fit some request.
			for _, d := range tap.heard() {
				o, err := sealer.Open(nil, d.b)
				if err != nil {
					t.Fatal(err)
				}
				if !o.Answer {
					requests++
					pending[d.from] = append(pending[d.from], len(d.b))
				}
			}
			for from, sizes := range pending {
				total := 0
				for _, s := range sizes {
					total += s
				}
				out := 0
				for _, d := range tap.sentTo(from) {
					if o, err := sealer.Open(nil, d.b); err == nil && o.Answer {
						answers++
						out += len(d.b)
					}
				}
				if out > total {
					t.Errorf("node %d has answered %d bytes of %v with %d", i, total, from, out)
				}
			}
		}
		t.Logf("%d requests, %d answers", requests, answers)
		if answers == 0 {
			t.Error("nothing was answered at all")
		}
		for _, n := range nodes {
			n.Close()
		}
	})
}

// TestNoncesTellNothing: two machines that decide alike, because their sources were
// seeded alike, show different numbers to those that they ask. So nobody learns from
// these what a node decides by, or can answer in another's place.
func TestNoncesTellNothing(t *testing.T) {
	requests := func() (list []peersampling.Packet, token uint64) {
		cfg := Config{ID: "a"}.withDefaults()
		mem, err := cfg.plan()
		if err != nil {
			t.Fatal(err)
		}
		book := newBook(peer.ID{Name: "a", Incarnation: 1}, netip.MustParseAddrPort("127.0.0.1:1"), 100)
		m, err := protocol.New(0, cfg.machine(book.self, book, &mem), mathrand.NewPCG(1, 2))
		if err != nil {
			t.Fatal(err)
		}
		var out protocol.Outbox
		for port := range uint16(20) {
			m.Join(0, book.address(netip.AddrPortFrom(victim.Addr(), 2+port)), &out)
		}
		for range 100 {
			m.Tick(m.Deadline(), &out)
			list = append(list, out.Packets...)
			out.Reset()
		}
		asked := book.meet(peer.ID{Name: "b", Incarnation: 1}, victim)
		m.HandlePacket(m.Deadline(), peersampling.Packet{Kind: peersampling.ExchangeRequest, Peer: asked}, &out)
		if len(out.Links.Dials) != 1 {
			t.Fatalf("%d dials of whoever has come into the view", len(out.Links.Dials))
		}
		m.Connected(m.Deadline(), 1, asked, true, &out)
		for _, s := range out.Links.Sends {
			token = s.Frame.Token
		}
		return list, token
	}
	first, token := requests()
	second, other := requests()
	if token == 0 || token == other {
		t.Errorf("two requests for links show %d and %d", token, other)
	}
	if len(first) < 20 || len(first) != len(second) {
		t.Fatalf("%d and %d requests: the two do not decide alike", len(first), len(second))
	}
	shown := make(map[uint64]bool)
	for i := range first {
		if first[i].Peer != second[i].Peer || first[i].Kind != second[i].Kind {
			t.Fatalf("request %d is %+v and %+v: the two do not decide alike", i, first[i], second[i])
		}
		shown[first[i].Nonce], shown[second[i].Nonce] = true, true
	}
	if len(shown) != len(first)+len(second) {
		t.Errorf("%d different nonces in %d requests", len(shown), len(first)+len(second))
	}
	t.Logf("%d requests of two nodes that decide alike show %d different numbers", len(first)+len(second), len(shown))
}

// TestReplayedDatagramsChangeNothing: all that a node has received, once more.
func TestReplayedDatagramsChangeNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, config := inMemory(t)
		ctx := within(t, time.Hour)
		ring := newRing(t)
		protected := func(id string) Config {
			cfg := config().with(id)
			cfg.Keyring = ring
			return cfg
		}
		cfg, tap := tapped(protected("a"))
		a := start(t, cfg)
		nodes := []*Node{a}
		for i := range 8 {
			cfg := protected(fmt.Sprint("n", i))
			cfg.Join = []string{a.Self().Addr}
			nodes = append(nodes, start(t, cfg))
		}
		for _, n := range nodes {
			if err := n.Ready(ctx); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(30 * time.Second)
		for _, n := range nodes[1:] {
			n.Close()
		}
		for len(a.View()) > 0 { // until all have been forgotten
			time.Sleep(time.Second)
		}
		recorded := tap.heard()
		before := a.Stats()
		for _, d := range recorded {
			tap.inject(t, a, d.b, d.from)
		}
		after := a.Stats()
		if len(a.View()) > 0 {
			t.Errorf("the dead are back: %v", a.View())
		}
		ignored := after.Replayed + after.StrayAnswers + after.Unproven + after.Throttled - before.Replayed - before.StrayAnswers - before.Unproven - before.Throttled
		if int(ignored) != len(recorded) {
			t.Errorf("%d of %d datagrams were ignored", ignored, len(recorded))
		}
		t.Logf("%d datagrams again: %d known as such, %d answers that nobody waited for, %d too old, which got a token",
			len(recorded), after.Replayed-before.Replayed, after.StrayAnswers-before.StrayAnswers, after.Unproven-before.Unproven)
	})
}

// TestRecordedStreamsAreWorthNothing: what a node has read from a connection, once
// more on another one.
func TestRecordedStreamsAreWorthNothing(t *testing.T) {
	ctx := within(t, 20*time.Second)
	ring := newRing(t)
	recording := &recorder{}
	listen := func(address string) (transport.Transport, error) {
		tr, err := transport.Listen(address)
		return &recordingTransport{tr, recording}, err
	}
	a := start(t, Config{ID: "a", Keyring: ring, listen: listen})
	b := start(t, Config{ID: "b", Keyring: ring, listen: listen, Join: []string{a.Self().Addr}})
	if err := b.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Broadcast(ctx, []byte("once")); err != nil {
		t.Fatal(err)
	}
	receive(t, ctx, a)
	b.Close()
	for len(a.Links()) > 0 {
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			t.Fatal("the link outlives its peer")
		}
	}
	links, sent := 0, 0
	before := a.Stats().BadFrames + a.Stats().Forged
	streams := recording.streams() // of whoever has dialled
	for _, stream := range streams {
		conn, err := net.Dial("tcp", a.Self().Addr)
		if err != nil {
			t.Fatal(err)
		}
		conn.Write(stream)
		conn.(*net.TCPConn).CloseWrite() // it may have been cut short
		closes(t, conn, 10*time.Second)
		conn.Close()
		sent += len(stream)
	}
	if len(streams) == 0 {
		t.Fatal("nothing was recorded")
	}
	refused := func() int { return int(a.Stats().BadFrames + a.Stats().Forged - before) }
	for refused() < len(streams) {
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("not all of %d streams were refused: %+v", len(streams), a.Stats())
		}
	}
	if got := len(a.Links()); got > links {
		t.Errorf("%d links, %d before", got, links)
	}
	select {
	case m := <-a.Messages():
		t.Errorf("delivered again: %v", m.ID)
	default:
	}
	t.Logf("%d of %d streams refused, %d bytes; %d links, nothing delivered again", refused(), len(streams), sent, len(a.Links()))
}

// TestRecordedFramesAreKnown: in the clear a recorded stream is as good as the first one,
// so it gets a link in the name of who made it. What was had is not had again.
func TestRecordedFramesAreKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory, config := inMemory(t)
		ctx := within(t, time.Hour)
		cfg := config().with("a")
		listening := cfg.listen
		cfg.listen = func(address string) (transport.Transport, error) {
			tr, err := listening(address)
			return onlyDialled{tr}, err
		}
		a := start(t, cfg)
		recording := &recorder{}
		cfg = config().with("b")
		cfg.Join = []string{a.Self().Addr}
		listen := cfg.listen
		cfg.listen = func(address string) (transport.Transport, error) {
			tr, err := listen(address)
			return &recordingTransport{tr, recording}, err
		}
		b := start(t, cfg)
		if err := b.Ready(ctx); err != nil {
			t.Fatal(err)
		}
		const said = 100
		for range said {
			if _, err := b.Broadcast(ctx, []byte("once")); err != nil {
				t.Fatal(err)
			}
			receive(t, ctx, a)
		}
		b.Close()
		for len(a.Links()) > 0 {
			time.Sleep(time.Second)
		}
		mallory, err := memory.Listen(netip.MustParseAddrPort("10.1.0.1:7946"))
		if err != nil {
			t.Fatal(err)
		}
		defer mallory.Close()
		before, times, linked := a.Stats(), 0, 0
		for _, stream := range recording.streams() {
			for range 3 {
				conn, err := mallory.Dial(ctx, netip.MustParseAddrPort(a.Self().Addr))
				if err != nil {
					t.Fatal(err)
				}
				go io.Copy(io.Discard, conn)
				conn.Write(stream)
				synctest.Wait()
				linked += len(a.Links()) // a stream of a repair, or one that was refused, is no link
				conn.Close()
				synctest.Wait()
				times++
			}
		}
		after := a.Stats()
		again := after.BacklogMessages
		t.Logf("%d streams again, with %d duplicates of %d messages: %d delivered again", times, after.Duplicates-before.Duplicates, said, again)
		if again > 0 || after.Delivered != before.Delivered || a.Clock().Get("b") != said {
			t.Errorf("delivered again: %d, the clock is %v", again, a.Clock())
		}
		if linked < 3 {
			t.Errorf("%d links: what was recorded is not what is read", linked)
		}
		if after.Duplicates-before.Duplicates < said {
			t.Error("the messages were not even looked at")
		}
		a.Close()
	})
}

// onlyDialled is for a node that others have to dial.
type onlyDialled struct{ transport.Transport }

func (onlyDialled) Dial(context.Context, netip.AddrPort) (net.Conn, error) {
	return nil, syscall.ECONNREFUSED
}

// raw is a connection to a node in the clear that has said hello.
func raw(t testing.TB, n *Node, name string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", n.Self().Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	id := wire.Identity{ID: peer.ID{Name: name, Incarnation: 1}, Addr: netip.MustParseAddrPort("127.0.0.1:9")}
	if _, err := conn.Write(wire.AppendHello(nil, wire.Hello{Identity: id})); err != nil {
		t.Fatal(err)
	}
	if _, err := readFrame(conn, wire.MaxHello); err != nil {
		t.Fatal(err)
	}
	return conn
}

// closes waits until the node has closed a connection.
func closes(t testing.TB, conn net.Conn, within time.Duration) {
	t.Helper()
	conn.SetReadDeadline(time.Now().Add(within))
	if _, err := io.Copy(io.Discard, conn); isTimeout(err) {
		t.Errorf("the node has not closed the connection within %v", within)
	}
}

func isTimeout(err error) bool {
	var timeout net.Error
	return err != nil && strings.Contains(err.Error(), "timeout") && asNetError(err, &timeout)
}

func asNetError(err error, target *net.Error) bool {
	e, ok := err.(net.Error)
	if ok {
		*target = e
	}
	return ok && e.Timeout()
}

// TestBadFramesEndTheLink, cost no more memory than has come, and bar whoever sends
// them for a while.
func TestBadFramesEndTheLink(t *testing.T) {
	length := func(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }
	for _, tc := range []struct {
		name  string
		bytes []byte
	}{
		{"a length of 2^32-1", length(1<<32 - 1)},
		{"a length of 0", length(0)},
		{"a length just above the limit", length(1<<20 + wire.MaxOverhead + 1)},
		{"a DATA frame that is cut short", append(length(4), byte(broadcast.Data), 0, 0, 0)},
		{"a digest that announces 4,095 parts", append(length(4), byte(broadcast.Digest), 1, 0xff, 0x1f)},
		{"a proof where there is no keyring", wire.AppendProof(nil, make([]byte, 36))},
		{"a trailing byte", append(length(2), byte(broadcast.Ping), 0)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			n := start(t, Config{ID: "a"})
			conn := raw(t, n, "mallory")
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			began := time.Now()
			if _, err := conn.Write(tc.bytes); err != nil {
				t.Fatal(err)
			}
			closes(t, conn, 10*time.Second)
			took := time.Since(began)
			runtime.ReadMemStats(&after)
			t.Logf("%d KiB are allocated until the link is closed, %v after %d bytes", (after.TotalAlloc-before.TotalAlloc)>>10, took, len(tc.bytes))
			if grown := after.TotalAlloc - before.TotalAlloc; grown > 4<<20 {
				t.Errorf("%d bytes were allocated for %d that came", grown, len(tc.bytes))
			}
			if got := n.Stats().BadFrames; got != 1 {
				t.Errorf("%d bad frames are counted, want 1", got)
			}
			again := raw(t, n, "mallory")
			closes(t, again, 10*time.Second)
			if got := n.Stats().Barred; got != 1 {
				t.Errorf("%d connections barred, want 1", got)
			}
			// Somebody else there is not.
			other := raw(t, n, "alice")
			other.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
			if _, err := other.Read(make([]byte, 1)); !isTimeout(err) {
				t.Errorf("another node was barred too: %v", err)
			}
		})
	}
}

// TestOffendersAreLeftAlone: whoever has a link and sends what no honest node sends, or
// too much of what each may send, loses it and is barred for a while.
func TestOffendersAreLeftAlone(t *testing.T) {
	absurd := broadcast.Frame{Kind: broadcast.IHave, Announced: []broadcast.Announcement{{Dot: peer.Dot{Origin: 1, Seq: peer.MaxSeq + 1}}}}
	for _, tc := range []struct {
		name  string
		frame broadcast.Frame
		slows bool
	}{
		{"a number that there is not", absurd, false},
		{"a flood", broadcast.Frame{Kind: broadcast.Ping}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				memory, config := inMemory(t)
				n := start(t, config().with("a"))
				mallory, err := memory.Listen(netip.MustParseAddrPort("10.1.0.1:7946"))
				if err != nil {
					t.Fatal(err)
				}
				defer mallory.Close()
				dial := func() net.Conn {
					conn, err := mallory.Dial(t.Context(), netip.MustParseAddrPort(n.Self().Addr))
					if err != nil {
						t.Fatal(err)
					}
					greetAs(t, n, conn, "mallory")
					return conn
				}
				conn := dial()
				defer conn.Close()
				go io.Copy(io.Discard, conn)
				known := stranger{peer.ID{Name: "mallory", Incarnation: 1}}
				ask := broadcast.Frame{Kind: broadcast.Neighbor, Token: 1, Priority: true}
				if _, err := conn.Write(wire.AppendFrame(nil, 0, &ask, known)); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if got := len(n.Links()); got != 1 {
					t.Fatalf("%d links", got)
				}
				many := bytes.Repeat(wire.AppendFrame(nil, 0, &tc.frame, known), 1000)
				for i := 0; err == nil && i < 500; i++ {
					_, err = conn.Write(many)
				}
				s := n.Stats()
				if err == nil || len(n.Links()) > 0 {
					t.Errorf("the link is still there after %v: %v", n.now(), n.Links())
				}
				if tc.slows != (s.Slowed > 0) {
					t.Errorf("it was read more slowly %d times", s.Slowed)
				}
				if _, err := io.Copy(io.Discard, dial()); err != nil {
					t.Error(err)
				}
				if got := n.Stats().Barred; got != 1 {
					t.Errorf("%d connections barred, want 1", got)
				}
			})
		})
	}
}

// TestAPeerThatDoesNotReadIsGivenUp before what waits for it takes more than its bound.
func TestAPeerThatDoesNotReadIsGivenUp(t *testing.T) {
	l := &link{all: new(atomic.Int64)}
	known := stranger{peer.ID{Name: "mallory", Incarnation: 1}}
	f := broadcast.Frame{Kind: broadcast.Gone, Gone: []broadcast.GoneEntry{{Dot: peer.Dot{Origin: 1, Seq: 1}}}}
	head := wire.AppendFrameHead(nil, 0, &f, known)
	for l.send(0, head, &f, known) {
		if l.queued > maxQueue+1<<10 {
			t.Fatalf("%d bytes are queued, the bound is %d", l.queued, maxQueue)
		}
	}
}

// TestMisbehaviourFillsNoLog: whoever is barred comes back under another name. Each has
// a line as long as there are few, and what is left out is counted.
func TestMisbehaviourFillsNoLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory, config := inMemory(t)
		var log bytes.Buffer
		cfg := config().with("a")
		cfg.Logger = textLogger(&log)
		n := start(t, cfg)
		mallory, err := memory.Listen(netip.MustParseAddrPort("10.1.0.1:7946"))
		if err != nil {
			t.Fatal(err)
		}
		defer mallory.Close()
		names := 0
		misbehave := func(frame []byte) {
			names++
			conn, err := mallory.Dial(t.Context(), netip.MustParseAddrPort(n.Self().Addr))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			name := fmt.Sprint("mallory-", names)
			greetAs(t, n, conn, name)
			go io.Copy(io.Discard, conn)
			ask := broadcast.Frame{Kind: broadcast.Neighbor, Token: 1, Priority: true}
			conn.Write(append(wire.AppendFrame(nil, 0, &ask, stranger{peer.ID{Name: name, Incarnation: 1}}), frame...))
			synctest.Wait()
		}
		malformed := []byte{0, 0, 0, 2, byte(broadcast.Ping), 0}
		itself := peer.Dot{Origin: 1, Seq: 1} // which it is said to depend on
		absurd := wire.AppendFrame(nil, 0, &broadcast.Frame{Kind: broadcast.Data,
			Message: &broadcast.Message{Dot: itself, Deps: []peer.Dot{itself}}}, stranger{peer.ID{Name: "x", Incarnation: 1}})
		const each = 100
		for range each {
			misbehave(malformed)
			misbehave(absurd)
		}
		s := n.Stats()
		if s.BadFrames != each || s.Offences != each {
			t.Fatalf("%d bad frames and %d offences, want %d of each", s.BadFrames, s.Offences, each)
		}
		time.Sleep(warningEvery)
		misbehave(malformed)
		n.Close()
		lines := strings.Count(log.String(), "left alone for misbehaviour")
		t.Logf("%d lines in the log for %d offences under as many names, %d of them at one moment", lines, names, names-1)
		if lines != mostWarnings+1 || n.Stats().Unlogged != 2*each-mostWarnings {
			t.Errorf("%d lines, %d left out, want %d and %d", lines, n.Stats().Unlogged, mostWarnings+1, 2*each-mostWarnings)
		}
		if strings.Count(log.String(), "level=WARN") > lines+1 { // and that there is no keyring
			t.Errorf("other lines:\n%s", log.String())
		}
		if want := fmt.Sprintf("left_out=%d", 2*each-mostWarnings); strings.Count(log.String(), "left_out=") != 1 || !strings.Contains(log.String(), want) {
			t.Errorf("the last line does not tell how many were left out: %s", want)
		}
	})
}

// TestGapsFillNoLog: whoever names messages that never were as the past of others has
// gaps reported. The application hears of all of them, the log of some.
func TestGapsFillNoLog(t *testing.T) {
	var log bytes.Buffer
	n := start(t, Config{ID: "a", Logger: textLogger(&log)})
	const count = 100
	n.do(func() {
		for i := range uint64(count) {
			n.report(protocol.Event{Kind: protocol.MessageGap, Peer: n.book.self, Gap: causal.Gap{From: i, To: i}})
		}
	})
	n.Close()
	events := 0
	for len(n.Events()) > 0 {
		if e := <-n.Events(); e.Kind == Gap {
			events++
		}
	}
	if lines := strings.Count(log.String(), "can no longer be had"); lines != mostWarnings || events != count || n.Stats().Unlogged != count-mostWarnings {
		t.Errorf("%d lines and %d events for %d gaps, %d counted as left out", lines, events, count, n.Stats().Unlogged)
	}
}

// comesFrom is a connection from an address.
type comesFrom struct {
	net.Conn
	addr string
}

func (c comesFrom) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(c.addr))
}

// TestNobodyIsBarredForAnother: in the clear anybody can misbehave in anybody's name, so
// that the same name elsewhere must not pay for it, nor another one there.
func TestNobodyIsBarredForAnother(t *testing.T) {
	n := start(t, Config{ID: "a"})
	barred := func(addr, name string) (err error) {
		n.do(func() {
			err = n.unwelcome(&openedIn{raw: comesFrom{addr: addr}, hello: wire.Hello{Identity: wire.Identity{ID: peer.ID{Name: name}}}})
		})
		return err
	}
	n.do(func() {
		n.punish(&link{raw: comesFrom{addr: "192.0.2.1:1000"}, peer: wire.Identity{ID: peer.ID{Name: "alice"}}}, "a test")
	})
	for _, tc := range []struct {
		addr, name string
		want       error
	}{
		{"192.0.2.1:2000", "alice", errBarred},
		{"[::ffff:192.0.2.1]:2000", "alice", errBarred},
		{"192.0.2.2:1000", "alice", nil},
		{"192.0.2.1:1000", "bob", nil},
	} {
		if err := barred(tc.addr, tc.name); err != tc.want {
			t.Errorf("%s at %s: %v, want %v", tc.name, tc.addr, err, tc.want)
		}
	}
}

// TestSlowConnectionsEnd: those that say nothing, that never end what they say, and
// that say hello and nothing else.
func TestSlowConnectionsEnd(t *testing.T) {
	n := start(t, Config{ID: "a"})
	begin := time.Now()
	silent, err := net.Dial("tcp", n.Self().Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	slow, err := net.Dial("tcp", n.Self().Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	stop := make(chan struct{})
	defer close(stop)
	go func() { // a byte at a time
		for _, b := range wire.AppendHello(nil, wire.Hello{Identity: wire.Identity{ID: peer.ID{Name: "slow"}}}) {
			select {
			case <-time.After(500 * time.Millisecond):
				if _, err := slow.Write([]byte{b}); err != nil {
					return
				}
			case <-stop:
				return
			}
		}
	}()
	greeted := raw(t, n, "mute")
	for _, c := range []net.Conn{silent, slow, greeted} {
		closes(t, c, 2*handshakeTimeout)
	}
	took := time.Since(begin)
	if t.Logf("three connections are closed within %v", took); took > handshakeTimeout+3*time.Second {
		t.Errorf("it took %v", took)
	}
}

// TestAConnectionFloodKeepsNobodyOut: more silent connections than may be opening at a
// time, and a node that joins.
func TestAConnectionFloodKeepsNobodyOut(t *testing.T) {
	ctx := within(t, 30*time.Second)
	a := start(t, Config{ID: "a"})
	var flood []net.Conn
	for range 700 {
		conn, err := net.Dial("tcp", a.Self().Addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		flood = append(flood, conn)
	}
	began := time.Now()
	b := start(t, Config{ID: "b", Join: []string{a.Self().Addr}})
	if err := b.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d connections that say nothing, and a node that joins after %v", len(flood), time.Since(began))
	for a.Stats().TurnedAway == 0 { // or this was no flood
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			t.Fatal("no connection was turned away")
		}
	}
	for _, c := range flood {
		closes(t, c, 10*time.Second)
	}
}

var datagrams = flag.Int("datagrams", 100_000, "how many random datagrams TestRandomDatagramsCostLittle sends")

// TestRandomDatagramsCostLittle: a node under a flood of garbage goes on, and holds no
// more than before. SECURITY.md has the figures for 10^6 of them.
func TestRandomDatagramsCostLittle(t *testing.T) {
	for _, sealed := range []bool{false, true} {
		t.Run(fmt.Sprintf("sealed %v", sealed), func(t *testing.T) {
			ctx := within(t, time.Minute)
			cfg := Config{ID: "a"}
			if sealed {
				cfg.Keyring = newRing(t)
			}
			cfg, tap := tapped(cfg)
			a := start(t, cfg)
			count := *datagrams
			if testing.Short() || underRace {
				count = min(count, 10_000)
			}
			random := mathrand.New(mathrand.NewPCG(5, 5))
			valid := forgeries(wire.ClusterTag(""))
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			used := cpuTime()
			for i := range count {
				b := make([]byte, 1+random.IntN(wire.MaxDatagram))
				for j := range b {
					b[j] = byte(random.Uint32())
				}
				switch i % 4 {
				case 0:
					copy(b, valid[i%len(valid)]) // begins like a datagram
				case 1:
					b[0] = 'g'
				}
				from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{11, byte(i >> 16), byte(i >> 8), byte(i)}), uint16(i)|1)
				select {
				case tap.injected <- datagram{b: b, from: from}:
				case <-ctx.Done():
					t.Fatal("the node does not read any more")
				}
			}
			a.Stats()
			used = cpuTime() - used
			runtime.GC()
			runtime.ReadMemStats(&after)
			t.Logf("%d random datagrams took %v of CPU time, what made them included: %v each; the heap grew by %d KiB",
				count, used, used/time.Duration(count), (int64(after.HeapAlloc)-int64(before.HeapAlloc))>>10)
			if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 16<<20 {
				t.Errorf("the heap has grown by %d bytes", grown)
			}
			cfg = Config{ID: "b", Keyring: cfg.Keyring, Join: []string{a.Self().Addr}}
			b := start(t, cfg)
			if err := b.Ready(ctx); err != nil {
				t.Fatal(err)
			}
			if _, err := a.Broadcast(ctx, []byte("still here")); err != nil {
				t.Fatal(err)
			}
			receive(t, ctx, b)
		})
	}
}

// TestKeysChangeUnderTraffic: from one key to the next, and away from the first, while
// everybody talks. Nothing is lost, and in the end the first key opens nothing.
func TestKeysChangeUnderTraffic(t *testing.T) {
	ctx := within(t, 2*time.Minute)
	old, young := keyring.NewKey(), keyring.NewKey()
	net := newNetwork(t)
	var rings []*keyring.Ring
	for range 12 {
		ring, err := keyring.New(old)
		if err != nil {
			t.Fatal(err)
		}
		rings = append(rings, ring)
		net.add(Config{Keyring: ring})
	}
	net.ready(ctx)
	talking, stop := context.WithCancel(ctx)
	said := make(chan int)
	go func() {
		count := 0
		defer func() { said <- count }()
		for talking.Err() == nil {
			if _, err := net.members[count%len(net.members)].Broadcast(ctx, make([]byte, 64)); err != nil {
				t.Error(err)
				return
			}
			count++
			time.Sleep(time.Millisecond) // a pace, nothing is waited for
		}
	}()
	step := func(what string, change func(*keyring.Ring) error) {
		for i, ring := range rings {
			if err := change(ring); err != nil {
				t.Fatalf("%s at node %d: %v", what, i, err)
			}
		}
	}
	step("add", func(r *keyring.Ring) error { return r.Add(young) })
	step("use", func(r *keyring.Ring) error { return r.Use(young.ID()) })
	for _, m := range net.members { // all peers have proved to have the new one
		for !m.linksUse(young.ID()) {
			select {
			case <-time.After(5 * time.Millisecond):
			case <-ctx.Done():
				t.Fatal("a link still goes by the old key")
			}
		}
	}
	step("remove", func(r *keyring.Ring) error { return r.Remove(old.ID()) })
	time.Sleep(200 * time.Millisecond) // of traffic under the new key alone
	stop()
	count := <-said
	mustBeRight(t, net.settled(ctx, count))
	// Links that came up just then may go by the old key, and have to come up again.
	lost := uint64(0)
	for _, m := range net.members {
		lost += m.Stats().KeysRemoved
	}
	late := start(t, Config{ID: "late", Keyring: newRingOf(t, old), Join: []string{net.members[0].Self().Addr}})
	for net.members[0].Stats().OtherKeys == 0 {
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			t.Fatal("who has only the old key is not refused")
		}
	}
	if len(late.Links())+len(late.View()) > 0 {
		t.Error("the old key still lets somebody in")
	}
	t.Logf("%d messages while the keys changed, which cost %d links of %d nodes", count, lost, len(net.members))
}

// linksUse reports whether the peers on all links have proved to have a key.
func (m *member) linksUse(id keyring.ID) (all bool) {
	m.do(func() {
		all = true
		for _, l := range m.links {
			all = all && l.secured.PeerKey() == id
		}
	})
	return all
}

func newRingOf(t testing.TB, k keyring.Key) *keyring.Ring {
	ring, err := keyring.New(k)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// TestCertificatesThatNameTheirNodes: who has another node's certificate is not it.
func TestCertificatesThatNameTheirNodes(t *testing.T) {
	ctx := within(t, 20*time.Second)
	ca := newAuthority(t)
	node := func(id, certificate string, join ...string) *Node {
		return start(t, Config{ID: id, TLS: ca.issue(t, certificate), NamedCertificates: true, Join: join})
	}
	a := node("a", "a")
	b := node("b", "b", a.Self().Addr)
	if err := b.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	thief := node("c", "b", a.Self().Addr)
	for a.Stats().BadFrames+thief.Stats().LinksLost == 0 {
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			t.Fatal("nobody was refused")
		}
	}
	for _, n := range []*Node{a, b} {
		for _, l := range n.Links() {
			if l.ID == "c" {
				t.Errorf("%s has a link to c, which has b's certificate", n.Self().ID)
			}
		}
	}
}

// TestARemovedKeyEndsLinks: who has not followed is out at once.
func TestARemovedKeyEndsLinks(t *testing.T) {
	ctx := within(t, 20*time.Second)
	old, young := keyring.NewKey(), keyring.NewKey()
	ring := newRingOf(t, old)
	a := start(t, Config{ID: "a", Keyring: ring})
	b := start(t, Config{ID: "b", Keyring: newRingOf(t, old), Join: []string{a.Self().Addr}})
	for _, n := range []*Node{a, b} {
		if err := n.Ready(ctx); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range []error{ring.Add(young), ring.Use(young.ID()), ring.Remove(old.ID())} {
		if err != nil {
			t.Fatal(err)
		}
	}
	waitEvent(t, ctx, a, LinkDown)
	if a.Stats().KeysRemoved == 0 {
		t.Error("not counted")
	}
}

// TestProofsOfUnknownKeysFillNoLog: they are no offence, so a peer may send as many as
// it likes.
func TestProofsOfUnknownKeysFillNoLog(t *testing.T) {
	ctx := within(t, 20*time.Second)
	ring := newRing(t)
	var log bytes.Buffer
	a := start(t, Config{ID: "a", Keyring: ring, Logger: textLogger(&log)})
	theirs := newRingOf(t, ring.Keys()[0])
	secured := securedConn(t, ctx, a, theirs)
	defer secured.Close()
	greetAs(t, a, secured, "ahead")
	young := keyring.NewKey()
	for _, err := range []error{theirs.Add(young), theirs.Use(young.ID())} {
		if err != nil {
			t.Fatal(err)
		}
	}
	before := a.Stats().LinkBytesReceived
	for range 100 {
		if _, err := secured.Write(wire.AppendProof(nil, secured.AppendProof(nil))); err != nil {
			t.Fatal(err)
		}
	}
	for want := before + 100*uint64(len(wire.AppendProof(nil, secured.AppendProof(nil)))); a.Stats().LinkBytesReceived < want; {
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("not all proofs were read: %+v", a.Stats())
		}
	}
	a.Close()
	if got := strings.Count(log.String(), "does not have"); got != 1 {
		t.Errorf("%d lines in the log, want 1", got)
	}
}

// securedConn is a connection to a node whose ends have proved to have keys.
func securedConn(t testing.TB, ctx context.Context, n *Node, ring *keyring.Ring) *secure.Conn {
	t.Helper()
	upgrader, err := secure.New(secure.Config{Ring: ring})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", n.Self().Addr)
	if err != nil {
		t.Fatal(err)
	}
	secured, err := upgrader.Client(ctx, conn)
	if err != nil {
		t.Fatal(err)
	}
	return secured
}

// greetAs says hello on a connection.
func greetAs(t testing.TB, n *Node, conn net.Conn, name string) {
	t.Helper()
	id := wire.Identity{ID: peer.ID{Name: name, Incarnation: 1}, Addr: netip.MustParseAddrPort("127.0.0.1:9")}
	if _, err := conn.Write(wire.AppendHello(nil, wire.Hello{Identity: id, Horizon: n.cfg.Horizon, Capabilities: n.capabilities()})); err != nil {
		t.Fatal(err)
	}
}

// TestARemovedKeyOpensNoLink: not even on a connection that was secured before it was
// removed, and on which nothing was said since.
func TestARemovedKeyOpensNoLink(t *testing.T) {
	ctx := within(t, 20*time.Second)
	old, young := keyring.NewKey(), keyring.NewKey()
	ring := newRingOf(t, young)
	if err := ring.Add(old); err != nil {
		t.Fatal(err)
	}
	a := start(t, Config{ID: "a", Keyring: ring})
	// The thief has the young key as well: a node proves to have that one to him, and he
	// would hang up by himself. Older key first, so it is what he proves to have.
	both := newRingOf(t, old)
	if err := both.Add(young); err != nil {
		t.Fatal(err)
	}
	secured := securedConn(t, ctx, a, both)
	defer secured.Close()
	if err := ring.Remove(old.ID()); err != nil {
		t.Fatal(err)
	}
	a.Stats() // the loop goes on
	greetAs(t, a, secured, "thief")
	secured.SetReadDeadline(time.Now().Add(3 * time.Second))
	if _, err := io.Copy(io.Discard, secured); isTimeout(err) {
		t.Error("the connection is still open")
	}
	if got := a.Stats().KeysRemoved; got != 1 {
		t.Errorf("%d connections are counted as ended for a key that was removed, want 1", got)
	}
}

// TestPlainNeedsLoopback, or to be asked for.
func TestPlainNeedsLoopback(t *testing.T) {
	var log bytes.Buffer
	for _, tc := range []struct {
		cfg  Config
		want string // in the error
	}{
		{Config{Listen: "127.0.0.1:0"}, ""},
		{Config{Listen: "0.0.0.0:0"}, "Keyring"},
		{Config{Listen: ":0"}, "Keyring"},
		{Config{Listen: "0.0.0.0:0", Plain: true}, ""},
		{Config{Listen: "0.0.0.0:0", Keyring: newRing(t)}, ""},
		{Config{Keyring: &keyring.Ring{}}, "Keyring"},
	} {
		log.Reset()
		tc.cfg.ID, tc.cfg.Logger = "a", textLogger(&log)
		n, err := Start(t.Context(), tc.cfg)
		if err == nil {
			n.Close()
		}
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%+v: %v, want an error about %q", tc.cfg, err, tc.want)
		}
		if said := strings.Contains(log.String(), "no keyring"); err == nil && said != (tc.cfg.Keyring == nil) {
			t.Errorf("listening on %s, plain %v: a warning %v", tc.cfg.Listen, tc.cfg.Plain, said)
		}
	}
}

// TestConnectionsHaveABound: beyond it those that others open are closed and counted, and
// the places that this node needs for its own are left free.
func TestConnectionsHaveABound(t *testing.T) {
	ctx := within(t, 20*time.Second)
	n := start(t, Config{ID: "a"})
	const most, more = 5, 4
	n.do(func() { n.memory.shares[connectionsShare].limit = n.cfg.streams() + most })
	var conns []net.Conn
	for i := range most + more {
		conns = append(conns, raw(t, n, fmt.Sprint("peer-", i)))
		until(t, ctx, "the loop has got to it", func() bool { return int(n.open.Load())+int(n.Stats().TurnedAway) == i+1 })
	}
	if open, away := n.open.Load(), n.Stats().TurnedAway; open != most || away != more {
		t.Errorf("%d connections are open and %d were turned away, want %d and %d", open, away, most, more)
	}
	closes(t, conns[most], 5*time.Second)
	conns[0].Close()
	until(t, ctx, "there is a place again", func() bool { return n.open.Load() == most-1 })
	raw(t, n, "late")
	until(t, ctx, "it is taken", func() bool { return n.open.Load() == most })
}
