package broadcast

import (
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// Message is one broadcast as a node holds it. After it has entered a log
// nothing in it changes.
type Message struct {
	Dot peer.Dot
	// Deps are the direct dependencies: the heads of the causal history that
	// the origin had delivered (Prakash, Raynal, Singhal 1997, section 3).
	// Empty for an origin's very first message and outside causal order.
	Deps    []peer.Dot
	Payload []byte
	// Clock is the exact vector clock, reconstructed at delivery.
	Clock vclock.Clock
	// Epoch is when the message was broadcast, in the epochs of package vclock; 0 if
	// it is the newest of its dependencies', unless all messages say theirs (Dated).
	Epoch uint32
	// Resumes says that the origin's message before this one, if there is one, is so
	// old that others have forgotten it: nothing is missing between.
	Resumes bool
	// Signed says that Encoded has the origin's signature in it, which is the driver's to
	// make and to check.
	Signed bool
	// Headed says that Payload begins with headers, which the protocol code never looks at.
	Headed bool
	// Hops counts the links crossed so far; it saturates at 255.
	Hops uint8
	// Born is when the message was broadcast, on this node's own clock: the
	// time it spent on earlier nodes travels with it, so no clocks need agree.
	Born time.Duration
	// Encoded is the driver's to keep the wire form in, made once however many
	// links the message takes. The protocol code never looks at it.
	Encoded []byte
	// Bulk is what else the driver holds for it beside the payload: names that are
	// longer than handles. ClockBytes is what Clock takes and shares with no other: of
	// one that came along the driver says it, else it is worked out with the clock.
	// Neither changes once the message has been delivered.
	Bulk, ClockBytes int
}

// overhead approximates what a message costs in memory beyond its payload and its
// clock: the struct, and its index entries.
const overhead = 256

// SharedClock approximates what a clock of so many entries takes beyond the one that
// it follows: a path through package vclock's trie, to a bucket that is half full.
func SharedClock(entries int) int {
	if entries <= 16 {
		return 16 * entries
	}
	bytes := 160
	for n := entries / 16; n > 0; n /= 16 {
		bytes += 152
	}
	return bytes
}

// Size is what the message is charged against byte bounds.
func (m *Message) Size() int { return m.SizeOnWire() + m.ClockBytes }

// SizeOnWire is the Size without the clock, which links have no part in.
func (m *Message) SizeOnWire() int { return SizeOf(len(m.Payload), len(m.Deps)) + m.Bulk }

// DependencyBulk is what the name of a dependency's origin adds to Bulk, with the
// incarnation and the number, where the origin itself reckons it.
func DependencyBulk(name int) int { return name + 1 + 8 + 4 }

// SizeOf is the Size of a message with a payload of so many bytes and so many
// dependencies, without bulk and clock.
func SizeOf(payload, deps int) int { return overhead + payload + 16*deps }
