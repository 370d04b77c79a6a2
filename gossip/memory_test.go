package gossip

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/internal/wire"
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
	t    testing.TB
	n    *Node
	now  time.Duration
	seqs map[peer.Handle]uint64
}

func newVessel(t testing.TB, cfg Config) *vessel {
	cfg.ID = "bench"
	cfg = cfg.withDefaults()
	mem, err := cfg.plan()
	if err != nil {
		t.Fatal(err)
	}
	self := peer.ID{Name: cfg.ID, Incarnation: 1}
	n := &Node{cfg: cfg, log: quiet, memory: mem, book: newBook(self, netip.MustParseAddrPort("10.0.0.1:1"), mem.limit(identitiesShare))}
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
		b.n.backlog.push(b.n.message(m), m.ClockBytes)
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
