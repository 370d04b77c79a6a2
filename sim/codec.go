package sim

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/internal/wire"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// The codec in between: what one machine says is encoded as package gossip does it,
// and what the other is told is what the bytes say. That they cannot be read is
// nobody's fault but the code's, so it panics.

// cluster is what all datagrams carry.
const cluster = 0

// book is every node's address book: a handle means the same to all of them, and
// the incarnation of an identity is its handle.
type book struct{ w *World }

var _ wire.Book = book{}

// Lookup is part of wire.Book.
func (b book) Lookup(h peer.Handle) (peer.ID, netip.AddrPort) {
	n := b.w.node(h)
	if n == nil {
		return peer.ID{}, netip.AddrPort{}
	}
	return n.ID, address(h)
}

// Intern is part of wire.Book.
func (b book) Intern(name []byte, incarnation uint64, addr netip.AddrPort) peer.Handle {
	h := peer.Handle(incarnation)
	n := b.w.node(h)
	if n == nil || n.ID.Name != string(name) || addr.IsValid() && addr != address(h) {
		panic(fmt.Sprintf("sim: the bytes name %s#%d at %v, who is not there", name, incarnation, addr))
	}
	return h
}

func address(h peer.Handle) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(h >> 16), byte(h >> 8), byte(h)}), 7946)
}

func (w *World) encodePacket(n *Node, p *peersampling.Packet) []byte {
	b := wire.AppendPacket(nil, cluster, wire.Identity{ID: n.ID, Addr: address(n.Handle)}, p, book{w})
	w.traffic.packetBytes[p.Kind] += len(b)
	return b
}

func (w *World) decodePacket(from *Node, b []byte) peersampling.Packet {
	p, err := wire.DecodePacket(b, cluster, address(from.Handle), nil, book{w})
	if err != nil {
		panic(fmt.Sprintf("sim: %v sent what cannot be read: %v", from.ID, err))
	}
	return p
}

func (w *World) encodeFrame(n *Node, f *broadcast.Frame) []byte {
	b := wire.AppendFrame(nil, w.local(n), f, book{w})
	w.traffic.frameBytes[f.Kind] += len(b)
	if f.Kind == broadcast.Data {
		w.traffic.payloadBytes += len(f.Message.Payload)
		w.traffic.orderBytes += w.orderSize(w.local(n), f, len(b))
	}
	return b
}

func (w *World) decodeFrame(from, to *Node, b []byte) broadcast.Frame {
	f, err := wire.DecodeFrame(b[wire.FrameHeader:], w.local(to), book{w})
	if err != nil {
		panic(fmt.Sprintf("sim: %v sent what cannot be read: %v", from.ID, err))
	}
	return f
}

// ordered is how many bytes a message takes to say what comes before it, for the
// message that was last looked at: most are sent on several links in turn.
type ordered struct {
	message *broadcast.Message
	size    int
	scratch []byte
}

// orderSize is by how much a DATA frame is longer than one of the same message
// without dependencies and clock.
func (w *World) orderSize(now time.Duration, f *broadcast.Frame, size int) int {
	if w.ordered.message == f.Message && !f.WithClock {
		return w.ordered.size
	}
	plain, m := *f, *f.Message
	m.Deps, m.Clock, m.Encoded = nil, vclock.Clock{}, nil
	plain.Message, plain.WithClock = &m, false
	w.ordered.scratch = wire.AppendFrame(w.ordered.scratch[:0], now, &plain, book{w})
	order := size - len(w.ordered.scratch)
	if !f.WithClock {
		w.ordered.message, w.ordered.size = f.Message, order
	}
	return order
}

// orderCost tells how many bytes of order a new message takes on a link, and how
// many its whole clock would.
func (w *World) orderCost(n *Node, m *broadcast.Message) (order, clock int) {
	f := broadcast.Frame{Kind: broadcast.Data, Message: m}
	b := wire.AppendFrame(nil, w.local(n), &f, book{w})
	whole, err := m.Clock.MarshalBinary()
	if err != nil {
		panic(fmt.Sprintf("sim: a clock of valid names does not encode: %v", err))
	}
	return w.orderSize(w.local(n), &f, len(b)), len(whole)
}
