package peersampling

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"pgregory.net/rapid"
)

func TestSelectPeer(t *testing.T) {
	v := desc(1, 3, 2, 0, 3, 9, 4, 0, 5, 9, 6, 4)
	even := func(p peer.Handle) bool { return p%2 == 0 }
	only := func(q peer.Handle) func(peer.Handle) bool {
		return func(p peer.Handle) bool { return p == q }
	}
	for _, test := range []struct {
		why    string
		peer   Selection
		usable func(peer.Handle) bool
		want   []peer.Handle // each with equal chance
	}{
		{"rand: anybody", Random, nil, []peer.Handle{1, 2, 3, 4, 5, 6}},
		{"rand: anybody usable", Random, even, []peer.Handle{2, 4, 6}},
		{"rand: the only one", Random, only(6), []peer.Handle{6}},
		{"head: the freshest, ties at random", Head, nil, []peer.Handle{2, 4}},
		{"head: the freshest usable", Head, only(1), []peer.Handle{1}},
		{"tail: the oldest, ties at random", Tail, nil, []peer.Handle{3, 5}},
		{"tail: the oldest usable", Tail, even, []peer.Handle{6}},
		{"tail: the usable one of the oldest", Tail, only(5), []peer.Handle{5}},
	} {
		t.Run(test.why, func(t *testing.T) {
			e, rng := newEngine(t, Policy{Peer: test.peer, Propagation: PushPull, View: ByAge, C: 6}), rand.NewPCG(1, 1)
			const rounds = 20_000
			chosen := map[peer.Handle]int{}
			for range rounds {
				p, ok := e.SelectPeer(v, test.usable, rng)
				if !ok {
					t.Fatal("nobody")
				}
				chosen[p]++
			}
			for _, p := range test.want {
				expectCount(t, chosen[p], rounds, 1/float64(len(test.want)))
			}
		})
	}
	same(t, "the view stays", v, desc(1, 3, 2, 0, 3, 9, 4, 0, 5, 9, 6, 4))
}

func TestSelectPeerFindsNobody(t *testing.T) {
	for _, s := range []Selection{Random, Head, Tail} {
		e, rng := newEngine(t, Policy{Peer: s, Propagation: PushPull, View: ByAge, C: 6}), rand.NewPCG(1, 1)
		if p, ok := e.SelectPeer(nil, nil, rng); ok || p != peer.None {
			t.Errorf("%v: an empty view has %d", s, p)
		}
		nobody := func(peer.Handle) bool { return false }
		if p, ok := e.SelectPeer(desc(1, 0, 2, 1), nobody, rng); ok || p != peer.None {
			t.Errorf("%v: among nobody %d", s, p)
		}
	}
}

// Who sends and who keeps silent; a silent side's peer merges nothing.
func TestPropagation(t *testing.T) {
	for _, view := range []Selection{ByAge, Head} {
		for propagation, want := range map[Propagation][2]bool{Push: {true, false}, Pull: {false, true}, PushPull: {true, true}} {
			e, rng := newEngine(t, Policy{Peer: Random, Propagation: propagation, View: view, C: 4}), rand.NewPCG(1, 1)
			sent, _ := e.Request(nil, desc(2, 0), 1, 2, rng)
			reply, _ := e.Reply(nil, desc(3, 0), 2, 1, rng)
			if got := [2]bool{len(sent) > 0, len(reply) > 0}; got != want {
				t.Errorf("%v, %v: the two sides send: %v, want %v", view, propagation, got, want)
			}
			if got := [2]bool{e.Policy().Pushes(), e.Policy().Pulls()}; got != want {
				t.Errorf("%v, %v: Pushes, Pulls: %v, want %v", view, propagation, got, want)
			}
			a, b := e.Exchange(desc(2, 0), desc(3, 0), 1, 2, rng)
			if got := [2]bool{knows(b, 1), knows(a, 3)}; got != want {
				t.Errorf("%v, %v: views after: %v, %v", view, propagation, a, b)
			}
		}
	}
}

// TOCS 2007: "view.increaseAge()" ends both threads, also of the one that
// received nothing.
func TestBothThreadsAge(t *testing.T) {
	for _, propagation := range []Propagation{Push, Pull, PushPull} {
		p := Healer(8)
		p.Propagation = propagation
		a, b := newEngine(t, p).Exchange(desc(5, 5), desc(6, 7), 1, 2, rand.NewPCG(1, 1))
		if a[0] != (peer.Descriptor{Peer: 5, Age: 6}) || b[0] != (peer.Descriptor{Peer: 6, Age: 8}) {
			t.Errorf("%v: %v, %v", propagation, a, b)
		}
	}
}

// drawPolicy draws any valid policy of a small view.
func drawPolicy(t *rapid.T) Policy {
	c := rapid.IntRange(2, 40).Draw(t, "c")
	p := Policy{
		Peer:        Selection(rapid.IntRange(0, 2).Draw(t, "peer")),
		Propagation: Propagation(rapid.IntRange(0, 2).Draw(t, "propagation")),
		View:        Selection(rapid.IntRange(0, 3).Draw(t, "view")),
		C:           c,
	}
	switch {
	case p.View != ByAge:
		p.LiteralHops = rapid.Bool().Draw(t, "literal")
	case rapid.IntRange(0, 3).Draw(t, "cyclon") == 0:
		p.Propagation, p.Shuffle = PushPull, rapid.IntRange(1, c).Draw(t, "shuffle")
	default:
		p.H = rapid.IntRange(0, c/2).Draw(t, "H")
		p.S = rapid.IntRange(0, c/2-p.H).Draw(t, "S")
	}
	return p
}

// drawHostile draws any descriptors: nobody, the node itself, the same peer
// again and again, any age, and far too many of them.
func drawHostile(t *rapid.T, most int, what string) []peer.Descriptor {
	age := rapid.OneOf(rapid.Uint32Range(0, 4), rapid.Uint32(), rapid.Just(uint32(math.MaxUint32)))
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) peer.Descriptor {
		return peer.Descriptor{Peer: peer.Handle(rapid.Uint32Range(0, 120).Draw(t, "peer")), Age: age.Draw(t, "age")}
	}), 0, most).Draw(t, what)
}

// drawView draws a view that keeps I1 to I3.
func drawView(t *rapid.T, c int, what string) []peer.Descriptor {
	v := make([]peer.Descriptor, 0, c)
	for _, d := range drawHostile(t, c, what) {
		if d.Peer != peer.None && d.Peer != self && !knows(v, d.Peer) {
			v = append(v, d)
		}
	}
	return v
}

// Whatever arrives, in whatever order the halves of exchanges interleave, a
// view keeps I1 to I3, messages keep to their size, and nobody is invented.
func TestInvariantsAgainstAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPolicy(t)
		e, err := NewEngine(p)
		if err != nil {
			t.Fatal(err)
		}
		rng := rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)
		v := drawView(t, p.C, "view")
		var sent, reply, request []peer.Descriptor
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			seen := slices.Clone(v)
			var received []peer.Descriptor
			switch rapid.IntRange(0, 4).Draw(t, "step") {
			case 0:
				if to, ok := e.SelectPeer(v, nil, rng); ok {
					request, v = e.Request(request, v, self, to, rng)
					sent = request
				}
			case 1:
				reply, v = e.Reply(reply, v, self, 7, rng)
				sent = reply
			case 2:
				received = drawHostile(t, 100, "received")
				v = e.Merge(v, received, sent, self, rng)
			case 3:
				received = drawHostile(t, 100, "received")
				v = e.Merge(v, received, drawHostile(t, 60, "sent"), self, rng)
			case 4:
				e.Age(v)
			}
			if broken := invariants(v, self, p.C); broken != "" {
				t.Fatalf("%v: %s: %v", p, broken, v)
			}
			if len(sent) > p.Buffer() {
				t.Fatalf("%v: sent %d descriptors, more than Buffer", p, len(sent))
			}
			for _, d := range v {
				if !knows(seen, d.Peer) && !knows(received, d.Peer) {
					t.Fatalf("%v: %d came from nowhere", p, d.Peer)
				}
			}
		}
	})
}

// A full view stays full, and one that is not takes what it can.
func TestMergeFillsTheView(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPolicy(t)
		p.Propagation = PushPull
		e, err := NewEngine(p)
		if err != nil {
			t.Fatal(err)
		}
		v, received := drawView(t, p.C, "view"), drawHostile(t, p.Buffer(), "received")
		known := map[peer.Handle]bool{}
		for _, d := range append(slices.Clone(v), received...) {
			if d.Peer != peer.None && d.Peer != self {
				known[d.Peer] = true
			}
		}
		v = e.Merge(v, received, nil, self, rand.NewPCG(1, 1))
		if want := min(len(known), p.C); len(v) != want {
			t.Fatalf("%v: %d in the view, %d known", p, len(v), len(known))
		}
	})
}

func TestSameSeedSameRun(t *testing.T) {
	run := func() string {
		o := newOverlay(t, Healer(20), 200, 5)
		o.run(20)
		return fmt.Sprint(o.views)
	}
	if first, second := run(), run(); first != second {
		t.Error("two runs of one seed differ")
	}
}

// An Engine keeps no state between calls: sharing one changes nothing.
func TestEngineIsStateless(t *testing.T) {
	apart, shared := newOverlay(t, Healer(20), 200, 5), newOverlay(t, Healer(20), 200, 5)
	other := newOverlay(t, Healer(20), 50, 6)
	other.engine = shared.engine
	for range 10 {
		apart.run(1)
		shared.run(1)
		other.run(1)
	}
	if fmt.Sprint(apart.views) != fmt.Sprint(shared.views) {
		t.Error("another overlay on the same Engine changed the run")
	}
}

func TestExchangeDoesNotAllocate(t *testing.T) {
	for _, p := range append(all27(20), Blind(30), Healer(30), Swapper(30), Cyclon(30), ages2007(7, 1, 2)) {
		o := newOverlay(t, p, 100, 1)
		o.run(3)
		i := 0
		if n := testing.AllocsPerRun(200, func() { o.exchange(o.order[i%100]); i++ }); n != 0 {
			t.Errorf("%v: %v allocations an exchange", p, n)
		}
	}
}
