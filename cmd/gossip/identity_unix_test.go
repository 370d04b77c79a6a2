//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestIdentities: two nodes with keys of their own talk under the names that go with
// them, until one is taken off the roster, which is read again on a hangup.
func TestIdentities(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	write := func(name, text string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(file(name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	run := func(args ...string) string {
		t.Helper()
		status, out, stderr := call(t, "", args...)
		if status != statusOK {
			t.Fatalf("gossip %q: status %d, stderr %q", args, status, stderr)
		}
		return out
	}
	write("keyring", run("keys", "new"), 0o600)
	names := make(map[string]string)
	for _, who := range []string{"hub", "ann"} {
		write(who, run("keys", "identity"), 0o600)
		names[who] = strings.TrimSpace(run("keys", "name", who, file(who)))
		if !strings.HasPrefix(names[who], who+"~") {
			t.Fatalf("the name of %s is %q", who, names[who])
		}
	}
	write("roster", names["hub"]+"\n"+names["ann"]+"\n", 0o644)
	as := func(who string, verb ...string) []string {
		return append(verb, "--id", who, "--identity", file(who), "--roster", file("roster"), "--keyring", file("keyring"))
	}
	agent := launch(t, nil, as("hub", "agent", "--listen", "127.0.0.1:0", "--events")...)
	hub := agent.address()
	if got := run(as("ann", "send", "--join", hub, "hello")...); got != names["ann"]+":1\n" {
		t.Errorf("send printed %q", got)
	}
	for line := ""; !strings.Contains(line, names["ann"]+":1"); {
		line = agent.next(agent.stdout)
	}

	linked := launch(t, nil, as("ann", "agent", "--join", hub, "--events")...)
	for line := ""; !strings.Contains(line, "link up"); {
		line = linked.next(linked.stdout)
	}
	write("roster", names["hub"]+"\n"+names["ann"]+"\n- "+names["ann"]+"\n", 0o644)
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	for line := ""; !strings.Contains(line, "link down"); {
		line = linked.next(linked.stdout)
	}

	for _, tt := range []struct{ args, want string }{
		{"agent --identity " + file("none"), "--identity: "},
		{"agent --identity " + file("keyring"), "--identity: "},
		{"agent --roster " + file("hub"), "--roster: "},
		{"agent --identity " + file("hub"), "--identity: it needs a Keyring"},
		{"agent --id a~b --identity " + file("hub") + " --keyring " + file("keyring"), "--id: "},
		{"agent --roster " + file("roster"), "--roster: "},
		{"agent --identity " + file("ann") + " --keyring " + file("keyring") + " --roster " + file("roster"), "--roster: this node's own identity"},
		{"keys name", "0 arguments"},
		{"keys name a~b " + file("hub"), "a~b"},
	} {
		status, _, stderr := call(t, "", strings.Fields(tt.args)...)
		if status == statusOK || !strings.Contains(stderr, tt.want) {
			t.Errorf("gossip %s: status %d, stderr %q, want %q", tt.args, status, stderr, tt.want)
		}
	}
}
