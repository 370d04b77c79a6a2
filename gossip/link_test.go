package gossip

import (
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"testing"
	"time"
)

// TestALinksWriterMissesNothing: a writer ends when it has nothing to write, at whatever
// moment something more may come. All that was queued is read at the other end, in order,
// when the link is closed in good order; when it is killed at any moment nothing stays
// charged, and no writer stays behind or begins later.
func TestALinksWriterMissesNothing(t *testing.T) {
	for seed := range uint64(100) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		near, far := pipe(t)
		var all atomic.Int64
		n := &Node{written: make(chan struct{}, 1)}
		n.clock.begin()
		l := &link{raw: near, all: &all}
		l.start = n.writerOf(l)
		n.linkWG.Add(1) // as for a reader
		kill := rnd.IntN(2) > 0
		const frames = 200
		far.SetReadDeadline(time.Now().Add(10 * time.Second)) // for a test that fails
		ended := make(chan uint64)
		go func() {
			next := uint64(0)
			for b := make([]byte, 8); ; next++ {
				if _, err := io.ReadFull(far, b); err != nil || binary.BigEndian.Uint64(b) != next {
					ended <- next
					return
				}
			}
		}()
		at := rnd.IntN(frames)
		for i := range frames {
			l.sendRaw(binary.BigEndian.AppendUint64(nil, uint64(i)))
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
