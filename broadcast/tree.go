package broadcast

import (
	"slices"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// The eager links of all nodes make up a tree, over which every message travels
// once; over the lazy ones it is announced, for whoever the tree does not reach
// (Plumtree: Leitão, Pereira, Rodrigues, SRDS 2007). A link begins eager. Both its
// ends hold it to be the same, but while a PRUNE or a GRAFT is on its way.

// mode is what travels a link.
type mode uint8

const (
	eager  mode = iota // messages
	lazy               // announcements, as the peer wishes
	pruned             // announcements, as this node wishes
)

// Links are judged by some messages only, the same ones at all nodes. The links that a
// message was the first to come by make up a tree, so all others may go at once. But
// if each node went by whatever message it has just had, those of several origins
// that are under way together would have the tree cut where each of them meets
// itself, and it would fall apart. So a message is a judge if of all origins heard of
// within the last judgeSpan its own has the least place, which is the same everywhere:
// while many talk, they share the tree of one of them, and while one talks, or each in
// its turn, it is Plumtree.

// judgeSpan is longer than a message and the PRUNEs after it take, and not so long
// that it matters if the one whose tree it is falls silent. A guess.
const judgeSpan = time.Second

// vainSpan is among how many judges a link must bring two in vain to be pruned; a
// new one is for the first, as Plumtree has it, if that is among its first so many.
// Later on, a message that was asked for, the tree being slower from some origins
// than from others, meets itself on its way through the tree; and if the tree broke
// where they meet, it would never rest. A guess.
const vainSpan = 4

// Messages of one origin that are under way together are no better as judges than those
// of several: by each of two, another link was the first, and where one node goes by the
// one and its neighbour by the other, each gives up the link that the other one counts on.
// So of the judges those count whose number and whose origin's place add up to a multiple of
// a power of two that is at least twice as much as there are under way together. That is
// different at different nodes, and where it is half as much, every second judge is the same.
// (The number alone is too little: where everybody has broadcast once or twice there are no
// multiples of four, and no link would ever be pruned.)
//
// How many are under way together is not known before the first has come again, and then each
// node knows of another number; where a thousand were broadcast at once into links that were
// all eager, or some of which closed circles, trees fell apart. So of a burst, what comes after
// a silence of judgeSpan, only the first message has links pruned, which is the same one everywhere and
// makes a tree by itself; if several origins speak, the first of the one with the least place. Which that is
// is known when half a burstSpan has passed, or if nobody else has spoken within aloneSpan, and no sooner are
// they pruned: where fifty spoke at once and each went by the least that it had had, half of all trees fell apart.
// After a burstSpan it is one within half of it, or fewer.

// burstSpan is longer than a message takes to all, as a rule; where it takes longer, what
// comes again tells. A new link waits for as long under load until it is judged. A guess.
const burstSpan = 250 * time.Millisecond

// aloneSpan is after which nobody else speaks at the same time. Until then all links have what
// one says at once. A guess.
const aloneSpan = 20 * time.Millisecond

// standing is what a message may do about links that it comes by in vain.
type standing uint8

const (
	noJudge  standing = iota
	waiting           // tells what is under way together, no more
	counting          // has them pruned, if it is one of those that do
	heading           // is the only one, unless the burst has one of a lesser place
)

// burst is of messages that follow each other within judgeSpan.
type burst struct {
	number        uint64 // counted from 1
	began, latest time.Duration
	least         uint64        // place, of those who have headed it
	mixed         bool          // it has others
	pending       bool          // some link may have to be pruned for it
	halfAt        time.Duration // when the current half of a burstSpan began
	half, before  uint64        // the judges until then, and until that before it
}

// headed is what a link is to be pruned for, unless there was a lesser place.
type headed struct{ burst, place uint64 }

// hear notes a message of an origin that has this place, and reports whether it is the first of
// a burst.
func (b *burst) hear(now time.Duration, place uint64) bool {
	isFirst := b.number == 0 || now > b.latest+judgeSpan
	if isFirst {
		b.number++
		b.began, b.least, b.mixed, b.pending = now, place, false, false
	}
	b.mixed = b.mixed || place != b.least
	b.latest = now
	return isFirst
}

// settles is when it is known who has headed the burst.
func (b *burst) settles() time.Duration {
	if b.mixed {
		return b.began + burstSpan/2
	}
	return b.began + aloneSpan
}

// stand is what a judge may do who has this place, which may be lesser than all before it.
func (b *burst) stand(now time.Duration, isFirst, lesser bool, place uint64) standing {
	switch {
	case now >= b.began+burstSpan:
		return counting
	case isFirst || lesser && now < b.settles():
		b.least = place
		return heading
	}
	return waiting
}

// tally notes a judge, before which there were so many.
func (b *burst) tally(now time.Duration, count uint64) {
	switch {
	case now >= b.halfAt+burstSpan:
		b.halfAt, b.half, b.before = now, count, count
	case now >= b.halfAt+burstSpan/2:
		b.halfAt, b.half, b.before = now, count, b.half
	}
}

// vain is after which judge, and after which burst, one more that comes in vain by a link is
// once too often, if that is soon; none if the judge is 0.
type vain struct{ judge, burst uint64 }

// judges are the last messages that may still be the least: each has a greater place
// than the one before it.
type judges struct {
	count  uint64
	latest []heard
	// spread is how many more judges there have been before one came again, at most, times
	// spreadMemory; of a greater one, each lesser one after it has a part forgotten.
	spread  uint64
	againAt time.Duration // when one last did
	burst   burst
}

// spreadMemory is after about how many copies most of a greater spread is forgotten. A
// guess.
const spreadMemory = 16

// spreadSpan is for how long a copy says something of what is under way together, and how
// old a judge may be whose copy does: longer than messages are under way. Or else whoever
// sends old messages again could keep others from pruning any link. A guess.
const spreadSpan = 10 * time.Second

// cameAgain notes the second copy of a judge.
func (j *judges) cameAgain(now time.Duration, judge uint64) {
	if now > j.againAt+spreadSpan {
		j.spread = 0
	}
	j.againAt = now
	d := (j.count - judge) * spreadMemory
	if d < j.spread {
		d = j.spread - (j.spread-d+spreadMemory-1)/spreadMemory
	}
	j.spread = d
}

// step is how many judges there are for each that counts: a power of two.
func (j *judges) step() uint64 {
	step := uint64(1)
	for step*spreadMemory < 2*j.spread || step < j.count-j.burst.before {
		step *= 2
	}
	return step
}

type heard struct {
	place uint64
	at    time.Duration
}

// maxHeard bounds them. There are about as many as the logarithm of the origins; what
// is left out are the greatest.
const maxHeard = 64

// hear notes a message of an origin that has this place.
func (j *judges) hear(now time.Duration, place uint64) standing {
	isFirst := j.burst.hear(now, place)
	old := 0
	for old < len(j.latest) && j.latest[old].at <= now-judgeSpan {
		old++
	}
	j.latest = slices.Delete(j.latest, 0, old)
	lesser := len(j.latest) > 0 && place < j.latest[0].place
	n := len(j.latest)
	for n > 0 && j.latest[n-1].place >= place {
		n--
	}
	if j.latest = j.latest[:n]; n < maxHeard {
		j.latest = append(j.latest, heard{place, now})
	}
	if n > 0 {
		return noJudge
	}
	j.burst.tally(now, j.count)
	j.count++
	return j.burst.stand(now, isFirst, lesser, place)
}

// next is where what comes in vain from now on is soon after.
func (j *judges) next() vain { return vain{j.count + 1, j.burst.number + 1} }

// isSoon reports whether a judge has come soon after.
func (j *judges) isSoon(v vain, judge uint64, s standing) bool {
	return v.judge > 0 && (judge < v.judge+vainSpan*j.step() || s == heading && j.burst.number < v.burst+vainSpan)
}

// isLeast reports whether nothing was heard since that has a lesser place.
func (j *judges) isLeast(place uint64) bool {
	return len(j.latest) > 0 && j.latest[0].place == place
}

// Delivered notes that a message has entered the log.
func (r *Relay) Delivered(now time.Duration, m *Message) {
	if now-m.Born < mostStale/2 {
		r.flow.add(now)
	}
	if now-m.Born >= lateAfter {
		r.disturbed(now)
	}
	standing := r.judges.hear(now, r.seen.place(m.Dot.Origin))
	if standing == noJudge || r.log.Len() == 0 {
		return
	}
	if e := r.log.at(r.log.End() - 1); e.msg == m { // unless it was too old to stay
		e.judge, e.standing = r.judges.count, standing
	}
}

// cameInVain notes that an eager link has brought what another one had brought
// before it was delivered, and reports whether that happens often.
func (r *Relay) cameInVain(now time.Duration, s *stream, d peer.Dot) bool {
	pos, ok := r.log.index.get(d)
	if !ok || s.repair || s.mode != eager || !r.othersBrought(pos, s) {
		return false
	}
	e := r.log.at(pos)
	judge, place := e.judge, r.seen.place(d.Origin)
	if judge == 0 || !r.judges.isLeast(place) {
		return false
	}
	if now <= e.msg.Born+spreadSpan {
		r.judges.cameAgain(now, judge)
	}
	if e.standing == waiting || e.standing == counting && (place+d.Seq)%r.judges.step() != 0 {
		return false
	}
	often := r.judges.isSoon(s.vain, judge, e.standing)
	b := &r.judges.burst
	s.vain = vain{judge + 1, b.number + 1}
	switch {
	case !often || e.standing != heading:
		return often
	case now < b.settles():
		s.headed, b.pending = headed{b.number, place}, true
		return false
	}
	return place == b.least
}

// settle prunes what brought in vain what has headed the burst, once that is known.
func (r *Relay) settle(now time.Duration, out *Outbox) {
	b := &r.judges.burst
	if !b.pending || now < b.settles() {
		return
	}
	b.pending = false
	for _, s := range r.streams {
		if s.headed == (headed{b.number, b.least}) && r.hasEagerBut(s) {
			r.prune(now, s, out)
		}
	}
}

// hasEagerBut reports whether another link is eager.
func (r *Relay) hasEagerBut(s *stream) bool {
	return slices.ContainsFunc(r.streams, func(t *stream) bool { return t != s && t.carries() })
}

// carries reports whether the link is one of those that messages travel.
func (s *stream) carries() bool { return s.synced && !s.repair && s.mode == eager }

// othersBrought reports whether an eager link other than s brought the message
// before it was delivered. A repair does not count: it is over the next moment.
func (r *Relay) othersBrought(pos uint64, s *stream) bool {
	via := r.log.at(pos).via
	return slices.ContainsFunc(r.streams, func(t *stream) bool {
		// What is older than the link came by another one, in the same slot.
		return t != s && t.carries() && pos >= t.start && via&(1<<t.slot) != 0
	})
}

// prune makes an eager link lazy (Plumtree, algorithm 1: PRUNE).
func (r *Relay) prune(now time.Duration, s *stream, out *Outbox) {
	if s.repair || s.mode != eager || r.cfg.Flood {
		return
	}
	r.Stats.Pruned++
	r.disturbed(now)
	s.mode = pruned
	out.send(s.link, Frame{Kind: Prune})
}

// HandlePrune takes the peer's wish to get announcements from now on, which is
// also all that it will send. It makes no sense before anything was sent.
func (r *Relay) HandlePrune(now time.Duration, id LinkID, out *Outbox) {
	if s := r.find(id); s != nil && s.carries() {
		s.mode = lazy
		r.disturbed(now)
		r.keepEager(now, out)
	}
}

// Graft makes a lazy link eager (Plumtree, algorithm 2: GRAFT).
func (r *Relay) Graft(now time.Duration, id LinkID, out *Outbox) {
	if s := r.find(id); s != nil {
		r.graft(now, s, out)
	}
}

func (r *Relay) graft(now time.Duration, s *stream, out *Outbox) {
	if s.repair || s.mode == eager {
		return
	}
	r.Stats.Grafted++
	r.disturbed(now)
	r.becomeEager(s)
	out.send(s.link, Frame{Kind: Graft})
}

// HandleGraft takes the peer's wish to get messages again, as it will send them.
// If this node had pruned the link, it says the same: had the GRAFT crossed with
// the PRUNE, the peer would now take the link for lazy.
func (r *Relay) HandleGraft(now time.Duration, id LinkID, out *Outbox) {
	s := r.find(id)
	if s == nil || s.repair || s.mode == eager {
		return
	}
	if s.mode == pruned {
		out.send(s.link, Frame{Kind: Graft})
	}
	r.disturbed(now)
	r.becomeEager(s)
}

// The tree is in pieces where a branch of it was lost, and each piece has a node that has
// lost one. What the pieces have between them are lazy links. So whoever has lost a branch
// grafts all of its own at once; those that are too many are pruned again.
//
// It does so healBurst times in quick succession and then once every healEvery, or else
// whoever opens and closes links could have a node bring everything twice without end.
// Where it must not, announcements do. A guess: no honest node loses so many branches, but
// where a third of all nodes die one after the other.
const (
	healEvery = 2 * time.Second
	healBurst = 4
)

func (r *Relay) heal(now time.Duration, out *Outbox) {
	next := max(r.healed, now) + healEvery
	if next > now+healBurst*healEvery {
		return
	}
	r.healed = next
	for _, s := range r.streams {
		if s.synced && !s.repair && s.mode != eager {
			r.graft(now, s, out)
			s.vain = r.judges.next()
		}
	}
}

// becomeEager also has the link send what was announced on it but was sent on no
// link at all: the eager ones were stuck, or there were none.
func (r *Relay) becomeEager(s *stream) {
	s.mode, s.gathering, s.vain, s.headed = eager, Never, vain{}, headed{}
	s.cursor = min(s.cursor, max(r.sent, s.start, r.log.Begin()))
}

// keepEager makes a lazy link eager if no link is: a node with links has a place
// in the tree, and where it had none, one link closes no circle. One that this
// node has pruned comes first, since the peer of another has just said no.
func (r *Relay) keepEager(now time.Duration, out *Outbox) {
	var pick *stream
	for _, s := range r.streams {
		switch {
		case s.repair || !s.synced:
		case s.mode == eager:
			return
		case pick == nil || s.mode == pruned:
			pick = s
		}
	}
	if pick != nil {
		r.graft(now, pick, out)
	}
}

// Lazy reports whether only announcements travel a link.
func (r *Relay) Lazy(id LinkID) bool {
	s := r.find(id)
	return s != nil && !s.repair && s.mode != eager
}

// announces reports whether what is at the cursor is to be announced.
func (s *stream) announces() bool { return !s.repair && s.mode != eager && s.cursor >= s.start }

// disturbed notes a sign that the tree may not be whole here. Whoever is cut off from it
// has only announcements to go by, and they are not to wait for long then.
func (r *Relay) disturbed(now time.Duration) { r.calmAt = now + r.cfg.CalmAfter }

// lateAfter is the age at which a message has waited somewhere to be announced, or should
// have come to a peer if it has come here. Time on
// the wire does not count, and a tree takes a few milliseconds, so that it could be less: but
// nodes that are busy are no broken tree. Without this, a message that is behind in the
// first of the pieces of a tree would wait as long between any two of them. A guess.
const lateAfter = 100 * time.Millisecond

// crowd is how many messages that wait to be announced are a load, under which trees break
// and frames are shared anyway. A guess: some hundred a second.
const crowd = 128

// Asked notes that this node asks for something, since the tree has not brought it.
func (r *Relay) Asked(now time.Duration) { r.disturbed(now) }

// announceAt is when what is gathered on a link is due.
func (r *Relay) announceAt(s *stream) time.Duration {
	if s.gathering == Never {
		return Never
	}
	every, calm := r.cfg.AnnounceEvery, max(r.cfg.AnnounceEvery, r.cfg.AnnounceCalm)
	switch {
	case s.patient:
		every, calm = every+every/2, calm+calm/8
	case s.spoke:
		calm += calm / 4 // let the other: who says nothing for long has to give signs of life
	}
	if soon := s.gathering + every; soon < r.calmAt {
		return soon
	}
	return s.gathering + calm
}

// announce moves the cursor to the end of the log, some time after there has
// come something that the peer is not known to have. Once it is known to, and the tree is
// whole, what came later waits for as long: else both ends would announce a part of everything.
// But what the peer should have had by then and has not announced does not wait for this
// node's turn.
func (r *Relay) announce(now time.Duration, s *stream, out *Outbox) {
	for s.cursor < r.log.End() && r.has(s, r.log.at(s.cursor)) {
		if s.cursor++; now >= r.calmAt {
			s.gathering = Never
		}
	}
	if r.log.End()-s.cursor >= crowd {
		r.disturbed(now)
	}
	for more := r.announceAt(s) <= now || r.isLeftOut(now, s); more; {
		more = r.announceSome(s, out)
	}
	switch {
	case s.cursor == r.log.End() || s.inflight >= r.cfg.Window:
		s.gathering = Never
	case s.gathering == Never && s.heard && now >= r.calmAt:
		s.gathering = r.log.at(s.cursor).msg.Born // it came before the peer spoke
	case s.gathering == Never:
		s.gathering = now
	}
	s.heard = false
}

// isLeftOut reports whether the peer has just announced what it has, and what is at the
// cursor, which it should have by now, was not among it.
func (r *Relay) isLeftOut(now time.Duration, s *stream) bool {
	return s.heard && s.cursor < r.log.End() && now >= r.calmAt && now-r.log.at(s.cursor).msg.Born >= lateAfter
}

// announceSome sends one frame; false if there is no more to be sent, or no room.
func (r *Relay) announceSome(s *stream, out *Outbox) bool {
	start, count := len(r.announced), 0
	for ; s.cursor < r.log.End() && s.inflight < r.cfg.Window && count < r.cfg.Wants; s.cursor++ {
		if e := r.log.at(s.cursor); !r.has(s, e) {
			r.announced = append(r.announced, Announcement{Dot: e.msg.Dot})
			count++
		}
	}
	if count == 0 {
		return false
	}
	f := Frame{Kind: IHave, Announced: Join(r.announced[start:])}
	r.announced = r.announced[:start+len(f.Announced)]
	r.Stats.Announced += uint64(count)
	s.spoke = true
	s.inflight += f.Cost()
	out.send(s.link, f)
	return true
}

// Deadline is when Pump is due, for announcements.
func (r *Relay) Deadline() time.Duration {
	t := Never
	if b := &r.judges.burst; b.pending {
		t = b.settles()
	}
	for _, s := range r.streams {
		if s.synced {
			t = min(t, r.announceAt(s))
		}
	}
	return t
}

// HandleIHave notes that the peer on a link has messages, and appends those that
// this node has not had. More than the limit are ignored.
func (r *Relay) HandleIHave(id LinkID, f *Frame, unknown []peer.Dot) []peer.Dot {
	s := r.find(id)
	if s == nil || s.repair {
		return unknown
	}
	s.spoke, s.heard = false, true
	heeded := 0
	for i := range f.Announced {
		a := &f.Announced[i]
		for d := a.Dot; d.Seq <= a.Last() && heeded < r.cfg.Wants; d.Seq++ {
			heeded++
			if r.seen.Has(d) {
				r.log.markKnown(d, s.slot)
			} else {
				unknown = append(unknown, d)
			}
		}
	}
	return unknown
}
