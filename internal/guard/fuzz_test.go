package guard

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"
	"time"
)

// script reads what happens out of bytes; zeros follow.
type script []byte

func (s *script) byte() byte {
	if len(*s) == 0 {
		return 0
	}
	b := (*s)[0]
	*s = (*s)[1:]
	return b
}

func (s *script) uint64() uint64 {
	var b [8]byte
	for i := range b {
		b[i] = s.byte()
	}
	return binary.LittleEndian.Uint64(b[:])
}

// addr is one of few addresses, so that things meet: both families, mapped, with a
// zone, loopback, and none.
func (s *script) addr() netip.AddrPort {
	b := s.byte()
	port := uint16(b>>6) + 1
	switch b & 7 {
	case 0:
		return netip.AddrPort{}
	case 1:
		return netip.AddrPortFrom(ip("127.0.0.1"), port)
	case 2:
		return netip.AddrPortFrom(ip("::ffff:192.0.2.1"), port)
	case 3:
		return netip.AddrPortFrom(ip("fe80::1%eth0"), port)
	case 4, 5:
		return netip.AddrPortFrom(netip.AddrFrom16([16]byte{0x20, 1, 15: b >> 3 & 7, 7: b >> 5}), port)
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, b >> 3 & 7}), port)
}

// step is how much later the next thing happens, from nothing to centuries: the clock
// is the caller's, but it may have been asleep.
func (s *script) step() time.Duration { return time.Duration(s.byte()) << (s.byte() % 48) }

// FuzzGuard has anything happen in any order, to one of each. Nothing panics, no table
// is beyond its bound, no datagram is accepted twice, and nobody waits for ever.
func FuzzGuard(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x01\x00\x00\x06\x02\x00\x00\x06\x00\x01\x02\x00\x00\x06\x00\x01"))                     // a token, shown twice
	f.Add([]byte("\x01\x00\x00\x06\x02\xff\x1c\x06\x00\x01\x02\xff\x1c\x06\x00\x01\x02\xff\x1c\x06\x00")) // and late
	f.Add([]byte("\x03\x00\x00\x06\x01\x04\x00\x00\x06\x01\x02\x04\x00\x00\x06\x01\x03\x04\x00\x00\x06\x01\x04"))
	f.Add([]byte("\x07\x00\x00\x06\x07\x00\x00\x06\x07\x00\x00\x06\x08\x01\x1f\x06\x0a\x00\x00\x06\x01\x0a\x00\x00\x06\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := script(b)
		g := newGuards(t)
		for len(s) > 0 {
			op := s.byte()
			if d := s.step(); g.now+d > g.now {
				g.now += d
			}
			g.happen(op%12, &s)
			g.check()
		}
	})
}

// guards is one of each, small enough to be full soon, and what is known to be true.
type guards struct {
	t   *testing.T
	now time.Duration

	*Addresses
	tokens   []madeToken
	accepted map[string]bool

	requests  *Requests[byte]
	put       map[uint64]netip.AddrPort
	rates     *Rates
	doors     *Doors
	leaves    []func()
	penalties *Penalties
	frames    *FrameRate
}

const few = 4

func newGuards(t *testing.T) *guards {
	g := &guards{
		t: t, Addresses: NewAddresses(seeded(1)), accepted: map[string]bool{},
		requests: NewRequests[byte](few, patience), put: map[uint64]netip.AddrPort{},
		rates:     NewRates(RatesConfig{Unproven: Limit{10, 10}, UnprovenBlock: Limit{5, 5}, Proven: Limit{2, 3}, Sources: few}),
		doors:     NewDoors(DoorsConfig{Handshakes: few, PerBlock: 1, Rate: Limit{1, 10}, Blocks: few}),
		penalties: NewPenalties(few), frames: NewFrameRate(0),
	}
	g.most = few
	return g
}

func (g *guards) happen(op byte, s *script) {
	addr := s.addr()
	switch op {
	case 1:
		g.tokens = append(g.tokens, madeToken{g.Token(g.now, addr), addr, g.now})
	case 2:
		g.accept(s, addr)
	case 3:
		nonce := uint64(s.byte() % 8)
		g.put[nonce] = addr
		g.requests.Put(g.now, nonce, addr, byte(nonce))
	case 4:
		nonce := uint64(s.byte() % 8)
		got, ok := g.requests.Learn(g.now, nonce, Token{s.byte()})
		if to, was := g.put[nonce]; ok && (!was || uint64(got) != nonce) {
			g.t.Fatalf("a token for %d has request %d sent to %v again", nonce, got, to)
		}
	case 5:
		nonce := uint64(s.byte() % 8)
		g.requests.Done(nonce)
		delete(g.put, nonce)
	case 6:
		g.rates.Unproven(g.now, addr)
		g.rates.Proven(g.now, addr)
		g.requests.TokenFor(g.now, addr)
	case 7:
		leave, err := g.doors.Enter(g.now, addr.Addr())
		switch {
		case err == nil:
			g.leaves = append(g.leaves, leave)
		case !errors.Is(err, ErrFull) && !errors.Is(err, ErrTooMany) && !errors.Is(err, ErrTooFast) && !errors.Is(err, ErrBarred):
			g.t.Fatalf("an error of a kind that is not told: %v", err)
		}
	case 8:
		if n := len(g.leaves); n > 0 {
			g.leaves[int(s.byte())%n]() // once more, perhaps
		}
	case 9:
		g.doors.Bar(addr.Addr(), g.now+s.step())
	case 10:
		c := Culprit{addr.Addr(), string(rune('a' + s.byte()%4))}
		until := g.penalties.Punish(g.now, c)
		if until <= g.now || until > g.now+longestPenalty || !g.penalties.Barred(g.now, c) {
			g.t.Fatalf("punished at %v until %v", g.now, until)
		}
	case 11:
		bytes := int(uint32(s.uint64()))
		if wait, _ := g.frames.Take(g.now, true, bytes); wait < 0 || wait > time.Duration(len(*s)+1)*2*time.Second+time.Hour {
			g.t.Fatalf("a frame of %d bytes waits for %v", bytes, wait)
		}
	}
}

func (g *guards) accept(s *script, addr netip.AddrPort) {
	var x madeToken
	if n := len(g.tokens); n > 0 {
		x = g.tokens[int(s.byte())%n]
	}
	if change := s.byte(); change > 200 {
		x.token[change%tokenSize] ^= change
		x.at, x.addr = -1, netip.AddrPort{}
	}
	nonce := nonceOf(uint64(s.byte()))
	v := g.Accept(g.now, addr, x.token, nonce)
	key := string(x.token[:]) + string(nonce)
	switch {
	case v == Proven && g.accepted[key]:
		g.t.Fatal("A1: accepted twice")
	case v == Replayed && !g.accepted[string(nonce)]: // with this token, or another's
		g.t.Fatal("taken for a replay, and it is none")
	case v != Unproven && (!addr.IsValid() || endpointOf(addr) != endpointOf(x.addr)):
		g.t.Fatalf("A2: %v with a token of %v is %v", addr, x.addr, v)
	case v != Unproven && g.now >= x.at+2*secretLife:
		g.t.Fatalf("A4: made at %v, %v at %v", x.at, v, g.now)
	}
	if v == Proven {
		g.accepted[key], g.accepted[string(nonce)] = true, true
	}
}

func (g *guards) check() {
	for what, n := range []int{
		len(g.present.seen), len(g.past.seen), g.requests.waiting.len(), g.requests.tokens.len(),
		g.rates.unprovenBlock.len(), g.rates.provenBlock.len(), g.rates.proven.len(),
		g.doors.inside, g.doors.rates.len(), g.doors.barred.len(), g.penalties.records.len(),
	} {
		if n < 0 || n > few {
			g.t.Fatalf("table %d holds %d, the bound is %d", what, n, few)
		}
	}
	if n := len(g.doors.of); n > g.doors.inside {
		g.t.Fatalf("%d blocks are inside, and %d connections", n, g.doors.inside)
	}
}
