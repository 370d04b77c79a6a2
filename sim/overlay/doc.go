// Package overlay simulates overlays of peer sampling nodes: in cycles, as the
// papers do, thousands to millions of nodes, each a view and nothing else,
// driven by the very peersampling.Engine that runs on sockets; or message by
// message, tens of thousands of nodes with all that they do on a network.
//
//	o, err := overlay.New(overlay.Config{Nodes: 10_000, Policy: peersampling.Healer(30), Start: overlay.Random})
//	for o.Cycle() < 300 {
//		o.Step()
//		fmt.Println(o.Measure(overlay.Sampling{Clustering: 1000, Paths: 100}))
//	}
//
// There are three models, and one graph that all of them measure:
//
//	exchanges in cycles    turns.go     atomic, in random order: the papers' model
//	Brahms in cycles       rounds.go    pushes and pulls of all at once
//	message by message     events.go    Config.Messages; bare.go and deployed.go are
//	                                    what nodes do
//
// # The model
//
// [Overlay.Step] is one cycle. At its start, in this order, nodes join that
// the overlay is still growing by, nodes are killed, and nodes are replaced
// (churn). Then each live node initiates exactly once, in a fresh, uniformly
// random order. An exchange is atomic. What is measured after Step is the state
// at the end of the cycle.
//
// The selected peer is a live node found in the view, by the policy's rule; a
// dead descriptor is not chosen, and not removed for being dead. A node with no
// live descriptor skips its turn, and then it does not age its view either. A
// view never holds its own node, nor a node twice.
//
// With Config.DropDead a node behaves as on a network: it does not know who is
// dead. It chooses among all descriptors; if the chosen one is dead the
// exchange fails, which is its turn, and the descriptor is removed. Ages do not
// grow in a failed exchange, except in Cyclon, where they grow before the
// request is sent. (Under push a real node would not notice; here it does.)
//
// Dead nodes stay dead, and names (handles) are never given twice: a descriptor
// of a node that left never becomes one of a node that joined later.
//
// # Brahms
//
// A policy with Samplers has no exchanges. A cycle is one round of all nodes at
// once, as in the evaluation of its paper: each pushes to and pulls from nodes of
// its view as it was at the start of the round, and then all renew their views
// and feed their samplers. What goes to dead nodes is lost. Each node probes one
// of its samples in a round, all of them in turn, and initialises the samplers
// that hold it anew if it is dead. With Config.DropDead a peer that does not
// answer a pull leaves the view and the samples as well. A handle is a peer's
// identity; all nodes' hash functions come from the seed.
//
// # Message by message
//
// With Config.Messages a cycle is a period of virtual time. A node begins an
// exchange once in it, at a time of its own; a request travels, finds a node whose
// view has changed since, and so does its reply. Messages get lost, come late, and
// overtake each other. What has been sent when the sender leaves arrives; what
// arrives at a node that has left is lost. Kills come at the start of a cycle,
// nodes that are replaced leave one by one, evenly over it, and those who replace
// them act at once.
//
// Bare nodes show what overlapping alone does to the papers' protocols: they run
// the same Engine, and where messages take no time they come to the same figures.
// Deployed nodes are peersampling.Service, the code of a real node, at a fixed
// pace. Measures, and the columns of a Row, are those of the other models. It is
// one core's work.
//
// A newcomer knows one node, here as in cycles. A Deployed one asks that node until
// it answers. If it leaves first, the newcomer has nobody to ask, and is alone for
// good; so may a second be that joined through the first.
//
// # Attackers
//
// Config.Attack makes nodes misbehave; see there. They cannot be told from others
// by what they are, and count as live nodes in all measures; but they keep no
// views, so they are known and know nobody. AttackerShare and
// SampleAttackerShare tell how far they have come.
//
// With fewer attackers than a view has places they cannot have all of it, for
// no view holds a node twice: 20 have at most two thirds of views of 30.
//
// An attacker needs no more turns than others, but answers all who turn to it.
// Its turns in a cycle follow one upon another. What it sends is made up afresh
// each time; what it receives would tell it nothing, so that a pull alone, which
// sends nothing, is no attack.
//
// # What the papers leave open
//
// Growing: when it is the first node that was killed or replaced, those who join
// later know only a dead node and stay alone. Growth ends when Nodes nodes have
// ever joined by it; it does not make up for those killed.
//
// Star: all know the first node, and the first node knows nobody, until somebody
// talks to it.
//
// Lattice: C/2 nearest on either side of the ring; with an odd C the one more is
// on the side of the successors.
//
// Views that C makes larger than the overlay hold everybody else.
//
// Fractions: a kill removes the nearest whole number of nodes, but never the
// last. Churn keeps account of the part of a node that is left over, so that
// 0.001 of 100 nodes is one in ten cycles. Those who replace others know one of
// those who were there in the cycle before and stayed.
//
// # One seed, one run
//
// Each turn draws from a generator of its own, seeded in the order of turns from
// the one that the seed of the run decides, and so does each node's part of a
// round. So what a turn does hangs only on
// the state before it, and turns that touch different nodes may be carried out
// on different cores, and are: the outcome is, to the bit, that of carrying them
// out one by one. Measuring draws from generators of its own and changes
// nothing.
//
// # Cost
//
// Memory is pointer-free: a record of 8 (C + 1) bytes per node, rounded up to
// whole cache lines, and 9 bytes beside it, and in a run with churn 4 bytes for
// every node that ever was. Measuring takes about another 40 at a million nodes
// with samples, and more when clustering or path length are exact. Nothing is
// allocated per exchange.
//
// Brahms takes two such records, 8 bytes for each sampler, 4 for each push that a
// node sends and receives, and 24 beside: with views and samples of 30 about 900
// in all. An attack takes some 14 bytes more.
//
// Message by message, with views of 30, a Bare node takes 350 bytes in all and a
// message about 1.5 µs of a core; a Deployed one 5 kB and 4 µs, most of it waiting
// for memory.
package overlay
