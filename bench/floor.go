package main

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"time"
)

// floorSystems do what cannot be beaten without relaying: an origin has a TCP
// connection to every node and writes each message to all of them. There is no
// membership, no repair and no order between origins.
func floorSystems() []System {
	floor := System{
		Name:       "floor",
		Variant:    "single",
		Settings:   "each origin has a TCP connection to every node; one write a message and connection, reads of up to 32 KiB",
		MaxPayload: longestPayload,
		Window:     sameWindow(256),
		Patience:   time.Minute,
		Static:     true,
		Start:      func(n int, _ Options, d Deliver) (Cluster, error) { return startFloor(n, false, d) },
	}
	batched := floor
	batched.Variant = "batched"
	batched.Settings = "the same, and what is broadcast while the origin writes goes out in one write"
	batched.Window = sameWindow(4096)
	batched.Start = func(n int, _ Options, d Deliver) (Cluster, error) { return startFloor(n, true, d) }
	return []System{floor, batched}
}

type floorCluster struct {
	batched   bool
	deliver   Deliver
	listeners []net.Listener
	origins   []floorOrigin
	running   sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn // both ends of each
}

// floorOrigin is the sending half of a node. It connects to everybody when it first
// broadcasts.
type floorOrigin struct {
	mu      sync.Mutex
	conns   []net.Conn
	err     error
	frame   []byte    // not batched: the one that is written
	pending []byte    // batched: frames that are yet to be written
	spare   []byte    // a buffer for them that is free
	room    sync.Cond // pending has been taken
	work    sync.Cond // there is something pending
	closed  bool
}

// floorPending is how many bytes may wait for an origin's next write.
const floorPending = 1 << 20

func startFloor(n int, batched bool, deliver Deliver) (Cluster, error) {
	f := &floorCluster{batched: batched, deliver: deliver, origins: make([]floorOrigin, n)}
	for node := range n {
		o := &f.origins[node]
		o.room.L, o.work.L = &o.mu, &o.mu
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			f.Close()
			return nil, err
		}
		f.listeners = append(f.listeners, l)
		f.running.Go(func() { f.accept(node, l) })
	}
	return f, nil
}

func (f *floorCluster) accept(node int, l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		f.keep(conn)
		f.running.Go(func() { f.read(node, conn) })
	}
}

func (f *floorCluster) keep(conn net.Conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.conns = append(f.conns, conn)
}

func (f *floorCluster) read(node int, conn net.Conn) {
	in := bufio.NewReaderSize(conn, 32<<10)
	var length [4]byte
	var payload []byte
	for {
		if _, err := io.ReadFull(in, length[:]); err != nil {
			return
		}
		n := int(binary.BigEndian.Uint32(length[:]))
		if n > cap(payload) {
			payload = make([]byte, n)
		}
		payload = payload[:n]
		if _, err := io.ReadFull(in, payload); err != nil {
			return
		}
		f.deliver(node, payload)
	}
}

func (f *floorCluster) Broadcast(node int, payload []byte) error {
	o := &f.origins[node]
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.conns == nil {
		if err := f.connect(node); err != nil {
			return err
		}
	}
	if !f.batched {
		o.frame = appendFloorFrame(o.frame[:0], payload)
		return writeAll(o.conns, o.frame)
	}
	for len(o.pending) > floorPending && o.err == nil {
		o.room.Wait()
	}
	o.pending = appendFloorFrame(o.pending, payload)
	o.work.Signal()
	return o.err
}

func appendFloorFrame(b, payload []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(payload)))
	return append(b, payload...)
}

// connect links a node to all others. The caller holds its lock.
func (f *floorCluster) connect(node int) error {
	o := &f.origins[node]
	for other, l := range f.listeners {
		if other == node {
			continue
		}
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			return err
		}
		o.conns = append(o.conns, conn)
		f.keep(conn)
	}
	if f.batched {
		f.running.Go(o.writePending)
	}
	return nil
}

func (o *floorOrigin) writePending() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for {
		for len(o.pending) == 0 && !o.closed {
			o.work.Wait()
		}
		if o.closed {
			return
		}
		batch := o.pending
		o.pending = o.spare[:0]
		o.room.Broadcast()
		o.mu.Unlock()
		err := writeAll(o.conns, batch)
		o.mu.Lock()
		o.spare = batch
		if err != nil {
			o.err = err
			o.room.Broadcast()
			return
		}
	}
}

func writeAll(conns []net.Conn, b []byte) error {
	for _, c := range conns {
		if _, err := c.Write(b); err != nil {
			return err
		}
	}
	return nil
}

func (f *floorCluster) Kill(int)            {}
func (f *floorCluster) Join(_, _ int) error { return errStatic }

func (f *floorCluster) Close() {
	for _, l := range f.listeners {
		l.Close()
	}
	f.mu.Lock()
	for _, c := range f.conns {
		c.Close()
	}
	f.mu.Unlock()
	for i := range f.origins {
		o := &f.origins[i]
		o.mu.Lock()
		o.closed = true
		o.work.Broadcast()
		o.mu.Unlock()
	}
	f.running.Wait()
}
