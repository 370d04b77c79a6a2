package wire

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
)

// Whoever wants to see the network asks nodes what they see of it: each tells its links,
// and as much of its view as its answer has room for, which is as much as the question
// takes. Nothing of an answer gets into an address book.

// The kinds of datagrams that ask for a description, and bring one.
const (
	describeKind    = 7
	descriptionKind = 8
)

// describeSize is the least size of a DESCRIBE: that of the largest DESCRIPTION without
// links and view.
const describeSize = probeSize + 1 + 1 + 1

// Flags of a DESCRIPTION. Others are for later versions, and ignored.
const flagTruncated = 1 << 0

// Flags of a link in it, likewise.
const (
	flagOutbound = 1 << iota
	flagTree
)

// Question is a DESCRIBE.
type Question struct {
	From Identity
	// Proof is that of the sender's address, in a signed network; nil if there is none.
	// Decoded, it is a part of the datagram.
	Proof        []byte
	Nonce, Token uint64
	// Room is how large the question is, and so may the answer be.
	Room int
}

// Description is a DESCRIPTION: what a node sees.
type Description struct {
	Self  Identity
	Proof []byte // as in a Question
	Nonce uint64
	Links []DescribedLink
	View  []DescribedPeer
	// Truncated: there was no room for all.
	Truncated bool
	// Skipped is how many links and descriptors were left out when it was read, because
	// nobody can be at their addresses.
	Skipped int
}

// DescribedLink is a link of who describes himself.
type DescribedLink struct {
	Identity
	// Outbound: he has dialled. Tree: messages are sent on it at once.
	Outbound, Tree bool
}

// DescribedPeer is a descriptor in his view.
type DescribedPeer struct {
	Identity
	Age uint32
}

// IsDescription reports whether a datagram seems to be a DESCRIBE or a DESCRIPTION.
func IsDescription(b []byte) bool {
	return len(b) > 2 && (b[2] == describeKind || b[2] == descriptionKind)
}

// AppendQuestion appends a DESCRIBE of q.Room bytes.
func AppendQuestion(dst []byte, cluster uint32, q *Question) []byte {
	end := len(dst) + min(q.Room, MaxDatagram)
	dst = appendDescribing(dst, describeKind, cluster, q.From, q.Nonce)
	dst = appendOwnProof(dst, q.Proof)
	if q.Token != 0 {
		dst = binary.BigEndian.AppendUint64(append(dst, tokenTag, 8), q.Token)
	}
	return append(dst, make([]byte, max(0, end-len(dst)))...)
}

// AppendDescription appends a DESCRIPTION of at most so many bytes: the links first, and
// then the view. What does not fit is left out, and that it was is said.
func AppendDescription(dst []byte, cluster uint32, d *Description, room int) []byte {
	end := len(dst) + min(room, MaxDatagram)
	if d.Proof != nil {
		end -= ownProof
	}
	dst = appendDescribing(dst, descriptionKind, cluster, d.Self, d.Nonce)
	flags := len(dst)
	dst = append(dst, 0)
	dst, whole := appendSome(dst, len(d.Links), end-1, func(dst []byte, i int) []byte {
		l := &d.Links[i]
		return append(appendIdentity(dst, l.ID, l.Addr), linkFlags(l))
	})
	view := len(d.View)
	if !whole {
		view = 0
	}
	dst, wholeView := appendSome(dst, view, end, func(dst []byte, i int) []byte {
		p := &d.View[i]
		return binary.AppendUvarint(appendIdentity(dst, p.ID, p.Addr), uint64(p.Age))
	})
	if d.Truncated || !whole || !wholeView {
		dst[flags] = flagTruncated
	}
	return appendOwnProof(dst, d.Proof)
}

func linkFlags(l *DescribedLink) (flags byte) {
	if l.Outbound {
		flags |= flagOutbound
	}
	if l.Tree {
		flags |= flagTree
	}
	return flags
}

// appendSome writes count 1, and so many of n elements as fit before the end.
func appendSome(dst []byte, n, end int, element func([]byte, int) []byte) (_ []byte, whole bool) {
	at := len(dst)
	dst = append(dst, 0)
	for i := range n {
		next := element(dst, i)
		if len(next) > end || i == math.MaxUint8 {
			return dst, false
		}
		dst = next
		dst[at]++
	}
	return dst, true
}

func appendDescribing(dst []byte, kind byte, cluster uint32, self Identity, nonce uint64) []byte {
	dst = binary.BigEndian.AppendUint32(append(dst, magic, Version, kind), cluster)
	return binary.BigEndian.AppendUint64(appendIdentity(dst, self.ID, self.Addr), nonce)
}

// appendOwnProof appends the extension with the sender's proof, if there is one.
func appendOwnProof(dst, proof []byte) []byte {
	if proof == nil {
		return dst
	}
	return appendProofs(dst, proof)
}

// DecodeQuestion takes a DESCRIBE apart. from is where it came from, as in DecodePacket. In
// a signed network it must have room for a proof.
func DecodeQuestion(b []byte, cluster uint32, from netip.AddrPort, signed bool) (Question, error) {
	r := reader{b: b}
	least := describeSize
	if signed {
		least += ownProof
	}
	var q Question
	q.From, q.Nonce = r.describing(describeKind, cluster, from)
	if r.err == nil && len(b) < least {
		r.fail(fmt.Errorf("%w: a request of %d bytes, which no answer fits in; at least %d are needed", ErrMalformed, len(b), least))
	}
	q.Proof, q.Token = r.describedBy()
	if r.err != nil {
		return Question{}, fmt.Errorf("datagram from %v: %w", from, r.err)
	}
	q.Room = len(b)
	return q, nil
}

// DecodeDescription takes a DESCRIPTION apart.
func DecodeDescription(b []byte, cluster uint32, from netip.AddrPort) (Description, error) {
	r := reader{b: b}
	var d Description
	d.Self, d.Nonce = r.describing(descriptionKind, cluster, from)
	d.Truncated = r.byte()&flagTruncated != 0
	for range r.byte() {
		who, there := r.described()
		flags := r.byte()
		if there && r.err == nil {
			d.Links = append(d.Links, DescribedLink{who, flags&flagOutbound != 0, flags&flagTree != 0})
		}
	}
	for range r.byte() {
		who, there := r.described()
		age := r.uvarint()
		if there && r.err == nil {
			d.View = append(d.View, DescribedPeer{who, uint32(min(age, math.MaxUint32))})
		}
	}
	d.Proof, _ = r.describedBy()
	if r.err != nil {
		return Description{}, fmt.Errorf("datagram from %v: %w", from, r.err)
	}
	d.Skipped = r.skipped
	return d, nil
}

// describing reads what both begin with.
func (r *reader) describing(want byte, cluster uint32, from netip.AddrPort) (sender Identity, nonce uint64) {
	if kind := r.header(cluster); r.err == nil && kind != want {
		r.fail(fmt.Errorf("%w of datagram: %d", ErrUnknownKind, kind))
	}
	name, incarnation := r.id()
	sender.ID.Name, sender.ID.Incarnation = string(name), incarnation
	sender.Addr = r.sender(from)
	if r.err == nil && len(name) == 0 {
		r.fail(fmt.Errorf("%w: a sender without a name", ErrMalformed))
	}
	return sender, r.uint64()
}

// described reads who is at the other end of a link, or in a view; false if nobody can be
// there.
func (r *reader) described() (who Identity, there bool) {
	if r.err != nil {
		return who, false
	}
	name, incarnation := r.id()
	who.Addr = r.addr()
	if r.err == nil && (len(name) == 0 || !who.Addr.IsValid()) {
		r.fail(fmt.Errorf("%w: a descriptor without a name or an address", ErrMalformed))
	}
	if r.err != nil {
		return who, false
	}
	if !reachable(who.Addr) {
		r.skipped++
		return who, false
	}
	who.ID.Name, who.ID.Incarnation = string(name), incarnation
	return who, true
}

// describedBy reads the extensions: the sender's proof, and a token.
func (r *reader) describedBy() (proof []byte, token uint64) {
	r.extensions(keyNewsTag, func(tag byte, content *reader) {
		switch tag {
		case tokenTag:
			if token = content.uint64(); token == 0 {
				content.fail(fmt.Errorf("%w: no token in the place of one", ErrMalformed))
			}
		case proofsTag:
			proof = content.bytes(AddressProof)
		default:
			content.b = nil
		}
	})
	return proof, token
}
