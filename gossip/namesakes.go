package gossip

import (
	"net/netip"
	"strconv"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/internal/wire"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
)

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
	n.ask(peersampling.Packet{Kind: peersampling.ProbeRequest, Nonce: n.nonce()}, addr)
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
	n.log.Error("another live node has this node's ID", "addr", i.Addr, "incarnation", strconv.FormatUint(i.ID.Incarnation, 10))
	n.emit(Event{Kind: Conflict, Peer: makePeer(i.ID, i.Addr)})
}
