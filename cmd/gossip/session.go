package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/agent"
	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/api"
	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/hub"
	"github.com/Ishan27gOrg/gossipProtocol/gossip"
)

// leaveTimeout bounds how long a node that is interrupted takes to leave.
const leaveTimeout = 3 * time.Second

// start starts a node that outlives ctx, so that it can leave in good order. If ctx ends
// while the node starts, which takes a while with a long log to read, there is none.
func start(ctx context.Context, cfg gossip.Config) (*gossip.Node, error) {
	living, end := context.WithCancelCause(context.WithoutCancel(ctx))
	started := context.AfterFunc(ctx, func() { end(context.Cause(ctx)) })
	node, err := gossip.Start(living, cfg)
	if started() || err != nil {
		return node, err
	}
	node.Close()
	return nil, context.Cause(ctx)
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

// follower prints what an agent's node delivers.
type follower struct {
	agent  *agent.Agent
	out    *printer
	quiet  bool // no messages
	events bool
	kept   bool // what the node has said is in a data directory

	input     <-chan error // the end of what the node is given to say
	stopAtEOF bool
	count     int // how many messages are enough, or 0

	unconfirmed error // of leaving; see leave

	messages <-chan item[hub.Entry]
	printed  int
}

// run prints until ctx ends, which is no error, or there is enough, and leaves the
// network in good order. It does not wait for a write that is stuck.
func (f *follower) run(ctx context.Context) error {
	reading, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	if !f.quiet {
		f.messages = pump(reading, f.agent.Messages().Last(math.MaxInt))
	}
	stuck, err := f.followUnlessStuck(ctx, reading)
	if stuck {
		return f.leave(errStuck)
	}
	atEOF := errors.Is(err, errEOF)
	if atEOF {
		err = nil
	}
	left := inBackground(func() error { return f.leave(err) })
	for atEOF && f.messages != nil && f.out.err == nil {
		f.nextMessage(<-f.messages)
	}
	return errors.Join(<-left, f.out.err)
}

// leave ends the node. That nobody has confirmed what it said is set aside if that is kept.
func (f *follower) leave(err error) error {
	left := leave(f.agent.Node(), leaveTimeout, nil)
	if f.kept && errors.Is(left, gossip.ErrUnconfirmed) {
		f.unconfirmed, left = left, nil
	}
	return errors.Join(err, left)
}

var (
	errEOF   = errors.New("the input has ended")
	errStuck = errors.New("nobody reads what is printed: the rest of it is lost")
)

// stuckAfter is how long what is being printed may take once nothing more is to be.
const stuckAfter = time.Second

// followUnlessStuck follows; stuck is that it does not end with ctx, since it writes to
// somebody who does not read. Then what it prints with is not to be touched.
func (f *follower) followUnlessStuck(ctx, reading context.Context) (stuck bool, err error) {
	followed := inBackground(func() error { return f.follow(ctx, reading) })
	select {
	case err := <-followed:
		return false, err
	case <-ctx.Done():
	}
	select {
	case err := <-followed:
		return false, err
	case <-time.After(stuckAfter):
		return true, nil
	}
}

func (f *follower) follow(ctx, reading context.Context) error {
	var events <-chan item[hub.Event]
	if f.events {
		events = pump(reading, f.agent.Events().Last(math.MaxInt))
	}
	for f.out.err == nil && (f.count == 0 || f.printed < f.count) {
		select {
		case m := <-f.messages:
			f.nextMessage(m)
		case e := <-events:
			if e.kind == ended {
				events = nil
				continue
			}
			f.out.event(e.entry.Event)
		case <-f.agent.Done():
			return gossip.ErrClosed
		case err := <-f.input:
			f.input = nil
			switch {
			case ctx.Err() != nil:
				return nil
			case err != nil:
				return err
			case f.stopAtEOF:
				return errEOF
			}
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

// nextMessage prints a message, or notes that there are no more.
func (f *follower) nextMessage(m item[hub.Entry]) {
	if m.kind == ended {
		f.messages = nil
		return
	}
	f.out.missed(api.Missed{Missed: m.missed})
	f.out.message(m.entry.Message)
	f.printed++
}

// item is what a reader read.
type item[T any] struct {
	kind   itemKind
	entry  T
	missed uint64 // before it
}

type itemKind int

// ended is the kind of an item that a closed channel yields.
const (
	ended itemKind = iota
	read
)

// pump hands over what a reader reads, until ctx ends or there is no more.
func pump[T any](ctx context.Context, r *hub.Reader[T]) <-chan item[T] {
	items := make(chan item[T])
	go func() {
		defer close(items)
		defer r.Close()
		for {
			e, missed, err := r.Next(ctx)
			if err != nil {
				return
			}
			select {
			case items <- item[T]{read, e, missed}:
			case <-ctx.Done():
				return
			}
		}
	}()
	return items
}
