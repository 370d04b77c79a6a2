package gossip

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/internal/wire"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/protocol"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// MessageID names a message for ever.
type MessageID struct {
	// Origin is the ID of the node that broadcast it.
	Origin string
	// Incarnation tells the lives of that node apart; it grows with each start.
	Incarnation uint64
	// Seq counts the messages of that life, from 1.
	Seq uint64
}

// String returns origin and sequence number, as in "a:7", for people: it does not
// tell the lives of the origin apart.
func (id MessageID) String() string { return fmt.Sprintf("%s:%d", id.Origin, id.Seq) }

// Message is a broadcast as it is delivered. It is the receiver's to keep and
// to change.
type Message struct {
	ID      MessageID
	Payload []byte
	// Clock counts, for each origin, its messages that happened before this
	// one, itself included. Clock.Compare tells whether one message happened
	// before another or whether they are concurrent.
	Clock vclock.Clock
	// Hops is how many links the message crossed to get here; 0 for a node's
	// own.
	Hops int
	// Age is the time since it was broadcast, as measured by the nodes that it
	// passed, without the time on the wire.
	Age time.Duration
	// Via is the ID of the neighbour that brought it first; "" for a node's own and for
	// restored ones.
	Via string
	// Headers came with the payload; nil if there are none. See BroadcastWith.
	Headers Headers
	// Restored says that it was in the Store when the node started: an earlier life of
	// the node may have delivered it before.
	Restored bool
}

// Peer is another node as this one knows it.
type Peer struct {
	ID          string
	Incarnation uint64
	// Addr is where it can be reached, as "host:port".
	Addr string
	// Age tells how old the news of it is: in exchanges of the peer sampling
	// service, or in hops under a 2004 policy.
	Age int
	// Linked tells whether there is a link to it.
	Linked bool
}

// EventKind tells what an Event reports.
type EventKind int

// The events.
const (
	// LinkUp and LinkDown: a link to Peer came up, or is gone.
	LinkUp EventKind = iota + 1
	LinkDown
	// Gap: messages From to To of Peer can no longer be had. Those that come
	// after them are delivered all the same.
	Gap
	// Conflict: Peer is another live node with this node's ID.
	Conflict
	// Overflow: From to To, a count, messages were dropped because the
	// application did not read them. See Config.BacklogBytes.
	Overflow
)

// String returns the kind's name.
func (k EventKind) String() string {
	names := [...]string{"?", "link up", "link down", "gap", "conflict", "overflow"}
	if k > 0 && int(k) < len(names) {
		return names[k]
	}
	return names[0]
}

// Event reports something about the network, or a message that was not
// delivered.
type Event struct {
	Kind EventKind
	Peer Peer
	// From and To are sequence numbers of Peer's messages, both included.
	From, To uint64
}

// String returns a line for people.
func (e Event) String() string {
	switch e.Kind {
	case Gap:
		return fmt.Sprintf("gap: messages %d to %d of %s can no longer be had", e.From, e.To, e.Peer.ID)
	case Conflict:
		return fmt.Sprintf("conflict: the node at %s has the ID %q too", e.Peer.Addr, e.Peer.ID)
	case Overflow:
		return fmt.Sprintf("overflow: message %d of %s was not read in time", e.From, e.Peer.ID)
	}
	return fmt.Sprintf("%v: %s at %s", e.Kind, e.Peer.ID, e.Peer.Addr)
}

// Stats is what a node holds now and what it has done since its start.
type Stats struct {
	// Gauges: the sizes of what is bounded.
	protocol.Gauges
	// Backlog is delivered messages that the application has not read.
	BacklogMessages, BacklogBytes int
	// Identities is the size of the address book.
	Identities int
	// Memory is Config.Memory, or what the other fields come to; MemoryHeld is what is
	// held of it, and MemoryUse by what. These are the charges, which are at least
	// four fifths of what things really take.
	Memory, MemoryHeld int
	MemoryUse          MemoryUse

	// Counters of the protocol.
	protocol.Counters
	// Datagrams and their bytes, without IP and UDP headers.
	PacketsSent, PacketsReceived         uint64
	PacketBytesSent, PacketBytesReceived uint64
	// Bytes on links, without IP and TCP headers, and how often some were written.
	LinkBytesSent, LinkBytesReceived, LinkWrites uint64
	// What was dropped, by reason.
	BadPackets     uint64 // datagrams that do not decode
	BadFrames      uint64 // connections ended for a frame that does not decode, or for too many
	Unsealed       uint64 // datagrams in the clear, where there is a keyring
	OtherKeys      uint64 // datagrams and connections under a key that is not in the keyring
	Forged         uint64 // datagrams and connections under no key, or of another cluster with the same
	Replayed       uint64 // datagrams that had been received before
	Unproven       uint64 // requests whose sender had yet to show where it is; they get a token
	StrayAnswers   uint64 // answers to nothing that was asked
	Described      uint64 // questions of others that were answered with this node's links and view
	Undescribed    uint64 // that were not, because of Config.Undescribed
	Throttled      uint64 // requests that got no answer because there were too many
	Slowed         uint64 // times that a link was read more slowly because of too many control frames
	Stalled        uint64 // links ended because they kept room for a frame that others waited for
	Crowded        uint64 // frames and datagrams dropped because they named more nodes than the address book holds
	TurnedAway     uint64 // connections that were closed at once because there were too many
	Barred         uint64 // connections of peers that had misbehaved
	KeysRemoved    uint64 // links ended because the key that they went by was removed
	UnknownKinds   uint64 // datagrams and frames of a later version
	OtherClusters  uint64 // datagrams and connections of another cluster
	Unsigned       uint64 // connections and datagrams of nodes without an identity where others have one, or the other way round; descriptors without a signature
	BadSignatures  uint64 // connections, messages, claims and descriptors whose signature is wrong, or missing where none may be
	Outdated       uint64 // descriptors whose signature is too old, or of tomorrow, or older than one for another address
	Unproved       uint64 // claims about an origin that go beyond what it has signed
	Revoked        uint64 // links ended, and connections, datagrams, descriptors and messages refused, of who is not on the roster
	BadDescriptors uint64 // descriptors with an address that nobody can be at
	SendErrors     uint64 // datagrams that the system did not take
	SlowLinks      uint64 // connections ended because their queue was full
	BacklogDropped uint64 // messages that the application did not read in time
	EventsDropped  uint64 // events that nobody read
	Unlogged       uint64 // warnings of misbehaviour and of gaps that were not logged, because there were too many
	Conflicts      uint64 // packets and connections of another node with this ID
	// Of the Store, if there is one.
	Stored      uint64 // records that it was given, marks among them
	Unstored    uint64 // records that it was not given, or did not take, because it had failed
	StoreErrors uint64 // calls of Append and Sync that failed
	Unrestored  uint64 // messages in it that were too old at the start, without what they depend on, or more than BacklogBytes
}

// message makes what the application gets of one that a link has brought. The payload is
// copied: the log and every link share the original.
func (n *Node) message(now time.Duration, m *broadcast.Message, via broadcast.LinkID) Message {
	headers, payload := wire.SplitPayload(m)
	made := Message{
		ID: n.messageID(m.Dot), Payload: append([]byte(nil), payload...), Clock: m.Clock,
		Hops: int(m.Hops), Age: max(0, now-m.Born), Via: n.nameOn(via),
	}
	if headers != nil {
		made.Headers = wire.ReadHeaders(headers)
	}
	return made
}

func (n *Node) messageID(d peer.Dot) MessageID {
	id, _ := n.book.Lookup(d.Origin)
	return MessageID{Origin: id.Name, Incarnation: id.Incarnation, Seq: d.Seq}
}

func (n *Node) peer(h peer.Handle) Peer {
	id, addr := n.book.Lookup(h)
	return makePeer(id, addr)
}

func makePeer(id peer.ID, addr netip.AddrPort) Peer {
	p := Peer{ID: id.Name, Incarnation: id.Incarnation}
	if addr.IsValid() {
		p.Addr = addr.String()
	}
	return p
}
