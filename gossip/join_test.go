package gossip

import (
	"fmt"
	"slices"
	"testing"
)

// A node goes on resolving the names that it was given last; who finds new ones again and
// again is never refused for those of long ago.
func TestTheOldestNameMakesRoom(t *testing.T) {
	var r resolver
	name := func(i int) string { return fmt.Sprintf("host-%d:1", i) }
	for i := range 3 * maxNames {
		if !r.take([]string{name(i)}) {
			t.Fatalf("%s is not new", name(i))
		}
	}
	first := 2 * maxNames
	if r.take([]string{name(first), name(first + 1)}) { // now they are the latest
		t.Error("names that are there count as new")
	}
	r.take([]string{"one more:1"})
	if len(r.names) != maxNames || slices.Contains(r.names, name(first+2)) || !slices.Contains(r.names, name(first)) {
		t.Errorf("%d names: %v", len(r.names), r.names)
	}
}
