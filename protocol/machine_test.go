package protocol

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/causal"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
	"pgregory.net/rapid"
)

// a has been talking to itself. b joins: a link comes up, each end tells what
// it has had, and b catches up, in order and with exact clocks.
func TestANewcomerCatchesUp(t *testing.T) {
	l := newLab(t)
	a, b := l.start(nil), l.start(nil)
	for _, word := range []string{"one", "two", "three"} {
		a.say(word)
	}
	wantHeard(t, "own words are delivered at once", a, "one two three")
	l.join(b, a)
	if !l.runUntil(2*time.Second, func() bool { return linked(a, b) }) {
		t.Fatal("no link within two seconds")
	}
	for _, n := range l.nodes {
		if len(n.events) != 1 || n.events[0].Kind != LinkUp || !n.Ready() {
			t.Errorf("%d reported %v, want that the link is up", n.h, n.events)
		}
	}
	l.run(20 * hop)
	wantHeard(t, "caught up", b, "one two three")
	b.say("four")
	l.run(20 * hop)
	wantHeard(t, "and the other way", a, "one two three four")
	want := vclock.FromMap(map[string]uint64{"a": 3, "b": 1})
	if !a.Clock().Equal(want) || !b.Clock().Equal(want) || !a.delivered[3].Clock.Equal(want) {
		t.Errorf("clocks %v and %v, and %v on the message; want %v", a.Clock(), b.Clock(), a.delivered[3].Clock, want)
	}
	if c := b.Counters(); c.Delivered != 4 || c.LinksAccepted != 1 || b.Gauges().LogMessages != 4 {
		t.Errorf("counted %+v, %+v", c, b.Gauges())
	}
}

// Whatever is announced, lost, asked for and held back meanwhile: a machine that gives back
// its room after each step does to the word what one does that never does.
func TestSlimmingChangesNothing(t *testing.T) {
	transcript := func(slims bool) (s string) {
		l := newLab(t)
		l.slims = slims
		rng := rand.New(rand.NewPCG(1, 2))
		l.loseFrame = func(_, _ *member, f *broadcast.Frame) bool { return f.Kind == broadcast.Data && rng.IntN(3) == 0 }
		contact := l.start(nil)
		for range 3 {
			l.join(l.start(nil), contact)
		}
		for i := range 60 {
			l.run(time.Duration(rng.IntN(200)) * time.Millisecond)
			l.nodes[rng.IntN(4)].say(fmt.Sprint(i))
		}
		l.run(time.Minute)
		for _, n := range l.nodes {
			s += fmt.Sprintf("%s\n%v %v\n%+v\n%+v\n", n.heard(), n.Clock(), n.Deadline(), n.Counters(), n.Gauges())
		}
		return s
	}
	had, got := transcript(false), transcript(true)
	if got != had {
		t.Errorf("with slimming:\n%s\nwithout:\n%s", got, had)
	}
	if l := strings.Count(had, " 59"); l < 4 {
		t.Errorf("the last word was heard by %d", l)
	}
}

// b's first datagram reaches a, which dials; every one after it is lost. The
// link is all that b hears of a, and that is enough to know it by.
func TestANodeThatIsReadyKnowsItsNeighbour(t *testing.T) {
	l := newLab(t)
	a, b := l.start(nil), l.start(nil)
	packets := 0
	l.losePacket = func() bool { packets++; return packets > 1 }
	l.join(b, a)
	if !l.runUntil(2*time.Second, func() bool { return linked(a, b) }) {
		t.Fatal("no link within two seconds")
	}
	if v := b.View(); len(v) != 1 || v[0].Peer != a.h {
		t.Errorf("b is ready and its view is %v, want a in it", v)
	}
}

// Messages that a link brought and that were not kept are had by nobody else's
// doing: the digests that ride on exchanges differ, and a repair brings them,
// even though the two are linked already, which in a small network all are.
func TestDigestsThatDifferLeadToARepair(t *testing.T) {
	l := newLab(t)
	a, b := l.start(nil), l.start(nil)
	l.join(b, a)
	l.run(5 * time.Second)
	l.loseFrame = func(from, to *member, f *broadcast.Frame) bool { return f.Kind == broadcast.Data }
	a.say("hush")
	l.run(10 * hop)
	l.loseFrame = nil
	wantHeard(t, "not kept", b, "")
	if !linked(a, b) {
		t.Fatal("the story wants the link to stay")
	}
	l.run(time.Minute)
	wantHeard(t, "a minute later", b, "hush")
	if n := a.Counters().Repairs + b.Counters().Repairs; n == 0 || n > 4 {
		t.Errorf("%d repairs, want a few", n)
	}
	if len(a.ends()) != 1 || len(b.ends()) != 1 {
		t.Errorf("open connections are %v and %v, want only the link", a.ends(), b.ends())
	}
}

// ends lists the connections of a node that are still open.
func (n *member) ends() (open []broadcast.LinkID) {
	for _, e := range n.l.ends {
		if e.node == n && !e.closed {
			open = append(open, e.id)
		}
	}
	return open
}

// Two pairs are cut apart for longer than views remember. When the cut heals,
// nobody has a free place for the other side; a bridge makes one.
func TestARejoinedPeerIsBridged(t *testing.T) {
	l := newLab(t)
	for range 4 {
		n := l.start(func(c *Config) { c.Links.Max = 1 })
		if n.h > 1 {
			l.join(n, l.nodes[0])
		}
	}
	l.run(20 * time.Second)
	l.cut = func(a, b *member) bool { return a.h <= 2 && b.h > 2 }
	l.run(5 * time.Minute)
	if !linked(l.nodes[0], l.nodes[1]) || !linked(l.nodes[2], l.nodes[3]) {
		t.Fatal("the story wants each side to be full")
	}
	l.nodes[0].say("here")
	l.nodes[3].say("there")
	l.run(time.Second)
	l.cut = nil
	all := func() bool {
		for _, n := range l.nodes {
			if len(n.delivered) != 2 {
				return false
			}
		}
		return true
	}
	if !l.runUntil(time.Minute, all) {
		for _, n := range l.nodes {
			t.Errorf("%d heard %q a minute after the cut was lifted", n.h, n.heard())
		}
	}
	if n := l.nodes[0].Counters().PeersRejoined + l.nodes[1].Counters().PeersRejoined; n == 0 {
		t.Error("nobody was reported as rejoined")
	}
}

// Alone, a node takes broadcasts until its log is full, then refuses: a new one
// would push out one that nobody has. That changes nothing; once a link has
// taken some there is room again, and nothing was lost.
func TestAFullLogRefusesBroadcasts(t *testing.T) {
	l := newLab(t)
	small := func(c *Config) { c.Log.Bytes = 1000 }
	a, b := l.start(small), l.start(nil)
	for i := range 3 {
		if _, err := a.say("word"); err != nil {
			t.Fatalf("word %d: %v", i, err)
		}
	}
	before, gauges := a.Clock(), a.Gauges()
	if _, err := a.say("one too many"); !errors.Is(err, ErrLogFull) {
		t.Fatalf("the fourth: %v, want ErrLogFull", err)
	}
	if !a.Clock().Equal(before) || a.Gauges() != gauges {
		t.Error("the refusal changed the state")
	}
	l.join(b, a)
	l.runUntil(5*time.Second, func() bool { return len(b.delivered) == 3 })
	if _, err := a.say("now"); err != nil {
		t.Errorf("all is taken, and the broadcast is refused: %v", err)
	}
	l.run(time.Second)
	if len(b.delivered) != len(a.delivered) || b.Counters().Gaps != 0 {
		t.Errorf("a sent %d, b heard %d", len(a.delivered), len(b.delivered))
	}
}

// Nobody but a node itself makes its dots.
func TestAForgedMessageIsIgnored(t *testing.T) {
	l := newLab(t)
	a, b := l.start(nil), l.start(nil)
	l.join(b, a)
	l.run(2 * time.Second)
	link := b.ends()[0]
	b.step(func() {
		b.out.Links.Sends = append(b.out.Links.Sends, broadcast.Send{Link: link, Frame: broadcast.Frame{
			Kind: broadcast.Data, Message: &broadcast.Message{Dot: peer.Dot{Origin: a.h, Seq: 1}, Payload: []byte("forged")},
		}})
	})
	l.run(10 * hop)
	wantHeard(t, "its own word in another's mouth", a, "")
	if a.Counters().Forged != 1 {
		t.Errorf("%d forgeries are counted", a.Counters().Forged)
	}
	a.say("genuine")
	l.run(10 * hop)
	wantHeard(t, "the dot was not used up", b, "genuine")
	if n := a.Counters().Stray; n != 0 {
		t.Errorf("%d strays", n)
	}
}

// With History None a node withholds what was said before it came, and yet its
// clocks are exact. Its own side of a conversation is never withheld.
func TestHistoryNoneWithholdsThePast(t *testing.T) {
	l := newLab(t)
	a := l.start(nil)
	a.say("before")
	l.run(time.Second)
	b := l.start(func(c *Config) { c.History = None })
	l.join(b, a)
	l.run(2 * time.Second)
	wantHeard(t, "withheld", b, "")
	b.say("hello")
	l.run(10 * hop)
	a.say("after")
	l.run(10 * hop)
	wantHeard(t, "what came later", b, "hello after")
	if want := vclock.FromMap(map[string]uint64{"a": 2, "b": 1}); !b.delivered[1].Clock.Equal(want) {
		t.Errorf("the clock is %v, want %v", b.delivered[1].Clock, want)
	}
	if b.Counters().Withheld != 1 {
		t.Errorf("%d withheld", b.Counters().Withheld)
	}
}

// Leaving: a neighbour confirms what was said last, then all is closed and nobody
// new comes in.
func TestLeaving(t *testing.T) {
	l := newLab(t)
	a, b, c := l.start(nil), l.start(nil), l.start(nil)
	l.join(b, a)
	l.run(3 * time.Second)
	a.say("farewell")
	if a.Drained() {
		t.Error("drained with a message on its way")
	}
	a.step(func() { a.Leave(l.now, &a.out) })
	l.runUntil(time.Second, a.Drained)
	wantHeard(t, "before the end", b, "farewell")
	a.step(func() { a.Disconnect(l.now, &a.out) })
	l.join(c, a)
	l.run(10 * hop)
	if a.Ready() || linked(a, c) || len(a.ends()) != 0 {
		t.Errorf("still connected: %v", a.ends())
	}
	if len(b.View()) != 0 {
		t.Errorf("b still has a in view although it said goodbye: %v", b.View())
	}
	if e := b.events[len(b.events)-1]; !slices.ContainsFunc(b.events, func(e Event) bool { return e.Kind == LinkDown && e.Peer == a.h }) {
		t.Errorf("b was not told; its last event is %v", e)
	}
}

// A leaver whose only neighbour goes away before it has confirmed anything finds
// another one: that the socket took the message proves nothing.
func TestLeavingNeedsANeighbourThatStays(t *testing.T) {
	l := newLab(t)
	a, b, c := l.start(nil), l.start(nil), l.start(nil)
	l.join(b, a)
	l.run(3 * time.Second)
	l.cut = func(from, to *member) bool { return from == a && to == b }
	a.say("farewell")
	a.step(func() { a.Leave(l.now, &a.out) })
	l.run(2 * time.Second)
	if a.Drained() {
		t.Fatal("drained although b has heard nothing")
	}
	l.join(a, c)
	l.runUntil(time.Minute, a.Drained)
	wantHeard(t, "from the one that stayed", c, "farewell")
}

// A node that knows nobody, and was told of nobody, has nobody to wait for; one
// that was told of an address has.
func TestLeavingAlone(t *testing.T) {
	l := newLab(t)
	a, b := l.start(nil), l.start(nil)
	a.say("to nobody")
	a.step(func() { a.Leave(l.now, &a.out) })
	if !a.Drained() {
		t.Error("a node that knows nobody waits for somebody")
	}
	b.say("to a")
	l.join(b, a)
	b.step(func() { b.Leave(l.now, &b.out) })
	if b.Drained() {
		t.Error("drained before anybody was found")
	}
	l.runUntil(time.Minute, b.Drained)
	wantHeard(t, "its own, and b's", a, "to nobody to a")
}

// What nobody has in a log any more keeps two nodes' digests apart, until the one
// that lacks it has asked for it and knows that it is gone. Then nothing is left
// to repair.
func TestNewcomersStopRepairing(t *testing.T) {
	l := newLab(t)
	short := func(c *Config) { c.Log.Age = 10 * time.Second }
	a, b := l.start(short), l.start(short)
	l.join(b, a)
	l.run(2 * time.Second)
	a.say("soon forgotten")
	b.say("this too")
	l.run(time.Minute)
	c := l.start(short)
	l.join(c, a)
	l.run(2 * time.Minute)
	if ha, hc := a.seen.Hash(), c.seen.Hash(); ha != hc {
		t.Errorf("the digests still differ: %x and %x", ha, hc)
	}
	before := c.Counters().Repairs
	l.run(10 * time.Minute)
	if again := c.Counters().Repairs - before; again != 0 {
		t.Errorf("%d more repairs in ten quiet minutes", again)
	}
	if len(c.events) == 0 || slices.ContainsFunc(c.events, func(e Event) bool { return e.Kind == MessageGap }) {
		t.Errorf("what was gone before it came was reported as a loss: %v", c.events)
	}
}

// What has left every log is reported as a gap, once, with all that it was, and
// what follows is delivered.
func TestAGapIsAnEvent(t *testing.T) {
	l := newLab(t)
	short := func(c *Config) { c.Log.Age = 10 * time.Second }
	a, b := l.start(short), l.start(short)
	l.join(b, a)
	l.run(2 * time.Second)
	l.cut = func(*member, *member) bool { return true }
	a.say("lost")
	a.say("lost too")
	l.run(time.Minute)
	l.cut = nil
	l.runUntil(time.Minute, func() bool { return linked(a, b) })
	a.say("found")
	l.run(5 * time.Second)
	wantHeard(t, "after the gap", b, "found")
	var gaps []causal.Gap
	for _, e := range b.events {
		if e.Kind == MessageGap {
			gaps = append(gaps, e.Gap)
		}
	}
	if len(gaps) != 1 || gaps[0].Origin != a.h || gaps[0].From != 1 || gaps[0].To != 2 {
		t.Errorf("gaps %v, want a's first two", gaps)
	}
	if a.seen.Hash() != b.seen.Hash() {
		t.Error("after the gap the digests differ")
	}
}

// Whatever happens, a tick does what is due: no machine is ever busy without
// time passing, and once the faults have ended all agree.
func TestDeadlinesNeverLie(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := &lab{fail: t.Fatalf, now: time.Hour}
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		order := causal.Order(rapid.IntRange(0, 2).Draw(t, "order"))
		for range rapid.IntRange(2, 4).Draw(t, "nodes") {
			n := l.start(func(c *Config) { c.Order, c.Links.Max, c.Relay.Flood = order, 3, rng.IntN(4) == 0 })
			if n.h > 1 {
				l.join(n, l.nodes[0])
			}
		}
		someone := func() *member { return l.nodes[rapid.IntRange(0, len(l.nodes)-1).Draw(t, "node")] }
		t.Repeat(map[string]func(*rapid.T){
			"say": func(t *rapid.T) { someone().say("x") },
			"run": func(t *rapid.T) {
				l.run(time.Duration(rapid.Int64Range(0, int64(5*time.Second)).Draw(t, "time")))
			},
			"break": func(t *rapid.T) {
				if n := len(l.ends); n > 0 {
					e := l.ends[rapid.IntRange(0, n-1).Draw(t, "end")]
					l.close(e)
					e.node.step(func() { e.node.Disconnected(l.now, e.id, &e.node.out) })
				}
			},
			"lose packets": func(t *rapid.T) {
				l.losePacket = func() bool { return rng.IntN(4) == 0 }
			},
			"cut": func(t *rapid.T) {
				side := rng.Uint64()
				l.cut = func(a, b *member) bool { return side>>a.h&1 != side>>b.h&1 }
			},
			"heal": func(t *rapid.T) { l.cut = nil },
		})
		l.cut, l.losePacket = nil, nil
		l.run(2 * time.Minute)
		for _, n := range l.nodes {
			if n.seen.Hash() != l.nodes[0].seen.Hash() || len(n.delivered) != len(l.nodes[0].delivered) {
				t.Fatalf("%d has delivered %d, %d has %d", n.h, len(n.delivered), 1, len(l.nodes[0].delivered))
			}
			if g := n.Gauges(); g.HeldMessages != 0 {
				t.Fatalf("%d holds %d back", n.h, g.HeldMessages)
			}
		}
	})
}

func TestConfigIsValidated(t *testing.T) {
	for field, spoil := range map[string]func(*Config){
		"Self":                func(c *Config) { c.Self = peer.None },
		"Directory":           func(c *Config) { c.Directory = nil },
		"History":             func(c *Config) { c.History = 9 },
		"Log.Bytes":           func(c *Config) { c.Log.Bytes = 0 },
		"Log.Age":             func(c *Config) { c.Log.Age = 0 },
		"Relay.Window":        func(c *Config) { c.Relay.Window = 0 },
		"Relay.DigestPart":    func(c *Config) { c.Relay.DigestPart = 0 },
		"Relay.Wants":         func(c *Config) { c.Relay.Wants = 0 },
		"Relay.AnnounceEvery": func(c *Config) { c.Relay.AnnounceEvery = 0 },
		"Relay.CalmAfter":     func(c *Config) { c.Relay.CalmAfter = -1 },
		"GraftAfter":          func(c *Config) { c.GraftAfter = 0 },
		"Origins":             func(c *Config) { c.Origins = 0 },
		"RepairEvery":         func(c *Config) { c.RepairEvery = 0 },
		"Max":                 func(c *Config) { c.Links.Max = 0 },
		"Order":               func(c *Config) { c.Order = 9 },
		"Policy":              func(c *Config) { c.Sampling.Policy.C = 0 },
	} {
		c := DefaultConfig(1, directory{}, newLab(t).start(nil).cfg.Sampling.Policy)
		spoil(&c)
		if _, err := New(0, c, rand.NewPCG(1, 1)); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("a bad %s: %v", field, err)
		}
	}
	if Retained.String()+None.String()+History(9).String() != "retainednoneHistory(9)" {
		t.Error("histories have other names")
	}
}

// Everything that a machine may name is told to the address book's sweep.
func TestHandlesNamesEverybody(t *testing.T) {
	l := newLab(t)
	a, b := l.start(nil), l.start(nil)
	l.join(b, a)
	l.run(2 * time.Second)
	b.say("hello")
	l.run(10 * hop)
	named := map[peer.Handle]bool{}
	a.Handles(func(h peer.Handle) { named[h] = true })
	if !named[a.h] || !named[b.h] || named[peer.None] {
		t.Errorf("named %v", named)
	}
	if a.Started() != time.Hour || len(a.AppendSample(nil, 3)) != 1 || !slices.Equal(a.AppendLinked(nil), []peer.Handle{b.h}) || len(a.View()) != 1 {
		t.Error("a knows b, and says otherwise")
	}
}
