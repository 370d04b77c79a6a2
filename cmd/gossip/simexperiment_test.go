package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/experiment"
)

// experimented runs gossip sim experiment.
func experimented(ctx context.Context, args ...string) (status int, stdout, stderr string) {
	var out, errors bytes.Buffer
	status = runContext(ctx, append([]string{"sim", "experiment"}, args...), console{nil, &out, &errors})
	return status, out.String(), errors.String()
}

// quick is flags of an experiment that takes no time.
var quick = []string{"--nodes", "120", "--view", "8", "--cycles", "15", "--runs", "2"}

func TestExperimentList(t *testing.T) {
	status, out, stderr := experimented(t.Context(), "list")
	if status != statusOK || stderr != "" || strings.Count(out, "\n") != len(experiment.All) {
		t.Fatalf("status %d, stderr %q, stdout %q", status, stderr, out)
	}
	for _, e := range experiment.All {
		if !strings.Contains(out, e.Name+" ") || !strings.Contains(out, e.Question) {
			t.Errorf("%s is not in the list", e.Name)
		}
	}
}

// The terminal tells each claim and where to look; the folder has the rest.
func TestExperimentWrites(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "new", "folder")
	status, out, stderr := experimented(t.Context(), append(quick, "self-healing", "--out", folder)...)
	if status != statusOK || stderr != "" {
		t.Fatalf("status %d, stderr %q", status, stderr)
	}
	if !strings.HasPrefix(out, "self-healing: ") || !strings.HasSuffix(out, "\n"+filepath.Join(folder, "index.html")+"\n") {
		t.Errorf("it says %q", out)
	}
	if strings.Count(out, "\nholds  ")+strings.Count(out, "\nFALSE  ") < 3 {
		t.Errorf("there are too few claims in %q", out)
	}
	for line := range strings.Lines(out) {
		if len(line) > 81 && !strings.Contains(line, folder) {
			t.Errorf("%d columns: %q", len(line)-1, line)
		}
	}
	for _, name := range []string{"index.html", "self-healing.json", "self-healing-summary.csv", "self-healing-dead-links.csv", "self-healing-dead-links.svg", "self-healing-dead-links.png"} {
		if info, err := os.Stat(filepath.Join(folder, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The command that the page shows gives what the page shows.
func TestExperimentCommandOnThePage(t *testing.T) {
	first, again := t.TempDir(), t.TempDir()
	if status, _, stderr := experimented(t.Context(), append(quick, "self-healing", "--seed", "5", "--out", first)...); status != statusOK {
		t.Fatal(stderr)
	}
	page, err := os.ReadFile(filepath.Join(first, "index.html"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "<pre>gossip sim experiment ")
	command, _, found := strings.Cut(rest, "</pre>")
	if !found {
		t.Fatal("there is no command on the page")
	}
	if status, _, stderr := experimented(t.Context(), append(strings.Fields(command), "--out", again)...); status != statusOK {
		t.Fatal(stderr)
	}
	for _, name := range []string{"index.html", "self-healing.json", "self-healing-dead-links.svg"} {
		a, _ := os.ReadFile(filepath.Join(first, name))
		b, _ := os.ReadFile(filepath.Join(again, name))
		if len(a) == 0 || !bytes.Equal(a, b) {
			t.Errorf("%s is not the same", name)
		}
	}
}

func TestExperimentRunsAreItsOwnByDefault(t *testing.T) {
	var f experimentFlags
	given := newGroup("all")
	for _, g := range f.groups(experiment.All) {
		given.AddFlagSet(g.FlagSet)
	}
	if err := given.Parse([]string{"--nodes", "500"}); err != nil {
		t.Fatal(err)
	}
	for _, e := range experiment.All {
		p := f.params(e, given.FlagSet)
		if want := e.Defaults().Runs; p.Runs != want || p.Nodes != 500 || p.View != 30 || p.Cycles != 300 {
			t.Errorf("%s: %+v, want %d runs, and the papers' for the rest", e.Name, p, want)
		}
	}
	if err := given.Parse([]string{"--runs", "7"}); err != nil {
		t.Fatal(err)
	}
	if p := f.params(experiment.All[0], given.FlagSet); p.Runs != 7 {
		t.Errorf("%d runs, want the 7 that were asked for", p.Runs)
	}
}

// Each error names the flag and what is allowed, and nothing is written.
func TestExperimentMisuse(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "out")
	for _, test := range []struct{ args, want string }{
		{"nothing", `unknown command "nothing", allowed: all, `},
		{"churn more", `unexpected argument "more", allowed: flags only`},
		{"list --nodes 100", "unknown flag: --nodes"},
		{"churn --nodes 99", `"--nodes" flag: allowed: 100 to 1048576`},
		{"churn --nodes many", `"--nodes" flag: allowed: 100 to 1048576`},
		{"churn --view 3", `"--view" flag: allowed: 4 to 1000`},
		{"churn --cycles 9", `"--cycles" flag: allowed: 10 to 100000`},
		{"churn --runs 0", `"--runs" flag: allowed: 1 to 10000`},
		{"churn --seed -1", `"--seed" flag: allowed: 0 to 18446744073709551615`},
		{"churn --out=", `"--out" flag: allowed: `},
		{"churn --nodes 100 --view 50", "--view: it is 50, allowed: 4 to 49 (less than half of --nodes: a view is partial)"},
		{"all --nodes 100 --view 50", "--view: it is 50, allowed: 4 to 49 "},
	} {
		args := strings.Fields(test.args)
		if !strings.Contains(test.args, "--out") && !strings.HasPrefix(test.args, "list") && !strings.HasPrefix(test.args, "nothing") {
			args = append(args, "--out", folder)
		}
		status, out, stderr := experimented(t.Context(), args...)
		if status != statusUsage || out != "" || !strings.Contains(stderr, test.want) {
			t.Errorf("%s: status %d, stdout %q, stderr %q, want %q", test.args, status, out, stderr, test.want)
		}
	}
	if _, err := os.Stat(folder); !os.IsNotExist(err) {
		t.Error("a folder was made")
	}
}

// What cannot be written fails, and says what and where.
func TestExperimentNowhereToWrite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	status, _, stderr := experimented(t.Context(), append(quick, "self-healing", "--out", file)...)
	if status != statusFailed || !strings.Contains(stderr, file) {
		t.Errorf("status %d, stderr %q", status, stderr)
	}
	var errors bytes.Buffer
	status = runContext(t.Context(), []string{"sim", "experiment", "list"}, console{nil, closedPipe{}, &errors})
	if status != statusFailed || !strings.Contains(errors.String(), "the pipe is closed") {
		t.Errorf("to a closed pipe: status %d, stderr %q", status, errors.String())
	}
}

// An interrupt leaves what was finished, and nothing of what was not.
func TestExperimentInterrupted(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "out")
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	status, out, stderr := experimented(ctx, "all", "--nodes", "200", "--view", "8", "--cycles", "100000", "--out", folder)
	if status != statusFailed || out != "" {
		t.Errorf("status %d, stdout %q", status, out)
	}
	if want := "gossip sim experiment all: interrupted in convergence, experiment 1 of "; !strings.HasPrefix(stderr, want) {
		t.Errorf("stderr %q, want it to begin with %q", stderr, want)
	}
	if _, err := os.Stat(folder); !os.IsNotExist(err) {
		t.Error("a folder was made")
	}
}

func TestExperimentProgress(t *testing.T) {
	var out strings.Builder
	p := experimentProgress{&textReporter{w: &out, live: true, width: 80}, time.Now().Add(-10 * time.Second), "churn", "7 of 9"}
	p.at(500, 1000)
	p.clear()
	if want := "[########........] churn (7 of 9), 10s left\r\x1b[K"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestWrap(t *testing.T) {
	for _, test := range []struct {
		text string
		want string
	}{
		{"", ""},
		{"one", "one"},
		{"one two  three\nfour", "one two\nthree four"},
		{"a longerthanthat word", "a\nlongerthanthat\nword"},
	} {
		if got := wrap(test.text, 10); got != test.want {
			t.Errorf("%q becomes %q, want %q", test.text, got, test.want)
		}
	}
	if got, want := hang("some words that are more than a line of text holds, which is eighty columns wide, are they not", 7), "\n       "; strings.Count(got, want) != 1 {
		t.Errorf("%q does not hang", got)
	}
}

// A folder that cannot be written to is told before the work, not after it.
func TestExperimentFolderIsTriedFirst(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // nothing is carried out any more
	status, _, stderr := experimented(ctx, append(quick, "self-healing", "--out", filepath.Join(file, "folder"))...)
	if status != statusFailed || !strings.Contains(stderr, "--out: ") || !strings.Contains(stderr, file) {
		t.Errorf("status %d, %q", status, stderr)
	}
}
