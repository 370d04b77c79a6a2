// Package broadcast spreads messages to every node over a few stable links.
//
// It is pure: it reads no socket, starts no goroutine and asks no clock. It
// has six ideas, a file each, which package protocol joins:
//
//   - Seen (seen.go) is the node's version vector: the exact memory, for ever,
//     of which messages it has had, in space proportional to the number of
//     origins (Parker et al. 1983).
//   - Digests (digest.go, hashtree.go) tell a peer what was had, at a cost in
//     proportion to what differs.
//   - Log (log.go) keeps the messages themselves for as long as its bounds of
//     bytes and age allow, in the order in which this node delivered them.
//   - Links (links.go) is the active view: which peers this node has a
//     symmetric stream connection with, after HyParView (Leitão, Pereira,
//     Rodrigues, DSN 2007).
//   - Relay (relay.go) moves messages over the links. Every link is a cursor
//     over the log: a link that keeps up is at its end, a slow one falls behind
//     without anything being queued for it, a new one starts at the beginning
//     and skips what its peer's digest covers. Relaying, announcing, catching up
//     and repair are therefore one mechanism.
//   - The tree (tree.go): links that often bring what others have brought before
//     are made lazy, and announce messages instead of sending them, after Plumtree
//     (Leitão, Pereira, Rodrigues, SRDS 2007). Package causal asks for what was
//     announced and does not come.
//
// Invariants, by the numbers that tests and checkers cite:
//
//	B1  A dot is delivered at most once (Seen.Mark refuses the second time).
//	B2  The log is closed downwards: when a message enters it, every message
//	    it depends on was delivered before, or was reported as a gap.
//	B3  Messages travel each link in the sender's delivery order, but for those
//	    that the peer asks for.
//	B4  A node has at most one link to a peer, none to itself, and at most
//	    LinksConfig.Max of them, after any history.
//	B5  What a link may have in flight is bounded by its window.
//	B6  A node with a link whose digest is here has one that is eager.
//	B7  What a link's peer lacks is sent or announced on it, or evicted. (A repair
//	    leaves out what links may still bring.)
//	B8  The ends of a link agree whether it is eager, but while a frame that
//	    changes that is on its way.
package broadcast
