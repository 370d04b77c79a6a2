package broadcast

import "github.com/Ishan27gOrg/gossipProtocol/peer"

// positions tells where in a log a message is. Of each origin the messages that follow
// each other are in a list, so that those which are looked for most, the last ones, are
// next to each other in memory; what is far out of the order, as is possible without
// FIFO or causal order, is in a map.
type positions struct {
	byOrigin map[peer.Handle]*run
	recent   [16]*run // of these, those last asked for, by handle
	far      map[peer.Dot]uint64
}

// run is where the messages of an origin are that begin with the number first. Place 0 is
// none; others are positions plus one.
type run struct {
	origin peer.Handle
	first  uint64
	at     []uint64
	n      int // messages in it
}

// fewHoles is how many places of a run may be empty when it grows, beside as many as it
// has messages: whoever numbers messages far apart must not have room reserved for what
// is between. A guess.
const fewHoles = 8

func newPositions() positions {
	return positions{byOrigin: make(map[peer.Handle]*run), far: make(map[peer.Dot]uint64)}
}

func (p *positions) of(origin peer.Handle) *run {
	place := &p.recent[int(origin)%len(p.recent)]
	if r := *place; r != nil && r.origin == origin {
		return r
	}
	r := p.byOrigin[origin]
	if r != nil {
		*place = r
	}
	return r
}

// place returns the place of a number in the run, or nil if it is beyond its ends.
func (r *run) place(seq uint64) *uint64 {
	if r == nil || seq < r.first || seq-r.first >= uint64(len(r.at)) {
		return nil
	}
	return &r.at[seq-r.first]
}

// get returns the position of a message; false if it has none.
func (p *positions) get(d peer.Dot) (pos uint64, ok bool) {
	if at := p.of(d.Origin).place(d.Seq); at != nil && *at != 0 {
		return *at - 1, true
	}
	if len(p.far) == 0 {
		return 0, false
	}
	pos, ok = p.far[d]
	return pos, ok
}

// set notes the position of a message that has none.
func (p *positions) set(d peer.Dot, pos uint64) {
	r := p.of(d.Origin)
	if r == nil {
		r = &run{origin: d.Origin, first: d.Seq}
		p.byOrigin[d.Origin] = r
	}
	if !r.mayReach(d.Seq) {
		p.far[d] = pos
		return
	}
	for uint64(len(r.at)) <= d.Seq-r.first {
		r.at = append(r.at, 0)
	}
	r.at[d.Seq-r.first] = pos + 1
	r.n++
}

// mayReach reports whether a number has a place in the run, or may be given one.
func (r *run) mayReach(seq uint64) bool {
	if seq < r.first {
		return false
	}
	places := seq - r.first + 1
	return places <= uint64(len(r.at)+1) || places <= uint64(2*(r.n+1)+fewHoles)
}

// remove forgets a message.
func (p *positions) remove(d peer.Dot) {
	r := p.of(d.Origin)
	at := r.place(d.Seq)
	if at == nil || *at == 0 {
		delete(p.far, d)
		return
	}
	*at = 0
	if r.n--; r.n == 0 {
		delete(p.byOrigin, d.Origin)
		p.recent[int(d.Origin)%len(p.recent)] = nil
		return
	}
	gone := 0
	for r.at[gone] == 0 {
		gone++
	}
	r.at, r.first = r.at[gone:], r.first+uint64(gone)
}
