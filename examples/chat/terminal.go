package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
)

// talk shows what is said, and says what is typed, until the input or the context ends.
func talk(ctx context.Context, room *Room, in io.Reader, out io.Writer) error {
	fmt.Fprintf(out, "%s is at %s. A line is said to all; \"> 3 yes\" answers line 3. Ctrl-D ends.\n", room.Name(), room.node.Self().Addr)
	typed := make(chan string)
	go readLines(in, typed, room.node.Done())
	for {
		select {
		case m, ok := <-room.node.Messages():
			if !ok {
				return gossip.ErrClosed
			}
			if l, ok := room.show(m); ok {
				fmt.Fprintln(out, l)
			}
		case text, ok := <-typed:
			if !ok {
				return leave(room)
			}
			if err := sayTyped(ctx, room, text); err != nil {
				fmt.Fprintln(out, "not said:", err)
			}
		case <-ctx.Done():
			return leave(room)
		}
	}
}

// leave waits for somebody to have taken what was said last, but not for ever: there may
// be nobody.
func leave(room *Room) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return room.Leave(ctx)
}

// readLines ends with the input: a read from a terminal cannot be interrupted.
func readLines(in io.Reader, typed chan<- string, done <-chan struct{}) {
	defer close(typed)
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 64<<10)
	for lines.Scan() {
		select {
		case typed <- lines.Text():
		case <-done:
			return
		}
	}
}

// sayTyped says "text", or answers a line with "> number text".
func sayTyped(ctx context.Context, room *Room, text string) error {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil
	}
	rest, isAnswer := strings.CutPrefix(text, ">")
	if !isAnswer {
		return room.Say(ctx, text, nil)
	}
	number, answer, _ := strings.Cut(strings.TrimSpace(rest), " ")
	n, err := strconv.Atoi(number)
	if err != nil {
		return fmt.Errorf("an answer is \"> number text\": %w", err)
	}
	l, err := room.line(n)
	if err != nil {
		return err
	}
	return room.Say(ctx, answer, &l.ID)
}
