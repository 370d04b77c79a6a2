package randomness

import (
	"fmt"
	"math"
	"sort"

	"gonum.org/v1/gonum/stat/distuv"
)

// Frequency tests whether every node is given as often as any other (Knuth A):
// chi-square over nodes, or over ranges of nodes when there are too few samples
// for each. 0 ranges means as many as the stream is long enough for, at most one
// per node.
//
// The statistic is chi-square with ranges - 1 degrees of freedom, for at least
// 10 samples expected in each range; 20 samples is the least.
func Frequency(s Stream, inRanges int) (Result, error) {
	k := inRanges
	if k == 0 {
		k = s.rangesOf(enough)
	}
	if k < 2 || k > s.Nodes {
		return Result{}, badParam("frequency", "ranges", inRanges, 2, s.Nodes)
	}
	if err := s.need("frequency", enough*float64(s.Nodes)/float64(s.Nodes/k)); err != nil {
		return Result{}, err
	}
	r := ranges{uint64(s.Nodes), uint64(k)}
	counts, expected := make([]int, k), make([]float64, k)
	for _, p := range s.Peers {
		counts[r.of(p)]++
	}
	for i := range expected {
		expected[i] = r.share(i) * float64(len(s.Peers))
	}
	return chiSquare("frequency", fit(counts, expected), k-1, Param{"ranges", k})
}

// rangesOf is the greatest number of ranges, at least 2, so that so many samples
// are expected in each.
func (s Stream) rangesOf(each int) int {
	if len(s.Peers) == 0 {
		return 2
	}
	size := (each*s.Nodes + len(s.Peers) - 1) / len(s.Peers)
	return max(2, s.Nodes/max(1, size))
}

// Collision tests how often a draw hits a node that was hit before (Knuth I),
// in blocks of so many draws, each of which starts anew. It sees nodes that are
// never given, and streams that avoid to repeat themselves, long before there
// are enough samples to count each node. 0 means blocks of one draw per node, or
// one block if there are fewer samples.
//
// The number of collisions in all blocks has a mean and variance that are known
// exactly (those of the number of empty urns) and is close to normal; the
// variance must be at least 25, for which about √(50 · Nodes) samples do if
// there are 300 nodes or more.
func Collision(s Stream, block int) (Result, error) {
	m := block
	if m == 0 {
		m = max(2, min(s.Nodes, len(s.Peers)))
	}
	if m < 2 || m > 1<<30 {
		return Result{}, badParam("collision", "block", block, 2, 1<<30)
	}
	blocks := len(s.Peers) / m
	mean, variance := collisions(s.Nodes, m)
	if variance*float64(blocks) < leastVariance {
		return Result{}, &TooShortError{"collision", len(s.Peers), collisionNeeds(s.Nodes, block)}
	}
	count := 0
	seen := make([]int, s.Nodes)
	for i, p := range s.Peers[:blocks*m] {
		if b := i/m + 1; seen[p] == b {
			count++
		} else {
			seen[p] = b
		}
	}
	n := distuv.Normal{Mu: mean * float64(blocks), Sigma: math.Sqrt(variance * float64(blocks))}
	return Result{
		Name: "collision", Params: []Param{{"block", m}, {"blocks", blocks}},
		Statistic: float64(count), P: n.Survival(float64(count)),
		Distribution: fmt.Sprintf("normal with mean %.6g and deviation %.4g", n.Mu, n.Sigma),
	}.finish()
}

// leastVariance keeps what is counted, a whole number, close to normal.
const leastVariance = 25

// collisions returns mean and variance of the draws, of m, that hit one of n
// nodes that was hit before: as many as m - n and the nodes that are not hit.
func collisions(n, m int) (mean, variance float64) {
	N, M := float64(n), float64(m)
	one := math.Exp(M * math.Log1p(-1/N)) // that one node is not hit
	two := math.Exp(M * math.Log1p(-2/N)) // that neither of two is
	return M - N + N*one, N*(N-1)*two + N*one - N*N*one*one
}

// collisionNeeds is how many samples Collision needs; 0 for the block as there.
func collisionNeeds(nodes, block int) int {
	m := block
	if m == 0 {
		m = nodes
	}
	_, v := collisions(nodes, m)
	if block == 0 && v >= leastVariance {
		return sort.Search(m, func(m int) bool {
			_, v := collisions(nodes, max(2, m))
			return v >= leastVariance
		})
	}
	if v < 1e-9 {
		return math.MaxInt // such a block always holds as many: every node, or no two alike
	}
	return m * int(math.Ceil(leastVariance/v))
}
