package gossip

import (
	"encoding/binary"
	"io"
	"sync"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/internal/wire"
)

// intake is what a link is read through. Its buffer is tiny while next to nothing comes, so
// that links that have nothing to say cost little, and small while there is little. It is a
// chunk while much comes, so that one system call brings many frames.
type intake struct {
	src   io.Reader
	room  *room // that a chunk takes, beside what a connection is charged
	tiny  [tinyIntake]byte
	small *[smallIntake]byte // the buffer, if it is neither tiny nor a chunk
	chunk *chunk             // likewise
	buf   []byte
	r, w  int           // what was read and not yet taken is buf[r:w]
	slack int           // reads in a row that a small buffer would have done for
	idle  time.Duration // who waits for so long has a tiny buffer
	waits bool          // the last read did
}

const (
	// tinyIntake is for a ping, or its answer, and some announcements.
	tinyIntake = 128
	// smallIntake is part of connectionCost: a few announcements, or a short message.
	smallIntake = 2 << 10
	// mostSlack is when a chunk is given back, and idleAfter when any buffer is: to have
	// one again takes a read more. Guesses.
	mostSlack = 64
	idleAfter = time.Second
)

var smallIntakes = sync.Pool{New: func() any { return new([smallIntake]byte) }}

func newIntake(src io.Reader, room *room) *intake {
	in := &intake{src: src, room: room, idle: idleAfter}
	in.buf = in.tiny[:]
	return in
}

// begin reads once into the empty buffer, with next to no stack. What is wrong is so the next
// time.
func (in *intake) begin() {
	n, _ := in.read(in.buf[in.w:])
	in.w += n
}

// rest reports whether the link has been silent for long before it brought what has been
// taken from here, all of it; and gives back the buffer then.
func (in *intake) rest() bool {
	if !in.waits || in.r < in.w {
		return false
	}
	if len(in.buf) > tinyIntake {
		in.reduce(in.tiny[:])
	}
	in.r, in.w = 0, 0
	return true
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

// fits reports whether so many bytes can be together in the buffer.
func (in *intake) fits(n int) bool {
	if n > len(in.buf) && n <= smallIntake {
		in.enlarge()
	}
	return n <= len(in.buf)
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
	n, err := in.read(in.buf[in.w:])
	in.w += n
	if in.slack++; n > smallIntake/2 {
		in.slack = 0
	}
	if n > 0 {
		return nil // what is wrong is so the next time
	}
	return err
}

// read reads once, and notes whether that took long.
func (in *intake) read(b []byte) (int, error) {
	began := time.Now()
	n, err := in.src.Read(b)
	in.waits = time.Since(began) >= in.idle
	return n, err
}

// resize changes the buffer, if another one is due and there is room for it. It stays
// long enough for what is waited for: there may be no other chunk later.
func (in *intake) resize(want int) {
	switch {
	case in.w == len(in.buf):
		in.enlarge()
	case in.waits && len(in.buf) > tinyIntake && max(in.w-in.r, want) <= tinyIntake:
		in.reduce(in.tiny[:])
	case in.chunk != nil && in.slack > mostSlack && max(in.w-in.r, want) <= smallIntake:
		in.small = smallIntakes.Get().(*[smallIntake]byte)
		in.reduce(in.small[:])
	}
}

// enlarge moves what is here to the next larger buffer, if there is one.
func (in *intake) enlarge() {
	switch {
	case in.chunk != nil:
	case in.small == nil:
		in.small = smallIntakes.Get().(*[smallIntake]byte)
		in.move(in.small[:])
	case in.room.tryTake(chunkSize):
		in.chunk = chunks.Get().(*chunk)
		in.move(in.chunk[:])
		in.giveBackSmall()
	}
}

// reduce moves what is here to a smaller buffer.
func (in *intake) reduce(buf []byte) {
	in.move(buf)
	if in.chunk != nil {
		in.giveBackChunk()
	} else {
		in.giveBackSmall()
	}
}

func (in *intake) move(buf []byte) {
	in.r, in.w, in.buf = 0, copy(buf, in.buf[in.r:in.w]), buf
	in.slack, in.waits = 0, false
}

func (in *intake) giveBackSmall() {
	smallIntakes.Put(in.small)
	in.small = nil
}

func (in *intake) giveBackChunk() {
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
	in.buf = nil
	if in.chunk != nil {
		in.giveBackChunk()
	}
	if in.small != nil {
		in.giveBackSmall()
	}
}
