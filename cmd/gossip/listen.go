package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/spf13/cobra"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
)

type listenOptions struct {
	json, events bool
	count        int
	timeout      time.Duration
}

func newListen(con console) *cobra.Command {
	var (
		node nodeFlags
		o    listenOptions
	)
	g := newGroup("Listen flags")
	g.BoolVar(&o.json, "json", false, "print an object a line instead of text")
	g.BoolVar(&o.events, "events", false, "print events too: links that come and go, gaps, drops")
	addIntVar(g, &o.count, "count", 0, math.MaxInt32, "exit after so many messages, 1 to 2147483647; 0 for no end")
	g.Var(durationValue{&o.timeout, 0, 1000 * time.Hour}, "timeout", "exit after this time, up to 1000h; 0s for no end. The exit status is 1 if there was no network, or fewer messages than --count")

	cmd := &cobra.Command{
		Use:   "listen --join HOST:PORT [flags]",
		Short: "Print the messages of a running network",
		Long: `listen starts a node that joins a network and prints its messages, until it is
interrupted or has enough; then it leaves in good order. Each message is a line:
its id, its vector clock and its payload, with two spaces between them. With
--history retained it begins with what the network still has in its logs.

` + jsonHelp,
		Example: `  gossip listen --join 127.0.0.1:7946
  gossip listen --join 127.0.0.1:7946 --history retained --json | jq .payload
  gossip listen --join 127.0.0.1:7946 --count 1 --timeout 30s`,
		Args: noArgs,
	}
	addFlags(cmd, append([]flagGroup{g}, node.groups("none")...)...)
	cmd.RunE = verb(func(ctx context.Context, _ []string) error {
		if err := node.check(true); err != nil {
			return err
		}
		cfg, err := node.config(cmd, con.err)
		if err != nil {
			return err
		}
		node.security.reload(ctx, &cfg)
		return runListen(ctx, con, cfg, o)
	})
	return cmd
}

func runListen(ctx context.Context, con console, cfg gossip.Config, o listenOptions) error {
	if o.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.timeout)
		defer cancel()
	}
	node, err := start(ctx, cfg)
	if err != nil {
		return err
	}
	f := follower{node: node, out: newPrinter(con, o.json), events: o.events, count: o.count}
	f.out.started(node.Self(), cfg.Join)
	return leave(node, leaveTimeout, listen(ctx, &f, cfg, o))
}

func listen(ctx context.Context, f *follower, cfg gossip.Config, o listenOptions) error {
	late := func() bool { return errors.Is(ctx.Err(), context.DeadlineExceeded) }
	if f.node.Ready(ctx) != nil {
		if late() {
			return errNobody(cfg, o.timeout)
		}
		return nil // interrupted
	}
	err := f.follow(ctx)
	if err == nil && late() && f.printed < o.count {
		return fmt.Errorf("%d of %d messages came within %v", f.printed, o.count, o.timeout)
	}
	return err
}
