package gossip

import (
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
)

// Over real sockets: pushes, padded pulls and their answers are datagrams like
// those of any exchange, and on the sample go links, messages and all else. A
// node that joins late gets everything, one that dies takes nothing along.
func TestNodesOverBrahms(t *testing.T) {
	ctx := within(t, 2*time.Minute)
	net := newNetwork(t)
	cfg := Config{Sampling: peersampling.Brahms(8)}
	net.grow(16, cfg)
	net.ready(ctx)
	net.chatter(ctx, net.members, 100)
	net.members[5].kill()
	net.add(cfg)
	net.ready(ctx)
	net.chatter(ctx, net.up(), 100)
	mustBeRight(t, net.settled(ctx, 100))
	sampled := 0
	for _, m := range net.up() {
		sampled += len(m.Sample(8))
		if s := m.Stats(); s.Exchanges == 0 {
			t.Errorf("%v has had no answer to a pull", m.Self())
		}
	}
	if sampled < len(net.up()) {
		t.Errorf("%d samples at %d nodes", sampled, len(net.up()))
	}
}
