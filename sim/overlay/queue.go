package overlay

import (
	"math"
	"time"
)

// never is later than any run lasts, and so much less than the largest time that
// adding to it does no harm.
const never = time.Duration(math.MaxInt64 / 4)

// entry is something that will happen: what is an even number for the turn of
// the node with half that handle, and an odd one for the arrival of a message.
type entry struct {
	at   time.Duration
	seq  uint64 // of two at the same time the first queued is the first
	what uint64
}

func (e entry) before(other entry) bool {
	return e.at < other.at || e.at == other.at && e.seq < other.seq
}

// queue is what will happen, a heap with four children to a parent: half as deep
// as one with two, and the four lie on two cache lines.
type queue struct {
	heap []entry
	seq  uint64
}

func (q *queue) push(at time.Duration, what uint64) {
	q.seq++
	e := entry{at, q.seq, what}
	q.heap = append(q.heap, e)
	i := len(q.heap) - 1
	for i > 0 {
		parent := (i - 1) / 4
		if !e.before(q.heap[parent]) {
			break
		}
		q.heap[i] = q.heap[parent]
		i = parent
	}
	q.heap[i] = e
}

// next returns the time of the first entry, never if there is none.
func (q *queue) next() time.Duration {
	if len(q.heap) == 0 {
		return never
	}
	return q.heap[0].at
}

// pop takes the first entry out. There must be one.
func (q *queue) pop() entry {
	first, last := q.heap[0], q.heap[len(q.heap)-1]
	q.heap = q.heap[:len(q.heap)-1]
	i, n := 0, len(q.heap)
	for {
		least, child := last, -1
		for c := 4*i + 1; c < min(4*i+5, n); c++ {
			if q.heap[c].before(least) {
				least, child = q.heap[c], c
			}
		}
		if child < 0 {
			break
		}
		q.heap[i] = least
		i = child
	}
	if n > 0 {
		q.heap[i] = last
	}
	return first
}
