package api_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/api"
	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/hub"
)

// A browser that resumes asks for the same URL again, and tells how far it had come in
// Last-Event-ID: that counts, or it would get what it has had.
func TestBrowserResumesAtLastEventID(t *testing.T) {
	s := newStage()
	server := serve(t, s, api.Config{})
	first, second := s.deliver("1"), s.deliver("2")
	s.deliver("3")
	events := stream(t, server.URL+"/v1/messages?after="+api.FormatID(first), "Accept", "text/event-stream", "Last-Event-ID", api.FormatID(second))
	if got := line(t, events); got != "id: a/9223372036854775809/3" {
		t.Errorf("resumed after 2, the stream begins with %q", got)
	}
}

// A stream that is asked for with HEAD ends: nothing of it would be sent, and the
// connection could be used for nothing else.
func TestHeadOfAStream(t *testing.T) {
	s := newStage()
	server := serve(t, s, api.Config{Streams: 1})
	for _, path := range []string{"/v1/messages", "/v1/events"} {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		for range 2 { // the second shows that the first is over
			r, err := http.NewRequestWithContext(ctx, "HEAD", server.URL+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			a, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			a.Body.Close()
			if a.StatusCode != 200 {
				t.Errorf("%s: status %d", path, a.StatusCode)
			}
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

// slowReader takes each write in its own time, and no write after the deadline.
type slowReader struct {
	header   http.Header
	takes    time.Duration
	deadline time.Time
	lines    []string
}

func (r *slowReader) Header() http.Header                { return r.header }
func (r *slowReader) WriteHeader(int)                    {}
func (r *slowReader) Flush()                             {}
func (r *slowReader) SetWriteDeadline(d time.Time) error { r.deadline = d; return nil }

func (r *slowReader) Write(b []byte) (int, error) {
	time.Sleep(r.takes)
	if time.Now().After(r.deadline) {
		return 0, errors.New("i/o timeout")
	}
	r.lines = append(r.lines, string(b))
	return len(b), nil
}

// Somebody who reads slowly but steadily gets all of a long stream: what counts is how
// long nothing is read, not how long the stream takes.
func TestSlowButSteady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		const messages = 100
		for range messages {
			s.deliver("x")
		}
		r, err := http.NewRequestWithContext(t.Context(), "GET", "http://localhost/v1/messages?latest=1000&follow=false", nil)
		if err != nil {
			t.Fatal(err)
		}
		w := &slowReader{header: make(http.Header), takes: 2 * time.Second}
		api.NewServer(s, api.Config{Logger: slog.New(slog.DiscardHandler)}).ServeHTTP(w, r)
		if len(w.lines) != messages {
			t.Errorf("%d of %d messages came", len(w.lines), messages)
		}
	})
}

// gated is a source whose messages can be had only once the gate is open.
type gated struct {
	*stage
	gate chan struct{} // nil: open
}

func (s *gated) Messages() *hub.Messages {
	if s.gate != nil {
		<-s.gate
	}
	return s.messages
}

// Who has an answer misses nothing of what comes after it: the stream has its place
// before it begins.
func TestNothingIsMissedAfterTheAnswer(t *testing.T) {
	s := &gated{stage: newStage()}
	server := serve(t, s, api.Config{})
	s.gate = make(chan struct{})
	answered := make(chan *http.Response, 1)
	go func() {
		a, err := http.Get(server.URL + "/v1/messages")
		if err != nil {
			t.Error(err)
		}
		answered <- a
	}()
	select {
	case a := <-answered:
		a.Body.Close()
		t.Fatal("the answer came before the stream had its place")
	case <-time.After(200 * time.Millisecond):
	}
	close(s.gate)
	(<-answered).Body.Close()
}
