package agent

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/api"
	"github.com/Ishan27gOrg/gossipProtocol/gossip"
)

// logTraced tells of a message that is part of a trace, so that who looks at that finds
// what the node did by its id.
func (a *Agent) logTraced(m *gossip.Message) {
	ctx := context.Background()
	if !a.log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	trace, span, traced := traceOf(m.Headers)
	if !traced {
		return
	}
	a.log.Debug("message of a trace", "trace_id", trace, "span_id", span, "message_id", api.FormatID(m.ID),
		"peer", m.Via, "hops", m.Hops, "age_ms", float64(m.Age)/float64(time.Millisecond), "restored", m.Restored)
}

// traceOf returns the ids in a header traceparent, which is the word of whoever broadcast:
// what is not of the form that W3C gives it is not logged.
func traceOf(h gossip.Headers) (trace, span string, ok bool) {
	// version "-" trace "-" span "-" flags, all in lower case hex; versions after 00 may
	// have more behind these.
	const length = 2 + 1 + 32 + 1 + 16 + 1 + 2
	text := h["traceparent"]
	if len(text) < length || strings.HasPrefix(text, "00") && len(text) > length || len(text) > length && text[length] != '-' {
		return "", "", false
	}
	version, trace, span, flags := text[:2], text[3:35], text[36:52], text[53:length]
	if text[2] != '-' || text[35] != '-' || text[52] != '-' || version == "ff" || !isHex(version+trace+span+flags) ||
		isZero(trace) || isZero(span) {
		return "", "", false
	}
	return trace, span, true
}

func isHex(text string) bool  { return strings.Trim(text, "0123456789abcdef") == "" }
func isZero(text string) bool { return strings.Trim(text, "0") == "" }
