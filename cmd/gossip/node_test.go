package main

import (
	"encoding/json"
	"io"
	"net"
	"strings"
	"testing"
)

func TestAgentSendListen(t *testing.T) {
	agent := launch(t, nil, "agent", "--id", "hub", "--listen", "127.0.0.1:0")
	hub := agent.address()

	status, ids, stderr := call(t, "", "send", "--join", hub, "--id", "ann", "one", "two words", "\x1b[31m")
	if status != statusOK || ids != "ann:1\nann:2\nann:3\n" {
		t.Fatalf("send: status %d, stdout %q, stderr %q", status, ids, stderr)
	}
	want := []string{"ann:1  {ann:1}  one", "ann:2  {ann:2}  two words", `ann:3  {ann:3}  "\x1b[31m"`}
	for _, want := range want {
		if got := agent.next(agent.stdout); got != want {
			t.Errorf("the agent printed %q, want %q", got, want)
		}
	}

	// Ann has left, but the hub remembers.
	status, text, stderr := call(t, "", "listen", "--join", hub, "--history", "retained", "--count", "3", "--timeout", "30s")
	if status != statusOK || text != strings.Join(want, "\n")+"\n" {
		t.Errorf("listen: status %d, stdout %q, stderr %q", status, text, stderr)
	}

	// Who does not ask for history gets what is new.
	listen := launch(t, nil, "listen", "--join", hub, "--json")
	if line := listen.next(listen.stdout); !strings.HasPrefix(line, `{"type":"started","id":"node-`) {
		t.Errorf("listen printed %q first", line)
	}
	linked := launch(t, nil, "agent", "--join", listen.address(), "--events")
	linked.next(linked.stdout) // there is a link, so listen is in the network
	call(t, "", "send", "--join", hub, "--id", "bob", "news")
	var m struct {
		Type, ID, Origin, Incarnation, Payload string
		Seq, Hops                              int
		Clock                                  map[string]int
		AgeMS                                  *float64 `json:"age_ms"`
	}
	// Ann's are milliseconds old, which is too little to tell for sure.
	for m.Origin == "" || m.Origin == "ann" {
		if err := json.Unmarshal([]byte(listen.next(listen.stdout)), &m); err != nil {
			t.Fatal(err)
		}
	}
	if m.Type != "message" || m.ID != "bob:1" || m.Origin != "bob" || m.Incarnation == "" || m.Seq != 1 ||
		m.Payload != "news" || m.Hops < 1 || m.AgeMS == nil || m.Clock["bob#"+m.Incarnation] != 1 {
		t.Errorf("listen printed %+v", m)
	}
	for _, p := range []*process{linked, listen, agent} {
		p.interrupt()
		if status := p.wait(); status != statusOK {
			t.Errorf("gossip %q: status %d, stderr %q", p.args, status, p.stderr.rest())
		}
	}
}

func TestAgentGossipsItsInput(t *testing.T) {
	hub := launch(t, nil, "agent", "--id", "hub")
	status, out, stderr := call(t, "short\n"+strings.Repeat("x", 5000)+"\n\n123456789\r\nno end",
		"agent", "--id", "ann", "--join", hub.address(), "--stdin", "--exit-on-eof", "--max-payload", "9B")
	if status != statusOK {
		t.Fatalf("status %d, stderr %q", status, stderr)
	}
	want := []string{"ann:1  {ann:1}  short", "ann:2  {ann:2}  ", "ann:3  {ann:3}  123456789", "ann:4  {ann:4}  no end"}
	if out != strings.Join(want, "\n")+"\n" {
		t.Errorf("it printed %q, want its own messages, %q", out, want)
	}
	if !strings.Contains(stderr, "line 2: the line is longer than 9 bytes (--max-payload)") {
		t.Errorf("stderr %q does not tell of the line that is too long", stderr)
	}
	for _, want := range want {
		if got := hub.next(hub.stdout); got != want {
			t.Errorf("the hub printed %q, want %q", got, want)
		}
	}
}

// An agent stays when its input ends, and leaves when it is told to even while
// a read is under way.
func TestAgentOutlivesItsInput(t *testing.T) {
	alone := launch(t, strings.NewReader("hello\n"), "agent", "--id", "alone", "--stdin")
	if got := alone.next(alone.stdout); got != "alone:1  {alone:1}  hello" {
		t.Errorf("got %q", got)
	}
	r, w := io.Pipe()
	defer w.Close()
	reader := launch(t, r, "agent", "--stdin", "--join", alone.address())
	reader.next(reader.stdout)
	for _, p := range []*process{reader, alone} {
		p.interrupt()
		if status := p.wait(); status != statusOK {
			t.Errorf("status %d, stderr %q", status, p.stderr.rest())
		}
	}
}

func TestSendReadsLines(t *testing.T) {
	hub := launch(t, nil, "agent", "--id", "hub")
	status, ids, stderr := call(t, "b\n"+strings.Repeat("x", 10)+"\nc", "send", "--join", hub.address(), "--id", "ann", "--json", "--max-payload", "9B", "a", "-")
	if status != statusFailed || !strings.Contains(stderr, "line 2") || !strings.Contains(stderr, "lines that were not sent: 1") {
		t.Errorf("status %d, stderr %q; want 1 for the line that is too long", status, stderr)
	}
	var seqs []string
	for line := range strings.Lines(ids) {
		var sent struct{ Type, ID, Origin, Incarnation string }
		if err := json.Unmarshal([]byte(line), &sent); err != nil || sent.Type != "sent" || sent.Origin != "ann" || len(sent.Incarnation) < 10 {
			t.Errorf("line %q: %v, want what was sent and by which life of ann", line, err)
		}
		seqs = append(seqs, sent.ID)
	}
	if got := strings.Join(seqs, " "); got != "ann:1 ann:2 ann:3" {
		t.Errorf("sent %q", got)
	}
	for _, want := range []string{"ann:1  {ann:1}  a", "ann:2  {ann:2}  b", "ann:3  {ann:3}  c"} {
		if got := hub.next(hub.stdout); got != want {
			t.Errorf("the hub printed %q, want %q", got, want)
		}
	}
}

// silent returns an address where nobody answers.
func silent(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

func TestNobodyAnswers(t *testing.T) {
	a, b := silent(t), silent(t)
	for _, args := range [][]string{{"send", "hello"}, {"listen"}} {
		args = append(args, "--join", a, "--join", b, "--timeout", "50ms")
		status, _, stderr := call(t, "", args...)
		if want := "nobody answered within 50ms at " + a + ", " + b; status != statusFailed || !strings.Contains(stderr, want) {
			t.Errorf("gossip %q: status %d, stderr %q; want 1 and %q", args, status, stderr, want)
		}
	}
}

func TestTooFewOfWhatWasAskedFor(t *testing.T) {
	hub := launch(t, nil, "agent").address()
	for _, tt := range []struct{ args, want string }{
		{"listen --count 2 --timeout 2s --join " + hub, "0 of 2 messages came within 2s"},
		{"send --wait-links 2 --timeout 2s --join " + hub + " x", "1 of 2 links came up within 2s (--wait-links, --timeout)"},
	} {
		status, _, stderr := call(t, "", strings.Fields(tt.args)...)
		if status != statusFailed || !strings.Contains(stderr, tt.want) {
			t.Errorf("gossip %s: status %d, stderr %q; want 1 and %q", tt.args, status, stderr, tt.want)
		}
	}
	if status, _, stderr := call(t, "", "listen", "--timeout", "500ms", "--join", hub); status != statusOK {
		t.Errorf("listen for a time: status %d, stderr %q", status, stderr)
	}
}

func TestPortInUse(t *testing.T) {
	addr := launch(t, nil, "agent").address()
	status, _, stderr := call(t, "", "agent", "--listen", addr)
	if status != statusFailed || !strings.Contains(stderr, addr) || !strings.Contains(stderr, "in use") {
		t.Errorf("status %d, stderr %q; want 1 and the address in use", status, stderr)
	}
}

func TestFlagBeatsEnvironmentBeatsDefault(t *testing.T) {
	name := func(args ...string) string {
		t.Helper()
		p := launch(t, nil, append([]string{"agent"}, args...)...)
		id, _ := p.introduction()
		p.interrupt()
		p.wait()
		return id
	}
	if id := name(); !strings.HasPrefix(id, "node-") {
		t.Errorf("by default it is called %q", id)
	}
	t.Setenv("GOSSIP_ID", "env")
	if id := name(); id != "env" {
		t.Errorf("with GOSSIP_ID=env it is called %q", id)
	}
	if id := name("--id", "flag"); id != "flag" {
		t.Errorf("with GOSSIP_ID=env and --id flag it is called %q", id)
	}
}

func TestListenAddress(t *testing.T) {
	for _, tt := range []struct {
		listen, join string
		discovers    bool
		remembered   []string
		want         string
	}{
		{"", "", false, nil, "127.0.0.1:0"},
		{"", "127.0.0.1:1,localhost:2,[::1]:3", false, []string{"127.0.0.1:4"}, "127.0.0.1:0"},
		{"", "127.0.0.1:1,10.0.0.7:7946", false, nil, ":0"},
		{"", "db.example.com:7946", false, nil, ":0"},
		{"", "", true, nil, ":0"},
		{"", "", false, []string{"127.0.0.1:4", "10.0.0.7:7946"}, ":0"},
		{"127.0.0.1:5", "10.0.0.7:7946", true, nil, "127.0.0.1:5"},
	} {
		f := nodeFlags{listen: tt.listen, join: strings.Split(tt.join, ","), discovers: tt.discovers, remembered: tt.remembered}
		if tt.join == "" {
			f.join = nil
		}
		if got := f.listenAddress(); got != tt.want {
			t.Errorf("--listen %q --join %q: listens on %q, want %q", tt.listen, tt.join, got, tt.want)
		}
	}
}

func TestEveryPolicyCanBeChosen(t *testing.T) {
	for args, want := range map[string]string{
		"":                                        "(tail,pushpull,H=1,S=14,c=30)",
		"--view 20":                               "(tail,pushpull,H=1,S=9,c=20)",
		"--policy swapper":                        "(tail,pushpull,H=0,S=15,c=30)",
		"--policy blind --select rand":            "(rand,pushpull,H=0,S=0,c=30)",
		"--policy cyclon":                         "(tail,pushpull,shuffle=8,c=30)",
		"--policy newscast --view 20":             "(rand,head,pushpull,c=20)",
		"--policy lpbcast":                        "(rand,rand,push,c=30)",
		"--swap 7":                                "(tail,pushpull,H=0,S=7,c=30)",
		"--healing 3 --swap 12":                   "(tail,pushpull,H=3,S=12,c=30)",
		"--policy healer --healing 14 --swap 1":   "(tail,pushpull,H=14,S=1,c=30)",
		"--view-select age":                       "(tail,pushpull,H=0,S=0,c=30)",
		"--view-select rand":                      "(tail,rand,pushpull,c=30)",
		"--policy healer --view-select head":      "(tail,head,pushpull,c=30)",
		"--policy cyclon --view-select tail":      "(tail,tail,pushpull,c=30)",
		"--select head --propagate pull":          "(head,pull,H=1,S=14,c=30)",
		"--select rand --propagate push --view 8": "(rand,push,H=1,S=3,c=8)",
	} {
		if got, err := readPolicyFlags(t, args); got != want || err != nil {
			t.Errorf("%q: %v (%v), want %v", args, got, err, want)
		}
	}
}
