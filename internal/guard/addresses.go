package guard

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"hash"
	"io"
	"net/netip"
	"time"
)

const (
	// tokenSize is that of a Token. Who guesses is right once in 2^64 datagrams, and
	// has then had one answer sent to somebody else, no larger than his request.
	tokenSize = 8
	// NonceSize is that of what makes a sealed datagram unique: the nonce of
	// XChaCha20-Poly1305.
	NonceSize = 24
	// secretLife is for how long tokens are made with a secret, after which it is
	// good for as long again: a token is valid for one to two minutes. Longer would
	// let somebody keep an address that he no longer has; shorter would cost one more
	// round trip with peers that are met again within a minute, as those of a view
	// of 30 are at an exchange every second.
	secretLife = time.Minute
	// TokenLife is for how long a token is valid at least, unless more datagrams
	// come under its secret than can be remembered.
	TokenLife = secretLife
	// maxNonces is how many datagrams are accepted under a secret: 546 a second for
	// a minute. A node gets about as many requests as it sends, which is one a second;
	// the one that ten thousand nodes join through within a minute gets some three
	// from each. They take at most 1.7 MiB for each of two secrets, and only where
	// so many come.
	maxNonces = 1 << 15
)

// Token is what a node gives to an address, to be shown with the next request from
// there.
type Token [tokenSize]byte

// Verdict is what is known of where a datagram comes from.
type Verdict uint8

const (
	// Unproven: answer with a token at most, if Rates allow.
	Unproven Verdict = iota
	// Proven: datagrams to that address reach whoever sent this one.
	Proven
	// Replayed: this datagram has been accepted before. It gets no answer.
	Replayed
)

// String returns the name.
func (v Verdict) String() string {
	switch v {
	case Unproven:
		return "unproven"
	case Proven:
		return "proven"
	case Replayed:
		return "replayed"
	}
	return "?"
}

// Addresses tells addresses that have shown that they receive from those that have
// not. Of the latter it remembers nothing. Of what it has accepted it remembers all
// for as long as it could be accepted again:
//
//	A1  no datagram (a nonce with its token) is accepted twice
//	A2  a token is good for the address that it was made for, and no other
//	A3  a token is good for TokenLife, unless A1 would need more memory than there
//	    is: then all tokens of its secret become void
//	A4  a token is good for no longer than twice secretLife
//
// Nonces are kept whole. Parts of them, or hashes, would take a third of the memory,
// but some honest datagrams would then be taken for others; if they were not keyed,
// by the choice of whoever has a key.
type Addresses struct {
	random  io.Reader
	most    int // maxNonces, but in tests
	present generation
	past    generation
	stats   AddressStats
	// Here and not on the stack because a hash is an interface and would have them
	// escape.
	sum [sha256.Size]byte
	in  [18]byte
}

// AddressStats counts what Accept said, and what became of secrets.
type AddressStats struct {
	Proven, Unproven, Replayed uint64
	// Secrets were drawn; Overflows is how many were given up because more was
	// accepted than can be remembered, and Failures how often none could be drawn.
	Secrets, Overflows, Failures uint64
}

// generation is a secret and what was accepted under it.
type generation struct {
	mac  hash.Hash // nil: there is no secret
	from time.Duration
	seen map[[NonceSize]byte]struct{}
}

// NewAddresses draws secrets from random, which should be crypto/rand.Reader.
func NewAddresses(random io.Reader) *Addresses { return &Addresses{random: random, most: maxNonces} }

// Token returns the token of an address. If no secret can be drawn it is one that is
// not accepted.
func (a *Addresses) Token(now time.Duration, addr netip.AddrPort) Token {
	a.renew(now)
	if a.present.mac == nil {
		return Token{}
	}
	return a.token(&a.present, addr)
}

// Accept judges a datagram by where it comes from, the token that it brings, and the
// nonce that it was sealed with. Without a nonce, where datagrams are not sealed, a
// replay cannot be told. A nonce that is not NonceSize bytes long cannot be remembered,
// so what it came with is not accepted.
func (a *Addresses) Accept(now time.Duration, addr netip.AddrPort, t Token, nonce []byte) Verdict {
	a.renew(now)
	v := a.accept(now, addr, t, nonce)
	switch v {
	case Proven:
		a.stats.Proven++
	case Unproven:
		a.stats.Unproven++
	case Replayed:
		a.stats.Replayed++
	}
	return v
}

// Stats returns the counters.
func (a *Addresses) Stats() AddressStats { return a.stats }

func (a *Addresses) accept(now time.Duration, addr netip.AddrPort, t Token, nonce []byte) Verdict {
	g := a.madeUnder(addr, t)
	switch {
	case g == nil || !addr.IsValid():
		return Unproven
	case len(nonce) == 0:
		return Proven
	case len(nonce) != NonceSize:
		return Unproven
	}
	key := [NonceSize]byte(nonce)
	if _, had := g.seen[key]; had {
		return Replayed
	}
	if len(g.seen) >= a.most {
		a.stats.Overflows++
		g.void()
		a.renew(now)
		return Unproven
	}
	g.seen[key] = struct{}{}
	return Proven
}

// madeUnder returns the generation whose token it is, or nil. Both are computed
// whatever the first says, so that time tells nothing.
func (a *Addresses) madeUnder(addr netip.AddrPort, t Token) (g *generation) {
	for _, x := range [...]*generation{&a.present, &a.past} {
		if x.mac == nil {
			continue
		}
		if want := a.token(x, addr); subtle.ConstantTimeCompare(want[:], t[:]) == 1 {
			g = x
		}
	}
	return g
}

func (a *Addresses) token(g *generation, addr netip.AddrPort) (t Token) {
	ip := addr.Addr().As16()
	copy(a.in[:], ip[:])
	binary.BigEndian.PutUint16(a.in[16:], addr.Port())
	g.mac.Reset()
	g.mac.Write(a.in[:])
	copy(t[:], g.mac.Sum(a.sum[:0]))
	return t
}

// renew changes secrets when it is time, and draws one where there is none. Who has
// been silent for longer than two minutes has none that is valid.
func (a *Addresses) renew(now time.Duration) {
	if a.past.mac != nil && now >= a.past.from+2*secretLife {
		a.past.void()
	}
	if a.present.mac != nil && now >= a.present.from+secretLife {
		a.past, a.present = a.present, a.past
		a.present.void()
		if now >= a.past.from+2*secretLife {
			a.past.void()
		}
	}
	if a.present.mac == nil {
		a.draw(now)
	}
}

// draw gives the present generation a secret, or none if chance fails: then nobody
// is proven until it works again.
func (a *Addresses) draw(now time.Duration) {
	var secret [sha256.Size]byte
	if _, err := io.ReadFull(a.random, secret[:]); err != nil {
		a.stats.Failures++
		return
	}
	a.stats.Secrets++
	a.present.mac, a.present.from = hmac.New(sha256.New, secret[:]), now
	if a.present.seen == nil {
		a.present.seen = make(map[[NonceSize]byte]struct{})
	}
}

// void makes all tokens worthless, and so need remember nothing. A map that has grown
// is let go: most nodes never need one as large again.
func (g *generation) void() {
	g.mac = nil
	if len(g.seen) > 1024 {
		g.seen = nil
	}
	clear(g.seen)
}
