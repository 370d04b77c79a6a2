package wire

import (
	"fmt"
	"math"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/causal"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
)

// allocated returns how many bytes f allocates, other goroutines' included.
func allocated(f func()) uint64 {
	least := uint64(math.MaxUint64)
	for range 5 { // the counter is the whole process's, so others may add to it
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	return least
}

// TestLengthsAreCheckedFirst sends a few bytes that announce many. What is
// allocated then is the error.
func TestLengthsAreCheckedFirst(t *testing.T) {
	sender := pack(3, "ann", uint64(1), 0)
	id, dot := origin(ann.ID), pack(origin(ann.ID), 1)
	kind := func(k broadcast.FrameKind) int { return int(k) }
	packet := func(b []byte) error { _, err := DecodePacket(b, tag, from, nil, nobody{}); return err }
	frame := func(b []byte) error { _, err := DecodeFrame(b, now, nobody{}); return err }
	hello := func(b []byte) error { _, err := DecodeHello(b, "c", from); return err }
	for _, n := range []uint64{1 << 12, causal.MaxDeps, 1 << 31, 1 << 32, math.MaxInt64, math.MaxUint64} {
		many := uv(n)
		for _, tt := range []struct {
			what   string
			decode func([]byte) error
			b      []byte
		}{
			{"an extension", packet, pack(magic, Version, 4, tag, sender, uint64(1), 1, many)},
			{"descriptors", packet, pack(magic, Version, 2, tag, sender, uint64(1), uint64(1), 255)},
			{"a name", packet, pack(magic, Version, 4, tag, 255, "n")},
			{"a hello's extension", hello, pack(helloKind, Version, 1, "c", sender, 1, many)},
			{"a cluster's name", hello, pack(helloKind, Version, 255, "c")},
			{"candidates", frame, pack(kind(broadcast.NeighborReply), 0, 255)},
			{"parts of a digest", frame, pack(kind(broadcast.Digest), 0, many, 0, 0, 0)},
			{"origins of a digest", frame, pack(kind(broadcast.Digest), 0, 1, 0, 0, many, dot, 0)},
			{"spans", frame, pack(kind(broadcast.Digest), 0, 1, 0, 0, 1, dot, many)},
			{"prefixes", frame, pack(kind(broadcast.Refine), many, 0)},
			{"a clock", frame, pack(kind(broadcast.Data), 1, 0, 0, many)},
			{"entries of a clock", frame, pack(kind(broadcast.Data), 1, 0, 0, 11, 1, many, dot, dot, dot)},
			{"a name in a clock", frame, pack(kind(broadcast.Data), 1, 0, 0, 12, 1, 1, many, dot, dot, dot)},
			{"dependencies", frame, pack(kind(broadcast.Data), 0, 0, 0, dot, many, dot)},
			{"wants", frame, pack(kind(broadcast.Want), many, dot, 0)},
			{"gone", frame, pack(kind(broadcast.Gone), many, id, 1, 0, 0)},
			{"announcements", frame, pack(kind(broadcast.IHave), many, id, 1, 0)},
			{"origins of announcements", frame, pack(spansKind, many, id, 1, 0)},
			{"spans of announcements", frame, pack(spansKind, 1, id, many, 0)},
		} {
			var err error
			if got := allocated(func() { err = tt.decode(tt.b) }); got > 4<<10 {
				t.Errorf("%d of %s in %d bytes: %d bytes allocated", n, tt.what, len(tt.b), got)
			}
			if err == nil {
				t.Errorf("%d of %s in %d bytes pass", n, tt.what, len(tt.b))
			}
		}
	}
}

// TestMemoryOfTheWorstFrames measures W3 (fuzz_test.go) where it is tightest:
// long lists of the smallest elements.
func TestMemoryOfTheWorstFrames(t *testing.T) {
	list := func(n int, head []byte, element func(i int) []byte) (b []byte) {
		b = head
		for i := range n {
			b = append(b, element(i)...)
		}
		return b
	}
	dot := pack(1, "n", uint64(1), 1)
	same := func(parts ...any) func(int) []byte { return func(int) []byte { return pack(parts...) } }
	lives := func(i int) []byte { return pack(1, "n", uv(i), 1) }
	people := func(i int) []byte { return pack(3, fmt.Sprintf("%03x", i), 0, 1) }
	clock := func(n int, entry func(int) []byte) []byte {
		c := list(n, pack(1, uv(n)), entry)
		return pack(int(broadcast.Data), flagClock, 0, 0, uv(len(c)), c, dot, 0)
	}
	for what, b := range map[string][]byte{
		"a clock of one node's lives": clock(MaxClock, lives),
		"a clock of many nodes":       clock(4096, people),
		"digest":                      list(maxControl, pack(int(broadcast.Digest), 0, 1, 0, 0, uv(maxControl)), same(dot, 0, 0)),
		"digest in empty parts":       list(maxControl, pack(int(broadcast.Digest), 0, uv(maxControl)), same(0, 0, 0)),
		"sums of a digest":            list(maxControl, pack(int(broadcast.Digest), 0, uv(maxControl)), same(0, 1, make([]byte, 128))),
		"prefixes":                    list(maxControl, pack(int(broadcast.Refine), uv(maxControl)), same(0)),
		"spans": list(broadcast.MaxSpans, pack(int(broadcast.Digest), 0, 1, 0, 0, 1, dot, uv(broadcast.MaxSpans)), func(i int) []byte {
			if i == broadcast.MaxSpans-1 {
				return pack(1, 0, 0) // and nothing is gone
			}
			return pack(1, 0)
		}),
		"dependencies":               list(causal.MaxDeps, pack(int(broadcast.Data), 0, 0, 0, dot, uv(causal.MaxDeps)), same(dot)),
		"wants":                      list(maxControl, pack(int(broadcast.Want), uv(maxControl)), same(dot, 0)),
		"gone":                       list(maxControl, pack(int(broadcast.Gone), uv(maxControl)), same(dot, 0, 0)),
		"announcements":              list(maxControl, pack(int(broadcast.IHave), uv(maxControl)), same(dot, 0)),
		"announcements in spans":     list(maxControl, pack(spansKind, 1, dot[:10], uv(maxControl)), same(0)),
		"announcements of ever more": growing(),
		"announcements of origins":   list(maxControl/2, pack(spansKind, uv(maxControl/2)), func(i int) []byte { return pack(1, string(rune('a'+i%2)), uint64(1), 1, 0) }),
		"candidates":                 list(255, pack(int(broadcast.NeighborReply), 0, 255), same(dot[:10], 4, uint32(1), 0, 1, 0)),
	} {
		var err error
		got := allocated(func() { _, err = DecodeFrame(b, now, nobody{}) })
		t.Logf("%s: %.1f bytes per byte", what, float64(got)/float64(len(b)))
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if got > uint64(mostPerByte*len(b)) {
			t.Errorf("%s: %d bytes allocated for %d that came", what, got, len(b))
		}
	}
}

// growing announces one more of each origin than there is room for where the others have made
// some, by the slices of Go 1.26.
func growing() []byte {
	counts := []int{256, 257, 320, 401, 501, 626, 782}
	b := pack(spansKind, uv(len(counts)))
	for i, n := range counts {
		b = append(b, pack(1, string(rune('a'+i%2)), uint64(1), uv(n), make([]byte, n))...)
	}
	return b
}

// exchange is what a node with the default policy sends: half a view of 30.
func exchange() (b []byte, p peersampling.Packet, book *testBook) {
	book = newTestBook(ann)
	p = peersampling.Packet{Kind: peersampling.ExchangeRequest, Nonce: 1, Digest: 2}
	for i := range 15 {
		addr := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), 7946)
		h := book.add(Identity{peer.ID{Name: fmt.Sprint("node-", i), Incarnation: 1 << 62}, addr})
		p.View = append(p.View, peer.Descriptor{Peer: h, Age: uint32(i)})
	}
	return AppendPacket(nil, tag, ann, &p, book), p, book
}

// message is a DATA frame of a busy network: three dependencies, 256 bytes.
func message() (b []byte, f broadcast.Frame, book *testBook) {
	book = newTestBook(ann, bob, eve)
	f = broadcast.Frame{Kind: broadcast.Data, Message: &broadcast.Message{
		Dot: peer.Dot{Origin: hAnn, Seq: 1000}, Born: now - time.Second, Payload: []byte(strings.Repeat("payload.", 32)),
		Deps: []peer.Dot{{Origin: hAnn, Seq: 999}, {Origin: hBob, Seq: 500}, {Origin: hEve, Seq: 70000}},
	}}
	return AppendFrame(nil, now, &f, book)[FrameHeader:], f, book
}

func TestAllocations(t *testing.T) {
	packetBytes, packet, packetBook := exchange()
	frameBytes, frame, frameBook := message()
	fresh := *frame.Message
	buffer := make([]byte, 0, 2*MaxDatagram)
	scratch := make([]peer.Descriptor, 0, 255)
	ping := []byte{byte(broadcast.Ping)}
	var read broadcast.Frame
	for _, tt := range []struct {
		what string
		want float64
		f    func()
	}{
		{"AppendPacket", 0, func() { AppendPacket(buffer, tag, ann, &packet, packetBook) }},
		{"DecodePacket", 0, func() { DecodePacket(packetBytes, tag, from, scratch, packetBook) }},
		{"AppendFrameHead of DATA", 0, func() { AppendFrameHead(buffer, now, &frame, frameBook) }},
		{"AppendFrame of DATA", 0, func() { AppendFrame(buffer, now, &frame, frameBook) }},
		{"EncodeMessage, later", 0, func() { EncodeMessage(frame.Message, frameBook) }},
		{"EncodeMessage, first", 1, func() { fresh.Encoded = nil; EncodeMessage(&fresh, frameBook) }},
		{"DecodeFrame of DATA: the message and its dependencies", 2, func() { read, _ = DecodeFrame(frameBytes, now, frameBook) }},
		{"DecodeFrame of PING", 0, func() { read, _ = DecodeFrame(ping, now, frameBook) }},
	} {
		if got := testing.AllocsPerRun(200, tt.f); got != tt.want {
			t.Errorf("%s: %v allocations, want %v", tt.what, got, tt.want)
		}
	}
	runtime.KeepAlive(read)
}

func BenchmarkDecodePacket(b *testing.B) {
	bytes, _, book := exchange()
	scratch := make([]peer.Descriptor, 0, 255)
	b.ReportAllocs()
	b.SetBytes(int64(len(bytes)))
	for b.Loop() {
		if _, err := DecodePacket(bytes, tag, from, scratch, book); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendPacket(b *testing.B) {
	bytes, p, book := exchange()
	b.ReportAllocs()
	b.SetBytes(int64(len(bytes)))
	for b.Loop() {
		bytes = AppendPacket(bytes[:0], tag, ann, &p, book)
	}
}

func BenchmarkDecodeData(b *testing.B) {
	bytes, _, book := message()
	b.ReportAllocs()
	b.SetBytes(int64(len(bytes)))
	for b.Loop() {
		if _, err := DecodeFrame(bytes, now, book); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendDataHead(b *testing.B) {
	_, f, book := message()
	var head []byte
	b.ReportAllocs()
	for b.Loop() {
		head = AppendFrameHead(head[:0], now, &f, book)
	}
}

func BenchmarkEncodeMessage(b *testing.B) {
	_, f, book := message()
	b.ReportAllocs()
	b.SetBytes(int64(len(f.Message.Encoded)))
	for b.Loop() {
		f.Message.Encoded = nil
		EncodeMessage(f.Message, book)
	}
}

// TestEvidenceIsNotHeld: whoever looks at the evidence in a frame has no more of it than
// one piece at a time. As many do as there are links, and Config.Memory reckons with one
// frame that is taken apart.
func TestEvidenceIsNotHeld(t *testing.T) {
	book := newTestBook()
	proof := strings.Repeat("e", EvidenceSize)
	f := broadcast.Frame{Kind: broadcast.Digest}
	const parts, entries = 4, maxControl
	for i := range parts {
		part := broadcast.DigestPart{Prefix: broadcast.Prefix{Bits: uint64(i) << 60, Len: 1}}
		for j := range entries {
			h := book.add(Identity{ID: peer.ID{Name: fmt.Sprintf("%0*d", MaxName, i*entries+j), Incarnation: 1}})
			part.Entries = append(part.Entries, broadcast.DigestEntry{Origin: h, Contiguous: 1, Evidence: broadcast.Evidence{Seq: 1, Proof: proof}})
		}
		f.Digest = append(f.Digest, part)
	}
	b := AppendFrame(nil, now, &f, book)[FrameHeader:]
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	seen, before, most := 0, heap(), uint64(0)
	err := ReadTestimonies(b, func(*Testimony) bool {
		if seen++; seen%entries == 0 {
			most = max(most, heap())
		}
		return true
	})
	if err != nil || seen != parts*entries {
		t.Fatalf("%d pieces are shown, want %d: %v", seen, parts*entries, err)
	}
	if most > before+256<<10 {
		t.Errorf("%d KiB are held while a frame of %d KiB is looked at", (most-before)>>10, len(b)>>10)
	}
	runtime.KeepAlive(book)
	runtime.KeepAlive(f)
}
