package broadcast

import (
	"testing"
	"time"
)

// pair is two nodes with one link, which a has dialled.
func pair(t *testing.T) (w *world, a, b *node, fromA, fromB LinkID) {
	w = strangers(t, 2, nil)
	a, b = w.nodes[0], w.nodes[1]
	w.link(a, b)
	return w, a, b, a.links.conns[0].id, b.links.conns[0].id
}

// talk sends something that needs no answer.
func (w *world) talk(n *node, link LinkID) {
	w.step(n, func(out *Outbox) { out.send(link, Frame{Kind: IHave}) })
}

// vanish has b be silent from now on, without a's network telling, and says after what
// time a gives it up.
func (w *world) vanish(a, b *node) time.Duration {
	since := w.now
	for a.links.Linked(b.self) {
		w.now = a.links.Deadline()
		w.tick(a)
		w.lose()
	}
	return w.now - since
}

// lose drops whatever is on its way.
func (w *world) lose() {
	for _, e := range w.busy() {
		e.queue, e.fin = nil, false
	}
}

// A link on which nothing is said lives, at the cost of one ping and one answer in five
// heartbeats for both ends together.
func TestAnIdleLinkIsPingedSeldom(t *testing.T) {
	w, a, b, _, _ := pair(t)
	w.run(time.Hour)
	wantLinked(t, "pings keep an idle link", a, b, true)
	if n, most := a.pings, int(time.Hour/(quiet*a.links.cfg.Heartbeat))+quiet; n < most-2*quiet || n > most {
		t.Errorf("%d pings in an hour, want about %d", n, most)
	}
	if n := b.pings; n != 0 {
		t.Errorf("the end that was dialled sent %d pings, want none: it hears the other's", n)
	}
}

// A host that vanishes is found by its silence: the sooner, the less quiet the link was.
func TestSilence(t *testing.T) {
	cfg := DefaultLinksConfig()
	long := cfg.Timeout + quiet*cfg.Heartbeat
	for _, test := range []struct {
		why        string
		calm       time.Duration // before that
		talks      bool          // a to b, from then on
		least, max time.Duration
	}{
		{"there was talk until now", 0, false, cfg.Timeout, cfg.Timeout + cfg.Heartbeat/5},
		{"there is talk to it", time.Hour, true, cfg.Timeout - cfg.Heartbeat, cfg.Timeout},
		{"a quiet link", time.Hour, false, cfg.Timeout - cfg.Heartbeat, long},
	} {
		for _, dialler := range []bool{true, false} {
			w, a, b, fromA, fromB := pair(t)
			if !dialler {
				a, b, fromA, fromB = b, a, fromB, fromA
			}
			w.run(test.calm)
			w.talk(a, fromA)
			w.talk(b, fromB)
			if w.drain(); !test.talks {
				w.run(test.calm)
			} else {
				w.talk(a, fromA)
				w.lose()
			}
			took := w.vanish(a, b)
			if took < test.least || took > test.max {
				t.Errorf("%s, it dialled %v: given up after %v, want %v to %v", test.why, dialler, took, test.least, test.max)
			}
			if a.links.Stats.TimedOut != 1 {
				t.Errorf("%s: %d timeouts are counted", test.why, a.links.Stats.TimedOut)
			}
		}
	}
}

// Each end asks, and gives up, by its own config: an impatient one outlives the other's
// long silences.
func TestEndsNeedNotAgree(t *testing.T) {
	for _, impatient := range []int{0, 1} {
		w, a, b, fromA, _ := pair(t)
		cfg := &w.nodes[impatient].links.cfg
		cfg.Heartbeat, cfg.Timeout = 100*time.Millisecond, 200*time.Millisecond
		cfg = &w.nodes[1-impatient].links.cfg
		cfg.Heartbeat, cfg.Timeout = time.Minute, time.Hour
		w.run(time.Hour)
		w.talk(a, fromA)
		w.run(time.Hour)
		wantLinked(t, "configs differ", a, b, true)
	}
}

// Who reads slowly has a long queue before it, in which a ping would wait. It says
// unasked that it is alive, as long as anything comes.
func TestASlowReaderIsNotDead(t *testing.T) {
	w, a, b, fromA, _ := pair(t)
	to := w.ends[fromA-1]
	until := w.now + 10*a.links.cfg.Timeout
	for n := 0; w.now < until; n++ {
		w.talk(a, fromA)
		if n%3 == 0 && len(to.queue) > 0 {
			w.arrive(to) // a third of what is sent
		}
		for _, e := range w.busy() {
			for e != to && len(e.queue) > 0 {
				w.arrive(e)
			}
		}
		w.now += 500 * time.Millisecond
		for _, n := range w.nodes {
			if n.links.Deadline() <= w.now {
				w.tick(n)
			}
		}
	}
	if len(to.queue) < 20 {
		t.Fatalf("%d frames wait: the story wants a long queue", len(to.queue))
	}
	wantLinked(t, "it reads slowly", a, b, true)
}
