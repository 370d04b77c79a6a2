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

// BenchmarkRound is one cycle of a Brahms overlay that has had ten. Most of its
// time goes into showing each node's samplers what the node has pulled, 30 times
// 13 views of about 28.
func BenchmarkRound(b *testing.B) {
	for _, n := range []int{1000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("brahms/%d", n), func(b *testing.B) { benchmarkCycle(b, peersampling.Brahms(30), n) })
	}
}

// BenchmarkPeriod is one period of an event-driven overlay that has had ten: an
// exchange, two messages, for each node.
func BenchmarkPeriod(b *testing.B) {
	for _, nodes := range []Nodes{Bare, Deployed} {
		b.Run(fmt.Sprintf("%v/10000", nodes), func(b *testing.B) {
			before := heap()
			o := run(newOverlay(b, Config{
				Nodes: 10_000, Policy: peersampling.Healer(30), Start: Random, Seed: 1,
				Messages: &Messages{Nodes: nodes, Latency: 0.05, Spread: 0.5},
			}), 10)
			bytes, sent, cpu := float64(heap()-before)/10_000, o.MessagesSent(), cpuTime()
			b.ReportAllocs()
			for b.Loop() {
				o.Step()
			}
			b.ReportMetric(float64(cpuTime()-cpu)/float64(o.MessagesSent()-sent), "cpu-ns/message")
			b.ReportMetric(bytes, "B/node")
		})
	}
}

// BenchmarkAttack is no matter of speed: it reports the attackers' shares of 1000
// nodes' views of 30 after 10, 50 and 100 cycles, and of their samples, and how
// many nodes are isolated in the end. Run it with -benchtime 1x.
func BenchmarkAttack(b *testing.B) {
	cheap := peersampling.Brahms(4) // a push and a pull a round
	cheap.Samplers = 30
	mostlySwapper := peersampling.Swapper(30)
	mostlySwapper.H, mostlySwapper.S = 1, 14
	for _, attack := range []Attack{{Kind: Hub}, {Kind: Flood, Rate: 5}} {
		for _, bench := range []struct {
			name   string
			policy peersampling.Policy
		}{
			{"blind", peersampling.Blind(30)},
			{"healer", peersampling.Healer(30)},
			{"swapper", peersampling.Swapper(30)},
			{"H=1,S=14", mostlySwapper},
			{"newscast", peersampling.Newscast(30)},
			{"cyclon", peersampling.Cyclon(30)},
			{"brahms", peersampling.Brahms(30)},
			{"brahms-one-push", cheap},
		} {
			for _, attack.Fraction = range []float64{0.01, 0.03, 0.05, 0.1, 0.2, 0.3} {
				b.Run(fmt.Sprintf("%v/%s/%v", attack.Kind, bench.name, attack.Fraction), func(b *testing.B) {
					for b.Loop() {
						o := newOverlay(b, Config{Nodes: 1000, Policy: bench.policy, Start: Random, Seed: 1, Attack: attack})
						for _, cycle := range []int{10, 50, 100} {
							share, isolated := run(o, cycle-o.Cycle()).AttackerShare()
							b.ReportMetric(share, fmt.Sprintf("views@%d", cycle))
							b.ReportMetric(float64(isolated), "isolated")
						}
						samples, _ := o.SampleAttackerShare()
						b.ReportMetric(samples, "samples")
					}
				})
			}
		}
	}
}
