package peersampling

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// overlay is the smallest cycle-driven simulator: n nodes named 1 to n, and in
// every cycle each initiates one atomic exchange, in random order.
type overlay struct {
	engine *Engine
	rng    *rand.PCG
	views  [][]peer.Descriptor // by handle; views[0] is nobody's
	order  []peer.Handle
}

// newOverlay starts every node with C random others.
func newOverlay(t testing.TB, p Policy, n int, seed uint64) *overlay {
	t.Helper()
	e, err := NewEngine(p)
	if err != nil {
		t.Fatal(err)
	}
	o := &overlay{engine: e, rng: rand.NewPCG(seed, 0), views: make([][]peer.Descriptor, n+1)}
	for self := peer.Handle(1); int(self) <= n; self++ {
		o.order = append(o.order, self)
		o.views[self] = o.randomView(self, p.C)
	}
	return o
}

func (o *overlay) randomView(self peer.Handle, c int) []peer.Descriptor {
	v := make([]peer.Descriptor, 0, c)
	for len(v) < c {
		p := peer.Handle(1 + below(o.rng, len(o.views)-1))
		if p != self && !knows(v, p) {
			v = append(v, peer.Descriptor{Peer: p})
		}
	}
	return v
}

func knows(v []peer.Descriptor, p peer.Handle) bool {
	for _, d := range v {
		if d.Peer == p {
			return true
		}
	}
	return false
}

func (o *overlay) run(cycles int) {
	for range cycles {
		for i := range o.order {
			j := i + below(o.rng, len(o.order)-i)
			o.order[i], o.order[j] = o.order[j], o.order[i]
			o.exchange(o.order[i])
		}
	}
}

func (o *overlay) exchange(self peer.Handle) {
	if to, ok := o.engine.SelectPeer(o.views[self], nil, o.rng); ok {
		o.views[self], o.views[to] = o.engine.Exchange(o.views[self], o.views[to], self, to, o.rng)
	}
}

// indegree returns mean, standard deviation and maximum of how many views a
// node is in.
func (o *overlay) indegree() (mean, std float64, most int) {
	in := make([]int, len(o.views))
	for _, v := range o.views {
		for _, d := range v {
			in[d.Peer]++
		}
	}
	var sum, squares float64
	for _, k := range in[1:] {
		sum += float64(k)
		squares += float64(k) * float64(k)
		most = max(most, k)
	}
	n := float64(len(in) - 1)
	mean = sum / n
	return mean, math.Sqrt(squares/n - mean*mean), most
}

// undirectedDegree is the mean number of neighbours when links have no
// direction.
func (o *overlay) undirectedDegree() float64 {
	links, mutual := 0, 0
	for self, v := range o.views {
		for _, d := range v {
			links++
			if knows(o.views[d.Peer], peer.Handle(self)) {
				mutual++
			}
		}
	}
	return (2*float64(links) - float64(mutual)) / float64(len(o.views)-1)
}
