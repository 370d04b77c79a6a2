package causal

import (
	"slices"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// wait lets time pass and polls.
func (w *world) wait(d time.Duration) {
	w.now += d
	w.poll()
}

func asksFor(l *link, origin peer.Handle, seq uint64) request {
	return request{l, broadcast.WantEntry{Dot: peer.Dot{Origin: origin, Seq: seq}}}
}

// What was announced and comes by itself in time is never asked for.
func TestTheAnnouncedComesByItself(t *testing.T) {
	w := story(t, Causal, monologue(2), 0, 0)
	w.announce(w.links[1], 0)
	w.announce(w.links[1], 1)
	w.wait(testGraft - 1)
	w.wantFlight(t, "it may be on its way")
	w.bring(w.links[0], 0, false)
	w.bring(w.links[0], 1, false)
	w.wait(time.Minute)
	w.wantFlight(t, "it has come")
	w.wantHad(t, "both", 2)
	w.checkEmpty()
}

// What does not come is asked for: of who announced it first, then of the others
// who did, then of whoever there is.
func TestTheAnnouncedIsAskedForWhenItIsLate(t *testing.T) {
	w := story(t, Causal, monologue(1), 0, 0, 0)
	w.announce(w.links[2], 0)
	w.announce(w.links[1], 0)
	w.announce(w.links[1], 0) // says it twice
	w.wait(testGraft)
	for _, l := range []*link{w.links[2], w.links[1], w.links[0]} {
		w.wantFlight(t, "nobody answers", asksFor(l, X, 1))
		w.flight = nil
		w.wait(testRetry)
	}
	w.settle()
	w.wantHad(t, "it came", 1)
	w.checkEmpty()
}

// A message that comes because it was asked for is not counted as late for ever:
// if the tree brings it after all, the tree is slow, and is waited for longer; if
// it does not, the link that did is grafted.
func TestPulledMessagesTellSlowFromBroken(t *testing.T) {
	w := story(t, Causal, monologue(2), 0, 0)
	tree, other := w.links[0], w.links[1]
	w.announce(other, 0)
	w.wait(testGraft)
	w.answer(0)
	w.wantHad(t, "pulled", 1)
	w.wait(testGraft - 1)
	w.bring(tree, 0, false)
	w.wait(time.Minute)
	if len(w.grafts) != 0 || w.buf.patience() <= testGraft {
		t.Errorf("grafted %v, patience %v; the tree brought it after all, and deserves more", w.grafts, w.buf.patience())
	}
	w.announce(other, 1)
	w.wait(w.buf.patience())
	w.answer(0)
	w.wait(w.buf.patience() - 1)
	if len(w.grafts) != 0 {
		t.Errorf("grafted %v before the tree had its time", w.grafts)
	}
	w.wait(1)
	w.wait(time.Minute)
	if !slices.Equal(w.grafts, []broadcast.LinkID{other.id}) {
		t.Errorf("grafted %v, want the link that brought it, once", w.grafts)
	}
	w.checkEmpty()
}

// Patience follows what announcements are ahead by, and has its bounds.
func TestPatience(t *testing.T) {
	for _, test := range []struct {
		why         string
		late        []time.Duration // one after the other, fifty times
		least, most time.Duration
	}{
		{"nothing known", nil, testGraft, testGraft},
		{"a tree that is hardly behind", []time.Duration{time.Millisecond}, testGraft, testGraft},
		{"a slow tree", []time.Duration{time.Second}, 2 * time.Second, 2 * time.Second},
		{"one that is slow for some", []time.Duration{time.Second, 50 * time.Millisecond, 0, 100 * time.Millisecond}, 19 * time.Second / 10, 2 * time.Second},
		{"a minute without links", []time.Duration{time.Minute}, mostPatience * testGraft, mostPatience * testGraft},
	} {
		w := story(t, Causal, monologue(50*max(1, len(test.late))), 0, 0)
		for i := range 50 * len(test.late) {
			w.announce(w.links[1], i)
			w.now += test.late[i%len(test.late)]
			w.bring(w.links[0], i, false)
		}
		if got := w.buf.patience(); got < test.least || got > test.most {
			t.Errorf("%s: patience %v, want %v to %v", test.why, got, test.least, test.most)
		}
		w.checkEmpty()
	}
}

// What was late long ago is forgotten, even if nothing is announced before it
// comes any more.
func TestPatienceEnds(t *testing.T) {
	w := story(t, Unordered, monologue(4*memory), 0, 0)
	w.announce(w.links[1], 0)
	w.now += time.Second
	for i := range 4 * memory {
		w.bring(w.links[0], i, false)
	}
	if got := w.buf.patience(); got != testGraft {
		t.Errorf("patience %v after %d messages that were not late", got, 4*memory-1)
	}
}

// A link that may have been about to bring things is gone: what was announced is
// asked for at once, and whoever has announced it is to bring messages from now
// on. Whoever else is asked is not.
func TestHasten(t *testing.T) {
	w := story(t, Causal, monologue(3), 0, 0)
	w.announce(w.links[0], 1)
	w.bring(w.links[0], 2, false) // waits for x2, which waits to be asked for
	w.buf.Hasten(w.now)
	w.poll()
	w.wantFlight(t, "at once", asksFor(w.links[0], X, 2))
	if !slices.Equal(w.grafts, []broadcast.LinkID{1}) {
		t.Errorf("grafted %v, want link 1", w.grafts)
	}
	w.flight = nil
	w.wait(testRetry)
	w.wantFlight(t, "no answer", asksFor(w.links[1], X, 2))
	w.settle()
	if len(w.grafts) != 1 {
		t.Errorf("grafted %v; link 2 was only asked", w.grafts)
	}
	w.wantHad(t, "all", 3)
	w.checkEmpty()
}

// What is known, held or expected already makes no new entry; what cannot be, or
// could not be kept, none at all.
func TestAnnouncementsThatChangeNothing(t *testing.T) {
	w := story(t, FIFO, monologue(3), 0)
	w.bring(w.links[0], 0, false)
	w.bring(w.links[0], 2, false) // held
	w.announce(w.links[0], 1)     // asked for: x3 waits for it
	for range 2 {
		for i := range 3 {
			w.announce(w.links[0], i)
		}
		w.buf.Announced(w.now, peer.Dot{Origin: X}, 1)
	}
	if len(w.buf.wants.list) != 1 || w.buf.wants.announced != 0 {
		t.Errorf("%d entries, %d of them announced; want the one that x3 waits for", len(w.buf.wants.list), w.buf.wants.announced)
	}
	w.buf.seen = broadcast.NewSeen(0, func(peer.Handle) uint64 { return 0 })
	if w.buf.Announced(w.now, peer.Dot{Origin: Z, Seq: 1}, 1); len(w.buf.wants.list) != 1 {
		t.Error("a message that could not be kept is expected")
	}
}

// A message that was asked for anyhow, but not yet, is asked for sooner when
// somebody says that he has it.
func TestAnAnnouncementSpeedsUp(t *testing.T) {
	w := story(t, Unordered, monologue(2), 0)
	w.bring(w.links[0], 1, false) // x1 is asked for after Retry
	w.announce(w.links[0], 0)
	w.wait(testGraft)
	w.wantFlight(t, "it is not on its way", asksFor(w.links[0], X, 1))
}

// Announcing is cheap for a liar, so what it leads to is bounded; and what those
// who announced it have never had is forgotten, unless it is needed.
func TestLies(t *testing.T) {
	w := story(t, FIFO, monologue(2), 0, 0)
	lie := func(i uint64) bool {
		return w.buf.Announced(w.now, peer.Dot{Origin: Y, Seq: peer.MaxSeq - i}, 1)
	}
	for i := range uint64(maxAnnounced) {
		if !lie(i) {
			t.Fatalf("%d announcements are too many", i)
		}
	}
	if lie(maxAnnounced) || lie(maxAnnounced+1) || len(w.buf.wants.list) != maxAnnounced {
		t.Errorf("%d are expected, the bound is %d", len(w.buf.wants.list), maxAnnounced)
	}
	if !lie(0) {
		t.Error("what is expected already is too much")
	}
	for id := broadcast.LinkID(2); id < 30; id++ {
		w.buf.Announced(w.now, peer.Dot{Origin: Y, Seq: peer.MaxSeq}, id)
	}
	w.checkBounds()
	w.wait(testGraft)
	if len(w.flight) != maxAnnounced {
		t.Fatalf("asked for %d", len(w.flight))
	}
	for _, r := range w.flight {
		w.buf.Denied(w.now, r.link.id, broadcast.GoneEntry{Dot: r.want.Dot})
	}
	w.flight = nil
	if w.poll(); len(w.buf.wants.list) != 1 {
		t.Errorf("%d are still expected, want the one that others have announced too", len(w.buf.wants.list))
	}
	w.announce(w.links[1], 0)
	w.bring(w.links[0], 1, false) // x2, which needs x1
	w.links[1].known = 0
	w.flight = nil
	w.settle()
	w.wantHad(t, "x1 was asked of the other link as well", 2)
	w.checkEmpty()
}

// What is needed is asked for on, even if those who announced it have it not.
func TestALieThatIsNeeded(t *testing.T) {
	w := story(t, FIFO, monologue(2), 0)
	w.announce(w.links[0], 0)
	w.buf.Add(w.now, w.message(w.h.list[1], false), false, 1)
	w.links[0].known = 0
	w.wait(testGraft)
	w.answer(0)
	w.poll()
	if w.buf.Len() != 1 || len(w.buf.wants.list) != 1 {
		t.Errorf("%d are held, %d asked for", w.buf.Len(), len(w.buf.wants.list))
	}
	w.settle()
	w.checkEmpty()
	if w.buf.Stats.Forgotten != 1 || w.now < testGiveUp {
		t.Errorf("%d were forgotten at %v, want x2 when there was no hope", w.buf.Stats.Forgotten, w.now)
	}
}

// What was announced has left the log before it was asked for. If nobody has it
// any more it is a gap, like anything else; if somebody has, it is none.
func TestTheAnnouncedIsGone(t *testing.T) {
	for _, order := range []Order{Causal, FIFO, Unordered} {
		w := story(t, order, monologue(4), 0, 0)
		for i := range 4 {
			w.announce(w.links[0], i)
		}
		w.links[0].cut, w.links[1].cut = 3, 2
		w.settle()
		w.wantGaps(t, order.String()+": nobody has the first two", Gap{Origin: X, From: 1, To: 2})
		w.wantHad(t, order.String()+": the others came", 2)
		w.checkEmpty()
	}
}

// What was pulled is remembered for a while only, and not too much of it.
func TestPulledMessagesAreForgotten(t *testing.T) {
	w := story(t, Causal, monologue(2*maxPulled), 0)
	for i := range 2 * maxPulled {
		w.announce(w.links[0], i)
	}
	w.wait(testGraft)
	for len(w.flight) > 0 {
		w.answer(0)
	}
	if n := len(w.buf.wants.pulled); n != maxPulled {
		t.Errorf("%d are remembered, the bound is %d", n, maxPulled)
	}
	w.settle()
	w.checkEmpty()
}

// What is forgotten for want of room is expected on, if it was announced: it has
// not come any nearer by what waited for it.
func TestForgettingLeavesWhatWasAnnounced(t *testing.T) {
	w := story(t, FIFO, monologue(2), 0)
	w.announce(w.links[0], 0)
	w.bring(w.links[0], 1, false)
	w.buf.forgetAll([]*held{w.buf.held[peer.Dot{Origin: X, Seq: 2}]})
	if w.buf.Len() != 0 || len(w.buf.wants.list) != 1 {
		t.Errorf("%d are held, %d expected; want x1 to be expected", w.buf.Len(), len(w.buf.wants.list))
	}
	w.settle()
	w.wantHad(t, "x1", 1)
}
