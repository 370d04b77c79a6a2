package gossip

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/identity"
	"github.com/Ishan27gOrg/gossipProtocol/internal/guard"
	"github.com/Ishan27gOrg/gossipProtocol/internal/seal"
	"github.com/Ishan27gOrg/gossipProtocol/internal/wire"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
)

// revoke takes somebody off a roster and has the node notice at once.
func revoke(t *testing.T, n *Node, who person) {
	t.Helper()
	_, public, _ := identity.Split(who.id.Name)
	if err := n.cfg.Roster.Revoke(public); err != nil {
		t.Fatal(err)
	}
	n.do(n.rosterChanged)
}

// TestWhoIsRevokedIsNotDealtWith, however a node comes to think of him: each way is closed
// by itself, for what is known of him stays known for a while.
func TestWhoIsRevokedIsNotDealtWith(t *testing.T) {
	ring := newRing(t)
	cfg, tap := tapped(Config{ID: "a", Keyring: ring, Identity: identity.Generate(), Roster: identity.NewRoster()})
	n := start(t, cfg)
	alice := newPerson(t, "alice", "")
	at := netip.MustParseAddrPort("192.0.2.77:1")
	var h peer.Handle
	n.do(func() { h = n.book.meet(alice.id, at) })
	ask := func() (sent int) {
		n.do(func() { n.sendPacket(&peersampling.Packet{Kind: peersampling.ProbeRequest, Peer: h, Nonce: 1}) })
		return len(tap.sentTo(at))
	}
	welcome := func() (err error) {
		n.do(func() {
			err = n.unwelcome(&openedIn{hello: wire.Hello{Identity: wire.Identity{ID: alice.id, Addr: at}}, outbound: true})
		})
		return err
	}
	before := ask()
	if before == 0 {
		t.Fatal("she is not revoked, and no datagram was sent to her")
	}
	revoke(t, n, alice)
	if got := ask(); got > before {
		t.Error("she is sent a datagram")
	}
	if o := n.connect(alice.id, at); !errors.Is(o.err, errRevoked) {
		t.Errorf("dialling her: %v", o.err)
	}
	if err := welcome(); !errors.Is(err, errRevoked) {
		t.Errorf("her connection, whose hello came before: %v", err)
	}
	n.do(func() {
		if got := n.book.meet(alice.id, netip.MustParseAddrPort("192.0.2.78:1")); got != peer.None {
			t.Error("her address is taken")
		}
	})
}

// TestWhatWaitsOfTheRevoked is given up when they are, and not when its turn comes.
func TestWhatWaitsOfTheRevoked(t *testing.T) {
	ctx := within(t, 20*time.Second)
	ring := newRing(t)
	n := start(t, Config{ID: "a", Keyring: ring, Identity: identity.Generate(), Roster: identity.NewRoster()})
	alice, bob := newPerson(t, "alice", ""), newPerson(t, "bob", "")
	relay := infiltrate(t, n, ring, newPerson(t, "relay", ""))
	his := bob.monologue(relay.book, 1)[0]
	hers := alice.said(relay.book, broadcast.Message{Dot: peer.Dot{Seq: 1}, Deps: []peer.Dot{his.Dot}})
	relay.data(hers)
	until(t, ctx, "hers waits for his", func() bool { return n.Stats().HeldMessages == 1 })
	revoke(t, n, alice)
	relay.data(his)
	receive(t, ctx, n)
	if s := n.Stats(); s.Delivered != 1 || s.HeldMessages != 0 || s.GapMessages != 1 {
		t.Errorf("%d messages are delivered, %d held back, %d given up", s.Delivered, s.HeldMessages, s.GapMessages)
	}
}

// TestDatagramsOfNobody: whoever has no identity, or one that is revoked, is not even told
// how to show where he is; and nobody can make this node believe that it has a namesake.
func TestDatagramsOfNobody(t *testing.T) {
	ring := newRing(t)
	cfg, tap := tapped(Config{ID: "a", Keyring: ring, Identity: identity.Generate(), Roster: identity.NewRoster()})
	n := start(t, cfg)
	from := netip.MustParseAddrPort("127.0.0.1:999")
	alice, mallory := newPerson(t, "alice", ""), newPerson(t, "mallory", "")
	revoke(t, n, alice)
	probe := func(id peer.ID, withToken bool) {
		t.Helper()
		where := wire.Identity{ID: id, Addr: from}
		book := &provenBook{book: newBook(id, from, 1<<10), signer: mallory.signer, stats: new(Stats), horizon: time.Hour, wall: time.Now}
		p := peersampling.Packet{Kind: peersampling.ProbeRequest, Nonce: 1}
		if withToken {
			n.do(func() { p.Token = tokenNumber(n.addresses.Token(n.now(), from)) })
		}
		tap.inject(t, n, seal.New(ring, "").Seal(nil, wire.AppendPacket(nil, wire.ClusterTag(""), where, &p, book), false), from)
	}
	probe(peer.ID{Name: "nobody", Incarnation: 1}, false)
	probe(alice.id, false)
	if s := n.Stats(); len(tap.sentTo(from)) > 0 || s.Unsigned != 1 || s.Revoked != 1 || s.Unproven != 0 {
		t.Errorf("%d datagrams are sent back, %d unsigned and %d revoked are counted", len(tap.sentTo(from)), s.Unsigned, s.Revoked)
	}
	probe(peer.ID{Name: n.self.ID.Name, Incarnation: n.self.ID.Incarnation + 1}, true) // with mallory's signature
	if s := n.Stats(); s.Conflicts != 0 || s.BadSignatures != 1 {
		t.Errorf("%d conflicts, %d bad signatures", s.Conflicts, s.BadSignatures)
	}
	probe(mallory.id, true)
	if len(tap.sentTo(from)) == 0 { // and then this node may talk to him of its own accord
		t.Error("he is not answered in his own name")
	}
}

// TestNamesakesAreBounded: of however many lives of this node somebody tells, few are
// probed, and those now and then.
func TestNamesakesAreBounded(t *testing.T) {
	cfg, tap := tapped(Config{ID: "a"})
	n := start(t, cfg)
	at := netip.MustParseAddrPort("127.0.0.1:999")
	n.do(func() {
		for round := range 3 {
			for i := range uint64(2 * maxNamesakes) {
				n.heardOfNamesake(peer.ID{Name: "a", Incarnation: i}, at)
			}
			if len(n.namesakes.known) != maxNamesakes {
				t.Errorf("in round %d %d are known", round, len(n.namesakes.known))
			}
		}
	})
	if got := len(tap.sentTo(at)); got != maxNamesakes {
		t.Errorf("%d probes are sent, want one to each of %d", got, maxNamesakes)
	}
}

// TestEvidenceIsRationed: as each piece takes so long to check.
func TestEvidenceIsRationed(t *testing.T) {
	n := start(t, Config{ID: "a"})
	evidence := wire.AppendFrame(nil, 0, &broadcast.Frame{Kind: broadcast.Gone, Gone: []broadcast.GoneEntry{
		{Dot: peer.Dot{Origin: 1, Seq: 1}, Evidence: broadcast.Evidence{Seq: 1, Proof: string(make([]byte, wire.EvidenceSize))}}}}, naming(nil))[wire.FrameHeader:]
	const frames = 24
	for _, tc := range []struct {
		size  int
		kind  byte
		waits bool
	}{
		{64 << 10, evidence[0], true},
		{64 << 10, byte(broadcast.Gone), false},
		{64 << 10 / evidenceWeight, evidence[0], false},
	} {
		rate, slowed := guard.NewFrameRate(n.now()), false
		for range frames {
			wait, err := n.accountFor(rate, append([]byte{tc.kind}, make([]byte, tc.size)...))
			if slowed = slowed || wait > 0; err != nil {
				t.Fatal(err)
			}
		}
		if slowed != tc.waits {
			t.Errorf("%d frames of kind %d with %d bytes: the reader waits: %v", frames, tc.kind, tc.size, slowed)
		}
	}
}
