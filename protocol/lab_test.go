package protocol

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// lab is two to four machines on one table: everything that is sent arrives a
// millisecond later, in order, unless the story says otherwise.
type lab struct {
	fail  func(format string, args ...any)
	now   time.Duration
	nodes []*member
	ends  []*end // by link - 1
	queue []event
	// cut says whom nothing passes between, neither datagrams nor connections.
	cut func(a, b *member) bool
	// lose says which datagrams and frames come to nothing; a connection that
	// loses a frame stands for whatever made the other end not keep it.
	losePacket func() bool
	loseFrame  func(from, to *member, f *broadcast.Frame) bool
	// delay is how long a frame takes, if not a hop; none overtakes another.
	delay func() time.Duration
	slims bool // machines give back room after each step
}

type member struct {
	*Machine
	l         *lab
	h         peer.Handle
	out       Outbox
	delivered []*broadcast.Message
	brought   []peer.Handle // who has brought each; None for its own
	events    []Event
	journal   []Entry
	forgotten []Group
}

type end struct {
	id     broadcast.LinkID
	node   *member
	other  *end
	closed bool
	busy   time.Duration // until when frames to it are under way
}

type event struct {
	at time.Duration
	do func()
}

const hop = time.Millisecond

// directory names handle 1 "a", handle 2 "b", ...
type directory struct{}

func (directory) Name(h peer.Handle) vclock.Origin { return peer.ID{Name: string(rune('a' - 1 + h))} }
func (directory) Handle(o vclock.Origin) peer.Handle {
	return peer.Handle(o.Name[0]-'a') + 1
}

func newLab(t *testing.T) *lab {
	t.Helper()
	return &lab{fail: func(format string, args ...any) { t.Helper(); t.Errorf(format, args...) }, now: time.Hour}
}

// start adds a machine, with a change to its configuration if the story wants.
func (l *lab) start(change func(*Config)) *member {
	h := peer.Handle(len(l.nodes) + 1)
	cfg := DefaultConfig(h, directory{}, peersampling.Healer(8))
	if change != nil {
		change(&cfg)
	}
	m, err := New(l.now, cfg, rand.NewPCG(uint64(h), 0))
	if err != nil {
		panic(err) // the story's mistake
	}
	n := &member{Machine: m, l: l, h: h}
	l.nodes = append(l.nodes, n)
	return n
}

func (l *lab) after(d time.Duration, do func()) { l.queue = append(l.queue, event{l.now + d, do}) }

func (l *lab) apart(a, b *member) bool { return l.cut != nil && (l.cut(a, b) || l.cut(b, a)) }

// step lets a machine do something and carries out what it wants done.
func (n *member) step(do func()) {
	l := n.l
	do()
	n.delivered = append(n.delivered, n.out.Deliveries...)
	for _, via := range n.out.Via {
		by, _ := n.links.PeerOf(via)
		n.brought = append(n.brought, by)
	}
	n.events = append(n.events, n.out.Events...)
	n.journal = append(n.journal, n.out.Journal...)
	n.forgotten = append(n.forgotten, n.out.Forgotten...)
	for _, p := range n.out.Packets {
		to := l.nodes[p.Peer-1]
		p.Peer, p.View = n.h, slices.Clone(p.View)
		if !l.apart(n, to) && (l.losePacket == nil || !l.losePacket()) {
			l.after(hop, func() { to.step(func() { to.HandlePacket(l.now, p, &to.out) }) })
		}
	}
	for _, s := range n.out.Links.Sends {
		l.sendFrame(l.ends[s.Link-1], s.Frame)
	}
	for _, d := range n.out.Links.Dials {
		l.dial(n, l.nodes[d.Peer-1])
	}
	for _, id := range n.out.Links.Closes {
		l.close(l.ends[id-1])
	}
	n.out.Reset()
	if l.slims {
		n.Slim()
	}
}

func (l *lab) sendFrame(e *end, f broadcast.Frame) {
	f.Candidates, f.Announced = slices.Clone(f.Candidates), slices.Clone(f.Announced)
	if f.Message != nil {
		m := *f.Message
		if !f.WithClock {
			m.Clock, m.ClockBytes = vclock.Clock{}, 0
		}
		f.Message = &m
	}
	cost := f.Cost()
	n, o := e.node, e.other
	delay := hop
	if l.delay != nil {
		delay = max(l.delay(), o.busy-l.now)
		o.busy = l.now + delay
	}
	l.after(delay, func() {
		if !e.closed && cost > 0 {
			n.step(func() { n.Written(l.now, e.id, cost, &n.out) })
		}
		if !o.closed && !l.apart(n, o.node) && (l.loseFrame == nil || !l.loseFrame(n, o.node, &f)) {
			o.node.step(func() { o.node.HandleFrame(l.now, o.id, &f, &o.node.out) })
		}
	})
}

func (l *lab) dial(a, b *member) {
	l.after(2*hop, func() {
		if l.apart(a, b) {
			a.step(func() { a.DialFailed(l.now, b.h, &a.out) })
			return
		}
		x := &end{id: broadcast.LinkID(len(l.ends) + 1), node: a}
		y := &end{id: broadcast.LinkID(len(l.ends) + 2), node: b, other: x}
		x.other = y
		l.ends = append(l.ends, x, y)
		b.step(func() { b.Connected(l.now, y.id, a.h, false, &b.out) })
		a.step(func() { a.Connected(l.now, x.id, b.h, true, &a.out) })
	})
}

func (l *lab) close(e *end) {
	if e.closed {
		return
	}
	e.closed = true
	o := e.other
	l.after(hop, func() {
		if !o.closed {
			o.closed = true
			o.node.step(func() { o.node.Disconnected(l.now, o.id, &o.node.out) })
		}
	})
}

func (l *lab) join(n, contact *member) {
	n.step(func() { n.Join(l.now, contact.h, &n.out) })
}

// say broadcasts one word.
func (n *member) say(word string) (m *broadcast.Message, err error) {
	n.step(func() { m, err = n.Broadcast(n.l.now, []byte(word), &n.out) })
	return m, err
}

// heard is what was delivered, in order, as one line.
func (n *member) heard() (s string) {
	for i, m := range n.delivered {
		if i > 0 {
			s += " "
		}
		s += string(m.Payload)
	}
	return s
}

// tick does what is due. A deadline may have passed again at once, since what
// one part does can be work for another; but not again and again.
func (n *member) tick() {
	for range 4 {
		n.step(func() { n.Tick(n.l.now, &n.out) })
		if n.Deadline() > n.l.now {
			return
		}
	}
	n.l.fail("%d: busy at %v: sampling %v, links %v, buffer %v, log %v", n.h, n.l.now,
		n.sampling.Deadline(), n.links.Deadline(), n.buffer.Deadline(), n.log.Deadline())
}

func (l *lab) run(d time.Duration) { l.runUntil(d, func() bool { return false }) }

// runUntil lets time pass until something is so, for at most d.
func (l *lab) runUntil(d time.Duration, so func() bool) bool {
	for until := l.now + d; ; {
		if so() {
			return true
		}
		next := until
		for _, e := range l.queue {
			next = min(next, e.at)
		}
		for _, n := range l.nodes {
			next = min(next, n.Deadline())
		}
		l.now = max(l.now, next)
		if l.now >= until {
			return so()
		}
		for i := 0; i < len(l.queue); {
			if e := l.queue[i]; e.at <= l.now {
				l.queue = slices.Delete(l.queue, i, i+1)
				e.do()
			} else {
				i++
			}
		}
		for _, n := range l.nodes {
			if n.Deadline() <= l.now {
				n.tick()
			}
		}
	}
}

func linked(a, b *member) bool { return a.links.Linked(b.h) && b.links.Linked(a.h) }

func wantHeard(t *testing.T, why string, n *member, want string) {
	t.Helper()
	if got := n.heard(); got != want {
		t.Errorf("%s: %d heard %q, want %q", why, n.h, got, want)
	}
}
