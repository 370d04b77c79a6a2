package peersampling

import (
	"math"
	"math/rand/v2"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// Engine carries out a Policy on views that the caller owns. It keeps scratch
// space but no state between calls, so that one Engine serves any number of
// nodes; it must not be used by two goroutines at once.
//
// A view is a []peer.Descriptor with three invariants that every method keeps:
//
//	I1  it holds at most C descriptors
//	I2  no peer twice, and never peer.None
//	I3  never the node itself
//
// Give views a capacity of C and buffers one of Policy.Buffer, and no method
// allocates.
type Engine struct {
	policy  Policy
	list    list              // what select() works on
	ages    ranking           // which descriptors are the oldest, or the freshest
	aside   []peer.Descriptor // a part of a view, for a moment
	request []peer.Descriptor // the buffers of Exchange
	reply   []peer.Descriptor
}

// NewEngine returns an Engine for a valid policy, or Validate's error. Policies
// with Samplers (Brahms) are for NewRounds: that is a *PolicyError, too.
func NewEngine(p Policy) (*Engine, error) { return makeEngine(p, manyMarks) }

func makeEngine(p Policy, marks int) (*Engine, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	if p.Samplers != 0 {
		return nil, p.bad("Samplers", p.Samplers, "0 for an Engine; Rounds carries out Brahms")
	}
	most := p.C + p.Buffer()
	return &Engine{
		policy:  p,
		list:    newList(most, marks),
		ages:    newRanking(most),
		aside:   make([]peer.Descriptor, p.C),
		request: make([]peer.Descriptor, 0, p.Buffer()),
		reply:   make([]peer.Descriptor, 0, p.Buffer()),
	}, nil
}

// Policy returns the policy that the Engine carries out.
func (e *Engine) Policy() Policy { return e.policy }

// Exchange is one complete, atomic exchange between the node self, who
// initiates, and the node other: what the two threads of the papers do when
// nothing is lost and nothing comes in between. It returns the two views as
// they are afterwards.
func (e *Engine) Exchange(active, passive []peer.Descriptor, self, other peer.Handle, rng *rand.PCG) (activeAfter, passiveAfter []peer.Descriptor) {
	e.request, active = e.Request(e.request, active, self, other, rng)
	e.reply, passive = e.Reply(e.reply, passive, other, self, rng)
	coin := e.coin(rng)
	passive = e.merge(passive, e.request, e.reply, other, !coin, rng)
	e.Age(passive)
	active = e.merge(active, e.reply, e.request, self, coin, rng)
	e.Age(active)
	return active, passive
}

// SelectPeer is the papers' selectPeer(): it chooses, by Policy.Peer, among the
// descriptors of v whose peer is usable (nil: all are). It returns false when
// there is none. usable may be asked about the same peer more than once and
// must answer alike. The order of v stays as it is.
func (e *Engine) SelectPeer(v []peer.Descriptor, usable func(peer.Handle) bool, rng *rand.PCG) (peer.Handle, bool) {
	if len(v) == 0 {
		return peer.None, false
	}
	for range maxGuesses {
		p := e.candidate(v, rng)
		if usable == nil || usable(p) {
			return p, true
		}
	}
	return e.selectUsable(v, usable, rng)
}

// maxGuesses is how often SelectPeer looks for a usable peer in the whole view
// before it sorts out the unusable ones. A guess, for views that are mostly
// usable; it makes no difference to anybody's chance.
const maxGuesses = 2

// candidate chooses among all of v, which must not be empty.
func (e *Engine) candidate(v []peer.Descriptor, rng *rand.PCG) peer.Handle {
	if e.policy.Peer == Random {
		return v[below(rng, len(v))].Peer
	}
	by := freshestFirst
	if e.policy.Peer == Tail {
		by = oldestFirst
	}
	ties := e.ages.best(v, by)
	switch {
	case e.policy.View == ByAge:
		return v[ties[below(rng, len(ties))]].Peer
	case by == oldestFirst:
		return v[ties[len(ties)-1]].Peer // the tail of the list
	default:
		return v[ties[0]].Peer
	}
}

// selectUsable chooses among the usable part of v.
func (e *Engine) selectUsable(v []peer.Descriptor, usable func(peer.Handle) bool, rng *rand.PCG) (peer.Handle, bool) {
	some := e.aside[:0]
	for _, d := range v {
		if usable(d.Peer) {
			some = append(some, d)
		}
	}
	if len(some) == 0 {
		return peer.None, false
	}
	return e.candidate(some, rng), true
}

// Request is the sending half of the active thread. It appends to buf[:0] what
// self sends to the peer to, which is nothing under Pull, and returns it with
// the view: permuted, since the listing permutes it, and without to's
// descriptor in Cyclon. Keep sent until the reply comes, for Merge.
func (e *Engine) Request(buf, v []peer.Descriptor, self, to peer.Handle, rng *rand.PCG) (sent, view []peer.Descriptor) {
	switch {
	case e.policy.Shuffle > 0:
		return e.shuffleRequest(buf, v, self, to, rng)
	case !e.policy.Pushes():
		return buf[:0], v // "else // empty view to trigger response: send {} to p"
	case e.policy.View == ByAge:
		return e.halfView(buf, v, self, rng), v
	default:
		return wholeView(buf, v, self), v
	}
}

// Reply is the sending half of the passive thread: like Request, for the answer
// to a request of the peer from. It is nothing under Push. Build the reply
// before merging the request, as the listings do.
func (e *Engine) Reply(buf, v []peer.Descriptor, self, from peer.Handle, rng *rand.PCG) (sent, view []peer.Descriptor) {
	switch {
	case e.policy.Shuffle > 0:
		return e.shuffleReply(buf, v, rng), v
	case !e.policy.Pulls():
		return buf[:0], v
	case e.policy.View == ByAge:
		return e.halfView(buf, v, self, rng), v
	default:
		return wholeView(buf, v, self), v
	}
}

// Merge is the receiving half of both threads: the 2007 select(), the 2004
// selectView(merge()), or Cyclon's update. v is the view of self now, received
// what the peer sent, sent what self sent to that peer in the same exchange
// (the result of Request or Reply). It returns the view, in the memory of v.
//
// received may come from anybody: whatever it holds, I1 to I3 are kept, and
// what goes beyond Policy.Buffer descriptors is ignored. v may have changed
// since sent was built. With nothing received nothing changes.
//
// In the 2004 framework received is put in the order of its hop counts, if it is
// not.
func (e *Engine) Merge(v, received, sent []peer.Descriptor, self peer.Handle, rng *rand.PCG) []peer.Descriptor {
	return e.merge(v, received, sent, self, e.coin(rng), rng)
}

// coin decides where two ordered lists have equals. Both partners of an atomic
// exchange have the same two lists and merge them once, so to say: one coin
// decides for both.
func (e *Engine) coin(rng *rand.PCG) bool { return e.policy.View != ByAge && rng.Uint64()>>63 == 0 }

func (e *Engine) merge(v, received, sent []peer.Descriptor, self peer.Handle, coin bool, rng *rand.PCG) []peer.Descriptor {
	received = received[:min(len(received), e.policy.Buffer())]
	switch {
	case len(received) == 0:
		return v
	case e.policy.Shuffle > 0:
		return e.mergeShuffle(v, received, sent, self)
	case e.policy.View == ByAge:
		return e.selectByAge(v, received, sent, self, rng)
	default:
		return e.selectByHops(v, received, self, coin, rng)
	}
}

// Age is the 2007 listing's view.increaseAge(), which both threads call at the
// end of an exchange, whether or not anything was received. It does nothing in
// the 2004 framework, where hops grow in Merge, and in Cyclon, where ages grow
// in Request; so a driver may always call it.
func (e *Engine) Age(v []peer.Descriptor) {
	if e.policy.View == ByAge && e.policy.Shuffle == 0 {
		increase(v)
	}
}

// increase makes every descriptor one older. Ages come from the network: the
// highest stays what it is and never wraps to fresh.
func increase(v []peer.Descriptor) {
	for i := range v {
		v[i].Age = older(v[i].Age, 1)
	}
}

func older(age, by uint32) uint32 {
	if age > math.MaxUint32-by {
		return math.MaxUint32
	}
	return age + by
}
