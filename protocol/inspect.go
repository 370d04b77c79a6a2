package protocol

import (
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// View returns the view. It is the machine's own and changes with the next step.
func (m *Machine) View() []peer.Descriptor { return m.sampling.View() }

// AppendSample appends up to k different peers of the view, chosen uniformly.
func (m *Machine) AppendSample(dst []peer.Handle, k int) []peer.Handle {
	return m.sampling.AppendSample(dst, k)
}

// AppendLinked appends the peers that links lead to.
func (m *Machine) AppendLinked(dst []peer.Handle) []peer.Handle { return m.links.AppendPeers(dst) }

// Link is one link as it is now.
type Link struct {
	broadcast.LinkInfo
	// Eager says that messages are sent on it at once, and not announced first: it is an
	// edge of the broadcast tree, as far as this node knows.
	Eager bool
}

// AppendLinks appends the links, in the order in which their connections came.
func (m *Machine) AppendLinks(dst []Link) []Link {
	for info := range m.links.All() {
		dst = append(dst, Link{info, !m.relay.Lazy(info.ID)})
	}
	return dst
}

// Ready reports whether the node has a link.
func (m *Machine) Ready() bool { return m.links.Len() > 0 }

// Clock is the vector clock of everything delivered.
func (m *Machine) Clock() vclock.Clock { return m.buffer.Clock() }

// Handles calls mark for every identity that the machine may still name. What
// is not marked can be dropped from the driver's address book.
func (m *Machine) Handles(mark func(peer.Handle)) {
	mark(m.cfg.Self)
	m.sampling.Handles(mark)
	m.links.Handles(mark)
	m.seen.Handles(mark)
	m.relay.Handles(mark)
	m.log.Handles(mark)
	m.buffer.Handles(mark)
	m.journal.handles(mark)
	for h := range m.evidence { // the order of marks does not show
		mark(h)
	}
}

// Gauges are the sizes of everything that is bounded, now.
type Gauges struct {
	View, Links, Origins    int
	LogMessages, LogBytes   int
	HeldMessages, HeldBytes int
	// Expected is how many messages were announced, or are waited for, and have not
	// come; Lacks is of how many origins links that catch up have to remember what
	// their peers have had.
	Expected, Lacks int
}

// Gauges reads the sizes.
func (m *Machine) Gauges() Gauges {
	return Gauges{
		View: len(m.sampling.View()), Links: m.links.Len(), Origins: m.seen.Len(),
		LogMessages: m.log.Len(), LogBytes: m.log.Bytes(),
		HeldMessages: m.buffer.Len(), HeldBytes: m.buffer.Bytes(),
		Expected: m.buffer.Expected(), Lacks: m.relay.Lacks(),
	}
}

// Counters are the totals since the start.
type Counters struct {
	Delivered, Duplicates, Withheld, Forged, Stray  uint64
	Sent, SentBytes, Skipped, Repaired              uint64
	WantsServed, WantsGone, Held, Forgotten, NoRoom uint64
	Announced, Pruned, Grafted                      uint64
	Gaps, GapMessages                               uint64
	Early, Stale, Retired                           uint64
	EvictedByBytes, EvictedByAge                    uint64
	LinksAccepted, LinksRefused, LinksEvicted       uint64
	LinksLost, LinksTimedOut                        uint64
	Exchanges, ExchangesServed, ExchangesTimedOut   uint64
	Probes, PeersDropped, PeersRejoined, Repairs    uint64
	Unsolicited, Offences, Crowded, Banned          uint64
	Restored                                        uint64
}

// Counters reads the totals.
func (m *Machine) Counters() Counters {
	r, b, l, s := &m.relay.Stats, &m.buffer.Stats, &m.links.Stats, &m.sampling.Stats
	return Counters{
		Delivered: m.Stats.Delivered, Withheld: m.Stats.Withheld, Forged: m.Stats.Forged, Stray: m.Stats.Stray,
		Duplicates: r.Duplicates, Sent: r.Sent, SentBytes: r.SentBytes, Skipped: r.Skipped, Repaired: r.Repaired,
		WantsServed: r.WantsServed, WantsGone: r.WantsGone,
		Announced: r.Announced, Pruned: r.Pruned, Grafted: r.Grafted,
		Held: b.Held, Forgotten: b.Forgotten, NoRoom: b.NoRoom, Gaps: b.Gaps, GapMessages: b.GapMessages,
		Early: b.Early, Stale: b.Stale + m.Stats.Stale, Retired: m.Stats.Retired,
		EvictedByBytes: m.log.Evictions.ByBytes, EvictedByAge: m.log.Evictions.ByAge,
		LinksAccepted: l.Accepted, LinksRefused: l.Refused, LinksEvicted: l.Evicted,
		LinksLost: l.Lost, LinksTimedOut: l.TimedOut,
		Exchanges: s.Initiated, ExchangesServed: s.Served, ExchangesTimedOut: s.TimedOut,
		Probes: s.Probes, PeersDropped: s.Dropped, PeersRejoined: s.Rejoined, Repairs: m.Stats.Repairs,
		Unsolicited: s.Unsolicited, Offences: m.Stats.Offences, Crowded: l.Crowded, Banned: l.Banned,
		Restored: m.Stats.Restored,
	}
}

// Misdated counts the messages that were refused for their epochs: their origin's
// clock on the wall, or this node's, is wrong.
func (m *Machine) Misdated() uint64 { return m.buffer.Stats.Early + m.buffer.Stats.Stale }

// Started is when the machine was made, on its driver's clock.
func (m *Machine) Started() time.Duration { return m.start }
