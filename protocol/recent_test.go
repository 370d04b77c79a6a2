package protocol

import (
	"testing"
	"time"
)

// A peer that has what this node had until a moment ago is behind; one that still has
// after a while, or has something else, lacks something or has more.
func TestAPeerThatIsBehindIsLeftAlone(t *testing.T) {
	var r recentHashes
	at := time.Hour
	for i := range uint64(20) {
		r.note(at, 100+i)
		r.note(at, 100+i) // nothing has changed
	}
	for _, test := range []struct {
		why  string
		hash uint64
		now  time.Duration
		want bool
	}{
		{"the one before", 118, at, true},
		{"one that is no longer remembered", 105, at, false},
		{"the one before, for a second", 118, at + recentSpan - 1, true},
		{"and no longer", 118, at + recentSpan, false},
		{"another", 7, at, false},
		{"nothing, which this node has had at its start", 0, at, false},
	} {
		if got := r.had(test.now, test.hash); got != test.want {
			t.Errorf("%s: %v, want %v", test.why, got, test.want)
		}
	}
	if (&recentHashes{}).had(0, 0) {
		t.Error("a node that has had nothing remembers something")
	}
}

// Who has broadcast what others have not had yet has nothing to get from them: of a node
// that speaks every three seconds, over links that take the better part of one, no exchange
// of views becomes a repair.
func TestNoRepairForWhatIsOnItsWay(t *testing.T) {
	l, a, _, _ := triangle(t, nil)
	l.delay = func() time.Duration { return 900 * time.Millisecond }
	before := a.Counters()
	for range 200 {
		a.say("x")
		l.run(3 * time.Second)
	}
	x := a.Counters()
	if met := x.Exchanges - before.Exchanges; met < 30 || x.Repairs != before.Repairs {
		t.Errorf("%d repairs in %d exchanges of views", x.Repairs-before.Repairs, met)
	}
}
