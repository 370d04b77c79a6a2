package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// There is a page for each verb, with its flags.
func TestManual(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "man")
	if status, _, stderr := call(t, "", "man", dir); status != statusOK {
		t.Fatalf("status %d, stderr %q", status, stderr)
	}
	for page, want := range map[string]string{
		"gossip.1": "gossip-agent(1)", "gossip-agent.1": "--data-dir", "gossip-sim-overlay.1": "--healing", "gossip-completion-bash.1": "bash",
	} {
		text, err := os.ReadFile(filepath.Join(dir, page))
		if err != nil {
			t.Error(err)
		} else if !strings.Contains(string(text), want) {
			t.Errorf("%s lacks %q", page, want)
		}
	}
}

// Shells complete verbs, and the words that a flag takes.
func TestCompletion(t *testing.T) {
	for args, want := range map[string]string{
		"ag":                "agent\t",
		"agent --order c":   "causal",
		"agent --data-di":   "--data-dir\t",
		"agent --log-level": "--log-level",
	} {
		status, out, stderr := call(t, "", append([]string{"__complete"}, strings.Fields(args)...)...)
		if status != statusOK || !strings.Contains(out, want) {
			t.Errorf("%q completes to %q, want %q in it; status %d, %s", args, out, want, status, stderr)
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if status, out, _ := call(t, "", "completion", shell); status != statusOK || len(out) < 1000 {
			t.Errorf("completion %s: status %d, %d bytes", shell, status, len(out))
		}
	}
}
