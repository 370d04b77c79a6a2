// Package sim runs protocol machines in a deterministic world: virtual time,
// one goroutine, faults as values. It drives the very Machine that package
// gossip drives over sockets.
//
// The same seed gives the same run. An Oracle that knows the true
// happened-before relation checks every delivery against the numbered promises:
//
//	P1  no message is delivered twice at one node, and no dot names two messages
//	P2  no message is delivered before one that happened before it
//	P3  the clock delivered with a message is its exact clock, but for what is
//	    beyond its horizon (package vclock, Epochs)
//	P4  what one node that stays up delivers, all nodes that stay up and
//	    connected deliver, and each delivers all that those nodes broadcast, as
//	    long as every log must still have it, but for what is older than a node
//	    that wants no history; nor does any node report as gone what every log
//	    must still have. Checked when Oracle.Agree is called, but for the last
//	P5  no node has more links than configured, one to itself, or two to a peer
//	P6  what the logs need no longer have and a node that was up when it was
//	    sent has not delivered, though others have, is within a gap that the
//	    node has reported; and what a node reports as gone was sent, was not
//	    delivered there, never is, and is reported once. Checked when
//	    Oracle.Agree is called, but for the second half
//	P7  log, hold-back, origins and view of a node are within their bounds, and so
//	    is what a link has in flight: Relay.Window and one frame more, or four
//	    windows where messages were asked for by name
//	P8  some time after the faults the links make one network of all nodes that
//	    are up, if the node that all joined through is. Checked by Run
//	P9  three quarters of a minute after the last delivery nothing moves messages
//	    any more, and four minutes after the faults, or sooner, what keeps links
//	    and views alive is little. Checked by Run
//	P10 the clocks of any two messages compare as the messages truly do, or, if they
//	    are farther apart than the horizon, by time. Checked when Oracle.Compared
//	    is called
//	P11 no node takes another one's doing for an offence: nodes of a world are honest,
//	    and what crosses, comes late or has been forgotten is none
//	P12 a node that is started again with its store begins with what was on the disk when
//	    it crashed, but for what its log need no longer have: in the order in which it
//	    was delivered, with exact clocks. For P1 to P4 that life is one with those before:
//	    what they had on the disk is not delivered again, and what it was that they sent
//	    is owed to all
//
// A Scenario is a world and all that happens in it, as a value: Run carries it out,
// RandomScenario draws one from a seed, ParseScenario reads one.
package sim

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
	"github.com/Ishan27gOrg/gossipProtocol/protocol"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// Promises is how many there are: P1 is the first, and counted at 0.
const Promises = 12

// World is a network of machines in virtual time.
type World struct {
	// Configure may change a new machine's configuration.
	Configure func(*protocol.Config)
	// OnDeliver, if set, is called for each delivery, after the oracle.
	OnDeliver func(n *Node, m *broadcast.Message)
	// OnSpread, if set, is called for each delivery, too, and must not step any machine.
	// via is the neighbour that brought the message first; nil for the node's own, and if
	// the link has ended since.
	OnSpread func(n, via *Node, m *broadcast.Message)
	// Codec has all that is sent encoded and decoded by package wire, so that what
	// arrives is what the bytes say. Set it before the first node starts.
	Codec bool
	// Stores has nodes keep what they deliver; see Resume. Set it before the first node
	// starts.
	Stores bool
	// Drift is by how much a node's clock may be too fast or too slow, from 0 to
	// MaxDrift; above 0 no two clocks show the same, either. Set it before the first
	// node starts.
	Drift  float64
	Faults Faults
	Oracle *Oracle

	arrived func(*broadcast.Message) // is told of each payload that a link brings
	// These break what a machine wants done, to see that the oracle objects: all of
	// it, and whether a frame gets onto its connection.
	spoil  func(*Node)
	tamper func(from, to *Node, f *broadcast.Frame) bool

	traffic traffic
	ordered ordered

	rng    *rand.Rand
	now    time.Duration
	events queue
	seq    uint64
	nodes  []*Node // by handle - 1
	links  broadcast.LinkID
}

// Node is one machine and the life it leads. A restarted node is a new Node.
type Node struct {
	Machine *protocol.Machine
	Handle  peer.Handle
	ID      peer.ID
	Up      bool
	Gaps    uint64 // messages reported as gaps

	cfg     protocol.Config
	started time.Duration // by the world's clock
	clock   clock
	known   knowledge

	store *store    // nil if it keeps none
	inbox []segment // what links have brought and it has not read

	out   protocol.Outbox
	ends  map[broadcast.LinkID]*end
	alarm time.Duration // the deadline that an event is queued for
}

// NewWorld returns an empty world. Everything random in it comes from the seed.
func NewWorld(seed uint64) *World {
	w := &World{rng: rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15))}
	w.Oracle = newOracle(w)
	return w
}

// Now is the virtual time.
func (w *World) Now() time.Duration { return w.now }

// Rand is the world's source of randomness, for scenarios.
func (w *World) Rand() *rand.Rand { return w.rng }

// Nodes lists all nodes, alive or not, in the order in which they started.
func (w *World) Nodes() []*Node { return w.nodes }

// Start adds a node with the name, in a new incarnation.
func (w *World) Start(name string) *Node {
	n := w.newNode(name)
	if w.Stores {
		n.store = new(store)
	}
	w.launch(n)
	return n
}

func (w *World) newNode(name string) *Node {
	h := peer.Handle(len(w.nodes) + 1)
	n := &Node{
		Handle: h, ID: peer.ID{Name: name, Incarnation: uint64(h)}, Up: true,
		ends: make(map[broadcast.LinkID]*end), alarm: broadcast.Never,
	}
	w.nodes = append(w.nodes, n)
	return n
}

// launch gives a node its machine.
func (w *World) launch(n *Node) {
	h := n.Handle
	if w.Drift > 0 {
		n.clock = randomClock(w.rng, w.Drift)
	}
	cfg := protocol.DefaultConfig(h, directory{w}, peersampling.Balanced(20))
	cfg.Wall = w.wall(n)
	cfg.Journal = n.store != nil
	if w.Configure != nil {
		w.Configure(&cfg)
	}
	m, err := protocol.New(w.local(n), cfg, rand.NewPCG(w.rng.Uint64(), w.rng.Uint64()))
	if err != nil {
		panic(fmt.Sprintf("sim: %v", err)) // a scenario's mistake
	}
	n.Machine, n.cfg, n.started = m, cfg, w.now
	w.Oracle.started(n)
	if n.store != nil && len(n.store.records) > 0 {
		w.restore(n)
	}
}

// longAgo is when the world began, counted from 1970.
const longAgo = 20_000 * 24 * time.Hour

// wall is what the time on the wall was when the node's clock showed 0. Clocks on
// the wall are set now and then, so they do not drift.
func (w *World) wall(n *Node) time.Duration { return longAgo + w.now - w.local(n) }

// Join tells a node of an address, under which whoever lives there answers.
func (w *World) Join(n *Node, contact *Node) {
	w.step(n, func() { n.Machine.Join(w.local(n), contact.Handle, &n.out) })
}

// Broadcast makes a node send; the error is the machine's.
func (w *World) Broadcast(n *Node, payload []byte) (m *broadcast.Message, err error) {
	w.Oracle.broadcasting(n)
	w.step(n, func() { m, err = n.Machine.Broadcast(w.local(n), payload, &n.out) })
	w.Oracle.broadcasted(m)
	return m, err
}

// Crash ends a node abruptly. Its peers' connections break.
func (w *World) Crash(n *Node) {
	n.Up = false
	if n.store != nil {
		w.pullOut(n.store)
	}
	for _, e := range n.sortedEnds() {
		w.breakConn(e)
	}
}

// Run lets the world go on for a time.
func (w *World) Run(d time.Duration) {
	until := w.now + d
	for len(w.events) > 0 && w.events[0].at <= until {
		w.pop()
	}
	w.now = until
}

// RunUntil lets the world go on until the condition holds, for at most a time;
// it reports whether the condition held. It looks every tenth of a second.
func (w *World) RunUntil(limit time.Duration, cond func() bool) bool {
	until := w.now + limit
	for !cond() {
		if w.now >= until {
			return false
		}
		w.Run(min(100*time.Millisecond, until-w.now))
	}
	return true
}

func (w *World) pop() {
	e := heap.Pop(&w.events).(event)
	w.now = e.at
	e.do()
}

// after schedules something.
func (w *World) after(d time.Duration, do func()) { w.at(w.now+d, do) }

func (w *World) at(t time.Duration, do func()) {
	w.seq++
	heap.Push(&w.events, event{max(t, w.now), w.seq, do})
}

// step lets a machine do something and carries out what it wants done.
func (w *World) step(n *Node, do func()) {
	if !n.Up {
		return
	}
	do()
	w.carryOut(n)
	w.setAlarm(n)
}

func (w *World) carryOut(n *Node) {
	if w.spoil != nil {
		w.spoil(n)
	}
	// Gaps first: what is delivered now may have waited for what is gone.
	for _, e := range n.out.Events {
		if e.Kind == protocol.MessageGap {
			n.Gaps += e.Gap.To - e.Gap.From + 1
			w.Oracle.reported(n, e.Gap)
		}
	}
	for _, x := range n.out.Offences {
		w.Oracle.violated(11, "%v accuses %v: %v", n.ID, w.node(x.Peer).ID, x.What)
	}
	if n.store != nil {
		w.journalize(n)
	}
	for i, m := range n.out.Deliveries {
		w.Oracle.delivered(n, m)
		if w.OnSpread != nil {
			var via *Node
			if e := n.ends[n.out.Via[i]]; e != nil {
				via = e.other.node
			}
			w.OnSpread(n, via, m)
		}
		if w.OnDeliver != nil {
			// Later, so that a reply does not step the machine within its step.
			w.after(0, func() { w.OnDeliver(n, m) })
		}
	}
	for _, p := range n.out.Packets {
		w.sendPacket(n, p)
	}
	for _, s := range n.out.Links.Sends {
		w.sendFrame(n, s)
	}
	for _, d := range n.out.Links.Dials {
		w.dial(n, d.Peer)
	}
	for _, id := range n.out.Links.Closes {
		w.closeConn(n, id)
	}
	n.out.Reset()
	w.Oracle.stepped(n)
}

// setAlarm queues a Tick for the machine's deadline unless one is queued that
// is early enough; an early one finds nothing due and sets the next.
func (w *World) setAlarm(n *Node) {
	t := n.Machine.Deadline()
	if t >= n.alarm {
		return
	}
	n.alarm = t
	w.at(n.clock.when(t), func() {
		if n.alarm != t {
			return // replaced by an earlier one
		}
		n.alarm = broadcast.Never
		n.Machine.SetWall(w.wall(n))
		w.step(n, func() { n.Machine.Tick(w.local(n), &n.out) })
	})
}

func (w *World) node(h peer.Handle) *Node {
	if h == peer.None || int(h) > len(w.nodes) {
		return nil
	}
	return w.nodes[h-1]
}

// directory names every node of the world.
type directory struct{ w *World }

func (d directory) Name(h peer.Handle) vclock.Origin   { return d.w.nodes[h-1].ID }
func (d directory) Handle(o vclock.Origin) peer.Handle { return peer.Handle(o.Incarnation) }

// event is something that happens at a time; ties in the order of scheduling.
type event struct {
	at  time.Duration
	seq uint64
	do  func()
}

type queue []event

var _ heap.Interface = (*queue)(nil)

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].seq < q[j].seq
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(event)) }
func (q *queue) Pop() any {
	old := *q
	e := old[len(old)-1]
	old[len(old)-1] = event{}
	*q = old[:len(old)-1]
	return e
}
