package tracing

import (
	"maps"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
)

// Option changes how spans are made. Those that say nothing of what a function does
// change nothing there, so that an application may have one list for all.
type Option func(*config)

type config struct {
	provider  trace.TracerProvider
	cluster   string
	headers   gossip.Headers // Broadcast
	baggage   bool
	linksOnly bool // Receive, Messages
}

func configOf(opts []Option) (c config) {
	for _, o := range opts {
		o(&c)
	}
	if c.provider == nil {
		c.provider = otel.GetTracerProvider()
	}
	return c
}

// scope names this package to who looks at spans.
const scope = "github.com/Ishan27gOrg/gossipProtocol/tracing"

func (c *config) tracer() trace.Tracer { return c.provider.Tracer(scope) }

// WithTracerProvider has another provider than otel.GetTracerProvider make spans.
func WithTracerProvider(p trace.TracerProvider) Option { return func(c *config) { c.provider = p } }

// WithCluster names the network: it is the destination of messages, and part of the
// names of spans.
func WithCluster(name string) Option { return func(c *config) { c.cluster = name } }

// WithHeaders has Broadcast send headers besides those of the trace. Where there is not
// room for both, it sends these.
func WithHeaders(h gossip.Headers) Option {
	h = maps.Clone(h)
	return func(c *config) { c.headers = h }
}

// WithBaggage has Broadcast send the baggage of its context, and Receive and Messages put
// what was sent into theirs. It gets what room the other headers leave, all or nothing of
// it: 1 KiB holds them all. What comes is the word of who broadcast it, and whatever is
// called with the context may pass it on.
func WithBaggage() Option { return func(c *config) { c.baggage = true } }

// WithLinksOnly has consumer spans be roots, linked to the spans of who broadcast, unless there
// is a span in the context that they were given. The sampler here then decides by itself.
func WithLinksOnly() Option { return func(c *config) { c.linksOnly = true } }
