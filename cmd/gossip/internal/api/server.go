// Package api is the agent's HTTP interface: what a node knows and has delivered, as
// JSON and as streams, and messages to broadcast. The description of it, OpenAPI 3.1,
// is made from the code and served at /openapi.yaml; errors are of RFC 9457.
package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"golang.org/x/net/netutil"
	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"
)

// Config is what a server needs besides its source.
type Config struct {
	// Token has to come with each request, as "Authorization: Bearer TOKEN", but for
	// the window's files, /healthz and /readyz. Empty: nobody is asked for one.
	Token string
	// AnyHost has the server answer whatever name it is called by. Without it only
	// literal addresses and "localhost" are, since a page of another site may have its
	// own name lead to this machine. It is for servers with a token, or on a unix socket.
	AnyHost bool
	// Leave is called by POST /v1/leave; nil refuses.
	Leave func()
	// Level is what GET and PUT /v1/log-level read and set; nil refuses.
	Level *slog.LevelVar
	// Window serves "/", Metrics "/metrics"; nil: not found.
	Window, Metrics http.Handler
	// Streams bounds how many streams may be open at a time. Zero: 64.
	Streams int
	// Sends bounds the bytes of messages that are being read and broadcast. Zero: 64 MiB, or
	// what one of the longest takes if that is more.
	Sends int64
	// Keep bounds how many idempotency keys are remembered. Zero: 10,000.
	Keep int
	// Logger gets what goes wrong. Nil: slog.Default.
	Logger *slog.Logger
}

// Server answers requests from a source.
type Server struct {
	source  Source
	cfg     Config
	streams chan struct{} // a token for each that is open
	sends   *semaphore.Weighted
	once    *once
	api     huma.API
	handler http.Handler
	panics  rate.Sometimes
	ending  context.Context // its end is that of all streams
	end     context.CancelFunc
}

// NewServer returns a server; it is an http.Handler, and Serve makes it listen.
func NewServer(source Source, cfg Config) *Server {
	if cfg.Streams == 0 {
		cfg.Streams = 64
	}
	if cfg.Keep == 0 {
		cfg.Keep = 10_000
	}
	if cfg.Sends == 0 {
		cfg.Sends = 64 << 20
	}
	cfg.Sends = max(cfg.Sends, int64(source.Self().MaxPayload)+costOfSending)
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	s := &Server{
		source: source, cfg: cfg, streams: make(chan struct{}, cfg.Streams), once: newOnce(cfg.Keep),
		sends:  semaphore.NewWeighted(cfg.Sends),
		panics: rate.Sometimes{First: 5, Interval: time.Minute}, // who knows such a request must not fill a log
	}
	s.ending, s.end = context.WithCancel(context.Background())
	s.remember()
	mux := http.NewServeMux()
	description := huma.DefaultConfig("gossip agent", source.Self().Version)
	description.DocsPath = "" // its page loads scripts of others
	description.CreateHooks = nil
	description.Info.Description = "What one node of a gossip network knows and delivers. Messages are delivered exactly once and in causal order; ids name them for ever."
	if cfg.Token != "" {
		description.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer"}}
		description.Security = []map[string][]string{{"token": {}}}
	}
	s.api = humago.New(mux, description)
	s.routes()
	s.plainRoutes(mux)
	crossOrigin := http.NewCrossOriginProtection()
	crossOrigin.SetDenyHandler(problem(http.StatusForbidden, "a page of another site may not do this"))
	s.handler = s.guarded(crossOrigin.Handler(mux))
	return s
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// maxConnections bounds how many there are at a time: what else comes waits to be
// accepted, so that the node has descriptors left for its links. A guess.
const maxConnections = 512

// Serve answers requests until ctx ends, and then gives those under way two seconds.
// It closes the listener.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       time.Minute,
		WriteTimeout:      time.Minute, // streams push theirs ahead
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(s.cfg.Logger.Handler(), slog.LevelDebug),
	}
	answered := make(chan struct{})
	ended := context.AfterFunc(ctx, func() {
		defer close(answered)
		s.end()
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if server.Shutdown(within) != nil {
			server.Close()
		}
	})
	err := server.Serve(netutil.LimitListener(l, maxConnections))
	if ended() { // it ended by itself
		return fmt.Errorf("serving HTTP on %v: %w", l.Addr(), err)
	}
	<-answered
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// guarded refuses who calls the server by a name that is not its own, and who has no
// token where one is needed. It has browsers run nothing of any answer.
func (s *Server) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer s.logPanic(r)
		// The window has a policy of its own, for its files alone.
		w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		switch {
		case !s.cfg.AnyHost && !ownName(r.Host):
			problem(http.StatusMisdirectedRequest, fmt.Sprintf("this server is not called %.80q: allowed are addresses and localhost", r.Host)).ServeHTTP(w, r)
		case s.cfg.Token != "" && !isOpen(r.URL.Path) && !s.hasToken(r):
			w.Header().Set("WWW-Authenticate", `Bearer realm="gossip"`)
			problem(http.StatusUnauthorized, "a token is needed, as in Authorization: Bearer TOKEN").ServeHTTP(w, r)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// logPanic tells of a mistake in this program that a request has run into, and ends the
// request. What net/http would say goes to the debug level, with what clients do wrong.
func (s *Server) logPanic(r *http.Request) {
	p := recover()
	if p == nil {
		return
	}
	if p != http.ErrAbortHandler {
		stack := string(debug.Stack())
		s.panics.Do(func() {
			s.cfg.Logger.Error("a request has run into a mistake of this program", "method", r.Method, "path", r.URL.Path,
				"error", fmt.Sprint(p), "stack", stack)
		})
	}
	panic(http.ErrAbortHandler)
}

// ownName reports whether a Host header is an address or localhost.
func ownName(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.Trim(name, "[]")
	_, err := netip.ParseAddr(name)
	return err == nil || strings.EqualFold(name, "localhost")
}

// isOpen tells what needs no token: the window's own files, which are in every binary,
// and what probes look at.
func isOpen(path string) bool {
	return path == "/healthz" || path == "/readyz" ||
		!strings.HasPrefix(path, "/v1/") && path != "/metrics" && !strings.HasPrefix(path, "/openapi")
}

func (s *Server) hasToken(r *http.Request) bool {
	scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	a, b := sha256.Sum256([]byte(strings.TrimSpace(given))), sha256.Sum256([]byte(s.cfg.Token))
	return strings.EqualFold(scheme, "bearer") && subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// plainRoutes are those that are not part of the description.
func (s *Server) plainRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if !s.source.Ready() {
			problem(http.StatusServiceUnavailable, "there is no link to the network").ServeHTTP(w, r)
			return
		}
		fmt.Fprintln(w, "ready")
	})
	if s.cfg.Metrics != nil {
		mux.Handle("GET /metrics", s.cfg.Metrics)
	}
	mux.HandleFunc("/v1/", func(w http.ResponseWriter, r *http.Request) { nothingThere(mux, w, r) })
	if s.cfg.Window != nil {
		mux.Handle("/", s.cfg.Window)
	}
}

// nothingThere tells a wrong name from a wrong method.
func nothingThere(mux *http.ServeMux, w http.ResponseWriter, r *http.Request) {
	_, here := mux.Handler(r)
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete} {
		other := r.WithContext(r.Context())
		other.Method = method
		if _, pattern := mux.Handler(other); pattern != here {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) == 0 {
		problem(http.StatusNotFound, "there is nothing of this name: /openapi.yaml tells what there is").ServeHTTP(w, r)
		return
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	problem(http.StatusMethodNotAllowed, fmt.Sprintf("%s is not for this: allowed is %s", r.Method, strings.Join(allowed, ", "))).ServeHTTP(w, r)
}

// problem answers with an error of RFC 9457.
func problem(status int, detail string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeProblem(w, huma.NewError(status, detail))
	})
}
