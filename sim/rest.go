package sim

import (
	"fmt"
	"strings"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

const (
	// settling is how long after the last delivery somebody may still ask for what
	// cannot be had: longer than protocol.Config.GiveUp. Then the world is watched.
	settling = 45 * time.Second
	watched  = 20 * time.Second
	// calming is how long after the faults links and views may take to find their
	// rest. Two hundred nodes that were cut in two take a hundred seconds.
	calming = 4 * time.Minute
	// restFrames and restPackets are what a node may send in a second of rest, on
	// average. Five links that are pinged every fifteen seconds come to 0.3 frames,
	// and exchanges and probes to 0.5 datagrams, or 1.9 under Brahms; the rest is for
	// links that are still being looked for, or are changed now and then.
	restFrames, restPackets = 2, 3
)

// parts counts the networks that the links make of nodes. Both ends must know of
// a link.
func (o *Oracle) parts(nodes []*Node) int {
	links := make(map[peer.Handle][]peer.Handle, len(nodes))
	for _, n := range nodes {
		links[n.Handle] = n.Machine.AppendLinked(nil)
	}
	known := func(from, to peer.Handle) bool {
		for _, h := range links[to] {
			if h == from {
				return true
			}
		}
		return false
	}
	parts := 0
	met := make(map[peer.Handle]bool, len(nodes))
	for _, n := range nodes {
		if met[n.Handle] {
			continue
		}
		parts++
		met[n.Handle] = true
		for next := []peer.Handle{n.Handle}; len(next) > 0; next = next[1:] {
			for _, h := range links[next[0]] {
				if !met[h] && known(next[0], h) {
					met[h] = true
					next = append(next, h)
				}
			}
		}
	}
	return parts
}

// connected checks P8.
func (o *Oracle) connected(nodes []*Node) {
	if parts := o.parts(nodes); parts > 1 {
		o.violated(8, "the links make %d networks of %d nodes", parts, len(nodes))
	}
}

// rested checks P9 of what moves messages, by what was sent while the world was
// watched.
func (o *Oracle) rested(sent traffic, nodes []*Node) {
	moved := sent.frames[broadcast.Data] + sent.frames[broadcast.IHave] + sent.frames[broadcast.Want] + sent.frames[broadcast.Gone]
	// Where links still come and go, the tree may be mended: who has lost a branch grafts
	// its lazy links, three of five on average, and so does who was at the other end.
	mended := sent.frames[broadcast.Graft] + sent.frames[broadcast.Prune]
	mayMend := 6 * (sent.frames[broadcast.NeighborReply] + sent.frames[broadcast.Disconnect])
	if moved > 0 || mended > mayMend {
		o.restless(sent, nodes)
	}
}

// calm reports whether little was sent while the world was watched, and checks P9
// of it if the faults are over for long enough.
func (o *Oracle) calm(sent traffic, nodes []*Node, since time.Duration) bool {
	frames, packets := 0, 0
	for k := range sent.frames {
		frames += sent.frames[k]
		packets += sent.packets[k]
	}
	each := float64(len(nodes)) * watched.Seconds()
	calm := float64(frames) <= restFrames*each && float64(packets) <= restPackets*each
	if !calm && since >= calming {
		o.restless(sent, nodes)
		return true // for all that will come of it
	}
	return calm
}

func (o *Oracle) restless(sent traffic, nodes []*Node) {
	o.violated(9, "%d nodes, with nothing to say, sent within %v: %v", len(nodes), watched, sent)
}

// String tells what was sent, and how often.
func (t traffic) String() string {
	var kinds []string
	for _, k := range t.byKind() {
		kinds = append(kinds, fmt.Sprintf("%d %s", k.Sent, k.Kind))
	}
	return strings.Join(kinds, ", ")
}
