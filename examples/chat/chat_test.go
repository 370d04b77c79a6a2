package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestDemo plays the example on real sockets: five participants, one of whom comes late.
func TestDemo(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var out strings.Builder
	got, err := demo(ctx, &out)
	t.Log(out.String())
	if err != nil {
		t.Fatal(err)
	}
	if lines := 5 * (7 + 4*crowdLines); got.screens != 5 || got.lines != lines || got.answers != lines-5*2 {
		t.Errorf("%+v, want %d lines, of which all but two on each of 5 screens are answers", got, lines)
	}
	if got.above != 0 {
		t.Errorf("%d answers above what they answer", got.above)
	}
	// The two pairs' four lines alone are four pairs beside each other on every screen.
	if got.beside < 4*5 {
		t.Errorf("%d pairs beside each other: there must be more", got.beside)
	}
}

// message makes what somebody says who knows of what the clock counts.
func message(origin string, seq uint64, past vclock.Clock, text string, answers *gossip.MessageID) gossip.Message {
	payload, _ := json.Marshal(said{text, answers})
	return gossip.Message{
		ID: gossip.MessageID{Origin: origin, Seq: seq}, Payload: payload,
		Clock: past.With(vclock.Origin{Name: origin}, seq),
	}
}

// TestMarks: an answer names its question, and who could not know of each other are marked.
func TestMarks(t *testing.T) {
	question := message("ann", 1, vclock.Clock{}, "tea?", nil)
	answer := message("bob", 1, question.Clock, "yes", &question.ID)
	apart := message("carol", 1, vclock.Clock{}, "hello", nil)
	r := &Room{}
	var screen []string
	for _, m := range []gossip.Message{question, answer, apart} {
		l, _ := r.show(m)
		screen = append(screen, strings.TrimSpace(l.String()))
	}
	want := "1 ann: tea?|2 bob: yes  (to 1)|3 carol: hello  (said beside 1, 2)"
	if got := strings.Join(screen, "|"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestTheTallyObjects: what the demo counts is seen when the order is wrong.
func TestTheTallyObjects(t *testing.T) {
	question := message("ann", 1, vclock.Clock{}, "tea?", nil)
	answer := message("bob", 1, question.Clock, "yes", &question.ID)
	r := &Room{}
	first, _ := r.show(answer)
	second, _ := r.show(question)
	var got tally
	if got.add([]Line{first, second}); got.above != 1 {
		t.Errorf("an answer above its question was not seen: %+v", got)
	}
}

// TestWhatComesCannotDriveTheTerminal: no escape sequences, from texts and from names.
func TestWhatComesCannotDriveTheTerminal(t *testing.T) {
	l, _ := (&Room{}).show(message("\x1b[31mann", 1, vclock.Clock{}, "\x1b]0;title\x07\u202egnirts\r\n\xff", nil))
	for _, c := range l.String() {
		if c < ' ' || c == 0x7f || c == '\u202e' || c == '\ufffd' {
			t.Errorf("%q in %q", c, l)
		}
	}
}

// TestARoomIsBounded: in what it keeps to be answered, and in the length of a line.
func TestARoomIsBounded(t *testing.T) {
	r := &Room{}
	var clock vclock.Clock
	for i := range uint64(2 * mostLines) {
		m := message("ann", i+1, clock, "x", nil)
		clock = m.Clock
		r.show(m)
	}
	if len(r.lines) != mostLines {
		t.Errorf("%d lines are kept, want %d", len(r.lines), mostLines)
	}
	if _, err := r.line(1); err == nil {
		t.Error("a line that has been scrolled away can be answered")
	}
	if _, ok := r.show(message("ann", 1, clock, strings.Repeat("x", mostText+1), nil)); ok {
		t.Error("a line that is too long was taken")
	}
	if err := r.Say(t.Context(), strings.Repeat("x", mostText+1), nil); err != ErrTooLong {
		t.Errorf("Say: %v, want ErrTooLong", err)
	}
}

// TestTalk is two people at terminals: one asks, the other answers by the line's number.
func TestTalk(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	ann, annTypes, annSees := sit(t, ctx, gossip.Config{ID: "ann"})
	_, bobTypes, bobSees := sit(t, ctx, gossip.Config{ID: "bob", Join: []string{ann.node.Self().Addr}})

	fmt.Fprintln(annTypes, "tea?")
	annSees(" 1 ann: tea?")
	bobSees(" 1 ann: tea?")
	fmt.Fprintln(bobTypes, "> x yes")
	bobSees("not said: an answer is")
	fmt.Fprintln(bobTypes, "> 9 yes")
	bobSees("not said: there is no line 9")
	fmt.Fprintln(bobTypes, "> 1 yes")
	annSees(" 2 bob: yes  (to 1)")
	bobSees(" 2 bob: yes  (to 1)")
	bobTypes.Close() // leaves
	annTypes.Close()
}

// sit puts somebody at a terminal; sees waits for a line that has the text.
func sit(t *testing.T, ctx context.Context, cfg gossip.Config) (*Room, io.WriteCloser, func(text string)) {
	t.Helper()
	cfg.Logger = slog.New(slog.DiscardHandler)
	room, err := Enter(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	in, types := io.Pipe()
	screen := make(chan string, 100)
	done := make(chan struct{})
	go func() {
		defer close(done)
		talk(ctx, room, in, lineWriter(screen))
	}()
	t.Cleanup(func() {
		types.Close()
		room.node.Close() // the last one has nobody to leave to
		<-done
	})
	return room, types, func(text string) {
		t.Helper()
		for {
			select {
			case l := <-screen:
				if strings.Contains(l, text) {
					return
				}
			case <-ctx.Done():
				t.Fatalf("%s never saw %q", cfg.ID, text)
			}
		}
	}
}

// lineWriter takes what Fprintln writes, a line at a time.
type lineWriter chan string

func (w lineWriter) Write(b []byte) (int, error) {
	w <- string(b)
	return len(b), nil
}
