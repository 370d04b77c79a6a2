package broadcast

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// Links of a few nodes, wired to each other in memory. Nothing happens by
// itself: the test says which of the things on their way arrives next.

// world is the network, in virtual time.
type world struct {
	fail  func(format string, args ...any)
	now   time.Duration
	nodes []*node // by handle - 1
	ends  []*end  // by link - 1
	alive []*end  // those of them that something may still come from
	dials []attempt
	// frozen lets nobody ask for further links.
	frozen bool
}

// node is one Links and what its driver keeps.
type node struct {
	w     *world
	self  peer.Handle
	links *Links
	view  []peer.Descriptor
	out   Outbox
	open  map[LinkID]Change // by the changes reported
	// free is when a peer that said no may be asked again at the earliest.
	free map[peer.Handle]time.Duration
	// pings is how many it has sent.
	pings int
}

// attempt is a dial on its way.
type attempt struct {
	from, to *node
}

// end is one end of a connection, and what is on its way to the other.
type end struct {
	id       LinkID
	node     *node
	outbound bool
	other    *end
	opened   bool // the node knows of it
	closed   bool
	queue    []Frame
	fin      bool // after the queue
}

// newWorld has n nodes that all know each other.
func newWorld(fail func(string, ...any), n int, cfg LinksConfig) *world {
	w := &world{fail: fail, now: time.Minute}
	for i := range n {
		h := peer.Handle(i + 1)
		w.nodes = append(w.nodes, &node{
			w: w, self: h, links: NewLinks(cfg, h, rand.NewPCG(uint64(i), 1).Uint64),
			open: make(map[LinkID]Change), free: make(map[peer.Handle]time.Duration),
		})
	}
	for _, a := range w.nodes {
		for _, b := range w.nodes {
			if a != b {
				a.view = append(a.view, peer.Descriptor{Peer: b.self})
			}
		}
	}
	return w
}

// step lets a node do something, as a machine does: whatever happened, the node
// then looks for missing links, and what it sends keeps links alive.
func (w *world) step(n *node, do func(out *Outbox)) {
	do(&n.out)
	if !w.frozen {
		before := len(n.out.Dials)
		n.links.Maintain(w.now, n.view, &n.out)
		for _, d := range n.out.Dials[before:] {
			if w.now < n.free[d.Peer] {
				w.fail("%d asks %d at %v although it was to be left alone until %v", n.self, d.Peer, w.now, n.free[d.Peer])
			}
		}
	}
	for _, s := range n.out.Sends {
		n.links.Said(w.now, s.Link, s.Frame.Kind)
		if s.Frame.Kind == Ping {
			n.pings++
		}
		if e := w.ends[s.Link-1]; !e.closed {
			s.Frame.Announced = slices.Clone(s.Frame.Announced)
			e.queue = append(e.queue, s.Frame)
		}
	}
	for _, d := range n.out.Dials {
		if d.Peer == n.self {
			w.fail("B4: %d dials itself", n.self)
		}
		w.dials = append(w.dials, attempt{n, w.nodes[d.Peer-1]})
	}
	for _, id := range n.out.Closes {
		w.close(w.ends[id-1])
	}
	n.out.Reset()
	w.check(n)
}

func (w *world) close(e *end) { e.closed, e.fin = true, true }

// check checks B4 and that the changes tell the truth.
func (w *world) check(n *node) {
	for _, c := range n.links.TakeChanges(nil) {
		_, isOpen := n.open[c.Link]
		if isOpen == c.Up {
			w.fail("%d: link %d is up (%v) twice", n.self, c.Link, c.Up)
		}
		if n.open[c.Link] = c; !c.Up {
			delete(n.open, c.Link)
		}
	}
	l := n.links
	if l.Len() > l.cfg.Max {
		w.fail("B4: %d has %d links", n.self, l.Len())
	}
	peers := l.AppendPeers(nil)
	slices.Sort(peers)
	if slices.Contains(peers, n.self) {
		w.fail("B4: %d has a link to itself", n.self)
	}
	if len(slices.Compact(slices.Clone(peers))) != len(peers) {
		w.fail("B4: %d has two links to one of %v", n.self, peers)
	}
	open := l.AppendOpen(nil)
	if len(open) != len(n.open) {
		w.fail("%d: open are %v, by the changes %v", n.self, open, n.open)
	}
	for _, id := range open {
		c, ok := n.open[id]
		if p, _ := l.PeerOf(id); !ok || p != c.Peer {
			w.fail("%d: link %d to %d is open, and no change said so", n.self, id, p)
		}
	}
}

// connect makes a connection for the i-th dial. Each end hears of it in its own time, and
// before anything that comes on it.
func (w *world) connect(i int) {
	d := w.dials[i]
	w.dials = slices.Delete(w.dials, i, i+1)
	a := &end{id: LinkID(len(w.ends) + 1), node: d.from, outbound: true}
	b := &end{id: LinkID(len(w.ends) + 2), node: d.to, other: a}
	a.other = b
	w.ends, w.alive = append(w.ends, a, b), append(w.alive, a, b)
}

// open makes a connection for the i-th dial, of which both ends hear at once.
func (w *world) open(i int) {
	w.connect(i)
	ends := w.ends[len(w.ends)-2:]
	w.arrive(ends[0]) // who is asked knows of it when the question comes
	w.arrive(ends[1])
}

// failDial lets the i-th dial come to nothing.
func (w *world) failDial(i int) {
	d := w.dials[i]
	w.dials = slices.Delete(w.dials, i, i+1)
	w.step(d.from, func(*Outbox) { d.from.links.DialFailed(w.now, d.to.self) })
}

// sends reports whether something is on its way from the end to the other.
func (e *end) sends() bool { return !e.other.opened || len(e.queue) > 0 || e.fin }

// busy lists the ends from which something is on its way.
func (w *world) busy() (ends []*end) {
	w.alive = slices.DeleteFunc(w.alive, func(e *end) bool { return e.closed && !e.sends() })
	for _, e := range w.alive {
		if e.sends() {
			ends = append(ends, e)
		}
	}
	return ends
}

// arrive lets the next thing from an end arrive at the other.
func (w *world) arrive(e *end) {
	o := e.other
	if !o.opened {
		o.opened = true
		if !o.closed {
			w.step(o.node, func(out *Outbox) { o.node.links.Opened(w.now, o.id, e.node.self, o.outbound, out) })
		}
		return
	}
	if len(e.queue) == 0 {
		e.fin = false
		if !o.closed {
			w.drop(o)
		}
		return
	}
	f := e.queue[0]
	e.queue = e.queue[1:]
	if o.closed {
		return
	}
	w.step(o.node, func(out *Outbox) {
		o.node.note(&f, o.id)
		o.node.links.Heard(w.now, o.id, f.Kind, out)
		switch f.Kind {
		case Neighbor, NeighborReply, Disconnect:
			o.node.links.Handle(w.now, o.id, &f, slices.Clone(o.node.view), out)
		}
	})
}

// note remembers who said no.
func (n *node) note(f *Frame, id LinkID) {
	p, ok := n.links.PeerOf(id)
	if ok && (f.Kind == Disconnect || f.Kind == NeighborReply && !f.Accept) {
		n.free[p] = n.w.now + n.links.cfg.Backoff/20
	}
}

// drop tells the owner of an end that its connection has ended.
func (w *world) drop(e *end) {
	e.closed, e.queue, e.fin = true, nil, false
	w.step(e.node, func(*Outbox) { e.node.links.Closed(w.now, e.id) })
}

// drain lets everything arrive that is on its way.
func (w *world) drain() {
	for range 5_000 {
		if len(w.dials) > 0 {
			w.connect(0)
		} else if ends := w.busy(); len(ends) > 0 {
			w.arrive(ends[0])
		} else {
			return
		}
	}
	w.fail("never quiet")
}

// tick lets a node do what is due; its deadline must then have moved on.
func (w *world) tick(n *node) {
	w.step(n, func(out *Outbox) { n.links.Tick(w.now, out) })
	if d := n.links.Deadline(); d <= w.now && !w.frozen {
		w.fail("%d: at %v the deadline is %v after a tick", n.self, w.now, d)
	}
}

// run lets time pass; everything arrives at once.
func (w *world) run(d time.Duration) {
	until := w.now + d
	for steps := 0; ; steps++ {
		if steps > 100_000 {
			w.fail("busy at %v", w.now)
			return
		}
		w.drain()
		next := until
		for _, n := range w.nodes {
			next = min(next, n.links.Deadline())
		}
		w.now = max(w.now, next)
		if w.now >= until {
			return
		}
		for _, n := range w.nodes {
			if n.links.Deadline() <= w.now {
				w.tick(n)
			}
		}
	}
}

// symmetric checks that links are links at both ends; nothing may be on its way.
func (w *world) symmetric() {
	for _, a := range w.nodes {
		for _, b := range w.nodes {
			if a.links.Linked(b.self) != b.links.Linked(a.self) {
				w.fail("%d is linked to %d: %v, and the other way round: %v",
					a.self, b.self, a.links.Linked(b.self), b.links.Linked(a.self))
			}
		}
	}
}

// String draws who is linked to whom.
func (w *world) String() string {
	s := ""
	for _, n := range w.nodes {
		s += fmt.Sprint(n.self, n.links.AppendPeers(nil), " ")
	}
	return s
}
