package api

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"math"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// DefaultAddress is where an agent serves its API, and a client looks for it, unless
// they are told otherwise.
const DefaultAddress = "127.0.0.1:7980"

// maxLine bounds what a client reads of one entry: a payload of 64 MiB in base64, and
// a clock.
const maxLine = 128 << 20

// Client asks an agent.
type Client struct {
	address string // as it was given
	base    string
	token   string
	http    *http.Client
}

// NewClient returns a client of the agent at an address: "host:port", a URL, or
// "unix:PATH". The token may be empty.
func NewClient(address, token string) (*Client, error) {
	c := &Client{address: address, token: token}
	transport := &http.Transport{ResponseHeaderTimeout: time.Minute, MaxIdleConns: 4, IdleConnTimeout: 30 * time.Second}
	path, isUnix := strings.CutPrefix(address, "unix:")
	switch {
	case isUnix && path != "":
		c.base = "http://localhost"
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}
	case strings.HasPrefix(address, "http://"), strings.HasPrefix(address, "https://"):
		u, err := url.Parse(address)
		if err != nil || u.Host == "" {
			return nil, badAddress(address)
		}
		c.base = strings.TrimSuffix(address, "/")
	default:
		if _, port, err := net.SplitHostPort(address); err != nil || port == "" {
			return nil, badAddress(address)
		}
		c.base = "http://" + address
	}
	c.http = &http.Client{Transport: transport}
	return c, nil
}

func badAddress(address string) error {
	return fmt.Errorf("%q is not the address of an agent: allowed are HOST:PORT, unix:PATH and a URL", address)
}

// Close ends connections that are not in use.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Address is what the client was made for.
func (c *Client) Address() string { return c.address }

// Problem is an answer that says what was wrong, of RFC 9457.
type Problem struct {
	Status int    `json:"status"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
	Errors []struct {
		Message  string `json:"message"`
		Location string `json:"location"`
	} `json:"errors"`
}

func (p *Problem) Error() string {
	text := p.Detail
	if text == "" {
		text = p.Title
	}
	for _, e := range p.Errors {
		text += fmt.Sprintf("; %s: %s", e.Location, e.Message)
	}
	return text
}

// do sends a request. The caller closes the body of the answer.
func (c *Client) do(ctx context.Context, method, path string, body []byte, header http.Header) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if header != nil {
		r.Header = header
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	a, err := c.http.Do(r)
	if err != nil {
		if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("there is no agent at %s: %w", c.address, without(err))
		}
		return nil, fmt.Errorf("asking the agent at %s: %w", c.address, without(err))
	}
	if a.StatusCode < 300 {
		return a, nil
	}
	defer a.Body.Close()
	p := &Problem{Status: a.StatusCode, Title: a.Status}
	if text, err := io.ReadAll(io.LimitReader(a.Body, 64<<10)); err == nil && strings.HasPrefix(a.Header.Get("Content-Type"), "application/problem+json") {
		json.Unmarshal(text, p) // what does not decode leaves the status
	}
	return nil, fmt.Errorf("the agent at %s: %w", c.address, p)
}

// without leaves the method and the URL out of an error, which are no news.
func without(err error) error {
	if u := (*url.Error)(nil); errors.As(err, &u) {
		return u.Err
	}
	return err
}

// get reads an answer of one value.
func get[T any](ctx context.Context, c *Client, path string) (v T, err error) {
	err = c.value(ctx, http.MethodGet, path, nil, http.Header{"Accept": {typeJSON}}, &v)
	return v, err
}

func (c *Client) value(ctx context.Context, method, path string, body []byte, header http.Header, v any) error {
	a, err := c.do(ctx, method, path, body, header)
	if err != nil {
		return err
	}
	defer a.Body.Close()
	if v == nil {
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(a.Body, maxLine)).Decode(v); err != nil {
		return fmt.Errorf("the answer of the agent at %s: %w", c.address, err)
	}
	return nil
}

// Self tells who the agent is.
func (c *Client) Self(ctx context.Context) (Self, error) { return get[Self](ctx, c, "/v1/self") }

// View returns its view.
func (c *Client) View(ctx context.Context) ([]Peer, error) {
	v, err := get[View](ctx, c, "/v1/view")
	return v.Peers, err
}

// Links returns its links.
func (c *Client) Links(ctx context.Context) ([]Link, error) {
	v, err := get[Links](ctx, c, "/v1/links")
	return v.Links, err
}

// Clock returns its clock.
func (c *Client) Clock(ctx context.Context) (Counts, error) {
	v, err := get[Clock](ctx, c, "/v1/clock")
	return v.Clock, err
}

// Stats returns its sizes and counters.
func (c *Client) Stats(ctx context.Context) (map[string]float64, error) {
	return get[map[string]float64](ctx, c, "/v1/stats")
}

// Keys tells what it knows of the cluster's keys.
func (c *Client) Keys(ctx context.Context) ([]Key, error) {
	v, err := get[Keys](ctx, c, "/v1/keys")
	return v.Keys, err
}

// Overlay returns its latest sample of the network.
func (c *Client) Overlay(ctx context.Context) (Overlay, error) {
	return get[Overlay](ctx, c, "/v1/overlay")
}

// Leave has it leave the network and end.
func (c *Client) Leave(ctx context.Context) error {
	return c.value(ctx, http.MethodPost, "/v1/leave", nil, nil, nil)
}

// LogLevel tells what it logs, and SetLogLevel changes it.
func (c *Client) LogLevel(ctx context.Context) (string, error) {
	v, err := get[LogLevel](ctx, c, "/v1/log-level")
	return v.Level, err
}

// SetLogLevel has it log what is at least as severe as debug, info, warn or error.
func (c *Client) SetLogLevel(ctx context.Context, level string) error {
	body, err := json.Marshal(LogLevel{level})
	if err != nil {
		return err
	}
	return c.value(ctx, http.MethodPut, "/v1/log-level", body, http.Header{"Content-Type": {typeJSON}}, nil)
}

// NewKey draws an idempotency key.
func NewKey() string { return rand.Text() }

// retryPause is the time between two attempts.
const retryPause = 200 * time.Millisecond

// Send broadcasts a payload under an idempotency key, so that it is safe to try again:
// as long as ctx allows, it does so where no answer came at all.
func (c *Client) Send(ctx context.Context, payload []byte, key string) (id MessageID, err error) {
	header := http.Header{"Content-Type": {"application/octet-stream"}, "Idempotency-Key": {key}}
	for {
		err = c.value(ctx, http.MethodPost, "/v1/messages", payload, header.Clone(), &id)
		if err == nil || errors.As(err, new(*Problem)) || !c.pause(ctx) {
			return id, err
		}
	}
}

func (c *Client) pause(ctx context.Context) bool {
	t := time.NewTimer(retryPause)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Stream says which messages a client wants.
type Stream struct {
	After  string // those after the one with this id; it goes before Latest
	Latest int    // so many of those that were there before, and what comes
	Ended  bool   // not what comes
	Limit  int    // no more than so many; 0: no limit
}

func (s Stream) query() string {
	q := url.Values{}
	if s.After != "" {
		q.Set("after", s.After)
	} else if s.Latest > 0 {
		q.Set("latest", strconv.Itoa(s.Latest))
	}
	if s.Ended {
		q.Set("follow", "false")
	}
	if s.Limit > 0 {
		q.Set("limit", strconv.Itoa(s.Limit))
	}
	return q.Encode()
}

// Entry is an element of a stream: a message, or Missed if some are gone.
type Entry struct {
	Message
	Missed
}

// Messages yields messages until the stream ends, or the agent does.
func (c *Client) Messages(ctx context.Context, s Stream) iter.Seq2[Entry, error] {
	return lines[Entry](ctx, c, "/v1/messages?"+s.query(), func() {})
}

// Follow yields messages until ctx ends. When the agent, or the way to it, is gone it is
// tried again and again, and goes on after the last message. If the agent does not know
// that any more it tells all that it has, of which what was yielded before is left out.
// Follow ends with an error only if the agent refuses to answer, or did not answer at
// first.
func (c *Client) Follow(ctx context.Context, s Stream) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		began := false
		var had recentIDs
		if s.After == "" && s.Latest == 0 {
			// "From now on" would be later when it is tried again.
			var err error
			if s, err = c.FromNowOn(ctx, s); err != nil {
				yield(Entry{}, err)
				return
			}
		}
		for {
			for e, err := range lines[Entry](ctx, c, "/v1/messages?"+s.query(), func() { began = true }) {
				if err != nil {
					if ctx.Err() == nil && (!began || errors.As(err, new(*Problem))) {
						yield(Entry{}, err)
						return
					}
					break
				}
				if e.ID != "" {
					s.After = e.ID
					if !had.add(e.ID) {
						continue
					}
				}
				if !yield(e, nil) {
					return
				}
			}
			if !c.pause(ctx) {
				return
			}
		}
	}
}

// FromNowOn is a stream of what comes after what there is, for Follow, which asks for it itself if
// it is told neither where to begin nor with how many.
func (c *Client) FromNowOn(ctx context.Context, s Stream) (Stream, error) {
	for e, err := range c.Messages(ctx, Stream{Latest: 1, Ended: true}) {
		if err != nil {
			return s, err
		}
		s.After = e.ID
	}
	if s.After == "" {
		s.Latest = math.MaxInt32 // there is nothing yet
	}
	return s, nil
}

// mostRecent is how many ids of what was yielded are known: more than a hub keeps unless
// it is told to keep more, since each message is charged some 400 bytes there.
const mostRecent = 1 << 16

// recentIDs are the latest that were added.
type recentIDs struct {
	known map[string]struct{}
	order []string // a ring, once it is full
	next  int
}

// add reports false if the id is there already.
func (r *recentIDs) add(id string) bool {
	if r.known == nil {
		r.known = make(map[string]struct{})
	}
	if _, known := r.known[id]; known {
		return false
	}
	r.known[id] = struct{}{}
	if len(r.order) < mostRecent {
		r.order = append(r.order, id)
		return true
	}
	delete(r.known, r.order[r.next])
	r.order[r.next] = id
	r.next = (r.next + 1) % mostRecent
	return true
}

// Events yields up to latest of the events that were, and those that come.
func (c *Client) Events(ctx context.Context, latest int) iter.Seq2[Event, error] {
	return lines[Event](ctx, c, "/v1/events?latest="+strconv.Itoa(latest), func() {})
}

// lines yields the values of a stream, a line each, and in the end an error, if any. It
// calls answered when the agent has begun to answer.
func lines[T any](ctx context.Context, c *Client, path string, answered func()) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		a, err := c.do(ctx, http.MethodGet, path, nil, http.Header{"Accept": {typeNDJSON}})
		if err != nil {
			yield(none, err)
			return
		}
		defer a.Body.Close()
		answered()
		in := bufio.NewScanner(a.Body)
		in.Buffer(make([]byte, 64<<10), maxLine)
		for in.Scan() {
			if len(in.Bytes()) == 0 {
				continue // it only keeps the connection alive
			}
			var v T
			if err := json.Unmarshal(in.Bytes(), &v); err != nil {
				yield(none, fmt.Errorf("what the agent at %s sent: %w", c.address, err))
				return
			}
			if !yield(v, nil) {
				return
			}
		}
		if err := in.Err(); err != nil && ctx.Err() == nil {
			yield(none, fmt.Errorf("reading from the agent at %s: %w", c.address, err))
		}
	}
}
