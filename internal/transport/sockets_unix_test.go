//go:build unix

package transport

import (
	"net/netip"
	"syscall"
	"testing"
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

func TestStreamsDoNotDelay(t *testing.T) {
	w := world{t: t, open: Listen}
	near, far := w.pair()
	for _, c := range []any{near, far} {
		raw, err := c.(syscall.Conn).SyscallConn()
		w.must(err)
		var on int
		w.must(raw.Control(func(fd uintptr) {
			on, err = syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_NODELAY)
		}))
		w.must(err)
		if on == 0 {
			t.Error("Nagle's algorithm is on")
		}
	}
}
