// Package hub hands what one node delivers to any number of readers. It keeps the
// latest of it, up to a number of bytes, in the order of delivery; each reader has a
// place of its own in that, and asks for what comes next when it is ready for it. So
// nothing is queued for a reader, a slow one delays nobody, and one that has fallen
// behind what is kept is told how much it missed.
package hub

import (
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
)

// DefaultLimit is how many bytes of messages a hub keeps unless told otherwise.
const DefaultLimit = 16 << 20

// Entry is a message with the time at which this node delivered it.
type Entry struct {
	gossip.Message
	At time.Time
}

// Event is something that happened to the node, with the time.
type Event struct {
	gossip.Event
	At time.Time
}

// NewEvents returns a log of the latest events, up to a number.
func NewEvents(most int) *Log[Event] { return NewLog(most, func(*Event) int { return 1 }) }

// What an entry takes besides its payload: the entry itself with its places in the
// ring and in the index, and an entry of its clock, most of which neighbours share.
const (
	entryCost      = 400
	clockEntryCost = 16
	// A map takes some room, and each entry of it.
	headersCost = 500
	headerCost  = 80
)

func (e *Entry) cost() int {
	n := entryCost + len(e.Payload) + clockEntryCost*e.Clock.Len()
	if len(e.Headers) > 0 {
		n += headersCost
	}
	for key, value := range e.Headers {
		n += headerCost + len(key) + len(value)
	}
	return n
}

// Messages is a log of what a node delivered, in which a message is found by its id.
type Messages struct {
	*Log[Entry]
	places map[gossip.MessageID]uint64
}

// NewMessages returns a log that keeps up to limit bytes of messages.
func NewMessages(limit int) *Messages {
	m := &Messages{NewLog(limit, (*Entry).cost), make(map[gossip.MessageID]uint64)}
	m.added = func(e *Entry, place uint64) { m.places[e.ID] = place }
	m.dropped = func(e *Entry) { delete(m.places, e.ID) }
	return m
}

// After returns a reader of what this node delivered after a message, and false if
// that is not kept any more, or has never been here: then the reader begins with the
// oldest that is kept, and what it yields may have been read before.
func (m *Messages) After(id gossip.MessageID) (*Reader[Entry], bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	place, found := m.places[id]
	if !found {
		return m.reader(m.first), false
	}
	return m.reader(place + 1), true
}
