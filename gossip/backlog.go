package gossip

// backlog holds delivered messages until the application reads them.
type backlog struct {
	list  []Message
	bytes int
	limit int
}

// messageOverhead is what a message in the backlog is charged beyond its
// payload: the struct and the parts of its clock that nobody shares.
const messageOverhead = 256

func charge(m *Message) int { return messageOverhead + len(m.Payload) }

// push adds a message; it returns the oldest ones, dropped to make room.
func (b *backlog) push(m Message) (dropped []MessageID) {
	b.list = append(b.list, m)
	b.bytes += charge(&m)
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
	return &b.list[0]
}

func (b *backlog) pop() {
	b.bytes -= charge(&b.list[0])
	b.list[0] = Message{}
	b.list = b.list[1:]
}
