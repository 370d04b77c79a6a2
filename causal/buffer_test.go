package causal

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// Origins of the stories: X and Y talk to each other, Z to whoever.
const (
	X = peer.Handle(1 + iota)
	Y
	Z
)

// story makes a world of a history of three origins.
func story(t *testing.T, order Order, tell func(h *history), cuts ...int) *world {
	t.Helper()
	h := newHistory(3)
	tell(h)
	w := newWorld(func(format string, args ...any) { t.Helper(); t.Errorf(format, args...) }, order, h, 1<<20, cuts...)
	w.strict = true
	return w
}

// chain lets X and Y answer each other: x1, y1, x2, y2, ...
func chain(n int) func(*history) {
	return func(h *history) {
		for i := range n {
			s := h.send(X+peer.Handle(i%2), 0)
			h.learn(X, s)
			h.learn(Y, s)
		}
	}
}

// monologue lets X send n messages.
func monologue(n int) func(*history) {
	return func(h *history) {
		for range n {
			h.send(X, 0)
		}
	}
}

func (w *world) wantFlight(t *testing.T, why string, want ...request) {
	t.Helper()
	if !slices.Equal(w.flight, want) {
		t.Errorf("%s: asked for %v, want %v", why, w.flight, want)
	}
}

func (w *world) wantHad(t *testing.T, why string, n int) {
	t.Helper()
	if len(w.had) != n {
		t.Errorf("%s: %d are delivered, want %d", why, len(w.had), n)
	}
}

// wantGaps compares the gaps but for their times.
func (w *world) wantGaps(t *testing.T, why string, want ...Gap) {
	t.Helper()
	got := slices.Clone(w.gaps)
	for i := range got {
		got[i].Born = 0
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s: gaps %v, want %v", why, got, want)
	}
}

// C1: the last word of a conversation comes first. One thing is asked for, and
// asked of who brought it; the rest follows from what comes.
func TestAConversationBackwards(t *testing.T) {
	w := story(t, Causal, chain(6), 0, 0)
	w.bring(w.links[1], 5, false)
	w.poll()
	w.wantFlight(t, "y3 needs x3", request{w.links[1], broadcast.WantEntry{Dot: peer.Dot{Origin: X, Seq: 3}}})
	w.answer(0)
	w.poll()
	w.wantFlight(t, "x3 needs y2", request{w.links[1], broadcast.WantEntry{Dot: peer.Dot{Origin: Y, Seq: 2}}})
	w.wantHad(t, "nothing can be told yet", 0)
	w.settle()
	w.wantHad(t, "x1 came, and with it all", 6)
	w.checkEmpty()
	if b := w.buf; b.Stats.Held != 5 || b.Len() != 0 {
		t.Errorf("held %d in all and %d now, want 5 and 0", b.Stats.Held, b.Len())
	}
}

// What is held back already is not asked for.
func TestNothingIsAskedForThatIsHere(t *testing.T) {
	w := story(t, Causal, chain(3), 0)
	w.bring(w.links[0], 2, false)
	w.bring(w.links[0], 1, false)
	w.poll()
	w.wantFlight(t, "only x1 is missing", request{w.links[0], broadcast.WantEntry{Dot: peer.Dot{Origin: X, Seq: 1}}})
}

// A wanted message that comes by itself is not waited for any more.
func TestTheWantedComesByItself(t *testing.T) {
	w := story(t, Causal, chain(2), 0, 0)
	w.bring(w.links[0], 1, false)
	w.bring(w.links[1], 0, false)
	w.wantHad(t, "x1 was all that y1 waited for", 2)
	if d := w.buf.Deadline(); d != broadcast.Never {
		t.Errorf("the deadline is %v although nothing is wanted", d)
	}
	w.checkEmpty()
}

// C4 and C5: the buffer is full of messages that wait for one, and that one
// comes. Were it refused for want of room, nothing would move until all had
// been forgotten.
func TestAFullBufferTakesWhatItWaitsFor(t *testing.T) {
	for _, withClock := range []bool{false, true} {
		w := story(t, Causal, monologue(10), 0)
		w.buf.cfg.HoldBytes = 3 * w.message(w.h.list[1], false).Size()
		for i := 1; i < 10; i++ {
			w.bring(w.links[0], i, false)
		}
		if b := w.buf; b.Len() != 3 || b.Stats.NoRoom != 6 {
			t.Fatalf("%d are held, %d found no room, want 3 and 6", b.Len(), b.Stats.NoRoom)
		}
		if !w.bring(w.links[0], 0, withClock) {
			t.Errorf("with clock %v: the message that all others wait for was refused", withClock)
		}
		w.wantHad(t, "x1 and the three that waited for it", 4)
		w.checkEmpty()
	}
}

// C4: what found no room comes again, and is let in then.
func TestRefusedMessagesComeAgain(t *testing.T) {
	w := story(t, Causal, monologue(6), 0)
	w.buf.cfg.HoldBytes = 300
	w.bring(w.links[0], 5, false)
	w.bring(w.links[0], 4, false) // no room, though x6 waits for it
	w.settle()
	w.wantGaps(t, "x5 found no room: that is no gap, for it can be had")
	w.checkEmpty()
	w.reconcile(w.links[0])
	w.wantHad(t, "in order they need no room", 6)
}

// C5: what has left every log is a gap. The message after it has a past that
// only its clock tells, so the clock is asked for.
func TestAGapIsReportedAndItsClockAskedFor(t *testing.T) {
	w := story(t, Causal, chain(6), 5, 4)
	w.bring(w.links[0], 5, false) // y3; x3 is left with link 2 alone
	w.poll()
	w.answer(0)
	w.wantHad(t, "link 1 has dropped x3; link 2 is yet to be asked", 0)
	w.poll()
	w.wantFlight(t, "the other link", request{w.links[1], broadcast.WantEntry{Dot: peer.Dot{Origin: X, Seq: 3}}})
	w.settle()
	w.wantHad(t, "x3 and y3 could be had", 2)
	w.wantGaps(t, "all before them could not", Gap{Origin: Y, From: 1, To: 2}, Gap{Origin: X, From: 1, To: 2})
	w.checkEmpty()
	if b := w.buf; b.Stats.Gaps != 2 || b.Stats.GapMessages != 4 {
		t.Errorf("%d gaps of %d messages are counted", b.Stats.Gaps, b.Stats.GapMessages)
	}
}

// Two links have dropped different amounts. Only what both have dropped is
// gone: the rest can still be had from one of them.
func TestAGapIsNoLongerThanAllLinksSay(t *testing.T) {
	w := story(t, FIFO, monologue(10), 8, 4)
	w.bring(w.links[0], 8, false) // x9
	w.settle()
	w.wantGaps(t, "x1 to x4 have left both logs", Gap{Origin: X, From: 1, To: 4})
	w.wantHad(t, "x5 to x8 came from link 2", 5)
	w.checkEmpty()
}

// A gap ends where something is held back.
func TestAGapEndsBeforeWhatIsHeld(t *testing.T) {
	w := story(t, FIFO, monologue(6), 0)
	w.bring(w.links[0], 3, false)
	w.links[0].cut = 5 // everything up to x5 leaves the log meanwhile
	w.bring(w.links[0], 5, false)
	w.settle()
	w.wantGaps(t, "x4 is here, x5 is not", Gap{Origin: X, From: 1, To: 3}, Gap{Origin: X, From: 5, To: 5})
	w.wantHad(t, "x4 and x6", 2)
	w.checkEmpty()
}

// Two origins wait for gaps in each other's messages: y2 is held and waits for
// x2, x4 is held and waits for y3, and all of those are gone. The earlier gap
// has to be found first, whichever is asked for first.
func TestGapsThatWaitForEachOther(t *testing.T) {
	w := story(t, Causal, chain(8), 0) // x1 y1 x2 y2 x3 y3 x4 y4
	w.bring(w.links[0], 6, false)      // x4, waits for y3
	w.bring(w.links[0], 3, false)      // y2, waits for x2
	w.links[0].cut = 7                 // the log keeps y4 alone
	w.bring(w.links[0], 7, false)
	w.settle()
	w.checkEmpty()
	w.reconcile(w.links[0])
	w.checkEmpty()
	if !w.had[peer.Dot{Origin: Y, Seq: 4}] {
		t.Error("y4, which is in the log still, was not delivered")
	}
	for _, s := range w.h.list {
		if !w.seen.Has(s.dot) {
			t.Errorf("%v was neither delivered nor reported", s.dot)
		}
	}
}

// C4: nobody has ever heard of what a message depends on. After GiveUp it is
// forgotten, with all that waits for it, and may come again.
func TestWhatNobodyKnowsIsForgotten(t *testing.T) {
	w := story(t, Causal, chain(4), 0)
	w.links[0].known = 0
	for _, i := range []int{1, 2, 3} {
		w.buf.Add(w.now, w.message(w.h.list[i], false), false, w.links[0].id)
	}
	w.settle()
	w.checkEmpty()
	if w.buf.Stats.Forgotten != 3 || w.now < testGiveUp {
		t.Errorf("%d were forgotten at %v, want 3 after %v", w.buf.Stats.Forgotten, w.now, testGiveUp)
	}
	w.wantGaps(t, "nobody says that it ever was")
	w.links[0].known = 4
	w.reconcile(w.links[0])
	w.wantHad(t, "all came again", 4)
}

// Isolated, there is nobody to ask; that must not last for ever either.
func TestWithoutLinksItIsForgotten(t *testing.T) {
	w := story(t, Causal, chain(2), 0)
	w.bring(w.links[0], 1, false)
	w.links[0].up = false
	w.settle()
	w.checkEmpty()
}

// Links are asked one after the other, each once before any is asked twice, and
// who has said no is not asked again.
func TestWhoIsAsked(t *testing.T) {
	w := story(t, FIFO, monologue(3), 0, 0, 0)
	x2 := broadcast.WantEntry{Dot: peer.Dot{Origin: X, Seq: 2}}
	w.bring(w.links[2], 2, false)
	var asked []broadcast.LinkID
	for range 6 {
		w.poll()
		for _, r := range w.flight {
			asked = append(asked, r.link.id)
		}
		w.flight = nil // nobody answers
		w.now += testRetry
	}
	if want := []broadcast.LinkID{3, 1, 2, 3, 1, 2}; !slices.Equal(asked, want) {
		t.Errorf("asked links %v, want %v: first who brought it", asked, want)
	}
	w.buf.Denied(w.now, 3, broadcast.GoneEntry{Dot: x2.Dot})
	w.poll()
	w.wantFlight(t, "at once, and not link 3 again", request{w.links[0], x2})
}

// An answer that takes longer than all links take to be asked counts as well.
func TestALateDenialCounts(t *testing.T) {
	w := story(t, FIFO, monologue(3), 2, 2)
	x2 := peer.Dot{Origin: X, Seq: 2}
	gone := broadcast.GoneEntry{Dot: x2, UpTo: 2, Age: time.Minute}
	w.bring(w.links[0], 2, false)
	w.poll() // asks link 1
	w.now = testRetry
	w.poll() // asks link 2
	w.now = 2 * testRetry
	w.poll() // asks link 1 again
	w.now += testRetry / 2
	w.buf.Denied(w.now, 2, gone)
	w.buf.Denied(w.now, 1, gone)
	w.poll()
	w.wantGaps(t, "both have said no", Gap{Origin: X, From: 1, To: 2})
}

// A denial that nobody asked for means nothing.
func TestDenialsOutOfTheBlue(t *testing.T) {
	w := story(t, FIFO, monologue(3), 0, 0)
	w.bring(w.links[0], 2, false)
	w.poll()
	w.buf.Denied(w.now, 2, broadcast.GoneEntry{Dot: peer.Dot{Origin: X, Seq: 2}, UpTo: 1 << 60})
	w.buf.Denied(w.now, 1, broadcast.GoneEntry{Dot: peer.Dot{Origin: Z, Seq: 9}, UpTo: 1 << 60})
	w.poll()
	w.wantGaps(t, "link 2 was not asked, and nobody wants z9")
	w.settle()
	w.wantHad(t, "all came", 3)
}

// Outside FIFO and causal order nothing waits, but what was missed is asked for
// all the same, a little later, one hole after the other.
func TestUnorderedHolesAreFilled(t *testing.T) {
	w := story(t, Unordered, monologue(7), 0)
	for _, i := range []int{1, 3, 6} {
		w.bring(w.links[0], i, false)
	}
	w.wantHad(t, "delivered as they came", 3)
	w.poll()
	w.wantFlight(t, "they may be on their way")
	w.settle()
	w.wantHad(t, "all holes are filled", 7)
	w.checkEmpty()
}

// What can no longer be had is reported, and only that: a gap has no message in
// it that was delivered.
func TestUnorderedGapsLeaveOutWhatWasHad(t *testing.T) {
	w := story(t, Unordered, monologue(7), 5)
	w.bring(&link{id: 9}, 1, false) // x2 and x4 came by a link that is no more
	w.bring(&link{id: 9}, 3, false)
	w.bring(w.links[0], 6, false)
	w.settle()
	w.wantGaps(t, "x1, x3 and x5 are gone", Gap{Origin: X, From: 1, To: 1}, Gap{Origin: X, From: 3, To: 3}, Gap{Origin: X, From: 5, To: 5})
	w.wantHad(t, "the rest", 4)
	w.checkEmpty()
}

// No node makes a message that depends on itself; held back, it would stay for
// ever (C5).
func TestAMessageThatDependsOnItselfIsNotHeld(t *testing.T) {
	w := story(t, Causal, monologue(2), 0)
	for _, seq := range []uint64{2, 3} {
		m := &broadcast.Message{Dot: peer.Dot{Origin: X, Seq: 2}, Deps: []peer.Dot{{Origin: X, Seq: seq}}}
		if w.buf.Add(0, m, false, 1) != Refused {
			t.Errorf("x2, which depends on x%d, was taken", seq)
		}
	}
	if w.buf.Add(0, &broadcast.Message{Dot: peer.Dot{Origin: X}}, false, 1) != Refused {
		t.Error("a message numbered 0 was taken")
	}
	w.checkEmpty()
}

// A message that comes by several links is known to be known at all of them.
func TestTheLinksAMessageCameByAreHandedOn(t *testing.T) {
	w := story(t, Causal, chain(2), 0, 0)
	var from []broadcast.LinkID
	w.buf.log = logFunc(func(m *broadcast.Message, links []broadcast.LinkID) {
		if m.Dot.Origin == Y {
			from = slices.Clone(links)
		}
	})
	w.bring(w.links[0], 1, false)
	for range 2 {
		if w.bring(w.links[1], 1, false) {
			t.Error("a message that is held back was new again")
		}
	}
	for id := broadcast.LinkID(10); id < 30; id++ {
		w.bring(&link{id: id}, 1, false)
	}
	w.bring(w.links[0], 0, false)
	if want := []broadcast.LinkID{1, 2, 10, 11, 12, 13, 14, 15}; !slices.Equal(from, want) {
		t.Errorf("y1 came by %v, want the first %d links, each once", from, maxFrom)
	}
	if w.bring(w.links[1], 1, false) {
		t.Error("a delivered message was new again")
	}
}

type logFunc func(*broadcast.Message, []broadcast.LinkID)

func (logFunc) Get(peer.Dot) *broadcast.Message                         { return nil }
func (f logFunc) Deliver(m *broadcast.Message, from []broadcast.LinkID) { f(m, from) }

// C3: an own message depends on the heads, so on everything, and is then the
// only head.
func TestOriginateNamesTheHeads(t *testing.T) {
	w := story(t, Causal, func(h *history) { h.send(X, 0); h.send(Y, 0); h.send(Z, 0) }, 0)
	for i := range 3 {
		w.bring(w.links[0], i, false)
	}
	if m := w.originate(); len(m.Deps) != 3 || m.Clock.Len() != 4 {
		t.Errorf("%v depends on %v with clock %v, want all three origins", m.Dot, m.Deps, m.Clock)
	}
	if m := w.originate(); len(m.Deps) != 1 || m.Dot.Seq != 2 {
		t.Errorf("%v depends on %v, want the own message before alone", m.Dot, m.Deps)
	}
}

// Too many concurrent messages: the broadcast is refused and nothing changes.
func TestTooManyHeads(t *testing.T) {
	w := story(t, Causal, monologue(1), 0)
	w.buf.heads = make([]head, MaxDeps+1)
	if _, err := w.buf.Originate(0, w.h.self(), nil); !errors.Is(err, ErrTooManyHeads) {
		t.Errorf("Originate with %d heads: %v, want ErrTooManyHeads", len(w.buf.heads), err)
	}
	if w.seen.Len() != 0 || len(w.had) != 0 {
		t.Error("the refused broadcast left traces")
	}
	w.buf.heads = nil
	w.originate()
}

func TestConfigIsValidated(t *testing.T) {
	good := Config{HoldBytes: 1, Retry: 1, GiveUp: 2, Graft: 1, Name: name, Handle: handle}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for field, spoil := range map[string]func(*Config){
		"Order":     func(c *Config) { c.Order = Unordered + 1 },
		"HoldBytes": func(c *Config) { c.HoldBytes = 0 },
		"Retry":     func(c *Config) { c.Retry = 0 },
		"GiveUp":    func(c *Config) { c.GiveUp = 1 },
		"Graft":     func(c *Config) { c.Graft = 0 },
		"Name":      func(c *Config) { c.Name = nil },
		"Handle":    func(c *Config) { c.Handle = nil },
	} {
		c := good
		spoil(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("a bad %s: %v", field, err)
		}
	}
}

// The weaker orders count the own origin alone, for they know no more.
func TestClocksOfTheWeakerOrders(t *testing.T) {
	for order, text := range map[Order]string{Causal: "causal", FIFO: "fifo", Unordered: "unordered", 9: "Order(9)"} {
		if order.String() != text {
			t.Errorf("%v, want %v", order, text)
		}
	}
	w := story(t, FIFO, chain(3), 0)
	w.bring(w.links[0], 0, false)
	w.bring(w.links[0], 2, false)
	w.wantHad(t, "x2 does not wait for y1", 2)
	if want := (vclock.Clock{}).With(name(X), 2); !w.buf.Clock().Equal(want) {
		t.Errorf("the node's clock is %v, want %v", w.buf.Clock(), want)
	}
}

// A repair has told that messages are gone. Nobody on a link has ever had them, and
// without that word this node would wait for them until it gave up, and know no more.
func TestTheWordOfARepairMakesAGap(t *testing.T) {
	for _, told := range []bool{true, false} {
		y := newTeller(t, Y, Causal)
		d := peer.Dot{Origin: X, Seq: 3}
		links := []broadcast.LinkID{1, 2}
		now := time.Minute
		y.buf.Ask(now, d, 9) // by a link that is closed
		if told {
			y.buf.Gone(now, []broadcast.Claim{{Dot: d, Gone: 3, Born: now - time.Second}})
		}
		var gaps []Gap
		for now < time.Minute+10*time.Second && y.buf.Deadline() < now+10*time.Second {
			now = max(now, y.buf.Deadline())
			var asks []Ask
			asks, gaps = y.buf.Poll(now, links, nil, gaps)
			for _, a := range asks {
				y.buf.Denied(now, a.Link, broadcast.GoneEntry{Dot: d})
			}
		}
		if want := (Gap{X, 1, 3, time.Minute - time.Second}); told != slices.Equal(gaps, []Gap{want}) {
			t.Errorf("told: %v, gaps %v", told, gaps)
		}
	}
}
