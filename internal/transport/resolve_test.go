package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var errLookup = errors.New("no such host")

// book is a resolver of names that are known beforehand.
func book(ctx context.Context, host string) ([]netip.Addr, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	names := map[string]string{
		"one":    "10.0.0.1",
		"both":   "2001:db8::1 10.0.0.2 2001:db8::2 10.0.0.1",
		"twice":  "10.0.0.1 ::ffff:10.0.0.1 10.0.0.2 10.0.0.1",
		"nobody": "",
	}
	text, ok := names[host]
	if host == "crowd" {
		for i := range 3 * maxResolved {
			text += fmt.Sprintf(" 2001:db8::%x", i)
		}
		text += " 10.0.0.9"
		ok = true
	}
	if !ok {
		return nil, errLookup
	}
	var ips []netip.Addr
	for ip := range strings.FieldsSeq(text) {
		ips = append(ips, netip.MustParseAddr(ip))
	}
	return ips, nil
}

func TestResolve(t *testing.T) {
	for _, c := range []struct{ address, want string }{
		{"10.0.0.1:7946", "10.0.0.1:7946"},
		{"[2001:db8::1]:7946", "[2001:db8::1]:7946"},
		{"[::ffff:10.0.0.1]:7946", "10.0.0.1:7946"},
		{"[fe80::1%eth0]:65535", "[fe80::1%eth0]:65535"},
		{"one:1", "10.0.0.1:1"},
		{"both:7946", "10.0.0.2:7946 10.0.0.1:7946 [2001:db8::1]:7946 [2001:db8::2]:7946"},
		{"twice:7946", "10.0.0.1:7946 10.0.0.2:7946"},
	} {
		got, err := resolve(t.Context(), c.address, book)
		if err != nil {
			t.Errorf("%s: %v", c.address, err)
			continue
		}
		var want []netip.AddrPort
		for a := range strings.FieldsSeq(c.want) {
			want = append(want, netip.MustParseAddrPort(a))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", c.address, got, want)
		}
	}
}

func TestResolveIsBounded(t *testing.T) {
	got, err := resolve(t.Context(), "crowd:1", book)
	if err != nil || len(got) != maxResolved || !got[0].Addr().Is4() {
		t.Errorf("got %d addresses, the first %v, and %v", len(got), got[0], err)
	}
}

func TestResolveErrors(t *testing.T) {
	for _, c := range []struct{ address, want string }{
		{"", `want "host:port"`},
		{"10.0.0.1", "missing port"},
		{"node1", "missing port"},
		{"2001:db8::1", `or "[2001:db8::1]:7946"`},
		{":7946", "the host is empty: want a name or an IP address"},
		{"one:", `port "": want a number from 0 to 65535`},
		{"one:0", "the port is 0: want a number from 1 to 65535"},
		{"one:65536", `port "65536": want a number`},
		{"one:-1", `port "-1": want a number`},
		{"one:http", `port "http": want a number`},
		{"nobody:1", `host "nobody" has no addresses`},
	} {
		_, err := resolve(t.Context(), c.address, book)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), strconv.Quote(c.address)) {
			t.Errorf("%q: got %v, want %q", c.address, err, c.want)
		}
	}
	if _, err := resolve(t.Context(), "stranger:1", book); !errors.Is(err, errLookup) {
		t.Errorf("the resolver's error is lost: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Resolve(ctx, "localhost:1"); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that has ended: %v", err)
	}
}

func TestResolveLocalhost(t *testing.T) {
	got, err := Resolve(t.Context(), "localhost:7946")
	if err != nil {
		t.Skip(err) // a machine without the name
	}
	if want := netip.MustParseAddrPort("127.0.0.1:7946"); got[0] != want {
		t.Errorf("got %v, want %v first", got, want)
	}
}

// FuzzResolve holds the parsing to what is true of any address: what it takes
// apart is what net.JoinHostPort would put together.
func FuzzResolve(f *testing.F) {
	for _, seed := range []string{"", ":", ":0", "a:1", "1.2.3.4:5", "[::1]:5", "[::ffff:1.2.3.4]:5", "[fe80::1%a]:5", "a:b:1", "[a]:65535", "a:00001", "\x00:1"} {
		f.Add(seed)
	}
	nowhere := func(context.Context, string) ([]netip.Addr, error) { return nil, errLookup }
	f.Fuzz(func(t *testing.T, address string) {
		host, port, err := parseRemote(address)
		if err == nil {
			if host == "" || port == 0 {
				t.Errorf("%q: host %q, port %d", address, host, port)
			}
			again, samePort, err := parseRemote(net.JoinHostPort(host, strconv.Itoa(int(port))))
			if err != nil || again != host || samePort != port {
				t.Errorf("%q: %q, %d became %q, %d and %v", address, host, port, again, samePort, err)
			}
		}
		addrs, err := resolve(t.Context(), address, nowhere)
		for _, a := range addrs {
			if !a.IsValid() || a.Addr().Is4In6() || a.Port() != port {
				t.Errorf("%q: %v", address, a)
			}
		}
		if (len(addrs) == 1) != (err == nil) {
			t.Errorf("%q: %v and %v", address, addrs, err)
		}
	})
}

// FuzzCheckAddress: what can be dialled could be listened on, and what is refused is
// refused by its name, in one printable line.
func FuzzCheckAddress(f *testing.F) {
	for _, seed := range []string{"", ":", ":0", ":7946", "a:0", "a:1", "[::1]:5", "[::1", "a:65536", "a:-1", "\n:1", "a:1\x1b[2J", "[fe80::1%eth0]:1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		dial, listen := CheckAddress(address), CheckListen(address)
		if dial == nil && listen != nil {
			t.Errorf("%q can be dialled, but not listened on: %v", address, listen)
		}
		if host, port, err := parseLocal(address); listen == nil && (err != nil || (dial == nil) != (host != "" && port != 0)) {
			t.Errorf("%q is %q, %d and %v; to dial: %v", address, host, port, err, dial)
		}
		for _, err := range []error{dial, listen} {
			if err != nil && !strings.Contains(err.Error(), strconv.Quote(address)) {
				t.Errorf("%q is refused without its name: %v", address, err)
			}
		}
	})
}
