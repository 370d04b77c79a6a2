package main

import (
	"fmt"
	"math"
	"testing"
	"time"
)

// Whatever is compared has to do the work: at four nodes, with no load to speak of,
// every system brings every message to everybody.
func TestEverySystemDeliversEverything(t *testing.T) {
	for _, s := range systems() {
		t.Run(s.Label(), func(t *testing.T) {
			t.Parallel()
			b := &bench{cell: cell{Nodes: 4}, system: s, led: newLedger(4)}
			if err := b.start(Options{}); err != nil {
				t.Fatal(err)
			}
			defer b.cluster.Close()
			payload := b.led.newPayload(256)
			first := b.led.next.Load()
			for origin := range 4 {
				b.led.write(payload, origin, nil)
				if err := b.cluster.Broadcast(origin, payload); err != nil {
					t.Fatal(err)
				}
			}
			b.led.drain(first, first+4, 20*time.Second)
			if r := b.led.ratio(first, first+4); r != 1 {
				t.Errorf("%v of the deliveries were made", r)
			}
		})
	}
}

// Two systems of one name could not be told apart in the results, and one without
// settings in words could not be judged.
func TestSystemsAreTold(t *testing.T) {
	had := make(map[string]bool)
	for _, s := range systems() {
		if had[s.Label()] || s.Name == "" || s.Variant == "" || s.Settings == "" || s.MaxPayload < 256 || s.Patience <= 0 {
			t.Errorf("%+v", s)
		}
		had[s.Label()] = true
		for _, payload := range []int{64, 1 << 20} {
			if w := s.Window(64, payload, 8); w < 1 || w*payload > 32<<20 {
				t.Errorf("%s: %d messages of %d B under way", s.Label(), w, payload)
			}
		}
	}
}

// A measure of what is cheap to start reports each of its metrics with a number, and a
// payload that is too long as an error.
func TestMeasuresReport(t *testing.T) {
	for _, test := range []struct {
		measure, system string
		metrics         int
	}{
		{"saturated", "floor/batched", 7},
		{"latency", "floor/single", 9},
		{"latency", ours, 9},
		{"join", ours, 3},
	} {
		t.Run(test.measure+" "+test.system, func(t *testing.T) {
			got := make(map[string]float64)
			c := cell{System: test.system, Nodes: 4, Measure: test.measure, Payloads: []int{256}, Origins: []int{2}, Rate: usualRate, For: 300 * time.Millisecond}
			err := measureCell(c, func(r Result) {
				if r.Value == nil || math.IsNaN(*r.Value) || math.IsInf(*r.Value, 0) || *r.Value < 0 {
					t.Errorf("%+v", r)
					return
				}
				got[r.Metric] = *r.Value
			})
			if err != nil {
				t.Fatal(err)
			}
			delete(got, "system calls per delivery") // only where perf is
			want := test.metrics
			if len(got) != want {
				t.Errorf("%d metrics and not %d: %v", len(got), want, got)
			}
			if r, ok := got["delivery ratio"]; ok && r != 1 {
				t.Errorf("the ratio is %v", r)
			}
		})
	}
}

func TestTooLongPayloadIsAnError(t *testing.T) {
	var got []Result
	c := cell{System: "memberlist/default", Nodes: 2, Measure: "saturated", Payloads: []int{1 << 20}, Origins: []int{1}}
	if err := measureCell(c, func(r Result) { got = append(got, r) }); err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0].Error == "" || got[0].Payload != 1<<20 {
		t.Errorf("%+v", got)
	}
}

// Systems start a run one after the other, and no one always first.
func TestPlanAlternates(t *testing.T) {
	chosen, err := choose("gossip/plain,memberlist,floor/single")
	if err != nil {
		t.Fatal(err)
	}
	saturated, _ := findMeasure("saturated")
	kill, _ := findMeasure("kill")
	p := plan{systems: chosen, measures: []measure{saturated, kill}, nodes: []int{16, 64}}
	first := make(map[string]bool)
	for run := 1; run <= 4; run++ {
		cells := p.cells(run)
		if len(cells) != 2*(4+3) { // nobody can kill the floor
			t.Fatalf("%d cells", len(cells))
		}
		had := make(map[string]bool)
		for _, c := range cells {
			had[fmt.Sprint(c.System, c.Measure, c.Nodes)] = true
		}
		if len(had) != len(cells) {
			t.Errorf("run %d measures something twice: %v", run, cells)
		}
		first[cells[0].System] = true
	}
	if len(first) < 3 {
		t.Errorf("only %v ever run first", first)
	}
}

func TestChoose(t *testing.T) {
	for list, want := range map[string]int{"floor": 2, "floor/single": 1, "floor/single,serf": 2, "all": len(systems())} {
		if got, err := choose(list); err != nil || len(got) != want {
			t.Errorf("%q: %d systems, %v", list, len(got), err)
		}
	}
	if _, err := choose("floor,tulip"); err == nil {
		t.Error("there is a tulip")
	}
}
