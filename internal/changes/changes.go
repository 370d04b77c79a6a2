// Package changes tells whoever wants to know that something has changed, and not what:
// he looks for himself.
package changes

import "sync"

// Feed tells of changes. It is safe for concurrent use; the zero Feed has no
// subscribers.
type Feed struct {
	mu          sync.Mutex
	subscribers map[chan struct{}]struct{}
}

// Subscribe answers a channel that holds a value once something has changed since it
// was last received from. It is never closed; stop ends it.
func (f *Feed) Subscribe() (changed <-chan struct{}, stop func()) {
	c := make(chan struct{}, 1)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.subscribers == nil {
		f.subscribers = make(map[chan struct{}]struct{})
	}
	f.subscribers[c] = struct{}{}
	return c, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.subscribers, c)
	}
}

// Tell tells all subscribers, and waits for none.
func (f *Feed) Tell() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.subscribers {
		select {
		case c <- struct{}{}:
		default: // it has been told and has not looked yet
		}
	}
}

// Len is the number of subscribers.
func (f *Feed) Len() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.subscribers)
}
