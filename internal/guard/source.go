package guard

import (
	"net/netip"
)

// endpoint is an address and a port, as a key without pointers.
type endpoint struct {
	ip   [16]byte
	port uint16
}

// endpointOf unmaps and drops the zone, because As16 does.
func endpointOf(a netip.AddrPort) endpoint { return endpoint{a.Addr().As16(), a.Port()} }

// block is what one host is supposed to have of addresses.
type block [16]byte

func blockOf(a netip.Addr) block {
	b := a.As16()
	if !a.Unmap().Is4() {
		clear(b[8:])
	}
	return b
}

func loopback(a netip.Addr) bool { return a.Unmap().IsLoopback() }

// canonical is the one way to write an address.
func canonical(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }
