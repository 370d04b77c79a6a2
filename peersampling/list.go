package peersampling

import (
	"math/bits"
	"math/rand/v2"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// list is what select() works on: the view with the received buffer appended,
// in that order, without duplicates. Removing an item leaves a hole, so that
// every item keeps its place until the end.
type list struct {
	items []peer.Descriptor // a hole has Peer None
	size  int               // items without the holes
	marks []uint8           // by the low bits of a peer: epoch if the list may hold it
	epoch uint8             // never 0 in use; a new one forgets all marks
}

// newList returns a list for up to most items. More marks for each make a false
// alarm, which costs a look through the list, a rarer thing. Handles count up
// from 1, so their low bits spread as well as any hash of them.
func newList(most, marks int) list {
	return list{
		items: make([]peer.Descriptor, 0, most),
		marks: make([]uint8, 1<<bits.Len(uint(marks*most))),
	}
}

const (
	// manyMarks an item are for an Engine that many nodes share, as in a simulation.
	manyMarks = 32
	// fewMarks are for one of a single node, which has an exchange now and then: the
	// others would be a fiftieth of what it holds.
	fewMarks = 4
)

func (l *list) reset() {
	l.items, l.size = l.items[:0], 0
	l.epoch++
	if l.epoch == 0 {
		clear(l.marks)
		l.epoch = 1
	}
}

// addView puts a view, which keeps I2 and I3, into the empty list.
func (l *list) addView(v []peer.Descriptor) {
	l.items = l.items[:len(v)]
	copy(l.items, v)
	marks, mask := l.marks, len(l.marks)-1
	for _, d := range v {
		marks[int(d.Peer)&mask] = l.epoch
	}
	l.size = len(v)
}

// addReceived appends descriptors of whatever origin. There must be room for
// them.
func (l *list) addReceived(some []peer.Descriptor, self peer.Handle) {
	marks, mask := l.marks, len(l.marks)-1
	for _, d := range some {
		if d.Peer == self || d.Peer == peer.None {
			continue
		}
		mark := &marks[int(d.Peer)&mask]
		if *mark == l.epoch && !l.replaces(d) {
			continue
		}
		*mark = l.epoch
		n := len(l.items)
		l.items = l.items[:n+1]
		l.items[n] = d
		l.size++
	}
}

// replaces reports whether d belongs into the list: of two descriptors of a peer
// the younger stays, where it stands, and the first of two alike.
func (l *list) replaces(d peer.Descriptor) bool {
	at := l.find(d.Peer)
	if at < 0 {
		return true // a false alarm
	}
	if l.items[at].Age <= d.Age {
		return false
	}
	l.remove(at)
	return true
}

// find returns the place of p, or -1.
func (l *list) find(p peer.Handle) int {
	for at, d := range l.items {
		if d.Peer == p {
			return at
		}
	}
	return -1
}

func (l *list) remove(at int) {
	l.items[at].Peer = peer.None
	l.size--
}

// removeFirst removes the first n by an order: removeOldItems, when it is
// oldestFirst.
func (l *list) removeFirst(n int, by order, r *ranking, rng *rand.PCG) {
	if n <= 0 {
		return
	}
	keys, cut := r.first(l.items, by, n, rng)
	items := l.items[:len(keys)]
	for i, key := range keys {
		// All ones when key <= cut: no branch, for nobody could predict it.
		keep := peer.Handle(int64(key-cut-1) >> 63)
		items[i].Peer &= keep
	}
	l.size -= n
}

// removeHead removes n items: first those that self has sent, which stand at the
// head of the list but for those that came back younger, then the head as it is.
func (l *list) removeHead(n int, sent []peer.Descriptor, self peer.Handle) {
	n -= l.removeSent(n, len(l.items), sent, self)
	for at := 0; n > 0; at++ {
		if l.items[at].Peer != peer.None {
			l.remove(at)
			n--
		}
	}
}

// removeSent removes up to n of the items in the first places that self sent, the
// first sent first, and returns how many.
func (l *list) removeSent(n, places int, sent []peer.Descriptor, self peer.Handle) int {
	if len(sent) > 0 && sent[0].Peer == self {
		sent = sent[1:]
	}
	removed := 0
	for at, d := range sent {
		if removed >= n {
			break
		}
		// Unless something came in between, it still stands where it was.
		if at >= len(l.items) || l.items[at].Peer != d.Peer {
			at = l.find(d.Peer)
		}
		if d.Peer != peer.None && at >= 0 && at < places {
			l.remove(at)
			removed++
		}
	}
	return removed
}

// removeAtRandom removes n items. It draws places and passes over holes; more
// than half of the places are taken whenever it is called.
func (l *list) removeAtRandom(n int, rng *rand.PCG) {
	if n <= 0 {
		return
	}
	items := l.items
	l.size -= n
	places := uint64(len(items))
	for {
		for _, at := range below4(rng, [4]uint64{places, places, places, places}) {
			// To make a hole of a hole costs less than to ask.
			n -= present(items[at].Peer)
			items[at].Peer = peer.None
			if n == 0 {
				return
			}
		}
	}
}

// present is 1, or 0 for None.
func present(p peer.Handle) int { return int((uint64(p) + 1<<32 - 1) >> 32) }

// dropFirst removes the first n items, if n is positive. They must not be holes.
func (l *list) dropFirst(n int) {
	for at := range n {
		l.remove(at)
	}
}

// dropLast is the same at the other end.
func (l *list) dropLast(n int) {
	if n > 0 {
		l.items = l.items[:len(l.items)-n]
		l.size -= n
	}
}

// appendTo appends the items, in order, to v.
func (l *list) appendTo(v []peer.Descriptor) []peer.Descriptor {
	items, n := l.items, 0
	for _, d := range items {
		items[n] = d
		n += present(d.Peer)
	}
	return append(v, items[:n]...)
}
