package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"

	"github.com/spf13/cobra"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/agent"
	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/api"
	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/discovery"
	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/hub"
	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/window"
	"github.com/Ishan27gOrg/gossipProtocol/gossip"
)

type agentOptions struct {
	json, stdin, exitOnEOF, events, quiet bool

	keep   int
	config string // a file

	discover []string
	dataDir  string
	print    bool // what is configured, and nothing else
}

func newAgent(con console) *cobra.Command {
	var (
		node nodeFlags
		web  httpFlags
		o    = agentOptions{keep: hub.DefaultLimit}
	)
	g := newGroup("Agent flags")
	g.BoolVar(&o.json, "json", false, "print an object a line instead of text")
	g.BoolVar(&o.quiet, "quiet", false, "print no messages: they are to be had from the HTTP API")
	g.BoolVar(&o.stdin, "stdin", false, "gossip each line of the standard input; a line longer than --max-payload is reported and skipped")
	g.BoolVar(&o.exitOnEOF, "exit-on-eof", false, "with --stdin and --join, read it only once there is a link; leave the network when it ends instead of staying")
	g.BoolVar(&o.events, "events", false, "print events too: links that come and go, gaps, conflicts, drops")
	g.Var(sizeValue{&o.keep, 1, maxLogBytes}, "keep", "how much of what was delivered is kept for readers of the HTTP API, besides the log, 1B to 1024GiB")

	g.StringVar(&o.dataDir, "data-dir", "", "`DIRECTORY` of the node's own, made if it is not there, from which it goes on after its process has ended, in whatever way: its name, whom it knew, and its log; what was accepted is on the disk. Its messages of before the end are printed again")
	g.StringSliceVar(&o.discover, "discover", nil, "`SOURCE` of addresses to join, looked at again and again; several with commas or by repeating the flag: dns:HOST:PORT (all addresses of a name, as of a headless service), srv:NAME (SRV records), mdns:_gossip._udp (the local network, which is told of this node too), file:PATH (an address a line)")
	g.StringVar(&o.config, "config", "", "`FILE` of settings, TOML: flags without their dashes, as in join = [\"10.0.0.7:7946\"]; read again on SIGHUP")
	g.BoolVar(&o.print, "print-config", false, "print all settings as such a file, defaults as comments, and end")

	cmd := &cobra.Command{
		Use:   "agent [flags]",
		Short: "Run one node, with an HTTP API and a window to look through",
		Long: `agent runs one node until it is interrupted, and then leaves in good order. Its
name and address go to the standard error as soon as it is up, and the address
of its HTTP API, at which a browser shows the network; addresses to join that
are down are tried until they come.

Each message that is delivered, the node's own among them, is a line of the
standard output: its id, its vector clock and its payload, with two spaces
between them. A payload with characters that cannot be printed is quoted as in
Go.

` + jsonHelp,
		Example: `  gossip agent --id a --listen 127.0.0.1:7946
  gossip agent --id b --join 127.0.0.1:7946 --json
  tail -f app.log | gossip agent --join 10.0.0.7:7946,10.0.0.8:7946 --stdin
  GOSSIP_JOIN=127.0.0.1:7946 GOSSIP_POLICY=swapper gossip agent --events`,
		Args: noArgs,
	}
	addFlags(cmd, append([]flagGroup{g, web.group()}, node.groups("retained")...)...)
	cmd.RunE = verb(func(ctx context.Context, _ []string) error {
		if o.print {
			return printSettings(con.out, cmd.Flags())
		}
		if o.exitOnEOF && !o.stdin {
			return usagef("--exit-on-eof is of no use without --stdin")
		}
		if _, err := sources(o.discover, discovery.Options{}); err != nil {
			return err
		}
		node.discovers = len(o.discover) > 0
		if err := errors.Join(node.check(false), web.check()); err != nil {
			return err
		}
		cfg, err := node.config(cmd, con.err)
		if err != nil {
			return err
		}
		d, err := web.door(ctx, cmd)
		if err != nil {
			return err
		}
		return runAgent(ctx, con, cfg, o, d, reloader{cmd.Flags(), &node, &cfg, o.config})
	})
	return cmd
}

// door is where an agent's API is served.
type door struct {
	listener net.Listener // nil: nowhere
	token    string
}

// anyHost reports whether it may be called by any name; see api.Config.
func (d door) anyHost() bool { return d.token != "" || d.listener.Addr().Network() == "unix" }

func runAgent(ctx context.Context, con console, cfg gossip.Config, o agentOptions, d door, r reloader) error {
	if r.node.logFormat == "json" {
		con.err = notices{cfg.Logger.Handler()}
	}
	hangups := hangups() // that come while the node starts are for later
	kept, err := openDataDir(&cfg, r.node, o.dataDir)
	if err != nil {
		d.close()
		return err
	}
	node, err := start(ctx, cfg)
	if err != nil {
		d.close()
		if ctx.Err() != nil {
			err = nil // it was interrupted
		}
		return errors.Join(err, kept.close())
	}
	ctx, left := context.WithCancel(ctx)
	defer left()
	a := agent.New(node, agent.Options{
		Cluster: cfg.Cluster, Order: cfg.Order.String(), MaxPayload: cfg.MaxPayload, Version: version(), Keep: o.keep,
		Sync: kept.sync(), Logger: cfg.Logger,
	})
	out := newPrinter(con, o.json)
	out.started(node.Self(), cfg.Join)
	onHangup(ctx, hangups, func() { r.reload(ctx, node) })
	remembered := kept.rememberPeers(ctx, node, cfg.Logger)
	found, err := discover(ctx, o.discover, node, cfg.Logger)
	if err != nil {
		return errors.Join(leave(node, leaveTimeout, err), kept.close())
	}
	defer found()
	served := d.serve(ctx, con, a, left, &r.node.level, cfg.Logger)

	f := follower{agent: a, out: out, events: o.events, quiet: o.quiet, kept: o.dataDir != ""}
	if o.stdin {
		f.input = inBackground(func() error { return gossipLines(ctx, con, cfg, node, o.exitOnEOF) })
		f.stopAtEOF = o.exitOnEOF
	}
	err = f.run(ctx)
	left()
	<-a.Done()
	<-remembered
	return errors.Join(err, <-served, kept.end(con, node, f.unconfirmed))
}

func (d door) close() {
	if d.listener != nil {
		d.listener.Close()
	}
}

// serve serves the API until ctx ends; the error comes then.
func (d door) serve(ctx context.Context, con console, a *agent.Agent, leave func(), level *slog.LevelVar, log *slog.Logger) <-chan error {
	if d.listener == nil {
		return inBackground(func() error { return nil })
	}
	fmt.Fprintf(con.err, "HTTP API and window at %s\n", urlOf(d.listener.Addr()))
	return d.open(ctx, a, api.Config{Leave: leave, Level: level, Metrics: a.Metrics(), Logger: log})
}

// show serves what there is to look at while play plays it.
func (d door) show(ctx context.Context, source api.Source, metrics http.Handler, play func() error) error {
	serving, stop := context.WithCancel(ctx)
	defer stop()
	served := d.open(serving, source, api.Config{Metrics: metrics, Logger: discard})
	err := play()
	stop()
	return errors.Join(err, <-served)
}

// open serves a source, with the window, until ctx ends; the error comes then. Who may
// ask is the door's to say.
func (d door) open(ctx context.Context, source api.Source, cfg api.Config) <-chan error {
	cfg.Token, cfg.AnyHost, cfg.Window = d.token, d.anyHost(), window.Handler()
	server := api.NewServer(source, cfg)
	return inBackground(func() error { return server.Serve(ctx, d.listener) })
}

func urlOf(a net.Addr) string {
	if a.Network() == "unix" {
		return "unix:" + a.String()
	}
	return "http://" + a.String() + "/"
}

// sources are those that --discover names.
func sources(names []string, o discovery.Options) (all []discovery.Source, err error) {
	for _, name := range names {
		s, err := discovery.Parse(name, o)
		if err != nil {
			return nil, usagef("--discover: %w", err)
		}
		all = append(all, s)
	}
	return all, nil
}

// discover has the node join what its sources find, until ctx ends; wait returns when
// that is over.
func discover(ctx context.Context, names []string, node *gossip.Node, log *slog.Logger) (wait func(), err error) {
	self := node.Self()
	o := discovery.Options{}
	if addr, err := netip.ParseAddrPort(self.Addr); err == nil {
		o.Self = discovery.Announcement{Name: self.ID, Addr: addr}
	}
	all, err := sources(names, o)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		discovery.Run(ctx, all, log, node.Join)
	}()
	return func() { cancel(); <-done }, nil
}

// gossipLines broadcasts each line of the standard input.
func gossipLines(ctx context.Context, con console, cfg gossip.Config, node *gossip.Node, joined bool) error {
	if joined && len(cfg.Join) > 0 {
		// What is said before there is a link would not leave with the node.
		if err := node.Ready(ctx); err != nil {
			return err
		}
	}
	return readLines(con.in, cfg.MaxPayload, func(number int, line []byte, err error) error {
		if err == nil {
			_, err = node.Broadcast(ctx, line)
		}
		if err != nil && ctx.Err() == nil {
			fmt.Fprintf(con.err, "gossip agent: standard input, line %d: %v\n", number, err)
		}
		return ctx.Err()
	})
}
