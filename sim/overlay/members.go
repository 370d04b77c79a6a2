package overlay

import (
	"math"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// start fills the views as they are before the first cycle.
func (o *Overlay) start() {
	n := o.cfg.Nodes
	if o.cfg.Start == Growing {
		n = 1
	}
	for range n {
		o.add()
	}
	o.grown, o.first = n, o.name(o.live[0])
	known := min(o.cfg.Policy.C, n-1)
	switch o.cfg.Start {
	case Lattice:
		o.startLattice(known)
	case Random:
		o.startRandom(known)
	case Star:
		for _, s := range o.live[1:] {
			o.learn(s, o.first)
		}
	}
}

// startLattice makes everybody know the nearest on the ring: the next, the one
// before, the next but one, and so on.
func (o *Overlay) startLattice(known int) {
	n := len(o.live)
	for i, s := range o.live {
		for k := range known {
			by := k/2 + 1
			if k%2 == 1 {
				by = n - by
			}
			o.learn(s, o.name(o.live[(i+by)%n]))
		}
	}
}

// startRandom deals everybody the head of a shuffled deck, of which only the
// head is shuffled each time. One card more than needed is drawn if a node finds
// itself among them. At the start nodes are named like their slots; to look a
// name up would cost a cache miss for each.
func (o *Overlay) startRandom(known int) {
	deck := o.scratch(0)[:len(o.live)] // slot 0 is not in it
	copy(deck, o.live)
	for _, s := range o.live {
		for at, left := 0, known; left > 0; at++ {
			by := at + int(o.rng.Uint32N(uint32(len(deck)-at)))
			deck[at], deck[by] = deck[by], deck[at]
			if deck[at] != s {
				o.learn(s, peer.Handle(deck[at]))
				left--
			}
		}
	}
}

// grow lets nodes join that know only the very first.
func (o *Overlay) grow() {
	n := min(o.cfg.GrowPerCycle, o.cfg.Nodes-o.grown)
	for range n {
		o.learn(o.add(), o.first)
	}
	o.grown += n
}

// kill removes those whose cycle has come.
func (o *Overlay) kill() {
	for _, k := range o.cfg.Kill {
		if k.Cycle != o.cycle {
			continue
		}
		n := min(nearest(k.Fraction, len(o.live)), len(o.live)-1)
		o.drawToFront(n)
		for _, s := range o.live[:n] {
			o.bury(s)
		}
		o.live = o.live[:copy(o.live, o.live[n:])]
		o.deaths = o.deaths || n > 0
	}
}

// churn replaces nodes.
func (o *Overlay) churn() { o.replace(o.departures()) }

// departures is how many nodes are to be replaced in this cycle.
func (o *Overlay) departures() int {
	if o.quiet() {
		return 0
	}
	o.owed += o.cfg.Churn * float64(len(o.live))
	n := min(int(o.owed+1e-9), len(o.live)-1) // the sum of tenths may fall short of one
	if n <= 0 {
		return 0
	}
	o.owed = max(o.owed-float64(n), 0)
	return n
}

// quiet reports whether nothing is to happen any more.
func (o *Overlay) quiet() bool { return o.cfg.Quiet > 0 && o.cycle >= o.cfg.Quiet }

// replace replaces n random nodes, which are the first of live then. Who joins
// takes the record of one who left.
func (o *Overlay) replace(n int) {
	if n == 0 {
		return
	}
	o.deaths = true
	o.drawToFront(n)
	for _, s := range o.live[:n] {
		o.bury(s)
	}
	stayed := o.live[n:]
	for _, s := range o.live[:n] {
		o.rename(s)
		o.learn(s, o.name(stayed[o.rng.IntN(len(stayed))]))
	}
}

// drawToFront makes the first n of live random ones.
func (o *Overlay) drawToFront(n int) {
	for i := range n {
		o.drawTo(i)
	}
}

// drawTo makes the i-th of live any of those from the i-th on.
func (o *Overlay) drawTo(i int) uint32 {
	j := i + int(o.rng.Uint32N(uint32(len(o.live)-i)))
	o.live[i], o.live[j] = o.live[j], o.live[i]
	return o.live[i]
}

// nearest is the nearest whole number to a fraction of n.
func nearest(fraction float64, n int) int { return int(math.Round(fraction * float64(n))) }

// add returns the slot of a new node with an empty view.
func (o *Overlay) add() uint32 {
	s := uint32(len(o.records) / o.stride)
	o.records = o.records[:len(o.records)+o.stride]
	o.live = append(o.live, s)
	o.rename(s)
	return s
}

// rename gives the slot to a new node with an empty view.
func (o *Overlay) rename(s uint32) {
	h := peer.Handle(len(o.slot))
	o.slot = append(o.slot, s)
	o.records[int(s)*o.stride] = peer.Descriptor{Peer: h}
	if o.rounds != nil {
		clear(o.rounds.samplesOf(s, o.cfg.Policy))
	}
}

// bury ends the node in the slot.
func (o *Overlay) bury(s uint32) {
	head := &o.records[int(s)*o.stride]
	o.slot[head.Peer] = 0
	*head = peer.Descriptor{}
}

// learn appends a fresh descriptor of h to a view that has room for it.
func (o *Overlay) learn(s uint32, h peer.Handle) {
	at := int(s) * o.stride
	o.records[at].Age++
	o.records[at+int(o.records[at].Age)] = peer.Descriptor{Peer: h}
}

// resize notes how long a view has become that was changed in its place.
func (o *Overlay) resize(s uint32, v []peer.Descriptor) {
	o.records[int(s)*o.stride].Age = uint32(len(v))
}
