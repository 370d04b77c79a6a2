package sim

import "slices"

// stepped checks P5, and P7 of what the machine holds.
func (o *Oracle) stepped(n *Node) {
	o.linked = n.Machine.AppendLinked(o.linked[:0])
	slices.Sort(o.linked)
	for i, h := range o.linked {
		if h == n.Handle {
			o.violated(5, "%v has a link to itself", n.ID)
		}
		if i > 0 && o.linked[i-1] == h {
			o.violated(5, "%v has two links to %v", n.ID, o.w.node(h).ID)
		}
	}
	if len(o.linked) > n.cfg.Links.Max {
		o.violated(5, "%v has %d links, more than the %d configured", n.ID, len(o.linked), n.cfg.Links.Max)
	}
	g := n.Machine.Gauges()
	if g.LogMessages > 1 { // the newest stays, whatever it is charged
		o.within(n, "bytes in its log", g.LogBytes, n.cfg.Log.Bytes)
	}
	o.within(n, "bytes held back", g.HeldBytes, n.cfg.HoldBytes)
	o.within(n, "origins", g.Origins, n.cfg.Origins)
	o.within(n, "peers in its view", g.View, n.cfg.Sampling.Policy.C)
}

// sending checks P7 of what a connection has in flight, which the world counts
// itself.
func (o *Oracle) sending(e *end) {
	const announcement = 32 // what one is charged (Frame.Cost)
	r := e.node.cfg.Relay
	frame := max(o.largest, announcement*r.Wants)
	o.within(e.node, "bytes in flight on a link", e.inflight, 4*r.Window+frame)
}

func (o *Oracle) within(n *Node, what string, is, most int) {
	if is > most {
		o.violated(7, "%v has %d %s, more than %d", n.ID, is, what, most)
	}
}

// traffic counts what was sent, by kind, and if there is a codec its bytes.
type traffic struct {
	frames, packets          [256]int
	frameBytes, packetBytes  [256]int
	payloadBytes, orderBytes int // of the frames that bring messages
}

// since is what came after an earlier count.
func (t traffic) since(before traffic) traffic {
	for k := range t.frames {
		t.frames[k] -= before.frames[k]
		t.packets[k] -= before.packets[k]
	}
	return t
}
