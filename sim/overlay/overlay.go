package overlay

import (
	"iter"
	"math/rand/v2"
	"slices"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
)

// Overlay is a run. It must not be used by two goroutines at once.
type Overlay struct {
	graph // who is there and whom they know

	cfg    Config
	cycle  int
	source rand.PCG   // decides everything but the measuring
	rng    *rand.Rand // draws from source

	grown  int // nodes that joined by growth, or were there from the start
	first  peer.Handle
	owed   float64 // the part of a node that churn has not replaced yet
	deaths bool    // there may be dead descriptors
	attack attack

	turns  turns   // of a policy that goes by exchanges
	rounds *rounds // of Brahms, nil if the policy is another
	events *events // of an event-driven overlay, which has no turns or rounds; nil in others
}

// New returns an overlay before its first cycle, or Validate's error.
func New(cfg Config) (*Overlay, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.clone()
	if cfg.GrowPerCycle == 0 {
		cfg.GrowPerCycle = defaultGrowth
	}
	o := &Overlay{cfg: cfg, graph: newGraph(cfg.Nodes, cfg.Policy.C)}
	o.cores = cfg.Cores
	o.source.Seed(cfg.Seed, streamRun)
	o.rng = rand.New(&o.source)
	o.attack = newAttack(cfg)
	o.rounds = newRounds(o)
	o.start()
	o.events = newEvents(o)
	if o.rounds == nil && o.events == nil {
		o.turns = newTurns(o)
	}
	return o, nil
}

// The streams of random numbers that a seed decides.
const (
	streamRun        = 0x6f7665726c617901
	streamClustering = 0x6f7665726c617902
	streamPaths      = 0x6f7665726c617903
	streamRemoval    = 0x6f7665726c617904
	streamAttack     = 0x6f7665726c617905
)

// Step is one cycle, or one period of an event-driven overlay.
func (o *Overlay) Step() {
	o.cycle++
	o.grow()
	o.kill()
	if o.events != nil {
		o.events.run()
		return
	}
	o.churn()
	o.muster()
	if o.rounds != nil {
		o.rounds.run(o)
	} else {
		o.turns.run(o)
	}
}

// Config returns the configuration of the run, with what it left to default.
func (o *Overlay) Config() Config {
	return o.cfg.clone()
}

// clone returns a copy that shares nothing with c.
func (c Config) clone() Config {
	c.Kill = slices.Clone(c.Kill)
	if c.Messages != nil {
		m := *c.Messages
		m.Cut = slices.Clone(m.Cut)
		c.Messages = &m
	}
	return c
}

// Policy returns what every node does.
func (o *Overlay) Policy() peersampling.Policy { return o.cfg.Policy }

// Cycle returns how many cycles there were.
func (o *Overlay) Cycle() int { return o.cycle }

// Nodes returns how many nodes live.
func (o *Overlay) Nodes() int { return len(o.live) }

// Live yields the live nodes. The order means nothing but is the same in every
// run with the same seed; nodes of the start are named 1 to Nodes.
func (o *Overlay) Live() iter.Seq[peer.Handle] {
	return func(yield func(peer.Handle) bool) {
		for s := uint32(1); s < o.end(); s++ {
			if h := o.name(s); h != peer.None && !yield(h) {
				return
			}
		}
	}
}

// Alive reports whether a node lives.
func (o *Overlay) Alive(h peer.Handle) bool { return int(h) < len(o.slot) && o.slot[h] != 0 }

// View returns the view of a node, nil if it does not live. It is the node's
// own memory: read it before the next Step, and do not write to it.
func (o *Overlay) View(h peer.Handle) []peer.Descriptor {
	if !o.Alive(h) {
		return nil
	}
	return o.view(o.slot[h])
}
