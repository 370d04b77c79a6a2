package overlay

import (
	"math/bits"
)

// distances returns the sum of the lengths of the shortest paths from some
// nodes, none of them twice, to all that can be reached from them, with the
// links without direction, and how many paths there are.
func (g *graph) distances(some []uint32) (sum, paths int) {
	words := 1
	if len(some) > 64 && g.end() <= maxWide {
		words = wide
	}
	each := 64 * words
	tasks := (len(some) + each - 1) / each
	results := make([][2]int, tasks)
	workers := g.workersFor(tasks)
	for len(g.searches) < workers {
		g.searches = append(g.searches, &search{g: g})
	}
	parallel(workers, tasks, func(w int) func(int) {
		search := g.searches[w]
		search.reset(words)
		return func(task int) {
			sources := some[task*each : min(task*each+each, len(some))]
			results[task][0], results[task][1] = search.from(sources)
		}
	})
	for _, r := range results {
		sum, paths = sum+r[0], paths+r[1]
	}
	return sum, paths
}

// wide is how many words a cache line holds.
const wide = 8

// maxWide is the number of slots up to which searches run wide: 512 at once, for
// 128 bytes a node and core. A guess at where memory begins to matter.
const maxWide = 1 << 18

// search is a breadth-first search from many sources at once, a bit each. It
// goes through all links in every round, both ways: no list of who knows a node
// is needed, and there are few rounds.
type search struct {
	g     *graph
	words int      // per slot
	now   []uint64 // by slot and word: the sources from which it was reached
	next  []uint64 // the same after this round
}

func (x *search) reset(words int) {
	if x.words != words {
		n := cap(x.g.records) / x.g.stride * words
		x.words, x.now, x.next = words, make([]uint64, n), make([]uint64, n)
	}
	n := int(x.g.end()) * words
	x.now, x.next = x.now[:n], x.next[:n]
}

// from returns the sum of the distances to all that are reached, and how many
// they are.
func (x *search) from(sources []uint32) (sum, paths int) {
	clear(x.now)
	for i, s := range sources {
		x.now[int(s)*x.words+i/64] |= 1 << (i % 64)
	}
	most := len(sources) * (len(x.g.live) - 1)
	for distance := 1; paths < most; distance++ {
		copy(x.next, x.now)
		if x.words == wide {
			x.spreadWide()
		} else {
			x.spread()
		}
		x.now, x.next = x.next, x.now
		reached := x.reached() - len(sources)
		if reached == paths {
			break
		}
		sum += distance * (reached - paths)
		paths = reached
	}
	return sum, paths
}

// spread carries every bit one link further.
func (x *search) spread() {
	g, now, next := x.g, x.now, x.next
	for s := uint32(1); s < g.end(); s++ {
		mine, got := now[s], uint64(0)
		for _, d := range g.view(s) {
			u := g.slot[d.Peer]
			next[u] |= mine
			got |= now[u]
		}
		next[s] |= got
	}
	next[0] = 0 // that is where links to the dead went
}

func (x *search) spreadWide() {
	g := x.g
	for s := uint32(1); s < g.end(); s++ {
		mine, mineNext := line64(x.now, s), line64(x.next, s)
		for _, d := range g.view(s) {
			u := g.slot[d.Peer]
			orLine(line64(x.next, u), mine)
			orLine(mineNext, line64(x.now, u))
		}
	}
	*line64(x.next, 0) = [wide]uint64{}
}

func line64(words []uint64, s uint32) *[wide]uint64 {
	return (*[wide]uint64)(words[int(s)*wide:])
}

func orLine(to, from *[wide]uint64) {
	to[0] |= from[0]
	to[1] |= from[1]
	to[2] |= from[2]
	to[3] |= from[3]
	to[4] |= from[4]
	to[5] |= from[5]
	to[6] |= from[6]
	to[7] |= from[7]
}

func (x *search) reached() (n int) {
	for _, word := range x.now {
		n += bits.OnesCount64(word)
	}
	return n
}
