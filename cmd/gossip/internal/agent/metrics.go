package agent

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/Ishan27gOrg/gossipProtocol/metrics"
)

// Metrics serves what Prometheus reads: the node, its deliveries, the readers of its
// messages, and the process.
func (a *Agent) Metrics() http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(
		metrics.NewCollector(a.node), a.deliveries,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "gossip_agent_kept_bytes", Help: "Size of the messages that are kept for readers of the HTTP API.",
		}, func() float64 { return float64(a.messages.Stats().Cost) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "gossip_agent_readers", Help: "Readers of messages and events.",
		}, func() float64 { return float64(a.messages.Stats().Readers + a.events.Stats().Readers) }),
		info(a),
	)
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{Registry: r})
}

// info is 1, and tells by its labels who this is.
func info(a *Agent) prometheus.Collector {
	g := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "gossip_agent_info", Help: "1, with the node's name, its network and the version of the agent as labels.",
		ConstLabels: prometheus.Labels{"id": a.self.ID, "cluster": a.self.Cluster, "version": a.self.Version},
	})
	g.Set(1)
	return g
}
