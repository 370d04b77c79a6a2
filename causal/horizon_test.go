package causal

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// epoch is how long one is in these stories.
const epoch = 10 * time.Second

// teller is a node that keeps everything it delivers.
type teller struct {
	t    *testing.T
	self peer.Handle
	seen *broadcast.Seen
	buf  *Buffer
	log  map[peer.Dot]*broadcast.Message
	had  []peer.Dot
}

func newTeller(t *testing.T, self peer.Handle, order Order) *teller {
	n := &teller{t: t, self: self, log: make(map[peer.Dot]*broadcast.Message)}
	n.seen = broadcast.NewSeen(100, func(h peer.Handle) uint64 { return uint64(h) * 0x9e3779b97f4a7c15 })
	cfg := Config{
		Order: order, HoldBytes: 1 << 20, Retry: time.Second, GiveUp: 30 * time.Second, Graft: time.Second,
		Horizon: vclock.Horizon * epoch, Wall: 1000 * epoch, Self: self,
		Name:   func(h peer.Handle) vclock.Origin { return vclock.Origin{Name: string(rune('w' + h))} },
		Handle: func(o vclock.Origin) peer.Handle { return peer.Handle(o.Name[0] - 'w') },
	}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	n.buf = New(cfg, n.seen, n)
	return n
}

func (n *teller) Get(d peer.Dot) *broadcast.Message { return n.log[d] }

func (n *teller) Deliver(m *broadcast.Message, _ []broadcast.LinkID) {
	n.log[m.Dot] = m
	n.had = append(n.had, m.Dot)
}

func (n *teller) say(now time.Duration) *broadcast.Message {
	n.t.Helper()
	m, err := n.buf.Originate(now, n.self, nil)
	if err != nil {
		n.t.Fatal(err)
	}
	return m
}

// hear takes a message as a link brings it.
func (n *teller) hear(now time.Duration, m *broadcast.Message) Outcome {
	c := *m
	c.Clock = vclock.Clock{}
	return n.buf.Add(now, &c, false, 1)
}

// forget is what the machine does after twice the horizon.
func (n *teller) forget(now time.Duration) {
	n.seen.Forget(now-2*vclock.Horizon*epoch, func(peer.Handle) {})
}

func (n *teller) wantClock(m *broadcast.Message, want string) {
	n.t.Helper()
	if got := n.log[m.Dot]; got == nil || got.Clock.String() != want {
		n.t.Errorf("%v has %v delivered as %+v, want clock %s", n.self, m.Dot, got, want)
	}
}

// A message says its epoch only if it begins one, and everybody works out the same
// clock: without what is beyond the horizon, which is no dependency any more either.
func TestBeyondTheHorizonNothingIsNamed(t *testing.T) {
	x, y := newTeller(t, X, Causal), newTeller(t, Y, Causal)
	at := func(epochs int) time.Duration { return time.Duration(epochs) * epoch }
	for _, step := range []struct {
		why     string
		epoch   int
		from    *teller
		says    bool // its epoch
		deps    int
		clock   string
		entries int
	}{
		{"the first", 0, x, true, 0, "{x:1}", 1},
		{"in the same epoch", 0, y, false, 1, "{x:1, y:1}", 2},
		{"within the horizon", 8, y, true, 1, "{x:1, y:2}", 2},
		{"x is beyond it", 9, y, true, 1, "{y:3}", 1},
		{"in the same epoch", 9, x, false, 1, "{x:2, y:3}", 2},
		{"everything is beyond it", 30, y, true, 0, "{y:4}", 1},
	} {
		to := map[*teller]*teller{x: y, y: x}[step.from]
		m := step.from.say(at(step.epoch))
		if (m.Epoch != 0) != step.says || len(m.Deps) != step.deps {
			t.Errorf("%s: %v has epoch %d and depends on %v", step.why, m.Dot, m.Epoch, m.Deps)
		}
		if got := to.hear(at(step.epoch), m); got != Fresh {
			t.Fatalf("%s: %v is %d", step.why, m.Dot, got)
		}
		for _, n := range []*teller{x, y} {
			n.wantClock(m, step.clock)
			if got := n.buf.Clock(); got.Len() != step.entries || got.Epoch() != uint32(1000+step.epoch) {
				t.Errorf("%s: the clock of %v is %v of epoch %d", step.why, n.self, got, got.Epoch())
			}
		}
	}
}

// A clock on the wall that is wrong must not have others drop what is not old, nor
// can what is beyond the horizon be put into order. One that is ahead is right later.
func TestMessagesOfAnotherTime(t *testing.T) {
	x, y := newTeller(t, X, Causal), newTeller(t, Y, Causal)
	x.buf.SetWall(1002 * epoch)
	early := x.say(0)
	if got := y.hear(0, early); got != Refused || y.buf.Stats.Early != 1 {
		t.Errorf("a message of the epoch after the next is %d: %+v", got, y.buf.Stats)
	}
	if got := y.hear(epoch, early); got != Fresh {
		t.Errorf("a message of the next epoch is %d", got)
	}
	z := newTeller(t, Z, Causal)
	z.buf.SetWall(993 * epoch)
	if got := y.hear(epoch, z.say(0)); got != Refused || y.buf.Stats.Stale != 1 {
		t.Errorf("a message of nine epochs ago is %d: %+v", got, y.buf.Stats)
	}
	z.hear(0, y.say(epoch)) // waits for what x has said
	z.buf.SetWall(1001 * epoch)
	z.hear(0, early)
	if got := y.hear(epoch, z.say(0)); got != Fresh {
		t.Errorf("its clock has been set, and a message is %d: %+v", got, y.buf.Stats)
	}
}

// Who falls silent for so long that others forget goes on counting, and says so. Who
// has forgotten takes the past as had; who has not, and lacks some of it, has a gap.
func TestAnOriginResumes(t *testing.T) {
	for _, order := range []Order{Causal, FIFO, Unordered} {
		t.Run(fmt.Sprint(order), func(t *testing.T) {
			x := newTeller(t, X, order)
			forgetful, faithful, late := newTeller(t, Y, order), newTeller(t, Y, order), newTeller(t, Y, order)
			var first []*broadcast.Message
			for range 3 {
				first = append(first, x.say(0))
			}
			for _, m := range first {
				forgetful.hear(0, m)
				faithful.hear(0, m)
			}
			late.hear(0, first[0])
			now := 2*vclock.Horizon*epoch + 1
			x.forget(now)
			forgetful.forget(now)
			if x.seen.Len() != 0 || forgetful.seen.Len() != 0 {
				t.Fatal("nothing is forgotten")
			}
			m := x.say(now)
			if m.Dot.Seq != 4 || !m.Resumes {
				t.Fatalf("after a long silence it says %+v", m)
			}
			for _, n := range []*teller{forgetful, faithful, late} {
				if got := n.hear(now, m); got != Fresh || n.had[len(n.had)-1] != m.Dot || n.seen.Contiguous(X) != 4 {
					t.Errorf("%v: it is %d, and delivered are %v, up to %d", order, got, n.had, n.seen.Contiguous(X))
				}
				want := map[bool][]Gap{true: {{Origin: X, From: 2, To: 3, Born: now - vclock.Horizon*epoch}}}[n == late]
				if n.buf.Deadline() > now != (want == nil) {
					t.Errorf("%v: the deadline is %v", order, n.buf.Deadline())
				}
				_, gaps := n.buf.Poll(now, nil, nil, nil)
				if fmt.Sprint(gaps) != fmt.Sprint(want) {
					t.Errorf("%v: gaps %v, want %v", order, gaps, want)
				}
				if got := n.hear(now, first[2]); got != Known {
					t.Errorf("%v: what came before is %d", order, got)
				}
			}
			if next := x.say(now); next.Dot.Seq != 5 || next.Resumes {
				t.Errorf("the next one is %+v", next)
			}
		})
	}
}

// Nodes do not forget at the same moment. What one has just forgotten it must not
// take up again from one that is about to.
func TestTheForgottenStaysForgotten(t *testing.T) {
	for _, test := range []struct {
		why  string
		age  time.Duration
		want int // origins known
	}{
		{"it is to be forgotten", 2 * vclock.Horizon * epoch, 0},
		{"it is a gap", vclock.Horizon * epoch, 1},
	} {
		y := newTeller(t, Y, Causal)
		now := time.Hour
		d := peer.Dot{Origin: X, Seq: 7}
		y.buf.Ask(now, d, 1)
		now += 3 * time.Second
		y.buf.Poll(now, []broadcast.LinkID{1}, nil, nil)
		y.buf.Denied(now, 1, broadcast.GoneEntry{Dot: d, UpTo: 7, Age: test.age})
		if y.buf.Poll(now, []broadcast.LinkID{1}, nil, nil); y.seen.Len() != test.want || y.buf.Deadline() != broadcast.Never {
			t.Errorf("%s: %d origins are known, and the deadline is %v", test.why, y.seen.Len(), y.buf.Deadline())
		}
	}
}

// Out of order, the second message after a long silence may come before the first,
// which says that there was one.
func TestTheSecondMessageAfterASilenceComesFirst(t *testing.T) {
	x, y := newTeller(t, X, Unordered), newTeller(t, Y, Unordered)
	for range 3 {
		y.hear(0, x.say(0))
	}
	now := 2*vclock.Horizon*epoch + 1
	x.forget(now)
	y.forget(now)
	first, second := x.say(now), x.say(now)
	y.hear(now, second)
	y.hear(now, first)
	if _, gaps := y.buf.Poll(now, nil, nil, nil); len(gaps) > 0 || y.seen.Contiguous(X) != 5 {
		t.Errorf("up to %d is had, and what was delivered is reported as gone: %v", y.seen.Contiguous(X), gaps)
	}
}

// A node that comes late is sent the message with its clock, and needs nothing before.
func TestResumingWithAClock(t *testing.T) {
	x, z := newTeller(t, X, Causal), newTeller(t, Z, Causal)
	for range 3 {
		x.say(0)
	}
	now := 2*vclock.Horizon*epoch + 1
	x.forget(now)
	m := *x.say(now)
	if got := z.buf.Add(now, &m, true, 1); got != Fresh || z.seen.Contiguous(X) != 4 || z.buf.Deadline() != broadcast.Never {
		t.Errorf("it is %d, %d are had, and something is wanted at %v", got, z.seen.Contiguous(X), z.buf.Deadline())
	}
}

// Who resumes gives up what it said before; what of that is held back must not come
// after it.
func TestWhatIsHeldWhenItResumes(t *testing.T) {
	x, y := newTeller(t, X, FIFO), newTeller(t, Y, FIFO)
	x.say(0)
	y.hear(0, x.say(0)) // the first is not here
	now := 2*vclock.Horizon*epoch + 1
	x.forget(now)
	y.hear(now, x.say(now))
	if fmt.Sprint(y.had) != fmt.Sprint([]peer.Dot{{Origin: X, Seq: 3}}) || y.buf.Len() != 0 {
		t.Errorf("delivered are %v, and %d held back", y.had, y.buf.Len())
	}
}

// An epoch ahead is allowed, and then an origin's last message is no dependency any
// more before the horizon is over: it says that it resumes.
func TestResumingAnEpochEarly(t *testing.T) {
	x, y, late := newTeller(t, X, Causal), newTeller(t, Y, Causal), newTeller(t, Z, Causal)
	y.hear(epoch-1, x.say(epoch-1))
	y.buf.SetWall(1001 * epoch)
	now := 8 * epoch
	from := y.say(now)
	x.hear(now, from)
	m := x.say(now)
	late.hear(now, from)
	late.hear(now, m)
	if late.seen.Contiguous(X) != 2 {
		t.Errorf("%+v leaves a hole: %d are had", m, late.seen.Contiguous(X))
	}
}

// A message's time is looked at again when its clock comes; and what is refused for
// good is gone for what depends on it.
func TestAClockOfAnotherTime(t *testing.T) {
	y, z := newTeller(t, Y, Causal), newTeller(t, Z, Causal)
	now := 12 * epoch
	y.say(now)
	first, second := z.say(0), z.say(0) // of twelve epochs ago; only the first says so
	y.hear(now, second)
	y.buf.Poll(now, []broadcast.LinkID{1}, nil, nil)
	y.hear(now, first)
	if _, gaps := y.buf.Poll(now, []broadcast.LinkID{1}, nil, nil); len(gaps) != 1 || gaps[0].To != 1 {
		t.Errorf("the first is refused for good, and the gaps are %v", gaps)
	}
	c := *second
	y.buf.Add(now, &c, true, 1)
	if len(y.had) != 1 || y.buf.Len() != 0 || y.buf.Clock().Epoch() != 1012 {
		t.Errorf("delivered are %v, %d held back, the clock of epoch %d", y.had, y.buf.Len(), y.buf.Clock().Epoch())
	}
}

// TestWhatIsReadyWhenItResumes: two messages of x wait for the same one of y, and the
// later one comes first and says that it resumes. The earlier one is given up then, and
// is not delivered after all because its turn would have been next.
func TestWhatIsReadyWhenItResumes(t *testing.T) {
	n := newTeller(t, 3, Causal)
	now := time.Duration(0)
	y1 := peer.Dot{Origin: 2, Seq: 1}
	first := broadcast.Message{Dot: peer.Dot{Origin: 1, Seq: 2}, Deps: []peer.Dot{y1}, Resumes: true}
	second := broadcast.Message{Dot: peer.Dot{Origin: 1, Seq: 3}, Deps: []peer.Dot{y1}, Resumes: true}
	n.hear(now, &second)
	n.hear(now, &first)
	n.hear(now, &broadcast.Message{Dot: y1, Epoch: 1000})
	if want := []peer.Dot{y1, second.Dot}; !slices.Equal(n.had, want) {
		t.Errorf("delivered %v, want %v", n.had, want)
	}
	if broken := n.buf.Bounded(); broken != "" {
		t.Error(broken)
	}
}

// Where messages are dated each says its epoch, in every order, and is taken by that
// alone: a clock of today makes an old one no younger.
func TestDatedMessages(t *testing.T) {
	for _, order := range []Order{Causal, FIFO, Unordered} {
		x, y := newTeller(t, X, order), newTeller(t, Y, order)
		x.buf.cfg.Dated, y.buf.cfg.Dated = true, true
		for range 2 {
			m := x.say(epoch)
			if m.Epoch != 1001 || y.hear(epoch, m) != Fresh {
				t.Errorf("%v: message %d says epoch %d, or is not taken", order, m.Dot.Seq, m.Epoch)
			}
		}
		for _, tc := range []struct {
			why   string
			epoch uint32
			want  Outcome
		}{
			{"of no time", 0, Refused},
			{"beyond the horizon", 1000 - vclock.Horizon - 1, Refused},
			{"of its last epoch", 1000 - vclock.Horizon, Fresh},
			{"an epoch ahead", 1002, Fresh},
			{"two ahead", 1003, Refused},
		} {
			y := newTeller(t, Y, order)
			y.buf.cfg.Dated = true
			m := broadcast.Message{Dot: peer.Dot{Origin: Z, Seq: 1}, Epoch: tc.epoch}
			m.Clock = vclock.Clock{}.Advance(y.buf.cfg.Name(Z), 1, 1001)
			if got := y.buf.Add(epoch, &m, true, 1); got != tc.want {
				t.Errorf("%v: one %s is %d, want %d", order, tc.why, got, tc.want)
			}
		}
	}
}
