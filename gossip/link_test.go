package gossip

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/internal/transport"
)

// TestALinksWriterMissesNothing: a writer ends when it has nothing to write, at whatever
// moment something more may come, and the loop writes by itself where there is none. All that
// was queued is read at the other end, in order, when the link is closed in good order; when it
// is killed at any moment nothing stays charged, and no writer stays behind or begins later.
func TestALinksWriterMissesNothing(t *testing.T) {
	for seed := range uint64(100) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		near, far := pipe(t)
		var all atomic.Int64
		n := &Node{written: make(chan struct{}, 1)}
		n.clock.begin()
		l := &link{raw: near, all: &all}
		if seed%2 == 0 {
			l.direct = transport.Raw(near)
		}
		l.start = n.writerOf(l)
		n.linkWG.Add(1) // as for a reader
		kill := rnd.IntN(2) > 0
		const frames, size = 200, 8
		far.SetReadDeadline(time.Now().Add(10 * time.Second)) // for a test that fails
		ended := make(chan uint64)
		go func() {
			next := uint64(0)
			for b := make([]byte, size); ; next++ {
				if _, err := io.ReadFull(far, b); err != nil || binary.BigEndian.Uint64(b) != next {
					ended <- next
					return
				}
			}
		}()
		at := rnd.IntN(frames)
		for i := range frames {
			frame := binary.BigEndian.AppendUint64(nil, uint64(i))
			if l.direct != nil && rnd.IntN(4) > 0 {
				l.queueOne(frame)
				n.dirty = append(n.dirty, l)
				n.flush()
			} else {
				l.sendRaw(frame)
			}
			switch {
			case kill && i == at:
				go l.kill()
			case rnd.IntN(10) == 0:
				time.Sleep(time.Duration(rnd.IntN(50)) * time.Microsecond)
			}
		}
		l.close()
		got := <-ended
		l.kill() // as the reader does
		n.linkWG.Done()
		n.wg.Wait()
		n.linkWG.Wait()
		l.start = func() { t.Errorf("seed %d: a writer begins that nobody waits for", seed) }
		l.signal(false)
		if !kill && got != frames {
			t.Fatalf("seed %d: %d of %d frames came", seed, got, frames)
		}
		if all.Load() != 0 || l.queued != 0 {
			t.Fatalf("seed %d: %d bytes stay charged", seed, all.Load())
		}
		far.Close()
	}
}

// queueOne is sendRaw, but for what has it written.
func (l *link) queueOne(frame []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.enqueue(frame, longPiece)
}

// TestTheLoopWritesWhatIsLittle, and leaves alone what a writer is at, what is more than a
// little, and what comes where much does.
func TestTheLoopWritesWhatIsLittle(t *testing.T) {
	for _, c := range []struct {
		why     string
		prepare func(n *Node, l *link)
		direct  bool
	}{
		{"a frame by itself", func(*Node, *link) {}, true},
		{"where much is to be done", func(n *Node, _ *link) { n.busy = true }, false},
		{"who leaves wants to know", func(n *Node, _ *link) { n.leaving = true }, false},
		{"a writer is at it", func(_ *Node, l *link) { l.writes = true }, false},
		{"what is long is a piece of its own", func(_ *Node, l *link) { l.queueOne(make([]byte, longPiece)) }, false},
		{"a link that is to end", func(_ *Node, l *link) { l.closing = true }, false},
		{"one that cannot be written to at once", func(_ *Node, l *link) { l.direct = nil }, false},
	} {
		near, far := pipe(t)
		var all atomic.Int64
		started := false
		n := &Node{}
		n.clock.begin()
		l := &link{raw: near, all: &all, direct: transport.Raw(near), start: func() { started = true }}
		l.queueOne(make([]byte, 8))
		c.prepare(n, l)
		n.dirty = append(n.dirty, l)
		n.flush()
		if direct := l.queue.size == 0; direct != c.direct || direct == l.signals {
			t.Errorf("%s: the loop has written it: %v, and has told a writer: %v", c.why, direct, l.signals)
		}
		if c.direct && (started || l.doneWrites != 1 || l.doneBytes != 8 || all.Load() != 0) {
			t.Errorf("%s: a writer was started (%v), or %d writes of %d bytes were counted, and %d are charged", c.why, started, l.doneWrites, l.doneBytes, all.Load())
		}
		near.Close()
		far.Close()
	}
}

// TestTheLoopLeavesTheRestToAWriter: a socket that is full takes a part of what is queued, or
// nothing. The loop does not wait for it, and no byte is lost or comes twice.
func TestTheLoopLeavesTheRestToAWriter(t *testing.T) {
	near, far := pipe(t)
	defer near.Close()
	defer far.Close()
	var all atomic.Int64
	n := &Node{written: make(chan struct{}, 1)}
	n.clock.begin()
	begun := make(chan struct{}, 1)
	l := &link{raw: near, all: &all, direct: transport.Raw(near), start: func() { begun <- struct{}{} }}
	if l.direct == nil {
		t.Skip("nothing is written at once on this system")
	}
	var sent []byte
	queue := func() {
		piece := make([]byte, longPiece-1) // which is copied, so that there may be room behind it
		for i := range piece {
			piece[i] = byte(len(sent) >> (i % 4 * 8))
		}
		sent = append(sent, piece...)
		l.queueOne(piece)
	}
	for len(begun) == 0 {
		queue()
		n.dirty = append(n.dirty, l)
		n.flush()
	}
	queue() // behind what is left of the last one
	go n.write(l)
	got := make([]byte, len(sent))
	far.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.ReadFull(far, got); err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%d bytes do not come as they were sent: %v", len(sent), err)
	}
	for wrote := false; !wrote; { // the writer counts after it has written
		l.mu.Lock()
		wrote = !l.writes
		l.mu.Unlock()
		runtime.Gosched()
	}
	if l.doneBytes != uint64(len(sent)) || all.Load() != 0 {
		t.Errorf("%d bytes are counted of %d, and %d are charged", l.doneBytes, len(sent), all.Load())
	}
}

// pipe is a TCP connection.
func pipe(t *testing.T) (near, far net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if near, err = net.Dial("tcp", listener.Addr().String()); err == nil {
		far, err = listener.Accept()
	}
	if err != nil {
		t.Fatal(err)
	}
	return near, far
}
