package experiment

import (
	"fmt"
	"slices"
	"strings"

	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
	"github.com/Ishan27gOrg/gossipProtocol/sim/overlay"
)

var peerSelection = &Experiment{
	Name:     "peer-selection",
	Title:    "All 27 combinations of 2004",
	Source:   in04Setting + "; " + in04Converge,
	Question: "Which choices of peer selection, view selection and propagation are of any use?",
	PaperFound: `Eight of 27. Pull alone collapses to a star. Head peer selection talks to the same few again and again and
clusters. Tail view selection keeps the stale and cannot absorb those who join. Of the rest, push-pull converges from every start
and push is partitioned when the overlay grows.`,
	Setting: `One run of each from each start. The hop counts of everything merged grow, as in the experiments of the paper's
authors. "Literal hops" reads the listing word for word, where only received entries grow: they freeze where head is the view
selection.`,

	run:   runSpace,
	total: func(p Params) int { return len(space()) * len(papersStarts) * p.Cycles },
	judge: judgeSpace,
	draw:  drawSpace,
}

var selections = []peersampling.Selection{peersampling.Random, peersampling.Head, peersampling.Tail}

// space are the 27 combinations, and the literal reading of the hop counts where
// it matters.
func space() []protocol {
	var ps []protocol
	for _, propagation := range []peersampling.Propagation{peersampling.PushPull, peersampling.Push, peersampling.Pull} {
		for _, view := range selections {
			for _, peer := range selections {
				ps = append(ps, byHops(peer, view, propagation, Style{}))
			}
		}
	}
	for _, peer := range []peersampling.Selection{peersampling.Random, peersampling.Tail} {
		ps = append(ps, protocol{
			name: fmt.Sprintf("(%v,head,pushpull) literal hops", peer),
			policy: func(c int) peersampling.Policy {
				p := peersampling.Newscast(c)
				p.Peer, p.LiteralHops = peer, true
				return p
			},
		})
	}
	return ps
}

func runSpace(l *lab) (Tables, error) {
	protocols := space()
	t := &Table{
		Name: "combinations", Title: "State after the last cycle", Summary: true,
		Columns: []string{"protocol", "start", "indegree_std", "indegree_max", "unknown_nodes", "degree", "clustering", "path_length", "components", "largest_component"},
	}
	type outcome struct {
		row     overlay.Row
		degree  float64
		unknown int
	}
	outcomes, err := collect(l, len(protocols)*len(papersStarts), func(i int) (x outcome, err error) {
		cfg := l.config(protocols[i/len(papersStarts)], 0)
		cfg.Start = papersStarts[i%len(papersStarts)]
		o, err := overlay.New(cfg)
		if err != nil {
			return x, err
		}
		err = l.step(o, l.Cycles, nil)
		return outcome{o.Measure(arrived), o.MeanDegree(), o.InDegreeHistogram()[0]}, err
	})
	if err != nil {
		return nil, err
	}
	for i, x := range outcomes {
		r := x.row
		t.add(protocols[i/len(papersStarts)].name, papersStarts[i%len(papersStarts)].String(),
			r.InDegreeStd, r.InDegreeMax, x.unknown, x.degree, r.Clustering, r.PathLength, r.Components, r.LargestComponent)
	}
	return Tables{t}, nil
}

func judgeSpace(p Params, data Tables) []Finding {
	x := combinations{p, data.named("combinations")}
	return []Finding{
		x.pullIsAStar(),
		x.headClusters("Head peer selection, (head,*,*), clusters severely: a lattice stays one", overlay.Lattice),
		x.headClusters("Head peer selection, (head,*,*), clusters severely, even from the random start", overlay.Random),
		x.tailAbsorbsNobody(),
		x.fourConverge(),
		x.literalFreezes(),
	}
}

// combinations are what there is to judge.
type combinations struct {
	p Params
	t *Table
}

// What the paper goes on with.
var (
	goodPeers = []peersampling.Selection{peersampling.Random, peersampling.Tail}
	goodViews = []peersampling.Selection{peersampling.Random, peersampling.Head}
)

func (x combinations) value(name string, start overlay.Start, column string) float64 {
	return x.t.where("protocol", name, "start", start.String()).last(column)
}

// over returns a column of all combinations of these, and their names.
func (x combinations) over(start overlay.Start, column string, peers, views []peersampling.Selection, propagation peersampling.Propagation) (list []string, values []float64) {
	for _, view := range views {
		for _, peer := range peers {
			name := byHops(peer, view, propagation, Style{}).name
			list, values = append(list, name), append(values, x.value(name, start, column))
		}
	}
	return list, values
}

func (x combinations) pullIsAStar() Finding {
	_, star := x.over(overlay.Growing, "indegree_max", selections, selections, peersampling.Pull)
	_, hidden := x.over(overlay.Random, "unknown_nodes", selections, selections, peersampling.Pull)
	_, known := x.over(overlay.Random, "unknown_nodes", goodPeers, goodViews, peersampling.PushPull)
	nodes := float64(x.p.Nodes)
	return Finding{
		Claim:   "Pull alone, (*,*,pull), collapses to a star: a few nodes are in the views, and the others in none",
		Section: in04Setting,
		Measured: fmt.Sprintf("from the growing start one node is in %.0f to %.0f of %d views; from the random start %.0f to %.0f nodes are in none, under push-pull at most %.0f",
			slices.Min(star), slices.Max(star), x.p.Nodes, slices.Min(hidden), slices.Max(hidden), slices.Max(known)),
		Holds: slices.Min(star) > 0.9*nodes && slices.Min(hidden) > 0.3*nodes && slices.Max(known) < 0.1*nodes,
	}
}

func (x combinations) headClusters(claim string, start overlay.Start) Finding {
	var part []float64
	var text []string
	for _, view := range goodViews {
		names, values := x.over(start, "clustering", []peersampling.Selection{peersampling.Head, peersampling.Random}, []peersampling.Selection{view}, peersampling.PushPull)
		part, text = append(part, values[0]/values[1]), append(text, list(names, "%.3f", values))
	}
	return Finding{
		Claim:    claim,
		Section:  in04Setting,
		Measured: "clustering: " + strings.Join(text, "; "),
		Holds:    all(part, func(x float64) bool { return x > 1.5 }),
	}
}

func (x combinations) tailAbsorbsNobody() Finding {
	names, unknown := x.over(overlay.Growing, "unknown_nodes", goodPeers, []peersampling.Selection{peersampling.Tail}, peersampling.PushPull)
	_, absorbed := x.over(overlay.Growing, "unknown_nodes", goodPeers, goodViews, peersampling.PushPull)
	return Finding{
		Claim:   "Tail view selection, (*,tail,*), cannot absorb those who join",
		Section: in04Setting,
		Measured: fmt.Sprintf("nodes that nobody knows in the end, from the growing start: %s; with head or rand view selection at most %.0f",
			list(names, "%.0f", unknown), slices.Max(absorbed)),
		Holds: slices.Min(unknown) > 0.3*float64(x.p.Nodes) && slices.Max(absorbed) < 0.1*float64(x.p.Nodes),
	}
}

func (x combinations) fourConverge() Finding {
	four, _ := x.over(overlay.Random, "indegree_std", goodPeers, goodViews, peersampling.PushPull)
	var apart []float64
	whole := true
	for _, name := range four {
		var stds []float64
		for _, start := range papersStarts {
			stds = append(stds, x.value(name, start, "indegree_std"))
			whole = whole && x.value(name, start, "components") == 1
		}
		apart = append(apart, spread(stds...))
	}
	name, most := largest(four, apart)
	return Finding{
		Claim:    "The four of push-pull that are left converge from every start, in one piece",
		Section:  in04Converge,
		Measured: fmt.Sprintf("in-degree deviation differs by at most %s between the starts, in %s", percent(most), name),
		Holds:    most < 0.25 && whole,
	}
}

func (x combinations) literalFreezes() Finding {
	const name, literal = "(rand,head,pushpull)", "(rand,head,pushpull) literal hops"
	frozen, ours := x.value(literal, overlay.Random, "degree"), x.value(name, overlay.Random, "degree")
	view := float64(x.p.View)
	return Finding{
		Claim:   "The listing read literally freezes head view selection into mutual pairs",
		Section: "Middleware 2004, section 3 (the listing); the paper does not say so",
		Measured: fmt.Sprintf("undirected degree %.1f, where %d would be each link mutual, instead of %.1f; in-degree deviation %.1f instead of %.1f",
			frozen, x.p.View, ours, x.value(literal, overlay.Random, "indegree_std"), x.value(name, overlay.Random, "indegree_std")),
		Holds: frozen < 1.2*view && ours > 1.35*view,
	}
}

func drawSpace(_ Params, data Tables) []Figure {
	t := data.named("combinations")
	classes := []struct {
		name  string
		of    func(p peersampling.Policy) bool
		style Style
	}{
		{"literal hops", func(p peersampling.Policy) bool { return p.LiteralHops }, Style{Colour: Sky, Marker: Plus}},
		{"(*,*,pull)", func(p peersampling.Policy) bool { return p.Propagation == peersampling.Pull }, Style{Colour: Vermillion, Marker: Triangle}},
		{"(*,tail,*)", func(p peersampling.Policy) bool { return p.View == peersampling.Tail }, Style{Colour: Orange, Marker: Diamond}},
		{"(head,*,*)", func(p peersampling.Policy) bool { return p.Peer == peersampling.Head }, Style{Colour: Purple, Marker: Cross}},
		{"the rest, push", func(p peersampling.Policy) bool { return p.Propagation == peersampling.Push }, Style{Colour: Blue, Marker: Circle, Open: true}},
		{"the rest, pushpull", func(peersampling.Policy) bool { return true }, Style{Colour: Green, Marker: Square}},
	}
	f := Figure{
		Name:    "combinations",
		Caption: "Each combination after the last cycle, by its in-degree deviation and its clustering. Only those of the last class come to the same place from all three starts. From the growing start, pull has no clustering at all and is not drawn: a perfect star.",
	}
	for _, start := range papersStarts {
		panel := Panel{
			Title: start.String(), X: Axis{Label: "in-degree, standard deviation", Log: true},
			Y: Axis{Label: "clustering coefficient", Log: true},
		}
		for _, c := range classes {
			c.style.Line = NoLine
			panel.Series = append(panel.Series, Series{Name: c.name, Style: c.style})
		}
		for _, p := range space() {
			class := slices.IndexFunc(classes, func(c struct {
				name  string
				of    func(p peersampling.Policy) bool
				style Style
			}) bool {
				return c.of(p.policy(10))
			})
			rows := t.where("protocol", p.name, "start", start.String())
			s := &panel.Series[class]
			s.X, s.Y = append(s.X, rows.numbers("indegree_std")...), append(s.Y, rows.numbers("clustering")...)
		}
		f.Panels = append(f.Panels, panel)
	}
	return []Figure{f}
}
