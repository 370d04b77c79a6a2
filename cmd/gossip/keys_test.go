package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/keyring"
)

// keyFile writes a keyring and returns its name.
func keyFile(t *testing.T, keys ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "keyring")
	if err := os.WriteFile(file, []byte(strings.Join(keys, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// newKey asks the command for a key.
func newKey(t *testing.T) string {
	t.Helper()
	status, key, stderr := call(t, "", "keys", "new")
	if status != statusOK {
		t.Fatalf("status %d, stderr %q", status, stderr)
	}
	return strings.TrimSpace(key)
}

func idOf(t *testing.T, key string) string {
	t.Helper()
	k, err := keyring.ParseKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return k.ID().String()
}

// TestKeysOfARunningNetwork: who has the key talks, who has not does not, and which
// keys are about can be told from anywhere.
func TestKeysOfARunningNetwork(t *testing.T) {
	old, young := newKey(t), newKey(t)
	both := keyFile(t, "# in use", old, young)
	status, text, _ := call(t, "", "keys", "list", both)
	if want := idOf(t, old) + " used\n" + idOf(t, young) + " accepted\n"; status != statusOK || text != want {
		t.Errorf("status %d, %q; want %q", status, text, want)
	}
	hub := launch(t, nil, "agent", "--id", "hub", "--keyring", both, "--listen", "127.0.0.1:0")
	at := hub.address()
	behind := launch(t, nil, "agent", "--id", "behind", "--keyring", keyFile(t, old), "--join", at, "--events")
	behind.next(behind.stdout) // there is a link

	t.Setenv("KEYS_OF_THE_TEST", young+" "+old)
	status, _, stderr := call(t, "", "send", "--join", at, "--keyring", "env:KEYS_OF_THE_TEST", "--id", "ann", "hello")
	if status != statusOK {
		t.Errorf("with the key: status %d, %s", status, stderr)
	}
	if got, want := hub.next(hub.stdout), "ann:1  {ann:1}  hello"; got != want {
		t.Errorf("the hub printed %q, want %q", got, want)
	}
	for _, args := range [][]string{nil, {"--keyring", keyFile(t, newKey(t))}} {
		status, _, stderr := call(t, "", append([]string{"send", "--join", at, "--timeout", "1s", "hello"}, args...)...)
		if status != statusFailed || !strings.Contains(stderr, "nobody answered") {
			t.Errorf("%q: status %d, stderr %q", args, status, stderr)
		}
	}
	status, text, stderr = call(t, "", "keys", "fleet", "--join", at, "--keyring", both, "--wait", "5s", "--id", "teller")
	lines := strings.Split(text, "\n")
	if status != statusOK || len(lines) != 4 || !strings.HasPrefix(lines[1], idOf(t, old)+"  used") ||
		!strings.HasPrefix(lines[2], idOf(t, young)+"  accepted") || !strings.Contains(lines[2], "behind, ") {
		t.Errorf("status %d, stdout\n%s, stderr %q", status, text, stderr)
	}
}

func TestKeyFilesThatAreRefused(t *testing.T) {
	open := keyFile(t, newKey(t))
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{"agent", "--keyring", "nowhere"}, "--keyring"},
		{[]string{"agent", "--keyring", keyFile(t, "secret")}, "--keyring"},
		{[]string{"agent", "--keyring", open}, "0644"},
		{[]string{"agent", "--keyring", "env:NOT_SET"}, "NOT_SET"},
		{[]string{"agent", "--listen", ":0"}, "--keyring"},
		{[]string{"agent", "--tls-cert", "a.pem"}, "all three or none"},
		{[]string{"agent", "--tls-cert", "a", "--tls-key", "b", "--tls-ca", "c"}, "--tls-cert"},
		{[]string{"keys", "fleet", "--join", "127.0.0.1:1"}, "--keyring is missing"},
	} {
		if runtime.GOOS == "windows" && tc.want == "0644" {
			continue
		}
		status, _, stderr := call(t, "", tc.args...)
		if status != statusUsage || !strings.Contains(stderr, tc.want) || strings.Contains(stderr, "secret") && tc.want == "--keyring" && !strings.Contains(stderr, "keyring") {
			t.Errorf("%q: status %d, stderr %q", tc.args, status, stderr)
		}
	}
}
