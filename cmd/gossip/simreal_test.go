package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/internal/oracle"
	"github.com/Ishan27gOrg/gossipProtocol/internal/stage"
)

// realScenario writes a scenario that is soon over.
func realScenario(t *testing.T, more string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "short.txt")
	if err := os.WriteFile(file, []byte("nodes 6\nlatency 1ms\nat 100ms talk 5 every 10ms answers 5\n"+more), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// The same file is played by machines and by real nodes.
func TestARealScenario(t *testing.T) {
	file := realScenario(t, "")
	t.Run("table", func(t *testing.T) {
		t.Parallel()
		status, out, stderr := scenarioed(t, "broadcast", "--scenario", file, "--real", "loopback")
		if status != statusOK || stderr != "" || !strings.Contains(out, "6 nodes, 6 up at the end; ") ||
			!strings.HasSuffix(out, "\n0 violations of P1 to P9\n") {
			t.Errorf("status %d, stdout %q, stderr %q", status, out, stderr)
		}
	})
	t.Run("json", func(t *testing.T) {
		t.Parallel()
		_, out, _ := scenarioed(t, "broadcast", "--scenario", file, "--real", "loopback", "--format", "json", "--seed", "3")
		var r stage.Report
		if err := json.Unmarshal([]byte(out), &r); err != nil || !r.Kept() || r.Messages < 5 || r.Oracle.Expected != 6*r.Messages {
			t.Errorf("%v: %s", err, out)
		}
	})
}

func TestARealScenarioThatIsRefused(t *testing.T) {
	file := realScenario(t, "history none\nat 1s partition 0.5 for 1s\n")
	for _, test := range []struct{ on, want string }{
		{"memory", "--real memory: not with real nodes on a network in memory: history none"},
		{"loopback", "--real loopback: not with real nodes on the loopback interface: history none; at 1s partition 0.5 for 1s"},
		{"carrier pigeons", "allowed: loopback, memory"},
	} {
		status, out, stderr := scenarioed(t, "broadcast", "--scenario", file, "--real", test.on)
		if status != statusUsage || out != "" || !strings.Contains(stderr, test.want) {
			t.Errorf("%s: status %d, stdout %q, stderr %q", test.on, status, out, stderr)
		}
	}
}

func TestARealScenarioThatBreaksAPromise(t *testing.T) {
	r := &stage.Report{Nodes: 3, Survivors: 2, Unheard: 4, Oracle: &oracle.Report{
		Expected: 5, Delivered: 3, Duplicates: 1, Problems: []string{"P1: a delivered b:1 again"},
	}}
	want := "3 nodes, 2 up at the end; 0 messages, 0 deliveries, 2 missing\n" +
		"0 of 0 datagrams lost on purpose, 0 gaps; settled 0.0 s after the last step\n" +
		"1 of P1, 2 of P4, 4 reports and messages that were not read in time\n" +
		"  P1: a delivered b:1 again\n"
	if got := realTable(r); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
