package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

const (
	// leaseBeats is how many heartbeats may be missed: one may be late, and two are bad
	// luck. A guess, and what most systems do.
	leaseBeats = 3
	// ticksPerBeat is how often leases are looked at.
	ticksPerBeat = 10
	shortestBeat = 50 * time.Millisecond
	longestBeat  = 20 * time.Second
	mostMembers  = 4096
)

// Change says that somebody is here, or is not any more.
type Change struct {
	Name   string
	Online bool
	Why    string
	At     time.Time
}

// Service knows who is online. All members of a network tell each other, again and again;
// who does not is gone when its lease has run out.
type Service struct {
	node    *gossip.Node
	beat    time.Duration
	changes func(Change)

	mu      sync.Mutex
	members map[string]*member
	refused int           // members that there was no room for
	changed chan struct{} // closed and replaced with every change

	leave chan chan error
	hung  chan struct{} // closed to have the service hang, for the demo
	done  chan struct{} // closed when it has ended
}

type member struct {
	incarnation uint64
	until       time.Time // by this process's clock: no two have to agree
	why         string    // it will be gone then
	doubted     bool
	doubt       vclock.Clock // of the message that said so
	answered    time.Time    // a doubt, for the last time
}

// news is what members tell each other.
type news struct {
	Kind  kind
	Lease time.Duration // of here
	Name  string        // of who is doubted, and which life of it
	Life  uint64
}

type kind string

const (
	here  kind = "here"  // for as long as the lease lasts
	bye   kind = "bye"   // no more
	doubt kind = "doubt" // a link to somebody is gone: does it still live?
)

// Enter makes this process known as online, with a heartbeat so often. It calls changes,
// which must not block, for whatever it learns.
func Enter(ctx context.Context, cfg gossip.Config, beat time.Duration, changes func(Change)) (*Service, error) {
	if beat < shortestBeat || beat > longestBeat {
		return nil, fmt.Errorf("a beat of %v is not in the range of %v to %v", beat, shortestBeat, longestBeat)
	}
	// Who joins gets the heartbeats whose leases still run from the logs, and so knows
	// everybody at once. Older ones are of no use, but a node that was cut off for a few
	// seconds should not have to report that it missed them.
	cfg.Retention = max(10*time.Second, 2*leaseBeats*beat)
	cfg.History = gossip.Retained
	// A bye must not be overtaken by an older heartbeat, and whether a heartbeat answers
	// a doubt is told by their clocks.
	cfg.Order = gossip.Causal
	node, err := gossip.Start(ctx, cfg)
	if err != nil {
		return nil, err
	}
	s := &Service{
		node: node, beat: beat, changes: changes, members: map[string]*member{},
		changed: make(chan struct{}), leave: make(chan chan error), hung: make(chan struct{}), done: make(chan struct{}),
	}
	go s.run()
	return s, nil
}

// Leave says goodbye, and returns when a neighbour has heard it.
func (s *Service) Leave(ctx context.Context) (err error) {
	said := make(chan error)
	select {
	case s.leave <- said: // the one who says here says bye, so that no here comes after it
		err = <-said
	case <-s.done:
	case <-ctx.Done():
		err = ctx.Err()
	}
	err = errors.Join(err, s.node.Leave(ctx))
	<-s.done
	return err
}

// Online returns the names of who is here as far as this process knows, itself included.
func (s *Service) Online() (names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name := range s.members {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Await returns when cond holds. It looks whenever something has changed.
func (s *Service) Await(ctx context.Context, cond func() bool) error {
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

func (s *Service) run() {
	defer close(s.done)
	ticks := time.NewTicker(s.beat / ticksPerBeat)
	defer ticks.Stop()
	events := s.node.Events()
	var next time.Time // when the next heartbeat is due
	last := time.Now() // when leases were last looked at
	for {
		select {
		case m, ok := <-s.node.Messages():
			if !ok {
				return
			}
			if s.heed(m, time.Now()) {
				next = time.Time{} // somebody doubts this process: at once
			}
		case e := <-events:
			if e.Kind == gossip.LinkDown {
				s.lost(e.Peer)
			}
		case now := <-ticks.C:
			s.expire(now, now.Sub(last)-s.beat/ticksPerBeat)
			last = now
			if now.Before(next) {
				continue
			}
			next = now.Add(s.beat)
			_ = s.tellSoon(news{Kind: here, Lease: leaseBeats * s.beat})
		case said := <-s.leave:
			said <- s.tellSoon(news{Kind: bye})
			ticks.Stop()
		case <-s.hung:
			<-s.node.Done()
			return
		}
	}
}

// tellSoon gives up after a beat. What was not told then is made up for: by the next
// heartbeat, and by the end of the lease.
func (s *Service) tellSoon(n news) error {
	ctx, cancel := context.WithTimeout(context.Background(), s.beat)
	defer cancel()
	payload, err := json.Marshal(n)
	if err != nil {
		return err
	}
	_, err = s.node.Broadcast(ctx, payload)
	return err
}

// lost asks everybody, and above all the peer itself, when a link to it is gone. A crash
// is seen in this way long before the lease runs out; but links end for other reasons
// too, so that the peer may say that it lives. While many links are rearranged, one answer
// in a beat is enough.
func (s *Service) lost(p gossip.Peer) {
	s.mu.Lock()
	m := s.members[p.ID]
	ask := m != nil && m.incarnation == p.Incarnation && !m.doubted && time.Since(m.answered) > s.beat
	s.mu.Unlock()
	if ask {
		_ = s.tellSoon(news{Kind: doubt, Name: p.ID, Life: p.Incarnation})
	}
}

// heed takes what a member tells, and reports whether this process has to answer.
func (s *Service) heed(m gossip.Message, now time.Time) (answer bool) {
	var n news
	if json.Unmarshal(m.Payload, &n) != nil {
		return false
	}
	self := s.node.Self()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch n.Kind {
	case here:
		s.here(m, n, now)
	case bye:
		if x := s.members[m.ID.Origin]; x != nil && x.incarnation == m.ID.Incarnation {
			s.gone(m.ID.Origin, "left", now)
		}
	case doubt:
		if n.Name == self.ID && n.Life == self.Incarnation {
			return true
		}
		s.doubt(m, n, now)
	}
	return false
}

// here renews a lease. It has run since the heartbeat was sent, not since it came.
func (s *Service) here(m gossip.Message, n news, now time.Time) {
	left := min(n.Lease, leaseBeats*longestBeat) - m.Age
	x := s.members[m.ID.Origin]
	if left <= 0 || x != nil && m.ID.Incarnation < x.incarnation { // the latter from an earlier life
		return
	}
	if x == nil && len(s.members) >= mostMembers {
		s.refused++
		return
	}
	renewed := &member{incarnation: m.ID.Incarnation, until: now.Add(left), why: "its lease ran out"}
	if x != nil && x.incarnation == renewed.incarnation {
		renewed.answered = x.answered
		if x.doubted {
			if !x.doubt.HappenedBefore(m.Clock) {
				return // sent before it knew of the doubt: it says nothing about now
			}
			renewed.answered = now
		}
	}
	s.members[m.ID.Origin] = renewed
	if x == nil {
		s.tellChange(Change{Name: m.ID.Origin, Online: true, Why: "is here", At: now})
	}
	s.wake()
}

// doubt leaves a member the time of a beat to say that it lives.
func (s *Service) doubt(m gossip.Message, n news, now time.Time) {
	x := s.members[n.Name]
	if x == nil || x.incarnation != n.Life || x.doubted || m.Age > leaseBeats*s.beat {
		return
	}
	x.doubted, x.doubt = true, m.Clock
	if grace := now.Add(s.beat); grace.Before(x.until) {
		x.until, x.why = grace, "a link to it is gone, and it does not answer"
	}
	s.wake()
}

// expire lets go of those whose lease is over. If this process is late itself, having had
// no processor for a while, it may just not have read their heartbeats yet: it gives them
// that time.
func (s *Service) expire(now time.Time, late time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var over []string
	for name, m := range s.members {
		if late > s.beat/2 {
			m.until = m.until.Add(late)
		}
		if !now.Before(m.until) {
			over = append(over, name)
		}
	}
	slices.SortFunc(over, cmp.Compare[string])
	for _, name := range over {
		s.gone(name, s.members[name].why, now)
	}
}

func (s *Service) gone(name, why string, now time.Time) {
	delete(s.members, name)
	s.tellChange(Change{Name: name, Why: why, At: now})
	s.wake()
}

func (s *Service) tellChange(c Change) {
	if s.changes != nil {
		s.changes(c)
	}
}

func (s *Service) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}
