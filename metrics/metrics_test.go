package metrics

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
)

// still is a node whose stats are what a test says.
type still struct{ s gossip.Stats }

func (s *still) Stats() gossip.Stats { return s.s }

// numbered sets every field to another number, and returns them by name.
func numbered(prefix string, v reflect.Value, fields map[string]float64) {
	for i := range v.NumField() {
		f, name := v.Field(i), prefix+v.Type().Field(i).Name
		switch {
		case f.Kind() == reflect.Struct:
			numbered(name+".", f, fields)
		case f.CanInt():
			f.SetInt(int64(len(fields) + 1))
			fields[name] = float64(f.Int())
		case f.CanUint():
			f.SetUint(uint64(len(fields) + 1))
			fields[name] = float64(f.Uint())
		}
	}
}

// Each field of gossip.Stats is one time series, with that field's value.
func TestEveryFieldIsRead(t *testing.T) {
	var s gossip.Stats
	fields := make(map[string]float64)
	numbered("", reflect.ValueOf(&s).Elem(), fields)
	series := make(map[string]bool)
	for _, m := range table {
		want, known := fields[m.field]
		if !known {
			t.Errorf("%s reads the field %q, which is not there or was read before", m.name, m.field)
			continue
		}
		delete(fields, m.field)
		if got := m.read(&s); got != want {
			t.Errorf("%s is %v, want %v of %s", m.name, got, want, m.field)
		}
		if id := fmt.Sprint(m.name, m.label); series[id] {
			t.Errorf("there are two of %s", id)
		} else {
			series[id] = true
		}
	}
	for field := range fields {
		t.Errorf("nothing reads %s", field)
	}
}

// Names and texts are as Prometheus wants them, and all are there at the first look.
func TestConventions(t *testing.T) {
	var node still
	node.s.Delivered, node.s.Links = 7, 5
	deliveries := NewDeliveries()
	deliveries.Observe(gossip.Message{Hops: 3, Age: 20 * time.Millisecond})
	deliveries.Observe(gossip.Message{}) // the node's own
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(NewCollector(&node), deliveries)
	problems, err := testutil.GatherAndLint(registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if p != (promlint.Problem{}) {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
	want := `
# HELP gossip_delivered_messages_total Messages delivered, the node's own among them.
# TYPE gossip_delivered_messages_total counter
gossip_delivered_messages_total 7
# HELP gossip_links Links that are up.
# TYPE gossip_links gauge
gossip_links 5
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "gossip_delivered_messages_total", "gossip_links"); err != nil {
		t.Error(err)
	}
	if n, err := testutil.GatherAndCount(registry); err != nil || n != len(table)+2 {
		t.Errorf("%d time series, %v; want %d", n, err, len(table)+2)
	}
}

// A node that runs is read.
func TestOfANode(t *testing.T) {
	node, err := gossip.Start(t.Context(), gossip.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer node.Close()
	if _, err := node.Broadcast(t.Context(), []byte("x")); err != nil {
		t.Fatal(err)
	}
	if n := testutil.ToFloat64(only{NewCollector(node), "gossip_delivered_messages_total"}); n != 1 {
		t.Errorf("it has delivered %v, want 1", n)
	}
}

// only is a collector of one metric of another.
type only struct {
	*Collector
	name string
}

func (o only) Collect(metrics chan<- prometheus.Metric) {
	all := make(chan prometheus.Metric, len(table))
	o.Collector.Collect(all)
	close(all)
	for m := range all {
		if strings.Contains(m.Desc().String(), `"`+o.name+`"`) {
			metrics <- m
		}
	}
}
