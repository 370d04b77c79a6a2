package discovery

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/mdns"
)

// Announcement is what the local network is told of this node.
type Announcement struct {
	Name string // unique on the network
	Addr netip.AddrPort
}

// lanSource asks the local network, by multicast DNS (RFC 6762), and answers for this
// node if there is something to tell.
type lanSource struct {
	text    string
	service string
	every   time.Duration
	self    Announcement
}

func (s *lanSource) String() string { return s.text }

// hearing is how long answers are waited for.
const hearing = time.Second

func (s *lanSource) Watch(ctx context.Context, found func([]string), failed func(error)) {
	if s.self.Addr.IsValid() {
		server, err := s.announce()
		if err != nil {
			failed(err)
		} else {
			defer server.Shutdown()
		}
	}
	// Somebody who starts at the same time is asked for soon again.
	for wait := min(soon, s.every); ; wait = min(2*wait, s.every) {
		addresses, err := s.ask(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			failed(err)
		default:
			found(addresses)
		}
		if !pause(ctx, wait) {
			return
		}
	}
}

// quiet is a logger of the library's, which tells of every packet that it cannot read.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

func (s *lanSource) announce() (*mdns.Server, error) {
	ips := []net.IP{s.self.Addr.Addr().AsSlice()}
	if s.self.Addr.Addr().IsUnspecified() {
		var err error
		if ips, err = ownAddresses(); err != nil {
			return nil, err
		}
	}
	// A name may have in it what a label of the DNS may not.
	label := fmt.Sprintf("%x", sha256.Sum224([]byte(s.self.Name)))
	zone, err := mdns.NewMDNSService(label, s.service, "", "", int(s.self.Addr.Port()), ips, []string{"gossip"})
	if err != nil {
		return nil, err
	}
	return mdns.NewServer(&mdns.Config{Zone: zone, Logger: quiet()})
}

// ownAddresses are those at which this host can be reached.
func ownAddresses() (ips []net.IP, err error) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() {
			ips = append(ips, n.IP)
		}
	}
	if len(ips) == 0 {
		return nil, errors.New("this host has no address that others could reach it at")
	}
	return ips, nil
}

// ask asks over IPv4 and IPv6 at a time. It is an error if neither works: many networks
// have one of them only.
func (s *lanSource) ask(ctx context.Context) ([]string, error) {
	var (
		asking    sync.WaitGroup
		addresses [2][]string
		errs      [2]error
	)
	for i, p := range []mdns.QueryParam{{DisableIPv6: true}, {DisableIPv4: true}} {
		asking.Go(func() { addresses[i], errs[i] = s.query(ctx, p) })
	}
	asking.Wait()
	if errs[0] != nil && errs[1] != nil {
		return nil, errors.Join(errs[:]...)
	}
	return append(addresses[0], addresses[1]...), nil
}

func (s *lanSource) query(ctx context.Context, p mdns.QueryParam) (addresses []string, err error) {
	entries := make(chan *mdns.ServiceEntry, 256)
	p.Service, p.Domain, p.Timeout, p.Entries, p.Logger = s.service, "local", hearing, entries, quiet()
	err = mdns.QueryContext(ctx, &p)
	close(entries)
	for e := range entries {
		if !strings.HasSuffix(e.Name, "."+s.service+".local.") {
			continue // an answer to somebody else's question, which the library hands on as well
		}
		for _, ip := range []net.IP{e.AddrV4, e.AddrV6} {
			if ip != nil {
				addresses = append(addresses, net.JoinHostPort(ip.String(), strconv.Itoa(e.Port)))
			}
		}
	}
	return addresses, err
}
