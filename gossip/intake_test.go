package gossip

import (
	"bytes"
	"encoding/binary"
	"io"
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/internal/guard"
	"github.com/Ishan27gOrg/gossipProtocol/internal/wire"
)

// script is a source that gives what it was told to, a piece at a time, and fails the
// test if it is asked for nothing: a reader that does so never ends.
type script struct {
	t      *testing.T
	pieces [][]byte
	asked  int // in vain
}

func (s *script) Read(b []byte) (int, error) {
	if len(b) == 0 {
		if s.asked++; s.asked > 100 {
			s.t.Fatal("asked for nothing, again and again")
		}
		return 0, nil
	}
	if len(s.pieces) == 0 {
		return 0, io.EOF
	}
	n := copy(b, s.pieces[0])
	if s.pieces[0] = s.pieces[0][n:]; len(s.pieces[0]) == 0 {
		s.pieces = s.pieces[1:]
	}
	return n, nil
}

// TestAnIntakeKeepsRoomForItsFrame: a reader that has begun to wait for a frame, which its
// buffer is long enough for, must not be given a shorter one while it waits. If nobody had
// room for a chunk any more it would read nothing, for ever, and never sleep.
func TestAnIntakeKeepsRoomForItsFrame(t *testing.T) {
	frame := func(size int) []byte {
		b := binary.BigEndian.AppendUint32(nil, uint32(size))
		for i := range size {
			b = append(b, byte(i))
		}
		return b
	}
	r := &room{size: 2 * chunkSize}
	src := &script{t: t}
	in := newIntake(src, r)
	next := func() []byte {
		t.Helper()
		size, err := in.length(1 << 20)
		if err != nil {
			t.Fatal(err)
		}
		if !in.fits(size + 4) {
			t.Fatalf("the buffer has become %d bytes long", len(in.buf))
		}
		if err := in.await(size + 4); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, size+4)
		in.take(b)
		return b
	}
	// Much comes at once, and the reader borrows a chunk.
	src.pieces = [][]byte{bytes.Repeat(frame(96), 2*smallIntake/100)}
	for range 2 * smallIntake / 100 {
		next()
	}
	if in.chunk == nil {
		t.Fatal("no chunk for much that comes")
	}
	// Then little, for just as long as it may keep it.
	for in.slack < mostSlack {
		src.pieces = append(src.pieces, frame(8))
		next()
	}
	if in.chunk == nil {
		t.Fatal("the chunk is gone too early")
	}
	// The beginning of a frame that is longer than the small buffer, and while the rest is
	// under way others take all the room that there is.
	long := frame(3 * smallIntake)
	src.pieces = [][]byte{long[:100], long[100:200], long[200:]}
	if size, err := in.length(1 << 20); err != nil || size != 3*smallIntake {
		t.Fatal(size, err)
	}
	others := r.size - r.held()
	if others != chunkSize || r.take(t.Context(), others) != nil {
		t.Fatalf("%d bytes are left of %d", others, r.size)
	}
	if err := in.await(len(long)); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(long))
	in.take(got)
	if !bytes.Equal(got, long) {
		t.Error("something else was read")
	}
	if in.close(); r.held() != others {
		t.Errorf("%d bytes are charged for a reader that has ended", r.held()-others)
	}
}

// TestAnIntakeIsTinyWhileNextToNothingComes: it borrows a small buffer for a message, even if
// nobody has room for a chunk, and gives it back once it has waited for a while.
func TestAnIntakeIsTinyWhileNextToNothingComes(t *testing.T) {
	frame := func(size int) []byte {
		return append(binary.BigEndian.AppendUint32(nil, uint32(size)), make([]byte, size)...)
	}
	full := &room{}
	src := &script{t: t}
	in := newIntake(src, full)
	next := func(size int) {
		t.Helper()
		if got, err := in.length(1 << 20); err != nil || got != size || !in.fits(size+4) {
			t.Fatalf("a frame of %d bytes is said to be %d (%v), in a buffer of %d", size, got, err, len(in.buf))
		}
		if err := in.await(size + 4); err != nil {
			t.Fatal(err)
		}
		in.take(make([]byte, size+4))
	}
	bring := func(size int) {
		t.Helper()
		src.pieces = append(src.pieces, frame(size))
		next(size)
	}
	bring(9)
	if len(in.buf) != tinyIntake || in.small != nil {
		t.Errorf("the buffer is %d bytes long for a ping", len(in.buf))
	}
	bring(1000)
	for range 2 * mostSlack {
		bring(9)
	}
	if in.small == nil {
		t.Error("the small buffer is gone, and there was no time")
	}
	full.size = 2 * chunkSize
	src.pieces = append(src.pieces, bytes.Repeat(frame(96), 30))
	for range 30 {
		next(96)
	}
	if in.chunk == nil || in.small != nil {
		t.Error("no chunk for much that comes")
	}
	if in.rest() {
		t.Error("it rests, and all of that came at once")
	}
	in.idle = 0 // any read takes that long
	bring(9)    // by which it notices
	in.idle = idleAfter
	bring(9)
	if len(in.buf) != tinyIntake || in.small != nil || in.chunk != nil || full.held() != 0 {
		t.Errorf("the buffer is %d bytes long after a wait, and %d are charged", len(in.buf), full.held())
	}
	// Where nothing follows what it has waited for it rests, and gives back its buffer.
	in.idle = 0
	src.pieces = append(src.pieces, append(frame(1000), frame(9)...))
	if next(1000); in.rest() {
		t.Error("it rests, and has something to be taken")
	}
	if next(9); !in.rest() || len(in.buf) != tinyIntake || in.small != nil {
		t.Errorf("the buffer is %d bytes long at rest", len(in.buf))
	}
	src.pieces = append(src.pieces, frame(9))
	in.begin()
	next(9)
	in.close()
}

// TestManyLinksBringLittleEach: where there are more links than a few, each brings so much
// less at a time, in frames and in bytes; but always one frame, however long.
func TestManyLinksBringLittleEach(t *testing.T) {
	for _, tc := range []struct{ links, length, want int }{
		{1, 60, mostFrames},
		{fairLinks, 60, mostFrames},
		{8 * fairLinks, 60, mostFrames / 8},
		{8 * fairLinks, 1020, 2},
		{8 * fairLinks, 4000, 1},
		{1 << 20, 60, 1},
	} {
		n := &Node{cfg: Config{}.withDefaults(), smallFrames: room{size: 4 * chunkSize}}
		n.ctx = t.Context()
		n.clock.begin()
		n.open.Store(int64(tc.links))
		frame := append(binary.BigEndian.AppendUint32(nil, uint32(tc.length)), make([]byte, tc.length)...)
		frame[wire.FrameHeader] = byte(broadcast.Data)
		src := &script{t: t, pieces: [][]byte{bytes.Repeat(frame, chunkSize/len(frame))}}
		r := newIntake(src, &n.smallFrames)
		r.chunk = chunks.Get().(*chunk) // as after much that has come
		r.buf = r.chunk[:]
		if _, err := r.length(n.cfg.maxFrame()); err != nil {
			t.Fatal(err)
		}
		var in framesIn
		if _, err := n.takeFrames(r, &in, guard.NewFrameRate(0)); err != nil {
			t.Fatal(err)
		}
		if got := in.size / len(frame); got != tc.want {
			t.Errorf("of %d links one brings %d frames of %d bytes at a time, want %d", tc.links, got, tc.length, tc.want)
		}
		in.done()
	}
}
