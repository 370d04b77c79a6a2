// Package transport carries bytes between nodes and knows nothing of what they
// mean: one datagram socket and one stream listener on the same address.
//
//	            Transport
//	   ┌────────────┴────────────┐
//	Listen                Network.Listen
//	UDP and TCP           a twin in memory, with
//	on one port           loss, latency, cuts, crashes
//
// The two behave alike down to their errors, which one suite of tests holds
// them to, so that whatever runs over one runs over the other:
//
//   - Close ends the listener and the datagram socket. Streams belong to
//     whoever dialled or accepted them and live until they are closed.
//   - A datagram arrives whole, cut to the reader's buffer, or not at all.
//   - Streams are [net.Conn] with a CloseWrite method, as [net.TCPConn] has it.
//   - Addresses that come out are never IPv4-mapped IPv6 addresses.
//
// An [Impairment] does to the datagrams of real sockets what the twin's faults do
// to its own.
//
// The twin blocks only in ways that are durable inside a testing/synctest
// bubble and reads its clock from package time, so there its latencies cost
// nothing and are exact.
package transport

import (
	"context"
	"net"
	"net/netip"
)

// Transport is one node's door to the network: a datagram socket and a stream
// listener on one address. All methods may be called concurrently.
type Transport interface {
	// Addr is the address it is bound to. It is unspecified (0.0.0.0 or ::)
	// when it listens on all interfaces.
	Addr() netip.AddrPort

	// ReadFrom waits for one datagram. What does not fit into b is lost. After
	// Close the error is one for which errors.Is(err, net.ErrClosed) holds;
	// troubles that pass are waited out, not returned.
	ReadFrom(b []byte) (n int, from netip.AddrPort, err error)

	// WriteTo sends one datagram and does not block for long. A nil error says
	// that it left, not that it will arrive.
	WriteTo(b []byte, to netip.AddrPort) error

	// Accept waits for a stream that another node dialled. After Close the
	// error is one for which errors.Is(err, net.ErrClosed) holds.
	Accept() (net.Conn, error)

	// Dial opens a stream, and gives up when ctx ends or the transport closes.
	Dial(ctx context.Context, to netip.AddrPort) (net.Conn, error)

	// Close frees the address and wakes everyone who waits in the methods
	// above. Only the first call does anything.
	Close() error
}

// unmap is the one place where 4-in-6 addresses are undone, so that an address
// has one form only and may be compared and used as a map key.
func unmap(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
