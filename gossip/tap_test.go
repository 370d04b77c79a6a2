package gossip

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/internal/transport"
)

// datagram is one that was seen on its way, or is put there.
type datagram struct {
	b        []byte
	from, to netip.AddrPort
}

// tap is between a node and its network: it sees every datagram, and gives the node
// others that nobody has sent, from wherever it likes.
type tap struct {
	transport.Transport
	injected chan datagram
	real     chan datagram
	closed   chan struct{}
	once     sync.Once

	mu       sync.Mutex
	received []datagram
	sent     []datagram
}

// tapped has the node of a config run over a tap.
func tapped(cfg Config) (Config, *tap) {
	t := &tap{injected: make(chan datagram), real: make(chan datagram), closed: make(chan struct{})}
	listen := cfg.listen
	if listen == nil {
		listen = transport.Listen
	}
	cfg.listen = func(address string) (transport.Transport, error) {
		tr, err := listen(address)
		t.Transport = tr
		if err == nil {
			go t.pump()
		}
		return t, err
	}
	return cfg, t
}

// pump ends with the transport.
func (t *tap) pump() {
	defer close(t.real)
	for {
		b := make([]byte, 2048)
		n, from, err := t.Transport.ReadFrom(b)
		if err != nil {
			return
		}
		select {
		case t.real <- datagram{b[:n], from, t.Addr()}:
		case <-t.closed:
			return
		}
	}
}

func (t *tap) ReadFrom(b []byte) (int, netip.AddrPort, error) {
	select {
	case d, ok := <-t.real:
		if !ok {
			return 0, netip.AddrPort{}, net.ErrClosed
		}
		t.mu.Lock()
		t.received = append(t.received, d)
		t.mu.Unlock()
		return copy(b, d.b), d.from, nil
	case d := <-t.injected:
		return copy(b, d.b), d.from, nil
	case <-t.closed:
		return 0, netip.AddrPort{}, net.ErrClosed
	}
}

func (t *tap) WriteTo(b []byte, to netip.AddrPort) error {
	t.mu.Lock()
	t.sent = append(t.sent, datagram{slices.Clone(b), t.Addr(), to})
	t.mu.Unlock()
	return t.Transport.WriteTo(b, to)
}

func (t *tap) Close() error {
	t.once.Do(func() { close(t.closed) })
	return t.Transport.Close()
}

// inject gives the node a datagram, and returns when the node has dealt with it.
func (t *tap) inject(tb testing.TB, n *Node, b []byte, from netip.AddrPort) {
	tb.Helper()
	select {
	case t.injected <- datagram{b, from, t.Addr()}:
	case <-n.Done():
		tb.Fatal("the node is closed")
	}
	// The reader takes another one only after this, and the loop takes them in order.
	select {
	case t.injected <- datagram{nil, from, t.Addr()}:
	case <-n.Done():
		tb.Fatal("the node is closed")
	}
	for len(n.packets) > 0 {
		n.Stats() // a turn of the loop
	}
	n.Stats()
}

// sentTo is what the node has sent to an address.
func (t *tap) sentTo(addr netip.AddrPort) (list []datagram) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, d := range t.sent {
		if d.to == addr {
			list = append(list, d)
		}
	}
	return list
}

// heard is what the node has received so far.
func (t *tap) heard() []datagram {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.received)
}

// recorder keeps what is written on each connection that is dialled.
type recorder struct {
	mu   sync.Mutex
	made []*recordedConn
}

func (r *recorder) streams() (list [][]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.made {
		c.mu.Lock()
		list = append(list, slices.Clone(c.written))
		c.mu.Unlock()
	}
	return list
}

type recordingTransport struct {
	transport.Transport
	recorder *recorder
}

func (r *recordingTransport) Dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	conn, err := r.Transport.Dial(ctx, to)
	if err != nil {
		return nil, err
	}
	c := &recordedConn{Conn: conn}
	r.recorder.mu.Lock()
	defer r.recorder.mu.Unlock()
	r.recorder.made = append(r.recorder.made, c)
	return c, nil
}

type recordedConn struct {
	net.Conn
	mu      sync.Mutex
	written []byte
}

func (c *recordedConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	c.written = append(c.written, b...)
	c.mu.Unlock()
	return c.Conn.Write(b)
}

func textLogger(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }
