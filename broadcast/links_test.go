package broadcast

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// strangers is a world of a few nodes that know nobody until the story says so.
func strangers(t *testing.T, n int, change func(*LinksConfig)) *world {
	t.Helper()
	cfg := DefaultLinksConfig()
	if change != nil {
		change(&cfg)
	}
	w := newWorld(func(format string, args ...any) { t.Helper(); t.Errorf(format, args...) }, n, cfg)
	for _, n := range w.nodes {
		n.view = nil
	}
	return w
}

// meet lets a node learn of another, and ask it for a link.
func (w *world) meet(a, b *node) {
	a.view = []peer.Descriptor{{Peer: b.self}}
	w.now += 12 * a.links.cfg.Backoff // so that nothing keeps it from asking
	w.step(a, func(*Outbox) {})
	a.view = nil
}

// link links two nodes.
func (w *world) link(a, b *node) {
	w.meet(a, b)
	w.drain()
}

func wantLinked(t *testing.T, why string, a, b *node, want bool) {
	t.Helper()
	if a.links.Linked(b.self) != want || b.links.Linked(a.self) != want {
		t.Errorf("%s: %d and %d are linked: %v, %v; want %v", why,
			a.self, b.self, a.links.Linked(b.self), b.links.Linked(a.self), want)
	}
}

// HyParView, algorithm 1, NEIGHBOR: "if priority = high or there is a free slot,
// accept". Who has other links may be refused, and is told of others to ask.
func TestAFullNodeRefusesWhoHasLinks(t *testing.T) {
	w := strangers(t, 4, func(c *LinksConfig) { c.Max = 1 })
	full, friend, asker, other := w.nodes[0], w.nodes[1], w.nodes[2], w.nodes[3]
	asker.links.cfg.Max = 2
	w.link(full, friend)
	w.link(asker, other)
	full.view = []peer.Descriptor{{Peer: friend.self}}
	w.meet(asker, full)
	w.open(0)
	w.arrive(w.busy()[0])
	reply := w.busy()[0].queue[0]
	if reply.Kind != NeighborReply || reply.Accept || !slices.Equal(reply.Candidates, full.view) {
		t.Errorf("the answer is %+v, want a refusal that names the friend", reply)
	}
	w.drain()
	wantLinked(t, "refused", asker, full, false)
	wantLinked(t, "undisturbed", full, friend, true)
	if full.links.Stats.Refused != 1 {
		t.Errorf("%d refusals are counted", full.links.Stats.Refused)
	}
}

// The same: who would be isolated always gets in, and somebody else has to go.
func TestAFullNodeMakesRoomForTheIsolated(t *testing.T) {
	w := strangers(t, 6, func(c *LinksConfig) { c.Max = 4 })
	full, asker := w.nodes[0], w.nodes[5]
	for _, n := range w.nodes[1:5] {
		w.link(n, full)
	}
	w.link(asker, full)
	wantLinked(t, "it had no link", asker, full, true)
	if full.links.Len() != 4 || full.links.Stats.Evicted != 1 {
		t.Errorf("%d links after %d evictions, want 4 after 1", full.links.Len(), full.links.Stats.Evicted)
	}
	w.symmetric()
}

// A bridge is worth a link at both ends: after a partition all are full, and
// without it no link would ever cross.
func TestABridgeMakesRoomAtBothEnds(t *testing.T) {
	w := strangers(t, 4, func(c *LinksConfig) { c.Max = 1 })
	w.link(w.nodes[0], w.nodes[1])
	w.link(w.nodes[2], w.nodes[3])
	w.step(w.nodes[0], func(out *Outbox) { w.nodes[0].links.Bridge(w.now, w.nodes[2].self, out) })
	w.drain()
	wantLinked(t, "across", w.nodes[0], w.nodes[2], true)
	w.symmetric()
}

// Two nodes ask each other at once. Whatever arrives first, one link is made,
// once: had one end taken the crossed request for a new one, it would have
// dropped the link that the other has just accepted.
func TestCrossedRequestsMakeOneLink(t *testing.T) {
	for schedule := range uint64(1000) {
		w := strangers(t, 2, nil)
		a, b := w.nodes[0], w.nodes[1]
		w.meet(a, b)
		w.meet(b, a)
		w.connect(0)
		w.connect(0)
		r := rand.New(rand.NewPCG(schedule, 0))
		for ends := w.busy(); len(ends) > 0; ends = w.busy() {
			w.now += time.Millisecond
			w.arrive(ends[r.IntN(len(ends))])
		}
		wantLinked(t, "crossed", a, b, true)
		if a.links.Len() != 1 || b.links.Len() != 1 {
			t.Errorf("schedule %d: %v", schedule, w)
		}
		if made := a.links.Stats.Accepted + b.links.Stats.Accepted; made != 2 || a.links.Stats.Lost+b.links.Stats.Lost > 0 {
			t.Errorf("schedule %d: %d ends of links were made and some lost, want 2 and none", schedule, made)
		}
	}
}

// A peer that asks again has lost the old link, even if nobody has noticed here.
func TestAPeerThatAsksAgainHasLostTheLink(t *testing.T) {
	for _, asksFirst := range []int{0, 1} {
		w := strangers(t, 2, nil)
		a, b := w.nodes[0], w.nodes[1]
		w.link(w.nodes[asksFirst], w.nodes[1-asksFirst])
		w.drop(w.ends[1-asksFirst]) // b's end breaks, and a hears nothing of it
		if !a.links.Linked(b.self) || b.links.Linked(a.self) {
			t.Fatalf("the story wants only b's end to break: %v", w)
		}
		w.link(b, a)
		wantLinked(t, "again", a, b, true)
	}
}

// A repair lasts for as long as one end has something to send, even if the
// other has nothing to say.
func TestALongRepairIsNotSilence(t *testing.T) {
	w := strangers(t, 2, nil)
	a, b := w.nodes[0], w.nodes[1]
	w.step(a, func(out *Outbox) { a.links.Repair(w.now, b.self, out) })
	w.run(10 * a.links.cfg.Timeout)
	if len(a.open) != 1 || len(b.open) != 1 {
		t.Errorf("open at the ends are %v and %v, want the repair", a.open, b.open)
	}
	for id := range a.open {
		w.step(a, func(out *Outbox) { a.links.EndRepair(w.now, id, out) })
	}
	w.drain()
	if len(a.open) != 0 || len(b.open) != 0 {
		t.Errorf("open at the ends are %v and %v, want nothing", a.open, b.open)
	}
}

// Repairs are beside the links: bounded on their own, one of our own at a time,
// and also with a peer that is linked, for it may be the only one there is.
func TestRepairs(t *testing.T) {
	w := strangers(t, 5, func(c *LinksConfig) { c.Max, c.Repairs = 1, 2 })
	a := w.nodes[0]
	w.link(a, w.nodes[1])
	for _, n := range w.nodes[1:] {
		w.step(n, func(out *Outbox) { n.links.Repair(w.now, a.self, out) })
		w.step(n, func(out *Outbox) { n.links.Repair(w.now, a.self, out) })
		w.drain()
	}
	wantLinked(t, "beside the repair", a, w.nodes[1], true)
	if len(a.open) != 3 || a.links.Len() != 1 || a.links.Stats.Refused != 2 {
		t.Errorf("open are %v, want a link and two repairs, and two refused", a.open)
	}
	for i, want := range []int{2, 1, 0, 0} {
		if n := w.nodes[i+1]; len(n.open) != want {
			t.Errorf("open at %d are %v, want %d", n.self, n.open, want)
		}
	}
}

// A peer that said no, or could not be reached, is left alone for a while; the
// harness checks that of every dial.
func TestTheUnwillingAreLeftAlone(t *testing.T) {
	w := strangers(t, 2, nil)
	a, b := w.nodes[0], w.nodes[1]
	a.view = []peer.Descriptor{{Peer: b.self}}
	b.links.Leave() // refuses whatever comes
	dials := 0
	for until := w.now + 10*time.Minute; w.now < until; {
		w.now = a.links.Deadline()
		w.tick(a)
		dials += len(w.dials)
		w.drain()
	}
	// Isolated, a asks again after a tenth of the back-off, half to one and a
	// half of it; rounds that bring nothing double up to a minute.
	if dials < 10 || dials > 40 {
		t.Errorf("b was asked %d times in ten minutes", dials)
	}
}

// Nobody is asked twice at once, and what is not answered is given up.
func TestUnanswered(t *testing.T) {
	w := strangers(t, 2, nil)
	a, b := w.nodes[0], w.nodes[1]
	w.meet(a, b)
	for range 3 { // a dial that never ends
		w.step(a, func(*Outbox) { a.view = []peer.Descriptor{{Peer: b.self}} })
	}
	if len(w.dials) != 1 {
		t.Fatalf("%d dials, want one", len(w.dials))
	}
	a.view = nil
	w.now += a.links.cfg.Answer
	w.tick(a)
	if len(a.links.dials) != 0 {
		t.Error("the dial is still waited for")
	}
	w.open(0) // too late
	w.drain()
	wantLinked(t, "the dial was given up before", a, b, false)

	w.meet(a, b) // a request that nobody answers
	w.open(0)
	w.now += a.links.cfg.Answer
	w.tick(a)
	w.tick(b)
	if len(a.links.conns)+len(b.links.conns) != 0 {
		t.Errorf("still open: %d and %d", len(a.links.conns), len(b.links.conns))
	}
}

// What breaks the rules ends the connection and nothing else.
func TestFramesOutOfTurn(t *testing.T) {
	w := strangers(t, 2, nil)
	a, b := w.nodes[0], w.nodes[1]
	w.link(a, b)
	w.step(b, func(out *Outbox) { out.send(2, Frame{Kind: Neighbor}) })
	w.drain()
	wantLinked(t, "asked on a link", a, b, false)
	w.link(a, b)
	w.step(b, func(out *Outbox) { out.send(4, Frame{Kind: NeighborReply, Accept: true}) })
	w.drain()
	wantLinked(t, "answered twice", a, b, false)
	w.step(a, func(out *Outbox) { a.links.Handle(w.now, 99, &Frame{Kind: Neighbor}, nil, out) })
	w.step(a, func(out *Outbox) { a.links.Opened(w.now, 99, a.self, false, out); out.Closes = nil })
	if len(a.links.conns) != 0 {
		t.Error("a node took a connection from itself")
	}
}

// Who was refused must not ask again on the same connection: that one was taken for
// neither a link nor a rival for one, so that the peer could have had several (B4).
func TestAskingAgainAfterARefusal(t *testing.T) {
	cfg := DefaultLinksConfig()
	cfg.Max = 2
	l, out := NewLinks(cfg, 1, rand.NewPCG(1, 1).Uint64), &Outbox{}
	ask := func(id LinkID, priority bool) {
		l.Handle(0, id, &Frame{Kind: Neighbor, Token: uint64(id), Priority: priority}, nil, out)
	}
	for id, p := range []peer.Handle{2, 3, 4, 4} {
		l.Opened(0, LinkID(id+1), p, false, out)
	}
	ask(1, false)
	ask(2, false)
	ask(3, false) // there is no room
	ask(3, true)
	ask(4, true)
	if got := l.AppendPeers(nil); len(got) != 2 || got[0] == got[1] {
		t.Errorf("links with %v", got)
	}
	if !slices.Contains(out.Closes, 3) {
		t.Errorf("closed are %v, want the connection that asked twice", out.Closes)
	}
}

func TestLinksConfigIsValidated(t *testing.T) {
	if err := DefaultLinksConfig().Validate(); err != nil {
		t.Error(err)
	}
	for field, spoil := range map[string]func(*LinksConfig){
		"Max":       func(c *LinksConfig) { c.Max = 33 },
		"Repairs":   func(c *LinksConfig) { c.Repairs = 0 },
		"Heartbeat": func(c *LinksConfig) { c.Heartbeat = 0 },
		"Timeout":   func(c *LinksConfig) { c.Timeout = c.Heartbeat },
		"Answer":    func(c *LinksConfig) { c.Answer = 0 },
		"Backoff":   func(c *LinksConfig) { c.Backoff = -1 },
	} {
		c := DefaultLinksConfig()
		spoil(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("a bad %s: %v", field, err)
		}
	}
}

// "A lost link is replaced from the sample at once", and by somebody else than
// who gave it up.
func TestALostLinkIsReplacedAtOnce(t *testing.T) {
	w := strangers(t, 3, func(c *LinksConfig) { c.Max = 1 })
	a, b, c := w.nodes[0], w.nodes[1], w.nodes[2]
	w.link(a, b)
	a.view = []peer.Descriptor{{Peer: b.self}, {Peer: c.self}}
	w.step(b, func(out *Outbox) { b.links.Disconnect(w.now, out) })
	w.drain() // no time passes
	wantLinked(t, "the other peer of the view", a, c, true)
	wantLinked(t, "it gave the link up", a, b, false)
}

// Room is made by giving up a link that is spare, if there is one; any of these, and
// any at all if there is none. Those that are kept do not go, spare or not.
func TestSpareLinksAreGivenUpFirst(t *testing.T) {
	for _, test := range []struct {
		why   string
		spare []int // of the eight links, the older four of which are kept
		mayGo []int
	}{
		{"one is spare", []int{6}, []int{6}},
		{"two are", []int{4, 7}, []int{4, 7}},
		{"none is", nil, []int{4, 5, 6, 7}},
		{"one that is kept is", []int{0}, []int{4, 5, 6, 7}},
		{"all are", []int{0, 1, 2, 3, 4, 5, 6, 7}, []int{4, 5, 6, 7}},
	} {
		gone := map[int]bool{}
		for seed := range uint64(64) {
			w := strangers(t, 10, func(c *LinksConfig) { c.Max = 8 })
			full, friends := w.nodes[0], w.nodes[1:9]
			for _, n := range friends {
				w.link(n, full)
			}
			w.now += proven * full.links.cfg.Backoff
			full.links.draw = rand.NewPCG(seed, 1).Uint64
			full.links.Spare = func(id LinkID) bool {
				p, _ := full.links.PeerOf(id)
				return slices.ContainsFunc(test.spare, func(i int) bool { return friends[i].self == p })
			}
			w.link(w.nodes[9], full) // has no other
			for i, n := range friends {
				if !full.links.Linked(n.self) {
					gone[i] = true
				}
			}
		}
		if got := slices.Sorted(maps.Keys(gone)); !slices.Equal(got, test.mayGo) {
			t.Errorf("%s: given up were %v, want %v", test.why, got, test.mayGo)
		}
	}
}

// Connections that ask for nothing do not pile up: beyond the bound the newest is closed
// at once, and whoever opens many has a few. All are gone when their time is over, and
// while they wait nobody else is kept out.
func TestConnectionsThatAskForNothing(t *testing.T) {
	w := strangers(t, 2, nil)
	l, out := w.nodes[0].links, new(Outbox)
	for i := range maxWaitingOf + 3 {
		l.Opened(w.now, LinkID(1000+i), 99, false, out)
	}
	if len(l.conns) != maxWaitingOf || len(out.Closes) != 3 || l.Stats.Crowded != 3 {
		t.Errorf("of one peer %d wait, %d are closed, %d counted", len(l.conns), len(out.Closes), l.Stats.Crowded)
	}
	for i := range 2 * maxWaiting {
		l.Opened(w.now, LinkID(2000+i), peer.Handle(200+i), false, out)
	}
	if len(l.conns) != maxWaiting || !slices.Contains(out.Closes, 2000+2*maxWaiting-1) {
		t.Errorf("%d wait, the bound is %d", len(l.conns), maxWaiting)
	}
	waiting := len(l.conns)
	l.Tick(w.now+l.cfg.Answer, out)
	if len(l.conns) != 0 {
		t.Errorf("%d wait for ever", len(l.conns))
	}
	t.Logf("of %d connections %d wait, and %d after %v", maxWaitingOf+3+2*maxWaiting, waiting, len(l.conns), l.cfg.Answer)
}

// Dials have a bound, too, whoever comes back in whatever numbers.
func TestDialsAreBounded(t *testing.T) {
	w := strangers(t, 2, nil)
	l, out := w.nodes[0].links, new(Outbox)
	for i := range 2 * maxDials {
		l.Bridge(w.now, peer.Handle(200+i), out)
	}
	if l.Repair(w.now, 900, out); len(l.dials) != maxDials || len(out.Dials) != maxDials {
		t.Errorf("%d dials, the bound is %d", len(l.dials), maxDials)
	}
}

// Who is punished loses all connections, and is let in again after a while that is
// twice as long each time, and forgiven once it has behaved for as long.
func TestPunishment(t *testing.T) {
	l, now, liar := strangers(t, 2, nil).nodes[0].links, time.Hour, peer.Handle(9)
	for times := 1; times <= 4; times++ {
		out := new(Outbox)
		if l.Opened(now, LinkID(times), liar, false, out); len(out.Closes) > 0 {
			t.Errorf("offence %d: not free again", times)
		}
		if l.Punish(now, liar, out); len(l.conns) > 0 || len(out.Closes) != 1 {
			t.Errorf("offence %d: it keeps %d connections", times, len(l.conns))
		}
		now += l.cfg.Backoff << (times - 1)
		out = new(Outbox)
		l.Opened(now-1, 5000, liar, false, out)
		l.Bridge(now-1, liar, out)
		if l.Repair(now-1, liar, out); len(out.Closes) != 1 || len(out.Dials) != 0 || len(l.conns) != 0 {
			t.Errorf("offence %d: %+v within the ban", times, out)
		}
	}
	l.Punish(now+time.Hour, liar, new(Outbox))
	if got := l.offenders[0].times; got != 1 {
		t.Errorf("after an hour of peace it is offence %d", got)
	}
	for i := range 2 * maxOffenders {
		l.Punish(now+time.Hour, peer.Handle(100+i), new(Outbox))
	}
	if len(l.offenders) != maxOffenders {
		t.Errorf("%d offenders are remembered", len(l.offenders))
	}
}
