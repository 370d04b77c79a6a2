package protocol

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/causal"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// said tells what a journal consists of: messages by their words, marks as a |, and a +
// where a clock goes along.
func said(journal []Entry) (text string) {
	for _, e := range journal {
		switch {
		case e.Message == nil:
			text += "|"
			continue
		case e.WithClock:
			text += "+"
		}
		text += string(e.Message.Payload)
	}
	return text
}

func keeping(c *Config) { c.Journal = true }

// A journal begins with a mark, and each eighth of the time that the log goes back with
// another. What a message of another origin depends on is in its group, or its clock goes
// along; own messages have theirs in any case.
func TestAJournalIsInGroups(t *testing.T) {
	l := newLab(t)
	a, b := l.start(keeping), l.start(nil)
	l.join(b, a)
	l.runUntil(2*time.Second, func() bool { return linked(a, b) })
	for _, word := range []string{"r", "s"} {
		b.say(word)
		l.run(20 * hop)
	}
	a.say("t")
	l.run(8 * time.Minute) // an eighth of an hour, and more
	b.say("u")             // which depends on t; with it the first group is full
	l.run(3 * time.Minute)
	b.say("v") // which depends on u, of the group before
	l.run(20 * hop)
	b.say("w")
	l.run(20 * hop)
	if got := said(a.journal); got != "|rs+tu|+vw" || len(a.forgotten) != 0 {
		t.Errorf("the journal is %s, %d groups of it forgotten", got, len(a.forgotten))
	}
	past := a.journal[5].Past
	if len(past.Had) != 2 || past.Clock.Get("a") != 1 || past.Clock.Get("b") != 3 || len(past.Heads) != 1 || past.Heads[0].Dot != (peer.Dot{Origin: b.h, Seq: 3}) {
		t.Errorf("the second mark says %+v", past)
	}
	l.run(58 * time.Minute) // the first group has left the log
	if len(a.forgotten) != 1 || len(a.forgotten[0].Messages) != 4 || a.forgotten[0].Mark != a.journal[0].Mark {
		t.Errorf("forgotten: %+v", a.forgotten)
	}
	l.run(10 * time.Minute) // and now all has; a mark is left
	if got := said(a.journal); got != "|rs+tu|+vw|" || len(a.forgotten) != 2 {
		t.Errorf("the journal is %s, %d groups of it forgotten", got, len(a.forgotten))
	}
}

// Without a journal nothing is written down.
func TestNobodyKeepsUnasked(t *testing.T) {
	l := newLab(t)
	a := l.start(nil)
	a.say("x")
	if len(a.journal) > 0 || len(a.Machine.journal.groups) > 0 {
		t.Error("there is a journal")
	}
}

// reborn is a machine that goes on from a journal, which nobody has written to since then.
func (l *lab) reborn(journal []Entry, then time.Duration) *member {
	n := l.start(keeping)
	for _, e := range journal {
		if e.Message == nil {
			if err := n.Recall(l.now, then, e.Mark, e.Past); err != nil {
				l.fail("%v", err)
			}
			continue
		}
		m := *e.Message
		m.Clock = m.Clock.Clone()
		if !e.WithClock {
			m.Clock, m.ClockBytes = (&broadcast.Message{}).Clock, 0
		}
		if err := n.Restore(l.now, &m, e.WithClock); err != nil {
			l.fail("%s: %v", m.Payload, err)
		}
	}
	for m := range n.Restored(l.now) {
		n.delivered = append(n.delivered, m)
	}
	return n
}

// Whichever group a journal begins with, the node has had what is before it, and has what
// is after. What it says is gone is what it does not have: not what a later mark counts.
func TestAJournalMayBeginAnywhere(t *testing.T) {
	l := newLab(t)
	a := l.start(keeping)
	for i := range 24 {
		a.say(fmt.Sprintf("%c", 'a'+i))
		l.run(2 * time.Minute)
	}
	var begins []int
	for i, e := range a.journal {
		if e.Message == nil {
			begins = append(begins, i)
		}
	}
	if len(begins) < 4 {
		t.Fatalf("the journal is %s", said(a.journal))
	}
	for _, begin := range begins {
		n := l.reborn(a.journal[begin:], l.now)
		had := uint64(0)
		for _, e := range a.journal[:begin] {
			if e.Message != nil {
				had++
			}
		}
		if !n.Clock().Equal(a.Clock()) || n.seen.Hash() != a.seen.Hash() {
			t.Errorf("from %d on: the clock is %v, and was %v", begin, n.Clock(), a.Clock())
		}
		if n.log.Len() != 24-int(had) || uint64(len(n.delivered)) != 24-had {
			t.Errorf("from %d on: %d are in the log, %d are given out; %d are before it", begin, n.log.Len(), len(n.delivered), had)
		}
		if gone, _ := n.log.Evicted(a.h); gone != had {
			t.Errorf("from %d on: up to %d is said to be gone, want %d", begin, gone, had)
		}
		for i, m := range n.delivered {
			if want := a.delivered[int(had)+i]; m.Dot != want.Dot || !m.Clock.Equal(want.Clock) {
				t.Errorf("from %d on: %v with %v, want %v with %v", begin, m.Dot, m.Clock, want.Dot, want.Clock)
			}
		}
		n.say("new")
		if m := n.delivered[len(n.delivered)-1]; len(m.Deps) != 1 || m.Deps[0] != (peer.Dot{Origin: a.h, Seq: 24}) {
			t.Errorf("from %d on: the next message depends on %v", begin, m.Deps)
		}
	}
}

// Nobody makes messages that a mark could be about to count, or that cannot be: such
// records are refused, and leave nothing behind.
func TestWhatCannotBeRestored(t *testing.T) {
	l := newLab(t)
	n := l.start(keeping)
	for _, m := range []*broadcast.Message{
		{Dot: peer.Dot{Origin: 2}},
		{Dot: peer.Dot{Origin: 2, Seq: 1 << 60}},
		{Dot: peer.Dot{Origin: 2, Seq: 1}, Deps: []peer.Dot{{Origin: 2, Seq: 1}}},
		{Dot: peer.Dot{Origin: n.h, Seq: 1}},
		{Dot: peer.Dot{Origin: 2, Seq: 1}, Born: l.now - 25*time.Hour},
	} {
		if err := n.Restore(l.now, m, false); err != ErrNotRestored {
			t.Errorf("%+v: %v", m, err)
		}
	}
	if n.seen.Len() != 0 || n.log.Len() != 0 {
		t.Errorf("%d origins, %d messages", n.seen.Len(), n.log.Len())
	}
	past := causal.Past{Heads: []causal.Head{{Dot: peer.Dot{Origin: 3, Seq: 9}}}} // which it does not say was had
	if err := n.Recall(l.now, l.now, peer.Dot{}, &past); err != nil || n.buffer.Heads() != 0 {
		t.Errorf("%v, %d heads", err, n.buffer.Heads())
	}
}

// keep does what the outbox says of the journal.
func (r *run) keep() {
	for _, e := range r.out.Journal {
		r.kept = append(r.kept, keptEntry{e, r.now})
	}
	for _, g := range r.out.Forgotten {
		r.kept = slices.DeleteFunc(r.kept, func(k keptEntry) bool {
			return k.Message == nil && (k.Mark == g.Mark || slices.Contains(g.Notes, k.Mark)) || k.Message != nil && slices.Contains(g.Messages, k.Message.Dot)
		})
	}
}

// reborn has another machine go on from the journal, whoever has said what to the first.
// The journal begins with a mark and has the log in it. Where the peers have only lied as
// nobody can tell, all of it is restored, with the clocks that it had, and the node's own is
// what it was.
func (r *run) reborn() {
	if len(r.kept) == 0 {
		return // nothing has been done
	}
	if r.kept[0].Message != nil {
		r.fail("the journal begins with %v", r.kept[0].Message.Dot)
	}
	written := 0
	cfg := r.m.cfg
	cfg.Self, cfg.Origins = 7, cfg.Origins+2
	m, err := New(r.now, cfg, rand.NewPCG(1, 2))
	if err != nil {
		panic(err) // the test's mistake
	}
	m.buffer.SetWall(cfg.Wall)
	for _, k := range r.kept {
		if k.Message == nil {
			if err := m.Recall(r.now, k.at, k.Mark, k.Past); err != nil {
				r.fail("mark %v: %v", k.Mark, err)
			}
			continue
		}
		written++
		msg := *k.Message
		if !k.WithClock {
			msg.Clock, msg.ClockBytes = vclock.Clock{}, 0
		}
		err := m.Restore(r.now, &msg, k.WithClock)
		if r.truthful && (err != nil || !m.seen.Has(msg.Dot)) {
			r.fail("%v is not restored: %v", msg.Dot, err)
		}
		if got := m.log.Get(msg.Dot); r.truthful && got != nil && !got.Clock.Equal(k.Message.Clock) {
			r.fail("%v is restored with %v, and had %v", msg.Dot, got.Clock, k.Message.Clock)
		}
	}
	if written < r.m.log.Len() {
		r.fail("the journal has %d messages, and the log %d", written, r.m.log.Len())
	}
	m.Restored(r.now)
	var out Outbox
	m.Tick(r.now, &out)
	if s := m.broken(); s != "" {
		r.fail("reborn: %s", s)
	}
	if r.truthful && m.seen.Hash() != r.m.seen.Hash() {
		r.fail("reborn, the node has not had what it had")
	}
	if r.truthful && !m.Clock().Equal(r.m.Clock()) {
		r.fail("reborn, the clock is %v, and was %v", m.Clock(), r.m.Clock())
	}
}
