package causal

import (
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"pgregory.net/rapid"
)

// Whatever the order of arrival, and whatever is lost, duplicated, refused for
// want of room or gone from the logs: C1 to C4 hold at every step, nothing is
// given up that a link still has, and in the end nothing is held back (C5) and
// everything that is to be had was had.
func TestAnyOrderOfArrival(t *testing.T) {
	for _, order := range []Order{Causal, FIFO, Unordered} {
		t.Run(order.String(), func(t *testing.T) {
			for range 5 { // a hundred histories each, unless told otherwise
				rapid.Check(t, func(t *rapid.T) { anyArrival(t, order) })
			}
		})
	}
}

func anyArrival(t *rapid.T, order Order) {
	h := drawHistory(t, 25)
	at := rapid.IntRange(0, len(h.list))
	cuts := rapid.SliceOfN(rapid.Map(at, func(i int) int { return i / 2 }), 1, 3).Draw(t, "cuts")
	hold := rapid.SampledFrom([]int{1000, 2500, 1 << 20}).Draw(t, "hold")
	w := newWorld(t.Fatalf, order, h, hold, cuts...)
	w.store.keep = rapid.SampledFrom([]int{0, 1, 3, 1000}).Draw(t, "own log")
	for _, l := range w.links {
		l.known = max(l.cut, at.Draw(t, "known"))
	}
	pick := func() *link { return w.links[rapid.IntRange(0, len(w.links)-1).Draw(t, "link")] }
	t.Repeat(map[string]func(*rapid.T){
		"arrive": func(t *rapid.T) {
			l := pick()
			if l.up && l.cut < l.known {
				w.bring(l, rapid.IntRange(l.cut, l.known-1).Draw(t, "message"), rapid.IntRange(0, 3).Draw(t, "clock") == 0)
			}
		},
		"announce": func(t *rapid.T) {
			if l := pick(); l.up && l.cut < l.known {
				w.announce(l, rapid.IntRange(l.cut, l.known-1).Draw(t, "message"))
			}
		},
		"lie": func(t *rapid.T) {
			if l := pick(); l.up {
				w.announce(l, rapid.IntRange(0, len(h.list)-1).Draw(t, "message"))
			}
		},
		"hasten": func(t *rapid.T) { w.buf.Hasten(w.now) },
		"answer": func(t *rapid.T) {
			if len(w.flight) > 0 {
				w.answer(rapid.IntRange(0, len(w.flight)-1).Draw(t, "request"))
			}
		},
		"lose": func(t *rapid.T) {
			if len(w.flight) > 0 {
				w.flight = w.flight[1:]
			}
		},
		"poll": func(t *rapid.T) { w.poll() },
		"wait": func(t *rapid.T) {
			w.now += time.Duration(rapid.IntRange(1, 4000).Draw(t, "ms")) * time.Millisecond
			w.poll()
		},
		"send":  func(t *rapid.T) { w.originate() },
		"learn": func(t *rapid.T) { l := pick(); l.known = min(len(h.list), l.known+1) },
		"down":  func(t *rapid.T) { pick().up = false },
		"up":    func(t *rapid.T) { pick().up = true },
	})

	// The faults end.
	for _, l := range w.links {
		l.up, l.known = true, len(h.list)
	}
	w.settle()
	w.checkEmpty()
	w.strict = true
	for _, l := range w.links {
		w.reconcile(l)
	}
	w.checkEmpty()
	for i, s := range h.list {
		for _, l := range w.links {
			if l.has(i) && !w.seen.Has(s.dot) {
				t.Fatalf("C4: %v did not come again, although link %d has it; %v", s.dot, l.id, w)
			}
		}
		if w.had[s.dot] && w.gone[s.dot] {
			t.Fatalf("%v was delivered and given up", s.dot)
		}
		if w.seen.Has(s.dot) != (w.had[s.dot] || w.gone[s.dot]) {
			t.Fatalf("%v counts as had, and was neither delivered nor reported as a gap", s.dot)
		}
	}
	if got, want := w.buf.Stats.GapMessages, uint64(len(w.gone)); got != want {
		t.Fatalf("%d messages are counted as gaps, %d were reported", got, want)
	}
}

// Handles names everything that the buffer may still name, or the driver's
// address book would drop it.
func TestHandlesNamesEverybody(t *testing.T) {
	h := newHistory(3)
	x := h.send(1, 0)
	h.learn(2, x)
	y := h.send(2, 0)
	h.learn(3, y)
	h.send(3, 0)
	w := newWorld(t.Fatalf, Causal, h, 1<<20, 0)
	w.bring(w.links[0], 2, false) // held, waits for 2
	got := map[peer.Handle]bool{}
	w.buf.Handles(func(h peer.Handle) { got[h] = true })
	if !got[2] || !got[3] || got[1] {
		t.Errorf("marked %v, want the message held and the one it waits for", got)
	}
	w.bring(w.links[0], 1, false)
	w.bring(w.links[0], 0, false)
	clear(got)
	w.buf.Handles(func(h peer.Handle) { got[h] = true })
	if len(got) != 1 || !got[3] {
		t.Errorf("marked %v, want the only head", got)
	}
}
