package wire

import (
	"bytes"
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
	"pgregory.net/rapid"
)

var names = rapid.OneOf(
	rapid.StringOfN(rapid.RuneFrom(nil, unicode.L, unicode.N, unicode.S), 1, 20, MaxName),
	rapid.Just(strings.Repeat("n", MaxName)),
)

var ids = rapid.Custom(func(t *rapid.T) peer.ID {
	return peer.ID{Name: names.Draw(t, "name"), Incarnation: rapid.Uint64().Draw(t, "incarnation")}
})

var addrs = rapid.Custom(func(t *rapid.T) netip.AddrPort {
	ip := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "ip")
	a := netip.AddrFrom16([16]byte(ip)).Unmap()
	if rapid.Bool().Draw(t, "IPv4") {
		a = netip.AddrFrom4([4]byte(ip))
	}
	addr := netip.AddrPortFrom(a, rapid.Uint16Min(1).Draw(t, "port"))
	if !reachable(addr) {
		return netip.AddrPortFrom(netip.IPv6Loopback(), addr.Port())
	}
	return addr
})

var identities = rapid.Custom(func(t *rapid.T) Identity {
	return Identity{ids.Draw(t, "id"), addrs.Draw(t, "addr")}
})

// drawBook returns a book of some people, the first of whom is self.
func drawBook(t *rapid.T) (book *testBook, self Identity) {
	people := rapid.SliceOfNDistinct(identities, 1, 60, func(i Identity) peer.ID { return i.ID }).Draw(t, "people")
	return newTestBook(people...), people[0]
}

func (b *testBook) draw(t *rapid.T) peer.Handle {
	return peer.Handle(rapid.IntRange(1, len(b.known)-1).Draw(t, "handle"))
}

func (b *testBook) drawDot(t *rapid.T) peer.Dot {
	return peer.Dot{Origin: b.draw(t), Seq: drawSeq(t, 1, "seq")}
}

func drawSeq(t *rapid.T, least uint64, what string) uint64 {
	return rapid.Uint64Range(least, peer.MaxSeq).Draw(t, what)
}

func (b *testBook) drawView(t *rapid.T) (view []peer.Descriptor) {
	for range rapid.IntRange(0, 70).Draw(t, "view") {
		view = append(view, peer.Descriptor{Peer: b.draw(t), Age: rapid.Uint32().Draw(t, "age")})
	}
	return view
}

// checkUnchanged fails if decoding has moved anybody in the book.
func (b *testBook) checkUnchanged(t *rapid.T, before []Identity) {
	if !reflect.DeepEqual(b.known, before) {
		t.Fatalf("the book was %v, is %v", before, b.known)
	}
}

var packetKinds = []peersampling.PacketKind{
	peersampling.ExchangeRequest, peersampling.ExchangeReply, peersampling.ProbeRequest, peersampling.ProbeReply,
}

func TestPacketsComeBack(t *testing.T) {
	for _, kind := range packetKinds {
		t.Run(kind.String(), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) { checkPacket(t, kind) })
		})
	}
}

func checkPacket(t *rapid.T, kind peersampling.PacketKind) {
	book, self := drawBook(t)
	before := append([]Identity(nil), book.known...)
	p := peersampling.Packet{Kind: kind, Nonce: rapid.Uint64().Draw(t, "nonce"), Wide: rapid.Bool().Draw(t, "wide")}
	if kind == peersampling.ExchangeRequest || kind == peersampling.ExchangeReply {
		p.Digest, p.View = rapid.Uint64().Draw(t, "digest"), book.drawView(t)
	}
	if kind == peersampling.ExchangeReply || kind == peersampling.ProbeReply {
		p.Room = rapid.IntRange(requestSize(kind-1, false), 2*MaxDatagram).Draw(t, "room")
	}
	b := AppendPacket([]byte("before"), tag, self, &p, book)[len("before"):]

	got, err := DecodePacket(b, tag, from, make([]peer.Descriptor, 3), book)
	if err != nil {
		t.Fatalf("%x: %v", b, err)
	}
	book.checkUnchanged(t, before)
	cut := p.View[len(got.View):]
	want := p
	want.Peer, want.Room, want.Wide, want.View = 1, len(b), false, p.View[:len(got.View)]
	if describePacket(got) != describePacket(want) {
		t.Fatalf("%+v came back as %+v", want, got)
	}
	checkSizes(t, &p, len(b))
	if len(cut) > 0 {
		checkFull(t, &p, len(b), cut[0], book)
	}
}

func sizeOf(d peer.Descriptor, book Book) int {
	b, _ := appendView(nil, []peer.Descriptor{d}, Identity{}, book, math.MaxInt, nil)
	return len(b) - 1
}

// TestProofsComeBack: in a signed network each descriptor has the proof that belongs to
// it, whatever is cut off for want of room, and no answer is larger than its request.
func TestProofsComeBack(t *testing.T) {
	for _, kind := range packetKinds {
		t.Run(kind.String(), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				plain, self := drawBook(t)
				book := &provenBook{testBook: plain}
				p := peersampling.Packet{Kind: kind, Nonce: 1, Wide: rapid.Bool().Draw(t, "wide"), Token: rapid.Uint64().Draw(t, "token")}
				hasView := kind == peersampling.ExchangeRequest || kind == peersampling.ExchangeReply
				if hasView {
					p.View = plain.drawView(t)
				}
				if kind == peersampling.ExchangeReply || kind == peersampling.ProbeReply {
					p.Token = 0
					p.Room = rapid.IntRange(requestSize(kind-1, true), 2*MaxDatagram).Draw(t, "room")
				}
				b := AppendPacket(nil, tag, self, &p, book)
				most := MaxDatagram
				if p.Room > 0 {
					most = min(most, p.Room)
				}
				if len(b) < requestSize(kind, true) || len(b) > most {
					t.Fatalf("%v of %d bytes, want %d to %d", kind, len(b), requestSize(kind, true), most)
				}
				got, err := DecodePacket(b, tag, from, nil, book)
				if err != nil || got.Peer != 1 || len(book.wrong) > 0 {
					t.Fatalf("from %d, %v, wrong proofs of %v", got.Peer, err, book.wrong)
				}
				var want []peer.Descriptor
				for _, d := range p.View {
					if d.Peer%5 != 0 || d.Peer == 1 { // who has no proof is left out
						want = append(want, d)
					}
				}
				if len(got.View) > len(want) || !reflect.DeepEqual(got.View, want[:len(got.View):len(got.View)]) && len(got.View) > 0 {
					t.Fatalf("%v came back as %v", want, got.View)
				}
				if hasView && len(got.View) < len(want) {
					next := want[len(got.View)]
					one := sizeOf(next, plain) + AddressProof
					if next.Peer == 1 {
						one -= AddressProof
					}
					if kind == peersampling.ExchangeReply && len(b)+one+1 <= most {
						t.Fatalf("%d bytes of %d used, and a descriptor of %d left out", len(b), most, one)
					}
				}
			})
		})
	}
}

// checkSizes is the rule that keeps a node from being an amplifier: an answer
// is never larger than its request, whoever makes the two.
func checkSizes(t *rapid.T, p *peersampling.Packet, size int) {
	most := MaxDatagram
	if p.Room > 0 {
		most = min(most, p.Room)
	}
	least := requestSize(p.Kind, false)
	if p.Wide && p.Kind == peersampling.ExchangeRequest {
		least = MaxDatagram
	}
	if size < least || size > most {
		t.Fatalf("%v of %d bytes, want %d to %d", p.Kind, size, least, most)
	}
}

// checkFull fails if a descriptor was left out that had room.
func checkFull(t *rapid.T, p *peersampling.Packet, size int, next peer.Descriptor, book Book) {
	most := MaxDatagram
	if p.Room > 0 {
		most = min(most, p.Room)
	}
	one := sizeOf(next, book)
	if p.Kind == peersampling.ExchangeReply && size+one <= most {
		t.Fatalf("%d bytes of %d used, and a descriptor of %d left out", size, most, one)
	}
}

var frameKinds = []broadcast.FrameKind{
	broadcast.Neighbor, broadcast.NeighborReply, broadcast.Disconnect, broadcast.Ping, broadcast.Digest,
	broadcast.Data, broadcast.Want, broadcast.Gone, broadcast.SyncDone,
	broadcast.IHave, broadcast.Graft, broadcast.Prune, broadcast.Refine, broadcast.Pong,
}

func (b *testBook) drawFrame(t *rapid.T, kind broadcast.FrameKind) broadcast.Frame {
	f := broadcast.Frame{Kind: kind}
	yes := func(what string) bool { return rapid.Bool().Draw(t, what) }
	times := func(what string) int { return rapid.IntRange(0, 20).Draw(t, what) }
	switch kind {
	case broadcast.Neighbor:
		f.Token, f.Priority, f.Repair = rapid.Uint64().Draw(t, "token"), yes("priority"), yes("repair")
	case broadcast.NeighborReply:
		if f.Accept = yes("accept"); !f.Accept {
			f.Candidates = b.drawView(t)
		}
	case broadcast.Disconnect:
		f.Leaving = yes("leaving")
	case broadcast.Digest:
		f.Opening = yes("opening")
		for range times("parts") {
			f.Digest = append(f.Digest, b.drawPart(t))
		}
	case broadcast.Refine:
		for range times("prefixes") {
			f.Refine = append(f.Refine, drawPrefix(t))
		}
	case broadcast.Data:
		f.Message, f.WithClock = b.drawMessage(t), yes("with clock")
	case broadcast.Want:
		for range times("wants") {
			f.Wants = append(f.Wants, broadcast.WantEntry{Dot: b.drawDot(t), Clock: yes("clock"), Check: yes("check")})
		}
	case broadcast.Gone:
		for range times("gone") {
			f.Gone = append(f.Gone, b.drawGone(t))
		}
	case broadcast.IHave:
		f.Listed = yes("listed")
		for range times("announced") {
			a := broadcast.Announcement{Dot: b.drawDot(t)}
			if f.Listed {
				a.Hops = rapid.Byte().Draw(t, "hops")
			} else {
				a.More = uint32(min(rapid.Uint64Range(0, 200).Draw(t, "more"), peer.MaxSeq-a.Dot.Seq))
			}
			f.Announced = append(f.Announced, a)
		}
		if !f.Listed {
			f.Announced = broadcast.Join(f.Announced)
		}
	}
	return f
}

func drawPrefix(t *rapid.T) broadcast.Prefix {
	p := broadcast.Prefix{Len: rapid.Uint8Max(broadcast.MaxPrefix).Draw(t, "length")}
	p.Bits = rapid.Uint64().Draw(t, "bits") >> (64 - 4*p.Len) << (64 - 4*p.Len)
	return p
}

func (b *testBook) drawPart(t *rapid.T) broadcast.DigestPart {
	p := broadcast.DigestPart{Prefix: drawPrefix(t)}
	if p.Len < broadcast.MaxPrefix && rapid.Bool().Draw(t, "sums") {
		p.Sums = make([]uint64, 16)
		for i := range p.Sums {
			p.Sums[i] = rapid.Uint64().Draw(t, "sum")
		}
		return p
	}
	for range rapid.IntRange(0, 5).Draw(t, "entries") {
		p.Entries = append(p.Entries, b.drawEntry(t))
	}
	return p
}

func (b *testBook) drawEntry(t *rapid.T) broadcast.DigestEntry {
	e := broadcast.DigestEntry{Origin: b.draw(t), Contiguous: drawSeq(t, 0, "contiguous")}
	last := e.Contiguous
	for range rapid.IntRange(0, 10).Draw(t, "spans") {
		if last == peer.MaxSeq {
			break
		}
		s := broadcast.Span{From: drawSeq(t, last+1, "from")}
		s.To = drawSeq(t, s.From, "to")
		e.Spans, last = append(e.Spans, s), s.To
	}
	if rapid.Bool().Draw(t, "some is gone") {
		e.Gone, e.Age = drawSeq(t, 1, "gone"), drawAge(t)
	}
	return e
}

func (b *testBook) drawGone(t *rapid.T) broadcast.GoneEntry {
	g := broadcast.GoneEntry{Dot: b.drawDot(t), Age: drawAge(t)}
	if rapid.Bool().Draw(t, "evicted") {
		g.UpTo = drawSeq(t, g.Dot.Seq, "up to")
	}
	return g
}

func drawAge(t *rapid.T) time.Duration {
	return time.Duration(rapid.Int64Range(0, maxAge).Draw(t, "age")) * time.Microsecond
}

func (b *testBook) drawMessage(t *rapid.T) *broadcast.Message {
	m := &broadcast.Message{
		Dot: b.drawDot(t), Payload: rapid.SliceOf(rapid.Byte()).Draw(t, "payload"),
		Hops: rapid.Byte().Draw(t, "hops"), Born: now - drawAge(t) - time.Duration(rapid.IntRange(-9, 9).Draw(t, "ns")),
	}
	if m.Headed = rapid.Bool().Draw(t, "headed"); m.Headed {
		m.Payload = headed(drawnHeaders.Draw(t, "headers"), string(m.Payload))
	}
	for range rapid.IntRange(0, 20).Draw(t, "deps") {
		m.Deps = append(m.Deps, b.drawDot(t))
	}
	epochs := rapid.Bool().Draw(t, "epochs")
	for range rapid.IntRange(0, 20).Draw(t, "clock") {
		d, epoch := b.drawDot(t), uint32(0)
		if epochs {
			epoch = rapid.Uint32().Draw(t, "epoch")
		}
		m.Clock = m.Clock.Advance(vclock.Origin(b.known[d.Origin].ID), d.Seq, epoch)
	}
	if epochs {
		m.Epoch, m.Resumes = rapid.Uint32().Draw(t, "own epoch"), rapid.Bool().Draw(t, "resumes")
	}
	return m
}

func TestFramesComeBack(t *testing.T) {
	for _, kind := range frameKinds {
		t.Run(kind.String(), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) { checkFrame(t, kind) })
		})
	}
}

func checkFrame(t *rapid.T, kind broadcast.FrameKind) {
	book, _ := drawBook(t)
	before := append([]Identity(nil), book.known...)
	f := book.drawFrame(t, kind)
	b := AppendFrame([]byte("before"), now, &f, book)[len("before"):]
	if !bytes.HasPrefix(b, pack(uint32(len(b)-FrameHeader))) {
		t.Fatalf("%d bytes begin with % x", len(b), b[:FrameHeader])
	}
	got, err := DecodeFrame(b[FrameHeader:], now, book)
	if err != nil {
		t.Fatalf("%x: %v", b, err)
	}
	book.checkUnchanged(t, before)
	if describe(got) != describe(travelled(f)) {
		t.Fatalf("%s\ncame back as\n%s", describe(travelled(f)), describe(got))
	}
	if kind == broadcast.Data {
		checkRelay(t, f.Message, got, book)
	}
}

// checkRelay sends a message on as it came: a new head, the same body.
func checkRelay(t *rapid.T, m *broadcast.Message, got broadcast.Frame, book Book) {
	body := EncodeMessage(m, book)
	if !bytes.Equal(got.Message.Encoded, body) {
		t.Fatalf("kept %x of the body %x", got.Message.Encoded, body)
	}
	later := now + time.Minute
	head := AppendFrameHead(nil, later, &got, book)
	whole := AppendFrame(nil, later, &got, book)
	if !bytes.Equal(whole, append(head, body...)) {
		t.Fatalf("whole %x, in parts %x and %x", whole, head, body)
	}
	got.Message.Encoded = nil
	if again := EncodeMessage(got.Message, book); !bytes.Equal(again, body) {
		t.Fatalf("the body %x, made anew, is %x", body, again)
	}
}

func TestHellosComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := Hello{
			Cluster:  rapid.StringOfN(rapid.Rune(), -1, -1, 255).Draw(t, "cluster"),
			Identity: identities.Draw(t, "identity"),
			Horizon:  time.Duration(rapid.Int64Range(0, maxAge/1000).Draw(t, "horizon")) * time.Millisecond,

			Capabilities: Capabilities(rapid.Uint64().Draw(t, "capabilities")),
		}
		if rapid.Bool().Draw(t, "signed") {
			copy(want.Proof[:], rapid.SliceOfN(rapid.ByteMin(1), SignatureSize, SignatureSize).Draw(t, "proof"))
		}
		b := AppendHello([]byte("before"), want)[len("before"):]
		if !bytes.HasPrefix(b, pack(uint32(len(b)-FrameHeader))) || len(b)-FrameHeader > MaxHello {
			t.Fatalf("%d bytes begin with % x", len(b), b[:FrameHeader])
		}
		got, err := DecodeHello(b[FrameHeader:], want.Cluster, from)
		if err != nil || got != want {
			t.Fatalf("%+v came back as %+v, %v", want, got, err)
		}
	})
}

// A hello is the first thing that is read of a stranger, so its limit must let
// every node in, with bytes to spare for what later versions append.
func TestTheLongestHelloIsRead(t *testing.T) {
	h := Hello{Cluster: strings.Repeat("c", 255), Identity: Identity{peer.ID{Name: strings.Repeat("n", MaxName)}, bob.Addr}, Horizon: maxAge / 1000 * time.Millisecond, Capabilities: math.MaxUint64, Proof: aSignature}
	b := AppendHello(nil, h)[FrameHeader:]
	if len(b) != 500 {
		t.Errorf("the longest hello has length %d; the comment on MaxHello says 500", len(b))
	}
	spare := MaxHello - len(b) - 3 // behind a tag and two bytes of length
	b = append(b, pack(77, uv(spare), bytes.Repeat([]byte("x"), spare))...)
	if len(b) != MaxHello {
		t.Fatalf("length %d, want %d", len(b), MaxHello)
	}
	if got, err := DecodeHello(b, h.Cluster, from); err != nil || got != h {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestEncodeMessageKeepsWhatItMade(t *testing.T) {
	book := newTestBook(ann)
	m := &broadcast.Message{Dot: peer.Dot{Origin: hAnn, Seq: 1}, Payload: []byte("once")}
	a := EncodeMessage(m, book)
	if b := EncodeMessage(m, nil); &a[0] != &b[0] || &a[0] != &m.Encoded[0] {
		t.Error("made twice")
	}
}

func ExampleAppendHello() {
	self := Identity{peer.ID{Name: "ann", Incarnation: 1}, netip.MustParseAddrPort("192.0.2.1:7946")}
	fmt.Printf("%x\n", AppendHello(nil, Hello{Cluster: "test", Identity: self}))
	// Output: 0000001a6701047465737403616e6e000000000000000104c00002011f0a
}
