package tracing

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
)

// patience is far more than three nodes on one machine need.
const patience = 30 * time.Second

// three starts nodes a, b and c, each of which has a link.
func three(t *testing.T, ctx context.Context) (nodes []*gossip.Node) {
	t.Helper()
	for _, id := range []string{"a", "b", "c"} {
		c := gossip.Config{ID: id, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}
		if len(nodes) > 0 {
			c.Join = []string{nodes[0].Self().Addr}
		}
		n, err := gossip.Start(ctx, c)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { n.Close() })
		nodes = append(nodes, n)
	}
	for _, n := range nodes {
		if err := n.Ready(ctx); err != nil {
			t.Fatal(err)
		}
	}
	return nodes
}

// a asks, b answers, and all three handle both: one trace has all of it.
func TestOneTraceAcrossNodes(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	nodes := three(t, ctx)
	spans, provider := recorder(sdktrace.ParentBased(sdktrace.NeverSample())) // only who asks decides
	_, asks := recorder(sdktrace.AlwaysSample())
	asker := configOf([]Option{asks})
	begin, root := asker.tracer().Start(ctx, "what the application does")
	if _, err := Broadcast(begin, nodes[0], []byte("ask"), provider, WithCluster("shop")); err != nil {
		t.Fatal(err)
	}
	var handling sync.WaitGroup
	for _, n := range nodes {
		handling.Go(func() {
			seen := 0
			for ctx, m := range Messages(ctx, n, provider, WithCluster("shop")) {
				if string(m.Payload) == "ask" && n == nodes[1] {
					if _, err := Broadcast(ctx, n, []byte("answer"), provider, WithCluster("shop")); err != nil {
						t.Error(err)
					}
				}
				if seen++; seen == 2 {
					return
				}
			}
			t.Errorf("%s has handled %d messages, want 2", n.Self().ID, seen)
		})
	}
	handling.Wait()

	byID := make(map[trace.SpanID]sdktrace.ReadOnlySpan)
	for _, s := range spans.Ended() {
		byID[s.SpanContext().SpanID()] = s
	}
	var got []string
	for _, s := range spans.Ended() {
		if s.SpanContext().TraceID() != root.SpanContext().TraceID() {
			t.Errorf("%s is of another trace", s.Name())
		}
		if s.Status().Code == codes.Error {
			t.Errorf("%s has failed: %v", s.Name(), s.Status())
		}
		all := attributesOf(s)
		line := s.SpanKind().String() + " " + s.Name() + " " + all["gossip.origin"].AsString()
		if s.SpanKind() == trace.SpanKindConsumer {
			parent := byID[s.Parent().SpanID()]
			if parent == nil || parent.SpanKind() != trace.SpanKindProducer || attributesOf(parent)["messaging.message.id"] != all["messaging.message.id"] {
				t.Errorf("%s is not below the span that sent what it handles", line)
			}
			if l := s.Links(); len(l) != 1 || l[0].SpanContext.SpanID() != s.Parent().SpanID() || !l[0].SpanContext.IsRemote() {
				t.Errorf("%s has the links %v", line, l)
			}
			if hops, via := all["gossip.hops"].AsInt64(), all["gossip.via"].AsString(); hops > 2 || (hops == 0) != (via == "") {
				t.Errorf("%s: %d hops, via %q", line, hops, via)
			}
		}
		got = append(got, line)
	}
	slices.Sort(got)
	want := []string{
		"consumer process shop a", "consumer process shop a", "consumer process shop a",
		"consumer process shop b", "consumer process shop b", "consumer process shop b",
		"producer send shop a", "producer send shop b",
	}
	if !slices.Equal(got, want) {
		t.Errorf("spans\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// What the sender does not sample nobody records, unless it decides by itself.
func TestSampledFlagAcrossNodes(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	nodes := three(t, ctx)
	_, never := recorder(sdktrace.NeverSample())
	following, follow := recorder(sdktrace.ParentBased(sdktrace.AlwaysSample()))
	deciding, decide := recorder(sdktrace.ParentBased(sdktrace.AlwaysSample()))
	if _, err := Broadcast(ctx, nodes[0], nil, never); err != nil {
		t.Fatal(err)
	}
	for n, opts := range map[*gossip.Node][]Option{nodes[1]: {follow}, nodes[2]: {decide, WithLinksOnly()}} {
		for ctx, m := range Messages(ctx, n, opts...) {
			if p := m.Headers[traceparent]; !strings.HasSuffix(p, "-00") {
				t.Errorf("traceparent is %q, want one that is not sampled", p)
			}
			if !trace.SpanContextFromContext(ctx).IsValid() {
				t.Error("there is no span to pass on")
			}
			break
		}
	}
	if ctx.Err() != nil {
		t.Fatal(ctx.Err())
	}
	if n := len(following.Ended()); n != 0 {
		t.Errorf("%d spans were recorded of what is not sampled", n)
	}
	if got := deciding.Ended(); len(got) != 1 || len(got[0].Links()) != 1 || got[0].Parent().IsValid() {
		t.Errorf("who decides by itself recorded %v", got)
	}
}
