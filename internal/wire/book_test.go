package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
)

// testBook is the simplest Book there is: handles count from 1 and are kept for
// ever.
type testBook struct {
	known []Identity
	byID  map[peer.ID]peer.Handle
}

func newTestBook(known ...Identity) *testBook {
	b := &testBook{known: make([]Identity, 1), byID: make(map[peer.ID]peer.Handle)}
	for _, k := range known {
		b.add(k)
	}
	return b
}

func (b *testBook) add(i Identity) peer.Handle {
	return b.Intern([]byte(i.ID.Name), i.ID.Incarnation, i.Addr)
}

func (b *testBook) Lookup(h peer.Handle) (peer.ID, netip.AddrPort) {
	return b.known[h].ID, b.known[h].Addr
}

func (b *testBook) Intern(name []byte, incarnation uint64, addr netip.AddrPort) peer.Handle {
	h, ok := b.byID[peer.ID{Name: string(name), Incarnation: incarnation}]
	if !ok {
		id := peer.ID{Name: string(name), Incarnation: incarnation}
		h = peer.Handle(len(b.known))
		b.known = append(b.known, Identity{ID: id})
		b.byID[id] = h
	}
	if addr.IsValid() {
		b.known[h].Addr = addr
	}
	return h
}

// provenBook has a proof for each handle but every fifth, except its own, 1, and notes
// whose proofs are not those.
type provenBook struct {
	*testBook
	wrong []peer.Handle
}

func (b *provenBook) Proof(h peer.Handle) []byte {
	if h%5 == 0 && h != 1 {
		return nil
	}
	return bytes.Repeat([]byte{byte(h)}, AddressProof)
}

func (b *provenBook) InternProven(name []byte, incarnation uint64, addr netip.AddrPort, proof []byte) peer.Handle {
	h := b.Intern(name, incarnation, addr)
	if want := b.Proof(h); want == nil || !bytes.Equal(proof, want) {
		b.wrong = append(b.wrong, h)
		return peer.None
	}
	return h
}

// nobody is a Book that keeps nothing, for measuring what decoders allocate.
type nobody struct{}

func (nobody) Lookup(peer.Handle) (peer.ID, netip.AddrPort)          { return peer.ID{}, netip.AddrPort{} }
func (nobody) Intern([]byte, uint64, netip.AddrPort) (p peer.Handle) { return 1 }

// The people of most tests, their handles in a book made by newTestBook(ann,
// bob, eve), and the circumstances.
var (
	ann = Identity{peer.ID{Name: "ann", Incarnation: 0x0102030405060708}, netip.MustParseAddrPort("192.0.2.1:7946")}
	bob = Identity{peer.ID{Name: "bob", Incarnation: 7}, netip.MustParseAddrPort("[2001:db8::2]:7947")}
	eve = Identity{peer.ID{Name: "eve"}, netip.MustParseAddrPort("198.51.100.3:80")}

	from = netip.MustParseAddrPort("203.0.113.9:5555")
	tag  = ClusterTag("test")
)

const (
	hAnn = peer.Handle(iota + 1)
	hBob
	hEve

	now = time.Hour
)

// uv is written by pack as an unsigned varint.
type uv uint64

// aSignature is one that nobody checks here.
var aSignature = func() (s [SignatureSize]byte) {
	for i := range s {
		s[i] = byte(0x80 + i)
	}
	return s
}()

var someEvidence = string(bytes.Repeat([]byte{0xee}, 32)) + string(aSignature[:])

// pack puts bytes together by hand: what no encoder would write.
func pack(parts ...any) (b []byte) {
	for _, p := range parts {
		switch p := p.(type) {
		case int:
			b = append(b, byte(p))
		case rune:
			b = append(b, byte(p))
		case uint32:
			b = binary.BigEndian.AppendUint32(b, p)
		case uint64:
			b = binary.BigEndian.AppendUint64(b, p)
		case uv:
			b = binary.AppendUvarint(b, uint64(p))
		case string:
			b = append(b, p...)
		case []byte:
			b = append(b, p...)
		default:
			panic(fmt.Sprintf("pack: %T", p))
		}
	}
	return b
}

// origin is an identity without an address.
func origin(id peer.ID) []byte { return pack(len(id.Name), id.Name, id.Incarnation) }

// describe spells a frame out, so that frames can be compared and a difference
// read.
func describe(f broadcast.Frame) string {
	m := f.Message
	f.Message = nil
	s := fmt.Sprintf("%+v", f)
	if m == nil {
		return s
	}
	clock, _ := m.Clock.MarshalBinary()
	var signature []byte
	if m.Signed {
		signature = SignatureOf(m)
	}
	return s + fmt.Sprintf(" dot %v deps %v payload %x clock %x hops %d born %v epoch %d resumes %v signature %x headed %v", m.Dot, m.Deps, m.Payload, clock, m.Hops, m.Born, m.Epoch, m.Resumes, signature, m.Headed)
}

func describePacket(p peersampling.Packet) string { return fmt.Sprintf("%+v", p) }

// travelled is the frame as its receiver sees it: one hop farther, its age in
// whole microseconds, and its clock only if that went along.
func travelled(f broadcast.Frame) broadcast.Frame {
	if f.Message == nil {
		return f
	}
	m := *f.Message
	if m.Hops < 255 {
		m.Hops++
	}
	m.Born = now - min(max(0, now-m.Born).Truncate(time.Microsecond), maxAge*time.Microsecond)
	if !f.WithClock {
		m.Clock = broadcast.Message{}.Clock
	}
	f.Message = &m
	return f
}
