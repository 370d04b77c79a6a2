package protocol

import (
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/causal"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// Offence tells that a peer has sent what no honest node makes. The driver may want to
// remember it by its name or address, which outlive the handle.
type Offence struct {
	Link broadcast.LinkID
	Peer peer.Handle
	What Misdeed
}

// Misdeed is what an offence consists in.
type Misdeed uint8

// The misdeeds.
const (
	AbsurdNumber    Misdeed = iota + 1 // a sequence number that there is not, or an age below 0
	DependsOnItself                    // a message in its own past
	WrongClock                         // a clock that does not count its message, or too many origins
	OutOfPlace                         // more frames without a meaning than can have crossed with anything
	VainAnnounces                      // too many announcements of what nobody has
	ForgedDot                          // a message of this node that it has not made
	ForgedPast                         // a dependency or a clock that counts more of this node's than it has made
	ForgedClaim                        // the same in GONE, IHAVE or DIGEST
)

// String names the misdeed.
func (w Misdeed) String() string {
	names := [...]string{"?", "absurd number", "depends on itself", "wrong clock", "frames out of place",
		"vain announcements", "forged dot", "forged past", "forged claim"}
	if int(w) < len(names) {
		return names[w]
	}
	return "?"
}

// Proven reports whether the peer itself has done it, since an honest node refuses
// such a thing and does not pass it on. Then the machine closes the link, and has no
// other one with the peer for a while. The forgeries are not: only this node can know
// that it has not made a message, and whoever brings it may have been deceived. To cut
// off all who have been would let one liar isolate any node, with one message in its
// name. What is forged is dropped, and the link stays.
func (w Misdeed) Proven() bool { return w > 0 && w < ForgedDot }

// The score of a link counts what an honest peer may do now and then. It drains, and
// at most it is an offence. Guesses: frames that cross with a rewind or the end of
// something are a few; a node that has announced a message and says then that it never
// had it lies, unless it has forgotten the origin just now; one that never answers may
// be slow, though not for so many within so short a time, of which no more than some are asked
// for at a time.
const (
	forCrossing   = 1
	forSilence    = 3
	forStrayFrame = 16
	forDenial     = 16
)

func (m *Machine) offend(now time.Duration, link broadcast.LinkID, what Misdeed) {
	p, known := m.links.PeerOf(link)
	if !known {
		return
	}
	m.Stats.Offences++
	m.out.Offences = append(m.out.Offences, Offence{link, p, what})
	if what.Proven() {
		m.sampling.Departed(now, p)
		m.links.Punish(now, p, &m.out.Links)
	}
}

// isInPlace reports whether a frame makes sense on its link, and keeps the score of
// those that do not.
func (m *Machine) isInPlace(now time.Duration, link broadcast.LinkID, f *broadcast.Frame) bool {
	if m.relay.Takes(link, f) {
		return true
	}
	points := forStrayFrame
	switch f.Kind {
	case broadcast.Data:
		m.Stats.Stray++
	case broadcast.Digest:
		points = forCrossing // with an opening, if there was one
	}
	if m.links.Blame(now, link, points) {
		m.offend(now, link, OutOfPlace)
	}
	return false
}

// judgeControl looks at the numbers of a frame that is not DATA; true if the frame is
// not to be read.
func (m *Machine) judgeControl(now time.Duration, link broadcast.LinkID, f *broadcast.Frame) bool {
	absurd, forged := false, false
	look := func(origin peer.Handle, seq uint64) {
		absurd = absurd || seq > peer.MaxSeq
		forged = forged || origin == m.cfg.Self && seq > m.buffer.Made()
	}
	switch f.Kind {
	case broadcast.Want:
		for _, w := range f.Wants { // who was deceived may ask for anything
			absurd = absurd || w.Dot.Seq > peer.MaxSeq
		}
	case broadcast.Gone:
		for _, g := range f.Gone {
			absurd = absurd || g.Dot.Seq > peer.MaxSeq || g.Age < 0
			look(g.Dot.Origin, g.UpTo)
		}
	case broadcast.IHave:
		for _, a := range f.Announced {
			look(a.Dot.Origin, a.Last())
			absurd = absurd || a.Dot.Seq == 0
		}
	case broadcast.Digest:
		for i := range f.Digest {
			for _, e := range f.Digest[i].Entries {
				look(e.Origin, max(e.Contiguous, e.Gone))
				for _, s := range e.Spans {
					look(e.Origin, s.To)
				}
				absurd = absurd || e.Age < 0
			}
		}
	}
	switch {
	case absurd:
		m.offend(now, link, AbsurdNumber)
	case forged:
		m.offend(now, link, ForgedClaim)
	}
	return absurd
}

// judgeMessage says what is wrong with a message that was not had, if anything.
func (m *Machine) judgeMessage(f *broadcast.Frame) Misdeed {
	msg, made, self := f.Message, m.buffer.Made(), m.cfg.Self
	if msg.Dot.Seq == 0 || msg.Dot.Seq > peer.MaxSeq {
		return AbsurdNumber
	}
	var what Misdeed
	for _, d := range msg.Deps {
		switch {
		case d.Seq == 0 || d.Seq > peer.MaxSeq:
			return AbsurdNumber
		case d.Origin == msg.Dot.Origin && d.Seq >= msg.Dot.Seq:
			return DependsOnItself
		case d.Origin == self && d.Seq > made:
			what = ForgedPast
		}
	}
	if msg.Dot.Origin == self && msg.Dot.Seq > made {
		return ForgedDot
	}
	if f.WithClock && m.cfg.Order == causal.Causal { // others send none, and read none
		switch c := msg.Clock; {
		case c.Len() > m.mostEntries() || c.At(m.cfg.Directory.Name(msg.Dot.Origin)) != msg.Dot.Seq:
			return WrongClock
		case c.At(m.cfg.Directory.Name(self)) > made:
			return ForgedPast
		}
	}
	return what
}

// mostEntries is how many origins a clock may name: as many as anybody remembers who
// is configured as this node is, or by default.
func (m *Machine) mostEntries() int { return max(m.cfg.Origins, 1<<16) }

// blameVain keeps the score of those who announce what nobody has.
func (m *Machine) blameVain(now time.Duration) {
	for _, v := range m.buffer.TakeVain() {
		points := forSilence * v.Weight
		if v.Denied {
			points = forDenial
		}
		if m.links.Blame(now, v.Link, points) {
			m.offend(now, v.Link, VainAnnounces)
		}
	}
}
