package experiment

import (
	"fmt"
	"strings"

	"github.com/Ishan27gOrg/gossipProtocol/sim/overlay"
)

var pace = &Experiment{
	Name:     "pace",
	Title:    "Balance and healing together",
	Source:   notHeard,
	Question: "Can an overlay be as even as Cyclon's and forget the dead within ten cycles, with exchanges that overlap, loss and churn?",
	PaperFound: `Each has one of the two: Cyclon and the swapper are even and forget slowly, the healer and Newscast forget
within a few cycles and are uneven.`,
	Setting: `Points from the swapper to the healer, and Cyclon with shuffles of four lengths, as deployed, and in cycles. A cycle is
the interval between two exchanges of a node when nothing happens. A message travels for 1/200 of it (median, log-normal), 1 % get lost, 0.01 % of the
nodes are replaced in a cycle (a node that exchanges every 10 s lives for a day), and a node waits 1/40 of it for an answer, twice. At the fixed pace that is all. An adaptive node does as those on
a network by default: it exchanges ten times as often from when somebody does not answer until it is answered a few times in a row. After a sixth
of the cycles half of the nodes fail. Dead links are those beside what there always are.`,

	run: runPace,
	total: func(p Params) (n int) {
		for _, x := range paces() {
			n += (converging(p) + healing) * x.each()
		}
		return n
	},
	judge: judgePace,
	draw:  drawPace,
}

const notHeard = "Not in the papers, none of which has both"

// paced is a policy at a pace.
type paced struct {
	protocol
	pace string
}

// The paces, beside inCycles.
const (
	fixed    = "fixed"
	adaptive = "adaptive"
)

// hurry is how many times as often an adaptive node exchanges at most: as many as
// by default (peersampling.DefaultServiceConfig).
const hurry = 10

// each is how many periods of the simulation are a cycle: a period is the shortest
// interval.
func (x paced) each() int {
	if x.pace == adaptive {
		return hurry
	}
	return 1
}

func paces() (list []paced) {
	for _, p := range between() {
		for _, pace := range []string{inCycles, fixed, adaptive} {
			list = append(list, paced{p, pace})
		}
	}
	return list
}

// converging is for how many cycles an overlay converges, and healing for how many
// it is watched after the failure.
func converging(p Params) int { return max(20, p.Cycles/6) }

const healing = 30

// outcome is what comes of one.
type outcome struct {
	std, messages float64   // before the failure; messages for each node and cycle
	dead          []float64 // after each cycle that follows
	until         float64   // cycles, in parts as small as a period
	hurried       float64   // messages for each node in the cycles until then, and in each
}

func (x paced) carryOut(l *lab) (y outcome, err error) {
	cfg := l.config(x.protocol, 0)
	each, failure := x.each(), converging(l.Params)*x.each()
	cfg.DropDead = true
	cfg.Churn = 0.0001 / float64(each)
	cfg.Kill = []overlay.Kill{{Fraction: 0.5, Cycle: failure + 1}}
	if x.pace != inCycles {
		cfg.Messages = &overlay.Messages{
			Nodes: overlay.Deployed, Latency: 0.005 * float64(each), Spread: 0.5, Loss: 0.01,
			Answer: 0.025 * float64(each), Slowest: float64(each),
		}
	}
	o, err := overlay.New(cfg)
	if err != nil {
		return y, err
	}
	usual, times := 0.0, 0.0
	sent := 0
	if err = l.step(o, failure, func() {
		if o.Cycle() == 2*failure/3 {
			sent = o.MessagesSent()
		}
		if o.Cycle() > 2*failure/3 && o.Cycle()%each == 0 {
			in := o.InDegree()
			y.std += in.Std
			usual += float64(in.Dead) / float64(o.Nodes())
			times++
		}
	}); err != nil {
		return y, err
	}
	y.std, usual = y.std/times, usual/times
	y.messages = float64((o.MessagesSent()-sent)*each) / float64((failure-2*failure/3)*o.Nodes())
	sent = o.MessagesSent()
	err = l.step(o, failure+healing*each, func() {
		since := o.Cycle() - failure
		dead := float64(o.DeadLinks()) / float64(o.Nodes())
		if since%each == 0 {
			y.dead = append(y.dead, dead)
		}
		if y.until == 0 && dead-usual <= float64(l.View)/2/100 {
			y.until = float64(since) / float64(each)
			y.hurried = float64(o.MessagesSent()-sent) / float64(o.Nodes()) / y.until
		}
	})
	if y.until == 0 {
		y.until = healing + 1
		y.hurried = float64(o.MessagesSent()-sent) / float64(o.Nodes()) / healing
	}
	return y, err
}

func runPace(l *lab) (Tables, error) {
	all := paces()
	recoveries, err := collect(l, len(all), func(i int) (outcome, error) { return all[i].carryOut(l) })
	if err != nil {
		return nil, err
	}
	summary := &Table{
		Name: "summary", Title: fmt.Sprintf("In-degree deviation, and cycles until 1 %% of the dead links is left; %d where that takes more than were watched. Messages for each node and cycle, before the failure and until then", healing+1), Summary: true,
		Columns: []string{"protocol", "pace", "indegree_std", "cycles_until_1_percent", "messages", "messages_until"},
	}
	dead := &Table{Name: "dead-links", Title: "Dead links per view after the failure", Columns: []string{"protocol", "pace", "cycle_after", "dead_links_per_view"}}
	for i, y := range recoveries {
		x := all[i]
		summary.add(x.name, x.pace, y.std, y.until, y.messages, y.hurried)
		for after, n := range y.dead {
			dead.add(x.name, x.pace, after+1, n)
		}
	}
	return Tables{summary, dead}, nil
}

func judgePace(_ Params, data Tables) []Finding {
	summary := data.named("summary")
	at := func(column, pace, name string) float64 {
		return summary.where("protocol", name, "pace", pace).last(column)
	}
	const std, until, even = "indegree_std", "cycles_until_1_percent", "cyclon, shuffle 8"
	// isBoth tells whether it is nearly as even as Cyclon in cycles, and soon.
	isBoth := func(pace, name string) bool {
		return at(std, pace, name) < 1.4*at(std, inCycles, even) && at(until, pace, name) < 10
	}
	tell := func(pace string) string {
		var parts []string
		for _, p := range between() {
			parts = append(parts, fmt.Sprintf("%s %.2f and %.3g cycles", p.name, at(std, pace, p.name), at(until, pace, p.name)))
		}
		return strings.Join(parts, "; ")
	}
	neither := true
	for _, p := range between() {
		neither = neither && !isBoth(fixed, p.name)
	}
	soon := "H=c/2 S=0"
	return []Finding{{
		Claim:    "At a fixed pace no configuration is nearly as even as Cyclon in cycles and forgets the dead within 10 cycles, with exchanges that overlap, loss and churn",
		Section:  notHeard,
		Measured: fmt.Sprintf("in cycles %s has a deviation of %.2f; as deployed: %s", even, at(std, inCycles, even), tell(fixed)),
		Holds:    neither && at(until, fixed, soon) < at(until, fixed, even),
	}, {
		Claim:    "At the adaptive pace Cyclon forgets in less than half of the time and stays as even, for a node hurries only when it finds somebody dead",
		Section:  notHeard,
		Measured: tell(adaptive),
		Holds:    at(until, adaptive, even) < at(until, fixed, even)/2 && at(std, adaptive, even) < 1.15*at(std, fixed, even),
	}, {
		Claim:   "The hurry costs messages where somebody is found dead: less than half as many again as at the fixed pace under churn, several times as many until the overlay has healed",
		Section: notHeard,
		Measured: fmt.Sprintf("messages of %s for each node and cycle: %.2f, at the fixed pace %.2f; until it has healed %.1f",
			even, at("messages", adaptive, even), at("messages", fixed, even), at("messages_until", adaptive, even)),
		Holds: at("messages", adaptive, even) < 1.5*at("messages", fixed, even) && at("messages_until", adaptive, even) > 2*at("messages", adaptive, even),
	}}
}

func drawPace(_ Params, data Tables) []Figure {
	styles := []Style{
		{Colour: Green, Marker: Square}, {Colour: Sky, Marker: Diamond}, {Colour: Blue, Marker: Circle}, {Colour: Purple, Marker: Cross},
		{Colour: Vermillion, Marker: Triangle}, {Colour: Orange, Marker: Circle, Line: Dashed, Open: true}, {Colour: Black, Marker: Plus, Line: Dashed},
		{Colour: Grey, Marker: Square, Line: Dashed, Open: true}, {Colour: Green, Marker: Triangle, Line: Dashed, Open: true},
	}
	f := Figure{Name: "dead-links", Caption: "Dead links per view after half of the nodes has failed, in cycles of the pace of a node when nothing happens."}
	for _, at := range []string{inCycles, fixed, adaptive} {
		panel := Panel{
			Title: map[string]string{inCycles: "in cycles", fixed: "deployed, fixed pace", adaptive: "deployed, adaptive pace"}[at],
			X:     Axis{Label: "cycles after the failure", Log: true}, Y: Axis{Label: "dead links per view", Log: true, Min: 1e-2, Max: 1},
		}
		for i, p := range between() {
			rows := data.named("dead-links").where("protocol", p.name, "pace", at)
			panel.Series = append(panel.Series, Series{p.name, styles[i], rows.numbers("cycle_after"), rows.numbers("dead_links_per_view")})
		}
		f.Panels = append(f.Panels, panel)
	}
	return []Figure{f}
}
