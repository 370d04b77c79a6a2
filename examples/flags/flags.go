package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// What a store takes. Guesses: a large shop has some hundred flags.
const (
	mostFlags     = 1000
	mostName      = 128
	mostValue     = 1024
	mostConflicts = 100
	mostBatch     = 100 // writes in a message
)

// Errors of Set.
var (
	ErrTooLong = fmt.Errorf("a flag's name has 1 to %d bytes, its value at most %d", mostName, mostValue)
	ErrFull    = fmt.Errorf("there are %d flags already", mostFlags)
)

// Write is one setting of one flag. It stays as it is however often it is told.
type Write struct {
	Flag, Value string
	ID          gossip.MessageID // of the message that brought it first
	Clock       []byte           // that message's, in the form that leaves nothing out
	clock       vclock.Clock
}

// Conflict is two writes of one flag, neither of whose writers could know of the other.
type Conflict struct{ Won, Lost Write }

// Store is a replica of all flags. Replicas that have had the same writes hold the same
// values, in whatever order the writes came.
type Store struct {
	node  *gossip.Node
	every time.Duration // between two tellings of a write

	mu        sync.Mutex
	flags     map[string]*setting
	conflicts []Conflict    // the last mostConflicts
	own       uint64        // the last of this node's own messages that was heeded
	refused   int           // writes of more flags than there is room for, or not readable
	changed   chan struct{} // closed and replaced with every change
	done      chan struct{} // closed when nothing comes any more
}

type setting struct {
	Write
	told  time.Time // when somebody last told everybody of it
	again bool      // it came here by being told again, not when it was set
}

// Open starts a replica. Its network keeps messages for the time retain, and tells every
// write again before its last telling is gone, so who joins gets every flag with the
// logs, however long ago it was set. All replicas must use the same.
func Open(ctx context.Context, cfg gossip.Config, retain time.Duration) (*Store, error) {
	cfg.Retention = retain
	cfg.History = gossip.Retained
	node, err := gossip.Start(ctx, cfg)
	if err != nil {
		return nil, err
	}
	s := &Store{
		node: node, every: retain / 4, flags: map[string]*setting{},
		changed: make(chan struct{}), done: make(chan struct{}),
	}
	go s.run()
	return s, nil
}

// Close leaves the network, and returns when a neighbour has all that was set here.
func (s *Store) Close(ctx context.Context) error {
	err := s.node.Leave(ctx)
	<-s.done
	return err
}

// Get returns a flag's value as far as this replica knows, at once and without the network.
func (s *Store) Get(name string) (value string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.flags[name]; f != nil {
		return f.Value, true
	}
	return "", false
}

// All returns all flags.
func (s *Store) All() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(map[string]string, len(s.flags))
	for name, f := range s.flags {
		all[name] = f.Value
	}
	return all
}

// Conflicts returns the last concurrent writes that this replica has seen.
func (s *Store) Conflicts() []Conflict {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.conflicts)
}

// Set sets a flag, and returns once it is set here. The others learn of it as soon as
// they can be reached.
func (s *Store) Set(ctx context.Context, name, value string) error {
	if name == "" || len(name) > mostName || len(value) > mostValue {
		return ErrTooLong
	}
	s.mu.Lock()
	full := s.flags[name] == nil && len(s.flags) >= mostFlags
	s.mu.Unlock()
	if full {
		return ErrFull
	}
	// Who sets it, and what he knew of, says the message itself.
	id, err := s.broadcast(ctx, []Write{{Flag: name, Value: value}})
	if err != nil {
		return err
	}
	// A node's own messages come to it in their place in the order, so that this replica
	// treats the write as all others do.
	return s.Await(ctx, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.own >= id.Seq
	})
}

// Await returns when cond holds. It looks whenever something has changed.
func (s *Store) Await(ctx context.Context, cond func() bool) error {
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		if cond() {
			return nil
		}
		select {
		case <-changed:
		case <-s.done:
			return gossip.ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (s *Store) broadcast(ctx context.Context, writes []Write) (gossip.MessageID, error) {
	payload, err := json.Marshal(writes)
	if err != nil {
		return gossip.MessageID{}, err
	}
	return s.node.Broadcast(ctx, payload)
}

// run heeds what is told until the node is closed.
func (s *Store) run() {
	defer close(s.done)
	// Not all replicas should notice at the same moment that a write is to be told again:
	// the first to notice saves the others the trouble.
	pause := func() time.Duration { return s.every + rand.N(s.every) }
	again := time.NewTimer(pause())
	defer again.Stop()
	for {
		select {
		case m, ok := <-s.node.Messages():
			if !ok {
				return
			}
			s.heed(m)
		case <-again.C:
			s.tellAgain(time.Now())
			again.Reset(pause())
		}
	}
}

func (s *Store) heed(m gossip.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if self := s.node.Self(); m.ID.Origin == self.ID && m.ID.Incarnation == self.Incarnation {
		s.own = m.ID.Seq
	}
	var writes []Write
	if err := json.Unmarshal(m.Payload, &writes); err != nil || len(writes) > mostBatch {
		s.refused++
	}
	for _, w := range writes[:min(len(writes), mostBatch)] {
		again := w.Clock != nil
		if err := w.complete(m); err != nil {
			s.refused++
			continue
		}
		s.merge(w, again, time.Now())
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

// complete takes what a new write does not say from the message that brings it.
func (w *Write) complete(m gossip.Message) (err error) {
	if w.Flag == "" || len(w.Flag) > mostName || len(w.Value) > mostValue {
		return ErrTooLong
	}
	if w.Clock != nil {
		return w.clock.UnmarshalBinary(w.Clock)
	}
	w.ID, w.clock = m.ID, m.Clock
	w.Clock, err = m.Clock.MarshalBinary()
	return err
}

// merge keeps the newer of the write and the one that is there. It may be told the same
// as often as one likes.
func (s *Store) merge(w Write, again bool, now time.Time) {
	f := s.flags[w.Flag]
	switch {
	case f == nil && len(s.flags) >= 2*mostFlags: // replicas that were apart may have set more than each would alone
		s.refused++
	case f == nil:
		s.flags[w.Flag] = &setting{w, now, again}
	case f.ID == w.ID:
		f.told = now
	default:
		older, newer := inOrder(f.Write, w)
		if w.clock.Compare(f.clock) == vclock.Concurrent {
			s.conflict(Conflict{Won: newer, Lost: older})
		}
		if newer.ID == w.ID {
			*f = setting{w, now, again}
		}
	}
}

// inOrder puts two writes into an order that is the same everywhere, and in which no write
// comes before one that its writer knew of. Which of two concurrent writes is the newer
// does not matter, but it must follow from one order of all writes. A rule for each two,
// such as "what happened later, else the greater name", can go round in a circle with
// three, and replicas that get them in different orders end up with different values.
func inOrder(a, b Write) (older, newer Write) {
	pair := []Write{a, b}
	slices.SortFunc(pair, func(a, b Write) int {
		return cmp.Or(cmp.Compare(a.ID.Origin, b.ID.Origin), cmp.Compare(a.ID.Incarnation, b.ID.Incarnation), cmp.Compare(a.ID.Seq, b.ID.Seq))
	})
	vclock.Sort(pair, func(w Write) vclock.Clock { return w.clock }) // leaves those of the same rank as they are
	return pair[0], pair[1]
}

func (s *Store) conflict(c Conflict) {
	known := func(k Conflict) bool { return k.Won.ID == c.Won.ID && k.Lost.ID == c.Lost.ID }
	if slices.ContainsFunc(s.conflicts, known) {
		return
	}
	if len(s.conflicts) == mostConflicts {
		s.conflicts = slices.Delete(s.conflicts, 0, 1)
	}
	s.conflicts = append(s.conflicts, c)
}

// tellAgain tells everybody of the writes that nobody has told of for long. A replica looks
// at least once in two of these times, so that three pass at most, of the four for which
// the network keeps a message.
func (s *Store) tellAgain(now time.Time) {
	ctx, cancel := context.WithTimeout(context.Background(), s.every)
	defer cancel()
	for batch := range slices.Chunk(s.longUntold(now), mostBatch) {
		if err := s.tell(ctx, batch); err != nil {
			return // closed, or the log is full: the next time, or somebody else
		}
	}
}

// tell tells everybody, in as many messages as it takes: clocks are long where many nodes
// have spoken lately.
func (s *Store) tell(ctx context.Context, writes []Write) error {
	_, err := s.broadcast(ctx, writes)
	if half := len(writes) / 2; half > 0 && errors.Is(err, gossip.ErrPayloadTooLong) {
		return errors.Join(s.tell(ctx, writes[:half]), s.tell(ctx, writes[half:]))
	}
	return err
}

func (s *Store) longUntold(now time.Time) (writes []Write) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.flags {
		if now.Sub(f.told) >= s.every {
			writes = append(writes, f.Write)
		}
	}
	return writes
}
