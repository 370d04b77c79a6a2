package sim

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
	"github.com/Ishan27gOrg/gossipProtocol/protocol"
)

// mostPairs is how many pairs of clocks are compared: as many as hardly take time.
const mostPairs = 5000

// patience is how long after the faults everything that is owed may take.
const patience = 2 * time.Minute

// Run carries out a scenario in two phases. First come its steps, while what can
// be checked at once is. Then all faults end and nobody talks any more: within two
// minutes of that P4, P6 and P8 must hold, and three quarters of a minute later P9
// and P8. It panics if the scenario is not valid.
func Run(s Scenario) Report { return run(s, nil) }

// RunWatched is Run, and calls look when each time of the length every has gone by,
// until the faults end. look must not step any machine. It panics, too, if every is not
// more than zero.
func RunWatched(s Scenario, every time.Duration, look func(*World)) Report {
	if every <= 0 {
		panic(fmt.Sprintf("sim: a world cannot be looked at every %v", every))
	}
	return run(s, func(w *World) {
		var next func()
		next = func() {
			look(w)
			if w.now+every <= s.end() {
				w.after(every, next)
			}
		}
		w.after(min(every, s.end()), next)
	})
}

// run is Run in a world that setup may change.
func run(s Scenario, setup func(*World)) Report {
	if err := s.Validate(); err != nil {
		panic(fmt.Sprintf("sim: %v", err))
	}
	p := newPlay(s)
	if setup != nil {
		setup(p.World)
	}
	p.schedule()
	p.Run(s.end())
	p.heal()
	return p.report()
}

// play is a scenario being carried out.
type play struct {
	*World
	s     Scenario
	cuts  []cut
	slow  []cut
	loss  []float64 // of the Lose steps under way
	talks []*talk
	of    map[peer.Dot]*talk // every message's
}

// cut is a partition, or a share of slow nodes: which side a node is on depends on its
// handle and the salt.
type cut struct {
	salt   uint64
	share  float64
	oneWay bool
	rate   int
}

func (p *play) newCut(s Step) cut { return cut{p.rng.Uint64(), s.Share, s.Kind == OneWay, s.Rate} }

func (c cut) parts(from, to *Node) bool {
	return c.side(from) != c.side(to) && (!c.oneWay || c.side(from))
}

func (c cut) side(n *Node) bool {
	x := (uint64(n.Handle) ^ c.salt) * 0x9e3779b97f4a7c15
	x = (x ^ x>>32) * 0xd6e8feb86659fd93
	return float64(x>>11)/(1<<53) < c.share
}

func newPlay(s Scenario) *play {
	p := &play{World: NewWorld(s.Seed), s: s, of: make(map[peer.Dot]*talk)}
	p.Oracle.Order = s.Order
	p.Oracle.MaxViolations = 10
	p.Codec, p.Drift, p.Stores = s.Codec, s.Drift, s.Store
	p.Configure = func(c *protocol.Config) {
		c.Sampling = peersampling.DefaultServiceConfig(s.policy())
		c.Relay.Flood, c.Order, c.History = s.Flood, s.Order, s.History
		c.Log, c.HoldBytes = broadcast.LogConfig{Bytes: s.LogBytes, Age: s.Retention}, s.HoldBytes
	}
	p.Faults = Faults{Latency: s.Latency, Spread: s.Spread, Jitter: s.Jitter, Loss: s.Loss, Duplicate: s.Duplicate}
	p.Faults.Cut = func(from, to *Node) bool {
		return slices.ContainsFunc(p.cuts, func(c cut) bool { return c.parts(from, to) })
	}
	p.Faults.Rate = p.rateOf
	p.OnDeliver = p.delivered
	p.arrived = func(m *broadcast.Message) {
		if t := p.of[m.Dot]; t != nil {
			t.copies++
		}
	}
	return p
}

// schedule puts everything that is to happen into the world's queue.
func (p *play) schedule() {
	for i := range p.s.Nodes {
		p.at(p.s.Arrive*time.Duration(i)/time.Duration(p.s.Nodes), func() { p.newcomer(p.newName()) })
	}
	for _, step := range p.s.Steps {
		if step.Kind == Talk {
			p.scheduleTalk(step)
			continue
		}
		for i := range max(step.Count, 1) {
			if i > 0 && step.Kind != Churn {
				break // the others do it all at once
			}
			p.at(step.At+time.Duration(i)*step.Every, func() { p.do(step) })
		}
	}
}

func (p *play) do(s Step) {
	switch s.Kind {
	case Crash:
		p.crash(s.Count)
	case Kill:
		p.crash(int(s.Share * float64(len(p.up()))))
	case Restart:
		for range s.Count {
			p.restart()
		}
	case Join:
		for range s.Count {
			p.newcomer(p.newName())
		}
	case Churn:
		p.crash(1)
		p.newcomer(p.newName())
	case Slow:
		c := p.newCut(s)
		p.slow = append(p.slow, c)
		p.after(s.For, func() { p.slow = without(p.slow, c) })
	case Partition, OneWay:
		c := p.newCut(s)
		p.cuts = append(p.cuts, c)
		p.after(s.For, func() { p.cuts = without(p.cuts, c) })
	case Lose:
		p.loss = append(p.loss, s.Share)
		p.setLoss()
		p.after(s.For, func() {
			p.loss = without(p.loss, s.Share)
			p.setLoss()
		})
	}
}

// without takes one x out of a list.
func without[T comparable](list []T, x T) []T {
	if i := slices.Index(list, x); i >= 0 {
		return slices.Delete(list, i, i+1)
	}
	return list
}

func (p *play) setLoss() { p.Faults.Loss = slices.Max(append(p.loss, p.s.Loss)) }

// rateOf is the lowest rate that is asked of a node, or 0.
func (p *play) rateOf(n *Node) (rate int) {
	for _, c := range p.slow {
		if c.side(n) && (rate == 0 || c.rate < rate) {
			rate = c.rate
		}
	}
	return rate
}

// newcomer starts a node and lets it join through the first.
func (p *play) newcomer(name string) {
	if n := p.Start(name); n != p.nodes[0] {
		p.Join(n, p.nodes[0])
	}
}

func (p *play) newName() string { return fmt.Sprint("n", len(p.nodes)) }

func (p *play) up() []*Node {
	alive := make([]*Node, 0, len(p.nodes))
	for _, n := range p.nodes {
		if n.Up {
			alive = append(alive, n)
		}
	}
	return alive
}

// crash ends so many nodes, but leaves three, among them the first.
func (p *play) crash(count int) {
	alive := p.up()
	p.rng.Shuffle(len(alive)-1, func(i, j int) { alive[i+1], alive[j+1] = alive[j+1], alive[i+1] })
	for len(alive) > 3 && count > 0 {
		last := len(alive) - 1
		p.Crash(alive[last])
		alive = alive[:last]
		count--
	}
}

// restart starts a node under the name of one that is up, and crashes that, or of
// one that once was; with its store, if nodes have some.
func (p *play) restart() {
	if len(p.nodes) < 2 {
		return
	}
	name := p.nodes[1+p.rng.IntN(len(p.nodes)-1)].ID.Name
	for _, n := range p.nodes {
		if n.Up && n.ID.Name == name {
			p.Crash(n)
		}
	}
	if !p.Stores {
		p.newcomer(name)
		return
	}
	last := slices.IndexFunc(p.nodes, func(n *Node) bool { return n.ID.Name == name && n.store != nil })
	p.Join(p.Resume(p.nodes[last]), p.nodes[0])
}

// heal ends the faults and waits until nothing is owed any more.
func (p *play) heal() {
	p.cuts, p.slow, p.loss = nil, nil, nil
	p.Faults.Loss, p.Faults.Duplicate = 0, 0
	for _, t := range p.talks {
		t.answers = 0
	}
	alive, ended := p.up(), p.now
	p.RunUntil(patience, func() bool { return p.Oracle.Missing(alive) == 0 && p.Oracle.parts(alive) == 1 })
	p.Oracle.Agree(alive)
	p.Oracle.Compared(mostPairs)
	p.Oracle.connected(alive)
	if p.Oracle.Missing(alive) > 0 {
		return // as it was told; it is still being asked for
	}
	p.Run(settling)
	for calm := false; !calm; {
		before := p.traffic
		p.Run(watched)
		sent := p.traffic.since(before)
		p.Oracle.rested(sent, alive)
		calm = p.Oracle.calm(sent, alive, p.now-ended)
	}
	p.Oracle.connected(alive)
}

// talk is the messages of one Talk step.
type talk struct {
	step    Step
	answers int // still to be given

	sent, deliveries, copies int
	// Of the deliveries at nodes that had started when the message was sent:
	timely  int
	delays  map[time.Duration]int // from broadcast to delivery, in tenths of a millisecond
	lastHop map[peer.Dot]uint8

	order, clock []int // bytes of each message, with the codec
}

func (p *play) scheduleTalk(step Step) {
	t := &talk{step: step, answers: step.Answers, delays: make(map[time.Duration]int), lastHop: make(map[peer.Dot]uint8)}
	p.talks = append(p.talks, t)
	for i := range step.Count {
		p.at(step.At+time.Duration(i)*step.Every, func() { p.say(t, p.speaker()) })
	}
}

// speaker draws who is to talk.
func (p *play) speaker() *Node {
	alive := p.up()
	if p.s.Origins > 0 {
		alive = alive[:min(p.s.Origins, len(alive))]
	}
	return alive[p.rng.IntN(len(alive))]
}

// say lets a node broadcast. The message is known before it arrives anywhere: what
// the node delivers, it hears of later.
func (p *play) say(t *talk, n *Node) {
	m, err := p.Broadcast(n, p.payload(t.step.Size))
	if err != nil {
		return // its log is full, and it was told
	}
	t.sent++
	p.of[m.Dot] = t
	if p.Codec {
		order, clock := p.orderCost(n, m)
		t.order = append(t.order, order)
		t.clock = append(t.clock, clock)
	}
}

// payload is so many bytes that the seed decides, or a word.
func (p *play) payload(size int) []byte {
	if size == 0 {
		return []byte("message")
	}
	b := make([]byte, 0, size+7)
	for len(b) < size {
		b = binary.LittleEndian.AppendUint64(b, p.rng.Uint64())
	}
	return b[:size]
}

// delivered counts a delivery, and may answer it.
func (p *play) delivered(n *Node, m *broadcast.Message) {
	t := p.of[m.Dot]
	if t == nil || m.Dot.Origin == n.Handle {
		return
	}
	t.deliveries++
	born, _ := p.Oracle.born(m.Dot) // m.Born is what the nodes make of it
	if n.started <= born {          // it is not a newcomer that catches up
		t.timely++
		t.lastHop[m.Dot] = max(t.lastHop[m.Dot], m.Hops)
		t.delays[(p.now-born).Truncate(100*time.Microsecond)]++
	}
	if t.answers > 0 && n.Up && p.rng.IntN(len(p.nodes)) == 0 && p.mayTalk(n) {
		t.answers--
		p.say(t, n)
	}
}

func (p *play) mayTalk(n *Node) bool { return p.s.Origins == 0 || int(n.Handle) <= p.s.Origins }
