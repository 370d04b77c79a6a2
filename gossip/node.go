package gossip

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/internal/transport"
	"github.com/Ishan27gOrg/gossipProtocol/internal/wire"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
	"github.com/Ishan27gOrg/gossipProtocol/protocol"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// Errors that methods return, possibly wrapped.
var (
	// ErrClosed: the node has been closed, or is leaving.
	ErrClosed = errors.New("gossip: the node is closed")
	// ErrPayloadTooLong: the payload is longer than Config.MaxPayload.
	ErrPayloadTooLong = errors.New("gossip: payload too long")
	// ErrLogFull: the log is full of messages that links have not taken yet.
	ErrLogFull = protocol.ErrLogFull
	// ErrUnconfirmed: Leave has ended before a neighbour had confirmed all that the node
	// broadcast. With a Store it is there, and the node's next life spreads it.
	ErrUnconfirmed = errors.New("left before a neighbour had confirmed everything")
)

// Node is one running node. Make it with Start.
type Node struct {
	cfg     Config
	log     *slog.Logger
	self    wire.Identity
	cluster uint32 // what datagrams carry of the cluster's name
	clock   clock
	tr      transport.Transport
	*access
	signer *signer     // nil without an identity
	proofs *provenBook // likewise; the loop's own

	// What others may fill, and how much of it; see memory.go.
	memory      *memory
	longFrames  room // read, and not yet handled
	smallFrames room
	callers     room         // payloads of Broadcast that are not in the log yet
	queued      atomic.Int64 // bytes of all links
	open        atomic.Int64 // connections that have said hello
	stalled     atomic.Uint64

	mu sync.Mutex // owns what follows, down to what goes into the loop

	// The loop's own, and of whoever steps the machine in its place; see do and handleNow
	// for how others get at it.
	machine   *protocol.Machine
	book      *book
	out       protocol.Outbox
	links     map[broadcast.LinkID]*link
	timer     *time.Timer
	alarm     alarm
	ticked    time.Duration // by the loop, when last
	renewal   time.Duration // when the loop is to go on with a new stack; Never if it has one
	offers    bool          // the loop offers the next message of the backlog
	over      bool          // there is no loop any more
	dirty     []*link       // whose queues have something new
	prompt    transport.Prompt
	ending    []*link // closed in good order, and not yet at their end
	parted    []parted
	headed    bool // a message with headers was for somebody who cannot read it
	lastLink  broadcast.LinkID
	backlog   backlog
	misdated  uint64 // that the last warning about clocks on the wall told of
	warnNext  [subjects]time.Duration
	offences  warnings        // of peers
	gaps      warnings        // in what is delivered
	strangers uint64          // that the last warning about keys told of
	swept     time.Duration   // the address book, when last
	cameAt    time.Duration   // frames or broadcasts, when last
	busy      bool            // there is more of them than a little
	senders   []*sending      // broadcasts that wait for room in the log
	waiters   []chan struct{} // of Ready
	samplers  []*sampler      // streams that wait for a peer
	drained   []chan struct{} // of Leave
	leaving   bool            // accepts no broadcast
	parting   bool            // accepts no connection
	questions map[uint64]*question
	namesakes namesakes
	nonce     func() uint64 // of requests
	scratch   scratch
	decoder   wire.Decoder
	keeper    keeper
	slimmed   bool // since then
	unsettled int  // what frames have brought, in bytes, since the machine settled
	stats     Stats
	keeping   *keeping // nil without a Store

	// Into the loop.
	packets chan *packetIn
	frames  chan *framesIn
	handed  atomic.Int64 // frames that went there and have not been handled
	opened  chan *openedIn
	calls   chan func()
	sends   chan *sending
	// sendings are not in use.
	sendings sync.Pool
	written  chan struct{}
	// Out of it.
	events events

	ctx      context.Context // ends when the node closes
	cancel   context.CancelCauseFunc
	loopDone chan struct{}
	wg       sync.WaitGroup // every goroutine of the node
	linkWG   sync.WaitGroup // readers and writers of links, while there are any
	names    resolver
}

// Start makes a node and lets it run until Close, or until ctx ends. Errors are
// a *ConfigError, which names the field, or tell the address that could not be
// listened on and wrap the cause, as in errors.Is(err, syscall.EADDRINUSE).
func Start(ctx context.Context, cfg Config) (*Node, error) {
	cfg = cfg.withDefaults()
	err := cfg.validate()
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("gossip: start %q: %w", cfg.ID, context.Cause(ctx))
	}
	tr, err := cfg.listen(cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("gossip: start %q: %w", cfg.ID, err)
	}
	n, err := newNode(ctx, cfg, tr)
	if err == nil {
		err = cfg.mayListen(tr.Addr().Addr())
	}
	if err == nil {
		err = cfg.mayAdvertise(n.self)
	}
	if err == nil && n.keeping != nil {
		if err = n.restore(ctx); err != nil {
			err = fmt.Errorf("gossip: start %q: %w", cfg.ID, err)
		}
	}
	if err != nil {
		tr.Close()
		return nil, err
	}
	n.run(ctx)
	if err := n.Join(ctx, cfg.Join...); err != nil {
		n.Close()
		return nil, err
	}
	return n, nil
}

// StartOn is Start on another network than the system's: listen opens the node's
// transport. It is for what plays with whole networks in this module, as others
// cannot name a Transport.
func StartOn(ctx context.Context, cfg Config, listen func(address string) (transport.Transport, error)) (*Node, error) {
	cfg.listen = listen
	return Start(ctx, cfg)
}

// mostPackets wait for the loop. Few: more of them wait in the socket, and all of the room
// is taken from the start. A guess.
const mostPackets = 8

// mostSends are on their way into the loop without their callers waiting for it twice.
const mostSends = 16

func newNode(ctx context.Context, cfg Config, tr transport.Transport) (*Node, error) {
	addr, err := cfg.advertised(tr.Addr())
	if err != nil {
		return nil, err
	}
	memory, err := cfg.plan()
	if err != nil {
		return nil, err
	}
	gate, err := newAccess(&cfg, &memory)
	if err != nil {
		return nil, &ConfigError{"TLS", err}
	}
	name, err := cfg.nodeName()
	if err != nil {
		return nil, &ConfigError{"ID", err}
	}
	id := peer.ID{Name: name, Incarnation: cfg.Incarnation}
	if id.Incarnation == 0 {
		id.Incarnation = newIncarnation(time.Now())
	}
	n := &Node{
		cfg: cfg, log: cfg.Logger.With("node", cfg.ID),
		self: wire.Identity{ID: id, Addr: addr}, cluster: wire.ClusterTag(cfg.Cluster), tr: tr,
		access:    gate,
		memory:    &memory,
		swept:     -sweepEvery,
		signer:    newSigner(&cfg),
		keeping:   newKeeping(cfg.Store),
		book:      newBook(id, addr, memory.limit(identitiesShare)),
		links:     make(map[broadcast.LinkID]*link),
		alarm:     alarm{at: broadcast.Never},
		backlog:   newBacklog(cfg.BacklogBytes, cfg.MaxPayload),
		offences:  newWarnings(),
		gaps:      newWarnings(),
		namesakes: namesakes{known: make(map[uint64]*namesake)},
		packets:   make(chan *packetIn, mostPackets),
		frames:    make(chan *framesIn, mostBatches),
		opened:    make(chan *openedIn), // what waits is charged as a handshake
		calls:     make(chan func()),
		sends:     make(chan *sending, mostSends),
		written:   make(chan struct{}, 1),
		loopDone:  make(chan struct{}),
	}
	n.longFrames.size, n.smallFrames.size = memory.limit(framesShare), memory.limit(smallShare)
	n.callers.size = memory.limit(callersShare)
	n.clock.begin()
	n.ctx, n.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	n.callers.closed = n.ctx.Done()
	if n.signer != nil {
		n.book.signed = true
		n.proofs = &provenBook{book: n.book, signer: n.signer, stats: &n.stats, horizon: cfg.Horizon, wall: time.Now}
	}
	n.book.namesake, n.book.belongs = n.heardOfNamesake, n.signer.belongs
	m := n.machineConfig()
	n.nonce = m.Sampling.Nonce
	n.machine, err = protocol.New(0, m, newRand())
	return n, err
}

// machineConfig returns what the protocol is configured with on this node.
func (n *Node) machineConfig() protocol.Config {
	m := n.cfg.machine(n.book.self, n.book, n.memory)
	m.Keep = n.keeper.keep
	m.Journal = n.keeping != nil
	if n.signer != nil {
		m.Evidence, m.Dated = n.evidence, true
		m.Sampling.Identity = n.samplerIdentity()
	}
	return m
}

// newIncarnation grows with the wall clock, which is enough for one node after
// another on one machine, and is random below the millisecond, so that two
// nodes started at one moment differ too.
func newIncarnation(now time.Time) uint64 {
	const randomBits = 22
	return uint64(now.UnixMilli())<<randomBits | mathrand.Uint64()>>(64-randomBits)
}

func newRand() *mathrand.PCG { return mathrand.NewPCG(mathrand.Uint64(), mathrand.Uint64()) }

// now is the time on the machine's clock.
func (n *Node) now() time.Duration { return n.clock.now() }

// Self returns the node itself: the ID and address that others know it by.
func (n *Node) Self() Peer { return makePeer(n.self.ID, n.self.Addr) }

// Join adds addresses, as "host:port", to find the network through. It does not
// wait for them: they are contacted, and their names resolved, until they
// answer and for as long as the node runs; Ready waits for the first link. The
// error names the address that is malformed, and then none is added, or is
// ErrClosed.
func (n *Node) Join(_ context.Context, addrs ...string) error {
	for _, a := range addrs {
		if err := transport.CheckAddress(a); err != nil {
			return fmt.Errorf("gossip: join: %w", err)
		}
	}
	return n.names.add(n, addrs)
}

// Ready returns when the node has a link, at once if it has one already. The
// error is ErrClosed or the context's cause.
func (n *Node) Ready(ctx context.Context) error {
	wait := make(chan struct{})
	n.do(func() {
		switch {
		case n.ctx.Err() != nil: // the loop ends, or has ended
		case n.machine.Ready():
			close(wait)
		default:
			n.waiters = append(n.waiters, wait)
		}
	})
	select {
	case <-wait:
		return nil
	case <-ctx.Done():
		n.do(func() { n.waiters = remove(n.waiters, wait) })
		return fmt.Errorf("gossip: %q has no link yet: %w", n.cfg.ID, context.Cause(ctx))
	case <-n.loopDone:
		return ErrClosed
	}
}

// Broadcast sends the payload to every node, and returns once the message is in
// the node's log and in its own order of delivery: from then on it is sent. It
// waits only if the log is full of messages that no link has taken yet, or that a
// neighbour has not which is not too slow (docs/guarantees.md), and then for at most as
// long as ctx lasts; it never waits for the application to read. Errors: ErrPayloadTooLong, ErrClosed, the context's cause, together with
// ErrLogFull if it waited for room. After an error nothing was sent.
//
// With a Config.Store it returns only when the message is in the Store as well, for good:
// by then it may long have been sent. If that fails, or is not known in time, the error
// is ErrNotKept, together with the cause, and comes with the MessageID: the message may
// have got out.
func (n *Node) Broadcast(ctx context.Context, payload []byte) (MessageID, error) {
	return n.broadcast(ctx, payload, nil)
}

// broadcast is Broadcast for a payload that may have headers.
func (n *Node) broadcast(ctx context.Context, payload, headers []byte) (MessageID, error) {
	if len(payload) > n.cfg.MaxPayload {
		return MessageID{}, fmt.Errorf("%w: %d bytes, at most %d are allowed (Config.MaxPayload)",
			ErrPayloadTooLong, len(payload), n.cfg.MaxPayload)
	}
	if err := ctx.Err(); err != nil {
		return MessageID{}, context.Cause(ctx)
	}
	size := len(headers) + len(payload)
	if err := n.waitTurn(ctx, size); err != nil {
		return MessageID{}, err
	}
	defer n.callers.give(size + callCost)
	if headers != nil {
		payload = append(headers, payload...)
	}
	s := n.newSending(payload, headers != nil)
	select {
	case n.sends <- s:
	case <-n.loopDone:
		return MessageID{}, ErrClosed
	}
	select {
	case <-s.done:
	case <-n.loopDone:
		return n.sentBefore(s)
	case <-ctx.Done():
		n.do(func() { n.giveUp(s, context.Cause(ctx)) })
		return n.sentBefore(s)
	}
	id, err := s.id, s.err
	n.sendings.Put(s)
	return id, err
}

// sentBefore is what has become of a broadcast that was no longer waited for.
func (n *Node) sentBefore(s *sending) (MessageID, error) {
	select {
	case <-s.done: // it went out just before, or never will
		return s.id, s.err
	default:
		return MessageID{}, ErrClosed
	}
}

// callCost is what a call of Broadcast that waits takes beside its payload.
const callCost = 512

// waitTurn waits while too much is being broadcast by others.
func (n *Node) waitTurn(ctx context.Context, payload int) error {
	err := n.callers.take(ctx, payload+callCost)
	if err == nil || errors.Is(err, ErrClosed) {
		return err
	}
	return errors.Join(ErrLogFull, err)
}

// Messages delivers the network's messages, this node's own among them, in the
// order of Config.Order. It is closed when the node is.
func (n *Node) Messages() <-chan Message { return n.backlog.out }

// Events reports links, gaps, conflicts and drops. Reading it is optional: the
// channel holds 128 events, and what finds no room is counted in Stats.
func (n *Node) Events() <-chan Event { return n.events.channel() }

// View returns the node's partial view, a random sample of the network,
// freshest first.
func (n *Node) View() (view []Peer) {
	n.do(func() {
		linked := n.machine.AppendLinked(nil)
		for _, d := range n.machine.View() {
			p := n.peer(d.Peer)
			p.Age, p.Linked = int(d.Age), slices.Contains(linked, d.Peer)
			view = append(view, p)
		}
	})
	slices.SortStableFunc(view, func(a, b Peer) int { return a.Age - b.Age })
	return view
}

// Links returns the peers that the node has links to.
func (n *Node) Links() (links []Peer) {
	n.do(func() {
		for _, h := range n.machine.AppendLinked(nil) {
			p := n.peer(h)
			p.Linked = true
			links = append(links, p)
		}
	})
	return links
}

// Clock returns the vector clock of everything that was delivered, whether or
// not the application has read it yet.
func (n *Node) Clock() (c vclock.Clock) {
	n.do(func() { c = n.machine.Clock() })
	return c
}

// Done is closed when the node closes.
func (n *Node) Done() <-chan struct{} { return n.ctx.Done() }

// Stats returns what the node holds and has done.
func (n *Node) Stats() (s Stats) {
	n.do(func() { s = n.readStats() })
	return s
}

// Policy returns the peer sampling policy in use.
func (n *Node) Policy() peersampling.Policy { return n.cfg.Sampling }

// Leave closes the node in good order. No broadcast is accepted any more; once a
// neighbour has confirmed that it has delivered all that this node broadcast,
// the neighbours are told and the node is closed. If ctx ends before that the
// node is closed all the same, and the error is ErrUnconfirmed with the context's cause.
// A node that knows nobody and was told of no address just closes.
//
// Messages that were delivered and not yet read are dropped, as by Close. What the
// Store has been given is on its disk afterwards, or the error tells why not.
func (n *Node) Leave(ctx context.Context) error {
	drained := make(chan struct{})
	n.do(func() { n.leave(drained) })
	var err error
	select {
	case <-drained:
		err = n.farewell(ctx)
	case <-n.loopDone:
	case <-ctx.Done():
		err = fmt.Errorf("gossip: %q %w: %w", n.cfg.ID, ErrUnconfirmed, context.Cause(ctx))
	}
	err = errors.Join(err, n.Close())
	if n.keeping != nil {
		err = errors.Join(err, n.keeping.store.Sync(ctx))
	}
	return err
}

// farewell ends all links in good order and waits until the neighbours have
// read them to their ends.
func (n *Node) farewell(ctx context.Context) error {
	n.do(func() {
		n.parting = true
		n.machine.Disconnect(n.now(), &n.out)
		n.carryOut()
	})
	gone := make(chan struct{})
	go func() { // which ends with the links, at the latest when the node closes
		n.linkWG.Wait()
		close(gone)
	}()
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("gossip: %q left before its neighbours had read everything: %w", n.cfg.ID, context.Cause(ctx))
	}
}

// Close ends the node at once, as a crash would seem to others, and returns
// when all its goroutines and sockets are gone. Messages that were delivered and
// not yet read are dropped. It may be called again.
func (n *Node) Close() error {
	n.cancel(ErrClosed)
	n.wg.Wait()
	return nil
}

// do runs f where it may use the loop's own: in the loop, or here once that has
// ended.
func (n *Node) do(f func()) {
	ran := make(chan struct{})
	select {
	case n.calls <- func() { f(); close(ran) }:
		<-ran
	case <-n.loopDone:
		n.mu.Lock()
		defer n.mu.Unlock()
		f()
	}
}

func remove[T comparable](list []T, x T) []T {
	return slices.DeleteFunc(list, func(y T) bool { return x == y })
}
