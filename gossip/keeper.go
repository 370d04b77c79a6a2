package gossip

import (
	"slices"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// keeper holds on to messages that came in memory which is used again. Those that are
// being delivered are put next to each other, many to an allocation: they leave the log
// in the order in which they enter it now, so none keeps others from being freed for
// long. What is held back may go at any time, and has memory of its own.
type keeper struct {
	messages slab[broadcast.Message]
	bytes    slab[byte]
	dots     slab[peer.Dot]
	// owned says that the bytes of the message in hand are not used again.
	owned bool
}

// keptAlone is a message with room for its dependencies, of which it seldom has more.
type keptAlone struct {
	broadcast.Message
	deps [4]peer.Dot
}

// slab is what is left of the last allocation. The first is small, for a node that hears a
// message now and then, and each is twice as large as the one before.
type slab[E any] struct {
	left []E
	size int // of the last allocation
}

const (
	// How much is allocated at once, at most. Together it is some 20 KiB, little beside what the
	// log has where there is much to deliver. So many messages fill one of Go's size
	// classes, 4 KiB.
	keptMessages = 30
	keptBytes    = 16 << 10
	keptDots     = 64
	// What takes more than these has an allocation of its own, lest much of one be left
	// unused.
	mostBytes = keptBytes / 8
	mostDots  = keptDots / 8
	// firstPart of that is what is allocated first.
	firstPart = 32
)

// keep is for protocol.Config.
func (k *keeper) keep(m *broadcast.Message, waits bool) *broadcast.Message {
	var kept *broadcast.Message
	bytes := m.Encoded
	if waits {
		alone := new(keptAlone)
		kept, alone.Message = &alone.Message, *m
		kept.Deps = append(alone.deps[:0], m.Deps...)
		if !k.owned {
			bytes = slices.Clone(bytes)
		}
	} else {
		kept = &cut(&k.messages, 1, keptMessages, 1)[0]
		*kept = *m
		kept.Deps = append(cut(&k.dots, len(m.Deps), keptDots, mostDots)[:0], m.Deps...)
		if !k.owned {
			bytes = append(cut(&k.bytes, len(bytes), keptBytes, mostBytes)[:0], bytes...)
		}
	}
	kept.Encoded, kept.Payload = bytes, bytes[len(bytes)-len(m.Payload):]
	return kept
}

// cut takes n elements off what is left, or off a new allocation of size elements; or
// allocates just them, if they are more than most.
func cut[E any](s *slab[E], n, size, most int) (piece []E) {
	switch {
	case n == 0:
		return nil
	case n > most:
		return make([]E, n)
	case n > len(s.left):
		s.size = min(size, max(2*s.size, size/firstPart, n))
		s.left = make([]E, s.size)
	}
	piece = s.left[:n:n]
	s.left = s.left[n:]
	return piece
}
