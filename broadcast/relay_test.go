package broadcast

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"pgregory.net/rapid"
)

// hub is one Relay with its log, and what the test knows of the peers that its
// links lead to.
type hub struct {
	patient bool          // of links opened from now on: the peer has dialled
	age     time.Duration // of what is added from now on
	fail    func(format string, args ...any)
	now     time.Duration
	log     *Log
	seen    *Seen
	relay   *Relay
	links   []*spoke
	out     Outbox
	all     []*Message            // ever in the log, by position
	via     map[*Message][]*spoke // the links that it came by
	added   map[*Message]time.Duration
	// judge is which one a message is, 0 if it is none; judged is how many there were,
	// and spread how many more there are when one comes again.
	judge  map[*Message]uint64
	judged uint64
	// standing is what the message may do; of bursts there were so many, the last one began
	// then, and burst counts its judges of late.
	standing map[*Message]standing
	bursts   uint64
	began    time.Duration
	headedBy uint64 // the least place of those that have headed the last burst
	headed   bool   // a link has had in vain what has
	others   bool   // several origins have spoken in it
	burst    burst
	spread   int           // times spreadMemory
	again    time.Duration // when one came again last
	// healing says that what is grafted in this step is as good as new.
	healing bool
	// mayPrune is what the step under way gives reason for, and wanted is what it
	// is to send in any case.
	mayPrune *spoke
	settling bool
	settled  []*spoke // what a pump may prune
	wanted   *Message
}

// spoke is a link of the hub.
type spoke struct {
	id        LinkID
	repair    bool
	peer      *Seen
	said      []Frame  // by the peer, of its digest
	start     uint64   // the log's end when it came up
	synced    bool     // its whole digest has arrived
	got       []uint64 // positions of what it was sent, in order
	has       dots     // what it must not be sent: the digest, and what it brought
	unwritten []int    // costs
	done      int      // SYNC_DONE frames
	closed    bool
	opened    bool // the hub has told of its digest
	mode      mode
	syncedAt  time.Duration
	announced map[uint64]bool // positions that it was told of, since it became lazy
	heard     map[uint64]bool // the same, ever
	last      uint64          // position that it was told of last
	told      time.Duration   // when that was
	strict    uint64          // soon after this judge one in vain is too many
	vainIn    uint64          // or soon after this burst
	headed    uint64          // the burst for which it is to be pruned, if its least place was
	headedBy  uint64          // this one
}

// carries reports whether the link is one of those that messages travel.
func (s *spoke) carries() bool { return !s.closed && !s.repair && s.synced && s.mode == eager }

func newHub(fail func(string, ...any), cfg RelayConfig, bytes int) *hub {
	h := &hub{fail: fail, now: time.Hour, seen: newSeen(), log: NewLog(LogConfig{Bytes: bytes, Age: time.Hour}),
		via: make(map[*Message][]*spoke), added: make(map[*Message]time.Duration), judge: make(map[*Message]uint64), standing: make(map[*Message]standing)}
	h.relay = NewRelay(cfg, h.log, h.seen)
	return h
}

// add puts the next message of an origin into the log; it came by the links.
func (h *hub) add(origin peer.Handle, size int, from ...*spoke) *Message {
	m := &Message{Dot: peer.Dot{Origin: origin, Seq: h.seen.Highest(origin) + 1}, Payload: make([]byte, size), Born: h.now - h.age}
	if m.Dot.Seq > 1 {
		m.Deps = []peer.Dot{{Origin: origin, Seq: m.Dot.Seq - 1}}
	}
	var ids []LinkID
	for _, s := range from {
		ids = append(ids, s.id)
		s.has[m.Dot] = true
	}
	h.seen.Mark(m.Dot, 0)
	h.log.Append(h.now, m, h.relay.KnownTo(ids))
	h.relay.Delivered(h.now, m)
	if len(h.all) == 0 || h.now > h.added[h.all[len(h.all)-1]]+judgeSpan {
		h.began = h.now
		h.bursts++
		h.headed, h.others = false, false
	} else if origin != h.all[len(h.all)-1].Dot.Origin {
		h.others = true
	}
	least, any := uint64(math.MaxUint64), false // of late
	for _, x := range h.all {
		if h.added[x] > h.now-judgeSpan {
			least, any = min(least, h.seen.place(x.Dot.Origin)), true
		}
	}
	if place := h.seen.place(origin); place <= least {
		h.burst.tally(h.now, h.judged)
		switch {
		case h.now >= h.began+burstSpan:
			h.standing[m] = counting
		case !any || place < least && h.now < h.settles():
			h.standing[m], h.headedBy = heading, place
		default:
			h.standing[m] = waiting
		}
		h.judged++
		h.judge[m] = h.judged
	}
	h.all = append(h.all, m)
	h.via[m], h.added[m] = from, h.now
	return m
}

// open brings a link up. Its peer has had the dots.
func (h *hub) open(repair bool, had dots) *spoke {
	s := &spoke{id: LinkID(len(h.links) + 1), repair: repair, peer: newSeen(), has: dots{}, start: h.log.End(), announced: make(map[uint64]bool), heard: make(map[uint64]bool),
		strict: h.judged + 1, vainIn: h.bursts + 1}
	s.peer.most = h.seen.most
	h.links = append(h.links, s)
	for origin := peer.Handle(1); origin <= 4; origin++ {
		s.peer.Skip(origin, had.contiguous(origin), 0)
	}
	for d := range had {
		s.has[d] = true
	}
	s.said = []Frame{{Kind: Digest, Opening: true, Digest: []DigestPart{s.peer.Part(Prefix{})}}}
	h.relay.Open(h.now, Change{Link: s.id, Peer: 7, Up: true, Repair: repair, Patient: h.patient}, &h.out)
	h.take()
	h.checkSlots()
	return s
}

// hear lets the next frame of the peer's digest arrive, if there is one.
func (h *hub) hear(s *spoke) {
	if len(s.said) == 0 {
		return
	}
	f := s.said[0]
	s.said = s.said[1:]
	h.relay.HandleDigest(h.now, s.id, &f, &h.out)
	h.take()
	if !s.synced && len(s.said) == 0 {
		s.synced, s.syncedAt = true, h.now
	}
}

func (h *hub) hearAll(s *spoke) {
	for len(s.said) > 0 {
		h.hear(s)
	}
}

func (h *hub) pump() {
	due := h.due()
	h.settling = true
	h.relay.Pump(h.now, &h.out)
	h.take()
	h.settling = false
	for _, s := range due {
		if s.mode != pruned {
			h.fail("link %d had in vain what has headed the burst, and has mode %d", s.id, s.mode)
		}
	}
	for _, s := range h.links {
		x := h.relay.find(s.id)
		if x == nil || !s.synced || x.inflight >= h.relay.cfg.Window || s.repair || x.cursor == h.log.End() {
			continue
		}
		if !x.announces() {
			h.fail("link %d stands at %d of %d although it has room", s.id, x.cursor, h.log.End())
		} else if at := h.relay.announceAt(x); at > h.now+h.gathers(x) {
			h.fail("link %d has something to announce at %v, and does so at %v", s.id, h.now, at)
		}
	}
	if d := h.relay.Deadline(); d <= h.now && h.relay.cfg.AnnounceEvery > 0 {
		h.fail("the deadline, %v, has passed at %v after a pump", d, h.now)
	}
}

// settle lets pass what it takes until it is known who heads a burst.
func (h *hub) settle() {
	h.now += burstSpan / 2
	h.pump()
}

// settles is when it is known who heads the burst.
func (h *hub) settles() time.Duration {
	if h.others {
		return h.began + burstSpan/2
	}
	return h.began + aloneSpan
}

// due is which links a pump is to prune: those that had in vain what has headed a burst, once
// it is known, as long as there is another one.
func (h *hub) due() []*spoke {
	h.settled = h.settled[:0]
	if !h.headed || h.now < h.settles() {
		return nil
	}
	h.headed = false
	carriers := slices.DeleteFunc(slices.Clone(h.links), func(s *spoke) bool { return !s.carries() })
	for _, s := range h.links {
		others := slices.DeleteFunc(slices.Clone(carriers), func(t *spoke) bool { return t == s })
		isDue := s.headed == h.bursts && s.headedBy == h.headedBy && s.mode == eager && !s.closed && !s.repair
		if isDue && len(others) > 0 && !h.relay.cfg.Flood {
			h.settled = append(h.settled, s)
			carriers = others
		}
	}
	return h.settled
}

// gathers is how long announcements on a link may wait from now on.
func (h *hub) gathers(s *stream) time.Duration {
	every, calm := h.relay.cfg.AnnounceEvery, max(h.relay.cfg.AnnounceEvery, h.relay.cfg.AnnounceCalm)
	if s.patient {
		every, calm = every*3/2, calm*9/8
	} else if s.spoke {
		calm = calm * 5 / 4
	}
	if h.now+every < h.relay.calmAt {
		return every
	}
	return calm
}

// written lets the socket take the oldest of what is in flight.
func (h *hub) written(s *spoke) {
	if len(s.unwritten) > 0 {
		h.relay.Written(s.id, s.unwritten[0])
		s.unwritten = s.unwritten[1:]
	}
}

func (h *hub) close(s *spoke) {
	before, wound := h.relay.healed, s.carries()
	s.closed = true
	h.relay.Close(h.now, s.id)
	h.relay.Mend(h.now, &h.out)
	if h.healing = h.relay.healed != before; h.healing && !wound {
		h.fail("link %d, of mode %d, is no branch, and the tree is healed", s.id, s.mode)
	}
	h.take()
	if h.healing {
		for _, x := range h.links {
			if !x.closed && !x.repair && x.synced && x.mode != eager {
				h.fail("a branch was lost, and link %d has mode %d", x.id, x.mode)
			}
		}
	}
	h.healing = false
}

// least is the least place of all origins heard of lately, when something last was.
func (h *hub) least() uint64 {
	least, last := ^uint64(0), h.added[h.all[len(h.all)-1]]
	for _, m := range h.all {
		if h.added[m] > last-judgeSpan {
			least = min(least, h.seen.place(m.Dot.Origin))
		}
	}
	return least
}

// duplicate lets a message arrive on a link again.
func (h *hub) duplicate(s *spoke, m *Message) {
	wasEager := s.mode == eager
	h.mayPrune = s
	h.relay.ArrivedAgain(h.now, s.id, m, &h.out)
	h.take()
	h.mayPrune = nil
	faster := slices.ContainsFunc(h.via[m], func(t *spoke) bool { return t != s && t.carries() })
	want := false
	if judge := h.judge[m]; wasEager && !s.repair && faster && judge > 0 && h.log.Get(m.Dot) != nil && h.seen.place(m.Dot.Origin) == h.least() {
		if h.now <= m.Born+spreadSpan {
			if h.now > h.again+spreadSpan {
				h.spread = 0
			}
			since := int(h.judged-judge) * spreadMemory
			h.spread, h.again = max(since, h.spread-(h.spread-since+spreadMemory-1)/spreadMemory), h.now
		}
		if is := h.standing[m]; is == heading || is == counting && h.counts(m) {
			soon := s.strict > 0 && (judge < s.strict+vainSpan*h.step() || is == heading && h.bursts < s.vainIn+vainSpan)
			s.strict, s.vainIn = judge+1, h.bursts+1
			place := h.seen.place(m.Dot.Origin)
			if soon && is == heading && h.now < h.settles() {
				s.headed, s.headedBy, h.headed = h.bursts, place, true
				soon = false
			}
			want = soon && !h.relay.cfg.Flood && (is == counting || place == h.headedBy)
		}
	}
	if isPruned := wasEager && s.mode == pruned; isPruned != want {
		h.fail("link %d brings %v again, and is pruned: %v, want %v", s.id, m.Dot, isPruned, want)
	}
	h.knows(s, m)
}

// counts reports whether a judge is one of those that links are pruned by.
func (h *hub) counts(m *Message) bool {
	return (h.seen.place(m.Dot.Origin)+m.Dot.Seq)%h.step() == 0
}

// step is how many judges there are for each that counts.
func (h *hub) step() uint64 {
	step := uint64(1)
	for int(step)*spreadMemory < 2*h.spread || step < h.judged-h.burst.before {
		step *= 2
	}
	return step
}

// knows notes that the peer is known to have a message. Of what was in the log
// before the link came up, its digest tells, and nothing else.
func (h *hub) knows(s *spoke, m *Message) {
	if uint64(slices.Index(h.all, m)) >= s.start && h.log.Get(m.Dot) != nil {
		s.has[m.Dot] = true
	}
}

// announce lets a link's peer announce messages.
func (h *hub) announce(s *spoke, list ...*Message) []peer.Dot {
	f := Frame{Kind: IHave}
	for _, m := range list {
		f.Announced = append(f.Announced, Announcement{Dot: m.Dot})
		if !s.repair && h.seen.Has(m.Dot) {
			h.knows(s, m)
		}
	}
	unknown := h.relay.HandleIHave(s.id, &f, nil)
	h.take()
	return unknown
}

// hearPrune and hearGraft let a peer say so.
func (h *hub) hearPrune(s *spoke) {
	if !s.repair && s.synced && s.mode == eager {
		s.mode = lazy
	}
	h.relay.HandlePrune(h.now, s.id, &h.out)
	h.take()
}

func (h *hub) hearGraft(s *spoke) {
	asked := s.mode == pruned
	h.relay.HandleGraft(h.now, s.id, &h.out)
	if echo := len(h.out.Sends) > 0; echo != asked {
		h.fail("link %d, pruned by this node: %v, is grafted by its peer; said the same: %v", s.id, asked, echo)
	}
	h.take()
	if !s.repair && s.mode != eager {
		h.becomeEager(s)
	}
}

func (h *hub) becomeEager(s *spoke) {
	s.mode = eager
	clear(s.announced)
	if s.last, s.strict, s.vainIn, s.headed = 0, 0, 0, 0; h.healing {
		s.strict, s.vainIn = h.judged+1, h.bursts+1
	}
}

// checkTree checks that a node with links has a place in the tree, that the two
// books agree, and that what is not unsent was sent, to whomever.
func (h *hub) checkTree() {
	links, carry := 0, 0
	for _, s := range h.links {
		if s.closed {
			continue
		}
		if x := h.relay.find(s.id); x.mode != s.mode {
			h.fail("link %d has mode %d, it should be %d", s.id, x.mode, s.mode)
		}
		if s.synced && !s.repair {
			links++
		}
		if s.carries() {
			carry++
		}
	}
	if links > 0 && carry == 0 {
		h.fail("all of %d links are lazy", links)
	}
	for pos := h.log.Begin(); pos < h.relay.Unsent(); pos++ {
		m := h.all[pos]
		if !slices.ContainsFunc(h.links, func(s *spoke) bool { return !s.repair && s.has[m.Dot] }) {
			h.fail("%v was sent on no link, but counts as sent", m.Dot)
		}
	}
}

// take checks what the relay sends.
func (h *hub) take() {
	for _, x := range h.out.Sends {
		s := h.links[x.Link-1]
		f := x.Frame
		if s.closed {
			h.fail("%v is sent on link %d, which is closed", f.Kind, s.id)
		}
		switch f.Kind {
		case Digest:
			s.opened = f.Opening && f.Digest[0].Prefix == Prefix{}
		case Refine:
			for _, p := range f.Refine {
				s.said = append(s.said, Frame{Kind: Digest, Digest: []DigestPart{s.peer.Part(p)}})
			}
		case Data:
			h.takeData(s, &f)
		case SyncDone:
			s.done++
		case IHave:
			h.takeIHave(s, &f)
		case Prune:
			h.takePrune(s)
		case Graft:
			if s.mode == eager {
				h.fail("link %d is eager and is grafted", s.id)
			}
			h.becomeEager(s)
		}
	}
	h.out.Reset()
}

// takePrune allows for the one reason there is, a duplicate.
func (h *hub) takePrune(s *spoke) {
	if s.mode != eager || s.repair || h.mayPrune != s && !(h.settling && slices.Contains(h.settled, s)) {
		h.fail("link %d, of mode %d, is pruned for no reason", s.id, s.mode)
	}
	s.mode = pruned
}

func (h *hub) takeIHave(s *spoke, f *Frame) {
	if s.mode == eager || s.repair || !s.synced {
		h.fail("link %d is not lazy and is told of messages", s.id)
	}
	announced := h.inOrder(f.Announced)
	if n := len(announced); n == 0 || n > h.relay.cfg.Wants {
		h.fail("%d announcements in a frame, the limit is %d", n, h.relay.cfg.Wants)
	}
	h.checkFlight(s)
	for _, pos := range announced {
		m := h.all[pos]
		switch {
		case h.log.Get(m.Dot) != m:
			h.fail("%v is announced on link %d", m.Dot, s.id)
		case s.has[m.Dot]:
			h.fail("%v is announced on link %d, whose peer has it", m.Dot, s.id)
		case pos < s.start || s.announced[pos] || len(s.announced) > 0 && pos < s.last:
			h.fail("%v is announced on link %d again, or out of order", m.Dot, s.id)
		case h.now != s.told && h.now < h.added[m]+h.relay.cfg.AnnounceEvery && h.log.Begin() == 0: // nor was what it waited with evicted
			h.fail("%v, the first to be announced, is %v old", m.Dot, h.now-h.added[m])
		}
		s.announced[pos], s.heard[pos], s.last, s.told = true, true, pos, h.now
	}
	s.unwritten = append(s.unwritten, f.Cost())
}

// inOrder is where what is announced stands in the log, and checks that it was told in the
// least spans.
func (h *hub) inOrder(announced []Announcement) (positions []uint64) {
	if again := Join(slices.Clone(announced)); !slices.Equal(again, announced) {
		h.fail("%v is announced, want %v", announced, again)
	}
	for _, a := range announced {
		for d := a.Dot; d.Seq <= a.Last(); d.Seq++ {
			pos := slices.IndexFunc(h.all, func(m *Message) bool { return m.Dot == d })
			if pos < 0 {
				h.fail("%v is announced, and was never had", d)
			}
			positions = append(positions, uint64(pos))
		}
	}
	slices.Sort(positions)
	return positions
}

// checkFlight checks B5 before something is sent.
func (h *hub) checkFlight(s *spoke) {
	flight := 0
	for _, cost := range s.unwritten {
		flight += cost
	}
	if flight >= h.relay.cfg.Window {
		h.fail("B5: link %d has %d bytes in flight and is sent more", s.id, flight)
	}
}

func (h *hub) takeData(s *spoke, f *Frame) {
	m := f.Message
	pos := uint64(slices.Index(h.all, m))
	if !s.synced {
		h.fail("%v is sent on link %d before its digest is here", m.Dot, s.id)
	}
	if s.has[m.Dot] {
		h.fail("%v is sent on link %d, whose peer has it", m.Dot, s.id)
	}
	if n := len(s.got); n > 0 && pos <= s.got[n-1] {
		h.fail("B3: %v is sent on link %d out of order", m.Dot, s.id)
	}
	if s.repair && (pos >= s.start || s.done > 0) {
		h.fail("%v is sent by repair %d, which ends before it", m.Dot, s.id)
	}
	if s.repair && h.now-m.Born <= staleAfter {
		h.fail("%v is sent by repair %d, and links may bring it still", m.Dot, s.id)
	}
	if !s.repair && s.mode != eager && pos >= s.start && m != h.wanted {
		h.fail("%v is sent on link %d, which is lazy", m.Dot, s.id)
	}
	h.checkFlight(s)
	// What a peer that catches up cannot work out, it is told.
	rootless := pos < s.start && slices.ContainsFunc(m.Deps, func(d peer.Dot) bool { return h.log.Get(d) == nil })
	if f.WithClock != rootless {
		h.fail("%v is sent on link %d with clock: %v, want %v", m.Dot, s.id, f.WithClock, rootless)
	}
	s.got = append(s.got, pos)
	s.has[m.Dot] = true
	s.unwritten = append(s.unwritten, f.Cost())
}

func (h *hub) checkSlots() {
	used := map[int]LinkID{}
	for _, s := range h.relay.streams {
		if other, taken := used[s.slot]; taken || s.slot > 63 {
			h.fail("links %d and %d have slot %d", s.link, other, s.slot)
		}
		used[s.slot] = s.link
	}
}

// Whatever comes and goes: every eager link is sent, in order and once, exactly
// what its peer lacks and the log has when its turn comes, a lazy one is told of
// it, never more than its window at a time; a repair stops where the log ended
// when it began, and leaves to links what they may still bring. Links turn lazy
// and eager for a reason, and one is always eager.
func TestRelayUnderAnything(t *testing.T) {
	for range 3 {
		rapid.Check(t, relayUnderAnything)
	}
}

func relayUnderAnything(t *rapid.T) {
	cfg := RelayConfig{
		Window: 1000, DigestPart: rapid.IntRange(1, 3).Draw(t, "part"), Wants: 4,
		Flood:         rapid.IntRange(0, 4).Draw(t, "flood") == 0,
		AnnounceEvery: 20 * time.Millisecond, CalmAfter: 50 * time.Millisecond,
		AnnounceCalm: rapid.SampledFrom([]time.Duration{0, 100 * time.Millisecond}).Draw(t, "calm"),
	}
	h := newHub(t.Fatalf, cfg, rapid.SampledFrom([]int{1200, 3000, 1 << 20}).Draw(t, "log"))
	h.seen.most = rapid.IntRange(1, 4).Draw(t, "origins in a leaf")
	pick := func() *spoke {
		var up []*spoke
		for _, s := range h.links {
			if !s.closed {
				up = append(up, s)
			}
		}
		if len(up) == 0 {
			return nil
		}
		return up[rapid.IntRange(0, len(up)-1).Draw(t, "link")]
	}
	size := rapid.SampledFrom([]int{0, 100, 700, 1500})
	t.Repeat(map[string]func(*rapid.T){
		"broadcast": func(t *rapid.T) { h.add(1, size.Draw(t, "size")) },
		"arrive": func(t *rapid.T) {
			if s := pick(); s != nil {
				h.add(peer.Handle(rapid.Uint32Range(2, 4).Draw(t, "origin")), size.Draw(t, "size"), s)
			}
		},
		"duplicate": func(t *rapid.T) {
			s := pick()
			if s == nil || len(h.all) == 0 {
				return
			}
			before := h.relay.Stats.Duplicates
			h.duplicate(s, h.all[rapid.IntRange(0, len(h.all)-1).Draw(t, "position")])
			if h.relay.Stats.Duplicates != before+1 {
				t.Fatal("a duplicate is not counted")
			}
		},
		"announce": func(t *rapid.T) {
			if s := pick(); s != nil && len(h.all) > 0 {
				h.announce(s, h.all[rapid.IntRange(0, len(h.all)-1).Draw(t, "position")])
			}
		},
		"prune": func(t *rapid.T) {
			if s := pick(); s != nil {
				h.hearPrune(s)
			}
		},
		"graft": func(t *rapid.T) {
			if s := pick(); s != nil {
				h.hearGraft(s)
			}
		},
		"want it": func(t *rapid.T) {
			if s := pick(); s != nil {
				h.relay.Graft(h.now, s.id, &h.out)
				h.take()
			}
		},
		"wait": func(t *rapid.T) {
			h.now += time.Duration(rapid.SampledFrom([]int{1, 20, 3000}).Draw(t, "ms")) * time.Millisecond
		},
		"open": func(t *rapid.T) {
			if len(h.relay.streams) > 5 {
				return
			}
			had := dots{}
			for origin := peer.Handle(1); origin <= 4; origin++ {
				had.skip(origin, rapid.Uint64Range(0, h.seen.Highest(origin)).Draw(t, "had"))
			}
			if s := h.open(rapid.Bool().Draw(t, "repair"), had); !s.opened {
				t.Fatal("the link is up, and nothing is said of the digest")
			}
		},
		"close": func(t *rapid.T) {
			if s := pick(); s != nil {
				h.close(s)
			}
		},
		"hear": func(t *rapid.T) {
			if s := pick(); s != nil {
				h.hear(s)
			}
		},
		"write": func(t *rapid.T) {
			if s := pick(); s != nil {
				h.written(s)
			}
		},
		"pump": func(t *rapid.T) { h.pump() },
		"":     func(*rapid.T) { h.checkTree() },
	})

	// The sockets take everything.
	for range 2*len(h.all) + 4 {
		for _, s := range h.links {
			if !s.closed {
				h.hearAll(s)
				for len(s.unwritten) > 0 {
					h.written(s)
				}
			}
		}
		h.pump()
		h.now += max(cfg.AnnounceEvery, 2*cfg.AnnounceCalm)
	}
	for _, s := range h.links {
		if s.closed {
			continue
		}
		if want := map[bool]int{true: 1}[s.repair]; s.done != want {
			t.Fatalf("link %d, a repair: %v, said %d times that it is done", s.id, s.repair, s.done)
		}
		for pos := h.log.Begin(); pos < h.log.End(); pos++ {
			m := h.all[pos]
			young := s.repair && (pos >= s.start || s.syncedAt-m.Born <= staleAfter)
			if !s.has[m.Dot] && !s.heard[pos] && !young {
				t.Fatalf("%v never was sent on link %d, nor announced", m.Dot, s.id)
			}
		}
	}
	links := 0
	for _, s := range h.links {
		if !s.closed && !s.repair {
			links++
		}
	}
	if idle := h.relay.AppendIdle(nil); len(idle) != links {
		t.Fatalf("all is sent and written, and %d of %d links are idle", len(idle), links)
	}
	for _, s := range h.links {
		h.close(s)
	}
	if len(h.relay.streams) != 0 {
		t.Fatalf("%d streams are left", len(h.relay.streams))
	}
}

func quietHub(t *testing.T, cfg RelayConfig, bytes int) *hub {
	t.Helper()
	return newHub(func(format string, args ...any) { t.Helper(); t.Errorf(format, args...) }, cfg, bytes)
}

// A slow link falls behind without anything being queued for it, goes on where
// it was, and skips what has left the log meanwhile.
func TestASlowLinkResumesWhereItWas(t *testing.T) {
	h := quietHub(t, RelayConfig{Window: 600, DigestPart: 9, Wants: 9}, 10*overhead)
	slow, fast := h.open(false, nil), h.open(false, nil)
	h.hearAll(slow)
	h.hearAll(fast)
	for range 30 {
		h.add(1, 0)
		h.pump()
		h.written(fast)
	}
	if len(slow.got) != 3 || len(fast.got) != 30 {
		t.Fatalf("sent %d and %d, want what fits the window, and all", len(slow.got), len(fast.got))
	}
	for range 30 {
		h.written(slow)
		h.pump()
	}
	if n := len(slow.got); slow.got[n-1] != 29 || uint64(n)+h.relay.Stats.Skipped != 30 || h.relay.Stats.Skipped == 0 {
		t.Errorf("sent %v, and %d are counted as skipped; that should be all 30", slow.got, h.relay.Stats.Skipped)
	}
}

// B5: one message always fits, however large; the next waits for it.
func TestOneMessageAlwaysFits(t *testing.T) {
	h := quietHub(t, RelayConfig{Window: 10, DigestPart: 9, Wants: 9}, 1<<20)
	s := h.open(false, nil)
	h.hearAll(s)
	h.add(1, 5000)
	h.add(1, 5000)
	h.pump()
	h.pump()
	if len(s.got) != 1 {
		t.Fatalf("%d are in flight, want one", len(s.got))
	}
	if len(h.relay.AppendIdle(nil)) != 0 {
		t.Error("idle with a message in flight")
	}
	h.written(s)
	h.pump()
	if len(s.got) != 2 {
		t.Errorf("%d were sent, want the second as well", len(s.got))
	}
}

// A repair is over once both ends have said so, and tells whether it brought here
// what links should have brought long before. What it sent may be refused.
func TestARepairEndsWhenBothAreDone(t *testing.T) {
	for _, test := range []struct {
		why   string
		age   time.Duration // of the message that the peer lacks
		stale bool
	}{
		{"links may still bring it", staleAfter, false},
		{"links have not brought it", staleAfter + 1, true},
	} {
		h := quietHub(t, DefaultRelayConfig(), 1<<20)
		h.add(1, 0)
		h.now += test.age
		s := h.open(true, nil)
		h.add(1, 0) // after the repair began: not its business
		h.hearAll(s)
		if h.pump(); len(s.got) == 1 != test.stale || s.done != 1 {
			t.Fatalf("%s: sent %v and %d times done, want it once", test.why, s.got, s.done)
		}
		h.relay.Arrived(h.now, s.id, &Message{Dot: peer.Dot{Origin: 3, Seq: 1}, Born: h.now - test.age})
		if f := h.relay.AppendFinished(nil); len(f) != 0 {
			t.Errorf("finished before the peer is done: %v", f)
		}
		h.relay.HandleDone(s.id)
		if f := h.relay.AppendFinished(nil); len(f) != 1 || f[0].Link != s.id || f[0].Peer != 7 || f[0].Stale != test.stale || len(f[0].Claims) != 0 {
			t.Errorf("%s: finished %v", test.why, f)
		}
		if len(h.relay.AppendIdle(nil)) != 0 {
			t.Error("a repair is no link to take leave on")
		}
	}
}

// Where links bring what is older than a repair leaves to them otherwise, they may still bring
// the next one as well, within bounds, and until nothing has come for a while.
func TestRepairsLeaveToLinksWhatTheseBring(t *testing.T) {
	arrives := func(h *hub, s *spoke, age time.Duration) {
		h.relay.Arrived(h.now, s.id, &Message{Dot: peer.Dot{Origin: 3, Seq: 1}, Born: h.now - age})
	}
	for _, test := range []struct {
		why            string
		linked, repair time.Duration // how old what comes is
		pause          time.Duration
		stale          bool
	}{
		{"a link has brought what was half as old", 5 * time.Second, 10 * time.Second, 0, false},
		{"younger", 5 * time.Second, 10*time.Second + 1, 0, true},
		{"quick links", time.Millisecond, staleAfter, 0, false},
		{"quick links, and an old one", time.Millisecond, staleAfter + 1, 0, true},
		{"old ones, on a link that has just come up", 24 * time.Hour, mostStale + 1, 0, true},
		{"a while ago", 5 * time.Second, 10 * time.Second, spreadSpan + 1, true},
	} {
		h := quietHub(t, DefaultRelayConfig(), 1<<20)
		link, repair := h.open(false, nil), h.open(true, nil)
		arrives(h, link, test.linked)
		h.now += test.pause
		arrives(h, repair, test.repair)
		h.hearAll(repair)
		h.pump()
		h.relay.HandleDone(repair.id)
		if f := h.relay.AppendFinished(nil); len(f) != 1 || f[0].Stale != test.stale {
			t.Errorf("%s: finished %v, want stale: %v", test.why, f, test.stale)
		}
	}
}

// Wants are answered with the message, with "never seen", or with how much has
// left the log; too many are left to be asked again.
func TestWants(t *testing.T) {
	h := quietHub(t, RelayConfig{Window: 300, DigestPart: 9, Wants: 4}, 5*overhead)
	s := h.open(false, nil)
	for range 5 {
		h.add(1, 0)
		h.now += time.Second
	}
	ask := func(seqs ...uint64) (data []uint64, gone []GoneEntry) {
		f := Frame{Kind: Want}
		for _, seq := range seqs {
			f.Wants = append(f.Wants, WantEntry{Dot: peer.Dot{Origin: 1, Seq: seq}, Clock: true})
		}
		h.relay.HandleWant(h.now, s.id, &f, &h.out)
		for _, x := range h.out.Sends {
			if x.Frame.Kind == Data {
				data = append(data, x.Frame.Message.Dot.Seq)
				if !x.Frame.WithClock {
					t.Error("the clock was asked for and is not sent")
				}
			}
			gone = append(gone, x.Frame.Gone...)
		}
		h.out.Reset()
		return data, gone
	}
	data, gone := ask(5, 1, 9, 4, 3)
	if !slices.Equal(data, []uint64{5, 4}) {
		t.Errorf("sent %v, want 5 and 4; 3 is one want too many", data)
	}
	want := []GoneEntry{
		{Dot: peer.Dot{Origin: 1, Seq: 1}, UpTo: 1, Age: 5 * time.Second},
		{Dot: peer.Dot{Origin: 1, Seq: 9}},
	}
	if !slices.Equal(gone, want) {
		t.Errorf("gone %v, want %v", gone, want)
	}
	for range 10 {
		ask(5, 4, 3)
	}
	if got := h.relay.find(s.id).inflight; got > 4*h.relay.cfg.Window+2*overhead {
		t.Errorf("B5: %d bytes in flight for wants", got)
	}
	if h.relay.Stats.WantsGone != 2 || h.relay.Stats.WantsServed < 2 {
		t.Errorf("counted %+v", h.relay.Stats)
	}
}

// What no link has been sent yet must not be pushed out of the log by new
// broadcasts: with a link that keeps up nothing is, without any link all is.
func TestUnsent(t *testing.T) {
	h := quietHub(t, RelayConfig{Window: overhead, DigestPart: 9, Wants: 9}, 1<<20)
	for range 3 {
		h.add(1, 0)
	}
	if h.relay.Unsent() != 0 {
		t.Errorf("without links, unsent from %d", h.relay.Unsent())
	}
	s, repair := h.open(false, nil), h.open(true, nil)
	h.hearAll(repair)
	if h.pump(); h.relay.Unsent() != 0 {
		t.Error("a repair, or a link whose digest is not here, counts as having taken messages")
	}
	h.hearAll(s)
	h.pump()
	h.written(s)
	if h.pump(); h.relay.Unsent() != 2 {
		t.Errorf("two have been sent, unsent from %d", h.relay.Unsent())
	}
}

// A peer that had to refuse what it was sent sends its digest again: its link
// starts over, and sends what that does not cover.
func TestASecondDigestStartsOver(t *testing.T) {
	h := quietHub(t, DefaultRelayConfig(), 1<<20)
	for range 3 {
		h.add(1, 0)
	}
	h.now += time.Minute
	s := h.open(false, nil)
	h.hearAll(s)
	if h.pump(); len(s.got) != 3 {
		t.Fatalf("%d were sent, want 3", len(s.got))
	}
	s.got, s.has = nil, dots{peer.Dot{Origin: 1, Seq: 1}: true}
	h.relay.HandleDigest(h.now, s.id, &Frame{Opening: true, Digest: []DigestPart{{Entries: []DigestEntry{{Origin: 1, Contiguous: 1}}}}}, &h.out)
	if h.pump(); len(s.got) != 2 {
		t.Errorf("%d were sent, want the last two once more", len(s.got))
	}
	r := h.open(true, nil)
	h.hearAll(r)
	h.pump()
	sent := len(r.got)
	h.relay.HandleDigest(h.now, r.id, &Frame{Opening: true, Digest: []DigestPart{{}}}, &h.out)
	if h.pump(); len(r.got) != sent {
		t.Error("a repair started over")
	}
}

// Frames for links that are gone do nothing.
func TestRelayIgnoresWhatComesTooLate(t *testing.T) {
	h := quietHub(t, DefaultRelayConfig(), 1<<20)
	m := h.add(1, 0)
	h.relay.HandleDigest(h.now, 9, &Frame{Opening: true}, &h.out)
	h.relay.HandleRefine(h.now, 9, &Frame{Refine: []Prefix{{}}}, &h.out)
	h.relay.HandleDone(9)
	h.relay.Written(9, 1)
	h.relay.ArrivedAgain(h.now, 9, m, &h.out)
	h.relay.HandlePrune(h.now, 9, &h.out)
	h.relay.HandleGraft(h.now, 9, &h.out)
	h.relay.Graft(h.now, 9, &h.out)
	h.relay.HandleIHave(9, &Frame{Announced: []Announcement{{Dot: m.Dot}}}, nil)
	h.relay.HandleWant(h.now, 9, &Frame{Wants: []WantEntry{{Dot: m.Dot}}}, &h.out)
	if len(h.out.Sends) != 0 || h.relay.Has(9) || h.relay.KnownTo([]LinkID{9}) != 0 {
		t.Error("a link that is not there was heard")
	}
	s := h.open(false, nil)
	h.hearAll(s)
	named := 0
	h.relay.Handles(func(peer.Handle) { named++ })
	if named != 1 {
		t.Errorf("%d are named, want the peer", named)
	}
}

// A link that has much to bring always has a long message in flight, which is more than four
// windows. What is asked for comes next then, before all that is not; once, and not if the
// peer says by then that it has got it.
func TestARequestGoesFirst(t *testing.T) {
	h := quietHub(t, RelayConfig{Window: overhead, DigestPart: 9, Wants: 256}, 1<<20)
	s := h.open(false, nil)
	const long = 5 * overhead
	evicted := h.add(1, long)
	early := h.add(1, long)
	gotElsewhere := h.add(1, long)
	for range 3 {
		h.add(1, long)
	}
	x := h.relay.find(s.id)
	x.start, x.cursor, x.synced = 3, 3, true // what comes before had another way
	var sent []uint64
	var gone []peer.Dot
	pump := func() {
		h.relay.Pump(h.now, &h.out)
		for _, x := range h.out.Sends {
			if x.Frame.Kind == Data {
				sent = append(sent, x.Frame.Message.Dot.Seq)
			}
			for _, g := range x.Frame.Gone {
				gone = append(gone, g.Dot)
			}
		}
		h.out.Reset()
	}
	pump()
	var wants []WantEntry
	for _, m := range []*Message{early, early, evicted, gotElsewhere} {
		wants = append(wants, WantEntry{Dot: m.Dot})
	}
	h.relay.HandleWant(h.now, s.id, &Frame{Kind: Want, Wants: wants}, &h.out)
	if pump(); !slices.Equal(sent, []uint64{4}) || len(x.requests) != 3 {
		t.Fatalf("%v sent, %d requests wait; want the fourth alone in flight, and three", sent, len(x.requests))
	}
	if idle := h.relay.AppendIdle(nil); len(idle) != 0 {
		t.Error("a link that owes something is idle")
	}
	h.relay.HandleIHave(s.id, &Frame{Kind: IHave, Announced: []Announcement{{Dot: gotElsewhere.Dot}}}, nil)
	h.relay.Written(s.id, x.inflight)
	pump()
	h.relay.Written(s.id, x.inflight)
	h.log.evictFirst()
	pump()
	h.relay.Written(s.id, x.inflight)
	pump()
	if !slices.Equal(sent, []uint64{4, 2, 5, 6}) || !slices.Equal(gone, []peer.Dot{evicted.Dot}) || x.requests != nil {
		t.Errorf("sent %v, gone %v, %d requests wait", sent, gone, len(x.requests))
	}
	for seq := range uint64(2 * maxRequests) {
		h.relay.HandleWant(h.now, s.id, &Frame{Kind: Want, Wants: []WantEntry{{Dot: peer.Dot{Origin: 1, Seq: 4 + seq%3}, Clock: seq%2 == 0}}}, &h.out)
	}
	if len(x.requests) > maxRequests {
		t.Errorf("%d requests wait, at most %d may", len(x.requests), maxRequests)
	}
}

// A broadcast that would push out what a link has not been sent waits for it, as long as
// the link gets on; one that does not is waited for once, until it has caught up.
func TestABroadcastAwaitsALinkThatGetsOn(t *testing.T) {
	h := quietHub(t, RelayConfig{Window: 1, DigestPart: 9, Wants: 9}, 16*overhead)
	s := h.open(false, nil)
	h.hearAll(s)
	h.pump()
	waits := func(why string, want bool) {
		t.Helper()
		wait, until := h.relay.Awaits(h.now, overhead)
		if wait != want || wait != (until < Never) {
			t.Errorf("%s: waits %v until %v, want %v", why, wait, until, want)
		}
	}
	for range 16 {
		h.add(1, 0)
	}
	h.pump()
	waits("the first has been sent", false)
	h.add(1, 0)
	waits("the second would be pushed out", true)
	h.now += awaitFor - 1
	waits("for two seconds", true)
	h.written(s)
	h.pump()
	h.written(s)
	h.pump() // two of sixteen are an eighth
	h.add(1, 0)
	h.add(1, 0)
	waits("it gets on", true)
	h.now += awaitFor
	waits("it is stuck", false)
	h.written(s)
	h.pump()
	h.written(s)
	h.pump()
	h.add(1, 0)
	h.add(1, 0)
	waits("it gets on, and has not caught up", false)
	for range 16 {
		h.written(s)
		h.pump()
	}
	for range 16 {
		h.add(1, 0)
	}
	waits("it has caught up, and is behind again", true)
	m := h.log.at(h.log.Begin()).msg
	h.log.markKnown(m.Dot, h.relay.find(s.id).slot)
	waits("its peer has what would be pushed out", false)
}
