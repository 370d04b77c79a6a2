package gossip

import (
	"sync/atomic"
	"time"
)

// clock is the time since a node started, the time that its computer slept included,
// during which Go's own clock stands still on some systems. The others have gone on
// meanwhile: they have dropped messages, and forgotten whose they were, that a node
// which has slept must not take for young.
type clock struct {
	start  time.Time
	asleep func() time.Duration // since the computer started
	before time.Duration        // of it, when the node started

	looked, slept atomic.Int64
}

// lookEvery is how often the clock looks whether the computer has slept.
const lookEvery = 10 * time.Millisecond

func (c *clock) begin() {
	if c.asleep == nil {
		c.asleep = suspended
	}
	c.start, c.before = time.Now(), c.asleep()
}

// now never goes back, whoever asks.
func (c *clock) now() time.Duration {
	awake := time.Since(c.start)
	if looked := c.looked.Load(); awake >= time.Duration(looked)+lookEvery && c.looked.CompareAndSwap(looked, int64(awake)) {
		slept := int64(c.asleep() - c.before)
		for old := c.slept.Load(); slept > old && !c.slept.CompareAndSwap(old, slept); {
			old = c.slept.Load()
		}
	}
	return awake + time.Duration(c.slept.Load())
}
