package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/experiment"
	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/report"
)

func newSimExperiment(con console) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "experiment",
		Short: "Repeat an experiment of the papers on peer sampling",
		Long: `experiment repeats the experiments of the two papers on peer sampling (ACM TOCS
25(3), 2007, and Middleware 2004) and some of those on broadcast, holds each of
their claims against what it measures, and writes tables, plots and a page to look
at into a folder.`,
		Example: `  gossip sim experiment list
  gossip sim experiment self-healing
  gossip sim experiment all --nodes 1000 --view 20 --cycles 100 --runs 5`,
		Args: knownVerb,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newExperimentList(con), newExperimentAll(con))
	for _, e := range experiment.All {
		cmd.AddCommand(newExperiment(con, e))
	}
	return cmd
}

func newExperimentList(con console) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the experiments",
		Long:    "list prints the name of each experiment and the question that it asks.",
		Example: "  gossip sim experiment list",
		Args:    noArgs,
	}
	addFlags(cmd)
	cmd.RunE = verb(func(context.Context, []string) error {
		for _, e := range experiment.All {
			if _, err := fmt.Fprintf(con.out, "%-22s %s\n", e.Name, e.Question); err != nil {
				return err
			}
		}
		return nil
	})
	return cmd
}

func newExperimentAll(con console) *cobra.Command {
	return experimentVerb(con, &cobra.Command{
		Use:   "all [flags]",
		Short: "Carry out all experiments",
		Long: `all carries out one experiment after the other. With the papers' parameters that
takes about half an hour on two cores.

` + experimentHelp,
		Example: `  gossip sim experiment all
  gossip sim experiment all --nodes 1000 --view 20 --cycles 100 --runs 5`,
	}, experiment.All)
}

func newExperiment(con console, e *experiment.Experiment) *cobra.Command {
	return experimentVerb(con, &cobra.Command{
		Use:   e.Name + " [flags]",
		Short: e.Title,
		Long: wrap(e.Question, helpWidth) + "\n\n" + wrap(e.PaperFound, helpWidth) + "\n\n" + wrap("Here: "+e.Setting, helpWidth) +
			"\n\n" + wrap("Source: "+e.Source+".", helpWidth) + "\n\n" + experimentHelp,
		Example: fmt.Sprintf("  gossip sim experiment %s\n  gossip sim experiment %s --nodes 2000 --view 20 --cycles 100", e.Name, e.Name),
	}, []*experiment.Experiment{e})
}

const experimentHelp = `What is written into the folder: NAME-TABLE.csv for each table, NAME-FIGURE.svg
and .png for each figure, NAME.json with all numbers and findings, and an
index.html on all experiments whose results are there. The same flags give the
same bytes, on any number of cores. A file is there whole or not at all.

The findings are printed too: each is a claim of a paper and whether it holds
here. One that does not is a result, not a failure: the status is 0. With far
fewer nodes or cycles than the papers', some need not hold.

If standard error is a terminal, a line there tells how far the experiment is.
An interrupt ends it within a cycle, with status 1.`

// experimentFlags are the flags of the experiments.
type experimentFlags struct {
	experiment.Params
	out string
}

func (f *experimentFlags) groups(some []*experiment.Experiment) []flagGroup {
	*f = experimentFlags{Params: some[0].Defaults(), out: "experiments"}
	g := newGroup("Experiment flags")
	addIntVar(g, &f.Nodes, "nodes", experiment.MinNodes, experiment.MaxNodes, fmt.Sprintf("nodes of an overlay, %d to %d", experiment.MinNodes, experiment.MaxNodes))
	addIntVar(g, &f.View, "view", experiment.MinView, experiment.MaxView, fmt.Sprintf("view size C, %d to %d and less than half of --nodes", experiment.MinView, experiment.MaxView))
	addIntVar(g, &f.Cycles, "cycles", experiment.MinCycles, experiment.MaxCycles, fmt.Sprintf("cycles until an overlay counts as converged, %d to %d", experiment.MinCycles, experiment.MaxCycles))
	addIntVar(g, &f.Runs, "runs", experiment.MinRuns, experiment.MaxRuns, fmt.Sprintf("runs of each setting, %d to %d", experiment.MinRuns, experiment.MaxRuns))
	g.Var(seedValue{&f.Seed}, "seed", "number that decides everything random, 0 to 18446744073709551615; a further run has the next one")
	out := newGroup("Output flags")
	out.Var(folderValue{&f.out}, "out", "folder to write into; it is made if it is not there")
	if len(some) > 1 {
		g.Lookup("runs").DefValue = ""
		g.Lookup("runs").Usage += " (default each experiment's own)"
	}
	return []flagGroup{g, out}
}

// experimentVerb makes a verb that carries out some experiments.
func experimentVerb(con console, cmd *cobra.Command, some []*experiment.Experiment) *cobra.Command {
	var f experimentFlags
	cmd.Args = noArgs
	addFlags(cmd, f.groups(some)...)
	cmd.RunE = verb(func(ctx context.Context, _ []string) error {
		for _, e := range some {
			if err := e.Validate(f.params(e, cmd.Flags())); err != nil {
				return blameExperimentFlag(err)
			}
		}
		if err := report.Try(f.out); err != nil {
			return fmt.Errorf("--out: %w", err)
		}
		for i, e := range some {
			if err := f.carryOut(ctx, cmd.Flags(), con, e, fmt.Sprintf("%d of %d", i+1, len(some))); err != nil {
				return err
			}
		}
		_, err := fmt.Fprintf(con.out, "%s\n", filepath.Join(f.out, "index.html"))
		return err
	})
	return cmd
}

func (f *experimentFlags) params(e *experiment.Experiment, given *pflag.FlagSet) experiment.Params {
	p := f.Params
	if !given.Changed("runs") {
		p.Runs = e.Defaults().Runs
	}
	return p
}

// carryOut carries out one experiment, writes what it measured, and prints its
// findings.
func (f *experimentFlags) carryOut(ctx context.Context, given *pflag.FlagSet, con console, e *experiment.Experiment, which string) error {
	p := f.params(e, given)
	shown := newExperimentProgress(con, e.Name, which)
	defer shown.clear()
	result, err := e.Run(ctx, p, shown.at)
	shown.clear()
	switch {
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("interrupted in %s, experiment %s; nothing of it was written", e.Name, which)
	case err != nil:
		return err
	}
	if err := report.Write(f.out, e, p, result); err != nil {
		return err
	}
	_, err = fmt.Fprint(con.out, findingsText(e, result.Findings))
	return err
}

// experimentProgress draws how far an experiment is, if it is drawn on a
// terminal.
type experimentProgress struct {
	*textReporter
	begun       time.Time
	name, which string
}

func newExperimentProgress(con console, name, which string) experimentProgress {
	return experimentProgress{newTextReporter(con.err), time.Now(), name, which}
}

func (p experimentProgress) at(done, total int) {
	left := time.Duration(float64(time.Since(p.begun)) * float64(total-done) / float64(done))
	p.redraw("%s %s (%s), %v left", bar(done, total), p.name, p.which, left.Round(time.Second))
}

// findingsText is what an experiment found, for people.
func findingsText(e *experiment.Experiment, findings []experiment.Finding) string {
	const indent = 7
	var b strings.Builder
	holding := 0
	for _, f := range findings {
		mark := "FALSE"
		if f.Holds {
			mark = "holds"
			holding++
		}
		fmt.Fprintf(&b, "%-*s%s\n", indent, mark, hang(f.Claim, indent))
		fmt.Fprintf(&b, "%*s%s\n", indent, "", hang(f.Measured, indent))
	}
	return fmt.Sprintf("%s: %d of %d claims hold\n%s\n", e.Name, holding, len(findings), b.String())
}

func hang(text string, indent int) string {
	return strings.ReplaceAll(wrap(text, textWidth-indent), "\n", "\n"+strings.Repeat(" ", indent))
}

// wrap breaks text into lines of at most so many bytes, where it can.
func wrap(text string, width int) string {
	var b strings.Builder
	room := width
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
		case len(word) < room:
			b.WriteByte(' ')
			room--
		default:
			b.WriteByte('\n')
			room = width
		}
		b.WriteString(word)
		room -= len(word)
	}
	return b.String()
}

// folderValue is the name of a folder.
type folderValue struct{ p *string }

func (v folderValue) String() string { return *v.p }
func (v folderValue) Type() string   { return "FOLDER" }

func (v folderValue) Set(text string) error {
	if text == "" {
		return errors.New("allowed: the name of a folder, as in experiments or /tmp/x")
	}
	*v.p = text
	return nil
}

// blameExperimentFlag names the flag behind an *experiment.ParamError.
func blameExperimentFlag(err error) error {
	field := (*experiment.ParamError)(nil)
	if !errors.As(err, &field) {
		return err
	}
	return usagef("--%s: it is %d, allowed: %s", strings.ToLower(field.Field), field.Value,
		strings.ReplaceAll(field.Allowed, "Nodes", "--nodes"))
}
