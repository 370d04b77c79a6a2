package gossip

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/internal/secure"
	"github.com/Ishan27gOrg/gossipProtocol/internal/wire"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/protocol"
)

// framesIn is what has come on a link at once: frames with their lengths in a chunk, or in
// a scrap if they are few, or a long one without; and the end of the link, if it came after
// them.
type framesIn struct {
	link  *link
	chunk *chunk
	scrap *scrap
	size  int
	long  []byte
	err   error
	room  *room // that they were given; nil if none was
	taken int
}

// batches are not in use: what a channel has room for is there from the start, and what is
// in a select is on the stack of who waits, so both have pointers alone.
var batches = sync.Pool{New: func() any { return new(framesIn) }}

// done gives back what was taken, and in itself.
func (in *framesIn) done() {
	if in.chunk != nil {
		chunks.Put(in.chunk)
	}
	if in.scrap != nil {
		scraps.Put(in.scrap)
	}
	if in.room != nil {
		in.room.give(in.taken)
	}
	*in = framesIn{}
	batches.Put(in)
}

// sending is a broadcast on its way into the log.
type sending struct {
	payload []byte // the caller's, who waits, or with headers a copy
	headed  bool
	id      MessageID
	err     error
	over    bool          // the caller waits no more
	promise uint64        // its number among those that wait for the store
	done    chan struct{} // told once, when it has gone or never will; room for that
}

// newSending returns one that nobody uses.
func (n *Node) newSending(payload []byte, headed bool) *sending {
	s, ok := n.sendings.Get().(*sending)
	if !ok {
		s = &sending{done: make(chan struct{}, 1)}
	}
	s.payload, s.headed, s.id, s.err, s.over = payload, headed, MessageID{}, nil, false
	return s
}

// end tells the caller, who may take the payload back.
func (s *sending) end(err error) {
	s.payload, s.err, s.over = nil, err, true
	s.done <- struct{}{}
}

// scratch is room that the loop uses again and again.
type scratch struct {
	view []peer.Descriptor
	deck []peer.Handle
	head []byte
}

// run starts the goroutines that do not belong to a link.
func (n *Node) run(ctx context.Context) {
	detach := context.AfterFunc(ctx, func() { n.cancel(context.Cause(ctx)) })
	n.warnOfPlain()
	if n.cfg.Keyring != nil {
		n.follow(n.cfg.Keyring, n.keysChanged)
	}
	if n.signer != nil {
		n.follow(n.signer.roster, n.rosterChanged)
	}
	if n.keeping != nil {
		n.wg.Go(n.syncStore)
	}
	n.wg.Go(n.readPackets)
	n.wg.Go(n.accept)
	n.timer = time.NewTimer(0)
	n.wg.Add(1)
	go n.loop(detach)
}

// loop steps the machine, until the node is closed; but what a link brings to a node that has
// nothing else to do its reader takes there by itself (handleNow). Where it had nothing to do
// for a while another goroutine goes on, as in read.
func (n *Node) loop(detach func() bool) {
	for {
		n.mu.Lock()
		n.backlog.offer()
		messages, next := n.backlog.next()
		n.offers = messages != nil
		n.mu.Unlock()
		select {
		case <-n.ctx.Done():
			n.mu.Lock()
			n.shutDown()
			n.mu.Unlock()
			detach()
			n.wg.Done()
			return
		case f := <-n.calls:
			n.mu.Lock()
			f()
		case s := <-n.sends:
			n.mu.Lock()
			n.pace()
			n.send(s)
		case p := <-n.packets:
			n.mu.Lock()
			n.handlePacket(p)
		case in := <-n.frames:
			n.mu.Lock()
			n.handleHanded(in)
			n.handleMoreFrames()
			if n.busy {
				n.cameAt = n.now() // it may have taken longer than busyAfter
			}
		case o := <-n.opened:
			n.mu.Lock()
			n.handleOpened(o)
		case <-n.written:
			n.mu.Lock()
			n.handleWritten()
		case messages <- *next: // which stays the next one: nobody else steps while it is offered
			n.mu.Lock()
			n.backlog.taken()
		case <-n.timer.C:
			n.mu.Lock()
			n.alarm.at = broadcast.Never
			n.slim()
		}
		rested := n.tick()
		n.mu.Unlock()
		if rested {
			go n.loop(detach)
			return
		}
	}
}

// handleNow takes what has come on a link, in the goroutine that has read it: to wake the loop
// for it takes a good part of what a single message costs. False if the loop has to: it is
// at something, or has something to do, or is about to have because much comes.
func (n *Node) handleNow(in *framesIn) bool {
	if !n.mu.TryLock() {
		return false
	}
	defer n.mu.Unlock()
	if n.over || n.offers || n.handed.Load() > 0 || n.now() < n.cameAt+busyAfter {
		return false
	}
	n.pace()
	n.handleFrames(in)
	n.catchUp(n.now())
	if n.backlog.list.n > 0 {
		n.wake() // to offer it
	}
	return true
}

// wake has the loop come round.
func (n *Node) wake() {
	select {
	case n.written <- struct{}{}:
	default:
	}
}

const (
	// restAfter is how long the loop must have had nothing to do to go on with a new stack:
	// to start with one takes a few microseconds. A guess.
	restAfter = 250 * time.Millisecond
	// restWithin is how long it keeps the old one after that if nothing else comes: to wake
	// it for this alone takes more, and of what an idle node costs waking up is the half. On
	// average something else comes after 1.5 s.
	restWithin = 10 * time.Second
)

// tick is catchUp for the loop. It reports whether that had nothing to do for a while.
func (n *Node) tick() (rested bool) {
	now := n.now()
	rested = now >= n.ticked+restAfter
	n.ticked, n.renewal = now, now+restWithin
	if rested {
		n.renewal = broadcast.Never
	}
	n.catchUp(now)
	return rested
}

// catchUp does what is due and sets the timer for what is due next.
func (n *Node) catchUp(now time.Duration) {
	deadline := n.machine.Deadline()
	if deadline <= now {
		n.machine.SetWall(time.Duration(time.Now().UnixNano()) - now)
		n.machine.Tick(now, &n.out)
		n.carryOut()
		deadline = n.machine.Deadline()
	}
	n.warnOfClocks(now)
	n.warnOfKeys(now)
	if len(n.senders) > 0 {
		n.retrySenders()
		deadline = n.machine.Deadline()
	}
	if n.keeping != nil {
		n.mend()
	}
	if n.book.sweepDue() {
		n.sweep()
	}
	n.flush()
	n.notify()
	if n.backlog.isStuck() {
		deadline = min(deadline, now+stuckFor)
	}
	n.alarm.set(n.timer, now, min(deadline, n.renewal))
}

// stuckFor is when to look whether messages with long clocks have been read. A guess.
const stuckFor = 10 * time.Millisecond

// alarm is when the loop's timer goes off; Never if it has.
type alarm struct{ at, changed time.Duration }

// set has it go off at a time, or somewhat before: a deadline that moves away is not
// followed at each turn of a loop that is busy. One that has just passed again must not
// make the loop spin.
func (a *alarm) set(timer *time.Timer, now, deadline time.Duration) {
	at := min(max(deadline, now+time.Millisecond), now+time.Hour)
	if at < a.at || now >= a.changed+time.Millisecond {
		timer.Reset(at - now)
		a.at, a.changed = at, now
	}
}

// sweep drops from the address book whoever nobody needs.
func (n *Node) sweep() {
	n.swept = n.now()
	n.book.sweep(func(mark func(peer.Handle)) {
		n.machine.Handles(mark)
		n.markRequests(mark)
	})
}

// sweepEvery is how often a full address book is swept. A guess: it takes some
// milliseconds, and who floods a node with names need not cost it more.
const sweepEvery = time.Second

// isCrowdedOut reports whether what was decoded names more nodes than the address book
// has room for. again decodes it once more, when the book has been swept.
func (n *Node) isCrowdedOut(again func()) bool {
	if !n.book.takeFull() {
		return false
	}
	if n.now() >= n.swept+sweepEvery {
		n.sweep()
		again()
	} else {
		n.book.full = true
	}
	crowded := n.book.takeFull()
	if crowded {
		n.stats.Crowded++
	}
	return crowded
}

// errNames ends a link that has brought what there is no room for.
var errNames = errors.New("it names more nodes than there is room for")

// warnOfClocks tells now and then of messages that were refused for their epochs.
func (n *Node) warnOfClocks(now time.Duration) {
	if x := n.machine.Misdated(); x > n.misdated && n.mayWarn(aboutClocks, now) {
		n.log.Warn("messages are refused: clocks on the wall differ by more than an eighth of Config.Horizon", "refused", x-n.misdated)
		n.misdated = x
	}
}

// warnOfHeaders tells now and then of a node of an earlier release that must be shut out.
func (n *Node) warnOfHeaders(h *wire.Hello) {
	if n.mayWarn(aboutHeaders, n.now()) {
		n.log.Warn("no link", "peer", h.ID.Name, "addr", h.Addr, "error", errHeaders)
	}
}

// warnOfHorizon tells now and then of a node that this one cannot talk to.
func (n *Node) warnOfHorizon(err error) {
	if n.mayWarn(aboutHorizon, n.now()) {
		n.log.Warn("no link", "error", err)
	}
}

// subject is what a warning is about that others cause.
type subject int

const (
	aboutClocks subject = iota
	aboutHorizon
	aboutOrder
	aboutKeys
	aboutForgeries
	aboutHeaders
	aboutJoins
	subjects
)

// mayWarn keeps what others do wrong from filling a log: a line a minute for each
// subject.
func (n *Node) mayWarn(about subject, now time.Duration) bool {
	if now < n.warnNext[about] {
		return false
	}
	n.warnNext[about] = now + time.Minute
	return true
}

// warnOfKeys tells now and then that somebody knocks who has another key, or none:
// most likely a node that was given the wrong one.
func (n *Node) warnOfKeys(now time.Duration) {
	if x := n.otherKeys(); x > n.strangers && n.mayWarn(aboutKeys, now) {
		n.log.Warn("what comes under another key, or under none, is refused", "refused", x-n.strangers)
		n.strangers = x
	}
}

func (n *Node) otherKeys() uint64 {
	return n.stats.OtherKeys + n.refused.otherKeys.Load() + n.refused.unsealed.Load()
}

// notify wakes those that wait for a state of the machine.
func (n *Node) notify() {
	if len(n.waiters) > 0 && n.machine.Ready() {
		for _, w := range n.waiters {
			close(w)
		}
		n.waiters = nil
	}
	if len(n.drained) > 0 && len(n.senders) == 0 && !n.keepsPromises() && n.machine.Drained() {
		for _, w := range n.drained {
			close(w)
		}
		n.drained = nil
	}
	n.offerSamples()
}

// shutDown ends everything that the loop has started.
func (n *Node) shutDown() {
	n.timer.Stop()
	n.tr.Close()
	for _, l := range n.links {
		l.kill()
	}
	for _, l := range n.ending {
		l.kill()
	}
	for _, s := range n.senders {
		s.end(ErrClosed)
	}
	n.senders = nil
	n.endPromises()
	n.backlog.close()
	n.over = true
	close(n.loopDone)
}

// countBadOpening counts connections that did not become links.
func (n *Node) countBadOpening(err error) {
	switch {
	case n.countRefusal(err):
	case errors.Is(err, secure.ErrUnknownKey):
		n.stats.OtherKeys++
	case errors.Is(err, secure.ErrProof):
		n.stats.Forged++
	default:
		n.countBad(err, &n.stats.BadFrames)
	}
	n.log.Debug("no connection", "error", err)
}

// countBad counts what could not be decoded by why.
func (n *Node) countBad(err error, otherwise *uint64) {
	switch {
	case errors.Is(err, wire.ErrUnknownKind), errors.Is(err, wire.ErrVersion):
		n.stats.UnknownKinds++
	case errors.Is(err, wire.ErrCluster):
		n.stats.OtherClusters++
	case errors.Is(err, errHorizon):
		*otherwise++
		n.warnOfHorizon(err)
	default:
		*otherwise++
	}
	n.log.Debug("dropped", "error", err)
}

// handleHanded takes what the reader of a link has handed over.
func (n *Node) handleHanded(in *framesIn) {
	n.pace()
	n.handleFrames(in)
	n.handed.Add(-1)
}

// handleFrames takes what has come on a link. Messages and announcements that came
// together are one step of the machine.
func (n *Node) handleFrames(in *framesIn) {
	defer in.done()
	defer n.decoder.Forget()
	l := in.link
	if l.gone {
		return
	}
	now := n.now()
	going := true
	if n.keeper.owned = in.long != nil; in.long != nil {
		going = n.handleFrame(now, l, in.long)
	}
	for b := in.frames(); going && len(b) > 0; {
		size := wire.FrameHeader + int(binary.BigEndian.Uint32(b))
		going = n.handleFrame(now, l, b[wire.FrameHeader:size])
		b = b[size:]
	}
	n.settle(now)
	if in.err == nil || l.gone {
		return
	}
	if errors.Is(in.err, wire.ErrFrameSize) || errors.Is(in.err, errFlood) || errors.Is(in.err, wire.ErrMalformed) || n.countRefusal(in.err) {
		n.endBadLink(l, in.err)
	} else {
		n.endLink(l, in.err)
	}
}

// mostTogether is how much of what has come on links is handled before what it leads to
// is written, and the application gets its share: a few chunks.
const mostTogether = 8

// handleMoreFrames takes what else has come on links, and, where much comes, what comes
// once all that is ready to run has run: the more is written together the less it costs.
// It is apart from the loop, whose frame is part of the stack of every node that waits for
// something to do.
//
//go:noinline
func (n *Node) handleMoreFrames() {
	yielded := !n.busy
	for range mostTogether - 1 {
		select {
		case in := <-n.frames:
			n.handleHanded(in)
			yielded = false // what has come together is more than a little
			n.busy = true
			continue
		default:
		}
		if yielded {
			return
		}
		runtime.Gosched()
		yielded = true
	}
}

// pace notes that something has come that is likely to be passed on.
func (n *Node) pace() {
	now := n.now()
	n.busy = now < n.cameAt+busyAfter
	n.cameAt, n.slimmed = now, false
}

// busyAfter is how soon after something more comes where much does. A single message is
// passed on at once: to wait at each hop for all other nodes of a machine to run would
// have the last of them get it after several times as long. A guess.
const busyAfter = time.Millisecond

// frames are those that are together, with their lengths.
func (in *framesIn) frames() []byte {
	switch {
	case in.chunk != nil:
		return in.chunk[:in.size]
	case in.scrap != nil:
		return in.scrap[:in.size]
	}
	return nil
}

// handleFrame takes one frame; false if the link is over. The machine settles at once
// after what concerns the link itself, and before so much has come that the log could
// lose some of it before it was passed on.
func (n *Node) handleFrame(now time.Duration, l *link, b []byte) bool {
	n.stats.LinkBytesReceived += uint64(len(b) + wire.FrameHeader)
	if proof, ok := wire.ProofIn(b); ok {
		n.handleProof(l, proof)
		return !l.gone
	}
	f, err := n.decoder.Frame(b, now, n.book)
	if n.book.full && n.isCrowdedOut(func() { f, err = n.decoder.Frame(b, now, n.book) }) {
		n.endLink(l, errNames)
		return false
	}
	switch {
	case errors.Is(err, wire.ErrUnknownKind):
		n.stats.UnknownKinds++
		return true
	case err != nil:
		n.endBadLink(l, err)
		return false
	case f.Kind == broadcast.Data && payloadLen(f.Message) > n.cfg.MaxPayload:
		n.endBadLink(l, fmt.Errorf("%w: %d bytes, at most %d are allowed here (Config.MaxPayload)",
			ErrPayloadTooLong, payloadLen(f.Message), n.cfg.MaxPayload))
		return false
	case f.Kind == broadcast.Data && n.isBanned(f.Message.Dot.Origin):
		n.stats.Revoked++
		n.machine.Refuse(now, l.id, f.Message, &n.out)
		n.carryOut()
		return !l.gone
	}
	n.stats.BadDescriptors += uint64(f.Skipped)
	if f.Kind == broadcast.Data {
		weigh(f)
	}
	if n.signer != nil {
		n.limitClaims(f)
	}
	n.machine.TakeFrame(now, l.id, f, &n.out)
	n.unsettled += len(b) + frameOverhead
	if f.Kind != broadcast.Data && f.Kind != broadcast.IHave || n.unsettled > n.cfg.LogBytes/8 || len(n.out.Offences) > 0 {
		n.settle(now)
	}
	return !l.gone
}

// payloadLen is the length of a message's payload, without headers.
func payloadLen(m *broadcast.Message) int {
	_, payload := wire.SplitPayload(m)
	return len(payload)
}

// frameOverhead is about what a message is charged beside its bytes.
const frameOverhead = 256

// settle ends the machine's step, and does what it wants done.
func (n *Node) settle(now time.Duration) {
	if n.unsettled > 0 {
		n.unsettled = 0
		n.machine.Settle(now, &n.out)
		n.carryOut()
	}
}

// clockEntryCost is what an entry of a clock that came along takes beside its name.
const clockEntryCost = 128

// weigh tells what a message takes beside its payload, and keeps no more of its frame
// than is needed: a clock may be much longer than what it comes with.
func weigh(f *broadcast.Frame) {
	m := f.Message
	m.Bulk = len(m.Encoded) - len(m.Payload)
	if f.WithClock {
		m.Encoded = slices.Clone(m.Encoded)
		m.Payload = m.Encoded[m.Bulk:]
		m.ClockBytes = clockEntryCost * m.Clock.Len()
		for o := range m.Clock.All() {
			m.ClockBytes += len(o.Name)
		}
	}
}

// endBadLink ends a connection that has brought what must not be. The peer is
// left alone for a while then.
func (n *Node) endBadLink(l *link, err error) {
	n.stats.BadFrames++
	n.punish(l, err.Error())
	n.endLink(l, err)
}

// endLink ends a connection that has failed, and tells the machine.
func (n *Node) endLink(l *link, err error) {
	n.log.Debug("link ended", "peer", l.peer.ID.Name, "addr", l.peer.Addr, "error", err)
	l.kill()
	n.forget(l)
	n.machine.Disconnected(n.now(), l.id, &n.out)
	n.carryOut()
}

// handleWritten returns to the machine the room that sockets have made.
func (n *Node) handleWritten() {
	total := 0
	for id, l := range n.links { // the order does not show: nothing is sent before all are counted
		cost := l.takeWritten(&n.stats)
		if total += cost; cost > 0 {
			n.machine.TakeWritten(id, cost)
		}
	}
	if total > 0 {
		n.machine.Settle(n.now(), &n.out)
		n.carryOut()
	}
}

func (n *Node) sortedLinks() []broadcast.LinkID {
	ids := make([]broadcast.LinkID, 0, len(n.links))
	for id := range n.links {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// carryOut does what the machine wants done, which may make it want more.
func (n *Node) carryOut() {
	now := n.now()
	for i := range n.out.Events {
		n.report(n.out.Events[i])
	}
	for _, o := range n.out.Offences {
		n.blame(o)
	}
	for i := range n.out.Packets {
		n.sendPacket(&n.out.Packets[i])
	}
	var slow []*link
	for i := range n.out.Links.Sends {
		s := &n.out.Links.Sends[i]
		if l := n.links[s.Link]; l != nil && !n.sendFrame(now, l, &s.Frame) {
			slow = append(slow, l)
		}
		if int(n.queued.Load()) > n.memory.limit(queuesShare) {
			slow = append(slow, n.relieve())
		}
	}
	if !n.busy && len(n.frames) == 0 {
		n.flush() // others are further from having it than the application
	}
	if n.keeping != nil {
		n.keep(now)
	}
	for i, m := range n.out.Deliveries {
		n.deliver(now, m, n.out.Via[i])
	}
	for _, d := range n.out.Links.Dials {
		n.dial(d.Peer)
	}
	for _, id := range n.out.Links.Closes {
		n.closeLink(id)
	}
	n.out.Reset()
	for _, l := range slow {
		switch {
		case l.gone:
		case l.unfit:
			n.endLink(l, errHeaders)
		default:
			n.stats.SlowLinks++
			n.endLink(l, errSlow)
		}
	}
}

// slimAfter is how long nothing must have come or been broadcast for the room to go that it
// took. A guess: what comes more often than that finds it there.
const slimAfter = time.Second

// slim gives back the room for what came at one moment, a while after that.
func (n *Node) slim() {
	if n.slimmed || n.now() < n.cameAt+slimAfter {
		return
	}
	n.slimmed = true
	n.out = protocol.Outbox{}
	n.machine.Slim()
	n.backlog.slim()
	n.decoder.Slim()
	for _, l := range n.links {
		l.slim()
	}
	n.dirty, n.scratch.head = nil, nil
}

// sendFrame queues a frame; false if the queue is full, or the peer cannot read it.
func (n *Node) sendFrame(now time.Duration, l *link, f *broadcast.Frame) bool {
	if f = n.fit(l, f); f == nil {
		return false
	}
	head := wire.AppendFrameHead(n.scratch.head[:0], now, f, n.book)
	if n.scratch.head = head; len(head) >= longHead {
		n.scratch.head = nil // the queue keeps it
	}
	if !l.dirty {
		l.dirty = true
		n.dirty = append(n.dirty, l)
	}
	ok := l.send(now, head, f, n.book)
	if l.gathered += len(head) + f.Cost(); l.gathered > chunkSize {
		l.gathered = 0
		l.signal(true) // more than that need not wait for what comes with it
	}
	return ok
}

// relieve ends a link, for all together have too much queued: of those that have at
// least half as much as the longest, the one that has taken nothing for the longest time,
// and of several the one that came last. What is delivered at one moment waits on all
// links at once, and on most of them for a moment only; and whoever comes to take up room
// must not push out who was there. What the writer of the link has in hand is let go of
// as soon as that notices.
func (n *Node) relieve() (stuck *link) {
	var all []*link
	for _, id := range n.sortedLinks() {
		all = append(all, n.links[id])
	}
	all = append(all, n.ending...)
	most := 0
	for _, l := range all {
		bytes, _ := l.waiting()
		most = max(most, bytes)
	}
	var since time.Duration
	for _, l := range all {
		bytes, at := l.waiting()
		if at = at.Round(stuckAfter); bytes >= most/2 && (stuck == nil || at <= since) {
			stuck, since = l, at
		}
	}
	stuck.kill()
	return stuck
}

// stuckAfter is what makes a difference between two links that take nothing. A guess.
const stuckAfter = 250 * time.Millisecond

func (n *Node) deliver(now time.Duration, m *broadcast.Message, via broadcast.LinkID) {
	n.giveOut(n.message(now, m, via), m.ClockBytes)
}

// giveOut puts a message, whose clock takes so many bytes, where the application gets it.
func (n *Node) giveOut(m Message, clock int) {
	for _, lost := range n.backlog.push(m, clock) {
		n.stats.BacklogDropped++
		n.emit(Event{Kind: Overflow, Peer: Peer{ID: lost.Origin, Incarnation: lost.Incarnation}, From: lost.Seq, To: lost.Seq})
	}
}

func (n *Node) report(e protocol.Event) {
	out := Event{Peer: n.peer(e.Peer)}
	switch e.Kind {
	case protocol.LinkUp:
		out.Kind = LinkUp
	case protocol.LinkDown:
		out.Kind = LinkDown
	case protocol.MessageGap:
		out.Kind, out.From, out.To = Gap, e.Gap.From, e.Gap.To
		n.warn(&n.gaps, "messages can no longer be had", "origin", out.Peer.ID, "from", out.From, "to", out.To)
	}
	n.emit(out)
}

// emit gives an event to whoever reads them, if there is room.
func (n *Node) emit(e Event) {
	if !n.events.add(e) {
		n.stats.EventsDropped++
	}
}

// send gives a broadcast to the machine, or lets it wait for room.
func (n *Node) send(s *sending) {
	if n.keeping != nil {
		n.mend()
	}
	switch {
	case s.over:
	case n.leaving || n.ctx.Err() != nil:
		s.end(ErrClosed)
	case len(n.senders) > 0 || !n.trySend(s):
		n.senders = append(n.senders, s)
	}
}

// trySend reports false if the log is full.
func (n *Node) trySend(s *sending) bool {
	send := n.machine.Broadcast
	if s.headed {
		send = n.machine.BroadcastHeaded
	}
	m, err := send(n.now(), s.payload, &n.out)
	if errors.Is(err, protocol.ErrLogFull) {
		return false
	}
	if err == nil {
		wire.EncodeMessage(m, n.book) // which copies the payload
		s.id = n.messageID(m.Dot)
		n.carryOut()
		if n.keeping != nil {
			n.promise(s)
			return true
		}
	}
	s.end(err)
	return true
}

func (n *Node) retrySenders() {
	for len(n.senders) > 0 && n.trySend(n.senders[0]) {
		n.senders = n.senders[1:]
	}
}

// giveUp ends the wait of a broadcast whose context has ended, if it still
// waits.
func (n *Node) giveUp(s *sending, cause error) {
	if s.over || n.breakPromise(s, cause) {
		return
	}
	if i := slices.Index(n.senders, s); i >= 0 {
		n.senders = slices.Delete(n.senders, i, i+1)
		cause = errors.Join(ErrLogFull, cause)
	}
	s.end(cause)
}

// leave lets no new broadcast in; drained is closed once the links have taken
// all others.
func (n *Node) leave(drained chan struct{}) {
	n.leaving = true
	n.drained = append(n.drained, drained)
	n.machine.Leave(n.now(), &n.out)
	n.carryOut()
	n.notify()
}

func (n *Node) readStats() Stats {
	s := n.stats
	for _, l := range n.links { // a sum: the order does not show
		l.countWritten(&s)
	}
	s.Gauges, s.Counters = n.machine.Gauges(), n.machine.Counters()
	n.backlog.collect()
	s.BacklogMessages, s.BacklogBytes = n.backlog.len(), n.backlog.bytes
	s.Identities = n.book.byID.count
	s.Unsealed += n.refused.unsealed.Load()
	s.OtherKeys += n.refused.otherKeys.Load()
	s.Forged += n.refused.forged.Load()
	s.TurnedAway, s.Slowed, s.Stalled = n.turnedAway.Load(), n.slowed.Load(), n.stalled.Load()
	s.Memory, s.MemoryUse = n.memory.total, n.memoryUse()
	s.MemoryHeld = s.MemoryUse.Sum()
	return s
}
