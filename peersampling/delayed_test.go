package peersampling

import (
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// TestWhoeverIsAskedLateHasHisTime: a request that could leave only after a round trip
// of its own is not given up for that. An unknown nonce delays nothing.
func TestWhoeverIsAskedLateHasHisTime(t *testing.T) {
	n := quietNetwork(t)
	a := n.start(pushPull(8)) // which waits for a second, twice
	a.s.insert(2, true)
	a.s.insert(3, true)
	a.s.Suspect(0, 3)
	a.s.next = 0
	sent := a.s.Tick(0, 0, nil)
	var exchange, probe Packet
	for _, p := range sent {
		switch p.Kind {
		case ExchangeRequest:
			exchange = p
		case ProbeRequest:
			probe = p
		}
	}
	if exchange.Nonce == 0 || probe.Nonce == 0 {
		t.Fatalf("sent %v", sent)
	}
	a.s.Tick(time.Second, 0, nil) // both once more
	a.s.Delayed(1900*time.Millisecond, exchange.Nonce)
	a.s.Delayed(1900*time.Millisecond, probe.Nonce)
	before := a.s.state()
	if a.s.Delayed(1900*time.Millisecond, exchange.Nonce+1); a.s.state() != before {
		t.Error("an unknown nonce changes something")
	}
	a.s.Tick(2500*time.Millisecond, 0, nil)
	for _, p := range []peer.Handle{2, 3} {
		if !holds(a.s.View(), p) {
			t.Errorf("%d was dropped before it had two seconds to answer", p)
		}
	}
	a.s.Tick(3*time.Second, 0, nil)
	a.s.Tick(4*time.Second, 0, nil)
	for _, p := range []peer.Handle{exchange.Peer, probe.Peer} {
		if holds(a.s.View(), p) {
			t.Errorf("%d has not answered, and is still in the view", p)
		}
	}
}

func holds(view []peer.Descriptor, p peer.Handle) bool {
	for _, d := range view {
		if d.Peer == p {
			return true
		}
	}
	return false
}
