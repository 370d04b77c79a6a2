package peersampling

import "testing"

// BenchmarkExchange is one atomic exchange, c = 30, in a warm overlay of 10^4
// nodes: choosing the peer, both buffers, both merges, both agings.
func BenchmarkExchange(b *testing.B) {
	for _, bench := range []struct {
		name   string
		policy Policy
	}{
		{"blind", Blind(30)},
		{"healer", Healer(30)},
		{"swapper", Swapper(30)},
		{"newscast2004", Newscast(30)},
		{"random2004", Policy{Peer: Random, Propagation: PushPull, View: Random, C: 30}},
		{"cyclon", Cyclon(30)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			o := newOverlay(b, bench.policy, 10_000, 1)
			o.run(20)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				o.exchange(o.order[i%len(o.order)])
			}
		})
	}
}
