package api

import (
	"context"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/hub"
	"github.com/Ishan27gOrg/gossipProtocol/gossip"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// Source is what the API tells of: one node of an agent, or a whole network of a demo
// or a simulation, seen from one of its nodes. Its methods may be called by several
// goroutines at a time.
type Source interface {
	Self() Self
	View() []Peer
	Links() []Link
	Clock() vclock.Clock
	// Stats returns numbers by name; the same names each time.
	Stats() map[string]float64
	Keys() []Key
	// Messages and Events are what has been delivered and what has happened.
	Messages() *hub.Messages
	Events() *hub.Log[hub.Event]
	// Overlay is the latest sample of the network, and a channel that is closed when
	// there is another.
	Overlay() (Overlay, <-chan struct{})
	// Broadcast returns ErrReadOnly where nobody may broadcast.
	Broadcast(ctx context.Context, payload []byte, headers gossip.Headers) (gossip.MessageID, error)
	// Ready reports whether there is a link to the network.
	Ready() bool
}

// Deliverer is a Source that sees what other nodes deliver as well.
type Deliverer interface {
	Source
	// Deliveries are those of all nodes, in the order in which they were noticed.
	Deliveries() *hub.Log[Delivery]
}
