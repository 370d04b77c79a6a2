package protocol

import (
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// leave is the state of a departure: a node may go once a neighbour has
// confirmed that it has delivered the last message the node broadcast, and with
// it, in FIFO and causal order, all the others. That the socket has taken them
// would not be enough: the neighbour may just have given the link up.
type leave struct {
	begun     bool
	confirmed uint64        // of this node's own messages, up to this one
	next      time.Duration // when to ask again
}

// confirmEvery is how often a leaving node asks its neighbours whether they have
// everything: they do as soon as they have read what the links were sent.
const confirmEvery = 20 * time.Millisecond

// deadline is when to ask again. Before the first time there is nothing to wait
// for but the links, which step the machine.
func (l *leave) deadline(now time.Duration) time.Duration {
	if l.begun && l.next > now {
		return l.next
	}
	return broadcast.Never
}

// Leave begins a departure: Drained tells when it may be ended by Disconnect.
// Until then the node goes on as before, and finds new neighbours if it loses
// those it has.
func (m *Machine) Leave(now time.Duration, out *Outbox) {
	m.begin(now, out)
	m.leave.begun = true
	m.settle(now, out)
}

// Drained reports whether leaving loses nothing: a neighbour has delivered all
// that this node broadcast, or there is nothing, or nobody was ever to be found.
func (m *Machine) Drained() bool {
	return m.leave.confirmed >= m.seen.Contiguous(m.cfg.Self) || m.alone()
}

// alone reports whether the node knows nobody and has no address to try.
func (m *Machine) alone() bool {
	return len(m.sampling.View()) == 0 && !m.sampling.HasSeeds() && m.links.Empty()
}

// maybeConfirm asks the neighbours that have been sent everything whether they
// have delivered it.
func (m *Machine) maybeConfirm(now time.Duration, out *Outbox) {
	if !m.leave.begun || now < m.leave.next || m.Drained() {
		return
	}
	last := peer.Dot{Origin: m.cfg.Self, Seq: m.seen.Contiguous(m.cfg.Self)}
	m.linkIDs = m.relay.AppendIdle(m.linkIDs[:0])
	for _, link := range m.linkIDs {
		m.leave.next = now + confirmEvery
		out.Links.Sends = append(out.Links.Sends, broadcast.Send{Link: link, Frame: broadcast.Frame{
			Kind: broadcast.Want, Wants: []broadcast.WantEntry{{Dot: last, Check: true}},
		}})
	}
}

// handleGone takes what a peer answers to a want.
func (m *Machine) handleGone(now time.Duration, link broadcast.LinkID, g broadcast.GoneEntry) {
	if g.Dot.Origin != m.cfg.Self {
		m.buffer.Denied(now, link, g)
	} else if g.UpTo >= g.Dot.Seq && g.Dot.Seq <= m.buffer.Made() {
		m.leave.confirmed = max(m.leave.confirmed, g.Dot.Seq)
	}
}

// Disconnect ends all links in good order and lets nobody in any more.
func (m *Machine) Disconnect(now time.Duration, out *Outbox) {
	m.begin(now, out)
	m.links.Leave()
	m.links.Disconnect(now, &out.Links)
	m.settle(now, out)
}
