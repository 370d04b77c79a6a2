package broadcast

import (
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"pgregory.net/rapid"
)

// treeHub has links that are up and in step.
func treeHub(t *testing.T, change func(*RelayConfig), links int) (*hub, []*spoke) {
	t.Helper()
	cfg := DefaultRelayConfig()
	if change != nil {
		change(&cfg)
	}
	h := quietHub(t, cfg, 1<<20)
	for range links {
		h.hearAll(h.open(false, nil))
	}
	return h, h.links
}

// Plumtree, algorithm 1: who brings messages again, after another link of the
// tree has brought them, need not bring any more.
func TestOnlyALinkThatWasSlowerIsPruned(t *testing.T) {
	for _, test := range []struct {
		why  string
		flat bool // flood
		tell func(h *hub, a, b *spoke) *Message
		want mode // of b, after it has brought the message again
	}{
		{"a was faster", false, func(h *hub, a, b *spoke) *Message { return h.add(2, 0, a) }, pruned},
		{"a was faster, but all are to bring everything", true, func(h *hub, a, b *spoke) *Message { return h.add(2, 0, a) }, eager},
		{"it is this node's own", false, func(h *hub, a, b *spoke) *Message { return h.add(1, 0) }, eager},
		{"b itself brought it first", false, func(h *hub, a, b *spoke) *Message { return h.add(2, 0, b) }, eager},
		{"both brought it before it could be delivered", false, func(h *hub, a, b *spoke) *Message { return h.add(2, 0, a, b) }, pruned},
		{"a was asked for it, and is no part of the tree", false, func(h *hub, a, b *spoke) *Message {
			h.hearPrune(a)
			return h.add(2, 0, a)
		}, eager},
		{"a is gone", false, func(h *hub, a, b *spoke) *Message {
			m := h.add(2, 0, a)
			h.close(a)
			return m
		}, eager},
		{"a is gone, and a younger link has its place in the books", false, func(h *hub, a, b *spoke) *Message {
			m := h.add(2, 0, a)
			h.close(a)
			h.hearAll(h.open(false, nil))
			return m
		}, eager},
		{"a repair was faster", false, func(h *hub, a, b *spoke) *Message {
			r := h.open(true, nil)
			h.hearAll(r)
			return h.add(2, 0, r)
		}, eager},
	} {
		h, links := treeHub(t, func(c *RelayConfig) { c.Flood = test.flat }, 2)
		m := test.tell(h, links[0], links[1])
		h.duplicate(links[1], m)
		h.settle()
		if links[1].mode != test.want {
			t.Errorf("%s: the link has mode %d, want %d", test.why, links[1].mode, test.want)
		}
		h.duplicate(links[1], m) // what was on its way brings no second PRUNE
		h.checkTree()
	}
}

// A link that brings something in vain now and then is not pruned, but when it is
// new: the tree would never rest. Nor is one for two of which the first was before it
// was grafted.
func TestALinkIsPrunedForWhatItDoesOften(t *testing.T) {
	h, links := treeHub(t, nil, 2)
	a, b := links[0], links[1]
	next := func() *Message {
		h.now += burstSpan // one by one
		return h.add(2, 0, a)
	}
	vain := func() { h.duplicate(b, next()) }
	fresh := func(n int) {
		for range n {
			next()
		}
	}
	fresh(vainSpan)
	for range 5 {
		vain()
		fresh(vainSpan)
	}
	vain()
	h.hearPrune(b)
	h.hearGraft(b)
	vain()
	if b.mode != eager {
		t.Fatal("pruned, although it did so rarely")
	}
	fresh(vainSpan - 1)
	if vain(); b.mode != pruned {
		t.Error("not pruned, although it did so twice in a while")
	}
	c := h.open(false, nil)
	h.hearAll(c)
	fresh(vainSpan - 1)
	if h.duplicate(c, next()); c.mode != pruned {
		t.Error("a new link is not pruned for the first")
	}
}

// Of messages that are under way together only one in so many has links pruned, that
// there is never more than one of these under way; it is every one again when they come
// one by one.
func TestOneOfThoseUnderWayTogetherJudges(t *testing.T) {
	h, links := treeHub(t, nil, 2)
	a, b := links[0], links[1]
	origin := originAt(16, 3) // its thirteenth is the first that counts, of every sixteen
	h.add(origin, 0, a)
	h.now += burstSpan // it goes on
	var first []*Message
	for range 6 {
		first = append(first, h.add(origin, 0, a))
	}
	for _, m := range first[:5] { // five after the first: every sixteenth
		h.duplicate(b, m)
	}
	if b.mode != eager {
		t.Fatal("pruned for messages that are under way together")
	}
	for range 5 {
		h.add(origin, 0, a)
	}
	thirteenth := h.add(origin, 0, a)
	if h.duplicate(b, thirteenth); b.mode != pruned {
		t.Error("not pruned for the one that counts, and it is a new link")
	}
	c := h.open(false, nil)
	h.hearAll(c)
	for range 4 * spreadMemory {
		h.now += burstSpan
		if m := h.add(origin, 0, a); !h.counts(m) {
			h.duplicate(c, m)
		}
	}
	h.now += burstSpan
	h.duplicate(c, h.add(origin, 0, a))
	h.now += burstSpan
	if h.duplicate(c, h.add(origin, 0, a)); c.mode != pruned || h.step() != 1 {
		t.Errorf("mode %d; one in %d has links pruned, although they come one by one", c.mode, h.step())
	}
}

// In a burst nothing has come again that would tell how much is under way together: the first
// message has links pruned, which is the same everywhere, no other until the burst has gone
// on for a while, and then one in as many as there were lately.
func TestTheFirstOfABurstJudges(t *testing.T) {
	for _, test := range []struct {
		why    string
		before time.Duration // since the one before the burst
		at     time.Duration // since the first of the burst; the others came evenly
		nth    int           // of it comes in vain
		want   mode
	}{
		{"the first", judgeSpan + 1, 0, 1, pruned},
		{"the second", judgeSpan + 1, 0, 2, eager},
		{"the hundredth", judgeSpan + 1, burstSpan - 1, 100, eager},
		{"one that counts, when it goes on", judgeSpan + 1, burstSpan, 128, pruned},
		{"one that does not", judgeSpan + 1, burstSpan, 129, eager},
		{"the first after one that was a moment ago", judgeSpan, 0, 1, pruned},
		{"the second after it", judgeSpan, 0, 2, pruned},
		{"the hundredth after it", judgeSpan, 0, 100, eager},
		{"the one that counts", judgeSpan, 0, 128, pruned},
	} {
		h, links := treeHub(t, nil, 2)
		origin := originAt(1<<10, 1<<10-1) // of the burst each at a multiple of a power of two counts
		h.add(origin, 0, links[0])
		h.now += test.before
		var m *Message
		began := h.now
		for i := range test.nth {
			h.now = began + test.at*time.Duration(i)/time.Duration(max(1, test.nth-1))
			m = h.add(origin, 0, links[0])
		}
		b := h.open(false, nil)
		h.hearAll(b)
		h.duplicate(b, m)
		if h.settle(); b.mode != test.want {
			t.Errorf("%s: the link has mode %d, want %d", test.why, b.mode, test.want)
		}
	}
}

// A link that was grafted is pruned for two in vain; where little bursts follow each other,
// these are the first of two, whatever their numbers are.
func TestLittleBurstsHaveLinksPruned(t *testing.T) {
	for rest := range uint64(8) {
		h, links := treeHub(t, nil, 2)
		a, b := links[0], links[1]
		h.hearPrune(b)
		h.hearGraft(b)
		origin := originAt(8, rest)
		for range 2 {
			h.now += judgeSpan + 1
			var burst []*Message
			for range 1000 {
				burst = append(burst, h.add(origin, 0, a))
				if n := len(burst); n > 3 {
					h.duplicate(b, burst[n-4])
				}
			}
			h.settle()
		}
		if b.mode != pruned {
			t.Errorf("place %d: all of two bursts has come in vain, and the link has mode %d", rest, b.mode)
		}
	}
}

// While an origin with a lesser place speaks once in a second or a little more, links are pruned by
// what others say between.
func TestWhoSpeaksNowAndThenStopsNoPruning(t *testing.T) {
	least, other := peer.Handle(2), peer.Handle(3)
	if s := newSeen(); mix(s.hashOf(other)) < mix(s.hashOf(least)) {
		least, other = other, least
	}
	h, links := treeHub(t, nil, 2)
	a, b := links[0], links[1]
	h.hearPrune(b)
	h.hearGraft(b)
	for range 20 {
		h.add(least, 0, a)
		for range 120 {
			h.now += 10 * time.Millisecond
			h.duplicate(b, h.add(other, 0, a))
		}
	}
	if b.mode != pruned {
		t.Errorf("the link has mode %d", b.mode)
	}
}

// originAt is an origin whose place is so much more than a multiple of step.
func originAt(step, rest uint64) peer.Handle {
	s := newSeen()
	for h := peer.Handle(2); ; h++ {
		if mix(s.hashOf(h))%step == rest {
			return h
		}
	}
}

// After one origin had several messages under way, everybody broadcasts once. All these
// messages have the number one, and some of them count all the same.
func TestThoseWhoSpeakOnceJudgeAsWell(t *testing.T) {
	h, links := treeHub(t, nil, 2)
	a, b := links[0], links[1]
	h.hearPrune(b)
	h.hearGraft(b) // is judged by two in vain
	var together []*Message
	for range 4 {
		together = append(together, h.add(2, 0, a))
	}
	h.duplicate(b, together[0])
	if h.step() != 8 {
		t.Fatalf("one in %d counts, want 8", h.step())
	}
	c := h.open(false, nil)
	h.hearAll(c)
	for _, test := range []struct {
		rest uint64
		want mode
	}{{0, eager}, {6, eager}, {7, pruned}} {
		h.now += judgeSpan // or else only who has a lesser place is a judge
		h.duplicate(c, h.add(originAt(8, test.rest), 0, a))
		if c.mode != test.want {
			t.Errorf("a place that is %d more than a multiple of eight: the link has mode %d, want %d", test.rest, c.mode, test.want)
		}
	}
}

// Who sends old messages again does not keep others from having links pruned, and what
// was under way together long ago says nothing.
func TestOldMessagesSayNothingOfThoseUnderWay(t *testing.T) {
	h, links := treeHub(t, nil, 2)
	a, b := links[0], links[1]
	var old []*Message
	for range 500 {
		old = append(old, h.add(2, 0, a))
	}
	h.hearPrune(b)
	h.hearGraft(b) // is judged by two in vain
	h.now += spreadSpan + 1
	h.add(2, 0, a)
	for _, m := range old {
		h.duplicate(b, m)
	}
	if h.step() != 1 {
		t.Errorf("one in %d has links pruned, for messages of long ago", h.step())
	}
	for range 500 {
		old = append(old, h.add(2, 0, a))
	}
	h.hearPrune(b)
	h.hearGraft(b)
	h.duplicate(b, old[500])
	if h.step() < 500 {
		t.Fatalf("one in %d has links pruned, of 500 under way", h.step())
	}
	h.now += spreadSpan + 1
	c := h.open(false, nil)
	h.hearAll(c)
	h.duplicate(c, h.add(2, 0, a))
	if h.settle(); c.mode != pruned {
		t.Error("a new link is not pruned, although nothing has been under way for long")
	}
}

// While several origins talk, a link is judged by the messages of one of them, the one
// that is the least everywhere; when that one has fallen silent, by another's.
func TestLinksAreJudgedByOneOrigin(t *testing.T) {
	least, other := peer.Handle(2), peer.Handle(3)
	if s := newSeen(); mix(s.hashOf(other)) < mix(s.hashOf(least)) {
		least, other = other, least
	}
	for _, test := range []struct {
		why     string
		silence time.Duration // of the least, before the other's message comes in vain
		want    mode
	}{
		{"the least has just talked", judgeSpan - 1, eager},
		{"the least is silent", judgeSpan, pruned},
	} {
		h, links := treeHub(t, nil, 2)
		h.add(least, 0, links[0])
		h.now += test.silence
		h.duplicate(links[1], h.add(other, 0, links[0]))
		if links[1].mode != test.want {
			t.Errorf("%s: the link has mode %d, want %d", test.why, links[1].mode, test.want)
		}
		h.duplicate(links[1], h.add(least, 0, links[0]))
		if links[1].mode != pruned {
			t.Errorf("%s: and then it talks, and the link has mode %d", test.why, links[1].mode)
		}
	}
}

// What is remembered of those who talk is bounded, however they come.
func TestJudgesAreBounded(t *testing.T) {
	var j judges
	for place := range uint64(1000) {
		if judge := j.hear(time.Duration(place), place) != noJudge; judge != (place == 0) {
			t.Fatalf("%d is a judge: %v", place, judge)
		}
	}
	if len(j.latest) > maxHeard || j.count != 1 {
		t.Errorf("%d are remembered, and %d were judges", len(j.latest), j.count)
	}
	if j.hear(time.Minute, 1<<60) == noJudge || len(j.latest) != 1 {
		t.Errorf("a minute later %d are remembered", len(j.latest))
	}
}

// The two ends of a link prune and graft it at the same time, as they like; what
// they say crosses. Once all has arrived they agree.
func TestBothEndsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var hubs [2]*hub
		var queue [2][]FrameKind // on its way from each
		for i := range hubs {
			hubs[i] = newHub(t.Fatalf, DefaultRelayConfig(), 1<<20)
			for range rapid.IntRange(1, 2).Draw(t, "links") {
				hubs[i].hearAll(hubs[i].open(false, nil))
			}
		}
		said := 0
		step := func(i int, do func(r *Relay, out *Outbox)) {
			h := hubs[i]
			do(h.relay, &h.out)
			for _, x := range h.out.Sends {
				if x.Link == 1 {
					queue[i] = append(queue[i], x.Frame.Kind)
					said++
				}
			}
			h.out.Reset()
		}
		arrive := func(i int) {
			if len(queue[i]) == 0 {
				return
			}
			kind := queue[i][0]
			queue[i] = queue[i][1:]
			step(1-i, func(r *Relay, out *Outbox) {
				if kind == Prune {
					r.HandlePrune(0, 1, out)
				} else {
					r.HandleGraft(0, 1, out)
				}
			})
		}
		who := func(t *rapid.T) int { return rapid.IntRange(0, 1).Draw(t, "who") }
		wishes := 0
		t.Repeat(map[string]func(*rapid.T){
			"prune": func(t *rapid.T) {
				wishes++
				step(who(t), func(r *Relay, out *Outbox) { r.prune(0, r.find(1), out) })
			},
			"graft": func(t *rapid.T) {
				wishes++
				step(who(t), func(r *Relay, out *Outbox) { r.Graft(0, 1, out) })
			},
			"arrive": func(t *rapid.T) { arrive(who(t)) },
		})
		for i := 0; len(queue[0])+len(queue[1]) > 0; i++ {
			arrive(i % 2)
		}
		if a, b := hubs[0].relay.find(1).mode == eager, hubs[1].relay.find(1).mode == eager; a != b {
			t.Fatalf("one end holds the link to be eager: %v, the other: %v", a, b)
		}
		if said > 3*wishes {
			t.Fatalf("%d frames for %d wishes", said, wishes)
		}
	})
}

// A link that floods does as its peer wishes, and has no wishes.
func TestAFloodingNodeIsPrunedAllTheSame(t *testing.T) {
	h, links := treeHub(t, func(c *RelayConfig) { c.Flood = true }, 2)
	h.hearPrune(links[0])
	h.add(1, 0)
	h.pump()
	h.now += h.relay.cfg.AnnounceEvery
	h.pump()
	if len(links[0].announced) != 1 || len(links[1].got) != 1 {
		t.Errorf("announced %d on the link that was pruned, sent %d on the other; want one each", len(links[0].announced), len(links[1].got))
	}
}

// Announcements wait for one another for a while, and leave out what the peer is
// known to have; what comes when the link is eager again is sent.
func TestAnnouncementsAreGathered(t *testing.T) {
	h, links := treeHub(t, func(c *RelayConfig) { c.Wants = 3 }, 2)
	s := links[0]
	h.hearPrune(s)
	start := h.now
	for range 8 {
		h.add(1, 0)
		h.pump()
		h.now += time.Millisecond
	}
	h.add(2, 0, s)
	h.announce(s, h.all[3])
	if len(s.announced) != 0 || h.relay.Deadline() != start+h.relay.cfg.AnnounceEvery {
		t.Fatalf("%d announced, due at %v, want all of them %v after the first", len(s.announced), h.relay.Deadline(), h.relay.cfg.AnnounceEvery)
	}
	h.now = start + h.relay.cfg.AnnounceEvery
	if h.pump(); len(s.unwritten) != 3 {
		t.Errorf("%d frames, want 3 of at most 3 announcements", len(s.unwritten))
	}
	if len(s.announced) != 7 || s.announced[3] || s.announced[8] {
		t.Errorf("announced positions %v, want all but 3, which the peer has announced, and 8, which it has brought", s.announced)
	}
	if h.relay.Deadline() != Never || h.relay.Stats.Announced != 7 {
		t.Errorf("due again at %v, counted %d", h.relay.Deadline(), h.relay.Stats.Announced)
	}
	h.hearGraft(s)
	m := h.add(1, 0)
	if h.pump(); len(s.got) != 1 || h.all[s.got[0]] != m {
		t.Errorf("sent %v, want what came after the GRAFT alone", s.got)
	}
}

// calmHub has two links, one of them lazy, and its tree has been whole for long.
func calmHub(t *testing.T) (h *hub, branch, lazy *spoke) {
	t.Helper()
	h, links := treeHub(t, nil, 2)
	h.hearPrune(links[1])
	h.now += h.relay.cfg.CalmAfter
	return h, links[0], links[1]
}

// Where little is said and the tree is whole, announcements wait for one another: of ten
// messages a second eleven go into the first frame, and fourteen into each of the others,
// unless the peer announces something meanwhile.
func TestAWholeTreeAnnouncesSeldom(t *testing.T) {
	h, _, s := calmHub(t)
	for range 11 + 9*14 {
		h.add(1, 0)
		h.pump()
		h.now += 100 * time.Millisecond
	}
	if len(s.announced) != len(h.all) || len(s.unwritten) != 10 {
		t.Errorf("of %d messages %d are announced, in %d frames; want all, in ten", len(h.all), len(s.announced), len(s.unwritten))
	}
	h.announce(s, h.all[0])
	for range 11 {
		h.add(1, 0)
		h.pump()
		h.now += 100 * time.Millisecond
	}
	if len(s.unwritten) != 11 {
		t.Error("the peer was the last to announce something, and has to wait for its turn longer than for this node's")
	}
}

// What this node has had for a while and the peer leaves out when it announces what it has
// is announced at once: the peer lacks it. What has just come may be on its way to it.
func TestWhatThePeerLeavesOutIsAnnouncedAtOnce(t *testing.T) {
	for _, test := range []struct {
		why      string
		age      time.Duration
		disturbs bool
		want     bool
	}{
		{"it should have come there as well", lateAfter, false, true},
		{"it may be on its way", lateAfter - 1, false, false},
		{"it waits for no turn in any case", 10 * time.Millisecond, true, false},
	} {
		h, branch, s := calmHub(t)
		had := h.add(2, 0, branch)
		h.pump()
		if test.disturbs {
			h.relay.Asked(h.now)
		}
		missed := h.log.End()
		h.add(2, 0, branch)
		h.pump()
		h.now += test.age
		h.announce(s, had)
		if h.pump(); s.announced[missed] != test.want {
			t.Errorf("%s: announced: %v, want %v", test.why, s.announced[missed], test.want)
		}
	}
}

// What may mean that the tree is broken has what is gathered announced soon, and for a
// while; what does not mean that has it wait.
func TestABrokenTreeAnnouncesSoon(t *testing.T) {
	want := func(h *hub, s *spoke, check bool) {
		h.wanted = h.all[0]
		h.relay.HandleWant(h.now, s.id, &Frame{Wants: []WantEntry{{Dot: h.all[0].Dot, Check: check}}}, &h.out)
		h.take()
	}
	for _, test := range []struct {
		why  string
		do   func(h *hub, branch, lazy *spoke)
		soon bool
	}{
		{"nothing happens", func(h *hub, branch, lazy *spoke) {}, false},
		{"a link comes up", func(h *hub, branch, lazy *spoke) { h.open(false, nil) }, true},
		{"a repair begins and ends", func(h *hub, branch, lazy *spoke) {
			r := h.open(true, nil)
			h.hearAll(r)
			h.close(r)
		}, false},
		{"a lazy link is lost", func(h *hub, branch, lazy *spoke) { h.close(h.links[2]) }, true},
		{"the peer of a lazy link asks for a message", func(h *hub, branch, lazy *spoke) { want(h, h.links[2], false) }, true},
		{"the peer of a branch asks what was delivered", func(h *hub, branch, lazy *spoke) { want(h, branch, true) }, false},
		{"this node asks for a message", func(h *hub, branch, lazy *spoke) { h.relay.Asked(h.now) }, true},
		{"another link is grafted", func(h *hub, branch, lazy *spoke) { h.hearGraft(h.links[2]) }, true},
		{"this node grafts another link", func(h *hub, branch, lazy *spoke) { h.relay.Graft(h.now, h.links[2].id, &h.out); h.take() }, true},
		{"a branch is pruned", func(h *hub, branch, lazy *spoke) { h.hearPrune(branch) }, true},
		{"a message comes that has waited somewhere", func(h *hub, branch, lazy *spoke) { h.age = lateAfter; h.add(3, 0, branch) }, true},
		{"a message comes that has not", func(h *hub, branch, lazy *spoke) { h.age = lateAfter - 1; h.add(3, 0, branch) }, false},
		{"the peer announces another message", func(h *hub, branch, lazy *spoke) { h.announce(lazy, h.all[0]) }, false},
	} {
		h, links := treeHub(t, nil, 3)
		branch, lazy := links[0], links[1]
		h.hearPrune(lazy)
		h.hearPrune(links[2])
		h.now += h.relay.cfg.CalmAfter
		h.add(2, 0, branch)
		h.add(2, 0, branch)
		h.pump()
		h.now += h.relay.cfg.AnnounceEvery
		h.pump()
		if len(lazy.announced) != 0 {
			t.Fatalf("%s: announced %v although nothing has happened yet", test.why, lazy.announced)
		}
		test.do(h, branch, lazy)
		h.pump()
		if soon := len(lazy.announced) > 0; soon != test.soon {
			t.Errorf("%s: announced at once: %v, want %v", test.why, soon, test.soon)
		}
	}
}

// Under load nothing waits for long: trees break then, and a peer must not be told of a
// great deal at one moment. Nor does what comes soon after.
func TestNothingWaitsUnderLoad(t *testing.T) {
	h, _, s := calmHub(t)
	for n := 1; n <= 5*crowd; n++ {
		h.add(1, 0)
		h.pump()
		if h.now += time.Millisecond; len(s.announced) < n-crowd {
			t.Fatalf("of %d messages %d are announced, %d may wait", n, len(s.announced), crowd)
		}
	}
	h.now += time.Second
	h.add(1, 0)
	h.pump()
	h.now += h.relay.cfg.AnnounceEvery
	if h.pump(); len(s.announced) != len(h.all) {
		t.Errorf("of %d messages %d are announced a second later", len(h.all), len(s.announced))
	}
}

// That is so for messages that come at one moment as well, and are all that comes: nothing
// else may have the node look again.
func TestWhatComesAtOneMomentIsALoad(t *testing.T) {
	for _, test := range []struct {
		messages int
		soon     bool
	}{{crowd - 1, false}, {crowd, true}} {
		h, _, s := calmHub(t)
		for range test.messages {
			h.add(1, 0)
		}
		h.pump()
		h.now += h.relay.cfg.AnnounceEvery
		if soon := h.relay.Deadline() <= h.now; soon != test.soon {
			t.Errorf("%d messages: announced soon: %v, want %v", test.messages, soon, test.soon)
		}
		h.now = h.relay.Deadline()
		if h.pump(); len(s.announced) != test.messages {
			t.Errorf("%d of %d are announced", len(s.announced), test.messages)
		}
	}
}

// Both ends of a lazy link have the message. The one that has not dialled waits for half
// as long again, and has nothing left to announce when the other has by then.
func TestOneEndAnnounces(t *testing.T) {
	for _, told := range []bool{true, false} {
		h, _ := treeHub(t, nil, 1)
		h.patient = true
		s := h.open(false, nil)
		h.hearAll(s)
		h.hearPrune(s)
		m := h.add(1, 0)
		h.pump()
		h.now += h.relay.cfg.AnnounceEvery
		if h.pump(); len(s.announced) != 0 {
			t.Fatalf("announced %v as soon as the other end", s.announced)
		}
		if told {
			h.announce(s, m)
		}
		h.now += h.relay.cfg.AnnounceEvery / 2
		if h.pump(); (len(s.announced) == 0) != told {
			t.Errorf("the other end has announced it, %v; announced %v", told, s.announced)
		}
	}
}

// Announcements take room in a link's window like messages, for they must not
// pile up either, and their link is idle only when the socket has taken them.
func TestAnnouncementsWaitForRoom(t *testing.T) {
	h, links := treeHub(t, func(c *RelayConfig) { c.Window, c.Wants = 100, 2 }, 2)
	s, other := links[0], links[1]
	h.hearPrune(s)
	for range 9 {
		h.add(1, 0)
		h.pump()
		h.written(other)
	}
	wait := func() {
		h.now += h.relay.cfg.AnnounceEvery
		h.pump()
	}
	wait()
	if len(s.announced) != 4 || h.relay.Deadline() != Never {
		t.Fatalf("%d are announced, want two frames of two; due again at %v", len(s.announced), h.relay.Deadline())
	}
	for range 2 {
		h.written(s)
		h.written(s)
		h.pump()
		wait()
	}
	if idle := h.relay.AppendIdle(nil); len(s.announced) != 9 || len(idle) != 1 || idle[0] != other.id {
		t.Errorf("%d are announced; idle %v, want the other link alone", len(s.announced), idle)
	}
	if h.written(s); len(h.relay.AppendIdle(nil)) != 2 {
		t.Error("all is written, and the links are not idle")
	}
}

// A message that was asked for and sent is not sent again when the cursor comes
// to it, nor announced.
func TestWhatWasAskedForIsNotSentAgain(t *testing.T) {
	h, links := treeHub(t, nil, 2)
	h.hearPrune(links[0])
	m := h.add(1, 0)
	h.wanted = m
	for _, s := range links {
		h.relay.HandleWant(h.now, s.id, &Frame{Wants: []WantEntry{{Dot: m.Dot}}}, &h.out)
		h.take()
	}
	h.pump()
	h.now += time.Second
	h.pump()
	if len(links[0].got) != 1 || len(links[1].got) != 1 || len(links[0].announced) != 0 {
		t.Errorf("sent %v and %v, announced %v; want it sent once on each", links[0].got, links[1].got, links[0].announced)
	}
}

// tire has the hub heal as often as it may.
func (h *hub) tire() { h.relay.healed = h.now + healBurst*healEvery }

// A node whose tree links are all gone, and that has healed too often, has one of the
// others bring messages, one that it has pruned itself if there is one, and sends on it
// what it had sent to nobody.
func TestTheLastTreeLinkIsReplaced(t *testing.T) {
	h, links := treeHub(t, func(c *RelayConfig) { c.Window = overhead }, 4)
	a, b, c := links[0], links[1], links[2]
	h.hearPrune(b)
	h.hearPrune(links[3])
	m := h.add(2, 0, a)
	h.now += burstSpan / 2
	h.duplicate(c, m)
	h.duplicate(c, h.add(2, 0, a))
	if a.mode != eager || b.mode != lazy || c.mode != pruned {
		t.Fatalf("modes %d, %d and %d", a.mode, b.mode, c.mode)
	}
	for range 3 {
		h.add(1, 0) // a has room for one
		h.pump()
	}
	h.now += time.Second
	h.pump()
	if h.relay.Unsent() != 3 {
		t.Fatalf("unsent from %d, want the first own message to be sent", h.relay.Unsent())
	}
	h.tire()
	h.close(a)
	h.checkTree()
	if c.mode != eager || b.mode != lazy {
		t.Errorf("modes %d and %d, want the link that this node has pruned to be eager", b.mode, c.mode)
	}
	for range 9 {
		h.written(c)
		h.pump()
	}
	if len(c.got) != 2 || c.got[0] != 3 {
		t.Errorf("sent %v, want what had been sent to nobody", c.got)
	}
	repair := h.open(true, nil)
	h.hearAll(repair)
	h.close(c)
	h.close(b)
	h.close(links[3])
	if repair.mode != eager || h.relay.Stats.Grafted != 3 {
		t.Errorf("%d links were grafted, want c, b and the fourth", h.relay.Stats.Grafted)
	}
}

// Where a branch is lost the tree is in pieces, and what the pieces have between them are
// lazy links. They bring what was to be announced on them; and one message that comes in
// vain ends that.
func TestALostBranchIsMadeUpForByAllLazyLinks(t *testing.T) {
	for _, test := range []struct {
		why  string
		lose func(h *hub, branch, other, lazy *spoke) *spoke
		want mode // of the lazy ones that are left
	}{
		{"a branch is lost, and another is left", func(_ *hub, branch, _, _ *spoke) *spoke { return branch }, eager},
		{"a lazy link is lost", func(_ *hub, _, _, lazy *spoke) *spoke { return lazy }, lazy},
		{"a repair is over", func(h *hub, _, _, _ *spoke) *spoke {
			r := h.open(true, nil)
			h.hearAll(r)
			return r
		}, lazy},
		{"a link is lost before anything was sent on it", func(h *hub, _, _, _ *spoke) *spoke { return h.open(false, nil) }, lazy},
	} {
		h, links := treeHub(t, nil, 5)
		for _, s := range links[2:] {
			h.hearPrune(s)
		}
		m := h.add(2, 0, links[1])
		h.pump()
		h.close(test.lose(h, links[0], links[1], links[2]))
		h.pump()
		for _, s := range links[3:] {
			if got := len(s.got) == 1 && h.all[s.got[0]] == m; s.mode != test.want || got != (test.want == eager) {
				t.Errorf("%s: a lazy link has mode %d, want %d, and was sent %v", test.why, s.mode, test.want, s.got)
			}
			h.duplicate(s, m)
		}
		h.settle()
		for _, s := range links[3:] {
			if s.mode == eager {
				t.Errorf("%s: a link brings something in vain, and stays as it is", test.why)
			}
		}
		h.checkTree()
	}
}

// Whoever opens links, has them pass for branches, and closes them, does not have a node
// graft its others for ever.
func TestHealingIsBounded(t *testing.T) {
	h, links := treeHub(t, nil, 4)
	const span = time.Minute
	for end := h.now + span; h.now < end; h.now += 100 * time.Millisecond {
		s := h.open(false, nil)
		h.hearAll(s)
		for _, lazy := range links[1:] {
			h.hearPrune(lazy)
		}
		h.close(s)
	}
	if n, most := h.relay.Stats.Grafted, uint64(3*(healBurst+span/healEvery)); n == 0 || n > most {
		t.Errorf("%d links are grafted within %v, want some and at most %d", n, span, most)
	}
}

// A message that comes in vain over a link is no reason to prune it when one of a lesser
// origin has been delivered meanwhile: all nodes are to go by that one, and where they do
// not the tree falls apart as soon as many begin to talk at one moment.
func TestAJudgeIsReplacedByALesserOne(t *testing.T) {
	least, other := peer.Handle(2), peer.Handle(3)
	h, links := treeHub(t, nil, 2)
	if mix(h.seen.hashOf(other)) < mix(h.seen.hashOf(least)) {
		least, other = other, least
	}
	m := h.add(other, 0, links[0])
	last := h.add(least, 0, links[0])
	if h.duplicate(links[1], m); links[1].mode != eager {
		t.Error("pruned for the greater one")
	}
	if h.duplicate(links[1], last); links[1].mode != eager {
		t.Error("pruned for one that a lesser one may follow")
	}
	h.now += burstSpan/2 - 1
	if h.pump(); links[1].mode != eager || h.relay.Deadline() > h.now+1 {
		t.Errorf("the link has mode %d before it is known who is the least; the deadline is %v later, want 1 ns", links[1].mode, h.relay.Deadline()-h.now)
	}
	h.now++
	if h.pump(); links[1].mode != pruned {
		t.Error("not pruned for the least one")
	}
}

// Whoever says too much is not heard to the end, and gets at most one frame for
// one of its own.
func TestTreeFramesOfAHostilePeer(t *testing.T) {
	h, links := treeHub(t, func(c *RelayConfig) { c.Wants = 3 }, 2)
	s := links[0]
	f := Frame{Kind: IHave}
	for i := range 10 {
		f.Announced = append(f.Announced, Announcement{Dot: peer.Dot{Origin: 3, Seq: uint64(i + 1)}})
	}
	if unknown := h.relay.HandleIHave(s.id, &f, nil); len(unknown) != 3 {
		t.Errorf("%d of 10 announcements were taken, the limit is 3", len(unknown))
	}
	for range 2 {
		h.duplicate(s, h.add(2, 0, links[1]))
	}
	for i := range 100 {
		before := len(h.out.Sends)
		if i%2 == 0 {
			h.relay.HandleGraft(h.now, s.id, &h.out)
		} else {
			h.relay.HandlePrune(h.now, s.id, &h.out)
		}
		if said := len(h.out.Sends) - before; said > 1 {
			t.Fatalf("%d frames for one", said)
		}
	}
	h.out.Reset()
	if unknown := h.relay.HandleIHave(h.open(true, nil).id, &f, nil); len(unknown) != 0 {
		t.Error("a repair announces, and is heard")
	}
}

// What the peer turns out to have had does not make what came after it wait for longer than
// by itself: docs/guarantees.md names the time.
func TestAnnouncementsWaitOnce(t *testing.T) {
	for _, test := range []struct {
		patient bool
		lead    time.Duration // of what the peer turns out to have
		want    time.Duration
	}{
		{false, 0, 1250*time.Millisecond - 1},
		{true, 0, 1125*time.Millisecond - 1},
		{false, 1200 * time.Millisecond, 1000 * time.Millisecond},
		{true, 1100 * time.Millisecond, 1125 * time.Millisecond},
	} {
		h, links := treeHub(t, nil, 1)
		h.patient = test.patient
		s := h.open(false, nil)
		h.hearAll(s)
		h.hearPrune(s)
		h.now += h.relay.cfg.CalmAfter
		h.add(1, 0, links[0])
		h.pump()
		h.now += 2 * time.Second
		h.pump() // so that this end was the last to announce something
		had := h.add(1, 0, links[0])
		h.pump()
		due := h.relay.Deadline() - 1 // the peer is just in time
		h.now += test.lead
		lost := h.log.End()
		h.add(1, 0, links[0])
		h.pump()
		sent := h.now
		h.now = due
		h.announce(s, had)
		for h.pump(); !s.announced[lost] && h.now < sent+5*time.Second; h.pump() {
			h.now = h.relay.Deadline()
		}
		if waited := h.now - sent; waited != test.want {
			t.Errorf("%+v: announced after %v", test, waited)
		}
	}
}
