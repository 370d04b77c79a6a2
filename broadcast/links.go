package broadcast

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// LinksConfig shapes the active view.
type LinksConfig struct {
	// Max is how many links a node keeps. HyParView's experiments use 5
	// (section 5.1). More cost duplicates, fewer cost resilience. 1 to 32.
	Max int
	// Heartbeat is how long a peer may be silent, where something was said, before it is
	// pinged, and Timeout before the link is given up. Where there are only pings and
	// their answers, the time to the next one doubles, up to six Heartbeats; the end
	// that has not dialled waits a sixth longer. So a host that vanishes is found within
	// Timeout if anything is sent to it, and within Timeout and six more Heartbeats, 28 s, in
	// any case. (A peer whose process died is found at once, by its connection
	// breaking.) Shorter finds it sooner, and costs idle traffic. Defaults, 3 s and
	// 10 s, are guesses. The two ends need not have the same.
	Heartbeat, Timeout time.Duration
	// Answer is how long a dial or a request may go unanswered. A guess: 5 s.
	Answer time.Duration
	// Dial is how long the driver may take to connect, if that is longer than Answer:
	// where it has more to do for it than to open a stream.
	Dial time.Duration
	// Backoff is how long a peer that refused is left alone. A guess: 5 s; a
	// tenth of that while the node has no link at all.
	Backoff time.Duration
	// Repairs is how many reconciliations peers may have open with this node
	// beside its links. A guess: 4.
	Repairs int
}

// DefaultLinksConfig returns the defaults documented on the fields.
func DefaultLinksConfig() LinksConfig {
	return LinksConfig{
		Max: 5, Heartbeat: 3 * time.Second, Timeout: 10 * time.Second,
		Answer: 5 * time.Second, Backoff: 5 * time.Second, Repairs: 4,
	}
}

// Validate names the first field that is out of range.
func (c LinksConfig) Validate() error {
	if c.Max < 1 || c.Max > 32 {
		return fmt.Errorf("links: Max is %d, must be 1 to 32", c.Max)
	}
	if c.Repairs < 1 || c.Repairs > 16 {
		return fmt.Errorf("links: Repairs is %d, must be 1 to 16", c.Repairs)
	}
	if c.Heartbeat <= 0 || c.Timeout <= c.Heartbeat {
		return errors.New("links: Heartbeat must be positive and Timeout longer than it")
	}
	if c.Answer <= 0 || c.Backoff <= 0 {
		return errors.New("links: Answer and Backoff must be positive")
	}
	return nil
}

// Change tells that a link, or a repair, has begun or ended.
type Change struct {
	Link   LinkID
	Peer   peer.Handle
	Up     bool
	Repair bool
	// Patient is true at the end that did not dial: where both ends would say the same,
	// it leaves that to the other.
	Patient bool
}

// Links is the active view (HyParView, section 4.1): a small, symmetric set of
// stream connections. It decides whom to connect to, whom to accept and whom
// to give up; what is said on the links is Relay's.
type Links struct {
	cfg     LinksConfig
	self    peer.Handle
	draw    func() uint64
	conns   []*conn // few, so a scan beats a map and has an order
	dials   []dialing
	refused []refusal
	choice  choice
	next    time.Duration // no request for a link before this
	round   time.Duration // when links were last asked for
	vain    int           // rounds since then that brought no link
	mend    time.Duration // no repair with a linked peer before this
	nobody  bool          // the last round found nobody to ask
	leaving bool
	changes []Change
	// Spare, if it is set, tells which links are of no use right now: these are given
	// up first.
	Spare func(LinkID) bool

	// Stats counts what happened.
	Stats struct{ Accepted, Refused, Evicted, Lost, TimedOut, Crowded, Banned uint64 }

	offenders []offender
}

type connState uint8

const (
	greeted  connState = iota // inbound, its request not yet here
	asked                     // outbound, our request not yet answered
	linked                    // in the active view
	repaired                  // open for one reconciliation
)

type purpose uint8

const (
	forLink   purpose = iota // HyParView NEIGHBOR
	forBridge                // the same, and room is made for it here too
	forChoice                // the same, in place of an earlier choice
	forRepair
)

type conn struct {
	id       LinkID
	peer     peer.Handle
	outbound bool
	state    connState
	purpose  purpose
	token    uint64
	since    time.Duration
	signs    signs
	rtt      rtt
	blame    int           // the score of what it should not have done
	blamed   time.Duration // when that was last looked at
}

type dialing struct {
	peer    peer.Handle
	purpose purpose
	until   time.Duration
}

type refusal struct {
	peer  peer.Handle
	until time.Duration
}

// maxWaiting bounds the connections that are open and neither link nor repair: those
// whose request is not here yet, and those that were refused and wait for the asker to
// close them. Each is gone after LinksConfig.Answer at the latest, and an honest one
// after a round trip, so that a thousand nodes that join through one contact in the
// same moment all fit. maxWaitingOf is how many of them one peer may have: a link and
// a repair, and as many that it does not know to be broken.
const (
	maxWaiting   = 1024
	maxWaitingOf = 4
)

// maxDials bounds the connections that are being made: the most links, a repair, and
// as many peers that have come back at one moment. More are not asked, but for links
// that are missing.
const maxDials = 64

// maxRefused bounds the memory of refusals; the oldest goes first. 64 is more
// than a node asks within a back-off.
const maxRefused = 64

// NewLinks returns an empty active view. It takes random numbers from draw, some of
// which peers see.
func NewLinks(cfg LinksConfig, self peer.Handle, draw func() uint64) *Links {
	return &Links{cfg: cfg, self: self, draw: draw}
}

// Opened takes a new connection whose other end has proven who it is.
func (l *Links) Opened(now time.Duration, id LinkID, p peer.Handle, outbound bool, out *Outbox) {
	c := &conn{id: id, peer: p, outbound: outbound, since: now, signs: newSigns(now, outbound)}
	if !outbound {
		switch {
		case l.isCrowded(p):
			l.Stats.Crowded++
			fallthrough
		case p == l.self, l.leaving:
			out.Closes = append(out.Closes, id)
			return
		case l.isBanned(now, p):
			l.Stats.Banned++
			out.Closes = append(out.Closes, id)
			return
		}
		l.conns = append(l.conns, c)
		return
	}
	d, ok := l.takeDial(p)
	if !ok || l.unwanted(now, d) {
		out.Closes = append(out.Closes, id)
		return
	}
	c.state, c.purpose, c.token = asked, d.purpose, l.draw()
	l.conns = append(l.conns, c)
	out.send(id, Frame{
		Kind: Neighbor, Token: c.token,
		Repair:   d.purpose == forRepair,
		Priority: d.purpose == forBridge || d.purpose == forChoice || l.Len() == 0,
	})
}

// isCrowded reports whether one more connection from the peer cannot wait here.
func (l *Links) isCrowded(p peer.Handle) bool {
	if len(l.conns) < maxWaitingOf {
		return false
	}
	waiting, its := 0, 0
	for _, c := range l.conns {
		if c.state == greeted {
			waiting++
			if c.peer == p {
				its++
			}
		}
	}
	return waiting >= maxWaiting || its >= maxWaitingOf
}

// offender is a peer that has done what no honest node does.
type offender struct {
	peer  peer.Handle
	times int
	until time.Duration
}

// maxOffenders bounds the memory of them; who is free again soonest goes first. There
// are seldom any, and drivers remember names, which outlive handles. maxBan is how
// often a ban is doubled: from LinksConfig.Backoff, 5 s, to an hour and a half.
const (
	maxOffenders = 128
	maxBan       = 10
)

// Punish closes all connections with a peer that has done what no honest node does,
// and has no others for a while, which is twice as long each time.
func (l *Links) Punish(now time.Duration, p peer.Handle, out *Outbox) {
	times := 1
	l.offenders = slices.DeleteFunc(l.offenders, func(x offender) bool {
		if x.peer == p && now < x.until+l.ban(x.times) {
			times += x.times
		}
		// Who has behaved for as long as it was banned is forgiven.
		return x.peer == p || now >= x.until+l.ban(x.times)
	})
	if len(l.offenders) == maxOffenders {
		soonest := 0
		for i, x := range l.offenders {
			if x.until < l.offenders[soonest].until {
				soonest = i
			}
		}
		l.offenders = slices.Delete(l.offenders, soonest, soonest+1)
	}
	l.offenders = append(l.offenders, offender{p, times, now + l.ban(times)})
	for _, c := range slices.Clone(l.conns) {
		if c.peer == p {
			l.drop(now, c, out)
		}
	}
}

// A score of mostBlame is too much. It drains by so many points a second.
const (
	mostBlame = 1024
	drains    = 16
)

// Blame adds to the score of a connection, and reports whether it is too much now.
func (l *Links) Blame(now time.Duration, id LinkID, points int) bool {
	c := l.find(id)
	if c == nil {
		return false
	}
	if seconds := int(min((now-c.blamed)/time.Second, mostBlame)); seconds > 0 {
		c.blame, c.blamed = max(0, c.blame-drains*seconds), now
	}
	c.blame += points
	return c.blame >= mostBlame
}

func (l *Links) ban(times int) time.Duration { return l.cfg.Backoff << min(times-1, maxBan) }

func (l *Links) isBanned(now time.Duration, p peer.Handle) bool {
	return slices.ContainsFunc(l.offenders, func(x offender) bool { return x.peer == p && now < x.until })
}

// unwanted reports whether a dial has become pointless while it was under way.
func (l *Links) unwanted(now time.Duration, d dialing) bool {
	return l.leaving || l.isBanned(now, d.peer) || d.peer == l.self || d.purpose != forRepair && l.Linked(d.peer)
}

// DialFailed takes the driver's word that a peer could not be connected to.
func (l *Links) DialFailed(now time.Duration, p peer.Handle) {
	if _, ok := l.takeDial(p); ok {
		l.refuse(now, p)
	}
}

// Closed takes the driver's word that a connection has ended.
func (l *Links) Closed(now time.Duration, id LinkID) {
	if c := l.find(id); c != nil {
		shortLived := c.state == linked && now < c.since+l.cfg.Backoff
		if c.state == linked {
			l.Stats.Lost++
		}
		if c.state == asked || shortLived {
			l.refuse(now, c.peer) // whatever broke it may well break the next one
		}
		l.remove(now, c)
	}
}

// Handle takes a frame that concerns the link itself. view is where a refused
// peer is pointed to.
func (l *Links) Handle(now time.Duration, id LinkID, f *Frame, view []peer.Descriptor, out *Outbox) {
	c := l.find(id)
	if c == nil {
		return
	}
	switch f.Kind {
	case Neighbor:
		l.handleNeighbor(now, c, f, view, out)
	case NeighborReply:
		l.handleReply(now, c, f, out)
	case Disconnect:
		l.refuse(now, c.peer)
		l.drop(now, c, out)
	}
}

// handleNeighbor decides on a request (HyParView, algorithm 1, NEIGHBOR: a
// request of high priority is always accepted, others if there is a free slot).
func (l *Links) handleNeighbor(now time.Duration, c *conn, f *Frame, view []peer.Descriptor, out *Outbox) {
	if c.state != greeted || c.purpose == forRepair {
		l.drop(now, c, out) // asked twice, or on our own request: not our protocol
		return
	}
	if f.Repair {
		l.acceptRepair(now, c, out)
		return
	}
	if l.leaving || !l.settle(now, c, f.Token, out) {
		l.refuseConn(now, c, nil, out)
		return
	}
	if l.Len() >= l.cfg.Max {
		if !f.Priority {
			l.refuseConn(now, c, view, out)
			return
		}
		l.evictOne(now, out)
	}
	out.send(c.id, Frame{Kind: NeighborReply, Accept: true})
	l.visit(now, c.peer)
	l.establish(now, c, linked)
}

// settle deals with the peer's other connections to us, so that one remains.
// Two requests that cross are seen by both ends: the higher token stays. The answer to one
// may come before the other, as they are on two connections; so a request with a lower token
// than ours, which was answered a moment ago, is one that the peer has let go of.
func (l *Links) settle(now time.Duration, c *conn, token uint64, out *Outbox) bool {
	for _, o := range slices.Clone(l.conns) {
		if o == c || o.peer != c.peer || o.state == repaired || o.purpose == forRepair {
			continue
		}
		switch o.state {
		case asked:
			if o.token > token {
				return false
			}
			l.drop(now, o, out)
		case linked:
			if o.outbound && token < o.token && now < o.since+l.cfg.Answer {
				return false // crossed with ours, which the peer has accepted instead
			}
			// The peer would not ask if it still had the old link.
			l.drop(now, o, out)
		}
	}
	return true
}

func (l *Links) acceptRepair(now time.Duration, c *conn, out *Outbox) {
	n := 0
	for _, o := range l.conns {
		if o.state == repaired && !o.outbound {
			n++
		}
	}
	if n >= l.cfg.Repairs {
		l.refuseConn(now, c, nil, out)
		return
	}
	c.purpose = forRepair
	out.send(c.id, Frame{Kind: NeighborReply, Accept: true})
	l.establish(now, c, repaired)
}

// refuseConn says no. The asker closes; if it does not, the answer's time-out
// will.
func (l *Links) refuseConn(now time.Duration, c *conn, view []peer.Descriptor, out *Outbox) {
	l.Stats.Refused++
	out.send(c.id, Frame{Kind: NeighborReply, Candidates: view})
	c.purpose, c.since = forRepair, now // neither a link nor a rival for one
}

func (l *Links) handleReply(now time.Duration, c *conn, f *Frame, out *Outbox) {
	if c.state != asked {
		l.drop(now, c, out)
		return
	}
	if !f.Accept {
		l.refuse(now, c.peer)
		l.drop(now, c, out)
		return
	}
	if c.purpose == forRepair {
		l.establish(now, c, repaired)
		return
	}
	isFull := l.Len() >= l.cfg.Max
	if l.Linked(c.peer) || isFull && c.purpose == forLink && l.choices() >= l.keptChoices() {
		l.giveUp(now, c, out)
		return
	}
	switch {
	case isFull && c.purpose == forChoice:
		l.makeRoom(now, out)
	case isFull:
		l.evictOne(now, out)
	}
	l.establish(now, c, linked)
}

func (l *Links) establish(now time.Duration, c *conn, s connState) {
	c.state, c.since = s, now
	if s == linked {
		l.Stats.Accepted++
		l.vain = 0
		if l.choice.seldom == 0 {
			l.noteChoice(now)
			l.choice.begun = now
		}
	}
	l.changes = append(l.changes, Change{Link: c.id, Peer: c.peer, Up: true, Repair: s == repaired, Patient: !c.outbound})
}

// giveUp ends a link in good order: the peer is told.
func (l *Links) giveUp(now time.Duration, c *conn, out *Outbox) {
	out.send(c.id, Frame{Kind: Disconnect, Leaving: l.leaving})
	l.refuse(now, c.peer)
	l.drop(now, c, out)
}

// drop closes a connection.
func (l *Links) drop(now time.Duration, c *conn, out *Outbox) {
	out.Closes = append(out.Closes, c.id)
	l.remove(now, c)
}

func (l *Links) remove(now time.Duration, c *conn) {
	i := slices.Index(l.conns, c)
	l.conns = slices.Delete(l.conns, i, i+1)
	if c.state == linked || c.state == repaired {
		l.changes = append(l.changes, Change{Link: c.id, Peer: c.peer, Repair: c.state == repaired})
	}
	if c.state == linked {
		l.vain, l.next = 0, min(l.next, now) // replace it at once
	}
}

// Maintain asks peers in view for links while there are too few, and when there are
// enough, now and then for another.
func (l *Links) Maintain(now time.Duration, view []peer.Descriptor, out *Outbox) {
	if l.leaving {
		return
	}
	pending := l.pending()
	switch missing := l.cfg.Max - l.Len() - pending; {
	case missing > 0 && now >= l.next:
		l.ask(now, missing, view, out)
	case missing <= 0 && pending == 0 && now >= l.nextChoice():
		l.choose(now, view, out)
	}
}

// ask asks for as many links as are missing.
func (l *Links) ask(now time.Duration, missing int, view []peer.Descriptor, out *Outbox) {
	asked := 0
	for ; asked < missing; asked++ {
		p := l.candidate(now, view)
		if p == peer.None {
			break
		}
		l.dial(now, p, forLink, out)
	}
	l.nobody = asked == 0
	l.round, l.next = now, now+l.pause()
	l.vain++
}

// Offer says that the view has new peers in it, so that asking may be worth it.
func (l *Links) Offer() {
	switch {
	case l.nobody:
		l.nobody, l.vain, l.next = false, 0, 0
	case l.Len() < (l.cfg.Max+1)/2:
		l.vain = 0
		l.next = min(l.next, l.round+l.pause())
	}
}

// pause is how long to wait between rounds of requests: short while isolated,
// doubling up to a minute while more links would be welcome but nobody has room.
func (l *Links) pause() time.Duration {
	wait := l.cfg.Backoff / 10
	if l.Len() == 0 {
		wait = l.cfg.Backoff / 50
	}
	return min(wait<<min(l.vain, 10), 12*l.cfg.Backoff)
}

// candidate picks a peer at random from the view that is worth asking.
func (l *Links) candidate(now time.Duration, view []peer.Descriptor) peer.Handle {
	pick, n := peer.None, uint64(0)
	for _, d := range view {
		if d.Peer == l.self || l.busyWith(d.Peer) || l.isRefused(now, d.Peer) || l.isBanned(now, d.Peer) {
			continue
		}
		n++
		if l.draw()%n == 0 {
			pick = d.Peer
		}
	}
	return pick
}

// Bridge asks a peer for a link even if that costs another one. It is for a
// peer that was lost for long and answers again: after a partition nobody has
// a free slot for the other side, and without this no link would ever cross.
func (l *Links) Bridge(now time.Duration, p peer.Handle, out *Outbox) {
	if !l.leaving && p != l.self && !l.busyWith(p) && !l.isBanned(now, p) && len(l.dials) < maxDials {
		l.dial(now, p, forBridge, out)
	}
}

// Repair asks a peer for one reconciliation, if none is open with it and none
// that we asked for with anybody. The peer may be linked: what it has sent on the
// link and was not kept here comes again no other way where all are linked to
// all. But that is rare, so it is tried now and then only.
func (l *Links) Repair(now time.Duration, p peer.Handle, out *Outbox) (asked bool) {
	if l.isBanned(now, p) || len(l.dials) >= maxDials {
		return false
	}
	isLinked := l.Linked(p)
	if l.leaving || p == l.self || l.dialling(p) || !isLinked && l.busyWith(p) || isLinked && now < l.mend {
		return false
	}
	for _, c := range l.conns {
		if c.purpose == forRepair && (c.outbound || c.peer == p && c.state == repaired) {
			return false
		}
	}
	for _, d := range l.dials {
		if d.purpose == forRepair {
			return false
		}
	}
	if isLinked {
		l.mend = now + 6*l.cfg.Backoff
	}
	l.dial(now, p, forRepair, out)
	return true
}

// EndRepair closes a repair that both sides have finished.
func (l *Links) EndRepair(now time.Duration, id LinkID, out *Outbox) {
	if c := l.find(id); c != nil && c.state == repaired {
		l.drop(now, c, out)
	}
}

// Leave refuses whatever comes from now on; Disconnect tells each neighbour.
func (l *Links) Leave() { l.leaving = true }

// Disconnect ends every connection in good order.
func (l *Links) Disconnect(now time.Duration, out *Outbox) {
	for _, c := range slices.Clone(l.conns) {
		l.giveUp(now, c, out)
	}
}

// Tick gives up what has been silent for too long and pings what would be.
func (l *Links) Tick(now time.Duration, out *Outbox) {
	l.dials = slices.DeleteFunc(l.dials, func(d dialing) bool {
		if late := d.until <= now; late {
			l.refuse(now, d.peer)
			return true
		}
		return false
	})
	for _, c := range slices.Clone(l.conns) {
		switch {
		case now >= l.limit(c):
			l.Stats.TimedOut++
			if c.state == asked {
				l.refuse(now, c.peer)
			}
			l.drop(now, c, out)
		case c.lasting():
			c.signs.tick(now, l.cfg, c.id, out)
		}
	}
}

// limit is when a connection is given up if nothing happens on it.
func (l *Links) limit(c *conn) time.Duration {
	if c.state == greeted || c.state == asked {
		return c.since + l.cfg.Answer
	}
	return c.signs.limit(l.cfg)
}

// lasting reports whether the connection is agreed upon, so that silence on it
// must not last. In a repair, one end may have much to send and the other nothing.
func (c *conn) lasting() bool { return c.state == linked || c.state == repaired }

// Deadline is when Tick, or Maintain if the view offers somebody, is due.
func (l *Links) Deadline() time.Duration {
	t := Never
	for _, d := range l.dials {
		t = min(t, d.until)
	}
	for _, c := range l.conns {
		t = min(t, l.limit(c))
		if c.lasting() {
			t = min(t, c.signs.deadline(l.cfg))
		}
	}
	switch pending := l.pending(); {
	case l.leaving:
	case l.Len()+pending < l.cfg.Max:
		t = min(t, l.next)
	case pending == 0:
		t = min(t, l.nextChoice())
	}
	return t
}

// Heard notes that a frame has come on a connection, and answers if it is a ping.
func (l *Links) Heard(now time.Duration, id LinkID, kind FrameKind, out *Outbox) {
	if c := l.find(id); c != nil {
		c.signs.hear(now, kind)
		c.rtt.heard(now, kind)
		if kind == Ping {
			out.send(id, Frame{Kind: Pong})
		}
	}
}

// Said notes that a frame was sent on a connection.
func (l *Links) Said(now time.Duration, id LinkID, kind FrameKind) {
	if c := l.find(id); c != nil {
		c.signs.say(now, kind)
		c.rtt.said(now, kind)
	}
}

// TakeChanges returns what began and ended since the last call.
func (l *Links) TakeChanges(dst []Change) []Change {
	dst = append(dst, l.changes...)
	l.changes = l.changes[:0]
	return dst
}

// Len is the number of links.
func (l *Links) Len() int {
	n := 0
	for _, c := range l.conns {
		if c.state == linked {
			n++
		}
	}
	return n
}

// Empty reports whether there is no connection and none is being made.
func (l *Links) Empty() bool { return len(l.conns)+len(l.dials) == 0 }

// Bounded names a bound that is not kept, or is "": what waits, dials and memories.
func (l *Links) Bounded() string {
	waiting := 0
	for _, c := range l.conns {
		if c.state == greeted {
			waiting++
		}
	}
	switch {
	case waiting > maxWaiting:
		return fmt.Sprint("connections that wait: ", waiting)
	case len(l.dials) > maxDials+l.cfg.Max:
		return fmt.Sprint("dials: ", len(l.dials))
	case len(l.refused) > maxRefused, len(l.offenders) > maxOffenders, len(l.choice.visitors) > maxVisitors:
		return fmt.Sprint("refused, banned and visitors: ", len(l.refused), len(l.offenders), len(l.choice.visitors))
	}
	return ""
}

// Linked reports whether there is a link to the peer.
func (l *Links) Linked(p peer.Handle) bool {
	return slices.ContainsFunc(l.conns, func(c *conn) bool { return c.peer == p && c.state == linked })
}

// LinkInfo is what there is to tell of a link.
type LinkInfo struct {
	ID       LinkID
	Peer     peer.Handle
	Outbound bool
	Since    time.Duration // when it came up
	// RTT is how long an answer took when one was last waited for; 0 if never.
	RTT time.Duration
}

// All are the links, in the order in which their connections came.
func (l *Links) All() iter.Seq[LinkInfo] {
	return func(yield func(LinkInfo) bool) {
		for _, c := range l.conns {
			if c.state == linked && !yield(LinkInfo{c.id, c.peer, c.outbound, c.since, c.rtt.last}) {
				return
			}
		}
	}
}

// AppendOpen appends every connection on which messages can be asked for.
func (l *Links) AppendOpen(dst []LinkID) []LinkID {
	for _, c := range l.conns {
		if c.state == linked || c.state == repaired {
			dst = append(dst, c.id)
		}
	}
	return dst
}

// PeerOf tells who is at the other end of a connection.
func (l *Links) PeerOf(id LinkID) (peer.Handle, bool) {
	if c := l.find(id); c != nil {
		return c.peer, true
	}
	return peer.None, false
}

// AppendPeers appends the peers that links lead to.
func (l *Links) AppendPeers(dst []peer.Handle) []peer.Handle {
	for _, c := range l.conns {
		if c.state == linked {
			dst = append(dst, c.peer)
		}
	}
	return dst
}

// Handles calls mark for every peer that is named here.
func (l *Links) Handles(mark func(peer.Handle)) {
	for _, c := range l.conns {
		mark(c.peer)
	}
	for _, d := range l.dials {
		mark(d.peer)
	}
	for _, r := range l.refused {
		mark(r.peer)
	}
	for _, x := range l.offenders {
		mark(x.peer)
	}
	for _, v := range l.choice.visitors {
		mark(v.peer)
	}
}

func (l *Links) find(id LinkID) *conn {
	for _, c := range l.conns {
		if c.id == id {
			return c
		}
	}
	return nil
}

// busyWith reports whether there is a link to the peer or one on its way.
func (l *Links) busyWith(p peer.Handle) bool {
	for _, c := range l.conns {
		if c.peer == p && (c.state == linked || c.state == asked && c.purpose != forRepair) {
			return true
		}
	}
	return l.dialling(p)
}

func (l *Links) dialling(p peer.Handle) bool {
	return slices.ContainsFunc(l.dials, func(d dialing) bool { return d.peer == p })
}

// pending is how many links are being asked for.
func (l *Links) pending() int {
	n := 0
	for _, d := range l.dials {
		if d.purpose != forRepair {
			n++
		}
	}
	for _, c := range l.conns {
		if c.state == asked && c.purpose != forRepair {
			n++
		}
	}
	return n
}

func (l *Links) dial(now time.Duration, p peer.Handle, why purpose, out *Outbox) {
	l.dials = append(l.dials, dialing{p, why, now + max(l.cfg.Dial, l.cfg.Answer)})
	out.Dials = append(out.Dials, Dial{p})
}

func (l *Links) takeDial(p peer.Handle) (dialing, bool) {
	for i, d := range l.dials {
		if d.peer == p {
			l.dials = slices.Delete(l.dials, i, i+1)
			return d, true
		}
	}
	return dialing{}, false
}

func (l *Links) refuse(now time.Duration, p peer.Handle) {
	l.refused = slices.DeleteFunc(l.refused, func(r refusal) bool { return r.peer == p || r.until <= now })
	if len(l.refused) == maxRefused {
		l.refused = slices.Delete(l.refused, 0, 1)
	}
	wait := l.cfg.Backoff
	if l.Len() == 0 {
		wait /= 10
	}
	// Half to one and a half of it, so that many askers do not come back at once.
	wait = wait/2 + time.Duration(l.draw()%uint64(wait))
	l.refused = append(l.refused, refusal{p, now + wait})
}

func (l *Links) isRefused(now time.Duration, p peer.Handle) bool {
	return slices.ContainsFunc(l.refused, func(r refusal) bool { return r.peer == p && r.until > now })
}
