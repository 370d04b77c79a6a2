package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
)

// maxResolved bounds what a name may expand to: a guess, above what round-robin
// names hold in practice and small enough to try one after the other.
const maxResolved = 16

// Resolve turns "host:port" into the addresses it stands for: IPv4 first,
// otherwise in the resolver's order, without duplicates, at most 16.
func Resolve(ctx context.Context, address string) ([]netip.AddrPort, error) {
	return resolve(ctx, address, lookup)
}

// CheckAddress reports what is wrong with an address to resolve, without
// looking its name up.
func CheckAddress(address string) error {
	if _, _, err := parseRemote(address); err != nil {
		return fmt.Errorf("transport: address %q: %w", address, err)
	}
	return nil
}

// CheckListen reports what is wrong with an address to listen on, without
// looking its name up.
func CheckListen(address string) error {
	if _, _, err := parseLocal(address); err != nil {
		return fmt.Errorf("transport: address %q: %w", address, err)
	}
	return nil
}

// lookupFunc answers the addresses of a name.
type lookupFunc func(ctx context.Context, host string) ([]netip.Addr, error)

func lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}

func resolve(ctx context.Context, address string, lookup lookupFunc) ([]netip.AddrPort, error) {
	host, port, err := parseRemote(address)
	if err != nil {
		return nil, fmt.Errorf("transport: resolve %q: %w", address, err)
	}
	ips, err := hostAddrs(ctx, host, lookup)
	if err != nil {
		return nil, fmt.Errorf("transport: resolve %q: %w", address, err)
	}
	addrs := make([]netip.AddrPort, len(ips))
	for i, ip := range ips {
		addrs[i] = netip.AddrPortFrom(ip, port)
	}
	return addrs, nil
}

// hostAddrs answers the addresses of an IP address or a name, tidied.
func hostAddrs(ctx context.Context, host string, lookup lookupFunc) ([]netip.Addr, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip.Unmap()}, nil
	}
	found, err := lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("host %q has no addresses", host)
	}
	return tidy(found), nil
}

// tidy unmaps, drops duplicates and puts IPv4 first: nodes of one cluster that
// resolve the same name should all arrive at the same family.
func tidy(found []netip.Addr) []netip.Addr {
	var ips []netip.Addr
	for _, ip := range found {
		if ip = ip.Unmap(); !slices.Contains(ips, ip) {
			ips = append(ips, ip)
		}
	}
	slices.SortStableFunc(ips, func(a, b netip.Addr) int { return a.BitLen() - b.BitLen() })
	return ips[:min(len(ips), maxResolved)]
}

// parseRemote splits an address that somebody else listens on.
func parseRemote(address string) (host string, port uint16, err error) {
	host, port, err = parseLocal(address)
	switch {
	case err != nil:
		return "", 0, err
	case host == "":
		return "", 0, errors.New(`the host is empty: want a name or an IP address before the port, such as "node1.example.org:7946" or "10.0.0.1:7946"`)
	case port == 0:
		return "", 0, errors.New("the port is 0: want a number from 1 to 65535")
	}
	return host, port, nil
}

// parseLocal splits an address to listen on, where an empty host means all
// interfaces and port 0 any free one.
func parseLocal(address string) (host string, port uint16, err error) {
	host, digits, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, fmt.Errorf(`want "host:port", such as "10.0.0.1:7946" or "[2001:db8::1]:7946": %w`, err)
	}
	number, err := strconv.ParseUint(digits, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("port %q: want a number from 0 to 65535: %w", digits, err)
	}
	return host, uint16(number), nil
}
