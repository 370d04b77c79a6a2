package main

import (
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
		if _, err := b.push(payload, origins, window, warmUp); err != nil {
			return err
		}
		warmUp = time.Second
		stop := b.profile()
		p, err := b.push(payload, origins, window, b.lasting(3*time.Second))
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
			if _, err := b.push(payload, origins, window, time.Second); err != nil {
				return err
			}
			p, err := b.push(payload, origins, window, b.lasting(2*time.Second))
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

// pushed is what came of it.
type pushed struct {
	messages, deliveries int64
	ratio                float64
	wall, cpu            time.Duration // until the last delivery
	waited               time.Duration
	mallocs, bytes       uint64
}

// push broadcasts for some time and waits until everything has arrived that will.
func (b *bench) push(payload, origins, window int, during time.Duration) (p pushed, err error) {
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	first, was := b.led.next.Load(), b.led.delivered.Load()
	began, cpu, waited := time.Now(), cpuTime(), waitTime()
	err = b.flood(payload, origins, window, during)
	p.wall, p.cpu = b.watch(first, was, began, cpu)
	p.waited = waitTime() - waited
	runtime.ReadMemStats(&after)
	to := b.led.next.Load()
	p.messages, p.deliveries, p.ratio = int64(to-first), b.led.delivered.Load()-was, b.led.ratio(first, to)
	p.mallocs, p.bytes = after.Mallocs-before.Mallocs, after.TotalAlloc-before.TotalAlloc
	return p, err
}

// countCalls counts system calls, in a push of its own: to count them makes them slower.
func (b *bench) countCalls(payload, origins, window int) error {
	stop := countCalls()
	p, err := b.push(payload, origins, window, time.Second)
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

// watch waits for the last delivery, and returns the time and the CPU time until then.
func (b *bench) watch(first uint64, delivered int64, began time.Time, cpu time.Duration) (wall, used time.Duration) {
	to := b.led.next.Load()
	all := delivered + int64(to-first)*int64(b.led.want.Load())
	now := func() (time.Duration, time.Duration) { return time.Since(began), cpuTime() - cpu }
	wall, used = now()
	was, since := b.led.delivered.Load(), time.Now()
	for b.led.delivered.Load() < all && time.Since(since) < b.system.Patience {
		time.Sleep(time.Millisecond)
		if is := b.led.delivered.Load(); is != was {
			was, since = is, time.Now()
			wall, used = now()
		}
	}
	return wall, used
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
