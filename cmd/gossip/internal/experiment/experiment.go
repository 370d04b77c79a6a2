// Package experiment repeats the experiments of the two papers on peer
// sampling, with the simulator of package overlay:
//
//	TOCS 2007         Jelasity, Voulgaris, Guerraoui, Kermarrec, van Steen:
//	                  Gossip-based Peer Sampling. ACM TOCS 25(3).
//	Middleware 2004   Jelasity, Guerraoui, Kermarrec, van Steen:
//	                  The Peer Sampling Service.
//
// and some of those on links and broadcast, with whole nodes in the event-driven
// simulator of package sim:
//
//	DSN 2007          Leitão, Pereira, Rodrigues: HyParView.
//	SRDS 2007         Leitão, Pereira, Rodrigues: Epidemic Broadcast Trees (Plumtree).
//
// An [Experiment] takes a handful of numbers and returns data: tables, figures
// (which package plot draws) and findings. A [Finding] is a claim of a paper
// that was held against the tables just made, by code; one that does not hold is
// reported like any other.
//
// To add an experiment, write a file that declares it, add it to [All], and give
// it a small scale in the test, where its claims are then held too. Nothing else
// knows them by name: not the command, nor the page.
//
// The same [Params] give the same data, to the bit, on any number of cores: runs
// share nothing, each is decided by its own seed, and what they return is put
// together in their order. Run r of a setting has the seed Params.Seed + r, as
// in gossip sim overlay, so that any one can be looked at alone.
package experiment

import (
	"context"
	"fmt"
)

// Experiment is a question that a paper asked, and a way to ask it again.
type Experiment struct {
	Name       string // of the command, and how its files begin
	Title      string //
	Source     string // the paper and the section
	Question   string // in a sentence
	PaperFound string // in a few
	Setting    string // what is done here, and where it differs from the paper
	Runs       int    // runs of each setting by default, which are its own business; 0 means one, and that Run takes means over more

	scale func(nodes int) int                   // how many of Params.Nodes it takes; nil: all
	run   func(l *lab) (Tables, error)          // carries it out
	total func(p Params) int                    // cycles that it will take, for the progress
	judge func(p Params, data Tables) []Finding // holds the claims against the data
	draw  func(p Params, data Tables) []Figure  // says what to draw of it
}

// Params are what a run of an experiment is decided by.
type Params struct {
	Nodes  int    `json:"nodes"`
	View   int    `json:"view"`   // the view size c
	Cycles int    `json:"cycles"` // until an overlay counts as converged; of broadcast, see its settings
	Runs   int    `json:"runs"`   // of each setting, with seeds of their own
	Seed   uint64 `json:"seed"`

	// Cores is how many runs go on at the same time: 0 means all that Go may
	// use (GOMAXPROCS). It makes no difference to the data.
	Cores int `json:"-"`
}

// Defaults are the papers' parameters (TOCS 2007, section 4; Middleware 2004,
// section 4): 10,000 nodes with views of 30, for 300 cycles.
func (e *Experiment) Defaults() Params {
	return Params{Nodes: 10_000, View: 30, Cycles: 300, Runs: max(e.Runs, 1), Seed: 1}
}

// The least and the most of what Params allow. Fewer nodes, or shorter runs, say
// nothing about any claim; the upper limits are guesses at what anybody would
// wait for.
const (
	MinNodes, MaxNodes   = 100, 1 << 20
	MinView, MaxView     = 4, 1000
	MinCycles, MaxCycles = 10, 100_000
	MinRuns, MaxRuns     = 1, 10_000
)

// ParamError tells which of the Params cannot be.
type ParamError struct {
	Field   string // "View"
	Value   int
	Allowed string // "4 to 99 (fewer than Nodes)"
}

func (e *ParamError) Error() string {
	return fmt.Sprintf("experiment: Params.%s is %d, allowed: %s", e.Field, e.Value, e.Allowed)
}

// Validate returns nil, or a *ParamError that names the first field found wrong.
func (p Params) Validate() error {
	for _, x := range []struct {
		field              string
		value, least, most int
	}{
		{"Nodes", p.Nodes, MinNodes, MaxNodes},
		{"View", p.View, MinView, MaxView},
		{"Cycles", p.Cycles, MinCycles, MaxCycles},
		{"Runs", p.Runs, MinRuns, MaxRuns},
	} {
		if x.value < x.least || x.value > x.most {
			return &ParamError{x.field, x.value, fmt.Sprintf("%d to %d", x.least, x.most)}
		}
	}
	if p.View >= p.Nodes/2 {
		return &ParamError{"View", p.View, fmt.Sprintf("%d to %d (less than half of Nodes: a view is partial)", MinView, p.Nodes/2-1)}
	}
	return nil
}

// Validate returns nil, or a *ParamError: Params.Validate's, or that the view is
// not a partial one of the overlays of this experiment, if they are smaller.
func (e *Experiment) Validate(p Params) error {
	if err := p.Validate(); err != nil || e.scale == nil {
		return err
	}
	if n := e.scale(p.Nodes); p.View >= n/2 {
		return &ParamError{"View", p.View, fmt.Sprintf("%d to %d for %s (less than half of its %d nodes)", MinView, n/2-1, e.Name, n)}
	}
	return nil
}

// Progress is told how many of all cycles are over. It is called from several
// goroutines, one at a time.
type Progress func(done, total int)

// Result is what came of an experiment.
type Result struct {
	Tables   Tables    `json:"tables"`
	Figures  []Figure  `json:"figures"`
	Findings []Finding `json:"findings"`
}

// Finding is a claim of a paper, held against what was measured here.
type Finding struct {
	Claim    string `json:"claim"`
	Section  string `json:"section"`  // where the paper makes it
	Measured string `json:"measured"` // the numbers that decide
	Holds    bool   `json:"holds"`
}

// Run carries the experiment out. It ends soon after ctx does, within a cycle,
// with ctx's error.
func (e *Experiment) Run(ctx context.Context, p Params, told Progress) (*Result, error) {
	if err := e.Validate(p); err != nil {
		return nil, err
	}
	data, err := e.measure(ctx, p, told)
	if err != nil {
		return nil, err
	}
	return &Result{Tables: data, Figures: e.draw(p, data), Findings: e.judge(p, data)}, nil
}

// measure carries the experiment out, more than once if it knows but single runs
// and more are asked for.
func (e *Experiment) measure(ctx context.Context, p Params, told Progress) (Tables, error) {
	if e.Runs > 0 || p.Runs == 1 {
		return e.run(newLab(ctx, p, told, e.total(p)))
	}
	single := p
	single.Runs = 1
	l := newLab(ctx, single, told, p.Runs*e.total(single))
	var runs []Tables
	for range p.Runs {
		data, err := e.run(l)
		if err != nil {
			return nil, err
		}
		runs = append(runs, data)
		l.Seed++
	}
	return means(runs), nil
}

// Named returns the experiment of that name, nil if there is none.
func Named(name string) *Experiment {
	for _, e := range All {
		if e.Name == name {
			return e
		}
	}
	return nil
}
