package transport

import (
	"container/heap"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// maxDelay bounds latency and jitter, so that sums of them never overflow.
const maxDelay = time.Hour

// Faults is what the network does to traffic between any two transports. The
// zero value does nothing: everything arrives once, at once and in order.
type Faults struct {
	// Loss is the probability, 0 to 1, that a datagram vanishes.
	Loss float64

	// Duplicate is the probability, 0 to 1, that one that was not lost arrives
	// twice.
	Duplicate float64

	// Latency, 0 to 1h, is how long everything takes one way: each datagram,
	// each byte of a stream, each half of a dial.
	Latency time.Duration

	// Spread, 0 to 1h, is how much longer everything takes at most between two
	// transports that are far apart: each two have their own share of it, always the
	// same.
	Spread time.Duration

	// Jitter, 0 to 1h, is how much longer a datagram may take, evenly spread.
	// Datagrams closer together than that overtake each other.
	Jitter time.Duration
}

func (f Faults) check() error {
	for _, p := range []struct {
		field string
		value float64
	}{{"Loss", f.Loss}, {"Duplicate", f.Duplicate}} {
		if !(p.value >= 0 && p.value <= 1) { // so put, NaN is refused as well
			return fmt.Errorf("transport: Faults.%s is %v: want a probability from 0 to 1", p.field, p.value)
		}
	}
	for _, d := range []struct {
		field string
		value time.Duration
	}{{"Latency", f.Latency}, {"Spread", f.Spread}, {"Jitter", f.Jitter}} {
		if d.value < 0 || d.value > maxDelay {
			return fmt.Errorf("transport: Faults.%s is %v: want a duration from 0 to %v", d.field, d.value, maxDelay)
		}
	}
	return nil
}

// latency is how long everything takes between two transports, or back.
func (f Faults) latency(a, b netip.AddrPort) time.Duration {
	if f.Spread == 0 {
		return f.Latency
	}
	share := (hash(a) ^ hash(b)) >> 11
	return f.Latency + time.Duration(float64(share)/(1<<53)*float64(f.Spread))
}

// hash is FNV-1a, and then a mix, so that its upper bits are good.
func hash(a netip.AddrPort) uint64 {
	const prime = 0x100000001b3
	h := uint64(0xcbf29ce484222325)
	for _, b := range a.Addr().As16() {
		h = (h ^ uint64(b)) * prime
	}
	h = (h ^ uint64(a.Port())) * prime
	return (h ^ h>>32) * 0xd6e8feb86659fd93
}

// SetFaults replaces the faults for all that is sent from now on. An error
// names the field out of range and leaves the faults as they were.
func (n *Network) SetFaults(f Faults) error {
	if err := f.check(); err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.faults = f
	return nil
}

// Cut separates transports, in place of any earlier cut. Where separated(from,
// to) holds, datagrams vanish, those under way included. Streams stall as they
// do in a real partition: nothing arrives, no error tells, and writes fill the
// buffer and then block. Dials wait. The function may answer differently for
// the two directions; no transport is ever cut off from itself. It is given the
// addresses that transports listen on, also for streams.
//
// The function is called with the network locked: it must not call the network.
func (n *Network) Cut(separated func(from, to netip.AddrPort) bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	n.land(now)
	n.separated = separated
	n.sever(now)
	for s := range n.streams {
		s.setCut(n.apart(s.peer.node, s.node), now)
	}
	for s := range n.streams {
		s.refuse(now) // looks at both directions, hence after all are set
	}
	n.dialing.Broadcast()
}

// Heal lifts the cut. Stalled bytes flow again, none lost and all in order.
func (n *Network) Heal() { n.Cut(nil) }

func (n *Network) apart(from, to netip.AddrPort) bool {
	return n.separated != nil && from != to && n.separated(from, to)
}

// datagram is one copy under way or waiting to be read.
type datagram struct {
	from, to netip.AddrPort
	data     []byte // never written to: two copies may share it
	due      time.Time
	order    uint64 // of sending, which breaks ties
}

// carry decides the fate of one datagram.
func (n *Network) carry(from, to netip.AddrPort, data []byte) {
	now := time.Now()
	n.land(now)
	n.stats.Sent++
	n.stats.SentBytes += uint64(len(data))
	if n.apart(from, to) {
		n.stats.Separated++
		return
	}
	if n.chance(n.faults.Loss) {
		n.stats.Lost++
		return
	}
	d := datagram{from: from, to: to, data: slices.Clone(data)}
	n.launch(d, now)
	if n.chance(n.faults.Duplicate) {
		n.stats.Duplicated++
		n.launch(d, now)
	}
}

func (n *Network) chance(p float64) bool {
	return p > 0 && n.random.Float64() < p
}

// launch sends a copy on its way, which without delay is no way at all.
func (n *Network) launch(d datagram, now time.Time) {
	delay := n.faults.latency(d.from, d.to)
	if n.faults.Jitter > 0 {
		delay += time.Duration(n.random.Int64N(int64(n.faults.Jitter) + 1))
	}
	if delay == 0 {
		n.arrive(d)
		return
	}
	d.due = now.Add(delay)
	d.order = n.stats.Sent + n.stats.Duplicated
	heap.Push(&n.flight.queue, d)
	n.schedule(now)
}

func (n *Network) arrive(d datagram) {
	e := n.endpoints[d.to]
	switch {
	case e == nil:
		n.stats.Unreachable++
	case len(e.inbox) == inboxSize:
		n.stats.Overflowed++
	default:
		n.stats.Delivered++
		e.inbox = append(e.inbox, d)
		e.received.Signal()
	}
}

// flight holds the datagrams under way. They belong to the network and not to
// a receiver, so that one sent to a node may reach its successor on the same
// address, which is a thing protocols must survive.
type flight struct {
	queue arrivals
	alarm *time.Timer // rings when the first of the queue is due
	rings time.Time   // when; zero: not set
}

// land delivers what is due. The alarm does so in time; everybody else who looks
// at the network does so first, so that what they see does not depend on who
// is scheduled first at the instant of an arrival.
func (n *Network) land(now time.Time) {
	for len(n.flight.queue) > 0 && !n.flight.queue[0].due.After(now) {
		n.arrive(heap.Pop(&n.flight.queue).(datagram))
	}
	n.schedule(now)
}

// schedule sets the alarm to the first arrival, if it is not there already.
func (n *Network) schedule(now time.Time) {
	f := &n.flight
	if len(f.queue) == 0 || f.queue[0].due.Equal(f.rings) {
		return
	}
	f.rings = f.queue[0].due
	if f.alarm == nil {
		f.alarm = time.AfterFunc(f.rings.Sub(now), n.ring)
		return
	}
	f.alarm.Reset(f.rings.Sub(now))
}

func (n *Network) ring() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.flight.rings = time.Time{}
	n.land(time.Now())
}

// sever drops the datagrams under way between transports now separated.
func (n *Network) sever(now time.Time) {
	before := len(n.flight.queue)
	n.flight.queue = slices.DeleteFunc(n.flight.queue, func(d datagram) bool {
		return n.apart(d.from, d.to)
	})
	n.stats.Separated += uint64(before - len(n.flight.queue))
	heap.Init(&n.flight.queue)
	n.schedule(now)
}

// ground drops all that is under way: nobody is left to receive it, and a
// network that nobody uses must not keep a timer.
func (n *Network) ground() {
	n.stats.Unreachable += uint64(len(n.flight.queue))
	if n.flight.alarm != nil {
		n.flight.alarm.Stop()
	}
	n.flight = flight{}
}

// arrivals is a heap by time of arrival, then by order of sending.
type arrivals []datagram

func (a arrivals) Len() int      { return len(a) }
func (a arrivals) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a arrivals) Less(i, j int) bool {
	if c := a[i].due.Compare(a[j].due); c != 0 {
		return c < 0
	}
	return a[i].order < a[j].order
}

func (a *arrivals) Push(d any) { *a = append(*a, d.(datagram)) }

func (a *arrivals) Pop() any {
	last := len(*a) - 1
	d := (*a)[last]
	(*a)[last] = datagram{} // lets go of its bytes
	*a = (*a)[:last]
	return d
}
