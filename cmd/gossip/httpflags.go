package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/api"
	"github.com/Ishan27gOrg/gossipProtocol/internal/secretfile"
)

// maxToken bounds a file with a token, in bytes.
const maxToken = 4 << 10

// httpFlags say where an agent serves its API.
type httpFlags struct {
	address string
	token   string // a file
}

const httpOff = "off"

func (f *httpFlags) group() flagGroup {
	f.address = api.DefaultAddress
	g := newGroup("HTTP flags")
	g.StringVar(&f.address, "http", f.address, "`ADDRESS` of the HTTP API and the window: HOST:PORT, unix:PATH or off. If the default is taken, a free port is used instead. Without --http-token only addresses of this machine are allowed, which all of its users can reach; a socket only this user can")
	g.StringVar(&f.token, "http-token", "", "`FILE` with a token that each request has to bring, as in Authorization: Bearer TOKEN; others must not be able to read it")
	return g
}

// checkNeeded is check for what is of no use without its window.
func (f *httpFlags) checkNeeded(by string) error {
	if f.address == httpOff {
		return usagef("--http: off, allowed with %s: HOST:PORT or unix:PATH", by)
	}
	return f.check()
}

// check tells what cannot be seen from one flag alone.
func (f *httpFlags) check() error {
	if f.address == httpOff || strings.HasPrefix(f.address, "unix:") {
		return nil
	}
	host, _, err := net.SplitHostPort(f.address)
	if err != nil {
		return usagef("--http: %q, allowed: HOST:PORT, unix:PATH or off", f.address)
	}
	if ip, err := netip.ParseAddr(host); f.token == "" && host != "localhost" && (err != nil || !ip.IsLoopback()) {
		return usagef("--http-token is missing: others may reach %s; allowed without it are addresses of this machine, as in 127.0.0.1:7980, and unix:PATH", f.address)
	}
	return nil
}

// readToken returns what is in a file, or "" if there is none.
func readToken(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	text, err := secretfile.Read(file, maxToken)
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(string(text))
	if token == "" || strings.ContainsAny(token, " \t\r\n") {
		return "", fmt.Errorf("%s: allowed is one token without spaces", file)
	}
	return token, nil
}

// door returns where the API is served.
func (f *httpFlags) door(ctx context.Context, cmd *cobra.Command) (d door, err error) {
	if d.token, err = readToken(f.token); err != nil {
		return d, usagef("--http-token: %w", err)
	}
	d.listener, err = f.listen(ctx, cmd)
	return d, err
}

// listen returns a listener, or nil if there is to be none.
func (f *httpFlags) listen(ctx context.Context, cmd *cobra.Command) (net.Listener, error) {
	if f.address == httpOff {
		return nil, nil
	}
	if path, isUnix := strings.CutPrefix(f.address, "unix:"); isUnix {
		return listenUnix(ctx, path)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", f.address)
	if errors.Is(err, syscall.EADDRINUSE) && !cmd.Flags().Changed("http") {
		// Somebody's second agent on this machine.
		l, err = new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	}
	if err != nil {
		return nil, fmt.Errorf("--http: %w", err)
	}
	return l, nil
}

// listenUnix listens on a socket that only this user can reach. It takes the place of
// one that nobody listens on any more.
func listenUnix(ctx context.Context, path string) (net.Listener, error) {
	if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSocket != 0 {
		c, err := new(net.Dialer).DialContext(ctx, "unix", path)
		if err == nil {
			c.Close()
			return nil, fmt.Errorf("--http: another process listens on %s", path)
		}
		if !errors.Is(err, syscall.ECONNREFUSED) { // somebody may listen, and be busy
			return nil, fmt.Errorf("--http: %w", err)
		}
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("--http: %w", err)
		}
	}
	var l net.Listener
	err := privately(func() (err error) {
		l, err = new(net.ListenConfig).Listen(ctx, "unix", path)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("--http: %w", err)
	}
	return l, nil
}

// apiFlags say which agent a verb asks.
type apiFlags struct {
	address, token string
	flags          *pflag.FlagSet
}

func (f *apiFlags) group() flagGroup {
	f.address = api.DefaultAddress
	g := newGroup("Agent to ask")
	g.StringVar(&f.address, "api", f.address, "`ADDRESS` of the agent's HTTP API: HOST:PORT, unix:PATH or a URL")
	g.StringVar(&f.token, "api-token", "", "`FILE` with the agent's token, if it has one")
	f.flags = g.FlagSet
	return g
}

// instead reports whether a verb that can also be a node of its own is to ask an agent:
// unless it is told whom to join.
func (f *apiFlags) instead(node *nodeFlags) (bool, error) {
	if len(node.join) == 0 {
		return true, nil
	}
	if api, join := f.flags.Lookup("api"), node.joinFlag; api.Changed && fromVariable(api) != fromVariable(join) {
		return fromVariable(join), nil // the command line goes before the environment
	} else if api.Changed {
		return false, usagef("--api and --join: allowed is one of them, an agent to ask or a network to join")
	}
	return false, nil
}

func (f *apiFlags) client() (*api.Client, error) {
	token, err := readToken(f.token)
	if err != nil {
		return nil, usagef("--api-token: %w", err)
	}
	c, err := api.NewClient(f.address, token)
	if err != nil {
		return nil, usagef("--api: %w", err)
	}
	return c, nil
}
