package sim_test

import (
	"fmt"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/sim"
)

// A thousand machines, of which each knows a handful. A partition for two
// minutes; a message on each side meanwhile; and how many machines have both a
// minute after it has healed.
func Example() {
	w := sim.NewWorld(2007)
	w.Faults = sim.Faults{Latency: 10 * time.Millisecond, Jitter: 20 * time.Millisecond, Loss: 0.05}
	contact := w.Start("contact")
	for i := range 999 {
		w.Join(w.Start(fmt.Sprint("n", i)), contact)
	}
	w.Run(20 * time.Second)

	w.Faults.Cut = func(a, b *sim.Node) bool { return a.Handle%2 != b.Handle%2 }
	w.Run(time.Minute)
	w.Broadcast(w.Nodes()[0], []byte("from the left"))
	w.Broadcast(w.Nodes()[1], []byte("from the right"))
	w.Run(time.Minute)
	w.Faults.Cut = nil
	w.Run(time.Minute)

	both := 0
	for _, n := range w.Nodes() {
		if w.Oracle.Delivered(n) == 2 {
			both++
		}
	}
	fmt.Printf("%d of %d have both messages, %d promises broken\n", both, len(w.Nodes()), len(w.Oracle.Violations))
	// Output: 1000 of 1000 have both messages, 0 promises broken
}
