package stage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
	"github.com/Ishan27gOrg/gossipProtocol/internal/oracle"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// member is one life of a node. What is below its lock is the ledger's.
type member struct {
	node  *gossip.Node
	name  string
	addr  netip.AddrPort
	place int // among all members

	joined time.Time

	closed  chan struct{}
	closing sync.Once

	journal oracle.Journal
	has     map[oracle.ID]bool
	most    gossip.Stats // the most that it was seen to hold
	// How much of the journal counts; what comes when all is over does not.
	log, links int
}

// The bounds of each node: package gossip's defaults.
const (
	maxLinks   = 5
	maxLog     = 64 << 20
	maxBacklog = 64 << 20
)

// start starts a node that joins through the first.
func (p *player) start(ctx context.Context, name, address string) error {
	cfg := p.config(name, address)
	if p.sabotage.config != nil {
		p.sabotage.config(&cfg)
	}
	node, err := gossip.StartOn(ctx, cfg, p.on.listen)
	if err != nil {
		return err
	}
	self := node.Self()
	m := &member{
		node: node, name: name, addr: netip.MustParseAddrPort(self.Addr),
		closed: make(chan struct{}), has: make(map[oracle.ID]bool),
		journal: oracle.Journal{Node: vclock.Origin{Name: self.ID, Incarnation: self.Incarnation}, Up: true},
	}
	p.joined(m)
	p.readers.Go(func() { p.readMessages(ctx, m) })
	p.readers.Go(func() { p.readEvents(m) })
	return nil
}

func (p *player) config(name, address string) gossip.Config {
	policy, _ := peersampling.Preset(p.s.Policy, p.s.View) // valid, as the scenario is
	cfg := gossip.Config{
		ID: name, Listen: address, Keyring: p.keys, Sampling: policy, Links: maxLinks,
		Flood: p.s.Flood, Order: p.s.Order, History: p.s.History,
		LogBytes: maxLog, BacklogBytes: maxBacklog, Retention: p.s.Retention,
		Logger: slog.New(slog.DiscardHandler),
	}
	if len(p.members) > 0 {
		cfg.Join = []string{p.members[0].addr.String()}
	}
	return cfg
}

// close ends the node abruptly: nobody is told.
func (m *member) close() {
	m.closing.Do(func() {
		m.node.Close()
		close(m.closed)
	})
}

// readMessages is a node's application: it takes down what it is given, and now and
// then answers.
func (p *player) readMessages(ctx context.Context, m *member) {
	for msg := range m.node.Messages() {
		d := oracle.Delivery{ID: oracleID(msg.ID), Clock: msg.Clock}
		for _, d := range p.sabotage.given(m, d) {
			if p.delivered(m, d, msg.Payload) {
				p.answer(ctx, m, msg.Payload)
			}
		}
	}
}

// readEvents takes down what the application is told, to the last of it.
func (p *player) readEvents(m *member) {
	for {
		select {
		case e := <-m.node.Events():
			p.hear(m, e)
			continue
		case <-m.closed:
		}
		for len(m.node.Events()) > 0 {
			p.hear(m, <-m.node.Events())
		}
		return
	}
}

func (p *player) hear(m *member, e gossip.Event) {
	if p.sabotage.deaf && e.Kind == gossip.Gap {
		return
	}
	p.told(m, e)
}

// say lets a node broadcast for whoever talks. A node that has just crashed is no
// error.
func (p *player) say(ctx context.Context, m *member, payload []byte) error {
	p.speaking()
	return p.speak(ctx, m, payload)
}

// answer is say, but was announced to the ledger before.
func (p *player) answer(ctx context.Context, m *member, payload []byte) {
	// An error is the end of ctx, which the play itself meets, too.
	_ = p.speak(ctx, m, payload)
}

func (p *player) speak(ctx context.Context, m *member, payload []byte) error {
	begun := time.Now()
	id, err := m.node.Broadcast(ctx, payload)
	p.spoke(m, oracleID(id), begun, err == nil)
	if err != nil && !errors.Is(err, gossip.ErrClosed) {
		return fmt.Errorf("%s broadcasts: %w", m.name, err)
	}
	return nil
}

func oracleID(id gossip.MessageID) oracle.ID {
	return oracle.ID{Origin: vclock.Origin{Name: id.Origin, Incarnation: id.Incarnation}, Seq: id.Seq}
}

// sabotage breaks promises, to see that the oracle objects. The zero value does
// nothing.
type sabotage struct {
	config   func(*gossip.Config)
	deliver  func(*member, oracle.Delivery) []oracle.Delivery // what the application gets instead
	deaf     bool                                             // nobody hears of gaps
	noHeal   bool                                             // partitions last for ever
	restless bool                                             // somebody talks while all should rest
}

func (s *sabotage) given(m *member, d oracle.Delivery) []oracle.Delivery {
	if s.deliver == nil {
		return []oracle.Delivery{d}
	}
	return s.deliver(m, d)
}
