package overlay

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
)

// BenchmarkCycle is one cycle of an overlay that has had ten: on GOMAXPROCS
// cores, so -cpu 1,2 tells what the second one is worth.
func BenchmarkCycle(b *testing.B) {
	for _, n := range []int{10_000, 100_000, 1_000_000} {
		for _, bench := range []struct {
			name   string
			policy peersampling.Policy
		}{
			{"blind", peersampling.Blind(30)},
			{"healer", peersampling.Healer(30)},
			{"swapper", peersampling.Swapper(30)},
			{"newscast", peersampling.Newscast(30)},
			{"cyclon", peersampling.Cyclon(30)},
		} {
			b.Run(fmt.Sprintf("%s/%d", bench.name, n), func(b *testing.B) { benchmarkCycle(b, bench.policy, n) })
		}
	}
}

func benchmarkCycle(b *testing.B, p peersampling.Policy, n int) {
	before := heap()
	o, err := New(Config{Nodes: n, Policy: p, Start: Random, Seed: 1})
	if err != nil {
		b.Fatal(err)
	}
	for range min(10, 10_000_000/n) { // views are as mixed as they get, caches as warm
		o.Step()
	}
	bytes := float64(heap()-before) / float64(n)
	b.ReportAllocs()
	cpu := cpuTime()
	for b.Loop() {
		o.Step()
	}
	exchanges := float64(b.N) * float64(n)
	b.ReportMetric(float64(cpuTime()-cpu)/exchanges, "cpu-ns/exchange")
	b.ReportMetric(float64(b.Elapsed())/exchanges, "ns/exchange")
	b.ReportMetric(bytes, "B/node")
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkMeasure is a row of 10^4 nodes with everything exact, and one of 10^6
// with samples.
func BenchmarkMeasure(b *testing.B) {
	for _, bench := range []struct {
		nodes    int
		sampling Sampling
	}{
		{10_000, Sampling{}},
		{10_000, Sampling{Clustering: 1000, Paths: 128}},
		{1_000_000, Sampling{Clustering: 1000, Paths: 64}},
	} {
		b.Run(fmt.Sprintf("%d/%+v", bench.nodes, bench.sampling), func(b *testing.B) {
			o, err := New(Config{Nodes: bench.nodes, Policy: peersampling.Healer(30), Start: Random, Seed: 1})
			if err != nil {
				b.Fatal(err)
			}
			for range 5 {
				o.Step()
			}
			for b.Loop() {
				o.Measure(bench.sampling)
			}
		})
	}
}
