package peersampling

import (
	"fmt"
	"strings"
)

// Policy is a point of the design space: whom to gossip with, who sends, and
// what is kept. The zero Policy is not valid, for it has no view; the presets
// (Healer, Newscast, Cyclon, ...) are the points that have names.
//
// Four families share the type. View, Shuffle and Samplers say which one is
// meant:
//
//   - View ByAge is the 2007 framework: half the view is exchanged, C, H and S
//     say what is kept.
//   - View Random, Head or Tail is the 2004 framework: the whole view is
//     exchanged, View says by hop count what is kept; H and S are 0.
//   - View ByAge with Shuffle > 0 is Cyclon: Shuffle descriptors are exchanged
//     and nothing but what was sent is given up; H and S are 0.
//   - Samplers > 0 is Brahms: there are no exchanges but rounds of pushes and
//     pulls, and beside the view a list of samples that nobody can crowd. Peer
//     and View are Random, Propagation is PushPull, all else is 0. Rounds
//     carries it out, and an Engine the other three.
type Policy struct {
	// Peer says whom to gossip with: a Random entry of the view, its Head (the
	// freshest) or its Tail (the oldest). Random spreads contacts evenly; Tail
	// looks first at the peers nobody has heard of for longest, so failures are
	// noticed sooner; Head talks to the same few peers again and again and
	// clusters, it is here because the papers measured it.
	Peer Selection

	// Propagation says who sends: Push, Pull or PushPull. Push alone loses
	// nodes that nobody hears of, Pull alone collapses to a star (Middleware
	// 2004, section 5): use PushPull unless you are repeating an experiment.
	Propagation Propagation

	// View says what is kept of a view and a received buffer: ByAge (2007), or
	// Random, Head or Tail by hop count (2004).
	View Selection

	// C is the view size, 2 to MaxView. Each further entry costs eight bytes of
	// memory and, in the 2007 framework, half a descriptor per message; too few
	// and failures cut the overlay (the papers' 30 survives the loss of 7 nodes
	// in 10).
	C int

	// H, healing: how many of the oldest descriptors make room first. 0 never
	// prefers the young, so dead peers linger; C/2 forgets them within a few
	// cycles, at the price of a less even in-degree. Only with ByAge; H + S may
	// not exceed C/2.
	H int

	// S, swap: how many of the descriptors just sent make room next. 0 keeps
	// copies of what was given away; C/2 moves descriptors rather than copy
	// them, for the most even in-degree and the slowest forgetting of the dead.
	// Only with ByAge.
	S int

	// Shuffle is Cyclon's shuffle length: how many descriptors each side sends,
	// 1 to C. 0 means that this is not Cyclon. It asks for ByAge (its
	// descriptors carry ages) and PushPull. With Peer Tail it is the enhanced
	// shuffle of the Cyclon paper, with Random the basic one.
	Shuffle int

	// Samplers is how many samples a Brahms node keeps beside its view (l2 in its
	// paper), 1 to MaxView. 0 means that this is not Brahms. More give a larger
	// sample, and better odds that one of them is honest, at the price of eight
	// bytes and, in every round, of about a nanosecond for each peer heard of.
	Samplers int

	// LiteralHops reads the 2004 listing word for word: only received
	// descriptors grow by a hop. It freezes (*,head,pushpull) into mutual
	// pairs; the package documentation tells why. Only in the 2004 framework.
	LiteralHops bool
}

// MaxView is the largest view size that a Policy may ask for. It is a guess at
// where a view stops being partial, and keeps an Engine's scratch space small.
const MaxView = 1 << 14

// Selection is a way to choose descriptors by how fresh they are.
type Selection uint8

// The selections.
const (
	Random Selection = iota // any, with equal chance
	Head                    // the freshest: lowest age or hop count
	Tail                    // the oldest: highest age or hop count
	ByAge                   // 2007 view selection: healing H, swap S; not for choosing a peer
)

// Propagation says in which direction descriptors travel in an exchange.
type Propagation uint8

// The propagations.
const (
	Push     Propagation = iota // the initiator sends
	Pull                        // the initiator asks, its peer sends
	PushPull                    // both send
)

var (
	selectionNames   = [...]string{Random: "rand", Head: "head", Tail: "tail", ByAge: "age"}
	propagationNames = [...]string{Push: "push", Pull: "pull", PushPull: "pushpull"}
)

// Pushes reports whether the initiator of an exchange sends descriptors.
func (p Policy) Pushes() bool { return p.Propagation != Pull }

// Pulls reports whether the peer answers with descriptors.
func (p Policy) Pulls() bool { return p.Propagation != Push }

// Buffer is the largest number of descriptors that one message carries, the
// sender's own included. Merge ignores what a peer sends beyond it.
func (p Policy) Buffer() int {
	switch {
	case p.Samplers > 0:
		return p.C // who is pulled from answers with its view
	case p.Shuffle > 0:
		return p.Shuffle
	case p.View == ByAge:
		return max(p.C/2, 1)
	default:
		return p.C + 1
	}
}

// PolicyError tells which field of a Policy cannot be, and what would be
// allowed. A command that fills a Policy from flags can name its own flag.
type PolicyError struct {
	Field   string // the name of the field, "H"
	Value   string // what it holds, "20"
	Allowed string // what it may hold, "0 to 15"
}

func (e *PolicyError) Error() string {
	return fmt.Sprintf("peersampling: Policy.%s is %s, allowed: %s", e.Field, e.Value, e.Allowed)
}

// Validate returns nil, or a *PolicyError that names the first field found
// wrong.
func (p Policy) Validate() error {
	switch {
	case p.Peer > Tail:
		return p.bad("Peer", p.Peer, "rand, head or tail")
	case p.Propagation > PushPull:
		return p.bad("Propagation", p.Propagation, "push, pull or pushpull")
	case p.View > ByAge:
		return p.bad("View", p.View, "rand, head, tail or age")
	case p.C < 2 || p.C > MaxView:
		return p.bad("C", p.C, fmt.Sprintf("2 to %d", MaxView))
	case p.Samplers != 0:
		return p.validateSamplers()
	}
	if p.View != ByAge {
		return p.validateByHops()
	}
	if p.Shuffle != 0 {
		return p.validateShuffle()
	}
	return p.validateByAge()
}

// validateByAge: TOCS 2007, section 2: H and S are not negative, and since at
// most c/2 descriptors arrive, H + S above c/2 could never act in full.
func (p Policy) validateByAge() error {
	half := p.C / 2
	switch {
	case p.H < 0 || p.H > half:
		return p.bad("H", p.H, fmt.Sprintf("0 to %d (half of C = %d)", half, p.C))
	case p.S < 0 || p.S > half-p.H:
		return p.bad("S", p.S, fmt.Sprintf("0 to %d (H + S at most half of C, with C = %d and H = %d)", half-p.H, p.C, p.H))
	case p.LiteralHops:
		return p.bad("LiteralHops", true, "false when View is age (the 2007 framework counts no hops)")
	}
	return nil
}

func (p Policy) validateByHops() error {
	const only = "0 when View is rand, head or tail (the 2004 framework)"
	switch {
	case p.H != 0:
		return p.bad("H", p.H, only)
	case p.S != 0:
		return p.bad("S", p.S, only)
	case p.Shuffle != 0:
		return p.bad("Shuffle", p.Shuffle, only)
	}
	return nil
}

func (p Policy) validateShuffle() error {
	const only = "0 when Shuffle is set (Cyclon swaps, it neither heals nor trims)"
	switch {
	case p.Shuffle < 0 || p.Shuffle > p.C:
		return p.bad("Shuffle", p.Shuffle, fmt.Sprintf("0 (not Cyclon) to %d (C)", p.C))
	case p.Propagation != PushPull:
		return p.bad("Propagation", p.Propagation, "pushpull when Shuffle is set")
	case p.H != 0:
		return p.bad("H", p.H, only)
	case p.S != 0:
		return p.bad("S", p.S, only)
	case p.LiteralHops:
		return p.bad("LiteralHops", true, "false when Shuffle is set")
	}
	return nil
}

func (p Policy) validateSamplers() error {
	const only = "0 when Samplers is set (Brahms goes by pushes, pulls and samples)"
	switch {
	case p.Samplers < 0 || p.Samplers > MaxView:
		return p.bad("Samplers", p.Samplers, fmt.Sprintf("0 (not Brahms) to %d", MaxView))
	case p.Peer != Random:
		return p.bad("Peer", p.Peer, "rand when Samplers is set")
	case p.Propagation != PushPull:
		return p.bad("Propagation", p.Propagation, "pushpull when Samplers is set")
	case p.View != Random:
		return p.bad("View", p.View, "rand when Samplers is set")
	case p.H != 0:
		return p.bad("H", p.H, only)
	case p.S != 0:
		return p.bad("S", p.S, only)
	case p.Shuffle != 0:
		return p.bad("Shuffle", p.Shuffle, only)
	case p.LiteralHops:
		return p.bad("LiteralHops", true, "false when Samplers is set")
	}
	return nil
}

func (p Policy) bad(field string, value any, allowed string) error {
	return &PolicyError{Field: field, Value: fmt.Sprint(value), Allowed: allowed}
}

// String writes a policy as the papers do: "(tail,pushpull,H=15,S=0,c=30)" in
// the 2007 framework, "(rand,head,pushpull,c=30)" (peer selection, view
// selection, propagation) in the 2004 one, "(tail,pushpull,shuffle=8,c=30)"
// for Cyclon, "(rand,pushpull,samplers=30,c=30)" for Brahms.
func (p Policy) String() string {
	switch {
	case p.Samplers != 0:
		return fmt.Sprintf("(%v,%v,samplers=%d,c=%d)", p.Peer, p.Propagation, p.Samplers, p.C)
	case p.Shuffle != 0:
		return fmt.Sprintf("(%v,%v,shuffle=%d,c=%d)", p.Peer, p.Propagation, p.Shuffle, p.C)
	case p.View == ByAge:
		return fmt.Sprintf("(%v,%v,H=%d,S=%d,c=%d)", p.Peer, p.Propagation, p.H, p.S, p.C)
	case p.LiteralHops:
		return fmt.Sprintf("(%v,%v,%v,literal hops,c=%d)", p.Peer, p.View, p.Propagation, p.C)
	default:
		return fmt.Sprintf("(%v,%v,%v,c=%d)", p.Peer, p.View, p.Propagation, p.C)
	}
}

// String returns the word that ParseSelection takes.
func (s Selection) String() string {
	if int(s) < len(selectionNames) {
		return selectionNames[s]
	}
	return fmt.Sprintf("Selection(%d)", uint8(s))
}

// String returns the word that ParsePropagation takes.
func (p Propagation) String() string {
	if int(p) < len(propagationNames) {
		return propagationNames[p]
	}
	return fmt.Sprintf("Propagation(%d)", uint8(p))
}

// ParseSelection reads "rand", "head", "tail" or "age".
func ParseSelection(word string) (Selection, error) {
	for i, name := range selectionNames {
		if word == name {
			return Selection(i), nil
		}
	}
	return 0, unknown("selection", word, selectionNames[:])
}

// ParsePropagation reads "push", "pull" or "pushpull".
func ParsePropagation(word string) (Propagation, error) {
	for i, name := range propagationNames {
		if word == name {
			return Propagation(i), nil
		}
	}
	return 0, unknown("propagation", word, propagationNames[:])
}

func unknown(what, word string, allowed []string) error {
	return fmt.Errorf("peersampling: unknown %s %q, allowed: %s", what, word, strings.Join(allowed, ", "))
}
