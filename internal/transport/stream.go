package transport

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

// streamBuffer bounds the bytes of a stream that are written and not yet read,
// each way: the order of what two real socket buffers hold together.
const streamBuffer = 256 << 10

// stream is one end of a connection in memory: a net.Conn that also has
// CloseWrite. Its fields are guarded by the network's lock.
//
// Everything that travels, bytes, the end of bytes and resets, travels in the
// pipe that leads to an end, so latency and cuts act upon all of it alike.
type stream struct {
	net           *Network
	changed       *sync.Cond // anything about either end; shared by both
	peer          *stream
	node          netip.AddrPort // where its transport listens: what Cut and Kill know
	local, remote net.Addr

	in              pipe // what comes from the peer
	readBy, writeBy time.Time
	writing         bool // a Write is under way; others wait so as not to mix
	finished        bool // the end of bytes was sent
	closed          bool // by Close or Kill
}

// open makes both ends of a stream and answers the first.
func (n *Network) open(nearNode, farNode netip.AddrPort, near, far net.Addr) *stream {
	changed := sync.NewCond(&n.mu)
	a := &stream{net: n, changed: changed, node: nearNode, local: near, remote: far}
	b := &stream{net: n, changed: changed, node: farNode, local: far, remote: near}
	a.peer, b.peer = b, a
	n.streams[a], n.streams[b] = struct{}{}, struct{}{}
	n.stats.Streams++
	return a
}

func (s *stream) LocalAddr() net.Addr  { return s.local }
func (s *stream) RemoteAddr() net.Addr { return s.remote }

func (s *stream) Read(b []byte) (int, error) {
	s.net.mu.Lock()
	defer s.net.mu.Unlock()
	for {
		now := time.Now()
		if err := s.unusable(s.readBy, now); err != nil {
			return 0, s.fail("read", err)
		}
		if len(b) == 0 {
			return 0, nil
		}
		if n, err := s.receive(b, now); n > 0 || err != nil {
			return n, s.fail("read", err)
		}
		wait(s.changed, earlier(s.readBy, s.in.firstDue()))
	}
}

// receive takes what has arrived and tells the peer that there is room, unless
// the way back is cut: then the peer goes on holding the bytes for all it knows.
func (s *stream) receive(b []byte, now time.Time) (int, error) {
	n, err := s.in.take(b, now)
	if n > 0 {
		if s.peer.in.cut {
			s.in.unacknowledged += n
		}
		s.changed.Broadcast()
	}
	return n, err
}

func (s *stream) Write(b []byte) (int, error) {
	s.net.mu.Lock()
	defer s.net.mu.Unlock()
	sent, mine := 0, false
	defer func() {
		if mine {
			s.writing = false
			s.changed.Broadcast()
		}
	}()
	for {
		now := time.Now()
		if err := s.unwritable(now); err != nil {
			return sent, s.fail("write", err)
		}
		if mine = mine || !s.writing; mine {
			s.writing = true
			sent += s.send(b[sent:], now)
			if sent == len(b) {
				return sent, nil
			}
		}
		wait(s.changed, earlier(s.writeBy, s.in.resetDue()))
	}
}

// send passes on as much as there is room for.
func (s *stream) send(b []byte, now time.Time) int {
	out := &s.peer.in
	n := min(len(b), streamBuffer-out.size-out.unacknowledged)
	if n > 0 {
		out.put(b[:n], nil, s.arrival(now))
		s.net.stats.StreamBytes += uint64(n)
		s.peer.refuse(now)
		s.changed.Broadcast()
	}
	return n
}

// unusable says why an end cannot be used: it is closed, or out of time.
func (s *stream) unusable(by, now time.Time) error {
	if s.closed {
		return net.ErrClosed
	}
	if !by.IsZero() && !now.Before(by) {
		return os.ErrDeadlineExceeded
	}
	return nil
}

func (s *stream) unwritable(now time.Time) error {
	if err := s.unusable(s.writeBy, now); err != nil {
		return err
	}
	if err := s.in.resetBy(now); err != nil {
		return err
	}
	if s.finished {
		return syscall.EPIPE
	}
	return nil
}

// CloseWrite tells the peer that no more bytes come. Reading goes on.
func (s *stream) CloseWrite() error {
	s.net.mu.Lock()
	defer s.net.mu.Unlock()
	if s.closed {
		return s.fail("close", net.ErrClosed)
	}
	s.finish(time.Now())
	return nil
}

// Close closes this end. The peer reads what was written and then io.EOF; what
// it writes from then on is answered with a reset.
func (s *stream) Close() error {
	s.net.mu.Lock()
	defer s.net.mu.Unlock()
	if s.closed {
		return s.fail("close", net.ErrClosed)
	}
	now := time.Now()
	s.finish(now)
	s.leave()
	s.refuse(now)
	return nil
}

func (s *stream) finish(now time.Time) {
	if !s.finished {
		s.finished = true
		s.peer.in.put(nil, io.EOF, s.arrival(now))
		s.changed.Broadcast()
	}
}

// leave marks this end closed and forgets the stream when it was the last.
func (s *stream) leave() {
	s.closed = true
	if s.peer.closed {
		delete(s.net.streams, s)
		delete(s.net.streams, s.peer)
	}
	s.changed.Broadcast()
}

// crash closes this end the way the kernel does for a process that is gone.
func (s *stream) crash() {
	if s.closed {
		return
	}
	now := time.Now()
	s.finished = true
	s.peer.in.dropUnarrived(now)
	s.peer.in.put(nil, syscall.ECONNRESET, s.arrival(now))
	s.leave()
	s.refuse(now)
}

// refuse answers bytes that reach a closed end with a reset, once they can
// reach it and the reset can come back. They stay in the pipe, which nobody
// reads again: until the reset arrives the writer sees room only for what is
// not acknowledged yet.
func (s *stream) refuse(now time.Time) {
	if !s.closed || s.in.cut || s.peer.in.cut || s.in.size == 0 {
		return
	}
	reached := later(now, s.in.lastDue())
	s.peer.in.put(nil, syscall.EPIPE, s.arrival(reached))
	s.changed.Broadcast()
}

// setCut cuts or opens the way to this end.
func (s *stream) setCut(cut bool, now time.Time) {
	if s.in.cut == cut {
		return
	}
	s.in.cut = cut
	if cut {
		s.in.hold(now)
	} else {
		s.in.release(s.arrival(now))
		s.peer.in.unacknowledged = 0
	}
	s.changed.Broadcast()
}

func (s *stream) SetDeadline(t time.Time) error      { return s.setDeadlines(t, &s.readBy, &s.writeBy) }
func (s *stream) SetReadDeadline(t time.Time) error  { return s.setDeadlines(t, &s.readBy) }
func (s *stream) SetWriteDeadline(t time.Time) error { return s.setDeadlines(t, &s.writeBy) }

func (s *stream) setDeadlines(t time.Time, deadlines ...*time.Time) error {
	s.net.mu.Lock()
	defer s.net.mu.Unlock()
	if s.closed {
		return s.fail("set", net.ErrClosed)
	}
	for _, d := range deadlines {
		*d = t
	}
	s.changed.Broadcast()
	return nil
}

// fail dresses an error as package net does; nil and io.EOF stay bare.
func (s *stream) fail(op string, err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	if errno := syscall.Errno(0); errors.As(err, &errno) {
		err = os.NewSyscallError(op, errno)
	}
	return &net.OpError{Op: op, Net: "tcp", Source: s.local, Addr: s.remote, Err: err}
}

// arrival is when something sent on a stream now is there. The zero time, which
// is always past, stands for "at once".
func (s *stream) arrival(now time.Time) time.Time {
	latency := s.net.faults.latency(s.node, s.peer.node)
	if latency == 0 {
		return time.Time{}
	}
	return now.Add(latency)
}

// earlier answers the earlier of two moments, where zero is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
