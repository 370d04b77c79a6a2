package peersampling

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

const self = peer.Handle(99)

func ages2007(c, h, s int) Policy {
	return Policy{Peer: Tail, Propagation: PushPull, View: ByAge, C: c, H: h, S: s}
}

// TOCS 2007, section 2.2: the buffer is the own descriptor and c/2 - 1 others,
// the H oldest only if there is nothing else.
func TestBufferIsOwnAndYoungHalf(t *testing.T) {
	seeds(func(rng *rand.PCG) {
		e := newEngine(t, ages2007(8, 4, 0))
		sent, v := e.Request(nil, desc(1, 9, 2, 0, 3, 8, 4, 1, 5, 7, 6, 2, 7, 6, 8, 3), self, 1, rng)
		same(t, "first the own descriptor", sent[:1], desc(99, 0))
		if len(sent) != 4 {
			t.Fatalf("sent %v, want c/2 = 4", sent)
		}
		for _, d := range sent[1:] {
			if d.Age > 3 {
				t.Errorf("sent %v, one of the H oldest", d)
			}
		}
		sameSet(t, "the view is permuted, no more", v, desc(1, 9, 2, 0, 3, 8, 4, 1, 5, 7, 6, 2, 7, 6, 8, 3))
		same(t, "the head of the view was sent", v[:3], sent[1:])
	})
}

func TestShortViewSendsWhatItHas(t *testing.T) {
	seeds(func(rng *rand.PCG) {
		e := newEngine(t, ages2007(8, 4, 0))
		sent, _ := e.Reply(nil, nil, self, 1, rng)
		same(t, "an empty view", sent, desc(99, 0))
		sent, _ = e.Reply(nil, desc(1, 5, 2, 6), self, 1, rng)
		sameSet(t, "H is more than there is", sent, desc(99, 0, 1, 5, 2, 6))
	})
}

// TOCS 2007, section 2.2, the listing of select(), step by step. Nothing here
// may depend on chance.
func TestSelectOrderOfOperations(t *testing.T) {
	for _, test := range []struct {
		why                  string
		policy               Policy
		view, received, sent []peer.Descriptor
		want                 []peer.Descriptor
	}{{
		why:    "append: the view first, then the buffer",
		policy: ages2007(6, 0, 0),
		view:   desc(1, 1, 2, 2), received: desc(3, 0, 4, 4),
		want: desc(1, 1, 2, 2, 3, 0, 4, 4),
	}, {
		why:    "removeDuplicates: the younger stays, where it stands",
		policy: ages2007(8, 0, 0),
		view:   desc(1, 5, 2, 2, 3, 3), received: desc(1, 4, 2, 9, 3, 3, 4, 1),
		want: desc(2, 2, 3, 3, 1, 4, 4, 1),
	}, {
		why:    "removeDuplicates: within the buffer too",
		policy: ages2007(8, 0, 0),
		view:   desc(1, 5), received: desc(2, 7, 2, 6, 2, 8, 1, 5),
		want: desc(1, 5, 2, 6),
	}, {
		why:    "removeOldItems comes first and takes received ones as well",
		policy: ages2007(4, 2, 0),
		view:   desc(1, 1, 2, 9, 3, 2, 4, 3), received: desc(5, 0, 6, 8),
		want: desc(1, 1, 3, 2, 4, 3, 5, 0),
	}, {
		why:    "removeOldItems takes no more than the excess",
		policy: ages2007(4, 2, 0),
		view:   desc(1, 1, 2, 9, 3, 8), received: desc(5, 0, 6, 7),
		want: desc(1, 1, 3, 8, 5, 0, 6, 7),
	}, {
		why:    "removeHead takes what was sent, once the old are gone",
		policy: ages2007(6, 1, 2),
		view:   desc(1, 1, 2, 2, 3, 3, 4, 4, 5, 9, 6, 6), received: desc(7, 0, 8, 1, 9, 2), sent: desc(99, 0, 1, 1, 2, 2),
		want: desc(3, 3, 4, 4, 6, 6, 7, 0, 8, 1, 9, 2),
	}, {
		why:    "removeHead: when S is one more than was sent, the head goes on",
		policy: ages2007(6, 0, 3),
		view:   desc(1, 1, 2, 2, 3, 3, 4, 4, 5, 9, 6, 6), received: desc(7, 0, 8, 1, 9, 2), sent: desc(99, 0, 1, 1, 2, 2),
		want: desc(4, 4, 5, 9, 6, 6, 7, 0, 8, 1, 9, 2),
	}, {
		why:    "removeHead: what was sent goes even if it came back younger",
		policy: ages2007(4, 0, 1),
		view:   desc(1, 5, 2, 2, 3, 3, 4, 4), received: desc(1, 0, 7, 1), sent: desc(99, 0, 1, 5),
		want: desc(2, 2, 3, 3, 4, 4, 7, 1),
	}, {
		why:    "removeHead without having sent (push, the passive side): the head as it is",
		policy: Policy{Propagation: Push, View: ByAge, C: 4, S: 2},
		view:   desc(1, 5, 2, 2, 3, 3, 4, 4), received: desc(6, 0, 7, 1),
		want: desc(3, 3, 4, 4, 6, 0, 7, 1),
	}, {
		why:    "an exchange in between moved what was sent: it goes from where it is",
		policy: ages2007(6, 0, 2),
		view:   desc(5, 9, 6, 6, 2, 3, 4, 4, 1, 1, 3, 3), received: desc(7, 0, 8, 1), sent: desc(99, 0, 1, 1, 2, 2),
		want: desc(5, 9, 6, 6, 4, 4, 3, 3, 7, 0, 8, 1),
	}, {
		why:    "an exchange in between brought younger news of 1: its place was given away all the same",
		policy: ages2007(6, 0, 2),
		view:   desc(5, 9, 6, 6, 1, 0, 4, 4, 2, 2, 3, 3), received: desc(7, 0, 8, 1), sent: desc(99, 0, 1, 1, 2, 2),
		want: desc(5, 9, 6, 6, 4, 4, 3, 3, 7, 0, 8, 1),
	}, {
		why:    "nobody was sent: what is removed already does not go twice",
		policy: ages2007(6, 1, 2),
		view:   desc(1, 9, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6), received: desc(7, 0, 8, 1), sent: desc(0, 0, 0, 0),
		want: desc(3, 3, 4, 4, 5, 5, 6, 6, 7, 0, 8, 1),
	}, {
		why:    "the own descriptor and nobody are not news",
		policy: ages2007(4, 2, 0),
		view:   desc(1, 1, 2, 2, 3, 3), received: desc(99, 0, 0, 0),
		want: desc(1, 1, 2, 2, 3, 3),
	}, {
		why:    "an age of 2^32 - 1 is merely the oldest",
		policy: ages2007(4, 2, 0),
		view:   desc(1, 1, 2, 2, 3, 3, 4, 4), received: desc(6, 0, 7, math.MaxUint32),
		want: desc(1, 1, 2, 2, 3, 3, 6, 0),
	}, {
		why:    "beyond c/2 descriptors a peer is not listened to",
		policy: ages2007(4, 2, 0),
		view:   desc(1, 1, 2, 2), received: desc(5, 0, 6, 0, 7, 0, 8, 0),
		want: desc(1, 1, 2, 2, 5, 0, 6, 0),
	}, {
		why:    "nothing received, nothing changed",
		policy: ages2007(4, 2, 0),
		view:   desc(1, 1, 2, 2, 3, 3, 4, 4), sent: desc(99, 0, 1, 1),
		want: desc(1, 1, 2, 2, 3, 3, 4, 4),
	}} {
		t.Run(test.why, func(t *testing.T) {
			seeds(func(rng *rand.PCG) {
				e := newEngine(t, test.policy)
				got := e.Merge(slices.Clone(test.view), test.received, test.sent, self, rng)
				same(t, test.policy.String(), got, test.want)
			})
		})
	}
}

// "view.removeAtRandom(view.size-c)": with H = S = 0 all are equal.
func TestBlindForgetsAnyone(t *testing.T) {
	e, rng := newEngine(t, ages2007(4, 0, 0)), rand.NewPCG(1, 1)
	const rounds = 30_000
	kept := map[peer.Handle]int{}
	for range rounds {
		for _, d := range e.Merge(desc(1, 9, 2, 0, 3, 5, 4, 1), desc(5, 0, 6, 7), desc(99, 0, 1, 9), self, rng) {
			kept[d.Peer]++
		}
	}
	for p := peer.Handle(1); p <= 6; p++ {
		expectCount(t, kept[p], rounds, 4.0/6)
	}
}

// Equals are divided at random: which of the oldest go, and which are held
// back from the buffer.
func TestTiesAreBrokenAtRandom(t *testing.T) {
	e, rng := newEngine(t, ages2007(4, 1, 0)), rand.NewPCG(1, 1)
	const rounds = 30_000
	gone, sent := map[peer.Handle]int{}, map[peer.Handle]int{}
	for range rounds {
		v := e.Merge(desc(1, 3, 2, 3, 3, 3, 4, 1), desc(5, 0), nil, self, rng)
		for p := peer.Handle(1); p <= 3; p++ {
			if !knows(v, p) {
				gone[p]++
			}
		}
		buf, _ := e.Request(nil, desc(1, 3, 2, 3, 3, 3, 4, 3), self, 1, rng)
		sent[buf[1].Peer]++
	}
	for p := peer.Handle(1); p <= 3; p++ {
		expectCount(t, gone[p], rounds, 1.0/3)
	}
	for p := peer.Handle(1); p <= 4; p++ {
		expectCount(t, sent[p], rounds, 1.0/4)
	}
}

// Ages that come from the network never wrap to fresh.
func TestAgeSaturates(t *testing.T) {
	e, v := newEngine(t, Healer(4)), desc(1, math.MaxUint32, 2, math.MaxUint32-1, 3, 0)
	e.Age(v)
	same(t, "aged", v, desc(1, math.MaxUint32, 2, math.MaxUint32, 3, 1))
}

// A view of 30 with which an honest peer and a liar exchange in turns, the liar 14
// descriptors of nobody and his own. An absurd age gets him no more places than age 0
// does, under healing none at all, and stays at the top.
func TestAbsurdAgesGainNothing(t *testing.T) {
	const rounds, nobody = 100, peer.Handle(1000)
	places := func(p Policy, age uint32) (mean float64) { // of nobody, after a round
		e, rng := newEngine(t, p), rand.NewPCG(1, 1)
		var view []peer.Descriptor
		for i := range 30 {
			view = append(view, peer.Descriptor{Peer: peer.Handle(2 + i), Age: uint32(i)})
		}
		exchange := func(from peer.Handle, received []peer.Descriptor) {
			var sent []peer.Descriptor
			sent, view = e.Reply(nil, view, 1, from, rng)
			view = e.Merge(view, received, sent, 1, rng)
			e.Age(view)
		}
		for round := range rounds {
			lies, news := desc(100, 0), desc(101, 0)
			for i := range 14 {
				lies = append(lies, peer.Descriptor{Peer: nobody + peer.Handle(14*round+i), Age: age})
				news = append(news, peer.Descriptor{Peer: peer.Handle(200 + (14*round+i)%60), Age: uint32(1 + i)})
			}
			exchange(100, lies)
			exchange(101, news)
			for _, d := range view {
				if d.Peer >= nobody {
					mean += 1.0 / rounds
					if d.Age < age {
						t.Fatalf("%v: age %d has become %d", p, age, d.Age)
					}
				}
			}
		}
		return mean
	}
	for _, tt := range []struct {
		policy Policy
		heals  bool
		chance float64 // by how much the two may differ the other way
	}{{Healer(30), true, 0}, {Newscast(30), true, 0}, {Balanced(30), false, 0.5}} {
		fresh, absurd := places(tt.policy, 0), places(tt.policy, math.MaxUint32)
		t.Logf("%v: of 30 places %.1f go to nobody by age 2^32-1, %.1f by age 0", tt.policy, absurd, fresh)
		if absurd > fresh+tt.chance || tt.heals && absurd != 0 {
			t.Errorf("%v: an absurd age gets %.1f places, age 0 %.1f", tt.policy, absurd, fresh)
		}
	}
}

// The Engine shuffles only what can be seen and finds the oldest without
// sorting. literalExchange does what the listings say, word for word; the two
// must reach the same views equally often, for every H and S.
func TestExchangeIsTheListingInDistribution(t *testing.T) {
	a := desc(2, 0, 3, 1, 4, 1, 5, 1, 6, 4, 7, 4, 8, 5)
	b := desc(1, 2, 3, 0, 4, 3, 9, 1, 10, 1, 11, 4, 12, 6)
	for c := 2; c <= 7; c++ {
		for h := 0; h <= c/2; h++ {
			for s := 0; s <= c/2-h; s++ {
				compareWithListing(t, ages2007(c, h, s), a[:c], b[:c])
			}
		}
	}
}

func compareWithListing(t *testing.T, p Policy, a, b []peer.Descriptor) {
	const rounds = 4000
	e, rng := newEngine(t, p), rand.NewPCG(1, 1)
	got, want := map[string]int{}, map[string]int{}
	for range rounds {
		av, bv := e.Exchange(slices.Clone(a), slices.Clone(b), 1, 2, rng)
		got[fmt.Sprint("active", sorted(av))]++
		got[fmt.Sprint("passive", sorted(bv))]++
		av, bv = literalExchange(p, slices.Clone(a), slices.Clone(b), 1, 2, rng)
		want[fmt.Sprint("active", sorted(av))]++
		want[fmt.Sprint("passive", sorted(bv))]++
	}
	for view := range want {
		got[view] += 0
	}
	for view, n := range got {
		m := want[view]
		if math.Abs(float64(n-m)) > 6*math.Sqrt(float64(n+m)+1) {
			t.Errorf("%v: %s %d times, by the listing %d times", p, view, n, m)
		}
	}
}

func literalExchange(p Policy, a, b []peer.Descriptor, self, other peer.Handle, rng *rand.PCG) (av, bv []peer.Descriptor) {
	bufferA, a := literalBuffer(p, a, self, rng)
	bufferB, b := literalBuffer(p, b, other, rng)
	b = literalSelect(p, b, bufferA, bufferB, other, rng)
	a = literalSelect(p, a, bufferB, bufferA, self, rng)
	increase(a)
	increase(b)
	return a, b
}

func literalBuffer(p Policy, v []peer.Descriptor, self peer.Handle, rng *rand.PCG) (buffer, view []peer.Descriptor) {
	rand.New(rng).Shuffle(len(v), func(i, j int) { v[i], v[j] = v[j], v[i] }) // view.permute()
	var oldest []peer.Descriptor
	for range min(p.H, len(v)) { // move oldest H items to the end of view
		at := literalOldest(v, rng)
		oldest = append(oldest, v[at])
		v = slices.Delete(v, at, at+1)
	}
	v = append(v, oldest...)
	buffer = append(buffer, peer.Descriptor{Peer: self})
	return append(buffer, v[:min(len(v), p.C/2-1)]...), v // view.head(c/2-1)
}

func literalSelect(p Policy, v, buffer, sent []peer.Descriptor, self peer.Handle, rng *rand.PCG) []peer.Descriptor {
	v = append(v, buffer...)
	v = slices.DeleteFunc(v, func(d peer.Descriptor) bool { return d.Peer == self })
	for i := 0; i < len(v); i++ { // view.removeDuplicates()
		for j := i + 1; j < len(v); j++ {
			if v[i].Peer == v[j].Peer && v[i].Age <= v[j].Age {
				v = slices.Delete(v, j, j+1)
				j--
			} else if v[i].Peer == v[j].Peer {
				v = slices.Delete(v, i, i+1)
				i--
				break
			}
		}
	}
	for range min(p.H, len(v)-p.C) { // view.removeOldItems(min(H,view.size-c))
		at := literalOldest(v, rng)
		v = slices.Delete(v, at, at+1)
	}
	n := min(p.S, len(v)-p.C) // view.removeHead(min(S,view.size-c)): those just sent,
	for _, d := range sent {
		if at := slices.IndexFunc(v, func(x peer.Descriptor) bool { return x.Peer == d.Peer }); n > 0 && at >= 0 {
			v = slices.Delete(v, at, at+1)
			n--
		}
	}
	if n > 0 { // and what follows them
		v = v[n:]
	}
	for len(v) > p.C { // view.removeAtRandom(view.size-c)
		at := rand.New(rng).IntN(len(v))
		v = slices.Delete(v, at, at+1)
	}
	return v
}

// literalOldest breaks ties at random, whatever the order of v.
func literalOldest(v []peer.Descriptor, rng *rand.PCG) int {
	var ties []int
	for i, d := range v {
		if len(ties) > 0 && d.Age > v[ties[0]].Age {
			ties = ties[:0]
		}
		if len(ties) == 0 || d.Age == v[ties[0]].Age {
			ties = append(ties, i)
		}
	}
	return ties[rand.New(rng).IntN(len(ties))]
}
