package overlay

import (
	"math"
	"math/rand/v2"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
)

// A cycle is a sequence of turns. What a turn does hangs on the state before it
// and on its own seed, nothing else. So two turns that touch no node in common
// may change places, or run at the same time, and the state after both is the
// same. With N nodes about √N turns in a row touch different nodes, which is
// what this file makes use of:
//
//	           ┌─ ready ─┐┌──── waiting ────┐┌─ new ─┐
//	turns      . . . . . .x . . . . . . . . . . . . . .  . .
//
// The ready ones touch 2 · ready different nodes, x is the first that touches
// one of them again. While the ready ones are carried out, the new ones already
// choose their peers, unless a ready one touches their view. Then those whose
// view was touched choose (again), and x, which has the right view now, is the
// first of the ready ones.

// turn is one node's turn to initiate.
type turn struct {
	self uint32      // the slot of the node
	to   peer.Handle // whom it has chosen; None if nobody
	seed [2]uint64
	rng  rand.PCG // from the seed, and as far as choosing has brought it
}

// turns carries out the turns of a cycle.
type turns struct {
	queue   []turn // ready, waiting and new
	touched []uint8
	epoch   uint8 // what touched says of a slot that a ready turn touches; never 0 in use
	widest  int   // how many turns to have in the queue, apart from the ready ones
	workers []*worker

	dealt int    // how many nodes have had a turn dealt in this cycle
	last  uint32 // the slot of the one dealt last,
	more  int    // and how many more turns it has: attackers may
}

const (
	narrowest = 16 // the same, when they all meet (in a star)

	// worthSharing is the number of ready turns that are shared between cores: to
	// hand them over and back takes the time of a few.
	worthSharing = 32
)

func newTurns(o *Overlay) turns {
	// Among k turns are k²/2 pairs, of which each meets with probability 3/N: up
	// to √N it is more likely than not that none does.
	widest := max(narrowest, int(math.Sqrt(float64(o.cfg.Nodes))))
	t := turns{
		queue:   make([]turn, 0, 2*widest),
		touched: make([]uint8, o.cfg.Nodes+1),
		widest:  widest,
	}
	t.hire(o, 1)
	return t
}

// hire makes sure of so many workers.
func (t *turns) hire(o *Overlay, n int) {
	for len(t.workers) < n {
		t.workers = append(t.workers, newWorker(o))
	}
}

// run is one cycle of turns.
func (t *turns) run(o *Overlay) {
	cores := 1
	if t.widest > worthSharing {
		cores = coresOf(o.cfg.Cores)
	}
	t.hire(o, cores)
	for _, w := range t.workers[:cores] {
		w.forger.villains = append(w.forger.villains[:0], o.attack.villains...)
	}
	crew := newCrew(t.workers[:cores])
	defer crew.dismiss()

	for t.dealt = 0; t.left(o) || len(t.queue) > 0; {
		ready := t.ready(o)
		waiting := len(t.queue)
		for most := ready + min(max(2*ready, narrowest), t.widest); t.left(o) && len(t.queue) < most; {
			t.queue = append(t.queue, turn{
				self: t.deal(o),
				seed: [2]uint64{o.source.Uint64(), o.source.Uint64()},
			})
		}
		crew.work(job{do: t.queue[:ready], choose: t.queue[waiting:]})
		t.queue = t.queue[:copy(t.queue, t.queue[ready:])]
		for i := range t.queue {
			if x := &t.queue[i]; t.touched[x.self] == t.epoch {
				t.workers[0].choose(x)
			}
		}
	}
}

// left reports whether there are turns to be dealt.
func (t *turns) left(o *Overlay) bool { return t.dealt < len(o.live) || t.more > 0 }

// deal returns the slot of the node that has the next turn. The turns of an
// attacker that has several follow one upon another.
func (t *turns) deal(o *Overlay) uint32 {
	if t.more > 0 {
		t.more--
		return t.last
	}
	t.last = o.drawTo(t.dealt)
	t.dealt++
	if o.attack.isHostile(t.last) {
		t.more = o.cfg.Attack.rate() - 1
	}
	return t.last
}

// ready returns how many of the first turns in the queue touch no node in common,
// and marks the nodes that they touch. An attacker takes no notice of its turns,
// and may be part of any number at a time.
func (t *turns) ready(o *Overlay) int {
	t.epoch++
	if t.epoch == 0 {
		clear(t.touched)
		t.epoch = 1
	}
	for i := range t.queue {
		self, to := t.queue[i].self, o.slot[t.queue[i].to]
		if o.attack.hostile != nil {
			self, to = o.unlessHostile(self), o.unlessHostile(to)
		}
		if t.touched[self] == t.epoch || t.touched[to] == t.epoch {
			return i
		}
		if self != 0 {
			t.touched[self] = t.epoch
		}
		if to != 0 {
			t.touched[to] = t.epoch
		}
	}
	return len(t.queue)
}

func (o *Overlay) unlessHostile(slot uint32) uint32 {
	if o.attack.isHostile(slot) {
		return 0
	}
	return slot
}

// worker carries out turns on one core.
type worker struct {
	o       *Overlay
	engine  *peersampling.Engine
	alive   func(peer.Handle) bool
	request []peer.Descriptor // that nobody answers
	reply   []peer.Descriptor // by or to an attacker
	forger  forger
	warmth  uint32 // so that the compiler keeps the loads of warm
}

func newWorker(o *Overlay) *worker {
	engine, err := peersampling.NewEngine(o.cfg.Policy)
	if err != nil {
		panic("overlay: " + err.Error()) // New has validated the policy
	}
	return &worker{
		o: o, engine: engine, alive: o.Alive,
		request: make([]peer.Descriptor, 0, o.cfg.Policy.Buffer()),
		reply:   make([]peer.Descriptor, 0, o.cfg.Policy.Buffer()),
	}
}

// choose lets the turn select its peer, from the view as it is.
func (w *worker) choose(t *turn) {
	t.rng.Seed(t.seed[0], t.seed[1])
	if w.o.attack.isHostile(t.self) {
		t.to = w.o.attack.victim(&t.rng)
		return
	}
	var usable func(peer.Handle) bool
	if w.o.deaths && !w.o.cfg.DropDead {
		usable = w.alive
	}
	t.to, _ = w.engine.SelectPeer(w.o.view(t.self), usable, &t.rng)
}

// do carries the turn out.
func (w *worker) do(t *turn) {
	o := w.o
	to := o.slot[t.to]
	switch {
	case t.to == peer.None:
	case to == 0:
		w.fail(t)
	case o.attack.isHostile(t.self):
		w.suffer(t, to)
	case o.attack.isHostile(to):
		w.fallFor(t, to)
	default:
		active, passive := w.engine.Exchange(o.view(t.self), o.view(to), o.name(t.self), t.to, &t.rng)
		o.records[int(t.self)*o.stride].Age = uint32(len(active))
		o.records[int(to)*o.stride].Age = uint32(len(passive))
	}
}

// suffer is an exchange that an attacker begins with the honest node in slot to:
// the passive thread, and nothing else.
func (w *worker) suffer(t *turn, to uint32) {
	o := w.o
	w.request = w.forge(w.request, o.name(t.self), o.cfg.Policy.Pushes(), t)
	reply, v := w.engine.Reply(w.reply, o.view(to), t.to, o.name(t.self), &t.rng)
	v = w.engine.Merge(v, w.request, reply, t.to, &t.rng)
	w.engine.Age(v)
	o.records[int(to)*o.stride].Age = uint32(len(v))
}

// fallFor is an exchange that an honest node begins with the attacker in slot
// to: the active thread, and nothing else.
func (w *worker) fallFor(t *turn, to uint32) {
	o := w.o
	self := o.name(t.self)
	request, v := w.engine.Request(w.request, o.view(t.self), self, t.to, &t.rng)
	w.reply = w.forge(w.reply, o.name(to), o.cfg.Policy.Pulls(), t)
	v = w.engine.Merge(v, w.reply, request, self, &t.rng)
	w.engine.Age(v)
	o.records[int(t.self)*o.stride].Age = uint32(len(v))
}

// forge makes what an attacker sends, if the policy lets it send.
func (w *worker) forge(buf []peer.Descriptor, attacker peer.Handle, sends bool, t *turn) []peer.Descriptor {
	if !sends {
		return buf[:0]
	}
	return w.forger.forge(buf, w.o.cfg.Policy.Buffer(), attacker, &t.rng)
}

// fail is an exchange that the other side does not answer.
func (w *worker) fail(t *turn) {
	o := w.o
	_, v := w.engine.Request(w.request, o.view(t.self), o.name(t.self), t.to, &t.rng)
	n := 0
	for _, d := range v {
		v[n] = d
		if d.Peer != t.to {
			n++
		}
	}
	o.records[int(t.self)*o.stride].Age = uint32(n)
}

// batch is how many turns' records are fetched at once: enough for all the loads
// that a core can have under way, few enough to stay in its nearest cache.
const batch = 32

func (w *worker) chooseAll(some []turn, touched []uint8, epoch uint8) {
	for len(some) > 0 {
		now := some[:min(batch, len(some))]
		for i := range now {
			if touched[now[i].self] != epoch {
				w.warm(now[i].self)
			}
		}
		for i := range now {
			if touched[now[i].self] != epoch {
				w.choose(&now[i])
			}
		}
		some = some[len(now):]
	}
}

func (w *worker) doAll(some []turn) {
	for len(some) > 0 {
		now := some[:min(batch, len(some))]
		for i := range now {
			w.warm(now[i].self) // near by, if this core has chosen for it
			w.warm(w.o.slot[now[i].to])
		}
		for i := range now {
			w.do(&now[i])
		}
		some = some[len(now):]
	}
}

// warm touches all lines of a record. The loads do not wait for each other, as
// those of an exchange would: it is a prefetch, as far as Go has one.
func (w *worker) warm(s uint32) {
	at := int(s) * w.o.stride
	sum := uint32(0)
	for record := w.o.records[at : at+w.o.stride]; len(record) >= line; record = record[line:] {
		sum += record[0].Age
	}
	w.warmth += sum
}
