package gossip

// backlog holds delivered messages until the application reads them.
type backlog struct {
	list  []unread
	bytes int
	limit int
}

// unread is a message and what it is charged.
type unread struct {
	Message
	charge int
}

// messageOverhead is what a message in the backlog is charged beyond its payload and
// its clock: the struct, twice for the room that the list has.
const messageOverhead = 256

// push adds a message with a clock that takes so many bytes; it returns the oldest
// ones, dropped to make room.
func (b *backlog) push(m Message, clock int) (dropped []MessageID) {
	u := unread{m, messageOverhead + len(m.Payload) + clock}
	b.list = append(b.list, u)
	b.bytes += u.charge
	for b.bytes > b.limit && len(b.list) > 1 {
		dropped = append(dropped, b.list[0].ID)
		b.pop()
	}
	return dropped
}

// first returns the message to read next, or nil.
func (b *backlog) first() *Message {
	if len(b.list) == 0 {
		return nil
	}
	return &b.list[0].Message
}

func (b *backlog) pop() {
	b.bytes -= b.list[0].charge
	b.list[0] = unread{}
	b.list = b.list[1:]
}
