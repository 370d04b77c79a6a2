package keyring_test

import (
	"fmt"
	"log"

	"github.com/Ishan27gOrg/gossipProtocol/keyring"
)

// A cluster of three gets a new key. After every single step, what any node
// uses is accepted by all.
func Example_rotation() {
	old, fresh := keyring.Key{1}, keyring.Key{2} // keyring.NewKey() in earnest
	var cluster []*keyring.Ring
	for range 3 {
		ring, err := keyring.New(old)
		if err != nil {
			log.Fatal(err)
		}
		cluster = append(cluster, ring)
	}
	rounds := []struct {
		name string
		step func(*keyring.Ring) error
	}{
		{"add everywhere", func(r *keyring.Ring) error { return r.Add(fresh) }},
		{"use everywhere", func(r *keyring.Ring) error { return r.Use(fresh.ID()) }},
		{"remove everywhere", func(r *keyring.Ring) error { return r.Remove(old.ID()) }},
	}
	for _, round := range rounds {
		understood := true
		for _, ring := range cluster {
			if err := round.step(ring); err != nil {
				log.Fatal(err)
			}
			for _, from := range cluster {
				for _, to := range cluster {
					understood = understood && to.Has(from.Primary())
				}
			}
		}
		fmt.Printf("%s: all understand all: %v\n", round.name, understood)
	}
	fmt.Println(cluster[0])
	// Output:
	// add everywhere: all understand all: true
	// use everywhere: all understand all: true
	// remove everywhere: all understand all: true
	// keyring using a6cab262, accepting []
}
