package broadcast

import "github.com/Ishan27gOrg/gossipProtocol/peer"

// Evidence shows that an origin has got as far as message Seq. What it looks like is
// the business of the driver, who makes and checks it; Seq 0 is none.
type Evidence struct {
	Seq   uint64
	Proof string // bytes that nobody changes
}

// Prove keeps the evidence of how far an origin has got, if it is known and this is
// the newest; false if the origin is not known.
func (s *Seen) Prove(origin peer.Handle, e Evidence) bool {
	p := s.of(origin)
	if p != nil && e.Seq > p.evidence.Seq {
		p.evidence = e
	}
	return p != nil
}

// Evidence is what there is of an origin.
func (s *Seen) Evidence(origin peer.Handle) Evidence {
	if p := s.of(origin); p != nil {
		return p.evidence
	}
	return Evidence{}
}
