package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
	"github.com/Ishan27gOrg/gossipProtocol/internal/oracle"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// network is the demo's nodes and what is known of their messages. One
// goroutine, the demo's, owns it; each node has a reader that hands over what
// arrives, with the time.
type network struct {
	options  demoOptions
	members  []*member
	sent     []gossip.MessageID
	spreads  map[gossip.MessageID]*spread
	pending  int // messages that not all nodes have
	done     int // messages of sent, from the first, that all nodes have
	arrivals chan arrival
	readers  sync.WaitGroup
	over     chan struct{} // nobody takes arrivals any more

	onArrival  func(*member, *spread)
	onComplete func(*spread)
}

// member is one node with what its application received.
type member struct {
	name, addr string
	node       *gossip.Node
	log        []gossip.Message
	has        map[gossip.MessageID]bool
	owed       []gossip.MessageID
	dead       bool
}

// spread is how far a message has come.
type spread struct {
	id      gossip.MessageID
	place   int // in network.sent
	text    string
	replyTo int // a place, or none
	begun   time.Time
	last    time.Time
	have    int
	hops    int
	of      int // nodes that are owed it
}

const none = -1

type arrival struct {
	at   *member
	m    gossip.Message
	when time.Time
}

func newNetwork(o demoOptions) *network {
	return &network{
		options: o, spreads: make(map[gossip.MessageID]*spread),
		arrivals: make(chan arrival, 1024), over: make(chan struct{}),
	}
}

// start starts the nodes, all at once, with the first as the others' contact.
func (n *network) start(ctx context.Context) error {
	width := len(fmt.Sprint(n.options.nodes - 1))
	for i := range n.options.nodes {
		m := &member{name: fmt.Sprintf("n%0*d", width, i), has: make(map[gossip.MessageID]bool)}
		var join []string
		if i > 0 {
			join = []string{n.members[0].addr}
		}
		// The nodes outlive ctx: they are to leave in good order.
		node, err := gossip.Start(context.WithoutCancel(ctx), gossip.Config{
			ID: m.name, Join: join, Cluster: "demo", Sampling: n.options.sampling, Links: n.options.links,
			ExchangeMin: demoExchangeMin, ExchangeMax: demoExchangeMax, Logger: discard,
		})
		if err != nil {
			return err
		}
		m.node, m.addr = node, node.Self().Addr
		n.members = append(n.members, m)
		n.readers.Go(func() { n.read(m) })
	}
	return nil
}

// read is a node's application: it takes what the node delivers.
func (n *network) read(at *member) {
	for m := range at.node.Messages() {
		select {
		case n.arrivals <- arrival{at, m, time.Now()}:
		case <-n.over:
		}
	}
}

// end lets all nodes leave, and waits for them and their readers.
func (n *network) end() {
	close(n.over)
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	var leaving sync.WaitGroup
	for _, m := range n.alive() {
		leaving.Go(func() { m.node.Leave(ctx) }) // what did not get out is not owed to anyone
	}
	leaving.Wait()
	n.readers.Wait()
}

func (n *network) kill(m *member) {
	m.dead = true
	m.node.Close()
}

func (n *network) alive() (alive []*member) {
	for _, m := range n.members {
		if !m.dead {
			alive = append(alive, m)
		}
	}
	return alive
}

// memberOf returns the origin of a message.
func (n *network) memberOf(id gossip.MessageID) *member {
	for _, m := range n.members {
		if m.name == id.Origin {
			return m
		}
	}
	panic("a message of nobody: " + id.String())
}

// broadcast sends a message from a node; replyTo is the place of what it
// answers, or none.
func (n *network) broadcast(ctx context.Context, from *member, text string, replyTo int) error {
	begun := time.Now()
	id, err := from.node.Broadcast(ctx, []byte(text))
	if err != nil {
		return fmt.Errorf("broadcasting on %s: %w", from.name, err)
	}
	n.note(id, text, replyTo, begun)
	return nil
}

// broadcastTogether sends from two nodes at one time.
func (n *network) broadcastTogether(ctx context.Context, a, b *member) (ids [2]gossip.MessageID, err error) {
	const text = "me first!"
	var errs [2]error
	begun := time.Now()
	ready := make(chan struct{})
	var both sync.WaitGroup
	for i, m := range []*member{a, b} {
		both.Go(func() {
			<-ready
			ids[i], errs[i] = m.node.Broadcast(ctx, []byte(text))
		})
	}
	close(ready)
	both.Wait()
	for i, err := range errs {
		if err != nil {
			return ids, fmt.Errorf("broadcasting two messages at once: %w", err)
		}
		n.note(ids[i], text, none, begun)
	}
	return ids, nil
}

// note puts a message on the books. Its arrivals have not been looked at yet.
func (n *network) note(id gossip.MessageID, text string, replyTo int, begun time.Time) {
	s := &spread{id: id, place: len(n.sent), text: text, replyTo: replyTo, begun: begun}
	for _, m := range n.alive() {
		m.owed = append(m.owed, id)
		s.of++
	}
	n.sent = append(n.sent, id)
	n.spreads[id] = s
	n.pending++
}

// arrived takes what a node delivered.
func (n *network) arrived(a arrival) {
	a.at.log = append(a.at.log, a.m)
	s := n.spreads[a.m.ID]
	if s == nil || a.at.has[a.m.ID] || a.at.dead {
		return // the checker will tell
	}
	a.at.has[a.m.ID] = true
	s.have++
	s.hops = max(s.hops, a.m.Hops)
	if a.when.After(s.last) {
		s.last = a.when
	}
	if n.onArrival != nil {
		n.onArrival(a.at, s)
	}
	if s.have == s.of {
		n.pending--
		if n.onComplete != nil {
			n.onComplete(s)
		}
	}
}

// settle waits until all nodes have all messages.
func (n *network) settle(ctx context.Context, doing string) error {
	return n.await(ctx, doing, func() bool { return n.pending == 0 })
}

// await takes arrivals until there are enough.
func (n *network) await(ctx context.Context, doing string, enough func() bool) error {
	for !enough() {
		select {
		case a := <-n.arrivals:
			n.arrived(a)
		case <-ctx.Done():
			return fmt.Errorf("%s: %s: %w", doing, n.missing(), context.Cause(ctx))
		}
	}
	return nil
}

// missing tells what await waited for in vain.
func (n *network) missing() string {
	if s := n.oldestPending(); s != nil {
		return fmt.Sprintf("%d messages are not everywhere, the first is %v (%d of %d nodes)", n.pending, s.id, s.have, s.of)
	}
	return "no message is missing"
}

// oldestPending returns the first message that not all nodes have, or nil.
func (n *network) oldestPending() *spread {
	for ; n.done < len(n.sent); n.done++ {
		if s := n.spreads[n.sent[n.done]]; s.have < s.of {
			return s
		}
	}
	return nil
}

// poll looks again and again until there is nothing more to wait for. It is for
// what makes no event.
func (n *network) poll(ctx context.Context, done func() bool) error {
	tick := time.NewTicker(n.pollEvery())
	defer tick.Stop()
	for !done() {
		select {
		case a := <-n.arrivals:
			n.arrived(a)
			continue
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// pollEvery leaves the nodes time for themselves however many they are.
func (n *network) pollEvery() time.Duration {
	return 5*time.Millisecond + time.Duration(n.options.nodes)*300*time.Microsecond
}

// measure looks at everybody's view and links.
func (n *network) measure() overlayEvent {
	e := overlayEvent{Nodes: len(n.members), ViewFull: min(n.options.sampling.C, len(n.members)-1)}
	e.ViewMin = e.ViewFull
	for _, m := range n.members {
		s := m.node.Stats()
		if s.Links > 0 {
			e.Ready++
		}
		e.ViewMean += float64(s.View) / float64(len(n.members))
		e.LinksMean += float64(s.Links) / float64(len(n.members))
		e.ViewMin = min(e.ViewMin, s.View)
	}
	return e
}

// holding counts who still knows a node.
func (n *network) holding(dead *member) healEvent {
	e := healEvent{Node: dead.name}
	for _, m := range n.alive() {
		if m == dead {
			continue
		}
		e.Survivors++
		for _, p := range m.node.View() {
			if p.ID == dead.name {
				e.Views++
			}
		}
		links := m.node.Links()
		e.LinksMean += float64(len(links))
		for _, p := range links {
			if p.ID == dead.name {
				e.Links++
			}
		}
	}
	e.LinksMean /= float64(max(e.Survivors, 1))
	return e
}

// clockOf returns a message's clock as its origin delivered it.
func (n *network) clockOf(id gossip.MessageID) vclock.Clock {
	for _, m := range n.memberOf(id).log {
		if m.ID == id {
			return m.Clock
		}
	}
	return vclock.Clock{}
}

// journals is what the nodes' applications got, for the oracle.
func (n *network) journals() (journals []oracle.Journal) {
	for _, m := range n.members {
		self := m.node.Self()
		j := oracle.Journal{Node: vclock.Origin{Name: self.ID, Incarnation: self.Incarnation}, Owed: oracleIDs(m.owed)}
		for _, d := range m.log {
			j.Log = append(j.Log, oracle.Delivery{ID: oracleID(d.ID), Clock: d.Clock})
		}
		journals = append(journals, j)
	}
	return journals
}

func oracleID(id gossip.MessageID) oracle.ID {
	return oracle.ID{Origin: vclock.Origin{Name: id.Origin, Incarnation: id.Incarnation}, Seq: id.Seq}
}

func oracleIDs(ids []gossip.MessageID) []oracle.ID {
	all := make([]oracle.ID, len(ids))
	for i, id := range ids {
		all[i] = oracleID(id)
	}
	return all
}

// complete counts the nodes that have all of the first messages, and the
// survivors that have all of the rest.
func (n *network) complete(first int) (nodes, survivors int) {
	for _, m := range n.members {
		if hasAll(m, n.sent[:first]) {
			nodes++
		}
		if !m.dead && hasAll(m, n.sent[first:]) {
			survivors++
		}
	}
	return nodes, survivors
}

func hasAll(m *member, ids []gossip.MessageID) bool {
	for _, id := range ids {
		if !m.has[id] {
			return false
		}
	}
	return true
}

// bytesPerNode is what each node sent, in the mean: datagrams and links.
func (n *network) bytesPerNode() (packets, links uint64) {
	if len(n.members) == 0 {
		return 0, 0
	}
	for _, m := range n.members {
		s := m.node.Stats()
		packets += s.PacketBytesSent
		links += s.LinkBytesSent
	}
	return packets / uint64(len(n.members)), links / uint64(len(n.members))
}
