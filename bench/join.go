package main

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// measureJoin has nodes join, one after the other, while one broadcasts every 5 ms,
// and looks at when each gets the first message that was sent after it had begun to
// start.
func measureJoin(b *bench) error {
	if err := b.start(Options{}); err != nil {
		return err
	}
	defer b.cluster.Close()
	stop, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- b.beat(1%b.Nodes, 5*time.Millisecond, stop) }()
	var took []time.Duration
	const joiners = 10
	for i := range joiners {
		v := &visitor{node: b.Nodes + i, from: b.led.next.Load(), got: make(chan struct{})}
		b.led.visitor.Store(v)
		began := time.Now()
		if err := b.cluster.Join(v.node, rand.IntN(b.Nodes)); err != nil {
			return fmt.Errorf("join: %w", err)
		}
		select {
		case <-v.got:
			took = append(took, time.Since(began))
		case <-time.After(30 * time.Second):
		}
	}
	close(stop)
	if err := <-ended; err != nil {
		return err
	}
	b.result(0, 0, "reached", float64(len(took))/joiners, "")
	if len(took) > 0 {
		b.result(0, 0, "reachable after, median", millis(quantile(took, 0.5)), "ms")
		b.result(0, 0, "reachable after, longest", millis(quantile(took, 1)), "ms")
	}
	return nil
}

// beat broadcasts from one node at a fixed pace.
func (b *bench) beat(origin int, every time.Duration, stop <-chan struct{}) error {
	payload := b.led.newPayload(64)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			b.led.write(payload, origin, nil)
			if err := b.cluster.Broadcast(origin, payload); err != nil {
				return fmt.Errorf("broadcast: %w", err)
			}
		case <-stop:
			return nil
		}
	}
}
