package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"
)

// A plan is what is to be measured, and how long that may take.
type plan struct {
	systems  []System
	measures []measure
	nodes    []int
	first    int // the number of the first run
	runs     int
	budget   time.Duration
	limit    time.Duration // of one cell
	cell     cell          // what all cells have in common
	profiles string        // a directory, or nothing
	log      io.Writer
}

// run measures everything once, then a second time and so on, until all runs are made
// or the budget is used up. Each cell has a process of its own.
func (p *plan) run(report func(Result)) error {
	began := time.Now()
	for run := p.first; run < p.first+p.runs; run++ {
		cells := p.cells(run)
		for i, c := range cells {
			if p.budget > 0 && time.Since(began) > p.budget {
				fmt.Fprintf(p.log, "bench: the budget of %v is used up in run %d, at %d of %d\n", p.budget, run, i, len(cells))
				return nil
			}
			at := time.Now()
			err := p.measure(c, report)
			fmt.Fprintf(p.log, "run %d, %3d of %d: %s, %s, N = %d: %.1f s%s\n",
				run, i+1, len(cells), c.Measure, c.System, c.Nodes, time.Since(at).Seconds(), because(err))
		}
	}
	return nil
}

func because(err error) string {
	if err == nil {
		return ""
	}
	return ": " + err.Error()
}

// cells are all of a run: by measure and number of nodes, so that systems that are
// compared run next to each other. Each run starts with another one, and every second
// goes backwards.
func (p *plan) cells(run int) (cells []cell) {
	step, k := 1-2*(run%2), len(p.systems)
	for _, m := range p.measures {
		for _, n := range p.nodes {
			for i := range k {
				s := p.systems[((run+step*i)%k+k)%k]
				if m.moves && s.Static || m.oursOnly && s.Label() != ours || m.name == "origins" && n != p.nodes[0] {
					continue
				}
				c := p.cell
				c.System, c.Nodes, c.Measure, c.Run = s.Label(), n, m.name, run
				c.Unusual = c.unusual(m)
				if p.profiles != "" {
					c.Profile = fmt.Sprintf("%s/%s-%s-%d-run%d", p.profiles, strings.ReplaceAll(s.Label(), "/", "-"), m.name, n, run)
				}
				cells = append(cells, c)
			}
		}
	}
	return cells
}

// measure has a child process measure a cell, and reports what it prints. What goes
// wrong is a result, too.
func (p *plan) measure(c cell, report func(Result)) error {
	m, err := findMeasure(c.Measure)
	if err != nil {
		return err
	}
	err = p.child(c, m, report)
	if err != nil {
		name, variant, _ := strings.Cut(c.System, "/")
		report(Result{System: name, Variant: variant, Measure: c.Measure, Nodes: c.Nodes, MTU: c.jumbo(m), Unusual: c.Unusual, Run: c.Run, Error: err.Error()})
	}
	return err
}

func (p *plan) child(c cell, m measure, report func(Result)) error {
	spec, err := json.Marshal(c)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), p.limit)
	defer cancel()
	child := exec.CommandContext(ctx, self, "cell", string(spec))
	var stderr tail
	child.Stderr = &stderr
	if m.quiet {
		if !mayMakeNetworks() {
			return fmt.Errorf("needs root and iproute2, to have a network of its own")
		}
		ownNetwork(child)
	}
	stdout, err := child.StdoutPipe()
	if err != nil {
		return err
	}
	if m.quiet { // the thread that starts it must live as long as it, or it would be killed
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
	}
	if err := child.Start(); err != nil {
		return err
	}
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		var r Result
		if json.Unmarshal(lines.Bytes(), &r) == nil {
			report(r)
		}
	}
	err = child.Wait()
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("not done after %v", p.limit)
	case err != nil:
		return fmt.Errorf("%w: %s", err, stderr.lastLine())
	}
	return nil
}

// tail keeps the end of what is written to it, by a process that may still run.
type tail struct {
	mu sync.Mutex
	b  []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, b...)
	if over := len(t.b) - 4096; over > 0 {
		t.b = t.b[over:]
	}
	return len(b), nil
}

// lastLine is the last one that does not belong to a stack.
func (t *tail) lastLine() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(string(t.b)), "\n")
	for _, line := range lines {
		if strings.HasPrefix(line, "panic:") || strings.HasPrefix(line, "fatal error:") || strings.HasPrefix(line, "bench:") {
			return line
		}
	}
	return lines[len(lines)-1]
}

// childMain is the child's half: it measures the cell and prints results as JSON.
func childMain(spec string) error {
	var c cell
	if err := json.Unmarshal([]byte(spec), &c); err != nil {
		return err
	}
	m, err := findMeasure(c.Measure)
	if err != nil {
		return err
	}
	manyFiles()
	if m.quiet {
		if err := makeEthernet(c.MTU); err != nil {
			return err
		}
	}
	out := json.NewEncoder(os.Stdout)
	return measureCell(c, func(r Result) { out.Encode(stamp(r)) })
}

var began = time.Now()

// stamp says when and with what it was measured.
func stamp(r Result) Result {
	r.Go, r.Cores, r.Date, r.Commit = runtime.Version(), runtime.NumCPU(), began.UTC().Format(time.DateOnly), commit
	return r
}

// commit is set by the parent, which asks git once.
var commit = os.Getenv("BENCH_COMMIT")

func askGit() {
	if out, err := exec.Command("git", "describe", "--always", "--dirty").Output(); err == nil {
		commit = strings.TrimSpace(string(out))
		os.Setenv("BENCH_COMMIT", commit)
	}
}
