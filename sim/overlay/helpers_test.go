package overlay

import (
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
	"pgregory.net/rapid"
)

func newOverlay(t rapid.TB, cfg Config) *Overlay {
	t.Helper()
	o, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func run(o *Overlay, cycles int) *Overlay {
	for range cycles {
		o.Step()
	}
	return o
}

// graphOf builds an overlay of which the i-th node knows the nodes knows[i],
// counted from 1. A nil list is a dead node.
func graphOf(knows ...[]int) *Overlay {
	o := &Overlay{cfg: Config{Nodes: len(knows)}, graph: newGraph(len(knows), len(knows))}
	for range knows {
		o.add()
	}
	for i, peers := range knows {
		for _, p := range peers {
			o.learn(uint32(i+1), peer.Handle(p))
		}
	}
	o.live = o.live[:0]
	for i, peers := range knows {
		if s := uint32(i + 1); peers == nil {
			o.bury(s)
		} else {
			o.live = append(o.live, s)
		}
	}
	return o
}

// with is a policy that chooses its peer otherwise.
func with(p peersampling.Policy, s peersampling.Selection) peersampling.Policy {
	p.Peer = s
	return p
}

// pushOnly is a policy that propagates otherwise.
func pushOnly(p peersampling.Policy) peersampling.Policy {
	p.Propagation = peersampling.Push
	return p
}

// drawPolicy draws any valid policy of a small view.
func drawPolicy(t *rapid.T) peersampling.Policy {
	c := rapid.IntRange(2, 20).Draw(t, "c")
	p := peersampling.Policy{
		Peer:        peersampling.Selection(rapid.IntRange(0, 2).Draw(t, "peer")),
		Propagation: peersampling.Propagation(rapid.IntRange(0, 2).Draw(t, "propagation")),
		View:        peersampling.Selection(rapid.IntRange(0, 3).Draw(t, "view")),
		C:           c,
	}
	switch {
	case p.View != peersampling.ByAge:
		p.LiteralHops = rapid.Bool().Draw(t, "literal")
	case rapid.IntRange(0, 3).Draw(t, "cyclon") == 0:
		p.Propagation, p.Shuffle = peersampling.PushPull, rapid.IntRange(1, c).Draw(t, "shuffle")
	default:
		p.H = rapid.IntRange(0, c/2).Draw(t, "H")
		p.S = rapid.IntRange(0, c/2-p.H).Draw(t, "S")
	}
	return p
}

// drawConfig draws any valid run of a few nodes.
func drawConfig(t *rapid.T) Config {
	cfg := Config{
		Nodes:        rapid.IntRange(2, 120).Draw(t, "nodes"),
		Policy:       drawPolicy(t),
		Start:        Start(rapid.IntRange(0, 3).Draw(t, "start")),
		Seed:         rapid.Uint64().Draw(t, "seed"),
		GrowPerCycle: rapid.IntRange(0, 20).Draw(t, "grow"),
		DropDead:     rapid.Bool().Draw(t, "drop dead"),
	}
	if rapid.Bool().Draw(t, "churn?") {
		cfg.Churn = rapid.Float64Range(0, 0.5).Draw(t, "churn")
	}
	for range rapid.IntRange(0, 2).Draw(t, "kills") {
		cfg.Kill = append(cfg.Kill, Kill{
			Fraction: rapid.Float64Range(0.01, 0.99).Draw(t, "fraction"),
			Cycle:    rapid.IntRange(1, 12).Draw(t, "cycle"),
		})
	}
	return cfg
}
