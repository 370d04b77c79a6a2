package causal

import (
	"cmp"
	"container/heap"
	"math"
	"slices"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// Gap is a run of messages that can no longer be had from anybody this node is
// linked to: they have left the logs.
type Gap struct {
	Origin   peer.Handle
	From, To uint64
	// Born is when the newest of them was broadcast, on this node's clock.
	Born time.Duration
}

// Ask is a request for one message, to be sent on a link. Graft says that its
// peer announced the message and that a link which may have been about to send it
// is gone: this one should send messages.
type Ask struct {
	Link  broadcast.LinkID
	Want  broadcast.WantEntry
	Graft bool
}

// want is something to ask for: a message, or the clock of one that is held.
type want struct {
	dot   peer.Dot
	clock bool
}

type asking struct {
	want
	first  broadcast.LinkID   // who has it, for sure
	others []broadcast.LinkID // who announced it later, and has it as surely
	// announced says that it is expected by itself, and asked for if it does not
	// come.
	announced bool
	since     time.Duration      // when it was announced
	crowd     crowd              // among which that was
	urgent    bool               // a link that may have been about to bring it is gone
	awaited   bool               // a message that is held back waits for this
	pressed   bool               // and much is held back
	asked     []broadcast.LinkID // ever, in the order in which they were asked last
	denied    []broadcast.LinkID // answered that they cannot
	lacking   []broadcast.LinkID // of those, had not had it
	goneAt    time.Duration      // when the first answered that it had left its log
	upTo      uint64             // the lowest eviction that a denial told of: all of them say that much
	born      time.Duration
	noRoom    bool // it came, and could not be held: it is no gap
	next      time.Duration
	until     time.Duration
	placed    bool // it has a place of the ration
	askedAt   time.Duration
	waited    time.Duration       // before it was first asked for
	last      time.Duration       // for how long it may give way to earlier messages
	number    uint64              // counts up
	place     int                 // in the heap; -1 while it is out of it
	room      [4]broadcast.LinkID // for the first of others, asked
}

// due is when there is something to be done about it.
func (a *asking) due() time.Duration { return min(a.next, a.until) }

// wants asks one link after the other. There is one entry per missing dot, so
// their number is bounded by Config.Awaited and Config.Announced.
type wants struct {
	retry, giveUp time.Duration
	list          agenda
	crowded       agenda // what is not asked for before there is a place
	ration        ration
	index         map[want]*asking
	count         uint64
	scratch       []*asking
	spare         []*asking // to be used again
	expected
}

// agenda is a heap: what is due first comes first, and of that the oldest.
type agenda []slot

// slot is an entry with what it is compared by: to look it up in the entry would be most
// of what the heap costs.
type slot struct {
	at     time.Duration // when it is due
	number uint64
	want   *asking
}

var _ heap.Interface = (*agenda)(nil)

func (l agenda) Len() int { return len(l) }
func (l agenda) Less(i, j int) bool {
	return l[i].at < l[j].at || l[i].at == l[j].at && l[i].number < l[j].number
}
func (l agenda) Swap(i, j int) {
	l[i], l[j] = l[j], l[i]
	l[i].want.place, l[j].want.place = i, j
}

// Push and Pop are for package heap.
func (l *agenda) Push(x any) {
	a := x.(*asking)
	a.place = len(*l)
	*l = append(*l, slot{a.due(), a.number, a})
}

// Pop takes the last one out.
func (l *agenda) Pop() any {
	last := len(*l) - 1
	a := (*l)[last].want
	(*l)[last] = slot{}
	*l = (*l)[:last]
	a.place = -1
	return a
}

func newWants(retry, giveUp, graft time.Duration) wants {
	return wants{
		retry: retry, giveUp: giveUp, index: make(map[want]*asking), ration: newRation(),
		expected: expected{crowds: crowds{lull: lull * graft, gap: trial * graft}},
	}
}

// add begins to ask for something, at a time; nil if that has begun before.
func (w *wants) add(next time.Duration, x want, first broadcast.LinkID) *asking {
	if w.index[x] != nil {
		return nil
	}
	a := w.entry(next, x, first)
	heap.Push(&w.list, a)
	return a
}

// expect begins to expect a message that was announced.
func (w *wants) expect(next time.Duration, d peer.Dot, first broadcast.LinkID, since time.Duration) {
	a := w.entry(next, want{dot: d}, first)
	a.announced, a.since, a.crowd = true, since, w.crowd(since)
	w.announced++
	w.noteCrowd(since)
	heap.Push(w.agendaOf(a), a)
}

func (w *wants) entry(next time.Duration, x want, first broadcast.LinkID) *asking {
	w.count++
	a := w.fresh()
	a.want, a.first, a.next, a.until, a.number = x, first, next, next+w.giveUp, w.count
	a.last = next + mostTurns*w.giveUp
	w.index[x] = a
	return a
}

// agendaOf is where an entry stands, or belongs.
func (w *wants) agendaOf(a *asking) *agenda {
	if a.needsPlace() {
		return &w.crowded
	}
	return &w.list
}

// needsPlace reports whether the message is not asked for before there is a place for it.
func (a *asking) needsPlace() bool {
	return a.announced && a.crowd == 1 && len(a.asked) == 0 && !a.urgent && !a.awaited
}

// begin has the time begin in which the message is asked for, if it has not been before:
// nothing is given up that nobody was asked for.
func (w *wants) begin(now time.Duration, a *asking) {
	if len(a.asked) == 0 {
		a.until, a.last = max(a.until, now+w.giveUp), max(a.last, now+mostTurns*w.giveUp)
	}
}

// noteAwaited notes that a message which is held back waits for this one, and so does not
// wait for a place.
func (w *wants) noteAwaited(now time.Duration, a *asking) {
	if a.awaited {
		return
	}
	if a.place >= 0 {
		heap.Remove(w.agendaOf(a), a.place)
		defer func() { heap.Push(w.agendaOf(a), a) }()
	}
	w.begin(now, a)
	a.awaited = true
}

const (
	// maxSpare bounds the entries that are kept for what is announced next: as many as a
	// few frames announce. Slim lets them go.
	maxSpare = 1024
	// madeTogether is how many entries are allocated at once.
	madeTogether = 8
)

// fresh returns an empty entry.
func (w *wants) fresh() *asking {
	if len(w.spare) == 0 {
		together := make([]asking, madeTogether)
		for i := range together {
			a := &together[i]
			a.others, a.asked = a.room[:0:3], a.room[3:3]
			w.spare = append(w.spare, a)
		}
	}
	n := len(w.spare)
	a := w.spare[n-1]
	w.spare = w.spare[:n-1]
	return a
}

// recycle takes back an entry that was removed. Nothing may hold it any more: not Poll,
// which has what is due in hand.
func (w *wants) recycle(a *asking) {
	if len(w.spare) < maxSpare {
		*a = asking{others: a.others[:0], asked: a.asked[:0], denied: a.denied[:0], lacking: a.lacking[:0]}
		w.spare = append(w.spare, a)
	}
}

// reschedule has the entry asked for at another time.
func (w *wants) reschedule(a *asking, next time.Duration) {
	a.next = next
	if l := w.agendaOf(a); a.place >= 0 {
		(*l)[a.place].at = a.due()
		heap.Fix(l, a.place)
	}
}

func (w *wants) remove(x want) bool {
	a := w.index[x]
	if a == nil {
		return false
	}
	delete(w.index, x)
	if a.announced {
		w.announced--
	}
	if a.place >= 0 {
		heap.Remove(w.agendaOf(a), a.place)
	}
	w.ration.free(a)
	return true
}

// refused notes that a wanted message can be had, but not now.
func (w *wants) refused(d peer.Dot) {
	if a := w.index[want{dot: d}]; a != nil {
		a.noRoom = true
	}
}

// Deadline is when Poll, or AppendGrafts, is due.
func (b *Buffer) Deadline() time.Duration {
	t := b.wants.graftsDue()
	if len(b.skipped) > 0 {
		return 0
	}
	if len(b.held) > 0 {
		t = min(t, b.sweepAt)
	}
	w := &b.wants
	if len(w.list) > 0 {
		t = min(t, w.list[0].at)
	}
	if len(w.crowded) > 0 && w.ration.has() {
		t = min(t, w.crowded[0].at)
	}
	return t
}

// Denied takes an answer that a wanted message cannot be sent.
func (b *Buffer) Denied(now time.Duration, link broadcast.LinkID, g broadcast.GoneEntry) {
	for _, clock := range [...]bool{false, true} {
		a := b.wants.index[want{g.Dot, clock}]
		if a == nil || !slices.Contains(a.asked, link) || slices.Contains(a.denied, link) {
			continue
		}
		a.denied = append(a.denied, link)
		b.wants.ration.leave(now, a, b.cfg.Graft, true)
		switch {
		case g.UpTo == 0:
			a.lacking = append(a.lacking, link)
		case a.upTo == 0:
			a.goneAt = now
			fallthrough
		case g.UpTo < a.upTo:
			a.upTo, a.born = g.UpTo, now-g.Age
		}
		b.wants.reschedule(a, now)
	}
}

// Gone takes the word of somebody who cannot be asked any more for what is wanted of
// some origins: it has left a log, and nobody else may have it.
func (b *Buffer) Gone(now time.Duration, claims []broadcast.Claim) {
	said := make(map[peer.Handle]broadcast.Claim, len(claims))
	for _, c := range claims {
		said[c.Origin] = c
	}
	for _, a := range b.wants.index { // each by itself: the order does not show
		if c := said[a.dot.Origin]; !a.clock && a.upTo == 0 && a.dot.Seq <= c.Gone {
			a.upTo, a.born, a.goneAt = c.Gone, c.Born, now
		}
	}
}

// Poll appends the requests that are due, and the gaps that had to be accepted.
// links are the links that are up.
func (b *Buffer) Poll(now time.Duration, links []broadcast.LinkID, asks []Ask, gaps []Gap) ([]Ask, []Gap) {
	for _, a := range b.wants.takeDue(now) {
		if b.wants.index[a.want] != a {
			continue // settled by an earlier one of this round
		}
		b.wants.ration.leave(now, a, b.cfg.Graft, false)
		a.crowd = max(a.crowd, b.wants.crowd(now)) // it was one of the first of a crowd
		asks, gaps = b.poll(now, a, links, asks, gaps)
	}
	for b.wants.ration.has() {
		a := b.wants.takeCrowded(now)
		if a == nil {
			break
		}
		asks, gaps = b.poll(now, a, links, asks, gaps)
	}
	b.drain(now)
	b.maybeSweep(now)
	gaps = append(gaps, b.skipped...)
	b.skipped = b.skipped[:0]
	return asks, gaps
}

// poll does what is due for one entry, which is in neither agenda, and puts it back.
func (b *Buffer) poll(now time.Duration, a *asking, links []broadcast.LinkID, asks []Ask, gaps []Gap) ([]Ask, []Gap) {
	switch {
	case b.mayCome(now, a):
		a.next = a.since + b.patienceIn(a.crowd)
		a.until = a.next + b.wants.giveUp
	case a.needsPlace() && !b.wants.ration.has():
		a.next = now
		b.wants.begin(now, a)
	case b.exhausted(now, a, links):
		gaps = b.settle(now, a, gaps)
	case b.unfounded(a):
		b.inVain(a)
		b.wants.remove(a.want)
	default:
		isFirst := a.needsPlace()
		if link, ok := a.pick(links); ok {
			if isFirst {
				b.wants.ration.take(now, a)
			}
			if len(a.asked) == 0 {
				a.waited = now - a.since
			}
			a.asked = append(a.asked, link)
			asks = append(asks, Ask{link, broadcast.WantEntry{Dot: a.dot, Clock: a.clock}, a.urgent && a.has(link)})
		}
		a.next = now + b.answerTime(a)
	}
	if b.wants.index[a.want] == a {
		heap.Push(b.wants.agendaOf(a), a)
	}
	return asks, gaps
}

// answerTime is how long an answer is waited for before another link is asked.
func (b *Buffer) answerTime(a *asking) time.Duration {
	if a.announced && a.crowd == 1 { // the answer waits in queues as well
		return max(b.wants.retry, b.patienceIn(a.crowd))
	}
	return b.wants.retry
}

// maybeSweep forgets, now and then, what is held back and waits for nothing that is
// asked for. Those are messages that wait for each other in a circle: no honest origins
// make them, nobody could ever deliver them, and they would wait for ever (invariant C5).
// To look at them all each time that one comes would let a neighbour choose how much.
func (b *Buffer) maybeSweep(now time.Duration) {
	if len(b.held) == 0 || now < b.sweepAt {
		return
	}
	b.sweepAt = now + b.wants.giveUp
	var next []*held
	for x := range b.wants.index { // a set: the order does not show
		if h := b.held[x.dot]; h != nil && x.clock {
			next = append(next, h)
		}
		next = append(next, b.waiters[x.dot]...)
	}
	founded := make(map[*held]bool, len(b.held))
	for len(next) > 0 {
		h := next[len(next)-1]
		next = next[:len(next)-1]
		if !founded[h] {
			founded[h] = true
			next = append(next, b.waiters[h.msg.Dot]...)
		}
	}
	var doomed []*held
	for _, h := range b.held { // all of them go: the order does not show
		if !founded[h] {
			doomed = append(doomed, h)
		}
	}
	b.forgetAll(doomed)
}

// takeDue takes what is due out of the agenda, in the order in which it was added.
func (w *wants) takeDue(now time.Duration) []*asking {
	w.scratch = w.scratch[:0]
	for len(w.list) > 0 && w.list[0].at <= now {
		w.scratch = append(w.scratch, heap.Pop(&w.list).(*asking))
	}
	slices.SortFunc(w.scratch, func(x, y *asking) int { return cmp.Compare(x.number, y.number) })
	return w.scratch
}

// takeCrowded takes what is due next in a crowd out of its agenda.
func (w *wants) takeCrowded(now time.Duration) *asking {
	if len(w.crowded) == 0 || w.crowded[0].at > now {
		return nil
	}
	a := heap.Pop(&w.crowded).(*asking)
	w.begin(now, a)
	return a
}

// pick chooses a link that has not been asked: first the one that brought what
// depends on the message, since its peer has delivered it; once all have been
// asked, whoever has not denied is asked again, in turn.
func (a *asking) pick(links []broadcast.LinkID) (broadcast.LinkID, bool) {
	if slices.Contains(links, a.first) && !slices.Contains(a.asked, a.first) {
		return a.first, true
	}
	for _, l := range a.others {
		if slices.Contains(links, l) && !slices.Contains(a.asked, l) {
			return l, true
		}
	}
	for _, l := range links {
		if !slices.Contains(a.asked, l) {
			return l, true
		}
	}
	for i, l := range a.asked {
		if slices.Contains(links, l) && !slices.Contains(a.denied, l) {
			a.asked = slices.Delete(a.asked, i, i+1) // the caller puts it last
			return l, true
		}
	}
	return 0, false
}

// lackTurns is for how many times Retry a message that has left the log of one neighbour is
// waited for where others have not had it: they may be as late as this node, and what they
// get they bring, or announce. They may also be waiting for this one. A guess. What was
// broadcast twice as long ago is on its way to nobody any more: after a partition that
// outlasted the logs each neighbour would wait for the others, one after the other.
const lackTurns = 3

// exhausted reports whether there is nobody left to ask, or no time.
func (b *Buffer) exhausted(now time.Duration, a *asking, links []broadcast.LinkID) bool {
	if now >= a.until {
		return true
	}
	if a.upTo == 0 || len(links) == 0 {
		return false
	}
	mayGetIt := now < a.goneAt+lackTurns*b.wants.retry && now < a.born+2*lackTurns*b.wants.retry
	return !slices.ContainsFunc(links, func(l broadcast.LinkID) bool {
		return !slices.Contains(a.denied, l) || mayGetIt && slices.Contains(a.lacking, l)
	})
}

// mostTurns is for how many times GiveUp a message that cannot be had is not given up
// because an earlier one of its origin is held back, which waits for something too. With
// honest origins each time settles what that is; with others it may be the message itself,
// by any number of ways, and so on for ever. A guess.
const mostTurns = 8

// settle ends a want that was not met. If somebody had the message once, it is
// a gap; otherwise what waits for it is forgotten (invariant C4).
func (b *Buffer) settle(now time.Duration, a *asking, gaps []Gap) []Gap {
	origin := a.dot.Origin
	lowest := b.lowestHeld(origin)
	if !a.clock && lowest < a.dot.Seq {
		if now >= a.last {
			b.wants.remove(a.want)
			b.forget(a)
			return gaps
		}
		a.next, a.until = now+b.wants.retry, now+b.wants.giveUp
		return gaps // that one first: it waits for something too
	}
	b.wants.remove(a.want)
	if !a.clock && a.upTo > 0 && b.isForgotten(now, a.born) && len(b.waiters[a.dot]) == 0 {
		return gaps
	}
	if a.clock || a.noRoom || a.upTo < a.dot.Seq {
		b.inVain(a)
		b.forget(a)
		return gaps
	}
	to := min(a.upTo, lowest-1, b.justified(a.dot))
	gaps, skipped := b.giveUp(origin, to, a.born, b.isRemembered(now, a.born), gaps)
	b.Stats.GapMessages += skipped
	b.askHole(now, origin, []broadcast.LinkID{a.first})
	return gaps
}

// justified is how much of an origin may be given up at most for want of a message:
// no more than something says that there is. That is this message, one that what is
// held back depends on, or one that was had. Whoever answers that more is gone than
// that may be right, and will be asked again when something needs it.
//
// What a neighbour that lies can still do: nobody can tell yet whether a message that
// is said to be gone was ever made. Who announces a message that does not exist, or
// claims it in a digest, or sends one that depends on it, and then answers that it
// and all before it were had and are gone, has this node give up whatever the origin
// has not been heard to say up to that number, MaxSeq at most, though all other links
// say that they never had it. That is reported as a gap of just so many messages. What
// the origin says later, below that number, counts as had: it is not delivered here,
// nor passed on, and others may be told the same by this node in good faith. No
// neighbour can do so with the messages of this node itself, with any that were
// delivered or are held back here, or with origins beyond Seen's bound; and no answer
// counts that was not asked for on its link. That an origin signs how many messages it
// has made is to end it.
func (b *Buffer) justified(d peer.Dot) uint64 {
	most := max(d.Seq, b.seen.Highest(d.Origin))
	for x := range b.waiters { // a maximum: the order does not show
		if x.Origin == d.Origin {
			most = max(most, x.Seq)
		}
	}
	return min(most, peer.MaxSeq)
}

// giveUp takes everything of an origin up to seq, the newest of which was broadcast at
// born, for had, and tells how many messages were not; whoever waits for them waits no
// more. If it is to be told, the gaps are appended. Of one more origin than can be
// remembered nothing is given up, as nothing is taken: what waits for it is forgotten
// (invariant C4).
func (b *Buffer) giveUp(origin peer.Handle, seq uint64, born time.Duration, told bool, gaps []Gap) ([]Gap, uint64) {
	if origin == b.cfg.Self {
		return gaps, 0
	}
	if !b.seen.Room(peer.Dot{Origin: origin, Seq: b.seen.Contiguous(origin) + 1}) {
		b.Stats.NoRoom++
		for _, d := range b.waitedFor(origin, seq) {
			b.forgetAll(slices.Clone(b.waiters[d]))
		}
		return gaps, 0
	}
	if told {
		for _, hole := range b.seen.AppendHoles(nil, origin, seq) {
			b.Stats.Gaps++
			gaps = append(gaps, Gap{origin, hole.From, hole.To, born})
		}
	}
	if b.cfg.GaveUp != nil && seq > b.seen.Contiguous(origin) {
		b.cfg.GaveUp(origin, seq, born)
	}
	skipped := b.seen.Skip(origin, seq, born)
	for _, d := range b.waitedFor(origin, seq) {
		b.release(d)
	}
	return gaps, skipped
}

// lowestHeld is the lowest sequence number of the origin that is held back; the
// highest there is if none is.
func (b *Buffer) lowestHeld(origin peer.Handle) uint64 {
	lowest := uint64(math.MaxUint64)
	for d := range b.held { // a minimum: the order does not show
		if d.Origin == origin {
			lowest = min(lowest, d.Seq)
		}
	}
	return lowest
}

// waitedFor lists the dots of the origin up to seq that something waits for.
func (b *Buffer) waitedFor(origin peer.Handle, seq uint64) []peer.Dot {
	var dots []peer.Dot
	for d := range b.waiters {
		if d.Origin == origin && d.Seq <= seq {
			dots = append(dots, d)
		}
	}
	slices.SortFunc(dots, func(x, y peer.Dot) int { return cmp.Compare(x.Seq, y.Seq) })
	return dots
}

// forget drops the message whose clock cannot be had, or everything that waits
// for a message of which nobody knows, and what waits for those in turn.
func (b *Buffer) forget(a *asking) {
	var doomed []*held
	if a.clock {
		if h := b.held[a.dot]; h != nil {
			doomed = append(doomed, h)
		}
	} else {
		doomed = append(doomed, b.waiters[a.dot]...)
	}
	b.forgetAll(doomed)
}

// Overflowed reports whether a message was refused for want of room since the
// last MakeRoom.
func (b *Buffer) Overflowed() bool { return b.overflow }

// MakeRoom forgets the later half of what is held back. It is for when nothing
// moves because the room is full of what comes last: what comes first must then
// be sent again, in order. The earlier half stays, and what it asks for is asked
// for on, so that a gap in front of it is settled in its time.
func (b *Buffer) MakeRoom() {
	b.overflow = false
	all := make([]*held, 0, len(b.held))
	for _, h := range b.held { // sorted below
		all = append(all, h)
	}
	slices.SortFunc(all, func(x, y *held) int { return cmp.Compare(y.arrival, x.arrival) })
	b.forgetAll(all[:len(all)/2])
}

// forgetAll drops messages, and what waits for them.
func (b *Buffer) forgetAll(doomed []*held) {
	for len(doomed) > 0 {
		h := doomed[0]
		doomed = doomed[1:]
		if b.held[h.msg.Dot] != h {
			continue
		}
		b.discard(h)
		doomed = append(doomed, b.waiters[h.msg.Dot]...)
	}
}

// stopWaiting takes a forgotten message off every list, and drops the requests
// that were for it alone.
func (b *Buffer) stopWaiting(h *held) {
	b.wants.remove(want{h.msg.Dot, true})
	for _, d := range b.awaited(h) {
		rest := slices.DeleteFunc(b.waiters[d], func(x *held) bool { return x == h })
		if len(rest) > 0 {
			b.waiters[d] = rest
			continue
		}
		delete(b.waiters, d)
		if a := b.wants.index[want{dot: d}]; a != nil && !a.announced {
			b.wants.remove(a.want)
		}
	}
}

// awaited lists every dot that the message waits for.
func (b *Buffer) awaited(h *held) []peer.Dot {
	dots := append(slices.Clone(b.dependencies(h.msg)), h.past...)
	return slices.DeleteFunc(dots, func(d peer.Dot) bool { return !slices.Contains(b.waiters[d], h) })
}
