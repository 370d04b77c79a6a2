package gossip

import (
	"bytes"
	"context"
	cryptorand "crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/identity"
	"github.com/Ishan27gOrg/gossipProtocol/internal/guard"
	"github.com/Ishan27gOrg/gossipProtocol/internal/secure"
	"github.com/Ishan27gOrg/gossipProtocol/internal/wire"
	"github.com/Ishan27gOrg/gossipProtocol/keyring"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/protocol"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// TestMemoryIsDivided: whatever Config.Memory is, the shares add up to it at most; and
// who asks for what cannot be is told so by the field's name, and what could be.
func TestMemoryIsDivided(t *testing.T) {
	for _, tc := range []struct {
		cfg   Config
		field string
	}{
		{cfg: Config{}},
		{cfg: Config{Keyring: newRing(t)}},
		{cfg: Config{Memory: 64 << 20}},
		{cfg: Config{Memory: 48 << 20, MaxPayload: 64 << 10}},
		{cfg: Config{Memory: 64 << 20, Keyring: newRing(t)}},
		{cfg: Config{Memory: 200 << 20, LogBytes: 100 << 20}},
		{cfg: Config{Memory: 4 << 30}},
		{cfg: Config{Memory: 4 << 30, LogBytes: 1 << 20, BacklogBytes: 1 << 20}},
		{cfg: Config{MaxPayload: 64 << 20, Links: 32}},
		{cfg: Config{Memory: 8 << 20}, field: "Memory"},
		{cfg: Config{Memory: 64 << 20, MaxPayload: 32 << 20}, field: "Memory"},
		{cfg: Config{Memory: 64 << 20, LogBytes: 64 << 20}, field: "LogBytes"},
		{cfg: Config{Memory: 64 << 20, LogBytes: 2 << 20, BacklogBytes: 64 << 20}, field: "BacklogBytes"},
		{cfg: Config{Memory: -1}, field: "Memory"},
	} {
		cfg := tc.cfg.withDefaults()
		err := cfg.validate()
		blame := (*ConfigError)(nil)
		if tc.field != "" {
			if !errors.As(err, &blame) || blame.Field != tc.field {
				t.Errorf("%+v: %v, want an error about %s", tc.cfg, err, tc.field)
				continue
			}
			t.Log(err)
			continue
		}
		if err != nil {
			t.Errorf("%+v: %v", tc.cfg, err)
			continue
		}
		m, err := cfg.plan()
		if err != nil {
			t.Fatal(err)
		}
		sum := 0
		for i := range m.shares {
			s := &m.shares[i]
			sum += s.bytes()
			if s.limit < s.least || !s.spare && s.limit > s.most {
				t.Errorf("%d bytes give a share of %d to %d: %v", cfg.Memory, s.least, s.most, s)
			}
		}
		if sum > m.total+int(numShares) || sum < m.total*99/100 && tc.cfg.LogBytes == 0 {
			t.Errorf("%d bytes were divided into shares of %d", m.total, sum)
		}
		if tc.cfg.Memory != 0 && m.total != tc.cfg.Memory {
			t.Errorf("Memory %d has become %d", tc.cfg.Memory, m.total)
		}
		if tc.cfg.LogBytes != 0 && cfg.LogBytes != tc.cfg.LogBytes {
			t.Errorf("LogBytes %d has become %d", tc.cfg.LogBytes, cfg.LogBytes)
		}
	}
}

// TestTheLeastMemory that an error tells of is enough, and a byte less is not.
func TestTheLeastMemory(t *testing.T) {
	for _, cfg := range []Config{{}, {MaxPayload: 1 << 10}, {Keyring: newRing(t)}, {MaxPayload: 8 << 20, Links: 20}} {
		cfg = cfg.withDefaults()
		m := cfg.table()
		least, _ := m.sum()
		cfg.Memory = int(least) + 1
		if err := cfg.validate(); err != nil {
			t.Error(err)
		}
		cfg.Memory = int(least) - 1
		if err := cfg.validate(); err == nil || !strings.Contains(err.Error(), fmt.Sprint(cfg.Memory+1)) {
			t.Errorf("with a byte less than the least: %v", err)
		}
	}
}

// TestTheDefaultMemory is what the documentation says, and leaves the other defaults.
func TestTheDefaultMemory(t *testing.T) {
	cfg := Config{}.withDefaults()
	m, err := cfg.plan()
	if err != nil {
		t.Fatal(err)
	}
	for i := range m.shares {
		t.Log(&m.shares[i])
	}
	t.Logf("%d MiB in all", m.total>>20)
	text, err := os.ReadFile("../docs/guarantees.md")
	if err != nil {
		t.Fatal(err)
	}
	says := func(want string) {
		t.Helper()
		if !strings.Contains(string(text), want) {
			t.Errorf("docs/guarantees.md does not say %q", want)
		}
	}
	for i := range m.shares {
		s := &m.shares[i]
		says(fmt.Sprintf("\n| %s | %d %s | %g | ", s.name, s.most, s.unit, s.cost))
	}
	least, _ := m.sum()
	small := Config{MaxPayload: 64 << 10}.withDefaults()
	smallest := small.table()
	least2, _ := smallest.sum()
	says(fmt.Sprintf("%d MiB with the defaults and in the", m.total>>20))
	says(fmt.Sprintf("the least is %.0f MiB, or %.0f MiB with `MaxPayload` 64 KiB", math.Ceil(least/(1<<20)), math.Ceil(least2/(1<<20))))
	secured := Config{Keyring: newRing(t)}.withDefaults()
	tls := secured.table()
	says(fmt.Sprintf(", %.0f with TLS; beyond", tls.shares[connectionsShare].cost))
	says(fmt.Sprintf(", %.0f with TLS; likewise", tls.shares[handshakesShare].cost))
	says(fmt.Sprintf("%d with a keyring", tls.shares[noncesShare].most))
	if cfg.LogBytes != 64<<20 || cfg.BacklogBytes != 64<<20 || m.limit(heldShare) != 16<<20 || m.limit(originsShare) != 1<<16 {
		t.Errorf("LogBytes %d, BacklogBytes %d, held back %d, origins %d", cfg.LogBytes, cfg.BacklogBytes, m.limit(heldShare), m.limit(originsShare))
	}
}

func heapNow() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// vessel is a machine with its address book and no sockets, that frames are given to as
// a node gives them.
type vessel struct {
	t   testing.TB
	n   *Node
	now time.Duration
}

func newVessel(t testing.TB, cfg Config) *vessel {
	cfg.ID = "bench"
	cfg = cfg.withDefaults()
	mem, err := cfg.plan()
	if err != nil {
		t.Fatal(err)
	}
	self := peer.ID{Name: cfg.ID, Incarnation: 1}
	n := &Node{cfg: cfg, log: quiet, memory: &mem, book: newBook(self, netip.MustParseAddrPort("10.0.0.1:1"), mem.limit(identitiesShare))}
	n.clock.begin()
	if n.machine, err = protocol.New(0, cfg.machine(n.book.self, n.book, &mem), rand.NewPCG(1, 2)); err != nil {
		t.Fatal(err)
	}
	b := &vessel{t: t, n: n, now: time.Second}
	b.link(1)
	return b
}

// link opens a link that has brought its digest, so that it takes messages.
func (b *vessel) link(id broadcast.LinkID) {
	h := b.n.book.Intern([]byte(fmt.Sprint("peer-", id)), 1, netip.MustParseAddrPort("10.0.0.2:1"))
	b.n.machine.Connected(b.now, id, h, false, &b.n.out)
	b.frame(id, &broadcast.Frame{Kind: broadcast.Neighbor, Priority: true}, nil)
	b.frame(id, &broadcast.Frame{Kind: broadcast.Digest, Opening: true, Digest: []broadcast.DigestPart{{}}}, nil)
}

// frame gives a frame to the machine that comes as bytes, and carries nothing out.
// names are those of the handles that it names, beside the book's.
func (b *vessel) frame(link broadcast.LinkID, f *broadcast.Frame, names naming) {
	b.t.Helper()
	raw := wire.AppendFrame(nil, b.now, f, names)[wire.FrameHeader:]
	if !b.bytes(link, raw) {
		b.t.Fatal("not taken")
	}
}

func (b *vessel) bytes(link broadcast.LinkID, raw []byte) bool {
	raw = append(make([]byte, 0, len(raw)), raw...)
	f, err := wire.DecodeFrame(raw, b.now, b.n.book)
	if b.n.book.takeFull() {
		return false
	}
	if err != nil {
		b.t.Fatal(err)
	}
	if f.Kind == broadcast.Data {
		weigh(&f)
	}
	b.n.machine.HandleFrame(b.now, link, &f, &b.n.out)
	for _, m := range b.n.out.Deliveries {
		b.n.backlog.push(b.n.message(b.now, m), m.ClockBytes)
		wire.EncodeMessage(m, b.n.book)
	}
	b.n.out.Reset()
	return true
}

// naming names as many nodes as one likes, by their handles.
type naming func(peer.Handle) string

func (c naming) Lookup(h peer.Handle) (peer.ID, netip.AddrPort) {
	if c == nil {
		return peer.ID{Name: fmt.Sprint("n", h), Incarnation: 1}, netip.AddrPort{}
	}
	return peer.ID{Name: c(h), Incarnation: 1}, netip.AddrPort{}
}

func (c naming) Intern([]byte, uint64, netip.AddrPort) peer.Handle { return 1 }

// longNames are as long as they may be.
func longNames(h peer.Handle) string { return fmt.Sprintf("%0*d", wire.MaxName, h) }

// TestChargesAreHonest: what a node is charged for what it holds is at least four
// fifths of what that takes, whoever chooses what it is. Each case fills one thing with
// what costs most and is charged least.
func TestChargesAreHonest(t *testing.T) {
	if underRace {
		t.Skip("the race detector changes what things take")
	}
	for _, tc := range []struct {
		name    string
		cfg     Config
		fill    func(b *vessel)
		charged func(b *vessel) int
	}{
		{"small messages", Config{LogBytes: 16 << 20, BacklogBytes: 1 << 20}, func(b *vessel) {
			for seq := range uint64(100_000) {
				b.frame(1, &broadcast.Frame{Kind: broadcast.Data, Message: &broadcast.Message{Dot: peer.Dot{Origin: 100 + peer.Handle(seq%100), Seq: seq/100 + 1}}}, nil)
			}
		}, func(b *vessel) int { u := b.n.machine.Gauges(); return u.LogBytes + b.n.backlog.bytes }},
		{"messages that follow each other", Config{LogBytes: 16 << 20, BacklogBytes: 1 << 20}, func(b *vessel) {
			var deps []peer.Dot
			for seq := range uint64(100_000) {
				d := peer.Dot{Origin: 100 + peer.Handle(seq%1000), Seq: seq/1000 + 1}
				b.frame(1, &broadcast.Frame{Kind: broadcast.Data, Message: &broadcast.Message{Dot: d, Deps: deps, Payload: make([]byte, 64)}}, nil)
				deps = []peer.Dot{d}
			}
		}, func(b *vessel) int { u := b.n.machine.Gauges(); return u.LogBytes + b.n.backlog.bytes }},
		{"messages that are far apart", Config{LogBytes: 32 << 20, BacklogBytes: 1 << 20, Order: Unordered}, func(b *vessel) {
			for i := range uint64(60_000) {
				d := peer.Dot{Origin: 100 + peer.Handle(i%240), Seq: 1 + 65*(i/240)}
				b.frame(1, &broadcast.Frame{Kind: broadcast.Data, Message: &broadcast.Message{Dot: d}}, nil)
			}
		}, func(b *vessel) int {
			u := b.n.machine.Gauges()
			spans := 2 * 16 * u.LogMessages // no more than there may be origins, whose share has room for them
			return u.LogBytes + b.n.backlog.bytes + spans + times(u.Origins, originCost) + times(u.Expected, wantCost)
		}},
		{"a backlog", Config{LogBytes: 1 << 20, BacklogBytes: 16 << 20}, func(b *vessel) {
			for seq := range uint64(100_000) {
				b.frame(1, &broadcast.Frame{Kind: broadcast.Data, Message: &broadcast.Message{Dot: peer.Dot{Origin: 100 + peer.Handle(seq%100), Seq: seq/100 + 1}}}, nil)
			}
		}, func(b *vessel) int { u := b.n.machine.Gauges(); return u.LogBytes + b.n.backlog.bytes }},
		{"held messages that wait for one that does not come", Config{}, func(b *vessel) {
			for seq := range uint64(100_000) {
				b.frame(1, &broadcast.Frame{Kind: broadcast.Data, Message: &broadcast.Message{Dot: peer.Dot{Origin: 100, Seq: seq + 2}}}, nil)
			}
		}, func(b *vessel) int {
			u := b.n.machine.Gauges()
			return u.HeldBytes + times(u.Expected, wantCost)
		}},
		{"dependencies with long names", Config{}, func(b *vessel) {
			for i := range peer.Handle(4) {
				deps := make([]peer.Dot, 8192)
				for j := range deps {
					deps[j] = peer.Dot{Origin: 10_000 + i*8192 + peer.Handle(j), Seq: 1}
				}
				b.frame(1, &broadcast.Frame{Kind: broadcast.Data, Message: &broadcast.Message{Dot: peer.Dot{Origin: 100 + i, Seq: 1}, Deps: deps}}, longNames)
			}
		}, func(b *vessel) int {
			u := b.n.machine.Gauges()
			return u.HeldBytes + times(u.Expected, wantCost) + times(b.n.book.len(), identityCost)
		}},
		{"clocks of many origins", Config{}, func(b *vessel) {
			for i := range peer.Handle(64) {
				clock := vclock.Clock{}
				for j := range 4000 {
					clock = clock.With(vclock.Origin{Name: fmt.Sprintf("%x", int(i)*4000+j), Incarnation: 1}, 1)
				}
				clock = clock.With(vclock.Origin{Name: fmt.Sprint("n", 100+i), Incarnation: 1}, 1)
				b.frame(1, &broadcast.Frame{Kind: broadcast.Data, WithClock: true, Message: &broadcast.Message{
					Dot: peer.Dot{Origin: 100 + i, Seq: 1}, Clock: clock}}, nil)
			}
		}, func(b *vessel) int {
			u := b.n.machine.Gauges()
			return u.HeldBytes + times(u.Expected, wantCost) + times(b.n.book.len(), identityCost)
		}},
		{"clocks of the same origins, that nothing looks into yet", Config{}, func(b *vessel) {
			for i := range peer.Handle(64) {
				clock := vclock.Clock{}.With(vclock.Origin{Name: fmt.Sprint("n", 100+i), Incarnation: 1}, 1)
				for j := range 4000 {
					clock = clock.With(vclock.Origin{Name: fmt.Sprintf("%x", j), Incarnation: 1}, 1)
				}
				b.frame(1, &broadcast.Frame{Kind: broadcast.Data, WithClock: true, Message: &broadcast.Message{
					Dot: peer.Dot{Origin: 100 + i, Seq: 1}, Deps: []peer.Dot{{Origin: 99, Seq: 1}}, Clock: clock}}, nil)
			}
		}, func(b *vessel) int {
			u := b.n.machine.Gauges()
			return u.HeldBytes + times(u.Expected, wantCost) + times(b.n.book.len(), identityCost)
		}},
		{"announcements of nothing", Config{}, func(b *vessel) {
			for i := range 64 {
				var list []broadcast.Announcement
				for j := range 256 {
					list = append(list, broadcast.Announcement{Dot: peer.Dot{Origin: 10_000 + peer.Handle(i*256+j), Seq: 1}})
				}
				b.frame(1, &broadcast.Frame{Kind: broadcast.IHave, Announced: list}, longNames)
			}
		}, func(b *vessel) int {
			u := b.n.machine.Gauges()
			return times(u.Expected, wantCost) + times(b.n.book.len(), identityCost)
		}},
		{"origins with long names", Config{LogBytes: 1 << 20, BacklogBytes: 1 << 20}, func(b *vessel) {
			for i := range peer.Handle(1 << 13) { // each is a head, and all heads are looked at each time
				b.frame(1, &broadcast.Frame{Kind: broadcast.Data, Message: &broadcast.Message{Dot: peer.Dot{Origin: 10_000 + i, Seq: 1}}}, longNames)
			}
		}, func(b *vessel) int {
			u := b.n.machine.Gauges()
			return u.LogBytes + b.n.backlog.bytes + times(u.Origins, originCost) + times(b.n.book.len(), identityCost)
		}},
		{"origins whose clocks were made among many others", Config{LogBytes: 1 << 20, BacklogBytes: 1 << 20}, func(b *vessel) {
			var deps []peer.Dot
			for i := range peer.Handle(16) {
				d := peer.Dot{Origin: 100 + i, Seq: 1}
				b.frame(1, &broadcast.Frame{Kind: broadcast.Data, Message: &broadcast.Message{Dot: d}}, nil)
				if i < 15 {
					deps = append(deps, d)
				}
			}
			last := peer.Dot{Origin: 99}
			for i := range peer.Handle(1 << 11) { // likewise
				b.frame(1, &broadcast.Frame{Kind: broadcast.Data, Message: &broadcast.Message{Dot: peer.Dot{Origin: 10_000 + i, Seq: 1}}}, longNames)
				for range 15 {
					next := peer.Dot{Origin: 99, Seq: last.Seq + 1}
					b.frame(1, &broadcast.Frame{Kind: broadcast.Data, Message: &broadcast.Message{Dot: next, Deps: deps}}, nil)
					last, deps = next, []peer.Dot{next}
				}
			}
		}, func(b *vessel) int {
			u := b.n.machine.Gauges()
			return u.LogBytes + b.n.backlog.bytes + times(u.Origins, originCost) + times(b.n.book.len(), identityCost)
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newVessel(t, tc.cfg)
			b.n.backlog.limit = b.n.cfg.BacklogBytes
			before := heapNow()
			tc.fill(b)
			real := heapNow() - before
			charged := tc.charged(b)
			g := b.n.machine.Gauges()
			t.Logf("%d KiB are charged, %d KiB taken: %.2f; log %d in %d, held %d, expected %d, origins %d, names %d",
				charged>>10, real>>10, float64(charged)/float64(real), g.LogBytes, g.LogMessages, g.HeldMessages, g.Expected, g.Origins, b.n.book.len())
			if float64(charged) < 0.8*float64(real) {
				t.Errorf("%d bytes are charged for %d", charged, real)
			}
			runtime.KeepAlive(b)
		})
	}
}

// TestCostsAreHonest: what the table says that connections, addresses and nonces cost
// is no less than four fifths of what they take. Where both ends of a connection are
// in this process, half of what they take is the node's.
func TestCostsAreHonest(t *testing.T) {
	if underRace {
		t.Skip("the race detector changes what things take")
	}
	const conns = 150
	ring := newRing(t)
	far := netip.MustParseAddrPort("127.0.0.1:9")
	hello := func(conn net.Conn) net.Conn {
		id := wire.Identity{ID: peer.ID{Name: fmt.Sprint("peer-", rand.Uint64()), Incarnation: 1}, Addr: far}
		if _, err := conn.Write(wire.AppendHello(nil, wire.Hello{Identity: id})); err != nil {
			t.Fatal(err)
		}
		if _, err := readFrame(conn, wire.MaxHello); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	up, err := secure.New(secure.Config{Ring: ring})
	if err != nil {
		t.Fatal(err)
	}
	first := firstWrite(t, up)
	for _, tc := range []struct {
		name  string
		ring  *keyring.Ring
		open  func(conn net.Conn) net.Conn
		share int
		halve bool
	}{
		{"handshakes", nil, func(c net.Conn) net.Conn { return c }, handshakesShare, false},
		{"handshakes with TLS", ring, func(c net.Conn) net.Conn { c.Write(first); return c }, handshakesShare, false},
		{"connections", nil, hello, connectionsShare, false},
		{"connections with TLS", ring, func(c net.Conn) net.Conn {
			s, err := up.Client(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			return hello(s)
		}, connectionsShare, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			n := start(t, Config{ID: "a", Keyring: tc.ring})
			before := heapAndStacks()
			var open []net.Conn
			for range conns {
				conn, err := net.Dial("tcp", n.Self().Addr)
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				open = append(open, tc.open(conn))
			}
			for deadline := time.Now().Add(3 * time.Second); n.doors.Stats().Inside+int(n.open.Load()) < conns && time.Now().Before(deadline); {
				time.Sleep(time.Millisecond)
			}
			if tc.ring != nil && tc.share == handshakesShare {
				time.Sleep(300 * time.Millisecond) // for the node to read what it was sent
			}
			each := float64(heapAndStacks()-before) / conns
			if tc.halve {
				each /= 2
			}
			cost := n.memory.shares[tc.share].cost
			t.Logf("%.1f KiB are charged, %.1f KiB taken", cost/1024, each/1024)
			if cost < 0.8*each {
				t.Errorf("%.0f bytes are charged for %.0f", cost, each)
			}
			runtime.KeepAlive(open)
		})
	}
	t.Run("connections with TLS that have had signatures checked", func(t *testing.T) {
		n := start(t, Config{ID: "a", Keyring: ring, Identity: identity.Generate()})
		var people []person
		for range conns {
			people = append(people, newPerson(t, "p", ""))
		}
		before := heapAndStacks()
		var open []*insider
		for _, p := range people {
			in := dialIn(t, n, ring, p, nil)
			in.data(p.said(in.book, broadcast.Message{Dot: peer.Dot{Seq: 1}}))
			open = append(open, in)
		}
		for deadline := time.Now().Add(5 * time.Second); n.Stats().Stray < conns && time.Now().Before(deadline); {
			time.Sleep(time.Millisecond)
		}
		each := float64(heapAndStacks()-before) / conns / 2
		cost := n.memory.shares[connectionsShare].cost
		t.Logf("%.1f KiB are charged, %.1f KiB taken; %d strays", cost/1024, each/1024, n.Stats().Stray)
		if cost < 0.8*each {
			t.Errorf("%.0f bytes are charged for %.0f", cost, each)
		}
		runtime.KeepAlive(open)
		runtime.KeepAlive(people)
	})
	addr := func(i int) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{11, byte(i >> 16), byte(i >> 8), byte(i)}), 9)
	}
	costs := func(name string, cost float64, count int, fill func() any) {
		t.Run(name, func(t *testing.T) {
			before := heapNow()
			kept := fill()
			each := float64(heapNow()-before) / float64(count)
			t.Logf("%.0f bytes are charged, %.0f taken", cost, each)
			if cost < 0.8*each {
				t.Errorf("%.0f bytes are charged for %.0f", cost, each)
			}
			runtime.KeepAlive(kept)
		})
	}
	costs("sources", sourceCost, 4096, func() any {
		a, d, p := guard.NewRates(guard.RatesConfig{}), guard.NewDoors(guard.DoorsConfig{}), guard.NewPenalties(4096)
		for i := range 4096 {
			now := time.Duration(i) * 100 * time.Millisecond // or else the first are forgotten
			a.Unproven(now, addr(i))
			a.Proven(now, addr(i))
			if leave, err := d.Enter(now, addr(i).Addr()); err == nil {
				leave()
			}
			d.Bar(addr(i).Addr(), now+time.Hour)
			p.Punish(now, guard.Culprit{Addr: addr(i).Addr(), Name: longNames(peer.Handle(i))})
		}
		return []any{a, d, p}
	})
	costs("nonces", nonceCost, mostNonces/2, func() any {
		a := guard.NewAddresses(cryptorand.Reader)
		token := a.Token(0, addr(1))
		for i := range mostNonces / 2 {
			nonce := make([]byte, guard.NonceSize)
			binary.BigEndian.PutUint64(nonce, uint64(i))
			if v := a.Accept(0, addr(1), token, nonce); v != guard.Proven {
				t.Fatal(v)
			}
		}
		return a
	})
	v := newVessel(t, Config{})
	const origins = 4000
	digest := broadcast.DigestPart{}
	for i := range peer.Handle(origins) {
		for seq := range uint64(2) {
			v.frame(1, &broadcast.Frame{Kind: broadcast.Data, Message: &broadcast.Message{Dot: peer.Dot{Origin: 10_000 + i, Seq: seq + 1}}}, nil)
		}
		digest.Entries = append(digest.Entries, broadcast.DigestEntry{Origin: 10_000 + i, Contiguous: 1})
	}
	before := v.n.machine.Gauges().Lacks
	costs("catching up", lackCost, origins, func() any {
		v.n.machine.Connected(v.now, 2, v.n.book.Intern([]byte("lagging"), 1, far), false, &v.n.out)
		v.frame(2, &broadcast.Frame{Kind: broadcast.Neighbor, Priority: true}, nil)
		v.frame(2, &broadcast.Frame{Kind: broadcast.Digest, Opening: true, Digest: []broadcast.DigestPart{digest}}, nil)
		if got := v.n.machine.Gauges().Lacks - before; got < origins {
			t.Fatalf("%d origins are remembered of %d", got, origins)
		}
		return v
	})
}

func heapAndStacks() int {
	heap := heapNow()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return heap + int(m.StackInuse)
}

// firstWrite is what a handshake begins with.
func firstWrite(t *testing.T, up *secure.Upgrader) []byte {
	t.Helper()
	near, far := net.Pipe()
	defer near.Close()
	go up.Client(t.Context(), far)
	b := make([]byte, 16<<10)
	n, err := near.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return b[:n]
}

// TestRoom: nobody is given more than there is; who waits comes in his turn; and who
// keeps room without filling it is cut off, the slowest first, once others wait.
func TestRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := room{size: 100}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		take := func(bytes int) {
			t.Helper()
			if err := r.take(ctx, bytes); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.take(ctx, 101); !errors.Is(err, errNoRoom) {
			t.Errorf("more than there is: %v", err)
		}
		take(60)
		take(40)
		var order []int
		var mu sync.Mutex
		waiting := func(bytes int) {
			go func() {
				if r.take(ctx, bytes) == nil {
					mu.Lock()
					defer mu.Unlock()
					order = append(order, bytes)
				}
			}()
			synctest.Wait()
		}
		waiting(90)
		waiting(15) // fits sooner, and does not go first: else the long one would wait for ever
		r.give(60)
		synctest.Wait()
		if len(order) > 0 || r.held() != 40 {
			t.Errorf("%v were served, %d bytes are held", order, r.held())
		}
		r.give(40)
		synctest.Wait()
		if !slices.Equal(order, []int{90}) || r.held() != 90 {
			t.Errorf("%v were served, %d bytes are held", order, r.held())
		}
		r.give(90)
		synctest.Wait()
		if !slices.Equal(order, []int{90, 15}) || r.held() != 15 {
			t.Errorf("%v were served, %d bytes are held", order, r.held())
		}
		// One that fills quickly, one that does not, one that is faster than that.
		var cut []string
		fill := func(name string) *filling {
			return r.watch(func() { mu.Lock(); defer mu.Unlock(); cut = append(cut, name) })
		}
		slow, quick := fill("slow"), fill("quick")
		time.Sleep(10 * stallAfter)
		quick.moves()
		if len(cut) > 0 {
			t.Errorf("%v were cut off while nobody waited", cut)
		}
		waiting(95)
		time.Sleep(stallAfter / 2)
		mu.Lock()
		if !slices.Equal(cut, []string{"slow"}) {
			t.Errorf("%v were cut off", cut)
		}
		mu.Unlock()
		slow.ends()
		quick.ends()
		time.Sleep(10 * stallAfter)
		if len(cut) != 1 {
			t.Errorf("%v were cut off, the frames of the others were whole", cut)
		}
		cancel() // who gives up takes nothing with him
		synctest.Wait()
		r.give(15)
		if r.held() != 0 || len(r.waiting)+len(r.filling) > 0 {
			t.Errorf("%d bytes are held, %d wait, %d fill", r.held(), len(r.waiting), len(r.filling))
		}
	})
}

// TestNoConnectionIsCountedNowhere: those that have said hello count as handshakes until
// the loop has got to them, however long that takes.
func TestNoConnectionIsCountedNowhere(t *testing.T) {
	const conns = 20
	n := start(t, Config{ID: "a"})
	busy, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { n.do(func() { close(busy); <-release }) })
	<-busy
	for i := range conns {
		raw(t, n, fmt.Sprint("peer-", i)) // has read the answer, so that its handshake is over
	}
	time.Sleep(20 * time.Millisecond) // for it to be handed over, if it is
	if got := n.doors.Stats().Inside + int(n.open.Load()); got != conns {
		t.Errorf("%d connections are counted of %d", got, conns)
	}
	close(release)
	wg.Wait()
}

// TestALongFrameIsHardlyCopied: whatever its length, what a frame on its way in takes
// is never more than frameCost says. The buffers that it was in before it was in the last
// one add up to an eighth of it, or to what anybody is trusted with.
func TestALongFrameIsHardlyCopied(t *testing.T) {
	if underRace {
		t.Skip("the race detector changes what things take")
	}
	for _, size := range []int{trusted - 1, trusted, trusted + 1, 3*trusted/2 + 1, 2*trusted - 1, 2 * trusted, 16 * trusted, 16*trusted + 1, 5 << 20, 1<<20 + wire.MaxOverhead} {
		frame := bytes.NewReader(make([]byte, size))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		b, err := readSized(frame, size, nil)
		runtime.ReadMemStats(&after)
		if err != nil || len(b) != size {
			t.Fatal(len(b), err)
		}
		earlier := int(after.TotalAlloc-before.TotalAlloc) - cap(b)
		if most := max(trusted, size/8) + 32<<10; earlier > most || size >= 2*trusted && float64(size+max(trusted, size/growth)) > frameCost*float64(size) { // and what allocating rounds up
			t.Errorf("%d bytes were in buffers of %d before they were in the last one, at most %d are allowed", size, earlier, most)
		}
	}
}

// TestAQueueIsChargedUntilItIsGone: what waits in it until the link ends, and what its
// writer has in hand until that has let go of it.
func TestAQueueIsChargedUntilItIsGone(t *testing.T) {
	n := start(t, Config{ID: "a"})
	near, far := net.Pipe()
	defer far.Close()
	var all atomic.Int64
	l := &link{raw: near, all: &all, start: func() {}}
	step := func(why string, want int64) {
		t.Helper()
		if own, _ := l.waiting(); all.Load() != want || int64(own) != want {
			t.Errorf("%s: %d bytes are charged to all links and %d to this one, want %d", why, all.Load(), own, want)
		}
	}
	const short, long = int64(len(scrap{}) + pieceCost), longPiece + pieceCost
	l.sendRaw(make([]byte, 500))
	l.sendRaw(make([]byte, 500))
	step("two short pieces wait", short)
	l.sendRaw(make([]byte, longPiece))
	step("a long one as well", short+long)
	l.take()
	step("the writer has them", short+long)
	l.sendRaw(make([]byte, 200))
	step("another one waits", short+long+short)
	l.kill()
	step("that is let go of with the link", short+long)
	l.sendRaw(make([]byte, 200))
	step("nothing more is taken", short+long)
	if n.writeBatch(l) {
		t.Error("a link that is closed takes what is written")
	}
	step("the writer as well", 0)
}

// TestRoomGivenAtTheLastMoment goes back, to who has given up and to who waits behind him.
func TestRoomGivenAtTheLastMoment(t *testing.T) {
	ctx := within(t, 10*time.Second)
	r := room{size: 100}
	if err := r.take(ctx, 100); err != nil {
		t.Fatal(err)
	}
	first, second := &waiter{60, make(chan struct{})}, &waiter{80, make(chan struct{})}
	r.waiting = []*waiter{first, second}
	r.give(100)
	<-first.ready
	r.giveUp(first) // who has not seen that
	select {
	case <-second.ready:
	default:
		t.Error("the one behind him waits on")
	}
	r.giveUp(second)
	if r.held() != 0 {
		t.Errorf("%d bytes are held", r.held())
	}
}

// TestBroadcastsWaitWithoutACopy: however many call Broadcast while the log is full,
// only so many payloads are copied; the others wait for their turn, and may give up.
func TestBroadcastsWaitWithoutACopy(t *testing.T) {
	n := start(t, Config{ID: "a", Memory: victimMemory, MaxPayload: 64 << 10})
	payload := make([]byte, 64<<10)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wg sync.WaitGroup
	full := 0
	for { // fill the log, alone, until nothing more goes in
		brief, stop := context.WithTimeout(ctx, 50*time.Millisecond)
		_, err := n.Broadcast(brief, payload)
		stop()
		if err != nil {
			break
		}
		full++
	}
	const callers = 1000
	failed := make(chan error, callers)
	for range callers {
		wg.Go(func() {
			_, err := n.Broadcast(ctx, payload)
			failed <- err
		})
	}
	for n.callers.held() < n.memory.limit(callersShare)-len(payload)-callCost {
		time.Sleep(time.Millisecond)
	}
	if got := n.Stats(); got.MemoryUse.Callers > n.memory.limit(callersShare) || got.MemoryHeld > victimMemory {
		t.Errorf("callers hold %d bytes, of %d", got.MemoryUse.Callers, n.memory.limit(callersShare))
	}
	waiting := 0
	n.do(func() { waiting = len(n.senders) })
	if most := n.memory.limit(callersShare) / len(payload); waiting > most {
		t.Errorf("%d payloads are copied, at most %d fit", waiting, most)
	}
	cancel()
	wg.Wait()
	for range callers {
		if err := <-failed; !errors.Is(err, context.Canceled) {
			t.Fatalf("who gave up is told %v", err)
		}
	}
	if got := n.callers.held(); got != 0 {
		t.Errorf("%d bytes are held when all have given up", got)
	}
	t.Logf("%d messages have filled the log; %d of %d callers had their payload copied", full, waiting, callers)
}

// TestTheAddressBookIsBounded: what names more nodes than there is room for is dropped
// and counted, its link ends, and whoever is needed stays known; then there is room
// again.
func TestTheAddressBookIsBounded(t *testing.T) {
	ctx := within(t, 20*time.Second)
	a := start(t, Config{ID: "a"})
	b := start(t, Config{ID: "b", Join: []string{a.Self().Addr}})
	if err := b.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	const most = 64
	a.do(func() { a.book.most = most })
	conn := raw(t, a, "mallory")
	list := make([]broadcast.Announcement, 4096)
	for i := range list {
		list[i].Dot = peer.Dot{Origin: peer.Handle(i), Seq: 1}
	}
	if _, err := conn.Write(wire.AppendFrame(nil, 0, &broadcast.Frame{Kind: broadcast.IHave, Announced: list}, longNamed)); err != nil {
		t.Fatal(err)
	}
	closes(t, conn, 10*time.Second)
	if s := a.Stats(); s.Crowded != 1 || s.Identities > most || s.Barred+s.BadFrames > 0 {
		t.Errorf("%d frames dropped, %d names are known of %d; %d bad frames", s.Crowded, s.Identities, most, s.BadFrames)
	}
	id, err := b.Broadcast(ctx, []byte("still known"))
	if err != nil {
		t.Fatal(err)
	}
	if m := receive(t, ctx, a); m.ID != id {
		t.Errorf("%v is delivered, want %v", m.ID, id)
	}
	for n := a.Stats().Identities; n > most/2; n = a.Stats().Identities {
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("%d names are still known", n)
		}
	}
}

// longNamed are nodes with names as long as they may be.
var longNamed = naming(longNames)
