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
	// it is the newest of its dependencies'.
	Epoch uint32
	// Resumes says that the origin's message before this one, if there is one, is so
	// old that others have forgotten it: nothing is missing between.
	Resumes bool
	// Hops counts the links crossed so far; it saturates at 255.
	Hops uint8
	// Born is when the message was broadcast, on this node's own clock: the
	// time it spent on earlier nodes travels with it, so no clocks need agree.
	Born time.Duration
	// Signature is the origin's, for the driver to make and to check. The protocol code
	// never looks at it.
	Signature []byte
	// Encoded is the driver's to keep the wire form in, made once however many
	// links the message takes. The protocol code never looks at it.
	Encoded []byte
}

// overhead approximates what a message costs in memory beyond its payload:
// the struct, its index entries and a clock that mostly shares its structure.
const overhead = 256

// Size is what the message is charged against byte bounds.
func (m *Message) Size() int { return SizeOf(len(m.Payload), len(m.Deps)) }

// SizeOf is the Size of a message with a payload of so many bytes and so many
// dependencies.
func SizeOf(payload, deps int) int { return overhead + payload + 16*deps }
