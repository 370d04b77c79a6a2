package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
)

// Node is what a Collector reads: a *gossip.Node.
type Node interface{ Stats() gossip.Stats }

// Collector is a prometheus.Collector of one node. Each time that it is read, it asks
// the node once.
type Collector struct {
	node  Node
	descs []*prometheus.Desc // of table
}

var _ prometheus.Collector = (*Collector)(nil)

// NewCollector returns a collector of a node. For several nodes in one registry wrap
// each with prometheus.WrapRegistererWith and a label for the node.
func NewCollector(node Node) *Collector {
	c := &Collector{node: node}
	for _, m := range table {
		c.descs = append(c.descs, m.desc())
	}
	return c
}

func (m metric) desc() *prometheus.Desc {
	var labels prometheus.Labels
	if m.label[0] != "" {
		labels = prometheus.Labels{m.label[0]: m.label[1]}
	}
	return prometheus.NewDesc("gossip_"+m.name, m.help, nil, labels)
}

// Describe is part of prometheus.Collector.
func (c *Collector) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		descs <- d
	}
}

// Collect is part of prometheus.Collector.
func (c *Collector) Collect(metrics chan<- prometheus.Metric) {
	s := c.node.Stats()
	for i, m := range table {
		kind := prometheus.CounterValue
		if m.gauge {
			kind = prometheus.GaugeValue
		}
		metrics <- prometheus.MustNewConstMetric(c.descs[i], kind, m.read(&s))
	}
}

// Deliveries counts how long messages took and how many links they crossed. It is a
// prometheus.Collector, and may be used by any goroutine.
type Deliveries struct{ age, hops prometheus.Histogram }

var _ prometheus.Collector = (*Deliveries)(nil)

// NewDeliveries returns an empty one.
func NewDeliveries() *Deliveries {
	return &Deliveries{
		age: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "gossip_delivery_age_seconds",
			Help: "Time from a message's broadcast to its delivery here, without the time on the wire.",
			// From a millisecond, which a few hops on one network take, to a minute, by
			// which what was lost has been repaired.
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 60},
		}),
		hops: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "gossip_delivery_hops",
			Help:    "Links that a message crossed to get here.",
			Buckets: prometheus.LinearBuckets(1, 1, 16),
		}),
	}
}

// Observe counts a message that was broadcast by another node.
func (d *Deliveries) Observe(m gossip.Message) {
	if m.Hops > 0 {
		d.age.Observe(m.Age.Seconds())
		d.hops.Observe(float64(m.Hops))
	}
}

// Describe is part of prometheus.Collector.
func (d *Deliveries) Describe(descs chan<- *prometheus.Desc) {
	d.age.Describe(descs)
	d.hops.Describe(descs)
}

// Collect is part of prometheus.Collector.
func (d *Deliveries) Collect(metrics chan<- prometheus.Metric) {
	d.age.Collect(metrics)
	d.hops.Collect(metrics)
}
