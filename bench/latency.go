package main

import (
	"slices"
	"time"
)

// youth is for how long a network is young: in its first seconds nodes find each other, trees
// and meshes form, and what gets lost meanwhile comes late. That is looked at by itself, of
// every system, or it would be all that a 99th percentile says.
const youth = 5 * time.Second

// measureLatency sends little, from random nodes, and looks at how long it takes.
func measureLatency(b *bench) error {
	b.led.timed = true
	if err := b.start(Options{}); err != nil {
		return err
	}
	defer b.cluster.Close()
	size, rate := b.Payloads[0], b.Rate
	first, from, err := b.light(size, rate, youth)
	if err != nil {
		return err
	}
	cpu, waited := cpuTime(), waitTime()
	_, to, err := b.light(size, rate, b.lasting(10*time.Second))
	if err != nil {
		return err
	}
	b.waiting(size, 0, waitTime()-waited, cpuTime()-cpu)
	b.led.drain(first, to, 20*time.Second)
	delays, lasts := b.led.delays(from, to), b.led.lasts(from, to)
	b.result(size, 0, "time until all are connected", b.up.Seconds(), "s")
	b.result(size, 0, "delivery ratio", b.led.ratio(from, to), "")
	b.result(size, 0, "delivery p50", millis(quantile(delays, 0.5)), "ms")
	b.result(size, 0, "delivery p99", millis(quantile(delays, 0.99)), "ms")
	if len(lasts) > 0 {
		b.result(size, 0, "last node p50", millis(quantile(lasts, 0.5)), "ms")
		b.result(size, 0, "last node p99", millis(quantile(lasts, 0.99)), "ms")
	}
	if young := b.led.lasts(first, from); len(young) > 0 {
		b.result(size, 0, "last node p99, young network", millis(quantile(young, 0.99)), "ms")
	}
	b.result(size, 0, "resident memory per node", residentMemory()/1024/float64(b.Nodes), "KiB")
	return nil
}

// light broadcasts for some time and returns which messages.
func (b *bench) light(size int, rate float64, during time.Duration) (from, to uint64, err error) {
	from = b.led.next.Load()
	stop := make(chan struct{})
	time.AfterFunc(during, func() { close(stop) })
	err = b.trickle(size, rate, stop)
	return from, b.led.next.Load(), err
}

// quantile sorts the times.
func quantile(times []time.Duration, q float64) time.Duration {
	if len(times) == 0 {
		return 0
	}
	slices.Sort(times)
	return times[min(len(times)-1, int(q*float64(len(times))))]
}

func millis(d time.Duration) float64 { return float64(d) / 1e6 }
