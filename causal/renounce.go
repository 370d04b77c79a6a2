package causal

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// Renounce gives up a message that is there and must not be delivered, with all that
// its origin has broadcast before it: to whoever waits for any of that, it is a gap.
func (b *Buffer) Renounce(now time.Duration, m *broadcast.Message) {
	d := m.Dot
	if !isDot(d) || b.seen.Has(d) {
		return
	}
	for _, h := range b.heldBefore(d) {
		b.discard(h)
	}
	if h := b.held[d]; h != nil {
		b.discard(h)
	}
	known := b.isRemembered(now, m.Born)
	gaps, skipped := b.giveUp(d.Origin, d.Seq, m.Born, known, b.skipped)
	if b.skipped = gaps; known {
		b.Stats.GapMessages += skipped
	}
	b.wants.remove(want{dot: d}) // that nothing waits for, but that was announced
	b.drain(now)
}

// discard drops a message that is held back, and not what waits for it.
func (b *Buffer) discard(h *held) {
	b.Stats.Forgotten++
	delete(b.held, h.msg.Dot)
	b.bytes -= h.size
	b.waits -= h.missing
	b.stopWaiting(h)
}

// RenounceAll gives up what is held back of the origins that are banned.
func (b *Buffer) RenounceAll(now time.Duration, banned func(peer.Handle) bool) {
	newest := make(map[peer.Handle]*held)
	for d, h := range b.held { // a maximum: the order does not show
		if n := newest[d.Origin]; banned(d.Origin) && (n == nil || n.msg.Dot.Seq < d.Seq) {
			newest[d.Origin] = h
		}
	}
	list := slices.SortedFunc(maps.Values(newest), func(x, y *held) int { return cmp.Compare(x.arrival, y.arrival) })
	for _, h := range list {
		b.Renounce(now, h.msg)
	}
}
