package broadcast

import (
	"math/rand/v2"
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// Positions are a map, whatever the order in which messages come and go, and take no
// more than a few places for each.
func TestPositionsAreAMap(t *testing.T) {
	for _, story := range []struct {
		why  string
		next func(r *rand.Rand, i uint64) peer.Dot
	}{
		{"in order", func(_ *rand.Rand, i uint64) peer.Dot { return peer.Dot{Origin: peer.Handle(1 + i%3), Seq: 1 + i/3} }},
		{"in order, of origins that share a place", func(_ *rand.Rand, i uint64) peer.Dot {
			return peer.Dot{Origin: peer.Handle(1 + 16*(i%3)), Seq: 1 + i/3}
		}},
		{"nearly in order", func(r *rand.Rand, i uint64) peer.Dot { return peer.Dot{Origin: 1, Seq: 1 + i + r.Uint64N(200)} }},
		{"backwards", func(_ *rand.Rand, i uint64) peer.Dot { return peer.Dot{Origin: 1, Seq: 10_000 - i} }},
		{"anywhere", func(r *rand.Rand, _ uint64) peer.Dot {
			return peer.Dot{Origin: peer.Handle(1 + r.Uint64N(40)), Seq: 1 + r.Uint64N(peer.MaxSeq)}
		}},
		{"with holes", func(_ *rand.Rand, i uint64) peer.Dot { return peer.Dot{Origin: 1, Seq: 1 + i*65} }},
		{"with holes, after many without", func(_ *rand.Rand, i uint64) peer.Dot {
			return peer.Dot{Origin: 1, Seq: 1 + i + 64*(max(i, 400)-400)}
		}},
		{"in few places", func(r *rand.Rand, _ uint64) peer.Dot {
			return peer.Dot{Origin: peer.Handle(1 + r.Uint64N(20)), Seq: 1 + r.Uint64N(300)}
		}},
	} {
		t.Run(story.why, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			p, want := newPositions(), make(map[peer.Dot]uint64)
			var order []peer.Dot
			for i := range uint64(5000) {
				d := story.next(r, i)
				if _, had := want[d]; !had {
					p.set(d, i)
					want[d] = i
					order = append(order, d)
				}
				for range r.IntN(3) {
					if len(order) > 100 {
						p.remove(order[0])
						delete(want, order[0])
						order = order[1:]
					}
				}
				for _, x := range []peer.Dot{d, order[r.IntN(len(order))], story.next(r, i+1), {Origin: d.Origin, Seq: d.Seq + 1}, {Origin: 99, Seq: 1}} {
					pos, ok := p.get(x)
					if at, there := want[x]; ok != there || pos != at {
						t.Fatalf("%v is at %d %v, want %d %v", x, pos, ok, at, there)
					}
				}
				places := 0
				for _, r := range p.byOrigin {
					places += len(r.at)
				}
				if places > 3*len(order)+fewHoles*len(p.byOrigin) {
					t.Fatalf("%d places for %d messages", places, len(order))
				}
			}
			for _, d := range order {
				p.remove(d)
			}
			if len(p.byOrigin)+len(p.far) > 0 {
				t.Errorf("%d origins and %d messages are left", len(p.byOrigin), len(p.far))
			}
		})
	}
}
