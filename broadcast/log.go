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
	cfg     LogConfig
	first   uint64 // position of entries[0]
	entries []entry
	index   map[peer.Dot]uint64
	bytes   int
	evicted map[peer.Handle]eviction
	// Evictions counts messages dropped by the bound of bytes and by age.
	Evictions struct{ ByBytes, ByAge uint64 }
}

type entry struct {
	msg   *Message
	known uint64 // link slots whose peers have it
	via   uint64 // those of them that it came by before it was delivered
	judge uint64 // which judge it is, counted from 1; 0 if it is none (tree.go)
}

// eviction is the newest message of an origin that the log no longer has.
type eviction struct {
	seq  uint64
	born time.Duration
}

// NewLog returns an empty log.
func NewLog(cfg LogConfig) *Log {
	return &Log{cfg: cfg, index: make(map[peer.Dot]uint64), evicted: make(map[peer.Handle]eviction)}
}

// Append adds a delivered message and evicts what no longer fits.
func (l *Log) Append(now time.Duration, m *Message, known uint64) {
	l.index[m.Dot] = l.End()
	l.entries = append(l.entries, entry{msg: m, known: known, via: known})
	l.bytes += m.Size()
	for l.bytes > l.cfg.Bytes && len(l.entries) > 1 {
		l.Evictions.ByBytes++
		l.evictFirst()
	}
	l.Expire(now)
}

// Expire drops messages that are over age.
func (l *Log) Expire(now time.Duration) {
	for len(l.entries) > 0 && l.entries[0].msg.Born+l.cfg.Age <= now {
		l.Evictions.ByAge++
		l.evictFirst()
	}
}

// Deadline is when the next message is over age.
func (l *Log) Deadline() time.Duration {
	if len(l.entries) == 0 {
		return Never
	}
	return l.entries[0].msg.Born + l.cfg.Age
}

// Get returns the message with this dot, or nil.
func (l *Log) Get(d peer.Dot) *Message {
	if pos, ok := l.index[d]; ok {
		return l.entries[pos-l.first].msg
	}
	return nil
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
func (l *Log) End() uint64 { return l.first + uint64(len(l.entries)) }

// Len and Bytes are what the log holds now.
func (l *Log) Len() int { return len(l.entries) }

// Bytes is what the log's messages are charged.
func (l *Log) Bytes() int { return l.bytes }

// Full reports whether one more message of this size would push out a message
// that is at or after the position.
func (l *Log) Full(size int, unsent uint64) bool {
	over := l.bytes + size - l.cfg.Bytes
	for i := 0; over > 0 && i < len(l.entries); i++ {
		if l.first+uint64(i) >= unsent {
			return true
		}
		over -= l.entries[i].msg.Size()
	}
	return false
}

// markKnown notes that the peer on the link slot has the message.
func (l *Log) markKnown(d peer.Dot, slot int) {
	if pos, ok := l.index[d]; ok {
		l.entries[pos-l.first].known |= 1 << slot
	}
}

func (l *Log) at(pos uint64) entry { return l.entries[pos-l.first] }

func (l *Log) evictFirst() {
	m := l.entries[0].msg
	l.entries[0] = entry{}
	l.entries = l.entries[1:]
	l.first++
	l.bytes -= m.Size()
	delete(l.index, m.Dot)
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
	for _, e := range l.entries {
		mark(e.msg.Dot.Origin)
		for _, d := range e.msg.Deps {
			mark(d.Origin)
		}
	}
}
