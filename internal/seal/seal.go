// Package seal encrypts datagrams under a cluster's keyring, and refuses those
// that nobody with a key of it sealed:
//
//	 0        1          2       3          7        31
//	┌─────┬─────────┬────────┬───────────┬─────────┬────────────┬────────┐
//	│ 'g' │ version │  kind  │  key id   │  nonce  │ ciphertext │  tag   │
//	│     │    1    │ 80, 81 │ 4, big e. │   24    │     n      │   16   │
//	└─────┴─────────┴────────┴───────────┴─────────┴────────────┴────────┘
//	└──── additional data ───────────────┘
//
// Kind 0x80 is a request, 0x81 an answer. The cipher is XChaCha20-Poly1305
// (draft-irtf-cfrg-xchacha-03; RFC 8439). Its keys are derived by HKDF-SHA256
// from the ring's, one for each cluster name and direction, so that a datagram
// means nothing in another cluster, and a request cannot come back as an answer.
//
// # Nonces
//
// Nonces are random. With 192 bits, 10^6 nodes that each seal 1,000 datagrams a
// second for 100 years under one and the same key draw n = 3.2·10^18 of them,
// and the probability that any two are equal is at most n²/2^193 < 10^-21. So
// they do not run out, and no key must be changed for their sake.
//
// Counters would be shorter, but all nodes share the key, so each would need a
// part of the counter's space that no other has ever had, and would have to keep
// the count across crashes, restored backups and cloned machines. One mistake in
// that, silent and far away, and two datagrams under one nonce give away their
// contents and the authentication key. Randomness has no state to lose. The 96
// bits of plain ChaCha20-Poly1305 or AES-GCM would be too few for it: 2^32
// datagrams, four seconds of that fleet, is where their standards say stop.
//
// # What it does not do
//
// Sealed datagrams can be recorded and sent again: [Opened] tells the nonce, by
// which a receiver can know them. They have no forward secrecy: who steals a key
// reads what he recorded under it. Their sizes, times, addresses, direction and
// the key's ID are in the clear. Any node of the cluster can seal in the name of
// any other.
package seal

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"sync/atomic"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/Ishan27gOrg/gossipProtocol/keyring"
)

const (
	magic      = 'g'
	version    = 1
	kindAsk    = 0x80
	kindAnswer = 0x81

	headerSize = 3 + 4
	nonceSize  = chacha20poly1305.NonceSizeX
	nonceEnd   = headerSize + nonceSize

	// Overhead is how much longer a datagram gets.
	Overhead = headerSize + nonceSize + chacha20poly1305.Overhead
)

// Why a datagram is refused. None of them is a reason to answer it.
var (
	// ErrNotSealed: it does not even look sealed, or is too short.
	ErrNotSealed = errors.New("seal: not a sealed datagram")
	// ErrUnknownKey: it names a key that is not on the ring.
	ErrUnknownKey = errors.New("seal: sealed with an unknown key")
	// ErrForged: it was altered, is of another cluster, or nobody who has the
	// key sealed it.
	ErrForged = errors.New("seal: forged, altered, or of another cluster")
)

// Sealer seals and opens the datagrams of one cluster. It is safe for concurrent
// use, takes no lock, and follows the ring: what it does after a change of the
// ring has returned, it does with the keys of then.
type Sealer struct {
	ring    *keyring.Ring
	cluster string
	derived atomic.Pointer[derived]
}

// derived is what a version of the ring comes to. It is never changed, only
// replaced.
type derived struct {
	version uint64
	keys    []key // the primary first
}

type key struct {
	id          keyring.ID
	ask, answer cipher.AEAD
}

// New makes a Sealer. The ring must have a key, as all but the zero Ring do.
func New(ring *keyring.Ring, cluster string) *Sealer {
	if ring == nil || ring.Primary() == 0 {
		panic("seal: a ring without keys") // rather than datagrams in the clear
	}
	return &Sealer{ring: ring, cluster: cluster}
}

// keys derives anew when the ring has changed. Two that do so at one time only
// do it twice.
func (s *Sealer) keys() []key {
	version := s.ring.Version()
	if d := s.derived.Load(); d != nil && d.version == version {
		return d.keys
	}
	d := &derived{version: version}
	for _, k := range s.ring.Keys() {
		d.keys = append(d.keys, key{
			id:     k.ID(),
			ask:    derive(k, "gossip/1 datagram request ", s.cluster),
			answer: derive(k, "gossip/1 datagram answer ", s.cluster),
		})
	}
	s.derived.Store(d)
	return d.keys
}

func derive(k keyring.Key, purpose, cluster string) cipher.AEAD {
	b, err := hkdf.Key(sha256.New, k[:], nil, purpose+cluster, chacha20poly1305.KeySize)
	if err != nil {
		panic("seal: " + err.Error()) // only lengths can be wrong, and these are constant
	}
	aead, err := chacha20poly1305.NewX(b)
	if err != nil {
		panic("seal: " + err.Error()) // the same
	}
	return aead
}

func (k *key) aead(answer bool) cipher.AEAD {
	if answer {
		return k.answer
	}
	return k.ask
}

// Seal appends plain, sealed with the primary, to dst. The two must not overlap.
func (s *Sealer) Seal(dst, plain []byte, answer bool) []byte {
	var nonce [nonceSize]byte
	rand.Read(nonce[:]) // never fails: the program ends if the system has none
	return s.sealWith(&nonce, dst, plain, answer)
}

func (s *Sealer) sealWith(nonce *[nonceSize]byte, dst, plain []byte, answer bool) []byte {
	k := &s.keys()[0]
	kind := byte(kindAsk)
	if answer {
		kind = kindAnswer
	}
	start := len(dst)
	dst = append(dst, magic, version, kind)
	dst = binary.BigEndian.AppendUint32(dst, uint32(k.id))
	dst = append(dst, nonce[:]...)
	header := dst[start : start+headerSize]
	// The nonce is passed as it stands in dst: an array would be moved to the
	// heap for a call through an interface.
	return k.aead(answer).Seal(dst, dst[start+headerSize:start+nonceEnd], plain, header)
}

// Opened is a datagram that somebody who has the key sealed, for this cluster
// and this direction. When, and for whom, it does not say.
type Opened struct {
	Plain  []byte // dst, and behind it what was sealed
	Answer bool
	Key    keyring.ID
	Nonce  [nonceSize]byte // another one for each datagram ever sealed
}

// Open appends what was sealed to dst. The two must not overlap. With an error
// nothing is returned, and nothing of what was sealed is left behind dst.
func (s *Sealer) Open(dst, sealed []byte) (Opened, error) {
	if len(sealed) < Overhead || !IsSealed(sealed) {
		return Opened{}, ErrNotSealed
	}
	id := keyring.ID(binary.BigEndian.Uint32(sealed[3:]))
	answer := sealed[2] == kindAnswer
	k := find(s.keys(), id)
	if k == nil {
		return Opened{}, ErrUnknownKey
	}
	plain, err := k.aead(answer).Open(dst, sealed[headerSize:nonceEnd], sealed[nonceEnd:], sealed[:headerSize])
	if err != nil {
		return Opened{}, ErrForged
	}
	o := Opened{Plain: plain, Answer: answer, Key: id}
	copy(o.Nonce[:], sealed[headerSize:])
	return o, nil
}

func find(keys []key, id keyring.ID) *key {
	for i := range keys { // at most keyring.MaxKeys
		if keys[i].id == id {
			return &keys[i]
		}
	}
	return nil
}

// IsSealed reports whether a datagram claims to be sealed. It is all that tells
// it from one in the clear, whose kinds are lower.
func IsSealed(b []byte) bool {
	return len(b) >= 3 && b[0] == magic && b[1] == version && (b[2] == kindAsk || b[2] == kindAnswer)
}
