package main

import (
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/serf/serf"
)

// serfSystems are user events of hashicorp/serf.
func serfSystems() []System {
	return []System{{
		Name:       "serf",
		Variant:    "default",
		Settings:   "v0.11.0, defaults; user events of up to 9 KiB are allowed, and are not coalesced",
		MaxPayload: 1250, // what fits into a packet of memberlist's UDPBufferSize
		Window:     sameWindow(16),
		Patience:   15 * time.Second,
		Start:      startSerf,
	}}
}

type serfCluster struct {
	deliver Deliver
	stopped chan struct{}
	readers sync.WaitGroup

	mu    sync.RWMutex
	nodes []*serf.Serf
}

func startSerf(n int, _ Options, deliver Deliver) (Cluster, error) {
	return joined(&serfCluster{deliver: deliver, stopped: make(chan struct{})}, n)
}

func (c *serfCluster) Join(i, contact int) error {
	cfg := serf.DefaultConfig()
	cfg.NodeName = fmt.Sprint("n", i)
	cfg.LogOutput = io.Discard
	cfg.UserEventSizeLimit = serf.UserEventSizeLimit
	cfg.MemberlistConfig.BindAddr = "127.0.0.1"
	cfg.MemberlistConfig.BindPort, cfg.MemberlistConfig.AdvertisePort = 0, 0
	cfg.MemberlistConfig.LogOutput = io.Discard
	events := make(chan serf.Event, 1024)
	cfg.EventCh = events
	node, err := serf.Create(cfg)
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.nodes = append(c.nodes, node)
	c.mu.Unlock()
	c.readers.Go(func() { c.read(i, events) })
	if i == 0 {
		return nil
	}
	at := c.node(contact).LocalMember()
	_, err = node.Join([]string{net.JoinHostPort(at.Addr.String(), strconv.Itoa(int(at.Port)))}, true)
	return err
}

func (c *serfCluster) read(i int, events <-chan serf.Event) {
	for {
		select {
		case e := <-events:
			if e, ok := e.(serf.UserEvent); ok {
				c.deliver(i, e.Payload)
			}
		case <-c.stopped:
			return
		}
	}
}

func (c *serfCluster) node(i int) *serf.Serf {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.nodes[i]
}

func (c *serfCluster) Broadcast(node int, payload []byte) error {
	return c.node(node).UserEvent("e", slices.Clone(payload), false)
}

func (c *serfCluster) Kill(node int) { c.node(node).Shutdown() }

func (c *serfCluster) Close() {
	var closing sync.WaitGroup
	for _, n := range c.nodes {
		closing.Go(func() { n.Shutdown() })
	}
	closing.Wait()
	close(c.stopped)
	c.readers.Wait()
}
