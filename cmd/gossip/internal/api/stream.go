package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/danielgtaylor/huma/v2/negotiation"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/hub"
)

const (
	typeSSE    = "text/event-stream"
	typeNDJSON = "application/x-ndjson"
	typeJSON   = "application/json"

	// keepAlive is how long a stream is silent at most, so that who reads it, and what
	// is between them, knows that it is still there.
	keepAlive = 15 * time.Second
	// patience is how long a reader may leave what it is sent unread.
	patience = time.Minute
)

// streamOperation describes a stream of T.
func streamOperation[T any](s *Server, id, path, summary, description string) huma.Operation {
	schema := huma.SchemaFromType(s.api.OpenAPI().Components.Schemas, reflect.TypeFor[T]())
	return huma.Operation{
		OperationID: id, Method: http.MethodGet, Path: path, Summary: summary, Description: description,
		Errors: []int{http.StatusNotAcceptable, http.StatusServiceUnavailable},
		Responses: map[string]*huma.Response{"200": {Description: "A stream, by Accept: NDJSON, or server-sent events", Content: map[string]*huma.MediaType{
			typeNDJSON: {Schema: schema}, typeSSE: {Schema: schema},
		}}},
	}
}

type messagesInput struct {
	Accept string `header:"Accept"`
	LastID string `header:"Last-Event-ID" doc:"as after, before which it goes: it is what a browser sends when it resumes"`
	After  string `query:"after" doc:"the id of a message: begin with what this node delivered after it. If that is not kept any more, the stream begins with the oldest that is kept, after an entry that says missed"`
	Latest int    `query:"latest" minimum:"0" default:"0" doc:"begin with so many of the latest messages that are kept; without it, with what is delivered from now on"`
	Follow bool   `query:"follow" default:"true" doc:"false: end after what there is"`
	Limit  int    `query:"limit" minimum:"0" default:"0" doc:"end after so many messages; 0: no end"`
}

type eventsInput struct {
	Accept string `header:"Accept"`
	Latest int    `query:"latest" minimum:"0" default:"0" doc:"begin with so many of the latest events that are kept"`
	Follow bool   `query:"follow" default:"true" doc:"false: end after what there is"`
}

type overlayInput struct {
	Accept string `header:"Accept"`
}

func (s *Server) streaming() {
	huma.Register(s.api, streamOperation[Message](s, "messages", "/v1/messages", "The messages, as this node delivers them",
		"As server-sent events each has its id, so that a stream is resumed where it ended, also after the agent was killed if it has a data directory: what a stream tells is on its disk. An event of type missed, {\"missed\":n}, takes the place of messages that are not kept any more."),
		func(_ context.Context, in *messagesInput) (*huma.StreamResponse, error) {
			if in.LastID != "" {
				in.After = in.LastID
			}
			if in.After == "" {
				return s.stream(in.Accept, func(w *lineWriter) error {
					return follow(w, s.source.Messages().Last(in.Latest), in.Follow, in.Limit, writeMessage)
				})
			}
			id, err := ParseID(in.After)
			if err != nil {
				return nil, huma.Error422UnprocessableEntity(err.Error())
			}
			return s.stream(in.Accept, func(w *lineWriter) error {
				r, found := s.source.Messages().After(id)
				if !found {
					w.first = &Missed{Unknown: true}
				}
				return follow(w, r, in.Follow, in.Limit, writeMessage)
			})
		})
	huma.Register(s.api, streamOperation[Event](s, "events", "/v1/events", "What happens to the node: links, gaps, conflicts, drops", ""),
		func(_ context.Context, in *eventsInput) (*huma.StreamResponse, error) {
			return s.stream(in.Accept, func(w *lineWriter) error {
				return follow(w, s.source.Events().Last(in.Latest), in.Follow, 0, writeEvent)
			})
		})
	if d, seesAll := s.source.(Deliverer); seesAll {
		huma.Register(s.api, streamOperation[Delivery](s, "deliveries", "/v1/deliveries", "What each node of the network delivers, from now on",
			"Only a demo and a simulation see that of all nodes; an agent has no such thing."),
			func(_ context.Context, in *overlayInput) (*huma.StreamResponse, error) {
				return s.stream(in.Accept, func(w *lineWriter) error {
					return follow(w, d.Deliveries().Last(0), true, 0, writeDelivery)
				})
			})
	}
	overlay := streamOperation[Overlay](s, "overlay", "/v1/overlay", "A sample of the network, gathered by asking around",
		"One, as JSON; or, as server-sent events, each new one.")
	overlay.Responses["200"].Content = map[string]*huma.MediaType{
		typeJSON: overlay.Responses["200"].Content[typeNDJSON], typeSSE: overlay.Responses["200"].Content[typeSSE],
	}
	huma.Register(s.api, overlay, func(_ context.Context, in *overlayInput) (*huma.StreamResponse, error) {
		if negotiate(in.Accept, typeJSON, typeSSE) == typeJSON {
			return &huma.StreamResponse{Body: func(ctx huma.Context) {
				now, _ := s.source.Overlay()
				ctx.SetHeader("Content-Type", typeJSON)
				json.NewEncoder(ctx.BodyWriter()).Encode(now) // whoever has gone does not read it
			}}, nil
		}
		return s.stream(typeSSE, s.followOverlay)
	})
}

// negotiate returns the first of the types that Accept asks for, or the first of all
// if it asks for none of them or for anything.
func negotiate(accept string, types ...string) string {
	if found := negotiation.SelectQValueFast(accept, types); found != "" {
		return found
	}
	return types[0]
}

// stream has run answer and write, until the client goes or the server ends.
func (s *Server) stream(accept string, run func(*lineWriter) error) (*huma.StreamResponse, error) {
	select {
	case s.streams <- struct{}{}:
	default:
		return nil, huma.Error503ServiceUnavailable(fmt.Sprintf("%d streams are open, which is as many as may be", cap(s.streams)))
	}
	return &huma.StreamResponse{Body: func(c huma.Context) {
		defer func() { <-s.streams }()
		r, w := humago.Unwrap(c)
		ctx, cancel := context.WithCancelCause(c.Context())
		defer cancel(nil)
		defer context.AfterFunc(s.ending, func() { cancel(errEnding) })()
		out := &lineWriter{ctx: ctx, w: w, head: r.Method == http.MethodHead, control: http.NewResponseController(w), sse: negotiate(accept, typeNDJSON, typeSSE) == typeSSE}
		err := run(out)
		if err != nil && ctx.Err() == nil && !errors.Is(err, hub.ErrClosed) && !errors.Is(err, errHead) {
			s.cfg.Logger.Debug("a stream ended", "client", c.RemoteAddr(), "error", err)
		}
	}}, nil
}

// lineWriter writes entries as lines of JSON or as events.
type lineWriter struct {
	ctx     context.Context
	w       io.Writer
	control *http.ResponseController
	sse     bool
	head    bool      // only what precedes the stream is asked for
	first   *Missed   // what it begins with, if not nil
	given   time.Time // when the reader was last given time
}

var (
	errEnding = errors.New("the server ends")
	errHead   = errors.New("nothing but the head was asked for")
)

// begin answers. A reader has to have its place before that: a client that has an answer
// misses nothing of what comes.
func (l *lineWriter) begin() error {
	h := l.w.(http.ResponseWriter).Header()
	h.Set("Content-Type", typeNDJSON)
	if l.sse {
		h.Set("Content-Type", typeSSE)
	}
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would keep what comes for later
	l.w.(http.ResponseWriter).WriteHeader(http.StatusOK)
	if err := l.flush(); err != nil {
		return err
	}
	switch {
	case l.head:
		return errHead
	case l.first != nil:
		return l.write("missed", "", l.first)
	}
	return nil
}

// flush sends what was written, and gives the reader time for the next.
func (l *lineWriter) flush() error {
	if err := l.giveTime(); err != nil {
		return err
	}
	return l.control.Flush()
}

func (l *lineWriter) giveTime() error {
	l.given = time.Now()
	if err := l.control.SetWriteDeadline(l.given.Add(patience)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}

// write writes an entry. kind is "" for what the stream is of.
func (l *lineWriter) write(kind, id string, entry any) error {
	body, err := json.Marshal(entry)
	if err != nil {
		return err
	}
	// Where there is always more to write, nothing is flushed for long.
	if time.Since(l.given) > patience/60 {
		if err := l.giveTime(); err != nil {
			return err
		}
	}
	if !l.sse {
		_, err = fmt.Fprintf(l.w, "%s\n", body)
		return err
	}
	if kind != "" {
		kind = "event: " + kind + "\n"
	}
	if id != "" {
		id = "id: " + id + "\n"
	}
	_, err = fmt.Fprintf(l.w, "%s%sdata: %s\n\n", kind, id, body)
	return err
}

// idle sends what keeps the connection alive.
func (l *lineWriter) idle() error {
	line := "\n" // an empty line is no JSON, and readers of NDJSON skip it
	if l.sse {
		line = ": still here\n\n"
	}
	if _, err := io.WriteString(l.w, line); err != nil {
		return err
	}
	return l.flush()
}

func writeMessage(l *lineWriter, e hub.Entry) error { return l.write("", FormatID(e.ID), MessageOf(e)) }
func writeDelivery(l *lineWriter, d Delivery) error { return l.write("", "", d) }
func writeEvent(l *lineWriter, e hub.Event) error   { return l.write("", "", EventOf(e)) }

// follow answers with what a reader reads, and closes the reader.
func follow[T any](l *lineWriter, r *hub.Reader[T], stay bool, limit int, write func(*lineWriter, T) error) error {
	defer r.Close()
	if err := l.begin(); err != nil {
		return err
	}
	if limit == 0 {
		limit = math.MaxInt
	}
	for limit > 0 && (stay || r.Ready()) {
		if !r.Ready() {
			if err := l.flush(); err != nil {
				return err
			}
		}
		e, missed, err := next(l, r)
		if err != nil {
			return err
		}
		if missed > 0 {
			if err := l.write("missed", "", Missed{Missed: missed}); err != nil {
				return err
			}
		}
		if err := write(l, e); err != nil {
			return err
		}
		limit--
	}
	return l.flush()
}

// next waits for an entry, and keeps the connection alive meanwhile.
func next[T any](l *lineWriter, r *hub.Reader[T]) (e T, missed uint64, err error) {
	for {
		ctx, cancel := context.WithTimeout(l.ctx, keepAlive)
		e, missed, err = r.Next(ctx)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || l.ctx.Err() != nil {
			return e, missed, err
		}
		if err := l.idle(); err != nil {
			return e, 0, err
		}
	}
}

// overlayPause is the least time between two samples of a stream.
const overlayPause = time.Second

func (s *Server) followOverlay(l *lineWriter) error {
	if err := l.begin(); err != nil {
		return err
	}
	for {
		now, changed := s.source.Overlay()
		if err := l.write("", "", now); err != nil {
			return err
		}
		if err := l.flush(); err != nil {
			return err
		}
		if err := l.pause(overlayPause, nil); err != nil {
			return err
		}
		for {
			err := l.pause(keepAlive, changed)
			if errors.Is(err, errChanged) {
				break
			}
			if err == nil {
				err = l.idle()
			}
			if err != nil {
				return err
			}
		}
	}
}

var errChanged = errors.New("changed")

// pause waits for some time, unless something changes before.
func (l *lineWriter) pause(d time.Duration, changed <-chan struct{}) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-changed:
		return errChanged
	case <-l.ctx.Done():
		return context.Cause(l.ctx)
	}
}
