package transport_test

import (
	"fmt"
	"net/netip"

	"github.com/Ishan27gOrg/gossipProtocol/internal/transport"
)

// Two nodes, and a cut that only one of them would notice.
func ExampleNetwork() {
	network := transport.NewNetwork(1)
	a, _ := network.Listen(netip.MustParseAddrPort("10.0.0.1:7946"))
	b, _ := network.Listen(netip.MustParseAddrPort("10.0.0.2:7946"))
	defer func() { _, _ = a.Close(), b.Close() }()

	network.Cut(func(from, to netip.AddrPort) bool { return from == b.Addr() })
	_ = b.WriteTo([]byte("nobody hears this"), a.Addr())
	_ = a.WriteTo([]byte("hello"), b.Addr())

	buffer := make([]byte, 1200)
	n, from, _ := b.ReadFrom(buffer)
	fmt.Printf("%s from %v, %d dropped by the cut\n", buffer[:n], from, network.Stats().Separated)
	// Output: hello from 10.0.0.1:7946, 1 dropped by the cut
}
