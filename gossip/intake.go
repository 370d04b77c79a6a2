package gossip

import (
	"encoding/binary"
	"io"

	"github.com/Ishan27gOrg/gossipProtocol/internal/wire"
)

// intake is what a link is read through. Its buffer is small while little comes, so that
// links that have nothing to say cost little, and a chunk while much does, so that one
// system call brings many frames.
type intake struct {
	src   io.Reader
	room  *room // that a chunk takes, beside what a connection is charged
	small []byte
	chunk *chunk // the buffer, if it is not small
	buf   []byte
	r, w  int // what was read and not yet taken is buf[r:w]
	slack int // reads in a row that a small buffer would have done for
}

const (
	// smallIntake is part of connectionCost: a few announcements, or a short message.
	smallIntake = 2 << 10
	// mostSlack is when a chunk is given back. A guess.
	mostSlack = 64
)

func newIntake(src io.Reader, room *room) *intake {
	in := &intake{src: src, room: room, small: make([]byte, smallIntake)}
	in.buf = in.small
	return in
}

// length waits for the next frame to begin, and tells how long it is without its length.
func (in *intake) length(limit int) (int, error) {
	if err := in.await(wire.FrameHeader); err != nil {
		return 0, err
	}
	size := binary.BigEndian.Uint32(in.buf[in.r:])
	if size == 0 || uint64(size) > uint64(limit) {
		return 0, tooLong(size, limit)
	}
	return int(size), nil
}

// next is how long the next frame is with its length, and whether all of it is here. One
// that is longer than it may be is not.
func (in *intake) next(limit int) (size int, whole bool) {
	if in.w-in.r < wire.FrameHeader {
		return 0, false
	}
	length := binary.BigEndian.Uint32(in.buf[in.r:])
	if length == 0 || uint64(length) > uint64(limit) {
		return 0, false
	}
	size = wire.FrameHeader + int(length)
	return size, in.w-in.r >= size
}

// take takes out bytes that are here.
func (in *intake) take(b []byte) { in.r += copy(b, in.buf[in.r:in.w]) }

// await reads until there are n bytes, for which the buffer is long enough.
func (in *intake) await(n int) error {
	for in.w-in.r < n {
		if err := in.fill(n); err != nil {
			if err == io.EOF && in.w > in.r {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
	}
	return nil
}

// fill reads once, on the way to so many bytes.
func (in *intake) fill(want int) error {
	in.resize(want)
	in.w = copy(in.buf, in.buf[in.r:in.w])
	in.r = 0
	n, err := in.src.Read(in.buf[in.w:])
	in.w += n
	if in.slack++; n > smallIntake/2 {
		in.slack = 0
	}
	if n > 0 {
		return nil // what is wrong is so the next time
	}
	return err
}

// resize changes the buffer, if another one is due and there is room for it. It stays
// long enough for what is waited for: there may be no other chunk later.
func (in *intake) resize(want int) {
	left := in.buf[in.r:in.w]
	switch {
	case in.chunk == nil && in.w == len(in.buf) && in.room.tryTake(chunkSize):
		in.chunk = chunks.Get().(*chunk)
		in.r, in.w, in.buf = 0, copy(in.chunk[:], left), in.chunk[:]
	case in.chunk != nil && in.slack > mostSlack && max(len(left), want) <= smallIntake:
		in.r, in.w, in.buf = 0, copy(in.small, left), in.small
		in.giveBack()
	}
}

func (in *intake) giveBack() {
	chunks.Put(in.chunk)
	in.chunk = nil
	in.room.give(chunkSize)
}

// Read reads what is here, or else from the source, for frames that are longer than the
// buffer.
func (in *intake) Read(b []byte) (int, error) {
	if in.r == in.w {
		return in.src.Read(b)
	}
	n := copy(b, in.buf[in.r:in.w])
	in.r += n
	return n, nil
}

func (in *intake) close() {
	if in.chunk != nil {
		in.buf = nil
		in.giveBack()
	}
}
