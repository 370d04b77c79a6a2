package causal

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
	"pgregory.net/rapid"
)

// The world that a Buffer is tested in: a true history that the test knows
// exactly, links whose peers hold a part of it each, and one node under test
// that sees it in whatever order the test likes.

// past is what truly happened before something: how many messages of each
// origin, by handle.
type past []uint64

func (p past) covers(d peer.Dot) bool { return p[d.Origin] >= d.Seq }

func (p past) merge(q past) {
	for i, n := range q {
		p[i] = max(p[i], n)
	}
}

// sent is one message of the true history.
type sent struct {
	dot     peer.Dot
	deps    []peer.Dot
	past    past // itself included
	payload []byte
}

// history is a linear extension of what happened: the order of sending.
type history struct {
	origins int
	list    []*sent
	byDot   map[peer.Dot]*sent
	known   []past // by origin: what it has delivered
}

func newHistory(origins int) *history {
	h := &history{origins: origins, byDot: make(map[peer.Dot]*sent), known: make([]past, origins+1)}
	for i := range h.known {
		h.known[i] = make(past, origins+2)
	}
	return h
}

// self is the node under test, when it sends.
func (h *history) self() peer.Handle { return peer.Handle(h.origins + 1) }

// send lets an origin send, with all that it has delivered for a past.
func (h *history) send(origin peer.Handle, size int) *sent {
	k := h.known[origin]
	deps := h.heads(k)
	k[origin]++
	s := &sent{
		dot: peer.Dot{Origin: origin, Seq: k[origin]}, deps: deps,
		past: slices.Clone(k), payload: make([]byte, size),
	}
	h.add(s)
	return s
}

func (h *history) add(s *sent) {
	h.list = append(h.list, s)
	h.byDot[s.dot] = s
}

// learn lets an origin deliver a message and everything before it.
func (h *history) learn(origin peer.Handle, s *sent) { h.known[origin].merge(s.past) }

// heads lists the maximal messages of a past, straight from the definition.
func (h *history) heads(p past) []peer.Dot {
	var heads []peer.Dot
	for o, n := range p {
		d := peer.Dot{Origin: peer.Handle(o), Seq: n}
		if n == 0 {
			continue
		}
		if !slices.ContainsFunc(h.list, func(s *sent) bool {
			return s.dot != d && p.covers(s.dot) && s.past.covers(d)
		}) {
			heads = append(heads, d)
		}
	}
	return heads
}

func drawHistory(t *rapid.T, messages int) *history {
	h := newHistory(rapid.IntRange(1, 4).Draw(t, "origins"))
	origin := rapid.IntRange(1, h.origins)
	for range rapid.IntRange(1, messages).Draw(t, "messages") {
		o := peer.Handle(origin.Draw(t, "sender"))
		for range rapid.IntRange(0, 2).Draw(t, "learns") {
			if len(h.list) > 0 {
				h.learn(o, h.list[rapid.IntRange(0, len(h.list)-1).Draw(t, "what")])
			}
		}
		h.send(o, rapid.SampledFrom([]int{0, 10, 600}).Draw(t, "size"))
	}
	return h
}

// store is the log of the node under test. It holds every delivery against the
// truth, and forgets all but the last few messages.
type store struct {
	w    *world
	keep int
	list []*broadcast.Message
}

func (s *store) Get(d peer.Dot) *broadcast.Message {
	for _, m := range s.list {
		if m.Dot == d {
			return m
		}
	}
	return nil
}

func (s *store) Deliver(m *broadcast.Message, from []broadcast.LinkID) {
	s.w.delivered(m)
	s.list = append(s.list, m)
	s.list = s.list[max(0, len(s.list)-s.keep):]
}

// link is a connection to a peer that has delivered list[:known] of the history
// and still has list[cut:known] in its log.
type link struct {
	id         broadcast.LinkID
	cut, known int
	up         bool
}

func (l *link) has(i int) bool { return l.cut <= i && i < l.known }

// request is an Ask on its way.
type request struct {
	link *link
	want broadcast.WantEntry
}

// world is everything, in virtual time.
type world struct {
	fail  func(format string, args ...any)
	order Order
	h     *history
	seen  *broadcast.Seen
	store *store
	buf   *Buffer
	links []*link
	now   time.Duration

	flight []request
	grafts []broadcast.LinkID // asked for with a message, or since the tree is broken
	had    map[peer.Dot]bool  // delivered
	gone   map[peer.Dot]bool  // reported as gaps
	gaps   []Gap
	strict bool // every request is answered: what a link has is no gap
}

const (
	testGraft  = 200 * time.Millisecond
	testRetry  = time.Second
	testGiveUp = 10 * time.Second
)

func name(h peer.Handle) vclock.Origin { return peer.ID{Name: string(rune('A' + h - 1))} }
func handle(o vclock.Origin) peer.Handle {
	return peer.Handle(o.Name[0]-'A') + 1
}

// newWorld has one link per cut, each to a peer that has delivered everything
// and has dropped what came before the cut.
func newWorld(fail func(string, ...any), order Order, h *history, hold int, cuts ...int) *world {
	w := &world{
		fail: fail, order: order, h: h,
		had: make(map[peer.Dot]bool), gone: make(map[peer.Dot]bool),
	}
	w.store = &store{w: w, keep: 1 << 20}
	w.seen = broadcast.NewSeen(1<<10, func(h peer.Handle) uint64 { return uint64(h) })
	w.buf = New(Config{
		Order: order, HoldBytes: hold, Retry: testRetry, GiveUp: testGiveUp, Graft: testGraft, Name: name, Handle: handle,
	}, w.seen, w.store)
	for i, cut := range cuts {
		w.links = append(w.links, &link{id: broadcast.LinkID(i + 1), cut: cut, known: len(h.list), up: true})
	}
	return w
}

func (w *world) index(d peer.Dot) int {
	return slices.IndexFunc(w.h.list, func(s *sent) bool { return s.dot == d })
}

// message makes the copy that travels a link.
func (w *world) message(s *sent, withClock bool) *broadcast.Message {
	m := &broadcast.Message{Dot: s.dot, Payload: s.payload, Born: w.now}
	if w.order == Causal {
		m.Deps = s.deps
	}
	if withClock && w.order == Causal {
		m.Clock = w.trueClock(s.past)
	}
	return m
}

func (w *world) trueClock(p past) (c vclock.Clock) {
	for o, n := range p {
		if n > 0 {
			c = c.With(name(peer.Handle(o)), n)
		}
	}
	return c
}

// bring lets message i of the history arrive on a link.
func (w *world) bring(l *link, i int, withClock bool) bool {
	s := w.h.list[i]
	isNew := w.buf.Add(w.now, w.message(s, withClock), withClock && w.order == Causal, l.id) == Fresh
	w.checkBounds()
	return isNew
}

// announce lets a link's peer say that it has message i.
func (w *world) announce(l *link, i int) bool {
	ok := w.buf.Announced(w.now, w.h.list[i].dot, l.id)
	w.checkBounds()
	return ok
}

// poll takes what the buffer asks for and gives up.
func (w *world) poll() {
	before := w.buf.Deadline()
	asks, gaps := w.buf.Poll(w.now, w.up(), nil, nil)
	for _, a := range asks {
		l := w.links[a.Link-1]
		if !l.up {
			w.fail("asked on link %d, which is down", a.Link)
		}
		w.flight = append(w.flight, request{l, a.Want})
		if a.Graft {
			w.grafts = append(w.grafts, a.Link)
		}
	}
	w.grafts = w.buf.AppendGrafts(w.now, false, anyLink, w.grafts)
	for _, g := range gaps {
		w.gap(g)
	}
	w.checkBounds()
	if before <= w.now && w.buf.Deadline() <= w.now && len(asks)+len(gaps) == 0 && before == w.buf.Deadline() {
		w.fail("C5: the deadline %v stays in the past of %v, and nothing happens", before, w.now)
	}
}

// originate lets the node under test send. What it depends on is known from the
// truth: all that it has delivered, and the maximal of that.
func (w *world) originate() *broadcast.Message {
	k := make(past, w.h.origins+2)
	var delivered []*sent
	for d := range w.had {
		k.merge(w.h.byDot[d].past)
		delivered = append(delivered, w.h.byDot[d])
	}
	var heads []peer.Dot
	for _, x := range delivered {
		if !slices.ContainsFunc(delivered, func(y *sent) bool { return y != x && y.past.covers(x.dot) }) {
			heads = append(heads, x.dot)
		}
	}
	self := w.h.self()
	k[self]++
	w.h.add(&sent{dot: peer.Dot{Origin: self, Seq: k[self]}, deps: heads, past: k})
	m, err := w.buf.Originate(w.now, self, nil)
	if err != nil {
		w.fail("Originate: %v", err)
	}
	if w.order == Causal {
		if !slices.Equal(sortedDots(m.Deps), sortedDots(heads)) {
			w.fail("C3: %v depends on %v, the heads of what was delivered are %v", m.Dot, m.Deps, heads)
		}
	}
	w.checkBounds()
	return m
}

func sortedDots(dots []peer.Dot) []peer.Dot {
	return slices.SortedFunc(slices.Values(dots), func(x, y peer.Dot) int {
		return cmp.Or(cmp.Compare(x.Origin, y.Origin), cmp.Compare(x.Seq, y.Seq))
	})
}

func (w *world) up() (ids []broadcast.LinkID) {
	for _, l := range w.links {
		if l.up {
			ids = append(ids, l.id)
		}
	}
	return ids
}

// gap checks that what is given up can no longer be had, and was not had.
func (w *world) gap(g Gap) {
	w.gaps = append(w.gaps, g)
	if g.From > g.To {
		w.fail("an empty gap %v", g)
	}
	for seq := g.From; seq <= g.To; seq++ {
		d := peer.Dot{Origin: g.Origin, Seq: seq}
		if w.had[d] || w.gone[d] {
			w.fail("gap %v has %v in it, which was delivered or given up before", g, d)
		}
		for _, l := range w.links {
			if w.strict && l.up && l.has(w.index(d)) {
				w.fail("gap %v has %v in it, which link %d still has", g, d, l.id)
			}
		}
		w.gone[d] = true
	}
}

// delivered holds a delivery against the truth: C1 and C2.
func (w *world) delivered(m *broadcast.Message) {
	s := w.h.byDot[m.Dot]
	if s == nil {
		w.fail("%v was never sent", m.Dot)
		return
	}
	if w.had[m.Dot] {
		w.fail("B1: %v is delivered again", m.Dot)
	}
	own := make(past, len(s.past))
	own[m.Dot.Origin] = m.Dot.Seq
	before := own
	switch w.order {
	case Causal:
		before = s.past
	case Unordered:
		before = make(past, len(s.past))
	}
	for _, x := range w.h.list {
		if x != s && before.covers(x.dot) && !w.had[x.dot] && !w.gone[x.dot] && !w.seen.Has(x.dot) {
			w.fail("C1: %v is delivered before %v", m.Dot, x.dot)
		}
		if w.order == Causal && w.had[x.dot] && x != s && x.past.covers(s.dot) {
			w.fail("C1: %v is delivered after %v", m.Dot, x.dot)
		}
	}
	want := own
	if w.order == Causal {
		want = s.past
	}
	if !m.Clock.Equal(w.trueClock(want)) {
		w.fail("C2: %v has clock %v, the truth is %v", m.Dot, m.Clock, w.trueClock(want))
	}
	w.had[m.Dot] = true
}

// checkBounds checks C3, C4 and the buffer's own books.
func (w *world) checkBounds() {
	b := w.buf
	if b.Bytes() > b.cfg.HoldBytes {
		w.fail("C4: %d bytes are held back, the bound is %d", b.Bytes(), b.cfg.HoldBytes)
	}
	sum, waits := 0, 0
	for d, h := range b.held {
		sum, waits = sum+h.msg.Size(), waits+h.missing
		if h.missing == 0 && b.wants.index[want{d, true}] == nil {
			w.fail("C5: %v is held and waits for nothing", d)
		}
	}
	if sum != b.Bytes() {
		w.fail("C4: %d bytes are counted, %d are held", b.Bytes(), sum)
	}
	if waits != b.waits {
		w.fail("C4: %d are counted as waited for, and should be %d", b.waits, waits)
	}
	for d, waiting := range b.waiters {
		if len(waiting) == 0 || b.seen.Has(d) {
			w.fail("C5: %d wait for %v", len(waiting), d)
		}
		if b.held[d] == nil && b.wants.index[want{dot: d}] == nil {
			w.fail("C5: %v is waited for, and nobody asks for it", d)
		}
	}
	w.checkWants()
	w.checkHeads()
}

// checkWants checks the books of what is asked for.
func (w *world) checkWants() {
	b := &w.buf.wants
	if len(b.list)+len(b.crowded) != len(b.index) {
		w.fail("%d wants in the list, %d that need a place, %d in the index", len(b.list), len(b.crowded), len(b.index))
	}
	announced, placed := w.checkAgenda(b.list, false)
	more, none := w.checkAgenda(b.crowded, true)
	announced += more
	if placed != b.ration.taken || none > 0 || b.ration.taken > mostPlaces || b.ration.places < b.ration.least || b.ration.least < fewestPlaces || b.ration.least > leastPlaces || b.ration.places > mostPlaces {
		w.fail("%d places are taken, %d of %d are in the books", placed+none, b.ration.taken, b.ration.places)
	}
	if announced != b.announced || announced > maxAnnounced || len(b.pulled) > maxPulled || b.share > wholeShare {
		w.fail("%d of %d are announced, %d were pulled", announced, b.announced, len(b.pulled))
	}
}

func (w *world) checkAgenda(l agenda, needsPlace bool) (announced, placed int) {
	b, due := &w.buf.wants, broadcast.Never
	for i, s := range l {
		a := s.want
		if a.needsPlace() != needsPlace {
			w.fail("%v is in the wrong agenda", a.want)
		}
		if a.placed {
			placed++
		}
		if s.at != a.due() || s.number != a.number {
			w.fail("%v is due at %v, and the list has it at %v", a.want, a.due(), s.at)
		}
		if a.place != i || b.index[a.want] != a {
			w.fail("%v is at %d, and should be at %d", a.want, i, a.place)
		}
		if a.announced {
			announced++
		}
		if due = min(due, a.due()); len(a.others) > maxSources {
			w.fail("%d links that have %v", len(a.others), a.want)
		}
	}
	if len(l) > 0 && l[0].at != due {
		w.fail("the first is due at %v, one is at %v", l[0].at, due)
	}
	return announced, placed
}

// checkHeads checks C3.
func (w *world) checkHeads() {
	if w.order != Causal {
		return
	}
	var sum vclock.Clock
	for i, x := range w.buf.heads {
		sum = sum.Merge(x.clock)
		for _, y := range w.buf.heads[:i] {
			if x.clock.Compare(y.clock) != vclock.Concurrent {
				w.fail("C3: the heads %v and %v are not concurrent", x.dot, y.dot)
			}
		}
	}
	if !sum.Equal(w.buf.Clock()) {
		w.fail("C3: the heads add up to %v, the node's clock is %v", sum, w.buf.Clock())
	}
}

// checkEmpty checks that nothing is left of what was held back.
func (w *world) checkEmpty() {
	b := w.buf
	w.checkBounds()
	if len(b.held) != 0 || b.Bytes() != 0 {
		w.fail("C5: %d messages are still held back", len(b.held))
	}
	if len(b.waiters) != 0 || len(b.wants.index) != 0 || len(b.ready) != 0 || len(b.wants.pulled) != 0 {
		w.fail("left over: %d waiters, %d wants, %d ready, %d pulled", len(b.waiters), len(b.wants.index), len(b.ready), len(b.wants.pulled))
	}
	if broken := b.Bounded(); broken != "" {
		w.fail("%s", broken)
	}
}

// answer lets the i-th request on its way arrive, and its answer come back.
func (w *world) answer(i int) {
	r := w.flight[i]
	w.flight = slices.Delete(w.flight, i, i+1)
	if !r.link.up {
		return
	}
	d := r.want.Dot
	at := w.index(d)
	if at >= 0 && r.link.has(at) {
		w.bring(r.link, at, r.want.Clock)
		return
	}
	g := broadcast.GoneEntry{Dot: d}
	if at >= 0 && at < r.link.cut {
		for _, s := range w.h.list[:r.link.cut] {
			if s.dot.Origin == d.Origin {
				g.UpTo = max(g.UpTo, s.dot.Seq)
			}
		}
		g.Age = time.Minute
	}
	w.buf.Denied(w.now, r.link.id, g)
	w.checkBounds()
}

// settle lets time pass, with every request answered, until nothing is asked
// for any more; at most for a while.
func (w *world) settle() {
	until := w.now + time.Duration(2+len(w.h.list))*(testGiveUp+2*testRetry)
	for rounds := 0; ; rounds++ {
		for len(w.flight) > 0 {
			w.answer(0)
		}
		next := w.buf.Deadline()
		if next == broadcast.Never {
			return
		}
		if next > until {
			w.fail("C5: still asking after %v: %v", until, slices.Collect(maps.Keys(w.buf.wants.index)))
			return
		}
		if rounds > 10_000 {
			w.fail("C5: busy at %v", w.now)
			return
		}
		w.now = max(w.now, next)
		w.poll()
	}
}

// reconcile lets a link bring everything that it has and the node has not, in
// order, as a repair does.
func (w *world) reconcile(l *link) {
	for i, s := range w.h.list {
		if l.has(i) && !w.seen.Has(s.dot) {
			rootless := slices.ContainsFunc(s.deps, func(d peer.Dot) bool { return !l.has(w.index(d)) })
			w.bring(l, i, rootless)
			w.settle()
		}
	}
}

func (w *world) String() string {
	return fmt.Sprintf("%v at %v: had %d, gone %d, held %d", w.order, w.now, len(w.had), len(w.gone), len(w.buf.held))
}

// anyLink says of each that it is lazy.
func anyLink(broadcast.LinkID) bool { return true }
