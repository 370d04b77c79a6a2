package guard

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

func TestBuckets(t *testing.T) {
	l := Limit{10, 20}
	b := l.full(time.Hour)
	for _, step := range []struct {
		why   string
		now   time.Duration
		take  int // with debt, or else as many as are allowed of a hundred
		debt  time.Duration
		count int
	}{
		{"a new one is full", time.Hour, 0, 0, 20},
		{"a second brings ten", time.Hour + time.Second, 0, 0, 10},
		{"a clock that stands still brings nothing", time.Hour + time.Second, 0, 0, 0},
		{"nor does one that goes back", time.Hour, 0, 0, 0},
		{"a long time brings no more than there is room for", 2 * time.Hour, 0, 0, 20},
		{"what is taken and not there is owed", 2 * time.Hour, 15, 1500 * time.Millisecond, 0},
		{"until it is paid off", 2*time.Hour + 1500*time.Millisecond, 0, 0, 0},
		{"and then there is more", 2*time.Hour + 1600*time.Millisecond, 0, 0, 1},
		{"what is there is not owed", 3 * time.Hour, 20, 0, 0},
	} {
		if step.take > 0 {
			if got := b.take(step.now, step.take); got != step.debt {
				t.Errorf("%s: a debt of %v, want %v", step.why, got, step.debt)
			}
			continue
		}
		if got := answered(100, func(int) bool { return b.allow(step.now) }); got != step.count {
			t.Errorf("%s: %d are allowed, want %d", step.why, got, step.count)
		}
	}
}

// TestWhoIsMetOnceIsForgotten: a node in a large network talks to one peer after the other,
// for as long as it runs, and must not take more and more for that. Who has a debt is told
// apart for longer.
func TestWhoIsMetOnceIsForgotten(t *testing.T) {
	r := NewRates(RatesConfig{})
	asked := NewRequests[int](1024, time.Second)
	const every = 10 * time.Second
	for i := range 10000 {
		now := time.Duration(i) * every
		from := netip.AddrPortFrom(netip.MustParseAddr(fmt.Sprintf("10.%d.%d.1", i>>8, i&255)), 7946)
		r.Unproven(now, from)
		r.Proven(now, from)
		r.Unproven(now, from)
		asked.Put(now, uint64(i), from, i)
		if _, ok := asked.Learn(now, uint64(i), Token{1}); !ok {
			t.Fatal("no token is taken")
		}
		asked.Done(uint64(i))
	}
	const most = int(forgetAfter/every) + 1
	for what, got := range map[string]int{
		"unproven blocks": r.unprovenBlock.len(), "known": r.known.len(),
		"proven": r.proven.len(), "proven blocks": r.provenBlock.len(), "tokens": asked.Stats().Tokens,
	} {
		if got == 0 || got > most {
			t.Errorf("%s: %d are told apart, want 1 to %d", what, got, most)
		}
	}
	if evicted := r.Stats().Evicted + asked.Stats().EvictedTokens; evicted > 0 {
		t.Errorf("%d had to make room", evicted)
	}

	slow := Limit{0.001, 10}
	debtors := newTable[int, bucket](1 << 10)
	bucketOf(debtors, 1, 0, slow).take(0, 10)
	bucketOf(debtors, 2, forgetAfter, slow)
	if debtors.len() != 2 {
		t.Error("a debt is forgotten")
	}
	bucketOf(debtors, 3, 10*time.Hour, slow)
	if debtors.len() != 1 {
		t.Errorf("%d are told apart when all debts are paid off, want 1", debtors.len())
	}
}
