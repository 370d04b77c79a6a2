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
	// Cut reports whether nothing gets from one node to another.
	Cut func(from, to *Node) bool
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
	stalled []func()      // what waits for a cut to be lifted
}

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
	arrived := w.passFrame(n, e.other.node, s.Frame)
	e.inflight += cost
	w.Oracle.sending(e)
	w.deliverInOrder(e, func() {
		e.inflight -= cost
		if !e.closed {
			w.step(n, func() { n.Machine.Written(w.local(n), e.link, cost, &n.out) })
		}
		if o := e.other; !o.closed {
			f := arrived()
			if f.Message != nil && w.arrived != nil {
				w.arrived(f.Message)
			}
			w.step(o.node, func() { o.node.Machine.HandleFrame(w.local(o.node), o.link, &f, &o.node.out) })
		}
	})
}

// passFrame returns what arrives of a frame. The age of a message travels with it,
// and the time on the way is not known to anybody.
func (w *World) passFrame(from, to *Node, f broadcast.Frame) func() broadcast.Frame {
	if w.Codec {
		b := w.encodeFrame(from, &f)
		return func() broadcast.Frame { return w.decodeFrame(from, to, b) }
	}
	f = copyFrame(f)
	if f.Message == nil {
		return func() broadcast.Frame { return f }
	}
	age := w.local(from) - f.Message.Born
	return func() broadcast.Frame {
		f.Message.Born = w.local(to) - age
		return f
	}
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

func (w *World) deliverInOrder(e *end, do func()) {
	if w.cut(e.node, e.other.node) || len(e.stalled) > 0 {
		e.stalled = append(e.stalled, do)
		w.after(time.Second, func() { w.resume(e) })
		return
	}
	e.busy = max(e.busy, w.now+w.latency(e.node.Handle, e.other.node.Handle))
	w.at(e.busy, do)
}

// resume sends on what a cut held up.
func (w *World) resume(e *end) {
	if len(e.stalled) == 0 {
		return
	}
	if w.cut(e.node, e.other.node) {
		w.after(time.Second, func() { w.resume(e) })
		return
	}
	held := e.stalled
	e.stalled = nil
	for _, do := range held {
		w.deliverInOrder(e, do)
	}
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
	w.deliverInOrder(e, func() { w.hangUp(e.other) })
}

// breakConn ends a connection as the death of a process does.
func (w *World) breakConn(e *end) {
	e.closed = true
	delete(e.node.ends, e.link)
	w.deliverInOrder(e, func() { w.hangUp(e.other) })
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
