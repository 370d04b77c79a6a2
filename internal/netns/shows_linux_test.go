package netns

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/internal/oracle"
)

// What follows shows that a fault was really there.

func (p *play) counters() Counters {
	p.t.Helper()
	c, err := p.lab.Counters()
	p.must(err)
	return c
}

func (p *play) tally() Tally {
	p.t.Helper()
	t, err := p.lab.Tally()
	p.must(err)
	return t
}

// counted sees that a counter of the kernel is not 0.
func (p *play) counted(name, what string) {
	p.t.Helper()
	n, known := p.counters()[name]
	if !known {
		p.t.Errorf("the kernel has no counter %s", name)
	} else if n == 0 {
		p.t.Errorf("%s is 0: no %s", name, what)
	}
	p.t.Logf("%d %s (%s)", n, what, name)
}

// lost sees that about as many packets were lost as were to be. Half and twice that
// is wide enough for chance: there are thousands.
func (p *play) lost(share float64) {
	p.t.Helper()
	t := p.tally()
	is := float64(t.Lost) / float64(t.Lost+t.Sent)
	if is < share/2 || is > 2*share {
		p.t.Errorf("%d packets were lost and %d not: a share of %.3f, want about %.3f", t.Lost, t.Sent, is, share)
	}
	p.t.Logf("%d of %d packets were lost, %.1f %%", t.Lost, t.Lost+t.Sent, 100*is)
	p.counted("Tcp RetransSegs", "segments were sent again")
}

// delayed sees that answers take as long as they must: twice the delay on average.
func (p *play) delayed(least, most time.Duration) {
	p.t.Helper()
	var rtts []time.Duration
	for _, c := range p.connections() {
		rtts = append(rtts, c.RTT)
	}
	slices.Sort(rtts)
	if len(rtts) == 0 {
		p.t.Fatal("there is no connection")
	}
	if median := rtts[len(rtts)/2]; median < least || median > most {
		p.t.Errorf("the median of round trips is %v, want %v to %v", median, least, most)
	}
	p.t.Logf("round trips as TCP sees them: %v to %v, the median is %v", rtts[0], rtts[len(rtts)-1], rtts[len(rtts)/2])
}

func (p *play) connections() (all []Connection) {
	p.t.Helper()
	for _, h := range p.lab.Hosts {
		list, err := h.Connections()
		p.must(err)
		all = append(all, list...)
	}
	return all
}

// unfragmented sees that segments are as small as they must be, and that no packet
// was cut in pieces.
func (p *play) unfragmented(mtu int) {
	p.t.Helper()
	largest := 0
	for _, c := range p.connections() {
		if largest = max(largest, c.MSS); c.MSS > mtu-20-20 {
			p.t.Errorf("a connection's segments have up to %d bytes: too much for an MTU of %d", c.MSS, mtu)
		}
	}
	c := p.counters()
	for _, name := range []string{"Ip FragCreates", "Ip FragFails", "Ip ReasmReqds", "Ip6FragCreates", "Ip6FragFails", "Ip6ReasmReqds"} {
		if n, known := c[name]; n > 0 || !known {
			p.t.Errorf("%s is %d", name, n)
		}
	}
	out, err := p.lab.Judge(p.ctx)
	p.must(err)
	if out.Stats.SendErrors > 0 {
		p.t.Errorf("%d datagrams could not be sent", out.Stats.SendErrors)
	}
	p.t.Logf("segments have at most %d bytes, and no packet was cut in pieces", largest)
}

// intact says how much of what was damaged got as far as the nodes.
func (p *play) intact() {
	p.t.Helper()
	out, err := p.lab.Judge(p.ctx)
	p.must(err)
	c := p.counters()
	p.t.Logf("wrong checksums: %d of IPv4, %d of TCP, %d of UDP; undecodable at the nodes: %d datagrams, %d connections",
		c["IpExt InCsumErrors"]+c["Ip InHdrErrors"], c["Tcp InCsumErrors"], c["Udp InCsumErrors"], out.Stats.BadPackets, out.Stats.BadFrames)
}

// cut sees that packets were kept from arriving.
func (p *play) cut() {
	p.t.Helper()
	n := p.tally().Cut
	if n == 0 {
		p.t.Error("no packet was cut off")
	}
	p.t.Logf("%d packets were cut off", n)
}

// apart waits until links no longer lead from everybody to everybody.
func (p *play) apart() {
	p.t.Helper()
	p.must(p.lab.Await(p.ctx, "a network in two parts", func() bool { return oracle.Parts(p.lab.journals()) > 1 }))
}

// unanswered waits until somebody has asked in vain who has one of some addresses.
func (p *play) unanswered(what string, of ...netip.Addr) {
	p.t.Helper()
	p.eventually("somebody who asks for "+what, func() bool {
		for _, h := range p.lab.Hosts {
			list, err := h.Unanswered()
			p.must(err)
			if slices.ContainsFunc(list, func(a netip.Addr) bool { return slices.Contains(of, a) }) {
				return true
			}
		}
		return false
	})
}

// judge holds all against what is promised, and answers a line of figures.
func (p *play) judge() string {
	p.t.Helper()
	out, err := p.lab.Judge(p.ctx)
	p.must(err)
	if !out.Kept() {
		p.t.Errorf("broken %v, %s\n%s", out.Broken(), strings.Join(out.Wrong, "; "), strings.Join(out.Problems, "\n"))
	}
	if out.Gaps > 0 {
		p.t.Errorf("%d messages were reported as gone: nothing is so long ago, nor are logs full", out.Gaps)
	}
	t, c := p.tally(), p.counters()
	took := func(share float64) float64 { return out.Took[int(share*float64(len(out.Took)-1))].Seconds() * 1000 }
	all := p.all
	if p.healed > 0 {
		all = p.healed
	}
	return fmt.Sprintf("| %s | %d | %d | %.1f s | %.0f, %.0f, %.0f ms | %.2f s | %d | %d | %d | %d | %.1f | %s |\n",
		p.s.name, out.Messages, out.Deliveries, p.joined.Seconds(), took(0.5), took(0.99), took(1), all.Seconds(),
		t.Lost+t.Cut, c["Tcp RetransSegs"], out.Stats.Duplicates, out.Stats.LinksLost+out.Stats.LinksTimedOut,
		float64(c["eth0 bytes"])/float64(out.PayloadBytes), p.lab.Fabric())
}

const figureHeader = "| fault | messages | deliveries | one network after | a delivery took: median, 99 %, all | all have all after | packets lost or cut | TCP segments sent again | payloads that came twice | links lost | bytes sent per byte delivered | network |\n" +
	"| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --- |\n"
