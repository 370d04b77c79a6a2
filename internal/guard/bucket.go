package guard

import "time"

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
func (l Limit) full(now time.Duration) bucket { return bucket{float64(l.Burst), now} }

// bucket is what somebody has left of a Limit, which the caller keeps: there are many
// buckets of one. It holds less than none where more was taken than it had.
type bucket struct {
	tokens float64
	at     time.Duration // when it held so many; never later than now
}

func (b *bucket) refill(now time.Duration, l Limit) {
	if now > b.at {
		b.tokens = min(float64(l.Burst), b.tokens+l.PerSecond*(now-b.at).Seconds())
		b.at = now
	}
}

// has reports whether there is one.
func (b *bucket) has(now time.Duration, l Limit) bool {
	b.refill(now, l)
	return b.tokens >= 1
}

// allow takes one, if there is one.
func (b *bucket) allow(now time.Duration, l Limit) bool {
	if !b.has(now, l) {
		return false
	}
	b.tokens--
	return true
}

// take takes so many, though there be fewer, and tells how long it takes to pay that off.
func (b *bucket) take(now time.Duration, l Limit, n int) (debt time.Duration) {
	b.refill(now, l)
	b.tokens -= float64(n)
	if b.tokens >= 0 {
		return 0
	}
	return time.Duration(-b.tokens / l.PerSecond * float64(time.Second))
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
	forget(buckets, now, l)
	return buckets.put(k, l.full(now))
}

// forget drops those whose buckets are as good as new ones.
func forget[K comparable](buckets *table[K, bucket], now time.Duration, l Limit) {
	for {
		k, b := buckets.oldest()
		if b == nil || now < b.at+forgetAfter {
			return
		}
		if b.refill(now, l); b.tokens < float64(l.Burst) {
			return
		}
		buckets.remove(k)
	}
}
