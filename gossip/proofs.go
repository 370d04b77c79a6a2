package gossip

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/identity"
	"github.com/Ishan27gOrg/gossipProtocol/internal/wire"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// In a signed network an address is its owner's word: it travels with what he has
// signed, and when. So nobody can send others to where somebody else is, or to where
// that one has been long ago.

const (
	signedAddress = "gossip/1 address "

	// proofAge is for how long a proof counts. It bounds for how long somebody can be
	// advertised where he is no longer. A guess: far longer than a descriptor of anybody
	// who is alive gets, and than clocks on the wall may be off.
	proofAge = time.Hour
	// proofEvery is how often a node signs its own address anew, so that others always
	// have a proof with most of its time left.
	proofEvery = 10 * time.Minute
)

// appendAddressText appends what a node signs of where it is.
func (s *signer) appendAddressText(dst []byte, id peer.ID, addr netip.AddrPort, when uint64) []byte {
	dst = append(append(dst, signedAddress...), s.cluster[:]...)
	return wire.AppendAddressText(dst, id, addr, when)
}

// proveAddress signs where a node is.
func (s *signer) proveAddress(self wire.Identity, when uint64) []byte {
	proof := binary.BigEndian.AppendUint64(make([]byte, 0, wire.AddressProof), when)
	return append(proof, s.key.Sign(s.appendAddressText(nil, self.ID, self.Addr, when))...)
}

// provenBook is the address book of a node in a signed network, as datagrams see it.
type provenBook struct {
	*book
	signer  *signer
	stats   *Stats
	horizon time.Duration
	wall    func() time.Time
	// forged: a proof in this datagram was wrong. No node that checks what it passes on
	// sends such a one, so nothing more of it counts, nor is checked: that costs as much
	// as many datagrams.
	forged bool
	// believed tells whether the last proof was: that of the sender.
	believed bool
	// checked is how many signatures were looked at, and are not accounted for yet.
	checked int
}

// signatureWeight is how many requests one signature counts for that somebody has this
// node check: it takes some 70 µs, and an answer a tenth of that. An address may then
// have 20 checked a second, and a host 200: ten times what an exchange a second brings
// with six descriptors that are all new, or the seventieth part of a core. A guess.
const signatureWeight = 10

// chargeProofs has whoever has sent a datagram pay for the signatures in it.
func (n *Node) chargeProofs(from netip.AddrPort) {
	if n.proofs != nil {
		n.rates.Charge(n.now(), from, signatureWeight*n.proofs.checked)
		n.proofs.checked = 0
	}
}

// begin is called for each datagram.
func (b *provenBook) begin() { b.forged, b.believed = false, false }

// Proof is part of wire.Prover. It signs this node's own address anew from time to time.
func (b *provenBook) Proof(h peer.Handle) []byte {
	e := &b.entries[h]
	if h == b.self && (e.proof == nil || !b.isWithin(e.proof[:], proofEvery, proofEvery)) {
		e.proof = (*addressProof)(b.signer.proveAddress(wire.Identity{ID: e.id, Addr: e.addr}, uint64(b.wall().Unix())))
	}
	if e.proof == nil || !b.isCurrent(e.proof[:]) {
		return nil
	}
	return e.proof[:]
}

func timeOf(proof []byte) uint64 { return binary.BigEndian.Uint64(proof) }

// isCurrent reports whether a proof is of a time that can be believed in. As with
// epochs, clocks on the wall may differ by an eighth of the horizon.
func (b *provenBook) isCurrent(proof []byte) bool {
	return b.isWithin(proof, proofAge, b.horizon/8)
}

func (b *provenBook) isWithin(proof []byte, past, future time.Duration) bool {
	now, when := b.wall().Unix(), timeOf(proof)
	return when <= uint64(now+int64(future/time.Second)) && when >= uint64(max(0, now-int64(past/time.Second)))
}

// InternProven is part of wire.Prover.
func (b *provenBook) InternProven(name []byte, incarnation uint64, addr netip.AddrPort, proof []byte) peer.Handle {
	id := peer.ID{Name: string(name), Incarnation: incarnation}
	if b.believed = b.believes(id, addr, proof); !b.believed {
		return peer.None
	}
	h := b.meet(id, addr)
	if h == peer.None || h == b.self {
		return h
	}
	if e := &b.entries[h]; e.addr == addr && (e.proof == nil || timeOf(e.proof[:]) < timeOf(proof)) {
		e.proof = (*addressProof)(bytes.Clone(proof))
	}
	return h
}

// believes reports whether somebody is where he is said to be: as he says himself, and
// has not said otherwise since.
func (b *provenBook) believes(id peer.ID, addr netip.AddrPort, proof []byte) bool {
	h := b.find([]byte(id.Name), id.Incarnation)
	if h == b.self {
		return true
	}
	_, p, ok := identity.Split(id.Name)
	switch {
	case b.forged:
		return false
	case !ok || proof == nil:
		b.stats.Unsigned++
		return false
	case !b.signer.roster.Has(p):
		b.stats.Revoked++
		return false
	case !b.isCurrent(proof):
		b.stats.Outdated++
		return false
	}
	if h != peer.None {
		switch e := &b.entries[h]; {
		case e.proof != nil && bytes.Equal(e.proof[:], proof) && e.addr == addr:
			return true // as it was before
		case e.proof != nil && e.addr != addr && timeOf(proof) <= timeOf(e.proof[:]):
			b.stats.Outdated++
			return false
		}
	}
	b.checked++
	if !p.Verify(b.signer.appendAddressText(nil, id, addr, timeOf(proof)), proof[8:]) {
		b.forged = true
		b.stats.BadSignatures++
		return false
	}
	return true
}
