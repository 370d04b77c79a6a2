package overlay

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
	"pgregory.net/rapid"
)

var none = []int{} // alive, knows nobody

func TestMeasuresByHand(t *testing.T) {
	for _, test := range []struct {
		why  string
		o    *Overlay
		want Row
	}{{
		why:  "two strangers: nothing is connected",
		o:    graphOf(none, none),
		want: Row{Nodes: 2, Components: 2, LargestComponent: 1},
	}, {
		why:  "a path 1-2-3: distances 1, 1, 2; no triangle",
		o:    graphOf([]int{2}, []int{3}, none),
		want: Row{Nodes: 3, InDegreeMean: 2. / 3, InDegreeStd: math.Sqrt(2) / 3, InDegreeMax: 1, PathLength: 4. / 3, Components: 1, LargestComponent: 3},
	}, {
		why:  "a triangle, one side of it both ways: all are neighbours of all",
		o:    graphOf([]int{2, 3}, []int{1, 3}, none),
		want: Row{Nodes: 3, InDegreeMean: 4. / 3, InDegreeStd: math.Sqrt(2) / 3, InDegreeMax: 2, Clustering: 1, PathLength: 1, Components: 1, LargestComponent: 3},
	}, {
		why: "a triangle with a tail: coefficients 1, 1, 1/3, 0; distances 4 × 1, 2 × 2",
		o:   graphOf([]int{2}, []int{3}, []int{1, 4}, none),
		want: Row{Nodes: 4, InDegreeMean: 1, InDegreeMax: 1,
			Clustering: (1 + 1 + 1./3) / 4, PathLength: 8. / 6, Components: 1, LargestComponent: 4},
	}, {
		why: "a star: the centre has no pair of neighbours that know each other",
		o:   graphOf(none, []int{1}, []int{1}, []int{1}, []int{1}),
		want: Row{Nodes: 5, InDegreeMean: 0.8, InDegreeStd: 1.6, InDegreeMax: 4,
			PathLength: (4*1 + 6*2) / 10., Components: 1, LargestComponent: 5},
	}, {
		why: "two pairs and one alone: only connected pairs have a distance",
		o:   graphOf([]int{2}, none, []int{4}, []int{3}, none),
		want: Row{Nodes: 5, InDegreeMean: 0.6, InDegreeStd: math.Sqrt(0.24), InDegreeMax: 1,
			PathLength: 1, Components: 3, LargestComponent: 2},
	}, {
		why: "the dead 2 does not link 1 and 3, and is no neighbour; but links to it count as dead",
		o:   graphOf([]int{2, 4}, nil, []int{2}, []int{2, 1}),
		want: Row{Nodes: 3, InDegreeMean: 2. / 3, InDegreeStd: math.Sqrt(2) / 3, InDegreeMax: 1,
			PathLength: 1, Components: 2, LargestComponent: 2, DeadLinks: 3},
	}} {
		t.Run(test.why, func(t *testing.T) {
			expectRow(t, test.o.Measure(Sampling{}), test.want)
			// More samples than nodes are all nodes.
			expectRow(t, test.o.Measure(Sampling{Clustering: 1000, Paths: 1000}), test.want)
		})
	}
}

func expectRow(t *testing.T, got, want Row) {
	t.Helper()
	near := func(a, b float64) bool { return math.Abs(a-b) < 1e-12 }
	if !near(got.InDegreeMean, want.InDegreeMean) || !near(got.InDegreeStd, want.InDegreeStd) ||
		!near(got.Clustering, want.Clustering) || !near(got.PathLength, want.PathLength) {
		t.Errorf("got\n%v, want\n%v", got, want)
	}
	got.InDegreeMean, got.InDegreeStd, got.Clustering, got.PathLength = want.InDegreeMean, want.InDegreeStd, want.Clustering, want.PathLength
	if got != want {
		t.Errorf("got\n%v, want\n%v", got, want)
	}
}

// drawGraph draws who knows whom, with dead nodes, at most 90 of them, so that
// both kinds of search are used.
func drawGraph(t *rapid.T) [][]int {
	n := rapid.IntRange(1, 90).Draw(t, "nodes")
	most := rapid.IntRange(0, min(n-1, 6)).Draw(t, "most links")
	lists := make([][]int, n)
	for i := range lists {
		if i > 0 && rapid.IntRange(0, 9).Draw(t, "dead") == 0 {
			continue
		}
		lists[i] = none
		if most > 0 {
			all := rapid.SliceOfNDistinct(rapid.IntRange(1, n), 0, most, rapid.ID[int]).Draw(t, "knows")
			lists[i] = slices.DeleteFunc(all, func(p int) bool { return p == i+1 })
		}
	}
	return lists
}

// matrix is a graph that brute force can handle.
type matrix [][]bool

func matrixOf(lists [][]int) (m matrix, live []int) {
	m = make(matrix, len(lists))
	for i := range m {
		m[i] = make([]bool, len(lists))
		if lists[i] != nil {
			live = append(live, i)
		}
	}
	for i, list := range lists {
		for _, p := range list {
			if lists[p-1] != nil {
				m[i][p-1], m[p-1][i] = true, true
			}
		}
	}
	return m, live
}

// distances by Floyd and Warshall.
func (m matrix) distances() [][]int {
	const far = 1 << 20
	d := make([][]int, len(m))
	for i := range d {
		d[i] = make([]int, len(m))
		for j := range d[i] {
			if d[i][j] = far; m[i][j] {
				d[i][j] = 1
			}
		}
		d[i][i] = 0
	}
	for k := range d {
		for i := range d {
			for j := range d {
				d[i][j] = min(d[i][j], d[i][k]+d[k][j])
			}
		}
	}
	for i := range d {
		for j := range d {
			if d[i][j] == far {
				d[i][j] = -1
			}
		}
	}
	return d
}

func (m matrix) coefficient(v int) float64 {
	pairs, linked := 0, 0
	for a := range m {
		for b := range a {
			if m[v][a] && m[v][b] {
				pairs++
				if m[a][b] {
					linked++
				}
			}
		}
	}
	if pairs == 0 {
		return 0
	}
	return float64(linked) / float64(pairs)
}

func bruteForce(lists [][]int) (r Row, degree float64, parts []int) {
	m, live := matrixOf(lists)
	d := m.distances()
	n := float64(len(live))
	sum, paths, in := 0, 0, make([]int, len(lists))
	for _, i := range live {
		for _, p := range lists[i] {
			if lists[p-1] == nil {
				r.DeadLinks++
			} else {
				in[p-1]++
			}
		}
		r.Clustering += m.coefficient(i) / n
		size := 0
		for _, j := range live {
			if m[i][j] {
				degree += 1 / n
			}
			if d[i][j] >= 0 {
				size++
			}
			if d[i][j] > 0 {
				sum, paths = sum+d[i][j], paths+1
			}
			if first := slices.IndexFunc(live, func(k int) bool { return d[i][k] >= 0 }); live[first] == j && i == j {
				r.Components++ // i is the first of its component
				parts = append(parts, 0)
			}
		}
		r.LargestComponent = max(r.LargestComponent, size)
	}
	for _, i := range live {
		r.InDegreeMean += float64(in[i]) / n
		r.InDegreeMax = max(r.InDegreeMax, in[i])
	}
	for _, i := range live {
		r.InDegreeStd += (float64(in[i]) - r.InDegreeMean) * (float64(in[i]) - r.InDegreeMean) / n
	}
	r.Nodes, r.InDegreeStd = len(live), math.Sqrt(r.InDegreeStd)
	if paths > 0 {
		r.PathLength = float64(sum) / float64(paths)
	}
	return r, degree, parts
}

func TestMeasuresByBruteForce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		lists := drawGraph(rt)
		o := graphOf(lists...)
		want, degree, parts := bruteForce(lists)
		near := func(what string, a, b float64) {
			if math.Abs(a-b) > 1e-7 {
				rt.Errorf("%s: %v, by brute force %v", what, a, b)
			}
		}
		got := o.Measure(Sampling{})
		near("mean in-degree", got.InDegreeMean, want.InDegreeMean)
		near("in-degree std", got.InDegreeStd, want.InDegreeStd)
		near("clustering", got.Clustering, want.Clustering)
		near("path length", got.PathLength, want.PathLength)
		near("mean degree", o.MeanDegree(), degree)
		near("components", float64(got.Components), float64(want.Components))
		near("components", float64(got.Components), float64(len(parts)))
		near("largest", float64(got.LargestComponent), float64(want.LargestComponent))
		near("dead links", float64(got.DeadLinks), float64(want.DeadLinks))
		near("highest in-degree", float64(got.InDegreeMax), float64(want.InDegreeMax))
		c := o.Components()
		near("nodes in components", float64(c.Largest()+c.Outside()), float64(want.Nodes))
		if !slices.IsSortedFunc(c, func(a, b int) int { return b - a }) {
			rt.Errorf("the sizes %v do not fall", c)
		}
	})
}

// A search from 512 nodes at once and one from 64 find the same.
func TestWideAndNarrowSearchesAgree(t *testing.T) {
	o := run(newOverlay(t, Config{Nodes: 3000, Policy: peersampling.Healer(4), Start: Random, Kill: []Kill{{0.6, 5}}}), 6)
	sum, paths := o.distances(o.live)
	var sum64, paths64 int
	for some := range slices.Chunk(o.live, 64) {
		s, p := o.distances(some)
		sum64, paths64 = sum64+s, paths64+p
	}
	if sum != sum64 || paths != paths64 || paths == 0 {
		t.Errorf("wide: %d in %d paths, narrow: %d in %d", sum, paths, sum64, paths64)
	}
}

// A sample estimates what all nodes say.
func TestSamplesEstimate(t *testing.T) {
	o := run(newOverlay(t, Config{Nodes: 4000, Policy: peersampling.Healer(20), Start: Random}), 20)
	all, some := o.Measure(Sampling{}), o.Measure(Sampling{Clustering: 600, Paths: 100})
	if math.Abs(some.Clustering/all.Clustering-1) > 0.05 || some.Clustering == all.Clustering {
		t.Errorf("clustering %v, of all %v", some.Clustering, all.Clustering)
	}
	if math.Abs(some.PathLength/all.PathLength-1) > 0.01 || some.PathLength == all.PathLength {
		t.Errorf("path length %v, of all %v", some.PathLength, all.PathLength)
	}
	some.Clustering, some.PathLength = all.Clustering, all.PathLength
	if some != all {
		t.Errorf("what is always exact differs: %v and %v", some, all)
	}
}

func TestSampleIsFair(t *testing.T) {
	o := newOverlay(t, Config{Nodes: 10, Policy: peersampling.Healer(4), Start: Random})
	const rounds = 5000
	var count [11]int
	for o.cycle = range rounds {
		chosen := o.sample(3, streamPaths)
		slices.Sort(chosen)
		if len(slices.Compact(chosen)) != 3 {
			t.Fatalf("a sample of %v", chosen)
		}
		for _, s := range chosen {
			count[s]++
		}
	}
	for s, n := range count[1:] {
		if math.Abs(float64(n)-0.3*rounds) > 5*math.Sqrt(rounds*0.3*0.7) {
			t.Errorf("slot %d was in %d of %d samples", s+1, n, rounds)
		}
	}
}

func TestSeries(t *testing.T) {
	o := graphOf([]int{2, 4}, nil, []int{4, 2, 1}, []int{1}, none)
	if got := o.InDegreeHistogram(); !slices.Equal(got, []int{2, 0, 2}) {
		t.Errorf("histogram %v", got)
	}
	if got := o.InDegreesOf([]peer.Handle{1, 4, 2, 99, 3}, nil); !slices.Equal(got, []int{2, 2, 0, 0, 0}) {
		t.Errorf("in-degrees %v", got)
	}
	if got := o.DeadLinks(); got != 2 {
		t.Errorf("%d dead links", got)
	}
	if got := o.InDegree(); got.Min != 0 || got.Max != 2 || got.Dead != 2 || got.Mean != 1 || got.Std != 1 {
		t.Errorf("%+v", got)
	}
	if got := o.Components(); !slices.Equal(got, Components{3, 1}) || got.Outside() != 1 || got.Largest() != 3 {
		t.Errorf("components %v", got)
	}
	if got := (Components{}); got.Largest() != 0 || got.Outside() != 0 {
		t.Error("the largest of none")
	}
}

// A removal for trial leaves what a real one would, and the overlay as it was.
func TestComponentsWithout(t *testing.T) {
	o := run(newOverlay(t, Config{Nodes: 2000, Policy: peersampling.Swapper(8), Start: Random}), 5)
	before := o.Measure(Sampling{Clustering: 10, Paths: 10})
	for _, test := range []struct {
		fraction  float64
		nodes     int
		low, high int // of the largest
	}{
		{0, 2000, 2000, 2000},
		{0.5, 1000, 990, 1000},
		{0.9, 200, 5, 150},
		{1, 0, 0, 0},
		{7, 0, 0, 0},
	} {
		c := o.ComponentsWithout(test.fraction, 1)
		if n := c.Largest() + c.Outside(); n != test.nodes {
			t.Errorf("without %v: %d nodes in all, want %d", test.fraction, n, test.nodes)
		}
		if n := c.Largest(); n < test.low || n > test.high {
			t.Errorf("without %v: the largest has %d, want %d to %d", test.fraction, n, test.low, test.high)
		}
	}
	if a, b := o.ComponentsWithout(0.9, 1), o.ComponentsWithout(0.9, 2); slices.Equal(a, b) {
		t.Error("two trials are one")
	}
	if a, b := o.ComponentsWithout(0.9, 1), o.ComponentsWithout(0.9, 1); !slices.Equal(a, b) {
		t.Error("one trial is two")
	}
	if after := o.Measure(Sampling{Clustering: 10, Paths: 10}); after != before {
		t.Errorf("removing for trial changed\n%v into\n%v", before, after)
	}
}

func TestCSV(t *testing.T) {
	r := Row{20, 10000, 30, 4.0625, 46, 0.0067, 2.7, 1, 10000, 7}
	if got := r.String(); got != "20,10000,30,4.0625,46,0.0067,2.7,1,10000,7" {
		t.Error(got)
	}
	if a, b := strings.Count(r.String(), ","), strings.Count(Header, ","); a != b {
		t.Errorf("%d commas in a row, %d in the header", a, b)
	}
}
