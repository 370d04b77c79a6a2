// Package vclock provides vector clocks: immutable values that tell of any two
// events in a distributed system whether one could have caused the other.
//
// # What a vector clock is
//
// A clock maps an origin (one life of a process) to the number of that
// origin's events in the causal past of the moment the clock describes. An
// origin that is absent has count zero. A process keeps one clock and follows
// two rules: before an event of its own it increments its own entry; on
// receiving a message it takes, entry by entry, the maximum of its clock and
// the clock the message carries. Fidge (1988) and Mattern (1989) showed
// independently that comparing clocks entry by entry then gives exactly
// Lamport's happened-before relation:
//
//	c.Compare(d) == Before      c <= d in every entry, and c != d
//	c.Compare(d) == After       the other way round
//	c.Compare(d) == Equal       the same counts
//	c.Compare(d) == Concurrent  neither knew of the other
//
// Clocks with Merge form a lattice: Merge is commutative, associative and
// idempotent, and its result is the least clock that both arguments are
// contained in.
//
//	var a, b vclock.Clock                 // the zero clock is empty and usable
//	a = a.Increment("ann")                // {ann:1}
//	b = b.Merge(a).Increment("bob")       // {ann:1, bob:1}
//	fmt.Println(a.HappenedBefore(b))      // true
//
// # Values and sharing
//
// A Clock is two words and never changes. Methods that look as if they changed
// it return a new clock that shares all but a short path with the old one, so
// it is cheap to keep a clock for every message ever seen, and any number of
// goroutines may read the same clock. (A variable of type Clock is still a
// variable: assigning to it while another goroutine reads it needs a lock.)
// Clocks cannot be compared with ==, which would look at identity; use
// [Clock.Compare] or [Clock.Equal].
//
// # Epochs
//
// A clock need not remember for ever everybody who once spoke. Events may be given
// an epoch, the number of some long stretch of time, with [Clock.Advance]. A clock of
// epoch e has no entries of origins whose last event is more than [Horizon] epochs
// before e: they count as wholly in its past. So what a clock holds is bounded by who
// has spoken within the horizon, and an origin that speaks again is counted again,
// with the number it has reached.
//
// Compare answers as it would for clocks that forget nothing, as long as the events
// are not more than Horizon epochs apart. Of two that are, the earlier one is Before
// the later one: an event that old is in the past of whatever happens now, unless a
// network was divided for as long, or a process has only just come. So Compare never
// contradicts what happened, and where it says Concurrent it is so; all that is asked
// for is that no event's epoch is before that of its past (invariants E1 to E5, in
// epoch.go). Entries without epochs stay for ever; an origin should have them always
// or never.
//
// # Shape and cost
//
// A clock of up to 16 entries is one array of counts, with the names to which these
// belong: clocks that were derived from each other share those. A larger one is a 16-way
// trie of such arrays over a hash of the origin's name, seeded at random for each
// process so that nobody can choose names that collide. The shape depends on
// the contents alone and not on how they came about, so Merge and Compare walk
// two clocks in step and skip every part that both share. The order of the
// hashes is never visible: everything that lists entries sorts them.
//
// For a clock of n entries, with d the number of entries in the parts that two
// clocks do not share (d = n if they were made independently, about one array
// for each changed entry if one was derived from the other):
//
//	Get, At             O(log n)      no allocation
//	With, Increment     O(log n)      1 allocation up to 16 entries, 3 at
//	                                  1,000, 4 at 10,000; the first time that an
//	                                  origin is seen costs three more
//	Advance             as With; O(n) when the horizon moves
//	Compare, Equal      O(d)          no allocation, but if what one clock has is
//	                                  beyond the other's horizon: O(n) then
//	Merge               O(d)          no allocation if one clock contains the
//	                                  other, else a path for each difference; O(n)
//	                                  if what one has is beyond the other's horizon
//	Len                 O(1)
//	All, Map, String,
//	Marshal, Unmarshal  O(n log n)
//	Sort of m items     O(m n + m log m)
//
// A clock that shares nothing takes about 80 to 110 bytes an entry, a short name
// included; each further version that is kept takes about 130 bytes at 10
// entries, 430 at 1,000 and 600 at 10,000.
//
// Lives of one name are kept side by side: a name with k > 16 incarnations in
// one clock makes operations on that name up to O(k).
package vclock
