package peersampling

import (
	"math"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// The sampling component of Brahms: Bortnikov, Gurevich, Keidar, Kliot and
// Shraer, Computer Networks 53(13), 2009, section 3.1.
//
// A sampler is a random hash function and the peer whose identity it maps
// lowest of all that it was ever fed. Every peer has the same chance of that,
// however often it is named: who shouts is not heard better. What a stream of
// news cannot do to a sampler is make it forget.
//
// The state of a sampler is a peer.Descriptor: Peer is the sample, peer.None
// before the first, and Age counts how often the sampler was initialised anew.
// Nothing else is kept, so that a node's samplers are eight bytes each and lie
// in a row: key tells the hash function from the sampler's place in that row,
// its Age, whose it is, and a secret, and the hash of the sample is computed
// again when it is needed, once for a batch of some hundred.

// feed shows peers with these mixed identities to the samplers of a node whose
// keys come from the seed.
func feed(s []peer.Descriptor, seed uint64, peers []peer.Handle, mixed []uint64, identity func(peer.Handle) uint64) {
	if len(peers) == 0 {
		return
	}
	for i := range s {
		k := key(seed, i, s[i].Age)
		lowest, at := uint64(math.MaxUint64), 0
		if held := s[i].Peer; held != peer.None {
			lowest, at = hash(mix(identity(held)), k), -1
		}
		for j, id := range mixed {
			if h := hash(id, k); h < lowest {
				lowest, at = h, j
			}
		}
		if at >= 0 {
			s[i].Peer = peers[at]
		}
	}
}

// reset initialises a sampler anew, with another hash function.
func reset(x *peer.Descriptor) { *x = peer.Descriptor{Age: x.Age + 1} }

// forget initialises anew the samplers that hold p: "if the sample does not
// answer a probe, the sampler is re-initialised".
func forget(s []peer.Descriptor, p peer.Handle) {
	for i := range s {
		if s[i].Peer == p {
			reset(&s[i])
		}
	}
}

// key is the hash function of the i-th sampler of a node in its age-th life.
func key(seed uint64, i int, age uint32) uint64 {
	return mix(mix(seed+golden*uint64(i+1)) + uint64(age))
}

const golden = 0x9e3779b97f4a7c15 // 2^64 divided by the golden ratio, odd

// hash is what the sampler with this key makes of a mixed identity. It is a
// bijection, so that no two identities tie, and with a random key each identity
// has exactly the same chance of any hash. That one is lowest among others has
// the same chance for all, and by another sampler once more, because the others
// look random (see mix); the tests hold that against the uniform distribution.
//
// This one is computed for each sampler and each peer that a node hears of,
// which is most of what Brahms costs, and so it is no more than a multiplication.
func hash(mixed, key uint64) uint64 { return (mixed ^ key) * golden }

// mix is the output function of SplitMix64 (Steele, Lea and Flood, "Fast
// splittable pseudorandom number generators", OOPSLA 2014, with the constants
// of Stafford's mix 13): a bijection of which each bit of the output changes
// with each bit of the input in nearly half of all cases, so that identities
// that count up look like random numbers.
//
// It keeps no secret: who knew a key could look for an identity that is hashed
// low. Keys come from secret random numbers and never leave the node, and on a
// network an identity is a keyed hash already (see ServiceConfig.Identity).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
