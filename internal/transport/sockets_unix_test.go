//go:build unix

package transport

import (
	"net/netip"
	"syscall"
	"testing"
	"time"
)

// A listener that accepts nothing and has no backlog lets dials hang, as a
// host behind a firewall does. Closing the transport must free them.
func TestCloseWakesRealDial(t *testing.T) {
	w := world{t: t, open: Listen}
	a := w.listen()
	deaf := deafListener(w)
	const dials = 16
	ended := make([]<-chan error, dials)
	for i := range ended {
		ended[i] = w.async(func() error {
			c, err := a.Dial(t.Context(), deaf)
			if err == nil {
				_ = c.Close() // a backlog of none still holds a few
			}
			return nil
		})
	}
	w.must(a.Close())
	for _, e := range ended {
		w.must(w.result(e))
	}
}

func deafListener(w world) netip.AddrPort {
	w.t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	w.must(err)
	w.t.Cleanup(func() { w.must(syscall.Close(fd)) })
	loopback := netip.MustParseAddr("127.0.0.1")
	w.must(syscall.Bind(fd, &syscall.SockaddrInet4{Addr: loopback.As4()}))
	w.must(syscall.Listen(fd, 0))
	at, err := syscall.Getsockname(fd)
	w.must(err)
	return netip.AddrPortFrom(loopback, uint16(at.(*syscall.SockaddrInet4).Port))
}

// TestStreamsAreTuned: small frames are not held back, and the system does not look after a
// link, which does so itself.
func TestStreamsAreTuned(t *testing.T) {
	w := world{t: t, open: Listen}
	near, far := w.pair()
	for _, c := range []any{near, far} {
		raw, err := c.(syscall.Conn).SyscallConn()
		w.must(err)
		option := func(level, name int) (on int) {
			t.Helper()
			w.must(raw.Control(func(fd uintptr) { on, err = syscall.GetsockoptInt(int(fd), level, name) }))
			w.must(err)
			return on
		}
		if option(syscall.IPPROTO_TCP, syscall.TCP_NODELAY) == 0 {
			t.Error("Nagle's algorithm is on")
		}
		if option(syscall.SOL_SOCKET, syscall.SO_KEEPALIVE) != 0 {
			t.Error("the system looks whether the other side is there")
		}
	}
}

// Who awaits a datagram is told whether it was there, takes nothing of it, and does not wait
// for what a closed socket will not bring.
func TestAwait(t *testing.T) {
	w := world{t: t, open: Listen}
	a, b := w.listen(), w.listen()
	await := func() <-chan bool {
		waited := make(chan bool, 1)
		go func() { waited <- a.(*sockets).Await() }()
		return waited
	}
	receive := func(want string) {
		t.Helper()
		room := make([]byte, 16)
		n, from, err := a.ReadFrom(room)
		if w.must(err); string(room[:n]) != want || from != b.Addr() {
			t.Errorf("%q from %v", room[:n], from)
		}
	}
	waited := await()
	time.Sleep(10 * time.Millisecond) // for it to wait; if it has not begun to, it does not see why it should
	w.must(b.WriteTo([]byte("one"), a.Addr()))
	<-waited
	w.must(b.WriteTo(nil, a.Addr()))
	if <-await() {
		t.Error("it waits for what is there")
	}
	receive("one")
	<-await() // an empty one counts as well
	receive("")
	waited = await()
	select {
	case <-waited:
		t.Error("it does not wait")
	case <-time.After(10 * time.Millisecond):
	}
	w.must(a.Close())
	<-waited
}
