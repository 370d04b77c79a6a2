package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// What a room takes and keeps. Guesses: for people who type.
const (
	mostText  = 2000
	mostLines = 200 // that can be scrolled back to, and answered
)

// ErrTooLong says that a line is longer than a room takes.
var ErrTooLong = fmt.Errorf("a line has at most %d bytes", mostText)

// Room is what one participant sees of the conversation.
type Room struct {
	node  *gossip.Node
	lines []Line // the last mostLines
	count int    // of all lines that there were
}

// Line is something that somebody said, as it stands on this participant's screen.
type Line struct {
	Number  int // on this screen
	ID      gossip.MessageID
	Name    string
	Text    string
	Answers *gossip.MessageID // nil if it answers nothing
	To      int               // the number of the line that it answers; 0 if that is not there
	// Beside has the numbers of the lines that this one's author could not know of, as
	// their authors could not know of this one.
	Beside []int
	clock  vclock.Clock
}

// said is a line on the wire.
type said struct {
	Text    string
	Answers *gossip.MessageID `json:",omitempty"`
}

// Enter joins the conversation. Who comes late is told what was said in the last hour.
func Enter(ctx context.Context, cfg gossip.Config) (*Room, error) {
	cfg.Order = gossip.Causal // the default; without it an answer could come before its question
	node, err := gossip.Start(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return &Room{node: node}, nil
}

// Name is what this participant is called.
func (r *Room) Name() string { return r.node.Self().ID }

// Say says a line to everybody. With answers it is an answer to that line.
func (r *Room) Say(ctx context.Context, text string, answers *gossip.MessageID) error {
	if len(text) > mostText {
		return ErrTooLong
	}
	payload, err := json.Marshal(said{text, answers})
	if err != nil {
		return err
	}
	_, err = r.node.Broadcast(ctx, payload)
	return err
}

// Next waits for the next line, this participant's own among them. It may be called in
// one goroutine only.
func (r *Room) Next(ctx context.Context) (Line, error) {
	for {
		select {
		case m, ok := <-r.node.Messages():
			if !ok {
				return Line{}, gossip.ErrClosed
			}
			if l, ok := r.show(m); ok {
				return l, nil
			}
		case <-ctx.Done():
			return Line{}, ctx.Err()
		}
	}
}

// Leave returns once somebody has all that was said here.
func (r *Room) Leave(ctx context.Context) error { return r.node.Leave(ctx) }

// show gives a message its place on the screen: below everything that its author had
// before it, as that is the order in which messages come.
func (r *Room) show(m gossip.Message) (Line, bool) {
	var s said
	if err := json.Unmarshal(m.Payload, &s); err != nil || len(s.Text) > mostText {
		return Line{}, false // of another version of this program
	}
	r.count++
	l := Line{Number: r.count, ID: m.ID, Name: m.ID.Origin, Text: printable(s.Text), Answers: s.Answers, clock: m.Clock}
	for _, before := range r.lines {
		if s.Answers != nil && before.ID == *s.Answers {
			l.To = before.Number
		}
		if before.clock.Compare(l.clock) == vclock.Concurrent {
			l.Beside = append(l.Beside, before.Number)
		}
	}
	if len(r.lines) == mostLines {
		r.lines = slices.Delete(r.lines, 0, 1)
	}
	r.lines = append(r.lines, l)
	return l, true
}

// line returns the line with that number, if it has not been scrolled away.
func (r *Room) line(number int) (Line, error) {
	for _, l := range r.lines {
		if l.Number == number {
			return l, nil
		}
	}
	return Line{}, fmt.Errorf("there is no line %d to answer", number)
}

// String returns the line as it is shown: "3 ann: yes (to 1; said beside 2)".
func (l Line) String() string {
	var notes []string
	if l.To > 0 {
		notes = append(notes, fmt.Sprint("to ", l.To))
	} else if l.Answers != nil {
		notes = append(notes, "to something that is not here any more")
	}
	switch n := len(l.Beside); {
	case n > 3:
		notes = append(notes, fmt.Sprintf("said beside %d, %d and %d others", l.Beside[0], l.Beside[1], n-2))
	case n > 0:
		notes = append(notes, "said beside "+strings.Trim(strings.Join(strings.Fields(fmt.Sprint(l.Beside)), ", "), "[]"))
	}
	text := fmt.Sprintf("%3d %s: %s", l.Number, printable(l.Name), l.Text)
	if notes == nil {
		return text
	}
	return text + "  (" + strings.Join(notes, "; ") + ")"
}

// printable takes out what would have a terminal do anything but print: what comes from
// the network must not move the cursor, or worse.
func printable(s string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) && c != utf8.RuneError {
			return c
		}
		return '·'
	}, s)
}
