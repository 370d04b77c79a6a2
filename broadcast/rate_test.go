package broadcast

import (
	"testing"
	"time"
)

func TestRate(t *testing.T) {
	for _, test := range []struct {
		why   string
		times []time.Duration
		at    time.Duration
		want  int
	}{
		{"nothing", nil, time.Hour, 0},
		{"all of them", []time.Duration{time.Hour, time.Hour, time.Hour + 1}, time.Hour + 1, 3},
		{"still all, a moment before the next span", []time.Duration{time.Hour, time.Hour}, time.Hour + rateTime - 1, 2},
		{"half, in the middle of the next", []time.Duration{time.Hour, time.Hour}, time.Hour + rateTime*3/2, 1},
		{"none, after that", []time.Duration{time.Hour, time.Hour}, time.Hour + 2*rateTime, 0},
		{"none, long after", []time.Duration{time.Hour, time.Hour}, 2 * time.Hour, 0},
		{"both spans", []time.Duration{time.Hour, time.Hour, time.Hour + rateTime}, time.Hour + rateTime, 3},
	} {
		var r rate
		for _, at := range test.times {
			r.add(at)
		}
		if got := r.of(test.at); got != test.want {
			t.Errorf("%s: %d, want %d", test.why, got, test.want)
		}
	}
}

// Where much has come of late, what a peer has not had may be as late as all of that takes;
// but where the log is full, it may leave it before.
func TestRepairsLeaveToLinksWhatManyMessagesTake(t *testing.T) {
	for _, test := range []struct {
		why   string
		few   int           // messages within the last seconds
		bytes int           // that the log holds
		age   time.Duration // of what the peer has not had
		young bool
	}{
		{"little has come", 10, 1 << 20, staleAfter, true},
		{"little has come, and it is old", 10, 1 << 20, staleAfter + 1, false},
		{"much has come", 1000, 1 << 20, 1000 * perMessage, true},
		{"much has come, and it is older", 1000, 1 << 20, 1002 * perMessage, false},
		{"however much", 20_000, 64 << 20, mostStale + 1, false},
		{"the log is full of what has come within 5 s", 1000, 1900 * overhead, 2490 * time.Millisecond, true},
		{"and it will leave it soon", 1000, 1900 * overhead, 2510 * time.Millisecond, false},
	} {
		h := quietHub(t, DefaultRelayConfig(), test.bytes)
		h.now += time.Hour - h.now%time.Hour
		for range test.few {
			h.now += 5 * time.Second / time.Duration(test.few)
			h.add(1, 0)
		}
		if got := h.relay.isYoung(h.now, &Message{Born: h.now - test.age}); got != test.young {
			t.Errorf("%s: young %v, want %v", test.why, got, test.young)
		}
	}
}
