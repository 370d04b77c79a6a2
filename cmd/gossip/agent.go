package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
)

type agentOptions struct {
	json, stdin, exitOnEOF, events bool
}

func newAgent(con console) *cobra.Command {
	var (
		node nodeFlags
		o    agentOptions
	)
	g := newGroup("Agent flags")
	g.BoolVar(&o.json, "json", false, "print an object a line instead of text")
	g.BoolVar(&o.stdin, "stdin", false, "gossip each line of the standard input; a line longer than --max-payload is reported and skipped")
	g.BoolVar(&o.exitOnEOF, "exit-on-eof", false, "with --stdin and --join, read it only once there is a link; leave the network when it ends instead of staying")
	g.BoolVar(&o.events, "events", false, "print events too: links that come and go, gaps, conflicts, drops")

	cmd := &cobra.Command{
		Use:   "agent [flags]",
		Short: "Run one node and print what it receives",
		Long: `agent runs one node until it is interrupted, and then leaves in good order. Its
name and address go to the standard error as soon as it is up; addresses to join
that are down are tried until they come.

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
	addFlags(cmd, append([]flagGroup{g}, node.groups("retained")...)...)
	cmd.RunE = verb(func(ctx context.Context, _ []string) error {
		if o.exitOnEOF && !o.stdin {
			return usagef("--exit-on-eof is of no use without --stdin")
		}
		if err := node.check(false); err != nil {
			return err
		}
		cfg, err := node.config(cmd, con.err)
		if err != nil {
			return err
		}
		node.security.reload(ctx, &cfg)
		return runAgent(ctx, con, cfg, o)
	})
	return cmd
}

func runAgent(ctx context.Context, con console, cfg gossip.Config, o agentOptions) error {
	node, err := start(ctx, cfg)
	if err != nil {
		return err
	}
	out := newPrinter(con, o.json)
	out.started(node.Self(), cfg.Join)
	f := follower{node: node, out: out, events: o.events}
	if o.stdin {
		f.input = inBackground(func() error { return gossipLines(ctx, con, cfg, node, o.exitOnEOF) })
		f.stopAtEOF = o.exitOnEOF
	}
	return leave(node, leaveTimeout, f.follow(ctx))
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
