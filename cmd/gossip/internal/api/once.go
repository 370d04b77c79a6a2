package api

import (
	"container/list"
	"context"
	"crypto/sha256"
	"errors"
	"sync"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
)

var (
	// errOtherPayload: an idempotency key was used before for something else.
	errOtherPayload = errors.New("this Idempotency-Key was used before with another body: allowed is a new key, or the same body")
)

// once has each idempotency key broadcast once. It remembers the latest keys.
type once struct {
	keep int

	mu     sync.Mutex
	keys   map[string]*list.Element
	latest *list.List // of *attempt, the latest first
}

// attempt is a broadcast under a key. done is closed when id and err are there.
type attempt struct {
	key     string
	payload [sha256.Size]byte
	done    chan struct{}
	id      gossip.MessageID
	err     error
}

// counts reports whether the message has got out, or may have.
func (a *attempt) counts() bool { return a.err == nil || errors.Is(a.err, gossip.ErrNotKept) }

func newOnce(keep int) *once {
	return &once{keep: keep, keys: make(map[string]*list.Element), latest: list.New()}
}

// mostPatience is how long a broadcast may take, under a key whether or not its client
// is still there: less than what a server has for an answer.
const mostPatience = 30 * time.Second

// do calls broadcast unless that was done for the key already; then it returns what
// came of it, and true. A call after which nothing was sent does not count. The end of
// ctx does not end a broadcast that has begun: what had become of it would not be known,
// and a client that comes again would have it broadcast again.
func (o *once) do(ctx context.Context, key string, payload []byte, broadcast func(context.Context) (gossip.MessageID, error)) (id gossip.MessageID, again bool, err error) {
	sum := sha256.Sum256(payload)
	for {
		a, first := o.attempt(key, sum)
		if first {
			finishing, cancel := context.WithTimeout(context.WithoutCancel(ctx), mostPatience)
			a.id, a.err = broadcast(finishing)
			cancel()
			if !a.counts() {
				o.forget(a)
			}
			close(a.done)
			return a.id, false, a.err
		}
		if a.payload != sum {
			return gossip.MessageID{}, false, errOtherPayload
		}
		select {
		case <-a.done:
		case <-ctx.Done():
			return gossip.MessageID{}, false, context.Cause(ctx)
		}
		if a.counts() {
			return a.id, true, a.err
		}
	}
}

// attempt returns what is under way or done for a key, or begins it.
func (o *once) attempt(key string, payload [sha256.Size]byte) (a *attempt, first bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if e := o.keys[key]; e != nil {
		o.latest.MoveToFront(e)
		return e.Value.(*attempt), false
	}
	for o.latest.Len() >= o.keep {
		oldest := o.latest.Back()
		delete(o.keys, o.latest.Remove(oldest).(*attempt).key)
	}
	a = &attempt{key: key, payload: payload, done: make(chan struct{})}
	o.keys[key] = o.latest.PushFront(a)
	return a, true
}

func (o *once) forget(a *attempt) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if e := o.keys[a.key]; e != nil && e.Value == a {
		o.latest.Remove(e)
		delete(o.keys, a.key)
	}
}

// note remembers what was broadcast under a key before this process began.
func (o *once) note(key string, payload []byte, id gossip.MessageID) {
	a, first := o.attempt(key, sha256.Sum256(payload))
	if first {
		a.id = id
		close(a.done)
	}
}
