package main

import (
	"context"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
)

// gossipsubSystems are GossipSub of go-libp2p-pubsub with one topic. Each node dials
// six random ones, so that it has twelve connections, its D_hi, to choose its mesh from.
func gossipsubSystems() []System {
	const versions = "go-libp2p-pubsub v0.16.0 over go-libp2p v0.47.0, TCP, messages of up to 2 MiB; each node dials six"
	variant := func(variant, settings string, window func(n, payload, origins int) int, security libp2p.Option, opts func() []pubsub.Option, subscription ...pubsub.SubOpt) System {
		return System{
			Name:       "gossipsub",
			Variant:    variant,
			Settings:   versions + "; " + settings,
			MaxPayload: 2<<20 - 1024,
			Window:     window,
			Patience:   10 * time.Second,
			Start: func(n int, _ Options, d Deliver) (Cluster, error) {
				return startGossipsub(n, security, opts, subscription, d)
			},
		}
	}
	unsigned := func() []pubsub.Option {
		return []pubsub.Option{
			pubsub.WithMessageSignaturePolicy(pubsub.StrictNoSign),
			pubsub.WithNoAuthor(),
			pubsub.WithMessageIdFn(func(m *pb.Message) string { return string(m.Data[:min(len(m.Data), headerSize)]) }),
		}
	}
	tuned := func() []pubsub.Option {
		// To tell others what not to send saves bytes where these are dear, and costs time.
		params := pubsub.DefaultGossipSubParams()
		params.IDontWantMessageThreshold = 4 << 20
		return append(unsigned(), pubsub.WithPeerOutboundQueueSize(4096), pubsub.WithValidateQueueSize(4096), pubsub.WithGossipSubParams(params))
	}
	sealed := libp2p.Security(noise.ID, noise.New)
	return []System{
		variant("default", "defaults: signed, Noise", sameWindow(16), sealed, func() []pubsub.Option { return nil }),
		variant("unsigned", "Noise, StrictNoSign, the id is in the payload", sameWindow(16), sealed, unsigned),
		variant("tuned", "in the clear, unsigned, no IDONTWANT; queues of 4,096 messages for each peer, for validation and for the subscription", gossipsubWindow, libp2p.NoSecurity, tuned, pubsub.WithBufferSize(4096)),
	}
}

// gossipsubWindow is that of the tuned variant. Several origins do a fifth better yet with 4,096 under
// way, of which each takes half a minute to the last of 256 nodes.
func gossipsubWindow(n, payload, origins int) int {
	messages := 256
	if origins > 1 {
		messages = 1024
	}
	return sameWindow(messages)(n, payload, origins)
}

type gossipsubCluster struct {
	security     libp2p.Option
	opts         func() []pubsub.Option
	subscription []pubsub.SubOpt
	deliver      Deliver
	ctx          context.Context
	cancel       context.CancelFunc
	readers      sync.WaitGroup

	mu    sync.RWMutex
	nodes []*gossipsubNode
}

type gossipsubNode struct {
	host  host.Host
	topic *pubsub.Topic
	stop  context.CancelFunc
}

// gossipsubDials is how many nodes each one connects to.
const gossipsubDials = 6

func startGossipsub(n int, security libp2p.Option, opts func() []pubsub.Option, subscription []pubsub.SubOpt, deliver Deliver) (Cluster, error) {
	c := &gossipsubCluster{security: security, opts: opts, subscription: subscription, deliver: deliver}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	for i := range n {
		if err := c.start(i); err != nil {
			c.Close()
			return nil, err
		}
	}
	for i := range n {
		if err := c.connect(i, c.others(i, n)); err != nil {
			c.Close()
			return nil, err
		}
	}
	return c, nil
}

func (c *gossipsubCluster) start(i int) error {
	h, err := libp2p.New(
		libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"),
		libp2p.Transport(tcp.NewTCPTransport),
		c.security,
		libp2p.ResourceManager(&network.NullResourceManager{}),
		libp2p.DisableRelay(),
		libp2p.DisableMetrics(),
	)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(c.ctx)
	node := &gossipsubNode{host: h, stop: stop}
	c.mu.Lock()
	c.nodes = append(c.nodes, node)
	c.mu.Unlock()
	common := []pubsub.Option{
		pubsub.WithMaxMessageSize(2 << 20),
		pubsub.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))),
	}
	ps, err := pubsub.NewGossipSub(ctx, h, append(common, c.opts()...)...)
	if err != nil {
		return err
	}
	if node.topic, err = ps.Join("bench"); err != nil {
		return err
	}
	sub, err := node.topic.Subscribe(c.subscription...)
	if err != nil {
		return err
	}
	c.readers.Go(func() {
		for {
			m, err := sub.Next(ctx)
			if err != nil {
				return
			}
			c.deliver(i, m.Data)
		}
	})
	return nil
}

// others are random nodes for one of n to connect to.
func (c *gossipsubCluster) others(i, n int) (chosen []int) {
	for _, other := range rand.Perm(n) {
		if other != i && len(chosen) < gossipsubDials {
			chosen = append(chosen, other)
		}
	}
	return chosen
}

func (c *gossipsubCluster) connect(i int, others []int) error {
	for _, other := range others {
		h := c.node(other).host
		if err := c.node(i).host.Connect(c.ctx, peer.AddrInfo{ID: h.ID(), Addrs: h.Addrs()}); err != nil {
			return err
		}
	}
	return nil
}

func (c *gossipsubCluster) node(i int) *gossipsubNode {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.nodes[i]
}

func (c *gossipsubCluster) Broadcast(node int, payload []byte) error {
	return c.node(node).topic.Publish(c.ctx, slices.Clone(payload))
}

func (c *gossipsubCluster) Kill(node int) {
	n := c.node(node)
	n.host.Close()
	n.stop()
}

// Join connects to the contact and to five more that live: whoever joins a network of
// libp2p is told of others, by a discovery service that is not measured here.
func (c *gossipsubCluster) Join(node, contact int) error {
	if err := c.start(node); err != nil {
		return err
	}
	others := []int{contact}
	for _, other := range c.others(contact, node) {
		if len(others) < gossipsubDials && c.node(other).host.Network().ListenAddresses() != nil {
			others = append(others, other)
		}
	}
	return c.connect(node, others)
}

func (c *gossipsubCluster) Close() {
	c.cancel()
	var closing sync.WaitGroup
	for _, n := range c.nodes {
		closing.Go(func() { n.host.Close() })
	}
	closing.Wait()
	c.readers.Wait()
}
