package hub

import (
	"context"
	"errors"
	"iter"
	"sync"
)

// ErrClosed: nothing more will be added.
var ErrClosed = errors.New("hub: closed")

// Log keeps the latest of what is added to it, up to a cost, and always the very
// latest. Its methods may be called by any goroutine.
type Log[T any] struct {
	limit   int
	cost    func(*T) int
	added   func(*T, uint64) // told of each entry and its place, if not nil
	dropped func(*T)         // told of each entry that makes room, if not nil

	mu      sync.Mutex
	entries []T // a ring
	head    int // of the oldest entry in it
	count   int
	first   uint64        // the place of the oldest, counting from the first ever added
	used    int           // the cost of what is kept
	grown   chan struct{} // closed when something was added
	closed  bool
	readers int
}

// NewLog returns a log that keeps entries up to a limit of what cost says they cost.
func NewLog[T any](limit int, cost func(*T) int) *Log[T] {
	return &Log[T]{limit: limit, cost: cost, grown: make(chan struct{})}
}

// Add adds an entry; the oldest make room for it. After Close it does nothing.
func (l *Log[T]) Add(e T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	l.used += l.cost(&e)
	for l.count > 0 && l.used > l.limit {
		l.drop()
	}
	l.push(e)
	close(l.grown)
	l.grown = make(chan struct{})
}

func (l *Log[T]) drop() {
	e := &l.entries[l.head]
	l.used -= l.cost(e)
	if l.dropped != nil {
		l.dropped(e)
	}
	clear(l.entries[l.head : l.head+1])
	l.head = (l.head + 1) % len(l.entries)
	l.count--
	l.first++
}

func (l *Log[T]) push(e T) {
	if l.count == len(l.entries) {
		larger := make([]T, max(16, 2*l.count))
		for i := range l.count {
			larger[i] = *l.at(i)
		}
		l.entries, l.head = larger, 0
	}
	if l.added != nil {
		l.added(&e, l.first+uint64(l.count))
	}
	l.count++
	*l.at(l.count - 1) = e
}

func (l *Log[T]) at(i int) *T { return &l.entries[(l.head+i)%len(l.entries)] }

// Close tells readers that there is no more once they have read what there is.
func (l *Log[T]) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.closed = true
		close(l.grown)
	}
}

// Stats is what a log holds.
type Stats struct {
	Entries, Cost int
	Readers       int    // that have not been closed
	Dropped       uint64 // entries that made room for later ones
}

// Stats returns what the log holds.
func (l *Log[T]) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Stats{l.count, l.used, l.readers, l.first}
}

// Latest yields up to n of the latest entries, oldest first, as they were when it was
// called.
func (l *Log[T]) Latest(n int) iter.Seq[T] {
	l.mu.Lock()
	defer l.mu.Unlock()
	latest := make([]T, 0, max(0, min(n, l.count)))
	for i := l.count - cap(latest); i < l.count; i++ {
		latest = append(latest, *l.at(i))
	}
	return func(yield func(T) bool) {
		for _, e := range latest {
			if !yield(e) {
				return
			}
		}
	}
}

// A Reader reads a log from some place on. It is for one goroutine at a time.
type Reader[T any] struct {
	log  *Log[T]
	next uint64
	done bool
}

// Last returns a reader of up to n of the latest entries and of what is added. With
// 0 that is what is added from now on.
func (l *Log[T]) Last(n int) *Reader[T] {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.reader(l.first + uint64(l.count-max(0, min(n, l.count))))
}

func (l *Log[T]) reader(next uint64) *Reader[T] {
	l.readers++
	return &Reader[T]{log: l, next: next}
}

// Next waits for the next entry. missed is how many the reader would have been given
// before it, had they still been there. Errors: ErrClosed, and the cause of ctx.
func (r *Reader[T]) Next(ctx context.Context) (e T, missed uint64, err error) {
	for {
		e, missed, grown, err := r.take()
		if grown == nil {
			return e, missed, err
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return e, 0, context.Cause(ctx)
		}
	}
}

// Ready reports whether Next would return at once.
func (r *Reader[T]) Ready() bool {
	l := r.log
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed || r.next < l.first+uint64(l.count)
}

// take returns the next entry, or what to wait for.
func (r *Reader[T]) take() (e T, missed uint64, grown <-chan struct{}, err error) {
	l := r.log
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case r.next < l.first:
		missed, r.next = l.first-r.next, l.first // the latest is always kept
	case r.next < l.first+uint64(l.count):
	case l.closed:
		return e, 0, nil, ErrClosed
	default:
		return e, 0, l.grown, nil
	}
	e = *l.at(int(r.next - l.first))
	r.next++
	return e, missed, nil, nil
}

// Close ends a reader.
func (r *Reader[T]) Close() {
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	if !r.done {
		r.done = true
		r.log.readers--
	}
}
