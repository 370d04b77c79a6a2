package broadcast

import (
	"cmp"
	"slices"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// Which links make room for others. HyParView gives a place to whoever asks with
// priority and takes it from a random link (algorithm 1). A few peers that ask everybody
// again and again have all links of all nodes within minutes then, whatever the sample
// is like. So a node
//
//   - keeps some of its links whoever asks (evictable);
//   - gives up first whoever has come most often (visits);
//   - sees to it that it has a link of its own choice, one that it has asked a peer of
//     its sample for, and changes these now and then (nextChoice): who is asked is up
//     to the sample, and one that has come to stay is not there for ever.
//
// That bounds how long insiders have all links of a node; see
// TestPatientInsidersDoNotGetAllLinks for figures.

// choice is what a node remembers for that.
type choice struct {
	visitors []visitor
	last     time.Duration // when it last asked for a link of its own choice
	since    int           // evictions since then
	seldom   time.Duration // chooseSeldom back-offs, half to one and a half of it
}

// visitor is a peer that has asked for a link and got it.
type visitor struct {
	peer  peer.Handle
	times int
	last  time.Duration
}

// maxVisitors bounds the memory of visitors, the oldest of which goes first, and any
// after forgetVisits: as many as are in all links and views of a node, a few times over.
const (
	maxVisitors  = 256
	forgetVisits = time.Hour
)

// A node whose links have all been asked for by others asks for one itself after
// chooseSoon back-offs. Where there are some, it asks for another in place of the oldest
// after chooseOften back-offs if pressure links had to make room since, and after
// chooseSeldom in any case: 10 s, a minute and 10 minutes. The last is a compromise
// of a quiet network, where it costs a dial and breaks two branches of trees, and of how
// long a bad choice lasts. With a pressure of 1, each choice would cause another where
// it evicts somebody, without end.
const (
	chooseSoon   = 2
	chooseOften  = 12
	chooseSeldom = 120
	pressure     = 4
)

// keptChoices is how many links of its own choice a node keeps whoever asks: half of
// all, as each is somebody's.
func (l *Links) keptChoices() int { return l.cfg.Max / 2 }

// evictable returns the links that may have to make room: not the oldest of its own
// choice, and not the older half of the others, because a link is as old at its other
// end, which then keeps it too. With 5 links and 2 or more of its own choice, 2 are left.
func (l *Links) evictable() []*conn {
	links := l.linked()
	slices.SortStableFunc(links, func(a, b *conn) int { return cmp.Compare(a.since, b.since) })
	kept := 0
	links = slices.DeleteFunc(links, func(c *conn) bool {
		if c.outbound && kept < l.keptChoices() {
			kept++
			return true
		}
		return false
	})
	return links[len(links)/2:]
}

// evictOne gives up a link that was not kept: whose peer has come most often; of these
// one that is spare, which costs no tree; of these a random one.
func (l *Links) evictOne(now time.Duration, out *Outbox) {
	var pick *conn
	n, most, spare := uint64(0), 0, false
	for _, c := range l.evictable() {
		times, isSpare := l.visits(now, c), l.Spare != nil && l.Spare(c.id)
		switch {
		case times > most, times == most && isSpare && !spare:
			n, most, spare = 0, times, isSpare
		case times < most, spare && !isSpare:
			continue
		}
		n++
		if l.rng.Uint64()%n == 0 {
			pick = c
		}
	}
	if pick != nil {
		l.Stats.Evicted++
		l.choice.since++
		l.giveUp(now, pick, out)
	}
}

// makeRoom gives up a link for one of this node's own choice: the oldest of these if
// there are enough.
func (l *Links) makeRoom(now time.Duration, out *Outbox) {
	chosen := slices.DeleteFunc(l.linked(), func(c *conn) bool { return !c.outbound })
	if len(chosen) == 0 || len(chosen) < l.keptChoices() {
		l.evictOne(now, out)
		return
	}
	oldest := slices.MinFunc(chosen, func(a, b *conn) int { return cmp.Compare(a.since, b.since) })
	l.giveUp(now, oldest, out)
}

// visit notes that a peer has asked for a link and got it.
func (l *Links) visit(now time.Duration, p peer.Handle) {
	v := visitor{peer: p}
	l.choice.visitors = slices.DeleteFunc(l.choice.visitors, func(o visitor) bool {
		isOver := now >= o.last+forgetVisits
		if o.peer == p && !isOver {
			v = o
		}
		return o.peer == p || isOver
	})
	if len(l.choice.visitors) == maxVisitors {
		l.choice.visitors = slices.Delete(l.choice.visitors, 0, 1)
	}
	v.times, v.last = v.times+1, now
	l.choice.visitors = append(l.choice.visitors, v)
}

// visits is how often the peer of a link has come for it of late; 0 if this node asked.
func (l *Links) visits(now time.Duration, c *conn) int {
	for _, v := range l.choice.visitors {
		if v.peer == c.peer && !c.outbound && now < v.last+forgetVisits {
			return v.times
		}
	}
	return 0
}

// nextChoice is when a full node asks for a link of its own choice.
func (l *Links) nextChoice() time.Duration {
	switch {
	case l.cfg.Max == 1: // it would have none meanwhile
		return Never
	case l.choices() == 0:
		return l.choice.last + chooseSoon*l.cfg.Backoff
	case l.choice.since >= pressure:
		return l.choice.last + min(l.choice.seldom, chooseOften*l.cfg.Backoff)
	}
	return l.choice.last + l.choice.seldom
}

// choose asks a peer of the view for a link, with priority: everybody may be full.
func (l *Links) choose(now time.Duration, view []peer.Descriptor, out *Outbox) {
	l.noteChoice(now)
	if p := l.candidate(now, view); p != peer.None {
		l.dial(now, p, forBridge, out)
	}
}

// noteChoice has the next choice wait. Not all nodes that have started together choose
// together.
func (l *Links) noteChoice(now time.Duration) {
	seldom := chooseSeldom * l.cfg.Backoff
	l.choice.last, l.choice.since = now, 0
	l.choice.seldom = seldom/2 + time.Duration(l.rng.Uint64()%uint64(seldom))
}

// linked returns the links.
func (l *Links) linked() []*conn {
	var links []*conn
	for _, c := range l.conns {
		if c.state == linked {
			links = append(links, c)
		}
	}
	return links
}

// choices is how many links this node has asked for itself.
func (l *Links) choices() int {
	n := 0
	for _, c := range l.conns {
		if c.state == linked && c.outbound {
			n++
		}
	}
	return n
}
