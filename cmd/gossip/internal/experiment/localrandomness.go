package experiment

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/randomness"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
	"github.com/Ishan27gOrg/gossipProtocol/sim/overlay"
)

var localRandomness = &Experiment{
	Name:     "local-randomness",
	Title:    "The stream of peers that one node is given",
	Source:   in07Local,
	Question: "Can a node tell what it is given from independent, uniformly random peers?",
	PaperFound: `Seen from one node, all protocols of the framework give a stream of good quality, which passes nearly all of the
Diehard tests; globally the overlays are far from random graphs.`,
	Setting: `A tenth of the nodes, though a hundred at least, and a hundred times the cycles. After the cycles of convergence some nodes draw one peer in each
cycle, uniformly from their views. A view is never far from that of the cycle before, so the streams are tested as they are, and
with one sample taken every ten. Tests in the spirit of Diehard take its place, which asks for millions of numbers. Beside
them goes the ideal: independent uniform peers, as many. A test fails if an ideal stream does so less than once in 10,000 times;
eight tests of a stream, if it is long enough for them.`,
	Runs: 1,

	scale: localNodes,
	run:   runLocal,
	total: func(p Params) int { return p.Runs * len(givers()) * (p.Cycles + watched(p)) },
	judge: judgeLocal,
	draw:  drawLocal,
}

// givers are the protocols whose streams are tested.
func givers() []protocol {
	return slices.Concat(by07(peersampling.PushPull), by04(peersampling.PushPull)[:1], []protocol{cyclon})
}

// localNodes is how many nodes there are, watched for how many cycles samples are
// drawn, and watchers how many nodes draw them.
func localNodes(nodes int) int { return max(MinNodes, nodes/10) }
func watched(p Params) int     { return 100 * p.Cycles }

const watchers = 10

// decimated are the cycles from one sample that is tested to the next.
var decimated = []int{1, 10}

// ideal is what the streams are compared with.
const ideal = "independent and uniform"

// tested is one test of one node's stream.
type tested struct {
	every, run, node int
	randomness.Result
}

func runLocal(l *lab) (Tables, error) {
	protocols := givers()
	outcomes, err := collect(l, len(protocols)*l.Runs, func(i int) ([]tested, error) {
		return drawStreams(l, protocols[i/l.Runs], i%l.Runs)
	})
	if err != nil {
		return nil, err
	}
	each := &Table{Name: "tests", Title: "P-values", Columns: []string{"protocol", "every", "run", "node", "test", "p", "verdict"}}
	summary := &Table{
		Name: "summary", Title: "Streams that fail a test, of those long enough for it", Summary: true,
		Columns: []string{"protocol", "every", "test", "streams", "suspect", "failed"},
	}
	for i, name := range append([]string{ideal}, names(protocols)...) {
		var results []tested
		for run := range l.Runs {
			if i == 0 {
				results = append(results, idealStreams(l.Params, run)...)
			} else {
				results = append(results, outcomes[(i-1)*l.Runs+run]...)
			}
		}
		for _, every := range decimated {
			addTests(each, summary, name, every, results)
		}
	}
	return Tables{summary, each}, nil
}

func addTests(each, summary *Table, name string, every int, results []tested) {
	var order []string
	counts := make(map[string][3]int) // streams, suspect, failed
	for _, r := range results {
		if r.every != every || r.Verdict == randomness.Untested {
			continue
		}
		if !slices.Contains(order, r.Name) {
			order = append(order, r.Name)
		}
		n := counts[r.Name]
		n[0]++
		switch r.Verdict {
		case randomness.Suspect:
			n[1]++
		case randomness.Fail:
			n[2]++
		}
		counts[r.Name] = n
		each.add(name, every, r.run, r.node, r.Name, r.P, r.Verdict.String())
	}
	for _, test := range order {
		n := counts[test]
		summary.add(name, every, test, n[0], n[1], n[2])
	}
}

// drawStreams lets an overlay converge, draws the streams of some of its nodes, and
// tests them.
func drawStreams(l *lab, p protocol, run int) ([]tested, error) {
	cfg := l.config(p, run)
	cfg.Nodes = localNodes(l.Nodes)
	o, err := overlay.New(cfg)
	if err != nil {
		return nil, err
	}
	streams := make([]randomness.Stream, watchers)
	rng := rand.New(rand.NewPCG(cfg.Seed, streamDraws))
	err = l.step(o, l.Cycles+watched(l.Params), func() {
		for i := range streams {
			self := peer.Handle(i + 1)
			if v := o.View(self); o.Cycle() > l.Cycles && len(v) > 0 {
				streams[i].Peers = append(streams[i].Peers, besides(self, v[rng.IntN(len(v))].Peer))
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return testStreams(streams, cfg.Nodes, run), nil
}

// streamDraws keeps the draws apart from whatever else the seed decides.
const streamDraws = 0x6c6f63616c

// besides numbers the nodes other than self from 0.
func besides(self, h peer.Handle) uint32 {
	if h < self {
		return uint32(h) - 1
	}
	return uint32(h) - 2
}

func idealStreams(p Params, run int) []tested {
	streams := make([]randomness.Stream, watchers)
	for i := range streams {
		streams[i] = randomness.Ideal(localNodes(p.Nodes)-1, watched(p), p.Seed+uint64(run*watchers+i))
	}
	return testStreams(streams, localNodes(p.Nodes), run)
}

func testStreams(streams []randomness.Stream, nodes, run int) (all []tested) {
	for _, every := range decimated {
		for i, s := range streams {
			some := randomness.Stream{Nodes: nodes - 1}
			for at := every - 1; at < len(s.Peers); at += every {
				some.Peers = append(some.Peers, s.Peers[at])
			}
			for _, r := range randomness.Battery(some) {
				all = append(all, tested{every, run, i + 1, r})
			}
		}
	}
	return all
}

func judgeLocal(_ Params, data Tables) []Finding {
	summary := data.named("summary")
	// failed is the share of tests that a protocol's streams fail.
	failed := func(name string, every int, tests ...string) float64 {
		bad, all := 0.0, 0.0
		rows := summary.where("protocol", name, "every", every)
		for i, row := range rows.Rows {
			if len(tests) == 0 || slices.Contains(tests, row[rows.column("test")].(string)) {
				bad, all = bad+rows.numbers("failed")[i], all+rows.numbers("streams")[i]
			}
		}
		return bad / all // NaN of none: no comparison with it holds
	}
	of := func(every int, tests ...string) (xs []float64) {
		for _, p := range givers() {
			xs = append(xs, failed(p.name, every, tests...))
		}
		return xs
	}
	apart := decimated[len(decimated)-1]
	quick := []string{"(rand,healer,pushpull)", "(tail,healer,pushpull)"}
	var far []float64
	for _, name := range quick {
		far = append(far, failed(name, apart))
	}
	return []Finding{{
		Claim:    "An ideal stream passes: the tests themselves are sound",
		Section:  in07Local,
		Measured: fmt.Sprintf("%.3f of the tests fail, every cycle and every %d cycles together", failed(ideal, 1)+failed(ideal, apart), apart),
		Holds:    failed(ideal, 1)+failed(ideal, apart) <= 0.01,
	}, {
		Claim:    fmt.Sprintf("Samples %d cycles apart pass nearly all tests, under every protocol", apart),
		Section:  in07Local,
		Measured: list(names(givers()), "%.2f", of(apart)) + " of the tests fail",
		Holds:    all(of(apart), func(x float64) bool { return x <= 0.1 }),
	}, {
		Claim:    "In the healer's stream, whose views are renewed soonest, they all pass",
		Section:  in07Local,
		Measured: list(quick, "%.3f", far) + " of the tests fail",
		Holds:    all(far, func(x float64) bool { return x <= 0.01 }),
	}, {
		Claim:    "Samples of successive cycles are not independent: a peer comes again too soon, since views overlap",
		Section:  in07Local,
		Measured: list(names(givers()), "%.2f", of(1, "repetition")) + " of the streams fail the test for that",
		Holds:    all(of(1, "repetition"), func(x float64) bool { return x >= 0.5 }),
	}}
}

func drawLocal(_ Params, data Tables) []Figure {
	each := data.named("tests")
	var panels []Panel
	for _, every := range decimated {
		title := "a sample in every cycle"
		if every > 1 {
			title = fmt.Sprintf("a sample every %d cycles", every)
		}
		panel := Panel{Title: title, X: Axis{Label: "P-value", Max: 1}, Y: Axis{Label: "share of tests with that P-value or less", Max: 1}}
		curve := func(name string, style Style) {
			ps := each.where("protocol", name, "every", every).numbers("p")
			slices.Sort(ps)
			panel.Series = append(panel.Series, Series{name, style, ps, shares(len(ps))})
		}
		for _, p := range givers() {
			curve(p.name, p.style)
		}
		curve(ideal, Style{Colour: Grey, Line: Solid})
		panels = append(panels, panel)
	}
	return []Figure{{
		Name:    "p-values",
		Caption: "How the P-values of all tests are distributed. Those of an ideal stream lie on the diagonal. A step at either end is of tests that fail.",
		Panels:  panels,
	}}
}
