package gossip

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/internal/guard"
	"github.com/Ishan27gOrg/gossipProtocol/internal/secure"
	"github.com/Ishan27gOrg/gossipProtocol/internal/transport"
	"github.com/Ishan27gOrg/gossipProtocol/internal/wire"
	"github.com/Ishan27gOrg/gossipProtocol/keyring"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

const (
	// dialTimeout bounds the opening of a connection, and handshakeTimeout the exchange
	// of hellos on it: one round trip.
	dialTimeout      = 5 * time.Second
	handshakeTimeout = 5 * time.Second
	// secureTimeout bounds what comes before and the hellos, if the connection is
	// secured: three round trips.
	secureTimeout = 10 * time.Second
	// writeTimeout bounds one write; a peer that takes nothing for so long is
	// as good as gone.
	writeTimeout = 10 * time.Second
	// lingerTimeout bounds the wait for a peer to read a closed link to its end.
	lingerTimeout = 10 * time.Second
	// maxQueue bounds what a link may have queued, if all links together leave it
	// that much. Messages are bounded by the machine's window, so only control frames
	// that a peer provokes and does not read can get this far.
	maxQueue = 8 << 20
)

var (
	errSlow     = errors.New("the peer does not read what it is sent")
	errName     = errors.New("gossip: the certificate is of somebody else (Config.NamedCertificates)")
	errNamesake = errors.New("it has this node's ID")
	errFlood    = errors.New("it goes on sending more control frames than are read")
	errCrowded  = errors.New("there are too many connections")
	errBarred   = errors.New("it has misbehaved, and is left alone for a while")
)

// openedIn is a connection whose ends know each other, or a dial that failed.
type openedIn struct {
	raw      net.Conn
	secured  *secure.Conn // over raw; nil in the clear
	proven   keyring.ID   // that this node has proved to have, or an older one
	hello    wire.Hello
	outbound bool
	dialled  peer.Handle
	err      error
}

// link is one stream connection. The loop puts frames into its queue; a writer
// takes them out, a reader puts what comes into the loop. The writer lives for as long as
// there is something to write: a stack for each link that has nothing to say would be a
// good part of what an idle node needs, and to start it costs no more than to wake it.
type link struct {
	id   broadcast.LinkID
	peer wire.Identity
	raw  net.Conn
	// secured is over raw, nil in the clear. It is not closed: that would wait for a
	// peer that does not read.
	secured *secure.Conn
	direct  syscall.RawConn // what the loop writes by itself; nil if it cannot
	proven  keyring.ID      // that this node has proved to have, of the loop's own
	headers bool            // the peer can read them
	spans   bool            // and announcements in these

	mu      sync.Mutex
	queue   queue
	queued  int           // what it and what the writer has in hand is charged, which counts in all
	all     *atomic.Int64 // of all links
	since   time.Duration // when it last took something, or last had nothing to take
	closing bool
	ended   bool
	start   func() // a writer; until the link has ended
	writes  bool   // there is one, or it closes the link
	busy    bool   // the loop has much to do
	signals bool   // the queue, or closing, has changed since it last looked
	// What has left since the loop last looked.
	doneCost   int
	doneBytes  uint64
	doneWrites uint64

	// The loop's own.
	gone     bool // the machine does not know it any more
	dirty    bool // there is something in the queue that the writer does not know of
	unfit    bool // there is something for it that the peer cannot read
	gathered int  // how much
	// The writer's own.
	writing  queue
	rest     net.Buffers // of it, while it is written
	deadline time.Time   // of the connection, for writing
}

// accept lets a connection in and welcomes it, while another goroutine waits for the next
// one: who waits has a stack that was never used for more, and takes half as much.
func (n *Node) accept() {
	conn, leave := n.admit()
	if conn == nil {
		return
	}
	n.wg.Go(n.accept)
	defer leave()
	n.welcome(conn)
}

// admit waits for a connection that may be let in; nil if there will be none.
func (n *Node) admit() (conn net.Conn, leave func()) {
	for {
		conn, err := n.tr.Accept()
		if err != nil {
			if n.ctx.Err() == nil {
				n.log.Error("no longer accepting connections", "error", err)
			}
			return nil, nil
		}
		leave, err := n.doors.Enter(n.now(), addrOf(conn.RemoteAddr()).Addr())
		if err == nil {
			return conn, leave
		}
		conn.Close()
		n.turnedAway.Add(1)
	}
}

// tell runs f in the loop; it reports false if the node closes first.
func (n *Node) tell(f func()) bool {
	select {
	case n.calls <- f:
		return true
	case <-n.ctx.Done():
		return false
	}
}

// welcome does the accepting half of a handshake: who dialled speaks first.
func (n *Node) welcome(raw net.Conn) {
	o := n.handshake(raw, false)
	if o.err != nil {
		n.tell(func() { n.countBadOpening(o.err) })
		return
	}
	n.handOver(&o)
}

// dial connects to a peer in a goroutine of its own.
func (n *Node) dial(p peer.Handle) {
	if n.ctx.Err() != nil {
		return // no goroutine may begin once the node is being closed
	}
	id, addr := n.book.Lookup(p)
	n.wg.Go(func() {
		o := n.connect(id, addr)
		o.outbound, o.dialled = true, p
		n.handOver(&o)
	})
}

func (n *Node) connect(id peer.ID, addr netip.AddrPort) openedIn {
	if id.Name != "" && !n.signer.belongs(id.Name) {
		return openedIn{err: fmt.Errorf("gossip: %v: %w", id, errRevoked)}
	}
	if !addr.IsValid() {
		return openedIn{err: fmt.Errorf("gossip: no address of %v is known", id)}
	}
	ctx, cancel := context.WithTimeout(n.ctx, dialTimeout)
	defer cancel()
	raw, err := n.tr.Dial(ctx, addr)
	if err != nil {
		return openedIn{err: err}
	}
	o := n.handshake(raw, true)
	if o.err == nil && o.hello.ID != id {
		raw.Close()
		o.err = fmt.Errorf("gossip: %v is at %v instead of %v", o.hello.ID, addr, id)
	}
	return o
}

// handOver gives a connection to the loop.
func (n *Node) handOver(o *openedIn) {
	select {
	case n.opened <- o:
	case <-n.ctx.Done():
		if o.raw != nil {
			o.raw.Close()
		}
	}
}

// handshake secures the connection, if this is to be, and exchanges hellos: within a
// time, and even if the node closes. If it fails the connection is closed.
func (n *Node) handshake(raw net.Conn, first bool) (o openedIn) {
	stop := context.AfterFunc(n.ctx, func() { raw.SetDeadline(time.Unix(1, 0)) })
	o.raw = raw
	defer func() {
		if !stop() && o.err == nil {
			o.err = ErrClosed
		}
		if o.err != nil {
			raw.Close()
		}
	}()
	conn := raw
	if o.err = raw.SetDeadline(time.Now().Add(n.cfg.handshakeTimeout())); o.err != nil {
		return o
	}
	if n.upgrader != nil {
		if n.cfg.Keyring != nil {
			o.proven = n.cfg.Keyring.Primary()
		}
		if o.secured, o.err = n.secure(raw, first); o.err != nil {
			return o
		}
		conn = o.secured
	}
	if o.hello, o.err = n.greet(conn, o.secured, first); o.err != nil {
		return o
	}
	if o.err = n.checkCertificate(o); o.err == nil {
		o.err = raw.SetDeadline(time.Time{})
	}
	return o
}

// handshakeTimeout is how long a connection may take to become one that is agreed on.
func (c *Config) handshakeTimeout() time.Duration {
	if c.Keyring != nil || c.TLS != nil {
		return secureTimeout
	}
	return handshakeTimeout
}

// secure puts TLS over a connection, and has both ends prove that they belong to the
// cluster.
func (n *Node) secure(raw net.Conn, first bool) (*secure.Conn, error) {
	if first {
		return n.upgrader.Client(n.ctx, raw)
	}
	return n.upgrader.Server(n.ctx, raw)
}

// checkCertificate holds a peer's ID against its certificate.
func (n *Node) checkCertificate(o openedIn) error {
	if !n.cfg.NamedCertificates || slices.Contains(o.secured.PeerNames(), o.hello.ID.Name) {
		return nil
	}
	return fmt.Errorf("%w: it names %q, and the peer is %q", errName, o.secured.PeerNames(), o.hello.ID.Name)
}

// greet exchanges hellos on a connection, which is secured unless that is nil. Who
// accepted shows that it has its key only to somebody who has shown the same.
func (n *Node) greet(conn net.Conn, secured *secure.Conn, first bool) (hello wire.Hello, err error) {
	if first {
		if err := n.writeHello(conn, secured, first); err != nil {
			return hello, err
		}
	}
	if hello, err = n.readHello(conn); err != nil {
		return hello, err
	}
	if err := n.signer.checkHello(&hello, secured, first); err != nil {
		return hello, err
	}
	if !first {
		if err := n.writeHello(conn, secured, first); err != nil {
			return hello, err
		}
	}
	if (hello.Capabilities^n.capabilities())&wire.Signed != 0 {
		return hello, fmt.Errorf("gossip: %v: %w", hello.ID.Name, errUnsigned)
	}
	if hello.Horizon != 0 && hello.Horizon != n.cfg.Horizon.Truncate(time.Millisecond) {
		return hello, fmt.Errorf("gossip: %v: %w: it has %v, this node %v", hello.ID.Name, errHorizon, hello.Horizon, n.cfg.Horizon)
	}
	return hello, nil
}

// errHorizon keeps nodes apart that would not understand each other's clocks.
var errHorizon = errors.New("Config.Horizon must be the same on all nodes")

func (n *Node) writeHello(conn net.Conn, secured *secure.Conn, first bool) error {
	hello := wire.Hello{Cluster: n.cfg.Cluster, Identity: n.self, Horizon: n.cfg.Horizon, Capabilities: n.capabilities()}
	proof, err := n.signer.proveLink(secured, first)
	if err != nil {
		return err
	}
	copy(hello.Proof[:], proof)
	_, err = conn.Write(wire.AppendHello(nil, hello))
	return err
}

// capabilities is what this node says in its hellos.
func (n *Node) capabilities() (c wire.Capabilities) {
	c = wire.Headers | wire.Spans
	if n.cfg.Order == Causal {
		c |= wire.CausalOrder
	}
	if n.signer != nil {
		c |= wire.Signed
	}
	return c
}

// warnOfOrder tells now and then of a neighbour with another Order. The two
// understand each other, so they stay linked; but the order of one of them is lost on
// what crosses the other.
func (n *Node) warnOfOrder(hello *wire.Hello) {
	if (hello.Capabilities^n.capabilities())&wire.CausalOrder != 0 && n.mayWarn(aboutOrder, n.now()) {
		n.log.Warn("a neighbour does not keep the same order; Config.Order should be the same on all nodes",
			"peer", hello.ID.Name, "addr", hello.Addr)
	}
}

func (n *Node) readHello(conn net.Conn) (wire.Hello, error) {
	b, err := readFrame(conn, wire.MaxHello)
	if err != nil {
		return wire.Hello{}, err
	}
	return wire.DecodeHello(b, n.cfg.Cluster, addrOf(conn.RemoteAddr()))
}

func addrOf(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		return t.AddrPort()
	}
	addr, _ := netip.ParseAddrPort(a.String())
	return addr
}

// handleOpened makes a link of a connection, or tells that there is none.
func (n *Node) handleOpened(o *openedIn) {
	if o.err == nil {
		if o.err = n.unwelcome(o); o.err != nil {
			o.raw.Close()
		}
	}
	switch {
	case o.err == nil:
		n.begin(o)
	case o.outbound:
		n.log.Debug("dial failed", "error", o.err)
		if errors.Is(o.err, errHorizon) || n.countRefusal(o.err) {
			n.warnOfHorizon(o.err)
		}
		n.machine.DialFailed(n.now(), o.dialled, &n.out)
		n.carryOut()
	}
}

// unwelcome tells why there is to be no link with somebody, if so.
func (n *Node) unwelcome(o *openedIn) error {
	switch {
	case n.parting:
		return ErrClosed
	case o.hello.ID.Name == n.self.ID.Name:
		if o.hello.ID != n.self.ID {
			n.heardOfNamesake(o.hello.ID, o.hello.Addr)
			n.metNamesake(o.hello.Identity)
		}
		return errNamesake
	case !o.outbound && n.isCrowded():
		n.turnedAway.Add(1)
		return errCrowded
	case !n.signer.belongs(o.hello.ID.Name): // any more: the roster may have changed since the hello
		n.stats.Revoked++
		return errRevoked
	case n.penalties.Barred(n.now(), n.culprit(o.raw, o.hello.ID.Name)):
		n.stats.Barred++
		return errBarred
	case n.isUnfit(&o.hello):
		n.warnOfHeaders(&o.hello)
		return errHeaders
	case !n.keyCounts(o.secured):
		// It was removed after the proof and before there was a link for keysChanged
		// to end: whoever has it could keep a connection there for that.
		n.stats.KeysRemoved++
		return errKeyRemoved
	}
	return nil
}

// isCrowded reports whether there are too many connections for one more that others
// have opened. What this node opens is few, and need not wait for others.
func (n *Node) isCrowded() bool {
	return int(n.open.Load()) >= n.memory.limit(connectionsShare)-n.cfg.streams()
}

// begin makes a link of a connection.
func (n *Node) begin(o *openedIn) {
	h := n.book.meet(o.hello.ID, o.hello.Addr)
	if n.isCrowdedOut(func() { h = n.book.meet(o.hello.ID, o.hello.Addr) }) {
		o.raw.Close()
		return
	}
	n.warnOfOrder(&o.hello)
	n.lastLink++
	l := &link{id: n.lastLink, peer: o.hello.Identity, raw: o.raw, secured: o.secured, proven: o.proven, all: &n.queued}
	l.headers = o.hello.Capabilities&wire.Headers != 0
	l.spans = o.hello.Capabilities&wire.Spans != 0
	if l.secured == nil {
		l.direct = transport.Raw(l.raw)
	}
	l.start = n.writerOf(l)
	n.links[l.id] = l
	n.open.Add(1)
	n.linkWG.Add(1)
	n.wg.Add(1)
	go n.read(l, newIntake(l.stream(), &n.smallFrames), guard.NewFrameRate(n.now()))
	n.proveKey(l)
	n.machine.Connected(n.now(), l.id, h, o.outbound, &n.out)
	n.carryOut()
}

// writerOf returns what starts the writer of a link. It is counted while the reader is,
// which ends the link before it is counted out: so nobody who waits for all of them misses
// one.
func (n *Node) writerOf(l *link) (start func()) {
	write := func() {
		defer n.wg.Done()
		defer n.linkWG.Done()
		n.write(l)
	}
	return func() {
		n.wg.Add(1)
		n.linkWG.Add(1)
		go write() // which allocates nothing, other than wg.Go
	}
}

// closeLink ends a link in good order, once the machine has let go of it.
func (n *Node) closeLink(id broadcast.LinkID) {
	if l := n.links[id]; l != nil {
		n.forget(l)
		l.takeWritten(&n.stats)
		l.close()
		n.ending = append(slices.DeleteFunc(n.ending, (*link).isOver), l)
	}
}

// forget takes out a link that the machine does not know any more.
func (n *Node) forget(l *link) {
	delete(n.links, l.id)
	l.gone = true
	n.noteParted(l)
}

// isOver reports whether the connection has been closed.
func (l *link) isOver() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ended
}

// read puts what comes into the loop, until the link ends. Where the link has nothing to say
// for long, another goroutine waits for it: a stack never shrinks below what handling frames
// takes, and one that has only waited is half as large.
func (n *Node) read(l *link, r *intake, rate *guard.FrameRate) {
	r.begin()
	if n.readUntilQuiet(l, r, rate) {
		go n.read(l, r, rate) // which counts for this one
		return
	}
	r.close()
	l.kill()
	n.open.Add(-1) // the writer, if there is one, is about to end
	n.linkWG.Done()
	n.wg.Done()
}

// readUntilQuiet reads for as long as frames come one soon after the other; false if the link
// has ended.
func (n *Node) readUntilQuiet(l *link, r *intake, rate *guard.FrameRate) bool {
	for {
		in, wait := n.readFrames(l, r, rate)
		over := in.err != nil // it is the loop's in a moment
		if !n.handFrames(in) {
			return false
		}
		if over {
			return false
		}
		n.slowDown(wait)
		if r.rest() {
			return true
		}
	}
}

// handFrames has what has come handled, here or by the loop; false if the node is closed.
func (n *Node) handFrames(in *framesIn) bool {
	if n.handleNow(in) {
		return true
	}
	n.handed.Add(1) // what comes after it on this link must not be handled before it
	select {        // which takes a fraction of the time of one with two channels
	case n.frames <- in:
		return true
	default:
	}
	select {
	case n.frames <- in:
		return true
	case <-n.ctx.Done():
		in.done()
		return false
	}
}

// stream is what the link is read from.
func (l *link) stream() io.Reader {
	if l.secured != nil {
		return l.secured
	}
	return l.raw
}

// evidenceWeight is how many bytes of other frames one of a frame with evidence counts
// for: a signature takes some 50 µs to check, and is one in a hundred bytes. With 16 a
// link brings at most 10,000 of them a second, and a newcomer who is told of 10,000
// origins waits for two. A guess.
const evidenceWeight = 16

// accountFor tells how long to wait before the next frame is read, if there have been
// too many. The peer then waits as well, sooner or later, for there is only so much
// room on the way. This frame does not wait: it would keep its room from others.
func (n *Node) accountFor(rate *guard.FrameRate, b []byte) (wait time.Duration, err error) {
	if wire.IsData(b) {
		return 0, nil // other things bound these, and asking for the time takes some
	}
	size := len(b)
	if wire.IsSigned(b) {
		size *= evidenceWeight
	}
	wait, flood := rate.Take(n.now(), true, size)
	if flood {
		return 0, errFlood
	}
	return wait, nil
}

func (n *Node) slowDown(wait time.Duration) {
	if wait == 0 {
		return
	}
	n.slowed.Add(1)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-n.ctx.Done():
	}
}

// readFrames waits for a frame, and takes it with all that have come by then: up to one
// that needs memory of its own, or after which the peer has to wait.
func (n *Node) readFrames(l *link, r *intake, rate *guard.FrameRate) (in *framesIn, wait time.Duration) {
	size, err := r.length(n.cfg.maxFrame())
	in = batches.Get().(*framesIn)
	in.link = l
	switch {
	case err != nil:
	case !r.fits(wire.FrameHeader + size):
		if err = n.readLong(l, r, size, in); err == nil {
			wait, err = n.inspect(in.long, rate)
		}
	default:
		if err = r.await(wire.FrameHeader + size); err == nil {
			wait, err = n.takeFrames(r, in, rate)
		}
	}
	in.err = err
	return in, wait
}

// takeFrames takes the whole frames that have come. Nothing more is read from the link
// while there is no room for them, and TCP makes the sender wait.
func (n *Node) takeFrames(r *intake, in *framesIn, rate *guard.FrameRate) (wait time.Duration, err error) {
	if err := n.smallFrames.take(n.ctx, chunkSize); err != nil {
		return 0, err
	}
	in.room, in.taken = &n.smallFrames, chunkSize
	var into []byte
	if r.w-r.r <= len(scrap{}) {
		in.scrap = scraps.Get().(*scrap)
		into = in.scrap[:]
	} else {
		in.chunk = chunks.Get().(*chunk)
		into = in.chunk[:]
	}
	links := max(fairLinks, int(n.open.Load()))
	for range max(1, mostFrames*fairLinks/links) {
		size, whole := r.next(n.cfg.maxFrame())
		if !whole || in.size+size > chunkSize || in.size > 0 && in.size+size > chunkSize*fairLinks/links {
			break
		}
		frame := into[in.size:][:size]
		r.take(frame)
		if wait, err = n.inspect(frame[wire.FrameHeader:], rate); err != nil {
			return 0, err
		}
		in.size += size
		if wait > 0 {
			return wait, nil
		}
	}
	return 0, nil
}

// mostFrames come to the loop together, and mostBatches of them wait for it: so an
// offender gets only so far ahead of the loop, which ends his link. Where there are more
// than fairLinks links, each brings so much less at a time: whoever brings little must not
// wait for many who bring much. Guesses.
const (
	mostFrames  = 128
	mostBatches = 16
	fairLinks   = 8
)

// inspect looks at a frame before the loop does.
func (n *Node) inspect(frame []byte, rate *guard.FrameRate) (wait time.Duration, err error) {
	if wait, err = n.accountFor(rate, frame); err == nil {
		err = n.checkFrame(frame)
	}
	return wait, err
}

// readLong reads a frame into memory of its own, once there is room for it.
func (n *Node) readLong(l *link, r *intake, size int, in *framesIn) (err error) {
	r.take(make([]byte, wire.FrameHeader))
	in.room, in.taken = &n.longFrames, size
	if size <= smallFrame {
		in.room = &n.smallFrames
	}
	if err := in.room.take(n.ctx, in.taken); err != nil {
		in.room = nil
		return err
	}
	f := in.room.watch(func() {
		n.stalled.Add(1)
		l.kill()
	})
	defer f.ends()
	in.long, err = readSized(r, size, f)
	return err
}

// readLength reads what a frame begins with.
func readLength(r io.Reader, limit int) (int, error) {
	var head [wire.FrameHeader]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size == 0 || uint64(size) > uint64(limit) {
		return 0, tooLong(size, limit)
	}
	return int(size), nil
}

func tooLong(size uint32, limit int) error {
	return fmt.Errorf("%w: %d bytes, at most %d are allowed", wire.ErrFrameSize, size, limit)
}

// readFrame reads a short frame and takes its length off.
func readFrame(r io.Reader, limit int) ([]byte, error) {
	size, err := readLength(r, limit)
	if err != nil {
		return nil, err
	}
	return readSized(r, size, nil)
}

// trusted is how much is allocated on a peer's word alone, but for a frame of less than
// twice as much. Who has brought so much has growth times that allocated, all of which it
// has been given room for: more growth would save next to nothing, of which one byte in
// sixteen is copied. A guess.
const (
	trusted = 64 << 10
	growth  = 16
)

// readSized reads exactly so many bytes, as many at a time as have come. What is allocated
// for a long frame grows with what has come of it, and is in the end no more than it takes.
func readSized(r io.Reader, size int, f *filling) ([]byte, error) {
	first := size
	for first >= 2*trusted {
		first = (first + growth - 1) / growth
	}
	b := make([]byte, first)
	for had, piece := 0, 0; ; {
		n, err := r.Read(b[had:])
		had += n
		switch {
		case had == size:
			return b, nil
		case err == io.EOF && had > 0:
			return nil, io.ErrUnexpectedEOF
		case err != nil:
			return nil, err
		}
		if piece += n; piece >= trusted && f != nil {
			piece %= trusted
			f.moves()
		}
		if had == len(b) {
			longer := make([]byte, min(growth*had, size))
			copy(longer, b)
			b = longer
		}
	}
}

// send queues a frame, of which the head has been encoded; false if the queue is full.
// The writer hears of it with the next signal.
func (l *link) send(now time.Duration, head []byte, f *broadcast.Frame, book wire.Book) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.queued == 0 {
		l.since = now
	}
	if l.queued > maxQueue-chunkSize {
		return false
	}
	l.enqueue(head, longHead)
	if f.Kind == broadcast.Data {
		l.enqueue(wire.EncodeMessage(f.Message, book), longPiece)
	}
	l.queue.cost += f.Cost()
	return true
}

// sendRaw queues a frame that the machine knows nothing of.
func (l *link) sendRaw(frame []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.enqueue(frame, longPiece)
	l.rouse()
}

func (l *link) enqueue(b []byte, long int) {
	if l.ended {
		return
	}
	held := l.queue.held
	l.queue.add(b, long)
	l.hold(l.queue.held - held)
}

// hold counts what the link keeps from being freed.
func (l *link) hold(bytes int) {
	if bytes != 0 {
		l.queued += bytes
		l.all.Add(int64(bytes))
	}
}

// waiting is how many bytes wait to be sent, and since when none of them has been.
func (l *link) waiting() (bytes int, since time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.queued, l.since
}

// close lets the writer finish the queue and then close the link.
func (l *link) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closing = true
	l.rouse()
}

// kill closes the connection at once; reader and writer end.
func (l *link) kill() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	l.raw.Close()
	l.hold(-l.queue.held) // what the writer has is its own to count
	l.queue.reset()
}

// flush has all links write what has been queued since the last time.
func (n *Node) flush() {
	for _, l := range n.dirty {
		l.dirty, l.gathered = false, 0
		if n.busy || n.leaving || !n.writeNow(l) {
			l.signal(n.busy)
		}
	}
	clear(n.dirty)
	n.dirty = n.dirty[:0]
}

// writeNow writes what is queued if it is little, nobody else does, and the socket takes
// it; false if something is left for the writer. To have the loop do it is several times as
// quick as to wake one, who wakes the loop again when it has. Where much is to be done, or
// who leaves has to know what has left, it is the writer's.
//
// What is in the queue is then all that is under way on the link, but for what the loop is
// about to hear of from the last writer, and far less than there may be. So nothing waits for
// this to make room.
func (n *Node) writeNow(l *link) (all bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.direct == nil || l.writes || l.ended || l.closing || len(l.queue.pieces) != 1 || l.queue.size > chunkSize {
		return false
	}
	wrote := n.prompt.Write(l.direct, l.queue.pieces[0])
	if wrote > 0 {
		l.doneBytes += uint64(wrote)
		l.doneWrites++
		l.since = n.now()
	}
	if wrote < l.queue.size {
		l.queue.drop(wrote)
		return false
	}
	l.hold(-l.queue.held)
	if l.queue.cost > 0 {
		n.machine.TakeWritten(l.id, l.queue.cost)
	}
	l.queue.reset()
	return true
}

// signal has what is queued written.
func (l *link) signal(busy bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy = busy
	l.rouse()
}

// rouse is signal for who has locked the link.
func (l *link) rouse() {
	l.signals = true
	if !l.writes && !l.ended {
		l.writes = true
		l.start()
	}
}

// takeWritten counts what has left for the link, and tells what it was for the machine.
func (l *link) takeWritten(s *Stats) (cost int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.addWritten(s)
	cost = l.doneCost
	l.doneCost, l.doneBytes, l.doneWrites = 0, 0, 0
	return cost
}

// countWritten adds what takeWritten would count.
func (l *link) countWritten(s *Stats) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.addWritten(s)
}

func (l *link) addWritten(s *Stats) {
	s.LinkBytesSent += l.doneBytes
	s.LinkWrites += l.doneWrites
}

// slim lets go of the room in both queues, if nobody writes.
func (l *link) slim() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.writes {
		l.queue.slim()
		l.writing.slim()
	}
}

// take empties the queue for the writer, which ends if nobody has called for it since it
// last did.
func (l *link) take() (closing, more bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.signals || l.ended {
		l.writes = false
		return false, false
	}
	l.signals = false
	l.writing, l.queue = l.queue, l.writing
	return l.closing, true
}

// isBusy reports whether more is likely to be queued in a moment.
func (l *link) isBusy() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.busy
}

// write sends what is queued, until there is nothing, or the link ends. Where much is to be
// done, what is ready to run goes first, as it may have more to add.
func (n *Node) write(l *link) {
	for {
		if l.isBusy() {
			runtime.Gosched()
		}
		closing, more := l.take()
		switch {
		case !more:
			return
		case l.writing.size > 0 && !n.writeBatch(l):
			l.kill()
			return
		case closing:
			l.linger()
			return
		}
	}
}

func (n *Node) writeBatch(l *link) bool {
	l.limitWrite(time.Now())
	l.rest = l.writing.pieces // writing takes them out
	err := l.writeOut()
	l.rest = nil // or it would keep the list, however long it was, until the next write
	held, size, cost := l.writing.held, l.writing.size, l.writing.cost
	l.writing.reset()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hold(-held)
	l.since = n.now()
	if err != nil {
		return false
	}
	l.doneCost += cost
	l.doneBytes += uint64(size)
	l.doneWrites++
	if cost == 0 {
		return true // nobody waits for it
	}
	n.wake()
	return true
}

// limitWrite sees to it that a write ends within writeTimeout, and no more than a tenth
// of that before: to set a deadline costs as much as a short write.
func (l *link) limitWrite(now time.Time) {
	if latest := now.Add(writeTimeout); latest.Sub(l.deadline) > writeTimeout/10 {
		l.raw.SetWriteDeadline(latest)
		l.deadline = latest
	}
}

func (l *link) writeOut() (err error) {
	switch {
	case l.secured != nil:
		_, err = l.secured.WriteBuffers(&l.rest)
	case len(l.rest) == 1:
		_, err = l.raw.Write(l.rest[0])
	default:
		_, err = l.rest.WriteTo(l.raw)
	}
	return err
}

// linger tells the peer that nothing follows and gives it time to read what was
// sent; its reader closes when it has. Closing at once could discard it.
func (l *link) linger() {
	if l.closeWrite() == nil {
		l.raw.SetReadDeadline(time.Now().Add(lingerTimeout))
		return // the reader sees the end, or the deadline, and closes
	}
	l.kill()
}

// closeWrite says that nothing follows.
func (l *link) closeWrite() error {
	if l.secured != nil {
		if err := l.secured.CloseWrite(); err != nil {
			return err
		}
	}
	if c, ok := l.raw.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return errors.ErrUnsupported
}
