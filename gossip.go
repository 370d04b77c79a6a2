package gossipProtocol

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
	"github.com/Ishan27gOrg/gossipProtocol/keyring"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// Gossip is a running node.
type Gossip interface {
	// Join makes the node part of the network that the peers belong to. One of
	// them that is up is enough; the others are tried until they come. What
	// counts is the address; the identifier is what the peer calls itself.
	Join(...Peer)
	// Add is Join for later.
	Add(...Peer)
	// CurrentView returns the node's partial view, one peer per line: name,
	// address and age. It is empty while nobody is known.
	CurrentView() string
	// SendGossip sends data to the whole network, this node included. It may be
	// called at any time and from any goroutine. It waits only while the log
	// (64 MiB) is full of messages that no peer has taken yet.
	SendGossip(data string)
}

// Control is what a Gossip from Config also implements: what the published
// interface cannot say.
//
//	g, receive := gossipProtocol.Config("localhost", "8001", "p1")
//	if err := g.(gossipProtocol.Control).Err(); err != nil {
//		log.Fatal(err)
//	}
type Control interface {
	Gossip
	// Err returns what has failed so far, nil if nothing has: why the node
	// could not be started (a port in use, an empty id), addresses that are
	// malformed, data that was not sent. It holds the first failure and the 15
	// last.
	Err() error
	// Node returns the node behind the facade; nil if it could not be started.
	Node() *gossip.Node
	// Close ends the node as a crash would. The channel of packets is closed. To
	// leave without losing what was just sent: Node().Leave(ctx).
	Close() error
}

// Peer names another process.
type Peer struct {
	UdpAddress        string // "host:port"
	ProcessIdentifier string
}

// Packet is a message as it arrives.
type Packet struct {
	GossipMessage GossipMessage
	// VectorClock counts, for each process, its messages that happened before
	// this one, itself included. Print it, or Compare it with another's.
	VectorClock vclock.Clock
}

// GossipMessage is what was sent.
type GossipMessage struct {
	Data string
	// CreatedAt is when it was sent, as far as the nodes that it passed can
	// tell.
	CreatedAt time.Time
	// GossipMessageHash is unique to the message.
	GossipMessageHash string
}

// GetId returns what is unique to the message.
func (p *Packet) GetId() string { return p.GossipMessage.GossipMessageHash }

// GetData returns what was sent.
func (p *Packet) GetData() string { return p.GossipMessage.Data }

// Option changes the configuration of the node behind the facade.
type Option func(*gossip.Config)

// Config starts a node that listens on hostname and port, UDP and TCP, and
// calls itself id. An empty hostname means all interfaces. The channel carries what the network sends, in causal order.
// Reading slowly delays nobody else.
//
// On other addresses than those of the loopback interface the node needs keys, or to
// be told to do without. As the published signature has no room for that, the
// environment may say it: GOSSIP_KEYRING is a file with keys, or env:NAME (keyring.Open),
// GOSSIP_PLAIN=1 is gossip.Config.Plain.
//
// A node that cannot be started is not lost in silence: the reason is logged
// and Control.Err returns it, as does CurrentView, and the channel stays open
// and empty.
func Config(hostname, port, id string, options ...Option) (Gossip, <-chan Packet) {
	cfg := gossip.Config{
		ID:     id,
		Listen: net.JoinHostPort(hostname, strings.TrimPrefix(port, ":")),
	}
	err := fromEnvironment(&cfg)
	for _, o := range options {
		o(&cfg)
	}
	f := &facade{id: id, log: cfg.Logger, packets: make(chan Packet, 100)}
	if f.log == nil {
		f.log = slog.Default()
	}
	if err != nil {
		f.failed("start", err)
		return f, f.packets
	}
	f.start(cfg)
	return f, f.packets
}

// fromEnvironment sets what the published signature has no room for.
func fromEnvironment(cfg *gossip.Config) (err error) {
	if file := os.Getenv("GOSSIP_KEYRING"); file != "" {
		if cfg.Keyring, err = keyring.Open(file); err != nil {
			return fmt.Errorf("environment variable GOSSIP_KEYRING: %w", err)
		}
	}
	if plain := os.Getenv("GOSSIP_PLAIN"); plain != "" {
		if cfg.Plain, err = strconv.ParseBool(plain); err != nil {
			return fmt.Errorf("environment variable GOSSIP_PLAIN: %q, allowed: 0 or 1", plain)
		}
	}
	return nil
}

// facade is a Gossip over a gossip.Node.
type facade struct {
	id      string
	log     *slog.Logger
	node    *gossip.Node // nil if it could not be started
	packets chan Packet  // closed by the pump, or by Close if there is none

	closeOnce sync.Once

	mu       sync.Mutex
	failures []error
}

var _ Control = (*facade)(nil)

// errNotRunning is wrapped by whatever is asked of a node that did not start.
var errNotRunning = errors.New("the node is not running")

func (f *facade) start(cfg gossip.Config) {
	if f.id == "" && cfg.ID == "" {
		// The modern API makes up a name; here, leaving it out is a mistake.
		f.failed("start", errors.New("the id is empty; it must be 1 to 128 bytes of printable text"))
		return
	}
	node, err := gossip.Start(context.Background(), cfg)
	if err != nil {
		f.failed("start", err)
		return
	}
	f.node = node
	go f.pump()
}

// pump hands on what the node delivers, until it is closed.
func (f *facade) pump() {
	defer close(f.packets)
	for m := range f.node.Messages() {
		p := Packet{
			GossipMessage: GossipMessage{
				Data:              string(m.Payload),
				CreatedAt:         time.Now().Add(-m.Age).UTC(),
				GossipMessageHash: fmt.Sprintf("%s#%d:%d", m.ID.Origin, m.ID.Incarnation, m.ID.Seq),
			},
			VectorClock: m.Clock,
		}
		select {
		case f.packets <- p:
		case <-f.node.Done():
			return
		}
	}
}

func (f *facade) Join(peers ...Peer) {
	for _, p := range peers {
		if f.node == nil {
			f.failed("join "+p.UdpAddress, errNotRunning)
			continue
		}
		if err := f.node.Join(context.Background(), p.UdpAddress); err != nil {
			f.failed("join", err)
		}
	}
}

func (f *facade) Add(peers ...Peer) { f.Join(peers...) }

func (f *facade) CurrentView() string {
	if f.node == nil {
		return fmt.Sprintf("%s is not running: %v\n", f.id, f.Err())
	}
	var b strings.Builder
	for _, p := range f.node.View() {
		fmt.Fprintf(&b, "%s\t%s\tage %d\n", p.ID, p.Addr, p.Age)
	}
	return b.String()
}

func (f *facade) SendGossip(data string) {
	if f.node == nil {
		f.failed("send", errNotRunning)
		return
	}
	if _, err := f.node.Broadcast(context.Background(), []byte(data)); err != nil {
		f.failed("send", err)
	}
}

func (f *facade) Err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return errors.Join(f.failures...)
}

func (f *facade) Node() *gossip.Node { return f.node }

func (f *facade) Close() error {
	if f.node == nil {
		f.closeOnce.Do(func() { close(f.packets) })
		return nil
	}
	return f.node.Close()
}

// maxFailures bounds what Err holds.
const maxFailures = 16

// failed logs and keeps what the published interface cannot return.
func (f *facade) failed(what string, err error) {
	err = fmt.Errorf("gossipProtocol: %s: %s: %w", f.id, what, err)
	f.log.Error("gossip failed", "id", f.id, "error", err)
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.failures) == maxFailures {
		f.failures = append(f.failures[:1], f.failures[2:]...)
	}
	f.failures = append(f.failures, err)
}
