package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestDemo plays the example at small scale, on real sockets.
func TestDemo(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var out strings.Builder
	r, err := demo(ctx, &out, options{replicas: 4, writes: 10, retain: time.Second})
	t.Log(out.String())
	if err != nil {
		t.Fatal(err)
	}
	for i, n := range r.conflicts {
		if n != 1 {
			t.Errorf("replica %d knows of %d conflicts, of one that there was", i, n)
		}
	}
	if r.again != 2 {
		t.Errorf("the late replica has %d flags by having been told again, want 2", r.again)
	}
	if len(r.stores) != 5 {
		t.Fatalf("%d replicas, want 5", len(r.stores))
	}
	for i, s := range r.stores {
		if !maps.Equal(s, r.stores[0]) {
			t.Errorf("replica %d has %v, the first one %v", i, s, r.stores[0])
		}
		if want := 2 + 5 + 5; len(s) != want {
			t.Errorf("replica %d has %d flags, want %d", i, len(s), want)
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	if _, err := demo(t.Context(), io.Discard, options{replicas: 1, writes: 10, retain: time.Second}); err == nil {
		t.Error("one replica was taken for two networks")
	}
}

// write makes a write of the only flag by somebody who knew of the others.
func write(origin string, seq uint64, knew ...Write) Write {
	var c vclock.Clock
	for _, k := range knew {
		c = c.Merge(k.clock)
	}
	w := Write{Flag: "f", Value: fmt.Sprint(origin, seq), ID: gossip.MessageID{Origin: origin, Seq: seq}}
	w.clock = c.With(vclock.Origin{Name: origin}, seq)
	w.Clock, _ = w.clock.MarshalBinary()
	return w
}

func newStore() *Store {
	return &Store{flags: map[string]*setting{}, changed: make(chan struct{}), every: time.Second}
}

// TestAnyOrderOfArrivalIsAsGood: also for three writes that a rule for each two would send
// round in a circle: c knew of a, b of neither; names would put b before a and c before b.
func TestAnyOrderOfArrivalIsAsGood(t *testing.T) {
	a := write("z", 1)
	b := write("y", 1)
	c := write("x", 1, a)
	d := write("y", 2, b, c)
	for name, writes := range map[string][]Write{"a circle": {a, b, c}, "one knew of all": {a, b, c, d}} {
		won := map[string]bool{}
		for range 50 {
			s := newStore()
			for _, i := range rand.Perm(len(writes)) {
				s.merge(writes[i], true, time.Now())
				s.merge(writes[i], true, time.Now()) // told again
			}
			v, _ := s.Get("f")
			won[v] = true
		}
		if len(won) != 1 {
			t.Errorf("%s: the value is one of %v, by the order of arrival", name, won)
		}
		if name == "one knew of all" && !won[d.Value] {
			t.Errorf("%v won over a write whose writer knew of it", won)
		}
	}
}

// TestConflictsAreThoseOfConcurrentWrites: and of no others; and each is told once.
func TestConflictsAreThoseOfConcurrentWrites(t *testing.T) {
	a := write("a", 1)
	s := newStore()
	s.merge(a, false, time.Now())
	s.merge(write("b", 1, a), false, time.Now())
	if len(s.conflicts) != 0 {
		t.Errorf("a write after another is taken for a conflict: %v", s.conflicts)
	}
	other := write("c", 1)
	for range 3 {
		s.merge(other, true, time.Now())
	}
	if len(s.conflicts) != 1 {
		t.Errorf("%d conflicts, want one", len(s.conflicts))
	}
}

// TestOneTellsAgainForAll: what somebody has just told is left alone, and what nobody has
// told for long is not.
func TestOneTellsAgainForAll(t *testing.T) {
	s, a, now := newStore(), write("a", 1), time.Now()
	s.merge(a, false, now)
	if n := len(s.longUntold(now.Add(s.every / 2))); n != 0 {
		t.Errorf("%d writes to tell again, too early", n)
	}
	if n := len(s.longUntold(now.Add(s.every))); n != 1 {
		t.Errorf("%d writes to tell again, want one", n)
	}
	s.merge(a, true, now.Add(s.every/2)) // by somebody else
	if n := len(s.longUntold(now.Add(s.every))); n != 0 {
		t.Errorf("%d writes to tell again, though somebody has", n)
	}
}

// TestLongClocksAreToldInMoreMessages: what is too long for one message is told all the same.
func TestLongClocksAreToldInMoreMessages(t *testing.T) {
	s, err := Open(t.Context(), gossip.Config{MaxPayload: 1000, Logger: slog.New(slog.DiscardHandler)}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { s.node.Close(); <-s.done }()
	var writes []Write
	for i := range 20 {
		w := write("a", uint64(i+1))
		w.Flag = fmt.Sprint("f", i)
		writes = append(writes, w)
	}
	if err := s.tell(t.Context(), writes); err != nil {
		t.Fatal(err)
	}
	if err := s.Await(t.Context(), func() bool { return len(s.All()) == len(writes) }); err != nil {
		t.Fatal(err)
	}
}

// TestAStoreIsBounded: in what its own process sets, and in what others tell.
func TestAStoreIsBounded(t *testing.T) {
	s := newStore()
	for i := range 3 * mostFlags {
		w := write("a", uint64(i+1))
		w.Flag = fmt.Sprint(i)
		s.merge(w, false, time.Now())
	}
	if len(s.flags) != 2*mostFlags || s.refused != mostFlags {
		t.Errorf("%d flags, %d refused", len(s.flags), s.refused)
	}
	if err := s.Set(t.Context(), "one more", ""); err != ErrFull {
		t.Errorf("Set: %v, want ErrFull", err)
	}
	for i := range 2 * mostConflicts {
		s.conflict(Conflict{Won: write("a", uint64(i))})
	}
	if len(s.conflicts) != mostConflicts {
		t.Errorf("%d conflicts are kept", len(s.conflicts))
	}
}

// TestWhatIsMalformedIsRefused: by Set before it is sent, and when somebody sends it.
func TestWhatIsMalformedIsRefused(t *testing.T) {
	s, err := Open(t.Context(), gossip.Config{Logger: slog.New(slog.DiscardHandler)}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { s.node.Close(); <-s.done }()
	long := strings.Repeat("x", mostValue+1)
	for _, x := range [][2]string{{"", ""}, {long, ""}, {"f", long}} {
		if err := s.Set(t.Context(), x[0], x[1]); err != ErrTooLong {
			t.Errorf("Set of %d and %d bytes: %v, want ErrTooLong", len(x[0]), len(x[1]), err)
		}
	}
	for i, bad := range []string{"no JSON", `[{"Flag":""}]`, `[{"Flag":"f","Clock":"AAAA"}]`, `[{"Flag":"f","Value":"` + long + `"}]`} {
		s.node.Broadcast(t.Context(), []byte(bad))
		if err := s.Await(t.Context(), func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.refused == i+1 }); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.All()) != 0 {
		t.Errorf("taken: %v", s.All())
	}
}
