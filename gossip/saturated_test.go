package gossip

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"runtime"
	"runtime/metrics"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkSaturated is what a delivery costs when nodes have as much to do as they
// can: CPU time, allocations and system calls of the whole process, all nodes of it,
// applications and senders included. An operation is a message to all nodes.
func BenchmarkSaturated(b *testing.B) {
	for _, nodes := range []int{64, 256} {
		for _, origins := range []int{1, 8} {
			for _, size := range []int{256, 1024} {
				for _, order := range []Order{Causal, Unordered} {
					for _, window := range []int64{mostUnderWay, 256} {
						b.Run(fmt.Sprintf("nodes=%d/origins=%d/%dB/%v/window=%d", nodes, origins, size, order, window), func(b *testing.B) {
							p := newPlant(b, nodes, Config{Order: order})
							p.window = window
							p.measure(b, origins, size)
						})
					}
				}
			}
		}
	}
}

// plant is a network that delivers as much as it can.
type plant struct {
	// window is how many messages are under way at most: sent, and not delivered
	// everywhere.
	window int64
	ctx    context.Context
	nodes  []*Node
	// delivered counts messages at all nodes, in batches.
	delivered atomic.Int64
	moved     chan struct{} // delivered has grown; room for one
}

// newPlant starts so many nodes, and a reader of each.
func newPlant(b testing.TB, nodes int, cfg Config) *plant {
	b.Helper()
	c := &plant{window: mostUnderWay, moved: make(chan struct{}, 1)}
	c.start(b, nodes, cfg)
	for _, n := range c.nodes {
		go c.read(n)
	}
	return c
}

// start starts so many nodes, of which nobody reads messages yet.
func (c *plant) start(b testing.TB, nodes int, cfg Config) {
	b.Helper()
	var cancel context.CancelFunc
	c.ctx, cancel = context.WithTimeout(b.Context(), 10*time.Minute)
	b.Cleanup(cancel)
	for i := range nodes {
		cfg.ID = fmt.Sprint("node-", i)
		if i > 0 {
			cfg.Join = []string{c.nodes[0].Self().Addr}
		}
		c.nodes = append(c.nodes, start(b, cfg))
	}
	for _, n := range c.nodes {
		if err := n.Ready(c.ctx); err != nil {
			b.Fatal(err)
		}
	}
}

// countEvery is how many deliveries a reader counts at once.
const countEvery = 16

func (c *plant) read(n *Node) {
	var seen int64
	for range n.Messages() {
		if seen++; seen%countEvery == 0 {
			c.delivered.Add(countEvery)
			select {
			case c.moved <- struct{}{}:
			default:
			}
		}
	}
}

// mostUnderWay has nodes handle many messages together; package bench has 256.
const mostUnderWay = 4096

// send has so many messages sent by so many nodes, and waits for them to be delivered
// everywhere. Their number is a multiple of countEvery.
func (c *plant) send(b testing.TB, messages, origins, size int) {
	before := c.delivered.Load()
	done := func() int64 { return (c.delivered.Load() - before) / int64(len(c.nodes)) }
	var wg sync.WaitGroup
	var sent atomic.Int64
	turn := make(chan struct{}, origins)
	for i := range origins {
		wg.Go(func() {
			payload := make([]byte, size)
			for range turn {
				if _, err := c.nodes[i*len(c.nodes)/origins].Broadcast(c.ctx, payload); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	await := func(what string, until func() bool) {
		for !until() {
			select {
			case <-c.moved:
			case <-c.ctx.Done():
				b.Fatalf("%s: %d sent, %d delivered", what, sent.Load(), done())
			}
		}
	}
	for range messages {
		await("no window", func() bool { return sent.Load()-done() < c.window })
		turn <- struct{}{}
		sent.Add(1)
	}
	close(turn)
	wg.Wait()
	await("not everything was delivered", func() bool { return done() == int64(messages) })
}

func (c *plant) measure(b *testing.B, origins, size int) {
	c.send(b, 1024, origins, size) // so that the tree has formed
	messages := (b.N + countEvery - 1) / countEvery * countEvery
	b.ResetTimer()
	before, again := usage(), c.duplicates()
	c.send(b, messages, origins, size)
	used := usage().minus(before)
	b.ReportMetric(used.cpu.Seconds()/b.Elapsed().Seconds(), "cores")
	b.StopTimer()
	deliveries := float64(messages * len(c.nodes))
	b.ReportMetric(float64(used.cpu.Nanoseconds())/deliveries, "cpu-ns/delivery")
	b.ReportMetric(float64(used.allocs)/deliveries, "allocs/delivery")
	b.ReportMetric(float64(used.bytes)/deliveries, "B/delivery")
	b.ReportMetric(float64(used.reads)/deliveries, "reads/delivery")
	b.ReportMetric(float64(used.writes)/deliveries, "writes/delivery")
	b.ReportMetric(float64(c.duplicates()-again)/deliveries, "copies/delivery")
	b.ReportMetric(0, "ns/op")
}

// duplicates counts messages that nodes got once more.
func (c *plant) duplicates() (count uint64) {
	for _, n := range c.nodes {
		count += n.Stats().Duplicates
	}
	return count
}

// spent is what the process has used.
type spent struct {
	cpu           time.Duration
	allocs, bytes uint64
	reads, writes uint64 // system calls on streams; 0 where nobody counts them
	switches      uint64 // of goroutines that became ready to ones that run
}

func (s spent) minus(t spent) spent {
	return spent{s.cpu - t.cpu, s.allocs - t.allocs, s.bytes - t.bytes, s.reads - t.reads, s.writes - t.writes, s.switches - t.switches}
}

func usage() (s spent) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	s.cpu, s.allocs, s.bytes = cpuTime(), m.Mallocs, m.TotalAlloc
	s.switches = goroutineSwitches()
	io, _ := os.ReadFile("/proc/self/io") // Linux
	for line := range bytes.Lines(io) {
		name, value, _ := bytes.Cut(bytes.TrimSpace(line), []byte(": "))
		n, _ := strconv.ParseUint(string(value), 10, 64)
		switch string(name) {
		case "syscr":
			s.reads = n
		case "syscw":
			s.writes = n
		}
	}
	return s
}

// goroutineSwitches is about how often a goroutine that had become ready was run: the runtime
// takes the time of one in eight.
func goroutineSwitches() (count uint64) {
	sample := []metrics.Sample{{Name: "/sched/latencies:seconds"}}
	metrics.Read(sample)
	for _, c := range sample[0].Value.Float64Histogram().Counts {
		count += 8 * c
	}
	return count
}

// TestAllocationsOfADelivery: a message that is relayed, ordered, stamped and handed to
// the application costs less than two allocations: the application's copy of it, and shares
// of what is allocated for many, .55 of one on a quiet machine. On a busy one more comes from
// links that bring it late.
func TestAllocationsOfADelivery(t *testing.T) {
	if underRace {
		t.Skip("the race detector changes what is allocated")
	}
	p := newPlant(t, 16, Config{})
	p.send(t, 2048, 1, 256)
	least := math.Inf(1)
	for range 5 { // a busy machine makes a tree slow, and a slow tree asks twice
		before := usage()
		p.send(t, 2048, 1, 256)
		least = min(least, float64(usage().minus(before).allocs)/float64(2048*len(p.nodes)))
	}
	t.Logf("%.2f allocations", least)
	const most = 2
	if least > most {
		t.Errorf("%.2f allocations for a delivery, at most %v are allowed", least, most)
	}
}
