package discovery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server is a DNS server on the loopback interface.
type server struct {
	mu      sync.Mutex
	records []string
	asked   chan struct{}
}

func (s *server) set(records ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records = records
}

func (s *server) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	var a dns.Msg
	a.SetReply(q)
	s.mu.Lock()
	for _, text := range s.records {
		rr, err := dns.NewRR(text)
		if err != nil {
			panic(err)
		}
		if h := rr.Header(); h.Rrtype == q.Question[0].Qtype && strings.EqualFold(h.Name, q.Question[0].Name) {
			a.Answer = append(a.Answer, rr)
		}
	}
	if len(s.records) == 0 {
		a.Rcode = dns.RcodeServerFailure
	}
	s.mu.Unlock()
	w.WriteMsg(&a)
}

// newServer starts a server and returns a resolver that asks it.
func newServer(t *testing.T) (*server, *net.Resolver) {
	t.Helper()
	p, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{asked: make(chan struct{})}
	up := make(chan struct{})
	d := &dns.Server{PacketConn: p, Handler: s, NotifyStartedFunc: func() { close(up) }}
	ended := make(chan struct{})
	go func() { defer close(ended); d.ActivateAndServe() }()
	<-up
	t.Cleanup(func() { d.Shutdown(); <-ended })
	return s, &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", p.LocalAddr().String())
	}}
}

// watch collects what a source finds, and its failures.
func watch(t *testing.T, s Source) (found chan []string, failed chan error) {
	t.Helper()
	found, failed = make(chan []string, 100), make(chan error, 100)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.Watch(ctx, func(a []string) { found <- a }, func(err error) { failed <- err })
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return found, failed
}

func await(t *testing.T, found <-chan []string, want ...string) {
	t.Helper()
	late := time.After(20 * time.Second)
	var last []string
	for {
		select {
		case a := <-found:
			slices.Sort(a)
			if last = a; slices.Equal(a, want) {
				return
			}
		case <-late:
			t.Fatalf("found %q, want %q", last, want)
		}
	}
}

func parse(t *testing.T, text string, o Options) Source {
	t.Helper()
	s, err := Parse(text, o)
	if err != nil {
		t.Fatal(err)
	}
	if s.String() != text {
		t.Errorf("%q is called %q", text, s)
	}
	return s
}

// A name is looked up again and again, through failures, as Kubernetes needs it, whose
// headless services have an address for each node that is up.
func TestNamesAreLookedUpAgain(t *testing.T) {
	d, r := newServer(t)
	d.set("gossip.test. 1 IN A 10.0.0.1", "gossip.test. 1 IN AAAA fd00::1")
	found, failed := watch(t, parse(t, "dns:gossip.test:7946", Options{Resolver: r, Every: 20 * time.Millisecond}))
	await(t, found, "10.0.0.1:7946", "[fd00::1]:7946")
	d.set()
	if err := <-failed; err == nil || !strings.Contains(err.Error(), "gossip.test") {
		t.Errorf("a server that fails: %v", err)
	}
	d.set("gossip.test. 1 IN A 10.0.0.2")
	await(t, found, "10.0.0.2:7946")
}

// Services have ports of their own, and a target that is not there hides no other.
func TestServices(t *testing.T) {
	d, r := newServer(t)
	const name = "_gossip._udp.test."
	d.set(name+" 1 IN SRV 0 0 7946 a.test.", name+" 1 IN SRV 0 0 7947 b.test.", name+" 1 IN SRV 0 0 1 gone.test.",
		"a.test. 1 IN A 10.0.0.1", "b.test. 1 IN A 10.0.0.2")
	found, failed := watch(t, parse(t, "srv:"+strings.TrimSuffix(name, "."), Options{Resolver: r, Every: 20 * time.Millisecond}))
	await(t, found, "10.0.0.1:7946", "10.0.0.2:7947")
	d.set(name + " 1 IN SRV 0 0 7946 gone.test.")
	if err := <-failed; !strings.Contains(err.Error(), "gone.test") {
		t.Errorf("targets that are not there: %v", err)
	}
}

// A file is read when it is written, replaced, or appears at last.
func TestFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "peers")
	found, failed := watch(t, parse(t, "file:"+path, Options{}))
	if err := <-failed; !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	write := func(name, text string) {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(path, "# peers\n10.0.0.1:7946\n\n  [fd00::1]:7946 # v6\r\n")
	await(t, found, "10.0.0.1:7946", "[fd00::1]:7946")
	write(path+"2", "host.test:7946\n")
	if err := os.Rename(path+"2", path); err != nil {
		t.Fatal(err)
	}
	await(t, found, "host.test:7946")
	write(path, "10.0.0.1:7946\nnonsense\n")
	if err := <-failed; !strings.Contains(err.Error(), `line 2: "nonsense", allowed: HOST:PORT`) {
		t.Errorf("nonsense: %v", err)
	}
	write(path, strings.Repeat("10.0.0.1:7946\n", 100_000))
	if err := <-failed; !strings.Contains(err.Error(), "more than") {
		t.Errorf("too much: %v", err)
	}
}

// A file in a directory where others write all the time, as in /tmp, is read all the same.
func TestFileInABusyDirectory(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "peers")
	found, failed := watch(t, parse(t, "file:"+path, Options{}))
	<-failed // it is not there yet
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			if err := os.WriteFile(filepath.Join(dir, "log"), []byte("x"), 0o600); err != nil {
				t.Error(err)
			}
			time.Sleep(settle / 20)
		}
	}()
	defer func() { cancel(); <-ended }()
	if err := os.WriteFile(path, []byte("10.0.0.1:7946\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	await(t, found, "10.0.0.1:7946")
}

// list is a source whose answers a test gives.
type list chan any

func (l list) String() string { return "list:" }
func (l list) Watch(ctx context.Context, found func([]string), failed func(error)) {
	for a := range l {
		if err, isError := a.(error); isError {
			failed(err)
		} else {
			found(slices.Clone(a.([]string)))
		}
	}
}

// Only what has changed is handed on, no more than is of use, and of failures that go
// on the first is logged.
func TestRun(t *testing.T) {
	many := make([]string, 100)
	for i := range many {
		many[i] = fmt.Sprintf("10.0.0.%d:1", i)
	}
	l := make(list)
	go func() {
		defer close(l)
		for _, a := range []any{
			[]string{"b:1", "a:1", "b:1"}, []string{"a:1", "b:1"}, errors.New("first"), errors.New("second"),
			[]string{"b:1", "a:1"}, []string{}, []string{"a:1"}, many,
		} {
			l <- a
		}
	}()
	var logged bytes.Buffer
	var joined []string
	Run(t.Context(), []Source{l}, slog.New(slog.NewTextHandler(&logged, nil)), func(_ context.Context, addresses ...string) error {
		if len(addresses) == most {
			addresses = []string{"many"}
		}
		joined = append(joined, strings.Join(addresses, " "))
		return nil
	})
	if want := []string{"a:1 b:1", "a:1", "many"}; !slices.Equal(joined, want) {
		t.Errorf("joined %q, want %q", joined, want)
	}
	if text := logged.String(); strings.Count(text, "fails") != 1 || !strings.Contains(text, "first") || strings.Count(text, "works again") != 1 {
		t.Errorf("it logged\n%s", text)
	}
}

// Where there are more addresses than are handed on at a time, others of them are, look
// by look: the first may all be of nodes that are gone.
func TestManyAddressesTakeTurns(t *testing.T) {
	many := make([]string, 100)
	for i := range many {
		many[i] = fmt.Sprintf("10.0.0.%d:1", i)
	}
	l := make(list)
	go func() {
		defer close(l)
		for range 100 {
			l <- many
		}
	}()
	joined := make(map[string]bool)
	Run(t.Context(), []Source{l}, slog.New(slog.DiscardHandler), func(_ context.Context, addresses ...string) error {
		if len(addresses) > most {
			t.Errorf("%d addresses at a time", len(addresses))
		}
		for _, a := range addresses {
			joined[a] = true
		}
		return nil
	})
	if len(joined) != len(many) {
		t.Errorf("%d of %d addresses were ever tried", len(joined), len(many))
	}
}

func TestSourcesThatAreWrong(t *testing.T) {
	for text, want := range map[string]string{
		"":              "allowed: dns:HOST:PORT, srv:NAME",
		"dns":           "allowed: dns:HOST:PORT, srv:NAME",
		"dns:":          "allowed: dns:HOST:PORT",
		"dns:host":      "allowed: dns:HOST:PORT",
		"dns::7946":     "allowed: dns:HOST:PORT",
		"mdns:gossip":   "as in mdns:_gossip._udp",
		"consul:gossip": "allowed: dns:HOST:PORT, srv:NAME",
		"10.0.0.1:7946": "allowed: dns:HOST:PORT, srv:NAME",
	} {
		if s, err := Parse(text, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v; want %q", text, s, err, want)
		}
	}
}
