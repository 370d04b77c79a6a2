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
	before := b.Settle
	for _, payload := range b.Payloads {
		if b.tooLong(payload) {
			continue
		}
		stop, ended := make(chan struct{}), make(chan error, 1)
		go func() { ended <- b.trickle(payload, b.Rate, stop) }()
		b.countWire(payload, 0, max(before, min(5*time.Second, b.system.Patience)), b.lasting(10*time.Second))
		before = 0 // it has settled
		close(stop)
		if err := <-ended; err != nil {
			return err
		}
	}
	return nil
}

// measureWireSaturated is the same as fast as the system takes it. It counts from the first
// message to the last delivery: nodes that have more to do than they can have seconds' worth
// of messages in the kernel's buffers, which have crossed the wire and are not delivered yet,
// and a count in the middle would take these for waste.
func measureWireSaturated(b *bench) error {
	settled := false
	return b.saturate(func(payload, origins int) error {
		if !settled {
			if _, _, err := b.light(256, b.Rate, b.Settle); err != nil {
				return err
			}
			settled = true
		}
		p, err := b.push(payload, origins, b.window(payload, origins), b.lasting(4*time.Second), b.system.Patience)
		b.reportWire(payload, origins, p.wire, p.deliveries)
		b.result(payload, origins, "delivery ratio", p.ratio, "")
		return err
	})
}

func (b *bench) countWire(payload, origins int, before, during time.Duration) {
	time.Sleep(before)
	was, wire := b.led.delivered.Load(), loopback()
	time.Sleep(during)
	b.reportWire(payload, origins, loopback().minus(wire), b.led.delivered.Load()-was)
}

func (b *bench) reportWire(payload, origins int, crossed traffic, deliveries int64) {
	each := float64(max(1, deliveries))
	b.result(payload, origins, "wire bytes per payload byte", float64(crossed.bytes)/each/float64(payload), "")
	b.result(payload, origins, "packets per delivery", float64(crossed.packets)/each, "")
}
