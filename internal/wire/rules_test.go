package wire

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/causal"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
)

func addrOf(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

// longest is as large as an identity can be.
var longest = Identity{peer.ID{Name: strings.Repeat("n", MaxName), Incarnation: 1}, addrOf("[2001:db8::1]:1")}

// A request can be forged with the address of a third node, which then gets
// the answer. It must not be worth anybody's while.
func TestAnAnswerIsNeverLargerThanItsRequest(t *testing.T) {
	answers := map[peersampling.PacketKind]peersampling.PacketKind{
		peersampling.ExchangeRequest: peersampling.ExchangeReply,
		peersampling.ProbeRequest:    peersampling.ProbeReply,
	}
	shortest := Identity{ID: peer.ID{Name: "n"}}
	book := newTestBook(longest, ann, bob)
	view := []peer.Descriptor{{Peer: 1}, {Peer: 2}, {Peer: 3}}
	for ask, answer := range answers {
		whole := AppendPacket(nil, tag, shortest, &peersampling.Packet{Kind: ask}, book)
		for n := range len(whole) + 1 {
			got, err := DecodePacket(whole[:n], tag, from, nil, book)
			if err != nil {
				continue // no answer at all
			}
			reply := peersampling.Packet{Kind: answer, Room: got.Room, View: view, Wide: true}
			if size := len(AppendPacket(nil, tag, longest, &reply, book)); size > n {
				t.Errorf("%v of %d bytes to %v of %d", answer, size, ask, n)
			}
		}
		if _, err := DecodePacket(whole, tag, from, nil, book); err != nil {
			t.Errorf("the shortest %v is not answered: %v", ask, err)
		}
	}
}

func TestRequestsArePadded(t *testing.T) {
	book := newTestBook(ann)
	for _, tt := range []struct {
		p    peersampling.Packet
		want int
	}{
		{peersampling.Packet{Kind: peersampling.ExchangeRequest}, 180},
		{peersampling.Packet{Kind: peersampling.ExchangeRequest, Wide: true}, 1200},
		{peersampling.Packet{Kind: peersampling.ProbeRequest}, 171},
		{peersampling.Packet{Kind: peersampling.ProbeRequest, Wide: true}, 171}, // its answer has no view
	} {
		if got := len(AppendPacket(nil, tag, ann, &tt.p, book)); got != tt.want {
			t.Errorf("%v, wide %v: %d bytes, want %d", tt.p.Kind, tt.p.Wide, got, tt.want)
		}
	}
}

// A view of any size goes into a datagram as far as it fits, and what cannot be
// sent leaves no hole.
func TestViewsAreCutToTheDatagram(t *testing.T) {
	nameless, homeless := Identity{Addr: eve.Addr}, Identity{ID: peer.ID{Name: "homeless"}}
	book := newTestBook(nameless, homeless)
	view := []peer.Descriptor{{Peer: 1}, {Peer: 2}}
	for i := range 300 {
		h := book.add(Identity{peer.ID{Name: fmt.Sprint("node-", i)}, addrOf("192.0.2.1:1")})
		view = append(view, peer.Descriptor{Peer: h})
	}
	b := AppendPacket(nil, tag, ann, &peersampling.Packet{Kind: peersampling.ExchangeRequest, View: view}, book)
	got, err := DecodePacket(b, tag, from, nil, book)
	if err != nil || len(b) > MaxDatagram || len(got.View) == 0 {
		t.Fatalf("%d bytes, %d descriptors, %v", len(b), len(got.View), err)
	}
	for i, d := range got.View {
		if d != view[i+2] {
			t.Errorf("descriptor %d is %v, want %v", i, d, view[i+2])
		}
	}
}

// A refusal names up to 255 peers to try instead, however large the view.
func TestAllCandidatesAreRead(t *testing.T) {
	book := newTestBook()
	var f broadcast.Frame
	for i := range 300 {
		h := book.add(Identity{peer.ID{Name: fmt.Sprint("node-", i)}, addrOf("192.0.2.1:1")})
		f.Candidates = append(f.Candidates, peer.Descriptor{Peer: h, Age: 1})
	}
	for _, n := range []int{0, 1, 100, 101, 255, 300} {
		sent := broadcast.Frame{Kind: broadcast.NeighborReply, Candidates: f.Candidates[:n]}
		got, err := DecodeFrame(AppendFrame(nil, now, &sent, book)[FrameHeader:], now, book)
		if err != nil || len(got.Candidates) != min(n, 255) {
			t.Errorf("%d of %d candidates: %v", len(got.Candidates), n, err)
		}
	}
}

// What a node cannot know of its own address is what others see.
func TestSubstitute(t *testing.T) {
	for _, tt := range []struct{ why, says, from, want string }{
		{"it knows", "192.0.2.1:7946", "203.0.113.9:5555", "192.0.2.1:7946"},
		{"it knows, and is behind a translator", "10.0.0.1:7946", "203.0.113.9:5555", "10.0.0.1:7946"},
		{"it listens on all interfaces, and knows the port", "0.0.0.0:7946", "203.0.113.9:5555", "203.0.113.9:7946"},
		{"the same in IPv6", "[::]:7946", "[2001:db8::9]:5555", "[2001:db8::9]:7946"},
		{"and from a socket for both", "[::]:7946", "[::ffff:203.0.113.9]:5555", "203.0.113.9:7946"},
		{"it knows nothing", "", "203.0.113.9:5555", "203.0.113.9:5555"},
		{"nothing, from a socket for both", "", "[::ffff:203.0.113.9]:5555", "203.0.113.9:5555"},
		{"an IPv4 address in IPv6 dress", "[::ffff:192.0.2.1]:7946", "203.0.113.9:5555", "192.0.2.1:7946"},
	} {
		sender := Identity{ID: ann.ID}
		if tt.says != "" {
			sender.Addr = addrOf(tt.says)
		}
		h, err := DecodeHello(AppendHello(nil, Hello{Cluster: "c", Identity: sender})[FrameHeader:], "c", addrOf(tt.from))
		if err != nil || h.Addr != addrOf(tt.want) {
			t.Errorf("%s: hello: %v, %v, want %s", tt.why, h.Addr, err, tt.want)
		}
		// An exchange holds the sender's own descriptor too, which does not know
		// better and must not have the last word.
		book := newTestBook(Identity{ID: ann.ID})
		p := peersampling.Packet{Kind: peersampling.ExchangeRequest, View: []peer.Descriptor{{Peer: hAnn}}}
		got, err := DecodePacket(AppendPacket(nil, tag, sender, &p, book), tag, addrOf(tt.from), nil, book)
		if err != nil || got.Peer != hAnn || book.known[hAnn].Addr != addrOf(tt.want) {
			t.Errorf("%s: datagram: %v, %v, want %s", tt.why, book.known[hAnn].Addr, err, tt.want)
		}
	}
}

func TestDecodePacketRefuses(t *testing.T) {
	sender := pack(3, "ann", uint64(1), 0)
	body := pack(uint64(9), uint64(0))
	pad := make([]byte, exchangeSize)
	datagram := func(parts ...any) []byte { return append(pack(parts...), pad...) }
	for _, tt := range []struct {
		why  string
		b    []byte
		want error
	}{
		{"nothing", nil, ErrTruncated},
		{"not ours", datagram('x', Version), ErrMalformed},
		{"not ours, and empty", pack(0), ErrMalformed},
		{"a later version, whatever follows", pack(magic, 2), ErrVersion},
		{"version 0", datagram(magic, 0, 1), ErrVersion},
		{"another cluster", datagram(magic, Version, 1, tag+1, sender, body, 0), ErrCluster},
		{"another cluster, of an unknown kind", datagram(magic, Version, 99, tag+1), ErrCluster},
		{"kind 0", datagram(magic, Version, 0, tag, sender, body, 0), ErrUnknownKind},
		{"kind 5", datagram(magic, Version, 5, tag, sender, body, 0), ErrUnknownKind},
		{"an unknown kind, with a body that nobody can read", pack(magic, Version, 200, tag), ErrUnknownKind},
		{"a request that no answer fits in", pack(magic, Version, 1, tag, sender, body, 0), ErrMalformed},
		{"a probe that no answer fits in", pack(magic, Version, 3, tag, sender, uint64(1)), ErrMalformed},
		{"a sender without a name", datagram(magic, Version, 1, tag, 0, uint64(1), 0, body, 0), ErrMalformed},
		{"a name that is too long", datagram(magic, Version, 1, tag, MaxName+1, pad, uint64(1), 0, body, 0), ErrMalformed},
		{"a name that is not UTF-8", datagram(magic, Version, 1, tag, 1, 0xff, uint64(1), 0, body, 0), ErrMalformed},
		{"an address of 5 bytes", datagram(magic, Version, 1, tag, 1, "a", uint64(1), 5, pad, body, 0), ErrMalformed},
		{"more descriptors than there are", pack(magic, Version, 2, tag, sender, body, 2, sender[:12], 4, uint32(1), 0, 1, 0), ErrTruncated},
		{"a descriptor without a name", datagram(magic, Version, 2, tag, sender, body, 1, 0, uint64(1), 4, uint32(1), 0, 1, 0), ErrMalformed},
		{"a descriptor without an address", datagram(magic, Version, 2, tag, sender, body, 1, sender, 0), ErrMalformed},
		{"an age above 64 bits", datagram(magic, Version, 2, tag, sender, body, 1, sender[:12], 4, uint32(1), 0, 1, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), ErrMalformed},
		{"an extension without a length", pack(magic, Version, 4, tag, sender, uint64(1), 7), ErrTruncated},
		{"an extension longer than the datagram", pack(magic, Version, 4, tag, sender, uint64(1), 7, 3, "ab"), ErrTruncated},
		{"an extension of 2^64-1 bytes", pack(magic, Version, 4, tag, sender, uint64(1), 7, uv(math.MaxUint64), "ab"), ErrTruncated},
	} {
		_, err := DecodePacket(tt.b, tag, from, nil, newTestBook())
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.why, err, tt.want)
		}
		if tt.b != nil && err != nil && !strings.Contains(err.Error(), from.String()) {
			t.Errorf("%s: %q does not say who sent it", tt.why, err)
		}
	}
}

// Descriptors grow old without bound on other nodes; here they stop at the top.
func TestTheAgeOfADescriptorSaturates(t *testing.T) {
	b := pack(magic, Version, 2, tag, 1, "s", uint64(1), 0, uint64(9), uint64(0), 1, 3, "ann", uint64(1), 4, uint32(1), 0, 1, uv(1<<40))
	p, err := DecodePacket(b, tag, from, nil, newTestBook())
	if err != nil || len(p.View) != 1 || p.View[0].Age != math.MaxUint32 {
		t.Errorf("%+v, %v", p.View, err)
	}
}

func TestDecodeFrameRefuses(t *testing.T) {
	id := origin(ann.ID)
	dot := pack(id, 1)
	nobody := origin(peer.ID{})
	long := origin(peer.ID{Name: strings.Repeat("n", MaxName+1)})
	top, beyond := uv(math.MaxUint64), uv(peer.MaxSeq+1)
	pad := make([]byte, 1<<20)
	neighbor, reply, digest, data := int(broadcast.Neighbor), int(broadcast.NeighborReply), int(broadcast.Digest), int(broadcast.Data)
	want, gone, ihave, refine := int(broadcast.Want), int(broadcast.Gone), int(broadcast.IHave), int(broadcast.Refine)
	for _, tt := range []struct {
		why  string
		b    []byte
		want error
	}{
		{"nothing", nil, ErrTruncated},
		{"kind 0", pack(0), ErrUnknownKind},
		{"kind 14", pack(14, pad), ErrUnknownKind},
		{"a second hello", pack(helloKind, Version), ErrUnknownKind},
		{"bytes behind it", pack(int(broadcast.Ping), 0), ErrMalformed},
		{"bytes behind a neighbor", pack(neighbor, uint64(1), 0, 0, 0), ErrMalformed},
		{"a bool of 2", pack(neighbor, uint64(1), 2, 0), ErrMalformed},
		{"a candidate without an address", pack(reply, 0, 1, id, 0, 1), ErrMalformed},
		{"a candidate without a name", pack(reply, 0, 1, nobody, 4, uint32(1), 0, 1, 1), ErrMalformed},
		{"an origin without a name", pack(digest, 0, 1, 0, 0, 1, nobody, 5, 0), ErrMalformed},
		{"an origin with too long a name", pack(digest, 0, 1, 0, 0, 1, long, 5, 0), ErrMalformed},
		{"more origins than are allowed", pack(digest, 0, 1, 0, 0, uv(maxControl+1), pad), ErrMalformed},
		{"more origins than there are", pack(digest, 0, 1, 0, 0, 100, dot, 0), ErrMalformed},
		{"more spans than are allowed", pack(digest, 0, 1, 0, 0, 1, dot, uv(broadcast.MaxSpans+1), pad), ErrMalformed},
		{"a span that begins where the last ended", pack(digest, 0, 1, 0, 0, 1, dot, 1, 0, 0), ErrMalformed},
		{"a span that begins beyond all numbers", pack(digest, 0, 1, 0, 0, 1, id, top, 1, 1, 0), ErrMalformed},
		{"a span that ends beyond all numbers", pack(digest, 0, 1, 0, 0, 1, dot, 1, 2, top), ErrMalformed},
		{"a second span beyond all numbers", pack(digest, 0, 1, 0, 0, 1, dot, 2, 2, 0, top, 0), ErrMalformed},
		{"more had than is made", pack(digest, 0, 1, 0, 0, 1, id, beyond, 0, 0), ErrMalformed},
		{"more gone than is made", pack(digest, 0, 1, 0, 0, 1, dot, 0, beyond, 0), ErrMalformed},
		{"a span that ends one beyond 2^53", pack(digest, 0, 1, 0, 0, 1, id, 0, 1, 2, uv(peer.MaxSeq-1), 0), ErrMalformed},
		{"more parts than are allowed", pack(digest, 0, uv(maxControl+1), pad), ErrMalformed},
		{"more parts than there are", pack(digest, 0, 9, 0, 0, 0), ErrMalformed},
		{"a prefix longer than a place", pack(digest, 0, 1, 17, pad), ErrMalformed},
		{"a prefix that is cut off", pack(digest, 0, 1, 5, 0x12, 0x34), ErrTruncated},
		{"a prefix with bits beyond its end", pack(digest, 0, 1, 3, 0x12, 0x34, 0, 0), ErrMalformed},
		{"sums that are cut off", pack(digest, 0, 1, 0, 1, make([]byte, 127)), ErrTruncated},
		{"sums below a whole place", pack(digest, 0, 1, 16, uint64(5), 1, make([]byte, 128)), ErrMalformed},
		{"more prefixes than are allowed", pack(refine, uv(maxControl+1), pad), ErrMalformed},
		{"more prefixes than there are", pack(refine, 2, 0), ErrMalformed},
		{"bytes behind the prefixes", pack(refine, 1, 0, 0), ErrMalformed},
		{"a message 0", pack(data, 0, 0, 0, id, 0, 0), ErrMalformed},
		{"a message above 2^53", pack(data, 0, 0, 0, id, beyond, 0), ErrMalformed},
		{"a dependency above 2^53", pack(data, 0, 0, 0, dot, 1, id, beyond), ErrMalformed},
		{"a clock that counts more than 2^53", pack(data, flagClock, 0, 0, 13, 1, 1, 1, "n", 1, beyond, dot, 0), ErrMalformed},
		{"a message of nobody", pack(data, 0, 0, 0, nobody, 1, 0), ErrMalformed},
		{"a dependency on a message 0", pack(data, 0, 0, 0, dot, 1, id, 0), ErrMalformed},
		{"more dependencies than are allowed", pack(data, 0, 0, 0, dot, uv(causal.MaxDeps+1), pad), ErrMalformed},
		{"more dependencies than there are", pack(data, 0, 0, 0, dot, 9, dot), ErrMalformed},
		{"a signature that is cut short", pack(signedDataKind, 0, 0, 0, dot, 0, aSignature[:63]), ErrTruncated},
		{"evidence that is cut short", pack(signedGoneKind, 1, dot, 1, 0, 1, someEvidence[:95]), ErrTruncated},
		{"evidence with a byte more", pack(signedGoneKind, 1, dot, 1, 0, 1, someEvidence, 0), ErrMalformed},
		{"a signed GONE without evidence", pack(signedGoneKind, 1, dot, 1, 0, 0), ErrMalformed},
		{"a signed digest without evidence", pack(signedDigestKind, 0, 1, 0, 0, 1, dot, 0, 0, 0), ErrMalformed},
		{"a signed digest of sums", pack(signedDigestKind, 0, 1, 0, 1, make([]byte, 128)), ErrMalformed},
		{"an epoch 0", pack(data, flagEpoch, 0, 0, 0, dot, 0), ErrMalformed},
		{"an epoch above 32 bits", pack(data, flagEpoch, 0, 0, uv(1<<32), dot, 0), ErrMalformed},
		{"an age of 36 years", pack(data, 0, 0, uv(maxAge+1), dot, 0), ErrMalformed},
		{"an age above 64 bits", pack(data, 0, 0, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", dot, 0), ErrMalformed},
		{"a clock longer than the frame", pack(data, flagClock, 0, 0, 200, dot, 0), ErrTruncated},
		{"a clock of 2^64-1 bytes", pack(data, flagClock, 0, 0, top, dot, 0), ErrTruncated},
		{"a clock that is none", pack(data, flagClock, 0, 0, 1, 7, dot, 0), ErrMalformed},
		{"a clock of no bytes", pack(data, flagClock, 0, 0, 0, dot, 0), ErrMalformed},
		{"a clock of more origins than are allowed", pack(data, flagClock, 0, 0, uv(6), 2, 9, uv(MaxClock+1), 0, dot, 0), ErrMalformed},
		{"more entries in all parts than are allowed", manyParts(maxEntries/maxControl+1, maxControl, pack(id, 5, 0, 0)), ErrMalformed},
		{"more spans in all entries than are allowed", manySpans(maxSpans/broadcast.MaxSpans + 1), ErrMalformed},
		{"a clock that counts nobody", pack(data, flagClock, 0, 0, 5, 1, 1, 0, 1, 1, dot, 0), ErrMalformed},
		{"a clock with too long a name", pack(data, flagClock, 0, 0, uv(MaxName+7), 1, 1, uv(MaxName+1), strings.Repeat("n", MaxName+1), 1, 1, dot, 0), ErrMalformed},
		{"a clock with a name that is not UTF-8", pack(data, flagClock, 0, 0, 6, 1, 1, 1, 0xff, 1, 1, dot, 0), ErrMalformed},
		{"more wants than are allowed", pack(want, uv(maxControl+1), pad), ErrMalformed},
		{"a want above 2^53", pack(want, 1, id, beyond, 0), ErrMalformed},
		{"gone up to above 2^53", pack(gone, 1, dot, beyond, 0), ErrMalformed},
		{"gone above 2^53", pack(gone, 1, id, beyond, 0, 0), ErrMalformed},
		{"an announcement above 2^53", pack(ihave, 1, id, beyond, 0), ErrMalformed},
		{"bytes behind the wants", pack(want, 1, dot, 0, 0), ErrMalformed},
		{"more gone than are allowed", pack(gone, uv(maxControl+1), pad), ErrMalformed},
		{"gone up to before what was asked for", pack(gone, 1, id, 5, 4, 0), ErrMalformed},
		{"more announcements than are allowed", pack(ihave, uv(maxControl+1), pad), ErrMalformed},
		{"more announcements than there are", pack(ihave, 9, dot, 0), ErrMalformed},
		{"bytes behind the announcements", pack(ihave, 1, dot, 0, 0), ErrMalformed},
		{"an announcement of a message 0", pack(ihave, 1, id, 0, 0), ErrMalformed},
		{"an announcement of nobody's message", pack(ihave, 1, nobody, 1, 0), ErrMalformed},
		{"bytes behind the spans", pack(spansKind, 1, id, 1, 0, 0), ErrMalformed},
		{"more origins of spans than are allowed", pack(spansKind, uv(maxControl+1), pad), ErrMalformed},
		{"more origins of spans than there are", pack(spansKind, 9, id, 1, 0), ErrMalformed},
		{"more spans of announcements than are allowed", pack(spansKind, 1, id, uv(maxControl+1), pad), ErrMalformed},
		{"more spans of announcements than there are", pack(spansKind, 1, id, 9, 0), ErrMalformed},
		{"an origin without spans", pack(spansKind, 2, id, 0, id, 1, 0), ErrMalformed},
		{"spans of nobody", pack(spansKind, 1, nobody, 1, 0, pad), ErrMalformed},
		{"spans of the same origin twice in a row", pack(spansKind, 2, id, 1, 0, id, 1, 9), ErrMalformed},
		{"a span that begins above 2^53", pack(spansKind, 1, id, 1, uv(2*peer.MaxSeq)), ErrMalformed},
		{"announcements up to above 2^53", pack(spansKind, 1, id, 1, uv(2*(peer.MaxSeq-2)+1), 1), ErrMalformed},
		{"a second span above 2^53", pack(spansKind, 1, id, 2, 0, uv(2*(peer.MaxSeq-2))), ErrMalformed},
		{"more announcements in spans than are allowed", pack(spansKind, 1, id, 2, 0, 1, uv(maxControl-2)), ErrMalformed},
		{"a span that begins as late as can be said", pack(spansKind, 1, id, 1, uv(math.MaxUint64-1)), ErrMalformed},
		{"more announcements than 2^64", pack(spansKind, 1, id, 1, 1, top), ErrMalformed},
		{"bytes behind a graft", pack(int(broadcast.Graft), 0), ErrMalformed},
		{"bytes behind a prune", pack(int(broadcast.Prune), 0), ErrMalformed},
		{"gone for 36 years", pack(gone, 1, dot, 1, uv(maxAge+1)), ErrMalformed},
	} {
		f, err := DecodeFrame(tt.b, now, newTestBook())
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.why, err, tt.want)
		}
		if err != nil && (f.Message != nil || f.Digest != nil || f.Wants != nil || f.Gone != nil || f.Announced != nil || f.Candidates != nil || f.Refine != nil) {
			t.Errorf("%s: refused, and yet it reads %s", tt.why, describe(f))
		}
	}
}

// The largest numbers that are allowed come through as they are.
func TestExtremes(t *testing.T) {
	const top = peer.MaxSeq
	old := now - maxAge*time.Microsecond
	dot := peer.Dot{Origin: hAnn, Seq: top}
	deps := make([]peer.Dot, causal.MaxDeps)
	for i := range deps {
		deps[i] = dot
	}
	wants := make([]broadcast.WantEntry, maxControl)
	for i := range wants {
		wants[i].Dot = dot
	}
	announced := make([]broadcast.Announcement, maxControl)
	for i := range announced {
		announced[i] = broadcast.Announcement{Dot: dot, Hops: 255}
	}
	for why, f := range map[string]broadcast.Frame{
		"the most announcements":         {Kind: broadcast.IHave, Announced: announced, Listed: true},
		"announcements of the last ones": {Kind: broadcast.IHave, Announced: []broadcast.Announcement{{Dot: peer.Dot{Origin: hAnn, Seq: top + 1 - maxControl}, More: maxControl - 1}}},
		"an announcement of the last":    {Kind: broadcast.IHave, Announced: []broadcast.Announcement{{Dot: dot}}},
		"the last message":               {Kind: broadcast.Data, Message: &broadcast.Message{Dot: dot, Born: now, Hops: 255}},
		"the oldest message":             {Kind: broadcast.Data, Message: &broadcast.Message{Dot: dot, Born: old}},
		"a message of tomorrow":          {Kind: broadcast.Data, Message: &broadcast.Message{Dot: dot, Born: 25 * now}},
		"the most dependencies":          {Kind: broadcast.Data, Message: &broadcast.Message{Dot: dot, Born: now, Deps: deps}},
		"everything was had":             {Kind: broadcast.Digest, Digest: []broadcast.DigestPart{{Entries: []broadcast.DigestEntry{{Origin: hAnn, Contiguous: top}}}}},
		"all but the first":              {Kind: broadcast.Digest, Digest: []broadcast.DigestPart{{Entries: []broadcast.DigestEntry{{Origin: hAnn, Spans: []broadcast.Span{{From: 2, To: top}}}}}}},
		"the last only":                  {Kind: broadcast.Digest, Digest: []broadcast.DigestPart{{Entries: []broadcast.DigestEntry{{Origin: hAnn, Spans: []broadcast.Span{{From: top, To: top}}}}}}},
		"the longest prefix":             {Kind: broadcast.Refine, Refine: []broadcast.Prefix{{Bits: math.MaxUint64, Len: broadcast.MaxPrefix}}},
		"the most wants":                 {Kind: broadcast.Want, Wants: wants},
		"gone for as long as can be":     {Kind: broadcast.Gone, Gone: []broadcast.GoneEntry{{Dot: dot, UpTo: top, Age: maxAge * time.Microsecond}}},
	} {
		got, err := DecodeFrame(AppendFrame(nil, now, &f, newTestBook(ann))[FrameHeader:], now, newTestBook(ann))
		if err != nil {
			t.Errorf("%s: %v", why, err)
		} else if describe(got) != describe(travelled(f)) {
			t.Errorf("%s: %s\ncame back as\n%s", why, describe(travelled(f)), describe(got))
		}
	}
}

// A message may become older than any may claim while a node holds it. Its
// next receiver must not take the frame for malformed and end the link.
func TestAgesSaturate(t *testing.T) {
	book := newTestBook(ann)
	f := broadcast.Frame{Kind: broadcast.Data, Message: &broadcast.Message{Dot: peer.Dot{Origin: hAnn, Seq: 1}, Born: now - maxAge*time.Microsecond}}
	later := now + time.Hour
	got, err := DecodeFrame(AppendFrame(nil, later, &f, book)[FrameHeader:], later, book)
	if err != nil || later-got.Message.Born != maxAge*time.Microsecond {
		t.Errorf("age %v, %v", later-got.Message.Born, err)
	}
	g := broadcast.Frame{Kind: broadcast.Gone, Gone: []broadcast.GoneEntry{{Dot: f.Message.Dot, UpTo: 1, Age: math.MaxInt64}}}
	gone, err := DecodeFrame(AppendFrame(nil, now, &g, book)[FrameHeader:], now, book)
	if err != nil || gone.Gone[0].Age != maxAge*time.Microsecond {
		t.Errorf("%+v, %v", gone.Gone, err)
	}
}

func TestFlagsOfLaterVersionsAreIgnored(t *testing.T) {
	f, err := DecodeFrame(pack(int(broadcast.Data), 0xf8, 0, 0, origin(ann.ID), 1, 0, "x"), now, newTestBook())
	if err != nil || f.WithClock || string(f.Message.Payload) != "x" {
		t.Errorf("%s, %v", describe(f), err)
	}
}

func TestDecodeHelloRefuses(t *testing.T) {
	good := pack(helloKind, Version, 1, "c", 3, "ann", uint64(1), 0)
	for _, tt := range []struct {
		why  string
		b    []byte
		want error
	}{
		{"nothing", nil, ErrTruncated},
		{"something else speaks here", []byte("GET / HTTP/1.1\r\n"), ErrMalformed},
		{"a later version", pack(helloKind, 2, "whatever"), ErrVersion},
		{"another cluster", pack(helloKind, Version, 1, "d", good[4:]), ErrCluster},
		{"a cluster that only begins like this one", pack(helloKind, Version, 2, "cc", good[4:]), ErrCluster},
		{"no cluster", pack(helloKind, Version, 0, good[4:]), ErrCluster},
		{"a cluster's name that is cut off", pack(helloKind, Version, 255, "c"), ErrTruncated},
		{"no name", pack(helloKind, Version, 1, "c", 0, uint64(1), 0), ErrMalformed},
		{"a name that is too long", pack(helloKind, Version, 1, "c", MaxName+1, make([]byte, 200)), ErrMalformed},
		{"a name that is not UTF-8", pack(helloKind, Version, 1, "c", 1, 0x80, uint64(1), 0), ErrMalformed},
		{"an address of 3 bytes", pack(good[:len(good)-1], 3, 1, 2, 3, 0, 0), ErrMalformed},
		{"an extension that is cut off", pack(good, 9, 2, 1), ErrTruncated},
		{"a horizon that is cut off", pack(good, 1, 2, 0x80), ErrTruncated},
		{"a horizon that does not end", pack(good, 1, 1, 0x80), ErrTruncated},
		{"a horizon with a byte more", pack(good, 1, 2, 5, 0), ErrMalformed},
		{"a horizon of 36 years", pack(good, 1, 6, uv(maxAge/1000+1)), ErrMalformed},
		{"fine", good, nil},
		{"fine, with a horizon", pack(good, 1, 1, 5), nil},
		{"fine, with extensions", pack(good, 9, 2, 1, 2, 8, 0, 0, "padding"), nil},
	} {
		h, err := DecodeHello(tt.b, "c", from)
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.why, err, tt.want)
		}
		if (err == nil) != (h.ID.Name == "ann") {
			t.Errorf("%s: %v, and yet it reads %+v", tt.why, err, h)
		}
	}
}

func TestCheckName(t *testing.T) {
	for _, tt := range []struct {
		name string
		want string // in the error
	}{
		{"n", ""},
		{"node-1.example:7946", ""},
		{"two words", ""},
		{"übung 日本", ""},
		{strings.Repeat("n", MaxName), ""},
		{strings.Repeat("ü", MaxName/2), ""},
		{"", "empty"},
		{strings.Repeat("n", MaxName+1), "129 bytes"},
		{strings.Repeat("ü", MaxName/2) + "n", "129 bytes"},
		{"a\xffb", "UTF-8"},
		{"line\nline", `'\n'`},
		{"nul\x00", `'\x00'`},
		{"no\u00a0break", "printable"},
		{"\u202eright to left", "printable"},
	} {
		err := CheckName(tt.name)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%q: %v, want %q", tt.name, err, tt.want)
		}
	}
}

// The tag is FNV-1a: the test values are those of its authors.
func TestClusterTag(t *testing.T) {
	for name, want := range map[string]uint32{"": 0x811c9dc5, "a": 0xe40c292c, "foobar": 0xbf9cf968} {
		if got := ClusterTag(name); got != want {
			t.Errorf("%q: %#x, want %#x", name, got, want)
		}
	}
}

// manyParts is a DIGEST of parts that each have so many of one entry.
func manyParts(parts, entries int, entry []byte) []byte {
	b := pack(int(broadcast.Digest), 0, uv(parts))
	for range parts {
		b = append(b, pack(0, 0, uv(entries))...)
		for range entries {
			b = append(b, entry...)
		}
	}
	return b
}

// manySpans is a DIGEST of entries that each have as many spans as one may have.
func manySpans(entries int) []byte {
	entry := pack(1, "n", uint64(1), 1, uv(broadcast.MaxSpans))
	for range broadcast.MaxSpans {
		entry = append(entry, 2, 0)
	}
	return manyParts(1, entries, append(entry, 0))
}
