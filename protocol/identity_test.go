package protocol

import (
	"math/rand/v2"
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// names is a directory of an address book whose handles are given again.
type names map[peer.Handle]peer.ID

func (n names) Name(h peer.Handle) vclock.Origin { return n[h] }
func (n names) Handle(vclock.Origin) peer.Handle { return peer.None }

// A peer is the same for the samplers whatever its handle and its incarnation,
// which it chooses itself, and no two nodes agree on what it is.
func TestIdentitiesAreStableAndSecret(t *testing.T) {
	book := names{1: {Name: "a", Incarnation: 1}, 2: {Name: "b", Incarnation: 1}, 3: {Name: "a", Incarnation: 2}}
	here, there := identities(book, rand.NewPCG(1, 1)), identities(book, rand.NewPCG(2, 1))
	a, b := here(1), here(2)
	if a == b || here(3) != a || here(1) != a {
		t.Errorf("a is %x, b %x, a in another life %x, a once more %x", a, b, here(3), here(1))
	}
	if there(1) == a {
		t.Error("another node calls it the same")
	}
	book[7], book[1] = book[1], peer.ID{Name: "c"}
	if here(7) != a || here(1) == a {
		t.Error("an identity goes by the handle")
	}
	if allocs := testing.AllocsPerRun(100, func() { here(1) }); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}
