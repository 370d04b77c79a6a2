package transport

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

const (
	// inboxSize bounds the datagrams that wait to be read, as a socket's
	// buffer would. A guess: about a megabyte of datagrams of 1,200 bytes.
	inboxSize = 1024

	// backlogSize bounds the streams that wait to be accepted. As with a real
	// listener, a dial beyond it waits. Linux's default (somaxconn).
	backlogSize = 4096

	// maxDatagram is what UDP over IPv4 can carry.
	maxDatagram = 65507

	// Ports from here on are given out for port 0 and to dialled streams
	// (RFC 6335, section 6: the dynamic ports).
	firstFreePort = 49152
)

// Network is a little internet in memory: any number of transports, and the
// faults between them. The zero Network is not usable; see NewNetwork.
//
// One lock guards all of it, streams included, because a cut changes all of it
// at once. The lock is never held while anybody waits.
type Network struct {
	mu        sync.Mutex
	endpoints map[netip.AddrPort]*endpoint
	streams   map[*stream]struct{} // both ends of each, until both are closed
	dialing   sync.Cond            // something changed that a dial may wait for
	ports     uint16               // given out last, less firstFreePort

	faults    Faults
	separated func(from, to netip.AddrPort) bool // nil: nobody is
	random    *rand.Rand
	flight    flight
	stats     Stats
}

// NewNetwork makes a network without faults. All its randomness comes from
// seed: the same sends in the same order meet the same fates.
func NewNetwork(seed uint64) *Network {
	n := &Network{
		endpoints: make(map[netip.AddrPort]*endpoint),
		streams:   make(map[*stream]struct{}),
		random:    rand.New(rand.NewPCG(seed, 0)),
	}
	n.dialing.L = &n.mu
	return n
}

// Listen adds a transport. Port 0 stands for a free one. The address has to be
// one that others can send to, so an unspecified one is refused.
func (n *Network) Listen(addr netip.AddrPort) (Transport, error) {
	if !addr.IsValid() || addr.Addr().IsUnspecified() {
		return nil, fmt.Errorf("transport: listen in memory on %s: want an IP address of its own, such as 10.0.0.1:7946", addr)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	at := unmap(addr)
	if at.Port() == 0 {
		at = n.freePort(at.Addr())
	}
	if n.endpoints[at] != nil {
		return nil, fmt.Errorf("transport: listen in memory on %s: %w", addr, os.NewSyscallError("bind", syscall.EADDRINUSE))
	}
	e := &endpoint{net: n, addr: at}
	e.received.L, e.dialled.L = &n.mu, &n.mu
	n.endpoints[at] = e
	return e, nil
}

// freePort answers a port that nobody listens on, or the last one tried when
// every one is taken, at which the caller finds it in use.
func (n *Network) freePort(ip netip.Addr) netip.AddrPort {
	at := n.nextPort(ip)
	for range 1<<16 - firstFreePort {
		if n.endpoints[at] == nil {
			break
		}
		at = n.nextPort(ip)
	}
	return at
}

func (n *Network) nextPort(ip netip.Addr) netip.AddrPort {
	port := firstFreePort + n.ports
	n.ports = (n.ports + 1) % (1<<16 - firstFreePort)
	return netip.AddrPortFrom(ip, port)
}

// Kill does to the transport at addr what a crash does to a process: nothing is
// said or flushed, its address is free, and the other ends of its streams break
// with ECONNRESET, at once or when a cut between them heals. Streams that a
// closed transport at addr left open are killed too. It answers whether there
// was a transport.
func (n *Network) Kill(addr netip.AddrPort) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	addr = unmap(addr)
	e := n.endpoints[addr]
	if e != nil {
		e.shut()
	}
	for s := range n.streams {
		if s.node == addr {
			s.crash()
		}
	}
	return e != nil
}

// Stats counts what happened on a network. A datagram is counted once in Sent,
// again in Duplicated if it was doubled, and each copy once in what became of
// it: Sent + Duplicated = Delivered + Lost + Separated + Unreachable +
// Overflowed + InFlight.
type Stats struct {
	Sent       uint64 // datagrams given to WriteTo
	SentBytes  uint64 // in them
	Duplicated uint64 // further copies that Faults.Duplicate made
	Delivered  uint64 // reached the queue of a transport

	Lost        uint64 // dropped by Faults.Loss
	Separated   uint64 // dropped by Cut, in flight ones included
	Unreachable uint64 // dropped because nobody listened where they arrived
	Overflowed  uint64 // dropped because the receiver's queue was full
	InFlight    uint64 // not arrived yet

	Streams     uint64 // opened so far
	StreamBytes uint64 // given to Write on them
}

// Stats answers the counts up to now.
func (n *Network) Stats() Stats {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.land(time.Now())
	stats := n.stats
	stats.InFlight = uint64(len(n.flight.queue))
	return stats
}

// endpoint is the Transport in memory. Its fields are guarded by the network's
// lock.
type endpoint struct {
	net      *Network
	addr     netip.AddrPort
	inbox    []datagram
	received sync.Cond // the inbox or closed changed
	backlog  []*stream
	dialled  sync.Cond // the backlog or closed changed
	closed   bool
}

func (e *endpoint) Addr() netip.AddrPort { return e.addr }

func (e *endpoint) Close() error {
	e.net.mu.Lock()
	defer e.net.mu.Unlock()
	if !e.closed {
		e.shut()
	}
	return nil
}

// shut frees the address and wakes everybody. Streams that nobody accepted have
// no other owner and break, as they do when a real listener closes.
func (e *endpoint) shut() {
	e.closed = true
	delete(e.net.endpoints, e.addr)
	for _, s := range e.backlog {
		s.crash()
	}
	e.inbox, e.backlog = nil, nil
	e.received.Broadcast()
	e.dialled.Broadcast()
	e.net.dialing.Broadcast()
	if len(e.net.endpoints) == 0 {
		e.net.ground()
	}
}

func (e *endpoint) ReadFrom(b []byte) (int, netip.AddrPort, error) {
	e.net.mu.Lock()
	defer e.net.mu.Unlock()
	for {
		if e.closed {
			return 0, netip.AddrPort{}, e.fail("read", "udp", netip.AddrPort{}, net.ErrClosed)
		}
		e.net.land(time.Now())
		if len(e.inbox) > 0 {
			d := e.inbox[0]
			e.inbox[0] = datagram{} // lets go of its bytes
			e.inbox = e.inbox[1:]
			return copy(b, d.data), d.from, nil
		}
		e.received.Wait()
	}
}

func (e *endpoint) WriteTo(b []byte, to netip.AddrPort) error {
	e.net.mu.Lock()
	defer e.net.mu.Unlock()
	switch {
	case e.closed:
		return e.fail("write", "udp", to, net.ErrClosed)
	case !to.IsValid():
		return e.fail("write", "udp", to, errNoAddress)
	case len(b) > maxDatagram:
		return e.fail("write", "udp", to, os.NewSyscallError("sendto", syscall.EMSGSIZE))
	}
	e.net.carry(e.addr, unmap(to), b)
	return nil
}

func (e *endpoint) Accept() (net.Conn, error) {
	e.net.mu.Lock()
	defer e.net.mu.Unlock()
	for {
		if e.closed {
			return nil, e.fail("accept", "tcp", netip.AddrPort{}, net.ErrClosed)
		}
		if len(e.backlog) > 0 {
			s := e.backlog[0]
			e.backlog = e.backlog[1:]
			e.net.dialing.Broadcast() // there is room again
			return s, nil
		}
		e.dialled.Wait()
	}
}

func (e *endpoint) Dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	defer context.AfterFunc(ctx, e.net.wakeDialing)()
	e.net.mu.Lock()
	defer e.net.mu.Unlock()
	s, err := e.dial(ctx, unmap(to))
	if err != nil {
		return nil, e.fail("dial", "tcp", to, err)
	}
	return s, nil
}

func (n *Network) wakeDialing() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.dialing.Broadcast()
}

// dial takes one round trip during which the two must not be separated. Across
// a cut, and at a full backlog, it goes on trying, as TCP does with its SYN.
func (e *endpoint) dial(ctx context.Context, to netip.AddrPort) (*stream, error) {
	if !to.IsValid() {
		return nil, errNoAddress
	}
	var answer time.Time // when the round trip is over; zero: not begun
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if e.closed {
			return nil, net.ErrClosed
		}
		now := time.Now()
		switch {
		case e.net.apart(e.addr, to) || e.net.apart(to, e.addr):
			answer = time.Time{}
		case answer.IsZero():
			answer = now.Add(2 * e.net.faults.latency(e.addr, to))
		}
		if !answer.IsZero() && !now.Before(answer) {
			far := e.net.endpoints[to]
			if far == nil {
				return nil, os.NewSyscallError("connect", syscall.ECONNREFUSED)
			}
			if len(far.backlog) < backlogSize {
				return e.connect(far), nil
			}
			answer = time.Time{}
		}
		wait(&e.net.dialing, answer)
	}
}

func (e *endpoint) connect(far *endpoint) *stream {
	near := net.TCPAddrFromAddrPort(e.net.nextPort(e.addr.Addr()))
	s := e.net.open(e.addr, far.addr, near, net.TCPAddrFromAddrPort(far.addr))
	far.backlog = append(far.backlog, s.peer)
	far.dialled.Signal()
	return s
}

var errNoAddress = &net.AddrError{Err: "missing address"}

// fail dresses an error as package net does, so that what looks into errors of
// the one transport finds the same in those of the other.
func (e *endpoint) fail(op, network string, to netip.AddrPort, err error) error {
	failed := &net.OpError{Op: op, Net: network, Err: err}
	switch network {
	case "udp":
		failed.Source = net.UDPAddrFromAddrPort(e.addr)
		failed.Addr = net.UDPAddrFromAddrPort(to)
	default:
		failed.Source = net.TCPAddrFromAddrPort(e.addr)
		failed.Addr = net.TCPAddrFromAddrPort(to)
	}
	if !to.IsValid() {
		failed.Addr = nil
	}
	return fmt.Errorf("transport: %w", failed)
}

// wait sleeps until cond is signalled or the moment comes, whichever is first;
// a zero moment never comes. The caller holds cond.L and looks again.
func wait(cond *sync.Cond, until time.Time) {
	if !until.IsZero() {
		alarm := time.AfterFunc(time.Until(until), func() {
			// The lock keeps the alarm from ringing before Wait listens.
			cond.L.Lock()
			defer cond.L.Unlock()
			cond.Broadcast()
		})
		defer alarm.Stop()
	}
	cond.Wait()
}
