package sim

import (
	"fmt"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
	"github.com/Ishan27gOrg/gossipProtocol/protocol"
)

func byRounds(c *protocol.Config) {
	c.Sampling = peersampling.DefaultServiceConfig(peersampling.Brahms(10))
}

// The promises hold whoever samples the peers: the same scenarios over Brahms.
func TestPromisesHoldOverBrahms(t *testing.T) {
	for seed := range fewer(20) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			t.Parallel()
			runFaults(t, uint64(2000+seed), func(s *Scenario) { s.Policy, s.View = "brahms", 10 })
		})
	}
}

// Through one contact, which all push to at the same time: everybody is soon in
// somebody's view, but for the few that a view of ten passes over at the moment, and
// sampled by somebody, and nobody stands out.
func TestSixtyNodesOfBrahmsThroughOneContact(t *testing.T) {
	w := NewWorld(3)
	w.Configure = byRounds
	w.Faults = Faults{Latency: 5 * time.Millisecond, Jitter: 20 * time.Millisecond, Loss: 0.05}
	nodes := grow(w, 60)
	if !w.RunUntil(20*time.Second, func() bool { return allReady(nodes) }) {
		t.Fatal("not all ready after 20 s")
	}
	w.Run(time.Minute)
	known, sampled := map[peer.Handle]int{}, map[peer.Handle]int{}
	for _, n := range nodes {
		for _, d := range n.Machine.View() {
			known[d.Peer]++
		}
		for _, p := range n.Machine.AppendSample(nil, 10) {
			sampled[p]++
		}
	}
	if len(known) < len(nodes)-3 || len(sampled) < len(nodes)-10 {
		t.Errorf("%d are known and %d sampled, of %d", len(known), len(sampled), len(nodes))
	}
	for p, n := range known {
		if n > 30 {
			t.Errorf("%d of 60 views hold %d", n, p)
		}
	}
	chatter(w, nodes, 100, 5*time.Millisecond)
	checked(t, w, nodes)
	if w.Oracle.Sent() < 100 {
		t.Errorf("%d messages were sent", w.Oracle.Sent())
	}
}
