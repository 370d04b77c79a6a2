package broadcast

import "time"

// rate is about how much there was within the last rateTime.
type rate struct {
	span      time.Duration // which of the spans of rateTime it is, times that
	now, last int           // how much there was in this one, and in the one before
}

const rateTime = 10 * time.Second

func (r *rate) add(now time.Duration) {
	r.turn(now)
	r.now++
}

func (r *rate) turn(now time.Duration) {
	span := now - now%rateTime
	switch {
	case span == r.span:
		return
	case span == r.span+rateTime:
		r.last = r.now
	default:
		r.last = 0
	}
	r.span, r.now = span, 0
}

func (r *rate) of(now time.Duration) int {
	r.turn(now)
	return r.now + int(int64(r.last)*int64(rateTime-now%rateTime)/int64(rateTime))
}
