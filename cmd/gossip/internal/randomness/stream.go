package randomness

import (
	"fmt"
	"math/rand/v2"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
	"github.com/Ishan27gOrg/gossipProtocol/sim/overlay"
)

// Stream is a sequence of peers that one node was given.
type Stream struct {
	// Nodes is how many peers there are to be given: the nodes other than the
	// one that is given them. At least 2.
	Nodes int
	// Peers are the samples in order, each 0 to Nodes-1.
	Peers []uint32
}

// Validate returns an error that names what is out of range.
func (s Stream) Validate() error {
	if s.Nodes < 2 || s.Nodes > overlay.MaxNodes {
		return fmt.Errorf("randomness: Stream.Nodes is %d, allowed: 2 to %d", s.Nodes, overlay.MaxNodes)
	}
	for i, p := range s.Peers {
		if int(p) >= s.Nodes {
			return fmt.Errorf("randomness: Stream.Peers[%d] is %d, allowed: 0 to %d", i, p, s.Nodes-1)
		}
	}
	return nil
}

// The streams of random numbers that a seed decides.
const (
	streamIdeal    = 0x72616e646f6d6e01
	streamView     = 0x72616e646f6d6e02
	streamContacts = 0x72616e646f6d6e03
)

// Ideal returns what an ideal sampling service would give: independent uniform
// peers.
func Ideal(nodes, samples int, seed uint64) Stream {
	rng := rand.New(rand.NewPCG(seed, streamIdeal))
	s := Stream{Nodes: nodes, Peers: make([]uint32, samples)}
	for i := range s.Peers {
		s.Peers[i] = rng.Uint32N(uint32(nodes))
	}
	return s
}

// Source says which stream to take from an overlay.
type Source struct {
	// Node is the node whose peers are taken. It must live; nodes that are there
	// from the start are named 1 to Config.Nodes.
	Node peer.Handle
	// Samples is how long the stream is to be, at least 1.
	Samples int
	// Every is how many cycles lie between one sample and the next. FromView
	// alone has it. 0 means 1.
	Every int
	// Skip is how many cycles pass before the first sample, for an overlay that
	// has not converged yet. 0: none.
	Skip int
	// Seed decides which entries are drawn. The overlay has its own.
	Seed uint64
}

// begin checks everything and lets Skip cycles pass.
func (c Source) begin(o *overlay.Overlay) error {
	switch churn := o.Config().Churn; {
	case c.Samples < 1:
		return fmt.Errorf("randomness: Source.Samples is %d, allowed: 1 or more", c.Samples)
	case c.Every < 0:
		return fmt.Errorf("randomness: Source.Every is %d, allowed: 1 or more, or 0 for 1", c.Every)
	case c.Skip < 0:
		return fmt.Errorf("randomness: Source.Skip is %d, allowed: 0 or more", c.Skip)
	case churn > 0:
		return fmt.Errorf("randomness: the overlay has churn of %g, allowed: 0, so that all samples are from the same nodes", churn)
	}
	for range c.Skip {
		o.Step()
	}
	switch {
	case !o.Alive(c.Node):
		return fmt.Errorf("randomness: Source.Node is %d, allowed: a node that lives", c.Node)
	case o.Nodes() < 3:
		return fmt.Errorf("randomness: the overlay has %d nodes in cycle %d, allowed: 3 or more; Source.Skip can let it grow", o.Nodes(), o.Cycle())
	}
	return nil
}

// FromView steps the overlay and draws, at the end of every cycle or of every
// Every-th, one entry of the node's view, uniformly: getPeer of TOCS 2007,
// section 2. Overlay and Source together decide the stream.
//
// All nodes must be there when the first sample is taken, and stay.
func FromView(o *overlay.Overlay, c Source) (Stream, error) {
	if err := c.begin(o); err != nil {
		return Stream{}, err
	}
	n := number(o, c.Node)
	rng := rand.New(rand.NewPCG(c.Seed, streamView))
	s := Stream{Nodes: o.Nodes() - 1, Peers: make([]uint32, 0, c.Samples)}
	for range c.Samples {
		for range max(1, c.Every) {
			o.Step()
		}
		v := o.View(c.Node)
		if len(v) == 0 {
			return Stream{}, fmt.Errorf("randomness: node %d knows nobody in cycle %d", c.Node, o.Cycle())
		}
		x, ok := n[v[rng.IntN(len(v))].Peer]
		if !ok || o.Nodes() != s.Nodes+1 {
			return Stream{}, fmt.Errorf("randomness: nodes came or went before cycle %d; Source.Skip can let that pass first", o.Cycle())
		}
		s.Peers = append(s.Peers, x)
	}
	return s, nil
}

// number gives the live nodes but one their numbers in a stream.
func number(o *overlay.Overlay, self peer.Handle) map[peer.Handle]uint32 {
	n := make(map[peer.Handle]uint32, o.Nodes())
	for h := range o.Live() {
		if h != self {
			n[h] = uint32(len(n))
		}
	}
	return n
}

// Contacts returns everybody that the node exchanges with, in order: those it
// chooses, once a cycle, and those who choose it.
//
// An overlay does not tell who exchanges with whom. So this goes on from its
// views, as they are after Skip cycles, by turns of its own, in the same model:
// in every cycle each node initiates once, in a fresh order, and nobody dies.
// Every is not used. A policy that goes by other than exchanges is an error.
func Contacts(o *overlay.Overlay, c Source) (Stream, error) {
	if err := c.begin(o); err != nil {
		return Stream{}, err
	}
	w, err := newWorld(o, c)
	if err != nil {
		return Stream{}, err
	}
	s := Stream{Nodes: o.Nodes() - 1}
	for len(s.Peers) < c.Samples {
		before := len(s.Peers)
		if s.Peers = w.cycle(s.Peers); len(s.Peers) == before {
			return Stream{}, fmt.Errorf("randomness: node %d exchanges with nobody", c.Node)
		}
	}
	s.Peers = s.Peers[:c.Samples]
	return s, nil
}

// world is a copy of the views of an overlay, for one goroutine.
type world struct {
	self   peer.Handle
	number map[peer.Handle]uint32
	engine *peersampling.Engine
	views  [][]peer.Descriptor // by handle
	order  []peer.Handle
	source *rand.PCG
}

func newWorld(o *overlay.Overlay, c Source) (*world, error) {
	engine, err := peersampling.NewEngine(o.Policy())
	if err != nil {
		return nil, err
	}
	w := &world{
		self: c.Node, number: number(o, c.Node), engine: engine,
		source: rand.NewPCG(c.Seed, streamContacts),
	}
	for h := range o.Live() {
		for int(h) >= len(w.views) {
			w.views = append(w.views, nil)
		}
		w.views[h] = append(make([]peer.Descriptor, 0, o.Policy().C), o.View(h)...)
		w.order = append(w.order, h)
	}
	return w, nil
}

// cycle appends whom the node meets in one cycle.
func (w *world) cycle(met []uint32) []uint32 {
	rand.New(w.source).Shuffle(len(w.order), func(i, j int) { w.order[i], w.order[j] = w.order[j], w.order[i] })
	for _, h := range w.order {
		to, ok := w.engine.SelectPeer(w.views[h], w.lives, w.source)
		if !ok {
			continue
		}
		w.views[h], w.views[to] = w.engine.Exchange(w.views[h], w.views[to], h, to, w.source)
		switch w.self {
		case h:
			met = append(met, w.number[to])
		case to:
			met = append(met, w.number[h])
		}
	}
	return met
}

func (w *world) lives(h peer.Handle) bool { return int(h) < len(w.views) && w.views[h] != nil }
