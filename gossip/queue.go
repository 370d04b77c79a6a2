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
	scrap  *scrap   // the first piece, likewise, where little was written the last time
	busy   bool     // much was
	open   []byte   // the last piece, if there may be room behind it
	size   int      // bytes in all
	held   int      // what is charged for it
	cost   int      // in the machine's terms
}

// chunk is what a queue, and a link's reader, borrow and give back: a link that has
// nothing to say holds none.
type chunk [chunkSize]byte

// scrap is for queues that are short, as most are of links whose peers do not read: what
// is charged for them must not crowd out those of others.
type scrap [1 << 10]byte

const (
	// chunkSize is also as much as a TLS record holds.
	chunkSize = 16 << 10
	// longPiece is what is not worth copying: a piece more costs the system about as
	// much as copying so many bytes. A guess.
	longPiece = 4 << 10
	// longHead is the same for what would have to be allocated for the queue otherwise.
	longHead = chunkSize
	// pieceCost is what a long piece takes beside its bytes: its place in the queue,
	// which may be twice as much, and what allocating rounds up.
	pieceCost = 64
)

var (
	chunks = sync.Pool{New: func() any { return new(chunk) }}
	scraps = sync.Pool{New: func() any { return new(scrap) }}
)

// add appends bytes, which are copied if there are less than long. Nobody may change the
// others any more.
func (q *queue) add(b []byte, long int) {
	q.size += len(b)
	if len(b) >= long {
		q.open = nil
		q.pieces = append(q.pieces, b)
		q.held += len(b) + pieceCost
		return
	}
	for len(b) > 0 {
		if len(q.open) == cap(q.open) {
			q.extend()
		}
		n := min(len(b), cap(q.open)-len(q.open))
		q.open = append(q.open, b[:n]...)
		q.pieces[len(q.pieces)-1] = q.open
		b = b[n:]
	}
}

// extend adds an empty piece.
func (q *queue) extend() {
	if len(q.pieces) == 0 && !q.busy {
		q.scrap = scraps.Get().(*scrap)
		q.open = q.scrap[:0]
	} else {
		c := chunks.Get().(*chunk)
		q.chunks = append(q.chunks, c)
		q.open = c[:0]
	}
	q.pieces = append(q.pieces, q.open)
	q.held += cap(q.open) + pieceCost
}

// drop takes out the first bytes of the only piece.
func (q *queue) drop(n int) {
	q.size -= n
	q.pieces[0] = q.pieces[0][n:]
	if q.open != nil {
		q.open = q.pieces[0]
	}
}

// reset gives back what was borrowed, and keeps the room of the lists unless they are
// long.
func (q *queue) reset() {
	for _, c := range q.chunks {
		chunks.Put(c)
	}
	if q.scrap != nil {
		scraps.Put(q.scrap)
	}
	clear(q.pieces)
	clear(q.chunks)
	busy := q.size > len(scrap{})
	*q = queue{pieces: q.pieces[:0], chunks: q.chunks[:0], busy: busy}
	if cap(q.pieces) > maxSpare || cap(q.chunks) > maxSpare {
		*q = queue{busy: busy}
	}
}

// maxSpare is how much room the lists of an empty queue keep.
const maxSpare = 16

// slim lets go of the lists of an empty queue.
func (q *queue) slim() {
	if len(q.pieces) == 0 {
		q.pieces, q.chunks = nil, nil
	}
}
