package overlay

import (
	"math"
	"math/rand/v2"
	"strconv"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// Row is the state of an overlay in numbers.
//
// In-degree and dead links are counted over the views of live nodes; clustering,
// path length and components are those of the undirected graph of live nodes, in
// which two are neighbours if either knows the other.
type Row struct {
	Cycle            int     `json:"cycle"`
	Nodes            int     `json:"nodes"`             // that live
	InDegreeMean     float64 `json:"indegree_mean"`     // live nodes that know a live node
	InDegreeStd      float64 `json:"indegree_std"`      // over all live nodes: a population, not a sample
	InDegreeMax      int     `json:"indegree_max"`      //
	Clustering       float64 `json:"clustering"`        // mean over nodes; 0 for a node with less than two neighbours
	PathLength       float64 `json:"path_length"`       // mean over the pairs that are connected; 0 if none is
	Components       int     `json:"components"`        // connected components
	LargestComponent int     `json:"largest_component"` // nodes in it
	DeadLinks        int     `json:"dead_links"`        // descriptors of dead nodes, in all live views together
}

// Header is the first line of a CSV file of rows.
const Header = "cycle,nodes,indegree_mean,indegree_std,indegree_max,clustering,path_length,components,largest_component,dead_links"

// AppendCSV appends the row as a line of CSV, without its end, to b. Numbers are
// the shortest that are read back as the same.
func (r Row) AppendCSV(b []byte) []byte {
	i := func(n int) { b = append(strconv.AppendInt(b, int64(n), 10), ',') }
	f := func(x float64) { b = append(strconv.AppendFloat(b, x, 'f', -1, 64), ',') }
	i(r.Cycle)
	i(r.Nodes)
	f(r.InDegreeMean)
	f(r.InDegreeStd)
	i(r.InDegreeMax)
	f(r.Clustering)
	f(r.PathLength)
	i(r.Components)
	i(r.LargestComponent)
	i(r.DeadLinks)
	return b[:len(b)-1]
}

// String returns the row as a line of CSV.
func (r Row) String() string { return string(r.AppendCSV(nil)) }

// Sampling says how much to measure of what is slow to measure.
type Sampling struct {
	// Clustering is the number of random nodes over which the clustering
	// coefficient is averaged. 0, or more than there are: all, which takes half
	// a minute at 10^6 nodes, and memory for one number per link.
	Clustering int

	// Paths is the number of random nodes from which the distances to all others
	// are averaged. 0, or more than there are: all, which takes time in
	// proportion to the square of the nodes, a quarter of a second at 10^4. A
	// multiple of 64 makes best use of it.
	Paths int
}

// Measure returns the state of the overlay as it is now. It changes nothing, and
// asked twice it answers alike: what it draws hangs on the seed of the run and
// the cycle.
func (o *Overlay) Measure(s Sampling) Row {
	in := o.InDegree()
	parts := o.Components()
	return Row{
		Cycle:            o.cycle,
		Nodes:            len(o.live),
		InDegreeMean:     in.Mean,
		InDegreeStd:      in.Std,
		InDegreeMax:      in.Max,
		Clustering:       o.Clustering(s.Clustering),
		PathLength:       o.PathLength(s.Paths),
		Components:       len(parts),
		LargestComponent: parts.Largest(),
		DeadLinks:        in.Dead,
	}
}

// InDegree tells in how many views nodes are.
type InDegree struct {
	Mean, Std float64
	Min, Max  int
	Dead      int // descriptors of dead nodes
}

// InDegree measures the live views.
func (o *Overlay) InDegree() InDegree {
	in, dead := o.indegrees()
	x := InDegree{Min: math.MaxInt, Dead: dead}
	var sum, squares uint64
	for _, s := range o.live {
		k := uint64(in[s])
		sum += k
		squares += k * k
		x.Min, x.Max = min(x.Min, int(k)), max(x.Max, int(k))
	}
	n := float64(len(o.live))
	x.Mean = float64(sum) / n
	x.Std = math.Sqrt(max(0, float64(squares)/n-x.Mean*x.Mean))
	return x
}

// DeadLinks returns how many descriptors of dead nodes are in live views.
func (o *Overlay) DeadLinks() int {
	_, dead := o.indegrees()
	return dead
}

// InDegreeHistogram returns how many live nodes are in 0 live views, in 1, and so
// on to the highest.
func (o *Overlay) InDegreeHistogram() []int {
	in, _ := o.indegrees()
	var count []int
	for _, s := range o.live {
		for int(in[s]) >= len(count) {
			count = append(count, 0)
		}
		count[in[s]]++
	}
	return count
}

// InDegreesOf appends to to in how many live views each of some nodes is. A dead
// node is in none that count.
func (o *Overlay) InDegreesOf(nodes []peer.Handle, to []int) []int {
	in, _ := o.indegrees()
	for _, h := range nodes {
		k := 0
		if o.Alive(h) {
			k = int(in[o.slot[h]])
		}
		to = append(to, k)
	}
	return to
}

// MeanDegree returns the mean number of neighbours in the undirected graph.
func (o *Overlay) MeanDegree() float64 {
	return float64(o.degrees()) / float64(len(o.live))
}

// Clustering returns the mean clustering coefficient, over a sample of nodes of
// that size or, if it is 0, all.
func (o *Overlay) Clustering(sample int) float64 {
	return o.clustering(o.sample(sample, streamClustering))
}

// PathLength returns the mean length of the shortest paths, from a sample of
// nodes of that size or, if it is 0, all.
func (o *Overlay) PathLength(sample int) float64 {
	sum, paths := o.distances(o.sample(sample, streamPaths))
	if paths == 0 {
		return 0
	}
	return float64(sum) / float64(paths)
}

// sample returns the slots of n random live nodes, of all if n is not in
// between.
func (o *Overlay) sample(n int, stream uint64) []uint32 {
	if n <= 0 || n >= len(o.live) {
		return o.live
	}
	rng := rand.New(rand.NewPCG(o.cfg.Seed, stream+uint64(o.cycle)<<8))
	chosen := make([]uint32, 0, n)
	seen := make(map[uint32]bool, n)
	for i := len(o.live) - n; i < len(o.live); i++ { // Floyd's way to draw n of many
		s := o.live[rng.IntN(i+1)]
		if seen[s] {
			s = o.live[i]
		}
		seen[s] = true
		chosen = append(chosen, s)
	}
	return chosen
}

// Components are the sizes of the connected components of the undirected graph,
// the largest first.
type Components []int

// Components finds them.
func (o *Overlay) Components() Components { return o.components(nil) }

// Largest returns the number of nodes in the largest component.
func (c Components) Largest() int {
	if len(c) == 0 {
		return 0
	}
	return c[0]
}

// Outside returns how many nodes are not in the largest component.
func (c Components) Outside() (nodes int) {
	for _, n := range c[min(1, len(c)):] {
		nodes += n
	}
	return nodes
}

// ComponentsWithout returns the components that would be left if a random
// fraction of the live nodes were removed at once, and does not remove them. The
// fraction must not be negative; of 1 or more nothing is left. The trial numbers
// independent draws.
func (o *Overlay) ComponentsWithout(fraction float64, trial uint64) Components {
	n := min(nearest(fraction, len(o.live)), len(o.live))
	rng := rand.New(rand.NewPCG(o.cfg.Seed^trial*0x9e3779b97f4a7c15, streamRemoval+uint64(o.cycle)<<8))
	deck := append([]uint32(nil), o.live...)
	gone := make([]bool, o.end())
	for i := range n {
		j := i + rng.IntN(len(deck)-i)
		deck[i], deck[j] = deck[j], deck[i]
		gone[deck[i]] = true
	}
	return o.components(func(s uint32) bool { return gone[s] })
}
