package overlay

import (
	"fmt"

	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
)

// Config describes a run.
type Config struct {
	// Nodes is how many nodes there are, or will be when a Growing overlay has
	// grown: 2 to MaxNodes.
	Nodes int

	// Policy is what every node does.
	Policy peersampling.Policy

	// Start is how the overlay begins.
	Start Start

	// Seed decides everything random in the run.
	Seed uint64

	// Kill lists removals of many nodes at once.
	Kill []Kill

	// Churn is the fraction of the live nodes that is replaced in every cycle:
	// random nodes leave, and as many new ones join, each knowing one random
	// node of those that stayed. 0 is none; it must be less than 1.
	Churn float64

	// GrowPerCycle is how many nodes join a Growing overlay in a cycle. 0 means
	// 100 (TOCS 2007, section 4, "growing").
	GrowPerCycle int

	// DropDead makes nodes behave as on a network: they do not know who is dead,
	// and remove a descriptor when the exchange with it fails. The papers' model,
	// without it, never chooses a dead peer.
	DropDead bool

	// Messages makes the overlay event-driven: exchanges take time, overlap and
	// fail. nil is the papers' model, of cycles and atomic exchanges.
	Messages *Messages

	// Quiet is the cycle from which on nothing else happens: no message is lost,
	// and no node replaced. What is still broken a while later is so for good. 0
	// means never. Kills and cuts happen when they are due all the same.
	Quiet int

	// Attack makes some of the nodes misbehave. The zero Attack is none.
	Attack Attack

	// Cores is how many cores may share the work: 0 means all that Go may use
	// (GOMAXPROCS), 1 is best when several overlays run at the same time. It
	// makes no difference to the outcome.
	Cores int
}

// Kill removes random live nodes at the start of a cycle.
type Kill struct {
	Fraction float64 // of the nodes live then; more than 0 and less than 1
	Cycle    int     // 1 is the first
}

// MaxNodes is the largest overlay: a guess at what anybody has the memory for,
// which leaves most of the 2^32 handles for churn.
const MaxNodes = 1 << 28

const defaultGrowth = 100

// Start says what the views hold before the first cycle.
type Start uint8

// The starts of the papers.
const (
	Growing Start = iota // one node; more join each cycle, knowing only that one
	Lattice              // a ring: everybody knows the nearest
	Random               // everybody knows C random others
	Star                 // everybody knows one node, the same
)

var startNames = [...]string{Growing: "growing", Lattice: "lattice", Random: "random", Star: "star"}

// String returns the word that ParseStart takes.
func (s Start) String() string {
	if int(s) < len(startNames) {
		return startNames[s]
	}
	return fmt.Sprintf("Start(%d)", uint8(s))
}

// ParseStart reads "growing", "lattice", "random" or "star".
func ParseStart(word string) (Start, error) {
	for i, name := range startNames {
		if word == name {
			return Start(i), nil
		}
	}
	return 0, fmt.Errorf("overlay: unknown start %q, allowed: growing, lattice, random, star", word)
}

// ConfigError tells which field of a Config cannot be, and what would be
// allowed. A command that fills a Config from flags can name its own flag.
type ConfigError struct {
	Field   string // the name of the field, "Churn"; in a list with its place, "Kill[0].Fraction"
	Value   string // what it holds, "1.5"
	Allowed string // what it may hold, "0 or more and less than 1"
}

func (e *ConfigError) Error() string {
	return fmt.Sprintf("overlay: Config.%s is %s, allowed: %s", e.Field, e.Value, e.Allowed)
}

// Validate returns nil, a *ConfigError that names the first field found wrong,
// or a *peersampling.PolicyError for a field of Policy.
func (c Config) Validate() error {
	switch {
	case c.Nodes < 2 || c.Nodes > MaxNodes:
		return bad("Nodes", c.Nodes, fmt.Sprintf("2 to %d", MaxNodes))
	case c.Start > Star:
		return bad("Start", c.Start, "growing, lattice, random or star")
	case !(c.Churn >= 0 && c.Churn < 1): // so that NaN is wrong too
		return bad("Churn", c.Churn, "0 or more and less than 1")
	case c.GrowPerCycle < 0:
		return bad("GrowPerCycle", c.GrowPerCycle, fmt.Sprintf("1 or more, or 0 for %d", defaultGrowth))
	case c.Quiet < 0:
		return bad("Quiet", c.Quiet, "1 or more, or 0 for never")
	case c.Cores < 0:
		return bad("Cores", c.Cores, "1 or more, or 0 for all")
	}
	for i, k := range c.Kill {
		switch field := fmt.Sprintf("Kill[%d].", i); {
		case !(k.Fraction > 0 && k.Fraction < 1):
			return bad(field+"Fraction", k.Fraction, "more than 0 and less than 1")
		case k.Cycle < 1:
			return bad(field+"Cycle", k.Cycle, "1 or more")
		}
	}
	if err := c.Attack.validate(); err != nil {
		return err
	}
	if err := c.Policy.Validate(); err != nil {
		return err
	}
	return c.Messages.validate(c)
}

func bad(field string, value any, allowed string) error {
	return &ConfigError{Field: field, Value: fmt.Sprint(value), Allowed: allowed}
}
