package sim

import (
	"math/rand/v2"
	"time"
)

// clock is what a node takes for the time: it began at another moment than the
// world, and goes too fast or too slow. The zero clock is the world's.
type clock struct {
	offset time.Duration
	ppm    int64 // too fast by so many millionths; more than -million
}

const million = 1_000_000

// MaxDrift is more than any clock is off by that still goes.
const MaxDrift = 0.2

// randomClock began up to an hour before the world, and drifts by so much at most.
func randomClock(rng *rand.Rand, drift float64) clock {
	most := int64(drift * million)
	return clock{time.Duration(rng.Int64N(int64(time.Hour))), rng.Int64N(2*most+1) - most}
}

// read is what the clock shows at a moment of the world. It never goes back.
func (c clock) read(t time.Duration) time.Duration {
	// In two parts, or the product would overflow within a day.
	whole, rest := int64(t)/million, int64(t)%million
	return c.offset + t + time.Duration(whole*c.ppm+rest*c.ppm/million)
}

// when is the first moment of the world, or one soon after, at which the clock
// shows so much.
func (c clock) when(shown time.Duration) time.Duration {
	if c == (clock{}) {
		return shown
	}
	t := time.Duration(float64(shown-c.offset) / (1 + float64(c.ppm)/million))
	for c.read(t) < shown { // a float is not exact
		t += max(1, shown-c.read(t))
	}
	return t
}

// local is what a node takes for the time now.
func (w *World) local(n *Node) time.Duration { return n.clock.read(w.now) }
