package gossip

// backlog holds delivered messages until the application reads them: the next few are
// in a channel, so that neither side waits for the other with each, and the rest in a
// list.
type backlog struct {
	out        chan Message
	given      []int // what the messages in the channel, and those just taken, are charged
	givenBytes int   // the sum

	list  unreads
	bytes int // of all
	limit int
}

// unread is a message and what it is charged.
type unread struct {
	Message
	charge int
}

// messageOverhead is what a message in the backlog is charged beyond its payload and
// its clock: the struct, and what its block has of room that is not used.
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
	u := unread{m, messageOverhead + len(m.Payload) + clock + m.Headers.charge()}
	if b.list.n == 0 && b.mayGive(u.charge) && b.give(&u) {
		return nil
	}
	b.list.push(&u)
	b.bytes += u.charge
	if b.bytes > b.limit {
		b.collect()
	}
	for b.bytes > b.limit && b.list.n > 1 {
		dropped = append(dropped, b.list.first().ID)
		b.bytes -= b.list.pop()
	}
	return dropped
}

// next returns the next message, and the channel for it if it may go there; else nil, and
// none.
func (b *backlog) next() (out chan<- Message, m *Message) {
	if b.list.n == 0 || !b.mayGive(b.list.first().charge) {
		return nil, &noMessage
	}
	return b.out, &b.list.first().Message
}

var noMessage Message

// isStuck reports whether messages wait for others to be read, which nobody tells of:
// they have clocks that are far longer than they are.
func (b *backlog) isStuck() bool {
	return b.list.n > 0 && !b.mayGive(b.list.first().charge)
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
	for b.list.n > 0 && b.mayGive(b.list.first().charge) {
		u := b.list.first()
		b.bytes -= u.charge
		if !b.give(u) {
			b.bytes += u.charge
			return
		}
		b.list.pop()
	}
}

// taken notes that the next message has gone into the channel.
func (b *backlog) taken() { b.gave(b.list.pop()) }

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

// slim gives back the room that a burst has left.
func (b *backlog) slim() {
	if b.collect(); len(b.given) == 0 {
		b.given = nil
	}
	b.list.spare = nil
}

// len is how many messages there are.
func (b *backlog) len() int { return b.list.n + len(b.given) }

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

// unreads is a list of messages, first in, first out, in blocks: one that gets long and
// short again copies none of them, and leaves nothing large behind.
type unreads struct {
	blocks []*unreadBlock
	spare  *unreadBlock // the last one that was emptied
	head   int          // where the first message is in the first block
	n      int          // messages
}

// unreadBlock fills one of Go's size classes, 2 KiB.
type unreadBlock [16]unread

func (l *unreads) push(u *unread) {
	at := l.head + l.n
	if at == len(l.blocks)*len(unreadBlock{}) {
		if l.spare == nil {
			l.spare = new(unreadBlock)
		}
		l.blocks, l.spare = append(l.blocks, l.spare), nil
	}
	l.blocks[at/len(unreadBlock{})][at%len(unreadBlock{})] = *u
	l.n++
}

// first returns the first message, of which there must be one.
func (l *unreads) first() *unread { return &l.blocks[0][l.head] }

// pop takes out the first message, and returns its charge.
func (l *unreads) pop() (charge int) {
	u := l.first()
	charge = u.charge
	*u = unread{}
	l.head++
	l.n--
	if l.head == len(unreadBlock{}) || l.n == 0 {
		l.spare, l.head = l.blocks[0], 0
		l.blocks[0] = nil
		if l.blocks = l.blocks[1:]; l.n == 0 {
			l.blocks = nil
		}
	}
	return charge
}
