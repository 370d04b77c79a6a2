package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/Ishan27gOrg/gossipProtocol/sim/overlay"
)

// overlayFlags are the flags of gossip sim overlay. The defaults are the
// papers': 10,000 nodes, views of 30, 300 cycles (TOCS 2007, section 4).
type overlayFlags struct {
	nodes, cycles, every    int
	start                   string
	grow                    int
	kill                    []overlay.Kill
	churn                   float64
	seed                    uint64
	format                  string
	clusteringOf, pathsFrom int
	dropDead, literalHops   bool
	model                   string
	latency, loss           float64
	policy                  policyFlags
}

func (f *overlayFlags) groups() []flagGroup {
	*f = overlayFlags{nodes: 10_000, cycles: 300, every: 1, start: "random", grow: 100, seed: 1, format: "csv", model: inCycles, latency: 0.05}
	run := newGroup("Simulation flags")
	addIntVar(run, &f.nodes, "nodes", 2, overlay.MaxNodes, fmt.Sprintf("nodes of the overlay, 2 to %d", overlay.MaxNodes))
	run.Var(choiceValue{&f.start, []string{"growing", "lattice", "random", "star"}}, "init", "what nodes know at the start: growing (there is one node; others join each cycle and know only that one, until there are --nodes), lattice (a ring; their nearest), random (random others) or star (all know the same one)")
	addIntVar(run, &f.grow, "grow", 1, overlay.MaxNodes, fmt.Sprintf("nodes that join in a cycle, with --init growing, 1 to %d", overlay.MaxNodes))
	addIntVar(run, &f.cycles, "cycles", 0, math.MaxInt32, "cycles to run, 0 to 2147483647; 0 prints no row")
	run.Var(seedValue{&f.seed}, "seed", "number that decides everything random, 0 to 18446744073709551615")
	run.Var(killsValue{&f.kill}, "kill", "remove a random fraction F of the live nodes, more than 0 and less than 1, at the start of a CYCLE, 1 to --cycles; several with commas or by repeating the flag")
	run.Var(shareValue{&f.churn}, "churn", "fraction of the live nodes that is replaced in every cycle by nodes that know one other, 0 or more and less than 1")
	run.BoolVar(&f.dropDead, "drop-dead", false, "nodes do not know who is dead, and remove a peer when an exchange with it fails, as on a network (default: the papers' model, in which no dead peer is chosen, or removed for being dead)")

	messages := newGroup("Message flags")
	messages.Var(choiceValue{&f.model, []string{inCycles, overlay.Bare.String(), overlay.Deployed.String(), overlay.Forgetful.String()}}, "model", "cycles (the papers': exchanges are atomic), bare (message by message, by the papers' rules), deployed (message by message, what nodes do on a network) or forgetful (the same without quarantine and without looking for lost peers)")
	messages.Var(periodsValue{&f.latency}, "latency", "how long a message travels, in periods, 0 to 100: the median of a log-normal distribution; with another --model than cycles")
	messages.Var(shareValue{&f.loss}, "loss", "fraction of the messages that get lost, 0 or more and less than 1; with another --model than cycles")

	sampling := f.policy.pointGroup(30)
	sampling.BoolVar(&f.literalHops, "literal-hops", false, "only received entries grow by a hop, as the listing of 2004 has it, and not all, as in its authors' experiments; with --view-select rand, head or tail")

	out := newGroup("Output flags")
	addIntVar(out, &f.every, "every", 1, math.MaxInt32, "cycles from row to row, 1 to 2147483647; the last cycle has a row always")
	addIntVar(out, &f.clusteringOf, "sample-clustering", 0, overlay.MaxNodes, fmt.Sprintf("random nodes to average the clustering coefficient over, 1 to %d, or 0 for all (default all up to 10000 --nodes, 1000 of more)", overlay.MaxNodes))
	addIntVar(out, &f.pathsFrom, "sample-paths", 0, overlay.MaxNodes, fmt.Sprintf("random nodes to measure the paths from, to all others, 1 to %d, or 0 for all (default all up to 2000 --nodes, 512 up to 20000, 64 of more)", overlay.MaxNodes))
	out.Var(choiceValue{&f.format, rowFormats}, "format", "how rows are printed: csv, json (an object a line) or table (for people)")
	return []flagGroup{run, messages, sampling, out}
}

func newSimOverlay(con console) *cobra.Command {
	var f overlayFlags
	cmd := &cobra.Command{
		Use:   "overlay [flags]",
		Short: "Simulate one overlay and print its state over time",
		Long: `overlay simulates nodes that do nothing but sample peers, and prints a row of
numbers on the overlay that their views are, cycle by cycle.

A cycle begins with growth, then --kill, then --churn. Then each live node
initiates one exchange, in random order. A row is the state at the end of a
cycle: those that --every divides, and the last. The start has none.

  cycle              1 is the first
  nodes              that live
  indegree_mean      live nodes that know a live node: mean, standard deviation
  indegree_std       and maximum
  indegree_max
  clustering         mean clustering coefficient
  path_length        mean over the pairs of nodes that have a path
  components         connected components
  largest_component  nodes in the largest
  dead_links         entries of live views that are dead nodes

The last columns but one, back to clustering, are of the undirected graph of
live nodes. Clustering and path length are exact or from a sample, see below.

` + rowFormatsHelp + `

With a --model other than cycles a cycle is a period of time, in which each node
initiates once at a time of its own, and messages travel; so exchanges overlap.
Nodes that are not bare drop who does not answer, with or without --drop-dead.

By default nodes follow (rand,pushpull) with H = 0 and S = 0, the papers'
(rand,blind). A --policy brings its own peer selection: tail for healer,
swapper, blind and cyclon, rand for newscast, lpbcast and brahms.

If standard error is a terminal, a line there tells how far the run is. An
interrupt ends the run at once, with status 1; the rows printed are complete.`,
		Example: `  gossip sim overlay --format table --every 10
  gossip sim overlay --healing 15 --kill 0.5@100 --cycles 130
  gossip sim overlay --init growing --propagate push --every 10
  gossip sim overlay --policy cyclon --view 20 --churn 0.01 --drop-dead
  gossip sim overlay --model deployed --latency 0.5 --loss 0.1 --churn 0.01
  gossip sim overlay --view-select head --nodes 1000 --format json | tail -1`,
		Args: noArgs,
	}
	addFlags(cmd, f.groups()...)
	cmd.RunE = verb(func(ctx context.Context, _ []string) error {
		if err := f.check(cmd.Flags()); err != nil {
			return err
		}
		return f.run(ctx, cmd.Flags(), con)
	})
	return cmd
}

// check tells what cannot be seen from one flag alone and is none of
// overlay.Config's business.
func (f *overlayFlags) check(given *pflag.FlagSet) error {
	for _, k := range f.kill {
		if k.Cycle > f.cycles {
			return usagef("--kill: %s, allowed: a CYCLE of 1 to --cycles, which is %d", formatKill(k), f.cycles)
		}
	}
	if given.Changed("grow") && f.start != "growing" {
		return usagef("--grow is of no use with --init %s, allowed: --init growing", f.start)
	}
	for _, flag := range []string{"latency", "loss"} {
		if given.Changed(flag) && f.model == inCycles {
			return usagef("--%s is of no use with --model %s, allowed: --model bare, deployed or forgetful", flag, f.model)
		}
	}
	return nil
}

// run simulates. It ends at once when ctx does, in the midst of a cycle.
func (f *overlayFlags) run(ctx context.Context, given *pflag.FlagSet, con console) error {
	cfg := f.config(given)
	if err := cfg.Validate(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	out := rowPrinter{w: con.out, format: f.format}
	out.head()
	shown := newProgress(con.err, f.cycles)
	defer shown.clear()
	states := simulate(ctx, cfg, f.cycles, f.every, f.sampling(given))
	for done := 0; out.err == nil; {
		select {
		case <-ctx.Done():
			return fmt.Errorf("interrupted after cycle %d of %d", done, f.cycles)
		case now, more := <-states:
			switch {
			case ctx.Err() != nil:
				continue
			case !more || now.err != nil:
				return now.err
			case now.row != nil:
				shown.clear()
				out.row(*now.row)
			}
			done = now.cycle
			shown.at(done)
		}
	}
	return out.err
}

func (f *overlayFlags) config(given *pflag.FlagSet) overlay.Config {
	start, err := overlay.ParseStart(f.start)
	if err != nil {
		panic(err) // choiceValue has let it through
	}
	policy := f.policy.policy(given)
	policy.LiteralHops = f.literalHops
	return overlay.Config{
		Nodes: f.nodes, Policy: policy, Start: start, Seed: f.seed,
		Kill: f.kill, Churn: f.churn, GrowPerCycle: f.grow, DropDead: f.dropDead,
		Messages: f.messages(),
	}
}

// inCycles is the model without messages.
const inCycles = "cycles"

// messages is what the message flags say, nil in cycles. Latencies spread as in
// the experiment "concurrency".
func (f *overlayFlags) messages() *overlay.Messages {
	for _, nodes := range []overlay.Nodes{overlay.Bare, overlay.Deployed, overlay.Forgetful} {
		if f.model == nodes.String() {
			return &overlay.Messages{Nodes: nodes, Latency: f.latency, Spread: 0.5, Loss: f.loss}
		}
	}
	return nil
}

// sampling is what the flags say or, by default, as much as can be measured in
// about the time of a few cycles. At the papers' 10,000 nodes the mean path
// length from 512 of them is right to about one in a thousand.
func (f *overlayFlags) sampling(given *pflag.FlagSet) overlay.Sampling {
	s := overlay.Sampling{Clustering: f.clusteringOf, Paths: f.pathsFrom}
	if !given.Changed("sample-clustering") && f.nodes > 10_000 {
		s.Clustering = 1000
	}
	if !given.Changed("sample-paths") {
		switch {
		case f.nodes > 20_000:
			s.Paths = 64
		case f.nodes > 2000:
			s.Paths = 512
		}
	}
	return s
}

// blameOverlayFlag names the flag behind an *overlay.ConfigError.
func blameOverlayFlag(err error) (flag string, cause error) {
	field := (*overlay.ConfigError)(nil)
	if !errors.As(err, &field) {
		return "", err
	}
	name, _, _ := strings.Cut(field.Field, "[") // "Kill[0].Cycle"
	flag = map[string]string{
		"Nodes": "nodes", "Start": "init", "Kill": "kill", "Churn": "churn", "GrowPerCycle": "grow",
		"Messages.Nodes": "model",
	}[name]
	return flag, fmt.Errorf("it is %s, allowed: %s", field.Value, field.Allowed)
}

// killsValue is a list of removals, "0.5@100,0.9@200". Set adds to it.
type killsValue struct{ p *[]overlay.Kill }

func (v killsValue) Type() string { return "F@CYCLE" }

func (v killsValue) String() string {
	var list []string
	for _, k := range *v.p {
		list = append(list, formatKill(k))
	}
	return strings.Join(list, ",")
}

func (v killsValue) Set(text string) error {
	var list []overlay.Kill
	for entry := range strings.SplitSeq(text, ",") {
		fraction, cycle, found := strings.Cut(entry, "@")
		f, errFraction := strconv.ParseFloat(fraction, 64)
		c, errCycle := strconv.Atoi(cycle)
		if !found || errFraction != nil || errCycle != nil || !(f > 0 && f < 1) || c < 1 {
			return errors.New("allowed: F@CYCLE, as in 0.5@100, with a fraction F of more than 0 and less than 1, and a CYCLE of 1 to --cycles")
		}
		list = append(list, overlay.Kill{Fraction: f, Cycle: c})
	}
	*v.p = append(*v.p, list...)
	return nil
}

func formatKill(k overlay.Kill) string {
	return fmt.Sprintf("%s@%d", strconv.FormatFloat(k.Fraction, 'g', -1, 64), k.Cycle)
}

// shareValue is a fraction that may be nothing but not all.
type shareValue struct{ p *float64 }

func (v shareValue) String() string { return strconv.FormatFloat(*v.p, 'g', -1, 64) }
func (v shareValue) Type() string   { return "F" }

func (v shareValue) Set(text string) error {
	x, err := strconv.ParseFloat(text, 64)
	if err != nil || !(x >= 0 && x < 1) {
		return errors.New("allowed: a fraction of 0 or more and less than 1, as in 0.01")
	}
	*v.p = x
	return nil
}

// periodsValue is a time in periods, as far as overlay.Messages allows it.
type periodsValue struct{ p *float64 }

func (v periodsValue) String() string { return strconv.FormatFloat(*v.p, 'g', -1, 64) }
func (v periodsValue) Type() string   { return "PERIODS" }

func (v periodsValue) Set(text string) error {
	x, err := strconv.ParseFloat(text, 64)
	if err != nil || !(x >= 0 && x <= 100) {
		return errors.New("allowed: 0 to 100, as in 0.5")
	}
	*v.p = x
	return nil
}
