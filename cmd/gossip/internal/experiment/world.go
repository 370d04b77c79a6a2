package experiment

import (
	"fmt"
	"slices"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
	machine "github.com/Ishan27gOrg/gossipProtocol/protocol"
	"github.com/Ishan27gOrg/gossipProtocol/sim"
)

// The experiments on broadcast take whole nodes, in the event-driven simulator,
// where the others take views in cycles. A cycle is a second there: it is how often
// nodes exchange views while these change.

// world is a network of whole nodes, and what became of the messages that were
// sent in it.
type world struct {
	*sim.World
	l    *lab
	sent map[peer.Dot]*sent
	// Over all messages, also those that are no longer in sent.
	copies, deliveries int
}

// sent is what became of a message, at others than its origin.
type sent struct {
	at     time.Duration
	copies int             // payloads that links brought
	hops   int             // to the node that was the farthest
	delays []time.Duration // from broadcast to delivery, one for each that has it
}

// usualFaults are those of gossip sim broadcast: all takes 10 to 15 ms.
func usualFaults() sim.Faults {
	return sim.Faults{Latency: 10 * time.Millisecond, Jitter: 5 * time.Millisecond}
}

// newWorld starts nodes that join through the first, evenly over half of the
// warm-up, and lets them go on until that is over. Each node has a view of
// Params.View, which is what HyParView calls the passive view, and five links.
func newWorld(l *lab, nodes int, faults sim.Faults, configure func(*machine.Config)) (*world, error) {
	w := &world{World: sim.NewWorld(l.Seed), l: l, sent: make(map[peer.Dot]*sent)}
	w.Faults = faults
	w.Configure = func(c *machine.Config) {
		c.Sampling = peersampling.DefaultServiceConfig(peersampling.Healer(l.View))
		if configure != nil {
			configure(c)
		}
	}
	w.OnArrive(func(m *broadcast.Message) {
		w.copies++
		if s := w.sent[m.Dot]; s != nil {
			s.copies++
		}
	})
	w.OnDeliver = w.delivered
	coming := warmUp(l.Params) / 2
	for i := range nodes {
		if n := w.Start(fmt.Sprint("n", i)); i > 0 {
			w.Join(n, w.Nodes()[0])
		}
		next := time.Duration(i+1) * time.Duration(coming) * time.Second / time.Duration(nodes)
		if next/time.Second > w.Now()/time.Second {
			if err := w.cycle(); err != nil {
				return nil, err
			}
		}
		w.Run(next - w.Now())
	}
	return w, w.seconds(warmUp(l.Params) - coming)
}

// warmUp is how many seconds a world gets before anything is measured.
func warmUp(p Params) int { return max(6, p.Cycles/5) }

// seconds lets some go by.
func (w *world) seconds(n int) error {
	for range n {
		if err := w.run(time.Second); err != nil {
			return err
		}
	}
	return nil
}

// run lets time go by, which counts as a cycle of the experiment's.
func (w *world) run(d time.Duration) error {
	w.Run(d)
	return w.cycle()
}

// cycle counts one.
func (w *world) cycle() error {
	if err := w.l.ctx.Err(); err != nil {
		return err
	}
	w.l.tick()
	return nil
}

// say lets a node broadcast. What it delivers itself is not counted.
func (w *world) say(n *sim.Node) (*sent, *broadcast.Message, error) {
	m, err := w.Broadcast(n, []byte("message"))
	if err != nil {
		return nil, nil, err
	}
	s := &sent{at: w.Now()}
	w.sent[m.Dot] = s
	return s, m, nil
}

func (w *world) delivered(n *sim.Node, m *broadcast.Message) {
	s := w.sent[m.Dot]
	if s == nil || m.Dot.Origin == n.Handle {
		return
	}
	w.deliveries++
	s.hops = max(s.hops, int(m.Hops))
	s.delays = append(s.delays, w.Now()-s.at)
}

// redundancy is how many payloads came for each delivery, minus one.
func (s *sent) redundancy() float64 {
	if len(s.delays) == 0 {
		return 0
	}
	return float64(s.copies)/float64(len(s.delays)) - 1
}

// within is the share of so many others that had the message by then.
func (s *sent) within(d time.Duration, others int) float64 {
	n := 0
	for _, delay := range s.delays {
		if delay <= d {
			n++
		}
	}
	return float64(n) / float64(others)
}

// reached is the share of so many others that have the message.
func (s *sent) reached(others int) float64 { return float64(len(s.delays)) / float64(others) }

// last is how long the last delivery took.
func (s *sent) last() time.Duration {
	if len(s.delays) == 0 {
		return 0
	}
	return slices.Max(s.delays)
}

// up are the nodes that are.
func (w *world) up() []*sim.Node {
	var alive []*sim.Node
	for _, n := range w.Nodes() {
		if n.Up {
			alive = append(alive, n)
		}
	}
	return alive
}

// broken counts the promises that the simulator's oracle saw broken, P4 included.
func (w *world) broken() int {
	w.Oracle.Agree(w.up())
	sum := 0
	for _, n := range w.Oracle.Broken {
		sum += n
	}
	return sum
}

// counted adds up a counter of all nodes.
func (w *world) counted(of func(machine.Counters) uint64) int {
	sum := uint64(0)
	for _, n := range w.Nodes() {
		sum += of(n.Machine.Counters())
	}
	return int(sum)
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// quantile is what so large a share of the numbers is not above; 0 of none.
func quantile[T int | time.Duration](xs []T, share float64) T {
	if len(xs) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(xs))
	return sorted[int(share*float64(len(xs)-1))]
}
