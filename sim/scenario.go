package sim

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/causal"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
	"github.com/Ishan27gOrg/gossipProtocol/protocol"
)

// Scenario is all that happens in a world, as a value: Run carries it out, String
// prints it, and ParseScenario reads it back. Together with its Seed it decides
// everything.
type Scenario struct {
	Seed uint64
	// Nodes start evenly over Arrive and join through the first, which stays up.
	// Nodes that start later join through it, too.
	Nodes  int
	Arrive time.Duration

	Order   causal.Order
	History protocol.History
	Flood   bool   // or a tree
	Policy  string // of peer sampling, one of peersampling.PresetNames
	View    int    // how many peers a node knows
	Codec   bool   // as World.Codec
	Store   bool   // nodes keep what they deliver, and are restarted with it
	Origins int    // of the nodes that are up, how many talk; 0 is all

	// The bounds of a node: Log and HoldBytes of protocol.Config.
	Retention           time.Duration
	LogBytes, HoldBytes int

	// What the network does to everything, as in Faults.
	Latency, Spread, Jitter time.Duration
	Loss, Duplicate         float64
	// Drift is how wrong the nodes' clocks may go, as World.Drift.
	Drift float64

	Steps []Step
	// End is when all faults end, if the last step is over by then, or when it is.
	End time.Duration
}

// Step is something that happens in a scenario. What it needs depends on its Kind.
type Step struct {
	At      time.Duration
	Kind    StepKind
	Count   int           // how many nodes, messages or replacements
	Share   float64       // of the nodes or datagrams
	Every   time.Duration // from one of Count to the next
	For     time.Duration // how long it lasts
	Answers int           // deliveries that are answered, of Talk
	Rate    int           // bytes a second, of Slow
	Size    int           // bytes of each message and answer, of Talk; 0 is a word
}

// StepKind tells what a Step does.
type StepKind string

// The kinds of steps.
const (
	Talk      StepKind = "talk"      // Count messages, one Every, and Answers to some
	Crash     StepKind = "crash"     // of Count nodes
	Kill      StepKind = "kill"      // of Share of the nodes, at once
	Restart   StepKind = "restart"   // of Count names, those of nodes that are up or were, with their stores if they have some
	Join      StepKind = "join"      // of Count new nodes
	Churn     StepKind = "churn"     // Count times, one Every, a node crashes and a new one joins
	Partition StepKind = "partition" // Share of the nodes on one side, For so long
	OneWay    StepKind = "oneway"    // Share of the nodes is not heard by the others, For so long, but hears them
	Slow      StepKind = "slow"      // Share of the nodes handles only Rate bytes of its links a second, For so long
	Lose      StepKind = "lose"      // Share of the datagrams, if that is more than Loss, For so long
)

// The bounds of what a scenario may ask for: guesses at what anyone would wait for.
const (
	MaxNodes  = 100_000
	MaxCount  = 1_000_000
	MaxTime   = 24 * time.Hour
	mostSteps = 10_000
)

// DefaultScenario is what ParseScenario starts from: a network without faults in
// which nothing happens. A view of 20 is what NewWorld's nodes have, and the bounds are
// protocol.DefaultConfig's.
func DefaultScenario() Scenario {
	return Scenario{
		Seed: 1, Nodes: 100, Policy: "balanced", View: 20, Latency: 10 * time.Millisecond,
		Retention: time.Hour, LogBytes: 64 << 20, HoldBytes: 16 << 20,
	}
}

// ScenarioError tells what of a scenario is not allowed.
type ScenarioError struct {
	Key     string // as it is printed
	Value   string
	Allowed string
}

func (e *ScenarioError) Error() string {
	return fmt.Sprintf("%s: it is %s, allowed: %s", e.Key, e.Value, e.Allowed)
}

// Validate reports the first thing that is not allowed, as a *ScenarioError.
func (s *Scenario) Validate() error {
	for _, k := range keys {
		if err := k.check(s); err != nil {
			return err
		}
	}
	if err := s.policy().Validate(); err != nil {
		return &ScenarioError{"view", fmt.Sprint(s.View), fmt.Sprintf("what policy %s can do with (%v)", s.Policy, err)}
	}
	if len(s.Steps) > mostSteps {
		return &ScenarioError{"at", fmt.Sprintf("on %d lines", len(s.Steps)), fmt.Sprintf("%d steps", mostSteps)}
	}
	for _, step := range s.Steps {
		if err := step.check(); err != nil {
			return err
		}
		if room := min(s.LogBytes, s.HoldBytes) - broadcast.SizeOf(0, s.Nodes); step.Size > room {
			return &ScenarioError{fmt.Sprintf("at %v %s: size", step.At, step.Kind), fmt.Sprint(step.Size), fmt.Sprintf("what log and hold have room for, beside what is charged for each message: %d", max(room, 0))}
		}
	}
	return nil
}

// over is when a step has come to its end.
func (s Step) over() time.Duration { return s.At + s.For + time.Duration(s.Count)*s.Every }

// end is when the faults end.
func (s *Scenario) end() time.Duration {
	end := max(s.End, s.Arrive)
	for _, step := range s.Steps {
		end = max(end, step.over())
	}
	return end
}

// RandomScenario draws a scenario of 4 to most nodes, rather few: loss and
// duplication of datagrams, crashes, restarts under the same name, newcomers,
// partitions, also one-way, slow nodes and bursts of loss, with traffic throughout,
// and now and then with tight bounds and with clocks that drift.
func RandomScenario(seed uint64, most int) Scenario {
	d := drawer{rand.New(rand.NewPCG(seed, 0x5ce7a210))}
	s := DefaultScenario()
	s.Seed = seed
	s.Nodes = 4 + d.IntN(max(most>>d.IntN(4)-3, 1))
	s.Latency = d.ms(1, 40)
	s.Jitter = d.ms(0, 60)
	s.Loss = float64(d.IntN(31)) / 100
	s.Duplicate = float64(d.IntN(11)) / 100
	if d.oneIn(2) {
		s.Spread = d.ms(0, 90)
	}
	s.Codec = d.oneIn(3)
	s.Flood = d.oneIn(4)
	switch d.IntN(8) {
	case 0, 1:
		s.Policy, s.View = "brahms", 10
	case 2:
		s.Policy = "healer"
	case 3:
		s.Policy = "cyclon"
	}
	if d.oneIn(4) {
		s.Drift = float64(d.IntN(51)) / 1000
	}
	if d.oneIn(8) {
		s.Order = causal.FIFO + causal.Order(d.IntN(2))
	}
	if d.oneIn(8) {
		s.History = protocol.None
	}
	d.bound(&s)
	now := time.Duration(d.IntN(5)) * time.Second
	for range 4 {
		now = d.appendTrouble(&s, now)
	}
	s.Store = d.oneIn(2)
	return s
}

// drawer draws what a random scenario is made of.
type drawer struct{ *rand.Rand }

func (d drawer) oneIn(n int) bool { return d.IntN(n) == 0 }

func (d drawer) ms(least, most int) time.Duration {
	return time.Duration(least+d.IntN(most-least+1)) * time.Millisecond
}

// bound draws tight bounds, now and then: a retention that partitions outlast, a log
// that fills, a hold-back that does.
func (d drawer) bound(s *Scenario) {
	if d.oneIn(6) {
		s.Retention = d.ms(20_000, 60_000)
	}
	if d.oneIn(12) {
		s.LogBytes = 16_000 + d.IntN(64_000)
	}
	if d.oneIn(8) {
		s.HoldBytes = 8_000 + d.IntN(24_000)
	}
}

// appendTrouble adds a fault, and people who talk during it and after, and returns
// when all that is over.
func (d drawer) appendTrouble(s *Scenario, now time.Duration) time.Duration {
	gap := d.ms(0, 200)
	switch d.IntN(8) {
	case 0, 1, 2:
		s.Steps = append(s.Steps, d.coming(s, now))
	case 3:
		apart := time.Duration(1+d.IntN(90)) * time.Second
		s.Steps = append(s.Steps,
			Step{At: now, Kind: Partition, Share: float64(1+d.IntN(5)) / 10, For: apart},
			Step{At: now, Kind: Talk, Count: 20, Every: apart / 40, Answers: 20})
		if d.oneIn(2) {
			s.Steps = append(s.Steps, d.coming(s, now+apart/4))
		}
		now += apart
	case 4:
		s.Steps = append(s.Steps, Step{At: now, Kind: Lose, Share: float64(30+d.IntN(70)) / 100, For: d.ms(1000, 20_000)})
	case 5:
		s.Steps = append(s.Steps, Step{At: now, Kind: OneWay, Share: float64(1+d.IntN(5)) / 10, For: d.ms(1000, 40_000)})
	case 6:
		s.Steps = append(s.Steps, Step{At: now, Kind: Slow, Share: float64(1+d.IntN(5)) / 10, For: d.ms(1000, 30_000), Rate: 2000 + d.IntN(30_000)})
	}
	talk := Step{At: now, Kind: Talk, Count: 20, Every: gap, Answers: 20}
	if d.oneIn(4) {
		talk.Size = 1 + d.IntN(2000)
	}
	s.Steps = append(s.Steps, talk)
	return talk.over()
}

// coming draws how nodes come and go.
func (d drawer) coming(s *Scenario, at time.Duration) Step {
	switch d.IntN(4) {
	case 0:
		return Step{At: at, Kind: Crash, Count: 1 + d.IntN(max(s.Nodes/8, 1))}
	case 1:
		return Step{At: at, Kind: Restart, Count: 1 + d.IntN(max(s.Nodes/16, 1))}
	case 2:
		return Step{At: at, Kind: Join, Count: 1 + d.IntN(4)}
	}
	return Step{At: at, Kind: Churn, Count: 1 + d.IntN(8), Every: d.ms(100, 3000)}
}

// policy is what every node does; not a valid one if there is none of that name.
func (s *Scenario) policy() peersampling.Policy {
	p, _ := peersampling.Preset(s.Policy, s.View)
	return p
}
