package protocol

import (
	"errors"
	"iter"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/causal"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// A driver that keeps a journal writes down what the machine has delivered, and gives it
// to the machine of the next life. The journal is as long as the log, and a little
// longer: it comes in groups, which are let go of when the log has none of their messages
// any more. Each begins with a mark, which says what had been had by then; and a message
// that depends on one of an earlier group comes with its clock. So whichever group a
// journal begins with, nothing before it is needed. What is given up as a gap is noted. What a journal has lost in the middle
// takes with it what depends on that, up to the next mark; this node's own messages, which
// nobody else may have, come with their clocks as well, if these are short.

// Entry is something for the journal: a message, or the mark that a group begins with.
type Entry struct {
	Message   *broadcast.Message // nil for a mark
	WithClock bool               // its clock goes along
	// Mark names the mark, or the note of a gap (causal.Past.Note), Past is what it says. Its
	// origin is the life that made it.
	Mark peer.Dot
	Past *causal.Past
}

// Group is what is let go of together: the mark, if there is one, and the notes that it has
// besides messages.
type Group struct {
	Mark     peer.Dot
	Notes    []peer.Dot
	Messages []peer.Dot

	begin uint64 // where in the log
}

// journal is what has been written down and not been let go of, in groups; the last one
// is still written to, once this life has begun one.
type journal struct {
	groups []Group
	begun  bool
	marks  uint64 // made
	bytes  int    // of the last group
	since  time.Duration
}

// groupsInLog is how many groups a log is divided into: a store holds one more than the
// log at most, and writes one mark for each. A guess.
const groupsInLog = 8

// originInMark is about what an origin takes in a mark. A group is at least as long as
// its mark, so that marks are no more than half of what is written.
const originInMark = 64

// shortClock is how many entries the clock of an own message has at most that comes along
// in any case. A guess: some 1,300 bytes.
const shortClock = 64

// Why a message was not restored. Neither affects the state, but for what it depends on.
var (
	// ErrAhead: it is from a time that has not come yet, by the clock on the wall.
	ErrAhead = errors.New("protocol: what was kept is ahead of the clock on the wall")
	// ErrNotRestored: it is beyond the horizon, or cannot be, or there is no room for it, or
	// its clock is lost with what it depends on.
	ErrNotRestored = errors.New("protocol: too old, or without what it depends on")
)

// Recall takes a mark of the journal of an earlier life, that was made then. It and
// Restore are to be called before all else, in the order of the journal.
func (m *Machine) Recall(now, then time.Duration, mark peer.Dot, past *causal.Past) error {
	ok := m.buffer.Recall(now, then, past, func(e *broadcast.DigestEntry, born time.Duration) {
		m.log.Forsake(e.Origin, e.Contiguous, born)
	})
	if !ok {
		return ErrAhead
	}
	j := &m.journal
	if past.Note && len(j.groups) > 0 {
		g := &j.groups[len(j.groups)-1]
		g.Notes = append(g.Notes, mark)
	} else {
		j.groups = append(j.groups, Group{Mark: mark, begin: m.log.End()})
	}
	return nil
}

// Restore takes a message of the journal. It is in the log then, if it is not too old for
// that: see Restored.
func (m *Machine) Restore(now time.Duration, msg *broadcast.Message, withClock bool) error {
	j := &m.journal
	if len(j.groups) == 0 {
		j.groups = append(j.groups, Group{begin: m.log.End()})
	}
	g := &j.groups[len(j.groups)-1]
	if !m.seen.Has(msg.Dot) { // else it is there twice
		g.Messages = append(g.Messages, msg.Dot)
	}
	if m.judgeMessage(&broadcast.Frame{Kind: broadcast.Data, Message: msg, WithClock: withClock}) != 0 || now-msg.Born > m.cfg.Horizon {
		return ErrNotRestored
	}
	m.now, m.restoring = now, true
	m.log.Patient(now, true)
	early := m.buffer.Stats.Early
	outcome := m.buffer.Restore(now, msg, withClock)
	m.restoring, m.restored = false, m.log.End()
	switch {
	case m.buffer.Stats.Early > early:
		return ErrAhead
	case outcome == causal.Refused:
		m.miss(msg)
		return ErrNotRestored
	case outcome == causal.Fresh:
		m.Stats.Restored++
	}
	return nil
}

// miss counts as had what was, and cannot be restored: it must not be delivered again.
func (m *Machine) miss(msg *broadcast.Message) {
	switch {
	case !m.seen.Room(msg.Dot):
		return
	case m.cfg.Order == causal.Unordered:
		m.seen.Mark(msg.Dot, msg.Born)
	default:
		m.seen.Skip(msg.Dot.Origin, msg.Dot.Seq, msg.Born)
	}
	m.log.Forsake(msg.Dot.Origin, msg.Dot.Seq, msg.Born)
}

// Restored ends the restoring. It returns what was restored and is not too old for the
// log, in the order in which it was delivered; nothing if the node wants no history.
func (m *Machine) Restored(now time.Duration) iter.Seq[*broadcast.Message] {
	m.log.Patient(now, false)
	if m.cfg.History == None {
		return func(func(*broadcast.Message) bool) {}
	}
	return m.log.All
}

// Mark begins a new group, for a driver that could not write something down: nothing that
// comes depends on it then.
func (m *Machine) Mark(now time.Duration, out *Outbox) {
	m.begin(now, out)
	m.mark()
	m.settle(now, out)
}

// journalize writes down a message that is being delivered.
func (m *Machine) journalize(msg *broadcast.Message) {
	j := &m.journal
	g := &j.groups[len(j.groups)-1]
	own := msg.Dot.Origin == m.cfg.Self && m.cfg.Order == causal.Causal
	e := Entry{Message: msg, WithClock: own && msg.Clock.Len() <= shortClock || m.isRooted(msg, g.begin)}
	g.Messages = append(g.Messages, msg.Dot)
	m.out.Journal = append(m.out.Journal, e)
	j.bytes += msg.SizeOnWire()
	if m.isGroupFull() || m.now-j.since >= m.cfg.Log.Age/groupsInLog {
		m.mark()
	}
}

func (m *Machine) isGroupFull() bool {
	return m.journal.bytes >= max(m.cfg.Log.Bytes/groupsInLog, originInMark*m.seen.Len())
}

// noteGap writes down what is about to be given up, before what waits for it.
func (m *Machine) noteGap(origin peer.Handle, seq uint64, born time.Duration) {
	if m.restoring {
		return
	}
	if m.isGroupFull() {
		m.mark()
	}
	j := &m.journal
	e := broadcast.DigestEntry{Origin: origin, Contiguous: seq, Gone: seq, Age: max(0, m.now-born), Evidence: m.seen.Evidence(origin)}
	if known := m.evidence[origin]; known.Seq > e.Evidence.Seq {
		e.Evidence = known
	}
	j.marks++
	note := peer.Dot{Origin: m.cfg.Self, Seq: j.marks}
	m.out.Journal = append(m.out.Journal, Entry{Mark: note, Past: &causal.Past{Note: true, Had: []broadcast.DigestEntry{e}}})
	g := &j.groups[len(j.groups)-1]
	g.Notes = append(g.Notes, note)
	j.bytes += originInMark
}

// isRooted reports whether a message depends on one that is before a place in the log.
func (m *Machine) isRooted(msg *broadcast.Message, begin uint64) bool {
	for _, d := range msg.Deps {
		if pos, ok := m.log.Position(d); !ok || pos < begin {
			return true
		}
	}
	return false
}

// mark begins a group with what has been had by now. An empty one needs not stay.
func (m *Machine) mark() {
	j := &m.journal
	j.marks++
	past := m.buffer.Past(m.now)
	mark := peer.Dot{Origin: m.cfg.Self, Seq: j.marks}
	m.out.Journal = append(m.out.Journal, Entry{Mark: mark, Past: &past})
	if last := len(j.groups) - 1; last >= 0 && len(j.groups[last].Messages) == 0 {
		m.out.Forgotten = append(m.out.Forgotten, j.groups[last])
		j.groups = j.groups[:last]
	}
	j.groups = append(j.groups, Group{Mark: mark, begin: m.log.End()})
	j.begun, j.bytes, j.since = true, 0, m.now
}

// letGo lets go of the groups of which the log has nothing any more.
func (m *Machine) letGo() {
	j := &m.journal
	if len(j.groups) == 1 && len(j.groups[0].Messages) > 0 && m.log.Len() == 0 {
		m.mark()
	}
	for len(j.groups) > 1 && j.groups[1].begin <= m.log.Begin() {
		m.out.Forgotten = append(m.out.Forgotten, j.groups[0])
		j.groups[0] = Group{}
		j.groups = j.groups[1:]
	}
}

// handles calls mark for every identity that is named in the journal.
func (j *journal) handles(mark func(peer.Handle)) {
	for i := range j.groups {
		mark(j.groups[i].Mark.Origin)
		for _, d := range j.groups[i].Notes {
			mark(d.Origin)
		}
		for _, d := range j.groups[i].Messages {
			mark(d.Origin)
		}
	}
}
