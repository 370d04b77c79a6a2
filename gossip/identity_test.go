package gossip

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/identity"
	"github.com/Ishan27gOrg/gossipProtocol/internal/seal"
	"github.com/Ishan27gOrg/gossipProtocol/internal/secure"
	"github.com/Ishan27gOrg/gossipProtocol/internal/wire"
	"github.com/Ishan27gOrg/gossipProtocol/keyring"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// Attacks by somebody who belongs: he has the cluster's key and an identity of his own.

// insider is a node that says whatever a test likes.
type insider struct {
	t      testing.TB
	conn   *secure.Conn
	signer *signer
	book   *book
}

// person is an identity, and what it signs.
type person struct {
	*signer
	id peer.ID
}

func newPerson(t testing.TB, label, cluster string) person {
	t.Helper()
	key := identity.Generate()
	name, err := identity.Name(label, key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return person{newSigner(&Config{Identity: key, Cluster: cluster}), peer.ID{Name: name, Incarnation: 1}}
}

// epochAt is what messages of a time say about that.
func epochAt(when time.Time, horizon time.Duration) uint32 {
	return uint32(when.UnixNano() / int64(horizon/vclock.Horizon))
}

// said is a message of a person's of now, signed as it is.
func (p person) said(b wire.Book, m broadcast.Message) *broadcast.Message {
	m.Epoch = epochAt(time.Now(), 24*time.Hour)
	return p.dated(b, m)
}

// dated is one of the time that it says.
func (p person) dated(b wire.Book, m broadcast.Message) *broadcast.Message {
	m.Dot.Origin = b.Intern([]byte(p.id.Name), p.id.Incarnation, netip.AddrPort{})
	said := wire.SaidBy(&m, b)
	wire.EncodeSigned(&m, p.key.Sign(p.appendMessageText(nil, &said)), b)
	return &m
}

// dialIn opens a stream to a node and says the hello that change makes of a right one.
func dialIn(t testing.TB, n *Node, ring *keyring.Ring, who person, change func(*wire.Hello, *secure.Conn)) *insider {
	t.Helper()
	upgrader, err := secure.New(secure.Config{Ring: ring})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := net.Dial("tcp", n.Self().Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { raw.Close() })
	conn, err := upgrader.Client(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	self := wire.Identity{ID: who.id, Addr: netip.MustParseAddrPort("127.0.0.1:9")}
	h := wire.Hello{Identity: self, Capabilities: wire.CausalOrder | wire.Signed}
	proof, err := who.proveLink(conn, true)
	if err != nil {
		t.Fatal(err)
	}
	copy(h.Proof[:], proof)
	if change != nil {
		change(&h, conn)
	}
	if _, err := conn.Write(wire.AppendHello(nil, h)); err != nil {
		t.Fatal(err)
	}
	return &insider{t, conn, who.signer, newBook(self.ID, self.Addr, 1<<10)}
}

// infiltrate has a link with a node, which has been told that nothing was had.
func infiltrate(t testing.TB, n *Node, ring *keyring.Ring, who person) *insider {
	t.Helper()
	i := dialIn(t, n, ring, who, nil)
	b, err := readFrame(i.conn, wire.MaxHello)
	if err != nil {
		t.Fatal(err)
	}
	h, err := wire.DecodeHello(b, "", netip.AddrPort{})
	if err != nil {
		t.Fatal(err)
	}
	if err := i.signer.checkHello(&h, i.conn, true); err != nil {
		t.Fatalf("the node's own hello: %v", err)
	}
	i.send(broadcast.Frame{Kind: broadcast.Neighbor, Token: 1, Priority: true})
	i.send(broadcast.Frame{Kind: broadcast.Digest, Opening: true, Digest: []broadcast.DigestPart{{}}})
	return i
}

func (i *insider) send(f broadcast.Frame) {
	i.t.Helper()
	if _, err := i.conn.Write(wire.AppendFrame(nil, 0, &f, i.book)); err != nil {
		i.t.Fatal(err)
	}
}

func (i *insider) data(m *broadcast.Message) {
	i.t.Helper()
	i.send(broadcast.Frame{Kind: broadcast.Data, Message: m})
}

// closed waits until the node has closed the connection.
func (i *insider) closed() {
	i.t.Helper()
	i.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	for {
		if _, err := readFrame(i.conn, 8<<20); err != nil {
			if isTimeout(err) {
				i.t.Error("the node has not closed the connection")
			}
			return
		}
	}
}

// TestARelayCannotAlterOrForge: whatever somebody who relays does to a message ends his
// link and leaves nothing behind; as it is, the message is delivered.
func TestARelayCannotAlterOrForge(t *testing.T) {
	ring := newRing(t)
	alice, other := newPerson(t, "alice", ""), newPerson(t, "alice", "another cluster")
	bob := newPerson(t, "bob", "")
	first := broadcast.Message{Dot: peer.Dot{Seq: 1}, Payload: []byte("pay bob 1")}
	as := func(change func(b *book, m *broadcast.Message)) func(*book) *broadcast.Message {
		return func(b *book) *broadcast.Message {
			m := alice.said(b, first)
			signature := slices.Clone(wire.SignatureOf(m))
			if change(b, m); m.Signed {
				wire.EncodeSigned(m, signature, b)
			} else {
				m.Encoded = nil
			}
			return m
		}
	}
	forgeries, refused := 0, 0
	for _, tc := range []struct {
		name string
		make func(*book) *broadcast.Message
		fine bool
	}{
		{"as it is", as(func(*book, *broadcast.Message) {}), true},
		{"with other hops and age", as(func(_ *book, m *broadcast.Message) { m.Hops, m.Born = 7, -time.Second }), true},
		{"another payload", as(func(_ *book, m *broadcast.Message) { m.Payload = []byte("pay bob 9") }), false},
		{"a longer payload", as(func(_ *book, m *broadcast.Message) { m.Payload = append(m.Payload, '0') }), false},
		{"another past", as(func(b *book, m *broadcast.Message) {
			m.Deps = []peer.Dot{{Origin: b.Intern([]byte(bob.id.Name), 1, netip.AddrPort{}), Seq: 1}}
		}), false},
		{"another epoch", as(func(_ *book, m *broadcast.Message) { m.Epoch-- }), false},
		{"no epoch", as(func(_ *book, m *broadcast.Message) { m.Epoch = 0 }), false},
		{"that it resumes", as(func(_ *book, m *broadcast.Message) { m.Resumes = true }), false},
		{"another number", as(func(_ *book, m *broadcast.Message) { m.Dot.Seq = 2 }), false},
		{"another life", as(func(b *book, m *broadcast.Message) {
			m.Dot.Origin = b.Intern([]byte(alice.id.Name), 2, netip.AddrPort{})
		}), false},
		{"another origin", as(func(b *book, m *broadcast.Message) {
			m.Dot.Origin = b.Intern([]byte(bob.id.Name), 1, netip.AddrPort{})
		}), false},
		{"another label", as(func(b *book, m *broadcast.Message) {
			m.Dot.Origin = b.Intern([]byte(strings.Replace(alice.id.Name, "alice", "alicia", 1)), 1, netip.AddrPort{})
		}), false},
		{"an origin without a key", as(func(b *book, m *broadcast.Message) {
			m.Dot.Origin = b.Intern([]byte("alice"), 1, netip.AddrPort{})
		}), false},
		{"no signature", as(func(_ *book, m *broadcast.Message) { m.Signed = false }), false},
		{"of another cluster", func(b *book) *broadcast.Message { return other.said(b, first) }, false},
		{"signed by the relay", func(b *book) *broadcast.Message {
			m := bob.said(b, first)
			m.Dot.Origin = b.Intern([]byte(alice.id.Name), 1, netip.AddrPort{})
			wire.EncodeSigned(m, slices.Clone(wire.SignatureOf(m)), b)
			return m
		}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ctx := within(t, 20*time.Second)
			n := start(t, Config{ID: "a", Keyring: ring, Identity: identity.Generate()})
			mallory := infiltrate(t, n, ring, newPerson(t, "mallory", ""))
			mallory.data(tc.make(mallory.book))
			if tc.fine {
				if m := receive(t, ctx, n); string(m.Payload) != "pay bob 1" || m.ID.Origin != alice.id.Name {
					t.Errorf("%+v", m)
				}
				return
			}
			forgeries++
			mallory.closed()
			until(t, ctx, "the link's end is noticed", func() bool { return n.Stats().BadFrames > 0 })
			s := n.Stats()
			if s.BadSignatures != 1 || s.Delivered != 0 || s.BadFrames != 1 {
				t.Errorf("%d bad signatures and %d bad frames are counted, %d messages delivered; want 1, 1, 0", s.BadSignatures, s.BadFrames, s.Delivered)
				return
			}
			refused++
		})
	}
	t.Logf("%d of %d forgeries refused, and their links ended", refused, forgeries)
}

// TestNobodySpeaksForTheNodeItself: what this life of a node has said it knows best, and
// needs no signature to tell; what another life of it has said needs one as anybody's does.
func TestNobodySpeaksForTheNodeItself(t *testing.T) {
	ctx := within(t, 20*time.Second)
	ring := newRing(t)
	for _, ago := range []uint64{0, 1} {
		n := start(t, Config{ID: "a", Keyring: ring, Identity: identity.Generate()})
		mallory := infiltrate(t, n, ring, newPerson(t, "mallory", ""))
		self := mallory.book.Intern([]byte(n.self.ID.Name), n.self.ID.Incarnation-ago, netip.AddrPort{})
		mallory.data(&broadcast.Message{Dot: peer.Dot{Origin: self, Seq: 1}, Payload: []byte("I said so"), Epoch: epochAt(time.Now(), 24*time.Hour)})
		if ago > 0 {
			mallory.closed()
		}
		until(t, ctx, "it is refused", func() bool { s := n.Stats(); return s.Counters.Forged+s.BadFrames > 0 })
		if s := n.Stats(); s.Delivered != 0 || s.BadSignatures != ago || s.BadFrames != ago {
			t.Errorf("%d lives ago: %d are delivered, %d bad signatures and %d bad frames counted", ago, s.Delivered, s.BadSignatures, s.BadFrames)
		}
	}
}

// TestAnotherLabelIsNoWayBack: whoever has misbehaved is known by his key, whatever else
// he calls himself.
func TestAnotherLabelIsNoWayBack(t *testing.T) {
	ctx := within(t, 20*time.Second)
	ring := newRing(t)
	n := start(t, Config{ID: "a", Keyring: ring, Identity: identity.Generate()})
	who := newPerson(t, "mallory", "")
	mallory := infiltrate(t, n, ring, who)
	mallory.data(&broadcast.Message{Dot: peer.Dot{Origin: mallory.book.Intern([]byte("alice"), 1, netip.AddrPort{}), Seq: 1}})
	mallory.closed()
	until(t, ctx, "the link's end is noticed", func() bool { return n.Stats().BadFrames > 0 })
	for i, label := range []string{"mallory", "innocent"} {
		name, err := identity.Name(label, who.key.Public())
		if err != nil {
			t.Fatal(err)
		}
		dialIn(t, n, ring, person{who.signer, peer.ID{Name: name, Incarnation: 2}}, nil).closed()
		if got := n.Stats().Barred; got != uint64(i+1) {
			t.Errorf("as %q he is not barred: %d were", label, got)
		}
	}
	infiltrate(t, n, ring, newPerson(t, "mallory", "")) // who has only the label in common
	until(t, ctx, "somebody else is welcome", func() bool { return len(n.Links()) == 1 })
}

// TestAKeyIsSampledOnce: whatever it calls itself, a key is one peer to Brahms' samplers.
func TestAKeyIsSampledOnce(t *testing.T) {
	cfg := Config{ID: "a", Keyring: newRing(t), Identity: identity.Generate(), Sampling: peersampling.Brahms(30)}
	n, other := start(t, cfg), start(t, cfg)
	alice, bob := newPerson(t, "alice", ""), newPerson(t, "bob", "")
	sees := map[*Node]func(peer.Handle) uint64{n: n.machineConfig().Sampling.Identity, other: other.machineConfig().Sampling.Identity}
	number := func(n *Node, name string) (x uint64) {
		n.do(func() { x = sees[n](n.book.meet(peer.ID{Name: name, Incarnation: 1}, victim)) })
		return x
	}
	alias := strings.Replace(alice.id.Name, "alice", "carol", 1)
	if number(n, alice.id.Name) != number(n, alias) {
		t.Error("under another label she is somebody else")
	}
	if number(n, alice.id.Name) == number(n, bob.id.Name) {
		t.Error("alice and bob are one")
	}
	if number(n, alice.id.Name) == number(other, alice.id.Name) {
		t.Error("others can tell what this node's samplers see")
	}
}

// TestWhoCannotShowThatHeHasTheKey gets no link.
func TestWhoCannotShowThatHeHasTheKey(t *testing.T) {
	ring := newRing(t)
	alice, mallory := newPerson(t, "alice", ""), newPerson(t, "mallory", "")
	var recorded [wire.SignatureSize]byte
	count := func(f func(Stats) uint64) func(*Node) uint64 { return func(n *Node) uint64 { return f(n.Stats()) } }
	bad := count(func(s Stats) uint64 { return s.BadSignatures })
	for _, tc := range []struct {
		name   string
		change func(*wire.Hello, *secure.Conn)
		refuse func(*Node) uint64
	}{
		{"as it is", func(h *wire.Hello, _ *secure.Conn) { recorded = h.Proof }, nil},
		{"a signature from another session", func(h *wire.Hello, _ *secure.Conn) { h.Proof = recorded }, bad},
		{"somebody else's name", func(h *wire.Hello, _ *secure.Conn) { h.ID = alice.id }, bad},
		{"a name without a key", func(h *wire.Hello, _ *secure.Conn) { h.ID.Name = "mallory" }, bad},
		{"no signature", func(h *wire.Hello, _ *secure.Conn) { h.Proof = [wire.SignatureSize]byte{} }, bad},
		{"the other end's role", func(h *wire.Hello, c *secure.Conn) {
			proof, err := mallory.proveLink(c, false)
			if err != nil {
				t.Error(err)
			}
			copy(h.Proof[:], proof)
		}, bad},
		{"no identity", func(h *wire.Hello, _ *secure.Conn) {
			h.ID.Name, h.Proof, h.Capabilities = "mallory", [64]byte{}, wire.CausalOrder
		},
			count(func(s Stats) uint64 { return s.Unsigned })},
	} {
		t.Run(tc.name, func(t *testing.T) {
			n := start(t, Config{ID: "a", Keyring: ring, Identity: identity.Generate()})
			i := dialIn(t, n, ring, mallory, tc.change)
			if tc.refuse == nil {
				if _, err := readFrame(i.conn, wire.MaxHello); err != nil {
					t.Fatal(err)
				}
				return
			}
			i.closed()
			for end := time.Now().Add(5 * time.Second); tc.refuse(n) != 1; time.Sleep(time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("not counted: %+v", n.Stats())
				}
			}
		})
	}
}

// TestAllOrNoneHaveIdentities: under one keyring, whoever dials.
func TestAllOrNoneHaveIdentities(t *testing.T) {
	for _, first := range []*identity.Key{nil, identity.Generate()} {
		ctx := within(t, 20*time.Second)
		ring := newRing(t)
		second := identity.Generate()
		if first != nil {
			second = nil
		}
		a := start(t, Config{ID: "a", Keyring: ring, Identity: first})
		b := start(t, Config{ID: "b", Keyring: ring, Identity: second, Join: []string{a.Self().Addr}})
		until(t, ctx, "something is refused", func() bool { return a.Stats().Unsigned+b.Stats().Unsigned > 2 })
		if len(a.Links())+len(b.Links()) > 0 {
			t.Error("there is a link")
		}
		for _, n := range []*Node{a, b} {
			if s := n.Stats(); s.Revoked+s.BadSignatures > 0 {
				t.Errorf("%s counts %d revoked and %d bad signatures", n.Self().ID, s.Revoked, s.BadSignatures)
			}
		}
	}
}

// TestWhatIdentitiesNeed: each mistake is blamed on the field that mends it.
func TestWhatIdentitiesNeed(t *testing.T) {
	ring, key := newRing(t), identity.Generate()
	only := func(p ...identity.Public) *identity.Roster {
		r, err := identity.NewAllowlist(p...)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for _, tc := range []struct {
		cfg   Config
		field string
	}{
		{Config{Keyring: ring, Identity: key}, ""},
		{Config{Keyring: ring, Identity: key, Roster: only(key.Public())}, ""},
		{Config{TLS: newAuthority(t).issue(t, "node"), Identity: key}, ""},
		{Config{Keyring: ring, Identity: key, Listen: "0.0.0.0:0", Advertise: "127.0.0.1:7946"}, ""},
		{Config{Keyring: ring, Identity: key, Listen: "0.0.0.0:0"}, "Advertise"},
		{Config{Keyring: ring, Identity: key, ID: strings.Repeat("n", identity.MaxLabel+1)}, "ID"},
		{Config{Keyring: ring, Identity: key, ID: "a~b"}, "ID"},
		{Config{Identity: key}, "Identity"},
		{Config{Keyring: ring, Identity: new(identity.Key)}, "Identity"},
		{Config{Keyring: ring, Roster: identity.NewRoster()}, "Roster"},
		{Config{Keyring: ring, Identity: key, Roster: only()}, "Roster"},
	} {
		tc.cfg.Logger = quiet
		n, err := Start(t.Context(), tc.cfg)
		if err == nil {
			if label, p, ok := identity.Split(n.Self().ID); !ok || p != key.Public() || !strings.HasPrefix(label, "node-") {
				t.Errorf("the node's name is %q", n.Self().ID)
			}
			n.Close()
		}
		if got := fieldOf(err); got != tc.field {
			t.Errorf("%+v: %v, want an error about %q", tc.cfg, err, tc.field)
		}
	}
}

func fieldOf(err error) string {
	if err == nil {
		return ""
	}
	if e, ok := err.(*ConfigError); ok {
		return e.Field
	}
	return err.Error()
}

// TestAddressesAreTheirOwnersWord: what a node believes of where others are.
func TestAddressesAreTheirOwnersWord(t *testing.T) {
	here, there := netip.MustParseAddrPort("192.0.2.1:7946"), netip.MustParseAddrPort("192.0.2.2:7946")
	alice, bob, elsewhere := newPerson(t, "alice", ""), newPerson(t, "bob", ""), newPerson(t, "alice", "another cluster")
	start := time.Unix(1_800_000_000, 0)
	prove := func(p person, at netip.AddrPort, when time.Duration) []byte {
		return p.proveAddress(wire.Identity{ID: p.id, Addr: at}, uint64(start.Add(when).Unix()))
	}
	type step struct {
		why    string
		id     peer.ID
		addr   netip.AddrPort
		proof  []byte
		where  netip.AddrPort // then, as far as is known
		refuse bool
	}
	var stats Stats
	for _, tc := range []struct {
		name  string
		now   time.Duration
		steps []step
		want  Stats
	}{
		{"the newest counts", 0, []step{
			{"alice is here", alice.id, here, prove(alice, here, 0), here, false},
			{"again", alice.id, here, prove(alice, here, 0), here, false},
			{"an older one that agrees", alice.id, here, prove(alice, here, -time.Minute), here, false},
			{"where she was", alice.id, there, prove(alice, there, -time.Second), here, true},
			{"of the same second", alice.id, there, prove(alice, there, 0), here, true},
			{"she has moved", alice.id, there, prove(alice, there, time.Second), there, false},
			{"not back", alice.id, here, prove(alice, here, 0), there, true},
		}, Stats{Outdated: 3}},
		{"no proof", 0, []step{{"", alice.id, here, nil, netip.AddrPort{}, true}}, Stats{Unsigned: 1}},
		{"no key", 0, []step{{"", peer.ID{Name: "alice", Incarnation: 1}, here, prove(alice, here, 0), netip.AddrPort{}, true}}, Stats{Unsigned: 1}},
		{"a false address", 0, []step{{"", alice.id, there, prove(alice, here, 0), netip.AddrPort{}, true}}, Stats{BadSignatures: 1}},
		{"another life", 0, []step{{"", peer.ID{Name: alice.id.Name, Incarnation: 2}, here, prove(alice, here, 0), netip.AddrPort{}, true}}, Stats{BadSignatures: 1}},
		{"signed by another", 0, []step{{"", alice.id, here, prove(bob, here, 0), netip.AddrPort{}, true}}, Stats{BadSignatures: 1}},
		{"of another cluster", 0, []step{{"", elsewhere.id, here, prove(elsewhere, here, 0), netip.AddrPort{}, true}}, Stats{BadSignatures: 1}},
		{"with another time", 0, []step{{"", alice.id, here, append(prove(alice, here, -1)[:8:8], prove(alice, here, -time.Hour)[8:]...), netip.AddrPort{}, true}}, Stats{BadSignatures: 1}},
		{"only the first wrong one is looked at", 0, []step{
			{"wrong", alice.id, there, prove(alice, here, 0), netip.AddrPort{}, true},
			{"wrong again", bob.id, there, prove(bob, here, 0), netip.AddrPort{}, true},
		}, Stats{BadSignatures: 1}},
		{"an hour old", time.Hour, []step{{"", alice.id, here, prove(alice, here, 0), here, false}}, Stats{}},
		{"older", time.Hour + time.Second, []step{{"", alice.id, here, prove(alice, here, 0), netip.AddrPort{}, true}}, Stats{Outdated: 1}},
		{"an eighth of the horizon ahead", -time.Minute, []step{{"", alice.id, here, prove(alice, here, 0), here, false}}, Stats{}},
		{"of tomorrow", -time.Minute - time.Second, []step{{"", alice.id, here, prove(alice, here, 0), netip.AddrPort{}, true}}, Stats{Outdated: 1}},
		{"of the end of time", 0, []step{{"", alice.id, here, append(bytes.Repeat([]byte{0xff}, 8), prove(alice, here, 0)[8:]...), netip.AddrPort{}, true}}, Stats{Outdated: 1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			stats = Stats{}
			self := newPerson(t, "self", "")
			plain := newBook(self.id, netip.MustParseAddrPort("192.0.2.9:1"), 1<<10)
			plain.signed = true
			b := &provenBook{book: plain, signer: self.signer, stats: &stats, horizon: 8 * time.Minute,
				wall: func() time.Time { return start.Add(tc.now) }}
			b.begin()
			for _, s := range tc.steps {
				h := b.InternProven([]byte(s.id.Name), s.id.Incarnation, s.addr, s.proof)
				if (h == peer.None) != s.refuse {
					t.Errorf("%s: refused %v, want %v", s.why, h == peer.None, s.refuse)
				}
				_, got := b.Lookup(b.Intern([]byte(s.id.Name), s.id.Incarnation, netip.AddrPort{}))
				if got != s.where {
					t.Errorf("%s: is at %v now, want %v", s.why, got, s.where)
				}
				if plain.Intern([]byte(s.id.Name), s.id.Incarnation, there) != peer.None {
					t.Errorf("%s: an address without a proof is taken", s.why)
				}
			}
			if stats != tc.want {
				t.Errorf("counted %+v, want %+v", stats, tc.want)
			}
			if p := b.Proof(b.self); !b.isCurrent(p) || !bytes.Equal(p, b.Proof(b.self)) {
				t.Errorf("its own proof is %x", p)
			}
		})
	}
}

// TestProofsAreNotPassedOnForEver: nobody would believe them, and blame whom they come from.
func TestProofsAreNotPassedOnForEver(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	self, alice := newPerson(t, "self", ""), newPerson(t, "alice", "")
	plain := newBook(self.id, netip.MustParseAddrPort("192.0.2.9:1"), 1<<10)
	plain.signed = true
	b := &provenBook{book: plain, signer: self.signer, stats: new(Stats), horizon: 8 * time.Hour, wall: func() time.Time { return now }}
	own := b.Proof(b.self)
	h := b.InternProven([]byte(alice.id.Name), alice.id.Incarnation, victim, alice.proveAddress(wire.Identity{ID: alice.id, Addr: victim}, uint64(now.Unix())))
	for _, step := range []struct {
		after         time.Duration
		hers, renewed bool
	}{
		{0, true, false},
		{proofEvery, true, false},
		{proofEvery + time.Second, true, true},
		{proofAge, true, true},
		{proofAge + time.Second, false, true},
	} {
		now = time.Unix(1_800_000_000, 0).Add(step.after)
		if got := b.Proof(h) != nil; got != step.hers {
			t.Errorf("after %v hers is passed on: %v", step.after, got)
		}
		if got := !bytes.Equal(own, b.Proof(b.self)); got != step.renewed {
			t.Errorf("after %v this node's own is renewed: %v", step.after, got)
		}
	}
}

// TestWhatIsVerifiedOnce: the memory of signatures that were right is of the three that
// make one right together, and lets nothing else pass: whoever has changed one of them
// would have it passed on, and those who do so cut off.
func TestWhatIsVerifiedOnce(t *testing.T) {
	alice, bob := identity.Generate(), identity.Generate()
	text, other := []byte("what alice says"), []byte("what she does not")
	signature := alice.Sign(text)
	var v verified
	for _, tc := range []struct {
		why             string
		who             *identity.Key
		text, signature []byte
		right           bool
	}{
		{"for the first time", alice, text, signature, true},
		{"again", alice, text, signature, true},
		{"another signature", alice, text, bob.Sign(text), false},
		{"one that is cut", alice, text, signature[:63], false},
		{"none", alice, text, nil, false},
		{"another text", alice, other, signature, false},
		{"another one's", bob, text, signature, false},
		{"the end of the signature in front of the text", alice, append(slices.Clone(signature[60:]), text...), signature[:60], false},
		{"and still", alice, text, signature, true},
	} {
		if got := v.check(tc.who.Public(), tc.text, tc.signature); got != tc.right {
			t.Errorf("%s: %v, want %v", tc.why, got, tc.right)
		}
	}
}

// TestAFalseDescriptor: somebody with the cluster's key says where others are. Only what
// they have signed themselves counts, and it is passed on.
func TestAFalseDescriptor(t *testing.T) {
	ring := newRing(t)
	cfg, tap := tapped(Config{ID: "a", Keyring: ring, Identity: identity.Generate()})
	n := start(t, cfg)
	mallory, alice, bob := newPerson(t, "mallory", ""), newPerson(t, "alice", ""), newPerson(t, "bob", "")
	from := netip.MustParseAddrPort("127.0.0.1:999")
	where := wire.Identity{ID: mallory.id, Addr: from}
	stats := Stats{}
	theirs := &provenBook{book: newBook(where.ID, from, 1<<10), signer: mallory.signer, stats: &stats, horizon: time.Hour, wall: time.Now}
	know := func(p person, at, said netip.AddrPort) peer.Descriptor {
		h := theirs.meet(p.id, said)
		theirs.entries[h].proof = (*addressProof)(p.proveAddress(wire.Identity{ID: p.id, Addr: at}, uint64(time.Now().Unix())))
		return peer.Descriptor{Peer: h}
	}
	right := netip.MustParseAddrPort("127.0.0.1:1")
	fair, forged := know(alice, right, right), know(bob, right, victim)
	tell := func(nonce uint64, view ...peer.Descriptor) (knows string) {
		t.Helper()
		var token uint64
		n.do(func() { token = tokenNumber(n.addresses.Token(n.now(), from)) })
		exchange := wire.AppendPacket(nil, wire.ClusterTag(""), where,
			&peersampling.Packet{Kind: peersampling.ExchangeRequest, Nonce: nonce, View: view, Token: token, Room: wire.MaxDatagram - seal.Overhead}, theirs)
		tap.inject(t, n, seal.New(ring, "").Seal(nil, exchange, false), from)
		for _, p := range n.View() {
			knows += p.ID + " at " + p.Addr + "\n"
		}
		return knows
	}
	// No node that checks what it passes on sends this, so none of it counts.
	if got := tell(1, fair, forged); got != "" || n.Stats().BadSignatures != 1 || len(tap.sentTo(from)) > 0 {
		t.Errorf("with a forged descriptor: the view is %q, %d bad signatures are counted", got, n.Stats().BadSignatures)
	}
	if got := tell(2, fair); !strings.Contains(got, alice.id.Name+" at "+right.String()) || strings.Contains(got, bob.id.Name) {
		t.Errorf("the view is %q, want alice where she says she is, and no bob", got)
	}
	answer := tap.sentTo(from)
	if len(answer) == 0 {
		t.Fatal("the second one is not answered")
	}
	opened, err := seal.New(ring, "").Open(nil, answer[len(answer)-1].b)
	if err != nil {
		t.Fatal(err)
	}
	theirs.begin()
	p, err := wire.DecodePacket(opened.Plain, wire.ClusterTag(""), from, nil, theirs)
	if err != nil || p.Kind != peersampling.ExchangeReply || p.Peer == peer.None || stats.BadSignatures+stats.Unsigned+stats.Outdated > 0 {
		t.Errorf("the answer is %+v, %v; %+v", p, err, stats)
	}
}

// TestSignaturesInDatagramsAreRationed: mallory has made up thousands of identities, and
// sends the addresses that they have signed as fast as he may. Each takes as long to check
// as an answer to ten requests, and is charged as them.
func TestSignaturesInDatagramsAreRationed(t *testing.T) {
	ring := newRing(t)
	cfg, tap := tapped(Config{ID: "a", Keyring: ring, Identity: identity.Generate()})
	n := start(t, cfg)
	mallory := newPerson(t, "mallory", "")
	from := netip.MustParseAddrPort("127.0.0.1:999")
	where := wire.Identity{ID: mallory.id, Addr: from}
	theirs := &provenBook{book: newBook(where.ID, from, 1<<14), signer: mallory.signer, stats: new(Stats), horizon: time.Hour, wall: time.Now}
	sealer := seal.New(ring, "")
	const views, each = 100, 6
	nonce := uint64(0)
	tell := func(view ...peer.Descriptor) {
		nonce++
		var token uint64
		n.do(func() { token = tokenNumber(n.addresses.Token(n.now(), from)) })
		exchange := wire.AppendPacket(nil, wire.ClusterTag(""), where,
			&peersampling.Packet{Kind: peersampling.ExchangeRequest, Nonce: nonce, View: view, Token: token, Room: wire.MaxDatagram - seal.Overhead}, theirs)
		tap.inject(t, n, sealer.Seal(nil, exchange, false), from)
	}
	for range views {
		var view []peer.Descriptor
		for range each {
			p := newPerson(t, "x", "")
			h := theirs.meet(p.id, from)
			theirs.entries[h].proof = (*addressProof)(p.proveAddress(wire.Identity{ID: p.id, Addr: from}, uint64(time.Now().Unix())))
			view = append(view, peer.Descriptor{Peer: h})
		}
		tell(view...)
	}
	burst := 400 / signatureWeight // of one address
	if s := n.Stats(); s.Identities > 4*burst || s.Identities < burst || s.Throttled < views/2 {
		t.Errorf("%d of %d signatures were checked, %d datagrams of %d dropped", s.Identities, views*each, s.Throttled, views)
	}
}

// TestClaimsGoAsFarAsTheirEvidence: of each kind of claim what goes beyond it is cut off,
// counted once for each origin, and all else stays as it was.
func TestClaimsGoAsFarAsTheirEvidence(t *testing.T) {
	n := start(t, Config{ID: "a", Keyring: newRing(t), Identity: identity.Generate()})
	has := broadcast.Evidence{Seq: 5, Proof: "checked before"}
	entry := func(contiguous, gone uint64, spans ...broadcast.Span) broadcast.DigestEntry {
		return broadcast.DigestEntry{Origin: n.book.self, Contiguous: contiguous, Gone: gone, Spans: spans, Evidence: has}
	}
	type span = broadcast.Span
	for _, tc := range []struct {
		claim, want broadcast.DigestEntry
		beyond      uint64
	}{
		{entry(5, 5), entry(5, 5), 0},
		{entry(6, 0), entry(5, 0), 1},
		{entry(6, 6), entry(5, 5), 1},
		{entry(3, 6), entry(3, 5), 1},
		{entry(1, 0, span{From: 3, To: 5}), entry(1, 0, span{From: 3, To: 5}), 0},
		{entry(1, 0, span{From: 3, To: 3}, span{From: 5, To: 6}), entry(1, 0, span{From: 3, To: 3}), 1},
	} {
		n.do(func() {
			before := n.stats.Unproved
			f := broadcast.Frame{Kind: broadcast.Digest, Digest: []broadcast.DigestPart{{Entries: []broadcast.DigestEntry{tc.claim}}}}
			n.limitClaims(&f)
			got := f.Digest[0].Entries[0]
			if got.Contiguous != tc.want.Contiguous || got.Gone != tc.want.Gone || !slices.Equal(got.Spans, tc.want.Spans) || n.stats.Unproved-before != tc.beyond {
				t.Errorf("%+v becomes %+v, and %d are counted; want %+v and %d", tc.claim, got, n.stats.Unproved-before, tc.want, tc.beyond)
			}
		})
	}
	for upTo, want := range map[uint64]uint64{0: 0, 5: 5, 6: 0} {
		n.do(func() {
			f := broadcast.Frame{Kind: broadcast.Gone, Gone: []broadcast.GoneEntry{{Dot: peer.Dot{Origin: n.book.self, Seq: 1}, UpTo: upTo, Evidence: has}}}
			if n.limitClaims(&f); f.Gone[0].UpTo != want {
				t.Errorf("gone up to %d becomes %d, want %d", upTo, f.Gone[0].UpTo, want)
			}
		})
	}
}

// wanted waits until the node asks for a message.
func (i *insider) wanted() peer.Dot {
	i.t.Helper()
	i.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	for {
		b, err := readFrame(i.conn, 8<<20)
		if err != nil {
			i.t.Fatal(err)
		}
		if f, err := wire.DecodeFrame(b, 0, i.book); err == nil && f.Kind == broadcast.Want {
			return f.Wants[0].Dot
		}
	}
}

// monologue is what somebody says in order.
func (p person) monologue(b *book, count uint64) (list []*broadcast.Message) {
	for seq := uint64(1); seq <= count; seq++ {
		m := broadcast.Message{Dot: peer.Dot{Seq: seq}, Payload: fmt.Append(nil, "alice ", seq)}
		if seq > 1 {
			m.Deps = []peer.Dot{{Origin: list[0].Dot.Origin, Seq: seq - 1}}
		}
		list = append(list, p.said(b, m))
	}
	return list
}

// evidenceOf is what a message shows of how far its origin has got.
func evidenceOf(b wire.Book, m *broadcast.Message) broadcast.Evidence {
	said := wire.SaidBy(m, b)
	return broadcast.Evidence{Seq: m.Dot.Seq, Proof: string(said.Rest[:]) + string(wire.SignatureOf(m))}
}

// TestAForgedClaimSilencesNobody: mallory says that alice has said very much, all of it
// gone, so that whatever she says from now on would count as had. He has the node ask by
// a message of his own that depends on one of hers, or says it in a repair.
func TestAForgedClaimSilencesNobody(t *testing.T) {
	const far = 1 << 53
	ring := newRing(t)
	alice := newPerson(t, "alice", "")
	for _, tc := range []struct {
		name     string
		upTo     uint64
		evidence func(b *book, hers []*broadcast.Message) broadcast.Evidence
		ends     bool   // the link
		had      uint64 // of what she says later
	}{
		{"without evidence", far, func(*book, []*broadcast.Message) (e broadcast.Evidence) { return e }, false, 0},
		{"with evidence of less", far, func(b *book, hers []*broadcast.Message) broadcast.Evidence { return evidenceOf(b, hers[4]) }, false, 0},
		{"with evidence under another number", far, func(b *book, hers []*broadcast.Message) broadcast.Evidence {
			e := evidenceOf(b, hers[4])
			e.Seq = far
			return e
		}, true, 0},
		{"with evidence of another origin", 5, func(b *book, hers []*broadcast.Message) broadcast.Evidence {
			return evidenceOf(b, newPerson(t, "eve", "").monologue(b, 5)[4])
		}, true, 0},
		// What is true is believed: then those five are a gap.
		{"with evidence", 5, func(b *book, hers []*broadcast.Message) broadcast.Evidence { return evidenceOf(b, hers[4]) }, false, 5},
	} {
		for _, how := range []string{"gone", "repair"} {
			t.Run(tc.name+", in a "+how, func(t *testing.T) {
				ctx := within(t, 20*time.Second)
				n := start(t, Config{ID: "a", Keyring: ring, Identity: identity.Generate()})
				who := newPerson(t, "mallory", "")
				mallory := infiltrate(t, n, ring, who)
				hers := alice.monologue(mallory.book, 7)
				evidence := tc.evidence(mallory.book, hers)
				gone := func(d peer.Dot) {
					mallory.send(broadcast.Frame{Kind: broadcast.Gone, Gone: []broadcast.GoneEntry{{Dot: d, UpTo: tc.upTo, Age: time.Minute, Evidence: evidence}}})
				}
				if how == "gone" {
					mallory.data(who.said(mallory.book, broadcast.Message{Dot: peer.Dot{Seq: 1}, Deps: []peer.Dot{hers[4].Dot}, Payload: []byte("so she said")}))
					gone(mallory.wanted())
				} else {
					accomplice := dialIn(t, n, ring, newPerson(t, "accomplice", ""), nil)
					accomplice.send(broadcast.Frame{Kind: broadcast.Neighbor, Token: 1, Repair: true})
					accomplice.book = mallory.book
					accomplice.send(broadcast.Frame{Kind: broadcast.Digest, Opening: true, Digest: []broadcast.DigestPart{{Entries: []broadcast.DigestEntry{
						{Origin: hers[0].Dot.Origin, Contiguous: tc.upTo, Gone: tc.upTo, Age: time.Minute, Evidence: evidence}}}}})
					accomplice.send(broadcast.Frame{Kind: broadcast.SyncDone})
					accomplice.closed()
					if tc.had > 0 {
						gone(mallory.wanted()) // the claim stands, and nobody has it
					}
				}
				if tc.ends && how == "gone" {
					mallory.closed()
				}
				if tc.upTo == far && !tc.ends { // links are read at once, and this one before hers
					until(t, ctx, "the claim is heard", func() bool { return n.Stats().Unproved > 0 })
				}
				if tc.had > 0 { // what was claimed is believed before she says it
					until(t, ctx, "the gap is accepted", func() bool { return n.Stats().GapMessages > 0 })
				}
				her := infiltrate(t, n, ring, alice)
				for _, m := range alice.monologue(her.book, 7) {
					// With its clock, which nobody can work out behind a gap.
					m.Clock = vclock.Clock{}.With(alice.id, m.Dot.Seq)
					her.send(broadcast.Frame{Kind: broadcast.Data, Message: m, WithClock: true})
				}
				for seq := tc.had + 1; seq <= 7; {
					if m := receive(t, ctx, n); m.ID.Origin == alice.id.Name {
						if m.ID.Seq != seq {
							t.Fatalf("message %d of alice comes, want %d", m.ID.Seq, seq)
						}
						seq++
					}
				}
				s := n.Stats()
				t.Logf("messages up to %d are said to be gone: %d are given up, and the %d later ones arrive", tc.upTo, s.GapMessages, 7-tc.had)
				if s.GapMessages != tc.had || (s.BadSignatures > 0) != tc.ends || (s.Unproved > 0) != (tc.upTo == far && !tc.ends) {
					t.Errorf("%d messages are gaps, %d bad signatures, %d claims without evidence", s.GapMessages, s.BadSignatures, s.Unproved)
				}
			})
		}
	}
}

// until waits for something that no event tells of.
func until(t testing.TB, ctx context.Context, what string, done func() bool) {
	t.Helper()
	for !done() {
		select {
		case <-time.After(2 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("%s: %v", what, context.Cause(ctx))
		}
	}
}

// countOf is how many messages of the origins a member has delivered.
func (m *member) countOf(has func(origin string) bool) (count int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, d := range m.journal.Log {
		if has(d.ID.Origin.Name) {
			count++
		}
	}
	return count
}

// TestARevokedNode is cut off by all within a second, while the others go on talking
// and lose nothing, and no key is changed. At first only half of them have heard of
// it: they go without what it says, and the other half's answers to that hold nothing up.
func TestARevokedNode(t *testing.T) {
	ctx := within(t, 2*time.Minute)
	ring := newRing(t)
	net := newNetwork(t)
	var rosters []*identity.Roster
	const nodes = 9
	traitor := identity.Generate()
	for i := range nodes {
		cfg := Config{Keyring: ring, Identity: identity.Generate(), Roster: identity.NewRoster()}
		if i == nodes-1 {
			cfg.Identity = traitor
		}
		rosters = append(rosters, cfg.Roster)
		net.add(cfg)
	}
	net.ready(ctx)
	loyal, judas := net.members[:nodes-1], net.members[nodes-1]
	ofJudas := func(origin string) bool { return origin == judas.Self().ID }
	ofLoyal := func(origin string) bool { return origin != judas.Self().ID }
	allHave := func(count int) func() bool {
		return func() bool {
			return !slices.ContainsFunc(loyal, func(m *member) bool { return m.countOf(ofLoyal) < count })
		}
	}
	say := func(m *member, what string) {
		t.Helper()
		if _, err := m.Broadcast(ctx, []byte(what)); err != nil {
			t.Fatal(err)
		}
	}
	knows := func(m *member) bool {
		named := func(p Peer) bool { return ofJudas(p.ID) }
		return slices.ContainsFunc(m.Links(), named) || slices.ContainsFunc(m.View(), named)
	}
	say(judas, "trust me")
	until(t, ctx, "what was said before is delivered", func() bool {
		return !slices.ContainsFunc(loyal, func(m *member) bool { return m.countOf(ofJudas) == 0 })
	})

	half := loyal[:nodes/2]
	for i := range half {
		if err := rosters[i].Revoke(traitor.Public()); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 20 {
		say(judas, "after")
		for _, m := range loyal {
			say(m, fmt.Sprint("answer ", i))
		}
	}
	until(t, ctx, "everybody has what the loyal say", allHave(20*len(loyal)))
	for i, m := range half {
		if got := m.countOf(ofJudas); got > 1 && got < 21 {
			t.Logf("node %d took %d messages before it had heard of the revocation", i, got)
		} else if got > 20 {
			t.Errorf("node %d has delivered %d messages of a revoked origin", i, got)
		}
	}

	begin := time.Now()
	for _, r := range rosters[:nodes-1] {
		if err := r.Revoke(traitor.Public()); err != nil {
			t.Fatal(err)
		}
	}
	until(t, ctx, "nobody knows the traitor", func() bool { return !slices.ContainsFunc(loyal, knows) })
	took := time.Since(begin)
	t.Logf("cut off by everybody after %v", took)
	if took > time.Second {
		t.Errorf("it took %v to cut it off", took)
	}
	before := make([]int, len(loyal))
	for i, m := range loyal {
		before[i] = m.countOf(ofJudas)
	}
	for range 20 {
		say(judas, "still here")
		for _, m := range loyal {
			say(m, "on")
		}
	}
	until(t, ctx, "the loyal lose nothing", allHave(40*len(loyal)))

	// Under its old name, and under another label for the same key.
	judas.kill()
	for _, label := range []string{"n8", "innocent"} {
		again := start(t, Config{ID: label, Keyring: ring, Identity: traitor, Join: []string{loyal[0].Self().Addr, loyal[1].Self().Addr}})
		refused := func() (count uint64) {
			for _, m := range loyal[:2] {
				count += m.Stats().Revoked
			}
			return count
		}
		was := refused()
		until(t, ctx, "it is refused", func() bool { return refused() > was+1 })
		if _, err := again.Broadcast(ctx, []byte("me again")); err != nil {
			t.Fatal(err)
		}
		if len(again.Links()) > 0 || slices.ContainsFunc(loyal, func(m *member) bool {
			return slices.ContainsFunc(m.View(), func(p Peer) bool { return p.ID == again.Self().ID })
		}) {
			t.Errorf("as %q it is back", label)
		}
		again.Close()
	}
	for i, m := range loyal {
		if got := m.countOf(ofJudas); got != before[i] {
			t.Errorf("node %d has delivered %d messages of it after it was cut off", i, got-before[i])
		}
		if s := m.Stats(); s.BadSignatures+s.BadFrames+s.Barred > 0 {
			t.Errorf("node %d blames others: %d bad signatures, %d bad frames, %d barred", i, s.BadSignatures, s.BadFrames, s.Barred)
		}
	}
}

// TestARevocationOvertakesMessages: one that was looked at before its origin was revoked,
// and is handled after that, is refused as those are that come later.
func TestARevocationOvertakesMessages(t *testing.T) {
	ctx := within(t, 20*time.Second)
	ring, roster := newRing(t), identity.NewRoster()
	n := start(t, Config{ID: "a", Keyring: ring, Identity: identity.Generate(), Roster: roster})
	alice := newPerson(t, "alice", "")
	relay := infiltrate(t, n, ring, newPerson(t, "relay", ""))
	hers := alice.monologue(relay.book, 3)
	relay.data(hers[0])
	receive(t, ctx, n)
	_, public, _ := identity.Split(alice.id.Name)
	n.do(func() { // as if the frames had waited in front of the loop meanwhile
		if err := roster.Revoke(public); err != nil {
			t.Error(err)
		}
		n.rosterChanged()
		for _, m := range hers[1:] {
			in := framesIn{link: n.links[n.sortedLinks()[0]], long: wire.AppendFrame(nil, 0, &broadcast.Frame{Kind: broadcast.Data, Message: m}, relay.book)[wire.FrameHeader:]}
			if in.err = n.checkFrame(in.long); in.err != nil {
				t.Error(in.err)
			}
			n.handleFrames(&in)
		}
	})
	if s := n.Stats(); s.Delivered != 1 || s.Revoked != 2 || s.GapMessages != 2 || s.BadFrames > 0 {
		t.Errorf("%d messages are delivered, %d refused, %d are gaps, %d bad frames", s.Delivered, s.Revoked, s.GapMessages, s.BadFrames)
	}
	// Who belongs again is heard again.
	n.do(func() {
		if err := roster.Allow(public); err != nil {
			t.Error(err)
		}
		n.rosterChanged()
	})
	fourth := alice.monologue(relay.book, 4)[3]
	fourth.Clock = vclock.Clock{}.With(alice.id, 4) // which nobody can work out behind a gap
	relay.send(broadcast.Frame{Kind: broadcast.Data, Message: fourth, WithClock: true})
	if m := receive(t, ctx, n); m.ID.Seq != 4 {
		t.Errorf("%v is delivered", m.ID)
	}
}

// TestOldMessagesAreNotNew: mallory has recorded what alice said long ago, when who
// listened now had not come yet, or has forgotten it since. A relay says how old a message
// is and what its clock was, so he says that it is new; but its origin has said when.
func TestOldMessagesAreNotNew(t *testing.T) {
	horizon := 24 * time.Hour
	for _, order := range []Order{Causal, FIFO, Unordered} {
		for _, tc := range []struct {
			name string
			ago  time.Duration
			fine bool
		}{{"a year ago", 365 * 24 * time.Hour, false}, {"now", 0, true}, {"undated", -1, false}} {
			t.Run(fmt.Sprint(order, ", ", tc.name), func(t *testing.T) {
				ctx := within(t, 20*time.Second)
				ring := newRing(t)
				n := start(t, Config{ID: "a", Keyring: ring, Identity: identity.Generate(), Order: order, Horizon: horizon})
				alice := newPerson(t, "alice", "")
				who := newPerson(t, "mallory", "")
				mallory := infiltrate(t, n, ring, who)
				m := broadcast.Message{Dot: peer.Dot{Seq: 1}, Payload: []byte("open the door")}
				if tc.ago >= 0 {
					m.Epoch = epochAt(time.Now().Add(-tc.ago), horizon)
				}
				old := alice.dated(mallory.book, m)
				old.Clock = vclock.Clock{}.Advance(alice.id, 1, epochAt(time.Now(), horizon))
				mallory.send(broadcast.Frame{Kind: broadcast.Data, Message: old, WithClock: true})
				mallory.data(who.said(mallory.book, broadcast.Message{Dot: peer.Dot{Seq: 1}, Payload: []byte("his own")}))
				if tc.fine {
					receive(t, ctx, n)
				}
				if m := receive(t, ctx, n); string(m.Payload) != "his own" {
					t.Errorf("%q is delivered", m.Payload)
				}
				if s := n.Stats(); (s.Stale == 0) != tc.fine || s.BadFrames > 0 {
					t.Errorf("%d messages are refused for their age, %d bad frames", s.Stale, s.BadFrames)
				}
			})
		}
	}
}

// TestWhatIdentitiesCostOnTheWire measures it, and holds that views are still of use.
func TestWhatIdentitiesCostOnTheWire(t *testing.T) {
	type cost struct{ first, third, entry, view, probe int }
	measure := func(signed bool) (c cost) {
		self := newPerson(t, "node-00000000", "")
		who := func(p person) peer.ID {
			if signed {
				return p.id
			}
			label, _, _ := identity.Split(p.id.Name)
			return peer.ID{Name: label, Incarnation: p.id.Incarnation}
		}
		at := netip.MustParseAddrPort("192.0.2.1:7946")
		plain := newBook(who(self), at, 1<<10)
		proven := &provenBook{book: plain, signer: self.signer, stats: new(Stats), horizon: time.Hour, wall: time.Now}
		var b wire.Book = plain
		if signed {
			b = proven
		}
		var view []peer.Descriptor
		for i := range 30 {
			p := newPerson(t, fmt.Sprintf("node-%08x", i), "")
			h := plain.meet(who(p), at)
			plain.entries[h].proof = (*addressProof)(p.proveAddress(wire.Identity{ID: p.id, Addr: at}, uint64(time.Now().Unix())))
			view = append(view, peer.Descriptor{Peer: h, Age: 5})
		}
		frame := func(f broadcast.Frame) int { return len(wire.AppendFrame(nil, time.Second, &f, plain)) }
		message := func(deps int) int {
			m := broadcast.Message{Dot: peer.Dot{Origin: plain.self, Seq: 300}, Payload: make([]byte, 256)}
			for _, d := range view[:deps] {
				m.Deps = append(m.Deps, peer.Dot{Origin: d.Peer, Seq: 300})
			}
			if signed {
				m.Epoch = epochAt(time.Now(), 24*time.Hour)
				wire.EncodeSigned(&m, make([]byte, wire.SignatureSize), plain)
			}
			return frame(broadcast.Frame{Kind: broadcast.Data, Message: &m})
		}
		entry := broadcast.DigestEntry{Origin: plain.self, Contiguous: 300}
		if signed {
			entry.Evidence = broadcast.Evidence{Seq: 300, Proof: strings.Repeat("e", wire.EvidenceSize)}
		}
		digest := func(entries ...broadcast.DigestEntry) int {
			return frame(broadcast.Frame{Kind: broadcast.Digest, Digest: []broadcast.DigestPart{{Entries: entries}}})
		}
		c.first, c.third, c.entry = message(0), message(3), digest(entry, entry)-digest(entry)
		packet := func(p peersampling.Packet) []byte {
			return wire.AppendPacket(nil, 0, wire.Identity{ID: who(self), Addr: at}, &p, b)
		}
		full := packet(peersampling.Packet{Kind: peersampling.ExchangeRequest, Nonce: 1, View: view, Token: 1, Room: wire.MaxDatagram - seal.Overhead})
		p, err := wire.DecodePacket(full, 0, at, nil, wire.Nobody{})
		if err != nil {
			t.Fatal(err)
		}
		c.view, c.probe = len(p.View), len(packet(peersampling.Packet{Kind: peersampling.ProbeRequest, Nonce: 1, Token: 1}))
		return c
	}
	without, with := measure(false), measure(true)
	t.Logf("256 B without dependencies: %d bytes, with identities %d", without.first, with.first)
	t.Logf("256 B with three: %d bytes, with identities %d", without.third, with.third)
	t.Logf("an entry of a digest: %d bytes, with identities %d", without.entry, with.entry)
	t.Logf("descriptors in a sealed exchange: %d, with identities %d", without.view, with.view)
	t.Logf("a probe: %d bytes, with identities %d", without.probe, with.probe)
	if with.view < 6 {
		t.Errorf("%d descriptors fit in an exchange", with.view)
	}
	if got, want := with.first-without.first, 44+wire.SignatureSize+3; got != want {
		t.Errorf("a message is %d bytes longer, want %d: the key in the origin's name, the signature, and the epoch", got, want)
	}
}
