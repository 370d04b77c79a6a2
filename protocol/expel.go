package protocol

import (
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// Expel takes the driver's word that a peer is not to be talked to: it is out of the
// view, and not looked for. That nobody else brings it back is for the driver to see to.
func (m *Machine) Expel(now time.Duration, p peer.Handle, out *Outbox) {
	m.begin(now, out)
	m.sampling.Departed(now, p)
	m.settle(now, out)
}

// Refuse takes a message from a link that must never be delivered here, since the
// driver does not take its origin's word any more. Whoever waits for it, or for an
// earlier one of that origin, has a gap.
func (m *Machine) Refuse(now time.Duration, link broadcast.LinkID, msg *broadcast.Message, out *Outbox) {
	m.begin(now, out)
	m.links.Heard(now, link, broadcast.Data, &out.Links)
	if m.relay.Has(link) && msg.Dot.Origin != m.cfg.Self {
		m.buffer.Renounce(now, msg)
		m.proveMessage(msg)
	}
	m.settle(now, out)
}

// Banish refuses what is held back of the origins that are banned.
func (m *Machine) Banish(now time.Duration, banned func(peer.Handle) bool, out *Outbox) {
	m.begin(now, out)
	m.buffer.RenounceAll(now, banned)
	m.settle(now, out)
}
