package gossip

import (
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"net/netip"
	"sync/atomic"

	"github.com/Ishan27gOrg/gossipProtocol/identity"
	"github.com/Ishan27gOrg/gossipProtocol/internal/guard"
	"github.com/Ishan27gOrg/gossipProtocol/internal/seal"
	"github.com/Ishan27gOrg/gossipProtocol/internal/secure"
	"github.com/Ishan27gOrg/gossipProtocol/internal/wire"
	"github.com/Ishan27gOrg/gossipProtocol/protocol"
)

// Certificates are a node's own certificate and the authorities that it accepts those
// of others from. They are asked for at each handshake, so what they return may change
// while the node runs.
type Certificates = secure.Certificates

// CertificateFiles are Certificates in PEM files, which are read again when they have
// changed. If they cannot be used then, onError is told, and the last good ones stay.
func CertificateFiles(cert, key, ca string, onError ...func(error)) (Certificates, error) {
	return secure.Files(cert, key, ca, onError...)
}

// access is what decides who gets in and who gets an answer.
type access struct {
	sealer   *seal.Sealer     // of datagrams; nil: in the clear
	upgrader *secure.Upgrader // of connections; nil: in the clear

	// The loop's own.
	addresses *guard.Addresses
	requests  *guard.Requests[request]
	rates     *guard.Rates
	penalties *guard.Penalties
	keys      keyView
	replyTo   netip.AddrPort // where the packet that is being handled has come from

	doors *guard.Doors

	refused    refused
	turnedAway atomic.Uint64
	slowed     atomic.Uint64
}

// maxCulprits bounds the memory of who has misbehaved: far more than a node has to do
// with at a time. Who gets others forgotten by misbehaving under many names and
// addresses has these barred.
const maxCulprits = 4096

func newAccess(cfg *Config, m *memory) (a *access, err error) {
	sources := m.limit(sourcesShare)
	a = &access{
		keys:      make(keyView),
		addresses: guard.NewAddresses(rand.Reader),
		requests:  guard.NewRequests[request](maxRequests, patience()),
		rates:     guard.NewRates(guard.RatesConfig{Sources: sources}),
		penalties: guard.NewPenalties(min(maxCulprits, sources)),
		doors:     guard.NewDoors(guard.DoorsConfig{Handshakes: m.limit(handshakesShare), Blocks: sources}),
	}
	if cfg.Keyring != nil {
		a.sealer = seal.New(cfg.Keyring, cfg.Cluster)
	}
	if cfg.Keyring != nil || cfg.TLS != nil {
		a.upgrader, err = secure.New(secure.Config{Cluster: cfg.Cluster, Ring: cfg.Keyring, Certificates: cfg.TLS})
	}
	return a, err
}

// newNonces returns a source of numbers that nobody foresees, however many he has seen.
// It is not safe for concurrent use.
func newNonces() func() uint64 {
	var seed [32]byte
	rand.Read(seed[:]) // it never fails
	return mathrand.NewChaCha8(seed).Uint64
}

// mayListen reports why a node must not listen on an address: in the clear, whoever
// can reach it can read, forge and join.
func (c *Config) mayListen(at netip.Addr) error {
	if c.Keyring != nil || c.Plain || at.IsLoopback() {
		return nil
	}
	return &ConfigError{"Keyring", fmt.Errorf("there is none, and the node would listen on %v, which others may reach: "+
		"set Keyring, or Plain if whoever can reach it may read and forge everything, or Listen to a loopback address", at)}
}

// warnOfPlain says loudly what a node goes without.
func (n *Node) warnOfPlain() {
	if n.sealer == nil {
		n.log.Warn("no keyring: nothing is encrypted or authenticated, and whoever can reach this address can read and forge everything", "addr", n.self.Addr)
	}
}

// follow has the loop do something after each change of what tells its changes so: the
// keyring, or the roster.
func (n *Node) follow(of interface {
	Changes() (<-chan struct{}, func())
}, do func()) {
	changed, stop := of.Changes()
	n.wg.Go(func() {
		defer stop()
		for {
			select {
			case <-changed:
				n.tell(do)
			case <-n.ctx.Done():
				return
			}
		}
	})
}

var errKeyRemoved = errors.New("the key that the peer has proved to have was removed from the keyring")

// keysChanged has the peers on all links know which key this node uses now, and ends
// those links whose peers belong to the cluster by a key that counts no more. What was
// on its way on those comes again by others.
func (n *Node) keysChanged() {
	n.log.Info("the keyring has changed", "primary", n.cfg.Keyring.Primary().String(), "keys", len(n.cfg.Keyring.IDs()))
	for _, id := range n.sortedLinks() {
		l := n.links[id]
		switch {
		case l == nil: // ended by the step before
		case !n.keyCounts(l.secured):
			n.stats.KeysRemoved++
			n.endLink(l, errKeyRemoved)
		default:
			n.proveKey(l)
		}
	}
}

// keyCounts reports whether the key that a peer has proved to have is still in the
// keyring, if there is one.
func (n *Node) keyCounts(c *secure.Conn) bool {
	return n.cfg.Keyring == nil || n.cfg.Keyring.Has(c.PeerKey())
}

// proveKey has the peer on a link know which key this node uses, if that has changed
// since they last talked of it.
func (n *Node) proveKey(l *link) {
	if n.cfg.Keyring == nil {
		return
	}
	if primary := n.cfg.Keyring.Primary(); l.proven != primary {
		l.proven = primary
		l.sendRaw(wire.AppendProof(nil, l.secured.AppendProof(nil)))
	}
}

// handleProof takes a peer's proof that it has another key. One with a key that this
// node lacks changes nothing: the peer is then ahead in a rotation.
func (n *Node) handleProof(l *link, proof []byte) {
	if l.secured == nil || n.cfg.Keyring == nil {
		n.endBadLink(l, fmt.Errorf("%w: a proof of a key where there is no keyring", wire.ErrMalformed))
		return
	}
	switch err := l.secured.CheckProof(proof); {
	case err == nil:
	case errors.Is(err, secure.ErrUnknownKey) && !n.mayWarn(aboutKeys, n.now()): // a peer may send as many as it likes
	case errors.Is(err, secure.ErrUnknownKey):
		n.log.Warn("a peer uses a key that this node does not have", "peer", l.peer.ID.Name, "error", err)
	default:
		n.endBadLink(l, err)
	}
}

// culprit is whom misbehaviour on a connection is put down to. In the clear anybody
// can take any name, so the address counts as well. An identity has been proven; it is
// its key, for its label is whatever it likes.
func (n *Node) culprit(conn net.Conn, name string) guard.Culprit {
	if n.signer != nil {
		if _, p, ok := identity.Split(name); ok {
			return guard.Culprit{Name: p.String()}
		}
	}
	return guard.Culprit{Addr: addrOf(conn.RemoteAddr()).Addr(), Name: name}
}

// blame deals with what the machine has found a peer to have done.
func (n *Node) blame(o protocol.Offence) {
	l := n.links[o.Link]
	switch {
	case l == nil:
	case o.What.Proven():
		n.punish(l, "no honest node makes this: "+o.What.String())
	case n.mayWarn(aboutForgeries, n.now()):
		n.log.Warn("a peer passes on what somebody has forged", "peer", l.peer.ID.Name, "addr", l.peer.Addr, "reason", o.What.String())
	}
}

// punish leaves whoever is at the other end of a link alone for a while, and says why.
func (n *Node) punish(l *link, why string) {
	now := n.now()
	until := n.penalties.Punish(now, n.culprit(l.raw, l.peer.ID.Name))
	n.warn(&n.offences, "left alone for misbehaviour", "peer", l.peer.ID.Name, "addr", l.peer.Addr, "for_ms", (until - now).Milliseconds(), "reason", why)
}
