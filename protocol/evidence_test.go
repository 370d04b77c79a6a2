package protocol

import (
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// TestEvidenceOfStrangersIsBounded, and is there when what it is about turns out to be
// a gap.
func TestEvidenceOfStrangersIsBounded(t *testing.T) {
	m := &Machine{seen: broadcast.NewSeen(10, func(h peer.Handle) uint64 { return uint64(h) })}
	for h := peer.Handle(1); h <= 2*maxEvidence; h++ {
		m.Prove(h, broadcast.Evidence{Seq: 7, Proof: "seven"})
		m.Prove(h, broadcast.Evidence{Seq: 6, Proof: "six"})
		m.Prove(h, broadcast.Evidence{})
		if len(m.evidence) > maxEvidence || m.evidence[h].Seq != 7 {
			t.Fatalf("%d kept, of %d message %d", len(m.evidence), h, m.evidence[h].Seq)
		}
	}
	const origin = 2 * maxEvidence
	m.proveGap(origin)
	if _, kept := m.evidence[origin]; !kept {
		t.Error("evidence is lost before there is a place for it")
	}
	m.seen.Skip(origin, 7, 0)
	m.proveGap(origin)
	if e := m.seen.Evidence(origin); e.Seq != 7 || e.Proof != "seven" {
		t.Errorf("%d %s", e.Seq, e.Proof)
	}
	if _, kept := m.evidence[origin]; kept {
		t.Error("it is kept twice")
	}
}
