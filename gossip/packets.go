package gossip

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/internal/wire"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
)

var packetBuffers = sync.Pool{New: func() any { return new([wire.MaxDatagram]byte) }}

// readPackets puts datagrams into the loop. While that is busy it waits, and
// the system drops what does not fit in the socket's buffer.
func (n *Node) readPackets() {
	for {
		b := packetBuffers.Get().(*[wire.MaxDatagram]byte)
		size, from, err := n.tr.ReadFrom(b[:])
		if err != nil {
			if n.ctx.Err() == nil && !errors.Is(err, net.ErrClosed) {
				n.log.Error("no longer reading datagrams", "error", err)
			}
			return
		}
		select {
		case n.packets <- packetIn{b, size, from}:
		case <-n.ctx.Done():
			return
		}
	}
}

// namesakes remembers the other nodes with this node's ID, by incarnation, and
// when each was last spoken to.
type namesakes map[uint64]time.Duration

const (
	// maxNamesakes bounds the memory; more are counted only.
	maxNamesakes = 16
	// namesakeEvery is how often one is told of this node.
	namesakeEvery = 10 * time.Second
)

// sawNamesake reports another live node with this node's ID, once, and sends it
// a probe, so that it finds out as well.
func (n *Node) sawNamesake(id peer.ID, addr netip.AddrPort) {
	n.stats.ConflictsCounted++
	now := n.now()
	last, known := n.namesakes[id.Incarnation]
	if known && now < last+namesakeEvery || !known && len(n.namesakes) == maxNamesakes {
		return
	}
	n.namesakes[id.Incarnation] = now
	n.writePacket(&peersampling.Packet{Kind: peersampling.ProbeRequest}, addr)
	if !known {
		n.log.Error("another node has this node's ID", "addr", addr, "incarnation", id.Incarnation)
		n.emit(Event{Kind: Conflict, Peer: makePeer(id, addr)})
	}
}
