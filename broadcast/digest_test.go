package broadcast

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// A talk is two relays without logs that tell each other what they have had.
type talk struct {
	seen   [2]*Seen
	relay  [2]*Relay
	queues [2][]Frame // on their way to each
	frames int
	cost   int // entries, and sums at half of that
}

func newTalk(a, b *Seen, repair bool) *talk {
	w := &talk{seen: [2]*Seen{a, b}}
	for i, s := range w.seen {
		w.relay[i] = NewRelay(DefaultRelayConfig(), NewLog(LogConfig{Bytes: 1 << 20, Age: Never}), s)
		var out Outbox
		w.relay[i].Open(0, Change{Link: 1, Peer: 2, Up: true, Repair: repair}, &out)
		w.take(i, &out)
	}
	return w
}

// take puts what one of them sends on its way to the other.
func (w *talk) take(from int, out *Outbox) {
	for _, s := range out.Sends {
		if s.Frame.Kind != Digest && s.Frame.Kind != Refine {
			continue
		}
		w.queues[1-from] = append(w.queues[1-from], s.Frame)
		w.frames++
		for _, p := range s.Frame.Digest {
			w.cost += p.cost()
		}
		w.cost += len(s.Frame.Refine)
	}
}

// step lets the next frame arrive; false if there is none.
func (w *talk) step(to int) bool {
	if len(w.queues[to]) == 0 {
		return false
	}
	f := w.queues[to][0]
	w.queues[to] = w.queues[to][1:]
	var out Outbox
	if f.Kind == Refine {
		w.relay[to].HandleRefine(0, 1, &f, &out)
	} else {
		w.relay[to].HandleDigest(0, 1, &f, &out)
	}
	w.take(to, &out)
	return true
}

func (w *talk) run() {
	for w.step(0) || w.step(1) {
	}
}

// numbered has had so many messages of each of n origins.
func numbered(n int, had func(i int) uint64) *Seen {
	s := NewSeen(1<<20, func(h peer.Handle) uint64 { return uint64(h) * 0x9e3779b97f4a7c15 })
	for i := range n {
		if seq := had(i); seq > 0 {
			s.Skip(peer.Handle(i+1), seq, 0)
		}
	}
	return s
}

// Whatever two nodes have had, and even if they go on having more while they talk:
// in the end each knows of everything that it has had whether the other has, at
// least as of when they began, and never believes that of what the other lacks. A
// repair knows what to claim.
func TestDigestsFindTheDifference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(1, 4).Draw(t, "origins in a leaf")
		few := rapid.Bool().Draw(t, "alike")
		origins := rapid.IntRange(0, 60).Draw(t, "origins")
		draw := func(who string, i int) uint64 {
			if few && rapid.IntRange(0, 9).Draw(t, who) > 0 {
				return uint64(i % 5)
			}
			return rapid.Uint64Range(0, 5).Draw(t, who)
		}
		hash := func(h peer.Handle) uint64 { return uint64(h) * 0x9e3779b97f4a7c15 }
		if rapid.IntRange(0, 4).Draw(t, "close together") == 0 {
			hash = func(h peer.Handle) uint64 { return near[h] } // somebody has chosen the names
		}
		var seen [2]*Seen
		for i := range seen {
			s := NewSeen(1<<10, hash)
			s.most = most
			for o := range origins {
				h := peer.Handle(o + 1)
				if n := draw(fmt.Sprint("had by ", i), o); n > 0 {
					s.Skip(h, n, 0)
				}
				if rapid.IntRange(0, 9).Draw(t, "span") == 0 {
					s.Mark(peer.Dot{Origin: h, Seq: s.Contiguous(h) + 2}, 0)
				}
			}
			seen[i] = s
		}
		repair := rapid.Bool().Draw(t, "repair")
		before := [2]dots{snapshot(seen[0], origins), snapshot(seen[1], origins)}
		w := newTalk(seen[0], seen[1], repair)
		for w.step(rapid.IntRange(0, 1).Draw(t, "to")) || w.step(0) || w.step(1) {
			if origins > 0 && rapid.IntRange(0, 3).Draw(t, "one more") == 0 {
				h := peer.Handle(rapid.IntRange(1, origins).Draw(t, "origin"))
				s := seen[rapid.IntRange(0, 1).Draw(t, "at")]
				s.Mark(peer.Dot{Origin: h, Seq: s.Highest(h) + 1}, 0)
			}
		}
		now := [2]dots{snapshot(seen[0], origins), snapshot(seen[1], origins)}
		for i, r := range w.relay {
			s := r.find(1)
			if !s.synced || len(s.lacks.pending) > 0 {
				t.Fatalf("it is over, and %d waits for %v", i, s.lacks.pending)
			}
			for d := range before[i] {
				switch believes := !s.lacks.has(seen[i].place(d.Origin), d); {
				case believes && !now[1-i][d]:
					t.Fatalf("%d believes that the other has had %v", i, d)
				case !believes && before[1-i][d] && before[i].contiguous(d.Origin) == now[i].contiguous(d.Origin):
					t.Fatalf("%d does not know that the other has had %v: %v", i, d, s.lacks)
				}
			}
			claimed := map[peer.Handle]bool{}
			for _, d := range s.claims {
				claimed[d.Origin] = true
			}
			for o := range peer.Handle(origins + 1) {
				if repair && before[1-i].contiguous(o) > now[i].contiguous(o) && !claimed[o] {
					t.Fatalf("%d claims nothing of %d", i, o)
				}
			}
		}
	})
}

// near are hashes of origins whose places begin with the same twelve bits.
var near = func() (list [64]uint64) {
	for i, h := 0, uint64(0); i < len(list); h++ {
		if mix(h)>>52 == 0x123 {
			list[i] = h
			i++
		}
	}
	return list
}()

func snapshot(s *Seen, origins int) dots {
	d := dots{}
	for h := peer.Handle(1); int(h) <= origins; h++ {
		for n := uint64(1); n <= s.Highest(h); n++ {
			if x := (peer.Dot{Origin: h, Seq: n}); s.Has(x) {
				d[x] = true
			}
		}
	}
	return d
}

// What it costs to find the difference depends on the difference, and hardly on how
// many origins there are.
func TestADigestCostsWhatDiffers(t *testing.T) {
	same := func(int) uint64 { return 7 }
	for _, test := range []struct {
		why          string
		origins      int
		other        func(i int) uint64
		frames, cost int // at most, both ways
	}{
		{"few, and nothing differs", 10, same, 2, 22},
		{"nothing differs", 10_000, same, 2, 16},
		{"one of many differs", 10_000, func(i int) uint64 { return uint64(7 + i/9_999) }, 14, 120},
		{"twenty of many differ", 10_000, func(i int) uint64 { return uint64(7 + (i%500)/499) }, 14, 1800},
		{"one of very many differs", 100_000, func(i int) uint64 { return uint64(7 + i/99_999) }, 18, 140},
		{"a newcomer", 10_000, func(int) uint64 { return 0 }, 2, 10},
	} {
		w := newTalk(numbered(test.origins, same), numbered(test.origins, test.other), false)
		w.run()
		if w.frames > test.frames || w.cost > test.cost {
			t.Errorf("%s, of %d origins: %d frames of cost %d, want at most %d of %d", test.why, test.origins, w.frames, w.cost, test.frames, test.cost)
		}
	}
}

// Who says of everything that he has had something else is asked about all of it, and
// what is remembered of that is bounded as the rest is: of what is not asked for he is
// taken to lack all.
func TestWhoDiffersInEverything(t *testing.T) {
	const origins, most = 20_000, 512
	r := NewRelay(RelayConfig{Window: 1, DigestPart: 512, Wants: 256, Lacks: most}, NewLog(LogConfig{Bytes: 1 << 20, Age: Never}),
		numbered(origins, func(int) uint64 { return 7 }))
	out := Outbox{}
	r.Open(0, Change{Link: 1, Peer: 2, Up: true}, &out)
	lie := func(p Prefix) DigestPart {
		sums := make([]uint64, forks)
		for i := range sums {
			sums[i] = 1
		}
		return DigestPart{Prefix: p, Sums: sums}
	}
	asked := []Prefix{{}}
	for opening := true; len(asked) > 0; opening = false {
		p := asked[0]
		asked = asked[1:]
		out.Reset()
		r.HandleDigest(0, 1, &Frame{Kind: Digest, Opening: opening, Digest: []DigestPart{lie(p)}}, &out)
		for _, s := range out.Sends {
			asked = append(asked, s.Frame.Refine...)
		}
		if got := r.Lacks(); got > most || len(asked) > most {
			t.Fatalf("%d things are remembered and %d groups are asked for, at most %d of both are allowed", got, len(asked), most)
		}
	}
	if s := r.find(1); !s.synced {
		t.Error("the digest has not come to an end")
	}
	for o := range peer.Handle(origins) {
		if d := (peer.Dot{Origin: o + 1, Seq: 7}); !r.find(1).lacks.has(r.seen.place(o+1), d) {
			t.Fatalf("he is taken to have had %v", d)
		}
	}
}
