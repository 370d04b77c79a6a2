package protocol

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// numbered is a directory in which everybody has a name of their own; the
// incarnation is the handle. By handle.
type numbered []string

func newNumbered(most int) numbered {
	names := make(numbered, most)
	for i := range names {
		names[i] = fmt.Sprint("node-", i)
	}
	return names
}

func (names numbered) Name(h peer.Handle) vclock.Origin {
	return peer.ID{Name: names[h], Incarnation: uint64(h)}
}
func (names numbered) Handle(o vclock.Origin) peer.Handle { return peer.Handle(o.Incarnation) }

// listener is a machine with five links, all of them eager, that is told messages on
// the first and relays each to the others. Its log is so short that it is full
// before anything is measured: what it costs to evict is part of what a delivery
// costs.
type listener struct {
	*Machine
	out  Outbox
	now  time.Duration
	seq  map[peer.Handle]uint64
	deps []peer.Dot
}

func newListener(tb testing.TB) *listener {
	cfg := DefaultConfig(1, everybody, peersampling.Healer(20))
	cfg.Log.Bytes = 1 << 20
	m, err := New(0, cfg, rand.NewPCG(1, 2))
	if err != nil {
		tb.Fatal(err)
	}
	l := &listener{Machine: m, seq: make(map[peer.Handle]uint64)}
	for link := broadcast.LinkID(1); link <= 5; link++ {
		l.Connected(l.now, link, peer.Handle(1+link), false, &l.out)
		l.HandleFrame(l.now, link, &broadcast.Frame{Kind: broadcast.Neighbor, Token: uint64(link)}, &l.out)
		l.HandleFrame(l.now, link, &broadcast.Frame{Kind: broadcast.Digest, Opening: true, Digest: []broadcast.DigestPart{{}}}, &l.out)
	}
	l.out.Reset()
	return l
}

// hear has the machine told the next message of an origin, and carries out what it
// wants done.
func (l *listener) hear(origin peer.Handle, deps []peer.Dot) peer.Dot {
	l.now += time.Microsecond
	l.seq[origin]++
	m := &broadcast.Message{Dot: peer.Dot{Origin: origin, Seq: l.seq[origin]}, Deps: deps, Payload: payload, Born: l.now}
	l.HandleFrame(l.now, 1, &broadcast.Frame{Kind: broadcast.Data, Message: m}, &l.out)
	for _, s := range l.out.Links.Sends {
		l.Written(l.now, s.Link, s.Frame.Cost(), &l.out)
	}
	l.out.Reset()
	return m.Dot
}

var payload = make([]byte, 256)

// past makes the machine hear one message each of so many origins, the one after
// the other.
func (l *listener) past(origins int) {
	for i := range origins {
		l.deps = []peer.Dot{l.hear(firstOrigin+peer.Handle(i), l.deps)}
	}
}

const (
	firstOrigin = peer.Handle(100)
	active      = 10
)

var everybody = newNumbered(int(firstOrigin) + 60_000)

// everSeen are how many origins a machine remembers, of which ten go on talking.
var everSeen = []int{10, 1000, 10_000}

// round has each of the active origins send a message: the one after the other, or
// all at the same time, when each depends on all ten of the round before.
func (l *listener) round(atOnce bool) {
	before := l.deps
	if atOnce {
		l.deps = make([]peer.Dot, 0, active)
	}
	for i := range active {
		if dot := l.hear(firstOrigin+peer.Handle(i), before); atOnce {
			l.deps = append(l.deps, dot)
		} else {
			before = []peer.Dot{dot}
			l.deps = before
		}
	}
}

// BenchmarkOrigins is what it takes to deliver one message and relay it to four
// links. It must not grow with the number of origins that were ever heard of. The
// message itself is one of the allocations, its dependencies another where they
// differ from the last one's.
func BenchmarkOrigins(b *testing.B) {
	for _, atOnce := range []bool{false, true} {
		name := "in-turn"
		if atOnce {
			name = "at-once"
		}
		for _, origins := range everSeen {
			b.Run(fmt.Sprintf("%s/seen-%d", name, origins), func(b *testing.B) {
				l := newListener(b)
				l.past(origins)
				for l.log.Evictions.ByBytes == 0 {
					l.round(atOnce)
				}
				delivered := l.Stats.Delivered
				b.ReportAllocs()
				b.ResetTimer()
				rounds := 0
				for n := 0; n < b.N; n += active { // the last round may be too long by nine
					l.round(atOnce)
					rounds++
				}
				b.StopTimer()
				if got := l.Stats.Delivered - delivered; got != uint64(rounds*active) {
					b.Fatalf("%d deliveries of %d messages", got, rounds*active)
				}
				if sends := l.Counters().Sent; sends < 4*delivered {
					b.Fatalf("%d messages were relayed %d times", delivered, sends)
				}
			})
		}
	}
}

// BenchmarkOriginsMemory is what a machine holds of an origin that it has once had
// a message of, after that has left its log; the name itself is the driver's. At most
// 65,536 are remembered.
func BenchmarkOriginsMemory(b *testing.B) {
	for _, origins := range []int{10_000, 60_000} {
		b.Run(fmt.Sprintf("seen-%d", origins), func(b *testing.B) {
			var few, many uint64
			for b.Loop() {
				few, many = heapOf(b, active), heapOf(b, origins)
			}
			b.ReportMetric(float64(int64(many-few))/float64(origins-active), "B/origin")
			b.ReportMetric(0, "ns/op") // says nothing: it is all collecting garbage
		})
	}
}

// heapOf is the memory of a machine with a full log that has had messages of so many
// origins.
func heapOf(tb testing.TB, origins int) uint64 {
	before := heap()
	l := newListener(tb)
	l.past(origins)
	for evicted := l.log.Evictions.ByBytes + uint64(l.log.Len()); l.log.Evictions.ByBytes <= evicted; {
		l.round(false)
	}
	l.seq = nil
	after := heap()
	runtime.KeepAlive(l)
	return after - before
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
