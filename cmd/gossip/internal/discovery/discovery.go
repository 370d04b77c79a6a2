// Package discovery finds addresses to join a network at: in the DNS, on the local
// network, in a file. It looks again and again, since who is there changes.
package discovery

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// most is how many addresses of one answer are handed on, chosen at random if there are
// more: one that is up is enough to get into the network, which finds the rest.
const most = 16

// A Source is a place where addresses are found.
type Source interface {
	// String returns what Parse read.
	String() string
	// Watch calls found with all addresses that there are, at first and when that may
	// have changed, and failed when it could not be told; until ctx ends.
	Watch(ctx context.Context, found func(addresses []string), failed func(error))
}

// Options are what sources need besides their names.
type Options struct {
	Resolver *net.Resolver // nil: the system's
	// Every is the time between two looks into the DNS, and between two questions on
	// the local network. Zero: 10 s and a minute.
	Every time.Duration
	// Self is what the local network is told of this node, with mdns:.
	Self Announcement
}

// kinds are how a source is written, for who writes it wrongly.
const kinds = "dns:HOST:PORT, srv:NAME, mdns:SERVICE or file:PATH"

// Parse reads the name of a source.
func Parse(text string, o Options) (Source, error) {
	if o.Resolver == nil {
		o.Resolver = net.DefaultResolver
	}
	kind, rest, found := strings.Cut(text, ":")
	if !found || rest == "" {
		return nil, fmt.Errorf("%q, allowed: %s", text, kinds)
	}
	switch kind {
	case "dns":
		host, port, err := net.SplitHostPort(rest)
		if err != nil || host == "" || port == "" {
			return nil, fmt.Errorf("%q, allowed: dns:HOST:PORT", text)
		}
		return &dnsSource{text: text, every: orDefault(o.Every, 10*time.Second), look: func(ctx context.Context) ([]string, error) {
			return lookHost(ctx, o.Resolver, host, port)
		}}, nil
	case "srv":
		return &dnsSource{text: text, every: orDefault(o.Every, 10*time.Second), look: func(ctx context.Context) ([]string, error) {
			return lookService(ctx, o.Resolver, rest)
		}}, nil
	case "mdns":
		if !strings.HasPrefix(rest, "_") || strings.Count(rest, ".") != 1 {
			return nil, fmt.Errorf("%q, allowed: mdns:SERVICE, as in mdns:_gossip._udp", text)
		}
		return &lanSource{text: text, service: rest, every: orDefault(o.Every, time.Minute), self: o.Self}, nil
	case "file":
		return &fileSource{text: text, path: rest}, nil
	}
	return nil, fmt.Errorf("%q, allowed: %s", text, kinds)
}

func orDefault(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

// Run has join called with what the sources find, until ctx ends: with up to 16
// addresses of each answer, and again only when an answer differs from the one before,
// or has more than that, of which others are joined then.
// It logs the first failure of each source, and when it works again.
func Run(ctx context.Context, sources []Source, log *slog.Logger, join func(ctx context.Context, addresses ...string) error) {
	var watching sync.WaitGroup
	defer watching.Wait()
	for _, s := range sources {
		w := watcher{source: s, log: log.With("discover", s.String()), join: join}
		watching.Go(func() {
			s.Watch(ctx, func(addresses []string) { w.found(ctx, addresses) }, w.failed)
		})
	}
}

// watcher is what Run knows of one source.
type watcher struct {
	source  Source
	log     *slog.Logger
	join    func(ctx context.Context, addresses ...string) error
	last    []string
	failing bool
}

func (w *watcher) found(ctx context.Context, addresses []string) {
	if w.failing {
		w.log.Info("the source of addresses works again")
		w.failing = false
	}
	slices.Sort(addresses)
	addresses = slices.Compact(addresses)
	same := slices.Equal(addresses, w.last)
	if same && len(addresses) <= most {
		return
	}
	if !same {
		w.last = slices.Clone(addresses)
		w.log.Info("addresses to join were found", "addresses", len(addresses))
	}
	if len(addresses) > most {
		rand.Shuffle(len(addresses), func(i, j int) { addresses[i], addresses[j] = addresses[j], addresses[i] })
		addresses = addresses[:most]
	}
	if len(addresses) == 0 {
		return
	}
	if err := w.join(ctx, addresses...); err != nil && ctx.Err() == nil {
		w.log.Error("an address that was found is not taken", "error", err)
	}
}

func (w *watcher) failed(err error) {
	if !w.failing {
		w.log.Warn("the source of addresses fails; it is tried again and again", "error", err)
		w.failing = true
	}
}
