package main

import (
	"context"
	"fmt"
	"math"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/Ishan27gOrg/gossipProtocol/sim"
)

// fuzzFlags are the flags of gossip sim fuzz. A hundred seeds take about half a
// minute on two cores.
type fuzzFlags struct {
	seeds, nodes int
	first        uint64
}

const (
	fuzzSeeds = 100
	fuzzNodes = 200
)

func (f *fuzzFlags) groups() []flagGroup {
	*f = fuzzFlags{seeds: fuzzSeeds, nodes: fuzzNodes, first: 1}
	g := newGroup("Fuzz flags")
	addIntVar(g, &f.seeds, "seeds", 1, math.MaxInt32, "random scenarios to run, each with the next seed, 1 to 2147483647")
	g.Var(seedValue{&f.first}, "seed", "the first seed, 0 to 18446744073709551615")
	addIntVar(g, &f.nodes, "nodes", 4, sim.MaxNodes, fmt.Sprintf("nodes that a scenario begins with at most, 4 to %d; the same seed with another number is another scenario", sim.MaxNodes))
	return []flagGroup{g}
}

func newSimFuzz(con console) *cobra.Command {
	var f fuzzFlags
	cmd := &cobra.Command{
		Use:   "fuzz [flags]",
		Short: "Run random scenarios and check every promise",
		Long: `fuzz draws a scenario from each seed and runs it: full nodes in virtual time,
which talk all the while, on a network that loses, duplicates, delays and
reorders datagrams, through crashes, restarts under the same name, churn,
partitions and bursts of loss. Then the faults end. An oracle that knows what
truly happened holds every delivery against the promises:

  P1   no message is delivered twice at one node
  P2   no message is delivered before one that happened before it
  P3   the clock delivered with a message is exact
  P4   what one node that stays up delivers, all that stay up deliver, at most
       two minutes after the faults, as long as every log must still have it
  P5   no node has too many links, one to itself, or two to a peer
  P6   what a node has not delivered, and the logs need no longer have, it has
       reported as a gap; and what it reports is gone
  P7   logs, what is held back, and what links have in flight stay within bounds
  P8   two minutes after the faults links make one network of all nodes
  P9   then nothing moves messages any more, and idle traffic is little
  P10  the clocks of any two messages compare as the messages truly do, or, if
       these are farther apart than the horizon of a day, by time
  P11  no node takes what another one does for an offence
  P12  a node that is restarted with its store begins with what was on its disk

A scenario that breaks one is printed with the first violations and the command
that runs it again, and the status is 1. The last line sums up. The scenarios
run on all cores; the same flags give the same output, byte for byte.

If standard error is a terminal, a line there tells how far the run is. An
interrupt ends the run at once, with status 1.`,
		Example: `  gossip sim fuzz --seeds 2000
  gossip sim fuzz --seeds 200 --seed $RANDOM --nodes 30
  gossip sim fuzz --seeds 1 --seed 77         # again`,
		Args: noArgs,
	}
	addFlags(cmd, f.groups()...)
	cmd.RunE = verb(func(ctx context.Context, _ []string) error {
		if f.first > math.MaxUint64-uint64(f.seeds-1) {
			return usagef("--seed: it is %d, allowed: 0 to %d with --seeds %d", f.first, math.MaxUint64-uint64(f.seeds-1), f.seeds)
		}
		return f.run(ctx, con, sim.Run)
	})
	return cmd
}

// run is the verb at work; play is sim.Run, but for tests.
func (f *fuzzFlags) run(ctx context.Context, con console, play func(sim.Scenario) sim.Report) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	shown := newFuzzProgress(con, f.seeds)
	defer shown.clear()
	var sum fuzzSum
	for r := range f.reports(ctx, play) {
		if ctx.Err() != nil {
			break
		}
		sum.add(r)
		if !r.Kept() {
			shown.clear()
			if _, err := fmt.Fprint(con.out, f.failureText(r)); err != nil {
				return err
			}
		}
		shown.at(sum.seeds)
	}
	shown.clear()
	if ctx.Err() != nil {
		return fmt.Errorf("interrupted after %d of %d seeds, with %s", sum.seeds, f.seeds, sum.violationsText())
	}
	if _, err := fmt.Fprintln(con.out, sum); err != nil {
		return err
	}
	if sum.failed > 0 {
		return fmt.Errorf("a promise was broken in %d of %d scenarios", sum.failed, sum.seeds)
	}
	return nil
}

// reports runs the scenarios on all cores and gives their reports in order. It
// leaves off when ctx ends, but not in the midst of a scenario, which nobody then
// waits for.
func (f *fuzzFlags) reports(ctx context.Context, play func(sim.Scenario) sim.Report) <-chan sim.Report {
	workers := min(runtime.GOMAXPROCS(0), f.seeds)
	// Each scenario has a channel for its report; that of scenario i comes i-th.
	// Those that are done early wait in here.
	order := make(chan chan sim.Report, 8*workers)
	type job struct {
		seed uint64
		to   chan sim.Report
	}
	jobs := make(chan job)
	for range workers {
		go func() {
			for j := range jobs {
				j.to <- play(sim.RandomScenario(j.seed, f.nodes))
			}
		}()
	}
	go func() {
		defer close(jobs)
		defer close(order)
		for i := range f.seeds {
			j := job{f.first + uint64(i), make(chan sim.Report, 1)}
			select {
			case order <- j.to:
			case <-ctx.Done():
				return
			}
			select {
			case jobs <- j:
			case <-ctx.Done():
				return
			}
		}
	}()
	return inOrder(ctx, order)
}

// inOrder gives what comes of each channel, one after the other.
func inOrder(ctx context.Context, order <-chan chan sim.Report) <-chan sim.Report {
	out := make(chan sim.Report)
	go func() {
		defer close(out)
		for from := range order {
			select {
			case r := <-from:
				select {
				case out <- r:
					continue
				case <-ctx.Done():
				}
			case <-ctx.Done():
			}
			return
		}
	}()
	return out
}

// failureText tells what a scenario broke and how to run it again.
func (f *fuzzFlags) failureText(r sim.Report) string {
	return fmt.Sprintf("seed %d: %s\n%srun it again with:\n  %s\nscenario:\n%s\n", r.Seed, brokenText(r.Broken),
		indented(r.Violations), f.command(r.Seed), indented([]string{sim.RandomScenario(r.Seed, f.nodes).String()}))
}

// command runs a seed again.
func (f *fuzzFlags) command(seed uint64) string {
	command := fmt.Sprintf("gossip sim fuzz --seeds 1 --seed %d", seed)
	if f.nodes != fuzzNodes {
		command += fmt.Sprintf(" --nodes %d", f.nodes)
	}
	return command
}

// fuzzSum adds up reports.
type fuzzSum struct {
	seeds, nodes, messages, deliveries, failed int
	broken                                     [sim.Promises]int
}

func (s *fuzzSum) add(r sim.Report) {
	s.seeds++
	s.nodes += r.Nodes
	s.messages += r.Messages
	s.deliveries += r.Deliveries
	if !r.Kept() {
		s.failed++
	}
	for i, n := range r.Broken {
		s.broken[i] += n
	}
}

func (s fuzzSum) String() string {
	return fmt.Sprintf("%d seeds, %d nodes, %d messages, %d deliveries, %s", s.seeds, s.nodes, s.messages, s.deliveries, s.violationsText())
}

func (s fuzzSum) violationsText() string { return brokenText(s.broken) }

// fuzzProgress draws how many seeds are done, if it is drawn on a terminal.
type fuzzProgress struct {
	*textReporter
	most int
}

func newFuzzProgress(con console, seeds int) fuzzProgress {
	return fuzzProgress{newTextReporter(con.err), seeds}
}

func (p fuzzProgress) at(done int) { p.redraw("%s seed %d of %d", bar(done, p.most), done, p.most) }
