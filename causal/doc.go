// Package causal decides when a message may be delivered and works out its
// exact vector clock. It is pure, like everything below the runtime.
//
// Every message names its direct dependencies: the heads of the causal history
// that its origin had delivered, that is the delivered messages on which no
// other delivered message depends (Prakash, Raynal, Singhal 1997). A receiver
// delivers a message once its dependencies are delivered, and holds it back,
// asking for what is missing, until then. So what travels with a message grows
// with concurrency and not with the number of nodes, and the full clock is the
// least upper bound of the dependencies' clocks plus the message itself.
//
// Invariants, by the numbers that tests and checkers cite:
//
//	C1  No message is delivered before one it depends on, unless that one was
//	    reported as a gap.
//	C2  A message's clock counts exactly its causal past and itself.
//	C3  The heads are pairwise concurrent, and their clocks' least upper bound
//	    is the node's clock (but for gaps, whose clocks nobody has).
//	C4  What is held back is bounded; a message that finds no room, or whose
//	    dependencies nobody can tell anything of, is forgotten as if it had
//	    never come, and comes again by reconciliation.
//	C5  Nothing waits for ever for a message that can no longer be had.
package causal
