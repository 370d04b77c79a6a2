package causal

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// Order is the guarantee that delivery gives. All nodes of a network should
// use the same.
type Order uint8

const (
	// Causal delivers a message after everything that happened before it, and
	// stamps it with its exact clock. It implies FIFO.
	Causal Order = iota
	// FIFO delivers each origin's messages in the order in which they were
	// sent. A message's clock counts its own origin only.
	FIFO
	// Unordered delivers as messages come. A message's clock counts its own
	// origin only.
	Unordered
)

// String returns the order's name.
func (o Order) String() string {
	switch o {
	case Causal:
		return "causal"
	case FIFO:
		return "fifo"
	case Unordered:
		return "unordered"
	}
	return fmt.Sprintf("Order(%d)", o)
}

// Config shapes a Buffer.
type Config struct {
	Order Order
	// HoldBytes bounds what is held back (Message.Size). It must have room for
	// the largest message: one that can never be held can never wait its turn.
	HoldBytes int
	// Retry is how long to wait for a wanted message before asking the next
	// link; GiveUp is how long to go on asking.
	Retry, GiveUp time.Duration
	// Graft is how long a message that was announced may take to come by itself, at least; at
	// most it is 64 times that, and 200 times where many are expected, if such messages have
	// been late.
	Graft time.Duration
	// Horizon is how long an origin that is silent stays in clocks; after twice that
	// all of it is forgotten. All nodes must have the same. 0 is for ever.
	Horizon time.Duration
	// Wall is the time that counts from 1970, by this node's own reckoning, at time 0.
	Wall time.Duration
	// Dated has each message say its epoch, whatever the order, and refuses those that do
	// not. It is for where origins sign what they say: then nobody can have an old
	// message pass for a new one with those who have forgotten it, or came later.
	Dated bool
	// Self is who this node is: nobody is believed who says that its messages are
	// gone. None if it never sends.
	Self peer.Handle
	// Announced bounds the messages that are expected because they were announced,
	// Awaited those that what is held back waits for. Zero: 16,384 and 32,768.
	Announced, Awaited int
	// Keep, if there is one, is called once for each message from a link that is kept,
	// and answers what is kept in its place: what Add is given, and all that is in it,
	// is then the caller's again. waits says that it is held back, and may never be
	// delivered; otherwise it is being delivered, so that these come in the order of
	// delivery.
	Keep func(m *broadcast.Message, waits bool) *broadcast.Message
	// GaveUp, if there is one, is told that everything of an origin up to a message, the
	// newest of which was broadcast at born, is about to be given up.
	GaveUp func(origin peer.Handle, seq uint64, born time.Duration)
	// Name gives an origin's identity for clocks, Handle is its inverse.
	Name   func(peer.Handle) vclock.Origin
	Handle func(vclock.Origin) peer.Handle
}

// MaxDeps bounds the direct dependencies of one message. There is one per
// message that is concurrent with all others, so at most one per origin; with
// a thousand origins sending a thousand messages a second there are about 50.
const MaxDeps = 1 << 14

// ErrTooManyHeads refuses a broadcast that would have more than MaxDeps direct
// dependencies. It does not affect the state.
var ErrTooManyHeads = fmt.Errorf("causal: more than %d concurrent messages to depend on", MaxDeps)

// Validate names the first field that is out of range.
func (c Config) Validate() error {
	switch {
	case c.Order > Unordered:
		return fmt.Errorf("causal: Order is %d, must be Causal (0), FIFO (1) or Unordered (2)", c.Order)
	case c.HoldBytes <= 0:
		return errors.New("causal: HoldBytes must be positive")
	case c.Retry <= 0 || c.GiveUp <= c.Retry:
		return errors.New("causal: Retry must be positive and GiveUp longer than it")
	case c.Graft <= 0:
		return errors.New("causal: Graft must be positive")
	case c.Horizon < 0 || c.Horizon > 0 && c.Horizon < minHorizon:
		return fmt.Errorf("causal: Horizon is %v, must be 0 or at least %v", c.Horizon, minHorizon)
	case c.Name == nil || c.Handle == nil:
		return errors.New("causal: Name and Handle must be set")
	}
	return nil
}

// Buffer holds back what cannot be delivered yet.
type Buffer struct {
	cfg   Config
	seen  *broadcast.Seen
	log   Log
	held  map[peer.Dot]*held
	bytes int
	// waits counts, for each message that is held back, what it waits for.
	waits int
	// waiters lists what waits for a dot to be delivered or given up.
	waiters  map[peer.Dot][]*held
	wants    wants
	heads    []head
	frontier vclock.Clock // of what was delivered, but for behind
	behind   []vclock.Clock
	latestOf uint32 // the epoch of both
	maker    vclock.Maker
	pasts    []vclock.Clock // of the dependencies of the message in hand
	ready    []*held        // found deliverable, in order
	arrivals uint64
	overflow bool             // something was refused for want of room
	own      uint64           // messages that this node has originated
	headsOf  uint32           // the epoch whose horizon the heads are within
	skipped  []Gap            // found in passing, to be reported
	vain     []Vain           // found in passing
	passing  held             // the message that is delivered as soon as it has come
	clocks   [16]vclock.Clock // that stampAlone gave last, by handle
	sweepAt  time.Duration    // when to look for what waits in a circle, if anything is held

	// Stats counts what was held back and what became of it. Early and Stale were
	// refused: their epochs are ahead of this node's clock, or beyond the horizon.
	Stats struct{ Held, Forgotten, NoRoom, Gaps, GapMessages, Early, Stale uint64 }
}

// Log is where delivered messages go, and where their clocks are found again.
type Log interface {
	Get(peer.Dot) *broadcast.Message
	// Deliver takes a message that is deliverable, with the links it came by.
	Deliver(m *broadcast.Message, from []broadcast.LinkID)
}

// held is a message on its way through the buffer.
type held struct {
	msg     *broadcast.Message
	from    []broadcast.LinkID
	size    int // that it was charged when it came
	missing int
	past    []peer.Dot // of the clock that came along, those waited for now
	clock   clockState
	arrival uint64 // a count, the newest the highest
	kept    bool   // as Config.Keep answered it
	room    [2]broadcast.LinkID
}

// clockState is where a message's clock stands.
type clockState uint8

const (
	unstamped clockState = iota // to be worked out from the dependencies' clocks
	received                    // sent along; all that it counts comes first
	exact                       // this node's own
)

// head is a delivered message that no other delivered message depends on.
type head struct {
	dot   peer.Dot
	clock vclock.Clock
	epoch uint32 // of the clock
	bytes int    // that the clock takes, if it came along
	bare  bool   // the clock had to go
	own   bool   // the clock has memory of its own
}

// mostSharing is how many heads have clocks that keep others from being freed: the last
// ones, which most likely go with the next message. A guess.
const mostSharing = 64

// New returns an empty buffer over the node's version vector and log.
func New(cfg Config, seen *broadcast.Seen, log Log) *Buffer {
	if cfg.Announced == 0 {
		cfg.Announced = maxAnnounced
	}
	if cfg.Awaited == 0 {
		cfg.Awaited = maxAwaited
	}
	return &Buffer{
		cfg: cfg, seen: seen, log: log,
		held:    make(map[peer.Dot]*held),
		waiters: make(map[peer.Dot][]*held),
		wants:   newWants(cfg.Retry, cfg.GiveUp, cfg.Graft),
	}
}

// Made is how many messages this node has originated.
func (b *Buffer) Made() uint64 { return b.own }

// Slim gives back the room that a burst has left, unless there is something in it: for a
// driver to call when nothing has come for a while. What the buffer does is the same.
func (b *Buffer) Slim() {
	if len(b.held) == 0 && len(b.waiters) == 0 && len(b.ready) == 0 {
		b.held, b.waiters, b.ready = make(map[peer.Dot]*held), make(map[peer.Dot][]*held), nil
	}
	if w := &b.wants; len(w.index) == 0 {
		w.index, w.list, w.crowded, w.scratch, w.spare = make(map[want]*asking), nil, nil, nil, nil
	}
	if len(b.wants.pulled) == 0 {
		b.wants.pulled = nil
	}
	if cap(b.heads) > len(b.heads) {
		b.heads = append(make([]head, 0, len(b.heads)), b.heads...)
	}
	b.pasts = nil
	b.Clock()
	b.behind = nil
}

// Clock is the node's vector clock: everything it has delivered.
func (b *Buffer) Clock() vclock.Clock {
	for _, c := range slices.Backward(b.behind) { // the last most likely knows all
		b.frontier = b.frontier.Merge(c)
	}
	clear(b.behind)
	b.behind = b.behind[:0]
	return b.frontier
}

// mostBehind is how many clocks are merged together: most of them are part of the last
// few, so that nothing need be allocated for them. A guess.
const mostBehind = 32

// merge adds a delivered message's clock to the node's. One that came along may be long
// and share nothing with others, and is not kept waiting.
func (b *Buffer) merge(c vclock.Clock, long bool) {
	b.latestOf = max(b.latestOf, c.Epoch())
	b.behind = append(b.behind, c)
	if long || len(b.behind) == mostBehind {
		b.Clock()
	}
}

// Originate makes a new message of this node and delivers it. The error is
// ErrTooManyHeads.
func (b *Buffer) Originate(now time.Duration, origin peer.Handle, payload []byte) (*broadcast.Message, error) {
	return b.OriginateHeaded(now, origin, payload, false)
}

// OriginateHeaded is Originate for a payload that may begin with headers.
func (b *Buffer) OriginateHeaded(now time.Duration, origin peer.Handle, payload []byte, headed bool) (*broadcast.Message, error) {
	m := &broadcast.Message{
		Dot:     peer.Dot{Origin: origin, Seq: max(b.own, b.seen.Highest(origin)) + 1},
		Payload: payload,
		Headed:  headed,
		Born:    now,
	}
	h := &held{msg: m, kept: true}
	if b.cfg.Order == Causal {
		epoch := max(b.epoch(now), b.latestOf)
		b.dropHeads(epoch)
		if len(b.heads) > MaxDeps {
			return nil, ErrTooManyHeads
		}
		m.Deps, m.Bulk = b.headDots(), b.headsBulk()
		m.Clock = b.Clock().Advance(b.cfg.Name(origin), m.Dot.Seq, epoch)
		if epoch > b.newestHead() || b.cfg.Dated {
			m.Epoch = epoch
		}
		m.ClockBytes = broadcast.SharedClock(m.Clock.Len())
		h.clock = exact
	} else if b.cfg.Dated {
		m.Epoch = b.epoch(now)
	}
	m.Resumes = b.hasBeenSilent(now, origin, m.Dot.Seq)
	b.own = m.Dot.Seq
	b.ready = append(b.ready, h)
	b.drain(now)
	return m, nil
}

func (b *Buffer) headDots() []peer.Dot {
	if len(b.heads) == 0 {
		return nil
	}
	dots := make([]peer.Dot, len(b.heads))
	for i, h := range b.heads {
		dots[i] = h.dot
	}
	return dots
}

// Outcome is what became of a message from a link.
type Outcome uint8

// The outcomes.
const (
	Refused Outcome = iota // it cannot be, or there is no room for it
	Known                  // it was had before
	Fresh
)

// Add takes a message from a link. withClock says that m.Clock is set by the
// sender.
func (b *Buffer) Add(now time.Duration, m *broadcast.Message, withClock bool, from broadcast.LinkID) Outcome {
	if !possible(m) {
		return Refused
	}
	if b.seen.Has(m.Dot) {
		b.arrivedAgain(now, m.Dot, from)
		return Known
	}
	if h := b.held[m.Dot]; h != nil {
		b.addAgain(now, h, m, withClock, from)
		b.arrivedAgain(now, m.Dot, from)
		return Known
	}
	if m.Resumes && !b.mayResume(m) {
		return Refused
	}
	if !b.inTime(now, m, withClock) {
		b.refuse(now, m, from)
		return Refused
	}
	if !b.room(m, withClock) {
		b.Stats.NoRoom++
		b.overflow = true
		b.wants.refused(m.Dot)
		return Refused
	}
	b.arrivals++
	b.arrived(now, m, from) // somebody may be asking for this very one
	if b.isNext(m, withClock) {
		b.pass(now, m, from)
	} else {
		b.hold(now, m, withClock, from)
	}
	b.drain(now)
	return Fresh
}

// isNext reports whether a new message can be delivered at once. Of one that comes with
// its clock there is more to be looked at.
func (b *Buffer) isNext(m *broadcast.Message, withClock bool) bool {
	if b.cfg.Order == Causal && withClock {
		return false
	}
	if d, ok := b.predecessor(m); ok && !b.seen.Has(d) {
		return false
	}
	return b.cfg.Order != Causal || b.find(m.Deps) // what has a clock has been delivered
}

// pass delivers a message that was never held back, after isNext.
func (b *Buffer) pass(now time.Duration, m *broadcast.Message, from broadcast.LinkID) {
	if b.cfg.Order == Causal {
		b.stampAfter(m)
	} else {
		b.stampAlone(m)
	}
	if !b.inTime(now, m, true) {
		b.refuse(now, m, from)
		b.Stats.Forgotten++
		return
	}
	h := &b.passing
	h.msg, h.from, h.kept = m, append(h.from[:0], from), false
	b.deliver(now, h)
	h.msg = nil
}

// hold takes in a message that may have to wait.
func (b *Buffer) hold(now time.Duration, m *broadcast.Message, withClock bool, from broadcast.LinkID) {
	if b.cfg.Keep != nil {
		m = b.cfg.Keep(m, true)
	}
	h := &held{msg: m, arrival: b.arrivals, size: m.Size(), kept: true}
	h.from = append(h.room[:0], from)
	if withClock && b.cfg.Order == Causal {
		h.clock = received
	}
	if len(b.held) == 0 {
		b.sweepAt = now + b.wants.giveUp
	}
	b.held[m.Dot] = h
	pressed := b.isPressed()
	b.bytes += h.size
	b.await(now, h, b.dependencies(m))
	if !pressed && b.isPressed() {
		b.pressAll()
	}
	if h.missing == 0 {
		b.ready = append(b.ready, h)
	} else {
		b.Stats.Held++
	}
}

// possible reports whether a message has numbers that there are, and does not name
// itself, or a later one of its origin, as its past. No node makes another one, and
// it could not be delivered ever.
func possible(m *broadcast.Message) bool {
	return isDot(m.Dot) && !slices.ContainsFunc(m.Deps, func(d peer.Dot) bool {
		return !isDot(d) || d.Origin == m.Dot.Origin && d.Seq >= m.Dot.Seq
	})
}

// isDot reports whether a message can have the name.
func isDot(d peer.Dot) bool { return d.Seq > 0 && d.Seq <= peer.MaxSeq }

// room reports whether the message can be taken in. One that need not be held
// back needs no room to be: it may be what all that is held back waits for.
func (b *Buffer) room(m *broadcast.Message, withClock bool) bool {
	if !b.seen.Room(m.Dot) {
		return false
	}
	if b.bytes+m.Size() <= b.cfg.HoldBytes && b.waits+b.missing(m) <= b.cfg.Awaited {
		return true
	}
	return b.deliverable(m, withClock)
}

// missing counts what the message would wait for, at most: where there is much room
// it is not looked at closely.
func (b *Buffer) missing(m *broadcast.Message) (n int) {
	count := len(m.Deps)
	if _, ok := b.predecessor(m); ok {
		count = 1
	}
	if b.waits+count <= b.cfg.Awaited {
		return count
	}
	for _, d := range b.dependencies(m) {
		if !b.seen.Has(d) {
			n++
		}
	}
	return n
}

// deliverable reports whether a new message would be delivered at once.
func (b *Buffer) deliverable(m *broadcast.Message, withClock bool) bool {
	if slices.ContainsFunc(b.dependencies(m), func(d peer.Dot) bool { return !b.seen.Has(d) }) {
		return false
	}
	switch {
	case b.cfg.Order != Causal:
		return true
	case withClock:
		dots, complete := b.past(m, 1)
		return complete && len(dots) == 0
	default:
		return b.find(m.Deps)
	}
}

// maxFrom bounds the memory of which links brought a message that is held back.
const maxFrom = 8

// cameBy notes a link whose peer has the message.
func (h *held) cameBy(link broadcast.LinkID) {
	if len(h.from) < maxFrom && !slices.Contains(h.from, link) {
		h.from = append(h.from, link)
	}
}

func (b *Buffer) addAgain(now time.Duration, h *held, m *broadcast.Message, withClock bool, from broadcast.LinkID) {
	h.cameBy(from)
	if withClock && h.clock == unstamped && b.cfg.Order == Causal {
		if b.bytes+m.ClockBytes > b.cfg.HoldBytes && !b.deliverable(m, true) {
			b.Stats.NoRoom++ // for the clock; it is asked for again
			b.overflow = true
			return
		}
		h.clock, h.msg.Clock, h.msg.ClockBytes = received, m.Clock, m.ClockBytes
		b.bytes += m.ClockBytes
		h.size += m.ClockBytes
		if b.wants.remove(want{dot: m.Dot, clock: true}) {
			b.ready = append(b.ready, h)
			b.drain(now)
		}
	}
}

// await makes the message wait for those of the dots that were not had, and
// asks for what is not held back itself.
func (b *Buffer) await(now time.Duration, h *held, dots []peer.Dot) {
	for _, d := range dots {
		if b.seen.Has(d) || slices.Contains(b.waiters[d], h) {
			continue
		}
		h.missing++
		b.waits++
		b.waiters[d] = append(b.waiters[d], h)
		if b.held[d] != nil {
			continue
		}
		if a := b.wants.index[want{dot: d}]; a != nil {
			a.source(h.from[0]) // expected, or asked for already
			if b.wants.noteAwaited(now, a); b.isPressed() {
				b.press(a)
			}
		} else {
			b.wants.add(now, want{dot: d}, h.from[0])
		}
	}
}

// dependencies lists what must be delivered before the message.
func (b *Buffer) dependencies(m *broadcast.Message) []peer.Dot {
	switch {
	case b.cfg.Order == Causal && len(m.Deps) > 0:
		return m.Deps // the origin's previous message is in their past
	default:
		if d, ok := b.predecessor(m); ok {
			return []peer.Dot{d}
		}
	}
	return nil
}

// predecessor is what must be delivered before a message although it does not say so:
// its origin's message before it.
func (b *Buffer) predecessor(m *broadcast.Message) (d peer.Dot, ok bool) {
	if b.cfg.Order == Unordered || m.Dot.Seq == 1 || m.Resumes || b.cfg.Order == Causal && len(m.Deps) > 0 {
		return d, false
	}
	return peer.Dot{Origin: m.Dot.Origin, Seq: m.Dot.Seq - 1}, true
}

// drain delivers what is ready, and what that makes ready.
func (b *Buffer) drain(now time.Duration) {
	if len(b.ready) == 0 {
		return
	}
	for i := 0; i < len(b.ready); i++ {
		h := b.ready[i]
		switch {
		case b.seen.Has(h.msg.Dot): // given up by what was delivered just now
		case !b.stamp(now, h):
		case b.held[h.msg.Dot] == h && !b.seen.Room(h.msg.Dot):
			b.Stats.NoRoom++ // there was when it came, and others have taken it
			b.forgetAll([]*held{h})
		default:
			b.deliver(now, h)
		}
	}
	b.ready = nil
}

// stampAlone gives a message a clock that counts its own origin only. It shares the name
// in it with the one before, of as many origins as are remembered.
func (b *Buffer) stampAlone(m *broadcast.Message) {
	name := b.cfg.Name(m.Dot.Origin)
	last := &b.clocks[int(m.Dot.Origin)%len(b.clocks)]
	m.ClockBytes = broadcast.SharedClock(1)
	if last.At(name) == 0 {
		*last = vclock.Clock{}
		m.ClockBytes += aloneBytes
	}
	b.pasts = append(b.pasts[:0], *last)
	*last = b.maker.AdvanceAll(b.pasts, name, m.Dot.Seq, 0)
	m.Clock = *last
}

// aloneBytes is what a clock takes beyond its count if it shares its name with no other.
const aloneBytes = 80

// stampAfter gives a message its clock, after find has found those of its dependencies.
func (b *Buffer) stampAfter(m *broadcast.Message) {
	m.Clock = b.maker.AdvanceAll(b.pasts, b.cfg.Name(m.Dot.Origin), m.Dot.Seq, m.Epoch)
	if clear(b.pasts); cap(b.pasts) > mostPasts {
		b.pasts = nil
	}
	m.ClockBytes = broadcast.SharedClock(m.Clock.Len())
}

// stamp works out the message's clock; false if the message must go on waiting.
func (b *Buffer) stamp(now time.Duration, h *held) bool {
	m := h.msg
	switch {
	case h.clock == exact:
		return true
	case b.cfg.Order != Causal:
		b.stampAlone(m)
	case h.clock == received:
		var complete bool
		h.past, complete = b.past(m, min(maxPast, b.cfg.Awaited-b.waits))
		if b.await(now, h, h.past); h.missing > 0 {
			return false
		}
		if !complete { // there is no room to wait for what is missing
			b.Stats.NoRoom++
			b.overflow = true
			b.forgetAll([]*held{h})
			return false
		}
	default:
		if !b.find(m.Deps) {
			b.wants.add(now, want{dot: m.Dot, clock: true}, h.from[0])
			return false
		}
		b.stampAfter(m)
	}
	if !b.inTime(now, m, true) {
		b.refuse(now, m, h.from[0])
		b.forgetAll([]*held{h})
		return false
	}
	return true
}

// past lists the messages that a clock from outside counts and that were not
// had. A dependency that was given up as a gap leaves its own past unknown; the
// clock knows it, and nothing of it may come later than this message. It lists no more
// than most, and reports whether that is all: clocks may count many, and what comes
// after these is looked at when they have come. An origin that the driver has no handle
// left for cannot be waited for.
func (b *Buffer) past(m *broadcast.Message, most int) (dots []peer.Dot, complete bool) {
	for o, n := range m.Clock.All() {
		origin := b.cfg.Handle(o)
		if origin == peer.None {
			return dots, false
		}
		if origin == m.Dot.Origin {
			if m.Resumes {
				continue
			}
			n = m.Dot.Seq - 1
		}
		if origin == b.cfg.Self {
			continue // of its own a node has had all there are
		}
		if n > b.seen.Contiguous(origin) {
			if len(dots) >= most {
				return dots, false
			}
			dots = append(dots, peer.Dot{Origin: origin, Seq: n})
		}
	}
	return dots, true
}

// maxPast bounds what one message waits for at a time because its clock counts it. A
// guess: a round trip for each thousand origins that nobody can tell of any more.
const maxPast = 1 << 10

// mostPasts is for how many clocks there is room between two messages.
const mostPasts = 1 << 10

// find puts the clocks of delivered messages into pasts; false if one is not known.
func (b *Buffer) find(dots []peer.Dot) bool {
	if b.pasts = b.pasts[:0]; len(dots) > cap(b.pasts) {
		b.pasts = make([]vclock.Clock, 0, len(dots))
	}
	for _, d := range dots {
		c, ok := b.clockOf(d)
		if !ok {
			return false
		}
		b.pasts = append(b.pasts, c)
	}
	return true
}

// clockOf finds the clock of a delivered message: heads keep theirs for as long
// as they are heads, the log has the others of the retained past.
func (b *Buffer) clockOf(d peer.Dot) (vclock.Clock, bool) {
	for i := len(b.heads) - 1; i >= 0; i-- {
		if b.heads[i].dot == d && !b.heads[i].bare {
			return b.heads[i].clock, true
		}
	}
	if m := b.log.Get(d); m != nil {
		return m.Clock, true
	}
	return vclock.Clock{}, false
}

func (b *Buffer) deliver(now time.Duration, h *held) {
	if b.cfg.Keep != nil && !h.kept {
		h.msg = b.cfg.Keep(h.msg, false)
	}
	m := h.msg
	if m.Resumes {
		b.resume(now, m.Dot)
	}
	b.seen.Mark(m.Dot, m.Born)
	if b.held[m.Dot] == h {
		delete(b.held, m.Dot)
		b.bytes -= h.size
	}
	b.merge(m.Clock, h.clock == received)
	if b.cfg.Order == Causal {
		b.dropHeads(b.latestOf)
		b.heads = slices.DeleteFunc(b.heads, func(x head) bool { return b.supersedes(h, x.dot) })
		x := head{dot: m.Dot, clock: m.Clock, epoch: m.Clock.Epoch()}
		if h.clock == received {
			x.bytes = m.ClockBytes
		}
		b.heads = append(b.heads, x)
		b.settleHead(len(b.heads) - 1 - mostSharing)
		if x.bytes > 0 {
			b.stripHeads()
		}
	}
	b.log.Deliver(m, h.from)
	if h != &b.passing { // that one is not asked for since it has just come
		b.wants.remove(want{dot: m.Dot})
	}
	b.releaseWaiters(m.Dot)
	b.askHole(now, m.Dot.Origin, h.from)
}

// settleHead gives a head's clock memory of its own: it may stay for long. Each delivery
// moves heads by one place at most, so none gets past that place as it was.
func (b *Buffer) settleHead(i int) {
	if i >= 0 && !b.heads[i].own {
		b.heads[i].clock, b.heads[i].own = b.heads[i].clock.Clone(), true
	}
}

// stripHeads lets go of the clocks of the oldest heads, if those that came along take
// more than a quarter of what may be held back: they share nothing, and a head may stay
// for long. If the log does not have such a clock any more it is asked for.
func (b *Buffer) stripHeads() {
	bytes := 0
	for i := len(b.heads) - 1; i >= 0; i-- {
		x := &b.heads[i]
		if bytes += x.bytes; bytes > b.cfg.HoldBytes/4 && x.bytes > 0 {
			bytes -= x.bytes
			x.clock, x.bytes, x.bare = vclock.Clock{}, 0, true
		}
	}
}

// supersedes reports whether the message happened after the head. What an origin has
// sent before is in its past, whether or not it says so: so there are no more heads
// than origins. Where all its
// dependencies were delivered, these are the heads that it did happen after; of
// one that is a gap only the clock tells what it stood for (invariant C3).
func (b *Buffer) supersedes(h *held, d peer.Dot) bool {
	if d.Origin == h.msg.Dot.Origin || slices.Contains(h.msg.Deps, d) {
		return true
	}
	return h.clock == received && h.msg.Clock.At(b.cfg.Name(d.Origin)) >= d.Seq
}

// Ask asks for a message that somebody is known to have had, although nothing
// here depends on it, if it does not come by itself soon: it may be on its way,
// it may be lost, or it may be a gap.
func (b *Buffer) Ask(now time.Duration, d peer.Dot, first broadcast.LinkID) {
	if isDot(d) && d.Origin != b.cfg.Self && !b.seen.Has(d) && b.held[d] == nil {
		b.wants.add(now+b.patience(now), want{dot: d}, first)
	}
}

// Heads is the number of direct dependencies that the next message will have.
func (b *Buffer) Heads() int { return len(b.heads) }

// NextBulk is what the next message will have of Bulk and ClockBytes.
func (b *Buffer) NextBulk() int {
	if b.cfg.Order != Causal {
		return 0
	}
	return b.headsBulk() + broadcast.SharedClock(b.Clock().Len()+1)
}

// headsBulk is what heads take as dependencies: names, incarnations, numbers.
func (b *Buffer) headsBulk() (bytes int) {
	for _, h := range b.heads {
		bytes += broadcast.DependencyBulk(len(b.cfg.Name(h.dot.Origin).Name))
	}
	return bytes
}

// Expected is how many messages were announced, or are waited for, and have not come.
func (b *Buffer) Expected() int { return max(len(b.wants.index), b.waits) }

// askHole asks for the first missing message of an origin outside FIFO and
// causal order, where nothing waits for it but it must come all the same.
func (b *Buffer) askHole(now time.Duration, origin peer.Handle, from []broadcast.LinkID) {
	next := b.seen.Contiguous(origin) + 1
	if b.cfg.Order != Unordered || b.seen.Highest(origin) < next || len(from) == 0 {
		return
	}
	b.wants.add(now+b.cfg.Retry, want{dot: peer.Dot{Origin: origin, Seq: next}}, from[0])
}

// release tells those that waited for the dot.
func (b *Buffer) release(d peer.Dot) {
	b.wants.remove(want{dot: d})
	b.releaseWaiters(d)
}

func (b *Buffer) releaseWaiters(d peer.Dot) {
	waiting := b.waiters[d]
	if len(waiting) == 0 {
		return
	}
	delete(b.waiters, d)
	b.waits -= len(waiting)
	for _, h := range waiting {
		if h.missing--; h.missing == 0 {
			b.ready = append(b.ready, h)
		}
	}
}

// Len and Bytes are what is held back now.
func (b *Buffer) Len() int { return len(b.held) }

// Bytes is what the messages held back are charged.
func (b *Buffer) Bytes() int { return b.bytes }

// Handles calls mark for every identity that is named here.
func (b *Buffer) Handles(mark func(peer.Handle)) {
	for d, h := range b.held { // the order of marks does not show
		mark(d.Origin)
		for _, dep := range h.msg.Deps {
			mark(dep.Origin)
		}
	}
	for d := range b.waiters {
		mark(d.Origin)
	}
	for x := range b.wants.index {
		mark(x.dot.Origin)
	}
	for _, h := range b.heads {
		mark(h.dot.Origin)
	}
}
