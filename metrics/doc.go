// Package metrics has Prometheus read what a node holds and does:
//
//	registry := prometheus.NewRegistry()
//	registry.MustRegister(metrics.NewCollector(node))
//	deliveries := metrics.NewDeliveries()
//	registry.MustRegister(deliveries)
//	for m := range node.Messages() {
//		deliveries.Observe(m)
//		...
//	}
//
// All names begin with "gossip_". Units are seconds and bytes; what has no unit is a
// count. What is dropped, for whatever reason, is one metric, gossip_dropped_total, with
// the reason as a label: a node of a network in which all is well has it at 0. The table
// is in docs/operations.md. No label has a value that others choose, so the number of
// time series of a node is fixed.
package metrics
