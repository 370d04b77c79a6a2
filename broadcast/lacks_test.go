package broadcast

import (
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// What a link remembers of its peer's digest is bounded, whatever the peer says; and
// where that leaves something out, the peer is sent what it may have had, never the
// other way round.
func TestLacksAreBounded(t *testing.T) {
	const most = 32
	place := func(o peer.Handle) uint64 { return uint64(o) << 48 }
	l := newLacks(most)
	for o := range peer.Handle(100) { // each a group of its own
		l.all(Prefix{place(o), 4})
	}
	for o := range peer.Handle(100) {
		l.but(&DigestEntry{Origin: o, Contiguous: 2, Spans: []Span{{4, 4}, {6, 6}, {8, 8}, {10, 10}, {12, 12}}}, false)
	}
	for o := range peer.Handle(100) {
		l.ask(Prefix{place(o), 4})
	}
	if l.size() > most || l.size() < most-1 {
		t.Errorf("%d groups, %d origins, %d spans and %d questions are remembered, want %d in all", len(l.groups), len(l.had), l.spans, len(l.pending), most)
	}
	known := 0
	for o := range peer.Handle(100) {
		for _, seq := range []uint64{3, 5, 13} { // of what it has not had
			if !l.has(place(o), peer.Dot{Origin: o, Seq: seq}) {
				t.Fatalf("message %d of origin %d counts as had", seq, o)
			}
		}
		if !l.has(place(o), peer.Dot{Origin: o, Seq: 1}) {
			known++
		}
	}
	if known != len(l.had) || known < most/8 {
		t.Errorf("of %d origins it is known what was had, %d are listed, want %d", known, len(l.had), most/8)
	}
}

// All spans together are bounded as those of one origin are; and what was refused for
// that fits again when a hole has been filled.
func TestSpansHaveABoundInAll(t *testing.T) {
	s := newSeen()
	taken := 0
	for o := peer.Handle(1); o <= 8; o++ {
		for seq := uint64(2); s.Room(peer.Dot{Origin: o, Seq: seq}) && seq < 10_000; seq += 2 {
			s.Mark(peer.Dot{Origin: o, Seq: seq}, 0)
			taken++
		}
	}
	if taken != s.maxSpans() || s.spans != taken {
		t.Errorf("%d spans were taken and %d are counted, want %d", taken, s.spans, s.maxSpans())
	}
	if s.Room(peer.Dot{Origin: 9, Seq: 2}) || !s.Room(peer.Dot{Origin: 9, Seq: 1}) {
		t.Error("a new origin is welcome with its first message, and only with that")
	}
	s.Mark(peer.Dot{Origin: 1, Seq: 1}, 0)
	if !s.Room(peer.Dot{Origin: 9, Seq: 2}) {
		t.Error("a span was absorbed, and there is no room for another one")
	}
	s.Skip(2, 10_000, 0)
	s.Forget(1, func(peer.Handle) {})
	if s.spans != 0 {
		t.Errorf("%d spans are counted when all origins are forgotten", s.spans)
	}
}
