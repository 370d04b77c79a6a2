package causal

import (
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// X is not believed any more while Y still is. What Y said in answer to X comes, and
// what X said is a gap.
func TestWhatIsRenouncedHoldsNobodyUp(t *testing.T) {
	w := story(t, Causal, chain(4), 0) // x1 y1 x2 y2
	w.strict = false                   // what is given up can be had, and is not wanted
	w.bring(w.links[0], 1, false)
	w.buf.Renounce(w.now, w.message(w.h.list[0], false))
	w.settle()
	w.wantHad(t, "y1, whose x1 does not count", 1)
	w.bring(w.links[0], 3, false)
	w.buf.Renounce(w.now, w.message(w.h.list[2], false))
	w.buf.Renounce(w.now, w.message(w.h.list[2], false)) // it comes by another link, too
	w.settle()
	w.wantHad(t, "and y2", 2)
	w.wantGaps(t, "all of x", Gap{Origin: X, From: 1, To: 1}, Gap{Origin: X, From: 2, To: 2})
	w.checkEmpty()
}

// What was taken in before its origin was banned, and waits, is not delivered.
func TestWhatIsHeldBackIsRenounced(t *testing.T) {
	w := story(t, Causal, chain(6), 0) // x1 y1 x2 y2 x3 y3
	w.strict = false                   // what is given up can be had, and is not wanted
	w.bring(w.links[0], 2, false)      // x2, waits for y1
	w.bring(w.links[0], 4, false)      // x3, waits for y2
	w.bring(w.links[0], 5, false)      // y3, waits for x3
	w.buf.RenounceAll(w.now, func(o peer.Handle) bool { return o == X })
	w.settle()
	w.reconcile(w.links[0])
	w.wantHad(t, "y1 to y3", 3)
	w.wantGaps(t, "all of x, at once", Gap{Origin: X, From: 1, To: 3})
	w.checkEmpty()
}

// Only announced, and asked for: that ends as well.
func TestWhatIsRenouncedIsNotAskedFor(t *testing.T) {
	w := story(t, FIFO, monologue(2), 0)
	w.strict = false // what is given up can be had, and is not wanted
	w.buf.Announced(w.now, peer.Dot{Origin: X, Seq: 2}, w.links[0].id)
	w.buf.Renounce(w.now, w.message(w.h.list[1], false))
	w.now += 2 * testRetry
	w.poll()
	w.wantFlight(t, "nothing")
	w.wantGaps(t, "x1 came before it", Gap{Origin: X, From: 1, To: 2})
	w.checkEmpty()
	for _, seq := range []uint64{0, peer.MaxSeq + 1} {
		w.buf.Renounce(w.now, &broadcast.Message{Dot: peer.Dot{Origin: Z, Seq: seq}})
		if _, gaps := w.buf.Poll(w.now, nil, nil, nil); len(gaps) > 0 {
			t.Errorf("there is no message %d, and it is a gap: %v", seq, gaps)
		}
	}
	w.wantHad(t, "none", 0)
}
