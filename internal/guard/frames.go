package guard

import "time"

const (
	// controlFrames is how many control frames a second a link may bring. Measured in
	// the simulator over 100 nodes that are 10 to 100 ms apart, at 1,000 messages a
	// second: the busiest link brings 62 if all broadcast and 66 if one does, of which
	// 50 are a lazy link's announcements, a frame each 20 ms. More messages make those
	// longer, not more, until there are over 256 in one: 12,800 messages a second, and
	// at 100,000 it is 390 frames, by arithmetic. This is ten times that.
	controlFrames = 4000
	// controlBytes is how many bytes of them: 28 KB were measured there. In a list an
	// announcement takes 14 bytes, so those of 100,000 messages a second take 1.4 MB;
	// this is ten times as much. In spans next to nothing: there the frames are the bound,
	// each of which has 256 announcements heeded, a million a second as in lists.
	controlBytes = 16 << 20
	// The bursts are a second's worth. The most at once comes to a newcomer who is told
	// of origins whose messages have left the logs: 33 frames and 81 KB in a tenth of a
	// second where there are 2,000 of them, and in proportion: five times as much for
	// 10,000. sim/framerate_test.go holds both against ten times what links bring.
	controlFramesBurst, controlBytesBurst = controlFrames, controlBytes

	// floodAfter is how much a link may be in arrears. Each second that its reader
	// is made to wait adds one, and each second that passes takes half of one away:
	// so a link that is always at its limit is a flood after half a minute, longer
	// than any repair takes, and one that waits less than half of the time never is.
	floodAfter = 15 * time.Second
)

var (
	frameLimit = Limit{controlFrames, controlFramesBurst}
	byteLimit  = Limit{controlBytes, controlBytesBurst}
)

// FrameRate bounds the control frames that a link brings: all but DATA. The link's
// reader owns it. A link at its limit is read more slowly, so that TCP makes the
// sender wait; one that stays there is a flood.
type FrameRate struct {
	frames, bytes bucket
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
		frames: frameLimit.full(now),
		bytes:  byteLimit.full(now),
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
	wait = max(f.frames.take(now, 1), f.bytes.take(now, bytes))
	f.arrears = max(0, f.arrears-(now-f.last)/2) + wait
	f.last = now
	f.stats.Waited += wait
	return wait, f.arrears > floodAfter
}

// Stats returns the counters.
func (f *FrameRate) Stats() FrameStats { return f.stats }
