// Package peersampling keeps, on every node, a small and always changing
// random sample of the network: its view. It is the peer sampling service of
// Jelasity et al., in both of its published forms, and Cyclon.
//
//	TOCS 2007         Jelasity, Voulgaris, Guerraoui, Kermarrec, van Steen:
//	                  Gossip-based Peer Sampling. ACM TOCS 25(3).
//	Middleware 2004   Jelasity, Guerraoui, Kermarrec, van Steen:
//	                  The Peer Sampling Service.
//	Cyclon            Voulgaris, Gavidia, van Steen: CYCLON: Inexpensive
//	                  Membership Management for Unstructured P2P Overlays.
//	                  Journal of Network and Systems Management 13(2), 2005.
//
// A [Policy] is a point of the papers' design space. An [Engine] carries it
// out, on views that its caller owns:
//
//	        active thread (self)                    passive thread (other)
//
//	to := SelectPeer(view)
//	sent, view = Request(view) ──── sent ─────▶ received
//	                                            reply, view = Reply(view)
//	received ◀──────────────────── reply ────── view = Merge(view, received, reply)
//	view = Merge(view, received, sent)          Age(view)
//	Age(view)
//
// [Engine.Exchange] is all of it at once, for simulators where an exchange is
// atomic. On a network each half runs when its message is there, and a view
// may change between Request and Merge; Merge is told what was sent for that
// reason. Under Push there is no reply, under Pull the request is empty; a
// Merge of nothing changes nothing, so a driver need not tell them apart.
//
// Everything here is pure: no clock, no socket, no goroutine, randomness is
// handed in, and the same draws give the same views.
//
// # What the papers leave open
//
// What we chose, why, and what difference it makes. The figures are in-degree
// standard deviations, 10^4 nodes, c = 30, 300 cycles of atomic push-pull
// exchanges.
//
// Ties. Which of two descriptors of one age is the older is decided at random,
// in choosing a peer, in keeping the H oldest back and in removing them; the
// order of the view has no say. A tie-break by place would not be neutral: if
// the first of the equals in a permuted view are moved to its end, whatever is
// not oldest moves up and is sent more often than chance would have it. (The
// 2004 framework is about ordered lists: see "Hop counts".)
//
// The place of a duplicate, and what was just sent. When the buffer holds
// younger news of a peer, the old descriptor goes and the new one stays where it
// was appended, as removing an item from a list does. If self has sent the old
// one in this exchange, the new one goes all the same when removeHead takes what
// was just sent: it is the peer that was given away. It matters because the
// partner itself is always such a duplicate; half of the time the initiator
// gives its partner away. Sparing what came back younger keeps partners in each
// other's views: 58.8 neighbours in the undirected graph instead of 59.3 (of 60
// possible) under swapper, and the dead are forgotten twice as fast (3.0 dead
// links per view 50 cycles after half of the nodes are gone instead of 6.6,
// tail). Standard deviations would be 4.0 instead of 4.1 (rand, swapper), 3.9
// instead of 3.6 (tail, swapper), 5.1 instead of 5.9 (rand, H=1, S=14);
// clustering .0067 instead of .0063. Blind and healer do not notice. Putting the
// younger into the place of the older comes to the same under PushPull; under
// Push, where the head goes and not what was sent, it halves the share of
// overlays that fall apart while they grow (rand, swapper). Independent programs
// have measured 59.3, 6.5, 5.8, 43 % and, which is not met, 4.0, 3.9 and .0067:
// no reading that we tried meets all.
//
// Equal duplicates. Of two descriptors of one peer and one age the one in the
// view stays.
//
// Odd c. All halves are rounded down, so c = 7 sends 3 descriptors, its own
// among them, and allows H + S up to 3.
//
// S = c/2. Only c/2 - 1 of the view were sent. The listing's removeHead goes
// on with the next descriptor of the permuted view, and so does Merge.
//
// Swapping without having sent. In the passive thread under Push, and the
// active one under Pull, select() removes the head of a view that was not
// permuted for the occasion. We follow the listing: the order of the list is
// kept through every removal, and its head goes. Under PushPull, where nobody
// could see it, only the first c/2 places are permuted.
//
// Swapping what was sent a while ago. On a network the view may have changed
// since. Merge removes those that were sent, in that order, if the view still
// holds them; then it goes on with the head.
//
// Who ages. Both threads, once at the end of each exchange, whatever was
// received, as in the listing. A node that nobody chooses ages its view once
// a cycle, one that k others choose k + 1 times. Ages stop at the highest
// number, they never wrap to fresh.
//
// An empty view. SelectPeer returns false and the node skips its turn. Asked,
// it answers with its own descriptor alone, and in Cyclon, where the receiver
// does not send its own, with nothing.
//
// # Hop counts
//
// The 2004 listing lets hop counts grow only on the way: "increaseHopCount
// (view_p)". What is stored with a low count is then never evicted under head
// view selection, and the overlay freezes into mutual pairs: in-degree 0.8, as
// even as no random graph, undirected degree 30.2 instead of 53 (1.8 and 31.5
// where each partner breaks ties for itself). By default
// everything that is merged grows by one hop, and both partners enter the
// other's view at 0, as in the experiments of the authors. LiteralHops is the
// literal reading, for those who want to see it freeze. There, too, the
// partner enters at 0 and not at the 1 that the listing would give it: with 1,
// a view that starts at hop 0 never changes at all, and what freezes is
// whatever the overlay was at the start.
//
// A pull of nothing grows no hops: the passive side under Pull merges nothing
// and keeps its view.
//
// A view is a list in the order of its hop counts, and merging is the merging of
// two ordered lists. Where hop counts are equal the lists take turns, a coin
// decides which begins; and the order stays, so that the tail, the last of the
// list, is one among several of its hop count that is not drawn anew. In an
// atomic exchange both partners have the same two lists, and one coin decides
// for both: they end up with the same list, but for themselves, as in programs
// that merge once and give the result to both. It matters for who turns to the
// tail of its view: (tail,head,pushpull) has 14.7 (15.2 with the authors' code),
// and 11.2 if each partner breaks each tie for itself; (rand,head,pushpull) has
// 11.1 and 10.8. Over a network each partner merges what it has by then, with a
// coin of its own.
//
// # Cyclon
//
// Ages grow at the initiator only, at the start of its shuffle (in Request),
// and the descriptor of the chosen peer leaves the view then: if no reply
// comes, it stays away, which is how Cyclon forgets the dead. News of a known
// peer is discarded even if it is fresher, as the paper says. What is received
// replaces what was sent in the order sent; if an exchange in between has
// filled the place, the last of the received are dropped.
//
// # Strangers
//
// Received descriptors may come from anybody. Merge keeps the invariants I1 to
// I3 of [Engine] whatever they hold, and reads no more of them than a peer of
// the same policy would send. What it cannot do is tell a lie from news: a
// peer that calls its friends fresh is believed.
//
// # Brahms
//
// Bortnikov, Gurevich, Keidar, Kliot, Shraer: Brahms: Byzantine Resilient Random
// Membership Sampling. Computer Networks 53(13), 2009. It is for networks where
// some peers do lie: each can say little in a round, what it says is not believed
// in a round in which too much is said, and beside the view there are samples to
// which saying a thing often is saying it once. [Rounds] carries it out, [Service]
// drives it on a network. What the paper leaves open, and where we leave it:
//
// Sets. A view holds nobody twice, so draws are without repetition, and a view
// has fewer than C entries when fewer than αl1 have pushed: 28.5 of 30.
//
// Who has pushed. A peer that pushes twice in a round counts once, so that one
// alone cannot keep a node from renewing its view. A node pushes to each of its
// targets once.
//
// Too much or too little. In a round with more than αl1 pushers, with none, or
// with nothing pulled, the paper leaves the view as it is. Here samples fill its
// free places and take those of random entries, γl1 of them. Without this nobody
// gets away from a start at which all know one node: it is always flooded, and
// nobody pushes to the others (after 60 rounds and ever after everybody knows
// that one node). And it makes the limit of pushes a better defence, for while a
// flood lasts views become like the samples: of 1000 nodes with views of 30, 100
// that push five times as often as they may have .44 of the honest views after
// 100 rounds, and without it .67; if they only push as often as they may, .34 and
// .38.
//
// The order. At the end of a round the view is renewed first, with the samples as
// they were, and then the samplers are fed. In Service they are fed when something
// arrives, and a round ends when the next begins.
//
// Validation. In each round one sample is probed, each in its turn; and whoever
// does not answer a pull is probed too. The samplers of a peer that proves dead
// are initialised anew.
//
// Shares. α = β = 0.45, γ = 0.1, with αl1 and βl1 rounded down. A round of c = 30
// is 13 pushes and 13 pulls with answers, where an exchange is a request and an
// answer. With c = 4, 30 samplers, and so one push and one pull in a round, it
// costs about what the others do, and holds less: of 1000 nodes 100 attackers
// have .35 of the honest views after 100 rounds, 300 have .87.
//
// What it cannot do. As in the paper an attacker is one that has so many names
// and no more: who can make up any number of names (a Sybil attack) has any share
// of the samples. The sender of a push is who it says it is; a network with a
// keyring knows that it is a member, and no more. Identities must be stable and
// unforeseeable, see ServiceConfig.Identity. And samples are only as fair as what
// is heard: a node that hears nobody but attackers from its first round on has
// nobody else to sample.
package peersampling
