package netns

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// suiteVariable says which scenarios are played: short or all. Without it none is,
// as it takes root's privileges to.
const suiteVariable = "GOSSIP_NETNS"

func TestMain(m *testing.M) {
	if Part() {
		return
	}
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-interrupted
		if err := CloseAll(); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(130)
	}()
	os.Exit(m.Run())
}

// scenario is a network with a fault, and what is done in it.
type scenario struct {
	name      string
	short     bool // part of the short suite
	mtu       int
	addresses func(host int) []netip.Prefix
	faults    Faults // from before the nodes start until the end
	dead      int    // join addresses of every node that nobody answers at
	play      func(*play)
}

// patience is how long one wait may take: as in the simulator, all that is owed is
// to be there two minutes after a fault.
const patience = 2 * time.Minute

// hosts is how many there are in each scenario.
const hosts = 12

var scenarios = []scenario{
	{
		name: "none", // what the others are to be held against
		play: (*play).converse,
	},
	{
		name:   "loss 5 %",
		faults: Faults{Loss: 0.05},
		play: func(p *play) {
			p.converse()
			p.lost(0.05)
		},
	},
	{
		name: "loss 30 %", short: true,
		faults: Faults{Loss: 0.30},
		play: func(p *play) {
			p.converse()
			p.lost(0.30)
		},
	},
	{
		name:   "delay 80 ms ± 40 ms",
		faults: Faults{Delay: 80 * time.Millisecond, Jitter: 40 * time.Millisecond},
		play: func(p *play) {
			p.converse()
			p.delayed(100*time.Millisecond, 300*time.Millisecond)
		},
	},
	{
		name:   "duplication 10 %",
		faults: Faults{Duplicate: 0.10},
		play: func(p *play) {
			p.converse()
			p.counted("TcpExt TCPDSACKOldSent", "segments came twice")
		},
	},
	{
		// What is not delayed overtakes what is.
		name:   "reordering 25 %",
		faults: Faults{Delay: 20 * time.Millisecond, Reorder: 0.25},
		play: func(p *play) {
			p.converse()
			p.counted("TcpExt TCPOFOQueue", "segments came before their turn")
		},
	},
	{
		// A single bit that is turned over never gets past the checksums of IPv4, TCP
		// and UDP, so nodes lose what is damaged and see none of it. What nobody
		// sums up is the Ethernet header and ARP.
		name:   "corruption 2 %",
		faults: Faults{Corrupt: 0.02},
		play: func(p *play) {
			p.converse()
			p.counted("Tcp InCsumErrors", "segments had a wrong checksum")
			p.intact()
		},
	},
	{
		name: "everything at once", short: true,
		faults: Faults{Loss: 0.05, Delay: 40 * time.Millisecond, Jitter: 20 * time.Millisecond, Duplicate: 0.05, Reorder: 0.1, Corrupt: 0.01},
		play: func(p *play) {
			p.converse()
			p.lost(0.05)
			p.counted("TcpExt TCPDSACKOldSent", "segments came twice")
			p.counted("TcpExt TCPOFOQueue", "segments came before their turn")
			p.counted("Tcp InCsumErrors", "segments had a wrong checksum")
			p.intact()
		},
	},
	{
		name: "MTU 1,280", short: true, mtu: 1280,
		addresses: both,
		play: func(p *play) {
			p.start()
			p.talk(p.lab.Hosts, 48, 50*time.Millisecond, 2, 20_000)
			p.settled()
			p.unfragmented(1280)
		},
	},
	{
		name: "one-way cuts", short: true,
		play: oneWay,
	},
	{
		name: "cuts that come and go",
		play: flapping,
	},
	{
		name: "partition", short: true,
		play: partition,
	},
	{
		name: "rebooted with a new address", short: true,
		play: reboot,
	},
	{
		name: "IPv6 only", short: true,
		addresses: func(host int) []netip.Prefix { return []netip.Prefix{V6(host)} },
		play: func(p *play) {
			p.converse()
			if n := p.counters()["Ip OutRequests"]; n > 0 {
				p.t.Errorf("%d packets were sent over IPv4", n)
			}
			p.counted("Ip6OutRequests", "packets were sent over IPv6")
		},
	},
	{
		name: "dual stack", short: true,
		addresses: mixed,
		play:      dualStack,
	},
	{
		name: "names with dead addresses", short: true, dead: 13,
		play: deadNames,
	},
}

func both(host int) []netip.Prefix { return []netip.Prefix{V4(host), V6(host)} }

// mixed gives a third of the hosts IPv4, a third IPv6, and a third both.
func mixed(host int) []netip.Prefix {
	switch {
	case host <= hosts/3:
		return []netip.Prefix{V4(host)}
	case host <= 2*hosts/3:
		return []netip.Prefix{V6(host)}
	}
	return both(host)
}

// oneWay cuts single directions. First every third of all, in a pattern that leaves
// every host some peers to talk with in both: all have to get all while it lasts. Then
// all that one host sends, which can no longer answer to anything.
func oneWay(p *play) {
	p.start()
	var cuts [][2]*Host
	for i, from := range p.lab.Hosts {
		for k, to := range p.lab.Hosts {
			if i != k && (i+2*k)%3 == 0 {
				cuts = append(cuts, [2]*Host{from, to})
			}
		}
	}
	for _, c := range cuts {
		p.must(p.lab.Cut(c[0], c[1]))
	}
	p.talk(p.lab.Hosts, 48, 50*time.Millisecond, 3, 1000)
	p.settled()
	for _, c := range cuts {
		p.must(p.lab.Mend(c[0], c[1]))
	}
	silent, others := p.lab.Hosts[3], slices.Concat(p.lab.Hosts[:3], p.lab.Hosts[4:])
	p.must(p.lab.Cut(silent, others...))
	p.talk(p.lab.Hosts, 24, 50*time.Millisecond, 0, 1000)
	p.must(p.lab.Have(p.ctx, others))
	if n := p.lab.Lacking(); n == 0 {
		p.t.Error("a host whose messages were all cut off lacks nothing, and nobody lacks any of its")
	}
	p.apart()
	p.mended(func() { p.must(p.lab.Mend(silent, others...)) })
	p.cut()
}

// flapping cuts another third of all directions every second, while all talk. Links
// do not live long enough to be given up, and what is on its way is stuck in them.
func flapping(p *play) {
	p.start()
	rng := rand.New(rand.NewPCG(1, 0))
	for range 20 {
		cuts := make(map[*Host][]*Host)
		for _, from := range p.lab.Hosts {
			for _, to := range p.lab.Hosts {
				if from != to && rng.IntN(3) == 0 {
					cuts[from] = append(cuts[from], to)
				}
			}
		}
		for from, to := range cuts {
			p.must(p.lab.Cut(from, to...))
		}
		p.talk(p.lab.Hosts, 12, 80*time.Millisecond, 2, 1000)
		for from, to := range cuts {
			p.must(p.lab.Mend(from, to...))
		}
	}
	p.settled()
	p.cut()
}

// partition lets both halves talk to themselves.
func partition(p *play) {
	p.start()
	a, b := p.lab.Hosts[:hosts/2], p.lab.Hosts[hosts/2:]
	p.talk(p.lab.Hosts, 12, 50*time.Millisecond, 3, 1000)
	p.settled()
	begun := time.Now()
	for _, h := range a {
		p.must(p.lab.Cut(h, b...))
	}
	for _, h := range b {
		p.must(p.lab.Cut(h, a...))
	}
	p.talk(p.lab.Hosts, 24, 50*time.Millisecond, 0, 1000)
	p.apart()
	p.talk(p.lab.Hosts, 24, 50*time.Millisecond, 0, 1000)
	p.must(p.lab.Have(p.ctx, a))
	p.must(p.lab.Have(p.ctx, b))
	if n := p.lab.Lacking(); n != 24*hosts {
		p.t.Errorf("%d deliveries lack at the end of the partition: want %d, half of the messages at every host", n, 24*hosts)
	}
	// Nodes look for new links 10 s after the cut, and every 5 s from then on: an end
	// just at such a moment would make healing look quicker than it is.
	p.until(begun.Add(p.long(17*time.Second, 62*time.Second)))
	p.mended(func() {
		for _, h := range a {
			p.must(p.lab.Mend(h, b...))
		}
		for _, h := range b {
			p.must(p.lab.Mend(h, a...))
		}
	})
	p.talk(p.lab.Hosts, 12, 50*time.Millisecond, 3, 1000)
	p.settled()
	p.cut()
}

// reboot lets a host come back under its name with another address, while others
// talk. Nobody is at the old one any more. All join by names, the host's own among
// them.
func reboot(p *play) {
	lines := func(of5 netip.Addr) []string {
		return []string{fmt.Sprint(V4(1).Addr(), " one.test"), fmt.Sprint(of5, " five.test")}
	}
	p.must(p.lab.Names(lines(V4(5).Addr())...))
	join := []string{"one.test:" + Port, "five.test:" + Port}
	for _, h := range p.lab.Hosts {
		p.must(h.Start(h.Listen(), join...))
	}
	p.together()
	p.talk(p.lab.Hosts, 24, 50*time.Millisecond, 3, 1000)

	h := p.lab.Hosts[4]
	old := h.Addresses[0].Addr()
	h.Kill()
	p.must(h.Readdress([]netip.Prefix{V4(55)}))
	p.must(p.lab.Names(lines(V4(55).Addr())...))
	p.must(h.Start(h.Listen(), join...))
	p.talk(p.lab.Hosts, 48, 50*time.Millisecond, 3, 1000)
	p.settled()
	p.unanswered("the old address", old)
	p.eventually("views of all others that have the new address", func() bool {
		n, err := p.lab.Known(p.ctx, h.Listen())
		p.must(err)
		return n == hosts-1
	})
	if !p.short {
		forgotten := time.Now()
		p.eventually("views of all that do not have the old address", func() bool {
			n, err := p.lab.Known(p.ctx, netip.AddrPortFrom(old, 7946).String())
			p.must(err)
			return n == 0
		})
		p.t.Logf("after another %v nobody had the old address in his view", time.Since(forgotten))
	}
}

// dualStack has hosts that cannot reach each other but through those with both
// families, and nodes that are told of addresses that they cannot reach.
func dualStack(p *play) {
	p.must(p.lab.Names(
		fmt.Sprint(V4(9).Addr(), " seed.test"), fmt.Sprint(V6(9).Addr(), " seed.test"),
		fmt.Sprint(V4(10).Addr(), " seed.test"), fmt.Sprint(V6(10).Addr(), " seed.test"),
	))
	for _, h := range p.lab.Hosts {
		p.must(h.Start(":"+Port, "seed.test:"+Port))
	}
	p.together()
	p.talk(p.lab.Hosts, 60, 50*time.Millisecond, 3, 1000)
	p.settled()
	// Those that all came through go, and half of those that join the families.
	for _, h := range p.lab.Hosts[8:10] {
		h.Kill()
	}
	p.talk(slices.Concat(p.lab.Hosts[:8], p.lab.Hosts[10:]), 60, 50*time.Millisecond, 3, 1000)
	p.settled()
	p.counted("Ip OutRequests", "packets were sent over IPv4")
	p.counted("Ip6OutRequests", "packets were sent over IPv6")
	out, err := p.lab.Judge(p.ctx)
	p.must(err)
	if out.Stats.SendErrors == 0 {
		p.t.Error("nobody was told of an address that he could not send to")
	}
	p.t.Logf("%d datagrams were for addresses of the other family, and could not be sent", out.Stats.SendErrors)
}

// deadNames has all join by one name, which has fifteen addresses. Nobody is at
// twelve of them, one cannot be routed to, and at two there are nodes.
func deadNames(p *play) {
	var lines []string
	var dead []netip.Addr
	for n := range 12 {
		a := V4(200 + n).Addr()
		dead = append(dead, a)
		lines = append(lines, fmt.Sprint(a, " seeds.test"))
	}
	lines = append(lines, "192.0.2.7 seeds.test",
		fmt.Sprint(V4(3).Addr(), " seeds.test"), fmt.Sprint(V4(4).Addr(), " seeds.test"))
	p.must(p.lab.Names(lines...))
	for _, h := range p.lab.Hosts {
		p.must(h.Start(h.Listen(), "seeds.test:"+Port))
	}
	p.together()
	p.talk(p.lab.Hosts, 60, 50*time.Millisecond, 3, 1000)
	p.settled()
	p.unanswered("addresses of the name", dead...)
}

// suite is which part of the tests that need privileges is to run. If none is or can
// be, the test is skipped.
func suite(t *testing.T) string {
	t.Helper()
	suite := os.Getenv(suiteVariable)
	if suite != "short" && suite != "all" {
		t.Skipf("needs root's privileges, and %s set to short or all: make netns", suiteVariable)
	}
	if missing := Missing(); missing != "" {
		t.Skip("skipped: " + missing)
	}
	return suite
}

// TestNetworkFaults plays the scenarios, and reports what was measured.
func TestNetworkFaults(t *testing.T) {
	suite := suite(t)
	if err := Sweep(); err != nil {
		t.Fatal(err)
	}
	figures := make([]string, len(scenarios))
	t.Run("scenario", func(t *testing.T) {
		for i, s := range scenarios {
			if suite == "short" && !s.short {
				continue
			}
			t.Run(s.name, func(t *testing.T) {
				t.Parallel() // they wait most of their time
				figures[i] = s.run(t, suite == "short")
			})
		}
	})
	t.Logf("figures\n%s%s", figureHeader, strings.Join(figures, ""))
}

// play is a scenario under way.
type play struct {
	t     *testing.T
	ctx   context.Context
	lab   *Lab
	s     *scenario
	short bool

	joined, all, healed time.Duration // what they took; of several times, the longest
	spoke               time.Time     // when somebody was last asked to speak
}

func (s *scenario) run(t *testing.T, short bool) (figures string) {
	if _, err := os.Stat("/proc/net/if_inet6"); err != nil && s.needsV6() {
		t.Skip("skipped: the kernel has no IPv6")
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), 2*patience, fmt.Errorf("not within %v", 2*patience))
	defer cancel()
	lab, err := Open(Plan{
		Hosts: hosts, MTU: s.mtu, Addresses: s.addresses,
		Faults: s.faults != Faults{}, Seed: 1, Logs: t.ArtifactDir(),
	})
	t.Cleanup(func() {
		if err := lab.Close(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Log("go test -artifacts keeps the nodes' journals and logs")
		}
	})
	if errors.Is(err, ErrNoFaults) {
		t.Skip("skipped: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	p := &play{t: t, ctx: ctx, lab: lab, s: s, short: short}
	if lab.plan.Faults {
		p.must(lab.Impair(s.faults))
	}
	s.play(p)
	if !short && !lab.plan.Faults {
		p.must(lab.Rest(ctx, s.dead))
	}
	return p.judge()
}

func (s *scenario) needsV6() bool {
	return s.addresses != nil && slices.ContainsFunc(s.addresses(hosts), func(p netip.Prefix) bool { return p.Addr().Is6() })
}

func (p *play) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// long is how long something lasts in the short suite, and in all of it.
func (p *play) long(short, all time.Duration) time.Duration {
	if p.short {
		return short
	}
	return all
}

// start starts all nodes and waits until they are linked.
func (p *play) start() {
	p.t.Helper()
	p.must(p.lab.StartAll())
	p.together()
}

func (p *play) together() {
	p.t.Helper()
	begun := time.Now()
	p.must(p.lab.Together(p.ctx))
	p.joined = time.Since(begun)
}

// talk lets hosts speak, one after the other.
func (p *play) talk(hosts []*Host, count int, every time.Duration, answers, size int) {
	p.t.Helper()
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for i := range count {
		<-ticker.C
		p.must(hosts[i%len(hosts)].Say(size, answers))
	}
	p.spoke = time.Now()
}

// converse is the usual load: 240 messages, most of which answer others.
func (p *play) converse() {
	p.t.Helper()
	p.start()
	p.talk(p.lab.Hosts, 60, 50*time.Millisecond, 3, 1000)
	p.settled()
}

// settled waits until all have all.
func (p *play) settled() {
	p.t.Helper()
	p.must(p.lab.Settled(p.ctx))
	p.all = max(p.all, time.Since(p.spoke))
}

// mended ends a fault, and waits until all have all.
func (p *play) mended(mend func()) {
	p.t.Helper()
	begun := time.Now()
	mend()
	p.must(p.lab.Settled(p.ctx))
	p.healed = time.Since(begun)
}

func (p *play) until(t time.Time) {
	select {
	case <-time.After(time.Until(t)):
	case <-p.ctx.Done():
	}
}

// eventually waits for what can only be looked at.
func (p *play) eventually(what string, so func() bool) {
	p.t.Helper()
	for !so() {
		select {
		case <-time.After(100 * time.Millisecond):
		case <-p.ctx.Done():
			p.t.Fatalf("while waiting for %s: %v", what, context.Cause(p.ctx))
		}
	}
}
