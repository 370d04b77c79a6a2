package randomness

import (
	"fmt"
	"math"
	"math/bits"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// Birthday is Marsaglia's birthday spacings test (Diehard; Knuth J). Points in a
// year are drawn, and of the distances between neighbours those are counted that
// are equal to another. A point is made of tuple samples in a row, as a number
// with as many digits to the base Nodes, so the year has Nodes^tuple days. 0
// means the shortest tuple that gives a year of half a million days or more.
//
// With m points in a year of n days the number of distances that equal another
// (m, less the number of different ones) is close to Poisson with mean
// m³/(4n), where m is at most about n^(5/12) (L'Ecuyer and Simard, "On the
// performance of birthday spacings tests with certain families of random number
// generators", 2001). Here m is the whole number that makes it about 4. The
// numbers of as many years as the stream has points for are added up, so that
// what the usual mean leaves out would show in a long stream: see meanEqual for
// the mean that is used. The variance is up to 6 % less than Poisson's in the
// shortest years, so that P is a little too seldom extreme. At least 10 must be expected in all: three years, or
// 2,241 samples at 99 peers and 7,020 at 9,999.
func Birthday(s Stream, tuple int) (Result, error) {
	t := tuple
	if t == 0 {
		t = tupleOf(s.Nodes)
	}
	year := power(s.Nodes, t)
	if t < 1 || year < shortestYear || year > longestYear {
		return Result{}, fmt.Errorf("randomness: birthday: a tuple of %d makes years of %d to the power of %d days, allowed: %d to 2^62",
			t, s.Nodes, t, shortestYear)
	}
	m := int(math.Round(math.Cbrt(4 * likedMean * float64(year))))
	years := len(s.Peers) / (m * t)
	mean := meanEqual(float64(m), float64(year))
	if need := int(math.Ceil(10/mean)) * m * t; len(s.Peers) < need {
		return Result{}, &TooShortError{"birthday", len(s.Peers), need}
	}
	equal := 0
	points := make([]uint64, m)
	for i := range years {
		s.points(points, i*m*t, t)
		equal += equalSpacings(points, year)
	}
	d := distuv.Poisson{Lambda: mean * float64(years)}
	return Result{
		Name:         "birthday",
		Params:       []Param{{"tuple", t}, {"points", m}, {"years", years}},
		Statistic:    float64(equal),
		Distribution: fmt.Sprintf("Poisson with mean %.6g", d.Lambda),
		P:            middle(d, equal),
	}.finish()
}

const (
	likedMean    = 4       // distances that equal another, in a year
	shortestYear = 100_000 // in shorter ones the distribution is not Poisson
	likedYear    = 500_000 // a guess at what is long enough
	longestYear  = 1 << 62 // so that days fit into 64 bits
)

// meanEqual is the mean number of distances that equal another, of m points in a
// year of n days. Any k of the m distances are equal to each other with
// probability (m-1)(m-2)…(m-k+1) / (k·nᵏ⁻¹), from the density of spacings on a
// circle; the number wanted is that of equal pairs, less that of triples, and so
// on. The first term is m(m-1)²/(4n). At 500,000 days the usual m³/(4n) is 2.8 %
// more than the sum.
func meanEqual(m, n float64) (mean float64) {
	choose, equal := m, 1.0 // of k distances: how many sets, and their probability times k
	for k := 2.0; k <= 8; k++ {
		choose *= -(m - k + 1) / k
		equal *= (m - k + 1) / n
		mean -= choose * equal / k
	}
	return mean
}

// tupleOf is the least number of samples that make a year of likedYear days.
func tupleOf(nodes int) (t int) {
	for t = 1; power(nodes, t) < likedYear; t++ {
	}
	return t
}

// power is base^exponent, or MaxUint64 if that is more.
func power(base, exponent int) uint64 {
	x := uint64(1)
	for range exponent {
		hi, lo := bits.Mul64(x, uint64(base))
		if hi != 0 {
			return math.MaxUint64
		}
		x = lo
	}
	return x
}

// points makes points of the samples from a place on.
func (s Stream) points(points []uint64, from, tuple int) {
	for i := range points {
		points[i] = 0
		for _, x := range s.Peers[from+i*tuple:][:tuple] {
			points[i] = points[i]*uint64(s.Nodes) + uint64(x)
		}
	}
}

// equalSpacings counts, and takes points to pieces.
func equalSpacings(points []uint64, year uint64) (equal int) {
	slices.Sort(points)
	first := points[0]
	for i := range points[:len(points)-1] {
		points[i] = points[i+1] - points[i]
	}
	last := &points[len(points)-1]
	*last = first + year - *last // around the turn of the year
	slices.Sort(points)
	for i := range points[1:] {
		if points[i] == points[i+1] {
			equal++
		}
	}
	return equal
}
