package main

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/api"
	"github.com/Ishan27gOrg/gossipProtocol/gossip"
	"github.com/Ishan27gOrg/gossipProtocol/metrics"
)

// What top shows of an agent that does something.
func TestTopOnce(t *testing.T) {
	a := launch(t, nil, "agent", "--id", "a", "--quiet")
	addr := a.address()
	url := a.api()
	b := launch(t, nil, "agent", "--id", "b", "--quiet", "--join", addr, "--events")
	b.next(b.stdout) // the link is up
	call(t, "", "send", "--api", url, "hello", "two\nlines")
	status, out, stderr := call(t, "", "top", "--api", url, "--once", "--every", "100ms")
	if status != statusOK {
		t.Fatalf("status %d, stderr %q", status, stderr)
	}
	for _, want := range []string{"a at " + addr, "delivered", "MEMORY [", "b     127.0.0.1", "DROPPED", "a:1  0 hops", "hello", `"two\nlines"`} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
}

// All that top looks for is there: a name that is wrong would be 0 for ever.
func TestTopKnowsTheNames(t *testing.T) {
	a := launch(t, nil, "agent", "--quiet")
	a.address()
	p := apiFlags{address: a.api()}
	c, err := p.client()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	stats, err := c.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append([]string{"memory_held", "memory", "log_bytes", "log_messages", "backlog_bytes", "held_messages", "origins"}, append(rated, dropped...)...) {
		if _, known := stats[name]; !known {
			t.Errorf("there is no %q", name)
		}
	}
}

// Keys, rates and failures.
func TestTopModel(t *testing.T) {
	at := time.Unix(1764177060, 0)
	m := topModel{every: time.Second, now: glance{at: at, stats: map[string]float64{"protocol.delivered": 10}}}
	step := func(msg tea.Msg) tea.Cmd {
		next, cmd := m.Update(msg)
		m = next.(topModel)
		return cmd
	}
	step(glance{at: at.Add(2 * time.Second), stats: map[string]float64{"protocol.delivered": 50}})
	if r := m.rate("protocol.delivered"); r != 20 {
		t.Errorf("40 in 2 s are %v a second", r)
	}
	step(glance{err: errors.New("it is gone")})
	if text := m.text(); !strings.Contains(text, "it is gone") || m.rate("protocol.delivered") != 20 {
		t.Errorf("after a failure the last look is not shown: %s", text)
	}
	step(tea.KeyPressMsg{Code: 'p', Text: "p"})
	if !m.held || !strings.Contains(m.View().Content, "") {
		t.Error("p does not hold it still")
	}
	step(tea.WindowSizeMsg{Width: 20, Height: 3})
	for line := range strings.Lines(m.View().Content) {
		if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > 20 {
			t.Errorf("a line has %d columns of 20", n)
		}
	}
	if n := strings.Count(m.View().Content, "\n"); n > 2 {
		t.Errorf("%d lines of 3", n+1)
	}
	if cmd := step(tea.KeyPressMsg{Code: 'q', Text: "q"}); cmd == nil {
		t.Error("q does not end it")
	}
}

// numbered is a node of whose numbers no two are the same.
type numbered struct{ stats gossip.Stats }

func (n numbered) Stats() gossip.Stats { return n.stats }

// Whatever Prometheus is told is dropped, top tells too.
func TestTopKnowsWhatIsDropped(t *testing.T) {
	var n numbered
	next := uint64(1)
	var number func(v reflect.Value)
	number = func(v reflect.Value) {
		for i := range v.NumField() {
			switch f := v.Field(i); {
			case f.Kind() == reflect.Struct:
				number(f)
			case f.CanUint():
				f.SetUint(next)
				next++
			}
		}
	}
	number(reflect.ValueOf(&n.stats).Elem())
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(metrics.NewCollector(n))
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	told := make(map[float64]bool)
	numbers := api.Numbers(n.stats)
	for _, name := range dropped {
		if _, is := numbers[name]; !is {
			t.Errorf("there is no number %s", name)
		}
		told[numbers[name]] = true
	}
	reasons := 0
	for _, f := range families {
		if f.GetName() != "gossip_dropped_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			if reasons++; !told[m.GetCounter().GetValue()] {
				t.Errorf("top does not tell of what is dropped as %v", m.GetLabel()[0].GetValue())
			}
		}
	}
	if reasons < 40 {
		t.Errorf("%d reasons are known to Prometheus", reasons)
	}
}
