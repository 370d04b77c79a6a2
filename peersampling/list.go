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
	own   int               // items[:own] came from the view
	marks []uint8           // by the low bits of a peer: epoch if the list may hold it
	epoch uint8             // never 0 in use; a new one forgets all marks
}

// newList returns a list for up to most items. Sixteen marks an item make a
// false alarm, which costs a look through the list, a rare thing. Handles count
// up from 1, so their low bits spread as well as any hash of them.
func newList(most int) list {
	return list{
		items: make([]peer.Descriptor, 0, most),
		marks: make([]uint8, 1<<bits.Len(uint(16*most))),
	}
}

func (l *list) reset() {
	l.items, l.size, l.own = l.items[:0], 0, 0
	l.epoch++
	if l.epoch == 0 {
		clear(l.marks)
		l.epoch = 1
	}
}

// addView appends the view of self, every descriptor older by hops.
func (l *list) addView(v []peer.Descriptor, hops uint32, self peer.Handle) {
	l.addReceived(v, hops, self)
	l.own = len(l.items)
}

// addReceived appends descriptors of whatever origin, every one older by hops.
func (l *list) addReceived(some []peer.Descriptor, hops uint32, self peer.Handle) {
	marks, mask := l.marks, len(l.marks)-1
	for _, d := range some {
		if d.Peer == self || d.Peer == peer.None {
			continue
		}
		d.Age = older(d.Age, hops)
		mark := &marks[int(d.Peer)&mask]
		if *mark == l.epoch && !l.replaces(d) {
			continue
		}
		*mark = l.epoch
		l.items = append(l.items, d)
		l.size++
	}
}

// replaces reports whether d belongs into the list: of two descriptors of a
// peer the younger stays, in its place, and the first of two alike.
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
	for i, key := range keys {
		// All ones when key <= cut: no branch, for nobody could predict it.
		keep := peer.Handle(int64(key-cut-1) >> 63)
		l.items[i].Peer &= keep
	}
	l.size -= n
}

// removeHead removes n items from the head of the list, as it would be if what
// was sent still stood there, which it does when nothing came in between.
func (l *list) removeHead(n int, sent []peer.Descriptor) {
	n -= l.removeSent(n, sent)
	for at := 0; n > 0; at++ {
		if l.items[at].Peer != peer.None {
			l.remove(at)
			n--
		}
	}
}

// removeSent removes up to n of the items that were sent, the first sent first,
// and returns how many. An item that came with the buffer, or is younger than
// what was sent, is other news of that peer and stays.
func (l *list) removeSent(n int, sent []peer.Descriptor) int {
	removed := 0
	for i, d := range sent {
		if removed >= n {
			break
		}
		at := l.findNear(i, d.Peer)
		if at >= 0 && at < l.own && l.items[at].Age >= d.Age {
			l.remove(at)
			removed++
		}
	}
	return removed
}

// findNear is find for the i-th descriptor sent. Unless something came in
// between it is still at the head of the view, at i, or at i-1 if the own
// descriptor was sent first.
func (l *list) findNear(i int, p peer.Handle) int {
	if p == peer.None {
		return -1 // a hole is nobody's place
	}
	for at := max(i-1, 0); at <= i && at < len(l.items); at++ {
		if l.items[at].Peer == p {
			return at
		}
	}
	return l.find(p)
}

// removeAtRandom removes n items. It draws places and passes over holes; more
// than half of the places are taken whenever it is called.
func (l *list) removeAtRandom(n int, rng *rand.PCG) {
	places := uint64(len(l.items))
	for n > 0 {
		for _, at := range below4(rng, [4]uint64{places, places, places, places}) {
			if n > 0 && l.items[at].Peer != peer.None {
				l.remove(int(at))
				n--
			}
		}
	}
}

// dropLast removes the last n items, if n is positive. They must not be holes.
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
		if d.Peer != peer.None {
			n++
		}
	}
	return append(v, items[:n]...)
}
