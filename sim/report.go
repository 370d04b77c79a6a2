package sim

import (
	"maps"
	"slices"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
)

// Report is what came of a scenario. The same scenario has the same report.
type Report struct {
	Seed       uint64 `json:"seed"`
	Nodes      int    `json:"nodes"`     // that ever were; a restarted node is a new one
	Survivors  int    `json:"survivors"` // up at the end
	Messages   int    `json:"messages"`
	Deliveries int    `json:"deliveries"` // each origin's own included
	// Missing are the deliveries that survivors still owe at the end.
	Missing int `json:"missing"`
	// Broken counts the violations of P1 and on, and Violations tells of the first.
	Broken     [Promises]int `json:"broken"`
	Violations []string      `json:"violations"`
	// What had to be mended, and how; see protocol.Counters.
	Repairs  uint64 `json:"repairs"`  // reconciliations with random peers
	Grafts   uint64 `json:"grafts"`   // links that the tree took in because a message was late
	Prunes   uint64 `json:"prunes"`   // links that it put out
	Pulls    uint64 `json:"pulls"`    // messages asked for by name, and given
	Withheld uint64 `json:"withheld"` // older than the node, with history none
	Gaps     uint64 `json:"gaps"`     // messages reported as gone
	// Traffic is what was sent, by kind: datagrams and then frames.
	Traffic []KindReport `json:"traffic"`
	// PayloadBytes and OrderBytes are what DATA frames carried of payload, and to say
	// what comes before a message: its dependencies, and clocks. With the codec only.
	PayloadBytes int `json:"payload_bytes,omitempty"`
	OrderBytes   int `json:"order_bytes,omitempty"`
	// VirtualMS is how long all of it took in the world.
	VirtualMS float64 `json:"virtual_ms"`
	// Talks are the Talk steps, in their order.
	Talks []TalkReport `json:"talks"`
}

// TalkReport is what came of the messages of one Talk step and of the answers to
// them, at others than their origins.
type TalkReport struct {
	AtMS       float64 `json:"at_ms"`
	Messages   int     `json:"messages"`
	Deliveries int     `json:"deliveries"`
	// Reliability is the share of the survivors that have a message, over all of
	// them: those who came later count too, and those who died do not.
	Reliability float64 `json:"reliability"`
	// Redundancy is how many payloads arrived for each delivery, minus one.
	Redundancy float64 `json:"redundancy"`
	// What follows is of nodes that had started when the message was sent. LastHop is
	// how far the last of them was, the mean over the messages, and MaxHop the most.
	LastHop float64 `json:"last_hop"`
	MaxHop  int     `json:"max_hop"`
	// From broadcast to delivery, in tenths of a millisecond at best.
	P50MS float64 `json:"latency_p50_ms"`
	P99MS float64 `json:"latency_p99_ms"`
	MaxMS float64 `json:"latency_max_ms"`
	// How many bytes a message took to say what comes before it, and how many its
	// whole clock would have. With the codec only.
	OrderP50 int `json:"order_bytes_p50,omitempty"`
	OrderP99 int `json:"order_bytes_p99,omitempty"`
	ClockP50 int `json:"clock_bytes_p50,omitempty"`
	ClockP99 int `json:"clock_bytes_p99,omitempty"`
}

// KindReport is what was sent of one kind of datagram or frame, lost or not.
type KindReport struct {
	Kind  string `json:"kind"`
	Sent  int    `json:"sent"`
	Bytes int    `json:"bytes,omitempty"` // with the codec only
}

// Kept reports whether every promise was kept.
func (r Report) Kept() bool { return r.Broken == [Promises]int{} }

func (p *play) report() Report {
	alive := p.up()
	r := Report{
		Seed: p.s.Seed, Nodes: len(p.nodes), Survivors: len(alive), Messages: p.Oracle.Sent(),
		Missing: p.Oracle.Missing(alive), Broken: p.Oracle.Broken, Violations: append([]string{}, p.Oracle.Violations...),
		PayloadBytes: p.traffic.payloadBytes, OrderBytes: p.traffic.orderBytes,
		VirtualMS: milliseconds(p.now), Traffic: p.traffic.byKind(),
	}
	for _, n := range p.nodes {
		c := n.Machine.Counters()
		r.Deliveries += p.Oracle.Delivered(n)
		r.Repairs += c.Repairs
		r.Grafts += c.Grafted
		r.Prunes += c.Pruned
		r.Pulls += c.WantsServed
		r.Withheld += c.Withheld
		r.Gaps += n.Gaps
	}
	r.Talks = make([]TalkReport, 0, len(p.talks))
	reached := p.reached(alive)
	for _, t := range p.talks {
		r.Talks = append(r.Talks, t.report(reached[t], len(alive)))
	}
	return r
}

// byKind lists what was sent at all.
func (t *traffic) byKind() []KindReport {
	kinds := []KindReport{}
	for k, n := range t.packets {
		if n > 0 {
			kinds = append(kinds, KindReport{peersampling.PacketKind(k).String(), n, t.packetBytes[k]})
		}
	}
	for k, n := range t.frames {
		if n > 0 {
			kinds = append(kinds, KindReport{broadcast.FrameKind(k).String(), n, t.frameBytes[k]})
		}
	}
	return kinds
}

// reached counts, for each talk, the survivors that have its messages.
func (p *play) reached(alive []*Node) map[*talk]int {
	reached := make(map[*talk]int)
	for dot, t := range p.of {
		for _, n := range alive {
			if p.Oracle.has(n, dot) {
				reached[t]++
			}
		}
	}
	return reached
}

func (t *talk) report(reached, survivors int) TalkReport {
	r := TalkReport{AtMS: milliseconds(t.step.At), Messages: t.sent, Deliveries: t.deliveries}
	r.OrderP50, r.OrderP99 = percentile(t.order, 50), percentile(t.order, 99)
	r.ClockP50, r.ClockP99 = percentile(t.clock, 50), percentile(t.clock, 99)
	if t.sent > 0 {
		r.Reliability = float64(reached) / float64(t.sent*survivors)
	}
	if t.deliveries == 0 {
		return r
	}
	r.Redundancy = float64(t.copies)/float64(t.deliveries) - 1
	hops := 0
	for _, last := range t.lastHop {
		hops += int(last)
		r.MaxHop = max(r.MaxHop, int(last))
	}
	r.LastHop = float64(hops) / float64(t.sent)
	r.P50MS, r.P99MS, r.MaxMS = t.delay(0.5), t.delay(0.99), t.delay(1)
	return r
}

// percentile is what so many of a hundred do not exceed; 0 of none.
func percentile(of []int, percent int) int {
	if len(of) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(of))[(len(of)*percent+99)/100-1]
}

// delay is what so large a share of the deliveries did not take longer than.
func (t *talk) delay(share float64) float64 {
	left := int(share * float64(t.timely))
	for _, d := range slices.Sorted(maps.Keys(t.delays)) {
		left -= t.delays[d]
		if left <= 0 {
			return milliseconds(d)
		}
	}
	return 0
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
