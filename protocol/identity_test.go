package protocol

import (
	"hash/fnv"
	"math/rand/v2"
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
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

// Two nodes that have had the same messages must have the same digest, whatever
// program each is: this is what an identity contributes.
func TestTheHashOfAnIdentity(t *testing.T) {
	for id, want := range map[peer.ID]uint64{
		{Name: "ann", Incarnation: 0x0102030405060708}: 0x43cc79745d7091c7,
		{Name: "ann"}: 0x50d7cd34d3dc9534,
	} {
		if got := hashOf(id); got != want {
			t.Errorf("the hash of %v is %#x, want %#x", id, got, want)
		}
	}
}

// With FNV and a multiplication, as it once was, there is an incarnation for each name
// that gives it the hash of any other identity; it takes one division to find it.
func TestNobodyPicksAnIncarnationForItsHash(t *testing.T) {
	const times = 0xff51afd7ed558ccd
	inverse := uint64(times) // modulo 2^64, by Newton's iteration
	for range 6 {
		inverse *= 2 - times*inverse
	}
	fnv64 := func(s string) uint64 { h := fnv.New64a(); h.Write([]byte(s)); return h.Sum64() }
	victim := peer.ID{Name: "victim", Incarnation: 7}
	old := fnv64(victim.Name) ^ (victim.Incarnation+0x9e3779b97f4a7c15)*times
	twin := peer.ID{Name: "liar", Incarnation: (old^fnv64("liar"))*inverse - 0x9e3779b97f4a7c15}
	if fnv64(twin.Name)^(twin.Incarnation+0x9e3779b97f4a7c15)*times != old {
		t.Fatal("that is not how it was done")
	}
	if hashOf(twin) == hashOf(victim) {
		t.Errorf("%v and %v have the same hash", twin, victim)
	}
}

// An identity is hashed when its origin is first seen, and not for every message.
func TestAnIdentityIsHashedOnce(t *testing.T) {
	hashes := 0
	seen := broadcast.NewSeen(10, func(peer.Handle) uint64 { hashes++; return hashOf(peer.ID{Name: "ann"}) })
	for seq := uint64(1); seq <= 100; seq++ {
		seen.Mark(peer.Dot{Origin: 1, Seq: seq}, 0)
		seen.Part(broadcast.Prefix{})
	}
	if hashes != 1 {
		t.Errorf("hashed %d times", hashes)
	}
}
