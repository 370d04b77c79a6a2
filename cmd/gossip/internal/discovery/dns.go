package discovery

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"time"
)

// dnsSource looks something up again and again.
type dnsSource struct {
	text  string
	every time.Duration
	look  func(context.Context) ([]string, error)
}

func (s *dnsSource) String() string { return s.text }

// soon is the time to the second look after one that failed; it doubles up to every.
const soon = time.Second

func (s *dnsSource) Watch(ctx context.Context, found func([]string), failed func(error)) {
	wait := min(soon, s.every)
	for {
		looking, cancel := context.WithTimeout(ctx, 10*time.Second)
		addresses, err := s.look(looking)
		cancel()
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			failed(err)
			wait = min(2*wait, s.every)
		default:
			found(addresses)
			wait = s.every
		}
		if !pause(ctx, wait) {
			return
		}
		if err == nil {
			wait = min(soon, s.every)
		}
	}
}

// pause waits, and reports false if ctx ends before.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// lookHost returns the addresses of a name.
func lookHost(ctx context.Context, r *net.Resolver, host, port string) ([]string, error) {
	hosts, err := r.LookupHost(ctx, host)
	if err != nil {
		return nil, err
	}
	var addresses []string
	for _, h := range hosts {
		addresses = append(addresses, net.JoinHostPort(h, port))
	}
	return addresses, nil
}

// lookService returns the addresses of the targets of SRV records. One target that does
// not resolve is no error as long as another does.
func lookService(ctx context.Context, r *net.Resolver, name string) (addresses []string, err error) {
	_, records, err := r.LookupSRV(ctx, "", "", name)
	if err != nil && len(records) == 0 {
		return nil, err
	}
	var errs []error
	for _, srv := range records {
		found, err := lookHost(ctx, r, strings.TrimSuffix(srv.Target, "."), strconv.Itoa(int(srv.Port)))
		errs = append(errs, err)
		addresses = append(addresses, found...)
	}
	if len(addresses) == 0 {
		return nil, errors.Join(errs...)
	}
	return addresses, nil
}
