package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
	"github.com/Ishan27gOrg/gossipProtocol/sim"
)

// broadcastFlags are the flags of gossip sim broadcast.
type broadcastFlags struct {
	file                     string
	nodes, messages, origins int
	every, latency, jitter   time.Duration
	loss, kill               float64
	flood, codec             bool
	seed                     uint64
	policy                   string
	view                     int
	format                   string
	print                    bool
	real                     string
}

// broadcastFormats are the ways to print a report.
var broadcastFormats = []string{"table", "json"}

const longestDelay = time.Minute

func (f *broadcastFlags) groups() []flagGroup {
	*f = broadcastFlags{
		nodes: 1000, messages: 100, origins: 1, every: 200 * time.Millisecond, latency: 10 * time.Millisecond,
		jitter: 5 * time.Millisecond, seed: 1, policy: "balanced", view: 20, codec: true, format: "table",
	}
	run := newGroup("Scenario flags")
	run.Var(fileValue{&f.file}, "scenario", "file that tells all that happens, instead of the flags below")
	addIntVar(run, &f.nodes, "nodes", 4, sim.MaxNodes, fmt.Sprintf("nodes, 4 to %d", sim.MaxNodes))
	addIntVar(run, &f.messages, "messages", 1, sim.MaxCount/10, fmt.Sprintf("messages of a phase, 1 to %d", sim.MaxCount/10))
	run.Var(durationValue{&f.every, time.Millisecond, longestDelay}, "every", "time from message to message, 1ms to 1m")
	addIntVar(run, &f.origins, "origins", 0, sim.MaxNodes, fmt.Sprintf("nodes that send, 1 to %d, or 0 for all", sim.MaxNodes))
	run.Var(durationValue{&f.latency, 0, longestDelay}, "latency", "how long everything takes from node to node, 0s to 1m")
	run.Var(durationValue{&f.jitter, 0, longestDelay}, "jitter", "how much longer it takes at most, drawn each time anew, 0s to 1m")
	run.Var(shareValue{&f.loss}, "loss", "fraction of the datagrams that is lost, 0 or more and less than 1")
	run.Var(shareValue{&f.kill}, "kill", "fraction of the nodes that dies at once, 0 or more and less than 1; --messages are sent from that moment, and again after that")
	run.BoolVar(&f.flood, "flood", false, "send everything over every link, and not along a tree")
	run.BoolVar(&f.codec, "codec", true, "encode all that is sent, pass on what the bytes say, and count them; --codec=false takes an eighth less time")
	run.Var(choiceValue{&f.policy, peersampling.PresetNames()}, "policy", "of peer sampling: healer, balanced, swapper, blind, cyclon, newscast, lpbcast or brahms")
	addIntVar(run, &f.view, "view", 2, 1000, "how many peers a node knows, 2 to 1000")
	run.Var(seedValue{&f.seed}, "seed", "number that decides everything random, 0 to 18446744073709551615; with --scenario it takes the place of the file's")
	run.Var(choiceValue{&f.real, slices.Sorted(maps.Keys(realNetworks))}, "real", "play it in real time, with real nodes over a network in memory or on loopback sockets, instead: memory or loopback")
	out := newGroup("Output flags")
	out.Var(choiceValue{&f.format, broadcastFormats}, "format", "how the report is printed: table (for people) or json")
	out.BoolVar(&f.print, "print", false, "print the scenario, as --scenario reads it, and run nothing")
	return []flagGroup{run, out}
}

func newSimBroadcast(con console) *cobra.Command {
	var f broadcastFlags
	cmd := &cobra.Command{
		Use:   "broadcast [flags]",
		Short: "Run one scenario of broadcasts and print its report",
		Long: `broadcast runs full nodes in virtual time, as the flags or a file say, while an
oracle checks every delivery, and prints what came of it. All nodes join through
the first; after a minute there are --messages for the tree to grow, and then
--messages to be measured. With --kill, some nodes die then, and --messages are
sent from that moment, and again after that.

The table has a line for each of these phases:

  at           when it began
  messages     that were sent
  reliability  share of the nodes up at the end that have a message at the end
  redundancy   payloads that arrived for each delivery, minus one
  last hop     links to the node that was the farthest, the mean over messages
  p50 to max   time from broadcast to delivery, in milliseconds

Hops and times are of the nodes that had started when a message was sent. Below
is what was mended: repairs are reconciliations with random peers, grafts and
prunes change the tree, pulls are messages that were asked for by name. Then
comes what was sent of each kind of datagram and frame, as docs/protocol.md
names them, and with the codec how many bytes; and of the last phase, what a
message takes to say what comes before it, and what its whole clock would take.

A scenario file has a key and its value on each line, and steps:

  nodes 100
  loss 0.1
  at 1m talk 50 every 200ms
  at 1m30s partition 0.5 for 2m

--print shows all keys. Among them, retention, log and hold bound a node's log
and what it holds back, in time or bytes, and drift is by how much its clock may
go wrong. The steps are

  talk COUNT every TIME answers COUNT size BYTES
  crash COUNT, restart COUNT, join COUNT, kill SHARE
  churn COUNT every TIME          a node dies and a new one joins
  partition SHARE for TIME        nothing gets from one side to the other
  oneway SHARE for TIME           these hear the others, which do not hear them
  slow SHARE for TIME rate BYTES  these handle so many bytes of links a second
  lose SHARE for TIME             of the datagrams

The same scenario gives the same output, byte for byte. The status is 1 if a
promise was broken; gossip sim fuzz --help lists them.

With --real, it is played by the nodes that programs run, in real time, and held
to the same promises; memory watches them rest for a minute after that. Then
chance and the machine decide, too.`,
		Example: `  gossip sim broadcast
  gossip sim broadcast --nodes 10000 --loss 0.1
  gossip sim broadcast --kill 0.5 --format json
  gossip sim broadcast --scenario sim/testdata/scenarios/partition.txt
  gossip sim broadcast --nodes 32 --messages 20 --real loopback`,
		Args: noArgs,
	}
	addFlags(cmd, f.groups()...)
	cmd.RunE = verb(func(ctx context.Context, _ []string) error {
		s, err := f.scenario(cmd.Flags())
		if err != nil {
			return err
		}
		return f.run(ctx, con, s)
	})
	return cmd
}

// withFile are the flags that may be given beside --scenario.
var withFile = map[string]bool{"scenario": true, "seed": true, "format": true, "print": true, "real": true}

// scenario is what the flags or the file say.
func (f *broadcastFlags) scenario(given *pflag.FlagSet) (sim.Scenario, error) {
	if f.file == "" {
		s := f.fromFlags()
		if err := s.Validate(); err != nil {
			return s, blameScenarioFlag(err)
		}
		return s, nil
	}
	var useless error
	given.Visit(func(flag *pflag.Flag) {
		if !withFile[flag.Name] && useless == nil {
			useless = usagef("--%s is of no use with --scenario, allowed: --seed, --real, --format, --print", flag.Name)
		}
	})
	if useless != nil {
		return sim.Scenario{}, useless
	}
	text, err := os.ReadFile(f.file)
	if err != nil {
		return sim.Scenario{}, fmt.Errorf("--scenario: %w", err)
	}
	s, err := sim.ParseScenario(string(text))
	if err != nil {
		return s, usagef("--scenario: %s: %w", f.file, err)
	}
	if given.Changed("seed") {
		s.Seed = f.seed
	}
	return s, nil
}

// fromFlags makes three phases of the flags, or four: a minute to join, messages
// for the tree to grow, messages to measure; and if nodes are killed, messages
// while the network heals and after.
func (f *broadcastFlags) fromFlags() sim.Scenario {
	s := sim.DefaultScenario()
	s.Seed, s.Nodes, s.Arrive = f.seed, f.nodes, 30*time.Second
	s.Origins, s.Flood, s.Codec, s.Policy, s.View = f.origins, f.flood, f.codec, f.policy, f.view
	s.Latency, s.Jitter, s.Loss = f.latency, f.jitter, f.loss
	now := time.Minute
	talk := func() {
		s.Steps = append(s.Steps, sim.Step{At: now, Kind: sim.Talk, Count: f.messages, Every: f.every})
		now += time.Duration(f.messages)*f.every + 5*time.Second // for the last to arrive
	}
	talk()
	talk()
	if f.kill > 0 {
		s.Steps = append(s.Steps, sim.Step{At: now, Kind: sim.Kill, Share: f.kill})
		talk()
		talk()
	}
	s.End = now
	return s
}

// blameScenarioFlag names the flag behind a *sim.ScenarioError.
func blameScenarioFlag(err error) error {
	field := (*sim.ScenarioError)(nil)
	if !errors.As(err, &field) {
		return err
	}
	name := field.Key
	if strings.HasPrefix(name, "at ") || name == "end" {
		name = "messages"
	}
	return usagef("--%s: it is %s, allowed: %s", name, field.Value, field.Allowed)
}

func (f *broadcastFlags) run(ctx context.Context, con console, s sim.Scenario) error {
	if f.print {
		_, err := fmt.Fprint(con.out, s)
		return err
	}
	if f.real != "" {
		return f.runReal(ctx, con, s)
	}
	done := make(chan sim.Report, 1)
	go func() { done <- sim.Run(s) }()
	select {
	case <-ctx.Done():
		return errors.New("interrupted")
	case r := <-done:
		if err := printReport(con.out, f.format, r); err != nil {
			return err
		}
		if !r.Kept() {
			return errors.New("a promise was broken: " + brokenText(r.Broken))
		}
		return nil
	}
}

func printReport(w io.Writer, format string, r sim.Report) error {
	text := reportTable(r)
	if format == "json" {
		b, err := json.MarshalIndent(r, "", "  ")
		if err != nil {
			panic(err) // a report is plain, finite numbers
		}
		text = string(b) + "\n"
	}
	_, err := io.WriteString(w, text)
	return err
}

// The table is 80 places wide.
const (
	talkHead = "" +
		"                                               last   latency, ms:\n" +
		"       at messages reliability  redundancy      hop      p50      p99      max\n"
	talkRow = "%9s %8d %11s %11.3f %8.1f %8.1f %8.1f %8.1f\n"
)

func reportTable(r sim.Report) string {
	var b strings.Builder
	b.WriteString(talkHead)
	for _, t := range r.Talks {
		at := time.Duration(t.AtMS * float64(time.Millisecond)).Round(100 * time.Millisecond)
		fmt.Fprintf(&b, talkRow, shortDuration(at), t.Messages, percent(t.Reliability), t.Redundancy, t.LastHop, t.P50MS, t.P99MS, t.MaxMS)
	}
	fmt.Fprintf(&b, "\n%d nodes, %d up at the end; %d messages, %d deliveries, %d missing\n", r.Nodes, r.Survivors, r.Messages, r.Deliveries, r.Missing)
	fmt.Fprintf(&b, "%d repairs, %d grafts, %d prunes, %d pulls, %d gaps; %.1f s of virtual time\n", r.Repairs, r.Grafts, r.Prunes, r.Pulls, r.Gaps, r.VirtualMS/1000)
	b.WriteString(trafficTable(r))
	fmt.Fprintf(&b, "%s\n%s", brokenText(r.Broken), indented(r.Violations))
	return b.String()
}

// trafficTable tells what was sent, and if it was encoded, how long that was.
func trafficTable(r sim.Report) string {
	bytes := slices.ContainsFunc(r.Traffic, func(k sim.KindReport) bool { return k.Bytes > 0 })
	var b strings.Builder
	if !bytes {
		b.WriteString("\nkind                     sent\n")
		for _, k := range r.Traffic {
			fmt.Fprintf(&b, "%-16s %12d\n", k.Kind, k.Sent)
		}
		return b.String() + "\n"
	}
	b.WriteString("\nkind                     sent         bytes\n")
	for _, k := range r.Traffic {
		fmt.Fprintf(&b, "%-16s %12d %13d\n", k.Kind, k.Sent, k.Bytes)
	}
	fmt.Fprintf(&b, "\nDATA has %d bytes of payload, and %d that say what comes before it\n", r.PayloadBytes, r.OrderBytes)
	if len(r.Talks) > 0 {
		t := r.Talks[len(r.Talks)-1]
		fmt.Fprintf(&b, "which takes a message of the last phase %d (p50), %d (p99); its clock %d, %d\n", t.OrderP50, t.OrderP99, t.ClockP50, t.ClockP99)
	}
	return b.String()
}

// percent rounds, but only the whole is 100 %.
func percent(share float64) string {
	if text := fmt.Sprintf("%.3f %%", 100*share); share == 1 || text != "100.000 %" {
		return text
	}
	return "99.999 %"
}

// brokenText counts violations.
func brokenText(broken [sim.Promises]int) string {
	total := 0
	var of []string
	for i, n := range broken {
		total += n
		if n > 0 {
			of = append(of, fmt.Sprintf("%d of P%d", n, i+1))
		}
	}
	switch total {
	case 0:
		return "0 violations"
	case 1:
		return "1 violation, " + of[0]
	}
	return fmt.Sprintf("%d violations, %s", total, strings.Join(of, ", "))
}

// indented writes texts in lines of their own.
func indented(texts []string) string {
	var b strings.Builder
	for _, text := range texts {
		for line := range strings.Lines(text) {
			fmt.Fprintf(&b, "  %s\n", strings.TrimSuffix(line, "\n"))
		}
	}
	return b.String()
}

// fileValue is the name of a file.
type fileValue struct{ p *string }

func (v fileValue) String() string { return *v.p }
func (v fileValue) Type() string   { return "FILE" }

func (v fileValue) Set(text string) error {
	if text == "" {
		return errors.New("allowed: the name of a file, as in scenario.txt")
	}
	*v.p = text
	return nil
}
