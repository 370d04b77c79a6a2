package protocol

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// triangle is three machines that are all linked. a has said something, so that
// the link between b and c is lazy: a brings everything to both.
func triangle(t *testing.T, change func(*Config)) (l *lab, a, b, c *member) {
	t.Helper()
	l = newLab(t)
	a, b, c = l.start(change), l.start(change), l.start(change)
	l.join(b, a)
	l.join(c, a)
	if !l.runUntil(time.Minute, func() bool { return linked(a, b) && linked(b, c) && linked(a, c) }) {
		t.Fatal("no triangle within a minute")
	}
	l.run(time.Second)
	a.say("once")
	l.run(time.Second)
	return l, a, b, c
}

func (l *lab) count() (c Counters) {
	for _, n := range l.nodes {
		x := n.Counters()
		c.Duplicates += x.Duplicates
		c.Sent += x.Sent
		c.Announced += x.Announced
		c.Pruned += x.Pruned
		c.Grafted += x.Grafted
		c.WantsServed += x.WantsServed
	}
	return c
}

// Plumtree, section 3.3: the first message makes the tree, and from then on each
// travels every link of it once. On the link left out it is announced, unless
// that has come too late to be news.
func TestATriangleBecomesATree(t *testing.T) {
	l, a, b, c := triangle(t, nil)
	if x := l.count(); x.Sent != 4 || x.Duplicates != 2 || x.Pruned != 2 {
		t.Errorf("the first: %+v, want four sent, two of them in vain, on one link", x)
	}
	for _, n := range l.nodes {
		before := l.count()
		n.say("again")
		l.run(time.Second)
		if x := l.count(); x.Sent-before.Sent != 2 || x.Duplicates != before.Duplicates || x.Grafted+x.WantsServed > 0 {
			t.Errorf("from %d: %+v after %+v, want two more sent and no more", n.h, x, before)
		}
	}
	for _, n := range []*member{a, b, c} {
		wantHeard(t, "all", n, "once again again again")
	}
}

// A tree that is whole costs little where it has no branch: ten messages a second are
// announced once in a second or somewhat more, by each end in its turn, and
// nothing else is said there. When something was to be asked for, they are announced soon
// again.
func TestAWholeTreeIsQuiet(t *testing.T) {
	l, a, b, c := triangle(t, nil)
	talk := func(times int) {
		for range times {
			a.say("x")
			l.run(100 * time.Millisecond)
		}
	}
	talk(50) // what has been quiet for long was pinged
	l.run(time.Second)
	messages, others := 0, 0
	frames := map[*member]int{}
	l.loseFrame = func(from, to *member, f *broadcast.Frame) bool {
		switch {
		case f.Kind == broadcast.IHave:
			frames[from]++
			for _, a := range f.Announced {
				messages += 1 + int(a.More)
			}
		case from != a && to != a:
			others++
		}
		return false
	}
	talk(120)
	l.run(time.Second)
	if frames[b]+frames[c] != 11 || min(frames[b], frames[c]) != 5 || messages != 120 || others > 0 {
		t.Errorf("%d and %d frames announce %d messages, and there were %d others; want 11, by turns, and each message announced once",
			frames[b], frames[c], messages, others)
	}

	announced := false
	l.loseFrame = func(from, to *member, f *broadcast.Frame) bool {
		announced = announced || from == b && to == c && f.Kind == broadcast.IHave
		return from == a && to == c && f.Kind == broadcast.Data
	}
	a.say("lost")
	if l.run(1250*time.Millisecond + 3*hop); !announced {
		t.Fatal("what the tree has not brought has not been announced")
	}
	l.run(1200 * time.Millisecond) // a may be the first to be asked, by a repair, and what it sends is lost again
	if c.Counters().WantsGone+b.Counters().WantsServed == 0 {
		t.Fatal("what the tree has not brought has not been asked for")
	}
	before := c.Counters().Delivered
	a.say("lost as well")
	l.run(100 * time.Millisecond)
	if c.Counters().Delivered != before+1 {
		t.Error("the next message that the tree does not bring is announced late as well")
	}
}

// Where all flood, nothing is pruned, and everything crosses every link.
func TestFloodingStaysFlooding(t *testing.T) {
	l, _, b, _ := triangle(t, func(c *Config) { c.Relay.Flood = true })
	b.say("again")
	l.run(time.Second)
	if x := l.count(); x.Sent != 8 || x.Duplicates != 4 || x.Announced+x.Pruned+x.Grafted != 0 {
		t.Errorf("%+v, want four sent for each of two messages", x)
	}
}

// Some flood and others do not: they understand each other.
func TestAFloodingNodeAmongOthers(t *testing.T) {
	l, a, b, c := triangle(t, nil)
	d := l.start(func(c *Config) { c.Relay.Flood = true })
	l.join(d, a)
	l.runUntil(time.Minute, func() bool { return linked(a, d) && linked(b, d) && linked(c, d) })
	l.run(time.Second)
	for i, n := range l.nodes {
		n.say(fmt.Sprint(i))
		l.run(time.Second)
	}
	before := l.count()
	for range 10 {
		b.say("x")
		l.run(time.Second)
	}
	if x := l.count(); x.Duplicates-before.Duplicates > 2 || x.Pruned > 20 {
		t.Errorf("%+v after %+v: the tree never rests", x, before)
	}
	for _, n := range l.nodes {
		if n.Counters().Delivered != 15 {
			t.Errorf("%d heard %q", n.h, n.heard())
		}
	}
}

// The tree does not bring something: it is asked for where it was announced, and
// as the tree goes on to fail, the link where it was becomes part of it.
func TestABrokenTreeIsMended(t *testing.T) {
	l, a, b, c := triangle(t, nil)
	l.loseFrame = func(from, to *member, f *broadcast.Frame) bool {
		return from == a && to == c && f.Kind == broadcast.Data
	}
	a.say("lost")
	l.run(60 * time.Millisecond)
	wantHeard(t, "c gives the tree time", c, "once")
	l.run(30 * time.Millisecond)
	wantHeard(t, "asked for", c, "once lost")
	if c.Counters().Grafted != 0 {
		t.Error("grafted at once, although it may only be late")
	}
	l.run(400 * time.Millisecond)
	if x := c.Counters(); x.Grafted != 1 || b.Counters().WantsServed != 1 {
		t.Errorf("%+v, want the link to b to be grafted", x)
	}
	a.say("found")
	l.run(10 * hop)
	wantHeard(t, "by the new way, without asking", c, "once lost found")
}

// The tree is slow, and not broken: it stays as it is, and is given more time.
func TestASlowTreeIsNotBroken(t *testing.T) {
	l, a, b, c := triangle(t, nil)
	var slow []func()
	l.loseFrame = func(from, to *member, f *broadcast.Frame) bool {
		if from != a || to != c || f.Kind != broadcast.Data {
			return false
		}
		m := *f.Message
		link := linkTo(c, a)
		slow = append(slow, func() {
			c.step(func() {
				c.HandleFrame(l.now, link, &broadcast.Frame{Kind: broadcast.Data, Message: &m}, &c.out)
			})
		})
		return true
	}
	for range 10 {
		a.say("x")
		l.run(300 * time.Millisecond)
		for _, arrive := range slow {
			arrive()
		}
		slow = nil
		l.run(5 * time.Second)
	}
	if x := c.Counters(); x.Delivered != 11 || x.Grafted != 0 || b.Counters().WantsServed > 3 {
		t.Errorf("%+v, and b was asked %d times; want patience", x, b.Counters().WantsServed)
	}
}

// linkTo is the link of a node to another.
func linkTo(n, to *member) broadcast.LinkID {
	for _, id := range n.links.AppendOpen(nil) {
		if p, _ := n.links.PeerOf(id); p == to.h {
			return id
		}
	}
	return 0
}

// A link of the tree is gone: another takes its place at once.
func TestALostTreeLinkIsReplaced(t *testing.T) {
	l, a, _, c := triangle(t, nil)
	l.cut = func(x, y *member) bool { return x == a && y == c }
	for _, e := range l.ends {
		if e.node == c && e.other.node == a && !e.closed {
			l.close(e)
			c.step(func() { c.Disconnected(l.now, e.id, &c.out) })
			break
		}
	}
	l.run(5 * hop)
	if n := c.Counters().Grafted; n != 1 {
		t.Fatalf("%d links are grafted, want the one that is left", n)
	}
	a.say("more")
	l.run(10 * hop)
	wantHeard(t, "by way of b", c, "once more")
	c.say("back")
	l.run(10 * hop)
	wantHeard(t, "and back", a, "once more back")
}

// A node that gives up all its links says nothing more on any of them, although each is a
// loss that another one could make up for.
func TestNothingFollowsAFarewell(t *testing.T) {
	_, _, _, c := triangle(t, nil)
	over := map[broadcast.LinkID]bool{}
	c.step(func() {
		c.Disconnect(c.l.now, &c.out)
		for _, s := range c.out.Links.Sends {
			if over[s.Link] {
				t.Errorf("%v follows DISCONNECT on link %d", s.Frame.Kind, s.Link)
			}
			over[s.Link] = over[s.Link] || s.Frame.Kind == broadcast.Disconnect
		}
	})
	if len(over) != 2 {
		t.Errorf("%d links were given up, want two", len(over))
	}
}

// A leaving node has no link that messages go over, as far as it knows, until it
// makes one: it need not wait for others to ask for its last words.
func TestLeavingWithLazyLinks(t *testing.T) {
	l, a, b, c := triangle(t, nil)
	for _, n := range []*member{b, a} {
		c.step(func() { c.HandleFrame(l.now, linkTo(c, n), &broadcast.Frame{Kind: broadcast.Prune}, &c.out) })
	}
	c.say("farewell")
	c.step(func() { c.Leave(l.now, &c.out) })
	if !l.runUntil(50*hop, c.Drained) {
		t.Error("not drained after 50 ms")
	}
	if a.heard() != "once farewell" && b.heard() != "once farewell" {
		t.Errorf("a heard %q, b heard %q", a.heard(), b.heard())
	}
}

// put puts a frame on a link, whatever the machine thinks of it.
func (n *member) put(to *member, f broadcast.Frame) {
	n.step(func() {
		n.out.Links.Sends = append(n.out.Links.Sends, broadcast.Send{Link: linkTo(n, to), Frame: f})
	})
}

// More is announced than a node cares to expect: it has the link send everything
// from the start, which brings what is true of it, and asks for that now and then
// only, whatever else is announced.
func TestTooManyAnnouncements(t *testing.T) {
	l := newLab(t)
	a, b := l.start(nil), l.start(nil)
	l.join(b, a)
	l.run(5 * time.Second)
	l.loseFrame = func(from, to *member, f *broadcast.Frame) bool { return f.Kind == broadcast.Data }
	a.say("lost")
	l.run(10 * hop)
	l.loseFrame = nil
	before := b.relay.Stats.Digests
	seq := uint64(0)
	flood := func(frames int) {
		for range frames {
			f := broadcast.Frame{Kind: broadcast.IHave}
			for range 256 {
				seq++
				f.Announced = append(f.Announced, broadcast.Announcement{Dot: peer.Dot{Origin: 9, Seq: 2 * seq}})
			}
			a.put(b, f)
		}
		l.run(5 * hop)
	}
	flood(64)
	wantHeard(t, "so many are expected", b, "")
	flood(64)
	l.run(5 * hop)
	wantHeard(t, "one more is too many", b, "lost")
	if n := b.relay.Stats.Digests - before; n != 1 {
		t.Errorf("%d digests for 64 frames too many, want one", n)
	}
	l.run(time.Minute)
	if n := len(b.ends()); n != 1 || b.buffer.Deadline() != broadcast.Never {
		t.Errorf("%d links, still asking until %v; want all lies forgotten", n, b.buffer.Deadline())
	}
}

// Its own messages, real or not, are nothing that a node waits for.
func TestOwnMessagesAnnouncedBack(t *testing.T) {
	l := newLab(t)
	a, b := l.start(nil), l.start(nil)
	l.join(b, a)
	l.run(5 * time.Second)
	b.say("mine")
	l.run(10 * hop)
	a.put(b, broadcast.Frame{Kind: broadcast.IHave, Announced: []broadcast.Announcement{
		{Dot: peer.Dot{Origin: b.h, Seq: 1}}, {Dot: peer.Dot{Origin: b.h, Seq: 7}},
	}})
	l.run(10 * hop)
	if d := b.buffer.Deadline(); d != broadcast.Never {
		t.Errorf("b will ask at %v", d)
	}
}

// A peer that grafts and prunes without end gets no more frames than it sends.
func TestAPeerThatCannotDecide(t *testing.T) {
	l, a, b, c := triangle(t, nil)
	said := 0
	l.loseFrame = func(from, to *member, f *broadcast.Frame) bool {
		if from == b && to == c {
			said++
		}
		return false
	}
	for range 100 {
		c.put(b, broadcast.Frame{Kind: broadcast.Graft})
		c.put(b, broadcast.Frame{Kind: broadcast.Prune})
	}
	l.run(10 * hop)
	if said > 200 {
		t.Errorf("%d frames for 200", said)
	}
	a.say("still")
	l.run(2 * time.Second)
	for _, n := range l.nodes {
		wantHeard(t, "all", n, "once still")
	}
}

// Where many messages of an origin are under way together, nodes must not go by different
// ones of them when they give up links; and if parts of the tree are cut off all the same,
// which nobody mends as long as messages are late, nobody must wait for the next message as
// long as it took while there was much to do.
func TestATreeAfterMuchLoad(t *testing.T) {
	broken, late := 0, 0
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 0))
		l := crew(t, 24, random)
		l.delay = func() time.Duration { return hop + time.Duration(random.Int64N(int64(500*hop))) }
		for range 1000 {
			l.nodes[0].say("x")
			l.run(hop)
		}
		l.delay = nil
		heard := func(n int) func() bool {
			return func() bool {
				return !slices.ContainsFunc(l.nodes, func(m *member) bool { return len(m.delivered) < n })
			}
		}
		if !l.runUntil(time.Minute, heard(1000)) {
			t.Fatalf("seed %d: not delivered within a minute", seed)
		}
		l.run(time.Second)
		if l.reach(l.nodes[0]) < len(l.nodes) {
			broken++
		}
		at := l.now
		l.nodes[0].say("last")
		if !l.runUntil(time.Minute, heard(1001)) || l.now-at > time.Second {
			t.Errorf("seed %d: the next message took %v, at most 1 s is allowed", seed, l.now-at)
		}
		if l.now-at > 200*time.Millisecond {
			late++
		}
	}
	if broken > 8 || late > 1 {
		t.Errorf("%d trees of 20 are in parts, at most 8 are allowed; 11 are if every message is a judge; %d of the next messages took more than 200 ms, 1 may", broken, late)
	}
}

// crew is so many machines that have been up for five seconds and have said nothing.
func crew(t *testing.T, nodes int, random *rand.Rand) *lab {
	l := newLab(t)
	for i := range nodes {
		n := l.start(nil)
		if i > 0 {
			l.join(n, l.nodes[random.IntN(i)])
		}
	}
	l.run(5 * time.Second)
	return l
}

// load has the first machine say a text so many times each millisecond for so long, of which
// no more than mostUnderWay have not arrived everywhere, and returns how often that was.
func (l *lab) load(text string, each int, lasting time.Duration) (said int) {
	const mostUnderWay = 1024
	for end := l.now + lasting; l.now < end; l.run(hop) {
		all := len(l.nodes[0].delivered)
		for _, n := range l.nodes {
			all = min(all, len(n.delivered))
		}
		for range min(each, len(l.nodes[0].delivered)+mostUnderWay-all) {
			l.nodes[0].say(text)
			said++
		}
	}
	return said
}

// Five thousand messages at once, into links that are all eager, make a tree that is whole, and
// nothing has to be asked for; but for the first of them, all links bring everything once.
func TestABurstMakesATree(t *testing.T) {
	for seed := range uint64(8) {
		random := rand.New(rand.NewPCG(seed, 0))
		l := crew(t, 24, random)
		l.delay = func() time.Duration { return hop + time.Duration(random.Int64N(int64(4*hop))) }
		said := l.load("x", 20, 250*time.Millisecond)
		c := l.count()
		if reached := l.reach(l.nodes[0]); reached < len(l.nodes) || c.WantsServed > 0 || c.Duplicates > uint64(said*len(l.nodes)/4) {
			t.Errorf("seed %d: %d messages, of 24 nodes the tree has %d, %d messages were asked for, %d came in vain", seed, said, reached, c.WantsServed, c.Duplicates)
		}
	}
}

// breakTree makes a branch lazy at both ends, as if each end had had reason to prune
// it, at other nodes than leaves: these have another branch made at once.
func (l *lab) breakTree(random *rand.Rand) {
	branches := func(n *member) (ends []*end) {
		for _, e := range l.ends {
			if e.node == n && !e.closed && !n.relay.Lazy(e.id) && !e.other.node.relay.Lazy(e.other.id) {
				ends = append(ends, e)
			}
		}
		return ends
	}
	for {
		n := l.nodes[random.IntN(len(l.nodes))]
		ends := branches(n)
		e := ends[random.IntN(len(ends))]
		if len(ends) > 1 && len(branches(e.other.node)) > 1 {
			var none broadcast.Outbox
			n.relay.HandlePrune(l.now, e.id, &none)
			e.other.node.relay.HandlePrune(l.now, e.other.id, &none)
			return
		}
	}
}

// Nor does a part that is cut off while there is much to do stay so until it ends: whoever waits for
// all to have what he said would be held up as long. Long messages are fewer.
func TestATreeThatBreaksUnderLoadIsMended(t *testing.T) {
	for _, test := range []struct {
		length, each int
	}{{1, 3}, {8 << 10, 1}} {
		for seed := range uint64(5) {
			random := rand.New(rand.NewPCG(seed, 0))
			l := crew(t, 24, random)
			l.delay = func() time.Duration { return hop + time.Duration(random.Int64N(int64(4*hop))) }
			load := func(lasting time.Duration) int { return l.load(strings.Repeat("x", test.length), test.each, lasting) }
			load(time.Second)
			l.breakTree(random)
			if l.reach(l.nodes[0]) == len(l.nodes) {
				t.Fatalf("length %d, seed %d: nothing is cut off", test.length, seed)
			}
			load(2500 * time.Millisecond)
			if reached := l.reach(l.nodes[0]); reached < len(l.nodes) {
				t.Errorf("length %d, seed %d: two and a half seconds later the tree has %d of 24 nodes", test.length, seed, reached)
			}
			load(3500 * time.Millisecond) // what it has waited for in vain comes as well
			before := l.count()
			said, all := load(time.Second), 1000*test.each
			c := l.count()
			if asked, again := c.WantsServed-before.WantsServed, c.Duplicates-before.Duplicates; said < all-all/30 || asked > 0 || again > uint64(said/10) {
				t.Errorf("length %d, seed %d: in the seventh second after, %d messages were said, %d asked for, and %d came in vain; want %d, none, and hardly any", test.length, seed, said, asked, again, all)
			}
		}
	}
}

// reach is to how many nodes eager links lead from one.
func (l *lab) reach(from *member) int {
	reached := map[*member]bool{from: true}
	for next := []*member{from}; len(next) > 0; next = next[1:] {
		for _, e := range l.ends {
			if n := e.other.node; e.node == next[0] && !e.closed && !reached[n] && !e.node.relay.Lazy(e.id) && !n.relay.Lazy(e.other.id) {
				reached[n] = true
				next = append(next, n)
			}
		}
	}
	return len(reached)
}
