package gossip

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestQueueIsAStream: whatever is added comes out in order, and what is charged is no
// less than what it takes.
func TestQueueIsAStream(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var q queue
	for round := range 300 {
		var want []byte
		most := 1 << (round % 16)
		for range r.IntN(20) {
			b := make([]byte, r.IntN(most+1))
			for i := range b {
				b[i] = byte(r.Uint32())
			}
			want = append(want, b...)
			q.add(b, longPiece)
			if len(b) < longPiece {
				clear(b) // it has been copied
			}
		}
		if got := bytes.Join(q.pieces, nil); !bytes.Equal(got, want) || q.size != len(want) {
			t.Fatalf("round %d: %d bytes of %d, or others; the size is said to be %d", round, len(got), len(want), q.size)
		}
		takes := 0
		for _, p := range q.pieces {
			takes += cap(p)
		}
		if q.held < takes || q.held > 2*len(want)+2*chunkSize+pieceCost*len(q.pieces) {
			t.Fatalf("round %d: %d are charged for %d bytes, which take %d", round, q.held, len(want), takes)
		}
		q.reset()
		if q.held != 0 || q.size != 0 || len(q.pieces) != 0 {
			t.Fatalf("round %d: after a reset %+v", round, q)
		}
	}
}
