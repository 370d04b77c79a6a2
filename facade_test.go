package gossipProtocol_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"errors"

	"go.uber.org/goleak"

	"github.com/Ishan27gOrg/gossipProtocol"
	"github.com/Ishan27gOrg/gossipProtocol/gossip"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// freePorts returns ports that were free a moment ago. The published interface
// takes a port as text and cannot report the one that port 0 became.
func freePorts(t *testing.T, count int) []string {
	t.Helper()
	ports := make([]string, count)
	for i := range ports {
		l, err := net.Listen("tcp", "localhost:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close() // all are held until all are chosen
		_, ports[i], _ = net.SplitHostPort(l.Addr().String())
	}
	return ports
}

// buildExample builds the published example, word for word but for its ports
// and its name, which differ between the three processes.
func buildExample(t *testing.T, dir string, self int, ports []string) string {
	t.Helper()
	published, err := os.ReadFile("testdata/published/main.go")
	if err != nil {
		t.Fatal(err)
	}
	// Whoever is not self is a peer, in the order of the original.
	order := append([]int{self}, others(self)...)
	var swaps []string
	for i, who := range order {
		swaps = append(swaps, fmt.Sprintf("800%d", i+1), ports[who], fmt.Sprintf(`"p%d"`, i+1), fmt.Sprintf(`"p%d"`, who+1))
	}
	source := filepath.Join(dir, fmt.Sprintf("p%d.go", self+1))
	if err := os.WriteFile(source, []byte(strings.NewReplacer(swaps...).Replace(string(published))), 0o600); err != nil {
		t.Fatal(err)
	}
	original, err := filepath.Abs("testdata/published/main.go")
	if err != nil {
		t.Fatal(err)
	}
	overlay, _ := json.Marshal(map[string]any{"Replace": map[string]string{original: source}})
	overlayFile := source + ".json"
	if err := os.WriteFile(overlayFile, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	binary := strings.TrimSuffix(source, ".go")
	if out, err := exec.Command("go", "build", "-overlay", overlayFile, "-o", binary, "./testdata/published").CombinedOutput(); err != nil {
		t.Fatalf("the published example does not build: %v\n%s", err, out)
	}
	return binary
}

func others(self int) (rest []int) {
	for i := range 3 {
		if i != self {
			rest = append(rest, i)
		}
	}
	return rest
}

// TestPublishedExample runs three processes of the published example, in every
// order of starting, each only once the one before has shown that it works.
func TestPublishedExample(t *testing.T) {
	dir := t.TempDir()
	for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}, {1, 0, 2}} {
		t.Run(fmt.Sprint(order), func(t *testing.T) {
			ports := freePorts(t, 3)
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			var outputs [3]*output
			for i, self := range order {
				outputs[self] = runExample(t, ctx, buildExample(t, dir, self, ports))
				// Its own message, and those of whoever is there already.
				outputs[self].wait(t, ctx, i+1)
			}
			for _, o := range outputs {
				o.wait(t, ctx, 3)
			}
			for self, o := range outputs {
				o.check(t, self)
			}
		})
	}
}

// output is what a process of the example prints.
type output struct {
	mu     sync.Mutex
	lines  []string
	change chan struct{}
}

func runExample(t *testing.T, ctx context.Context, binary string) *output {
	t.Helper()
	cmd := exec.CommandContext(ctx, binary)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	o := &output{change: make(chan struct{}, 1)}
	read := make(chan struct{})
	go func() {
		defer close(read)
		for s := bufio.NewScanner(stdout); s.Scan(); {
			o.mu.Lock()
			o.lines = append(o.lines, s.Text())
			o.mu.Unlock()
			select {
			case o.change <- struct{}{}:
			default:
			}
		}
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-read
		cmd.Wait()
		if stderr.Len() > 0 {
			t.Logf("%s: %s", filepath.Base(binary), &stderr)
		}
	})
	return o
}

func (o *output) snapshot() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.lines)
}

// wait returns once the process has printed that many messages of two lines.
func (o *output) wait(t *testing.T, ctx context.Context, messages int) {
	t.Helper()
	for len(o.snapshot()) < 2*messages {
		select {
		case <-o.change:
		case <-ctx.Done():
			t.Fatalf("only this was printed, %d messages were due:\n%s", messages, strings.Join(o.snapshot(), "\n"))
		}
	}
}

// check holds the output against what the issue of the example promises: each
// of the three messages once, with a clock that counts it under its origin.
func (o *output) check(t *testing.T, self int) {
	t.Helper()
	lines := o.snapshot()
	if len(lines) != 6 {
		t.Errorf("p%d printed %d lines, want 6:\n%s", self+1, len(lines), strings.Join(lines, "\n"))
	}
	data, own := 0, 0
	for _, l := range lines {
		if l == "data -  some data" {
			data++
		}
		if strings.HasPrefix(l, "event clock for this packet - ") && strings.Contains(l, fmt.Sprintf("p%d:1", self+1)) {
			own++
		}
	}
	if data != 3 || own == 0 {
		t.Errorf("p%d printed the data %d times and its own clock %d times:\n%s", self+1, data, own, strings.Join(lines, "\n"))
	}
}

// quiet silences a facade's log in tests.
func quiet(c *gossip.Config) { c.Logger = slog.New(slog.DiscardHandler) }

func config(t *testing.T, port, id string, options ...gossipProtocol.Option) (gossipProtocol.Control, <-chan gossipProtocol.Packet) {
	t.Helper()
	g, receive := gossipProtocol.Config("localhost", port, id, append(options, quiet)...)
	c := g.(gossipProtocol.Control)
	t.Cleanup(func() { c.Close() })
	return c, receive
}

// address is where a facade that was given port 0 listens.
func address(c gossipProtocol.Control) string { return c.Node().Self().Addr }

func receive(t *testing.T, from <-chan gossipProtocol.Packet) gossipProtocol.Packet {
	t.Helper()
	select {
	case p := <-from:
		return p
	case <-time.After(10 * time.Second):
		t.Fatal("nothing received within 10 s")
	}
	panic("unreachable")
}

// TestSendBeforeAnyPeerIsUp, and Add after Join: nothing is lost.
func TestSendBeforeAnyPeerIsUp(t *testing.T) {
	a, fromA := config(t, "0", "a")
	a.Join()
	a.SendGossip("early")
	if p := receive(t, fromA); p.GossipMessage.Data != "early" || p.GetData() != "early" || p.VectorClock.Get("a") != 1 {
		t.Errorf("a received %+v", p)
	}
	b, fromB := config(t, "0", "b")
	b.Join()
	a.Add(gossipProtocol.Peer{UdpAddress: address(b), ProcessIdentifier: "b"})
	if p := receive(t, fromB); p.GossipMessage.Data != "early" || fmt.Sprint(p.VectorClock) != "{a:1}" {
		t.Errorf("b received %+v with clock %v", p, p.VectorClock)
	}
	b.SendGossip("answer")
	if p := receive(t, fromA); p.GossipMessage.Data != "answer" || fmt.Sprint(p.VectorClock) != "{a:1, b:1}" {
		t.Errorf("a received %+v with clock %v", p, p.VectorClock)
	}
}

// TestSendFromManyGoroutines at once: each message arrives once, everywhere.
func TestSendFromManyGoroutines(t *testing.T) {
	a, fromA := config(t, "0", "a")
	b, fromB := config(t, "0", "b")
	b.Join(gossipProtocol.Peer{UdpAddress: address(a)})
	const senders, each = 20, 25
	for i := range senders {
		go func() {
			for j := range each {
				[]gossipProtocol.Control{a, b}[i%2].SendGossip(fmt.Sprintf("%d/%d", i, j))
			}
		}()
	}
	for name, from := range map[string]<-chan gossipProtocol.Packet{"a": fromA, "b": fromB} {
		seen := make(map[string]bool)
		ids := make(map[string]bool)
		for range senders * each {
			p := receive(t, from)
			if seen[p.GossipMessage.Data] || ids[p.GetId()] {
				t.Errorf("%s received %q twice", name, p.GossipMessage.Data)
			}
			seen[p.GossipMessage.Data], ids[p.GetId()] = true, true
		}
	}
}

// TestCurrentView: one peer per line, with name, address and age.
func TestCurrentView(t *testing.T) {
	a, _ := config(t, "0", "a")
	if v := a.CurrentView(); v != "" {
		t.Errorf("the view of a node that knows nobody is %q", v)
	}
	b, _ := config(t, "0", "b")
	c, _ := config(t, "0", "c")
	// b and c are only named by address, and only by one side.
	a.Join(gossipProtocol.Peer{UdpAddress: address(b)})
	a.Add(gossipProtocol.Peer{UdpAddress: address(c)})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for _, x := range []gossipProtocol.Control{a, b, c} {
		if err := x.Node().Ready(ctx); err != nil {
			t.Fatal(err)
		}
	}
	view := a.CurrentView()
	for _, line := range strings.Split(strings.TrimSpace(view), "\n") {
		if f := strings.Fields(line); len(f) != 4 || f[2] != "age" {
			t.Errorf("line %q is not name, address and age", line)
		}
	}
	if !strings.Contains(view, "b\t"+address(b)) && !strings.Contains(view, "c\t"+address(c)) {
		t.Errorf("the view names neither b nor c:\n%s", view)
	}
}

// TestFailuresAreObservable: what the old signatures cannot return is logged,
// and Err and CurrentView tell it. Nothing panics or hangs.
func TestFailuresAreObservable(t *testing.T) {
	taken, _ := config(t, "0", "taken")
	_, port, _ := net.SplitHostPort(address(taken))
	for _, tc := range []struct {
		name, host, port, id string
		says                 string
		is                   error
	}{
		{"a port in use", "127.0.0.1", port, "a", port, syscall.EADDRINUSE},
		{"an empty id", "localhost", "0", "", "id is empty", nil},
		{"a malformed port", "localhost", "http", "a", "http", nil},
		{"an address of nobody here", "192.0.2.1", "0", "a", "192.0.2.1", syscall.EADDRNOTAVAIL},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var log bytes.Buffer
			g, receive := gossipProtocol.Config(tc.host, tc.port, tc.id, func(c *gossip.Config) {
				c.Logger = slog.New(slog.NewTextHandler(&log, nil))
			})
			g.Join(gossipProtocol.Peer{UdpAddress: "localhost:1"})
			g.SendGossip("into the void")
			err := g.(gossipProtocol.Control).Err()
			if err == nil || !strings.Contains(err.Error(), tc.says) || tc.is != nil && !errors.Is(err, tc.is) {
				t.Errorf("Err is %v, want one that says %q", err, tc.says)
			}
			if v := g.CurrentView(); !strings.Contains(v, tc.says) {
				t.Errorf("CurrentView does not tell: %q", v)
			}
			if !strings.Contains(log.String(), tc.says) {
				t.Errorf("the log does not tell: %q", log.String())
			}
			select {
			case p := <-receive:
				t.Errorf("received %+v", p)
			default:
			}
			if err := g.(gossipProtocol.Control).Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
	}
}

func TestMalformedPeerIsObservable(t *testing.T) {
	a, _ := config(t, "0", "a")
	a.Join(gossipProtocol.Peer{UdpAddress: "nowhere"}, gossipProtocol.Peer{UdpAddress: "localhost:1"})
	if err := a.Err(); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("Err is %v, want one that names the address", err)
	}
	a.SendGossip(strings.Repeat("x", 2<<20))
	if err := a.Err(); !errors.Is(err, gossip.ErrPayloadTooLong) {
		t.Errorf("Err is %v, want ErrPayloadTooLong among them", err)
	}
}

// TestCloseEndsTheChannel, so that a range over it ends.
func TestCloseEndsTheChannel(t *testing.T) {
	a, from := config(t, "0", "a")
	a.SendGossip("x")
	receive(t, from)
	a.Close()
	for range from {
	}
}
