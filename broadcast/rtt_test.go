package broadcast

import (
	"testing"
	"time"
)

// TestRoundTrips: each end of a link knows how long an answer takes from what the two say
// anyway.
func TestRoundTrips(t *testing.T) {
	type step struct {
		at    time.Duration
		says  bool
		kind  FrameKind
		known time.Duration // afterwards
	}
	const ms = time.Millisecond
	for _, tt := range []struct {
		why   string
		steps []step
	}{
		{"who asks for a link knows it from the answer", []step{
			{10 * ms, true, Neighbor, 0}, {12 * ms, false, NeighborReply, 2 * ms}, {13 * ms, false, Digest, 2 * ms}}},
		{"who is asked, from what the asker says next", []step{
			{10 * ms, false, Neighbor, 0}, {10 * ms, true, NeighborReply, 0}, {10 * ms, true, Digest, 0}, {13 * ms, false, Digest, 3 * ms}, {20 * ms, false, Data, 3 * ms}}},
		{"later, from a ping, whatever comes in between", []step{
			{10 * ms, true, Ping, 0}, {11 * ms, false, Data, 0}, {12 * ms, false, IHave, 0}, {14 * ms, false, Pong, 4 * ms}}},
		{"a sign of life that nobody asked for says nothing", []step{
			{10 * ms, true, Data, 0}, {14 * ms, false, Pong, 0}}},
		{"the last answer counts", []step{
			{10 * ms, true, Ping, 0}, {11 * ms, false, Pong, ms}, {20 * ms, true, Ping, ms}, {25 * ms, false, Pong, 5 * ms}}},
		{"what is never answered is never known", []step{{10 * ms, true, Ping, 0}, {time.Minute, false, Data, 0}}},
	} {
		var r rtt
		for i, s := range tt.steps {
			if s.says {
				r.said(s.at, s.kind)
			} else {
				r.heard(s.at, s.kind)
			}
			if r.last != s.known {
				t.Errorf("%s: after step %d it is %v, want %v", tt.why, i, r.last, s.known)
			}
		}
	}
}
