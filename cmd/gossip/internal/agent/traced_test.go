package agent

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
)

// Only what W3C Trace Context lets through is taken for a trace.
func TestTraceOf(t *testing.T) {
	const (
		id   = "0af7651916cd43dd8448eb211c80319c"
		span = "b7ad6b7169203331"
	)
	for header, want := range map[string]bool{
		"00-" + id + "-" + span + "-01":                       true,
		"00-" + id + "-" + span + "-00":                       true,
		"7f-" + id + "-" + span + "-01":                       true,
		"7f-" + id + "-" + span + "-01-of a later version":    true,
		"7f-" + id + "-" + span + "-01of a later version":     false,
		"00-" + id + "-" + span + "-01-more":                  false,
		"ff-" + id + "-" + span + "-01":                       false,
		"00-" + id + "-" + span + "-0":                        false,
		"00-" + id + "-" + span + "-0g":                       false,
		"00-" + id + "_" + span + "-01":                       false,
		"00-" + strings.ToUpper(id) + "-" + span + "-01":      false,
		"00-" + strings.Repeat("0", 32) + "-" + span + "-01":  false,
		"00-" + id + "-" + strings.Repeat("0", 16) + "-01":    false,
		"00-" + strings.Repeat("\n", 32) + "-" + span + "-01": false,
		"": false,
	} {
		trace, parent, ok := traceOf(gossip.Headers{"traceparent": header})
		if ok != want || ok && (trace != id || parent != span) || !ok && trace+parent != "" {
			t.Errorf("%q: %q, %q, %v; want %v", header, trace, parent, ok, want)
		}
	}
	if _, _, ok := traceOf(nil); ok {
		t.Error("a message without headers is part of a trace")
	}
}

// At other levels than debug nothing is logged of messages.
func TestTracedMessagesAreLogged(t *testing.T) {
	const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for level, want := range map[slog.Level]int{slog.LevelInfo: 0, slog.LevelDebug: 1} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var logged bytes.Buffer
		n := start(t, "a")
		a := New(n, Options{Logger: slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: level}))})
		for _, headers := range []gossip.Headers{{"traceparent": traceparent}, {"traceparent": "none"}, nil} {
			if _, err := n.BroadcastWith(ctx, []byte("secret"), gossip.BroadcastOptions{Headers: headers}); err != nil {
				t.Fatal(err)
			}
		}
		for r, seen := a.Messages().Last(3), 0; seen < 3; seen++ { // who leaves drops what nobody has read
			if _, _, err := r.Next(ctx); err != nil {
				t.Fatal(err)
			}
		}
		n.Close()
		<-a.Done()
		text := logged.String()
		if got := strings.Count(text, "trace_id=0af7651916cd43dd8448eb211c80319c span_id=b7ad6b7169203331 message_id=a/"); got != want || strings.Count(text, "\n") != want {
			t.Errorf("at level %v: %q, want %d lines", level, text, want)
		}
	}
}
