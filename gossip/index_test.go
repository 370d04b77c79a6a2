package gossip

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// TestTheBookFindsWhomItKnows, as a map would, whoever comes and is forgotten meanwhile.
func TestTheBookFindsWhomItKnows(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	at := netip.MustParseAddrPort("192.0.2.1:1")
	b := newBook(peer.ID{Name: "self", Incarnation: 1}, at, 1<<10)
	want := map[peer.ID]peer.Handle{{Name: "self", Incarnation: 1}: b.self}
	most := 0
	for step := range 20000 {
		// Few names with many lives, and many names.
		id := peer.ID{Name: fmt.Sprint("n", rnd.IntN(200)), Incarnation: uint64(rnd.IntN(4))}
		h := b.Intern([]byte(id.Name), id.Incarnation, at)
		if had, known := want[id]; known && had != h || !known && h == peer.None {
			t.Fatalf("step %d: %v is %d, and was %d", step, id, h, had)
		}
		want[id] = h
		if got, _ := b.Lookup(h); got != id {
			t.Fatalf("step %d: %v is taken for %v", step, id, got)
		}
		most = max(most, b.len())
		if rnd.IntN(500) > 0 {
			continue
		}
		b.sweep(func(mark func(peer.Handle)) {
			for id, h := range want {
				if rnd.IntN(2) > 0 || h == b.self {
					mark(h)
				} else {
					delete(want, id)
				}
			}
		})
		if b.len() != len(want) {
			t.Fatalf("step %d: %d are known, want %d", step, b.len(), len(want))
		}
	}
	if len(b.byID.slots) > 4*most {
		t.Errorf("%d slots for at most %d identities", len(b.byID.slots), most)
	}
}

// TestLookingUpAllocatesNothing, however long the name is.
func TestLookingUpAllocatesNothing(t *testing.T) {
	at := netip.MustParseAddrPort("192.0.2.1:1")
	b := newBook(peer.ID{Name: "self", Incarnation: 1}, at, 1<<10)
	name := []byte(fmt.Sprintf("%0100d", 7))
	b.Intern(name, 1, at)
	if n := testing.AllocsPerRun(100, func() { b.Intern(name, 1, at) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
