package gossip

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"

	"github.com/Ishan27gOrg/gossipProtocol/identity"
)

// verified remembers signatures that have turned out right, so that a message that
// comes over several links, or the same evidence with every digest, is checked once.
// What it holds has a fixed size: a place for each of so many hashes, which the newest
// takes.
type verified struct {
	mu    sync.Mutex
	slots [verifiedSlots][sha256.Size]byte
}

// verifiedSlots are 128 KiB: what some thousand messages or origins need. A guess.
const verifiedSlots = 4096

// check is p.Verify, unless that has been done before. Key and signature have one length,
// so that what is hashed says where each of the three begins.
func (v *verified) check(p identity.Public, message, signature []byte) bool {
	if len(signature) != identity.SignatureSize {
		return false
	}
	h := sha256.New()
	h.Write(p[:])
	h.Write(signature)
	h.Write(message)
	var sum [sha256.Size]byte
	h.Sum(sum[:0])
	slot := &v.slots[binary.BigEndian.Uint16(sum[:])%verifiedSlots]
	v.mu.Lock()
	known := *slot == sum
	v.mu.Unlock()
	if known {
		return true
	}
	if !p.Verify(message, signature) {
		return false
	}
	v.mu.Lock()
	*slot = sum
	v.mu.Unlock()
	return true
}
