package broadcast

import (
	"slices"
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// TestTheNewestEvidenceIsShown for as long as the origin is known.
func TestTheNewestEvidenceIsShown(t *testing.T) {
	s := NewSeen(10, func(h peer.Handle) uint64 { return uint64(h) })
	if s.Prove(1, Evidence{1, "a"}) || s.Evidence(1).Seq != 0 {
		t.Error("evidence of an origin that nothing was had of is kept")
	}
	s.Mark(peer.Dot{Origin: 1, Seq: 1}, 0)
	for _, e := range []Evidence{{2, "two"}, {5, "five"}, {4, "four"}, {}} {
		if !s.Prove(1, e) {
			t.Error("the origin is known")
		}
	}
	if e := s.Evidence(1); e != (Evidence{5, "five"}) {
		t.Errorf("%+v", e)
	}
	entries := s.Part(Prefix{}).Entries
	if !slices.ContainsFunc(entries, func(e DigestEntry) bool { return e.Origin == 1 && e.Evidence.Seq == 5 }) {
		t.Errorf("a digest shows %+v", entries)
	}
	s.Forget(1, func(peer.Handle) {})
	if s.Evidence(1).Seq != 0 {
		t.Error("a forgotten origin has evidence")
	}
}
