package delegate

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
)

// Broadcast is something to be said, with memberlist's methods.
type Broadcast interface {
	// Invalidates reports whether this one, which is new, makes b, which has not been
	// sent, superfluous. It must not call the queue.
	Invalidates(b Broadcast) bool
	// Message returns the payload.
	Message() []byte
	// Finished is called once, when the queue is done with it: the node has it, or a
	// newer one has taken its place, or it was given up.
	Finished()
}

// QueueConfig describes a queue.
type QueueConfig struct {
	// Limit is how many broadcasts may wait. Zero: 1,024, a guess.
	Limit int
	// OnError is called with what the node refused, before its Finished: a payload that
	// is too long, or everything once the node is closed. Nil: it is only counted.
	OnError func(b Broadcast, err error)
}

// ErrQueueFull: as many broadcasts wait as may.
var ErrQueueFull = errors.New("delegate: the queue is full")

// Queue broadcasts in the background, one after the other. Unlike memberlist's it sends
// each once, since the node sees to it that it arrives.
type Queue struct {
	node broadcaster
	cfg  QueueConfig

	mu      sync.Mutex
	waiting []Broadcast
	busy    bool          // one is on its way
	closed  bool          // by Close
	changed chan struct{} // closed and replaced when the above changes
	stats   QueueStats

	cancel context.CancelFunc
	done   chan struct{}
}

// broadcaster is a *gossip.Node.
type broadcaster interface {
	Broadcast(ctx context.Context, payload []byte) (gossip.MessageID, error)
}

// QueueStats is what a queue holds and has done.
type QueueStats struct {
	Waiting     int
	Sent        uint64 // the node has them
	Invalidated uint64 // a newer one took their place
	Refused     uint64 // there was no room
	Failed      uint64 // the node did not take them, or the queue was closed
}

// NewQueue returns a queue that broadcasts by a node. It has a goroutine until it is
// closed.
func NewQueue(node *gossip.Node, cfg QueueConfig) *Queue { return newQueue(node, cfg) }

func newQueue(node broadcaster, cfg QueueConfig) *Queue {
	if cfg.Limit <= 0 {
		cfg.Limit = 1024
	}
	ctx, cancel := context.WithCancel(context.Background())
	q := &Queue{node: node, cfg: cfg, changed: make(chan struct{}), cancel: cancel, done: make(chan struct{})}
	go q.run(ctx)
	return q
}

// QueueBroadcast has b broadcast as soon as those before it are, in the place of all
// that it invalidates. It does not wait. The error is ErrQueueFull, or
// gossip.ErrClosed; then Finished is not called.
func (q *Queue) QueueBroadcast(b Broadcast) error {
	replaced, err := q.put(b)
	for _, old := range replaced {
		old.Finished()
	}
	return err
}

func (q *Queue) put(b Broadcast) (replaced []Broadcast, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return nil, fmt.Errorf("delegate: queue: %w", gossip.ErrClosed)
	}
	var kept []Broadcast
	for _, old := range q.waiting {
		if b.Invalidates(old) {
			replaced = append(replaced, old)
		} else {
			kept = append(kept, old)
		}
	}
	if len(kept) >= q.cfg.Limit {
		q.stats.Refused++
		return nil, fmt.Errorf("%w: %d wait", ErrQueueFull, len(kept))
	}
	q.stats.Invalidated += uint64(len(replaced))
	q.waiting = append(kept, b)
	q.change()
	return replaced, nil
}

// change wakes who waits for a change. The caller has the lock.
func (q *Queue) change() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// NumQueued returns how many broadcasts wait.
func (q *Queue) NumQueued() int { return q.Stats().Waiting }

// Stats returns what the queue holds and has done.
func (q *Queue) Stats() QueueStats {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.stats
	s.Waiting = len(q.waiting)
	return s
}

// Flush returns once the queue has been empty, with the last broadcast done.
func (q *Queue) Flush(ctx context.Context) error {
	for {
		q.mu.Lock()
		empty, changed := len(q.waiting) == 0 && !q.busy, q.changed
		q.mu.Unlock()
		if empty {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Close gives up what waits and returns when the goroutine has ended. Flush before it
// to have all sent. It may be called again, but not from a Broadcast.
func (q *Queue) Close() {
	q.mu.Lock()
	if !q.closed {
		q.closed = true
		q.change()
	}
	q.mu.Unlock()
	q.cancel()
	<-q.done
}

func (q *Queue) run(ctx context.Context) {
	defer close(q.done)
	for {
		b, more := q.next()
		if !more {
			return
		}
		_, err := q.node.Broadcast(ctx, b.Message())
		if err != nil && q.cfg.OnError != nil {
			q.cfg.OnError(b, err)
		}
		b.Finished()
		q.finished(err)
	}
}

// next waits for a broadcast. A queue that is closed hands out the rest too, which the
// node then refuses since ctx has ended.
func (q *Queue) next() (b Broadcast, more bool) {
	q.mu.Lock()
	for len(q.waiting) == 0 && !q.closed {
		changed := q.changed
		q.mu.Unlock()
		<-changed
		q.mu.Lock()
	}
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		return nil, false
	}
	b = q.waiting[0]
	q.waiting[0] = nil
	q.waiting = q.waiting[1:]
	q.busy = true
	return b, true
}

func (q *Queue) finished(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.busy = false
	if err != nil {
		q.stats.Failed++
	} else {
		q.stats.Sent++
	}
	q.change()
}
