package api_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/api"
	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/hub"
	"github.com/Ishan27gOrg/gossipProtocol/gossip"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// stage is a source that a test writes to.
type stage struct {
	messages *hub.Messages
	events   *hub.Log[hub.Event]
	seq      uint64
	fail     error
	headers  gossip.Headers // of the last broadcast
	ready    bool
	hold     chan struct{} // closed to let broadcasts go on; nil: they do
}

func newStage() *stage {
	return &stage{
		messages: hub.NewMessages(hub.DefaultLimit),
		events:   hub.NewEvents(10),
	}
}

func (s *stage) Self() api.Self {
	return api.Self{ID: "a", Incarnation: 1<<63 + 1, Order: "causal", MaxPayload: 64, Network: "agent", Version: "v0"}
}
func (s *stage) View() []api.Peer            { return nil }
func (s *stage) Links() []api.Link           { return []api.Link{{ID: "b", Tree: true}} }
func (s *stage) Clock() vclock.Clock         { return vclock.FromMap(map[string]uint64{"a": s.seq}) }
func (s *stage) Stats() map[string]float64   { return map[string]float64{"links": 1} }
func (s *stage) Keys() []api.Key             { return nil }
func (s *stage) Messages() *hub.Messages     { return s.messages }
func (s *stage) Events() *hub.Log[hub.Event] { return s.events }
func (s *stage) Ready() bool                 { return s.ready }
func (s *stage) Overlay() (api.Overlay, <-chan struct{}) {
	return api.Overlay{Limit: 7}, make(chan struct{})
}

func (s *stage) Broadcast(ctx context.Context, payload []byte, headers gossip.Headers) (gossip.MessageID, error) {
	s.headers = headers
	if s.hold != nil {
		<-s.hold
	}
	if s.fail != nil {
		return gossip.MessageID{}, s.fail
	}
	return s.deliver(string(payload)), nil
}

func (s *stage) deliver(text string) gossip.MessageID {
	s.seq++
	id := gossip.MessageID{Origin: "a", Incarnation: 1<<63 + 1, Seq: s.seq}
	s.messages.Add(hub.Entry{Message: gossip.Message{ID: id, Payload: []byte(text), Clock: vclock.FromMap(map[string]uint64{"a": s.seq})}, At: time.Unix(1764177060, 0)})
	return id
}

func serve(t *testing.T, s api.Source, cfg api.Config) *httptest.Server {
	t.Helper()
	cfg.Logger = slog.New(slog.DiscardHandler)
	server := httptest.NewServer(api.NewServer(s, cfg))
	t.Cleanup(server.Close)
	return server
}

// broken is a source with a mistake.
type broken struct{ *stage }

func (broken) View() []api.Peer { panic("a mistake") }

// A mistake of the program ends a request and not the agent, and is told of, but not as
// often as somebody likes.
func TestPanicsAreLogged(t *testing.T) {
	var logged bytes.Buffer
	server := api.NewServer(broken{newStage()}, api.Config{AnyHost: true, Logger: slog.New(slog.NewTextHandler(&logged, nil))})
	for range 10 {
		func() {
			defer func() {
				if p := recover(); p != http.ErrAbortHandler {
					t.Errorf("net/http is told %v, want that the request is over", p)
				}
			}()
			server.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/v1/view?token=sesame", nil))
		}()
	}
	text := logged.String()
	for _, want := range []string{"level=ERROR", "path=/v1/view ", `error="a mistake"`, "broken.View"} {
		if strings.Count(text, want) < 5 {
			t.Errorf("%q is not in each of the first five lines: %s", want, text)
		}
	}
	if n := strings.Count(text, "level="); n != 5 || strings.Contains(text, "sesame") {
		t.Errorf("%d lines, want 5 and nothing of the query: %s", n, text)
	}
}

// ask sends a request and returns its status, headers and body.
func ask(t *testing.T, method, url, body string, headers ...string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	defer http.DefaultClient.CloseIdleConnections()
	text, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return a.StatusCode, a.Header, string(text)
}

// What is asked for, and what is refused and how.
func TestRequests(t *testing.T) {
	s := newStage()
	var level slog.LevelVar
	left := 0
	server := serve(t, s, api.Config{Level: &level, Leave: func() { left++ }})
	for _, c := range []struct {
		name, method, path, body string
		headers                  []string
		status                   int
		want                     []string // in the body
	}{
		{"who", "GET", "/v1/self", "", nil, 200, []string{`"id":"a"`, `"incarnation":"9223372036854775809"`}},
		{"an empty view is a list", "GET", "/v1/view", "", nil, 200, []string{`"peers":[]`}},
		{"links", "GET", "/v1/links", "", nil, 200, []string{`"id":"b"`, `"tree":true`}},
		{"stats", "GET", "/v1/stats", "", nil, 200, []string{`"links":1`}},
		{"keys", "GET", "/v1/keys", "", nil, 200, []string{`"keys":[]`}},
		{"a sample", "GET", "/v1/overlay", "", nil, 200, []string{`"limit":7`}},
		{"alive", "GET", "/healthz", "", nil, 200, []string{"ok"}},
		{"not ready", "GET", "/readyz", "", nil, 503, []string{"no link"}},
		{"send", "POST", "/v1/messages", "hello", nil, 201, []string{`"id":"a/9223372036854775809/1"`, `"seq":1`}},
		{"send nothing", "POST", "/v1/messages", "", nil, 201, []string{`"seq":2`}},
		{"the longest", "POST", "/v1/messages", strings.Repeat("x", 64), nil, 201, []string{`"seq":3`}},
		{"too long", "POST", "/v1/messages", strings.Repeat("x", 65), nil, 413, []string{"at most 64"}},
		{"much too long", "POST", "/v1/messages", strings.Repeat("x", 1<<20), nil, 413, []string{"1048576", "at most 64"}},
		{"clock", "GET", "/v1/clock", "", nil, 200, []string{`"clock":{"a":3}`}},
		{"level", "GET", "/v1/log-level", "", nil, 200, []string{"info"}},
		{"set level", "PUT", "/v1/log-level", `{"level":"debug"}`, []string{"Content-Type", "application/json"}, 200, []string{"debug"}},
		{"no such level", "PUT", "/v1/log-level", `{"level":"loud"}`, []string{"Content-Type", "application/json"}, 422, []string{"debug, info, warn, error"}},
		{"no such thing", "GET", "/v1/nothing", "", nil, 404, []string{"/openapi.yaml"}},
		{"no such method", "DELETE", "/v1/messages", "", nil, 405, []string{`"status":405`, "GET, POST"}},
		{"not an id", "GET", "/v1/messages?after=7", "", nil, 422, []string{"origin/incarnation/seq"}},
		{"another name", "GET", "/v1/self", "", []string{"Host", "evil.example"}, 421, []string{"not called", "localhost"}},
		{"localhost", "GET", "/v1/self", "", []string{"Host", "localhost:1"}, 200, nil},
		{"another site", "POST", "/v1/messages", "x", []string{"Sec-Fetch-Site", "cross-site"}, 403, []string{"another site"}},
		{"the description", "GET", "/openapi.yaml", "", nil, 200, []string{"openapi: 3.1", "/v1/messages:", "Idempotency-Key", "text/event-stream"}},
		{"leave", "POST", "/v1/leave", "", nil, 202, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, header, body := ask(t, c.method, server.URL+c.path, c.body, c.headers...)
			if status != c.status {
				t.Fatalf("status %d, want %d: %s", status, c.status, body)
			}
			for _, want := range c.want {
				if !strings.Contains(body, want) {
					t.Errorf("the body %q lacks %q", body, want)
				}
			}
			if kind := header.Get("Content-Type"); status >= 400 && kind != "application/problem+json" {
				t.Errorf("an error is of type %q: %s", kind, body)
			}
		})
	}
	if left != 1 {
		t.Errorf("Leave was called %d times", left)
	}
	if level.Level() != slog.LevelDebug {
		t.Errorf("the level is %v", level.Level())
	}
	s.ready = true
	if status, _, _ := ask(t, "GET", server.URL+"/readyz", ""); status != 200 {
		t.Errorf("with a link, /readyz is %d", status)
	}
	for _, c := range []struct {
		err    error
		status int
	}{{api.ErrReadOnly, 403}, {fmt.Errorf("x: %w", gossip.ErrPayloadTooLong), 413}, {gossip.ErrClosed, 503}, {gossip.ErrLogFull, 503}} {
		s.fail = c.err
		if status, _, body := ask(t, "POST", server.URL+"/v1/messages", "x"); status != c.status || !strings.Contains(body, c.err.Error()) {
			t.Errorf("%v: status %d, want %d: %s", c.err, status, c.status, body)
		}
	}
}

// Where a token is needed, nothing of the node is told without it.
func TestToken(t *testing.T) {
	server := serve(t, newStage(), api.Config{
		Token: "secret", Window: http.NotFoundHandler(), Metrics: http.NotFoundHandler(),
	})
	for path, status := range map[string]int{
		"/v1/self": 401, "/v1/messages": 401, "/metrics": 401, "/openapi.yaml": 401, "/v1/../v1/self": 401, "/healthz": 200, "/": 404,
	} {
		for _, header := range []string{"", "Bearer", "Bearer secrets", "secret", "Basic secret"} {
			if got, h, body := ask(t, "GET", server.URL+path, "", "Authorization", header); got != status {
				t.Errorf("%s with %q: status %d, want %d: %s", path, header, got, status, body)
			} else if got == 401 && h.Get("WWW-Authenticate") == "" {
				t.Errorf("%s does not say what is needed", path)
			}
		}
	}
	if got, _, _ := ask(t, "GET", server.URL+"/v1/self", "", "Authorization", "bearer secret"); got != 200 {
		t.Errorf("with the token: status %d", got)
	}
}

// A request that is sent again under its key is broadcast once, even while the first
// is under way.
func TestIdempotencyKeys(t *testing.T) {
	s := newStage()
	s.hold = make(chan struct{})
	server := serve(t, s, api.Config{Keep: 3})
	post := func(key, body string) (int, http.Header, string) {
		return ask(t, "POST", server.URL+"/v1/messages", body, "Idempotency-Key", key)
	}
	statuses := make(chan int)
	for range 5 {
		go func() {
			status, _, _ := post("k", "once")
			statuses <- status
		}()
	}
	close(s.hold)
	created := 0
	for range 5 {
		if status := <-statuses; status == 201 {
			created++
		} else if status != 200 {
			t.Errorf("status %d", status)
		}
	}
	if created != 1 || s.seq != 1 {
		t.Errorf("%d requests were the first, %d messages were broadcast; want 1 of each", created, s.seq)
	}
	if status, h, body := post("k", "once"); status != 200 || h.Get("Idempotent-Replayed") != "true" || !strings.Contains(body, `"seq":1`) {
		t.Errorf("again: %d %v %s", status, h, body)
	}
	if status, _, body := post("k", "other"); status != 422 || !strings.Contains(body, "another body") {
		t.Errorf("with another body: %d %s", status, body)
	}
	s.fail = gossip.ErrLogFull
	if status, _, _ := post("k2", "x"); status != 503 {
		t.Errorf("a failure: %d", status)
	}
	s.fail = nil
	if status, _, _ := post("k2", "x"); status != 201 {
		t.Errorf("after a failure: %d, want 201: it was not broadcast", status)
	}
	for i := range 3 { // as many as are kept
		post(fmt.Sprint("more", i), "x")
	}
	if status, _, _ := post("k", "once"); status != 201 {
		t.Errorf("after %d other keys: %d, want 201: it is forgotten", 3, status)
	}
	if status, _, _ := post(strings.Repeat("k", 129), "x"); status != 422 {
		t.Errorf("a key that is too long: %d", status)
	}
}

// What a request says of its body goes along with the message.
func TestHeaders(t *testing.T) {
	s := newStage()
	server := serve(t, s, api.Config{})
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	ask(t, "POST", server.URL+"/v1/messages", "{}", "Content-Type", "application/json", "traceparent", trace, "tracestate", "a=1", "Idempotency-Key", "k")
	want := gossip.Headers{"content-type": "application/json", "traceparent": trace, "tracestate": "a=1", "idempotency-key": "k"}
	if !maps.Equal(s.headers, want) {
		t.Errorf("the headers are %v, want %v", s.headers, want)
	}
	ask(t, "POST", server.URL+"/v1/messages", "{}", "Content-Type", "application/octet-stream", "tracestate", "of no trace")
	if s.headers != nil {
		t.Errorf("nothing was said, and the headers are %v", s.headers)
	}
	s.fail = gossip.ErrHeaders
	if status, _, body := ask(t, "POST", server.URL+"/v1/messages", "{}"); status != 422 {
		t.Errorf("headers that are not taken: %d %s", status, body)
	}
}

// stream opens a stream and returns its lines.
func stream(t *testing.T, url string, headers ...string) *bufio.Scanner {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Body.Close(); http.DefaultClient.CloseIdleConnections() })
	if a.StatusCode != 200 {
		t.Fatalf("status %d", a.StatusCode)
	}
	return bufio.NewScanner(a.Body)
}

func line(t *testing.T, lines *bufio.Scanner) string {
	t.Helper()
	if !lines.Scan() {
		t.Fatal("the stream has ended: ", lines.Err())
	}
	return lines.Text()
}

// A stream of lines tells what comes, as it comes.
func TestStreamOfLines(t *testing.T) {
	s := newStage()
	server := serve(t, s, api.Config{})
	s.deliver("before")
	lines := stream(t, server.URL+"/v1/messages?latest=1")
	s.deliver("\xff\x00")
	for _, want := range []struct{ seq, payload string }{{`"seq":1`, `"payload":"before"`}, {`"seq":2`, `"payload_base64":"/wA="`}} {
		got := line(t, lines)
		if !strings.Contains(got, want.seq) || !strings.Contains(got, want.payload) || !json.Valid([]byte(got)) {
			t.Errorf("got %s, want %v", got, want)
		}
	}
	var all []string
	for lines := stream(t, server.URL+"/v1/messages?latest=1000&follow=false"); lines.Scan(); {
		all = append(all, lines.Text())
	}
	if len(all) != 2 {
		t.Errorf("what there is comes to %d lines, want 2: %q", len(all), all)
	}
	all = nil
	for lines := stream(t, server.URL+"/v1/messages?latest=1000&limit=1"); lines.Scan(); {
		all = append(all, lines.Text())
	}
	if len(all) != 1 {
		t.Errorf("with a limit of 1: %q", all)
	}
}

// Whoever has a stream's headers has its place in what comes: an answer to what a client
// says then is not missed.
func TestStreamsBeginWithTheirHeaders(t *testing.T) {
	s := newStage()
	server := serve(t, s, api.Config{})
	for i := range 40 { // they stay open until the test ends
		accept := []string{"application/x-ndjson", "text/event-stream"}[i%2]
		stream(t, server.URL+"/v1/messages", "Accept", accept)
		if n := s.Messages().Stats().Readers; n != i+1 {
			t.Fatalf("%s: the headers of %d streams are here, and %d have a place", accept, i+1, n)
		}
	}
}

// A stream of events is resumed where it ended, and says so if it cannot be.
func TestStreamResumed(t *testing.T) {
	s := newStage()
	server := serve(t, s, api.Config{})
	for i := range 3 {
		s.deliver(fmt.Sprint(i))
	}
	id := api.FormatID(gossip.MessageID{Origin: "a", Incarnation: 1<<63 + 1, Seq: 2})
	events := stream(t, server.URL+"/v1/messages", "Accept", "text/event-stream", "Last-Event-ID", id)
	if got := line(t, events); got != "id: a/9223372036854775809/3" {
		t.Errorf("resumed after 2, the first line is %q", got)
	}
	if got := line(t, events); !strings.HasPrefix(got, `data: {"id":"a/9223372036854775809/3"`) {
		t.Errorf("and then %q", got)
	}
	unknown := stream(t, server.URL+"/v1/messages?after=b/1/1", "Accept", "text/event-stream")
	for i, want := range []string{"event: missed", `data: {"missed":0,"unknown":true}`, "", "id: a/9223372036854775809/1"} {
		if got := line(t, unknown); got != want {
			t.Errorf("after an unknown message, line %d is %q, want %q", i+1, got, want)
		}
	}
}

// Only so many streams may be open at a time, and a place is free again when one ends.
func TestStreamsAreBounded(t *testing.T) {
	s := newStage()
	server := serve(t, s, api.Config{Streams: 1})
	ctx, cancel := context.WithCancel(t.Context())
	r, _ := http.NewRequestWithContext(ctx, "GET", server.URL+"/v1/events", nil)
	first, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if status, _, body := ask(t, "GET", server.URL+"/v1/messages", ""); status != 503 || !strings.Contains(body, "1 streams are open") {
		t.Errorf("a second stream: %d %s", status, body)
	}
	cancel()
	first.Body.Close()
	for s.events.Stats().Readers > 0 { // the server notices in its own time
		select {
		case <-time.After(time.Millisecond):
		case <-t.Context().Done():
			t.Fatal("the stream did not end")
		}
	}
}

// A server that is told to end ends its streams, and leaves nothing behind.
func TestServeEnds(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	s := newStage()
	ended := make(chan error, 1)
	go func() {
		ended <- api.NewServer(s, api.Config{Logger: slog.New(slog.DiscardHandler)}).Serve(ctx, l)
	}()
	lines := stream(t, "http://"+l.Addr().String()+"/v1/messages")
	overlay := stream(t, "http://"+l.Addr().String()+"/v1/overlay", "Accept", "text/event-stream")
	if got := line(t, overlay); !strings.HasPrefix(got, "data: {") {
		t.Errorf("the overlay begins with %q", got)
	}
	s.deliver("x")
	line(t, lines)
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Serve returned %v", err)
	}
	if lines.Scan() {
		t.Errorf("the stream went on: %q", lines.Text())
	}
	l.Close()
	if err := api.NewServer(s, api.Config{}).Serve(t.Context(), l); !errors.Is(err, net.ErrClosed) {
		t.Errorf("serving on a closed listener: %v", err)
	}
}

// Ids are written so that they can be read again, whatever is in a name.
func TestIDs(t *testing.T) {
	for _, id := range []gossip.MessageID{{Origin: "a", Incarnation: 1, Seq: 1}, {Origin: "a/b c%~ü", Incarnation: 1<<64 - 1, Seq: 1 << 53}} {
		if got, err := api.ParseID(api.FormatID(id)); err != nil || got != id {
			t.Errorf("%v was read as %v, %v", id, got, err)
		}
	}
	for _, text := range []string{"", "a", "a/1", "a/1/0", "a/-1/1", "/1/1", "a/1/1/1", "%zz/1/1", strings.Repeat("x", 1000)} {
		if id, err := api.ParseID(text); err == nil {
			t.Errorf("%q was read as %v", text, id)
		} else if len(err.Error()) > 250 {
			t.Errorf("an error of %d bytes", len(err.Error()))
		}
	}
}
