package tracing

import (
	"context"
	"maps"

	"go.opentelemetry.io/otel/propagation"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
)

// The headers that this package writes and reads, as W3C names them.
const (
	traceparent   = "traceparent"
	tracestate    = "tracestate"
	baggageHeader = "baggage"
)

// carrier is Headers as propagators want them: keys of both are in lower case.
type carrier gossip.Headers

func (c carrier) Get(key string) string { return c[key] }
func (c carrier) Set(key, value string) { c[key] = value }
func (c carrier) Keys() (keys []string) {
	for key := range c {
		keys = append(keys, key)
	}
	return keys
}

// inject returns what Broadcast is to send, and then what it may send instead where that
// is not allowed: less and less, and at last what the application gave. What is
// wrong with that is no fault of tracing.
func (c *config) inject(ctx context.Context) (choices []gossip.Headers) {
	traced := carrier{}
	propagation.TraceContext{}.Inject(ctx, traced)
	if c.baggage {
		propagation.Baggage{}.Inject(ctx, traced)
	}
	for len(traced) > 0 {
		choices = append(choices, c.merge(traced))
		for _, least := range []string{baggageHeader, tracestate, traceparent} {
			if _, has := traced[least]; has {
				delete(traced, least)
				break
			}
		}
	}
	return append(choices, c.headers)
}

// merge is the application's headers with those of a trace, which go together: a state
// that was there is that of another trace.
func (c *config) merge(traced carrier) gossip.Headers {
	all := gossip.Headers{}
	maps.Copy(all, c.headers)
	if traced[traceparent] != "" {
		delete(all, tracestate)
	}
	maps.Copy(all, gossip.Headers(traced))
	return all
}

// extract returns ctx with what a message says of the span that sent it.
func (c *config) extract(ctx context.Context, h gossip.Headers) context.Context {
	ctx = propagation.TraceContext{}.Extract(ctx, carrier(h))
	if c.baggage {
		ctx = propagation.Baggage{}.Extract(ctx, carrier(h))
	}
	return ctx
}
