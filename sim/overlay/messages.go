package overlay

import (
	"fmt"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
)

// Messages makes an overlay event-driven: a cycle is a period of virtual time,
// every node has its turn at a time of its own in it, and what nodes say to each
// other travels, for as long as it takes, if it arrives at all. So exchanges
// overlap: a view may change between the sending of a request and the coming of
// its reply, and only one side may know that there was an exchange.
type Messages struct {
	// Nodes is the code that they run.
	Nodes Nodes

	// Latency is how long a message travels, in periods: the median. 0 or more;
	// with more than half, a reply takes longer than a period to come.
	Latency float64

	// Spread is the standard deviation of the logarithm of the latency, which is
	// log-normal, each message drawing its own. 0 makes it constant; with 0.5 one
	// in twenty messages takes more than twice the median, and messages overtake
	// each other.
	Spread float64

	// Loss is the fraction of the messages that get lost; 0 or more and less
	// than 1.
	Loss float64

	// Answer is how long nodes that are not Bare wait for an answer, in periods;
	// twice, before they give a peer up. It should be longer than most round
	// trips: a shorter one finds the dead sooner, and takes more of those who are
	// only slow for dead. 0 means 1, a Service's default.
	Answer float64

	// Slowest is the longest interval between two exchanges of a node that is not
	// Bare, in periods: the node comes to it when nothing happens, and goes back to
	// one period when somebody does not answer. 0 means 1, a fixed pace; a Service
	// has 10 by default.
	Slowest float64

	// Cut lists times at which the nodes are in two halves that cannot hear each
	// other: what one sends to the other is lost.
	Cut []Cut
}

// Cut lasts from the start of one cycle to the end of another.
type Cut struct{ From, To int }

// Nodes says what code the nodes of an event-driven overlay run.
type Nodes uint8

// The kinds of nodes.
const (
	// Bare nodes follow the listings of the papers and nothing else, with
	// peersampling.Engine: a node begins an exchange every period, whether or not
	// the one before has been answered. What is lost is lost: nothing is sent
	// twice, nobody is looked for. With Config.DropDead a peer that has not
	// answered by the node's next turn leaves the view. A reply that comes later
	// is taken all the same.
	Bare Nodes = iota

	// Deployed nodes are what runs on a network: peersampling.Service, with the
	// defaults for a period of a second. It sends a request once more after one
	// period and gives its peer up after two, does not listen to news of a peer
	// that it has given up for 20, and looks for peers that it has lost, and at
	// the address that it joined by, every 5 and more. It drops who does not
	// answer, so that Config.DropDead makes no difference.
	//
	// One thing is not as on a network, unless Slowest says so: there a node slows
	// down to an exchange in ten periods when nothing happens. Here its longest
	// interval is the shortest, a period, so that the figures can be held against
	// those of other models. It counts from the end of one exchange to the beginning of the next, varies by
	// a fifth, and is shorter for a node's first six.
	Deployed

	// Forgetful nodes are Deployed ones whose configuration takes away what it
	// can: no quarantine, no join address, and no looking for peers that are
	// lost. What is left beside the listings is that a request is sent twice, and
	// that exchanges of one node do not overlap.
	Forgetful
)

var nodesNames = [...]string{Bare: "bare", Deployed: "deployed", Forgetful: "forgetful"}

// String returns a word for them.
func (n Nodes) String() string {
	if int(n) < len(nodesNames) {
		return nodesNames[n]
	}
	return fmt.Sprintf("Nodes(%d)", uint8(n))
}

// Period is how long a cycle of an event-driven overlay lasts: the shortest
// interval of a node on a network (peersampling.DefaultServiceConfig).
const Period = time.Second

// The most that a latency, or any other time, may be: guesses at where a simulation ends and waiting
// begins.
const (
	maxLatency = 100
	maxSpread  = 3
)

func (m *Messages) validate(cfg Config) error {
	switch {
	case m == nil:
		return nil
	case m.Nodes > Forgetful:
		return bad("Messages.Nodes", m.Nodes, "bare, deployed or forgetful")
	case m.Nodes == Bare && cfg.Policy.Samplers > 0:
		return bad("Messages.Nodes", m.Nodes, "deployed or forgetful with Samplers (Brahms has no exchanges)")
	case !(m.Latency >= 0 && m.Latency <= maxLatency):
		return bad("Messages.Latency", m.Latency, fmt.Sprintf("0 to %d periods", maxLatency))
	case !(m.Spread >= 0 && m.Spread <= maxSpread):
		return bad("Messages.Spread", m.Spread, fmt.Sprintf("0 to %d", maxSpread))
	case !(m.Loss >= 0 && m.Loss < 1):
		return bad("Messages.Loss", m.Loss, "0 or more and less than 1")
	case !(m.Answer >= 0 && m.Answer <= maxLatency):
		return bad("Messages.Answer", m.Answer, fmt.Sprintf("more than 0 to %d periods, or 0 for 1", maxLatency))
	case m.Slowest != 0 && !(m.Slowest >= 1 && m.Slowest <= maxLatency):
		return bad("Messages.Slowest", m.Slowest, fmt.Sprintf("1 to %d periods, or 0 for 1", maxLatency))
	case cfg.Attack.Fraction != 0:
		return bad("Attack.Fraction", cfg.Attack.Fraction, "0 with Messages (attacks are simulated in cycles)")
	}
	for i, c := range m.Cut {
		if c.From < 1 || c.To < c.From {
			return bad(fmt.Sprintf("Messages.Cut[%d]", i), fmt.Sprintf("%d to %d", c.From, c.To), "from cycle 1 or later to the same cycle or later")
		}
	}
	return nil
}

// isCut reports whether the halves are apart in a cycle.
func (m *Messages) isCut(cycle int) bool {
	for _, c := range m.Cut {
		if c.From <= cycle && cycle <= c.To {
			return true
		}
	}
	return false
}

// half tells on which side of a cut the node in the slot is. Slots mean nothing,
// so that either half is as good as a random one; who takes the place of another
// is on the same side.
func half(slot uint32) uint32 { return slot & 1 }

// Across returns the share of the descriptors of live nodes in live views that
// are of the other half than the view's node, of those that a Cut takes apart. It
// is about 1/2 where nobody knows of halves, and 0 where each half has forgotten
// the other.
func (o *Overlay) Across() float64 {
	all, across := 0, 0
	for s := uint32(1); s < o.end(); s++ {
		for _, d := range o.view(s) {
			if to := o.slot[d.Peer]; to != 0 {
				all++
				across += int(half(s) ^ half(to))
			}
		}
	}
	if all == 0 {
		return 0
	}
	return float64(across) / float64(all)
}

// MessagesSent returns how many messages the nodes of an event-driven overlay
// have sent so far, those lost included. In another it is 0.
func (o *Overlay) MessagesSent() int {
	if o.events == nil {
		return 0
	}
	return o.events.sent
}

// serviceConfig is that of a node that is not Bare.
func (m *Messages) serviceConfig(p peersampling.Policy) peersampling.ServiceConfig {
	cfg := peersampling.DefaultServiceConfig(p)
	cfg.MinInterval, cfg.MaxInterval = Period, Period
	if m.Answer > 0 {
		cfg.Answer = max(1, time.Duration(m.Answer*float64(Period)))
	}
	if m.Slowest > 0 {
		cfg.MaxInterval = time.Duration(m.Slowest * float64(Period))
	}
	if m.Nodes == Forgetful {
		cfg.Quarantine, cfg.Probe = 0, never
	}
	return cfg
}
