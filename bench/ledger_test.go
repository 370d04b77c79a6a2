package main

import (
	"slices"
	"testing"
	"time"
)

// The ledger counts a delivery once, none at the origin, none of another run, and
// knows what is everywhere.
func TestLedger(t *testing.T) {
	l := newLedger(70) // more than one word of bits
	l.timed = true
	payload := l.newPayload(64)
	number := l.write(payload, 3, nil)
	for range 2 {
		for node := range 69 {
			l.deliver(node, payload)
		}
	}
	if got := l.delivered.Load(); got != 68 {
		t.Errorf("%d deliveries", got)
	}
	if l.everywhere(number) {
		t.Error("everywhere before the last node had it")
	}
	strange := newLedger(70).newPayload(64)
	l.deliver(69, strange)
	l.deliver(69, strange[:3])
	if l.everywhere(number) {
		t.Error("a message of another run counted")
	}
	l.deliver(69, payload)
	if !l.everywhere(number) || l.ratio(number, number+1) != 1 {
		t.Error("not everywhere")
	}
	if got := len(l.delays(number, number+1)); got != 69 {
		t.Errorf("%d delays", got)
	}
	if got := l.lasts(number, number+1); len(got) != 1 || got[0] <= 0 {
		t.Errorf("the last had it after %v", got)
	}
}

// Only who lives is waited for.
func TestLedgerOfSurvivors(t *testing.T) {
	l := newLedger(4)
	l.survivors([]bool{true, false, true, true})
	payload := l.newPayload(64)
	number := l.write(payload, 0, nil)
	l.deliver(1, payload)
	l.deliver(2, payload)
	if l.everywhere(number) {
		t.Error("the dead count")
	}
	l.deliver(3, payload)
	if !l.everywhere(number) || l.ratio(number, number+1) != 1 {
		t.Error("not everywhere")
	}
}

// A node that has just come is told of messages sent since, and of none before.
func TestVisitor(t *testing.T) {
	l := newLedger(2)
	early, late := l.newPayload(64), l.newPayload(64)
	l.write(early, 0, nil)
	v := &visitor{node: 2, from: l.next.Load(), got: make(chan struct{})}
	l.visitor.Store(v)
	l.write(late, 0, nil)
	l.deliver(2, early)
	select {
	case <-v.got:
		t.Error("an old message counts")
	default:
	}
	l.deliver(2, late)
	l.deliver(2, late)
	<-v.got
}

// A window gives a place back when a message is everywhere, or when it has taken too
// long: one that is lost must not block its origin for ever.
func TestWindow(t *testing.T) {
	l := newLedger(2)
	w := newWindow(1)
	payload := l.newPayload(64)
	send := func() {
		if !w.enter(l, 20*time.Millisecond, nil) {
			t.Fatal("told to stop")
		}
		w.sent(l.entry(l.write(payload, 0, w)))
	}
	send()
	l.deliver(1, payload)
	send() // the first one is everywhere
	send() // after patience, as the second one is lost
	l.deliver(1, payload)
	if got := w.taken.Load(); got != 0 {
		t.Errorf("%d places are taken", got)
	}
	stop := make(chan struct{})
	close(stop)
	if w.enter(l, time.Minute, stop) {
		t.Error("not told to stop")
	}
}

// What takes longer than the patience to arrive must not give a place back twice.
func TestWindowOfLateMessage(t *testing.T) {
	l := newLedger(2)
	w := newWindow(1)
	late := l.newPayload(64)
	w.enter(l, time.Minute, nil)
	w.sent(l.entry(l.write(late, 0, w)))
	w.giveUp(time.Since(l.start))
	l.deliver(1, late)
	if got := w.taken.Load(); got != 0 {
		t.Errorf("%d places are taken", got)
	}
}

func TestQuantile(t *testing.T) {
	var times []time.Duration
	for i := range 100 {
		times = append(times, time.Duration(i))
	}
	slices.Reverse(times)
	for q, want := range map[float64]time.Duration{0: 0, 0.5: 50, 0.99: 99, 1: 99} {
		if got := quantile(times, q); got != want {
			t.Errorf("quantile %v is %v", q, got)
		}
	}
	if quantile(nil, 0.5) != 0 {
		t.Error("of nothing")
	}
}
