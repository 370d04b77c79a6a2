package delegate

import (
	"context"
	"sync"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
)

// Delegate gets what other nodes have broadcast. A type that implements some of the
// interfaces below gets more. All calls come from one goroutine, one after the other;
// they may call the node and a Queue.
type Delegate interface {
	// NotifyMsg is called with each payload in the order of gossip.Config.Order, and
	// not with the node's own. The slice is the callee's to keep.
	NotifyMsg(payload []byte)
}

// Messages gets messages with all that comes with them, instead of NotifyMsg, and the
// node's own too, in their place in the order.
type Messages interface{ NotifyMessage(m gossip.Message) }

// Neighbours hears of the node's own links. That one is down does not mean that the
// peer is, nor that it has left.
type Neighbours interface {
	NotifyUp(p gossip.Peer)
	NotifyDown(p gossip.Peer)
}

// Sightings hears once of each life of a node that this one meets: since there is a
// link to it, since it has come into the view, or since a message of its making was
// delivered (then without an address). Of the last MaxSeen that were met it knows that
// they were; others are met again.
type Sightings interface{ NotifySeen(p gossip.Peer) }

// Losses hears of messages that this application does not get: some of an origin's can
// no longer be had, or one was dropped because calls took too long. Events that find no
// room are not told of (gossip.Node.Events); Stats counts all.
type Losses interface {
	NotifyGap(origin gossip.Peer, from, to uint64)
	NotifyOverflow(origin gossip.Peer, seq uint64)
}

// Conflicts hears of another live node with this one's ID.
type Conflicts interface{ NotifyConflict(other gossip.Peer) }

// MaxSeen is how many lives of nodes are known to have been seen: as many as a node
// remembers origins.
const MaxSeen = 65536

// Run calls d until ctx ends, and returns its cause, or until the node closes, and
// returns gossip.ErrClosed. It is the only reader of the node's Messages, and of its
// Events if d has a use for them.
func Run(ctx context.Context, node *gossip.Node, d Delegate) error {
	r := runner{self: node.Self()}
	r.bind(d)
	ctx, stop := context.WithCancelCause(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop(nil)
	var events <-chan gossip.Event
	if r.wantsEvents() {
		events = node.Events()
	}
	var fresh chan gossip.Peer
	if r.seen != nil {
		fresh = make(chan gossip.Peer)
		wg.Go(func() { watchView(ctx, node, fresh) })
	}
	for {
		select {
		case m, open := <-node.Messages():
			if !open {
				return gossip.ErrClosed
			}
			r.message(m)
		case e := <-events:
			r.event(e)
		case p := <-fresh:
			r.sight(p)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// watchView hands over who comes into the view.
func watchView(ctx context.Context, node *gossip.Node, fresh chan<- gossip.Peer) {
	for p := range node.FreshSamples(ctx) {
		select {
		case fresh <- p:
		case <-ctx.Done():
			return
		}
	}
}

// runner is what Run calls.
type runner struct {
	self       gossip.Peer
	delegate   Delegate
	messages   Messages // nil, as are the others, if the delegate does not want them
	neighbours Neighbours
	losses     Losses
	conflicts  Conflicts
	sightings  Sightings
	seen       *memory[life]
}

// life names one life of a node.
type life struct {
	id          string
	incarnation uint64
}

func (r *runner) bind(d Delegate) {
	r.delegate = d
	r.messages, _ = d.(Messages)
	r.neighbours, _ = d.(Neighbours)
	r.losses, _ = d.(Losses)
	r.conflicts, _ = d.(Conflicts)
	if r.sightings, _ = d.(Sightings); r.sightings != nil {
		r.seen = newMemory[life](MaxSeen)
		r.seen.add(life{r.self.ID, r.self.Incarnation})
	}
}

func (r *runner) wantsEvents() bool {
	return r.neighbours != nil || r.losses != nil || r.conflicts != nil || r.sightings != nil
}

func (r *runner) message(m gossip.Message) {
	r.sight(gossip.Peer{ID: m.ID.Origin, Incarnation: m.ID.Incarnation})
	switch {
	case r.messages != nil:
		r.messages.NotifyMessage(m)
	case m.ID.Origin != r.self.ID: // of no life of this node
		r.delegate.NotifyMsg(m.Payload)
	}
}

func (r *runner) event(e gossip.Event) {
	switch e.Kind {
	case gossip.LinkUp:
		r.sight(e.Peer)
		if r.neighbours != nil {
			r.neighbours.NotifyUp(e.Peer)
		}
	case gossip.LinkDown:
		if r.neighbours != nil {
			r.neighbours.NotifyDown(e.Peer)
		}
	case gossip.Gap:
		if r.losses != nil {
			r.losses.NotifyGap(e.Peer, e.From, e.To)
		}
	case gossip.Overflow:
		if r.losses != nil {
			r.losses.NotifyOverflow(e.Peer, e.From)
		}
	case gossip.Conflict:
		if r.conflicts != nil {
			r.conflicts.NotifyConflict(e.Peer)
		}
	}
}

func (r *runner) sight(p gossip.Peer) {
	if r.seen != nil && r.seen.add(life{p.ID, p.Incarnation}) {
		r.sightings.NotifySeen(p)
	}
}

// memory knows the last so many things that it was told of.
type memory[T comparable] struct {
	known map[T]struct{}
	order []T // a ring once it is full
	next  int // the oldest then
	limit int
}

func newMemory[T comparable](limit int) *memory[T] {
	return &memory[T]{known: make(map[T]struct{}), limit: limit}
}

// add reports whether it was new.
func (m *memory[T]) add(x T) bool {
	if _, known := m.known[x]; known {
		return false
	}
	m.known[x] = struct{}{}
	if len(m.order) < m.limit {
		m.order = append(m.order, x)
		return true
	}
	delete(m.known, m.order[m.next])
	m.order[m.next] = x
	m.next = (m.next + 1) % m.limit
	return true
}
