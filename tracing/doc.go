// Package tracing has OpenTelemetry follow messages from the node that broadcasts them to
// all that handle them:
//
//	id, err := tracing.Broadcast(ctx, node, payload)
//
// on one node, and on all others
//
//	for ctx, m := range tracing.Messages(ctx, node) {
//		handle(ctx, m)
//	}
//
// Broadcast has a producer span, "send", whose W3C trace context travels in the headers
// traceparent and tracestate of the message. Each turn of the loop, or each span of
// Receive, is a consumer span, "process", with a link to it. Unless there is a span in
// the context that it was given, or WithLinksOnly, it is also its child: one trace shows
// where a message got to, and a sampler that goes by the parent's decision records all of
// it or nothing. A message that was restored from a store is only linked: its trace is
// over.
//
// Spans have the attributes of the conventions for messaging (messaging.system is
// "gossip"), and
//
//	gossip.origin       who broadcast it
//	gossip.incarnation  which life of that, as text: it needs all 64 bits
//	gossip.seq          which of its messages, from 1
//	gossip.hops         links that it crossed; 0 on the node that broadcast it
//	gossip.age_ms       time since it was broadcast, without that on the wire
//	gossip.via          the neighbour that brought it, if any
//	gossip.restored     true, if it came from the store
//
// Payloads are never recorded.
//
// # What headers are trusted for
//
// Whoever may broadcast chooses the trace that its messages belong to, and whether that
// is sampled. A context that is not of the form is as good as none: the span is then the
// root of a trace of its own. One that is of the form is believed, which lets a member of the
// cluster have all others record a span for each of its messages. Where members do not
// trust each other that far, use WithLinksOnly: the node's own sampler then decides, and
// sees the link. A network of thousands of nodes should use it too, since a trace with a
// span of each is more than most backends show.
//
// Baggage does not travel unless both ends ask for it; see WithBaggage.
package tracing
