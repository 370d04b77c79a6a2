package gossip

import "testing"

// TestEventsBeforeAnybodyAsks are kept as if somebody had, in their order and as many; and
// take no room before that.
func TestEventsBeforeAnybodyAsks(t *testing.T) {
	var e events
	for i := range mostEvents + 3 {
		if kept := e.add(Event{From: uint64(i)}); kept != (i < mostEvents) {
			t.Fatalf("event %d: kept is %v", i, kept)
		}
	}
	if e.out != nil {
		t.Error("there is a channel that nobody has asked for")
	}
	for i := range mostEvents {
		if got := (<-e.channel()).From; got != uint64(i) {
			t.Fatalf("event %d comes as number %d", got, i)
		}
	}
	if !e.add(Event{From: 1000}) || (<-e.channel()).From != 1000 {
		t.Error("what happens later does not come")
	}
}
