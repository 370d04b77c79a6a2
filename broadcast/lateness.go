package broadcast

import "time"

// Lateness is how late something has been lately, at most. It follows the latest at once,
// and forgets it slowly: a mean would forget the far origins.
type Lateness struct {
	late time.Duration
	at   time.Duration // of the last sample
}

// It takes latenessMemory samples to forget most of one that was late, and no less time than
// latenessTime. Guesses. Without the latter, nodes that have as many messages as they can deal
// with forget within a moment how long these wait in queues.
const (
	latenessMemory = 256
	latenessTime   = 5 * time.Second
)

// Sample takes how late something was.
func (l *Lateness) Sample(now, d time.Duration) {
	forget := (l.late - d) / latenessMemory
	if passed := now - l.at; passed < latenessTime/latenessMemory {
		forget = time.Duration(float64(l.late-d) * (float64(passed) / float64(latenessTime)))
	}
	l.late, l.at = max(d, l.late-forget), now
}

// Most is how late the latest was, of those that are not forgotten.
func (l *Lateness) Most() time.Duration { return l.late }

// Within is Most, or 0 if nothing was sampled for so long.
func (l *Lateness) Within(now, span time.Duration) time.Duration {
	if now > l.at+span {
		return 0
	}
	return l.late
}
