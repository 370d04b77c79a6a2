package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
	"github.com/Ishan27gOrg/gossipProtocol/sim/overlay"
)

// simulated runs gossip sim overlay with flags that must be right.
func simulated(t *testing.T, flags string) (stdout string) {
	t.Helper()
	var out, stderr bytes.Buffer
	args := append([]string{"sim", "overlay"}, strings.Fields(flags)...)
	if status := runContext(t.Context(), args, console{nil, &out, &stderr}); status != statusOK || stderr.Len() > 0 {
		t.Fatalf("gossip %q: status %d, stderr %q", args, status, stderr.String())
	}
	return out.String()
}

// column is one of a CSV file's, without its head.
func column(t *testing.T, file, name string) []float64 {
	t.Helper()
	records, err := csv.NewReader(strings.NewReader(file)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.Index(records[0], name)
	if i < 0 {
		t.Fatalf("there is no column %s in %q", name, records[0])
	}
	var xs []float64
	for _, r := range records[1:] {
		x, err := strconv.ParseFloat(r[i], 64)
		if err != nil {
			t.Fatal(err)
		}
		xs = append(xs, x)
	}
	return xs
}

// The names and their order are fixed: other programs read them.
func TestOverlayCSV(t *testing.T) {
	const head = "cycle,nodes,indegree_mean,indegree_std,indegree_max,clustering,path_length,components,largest_component,dead_links\n"
	out := simulated(t, "--nodes 100 --view 8 --cycles 3")
	if !strings.HasPrefix(out, head) {
		t.Errorf("got %q, want it to begin with %q", out, head)
	}
	if n := strings.Count(out, "\n"); n != 4 || !strings.HasSuffix(out, "\n") {
		t.Errorf("%d lines, want 4: %q", n, out)
	}
	if strings.ContainsAny(out[len(head):], "eE+NI ") {
		t.Errorf("there is more than plain numbers: %q", out)
	}
	if got := simulated(t, "--nodes 100 --cycles 0"); got != head {
		t.Errorf("without a cycle: %q, want the head alone", got)
	}
}

// A row has the state at the end of its cycle, so the first is that of cycle 1.
func TestOverlayRows(t *testing.T) {
	for flags, want := range map[string][]float64{
		"--cycles 3":             {1, 2, 3},
		"--cycles 7 --every 3":   {3, 6, 7},
		"--cycles 6 --every 3":   {3, 6},
		"--cycles 2 --every 100": {2},
		"--cycles 0 --every 3":   nil,
	} {
		if got := column(t, simulated(t, "--nodes 50 --view 8 "+flags), "cycle"); !slices.Equal(got, want) {
			t.Errorf("%s: rows of the cycles %v, want %v", flags, got, want)
		}
	}
}

func TestOverlayIsDecidedByItsSeed(t *testing.T) {
	const flags = "--nodes 1000 --view 10 --cycles 12 --kill 0.3@4 --churn 0.01 --sample-paths 100 --sample-clustering 100 --seed "
	before := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(before)
	alone := simulated(t, flags+"7")
	runtime.GOMAXPROCS(2)
	if both := simulated(t, flags+"7"); both != alone {
		t.Errorf("on two cores:\n%s\non one:\n%s", both, alone)
	}
	if other := simulated(t, flags+"8"); other == alone {
		t.Error("another seed makes no difference")
	}
}

// Message by message the columns are the same, and so is the run of a seed; what
// the message flags say makes a difference.
func TestOverlayMessageByMessage(t *testing.T) {
	const flags = "--nodes 300 --view 10 --cycles 30 --every 10 --churn 0.01 --policy cyclon --model "
	seen := map[string]string{}
	for _, model := range []string{
		"cycles", "bare", "bare --latency 0.5", "bare --loss 0.2", "deployed", "deployed --latency 0.5", "deployed --loss 0.2", "forgetful",
	} {
		out := simulated(t, flags+model)
		if got := column(t, out, "cycle"); !slices.Equal(got, []float64{10, 20, 30}) {
			t.Errorf("%s: rows of the cycles %v", model, got)
		}
		if other, taken := seen[out]; taken {
			t.Errorf("%s is the same as %s", model, other)
		}
		seen[out] = model
		if simulated(t, flags+model) != out {
			t.Errorf("%s: another run with the same seed is another", model)
		}
	}
}

func TestOverlayFormatsAgree(t *testing.T) {
	const flags = "--nodes 300 --view 9 --cycles 6 --kill 0.4@3 --format "
	file := simulated(t, flags+"csv")
	table := strings.Split(strings.TrimSuffix(simulated(t, flags+"table"), "\n"), "\n")
	lines := strings.Split(strings.TrimSuffix(simulated(t, flags+"json"), "\n"), "\n")
	if len(lines) != 6 || len(table) != 2+6 {
		t.Fatalf("%d objects and %d lines of a table, want 6 and 8", len(lines), len(table))
	}
	for i, line := range lines {
		var object map[string]float64
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		cells := strings.Fields(table[2+i])
		names := strings.Split(overlay.Header, ",")
		if len(object) != len(names) || len(cells) != len(names) {
			t.Errorf("%d members and %d cells, want %d: %q, %q", len(object), len(cells), len(names), line, table[2+i])
			continue
		}
		for k, name := range names {
			got, found := object[name]
			want := column(t, file, name)[i]
			if !found || got != want {
				t.Errorf("%s of row %d is %v (%v) in JSON, %v in CSV", name, i, got, found, want)
			}
			_, decimals, _ := strings.Cut(cells[k], ".")
			if rounded := strconv.FormatFloat(want, 'f', len(decimals), 64); cells[k] != rounded {
				t.Errorf("%s of row %d is %s in the table, want %s", name, i, cells[k], rounded)
			}
		}
	}
	for _, line := range table {
		if len(line) > 80 {
			t.Errorf("%d columns: %q", len(line), line)
		}
	}
}

func TestOverlayGrows(t *testing.T) {
	out := simulated(t, "--init growing --nodes 1000 --view 10 --cycles 12")
	if got, want := column(t, out, "nodes"), []float64{101, 201, 301, 401, 501, 601, 701, 801, 901, 1000, 1000, 1000}; !slices.Equal(got, want) {
		t.Errorf("nodes %v, want %v", got, want)
	}
	out = simulated(t, "--init growing --grow 40 --nodes 100 --view 10 --cycles 4")
	if got, want := column(t, out, "nodes"), []float64{41, 81, 100, 100}; !slices.Equal(got, want) {
		t.Errorf("nodes %v, want %v", got, want)
	}
}

// TOCS 2007, section 6.2: after half of the nodes died, a healer forgets them
// within cycles.
func TestOverlayKills(t *testing.T) {
	out := simulated(t, "--nodes 1000 --healing 15 --cycles 16 --kill 0.5@5 --kill 0.1@7")
	if got, want := column(t, out, "nodes")[3:7], []float64{1000, 500, 500, 450}; !slices.Equal(got, want) {
		t.Errorf("nodes %v from cycle 4 on, want %v", got, want)
	}
	dead := column(t, out, "dead_links")
	if dead[3] != 0 || dead[4] < 500*30/4 || dead[15] != 0 {
		t.Errorf("dead links %v, want them from cycle 5 on, and none in the end", dead)
	}
	if list := simulated(t, "--nodes 1000 --healing 15 --cycles 16 --kill 0.5@5,0.1@7"); list != out {
		t.Error("a list of removals is not the same as one by one")
	}
}

func TestOverlayChurns(t *testing.T) {
	for _, drop := range []string{"", " --drop-dead"} {
		out := simulated(t, "--nodes 500 --view 10 --cycles 10 --churn 0.05"+drop)
		nodes, dead := column(t, out, "nodes"), column(t, out, "dead_links")
		if slices.Min(nodes) != 500 || slices.Max(nodes) != 500 || slices.Min(dead) == 0 {
			t.Errorf("nodes %v, dead links %v; want always 500, and never none", nodes, dead)
		}
	}
}

// Without --policy it is the flags that say all; with it they say what differs.
func TestOverlayPolicies(t *testing.T) {
	for flags, want := range map[string]string{
		"":                                    "(rand,pushpull,H=0,S=0,c=30)",
		"--view 20 --healing 3 --swap 5":      "(rand,pushpull,H=3,S=5,c=20)",
		"--select tail --propagate push":      "(tail,push,H=0,S=0,c=30)",
		"--view-select head":                  "(rand,head,pushpull,c=30)",
		"--view-select rand --healing 0":      "(rand,rand,pushpull,c=30)",
		"--view-select head --literal-hops":   "(rand,head,pushpull,literal hops,c=30)",
		"--policy healer --view 16":           "(tail,pushpull,H=8,S=0,c=16)",
		"--policy swapper --select rand":      "(rand,pushpull,H=0,S=15,c=30)",
		"--policy healer --healing 1":         "(tail,pushpull,H=1,S=0,c=30)",
		"--policy cyclon":                     "(tail,pushpull,shuffle=8,c=30)",
		"--policy cyclon --view-select tail":  "(tail,tail,pushpull,c=30)",
		"--policy lpbcast --propagate pull":   "(rand,rand,pull,c=30)",
		"--policy newscast --view-select age": "(rand,pushpull,H=0,S=0,c=30)",
	} {
		cfg, _ := readOverlayFlags(t, flags)
		if got := cfg.Policy.String(); got != want || cfg.Validate() != nil {
			t.Errorf("%s: the policy is %s (%v), want %s", flags, got, cfg.Validate(), want)
		}
	}
}

func TestOverlaySamples(t *testing.T) {
	for flags, want := range map[string]overlay.Sampling{
		"--nodes 2000":                        {},
		"--nodes 2001":                        {Paths: 512},
		"":                                    {Paths: 512},
		"--sample-paths 0":                    {},
		"--nodes 10001":                       {Clustering: 1000, Paths: 512},
		"--nodes 1000000":                     {Clustering: 1000, Paths: 64},
		"--nodes 1000000 --sample-paths 5":    {Clustering: 1000, Paths: 5},
		"--nodes 20001 --sample-clustering 0": {Paths: 64},
	} {
		if _, got := readOverlayFlags(t, flags); got != want {
			t.Errorf("%s: %+v, want %+v", flags, got, want)
		}
	}
}

// readOverlayFlags returns what flags mean.
func readOverlayFlags(t *testing.T, flags string) (overlay.Config, overlay.Sampling) {
	t.Helper()
	var f overlayFlags
	given := newGroup("all")
	for _, g := range f.groups() {
		given.AddFlagSet(g.FlagSet)
	}
	if err := given.Parse(strings.Fields(flags)); err != nil {
		t.Fatal(err)
	}
	return f.config(given.FlagSet), f.sampling(given.FlagSet)
}

// An error of the simulator names a flag, whichever field it is about.
func TestEveryOverlayFieldHasItsFlag(t *testing.T) {
	good := overlay.Config{Nodes: 10, Policy: peersampling.Blind(4)}
	for flag, spoil := range map[string]func(*overlay.Config){
		"nodes":       func(c *overlay.Config) { c.Nodes = 1 },
		"init":        func(c *overlay.Config) { c.Start = 99 },
		"churn":       func(c *overlay.Config) { c.Churn = 1 },
		"grow":        func(c *overlay.Config) { c.GrowPerCycle = -1 },
		"kill":        func(c *overlay.Config) { c.Kill = []overlay.Kill{{Fraction: 0.5, Cycle: 1}, {Fraction: 1, Cycle: 1}} },
		"view":        func(c *overlay.Config) { c.Policy.C = 1 },
		"swap":        func(c *overlay.Config) { c.Policy.S = 3 },
		"view-select": func(c *overlay.Config) { c.Policy.View = 99 },
	} {
		cfg := good
		spoil(&cfg)
		err := blameFlag(cfg.Validate())
		misuse := (*usageError)(nil)
		if !errors.As(err, &misuse) || !strings.HasPrefix(err.Error(), "--"+flag+": it is ") || !strings.Contains(err.Error(), ", allowed: ") {
			t.Errorf("got %v, want it to name --%s and what is allowed", err, flag)
		}
	}
}

// Who interrupts a long run keeps what there is.
func TestOverlayInterrupted(t *testing.T) {
	p := launch(t, nil, "sim", "overlay", "--nodes", "1000", "--cycles", "2000000000", "--every", "2")
	p.next(p.stdout) // the head
	row := p.next(p.stdout)
	if !strings.HasPrefix(row, "2,1000,30,") {
		t.Errorf("the first row is %q", row)
	}
	p.interrupt()
	if status := p.wait(); status != statusFailed {
		t.Errorf("status %d", status)
	}
	for line := range strings.Lines(p.stdout.rest()) {
		if n := strings.Count(line, ","); n != 9 {
			t.Errorf("%d commas in the row %q", n, line)
		}
	}
	if got := p.stderr.rest(); !strings.HasPrefix(got, "gossip sim overlay: interrupted after cycle ") || !strings.HasSuffix(got, " of 2000000000\n") {
		t.Errorf("stderr %q does not say how far it was", got)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, stderr bytes.Buffer
	status := runContext(ctx, []string{"sim", "overlay", "--nodes", "50"}, console{nil, &out, &stderr})
	if status != statusFailed || out.String() != overlay.Header+"\n" || !strings.Contains(stderr.String(), "after cycle 0 of 300") {
		t.Errorf("interrupted from the start: status %d, stdout %q, stderr %q", status, out.String(), stderr.String())
	}
}

func TestOverlayToAClosedPipe(t *testing.T) {
	var stderr bytes.Buffer
	status := runContext(t.Context(), []string{"sim", "overlay", "--nodes", "50", "--cycles", "2000000000"}, console{nil, closedPipe{}, &stderr})
	if status != statusFailed || stderr.String() != "gossip sim overlay: the pipe is closed\n" {
		t.Errorf("status %d, stderr %q", status, stderr.String())
	}
}

type closedPipe struct{}

func (closedPipe) Write([]byte) (int, error) { return 0, errors.New("the pipe is closed") }

// The progress is drawn on a terminal, and is gone when a row is printed.
func TestOverlayProgress(t *testing.T) {
	var out strings.Builder
	begun := time.Now().Add(-10 * time.Second)
	p := progress{&textReporter{w: &out, live: true, width: 80}, begun, 300}
	p.at(150)
	p.clear()
	if want := "[########........] cycle 150 of 300, 10s left\r\x1b[K"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
	out.Reset()
	if p = newProgress(&out, 300); p.live {
		t.Error("a file is taken for a terminal")
	}
	p.at(150)
	if out.Len() > 0 {
		t.Errorf("got %q where there is no terminal", out.String())
	}
}
