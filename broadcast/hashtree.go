package broadcast

import "slices"

// The origins of a version vector are the leaves of a tree over a hash of their
// identities, equal on all nodes, with sixteen branches at each fork. Every group
// of origins that share a prefix has a sum, so that two nodes find where their
// vectors differ by comparing sums from the root on, and what is equal costs
// nothing (digest.go).

// Prefix names the group of origins whose places in the tree begin alike: with the
// Len most significant groups of four bits of Bits. The zero Prefix names all.
type Prefix struct {
	Bits uint64
	Len  uint8 // 0 to MaxPrefix
}

// MaxPrefix is the length of a prefix that is a whole place.
const MaxPrefix = 16

const forks = 16

func (p Prefix) child(i int) Prefix {
	return Prefix{p.Bits | uint64(i)<<(60-4*p.Len), p.Len + 1}
}

// Holds reports whether a place is in the group.
func (p Prefix) Holds(place uint64) bool {
	return (place^p.Bits)>>(64-4*p.Len) == 0 // a shift by 64, for all, leaves nothing
}

// fork is the branch that a place takes at a depth.
func fork(place uint64, depth uint8) int { return int(place >> (60 - 4*depth) & (forks - 1)) }

// group is a node of the tree: a leaf with a list, or a fork.
type group struct {
	sum  uint64 // of what the origins below contribute, modulo 2^64
	n    int    // origins below
	list []*progress
	kids *[forks]*group
}

// add puts an origin below the group, whose sum the caller then changes. A list
// that becomes longer than most is made a fork.
func (g *group) add(p *progress, depth uint8, most int) {
	g.n++
	if g.kids != nil {
		g.kid(p, depth).add(p, depth+1, most)
		return
	}
	g.list = append(g.list, p)
	if len(g.list) <= most || depth == MaxPrefix {
		return
	}
	list := g.list
	g.list, g.kids = nil, new([forks]*group)
	for _, q := range list {
		k := g.kid(q, depth)
		k.sum += q.share()
		k.add(q, depth+1, most)
	}
}

func (g *group) kid(p *progress, depth uint8) *group {
	k := &g.kids[fork(p.place, depth)]
	if *k == nil {
		*k = new(group)
	}
	return *k
}

// change adds to the sums of all groups that an origin is in.
func (g *group) change(p *progress, delta uint64) {
	for depth := uint8(0); ; depth++ {
		g.sum += delta
		if g.kids == nil {
			return
		}
		g = g.kids[fork(p.place, depth)]
	}
}

// remove takes an origin out. A fork that is left with few is a list again.
func (g *group) remove(p *progress, depth uint8, most int) {
	g.n--
	g.sum -= p.share()
	if g.kids == nil {
		i := slices.Index(g.list, p)
		g.list = slices.Delete(g.list, i, i+1)
		return
	}
	k := &g.kids[fork(p.place, depth)]
	(*k).remove(p, depth+1, most)
	if (*k).n == 0 {
		*k = nil
	}
	if g.n <= most/2 {
		g.list = g.appendTo(nil, Prefix{})
		g.kids = nil
	}
}

// find returns the group of a prefix, or the list in which its origins are; nil if
// there are none.
func (g *group) find(p Prefix) *group {
	for depth := uint8(0); depth < p.Len && g != nil && g.kids != nil; depth++ {
		g = g.kids[fork(p.Bits, depth)]
	}
	return g
}

// appendTo appends the origins below that are in the prefix.
func (g *group) appendTo(dst []*progress, p Prefix) []*progress {
	if g == nil {
		return dst
	}
	if g.kids == nil {
		for _, q := range g.list {
			if p.Holds(q.place) {
				dst = append(dst, q)
			}
		}
		return dst
	}
	for _, kid := range g.kids {
		dst = kid.appendTo(dst, p)
	}
	return dst
}

// total is the sum and the number of the origins below that are in the prefix.
func (g *group) total(p Prefix, depth uint8) (sum uint64, n int) {
	switch {
	case g == nil:
		return 0, 0
	case depth == p.Len:
		return g.sum, g.n
	case g.kids != nil:
		return g.kids[fork(p.Bits, depth)].total(p, depth+1)
	}
	for _, q := range g.list {
		if p.Holds(q.place) {
			sum += q.share()
			n++
		}
	}
	return sum, n
}
