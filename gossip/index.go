package gossip

import (
	"hash/maphash"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// index finds the entries of an address book by their identities. It holds handles alone:
// a map would hold each identity once more, and is twice as large as all else in the book.
// Open addressing with linear probing; nothing is taken out, but all put in again.
type index struct {
	seed  maphash.Seed  // unknown to whoever chooses names
	slots []peer.Handle // a power of two of them; peer.None is free
	count int
}

const smallestIndex = 16

func newIndex() index {
	return index{seed: maphash.MakeSeed(), slots: make([]peer.Handle, smallestIndex)}
}

// find returns who it is, or peer.None.
func (x *index) find(entries []bookEntry, name []byte, incarnation uint64) peer.Handle {
	for i := x.hash(name, incarnation); ; i++ {
		h := x.slots[i&uint64(len(x.slots)-1)]
		if h == peer.None {
			return peer.None
		}
		if id := &entries[h].id; id.Incarnation == incarnation && id.Name == string(name) {
			return h
		}
	}
}

// put adds somebody who is not there yet. A quarter of the slots stays free, so that
// searches end soon.
func (x *index) put(entries []bookEntry, h peer.Handle) {
	if 4*(x.count+1) > 3*len(x.slots) {
		x.resize(entries, 2*len(x.slots))
	}
	x.insert(entries, h)
}

// rebuild has it hold the identities among the entries, and nobody else.
func (x *index) rebuild(entries []bookEntry) {
	identities := 0
	for i := range entries {
		if entries[i].id.Name != "" {
			identities++
		}
	}
	size := smallestIndex
	for 4*identities > 3*size {
		size *= 2
	}
	if x.count = 0; size == len(x.slots) {
		clear(x.slots)
	} else {
		x.slots = make([]peer.Handle, size)
	}
	for i := range entries {
		if entries[i].id.Name != "" {
			x.insert(entries, peer.Handle(i))
		}
	}
}

func (x *index) resize(entries []bookEntry, size int) {
	had := x.slots
	x.slots, x.count = make([]peer.Handle, size), 0
	for _, h := range had {
		if h != peer.None {
			x.insert(entries, h)
		}
	}
}

func (x *index) insert(entries []bookEntry, h peer.Handle) {
	id := &entries[h].id
	i := x.hash([]byte(id.Name), id.Incarnation)
	for x.slots[i&uint64(len(x.slots)-1)] != peer.None {
		i++
	}
	x.slots[i&uint64(len(x.slots)-1)] = h
	x.count++
}

// hash mixes twice, so that nobody finds incarnations of one name that meet in a slot.
func (x *index) hash(name []byte, incarnation uint64) uint64 {
	return maphash.Comparable(x.seed, maphash.Bytes(x.seed, name)^incarnation)
}
