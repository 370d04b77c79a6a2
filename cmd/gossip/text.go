package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

const (
	// textWidth is how wide the demo's lines are at most.
	textWidth = 80
	// redrawEvery is the least time between two drawings of a line: nobody
	// reads faster.
	redrawEvery = 40 * time.Millisecond
)

// textReporter prints events for people. On a terminal the last line is drawn
// again and again while something is under way.
type textReporter struct {
	w        io.Writer
	writeErr error
	live     bool // the last line can be drawn again
	colour   bool
	width    int
	status   string // what stands in that line
	drawn    time.Time

	start   startEvent
	overlay int // quarters that were printed
	heal    int // views in the line before
	killed  killEvent
}

func newTextReporter(w io.Writer) *textReporter {
	width, is := terminal(w)
	return &textReporter{w: w, live: is, colour: is && os.Getenv("NO_COLOR") == "", width: min(width, textWidth)}
}

func (r *textReporter) err() error { return r.writeErr }

func (r *textReporter) show(e event) {
	switch e := e.(type) {
	case startEvent:
		r.showStart(e)
	case overlayEvent:
		r.showOverlay(e)
	case phaseEvent:
		r.showPhase(e)
	case progressEvent:
		if e.Pending > 0 {
			r.redraw("   %d sent, %d under way: %s is at %d of %d nodes", e.Sent, e.Pending, e.ID, e.Have, e.Nodes)
		}
	case spreadEvent:
		r.showSpread(e)
	case deliveryEvent:
		r.showDelivery(e)
	case relationEvent:
		r.showRelation(e)
	case retryEvent:
		r.line("   (%s and %s turned out %s; two others try)", e.A, e.B, e.Order)
	case killEvent:
		r.showKill(e)
	case healEvent:
		r.showHeal(e)
	case summaryEvent:
		r.showSummary(e)
	}
}

func (r *textReporter) showStart(e startEvent) {
	r.start = e
	r.line("%s  %d real nodes on loopback, seed %d", r.bold("gossip demo"), e.Nodes, e.Seed)
	r.heading(1, "The nodes find each other")
	r.line("   %d nodes know one address, %s, and nothing else.", e.Nodes-1, e.Contact)
	r.line("   Each keeps a view of %d others and %d links; the policy of the views is", e.ViewSize, e.Links)
	r.line("   %s.", e.Policy)
	r.line("")
}

func (r *textReporter) showOverlay(e overlayEvent) {
	text := fmt.Sprintf("   %6s  %s %*d/%d ready   views %4.1f of %d   links %.1f",
		seconds(e.ElapsedMS), bar(e.Ready, e.Nodes), len(fmt.Sprint(e.Nodes)), e.Ready, e.Nodes, e.ViewMean, e.ViewFull, e.LinksMean)
	quarter := 4 * e.Ready / e.Nodes
	switch {
	case e.Settled:
		r.line("%s", text)
	case r.live:
		r.redraw("%s", text)
	case quarter > r.overlay || r.overlay == 0:
		r.overlay = max(quarter, 1)
		r.line("%s", text)
	}
}

func (r *textReporter) showPhase(e phaseEvent) {
	switch e.Phase {
	case "messages":
		r.heading(2, "They talk, and answer what they have heard")
		r.spreadHead()
	case "order":
		r.heading(3, "What happened before what")
	}
}

func (r *textReporter) spreadHead() {
	r.line("%s", r.dim("   message  answers   nodes   hops   last one after   text"))
}

func (r *textReporter) showSpread(e spreadEvent) {
	nodes := fmt.Sprintf("%7s", fmt.Sprintf("%d/%d", e.Have, e.Nodes))
	answers := e.InReplyTo
	if answers == "" {
		answers = "-"
	}
	r.line("   %-8s %-8s %s %6d %13.1f ms   %s", e.ID, answers, r.green(nodes), e.Hops, e.LastMS, e.Text)
}

func (r *textReporter) showDelivery(e deliveryEvent) {
	if e.Place == 1 {
		r.line("   What %s delivered, in its order; a clock counts, for each node, the", e.Node)
		r.line("   messages that happened before, and leaves out zeros:")
		r.line("")
	}
	own, _, _ := strings.Cut(e.ID, ":")
	start := fmt.Sprintf("   %3d  %-7s %-22s ", e.Place, e.ID, e.Text)
	r.line("%s%s", start, shorten(e.Clock, own, textWidth-utf8.RuneCountInString(start)))
	if e.More > 0 {
		r.line("%s", r.dim(fmt.Sprintf("        and %d more", e.More)))
	}
}

func (r *textReporter) showRelation(e relationEvent) {
	a, b := differing(e.ClockA, e.ClockB)
	r.line("")
	switch e.Order {
	case vclock.Before.String():
		r.line("   %s %s %s, the answer: no count in its clock is larger.", r.bold(e.A), r.green("happened before"), r.bold(e.B))
	case vclock.Concurrent.String():
		r.line("   %s and %s, sent at the same moment, are %s: neither node had", r.bold(e.A), r.bold(e.B), r.green("concurrent"))
		r.line("   heard of the other's message, and each clock has a larger count.")
	default:
		r.line("   %s is %s %s.", e.A, e.Order, e.B)
	}
	r.line("   Where the clocks differ:  %-8s %s", e.A, a)
	r.line("                             %-8s %s", e.B, b)
}

func (r *textReporter) showKill(e killEvent) {
	r.killed, r.heal = e, -1
	r.heading(4, "A node dies")
	r.line("   %s, through which all the others joined, is closed without a word.", r.bold(e.Node))
	r.line("   It was in %d views and had %d links.", e.Views, e.Links)
	r.line("   The others, with %.1f links each, talk on:", e.LinksMean)
	r.line("")
	r.spreadHead()
}

func (r *textReporter) showHeal(e healEvent) {
	if r.heal < 0 {
		r.line("")
		r.line("   And they forget it:")
		r.line("")
		r.heal = 2*e.Views + 1
	}
	text := fmt.Sprintf("   %6s  %s %3d views, %d links still hold %s; %.1f links each",
		seconds(e.ElapsedMS), bar(e.Views, max(r.killed.Views, e.Views)), e.Views, e.Links, e.Node, e.LinksMean)
	switch {
	case e.Healed:
		r.line("%s", text)
	case e.GivenUp:
		r.line("%s", text)
		r.line("   That is as long as the demo waits: this policy forgets slowly.")
	case r.live:
		r.redraw("%s", text)
	case e.Views <= r.heal/2:
		r.heal = e.Views
		r.line("%s", text)
	}
}

func (r *textReporter) showSummary(e summaryEvent) {
	r.heading(5, "The proof")
	r.line("   %s nodes delivered %d/%d messages before the crash",
		r.count(e.NodesComplete, e.Nodes), e.Messages, e.Messages)
	if e.Survivors < e.Nodes {
		r.line("   %s survivors delivered %d/%d messages after it",
			r.count(e.SurvivorsComplete, e.Survivors), e.MessagesAfter, e.MessagesAfter)
	}
	r.line("   %s deliveries: %s duplicates, %s causal violations, %s wrong clocks",
		r.count(e.Delivered, e.Expected), r.zero(e.Duplicates+e.Unexpected), r.zero(e.CausalViolations), r.zero(e.WrongClocks))
	r.line("   %s sent by each node: %s to sample peers, %s on links",
		kilobytes(e.PacketBytes+e.LinkBytes), kilobytes(e.PacketBytes), kilobytes(e.LinkBytes))
	r.line("   %s in all", strings.TrimSpace(seconds(e.WallMS)))
	for _, p := range e.Problems {
		r.line("   %s %s", r.red("failed:"), p)
	}
	if e.OK {
		r.line("")
		r.line("   %s", r.green("Every promise was kept."))
	}
}

func (r *textReporter) count(have, of int) string {
	text := fmt.Sprintf("%d/%d", have, of)
	if have == of {
		return r.green(text)
	}
	return r.red(text)
}

func (r *textReporter) zero(n int) string {
	if n == 0 {
		return r.green("0")
	}
	return r.red(fmt.Sprint(n))
}

func (r *textReporter) heading(number int, text string) {
	r.line("")
	r.line("%s", r.bold(fmt.Sprintf("%d  %s", number, text)))
}

// line prints a line that stays.
func (r *textReporter) line(format string, args ...any) {
	r.clear()
	r.write(fmt.Sprintf(format, args...) + "\n")
}

// redraw prints a line that the next takes the place of.
func (r *textReporter) redraw(format string, args ...any) {
	if !r.live || time.Since(r.drawn) < redrawEvery {
		return
	}
	r.clear()
	text := fmt.Sprintf(format, args...)
	r.drawn = time.Now()
	r.status = text
	r.write(truncate(text, r.width-1))
}

func (r *textReporter) clear() {
	if r.status != "" {
		r.write("\r\x1b[K")
		r.status = ""
	}
}

func (r *textReporter) write(text string) {
	if _, err := io.WriteString(r.w, text); err != nil && r.writeErr == nil {
		r.writeErr = err
	}
}

func (r *textReporter) bold(s string) string  { return r.paint("1", s) }
func (r *textReporter) dim(s string) string   { return r.paint("2", s) }
func (r *textReporter) red(s string) string   { return r.paint("31", s) }
func (r *textReporter) green(s string) string { return r.paint("32", s) }

func (r *textReporter) paint(code, s string) string {
	if !r.colour {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func seconds(ms float64) string { return fmt.Sprintf("%.2f s", ms/1000) }

func kilobytes(n uint64) string { return fmt.Sprintf("%.1f kB", float64(n)/1000) }

// bar draws n of most.
func bar(n, most int) string {
	const width = 16
	full := 0
	if most > 0 {
		full = (n*width + most - 1) / most
	}
	return "[" + strings.Repeat("#", full) + strings.Repeat(".", width-full) + "]"
}

// shorten writes a clock with as many entries as fit into a width, that of own
// among them.
func shorten(c vclock.Clock, own string, width int) string {
	text := c.String()
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	room := width - utf8.RuneCountInString(fmt.Sprintf("{%s:%d, +%d more}", own, c.Get(own), c.Len()))
	short, left := "", c.Len()
	for origin, n := range c.All() {
		entry := fmt.Sprintf("%s:%d, ", origin.Name, n)
		size := utf8.RuneCountInString(entry)
		if origin.Name == own {
			size = 0 // there is room for it
		} else if size > room {
			continue
		}
		room -= size
		short += entry
		left--
	}
	return fmt.Sprintf("{%s+%d more}", short, left)
}

// differing writes the entries in which two clocks differ.
func differing(a, b vclock.Clock) (inA, inB string) {
	var as, bs []string
	for origin := range a.Merge(b).All() {
		if na, nb := a.At(origin), b.At(origin); na != nb {
			as = append(as, fmt.Sprintf("%s:%d", origin.Name, na))
			bs = append(bs, fmt.Sprintf("%s:%d", origin.Name, nb))
		}
	}
	return "{" + strings.Join(as, ", ") + "}", "{" + strings.Join(bs, ", ") + "}"
}

func truncate(text string, width int) string {
	runes := []rune(text)
	if len(runes) <= width {
		return text
	}
	return string(runes[:width])
}
