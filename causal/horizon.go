package causal

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// What is long past is forgotten. A message belongs to an epoch, an eighth of
// Config.Horizon by the clocks on the wall, and not to one before its
// dependencies'; it is said on the wire only where it is a later one (vclock, E4).
// So all nodes drop the same entries from the same message's clock, and with them
// the heads that they would be dependencies for.
//
// Beyond the horizon clocks go by time (E5), and so does delivery: what is so old is in
// no log any more, for the horizon is several times as long as any keeps messages.
// Clocks on the wall that differ by more than an epoch would have nodes drop what is
// not old, so such messages are refused.
//
// After twice the horizon an origin is forgotten altogether (Machine.Tick): then no
// message that is still in a log depends on any of its. Should it speak after all, it
// goes on with the numbers it had, and says that it resumes.

// minHorizon keeps epochs longer than messages travel.
const minHorizon = 8 * time.Second

// mostAhead is by how many epochs clocks on the wall may differ, and so, as far as a
// node's own can tell, those by which an epoch that others have may be off.
const mostAhead = 1

// epoch is the one that it is now, by this node's own clock; 0 if there are none.
func (b *Buffer) epoch(now time.Duration) uint32 {
	if b.cfg.Horizon == 0 {
		return 0
	}
	n := (b.cfg.Wall + now) / (b.cfg.Horizon / vclock.Horizon)
	return uint32(min(max(1, n), math.MaxUint32-mostAhead))
}

// SetWall corrects Config.Wall: clocks on the wall are set, and other clocks stop
// while a computer sleeps.
func (b *Buffer) SetWall(wall time.Duration) { b.cfg.Wall = wall }

// inTime reports whether a message's epoch can be right. It is looked at when the
// message comes, as far as it tells, and again when its clock is known. Where messages
// are dated their own word of it counts: a clock that came along is the sender's.
func (b *Buffer) inTime(now time.Duration, m *broadcast.Message, withClock bool) bool {
	newest := m.Epoch
	if withClock {
		newest = max(newest, m.Clock.Epoch())
	}
	switch {
	case b.cfg.Horizon == 0:
	case !b.cfg.Dated && (b.cfg.Order != Causal || newest == 0):
	case newest > b.epoch(now)+mostAhead:
		b.Stats.Early++
		return false
	case b.cfg.Dated && m.Epoch == 0, b.isStale(now, m):
		b.Stats.Stale++
		return false
	}
	return true
}

// isStale reports whether a message is from beyond the horizon.
func (b *Buffer) isStale(now time.Duration, m *broadcast.Message) bool {
	if b.cfg.Dated {
		return isBeyond(m.Epoch, b.latest(now))
	}
	return isBeyond(max(m.Epoch, m.Clock.Epoch()), b.latest(now))
}

// refuse deals with a message that is not in time. What is beyond the horizon is so
// for good: to whoever waits for it, it is gone.
func (b *Buffer) refuse(now time.Duration, m *broadcast.Message, from broadcast.LinkID) {
	if b.isStale(now, m) {
		b.Denied(now, from, broadcast.GoneEntry{Dot: m.Dot, UpTo: m.Dot.Seq, Age: now - m.Born})
	}
}

// latest is the latest epoch that has come for sure.
func (b *Buffer) latest(now time.Duration) uint32 {
	return max(b.latestOf, max(b.epoch(now), mostAhead)-mostAhead)
}

// isBeyond reports whether one epoch is beyond the horizon of another.
func isBeyond(epoch, of uint32) bool {
	return epoch != 0 && epoch < of && of-epoch > vclock.Horizon
}

// dropHeads forgets the heads beyond an epoch's horizon: that they are in its past
// goes without saying. No epoch comes before one that has been.
func (b *Buffer) dropHeads(epoch uint32) {
	if epoch == b.headsOf {
		return
	}
	b.headsOf = epoch
	b.heads = slices.DeleteFunc(b.heads, func(h head) bool { return isBeyond(h.epoch, epoch) })
}

// Forget takes notice that an origin is forgotten. A message that says no epoch, which no
// honest origin makes, would be a head until another one depends on it, and then a
// dependency that nobody has.
func (b *Buffer) Forget(origin peer.Handle) {
	b.heads = slices.DeleteFunc(b.heads, func(h head) bool { return h.dot.Origin == origin })
}

// newestHead is the epoch that a message has if it does not say so.
func (b *Buffer) newestHead() (epoch uint32) {
	for _, h := range b.heads {
		epoch = max(epoch, h.epoch)
	}
	return epoch
}

// hasBeenSilent reports whether this node's last message may have been forgotten by
// others. They do so after twice the horizon, by their own clocks; and it is no
// dependency any more an epoch before the horizon, if somebody's clock is ahead.
func (b *Buffer) hasBeenSilent(now time.Duration, origin peer.Handle, seq uint64) bool {
	born, known := b.seen.Born(origin)
	return b.cfg.Horizon > 0 && seq > 1 && (!known || born+b.cfg.Horizon*7/8 <= now)
}

// mayResume reports whether a message that says so can come after a silence. An
// origin that was heard of within half of the horizon has not been silent for nearly
// all of it, however long its messages were on the way: whoever says so in its name
// would have all of them given up that come before a number of his choice. Where a
// later one was had, nothing is given up that is not known to have been.
func (b *Buffer) mayResume(m *broadcast.Message) bool {
	born, known := b.seen.Born(m.Dot.Origin)
	return !known || b.seen.Highest(m.Dot.Origin) > m.Dot.Seq || m.Born-born >= b.cfg.Horizon/2
}

// isForgotten reports whether everybody forgets an origin whose newest message was
// broadcast then. Nodes do so at nearly the same time; what one has forgotten it must
// not take up again from one that is about to.
func (b *Buffer) isForgotten(now, born time.Duration) bool {
	return b.cfg.Horizon > 0 && born <= now-2*b.cfg.Horizon
}

// isRemembered reports whether a message of then would be known here if it had been
// had. Nodes take messages for younger than they are by the time that these were
// stuck on the way, so what is nearly forgotten elsewhere may be forgotten here, and
// is no gap.
func (b *Buffer) isRemembered(now, born time.Duration) bool {
	return !b.isForgotten(now, born-b.cfg.Horizon/4)
}

// resume gives up whatever an origin sent before it fell silent. Who remembers it,
// and lacks some of that, has a gap.
func (b *Buffer) resume(now time.Duration, d peer.Dot) {
	b.forgetAll(b.heldBefore(d))
	known := b.seen.HasBefore(d)
	gaps, skipped := b.giveUp(d.Origin, d.Seq-1, now-b.cfg.Horizon, known, b.skipped)
	if b.skipped = gaps; known {
		b.Stats.GapMessages += skipped
	}
}

// heldBefore lists what is held back of an origin before one of its messages.
func (b *Buffer) heldBefore(d peer.Dot) (list []*held) {
	for x, h := range b.held {
		if x.Origin == d.Origin && x.Seq < d.Seq {
			list = append(list, h)
		}
	}
	slices.SortFunc(list, func(x, y *held) int { return cmp.Compare(x.arrival, y.arrival) })
	return list
}
