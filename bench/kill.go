package main

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// burst is how many messages are broadcast at once.
const burst = 50

// measureKill has 30 % of the nodes die at once, and then the others broadcast 50 messages at
// once. From then on one broadcasts every 100 ms, so that it can be seen when the network
// is whole again.
func measureKill(b *bench) error {
	b.led.timed = true
	if err := b.start(Options{}); err != nil {
		return err
	}
	defer b.cluster.Close()
	stop, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- b.trickle(256, 10, stop) }()
	time.Sleep(3 * time.Second)
	close(stop)
	if err := <-ended; err != nil {
		return err
	}
	b.led.drain(0, b.led.next.Load(), min(10*time.Second, b.system.Patience))

	alive := make([]bool, b.Nodes)
	var left []int
	dying := 3 * b.Nodes / 10
	var killing sync.WaitGroup
	for i, node := range rand.Perm(b.Nodes) {
		if i < dying {
			killing.Go(func() { b.cluster.Kill(node) })
		} else {
			alive[node] = true
			left = append(left, node)
		}
	}
	killing.Wait()
	b.led.survivors(alive)
	died := time.Since(b.led.start)

	const settling = 5 * time.Second
	from, cpu := b.led.next.Load(), cpuTime()
	if err := b.atOnce(left, burst); err != nil {
		return err
	}
	stop = make(chan struct{})
	time.AfterFunc(settling, func() { close(stop) })
	go func() { ended <- b.beat(left[0], 100*time.Millisecond, stop) }()
	b.led.drain(from, from+burst, settling)
	cpu = cpuTime() - cpu
	if err := <-ended; err != nil {
		return err
	}
	to := b.led.next.Load()
	b.led.drain(from, to, 10*time.Second)

	b.result(256, burst, "delivery ratio", b.led.ratio(from, from+burst), "")
	if lasts := b.led.lasts(from, from+burst); len(lasts) > 0 {
		b.result(256, burst, "last survivor p50", millis(quantile(lasts, 0.5)), "ms")
		b.result(256, burst, "last survivor p99", millis(quantile(lasts, 0.99)), "ms")
	}
	if b.led.ratio(from, from+burst) == 1 {
		b.result(256, burst, "CPU time per delivery", float64(cpu.Microseconds())/burst/float64(len(left)-1), "µs")
	}
	whole, ok := b.wholeSince(from, to)
	if !ok {
		b.never(256, burst, "whole after", "s")
		return nil
	}
	b.result(256, burst, "whole after", max(0, (b.led.entry(whole).sent-died).Seconds()), "s")
	return nil
}

// atOnce broadcasts from so many nodes, each from a goroutine of its own.
func (b *bench) atOnce(nodes []int, messages int) error {
	errs := make(chan error, messages)
	for i := range messages {
		payload := b.led.newPayload(256)
		origin := nodes[i%len(nodes)]
		go func() {
			b.led.write(payload, origin, nil)
			errs <- b.cluster.Broadcast(origin, payload)
		}()
	}
	for range messages {
		if err := <-errs; err != nil {
			return fmt.Errorf("broadcast: %w", err)
		}
	}
	return nil
}

// wholeSince is the first message from which on all have reached everybody.
func (b *bench) wholeSince(from, to uint64) (uint64, bool) {
	for to > from && b.led.everywhere(to-1) {
		to--
	}
	return to, to < b.led.next.Load()
}
