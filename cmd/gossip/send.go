package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/api"
	"github.com/Ishan27gOrg/gossipProtocol/gossip"
)

type sendOptions struct {
	json      bool
	waitLinks int
	timeout   time.Duration
}

func newSend(con console) *cobra.Command {
	var (
		node  nodeFlags
		agent apiFlags
	)
	o := sendOptions{waitLinks: 1, timeout: 10 * time.Second}
	g := newGroup("Send flags")
	g.BoolVar(&o.json, "json", false, `print {"type":"sent","id":...} instead of the id`)
	addIntVar(g, &o.waitLinks, "wait-links", 1, 32, "links to have before sending, 1 to 32, at most --links; each is another way out")
	g.Var(durationValue{&o.timeout, 10 * time.Millisecond, time.Hour}, "timeout", "time to find the network, and again to hand everything over at the end, 10ms to 1h")

	cmd := &cobra.Command{
		Use:   "send [--api ADDRESS | --join HOST:PORT] [flags] MESSAGE...",
		Short: "Broadcast messages to a running network",
		Long: `send has an agent, on this machine or at --api, broadcast each MESSAGE. With
--join it does without one: it starts a node, waits until that has a link to the
network, broadcasts, and leaves in good order: once the neighbours have read all
of it. A MESSAGE of - stands for the lines of the standard input. It prints the
id of each message.`,
		Example: `  gossip send "hello all"
  gossip send --join 127.0.0.1:7946 "hello all"
  gossip send --join 127.0.0.1:7946 --id ann one two three
  date | gossip send --join 127.0.0.1:7946 -
  gossip send --join 127.0.0.1:7946 -- "--a message that looks like a flag"`,
	}
	addFlags(cmd, append([]flagGroup{g, agent.group()}, node.groups("none")...)...)
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		if len(args) == 0 {
			return usagef("MESSAGE is missing: name at least one, or - for the lines of the standard input")
		}
		if asked, err := agent.instead(&node); err != nil {
			return err
		} else if asked {
			return sendThrough(ctx, con, &agent, o, args)
		}
		switch err := node.check(true); {
		case err != nil:
			return err
		case o.waitLinks > node.links:
			return usagef("--wait-links: %d, allowed: 1 to --links, which is %d", o.waitLinks, node.links)
		}
		for i, text := range args {
			if len(text) > node.maxPayload {
				return usagef("MESSAGE %d is %d bytes long, allowed: at most %d (--max-payload)", i+1, len(text), node.maxPayload)
			}
		}
		cfg, err := node.config(cmd, con.err)
		if err != nil {
			return err
		}
		return runSend(ctx, con, cfg, o, args)
	})
	return cmd
}

func runSend(ctx context.Context, con console, cfg gossip.Config, o sendOptions, messages []string) error {
	node, err := start(ctx, cfg)
	if err != nil {
		return err
	}
	s := sender{con: con, most: cfg.MaxPayload, broadcast: node.Broadcast, out: newPrinter(con, o.json)}
	if err := findNetwork(ctx, node, cfg, o.waitLinks, o.timeout); err != nil {
		return errors.Join(err, node.Close())
	}
	return leave(node, o.timeout, s.send(ctx, messages))
}

// findNetwork waits until a node has some links.
func findNetwork(ctx context.Context, node *gossip.Node, cfg gossip.Config, links int, within time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, within, errNobody(cfg, within))
	defer cancel()
	if node.Ready(ctx) != nil {
		return context.Cause(ctx)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		have := len(node.Links())
		if have >= links {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return fmt.Errorf("%d of %d links came up within %v (--wait-links, --timeout)", have, links, within)
			}
			return context.Cause(ctx)
		}
	}
}

// sender broadcasts what it was given.
type sender struct {
	con       console
	most      int // bytes of a payload
	broadcast func(ctx context.Context, payload []byte) (gossip.MessageID, error)
	out       *printer
	skipped   int // lines that were too long
}

// sendThrough has an agent broadcast.
func sendThrough(ctx context.Context, con console, agent *apiFlags, o sendOptions, messages []string) error {
	c, err := agent.client()
	if err != nil {
		return err
	}
	defer c.Close()
	asking, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	self, err := c.Self(asking)
	if err != nil {
		return err
	}
	s := sender{con: con, most: self.MaxPayload, out: newPrinter(con, o.json), broadcast: func(ctx context.Context, payload []byte) (gossip.MessageID, error) {
		ctx, cancel := context.WithTimeout(ctx, o.timeout)
		defer cancel()
		id, err := c.Send(ctx, payload, api.NewKey())
		return gossip.MessageID{Origin: id.Origin, Incarnation: id.Incarnation, Seq: id.Seq}, err
	}}
	return s.send(ctx, messages)
}

func (s *sender) send(ctx context.Context, messages []string) error {
	for _, text := range messages {
		var err error
		if text == "-" {
			err = s.sendLines(ctx)
		} else {
			err = s.say(ctx, []byte(text))
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return err
		}
	}
	if s.skipped > 0 {
		return fmt.Errorf("lines that were not sent: %d", s.skipped)
	}
	return nil
}

func (s *sender) say(ctx context.Context, payload []byte) error {
	id, err := s.broadcast(ctx, payload)
	if err != nil {
		return err
	}
	s.out.sent(id)
	return s.out.err
}

// sendLines sends each line of the standard input. It does not wait for a read
// when it is interrupted.
func (s *sender) sendLines(ctx context.Context) error {
	done := inBackground(func() error {
		return readLines(s.con.in, s.most, func(number int, line []byte, err error) error {
			if err == nil {
				return s.say(ctx, line)
			}
			s.skipped++
			fmt.Fprintf(s.con.err, "gossip send: standard input, line %d: %v\n", number, err)
			return nil
		})
	})
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
