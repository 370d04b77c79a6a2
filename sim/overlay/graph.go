package overlay

import (
	"slices"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// graph is who is there and whom they know. A node lives in a slot, which
// numbers its record; slot 0 is nobody's.
//
// A record opens with the name of the node and, as its age, the length of its
// view; the view follows. The record of an empty slot is all zero, so a walk
// over all records meets no links of the dead.
type graph struct {
	records []peer.Descriptor
	stride  int      // descriptors from record to record
	c       int      // the capacity of a view
	slot    []uint32 // by handle: where the node lives, 0 if it is dead
	live    []uint32 // the slots of the live nodes; the run keeps them shuffled
	cores   int      // that measures may use; 0 for all

	spare    [][]uint32 // scratch space of measures, by slot
	searches []*search  // scratch space for path lengths, by worker
}

// line is how many descriptors a cache line holds. A record takes whole lines:
// what one exchange touches is then as few of them as can be, and two cores
// never write to the same one.
const line = 8

func newGraph(nodes, c int) graph {
	stride := (c + 1 + line - 1) / line * line
	return graph{
		records: make([]peer.Descriptor, stride, (nodes+1)*stride),
		stride:  stride,
		c:       c,
		slot:    make([]uint32, 1, nodes+1),
		live:    make([]uint32, 0, nodes),
	}
}

func (g *graph) view(s uint32) []peer.Descriptor {
	at := int(s) * g.stride
	return g.records[at+1 : at+1+int(g.records[at].Age) : at+1+g.c]
}

// name returns the handle of the node in the slot, None if there is none.
func (g *graph) name(s uint32) peer.Handle { return g.records[int(s)*g.stride].Peer }

// end is the slot behind the last. A walk over all nodes goes from slot 1 to it,
// in the order of the records, whatever order the run keeps the live ones in.
func (g *graph) end() uint32 { return uint32(len(g.records) / g.stride) }

// scratch returns the which-th of the spare numbers per slot, whatever they
// hold. It is kept: to collect it each time would double the memory of a run.
func (g *graph) scratch(which int) []uint32 {
	for len(g.spare) <= which {
		g.spare = append(g.spare, make([]uint32, cap(g.records)/g.stride))
	}
	return g.spare[which][:g.end()]
}

// indegrees counts, by slot, how many live nodes know the node, and all
// descriptors of dead nodes.
func (g *graph) indegrees() (in []uint32, dead int) {
	in = g.scratch(0)
	clear(in)
	for s := uint32(1); s < g.end(); s++ {
		for _, d := range g.view(s) {
			in[g.slot[d.Peer]]++ // the dead are all in slot 0
		}
	}
	return in, int(in[0])
}

// components returns the sizes of the connected components, the largest first,
// with the links without direction. Slots for which gone is true do not count.
func (g *graph) components(gone func(slot uint32) bool) []int {
	root := g.scratch(0)
	for s := uint32(1); s < g.end(); s++ {
		root[s] = s
	}
	for s := uint32(1); s < g.end(); s++ {
		if gone != nil && gone(s) {
			continue
		}
		a := find(root, s)
		for _, d := range g.view(s) {
			u := g.slot[d.Peer]
			if u == 0 || gone != nil && gone(u) {
				continue
			}
			if b := find(root, u); a < b {
				root[b] = a
			} else {
				root[a], a = b, b
			}
		}
	}
	return g.sizes(root, gone)
}

// find returns the root of s and shortens the way to it.
func find(root []uint32, s uint32) uint32 {
	for root[s] != s {
		root[s] = root[root[s]]
		s = root[s]
	}
	return s
}

func (g *graph) sizes(root []uint32, gone func(slot uint32) bool) []int {
	size := g.scratch(1)
	clear(size)
	for _, s := range g.live {
		if gone == nil || !gone(s) {
			size[find(root, s)]++
		}
	}
	var sizes []int
	for s := uint32(1); s < g.end(); s++ {
		if size[s] > 0 {
			sizes = append(sizes, int(size[s]))
		}
	}
	slices.Sort(sizes)
	slices.Reverse(sizes)
	return sizes
}

// degrees returns the sum of the numbers of neighbours, with the links without
// direction: two for each link, but two in all for two links that are one
// another's reverse.
func (g *graph) degrees() (sum int) {
	for s := uint32(1); s < g.end(); s++ {
		for _, d := range g.view(s) {
			if u := g.slot[d.Peer]; u != 0 {
				sum += 2
				if knows(g.view(u), g.name(s)) {
					sum--
				}
			}
		}
	}
	return sum
}

func knows(v []peer.Descriptor, h peer.Handle) bool {
	for _, d := range v {
		if d.Peer == h {
			return true
		}
	}
	return false
}

// clustering returns the mean of the clustering coefficients of the nodes in
// some slots, none of them twice: of all pairs of neighbours, the part that are
// neighbours themselves, and 0 if there is no pair.
func (g *graph) clustering(some []uint32) float64 {
	if len(some) == 0 {
		return 0
	}
	known := g.knownBy(some)
	const chunk = 64
	tasks := (len(some) + chunk - 1) / chunk
	sums := make([]float64, tasks)
	workers := g.workersFor(tasks)
	marks := make([][]uint32, workers)
	for w := range marks {
		marks[w] = g.scratch(1 + w)
		clear(marks[w])
	}
	parallel(workers, tasks, func(w int) func(int) {
		c := coefficients{g: g, mark: marks[w]}
		return func(task int) {
			for i := task * chunk; i < min(task*chunk+chunk, len(some)); i++ {
				sums[task] += c.of(some[i], known(i), uint32(i+1))
			}
		}
	})
	sum := 0.0
	for _, s := range sums { // always in the same order: floats do not associate
		sum += s
	}
	return sum / float64(len(some))
}

// knownBy finds by whom each of some nodes is known.
func (g *graph) knownBy(some []uint32) (known func(i int) []uint32) {
	place := g.scratch(0) // in some, from 1
	clear(place)
	for i, s := range some {
		place[s] = uint32(i + 1)
	}
	end := make([]uint32, len(some)+1) // first where a list ends, then where it begins
	for s := uint32(1); s < g.end(); s++ {
		for _, d := range g.view(s) {
			end[place[g.slot[d.Peer]]]++
		}
	}
	end[0] = 0
	for i := range some {
		end[i+1] += end[i]
	}
	total := end[len(some)]
	lists := make([]uint32, total)
	for s := uint32(1); s < g.end(); s++ {
		for _, d := range g.view(s) {
			if at := place[g.slot[d.Peer]]; at != 0 {
				end[at]--
				lists[end[at]] = s
			}
		}
	}
	begin := append(end, total)[1:]
	return func(i int) []uint32 { return lists[begin[i]:begin[i+1]] }
}

// coefficients computes clustering coefficients of nodes of a graph.
type coefficients struct {
	g          *graph
	mark       []uint32 // by slot: whose neighbour it was last found to be
	neighbours []uint32
}

// of returns the coefficient of the node in slot s, which is known by some. The
// label must not have been used before.
func (c *coefficients) of(s uint32, known []uint32, label uint32) float64 {
	c.neighbours = c.neighbours[:0]
	for _, d := range c.g.view(s) {
		c.add(c.g.slot[d.Peer], label)
	}
	for _, u := range known {
		c.add(u, label)
	}
	n := len(c.neighbours)
	if n < 2 {
		return 0
	}
	return float64(2*c.links(label)) / float64(n*(n-1))
}

func (c *coefficients) add(s, label uint32) {
	if s != 0 && c.mark[s] != label {
		c.mark[s] = label
		c.neighbours = append(c.neighbours, s)
	}
}

// links counts the pairs of neighbours that are linked.
func (c *coefficients) links(label uint32) (n int) {
	for _, s := range c.neighbours {
		for _, d := range c.g.view(s) {
			u := c.g.slot[d.Peer]
			if u == 0 || c.mark[u] != label {
				continue
			}
			if u < s && knows(c.g.view(u), c.g.name(s)) {
				continue // counted from the other end
			}
			n++
		}
	}
	return n
}
