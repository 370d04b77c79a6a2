package main

import (
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/soak"
)

// The short form of make soak-agents: five agents, which are killed and stopped and come
// back while clients send to all of them and their keys change. It is too short for what
// grows, but long enough to lose something.
func TestSoak(t *testing.T) {
	if testing.Short() || runtime.GOOS != "linux" {
		t.Skip("it takes 15 seconds, and looks at processes as Linux shows them")
	}
	report, err := soak.Run(t.Context(), soak.Options{
		Command: []string{os.Args[0]}, Env: []string{asCommand + "=1"}, Dir: t.TempDir(),
		Agents: 5, For: 12 * time.Second, Rate: 25, Seed: 1, Log: t.Output(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Log("\n", report)
	for _, f := range report.Faults {
		t.Error(f)
	}
	if report.Accepted < 100 || report.Kills == 0 || report.Deliveries < 5*report.Accepted {
		t.Errorf("%d messages, %d deliveries, %d kills: that shows nothing", report.Accepted, report.Deliveries, report.Kills)
	}
	if g := report.Growth[0]; g.Samples == 0 || g.Mean <= 0 {
		t.Errorf("nothing was sampled: %+v", report.Growth)
	}
}
