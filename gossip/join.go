package gossip

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/internal/transport"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

const (
	// maxNames bounds the host names that a node goes on resolving: the latest that it was
	// given.
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

// add takes well-formed addresses: an IP address joins at once, a name as soon
// as it resolves.
func (r *resolver) add(n *Node, addresses []string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var names []string
	for _, address := range addresses {
		if _, err := netip.ParseAddrPort(address); err != nil && !slices.Contains(names, address) {
			names = append(names, address)
		}
	}
	if len(names) > maxNames {
		return fmt.Errorf("gossip: join: %d names, at most %d are allowed", len(names), maxNames)
	}
	for _, address := range addresses {
		if addr, err := netip.ParseAddrPort(address); err == nil && !n.joinAddr(addr) {
			return ErrClosed
		}
	}
	if !r.take(names) {
		return nil
	}
	return r.wake(n)
}

// take puts names behind those there are, of which the oldest make room. It reports
// whether there is a new one.
func (r *resolver) take(names []string) (more bool) {
	given := func(name string) bool { return slices.Contains(names, name) }
	older := slices.DeleteFunc(slices.Clone(r.names), given)
	more = len(older)+len(names) > len(r.names)
	all := append(older, names...)
	r.names = all[max(0, len(all)-maxNames):]
	return more
}

// wake lets the resolver look at the names, and starts it for the first ones:
// in the loop, so that it cannot begin while the node is being closed.
func (r *resolver) wake(n *Node) error {
	if r.more == nil {
		r.more = make(chan struct{}, 1)
		if !n.tell(func() { n.wg.Go(func() { r.run(n) }) }) {
			return ErrClosed
		}
	}
	select {
	case r.more <- struct{}{}:
	default:
	}
	return nil
}

// joinAddr reports false if the node is closed.
func (n *Node) joinAddr(addr netip.AddrPort) bool {
	addr = netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
	return n.tell(func() {
		if addr == n.self.Addr {
			return
		}
		h := n.book.address(addr)
		if h == peer.None {
			// A name may have as many addresses as who answers for it likes.
			if n.mayWarn(aboutJoins, n.now()) {
				n.log.Warn("join address not taken: the address book is full", "addr", addr)
			}
			return
		}
		n.machine.Join(n.now(), h, &n.out)
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
		if err != nil && n.ctx.Err() == nil {
			n.log.Warn("join address does not resolve; trying again", "addr", name, "error", err)
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
