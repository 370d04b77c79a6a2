package tracing_test

import (
	"context"
	"fmt"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
	"github.com/Ishan27gOrg/gossipProtocol/tracing"
)

// A program has its provider send spans somewhere; this one keeps them. What is done with
// a message in its context is part of the trace that began with the broadcast.
func Example() {
	spans := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	traced := tracing.WithTracerProvider(provider)

	ctx := context.Background()
	node, err := gossip.Start(ctx, gossip.Config{ID: "a"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer node.Close()
	if _, err := tracing.Broadcast(ctx, node, []byte("hello"), traced, tracing.WithCluster("shop")); err != nil {
		fmt.Println(err)
		return
	}
	for ctx, m := range tracing.Messages(ctx, node, traced, tracing.WithCluster("shop")) {
		_, work := trace.SpanFromContext(ctx).TracerProvider().Tracer("app").Start(ctx, "greet")
		fmt.Printf("%s: %s\n", m.ID, m.Payload)
		work.End()
		break // a program would go on
	}

	whole := spans.Ended()[0].SpanContext().TraceID()
	for _, s := range spans.Ended() {
		fmt.Println(s.SpanKind(), s.Name(), s.SpanContext().TraceID() == whole)
	}
	// Output:
	// a:1: hello
	// producer send shop true
	// internal greet true
	// consumer process shop true
}
