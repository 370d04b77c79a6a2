// Package agent runs one node for others: what it delivers goes to a log that any
// number of readers follow, and what it knows is there to be asked for.
package agent

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/api"
	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/hub"
	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/survey"
	"github.com/Ishan27gOrg/gossipProtocol/gossip"
	"github.com/Ishan27gOrg/gossipProtocol/metrics"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// keptEvents is how many events are kept for who asks later.
const keptEvents = 1000

// Agent is a node and what it has delivered. It is an api.Source.
type Agent struct {
	node     *gossip.Node
	self     api.Self
	began    time.Time
	messages *hub.Messages
	events   *hub.Log[hub.Event]
	surveyor *surveyor

	deliveries *metrics.Deliveries
	log        *slog.Logger
	done       chan struct{}
}

// Options are what an agent needs besides its node.
type Options struct {
	// Cluster, Order and MaxPayload are the node's, for who asks.
	Cluster    string
	Order      string
	MaxPayload int
	Version    string
	// Keep is how many bytes of messages are kept for readers. Zero: hub.DefaultLimit.
	Keep int
	// Survey bounds how others are asked around. Zero: survey.DefaultLimits.
	Survey survey.Limits
	// Sync is the Store's, if the node has one: readers are given what is on the disk.
	// Nil: they are given everything at once.
	Sync func(context.Context) error
	// Logger gets a line at debug level for each message that is part of a trace. Nil: no lines.
	Logger *slog.Logger
}

// New returns an agent of a node, whose messages and events it takes from now on.
func New(node *gossip.Node, o Options) *Agent {
	if o.Keep == 0 {
		o.Keep = hub.DefaultLimit
	}
	if o.Survey == (survey.Limits{}) {
		o.Survey = survey.DefaultLimits()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	self := node.Self()
	a := &Agent{
		node: node, began: time.Now(),
		self: api.Self{
			ID: self.ID, Incarnation: self.Incarnation, Addr: self.Addr, Cluster: o.Cluster,
			Order: o.Order, Version: o.Version, MaxPayload: o.MaxPayload, Network: "agent",
		},
		messages: hub.NewMessages(o.Keep),
		events:   hub.NewEvents(keptEvents),
		done:     make(chan struct{}),

		deliveries: metrics.NewDeliveries(), log: o.Logger,
	}
	// What was restored is there from the start, for who looks at once.
	takeUpTo(node.Stats().BacklogMessages, node.Messages(), restoring, func(m gossip.Message) { a.take(m, a.messages.Add) })
	a.surveyor = newSurveyor(o.Survey, a.describeSelf, a.describe)
	go a.feed(newWriter(o.Sync, a.messages))
	return a
}

// restoring is how long a message that was there a moment ago may take to come: for good
// if another pushed it out meanwhile.
const restoring = time.Second

// takeUpTo takes so many messages, or as many as come.
func takeUpTo(n int, messages <-chan gossip.Message, patience time.Duration, take func(gossip.Message)) {
	late := time.NewTimer(patience)
	defer late.Stop()
	for ; n > 0; n-- {
		select {
		case m, open := <-messages:
			if !open {
				return
			}
			take(m)
			late.Reset(patience)
		case <-late.C:
			return
		}
	}
}

// feed ends when the node does.
func (a *Agent) feed(w *writer) {
	defer close(a.done)
	defer a.surveyor.close()
	defer a.messages.Close()
	defer w.close()
	defer a.events.Close()
	messages, events := a.node.Messages(), a.node.Events()
	for messages != nil {
		select {
		case m, open := <-messages:
			if !open {
				messages = nil
				continue
			}
			a.take(m, w.add)
		case e, open := <-events:
			if !open {
				events = nil
				continue
			}
			a.events.Add(hub.Event{Event: e, At: time.Now()})
		}
	}
}

// take takes a message, and adds it to what readers are given.
func (a *Agent) take(m gossip.Message, add func(hub.Entry)) {
	if !m.Restored {
		a.deliveries.Observe(m)
	}
	a.logTraced(&m)
	add(hub.Entry{Message: m, At: time.Now()})
}

// Done is closed when the node has ended and everything that it delivered is in the
// log.
func (a *Agent) Done() <-chan struct{} { return a.done }

// Node returns the node.
func (a *Agent) Node() *gossip.Node { return a.node }

// Self tells who the node is.
func (a *Agent) Self() api.Self {
	self := a.self
	self.Addr = a.node.Self().Addr
	self.UptimeMS = time.Since(a.began).Milliseconds()
	return self
}

// View returns the node's view.
func (a *Agent) View() (peers []api.Peer) {
	for _, p := range a.node.View() {
		peers = append(peers, api.PeerOf(p))
	}
	return peers
}

// Links returns the node's links.
func (a *Agent) Links() (links []api.Link) {
	for _, l := range a.node.LinkStates() {
		links = append(links, api.LinkOf(l))
	}
	return links
}

// Keys tells what is known of the cluster's keys.
func (a *Agent) Keys() (keys []api.Key) {
	for _, k := range a.node.Keys() {
		keys = append(keys, api.KeyOf(k))
	}
	return keys
}

// Clock counts what has been delivered.
func (a *Agent) Clock() vclock.Clock { return a.node.Clock() }

// Messages are what has been delivered, Events what has happened.
func (a *Agent) Messages() *hub.Messages { return a.messages }

// Events are what has happened.
func (a *Agent) Events() *hub.Log[hub.Event] { return a.events }

// Broadcast has the node broadcast.
func (a *Agent) Broadcast(ctx context.Context, payload []byte, headers gossip.Headers) (gossip.MessageID, error) {
	return a.node.BroadcastWith(ctx, payload, gossip.BroadcastOptions{Headers: headers})
}

// Overlay returns the latest sample of the network, and what is closed when there is
// another. Asking around goes on for half a minute after it was called last.
func (a *Agent) Overlay() (api.Overlay, <-chan struct{}) { return a.surveyor.look() }

// describeSelf tells of this node.
func (a *Agent) describeSelf() (survey.Node, survey.Description) {
	self := a.node.Self()
	return survey.Node{ID: self.ID, Addr: self.Addr}, survey.DescriptionOf(a.node.LinkStates(), a.node.View())
}

// describe asks another node to tell of itself.
func (a *Agent) describe(ctx context.Context, n survey.Node) (survey.Description, error) {
	d, err := a.node.Describe(ctx, gossip.Peer{ID: n.ID, Addr: n.Addr})
	if err == nil && d.Self.ID != n.ID {
		err = fmt.Errorf("%s is at %s, not %s", d.Self.ID, n.Addr, n.ID)
	}
	return survey.DescriptionOf(d.Links, d.View), err
}

// Ready reports whether there is a link.
func (a *Agent) Ready() bool { return a.node.Stats().Links > 0 }
