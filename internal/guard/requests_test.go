package guard

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const patience = time.Second

// The whole conversation: a request, a token, the request again with it, an answer;
// and from then on requests that bring it at once.
func TestARequestIsSentAgainWithTheToken(t *testing.T) {
	answering, asking := NewAddresses(seeded(1)), NewRequests[string](8, patience)
	if _, ok := asking.TokenFor(0, bob); ok {
		t.Fatal("a token that nobody gave")
	}
	asking.Put(0, 1, bob, "who is there?")
	request, ok := asking.Learn(0, 1, answering.Token(0, alice)) // alice asks bob
	if !ok || request != "who is there?" {
		t.Fatalf("to be sent again: %q, %v", request, ok)
	}
	token, ok := asking.TokenFor(0, bob)
	if !ok {
		t.Fatal("the token is not shown")
	}
	wantVerdict(t, "with the token", answering.Accept(0, alice, token, nonceOf(1)), Proven)
	asking.Done(1)
	if _, ok := asking.Learn(0, 1, Token{9}); ok {
		t.Error("an answered request is sent again")
	}

	// As long as it is shown, it is good: at the end of a secret, as at its beginning.
	for now := time.Duration(0); ; now += time.Second {
		token, ok := asking.TokenFor(now, bob)
		if !ok {
			if now < 45*time.Second {
				t.Errorf("it is shown for %v only", now)
			}
			break
		}
		wantVerdict(t, fmt.Sprint("on arrival, after ", now), answering.Accept(now+5*time.Second, alice, token, nil), Proven)
	}
}

func TestATokenCountsOnlyAsAnAnswer(t *testing.T) {
	for _, test := range []struct {
		why   string
		now   time.Duration
		nonce uint64
		want  bool
	}{
		{"it answers", 0, 1, true},
		{"just in time", patience, 1, true},
		{"too late", patience + 1, 1, false},
		{"another nonce: somebody guesses", 0, 2, false},
	} {
		r := NewRequests[int](8, patience)
		r.Put(0, 1, bob, 7)
		request, ok := r.Learn(test.now, test.nonce, Token{1})
		if ok != test.want || ok && request != 7 {
			t.Errorf("%s: %d, %v", test.why, request, ok)
		}
		if _, has := r.TokenFor(test.now, bob); has != test.want {
			t.Errorf("%s: it is shown: %v", test.why, has)
		}
	}
}

// A peer that answers everything with yet another token gets a request three times and
// not for ever.
func TestTokensDoNotGoRoundInCircles(t *testing.T) {
	r := NewRequests[int](8, patience)
	r.Put(0, 1, bob, 7)
	sent := 1
	for i := range 100 {
		if _, ok := r.Learn(0, 1, Token{byte(i), 1}); ok {
			sent++
		}
	}
	if sent != 1+maxResends {
		t.Errorf("it was sent %d times", sent)
	}
	if s := r.Stats(); s.GaveUp != 1 || s.Waiting != 0 {
		t.Errorf("%+v", s)
	}
}

// The network doubles datagrams: the same token again answers what is no longer so.
func TestTheSameTokenAgainIsIgnored(t *testing.T) {
	r := NewRequests[int](8, patience)
	r.Put(0, 1, bob, 7)
	r.Put(0, 2, bob, 8)
	for _, test := range []struct {
		why   string
		nonce uint64
		token Token
		want  bool
	}{
		{"first", 1, Token{1}, true},
		{"doubled", 1, Token{1}, false},
		{"the second request was sent without a token", 2, Token{1}, true},
		{"the peer has changed its secrets", 1, Token{2}, true},
	} {
		if _, ok := r.Learn(0, test.nonce, test.token); ok != test.want {
			t.Errorf("%s: %v", test.why, ok)
		}
	}
	r.Put(0, 3, bob, 9) // with token 2
	if _, ok := r.Learn(0, 3, Token{2}); ok {
		t.Error("it was sent with that very token")
	}
}

// Whatever is put, learned and done, both tables keep to their limit, a request is sent
// again twice at most.
func TestRequestsKeepTheirBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 4).Draw(t, "limit")
		r := NewRequests[uint64](limit, patience)
		now := time.Duration(0)
		to := map[uint64]netip.AddrPort{}
		put := map[uint64]time.Duration{}
		resent := map[uint64]int{}
		addr := rapid.SampledFrom([]netip.AddrPort{alice, bob, ap("192.0.2.3:1"), ap("192.0.2.4:1"), ap("192.0.2.5:1")})
		nonce := rapid.Uint64Range(0, 8)
		t.Repeat(map[string]func(*rapid.T){
			"time passes": func(t *rapid.T) { now += time.Duration(rapid.Int64Range(0, int64(2*patience)).Draw(t, "for")) },
			"put": func(t *rapid.T) {
				n := nonce.Draw(t, "nonce")
				to[n], put[n], resent[n] = addr.Draw(t, "to"), now, 0
				r.Put(now, n, to[n], n)
			},
			"done": func(t *rapid.T) {
				n := nonce.Draw(t, "nonce")
				r.Done(n)
				delete(to, n)
			},
			"learn": func(t *rapid.T) {
				n := nonce.Draw(t, "nonce")
				got, ok := r.Learn(now, n, Token{rapid.Byte().Draw(t, "token")})
				if !ok {
					return
				}
				resent[n]++
				if sentTo, was := to[n]; got != n || !was || now > put[n]+patience || resent[n] > maxResends {
					t.Fatalf("request %d is sent again, time %d, at %v; it was sent to %v at %v", n, resent[n], now, sentTo, put[n])
				}
			},
			"": func(t *rapid.T) {
				if s := r.Stats(); s.Waiting > limit || s.Tokens > limit {
					t.Fatalf("%+v, the limit is %d", s, limit)
				}
			},
		})
	})
}
