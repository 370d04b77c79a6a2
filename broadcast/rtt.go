package broadcast

import "time"

// rtt is how long it takes on one connection until what is said is answered. Nothing is
// said for its sake: the request for the link and its answer, with what the asker says
// next, are two such ways, one for each end, and later a PING and its PONG, which are rare
// on a link that is in use. So it is as old as the last of them, it holds what either end
// did before it got round to answering, and it is the peer's word: it may answer late, or
// say PONG of its own accord (signs) just before the question comes.
type rtt struct {
	asked   time.Duration // the question that is not answered yet; 0 if there is none
	expects FrameKind     // the answer; 0 if whatever comes next is
	last    time.Duration
}

func (r *rtt) said(now time.Duration, kind FrameKind) {
	switch kind {
	case Neighbor:
		r.asked, r.expects = now, NeighborReply
	case NeighborReply: // a yes, or nothing will follow
		r.asked, r.expects = now, 0
	case Ping:
		r.asked, r.expects = now, Pong
	}
}

func (r *rtt) heard(now time.Duration, kind FrameKind) {
	if r.asked > 0 && (r.expects == 0 || r.expects == kind) {
		r.last, r.asked = now-r.asked, 0
	}
}
