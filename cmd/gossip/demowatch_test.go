package main

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/api"
)

// A demo that is watched shows all of its nodes, and what each of them delivers, until it
// is interrupted.
func TestDemoWatched(t *testing.T) {
	const nodes = 6
	p := launch(t, nil, "demo", "--watch", "--nodes", "6", "--seed", "1")
	line := p.next(p.stdout)
	_, rest, found := strings.Cut(line, "look at ")
	if !found {
		t.Fatalf("it printed %q", line)
	}
	url, _, _ := strings.Cut(rest, " ")
	var self api.Self
	if err := json.Unmarshal([]byte(body(t, url+"v1/self")), &self); err != nil || self.Network != "demo" || self.ID != "n000" {
		t.Errorf("it is %+v, %v", self, err)
	}
	late := time.After(patience)
	for {
		var o api.Overlay
		if err := json.Unmarshal([]byte(body(t, url+"v1/overlay")), &o); err != nil {
			t.Fatal(err)
		}
		if o.Complete && len(o.Nodes) == nodes && len(o.Views) == nodes && len(o.Links) >= nodes-1 {
			break
		}
		select {
		case <-time.After(50 * time.Millisecond): // the picture is one of every second
		case <-late:
			t.Fatalf("%d nodes, %d views, %d links, complete: %v; want %d nodes and all about them", len(o.Nodes), len(o.Views), len(o.Links), o.Complete, nodes)
		}
	}
	r, err := http.Get(url + "v1/deliveries")
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer r.Body.Close()
	lines := bufio.NewScanner(r.Body)
	at := make(map[string]map[string]bool) // messages, nodes
	for full := false; !full; {
		var d api.Delivery
		if !lines.Scan() || json.Unmarshal(lines.Bytes(), &d) != nil && len(lines.Bytes()) > 0 {
			t.Fatalf("the deliveries end: %v, %q", lines.Err(), lines.Text())
		}
		if at[d.ID] == nil {
			at[d.ID] = make(map[string]bool)
		}
		if at[d.ID][d.Node] = true; d.Hops > 0 && d.Via == "" {
			t.Errorf("nobody brought %+v", d)
		}
		full = len(at[d.ID]) == nodes
	}
	p.interrupt()
	if status := p.wait(); status != statusOK {
		t.Errorf("status %d, stderr %q", status, p.stderr.rest())
	}
}
