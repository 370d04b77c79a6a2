package netns

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
)

// script is what two nodes' journals say: a says a1, b delivers it and says b1.
const script = `
a {"Kind":"started","Origin":"a","Incarnation":1}
b {"Kind":"started","Origin":"b","Incarnation":2}
a {"Kind":"told","Event":"link up","Origin":"b","Incarnation":2}
b {"Kind":"told","Event":"link up","Origin":"a","Incarnation":1}
a {"Kind":"saying","Seq":1}
a {"Kind":"delivered","Origin":"a","Incarnation":1,"Seq":1,"Clock":"{a#1:1}","Sum":5,"Size":9,"Talk":{"Answers":1,"Next":"b"}}
a {"Kind":"sent","Origin":"a","Incarnation":1,"Seq":1,"Sum":5}
b {"Kind":"delivered","Origin":"a","Incarnation":1,"Seq":1,"Clock":"{a#1:1}","Sum":5,"Size":9,"Talk":{"Answers":1,"Next":"b"}}
b {"Kind":"saying","Seq":1}
b {"Kind":"delivered","Origin":"b","Incarnation":2,"Seq":1,"Clock":"{a#1:1, b#2:1}","Sum":6,"Size":9,"Talk":{"Answers":0}}
b {"Kind":"sent","Origin":"b","Incarnation":2,"Seq":1,"Sum":6,"Answer":true}
a {"Kind":"delivered","Origin":"b","Incarnation":2,"Seq":1,"Clock":"{a#1:1, b#2:1}","Sum":6,"Size":9,"Talk":{"Answers":0}}
`

func lines(text string) []string { return strings.Split(strings.TrimSpace(text), "\n") }

// read lets a ledger read lines of journals.
func read(t *testing.T, lines []string) *Ledger {
	t.Helper()
	l := newLedger()
	lives := map[string]*Life{"a": l.began("a"), "b": l.began("b")}
	l.asked(lives["a"])
	for _, line := range lines {
		name, text, _ := strings.Cut(line, " ")
		var e entry
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			t.Fatal(err)
		}
		if err := l.take(lives[name], &e); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

// Only at the very end of the script has everybody everything.
func TestWhenAllIsSettled(t *testing.T) {
	all := lines(script)
	for n := range all {
		if read(t, all[:n]).settled() {
			t.Errorf("settled before %s", all[n])
		}
	}
	l := read(t, all)
	if !l.settled() || l.Lacking() != 0 {
		t.Errorf("not settled in the end:\n%s", l.standing())
	}
	if o := l.judge(); !o.Kept() || o.Messages != 2 || o.Deliveries != 4 || o.PayloadBytes != 18 {
		t.Errorf("%+v: %v %v", o, o.Wrong, o.Problems)
	}
}

// The ledger and the oracle see what is wrong with journals.
func TestWhatIsWrongIsTold(t *testing.T) {
	gap := `b {"Kind":"told","Event":"gap","Origin":"a","Incarnation":1,"From":1,"To":1}`
	tests := []struct {
		name    string
		change  func([]string) []string
		problem string
	}{
		{"lost", func(s []string) []string { return s[:11] }, "P4: a never delivered b:1"},
		{"twice", func(s []string) []string { return append(s, s[11]) }, "P1: a delivered b:1 again"},
		{"a wrong clock", func(s []string) []string {
			s[11] = strings.Replace(s[11], "a#1:1, ", "", 1)
			return s
		}, "P3: a delivered b:1 with the clock"},
		{"reported as gone, and delivered", func(s []string) []string { return append(s, gap) }, "P6: b reported a:1 as gone"},
		{"damaged", func(s []string) []string {
			s[11] = strings.Replace(s[11], `"Sum":6`, `"Sum":7`, 1)
			return s
		}, "a has b:1 with another payload than others"},
		{"never said", func(s []string) []string {
			return append(s, strings.Replace(s[11], `"Seq":1`, `"Seq":2`, 1))
		}, "P2: a delivered b:2, which nobody sent"},
		{"no link", func(s []string) []string {
			return append(s, strings.Replace(s[2], "link up", "link down", 1))
		}, "P8: the links of the nodes that are up make 2 networks"},
		{"too many peers", nil, "P7: a has 31 peers in its view, more than 30"},
		{"things that were not told", nil, "a could not tell 2 things"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			script := lines(script)
			if tt.change != nil {
				script = tt.change(script)
			}
			l := read(t, script)
			switch tt.name {
			case "too many peers":
				l.lives[0].stats.View = maxView + 1
			case "things that were not told":
				l.lives[0].stats.EventsDropped = 2
			}
			o := l.judge()
			if all := strings.Join(append(o.Wrong, o.Problems...), "\n"); o.Kept() || !strings.Contains(all, tt.problem) {
				t.Errorf("got %q, want %q", all, tt.problem)
			}
		})
	}
}

// A node that was killed is owed nothing, and what only it has is owed to nobody.
// What it was about to say counts as sent if it got out.
func TestTheKilledAreOwedNothing(t *testing.T) {
	all := lines(script)
	l := read(t, all[:5]) // a was about to say a1
	l.ended(l.lives[0])
	if !l.settled() {
		t.Errorf("a message that nobody has is still owed:\n%s", l.standing())
	}
	if o := l.judge(); !o.Kept() || o.Messages != 0 {
		t.Errorf("%d messages: %v", o.Messages, o.Problems)
	}
	l = read(t, append(all[:5:5], all[7:11]...))
	l.ended(l.lives[0])
	if o := l.judge(); !o.Kept() || o.Messages != 2 {
		t.Errorf("%d messages: %v", o.Messages, o.Problems)
	}
}

// A node that ends by itself is an error at once, not a wait.
func TestANodeThatEndsIsTold(t *testing.T) {
	l := newLedger()
	life := l.began("a")
	l.follow(life, strings.NewReader(`{"Kind":"failed","Error":"no room"}`+"\n"))
	err := l.Settled(t.Context())
	if err == nil || !strings.Contains(err.Error(), "no room") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	cancel(cause)
	l = newLedger()
	l.began("b")
	if err := l.Settled(ctx); !errors.Is(err, cause) || !strings.Contains(err.Error(), "b lacks 0, said 0 of 0") {
		t.Errorf("got %v", err)
	}
}

func TestReadingWhatTheKernelSays(t *testing.T) {
	c, err := parsePairs("Ip: Forwarding FragCreates\nIp: 2 7\nTcp: MaxConn RetransSegs\nTcp: -1 12\n")
	if err != nil || c["Ip FragCreates"] != 7 || c["Tcp RetransSegs"] != 12 {
		t.Errorf("%v, %v", c, err)
	}
	if _, err := parsePairs("Ip: Forwarding\nTcp: 2\n"); err == nil {
		t.Error("lines that do not belong together are taken for a pair")
	}
	if c, err := parseSingles("Ip6FragCreates      \t3\n"); err != nil || c["Ip6FragCreates"] != 3 {
		t.Errorf("%v, %v", c, err)
	}
	const dev = "Inter-| Receive | Transmit\n face |bytes\n    lo: 1 2 0 0 0 0 0 0 3 4 0 0 0 0 0 0\n  eth0: 11 12 0 0 0 0 0 0 13 14 0 0 0 0 0 0\n"
	if c, err := parseDevices(dev); err != nil || c["eth0 bytes"] != 13 || c["eth0 packets"] != 14 {
		t.Errorf("%v, %v", c, err)
	}
	const ss = "0 0 10.77.0.1:7946 10.77.0.2:40000\n\t cubic wscale:7,7 rto:204 rtt:0.05/0.02 mss:1228 pmtu:1280 rcvmss:536\n"
	if list, err := parseConnections(ss); err != nil || len(list) != 1 || list[0].MSS != 1228 || list[0].RTT.Microseconds() != 50 {
		t.Errorf("%v, %v", list, err)
	}
	const tc = `[{"kind":"netem","handle":"8001:","root":true,"bytes":4242,"packets":95,"drops":5},{"kind":"clsact"}]`
	if tally, err := readQdiscs(tc); err != nil || tally != (Tally{Sent: 95, Lost: 5}) {
		t.Errorf("%+v, %v", tally, err)
	}
}

// What a message says about who answers survives its way, whatever its size.
func TestTalk(t *testing.T) {
	for _, size := range []int{0, 1000} {
		want := talk{Answers: 3, Next: "h7", Size: size}
		b, err := want.payload()
		if err != nil || len(b) < size {
			t.Fatalf("%d bytes, %v", len(b), err)
		}
		if got, err := readTalk(b); err != nil || got != want {
			t.Errorf("got %+v, want %+v: %v", got, want, err)
		}
	}
}

// config is what a node gets by this package; all the rest is gossip's defaults, on
// which the bounds here rest.
func TestTheBoundsAreTheDefaults(t *testing.T) {
	t.Setenv(keysVariable, key.Text())
	c, err := (&nodeSpec{ID: "a"}).config()
	if err != nil {
		t.Fatal(err)
	}
	if c.Links != 0 || c.LogBytes != 0 || c.Sampling.C != 0 || gossip.DefaultPolicy().C != maxView {
		t.Errorf("%+v is not the default", c)
	}
}
