package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// What is merged at a time. A guess: it has to fit into memory.
const (
	mostLines   = 1_000_000
	longestLine = 1 << 20
)

// Handler is a slog.Handler that gives every record the vector clock of the moment: what
// the node had heard of when the line was written. With a node: Handler{h, node.Clock}.
//
// Log what is to be sent before it is sent, and what was received after it was read from
// Messages. Then a line that led to another has the smaller clock.
type Handler struct {
	slog.Handler
	Clock func() vclock.Clock
}

// Handle adds the clock, in the form that leaves nothing out.
func (h Handler) Handle(ctx context.Context, r slog.Record) error {
	text, err := h.Clock().MarshalText()
	if err != nil {
		return err
	}
	r = r.Clone() // others may handle it too
	r.AddAttrs(slog.String("clock", string(text)))
	return h.Handler.Handle(ctx, r)
}

// WithAttrs keeps the clock.
func (h Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return Handler{h.Handler.WithAttrs(attrs), h.Clock}
}

// WithGroup does not group: the clock would end up in the group.
func (h Handler) WithGroup(string) slog.Handler { return h }

// Line is a line of a node's log.
type Line struct {
	Node  string
	Time  time.Time // by the node's own clock on the wall
	Text  string
	Raw   string
	Clock vclock.Clock
}

// String returns the line as it is shown.
func (l Line) String() string {
	if l.Time.IsZero() {
		return fmt.Sprintf("%-12s  %-9s %s", "", l.Node, l.Text)
	}
	return fmt.Sprintf("%s  %-9s %-18s %v", l.Time.Format("15:04:05.000"), l.Node, l.Text, l.Clock)
}

// Read reads a node's log, one JSON object a line. A line without a clock, such as those
// of a stack trace, goes with the one before it.
func Read(node string, r io.Reader) (lines []Line, err error) {
	var clock vclock.Clock
	s := bufio.NewScanner(r)
	s.Buffer(nil, longestLine)
	for s.Scan() {
		if len(lines) == mostLines {
			return nil, fmt.Errorf("%s has more than %d lines", node, mostLines)
		}
		l := Line{Node: node, Text: s.Text(), Raw: s.Text()}
		var record struct {
			Time       time.Time
			Msg, Clock string
		}
		if json.Unmarshal(s.Bytes(), &record) == nil && record.Clock != "" {
			l.Time, l.Text = record.Time, record.Msg
			if err := clock.UnmarshalText([]byte(record.Clock)); err != nil {
				return nil, fmt.Errorf("%s, line %d: %w", node, len(lines)+1, err)
			}
		}
		l.Clock = clock
		lines = append(lines, l)
	}
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("%s, after line %d: %w", node, len(lines), err)
	}
	return lines, nil
}

// Merge puts the lines of several logs into one order that contradicts none of them: no
// line comes before one that led to it. Lines that have nothing to do with each other
// come in an order that means nothing.
func Merge(logs ...[]Line) (all []Line) {
	for _, lines := range logs {
		all = append(all, lines...)
	}
	vclock.Sort(all, func(l Line) vclock.Clock { return l.Clock }) // leaves lines of one clock as they are
	return all
}
