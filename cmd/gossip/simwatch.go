package main

import (
	"context"
	"errors"
	"fmt"
	"runtime/metrics"
	"strconv"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/api"
	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/hub"
	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/survey"
	"github.com/Ishan27gOrg/gossipProtocol/gossip"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/protocol"
	"github.com/Ishan27gOrg/gossipProtocol/sim"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// simWatchOptions is what the flags say.
type simWatchOptions struct {
	nodes       int
	speed, loss float64
	seed        uint64
	every       time.Duration // between messages
	replace     time.Duration // between deaths; 0: none
}

func newSimWatch(con console) *cobra.Command {
	o := simWatchOptions{nodes: 1000, speed: 1, seed: 1, every: speakEvery, replace: replaceEvery}
	var web httpFlags
	g := newGroup("Watch flags")
	addIntVar(g, &o.nodes, "nodes", 4, 5000, "nodes, 4 to 5000")
	g.Var(speedValue{&o.speed}, "speed", "seconds of virtual time in one of a clock's, .01 to 100, or as many as this machine can")
	g.Var(durationValue{&o.every, time.Millisecond, time.Hour}, "every", "virtual time from message to message, 1ms to 1h")
	g.Var(durationValue{&o.replace, 0, time.Hour}, "replace", "virtual time from one node's death to the next, each of whom is replaced, up to 1h; 0s: none dies")
	g.Var(shareValue{&o.loss}, "loss", "fraction of the datagrams that is lost, 0 or more and less than 1")
	g.Var(seedValue{&o.seed}, "seed", "number that decides everything random, 0 to 18446744073709551615")
	cmd := &cobra.Command{
		Use:   "watch [flags]",
		Short: "Simulate a network of full nodes and look at it in a browser",
		Long: `watch simulates full nodes in virtual time, which goes on as a clock's does, and
serves the window to look at them, until it is interrupted: views and links,
messages on their way from node to node, and how the network heals when one
dies. All nodes join through the first, and it is through its eyes that clocks
and messages are seen. Each promise is checked, which takes memory: the run ends
when that has come to 4 GiB.`,
		Example: `  gossip sim watch
  gossip sim watch --nodes 200 --speed .1 --every 100ms   # slowly
  gossip sim watch --nodes 3000 --replace 1s`,
		Args: noArgs,
	}
	addFlags(cmd, g, web.group())
	cmd.RunE = verb(func(ctx context.Context, _ []string) error {
		if err := web.checkNeeded("gossip sim watch"); err != nil {
			return err
		}
		d, err := web.door(ctx, cmd)
		if err != nil {
			return err
		}
		return watchSim(ctx, con, o, d)
	})
	return cmd
}

// simTheatre is a simulated network for people to look at. It is an api.Deliverer.
type simTheatre struct {
	o          simWatchOptions
	began      time.Time
	messages   *hub.Messages
	events     *hub.Log[hub.Event]
	deliveries *hub.Log[api.Delivery]

	mu      sync.Mutex // owns the world
	w       *sim.World
	self    *sim.Node
	picture api.Overlay
	next    chan struct{}              // closed when there is another picture
	sent    map[peer.Dot]time.Duration // the latest messages, by when they were broadcast
}

// keptSent bounds simTheatre.sent: far more messages than are under way.
const keptSent = 10_000

var _ api.Deliverer = (*simTheatre)(nil)

func newSimTheatre(o simWatchOptions) *simTheatre {
	t := &simTheatre{
		o: o, began: time.Now(), messages: hub.NewMessages(hub.DefaultLimit),
		events:     hub.NewEvents(1),
		deliveries: hub.NewLog(keptDeliveries, func(*api.Delivery) int { return 1 }),
		w:          sim.NewWorld(o.seed), next: make(chan struct{}), sent: make(map[peer.Dot]time.Duration),
	}
	t.w.Faults.Loss = o.loss
	t.w.OnSpread = t.spread
	t.self = t.w.Start("n0000")
	for i := 1; i < o.nodes; i++ {
		t.enter(i)
	}
	return t
}

func (t *simTheatre) enter(i int) { t.w.Join(t.w.Start(fmt.Sprintf("n%04d", i)), t.self) }

// watchSim runs a simulation, with its window at a door, until ctx ends.
func watchSim(ctx context.Context, con console, o simWatchOptions, d door) error {
	t := newSimTheatre(o)
	fmt.Fprintf(con.out, "%d nodes are simulated: look at %s and interrupt to end\n", o.nodes, urlOf(d.listener.Addr()))
	err := d.show(ctx, t, nil, func() error { return t.play(ctx) })
	t.messages.Close()
	t.events.Close()
	t.deliveries.Close()
	return err
}

// beat is how much of a clock's time passes at once.
const beat = 50 * time.Millisecond

// play lets virtual time go on.
func (t *simTheatre) play(ctx context.Context) error {
	tick := time.NewTicker(beat)
	defer tick.Stop()
	drawn := time.Time{}
	for started := t.o.nodes; ; {
		t.mu.Lock()
		err := t.goOn(time.Duration(float64(beat)*t.o.speed), &started)
		if now := time.Now(); now.Sub(drawn) >= time.Second {
			t.draw()
			drawn = now
			err = errors.Join(err, checkHeap())
		}
		t.mu.Unlock()
		if err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// mostHeap bounds what a simulation may take: it keeps those who have died, and what
// everybody has delivered, so that every promise is checked.
const mostHeap = 4 << 30

// checkHeap ends a run that has gone on for too long.
func checkHeap() error {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	if sample[0].Value.Uint64() > mostHeap {
		return fmt.Errorf("the simulation has come to %s, which is as much as it may take: start it again", formatSize(mostHeap))
	}
	return nil
}

// goOn lets some virtual time pass, in which nodes talk, die and are replaced.
func (t *simTheatre) goOn(d time.Duration, started *int) error {
	for end := t.w.Now() + d; t.w.Now() < end; {
		next := min(end, nextOf(t.w.Now(), t.o.every), nextOf(t.w.Now(), t.o.replace))
		t.w.Run(next - t.w.Now())
		if t.o.replace > 0 && next%t.o.replace == 0 {
			if victim := t.anyone(); victim != t.self {
				t.w.Crash(victim)
				t.enter(*started)
				*started++
			}
		}
		if next%t.o.every == 0 {
			if err := t.say(int(next / t.o.every)); err != nil {
				return err
			}
		}
	}
	if n := len(t.w.Oracle.Violations); n > 0 {
		return fmt.Errorf("%d promises were broken, the first is %v", n, t.w.Oracle.Violations[0])
	}
	return nil
}

// say has somebody broadcast, and now and then two at once, who do not know of each other.
func (t *simTheatre) say(said int) error {
	for range 1 + said%togetherIn/(togetherIn-1) {
		// The log is full only if nothing is ever sent on, and then there is nothing to see.
		if _, err := t.w.Broadcast(t.anyone(), []byte(questions[said%len(questions)][0])); err != nil && !errors.Is(err, gossip.ErrLogFull) {
			return err
		}
	}
	return nil
}

// nextOf is the next time after now that is a multiple of every, or the end of time.
func nextOf(now, every time.Duration) time.Duration {
	if every == 0 {
		return broadcast.Never
	}
	return (now/every + 1) * every
}

func (t *simTheatre) anyone() *sim.Node {
	nodes := t.w.Nodes()
	for {
		if n := nodes[t.w.Rand().IntN(len(nodes))]; n.Up {
			return n
		}
	}
}

// spread tells of a delivery. It is called with the world locked.
func (t *simTheatre) spread(n, via *sim.Node, m *broadcast.Message) {
	id := t.idOf(m)
	d := api.Delivery{ID: api.FormatID(id), Node: n.ID.Name, Hops: int(m.Hops)}
	if via != nil {
		d.Via = via.ID.Name
	}
	t.deliveries.Add(d)
	if via == nil && m.Hops == 0 {
		if len(t.sent) == keptSent {
			clear(t.sent)
		}
		t.sent[m.Dot] = t.w.Now()
	}
	if n == t.self {
		// What nodes measure leaves out the time on the wire, which is all there is here.
		age := max(0, t.w.Now()-m.Born)
		if sent, known := t.sent[m.Dot]; known {
			age = t.w.Now() - sent
		}
		t.messages.Add(hub.Entry{Message: gossip.Message{
			ID: id, Payload: m.Payload, Clock: m.Clock, Hops: int(m.Hops), Via: d.Via, Age: age,
		}, At: time.Now()})
	}
}

func (t *simTheatre) idOf(m *broadcast.Message) gossip.MessageID {
	origin := t.w.Nodes()[m.Dot.Origin-1].ID
	return gossip.MessageID{Origin: origin.Name, Incarnation: origin.Incarnation, Seq: m.Dot.Seq}
}

// draw makes a picture of all nodes. It is called with the world locked.
func (t *simTheatre) draw() {
	limits := survey.DefaultLimits()
	limits.Nodes = 2 * t.o.nodes
	s := survey.New(survey.Node{ID: t.self.ID.Name}, limits)
	nodes := t.w.Nodes()
	up := 0
	for _, n := range nodes {
		if !n.Up {
			continue
		}
		up++
		var d survey.Description
		for _, l := range n.Machine.AppendLinks(nil) {
			d.Links = append(d.Links, survey.Link{Node: survey.Node{ID: nodes[l.Peer-1].ID.Name}, Tree: l.Eager})
		}
		for _, p := range n.Machine.View() {
			if peer := nodes[p.Peer-1]; peer.Up {
				d.View = append(d.View, survey.Node{ID: peer.ID.Name})
			}
		}
		s.Meet(0, survey.Node{ID: n.ID.Name})
		s.Tell(0, n.ID.Name, d)
	}
	t.picture = s.Overlay(0, time.Now().UTC())
	t.picture.Limit = up
	close(t.next)
	t.next = make(chan struct{})
}

// Self tells that this is a simulation, seen from its first node.
func (t *simTheatre) Self() api.Self {
	return api.Self{
		ID: t.self.ID.Name, Incarnation: t.self.ID.Incarnation, Addr: "simulated", Order: gossip.Causal.String(), Version: version(),
		UptimeMS: time.Since(t.began).Milliseconds(), MaxPayload: 1 << 16, Network: "sim",
	}
}

// View is the first node's.
func (t *simTheatre) View() (peers []api.Peer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range t.self.Machine.View() {
		id := t.w.Nodes()[p.Peer-1].ID
		peers = append(peers, api.Peer{ID: id.Name, Incarnation: id.Incarnation, Age: int(p.Age)})
	}
	return peers
}

// Links are the first node's.
func (t *simTheatre) Links() (links []api.Link) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, l := range t.self.Machine.AppendLinks(nil) {
		id := t.w.Nodes()[l.Peer-1].ID
		links = append(links, api.Link{
			ID: id.Name, Incarnation: id.Incarnation, Outbound: l.Outbound, Tree: l.Eager,
			SinceMS: (t.w.Now() - l.Since).Milliseconds(), RTTMS: float64(l.RTT.Microseconds()) / 1000,
		})
	}
	return links
}

// Clock is the first node's.
func (t *simTheatre) Clock() vclock.Clock {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.self.Machine.Clock()
}

// Stats are the first node's.
func (t *simTheatre) Stats() map[string]float64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := api.Numbers(struct {
		protocol.Gauges
		protocol.Counters
	}{t.self.Machine.Gauges(), t.self.Machine.Counters()})
	all["virtual_seconds"] = t.w.Now().Seconds()
	return all
}

// Keys are none.
func (t *simTheatre) Keys() []api.Key { return nil }

// Messages are what the first node has delivered.
func (t *simTheatre) Messages() *hub.Messages { return t.messages }

// Events are none.
func (t *simTheatre) Events() *hub.Log[hub.Event] { return t.events }

// Deliveries are those of all nodes.
func (t *simTheatre) Deliveries() *hub.Log[api.Delivery] { return t.deliveries }

// Overlay is the picture of a moment ago.
func (t *simTheatre) Overlay() (api.Overlay, <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.picture, t.next
}

// Broadcast has the first node broadcast.
func (t *simTheatre) Broadcast(_ context.Context, payload []byte, _ gossip.Headers) (gossip.MessageID, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	m, err := t.w.Broadcast(t.self, payload)
	if err != nil {
		return gossip.MessageID{}, err
	}
	return t.idOf(m), nil
}

// Ready reports whether the first node has a link.
func (t *simTheatre) Ready() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.self.Machine.Ready()
}

// speedValue is how much faster than a clock's virtual time passes.
type speedValue struct{ p *float64 }

func (v speedValue) String() string { return strconv.FormatFloat(*v.p, 'g', -1, 64) }
func (v speedValue) Type() string   { return "F" }

func (v speedValue) Set(text string) error {
	x, err := strconv.ParseFloat(text, 64)
	if err != nil || !(x >= 0.01 && x <= 100) {
		return errors.New("allowed: 0.01 to 100")
	}
	*v.p = x
	return nil
}
