package causal

import (
	"math"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// One neighbour of these stories lies, on link 1; the one on link 2 does not.

// gone has both links asked for everything that is wanted: 1 answers that it is gone
// up to a number, 2 that it was never had. It returns the gaps.
func (n *teller) gone(now time.Duration, upTo uint64) (gaps []Gap) {
	for range 4 {
		asks, more := n.buf.Poll(now, []broadcast.LinkID{1, 2}, nil, nil)
		gaps = append(gaps, more...)
		for _, a := range asks {
			g := broadcast.GoneEntry{Dot: a.Want.Dot}
			if a.Link == 1 {
				g.UpTo = max(upTo, a.Want.Dot.Seq)
			}
			n.buf.Denied(now, a.Link, g)
		}
		now += n.buf.cfg.Retry
	}
	return gaps
}

// What one neighbour says to be gone is given up only as far as something needs it.
// What the origin says next is delivered all the same.
func TestAnswersDoNotGiveUpTheFuture(t *testing.T) {
	x, y := newTeller(t, X, Causal), newTeller(t, Y, Causal)
	first, second, third := x.say(0), x.say(0), x.say(0)
	y.buf.Announced(0, first.Dot, 1)
	gaps := y.gone(time.Second, peer.MaxSeq)
	if len(gaps) != 1 || gaps[0].From != 1 || gaps[0].To != 1 {
		t.Fatalf("gaps %v, want the first message of %v alone", gaps, first.Dot.Origin)
	}
	withClock := *second // nobody here can work it out any more
	y.buf.Add(time.Second, &withClock, true, 2)
	if y.hear(time.Second, third); len(y.had) != 2 {
		t.Errorf("delivered %v, want the second and the third", y.had)
	}
	t.Logf("%d messages are said to be gone: %d given up, and %d of 2 later ones delivered", uint64(peer.MaxSeq), gaps[0].To-gaps[0].From+1, len(y.had))
}

// Where later messages were had, all holes before them are closed by one answer.
func TestOneAnswerClosesAHole(t *testing.T) {
	x, y := newTeller(t, X, Unordered), newTeller(t, Y, Unordered)
	for range 9 {
		x.say(0)
	}
	y.hear(0, x.log[peer.Dot{Origin: X, Seq: 9}])
	if gaps := y.gone(time.Second, peer.MaxSeq); len(gaps) != 1 || gaps[0].To != 8 {
		t.Errorf("gaps %v, want 1 to 8", gaps)
	}
}

// A node knows better than anybody what it has sent.
func TestNobodyGivesUpMyMessages(t *testing.T) {
	for _, seq := range []uint64{2, peer.MaxSeq} {
		y := newTeller(t, Y, Causal)
		y.say(0)
		mine := peer.Dot{Origin: Y, Seq: seq}
		y.hear(0, &broadcast.Message{Dot: peer.Dot{Origin: X, Seq: 1}, Deps: []peer.Dot{mine}})
		y.buf.Announced(0, mine, 1)
		y.buf.Ask(0, mine, 1)
		y.buf.Gone(time.Second, []broadcast.Claim{{Dot: mine, Gone: mine.Seq}})
		if gaps := y.gone(time.Second, peer.MaxSeq); len(gaps) != 0 {
			t.Errorf("gaps %v", gaps)
		}
		if m := y.say(time.Second); m.Dot.Seq != 2 {
			t.Errorf("the second message is %v", m.Dot)
		}
	}
}

// Numbers that there are not lead nowhere.
func TestNumbersBeyondAll(t *testing.T) {
	messages, refused, wanted, held := 0, 0, 0, 0
	for _, seq := range []uint64{0, peer.MaxSeq + 1, math.MaxUint64} {
		for _, order := range []Order{Causal, FIFO, Unordered} {
			y := newTeller(t, Y, order)
			bad := peer.Dot{Origin: X, Seq: seq}
			for _, m := range []*broadcast.Message{{Dot: bad}, {Dot: peer.Dot{Origin: Z, Seq: 1}, Deps: []peer.Dot{bad}}} {
				messages++
				if got := y.hear(0, m); got == Refused {
					refused++
				} else {
					t.Errorf("%v: %v, which depends on %v, is %d", order, m.Dot, m.Deps, got)
				}
			}
			y.buf.Announced(0, bad, 1)
			y.buf.Ask(0, bad, 1)
			if len(y.buf.wants.index) != 0 || y.seen.Len() != 0 {
				t.Errorf("%v: %d wanted, %d origins, for %v", order, len(y.buf.wants.index), y.seen.Len(), bad)
			}
			wanted, held = wanted+len(y.buf.wants.index), held+y.buf.Len()
		}
	}
	t.Logf("%d of %d messages refused, %d asked for, %d held", refused, messages, wanted, held)
	if held != 0 {
		t.Errorf("%d are held", held)
	}
}

// The highest number there is can be taken, in every order, and is no trap.
func TestTheHighestNumber(t *testing.T) {
	for _, order := range []Order{Causal, FIFO, Unordered} {
		y := newTeller(t, Y, order)
		y.hear(0, &broadcast.Message{Dot: peer.Dot{Origin: X, Seq: peer.MaxSeq}})
		y.gone(time.Second, peer.MaxSeq)
		if got := y.seen.Contiguous(X); got > peer.MaxSeq {
			t.Errorf("%v: contiguous %d", order, got)
		}
		if got := y.hear(time.Minute, &broadcast.Message{Dot: peer.Dot{Origin: Z, Seq: 1}}); got != Fresh {
			t.Errorf("%v: what comes next is %d", order, got)
		}
	}
}

// An epoch that is far ahead is early, however far, and its message is not gone: it
// must not take with it what waits for it.
func TestTheLastEpoch(t *testing.T) {
	for _, withClock := range []bool{false, true} {
		x, y := newTeller(t, X, Causal), newTeller(t, Y, Causal)
		first, second := x.say(0), x.say(0)
		y.hear(0, second)
		asks, _ := y.buf.Poll(0, []broadcast.LinkID{1}, nil, nil)
		if len(asks) != 1 {
			t.Fatalf("asked for %v", asks)
		}
		forged := *first
		forged.Epoch = math.MaxUint32
		if got := y.buf.Add(0, &forged, withClock, 1); got != Refused || y.buf.Stats.Early != 1 || y.buf.Stats.Stale != 0 {
			t.Errorf("with clock %v: outcome %d, %+v", withClock, got, y.buf.Stats)
		}
		if _, gaps := y.buf.Poll(0, []broadcast.LinkID{1}, nil, nil); len(gaps) != 0 {
			t.Errorf("with clock %v: gaps %v", withClock, gaps)
		}
		if y.hear(0, first); len(y.had) != 2 {
			t.Errorf("with clock %v: delivered %v", withClock, y.had)
		}
	}
}

// Epochs end in 2106 at the latest; a clock on the wall that says more is no trap.
func TestAWallBeyondEpochs(t *testing.T) {
	y := newTeller(t, Y, Causal)
	y.buf.SetWall(math.MaxInt64 - time.Hour)
	y.say(0)
	if got := y.buf.epoch(0); got == 0 || got+mostAhead < got {
		t.Errorf("epoch %d", got)
	}
	for _, of := range []uint32{1, 9, 10, math.MaxUint32} {
		for _, e := range []uint32{1, 2, math.MaxUint32 - 8, math.MaxUint32 - 1, math.MaxUint32} {
			if got, want := isBeyond(e, of), uint64(e)+vclock.Horizon < uint64(of); got != want {
				t.Errorf("%d is beyond the horizon of %d: %v", e, of, got)
			}
		}
	}
}

// Who says that an origin resumes has all before given up. That is not believed of
// one that was heard of just now.
func TestWhoTalksDoesNotResume(t *testing.T) {
	x, y := newTeller(t, X, Causal), newTeller(t, Y, Causal)
	y.hear(0, x.say(0))
	forged := &broadcast.Message{Dot: peer.Dot{Origin: X, Seq: peer.MaxSeq}, Born: time.Second, Resumes: true}
	if got := y.hear(time.Second, forged); got != Refused {
		t.Errorf("outcome %d", got)
	}
	y.hear(time.Second, x.say(time.Second))
	if len(y.had) != 2 || y.seen.Contiguous(X) != 2 {
		t.Errorf("delivered %v", y.had)
	}
}
