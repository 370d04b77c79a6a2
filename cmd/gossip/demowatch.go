package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/agent"
	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/api"
	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/hub"
	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/survey"
	"github.com/Ishan27gOrg/gossipProtocol/gossip"
)

const (
	// speakEvery is the time between two messages of a network that is watched: enough
	// for each to be seen on its way.
	speakEvery = 700 * time.Millisecond
	// replaceEvery is the time after which a node is killed and another one starts.
	replaceEvery = 15 * time.Second
	// repliesIn is how many messages out of how many are answered by somebody who has just
	// got them.
	repliesIn = 3
	// togetherIn is how many times somebody speaks until two do at once, and do not know of
	// each other.
	togetherIn = 4
	// keptDeliveries bounds what is kept for who looks a little later.
	keptDeliveries = 20_000
)

// theatre is a network that goes on until it is interrupted, for people to look at. It
// is an api.Deliverer: it sees what all nodes do, and the first is whom it speaks for.
type theatre struct {
	*agent.Agent // of the first node, which is never killed
	o            demoOptions
	rng          *rand.Rand // of the goroutine that runs it
	readers      sync.WaitGroup
	deliveries   *hub.Log[api.Delivery]

	mu      sync.Mutex
	actors  []*gossip.Node
	started int
	picture api.Overlay
	next    chan struct{} // closed when there is another picture
}

var _ api.Deliverer = (*theatre)(nil)

// watchDemo runs a network, with its window at a door, until ctx ends.
func watchDemo(ctx context.Context, con console, o demoOptions, d door) (err error) {
	t := &theatre{
		o: o, rng: rand.New(rand.NewPCG(o.seed, 0)), next: make(chan struct{}),
		deliveries: hub.NewLog(keptDeliveries, func(*api.Delivery) int { return 1 }),
	}
	defer func() { err = errors.Join(err, t.end()) }()
	if err := t.open(ctx); err != nil {
		d.close()
		return err
	}
	fmt.Fprintf(con.out, "%d nodes gossip: look at %s and interrupt to end\n", o.nodes, urlOf(d.listener.Addr()))
	return d.show(ctx, t, t.Metrics(), func() error { t.play(ctx); return nil })
}

// open starts the nodes.
func (t *theatre) open(ctx context.Context) error {
	for range t.o.nodes {
		if err := t.enter(ctx); err != nil {
			return err
		}
	}
	return t.Node().Ready(ctx)
}

// enter starts a node.
func (t *theatre) enter(ctx context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	var join []string
	if t.Agent != nil {
		join = []string{t.Node().Self().Addr}
	}
	// The nodes outlive ctx: they are to leave in good order.
	n, err := gossip.Start(context.WithoutCancel(ctx), gossip.Config{
		ID: fmt.Sprintf("n%03d", t.started), Join: join, Cluster: "demo", Sampling: t.o.sampling, Links: t.o.links,
		ExchangeMin: demoExchangeMin, ExchangeMax: demoExchangeMax, Logger: discard,
	})
	if err != nil {
		return err
	}
	t.started++
	t.actors = append(t.actors, n)
	if t.Agent == nil {
		t.Agent = agent.New(n, agent.Options{Cluster: "demo", Order: gossip.Causal.String(), MaxPayload: 1 << 20, Version: version()})
		r := t.Messages().Last(0)
		t.readers.Go(func() { t.tell(n.Self().ID, r) })
		return nil
	}
	t.readers.Go(func() {
		for m := range n.Messages() {
			t.deliveries.Add(delivery(n.Self().ID, m))
		}
	})
	return nil
}

// tell tells of the first node's deliveries.
func (t *theatre) tell(id string, r *hub.Reader[hub.Entry]) {
	defer r.Close()
	for {
		e, _, err := r.Next(context.Background())
		if err != nil {
			return
		}
		t.deliveries.Add(delivery(id, e.Message))
	}
}

func delivery(node string, m gossip.Message) api.Delivery {
	return api.Delivery{ID: api.FormatID(m.ID), Node: node, Via: m.Via, Hops: m.Hops}
}

// play has the nodes talk, die and be replaced.
func (t *theatre) play(ctx context.Context) {
	speak, replace, draw := time.NewTicker(speakEvery), time.NewTicker(replaceEvery), time.NewTicker(time.Second)
	defer speak.Stop()
	defer replace.Stop()
	defer draw.Stop()
	t.draw()
	for said := 0; ; {
		select {
		case <-speak.C:
			t.say(ctx, said)
			said++
		case <-replace.C:
			t.replace(ctx)
		case <-draw.C:
			t.draw()
		case <-ctx.Done():
			return
		}
	}
}

// say has somebody ask, or answer, and now and then two at once.
func (t *theatre) say(ctx context.Context, said int) {
	text := questions[said%len(questions)][0]
	if said%repliesIn == repliesIn-1 {
		text = fmt.Sprintf(questions[(said-1)%len(questions)][1], "all")
	}
	var speakers sync.WaitGroup
	for range 1 + said%togetherIn/(togetherIn-1) {
		n := t.anyone()
		speakers.Go(func() {
			if _, err := n.Broadcast(ctx, []byte(text)); err != nil && ctx.Err() == nil {
				discard.Debug("a node could not speak", "node", n.Self().ID, "error", err)
			}
		})
	}
	speakers.Wait()
}

func (t *theatre) anyone() *gossip.Node {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.actors[t.rng.IntN(len(t.actors))]
}

// replace kills a node other than the first, and starts another.
func (t *theatre) replace(ctx context.Context) {
	t.mu.Lock()
	i := 1 + t.rng.IntN(len(t.actors)-1)
	victim := t.actors[i]
	t.actors = append(t.actors[:i:i], t.actors[i+1:]...)
	t.mu.Unlock()
	victim.Close()
	if err := t.enter(ctx); err != nil {
		discard.Debug("no node takes its place", "error", err)
	}
}

// draw makes a picture of all nodes.
func (t *theatre) draw() {
	t.mu.Lock()
	defer t.mu.Unlock()
	self := t.Node().Self()
	limits := survey.DefaultLimits()
	limits.Nodes = 2 * t.o.nodes
	s := survey.New(survey.Node{ID: self.ID, Addr: self.Addr}, limits)
	alive := make(map[string]bool, len(t.actors))
	for _, n := range t.actors {
		alive[n.Self().ID] = true
	}
	for _, n := range t.actors {
		s.Meet(0, survey.Node{ID: n.Self().ID, Addr: n.Self().Addr})
		s.Tell(0, n.Self().ID, survey.DescriptionOf(n.LinkStates(), n.View()))
	}
	t.picture = s.Overlay(0, time.Now().UTC())
	t.picture.Limit = len(t.actors)
	close(t.next)
	t.next = make(chan struct{})
}

// Self tells that this is a demo.
func (t *theatre) Self() api.Self {
	self := t.Agent.Self()
	self.Network = "demo"
	return self
}

// Overlay is the picture of a moment ago.
func (t *theatre) Overlay() (api.Overlay, <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.picture, t.next
}

// Deliveries are those of all nodes.
func (t *theatre) Deliveries() *hub.Log[api.Delivery] { return t.deliveries }

// end lets all nodes leave.
func (t *theatre) end() error {
	t.mu.Lock()
	actors := t.actors
	t.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	var leaving sync.WaitGroup
	for _, n := range actors {
		leaving.Go(func() { n.Leave(ctx) }) // what did not get out is not owed to anyone
	}
	leaving.Wait()
	if t.Agent != nil {
		<-t.Done()
	}
	t.readers.Wait()
	t.deliveries.Close()
	return nil
}
