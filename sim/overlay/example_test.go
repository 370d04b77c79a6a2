package overlay_test

import (
	"fmt"

	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
	"github.com/Ishan27gOrg/gossipProtocol/sim/overlay"
)

// A thousand nodes, of which half fail at once, and how soon they are forgotten.
func Example() {
	o, err := overlay.New(overlay.Config{
		Nodes:  1000,
		Policy: peersampling.Healer(20),
		Start:  overlay.Random,
		Seed:   2007,
		Kill:   []overlay.Kill{{Fraction: 0.5, Cycle: 21}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for o.Cycle() < 30 {
		o.Step()
	}
	r := o.Measure(overlay.Sampling{Clustering: 100, Paths: 64})
	fmt.Printf("%d nodes in %d component, %d dead links\n", r.Nodes, r.Components, r.DeadLinks)
	// Output: 500 nodes in 1 component, 0 dead links
}
