package broadcast

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// Never is the deadline of something that waits for no time.
const Never = time.Duration(math.MaxInt64)

// LinkID is what a driver calls one stream connection. It is never reused.
type LinkID uint64

// FrameKind tells what a frame says.
type FrameKind uint8

// The frames that travel a link.
const (
	Neighbor      FrameKind = iota + 1 // asks to become neighbours, or for a repair
	NeighborReply                      // yes or no, and others to try
	Disconnect                         // this link is given up; nothing follows
	Ping                               // are you alive?
	Digest                             // which messages the sender has had
	Data                               // one message
	Want                               // please send these
	Gone                               // cannot send those, and why
	SyncDone                           // a repair has sent all it had to
	IHave                              // these can be had from the sender
	Graft                              // from now on send messages, not announcements
	Prune                              // from now on send announcements, not messages
	Refine                             // tell more of those parts of your digest

	Pong FrameKind = 18 // nothing to say, but alive; 14 to 17 and 19 to 21 are the driver's
)

// String names the kind as docs/protocol.md does.
func (k FrameKind) String() string {
	names := [...]string{"?", "NEIGHBOR", "NEIGHBOR_REPLY", "DISCONNECT", "PING", "DIGEST", "DATA", "WANT", "GONE", "SYNC_DONE", "IHAVE", "GRAFT", "PRUNE", "REFINE"}
	switch {
	case k == Pong:
		return "PONG"
	case int(k) < len(names):
		return names[k]
	}
	return "?"
}

// Frame is one message between two linked nodes. Which fields count depends on
// Kind, as noted.
type Frame struct {
	Kind FrameKind
	// Neighbor: Token settles two requests that cross; Priority is HyParView's
	// (the asker would be isolated without this link); Repair asks for a
	// reconciliation and no lasting link.
	Token    uint64
	Priority bool
	Repair   bool
	// NeighborReply: Accept, and if not, peers to try instead.
	Accept     bool
	Candidates []peer.Descriptor
	// Skipped is how many candidates were left out when the frame was read, because
	// nobody can be at their addresses. It is for the driver to count.
	Skipped int
	// Disconnect: the sender is leaving the network, not just this link.
	Leaving bool
	// Digest: parts of the version vector; Opening says that it is told from the
	// root on. Refine: the parts to tell more of.
	Digest  []DigestPart
	Opening bool
	Refine  []Prefix
	// Data: the message; its clock goes along if WithClock.
	Message   *Message
	WithClock bool
	// Want and Gone.
	Wants []WantEntry
	Gone  []GoneEntry
	// IHave: what can be had, which Join has put in order. Listed says that it is told as a
	// list, for a peer that reads no spans; in that each names its origin.
	Announced []Announcement
	Listed    bool
}

// announcementSize is about what the announcement of a message takes in a list, and more than
// it takes in spans.
const announcementSize = 32

// Cost is what a frame takes of a link's window.
func (f *Frame) Cost() int {
	switch f.Kind {
	case Data:
		return f.Message.SizeOnWire()
	case IHave:
		cost := 0
		for i := range f.Announced {
			cost += announcementSize * (1 + int(f.Announced[i].More))
		}
		return cost
	}
	return 0
}

// WantEntry asks for one message; with Clock, for its exact clock as well; with
// Check, only whether it was had.
type WantEntry struct {
	Dot   peer.Dot
	Clock bool
	Check bool
}

// GoneEntry answers a want that cannot be met, or that only checks. UpTo 0 means
// that the message was never had here; otherwise everything of the origin up to
// UpTo was, and is no longer in the log unless the want only checked, the newest
// of it having been broadcast Age ago.
type GoneEntry struct {
	Dot  peer.Dot
	UpTo uint64
	Age  time.Duration
	// Evidence that the origin has got as far as UpTo, where origins sign.
	Evidence Evidence
}

// Announcement says that a message can be had, and More of those that its origin made next.
// Hops is how many links it had crossed, if a list of an earlier release says so; nobody asks.
type Announcement struct {
	Dot  peer.Dot
	More uint32
	Hops uint8
}

// Last is the number of the last message of an announcement.
func (a *Announcement) Last() uint64 { return a.Dot.Seq + uint64(a.More) }

// Join sorts announcements by origin and number, and makes one of those that follow each other.
func Join(announced []Announcement) []Announcement {
	slices.SortFunc(announced, func(x, y Announcement) int {
		return cmp.Or(cmp.Compare(x.Dot.Origin, y.Dot.Origin), cmp.Compare(x.Dot.Seq, y.Dot.Seq))
	})
	joined := announced[:0]
	for _, a := range announced {
		last := len(joined) - 1
		if last < 0 || joined[last].Dot.Origin != a.Dot.Origin || joined[last].Last()+1 < a.Dot.Seq {
			joined = append(joined, a)
			continue
		}
		joined[last].More = uint32(max(joined[last].Last(), a.Last()) - joined[last].Dot.Seq)
	}
	return joined
}

// Send is a frame on its way to a link.
type Send struct {
	Link  LinkID
	Frame Frame
}

// Dial asks the driver for a stream connection to a peer.
type Dial struct{ Peer peer.Handle }

// Outbox collects what links want done. The driver owns it, takes everything
// out and resets it.
type Outbox struct {
	Sends  []Send
	Dials  []Dial
	Closes []LinkID
}

// Reset empties the outbox and keeps its room.
func (o *Outbox) Reset() {
	clear(o.Sends)
	o.Sends, o.Dials, o.Closes = o.Sends[:0], o.Dials[:0], o.Closes[:0]
}

func (o *Outbox) send(link LinkID, f Frame) {
	o.Sends = append(o.Sends, Send{link, f})
}
