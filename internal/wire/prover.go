package wire

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// In a signed network an address is worth something only with the proof of whoever is
// said to be there. Proofs travel in an extension of datagrams: the sender's own, then
// one for each descriptor of the view but the sender's, in the order of the view.

const (
	// AddressProof is the length of a proof: when it was signed 8, signature 64.
	AddressProof = 8 + SignatureSize

	proofsTag = 3
	// ownProof is the size of the extension with the sender's proof alone, which every
	// datagram of a signed network has. Requests are so much longer there than they
	// must be elsewhere, for their answers are.
	ownProof = 1 + 1 + AddressProof
)

// Prover is the Book of a signed network.
type Prover interface {
	Book
	// Proof returns the proof of the address that Lookup returns, nil if there is none
	// that others would believe.
	Proof(peer.Handle) []byte
	// InternProven is Intern for an address that came with a proof, or with none: nil.
	// It returns peer.None if the proof is not to be believed. proof is only read during
	// the call.
	InternProven(name []byte, incarnation uint64, addr netip.AddrPort, proof []byte) peer.Handle
}

// AppendAddressText appends what a node signs of where it is, and when.
func AppendAddressText(dst []byte, id peer.ID, addr netip.AddrPort, when uint64) []byte {
	return binary.BigEndian.AppendUint64(appendIdentity(dst, id, addr), when)
}

// appendProofs appends the extension.
func appendProofs(dst, proofs []byte) []byte {
	dst = binary.AppendUvarint(append(dst, proofsTag), uint64(len(proofs)))
	return append(dst, proofs...)
}

// proofList gives the proofs of a datagram to the descriptors that they belong to. It
// is nil, and gives none, where nobody proves anything.
type proofList struct {
	prover Prover
	own    []byte
	rest   []byte
}

// proofs looks ahead of the reader, which is in front of the view if there is one, for
// the extension.
func (r reader) proofs(prover Prover, hasView bool) *proofList {
	if hasView {
		for range r.byte() {
			r.id()
			r.addr()
			r.uvarint()
		}
	}
	l := &proofList{prover: prover}
	r.extensions(proofsTag, func(tag byte, content *reader) {
		if tag == proofsTag && l.own == nil {
			l.own, l.rest = nextProof(content.b)
		}
		content.b = nil
	})
	return l
}

func nextProof(b []byte) (proof, rest []byte) {
	if len(b) < AddressProof {
		return nil, nil
	}
	return b[:AddressProof], b[AddressProof:]
}

// next is the proof of the next descriptor of the view.
func (l *proofList) next(own bool) (proof []byte) {
	switch {
	case l == nil:
		return nil
	case own:
		return l.own
	}
	proof, l.rest = nextProof(l.rest)
	return proof
}

// intern is book.Intern where nobody proves anything.
func (l *proofList) intern(book Book, name []byte, incarnation uint64, addr netip.AddrPort, proof []byte) peer.Handle {
	if l == nil {
		return book.Intern(name, incarnation, addr)
	}
	return l.prover.InternProven(name, incarnation, addr, proof)
}

// checkProofs reads the extension for its form.
func (r *reader) checkProofs() {
	if n := len(r.b); n == 0 || n%AddressProof != 0 {
		r.fail(fmt.Errorf("%w: %d bytes of proofs of %d each", ErrMalformed, n, AddressProof))
		return
	}
	r.b = nil
}
