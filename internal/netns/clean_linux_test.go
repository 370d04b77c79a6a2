package netns

import (
	"context"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A run that is interrupted takes away what it has made. One that is killed cannot:
// the next one does. Both times no process of its nodes is left.
func TestNothingIsLeftBehind(t *testing.T) {
	suite(t)
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL} {
		t.Run(signal.String(), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			run := exec.CommandContext(ctx, os.Args[0], "-test.run", "^TestNetworkFaults$/^scenario$/^none$")
			run.Env = append(os.Environ(), suiteVariable+"=all")
			if err := run.Start(); err != nil {
				t.Fatal(err)
			}
			prefix, err := namesOf(run.Process.Pid)
			if err != nil {
				t.Fatal(err)
			}
			var nodes []int
			for len(nodes) < hosts {
				if pause(ctx, 10*time.Millisecond) != nil {
					t.Fatalf("it has started %d nodes", len(nodes))
				}
				nodes = processes(t, prefix)
			}
			if err := run.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			if err := run.Wait(); err == nil {
				t.Error("it ended as if nothing had happened")
			}
			if signal == syscall.SIGKILL {
				if len(namespaces(t, prefix)) == 0 {
					t.Error("it was killed, and has left nothing to be taken away")
				}
				if err := Sweep(); err != nil {
					t.Error(err)
				}
			}
			if n := len(namespaces(t, prefix)); n > 0 {
				t.Errorf("it has left %d namespaces", n)
			}
			for _, pid := range nodes {
				for syscall.Kill(pid, 0) == nil { // the kernel is not done with it yet
					if pause(ctx, 10*time.Millisecond) != nil {
						t.Fatalf("it has left the process %d", pid)
					}
				}
			}
			if list, err := os.ReadDir(etc); err == nil {
				for _, dir := range list {
					if strings.HasPrefix(dir.Name(), prefix) {
						t.Errorf("it has left %s/%s", etc, dir.Name())
					}
				}
			}
		})
	}
}

func namespaces(t *testing.T, prefix string) (names []string) {
	t.Helper()
	out, err := command("ip", "netns", "list")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out) {
		if name, _, _ := strings.Cut(strings.TrimSpace(line), " "); strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	return names
}

// processes are those in a run's namespaces.
func processes(t *testing.T, prefix string) (pids []int) {
	t.Helper()
	for _, name := range namespaces(t, prefix) {
		out, err := command("ip", "netns", "pids", name)
		if err != nil {
			continue // it has just gone
		}
		for word := range strings.FieldsSeq(out) {
			pid, err := strconv.Atoi(word)
			if err != nil {
				t.Fatal(err)
			}
			pids = append(pids, pid)
		}
	}
	return pids
}

func TestStaleNames(t *testing.T) {
	mine, err := namesOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		stale bool
	}{
		{mine + "1-h1", false},
		{"gossip-" + "4194305-7-1-h1", true},             // more than any process' id can be
		{strings.TrimSuffix(mine, "-") + "0-1-h1", true}, // it had my id before me
		{"gossip-h1", false},                             // somebody else's
		{"web", false},
	}
	for _, tt := range tests {
		if got := stale(tt.name); got != tt.stale {
			t.Errorf("stale(%q) = %v, want %v", tt.name, got, tt.stale)
		}
	}
}
