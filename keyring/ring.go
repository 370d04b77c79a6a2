package keyring

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/Ishan27gOrg/gossipProtocol/internal/changes"
)

// MaxKeys bounds a ring. A change of keys needs two; a guess that leaves room
// for a few that overlap, and keeps what is derived from each of them small.
const MaxKeys = 16

// Why a change of a ring is refused. The ring is then as it was.
var (
	ErrUnknown   = errors.New("no such key on the ring")
	ErrPrimary   = errors.New("it is the primary; use another one first")
	ErrFull      = fmt.Errorf("the ring has %d keys, which is the most; remove one first", MaxKeys)
	ErrCollision = errors.New("another key has the same ID; make a new one")
)

// Ring is a set of keys, one of them the primary. It is safe for concurrent
// use, and reading takes no lock. Make one with [New], [Read], [Load] or
// [FromEnv]; the zero Ring has no key, and what needs one refuses it.
type Ring struct {
	mu      sync.Mutex // held by whoever changes the ring
	state   atomic.Pointer[state]
	changes changes.Feed
}

// state is never changed, only replaced. Being behind an atomic pointer also
// keeps it from package fmt, which follows other pointers if the verb is wrong.
type state struct {
	version uint64
	keys    []keyedID // the primary, then the others by ID; no two with one ID
}

type keyedID struct {
	id  ID
	key Key
}

// New makes a ring. It refuses more than [MaxKeys] keys, a key twice, and a key
// of zeros.
func New(primary Key, accepted ...Key) (*Ring, error) {
	r, err := newRing(append([]Key{primary}, accepted...))
	if err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	return r, nil
}

func newRing(from []Key) (*Ring, error) {
	switch {
	case len(from) == 0:
		return nil, errors.New("there is no key")
	case len(from) > MaxKeys:
		return nil, fmt.Errorf("%d keys; at most %d are allowed", len(from), MaxKeys)
	}
	var keys []keyedID
	for _, k := range from {
		keys = append(keys, k.entry())
	}
	for i, e := range keys {
		if e.key.isZero() {
			return nil, errZero
		}
		if at := indexOf(keys[:i], e.id); at >= 0 {
			if keys[at].key.equal(e.key) {
				return nil, fmt.Errorf("key %v is there twice", e.id)
			}
			return nil, fmt.Errorf("key %v: %w", e.id, ErrCollision)
		}
	}
	sortAccepted(keys)
	r := new(Ring)
	r.state.Store(&state{version: 1, keys: keys})
	return r, nil
}

func sortAccepted(keys []keyedID) {
	slices.SortFunc(keys[1:], func(a, b keyedID) int { return cmp.Compare(a.id, b.id) })
}

func indexOf(keys []keyedID, id ID) int {
	return slices.IndexFunc(keys, func(e keyedID) bool { return e.id == id })
}

// Add makes the ring accept a key. Adding one that is there changes nothing. On
// a ring without keys it becomes the primary.
func (r *Ring) Add(k Key) error {
	if k.isZero() {
		return fmt.Errorf("keyring: %w", errZero)
	}
	return r.change("add", k.ID(), func(keys []keyedID, at int) ([]keyedID, error) {
		switch {
		case at >= 0 && keys[at].key.equal(k):
			return keys, nil
		case at >= 0:
			return nil, ErrCollision
		case len(keys) == MaxKeys:
			return nil, ErrFull
		}
		return append(keys, k.entry()), nil
	})
}

// Use makes a key of the ring the primary. The primary until then stays accepted.
func (r *Ring) Use(id ID) error {
	return r.change("use", id, func(keys []keyedID, at int) ([]keyedID, error) {
		if at < 0 {
			return nil, ErrUnknown
		}
		keys[0], keys[at] = keys[at], keys[0]
		return keys, nil
	})
}

// Remove makes the ring no longer accept a key.
func (r *Ring) Remove(id ID) error {
	return r.change("remove", id, func(keys []keyedID, at int) ([]keyedID, error) {
		switch at {
		case -1:
			return nil, ErrUnknown
		case 0:
			return nil, ErrPrimary
		}
		return slices.Delete(keys, at, at+1), nil
	})
}

// change applies f to a copy of the keys, in which the one with id is at at, or
// nowhere: -1.
func (r *Ring) change(verb string, id ID, f func(keys []keyedID, at int) ([]keyedID, error)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	keys := slices.Clone(r.now().keys)
	keys, err := f(keys, indexOf(keys, id))
	if err != nil {
		return fmt.Errorf("keyring: %s key %v: %w", verb, id, err)
	}
	r.set(keys)
	return nil
}

// Replace makes the ring what the other one is now. A ring without keys
// replaces nothing.
func (r *Ring) Replace(other *Ring) {
	keys := other.now().keys
	if len(keys) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.set(slices.Clone(keys))
}

// set publishes keys, unless they are those that there are. The caller holds mu.
func (r *Ring) set(keys []keyedID) {
	sortAccepted(keys)
	was := r.now()
	if slices.EqualFunc(was.keys, keys, func(a, b keyedID) bool { return a.id == b.id && a.key.equal(b.key) }) {
		return
	}
	r.state.Store(&state{version: was.version + 1, keys: keys})
	r.changes.Tell()
}

// now is what there is; a state without keys for the zero Ring.
func (r *Ring) now() *state {
	if s := r.state.Load(); s != nil {
		return s
	}
	return new(state)
}

// Primary is the ID of the key in use; 0 on a ring without keys.
func (r *Ring) Primary() ID {
	if s := r.now(); len(s.keys) > 0 {
		return s.keys[0].id
	}
	return 0
}

// IDs lists the primary's ID, then the others' in order.
func (r *Ring) IDs() []ID {
	s := r.now()
	ids := make([]ID, len(s.keys))
	for i, e := range s.keys {
		ids[i] = e.id
	}
	return ids
}

// Has reports whether the ring accepts a key.
func (r *Ring) Has(id ID) bool { return indexOf(r.now().keys, id) >= 0 }

// Keys lists the keys in the order of [Ring.IDs].
func (r *Ring) Keys() []Key {
	s := r.now()
	keys := make([]Key, len(s.keys))
	for i, e := range s.keys {
		keys[i] = e.key
	}
	return keys
}

// Key is the key of that ID, if the ring accepts it.
func (r *Ring) Key(id ID) (Key, bool) {
	s := r.now()
	if at := indexOf(s.keys, id); at >= 0 {
		return s.keys[at].key, true
	}
	return Key{}, false
}

// Version is another number after each change. Who keeps what he derived from
// the keys asks for it first, then for the keys: if they change in between, he
// has the new ones with the old number, and looks once more than needed.
func (r *Ring) Version() uint64 { return r.now().version }

// Changes answers a channel that holds a value once the ring has changed since
// it was last received from. It is never closed; stop ends it.
func (r *Ring) Changes() (changed <-chan struct{}, stop func()) { return r.changes.Subscribe() }

// String tells the IDs.
func (r *Ring) String() string {
	ids := r.IDs()
	if len(ids) == 0 {
		return "keyring without keys"
	}
	return fmt.Sprintf("keyring using %v, accepting %v", ids[0], ids[1:])
}

// LogValue is what package slog shows.
func (r *Ring) LogValue() slog.Value { return slog.StringValue(r.String()) }
