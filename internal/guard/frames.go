package guard

import (
	"time"

	"golang.org/x/time/rate"
)

const (
	// controlFrames is how many control frames a second a link may bring. At 1,000
	// messages a second through 100 nodes the busiest brings 66, of which 50 are the
	// announcements of a lazy link, one frame each 20 ms; faster broadcasts only make
	// them longer until there are more than 256 in one, which is 12,800 messages a
	// second: at 100,000 there are 390. This is ten times that.
	controlFrames = 4000
	// controlBytes is how many bytes of them: an announcement takes 14 bytes, so those
	// of 100,000 messages a second take 1.4 MB, and this is ten times as much.
	controlBytes = 16 << 20
	// The bursts are a second's worth: at most 16 frames come in a tenth of a second
	// while a link comes up or catches up, and no frame is longer than 4 MiB.
	controlFramesBurst, controlBytesBurst = controlFrames, controlBytes

	// floodAfter is how much a link may be in arrears. Each second that its reader
	// is made to wait adds one, and each second that passes takes half of one away:
	// so a link that is always at its limit is a flood after half a minute, longer
	// than any repair takes, and one that waits less than half of the time never is.
	floodAfter = 15 * time.Second
)

// FrameRate bounds the control frames that a link brings: all but DATA. The link's
// reader owns it. A link at its limit is read more slowly, so that TCP makes the
// sender wait; one that stays there is a flood.
type FrameRate struct {
	frames, bytes *rate.Limiter
	arrears       time.Duration
	last          time.Duration
	stats         FrameStats
}

// FrameStats counts what a link has brought, and how long it was made to wait.
type FrameStats struct {
	Frames, Bytes uint64 // control only
	Waited        time.Duration
}

// NewFrameRate returns the rate of a link that comes up now.
func NewFrameRate(now time.Duration) *FrameRate {
	return &FrameRate{
		frames: rate.NewLimiter(controlFrames, controlFramesBurst),
		bytes:  rate.NewLimiter(controlBytes, controlBytesBurst),
		last:   now,
	}
}

// Take accounts for a frame that was read, of so many bytes. The reader waits for as
// long as it is told before it reads on, and closes the link if it is a flood. Where
// that is, the sender is to be punished.
func (f *FrameRate) Take(now time.Duration, control bool, bytes int) (wait time.Duration, flood bool) {
	if !control {
		return 0, false
	}
	f.stats.Frames++
	f.stats.Bytes += uint64(bytes)
	t := at(now)
	wait = max(f.frames.ReserveN(t, 1).DelayFrom(t), f.bytes.ReserveN(t, min(bytes, controlBytesBurst)).DelayFrom(t))
	f.arrears = max(0, f.arrears-(now-f.last)/2) + wait
	f.last = now
	f.stats.Waited += wait
	return wait, f.arrears > floodAfter
}

// Stats returns the counters.
func (f *FrameRate) Stats() FrameStats { return f.stats }
