package protocol

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/causal"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// History says what a node gets of the time before it started.
type History uint8

const (
	// Retained delivers whatever the network still has in its logs.
	Retained History = iota
	// None delivers only what was broadcast after the node started.
	None
)

// String returns the history's name.
func (h History) String() string {
	switch h {
	case Retained:
		return "retained"
	case None:
		return "none"
	}
	return fmt.Sprintf("History(%d)", h)
}

// Directory translates between handles and the identities that clocks show.
type Directory interface {
	Name(peer.Handle) vclock.Origin
	Handle(vclock.Origin) peer.Handle
}

// Config is everything a Machine is made of.
type Config struct {
	Self      peer.Handle
	Directory Directory
	// Sampling.Identity, if it is nil, is made of Directory's names.
	Sampling peersampling.ServiceConfig
	Links    broadcast.LinksConfig
	Relay    broadcast.RelayConfig
	Log      broadcast.LogConfig
	Order    causal.Order
	History  History
	// HoldBytes bounds what is held back for causal order. Default 16 MiB.
	HoldBytes int
	// Retry and GiveUp are how a missing message is asked for: the next link
	// after Retry, nobody any more after GiveUp. Defaults, 1 s and 30 s, are
	// guesses.
	Retry, GiveUp time.Duration
	// GraftAfter is how long a message that was announced may take to come by
	// itself before it is asked for, at least: nodes wait longer, up to 64
	// times that, where the tree turns out to be slower. Less brings messages twice
	// until that is known, more leaves them out for longer where the tree is broken.
	// A guess: 50 ms, which a network of one site is far below.
	GraftAfter time.Duration
	// Origins bounds how many origins are remembered. A message of one more is
	// refused. Default 65,536.
	Origins int
	// Announced and Awaited bound the messages that are expected since they were
	// announced, and those that others wait for. Zero: 16,384 and 32,768.
	Announced, Awaited int
	// Horizon is how long an origin that has fallen silent stays in clocks; after
	// twice that it is forgotten. All nodes must have the same, and their clocks on
	// the wall must agree within an eighth of it. At least four times Log.Age, so that
	// nothing in a log depends on what is forgotten. A guess: a day.
	Horizon time.Duration
	// Wall is the time that counts from 1970 at the driver's time 0; see SetWall.
	Wall time.Duration
	// Dated has each message say when it was broadcast, in epochs, and refuses others: what
	// a relay says of a message's age and clock does not count then. For where origins
	// sign what they say.
	Dated bool
	// RepairEvery is how often a differing digest leads to a reconciliation
	// while messages flow; when none flow it does so at once. A guess: 10 s.
	RepairEvery time.Duration
	// Evidence is asked, once for each message that is delivered, this node's own among
	// them, for what shows to others that its origin has got so far; empty if there is
	// nothing. Nil where origins sign nothing.
	Evidence func(*broadcast.Message) string
	// Keep is asked for what is kept in place of a message from a link, for a driver
	// that uses a frame's memory again: see causal.Config. Nil keeps the message itself.
	Keep func(m *broadcast.Message, waits bool) *broadcast.Message
	// Journal has the outbox say what to write down so that the next life of this node can
	// go on from there: see Restore.
	Journal bool
}

// DefaultConfig returns the documented defaults.
func DefaultConfig(self peer.Handle, dir Directory, policy peersampling.Policy) Config {
	return Config{
		Self: self, Directory: dir,
		Sampling:  peersampling.DefaultServiceConfig(policy),
		Links:     broadcast.DefaultLinksConfig(),
		Relay:     broadcast.DefaultRelayConfig(),
		Log:       broadcast.LogConfig{Bytes: 64 << 20, Age: time.Hour},
		HoldBytes: 16 << 20, Retry: time.Second, GiveUp: 30 * time.Second,
		GraftAfter: 50 * time.Millisecond,
		Origins:    1 << 16, RepairEvery: 10 * time.Second,
		Horizon: 24 * time.Hour,
	}
}

// quiet is how long nothing must have been delivered for a differing digest to
// mean that something was missed, not that it is on its way.
const quiet = time.Second

// ErrLogFull refuses a broadcast because the log is full of messages that no
// link has taken yet, or that one of them has not, which is given two seconds. It does not
// affect the state; the broadcast can be tried again once a link has taken some.
var ErrLogFull = errors.New("protocol: the log is full of messages that links have not taken yet")

// EventKind tells what an Event reports.
type EventKind uint8

// The events.
const (
	LinkUp     EventKind = iota + 1 // Peer
	LinkDown                        // Peer
	MessageGap                      // Gap
)

// Event is something that the driver may want to tell its user.
type Event struct {
	Kind EventKind
	Peer peer.Handle
	Gap  causal.Gap
}

// Outbox collects what a Machine wants done. The driver owns it, carries it
// out and resets it before the next step. Views in packets and frames, and
// announcements in frames, are valid until then.
type Outbox struct {
	Packets    []peersampling.Packet
	Links      broadcast.Outbox
	Deliveries []*broadcast.Message
	// Via has the link that brought each of Deliveries first; 0 for the node's own.
	Via    []broadcast.LinkID
	Events []Event
	// Offences are what peers have done that no honest node does.
	Offences []Offence
	// Journal is to be written down, in this order and before Deliveries are handed on;
	// Forgotten need not be kept after that.
	Journal   []Entry
	Forgotten []Group
}

// Reset empties the outbox and keeps its room.
func (o *Outbox) Reset() {
	clear(o.Packets)
	clear(o.Deliveries)
	o.Packets, o.Deliveries, o.Via, o.Events = o.Packets[:0], o.Deliveries[:0], o.Via[:0], o.Events[:0]
	o.Offences = o.Offences[:0]
	clear(o.Journal)
	clear(o.Forgotten)
	o.Journal, o.Forgotten = o.Journal[:0], o.Forgotten[:0]
	o.Links.Reset()
}

// Machine is the whole protocol of one node.
type Machine struct {
	cfg      Config
	start    time.Duration
	sampling *peersampling.Service
	links    *broadcast.Links
	relay    *broadcast.Relay
	seen     *broadcast.Seen
	log      *broadcast.Log
	buffer   *causal.Buffer

	delivered  time.Duration // when last
	lastRepair time.Duration
	recent     recentHashes
	lastRewind time.Duration
	lastCrowd  time.Duration // too many announcements led to a rewind
	leave      leave
	mixAt      time.Duration // see maybeMix
	sendAt     time.Duration // when a broadcast that was refused need not wait any more; Never if there is none
	evidence   evidence
	journal    journal
	restoring  bool   // a message of an earlier life is being delivered
	restored   uint64 // where these end in the log

	// refusedFrom is the link that brought what was last refused for want of
	// room to hold it back.
	refusedFrom broadcast.LinkID

	// Scratch, so that a step allocates nothing for itself.
	now      time.Duration // of the step under way, for Deliver
	out      *Outbox       // of the step under way, for Deliver
	changes  []broadcast.Change
	rejoined []peer.Handle
	finished []broadcast.Finished
	mixed    []peer.Handle
	linkIDs  []broadcast.LinkID
	dots     []peer.Dot
	grafts   []broadcast.LinkID
	asks     []causal.Ask
	gaps     []causal.Gap

	// Stats counts what no part below counts.
	Stats struct{ Delivered, Withheld, Forged, Stray, Stale, Retired, Repairs, Offences, Restored uint64 }
}

// drawForLinks is where links draw from. They show numbers of it to peers, in requests, so
// that it is the same as for what the sampling service shows, if that has one.
func drawForLinks(cfg *Config, rng *rand.PCG) func() uint64 {
	if nonce := cfg.Sampling.Nonce; nonce != nil {
		return nonce
	}
	return rng.Uint64
}

// New returns a machine that knows nobody yet.
func New(now time.Duration, cfg Config, rng *rand.PCG) (*Machine, error) {
	if cfg.Sampling.Policy.Samplers > 0 && cfg.Sampling.Identity == nil && cfg.Directory != nil {
		cfg.Sampling.Identity = identities(cfg.Directory, rng)
	}
	sampling, err := peersampling.NewService(cfg.Sampling, cfg.Self, rng)
	if err != nil {
		return nil, err
	}
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	m := &Machine{
		cfg: cfg, start: now, sampling: sampling,
		links: broadcast.NewLinks(cfg.Links, cfg.Self, drawForLinks(&cfg, rng)),
		log:   broadcast.NewLog(cfg.Log),
		seen:  broadcast.NewSeen(cfg.Origins, func(h peer.Handle) uint64 { return hashOf(cfg.Directory.Name(h)) }),
		// Nothing was delivered yet, and nothing can be missed at once.
		delivered: now, lastRepair: now - cfg.RepairEvery, lastCrowd: now - cfg.Retry,
		sendAt: broadcast.Never,
	}
	m.mixAt = now + mixAfter + time.Duration(rng.Uint64()%uint64(2*mixAfter))
	m.relay = broadcast.NewRelay(cfg.Relay, m.log, m.seen)
	m.links.Spare = m.relay.Lazy
	m.buffer = causal.New(m.causalConfig(), m.seen, m)
	return m, nil
}

func (c *Config) validate() error {
	switch {
	case c.Self == peer.None || c.Directory == nil:
		return errors.New("protocol: Self and Directory must be set")
	case c.History > None:
		return fmt.Errorf("protocol: History is %d, must be Retained (0) or None (1)", c.History)
	case c.Log.Bytes <= 0 || c.Log.Age <= 0:
		return errors.New("protocol: Log.Bytes and Log.Age must be positive")
	case c.Relay.Window <= 0 || c.Relay.DigestPart <= 0 || c.Relay.Wants <= 0:
		return errors.New("protocol: Relay.Window, Relay.DigestPart and Relay.Wants must be positive")
	case c.Horizon < 4*c.Log.Age:
		return fmt.Errorf("protocol: Horizon is %v, must be at least four times Log.Age, %v", c.Horizon, 4*c.Log.Age)
	case c.Origins <= 0:
		return errors.New("protocol: Origins must be positive")
	case c.Relay.AnnounceEvery <= 0 || c.RepairEvery <= 0 || c.GraftAfter <= 0:
		return errors.New("protocol: Relay.AnnounceEvery, RepairEvery and GraftAfter must be positive")
	case c.Relay.CalmAfter < 0:
		return errors.New("protocol: Relay.CalmAfter must not be negative")
	}
	return errors.Join(c.Links.Validate(), (&Machine{cfg: *c}).causalConfig().Validate())
}

func (m *Machine) causalConfig() causal.Config {
	var gaveUp func(peer.Handle, uint64, time.Duration)
	if m.cfg.Journal {
		gaveUp = m.noteGap
	}
	return causal.Config{
		GaveUp:    gaveUp,
		Announced: m.cfg.Announced, Awaited: m.cfg.Awaited,
		Order: m.cfg.Order, HoldBytes: m.cfg.HoldBytes, Retry: m.cfg.Retry, GiveUp: m.cfg.GiveUp, Graft: m.cfg.GraftAfter,
		Horizon: m.cfg.Horizon, Wall: m.cfg.Wall, Dated: m.cfg.Dated, Self: m.cfg.Self,
		Keep: m.cfg.Keep, Name: m.cfg.Directory.Name, Handle: m.cfg.Directory.Handle,
	}
}

// Join adds an address to find the network through.
func (m *Machine) Join(now time.Duration, address peer.Handle, out *Outbox) {
	m.sampling.Join(now, address)
	m.Tick(now, out)
}

// Broadcast makes a message of the payload, which it keeps, delivers it here
// and sends it on its way. Errors: ErrLogFull, causal.ErrTooManyHeads. After ErrLogFull it
// is worth trying again once a link has taken something, and at the next Tick.
func (m *Machine) Broadcast(now time.Duration, payload []byte, out *Outbox) (*broadcast.Message, error) {
	return m.broadcast(now, payload, false, out)
}

// BroadcastHeaded is Broadcast for a payload that begins with headers.
func (m *Machine) BroadcastHeaded(now time.Duration, payload []byte, out *Outbox) (*broadcast.Message, error) {
	return m.broadcast(now, payload, true, out)
}

func (m *Machine) broadcast(now time.Duration, payload []byte, headed bool, out *Outbox) (*broadcast.Message, error) {
	size := broadcast.SizeOf(len(payload), m.buffer.Heads()) + m.buffer.NextBulk()
	if m.log.Full(size, m.relay.Unsent()) {
		return nil, ErrLogFull
	}
	if wait, until := m.relay.Awaits(now, size); wait {
		m.sendAt = until
		return nil, ErrLogFull
	}
	m.begin(now, out)
	msg, err := m.buffer.OriginateHeaded(now, m.cfg.Self, payload, headed)
	if err != nil {
		return nil, err
	}
	m.settle(now, out)
	return msg, nil
}

// HandlePacket takes a datagram.
func (m *Machine) HandlePacket(now time.Duration, p peersampling.Packet, out *Outbox) {
	m.begin(now, out)
	expected := m.sampling.Expects(now, p)
	out.Packets = m.sampling.Handle(now, p, m.seen.Hash(), out.Packets)
	if expected && p.Kind == peersampling.ExchangeReply && p.Digest != m.seen.Hash() && !m.recent.had(now, p.Digest) {
		m.maybeRepair(now, p.Peer, out)
	}
	m.settle(now, out)
}

// Delayed tells that the request with this nonce has left only now.
func (m *Machine) Delayed(now time.Duration, nonce uint64) { m.sampling.Delayed(now, nonce) }

// maybeRepair reconciles with a random peer of the view whose digest differs, and is none
// that this node has just had:
// soon when no message has been delivered lately, else now and then.
func (m *Machine) maybeRepair(now time.Duration, p peer.Handle, out *Outbox) {
	pause := m.cfg.RepairEvery
	if now >= m.delivered+quiet {
		pause = quiet
	}
	if now < m.lastRepair+pause {
		return
	}
	if m.links.Repair(now, p, &out.Links) {
		m.Stats.Repairs++
		m.lastRepair = now
	}
}

// Connected takes a new stream connection whose other end is p.
func (m *Machine) Connected(now time.Duration, link broadcast.LinkID, p peer.Handle, outbound bool, out *Outbox) {
	m.begin(now, out)
	m.links.Opened(now, link, p, outbound, &out.Links)
	m.settle(now, out)
}

// DialFailed takes the driver's word that no connection to p could be made.
func (m *Machine) DialFailed(now time.Duration, p peer.Handle, out *Outbox) {
	m.begin(now, out)
	m.links.DialFailed(now, p)
	m.sampling.Suspect(now, p)
	m.settle(now, out)
}

// Disconnected takes the driver's word that a connection has ended, other than
// by a close that the machine asked for.
func (m *Machine) Disconnected(now time.Duration, link broadcast.LinkID, out *Outbox) {
	m.begin(now, out)
	if p, ok := m.links.PeerOf(link); ok {
		m.sampling.Suspect(now, p)
	}
	m.links.Closed(now, link)
	m.settle(now, out)
}

// Written tells that messages of this cost (Frame.Cost) have left for the link.
func (m *Machine) Written(now time.Duration, link broadcast.LinkID, cost int, out *Outbox) {
	m.TakeWritten(link, cost)
	m.Settle(now, out)
}

// TakeWritten is Written for one of several links; see TakeFrame.
func (m *Machine) TakeWritten(link broadcast.LinkID, cost int) { m.relay.Written(link, cost) }

// HandleFrame takes a frame from a link. The machine keeps f.Message, unless
// Config.Keep says otherwise.
func (m *Machine) HandleFrame(now time.Duration, link broadcast.LinkID, f *broadcast.Frame, out *Outbox) {
	m.TakeFrame(now, link, f, out)
	m.settle(now, out)
}

// TakeFrame is HandleFrame for one of several frames that are there at once: what it
// leads to is in the outbox only after Settle, or whatever step comes next. The driver
// carries out after either, and lets no more than that come together which it would let
// a link wait for.
func (m *Machine) TakeFrame(now time.Duration, link broadcast.LinkID, f *broadcast.Frame, out *Outbox) {
	m.begin(now, out)
	m.links.Heard(now, link, f.Kind, &out.Links)
	if m.isInPlace(now, link, f) && !m.judgeControl(now, link, f) {
		m.handleFrame(now, link, f, out)
	}
}

// Settle ends a step of several frames, or of several calls of TakeWritten.
func (m *Machine) Settle(now time.Duration, out *Outbox) {
	m.begin(now, out)
	m.settle(now, out)
}

func (m *Machine) handleFrame(now time.Duration, link broadcast.LinkID, f *broadcast.Frame, out *Outbox) {
	switch f.Kind {
	case broadcast.Neighbor, broadcast.NeighborReply, broadcast.Disconnect:
		m.sampling.Learn(now, f.Candidates)
		if p, ok := m.links.PeerOf(link); ok && f.Leaving {
			m.sampling.Departed(now, p)
		}
		m.links.Handle(now, link, f, slices.Clone(m.sampling.View()), &out.Links)
	case broadcast.Digest:
		m.relay.HandleDigest(now, link, f, &m.out.Links)
	case broadcast.Refine:
		m.relay.HandleRefine(now, link, f, &m.out.Links)
	case broadcast.Data:
		m.handleData(now, link, f)
	case broadcast.Want:
		m.relay.HandleWant(now, link, f, &out.Links)
	case broadcast.Gone:
		for _, g := range f.Gone {
			m.handleGone(now, link, g)
		}
	case broadcast.SyncDone:
		m.relay.HandleDone(link)
	case broadcast.IHave:
		m.handleIHave(now, link, f)
	case broadcast.Graft:
		m.relay.HandleGraft(now, link, &m.out.Links)
	case broadcast.Prune:
		m.relay.HandlePrune(now, link, &m.out.Links)
	}
}

func (m *Machine) handleData(now time.Duration, link broadcast.LinkID, f *broadcast.Frame) {
	msg := f.Message
	if !m.seen.Has(msg.Dot) {
		switch what := m.judgeMessage(f); {
		case what == ForgedDot, what == ForgedPast:
			m.Stats.Forged++ // nobody but this node makes its dots
			// To whoever waits for it, it is gone: nothing may wait for ever.
			m.buffer.Denied(now, link, broadcast.GoneEntry{Dot: msg.Dot, UpTo: msg.Dot.Seq, Age: now - msg.Born})
			fallthrough
		case what != 0:
			m.offend(now, link, what)
			return
		case msg.Dot.Origin == m.cfg.Self:
			m.Stats.Stale++ // forgotten, as all of this node's: it has long been silent
			return
		}
	}
	if now-msg.Born > m.cfg.Horizon {
		m.Stats.Stale++ // no log has it; its origin may be forgotten, so that it would seem new
		return
	}
	outcome := m.buffer.Add(now, msg, f.WithClock, link)
	if m.buffer.Overflowed() {
		m.refusedFrom = link
	}
	switch outcome {
	case causal.Fresh:
		m.relay.Arrived(now, link, msg)
	case causal.Known:
		m.relay.ArrivedAgain(now, link, msg, &m.out.Links)
	}
}

// handleIHave takes announcements. When there are more than can be expected, the
// link sends everything that is missing, in order; but that is asked for only now
// and then, for it costs a digest each time.
func (m *Machine) handleIHave(now time.Duration, link broadcast.LinkID, f *broadcast.Frame) {
	m.dots = m.relay.HandleIHave(link, f, m.dots[:0])
	room := true
	for _, d := range m.dots {
		if d.Origin != m.cfg.Self {
			room = m.buffer.Announced(now, d, link) && room
		}
	}
	if !room && now >= m.lastCrowd+m.cfg.Retry {
		m.lastCrowd = now
		m.relay.Graft(now, link, &m.out.Links)
		m.relay.Rewind(now, link, &m.out.Links)
	}
}

// Deliver is called by the buffer for each message in its turn; it is part of
// causal.Log, not for drivers.
func (m *Machine) Deliver(msg *broadcast.Message, from []broadcast.LinkID) {
	m.proveMessage(msg)
	m.log.Append(m.now, msg, m.relay.KnownTo(from))
	if m.restoring {
		return // it was delivered before, and nobody is linked to yet
	}
	m.relay.Delivered(m.now, msg)
	m.delivered = m.now
	if m.cfg.Journal {
		m.journalize(msg)
	}
	if m.cfg.History == None && msg.Born < m.start && msg.Dot.Origin != m.cfg.Self {
		m.Stats.Withheld++
		return
	}
	m.Stats.Delivered++
	via := broadcast.LinkID(0)
	if len(from) > 0 {
		via = from[0]
	}
	m.out.Deliveries, m.out.Via = append(m.out.Deliveries, msg), append(m.out.Via, via)
}

// Get finds a delivered message; it is part of causal.Log, not for drivers.
func (m *Machine) Get(d peer.Dot) *broadcast.Message { return m.log.Get(d) }

// Tick does whatever is due.
func (m *Machine) Tick(now time.Duration, out *Outbox) {
	m.begin(now, out)
	out.Packets = m.sampling.Tick(now, m.seen.Hash(), out.Packets)
	m.links.Tick(now, &out.Links)
	m.log.Expire(now)
	m.seen.Forget(now-2*m.cfg.Horizon, m.retire)
	if now >= m.sendAt {
		m.sendAt = broadcast.Never
	}
	m.settle(now, out)
}

// retire forgets an origin, all of whose messages are long out of all logs.
func (m *Machine) retire(origin peer.Handle) {
	m.Stats.Retired++
	m.log.Forget(origin)
	m.buffer.Forget(origin)
}

// retireAt is when the next origin is to be forgotten, or somewhat before.
func (m *Machine) retireAt() time.Duration {
	if oldest := m.seen.Oldest(); oldest < broadcast.Never {
		return oldest + 2*m.cfg.Horizon + 1
	}
	return broadcast.Never
}

// SetWall tells what the time, counted from 1970, was at the driver's time 0, by a
// clock that may have been set since, or gone on while the driver's own stood still.
func (m *Machine) SetWall(wall time.Duration) { m.buffer.SetWall(wall) }

// Deadline is when Tick is due; it may have passed already.
func (m *Machine) Deadline() time.Duration {
	if m.buffer.Overflowed() {
		return min(m.rewindAt(), m.deadline())
	}
	return m.deadline()
}

func (m *Machine) deadline() time.Duration {
	return min(m.sampling.Deadline(), m.links.Deadline(), m.relay.Deadline(), m.buffer.Deadline(), m.log.Deadline(), m.leave.deadline(m.now), m.retireAt(), m.mixAt, m.sendAt)
}

// Slim gives back the room that a burst has left, for a driver to call when nothing has come
// or gone for a while. It is no step: what the machine does is the same.
func (m *Machine) Slim() {
	m.buffer.Slim()
	m.relay.Slim()
	m.dots, m.asks, m.gaps, m.grafts, m.mixed = nil, nil, nil, nil, nil
}

func (m *Machine) begin(now time.Duration, out *Outbox) {
	m.now, m.out = now, out
	if m.cfg.Journal && !m.journal.begun {
		m.log.Patient(now, false)
		m.mark()
	}
}

// settle lets the parts react to each other until nothing more changes.
func (m *Machine) settle(now time.Duration, out *Outbox) {
	m.bridgeRejoined(now, out)
	if m.sampling.TakeGrown() {
		m.links.Offer()
	}
	m.maybeMix(now, out)
	m.links.Maintain(now, m.sampling.View(), &out.Links)
	m.askMissing(now, out)
	m.maybeRewind(now, out)
	m.applyChanges(now, out)
	m.relay.Pump(now, &out.Links)
	m.endRepairs(now, out)
	m.applyChanges(now, out)
	m.maybeConfirm(now, out)
	if m.cfg.Journal {
		m.letGo()
	}
	for _, s := range out.Links.Sends {
		m.links.Said(now, s.Link, s.Frame.Kind)
	}
	m.recent.note(now, m.seen.Hash())
	m.out = nil
}

func (m *Machine) bridgeRejoined(now time.Duration, out *Outbox) {
	m.rejoined = m.sampling.TakeRejoined(m.rejoined[:0])
	for _, p := range m.rejoined {
		m.links.Bridge(now, p, &out.Links)
	}
}

// mixAfter is how long a node's view takes to become a sample of all. A guess: fifteen
// exchanges, once every second as long as the view is changing.
const mixAfter = 15 * time.Second

// maybeMix has a node that has come a while ago ask a random peer for a link, at the
// cost of another one, once. The first links are with those whom one knew first:
// where thousands come at one moment they make long ways, and would for ever, since
// nobody gives up what he has. HyParView walks to a random place instead (section
// 4.2, FORWARDJOIN), which in a network that is just coming together there is not.
//
// Where there has been a message there is a tree, and it is left alone: of ten thousand
// nodes that mixed their links under traffic the last was 17 links away afterwards and
// not 10, since a tree that is mended in many places gets deep.
func (m *Machine) maybeMix(now time.Duration, out *Outbox) {
	if now < m.mixAt {
		return
	}
	m.mixAt = broadcast.Never
	if m.links.Len() < m.cfg.Links.Max || m.log.End() > m.restored {
		return // there is room, for whom the view offers; or there is a tree
	}
	m.mixed = m.sampling.AppendSample(m.mixed[:0], len(m.sampling.View()))
	for _, p := range m.mixed {
		if !m.links.Linked(p) {
			m.links.Bridge(now, p, &out.Links)
			return
		}
	}
}

// applyChanges starts and ends the relaying on links that came or went.
func (m *Machine) applyChanges(now time.Duration, out *Outbox) {
	m.changes = m.links.TakeChanges(m.changes[:0])
	for _, c := range m.changes {
		kind := LinkDown
		if c.Up {
			kind = LinkUp
			m.relay.Open(now, c, &out.Links)
		} else {
			if m.relay.Close(now, c.Link) {
				m.buffer.Hasten(now)
			}
		}
		if !c.Repair {
			if c.Up {
				// A node that is ready knows somebody, even when datagrams get
				// lost.
				m.sampling.Met(now, c.Peer)
			} else {
				m.sampling.Hasten(now)
			}
			out.Events = append(out.Events, Event{Kind: kind, Peer: c.Peer})
		}
	}
	m.relay.Mend(now, &out.Links)
}

// askMissing sends the requests for messages that others wait for, and reports
// what cannot be had.
func (m *Machine) askMissing(now time.Duration, out *Outbox) {
	if m.buffer.Deadline() > now {
		return
	}
	m.linkIDs = m.links.AppendOpen(m.linkIDs[:0])
	m.asks, m.gaps = m.buffer.Poll(now, m.linkIDs, m.asks[:0], m.gaps[:0])
	m.blameVain(now)
	m.graft(now, out)
	if len(m.asks) > 0 {
		m.relay.Asked(now)
	}
	for _, link := range m.linkIDs {
		m.sendWants(link, out)
	}
	for _, g := range m.gaps {
		m.proveGap(g.Origin)
		m.log.Forsake(g.Origin, g.To, g.Born)
		if g.Born >= m.start { // what was gone before this node came is no loss
			out.Events = append(out.Events, Event{Kind: MessageGap, Peer: g.Origin, Gap: g})
		}
	}
}

// graft makes links eager that brought what the tree did not, or can bring what a
// link that is gone would have brought.
func (m *Machine) graft(now time.Duration, out *Outbox) {
	m.grafts = m.buffer.AppendGrafts(now, m.relay.Late(now), m.relay.Lazy, m.grafts[:0])
	for _, link := range m.grafts {
		m.relay.Graft(now, link, &out.Links)
	}
	for _, a := range m.asks {
		if a.Graft {
			m.relay.Graft(now, a.Link, &out.Links)
		}
	}
}

// maybeRewind gets things moving again after messages had to be refused because
// the hold-back was full of later ones. It has a link start over, which sends
// everything in the peer's order of delivery, so that nothing need be held back.
func (m *Machine) maybeRewind(now time.Duration, out *Outbox) {
	if !m.buffer.Overflowed() || now < m.rewindAt() {
		return
	}
	m.lastRewind = now
	m.buffer.MakeRoom()
	link := m.refusedFrom
	if m.linkIDs = m.links.AppendOpen(m.linkIDs[:0]); !slices.Contains(m.linkIDs, link) && len(m.linkIDs) > 0 {
		link = m.linkIDs[0]
	}
	m.relay.Rewind(now, link, &out.Links)
}

// rewindAt is when a rewind is due: soon after things have stopped moving, and
// Retry after the last one if that has moved nothing.
func (m *Machine) rewindAt() time.Duration {
	if m.delivered > m.lastRewind {
		return m.delivered + m.cfg.Retry/20
	}
	return m.lastRewind + m.cfg.Retry
}

// sendWants packs one link's share of the requests into frames.
func (m *Machine) sendWants(link broadcast.LinkID, out *Outbox) {
	var wants []broadcast.WantEntry
	for _, a := range m.asks {
		if a.Link == link {
			wants = append(wants, a.Want)
		}
	}
	for part := range slices.Chunk(wants, m.cfg.Relay.Wants) {
		out.Links.Sends = append(out.Links.Sends, broadcast.Send{
			Link: link, Frame: broadcast.Frame{Kind: broadcast.Want, Wants: part},
		})
	}
}

// endRepairs closes finished reconciliations. One that moved old messages shows
// that links do not reach from here to there: it becomes a link.
func (m *Machine) endRepairs(now time.Duration, out *Outbox) {
	m.finished = m.relay.AppendFinished(m.finished[:0])
	for _, f := range m.finished {
		m.links.EndRepair(now, f.Link, &out.Links)
		for _, c := range f.Claims {
			m.buffer.Ask(now, c.Dot, f.Link)
		}
		if len(f.Claims) > 0 {
			m.buffer.Gone(now, f.Claims)
		}
		if f.Stale {
			m.links.Bridge(now, f.Peer, &out.Links)
		}
	}
}
