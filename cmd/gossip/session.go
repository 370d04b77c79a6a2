package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
)

// leaveTimeout bounds how long a node that is interrupted takes to leave.
const leaveTimeout = 3 * time.Second

// start starts a node that outlives ctx, so that it can leave in good order.
func start(ctx context.Context, cfg gossip.Config) (*gossip.Node, error) {
	return gossip.Start(context.WithoutCancel(ctx), cfg)
}

// leave ends a node in good order within a time; err is what it ends with.
func leave(node *gossip.Node, within time.Duration, err error) error {
	ctx, cancel := context.WithTimeoutCause(context.Background(), within, fmt.Errorf("not within %v", within))
	defer cancel()
	return errors.Join(err, node.Leave(ctx))
}

// errNobody is what findNetwork returns if nobody answered in time.
func errNobody(cfg gossip.Config, within time.Duration) error {
	return fmt.Errorf("nobody answered within %v at %s; tried all of them again and again (--join, --cluster, --timeout)",
		within, strings.Join(cfg.Join, ", "))
}

// inBackground runs f, which may be stuck in a read that nothing can end, and
// returns where its error will be.
func inBackground(f func() error) <-chan error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	return done
}

// follower prints what a node delivers.
type follower struct {
	node   *gossip.Node
	out    *printer
	events bool

	input     <-chan error // the end of what the node is given to say
	stopAtEOF bool
	count     int // how many messages are enough, or 0
	printed   int
}

// follow prints until ctx ends, which is no error, or there is enough.
func (f *follower) follow(ctx context.Context) error {
	var events <-chan gossip.Event
	if f.events {
		events = f.node.Events()
	}
	for {
		select {
		case m, ok := <-f.node.Messages():
			if !ok {
				return gossip.ErrClosed
			}
			f.out.message(m)
			if f.printed++; f.printed == f.count {
				return f.out.err
			}
		case e := <-events:
			f.out.event(e)
		case err := <-f.input:
			f.input = nil
			switch {
			case ctx.Err() != nil:
				return nil
			case err != nil:
				return err
			case f.stopAtEOF:
				return f.drain()
			}
		case <-ctx.Done():
			return f.out.err
		}
		if f.out.err != nil {
			return f.out.err
		}
	}
}

// drain prints what has been delivered already.
func (f *follower) drain() error {
	for f.node.Stats().BacklogMessages > 0 {
		f.out.message(<-f.node.Messages())
	}
	for {
		select {
		case m := <-f.node.Messages():
			f.out.message(m)
		default:
			return f.out.err
		}
	}
}
