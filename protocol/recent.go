package protocol

import "time"

// recentHashes are what the version vector's hash was before it became what it is. A peer
// that has now what this node had a moment ago is only a little behind: what it lacks is on
// its way to it, and nothing is missing here, so there is nothing to reconcile yet.
type recentHashes struct {
	now  uint64
	past [8]pastHash
	next int
}

// pastHash was the hash until some time.
type pastHash struct {
	hash  uint64
	until time.Duration
}

// recentSpan is for how long a message is taken to be on its way. A guess: half of the age
// from which on a repair would send it.
const recentSpan = time.Second

// note is told the hash after each step.
func (r *recentHashes) note(now time.Duration, hash uint64) {
	if hash == r.now {
		return
	}
	r.past[r.next] = pastHash{r.now, now}
	r.next = (r.next + 1) % len(r.past)
	r.now = hash
}

// had reports whether the hash was this node's within the last recentSpan.
func (r *recentHashes) had(now time.Duration, hash uint64) bool {
	for _, p := range r.past {
		if p.hash == hash && p.until > 0 && now < p.until+recentSpan {
			return true
		}
	}
	return false
}
