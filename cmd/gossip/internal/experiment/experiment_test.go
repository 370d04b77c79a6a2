package experiment

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
)

// small is a scale at which the claims can be told in seconds, by experiment. The
// papers' is a hundred times as much work.
var small = map[string]Params{
	"convergence":          {Nodes: 400, View: 16, Cycles: 40, Runs: 1, Seed: 1},
	"degree-distribution":  {Nodes: 500, View: 20, Cycles: 75, Runs: 1, Seed: 1},
	"partitioning":         {Nodes: 1000, View: 14, Cycles: 100, Runs: 2, Seed: 1},
	"degree-over-time":     {Nodes: 400, View: 16, Cycles: 180, Runs: 1, Seed: 1},
	"catastrophic-failure": {Nodes: 1000, View: 20, Cycles: 40, Runs: 40, Seed: 1},
	"self-healing":         {Nodes: 600, View: 20, Cycles: 60, Runs: 1, Seed: 1},
	"churn":                {Nodes: 400, View: 20, Cycles: 75, Runs: 1, Seed: 1},
	"drop-dead":            {Nodes: 500, View: 20, Cycles: 45, Runs: 1, Seed: 1},
	"peer-selection":       {Nodes: 400, View: 14, Cycles: 100, Runs: 1, Seed: 1},
	"local-randomness":     {Nodes: 1000, View: 16, Cycles: 45, Runs: 1, Seed: 1},
	"concurrency":          {Nodes: 400, View: 16, Cycles: 60, Runs: 1, Seed: 1},
	"pace":                 {Nodes: 1000, View: 14, Cycles: 120, Runs: 1, Seed: 1},
	"attack":               {Nodes: 4000, View: 16, Cycles: 180, Runs: 1, Seed: 1},
	"steady":               {Nodes: 300, View: 20, Cycles: 500, Runs: 1, Seed: 1}, // the mean of a hundred messages
	"recovery":             {Nodes: 300, View: 20, Cycles: 200, Runs: 1, Seed: 2}, // with 1 all whom the sender is linked to are among the half that dies
	"partition":            {Nodes: 500, View: 16, Cycles: 60, Runs: 1, Seed: 1},
	"metadata":             {Nodes: 500, View: 16, Cycles: 40, Runs: 1, Seed: 1},
}

// notHere are the claims that do not hold, neither at the small scale nor at the
// papers' own; the beginning of each, and why.
var notHere = map[string]string{
	"The swapper forgets linearly":                                        "it slows down as it goes: half of what is left takes as long as half of all",
	"So it is with blind selection, and with rand view selection in 2004": "it drifts for longer than the average is taken over",
	"There is a configuration with Cyclon's balance (a deviation below 2) that heals in fewer than 10 periods, with exchanges that overlap, loss and churn": "what forgets soon prefers the young, and what is even moves descriptors without regard to age",
	"Head peer selection, (head,*,*), clusters severely, even from the random start":                                                                        "with head view selection it does not: partners keep what they have",
}

// notHereAtScale are those that do not hold at the papers' own scale, and may at the
// small one.
var notHereAtScale = map[string]string{
	"So it is where one datagram in ten is lost": "who takes a live peer for dead and finds it again bridges to it, at the cost of another link; the tree is mended, and gets deeper each time",
	"So they are over the tree":                  "what is late is asked for, and may overtake what it depends on",
}

// carriedOut are the results at the small scale, each made once.
var carriedOut = func() map[string]func() (*Result, error) {
	results := map[string]func() (*Result, error){}
	for _, e := range All {
		results[e.Name] = sync.OnceValues(func() (*Result, error) { return e.Run(context.Background(), small[e.Name], nil) })
	}
	return results
}()

// some are the experiments to look at: all, but in a short run.
func some() []*Experiment {
	if testing.Short() {
		return []*Experiment{selfHealing}
	}
	return All
}

// each runs a test on the results of some experiments.
func each(t *testing.T, test func(t *testing.T, e *Experiment, r *Result)) {
	for _, e := range some() {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			r, err := carriedOut[e.Name]()
			if err != nil {
				t.Fatal(err)
			}
			test(t, e, r)
		})
	}
}

// What the papers claim, held against our own simulator. Each finding cites its
// section.
func TestClaimsOfThePapers(t *testing.T) {
	each(t, func(t *testing.T, e *Experiment, r *Result) {
		for _, f := range r.Findings {
			_, exempt := notHere[f.Claim]
			_, either := notHereAtScale[f.Claim]
			if f.Holds == exempt && !either {
				t.Errorf("%s\n%s\nholds: %v, want %v (%s)", f.Claim, f.Measured, f.Holds, !exempt, f.Section)
			}
			if f.Claim == "" || f.Measured == "" || f.Section == "" || strings.Contains(f.Measured, "NaN") {
				t.Errorf("a finding lacks something: %+v", f)
			}
		}
	})
}

// A claim that holds whatever was measured would say nothing: for every one that
// holds there is a lie about the data with which it does not.
func TestEveryClaimCanFail(t *testing.T) {
	lies := map[string]func(*Table){
		"healer and swapper are each other":  exchange("healer", "swapper"),
		"blind and swapper are each other":   exchange("blind", "swapper"),
		"push and pushpull are each other":   exchange(",push)", ",pushpull)"),
		"pull and pushpull are each other":   exchange(",pull)", ",pushpull)"),
		"tail and rand are each other":       exchange("(tail", "(rand"),
		"head and rand are each other":       exchange(",head,", ",rand,"),
		"head and rand peers, each other":    exchange("(head", "(rand"),
		"tail and rand views are each other": exchange(",tail,", ",rand,"),
		"literal hops and not":               exchange("(rand,head,pushpull) literal hops", "(rand,head,pushpull)"),
		"the random graph is blind":          exchange(randomGraph, "(rand,blind,pushpull)"),
		"growing and random, each other":     exchange("growing", "random"),
		"lattice and random, each other":     exchange("lattice", "random"),
		"dropped and kept, each other":       exchange("dropped", "kept"),
		"all is the same":                    changeNumbers(func(x float64) float64 { return 1 }),
		"there is nothing":                   changeNumbers(func(x float64) float64 { return 0 }),
		"large is small":                     changeNumbers(func(x float64) float64 { return 1 / (x + 1e-3) }),
		"all is more":                        changeNumbers(func(x float64) float64 { return 1000 * x }),
		"what was last was first":            func(t *Table) { slices.Reverse(t.Rows) },
	}
	each(t, func(t *testing.T, e *Experiment, r *Result) {
		failed := map[string]bool{}
		for _, lie := range lies {
			for _, f := range e.judge(small[e.Name], told(lie, r.Tables)) {
				failed[f.Claim] = failed[f.Claim] || !f.Holds
			}
		}
		for _, f := range r.Findings {
			if !failed[f.Claim] {
				t.Errorf("cannot fail: %s", f.Claim)
			}
		}
	})
}

// told are the tables as a lie has them.
func told(lie func(*Table), tables Tables) (changed Tables) {
	for _, t := range tables {
		c := *t
		c.Rows = nil
		for _, row := range t.Rows {
			c.Rows = append(c.Rows, slices.Clone(row))
		}
		lie(&c)
		changed = append(changed, &c)
	}
	return changed
}

// exchange lets two parts of names change places.
func exchange(a, b string) func(*Table) {
	names := strings.NewReplacer(a, b, b, a)
	return func(t *Table) {
		for _, row := range t.Rows {
			for i, cell := range row {
				if word, is := cell.(string); is {
					row[i] = names.Replace(word)
				}
			}
		}
	}
}

// changeNumbers changes what was measured: floats, and whole numbers that are not
// what a row is about.
func changeNumbers(change func(float64) float64) func(*Table) {
	given := []string{"cycle", "cycle_after", "lag", "removed_percent", "churn_percent", "h", "s", "indegree", "nodes", "runs", "every", "node", "streams", "attackers",
		"message", "second", "killed_percent", "rate"}
	return func(t *Table) {
		for _, row := range t.Rows {
			for i, cell := range row {
				if slices.Contains(given, t.Columns[i]) {
					continue
				}
				switch x := cell.(type) {
				case float64:
					row[i] = change(x)
				case int:
					row[i] = change(float64(x))
				}
			}
		}
	}
}

// What is drawn is there and can be: as many xs as ys, a name for each curve,
// and no two curves in a panel that look alike.
func TestFigures(t *testing.T) {
	each(t, func(t *testing.T, e *Experiment, r *Result) {
		if len(r.Figures) == 0 {
			t.Error("no figure")
		}
		for _, f := range r.Figures {
			if f.Name == "" || f.Caption == "" || len(f.Panels) == 0 {
				t.Errorf("figure %+v lacks something", f)
			}
			for _, p := range f.Panels {
				looks := map[Style]string{}
				points := 0
				for _, s := range p.Series {
					points += len(s.X)
					if len(s.X) != len(s.Y) || s.Name == "" {
						t.Errorf("%s, %s: series %q has %d xs and %d ys", f.Name, p.Title, s.Name, len(s.X), len(s.Y))
					}
					if other, taken := looks[s.Style]; taken && other != s.Name {
						t.Errorf("%s, %s: %s looks like %s", f.Name, p.Title, s.Name, other)
					}
					looks[s.Style] = s.Name
				}
				if points == 0 || p.X.Label == "" || p.Y.Label == "" {
					t.Errorf("%s: panel %q has %d points; axes %q and %q", f.Name, p.Title, points, p.X.Label, p.Y.Label)
				}
			}
		}
	})
}

// Tables and figures are files: their names must differ.
func TestNames(t *testing.T) {
	seen := map[string]bool{"list": true, "all": true}
	for _, e := range All {
		if seen[e.Name] || Named(e.Name) != e {
			t.Errorf("the name %q is taken", e.Name)
		}
		seen[e.Name] = true
		if e.Title == "" || e.Source == "" || e.Question == "" || e.PaperFound == "" || e.Setting == "" {
			t.Errorf("%s does not say what it is about", e.Name)
		}
		if err := e.Defaults().Validate(); err != nil {
			t.Errorf("%s: %v", e.Name, err)
		}
	}
	if Named("nothing") != nil {
		t.Error("there is an experiment named nothing")
	}
	each(t, func(t *testing.T, e *Experiment, r *Result) {
		files := map[string]bool{}
		for _, table := range r.Tables {
			files[table.Name+".csv"] = true
			if table.Title == "" || len(table.Rows) == 0 {
				t.Errorf("table %s has no title or no rows", table.Name)
			}
		}
		for _, f := range r.Figures {
			files[f.Name+".svg"] = true
		}
		if len(files) != len(r.Tables)+len(r.Figures) {
			t.Errorf("two of a name: %v", files)
		}
	})
}

// The progress ends where it said it would, and never goes back.
func TestProgress(t *testing.T) {
	p := Params{Nodes: 100, View: 6, Cycles: 10, Runs: 2, Seed: 3, Cores: 2}
	for _, e := range some() {
		before, total := 0, 0
		if _, err := e.Run(t.Context(), p, func(done, of int) {
			if done != before+1 || done > of {
				t.Errorf("%s: %d of %d after %d", e.Name, done, of, before)
			}
			before, total = done, of
		}); err != nil {
			t.Fatal(e.Name, err)
		}
		if before != total || total == 0 {
			t.Errorf("%s: ended at %d of %d", e.Name, before, total)
		}
	}
}

// More runs of an experiment of single runs give means; what is one node's stays
// one's.
func TestMeansOverRuns(t *testing.T) {
	p := Params{Nodes: 120, View: 8, Cycles: 20, Runs: 1, Seed: 5}
	measured := func(seed uint64, runs int) Tables {
		p.Seed, p.Runs = seed, runs
		r, err := degreeOverTime.Run(t.Context(), p, nil)
		if err != nil {
			t.Fatal(err)
		}
		return r.Tables
	}
	a, b, both := measured(5, 1), measured(6, 1), measured(5, 2)
	for i := range a {
		for r, row := range both[i].Rows {
			for c, cell := range row {
				x, y := a[i].Rows[r][c], b[i].Rows[r][c]
				want := x
				if x != y && !a[i].Single {
					want = (number(x) + number(y)) / 2
				}
				if cell != want {
					t.Fatalf("%s, row %d, %s: %v of %v and %v", a[i].Name, r, a[i].Columns[c], cell, x, y)
				}
			}
		}
	}
}

func TestInterrupted(t *testing.T) {
	for _, e := range All {
		ctx, cancel := context.WithCancel(t.Context())
		calls := 0
		r, err := e.Run(ctx, Params{Nodes: 100, View: 8, Cycles: 1000, Runs: 2, Seed: 1, Cores: 2}, func(int, int) {
			if calls++; calls == 3 {
				cancel()
			}
		})
		cancel()
		if !errors.Is(err, context.Canceled) || r != nil || calls > 8 {
			t.Errorf("%s: %v, %v after %d cycles", e.Name, r, err, calls)
		}
	}
}

func TestParams(t *testing.T) {
	good := Params{Nodes: 100, View: 4, Cycles: 10, Runs: 1}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for want, spoil := range map[string]func(*Params){
		"Params.Nodes is 99, allowed: 100 to 1048576": func(p *Params) { p.Nodes = 99 },
		"Params.View is 3, allowed: 4 to 1000":        func(p *Params) { p.View = 3 },
		"Params.View is 50, allowed: 4 to 49 ":        func(p *Params) { p.View = 50 },
		"Params.Cycles is 9, allowed: 10 to 100000":   func(p *Params) { p.Cycles = 9 },
		"Params.Runs is 0, allowed: 1 to 10000":       func(p *Params) { p.Runs = 0 },
	} {
		p := good
		spoil(&p)
		_, err := All[0].Run(t.Context(), p, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", p, err, want)
		}
	}
}

// Both papers: r(k) = sum (d_j - m)(d_j+k - m) / sum (d_j - m)^2.
func TestAutocorrelation(t *testing.T) {
	for _, test := range []struct {
		series, want []float64
	}{
		{[]float64{1, 2, 3, 4, 5}, []float64{1, 0.4, -0.1}},
		{[]float64{1, -1, 1, -1}, []float64{1, -0.75, 0.5}},
		{[]float64{7, 7, 7, 7}, []float64{1, 0, 0}},
	} {
		for lag, r := range autocorrelation(test.series, 2) {
			if math.Abs(r-test.want[lag]) > 1e-12 {
				t.Errorf("%v: lag %d is %v, want %v", test.series, lag, r, test.want[lag])
			}
		}
	}
	if got := decorrelated([]float64{1, 0.5, 0.05, 0.2}); got != 2 {
		t.Errorf("below 0.1 from lag %d, want 2", got)
	}
}

// A line takes half as long for the second half, an exponential as long.
func TestHalfWay(t *testing.T) {
	var line, exponential []float64
	for i := 1; i <= 100; i++ {
		line = append(line, 15-15*float64(i)/100)
		exponential = append(exponential, 15*math.Pow(0.5, float64(i)/10))
	}
	for _, test := range []struct {
		dead []float64
		want [3]float64
	}{{line, [3]float64{50, 25, 12.5}}, {exponential, [3]float64{10, 10, 10}}} {
		first, second, third := halfWay(test.dead, 15)
		for i, got := range []float64{first, second, third} {
			if math.Abs(got-test.want[i]) > 0.01 {
				t.Errorf("part %d takes %v cycles, want %v", i, got, test.want[i])
			}
		}
	}
	if first, second, _ := halfWay([]float64{14, 9, 7}, 15); first < 2 || first > 3 || !math.IsInf(second, 1) {
		t.Errorf("%v and %v cycles, want 2.75 and for ever", first, second)
	}
}

// The corners of the space are in it: blind, swapper and healer.
func TestHalvings(t *testing.T) {
	for _, c := range []int{4, 7, 14, 30, 31} {
		list := halvings(c)
		for _, corner := range []halving{{0, 0}, {0, c / 2}, {c / 2, 0}} {
			if n := len(slices.DeleteFunc(slices.Clone(list), func(x halving) bool { return x != corner })); n != 1 {
				t.Errorf("c = %d: H = %d, S = %d is there %d times", c, corner.h, corner.s, n)
			}
		}
		for _, x := range list {
			if x.h+x.s > c/2 {
				t.Errorf("c = %d: H = %d, S = %d", c, x.h, x.s)
			}
		}
	}
}

func TestSampled(t *testing.T) {
	at := sampled(300)
	for _, c := range []int{1, 2, 5, 8, 300} {
		if !at[c] {
			t.Errorf("cycle %d is not measured", c)
		}
	}
	if len(at) < 30 || len(at) > 60 {
		t.Errorf("%d of 300 cycles are measured", len(at))
	}
	if at := sampled(1); len(at) != 1 || !at[1] {
		t.Errorf("of one cycle, %v", at)
	}
}

// Further runs are averaged, or known to the experiment: words stay words, and no
// row gets lost.
func TestFurtherRuns(t *testing.T) {
	for _, e := range some() {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			p := Params{Nodes: 120, View: 8, Cycles: 12, Runs: 1, Seed: 1}
			single, err := e.Run(t.Context(), p, nil)
			if err != nil {
				t.Fatal(err)
			}
			p.Runs = 3
			more, err := e.Run(t.Context(), p, nil)
			if err != nil {
				t.Fatal(err)
			}
			for i, table := range more.Tables {
				if len(table.Rows) < len(single.Tables[i].Rows) {
					t.Errorf("%s has %d rows, of one run %d", table.Name, len(table.Rows), len(single.Tables[i].Rows))
				}
				for _, row := range table.Rows {
					for c, cell := range row {
						_, word := cell.(string)
						if _, wasWord := table.Rows[0][c].(string); word != wasWord {
							t.Fatalf("%s: %v in column %s", table.Name, cell, table.Columns[c])
						}
					}
				}
			}
		})
	}
}

// An experiment on a part of the nodes cannot have views of nearly all of them.
func TestViewsArePartial(t *testing.T) {
	p := Params{Nodes: 1000, View: 200, Cycles: 20, Runs: 1, Seed: 1}
	if err := selfHealing.Validate(p); err != nil {
		t.Error(err)
	}
	var field *ParamError
	if err := attack.Validate(p); !errors.As(err, &field) || field.Field != "View" || !strings.Contains(field.Allowed, "4 to 49") {
		t.Errorf("%v, want one that names View and 4 to 49", err)
	}
}
