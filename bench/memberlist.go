package main

import (
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

// memberlistSystems are hashicorp/memberlist with broadcasts as its users make them:
// a Delegate over a TransmitLimitedQueue, in which each node also puts what it hears
// for the first time.
func memberlistSystems() []System {
	lan := System{
		Name:       "memberlist",
		Variant:    "default",
		Settings:   "v0.7.0, DefaultLANConfig, TransmitLimitedQueue with its RetransmitMult",
		MaxPayload: 1300, // what fits into a packet of UDPBufferSize
		Window:     sameWindow(16),
		Patience:   15 * time.Second,
		Start: func(n int, _ Options, d Deliver) (Cluster, error) {
			return startMemberlist(n, func(*memberlist.Config) {}, d)
		},
	}
	tuned := lan
	tuned.Variant = "tuned"
	tuned.Settings = "v0.7.0, gossip to 4 nodes every 10 ms (20 ms with 256 nodes, and so on: the cores must keep up) in packets of up to 60,000 B, no compression, a queue of 65,536 packets to handle; probes every 5 s, 3 s to answer, SuspicionMult 20"
	tuned.MaxPayload = 59_000
	tuned.Window = sameWindow(1024)
	tuned.Patience = 3 * time.Second
	tuned.Start = func(n int, _ Options, d Deliver) (Cluster, error) {
		return startMemberlist(n, func(c *memberlist.Config) { tuneMemberlist(c, n) }, d)
	}
	return []System{lan, tuned}
}

func tuneMemberlist(c *memberlist.Config, nodes int) {
	c.GossipInterval = max(10*time.Millisecond, time.Duration(nodes)*78*time.Microsecond)
	c.GossipNodes = 4
	c.UDPBufferSize = 60_000
	c.EnableCompression = false
	c.HandoffQueueDepth = 1 << 16
	// A node that is slow because it shares its cores with hundreds is not dead.
	c.ProbeInterval, c.ProbeTimeout, c.SuspicionMult = 5*time.Second, 3*time.Second, 20
}

type memberlistCluster struct {
	tune    func(*memberlist.Config)
	deliver Deliver

	mu    sync.RWMutex
	nodes []*memberlistNode
}

// memberlistNode is a member and its Delegate.
type memberlistNode struct {
	index   int
	list    *memberlist.Memberlist
	queue   memberlist.TransmitLimitedQueue
	deliver Deliver
	seen    recent
	dead    sync.Once
}

func startMemberlist(n int, tune func(*memberlist.Config), deliver Deliver) (Cluster, error) {
	return joined(&memberlistCluster{tune: tune, deliver: deliver}, n)
}

func (c *memberlistCluster) Join(i, contact int) error {
	cfg := memberlist.DefaultLANConfig()
	cfg.Name = fmt.Sprint("n", i)
	cfg.BindAddr, cfg.BindPort, cfg.AdvertisePort = "127.0.0.1", 0, 0
	cfg.LogOutput = io.Discard
	c.tune(cfg)
	node := &memberlistNode{index: i, deliver: c.deliver}
	cfg.Delegate = node
	members := func() int { return 1 }
	node.queue = memberlist.TransmitLimitedQueue{RetransmitMult: cfg.RetransmitMult, NumNodes: func() int { return members() }}
	list, err := memberlist.Create(cfg)
	if err != nil {
		return err
	}
	node.list = list
	members = list.NumMembers
	c.mu.Lock()
	c.nodes = append(c.nodes, node)
	c.mu.Unlock()
	if i == 0 {
		return nil
	}
	at := c.node(contact).list.LocalNode()
	for range 5 { // on a busy machine it may not get all of the state within its TCPTimeout
		if _, err = list.Join([]string{net.JoinHostPort(at.Addr.String(), strconv.Itoa(int(at.Port)))}); err == nil {
			return nil
		}
	}
	return err
}

func (c *memberlistCluster) node(i int) *memberlistNode {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.nodes[i]
}

func (c *memberlistCluster) Broadcast(node int, payload []byte) error {
	c.node(node).hear(payload, false)
	return nil
}

func (c *memberlistCluster) Kill(node int) { c.node(node).kill() }

func (n *memberlistNode) kill() { n.dead.Do(func() { n.list.Shutdown() }) }

func (c *memberlistCluster) Close() {
	var closing sync.WaitGroup
	for _, n := range c.nodes {
		closing.Go(n.kill)
	}
	closing.Wait()
}

// hear takes a message that is new, and has it passed on.
func (n *memberlistNode) hear(b []byte, deliver bool) {
	if !n.seen.add(messageID(b)) {
		return
	}
	if deliver {
		n.deliver(n.index, b)
	}
	n.queue.QueueBroadcast(memberlistMessage(slices.Clone(b)))
}

func (n *memberlistNode) NotifyMsg(b []byte) { n.hear(b, true) }
func (n *memberlistNode) GetBroadcasts(overhead, limit int) [][]byte {
	return n.queue.GetBroadcasts(overhead, limit)
}
func (n *memberlistNode) NodeMeta(int) []byte           { return nil }
func (n *memberlistNode) LocalState(bool) []byte        { return nil }
func (n *memberlistNode) MergeRemoteState([]byte, bool) {}

// memberlistMessage is a broadcast that nothing replaces.
type memberlistMessage []byte

func (m memberlistMessage) Message() []byte                       { return m }
func (m memberlistMessage) Invalidates(memberlist.Broadcast) bool { return false }
func (m memberlistMessage) UniqueBroadcast()                      {}
func (m memberlistMessage) Finished()                             {}

// recent remembers which messages a node has had: the last 65,536.
type recent struct {
	mu   sync.Mutex
	ids  map[uint64]struct{}
	ring []uint64
	next int
}

// add reports whether the id is new.
func (r *recent) add(id uint64) bool {
	const most = 1 << 16
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, had := r.ids[id]; had {
		return false
	}
	if r.ids == nil {
		r.ids = make(map[uint64]struct{})
	}
	r.ids[id] = struct{}{}
	if len(r.ring) < most {
		r.ring = append(r.ring, id)
		return true
	}
	delete(r.ids, r.ring[r.next])
	r.ring[r.next] = id
	r.next = (r.next + 1) % most
	return true
}
