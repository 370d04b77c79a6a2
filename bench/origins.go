package main

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strconv"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
	"github.com/Ishan27gOrg/gossipProtocol/protocol"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// measureOrigins steps one protocol.Machine, without sockets, through messages of many origins:
// of ten that talk in turn, after it has heard of the others, and of all of them.
func measureOrigins(b *bench) error {
	for _, origins := range []int{10, 1000, 10_000} {
		l, err := newListener(origins)
		if err != nil {
			return err
		}
		for range origins {
			l.hear(len(l.seq))
		}
		if err := l.measure(b, origins, 10, ""); err != nil {
			return err
		}
		if err := l.measure(b, origins, origins, ", all talk"); err != nil {
			return err
		}
	}
	return nil
}

// measure looks at what it costs when the first of the origins talk.
func (l *listener) measure(b *bench, origins, talking int, suffix string) error {
	const deliveries = 200_000
	for range deliveries / 10 { // so that the log is full
		l.hear(rand.IntN(talking))
	}
	had := l.machine.Stats.Delivered
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpu := cpuTime()
	for i := range deliveries {
		l.hear(i % talking)
	}
	used := cpuTime() - cpu
	runtime.ReadMemStats(&after)
	if got := l.machine.Stats.Delivered - had; got != deliveries {
		return fmt.Errorf("%d of %d messages were delivered", got, deliveries)
	}
	b.result(256, origins, "CPU time per delivery in the machine"+suffix, float64(used.Nanoseconds())/deliveries, "ns")
	b.result(256, origins, "allocations per delivery in the machine"+suffix, float64(after.Mallocs-before.Mallocs)/deliveries, "")
	return nil
}

// listener is a machine with five links that is told messages on the first. Its log
// holds 1 MiB.
type listener struct {
	machine *protocol.Machine
	out     protocol.Outbox
	now     time.Duration
	seq     map[int]uint64
	last    []peer.Dot
	payload []byte
	// What a decoder would allocate comes many to an allocation, so as not to count.
	frame    broadcast.Frame
	messages []broadcast.Message
	dots     []peer.Dot
}

// numbered are the names of handles, which are their numbers. They are made once: an address
// book has them as well.
type numbered []vclock.Origin

func (n numbered) Name(h peer.Handle) vclock.Origin   { return n[h] }
func (n numbered) Handle(o vclock.Origin) peer.Handle { return peer.Handle(o.Incarnation) }

const firstOrigin = 100

func newNumbered(origins int) (n numbered) {
	for h := range firstOrigin + origins {
		n = append(n, peer.ID{Name: "n" + strconv.Itoa(h), Incarnation: uint64(h)})
	}
	return n
}

func newListener(origins int) (*listener, error) {
	cfg := protocol.DefaultConfig(1, newNumbered(origins), peersampling.Healer(20))
	cfg.Log.Bytes = 1 << 20
	m, err := protocol.New(0, cfg, rand.NewPCG(1, 2))
	if err != nil {
		return nil, err
	}
	l := &listener{machine: m, seq: make(map[int]uint64, origins), payload: make([]byte, 256)}
	for link := broadcast.LinkID(1); link <= 5; link++ {
		m.Connected(l.now, link, peer.Handle(1+link), false, &l.out)
		m.HandleFrame(l.now, link, &broadcast.Frame{Kind: broadcast.Neighbor, Token: uint64(link)}, &l.out)
		m.HandleFrame(l.now, link, &broadcast.Frame{Kind: broadcast.Digest, Opening: true, Digest: []broadcast.DigestPart{{}}}, &l.out)
	}
	l.out.Reset()
	return l, nil
}

// hear has the machine told the next message of an origin, which depends on the last
// one, and has all frames written that it wants sent.
func (l *listener) hear(origin int) {
	l.now += time.Microsecond
	l.seq[origin]++
	dot := peer.Dot{Origin: firstOrigin + peer.Handle(origin), Seq: l.seq[origin]}
	if len(l.messages) == 0 {
		l.messages, l.dots = make([]broadcast.Message, 1024), make([]peer.Dot, 1024)
	}
	m := &l.messages[0]
	*m = broadcast.Message{Dot: dot, Deps: l.last, Payload: l.payload, Born: l.now}
	l.frame = broadcast.Frame{Kind: broadcast.Data, Message: m}
	l.machine.HandleFrame(l.now, 1, &l.frame, &l.out)
	for _, s := range l.out.Links.Sends {
		l.machine.Written(l.now, s.Link, s.Frame.Cost(), &l.out)
	}
	l.out.Reset()
	l.dots[0] = dot
	l.last = l.dots[:1:1]
	l.messages, l.dots = l.messages[1:], l.dots[1:]
}
