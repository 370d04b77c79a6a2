package protocol

import (
	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// Where origins sign what they say, whoever claims something of an origin shows that it
// has got so far: a driver lets no claim in that goes beyond its evidence. The machine
// keeps the newest of each origin, to show it to others, and never looks inside.

// evidence is of origins that are not in the version vector yet: should what is claimed
// of them turn out to be gone, others will want to see it.
type evidence map[peer.Handle]broadcast.Evidence

// maxEvidence bounds the memory; what is lost is the weight of this node's word of
// origins that it has had nothing of. As many as one repair may claim.
const maxEvidence = 1024

// Prove takes evidence of how far an origin has got, which the driver has checked.
func (m *Machine) Prove(origin peer.Handle, e broadcast.Evidence) {
	if m.seen.Prove(origin, e) || e.Seq <= m.evidence[origin].Seq {
		return
	}
	if _, had := m.evidence[origin]; m.evidence == nil || !had && len(m.evidence) >= maxEvidence {
		m.evidence = make(evidence)
	}
	m.evidence[origin] = e
}

// proveGap keeps the evidence by which an origin's messages were given up.
func (m *Machine) proveGap(origin peer.Handle) {
	if e, ok := m.evidence[origin]; ok && m.seen.Prove(origin, e) {
		delete(m.evidence, origin)
	}
}

// proveMessage keeps the evidence that a message is.
func (m *Machine) proveMessage(msg *broadcast.Message) {
	if m.cfg.Evidence == nil {
		return
	}
	if proof := m.cfg.Evidence(msg); proof != "" {
		m.seen.Prove(msg.Dot.Origin, broadcast.Evidence{Seq: msg.Dot.Seq, Proof: proof})
	}
}
