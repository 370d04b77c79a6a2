package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestDemo plays the example at small scale, on real sockets. How long things take is for
// TestLeases to judge: here it depends on who else uses the machine.
func TestDemo(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var out strings.Builder
	beat := 300 * time.Millisecond
	r, err := demo(ctx, &out, options{members: 5, beat: beat})
	t.Log(out.String())
	if err != nil {
		t.Fatal(err)
	}
	if r.falseAlarms > 0 {
		t.Log("this machine is so busy that heartbeats come too late: nothing else is judged")
		return
	}
	if r.left <= 0 || r.crashed < beat || r.hung < beat {
		t.Errorf("left after %v, crashed %v, hung %v: a crash leaves the time of a beat to answer", r.left, r.crashed, r.hung)
	}
	if r.refuted < 4 {
		t.Errorf("%d members heard that a doubted one lives, want 4", r.refuted)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	if _, err := demo(t.Context(), io.Discard, options{members: 1, beat: time.Second}); err == nil {
		t.Error("one member was taken")
	}
	for _, beat := range []time.Duration{0, time.Hour} {
		if _, err := Enter(t.Context(), gossip.Config{}, beat, nil); err == nil {
			t.Errorf("a beat of %v was taken", beat)
		}
	}
}

// TestAcrossAPartition: those who cannot reach each other do not see each other, and do
// when they can.
func TestAcrossAPartition(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	w := &world{beat: 100 * time.Millisecond, seen: map[string][]Change{}}
	defer w.close()
	sees := func(names ...string) func(*Service) bool {
		return func(s *Service) bool { return slices.Equal(s.Online(), names) }
	}
	for _, name := range []string{"a", "b"} {
		s := enter(t, ctx, name, w.beat)
		w.members = append(w.members, s)
		if err := s.Await(ctx, func() bool { return sees(name)(s) }); err != nil {
			t.Fatalf("%s does not see itself alone: %v", name, err)
		}
	}
	if err := w.members[1].node.Join(ctx, w.members[0].node.Self().Addr); err != nil {
		t.Fatal(err)
	}
	if err := w.await(ctx, sees("a", "b")); err != nil {
		t.Error("after they met: ", err)
	}
}

func enter(t *testing.T, ctx context.Context, name string, beat time.Duration, join ...string) *Service {
	t.Helper()
	s, err := Enter(ctx, gossip.Config{ID: name, Join: join, Logger: slog.New(slog.DiscardHandler)}, beat, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestABrokenLinkIsDoubted: at once, when most of the lease is still to come.
func TestABrokenLinkIsDoubted(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	const beat = 5 * time.Second
	a := enter(t, ctx, "a", beat)
	defer func() { a.node.Close(); <-a.done }()
	b := enter(t, ctx, "b", beat, a.node.Self().Addr)
	if err := a.Await(ctx, func() bool { return len(a.Online()) == 2 }); err != nil {
		t.Fatal(err)
	}
	if err := a.node.Ready(ctx); err != nil { // b may be known from a repair, when no link is left to break
		t.Fatal(err)
	}
	b.node.Close() // as a crash
	<-b.done
	doubted := func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.members["b"] != nil && a.members["b"].doubted
	}
	if err := a.Await(ctx, doubted); err != nil {
		t.Error(err)
	}
}

// stage is a service whose messages and time a test makes up.
type stage struct {
	*Service
	t   *testing.T
	now time.Time
}

func newStage(t *testing.T) *stage {
	node, err := gossip.Start(t.Context(), gossip.Config{ID: "self", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { node.Close() })
	return &stage{t: t, now: time.Now(), Service: &Service{
		node: node, beat: time.Second, members: map[string]*member{}, changed: make(chan struct{}),
	}}
}

// tell has a member say something after it heard of past, and returns the clock of that.
func (s *stage) tell(who string, life uint64, age time.Duration, past vclock.Clock, n news) vclock.Clock {
	payload, _ := json.Marshal(n)
	o := vclock.Origin{Name: who, Incarnation: life}
	clock := past.With(o, past.At(o)+1)
	s.heed(gossip.Message{ID: gossip.MessageID{Origin: who, Incarnation: life}, Payload: payload, Clock: clock, Age: age}, s.now)
	return clock
}

func (s *stage) here(who string, life uint64, age time.Duration, past vclock.Clock) vclock.Clock {
	return s.tell(who, life, age, past, news{Kind: here, Lease: 3 * time.Second})
}

// after lets time pass, and says who must be online then.
func (s *stage) after(d time.Duration, why string, want ...string) {
	s.t.Helper()
	s.now = s.now.Add(d)
	s.expire(s.now, 0)
	if got := s.Online(); !slices.Equal(got, want) {
		s.t.Errorf("%s: online are %v, want %v", why, got, want)
	}
}

func TestLeases(t *testing.T) {
	var none vclock.Clock
	t.Run("a lease ends", func(t *testing.T) {
		s := newStage(t)
		s.here("a", 1, 0, none)
		s.after(2900*time.Millisecond, "two heartbeats may be missed", "a")
		s.after(100*time.Millisecond, "three may not")
	})
	t.Run("a heartbeat counts from when it was sent", func(t *testing.T) {
		s := newStage(t)
		s.here("a", 1, 2*time.Second, none)
		s.here("b", 1, time.Minute, none) // out of a log, or from behind a partition
		s.after(900*time.Millisecond, "it was two seconds under way", "a")
		s.after(100*time.Millisecond, "its lease is over")
	})
	t.Run("a goodbye", func(t *testing.T) {
		s := newStage(t)
		s.here("a", 2, 0, none)
		s.tell("a", 1, 0, none, news{Kind: bye})
		s.after(0, "an earlier life has left", "a")
		s.tell("a", 2, 0, none, news{Kind: bye})
		s.after(0, "it has left")
	})
	t.Run("a restart", func(t *testing.T) {
		s := newStage(t)
		s.here("a", 2, 0, none)
		s.after(2*time.Second, "it is here", "a")
		s.here("a", 1, 0, none)
		s.after(time.Second, "an earlier life's heartbeat renews nothing")
	})
	t.Run("nobody stays for long by one heartbeat", func(t *testing.T) {
		s := newStage(t)
		s.tell("a", 1, 0, none, news{Kind: here, Lease: 1000 * time.Hour})
		s.after(leaseBeats*longestBeat-1, "a long lease", "a")
		s.after(1, "but not that long")
	})
}

// TestWhoWasLateAccusesNobody: the heartbeats may be there, and not read yet.
func TestWhoWasLateAccusesNobody(t *testing.T) {
	s := newStage(t)
	s.here("a", 1, 0, vclock.Clock{})
	s.expire(s.now.Add(5*time.Second), 5*time.Second)
	s.after(5*time.Second, "this process had no processor for as long", "a")
	s.after(3*time.Second, "and has one now")
}

func TestDoubts(t *testing.T) {
	var none vclock.Clock
	doubtA := news{Kind: doubt, Name: "a", Life: 1}
	t.Run("no answer", func(t *testing.T) {
		s := newStage(t)
		s.here("a", 1, 0, none)
		s.tell("b", 1, 0, none, doubtA)
		s.after(900*time.Millisecond, "there is a beat's time to answer", "a")
		s.after(100*time.Millisecond, "there was no answer")
	})
	t.Run("an answer", func(t *testing.T) {
		s := newStage(t)
		s.here("a", 1, 0, none)
		doubted := s.tell("b", 1, 0, none, doubtA)
		s.here("a", 1, 0, doubted)
		s.after(2*time.Second, "it has heard of the doubt, and lives", "a")
	})
	t.Run("after an answer", func(t *testing.T) {
		s := newStage(t)
		first := s.here("a", 1, 0, none)
		s.lost(gossip.Peer{ID: "a", Incarnation: 1})
		asked := s.node.Clock()
		if asked.Len() != 1 {
			t.Error("a link was lost, and nobody asked")
		}
		doubted := s.tell("b", 1, 0, first, doubtA)
		s.here("a", 1, 0, doubted)
		s.lost(gossip.Peer{ID: "a", Incarnation: 1})
		if !s.node.Clock().Equal(asked) {
			t.Error("asked again, right after an answer")
		}
	})
	t.Run("a heartbeat from before the doubt", func(t *testing.T) {
		s := newStage(t)
		first := s.here("a", 1, 0, none)
		s.tell("b", 1, 0, first, doubtA)
		s.here("a", 1, 0, first) // beside the doubt: it may have crashed right afterwards
		s.after(time.Second, "that is no answer")
	})
	t.Run("of another life", func(t *testing.T) {
		s := newStage(t)
		s.here("a", 2, 0, none)
		s.tell("b", 1, 0, none, doubtA)
		s.after(time.Second, "the doubt is about an earlier life", "a")
	})
	t.Run("of a while ago", func(t *testing.T) {
		s := newStage(t)
		s.here("a", 1, 0, none)
		s.tell("b", 1, time.Minute, none, doubtA)
		s.after(time.Second, "it has lived since", "a")
	})
	t.Run("of oneself", func(t *testing.T) {
		s := newStage(t)
		self := s.node.Self()
		payload, _ := json.Marshal(news{Kind: doubt, Name: self.ID, Life: self.Incarnation})
		if !s.heed(gossip.Message{Payload: payload}, s.now) {
			t.Error("is not answered")
		}
	})
}

func TestMembersAreBounded(t *testing.T) {
	s := newStage(t)
	for i := range mostMembers + 10 {
		s.here(fmt.Sprint("m", i), 1, 0, vclock.Clock{})
	}
	if n := len(s.Online()); n != mostMembers || s.refused != 10 {
		t.Errorf("%d members, %d refused", n, s.refused)
	}
}
