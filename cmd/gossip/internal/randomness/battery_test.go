package randomness

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// chacha is a stream from a generator that Ideal does not use.
func chacha(nodes, samples int, seed uint64) Stream {
	key := [32]byte{byte(seed), byte(seed >> 8), 'r'}
	rng := rand.New(rand.NewChaCha8(key))
	s := Stream{Nodes: nodes, Peers: make([]uint32, samples)}
	for i := range s.Peers {
		s.Peers[i] = uint32(rng.IntN(nodes))
	}
	return s
}

// long skips a test that counts for seconds, and for minutes under the race
// detector, which has nothing to find where there is one goroutine.
func long(t *testing.T) {
	if testing.Short() {
		t.Skip("counts for long")
	}
}

// uniformity is the P-value of Kolmogorov and Smirnov's test that values are
// uniform in 0 to 1 (Knuth, section 3.3.1, with Stephens's correction for few
// values).
func uniformity(values []float64) float64 {
	v := slices.Sorted(slices.Values(values))
	n, d := float64(len(v)), 0.0
	for i, x := range v {
		d = max(d, x-float64(i)/n, float64(i+1)/n-x)
	}
	z := d * (math.Sqrt(n) + 0.12 + 0.11/math.Sqrt(n))
	p := 0.0
	for k := 1.0; k <= 100; k++ {
		p += 2 * math.Pow(-1, k-1) * math.Exp(-2*k*k*z*z)
	}
	return min(1, max(0, p))
}

// variant is a test with parameters.
type variant struct {
	name string
	run  func(Stream) (Result, error)
}

// variants are all tests with the parameters that they choose, and with some
// others.
func variants() []variant {
	return []variant{
		{"frequency", func(s Stream) (Result, error) { return Frequency(s, 0) }},
		{"frequency in 7 ranges", func(s Stream) (Result, error) { return Frequency(s, 7) }},
		{"collision", func(s Stream) (Result, error) { return Collision(s, 0) }},
		{"collision in short blocks", func(s Stream) (Result, error) { return Collision(s, s.Nodes/4) }},
		{"serial", func(s Stream) (Result, error) { return Serial(s, 1, 0) }},
		{"serial, lag 7 in 5 ranges", func(s Stream) (Result, error) { return Serial(s, 7, 5) }},
		{"repetition", func(s Stream) (Result, error) { return Repetition(s, 0) }},
		{"repetition, short", func(s Stream) (Result, error) { return Repetition(s, 5) }},
		{"gap", func(s Stream) (Result, error) { return Gap(s, 0) }},
		{"gap of a third", func(s Stream) (Result, error) { return Gap(s, 3) }},
		{"coupon", func(s Stream) (Result, error) { return Coupon(s, 0) }},
		{"coupon of 5", func(s Stream) (Result, error) { return Coupon(s, 5) }},
		{"permutation", func(s Stream) (Result, error) { return Permutation(s, 0) }},
		{"permutation of 3", func(s Stream) (Result, error) { return Permutation(s, 3) }},
		{"birthday", func(s Stream) (Result, error) { return Birthday(s, 0) }},
	}
}

// TestPValuesAreUniform: over many ideal streams each P-value is, which is what
// a P-value means. Two generators, and lengths from few samples per node to many.
func TestPValuesAreUniform(t *testing.T) {
	long(t)
	const runs = 150
	for _, size := range []struct{ nodes, samples int }{{63, 12_000}, {999, 12_000}, {9_999, 20_000}} {
		for _, v := range variants() {
			t.Run(fmt.Sprintf("%d nodes/%s", size.nodes, v.name), func(t *testing.T) {
				var ps, parts []float64
				extreme := 0
				for seed := range uint64(runs) {
					source := Ideal
					if seed%2 == 1 {
						source = chacha
					}
					r, err := v.run(source(size.nodes, size.samples, seed))
					if short := (*TooShortError)(nil); errors.As(err, &short) {
						t.Skip(err)
					}
					if err != nil {
						t.Fatal(err)
					}
					ps = append(ps, r.P)
					if len(r.Parts) > 0 {
						parts = append(parts, r.Parts[seed%uint64(len(r.Parts))])
					}
					if r.Verdict == Fail {
						extreme++
					}
				}
				u := uniformity(ps)
				t.Logf("uniform with p = %.3f", u)
				if u < 0.001 {
					t.Errorf("the P-values of %d ideal streams are not uniform: p = %.2g", runs, u)
				}
				if extreme > 1 {
					t.Errorf("%d of %d ideal streams fail", extreme, runs)
				}
				if expected := float64(size.samples) / float64(size.nodes); len(parts) > 0 && expected > enough {
					if u := uniformity(parts); u < 0.001 {
						t.Errorf("the P-values of parts are not uniform: p = %.2g", u)
					}
				}
			})
		}
	}
}

// TestDefectsAreFound: each kind of bad stream fails the tests that are there to
// find it.
func TestDefectsAreFound(t *testing.T) {
	const nodes, samples = 1000, 20_000
	for _, tc := range []struct {
		name   string
		next   func(rng *rand.Rand, before []uint32) uint32
		failed []string
	}{
		{"a cycle of 2000", func(rng *rand.Rand, before []uint32) uint32 {
			if len(before) >= 2000 {
				return before[len(before)-2000]
			}
			return rng.Uint32N(nodes)
		}, []string{"frequency"}},
		{"20 nodes missing", func(rng *rand.Rand, _ []uint32) uint32 {
			return rng.Uint32N(nodes - 20)
		}, []string{"frequency"}},
		{"100 nodes missing", func(rng *rand.Rand, _ []uint32) uint32 {
			return rng.Uint32N(nodes - 100)
		}, []string{"frequency", "collision"}},
		{"ten favourites, three times as often", func(rng *rand.Rand, _ []uint32) uint32 {
			if rng.IntN(50) == 0 {
				return rng.Uint32N(10)
			}
			return rng.Uint32N(nodes)
		}, []string{"frequency"}},
		{"one in ten like the one before", func(rng *rand.Rand, before []uint32) uint32 {
			if len(before) > 0 && rng.IntN(10) == 0 {
				return before[len(before)-1]
			}
			return rng.Uint32N(nodes)
		}, []string{"serial", "repetition"}},
		{"one in 50 from the last 30", func(rng *rand.Rand, before []uint32) uint32 {
			if len(before) > 30 && rng.IntN(50) == 0 {
				return before[len(before)-1-rng.IntN(30)]
			}
			return rng.Uint32N(nodes)
		}, []string{"repetition"}},
		{"near the one before", func(rng *rand.Rand, before []uint32) uint32 {
			if len(before) == 0 {
				return 0
			}
			return (before[len(before)-1] + rng.Uint32N(nodes/4)) % nodes
		}, []string{"serial", "gap", "coupon", "permutation", "birthday"}},
		{"views of 30 dealt out like cards", func(rng *rand.Rand, before []uint32) uint32 {
			dealt := before[len(before)/30*30:]
			for {
				if x := rng.Uint32N(nodes); !slices.Contains(dealt, x) {
					return x
				}
			}
		}, []string{"repetition"}},
		{"all nodes dealt out like cards", func(rng *rand.Rand, before []uint32) uint32 {
			dealt := before[len(before)/nodes*nodes:]
			for {
				if x := rng.Uint32N(nodes); !slices.Contains(dealt, x) {
					return x
				}
			}
		}, []string{"frequency", "collision", "repetition"}},
		{"one half, then the other", func(rng *rand.Rand, before []uint32) uint32 {
			return rng.Uint32N(nodes/2) + uint32(len(before)%2)*nodes/2
		}, []string{"serial", "gap", "coupon"}},
		{"mostly one half for 100 samples", func(rng *rand.Rand, before []uint32) uint32 {
			x := rng.Uint32N(nodes)
			if rng.IntN(2) == 0 {
				return x
			}
			return x/2 + uint32(len(before)/100%2)*nodes/2
		}, []string{"serial", "coupon"}},
		{"points in equal steps around the year", func(_ *rand.Rand, before []uint32) uint32 {
			point := len(before) / 2 * 618_033 % (nodes * nodes)
			if len(before)%2 == 0 {
				return uint32(point / nodes)
			}
			return uint32(point % nodes)
		}, []string{"birthday"}},
		{"always the same", func(*rand.Rand, []uint32) uint32 { return 7 },
			[]string{"frequency", "collision", "repetition", "gap", "coupon", "birthday"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 2))
			s := Stream{Nodes: nodes}
			for range samples {
				s.Peers = append(s.Peers, tc.next(rng, s.Peers))
			}
			for _, r := range Battery(s) {
				t.Log(r)
				if slices.Contains(tc.failed, r.Name) && r.Verdict != Fail {
					t.Errorf("%s finds nothing", r.Name)
				}
			}
		})
	}
}

// TestTooShort: every test says so, and how long the stream must be; at that
// length it works.
func TestTooShort(t *testing.T) {
	long(t)
	for _, nodes := range []int{2, 3, 10, 63, 999, 9_999, 1_000_000} {
		for _, samples := range []int{0, 1, 2, 19, 100} {
			for _, r := range Battery(Ideal(nodes, samples, 1)) {
				var short *TooShortError
				switch {
				case r.Err == nil:
					continue
				case !errors.As(r.Err, &short):
					t.Errorf("%d of %d nodes: %s: %v", samples, nodes, r.Name, r.Err)
					continue
				case short.Have != samples || short.Need <= samples || r.Verdict != Untested:
					t.Errorf("%d of %d nodes: %v: %v", samples, nodes, r.Verdict, r.Err)
				}
				if short.Need < 1_000_000 {
					for _, again := range Battery(Ideal(nodes, short.Need, 1)) {
						if again.Name == r.Name && again.Err != nil {
							t.Errorf("%d nodes: %s asked for %d samples, then: %v", nodes, r.Name, short.Need, again.Err)
						}
					}
				}
			}
		}
	}
}

// TestBadParameters are errors that name the parameter and what is allowed.
func TestBadParameters(t *testing.T) {
	s := Ideal(1000, 20_000, 1)
	for name, run := range map[string]func() (Result, error){
		"frequency: ranges is 1001, allowed: 2 to 1000":           func() (Result, error) { return Frequency(s, 1001) },
		"collision: block is 1, allowed: 2 to":                    func() (Result, error) { return Collision(s, 1) },
		"serial: lag is 0, allowed: 1 to 5000":                    func() (Result, error) { return Serial(s, 0, 0) },
		"serial: ranges is 65, allowed: 2 to 64":                  func() (Result, error) { return Serial(s, 1, 65) },
		"repetition: lags is 126, allowed: 1 to 125":              func() (Result, error) { return Repetition(s, 126) },
		"gap: part is -1, allowed: 2 to 1000":                     func() (Result, error) { return Gap(s, -1) },
		"coupon: parts is 65, allowed: 2 to 64":                   func() (Result, error) { return Coupon(s, 65) },
		"permutation: group is 7, allowed: 2 to 6":                func() (Result, error) { return Permutation(s, 7) },
		"birthday: a tuple of 1 makes years of 1000 to the power": func() (Result, error) { return Birthday(s, 1) },
		"birthday: a tuple of 9 makes years":                      func() (Result, error) { return Birthday(s, 9) },
		"Stream.Nodes is 1, allowed: 2 to":                        func() (Result, error) { return Result{}, Stream{Nodes: 1}.Validate() },
		"Stream.Peers[1] is 5, allowed: 0 to 4": func() (Result, error) {
			return Result{}, Stream{Nodes: 5, Peers: []uint32{4, 5}}.Validate()
		},
	} {
		if _, err := run(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("got %v, want %q", err, name)
		}
	}
}

// TestEqualSpacings of a year that can be counted by hand: points 1, 3, 5, 9 of
// 10 days are 2, 2, 4 and, around the turn of the year, 2 apart.
func TestEqualSpacings(t *testing.T) {
	if got := equalSpacings([]uint64{9, 1, 5, 3}, 10); got != 2 {
		t.Errorf("got %d equal spacings, want 2", got)
	}
}

// TestMeanEqual against the mean of many years, whose own deviation is 0.005.
func TestMeanEqual(t *testing.T) {
	long(t)
	const nodes, m, years = 708, 200, 40_000
	s := Ideal(nodes, 2*m*years, 3)
	sum := 0
	points := make([]uint64, m)
	for i := range years {
		s.points(points, 2*m*i, 2)
		sum += equalSpacings(points, nodes*nodes)
	}
	got, want := float64(sum)/years, meanEqual(m, nodes*nodes)
	if math.Abs(got-want) > 4*math.Sqrt(want/years) {
		t.Errorf("%.4f spacings of a year equal another, meanEqual says %.4f", got, want)
	}
}

// TestCollisionMoments against small cases by hand: two draws of two nodes
// collide half the time.
func TestCollisionMoments(t *testing.T) {
	if mean, variance := collisions(2, 2); math.Abs(mean-0.5) > 1e-12 || math.Abs(variance-0.25) > 1e-12 {
		t.Errorf("2 draws of 2: mean %g, variance %g, want 1/2 and 1/4", mean, variance)
	}
	if mean, variance := collisions(10, 1); math.Abs(mean) > 1e-12 || math.Abs(variance) > 1e-12 {
		t.Errorf("1 draw of 10: mean %g, variance %g, want 0", mean, variance)
	}
}

// TestCouponLengths against Knuth's example, d = 5 (section 3.3.2, E): sum and
// mean, and the least length by hand, 5!/5⁵.
func TestCouponLengths(t *testing.T) {
	p := couponLengths(5)
	sum, mean := 0.0, 0.0
	for length := range 400 {
		x := p(length)
		if length == 5 && math.Abs(x-120.0/3125) > 1e-12 {
			t.Errorf("5 samples have probability %g, want %g", x, 120.0/3125)
		}
		sum += x
		mean += x * float64(length)
	}
	if want := 5 * (1 + 1.0/2 + 1.0/3 + 1.0/4 + 1.0/5); math.Abs(sum-1) > 1e-9 || math.Abs(mean-want) > 1e-6 {
		t.Errorf("sum %g, mean %g, want 1 and %g", sum, mean, want)
	}
}

// TestRangesAndClasses cover everything, and their shares add up to 1.
func TestRangesAndClasses(t *testing.T) {
	for _, r := range []ranges{{10, 3}, {7, 7}, {1000, 64}, {3, 2}} {
		counts := make([]float64, r.k)
		for x := range r.nodes {
			counts[r.of(uint32(x))] += 1 / float64(r.nodes)
		}
		for i, share := range counts {
			if math.Abs(share-r.share(i)) > 1e-12 {
				t.Errorf("%v: range %d has %g, not %g", r, i, share, r.share(i))
			}
		}
	}
	c := newClasses(func(i int) float64 { return math.Pow(0.5, float64(i+1)) }, 0.1)
	if want := []float64{0.5, 0.25, 0.125, 0.125}; !slices.Equal(c.mass, want) {
		t.Errorf("classes of halves are %v, want %v", c.mass, want)
	}
	if c.class(0) != 0 || c.class(2) != 2 || c.class(3) != 3 || c.class(1000) != 3 {
		t.Errorf("wrong classes: %v", c.of)
	}
}
