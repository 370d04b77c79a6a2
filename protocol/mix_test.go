package protocol

import (
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// A node that has all its links changes one of them once, some time after it came: it
// asks somebody whom it knows and is not linked to. One with room, or that is linked
// to all whom it knows, has nothing to change; and where somebody has talked there is
// a tree, which is left alone.
func TestANodeMixesItsLinksOnce(t *testing.T) {
	for _, test := range []struct {
		why          string
		links, known int
		talk         bool
		asks         bool
	}{
		{"full, and it knows others", 5, 12, false, true},
		{"full, and it knows nobody else", 5, 5, false, false},
		{"there is room", 4, 4, false, false},
		{"somebody has talked", 5, 12, true, false},
	} {
		l := newListener(t) // full
		if test.talk {
			l.hear(firstOrigin, nil)
		}
		m := l.Machine
		if m.mixAt < mixAfter || m.mixAt >= 3*mixAfter {
			t.Errorf("it is to happen at %v, want %v to %v", m.mixAt, mixAfter, 3*mixAfter)
		}
		var out Outbox
		for link := broadcast.LinkID(5); int(link) > test.links; link-- {
			m.Disconnected(0, link, &out)
		}
		for p := range test.known {
			m.sampling.Learn(0, []peer.Descriptor{{Peer: peer.Handle(2 + p)}})
		}
		m.mixAt = time.Second // nobody here answers, and the view would be empty by then
		for _, now := range []time.Duration{time.Second - 1, time.Second, time.Second + 1} {
			out.Reset()
			m.Tick(now, &out)
			asked := test.links == 5 && len(out.Links.Dials) == 1 && !m.links.Linked(out.Links.Dials[0].Peer)
			if want := test.asks && now == time.Second; asked != want {
				t.Errorf("%s, at %v: asks for a link %v, want %v", test.why, now, out.Links.Dials, want)
			}
		}
		if m.mixAt != broadcast.Never {
			t.Errorf("%s: it is to happen again at %v", test.why, m.mixAt)
		}
	}
}
