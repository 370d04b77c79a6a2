package peersampling

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"pgregory.net/rapid"
)

func newTestRounds(t rapid.TB, p Policy, identity func(peer.Handle) uint64) *Rounds {
	t.Helper()
	r, err := NewRounds(p, 42, identity)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// handles counts from one to another.
func handles(from, to peer.Handle) (some []peer.Handle) {
	for h := from; h <= to; h++ {
		some = append(some, h)
	}
	return some
}

func viewOf(some ...peer.Handle) (v []peer.Descriptor) {
	for _, p := range some {
		v = append(v, peer.Descriptor{Peer: p})
	}
	return v
}

func peersOf(v []peer.Descriptor) (some []peer.Handle) {
	for _, d := range v {
		some = append(some, d.Peer)
	}
	return some
}

func TestRoundsAreForBrahms(t *testing.T) {
	for _, p := range []Policy{{}, Healer(30), Cyclon(30), Newscast(30)} {
		var bad *PolicyError
		if _, err := NewRounds(p, 1, nil); !errors.As(err, &bad) {
			t.Errorf("%v: %v", p, err)
		}
	}
}

// Section 5 of the paper: α = β = 0.45, γ = 0.1. No view is so small that a node
// would neither push nor pull nor look back.
func TestQuotas(t *testing.T) {
	for c := 2; c <= 100; c++ {
		pushes, pulls, history := Brahms(c).quotas()
		if pushes < 1 || pulls != pushes || history < 1 || c > 2 && pushes+pulls+history != c {
			t.Errorf("c = %d: αl1, βl1, γl1 = %d, %d, %d", c, pushes, pulls, history)
		}
	}
	if a, b, g := Brahms(100).quotas(); a != 45 || b != 45 || g != 10 {
		t.Errorf("αl1, βl1, γl1 = %d, %d, %d of 100", a, b, g)
	}
}

func TestTargetsAreDrawnFromTheView(t *testing.T) {
	r, rng := newTestRounds(t, Brahms(20), nil), rand.NewPCG(1, 1)
	v := viewOf(handles(1, 20)...)
	const rounds = 5000
	pushed, pulled := map[peer.Handle]int{}, map[peer.Handle]int{}
	for range rounds {
		push, pull := r.Targets(v, rng)
		if len(push) != r.Pushes() || len(pull) != r.Pulls() {
			t.Fatalf("pushes to %v, pulls from %v", push, pull)
		}
		for i, p := range push {
			pushed[p]++
			if slices.Contains(push[:i], p) {
				t.Fatalf("pushes twice: %v", push)
			}
		}
		for i, p := range pull {
			pulled[p]++
			if slices.Contains(pull[:i], p) {
				t.Fatalf("pulls twice: %v", pull)
			}
		}
	}
	for _, p := range handles(1, 20) {
		expectCount(t, pushed[p], rounds, 9.0/20)
		expectCount(t, pulled[p], rounds, 9.0/20)
	}
	same(t, "the view stays", v, viewOf(handles(1, 20)...))
	if push, pull := r.Targets(viewOf(7), rng); !slices.Equal(push, []peer.Handle{7}) || !slices.Equal(pull, push) {
		t.Errorf("who knows one peer pushes to %v and pulls from %v", push, pull)
	}
	if push, pull := r.Targets(nil, rng); len(push)+len(pull) != 0 {
		t.Errorf("who knows nobody pushes to %v and pulls from %v", push, pull)
	}
}

// The limited push: a node that more peers push to than may be does not let them
// in, nor what it pulled. C = 20, so αl1 = βl1 = 9 and γl1 = 2. The view is 1 to
// 20, the samples are 31 to 40, pushers come from 101 on, what is pulled from 201
// on.
func TestRenew(t *testing.T) {
	const self = 99
	for _, test := range []struct {
		why                               string
		pushed, pulled                    []peer.Handle
		fromPushes, fromPulls, fromSample int
		renewed                           bool
	}{
		{"as it should be", handles(101, 105), handles(201, 260), 5, 9, 2, true},
		{"as many pushes as may be", handles(101, 109), handles(201, 260), 9, 9, 2, true},
		{"one push too many", handles(101, 110), handles(201, 260), 0, 0, 2, false},
		{"a flood", handles(101, 199), handles(201, 260), 0, 0, 2, false},
		{"one peer floods alone", slices.Repeat([]peer.Handle{101}, 1000), handles(201, 260), 1, 9, 2, true},
		{"nobody pushed", nil, handles(201, 260), 0, 0, 2, false},
		{"nobody pushed but itself", []peer.Handle{self, peer.None}, handles(201, 260), 0, 0, 2, false},
		{"nobody answered", handles(101, 105), nil, 0, 0, 2, false},
		{"the answers hold nobody else", handles(101, 105), []peer.Handle{self, peer.None, self}, 0, 0, 2, false},
		{"few answers", handles(101, 105), []peer.Handle{201, self, 202, 202, 101}, 5, 2, 2, true},
		{"the same answers", handles(101, 102), slices.Repeat(handles(201, 203), 50), 2, 3, 2, true},
	} {
		t.Run(test.why, func(t *testing.T) {
			for seed := range uint64(20) {
				r, rng := newTestRounds(t, Brahms(20), nil), rand.NewPCG(seed, 1)
				before, samples := viewOf(handles(1, 20)...), viewOf(handles(31, 40)...)
				view, renewed := r.Renew(nil, before, samples, slices.Clone(test.pushed), slices.Clone(test.pulled), self, rng)
				count := func(from, to peer.Handle) (n int) {
					for _, d := range view {
						if d.Peer >= from && d.Peer <= to {
							n++
						}
					}
					return n
				}
				stayed := 0
				if !test.renewed {
					stayed = 18
				}
				got := [4]int{count(101, 199), count(201, 299), count(31, 40), count(1, 20)}
				if want := [4]int{test.fromPushes, test.fromPulls, test.fromSample, stayed}; got != want || renewed != test.renewed {
					t.Fatalf("renewed %v, %d of those who pushed, pulled, sampled and known; want %v, %d; view %v", renewed, got, test.renewed, want, view)
				}
				if broken := invariants(view, self, 20); broken != "" {
					t.Fatal(broken, view)
				}
			}
		})
	}
}

// What a node pulled is drawn by how often it was told of it, as rand() of the
// paper does.
func TestRenewDrawsFromWhatWasPulled(t *testing.T) {
	r, rng := newTestRounds(t, Brahms(3), nil), rand.NewPCG(1, 1) // one of each
	pulled := []peer.Handle{11, 12, 12, 12}
	twelve := 0
	const rounds = 20_000
	for range rounds {
		view, _ := r.Renew(nil, nil, nil, []peer.Handle{10}, pulled, 1, rng)
		if !slices.Equal(view, viewOf(10, 11)) && !slices.Equal(view, viewOf(10, 12)) {
			t.Fatal(view)
		}
		if view[1].Peer == 12 {
			twelve++
		}
	}
	expectCount(t, twelve, rounds, 0.75)
}

// A node that was told of one contact comes by a view through its samples,
// although nobody knows it and so nobody pushes to it.
func TestSamplesFillFreePlaces(t *testing.T) {
	r, rng := newTestRounds(t, Brahms(20), nil), rand.NewPCG(1, 1)
	samples := make([]peer.Descriptor, 20)
	answer := handles(2, 60)
	r.Feed(samples, answer, 99)
	view, renewed := r.Renew(nil, viewOf(1), samples, nil, answer, 99, rng)
	if renewed || len(view) < 10 || view[0].Peer != 1 {
		t.Errorf("renewed %v, %v", renewed, view)
	}
	for _, d := range view[1:] {
		if !knows(samples, d.Peer) {
			t.Errorf("%d was never sampled: %v", d.Peer, samples)
		}
	}
}

// Whatever arrives: I1 to I3 hold; the view is renewed exactly if the paper's
// condition does; nobody is let in past it; and the view may be renewed in
// place.
func TestRenewAgainstAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Brahms(rapid.IntRange(2, 40).Draw(t, "c"))
		p.Samplers = rapid.IntRange(1, 40).Draw(t, "samplers")
		checkRenew(t, p, drawView(t, p.C, "view"),
			peersOf(drawHostile(t, 60, "pushed")), peersOf(drawHostile(t, 60, "pulled")), peersOf(drawHostile(t, 60, "fed")))
	})
}

func checkRenew(t rapid.TB, p Policy, view []peer.Descriptor, pushed, pulled, fed []peer.Handle) {
	t.Helper()
	r := newTestRounds(t, p, nil)
	samples := make([]peer.Descriptor, p.Samplers)
	r.Feed(samples, fed, self)
	for _, x := range samples {
		if x.Peer == self || x.Peer != peer.None && !slices.Contains(fed, x.Peer) {
			t.Fatalf("samples %v of %v", samples, fed)
		}
	}
	somebody := func(some []peer.Handle) map[peer.Handle]bool {
		set := map[peer.Handle]bool{}
		for _, h := range some {
			if h != self && h != peer.None {
				set[h] = true
			}
		}
		return set
	}
	pushers, told := somebody(pushed), somebody(pulled)
	want := len(pushers) > 0 && len(pushers) <= r.Pushes() && len(told) > 0
	after, renewed := r.Renew(make([]peer.Descriptor, 0, p.C), view, samples, slices.Clone(pushed), slices.Clone(pulled), self, rand.NewPCG(1, 1))
	if renewed != want {
		t.Fatalf("renewed %v: %d have pushed (%d may), %d were pulled", renewed, len(pushers), r.Pushes(), len(told))
	}
	if broken := invariants(after, self, p.C); broken != "" {
		t.Fatalf("%s: %v", broken, after)
	}
	for _, d := range after {
		switch {
		case knows(samples, d.Peer):
		case renewed && (pushers[d.Peer] || told[d.Peer]):
		case !renewed && knows(view, d.Peer):
		default:
			t.Fatalf("renewed %v, and %d is in the view: %v", renewed, d.Peer, after)
		}
	}
	if !renewed && len(after) < len(view) {
		t.Fatalf("%v was left of %v", after, view)
	}
	place := append(make([]peer.Descriptor, 0, p.C), view...)
	place, _ = r.Renew(place, place, samples, slices.Clone(pushed), slices.Clone(pulled), self, rand.NewPCG(1, 1))
	if !slices.Equal(place, after) {
		t.Fatalf("in place %v, elsewhere %v", place, after)
	}
	for _, h := range fed {
		r.Forget(samples, h)
	}
	if slices.ContainsFunc(samples, func(x peer.Descriptor) bool { return x.Peer != peer.None }) {
		t.Fatalf("all are forgotten, but for %v", samples)
	}
}

// FuzzRenew lets bytes say who has pushed and what was pulled.
func FuzzRenew(f *testing.F) {
	f.Add(uint8(20), uint8(20), []byte{1, 2, 3}, []byte{4, 5, 6}, []byte{7, 8, 9, 9})
	f.Add(uint8(2), uint8(1), []byte{0, 1, 0}, []byte{}, []byte{255})
	f.Fuzz(func(t *testing.T, c, samplers uint8, view, pushed, pulled []byte) {
		p := Brahms(2 + int(c)%60)
		p.Samplers = 1 + int(samplers)%60
		all := func(bytes []byte) (some []peer.Handle) {
			for _, b := range bytes {
				some = append(some, peer.Handle(b))
			}
			return some
		}
		v := make([]peer.Descriptor, 0, p.C)
		for _, h := range all(view) {
			if h != peer.None && h != self && !knows(v, h) && len(v) < p.C {
				v = append(v, peer.Descriptor{Peer: h})
			}
		}
		checkRenew(t, p, v, all(pushed), all(pulled), all(append(pushed, pulled...)))
	})
}

// A round allocates nothing once its scratch space has grown.
func TestRoundAllocatesNothing(t *testing.T) {
	r, rng := newTestRounds(t, Brahms(30), nil), rand.NewPCG(1, 1)
	view := append(make([]peer.Descriptor, 0, 30), viewOf(handles(1, 30)...)...)
	samples := make([]peer.Descriptor, 30)
	pushed, pulled := handles(31, 40), handles(41, 400)
	round := func() {
		r.Targets(view, rng)
		view, _ = r.Renew(view, view, samples, pushed, pulled, 99, rng)
		r.Feed(samples, pushed, 99)
		r.Feed(samples, pulled, 99)
		r.Forget(samples, samples[0].Peer)
	}
	round()
	if allocs := testing.AllocsPerRun(20, round); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

// BenchmarkFeed is what one node pulls in a round, and most of what the round
// costs.
func BenchmarkFeed(b *testing.B) {
	r := newTestRounds(b, Brahms(30), nil)
	samples, pulled := make([]peer.Descriptor, 30), handles(1, 13*28)
	b.ReportAllocs()
	for b.Loop() {
		r.Feed(samples, pulled, 999)
	}
	b.ReportMetric(float64(b.Elapsed())/float64(b.N*len(pulled)*len(samples)), "ns/sampler")
}
