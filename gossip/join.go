package gossip

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/internal/transport"
)

const (
	// maxNames bounds the host names that a node goes on resolving.
	maxNames = 64
	// resolveEvery is how often a name is looked up again, so that a moved node
	// or a grown set of addresses is found. A guess.
	resolveEvery = 30 * time.Second
	// resolveTimeout bounds one look-up.
	resolveTimeout = 5 * time.Second
)

// resolver turns join addresses that are names into join addresses that are
// not, again and again. It has no goroutine until it is given a name.
type resolver struct {
	mu    sync.Mutex
	names []string
	more  chan struct{} // room for one
}

// add takes a well-formed address: an IP address joins at once, a name as soon
// as it resolves.
func (r *resolver) add(n *Node, address string) error {
	if addr, err := netip.ParseAddrPort(address); err == nil {
		n.joinAddr(addr)
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, known := range r.names {
		if known == address {
			return nil
		}
	}
	if len(r.names) == maxNames {
		return fmt.Errorf("gossip: join %q: at most %d names are allowed", address, maxNames)
	}
	r.names = append(r.names, address)
	if r.more == nil {
		r.more = make(chan struct{}, 1)
		n.wg.Go(func() { r.run(n) })
	}
	select {
	case r.more <- struct{}{}:
	default:
	}
	return nil
}

func (n *Node) joinAddr(addr netip.AddrPort) {
	addr = netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
	n.tell(func() {
		if addr == n.self.Addr {
			return
		}
		n.machine.Join(n.now(), n.book.address(addr), &n.out)
		n.carryOut()
	})
}

// run resolves all names when one is added and every so often; while one does
// not resolve, more often.
func (r *resolver) run(n *Node) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	wait := time.Second
	for {
		select {
		case <-n.ctx.Done():
			return
		case <-r.more:
		case <-timer.C:
		}
		if r.resolveAll(n) {
			wait = resolveEvery
		} else {
			wait = min(2*wait, resolveEvery)
		}
		timer.Reset(wait)
	}
}

func (r *resolver) resolveAll(n *Node) (all bool) {
	r.mu.Lock()
	names := r.names
	r.mu.Unlock()
	all = true
	for _, name := range names {
		addrs, err := resolveWithin(n.ctx, name)
		if err != nil {
			n.log.Warn("join address does not resolve; trying again", "address", name, "error", err)
			all = false
		}
		for _, addr := range addrs {
			n.joinAddr(addr)
		}
	}
	return all
}

func resolveWithin(ctx context.Context, name string) ([]netip.AddrPort, error) {
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	return transport.Resolve(ctx, name)
}

func resolveNow(name string) ([]netip.AddrPort, error) {
	return resolveWithin(context.Background(), name)
}
