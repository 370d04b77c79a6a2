package broadcast

import (
	"math/bits"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// lacks is what a peer has not had, as far as its digest tells: all of some groups of
// origins, but for what is listed of single ones. What it has had may be taken for
// what it lacks, never the other way round; so there is an end to how much is
// remembered, and who has had things in ten thousand pieces is sent some again.
//
// A peer that is new here lacks one group, whatever the number of origins.
type lacks struct {
	groups  map[Prefix]struct{}
	depths  uint32 // bits: lengths of the groups' prefixes
	had     map[peer.Handle]had
	spans   int             // of all that is listed
	pending map[Prefix]bool // parts of the digest that are on their way
	most    int             // of all of these together
}

// had is what was had of one origin.
type had struct {
	all        bool
	contiguous uint64
	spans      []Span
}

func newLacks(most int) lacks {
	return lacks{groups: make(map[Prefix]struct{}), had: make(map[peer.Handle]had), pending: map[Prefix]bool{{}: true}, most: most}
}

// room reports whether so many more may be remembered. It leaves a place for the group
// of all.
func (l *lacks) room(more int) bool { return l.size()+more < l.most }

// ask notes that a group is to be looked into; false if there is no room for that, and
// the peer is taken to lack all of it.
func (l *lacks) ask(p Prefix) bool {
	if !l.room(1) {
		l.all(p)
		return false
	}
	l.pending[p] = true
	return true
}

// all notes that the peer lacks all of a group.
func (l *lacks) all(p Prefix) {
	if !l.room(1) {
		clear(l.groups)
		p = Prefix{}
	}
	l.groups[p] = struct{}{}
	l.depths |= 1 << p.Len
}

// but notes what it has had of one of the origins, after all; complete says that it
// has had everything that there is.
func (l *lacks) but(e *DigestEntry, complete bool) {
	old, known := l.had[e.Origin]
	if !known && !l.room(1) {
		return
	}
	l.spans -= len(old.spans)
	h := had{all: complete, contiguous: e.Contiguous}
	if !complete && l.room(1+len(e.Spans)) {
		h.spans = e.Spans
		l.spans += len(e.Spans)
	}
	l.had[e.Origin] = h
}

// has reports whether the peer lacks a message whose origin is at the place.
func (l *lacks) has(place uint64, d peer.Dot) bool {
	if !l.inGroup(place) {
		return false
	}
	h, listed := l.had[d.Origin]
	return !listed || !h.all && d.Seq > h.contiguous && !inSpans(h.spans, d.Seq)
}

func (l *lacks) inGroup(place uint64) bool {
	for depths := l.depths; depths != 0; depths &= depths - 1 {
		n := uint8(bits.TrailingZeros32(depths))
		// A shift by 64, for the group of all, leaves nothing.
		if _, ok := l.groups[Prefix{place >> (64 - 4*n) << (64 - 4*n), n}]; ok {
			return true
		}
	}
	return false
}

// size is how many entries it has.
func (l *lacks) size() int { return len(l.groups) + len(l.had) + l.spans + len(l.pending) }
