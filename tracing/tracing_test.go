package tracing

import (
	"context"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
	"github.com/Ishan27gOrg/gossipProtocol/internal/wire"
)

// paper is a node that only takes down what it is to broadcast. Of headers it allows what
// real ones do.
type paper struct {
	sent []gossip.Headers
	err  error
}

func (p *paper) Self() gossip.Peer               { return gossip.Peer{ID: "paper"} }
func (p *paper) Messages() <-chan gossip.Message { return nil }

func (p *paper) BroadcastWith(_ context.Context, _ []byte, o gossip.BroadcastOptions) (gossip.MessageID, error) {
	if len(o.Headers) > 0 {
		if _, err := wire.AppendHeaders(nil, o.Headers); err != nil {
			return gossip.MessageID{}, fmt.Errorf("gossip: %w", err)
		}
	}
	if p.err != nil {
		return gossip.MessageID{}, p.err
	}
	p.sent = append(p.sent, maps.Clone(o.Headers))
	return gossip.MessageID{Origin: "paper", Incarnation: 1 << 63, Seq: uint64(len(p.sent))}, nil
}

// recorder returns spans as they end.
func recorder(sampler sdktrace.Sampler) (*tracetest.SpanRecorder, Option) {
	r := tracetest.NewSpanRecorder()
	return r, WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(r), sdktrace.WithSampler(sampler)))
}

func attributesOf(s sdktrace.ReadOnlySpan) map[attribute.Key]attribute.Value {
	all := make(map[attribute.Key]attribute.Value)
	for _, a := range s.Attributes() {
		all[a.Key] = a.Value
	}
	return all
}

const (
	aTrace   = "0af7651916cd43dd8448eb211c80319c"
	aSpan    = "b7ad6b7169203331"
	aContext = "00-" + aTrace + "-" + aSpan + "-01"
)

// remote is a context with a span that somebody else began.
func remote(t testing.TB, state string) context.Context {
	t.Helper()
	s, err := trace.ParseTraceState(state)
	if err != nil {
		t.Fatal(err)
	}
	id, _ := trace.TraceIDFromHex(aTrace)
	span, _ := trace.SpanIDFromHex(aSpan)
	return trace.ContextWithRemoteSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: id, SpanID: span, TraceFlags: trace.FlagsSampled, TraceState: s,
	}))
}

// What a trace needs gets what room there is, the least needed last; the application's
// headers go first.
func TestRoomForHeaders(t *testing.T) {
	member := func(n int) string { return "k=" + strings.Repeat("v", n) }
	bag, err := baggage.Parse(member(200))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		given gossip.Headers
		state string
		opts  []Option
		want  []string // keys
	}{
		{"a trace alone", nil, "", nil, []string{"traceparent"}},
		{"with a state", nil, member(20), nil, []string{"traceparent", "tracestate"}},
		{"baggage is not sent unasked", nil, "", nil, []string{"traceparent"}},
		{"baggage", nil, "", []Option{WithBaggage()}, []string{"baggage", "traceparent"}},
		{"all of it", gossip.Headers{"content-type": "text/plain"}, member(20), []Option{WithBaggage()}, []string{"baggage", "content-type", "traceparent", "tracestate"}},
		{"no room for the baggage", gossip.Headers{"x": strings.Repeat("x", 800)}, member(20), []Option{WithBaggage()}, []string{"traceparent", "tracestate", "x"}},
		{"nor for the state", gossip.Headers{"x": strings.Repeat("x", 800)}, member(200), []Option{WithBaggage()}, []string{"traceparent", "x"}},
		{"nor for anything", gossip.Headers{"x": strings.Repeat("x", 1000)}, member(200), []Option{WithBaggage()}, []string{"x"}},
		{"a state of another trace goes with that", gossip.Headers{"traceparent": "old", "tracestate": "old"}, "", nil, []string{"traceparent"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var node paper
			_, provider := recorder(sdktrace.AlwaysSample())
			ctx := baggage.ContextWithBaggage(remote(t, c.state), bag)
			opts := append([]Option{provider, WithHeaders(c.given)}, c.opts...)
			if _, err := Broadcast(ctx, &node, []byte("x"), opts...); err != nil {
				t.Fatal(err)
			}
			if got := slices.Sorted(maps.Keys(node.sent[0])); !slices.Equal(got, c.want) {
				t.Errorf("headers %v, want %v", got, c.want)
			}
			if p, traced := node.sent[0][traceparent]; traced && !strings.HasPrefix(p, "00-"+aTrace) {
				t.Errorf("traceparent is %q, not of the trace %s", p, aTrace)
			}
		})
	}
}

// Without anything that traces, headers are the application's, and nothing is lost.
func TestNoProvider(t *testing.T) {
	var node paper
	if _, err := Broadcast(t.Context(), &node, nil, WithHeaders(gossip.Headers{"traceparent": "by hand"})); err != nil {
		t.Fatal(err)
	}
	if _, err := Broadcast(remote(t, ""), &node, nil); err != nil {
		t.Fatal(err)
	}
	if got := node.sent[0]["traceparent"]; got != "by hand" {
		t.Errorf("traceparent is %q", got)
	}
	if got := node.sent[1]["traceparent"]; got != aContext {
		t.Errorf("traceparent is %q, want that of the caller, %q", got, aContext)
	}
}

// An error is the application's to see, and marks the span.
func TestBroadcastFails(t *testing.T) {
	for _, c := range []struct {
		name string
		node paper
		opts []Option
		want error
		word string
	}{
		{"headers that are not allowed", paper{}, []Option{WithHeaders(gossip.Headers{"No": ""})}, gossip.ErrHeaders, "headers"},
		{"closed", paper{err: gossip.ErrClosed}, nil, gossip.ErrClosed, "closed"},
		{"something else", paper{err: errors.ErrUnsupported}, nil, errors.ErrUnsupported, "_OTHER"},
	} {
		t.Run(c.name, func(t *testing.T) {
			spans, provider := recorder(sdktrace.AlwaysSample())
			if _, err := Broadcast(t.Context(), &c.node, nil, append(c.opts, provider)...); !errors.Is(err, c.want) {
				t.Fatalf("error %v, want %v", err, c.want)
			}
			span := spans.Ended()[0]
			if span.Status().Code != codes.Error || attributesOf(span)["error.type"].AsString() != c.word {
				t.Errorf("the span has the status %v and the attributes %v, want an error of type %s", span.Status(), span.Attributes(), c.word)
			}
			if c.node.sent != nil {
				t.Errorf("sent: %v", c.node.sent)
			}
		})
	}
}

// Where a consumer span is in traces.
func TestPlaceOfReceive(t *testing.T) {
	sent := gossip.Message{Headers: gossip.Headers{"traceparent": aContext, "tracestate": "k=v", "baggage": "user=ann"}}
	restored := sent
	restored.Restored = true
	ambient := func(ctx context.Context) context.Context {
		id, span := trace.TraceID{1}, trace.SpanID{2}
		return trace.ContextWithSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{TraceID: id, SpanID: span, TraceFlags: trace.FlagsSampled}))
	}
	const another = "another"
	for _, c := range []struct {
		name    string
		message gossip.Message
		inside  bool // of a span of the application
		opts    []Option
		trace   string
		parent  string
		linked  bool
		baggage string
	}{
		{"child of the sender's", sent, false, nil, aTrace, aSpan, true, ""},
		{"child of what the application does", sent, true, nil, "01000000000000000000000000000000", "0200000000000000", true, ""},
		{"linked only", sent, false, []Option{WithLinksOnly()}, another, "0000000000000000", true, ""},
		{"restored", restored, false, nil, another, "0000000000000000", true, ""},
		{"no context", gossip.Message{}, false, nil, another, "0000000000000000", false, ""},
		{"no context, inside", gossip.Message{}, true, nil, "01000000000000000000000000000000", "0200000000000000", false, ""},
		{"baggage", sent, false, []Option{WithBaggage()}, aTrace, aSpan, true, "ann"},
	} {
		t.Run(c.name, func(t *testing.T) {
			spans, provider := recorder(sdktrace.AlwaysSample())
			ctx := t.Context()
			if c.inside {
				ctx = ambient(ctx)
			}
			ctx, span := Receive(ctx, c.message, append(c.opts, provider)...)
			if trace.SpanFromContext(ctx) != span {
				t.Error("the span is not in the context")
			}
			span.End()
			got := spans.Ended()[0]
			if id := got.SpanContext().TraceID().String(); id != c.trace && (c.trace != another || id == aTrace) {
				t.Errorf("it is in the trace %s, want %s", id, c.trace)
			}
			if p := got.Parent().SpanID().String(); p != c.parent {
				t.Errorf("its parent is %s, want %s", p, c.parent)
			}
			if links := got.Links(); len(links) > 1 || len(links) == 1 != c.linked || c.linked && links[0].SpanContext.SpanID().String() != aSpan {
				t.Errorf("its links are %v, want one: %v", links, c.linked)
			}
			if b := baggage.FromContext(ctx).Member("user").Value(); b != c.baggage {
				t.Errorf("the baggage is %q, want %q", b, c.baggage)
			}
		})
	}
}

func TestAttributes(t *testing.T) {
	spans, provider := recorder(sdktrace.AlwaysSample())
	id := gossip.MessageID{Origin: "a", Incarnation: 1<<64 - 1, Seq: 1<<64 - 1}
	_, span := Receive(t.Context(), gossip.Message{ID: id, Payload: []byte("secret"), Hops: 3, Age: 1500 * time.Microsecond, Via: "b", Restored: true}, provider, WithCluster("shop"))
	span.End()
	if _, err := Broadcast(t.Context(), &paper{}, []byte("secret"), provider, WithCluster("shop")); err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		name string
		kind trace.SpanKind
		all  string
	}{
		{"process shop", trace.SpanKindConsumer, "gossip.age_ms=1.5 gossip.hops=3 gossip.incarnation=18446744073709551615 gossip.origin=a gossip.restored=true" +
			" gossip.seq=9223372036854775807 gossip.via=b messaging.destination.name=shop messaging.message.body.size=6" +
			" messaging.message.id=a/18446744073709551615/18446744073709551615 messaging.operation.name=process messaging.operation.type=process messaging.system=gossip"},
		{"send shop", trace.SpanKindProducer, "gossip.incarnation=9223372036854775808 gossip.origin=paper gossip.seq=1 messaging.client.id=paper" +
			" messaging.destination.name=shop messaging.message.body.size=6 messaging.message.id=paper/9223372036854775808/1" +
			" messaging.operation.name=send messaging.operation.type=send messaging.system=gossip"},
	} {
		got := spans.Ended()[i]
		if got.Name() != want.name || got.SpanKind() != want.kind {
			t.Errorf("span %q is a %v, want %q, %v", got.Name(), got.SpanKind(), want.name, want.kind)
		}
		var all []string
		for key, value := range attributesOf(got) {
			all = append(all, string(key)+"="+value.String())
		}
		slices.Sort(all)
		if text := strings.Join(all, " "); text != want.all {
			t.Errorf("attributes\n%s, want\n%s", text, want.all)
		}
	}
}

// A loop that is left, in whatever way, has ended its spans.
func TestMessagesEndsSpans(t *testing.T) {
	node, err := gossip.Start(t.Context(), gossip.Config{ID: "a"})
	if err != nil {
		t.Fatal(err)
	}
	spans, provider := recorder(sdktrace.AlwaysSample())
	for range 4 {
		if _, err := node.Broadcast(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
	}
	for range Messages(t.Context(), node, provider) {
		if n := len(spans.Started()) - len(spans.Ended()); n != 1 {
			t.Errorf("%d spans are open inside the loop", n)
		}
		break
	}
	func() {
		defer func() { recover() }()
		for range Messages(t.Context(), node, provider) {
			panic("what an application does")
		}
	}()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for range Messages(ctx, node, provider) {
		cancel()
	}
	left := 0
	node.Close()
	for range Messages(t.Context(), node, provider) {
		left++
	}
	if left > 1 {
		t.Errorf("%d of 4 messages were left after three loops", left)
	}
	if started, ended := len(spans.Started()), len(spans.Ended()); started != ended || started != 3+left {
		t.Errorf("%d spans were started and %d ended, want %d", started, ended, 3+left)
	}
}

// A program takes on the API of OpenTelemetry and no more; the SDK in go.mod is for tests.
func TestOnlyTheAPI(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range f.Imports {
			path, _ := strconv.Unquote(i.Path.Value)
			if strings.HasPrefix(path, "go.opentelemetry.io/") {
				seen++
			}
			if strings.Contains(path, "/sdk") || strings.Contains(path, "/exporters") {
				t.Errorf("%s imports %s", file, path)
			}
		}
	}
	if seen == 0 {
		t.Error("no file imports OpenTelemetry: this test looks in the wrong place")
	}
}

// wellFormed is what W3C Trace Context lets through, of version 00 and of later ones.
var wellFormed = regexp.MustCompile(`^(00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]|(0[1-9a-f]|[1-9a-e][0-9a-f]|f[0-9a-e])-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?)$`)

// Whatever comes, there is a span; what is not of the form is as good as none; and what
// was received can be passed on.
func FuzzReceive(f *testing.F) {
	f.Add(aContext, "k=v", "user=ann")
	f.Add("00-"+aTrace+"-"+aSpan+"-00", strings.Repeat("k=v,", 40), strings.Repeat("x", 9000))
	f.Add("01-"+aTrace+"-"+aSpan+"-ff-later", "", "")
	f.Add("ff-"+aTrace+"-"+aSpan+"-01", "=", ";")
	f.Add("00-00000000000000000000000000000000-"+aSpan+"-01", ",,,", "a=\x00")
	f.Add("00-"+strings.ToUpper(aTrace)+"-"+aSpan+"-01", "k=\u2028", "%zz")
	f.Add(aContext+"-more", "t@v=1", "a=1;p=2,b=%20")
	f.Fuzz(func(t *testing.T, parent, state, bag string) {
		spans, provider := recorder(sdktrace.ParentBased(sdktrace.AlwaysSample()))
		m := gossip.Message{Headers: gossip.Headers{traceparent: parent, tracestate: state, baggageHeader: bag}}
		ctx, span := Receive(t.Context(), m, provider, WithBaggage())
		span.End()
		if !span.SpanContext().IsValid() {
			t.Fatalf("the span of traceparent %q is not valid", parent)
		}
		believed := wellFormed.MatchString(parent) && parent[3:35] != strings.Repeat("0", 32) && parent[36:52] != strings.Repeat("0", 16)
		if got := believed && span.SpanContext().TraceID().String() == parent[3:35]; got != believed {
			t.Errorf("traceparent %q: the span is of the trace %v", parent, span.SpanContext().TraceID())
		}
		if believed {
			flags, err := strconv.ParseUint(parent[53:55], 16, 8)
			if sampled := flags&1 != 0; err != nil || sampled != (len(spans.Ended()) == 1) {
				t.Errorf("traceparent %q: %d spans were recorded", parent, len(spans.Ended()))
			}
		} else if got := spans.Ended(); len(got) != 1 || got[0].Parent().IsValid() || len(got[0].Links()) != 0 {
			t.Errorf("traceparent %q was believed: %v", parent, got)
		}
		var node paper
		if _, err := Broadcast(ctx, &node, nil, provider, WithBaggage()); err != nil {
			t.Errorf("passed on: %v", err)
		} else if node.sent[0][traceparent] == "" {
			t.Errorf("traceparent is not passed on")
		}
	})
}
