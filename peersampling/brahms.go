package peersampling

import (
	"math/rand/v2"
	"slices"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// Rounds carries out a Brahms policy, as an Engine does the others: on views and
// sample lists that the caller owns, without state between calls, for any number
// of nodes, but not for two goroutines at once. A node's round is
//
//	push, pull = Targets(view)              pushed: who has pushed to it
//	its id ───────────▶ each of push        pulled: what the answers to its
//	a request ────────▶ each of pull                pulls hold
//	...
//	view = Renew(view, samples, pushed, pulled)
//	Feed(samples, pushed), Feed(samples, pulled)
//
// and whoever is asked answers with its view. Forget the peers that prove dead.
//
// A view keeps the invariants I1 to I3 of Engine; its ages are 0 and mean
// nothing. A sample list has one descriptor for each of Policy.Samplers, at
// first all zero: Peer is the sample, peer.None if there is none yet, Age counts
// how often the sampler was initialised anew.
//
// Give views a capacity of C and no method allocates, once its scratch space has
// grown to the size of what it is handed.
type Rounds struct {
	policy   Policy
	secret   uint64
	identity func(peer.Handle) uint64

	pushes, pulls, history int // αl1, βl1, γl1

	deck    []peer.Descriptor // a view to be shuffled
	some    []peer.Handle     // the pushers, or the samples
	mixed   []uint64          // identities that are fed
	targets [2][]peer.Handle
}

// NewRounds returns Rounds for a valid policy with Samplers, or a *PolicyError.
//
// The hash functions of the samplers come from secret, which must be random and
// known to nobody else, and from the node's own identity, so that the nodes of a
// simulation may share one.
//
// identity names a peer for ever: it must be the same number for a peer that has
// gone and come back, whatever its handle is then, for otherwise a peer could
// have itself drawn again by coming and going. nil means that the handle does.
func NewRounds(p Policy, secret uint64, identity func(peer.Handle) uint64) (*Rounds, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	if p.Samplers == 0 {
		return nil, p.bad("Samplers", 0, "1 or more for Rounds; an Engine carries out all policies without")
	}
	if identity == nil {
		identity = func(h peer.Handle) uint64 { return uint64(h) }
	}
	r := &Rounds{policy: p, secret: secret, identity: identity}
	r.pushes, r.pulls, r.history = p.quotas()
	r.deck = make([]peer.Descriptor, 0, p.C)
	r.some = make([]peer.Handle, 0, max(p.C, p.Samplers))
	r.targets = [2][]peer.Handle{make([]peer.Handle, 0, r.pushes), make([]peer.Handle, 0, r.pulls)}
	return r, nil
}

// quotas are the paper's αl1, βl1 and γl1 with α = β = 0.45 and γ = 0.1 (section
// 5, "Evaluation"), where the view is too small for that at least 1 each.
func (p Policy) quotas() (pushes, pulls, history int) {
	pushes = max(1, p.C*9/20)
	return pushes, pushes, max(1, p.C-2*pushes)
}

// Policy returns the policy that is carried out.
func (r *Rounds) Policy() Policy { return r.policy }

// Pushes is how many peers a node pushes to in a round at most, and the limit of
// those that may push to it: αl1.
func (r *Rounds) Pushes() int { return r.pushes }

// Pulls is how many peers a node pulls from in a round at most: βl1.
func (r *Rounds) Pulls() int { return r.pulls }

// Targets draws whom to push to and whom to pull from, both uniformly from the
// view and without repetition. The two are valid until the next call; the order
// of v stays as it is.
func (r *Rounds) Targets(v []peer.Descriptor, rng *rand.PCG) (push, pull []peer.Handle) {
	r.deck = append(r.deck[:0], v...)
	r.targets[0] = r.deal(r.targets[0][:0], r.pushes, rng)
	r.targets[1] = r.deal(r.targets[1][:0], r.pulls, rng)
	return r.targets[0], r.targets[1]
}

func (r *Rounds) deal(dst []peer.Handle, n int, rng *rand.PCG) []peer.Handle {
	shuffleHead(r.deck, n, rng)
	for _, d := range r.deck[:min(n, len(r.deck))] {
		dst = append(dst, d.Peer)
	}
	return dst
}

// Renew ends the round of the node self for its view v: pushed are those who
// have pushed to it, pulled is what the answers to its pulls held, in any order;
// its order is lost. Both may hold anything. It returns the view in the memory
// of dst, which may be that of v, and whether it was renewed.
//
// "if |V_push| ≤ αl1 and V_push ≠ ∅ and V_pull ≠ ∅" the view becomes those who
// pushed, βl1 random ones of those pulled and γl1 random ones of the samples.
// Otherwise, because nobody pushed, or nobody answered, or so many pushed that
// somebody seems to do it for the sake of it, those who pushed and what was
// pulled are not let in. The view stays, but samples fill its free places, and
// take random ones until they have got γl1. The package documentation tells why.
func (r *Rounds) Renew(dst, v, s []peer.Descriptor, pushed, pulled []peer.Handle, self peer.Handle, rng *rand.PCG) (view []peer.Descriptor, renewed bool) {
	pushers := r.pushers(pushed, self)
	if len(pushers) == 0 || len(pushers) > r.pushes || !anyBut(pulled, self) {
		return r.refresh(append(dst[:0], v...), s, self, rng), false
	}
	view = dst[:0]
	for _, p := range pushers {
		view = append(view, peer.Descriptor{Peer: p})
	}
	view = r.appendSome(view, pulled, r.pulls, self, rng)
	return r.appendSome(view, r.drawn(s), r.history, self, rng), true
}

// pushers returns who has pushed, each once and in the order of their first
// pushes, and of those that are too many only so many that it shows. A peer that
// pushes twice is no more than one: it must not take many to block a node.
func (r *Rounds) pushers(pushed []peer.Handle, self peer.Handle) []peer.Handle {
	r.some = r.some[:0]
	for _, p := range pushed {
		if p == self || p == peer.None || slices.Contains(r.some, p) {
			continue
		}
		r.some = append(r.some, p)
		if len(r.some) > r.pushes {
			break
		}
	}
	return r.some
}

// anyBut reports whether there is somebody other than self.
func anyBut(peers []peer.Handle, self peer.Handle) bool {
	return slices.ContainsFunc(peers, func(p peer.Handle) bool { return p != self && p != peer.None })
}

// drawn returns the samples; the places of those that there are not hold None.
func (r *Rounds) drawn(s []peer.Descriptor) []peer.Handle {
	r.some = r.some[:0]
	for _, x := range s {
		r.some = append(r.some, x.Peer)
	}
	return r.some
}

// appendSome appends to the view up to n peers that are not in it yet, drawn at
// random from a list: who is in the list twice has twice the chance.
func (r *Rounds) appendSome(view []peer.Descriptor, from []peer.Handle, n int, self peer.Handle, rng *rand.PCG) []peer.Descriptor {
	for ; n > 0 && len(from) > 0 && len(view) < r.policy.C; from = from[1:] {
		if p := drawFirst(from, rng); p != self && p != peer.None && !has(view, p) {
			view = append(view, peer.Descriptor{Peer: p})
			n--
		}
	}
	return view
}

// drawFirst makes a random peer the first of some, and returns it.
func drawFirst(some []peer.Handle, rng *rand.PCG) peer.Handle {
	i := below(rng, len(some))
	some[0], some[i] = some[i], some[0]
	return some[0]
}

func has(v []peer.Descriptor, p peer.Handle) bool {
	for _, d := range v {
		if d.Peer == p {
			return true
		}
	}
	return false
}

// refresh lets samples that are not in the view into its free places and, if
// these are fewer than γl1, into the places of random peers.
func (r *Rounds) refresh(view, s []peer.Descriptor, self peer.Handle, rng *rand.PCG) []peer.Descriptor {
	old := len(view) // of these, and no others, places may be taken
	for put, from := 0, r.drawn(s); len(from) > 0; from = from[1:] {
		p := drawFirst(from, rng)
		switch {
		case p == self || p == peer.None || has(view, p):
			continue
		case len(view) < r.policy.C:
			view = append(view, peer.Descriptor{Peer: p})
		case put < r.history && old > 0:
			i := below(rng, old)
			old--
			view[i] = view[old]
			view[old] = peer.Descriptor{Peer: p}
		default:
			return view
		}
		put++
	}
	return view
}

// Feed shows peers to the samplers of the node self: "updateSample(V_push ∪
// V_pull)", whether or not the view was renewed. To show a peer again changes
// nothing.
func (r *Rounds) Feed(s []peer.Descriptor, peers []peer.Handle, self peer.Handle) {
	r.some, r.mixed = r.some[:0], r.mixed[:0]
	for _, p := range peers {
		if p != self && p != peer.None {
			r.some = append(r.some, p)
			r.mixed = append(r.mixed, mix(r.identity(p)))
		}
	}
	feed(s, mix(r.secret^mix(r.identity(self)+golden)), r.some, r.mixed, r.identity)
}

// Forget initialises the samplers that hold p anew, each with another hash
// function, because p is dead: what they will have drawn depends on what they
// are fed from now on.
func (r *Rounds) Forget(s []peer.Descriptor, p peer.Handle) {
	if p != peer.None {
		forget(s, p)
	}
}
