package protocol

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/causal"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
)

// TestRelayingAllocatesNothing: a machine takes a message, works out its clock, puts it
// into its log, evicts another one, sends it on three links and announces it on one,
// without an allocation of its own; what is kept of the message is the driver's. (Clocks
// come many to an allocation, entries of the log by the block; AllocsPerRun rounds
// down.)
func TestRelayingAllocatesNothing(t *testing.T) {
	for _, order := range []causal.Order{causal.Causal, causal.FIFO, causal.Unordered} {
		for _, origins := range []int{1, 8} {
			t.Run(fmt.Sprintf("%v/%d", order, origins), func(t *testing.T) {
				r := newRelayer(t, order, origins)
				for range 10_000 { // until the log is full, and everything has its room
					r.message()
				}
				sent, delivered := r.relay.Stats.Sent, r.Stats.Delivered
				if got := testing.AllocsPerRun(4000, r.message); got > 0 {
					t.Errorf("%v allocations for a message", got)
				}
				sent, delivered = r.relay.Stats.Sent-sent, r.Stats.Delivered-delivered
				if sent != 3*4001 || delivered != 4001 || r.log.Evictions.ByBytes == 0 || r.relay.Stats.Announced < 4000 {
					t.Errorf("%d sent, %d delivered, %d evicted, %d announced: this is not what was to be measured",
						sent, delivered, r.log.Evictions.ByBytes, r.relay.Stats.Announced)
				}
			})
		}
	}
}

// BenchmarkRelaying is what a message costs in the machine.
func BenchmarkRelaying(b *testing.B) {
	for _, order := range []causal.Order{causal.Causal, causal.Unordered} {
		for _, origins := range []int{1, 8} {
			b.Run(fmt.Sprintf("%v/%d", order, origins), func(b *testing.B) {
				r := newRelayer(b, order, origins)
				for range 10_000 {
					r.message()
				}
				b.ReportAllocs()
				b.ResetTimer()
				for range b.N {
					r.message()
				}
			})
		}
	}
}

// relayer is a machine that gets all messages on one of its five links. Three of the
// others are eager, and one is lazy.
type relayer struct {
	*Machine
	out      Outbox
	now      time.Duration
	origins  int
	count    int
	last     []peer.Dot
	frame    broadcast.Frame
	arriving broadcast.Message
	kept     []broadcast.Message
}

func newRelayer(tb testing.TB, order causal.Order, origins int) *relayer {
	r := &relayer{origins: origins, kept: make([]broadcast.Message, 1<<12)}
	kept := 0
	cfg := DefaultConfig(1, everybody, peersampling.Healer(20))
	cfg.Order, cfg.Log.Bytes = order, 1<<20
	cfg.Keep = func(m *broadcast.Message, _ bool) *broadcast.Message {
		k := &r.kept[kept%len(r.kept)]
		deps := k.Deps[:0]
		*k = *m
		k.Deps = append(deps, m.Deps...)
		kept++
		return k
	}
	m, err := New(0, cfg, rand.NewPCG(1, 2))
	if err != nil {
		tb.Fatal(err)
	}
	r.Machine = m
	r.frame.Message = &r.arriving
	for link := broadcast.LinkID(1); link <= 5; link++ {
		r.Connected(r.now, link, peer.Handle(1+link), false, &r.out)
		r.HandleFrame(r.now, link, &broadcast.Frame{Kind: broadcast.Neighbor, Token: uint64(link)}, &r.out)
		r.HandleFrame(r.now, link, &broadcast.Frame{Kind: broadcast.Digest, Opening: true, Digest: []broadcast.DigestPart{{}}}, &r.out)
	}
	r.HandleFrame(r.now, 5, &broadcast.Frame{Kind: broadcast.Prune}, &r.out)
	r.out.Reset()
	return r
}

// message has the machine told the next message, which comes after those of all origins.
func (r *relayer) message() {
	r.now += 100 * time.Microsecond
	origin := peer.Handle(100 + r.count%r.origins)
	m := &r.arriving
	*m = broadcast.Message{
		Dot: peer.Dot{Origin: origin, Seq: uint64(r.count/r.origins) + 1}, Deps: append(m.Deps[:0], r.last...),
		Payload: payload, Born: r.now,
	}
	r.frame = broadcast.Frame{Kind: broadcast.Data, Message: m}
	r.count++
	r.TakeFrame(r.now, 1, &r.frame, &r.out)
	r.Settle(r.now, &r.out)
	for _, s := range r.out.Links.Sends {
		r.TakeWritten(s.Link, s.Frame.Cost())
	}
	r.out.Reset()
	if len(r.last) < r.origins/2 {
		r.last = append(r.last, m.Dot)
	} else if r.origins > 1 {
		copy(r.last, r.last[1:])
		r.last[len(r.last)-1] = m.Dot
	} else {
		r.last = append(r.last[:0], m.Dot)
	}
}
