package causal

import (
	"container/heap"
	"slices"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// A message that was announced is expected to come by itself, over the tree. If
// it does not come in time it is asked for, and comes: it was pulled. If the tree
// does not bring it after that either, the link that did becomes part of it. So a
// tree that is merely slow is not mistaken for a broken one.

// maxAnnounced bounds the messages that are expected since they were announced, if
// Config.Announced does not, and maxAwaited those that others wait for; maxSources the links remembered for each, and maxPulled what was pulled and may
// still come by the tree: of more, what is looked at last is forgotten, or else, where much
// is, all of it would be before the tree has had its time.
const (
	maxAnnounced = 1 << 14
	maxAwaited   = 1 << 15
	maxSources   = 8
	maxPulled    = 64
)

// expected is what is known of announcements and of how late the tree is.
type expected struct {
	announced int // of the wants
	// late is by how much announcements are ahead of the messages themselves, in a crowd or
	// not: a tree has longer ways than the links that it leaves out, from some origins much
	// longer, and to ask too early is to get things twice.
	late   [2]broadcast.Lateness
	pulled []pulled // oldest first
	busy   busy
	crowds crowds
	size   int // of the latest messages: a mean
	share  int // of the latest messages, how many had to be pulled, in parts of wholeShare
}

// pulled is a message that came because it was asked for, being late.
type pulled struct {
	dot    peer.Dot
	link   broadcast.LinkID // that it came by
	since  time.Duration    // when it was announced
	waited time.Duration    // from then on, before it was asked for
	crowd  crowd            // among which that was
	until  time.Duration    // when the tree has failed to bring it
	busy   bool             // that was put off, since the tree was late
}

// crowd is 1 where many messages are expected, which wait for each other in queues, or were a
// moment ago, and 0 where it is few, which do not. How late the tree is differs by seconds between the two,
// and what holds for the one must not be taken for the other: least of all must a node
// that has just had as much as it could deal with wait so long for the first message that
// the tree does not bring.
type crowd int

// crowdSize is how many expected messages make a crowd, if they are short. One of heavy bytes
// counts for two, one of twice as many for three, and so on, since it is bytes that long ones wait
// for in queues: four of 64 KiB make one. An announcement does not say how long a message is,
// so they are taken to be as long as the latest sizeMemory that came. A single one is none, whatever
// its length. Guesses: to pass on 4 KiB takes about twice as much as to pass on nothing.
const (
	crowdSize  = 64
	heavy      = 4 << 10
	sizeMemory = 16
)

func (e *expected) isCrowd() bool {
	return e.announced > 1 && e.announced*(heavy+e.size) >= crowdSize*heavy
}

func (e *expected) crowd(now time.Duration) crowd {
	if e.isCrowd() || e.crowds.goesOn(now) {
		return 1
	}
	return 0
}

// crowds tells whether there was a crowd a moment ago: nodes that take turns have had
// everything now, and are late again with the next, and what is announced in that moment would
// be asked for as hastily as if there were nothing to do. So it is over once nothing new has
// come within gap, or it was lull ago.
type crowds struct {
	was       bool          // ever
	at        time.Duration // when there last was one
	newAt     time.Duration // when a new message last came
	lull, gap time.Duration
}

// lull is how many times Config.Graft there may be none before it is over: 2 s. A guess.
const lull = 40

func (c *crowds) goesOn(now time.Duration) bool {
	return c.was && now <= c.at+c.lull && now <= c.newAt+c.gap
}

// noteCrowd notes it if there is one.
func (e *expected) noteCrowd(now time.Duration) {
	if e.isCrowd() {
		e.crowds.was, e.crowds.at = true, now
	}
}

// noteNew notes that a message of this size has come.
func (e *expected) noteNew(now time.Duration, size int) {
	e.size += (size - e.size) / sizeMemory
	e.crowds.newAt = now
	e.noteCrowd(now)
}

// trial is how many times Config.Graft the tree is given at least to bring what
// was pulled. To pull too early costs a copy, to bend the tree costs more. A guess.
const trial = 7

// mostPatience is how many times Config.Graft is waited at most, and leastInCrowd and
// mostInCrowd at least and at most in a crowd: half a second and 10 s. Nodes that have far more
// to do than they can are as late as that, and to ask each other for all of it makes them later.
// A burst is announced before anything of it has come by which to tell how late it is: so it is
// not less, though what a tree that breaks in a crowd does not bring is later by as much. It is
// not more since a neighbour that takes its time with what it passes on could have this node
// wait for as long. Guesses.
const (
	mostPatience = 64
	leastInCrowd = 10
	mostInCrowd  = 200
)

// bounds are how long is waited at least, and at most.
func (b *Buffer) bounds(c crowd) (least, most time.Duration) {
	if c == 1 {
		return leastInCrowd * b.cfg.Graft, mostInCrowd * b.cfg.Graft
	}
	return b.cfg.Graft, mostPatience * b.cfg.Graft
}

// patience is how long to wait for what was announced: twice what it has taken.
func (b *Buffer) patience(now time.Duration) time.Duration {
	return b.patienceIn(b.wants.crowd(now))
}

func (b *Buffer) patienceIn(c crowd) time.Duration {
	least, most := b.bounds(c)
	return min(max(least, 2*b.wants.late[c].Most()), most)
}

// sample learns how long something took that was announced then.
func (b *Buffer) sample(now, since time.Duration, c crowd) {
	_, most := b.bounds(c)
	b.wants.late[c].Sample(now, min(now-since, most))
}

// Announced takes the word of a link's peer that it has a message which was not
// had here. If it does not come by itself within Config.Graft, or whatever longer
// time such messages have taken lately, it is asked for. False means that too
// many are expected already: this one is not.
func (b *Buffer) Announced(now time.Duration, d peer.Dot, link broadcast.LinkID) bool {
	if !isDot(d) || d.Origin == b.cfg.Self || b.seen.Has(d) || !b.seen.Room(d) {
		return true
	}
	if h := b.held[d]; h != nil {
		h.cameBy(link)
		return true
	}
	at := now + b.patience(now)
	if a := b.wants.index[want{dot: d}]; a != nil {
		a.source(link)
		if at < a.next && len(a.asked) == 0 {
			b.wants.reschedule(a, at)
		}
		return true
	}
	if b.wants.announced >= b.cfg.Announced {
		return false
	}
	b.wants.expect(at, d, link, now)
	return true
}

// pressedAt is the part of Config.HoldBytes that may be held back before it matters what
// that waits for: an eighth, 2 MiB of 16. Of short messages that is thousands, of long ones
// two or three, and what is refused when the room is full has to come once more. A guess.
const pressedAt = 8

// isPressed reports whether much is held back.
func (b *Buffer) isPressed() bool { return b.bytes > b.cfg.HoldBytes/pressedAt }

// press has a message that was announced, and that others wait for, asked for as soon as
// one is where the tree is not late: whoever brought what waits for it has it, and has not
// sent it.
func (b *Buffer) press(a *asking) {
	if a.announced && !a.pressed && len(a.asked) == 0 {
		a.pressed = true
		b.wants.reschedule(a, min(a.next, a.since+b.cfg.Graft))
	}
}

func (b *Buffer) pressAll() {
	for d := range b.waiters { // all of them are: the order does not show
		if a := b.wants.index[want{dot: d}]; a != nil {
			b.press(a)
		}
	}
}

// mayCome reports whether a message that was announced, and not yet asked for, may still
// come by itself, though it was not to take so long when it was announced: where queues
// are getting longer, those that came meanwhile were later than those before. Outside a
// crowd there are no queues, and one that is late shows that the tree is broken.
func (b *Buffer) mayCome(now time.Duration, a *asking) bool {
	return a.crowd == 1 && a.announced && len(a.asked) == 0 && !a.urgent && !a.pressed && a.since+b.patienceIn(a.crowd) > now
}

// source notes a link whose peer has the message. If it had not when it was asked, it can
// be asked again.
func (a *asking) source(link broadcast.LinkID) {
	if !a.has(link) && len(a.others) < maxSources {
		a.others = append(a.others, link)
	}
	if i := slices.Index(a.denied, link); i >= 0 {
		a.denied = slices.Delete(a.denied, i, i+1)
	}
	if i := slices.Index(a.lacking, link); i >= 0 {
		a.lacking = slices.Delete(a.lacking, i, i+1)
	}
}

// has reports whether the link's peer is known to have had the message.
func (a *asking) has(link broadcast.LinkID) bool {
	return link == a.first || slices.Contains(a.others, link)
}

// unfounded reports whether a message was only announced, nothing here needs it,
// and those who announced it say now that they have never had it.
func (b *Buffer) unfounded(a *asking) bool {
	if !a.announced || a.upTo > 0 || len(b.waiters[a.dot]) > 0 || !slices.Contains(a.denied, a.first) {
		return false
	}
	return !slices.ContainsFunc(a.others, func(l broadcast.LinkID) bool { return !slices.Contains(a.denied, l) })
}

// Vain is a link that has announced a message which nobody turned out to have. Denied
// says that its peer has said so itself, and not only failed to send it. Weight is how many
// times as long as elsewhere is waited before more is asked for, 1 or more.
type Vain struct {
	Link   broadcast.LinkID
	Denied bool
	Weight int
}

// TakeVain returns those since the last call, until the next.
func (b *Buffer) TakeVain() []Vain {
	v := b.vain
	b.vain = b.vain[:0]
	return v
}

// inVain notes who has announced what cannot be had.
func (b *Buffer) inVain(a *asking) {
	if !a.announced || a.upTo > 0 || a.noRoom {
		return
	}
	retry := max(1, b.wants.retry)
	weight := max(1, int((b.answerTime(a)+retry-1)/retry))
	for _, l := range append([]broadcast.LinkID{a.first}, a.others...) {
		if slices.Contains(a.asked, l) {
			b.vain = append(b.vain, Vain{l, slices.Contains(a.denied, l), weight})
		}
	}
}

// Bounded names a bound that is not kept, or is "": what is expected and remembered,
// and that what is held back is charged, and what it waits for (invariant C4).
func (b *Buffer) Bounded() string {
	announced, bytes, waits := 0, 0, 0
	for _, a := range b.wants.index { // a sum: the order does not show
		if a.announced {
			announced++
		}
		if len(a.others) > maxSources {
			return "sources of an announcement"
		}
	}
	for _, h := range b.held {
		bytes += h.msg.Size()
		if b.seen.Has(h.msg.Dot) {
			return "C1: held back and had: " + b.cfg.Name(h.msg.Dot.Origin).String()
		}
	}
	for _, waiting := range b.waiters {
		waits += len(waiting)
	}
	switch {
	case announced != b.wants.announced || announced > maxAnnounced:
		return "announcements that are expected"
	case bytes != b.bytes:
		return "C4: what is held back is charged otherwise"
	case waits != b.waits:
		return "C4: what it waits for is counted otherwise"
	case len(b.wants.pulled) > maxPulled:
		return "pulled"
	}
	return ""
}

// Hasten asks at once for what was announced: a link that may have been about to
// bring it is gone.
func (b *Buffer) Hasten(now time.Duration) {
	w := &b.wants
	for _, s := range w.crowded {
		s.want.place = len(w.list)
		w.list = append(w.list, s)
	}
	clear(w.crowded)
	w.crowded = w.crowded[:0]
	for i := range w.list {
		if a := w.list[i].want; a.announced {
			w.begin(now, a)
			a.next, a.urgent = min(a.next, now), true
			w.list[i].at = a.due()
		}
	}
	heap.Init(&w.list)
}

// arrived takes notice of a message that may have been asked for, or expected.
func (b *Buffer) arrived(now time.Duration, m *broadcast.Message, from broadcast.LinkID) {
	d := m.Dot
	b.wants.noteNew(now, m.Size())
	b.wants.ration.fit(b.wants.size)
	a := b.wants.index[want{dot: d}]
	if a == nil {
		b.sample(now, now, b.wants.crowd(now)) // before anybody announced it
		b.wants.noteShare(false)
		return
	}
	isPulled := slices.Contains(a.asked, from)
	b.wants.noteShare(isPulled)
	b.wants.ration.leave(now, a, b.cfg.Graft, true)
	b.wants.remove(a.want)
	switch {
	case !a.announced:
	case !isPulled:
		b.sample(now, a.since, a.crowd)
	case !a.urgent:
		b.wants.addPulled(pulled{dot: d, link: from, since: a.since, waited: a.waited, crowd: a.crowd,
			until: now + max(b.patienceIn(a.crowd), trial*b.cfg.Graft)})
	}
	b.wants.recycle(a)
}

func (e *expected) addPulled(p pulled) {
	if len(e.pulled) < maxPulled {
		e.pulled = append(e.pulled, p)
		return
	}
	last := 0
	for i := range e.pulled {
		if e.pulled[i].until > e.pulled[last].until {
			last = i
		}
	}
	if p.until < e.pulled[last].until {
		e.pulled[last] = p
	}
}

// arrivedAgain takes notice of a message that the tree brings after it was pulled.
func (b *Buffer) arrivedAgain(now time.Duration, d peer.Dot, from broadcast.LinkID) {
	e := &b.wants.expected
	i := slices.IndexFunc(e.pulled, func(p pulled) bool { return p.dot == d && p.link != from })
	if i >= 0 {
		b.sample(now, e.pulled[i].since, e.pulled[i].crowd)
		e.pulled = slices.Delete(e.pulled, i, i+1)
	}
}

// busy is a time in which there is more to do than nodes can.
type busy struct{ since, last time.Duration }

// note notes that there is, and reports whether there has been for less than most.
func (t *busy) note(now, pause, most time.Duration) bool {
	if now > t.last+pause {
		t.since = now
	}
	t.last = now
	return now < t.since+most
}

// A tree is not judged while there is more to do than nodes can, for at most mostBusy times
// Config.Graft, a second: what it has not brought within a trial comes within seconds, or
// never, since this node has passed it on to where it would have come from; and the links that
// would be grafted close circles, which bring everything twice until they are found and pruned.
// After that, or once it is over, what was pulled meanwhile counts if it was a
// wholeShare/leastShare part of all at the least: in a part that is cut off it is as much, or
// else the next message shows it. Then one link is grafted, which may have been all that was
// missing, and no other before as much had to be pulled again. It is put off no longer since a
// part that is cut off has everything as late as is waited in a crowd, and so has whoever waits
// until all have it. Guesses.
const (
	mostBusy    = 20
	shareMemory = 64 // messages, after which most is forgotten
	wholeShare  = 1 << 16
	leastShare  = wholeShare / 16
)

// Of long messages so few come that it takes seconds until the share tells anything; at the
// beginning of a burst nobody knows yet how late they will be, and those that are asked for
// are a good part of all. So if others have taken hastyPart times as long as one was waited for
// and came by themselves, as has turned out since, that one shows nothing. If it were once as long,
// a part that is cut off would never find out: what one node has asked for comes to the next by itself, and
// as late. A guess.
const hastyPart = 2

// noteShare notes whether a new message had to be pulled.
func (e *expected) noteShare(pulled bool) {
	e.share -= e.share / shareMemory
	if pulled {
		e.share += wholeShare / shareMemory
	}
}

// AppendGrafts appends the links that brought what the tree has not brought since, of those that
// are lazy. Late says that all that links bring is late.
func (b *Buffer) AppendGrafts(now time.Duration, late bool, lazy func(broadcast.LinkID) bool, dst []broadcast.LinkID) []broadcast.LinkID {
	e := &b.wants.expected
	if late || e.crowd(now) == 1 {
		putOff := e.busy.note(now, 2*trial*b.cfg.Graft, mostBusy*b.cfg.Graft)
		for i := range e.pulled {
			p := &e.pulled[i]
			if p.busy = true; putOff {
				p.until = max(p.until, now+trial*b.cfg.Graft)
			}
		}
	}
	answered := false // what was pulled in a crowd, by one link
	e.pulled = slices.DeleteFunc(e.pulled, func(p pulled) bool {
		crowded := p.busy || p.crowd == 1
		switch {
		case crowded && answered:
			return true
		case now < p.until:
			return false
		case !lazy(p.link):
			return true
		case crowded && (e.share < leastShare || e.wasHasty(&p)):
			return true
		case crowded:
			answered, e.share = true, 0
		}
		if !slices.Contains(dst, p.link) {
			dst = append(dst, p.link)
		}
		return true
	})
	return dst
}

// wasHasty reports whether a long message was asked for too early to show anything.
func (e *expected) wasHasty(p *pulled) bool {
	return e.size >= heavy && hastyPart*p.waited < e.late[1].Most()
}

// graftsDue is when AppendGrafts is due.
func (e *expected) graftsDue() time.Duration {
	t := broadcast.Never
	for _, p := range e.pulled {
		t = min(t, p.until)
	}
	return t
}
