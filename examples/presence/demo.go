package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
	"github.com/Ishan27gOrg/gossipProtocol/keyring"
)

type options struct {
	members int
	beat    time.Duration
}

// world is the members, and what they have seen of each other.
type world struct {
	beat    time.Duration
	keys    *keyring.Ring
	members []*Service // those that run

	mu   sync.Mutex
	seen map[string][]Change // of each member, by all others
}

// result is how long it took until all had seen something.
type result struct {
	left, crashed, hung, joined time.Duration
	falseAlarms                 int // that somebody is gone who is not
	refuted                     int // members that heard a doubted one say that it lives
}

func demo(ctx context.Context, out io.Writer, o options) (r result, err error) {
	if o.members < 5 || o.members > 50 || o.beat < 100*time.Millisecond || o.beat > 5*time.Second {
		return r, errors.New("allowed: 5 to 50 members, a beat of 100ms to 5s")
	}
	w := &world{beat: o.beat, seen: map[string][]Change{}}
	defer w.close()
	if w.keys, err = keyring.New(keyring.NewKey()); err != nil { // elsewhere: the same file on every host
		return r, err
	}
	fmt.Fprintf(out, "A heartbeat every %v, leases of %v\n\n", o.beat, leaseBeats*o.beat)
	for i := range o.members {
		if err := w.enter(ctx, fmt.Sprint("member-", i+1)); err != nil {
			return r, err
		}
	}
	if err := w.await(ctx, func(s *Service) bool { return len(s.Online()) == o.members }); err != nil {
		return r, err
	}
	fmt.Fprintf(out, "%d members are here, and all know it\n", o.members)
	steps := []func(context.Context, io.Writer, *result) error{w.falseAlarm, w.leave, w.crash, w.hang, w.join}
	for _, step := range steps {
		if err := step(ctx, out, &r); err != nil {
			return r, err
		}
	}
	r.falseAlarms = w.alarms()
	fmt.Fprintf(out, "\nIn the end all agree on %v; %d times was somebody taken for gone who was not\n", w.members[0].Online(), r.falseAlarms)
	return r, nil
}

func (w *world) enter(ctx context.Context, name string) error {
	cfg := gossip.Config{ID: name, Keyring: w.keys}
	if len(w.members) > 0 {
		cfg.Join = []string{w.members[0].node.Self().Addr}
	}
	s, err := Enter(ctx, cfg, w.beat, func(c Change) {
		if c.Name == name {
			return // of itself
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.seen[c.Name] = append(w.seen[c.Name], c)
	})
	if err != nil {
		return err
	}
	w.members = append(w.members, s)
	if len(w.members) == 1 {
		return nil // nobody to wait for
	}
	return s.node.Ready(ctx)
}

func (w *world) close() {
	for _, s := range w.members {
		s.node.Close()
		<-s.done
	}
}

// await returns when cond holds at all members.
func (w *world) await(ctx context.Context, cond func(*Service) bool) error {
	for _, s := range w.members {
		if err := s.Await(ctx, func() bool { return cond(s) }); err != nil {
			return fmt.Errorf("%s: %w", s.node.Self().ID, err)
		}
	}
	return nil
}

// drop takes the last member out of those that run, once all see it.
func (w *world) drop(ctx context.Context) (*Service, error) {
	last := len(w.members) - 1
	s := w.members[last]
	sees := func(o *Service) bool { return slices.Contains(o.Online(), s.node.Self().ID) }
	if err := w.await(ctx, sees); err != nil {
		return nil, err
	}
	w.members = slices.Delete(w.members, last, last+1)
	return s, nil
}

// untilGone returns how long after a moment the first and the last of the others saw
// somebody gone, and why it was.
func (w *world) untilGone(ctx context.Context, name string, since time.Time) (first, last time.Duration, why string, err error) {
	err = w.await(ctx, func(s *Service) bool { return !slices.Contains(s.Online(), name) })
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.seen[name] {
		if c.Online || c.At.Before(since) {
			continue
		}
		d := c.At.Sub(since)
		if why == "" || d < first {
			first = d
		}
		last, why = max(last, d), c.Why
	}
	return first, last, why, err
}

// falseAlarm has one member doubt another that lives, as when a link between them breaks.
func (w *world) falseAlarm(ctx context.Context, out io.Writer, r *result) error {
	doubted := w.members[2].node.Self()
	before := time.Now()
	if err := w.members[1].tellSoon(news{Kind: doubt, Name: doubted.ID, Life: doubted.Incarnation}); err != nil {
		return err
	}
	// All have heard the answer, but for the one who gave it; or this machine is so busy
	// that the answer came too late for somebody.
	heard := func(s *Service) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		m := s.members[doubted.ID]
		return m != nil && m.answered.After(before)
	}
	if err := w.await(ctx, func(s *Service) bool {
		return heard(s) || s.node.Self().ID == doubted.ID || w.alarms() > 0
	}); err != nil {
		return err
	}
	for _, s := range w.members {
		if heard(s) {
			r.refuted++
		}
	}
	fmt.Fprintf(out, "%s is doubted, and says that it lives: %d others heard it; somebody alive was given up %d times\n", doubted.ID, r.refuted, w.alarms())
	return nil
}

func (w *world) leave(ctx context.Context, out io.Writer, r *result) error {
	s, err := w.drop(ctx)
	if err != nil {
		return err
	}
	begin := time.Now()
	if err := s.Leave(ctx); err != nil {
		return err
	}
	return w.report(ctx, out, "leaves", s, begin, &r.left)
}

func (w *world) crash(ctx context.Context, out io.Writer, r *result) error {
	s, err := w.drop(ctx)
	if err != nil {
		return err
	}
	begin := time.Now()
	s.node.Close() // as the system closes the sockets of a process that is killed
	return w.report(ctx, out, "crashes", s, begin, &r.crashed)
}

func (w *world) hang(ctx context.Context, out io.Writer, r *result) error {
	s, err := w.drop(ctx)
	if err != nil {
		return err
	}
	begin := time.Now()
	close(s.hung) // its links go on, as those of a host without power seem to for a while
	err = w.report(ctx, out, "hangs", s, begin, &r.hung)
	s.node.Close()
	return err
}

func (w *world) report(ctx context.Context, out io.Writer, what string, s *Service, begin time.Time, longest *time.Duration) error {
	name := s.node.Self().ID
	first, last, why, err := w.untilGone(ctx, name, begin)
	if err != nil {
		return err
	}
	*longest = last
	fmt.Fprintf(out, "%s %s: seen as gone after %v by the first, %v by the last (%s)\n", name, what, short(first), short(last), why)
	return nil
}

func (w *world) join(ctx context.Context, out io.Writer, r *result) error {
	begin := time.Now()
	if err := w.enter(ctx, "late"); err != nil {
		return err
	}
	count := len(w.members)
	late := w.members[count-1]
	if err := late.Await(ctx, func() bool { return len(late.Online()) >= count }); err != nil {
		return err
	}
	r.joined = time.Since(begin)
	fmt.Fprintf(out, "late comes, and knows all %d after %v\n", count, short(r.joined))
	return w.await(ctx, func(s *Service) bool { return len(s.Online()) == count })
}

// alarms counts how often somebody was seen as gone who runs.
func (w *world) alarms() (count int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.members {
		for _, c := range w.seen[s.node.Self().ID] {
			if !c.Online {
				count++
			}
		}
	}
	return count
}

func short(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }
