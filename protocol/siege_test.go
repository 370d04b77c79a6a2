package protocol

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/causal"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// siege is four honest nodes and a hostile one among them. That one runs the protocol
// as well, so that it has links, and says on them whatever the program says besides,
// and swallows some of what it should say. If it does not forge, as where origins sign,
// it has only messages that were made, with their clocks, and claims of nobody more than
// was made; but their ages, and what it has, wants and denies, are its own word. It may
// deny or not: only who says that messages are gone can keep them from a node, and then
// that is reported there.
type siege struct {
	*lab
	program
	hostile        *member
	forges, denies bool
	swallows       bool
	said           []*broadcast.Message // by honest nodes, as they made them
	known          []*broadcast.Message // all that was made, the hostile node's too
	highest        map[peer.Handle]uint64
}

const besieged = 4

func newSiege(b []byte, fail func(string, ...any)) *siege {
	s := &siege{lab: &lab{fail: fail, now: time.Hour}, program: program{b: b}, highest: map[peer.Handle]uint64{}}
	s.forges, s.denies = s.below(4) == 0, s.yes()
	order := []causal.Order{causal.Causal, causal.FIFO, causal.Causal, causal.Unordered}[s.below(4)]
	for range besieged + 1 {
		s.start(func(c *Config) {
			c.Order = order
			c.Relay.Window = 1000
			c.Wall = 20_000 * 24 * time.Hour
		})
	}
	s.hostile = s.nodes[besieged]
	for _, n := range s.nodes[1:] {
		s.join(n, s.nodes[0])
	}
	s.run(5 * time.Second)
	s.loseFrame = func(from, _ *member, f *broadcast.Frame) bool {
		return s.swallows && from == s.hostile && f.Kind >= broadcast.Digest
	}
	return s
}

func (s *siege) attack() {
	for n := 0; len(s.b) > 0 && n < 400; n++ {
		switch s.below(8) {
		case 0, 1:
			s.speak(s.nodes[s.below(besieged)])
		case 2:
			s.run([...]time.Duration{time.Millisecond, 3 * time.Millisecond, 60 * time.Millisecond, 1100 * time.Millisecond, 12 * time.Second}[s.below(5)])
		case 3:
			s.swallows = s.below(3) == 0
		case 4:
			s.speak(s.hostile)
		default:
			s.lie()
		}
	}
}

// speak has a node say something new.
func (s *siege) speak(n *member) {
	m, err := n.say(fmt.Sprint(n.h, "/", len(s.known)))
	if err != nil {
		return
	}
	c := *m
	s.known, s.highest[n.h] = append(s.known, &c), m.Dot.Seq
	if n != s.hostile {
		s.said = append(s.said, &c)
	}
}

// lie has the hostile node send a frame that its machine did not mean to.
func (s *siege) lie() {
	ends := slices.DeleteFunc(slices.Clone(s.ends), func(e *end) bool { return e.closed || e.other.closed || e.node != s.hostile })
	if len(ends) == 0 {
		return
	}
	f := broadcast.Frame{Kind: broadcast.FrameKind(s.below(14))}
	switch f.Kind {
	case broadcast.Neighbor:
		f.Token, f.Priority, f.Repair = s.uint64(), s.yes(), s.yes()
	case broadcast.NeighborReply:
		f.Accept = s.yes()
	case broadcast.Digest:
		f.Opening = s.yes()
		e := broadcast.DigestEntry{Origin: s.origin(), Age: time.Second}
		if e.Contiguous = s.number(e.Origin); s.denies {
			e.Gone = s.number(e.Origin)
		}
		f.Digest = []broadcast.DigestPart{{Entries: []broadcast.DigestEntry{e}}}
	case broadcast.Data:
		if f.Message, f.WithClock = s.message(), s.yes(); f.Message == nil {
			return
		}
	case broadcast.Want:
		f.Wants = []broadcast.WantEntry{{Dot: s.dot(), Clock: s.yes(), Check: s.yes()}}
	case broadcast.Gone:
		for range 1 + s.below(4) {
			g := broadcast.GoneEntry{Dot: s.dot(), Age: time.Second}
			if s.denies {
				g.UpTo = s.number(g.Dot.Origin)
			}
			f.Gone = append(f.Gone, g)
		}
	case broadcast.IHave:
		f.Announced = []broadcast.Announcement{{Dot: s.dot()}}
	}
	s.sendFrame(ends[s.below(len(ends))], f)
}

func (s *siege) origin() peer.Handle { return peer.Handle(1 + s.below(besieged+1)) }

// number is one that an origin's signature vouches for, unless it needs none.
func (s *siege) number(origin peer.Handle) uint64 {
	if s.forges {
		return uint64(s.below(30))
	}
	return uint64(s.below(int(s.highest[origin]) + 1))
}

func (s *siege) dot() peer.Dot {
	d := peer.Dot{Origin: s.origin(), Seq: uint64(1 + s.below(20))}
	if len(s.known) > 0 && s.yes() {
		d = s.known[max(0, len(s.known)-1-s.below(10))].Dot
	}
	return d
}

// message is one that was made, or a forged one; nil if there is none.
func (s *siege) message() *broadcast.Message {
	if s.forges && s.yes() {
		d := s.dot()
		return &broadcast.Message{Dot: d, Born: s.now, Deps: []peer.Dot{s.dot()}, Clock: vclock.Clock{}.With(directory{}.Name(d.Origin), d.Seq)}
	}
	if len(s.known) == 0 {
		return nil
	}
	m := *s.known[max(0, len(s.known)-1-s.below(10))]
	m.Born = s.now - [...]time.Duration{0, time.Second, time.Minute}[s.below(3)]
	return &m
}

// relief ends the attack: the hostile node is gone, or says nothing any more but what
// keeps its links, or behaves. Then the honest ones are looked at.
func (s *siege) relief() {
	switch s.below(3) {
	case 0:
		s.cut = func(a, _ *member) bool { return a == s.hostile }
	case 1:
		s.swallows = true
	default:
		s.swallows = false
	}
	for _, n := range s.nodes[:besieged] {
		s.speak(n) // who lacks something may learn of it by the next message
	}
	s.run(3 * time.Minute)
	for _, n := range s.nodes[:besieged] {
		s.check(n)
	}
}

// fate counts which messages of honest nodes a node has delivered, and which not: these
// it has reported, or check fails.
func (s *siege) fate(n *member) (delivered, reported int) {
	for _, m := range s.said {
		if slices.ContainsFunc(n.delivered, func(d *broadcast.Message) bool { return d.Dot == m.Dot }) {
			delivered++
		} else {
			reported++
		}
	}
	return delivered, reported
}

// check checks a node once the attack is over.
func (s *siege) check(n *member) {
	count, place := map[peer.Dot]int{}, map[peer.Dot]int{}
	for i, m := range n.delivered {
		count[m.Dot]++
		place[m.Dot] = i
	}
	gone := func(d peer.Dot) bool {
		return slices.ContainsFunc(n.events, func(e Event) bool {
			return e.Kind == MessageGap && e.Gap.Origin == d.Origin && e.Gap.From <= d.Seq && d.Seq <= e.Gap.To
		})
	}
	for d, times := range count {
		if times > 1 {
			s.fail("B1: %d delivers %v %d times", n.h, d, times)
		}
		if gone(d) {
			s.fail("%d delivers %v, and reports it as a gap", n.h, d)
		}
	}
	for _, m := range s.said {
		switch lost := gone(m.Dot); {
		case s.forges: // whoever believes a forged message has no room for the true one
		case count[m.Dot] == 0 && (!lost || !s.denies):
			s.fail("%d has not delivered %v; reported %v, held %d", n.h, m.Dot, lost, n.Gauges().HeldMessages)
		case count[m.Dot] > 0:
			s.compare(n, m, n.delivered[place[m.Dot]], place)
		}
	}
	if g := n.Gauges(); !s.forges && (g.HeldMessages > 0 || g.Expected > 0) {
		s.fail("C5: %d holds %d messages back, and expects %d", n.h, g.HeldMessages, g.Expected)
	}
	if broken := n.broken(); broken != "" {
		s.fail("%d: %s", n.h, broken)
	}
}

// compare holds a message as it was delivered against what its origin has made, and its
// place against those of what happened before it.
func (s *siege) compare(n *member, made, got *broadcast.Message, place map[peer.Dot]int) {
	if string(got.Payload) != string(made.Payload) || !got.Clock.Equal(made.Clock) {
		s.fail("C2: %d delivers %v as %q with clock %v, it was made as %q with %v", n.h, made.Dot, got.Payload, got.Clock, made.Payload, made.Clock)
	}
	for _, x := range s.said {
		at, had := place[x.Dot]
		before := x.Clock.HappenedBefore(made.Clock)
		if had && before && n.cfg.Order == causal.Causal && at >= place[made.Dot] {
			s.fail("C1: %d delivers %v before %v", n.h, made.Dot, x.Dot)
		}
	}
}

// Whatever one node among others does, those others have what each of them says: each
// message once, with its clock, after what happened before it; or, if the hostile node
// says that it is gone, a report. And nothing waits in the end. If it forges messages
// too, then they still deliver nothing twice, and nothing that they have reported.
func TestASiege(t *testing.T) {
	said, delivered, reported := 0, 0, 0
	for seed := range uint64(200) {
		fail := func(format string, args ...any) { t.Fatalf("seed %d: "+format, append([]any{seed}, args...)...) }
		s := newSiege(noise(seed, 9, 500), fail)
		s.attack()
		s.relief()
		if !s.forges {
			for _, n := range s.nodes[:besieged] {
				here, lost := s.fate(n)
				said, delivered, reported = said+len(s.said), delivered+here, reported+lost
			}
		}
	}
	t.Logf("where origins sign, of %d messages for a node %d were delivered and %d reported", said, delivered, reported)
}

// A message that says no epoch, as no honest node makes one, is in nobody's way when its
// origin has been forgotten: what is said then does not depend on it.
func TestAMessageOfNoEpoch(t *testing.T) {
	l := newLab(t)
	a, b, hostile := l.start(nil), l.start(nil), l.start(nil)
	l.join(b, a)
	l.join(hostile, a)
	l.run(5 * time.Second)
	for _, e := range l.ends {
		if e.node == hostile && !e.closed {
			m := &broadcast.Message{Dot: peer.Dot{Origin: hostile.h, Seq: 1}, Born: l.now, Payload: []byte("hostile")}
			l.sendFrame(e, broadcast.Frame{Kind: broadcast.Data, Message: m})
		}
	}
	l.run(time.Second)
	l.cut = func(from, _ *member) bool { return from == hostile }
	l.run(2*a.cfg.Horizon + time.Hour)
	if _, err := b.say("b1"); err != nil {
		t.Fatal(err)
	}
	l.run(2 * time.Minute)
	wantHeard(t, "the hostile node's message, and after two days b's", a, "hostile b1")
}
