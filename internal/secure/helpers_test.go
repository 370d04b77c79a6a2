package secure

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/Ishan27gOrg/gossipProtocol/internal/transport"
	"github.com/Ishan27gOrg/gossipProtocol/keyring"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The keys of these tests are told apart by their first byte.
var k1, k2 = keyring.Key{1}, keyring.Key{2}

func ringOf(t testing.TB, primary keyring.Key, accepted ...keyring.Key) *keyring.Ring {
	t.Helper()
	r, err := keyring.New(primary, accepted...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func upgrader(t testing.TB, cfg Config) *Upgrader {
	t.Helper()
	u, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func withRing(t testing.TB, primary keyring.Key, accepted ...keyring.Key) *Upgrader {
	t.Helper()
	return upgrader(t, Config{Cluster: "test", Ring: ringOf(t, primary, accepted...)})
}

// within gives a test's waits an end.
func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeoutCause(t.Context(), d, fmt.Errorf("not within %v", d))
	t.Cleanup(cancel)
	return ctx
}

// networks are what links are made over. Each answers two ends of one connection.
var networks = []struct {
	name string
	pair func(t testing.TB) (dialled, accepted net.Conn)
}{
	{"TCP", overTCP},
	{"pipe", func(testing.TB) (net.Conn, net.Conn) { return net.Pipe() }},
	{"memory", inMemory},
}

func overTCP(t testing.TB) (net.Conn, net.Conn) {
	t.Helper()
	l, err := transport.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return connect(t, l, l)
}

func inMemory(t testing.TB) (net.Conn, net.Conn) {
	t.Helper()
	return inMemoryWith(t, transport.Faults{})
}

func inMemoryWith(t testing.TB, faults transport.Faults) (net.Conn, net.Conn) {
	t.Helper()
	n := transport.NewNetwork(1)
	if err := n.SetFaults(faults); err != nil {
		t.Fatal(err)
	}
	near, err := n.Listen(netip.MustParseAddrPort("10.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	far, err := n.Listen(netip.MustParseAddrPort("10.0.0.2:0"))
	if err != nil {
		t.Fatal(err)
	}
	return connect(t, near, far)
}

func connect(t testing.TB, near, far transport.Transport) (net.Conn, net.Conn) {
	t.Helper()
	defer far.Close()
	dialled, err := near.Dial(within(t, 5*time.Second), far.Addr())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := far.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return dialled, accepted
}

// ends is both halves of a handshake.
type ends struct {
	client, server       *Conn
	clientErr, serverErr error
}

// shake makes a link. It is closed when the test ends.
func shake(t testing.TB, client, server *Upgrader, a, b net.Conn) (e ends) {
	t.Helper()
	ctx := within(t, 10*time.Second)
	done := make(chan struct{})
	go func() {
		defer close(done)
		e.server, e.serverErr = server.Server(ctx, b)
	}()
	e.client, e.clientErr = client.Client(ctx, a)
	<-done
	t.Cleanup(func() { a.Close(); b.Close() })
	return e
}

// link is a shake that must come off.
func link(t testing.TB, client, server *Upgrader, a, b net.Conn) (*Conn, *Conn) {
	t.Helper()
	e := shake(t, client, server, a, b)
	if e.clientErr != nil || e.serverErr != nil {
		t.Fatalf("client: %v; server: %v", e.clientErr, e.serverErr)
	}
	return e.client, e.server
}
