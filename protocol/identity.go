package protocol

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// identities returns what Brahms' samplers tell peers apart by: a hash of the
// name, keyed with secrets of this node, so that nobody can choose a name that
// it likes.
//
// The incarnation is left out. A node chooses its own, and with each new one it
// would have itself drawn once more.
func identities(dir Directory, rng *rand.PCG) func(peer.Handle) uint64 {
	var key [16]byte
	binary.LittleEndian.PutUint64(key[:8], rng.Uint64())
	binary.LittleEndian.PutUint64(key[8:], rng.Uint64())
	var keyed []byte
	return func(h peer.Handle) uint64 {
		keyed = append(append(keyed[:0], key[:]...), dir.Name(h).Name...)
		sum := sha256.Sum256(keyed)
		return binary.LittleEndian.Uint64(sum[:])
	}
}

// hashOf is equal on all nodes for one identity: the first 64 bits of the SHA-256 of
// how it is written on the wire, which is the length of its name, the name, and the
// incarnation. Anybody may make up names, and must not find one that has the hash of
// somebody else's: the two would look alike in digests. To meet a given one takes
// 2^64 attempts. It is asked for once for each origin, when that is first seen.
//
// What it does not prevent: digests are sums, so who can have many origins taken up
// by others can choose them so that two different digests have the same sum. Then a
// repair is not begun, until the next message of anybody.
func hashOf(id vclock.Origin) uint64 {
	var room [1 + 128 + 8]byte
	b := append(append(room[:0], byte(len(id.Name))), id.Name...)
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(b, id.Incarnation))
	return binary.BigEndian.Uint64(sum[:])
}
