// Package peer holds the nouns that every layer shares: who a node is (ID),
// what the protocol code calls it (Handle), what views are made of
// (Descriptor) and what names a message (Dot).
//
// Protocol code never sees a name or an address. A driver (the runtime on real
// sockets, or the simulator) keeps an address book that gives each identity a
// Handle, a small integer without pointers, and translates at the edge. That
// is what lets a million nodes fit in one simulated world and keeps views at
// eight bytes a descriptor.
package peer

import (
	"cmp"
	"strconv"
)

// Handle is what protocol code calls a node: an index into the address book of
// the driver it runs in. It means nothing outside that driver and is never put
// on the wire.
type Handle uint32

// None is the zero Handle; it names nobody.
const None Handle = 0

// Descriptor is one entry of a view: a peer and how old the news of it is.
// Age counts cycles in the 2007 framework (Jelasity et al., ACM TOCS 25(3),
// section 2) and hops in the 2004 framework (Middleware 2004, section 3). A
// lower number is fresher in both.
type Descriptor struct {
	Peer Handle
	Age  uint32
}

// Dot names one message for ever: the Seq-th message of Origin, counted from 1.
// An origin is one life of a node (see ID), so a restarted node never reuses a
// dot.
type Dot struct {
	Origin Handle
	Seq    uint64
}

// MaxSeq is the highest sequence number there is: 2^53, which a million messages a
// second take 285 years to reach, which every language has as an exact number, and
// which leaves room for any sum of a few of them. What names a higher one is
// malformed (package wire), and nothing below counts beyond it.
const MaxSeq = 1 << 53

// ID is who a node is on the wire: the name its operator gave it, and the
// incarnation that tells this life of the name from earlier and later ones.
// Incarnation 0 means that incarnations are not used.
type ID struct {
	Name        string
	Incarnation uint64
}

// String returns the name, followed by "#" and the incarnation if there is one.
func (id ID) String() string {
	if id.Incarnation == 0 {
		return id.Name
	}
	return id.Name + "#" + strconv.FormatUint(id.Incarnation, 10)
}

// Compare orders IDs by name, then by incarnation; it returns -1, 0 or +1.
func (id ID) Compare(other ID) int {
	if c := cmp.Compare(id.Name, other.Name); c != 0 {
		return c
	}
	return cmp.Compare(id.Incarnation, other.Incarnation)
}
