package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/spf13/cobra"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/agent"
	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/api"
	"github.com/Ishan27gOrg/gossipProtocol/gossip"
)

type listenOptions struct {
	json, events bool
	count        int
	timeout      time.Duration
}

func newListen(con console) *cobra.Command {
	var (
		node  nodeFlags
		asked apiFlags
		o     listenOptions
	)
	g := newGroup("Listen flags")
	g.BoolVar(&o.json, "json", false, "print an object a line instead of text")
	g.BoolVar(&o.events, "events", false, "print events too: links that come and go, gaps, drops")
	addIntVar(g, &o.count, "count", 0, math.MaxInt32, "exit after so many messages, 1 to 2147483647; 0 for no end")
	g.Var(durationValue{&o.timeout, 0, 1000 * time.Hour}, "timeout", "exit after this time, up to 1000h; 0s for no end. The exit status is 1 if there was no network, or fewer messages than --count")

	cmd := &cobra.Command{
		Use:   "listen [--api ADDRESS | --join HOST:PORT] [flags]",
		Short: "Print the messages of a running network",
		Long: `listen prints what an agent, on this machine or at --api, delivers. With --join
it does without one: it starts a node that joins the network, and leaves in good
order. It ends when it is interrupted or has enough. Each message is a line:
its id, its vector clock and its payload, with two spaces between them. With
--history retained it begins with what the agent, or the network, still has.
When an agent is gone for a while, listen goes on where it was once it is back.

` + jsonHelp,
		Example: `  gossip listen
  gossip listen --join 127.0.0.1:7946
  gossip listen --join 127.0.0.1:7946 --history retained --json | jq .payload
  gossip listen --join 127.0.0.1:7946 --count 1 --timeout 30s`,
		Args: noArgs,
	}
	addFlags(cmd, append([]flagGroup{g, asked.group()}, node.groups("none")...)...)
	cmd.RunE = verb(func(ctx context.Context, _ []string) error {
		if instead, err := asked.instead(&node); err != nil {
			return err
		} else if instead {
			return listenThrough(ctx, con, &asked, o, node.history == "retained")
		}
		if err := node.check(true); err != nil {
			return err
		}
		cfg, err := node.config(cmd, con.err)
		if err != nil {
			return err
		}
		onHangup(ctx, hangups(), func() { node.security.reload(&cfg) })
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
	f := follower{agent: agent.New(node, agent.Options{Logger: cfg.Logger}), out: newPrinter(con, o.json), events: o.events, count: o.count}
	f.out.started(node.Self(), cfg.Join)
	err = listen(ctx, &f, cfg, o)
	<-f.agent.Done()
	return err
}

func listen(ctx context.Context, f *follower, cfg gossip.Config, o listenOptions) error {
	late := func() bool { return errors.Is(ctx.Err(), context.DeadlineExceeded) }
	if node := f.agent.Node(); node.Ready(ctx) != nil {
		if late() {
			return leave(node, leaveTimeout, errNobody(cfg, o.timeout))
		}
		return leave(node, leaveTimeout, nil) // interrupted
	}
	err := f.run(ctx)
	if err == nil && late() && f.printed < o.count {
		return fmt.Errorf("%d of %d messages came within %v", f.printed, o.count, o.timeout)
	}
	return err
}

// listenThrough prints what an agent delivers. The first connection has to work; later
// ones are tried again and again, each from where the last one ended.
func listenThrough(ctx context.Context, con console, asked *apiFlags, o listenOptions, all bool) error {
	if o.events {
		return usagef("--events: allowed with --join; an agent prints its own, or serves them at /v1/events")
	}
	c, err := asked.client()
	if err != nil {
		return err
	}
	defer c.Close()
	if o.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.timeout)
		defer cancel()
	}
	self, err := c.Self(ctx)
	if err != nil {
		return err
	}
	which := api.Stream{Latest: math.MaxInt32}
	if !all {
		if which, err = c.FromNowOn(ctx, api.Stream{}); err != nil {
			return err
		}
	}
	out := newPrinter(con, o.json)
	fmt.Fprintf(con.err, "asking %s at %s\n", self.ID, c.Address()) // what is sent after this is printed
	printed := 0
	for e, err := range c.Follow(ctx, which) {
		if err != nil {
			return err
		}
		if e.ID == "" {
			out.missed(e.Missed)
			continue
		}
		out.received(&e.Message)
		if printed++; printed == o.count || out.err != nil {
			return out.err
		}
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) && printed < o.count {
		return fmt.Errorf("%d of %d messages came within %v", printed, o.count, o.timeout)
	}
	return nil
}
