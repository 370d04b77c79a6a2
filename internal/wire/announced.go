package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// Announcements are told in spans: each origin once, with the numbers of its messages as
// intervals, so that one that follows another takes nothing. As a list, which is what releases
// without the capability Spans read, each names its origin.
//
// A span is how many messages it leaves out, doubled, and one more if there is more than one
// message in it; then it is followed by how many more than two there are.

// spansKind is the kind of an IHAVE in spans.
const spansKind = 21

// appendList writes one element for each message.
func appendList(dst []byte, announced []broadcast.Announcement, book Book) []byte {
	count := 0
	for i := range announced {
		count += 1 + int(announced[i].More)
	}
	dst = binary.AppendUvarint(dst, uint64(count))
	for i := range announced {
		a := &announced[i]
		for d := a.Dot; d.Seq <= a.Last(); d.Seq++ {
			dst = append(appendDot(dst, d, book), a.Hops)
		}
	}
	return dst
}

// appendSpans writes what broadcast.Join has put in order.
func appendSpans(dst []byte, announced []broadcast.Announcement, book Book) []byte {
	origins := 0
	for i := range announced {
		if i == 0 || announced[i].Dot.Origin != announced[i-1].Dot.Origin {
			origins++
		}
	}
	dst = binary.AppendUvarint(dst, uint64(origins))
	for len(announced) > 0 {
		origin, n := announced[0].Dot.Origin, 1
		for n < len(announced) && announced[n].Dot.Origin == origin {
			n++
		}
		id, _ := book.Lookup(origin)
		dst = binary.AppendUvarint(appendID(dst, id), uint64(n))
		next := uint64(1) // the least that the span can begin with
		for i := range announced[:n] {
			a := &announced[i]
			skip := (a.Dot.Seq - next) << 1
			if a.More > 0 {
				dst = binary.AppendUvarint(binary.AppendUvarint(dst, skip|1), uint64(a.More)-1)
			} else {
				dst = binary.AppendUvarint(dst, skip)
			}
			next = a.Last() + 2
		}
		announced = announced[n:]
	}
	return dst
}

func (r *reader) list(announced []broadcast.Announcement, book Book) []broadcast.Announcement {
	for range r.count(maxControl, smallestOrigin+2) {
		a := broadcast.Announcement{Dot: r.dot(book), Hops: r.byte()}
		r.checkSeq(a.Dot)
		if r.err != nil {
			return nil
		}
		announced = append(announced, a)
	}
	return announced
}

// announcedSpans reads the spans of each origin; two in a row of the same one would have another form.
func (r *reader) announcedSpans(announced []broadcast.Announcement, book Book) []broadcast.Announcement {
	var last []byte
	left, origins := maxControl, r.count(maxControl, smallestOrigin+2)
	// At once, for what origins say one after the other would be copied each time.
	if most := min(left, len(r.b)-origins*(smallestOrigin+1)); cap(announced) < most {
		announced = make([]broadcast.Announcement, 0, most)
	}
	for range origins {
		from := r.b
		origin := r.origin(book)
		id := from[:len(from)-len(r.b)]
		n := r.count(left, 1)
		switch {
		case r.err != nil:
			return nil
		case n == 0:
			r.fail(fmt.Errorf("%w: an origin without announcements", ErrMalformed))
			return nil
		case bytes.Equal(id, last):
			r.fail(fmt.Errorf("%w: the same origin twice", ErrMalformed))
			return nil
		}
		last = id
		next := uint64(1)
		for range n {
			a := r.span(origin, next, left)
			if r.err != nil {
				return nil
			}
			left -= 1 + int(a.More)
			announced = append(announced, a)
			next = a.Last() + 2
		}
	}
	return announced
}

// span reads one of so many messages at most that begins with a number or after it.
func (r *reader) span(origin peer.Handle, next uint64, most int) broadcast.Announcement {
	skip, more := r.uvarint(), uint64(0)
	if skip&1 != 0 {
		more = 1 + r.seq()
	}
	first := next + skip>>1
	switch {
	case r.err != nil:
	case more >= uint64(most):
		r.fail(fmt.Errorf("%w: more than %d announcements", ErrMalformed, maxControl))
	case first+more > peer.MaxSeq:
		r.fail(fmt.Errorf("%w: announcements up to %d, at most %d are made", ErrMalformed, first+more, uint64(peer.MaxSeq)))
	}
	return broadcast.Announcement{Dot: peer.Dot{Origin: origin, Seq: first}, More: uint32(more)}
}
