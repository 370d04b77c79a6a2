package overlay

import (
	"math/rand/v2"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
)

// A Brahms overlay has no turns. A cycle is one round, the same for all, as in
// the paper's evaluation: all push and pull at once, on the views as they were
// at the start of the round, and then all renew theirs.
//
//	                    ┌── in parallel ──┐            ┌─ in parallel ─┐
//	views, samples ───▶ targets of pushes ──▶ inboxes ──▶ next views, samples
//
// A node's part of a round hangs on the views before it and on the node's own
// seed, and writes nothing that another's reads. So how many cores share the
// work makes no difference.

// rounds carries out the rounds. All lists but inbox are by slot.
type rounds struct {
	samples []peer.Descriptor // Policy.Samplers for each
	next    []peer.Descriptor // the records as they will be after the round
	seeds   [][2]uint64
	pushes  []uint32      // the slots of those pushed to, most for each; 0 is nobody's
	most    int           // αl1
	begin   []uint32      // where a slot's part of the inbox begins; it ends with the next one's
	inbox   []peer.Handle // who has pushed to the slot
	workers []*rounder
}

// newRounds returns the state of a Brahms overlay in cycles, nil for another.
func newRounds(o *Overlay) *rounds {
	if o.cfg.Policy.Samplers == 0 || o.cfg.Messages != nil {
		return nil
	}
	slots := o.cfg.Nodes + 1
	r := &rounds{
		samples: make([]peer.Descriptor, slots*o.cfg.Policy.Samplers),
		next:    make([]peer.Descriptor, cap(o.records)),
		seeds:   make([][2]uint64, slots),
		begin:   make([]uint32, slots+1),
	}
	r.hire(o, 1)
	r.most = r.workers[0].Pushes()
	r.pushes = make([]uint32, slots*r.most)
	return r
}

// hire makes sure of so many workers.
func (r *rounds) hire(o *Overlay, n int) {
	for len(r.workers) < n {
		r.workers = append(r.workers, newRounder(o))
	}
}

// samplesOf returns the sample list of the node in the slot.
func (r *rounds) samplesOf(s uint32, policy peersampling.Policy) []peer.Descriptor {
	at := int(s) * policy.Samplers
	return r.samples[at : at+policy.Samplers : at+policy.Samplers]
}

// slotsAtOnce is how many slots a worker takes at once. A guess: some hundred
// microseconds of work.
const slotsAtOnce = 64

// run is one round.
func (r *rounds) run(o *Overlay) {
	end := int(o.end())
	tasks := (end + slotsAtOnce - 1) / slotsAtOnce
	cores := o.workersFor(tasks)
	r.hire(o, cores)
	for s := 1; s < end; s++ {
		r.seeds[s] = [2]uint64{o.source.Uint64(), o.source.Uint64()}
	}
	for _, w := range r.workers[:cores] {
		w.forger.villains = append(w.forger.villains[:0], o.attack.villains...)
	}
	r.each(cores, tasks, end, (*rounder).push)
	r.deliver(o)
	r.next = r.next[:len(o.records)]
	r.each(cores, tasks, end, (*rounder).renew)
	o.records, r.next = r.next, o.records
}

// each does something for all slots, on some cores.
func (r *rounds) each(cores, tasks, end int, do func(w *rounder, slot uint32)) {
	parallel(cores, tasks, func(i int) func(int) {
		w := r.workers[i]
		return func(task int) {
			for s := max(1, task*slotsAtOnce); s < min(end, (task+1)*slotsAtOnce); s++ {
				do(w, uint32(s))
			}
		}
	})
}

// deliver sorts the pushes by whom they go to: counted first, then put there.
func (r *rounds) deliver(o *Overlay) {
	end := o.end()
	clear(r.begin[:end+1])
	total := 0
	r.eachPush(o, func(_ peer.Handle, to uint32) {
		r.begin[to]++
		total++
	})
	if cap(r.inbox) < total {
		r.inbox = make([]peer.Handle, total+total/8)
	}
	r.inbox = r.inbox[:total]
	at := uint32(0)
	for s := range end + 1 { // where a part ends, from which it is filled backwards
		at += r.begin[s]
		r.begin[s] = at
	}
	r.eachPush(o, func(from peer.Handle, to uint32) {
		r.begin[to]--
		r.inbox[r.begin[to]] = from
	})
}

// eachPush goes over all pushes that arrive, the same whenever it is asked.
// Those of attackers are too many to be written down.
func (r *rounds) eachPush(o *Overlay, do func(from peer.Handle, to uint32)) {
	var rng rand.PCG
	for s := uint32(1); s < o.end(); s++ {
		from := o.name(s)
		switch {
		case from == peer.None:
		case o.attack.isHostile(s):
			rng.Seed(r.seeds[s][0], r.seeds[s][1])
			for range r.most * o.cfg.Attack.rate() {
				if to := o.attack.victim(&rng); to != peer.None {
					do(from, o.slot[to])
				}
			}
		default:
			for _, to := range r.pushes[int(s)*r.most : int(s+1)*r.most] {
				if to != 0 {
					do(from, to)
				}
			}
		}
	}
}

// rounder does nodes' parts of a round on one core.
type rounder struct {
	*peersampling.Rounds
	o      *Overlay
	forger forger
	forged []peer.Descriptor
	pulled []peer.Handle
}

func newRounder(o *Overlay) *rounder {
	policy := o.cfg.Policy
	r, err := peersampling.NewRounds(policy, o.cfg.Seed, nil) // a handle is never given twice
	if err != nil {
		panic("overlay: " + err.Error()) // New has validated the policy
	}
	return &rounder{Rounds: r, o: o, pulled: make([]peer.Handle, 0, min(r.Pulls()*policy.C, 1<<16))}
}

// push decides to whom the node in the slot pushes. Pushes to the dead are lost.
func (w *rounder) push(s uint32) {
	o, r := w.o, w.o.rounds
	to := r.pushes[int(s)*r.most : int(s+1)*r.most]
	clear(to)
	if o.name(s) == peer.None || o.attack.isHostile(s) {
		return
	}
	var rng rand.PCG
	rng.Seed(r.seeds[s][0], r.seeds[s][1])
	targets, _ := w.Targets(o.view(s), &rng)
	for i, h := range targets {
		to[i] = o.slot[h]
	}
}

// renew does the rest of the node's part. To whom it has pushed and pulls from
// it draws once more: the same, from the same seed.
func (w *rounder) renew(s uint32) {
	o, r := w.o, w.o.rounds
	self := o.name(s)
	head := int(s) * o.stride
	r.next[head] = peer.Descriptor{Peer: self}
	if self == peer.None || o.attack.isHostile(s) {
		return
	}
	var rng rand.PCG
	rng.Seed(r.seeds[s][0], r.seeds[s][1])
	view, samples := o.view(s), r.samplesOf(s, o.cfg.Policy)
	if isFresh(samples) {
		w.feedView(samples, view, self)
	}
	_, pull := w.Targets(view, &rng)
	w.pull(pull, samples, &rng)

	pushed := r.inbox[r.begin[s]:r.begin[s+1]]
	next, _ := w.Renew(r.next[head+1:head+1:head+1+o.c], view, samples, pushed, w.pulled, self, &rng)
	if o.deaths && o.cfg.DropDead {
		next = o.without(next, pull)
	}
	r.next[head].Age = uint32(len(next))

	w.Feed(samples, pushed, self)
	w.Feed(samples, w.pulled, self)
	w.validate(samples)
}

// pull collects what those say who are asked. The dead say nothing, which is
// noticed with Config.DropDead.
func (w *rounder) pull(from []peer.Handle, samples []peer.Descriptor, rng *rand.PCG) {
	o := w.o
	w.pulled = w.pulled[:0]
	for _, h := range from {
		answer := o.view(o.slot[h]) // empty in slot 0
		switch s := o.slot[h]; {
		case s == 0 && o.cfg.DropDead:
			w.Forget(samples, h)
		case o.attack.isHostile(s):
			w.forged = w.forger.forge(w.forged, o.cfg.Policy.Buffer(), h, rng)
			answer = w.forged
		}
		for _, d := range answer {
			w.pulled = append(w.pulled, d.Peer)
		}
	}
}

// validate probes one sample a round, each in its turn: "the sampler is
// re-initialised" if its sample is dead.
func (w *rounder) validate(samples []peer.Descriptor) {
	if p := samples[w.o.cycle%len(samples)].Peer; !w.o.Alive(p) {
		w.Forget(samples, p)
	}
}

// isFresh reports whether a node has drawn nothing yet: then it draws from the
// view that it was given at the start.
func isFresh(samples []peer.Descriptor) bool {
	for _, x := range samples {
		if x.Peer != peer.None {
			return false
		}
	}
	return true
}

func (w *rounder) feedView(samples, view []peer.Descriptor, self peer.Handle) {
	w.pulled = w.pulled[:0]
	for _, d := range view {
		w.pulled = append(w.pulled, d.Peer)
	}
	w.Feed(samples, w.pulled, self)
}

// without removes those of some peers that are dead.
func (o *Overlay) without(v []peer.Descriptor, some []peer.Handle) []peer.Descriptor {
	for _, h := range some {
		if o.Alive(h) {
			continue
		}
		for i, d := range v {
			if d.Peer == h {
				v[i] = v[len(v)-1]
				v = v[:len(v)-1]
				break
			}
		}
	}
	return v
}

// AppendSamples appends the sample list of a node of a Brahms overlay: one peer
// for each sampler that has drawn one, the same one more than once if several
// have. Nothing if the node does not live, or the overlay is another.
func (o *Overlay) AppendSamples(dst []peer.Handle, h peer.Handle) []peer.Handle {
	if o.rounds == nil || !o.Alive(h) {
		return dst
	}
	for _, x := range o.rounds.samplesOf(o.slot[h], o.cfg.Policy) {
		if x.Peer != peer.None {
			dst = append(dst, x.Peer)
		}
	}
	return dst
}

// SampleAttackerShare is AttackerShare of the sample lists of a Brahms overlay
// instead of its views: the share of attackers, and the nodes without an honest
// sample. In another overlay both are 0.
func (o *Overlay) SampleAttackerShare() (share float64, isolated int) {
	if o.rounds == nil {
		return 0, 0
	}
	return o.shareIn(func(s uint32) []peer.Descriptor { return o.rounds.samplesOf(s, o.cfg.Policy) })
}
