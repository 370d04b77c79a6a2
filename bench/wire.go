package main

import "time"

// measureWireLight counts what crosses the loopback interface, which looks like
// Ethernet to the nodes, while little is sent. It counts in the middle of a load that
// goes on, so that what is on its way when it starts makes up for what is when it ends.
func measureWireLight(b *bench) error {
	if err := b.start(Options{}); err != nil {
		return err
	}
	defer b.cluster.Close()
	before := b.settling()
	for _, payload := range b.Payloads {
		if b.tooLong(payload) {
			continue
		}
		stop, ended := make(chan struct{}), make(chan error, 1)
		go func() { ended <- b.trickle(payload, b.rate(), stop) }()
		b.countWire(payload, 0, max(before, min(5*time.Second, b.system.Patience)), b.lasting(10*time.Second))
		before = 0 // it has settled
		close(stop)
		if err := <-ended; err != nil {
			return err
		}
	}
	return nil
}

// measureWireSaturated is the same as fast as the system takes it.
func measureWireSaturated(b *bench) error {
	settled := false
	return b.saturate(func(payload, origins int) error {
		if !settled {
			if _, _, err := b.light(256, b.rate(), b.settling()); err != nil {
				return err
			}
			settled = true
		}
		window := b.Window
		if window == 0 {
			window = b.system.Window(b.Nodes, payload, origins)
		}
		ended := make(chan error, 1)
		const before = time.Second
		during := b.lasting(3 * time.Second)
		first, was := b.led.next.Load(), b.led.delivered.Load()
		go func() {
			ended <- b.flood(payload, origins, window, before+during+100*time.Millisecond)
		}()
		b.countWire(payload, origins, before, during)
		err := <-ended
		b.watch(first, was, time.Now(), 0)
		return err
	})
}

func (b *bench) countWire(payload, origins int, before, during time.Duration) {
	time.Sleep(before)
	was, wire := b.led.delivered.Load(), loopback()
	time.Sleep(during)
	deliveries := float64(max(1, b.led.delivered.Load()-was))
	crossed := loopback().minus(wire)
	b.result(payload, origins, "wire bytes per payload byte", float64(crossed.bytes)/deliveries/float64(payload), "")
	b.result(payload, origins, "packets per delivery", float64(crossed.packets)/deliveries, "")
}
