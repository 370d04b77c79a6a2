package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/api"
)

// A simulation that is watched shows all of its nodes, lets some die, and takes messages.
func TestSimWatched(t *testing.T) {
	const nodes = 30
	p := launch(t, nil, "sim", "watch", "--nodes", "30", "--speed", "20", "--replace", "2s", "--seed", "7")
	_, rest, found := strings.Cut(p.next(p.stdout), "look at ")
	if !found {
		t.Fatal("it does not say where to look")
	}
	url, _, _ := strings.Cut(rest, " ")
	late := time.After(patience)
	for {
		var o api.Overlay
		if err := json.Unmarshal([]byte(body(t, url+"v1/overlay")), &o); err != nil {
			t.Fatal(err)
		}
		names := make(map[string]bool)
		tree := 0
		for _, n := range o.Nodes {
			names[n.ID] = true
		}
		for _, l := range o.Links {
			if l.Tree {
				tree++
			}
		}
		// Everybody is there, somebody has been replaced, and there is a tree.
		if len(o.Views) == nodes && (names["n0030"] || names["n0031"]) && tree >= nodes-1 {
			break
		}
		select {
		case <-time.After(50 * time.Millisecond): // the picture is one of every second
		case <-late:
			t.Fatalf("%d nodes, %d views, %d links in the tree", len(o.Nodes), len(o.Views), tree)
		}
	}
	if status, out, stderr := call(t, "", "send", "--api", strings.TrimSuffix(url, "/"), "hello"); status != statusOK || !strings.HasPrefix(out, "n0000:") {
		t.Errorf("send: status %d, stdout %q, stderr %q", status, out, stderr)
	}
	if status, out, _ := call(t, "", "view", "--api", strings.TrimSuffix(url, "/")); status != statusOK || !strings.Contains(out, "sent at once") {
		t.Errorf("view: status %d, %q", status, out)
	}
	if status, out, _ := call(t, "", "stats", "--api", strings.TrimSuffix(url, "/")); status != statusOK || !strings.Contains(out, "virtual_seconds") {
		t.Errorf("stats: status %d, %q", status, out)
	}
	p.interrupt()
	if status := p.wait(); status != statusOK {
		t.Errorf("status %d, stderr %q", status, p.stderr.rest())
	}
}
