package wire

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
)

// nowhere are addresses that no single node can be at.
var nowhere = []string{"192.0.2.1:0", "0.0.0.0:7946", "[::]:7946", "224.0.0.1:7946", "239.255.255.255:7946", "255.255.255.255:7946", "[ff02::1]:7946", "[2001:db8::1]:0"}

// A descriptor of nobody would be dialled, probed and passed on to others for as long
// as it is young. One bad one among good ones must not cost the sender the rest: it
// may have it from somebody else.
func TestDescriptorsOfNowhereAreSkipped(t *testing.T) {
	view := pack(len(nowhere) + 2)
	bobs := pack(origin(bob.ID), 16, bob.Addr.Addr().AsSlice(), int(bob.Addr.Port()>>8), int(bob.Addr.Port()&0xff), 5)
	view = append(view, bobs...)
	for _, a := range nowhere {
		addr := addrOf(a)
		view = pack(view, 3, "bad", uint64(1), addr.Addr().BitLen()/8, addr.Addr().AsSlice(), int(addr.Port()>>8), int(addr.Port()&0xff), 0)
	}
	view = append(view, bobs...)
	want := []peer.Descriptor{{Peer: 1, Age: 5}, {Peer: 1, Age: 5}}
	check := func(what string, got []peer.Descriptor, skipped int, err error, book *testBook) {
		t.Helper()
		if err != nil || skipped != len(nowhere) || len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
			t.Errorf("%s: %v, %d skipped, %v", what, got, skipped, err)
		}
		if _, interned := book.byID[peer.ID{Name: "bad", Incarnation: 1}]; interned {
			t.Errorf("%s: who is nowhere takes a place in the book", what)
		}
		t.Logf("%s: %d of %d descriptors skipped, %d of 2 good ones read", what, skipped, len(nowhere), len(got))
	}
	book := newTestBook(bob)
	f, err := DecodeFrame(pack(int(broadcast.NeighborReply), 0, view), now, book)
	check("NEIGHBOR_REPLY", f.Candidates, f.Skipped, err, book)
	p, err := DecodePacket(pack(magic, Version, 2, tag, 3, "ann", uint64(1), 0, uint64(9), uint64(0), view), tag, from, nil, book)
	check("EXCHANGE_REPLY", p.View, p.Skipped, err, book)
}

// Writers leave them out, so that a receiver that is stricter still has no reason to.
func TestDescriptorsOfNowhereAreNotWritten(t *testing.T) {
	book := newTestBook(ann)
	view := []peer.Descriptor{{Peer: hAnn, Age: 1}}
	for _, a := range nowhere {
		view = append(view, peer.Descriptor{Peer: book.add(Identity{peer.ID{Name: a}, addrOf(a)})})
	}
	f := broadcast.Frame{Kind: broadcast.NeighborReply, Candidates: view}
	got, err := DecodeFrame(AppendFrame(nil, now, &f, book)[FrameHeader:], now, book)
	if err != nil || len(got.Candidates) != 1 || got.Skipped != 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

// Who listens on all interfaces writes 0.0.0.0 in its own descriptor. That one is
// where the datagram came from, and not nowhere.
func TestTheOwnDescriptorIsWhereTheSenderIs(t *testing.T) {
	book := newTestBook(Identity{ID: ann.ID})
	for _, says := range []string{"0.0.0.0:7946", "[::]:7946"} {
		self := Identity{ann.ID, addrOf(says)}
		p := peersampling.Packet{Kind: peersampling.ExchangeRequest, View: []peer.Descriptor{{Peer: hAnn, Age: 3}}}
		got, err := DecodePacket(AppendPacket(nil, tag, self, &p, book), tag, from, nil, book)
		if err != nil || len(got.View) != 1 || got.View[0] != p.View[0] || got.Skipped != 0 {
			t.Errorf("%s: %+v, %v", says, got, err)
		}
		if want := addrOf("203.0.113.9:7946"); book.known[hAnn].Addr != want {
			t.Errorf("%s: ann is at %v, want %v", says, book.known[hAnn].Addr, want)
		}
	}
}

func TestSendersOfNowhereAreRefused(t *testing.T) {
	for _, a := range nowhere {
		if a == "0.0.0.0:7946" || a == "[::]:7946" {
			continue // which says: where this came from
		}
		self := Identity{ann.ID, addrOf(a)}
		_, err := DecodePacket(AppendPacket(nil, tag, self, &peersampling.Packet{Kind: peersampling.ProbeRequest}, newTestBook()), tag, from, nil, newTestBook())
		if !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), a) {
			t.Errorf("a datagram from %s: %v", a, err)
		}
		_, err = DecodeHello(AppendHello(nil, Hello{Cluster: "c", Identity: self})[FrameHeader:], "c", from)
		if !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), a) {
			t.Errorf("a hello from %s: %v", a, err)
		}
	}
	self := Identity{ann.ID, addrOf("0.0.0.0:0")}
	if _, err := DecodeHello(AppendHello(nil, Hello{Cluster: "c", Identity: self})[FrameHeader:], "c", from); !errors.Is(err, ErrMalformed) {
		t.Errorf("anywhere, on port 0: %v", err)
	}
}

// A message has one form, or what a relay passes on could differ from what it got.
func TestWhatHasAnotherFormIsRefused(t *testing.T) {
	id, dot := origin(ann.ID), pack(origin(ann.ID), 1)
	mapped := netip.MustParseAddr("::ffff:192.0.2.1").As16()
	hello := pack(helloKind, Version, 1, "c", 3, "ann", uint64(1), 0)
	frame := func(b []byte) error { _, err := DecodeFrame(b, now, newTestBook()); return err }
	packet := func(b []byte) error { _, err := DecodePacket(b, tag, from, nil, newTestBook()); return err }
	greet := func(b []byte) error { _, err := DecodeHello(b, "c", from); return err }
	second := []struct {
		why    string
		decode func([]byte) error
		b      []byte
	}{
		{"an age of two bytes where one does", frame, pack(int(broadcast.Data), 0, 0, 0x81, 0, dot, 0)},
		{"a 0 of two bytes", frame, pack(int(broadcast.Data), 0, 0, 0x80, 0, dot, 0)},
		{"a sequence number of ten bytes", frame, pack(int(broadcast.Data), 0, 0, 0, id, "\x81\x80\x80\x80\x80\x80\x80\x80\x80\x00", 0)},
		{"a count of two bytes", frame, pack(int(broadcast.Want), 0x81, 0, dot, 0)},
		{"a descriptor's age of two bytes", packet, pack(magic, Version, 2, tag, 3, "ann", uint64(1), 0, uint64(9), uint64(0), 1, id, 4, uint32(1), 0, 1, 0x80, 0)},
		{"an extension's length of two bytes", packet, pack(magic, Version, 4, tag, 3, "ann", uint64(1), 0, uint64(9), 77, 0x80, 0)},
		{"an IPv4 address in 16 bytes", packet, pack(magic, Version, 4, tag, 3, "ann", uint64(1), 16, mapped[:], 1, 1, uint64(9))},
		{"an IPv4 descriptor in 16 bytes", frame, pack(int(broadcast.NeighborReply), 0, 1, id, 16, mapped[:], 1, 1, 0)},
		{"a yes, and whom to try instead", frame, pack(int(broadcast.NeighborReply), 1, 1, id, 4, uint32(1), 1, 1, 0)},
		{"a yes, and nowhere to try instead", frame, pack(int(broadcast.NeighborReply), 1, 1, id, 4, uint32(1), 0, 0, 0)},
		{"a want of a message 0", frame, pack(int(broadcast.Want), 1, id, 0, 0)},
		{"a message 0 that is gone", frame, pack(int(broadcast.Gone), 1, id, 0, 0, 0)},
		{"no proofs", packet, pack(magic, Version, 4, tag, 3, "ann", uint64(1), 0, uint64(9), proofsTag, 0)},
		{"a proof that is cut short", packet, pack(magic, Version, 4, tag, 3, "ann", uint64(1), 0, uint64(9), proofsTag, 71, make([]byte, 71))},
		{"proofs, twice", packet, pack(magic, Version, 4, tag, 3, "ann", uint64(1), 0, uint64(9), proofsTag, 72, make([]byte, 72), proofsTag, 72, make([]byte, 72))},
		{"a token of 0", packet, pack(magic, Version, 4, tag, 3, "ann", uint64(1), 0, uint64(9), tokenTag, 8, uint64(0))},
		{"a token of nine bytes", packet, pack(magic, Version, 4, tag, 3, "ann", uint64(1), 0, uint64(9), tokenTag, 9, uint64(1), 0)},
		{"a token of seven bytes", packet, pack(magic, Version, 4, tag, 3, "ann", uint64(1), 0, uint64(9), tokenTag, 7, "1234567")},
		{"a token, twice", packet, pack(magic, Version, 4, tag, 3, "ann", uint64(1), 0, uint64(9), tokenTag, 8, uint64(1), tokenTag, 8, uint64(1))},
		{"a horizon of 0", greet, pack(hello, horizonTag, 1, 0)},
		{"a horizon, twice", greet, pack(hello, horizonTag, 1, 5, horizonTag, 1, 5)},
		{"no capabilities, said aloud", greet, pack(hello, capabilitiesTag, 1, 0)},
		{"a signature of zeros", greet, pack(hello, identityTag, 64, make([]byte, 64))},
		{"a signature that is cut short", greet, pack(hello, identityTag, 63, aSignature[:63])},
		{"a signature with a byte more", greet, pack(hello, identityTag, 65, aSignature[:], 1)},
		{"a signature, twice", greet, pack(hello, identityTag, 64, aSignature[:], identityTag, 64, aSignature[:])},
		{"capabilities, twice", greet, pack(hello, capabilitiesTag, 1, 1, capabilitiesTag, 1, 2)},
		{"capabilities with a byte more", greet, pack(hello, capabilitiesTag, 2, 1, 1)},
		{"capabilities that do not end", greet, pack(hello, capabilitiesTag, 1, 0x80)},
		{"capabilities longer than necessary", greet, pack(hello, capabilitiesTag, 2, 0x81, 0)},
	}
	refused := 0
	for _, tt := range second {
		if err := tt.decode(tt.b); errors.Is(err, ErrMalformed) || errors.Is(err, ErrTruncated) {
			refused++
		} else {
			t.Errorf("%s passes: %v", tt.why, err)
		}
	}
	t.Logf("%d of %d second forms refused", refused, len(second))
}

// Only what is known need be there once: nobody can know what twice means in an
// extension of a later version.
func TestUnknownExtensionsMayComeTwice(t *testing.T) {
	b := pack(helloKind, Version, 1, "c", 3, "ann", uint64(1), 0, 9, 1, 1, capabilitiesTag, 1, 0x41, 9, 1, 2, horizonTag, 1, 5)
	h, err := DecodeHello(b, "c", from)
	if want := CausalOrder | 1<<6; err != nil || h.Capabilities != want || h.Horizon != 5*time.Millisecond {
		t.Errorf("%+v, %v, want the capabilities %b", h, err, want)
	}
}

// Names are written to logs and terminals by everybody who hears of them.
func TestNamesThatLieToATerminalAreRefused(t *testing.T) {
	for _, name := range []string{"\x00", "a\nb", "\x1b[2J", "\x7f", "\u0085", "\u009b2J", "\u2028", "\u2029", "\u202e", "\u2066", "\xff", "\xed\xa0\x80"} {
		b := pack(int(broadcast.IHave), 1, origin(peer.ID{Name: name}), 1, 0)
		if _, err := DecodeFrame(b, now, newTestBook()); !errors.Is(err, ErrMalformed) || strings.Contains(err.Error(), name) {
			t.Errorf("%q: %q", name, err)
		}
	}
}

// What CheckName lets a node call itself, every decoder takes; and it is stricter.
func TestDecodersTakeWhatCheckNameTakes(t *testing.T) {
	for r := range rune(unicode.MaxRune + 1) {
		name := "n" + string(r)
		plain := plainName([]byte(name))
		if CheckName(name) == nil && !plain {
			t.Errorf("a node may call itself %q, and nobody would read it", name)
		}
		if r < 0x80 && plain != (CheckName(name) == nil) {
			t.Errorf("ASCII has not changed since 1986, and yet %q", name)
		}
	}
}

// TestAClockOfAMillionOriginsIsRefusedUnread: what it costs is that its bytes were
// received, and they go to nobody else.
func TestAClockOfAMillionOriginsIsRefusedUnread(t *testing.T) {
	const entries = 1_000_000
	clock := binary.AppendUvarint([]byte{1}, entries)
	for i := range entries {
		clock = append(clock, 1, 'n')
		clock = append(binary.AppendUvarint(clock, uint64(i)), 1)
	}
	b := append([]byte{byte(broadcast.Data), flagClock, 0, 0}, binary.AppendUvarint(nil, uint64(len(clock)))...)
	b = append(append(b, clock...), 1, 'n', 0, 0, 0, 0, 0, 0, 0, 1, 1, 0)
	var err error
	got := allocated(func() { _, err = DecodeFrame(b, now, nobody{}) })
	if t.Logf("%d bytes are allocated for a frame of %d", got, len(b)); got > memorySlack {
		t.Errorf("%d bytes are allocated", got)
	}
	if !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), "1000000 origins") {
		t.Errorf("got %v", err)
	}
}
