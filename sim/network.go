package sim

import (
	"cmp"
	"slices"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// Faults is what the network does to what is sent. It may be changed at any
// time; connections are reliable and in order, but slow, and stall while cut.
type Faults struct {
	// Latency of everything; plus up to Spread, which is always the same between
	// two nodes; plus up to Jitter, each time anew, which reorders datagrams.
	Latency, Spread, Jitter time.Duration
	// Loss and Duplicate are the shares of datagrams, from 0 to 1.
	Loss, Duplicate float64
	// Cut reports whether nothing gets from one node to another, the one way.
	Cut func(from, to *Node) bool
	// Rate is how many bytes of what its links bring a node handles in a second; 0
	// is all at once. What waits is handled in order, pings too.
	Rate func(*Node) int
}

func (w *World) cut(from, to *Node) bool { return w.Faults.Cut != nil && w.Faults.Cut(from, to) }

func (w *World) latency(a, b peer.Handle) time.Duration {
	d := w.Faults.Latency
	if w.Faults.Spread > 0 {
		pair := (uint64(min(a, b))<<32 | uint64(max(a, b))) * 0x9e3779b97f4a7c15
		d += time.Duration((pair ^ pair>>32) * 0xd6e8feb86659fd93 >> 1 % uint64(w.Faults.Spread))
	}
	if w.Faults.Jitter > 0 {
		d += time.Duration(w.rng.Int64N(int64(w.Faults.Jitter)))
	}
	return d
}

// sendPacket sends a datagram, or loses it, or sends it twice.
func (w *World) sendPacket(n *Node, p peersampling.Packet) {
	to := w.node(p.Peer)
	w.traffic.packets[p.Kind]++
	arrived := w.passPacket(n, p)
	if to == nil || w.rng.Float64() < w.Faults.Loss || w.cut(n, to) {
		return
	}
	copies := 1
	if w.rng.Float64() < w.Faults.Duplicate {
		copies = 2
	}
	for range copies {
		w.after(w.latency(n.Handle, to.Handle), func() {
			w.step(to, func() { to.Machine.HandlePacket(w.local(to), arrived(), &to.out) })
		})
	}
}

// passPacket returns what arrives of a datagram, anew for each copy of it.
func (w *World) passPacket(from *Node, p peersampling.Packet) func() peersampling.Packet {
	if w.Codec {
		b := w.encodePacket(from, &p)
		return func() peersampling.Packet { return w.decodePacket(from, b) }
	}
	p.Peer = from.Handle
	p.View = slices.Clone(p.View)
	return func() peersampling.Packet {
		q := p
		q.View = slices.Clone(p.View)
		return q
	}
}

// end is one end of a connection.
type end struct {
	node   *Node
	link   broadcast.LinkID
	other  *end
	closed bool
	// inflight is what the frames cost that were sent and have not left.
	inflight int
	// What is on its way from this end to the other, in order.
	busy    time.Duration // when the last of it arrives
	stalled []segment     // what waits for a cut to be lifted
	unheard int           // bytes that were sent since nothing comes back
	unacked int           // what has arrived costs, but this end has not heard of it
}

// segment is what a connection carries: what happens when it is read at the other
// end.
type segment struct {
	size int
	read func()
}

// tcpWindow is how much TCP sends without hearing that it arrives: the most that a
// window can be if it is not scaled (RFC 9293, section 3.1).
const tcpWindow = 64 << 10

// frameOverhead is about what a frame takes beside what it costs, where its bytes
// are not known.
const frameOverhead = 32

// dialTimeout is how long a dial hangs when nothing comes back.
const dialTimeout = 3 * time.Second

func (w *World) dial(n *Node, p peer.Handle) {
	to := w.node(p)
	fail := func() { w.step(n, func() { n.Machine.DialFailed(w.local(n), p, &n.out) }) }
	if to == nil || w.cut(n, to) || w.cut(to, n) {
		w.after(dialTimeout, fail)
		return
	}
	w.after(2*w.latency(n.Handle, p), func() {
		switch {
		case !n.Up:
		case !to.Up:
			fail()
		default:
			w.connect(n, to)
		}
	})
}

func (w *World) connect(n, to *Node) {
	a := &end{node: n, link: w.nextLink()}
	b := &end{node: to, link: w.nextLink()}
	a.other, b.other = b, a
	n.ends[a.link], to.ends[b.link] = a, b
	w.step(to, func() { to.Machine.Connected(w.local(to), b.link, n.Handle, false, &to.out) })
	w.step(n, func() { n.Machine.Connected(w.local(n), a.link, to.Handle, true, &n.out) })
}

func (w *World) nextLink() broadcast.LinkID {
	w.links++
	return w.links
}

// sendFrame puts a frame on a connection: in order, after the latency.
func (w *World) sendFrame(n *Node, s broadcast.Send) {
	e := n.ends[s.Link]
	if e == nil {
		return
	}
	if w.tamper != nil && !w.tamper(n, e.other.node, &s.Frame) {
		return
	}
	cost := s.Frame.Cost()
	w.traffic.frames[s.Frame.Kind]++
	arrived, size := w.passFrame(n, e.other.node, s.Frame)
	e.inflight += cost
	w.Oracle.sending(e)
	w.deliverInOrder(e, segment{size, func() {
		w.acknowledge(e, cost)
		if o := e.other; !o.closed {
			f := arrived()
			if f.Message != nil && w.arrived != nil {
				w.arrived(f.Message)
			}
			w.step(o.node, func() { o.node.Machine.HandleFrame(w.local(o.node), o.link, &f, &o.node.out) })
		}
	}})
}

// acknowledge tells an end that something which it sent has left it for good. Where
// nothing comes back from the other one, that has to wait.
func (w *World) acknowledge(e *end, cost int) {
	e.unacked += cost
	if cost == 0 || e.closed || e.unacked > cost {
		return // the last: somebody looks after it already
	}
	var heard func()
	heard = func() {
		switch {
		case e.closed:
		case w.cut(e.other.node, e.node):
			w.after(time.Second, heard)
		default:
			cost := e.unacked
			e.unacked = 0
			e.inflight -= cost
			w.step(e.node, func() { e.node.Machine.Written(w.local(e.node), e.link, cost, &e.node.out) })
		}
	}
	heard()
}

// passFrame returns what arrives of a frame, and about how many bytes it is. The age
// of a message travels with it, and the time on the way is not known to anybody.
func (w *World) passFrame(from, to *Node, f broadcast.Frame) (arrived func() broadcast.Frame, size int) {
	if w.Codec {
		b := w.encodeFrame(from, &f)
		return func() broadcast.Frame { return w.decodeFrame(from, to, b) }, len(b)
	}
	f = copyFrame(f)
	size = f.Cost() + frameOverhead
	if f.Message == nil {
		return func() broadcast.Frame { return f }, size
	}
	age := w.local(from) - f.Message.Born
	return func() broadcast.Frame {
		f.Message.Born = w.local(to) - age
		return f
	}, size
}

// copyFrame makes what arrives independent of what was sent.
func copyFrame(f broadcast.Frame) broadcast.Frame {
	f.Candidates = slices.Clone(f.Candidates)
	f.Digest = slices.Clone(f.Digest)
	f.Wants = slices.Clone(f.Wants)
	f.Gone = slices.Clone(f.Gone)
	f.Announced = slices.Clone(f.Announced)
	if f.Message != nil {
		m := *f.Message
		if !f.WithClock {
			m.Clock = vclock.Clock{}
		}
		if m.Hops < 255 {
			m.Hops++
		}
		f.Message = &m
	}
	return f
}

// deliverInOrder lets TCP carry something. Where nothing gets there, TCP sends again
// and again, and all of it arrives once the cut is lifted, if nobody has lost
// patience. Where nothing comes back, what is sent arrives, but TCP does not hear of
// it: it goes on until its window is full, and then waits.
func (w *World) deliverInOrder(e *end, s segment) {
	if len(e.stalled) > 0 || w.stuck(e) {
		e.stalled = append(e.stalled, s)
		if len(e.stalled) == 1 {
			w.after(time.Second, func() { w.resume(e) })
		}
		return
	}
	e.unheard += s.size
	if !w.cut(e.other.node, e.node) {
		e.unheard = 0
	}
	e.busy = max(e.busy, w.now+w.latency(e.node.Handle, e.other.node.Handle))
	w.at(e.busy, func() { w.arrive(e.other.node, s) })
}

func (w *World) stuck(e *end) bool {
	return w.cut(e.node, e.other.node) || e.unheard >= tcpWindow && w.cut(e.other.node, e.node)
}

// resume sends on what a cut held up.
func (w *World) resume(e *end) {
	if w.stuck(e) {
		w.after(time.Second, func() { w.resume(e) })
		return
	}
	held := e.stalled
	e.stalled = nil
	for _, s := range held {
		w.deliverInOrder(e, s)
	}
}

// arrive has a node read what a link brings, at once or, if it is slow, in its turn.
func (w *World) arrive(n *Node, s segment) {
	if len(n.inbox) == 0 && w.rate(n) == 0 {
		s.read()
		return
	}
	n.inbox = append(n.inbox, s)
	if len(n.inbox) == 1 {
		w.readSlowly(n)
	}
}

func (w *World) readSlowly(n *Node) {
	s, takes := n.inbox[0], time.Duration(0)
	if rate := w.rate(n); rate > 0 {
		takes = time.Duration(s.size) * time.Second / time.Duration(rate)
	}
	w.after(takes, func() {
		s.read()
		n.inbox = n.inbox[1:]
		if len(n.inbox) > 0 {
			w.readSlowly(n)
		}
	})
}

func (w *World) rate(n *Node) int {
	if w.Faults.Rate == nil {
		return 0
	}
	return w.Faults.Rate(n)
}

// closeConn closes a connection in good order: the peer sees what was sent, and
// then the end.
func (w *World) closeConn(n *Node, id broadcast.LinkID) {
	e := n.ends[id]
	if e == nil {
		return
	}
	e.closed = true
	delete(n.ends, id)
	w.deliverInOrder(e, segment{0, func() { w.hangUp(e.other) }})
}

// breakConn ends a connection as the death of a process does.
func (w *World) breakConn(e *end) {
	e.closed = true
	delete(e.node.ends, e.link)
	w.deliverInOrder(e, segment{0, func() { w.hangUp(e.other) }})
}

func (w *World) hangUp(e *end) {
	if e.closed {
		return
	}
	e.closed = true
	delete(e.node.ends, e.link)
	w.step(e.node, func() { e.node.Machine.Disconnected(w.local(e.node), e.link, &e.node.out) })
}

func (n *Node) sortedEnds() []*end {
	ends := make([]*end, 0, len(n.ends))
	for _, e := range n.ends {
		ends = append(ends, e)
	}
	slices.SortFunc(ends, func(a, b *end) int { return cmp.Compare(a.link, b.link) })
	return ends
}
