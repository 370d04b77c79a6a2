package main

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
)

// eventLineOf is any line of the demo's JSON.
type eventLineOf struct {
	Type, Order, ID, Node string
	InReplyTo             string `json:"in_reply_to"`
	Have, Nodes, Ready    int
	Healed                bool
}

func TestDemoForPrograms(t *testing.T) {
	status, out, stderr := call(t, "", "demo", "--nodes", "8", "--json")
	if status != statusOK || stderr != "" {
		t.Fatalf("status %d, stderr %q, stdout %s", status, stderr, out)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	seen := make(map[string]int)
	replies := 0
	for i, line := range lines {
		var e eventLineOf
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("line %d, %q: %v", i+1, line, err)
		}
		seen[e.Type]++
		seen[e.Type+" "+e.Order]++
		if e.InReplyTo != "" {
			replies++
		}
		if e.Type == "message" && e.Have != e.Nodes {
			t.Errorf("%s is at %d of %d nodes", e.ID, e.Have, e.Nodes)
		}
	}
	for _, want := range []string{"start", "overlay", "message", "delivery", "relation before", "relation concurrent", "kill", "heal"} {
		if seen[want] == 0 {
			t.Errorf("no %q among the events", want)
		}
	}
	if replies == 0 {
		t.Error("nobody answered")
	}

	var s summaryEvent
	last := lines[len(lines)-1]
	if err := json.Unmarshal([]byte(last), &s); err != nil || !strings.HasPrefix(last, `{"type":"summary"`) {
		t.Fatalf("the last line is %q (%v), want the summary", last, err)
	}
	switch {
	case !s.OK, s.Nodes != 8, s.NodesComplete != 8, s.Survivors != 7, s.SurvivorsComplete != 7,
		// The messages that turned out ordered come on top of the 24.
		s.Messages != 24+2*seen["retry"], s.MessagesAfter != 6,
		s.Expected != 8*s.Messages+7*s.MessagesAfter, s.Delivered != s.Expected,
		s.Duplicates != 0, s.Unexpected != 0, s.CausalViolations != 0, s.WrongClocks != 0, len(s.Problems) != 0,
		s.PacketBytes == 0, s.LinkBytes == 0, s.WallMS == 0:
		t.Errorf("the summary is wrong: %s", last)
	}
}

func TestDemoForPeople(t *testing.T) {
	status, out, stderr := call(t, "", "demo", "--nodes", "5", "--messages", "8", "--seed", "1")
	if status != statusOK || stderr != "" {
		t.Fatalf("status %d, stderr %q, stdout %s", status, stderr, out)
	}
	for _, want := range []string{
		"seed 1", "5/5 ready", "happened before", "concurrent", "n0, through which all the others joined",
		"5/5 nodes delivered ", "4/4 survivors delivered 2/2 messages", "Every promise was kept.",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if strings.Contains(out, "\x1b") || strings.Contains(out, "\r") {
		t.Error("there are control characters, and this is no terminal")
	}
	checkWidth(t, out)
}

// A demo that is interrupted has proved nothing, and says so.
func TestDemoInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, stderr bytes.Buffer
	status := runContext(ctx, []string{"demo", "--nodes", "3", "--json"}, console{nil, &out, &stderr})
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if last := lines[len(lines)-1]; status != statusFailed || !strings.HasPrefix(last, `{"type":"summary","ok":false`) {
		t.Errorf("status %d, last line %q", status, last)
	}
	if !strings.Contains(stderr.String(), "waiting for the nodes to find each other") {
		t.Errorf("stderr %q does not say what was missing", stderr.String())
	}
}

// On a terminal a line is drawn over, and a line that stays clears it first.
func TestRedraw(t *testing.T) {
	var out strings.Builder
	r := textReporter{w: &out, live: true, width: 20}
	r.redraw("%s", "under way, and longer than the terminal is wide")
	r.redraw("too soon for anyone to read")
	r.line("done")
	if want := "under way, and long\r\x1b[Kdone\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}
