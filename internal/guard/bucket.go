package guard

import (
	"time"

	"golang.org/x/time/rate"
)

// Limit is a token bucket: so much a second, and so much at once after a pause.
type Limit struct {
	PerSecond float64
	Burst     int
}

func (l Limit) or(otherwise Limit) Limit {
	if l == (Limit{}) {
		return otherwise
	}
	return l
}

// full is the bucket of somebody who is new.
func (l Limit) full(now time.Duration) bucket {
	return bucket{rate.NewLimiter(rate.Limit(l.PerSecond), l.Burst), now}
}

// bucket is what somebody has left of a Limit.
type bucket struct {
	limiter *rate.Limiter
	used    time.Duration // last
}

// at is what package rate takes for a time.
func at(now time.Duration) time.Time { return time.Unix(0, 0).Add(now) }

// has reports whether there is one.
func (b *bucket) has(now time.Duration) bool { return b.limiter.TokensAt(at(now)) >= 1 }

// allow takes one, if there is one.
func (b *bucket) allow(now time.Duration) bool {
	b.used = now
	return b.limiter.AllowN(at(now), 1)
}

// take takes so many, or at most a burst, though there be fewer, and tells how long it
// takes to pay that off.
func (b *bucket) take(now time.Duration, n int) (debt time.Duration) {
	b.used = now
	return b.limiter.ReserveN(at(now), min(n, b.limiter.Burst())).DelayFrom(at(now))
}

// forgetAfter is how long somebody is told apart who has nothing left to pay. A guess, a
// few times as long as somebody is met again who is met again at all; the tables of a node
// that talks to everybody once would else grow for as long as it runs.
const forgetAfter = 10 * time.Minute

// bucketOf returns the bucket of somebody, who may be new.
func bucketOf[K comparable](buckets *table[K, bucket], k K, now time.Duration, l Limit) *bucket {
	if b := buckets.use(k); b != nil {
		return b
	}
	forget(buckets, now)
	return buckets.put(k, l.full(now))
}

// forget drops those whose buckets are as good as new ones.
func forget[K comparable](buckets *table[K, bucket], now time.Duration) {
	for {
		k, b := buckets.oldest()
		if b == nil || now < b.used+forgetAfter || b.limiter.TokensAt(at(now)) < float64(b.limiter.Burst()) {
			return
		}
		buckets.remove(k)
	}
}
