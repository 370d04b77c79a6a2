package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/sim"
)

// scenarioed runs gossip sim broadcast or fuzz.
func scenarioed(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errors bytes.Buffer
	status = runContext(t.Context(), append([]string{"sim"}, args...), console{nil, &out, &errors})
	return status, out.String(), errors.String()
}

// One line sums up, and is the same each time, whichever core was first.
func TestFuzzSumsUp(t *testing.T) {
	args := []string{"fuzz", "--seeds", "12", "--seed", "7", "--nodes", "16"}
	status, out, stderr := scenarioed(t, args...)
	if status != statusOK || stderr != "" || !strings.HasPrefix(out, "12 seeds, ") || !strings.HasSuffix(out, " deliveries, 0 violations\n") {
		t.Errorf("status %d, stdout %q, stderr %q", status, out, stderr)
	}
	if _, again, _ := scenarioed(t, args...); again != out {
		t.Errorf("%q, and then %q", out, again)
	}
}

// The help has a line for each promise that is checked.
func TestFuzzHelpNamesEveryPromise(t *testing.T) {
	_, out, _ := scenarioed(t, "fuzz", "--help")
	for p := range sim.Promises {
		if !strings.Contains(out, fmt.Sprintf("\n  P%d  ", p+1)) {
			t.Errorf("P%d is not in the help", p+1)
		}
	}
	if strings.Contains(out, fmt.Sprintf("\n  P%d  ", sim.Promises+1)) {
		t.Error("a promise too many is in the help")
	}
}

// A scenario that breaks a promise is told in order, with its text and the command
// that runs it again.
func TestFuzzTellsWhatBroke(t *testing.T) {
	broken := func(s sim.Scenario) sim.Report {
		r := sim.Report{Seed: s.Seed, Nodes: s.Nodes}
		if s.Seed%10 == 3 {
			r.Broken[1], r.Violations = 2, []string{"1s: P2: a delivered b before c", "2s: P2: a delivered c after"}
		}
		return r
	}
	var out bytes.Buffer
	f := fuzzFlags{seeds: 30, first: 1, nodes: 16}
	err := f.run(t.Context(), console{nil, &out, &bytes.Buffer{}}, broken)
	if err == nil || err.Error() != "a promise was broken in 3 of 30 scenarios" {
		t.Errorf("the error is %v", err)
	}
	text := out.String()
	for _, want := range []string{
		"seed 3: 2 violations, 2 of P2\n  1s: P2: a delivered b before c\n  2s: P2: a delivered c after\n",
		"run it again with:\n  gossip sim fuzz --seeds 1 --seed 13 --nodes 16\nscenario:\n  seed 13\n  nodes ",
		"\n30 seeds, ", " 6 violations, 6 of P2\n",
	} {
		before, after, found := strings.Cut(text, want)
		if !found {
			t.Fatalf("%q is not in, or not in its place in\n%s", want, out.String())
		}
		_, text = before, after
	}
}

// An interrupt does not wait for scenarios that take long.
func TestFuzzIsInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	end := make(chan struct{})
	defer close(end)
	forever := func(sim.Scenario) sim.Report {
		cancel()
		<-end
		return sim.Report{}
	}
	f := fuzzFlags{seeds: 30, first: 1, nodes: 16}
	err := f.run(ctx, console{nil, &bytes.Buffer{}, &bytes.Buffer{}}, forever)
	if err == nil || err.Error() != "interrupted after 0 of 30 seeds, with 0 violations" {
		t.Errorf("the error is %v", err)
	}
}

// What the flags say can be printed, and is the same scenario as a file.
func TestBroadcastFromFlagsAndFromAFile(t *testing.T) {
	flags := []string{"broadcast", "--nodes", "30", "--messages", "10", "--loss", "0.1", "--kill", "0.3", "--origins", "2"}
	status, out, stderr := scenarioed(t, flags...)
	if status != statusOK || stderr != "" || !strings.Contains(out, "30 nodes, 21 up at the end; 40 messages, ") || !strings.Contains(out, "\n0 violations\n") {
		t.Fatalf("status %d, stdout %q, stderr %q", status, out, stderr)
	}
	if !strings.Contains(out, "kind                     sent         bytes\nEXCHANGE  ") || !strings.Contains(out, "\nDATA has ") {
		t.Errorf("no bytes in\n%s", out)
	}
	if _, plain, _ := scenarioed(t, append(flags, "--codec=false")...); strings.Contains(plain, "bytes") || !strings.Contains(plain, "\nEXCHANGE  ") {
		t.Errorf("without the codec\n%s", plain)
	}
	for line := range strings.Lines(out) {
		if len(line) > 81 {
			t.Errorf("%d columns: %q", len(line)-1, line)
		}
	}
	status, text, stderr := scenarioed(t, append(flags, "--print")...)
	if status != statusOK || stderr != "" {
		t.Fatalf("status %d, stderr %q", status, stderr)
	}
	file := filepath.Join(t.TempDir(), "scenario.txt")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, again, stderr := scenarioed(t, "broadcast", "--scenario", file); again != out {
		t.Errorf("the file gives %q %q, the flags %q", again, stderr, out)
	}
	_, out, _ = scenarioed(t, "broadcast", "--scenario", file, "--format", "json", "--seed", "5")
	var r sim.Report
	if err := json.Unmarshal([]byte(out), &r); err != nil || r.Seed != 5 || len(r.Talks) != 4 || r.Talks[3].Reliability != 1 || r.Talks[3].ClockP99 == 0 || r.OrderBytes == 0 || r.Traffic[0].Bytes == 0 {
		t.Errorf("%v: %+v from %s", err, r, out)
	}
}

// Each error names the flag or the line, and what is allowed.
func TestScenarioMisuse(t *testing.T) {
	file := filepath.Join(t.TempDir(), "scenario.txt")
	if err := os.WriteFile(file, []byte("nodes 10\nloss 2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args, want string
		status     int
	}{
		{"fuzz --seeds 0", `"--seeds" flag: allowed: 1 to 2147483647`, statusUsage},
		{"fuzz --seed -1", `"--seed" flag: allowed: 0 to 18446744073709551615`, statusUsage},
		{"fuzz --seed 18446744073709551615", "--seed: it is 18446744073709551615, allowed: 0 to 18446744073709551516 with --seeds 100", statusUsage},
		{"fuzz --nodes 3", `"--nodes" flag: allowed: 4 to 100000`, statusUsage},
		{"fuzz 7", `unexpected argument "7", allowed: flags only`, statusUsage},
		{"broadcast --loss 1", `"--loss" flag: allowed: a fraction`, statusUsage},
		{"broadcast --format csv", `"--format" flag: allowed: table, json`, statusUsage},
		{"broadcast --latency 2h", `"--latency" flag: allowed: 0s to 1m`, statusUsage},
		{"broadcast --policy best", `"--policy" flag: allowed: healer, `, statusUsage},
		{"broadcast --messages 100000 --every 1m", "--messages: it is 3333h21m10s, allowed: 0s to 24h", statusUsage},
		{"broadcast --scenario " + file, "line 2: loss: it is 2, allowed: a fraction", statusUsage},
		{"broadcast --scenario " + file + " --nodes 9", "--nodes is of no use with --scenario, allowed: --seed, --real, --format, --print", statusUsage},
		{"broadcast --scenario " + file + ".none", "--scenario: open ", statusFailed},
	} {
		if status, out, stderr := scenarioed(t, strings.Fields(test.args)...); status != test.status || out != "" || !strings.Contains(stderr, test.want) {
			t.Errorf("%s: status %d, stdout %q, stderr %q, want %q", test.args, status, out, stderr, test.want)
		}
	}
}
