// Package randomness asks how random the peers are that one node is given: a
// battery of tests over a stream of samples, in the spirit of the Diehard study
// in Jelasity et al., "Gossip-based Peer Sampling", ACM TOCS 25(3), 2007,
// section 5 (local randomness).
//
//	o, err := overlay.New(overlay.Config{Nodes: 1000, Policy: peersampling.Swapper(30), Start: overlay.Random})
//	…
//	s, err := randomness.FromView(o, randomness.Source{Node: 1, Samples: 50_000, Every: 1, Skip: 300})
//	…
//	for _, r := range randomness.Battery(s) {
//		fmt.Println(r)
//	}
//
// # What is tested
//
// The hypothesis is that each sample is uniform over the other nodes, and
// independent of all other samples. Every test turns the stream into one number,
// whose distribution is known if the hypothesis is true, and answers with
// [Result.P]: the probability of a number as high as this or higher. So if the
// hypothesis is true every P is uniform between 0 and 1. Both ends tell against
// it: near 0 the stream is too uneven, or repeats itself too much; near 1 it is
// too even, as when nobody comes twice before others have come.
//
//	frequency    is everybody given as often as others?
//	collision    how many of some draws hit somebody they have hit before?
//	serial       does a sample depend on one shortly before, by ranges of nodes?
//	repetition   does the very same peer come back after so many samples?
//	gap          how long is the wait for somebody from a set of nodes?
//	coupon       how many samples until every part of the network was met?
//	permutation  in which order of size do some samples in a row come?
//	birthday     how many distances between points made of samples are equal?
//
// The first seven are Knuth's (The Art of Computer Programming 2, section
// 3.3.2, tests A, I, B, -, D, E and F; repetition is its serial correlation for
// names, which have no size), the last is Marsaglia's, as in Diehard (Knuth's
// J). Frequency and collision see whom the stream favours or leaves out, but of
// the order only a part; serial and permutation see the order and do not mind a
// favourite.
//
// # How to read the results
//
// One P of a hundred is below 0.01 by chance: [Suspect] means no more than to
// look again with another seed. [Fail] is what chance does about once in 10,000
// tests; with the eight tests of Battery and several seeds that does not happen
// to an ideal source. [Result.Parts] are the P-values of parts of a test, where
// it has parts: of each lag in repetition, for one.
//
// Hold every stream against [Ideal], of the same length over the same nodes:
// what fails there too is a fault of the test.
//
// How much a test can see depends on the length. No real overlay is an ideal
// source, and each of them fails something if only the stream is long enough:
// compare streams of one length.
//
// # What to expect of an overlay
//
// Consecutive views of a node share most of their peers, so the same peer comes
// back within some cycles far more often than 1 time in N: repetition fails at
// short lags, and with it serial, gap and birthday if the stream is long. That
// is how peer sampling works and not a fault; [Source.Every] takes only every
// k-th cycle, and shows from which distance on samples are as good as
// independent. Frequency then tells whether the long-term average is uniform;
// chi-square assumes independence, so it can fail for correlation alone.
//
// # Two streams
//
// The stream of a node can be had in two ways: [FromView] draws one entry of the
// node's view per cycle, which is what getPeer does; [Contacts] is everybody
// that the node exchanges with, whether it or they began, in order.
package randomness
