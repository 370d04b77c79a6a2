package gossip

import (
	"fmt"
	"math"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/internal/wire"
)

// Everything that a node holds has a limit in its own unit, and whatever is in it has
// a cost in bytes. Limit times cost is its share of Config.Memory, and the shares add
// up to that at most. This file has the one table of them.
//
// Costs are measured where an attacker chooses what is held, and rounded up:
// TestChargesAreHonest and TestCostsAreHonest hold them against the heap.

// share is one line of the table.
type share struct {
	name string
	unit string
	// A node may have least to most of it. With a Memory in between, all are as far
	// on the way from the one to the other.
	least, most int
	// cost is what one of it takes at most, in bytes.
	cost float64
	// spare says that it is worth having more of than most.
	spare bool

	limit int
}

func (s *share) bytes() int { return int(math.Ceil(float64(s.limit) * s.cost)) }

// The costs, in bytes. The name of a node takes up to wire.MaxName of them.
const (
	// messageCost is what a byte takes that a message is charged: slices and maps have
	// up to twice the room that they need.
	messageCost = 1.25
	// originCost: what was had of it, what has left the log, a head, its entry in this
	// node's clock, and in a signed network its evidence.
	originCost = 1152
	// identityCost: an entry in the address book, with its name, and in a signed network
	// the proof of its address.
	identityCost = 432
	// wantCost: a message that was announced, or that another one waits for, and has
	// not come.
	wantCost = 512
	// lackCost: what a peer that is catching up has had of an origin.
	lackCost = 160
	// frameCost: a long frame is copied once on its way in, from half as much room.
	frameCost = 1.5
	// connectionCost and connectionCostTLS: buffers, of which those of TLS grow by 32
	// KiB as records come and go, two goroutines, the books of links and relaying.
	connectionCost    = 20 << 10
	connectionCostTLS = 48 << 10
	// handshakeCost and handshakeCostTLS: the same, and one goroutine.
	handshakeCost    = 10 << 10
	handshakeCostTLS = 36 << 10
	// sourceCost: an address, or a block of them, in each of the guard's tables.
	sourceCost = 1408
	// nonceCost: a sealed datagram that has been accepted.
	nonceCost = 64
)

const (
	// mostNonces is what package guard remembers under each of two secrets.
	mostNonces = 2 << 15
	// smallFrame is what goes past long frames, on a share of its own: all control
	// frames but the longest digests, and most messages.
	smallFrame = trusted
	// fixedBytes is what is too little to count: the channels of datagrams and events,
	// scratch, views, requests under way, namesakes, the node itself; and the smallest
	// that maps and goroutines begin with.
	fixedBytes = 4 << 20
	// decodeBytes is what the one frame in hand may come to when it is taken apart: a
	// clock of wire.MaxClock entries, or a digest.
	decodeBytes = 12 << 20
)

// memory is what a Config comes to.
type memory struct {
	total  int
	shares [numShares]share
}

// The lines of the table.
const (
	logShare = iota
	backlogShare
	heldShare
	originsShare
	identitiesShare
	announcedShare
	awaitedShare
	lacksShare
	framesShare
	smallShare
	queuesShare
	connectionsShare
	handshakesShare
	sourcesShare
	noncesShare
	callersShare
	fixedShare
	numShares
)

func (m *memory) limit(which int) int { return m.shares[which].limit }

// maxFrame is the longest frame, without its length.
func (c *Config) maxFrame() int { return c.MaxPayload + wire.MaxOverhead }

// streams is how many links and repairs there can be.
func (c *Config) streams() int { return c.Links + broadcast.DefaultLinksConfig().Repairs + 1 }

// table is what a node with this Config may hold; limits are not set. What LogBytes
// and BacklogBytes say is not for Memory to change.
func (c *Config) table() (m memory) {
	message := broadcast.SizeOf(c.MaxPayload, 0)
	connection, handshake, nonces := float64(connectionCost), float64(handshakeCost), 0
	if c.Keyring != nil || c.TLS != nil {
		connection, handshake = connectionCostTLS, handshakeCostTLS
	}
	if c.Keyring != nil {
		nonces = mostNonces
	}
	m.shares = [numShares]share{
		logShare:         ranged("log", "bytes", max(2*message, 1<<20), 64<<20, messageCost, c.LogBytes),
		backlogShare:     ranged("backlog", "bytes", max(message, 1<<20), 64<<20, messageCost, c.BacklogBytes),
		heldShare:        {name: "held back", unit: "bytes", least: 2*c.MaxPayload + 1<<20, most: max(16<<20, 2*c.MaxPayload+1<<20), cost: messageCost},
		originsShare:     {name: "origins", unit: "origins", least: 1 << 10, most: 1 << 16, cost: originCost},
		identitiesShare:  {name: "identities", unit: "names", least: 1 << 14, most: 5 << 15, cost: identityCost},
		announcedShare:   {name: "announced", unit: "messages", least: 1 << 10, most: 1 << 14, cost: wantCost},
		awaitedShare:     {name: "awaited", unit: "messages", least: 1 << 11, most: 1 << 15, cost: wantCost},
		lacksShare:       {name: "catching up", unit: "origins", least: c.streams() << 7, most: c.streams() << 12, cost: lackCost},
		framesShare:      {name: "frames", unit: "bytes", least: c.maxFrame(), most: 4 * c.maxFrame(), cost: frameCost},
		smallShare:       {name: "small frames", unit: "bytes", least: 8 * smallFrame, most: 64 * smallFrame, cost: 1},
		queuesShare:      {name: "queues", unit: "bytes", least: c.maxFrame() + 1<<20, most: 4 * (c.maxFrame() + 4<<20), cost: 1},
		connectionsShare: {name: "connections", unit: "connections", least: 2*c.streams() + 32, most: 512, cost: connection},
		handshakesShare:  {name: "handshakes", unit: "connections", least: 32, most: 512, cost: handshake},
		sourcesShare:     {name: "sources", unit: "addresses", least: 256, most: 4096, cost: sourceCost},
		noncesShare:      {name: "nonces", unit: "datagrams", least: nonces, most: nonces, cost: nonceCost},
		callersShare:     {name: "callers", unit: "bytes", least: c.MaxPayload + wire.MaxHeaders + callCost, most: max(8<<20, c.MaxPayload+wire.MaxHeaders+callCost), cost: 1},
		fixedShare:       {name: "fixed", unit: "bytes", least: fixedBytes + decodeBytes, most: fixedBytes + decodeBytes, cost: 1},
	}
	return m
}

// ranged is the share of what may be fixed by the user.
func ranged(name, unit string, least, most int, cost float64, fixed int) share {
	s := share{name: name, unit: unit, least: least, most: max(least, most), cost: cost, spare: fixed == 0}
	if fixed != 0 {
		s.least, s.most = fixed, fixed
	}
	return s
}

// sum is what the table comes to if everything has its least, and its most.
func (m *memory) sum() (least, most float64) {
	for i := range m.shares {
		s := &m.shares[i]
		least += float64(s.least) * s.cost
		most += float64(s.most) * s.cost
	}
	return least, most
}

// plan gives everything its share of Memory. Zero is what all that a node may have
// comes to. What is more than that goes to log and backlog. c has its other defaults
// but LogBytes and BacklogBytes, which plan sets.
func (c *Config) plan() (m memory, err error) {
	m = c.table()
	least, most := m.sum()
	total := float64(c.Memory)
	if c.Memory == 0 {
		total = most
	}
	if total < least {
		return m, c.tooLittle(least)
	}
	part := 1.0
	if most > least {
		part = min(1, (total-least)/(most-least))
	}
	for i := range m.shares {
		s := &m.shares[i]
		s.limit = s.least + int(part*float64(s.most-s.least))
	}
	if total > most {
		m.spend(total - most)
	}
	m.total = int(total)
	c.LogBytes, c.BacklogBytes = m.limit(logShare), m.limit(backlogShare)
	return m, nil
}

// spend divides what is left over.
func (m *memory) spend(left float64) {
	n := 0
	for i := range m.shares {
		if m.shares[i].spare {
			n++
		}
	}
	for i := range m.shares {
		if s := &m.shares[i]; s.spare {
			s.limit += int(left / float64(n) / s.cost)
		}
	}
}

// tooLittle blames the field that asks for more than Memory has.
func (c *Config) tooLittle(least float64) error {
	free := *c
	free.LogBytes, free.BacklogBytes = 0, 0
	m := free.table()
	without, _ := m.sum()
	if float64(c.Memory) < without {
		return bad("Memory", "%d bytes are less than the %d that a node with MaxPayload %d and %d links needs at the least",
			c.Memory, int(math.Ceil(without)), c.MaxPayload, c.Links)
	}
	for _, field := range []struct {
		name  string
		asked int
		which int
	}{{"LogBytes", c.LogBytes, logShare}, {"BacklogBytes", c.BacklogBytes, backlogShare}} {
		if field.asked == 0 {
			continue
		}
		s := m.shares[field.which]
		without += float64(field.asked-s.least) * s.cost
		if float64(c.Memory) < without {
			allowed := field.asked - int(math.Ceil((without-float64(c.Memory))/s.cost))
			return bad(field.name, "%d bytes were asked for, at most %d are allowed with Memory %d", field.asked, max(0, allowed), c.Memory)
		}
	}
	return bad("Memory", "%d bytes are less than the %d that are needed at the least", c.Memory, int(math.Ceil(least)))
}

// MemoryUse is what a node holds, in bytes, by what holds it; docs/guarantees.md has
// the table.
type MemoryUse struct {
	Log, Backlog, Held, Origins, Identities, Expected, Lacks int
	Frames, Queues, Connections, Handshakes                  int
	Sources, Nonces, Callers, Fixed                          int
}

// Sum adds it up.
func (u MemoryUse) Sum() int {
	return u.Log + u.Backlog + u.Held + u.Origins + u.Identities + u.Expected + u.Lacks +
		u.Frames + u.Queues + u.Connections + u.Handshakes +
		u.Sources + u.Nonces + u.Callers + u.Fixed
}

func times(n int, cost float64) int { return int(float64(n) * cost) }

// memoryUse is what the node holds now. The guard's tables count in full.
func (n *Node) memoryUse() MemoryUse {
	m := n.memory
	g := n.machine.Gauges()
	return MemoryUse{
		Log:         times(g.LogBytes, messageCost),
		Backlog:     times(n.backlog.bytes, messageCost),
		Held:        times(g.HeldBytes, messageCost),
		Origins:     times(g.Origins, originCost),
		Identities:  times(n.book.len(), identityCost),
		Expected:    times(g.Expected, wantCost),
		Lacks:       times(g.Lacks, lackCost),
		Frames:      times(n.longFrames.held(), frameCost) + n.smallFrames.held(),
		Queues:      int(n.queued.Load()),
		Connections: times(int(n.open.Load()), m.shares[connectionsShare].cost),
		Handshakes:  times(n.doors.Stats().Inside, m.shares[handshakesShare].cost),
		Sources:     m.shares[sourcesShare].bytes(),
		Nonces:      m.shares[noncesShare].bytes(),
		Callers:     n.callers.held(),
		Fixed:       m.shares[fixedShare].bytes(),
	}
}

// String is a line of the table, for errors and tests.
func (s *share) String() string {
	return fmt.Sprintf("%-14s %10d %-12s × %8.2f = %8d KiB", s.name, s.limit, s.unit, s.cost, s.bytes()>>10)
}
