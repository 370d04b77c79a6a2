package peersampling

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"pgregory.net/rapid"
)

// identities that a good hash function must make nothing of.
var worstIdentities = map[string]func(peer.Handle) uint64{
	"count up":          nil,
	"in the upper half": func(h peer.Handle) uint64 { return uint64(h) << 32 },
	"one bit each, up to the 63rd": func(h peer.Handle) uint64 {
		if h < 64 {
			return 1 << h
		}
		return uint64(h)
	},
	"far apart":           func(h peer.Handle) uint64 { return uint64(h) * 0x0101010101010101 },
	"multiples of golden": func(h peer.Handle) uint64 { return uint64(h) * golden },
}

// chi2 is the sum of squared deviations of counts that should all be alike, in
// units of what is expected.
func chi2(counts []int) (x float64) {
	total := 0
	for _, n := range counts {
		total += n
	}
	mean := float64(total) / float64(len(counts))
	for _, n := range counts {
		x += (float64(n) - mean) * (float64(n) - mean) / mean
	}
	return x
}

// tally counts how often each of the first n peers is named.
func tally(stream []peer.Handle, n int) []int {
	counts := make([]int, n)
	for _, p := range stream {
		counts[p-1]++
	}
	return counts
}

// Section 3.1 of the paper: a sampler holds each peer with equal chance, however
// often each is named: here the loudest a thousand times as often as the first. The samplers of one node, those of different nodes with one
// secret, and those initialised anew are all meant.
func TestSamplersAreUniform(t *testing.T) {
	const n, nodes, samplers = 20, 500, 20
	for name, identity := range worstIdentities {
		t.Run(name, func(t *testing.T) {
			stream, rng := []peer.Handle{}, rand.NewPCG(1, 1)
			for p := peer.Handle(1); p <= n; p++ {
				for range 1 << (p / 2) {
					stream = append(stream, p)
				}
			}
			for i := range stream {
				j := i + below(rng, len(stream)-i)
				stream[i], stream[j] = stream[j], stream[i]
			}
			if heard := tally(stream[:1000], n); chi2(heard) < 490 {
				t.Fatalf("the story wants some to be loud, not %v", heard)
			}
			r := newTestRounds(t, Policy{Propagation: PushPull, C: 20, Samplers: samplers}, identity)
			first, again := make([]int, n), make([]int, n)
			both := make([]int, n*n) // what neighbours hold, both together
			anew := make([]int, n*n) // what a sampler holds before and after
			for node := range peer.Handle(nodes) {
				s := make([]peer.Descriptor, samplers)
				r.Feed(s, stream, 21+node)
				before := peersOf(s)
				for i, p := range before {
					first[p-1]++
					if i%2 == 1 {
						both[int(before[i-1]-1)*n+int(p-1)]++
					}
				}
				for _, p := range before {
					r.Forget(s, p)
				}
				r.Feed(s, stream, 21+node)
				for i, x := range s {
					again[x.Peer-1]++
					anew[int(before[i]-1)*n+int(x.Peer-1)]++
				}
			}
			// Each limit is met by chance alone once in 1000 times; the seed is
			// fixed.
			for what, test := range map[string]struct {
				counts []int
				limit  float64
			}{
				"samples":                        {first, 43.8}, // 19 degrees of freedom
				"samples after a fresh start":    {again, 43.8},
				"pairs of samples":               {both, 490}, // 399
				"samples before and after start": {anew, 490},
			} {
				if x := chi2(test.counts); x > test.limit {
					t.Errorf("%s: χ² = %.1f, more than %.1f: %v", what, x, test.limit, test.counts)
				}
			}
		})
	}
}

// What samplers hold is decided by whom they were ever fed, not by the order,
// the portions, or how often.
func TestSamplersRememberTheSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Brahms(10)
		p.Samplers = rapid.IntRange(1, 20).Draw(t, "samplers")
		r := newTestRounds(t, p, nil)
		set := peersOf(drawView(t, 40, "peers"))
		want, got := make([]peer.Descriptor, p.Samplers), make([]peer.Descriptor, p.Samplers)
		r.Feed(want, set, self)
		for range rapid.IntRange(0, 20).Draw(t, "portions") {
			if len(set) > 0 {
				r.Feed(got, rapid.SliceOf(rapid.SampledFrom(set)).Draw(t, "portion"), self)
			}
		}
		r.Feed(got, rapid.Permutation(set).Draw(t, "all"), self)
		if !slices.Equal(got, want) {
			t.Fatalf("%v, in another order %v", want, got)
		}
	})
}

// Only the samplers that hold the dead one are initialised anew.
func TestForget(t *testing.T) {
	r := newTestRounds(t, Brahms(30), nil)
	s := make([]peer.Descriptor, 30)
	r.Feed(s, handles(1, 8), 99)
	before, gone := slices.Clone(s), s[3].Peer
	r.Forget(s, gone)
	for i, x := range s {
		want := before[i]
		if want.Peer == gone {
			want = peer.Descriptor{Age: want.Age + 1}
		}
		if x != want {
			t.Errorf("sampler %d: %v after %v", i, x, before[i])
		}
	}
	r.Forget(s, peer.None) // which those just initialised hold
	if s[3].Age != 1 {
		t.Errorf("nobody was forgotten once more: %v", s[3])
	}
	r.Feed(s, []peer.Handle{5}, 99)
	if s[3].Peer != 5 {
		t.Errorf("the first that is fed is the sample, not %v", s[3])
	}
}

// A peer that comes and goes under ever new handles is the same peer: it gets no
// second chance. If handles were its identity it would get one each time.
func TestComingBackIsNoSecondDraw(t *testing.T) {
	name := func(h peer.Handle) uint64 { return uint64(h % 100) }
	for _, test := range []struct {
		why      string
		identity func(peer.Handle) uint64
		stable   bool
	}{
		{"stable identities", name, true},
		{"handles", nil, false},
	} {
		r := newTestRounds(t, Brahms(30), test.identity)
		s := make([]peer.Descriptor, 30)
		r.Feed(s, handles(1, 40), 99)
		before, seven := slices.Clone(s), 0
		for life := range peer.Handle(200) {
			r.Feed(s, []peer.Handle{100*life + 107}, 99)
		}
		for _, x := range s {
			if x.Peer%100 == 7 {
				seven++
			}
		}
		if test.stable && !slices.Equal(s, before) {
			t.Errorf("%s: %v became %v", test.why, before, s)
		}
		if !test.stable && seven < 20 {
			t.Errorf("%s: the story wants the samples to be taken over, %d are", test.why, seven)
		}
	}
}
