package protocol

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
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
