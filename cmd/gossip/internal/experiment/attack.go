package experiment

import (
	"fmt"
	"slices"

	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
	"github.com/Ishan27gOrg/gossipProtocol/sim/overlay"
)

var attack = &Experiment{
	Name:     "attack",
	Title:    "Attackers who advertise each other",
	Source:   "Bortnikov et al., Brahms, Computer Networks 53(13), 2009; Jesi, Montresor and van Steen on the hub attack, 2010",
	Question: "How much of the views do a few attackers take, and what keeps them out?",
	PaperFound: `Gossip believes what it hears: a few nodes that send nothing but each other's fresh descriptors are soon all that
anybody knows. Under Brahms the attackers' share of views stays bounded, since nobody takes in more pushes than are due, and its
min-wise samples come to hold them in proportion to their number, however loud they are.`,
	Setting: `A tenth of the nodes, though a hundred at least. From the start on, some are attackers. In the hub attack each gossips as often as everybody else;
flooding, five times as often. What they send are fresh descriptors of attackers only, and whom they turn to is a random honest
node, for they know all. The others do not tell them apart. Brahms pushes to and pulls from 0.45 c peers in a round: about
thirteen times the messages of the others.`,

	scale: localNodes,
	run:   runAttack,
	total: func(p Params) int { return len(attacks()) * len(attacked()) * besieged(p) },
	judge: judgeAttack,
	draw:  drawAttack,
}

// besieged is for how many cycles the attack is watched.
func besieged(p Params) int { return max(30, p.Cycles/3) }

// fractions of attackers.
var fractions = []float64{0.01, 0.05, 0.1, 0.2}

type offence struct {
	overlay.Attack
	name string
}

func attacks() (list []offence) {
	for _, f := range fractions {
		list = append(list, offence{overlay.Attack{Fraction: f, Kind: overlay.Hub}, "hub"})
	}
	for _, f := range fractions {
		list = append(list, offence{overlay.Attack{Fraction: f, Kind: overlay.Flood, Rate: 5}, "flood"})
	}
	return list
}

const brahmsSamples = "brahms, its samples"

var brahms = protocol{name: "brahms", policy: peersampling.Brahms, style: Style{Colour: Sky, Marker: Plus}}

// attacked are the protocols. Of the 2004 space those with head view selection,
// Newscast and its sibling, stand for the rest.
func attacked() []protocol {
	lpbcast := protocol{name: "lpbcast", policy: peersampling.Lpbcast, style: Style{Colour: Orange, Marker: Cross}}
	return slices.Concat(by07(peersampling.PushPull), by04(peersampling.PushPull)[:1], []protocol{lpbcast, cyclon, brahms})
}

// siege is one run: after each cycle, the attackers' share of views and of
// samples, and how many honest nodes know nobody else.
type siege struct {
	views, samples    []float64
	isolated, unlucky []int // honest nodes with nobody else in their views, or among their samples
}

func runAttack(l *lab) (Tables, error) {
	as, ps := attacks(), attacked()
	sieges, err := collect(l, len(as)*len(ps), func(i int) (siege, error) { return besiege(l, as[i/len(ps)], ps[i%len(ps)]) })
	if err != nil {
		return nil, err
	}
	each := &Table{
		Name: "shares", Title: "Attackers' share over time",
		Columns: []string{"attack", "attackers", "protocol", "cycle", "share", "isolated"},
	}
	summary := &Table{
		Name: "summary", Title: "Attackers' share of the views of honest nodes, and honest nodes that know nobody else", Summary: true,
		Columns: []string{"attack", "attackers", "protocol", "share_10", "share_end", "isolated_end"},
	}
	for i, s := range sieges {
		a, p := as[i/len(ps)], ps[i%len(ps)]
		add := func(name string, shares []float64, isolated []int) {
			for c, share := range shares {
				each.add(a.name, a.Fraction, name, c+1, share, isolated[c])
			}
			end := len(shares) - 1
			summary.add(a.name, a.Fraction, name, shares[9], shares[end], isolated[end])
		}
		add(p.name, s.views, s.isolated)
		if p.name == brahms.name {
			add(brahmsSamples, s.samples, s.unlucky)
		}
	}
	return Tables{summary, each}, nil
}

func besiege(l *lab, a offence, p protocol) (s siege, err error) {
	cfg := l.config(p, 0)
	cfg.Nodes = localNodes(l.Nodes)
	cfg.Attack = a.Attack
	o, err := overlay.New(cfg)
	if err != nil {
		return s, err
	}
	err = l.step(o, besieged(l.Params), func() {
		share, isolated := o.AttackerShare()
		s.views, s.isolated = append(s.views, share), append(s.isolated, isolated)
		if p.name == brahms.name {
			share, isolated = o.SampleAttackerShare()
			s.samples, s.unlucky = append(s.samples, share), append(s.unlucky, isolated)
		}
	})
	return s, err
}

func judgeAttack(p Params, data Tables) []Finding {
	summary := data.named("summary")
	// most is what so many attackers can take of the views at all: one place each.
	most := func(fraction float64) float64 {
		return min(1, fraction*float64(localNodes(p.Nodes))/float64(p.View))
	}
	at := func(attack string, fraction float64, protocol, column string) float64 {
		return summary.where("attack", attack, "attackers", fraction, "protocol", protocol).last(column)
	}
	var others []string
	for _, p := range attacked() {
		if p.name != brahms.name {
			others = append(others, p.name)
		}
	}
	of := func(attack string, fraction float64, column string) (xs []float64) {
		for _, name := range others {
			xs = append(xs, at(attack, fraction, name, column))
		}
		return xs
	}
	healers := []string{"(rand,healer,pushpull)", "(tail,healer,pushpull)", "(rand,head,pushpull)"}
	var soon, inViews, inSamples, off []float64
	for _, name := range healers {
		soon = append(soon, at("hub", 0.05, name, "share_10"))
	}
	for _, f := range fractions {
		inViews = append(inViews, at("flood", f, brahms.name, "share_end"))
		inSamples = append(inSamples, at("flood", f, brahmsSamples, "share_end"))
		off = append(off, at("flood", f, brahmsSamples, "share_end")/f)
	}
	const section = "Brahms, sections 5 and 6"
	return []Finding{{
		Claim:    "Under flooding by 10 %, every protocol of the papers belongs to the attackers in the end",
		Section:  section,
		Measured: list(others, "%.2f", of("flood", 0.1, "share_end")) + " of the views",
		Holds:    all(of("flood", 0.1, "share_end"), func(x float64) bool { return x > 0.9*most(0.1) }),
	}, {
		Claim:    "Whoever keeps the freshest falls first: 5 % have nearly all views of a healer within ten cycles",
		Section:  "the hub attack",
		Measured: list(healers, "%.2f", soon) + " of the views",
		Holds:    all(soon, func(x float64) bool { return x > 0.7*most(0.05) }),
	}, {
		Claim:    "Under Brahms the attackers' share of views stays bounded, and no honest node is cut off",
		Section:  section,
		Measured: fmt.Sprintf("flooding by 1, 5, 10, 20 %%: %s of the views, %.0f nodes cut off by 20 %%", series(inViews, "%.2f"), at("flood", 0.2, brahms.name, "isolated_end")),
		Holds:    all(inViews, func(x float64) bool { return x < 0.7 }) && at("flood", 0.2, brahms.name, "isolated_end") == 0,
	}, {
		Claim:    "Its samples hold attackers in proportion to their number, however loud they are",
		Section:  section,
		Measured: fmt.Sprintf("flooding by 1, 5, 10, 20 %%: %s of the samples", series(inSamples, "%.3f")),
		Holds:    all(off, func(x float64) bool { return x > 0.75 && x < 1.25 }),
	}}
}

func drawAttack(_ Params, data Tables) []Figure {
	each := data.named("shares")
	figure := func(kind, caption string) Figure {
		f := Figure{Name: kind, Caption: caption, Columns: 2}
		for _, fraction := range fractions {
			panel := Panel{
				Title: fmt.Sprintf("%.0f %% attackers", 100*fraction),
				X:     Axis{Label: "cycle"}, Y: Axis{Label: "share of views", Max: 1},
			}
			for _, p := range append(attacked(), protocol{name: brahmsSamples, style: Style{Colour: Black, Line: Dotted}}) {
				rows := each.where("attack", kind, "attackers", fraction, "protocol", p.name)
				panel.Series = append(panel.Series, Series{p.name, p.style, rows.numbers("cycle"), rows.numbers("share")})
			}
			f.Panels = append(f.Panels, panel)
		}
		return f
	}
	return []Figure{
		figure("hub", "The attackers' share of the views of honest nodes, when they gossip as often as everybody else."),
		figure("flood", "The same when they gossip five times as often."),
	}
}
