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
