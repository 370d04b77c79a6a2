package randomness

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Serial tests whether a sample depends on the one lag samples before (Knuth B):
// chi-square of a table of pairs, by ranges of nodes. 0 ranges means as many as
// the stream is long enough for, at most 64.
//
// The pairs overlap, so they are not independent, and chi-square for counts
// that are would be wrong. With the stream closed to a ring, Good's theorem (I.
// J. Good, "The serial test for sampling numbers and other tests for
// randomness", 1953) splits the chi-square of pairs into twice that of single
// samples and a rest, which is independent of it: chi-square with
// (ranges - 1)² degrees of freedom, for any lag. The rest is what is used here,
// with the shares of the ranges taken from the stream itself: so a favourite
// node is no reason to fail. At least 10 pairs are expected of each kind; 40
// samples is the least.
func Serial(s Stream, lag, inRanges int) (Result, error) {
	if lag < 1 || lag > max(1, len(s.Peers)/4) {
		return Result{}, fmt.Errorf("randomness: serial: lag is %d, allowed: 1 to %d, a quarter of the samples", lag, max(1, len(s.Peers)/4))
	}
	most := min(s.Nodes, maxSerial)
	k := inRanges
	if k == 0 {
		k = max(2, min(most, int(math.Sqrt(float64(len(s.Peers))/enough))))
	}
	if k < 2 || k > most {
		return Result{}, badParam("serial", "ranges", inRanges, 2, most)
	}
	if err := s.need("serial", enough*float64(k*k)); err != nil {
		return Result{}, err
	}
	single, pairs := s.countPairs(lag, ranges{uint64(s.Nodes), uint64(k)})
	statistic, used := contingency(single, pairs)
	if used < 2 {
		return Result{}, errors.New("randomness: serial: all samples are from one range of nodes")
	}
	return chiSquare("serial", statistic, (used-1)*(used-1), Param{"lag", lag}, Param{"ranges", k})
}

// maxSerial keeps the table of pairs in a cache.
const maxSerial = 64

// countPairs counts the samples of each range, and the pairs (i, j) at
// i · ranges + j, around the ring.
func (s Stream) countPairs(lag int, r ranges) (single, pairs []int) {
	k := int(r.k)
	single, pairs = make([]int, k), make([]int, k*k)
	for i, p := range s.Peers {
		j := i + lag
		if j >= len(s.Peers) {
			j -= len(s.Peers)
		}
		from := r.of(p)
		single[from]++
		pairs[from*k+r.of(s.Peers[j])]++
	}
	return single, pairs
}

// contingency is the chi-square of a table of pairs against independence. On a
// ring its rows and columns have the same sums. It also returns how many of
// them are not empty.
func contingency(single, pairs []int) (statistic float64, used int) {
	k, total := len(single), 0
	for _, n := range single {
		total += n
		if n > 0 {
			used++
		}
	}
	for i, a := range single {
		for j, b := range single {
			if a > 0 && b > 0 {
				expected := float64(a) * float64(b) / float64(total)
				d := float64(pairs[i*k+j]) - expected
				statistic += d * d / expected
			}
		}
	}
	return statistic, used
}

// Repetition tests how often a node is given again within so many samples: the
// serial correlation of names. It counts the pairs of samples up to lags apart
// that are the same node. A sampling service whose view lags behind repeats
// itself too often, one that deals out its view like cards too rarely. 0 lags
// means 32, or an eighth of the nodes if that is less.
//
// For one lag the repetitions in an ideal stream are independent of each other,
// so their number is exactly binomial: Parts has the P-value of each lag. For
// different lags they are uncorrelated, so that their sum has the mean and
// variance of a binomial, and about its third moment while lags is well below
// Nodes: the maximum is Nodes/8, or 1. At least 20 repetitions are expected in
// all.
func Repetition(s Stream, lags int) (Result, error) {
	most := max(1, s.Nodes/8)
	d := lags
	if d == 0 {
		d = min(defaultLags, most)
	}
	if d < 1 || d > most {
		return Result{}, badParam("repetition", "lags", lags, 1, most)
	}
	if err := s.need("repetition", 20*float64(s.Nodes)/float64(d)+float64(d)); err != nil {
		return Result{}, err
	}
	r := Result{Name: "repetition", Params: []Param{{"lags", d}}}
	count, pairs := 0, 0
	for lag := 1; lag <= d; lag++ {
		n, of := s.repetitions(lag), len(s.Peers)-lag
		r.Parts = append(r.Parts, middle(s.binomial(of), n))
		count, pairs = count+n, pairs+of
	}
	b := s.binomial(pairs)
	r.Statistic, r.P = float64(count), middle(b, count)
	r.Distribution = fmt.Sprintf("binomial with mean %.6g", b.Mean())
	return r.finish()
}

// defaultLags is about the view size of the papers: what one view holds comes
// back within as many samples.
const defaultLags = 32

func (s Stream) repetitions(lag int) (n int) {
	for i := lag; i < len(s.Peers); i++ {
		if s.Peers[i] == s.Peers[i-lag] {
			n++
		}
	}
	return n
}

func (s Stream) binomial(pairs int) distuv.Binomial {
	return distuv.Binomial{N: float64(pairs), P: 1 / float64(s.Nodes)}
}

// counting is a distribution of whole numbers.
type counting interface {
	CDF(float64) float64
	Prob(float64) float64
}

// middle is the probability of more than n and half of that of n: in the mean
// over all n it is 1/2, as a P-value should be.
func middle(d counting, n int) float64 {
	return 1 - d.CDF(float64(n)) + d.Prob(float64(n))/2
}

// Gap tests how many samples pass between one from a set of nodes and the next
// (Knuth D). The set is the first Nodes/part nodes. 0 means an eighth, or one of
// the nodes if there are fewer than eight.
//
// Gaps are geometric and independent; their lengths are counted in up to 20
// classes. The statistic is chi-square with one degree of freedom less than
// there are classes. At least 100 gaps are expected, which is 800 samples for an
// eighth.
func Gap(s Stream, part int) (Result, error) {
	k := part
	if k == 0 {
		k = min(8, s.Nodes)
	}
	if k < 2 || k > s.Nodes {
		return Result{}, badParam("gap", "part", part, 2, s.Nodes)
	}
	set := s.Nodes / k
	p := float64(set) / float64(s.Nodes)
	if err := s.need("gap", 100/p); err != nil {
		return Result{}, err
	}
	probability := func(gap int) float64 { return p * math.Pow(1-p, float64(gap)) }
	c := newClasses(probability, max(finest, enough/(p*float64(len(s.Peers)))))
	counts := make([]int, len(c.mass))
	gap := 0
	for _, x := range s.Peers {
		if int(x) >= set {
			gap++
			continue
		}
		counts[c.class(gap)]++
		gap = 0
	}
	return s.fitClasses("gap", c, counts, Param{"part", k})
}

// fitClasses is the end of the tests that count lengths. A stream in which there
// is nothing to count fails: an ideal one of that length has something.
func (s Stream) fitClasses(name string, c classes, counts []int, params ...Param) (Result, error) {
	total := 0
	for _, n := range counts {
		total += n
	}
	if total == 0 {
		return Result{
			Name: name, Params: params, Statistic: math.MaxFloat64,
			Distribution: fmt.Sprintf("chi-square with %d degrees of freedom", len(c.mass)-1),
		}.finish()
	}
	return chiSquare(name, c.fit(counts), len(c.mass)-1, params...)
}

// Coupon tests how many samples it takes until one of each part of the network
// was given, again and again (Knuth E, the coupon collector). The parts are
// ranges of equally many nodes; the fewer than parts nodes left over are passed
// by. 0 means 8 parts, or one per node if there are fewer than eight.
//
// The lengths are independent, with the probabilities parts!/partsʳ ·
// S(r-1, parts-1) of Knuth's (9), S being Stirling numbers; they are counted in
// up to 20 classes. The statistic is chi-square with one degree of freedom less
// than there are classes. At least 100 complete sets are expected: 2,200 samples
// for 8 parts.
func Coupon(s Stream, parts int) (Result, error) {
	d := parts
	if d == 0 {
		d = min(8, s.Nodes)
	}
	if most := min(64, s.Nodes); d < 2 || d > most {
		return Result{}, badParam("coupon", "parts", parts, 2, most)
	}
	size := s.Nodes / d
	length := 0.0 // the mean number of samples for a set
	for i := 1; i <= d; i++ {
		length += float64(s.Nodes) / float64(size*i)
	}
	if err := s.need("coupon", 100*length); err != nil {
		return Result{}, err
	}
	c := newClasses(couponLengths(d), max(finest, enough*length/float64(len(s.Peers))))
	return s.fitClasses("coupon", c, s.countCoupons(c, d, size), Param{"parts", d})
}

// couponLengths returns the probability of each length, to be asked for 0, 1, 2
// and so on in this order.
func couponLengths(d int) func(length int) float64 {
	having := make([]float64, d) // the probability of having so many parts, and not all
	having[0] = 1
	return func(length int) float64 {
		if length == 0 {
			return 0
		}
		complete := having[d-1] / float64(d)
		for i := d - 1; i >= 0; i-- {
			having[i] *= float64(i) / float64(d)
			if i > 0 {
				having[i] += having[i-1] * float64(d-i+1) / float64(d)
			}
		}
		return complete
	}
}

func (s Stream) countCoupons(c classes, d, size int) []int {
	counts := make([]int, len(c.mass))
	last := make([]int, d) // the set in which a part was given last
	set, have, length := 1, 0, 0
	for _, x := range s.Peers {
		part := int(x) / size
		if part >= d {
			continue
		}
		length++
		if last[part] != set {
			last[part] = set
			have++
		}
		if have == d {
			counts[c.class(length)]++
			set, have, length = set+1, 0, 0
		}
	}
	return counts
}

// Permutation tests in which order of size samples in a row come (Knuth F).
// Numbers of nodes mean nothing, so all orders of t different nodes are equally
// likely. Groups of t samples in which a node is twice are passed by. 0 means
// 4; at most 6.
//
// The statistic is chi-square with t! - 1 degrees of freedom. At least 10 groups
// of each order are needed: 960 samples for 4, and a few more for those passed
// by.
func Permutation(s Stream, group int) (Result, error) {
	t := group
	if t == 0 {
		t = min(4, s.Nodes)
	}
	if most := min(6, s.Nodes); t < 2 || t > most {
		return Result{}, badParam("permutation", "group", group, 2, most)
	}
	orders, different := 1, 1.0
	for i := range t {
		orders *= i + 1
		different *= 1 - float64(i)/float64(s.Nodes)
	}
	if err := s.need("permutation", float64(enough*orders*t)/different); err != nil {
		return Result{}, err
	}
	counts, total := make([]int, orders), 0
	for i := 0; i+t <= len(s.Peers); i += t {
		if order, ok := orderOf(s.Peers[i : i+t]); ok {
			counts[order]++
			total++
		}
	}
	if total < enough*orders/2 {
		return Result{}, fmt.Errorf("randomness: permutation: only %d groups of different nodes, needed: %d or more", total, enough*orders/2)
	}
	expected := make([]float64, orders)
	for i := range expected {
		expected[i] = float64(total) / float64(orders)
	}
	return chiSquare("permutation", fit(counts, expected), orders-1, Param{"group", t})
}

// orderOf numbers the orders of size, and is false if two are equal.
func orderOf(group []uint32) (order int, ok bool) {
	for i, x := range group {
		less := 0
		for _, y := range group[:i] {
			if y == x {
				return 0, false
			}
			if y < x {
				less++
			}
		}
		order = order*(i+1) + less
	}
	return order, true
}
