package gossip

// backlog holds delivered messages until the application reads them: the next few are
// in a channel, so that neither side waits for the other with each, and the rest in a
// list.
type backlog struct {
	out        chan Message
	given      []int // what the messages in the channel, and those just taken, are charged
	givenBytes int   // the sum

	list  []unread
	head  int // of the list; what is before it has gone
	bytes int // of all
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

// mostGiven is how many messages the channel has room for. A guess: from some ten on, a
// wake-up is little beside what it wakes for.
const mostGiven = 32

// newBacklog is for so many bytes of messages with at most so long a payload. Nothing
// that is in the channel can be dropped for what comes later, so it has room for half of
// what is more than one message.
func newBacklog(limit, payload int) backlog {
	given := (limit/(messageOverhead+payload) - 1) / 2
	return backlog{out: make(chan Message, min(max(0, given), mostGiven)), limit: limit}
}

// push adds a message with a clock that takes so many bytes; it returns the oldest
// ones, dropped to make room.
func (b *backlog) push(m Message, clock int) (dropped []MessageID) {
	u := unread{m, messageOverhead + len(m.Payload) + clock}
	if b.head == len(b.list) && b.mayGive(u.charge) && b.give(&u) {
		return nil
	}
	if b.head > 0 && len(b.list) == cap(b.list) && b.head >= len(b.list)/2 {
		n := copy(b.list, b.list[b.head:])
		clear(b.list[n:])
		b.list, b.head = b.list[:n], 0
	}
	b.list = append(b.list, u)
	b.bytes += u.charge
	if b.bytes > b.limit {
		b.collect()
	}
	for b.bytes > b.limit && len(b.list)-b.head > 1 {
		dropped = append(dropped, b.list[b.head].ID)
		b.bytes -= b.pop()
	}
	return dropped
}

// next returns the next message, and the channel for it if it may go there; else nil, and
// none.
func (b *backlog) next() (out chan<- Message, m *Message) {
	if b.head == len(b.list) || !b.mayGive(b.list[b.head].charge) {
		return nil, &noMessage
	}
	return b.out, &b.list[b.head].Message
}

var noMessage Message

// isStuck reports whether messages wait for others to be read, which nobody tells of:
// they have clocks that are far longer than they are.
func (b *backlog) isStuck() bool {
	return b.head < len(b.list) && !b.mayGive(b.list[b.head].charge)
}

// mayGive reports whether one more message may be in the channel. Clocks may be long, so
// its room alone does not see to it that there is but half of what there may be.
func (b *backlog) mayGive(charge int) bool {
	if b.givenBytes+charge <= b.limit/2 {
		return true
	}
	b.collect()
	return len(b.given) == 0 || b.givenBytes+charge <= b.limit/2
}

// give puts a message into the channel, if there is room. What it is charged is not in
// bytes yet.
func (b *backlog) give(u *unread) bool {
	select {
	case b.out <- u.Message:
		b.bytes += u.charge
		b.gave(u.charge)
		return true
	default:
		return false
	}
}

// offer puts what there is room for into the channel.
func (b *backlog) offer() {
	for b.head < len(b.list) && b.mayGive(b.list[b.head].charge) {
		u := &b.list[b.head]
		b.bytes -= u.charge
		if !b.give(u) {
			b.bytes += u.charge
			return
		}
		b.pop()
	}
}

// taken notes that the next message has gone into the channel.
func (b *backlog) taken() { b.gave(b.pop()) }

func (b *backlog) gave(charge int) {
	b.given = append(b.given, charge)
	b.givenBytes += charge
	b.collect()
}

// collect takes off the charge what has been read from the channel.
func (b *backlog) collect() {
	read := len(b.given) - len(b.out)
	if read <= 0 {
		return
	}
	for _, charge := range b.given[:read] {
		b.bytes -= charge
		b.givenBytes -= charge
	}
	b.given = b.given[:copy(b.given, b.given[read:])]
}

// len is how many messages there are.
func (b *backlog) len() int { return len(b.list) - b.head + len(b.given) }

// pop takes the first message out of the list, and returns its charge.
func (b *backlog) pop() (charge int) {
	u := &b.list[b.head]
	charge = u.charge
	*u = unread{}
	if b.head++; b.head == len(b.list) {
		b.list, b.head = b.list[:0], 0
		if cap(b.list) > mostIdle {
			b.list = nil
		}
	}
	return charge
}

// mostIdle is for how many messages the list has room while it is empty.
const mostIdle = 64

// close drops what has not been read.
func (b *backlog) close() {
	for {
		select {
		case <-b.out:
		default:
			close(b.out)
			return
		}
	}
}
