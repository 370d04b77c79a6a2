package gossip

import (
	"net"
	"sync"
)

// queue is what waits to be written to a link: bytes, in the order in which they are to
// be sent. What is short is copied into chunks, so that the writer has few pieces to
// give to the system and nothing is allocated; what is long is a piece by itself, that
// all links share.
type queue struct {
	pieces net.Buffers
	chunks []*chunk // the pieces that are, and are given back once they are written
	open   *chunk   // the last piece, if it has room
	used   int      // bytes in it
	size   int      // bytes in all
	held   int      // what is charged for it
	cost   int      // in the machine's terms
}

// chunk is what a queue, and a link's reader, borrow and give back: a link that has
// nothing to say holds none.
type chunk [chunkSize]byte

const (
	// chunkSize is also as much as a TLS record holds.
	chunkSize = 16 << 10
	// longPiece is what is not worth copying: a piece more costs the system about as
	// much as copying so many bytes. A guess.
	longPiece = 4 << 10
	// pieceCost is what a long piece takes beside its bytes: its place in the queue,
	// which may be twice as much, and what allocating rounds up.
	pieceCost = 64
)

var chunks = sync.Pool{New: func() any { return new(chunk) }}

// add appends bytes, which are copied if there are few. Nobody may change the others
// any more.
func (q *queue) add(b []byte) {
	q.size += len(b)
	if len(b) >= longPiece {
		q.open = nil
		q.pieces = append(q.pieces, b)
		q.held += len(b) + pieceCost
		return
	}
	for len(b) > 0 {
		if q.open == nil || q.used == chunkSize {
			q.open, q.used = chunks.Get().(*chunk), 0
			q.chunks = append(q.chunks, q.open)
			q.pieces = append(q.pieces, nil)
			q.held += chunkSize + pieceCost
		}
		n := copy(q.open[q.used:], b)
		q.used, b = q.used+n, b[n:]
		q.pieces[len(q.pieces)-1] = q.open[:q.used]
	}
}

// reset gives the chunks back, and keeps the room of the lists unless they are long.
func (q *queue) reset() {
	for _, c := range q.chunks {
		chunks.Put(c)
	}
	clear(q.pieces)
	clear(q.chunks)
	*q = queue{pieces: q.pieces[:0], chunks: q.chunks[:0]}
	if cap(q.pieces) > maxSpare || cap(q.chunks) > maxSpare {
		*q = queue{}
	}
}

// maxSpare is how much room the lists of an empty queue keep.
const maxSpare = 16
