package broadcast

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// Join says the same with the least announcements, in order.
func TestJoin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var announced []Announcement
		said := map[peer.Dot]bool{}
		for range rapid.IntRange(0, 30).Draw(t, "announcements") {
			a := Announcement{
				Dot:  peer.Dot{Origin: peer.Handle(rapid.IntRange(1, 3).Draw(t, "origin")), Seq: rapid.Uint64Range(1, 40).Draw(t, "number")},
				More: rapid.Uint32Range(0, 3).Draw(t, "more"),
			}
			announced = append(announced, a)
			for d := a.Dot; d.Seq <= a.Last(); d.Seq++ {
				said[d] = true
			}
		}
		joined := Join(slices.Clone(announced))
		for i, a := range joined {
			if i > 0 {
				before := joined[i-1]
				if before.Dot.Origin > a.Dot.Origin || before.Dot.Origin == a.Dot.Origin && before.Last()+1 >= a.Dot.Seq {
					t.Fatalf("%v stands before %v", before, a)
				}
			}
			for d := a.Dot; d.Seq <= a.Last(); d.Seq++ {
				if !said[d] {
					t.Fatalf("%v was not announced in %v", d, announced)
				}
				delete(said, d)
			}
		}
		if len(said) > 0 {
			t.Fatalf("%v are missing in %v", said, joined)
		}
	})
}
