package gossip

import (
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
)

// LinkState is a link as it is now.
type LinkState struct {
	Peer
	// Outbound tells that this node has dialled.
	Outbound bool
	// Tree tells that messages are sent on the link at once: it is an edge of the broadcast
	// tree, as its two ends have last agreed. What others bring first is only announced on
	// the rest.
	Tree bool
	// Since is how long the link has been up.
	Since time.Duration
	// RTT is how long the peer last took to answer: when the link came up, or a ping,
	// which there are only where nothing else is said for a while. It holds what the peer,
	// and this node, did in between. 0: not known.
	RTT time.Duration
	// QueuedBytes is what waits to be sent takes of memory; 0 if there is nothing.
	QueuedBytes int
}

// LinkStates returns the links with how they are doing.
func (n *Node) LinkStates() (states []LinkState) {
	n.do(func() {
		now := n.now()
		for _, info := range n.machine.AppendLinks(nil) {
			s := LinkState{
				Peer: n.peer(info.Peer), Outbound: info.Outbound, Tree: info.Eager,
				Since: now - info.Since, RTT: info.RTT,
			}
			s.Linked = true
			if l := n.links[info.ID]; l != nil {
				s.QueuedBytes, _ = l.waiting()
			}
			states = append(states, s)
		}
	})
	return states
}

// parted is a link that has ended, which may have brought what waits for others still.
type parted struct {
	id   broadcast.LinkID
	name string
}

// maxParted bounds the memory of them; the oldest goes first. A message that waits for
// longer than so many links end is nobody's. A guess: some hours' worth.
const maxParted = 64

// noteParted remembers whose link it was.
func (n *Node) noteParted(l *link) {
	if len(n.parted) == maxParted {
		n.parted = n.parted[:copy(n.parted, n.parted[1:])]
	}
	n.parted = append(n.parted, parted{l.id, l.peer.ID.Name})
}

// nameOn is who is, or was, at the other end of a link; "" for none.
func (n *Node) nameOn(id broadcast.LinkID) string {
	if l := n.links[id]; l != nil {
		return l.peer.ID.Name
	}
	for _, p := range n.parted {
		if p.id == id {
			return p.name
		}
	}
	return ""
}
