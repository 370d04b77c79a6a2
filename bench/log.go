package main

import (
	"fmt"
	"time"
)

// measureLog looks at what nodes hold that have so many messages in their logs.
func measureLog(b *bench) error {
	const size = 256
	if err := b.start(Options{LogBytes: 1 << 30}); err != nil {
		return err
	}
	defer b.cluster.Close()
	before := heapAndStacks()
	payload := b.led.newPayload(size)
	first := b.led.next.Load()
	w := newWindow(256)
	for _, messages := range []uint64{10_000, 100_000} {
		for b.led.next.Load() < first+messages && w.enter(b.led, time.Minute, nil) {
			w.sent(b.led.entry(b.led.write(payload, 0, w)))
			if err := b.cluster.Broadcast(0, payload); err != nil {
				return err
			}
		}
		b.led.drain(first, b.led.next.Load(), time.Minute)
		if r := b.led.ratio(first, b.led.next.Load()); r != 1 {
			return fmt.Errorf("only %v of the messages were delivered", r)
		}
		held := float64(heapAndStacks()-before)/float64(b.Nodes) - float64(b.led.size(messages))/float64(b.Nodes)
		b.result(size, 1, fmt.Sprintf("held per node with %d messages", messages), held/(1<<20), "MiB")
		b.result(size, 1, fmt.Sprintf("held per message with %d messages", messages), held/float64(messages), "B")
	}
	return nil
}
