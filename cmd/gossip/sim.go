package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/Ishan27gOrg/gossipProtocol/sim/overlay"
)

func newSim(con console) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sim",
		Short: "Simulate overlays and broadcasts",
		Long: `sim simulates networks with the very code that runs on sockets: overlay and
experiment the views of thousands to millions of nodes, in cycles, as the papers
on peer sampling do; broadcast and fuzz full nodes in virtual time, with every
promise checked. The same seed gives the same output, byte for byte, on any
number of cores.`,
		Example: `  gossip sim overlay --format table           # the papers' setting
  gossip sim overlay --help                   # all that can be changed
  gossip sim experiment list                  # what the papers measured
  gossip sim broadcast --kill 0.5             # half the nodes die at once
  gossip sim fuzz                             # a hundred random scenarios`,
		Args: knownVerb,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newSimOverlay(con), newSimExperiment(con), newSimBroadcast(con), newSimFuzz(con), newSimWatch(con))
	return cmd
}

// state is how far a simulation is: a cycle is over, and measured if it was to
// be.
type state struct {
	cycle int
	row   *overlay.Row
	err   error // it could not even begin
}

// simulate runs an overlay for some cycles and measures every so many, and the
// last. It does so aside, because a cycle of a million nodes or a measurement
// may take long: who reads the states can turn away at any moment, and cancels
// ctx to end what is no longer waited for. The channel is closed after the last.
func simulate(ctx context.Context, cfg overlay.Config, cycles, every int, s overlay.Sampling) <-chan state {
	states := make(chan state)
	go func() {
		defer close(states)
		send := func(now state) bool {
			select {
			case states <- now:
				return true
			case <-ctx.Done():
				return false
			}
		}
		o, err := overlay.New(cfg)
		if err != nil {
			send(state{err: err})
			return
		}
		for o.Cycle() < cycles && ctx.Err() == nil {
			o.Step()
			now := state{cycle: o.Cycle()}
			if now.cycle%every == 0 || now.cycle == cycles {
				row := o.Measure(s)
				now.row = &row
			}
			if !send(now) {
				return
			}
		}
	}()
	return states
}

// progress draws how far a simulation is, if it is drawn on a terminal.
type progress struct {
	*textReporter
	begun time.Time
	most  int
}

func newProgress(w io.Writer, cycles int) progress {
	return progress{newTextReporter(w), time.Now(), cycles}
}

func (p progress) at(cycle int) {
	left := time.Since(p.begun) / time.Duration(cycle) * time.Duration(p.most-cycle)
	p.redraw("%s cycle %d of %d, %v left", bar(cycle, p.most), cycle, p.most, left.Round(time.Second))
}

// rowFormats are the ways to print rows.
var rowFormats = []string{"csv", "json", "table"}

// rowPrinter prints rows in one of the rowFormats, each with one Write.
type rowPrinter struct {
	w      io.Writer
	format string
	err    error // the first in writing
}

const rowFormatsHelp = `csv begins with a line of column names; json is an object a line with the same
names. Both write the shortest numbers that are read back as the same. table is
for people: aligned and rounded.`

// tableHead and tableRow have the columns of the CSV file in 80 places.
const (
	tableHead = "" +
		"              in-degree:                                        largest     dead\n" +
		"cycle    nodes   mean      std     max clustering   path parts     part    links\n"
	tableRow = "%5d %8d %6.2f %8.2f %7d %10.4f %6.3f %5d %8d %8d\n"
)

// head prints what comes before the first row.
func (p *rowPrinter) head() {
	switch p.format {
	case "csv":
		p.print(overlay.Header + "\n")
	case "table":
		p.print(tableHead)
	}
}

func (p *rowPrinter) row(r overlay.Row) {
	switch p.format {
	case "csv":
		p.print(r.String() + "\n")
	case "json":
		b, err := json.Marshal(r)
		if err != nil {
			panic(err) // a row is plain, finite numbers
		}
		p.print(string(b) + "\n")
	case "table":
		p.print(fmt.Sprintf(tableRow, r.Cycle, r.Nodes, r.InDegreeMean, r.InDegreeStd, r.InDegreeMax,
			r.Clustering, r.PathLength, r.Components, r.LargestComponent, r.DeadLinks))
	}
}

func (p *rowPrinter) print(text string) {
	if _, err := io.WriteString(p.w, text); err != nil && p.err == nil {
		p.err = err
	}
}
