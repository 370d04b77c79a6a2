package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestListenErrors(t *testing.T) {
	for _, c := range []struct{ address, want string }{
		{"", `want "host:port"`},
		{"127.0.0.1", "missing port"},
		{"::1:7946", "too many colons"},
		{"127.0.0.1:http", `port "http": want a number from 0 to 65535`},
		{"127.0.0.1:65536", `port "65536"`},
		{"no.such.host.invalid:0", "no.such.host.invalid"},
		{"203.0.113.1:0", "203.0.113.1"}, // RFC 5737: nobody's
	} {
		s, err := Listen(c.address)
		if err == nil {
			t.Errorf("%q: bound to %v", c.address, s.Addr())
			_ = s.Close()
			continue
		}
		prefix := fmt.Sprintf("transport: listen on %q: ", c.address)
		if !strings.HasPrefix(err.Error(), prefix) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %v, want %q", c.address, err, c.want)
		}
	}
}

func TestListenAddresses(t *testing.T) {
	for _, c := range []struct{ address, want string }{
		{"127.0.0.1:0", "127.0.0.1"},
		{"[::ffff:127.0.0.1]:0", "127.0.0.1"},
		{"0.0.0.0:0", "0.0.0.0"},
		{"localhost:0", "127.0.0.1"},
		{"[::1]:0", "::1"},
	} {
		s, err := Listen(c.address)
		if errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT) {
			t.Logf("this machine has no %s", c.address)
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.address, err)
			continue
		}
		if got := s.Addr(); got.Addr() != netip.MustParseAddr(c.want) || got.Port() == 0 {
			t.Errorf("%s: bound to %v", c.address, got)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// On all interfaces IPv4 comes in through an IPv6 socket where there is IPv6,
// and must not show it.
func TestAllInterfaces(t *testing.T) {
	w := world{t: t, open: Listen}
	a := w.listen()
	all, err := Listen(":0")
	w.must(err)
	defer func() { w.must(all.Close()) }()
	if !all.Addr().Addr().IsUnspecified() {
		t.Errorf("bound to %v", all.Addr())
	}
	local := netip.AddrPortFrom(a.Addr().Addr(), all.Addr().Port())
	w.must(a.WriteTo([]byte("x"), local))
	_, from, err := all.ReadFrom(make([]byte, 1))
	w.must(err)
	if from != a.Addr() {
		t.Errorf("from %v, want %v", from, a.Addr())
	}
	mapped := netip.AddrPortFrom(netip.AddrFrom16(from.Addr().As16()), from.Port())
	w.must(all.WriteTo([]byte("x"), mapped))
	_, from, err = a.ReadFrom(make([]byte, 1))
	w.must(err)
	if from != local {
		t.Errorf("from %v, want %v", from, local)
	}
	c, err := a.Dial(t.Context(), local)
	w.must(err)
	w.must(c.Close())
}

// Whichever of the two ports is taken, neither is kept.
func TestListenTakesBothOrNone(t *testing.T) {
	w := world{t: t, open: Listen}
	a := w.listen()
	at := a.Addr()
	w.must(a.Close())

	udp, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(at))
	w.must(err)
	_, err = Listen(at.String())
	w.is(err, syscall.EADDRINUSE)
	w.must(udp.Close())

	tcp, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(at))
	w.must(err)
	_, err = Listen(at.String())
	w.is(err, syscall.EADDRINUSE)
	w.must(tcp.Close())

	b, err := Listen(at.String())
	w.must(err)
	w.must(b.Close())
}

func TestNameMeansItsFirstBindableAddress(t *testing.T) {
	w := world{t: t, open: Listen}
	elsewhere, loopback, other := netip.MustParseAddr("203.0.113.1"), netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")
	name := func(ips ...netip.Addr) lookupFunc {
		return func(context.Context, string) ([]netip.Addr, error) { return ips, nil }
	}
	s, err := listen("name:0", name(elsewhere, loopback))
	w.must(err)
	if s.Addr().Addr() != loopback {
		t.Errorf("bound to %v", s.Addr())
	}
	_, err = listen(fmt.Sprintf("name:%d", s.Addr().Port()), name(loopback, other))
	w.is(err, syscall.EADDRINUSE)
	w.must(s.Close())
}

func TestSearchForAPort(t *testing.T) {
	clash := os.NewSyscallError("bind", syscall.EADDRINUSE)
	for _, c := range []struct {
		name    string
		clashes int
		then    error
		want    error
		tries   int
	}{
		{"at once", 0, nil, nil, 1},
		{"after some clashes", 5, nil, nil, 6},
		{"another trouble", 5, syscall.EACCES, syscall.EACCES, 6},
		{"never", 1000, nil, syscall.EADDRINUSE, portAttempts},
	} {
		tries := 0
		_, err := search(func() (*sockets, error) {
			if tries++; tries <= c.clashes {
				return nil, clash
			}
			return nil, c.then
		})
		if !errors.Is(err, c.want) || tries != c.tries {
			t.Errorf("%s: %v after %d tries, want %v after %d", c.name, err, tries, c.want, c.tries)
		}
	}
}

func TestPersist(t *testing.T) {
	for _, c := range []struct {
		name     string
		failures int
		then     error
		want     error
		atMost   time.Duration
	}{
		{"success", 0, nil, nil, 0},
		{"the news that a datagram found nobody", 1, nil, nil, 0},
		{"a trouble that passes", 50, nil, nil, 5 * time.Second},
		{"closed", 3, net.ErrClosed, net.ErrClosed, 10 * time.Millisecond},
		{"a trouble that stays", 1000, nil, syscall.ECONNREFUSED, 10 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start, tries := time.Now(), 0
				err := persist(t.Context(), func() error {
					if tries++; tries <= c.failures {
						return os.NewSyscallError("recvfrom", syscall.ECONNREFUSED)
					}
					return c.then
				})
				if !errors.Is(err, c.want) || time.Since(start) > c.atMost {
					t.Errorf("%v after %v, want %v within %v", err, time.Since(start), c.want, c.atMost)
				}
			})
		})
	}
}

// TestPersistOutlastsAShortage: whoever opens connections can have a process be short
// of descriptors for as long as he likes, but not make it stop listening for good.
func TestPersistOutlastsAShortage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		err := persist(t.Context(), func() error {
			if time.Since(start) < 10*time.Minute {
				return os.NewSyscallError("accept4", syscall.EMFILE)
			}
			return nil
		})
		if took := time.Since(start); err != nil || took > 10*time.Minute+longestPause {
			t.Errorf("%v after %v", err, took)
		}
	})
}

func TestPersistEndsWithTheTransport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		life, end := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, end)
		start := time.Now()
		err := persist(life, func() error { return syscall.EMFILE })
		if !errors.Is(err, net.ErrClosed) || time.Since(start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

func BenchmarkDatagram(b *testing.B) {
	for _, c := range []struct {
		name string
		open func(*testing.T) func(string) (Transport, error)
	}{{"sockets", onLoopback}, {"memory", inMemory(Faults{})}} {
		b.Run(c.name, func(b *testing.B) {
			a, err := c.open(nil)("127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = a.Close() }()
			data, buffer := make([]byte, 1200), make([]byte, 1500)
			b.ReportAllocs()
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if err := a.WriteTo(data, a.Addr()); err != nil {
					b.Fatal(err)
				}
				if _, _, err := a.ReadFrom(buffer); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
