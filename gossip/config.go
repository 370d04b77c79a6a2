package gossip

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/causal"
	"github.com/Ishan27gOrg/gossipProtocol/identity"
	"github.com/Ishan27gOrg/gossipProtocol/internal/transport"
	"github.com/Ishan27gOrg/gossipProtocol/internal/wire"
	"github.com/Ishan27gOrg/gossipProtocol/keyring"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
	"github.com/Ishan27gOrg/gossipProtocol/protocol"
)

// Order is the guarantee that Messages gives. All nodes of a network should use
// the same.
type Order = causal.Order

// The orders, strongest first.
const (
	// Causal delivers a message after everything that happened before it, and
	// stamps it with its exact clock.
	Causal = causal.Causal
	// FIFO delivers each origin's messages in the order in which they were
	// sent. A message's clock counts its own origin only.
	FIFO = causal.FIFO
	// Unordered delivers messages as they come. A message's clock counts its
	// own origin only.
	Unordered = causal.Unordered
)

// History says what a node gets of the time before it started.
type History = protocol.History

// The histories.
const (
	// Retained delivers whatever the network still has in its logs.
	Retained = protocol.Retained
	// None delivers only what was broadcast after the node started, as far as
	// the ages that travel with messages can tell (they leave out the time
	// spent on the wire).
	None = protocol.None
)

// Config describes a node. The zero value is a node of a new network on a free
// port of the loopback interface.
type Config struct {
	// ID is the node's name: 1 to 128 bytes of printable text, unique in the
	// network; with an Identity its label, at most 84 bytes without a "~". Empty: "node-" and eight random hex digits. Two live nodes with
	// one ID are detected and reported at both (Events, Logger); they do not
	// link to each other, and their messages are told apart by incarnation.
	ID string
	// Listen is the address for UDP and TCP, as "host:port". Port 0 means any
	// free one. Empty: "127.0.0.1:0".
	Listen string
	// Advertise is the address that others reach the node at, as "host:port".
	// Empty: what Listen was bound to; if that is all interfaces, each peer
	// takes the address that it sees packets come from.
	Advertise string
	// Join lists up to 64 addresses of nodes of the network, as "host:port". One
	// that is up is enough. Those that are down are tried until they come, all of them
	// again and again for as long as the node runs.
	Join []string
	// Cluster is the network's name: nodes of different clusters ignore each
	// other. At most 255 bytes. Empty is a name like any other.
	Cluster string
	// Keyring holds the keys that make up the cluster: whoever has one of them belongs
	// to it. With it every datagram is sealed and every link is encrypted, with forward
	// secrecy; without it everything travels in the clear, and the node listens on
	// loopback addresses only, unless Plain is set. The keys may be changed while the
	// node runs (package keyring). SECURITY.md tells what is protected from whom.
	Keyring *keyring.Ring
	// TLS has links run under certificates of the user's own authority, which both
	// ends show; with a Keyring, in addition to its keys. It does nothing for
	// datagrams. Nil: none.
	TLS Certificates
	// NamedCertificates has a peer's certificate, under TLS, name the peer: its ID has to
	// be one of the certificate's DNS names, or its common name. Then who has the
	// certificate of one node cannot link as another.
	NamedCertificates bool
	// Identity is the node's own key. With it the node's name is ID, "~" and the public
	// half, and what it says of itself and broadcasts is signed, so that others can
	// neither speak in its name nor alter what they relay (package identity). All nodes
	// of a network have one or none has; it needs a Keyring or TLS, and an address of
	// its own: where Listen is all interfaces, Advertise. Nil: none.
	Identity *identity.Key
	// Roster says whose identities count; it may change while the node runs, and who is
	// not on it any more is shut out. Nil: everybody's.
	Roster *identity.Roster
	// Plain lets a node without a Keyring listen on other addresses than those of the
	// loopback interface. Whoever can reach it can then read everything, join, and
	// speak in anybody's name.
	Plain bool
	// Sampling is the peer sampling policy. Zero: DefaultPolicy.
	Sampling peersampling.Policy
	// Order is what Messages promises. Zero: Causal.
	Order Order
	// History is what is delivered of the time before the node started. Zero:
	// Retained.
	History History
	// Links is how many links the node keeps: 1 to 32. More cost duplicates,
	// fewer cost resilience. Zero: 5, from HyParView, section 5.1.
	Links int
	// Flood has every message cross every link of this node, unless a peer does not
	// want it. Without it messages travel a tree: links that only bring what came
	// by others announce messages instead, and what the tree does not bring is
	// asked for. Over the tree each node gets each payload once, by flooding about
	// Links-1 times; but flooding reaches the last node in half or a third of the
	// time where many nodes broadcast, and does not wait where one has just died.
	// Nodes of one network may differ in it.
	Flood bool
	// MaxPayload is the longest payload, in bytes, that is sent or accepted. It
	// must be the same on all nodes: a longer message, and with it whatever comes
	// after it from its origin, is not taken by the others. At most 64 MiB. Zero:
	// 1 MiB.
	MaxPayload int
	// LogBytes and Retention bound the log that late, slow and separated nodes
	// are served from: by memory, and by the time since a message's broadcast.
	// Zero: 64 MiB, or a share of Memory; one hour.
	LogBytes  int
	Retention time.Duration
	// Horizon is how long an origin that broadcasts nothing stays in clocks: older
	// entries are dropped, and stand for all that it had broadcast by then. It must be
	// the same on all nodes, whose clocks on the wall must agree within an eighth of
	// it, and at least four times Retention. Shorter saves memory where many nodes
	// come, speak and go; of messages that are farther apart, clocks tell which is
	// earlier and not whether it is in the other's past (package vclock, Epochs). After
	// twice the horizon the origin is forgotten. Zero: a day.
	Horizon time.Duration
	// BacklogBytes bounds the delivered messages that wait for the application
	// to read them. When it is full the oldest are dropped, counted and
	// reported. Zero: 64 MiB, or a share of Memory.
	BacklogBytes int
	// Memory bounds what the node holds, in bytes: all of its queues, logs, maps, views
	// and buffers are charged to it. LogBytes and BacklogBytes are shares of it unless
	// they are set; less Memory also has the node remember fewer origins and names, and
	// serve fewer connections at one time. What is garbage and not yet collected comes
	// on top, as in any Go program, and so do messages that the application has taken
	// and the buffers of sockets, which are the system's. Too little is an error that
	// says what is needed. Zero: as much as the other fields come to, which is
	// some 460 MiB with their defaults. The shares are in docs/guarantees.md.
	Memory int
	// Store keeps what the node delivers, so that its next life begins with what was in
	// the log of the last one, and what Broadcast accepted is not lost in a crash: see
	// docs/guarantees.md, "With a store". It must be of a node with the same ID, Cluster,
	// Order and Horizon, and is the node's alone while it runs. Nil: none, and Broadcast
	// waits for no disk.
	Store Store
	// Incarnation tells this life of the node from its others: it must be greater than
	// that of the last one. Zero: from the clock on the wall.
	Incarnation uint64
	// ExchangeMin and ExchangeMax bound the time between two exchanges of the
	// peer sampling service: short while things change, long when they do not.
	// Zero: 1 s and 20 s.
	ExchangeMin, ExchangeMax time.Duration
	// Heartbeat is the longest silence on a link in use before a ping; where there is
	// nothing but pings these become rarer, up to six times. A link is given up
	// LinkTimeout less Heartbeat after a ping that is not answered: a host that
	// vanishes is found within LinkTimeout if anything is sent to it, and within
	// LinkTimeout and six Heartbeats otherwise. Zero: 3 s and 10 s.
	Heartbeat, LinkTimeout time.Duration
	// Undescribed has the node not answer who asks it for its links and its view (Describe).
	// Whoever belongs to the cluster may ask, and in the clear whoever can reach it. What
	// exchanges tell of the view, and messages of the links, is told all the same.
	Undescribed bool
	// Logger gets warnings, and at debug level what goes on; docs/logging.md lists all
	// lines and their keys. Nil: slog.Default().
	Logger *slog.Logger

	// listen opens the node's transport; see StartOn.
	listen func(address string) (transport.Transport, error)
}

// DefaultPolicy is the peer sampling policy of a node whose Config has none:
// balanced (H = 1, S = c/2 - 1), push-pull, view size 30, the size of the papers'
// experiments. It is chosen from what policies come to when messages take time, get
// lost and overlap: views are nearly as even as the swapper's and are not clustered,
// a few nodes that advertise each other get a fifth of them and not all, and at the
// pace of a node the dead are forgotten within ten quiet exchanges. Where many nodes
// fail at once again and again, or stay but for minutes, peersampling.Healer forgets
// them twice as fast. The table is in docs/experiments.md, "The default policy".
func DefaultPolicy() peersampling.Policy { return peersampling.Balanced(30) }

// ConfigError says what is wrong with a Config.
type ConfigError struct {
	Field string // of Config
	Err   error
}

func (e *ConfigError) Error() string { return fmt.Sprintf("gossip: Config.%s: %v", e.Field, e.Err) }

// Unwrap returns the cause.
func (e *ConfigError) Unwrap() error { return e.Err }

func bad(field, format string, args ...any) error {
	return &ConfigError{field, fmt.Errorf(format, args...)}
}

// maxPayload bounds MaxPayload, so that frame lengths stay far from 32 bits.
const maxPayload = 64 << 20

// maxMemory is more than any node should need, and far from where shares overflow.
const maxMemory = min(1<<42, math.MaxInt/4)

// longest bounds Retention, so that no arithmetic on times overflows.
const longest = 10 * 365 * 24 * time.Hour

// withDefaults returns the config with every zero replaced by what it means.
func (c Config) withDefaults() Config {
	setDefault(&c.ID, "node-"+randomHex())
	setDefault(&c.Listen, "127.0.0.1:0")
	setDefault(&c.Sampling, DefaultPolicy())
	setDefault(&c.Links, broadcast.DefaultLinksConfig().Max)
	setDefault(&c.MaxPayload, 1<<20)
	setDefault(&c.Retention, time.Hour)
	setDefault(&c.Horizon, 24*time.Hour)
	setDefault(&c.ExchangeMin, time.Second)
	setDefault(&c.ExchangeMax, max(20*time.Second, c.ExchangeMin))
	setDefault(&c.Heartbeat, 3*time.Second)
	setDefault(&c.LinkTimeout, max(10*time.Second, 3*c.Heartbeat))
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.listen == nil {
		c.listen = transport.Listen
	}
	return c
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func randomHex() string {
	var b [4]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// validate names the first field that is wrong and what is allowed.
func (c *Config) validate() error {
	if err := wire.CheckName(c.ID); err != nil {
		return &ConfigError{"ID", err}
	}
	if err := c.checkIdentity(); err != nil {
		return err
	}
	if err := c.Sampling.Validate(); err != nil {
		return &ConfigError{"Sampling", err}
	}
	if err := transport.CheckListen(c.Listen); err != nil {
		return &ConfigError{"Listen", err}
	}
	if len(c.Join) > maxNames {
		return bad("Join", "%d addresses, at most %d are allowed; one that is up is enough", len(c.Join), maxNames)
	}
	for _, address := range c.Join {
		if err := transport.CheckAddress(address); err != nil {
			return &ConfigError{"Join", err}
		}
	}
	switch {
	case c.NamedCertificates && c.TLS == nil:
		return bad("NamedCertificates", "there are no certificates without TLS")
	case c.Keyring != nil && c.Keyring.Primary() == 0:
		return bad("Keyring", "it has no key; make it with keyring.New, Read or Load")
	case len(c.Cluster) > 255:
		return bad("Cluster", "it is %d bytes long, at most 255 are allowed", len(c.Cluster))
	case c.Order > Unordered:
		return bad("Order", "%d is not one of Causal (0), FIFO (1), Unordered (2)", c.Order)
	case c.History > None:
		return bad("History", "%d is not one of Retained (0), None (1)", c.History)
	case c.Links < 1 || c.Links > 32:
		return bad("Links", "%d is not in the range of 1 to 32", c.Links)
	case c.MaxPayload < 1 || c.MaxPayload > maxPayload:
		return bad("MaxPayload", "%d is not in the range of 1 to %d bytes", c.MaxPayload, maxPayload)
	case c.LogBytes != 0 && c.LogBytes < c.MaxPayload:
		return bad("LogBytes", "%d is less than MaxPayload, %d", c.LogBytes, c.MaxPayload)
	case c.BacklogBytes != 0 && c.BacklogBytes < c.MaxPayload:
		return bad("BacklogBytes", "%d is less than MaxPayload, %d", c.BacklogBytes, c.MaxPayload)
	case c.LogBytes > maxMemory:
		return bad("LogBytes", "%d is more than %d", c.LogBytes, maxMemory)
	case c.BacklogBytes > maxMemory:
		return bad("BacklogBytes", "%d is more than %d", c.BacklogBytes, maxMemory)
	case c.Memory < 0 || c.Memory > maxMemory:
		return bad("Memory", "%d is not in the range of 0 to %d", c.Memory, maxMemory)
	case c.Retention < time.Second:
		return bad("Retention", "%v is less than 1s", c.Retention)
	case c.Retention > longest:
		return bad("Retention", "%v is more than %v", c.Retention, longest)
	case c.Horizon < 4*c.Retention || c.Horizon < 8*time.Second:
		return bad("Horizon", "%v is less than 8s, or than four times Retention (%v); it must be the same on all nodes", c.Horizon, 4*c.Retention)
	case c.Horizon > 4*longest:
		return bad("Horizon", "%v is more than %v", c.Horizon, 4*longest)
	case c.ExchangeMin < 10*time.Millisecond:
		return bad("ExchangeMin", "%v is less than 10ms", c.ExchangeMin)
	case c.ExchangeMax < c.ExchangeMin:
		return bad("ExchangeMax", "%v is less than ExchangeMin, %v", c.ExchangeMax, c.ExchangeMin)
	case c.Heartbeat < 10*time.Millisecond:
		return bad("Heartbeat", "%v is less than 10ms", c.Heartbeat)
	case c.LinkTimeout <= c.Heartbeat:
		return bad("LinkTimeout", "%v is not more than Heartbeat, %v", c.LinkTimeout, c.Heartbeat)
	}
	planned := *c
	_, err := planned.plan()
	return err
}

// advertised is the address that others are told.
func (c *Config) advertised(bound netip.AddrPort) (netip.AddrPort, error) {
	if c.Advertise == "" {
		return bound, nil
	}
	addrs, err := resolveNow(c.Advertise)
	if err != nil {
		return netip.AddrPort{}, &ConfigError{"Advertise", err}
	}
	addr := addrs[0]
	if addr.Port() == 0 {
		addr = netip.AddrPortFrom(addr.Addr(), bound.Port())
	}
	return addr, nil
}

// machine returns what the protocol is to be configured with.
func (c *Config) machine(self peer.Handle, dir protocol.Directory, mem *memory) protocol.Config {
	m := protocol.DefaultConfig(self, dir, c.Sampling)
	m.Sampling.MinInterval, m.Sampling.MaxInterval = c.ExchangeMin, c.ExchangeMax
	m.Sampling.RejoinAfter = c.LinkTimeout
	m.Sampling.Nonce = newNonces()
	m.Sampling.Seeds = 16 * maxNames // each name may stand for so many addresses
	m.Links.Max = c.Links
	m.Links.Dial = dialTimeout + c.handshakeTimeout()
	m.Links.Heartbeat, m.Links.Timeout = c.Heartbeat, c.LinkTimeout
	m.Log = broadcast.LogConfig{Bytes: c.LogBytes, Age: c.Retention}
	m.Horizon, m.Wall = c.Horizon, time.Duration(time.Now().UnixNano())
	m.Relay.Flood = c.Flood
	m.Order, m.History = c.Order, c.History
	m.HoldBytes, m.Origins = mem.limit(heldShare), mem.limit(originsShare)
	m.Announced, m.Awaited = mem.limit(announcedShare), mem.limit(awaitedShare)
	m.Relay.Lacks = mem.limit(lacksShare) / c.streams()
	return m
}
