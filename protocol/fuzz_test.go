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

// program is where a fuzzed run takes its decisions from: bytes, and zeroes when they
// have run out.
type program struct{ b []byte }

func (p *program) byte() byte {
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
	p.b = p.b[copy(b[:], p.b):]
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

func (p *program) age() time.Duration {
	return [...]time.Duration{0, time.Millisecond, time.Second, time.Minute, time.Hour, 25 * time.Hour, 49 * time.Hour, 1 << 50 * time.Microsecond}[p.below(8)]
}

func (p *program) epoch(m *Machine, now time.Duration) uint32 {
	switch p.below(6) {
	case 0:
		return math.MaxUint32 - uint32(p.below(10))
	case 1:
		return uint32(p.below(12))
	case 2:
		return uint32((m.cfg.Wall+now)/(m.cfg.Horizon/8)) + uint32(p.below(4)) - 1
	}
	return 0
}

// run is one machine, some peers (2 to 6) that say whatever the program says, and what
// is known of it from outside.
type run struct {
	program
	m     *Machine
	fail  func(string, ...any)
	now   time.Duration
	out   Outbox
	conns []broadcast.LinkID // open, as the driver knows it
	ends  map[broadcast.LinkID]peer.Handle
	next  broadcast.LinkID
	dials []peer.Handle
	asked []peersampling.Packet // requests that the machine has sent
	wants []broadcast.WantEntry
	had   map[peer.Dot]bool
	made  uint64
	cost  map[broadcast.LinkID]int
}

func newRun(b []byte, fail func(string, ...any)) *run {
	r := &run{program: program{b}, fail: fail, now: time.Hour, ends: map[broadcast.LinkID]peer.Handle{}, had: map[peer.Dot]bool{}, cost: map[broadcast.LinkID]int{}}
	policies := []peersampling.Policy{peersampling.Healer(4), peersampling.Cyclon(4), peersampling.Brahms(4), peersampling.Balanced(4)}
	cfg := DefaultConfig(1, directory{}, policies[r.below(len(policies))])
	cfg.Order = causal.Order(r.below(3))
	cfg.History = History(r.below(2))
	cfg.HoldBytes, cfg.Log.Bytes, cfg.Origins = 4000, 4000, 4
	cfg.Links.Max = 3
	cfg.Wall = 20_000 * 24 * time.Hour
	m, err := New(r.now, cfg, rand.NewPCG(uint64(r.byte()), 1))
	if err != nil {
		panic(err) // the test's mistake
	}
	r.m = m
	return r
}

// steps carries the program out.
func (r *run) steps() {
	for n := 0; len(r.b) > 0 && n < 2000; n++ {
		r.step()
		r.after()
	}
}

func (r *run) step() {
	switch r.below(12) {
	case 0:
		r.now += [...]time.Duration{0, time.Millisecond, 100 * time.Millisecond, time.Second, 6 * time.Second, 31 * time.Second, 20 * time.Minute, 13 * time.Hour, 50 * time.Hour}[r.below(9)]
		r.m.Tick(r.now, &r.out)
	case 1:
		if d := r.m.Deadline(); d < broadcast.Never {
			r.now = max(r.now, d)
		}
		r.m.Tick(r.now, &r.out)
	case 2:
		if msg, err := r.m.Broadcast(r.now, make([]byte, r.below(3)*700), &r.out); err == nil {
			r.made++
			if msg.Dot != (peer.Dot{Origin: 1, Seq: r.made}) {
				r.fail("message %d of this node is %v", r.made, msg.Dot)
			}
		}
	case 3:
		r.connect(peer.Handle(1+r.below(6)), false)
	case 4:
		r.dialled()
	case 5:
		if len(r.conns) > 0 {
			r.end(r.conns[r.below(len(r.conns))])
		}
	case 6, 7:
		r.packet()
	default:
		r.frame()
	}
}

func (r *run) connect(p peer.Handle, outbound bool) {
	r.next++
	r.conns, r.ends[r.next] = append(r.conns, r.next), p
	id := r.next
	r.m.Connected(r.now, id, p, outbound, &r.out)
	if r.yes() { // as is usual
		r.after()
		if outbound {
			r.m.HandleFrame(r.now, id, &broadcast.Frame{Kind: broadcast.NeighborReply, Accept: true}, &r.out)
		} else {
			r.m.HandleFrame(r.now, id, &broadcast.Frame{Kind: broadcast.Neighbor, Token: r.uint64(), Priority: r.yes(), Repair: r.below(4) == 0}, &r.out)
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
	} else {
		r.connect(p, true)
	}
}

func (r *run) end(id broadcast.LinkID) {
	r.conns = slices.DeleteFunc(r.conns, func(x broadcast.LinkID) bool { return x == id })
	r.m.Disconnected(r.now, id, &r.out)
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
}

func (r *run) frame() {
	id := broadcast.LinkID(1 + r.below(9)) // perhaps not open
	if len(r.conns) > 0 && r.byte() < 240 {
		id = r.conns[r.below(len(r.conns))]
	}
	for range 1 + r.below(2) { // perhaps twice
		f := r.drawFrame()
		r.m.HandleFrame(r.now, id, &f, &r.out)
		r.after()
		if r.below(8) == 0 {
			r.m.HandleFrame(r.now, id, &f, &r.out)
			r.after()
		}
	}
	if cost := r.cost[id]; cost > 0 && r.yes() {
		r.cost[id] = 0
		r.m.Written(r.now, id, cost, &r.out)
	}
}

func (r *run) drawFrame() broadcast.Frame {
	f := broadcast.Frame{Kind: broadcast.FrameKind(r.below(15))}
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
		f.Message, f.WithClock = r.drawMessage(), r.yes()
	case broadcast.Want:
		for range r.below(5) {
			f.Wants = append(f.Wants, broadcast.WantEntry{Dot: r.dot(), Clock: r.yes(), Check: r.yes()})
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
			f.Announced = append(f.Announced, broadcast.Announcement{Dot: r.dot()})
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

func (r *run) drawMessage() *broadcast.Message {
	m := &broadcast.Message{Dot: r.dot(), Born: r.now - r.age(), Payload: make([]byte, r.below(3)*700), Epoch: r.epoch(r.m, r.now), Resumes: r.below(5) == 0}
	if len(r.wants) > 0 && r.below(3) == 0 {
		m.Dot = r.wants[r.below(len(r.wants))].Dot
	}
	for range r.below(3) {
		m.Deps = append(m.Deps, r.dot())
	}
	for range r.below(4) {
		d := r.dot()
		m.Clock = m.Clock.Advance(directory{}.Name(d.Origin), d.Seq, r.epoch(r.m, r.now))
	}
	if r.yes() && m.Dot.Seq > 0 { // one that may be believed
		m.Clock = m.Clock.With(vclock.Origin(directory{}.Name(m.Dot.Origin)), m.Dot.Seq)
	}
	return m
}

// after is what a driver does with what the machine wants done, and looks at it.
func (r *run) after() {
	for _, m := range r.out.Deliveries {
		if r.had[m.Dot] {
			r.fail("B1: %v is delivered twice", m.Dot)
		}
		r.had[m.Dot] = true
		if m.Dot.Seq == 0 || m.Dot.Seq > peer.MaxSeq || m.Dot.Origin == 1 && m.Dot.Seq > r.made+1 {
			r.fail("%v is delivered", m.Dot)
		}
		if r.m.cfg.Order == causal.Causal && m.Clock.At(directory{}.Name(m.Dot.Origin)) != m.Dot.Seq {
			r.fail("C2: %v has clock %v", m.Dot, m.Clock)
		}
	}
	for _, e := range r.out.Events {
		if g := e.Gap; e.Kind == MessageGap && (g.Origin == 1 || g.From == 0 || g.From > g.To || g.To > peer.MaxSeq) {
			r.fail("a gap %+v", g)
		}
	}
	for _, p := range r.out.Packets {
		if p.Kind == peersampling.ExchangeRequest || p.Kind == peersampling.ProbeRequest {
			r.asked = append(r.asked[max(0, len(r.asked)-20):], p)
		}
	}
	for _, s := range r.out.Links.Sends {
		r.cost[s.Link] += s.Frame.Cost()
		if s.Frame.Kind == broadcast.Want {
			r.wants = append(r.wants[max(0, len(r.wants)-20):], s.Frame.Wants...)
		}
	}
	for _, d := range r.out.Links.Dials {
		r.dials = append(r.dials, d.Peer)
	}
	for _, id := range r.out.Links.Closes {
		if !slices.Contains(r.conns, id) {
			r.fail("connection %d is closed, and is not open", id)
		}
		r.conns = slices.DeleteFunc(r.conns, func(x broadcast.LinkID) bool { return x == id })
	}
	r.out.Reset()
	if broken := r.m.broken(); broken != "" {
		r.fail("%s", broken)
	}
	if d := (peer.Dot{Origin: 1, Seq: r.made + 1}); r.m.seen.Has(d) || r.m.seen.Highest(1) > r.made {
		r.fail("this node has had %d messages of its own, and made %d", r.m.seen.Highest(1), r.made)
	}
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
	case g.Origins > m.cfg.Origins:
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
// in datagrams. Whatever comes, the numbered invariants hold, bounds are kept, nothing
// is delivered twice, and nobody counts the node's own messages but the node.
func FuzzMachine(f *testing.F) {
	for seed := range uint64(8) {
		rng := rand.New(rand.NewPCG(seed, 7))
		b := make([]byte, 600)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) { newRun(b, t.Fatalf).steps() })
}

// The same for every run of the tests, with what rapid thinks of.
func TestMachineWithstandsAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		newRun(rapid.SliceOfN(rapid.Byte(), 0, 3000).Draw(t, "program"), t.Fatalf).steps()
	})
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 8))
		b := make([]byte, 4000)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		newRun(b, func(format string, args ...any) { t.Fatalf("seed %d: "+format, append([]any{seed}, args...)...) }).steps()
	}
}
