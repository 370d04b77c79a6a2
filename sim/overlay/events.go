package overlay

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
)

// An event-driven overlay has neither turns nor rounds but a queue of what will
// happen, in virtual time, on one core: nodes wake, messages arrive.
//
//	           ┌──────────── queue ────────────┐
//	 wake ◀────┤ 0.31 s node 7   0.33 s message│◀──── latency, unless lost
//	 take ◀────┤ ...                           │        or the cut is between
//	           └───────────────────────────────┘             │
//	   │                                                     │
//	a node's own code (bare.go, deployed.go) ──── send ──────┘
//
// Messages are values in a list, and what they hold is in buffers that are used
// again, so that the simulator allocates nothing for a message. A Service does,
// for each exchange, as it does on a network.
type events struct {
	o     *Overlay
	node  node
	now   time.Duration
	queue queue
	sent  int

	running []peer.Handle // by slot: the node that has been started there
	flying  []message     // by number; of those that are not flying, the number is in free
	free    []uint64
	buffers [][]peer.Descriptor // that nothing holds
}

// message is a packet on its way.
type message struct {
	peersampling.Packet             // whose Peer is the sender; View is a buffer
	to                  peer.Handle //
	sent                []peer.Descriptor
	// sent is what a Bare initiator remembers of its exchange. It travels along
	// with the reply only because that saves looking it up.
}

// node is what all nodes have in common: the code that they run, for the node in
// a slot, the view of which is in its record.
type node interface {
	// start begins a node, which has its first turn at some time.
	start(slot uint32, first time.Duration)
	// wake is its turn, which it has asked for.
	wake(slot uint32, at time.Duration)
	// take gives it a message.
	take(slot uint32, m message)
	// stop ends the node.
	stop(slot uint32)
	// show makes the records say what the views are.
	show()
}

// newEvents returns the state of an event-driven overlay, nil for another.
func newEvents(o *Overlay) *events {
	m := o.cfg.Messages
	if m == nil {
		return nil
	}
	e := &events{o: o, running: make([]peer.Handle, o.cfg.Nodes+1)}
	if m.Nodes == Bare {
		e.node = newBare(e)
	} else {
		e.node = newDeployed(e)
	}
	return e
}

// run is one period. Nodes are replaced one by one, evenly over it.
func (e *events) run() {
	e.startAndStop()
	begin, n := e.now, e.o.departures()
	for i := range n {
		e.until(begin + Period*time.Duration(i)/time.Duration(n))
		e.o.replace(1)
		e.node.stop(e.o.live[0])
		e.start(e.o.live[0], e.now)
	}
	e.until(begin + Period)
	e.node.show()
}

// startAndStop starts who has joined since the last period, each at a time of its
// own in this one, and stops who was killed.
func (e *events) startAndStop() {
	for s := uint32(1); s < e.o.end(); s++ {
		name := e.o.name(s)
		switch {
		case name == e.running[s]:
		case name == peer.None:
			e.node.stop(s)
			e.running[s] = peer.None
		default:
			e.start(s, e.now+time.Duration(e.o.rng.Int64N(int64(Period))))
		}
	}
}

func (e *events) start(s uint32, first time.Duration) {
	e.running[s] = e.o.name(s)
	e.node.start(s, first)
}

// until lets happen what happens before a time.
func (e *events) until(t time.Duration) {
	for e.queue.next() < t {
		next := e.queue.pop()
		e.now = next.at
		if next.what&1 == 1 {
			e.arrive(next.what >> 1)
		} else if s := e.o.slot[next.what>>1]; s != 0 {
			e.node.wake(s, next.at)
		}
	}
	e.now = t
}

// wakeAt asks for a turn of the node in the slot.
func (e *events) wakeAt(s uint32, at time.Duration) {
	e.queue.push(at, uint64(e.o.name(s))<<1)
}

func (e *events) arrive(number uint64) {
	m := e.flying[number]
	e.flying[number] = message{}
	e.free = append(e.free, number)
	if s := e.o.slot[m.to]; s != 0 {
		e.node.take(s, m)
	} else {
		e.recycle(m)
	}
}

// send puts a message on its way.
func (e *events) send(m message) {
	e.sent++
	if e.loses(m) {
		e.recycle(m)
		return
	}
	var number uint64
	if last := len(e.free) - 1; last >= 0 {
		number = e.free[last]
		e.free = e.free[:last]
		e.flying[number] = m
	} else {
		number = uint64(len(e.flying))
		e.flying = append(e.flying, m)
	}
	e.queue.push(e.now+e.latency(), number<<1|1)
}

func (e *events) loses(m message) bool {
	o := e.o
	if loss := o.cfg.Messages.Loss; loss > 0 && !o.quiet() && o.rng.Float64() < loss {
		return true
	}
	from, to := o.slot[m.Peer], o.slot[m.to]
	return to != 0 && o.cfg.Messages.isCut(o.cycle) && half(from) != half(to)
}

func (e *events) latency() time.Duration {
	m := e.o.cfg.Messages
	periods := m.Latency
	if m.Spread > 0 {
		periods *= math.Exp(m.Spread * e.o.rng.NormFloat64())
	}
	return time.Duration(periods * float64(Period))
}

// random is what nodes draw from.
func (e *events) random() *rand.PCG { return &e.o.source }

// buffer returns an empty one with room for what a message holds.
func (e *events) buffer() []peer.Descriptor {
	if last := len(e.buffers) - 1; last >= 0 {
		b := e.buffers[last]
		e.buffers = e.buffers[:last]
		return b[:0]
	}
	return make([]peer.Descriptor, 0, e.o.cfg.Policy.Buffer())
}

// recycle takes the buffers of a message back.
func (e *events) recycle(m message) {
	for _, b := range [...][]peer.Descriptor{m.View, m.sent} {
		if cap(b) > 0 {
			e.buffers = append(e.buffers, b)
		}
	}
}
