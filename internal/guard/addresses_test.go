package guard

import (
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"
)

var alice, bob = ap("192.0.2.1:7946"), ap("[2001:db8::2]:7946")

// A2: an address is proven by the token that was sent to it.
func TestATokenIsForOneAddress(t *testing.T) {
	a := NewAddresses(seeded(1))
	token := a.Token(0, alice)
	for _, test := range []struct {
		why  string
		from netip.AddrPort
		want Verdict
	}{
		{"it is his", alice, Proven},
		{"the same address, as a dual-stack socket tells it", ap("[::ffff:192.0.2.1]:7946"), Proven},
		{"another port is another process", ap("192.0.2.1:7947"), Unproven},
		{"another address", ap("192.0.2.2:7946"), Unproven},
		{"another family", bob, Unproven},
		{"no address", netip.AddrPort{}, Unproven},
	} {
		wantVerdict(t, test.why, a.Accept(0, test.from, token, nil), test.want)
	}
	token[7] ^= 1
	wantVerdict(t, "a bit is wrong", a.Accept(0, alice, token, nil), Unproven)
	wantVerdict(t, "none was given", a.Accept(0, alice, Token{}, nil), Unproven)

	zoned := a.Token(0, ap("[fe80::1%eth0]:1"))
	wantVerdict(t, "zones are dropped", a.Accept(0, ap("[fe80::1%eth1]:1"), zoned, nil), Proven)
	invalid := a.Token(0, netip.AddrPort{})
	wantVerdict(t, "an address that is none proves nothing", a.Accept(0, netip.AddrPort{}, invalid, nil), Unproven)
	if other := NewAddresses(seeded(2)); other.Token(0, alice) == a.Token(0, alice) {
		t.Error("two nodes make the same tokens")
	}
}

// A3 and A4: a token is valid for one minute to two.
func TestHowLongATokenIsValid(t *testing.T) {
	for _, test := range []struct {
		made, shown time.Duration
		want        Verdict
	}{
		{0, 0, Proven},
		{0, secretLife, Proven},
		{0, 2*secretLife - 1, Proven},
		{0, 2 * secretLife, Unproven},
		{secretLife - 1, 2*secretLife - 1, Proven}, // TokenLife, and the very end
		{secretLife - 1, 2 * secretLife, Unproven},
		{secretLife, 3*secretLife - 1, Proven}, // it is of the next secret
		{0, 1000 * secretLife, Unproven},
	} {
		// Whatever happens in between, often or never, changes nothing.
		for _, busy := range []bool{false, true} {
			a := NewAddresses(seeded(1))
			a.Token(0, bob)
			token := a.Token(test.made, alice)
			for now := test.made; busy && now < test.shown; now += time.Second {
				a.Token(now, bob)
			}
			wantVerdict(t, fmt.Sprintf("made at %v, shown at %v, busy: %v", test.made, test.shown, busy), a.Accept(test.shown, alice, token, nil), test.want)
		}
	}
}

// A1: what is sealed is accepted once, however long somebody keeps it.
func TestAReplayIsToldOrItsTokenIsVoid(t *testing.T) {
	a := NewAddresses(seeded(1))
	token := a.Token(0, alice)
	wantVerdict(t, "a request", a.Accept(0, alice, token, nonceOf(1)), Proven)
	wantVerdict(t, "it again", a.Accept(0, alice, token, nonceOf(1)), Replayed)
	wantVerdict(t, "another request", a.Accept(0, alice, token, nonceOf(2)), Proven)
	wantVerdict(t, "a replay from somewhere else", a.Accept(0, bob, token, nonceOf(1)), Unproven)
	wantVerdict(t, "under the past secret", a.Accept(secretLife, alice, token, nonceOf(1)), Replayed)
	wantVerdict(t, "when its secret is gone", a.Accept(2*secretLife, alice, token, nonceOf(1)), Unproven)
	for _, size := range []int{1, NonceSize - 1, NonceSize + 1} {
		wantVerdict(t, "what cannot be remembered is not accepted", a.Accept(2*secretLife, alice, a.Token(2*secretLife, alice), make([]byte, size)), Unproven)
	}
	plain := a.Token(2*secretLife, alice)
	for range 2 {
		wantVerdict(t, "in the clear a replay cannot be told", a.Accept(2*secretLife, alice, plain, nil), Proven)
	}
}

// Where more comes than can be remembered, its secret is given up rather than what was
// accepted under it: everybody needs a new token, and nothing is accepted twice.
func TestAFullMemoryVoidsItsTokens(t *testing.T) {
	for _, past := range []bool{false, true} {
		a := NewAddresses(seeded(1))
		first := a.Token(0, alice)
		now := time.Duration(0)
		other := first // of the other generation, if there is one
		if past {
			now = secretLife
			other = a.Token(now, alice)
		}
		for i := range uint64(maxNonces) {
			if v := a.Accept(now, alice, first, nonceOf(i)); v != Proven {
				t.Fatalf("number %d is %v", i, v)
			}
		}
		wantVerdict(t, "one too many", a.Accept(now, alice, first, nonceOf(maxNonces)), Unproven)
		for i := range uint64(maxNonces) {
			if v := a.Accept(now, alice, first, nonceOf(i)); v != Unproven {
				t.Fatalf("the token is void, but number %d is %v", i, v)
			}
		}
		if past {
			wantVerdict(t, "tokens of the present are not touched", a.Accept(now, alice, other, nonceOf(0)), Proven)
		}
		fresh := a.Token(now, alice)
		wantVerdict(t, "a new token, and a datagram sealed anew", a.Accept(now, alice, fresh, nonceOf(maxNonces)), Proven)
		if s := a.Stats(); s.Overflows != 1 {
			t.Errorf("%d overflows, want 1: %+v", s.Overflows, s)
		}
		if n := len(a.present.seen) + len(a.past.seen); n > 2 {
			t.Errorf("%d nonces are still remembered", n)
		}
	}
}

// Without randomness nobody is proven: a secret that can be guessed would be worse.
func TestNoSecretNoProof(t *testing.T) {
	short := io.MultiReader(bytes.NewReader(make([]byte, 31)), iotest.ErrReader(errEmpty))
	a := NewAddresses(short)
	wantVerdict(t, "the secret was cut short", a.Accept(0, alice, a.Token(0, alice), nil), Unproven)
	wantVerdict(t, "nor is what it would have made", a.Accept(0, alice, Token{}, nil), Unproven)

	once := io.MultiReader(io.LimitReader(seeded(1), 32), iotest.ErrReader(errEmpty))
	a = NewAddresses(once)
	token := a.Token(0, alice)
	wantVerdict(t, "the first secret", a.Accept(0, alice, token, nil), Proven)
	wantVerdict(t, "it is used up, and there is no other", a.Accept(secretLife, alice, a.Token(secretLife, alice), nil), Unproven)
	wantVerdict(t, "but what it made is valid for its time", a.Accept(secretLife, alice, token, nil), Proven)
	wantVerdict(t, "and no longer", a.Accept(2*secretLife, alice, token, nil), Unproven)
	if s := a.Stats(); s.Secrets != 1 || s.Failures == 0 {
		t.Errorf("%+v", s)
	}
}

// addressModel remembers everything that was ever made and accepted.
type addressModel struct {
	*Addresses
	now      time.Duration
	made     []madeToken
	sent     []sentDatagram
	accepted map[string]bool
	nonces   uint64
	// When there was more than can be remembered: tokens made before may be void.
	overflowed time.Duration
}

type madeToken struct {
	token Token
	addr  netip.AddrPort
	at    time.Duration
}

type sentDatagram struct {
	madeToken
	nonce []byte
}

// Whatever comes in whatever order, at whatever time, from whatever address: A1 to A4.
func TestAddressesAgainstAModelThatRemembersEverything(t *testing.T) {
	addrs := []netip.AddrPort{alice, bob, ap("192.0.2.1:7947"), ap("127.0.0.1:1"), ap("[::1]:1")}
	rapid.Check(t, func(t *rapid.T) {
		m := &addressModel{Addresses: NewAddresses(seeded(rapid.Uint64().Draw(t, "seed"))), accepted: map[string]bool{}, overflowed: -1}
		m.most = rapid.IntRange(1, 10).Draw(t, "memory")
		addr := rapid.SampledFrom(addrs)
		t.Repeat(map[string]func(*rapid.T){
			"time passes": func(t *rapid.T) {
				m.now += time.Duration(rapid.Int64Range(0, int64(secretLife*5/4)).Draw(t, "for"))
			},
			"a token is made": func(t *rapid.T) {
				at := addr.Draw(t, "address")
				m.made = append(m.made, madeToken{m.Token(m.now, at), at, m.now})
			},
			"a new datagram": func(t *rapid.T) {
				if len(m.made) == 0 {
					t.Skip("no token has been made")
				}
				x := rapid.SampledFrom(m.made).Draw(t, "token")
				m.nonces++
				d := sentDatagram{x, nonceOf(m.nonces)}
				m.sent = append(m.sent, d)
				m.accept(t, d, x.addr)
			},
			"a replay": func(t *rapid.T) {
				if len(m.sent) == 0 {
					t.Skip("nothing has been sent")
				}
				d := rapid.SampledFrom(m.sent).Draw(t, "datagram")
				m.accept(t, d, d.addr)
			},
			"another's token": func(t *rapid.T) {
				if len(m.made) == 0 {
					t.Skip("no token has been made")
				}
				x := rapid.SampledFrom(m.made).Draw(t, "token")
				m.nonces++
				m.accept(t, sentDatagram{x, nonceOf(m.nonces)}, addr.Draw(t, "from"))
			},
			"a forged token": func(t *rapid.T) {
				forged := Token(rapid.SliceOfN(rapid.Byte(), tokenSize, tokenSize).Draw(t, "token"))
				m.nonces++
				if v := m.Accept(m.now, addr.Draw(t, "from"), forged, nonceOf(m.nonces)); v != Unproven {
					t.Fatalf("a forged token is %v", v)
				}
			},
		})
	})
}

func (m *addressModel) accept(t *rapid.T, d sentDatagram, from netip.AddrPort) {
	before := m.Stats().Overflows
	v := m.Accept(m.now, from, d.token, d.nonce)
	if m.Stats().Overflows > before {
		m.overflowed = m.now
	}
	key := string(d.token[:]) + string(d.nonce)
	age := m.now - d.at
	switch {
	case v != Unproven && from != d.addr:
		t.Fatalf("A2: a token for %v is %v from %v", d.addr, v, from)
	case v == Proven && m.accepted[key]:
		t.Fatalf("A1: accepted twice")
	case v == Replayed && !m.accepted[key]:
		t.Fatalf("taken for a replay, and it is none")
	case v != Unproven && age >= 2*secretLife:
		t.Fatalf("A4: a token that is %v old is %v", age, v)
	case v == Unproven && from == d.addr && age <= TokenLife && m.overflowed < d.at:
		t.Fatalf("A3: a token that is %v old is %v", age, v)
	}
	m.accepted[key] = m.accepted[key] || v == Proven
	if len(m.present.seen) > m.most || len(m.past.seen) > m.most {
		t.Fatalf("%d and %d nonces are remembered", len(m.present.seen), len(m.past.seen))
	}
}

// Who is refused costs no memory, and so does who is accepted in the clear.
func TestJudgingAnAddressAllocatesNothing(t *testing.T) {
	a := NewAddresses(seeded(1))
	token, nonce := a.Token(0, alice), nonceOf(1)
	a.Accept(0, alice, token, nonce)
	a.Token(secretLife, alice) // so that there are two secrets
	a.Accept(secretLife, bob, Token{1}, nonce)
	for _, test := range []struct {
		why string
		do  func()
	}{
		{"a token", func() { a.Token(secretLife, bob) }},
		{"a wrong one", func() { a.Accept(secretLife, bob, Token{1}, nonce) }},
		{"a replay", func() { a.Accept(secretLife, alice, token, nonce) }},
		{"a right one, in the clear", func() { a.Accept(secretLife, alice, token, nil) }},
	} {
		if n := testing.AllocsPerRun(100, test.do); n != 0 {
			t.Errorf("%s: %v allocations", test.why, n)
		}
	}
}

func BenchmarkToken(b *testing.B) {
	a := NewAddresses(seeded(1))
	b.ReportAllocs()
	for b.Loop() {
		a.Token(0, alice)
	}
}

func BenchmarkAcceptUnproven(b *testing.B) {
	a := NewAddresses(seeded(1))
	a.Token(0, alice)
	a.Token(secretLife, alice)
	nonce := nonceOf(1)
	b.ReportAllocs()
	for b.Loop() {
		a.Accept(secretLife, alice, Token{1}, nonce)
	}
}

func BenchmarkAcceptProven(b *testing.B) {
	a := NewAddresses(seeded(1))
	token := a.Token(0, alice)
	nonce := nonceOf(1)
	n := uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		n++
		for i := range 8 {
			nonce[i] = byte(n >> (8 * i))
		}
		if a.Accept(0, alice, token, nonce) == Unproven {
			token = a.Token(0, alice)
		}
	}
}

func BenchmarkAcceptReplayed(b *testing.B) {
	a := NewAddresses(seeded(1))
	token, nonce := a.Token(0, alice), nonceOf(1)
	a.Accept(0, alice, token, nonce)
	b.ReportAllocs()
	for b.Loop() {
		a.Accept(0, alice, token, nonce)
	}
}
