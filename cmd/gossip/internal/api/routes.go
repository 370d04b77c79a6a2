package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
)

// ErrReadOnly: there is no node here that could broadcast.
var ErrReadOnly = errors.New("nobody can broadcast here")

type answer[T any] struct{ Body T }

// reading registers a GET of a value that is there at once.
func reading[T any](s *Server, path, id, summary string, read func() T) {
	huma.Register(s.api, huma.Operation{
		OperationID: id, Method: http.MethodGet, Path: path, Summary: summary,
	}, func(context.Context, *struct{}) (*answer[T], error) { return &answer[T]{read()}, nil })
}

func (s *Server) routes() {
	reading(s, "/v1/self", "self", "Who answers", s.source.Self)
	reading(s, "/v1/view", "view", "The partial view", func() View { return View{orEmpty(s.source.View())} })
	reading(s, "/v1/links", "links", "The links", func() Links { return Links{orEmpty(s.source.Links())} })
	reading(s, "/v1/clock", "clock", "The vector clock of everything delivered", func() Clock { return Clock{Counts{s.source.Clock()}} })
	reading(s, "/v1/stats", "stats", "Sizes and counters, by name", s.source.Stats)
	reading(s, "/v1/keys", "keys", "What is known of the cluster's keys", func() Keys { return Keys{orEmpty(s.source.Keys())} })
	s.sending()
	s.streaming()
	s.leaving()
	s.logging()
}

// orEmpty has an empty list be [] and not null.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

type sendInput struct {
	Key     string `header:"Idempotency-Key" maxLength:"128" doc:"has a request that is sent again, since its answer was lost, broadcast once; 1 to 128 bytes"`
	Type    string `header:"Content-Type" doc:"travels with the message, unless it is application/octet-stream"`
	Trace   string `header:"traceparent" doc:"of W3C Trace Context; travels with the message"`
	State   string `header:"tracestate" doc:"travels with traceparent"`
	RawBody []byte `contentType:"application/octet-stream"`
}

type sendOutput struct {
	Status int
	Again  string `header:"Idempotent-Replayed" doc:"true if the message was broadcast by an earlier request with the same key"`
	Body   MessageID
}

func (s *Server) sending() {
	most := int64(s.source.Self().MaxPayload)
	body := &huma.RequestBody{}
	huma.Register(s.api, huma.Operation{
		OperationID: "send", Method: http.MethodPost, Path: "/v1/messages", Summary: "Broadcast the body as it is",
		Description:   "The answer comes once the node has the message in its log, and on disk if it has a data directory: from then on it reaches every node that is connected.",
		DefaultStatus: http.StatusCreated,
		Errors:        []int{http.StatusForbidden, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity, http.StatusServiceUnavailable},
		RequestBody:   body,
		MaxBodyBytes:  most + 1, // that many are refused already
		// As long as the server allows, which is a minute, and not huma's 5 s.
		BodyReadTimeout: -1,
		Middlewares:     huma.Middlewares{s.saysHowLong(most), s.admits(most)},
	}, func(ctx context.Context, in *sendInput) (*sendOutput, error) {
		id, again, err := s.broadcast(ctx, in)
		if err != nil {
			return nil, sendError(err)
		}
		out := &sendOutput{Status: http.StatusCreated, Body: IDOf(id)}
		if again {
			out.Status, out.Again = http.StatusOK, "true"
		}
		return out, nil
	})
	body.Required = false // no bytes are a payload like others
}

// saysHowLong refuses a body that is too long before it is read, if it says so.
func (s *Server) saysHowLong(most int64) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		if r, _ := humago.Unwrap(ctx); r.ContentLength > most {
			huma.WriteErr(s.api, ctx, http.StatusRequestEntityTooLarge,
				fmt.Sprintf("the body has %d bytes, allowed are at most %d (--max-payload)", r.ContentLength, most))
			return
		}
		next(ctx)
	}
}

// costOfSending is what a request to broadcast is charged besides its body, in bytes: a
// goroutine and buffers.
const costOfSending = 16 << 10

// admits refuses a body for which there is no room among those that are being read, or wait
// to be in the log.
func (s *Server) admits(most int64) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, _ := humago.Unwrap(ctx)
		size := r.ContentLength
		if size < 0 {
			size = most // it does not say
		}
		if !s.sends.TryAcquire(size + costOfSending) {
			ctx.SetHeader("Retry-After", "1")
			huma.WriteErr(s.api, ctx, http.StatusServiceUnavailable, "too many messages wait to be broadcast: nothing was sent, try again")
			return
		}
		defer s.sends.Release(size + costOfSending)
		next(ctx)
	}
}

// The headers of a message that come from those of a request.
const (
	typeHeader  = "content-type"
	traceHeader = "traceparent"
	stateHeader = "tracestate"
	// keyHeader has a key known again after a restart, and to who gets the message.
	keyHeader = "idempotency-key"
)

// remember has keys of the node's last life known, of which the messages tell.
func (s *Server) remember() {
	self := s.source.Self().ID
	for e := range s.source.Messages().Latest(math.MaxInt) {
		if key := e.Headers[keyHeader]; e.Restored && key != "" && e.ID.Origin == self {
			s.once.note(key, e.Payload, e.ID)
		}
	}
}

func (in *sendInput) headers() gossip.Headers {
	h := make(gossip.Headers)
	if in.Trace == "" {
		in.State = "" // it means nothing by itself
	}
	for name, value := range map[string]string{typeHeader: in.Type, traceHeader: in.Trace, stateHeader: in.State, keyHeader: in.Key} {
		if value != "" && (name != typeHeader || !strings.HasPrefix(value, "application/octet-stream")) {
			h[name] = value
		}
	}
	if len(h) == 0 {
		return nil
	}
	return h
}

func (s *Server) broadcast(ctx context.Context, in *sendInput) (gossip.MessageID, bool, error) {
	broadcast := func(ctx context.Context) (gossip.MessageID, error) {
		id, err := s.source.Broadcast(ctx, in.RawBody, in.headers())
		if errors.Is(err, gossip.ErrNotKept) {
			err = fmt.Errorf("%s: %w", FormatID(id), err) // by which it is known when it comes
		}
		return id, err
	}
	if in.Key == "" {
		ctx, cancel := context.WithTimeout(ctx, mostPatience)
		defer cancel()
		id, err := broadcast(ctx)
		return id, false, err
	}
	return s.once.do(ctx, in.Key, in.RawBody, broadcast)
}

// sendError gives an error the status that tells a client what to do.
func sendError(err error) error {
	switch {
	case errors.Is(err, errOtherPayload):
		return huma.Error422UnprocessableEntity(err.Error())
	case errors.Is(err, ErrReadOnly):
		return huma.Error403Forbidden(err.Error())
	case errors.Is(err, gossip.ErrHeaders):
		return huma.Error422UnprocessableEntity(err.Error())
	case errors.Is(err, gossip.ErrPayloadTooLong):
		return huma.Error413RequestEntityTooLarge(err.Error())
	}
	return huma.Error503ServiceUnavailable(err.Error()) // closed, leaving, or full: another node, or later
}

func (s *Server) leaving() {
	huma.Register(s.api, huma.Operation{
		OperationID: "leave", Method: http.MethodPost, Path: "/v1/leave", Summary: "Leave the network in good order, and end",
		DefaultStatus: http.StatusAccepted, Errors: []int{http.StatusForbidden},
	}, func(context.Context, *struct{}) (*struct{}, error) {
		if s.cfg.Leave == nil {
			return nil, huma.Error403Forbidden("this network ends with the command that runs it")
		}
		s.cfg.Leave()
		return nil, nil
	})
}

func (s *Server) logging() {
	reading(s, "/v1/log-level", "log-level", "What is logged", func() LogLevel { return LogLevel{s.level()} })
	huma.Register(s.api, huma.Operation{
		OperationID: "set-log-level", Method: http.MethodPut, Path: "/v1/log-level", Summary: "Log more, or less, from now on",
		Errors: []int{http.StatusForbidden},
	}, func(_ context.Context, in *struct{ Body LogLevel }) (*answer[LogLevel], error) {
		if s.cfg.Level == nil {
			return nil, huma.Error403Forbidden("nothing is logged here")
		}
		var level slog.Level
		if err := level.UnmarshalText([]byte(in.Body.Level)); err != nil {
			return nil, huma.Error422UnprocessableEntity("level: " + err.Error()) // the schema lets nothing else in
		}
		s.cfg.Level.Set(level)
		s.cfg.Logger.Info("what is logged has changed", "log_level", s.level())
		return &answer[LogLevel]{LogLevel{s.level()}}, nil
	})
}

func (s *Server) level() string {
	if s.cfg.Level == nil {
		return "error"
	}
	return strings.ToLower(s.cfg.Level.Level().String())
}
