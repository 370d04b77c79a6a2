package wirebench

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/internal/wire"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
	"google.golang.org/protobuf/proto"
)

// codec is one message both ways, in both formats. Encoders append to dst, as a node
// reuses its buffers.
type codec struct {
	name string
	// ours goes from what a node has to bytes; so does whole, with Protocol Buffers.
	// marshal leaves out the conversion: it begins with generated structs.
	ours, whole, marshal func(dst []byte) []byte
	// The same backwards, into kept. unmarshal ends with generated structs.
	readOurs, readWhole, unmarshal func(b []byte)
	// once is what remains to be done for a message that is passed on, or sent on the
	// second link: all but the body. nil where there is no body.
	onceOurs, onceWhole func(dst []byte) []byte
}

var (
	self    = wire.Identity{ID: peer.ID{Name: "node-0", Incarnation: 1786000000000 << 22}, Addr: netip.MustParseAddrPort("10.0.0.1:7946")}
	cluster = wire.ClusterTag("test")
)

// newBook returns a book of a hundred people, self first, with names and incarnations
// as nodes have them.
func newBook() *book {
	b := &book{known: make([]wire.Identity, 1), byID: make(map[peer.ID]peer.Handle)}
	b.add(self)
	for i := 1; i < 100; i++ {
		b.add(wire.Identity{
			ID:   peer.ID{Name: fmt.Sprint("node-", i), Incarnation: self.ID.Incarnation + uint64(i)<<30 + 12345},
			Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 1, byte(i)}), 7946),
		})
	}
	return b
}

// dots are n of them, with sequence numbers of one to three bytes.
func dots(n int) (d []peer.Dot) {
	for i := range n {
		d = append(d, peer.Dot{Origin: peer.Handle(i + 2), Seq: uint64(1 + i*i*40)})
	}
	return d
}

func codecs() (list []codec) {
	for _, deps := range []int{0, 3, 30} {
		for _, size := range []int{64, 1024} {
			list = append(list, data(deps, size))
		}
	}
	have := broadcast.Frame{Kind: broadcast.IHave, Listed: true}
	for i, d := range dots(32) {
		have.Announced = append(have.Announced, broadcast.Announcement{Dot: d, Hops: uint8(i % 8)})
	}
	want := broadcast.Frame{Kind: broadcast.Want}
	for _, d := range dots(8) {
		want.Wants = append(want.Wants, broadcast.WantEntry{Dot: d})
	}
	return append(list, control("IHAVE/32", have), control("WANT/8", want), reply(15))
}

func data(deps, size int) codec {
	b := newBook()
	payload := make([]byte, size)
	for i := range payload {
		payload[i] = byte(i)
	}
	m := &broadcast.Message{Dot: peer.Dot{Origin: 1, Seq: 1000}, Deps: dots(deps), Payload: payload, Born: now - 1500*time.Millisecond, Hops: 3}
	f := broadcast.Frame{Kind: broadcast.Data, Message: m}
	body := b.body(m)
	made := b.frame(&f, body)
	madeBody := &Body{}
	if err := proto.Unmarshal(body, madeBody); err != nil {
		panic(err)
	}
	encoded := f
	passed := *m
	wire.EncodeMessage(&passed, b)
	encoded.Message = &passed
	c := frames(b)
	c.name = fmt.Sprintf("DATA/%d-deps/%d-B", deps, size)
	c.ours = func(dst []byte) []byte {
		m.Encoded, m.Payload = nil, payload
		return wire.AppendFrame(dst, now, &f, b)[wire.FrameHeader:]
	}
	c.whole = func(dst []byte) []byte { return marshal(dst, b.frame(&f, b.body(m))) }
	c.marshal = func(dst []byte) []byte {
		data := made.GetData()
		data.Body = marshal(nil, madeBody)
		return marshal(dst, made)
	}
	unmarshal := c.unmarshal
	c.unmarshal = func(b []byte) {
		unmarshal(b)
		if err := proto.Unmarshal(body, &Body{}); err != nil {
			panic(err)
		}
	}
	c.onceOurs = func(dst []byte) []byte { return wire.AppendFrameHead(dst, now, &encoded, b) }
	c.onceWhole = func(dst []byte) []byte { return marshal(dst, b.frame(&f, body)) }
	return c
}

func control(name string, f broadcast.Frame) codec {
	b := newBook()
	made := b.frame(&f, nil)
	c := frames(b)
	c.name = name
	c.ours = func(dst []byte) []byte { return wire.AppendFrame(dst, now, &f, b)[wire.FrameHeader:] }
	c.whole = func(dst []byte) []byte { return marshal(dst, b.frame(&f, nil)) }
	c.marshal = func(dst []byte) []byte { return marshal(dst, made) }
	return c
}

// frames has what is the same for all frames.
func frames(b *book) codec {
	return codec{
		readOurs: func(bytes []byte) {
			var err error
			if kept.frame, err = wire.DecodeFrame(bytes, now, b); err != nil {
				panic(err)
			}
		},
		readWhole: func(bytes []byte) {
			var p Frame
			if err := proto.Unmarshal(bytes, &p); err != nil {
				panic(err)
			}
			kept.frame = b.readFrame(&p)
		},
		unmarshal: func(bytes []byte) {
			if err := proto.Unmarshal(bytes, &Frame{}); err != nil {
				panic(err)
			}
		},
	}
}

func reply(view int) codec {
	b := newBook()
	p := peersampling.Packet{Kind: peersampling.ExchangeReply, Nonce: 0xa1a2a3a4a5a6a7a8, Digest: 0x1122334455667788, Room: wire.MaxDatagram}
	for i := range view {
		p.View = append(p.View, peer.Descriptor{Peer: peer.Handle(i + 2), Age: uint32(i * 3)})
	}
	made := b.datagram(cluster, self, &p)
	scratch := make([]peer.Descriptor, 0, 255)
	return codec{
		name:    fmt.Sprintf("EXCHANGE_REPLY/%d", view),
		ours:    func(dst []byte) []byte { return wire.AppendPacket(dst, cluster, self, &p, b) },
		whole:   func(dst []byte) []byte { return marshal(dst, b.datagram(cluster, self, &p)) },
		marshal: func(dst []byte) []byte { return marshal(dst, made) },
		readOurs: func(bytes []byte) {
			var err error
			if kept.packet, err = wire.DecodePacket(bytes, cluster, self.Addr, scratch, b); err != nil {
				panic(err)
			}
		},
		readWhole: func(bytes []byte) {
			var d Datagram
			if err := proto.Unmarshal(bytes, &d); err != nil {
				panic(err)
			}
			kept.packet = b.readDatagram(&d, len(bytes), scratch)
		},
		unmarshal: func(bytes []byte) {
			if err := proto.Unmarshal(bytes, &Datagram{}); err != nil {
				panic(err)
			}
		},
	}
}

func marshal(dst []byte, m proto.Message) []byte {
	b, err := proto.MarshalOptions{}.MarshalAppend(dst, m)
	if err != nil {
		panic(err)
	}
	return b
}

// TestBothSayTheSame keeps the comparison fair: what is read in one format is what is
// read in the other.
func TestBothSayTheSame(t *testing.T) {
	for _, c := range codecs() {
		c.readOurs(c.ours(nil))
		ours := describe()
		c.readWhole(c.whole(nil))
		theirs := describe()
		if ours != theirs {
			t.Errorf("%s: ours says\n%s\nand Protocol Buffers\n%s", c.name, ours, theirs)
		}
		if a, b := c.whole(nil), c.marshal(nil); string(a) != string(b) {
			t.Errorf("%s: the generated structs are %x, of the node's own, and %x, of those that are measured", c.name, a, b)
		}
	}
}

// kept is what was read last: a frame or a datagram.
var kept struct {
	frame  broadcast.Frame
	packet peersampling.Packet
}

// describe spells it out, and forgets it.
func describe() string {
	f, p := kept.frame, kept.packet
	kept.frame, kept.packet = broadcast.Frame{}, peersampling.Packet{}
	p.Room = 0 // the size, which is where they differ
	m := f.Message
	f.Message = nil
	s := fmt.Sprintf("%+v %+v", f, p)
	if m != nil {
		s += fmt.Sprintf(" %v after %v: %x, %d hops, %v", m.Dot, m.Deps, m.Payload, m.Hops, m.Born)
	}
	return s
}

func BenchmarkEncode(b *testing.B) {
	for _, c := range codecs() {
		bench(b, c.name+"/ours", c.ours)
		bench(b, c.name+"/protobuf", c.whole)
		bench(b, c.name+"/protobuf-without-conversion", c.marshal)
	}
}

// BenchmarkPassOn is what every further link costs.
func BenchmarkPassOn(b *testing.B) {
	for _, c := range codecs() {
		if c.onceOurs != nil {
			bench(b, c.name+"/ours", c.onceOurs)
			bench(b, c.name+"/protobuf", c.onceWhole)
		}
	}
}

func bench(b *testing.B, name string, encode func([]byte) []byte) {
	b.Run(name, func(b *testing.B) {
		buffer := make([]byte, 0, 8192)
		size := len(encode(buffer))
		b.ReportAllocs()
		for b.Loop() {
			encode(buffer)
		}
		b.ReportMetric(float64(size), "wire-B")
	})
}

func BenchmarkDecode(b *testing.B) {
	for _, c := range codecs() {
		read := func(name string, bytes []byte, decode func([]byte)) {
			b.Run(c.name+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					decode(bytes)
				}
				b.ReportMetric(float64(len(bytes)), "wire-B")
			})
		}
		read("ours", c.ours(nil), c.readOurs)
		read("protobuf", c.whole(nil), c.readWhole)
		read("protobuf-without-conversion", c.whole(nil), c.unmarshal)
	}
}
