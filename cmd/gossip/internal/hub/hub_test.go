package hub

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
)

func entry(n int, size int) Entry {
	return Entry{Message: gossip.Message{ID: gossip.MessageID{Origin: "a", Incarnation: 1, Seq: uint64(n)}, Payload: make([]byte, size)}}
}

func next(t *testing.T, r *Reader[Entry]) (seq, missed uint64) {
	t.Helper()
	e, missed, err := r.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return e.ID.Seq, missed
}

// Each reader gets what is added from its place on, at its own pace.
func TestReadersHavePlacesOfTheirOwn(t *testing.T) {
	h := NewMessages(DefaultLimit)
	h.Add(entry(1, 10))
	h.Add(entry(2, 10))
	start, now := h.Last(math.MaxInt), h.Last(0)
	after, found := h.After(gossip.MessageID{Origin: "a", Incarnation: 1, Seq: 1})
	if !found {
		t.Fatal("a message that is kept was not found")
	}
	h.Add(entry(3, 10))
	for _, c := range []struct {
		name string
		r    *Reader[Entry]
		want []uint64
	}{{"from the start", start, []uint64{1, 2, 3}}, {"from now", now, []uint64{3}}, {"after 1", after, []uint64{2, 3}}} {
		for _, want := range c.want {
			if got, missed := next(t, c.r); got != want || missed != 0 {
				t.Errorf("%s: got %d, %d missed; want %d", c.name, got, missed, want)
			}
		}
		c.r.Close()
		c.r.Close() // once more changes nothing
	}
	if n := h.Stats().Readers; n != 0 {
		t.Errorf("%d readers are left, all were closed", n)
	}
}

// Headers count like payloads: they may be longer than that.
func TestHeadersTakeRoom(t *testing.T) {
	const limit = 100 << 10
	h := NewMessages(limit)
	for i := range 1000 {
		e := entry(i+1, 0)
		e.Headers = gossip.Headers{"a": strings.Repeat("x", 1000)}
		h.Add(e)
	}
	if n := h.Stats().Entries; n*1000 > limit {
		t.Errorf("%d messages with headers of 1000 bytes each are kept in %d bytes", n, limit)
	}
}

// Who falls behind is told how much is gone, and whoever asks for what has never been
// here gets what there is.
func TestWhoFallsBehindIsTold(t *testing.T) {
	h := NewMessages(10 * (entryCost + 100))
	r := h.Last(math.MaxInt)
	for i := range 25 {
		h.Add(entry(i+1, 100))
	}
	if got, missed := next(t, r); got != 16 || missed != 15 {
		t.Errorf("got %d after %d missed, want 16 after 15", got, missed)
	}
	if got, missed := next(t, r); got != 17 || missed != 0 {
		t.Errorf("then got %d after %d missed, want 17 after none", got, missed)
	}
	gone, found := h.After(gossip.MessageID{Origin: "a", Incarnation: 1, Seq: 3})
	if found {
		t.Error("a message that was dropped was found")
	}
	if got, missed := next(t, gone); got != 16 || missed != 0 {
		t.Errorf("after a message that is gone: got %d, %d missed, want 16", got, missed)
	}
	h.Add(entry(26, 1<<20)) // more than the limit: it is kept alone
	if s := h.Stats(); s.Entries != 1 || s.Dropped != 25 {
		t.Errorf("after a long one: %+v, want it alone", s)
	}
}

// What is kept is the latest, within the limit, whatever is added.
func TestWhatIsKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 20_000).Draw(t, "limit")
		sizes := rapid.SliceOfN(rapid.IntRange(0, 4_000), 0, 100).Draw(t, "sizes")
		h := NewMessages(limit)
		var all []uint64
		for i, size := range sizes {
			h.Add(entry(i+1, size))
			all = append(all, uint64(i+1))
			s := h.Stats()
			if s.Cost > limit && s.Entries > 1 {
				t.Fatalf("%d messages of %d bytes are kept, the limit is %d", s.Entries, s.Cost, limit)
			}
			if len(h.places) != s.Entries {
				t.Fatalf("%d messages, %d places", s.Entries, len(h.places))
			}
			var kept []uint64
			for e := range h.Latest(len(all)) {
				kept = append(kept, e.ID.Seq)
			}
			if !slices.Equal(kept, all[len(all)-s.Entries:]) {
				t.Fatalf("kept %v of %v", kept, all)
			}
		}
	})
}

// A reader waits without being asked to look again and again, and has everything that
// was added before the end.
func TestReadersWaitAndEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewMessages(DefaultLimit)
		got := make(chan string, 10)
		go func() {
			r := h.Last(math.MaxInt)
			defer r.Close()
			for {
				e, _, err := r.Next(t.Context())
				if err != nil {
					got <- err.Error()
					return
				}
				got <- fmt.Sprint(e.ID.Seq)
			}
		}()
		synctest.Wait()
		h.Add(entry(1, 0))
		h.Add(entry(2, 0))
		h.Close()
		synctest.Wait()
		close(got)
		var all []string
		for g := range got {
			all = append(all, g)
		}
		if want := []string{"1", "2", ErrClosed.Error()}; !slices.Equal(all, want) {
			t.Errorf("got %q, want %q", all, want)
		}
		h.Add(entry(3, 0))
		if n := h.Stats().Entries; n != 2 {
			t.Errorf("%d messages after the end, want 2", n)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errors.New("enough"))
		if _, _, err := NewMessages(1).Last(0).Next(ctx); err == nil || err.Error() != "enough" {
			t.Errorf("a reader whose context has ended said %v", err)
		}
	})
}
