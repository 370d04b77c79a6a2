package experiment

import (
	"fmt"
	"slices"
	"time"

	machine "github.com/Ishan27gOrg/gossipProtocol/protocol"
	"github.com/Ishan27gOrg/gossipProtocol/sim"
)

var partition = &Experiment{
	Name:     "partition",
	Title:    "A partition with traffic on both sides",
	Source:   "The contract of this project, docs/guarantees.md (exactly once, causal order, gaps); not in the papers",
	Question: "What of the messages that were sent while the network was cut in two does everybody get, and how soon?",
	PaperFound: `Neither paper heals a partition: a message that the tree could not bring is lost to the other side. Here each node
keeps a log, and whoever meets sends what the other lacks: nothing may be lost that is still in a log, and what is not must be reported.`,
	Setting: `A tenth of the nodes, though fifty at least, cut into two halves for as many seconds as there are cycles; each side
sends one message a second, from ten nodes in turn. Then the cut is lifted, and nobody talks until half a minute after that; at the end each side sends ten
messages more, one a second. Links of 10 to 15 ms. Logs keep messages for an hour, or, beyond retention, for a fifth of the partition.`,

	scale: tenth,
	run:   runPartition,
	total: func(p Params) int {
		return len(retentions) * (warmUp(p) + p.Cycles + healingSeconds(p) + 2*laterMessages)
	},
	judge: judgePartition,
	draw:  drawPartition,
}

const (
	within = "within retention"
	beyond = "beyond retention"

	// talkers send on each side.
	talkers = 10
	// laterMessages are sent by each side after all.
	laterMessages = 10
)

var retentions = []string{within, beyond}

// tenth is a part of the nodes, fifty at least.
func tenth(nodes int) int { return max(50, nodes/10) }

// healingSeconds is for how long nobody talks after the cut. What can no longer be
// had takes up to half a minute to be given up.
func healingSeconds(p Params) int { return max(40, p.Cycles/5) }

// retention is how long logs keep messages.
func retention(p Params, of string) time.Duration {
	if of == within {
		return time.Hour
	}
	return time.Duration(p.Cycles) * time.Second / 5
}

func runPartition(l *lab) (Tables, error) {
	t := &Table{
		Name: "owed", Title: "Deliveries that are still owed, by the time since the cut was lifted; a gap that was reported is not owed any more",
		Columns: []string{"logs", "second", "owed", "delivered", "gaps"},
	}
	summary := &Table{
		Name: "summary", Title: "What became of the messages sent during the partition. Owed, delivered and gaps count each node's own; the times are since the cut was lifted, one second more than was waited if something was owed to the end", Summary: true,
		Columns: []string{
			"logs", "messages", "owed", "delivered", "gaps", "still_owed", "half_s", "settled_s", "payloads_per_delivery", "gap_reports_per_node",
			"held_in_the_end", "later_reliability", "later_max_ms", "violations",
		},
	}
	results, err := collect(l, len(retentions), func(i int) (Tables, error) { return cutInTwo(l, retentions[i], *summary, *t) })
	if err != nil {
		return nil, err
	}
	for _, some := range results {
		summary.Rows, t.Rows = append(summary.Rows, some[0].Rows...), append(t.Rows, some[1].Rows...)
	}
	return Tables{summary, t}, nil
}

func cutInTwo(l *lab, logs string, summary, t Table) (Tables, error) {
	nodes := tenth(l.Nodes)
	w, err := newWorld(l, nodes, usualFaults(), func(c *machine.Config) { c.Log.Age = retention(l.Params, logs) })
	if err != nil {
		return nil, err
	}
	talk := func(rounds int) (messages []*sent, err error) {
		for i := range rounds {
			for side := range 2 {
				m, _, err := w.say(w.Nodes()[2*(i%talkers)+side])
				if err != nil {
					return nil, err
				}
				messages = append(messages, m)
			}
			if err := w.seconds(1); err != nil {
				return nil, err
			}
		}
		return messages, nil
	}
	w.Faults.Cut = func(a, b *sim.Node) bool { return a.Handle%2 != b.Handle%2 }
	messages, err := talk(l.Cycles)
	if err != nil {
		return nil, err
	}
	w.Faults.Cut = nil
	w.copies = 0
	before, all := w.deliveries, len(messages)*(nodes-1)
	owed := all - before
	half, settled := 0.0, 0.0
	for step := range healingSeconds(l.Params) {
		for tenths := range 10 {
			if tenths < 9 {
				w.Run(100 * time.Millisecond)
			} else if err := w.run(100 * time.Millisecond); err != nil {
				return nil, err
			}
			at := float64(step) + float64(tenths+1)/10
			delivered, gaps := w.deliveries-before, w.gaps()
			left := owed - delivered - gaps
			t.add(logs, at, left, delivered, gaps)
			if left > owed/2 {
				half = at + 0.1
			}
			if left > 0 {
				settled = at + 0.1
			}
		}
	}
	delivered, gaps, copies := w.deliveries-before, w.gaps(), w.copies
	later, err := talk(laterMessages)
	if err != nil {
		return nil, err
	}
	if err := w.seconds(laterMessages); err != nil {
		return nil, err
	}
	var reached, last []float64
	for _, m := range later {
		reached, last = append(reached, m.reached(nodes-1)), append(last, milliseconds(m.last()))
	}
	held := 0
	for _, n := range w.Nodes() {
		held += n.Machine.Gauges().HeldMessages
	}
	summary.add(logs, len(messages), owed, delivered, gaps, owed-delivered-gaps, half, settled,
		float64(copies)/float64(max(delivered, 1)), float64(w.counted(func(c machine.Counters) uint64 { return c.Gaps }))/float64(nodes),
		held, mean(reached), slices.Max(last), w.wrong(logs == beyond))
	return Tables{&summary, &t}, nil
}

// gaps counts the messages that nodes were told they will not have.
func (w *world) gaps() int {
	sum := uint64(0)
	for _, n := range w.Nodes() {
		sum += n.Gaps
	}
	return int(sum)
}

// wrong counts broken promises, and not P4 where a log is too short for it.
func (w *world) wrong(short bool) int {
	if short {
		sum := 0
		for _, n := range w.Oracle.Broken {
			sum += n
		}
		return sum
	}
	return w.broken()
}

func judgePartition(p Params, data Tables) []Finding {
	t := data.named("summary")
	in, out := t.where("logs", within), t.where("logs", beyond)
	kept := retention(p, beyond).Seconds() / float64(p.Cycles)
	lost := out.last("gaps") / out.last("owed")
	return []Finding{{
		Claim:    "Within retention nothing is lost, nothing comes twice, and the order is kept",
		Section:  "docs/guarantees.md",
		Measured: fmt.Sprintf("of %.0f deliveries owed when the cut was lifted, %.0f were made; %.0f gaps, %.0f violations", in.last("owed"), in.last("delivered"), in.last("gaps"), in.last("violations")),
		Holds:    in.last("owed") > 0 && in.last("delivered") == in.last("owed") && in.last("gaps") == 0 && in.last("violations") == 0,
	}, {
		Claim:    "All of it is there within ten seconds of the healing",
		Section:  "docs/guarantees.md",
		Measured: fmt.Sprintf("half of it after %.1f s, all after %.1f s", in.last("half_s"), in.last("settled_s")),
		Holds:    in.last("settled_s") > 0.05 && in.last("settled_s") <= 10,
	}, {
		Claim:    "What is missing is sent once, and seldom twice",
		Section:  "docs/guarantees.md",
		Measured: fmt.Sprintf("%.3f payloads for each delivery that was owed", in.last("payloads_per_delivery")),
		Holds:    in.last("payloads_per_delivery") >= 1 && in.last("payloads_per_delivery") <= 1.5,
	}, {
		Claim:   "Beyond retention each message is delivered or reported as a gap, and no other promise is broken",
		Section: "docs/guarantees.md",
		Measured: fmt.Sprintf("of %.0f deliveries owed, %.0f were made, %.0f reported as gaps, %.0f neither; logs kept %s of the time, %s were gaps; %.0f violations",
			out.last("owed"), out.last("delivered"), out.last("gaps"), out.last("still_owed"), percent(kept), percent(lost), out.last("violations")),
		Holds: out.last("still_owed") == 0 && out.last("gaps") > 0 && out.last("delivered") > 0 && out.last("violations") == 0,
	}, {
		Claim:    "Nobody is stuck: afterwards everybody has every message, within two seconds, and nothing is held back any more",
		Section:  "docs/guarantees.md",
		Measured: fmt.Sprintf("reliability %.6g and %.6g, the last after %.0f and %.0f ms; held back in the end: %.0f and %.0f", in.last("later_reliability"), out.last("later_reliability"), in.last("later_max_ms"), out.last("later_max_ms"), in.last("held_in_the_end"), out.last("held_in_the_end")),
		Holds: all(t.numbers("later_reliability"), func(x float64) bool { return x == 1 }) && all(t.numbers("later_max_ms"), func(x float64) bool { return x <= 2000 }) &&
			all(t.numbers("held_in_the_end"), func(x float64) bool { return x == 0 }),
	}, {
		Claim:    "Gaps are reported in runs: an origin's lost messages are one report, or few",
		Section:  "docs/guarantees.md",
		Measured: fmt.Sprintf("%.1f reports a node, for %.1f messages of %d origins", out.last("gap_reports_per_node"), out.last("gaps")/float64(tenth(p.Nodes)), talkers),
		Holds:    out.last("gap_reports_per_node") > 0 && out.last("gap_reports_per_node") <= 3*talkers,
	}}
}

func drawPartition(_ Params, data Tables) []Figure {
	t := data.named("owed")
	p := Panel{X: Axis{Label: "seconds since the cut was lifted"}, Y: Axis{Label: "deliveries still owed"}}
	for i, logs := range retentions {
		rows := t.where("logs", logs)
		style := []Style{{Colour: Blue}, {Colour: Vermillion, Line: Dashed}}[i]
		p.Series = append(p.Series, Series{logs, style, rows.numbers("second"), rows.numbers("owed")})
	}
	return []Figure{{
		Name:    "owed",
		Caption: "Deliveries that are owed after the cut was lifted: of messages that a node lacks, and of which it has not been told that they are gone.",
		Panels:  []Panel{p},
	}}
}
