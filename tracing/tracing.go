package tracing

import (
	"context"
	"errors"
	"iter"
	"math"
	"net/url"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
)

// Node is what Broadcast and Messages use of a *gossip.Node.
type Node interface {
	Self() gossip.Peer
	BroadcastWith(ctx context.Context, payload []byte, o gossip.BroadcastOptions) (gossip.MessageID, error)
	Messages() <-chan gossip.Message
}

var _ Node = (*gossip.Node)(nil)

// The operations of the conventions. "process" is the one of who is handed messages, as
// opposed to asking for them.
const (
	send    = "send"
	process = "process"
)

// Broadcast has a node broadcast a payload in a span, whose context travels with it.
// Errors are those of gossip.Node.BroadcastWith: what a trace needs is left out where
// there is no room for it.
func Broadcast(ctx context.Context, node Node, payload []byte, opts ...Option) (gossip.MessageID, error) {
	c := configOf(opts)
	ctx, span := c.tracer().Start(ctx, c.name(send),
		trace.WithSpanKind(trace.SpanKindProducer),
		trace.WithAttributes(c.attributes(send, semconv.MessagingOperationTypeSend, payload)...),
		trace.WithAttributes(semconv.MessagingClientID(node.Self().ID)))
	defer span.End()
	id, err := c.broadcast(ctx, node, payload)
	if err != nil {
		span.SetStatus(codes.Error, err.Error())
		span.SetAttributes(semconv.ErrorTypeKey.String(errorType(err)))
		return id, err
	}
	span.SetAttributes(identify(id)...)
	return id, nil
}

func (c *config) broadcast(ctx context.Context, node Node, payload []byte) (id gossip.MessageID, err error) {
	for _, headers := range c.inject(ctx) {
		id, err = node.BroadcastWith(ctx, payload, gossip.BroadcastOptions{Headers: headers})
		if !errors.Is(err, gossip.ErrHeaders) { // nothing else is for the headers
			return id, err
		}
	}
	return id, err
}

// errorType is a short word, as the conventions want it, of which there are few.
func errorType(err error) string {
	for _, known := range []struct {
		err  error
		word string
	}{
		{gossip.ErrHeaders, "headers"},
		{gossip.ErrPayloadTooLong, "payload_too_long"},
		{gossip.ErrClosed, "closed"},
		{context.DeadlineExceeded, "timeout"},
		{context.Canceled, "canceled"},
	} {
		if errors.Is(err, known.err) {
			return known.word
		}
	}
	return semconv.ErrorTypeOther.Value.AsString()
}

// Receive starts the span of who handles a message, and returns a context with it. The
// caller ends it. Whatever the headers of the message are, there is a span.
func Receive(ctx context.Context, m gossip.Message, opts ...Option) (context.Context, trace.Span) {
	c := configOf(opts)
	own := trace.SpanFromContext(ctx)
	// Without that, which would be taken for the sender's if the message names none.
	ctx = c.extract(trace.ContextWithSpan(ctx, nil), m.Headers)
	sender := trace.SpanContextFromContext(ctx)

	start := []trace.SpanStartOption{
		trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithAttributes(c.attributes(process, semconv.MessagingOperationTypeProcess, m.Payload)...),
		trace.WithAttributes(describe(&m)...),
	}
	if sender.IsValid() {
		start = append(start, trace.WithLinks(trace.Link{SpanContext: sender}))
	}
	switch {
	case own.SpanContext().IsValid():
		ctx = trace.ContextWithSpan(ctx, own)
	case c.linksOnly || m.Restored:
		ctx = trace.ContextWithSpan(ctx, nil)
	}
	return c.tracer().Start(ctx, c.name(process), start...)
}

// Messages yields what a node delivers, each message with the context of a span of its
// own, which ends when the loop goes on. It ends with the node, or with ctx.
func Messages(ctx context.Context, node Node, opts ...Option) iter.Seq2[context.Context, gossip.Message] {
	return func(yield func(context.Context, gossip.Message) bool) {
		messages := node.Messages()
		for ctx.Err() == nil {
			select {
			case m, open := <-messages:
				if !open || !handle(ctx, m, opts, yield) {
					return
				}
			case <-ctx.Done():
			}
		}
	}
}

// handle ends the span even if the body of the loop panics.
func handle(ctx context.Context, m gossip.Message, opts []Option, yield func(context.Context, gossip.Message) bool) bool {
	ctx, span := Receive(ctx, m, opts...)
	defer span.End()
	return yield(ctx, m)
}

func (c *config) name(operation string) string {
	if c.cluster == "" {
		return operation
	}
	return operation + " " + c.cluster
}

// attributes are those that both kinds of spans have.
func (c *config) attributes(operation string, kind attribute.KeyValue, payload []byte) []attribute.KeyValue {
	all := []attribute.KeyValue{
		semconv.MessagingSystemKey.String("gossip"),
		semconv.MessagingOperationName(operation), kind,
		semconv.MessagingMessageBodySize(len(payload)),
	}
	if c.cluster != "" {
		all = append(all, semconv.MessagingDestinationName(c.cluster))
	}
	return all
}

// identify is the name of a message, whole, as the HTTP API of an agent writes it, and in
// parts.
func identify(id gossip.MessageID) []attribute.KeyValue {
	incarnation := strconv.FormatUint(id.Incarnation, 10)
	return []attribute.KeyValue{
		semconv.MessagingMessageID(url.PathEscape(id.Origin) + "/" + incarnation + "/" + strconv.FormatUint(id.Seq, 10)),
		attribute.String("gossip.origin", id.Origin),
		attribute.String("gossip.incarnation", incarnation),
		attribute.Int64("gossip.seq", int64(min(id.Seq, math.MaxInt64))),
	}
}

// describe is what a message says of itself, and of its way here.
func describe(m *gossip.Message) []attribute.KeyValue {
	all := append(identify(m.ID),
		attribute.Int("gossip.hops", m.Hops),
		attribute.Float64("gossip.age_ms", float64(m.Age)/float64(time.Millisecond)))
	if m.Via != "" {
		all = append(all, attribute.String("gossip.via", m.Via))
	}
	if m.Restored {
		all = append(all, attribute.Bool("gossip.restored", true))
	}
	return all
}
