package api

import (
	"container/list"
	"context"
	"crypto/sha256"
	"errors"
	"sync"

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

func newOnce(keep int) *once {
	return &once{keep: keep, keys: make(map[string]*list.Element), latest: list.New()}
}

// do calls broadcast unless that was done for the key already; then it returns what
// came of it, and true. A call that failed does not count.
func (o *once) do(ctx context.Context, key string, payload []byte, broadcast func() (gossip.MessageID, error)) (id gossip.MessageID, again bool, err error) {
	sum := sha256.Sum256(payload)
	for {
		a, first := o.attempt(key, sum)
		if first {
			a.id, a.err = broadcast()
			if a.err != nil {
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
		if a.err == nil {
			return a.id, true, nil
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
