package causal

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// many is a buffer among any number of origins, whose log keeps nothing.
func many(cfg Config, deliver func(*broadcast.Message)) *Buffer {
	cfg.Retry, cfg.GiveUp, cfg.Graft = time.Second, 30*time.Second, 50*time.Millisecond
	cfg.Name = func(h peer.Handle) vclock.Origin { return peer.ID{Name: fmt.Sprint(h)} }
	cfg.Handle = func(o vclock.Origin) (h peer.Handle) {
		fmt.Sscan(o.Name, &h)
		return h
	}
	seen := broadcast.NewSeen(1<<16, func(h peer.Handle) uint64 { return uint64(h) })
	return New(cfg, seen, logFunc(func(m *broadcast.Message, _ []broadcast.LinkID) { deliver(m) }))
}

// crowded is a clock that counts so many origins, from the handle 100 on, and the
// message's own.
func crowded(d peer.Dot, origins int) (c vclock.Clock) {
	for i := range origins {
		c = c.With(peer.ID{Name: fmt.Sprint(100 + i)}, 1)
	}
	return c.With(peer.ID{Name: fmt.Sprint(d.Origin)}, d.Seq)
}

// A clock that counts thousands whom nobody can tell of any more has the buffer wait
// for a thousand of them at a time, and in the end the message is delivered.
func TestAClockIsWaitedForInParts(t *testing.T) {
	var had []peer.Dot
	b := many(Config{HoldBytes: 1 << 20}, func(m *broadcast.Message) { had = append(had, m.Dot) })
	const origins, link = 5*maxPast/2 + 1, 1
	d := peer.Dot{Origin: X, Seq: 1}
	if got := b.Add(0, &broadcast.Message{Dot: d, Clock: crowded(d, origins)}, true, link); got != Fresh {
		t.Fatalf("the message was not taken: %v", got)
	}
	now, asked, most, gaps := time.Duration(0), 0, 0, []Gap(nil)
	for rounds := 0; len(had) == 0 && rounds < 20; rounds++ {
		most = max(most, b.Expected())
		asks, more := b.Poll(now, []broadcast.LinkID{link}, nil, nil)
		gaps = append(gaps, more...)
		asked += len(asks)
		for _, a := range asks {
			b.Denied(now, link, broadcast.GoneEntry{Dot: a.Want.Dot, UpTo: 1})
		}
		now += time.Second
	}
	if len(had) != 1 || len(gaps) != origins || asked != origins {
		t.Errorf("%v delivered, %d asked for, %d gaps; want the message, and %d of each", had, asked, len(gaps), origins)
	}
	if most > maxPast {
		t.Errorf("%d were waited for at one time, at most %d are allowed", most, maxPast)
	}
	if b.waits != 0 || b.bytes != 0 || b.Expected() != 0 {
		t.Errorf("at rest %d waits and %d bytes are counted, and %d are expected", b.waits, b.bytes, b.Expected())
	}
}

// What waits for more than may be waited for is refused, unless it need not wait; and
// what is forgotten is waited for no more.
func TestWhatIsAwaitedIsBounded(t *testing.T) {
	b := many(Config{HoldBytes: 1 << 20, Awaited: 10}, func(*broadcast.Message) {})
	message := func(origin peer.Handle, deps int) *broadcast.Message {
		m := &broadcast.Message{Dot: peer.Dot{Origin: origin, Seq: 1}}
		for i := range deps {
			m.Deps = append(m.Deps, peer.Dot{Origin: 100 + peer.Handle(i), Seq: 1})
		}
		return m
	}
	for _, step := range []struct {
		m    *broadcast.Message
		want Outcome
	}{{message(1, 11), Refused}, {message(2, 8), Fresh}, {message(3, 3), Refused}, {message(4, 2), Fresh}, {message(5, 0), Fresh}} {
		if got := b.Add(0, step.m, false, 1); got != step.want {
			t.Errorf("%v with %d dependencies: %v, want %v", step.m.Dot, len(step.m.Deps), got, step.want)
		}
	}
	clock := &broadcast.Message{Dot: peer.Dot{Origin: 6, Seq: 1}, Clock: crowded(peer.Dot{Origin: 6, Seq: 1}, 20)}
	b.Add(0, clock, true, 1) // there is no room to wait for what its clock counts
	if b.waits != 10 || b.Len() != 2 || b.Stats.NoRoom != 3 || !b.Overflowed() {
		t.Errorf("%d waits, %d messages held, %d refused", b.waits, b.Len(), b.Stats.NoRoom)
	}
	b.MakeRoom()
	b.MakeRoom()
	b.Poll(time.Hour, nil, nil, nil)
	b.Poll(2*time.Hour, nil, nil, nil)
	if b.waits != 0 || b.Len() != 0 || b.bytes != 0 {
		t.Errorf("%d waits, %d messages and %d bytes are held when all is forgotten", b.waits, b.Len(), b.bytes)
	}
}

// An origin that names no dependencies, as outside causal order, does not leave a head
// with each of its messages: what it has sent before is in the past of what follows.
func TestOneHeadForEachOrigin(t *testing.T) {
	b := many(Config{HoldBytes: 1 << 20}, func(*broadcast.Message) {})
	for seq := range uint64(100) {
		b.Add(0, &broadcast.Message{Dot: peer.Dot{Origin: X, Seq: seq + 1}}, false, 1)
		b.Add(0, &broadcast.Message{Dot: peer.Dot{Origin: Y, Seq: seq + 1}}, false, 1)
	}
	if b.Heads() != 2 {
		t.Errorf("%d heads after 100 messages of each of two origins, want 2", b.Heads())
	}
	m, err := b.Originate(0, Z, nil)
	if err != nil || len(m.Deps) != 2 || m.Clock.At(b.cfg.Name(X)) != 100 || m.Clock.At(b.cfg.Name(Y)) != 100 {
		t.Errorf("the next message depends on %v and has the clock %v: %v", m.Deps, m.Clock, err)
	}
}

// Heads keep clocks that came along for as long as these take no more than a quarter of
// what may be held back; the clocks of older ones are asked for if they are needed.
func TestHeadsLetGoOfLongClocks(t *testing.T) {
	b := many(Config{HoldBytes: 4 << 10}, func(*broadcast.Message) {})
	for origin := range peer.Handle(10) {
		d := peer.Dot{Origin: origin + 1, Seq: 1}
		b.Add(0, &broadcast.Message{Dot: d, Clock: crowded(d, 0), ClockBytes: 300}, true, 1)
	}
	if _, ok := b.clockOf(peer.Dot{Origin: 10, Seq: 1}); !ok || b.Heads() != 10 {
		t.Errorf("the newest of %d heads has no clock", b.Heads())
	}
	bytes := 0
	for _, h := range b.heads {
		bytes += h.bytes
	}
	if bytes > 1<<10 {
		t.Errorf("the heads' clocks take %d bytes, at most %d are allowed", bytes, 1<<10)
	}
	oldest := peer.Dot{Origin: 1, Seq: 1}
	b.Add(0, &broadcast.Message{Dot: peer.Dot{Origin: 50, Seq: 1}, Deps: []peer.Dot{oldest}}, false, 1)
	asks, _ := b.Poll(0, []broadcast.LinkID{1}, nil, nil)
	if len(asks) != 1 || !asks[0].Want.Clock {
		t.Errorf("asked for %v, want the clock of what follows the oldest head", asks)
	}
}

// A clock that comes after its message finds room, or is not taken: what is held back
// keeps its bound (gossip sim fuzz --seeds 1 --seed 182104400 broke P7).
func TestAClockThatComesLaterNeedsRoom(t *testing.T) {
	b := many(Config{HoldBytes: 600}, func(*broadcast.Message) {})
	d := peer.Dot{Origin: X, Seq: 1}
	waits := func(clock bool) *broadcast.Message {
		m := &broadcast.Message{Dot: d, Deps: []peer.Dot{{Origin: 200, Seq: 1}}}
		if clock {
			m.Clock, m.ClockBytes = crowded(d, 150), 400
		}
		return m
	}
	if got := b.Add(0, waits(false), false, 1); got != Fresh {
		t.Fatalf("the message was not taken: %v", got)
	}
	if got := b.Add(0, waits(true), true, 2); got != Known {
		t.Errorf("%v, want Known", got)
	}
	if b.bytes > 600 || !b.Overflowed() {
		t.Errorf("%d bytes are held, at most 600 are allowed; overflowed %v", b.bytes, b.Overflowed())
	}
}

// Of one more origin than can be remembered no message is taken, and none is a gap: it
// could not be remembered that it was reported, and it may come once there is room.
// What depends on it is forgotten.
func TestWhatCannotBeRememberedIsNoGap(t *testing.T) {
	b := many(Config{HoldBytes: 1 << 20}, func(*broadcast.Message) {})
	b.seen = broadcast.NewSeen(1, func(h peer.Handle) uint64 { return uint64(h) })
	b.Add(0, &broadcast.Message{Dot: peer.Dot{Origin: X, Seq: 1}}, false, 1)
	b.Add(0, &broadcast.Message{Dot: peer.Dot{Origin: X, Seq: 2}, Deps: []peer.Dot{{Origin: Z, Seq: 3}}}, false, 1)
	asks, _ := b.Poll(0, []broadcast.LinkID{1}, nil, nil)
	for _, a := range asks {
		b.Denied(0, 1, broadcast.GoneEntry{Dot: a.Want.Dot, UpTo: 3})
	}
	if _, gaps := b.Poll(0, []broadcast.LinkID{1}, nil, nil); len(asks) != 1 || len(gaps) != 0 {
		t.Errorf("asked for %v; gaps %v", asks, gaps)
	}
	if b.Len() != 0 || b.Expected() != 0 || b.seen.Contiguous(X) != 1 || b.Stats.NoRoom != 1 {
		t.Errorf("%d are held, %d expected, %d delivered, %d had no room", b.Len(), b.Expected(), b.seen.Contiguous(X), b.Stats.NoRoom)
	}
}

// Who waits while others take the last places for origins has none when its turn comes,
// nor has what depends on it.
func TestWaitingKeepsNoPlace(t *testing.T) {
	var had []peer.Handle
	b := many(Config{HoldBytes: 1 << 20}, func(m *broadcast.Message) { had = append(had, m.Dot.Origin) })
	b.seen = broadcast.NewSeen(2, func(h peer.Handle) uint64 { return uint64(h) })
	after := func(d peer.Handle, deps ...peer.Handle) {
		m := &broadcast.Message{Dot: peer.Dot{Origin: d, Seq: 1}}
		m.Clock = m.Clock.With(b.cfg.Name(d), 1)
		for _, x := range deps {
			m.Deps, m.Clock = append(m.Deps, peer.Dot{Origin: x, Seq: 1}), m.Clock.With(b.cfg.Name(x), 1)
		}
		b.Add(0, m, true, 1)
	}
	after(Y, X)
	after(Z, X)
	after(200, Z)
	after(X)
	if !slices.Equal(had, []peer.Handle{X, Y}) || b.seen.Len() != 2 || b.Len() != 0 || b.Expected() != 0 || b.Stats.NoRoom != 1 {
		t.Errorf("%v are delivered, %d origins known, %d messages held, %d expected, %d had no room", had, b.seen.Len(), b.Len(), b.Expected(), b.Stats.NoRoom)
	}
	if m, err := b.Originate(0, 300, nil); err != nil || b.seen.Highest(300) != 1 {
		t.Errorf("for this node's own there is always a place: %v, %v", m, err)
	}
}

// Messages that wait for each other in a circle wait for nothing that could come: nobody
// asks for them, and they do not wait for ever (C5). Others that wait are let be.
func TestCirclesAreForgotten(t *testing.T) {
	b := many(Config{HoldBytes: 1 << 20}, func(m *broadcast.Message) { t.Errorf("%v is delivered", m.Dot) })
	now, links := time.Duration(0), []broadcast.LinkID{1}
	after := func(h, dep peer.Handle) {
		b.Add(now, &broadcast.Message{Dot: peer.Dot{Origin: h, Seq: 1}, Deps: []peer.Dot{{Origin: dep, Seq: 1}}}, false, 1)
	}
	wait := func(until time.Duration, want int) {
		for ; b.Deadline() <= until; now = max(now, b.Deadline()) {
			b.Poll(now, links, nil, nil)
		}
		if b.Len() != want {
			t.Errorf("at %v %d messages are held, want %d", now, b.Len(), want)
		}
	}
	after(X, Y)
	after(Y, Z)
	after(Z, X)
	after(200, X) // is not in it, and waits for it
	wait(b.cfg.GiveUp/2, 4)
	now = b.cfg.GiveUp / 2
	after(201, 300)
	after(202, 201)
	wait(b.cfg.GiveUp*5/4, 2)
	wait(b.cfg.GiveUp*2, 0)
	if b.waits != 0 || b.bytes != 0 || b.Expected() != 0 || b.Deadline() != broadcast.Never {
		t.Errorf("%d waits and %d bytes are counted, %d are expected, next at %v", b.waits, b.bytes, b.Expected(), b.Deadline())
	}
}

// Nor is there an end to a circle that an origin's later message would close: before that
// one is given up, what is held back of the origin has to go, and that waits for it.
func TestACircleThroughALaterMessage(t *testing.T) {
	b := many(Config{HoldBytes: 1 << 20}, func(m *broadcast.Message) { t.Errorf("%v is delivered", m.Dot) })
	b.Add(0, &broadcast.Message{Dot: peer.Dot{Origin: X, Seq: 1}, Deps: []peer.Dot{{Origin: Y, Seq: 1}}}, false, 1)
	b.Add(0, &broadcast.Message{Dot: peer.Dot{Origin: Y, Seq: 1}, Deps: []peer.Dot{{Origin: X, Seq: 9}}}, false, 1)
	for now := time.Duration(0); now < (mostTurns+2)*b.cfg.GiveUp; now = b.Deadline() {
		b.Poll(now, []broadcast.LinkID{1}, nil, nil)
	}
	if b.Len() != 0 || b.Expected() != 0 {
		t.Errorf("%d messages are held, %d expected", b.Len(), b.Expected())
	}
}
