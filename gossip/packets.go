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

// namesakes remembers other nodes with this node's ID, by incarnation.
type namesakes struct {
	known map[uint64]*namesake
	// last is the one that was heard of last, in whatever is being decoded.
	last wire.Identity
}

type namesake struct {
	probed   time.Duration
	reported bool
}

const (
	// maxNamesakes bounds the memory; more are counted only.
	maxNamesakes = 16
	// namesakeEvery is how often one is probed.
	namesakeEvery = 10 * time.Second
)

// heardOfNamesake sends a probe to where a node with this node's ID is said to
// be. It may be an earlier life of this very node, which does not answer.
func (n *Node) heardOfNamesake(id peer.ID, addr netip.AddrPort) {
	n.namesakes.last = wire.Identity{ID: id, Addr: addr}
	now := n.now()
	x := n.namesakes.known[id.Incarnation]
	switch {
	case x == nil && len(n.namesakes.known) == maxNamesakes:
		return
	case x == nil:
		x = &namesake{}
		n.namesakes.known[id.Incarnation] = x
	case now < x.probed+namesakeEvery:
		return
	}
	x.probed = now
	n.writePacket(&peersampling.Packet{Kind: peersampling.ProbeRequest}, addr)
}

// metNamesake reports a node with this node's ID that has spoken for itself and
// so is alive, once. The probe that it was sent lets it find out as well.
func (n *Node) metNamesake(i wire.Identity) {
	n.stats.Conflicts++
	x := n.namesakes.known[i.ID.Incarnation]
	if x == nil || x.reported {
		return
	}
	x.reported = true
	n.log.Error("another live node has this node's ID", "addr", i.Addr, "incarnation", i.ID.Incarnation)
	n.emit(Event{Kind: Conflict, Peer: makePeer(i.ID, i.Addr)})
}
