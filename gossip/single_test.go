package gossip

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkSingleMessage is what a message costs that has a network to itself, and how long
// it takes to the last node: CPU time, allocations and system calls of the whole process, what
// idle nodes do meanwhile included. An operation is a message, from a random node, and a
// pause.
func BenchmarkSingleMessage(b *testing.B) {
	for _, nodes := range []int{64, 256} {
		b.Run(fmt.Sprint("nodes=", nodes), func(b *testing.B) {
			s := newSolo(b, nodes, Config{})
			s.send(b, 100) // so that the tree has formed
			b.ResetTimer()
			s.measure(b, b.N)
		})
	}
}

// solo is a network in which one message is under way at a time.
type solo struct {
	plant
	// arrived counts deliveries of it; whole is told when they are all.
	arrived atomic.Int64
	whole   chan struct{}
}

func newSolo(b testing.TB, nodes int, cfg Config) *solo {
	s := &solo{whole: make(chan struct{}, 1)}
	s.plant.start(b, nodes, cfg)
	for _, n := range s.nodes {
		go s.read(n)
	}
	return s
}

func (s *solo) read(n *Node) {
	for range n.Messages() {
		if s.arrived.Add(1) == int64(len(s.nodes)) {
			s.whole <- struct{}{}
		}
	}
}

// soloPause is between two messages: so long that nothing of one is still to be done
// when the next one comes, and that nodes do not take it for much.
const soloPause = 20 * time.Millisecond

// send has so many messages sent, each when the one before is everywhere, and tells how long
// they took and what was used while they were under way.
func (s *solo) send(b testing.TB, messages int) (lasts, busy []time.Duration) {
	payload := make([]byte, 256)
	for range messages {
		s.arrived.Store(0)
		before, began := cpuTime(), time.Now()
		if _, err := s.nodes[rand.IntN(len(s.nodes))].Broadcast(s.ctx, payload); err != nil {
			b.Fatal(err)
		}
		select {
		case <-s.whole:
		case <-s.ctx.Done():
			b.Fatalf("%d of %d nodes have it", s.arrived.Load(), len(s.nodes))
		}
		lasts = append(lasts, time.Since(began))
		busy = append(busy, cpuTime()-before)
		time.Sleep(soloPause)
	}
	return lasts, busy
}

func (s *solo) measure(b *testing.B, messages int) {
	before, again := usage(), s.duplicates()
	lasts, busy := s.send(b, messages)
	used := usage().minus(before)
	b.StopTimer()
	slices.Sort(lasts)
	slices.Sort(busy)
	deliveries := float64(messages * len(s.nodes))
	b.ReportMetric(float64(lasts[len(lasts)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(lasts[len(lasts)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(lasts[len(lasts)/10].Microseconds())/1000, "p10-ms")
	b.ReportMetric(float64(busy[len(busy)/2].Nanoseconds())/1000/float64(len(s.nodes)), "cpu-µs/delivery")
	b.ReportMetric(float64(busy[len(busy)/10].Nanoseconds())/1000/float64(len(s.nodes)), "p10-cpu-µs/delivery")
	b.ReportMetric(float64(used.cpu.Nanoseconds())/1000/deliveries, "all-cpu-µs/delivery")
	b.ReportMetric(float64(used.allocs)/deliveries, "allocs/delivery")
	b.ReportMetric(float64(used.reads)/deliveries, "reads/delivery")
	b.ReportMetric(float64(used.writes)/deliveries, "writes/delivery")
	b.ReportMetric(float64(used.switches)/deliveries, "switches/delivery")
	b.ReportMetric(float64(s.duplicates()-again)/deliveries, "copies/delivery")
	b.ReportMetric(0, "ns/op")
}
