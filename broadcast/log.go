package broadcast

import (
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// LogConfig bounds a log.
type LogConfig struct {
	// Bytes is the most that messages may be charged (Message.Size). The oldest
	// go first.
	Bytes int
	// Age is how long after its broadcast a message is kept. One that came late
	// waits for those delivered before it, so it may stay a little longer, but
	// never longer than Age after its delivery here.
	Age time.Duration
}

// Log holds messages in the order in which this node delivered them. Positions
// count from 0 for the first message ever and are never reused.
type Log struct {
	cfg LogConfig
	// Positions first to end are held, in blocks of which the first begins at base.
	first, end uint64
	base       uint64
	blocks     [][]entry // of blockLen, but the first of all
	index      positions
	bytes      int
	// expires is when the first is over age: to look at that message each time would bring
	// back into the processor's cache what has long left it.
	expires time.Duration
	patient bool
	evicted map[peer.Handle]eviction
	// Evictions counts messages dropped by the bound of bytes and by age.
	Evictions struct{ ByBytes, ByAge uint64 }
}

const (
	// blockLen is how many entries are allocated together: a log that slides along copies
	// none of them.
	blockLen = 64
	// firstLen is how many the first block of all begins with: most nodes hear little.
	firstLen = 8
)

type entry struct {
	msg   *Message
	known uint64 // link slots whose peers have it
	via   uint64 // those of them that it came by before it was delivered
	judge uint64 // which judge it is, counted from 1; 0 if it is none (tree.go)
	// standing is what a judge may do about links that it comes by in vain.
	standing standing
}

// eviction is the newest message of an origin that the log no longer has.
type eviction struct {
	seq  uint64
	born time.Duration
}

// NewLog returns an empty log.
func NewLog(cfg LogConfig) *Log {
	return &Log{cfg: cfg, expires: Never, index: newPositions(), evicted: make(map[peer.Handle]eviction)}
}

// Append adds a delivered message and evicts what no longer fits.
func (l *Log) Append(now time.Duration, m *Message, known uint64) {
	l.index.set(m.Dot, l.end)
	l.makeRoom()
	l.end++
	*l.at(l.end - 1) = entry{msg: m, known: known, via: known}
	if l.Len() == 1 {
		l.expires = m.Born + l.cfg.Age
	}
	l.bytes += m.Size()
	l.evict(now)
}

// Patient has the log keep, for a while, what is over age, and a quarter more than its
// bytes: what is put back into it may be needed only until the next is.
func (l *Log) Patient(now time.Duration, yes bool) {
	l.patient = yes
	l.evict(now)
}

func (l *Log) evict(now time.Duration) {
	most := l.cfg.Bytes
	if l.patient {
		most += most / 4
	}
	for l.bytes > most && l.Len() > 1 {
		l.Evictions.ByBytes++
		l.evictFirst()
	}
	l.Expire(now)
}

// makeRoom sees to it that there is a place for one more.
func (l *Log) makeRoom() {
	switch at := l.end - l.base; {
	case at == uint64(len(l.blocks))*blockLen:
		size := blockLen
		if l.end == 0 {
			size = firstLen
		}
		l.blocks = append(l.blocks, make([]entry, size))
	case at == uint64(len(l.blocks[0])): // the first of all, which is the only one
		longer := make([]entry, min(2*at, blockLen))
		copy(longer, l.blocks[0])
		l.blocks[0] = longer
	}
}

// Expire drops messages that are over age.
func (l *Log) Expire(now time.Duration) {
	for l.Len() > 0 && l.expires <= now && !l.patient {
		l.Evictions.ByAge++
		l.evictFirst()
	}
}

// Deadline is when the next message is over age.
func (l *Log) Deadline() time.Duration { return l.expires }

// Get returns the message with this dot, or nil.
func (l *Log) Get(d peer.Dot) *Message {
	if pos, ok := l.index.get(d); ok {
		return l.at(pos).msg
	}
	return nil
}

// Position is where the message with this dot is; false if the log does not have it.
func (l *Log) Position(d peer.Dot) (pos uint64, ok bool) { return l.index.get(d) }

// All goes through the messages that are held, in the order of delivery.
func (l *Log) All(yield func(*Message) bool) {
	for pos := l.first; pos < l.end; pos++ {
		if !yield(l.at(pos).msg) {
			return
		}
	}
}

// Evicted tells up to which sequence number the log has dropped messages of
// the origin, and when the newest of those was broadcast.
func (l *Log) Evicted(origin peer.Handle) (seq uint64, born time.Duration) {
	e := l.evicted[origin]
	return e.seq, e.born
}

// Begin and End are the first position held and the one after the last.
func (l *Log) Begin() uint64 { return l.first }

// End is the position that the next message will have.
func (l *Log) End() uint64 { return l.end }

// Len and Bytes are what the log holds now.
func (l *Log) Len() int { return int(l.end - l.first) }

// Bytes is what the log's messages are charged.
func (l *Log) Bytes() int { return l.bytes }

// Full reports whether one more message of this size would push out a message
// that is at or after the position.
func (l *Log) Full(size int, unsent uint64) bool {
	over := l.bytes + size - l.cfg.Bytes
	for pos := l.first; over > 0 && pos < l.end; pos++ {
		if pos >= unsent {
			return true
		}
		over -= l.at(pos).msg.Size()
	}
	return false
}

// markKnown notes that the peer on the link slot has the message.
func (l *Log) markKnown(d peer.Dot, slot int) {
	if pos, ok := l.index.get(d); ok {
		l.at(pos).known |= 1 << slot
	}
}

// isKnown reports whether that was noted.
func (l *Log) isKnown(d peer.Dot, slot int) bool {
	pos, ok := l.index.get(d)
	return ok && l.at(pos).known&(1<<slot) != 0
}

func (l *Log) at(pos uint64) *entry {
	i := pos - l.base
	return &l.blocks[i/blockLen][i%blockLen]
}

func (l *Log) evictFirst() {
	e := l.at(l.first)
	m := e.msg
	*e = entry{}
	l.first++
	if l.first-l.base == blockLen {
		l.blocks[0] = nil
		l.blocks = l.blocks[1:]
		l.base = l.first
	}
	if l.expires = Never; l.Len() > 0 {
		l.expires = l.at(l.first).msg.Born + l.cfg.Age
	}
	l.bytes -= m.Size()
	l.index.remove(m.Dot)
	l.Forsake(m.Dot.Origin, m.Dot.Seq, m.Born)
}

// Forsake notes that the log will never again have the origin's messages up to
// seq, the newest of which was broadcast at born.
func (l *Log) Forsake(origin peer.Handle, seq uint64, born time.Duration) {
	if seq > l.evicted[origin].seq {
		l.evicted[origin] = eviction{seq, born}
	}
}

// Forget drops what is known of an origin that has no message in the log.
func (l *Log) Forget(origin peer.Handle) { delete(l.evicted, origin) }

// Handles calls mark for every identity that a held message names.
func (l *Log) Handles(mark func(peer.Handle)) {
	for pos := l.first; pos < l.end; pos++ {
		m := l.at(pos).msg
		mark(m.Dot.Origin)
		for _, d := range m.Deps {
			mark(d.Origin)
		}
	}
}
