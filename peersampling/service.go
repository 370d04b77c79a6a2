package peersampling

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// PacketKind tells what a datagram of the peer sampling service says.
type PacketKind uint8

// The datagrams of the service.
const (
	ExchangeRequest PacketKind = iota + 1 // the active thread's buffer
	ExchangeReply                         // the passive thread's; empty under Push
	ProbeRequest                          // who is there?
	ProbeReply                            // I am
)

// String names the kind as docs/protocol.md does.
func (k PacketKind) String() string {
	names := [...]string{"?", "EXCHANGE", "EXCHANGE_REPLY", "PROBE", "PROBE_REPLY"}
	if int(k) < len(names) {
		return names[k]
	}
	return "?"
}

// Packet is one datagram. Its sender's identity always goes along with it.
type Packet struct {
	Kind PacketKind
	// Peer is whom it goes to, or whom it came from.
	Peer peer.Handle
	// Nonce makes an answer recognisable.
	Nonce uint64
	View  []peer.Descriptor
	// Digest sums up what the sender has had of broadcasts. It is opaque to
	// this package; it rides along so that anti-entropy costs no packets.
	Digest uint64
	// Wide asks for a larger answer than the request would earn by its own
	// size, by padding it: no answer is ever larger than its request.
	Wide bool
	// Room is how many bytes an answer may have: the size of its request.
	Room int
	// Keys is the driver's: news of the cluster's keys, which spread with exchanges.
	Keys []byte
	// Token is the driver's to put into requests, and to look at when they come:
	// what shows that their sender is where it says. The protocol code never does.
	Token uint64
	// Skipped is how many descriptors were left out of View when it was read,
	// because nobody can be at their addresses. It is for the driver to count.
	Skipped int
}

// ServiceConfig shapes a Service.
type ServiceConfig struct {
	Policy Policy
	// MinInterval and MaxInterval bound the time from one exchange to the next:
	// short while the view is changing, long when nothing happens. Shorter
	// heals sooner, longer costs less. Defaults are 1 s, a guess, and 20 s, with
	// which a node of which nothing is wanted sends less than those of other systems. A
	// node that has just started, or knows nobody, begins at an eighth of the
	// minimum.
	MinInterval, MaxInterval time.Duration
	// Answer is how long to wait for an answer, twice, before the peer is taken
	// for dead. A guess: 1 s, longer than any round trip on Earth.
	Answer time.Duration
	// Quarantine is how long news of a peer that did not answer is ignored, so
	// that others' stale descriptors do not bring it back. A guess: 20 s.
	Quarantine time.Duration
	// Probe is the time from one probe of a lost peer to the next, and the
	// longest between two probes of a join address that does not answer. Join
	// addresses that answer are probed at six times that. A guess: 5 s.
	Probe time.Duration
	// RejoinAfter is how long a peer must have been lost, or a join address
	// silent, for its return to be reported: the sign of a partition that has
	// healed. A guess: 10 s.
	RejoinAfter time.Duration
	// Identity names a peer for ever, by a number that is the same whenever it
	// comes back, and that nobody outside this node can foresee: a keyed hash of
	// its name. Only Brahms asks for it. nil means the handle, which is right
	// where handles are never given to another and nobody misbehaves.
	Identity func(peer.Handle) uint64
	// Nonce draws what makes an answer recognisable. Requests show these numbers to
	// peers, and a few numbers of a PCG tell all that come: who has seen them could
	// answer for somebody else unasked, and foretell whom this node turns to. So they
	// come from a source of their own where peers may misbehave. nil means the
	// service's own, which is right in a simulation.
	Nonce func() uint64
	// Lost and Seeds bound the memory of peers lost and of join addresses; the
	// oldest goes first. Defaults: 64 each.
	Lost, Seeds int
}

// DefaultServiceConfig returns the defaults documented on the fields, for a
// policy.
func DefaultServiceConfig(p Policy) ServiceConfig {
	return ServiceConfig{
		Policy: p, MinInterval: time.Second, MaxInterval: 20 * time.Second,
		Answer: time.Second, Quarantine: 20 * time.Second, Probe: 5 * time.Second,
		RejoinAfter: 10 * time.Second, Lost: 64, Seeds: 64,
	}
}

// Validate names the first field that is out of range.
func (c ServiceConfig) Validate() error {
	if err := c.Policy.Validate(); err != nil {
		return err
	}
	if c.MinInterval <= 0 || c.MaxInterval < c.MinInterval {
		return errors.New("peersampling: MinInterval must be positive and MaxInterval at least as long")
	}
	if c.Answer <= 0 || c.Quarantine < 0 || c.Probe <= 0 || c.RejoinAfter < 0 {
		return errors.New("peersampling: Answer and Probe must be positive, Quarantine and RejoinAfter not negative")
	}
	if c.Lost < 1 || c.Seeds < 1 {
		return errors.New("peersampling: Lost and Seeds must be at least 1")
	}
	return nil
}

// never is the deadline of something that waits for no time.
const never = time.Duration(math.MaxInt64)

// Service drives an Engine for one node of a real network, where answers are
// lost, late, or from somebody else, and where exchanges overlap. It is pure:
// time and randomness come in, packets and one deadline go out.
//
// Under Brahms it drives Rounds instead, and a round takes as long as there is
// from one exchange to the next: MaxInterval, which must be the same on all nodes,
// and less while a node is new or has lost somebody. All nodes of a network must
// follow Brahms or none: the packets are the same and mean other things.
type Service struct {
	cfg    ServiceConfig
	engine *Engine // nil under Brahms
	brahms *brahms // nil under any other policy
	self   peer.Handle
	rng    *rand.PCG
	view   []peer.Descriptor
	room   int // how many entries the view may have for others to get in unasked

	period  time.Duration // between exchanges, before jitter
	next    time.Duration // the next exchange
	pending *pending

	seeds      []seed
	lost       []lost
	quarantine []quarantined
	nextProbe  time.Duration // of a lost peer
	suspects   []suspect
	probes     []probe // that were not answered, the oldest first

	rejoined []peer.Handle
	grown    bool
	reply    []peer.Descriptor

	// Stats counts what happened.
	Stats struct{ Initiated, Answered, TimedOut, Served, Probes, Dropped, Rejoined, Unsolicited uint64 }
}

// pending is the exchange under way. There is one at a time.
type pending struct {
	to       peer.Handle
	nonce    uint64
	sent     []peer.Descriptor
	until    time.Duration
	attempts int
	// gave is 1 if the request took its peer out of the view, as Cyclon's does.
	// To have that place filled again is no growth.
	gave int
}

// seed is a join address: a handle of which only the address is known.
type seed struct {
	peer  peer.Handle
	wait  time.Duration
	next  time.Duration
	asked bool          // and not answered yet,
	since time.Duration // this being the first time
}

type lost struct {
	peer  peer.Handle
	since time.Duration
}

type quarantined struct {
	peer  peer.Handle
	until time.Duration
}

// suspect is a peer that must answer a probe or be dropped.
type suspect struct {
	peer     peer.Handle
	until    time.Duration
	attempts int
}

// probe is a question that an answer must fit: its nonce, and the handle that was
// asked, which may be an address that does not know whose it is.
type probe struct {
	nonce uint64
	asked peer.Handle
	at    time.Duration
}

// probesKept is for how many times Answer a probe may still be answered. Later it
// would tell nothing of now. A guess, which no round trip on Earth comes near.
const probesKept = 8

// maxProbes bounds the memory of probes: two for each suspect, one for each join
// address and each peer lost; the oldest goes first.
func (s *Service) maxProbes() int { return 2*maxSuspects + s.cfg.Seeds + s.cfg.Lost }

// The bounds of what no config names: both hold peers that failed within
// seconds, and the oldest goes first.
const (
	maxQuarantined = 128
	maxSuspects    = 64
)

// NewService returns a service with an empty view. self is the node's handle.
func NewService(cfg ServiceConfig, self peer.Handle, rng *rand.PCG) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s := &Service{
		cfg: cfg, self: self, rng: rng,
		view:   make([]peer.Descriptor, 0, cfg.Policy.C),
		room:   cfg.Policy.C,
		period: cfg.MinInterval / 8,
	}
	var err error
	if cfg.Policy.Samplers > 0 {
		// Whoever speaks gets into the view of a node that is new, or nearly
		// alone. Later it would be a way round the limit of pushes.
		s.room = (cfg.Policy.C + 1) / 2
		s.brahms, err = newBrahms(cfg, self, rng.Uint64())
	} else {
		s.engine, err = makeEngine(cfg.Policy, fewMarks)
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// View returns the view. It is the service's own; it changes with the next call.
func (s *Service) View() []peer.Descriptor { return s.view }

// AppendSample appends up to k different peers, uniformly from the view
// (getPeer() of TOCS 2007, section 2, but without repetition).
//
// Under Brahms they come from the sample list instead, which is what it is for:
// all peers that were ever heard of and did not prove dead have had the same
// chance to be in it, however loud some are. It changes slowly, so that samples
// drawn one after the other are much the same, and holds fewer than Samplers
// different peers where there are few.
func (s *Service) AppendSample(dst []peer.Handle, k int) []peer.Handle {
	if s.brahms != nil {
		return s.brahms.appendSample(dst, k, s)
	}
	start := len(dst)
	for _, d := range s.view {
		dst = append(dst, d.Peer)
	}
	all := dst[start:]
	k = max(0, min(k, len(all)))
	for i := range k {
		j := i + below(s.rng, len(all)-i)
		all[i], all[j] = all[j], all[i]
	}
	return dst[:start+k]
}

// Join adds an address to contact, now and for as long as the node lives.
func (s *Service) Join(now time.Duration, address peer.Handle) {
	if address == s.self || slices.ContainsFunc(s.seeds, func(x seed) bool { return x.peer == address }) {
		return
	}
	if len(s.seeds) == s.cfg.Seeds {
		s.seeds = slices.Delete(s.seeds, 0, 1)
	}
	s.seeds = append(s.seeds, seed{peer: address, next: now, wait: s.cfg.MinInterval / 8})
}

// HasSeeds reports whether there is a join address to find somebody at.
func (s *Service) HasSeeds() bool { return len(s.seeds) > 0 }

// Learn takes peers that somebody recommends; they fill free places only.
func (s *Service) Learn(now time.Duration, peers []peer.Descriptor) {
	for _, d := range peers {
		if d.Peer != peer.None && !s.isHeld(now, d.Peer) {
			s.insert(d.Peer, false)
		}
	}
}

// Met takes a peer that this node has got into touch with by other means than
// datagrams: it fills a free place, and is no longer in quarantine.
func (s *Service) Met(now time.Duration, p peer.Handle) {
	s.alive(now, p)
	s.insert(p, false)
}

// Suspect says that a peer seems to be gone; it is probed and, if it does not
// answer, dropped.
func (s *Service) Suspect(now time.Duration, p peer.Handle) {
	if p == s.self || slices.ContainsFunc(s.suspects, func(x suspect) bool { return x.peer == p }) {
		return
	}
	if len(s.suspects) == maxSuspects {
		s.suspects = slices.Delete(s.suspects, 0, 1)
	}
	s.suspects = append(s.suspects, suspect{peer: p, until: now})
}

// Hasten makes exchanges frequent again, because something has changed.
func (s *Service) Hasten(now time.Duration) {
	s.period = min(s.period, s.cfg.MinInterval)
	s.next = min(s.next, now+s.jitter(s.period))
}

// Tick does what is due.
func (s *Service) Tick(now time.Duration, digest uint64, out []Packet) []Packet {
	if s.pending != nil && s.pending.until <= now {
		out = s.retry(now, digest, out)
	}
	if s.brahms != nil {
		out = s.maybeRound(now, digest, out) // finds suspects
	}
	out = s.probeSuspects(now, out)
	out = s.probeSeeds(now, out)
	out = s.probeLost(now, out)
	if s.brahms == nil && s.pending == nil && s.next <= now {
		out = s.initiate(now, digest, out)
	}
	return out
}

// Deadline is when Tick is due.
func (s *Service) Deadline() time.Duration {
	t := never
	if s.pending != nil {
		t = s.pending.until
	} else if s.knowsSomebody() {
		t = s.next
	}
	for _, x := range s.suspects {
		t = min(t, x.until)
	}
	for _, x := range s.seeds {
		t = min(t, x.next)
	}
	if len(s.lost) > 0 {
		t = min(t, s.nextProbe)
	}
	return t
}

// initiate is the active thread.
func (s *Service) initiate(now time.Duration, digest uint64, out []Packet) []Packet {
	to, ok := s.engine.SelectPeer(s.view, nil, s.rng)
	if !ok {
		s.schedule(now)
		return out
	}
	s.Stats.Initiated++
	p := &pending{to: to, nonce: s.nonce(), until: now + s.cfg.Answer, attempts: 1}
	before := len(s.view)
	p.sent, s.view = s.engine.Request(nil, s.view, s.self, to, s.rng)
	p.gave = before - len(s.view)
	s.pending = p
	return append(out, s.request(p, digest))
}

func (s *Service) request(p *pending, digest uint64) Packet {
	return Packet{
		Kind: ExchangeRequest, Peer: p.to, Nonce: p.nonce, View: p.sent, Digest: digest,
		Wide: len(p.sent) < s.cfg.Policy.Buffer(),
	}
}

// retry sends an unanswered request once more, then gives its peer up.
func (s *Service) retry(now time.Duration, digest uint64, out []Packet) []Packet {
	p := s.pending
	if p.attempts < 2 {
		p.attempts++
		p.until = now + s.cfg.Answer
		return append(out, s.request(p, digest))
	}
	s.Stats.TimedOut++
	s.pending = nil
	s.drop(now, p.to)
	s.finish(now, true)
	return out
}

// finish ends an exchange and sets the time of the next.
func (s *Service) finish(now time.Duration, changed bool) {
	if changed {
		s.period = min(s.period, s.cfg.MinInterval)
	} else {
		s.period = min(s.period+s.period/2, s.cfg.MaxInterval)
	}
	s.schedule(now)
}

func (s *Service) schedule(now time.Duration) { s.next = now + s.jitter(s.period) }

// jitter spreads a wait over 80 to 120 % of it, so that nodes started together
// do not stay in step.
func (s *Service) jitter(d time.Duration) time.Duration {
	return d - d/5 + time.Duration(s.rng.Uint64()%uint64(d*2/5+1))
}

// nonce is new for each request.
func (s *Service) nonce() uint64 {
	if s.cfg.Nonce != nil {
		return s.cfg.Nonce()
	}
	return s.rng.Uint64()
}

// Expects reports whether a packet is a request, or the answer to one that this node
// has sent to its sender's address and that was not answered yet. Nonces are random,
// so that nobody answers who was not asked, and nobody twice.
func (s *Service) Expects(now time.Duration, p Packet) bool {
	switch {
	case p.Peer == s.self || p.Peer == peer.None:
		return false
	case p.Kind == ExchangeReply && s.brahms != nil:
		return slices.ContainsFunc(s.brahms.asked, func(x asked) bool { return x.nonce == p.Nonce })
	case p.Kind == ExchangeReply:
		return s.pending != nil && s.pending.nonce == p.Nonce
	case p.Kind == ProbeReply:
		return s.findProbe(now, p.Nonce) >= 0
	}
	return p.Kind == ExchangeRequest || p.Kind == ProbeRequest
}

func (s *Service) findProbe(now time.Duration, nonce uint64) int {
	return slices.IndexFunc(s.probes, func(x probe) bool {
		return x.nonce == nonce && now <= x.at+probesKept*s.cfg.Answer
	})
}

// Delayed takes the driver's word that a request has gone out only now, because
// something else had to be asked for first: its peer is there, and its time to answer
// begins anew.
func (s *Service) Delayed(now time.Duration, nonce uint64) {
	if x := s.pending; x != nil && x.nonce == nonce {
		x.attempts, x.until = 1, now+s.cfg.Answer
	}
	i := s.findProbe(now, nonce)
	if i < 0 {
		return
	}
	for j := range s.suspects {
		if x := &s.suspects[j]; x.peer == s.probes[i].asked && x.attempts > 0 {
			x.attempts, x.until = 1, now+s.cfg.Answer
		}
	}
}

// Handle takes a packet from the network. An answer that was not asked for, or comes
// once more, changes nothing.
func (s *Service) Handle(now time.Duration, p Packet, digest uint64, out []Packet) []Packet {
	if p.Peer == s.self || p.Peer == peer.None {
		return out
	}
	if !s.Expects(now, p) {
		s.Stats.Unsolicited++
		return out
	}
	s.alive(now, p.Peer)
	switch p.Kind {
	case ExchangeRequest:
		if s.brahms != nil {
			return s.servePushOrPull(p, digest, out)
		}
		return s.serve(now, p, digest, out)
	case ExchangeReply:
		if s.brahms != nil {
			s.handleAnswer(now, p)
		} else {
			s.finishExchange(now, p)
		}
	case ProbeRequest:
		// Who only pulls tells nobody of itself but by probing.
		s.insert(p.Peer, !s.cfg.Policy.Pushes())
		return append(out, Packet{Kind: ProbeReply, Peer: p.Peer, Nonce: p.Nonce, Room: p.Room})
	case ProbeReply:
		s.handleProbeReply(now, p)
	}
	return out
}

// serve is the passive thread.
func (s *Service) serve(now time.Duration, p Packet, digest uint64, out []Packet) []Packet {
	s.Stats.Served++
	before := len(s.view)
	if s.pending != nil {
		before += s.pending.gave
	}
	s.reply = s.reply[:0]
	if s.cfg.Policy.Pulls() {
		// The reply outlives this call, so it gets a buffer of its own.
		s.reply, s.view = s.engine.Reply(nil, s.view, s.self, p.Peer, s.rng)
	}
	s.merge(now, p.View, s.reply)
	s.engine.Age(s.view)
	if len(s.view) == 0 {
		s.insert(p.Peer, false) // it pulls, or sent nothing: it is somebody all the same
	}
	if len(s.view) > before {
		s.Hasten(now)
	}
	return append(out, Packet{
		Kind: ExchangeReply, Peer: p.Peer, Nonce: p.Nonce, View: s.reply, Digest: digest, Room: p.Room,
	})
}

// finishExchange is the second half of the active thread.
func (s *Service) finishExchange(now time.Duration, p Packet) {
	x := s.pending
	s.pending = nil
	s.Stats.Answered++
	before := len(s.view) + x.gave
	if p.Peer != x.to {
		s.succeed(now, x.to, p.Peer)
	}
	s.merge(now, p.View, x.sent)
	s.engine.Age(s.view)
	s.finish(now, len(s.view) > before || p.Peer != x.to)
}

// succeed notes that somebody else has a peer's address now: most likely the
// same node after a restart.
func (s *Service) succeed(now time.Duration, gone, p peer.Handle) {
	s.remove(gone)
	s.hold(now, gone)
	s.insert(p, true)
}

// merge is select(), without news of peers in quarantine.
func (s *Service) merge(now time.Duration, received, sent []peer.Descriptor) {
	before := len(s.view)
	fresh := slices.DeleteFunc(received, func(d peer.Descriptor) bool { return s.isHeld(now, d.Peer) })
	s.view = s.engine.Merge(s.view, fresh, sent, s.self, s.rng)
	s.grown = s.grown || len(s.view) > before
}

func (s *Service) handleProbeReply(now time.Duration, p Packet) {
	i := s.findProbe(now, p.Nonce)
	asked := s.probes[i].asked
	s.probes = slices.Delete(s.probes, i, i+1) // it counts once
	s.found(now, asked, p.Peer)                // if it is lost, somebody else is there now
	for i := range s.seeds {
		if s.seeds[i].peer == asked {
			s.seedAnswered(now, &s.seeds[i], p.Peer)
		}
	}
	first := len(s.view) == 0
	s.insert(p.Peer, false)
	if first {
		s.next = now // it was nobody's turn; do not wait
	}
}

// seedAnswered notes that p lives at a join address. When that was silent for
// long, p comes from the other side of a partition, of which nothing else may
// be left here: then it gets into the view even if that is full.
func (s *Service) seedAnswered(now time.Duration, x *seed, p peer.Handle) {
	if x.asked && now-x.since >= s.cfg.RejoinAfter+2*s.cfg.Answer {
		s.returned(now, p, true)
	}
	x.asked, x.wait = false, s.cfg.Probe
	x.next = now + s.jitter(6*s.cfg.Probe)
}

// alive notes that a peer has spoken for itself.
func (s *Service) alive(now time.Duration, p peer.Handle) {
	s.quarantine = slices.DeleteFunc(s.quarantine, func(x quarantined) bool { return x.peer == p })
	s.suspects = slices.DeleteFunc(s.suspects, func(x suspect) bool { return x.peer == p })
	s.found(now, p, p)
}

// found ends the search for a lost peer: p, most likely the same node, has
// answered.
func (s *Service) found(now time.Duration, missed, p peer.Handle) {
	i := slices.IndexFunc(s.lost, func(x lost) bool { return x.peer == missed })
	if i < 0 {
		return
	}
	x := s.lost[i]
	long := now-x.since >= s.cfg.RejoinAfter && s.lostWithOthers(x)
	s.lost = slices.Delete(s.lost, i, i+1)
	s.returned(now, p, long)
}

// lostWithOthers reports whether a peer was lost at about the same time as so many
// others that the network may have been cut: a quarter of those that the node knows,
// a guess. Where datagrams get lost, one is taken for dead now and then.
func (s *Service) lostWithOthers(x lost) bool {
	together := 0
	for _, y := range s.lost {
		if apart := x.since - y.since; max(apart, -apart) <= s.cfg.RejoinAfter {
			together++
		}
	}
	return 4*together >= len(s.view)+len(s.lost)
}

// returned puts a peer that was away back into the view, and reports it if it
// was for long.
func (s *Service) returned(now time.Duration, p peer.Handle, long bool) {
	if long && !slices.Contains(s.rejoined, p) {
		s.Stats.Rejoined++
		s.rejoined = append(s.rejoined, p)
	}
	s.insert(p, true)
	s.Hasten(now)
}

// insert puts a peer that has spoken into the view: where there is room, or by
// force in the place of a random one.
func (s *Service) insert(p peer.Handle, force bool) {
	if p == s.self {
		return
	}
	for i := range s.view {
		if s.view[i].Peer == p {
			s.view[i].Age = 0
			return
		}
	}
	if len(s.view) >= s.room && !force {
		return
	}
	if len(s.view) == s.cfg.Policy.C {
		last := len(s.view) - 1
		i := below(s.rng, len(s.view))
		s.view[i] = s.view[last]
		s.view = s.view[:last]
	}
	s.view = append(s.view, peer.Descriptor{Peer: p})
	s.grown = true
	if s.brahms != nil {
		s.brahms.feed(p, s.self)
	}
}

// Failed says that a peer could not be reached: it is dropped at once.
func (s *Service) Failed(now time.Duration, p peer.Handle) {
	s.drop(now, p)
	s.Hasten(now)
}

// Departed says that a peer has left in good order: it is dropped, and not looked
// for.
func (s *Service) Departed(now time.Duration, p peer.Handle) {
	s.remove(p)
	s.hold(now, p)
}

// drop takes a peer for dead: out of the view, into quarantine, and into the
// memory of peers to look for again.
func (s *Service) drop(now time.Duration, p peer.Handle) {
	s.Stats.Dropped++
	s.remove(p)
	s.hold(now, p)
	if slices.ContainsFunc(s.lost, func(x lost) bool { return x.peer == p }) {
		return
	}
	if len(s.lost) == s.cfg.Lost {
		s.lost = slices.Delete(s.lost, 0, 1)
	}
	if len(s.lost) == 0 {
		s.nextProbe = now + s.jitter(s.cfg.Probe)
	}
	s.lost = append(s.lost, lost{p, now})
}

func (s *Service) remove(p peer.Handle) {
	s.view = slices.DeleteFunc(s.view, func(d peer.Descriptor) bool { return d.Peer == p })
	if s.brahms != nil {
		s.brahms.forget(p)
	}
}

func (s *Service) hold(now time.Duration, p peer.Handle) {
	s.quarantine = slices.DeleteFunc(s.quarantine, func(x quarantined) bool { return x.peer == p || x.until <= now })
	if len(s.quarantine) == maxQuarantined {
		s.quarantine = slices.Delete(s.quarantine, 0, 1)
	}
	s.quarantine = append(s.quarantine, quarantined{p, now + s.cfg.Quarantine})
}

func (s *Service) isHeld(now time.Duration, p peer.Handle) bool {
	return slices.ContainsFunc(s.quarantine, func(x quarantined) bool { return x.peer == p && x.until > now })
}

// probe asks whoever is behind the handle to answer.
func (s *Service) probe(now time.Duration, p peer.Handle, out []Packet) []Packet {
	s.Stats.Probes++
	if len(s.probes) == s.maxProbes() {
		s.probes = slices.Delete(s.probes, 0, 1)
	}
	s.probes = append(s.probes, probe{s.nonce(), p, now})
	return append(out, Packet{Kind: ProbeRequest, Peer: p, Nonce: s.probes[len(s.probes)-1].nonce, Wide: true})
}

func (s *Service) probeSuspects(now time.Duration, out []Packet) []Packet {
	for i := 0; i < len(s.suspects); i++ {
		x := &s.suspects[i]
		switch {
		case x.until > now:
		case x.attempts == 2:
			p := x.peer
			s.suspects = slices.Delete(s.suspects, i, i+1)
			i--
			s.Failed(now, p)
		default:
			x.attempts++
			x.until = now + s.cfg.Answer
			out = s.probe(now, x.peer, out)
		}
	}
	return out
}

func (s *Service) probeSeeds(now time.Duration, out []Packet) []Packet {
	for i := range s.seeds {
		x := &s.seeds[i]
		if x.next > now {
			continue
		}
		if !x.asked {
			x.asked, x.since = true, now
		}
		x.wait = min(x.wait+x.wait/2, s.cfg.Probe)
		x.next = now + s.jitter(x.wait)
		out = s.probe(now, x.peer, out)
	}
	return out
}

// probeLost looks for one of the lost peers, in turn.
func (s *Service) probeLost(now time.Duration, out []Packet) []Packet {
	if len(s.lost) == 0 || s.nextProbe > now {
		return out
	}
	s.nextProbe = now + s.jitter(s.cfg.Probe)
	x := s.lost[0]
	s.lost = append(s.lost[1:], x)
	return s.probe(now, x.peer, out)
}

// TakeRejoined returns the peers that were lost for long and have come back.
func (s *Service) TakeRejoined(dst []peer.Handle) []peer.Handle {
	dst = append(dst, s.rejoined...)
	s.rejoined = s.rejoined[:0]
	return dst
}

// TakeGrown reports whether the view got peers it did not have, since the last
// call.
func (s *Service) TakeGrown() bool {
	g := s.grown
	s.grown = false
	return g
}

// Handles calls mark for every peer that is named here.
func (s *Service) Handles(mark func(peer.Handle)) {
	for _, d := range s.view {
		mark(d.Peer)
	}
	if s.brahms != nil {
		s.brahms.handles(mark)
	}
	if s.pending != nil {
		mark(s.pending.to)
		for _, d := range s.pending.sent {
			mark(d.Peer)
		}
	}
	for _, x := range s.seeds {
		mark(x.peer)
	}
	for _, x := range s.lost {
		mark(x.peer)
	}
	for _, x := range s.quarantine {
		mark(x.peer)
	}
	for _, x := range s.suspects {
		mark(x.peer)
	}
	for _, x := range s.probes {
		mark(x.asked)
	}
}
