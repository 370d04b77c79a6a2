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

// crowdedOut is a story in which two more messages are expected than make a crowd, and all but
// these two have come.
func crowdedOut(t *testing.T) *world {
	w := story(t, Causal, monologue(crowdSize+2), 0, 0)
	for i := range crowdSize + 2 {
		w.announce(w.links[1], i)
	}
	for i := range crowdSize {
		w.bring(w.links[0], i, false)
	}
	return w
}

// Where messages turn out to be later than they were when one was announced, that one has
// as much time as they.
func TestTheAnnouncedIsGivenWhatOthersTake(t *testing.T) {
	w := crowdedOut(t)
	w.wait(patienceOfMany * 3 / 4)
	w.bring(w.links[0], crowdSize, false)
	w.wait(patienceOfMany / 4)
	w.wantFlight(t, "the one before it has taken nearly as long")
	if want := patienceOfMany * 3 / 2; w.buf.Deadline() != want {
		t.Errorf("it is asked for at %v, want %v", w.buf.Deadline(), want)
	}
	w.wait(patienceOfMany / 2)
	w.wantFlight(t, "twice what the one before it has taken", asksFor(w.links[1], X, crowdSize+2))
}

// That is so even where others take longer than anybody would go on asking.
func TestTheAnnouncedMayTakeLongerThanIsAsked(t *testing.T) {
	w := crowdedOut(t)
	w.buf.cfg.Graft = testGiveUp
	w.now += 2*testGiveUp - 1
	w.bring(w.links[0], crowdSize, false)
	w.wait(1)
	w.wantFlight(t, "the one before it has taken as long")
	if w.buf.Deadline() <= w.now {
		t.Errorf("the deadline %v has passed at %v, and nothing is done about it", w.buf.Deadline(), w.now)
	}
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
	if len(w.grafts) != 0 || w.buf.patience(w.now) <= testGraft {
		t.Errorf("grafted %v, patience %v; the tree brought it after all, and deserves more", w.grafts, w.buf.patience(w.now))
	}
	w.announce(other, 1)
	w.wait(w.buf.patience(w.now))
	w.answer(0)
	w.wait(w.buf.patience(w.now) - 1)
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
		if got := w.buf.patience(w.now); got < test.least || got > test.most {
			t.Errorf("%s: patience %v, want %v to %v", test.why, got, test.least, test.most)
		}
		w.checkEmpty()
	}
}

// patienceOfMany is how long is waited in a crowd at least.
const patienceOfMany = leastInCrowd * testGraft

// How late messages are where many are expected says nothing of one by itself.
func TestPatienceInACrowd(t *testing.T) {
	w := story(t, Unordered, monologue(2*crowdSize), 0, 0)
	for i := range 2 * crowdSize {
		w.announce(w.links[1], i)
	}
	if got := w.buf.patience(w.now); got != patienceOfMany {
		t.Errorf("patience %v where nothing is known, want %v", got, patienceOfMany)
	}
	w.now += patienceOfMany - 1
	for i := crowdSize; i < 2*crowdSize; i++ {
		w.bring(w.links[0], i, false)
	}
	if got, want := w.buf.patience(w.now), 2*(patienceOfMany-1); got != want {
		t.Errorf("patience %v where %d are expected, want %v", got, crowdSize, want)
	}
	w.bring(w.links[0], 0, false)
	w.bring(w.links[0], 1, false)
	if got := w.buf.patience(w.now); got > 2*(patienceOfMany-1) {
		t.Errorf("patience %v where fewer are expected", got)
	}
	for i := 2; i < crowdSize; i++ {
		w.bring(w.links[0], i, false)
	}
	w.checkEmpty()
}

// It takes fewer long messages than short ones to wait for each other, but more than one.
func TestFewLongMessagesAreACrowd(t *testing.T) {
	for _, test := range []struct{ size, want int }{
		{0, crowdSize}, {256, 61}, {1 << 10, 52}, {heavy, crowdSize / 2}, {64 << 10, 4}, {1 << 20, 2}, {1 << 40, 2},
	} {
		var e expected
		e.noteNew(0, 10<<20) // long ago
		for range 20 * sizeMemory {
			e.noteNew(0, test.size)
		}
		for e.crowd(time.Hour) == 0 {
			e.announced++
		}
		if e.announced != test.want {
			t.Errorf("%d of %d bytes are a crowd, want %d", e.announced, test.size, test.want)
		}
	}
}

// There is a crowd as long as there was one a moment ago and messages come.
func TestALullIsNoEnd(t *testing.T) {
	const lullTime, gap, tick = lull * testGraft, trial * testGraft, trial * testGraft / 7
	const began = time.Hour
	for _, test := range []struct {
		why    string
		every  time.Duration // messages come so often
		crowds time.Duration // and there are too many for so long
		until  time.Duration // there is a crowd
	}{
		{"never", gap, 0, 0},
		{"they come on", gap, 10 * time.Second, 10*time.Second + lullTime},
		{"nothing comes", time.Hour, 10 * time.Second, 10 * time.Second},
		{"nothing comes any more", time.Hour, gap / 2, gap},
		{"they come on for long", gap, time.Minute, time.Minute + lullTime},
	} {
		w := story(t, Causal, monologue(1), 0)
		e := &w.buf.wants.expected
		var last time.Duration
		e.crowds.newAt = began
		for now := time.Duration(began); now < began+2*time.Minute; now += tick {
			e.announced = 0
			if now < began+test.crowds {
				e.announced = crowdSize
			}
			e.noteCrowd(now)
			if now >= e.crowds.newAt+test.every {
				e.crowds.newAt = now
			}
			if e.crowd(now) == 1 {
				last = now - began
			}
		}
		if last > test.until || last < test.until-tick {
			t.Errorf("%s: a crowd until %v, want %v", test.why, last, test.until)
		}
	}
}

// In a lull little is expected, and is waited for as if it were much.
func TestPatienceInALull(t *testing.T) {
	w := crowdedOut(t)
	if got := w.buf.patience(w.now); got != patienceOfMany {
		t.Errorf("patience %v where there was a crowd a moment ago, want %v", got, patienceOfMany)
	}
	w.now += trial*testGraft + 1
	if got := w.buf.patience(w.now); got != testGraft {
		t.Errorf("patience %v where nothing came since, want %v", got, testGraft)
	}
}

// A message is one of a crowd also if that has come together since it was announced: the first
// of many waits in the same queues as those after it.
func TestTheFirstOfACrowd(t *testing.T) {
	w := story(t, Causal, monologue(crowdSize+2), 0, 0)
	for i := range crowdSize + 1 {
		w.announce(w.links[1], i)
	}
	w.now += testGraft - 1
	w.announce(w.links[1], crowdSize+1)
	w.bring(w.links[0], crowdSize, false) // of the crowd, and took nearly as long as is waited
	w.wait(1)
	w.wantFlight(t, "it takes longer now")
	w.wait(patienceOfMany - testGraft)
	if len(w.flight) != leastPlaces+1 {
		t.Errorf("%d are asked for, want as many as there are places, %d, and what the last one waits for", len(w.flight), leastPlaces)
	}
}

// In a crowd the answer waits in queues as well, and nobody else is asked meanwhile: all of
// them would send the message. There is an end to that, however late messages are.
func TestNobodyElseIsAskedWhileTheAnswerWaits(t *testing.T) {
	for _, test := range []struct {
		why        string
		late, want time.Duration
	}{
		{"not late", 0, max(testRetry, patienceOfMany)},
		{"late", 3 * time.Second, 6 * time.Second},
		{"an hour late", time.Hour, mostInCrowd * testGraft},
	} {
		w := story(t, Unordered, monologue(crowdSize+2), 0, 0, 0)
		w.buf.wants.giveUp = time.Hour
		for i := range crowdSize + 2 {
			w.announce(w.links[1], i)
		}
		w.now += test.late
		w.bring(w.links[0], crowdSize, false)
		for w.flight == nil {
			w.now = w.buf.Deadline()
			w.poll()
		}
		asked := w.now
		for w.flight = nil; w.flight == nil; w.poll() {
			w.now = w.buf.Deadline()
		}
		if got := w.now - asked; got != test.want {
			t.Errorf("%s: the next was asked after %v, want %v", test.why, got, test.want)
		}
	}
}

// What was late long ago is forgotten, even if nothing is announced before it
// comes any more: but not by many messages within a moment.
func TestPatienceEnds(t *testing.T) {
	const memory, memoryTime = 256, 5 * time.Second // of a broadcast.Lateness
	for _, test := range []struct {
		why         string
		every       time.Duration
		least, most time.Duration
	}{
		{"all at once", 0, 2 * time.Second, 2 * time.Second},
		{"a thousand within a second", time.Millisecond, 16 * time.Second / 10, 17 * time.Second / 10},
		{"a thousand within twenty", 4 * memoryTime / (4*memory - 1), testGraft, testGraft},
		{"one every minute", time.Minute, testGraft, testGraft},
	} {
		w := story(t, Unordered, monologue(4*memory), 0, 0)
		w.announce(w.links[1], 0)
		w.now += time.Second
		for i := range 4 * memory {
			w.bring(w.links[0], i, false)
			w.now += test.every
		}
		if got := w.buf.patience(w.now); got < test.least || got > test.most {
			t.Errorf("%s: patience %v after %d messages that were not late", test.why, got, 4*memory-1)
		}
	}
}

// Where the tree is late, what was announced is waited for; but not while others wait for it
// that take much room, for whoever brought them has it.
func TestMuchThatIsHeldBackDoesNotWaitForTheTree(t *testing.T) {
	const long = 1 << 20 / pressedAt / 2 // as much as story has room for
	w := story(t, Causal, func(h *history) {
		for i := range 5 {
			h.send(X, map[bool]int{true: long}[i > 1])
		}
	}, 0, 0)
	w.announce(w.links[1], 0)
	w.now += 2 * testGraft
	w.bring(w.links[0], 0, false)
	if got := w.buf.patience(w.now); got != 4*testGraft {
		t.Fatalf("patience is %v after one that was late by %v", got, 2*testGraft)
	}
	w.announce(w.links[1], 1)
	w.bring(w.links[0], 2, false)
	w.wait(testGraft)
	w.wantFlight(t, "one waits for it, and there is room for many")
	w.bring(w.links[0], 3, false)
	w.poll()
	w.wantFlight(t, "two wait", asksFor(w.links[1], X, 2))
	w.settle()
	w.wantHad(t, "it came", 4)
	w.bring(w.links[0], 4, false)
	w.checkEmpty()
}

// Whoever did not have a message when asked, and announces it later, is asked again.
func TestWhoHadNothingAndAnnouncesItIsAskedAgain(t *testing.T) {
	w := story(t, Causal, monologue(2), 0)
	w.bring(w.links[0], 1, false)
	w.poll()
	w.wantFlight(t, "x2 needs x1", asksFor(w.links[0], X, 1))
	w.flight = nil
	w.buf.Denied(w.now, 1, broadcast.GoneEntry{Dot: peer.Dot{Origin: X, Seq: 1}})
	w.wait(2 * testRetry)
	w.wantFlight(t, "nobody has it")
	w.announce(w.links[0], 0)
	w.wait(testRetry)
	w.wantFlight(t, "it says that it has it", asksFor(w.links[0], X, 1))
	w.settle()
	w.wantHad(t, "it came", 2)
	w.checkEmpty()
}

// What is old is on its way to nobody any more: that a neighbour has not had it either is no
// reason to wait.
func TestWhoHadNothingDoesNotGetWhatIsOld(t *testing.T) {
	w := story(t, FIFO, monologue(2), 1, 0)
	w.links[1].known = 0
	w.wait(3 * lackTurns * testRetry)
	w.bring(w.links[0], 1, false)
	w.poll()
	first := peer.Dot{Origin: X, Seq: 1}
	w.buf.Denied(w.now, 1, broadcast.GoneEntry{Dot: first, UpTo: 1, Age: 2 * lackTurns * testRetry})
	w.poll()
	w.buf.Denied(w.now, 2, broadcast.GoneEntry{Dot: first})
	w.wait(1)
	w.wantGaps(t, "nobody waits for it", Gap{Origin: X, From: 1, To: 1})
	w.wantHad(t, "what waited for it is delivered", 1)
}

// A message has left one neighbour's log, and another has not had it: that one may be as late
// as this node, and is waited for. If it does not get it, there is a gap.
func TestWhoHadNothingMayGetIt(t *testing.T) {
	for _, gets := range []bool{true, false} {
		w := story(t, FIFO, monologue(2), 1, 0)
		w.links[1].known = 0
		w.bring(w.links[0], 1, false)
		w.poll()
		first := peer.Dot{Origin: X, Seq: 1}
		w.buf.Denied(w.now, 1, broadcast.GoneEntry{Dot: first, UpTo: 1})
		w.poll()
		w.buf.Denied(w.now, 2, broadcast.GoneEntry{Dot: first})
		w.wait(lackTurns*testRetry - 1)
		w.wantGaps(t, "it may still come")
		if gets {
			w.bring(w.links[1], 0, false)
			w.wantHad(t, "it came", 2)
			continue
		}
		w.wait(testRetry)
		w.wantGaps(t, "it did not come", Gap{Origin: X, From: 1, To: 1})
		w.wantHad(t, "what waited for it is delivered", 1)
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
