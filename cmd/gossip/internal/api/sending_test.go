package api_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/api"
	"github.com/Ishan27gOrg/gossipProtocol/gossip"
)

// slowDisk is a source whose messages get out at once, and to the disk later, as with
// gossip.Config.Store.
type slowDisk struct {
	*stage
	sent   chan gossip.MessageID
	synced chan struct{} // closed once they are on the disk
	err    error         // why they never are
}

func newSlowDisk() *slowDisk {
	return &slowDisk{stage: newStage(), sent: make(chan gossip.MessageID, 10), synced: make(chan struct{})}
}

func (s *slowDisk) Broadcast(ctx context.Context, payload []byte, _ gossip.Headers) (gossip.MessageID, error) {
	id := s.deliver(string(payload))
	s.sent <- id
	select {
	case <-s.synced:
		return id, s.err
	case <-ctx.Done():
		return id, errors.Join(gossip.ErrNotKept, context.Cause(ctx))
	}
}

// A client that goes away while its message is on the way to the disk, and comes again
// with its key, has one message broadcast, not two.
func TestClientGoesWhileItBroadcasts(t *testing.T) {
	s := newSlowDisk()
	server := serve(t, s, api.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		r, err := http.NewRequestWithContext(ctx, "POST", server.URL+"/v1/messages", strings.NewReader("once"))
		if err != nil {
			t.Error(err)
			return
		}
		r.Header.Set("Idempotency-Key", "k")
		if a, err := http.DefaultClient.Do(r); err == nil {
			a.Body.Close()
			t.Errorf("an answer came before the disk had it: %d", a.StatusCode)
		}
	}()
	<-s.sent
	cancel()
	<-gone
	// The server sees that the client is gone in its own time; a message that is sent twice
	// shows in s.sent whenever that is.
	again := make(chan int)
	go func() {
		status, _, _ := ask(t, "POST", server.URL+"/v1/messages", "once", "Idempotency-Key", "k")
		again <- status
	}()
	select {
	case id := <-s.sent:
		t.Errorf("it was broadcast again, as %v", id)
	case <-time.After(300 * time.Millisecond):
	}
	close(s.synced)
	if status := <-again; status != 200 {
		t.Errorf("asked again under the key: %d, want 200", status)
	}
}

// What may have got out under a key is not broadcast again under it, and the answer
// tells its id.
func TestNotKeptIsRemembered(t *testing.T) {
	s := newSlowDisk()
	s.err = gossip.ErrNotKept
	close(s.synced)
	server := serve(t, s, api.Config{})
	for i := range 2 {
		status, _, body := ask(t, "POST", server.URL+"/v1/messages", "x", "Idempotency-Key", "k")
		if status != 503 || !strings.Contains(body, "may have got out") || !strings.Contains(body, "a/9223372036854775809/1") {
			t.Errorf("attempt %d: %d %s, want 503 with the id", i+1, status, body)
		}
	}
	if s.seq != 1 {
		t.Errorf("%d messages were broadcast under one key", s.seq)
	}
}

// What waits to be broadcast is bounded, however many send it, and who comes too much is
// told that nothing was sent.
func TestTooMuchWaits(t *testing.T) {
	s := newSlowDisk()
	server := serve(t, s, api.Config{Sends: 1}) // one of the longest, then
	first := make(chan int)
	go func() {
		status, _, _ := ask(t, "POST", server.URL+"/v1/messages", strings.Repeat("x", 64))
		first <- status
	}()
	<-s.sent
	status, h, body := ask(t, "POST", server.URL+"/v1/messages", "y")
	if status != 503 || h.Get("Retry-After") == "" || !strings.Contains(body, "nothing was sent") {
		t.Errorf("beyond the bound: %d %v %s", status, h, body)
	}
	close(s.synced)
	if status := <-first; status != 201 {
		t.Errorf("the first: %d", status)
	}
	if status, _, body := ask(t, "POST", server.URL+"/v1/messages", "y"); status != 201 {
		t.Errorf("once it is over: %d %s", status, body)
	}
}
