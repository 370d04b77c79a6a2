package main

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"
)

// measureSaturated has origins broadcast as fast as the system takes it, with no more
// messages under way than its window. CPU time is that of the whole process, from the
// first message to the last delivery.
func measureSaturated(b *bench) error {
	warmUp := 3 * time.Second // so that the heap has grown, and trees and buffers have
	return b.saturate(func(payload, origins int) error {
		window := b.window(payload, origins)
		if _, err := b.push(payload, origins, window, warmUp, b.system.Patience); err != nil {
			return err
		}
		warmUp = time.Second
		stop := b.profile(fmt.Sprintf("-%dB-%d", payload, origins))
		p, err := b.push(payload, origins, window, b.lasting(3*time.Second), b.system.Patience)
		stop()
		if err != nil {
			return err
		}
		p.report(b, payload, origins)
		b.result(payload, origins, "messages under way", float64(window), "")
		return b.countCalls(payload, origins, window)
	})
}

// window is how many messages are under way at most.
func (b *bench) window(payload, origins int) int {
	if b.Window != 0 {
		return b.Window
	}
	return b.system.Window(b.Nodes, payload, origins)
}

// measureWindows finds out which window is a system's best.
func measureWindows(b *bench) error {
	return b.saturate(func(payload, origins int) error {
		for window := 4; window <= 4096; window *= 4 {
			if window > 16 && window*payload > 32<<20 {
				break
			}
			if _, err := b.push(payload, origins, window, time.Second, b.system.Patience); err != nil {
				return err
			}
			p, err := b.push(payload, origins, window, b.lasting(2*time.Second), b.system.Patience)
			if err != nil {
				return err
			}
			report := b.report
			b.report = func(r Result) { r.Window = window; report(r) }
			p.report(b, payload, origins)
			b.report = report
			if p.ratio < 0.99 { // more will not help
				break
			}
		}
		return nil
	})
}

// saturate starts the system and does something with each payload and number of origins.
func (b *bench) saturate(do func(payload, origins int) error) error {
	if err := b.start(Options{LogBytes: b.logBytes()}); err != nil {
		return err
	}
	defer b.cluster.Close()
	for _, payload := range b.Payloads {
		if b.tooLong(payload) {
			continue
		}
		for _, origins := range b.Origins {
			if err := do(payload, min(origins, b.Nodes)); err != nil {
				return err
			}
		}
	}
	return nil
}

// logBytes is the size of each node's log. It is full after a second or two, as that of a node
// that has run for an hour is, so that memory is used again: to touch a page for the first
// time takes longer than all that is done with the messages that fit into it. What is under way
// has to fit as well: long payloads have the usual logs.
func (b *bench) logBytes() int {
	if slices.Max(b.Payloads) > 4<<10 {
		return 0
	}
	return shareOfLogs(512<<20, b.Nodes)
}

// pushed is what came of it, and what that took.
type pushed struct {
	deliveries int64
	ratio      float64
	spent
}

// spent is what the process has used by some moment.
type spent struct {
	wall, cpu, waited time.Duration
	mallocs, bytes    uint64
	wire              traffic
}

func (b *bench) spending() spent {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return spent{time.Since(b.led.start), cpuTime(), waitTime(), m.Mallocs, m.TotalAlloc, loopback()}
}

func (s spent) minus(o spent) spent {
	return spent{s.wall - o.wall, s.cpu - o.cpu, s.waited - o.waited, s.mallocs - o.mallocs, s.bytes - o.bytes, s.wire.minus(o.wire)}
}

// push broadcasts for some time and waits until everything has arrived, or nothing has for as
// long as the patience is.
func (b *bench) push(payload, origins, window int, during, patience time.Duration) (p pushed, err error) {
	runtime.GC()
	first, was := b.led.next.Load(), b.led.delivered.Load()
	before := b.spending()
	err = b.flood(payload, origins, window, during)
	p.spent = b.watch(first, was, patience).minus(before)
	p.deliveries, p.ratio = b.led.delivered.Load()-was, b.led.ratio(first, b.led.next.Load())
	return p, err
}

// countCalls counts system calls, in a push of its own: to count them makes them slower. Those
// that are made while nothing comes any more count as well, so it does not wait for long.
func (b *bench) countCalls(payload, origins, window int) error {
	stop := countCalls()
	p, err := b.push(payload, origins, window, time.Second, min(b.system.Patience, 500*time.Millisecond))
	if calls := stop(); calls >= 0 && p.deliveries > 0 {
		b.result(payload, origins, "system calls per delivery", float64(calls)/float64(p.deliveries), "")
	}
	return err
}

// flood broadcasts from some origins.
func (b *bench) flood(payload, origins, places int, during time.Duration) error {
	stop := make(chan struct{})
	errs := make(chan error, origins)
	var senders sync.WaitGroup
	for i := range origins {
		// The first nodes were also the first to join: spread them.
		origin := i * b.Nodes / origins
		w := newWindow(max(1, places/origins))
		senders.Go(func() {
			buffer := b.led.newPayload(payload)
			for w.enter(b.led, b.system.Patience, stop) {
				w.sent(b.led.entry(b.led.write(buffer, origin, w)))
				if err := b.cluster.Broadcast(origin, buffer); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	time.Sleep(during)
	close(stop)
	senders.Wait()
	select {
	case err := <-errs:
		return err
	default:
		return nil
	}
}

// watch waits for the last delivery and returns what had been spent by then, or, where some are
// missing, a few milliseconds later: what a system does while nothing comes counts against nobody.
func (b *bench) watch(first uint64, delivered int64, patience time.Duration) (at spent) {
	const pause = 5 * time.Millisecond
	all := delivered + int64(b.led.next.Load()-first)*int64(b.led.want.Load())
	was, since, taken := b.led.delivered.Load(), time.Now(), false
	for was < all && time.Since(since) < patience {
		if !taken && time.Since(since) > pause {
			at, taken = b.spending(), true
		}
		time.Sleep(time.Millisecond)
		if is := b.led.delivered.Load(); is != was {
			was, since, taken = is, time.Now(), false
		}
	}
	if !taken {
		at = b.spending()
	}
	return at
}

func (p *pushed) report(b *bench, payload, origins int) {
	deliveries := float64(max(1, p.deliveries))
	b.result(payload, origins, "deliveries per CPU-second", float64(p.deliveries)/p.cpu.Seconds(), "1/s")
	b.result(payload, origins, "delivery ratio", p.ratio, "")
	b.result(payload, origins, "deliveries per second", float64(p.deliveries)/p.wall.Seconds(), "1/s")
	b.waiting(payload, origins, p.waited, p.cpu)
	b.result(payload, origins, "allocations per delivery", float64(p.mallocs)/deliveries, "")
	b.result(payload, origins, "allocated bytes per delivery", float64(p.bytes)/deliveries, "B")
}

// waiting tells how busy the machine was, or how badly its threads were spread over it.
func (b *bench) waiting(payload, origins int, waited, used time.Duration) {
	b.result(payload, origins, "waiting for a core, per CPU-second", waited.Seconds()/used.Seconds(), "s")
}
