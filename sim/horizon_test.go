package sim

import (
	"fmt"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/protocol"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// The times of these stories: short, so that much is forgotten.
const (
	horizon   = 64 * time.Second
	retention = 16 * time.Second
)

// season is a network over much longer than the horizon. Some nodes talk all the
// time, some after long silences, and strangers come, say a few words, and die.
type season struct {
	*World
	residents []*Node
	strangers int
	spoke     map[*Node]time.Duration // when last
}

func newSeason(seed uint64) *season {
	s := &season{World: NewWorld(seed), spoke: make(map[*Node]time.Duration)}
	s.Faults = Faults{Latency: 5 * time.Millisecond, Jitter: 20 * time.Millisecond, Loss: 0.05}
	s.Configure = func(c *protocol.Config) {
		c.Horizon, c.Log.Age = horizon, retention
	}
	s.residents = grow(s.World, 8)
	s.Run(5 * time.Second)
	return s
}

func (s *season) say(n *Node) {
	if _, err := s.Broadcast(n, []byte("word")); err == nil {
		s.spoke[n] = s.Now()
	}
}

// pass lets a while go by, or somewhat more.
func (s *season) pass(d time.Duration) {
	for until := s.Now() + d; s.Now() < until; {
		s.say(s.residents[s.rng.IntN(3)])
		for i, n := range s.residents[3:] { // every half horizon to every four
			if s.rng.IntN(32<<i) == 0 {
				s.say(n)
			}
		}
		if s.rng.IntN(8) == 0 {
			s.strangers++
			n := s.Start(fmt.Sprint("stranger", s.strangers))
			s.Join(n, s.residents[0])
			s.RunUntil(10*time.Second, n.Machine.Ready)
			s.say(n)
			s.Run(time.Second)
			s.say(n)
			s.Run(2 * time.Second)
			s.World.Crash(n)
		}
		s.Run(time.Duration(s.rng.IntN(2000)) * time.Millisecond)
	}
}

// spokeWithin counts who has spoken so lately.
func (s *season) spokeWithin(d time.Duration) (n int) {
	for _, at := range s.spoke {
		if at >= s.Now()-d {
			n++
		}
	}
	return n
}

// quiet is for how long nobody has spoken.
func (s *season) quiet() time.Duration {
	last := time.Duration(0)
	for _, at := range s.spoke {
		last = max(last, at)
	}
	return s.Now() - last
}

// What is remembered is bounded by who has spoken within the horizon, and twice it;
// messages are delivered in order, and their clocks compare as they truly do, however
// much has been forgotten between. A cut that is shorter than the logs' retention
// changes nothing.
func TestTheSilentAreForgotten(t *testing.T) {
	for seed := range uint64(4) {
		s := newSeason(seed)
		for range 4 {
			s.pass(2 * horizon)
			s.Faults.Cut = func(a, b *Node) bool { return a.Handle%2 != b.Handle%2 }
			for range 8 {
				s.say(s.residents[s.rng.IntN(len(s.residents))])
				s.Run(retention / 16)
			}
			s.Faults.Cut = nil
		}
		s.pass(horizon)
		s.Run(20 * time.Second)
		s.Oracle.Agree(s.residents)
		s.Oracle.Compared(20_000)
		for _, v := range s.Oracle.Violations {
			t.Errorf("seed %d: %s", seed, v)
		}
		retired := uint64(0)
		// The latest clock is of the epoch in which somebody has spoken last.
		lately, memory := s.spokeWithin(horizon*(vclock.Horizon+2)/vclock.Horizon+s.quiet()), s.spokeWithin(2*horizon+5*time.Second)
		for _, n := range s.residents {
			g, c := n.Machine.Gauges(), n.Machine.Counters()
			retired += c.Retired
			if n.Machine.Clock().Len() > lately || g.Origins > memory {
				t.Errorf("seed %d: %v has %d entries in its clock and %d origins; %d and %d have spoken lately",
					seed, n.ID, n.Machine.Clock().Len(), g.Origins, lately, memory)
			}
			if c.Early+c.Stale > 0 {
				t.Errorf("seed %d: %v refused %d and %d messages for their times", seed, n.ID, c.Early, c.Stale)
			}
		}
		t.Logf("seed %d: %d messages of %d origins, %d retired, at the end %d entries", seed, s.Oracle.Sent(), len(s.spoke), retired, s.residents[0].Machine.Clock().Len())
		if retired < 8*20 {
			t.Errorf("seed %d: only %d were ever forgotten", seed, retired)
		}
	}
}

// A network that is divided for longer than the horizon keeps its promises: what is
// delivered is delivered once and in order, what cannot be had any more is reported,
// and clocks compare.
func TestACutBeyondTheHorizon(t *testing.T) {
	for seed := range uint64(3) {
		s := newSeason(seed)
		s.pass(horizon / 2)
		s.Faults.Cut = func(a, b *Node) bool { return a.Handle%2 != b.Handle%2 }
		s.pass(horizon * 9 / 8)
		s.Faults.Cut = nil
		s.Run(time.Minute)
		s.pass(horizon / 2)
		s.Run(20 * time.Second)
		s.Oracle.Agree(s.residents)
		s.Oracle.Compared(20_000)
		for _, v := range s.Oracle.Violations {
			t.Errorf("seed %d: %s", seed, v)
		}
	}
}

// P10 can fail: two clocks change places, and nothing else is said to be wrong.
func TestWrongClocksAreFound(t *testing.T) {
	s := newSeason(7)
	s.pass(20 * time.Second)
	a, b := &s.Oracle.sent[0], &s.Oracle.sent[len(s.Oracle.sent)-1]
	a.clock, b.clock = b.clock, a.clock
	if s.Oracle.Compared(20_000); s.Oracle.Broken[9] == 0 || len(s.Oracle.Violations) != s.Oracle.MaxViolations {
		t.Errorf("broken: %v, %q", s.Oracle.Broken, s.Oracle.Violations)
	}
}
