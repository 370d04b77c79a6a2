package guard

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"testing"
	"time"
)

// answered counts how many of so many datagrams at one moment are answered.
func answered(n int, ask func(i int) bool) (yes int) {
	for i := range n {
		if ask(i) {
			yes++
		}
	}
	return yes
}

func TestWhatSourcesShare(t *testing.T) {
	cfg := RatesConfig{
		Unproven: Limit{100, 100}, UnprovenBlock: Limit{10, 10},
		Proven: Limit{10, 10}, ProvenBlock: Limit{30, 30},
	}
	for _, test := range []struct {
		why              string
		from             func(i int) string
		unproven, proven int // of a thousand
	}{
		{"one endpoint", func(int) string { return "192.0.2.1:1" }, 10, 10},
		{"the ports of one address", func(i int) string { return fmt.Sprintf("192.0.2.1:%d", i+1) }, 10, 30},
		{"the same, mapped now and then", func(i int) string {
			return []string{"192.0.2.1:1", "[::ffff:192.0.2.1]:1"}[i%2]
		}, 10, 10},
		{"two addresses", func(i int) string { return fmt.Sprintf("192.0.2.%d:1", i%2) }, 20, 20},
		{"the addresses of one /64", func(i int) string { return fmt.Sprintf("[2001:db8::%x]:1", i) }, 10, 30},
		{"many addresses", func(i int) string { return fmt.Sprintf("10.0.%d.%d:1", i/250, i%250) }, 100, 1000},
		{"many /64s", func(i int) string { return fmt.Sprintf("[2001:db8:0:%x::1]:1", i) }, 100, 1000},
		{"loopback is one host", func(i int) string { return fmt.Sprintf("127.0.0.1:%d", i+1) }, 100, 1000},
		{"in either family", func(i int) string { return fmt.Sprintf("[::1]:%d", i+1) }, 100, 1000},
		{"and mapped", func(i int) string { return fmt.Sprintf("[::ffff:127.0.0.1]:%d", i+1) }, 100, 1000},
	} {
		r := NewRates(cfg)
		if got := answered(1000, func(i int) bool { return r.Unproven(0, ap(test.from(i))) }); got != test.unproven {
			t.Errorf("%s, unproven: %d are answered, want %d", test.why, got, test.unproven)
		}
		if got := answered(1000, func(i int) bool { return r.Proven(0, ap(test.from(i))) }); got != test.proven {
			t.Errorf("%s, proven: %d are answered, want %d", test.why, got, test.proven)
		}
	}
}

// Who is charged for more than he asked has none until that is paid off, nor has who
// shares his address; and no debt is so large that time does not pay it.
func TestWhoIsChargedWaits(t *testing.T) {
	r := NewRates(RatesConfig{Proven: Limit{10, 10}, ProvenBlock: Limit{100, 30}})
	for _, step := range []struct {
		why     string
		now     time.Duration
		from    string
		charge  int
		allowed int // of a hundred, before the charge
	}{
		{"it asks, and has brought much to do", 0, "192.0.2.1:1", 1000, 10},
		{"it shares an address", 0, "192.0.2.1:2", 0, 0},
		{"it does not", 0, "192.0.2.2:1", 0, 10},
		{"half of it is paid off", time.Second / 2, "192.0.2.1:1", 0, 0},
		{"it shares an address, which has more", time.Second / 2, "192.0.2.1:3", 0, 10},
		{"all of it, but not more", time.Second * 11 / 10, "192.0.2.1:1", 0, 1},
		{"nothing", time.Second * 11 / 10, "192.0.2.3:1", 0, 10},
		{"loopback is many hosts", time.Minute, "127.0.0.1:1", 1000, 10},
		{"another of them", time.Minute, "127.0.0.1:2", 0, 10},
		{"the same", time.Minute, "127.0.0.1:1", 0, 0},
	} {
		if got := answered(100, func(int) bool { return r.Proven(step.now, ap(step.from)) }); got != step.allowed {
			t.Errorf("%s: %d are answered, want %d", step.why, got, step.allowed)
		}
		r.Charge(step.now, ap(step.from), step.charge)
	}
}

// Time gives back what was used, and no more than the burst.
func TestRatesComeBack(t *testing.T) {
	r := NewRates(RatesConfig{Unproven: Limit{100, 10}, UnprovenBlock: Limit{100, 10}, Proven: Limit{10, 5}, ProvenBlock: Limit{100, 100}})
	for _, test := range []struct {
		now              time.Duration
		unproven, proven int
	}{{0, 10, 5}, {0, 0, 0}, {10 * time.Millisecond, 1, 0}, {110 * time.Millisecond, 10, 1}, {time.Hour, 10, 5}} {
		unproven := answered(20, func(int) bool { return r.Unproven(test.now, ap("192.0.2.77:7946")) })
		proven := answered(20, func(int) bool { return r.Proven(test.now, alice) })
		if unproven != test.unproven || proven != test.proven {
			t.Errorf("at %v: %d and %d, want %d and %d", test.now, unproven, proven, test.unproven, test.proven)
		}
	}
}

// A flood from one block leaves the others what is theirs, and what is refused to it
// takes nothing from them.
func TestABlockBeyondItsBoundTakesNothingFromOthers(t *testing.T) {
	r := NewRates(RatesConfig{})
	if got := answered(1e6, func(int) bool { return r.Unproven(0, alice) }); got != defaultUnprovenBlock.Burst {
		t.Errorf("the flood got %d answers", got)
	}
	if got := answered(4000, func(i int) bool {
		return r.Unproven(0, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), 1))
	}); got != 4000 {
		t.Errorf("%d of 4000 newcomers got a token beside it", got)
	}
}

// What is beyond the bound of all does not push anybody out of the table.
func TestAFloodBeyondTheBoundOfAllForgetsNobody(t *testing.T) {
	r := NewRates(RatesConfig{Unproven: Limit{1, 20}, UnprovenBlock: Limit{0.001, 10}, Sources: 16})
	answered(10, func(int) bool { return r.Unproven(0, alice) })
	random := rand.New(rand.NewPCG(1, 2))
	answered(1000, func(int) bool { return r.Unproven(0, randomSource(random)) })
	if r.Unproven(time.Minute, alice) {
		t.Error("who has used up his burst has another one")
	}
	if s := r.Stats(); s.Unproven != 990 || s.UnprovenBlock != 1 || s.Evicted != 0 {
		t.Errorf("%+v", s)
	}
}

// TestAFloodOfForgedSourcesDoesNotTouchPeers: who has been talking to the node gets its
// next token at once, however many others that do not exist ask for one; and who forges
// a peer's address has it troubled a little, and takes nothing else from it.
func TestAFloodOfForgedSourcesDoesNotTouchPeers(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	r := NewRates(RatesConfig{})
	peers := make([]netip.AddrPort, 100)
	for i := range peers {
		peers[i] = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, 0, byte(i)}), 7946)
		r.Proven(0, peers[i])
	}
	const second = 16_667 // datagrams
	flood := func(from, to int) {
		for i := from; i < to; i++ {
			r.Unproven(time.Duration(i)*time.Second/second, randomSource(random))
		}
	}
	flood(0, 10*second)
	for i, p := range peers {
		at := (10 + i) * second
		if !r.Unproven(time.Duration(at)*time.Second/second, p) {
			t.Fatalf("peer %d gets no token", i)
		}
		flood(at, at+second)
	}
	now := time.Hour
	if got := answered(1000, func(int) bool { return r.Unproven(now, peers[0]) }); got < defaultKnown.Burst || got > defaultKnown.Burst+defaultUnprovenBlock.Burst {
		t.Errorf("a peer's address was sent %d tokens that somebody else asked for", got)
	}
	if !r.Proven(now, peers[0]) {
		t.Error("its own requests are not answered for that")
	}
}

// What honest nodes do is never refused by default: each row is a reason that rates.go
// gives for a default.
func TestHonestNodesAreAnswered(t *testing.T) {
	for _, test := range []struct {
		why  string
		n    int
		each time.Duration
		ask  func(r *Rates, now time.Duration, i int) bool
	}{
		{"ten thousand nodes join through one at once", 10000, 0, func(r *Rates, now time.Duration, i int) bool {
			return r.Unproven(now, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), 7946))
		}},
		{"a thousand nodes behind one address ask twice", 2000, 0, func(r *Rates, now time.Duration, i int) bool {
			return r.Unproven(now, netip.AddrPortFrom(ip("192.0.2.1"), uint16(i%1000+1)))
		}},
		{"and with the token", 2000, 0, func(r *Rates, now time.Duration, i int) bool {
			return r.Proven(now, netip.AddrPortFrom(ip("192.0.2.1"), uint16(i%1000+1)))
		}},
		{"the only peer exchanges every 10 ms", 10000, 10 * time.Millisecond, func(r *Rates, now time.Duration, _ int) bool {
			return r.Proven(now, alice)
		}},
	} {
		r := NewRates(RatesConfig{})
		if got := answered(test.n, func(i int) bool { return test.ask(r, time.Duration(i)*test.each, i) }); got != test.n {
			t.Errorf("%s: %d of %d are answered", test.why, got, test.n)
		}
	}
}

// A million forged sources a minute leave memory as it was after the first few
// thousand, and get no more than a bucket's worth of answers.
func TestAFloodOfForgedSourcesLeavesMemoryFlat(t *testing.T) {
	const flood, minute = 1_000_000, time.Minute
	random := rand.New(rand.NewPCG(1, 2))
	r, a, p := NewRates(RatesConfig{}), NewAddresses(seeded(1)), NewRequests[[8]byte](1024, patience)
	nonce := nonceOf(1)
	answers := 0
	send := func(i int) {
		now, from := minute*time.Duration(i)/flood, randomSource(random)
		if a.Accept(now, from, Token{byte(i), byte(i >> 8), byte(i >> 16)}, nonce) == Unproven && r.Unproven(now, from) {
			answers++
		}
		r.Proven(now, from) // as if each were proven: its tables must hold as well
		if i%16 > 0 {
			return
		}
		p.Put(now, uint64(i), from, [8]byte{})
		p.Learn(now, uint64(i), Token{byte(i)})
	}
	for i := range flood / 10 {
		send(i)
	}
	early := heap()
	for i := flood / 10; i < flood; i++ {
		send(i)
	}
	late := heap()
	t.Logf("heap after 10^5: %d KiB, after 10^6: %d KiB; %d answers", early>>10, late>>10, answers)
	if late > early+256<<10 {
		t.Errorf("memory grew from %d to %d bytes", early, late)
	}
	if most := defaultUnproven.Burst + int(defaultUnproven.PerSecond*minute.Seconds()); answers > most {
		t.Errorf("%d answers, at most %d are due", answers, most)
	}
	for name, n := range map[string]int{"blocks": r.unprovenBlock.len(), "endpoints": r.proven.len(), "proven blocks": r.provenBlock.len()} {
		if n != defaultSources {
			t.Errorf("%d %s are told apart, the bound is %d", n, name, defaultSources)
		}
	}
	if s := p.Stats(); s.Waiting > 1024 || s.Tokens > 1024 {
		t.Errorf("requests: %+v", s)
	}
	if n := len(a.present.seen) + len(a.past.seen); n != 0 {
		t.Errorf("%d nonces are remembered of whom nothing is known", n)
	}
	runtime.KeepAlive(r)
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkFlood is what a datagram from a forged source costs Rates: at 10^6 a minute,
// at the pace that is answered, and when nothing is; and one from a proven address that
// is not known yet.
func BenchmarkFlood(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	sources := make([]netip.AddrPort, 1<<16)
	for i := range sources {
		sources[i] = randomSource(random)
	}
	for _, bench := range []struct {
		name string
		pace time.Duration // from one datagram to the next
	}{{"beyond", 60 * time.Microsecond}, {"within", 200 * time.Microsecond}} {
		b.Run(bench.name, func(b *testing.B) {
			r := NewRates(RatesConfig{})
			for i := range 20000 {
				r.Unproven(0, sources[i])
			}
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				i++
				r.Unproven(bench.pace*time.Duration(i), sources[i%len(sources)])
			}
		})
	}
	b.Run("refused", func(b *testing.B) {
		r := NewRates(RatesConfig{})
		for i := range 20000 {
			r.Unproven(0, sources[i])
		}
		i := 0
		b.ReportAllocs()
		for b.Loop() {
			i++
			r.Unproven(0, sources[i%len(sources)])
		}
	})
	b.Run("proven", func(b *testing.B) {
		r := NewRates(RatesConfig{})
		i := 0
		b.ReportAllocs()
		for b.Loop() {
			i++
			r.Proven(60*time.Microsecond*time.Duration(i), sources[i%len(sources)])
		}
	})
}
