package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
)

// api returns where an agent that has just introduced itself serves its API.
func (p *process) api() string {
	p.t.Helper()
	line := p.next(p.stderr)
	_, address, found := strings.Cut(line, "HTTP API and window at ")
	if !found {
		p.t.Fatalf("gossip %q printed %q, want the address of its API", p.args, line)
	}
	return address
}

// The other verbs are an agent's clients.
func TestAgentServesClients(t *testing.T) {
	a := launch(t, nil, "agent", "--id", "a", "--quiet")
	addr, url := a.address(), a.api()
	b := launch(t, nil, "agent", "--id", "b", "--quiet", "--join", addr, "--http", "unix:"+filepath.Join(t.TempDir(), "api"))
	b.address()
	socket := b.api()

	listening := launch(t, nil, "listen", "--api", socket, "--count", "2", "--timeout", "30s")
	listening.next(listening.stderr) // it asks
	if status, out, stderr := call(t, "", "send", "--api", url, "--json", "hello"); status != statusOK || !strings.HasPrefix(out, `{"type":"sent","id":"a:1"`) {
		t.Fatalf("send: status %d, stdout %q, stderr %q", status, out, stderr)
	}
	if got := listening.next(listening.stdout); got != "a:1  {a:1}  hello" {
		t.Errorf("listen printed %q", got)
	}
	if status, out, stderr := call(t, "a line\n", "send", "--api", socket, "-"); status != statusOK || out != "b:1\n" {
		t.Fatalf("send: status %d, stdout %q, stderr %q", status, out, stderr)
	}
	if got := listening.next(listening.stdout); got != "b:1  {a:1, b:1}  a line" {
		t.Errorf("listen printed %q", got)
	}
	if status := listening.wait(); status != statusOK {
		t.Errorf("listen: status %d", status)
	}
	for _, c := range []struct {
		verb string
		want []string
	}{
		{"view", []string{"b at ", "LINK", "PEER", "a     " + addr}},
		{"clock", []string{"ORIGIN", "a  ", "b  "}},
		{"stats", []string{"links ", "log_messages", "kept_messages"}},
	} {
		status, out, stderr := call(t, "", c.verb, "--api", socket)
		for _, want := range c.want {
			if status != statusOK || !strings.Contains(out, want) {
				t.Errorf("%s: status %d, stderr %q, stdout %q, want %q in it", c.verb, status, stderr, out, want)
			}
		}
		if status, out, _ := call(t, "", c.verb, "--api", socket, "--json"); status != statusOK || !json.Valid([]byte(out)) {
			t.Errorf("%s --json: status %d, %q", c.verb, status, out)
		}
	}
	if status, out, stderr := call(t, "", "leave", "--api", socket); status != statusOK || !strings.Contains(out, "leaves") {
		t.Errorf("leave: status %d, stdout %q, stderr %q", status, out, stderr)
	}
	if status := b.wait(); status != statusOK {
		t.Errorf("the agent ended with %d: %q", status, b.stderr.rest())
	}
	if status, _, stderr := call(t, "", "view", "--api", socket); status != statusFailed || !strings.Contains(stderr, "there is no agent at unix:") {
		t.Errorf("without an agent: status %d, stderr %q", status, stderr)
	}
}

// The last to leave has nobody who could confirm what it has said. That is a failure if it
// is lost, and none if it is on the disk.
func TestTheLastToLeave(t *testing.T) {
	nobody := silent(t)
	for name, c := range map[string]struct {
		args   []string
		status int
	}{
		"with a data directory": {[]string{"--data-dir", filepath.Join(t.TempDir(), "data")}, statusOK},
		"without":               {nil, statusFailed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // it is waited for somebody to come
			a := launch(t, nil, append([]string{"agent", "--id", "a", "--join", nobody}, c.args...)...)
			a.address()
			if status, _, stderr := call(t, "", "send", "--api", a.api(), "is anybody there?"); status != statusOK {
				t.Fatal(stderr)
			}
			a.next(a.stdout)
			a.interrupt()
			status := a.wait()
			if said := a.stderr.rest(); status != c.status || !strings.Contains(said, gossip.ErrUnconfirmed.Error()) {
				t.Errorf("status %d, want %d: %q", status, c.status, said)
			}
		})
	}
}

// An agent joins who appears in a file that it watches.
func TestAgentDiscovers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "peers")
	writeFile(t, file, "")
	a := launch(t, nil, "agent", "--id", "a", "--events", "--listen", "127.0.0.1:0", "--discover", "file:"+file)
	a.address()
	b := launch(t, nil, "agent", "--id", "b", "--quiet")
	writeFile(t, file, b.address()+"\n")
	if got := a.next(a.stdout); !strings.HasPrefix(got, "# link up: b at ") {
		t.Errorf("the agent printed %q, want a link to b", got)
	}
}

// An agent tells which keys its network uses.
func TestAgentTellsOfKeys(t *testing.T) {
	ring := filepath.Join(t.TempDir(), "ring")
	_, key, _ := call(t, "", "keys", "new")
	writeFile(t, ring, key)
	a := launch(t, nil, "agent", "--quiet", "--keyring", ring)
	a.address()
	url := a.api()
	if status, out, stderr := call(t, "", "keys", "fleet", "--api", url); status != statusOK || !strings.Contains(out, "KEY") || !strings.Contains(out, "used") {
		t.Errorf("status %d, stdout %q, stderr %q", status, out, stderr)
	}
	if _, out, _ := call(t, "", "keys", "fleet", "--api", url); strings.Contains(out, strings.TrimSpace(key)) {
		t.Error("it tells the key itself")
	}
	open := launch(t, nil, "agent", "--quiet")
	open.address()
	if status, _, stderr := call(t, "", "keys", "fleet", "--api", open.api()); status != statusFailed || !strings.Contains(stderr, "has no keyring") {
		t.Errorf("without a keyring: status %d, stderr %q", status, stderr)
	}
}

// A second agent on a machine does not fail for the port of the first, unless it was
// told to use it.
func TestPortOfTheAPIIsTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	web := httpFlags{address: l.Addr().String()}
	cmd := &cobra.Command{}
	cmd.Flags().String("http", "", "")
	other, err := web.listen(t.Context(), cmd)
	if err != nil {
		t.Fatal(err)
	}
	other.Close()
	cmd.Flags().Set("http", web.address)
	if _, err := web.listen(t.Context(), cmd); err == nil || !strings.Contains(err.Error(), "--http: ") {
		t.Errorf("a port that was asked for and is taken: %v", err)
	}
}

// Only this user reaches a socket, and one that was left behind is in nobody's way.
func TestSocketOfTheAPI(t *testing.T) {
	path := filepath.Join(t.TempDir(), "api")
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	left.SetUnlinkOnClose(false)
	web := httpFlags{address: "unix:" + path}
	if _, err := web.listen(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "another process listens") {
		t.Errorf("a socket that is in use: %v", err)
	}
	left.Close()
	l, err := web.listen(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("the socket is %v, %v; want it for this user alone", info.Mode(), err)
	}
}

// A token is asked for, and never shown.
func TestAgentWithToken(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("open-sesame\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a := launch(t, nil, "agent", "--http-token", file, "--log-level", "debug")
	a.address()
	url := a.api()
	if status, _, stderr := call(t, "", "view", "--api", url); status != statusFailed || !strings.Contains(stderr, "a token is needed") {
		t.Errorf("without the token: status %d, stderr %q", status, stderr)
	}
	if status, _, stderr := call(t, "", "view", "--api", url, "--api-token", file); status != statusOK {
		t.Errorf("with the token: status %d, stderr %q", status, stderr)
	}
	r, err := http.Get(url + "healthz")
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, r.Body)
	r.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if r.StatusCode != http.StatusOK {
		t.Errorf("a probe without the token: %v", r.Status)
	}
	a.interrupt()
	a.wait()
	if out := a.stdout.rest() + a.stderr.rest(); strings.Contains(out, "sesame") {
		t.Errorf("the token is in what the agent prints: %q", out)
	}
}

func writeFile(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A flag beats the environment, that the file, and that the default.
func TestSettings(t *testing.T) {
	file := filepath.Join(t.TempDir(), "agent.toml")
	writeFile(t, file, `
id = "from the file"
links = 7
join = ["127.0.0.1:1", "127.0.0.1:2"]
retention = "2h"
cluster = "from the file"
quiet = true
`)
	t.Setenv("GOSSIP_CONFIG", file)
	t.Setenv("GOSSIP_LINKS", "8")
	t.Setenv("GOSSIP_CLUSTER", "from the environment")
	status, out, stderr := call(t, "", "agent", "--print-config", "--cluster", "from the flag")
	if status != statusOK {
		t.Fatalf("status %d, stderr %q", status, stderr)
	}
	var set []string
	for line := range strings.Lines(out) {
		if !strings.HasPrefix(line, "#") {
			set = append(set, strings.TrimSpace(line))
		}
	}
	want := "cluster = 'from the flag'|http = '127.0.0.1:0'|id = 'from the file'|join = ['127.0.0.1:1', '127.0.0.1:2']|links = '8'|quiet = true|retention = '2h'"
	if got := strings.Join(set, "|"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	// What is printed is a file that says the same.
	writeFile(t, file, out)
	for _, v := range []string{"GOSSIP_LINKS", "GOSSIP_CLUSTER"} {
		os.Unsetenv(v)
	}
	if _, again, stderr := call(t, "", "agent", "--print-config"); again != out {
		t.Errorf("read again, it is\n%s%s\nwant\n%s", again, stderr, out)
	}
}

func TestSettingsThatAreWrong(t *testing.T) {
	for text, want := range map[string]string{
		"lnks = 3":            `"lnks" is not a setting, allowed: advertise, `,
		"links = 33":          `invalid argument "33" for "--links" flag: allowed: 1 to 32`,
		"links = [1]":         "links: allowed: a string, a number or a boolean",
		"join = 3":            "join: allowed: a list of strings",
		"join = [3]":          "join: allowed: a list of strings",
		"id = ":               "line 1, column",
		"config = \"x\"":      `"config" is not a setting`,
		"[node]\nid = \"x\"":  `"node" is not a setting`,
		"stdin = \"perhaps\"": "stdin",
	} {
		file := filepath.Join(t.TempDir(), "agent.toml")
		writeFile(t, file, text)
		status, _, stderr := call(t, "", "agent", "--config", file)
		if status != statusUsage || !strings.Contains(stderr, want) || !strings.Contains(stderr, file) {
			t.Errorf("%q: status %d, stderr %q, want 2 and %q", text, status, stderr, want)
		}
	}
	if status, _, stderr := call(t, "", "agent", "--config", "/nowhere"); status != statusUsage || !strings.Contains(stderr, "--config: open /nowhere") {
		t.Errorf("a file that is not there: status %d, stderr %q", status, stderr)
	}
}

// Of what has changed in a file, what can count at once does, and the rest is told.
func TestReload(t *testing.T) {
	file := filepath.Join(t.TempDir(), "agent.toml")
	writeFile(t, file, "log-level = \"error\"\nlinks = 4\nid = \"a\"\n")
	other, err := gossip.Start(t.Context(), gossip.Config{ID: "other", Logger: discard})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()

	var logged bytes.Buffer
	var node nodeFlags
	cmd := &cobra.Command{Use: "agent"}
	groups := node.groups("retained")
	addFlags(cmd, groups...)
	for _, args := range [][]string{{"--id", "given"}} {
		if err := cmd.ParseFlags(args); err != nil {
			t.Fatal(err)
		}
	}
	if err := fromFile(cmd.Flags(), file); err != nil {
		t.Fatal(err)
	}
	cfg, err := node.config(cmd, &logged)
	if err != nil {
		t.Fatal(err)
	}
	n, err := start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	r := reloader{cmd.Flags(), &node, &cfg, file}

	r.reload(t.Context(), n)
	if logged.Len() > 0 {
		t.Errorf("nothing has changed, and this was logged: %s", logged.String())
	}
	writeFile(t, file, "log-level = \"info\"\nlinks = 5\nid = \"b\"\njoin = [\""+other.Self().Addr+"\"]\n")
	r.reload(t.Context(), n)
	if level := node.level.Level(); level != slog.LevelInfo {
		t.Errorf("the level is %v", level)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := n.Ready(ctx); err != nil {
		t.Errorf("it did not join who is in the file now: %v", err)
	}
	if text := logged.String(); !strings.Contains(text, "settings=links") {
		t.Errorf("it was not told that links stay: %s", text)
	}
	logged.Reset()
	writeFile(t, file, "log-level = \"loud\"\nlinks = 4\n")
	r.reload(t.Context(), n)
	writeFile(t, file, "nonsense")
	r.reload(t.Context(), n)
	for _, want := range []string{"given=loud", "settings stay as they were"} {
		if text := logged.String(); !strings.Contains(text, want) {
			t.Errorf("%q was not logged: %s", want, text)
		}
	}
	if level := node.level.Level(); level != slog.LevelInfo {
		t.Errorf("after files that are wrong the level is %v", level)
	}
}
