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
//   - gives up first whoever has come again most often (returns);
//   - asks peers of its sample for links even if it is full, the more often the more of
//     its links have had to make room (nextChoice): who these are is up to the sample,
//     and not to who asks, and none of them stays for ever.
//
// TestPatientInsidersDoNotGetAllLinks tells what that is good for.

// choice is what a node remembers for that.
type choice struct {
	visitors []visitor
	begun    time.Duration // when it had its first link
	last     time.Duration // when it last asked for a link of its own choice
	evicted  int           // links that had to make room since
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

// A full node asks for another link of its own choice, in place of its oldest one, after
// chooseSeldom back-offs; where pressure links had to make room since, after chooseOften;
// and if it then has none of its own choice, after chooseSoon: after an hour, a minute,
// and 10 s. The first is a compromise between how long a bad choice lasts and what it
// costs in a quiet network: a dial, and two branches of trees. With a pressure of 1, each
// choice would cause another one where it evicts somebody, without end. The first
// chooseOften back-offs do not count: where many join at once, all ask with priority.
const (
	chooseSoon   = 2
	chooseOften  = 12
	chooseSeldom = 720
	pressure     = 4
)

// proven is after how many back-offs, 10 minutes of them, a link counts as old. In a
// network that has just come together age is no merit: the first links are with whom a
// node came to know first, and make long ways.
const proven = 120

// keptChoices is how many links of its own choice a node keeps whoever asks: half of
// all, as each is somebody's.
func (l *Links) keptChoices() int { return l.cfg.Max / 2 }

// evictable returns the links that may have to make room: not the newest of its own
// choice; and of the others, if they are old, not the older half, since a link is as old
// at its other end, which then keeps it too. With 5 links, 2 or more of its own choice,
// 2 are left, or 3 in a young network.
func (l *Links) evictable(now time.Duration) []*conn {
	links := l.linked()
	slices.SortStableFunc(links, func(a, b *conn) int { return cmp.Compare(b.since, a.since) })
	kept := 0
	links = slices.DeleteFunc(links, func(c *conn) bool {
		if c.outbound && kept < l.keptChoices() {
			kept++
			return true
		}
		return false
	})
	for older := len(links) / 2; older > 0; older-- {
		if oldest := links[len(links)-1]; now < oldest.since+proven*l.cfg.Backoff {
			break
		}
		links = links[:len(links)-1]
	}
	return links
}

// evictOne gives up a link that is not kept: whose peer has come again most often; of these
// one that is spare, which costs no tree; of these a random one.
func (l *Links) evictOne(now time.Duration, out *Outbox) {
	var pick *conn
	n, most, spare := uint64(0), 0, false
	for _, c := range l.evictable(now) {
		times, isSpare := l.returns(now, c), l.Spare != nil && l.Spare(c.id)
		switch {
		case times > most, times == most && isSpare && !spare:
			n, most, spare = 0, times, isSpare
		case times < most, spare && !isSpare:
			continue
		}
		n++
		if l.draw()%n == 0 {
			pick = c
		}
	}
	if pick != nil {
		l.Stats.Evicted++
		if now >= l.choice.begun+chooseOften*l.cfg.Backoff {
			l.choice.evicted++
		}
		l.giveUp(now, pick, out)
	}
}

// makeRoom gives up a link for another of this node's own choice: the oldest of these, if
// there are as many as are kept.
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

// returns is how often the peer of a link that it asked for has come again of late.
func (l *Links) returns(now time.Duration, c *conn) int {
	for _, v := range l.choice.visitors {
		if v.peer == c.peer && !c.outbound && now < v.last+forgetVisits {
			return v.times - 1
		}
	}
	return 0
}

// nextChoice is when a full node asks for a link of its own choice.
func (l *Links) nextChoice() time.Duration {
	switch {
	case l.cfg.Max == 1: // it would have none meanwhile
		return Never
	case l.choice.evicted < pressure:
		return l.choice.last + l.choice.seldom
	case l.choices() > 0:
		return l.choice.last + chooseOften*l.cfg.Backoff
	}
	return l.choice.last + chooseSoon*l.cfg.Backoff
}

// choose asks a peer of the view for a link, with priority: everybody may be full.
func (l *Links) choose(now time.Duration, view []peer.Descriptor, out *Outbox) {
	l.noteChoice(now)
	if p := l.candidate(now, view); p != peer.None {
		l.dial(now, p, forChoice, out)
	}
}

// noteChoice has the next choice wait. Not all nodes that have started together choose
// together.
func (l *Links) noteChoice(now time.Duration) {
	seldom := chooseSeldom * l.cfg.Backoff
	l.choice.last, l.choice.evicted = now, 0
	l.choice.seldom = seldom/2 + time.Duration(l.draw()%uint64(seldom))
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
