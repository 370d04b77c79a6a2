package gossip

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/internal/transport"
	"github.com/Ishan27gOrg/gossipProtocol/internal/wire"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// memStore is a Store in memory. It remembers all that it was told, so that a test can
// have the disk of any moment.
type memStore struct {
	mu      sync.Mutex
	calls   []storeCall
	synced  int // of the calls, at the last Sync
	syncs   int
	hold    chan struct{} // Sync waits for it to be closed; nil: it does not wait
	failing error         // of Append
	failed  error         // of Sync
}

// storeCall is an Append, or a Forget.
type storeCall struct {
	record Record
	forget []MessageID
}

func (s *memStore) Append(r Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failing != nil {
		return s.failing
	}
	s.calls = append(s.calls, storeCall{record: r})
	return nil
}

func (s *memStore) Forget(ids []MessageID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, storeCall{forget: ids})
}

func (s *memStore) Sync(ctx context.Context) error {
	s.mu.Lock()
	s.syncs++
	appended, hold := len(s.calls), s.hold
	s.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed != nil {
		return s.failed
	}
	s.synced = max(s.synced, appended)
	return nil
}

func (s *memStore) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// kept is what the first so many calls have left.
func (s *memStore) kept(calls int) (records []Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.calls[:calls] {
		if c.forget == nil {
			records = append(records, c.record)
			continue
		}
		forget := make(map[MessageID]bool, len(c.forget))
		for _, id := range c.forget {
			forget[id] = true
		}
		records = slices.DeleteFunc(records, func(r Record) bool { return forget[r.ID] })
	}
	return records
}

func (s *memStore) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.calls)
}

func (s *memStore) Records() iter.Seq2[Record, error] {
	records := s.kept(s.len())
	return func(yield func(Record, error) bool) {
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// after is the disk as it was after so many calls.
func (s *memStore) after(calls int) *memStore {
	later := new(memStore)
	for _, r := range s.kept(calls) {
		later.calls = append(later.calls, storeCall{record: r})
	}
	return later
}

// read takes so many messages.
func read(t *testing.T, ctx context.Context, n *Node, count int) (list []Message) {
	t.Helper()
	for len(list) < count {
		list = append(list, receive(t, ctx, n))
	}
	return list
}

func texts(list []Message) (all []string) {
	for _, m := range list {
		all = append(all, string(m.Payload))
	}
	return all
}

// A broadcast is accepted when it is on the disk. Others may have it before, the loop
// goes on, and all that wait share what the disk takes.
func TestABroadcastWaitsForTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, config := inMemory(t)
		ctx := within(t, time.Minute)
		store := &memStore{hold: make(chan struct{})}
		b := start(t, config().with("b"))
		cfg := config().with("a")
		cfg.Store, cfg.Join = store, []string{b.Self().Addr}
		a := start(t, cfg)
		defer func() { a.Close(); b.Close() }()
		if err := a.Ready(ctx); err != nil {
			t.Fatal(err)
		}
		const many = 40
		accepted := make(chan error, many)
		for i := range many {
			go func() {
				_, err := a.Broadcast(ctx, []byte(fmt.Sprint("m", i)))
				accepted <- err
			}()
		}
		for _, n := range []*Node{a, b} {
			for _, m := range read(t, ctx, n, many) {
				if m.Restored {
					t.Errorf("%v is said to be restored", m.ID)
				}
			}
		}
		select {
		case err := <-accepted:
			t.Fatalf("a broadcast returned (%v) before the disk had it", err)
		default:
		}
		// Who does not wait any longer is told what that means, and which message it is.
		impatient, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		id, err := a.Broadcast(impatient, []byte("late"))
		if !errors.Is(err, ErrNotKept) || !errors.Is(err, context.DeadlineExceeded) || id.Seq != many+1 {
			t.Errorf("%v, %v; want message %d and ErrNotKept with the cause", id, err, many+1)
		}
		store.set(func() { close(store.hold) })
		for range many {
			if err := <-accepted; err != nil {
				t.Error(err)
			}
		}
		var syncs int
		store.set(func() { syncs = store.syncs })
		if syncs > 3 {
			t.Errorf("%d broadcasts at one time took %d syncs", many, syncs)
		}
		if s := a.Stats(); s.Stored != many+2 || s.StoreErrors != 0 { // with a mark
			t.Errorf("%d stored, %d errors", s.Stored, s.StoreErrors)
		}
	})
}

// What nobody else had got when the process died is in no log but this node's own. Its
// next life spreads it: once, and under its old name.
func TestWhatWasAcceptedAloneIsNotLost(t *testing.T) {
	for _, order := range []Order{Causal, FIFO, Unordered} {
		t.Run(order.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, config := inMemory(t)
				ctx := within(t, time.Hour)
				store := new(memStore)
				cfg := config().with("a")
				cfg.Store, cfg.Order = store, order
				a := start(t, cfg)
				var ids []MessageID
				for i := range 5 {
					id, err := a.Broadcast(ctx, []byte(fmt.Sprint("m", i)))
					if err != nil {
						t.Fatal(err)
					}
					ids = append(ids, id)
				}
				before := read(t, ctx, a, 5)
				a.Close()

				time.Sleep(10 * time.Minute)
				old := config().with("b")
				old.Order = order
				b := start(t, old)
				cfg.Store, cfg.Join = store.after(store.synced), []string{b.Self().Addr}
				a = start(t, cfg)
				defer func() { a.Close(); b.Close() }()
				id, err := a.Broadcast(ctx, []byte("new"))
				if err != nil || id.Incarnation <= ids[0].Incarnation {
					t.Fatal(id, err)
				}
				ids = append(ids, id)
				restored, spread := read(t, ctx, a, 6), read(t, ctx, b, 6)
				for i, m := range restored {
					if m.Restored != (i < 5) || m.ID != ids[i] || m.Hops != 0 {
						t.Errorf("message %d is %v (restored: %v), want %v", i, m.ID, m.Restored, ids[i])
					}
					if i < 5 && (m.Clock.Compare(before[i].Clock) != vclock.Equal || m.Age < 10*time.Minute || m.Age > 11*time.Minute) {
						t.Errorf("%v is restored with %v, %v old; it was sent with %v, ten minutes ago", m.ID, m.Clock, m.Age, before[i].Clock)
					}
				}
				slices.SortFunc(spread, func(x, y Message) int { return strings.Compare(string(x.Payload), string(y.Payload)) })
				for i, m := range spread { // unordered, they come as they like
					if m.ID != ids[i] || m.Restored {
						t.Errorf("b got %v (restored: %v), want %v", m.ID, m.Restored, ids[i])
					}
				}
				if order == Causal && restored[5].Clock.Get("a") != 6 {
					t.Errorf("the new message does not follow the old ones: %v", restored[5].Clock)
				}
				time.Sleep(time.Minute)
				select {
				case m := <-b.Messages():
					t.Errorf("b got %v again", m.ID)
				case m := <-a.Messages():
					t.Errorf("a got %v again", m.ID)
				default:
				}
			})
		})
	}
}

// A node alone may have a whole log of what nobody has; a crash must not make it shorter.
func TestAFullLogIsRestored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, config := inMemory(t)
		ctx := within(t, time.Hour)
		cfg := config().with(strings.Repeat("long-name-", 12))
		store := new(memStore)
		cfg.Store, cfg.MaxPayload, cfg.LogBytes = store, 64, 100_000
		a := start(t, cfg)
		sent := 0
		for ; ; sent++ {
			short, cancel := context.WithTimeout(ctx, time.Second)
			_, err := a.Broadcast(short, []byte(fmt.Sprint(sent)))
			cancel()
			if errors.Is(err, ErrLogFull) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		a.Close()
		time.Sleep(time.Second)
		b := start(t, config().with("b"))
		cfg.Store, cfg.Join = store.after(store.synced), []string{b.Self().Addr}
		a = start(t, cfg)
		defer func() { a.Close(); b.Close() }()
		for i, m := range read(t, ctx, b, sent) {
			if string(m.Payload) != fmt.Sprint(i) {
				t.Fatalf("message %d of %d says %s", i, sent, m.Payload)
			}
		}
		t.Logf("%d messages, %d marks", sent, len(store.kept(store.synced))-sent)
	})
}

// chatting has two nodes talk, answering what they read, and returns what a delivered and
// the calls that a's store has had, and had synced when each of its own was accepted.
func chatting(t *testing.T, ctx context.Context, a, b *Node, store *memStore, count int) (delivered []Message, accepted map[MessageID]int) {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	accepted = make(map[MessageID]int)
	for i := range count {
		from := []*Node{a, b}[rng.IntN(2)]
		id, err := from.Broadcast(ctx, []byte(fmt.Sprint("m", i)))
		if err != nil {
			t.Fatal(err)
		}
		if from == a {
			accepted[id] = store.synced
		}
		if rng.IntN(3) == 0 { // else what they say is concurrent
			synctest.Wait()
		}
	}
	return read(t, ctx, a, count), accepted
}

// The crash may come after any of the calls that the store has had. Whatever is on the
// disk then, the next life begins with that, in its order and with its clocks, and gets
// the rest from others: nothing twice, nothing too early, nothing that was accepted lost.
func TestACrashAtAnyMoment(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*Config)
		every  int // how many calls from one crash to the next
	}{
		{"causal", func(*Config) {}, 1},
		{"a small log", func(c *Config) { c.MaxPayload, c.LogBytes = 100, 16_000 }, 1},
		{"fifo", func(c *Config) { c.Order = FIFO }, 5},
		{"unordered", func(c *Config) { c.Order = Unordered }, 5},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, config := inMemory(t)
				ctx := within(t, 24*time.Hour)
				store := new(memStore)
				b := start(t, config().changed("b", func(c *Config) { c.Order = configured(test.change).Order }))
				first := config().changed("a", test.change)
				first.Store, first.Join = store, []string{b.Self().Addr}
				a := start(t, first)
				if err := a.Ready(ctx); err != nil {
					t.Fatal(err)
				}
				const count = 120
				delivered, accepted := chatting(t, ctx, a, b, store, count)
				read(t, ctx, b, count)
				a.Close()
				for cut := 0; cut <= store.len(); cut += test.every {
					time.Sleep(time.Second)
					crashed(t, ctx, first, store, cut, delivered, accepted)
				}
				b.Close()
			})
		})
	}
}

// crashed starts a node with the disk after so many calls, and looks at what it delivers.
func crashed(t *testing.T, ctx context.Context, cfg Config, store *memStore, cut int, first []Message, accepted map[MessageID]int) {
	t.Helper()
	disk := store.after(cut)
	cfg.Store = disk
	var had, inLog []MessageID
	for _, c := range store.calls[:cut] {
		if c.forget == nil && c.record.ID.Origin != "" {
			had = append(had, c.record.ID)
		}
	}
	for _, r := range store.kept(cut) {
		if r.ID.Origin != "" {
			inLog = append(inLog, r.ID)
		}
	}
	clocks := make(map[MessageID]vclock.Clock)
	for i, m := range first {
		clocks[m.ID] = m.Clock
		if i < len(had) && had[i] != m.ID {
			t.Fatalf("cut %d: record %d is %v, and %v was delivered", cut, i, had[i], m.ID)
		}
	}
	for id, synced := range accepted {
		if synced <= cut && !slices.Contains(had, id) {
			t.Errorf("cut %d: %v was accepted, and is not on the disk", cut, id)
		}
	}
	a := start(t, cfg)
	defer a.Close()
	var messages []Message
	restored := 0
	enough, cancel := context.WithTimeout(ctx, 10*time.Second) // of the bubble's time
	defer cancel()
	for enough.Err() == nil {
		select {
		case m := <-a.Messages():
			if messages = append(messages, m); m.Restored {
				restored++
			}
		case <-enough.Done():
		}
	}
	if len(messages)-restored != len(first)-len(had) {
		t.Errorf("cut %d: %d new messages, want %d", cut, len(messages)-restored, len(first)-len(had))
	}
	if restored > len(inLog) || restored < min(len(inLog), 20) || len(inLog) < len(had) && restored < len(inLog)/2 {
		t.Errorf("cut %d: %d of %d messages are restored, %d had been had", cut, restored, len(inLog), len(had))
	}
	var known vclock.Clock
	seen := make(map[MessageID]bool)
	for i, m := range messages {
		switch {
		case seen[m.ID]:
			t.Errorf("cut %d: %v is delivered twice", cut, m.ID)
		case m.Restored != (i < restored):
			t.Errorf("cut %d: message %d of %d restored ones: %v", cut, i, restored, m.Restored)
		case m.Restored && m.ID != inLog[len(inLog)-restored+i]:
			t.Errorf("cut %d: %v is restored in the place of %v", cut, m.ID, inLog[len(inLog)-restored+i])
		case !m.Restored && slices.Contains(had, m.ID):
			t.Errorf("cut %d: %v is delivered again", cut, m.ID)
		case m.Clock.Compare(clocks[m.ID]) != vclock.Equal:
			t.Errorf("cut %d: %v has clock %v, and had %v", cut, m.ID, m.Clock, clocks[m.ID])
		}
		if i == 0 { // what is before it has left the log
			known = m.Clock
		}
		if known = known.Merge(m.Clock); cfg.Order == Causal && known.At(vclock.Origin{Name: m.ID.Origin, Incarnation: m.ID.Incarnation}) != m.ID.Seq {
			t.Errorf("cut %d: %v comes after something that it happened before", cut, m.ID)
		}
		seen[m.ID] = true
	}
	if s := a.Stats(); s.Gaps != 0 || s.Unrestored != 0 || s.StoreErrors != 0 {
		t.Errorf("cut %d: %d gaps, %d not restored, %d errors", cut, s.Gaps, s.Unrestored, s.StoreErrors)
	}
}

func configured(change func(*Config)) (c Config) {
	change(&c)
	return c
}

// changed is the config of a node with the name, and another thing.
func (c Config) changed(id string, change func(*Config)) Config {
	c.ID = id
	change(&c)
	return c
}

// A store is as long as the log, an eighth more, and its marks; also where nothing is said
// any more and all is over age.
func TestAStoreIsAsLongAsTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, config := inMemory(t)
		ctx := within(t, 24*time.Hour)
		b := start(t, config().with("b"))
		store := new(memStore)
		cfg := config().with("a")
		cfg.Store, cfg.Join, cfg.MaxPayload, cfg.LogBytes = store, []string{b.Self().Addr}, 1000, 100_000
		a := start(t, cfg)
		defer func() { a.Close(); b.Close() }()
		if err := a.Ready(ctx); err != nil {
			t.Fatal(err)
		}
		for i := range 1000 {
			if _, err := a.Broadcast(ctx, make([]byte, 600)); err != nil {
				t.Fatal(err)
			}
			if <-a.Messages(); i%100 == 99 {
				bytes, marks := 0, 0
				for _, r := range store.kept(store.len()) {
					if r.ID.Origin == "" {
						marks++
					}
					bytes += len(r.Data)
				}
				if log := a.Stats().LogBytes; bytes > log*5/4 || marks > 11 {
					t.Errorf("after %d messages the store has %d bytes, %d of them marks, and the log %d", i+1, bytes, marks, log)
				}
			}
		}
		time.Sleep(2 * time.Hour)
		if r := store.kept(store.len()); len(r) != 1 || r[0].ID.Origin != "" {
			t.Errorf("long after everything has left the log the store has %d records", len(r))
		}
	})
}

// A store that fails makes broadcasts fail, and nothing else; when it works again what it
// has is whole again from there on.
func TestAStoreThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, config := inMemory(t)
		ctx := within(t, time.Hour)
		store := new(memStore)
		cfg := config().with("a")
		cfg.Store = store
		a := start(t, cfg)
		full, broken := errors.New("no space left"), errors.New("the disk is gone")
		say := func(text string, want ...error) {
			t.Helper()
			id, err := a.Broadcast(ctx, []byte(text))
			if (err == nil) != (len(want) == 0) || id.Seq == 0 {
				t.Errorf("%s: %v, %v", text, id, err)
			}
			for _, w := range want {
				if !errors.Is(err, w) {
					t.Errorf("%s: %v, want %v in it", text, err, w)
				}
			}
			if m := receive(t, ctx, a); string(m.Payload) != text {
				t.Errorf("%s was delivered, want %s", m.Payload, text)
			}
			time.Sleep(time.Second)
		}
		say("one")
		store.set(func() { store.failing = full })
		say("two", ErrNotKept, full)
		say("three", ErrNotKept, full)
		store.set(func() { store.failing = nil })
		say("four")
		store.set(func() { store.failed = broken })
		say("five", ErrNotKept, broken)
		store.set(func() { store.failed = nil })
		say("six")
		s := a.Stats()
		if s.StoreErrors < 3 || s.Unstored < 2 {
			t.Errorf("%d errors, %d not stored", s.StoreErrors, s.Unstored)
		}
		a.Close()

		time.Sleep(time.Second)
		b := start(t, config().with("b"))
		cfg.Store, cfg.Join = store.after(store.len()), []string{b.Self().Addr}
		a = start(t, cfg)
		defer func() { a.Close(); b.Close() }()
		if got := texts(read(t, ctx, a, 4)); !slices.Equal(got, []string{"one", "four", "five", "six"}) {
			t.Errorf("restored: %v", got)
		}
		for i, m := range read(t, ctx, b, 4) {
			if want := []string{"one", "four", "five", "six"}[i]; string(m.Payload) != want || m.Clock.Get("a") != []uint64{1, 4, 5, 6}[i] {
				t.Errorf("b got %s with %v, want %s", m.Payload, m.Clock, want)
			}
		}
	})
}

// A node that only listens learns of a disk that is full, too.
func TestAStoreThatFailsAListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, config := inMemory(t)
		ctx := within(t, time.Hour)
		a := start(t, config().with("a"))
		cfg := config().with("b")
		store := new(memStore)
		cfg.Store, cfg.Join = store, []string{a.Self().Addr}
		b := start(t, cfg)
		if err := b.Ready(ctx); err != nil {
			t.Fatal(err)
		}
		say := func() {
			t.Helper()
			if _, err := a.Broadcast(ctx, []byte("hello")); err != nil {
				t.Fatal(err)
			}
			receive(t, ctx, b)
			time.Sleep(2 * syncEvery)
		}
		say()
		var syncs, later int
		store.set(func() { syncs = store.syncs })
		if s := b.Stats(); s.StoreErrors != 0 || syncs == 0 {
			t.Errorf("%d errors after %d attempts to write", s.StoreErrors, syncs)
		}
		time.Sleep(time.Minute)
		store.set(func() { later = store.syncs })
		if later != syncs {
			t.Errorf("the store was asked %d times to write nothing", later-syncs)
		}
		store.set(func() { store.failed = errors.New("no space left") })
		say()
		if s := b.Stats(); s.StoreErrors == 0 {
			t.Error("nobody has learnt that the store fails")
		}
	})
}

// A store may leave out a record that has been damaged. That takes with it what depends on
// it, until the next mark, but for what nobody else has; and nothing comes twice.
func TestADamagedRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, config := inMemory(t)
		ctx := within(t, time.Hour)
		store := new(memStore)
		b := start(t, config().with("b"))
		cfg := config().with("a")
		cfg.Store, cfg.Join = store, []string{b.Self().Addr}
		a := start(t, cfg)
		if err := a.Ready(ctx); err != nil {
			t.Fatal(err)
		}
		for i, n := range []*Node{a, b, a, b, b} { // each follows the one before
			if _, err := n.Broadcast(ctx, []byte(fmt.Sprint(i))); err != nil {
				t.Fatal(err)
			}
			read(t, ctx, a, 1)
			read(t, ctx, b, 1)
		}
		a.Close()
		time.Sleep(time.Second)
		damaged := store.after(store.len())
		damaged.calls = slices.Delete(damaged.calls, 4, 5) // message 3; before all comes a mark
		damaged.calls = slices.Delete(damaged.calls, 2, 3) // message 1
		cfg.Store = damaged
		a = start(t, cfg)
		if err := a.Ready(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Broadcast(ctx, []byte("5")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if got := texts(read(t, ctx, a, a.Stats().BacklogMessages)); !slices.Equal(got, []string{"0", "2", "5"}) {
			t.Errorf("a begins with %v", got)
		}
		if got := texts(read(t, ctx, b, b.Stats().BacklogMessages)); !slices.Equal(got, []string{"5"}) {
			t.Errorf("b got %v", got)
		}
		if s := a.Stats(); s.Unrestored != 1 {
			t.Errorf("%d are not restored, want message 4", s.Unrestored)
		}
		a.Close()
		b.Close()
	})
}

// A broadcast whose node is closed before the disk has it may have got out.
func TestClosingBreaksPromises(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, config := inMemory(t)
		cfg := config().with("a")
		store := &memStore{hold: make(chan struct{})}
		cfg.Store = store
		a := start(t, cfg)
		done := make(chan error)
		go func() {
			_, err := a.Broadcast(t.Context(), []byte("x"))
			done <- err
		}()
		<-a.Messages()
		synctest.Wait()
		a.Close()
		if err := <-done; !errors.Is(err, ErrNotKept) || !errors.Is(err, ErrClosed) {
			t.Errorf("%v, want ErrNotKept and ErrClosed", err)
		}
	})
}

// Leaving has the store write what it was given of others, too.
func TestLeavingSyncsTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, config := inMemory(t)
		ctx := within(t, time.Minute)
		b := start(t, config().with("b"))
		cfg := config().with("a")
		store := new(memStore)
		cfg.Store, cfg.Join = store, []string{b.Self().Addr}
		a := start(t, cfg)
		defer b.Close()
		if err := a.Ready(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Broadcast(ctx, []byte("x")); err != nil {
			t.Fatal(err)
		}
		receive(t, ctx, a)
		if err := a.Leave(ctx); err != nil {
			t.Fatal(err)
		}
		if store.synced != store.len() || len(store.kept(store.synced)) < 2 {
			t.Errorf("%d of %d calls are on the disk", store.synced, store.len())
		}
	})
}

// Who wants no history is given none, not even his own; but he remembers what he had, so
// that clocks are exact and nothing comes again.
func TestNoHistoryFromAStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, config := inMemory(t)
		ctx := within(t, time.Hour)
		b := start(t, config().with("b"))
		cfg := config().with("a")
		store := new(memStore)
		cfg.Store, cfg.Join, cfg.History = store, []string{b.Self().Addr}, None
		for life := range 3 {
			a := start(t, cfg)
			if err := a.Ready(ctx); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			if _, err := a.Broadcast(ctx, []byte("x")); err != nil {
				t.Fatal(err)
			}
			m := receive(t, ctx, a)
			if m.Restored || m.Clock.Get("a") != uint64(life+1) {
				t.Errorf("life %d begins with %v, %v", life, m.ID, m.Clock)
			}
			if got := receive(t, ctx, b); got.ID != m.ID || got.Clock.Compare(m.Clock) != vclock.Equal {
				t.Errorf("b got %v with %v", got.ID, got.Clock)
			}
			a.Close()
			time.Sleep(time.Minute)
		}
		b.Close()
	})
}

// What is signed stays signed: neighbours check it as if it had just been sent.
func TestSignaturesAreRestored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, config := inMemory(t)
		ctx := within(t, 24*time.Hour)
		ring := newRing(t)
		signed := func(id string) Config {
			c := config().with(id)
			c.Keyring, c.Identity = ring, newPerson(t, id, "").key
			return c
		}
		store := new(memStore)
		cfg := signed("a")
		cfg.Store = store
		a := start(t, cfg)
		id, err := a.Broadcast(ctx, []byte("x"))
		if err != nil {
			t.Fatal(err)
		}
		a.Close()
		time.Sleep(time.Second)
		b := start(t, signed("b"))
		second := store.after(store.synced)
		cfg.Store, cfg.Join = second, []string{b.Self().Addr}
		a = start(t, cfg)
		m := receive(t, ctx, b)
		if s := b.Stats(); m.ID != id || s.BadSignatures+s.Unproved+s.BadFrames > 0 {
			t.Errorf("b got %v; %d bad signatures, %d claims not proved", m.ID, s.BadSignatures, s.Unproved)
		}
		b.Close()

		// When the message is long gone there is the evidence that it was: a newcomer believes
		// that it can no longer be had, and the next message follows it.
		time.Sleep(2 * time.Hour)
		a.Close()
		time.Sleep(time.Second)
		third := second.after(second.len())
		cfg.Store, cfg.Join = third, nil
		a = start(t, cfg)
		last := signed("c")
		last.Join = []string{a.Self().Addr}
		c := start(t, last)
		if err := c.Ready(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Broadcast(ctx, []byte("y")); err != nil {
			t.Fatal(err)
		}
		m = receive(t, ctx, c)
		if s := c.Stats(); m.Clock.Get(id.Origin) != 2 || s.BadSignatures+s.Unproved+s.BadFrames > 0 || len(third.kept(third.len())) != 2 {
			t.Errorf("c got %v with %v; %d bad signatures, %d claims not proved; the store has %d records", m.ID, m.Clock, s.BadSignatures, s.Unproved, len(third.kept(third.len())))
		}
		a.Close()
		c.Close()

		// One that is wrong is found before anybody is sent it.
		time.Sleep(time.Second)
		forged := store.after(store.synced)
		r := &forged.calls[1].record
		r.Data[len(r.Data)-5] ^= 1 // of the payload
		binary.BigEndian.PutUint32(r.Data[len(r.Data)-4:], crc32.Checksum(r.Data[:len(r.Data)-4], crc32.MakeTable(crc32.Castagnoli)))
		cfg.Store = forged
		if _, err := Start(ctx, cfg); !errors.Is(err, errForged) {
			t.Errorf("a forged message: %v", err)
		}
	})
}

// A store that cannot be what this node has left is refused, and the error says why and
// where.
func TestStoresThatAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, config := inMemory(t)
		ctx := within(t, time.Hour)
		cfg := config().with("a")
		store := new(memStore)
		cfg.Store, cfg.Incarnation = store, 7
		a := start(t, cfg)
		if _, err := a.Broadcast(ctx, make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
		a.Close()
		for _, test := range []struct {
			change func(*Config, []storeCall)
			want   string
		}{
			{func(c *Config, _ []storeCall) { c.Incarnation = 7 }, "this node's incarnation, 7, must be greater"},
			{func(c *Config, calls []storeCall) { c.Incarnation = 6 }, "this node's incarnation, 6, must be greater"},
			{func(c *Config, _ []storeCall) { c.Cluster = "other" }, `mark 1 of incarnation 7: it is of the cluster "", and this node of "other"`},
			{func(c *Config, _ []storeCall) { c.Order = FIFO }, "Order causal, and this one has fifo"},
			{func(c *Config, _ []storeCall) { c.Horizon = 48 * time.Hour }, "Horizon 24h0m0s, and this one has 48h0m0s"},
			{func(c *Config, _ []storeCall) { c.MaxPayload = 99 }, "message 1 of a, incarnation 7: gossip: payload too long"},
			{func(_ *Config, calls []storeCall) { calls[1].record.Data[20] ^= 1 }, "message 1 of a, incarnation 7: " + wire.ErrSum.Error()},
			{func(_ *Config, calls []storeCall) { calls[1].record.Data = nil }, wire.ErrSum.Error()},
			{func(_ *Config, calls []storeCall) { calls[1].record.ID.Seq = 9 }, "message 9 of a, incarnation 7: it holds message 1 of a"},
		} {
			broken := store.after(store.synced)
			for i := range broken.calls {
				broken.calls[i].record.Data = slices.Clone(broken.calls[i].record.Data)
			}
			c := cfg
			c.Incarnation, c.Store = 8, broken
			test.change(&c, broken.calls)
			n, err := Start(ctx, c)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
			if n != nil {
				n.Close()
			}
		}
	})
}

// What is long past is not brought back: clocks do not tell it any more. What is from a
// time that has not come, by a clock that was set back, would have everybody refuse what
// this node sends.
func TestStoresOfAnotherTime(t *testing.T) {
	var later *memStore
	life := func(t *testing.T, n uint64, store *memStore) (a *Node, err error) {
		_, config := inMemory(t)
		cfg := config().with("a")
		cfg.Store, cfg.Incarnation = store, n
		return Start(t.Context(), cfg)
	}
	synctest.Test(t, func(t *testing.T) {
		store := new(memStore)
		a, _ := life(t, 1, store)
		if _, err := a.Broadcast(t.Context(), []byte("x")); err != nil {
			t.Fatal(err)
		}
		a.Close()
		time.Sleep(25 * time.Hour)
		later = store.after(store.len())
		a, err := life(t, 2, later)
		if err != nil {
			t.Fatal(err)
		}
		if got := a.Stats(); got.Restored != 0 || got.Unrestored != 1 || a.Clock().Len() != 0 {
			t.Errorf("a day later %d messages are restored, %d not; the clock is %v", got.Restored, got.Unrestored, a.Clock())
		}
		if _, err := a.Broadcast(t.Context(), []byte("y")); err != nil {
			t.Fatal(err)
		}
		a.Close()
	})
	synctest.Test(t, func(t *testing.T) { // bubbles begin at one time
		if a, err := life(t, 3, later.after(later.len())); err == nil || !strings.Contains(err.Error(), "set the clock") {
			t.Errorf("a store of tomorrow: %v", err)
			a.Close()
		}
	})
}

// survivor is a node that lives again and again, with its disk.
type survivor struct {
	*Node
	cfg      Config
	store    *memStore
	had      map[MessageID]bool // in this life, or on the disk when it began
	restored int
	reading  sync.WaitGroup
}

// begin starts the next life. What is read is noted, and must not have been had.
func (s *survivor) begin(t *testing.T) {
	s.cfg.Store = s.store
	s.Node = start(t, s.cfg)
	s.reading.Go(func() {
		for m := range s.Messages() {
			if s.had[m.ID] != m.Restored {
				t.Errorf("%s gets %v (restored: %v), and had it: %v", s.cfg.ID, m.ID, m.Restored, s.had[m.ID])
			}
			if m.Restored {
				s.restored++
			}
			s.had[m.ID] = true
		}
	})
}

// crash ends a life somewhere between what was synced and all that was written.
func (s *survivor) crash(rng *rand.Rand) {
	s.Close()
	s.reading.Wait()
	cut := s.store.synced + rng.IntN(s.store.len()-s.store.synced+1)
	s.had = make(map[MessageID]bool)
	for _, c := range s.store.calls[:cut] {
		if c.forget == nil && c.record.ID.Origin != "" {
			s.had[c.record.ID] = true
		}
	}
	s.store = s.store.after(cut)
}

// Nodes that crash while all talk, and live again: everybody gets everything that was
// accepted anywhere, and of what was on a disk nothing twice.
func TestRestartsWhileTalking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory, config := inMemory(t)
		memory.SetFaults(transport.Faults{Latency: 5 * time.Millisecond, Jitter: 5 * time.Millisecond})
		ctx := within(t, time.Hour)
		rng := rand.New(rand.NewPCG(7, 7))
		var all []*survivor
		for i := range 6 {
			s := &survivor{cfg: config().with(fmt.Sprint("n", i)), store: new(memStore), had: make(map[MessageID]bool)}
			s.begin(t)
			if all = append(all, s); i > 0 {
				s.cfg.Join = []string{all[0].Self().Addr}
				s.Join(ctx, s.cfg.Join...)
				if err := s.Ready(ctx); err != nil {
					t.Fatal(err)
				}
			}
		}
		var accepted []MessageID
		for range 20 {
			var mu sync.Mutex
			var talking sync.WaitGroup
			for _, s := range all {
				node := s.Node
				talking.Go(func() {
					for range 10 {
						if id, err := node.Broadcast(ctx, []byte("x")); err == nil {
							mu.Lock()
							accepted = append(accepted, id)
							mu.Unlock()
						}
						time.Sleep(time.Millisecond)
					}
				})
			}
			victim := all[1+rng.IntN(len(all)-1)]
			time.Sleep(time.Duration(rng.IntN(10_000)) * time.Microsecond)
			victim.crash(rng)
			talking.Wait()
			time.Sleep(time.Duration(rng.IntN(5)) * time.Second)
			victim.begin(t)
		}
		time.Sleep(time.Minute)
		restored := 0
		for _, s := range all {
			s.Close()
			s.reading.Wait()
			restored += s.restored
			for _, id := range accepted {
				if !s.had[id] {
					t.Errorf("%s lacks %v, which was accepted", s.cfg.ID, id)
				}
			}
		}
		t.Logf("%d messages were accepted; %d times one was restored", len(accepted), restored)
	})
}
