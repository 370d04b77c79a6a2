package protocol

import (
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// TestWhoMayHaveMessagesRefused: a message of somebody who does not belong is a gap if a
// link brings it. A connection that is none has nobody take note of it; and what this node
// has made itself nobody can have it give up.
func TestWhoMayHaveMessagesRefused(t *testing.T) {
	const banned = 7
	n := victim(t)
	n.Connected(n.l.now, 2, 3, false, &n.out) // which has asked for nothing
	for _, tc := range []struct {
		why  string
		link broadcast.LinkID
		dot  peer.Dot
		gaps uint64
	}{
		{"no connection", 9, peer.Dot{Origin: banned, Seq: 2}, 0},
		{"no link", 2, peer.Dot{Origin: banned, Seq: 2}, 0},
		{"its own", 1, peer.Dot{Origin: n.h, Seq: 5}, 0},
		{"a link", 1, peer.Dot{Origin: banned, Seq: 2}, 2},
		{"again", 1, peer.Dot{Origin: banned, Seq: 2}, 2},
	} {
		n.out.Reset()
		n.Refuse(n.l.now, tc.link, &broadcast.Message{Dot: tc.dot, Born: time.Hour}, &n.out)
		if got := n.Counters().GapMessages; got != tc.gaps || n.seen.Contiguous(n.h) != 2 || n.Stats.Delivered != 2 {
			t.Errorf("%s: %d messages are gaps, want %d; of its own it has had %d", tc.why, got, tc.gaps, n.seen.Contiguous(n.h))
		}
	}
	if got := n.seen.Contiguous(banned); got != 2 {
		t.Errorf("%d count as had, want 2", got)
	}
}
