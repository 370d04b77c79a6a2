package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
	"github.com/Ishan27gOrg/gossipProtocol/internal/transport"
	"github.com/Ishan27gOrg/gossipProtocol/keyring"
)

// ours is how a user who changes nothing runs it.
const ours = "gossip/plain"

// ourSystems are package gossip, as a program uses it: a goroutine for each node
// reads Messages.
func ourSystems() []System {
	const name = "gossip"
	variant := func(variant, settings string, configure func(*gossip.Config) error) System {
		return System{
			Name:       name,
			Variant:    variant,
			Settings:   settings + "; logs of 64 MiB, or 2 GiB over all nodes if that is less (512 MiB for short payloads at saturation)",
			MaxPayload: longestPayload,
			Window:     ourWindow,
			Patience:   time.Minute,
			Start: func(n int, o Options, d Deliver) (Cluster, error) {
				return startOurs(n, o, configure, d)
			},
		}
	}
	return []System{
		variant("plain", "defaults: causal order, in the clear", func(*gossip.Config) error { return nil }),
		variant("keyring", "with a keyring: sealed datagrams, TLS 1.3 links", useKeyring),
		variant("tls", "with certificates: TLS 1.3 links that both ends show one on", useCertificates),
		variant("fifo", "FIFO order, in the clear", func(c *gossip.Config) error { c.Order = gossip.FIFO; return nil }),
		variant("unordered", "no order, in the clear", func(c *gossip.Config) error { c.Order = gossip.Unordered; return nil }),
		variant("flood", "every message crosses every link, in the clear", func(c *gossip.Config) error { c.Flood = true; return nil }),
	}
}

// ourWindow: the more nodes there are the more messages it takes for each to have some to
// pass on together. With 4,096 under way messages wait for longer, and nothing is won.
func ourWindow(n, payload, origins int) int {
	return sameWindow(min(16*n, 1024))(n, payload, origins)
}

func useKeyring(c *gossip.Config) (err error) {
	c.Keyring, err = keyring.New(keyring.NewKey())
	return err
}

func useCertificates(c *gossip.Config) (err error) {
	c.TLS, err = newCertificates()
	return err
}

type ourCluster struct {
	cfg     gossip.Config // of all
	deliver Deliver
	network *transport.Network // nil: the system's
	readers sync.WaitGroup

	mu    sync.RWMutex
	nodes []*gossip.Node
}

func startOurs(n int, o Options, configure func(*gossip.Config) error, deliver Deliver) (Cluster, error) {
	c := newOurs(n, o, deliver)
	if err := configure(&c.cfg); err != nil {
		return nil, err
	}
	for i := range n {
		if err := c.start(i, 0); err != nil {
			c.Close()
			return nil, err
		}
	}
	return c, nil
}

func newOurs(n int, o Options, deliver Deliver) *ourCluster {
	c := &ourCluster{deliver: deliver}
	c.cfg = gossip.Config{
		MaxPayload: 2 * longestPayload,
		LogBytes:   o.LogBytes,
		Logger:     slog.New(slog.DiscardHandler),
	}
	if c.cfg.LogBytes == 0 {
		c.cfg.LogBytes = shareOfLogs(2<<30, n)
	}
	return c
}

// shareOfLogs is the log of one of n nodes that share so many bytes.
func shareOfLogs(all, n int) int { return min(64<<20, max(4<<20, all/n)) }

// startShare starts some of the nodes of a cluster of which other processes run the others.
// Their contact is another node's address, or else the first of them. No more than
// startsAtOnce of them wait for their first link at any time: a node that joins takes many
// times as much of the machine as one that has, and if it can't have that, nobody joins.
func startShare(s share, deliver Deliver) (*ourCluster, error) {
	c := newOurs(s.Nodes, Options{LogBytes: 4 << 20}, deliver)
	if s.InMemory {
		c.network = transport.NewNetwork(0)
	}
	ctx, cancel := context.WithTimeout(context.Background(), startPatience)
	defer cancel()
	for i := range s.Nodes + startsAtOnce {
		if i < s.Nodes {
			contact := s.Contact
			if contact == "" && i > 0 {
				contact = c.node(0).Self().Addr
			}
			if err := c.startNode(i, fmt.Sprint("n", s.First+i), contact); err != nil {
				return c, err
			}
		}
		if ready := i - startsAtOnce; ready >= 0 && (ready > 0 || s.Contact != "") {
			if err := c.node(ready).Ready(ctx); err != nil {
				return c, err
			}
		}
	}
	return c, nil
}

const (
	startsAtOnce  = 32
	startPatience = 15 * time.Minute
)

func (c *ourCluster) start(i, contact int) error {
	addr := ""
	if i > 0 {
		addr = c.node(contact).Self().Addr
	}
	return c.startNode(i, fmt.Sprint("n", i), addr)
}

// startNode starts the i-th node, whose messages count as its.
func (c *ourCluster) startNode(i int, id, contact string) error {
	cfg := c.cfg
	cfg.ID = id
	if contact != "" {
		cfg.Join = []string{contact}
	}
	node, err := c.run(i, cfg)
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.nodes = append(c.nodes, node)
	c.mu.Unlock()
	c.readers.Go(func() {
		for m := range node.Messages() {
			c.deliver(i, m.Payload)
		}
	})
	return nil
}

// run runs the i-th node, in a network in memory at an address of its own.
func (c *ourCluster) run(i int, cfg gossip.Config) (*gossip.Node, error) {
	if c.network == nil {
		return gossip.Start(context.Background(), cfg)
	}
	host := binary.BigEndian.AppendUint32(nil, 127<<24+1+uint32(i))
	at := netip.AddrPortFrom(netip.AddrFrom4([4]byte(host)), 7946)
	return gossip.StartOn(context.Background(), cfg, func(string) (transport.Transport, error) { return c.network.Listen(at) })
}

func (c *ourCluster) node(i int) *gossip.Node {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.nodes[i]
}

func (c *ourCluster) Broadcast(node int, payload []byte) error {
	_, err := c.node(node).Broadcast(context.Background(), payload)
	return err
}

func (c *ourCluster) Kill(node int)                { c.node(node).Close() }
func (c *ourCluster) Join(node, contact int) error { return c.start(node, contact) }

func (c *ourCluster) Close() {
	var closing sync.WaitGroup
	for _, n := range c.nodes {
		closing.Go(func() { n.Close() })
	}
	closing.Wait()
	c.readers.Wait()
}

// certificates are one certificate, which all nodes show, and the authority that it
// is from.
type certificates struct {
	own   tls.Certificate
	roots *x509.CertPool
}

func (c *certificates) Certificate() (*tls.Certificate, error) { return &c.own, nil }
func (c *certificates) Roots() (*x509.CertPool, error)         { return c.roots, nil }

func newCertificates() (*certificates, error) {
	authority := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "bench"},
		NotAfter:              time.Now().Add(24 * time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	root, rootKey, err := issue(authority, authority, nil)
	if err != nil {
		return nil, err
	}
	leaf, key, err := issue(&x509.Certificate{
		SerialNumber: big.NewInt(2),
		Subject:      pkix.Name{CommonName: "node"},
		NotAfter:     authority.NotAfter,
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}, root, rootKey)
	if err != nil {
		return nil, err
	}
	c := &certificates{
		own:   tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf},
		roots: x509.NewCertPool(),
	}
	c.roots.AddCert(root)
	return c, nil
}

// issue makes a certificate, signed with its own key if by is nil.
func issue(template, parent *x509.Certificate, by *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	if by == nil {
		by = key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), by)
	if err != nil {
		return nil, nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return cert, key, err
}
