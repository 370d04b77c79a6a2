package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// lookupPatience bounds the resolving of a name to listen on: a guess,
	// twice the usual timeout of one DNS query.
	lookupPatience = 10 * time.Second

	// portAttempts bounds the search for a port that is free for both UDP and
	// TCP. Each attempt fails only if somebody has just the UDP port.
	portAttempts = 32

	// Asked of the kernel, which gives as much as it is configured to. Reading
	// wants room for a burst from a whole cluster while the node is busy: some
	// 1,700 datagrams of 1,200 bytes. Both are guesses.
	readBuffer  = 2 << 20
	writeBuffer = 512 << 10

	// sendPatience is how long a datagram may wait for room in the send buffer
	// before it is given up, as the network itself would have done.
	sendPatience = 50 * time.Millisecond

	// sendPause is for how long nothing waits after something has waited in vain: who
	// sends is not to be held up by a buffer that stays full.
	sendPause = time.Second
)

// Listen opens a UDP and a TCP socket on one address, "host:port". The host is
// a name, an IP address, or empty for all interfaces; port 0 stands for one
// that is free for both. A name with several addresses means the first of them,
// IPv4 before IPv6, that can be bound on this machine.
func Listen(address string) (Transport, error) {
	s, err := listen(address, lookup)
	if err != nil {
		return nil, fmt.Errorf("transport: listen on %q: %w", address, err)
	}
	return s, nil
}

func listen(address string, lookup lookupFunc) (*sockets, error) {
	host, port, err := parseLocal(address)
	if err != nil {
		return nil, err
	}
	if host == "" {
		return bind(netip.Addr{}, port)
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookupPatience)
	defer cancel()
	ips, err := hostAddrs(ctx, host, lookup)
	if err != nil {
		return nil, err
	}
	return bindFirst(ips, port)
}

// bindFirst takes the first address that is this machine's. One that is ours
// but in use ends the search: to move on would start a second "localhost:7946"
// on ::1, where nobody looks for it, instead of saying that there is one.
func bindFirst(ips []netip.Addr, port uint16) (*sockets, error) {
	var failures []error
	for _, ip := range ips {
		s, err := bind(ip, port)
		if err == nil {
			return s, nil
		}
		failures = append(failures, err)
		if errors.Is(err, syscall.EADDRINUSE) {
			break
		}
	}
	return nil, errors.Join(failures...)
}

// bind opens both sockets on one port, searching for it if port is 0.
func bind(ip netip.Addr, port uint16) (*sockets, error) {
	if port != 0 {
		return bindPort(ip, port)
	}
	return search(func() (*sockets, error) { return bindPort(ip, 0) })
}

// search tries again for as long as ports turn out to be in use.
func search(try func() (*sockets, error)) (*sockets, error) {
	var clash error
	for range portAttempts {
		s, err := try()
		if !errors.Is(err, syscall.EADDRINUSE) {
			return s, err
		}
		clash = err
	}
	return nil, fmt.Errorf("no port free for both TCP and UDP in %d attempts, the last: %w", portAttempts, clash)
}

func bindPort(ip netip.Addr, port uint16) (*sockets, error) {
	suffix := family(ip)
	at := netip.AddrPortFrom(ip, port)
	tcp, err := net.ListenTCP("tcp"+suffix, net.TCPAddrFromAddrPort(at))
	if err != nil {
		return nil, err
	}
	bound := tcp.Addr().(*net.TCPAddr).AddrPort()
	at = netip.AddrPortFrom(ip, bound.Port())
	udp, err := net.ListenUDP("udp"+suffix, net.UDPAddrFromAddrPort(at))
	if err != nil {
		return nil, errors.Join(err, tcp.Close())
	}
	// A kernel that refuses the size still has a buffer: slower, not broken.
	_ = udp.SetReadBuffer(readBuffer)
	_ = udp.SetWriteBuffer(writeBuffer)
	return newSockets(unmap(bound), tcp, udp), nil
}

// family picks the suffix of the network's name. No address at all, and ::,
// listen for both families where the system can; 0.0.0.0 means IPv4 alone.
func family(ip netip.Addr) string {
	switch {
	case ip.Is4():
		return "4"
	case ip.Is6() && !ip.IsUnspecified():
		return "6"
	}
	return ""
}

// sockets is the real Transport.
type sockets struct {
	addr netip.AddrPort
	tcp  *net.TCPListener
	udp  *net.UDPConn

	hurried atomic.Int64 // when datagrams may wait for room again, in Unix nanoseconds

	life context.Context // ends with Close, and with it every Dial
	end  context.CancelFunc
	once sync.Once
}

func newSockets(addr netip.AddrPort, tcp *net.TCPListener, udp *net.UDPConn) *sockets {
	s := &sockets{addr: addr, tcp: tcp, udp: udp}
	s.life, s.end = context.WithCancel(context.Background())
	return s
}

func (s *sockets) Addr() netip.AddrPort { return s.addr }

func (s *sockets) Close() (err error) {
	s.once.Do(func() {
		s.end()
		err = errors.Join(s.udp.Close(), s.tcp.Close())
	})
	if err != nil {
		return fmt.Errorf("transport: close %s: %w", s.addr, err)
	}
	return nil
}

func (s *sockets) ReadFrom(b []byte) (n int, from netip.AddrPort, err error) {
	if n, from, err = s.udp.ReadFromUDPAddrPort(b); err != nil {
		return s.readAgain(b)
	}
	return n, unmap(from), nil
}

// readAgain is ReadFrom after a failure. It is apart because who waits in ReadFrom has it on
// the stack for as long as nothing comes.
//
//go:noinline
func (s *sockets) readAgain(b []byte) (n int, from netip.AddrPort, err error) {
	err = persist(s.life, func() (err error) {
		n, from, err = s.udp.ReadFromUDPAddrPort(b)
		return err
	})
	if err != nil {
		return 0, netip.AddrPort{}, fmt.Errorf("transport: receive on %s: %w", s.addr, err)
	}
	return n, unmap(from), nil
}

func (s *sockets) WriteTo(b []byte, to netip.AddrPort) error {
	now := time.Now()
	patience := sendPatience
	if now.UnixNano() < s.hurried.Load() {
		patience = time.Millisecond
	}
	err := s.udp.SetWriteDeadline(now.Add(patience))
	if err == nil {
		_, err = s.udp.WriteToUDPAddrPort(b, unmap(to))
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		s.hurried.Store(now.Add(sendPause).UnixNano())
	}
	if err != nil {
		return fmt.Errorf("transport: send %d bytes to %s: %w", len(b), to, err)
	}
	return nil
}

func (s *sockets) Accept() (net.Conn, error) {
	c, err := s.tcp.AcceptTCP()
	if err != nil {
		return s.acceptAgain()
	}
	return tuned(c), nil
}

// acceptAgain is to Accept as readAgain is to ReadFrom.
//
//go:noinline
func (s *sockets) acceptAgain() (net.Conn, error) {
	var c *net.TCPConn
	err := persist(s.life, func() (err error) {
		c, err = s.tcp.AcceptTCP()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("transport: accept on %s: %w", s.addr, err)
	}
	return tuned(c), nil
}

func (s *sockets) Dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.life, cancel)()

	var dialer net.Dialer
	c, err := dialer.DialContext(ctx, "tcp", unmap(to).String())
	// AfterFunc cancels from a goroutine of its own, which a connection on this machine
	// outruns: one that succeeded after Close is closed here.
	if s.life.Err() != nil {
		if err == nil {
			_ = c.Close()
		}
		err = net.ErrClosed
	}
	if err != nil {
		return nil, fmt.Errorf("transport: dial %s from %s: %w", to, s.addr, err)
	}
	return tuned(c.(*net.TCPConn)), nil
}

// tuned turns Nagle's algorithm off: frames are written whole, and a small one should not
// wait for the acknowledgement of another. And it has the system not look whether the other
// side is there, which Go would have it do after 15 s of silence: a link does so itself, less
// often, and what both do is the larger part of what an idle one sends.
func tuned(c *net.TCPConn) *net.TCPConn {
	_ = c.SetNoDelay(true) // fails only on a connection that is broken already
	_ = c.SetKeepAlive(false)
	return c
}

const (
	// maxFailures in a row, some ten seconds of them, make a trouble permanent.
	maxFailures  = 100
	longestPause = 100 * time.Millisecond
)

// persist tries until it succeeds, the transport closes, or the trouble turns
// out to be lasting. A datagram that found no listener comes back as an error
// of whatever the socket does next, and a process short of descriptors cannot
// accept for a while: neither is a reason for a node to stop listening. The latter
// passes however long it lasts, and whoever opens connections can make it last.
func persist(life context.Context, try func() error) error {
	for failures := 1; ; failures++ {
		err := try()
		if err == nil || errors.Is(err, net.ErrClosed) {
			return err
		}
		if failures >= maxFailures && !isShortage(err) {
			return fmt.Errorf("%d failures in a row, the last: %w", failures, err)
		}
		if !rest(life, failures) {
			return net.ErrClosed
		}
	}
}

// isShortage reports whether something was missing that others may give back.
func isShortage(err error) bool {
	for _, shortage := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM} {
		if errors.Is(err, shortage) {
			return true
		}
	}
	return false
}

// rest waits longer with every failure, not at all after the first, and answers
// whether the transport still lives.
func rest(life context.Context, failures int) bool {
	if failures == 1 {
		return life.Err() == nil
	}
	timer := time.NewTimer(min(time.Millisecond<<min(failures-2, 10), longestPause))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-life.Done():
		return false
	}
}
