package broadcast

import (
	"slices"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// RelayConfig bounds what relaying holds.
type RelayConfig struct {
	// Window is how many bytes of messages a link may have in flight between
	// this node's log and its socket. One message always fits.
	Window int
	// DigestPart is about how many origins go into one digest frame.
	DigestPart int
	// Lacks is of how many origins a link remembers what its peer has had of them,
	// where that is less than what was had here. Of more, the peer is sent what it may
	// have. A run of messages that were had beyond a hole counts like an origin, and so
	// do a group of origins, and one that the peer is asked about. Zero: 8,192.
	Lacks int
	// Wants is how many wanted messages go into one frame; more are refused. As
	// many announcements go into one.
	Wants int
	// Flood asks no peer for announcements: where all nodes flood, every message
	// crosses every link. It costs as many payloads as there are links, and none
	// ever waits to be asked for. Without it links make up a tree (Plumtree).
	Flood bool
	// AnnounceEvery is how long announcements are gathered for one frame, and half as
	// long again at the end that has not dialled: it need not announce what the other
	// has announced by then. Longer saves frames, and has a node wait longer for what
	// the tree does not bring.
	AnnounceEvery time.Duration
	// AnnounceCalm is the same where the tree has been whole for CalmAfter, as far as this
	// node knows: no link has come or gone, become lazy or eager, and nothing was asked
	// for. It ends at once when something of that happens, a message comes that must have
	// waited somewhere, or many wait here. So frames are saved where little is said, and the
	// first message that a tree fails to bring, of which nobody knows yet, comes so much
	// later. Zero, or less than AnnounceEvery, is AnnounceEvery. The end that has not dialled
	// waits an eighth longer, and the other one a quarter longer if it announced last: so
	// both do in turns, and need no pings. What one has and the other should have too, and
	// has not announced in its turn, is announced at once.
	AnnounceCalm, CalmAfter time.Duration
}

// DefaultRelayConfig returns 256 KiB, 512 origins, 256 wants: guesses that keep
// every control frame below 64 KiB; and 20 ms of announcements, which is far less
// than anybody waits before asking. Where the tree is whole it is a second, for which
// ten messages a second share frames by ten; a tree that is mended is left in peace for 3 s,
// which is more than twice what it takes to notice that something is missing, ask for it, and
// graft. Guesses as well.
func DefaultRelayConfig() RelayConfig {
	return RelayConfig{
		Window: 256 << 10, DigestPart: 512, Wants: 256, Lacks: mostLacks,
		AnnounceEvery: 20 * time.Millisecond, AnnounceCalm: time.Second, CalmAfter: 3 * time.Second,
	}
}

const mostLacks = 1 << 13

// maxSpare is for how many announcements there is room between two calls of Pump.
const maxSpare = 1 << 10

// staleAfter is how old a message must be for a repair to bring it: then the
// links have not, and before it may still be on its way. Where links bring older ones, it must
// be twice as old as these; and where much has come here of late, as old as the slowest may be
// that takes perMessage for each: who had it early cannot tell how late others have it.
// But at most mostStale, and half as old as what a log that is full holds. A repair that takes
// what is under way for what the links do not bring has them changed, under the very load that
// makes them late. Guesses.
const (
	staleAfter = 2 * time.Second
	perMessage = 10 * time.Millisecond
	mostStale  = time.Minute
)

// Links are late, and so is the tree, if they have brought messages that were lateAge old
// within the last lateSpan, and not from before the link: nodes have more to do than they
// can. Guesses.
const (
	lateAge  = time.Second
	lateSpan = 350 * time.Millisecond
)

// Late reports whether what links bring is late.
func (r *Relay) Late(now time.Duration) bool { return r.lateAt > 0 && now <= r.lateAt+lateSpan }

// Relay moves messages between the log and the links.
type Relay struct {
	cfg     RelayConfig
	ages    Lateness      // of what links have brought
	flow    rate          // of messages that entered the log, and were not old then
	lateAt  time.Duration // when a link has last brought what was lateAge old; 0 if none has
	log     *Log
	seen    *Seen
	streams []*stream
	// sent is the first position that no eager link has been sent yet, ever.
	sent    uint64
	judges  judges
	bereft  bool          // a link was closed, and Mend is due
	wounded bool          // it was a branch
	healed  time.Duration // see heal
	calmAt  time.Duration // see disturbed
	// announced is what the frames of one Pump announce.
	announced []Announcement

	// Stats counts messages by what became of them.
	Stats struct {
		Sent, SentBytes uint64 // payload bytes
		Duplicates      uint64
		Skipped         uint64 // evicted before a slow link got to them
		Repaired        uint64 // brought by a repair
		WantsServed     uint64
		WantsGone       uint64
		Digests         uint64
		Refined         uint64 // parts of digests that were looked into
		Rewound         uint64 // links that started over because the peer asked
		Announced       uint64 // messages, to a peer each
		Pruned, Grafted uint64 // links, at this node's wish
	}
}

// stream is the relay's side of one link: a cursor over the log.
//
// An eager one sends what it comes by, a lazy one announces it (tree.go). The
// cursor of a lazy link moves in leaps, one for each frame of announcements.
// What was in the log when the link came up is sent in any case.
type stream struct {
	link   LinkID
	peer   peer.Handle
	since  time.Duration // when it came up
	repair bool
	slot   int
	// From start on, entry.known tells what the peer has; before it, its digest, of
	// which lacks is what it has had of the origins where that is not all.
	start, cursor uint64
	lacks         lacks
	opened        bool // the digest has begun to come
	synced        bool // and is here
	inflight      int
	mode          mode
	gathering     time.Duration // announcements, since then; Never if there are none
	patient       bool
	spoke         bool // this end has announced last
	heard         bool // the other has since the last Pump
	vain          vain
	headed        headed
	requests      []request
	passed        int           // what the cursor has passed is charged, in all
	awaited       time.Duration // since when broadcasts wait for the next part of that; Never if none has since it caught up
	awaitedFrom   int           // passed, then
	forsaken      bool          // they wait for it no more, until it has caught up
	sentDone      bool
	gotDone       bool
	stale         bool
	claims        []Claim // of a repair: what the peer has had and this node has not
}

// request is a message that the peer has asked for, and that there was no room for yet.
type request struct {
	WantEntry
	known bool // that the peer had it once: it asks again, for it could not keep it
}

// maxRequests bounds those of a link; the asker asks again, and others. A guess: of short
// messages four windows hold more.
const maxRequests = 64

// NewRelay joins a log and a version vector.
func NewRelay(cfg RelayConfig, log *Log, seen *Seen) *Relay {
	if cfg.Lacks == 0 {
		cfg.Lacks = mostLacks
	}
	return &Relay{cfg: cfg, log: log, seen: seen}
}

// Open begins reconciliation on a new link: each end tells what it has had.
func (r *Relay) Open(now time.Duration, c Change, out *Outbox) {
	s := &stream{
		link: c.Link, peer: c.Peer, since: now, repair: c.Repair, slot: r.freeSlot(),
		start: r.log.End(), cursor: r.log.Begin(),
		gathering: Never, awaited: Never, patient: c.Patient, vain: r.judges.next(),
	}
	if !s.repair {
		r.disturbed(now)
	}
	r.streams = append(r.streams, s)
	r.sendDigest(now, s.link, out)
}

// Rewind asks the peer on a link to start over from what this node has had by
// now: messages that it sent had to be refused.
func (r *Relay) Rewind(now time.Duration, id LinkID, out *Outbox) {
	if r.find(id) != nil {
		r.sendDigest(now, id, out)
	}
}

// Close forgets a link, and reports whether messages came by it. Once all that are gone
// are forgotten, Mend is due.
func (r *Relay) Close(now time.Duration, id LinkID) (wasEager bool) {
	i := slices.IndexFunc(r.streams, func(s *stream) bool { return s.link == id })
	if i < 0 {
		return false
	}
	s := r.streams[i]
	r.streams = slices.Delete(r.streams, i, i+1)
	if s.repair {
		return false
	}
	r.disturbed(now)
	r.bereft = true
	r.wounded = r.wounded || s.mode == eager && s.synced
	return s.mode == eager
}

// Mend makes up for the links that were closed. It is apart since several may be closed
// at one moment, and nothing may be said on any of them any more.
func (r *Relay) Mend(now time.Duration, out *Outbox) {
	if r.wounded {
		r.heal(now, out)
	}
	if r.bereft {
		r.keepEager(now, out)
	}
	r.bereft, r.wounded = false, false
}

// freeSlot returns a bit of entry.known that no stream uses. There are never
// more than 64 streams: LinksConfig allows 32 links, 16 repairs from peers and
// one of our own.
func (r *Relay) freeSlot() int {
	var used uint64
	for _, s := range r.streams {
		used |= 1 << s.slot
	}
	for slot := range 64 {
		if used&(1<<slot) == 0 {
			return slot
		}
	}
	panic("broadcast: more than 64 streams, against LinksConfig.Validate")
}

// Has reports whether messages may travel the link.
func (r *Relay) Has(id LinkID) bool { return r.find(id) != nil }

// Takes reports whether a frame has a meaning on a link now.
func (r *Relay) Takes(id LinkID, f *Frame) bool {
	switch f.Kind {
	case Neighbor, NeighborReply, Disconnect, Ping, Pong:
		return true
	}
	s := r.find(id)
	if s == nil {
		return false
	}
	switch f.Kind {
	case IHave, Graft, Prune:
		return !s.repair
	case SyncDone:
		return s.repair && !s.gotDone
	case Digest:
		if f.Opening {
			return !s.opened || !s.repair
		}
		return s.opened && slices.ContainsFunc(f.Digest, func(p DigestPart) bool { return s.lacks.pending[p.Prefix] })
	}
	return true
}

// Arrived notes that a link has brought a message that is new here.
func (r *Relay) Arrived(now time.Duration, id LinkID, m *Message) {
	s := r.find(id)
	switch {
	case s == nil:
	case !s.repair:
		r.ages.Sample(now, min(now-m.Born, mostStale/2))
		if now-m.Born >= lateAge && m.Born >= s.since {
			r.lateAt = now
		}
	case !r.isYoung(now, m):
		s.stale = true
		r.Stats.Repaired++
	}
}

// ArrivedAgain notes that the peer on a link has a message which this node had
// before. If another link was faster, and is again and again, this one need not
// bring any more.
func (r *Relay) ArrivedAgain(now time.Duration, id LinkID, m *Message, out *Outbox) {
	s := r.find(id)
	if s == nil {
		return
	}
	r.Stats.Duplicates++
	r.log.markKnown(m.Dot, s.slot)
	if r.cameInVain(now, s, m.Dot) {
		r.prune(now, s, out)
	}
}

// isYoung reports whether the message may be on its way by links still. A repair
// leaves it to them: coming first, it would make the links look late.
func (r *Relay) isYoung(now time.Duration, m *Message) bool {
	old := max(2*r.ages.Within(now, spreadSpan), min(time.Duration(r.flow.of(now))*perMessage, mostStale))
	if r.log.Bytes() > r.log.cfg.Bytes/2 {
		old = min(old, (now-r.log.at(r.log.Begin()).msg.Born)/2)
	}
	return now-m.Born <= max(staleAfter, old)
}

// KnownTo returns the set of slots of the links that a message came by.
func (r *Relay) KnownTo(links []LinkID) (known uint64) {
	for _, id := range links {
		if s := r.find(id); s != nil {
			known |= 1 << s.slot
		}
	}
	return known
}

// Pump sends each link what it has room for. Announcements in its frames are valid until
// the next call.
func (r *Relay) Pump(now time.Duration, out *Outbox) {
	if r.announced = r.announced[:0]; cap(r.announced) > maxSpare {
		r.announced = nil
	}
	r.settle(now, out)
	for _, s := range r.streams {
		r.serve(now, s, out)
		if s.synced {
			r.pump(now, s, out)
		}
	}
}

func (r *Relay) pump(now time.Duration, s *stream, out *Outbox) {
	if begin := r.log.Begin(); s.cursor < begin {
		r.Stats.Skipped += begin - s.cursor
		s.cursor = begin
	}
	end := r.log.End()
	if s.repair {
		end = s.start
	}
	for ; s.cursor < end && s.inflight < r.cfg.Window && !s.announces(); s.cursor++ {
		e := r.log.at(s.cursor)
		if !r.has(s, e) && !(s.repair && r.isYoung(now, e.msg)) {
			r.sendData(s, e.msg, s.cursor < s.start && r.rootless(e.msg), out)
		}
		s.passed += e.msg.Size()
	}
	switch {
	case s.announces():
		r.announce(now, s, out)
	case !s.repair && s.mode == eager:
		r.sent = max(r.sent, s.cursor)
	}
	if s.cursor >= s.start {
		s.lacks = lacks{}
	}
	if s.cursor >= end {
		s.awaited, s.forsaken = Never, false
	}
	if s.repair && s.cursor >= end && !s.sentDone {
		s.sentDone = true
		out.send(s.link, Frame{Kind: SyncDone})
	}
}

// has reports whether the peer is known to have the message at the cursor.
func (r *Relay) has(s *stream, e *entry) bool { return r.hasAt(s, s.cursor, e) }

// hasAt is has for the message at a position that the cursor has not passed.
func (r *Relay) hasAt(s *stream, pos uint64, e *entry) bool {
	if pos >= s.start {
		return e.known&(1<<s.slot) != 0
	}
	return !s.lacks.has(r.seen.place(e.msg.Dot.Origin), e.msg.Dot)
}

// rootless reports whether a dependency has left the log: then a peer that is
// catching up cannot work out the clock and needs it sent.
func (r *Relay) rootless(m *Message) bool {
	return slices.ContainsFunc(m.Deps, func(d peer.Dot) bool { return r.log.Get(d) == nil })
}

func (r *Relay) sendData(s *stream, m *Message, clock bool, out *Outbox) {
	f := Frame{Kind: Data, Message: m, WithClock: clock}
	s.inflight += f.Cost()
	r.Stats.Sent++
	r.Stats.SentBytes += uint64(len(m.Payload))
	out.send(s.link, f)
}

// Written returns room in a link's window.
func (r *Relay) Written(id LinkID, cost int) {
	if s := r.find(id); s != nil {
		s.inflight = max(0, s.inflight-cost)
	}
}

// HandleWant answers a request for messages. What is more than four windows' worth in
// flight is sent as soon as there is room, before all that has not been asked for: of
// messages that are longer than that there is always one in flight on a link that has much
// to bring, and who asks is held up by what it asks for. More than the limits is ignored:
// the asker asks again.
func (r *Relay) HandleWant(now time.Duration, id LinkID, f *Frame, out *Outbox) {
	s := r.find(id)
	if s == nil {
		return
	}
	var gone []GoneEntry
	for _, w := range f.Wants[:min(len(f.Wants), r.cfg.Wants)] {
		m := r.log.Get(w.Dot)
		switch {
		case w.Check && m != nil:
			gone = append(gone, GoneEntry{Dot: w.Dot, UpTo: w.Dot.Seq, Age: now - m.Born, Evidence: r.seen.Evidence(w.Dot.Origin)})
		case m == nil:
			r.Stats.WantsGone++
			gone = append(gone, r.gone(now, w.Dot))
		case s.inflight < 4*r.cfg.Window && len(s.requests) == 0:
			r.sendWanted(now, s, m, w.Clock, out)
		default:
			r.postpone(s, w)
		}
	}
	if len(gone) > 0 {
		out.send(id, Frame{Kind: Gone, Gone: gone})
	}
}

func (r *Relay) sendWanted(now time.Duration, s *stream, m *Message, clock bool, out *Outbox) {
	r.Stats.WantsServed++
	r.sendData(s, m, clock, out)
	r.log.markKnown(m.Dot, s.slot)
	r.disturbed(now)
}

func (r *Relay) postpone(s *stream, w WantEntry) {
	if len(s.requests) < maxRequests && !slices.ContainsFunc(s.requests, func(q request) bool { return q.WantEntry == w }) {
		s.requests = append(s.requests, request{w, r.log.isKnown(w.Dot, s.slot)})
	}
}

// serve sends what was asked for and had no room, unless the peer has announced by now that
// it has got it elsewhere.
func (r *Relay) serve(now time.Duration, s *stream, out *Outbox) {
	served := 0
	for ; served < len(s.requests) && s.inflight < 4*r.cfg.Window; served++ {
		q := s.requests[served]
		m := r.log.Get(q.Dot)
		switch {
		case m == nil:
			r.Stats.WantsGone++
			out.send(s.link, Frame{Kind: Gone, Gone: []GoneEntry{r.gone(now, q.Dot)}})
		case q.Clock || q.known || !r.log.isKnown(q.Dot, s.slot):
			r.sendWanted(now, s, m, q.Clock, out)
		}
	}
	if s.requests = slices.Delete(s.requests, 0, served); len(s.requests) == 0 {
		s.requests = nil
	}
}

func (r *Relay) gone(now time.Duration, d peer.Dot) GoneEntry {
	if !r.seen.Has(d) {
		return GoneEntry{Dot: d}
	}
	born, _ := r.seen.Born(d.Origin)
	g := GoneEntry{Dot: d, UpTo: d.Seq, Age: now - born, Evidence: r.seen.Evidence(d.Origin)}
	if seq, born := r.log.Evicted(d.Origin); seq >= d.Seq {
		g.UpTo, g.Age = seq, now-born
	}
	return g
}

// HandleDone takes the peer's word that it has sent all of its half of a repair.
func (r *Relay) HandleDone(id LinkID) {
	if s := r.find(id); s != nil {
		s.gotDone = true
	}
}

// Finished is a repair that both ends are done with. Stale means that it moved
// a message which links should have brought long before.
//
// Of what was claimed, what did not come has left the peer's log.
type Finished struct {
	Link   LinkID
	Peer   peer.Handle
	Stale  bool
	Claims []Claim
}

// AppendFinished appends the repairs that can be closed.
func (r *Relay) AppendFinished(dst []Finished) []Finished {
	for _, s := range r.streams {
		if s.repair && s.sentDone && s.gotDone {
			dst = append(dst, Finished{s.link, s.peer, s.stale, s.claims})
		}
	}
	return dst
}

// Slim gives back the room for announcements of the last Pump, which are no longer valid.
func (r *Relay) Slim() { r.announced = nil }

// Lacks is how many things links remember of what their peers have had.
func (r *Relay) Lacks() (n int) {
	for _, s := range r.streams {
		n += s.lacks.size()
	}
	return n
}

// Unsent is the first position that no link has been sent yet: the end of the
// log if some eager link keeps up, its beginning if there is none.
func (r *Relay) Unsent() uint64 {
	pos := r.log.Begin()
	for _, s := range r.streams {
		if s.carries() {
			pos = max(pos, s.cursor)
		}
	}
	return pos
}

// Broadcasts wait for a link that is behind by a whole log as long as it gets on by one part
// in awaitParts of it within awaitFor; one that does not is waited for no more, until it has
// caught up. So a network goes at the pace of a neighbour that is somewhat slower, or slow
// for a moment, and one that is too slow holds everybody up once, and not for ever. Guesses: of
// a log that holds what comes in four seconds at the least (docs/guarantees.md, small logs), that
// is a quarter of the pace.
const (
	awaitFor   = 2 * time.Second
	awaitParts = 8
)

// Awaits reports whether a broadcast of this size has to wait, since it would push out what
// an eager link has not been sent yet and its peer is not known to have; and until when that
// goes on at most.
func (r *Relay) Awaits(now time.Duration, size int) (wait bool, until time.Duration) {
	until = Never
	over := r.log.Bytes() + size - r.log.cfg.Bytes
	for pos := r.log.Begin(); over > 0 && pos < r.log.End(); pos++ {
		e := r.log.at(pos)
		over -= e.msg.Size()
		for _, s := range r.streams {
			if s.cursor <= pos && s.carries() && !r.hasAt(s, pos, e) && r.await(now, s) {
				wait, until = true, min(until, s.awaited+awaitFor)
			}
		}
	}
	return wait, until
}

// await reports whether a broadcast is to wait for a link.
func (r *Relay) await(now time.Duration, s *stream) bool {
	if s.awaited == Never || s.passed >= s.awaitedFrom+r.log.cfg.Bytes/awaitParts {
		s.awaited, s.awaitedFrom = now, s.passed
	}
	s.forsaken = s.forsaken || now >= s.awaited+awaitFor
	return !s.forsaken
}

// AppendIdle appends the links that have been sent everything, and whose sockets
// have taken it.
func (r *Relay) AppendIdle(dst []LinkID) []LinkID {
	for _, s := range r.streams {
		if !s.repair && s.synced && s.cursor == r.log.End() && s.inflight == 0 && len(s.requests) == 0 {
			dst = append(dst, s.link)
		}
	}
	return dst
}

// Handles calls mark for every identity that is named here.
func (r *Relay) Handles(mark func(peer.Handle)) {
	for _, s := range r.streams {
		mark(s.peer)
		for _, d := range s.claims {
			mark(d.Origin)
		}
	}
}

func (r *Relay) find(id LinkID) *stream {
	for _, s := range r.streams {
		if s.link == id {
			return s
		}
	}
	return nil
}
