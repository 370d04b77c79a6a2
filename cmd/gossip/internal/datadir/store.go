package datadir

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
)

const (
	// queueLimit bounds what waits to be written, in bytes: a few seconds of what a
	// node can deliver.
	queueLimit = 64 << 20
	// opCost is what an operation takes in the queue besides its data.
	opCost = 100
	// lazily is how long what nobody waits for may stay unwritten.
	lazily = 100 * time.Millisecond
	// batchLimit is how much goes into one transaction, in bytes.
	batchLimit = 4 << 20
	// retryEvery is how long after a failure the writing is tried again.
	retryEvery = time.Second
)

// errClosed: the directory was closed.
var errClosed = errors.New("the data directory is closed")

// Store keeps a node's records; it is a gossip.Store. One goroutine writes, in the order
// in which it was told, as much at a time as there is: so all who wait for the disk at
// one time wait for one write.
type Store struct {
	db   *bolt.DB
	file string

	mu      sync.Mutex
	queue   []operation
	bytes   int
	queued  uint64        // operations, ever
	written uint64        // of them
	wanted  uint64        // up to which somebody waits
	err     error         // of the last attempt to write
	due     time.Time     // when to write although nobody waits, if there is something to write
	changed chan struct{} // closed when written or err has changed
	closed  bool
	next    uint64 // the place of the next record
	size    Size

	wake chan struct{}
	done chan struct{}
}

var _ gossip.Store = (*Store)(nil)

// operation is a record to keep, or ids to forget.
type operation struct {
	record gossip.Record
	forget []gossip.MessageID
}

func (o *operation) cost() int {
	n := opCost + len(o.record.Data) + len(o.record.ID.Origin)
	for _, id := range o.forget {
		n += opCost + len(id.Origin)
	}
	return n
}

// Size is what a store holds and has done.
type Size struct {
	QueuedBytes int
	Batches     uint64 // written
	Operations  uint64 // in them
	Failures    uint64 // attempts to write that failed
}

func newStore(db *bolt.DB, file string) *Store {
	s := &Store{
		db: db, file: file, changed: make(chan struct{}),
		wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	db.View(func(tx *bolt.Tx) error {
		if last, _ := tx.Bucket(recordsBucket).Cursor().Last(); last != nil {
			s.next = binary.BigEndian.Uint64(last) + 1
		}
		return nil
	})
	go s.write()
	return s
}

// Append queues a record.
func (s *Store) Append(r gossip.Record) error { return s.enqueue(operation{record: r}) }

// Forget queues that records are not needed any more. It always finds room, since the
// node does not say it twice: there are no more of them than records.
func (s *Store) Forget(ids []gossip.MessageID) {
	if len(ids) > 0 {
		s.enqueue(operation{forget: ids})
	}
}

func (s *Store) enqueue(o operation) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	cost := o.cost()
	switch {
	case s.closed:
		return errClosed
	case o.forget == nil && s.bytes+cost > queueLimit && s.bytes > 0:
		if s.err != nil {
			return s.err
		}
		return fmt.Errorf("%s: %d bytes wait to be written, the disk is too slow", s.file, s.bytes)
	}
	if len(s.queue) == 0 {
		s.due = time.Now().Add(lazily)
	}
	s.queue = append(s.queue, o)
	s.bytes += cost
	s.queued++
	s.rouse()
	return nil
}

func (s *Store) rouse() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Sync returns when everything that was queued before is on the disk.
func (s *Store) Sync(ctx context.Context) error {
	s.mu.Lock()
	want := s.queued
	s.wanted = max(s.wanted, want)
	s.err = nil // of an attempt before this one
	s.rouse()
	for s.written < want {
		err, changed := s.err, s.changed
		if err == nil && s.closed {
			err = errClosed
		}
		s.mu.Unlock()
		if err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		s.mu.Lock()
	}
	s.mu.Unlock()
	return nil
}

// write is the goroutine that writes, until the store is closed.
func (s *Store) write() {
	defer close(s.done)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		batch, wait, end := s.take()
		switch {
		case end:
			return
		case len(batch) > 0:
			s.wrote(len(batch), guarded(s.file, func() error { return s.commit(batch) }))
			continue
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-s.wake:
		}
	}
}

// take returns what is to be written now; if that is nothing, how long to wait, unless
// there is something to do before.
func (s *Store) take() (batch []operation, wait time.Duration, end bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	late := time.Until(s.due)
	switch {
	case s.closed && (len(s.queue) == 0 || s.err != nil): // it was tried
		return nil, 0, true
	case len(s.queue) == 0:
		return nil, time.Hour, false
	case s.err != nil && late > 0, s.wanted <= s.written && s.bytes < batchLimit && !s.closed && late > 0:
		return nil, late, false
	}
	n, size := 0, 0
	for n < len(s.queue) && (n == 0 || size < batchLimit) {
		size += s.queue[n].cost()
		n++
	}
	return s.queue[:n], 0, false
}

// wrote takes what became of the first n operations.
func (s *Store) wrote(n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
	s.due = time.Now().Add(lazily)
	if err != nil {
		s.due = time.Now().Add(retryEvery)
		s.size.Failures++
	} else {
		for i := range n {
			s.bytes -= s.queue[i].cost()
			s.queue[i] = operation{}
		}
		s.queue = s.queue[n:]
		if len(s.queue) == 0 {
			s.queue = nil
		}
		s.written += uint64(n)
		s.size.Batches++
		s.size.Operations += uint64(n)
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

// commit writes operations in one transaction: all of them are there after a crash, or
// none.
func (s *Store) commit(batch []operation) error {
	next := s.next
	err := s.db.Update(func(tx *bolt.Tx) error {
		records, places := tx.Bucket(recordsBucket), tx.Bucket(placesBucket)
		records.FillPercent = 1 // they come in order
		for i := range batch {
			if err := apply(records, places, &batch[i], &next); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("writing to %s: %w", s.file, err)
	}
	s.next = next
	return nil
}

func apply(records, places *bolt.Bucket, o *operation, next *uint64) error {
	for _, id := range o.forget {
		key := idKey(id)
		if place := places.Get(key); place != nil {
			if err := errors.Join(records.Delete(place), places.Delete(key)); err != nil {
				return err
			}
		}
	}
	if len(o.forget) > 0 {
		return nil
	}
	key, place := idKey(o.record.ID), placeKey(*next)
	if places.Get(key) != nil {
		return nil // written before a failure that it was not told of
	}
	*next++
	return errors.Join(records.Put(place, encode(&o.record)), places.Put(key, place))
}

// Records yields what is kept, in order.
func (s *Store) Records() iter.Seq2[gossip.Record, error] {
	return func(yield func(gossip.Record, error) bool) {
		stopped := false
		err := guarded(s.file, func() error {
			return s.db.View(func(tx *bolt.Tx) error {
				c := tx.Bucket(recordsBucket).Cursor()
				for k, v := c.First(); k != nil; k, v = c.Next() {
					r, err := decode(v)
					if err != nil {
						return &DamagedError{s.file, fmt.Errorf("record %x: %w", k, err)}
					}
					if !yield(r, nil) {
						stopped = true
						return nil
					}
				}
				return nil
			})
		})
		if err != nil && !stopped {
			yield(gossip.Record{}, err)
		}
	}
}

// Size tells what the store holds and has done.
func (s *Store) Size() Size {
	s.mu.Lock()
	defer s.mu.Unlock()
	size := s.size
	size.QueuedBytes = s.bytes
	return size
}

// close writes what is queued, if that can be done.
func (s *Store) close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.err = nil
	s.rouse()
	s.mu.Unlock()
	<-s.done
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) > 0 {
		return fmt.Errorf("%d records were not written: %w", len(s.queue), s.err)
	}
	return nil
}
