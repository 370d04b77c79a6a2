package guard

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"testing"
)

var errEmpty = errors.New("no randomness left")

// seeded is a reader that a seed decides.
func seeded(seed uint64) *rand.ChaCha8 {
	var b [32]byte
	for i := range 8 {
		b[i] = byte(seed >> (8 * i))
	}
	return rand.NewChaCha8(b)
}

func ap(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

// randomSource is an address that somebody forges: half of them IPv4.
func randomSource(r *rand.Rand) netip.AddrPort {
	if r.Uint64()%2 == 0 {
		x := r.Uint32()
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{byte(x>>24)%223 + 1, byte(x >> 16), byte(x >> 8), byte(x)}), uint16(r.Uint32()))
	}
	b := [16]byte{0x20, 0x01}
	for i := 2; i < 16; i++ {
		b[i] = byte(r.Uint32())
	}
	return netip.AddrPortFrom(netip.AddrFrom16(b), uint16(r.Uint32()))
}

// nonceOf is a nonce that a number decides.
func nonceOf(n uint64) []byte {
	b := make([]byte, NonceSize)
	for i := range 8 {
		b[i] = byte(n >> (8 * i))
	}
	return b
}

func wantVerdict(t *testing.T, why string, got, want Verdict) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", why, got, want)
	}
}
