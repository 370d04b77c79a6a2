package stage

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/internal/transport"
	"github.com/Ishan27gOrg/gossipProtocol/sim"
)

// Network is where nodes live: Memory or Loopback. It is for one play.
type Network interface {
	String() string
	// home answers an address for a new node, and again one for the successor of a
	// node that had the address.
	home() string
	again(was netip.AddrPort) string
	listen(address string) (transport.Transport, error)

	// crash is done to a node that is about to be closed.
	crash(netip.AddrPort)
	setFaults(transport.Faults) error
	// cuts reports whether cut does anything.
	cuts() bool
	cut(separated func(from, to netip.AddrPort) bool)
	// rest is how long after the last delivery somebody may still ask for something,
	// and for how long it is watched then that nobody does.
	rest() (settling, watched time.Duration)
	// datagrams counts those that were sent and those of them that were lost.
	datagrams() (sent, lost uint64)
}

// UnsupportedError names everything that a scenario wants and that cannot be had with
// real nodes, or on this network.
type UnsupportedError struct {
	On   string
	What []string // as the scenario's text has it
}

func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("stage: not with real nodes on %s: %s", e.On, strings.Join(e.What, "; "))
}

// played are the words of a scenario's text that are played here. The rest must be
// as in sim.DefaultScenario.
var (
	playedKeys = []string{
		"seed", "nodes", "arrive", "order", "relay", "policy", "view", "origins", "retention",
		"codec", // there is nothing to turn on: real nodes send bytes
		"latency", "spread", "jitter", "loss", "duplicate", "end",
	}
	playedWords = []string{"every", "for", "answers", "size"}
)

// unsupported looks at the scenario's text, so that nothing in it is passed over in
// silence.
func unsupported(s *sim.Scenario, on Network) error {
	e := &UnsupportedError{On: on.String()}
	usual := slices.Collect(strings.Lines(sim.DefaultScenario().String()))
	for line := range strings.Lines(s.String()) {
		words := strings.Fields(line)
		supported := slices.Contains(playedKeys, words[0])
		if words[0] == "at" { // at TIME KIND VALUE and words with values
			supported = stepSupported(sim.StepKind(words[2]), words[4:], on)
		}
		if !supported && !slices.Contains(usual, line) {
			e.What = append(e.What, strings.TrimSpace(line))
		}
	}
	if e.What == nil {
		return nil
	}
	return e
}

func stepSupported(kind sim.StepKind, operands []string, on Network) bool {
	for operand := range slices.Chunk(operands, 2) {
		if !slices.Contains(playedWords, operand[0]) {
			return false
		}
	}
	switch kind {
	case sim.Talk, sim.Crash, sim.Kill, sim.Restart, sim.Join, sim.Churn, sim.Lose:
		return true
	case sim.Partition:
		return on.cuts()
	}
	return false
}

// Memory is a network in memory, in which everything can be done to datagrams and
// streams that a scenario wants. Its randomness comes from seed.
func Memory(seed uint64) Network { return &memory{net: transport.NewNetwork(seed)} }

type memory struct {
	net   *transport.Network
	hosts uint32
}

func (m *memory) String() string { return "a network in memory" }

// home is a host of its own, as nodes mostly have.
func (m *memory) home() string {
	m.hosts++
	ip := netip.AddrFrom4([4]byte{10, byte(m.hosts >> 16), byte(m.hosts >> 8), byte(m.hosts)})
	return netip.AddrPortFrom(ip, 7946).String()
}

// again is where the node was: whoever has a link to it or sends to it meets its
// successor.
func (m *memory) again(was netip.AddrPort) string { return was.String() }

func (m *memory) listen(address string) (transport.Transport, error) {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, fmt.Errorf("stage: %w", err)
	}
	return m.net.Listen(at)
}

func (m *memory) crash(at netip.AddrPort)                          { m.net.Kill(at) }
func (m *memory) setFaults(f transport.Faults) error               { return m.net.SetFaults(f) }
func (m *memory) cuts() bool                                       { return true }
func (m *memory) cut(separated func(from, to netip.AddrPort) bool) { m.net.Cut(separated) }

// rest is longer than protocol.Config.GiveUp, as in package sim.
func (m *memory) rest() (settling, watched time.Duration) { return 45 * time.Second, 20 * time.Second }

func (m *memory) datagrams() (sent, lost uint64) {
	s := m.net.Stats()
	return s.Sent, s.Lost
}

// Loopback is the loopback interface with its UDP and TCP sockets. A scenario's
// loss, duplicates, latency, spread and jitter are done to datagrams, in addition to what
// the kernel does; connections are as fast as they are, and nothing can be cut.
func Loopback(seed uint64) Network { return &loopback{transport.NewImpairment(seed)} }

type loopback struct{ impairment *transport.Impairment }

func (l *loopback) String() string { return "the loopback interface" }

func (l *loopback) home() string { return "127.0.0.1:0" }

// again is another port: the one that the node had may be taken by now.
func (l *loopback) again(netip.AddrPort) string { return l.home() }

func (l *loopback) listen(address string) (transport.Transport, error) {
	t, err := transport.Listen(address)
	if err != nil {
		return nil, err
	}
	return l.impairment.Over(t), nil
}

// crash does nothing: closing the sockets is all that the kernel does for a process
// that is killed.
func (l *loopback) crash(netip.AddrPort)                           {}
func (l *loopback) setFaults(f transport.Faults) error             { return l.impairment.SetFaults(f) }
func (l *loopback) cuts() bool                                     { return false }
func (l *loopback) cut(func(from, to netip.AddrPort) (apart bool)) {}

// rest is as short as may be, since time is not free: nodes ask again for what they
// lack within 3.2 s, so somebody would.
func (l *loopback) rest() (settling, watched time.Duration) { return 2 * time.Second, 4 * time.Second }

func (l *loopback) datagrams() (sent, lost uint64) {
	s := l.impairment.Stats()
	return s.Sent, s.Lost
}
