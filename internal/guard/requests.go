package guard

import (
	"iter"
	"net/netip"
	"time"
)

const (
	// tokenUse is for how long after a request the token that it earned is shown. It
	// was made no earlier, so it is good for TokenLife; the rest is for the way.
	tokenUse = TokenLife - 10*time.Second
	// maxResends is how often a request is sent again with a token: once because
	// there was none, once because the peer changed its secrets, or restarted, at
	// that very moment. Who answers with a third is playing.
	maxResends = 2
)

// Requests is the asking half: tokens that others gave this node, and requests that
// may have to be sent again with one. What was asked is the caller's.
type Requests[T any] struct {
	patience time.Duration
	tokens   *table[endpoint, heldToken]
	waiting  *table[uint64, waiting[T]]
	stats    RequestStats
}

// RequestStats counts what became of requests and tokens.
type RequestStats struct {
	Resent uint64 // with a token
	// Ignored tokens answer nothing that was asked, or bring what
	// the request was sent with; GaveUp are requests that got one too many.
	Ignored, GaveUp uint64
	// Late requests were not answered in time; EvictedRequests and EvictedTokens had
	// to make room.
	Late, EvictedRequests, EvictedTokens uint64
	// Waiting and Tokens are how many there are now.
	Waiting, Tokens int
}

type heldToken struct {
	token   Token
	expires time.Duration
}

type waiting[T any] struct {
	request T
	to      endpoint
	since   time.Duration
	resends int
	with    Token // what it was sent with last, if shown
	shown   bool
}

// NewRequests keeps up to max tokens and up to max requests, the latter for as long
// as an answer may take.
func NewRequests[T any](max int, patience time.Duration) *Requests[T] {
	return &Requests[T]{
		patience: patience,
		tokens:   newTable[endpoint, heldToken](max),
		waiting:  newTable[uint64, waiting[T]](max),
	}
}

// TokenFor returns the token to show to an address, if there is one.
func (r *Requests[T]) TokenFor(now time.Duration, addr netip.AddrPort) (Token, bool) {
	return r.tokenFor(now, endpointOf(addr))
}

func (r *Requests[T]) tokenFor(now time.Duration, to endpoint) (Token, bool) {
	held := r.tokens.use(to)
	if held == nil {
		return Token{}, false
	}
	if now >= held.expires {
		r.tokens.remove(to)
		return Token{}, false
	}
	return held.token, true
}

// Put remembers a request that is being sent with what TokenFor returns, so that it
// can be sent again. The oldest makes room.
func (r *Requests[T]) Put(now time.Duration, nonce uint64, addr netip.AddrPort, request T) {
	r.dropLate(now)
	w := waiting[T]{request: request, to: endpointOf(addr), since: now}
	w.with, w.shown = r.tokenFor(now, w.to)
	r.waiting.put(nonce, w)
}

// Learn takes a token that came in answer to the request with the nonce, and returns
// that request if it is to be sent again, with this token. It may come from another
// address than was asked: a host that has several answers from one that it likes, and
// nobody guesses a nonce. A peer
// that answers everything with a token gets it twice. The same token again is a
// datagram that the network has doubled.
func (r *Requests[T]) Learn(now time.Duration, nonce uint64, t Token) (request T, ok bool) {
	r.dropLate(now)
	w := r.waiting.get(nonce)
	switch {
	case w == nil || w.shown && w.with == t:
		r.stats.Ignored++
		return request, false
	case w.resends == maxResends:
		r.stats.GaveUp++
		r.waiting.remove(nonce)
		return request, false
	}
	w.resends++
	w.with, w.shown = t, true
	r.dropExpired(now)
	r.tokens.put(w.to, heldToken{t, w.since + tokenUse})
	r.stats.Resent++
	return w.request, true
}

// Done forgets a request that was answered, or that nobody waits for any more. False
// means that there was none, or none any more: then an answer answers nothing.
func (r *Requests[T]) Done(nonce uint64) bool {
	asked := r.waiting.get(nonce) != nil
	r.waiting.remove(nonce)
	return asked
}

// All are the requests that were neither answered nor dropped.
func (r *Requests[T]) All() iter.Seq[T] {
	return func(yield func(T) bool) {
		for i := r.waiting.slots[0].next; i != 0; i = r.waiting.slots[i].next {
			if !yield(r.waiting.slots[i].value.request) {
				return
			}
		}
	}
}

// Stats returns the counters.
func (r *Requests[T]) Stats() RequestStats {
	s := r.stats
	s.EvictedRequests, s.EvictedTokens = r.waiting.evicted, r.tokens.evicted
	s.Waiting, s.Tokens = r.waiting.len(), r.tokens.len()
	return s
}

// dropExpired drops tokens that were not used for so long that they are no longer shown.
func (r *Requests[T]) dropExpired(now time.Duration) {
	for {
		to, held := r.tokens.oldest()
		if held == nil || now < held.expires {
			return
		}
		r.tokens.remove(to)
	}
}

func (r *Requests[T]) dropLate(now time.Duration) {
	for {
		nonce, w := r.waiting.oldest()
		if w == nil || now <= w.since+r.patience {
			return
		}
		r.waiting.remove(nonce)
		r.stats.Late++
	}
}
