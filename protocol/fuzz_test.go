package protocol

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/causal"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
	"pgregory.net/rapid"
)

// program is where a run takes its decisions from: bytes, and zeroes when they have run
// out; or what draws one after the other.
type program struct {
	b    []byte
	draw func() byte
}

func (p *program) byte() byte {
	if p.draw != nil {
		return p.draw()
	}
	if len(p.b) == 0 {
		return 0
	}
	x := p.b[0]
	p.b = p.b[1:]
	return x
}

func (p *program) below(n int) int { return int(p.byte()) % n }
func (p *program) yes() bool       { return p.byte()&1 == 1 }

func (p *program) uint64() uint64 {
	var b [8]byte
	for i := range b {
		b[i] = p.byte()
	}
	return binary.LittleEndian.Uint64(b[:])
}

// seq is small, or at an edge.
func (p *program) seq() uint64 {
	switch x := p.byte(); {
	case x < 200:
		return uint64(x % 12)
	case x < 225:
		return peer.MaxSeq - uint64(x%3)
	case x < 240:
		return peer.MaxSeq + 1
	case x < 250:
		return math.MaxUint64 - uint64(x%3)
	}
	return p.uint64()
}

func (p *program) dot() peer.Dot {
	return peer.Dot{Origin: peer.Handle(1 + p.below(6)), Seq: p.seq()}
}

// run is one machine, some peers (2 to 6) that say whatever the program says, and a
// witness of what the machine makes of it.
type run struct {
	program
	*witness
	now   time.Duration
	out   Outbox
	conns []broadcast.LinkID // open, as the driver knows it
	next  broadcast.LinkID
	dials []peer.Handle
	asked []peersampling.Packet // requests that the machine has sent
	wants []want
	kept  []keptEntry // of its journal
}

// keptEntry is an entry, and when it was written.
type keptEntry struct {
	Entry
	at time.Duration
}

// want is a message that the machine has asked for, on a link.
type want struct {
	broadcast.WantEntry
	link broadcast.LinkID
}

func newRun(p program, fail func(string, ...any)) *run {
	r := &run{program: p, now: time.Hour}
	policies := []peersampling.Policy{peersampling.Healer(4), peersampling.Cyclon(4), peersampling.Brahms(4), peersampling.Balanced(4)}
	cfg := DefaultConfig(1, directory{}, policies[r.below(len(policies))])
	cfg.Order = []causal.Order{causal.Causal, causal.FIFO, causal.Causal, causal.Unordered}[r.below(4)]
	cfg.History = History(r.below(2))
	cfg.HoldBytes, cfg.Log.Bytes, cfg.Origins = 4000, 4000, 4
	cfg.Links.Max, cfg.Journal = 3, true
	cfg.Relay.Window = 500
	cfg.Wall = 20_000 * 24 * time.Hour
	truthful := r.yes()
	m, err := New(r.now, cfg, rand.NewPCG(uint64(r.byte()), 1))
	if err != nil {
		panic(err) // the test's mistake
	}
	r.witness = watch(m, truthful, fail)
	return r
}

// steps carries the program out, to its end.
func (r *run) steps() {
	for n := 0; len(r.b) > 0 && n < 2000; n++ {
		r.step()
	}
	r.reborn()
	r.rest()
}

func (r *run) step() {
	switch r.below(18) {
	case 0:
		r.pass()
	case 1:
		r.due()
	case 2:
		r.broadcast()
	case 3:
		r.connect(peer.Handle(1+r.below(6)), false)
	case 4:
		r.dialled()
	case 5:
		if r.below(4) == 0 {
			r.end()
		} else {
			r.write()
		}
	case 6:
		r.packet()
	case 7:
		r.judge()
	case 8, 9, 10:
		r.frame(broadcast.Data)
	case 11:
		r.frame([...]broadcast.FrameKind{broadcast.Want, broadcast.Gone, broadcast.IHave, broadcast.Digest}[r.below(4)])
	case 13:
		r.answer()
	case 14:
		r.circle()
	case 12:
		if len(r.conns) == 0 {
			r.connect(peer.Handle(2+r.below(5)), false)
		} else {
			r.say(r.conns[r.below(len(r.conns))], &broadcast.Frame{Kind: broadcast.Ping})
		}
	default:
		r.frame(broadcast.FrameKind(r.below(15)))
	}
}

// pass lets time pass, and nothing come of it before then.
func (r *run) pass() {
	pauses := []time.Duration{0, time.Millisecond, 100 * time.Millisecond, time.Second, 6 * time.Second, 31 * time.Second, 20 * time.Minute, 13 * time.Hour, 50 * time.Hour}
	if r.truthful {
		pauses = pauses[:7]
	}
	r.goOn(r.now + pauses[r.below(len(pauses))])
	r.m.Tick(r.now, &r.out)
	r.after()
}

// due has the machine do what is due.
func (r *run) due() {
	if d := r.m.Deadline(); d < broadcast.Never {
		r.goOn(max(r.now, d))
	}
	r.m.Tick(r.now, &r.out)
	r.after()
}

// goOn is at a later time; but the horizon has no part in what is held to the letter.
func (r *run) goOn(now time.Duration) {
	if !r.truthful || now < r.m.start+r.m.cfg.Horizon*3/4 {
		r.now = now
	}
}

func (r *run) broadcast() {
	made := r.made
	msg, err := r.m.Broadcast(r.now, make([]byte, r.below(3)*700), &r.out)
	if err == nil && (msg.Dot != peer.Dot{Origin: 1, Seq: made + 1} || r.made != made+1) {
		r.fail("message %d of this node is %v", made+1, msg.Dot)
	}
	r.after()
}

func (r *run) connect(p peer.Handle, outbound bool) {
	r.next++
	id := r.next
	r.conns, r.wires[id] = append(r.conns, id), &wire{}
	r.m.Connected(r.now, id, p, outbound, &r.out)
	r.after()
	if r.yes() { // as is usual
		if outbound {
			r.say(id, &broadcast.Frame{Kind: broadcast.NeighborReply, Accept: true})
		} else {
			r.say(id, &broadcast.Frame{Kind: broadcast.Neighbor, Token: r.uint64(), Priority: r.yes(), Repair: r.below(4) == 0})
			if r.below(4) == 0 { // and again, which it must not
				r.say(id, &broadcast.Frame{Kind: broadcast.Neighbor, Token: r.uint64(), Priority: true})
			}
		}
		if r.yes() {
			r.say(id, &broadcast.Frame{Kind: broadcast.Digest, Opening: true, Digest: []broadcast.DigestPart{{}}})
		}
	}
}

func (r *run) dialled() {
	if len(r.dials) == 0 {
		r.connect(peer.Handle(1+r.below(6)), true) // nobody asked for it
		return
	}
	p := r.dials[0]
	r.dials = r.dials[1:]
	if r.yes() {
		r.m.DialFailed(r.now, p, &r.out)
		r.after()
	} else {
		r.connect(p, true)
	}
}

// someLink is one that is open, or perhaps not.
func (r *run) someLink() broadcast.LinkID {
	if len(r.conns) > 0 && r.byte() < 240 {
		return r.conns[r.below(len(r.conns))]
	}
	return broadcast.LinkID(1 + r.below(9))
}

func (r *run) end() {
	if len(r.conns) > 0 {
		r.hangUp(r.conns[r.below(len(r.conns))])
	}
}

func (r *run) hangUp(id broadcast.LinkID) {
	r.conns = slices.DeleteFunc(r.conns, func(x broadcast.LinkID) bool { return x == id })
	delete(r.wires, id)
	r.m.Disconnected(r.now, id, &r.out)
	r.after()
}

// write has a socket take some of what it was given, in the order in which it was.
func (r *run) write() {
	id := r.someLink()
	c := r.wires[id]
	if c == nil || len(c.flight) == 0 {
		return
	}
	for range 1 + r.below(len(c.flight)) {
		cost := c.flight[0]
		c.flight = c.flight[1:]
		r.m.Written(r.now, id, cost, &r.out)
		r.after()
	}
}

// judge is what the driver has found out about others.
func (r *run) judge() {
	switch p := peer.Handle(2 + r.below(5)); r.below(8) {
	case 0:
		r.m.Expel(r.now, p, &r.out)
	case 1:
		r.m.Banish(r.now, func(h peer.Handle) bool { return h == p }, &r.out)
	case 2:
		r.m.Refuse(r.now, r.someLink(), made(r.drawMessage(), false), &r.out)
	}
	r.after()
}

func (r *run) packet() {
	p := peersampling.Packet{Kind: peersampling.PacketKind(r.below(6)), Peer: peer.Handle(r.below(7)), Nonce: r.uint64(), Digest: r.uint64(), Room: 1200}
	if len(r.asked) > 0 && r.yes() { // an answer
		q := r.asked[r.below(len(r.asked))]
		p.Nonce, p.Kind = q.Nonce, q.Kind+1
		if r.yes() {
			p.Peer = q.Peer
		}
	}
	for range r.below(8) {
		p.View = append(p.View, peer.Descriptor{Peer: peer.Handle(r.below(9)), Age: uint32(r.uint64())})
	}
	r.m.HandlePacket(r.now, p, &r.out)
	r.after()
}

// frame has a frame of a kind come, or two that are much alike.
func (r *run) frame(kind broadcast.FrameKind) {
	id := r.someLink()
	for range 1 + r.below(2) {
		f := r.drawFrame(kind)
		r.say(id, &f)
		if r.below(8) == 0 {
			r.say(id, &f)
		}
	}
	if r.yes() {
		r.write()
	}
}

// answer is to a request of the machine, where it was made: what was made, or that it was
// had and is gone, or that it never was had.
func (r *run) answer() {
	if len(r.wants) == 0 {
		return
	}
	i := r.below(len(r.wants))
	x := r.wants[i]
	r.wants = slices.Delete(r.wants, i, i+1)
	g := broadcast.GoneEntry{Dot: x.Dot}
	switch m := r.truth[x.Dot]; r.below(4) {
	case 0:
	case 1:
		g.UpTo, g.Age = x.Dot.Seq, r.age()
	default:
		if m != nil {
			r.say(x.link, &broadcast.Frame{Kind: broadcast.Data, Message: made(m, x.Clock), WithClock: x.Clock})
			return
		}
	}
	r.say(x.link, &broadcast.Frame{Kind: broadcast.Gone, Gone: []broadcast.GoneEntry{g}})
}

// circle has two messages come that wait for each other, or for a later one of an origin
// that waits for the other.
func (r *run) circle() {
	if r.truthful {
		return
	}
	x, y := r.someDot(), r.someDot()
	z := peer.Dot{Origin: y.Origin, Seq: y.Seq - y.Seq*uint64(r.below(2))/2}
	id, epoch := r.someLink(), r.epochNow()
	for _, m := range []*broadcast.Message{{Dot: x, Deps: []peer.Dot{y}}, {Dot: z, Deps: []peer.Dot{x}}} {
		m.Born, m.Epoch = r.now, epoch
		r.say(id, &broadcast.Frame{Kind: broadcast.Data, Message: m})
	}
}

// someDot is one of a message that a peer could have made.
func (r *run) someDot() peer.Dot {
	return peer.Dot{Origin: peer.Handle(2 + r.below(5)), Seq: uint64(1 + r.below(12))}
}

// made is a message as it comes from a link.
func made(m *broadcast.Message, withClock bool) *broadcast.Message {
	c := *m
	if c.ClockBytes = 16 * c.Clock.Len(); !withClock {
		c.Clock, c.ClockBytes = vclock.Clock{}, 0
	}
	return &c
}

func (r *run) say(id broadcast.LinkID, f *broadcast.Frame) {
	r.hears(id, f)
	r.m.HandleFrame(r.now, id, f, &r.out)
	r.after()
}

// after does what the machine wants done, and looks at it.
func (r *run) after() {
	r.witness.after(&r.out)
	r.keep()
	for _, p := range r.out.Packets {
		if p.Kind == peersampling.ExchangeRequest || p.Kind == peersampling.ProbeRequest {
			r.asked = append(r.asked[max(0, len(r.asked)-20):], p)
		}
	}
	for _, s := range r.out.Links.Sends {
		if s.Frame.Kind == broadcast.Want {
			for _, x := range s.Frame.Wants {
				r.wants = append(r.wants[max(0, len(r.wants)-20):], want{x, s.Link})
			}
		}
	}
	for _, d := range r.out.Links.Dials {
		r.dials = append(r.dials, d.Peer)
	}
	for _, id := range r.out.Links.Closes {
		r.conns = slices.DeleteFunc(r.conns, func(x broadcast.LinkID) bool { return x == id })
	}
	r.out.Reset()
}

// rest is the end: the peers are gone, or there and say nothing that helps, and what is
// waited for does not come. C5 says that then nothing waits any more, after a while.
func (r *run) rest() {
	gone, deny := r.yes(), r.yes()
	for gone && len(r.conns) > 0 {
		r.hangUp(r.conns[0])
	}
	r.wants, r.dials = nil, nil
	busy := 0
	for until := r.now + r.longest(); r.left() != ""; {
		if r.now >= until {
			r.fail("C5: still at %v: %s", r.now, r.left())
		}
		next := min(r.m.Deadline(), r.now+time.Second, until)
		if busy++; next > r.now {
			busy = 0
		} else if busy > 100 {
			r.fail("C5: busy at %v: %s", r.now, r.left())
		}
		r.now = max(r.now, next)
		for _, p := range r.dials {
			r.m.DialFailed(r.now, p, &r.out)
		}
		r.dials = r.dials[:0]
		r.m.Tick(r.now, &r.out)
		r.after()
		for _, id := range slices.Clone(r.conns) {
			f := broadcast.Frame{Kind: broadcast.Ping}
			if deny {
				f.Kind = broadcast.Gone
				for _, x := range r.wants {
					f.Gone = append(f.Gone, broadcast.GoneEntry{Dot: x.Dot})
				}
			}
			r.say(id, &f)
		}
		r.wants = r.wants[:0]
	}
}

func (r *run) drawFrame(kind broadcast.FrameKind) broadcast.Frame {
	f := broadcast.Frame{Kind: kind}
	switch f.Kind {
	case broadcast.Neighbor:
		f.Token, f.Priority, f.Repair = r.uint64(), r.yes(), r.yes()
	case broadcast.NeighborReply:
		f.Accept = r.yes()
		f.Candidates = []peer.Descriptor{{Peer: peer.Handle(r.below(9)), Age: math.MaxUint32}}
	case broadcast.Disconnect:
		f.Leaving = r.yes()
	case broadcast.Digest:
		f.Opening = r.yes()
		f.Digest = append(f.Digest, r.drawPart())
	case broadcast.Refine:
		f.Refine = []broadcast.Prefix{r.drawPrefix()}
	case broadcast.Data:
		f.WithClock = r.yes()
		f.Message = made(r.drawMessage(), f.WithClock)
	case broadcast.Want:
		for range r.below(12) {
			d := r.dot()
			if r.made > 0 && r.yes() {
				d = peer.Dot{Origin: 1, Seq: r.made - uint64(r.below(int(min(r.made, 8))))}
			}
			f.Wants = append(f.Wants, broadcast.WantEntry{Dot: d, Clock: r.yes(), Check: r.below(4) == 0})
		}
	case broadcast.Gone:
		for range r.below(5) {
			g := broadcast.GoneEntry{Dot: r.dot(), UpTo: r.seq(), Age: r.age()}
			if len(r.wants) > 0 && r.yes() {
				g.Dot = r.wants[r.below(len(r.wants))].Dot
			}
			f.Gone = append(f.Gone, g)
		}
	case broadcast.IHave:
		for range r.below(5) {
			a := broadcast.Announcement{Dot: r.dot()}
			if r.yes() {
				a.More = uint32(r.below(3000))
			}
			f.Announced = append(f.Announced, a)
		}
	}
	return f
}

func (r *run) drawPrefix() (p broadcast.Prefix) {
	p.Len = uint8(r.below(4) * r.below(6))
	p.Bits = r.uint64() >> (64 - 4*p.Len) << (64 - 4*p.Len)
	return p
}

func (r *run) drawPart() (part broadcast.DigestPart) {
	if r.yes() {
		part.Prefix = r.drawPrefix()
	}
	if part.Len < broadcast.MaxPrefix && r.below(3) == 0 {
		part.Sums = make([]uint64, 16)
		part.Sums[r.below(16)] = r.uint64()
		return part
	}
	for range r.below(5) {
		e := broadcast.DigestEntry{Origin: peer.Handle(1 + r.below(6)), Contiguous: r.seq(), Gone: r.seq(), Age: r.age()}
		if from := r.seq(); from > e.Contiguous && r.yes() {
			e.Spans = []broadcast.Span{{From: from, To: max(from, r.seq())}}
		}
		part.Entries = append(part.Entries, e)
	}
	return part
}

// drawMessage is one that was made, or that nobody has made.
func (r *run) drawMessage() *broadcast.Message {
	if !r.truthful && r.yes() {
		return r.forgeMessage()
	}
	d, known := r.wanted()
	if !known || r.below(4) == 0 {
		if len(r.told) == 0 || r.yes() {
			r.tell(r.originate(peer.Handle(2 + r.below(5))))
		}
		d = r.told[max(0, len(r.told)-1-r.below(12))]
	}
	return r.truth[d]
}

// wanted is what the machine has asked for, if it was made.
func (r *run) wanted() (peer.Dot, bool) {
	if len(r.wants) == 0 {
		return peer.Dot{}, false
	}
	d := r.wants[r.below(len(r.wants))].Dot
	return d, r.truth[d] != nil
}

// originate has an honest origin make a message, after its last one and some others.
func (r *run) originate(origin peer.Handle) *broadcast.Message {
	m := &broadcast.Message{Dot: peer.Dot{Origin: origin, Seq: 1}, Born: r.now, Payload: make([]byte, r.below(3)*700)}
	var past []*broadcast.Message
	for _, d := range r.told {
		if d.Origin == origin {
			m.Dot.Seq = d.Seq + 1
		}
	}
	if m.Dot.Seq > 1 {
		past = append(past, r.truth[peer.Dot{Origin: origin, Seq: m.Dot.Seq - 1}])
	}
	for range r.below(3) {
		if len(r.told) > 0 {
			past = append(past, r.truth[r.told[max(0, len(r.told)-1-r.below(8))]])
		}
	}
	name := directory{}.Name(origin)
	if m.Clock = m.Clock.With(name, m.Dot.Seq); !r.isCausal() {
		return m
	}
	m.Clock = vclock.Clock{}
	for i, x := range past {
		m.Clock = m.Clock.Merge(x.Clock)
		if !slices.ContainsFunc(past, func(y *broadcast.Message) bool { return x.Clock.HappenedBefore(y.Clock) }) && !slices.Contains(past[:i], x) {
			m.Deps = append(m.Deps, x.Dot)
		}
	}
	epoch := max(m.Clock.Epoch(), r.epochNow())
	if epoch > m.Clock.Epoch() {
		m.Epoch = epoch
	}
	m.Clock = m.Clock.Advance(name, m.Dot.Seq, epoch)
	return m
}

func (r *run) epochNow() uint32 {
	return uint32((r.m.cfg.Wall + r.now) / (r.m.cfg.Horizon / vclock.Horizon))
}

func (r *run) forgeMessage() *broadcast.Message {
	m := &broadcast.Message{Dot: r.dot(), Born: r.now - r.age(), Payload: make([]byte, r.below(3)*700), Epoch: r.epoch(), Resumes: r.below(5) == 0}
	if len(r.wants) > 0 && r.below(3) == 0 {
		m.Dot = r.wants[r.below(len(r.wants))].Dot
	}
	for range r.below(3) {
		m.Deps = append(m.Deps, r.dot())
	}
	for range r.below(4) {
		d := r.dot()
		m.Clock = m.Clock.Advance(directory{}.Name(d.Origin), d.Seq, r.epoch())
	}
	if r.yes() && m.Dot.Seq > 0 { // one that may be believed
		m.Clock = m.Clock.With(vclock.Origin(directory{}.Name(m.Dot.Origin)), m.Dot.Seq)
	}
	return m
}

func (r *run) age() time.Duration {
	if r.truthful {
		return min(r.now-r.m.start, [...]time.Duration{0, time.Millisecond, time.Second, time.Minute}[r.below(4)])
	}
	return [...]time.Duration{0, time.Millisecond, time.Second, time.Minute, time.Hour, 25 * time.Hour, 49 * time.Hour, 1 << 50 * time.Microsecond}[r.below(8)]
}

func (r *run) epoch() uint32 {
	switch r.below(6) {
	case 0:
		return math.MaxUint32 - uint32(r.below(10))
	case 1:
		return uint32(r.below(12))
	case 2:
		return r.epochNow() + uint32(r.below(4)) - 1
	}
	return 0
}

// broken names an invariant that does not hold, or a bound, or is "".
func (m *Machine) broken() string {
	view := m.View()
	for i, d := range view {
		if d.Peer == peer.None || slices.ContainsFunc(view[:i], func(x peer.Descriptor) bool { return x.Peer == d.Peer }) {
			return fmt.Sprint("I2: nobody, or a peer twice: ", view)
		}
		if d.Peer == m.cfg.Self {
			return fmt.Sprint("I3: itself: ", view)
		}
	}
	linked := m.AppendLinked(nil)
	for i, p := range linked {
		if p == m.cfg.Self || slices.Contains(linked[:i], p) {
			return fmt.Sprint("B4: links with ", linked)
		}
	}
	g := m.Gauges()
	switch {
	case g.View > m.cfg.Sampling.Policy.C:
		return fmt.Sprint("I1: a view of ", g.View)
	case len(linked) > m.cfg.Links.Max:
		return fmt.Sprint("B4: too many links: ", linked)
	case g.LogMessages > 1 && g.LogBytes > m.cfg.Log.Bytes:
		return fmt.Sprint("the log has ", g.LogBytes)
	case g.HeldBytes > m.cfg.HoldBytes:
		return fmt.Sprint("C4: held back are ", g.HeldBytes)
	case g.Origins > m.cfg.Origins+1: // its own one always has a place
		return fmt.Sprint("origins: ", g.Origins)
	}
	if s := m.links.Bounded() + m.buffer.Bounded(); s != "" {
		return s
	}
	for o, n := range m.Clock().All() {
		if n > peer.MaxSeq {
			return fmt.Sprintf("the clock counts %d of %v", n, o)
		}
	}
	return ""
}

// FuzzMachine has a machine that is sent anything, in any order, from linked peers and
// in datagrams, by peers that only lie where nobody can tell, and by such that forge.
// Whatever comes, the numbered invariants hold (see witness), bounds are kept, and
// nobody counts the node's own messages but the node; and whatever the peers do then,
// nothing waits for long.
func FuzzMachine(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(noise(seed, 7, 600))
	}
	f.Fuzz(func(t *testing.T, b []byte) { newRun(program{b: b}, t.Fatalf).steps() })
}

// The same for every run of the tests, at length.
func TestMachineWithstandsAnything(t *testing.T) {
	for seed := range uint64(600) {
		fail := func(format string, args ...any) { t.Fatalf("seed %d: "+format, append([]any{seed}, args...)...) }
		newRun(program{b: noise(seed, 8, 4000)}, fail).steps()
	}
}

func noise(seed, stream uint64, n int) []byte {
	rng := rand.New(rand.NewPCG(seed, stream))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

// The same again as actions by name, so that rapid can leave out those that have no part
// in what goes wrong.
func TestMachineWithstandsAnyActions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := rapid.Byte()
		r := newRun(program{draw: func() byte { return draw.Draw(t, "") }}, t.Fatalf)
		r.connect(2, false)
		does := func(do func()) func(*rapid.T) { return func(*rapid.T) { do() } }
		actions := map[string]func(*rapid.T){
			"time passes":            does(r.pass),
			"what is due":            does(r.due),
			"broadcast":              does(r.broadcast),
			"a connection":           does(func() { r.connect(peer.Handle(1+r.below(6)), false) }),
			"a dialled connection":   does(r.dialled),
			"an end":                 does(r.end),
			"it is read":             does(r.write),
			"a datagram":             does(r.packet),
			"a judgement":            does(r.judge),
			"an answer to a request": does(r.answer),
			"a circle":               does(r.circle),
		}
		for kind := broadcast.Neighbor; kind <= broadcast.Refine; kind++ {
			actions[kind.String()] = does(func() { r.frame(kind) })
		}
		t.Repeat(actions)
		r.reborn()
		r.rest()
	})
}
