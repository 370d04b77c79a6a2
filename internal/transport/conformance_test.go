package transport

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is one implementation, seen only through what Transport promises.
type world struct {
	t    *testing.T
	open func(address string) (Transport, error)
}

func onLoopback(*testing.T) func(string) (Transport, error) { return Listen }

func impairedLoopback(*testing.T) func(string) (Transport, error) {
	none := NewImpairment(1)
	return func(address string) (Transport, error) {
		t, err := Listen(address)
		if err != nil {
			return nil, err
		}
		return none.Over(t), nil
	}
}

func inMemory(faults Faults) func(*testing.T) func(string) (Transport, error) {
	return func(t *testing.T) func(string) (Transport, error) {
		n := NewNetwork(1)
		if err := n.SetFaults(faults); err != nil {
			t.Fatal(err)
		}
		return func(address string) (Transport, error) { return n.Listen(netip.MustParseAddrPort(address)) }
	}
}

// TestConformance holds the sockets and the twin to the same promises. The twin
// is run on the real clock, in a bubble, and in a bubble with its nodes far
// apart.
func TestConformance(t *testing.T) {
	plain := func(t *testing.T, test func(*testing.T)) { t.Helper(); test(t) }
	worlds := []struct {
		name string
		open func(*testing.T) func(string) (Transport, error)
		run  func(*testing.T, func(*testing.T))
	}{
		{"sockets", onLoopback, plain},
		{"sockets that could be impaired", impairedLoopback, plain},
		{"memory", inMemory(Faults{}), plain},
		{"memory in a bubble", inMemory(Faults{}), synctest.Test},
		{"memory with latency", inMemory(Faults{Latency: 70 * time.Millisecond}), synctest.Test},
	}
	cases := []struct {
		name string
		test func(world)
	}{
		{"datagram echo", datagramEcho},
		{"datagram longer than the buffer", datagramTruncated},
		{"datagram too long to send", datagramTooLong},
		{"close wakes everyone", closeWakes},
		{"after close", afterClose},
		{"address in use", addressInUse},
		{"dial where nobody listens", dialNobody},
		{"dial with a context that has ended", dialCancelled},
		{"addresses of a stream", streamAddresses},
		{"stream echo", streamEcho},
		{"many dials at once", manyDials},
		{"half-close", halfClose},
		{"write to a closed peer", writeToClosed},
		{"unread bytes at close", closeWithUnread},
		{"close wakes the stream's own calls", closeStream},
		{"streams outlive their transports", streamsOutlive},
		{"streams never accepted", neverAccepted},
		{"read deadline", readDeadline},
		{"write deadline", writeDeadline},
		{"deadline moved while blocked", deadlineMoved},
		{"concurrent writes do not mix", concurrentWrites},
	}
	for _, w := range worlds {
		for _, c := range cases {
			t.Run(w.name+"/"+c.name, func(t *testing.T) {
				w.run(t, func(t *testing.T) { c.test(world{t: t, open: w.open(t)}) })
			})
		}
	}
}

func datagramEcho(w world) {
	a, b := w.listen(), w.listen()
	for _, text := range []string{"hello", "", "again"} {
		w.must(a.WriteTo([]byte(text), b.Addr()))
		buffer := make([]byte, 100)
		n, from, err := b.ReadFrom(buffer)
		w.must(err)
		if string(buffer[:n]) != text || from != a.Addr() {
			w.t.Fatalf("got %q from %v, want %q from %v", buffer[:n], from, text, a.Addr())
		}
		w.must(b.WriteTo(buffer[:n], from))
		n, from, err = a.ReadFrom(buffer)
		w.must(err)
		if string(buffer[:n]) != text || from != b.Addr() {
			w.t.Fatalf("echoed %q from %v, want %q from %v", buffer[:n], from, text, b.Addr())
		}
	}
}

func datagramTruncated(w world) {
	a := w.listen()
	w.must(a.WriteTo([]byte("longer"), a.Addr()))
	w.must(a.WriteTo([]byte("next"), a.Addr()))
	for _, want := range []string{"lon", "nex"} {
		buffer := make([]byte, 3)
		n, _, err := a.ReadFrom(buffer)
		w.must(err)
		if string(buffer[:n]) != want {
			w.t.Fatalf("got %q, want %q", buffer[:n], want)
		}
	}
}

func datagramTooLong(w world) {
	a := w.listen()
	w.is(a.WriteTo(make([]byte, maxDatagram+1), a.Addr()), syscall.EMSGSIZE)
}

func closeWakes(w world) {
	a := w.listen()
	read := w.async(func() error { _, _, err := a.ReadFrom(make([]byte, 1)); return err })
	accept := w.async(func() error { _, err := a.Accept(); return err })
	w.must(a.Close())
	w.is(w.result(read), net.ErrClosed)
	w.is(w.result(accept), net.ErrClosed)
}

func afterClose(w world) {
	a, b := w.listen(), w.listen()
	w.must(a.Close())
	w.must(a.Close())
	_, _, err := a.ReadFrom(make([]byte, 1))
	w.is(err, net.ErrClosed)
	w.is(a.WriteTo([]byte("x"), b.Addr()), net.ErrClosed)
	_, err = a.Accept()
	w.is(err, net.ErrClosed)
	_, err = a.Dial(w.t.Context(), b.Addr())
	w.is(err, net.ErrClosed)
	w.must(b.WriteTo([]byte("into the void"), a.Addr()))
}

func addressInUse(w world) {
	a := w.listen()
	_, err := w.open(a.Addr().String())
	w.is(err, syscall.EADDRINUSE)
	w.must(a.Close())
	again, err := w.open(a.Addr().String())
	w.must(err)
	w.must(again.Close())
}

func dialNobody(w world) {
	a, gone := w.listen(), w.listen()
	w.must(gone.Close())
	_, err := a.Dial(w.t.Context(), gone.Addr())
	w.is(err, syscall.ECONNREFUSED)
}

func dialCancelled(w world) {
	a, b := w.listen(), w.listen()
	ctx, cancel := context.WithCancel(w.t.Context())
	cancel()
	_, err := a.Dial(ctx, b.Addr())
	w.is(err, context.Canceled)
}

func streamAddresses(w world) {
	a, b := w.listen(), w.listen()
	near, far := w.connect(a, b)
	if got := addrOf(near.RemoteAddr()); got != b.Addr() {
		w.t.Errorf("dialled %v, the remote address is %v", b.Addr(), got)
	}
	if got := addrOf(far.LocalAddr()); got != b.Addr() {
		w.t.Errorf("accepted at %v, the local address is %v", b.Addr(), got)
	}
	if addrOf(near.LocalAddr()) != addrOf(far.RemoteAddr()) {
		w.t.Errorf("the dialler is %v at one end and %v at the other", near.LocalAddr(), far.RemoteAddr())
	}
	if addrOf(near.LocalAddr()) == a.Addr() {
		w.t.Error("a dialled stream comes from a port of its own, not from the listener's")
	}
}

// Four times what the buffers of the twin hold, so that both sides must wait.
const bulk = 4 * streamBuffer

func streamEcho(w world) {
	near, far := w.pair()
	echo := w.async(func() error {
		_, err := io.Copy(far, struct{ io.Reader }{far})
		return errors.Join(err, far.(halfCloser).CloseWrite())
	})
	sent := noise(bulk)
	write := w.async(func() error {
		_, err := near.Write(sent)
		return errors.Join(err, near.(halfCloser).CloseWrite())
	})
	got, err := io.ReadAll(near)
	w.must(err)
	w.must(w.result(write))
	w.must(w.result(echo))
	if !bytes.Equal(got, sent) {
		w.t.Fatalf("%d bytes came back, not those that were sent", len(got))
	}
}

func manyDials(w world) {
	hub := w.listen()
	const nodes = 20
	dials := w.async(func() error {
		var all sync.WaitGroup
		failures := make([]error, nodes)
		for i := range nodes {
			node := w.listen()
			all.Go(func() {
				c, err := node.Dial(w.t.Context(), hub.Addr())
				if err == nil {
					_, err = c.Write([]byte{1})
					err = errors.Join(err, c.Close())
				}
				failures[i] = err
			})
		}
		all.Wait()
		return errors.Join(failures...)
	})
	for range nodes {
		c, err := hub.Accept()
		w.must(err)
		got, err := io.ReadAll(c)
		w.must(err)
		if len(got) != 1 {
			w.t.Errorf("read %d bytes, want 1", len(got))
		}
		w.must(c.Close())
	}
	w.must(w.result(dials))
}

func halfClose(w world) {
	near, far := w.pair()
	w.write(near, "question")
	w.must(near.(halfCloser).CloseWrite())
	w.must(near.(halfCloser).CloseWrite())
	_, err := near.Write([]byte("more"))
	w.is(err, syscall.EPIPE)

	w.readAll(far, "question")
	w.readAll(far, "") // the end stays the end
	w.write(far, "answer")
	w.must(far.Close())
	w.readAll(near, "answer")
}

func writeToClosed(w world) {
	near, far := w.pair()
	w.write(far, "last words")
	w.must(far.Close())
	w.readAll(near, "last words")
	err := writeUntilError(near)
	if !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
		w.t.Fatalf("writing to a closed peer: %v", err)
	}
}

func closeWithUnread(w world) {
	near, far := w.pair()
	w.write(near, "nobody reads this")
	w.must(far.Close())
	// The writer learns of it even when it blocks for want of room.
	err := w.result(w.async(func() error { return writeUntilError(near) }))
	if !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
		w.t.Fatalf("writing to a closed peer: %v", err)
	}
}

func closeStream(w world) {
	near, _ := w.pair()
	read := w.async(func() error { _, err := near.Read(make([]byte, 1)); return err })
	write := w.async(func() error { return writeUntilError(near) })
	w.must(near.Close())
	w.is(w.result(read), net.ErrClosed)
	w.is(w.result(write), net.ErrClosed)
	w.is(near.Close(), net.ErrClosed)
	w.is(near.(halfCloser).CloseWrite(), net.ErrClosed)
	w.is(near.SetDeadline(time.Now()), net.ErrClosed)
}

func streamsOutlive(w world) {
	a, b := w.listen(), w.listen()
	near, far := w.connect(a, b)
	w.must(a.Close())
	w.must(b.Close())
	w.write(near, "still here")
	w.must(near.Close())
	w.readAll(far, "still here")
}

func neverAccepted(w world) {
	a, b := w.listen(), w.listen()
	c, err := a.Dial(w.t.Context(), b.Addr())
	w.must(err)
	w.must(b.Close())
	// Some kernels end such a stream and some reset it; none leaves it open.
	if _, err := c.Read(make([]byte, 1)); err == nil {
		w.t.Error("read from a stream that nobody accepted")
	}
	w.must(c.Close())
}

func readDeadline(w world) {
	near, far := w.pair()
	w.write(far, "here")
	w.read(near, "here")
	for _, d := range []time.Duration{-time.Second, time.Millisecond} {
		w.must(near.SetReadDeadline(time.Now().Add(d)))
		_, err := near.Read(make([]byte, 1))
		w.is(err, os.ErrDeadlineExceeded)
		var timeout net.Error
		if !errors.As(err, &timeout) || !timeout.Timeout() {
			w.t.Errorf("%v does not know that it is a timeout", err)
		}
	}
	w.write(near, "writing is not affected")
	w.must(near.SetReadDeadline(time.Time{}))
	w.write(far, "nor reading later")
	w.read(near, "nor reading later")
}

func writeDeadline(w world) {
	near, far := w.pair()
	// How much the system buffers, and for how long it goes on finding more
	// room, is its own affair; that a Write which fits nowhere ends is ours.
	w.must(near.SetWriteDeadline(time.Now().Add(time.Millisecond)))
	sent, err := near.Write(make([]byte, 64<<20))
	w.is(err, os.ErrDeadlineExceeded)
	w.must(near.SetWriteDeadline(time.Time{}))
	w.must(near.(halfCloser).CloseWrite())
	got, err := io.Copy(io.Discard, far)
	w.must(err)
	if got != int64(sent) {
		w.t.Errorf("Write answered %d bytes, %d arrived", sent, got)
	}
}

func deadlineMoved(w world) {
	near, _ := w.pair()
	w.must(near.SetDeadline(time.Now().Add(time.Hour)))
	read := w.async(func() error { _, err := near.Read(make([]byte, 1)); return err })
	write := w.async(func() error { return writeUntilError(near) })
	w.must(near.SetDeadline(time.Now()))
	w.is(w.result(read), os.ErrDeadlineExceeded)
	w.is(w.result(write), os.ErrDeadlineExceeded)
}

func concurrentWrites(w world) {
	near, far := w.pair()
	const writers, size = 4, streamBuffer/2 + 1
	write := w.async(func() error {
		var all sync.WaitGroup
		failures := make([]error, writers)
		for i := range writers {
			all.Go(func() { _, failures[i] = near.Write(bytes.Repeat([]byte{byte(i)}, size)) })
		}
		all.Wait()
		return errors.Join(append(failures, near.(halfCloser).CloseWrite())...)
	})
	got, err := io.ReadAll(far)
	w.must(err)
	w.must(w.result(write))
	if len(got) != writers*size {
		w.t.Fatalf("read %d bytes, want %d", len(got), writers*size)
	}
	for run := range writers {
		part := got[run*size : (run+1)*size]
		if n := bytes.Count(part, part[:1]); n != size {
			w.t.Fatalf("run %d has %d bytes of writer %d, want %d", run, n, part[0], size)
		}
	}
}

// What the stories above are told with.

type halfCloser interface{ CloseWrite() error }

// patience is for what should happen at once. It is never waited for unless a
// test fails.
const patience = 30 * time.Second

func (w world) listen() Transport {
	w.t.Helper()
	a, err := w.open("127.0.0.1:0")
	w.must(err)
	w.t.Cleanup(func() { w.must(a.Close()) })
	return a
}

func (w world) pair() (near, far net.Conn) {
	w.t.Helper()
	return w.connect(w.listen(), w.listen())
}

func (w world) connect(a, b Transport) (near, far net.Conn) {
	w.t.Helper()
	near, err := a.Dial(w.t.Context(), b.Addr())
	w.must(err)
	far, err = b.Accept()
	w.must(err)
	w.t.Cleanup(func() { _, _ = near.Close(), far.Close() })
	return near, far
}

// async runs what may block; result waits for its error, but not for ever.
func (w world) async(f func() error) <-chan error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	return done
}

func (w world) result(done <-chan error) error {
	w.t.Helper()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case err := <-done:
		return err
	case <-timeout.C:
		w.t.Fatal("still blocked")
		return nil
	}
}

func (w world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w world) is(err, want error) {
	w.t.Helper()
	if !errors.Is(err, want) {
		w.t.Fatalf("got error %v, want one that is %v", err, want)
	}
}

func (w world) write(c net.Conn, text string) {
	w.t.Helper()
	n, err := c.Write([]byte(text))
	w.must(err)
	if n != len(text) {
		w.t.Fatalf("wrote %d bytes of %d without an error", n, len(text))
	}
}

func (w world) read(c net.Conn, want string) {
	w.t.Helper()
	got := make([]byte, len(want))
	_, err := io.ReadFull(c, got)
	w.must(err)
	if string(got) != want {
		w.t.Fatalf("read %q, want %q", got, want)
	}
}

func (w world) readAll(c net.Conn, want string) {
	w.t.Helper()
	got, err := io.ReadAll(c)
	w.must(err)
	if string(got) != want {
		w.t.Fatalf("read %q, want %q", got, want)
	}
}

func writeUntilError(c net.Conn) error {
	for chunk := make([]byte, 4096); ; {
		if _, err := c.Write(chunk); err != nil {
			return err
		}
	}
}

func addrOf(a net.Addr) netip.AddrPort { return a.(*net.TCPAddr).AddrPort() }

// noise has no period, so bytes out of place cannot go unnoticed.
func noise(n int) []byte {
	random := rand.New(rand.NewPCG(7, 7))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return b
}
