package gossip

import (
	"fmt"
	"runtime"
	"testing"
	"time"
)

// BenchmarkIdle is what nodes cost that have nothing to say: after a while, in which they
// find each other, and per second of a node. Run it with -benchtime 1x; it takes a minute
// and a half. Bytes are with the headers of IP, UDP and TCP, and as many acknowledgements
// as segments: 28 bytes a datagram, 104 a write.
func BenchmarkIdle(b *testing.B) {
	for _, nodes := range []int{64, 256} {
		b.Run(fmt.Sprint("nodes=", nodes), func(b *testing.B) {
			for range b.N {
				measureIdle(b, nodes)
			}
		})
	}
}

func measureIdle(b *testing.B, nodes int) {
	const settle, watch = 60 * time.Second, 30 * time.Second
	heap, goroutines := heapAndStacks(), runtime.NumGoroutine()
	p := newPlant(b, nodes, Config{})
	time.Sleep(settle)
	each := float64(nodes)
	b.ReportMetric(float64(heapAndStacks()-heap)/each/1024, "KiB/node")
	b.ReportMetric(float64(runtime.NumGoroutine()-goroutines)/each, "goroutines/node")
	before, cpu := p.sum(), cpuTime()
	time.Sleep(watch)
	after, used := p.sum(), cpuTime()-cpu
	per := func(count uint64) float64 { return float64(count) / each / watch.Seconds() }
	b.ReportMetric(float64(used.Milliseconds())/each/watch.Seconds(), "cpu-ms/s")
	b.ReportMetric(per(after.datagrams-before.datagrams), "datagrams/s")
	b.ReportMetric(per(after.writes-before.writes), "writes/s")
	b.ReportMetric(per(after.bytes-before.bytes), "B/s")
	b.ReportMetric(per(after.exchanges-before.exchanges), "exchanges/s")
	b.ReportMetric(per(after.probes-before.probes), "probes/s")
	b.ReportMetric(0, "ns/op")
}

// traffic is what nodes have sent.
type traffic struct{ datagrams, writes, bytes, exchanges, probes uint64 }

func (p *plant) sum() (t traffic) {
	for _, n := range p.nodes {
		s := n.Stats()
		t.datagrams += s.PacketsSent
		t.writes += s.LinkWrites
		t.bytes += s.PacketBytesSent + s.LinkBytesSent + 28*s.PacketsSent + 104*s.LinkWrites
		t.exchanges += s.Exchanges
		t.probes += s.Probes
	}
	return t
}

// TestAnIdleNodeHoldsLittle: three goroutines, and one for each link; and no more heap and
// stacks than what is said of ten thousand nodes in a process. Goroutines are exact, once
// those that shook hands or wrote have ended. Heap and stacks are 75 to 85 KiB, once all have
// waited for something: the bound is a fifth above, for stacks come in spans of which one may
// be in use. What other tests have left may be freed meanwhile, which makes it less.
func TestAnIdleNodeHoldsLittle(t *testing.T) {
	if underRace {
		t.Skip("the race detector changes what is allocated, and how deep stacks are")
	}
	const nodes, most = 64, 100 << 10
	goroutines, memory := runtime.NumGoroutine(), heapAndStacks()
	p := newPlant(t, nodes, Config{})
	ctx := within(t, time.Minute)
	for {
		links := 0
		for _, n := range p.nodes {
			links += len(n.Links())
		}
		const own, readers = 3 * nodes, nodes // the plant's
		now := runtime.NumGoroutine() - goroutines
		each := (heapAndStacks() - memory) / nodes
		if links >= 4*nodes && now == own+readers+links && each <= most {
			t.Logf("%.1f KiB", float64(each)/1024)
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("%d goroutines of %d nodes with %d ends of links, want %d; an idle node holds %d bytes, at most %d are allowed",
				now, nodes, links, own+readers+links, each, most)
		}
		time.Sleep(100 * time.Millisecond)
	}
}
