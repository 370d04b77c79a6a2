package causal

import (
	"math"
	"slices"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// A node that keeps what it delivers goes on in its next life where the last one
// stopped. What it delivered is given to it again, in that order (Restore); what it had
// before the first of that, and does not have any more, it has written down (Past).

// Past is what a node has had at one moment of its life, without the messages.
type Past struct {
	// Note says that it is of some origins only, and of nothing else.
	Note bool
	// Had says it of every origin: Age is that of the newest message.
	Had []broadcast.DigestEntry
	// Clock is the node's own, of everything delivered.
	Clock vclock.Clock
	// Heads are what the next message depends on.
	Heads []Head
}

// Head is a message that no other one depends on yet, and its epoch.
type Head struct {
	peer.Dot
	Epoch uint32
}

// Past is what there is to write down now.
func (b *Buffer) Past(now time.Duration) Past {
	p := Past{Had: b.seen.AppendAll(now, nil), Clock: b.Clock()}
	for _, h := range b.heads {
		p.Heads = append(p.Heads, Head{h.dot, h.epoch})
	}
	return p
}

// Recall takes in what an earlier life of this node has written down then, by this
// node's clock. What everybody has forgotten since stays forgotten. It does nothing and
// reports false if all that is ahead of the clock on the wall, which was set back: no
// message of this life could come after it. Of what was not known to have been had news
// is told, with when the newest of it was broadcast.
func (b *Buffer) Recall(now, then time.Duration, p *Past, news func(e *broadcast.DigestEntry, born time.Duration)) bool {
	if b.cfg.Horizon > 0 && p.Clock.Epoch() > b.epoch(now)+mostAhead {
		b.Stats.Early++
		return false
	}
	for i := range p.Had {
		e := &p.Had[i]
		born := then - e.Age
		if b.isForgotten(now, born) || e.Origin == b.cfg.Self {
			continue
		}
		known := b.seen.Contiguous(e.Origin)
		if !b.seen.Recall(e, born) {
			b.Stats.NoRoom++
			continue
		}
		if e.Contiguous > known {
			news(e, born)
		}
		b.seen.Prove(e.Origin, e.Evidence)
	}
	if !p.Note {
		b.merge(p.Clock, true)
		b.recallHeads(p.Heads)
	}
	return true
}

// recallHeads replaces the heads. The clock of one that is not here is asked for when a
// message comes that depends on it.
func (b *Buffer) recallHeads(heads []Head) {
	old := b.heads
	b.heads, b.headsOf = nil, 0
	for _, h := range heads {
		if !b.seen.Has(h.Dot) {
			continue // forgotten
		}
		if i := slices.IndexFunc(old, func(x head) bool { return x.dot == h.Dot }); i >= 0 {
			b.heads = append(b.heads, old[i])
			continue
		}
		x := head{dot: h.Dot, epoch: h.Epoch, bare: true}
		if m := b.log.Get(h.Dot); m != nil {
			x.clock, x.bare = m.Clock, false
		}
		b.heads = append(b.heads, x)
	}
}

// Restore takes a message that an earlier life of this node has delivered, in its turn:
// it goes the way of a message from a link, but that it waits for nothing. What it
// depends on was delivered then as well, and if it is not here it is lost, and counts as
// had. A clock that came along is used only if it cannot be worked out: it would share
// nothing with others. Refused is what cannot be delivered all the same, because there is
// no clock or it is not in time.
func (b *Buffer) Restore(now time.Duration, m *broadcast.Message, withClock bool) Outcome {
	if possible(m) && b.seen.Room(m.Dot) && !b.seen.Has(m.Dot) {
		b.skipPast(m, withClock)
		if withClock && b.cfg.Order == Causal && b.find(m.Deps) {
			withClock, m.Clock, m.ClockBytes = false, vclock.Clock{}, 0
		}
	}
	outcome := b.Add(now, m, withClock, 0)
	if h := b.held[m.Dot]; h != nil {
		b.forgetAll([]*held{h})
	}
	if outcome == Fresh && !b.seen.Has(m.Dot) {
		return Refused
	}
	return outcome
}

// skipPast counts as had what would have to be delivered before the message: what the
// earlier life had given up after its last mark, most likely. When that was broadcast
// nobody tells; it had left the logs, which hold things for a quarter of the horizon at
// most.
func (b *Buffer) skipPast(m *broadcast.Message, withClock bool) {
	dots := b.dependencies(m)
	if withClock && b.cfg.Order == Causal {
		past, _ := b.past(m, math.MaxInt)
		dots = append(slices.Clip(dots), past...)
	}
	for _, d := range dots {
		if !b.seen.Has(d) {
			b.seen.Skip(d.Origin, d.Seq, m.Born-b.cfg.Horizon/4)
		}
	}
}
