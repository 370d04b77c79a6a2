package guard

import (
	"net/netip"
	"strings"
	"time"
)

const (
	// firstPenalty is as long as a silent link lasts: a peer that broke off in the
	// middle of a frame, for whatever reason, is back as fast as one that crashed.
	firstPenalty = 10 * time.Second
	// longestPenalty keeps somebody who does it again and again down to six times an
	// hour, and lets a node that was mended back in before anybody has to restart the
	// others.
	longestPenalty = 10 * time.Minute
	// probation is how long somebody has to behave, after a penalty, for it to be
	// forgotten. It is no shorter than the longest penalty: otherwise one would
	// misbehave more often by pausing in between than by not.
	probation = longestPenalty
)

// Culprit is who misbehaved: a name at an address. Where there is no key anybody can
// claim any name, so the name alone says nothing; and many nodes may be behind one
// address, so neither does that. Without a name it is whoever at the address gave none.
// The caller bounds names; package wire does.
type Culprit struct {
	Addr netip.Addr
	Name string
}

// Penalties remembers who misbehaved, and keeps him out for longer each time. Only
// somebody whose address is proven, by a token or a connection, should be punished:
// otherwise anybody could have anybody else barred.
type Penalties struct {
	records  *table[Culprit, record]
	punished uint64
	refused  uint64
}

// PenaltyStats counts punishments, how often somebody was found barred, and the records
// that had to make room.
type PenaltyStats struct {
	Punished, Refused, Evicted uint64
	// Records is how many there are now.
	Records int
}

// record is until when a culprit is barred, and for how long that is.
type record struct{ until, penalty time.Duration }

// NewPenalties remembers up to max culprits. The one whose penalty ends first makes
// room: so short ones, of which one attacker can earn many with many names, do not
// push out long ones.
func NewPenalties(max int) *Penalties {
	return &Penalties{records: newTable[Culprit, record](max)}
}

// Punish bars a culprit, at first for 10 s and then twice as long each time, up to 10
// minutes. Who is barred already has done it before he could know.
func (p *Penalties) Punish(now time.Duration, c Culprit) (until time.Duration) {
	p.punished++
	c.Addr = canonical(c.Addr)
	penalty := firstPenalty
	if r := p.records.get(c); r != nil {
		switch {
		case now < r.until:
			return r.until
		case now < r.until+probation:
			penalty = min(2*r.penalty, longestPenalty)
		}
	} else {
		p.records.makeRoom(func(r *record) int64 { return int64(r.until) })
		c.Name = strings.Clone(c.Name) // it may be part of something large
	}
	p.records.put(c, record{now + penalty, penalty})
	return now + penalty
}

// Barred reports whether a culprit is kept out now.
func (p *Penalties) Barred(now time.Duration, c Culprit) bool {
	c.Addr = canonical(c.Addr)
	r := p.records.get(c)
	if r == nil || now >= r.until {
		return false
	}
	p.refused++
	return true
}

// Stats returns the counters.
func (p *Penalties) Stats() PenaltyStats {
	return PenaltyStats{p.punished, p.refused, p.records.evicted, p.records.len()}
}
