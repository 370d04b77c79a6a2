package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
)

// Sizes of requests. An answer must never be larger than its request, or this
// node could be made to flood a third one whose address a request was forged
// with. So each kind of request has a size below which it is not answered: that
// of the largest answer, without a view, from a node with the longest name and
// an IPv6 address. Senders pad up to it.
const (
	probeSize    = 3 + 4 + 1 + MaxName + 8 + 1 + 16 + 2 + 8
	exchangeSize = probeSize + 8 + 1
)

// Extensions of a datagram: tag 1, length as uvarint, content. Tag 0 is padding
// up to the end.
const (
	padding  = 0
	tokenTag = 1

	tokenSize = 1 + 1 + 8 // of the extension
)

// AppendPacket appends a datagram from self. A view that does not fit in
// MaxDatagram, or in p.Room if that is set, is cut short: an answer is never
// larger than its request, and a request that is Wide is padded up to there to earn
// a larger answer. A Room from DecodePacket always has a place for the rest.
func AppendPacket(dst []byte, cluster uint32, self Identity, p *peersampling.Packet, book Book) []byte {
	if prover, signed := book.(Prover); signed {
		return appendSigned(dst, cluster, self, p, prover)
	}
	return appendPacket(dst, cluster, self, p, book, nil, false)
}

// appendSigned is apart so that only nodes with identities have stacks with room for
// proofs.
//
//go:noinline
func appendSigned(dst []byte, cluster uint32, self Identity, p *peersampling.Packet, book Prover) []byte {
	own := book.Intern([]byte(self.ID.Name), self.ID.Incarnation, netip.AddrPort{})
	return appendPacket(dst, cluster, self, p, book, append(make([]byte, 0, MaxDatagram), book.Proof(own)...), true)
}

// appendPacket appends a packet; proofs is the own one, if it is signed.
func appendPacket(dst []byte, cluster uint32, self Identity, p *peersampling.Packet, book Book, proofs []byte, signed bool) []byte {
	start := len(dst)
	room := MaxDatagram
	if p.Room > 0 {
		room = min(room, p.Room)
	}
	dst = append(dst, magic, Version, byte(p.Kind))
	dst = binary.BigEndian.AppendUint32(dst, cluster)
	dst = appendIdentity(dst, self.ID, self.Addr)
	dst = binary.BigEndian.AppendUint64(dst, p.Nonce)
	if p.Kind == peersampling.ExchangeRequest || p.Kind == peersampling.ExchangeReply {
		dst = binary.BigEndian.AppendUint64(dst, p.Digest)
		end := start + room
		if p.Token != 0 {
			end -= tokenSize
		}
		if signed {
			end -= 3 // of tag and length
		}
		keys := keysExtension(p.Keys)
		if len(dst)+1+len(keys) > end {
			keys = nil
		}
		dst, proofs = appendView(dst, p.View, self, book, end-len(keys), proofs)
		dst = append(dst, keys...)
	}
	if signed {
		dst = appendProofs(dst, proofs)
	}
	if p.Token != 0 {
		dst = binary.BigEndian.AppendUint64(append(dst, tokenTag, 8), p.Token)
	}
	size := requestSize(p.Kind, signed)
	if p.Kind == peersampling.ExchangeRequest && p.Wide {
		size = room
	}
	return append(dst, make([]byte, max(0, start+size-len(dst)))...)
}

// keysExtension is the extension with news of keys, if there are any.
func keysExtension(news []byte) []byte {
	if len(news) == 0 {
		return nil
	}
	return append(binary.AppendUvarint([]byte{keyNewsTag}, uint64(len(news))), news...)
}

// requestSize is the least size of a request that is answered, 0 for answers.
func requestSize(k peersampling.PacketKind, signed bool) (size int) {
	switch k {
	case peersampling.ExchangeRequest:
		size = exchangeSize
	case peersampling.ProbeRequest:
		size = probeSize
	default:
		return 0
	}
	if signed {
		size += ownProof
	}
	return size
}

// appendView writes as many descriptors as fit before the end, with the proofs that go
// elsewhere: count 1, then each. In a signed network it appends to the proofs, and
// leaves out who has none.
func appendView(dst []byte, view []peer.Descriptor, self Identity, book Book, end int, proofs []byte) (_, _ []byte) {
	prover, signed := book.(Prover)
	at := len(dst)
	dst = append(dst, 0)
	for _, d := range view[:min(len(view), 255)] {
		id, addr := book.Lookup(d.Peer)
		own := id == self.ID
		if own {
			addr = self.Addr
		}
		// A node that does not know its address writes 0.0.0.0 in its own descriptor.
		if id.Name == "" || !addr.IsValid() || !own && !reachable(addr) {
			continue
		}
		var proof []byte
		if signed && !own {
			if proof = prover.Proof(d.Peer); proof == nil {
				continue
			}
		}
		next := appendIdentity(dst, id, addr)
		next = binary.AppendUvarint(next, uint64(d.Age))
		if len(next)+len(proofs)+len(proof) > end {
			break
		}
		dst, proofs = next, append(proofs, proof...)
		dst[at]++
	}
	return dst, proofs
}

// DecodePacket takes a datagram apart. from is where it came from; it stands in
// for the address of a sender that does not know its own. The view is appended
// to scratch[:0].
func DecodePacket(b []byte, cluster uint32, from netip.AddrPort, scratch []peer.Descriptor, book Book) (peersampling.Packet, error) {
	r := reader{b: b}
	p := peersampling.Packet{Kind: peersampling.PacketKind(r.header(cluster)), Room: len(b)}
	if r.err == nil && (p.Kind < peersampling.ExchangeRequest || p.Kind > peersampling.ProbeReply) {
		r.fail(fmt.Errorf("%w of datagram: %d", ErrUnknownKind, p.Kind))
	}
	prover, signed := book.(Prover)
	if least := requestSize(p.Kind, signed); len(b) < least {
		r.fail(fmt.Errorf("%w: a request of %d bytes, which no answer fits in; at least %d are needed", ErrMalformed, len(b), least))
	}
	name, incarnation := r.id()
	addr := r.sender(from)
	p.Nonce = r.uint64()
	hasView := p.Kind == peersampling.ExchangeRequest || p.Kind == peersampling.ExchangeReply
	if hasView {
		p.Digest = r.uint64()
	}
	var proofs *proofList
	if signed && r.err == nil {
		proofs = r.proofs(prover, hasView)
	}
	if hasView {
		p.View = r.view(scratch[:0], sender{name, incarnation, addr}, book, proofs)
		p.Skipped = r.skipped
	}
	r.extensions(keyNewsTag, func(tag byte, content *reader) {
		switch tag {
		case keyNewsTag:
			if news := content.bytes(len(content.b)); hasView {
				p.Keys = news
			}
			return
		case proofsTag:
			content.checkProofs()
			return
		}
		if p.Token = content.uint64(); p.Token == 0 {
			content.fail(fmt.Errorf("%w: no token in the place of one", ErrMalformed))
		}
	})
	if r.err == nil && len(name) == 0 {
		r.fail(fmt.Errorf("%w: a sender without a name", ErrMalformed))
	}
	if r.err != nil {
		return p, fmt.Errorf("datagram from %v: %w", from, r.err)
	}
	p.Peer = proofs.intern(book, name, incarnation, addr, proofs.next(true))
	return p, nil
}

// header reads up to and including the kind and the cluster's tag.
func (r *reader) header(cluster uint32) (kind byte) {
	switch {
	case r.byte() != magic:
		r.fail(fmt.Errorf("%w: not a gossip datagram", ErrMalformed))
	case r.byte() != Version:
		r.fail(ErrVersion)
	}
	kind = r.byte()
	if tag := r.uint32(); r.err == nil && tag != cluster {
		r.fail(ErrCluster)
	}
	return kind
}

// substitute fills in what a sender does not know of its own address.
func substitute(addr, from netip.AddrPort) netip.AddrPort {
	switch {
	case !addr.IsValid():
		return netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	case addr.Addr().IsUnspecified():
		return netip.AddrPortFrom(from.Addr().Unmap(), addr.Port())
	}
	return addr
}

// sender reads the address of a sender, which must be one that it could have.
func (r *reader) sender(from netip.AddrPort) netip.AddrPort {
	addr := substitute(r.addr(), from)
	if r.err == nil && addr.IsValid() && !reachable(addr) {
		r.fail(fmt.Errorf("%w: a sender at %v, where nobody can be", ErrMalformed, addr))
	}
	return addr
}

// sender is whom a datagram says that it is from.
type sender struct {
	name        []byte
	incarnation uint64
	addr        netip.AddrPort
}

// view reads descriptors: count 1, then each. The count needs no limit of its
// own; there are no more than the bytes that are there spell out. Those with an
// address that nobody can be at are left out and counted; the others are as good as
// if they had come alone. Where the sender itself is, the datagram has said before.
func (r *reader) view(dst []peer.Descriptor, self sender, book Book, proofs *proofList) []peer.Descriptor {
	for range r.byte() {
		name, incarnation := r.id()
		addr := r.addr()
		age := r.uvarint()
		if r.err == nil && (len(name) == 0 || !addr.IsValid()) {
			r.fail(fmt.Errorf("%w: a descriptor without a name or an address", ErrMalformed))
		}
		if r.err != nil {
			return dst
		}
		own := incarnation == self.incarnation && bytes.Equal(name, self.name)
		if own {
			addr = self.addr
		}
		proof := proofs.next(own)
		if !reachable(addr) {
			r.skipped++
			continue
		}
		dst = append(dst, peer.Descriptor{
			Peer: proofs.intern(book, name, incarnation, addr, proof),
			Age:  uint32(min(age, math.MaxUint32)),
		})
	}
	return dst
}

// extensions reads what later versions may append, and what this one does: take is
// given those with tags from 1 to known, each of which may come once and holds
// nothing behind what take reads. The others are skipped.
func (r *reader) extensions(known byte, take func(tag byte, content *reader)) {
	seen := uint64(0)
	for r.err == nil && len(r.b) > 0 {
		tag := r.byte()
		if tag == padding {
			return
		}
		n := r.uvarint()
		if n > uint64(len(r.b)) {
			r.fail(ErrTruncated)
			return
		}
		content := reader{b: r.bytes(int(n))}
		if tag > known || r.err != nil {
			continue
		}
		take(tag, &content)
		switch {
		case content.err != nil:
			r.fail(content.err)
		case len(content.b) > 0:
			r.fail(fmt.Errorf("%w: %d bytes too many in extension %d", ErrMalformed, len(content.b), tag))
		case seen&(1<<tag) != 0:
			r.fail(fmt.Errorf("%w: extension %d twice", ErrMalformed, tag))
		}
		seen |= 1 << tag
	}
}
