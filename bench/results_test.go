package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const someResults = `
{"system":"gossip","variant":"plain","measure":"saturated","metric":"rate","n":64,"payload":256,"origins":8,"value":30000,"unit":"1/s","run":1,"go":"go1.26","date":"2026-11-26","cores":2}
{"system":"gossip","variant":"plain","measure":"saturated","metric":"rate","n":64,"payload":256,"origins":8,"value":10000,"unit":"1/s","run":2,"go":"go1.26","date":"2026-11-26","cores":2}
{"system":"gossip","variant":"plain","measure":"saturated","metric":"rate","n":64,"payload":256,"origins":8,"value":20000,"unit":"1/s","run":3,"go":"go1.26","date":"2026-11-26","cores":2}
{"system":"gossip","variant":"plain","measure":"saturated","metric":"rate","n":16,"payload":256,"origins":8,"value":2000000,"unit":"1/s","run":1,"go":"go1.26","date":"2026-11-26","cores":2}
{"system":"floor","variant":"single","measure":"saturated","metric":"rate","n":64,"payload":256,"origins":8,"value":0.9996,"unit":"1/s","run":1,"go":"go1.26","date":"2026-11-26","cores":2}
{"system":"serf","variant":"default","measure":"saturated","n":64,"value":null,"error":"not done after 5m0s","run":1,"go":"go1.26","date":"2026-11-26","cores":2}
{"system":"serf","variant":"default","measure":"kill","metric":"whole after","n":64,"value":null,"unit":"s","run":1,"go":"go1.26","date":"2026-11-26","cores":2}
`

const someTables = `Medians of up to 3 runs, of ratios the least; go1.26, 2 cores, 2026-11-26.

**saturated: rate [1/s], 256 B, 8 origins**

| | N = 16 | N = 64 |
| --- | ---: | ---: |
| floor/single | – | 0.99960 |
| gossip/plain | 2.00 M | 20.0 k |
| serf/default | – | [1] |

**kill: whole after [s]**

| | N = 64 |
| --- | ---: |
| serf/default | never |

[1] not done after 5m0s

`

// Medians stand in tables, systems in one order, and what failed says so.
func TestTables(t *testing.T) {
	results, err := decodeResults(strings.NewReader(someResults))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := writeTables(&b, results); err != nil {
		t.Fatal(err)
	}
	if b.String() != someTables {
		t.Errorf("got\n%s\nwant\n%s", b.String(), someTables)
	}
}

func TestNoTables(t *testing.T) {
	if err := writeTables(&strings.Builder{}, nil); err == nil {
		t.Error("a table of nothing")
	}
	if _, err := decodeResults(strings.NewReader("{}\n{")); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("%v", err)
	}
}

func TestPlots(t *testing.T) {
	results, err := decodeResults(strings.NewReader(someResults))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := writePlots(dir, results); err != nil {
		t.Fatal(err)
	}
	svg, err := os.ReadFile(filepath.Join(dir, "saturated-rate-1-s-256-b-8-origins.svg"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"gossip/plain", "floor/single"} {
		if !strings.Contains(string(svg), want) {
			t.Errorf("%s is not in the figure", want)
		}
	}
}

// A target is held against the best of those that it names.
func TestTargets(t *testing.T) {
	result := func(label string, value float64) Result {
		system, variant, _ := strings.Cut(label, "/")
		return Result{
			System: system, Variant: variant, Measure: "saturated", Metric: "deliveries per CPU-second", Unit: "1/s",
			Nodes: 64, Payload: 256, Origins: 8, Value: &value, Run: 1,
		}
	}
	results := []Result{
		result(ours, 50_000),
		result("gossipsub/default", 2000),
		result("gossipsub/tuned", 10_000),
		result("memberlist/tuned", 10_000),
	}
	var b strings.Builder
	if err := writeTargets(&b, results); err != nil {
		t.Fatal(err)
	}
	const want = `| target | N | ours | compared with | is | runs | |
| --- | ---: | ---: | ---: | ---: | ---: | --- |
| gossip/plain, saturated: deliveries per CPU-second [1/s], 256 B, 8 origins ≥ 10 × | 64 | 50.0 k | 10.0 k (gossipsub/tuned) | 5 | 1 | **missed** |
| gossip/plain, saturated: deliveries per CPU-second [1/s], 256 B, 8 origins ≥ 3 × | 64 | 50.0 k | 10.0 k (memberlist/tuned) | 5 | 1 | reached |
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

// What never happened took longer than all that did, and what went wrong reaches nothing.
func TestTargetsMissed(t *testing.T) {
	soon, late := 0.001, 100.0
	kill := func(value *float64, err string) Result {
		r := Result{System: "gossip", Variant: "plain", Measure: "kill", Nodes: 64, Value: value, Error: err}
		if err == "" {
			r.Metric, r.Unit, r.Payload, r.Origins = "whole after", "s", 256, burst
		}
		return r
	}
	for name, c := range map[string]struct {
		results []Result
		want    string
	}{
		"in time":             {[]Result{kill(&soon, ""), kill(&late, ""), kill(&soon, "")}, "| 0.001 | | 0.001 | 3 | reached |"},
		"never":               {[]Result{kill(nil, "")}, "| never | | never | 1 | **missed** |"},
		"never in most":       {[]Result{kill(&soon, ""), kill(nil, ""), kill(nil, "")}, "| never | | never | 3 | **missed** |"},
		"a never is not soon": {[]Result{kill(&soon, ""), kill(&late, ""), kill(nil, "")}, "| 100 | | 100 | 3 | **missed** |"},
		"a run ended":         {[]Result{kill(&soon, ""), kill(nil, "it panicked")}, "| 0.001 | | 0.001 | 1 | **missed**: it panicked |"},
	} {
		var b strings.Builder
		if err := writeTargets(&b, c.results); err != nil {
			t.Fatal(err)
		}
		if got := strings.ReplaceAll(b.String(), "|  |", "| |"); !strings.HasSuffix(got, c.want+"\n") {
			t.Errorf("%s: %q does not end with %q", name, got, c.want)
		}
	}
}

// Of ratios it is the least that counts: what got lost in two runs of five did get lost.
func TestTheLeastRatioCounts(t *testing.T) {
	var results []Result
	for _, v := range []float64{1, 1, 0.998, 1, 1} {
		results = append(results, Result{
			System: "gossip", Variant: "plain", Measure: "latency", Metric: "delivery ratio", Nodes: 64, Payload: 256, Value: &v,
		})
	}
	var b strings.Builder
	if err := writeTargets(&b, results); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "| 0.99800 | 5 | **missed** |") {
		t.Errorf("%q", b.String())
	}
}

// What was measured under other conditions has a table of its own.
func TestUnusualResultsStandAlone(t *testing.T) {
	fast, slow := 1.0, 2.0
	all := grids([]Result{
		{System: "gossip", Variant: "plain", Measure: "latency", Metric: "last node p50", Nodes: 64, Value: &fast, Unusual: "real-time priority"},
		{System: "gossip", Variant: "plain", Measure: "latency", Metric: "last node p50", Nodes: 64, Value: &slow},
	})
	if len(all) != 2 || all[0].String() != "latency: last node p50, real-time priority" || all[1].String() != "latency: last node p50" {
		t.Errorf("%v", all)
	}
	latency, _ := findMeasure("latency")
	idle, _ := findMeasure("idle")
	c := cell{Rate: 2, Settle: time.Minute, For: 20 * time.Second}
	if got := c.unusual(latency); !strings.HasPrefix(got, "2 messages/s, for 20s") {
		t.Errorf("%q", got)
	}
	if got := c.unusual(idle); !strings.HasPrefix(got, "after 1m0s, for 20s") {
		t.Errorf("%q", got)
	}
}

// Digits are not invented, and what is short of a ratio of 1 is not rounded away.
func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 1: "1", 0.000123456: "0.000123", 12.34: "12.3", 123.4: "123", 5120: "5120",
		45_678: "45.7 k", 4_110_000: "4.11 M", 0.999996: "0.99999", 0.5: "0.5",
	} {
		if got := number(v); got != want {
			t.Errorf("%v is written %q and not %q", v, got, want)
		}
	}
}
