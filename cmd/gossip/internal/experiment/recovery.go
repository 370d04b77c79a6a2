package experiment

import (
	"fmt"
	"slices"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/sim"
)

var recovery = &Experiment{
	Name:     "recovery",
	Title:    "Broadcast after a mass failure",
	Source:   inHyParView + "; " + inPlumtree,
	Question: "When most nodes die at once, who still gets messages, and how soon does everybody again?",
	PaperFound: `HyParView: reliability stays at 100 % after the failure of up to 90 % of the nodes, and is 91 % after 95 %; the views
are healed after 1 cycle (up to 60 %), 2 (70 and 80 %) or 4 (90 %). Plumtree: the very first broadcast after the failure reaches 95 % of
the survivors where half have failed and almost nobody where 80 % have; the tree is whole again within some cycles, in one of which up to 2.3
payload copies too many arrive.`,
	Setting: `A part of the nodes dies at one moment, in which a survivor broadcasts; it goes on five times a second for a tenth as many
seconds as there are cycles, and twice that time is given after it. When processes die, as in the papers, their connections break: each neighbour
learns of it a link's latency later. When hosts die nothing breaks and nobody answers, so that only silence tells: a link is given up after 10 s without a
word, a dial hangs for 3 s. A cycle of the papers is one exchange of views by each node, and one broadcast; here nodes exchange views every second while these
change.`,

	run: runRecovery,
	total: func(p Params) int {
		return len(killings()) * (warmUp(p) + treeMessages + killedSteps(p) + killedAfter(p))
	},
	judge: judgeRecovery,
	draw:  drawRecovery,
}

// killing is a mass failure.
type killing struct {
	percent int
	of      string
}

const (
	processes = "processes"
	hosts     = "hosts"
)

func killings() (list []killing) {
	for _, percent := range []int{30, 50, 70, 80, 90, 95} {
		list = append(list, killing{percent, processes})
	}
	for _, percent := range []int{50, 80} {
		list = append(list, killing{percent, hosts})
	}
	return list
}

const (
	// treeMessages are sent, one a second, for the tree to grow.
	treeMessages = 5
	killedEvery  = 200 * time.Millisecond
)

// killedSteps is how many messages are sent from the failure on.
func killedSteps(p Params) int { return max(10, p.Cycles/2) }

// killedAfter is how many seconds the last one is given.
func killedAfter(p Params) int { return max(2, p.Cycles/5) }

func runRecovery(l *lab) (Tables, error) {
	t := &Table{
		Name: "messages", Title: "Message by message: when it was sent, and the share of the survivors that had it in time",
		Columns: []string{"died", "killed_percent", "message", "second", "within_1s", "within_5s", "in_the_end", "last_s", "redundancy"},
	}
	graph := &Table{
		Name: "links", Title: "The links among the survivors, before each of these messages",
		Columns: []string{"died", "killed_percent", "second", "links_per_node", "dead_links_per_node", "components", "largest_share"},
	}
	summary := &Table{
		Name: "summary", Title: "The first message after the failure; how long until every message reached all survivors within a second again, in seconds and in messages (one more than there were, if not); how long until their links were one component; the worst message in the end; the latest delivery; payload copies too many, at worst and of the last", Summary: true,
		Columns: []string{
			"died", "killed_percent", "survivors", "first_within_1s", "first_within_5s", "whole_again_s", "whole_again_messages",
			"largest_at_first", "one_component_s", "worst_in_the_end", "latest_s", "redundancy_most", "redundancy_last", "violations",
		},
	}
	results, err := collect(l, len(killings()), func(i int) (Tables, error) { return kill(l, killings()[i], *summary, *t, *graph) })
	if err != nil {
		return nil, err
	}
	for _, some := range results {
		for i, whole := range []*Table{summary, t, graph} {
			whole.Rows = append(whole.Rows, some[i].Rows...)
		}
	}
	return Tables{summary, t, graph}, nil
}

func kill(l *lab, k killing, summary, t, graph Table) (Tables, error) {
	w, err := newWorld(l, l.Nodes, usualFaults(), nil)
	if err != nil {
		return nil, err
	}
	first := w.Nodes()[0]
	for range treeMessages {
		if _, _, err := w.say(first); err != nil {
			return nil, err
		}
		if err := w.seconds(1); err != nil {
			return nil, err
		}
	}
	w.die(k)
	alive := w.up()
	others := len(alive) - 1
	began := w.Now()
	var messages []*sent
	oneSince := 0.0 // until when the links were not one component
	for range killedSteps(l.Params) {
		second := (w.Now() - began).Seconds()
		g := linksAmong(w, alive)
		graph.add(k.of, k.percent, second, g.perNode, g.deadPerNode, g.components, g.largest)
		if g.components > 1 {
			oneSince = second + killedEvery.Seconds()
		}
		m, _, err := w.say(first)
		if err != nil {
			return nil, err
		}
		messages = append(messages, m)
		if err := w.run(killedEvery); err != nil {
			return nil, err
		}
	}
	if err := w.seconds(killedAfter(l.Params)); err != nil {
		return nil, err
	}
	whole, worst, latest, most := 0, 1.0, time.Duration(0), 0.0
	for i, m := range messages {
		at1, at5, end := m.within(time.Second, others), m.within(5*time.Second, others), m.reached(others)
		t.add(k.of, k.percent, i+1, (m.at - began).Seconds(), at1, at5, end, m.last().Seconds(), m.redundancy())
		if at1 < 1 {
			whole = i + 1
		}
		worst, latest, most = min(worst, end), max(latest, m.last()), max(most, m.redundancy())
	}
	m := messages[0]
	summary.add(k.of, k.percent, len(alive), m.within(time.Second, others), m.within(5*time.Second, others),
		float64(whole)*killedEvery.Seconds(), whole+1, graph.numbers("largest_share")[0], oneSince,
		worst, latest.Seconds(), most, messages[len(messages)-1].redundancy(), w.broken())
	return Tables{&summary, &t, &graph}, nil
}

// die ends a random part of the nodes, but not the first.
func (w *world) die(k killing) {
	for _, i := range w.Rand().Perm(len(w.Nodes()) - 1)[:len(w.Nodes())*k.percent/100] {
		n := w.Nodes()[i+1]
		if k.of == processes {
			w.Crash(n)
		}
		n.Up = false // a host goes without a word to anybody
	}
	if k.of == hosts {
		w.Faults.Cut = func(from, _ *sim.Node) bool { return !from.Up } // no answer, not even that nobody is there
	}
}

// linkGraph is what the links among some nodes look like.
type linkGraph struct {
	perNode, deadPerNode float64
	components           int
	largest              float64 // share of the nodes in the largest
}

// linksAmong looks at the links among those that are up. One counts if both ends
// have it.
func linksAmong(w *world, alive []*sim.Node) (g linkGraph) {
	linked := make([][]peer.Handle, len(w.Nodes())+1)
	for _, n := range alive {
		linked[n.Handle] = n.Machine.AppendLinked(nil)
	}
	links, dead, largest := 0, 0, 0
	seen := make([]bool, len(linked))
	var queue []peer.Handle
	for _, n := range alive {
		if seen[n.Handle] {
			continue
		}
		seen[n.Handle] = true
		queue = append(queue[:0], n.Handle)
		for i := 0; i < len(queue); i++ {
			for _, p := range linked[queue[i]] {
				switch {
				case !w.Nodes()[p-1].Up:
					dead++
				case slices.Contains(linked[p], queue[i]):
					links++
					if !seen[p] {
						seen[p] = true
						queue = append(queue, p)
					}
				}
			}
		}
		g.components++
		largest = max(largest, len(queue))
	}
	nodes := float64(len(alive))
	g.perNode, g.deadPerNode, g.largest = float64(links)/nodes, float64(dead)/nodes, float64(largest)/nodes
	return g
}

func judgeRecovery(p Params, data Tables) []Finding {
	t := data.named("summary")
	value := func(of, column string, percents ...int) (xs []float64) {
		for _, percent := range percents {
			xs = append(xs, t.where("died", of, "killed_percent", percent).last(column))
		}
		return xs
	}
	upTo90, upTo80, some := []int{30, 50, 70, 80, 90}, []int{30, 50, 70, 80}, []int{50, 80}
	worst := append(value(processes, "worst_in_the_end", append(upTo90, 95)...), value(hosts, "worst_in_the_end", some...)...)
	one := func(x float64) bool { return x == 1 }
	most := float64(killedSteps(p)) * killedEvery.Seconds()
	return []Finding{{
		Claim:    "In the end every message has reached every survivor, whatever part has died, and no promise is broken",
		Section:  inHyParView,
		Measured: fmt.Sprintf("reliability of the worst message, processes 30, 50, 70, 80, 90, 95 %%, hosts 50, 80 %%: %s; violations: %.0f", series(worst, "%.6g"), sum(t.numbers("violations"))),
		Holds:    all(worst, one) && sum(t.numbers("violations")) == 0,
	}, {
		Claim:    "The first message after half of the processes have died reaches 95 % of the survivors at once",
		Section:  inPlumtree,
		Measured: fmt.Sprintf("30, 50, 70, 80, 90, 95 %% died: %s of the survivors within a second", series(value(processes, "first_within_1s", append(upTo90, 95)...), "%.4f")),
		Holds:    all(value(processes, "first_within_1s", 30, 50), func(x float64) bool { return x >= 0.95 && x <= 1 }),
	}, {
		Claim:    "After up to 80 % of the processes have died, every message reaches all survivors within a second again after five seconds at most",
		Section:  inHyParView,
		Measured: fmt.Sprintf("after 30, 50, 70, 80, 90, 95 %%: %s s; links are one component after %s s", series(value(processes, "whole_again_s", append(upTo90, 95)...), "%.1f"), series(value(processes, "one_component_s", append(upTo90, 95)...), "%.1f")),
		Holds:    all(value(processes, "whole_again_s", upTo80...), func(x float64) bool { return x <= 5 }) && all(value(processes, "first_within_5s", 30, 50), func(x float64) bool { return x > 0.9 }),
	}, {
		Claim:    "A dead host is found by its silence: with hosts it takes longer than five seconds, and half a minute at most",
		Section:  "not in the papers",
		Measured: fmt.Sprintf("after 50, 80 %%: %s s; the first message reaches %s of the survivors within a second, %s within five", series(value(hosts, "whole_again_s", some...), "%.1f"), series(value(hosts, "first_within_1s", some...), "%.4f"), series(value(hosts, "first_within_5s", some...), "%.4f")),
		Holds:    all(value(hosts, "whole_again_s", some...), func(x float64) bool { return x > 5 && x <= 30 && x < most }),
	}, {
		Claim:    "The tree that grows again costs no more than the first one: at most 2.3 payload copies too many, and none in the end",
		Section:  inPlumtree,
		Measured: fmt.Sprintf("redundancy of the worst message after 30, 50, 70, 80 %% of the processes: %s; of the last: %s", series(value(processes, "redundancy_most", upTo80...), "%.2f"), series(value(processes, "redundancy_last", upTo80...), "%.3f")),
		Holds:    all(value(processes, "redundancy_most", upTo80...), func(x float64) bool { return x > 0 && x <= 2.3 }) && all(value(processes, "redundancy_last", upTo80...), func(x float64) bool { return x <= 0.05 }),
	}}
}

// killedStyles are those of the shares, in both kinds of failure.
var killedStyles = map[int]Style{
	30: {Colour: Sky, Line: Solid}, 50: {Colour: Blue, Line: Dashed}, 70: {Colour: Green, Line: Solid},
	80: {Colour: Orange, Line: Dashed}, 90: {Colour: Vermillion, Line: Solid}, 95: {Colour: Black, Line: Dotted},
}

func drawRecovery(_ Params, data Tables) []Figure {
	panel := func(table, of, column string, y Axis) Panel {
		p := Panel{Title: of + " die", X: Axis{Label: "seconds after the failure"}, Y: y}
		for _, k := range killings() {
			if k.of == of {
				rows := data.named(table).where("died", of, "killed_percent", k.percent)
				p.Series = append(p.Series, Series{fmt.Sprintf("%d %%", k.percent), killedStyles[k.percent], rows.numbers("second"), rows.numbers(column)})
			}
		}
		return p
	}
	figure := func(name, caption string, y Axis, table, column string) Figure {
		return Figure{Name: name, Caption: caption, Panels: []Panel{panel(table, processes, column, y), panel(table, hosts, column, y)}}
	}
	return []Figure{
		figure("reliability", "The share of the survivors that had a message within a second, by when it was sent and by what part had died.",
			Axis{Label: "reached within 1 s", Min: 0, Max: 1}, "messages", "within_1s"),
		figure("components", "The share of the survivors in the largest component of their links.",
			Axis{Label: "largest component", Min: 0, Max: 1}, "links", "largest_share"),
		figure("redundancy", "Payload copies per survivor minus one, message by message.",
			Axis{Label: "payload copies minus one"}, "messages", "redundancy"),
	}
}
