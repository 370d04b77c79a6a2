package wirebench

import (
	"net/netip"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/internal/wire"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
	"google.golang.org/protobuf/proto"
)

// What a node has is not what protoc generates: it knows others by handles, and
// messages by the time at which they were born. So a node that spoke Protocol Buffers
// would convert, as package wire does on the way.

const now = time.Hour

// book is a node's address book, as far as it matters here.
type book struct {
	known []wire.Identity
	byID  map[peer.ID]peer.Handle
}

func (b *book) Lookup(h peer.Handle) (peer.ID, netip.AddrPort) {
	return b.known[h].ID, b.known[h].Addr
}

func (b *book) Intern(name []byte, incarnation uint64, addr netip.AddrPort) peer.Handle {
	if h, ok := b.byID[peer.ID{Name: string(name), Incarnation: incarnation}]; ok {
		return h
	}
	return b.add(wire.Identity{ID: peer.ID{Name: string(name), Incarnation: incarnation}, Addr: addr})
}

// intern is Intern for who has a string already.
func (b *book) intern(name string, incarnation uint64, addr netip.AddrPort) peer.Handle {
	if h, ok := b.byID[peer.ID{Name: name, Incarnation: incarnation}]; ok {
		return h
	}
	return b.add(wire.Identity{ID: peer.ID{Name: name, Incarnation: incarnation}, Addr: addr})
}

func (b *book) add(i wire.Identity) peer.Handle {
	h := peer.Handle(len(b.known))
	b.known = append(b.known, i)
	b.byID[i.ID] = h
	return h
}

func (b *book) dot(d peer.Dot) *Dot {
	id, _ := b.Lookup(d.Origin)
	return &Dot{Name: id.Name, Incarnation: id.Incarnation, Seq: d.Seq}
}

func (b *book) readDot(d *Dot) peer.Dot {
	return peer.Dot{Origin: b.intern(d.GetName(), d.GetIncarnation(), netip.AddrPort{}), Seq: d.GetSeq()}
}

func (b *book) descriptor(i wire.Identity, age uint32) *Descriptor {
	return &Descriptor{Name: i.ID.Name, Incarnation: i.ID.Incarnation, Ip: i.Addr.Addr().AsSlice(), Port: uint32(i.Addr.Port()), Age: age}
}

func (b *book) readDescriptor(d *Descriptor) peer.Descriptor {
	ip, _ := netip.AddrFromSlice(d.GetIp())
	return peer.Descriptor{Peer: b.intern(d.GetName(), d.GetIncarnation(), netip.AddrPortFrom(ip, uint16(d.GetPort()))), Age: d.GetAge()}
}

// body encodes what is the same on every link, as wire.EncodeMessage does.
func (b *book) body(m *broadcast.Message) []byte {
	body := &Body{Dot: b.dot(m.Dot), Payload: m.Payload, Deps: make([]*Dot, len(m.Deps))}
	for i, d := range m.Deps {
		body.Deps[i] = b.dot(d)
	}
	encoded, err := proto.Marshal(body)
	if err != nil {
		panic(err)
	}
	return encoded
}

// frame makes the generated struct of a frame; body is the message's, if it has one.
func (b *book) frame(f *broadcast.Frame, body []byte) *Frame {
	switch f.Kind {
	case broadcast.Data:
		m := f.Message
		return &Frame{Kind: &Frame_Data{&Data{Hops: uint32(m.Hops), Age: uint64((now - m.Born) / time.Microsecond), Epoch: m.Epoch, Resumes: m.Resumes, Body: body}}}
	case broadcast.Want:
		want := &Want{Entries: make([]*Want_Entry, len(f.Wants))}
		for i, w := range f.Wants {
			want.Entries[i] = &Want_Entry{Dot: b.dot(w.Dot), Clock: w.Clock, Check: w.Check}
		}
		return &Frame{Kind: &Frame_Want{want}}
	case broadcast.IHave:
		have := &IHave{Entries: make([]*IHave_Entry, len(f.Announced))}
		for i, a := range f.Announced {
			have.Entries[i] = &IHave_Entry{Dot: b.dot(a.Dot), Hops: uint32(a.Hops)}
		}
		return &Frame{Kind: &Frame_Ihave{have}}
	}
	panic(f.Kind)
}

func (b *book) readFrame(p *Frame) (f broadcast.Frame) {
	switch k := p.GetKind().(type) {
	case *Frame_Data:
		d := k.Data
		f.Kind, f.Message = broadcast.Data, &broadcast.Message{
			Hops: uint8(d.GetHops()) + 1, Born: now - time.Duration(d.GetAge())*time.Microsecond,
			Epoch: d.GetEpoch(), Resumes: d.GetResumes(), Encoded: d.GetBody(),
		}
		var body Body
		if err := proto.Unmarshal(d.GetBody(), &body); err != nil {
			panic(err)
		}
		m := f.Message
		m.Dot, m.Payload = b.readDot(body.GetDot()), body.GetPayload()
		if n := len(body.GetDeps()); n > 0 {
			m.Deps = make([]peer.Dot, 0, n)
		}
		for _, dep := range body.GetDeps() {
			m.Deps = append(m.Deps, b.readDot(dep))
		}
	case *Frame_Want:
		f.Kind = broadcast.Want
		for _, e := range k.Want.GetEntries() {
			f.Wants = append(f.Wants, broadcast.WantEntry{Dot: b.readDot(e.GetDot()), Clock: e.GetClock(), Check: e.GetCheck()})
		}
	case *Frame_Ihave:
		f.Kind, f.Listed = broadcast.IHave, true
		for _, e := range k.Ihave.GetEntries() {
			f.Announced = append(f.Announced, broadcast.Announcement{Dot: b.readDot(e.GetDot()), Hops: uint8(e.GetHops())})
		}
	}
	return f
}

func (b *book) datagram(cluster uint32, self wire.Identity, p *peersampling.Packet) *Datagram {
	d := &Datagram{Kind: uint32(p.Kind), Cluster: cluster, Sender: b.descriptor(self, 0), Nonce: p.Nonce, Digest: p.Digest}
	d.View = make([]*Descriptor, len(p.View))
	for i, v := range p.View {
		d.View[i] = b.descriptor(b.known[v.Peer], v.Age)
	}
	return d
}

func (b *book) readDatagram(d *Datagram, size int, scratch []peer.Descriptor) peersampling.Packet {
	p := peersampling.Packet{Kind: peersampling.PacketKind(d.GetKind()), Nonce: d.GetNonce(), Digest: d.GetDigest(), Room: size, View: scratch[:0]}
	p.Peer = b.readDescriptor(d.GetSender()).Peer
	for _, v := range d.GetView() {
		p.View = append(p.View, b.readDescriptor(v))
	}
	return p
}
