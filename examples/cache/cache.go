package main

import (
	"context"
	"sync"
	"time"
)

// Store is what is behind the servers: the truth, and slower than a cache.
type Store interface {
	Get(ctx context.Context, key string) (Value, error)
	// Put returns the version that the value has become, counted for each key from 1.
	Put(ctx context.Context, key string, data []byte) (version uint64, err error)
}

// Value is what the store has under a key.
type Value struct {
	Data    []byte
	Version uint64
}

// Cache keeps what it has read from a store until it is told that it has changed,
// and for no longer than a time to live: the bound on staleness where nobody can
// tell it, as in a partition.
type Cache struct {
	store Store
	most  int
	ttl   time.Duration

	mu      sync.Mutex
	entries map[string]entry
	reads   map[string]*read // of the store, under way
}

type entry struct {
	value Value
	until time.Time
}

// read is one or several reads of a key from the store that are under way. If the key
// is invalidated meanwhile, what they bring may be from before the write.
type read struct {
	readers   int
	overtaken bool
}

// NewCache returns a cache of at most that many values.
func NewCache(store Store, most int, ttl time.Duration) *Cache {
	return &Cache{store: store, most: most, ttl: ttl, entries: map[string]entry{}, reads: map[string]*read{}}
}

// Get returns the value, and whether it was in the cache.
func (c *Cache) Get(ctx context.Context, key string) (v Value, hit bool, err error) {
	c.mu.Lock()
	if e, ok := c.entries[key]; ok && time.Now().Before(e.until) {
		c.mu.Unlock()
		return e.value, true, nil
	}
	r := c.reads[key]
	if r == nil {
		r = &read{}
		c.reads[key] = r
	}
	r.readers++
	c.mu.Unlock()

	v, err = c.store.Get(ctx, key)

	c.mu.Lock()
	defer c.mu.Unlock()
	if r.readers--; r.readers == 0 && c.reads[key] == r {
		delete(c.reads, key)
	}
	if err == nil && !r.overtaken {
		c.keep(key, v)
	}
	return v, false, err
}

// keep makes room by dropping any other value. Which one hardly matters here; a cache
// that is always full would rather drop the one that nobody asks for.
func (c *Cache) keep(key string, v Value) {
	if _, ok := c.entries[key]; !ok && len(c.entries) >= c.most {
		for other := range c.entries {
			delete(c.entries, other)
			break
		}
	}
	c.entries[key] = entry{v, time.Now().Add(c.ttl)}
}

// Invalidate makes sure that whoever asks from now on gets what the store has now, or later.
func (c *Cache) Invalidate(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.entries, key)
	if r := c.reads[key]; r != nil {
		// It may have seen the store before the write, and would put the old value
		// back right after this, to stay.
		r.overtaken = true
		delete(c.reads, key)
	}
}

// Flush invalidates everything.
func (c *Cache) Flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.entries)
	for _, r := range c.reads {
		r.overtaken = true
	}
	clear(c.reads)
}
