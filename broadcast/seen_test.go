package broadcast

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"pgregory.net/rapid"
)

func newSeen() *Seen {
	return NewSeen(1<<10, func(h peer.Handle) uint64 { return uint64(h) * 0x9e3779b97f4a7c15 })
}

// dots is what a Seen means: a set.
type dots map[peer.Dot]bool

func (d dots) contiguous(origin peer.Handle) (n uint64) {
	for d[peer.Dot{Origin: origin, Seq: n + 1}] {
		n++
	}
	return n
}

func (d dots) highest(origin peer.Handle) (n uint64) {
	for x := range d {
		if x.Origin == origin {
			n = max(n, x.Seq)
		}
	}
	return n
}

// skip adds everything up to seq and returns what was not there.
func (d dots) skip(origin peer.Handle, seq uint64) (missing []uint64) {
	for n := uint64(1); n <= seq; n++ {
		if x := (peer.Dot{Origin: origin, Seq: n}); !d[x] {
			d[x] = true
			missing = append(missing, n)
		}
	}
	return missing
}

// A Seen is a set of dots, and says so in every way there is (B1).
func TestSeenIsASet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, model := newSeen(), dots{}
		s.most = rapid.IntRange(1, 3).Draw(t, "origins in a leaf")
		origin := rapid.Map(rapid.Uint32Range(1, 3), func(h uint32) peer.Handle { return peer.Handle(h) })
		seq := rapid.Uint64Range(0, 30)
		t.Repeat(map[string]func(*rapid.T){
			"mark": func(t *rapid.T) {
				d := peer.Dot{Origin: origin.Draw(t, "origin"), Seq: seq.Draw(t, "seq")}
				if got, want := s.Mark(d, 0), d.Seq > 0 && !model[d]; got != want {
					t.Fatalf("B1: Mark(%v) = %v, want %v", d, got, want)
				}
				if d.Seq > 0 {
					model[d] = true
				}
			},
			"skip": func(t *rapid.T) {
				h, to := origin.Draw(t, "origin"), seq.Draw(t, "to")
				var holes []uint64
				for _, sp := range s.AppendHoles(nil, h, to) {
					for n := sp.From; n <= sp.To; n++ {
						holes = append(holes, n)
					}
				}
				missing := model.skip(h, to)
				if !slices.Equal(holes, missing) {
					t.Fatalf("AppendHoles(%d, %d) has %v, want %v", h, to, holes, missing)
				}
				if got := s.Skip(h, to, 0); got != uint64(len(missing)) {
					t.Fatalf("Skip(%d, %d) = %d, want %d", h, to, got, len(missing))
				}
			},
			"": func(t *rapid.T) { checkSeen(t, s, model) },
		})
	})
}

func checkSeen(t *rapid.T, s *Seen, model dots) {
	for h := peer.Handle(1); h <= 4; h++ {
		for n := uint64(1); n <= 32; n++ {
			if d := (peer.Dot{Origin: h, Seq: n}); s.Has(d) != model[d] {
				t.Fatalf("Has(%v) = %v", d, s.Has(d))
			}
		}
		if got, want := s.Contiguous(h), model.contiguous(h); got != want {
			t.Fatalf("Contiguous(%d) = %d, want %d", h, got, want)
		}
		if got, want := s.Highest(h), model.highest(h); got != want {
			t.Fatalf("Highest(%d) = %d, want %d", h, got, want)
		}
	}
	// The digest covers exactly the set, and its sums are of what is below them.
	digest := map[peer.Handle]DigestEntry{}
	for _, e := range entriesBelow(t, s, Prefix{}) {
		if _, twice := digest[e.Origin]; twice {
			t.Fatalf("%d is in the digest twice", e.Origin)
		}
		digest[e.Origin] = e
	}
	for h := peer.Handle(1); h <= 4; h++ {
		e := digest[h]
		for n := uint64(1); n <= 32; n++ {
			if e.Covers(n) != model[peer.Dot{Origin: h, Seq: n}] {
				t.Fatalf("the digest of %d is %v, which says %v of %d", h, e, e.Covers(n), n)
			}
		}
		for i, sp := range e.Spans {
			if sp.From > sp.To || sp.From <= e.Contiguous+1 || i > 0 && sp.From <= e.Spans[i-1].To+1 {
				t.Fatalf("spans %v after %d: not sorted, or not apart", e.Spans, e.Contiguous)
			}
		}
	}
}

// entriesBelow asks for part after part, as a peer does that differs everywhere.
func entriesBelow(t *rapid.T, s *Seen, p Prefix) (all []DigestEntry) {
	part := s.Part(p)
	if part.Sums == nil {
		return part.Entries
	}
	for i, sum := range part.Sums {
		entries := entriesBelow(t, s, p.child(i))
		all = append(all, entries...)
		total := uint64(0)
		for _, e := range entries {
			total += s.origins[e.Origin].share()
		}
		if got, n := s.tree.total(p.child(i), 0); sum != total || got != total || n != len(entries) {
			t.Fatalf("%x and %x of %d for the %d origins of %v, whose sum is %x", sum, got, n, len(entries), p.child(i), total)
		}
	}
	return all
}

// Equal sets have equal hashes, in whatever order they came and whether they
// were had or given up; different sets have different ones.
func TestHashIsOfTheContentsAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dot := rapid.Custom(func(t *rapid.T) peer.Dot {
			return peer.Dot{Origin: peer.Handle(rapid.Uint32Range(1, 3).Draw(t, "origin")), Seq: rapid.Uint64Range(1, 12).Draw(t, "seq")}
		})
		list := rapid.SliceOfNDistinct(dot, 1, 20, rapid.ID[peer.Dot]).Draw(t, "dots")
		a, b, c := newSeen(), newSeen(), newSeen()
		for _, d := range list {
			a.Mark(d, 0)
		}
		for i, d := range rapid.Permutation(list).Draw(t, "another order") {
			if d.Seq == b.Contiguous(d.Origin)+1 && i%2 == 0 {
				b.Skip(d.Origin, d.Seq, 0)
			}
			b.Mark(d, 0)
			b.Skip(9, 0, 0) // merely having heard of an origin makes no difference
		}
		for _, d := range list[1:] {
			c.Mark(d, 0)
		}
		if a.Hash() != b.Hash() {
			t.Fatalf("%x and %x for the same set", a.Hash(), b.Hash())
		}
		if a.Hash() == c.Hash() || a.Hash() == 0 {
			t.Fatalf("%x with and without %v", a.Hash(), list[0])
		}
	})
}

// The memory of one origin is bounded in spans, that of all in origins; what
// fills or touches what is there needs no room.
func TestSeenHasBounds(t *testing.T) {
	s := NewSeen(1, func(peer.Handle) uint64 { return 1 })
	dot := func(seq uint64) peer.Dot { return peer.Dot{Origin: 1, Seq: seq} }
	for i := range uint64(MaxSpans) {
		if d := dot(3 + 3*i); !s.Room(d) || !s.Mark(d, 0) {
			t.Fatalf("no room for span %d", i)
		}
	}
	for _, test := range []struct {
		why string
		dot peer.Dot
		ok  bool
	}{
		{"one more span", dot(1 << 20), false},
		{"the first missing one", dot(1), true},
		{"below a span", dot(2), true},
		{"above a span", dot(4), true},
		{"between two spans", dot(5), true},
		{"after the last", dot(3*MaxSpans + 1), true},
		{"one more origin", peer.Dot{Origin: 2, Seq: 1}, false},
	} {
		if got := s.Room(test.dot); got != test.ok {
			t.Errorf("%s: Room(%v) = %v", test.why, test.dot, got)
		}
	}
	if n := s.Skip(2, 5, 0); n != 0 {
		t.Errorf("%d messages of one more origin are given up", n)
	}
	var named []peer.Handle
	s.Handles(func(h peer.Handle) { named = append(named, h) })
	if !slices.Equal(named, []peer.Handle{1}) || s.Len() != 1 {
		t.Errorf("%d origins, named %v", s.Len(), named)
	}
}

// Origins are forgotten by when their newest message was broadcast, in whatever
// order that became known, and none too early or too late. What is left is as if the
// others had never been.
func TestSeenForgetsTheSilent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newSeen()
		s.most = rapid.IntRange(1, 4).Draw(t, "origins in a leaf")
		type life struct {
			seq  uint64
			born time.Duration
		}
		model := map[peer.Handle]life{}
		t.Repeat(map[string]func(*rapid.T){
			"speak": func(t *rapid.T) {
				h := peer.Handle(rapid.Uint32Range(1, 40).Draw(t, "origin"))
				born := time.Duration(rapid.IntRange(0, 1000).Draw(t, "born"))
				x := model[h]
				model[h] = life{x.seq + 1, max(x.born, born)}
				if rapid.Bool().Draw(t, "as a gap") {
					s.Skip(h, x.seq+1, born)
				} else {
					s.Mark(peer.Dot{Origin: h, Seq: x.seq + 1}, born)
				}
			},
			"forget": func(t *rapid.T) {
				before := time.Duration(rapid.IntRange(0, 1000).Draw(t, "before"))
				gone := map[peer.Handle]bool{}
				s.Forget(before, func(h peer.Handle) { gone[h] = true })
				for h, x := range model {
					if gone[h] != (x.born < before) {
						t.Fatalf("before %d: %d of %d is gone: %v", before, h, x.born, gone[h])
					}
				}
				for h := range gone {
					delete(model, h)
				}
				if s.Oldest() < before && len(model) > 0 {
					t.Fatalf("the oldest would be of %d, before %d", s.Oldest(), before)
				}
			},
			"": func(t *rapid.T) {
				fresh := newSeen()
				for h, x := range model {
					fresh.Skip(h, x.seq, x.born)
					if born, known := s.Born(h); !known || born != x.born || s.Oldest() > born {
						t.Fatalf("%d is of %d, %v, the oldest of %d; want %d", h, born, known, s.Oldest(), x.born)
					}
				}
				if s.Hash() != fresh.Hash() || s.Len() != len(model) || len(entriesBelow(t, s, Prefix{})) != len(model) {
					t.Fatalf("%d origins with hash %x, want %d with %x", s.Len(), s.Hash(), len(model), fresh.Hash())
				}
				if len(model) == 0 && s.Oldest() != Never {
					t.Fatalf("nobody is left, and the oldest is of %d", s.Oldest())
				}
			},
		})
	})
}

// No number leads beyond the highest there is, whoever says it.
func TestNoNumberBeyondTheHighest(t *testing.T) {
	for _, seq := range []uint64{peer.MaxSeq + 1, math.MaxUint64 - 1, math.MaxUint64} {
		s := newSeen()
		d := peer.Dot{Origin: 1, Seq: seq}
		if s.Room(d) || s.Mark(d, 0) || s.Len() != 0 {
			t.Errorf("%v was marked", d)
		}
		if got := s.Skip(1, seq, 0); got != peer.MaxSeq || s.Contiguous(1) != peer.MaxSeq {
			t.Errorf("Skip(%d) gives up %d, to %d", seq, got, s.Contiguous(1))
		}
		if s.Mark(peer.Dot{Origin: 1, Seq: s.Contiguous(1) + 1}, 0) {
			t.Error("one more was marked")
		}
	}
	s := newSeen()
	s.Mark(peer.Dot{Origin: 1, Seq: peer.MaxSeq}, 0)
	if holes := s.AppendHoles(nil, 1, peer.MaxSeq); len(holes) != 1 || holes[0] != (Span{1, peer.MaxSeq - 1}) {
		t.Errorf("holes %v", holes)
	}
}
