package sim

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// What a clock shows and when it shows it are each other's inverse, to a few
// nanoseconds, and an alarm is never early: the machine would find nothing due and
// be called again and again.
func TestClocksAreReadBothWays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := clock{time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "offset")), rapid.Int64Range(-200_000, 200_000).Draw(t, "ppm")}
		at := time.Duration(rapid.Int64Range(0, int64(MaxTime)).Draw(t, "at"))
		shown := c.read(at)
		if when := c.when(shown); c.read(when) < shown || when > at+time.Microsecond {
			t.Fatalf("%+v shows %d at %d and is said to do so at %d", c, shown, at, when)
		}
		if c.read(at+1) < shown {
			t.Fatalf("%+v goes back after %d", c, at)
		}
	})
}
