package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/spf13/cobra"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/api"
)

func newTop(con console) *cobra.Command {
	var agent apiFlags
	every := 2 * time.Second
	once := false
	g := newGroup("Top flags")
	g.Var(durationValue{&every, 100 * time.Millisecond, time.Hour}, "every", "time between two looks, 100ms to 1h")
	g.BoolVar(&once, "once", false, "look twice, print that, and end")
	cmd := &cobra.Command{
		Use:   "top [flags]",
		Short: "Watch an agent at work, in the terminal",
		Long: `top shows what an agent on this machine, or at --api, does: its links, how much
it delivers and sends, how full its bounds are, what it drops and why, and the
latest messages. q ends it, and p holds it still.`,
		Example: `  gossip top
  gossip top --api unix:/run/gossip/api.sock --every 500ms
  gossip top --once | head`,
		Args: noArgs,
	}
	addFlags(cmd, agent.group(), g)
	cmd.RunE = verb(func(ctx context.Context, _ []string) error {
		c, err := agent.client()
		if err != nil {
			return err
		}
		defer c.Close()
		if once {
			return topOnce(ctx, con, c, every)
		}
		first := look(ctx, c)
		if first.err != nil {
			return first.err
		}
		m := topModel{ctx: ctx, client: c, every: every, now: first}
		_, err = tea.NewProgram(m, tea.WithContext(ctx), tea.WithInput(con.in), tea.WithOutput(con.out), tea.WithoutSignalHandler()).Run()
		if errors.Is(err, tea.ErrProgramKilled) && ctx.Err() != nil {
			return nil // interrupted
		}
		return err
	})
	return cmd
}

func topOnce(ctx context.Context, con console, c *api.Client, every time.Duration) error {
	first := look(ctx, c)
	if first.err != nil {
		return first.err
	}
	select {
	case <-time.After(every):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	m := topModel{before: first, now: look(ctx, c), width: helpWidth}
	if m.now.err != nil {
		return m.now.err
	}
	_, err := fmt.Fprint(con.out, m.text())
	return err
}

// glance is what an agent is like at a moment.
type glance struct {
	at       time.Time
	self     api.Self
	links    []api.Link
	stats    map[string]float64
	messages []api.Entry
	err      error
}

// shownMessages is how many of the latest messages top shows.
const shownMessages = 8

func look(ctx context.Context, c *api.Client) (g glance) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	g.at = time.Now()
	if g.self, g.err = c.Self(ctx); g.err != nil {
		return g
	}
	if g.links, g.err = c.Links(ctx); g.err != nil {
		return g
	}
	if g.stats, g.err = c.Stats(ctx); g.err != nil {
		return g
	}
	for e, err := range c.Messages(ctx, api.Stream{Latest: shownMessages, Ended: true}) {
		if err != nil {
			g.err = err
			return g
		}
		if e.ID != "" {
			g.messages = append(g.messages, e)
		}
	}
	return g
}

// topModel is the dashboard; it is a tea.Model.
type topModel struct {
	ctx           context.Context
	client        *api.Client
	every         time.Duration
	before, now   glance
	err           error // of the last look; what is shown is older then
	held          bool
	width, height int
}

type timeToLook struct{}

// Init is part of tea.Model.
func (m topModel) Init() tea.Cmd { return m.wait() }

func (m topModel) wait() tea.Cmd {
	return tea.Tick(m.every, func(time.Time) tea.Msg { return timeToLook{} })
}

// Update is part of tea.Model.
func (m topModel) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		switch msg.String() {
		case "q", "esc", "ctrl+c":
			return m, tea.Quit
		case "p", "space":
			m.held = !m.held
		}
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case timeToLook:
		if m.held {
			return m, m.wait()
		}
		return m, func() tea.Msg { return look(m.ctx, m.client) }
	case glance:
		if m.err = msg.err; m.err == nil {
			m.before, m.now = m.now, msg
		}
		return m, m.wait()
	}
	return m, nil
}

// View is part of tea.Model.
func (m topModel) View() tea.View {
	lines := strings.Split(strings.TrimSuffix(m.text(), "\n"), "\n")
	if m.height > 0 && len(lines) > m.height {
		lines = lines[:m.height]
	}
	v := tea.NewView(strings.Join(lines, "\n"))
	v.AltScreen = true
	return v
}

// text is the dashboard as lines.
func (m topModel) text() string {
	var b strings.Builder
	m.head(&b)
	m.rates(&b)
	m.bounds(&b)
	m.linkTable(&b)
	m.drops(&b)
	m.latest(&b)
	return m.cut(b.String())
}

// cut cuts lines to the width of the terminal.
func (m topModel) cut(text string) string {
	if m.width <= 0 {
		return text
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		runes := []rune(strings.TrimSuffix(line, "\n"))
		b.WriteString(string(runes[:min(len(runes), m.width)]))
		b.WriteByte('\n')
	}
	return b.String()
}

func (m topModel) head(b *strings.Builder) {
	s := m.now.self
	fmt.Fprintf(b, "%s at %s, %s order, up for %v", printable([]byte(s.ID)), s.Addr, s.Order, (time.Duration(s.UptimeMS) * time.Millisecond).Round(time.Second))
	switch {
	case m.err != nil:
		fmt.Fprintf(b, "\nas of %s: %v", m.now.at.Format(time.TimeOnly), m.err)
	case m.held:
		fmt.Fprintf(b, ", held still: p goes on")
	}
	b.WriteString("\n\n")
}

// rate is how much a counter has grown in a second.
func (m topModel) rate(name string) float64 {
	elapsed := m.now.at.Sub(m.before.at).Seconds()
	if m.before.stats == nil || elapsed <= 0 {
		return 0
	}
	return (m.now.stats[name] - m.before.stats[name]) / elapsed
}

// rated are the counters whose rates are shown.
var rated = []string{
	"protocol.delivered", "protocol.sent", "protocol.duplicates", "protocol.announced",
	"link_bytes_sent", "link_bytes_received", "packets_sent", "packets_received",
}

func (m topModel) rates(b *strings.Builder) {
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "A SECOND\tdelivered\tsent\ttwice\tannounced\tlink bytes out\tin\tdatagrams out\tin\t")
	fmt.Fprint(w, "\t")
	for _, name := range rated {
		fmt.Fprintf(w, "%.1f\t", m.rate(name))
	}
	fmt.Fprint(w, "\n")
	w.Flush()
	b.WriteByte('\n')
}

func (m topModel) bounds(b *strings.Builder) {
	s := m.now.stats
	fmt.Fprintf(b, "MEMORY %s %s of %s; log %s in %.0f messages, backlog %s, held back %.0f, origins %.0f\n\n",
		bar(int(s["memory_held"]), int(s["memory"])), bytesText(s["memory_held"]), bytesText(s["memory"]), bytesText(s["log_bytes"]), s["log_messages"],
		bytesText(s["backlog_bytes"]), s["held_messages"], s["origins"])
}

func bytesText(n float64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", n/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", n/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", n/(1<<10))
	}
	return fmt.Sprintf("%.0f B", n)
}

func (m topModel) linkTable(b *strings.Builder) {
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	printLinks(w, m.now.links)
	w.Flush()
	b.WriteByte('\n')
}

// dropped are counters of what is no part of work that goes well.
var dropped = []string{
	"bad_packets", "bad_frames", "unsealed", "other_keys", "forged", "replayed", "throttled", "slowed", "stalled", "crowded", "turned_away",
	"barred", "keys_removed", "unknown_kinds", "other_clusters", "unsigned", "bad_signatures", "outdated", "unproved", "revoked",
	"bad_descriptors", "send_errors", "slow_links", "backlog_dropped", "events_dropped", "conflicts", "protocol.forged", "protocol.skipped",
	"protocol.forgotten", "protocol.no_room", "protocol.gap_messages", "protocol.offences", "store_errors", "unstored", "unrestored",
	"protocol.early", "protocol.stale", "protocol.stray", "protocol.unsolicited", "protocol.crowded", "protocol.banned", "unproven",
	"stray_answers", "undescribed", "unlogged",
}

func (m topModel) drops(b *strings.Builder) {
	var parts []string
	for _, name := range dropped {
		if n := m.now.stats[name]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %.0f", strings.ReplaceAll(strings.TrimPrefix(name, "protocol."), "_", " "), n))
		}
	}
	if len(parts) == 0 {
		parts = []string{"nothing"}
	}
	fmt.Fprintf(b, "DROPPED  %s\n\n", strings.Join(parts, ", "))
}

func (m topModel) latest(b *strings.Builder) {
	fmt.Fprintln(b, "LATEST MESSAGES")
	for _, e := range slices.Backward(m.now.messages) {
		fmt.Fprintf(b, "%s  %s:%d  %d hops  %.1f ms  %s\n", e.At.Local().Format(time.TimeOnly), printable([]byte(e.Origin)), e.Seq, e.Hops, e.AgeMS, printable(e.Bytes()))
	}
}
