package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/api"
)

// asking is a verb that asks an agent one thing.
type asking struct {
	name, short, long string
	// words are what may be given instead of asking, if anything.
	words []string
	ask   func(ctx context.Context, c *api.Client, args []string) (any, error)
	// table prints the answer for people.
	table func(w io.Writer, answer any)
}

// askTimeout bounds how long an agent may take to answer.
const askTimeout = 10 * time.Second

func newAsking(con console, v asking) *cobra.Command {
	var (
		agent  apiFlags
		asJSON bool
	)
	g := newGroup(strings.ToUpper(v.name[:1]) + v.name[1:] + " flags")
	g.BoolVar(&asJSON, "json", false, "print what the agent answers instead of a table")
	cmd := &cobra.Command{
		Use: v.name + " [flags]", Short: v.short, Long: v.long, Args: noArgs,
		Example: fmt.Sprintf("  gossip %s\n  gossip %[1]s --api unix:/run/gossip/api.sock --json", v.name),
	}
	if v.words != nil {
		cmd.Use = fmt.Sprintf("%s [%s] [flags]", v.name, strings.Join(v.words, "|"))
		cmd.Args, cmd.ValidArgs = atMostOne(v.words), v.words
		cmd.Example = fmt.Sprintf("  gossip %s %s\n", v.name, v.words[0]) + cmd.Example
	}
	addFlags(cmd, agent.group(), g)
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		c, err := agent.client()
		if err != nil {
			return err
		}
		defer c.Close()
		ctx, cancel := context.WithTimeout(ctx, askTimeout)
		defer cancel()
		answer, err := v.ask(ctx, c, args)
		if err != nil {
			return err
		}
		if asJSON {
			return json.NewEncoder(con.out).Encode(answer)
		}
		w := tabwriter.NewWriter(con.out, 0, 0, 2, ' ', 0)
		v.table(w, answer)
		return w.Flush()
	})
	return cmd
}

// atMostOne is how a verb takes one of some words, or nothing.
func atMostOne(words []string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) > 1 {
			return fmt.Errorf("%d arguments, allowed: at most one of %s", len(args), strings.Join(words, ", "))
		}
		if len(args) == 1 && !slices.Contains(words, args[0]) {
			return fmt.Errorf("%q, allowed: %s", args[0], strings.Join(words, ", "))
		}
		return nil
	}
}

// askingVerbs are those that ask an agent.
func askingVerbs(con console) (verbs []*cobra.Command) {
	for _, v := range []asking{
		{
			name: "view", short: "Show the partial view of an agent, and its links",
			long: `view asks an agent on this machine, or at --api, whom its node knows: its view,
and with the links that it has which way messages go. An age counts exchanges of
the peer sampling service since the peer said that it was there.`,
			ask: func(ctx context.Context, c *api.Client, _ []string) (any, error) { return askView(ctx, c) },
			table: func(w io.Writer, answer any) {
				printView(w, answer.(viewAnswer))
			},
		},
		{
			name: "stats", short: "Show the sizes and counters of an agent",
			long: `stats asks an agent on this machine, or at --api, what its node holds and what
it has done since its start. Counters that are 0 are left out but in JSON.
docs/guarantees.md tells what bounds each size.`,
			ask:   func(ctx context.Context, c *api.Client, _ []string) (any, error) { return c.Stats(ctx) },
			table: func(w io.Writer, answer any) { printStats(w, answer.(map[string]float64)) },
		},
		{
			name: "clock", short: "Show the vector clock of an agent",
			long: `clock asks an agent on this machine, or at --api, how many messages of each
origin its node has delivered.`,
			ask:   func(ctx context.Context, c *api.Client, _ []string) (any, error) { return c.Clock(ctx) },
			table: func(w io.Writer, answer any) { printClock(w, answer.(api.Counts)) },
		},
		{
			name: "leave", short: "Have an agent leave the network and end",
			long: `leave tells an agent on this machine, or at --api, to leave in good order: its
neighbours have everything that it broadcast, and know that it is gone.`,
			ask: func(ctx context.Context, c *api.Client, _ []string) (any, error) {
				return map[string]string{"left": c.Address()}, c.Leave(ctx)
			},
			table: func(w io.Writer, answer any) {
				fmt.Fprintf(w, "the agent at %s leaves\n", answer.(map[string]string)["left"])
			},
		},
		{
			name: "log-level", short: "Show or change what an agent logs",
			long: `log-level tells what an agent on this machine, or at --api, logs at least. With
a level it has the agent log that much from now on, until it ends or reads
another log-level in its file of settings. docs/logging.md lists the lines.`,
			words: levelNames, ask: askLogLevel,
			table: func(w io.Writer, answer any) { fmt.Fprintln(w, answer.(api.LogLevel).Level) },
		},
	} {
		verbs = append(verbs, newAsking(con, v))
	}
	return verbs
}

// viewAnswer is what view prints.
type viewAnswer struct {
	Self  api.Self   `json:"self"`
	Peers []api.Peer `json:"peers"`
	Links []api.Link `json:"links"`
}

func askView(ctx context.Context, c *api.Client) (v viewAnswer, err error) {
	if v.Self, err = c.Self(ctx); err != nil {
		return v, err
	}
	if v.Peers, err = c.View(ctx); err != nil {
		return v, err
	}
	v.Links, err = c.Links(ctx)
	return v, err
}

// askLogLevel changes the level first, if one is given.
func askLogLevel(ctx context.Context, c *api.Client, args []string) (any, error) {
	if len(args) > 0 {
		if err := c.SetLogLevel(ctx, args[0]); err != nil {
			return nil, err
		}
	}
	level, err := c.LogLevel(ctx)
	return api.LogLevel{Level: level}, err
}

func printView(w io.Writer, v viewAnswer) {
	fmt.Fprintf(w, "%s at %s, up for %v\n\n", printable([]byte(v.Self.ID)), v.Self.Addr, (time.Duration(v.Self.UptimeMS) * time.Millisecond).Round(time.Second))
	printLinks(w, v.Links)
	fmt.Fprintln(w, "\nPEER\tADDRESS\tAGE\tLINKED")
	for _, p := range v.Peers {
		linked := ""
		if p.Linked {
			linked = "yes"
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\n", printable([]byte(p.ID)), p.Addr, p.Age, linked)
	}
}

func printLinks(w io.Writer, links []api.Link) {
	fmt.Fprintln(w, "LINK\tADDRESS\tMESSAGES\tMADE BY\tUP FOR\tROUND TRIP")
	for _, l := range links {
		way, by, rtt := "announced", "peer", "-"
		if l.Tree {
			way = "sent at once"
		}
		if l.Outbound {
			by = "this node"
		}
		if l.RTTMS > 0 {
			rtt = fmt.Sprintf("%.1f ms", l.RTTMS)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%v\t%s\n", printable([]byte(l.ID)), l.Addr, way, by, (time.Duration(l.SinceMS) * time.Millisecond).Round(time.Second), rtt)
	}
}

func printStats(w io.Writer, stats map[string]float64) {
	for _, name := range slices.Sorted(maps.Keys(stats)) {
		if n := stats[name]; n != 0 {
			fmt.Fprintf(w, "%s\t%.0f\n", name, n)
		}
	}
}

func printClock(w io.Writer, c api.Counts) {
	fmt.Fprintln(w, "ORIGIN\tINCARNATION\tMESSAGES")
	for origin, n := range c.All() {
		fmt.Fprintf(w, "%s\t%d\t%d\n", printable([]byte(origin.Name)), origin.Incarnation, n)
	}
}
