package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// readPolicyFlags returns what the flags of a node make of args.
func readPolicyFlags(t *testing.T, args string) (policy string, err error) {
	t.Helper()
	var f policyFlags
	cmd := &cobra.Command{}
	addFlags(cmd, f.group(30))
	if err := cmd.ParseFlags(strings.Fields(args)); err != nil {
		t.Fatal(err)
	}
	p := f.policy(cmd.Flags())
	return p.String(), p.Validate()
}

func TestBrahmsCanBeChosen(t *testing.T) {
	for args, want := range map[string]string{
		"--policy brahms":          "(rand,pushpull,samplers=30,c=30)",
		"--policy brahms --view 8": "(rand,pushpull,samplers=8,c=8)",
		"--policy brahms --select rand --propagate pushpull --healing 0": "(rand,pushpull,samplers=30,c=30)",
	} {
		if got, err := readPolicyFlags(t, args); got != want || err != nil {
			t.Errorf("%q: %s (%v), want %s", args, got, err, want)
		}
	}
}

// Brahms is one point: what the other policies let choose is an error that names
// the flag and what it may be.
func TestBrahmsLeavesNoChoice(t *testing.T) {
	for args, want := range map[string]string{
		"--healing 3":        "--healing: it is 3, allowed: 0 when Samplers is set",
		"--swap 3":           "--swap: it is 3, allowed: 0 when Samplers is set",
		"--select tail":      "--select: it is tail, allowed: rand",
		"--propagate push":   "--propagate: it is push, allowed: pushpull",
		"--propagate pull":   "--propagate: it is pull, allowed: pushpull",
		"--view-select age":  "--view-select: it is age, allowed: rand",
		"--view-select head": "--view-select: it is head, allowed: rand",
	} {
		_, err := readPolicyFlags(t, "--policy brahms "+args)
		err = blameFlag(err)
		if misuse := (*usageError)(nil); !errors.As(err, &misuse) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", args, err, want)
		}
	}
	cfg, _ := readOverlayFlags(t, "--policy brahms --literal-hops")
	if err := blameFlag(cfg.Validate()); err == nil || !strings.HasPrefix(err.Error(), "--literal-hops: it is true, allowed: false") {
		t.Error(err)
	}
}

func TestOverlayOfBrahms(t *testing.T) {
	out := simulated(t, "--policy brahms --view 10 --nodes 200 --init star --cycles 20 --churn 0.01 --drop-dead --every 20")
	if parts, degree := column(t, out, "components"), column(t, out, "indegree_mean"); parts[0] != 1 || degree[0] < 7 {
		t.Errorf("%v components, in-degree %v", parts, degree)
	}
}
