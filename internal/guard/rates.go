package guard

import (
	"net/netip"
	"time"
)

// The defaults of RatesConfig.
var (
	// Ten thousand nodes that join at one moment through this one get their tokens at
	// once. In the long run making and sending one takes some 10 µs (a guess: 0.4 are measured
	// for the making), so this is a
	// twentieth of a core; of the 16,667 a second that 10^6 a minute are, three in
	// ten are answered.
	defaultUnproven = Limit{5000, 10000}
	// A thousand nodes behind one address join within seconds, and each may ask
	// twice. It is also all that an address which did not ask is troubled with.
	defaultUnprovenBlock = Limit{200, 2000}
	// Whose address has been proven lately asks for a token once in the minute that one
	// is good for, and once more a second if it is not answered. It does not have to
	// compete with a flood for that: then a megabit a second of forged datagrams
	// would have all views lose this node, since it answers no exchange any more. Who
	// forges the address of a peer troubles that one with so much.
	defaultKnown = Limit{5, 20}
	// Twice what a peer sends that has nobody else to talk to and exchanges every 10
	// ms, the fastest that gossip.Config allows. With what is usual, 1 s, it is 200
	// times as much.
	defaultProven = Limit{200, 400}
	// As ten such peers, and a request from each of five thousand that are behind
	// one address at once. Without this a host could have an allowance for each of
	// its 65,535 ports.
	defaultProvenBlock = Limit{2000, 5000}
	// defaultSources has blocks and endpoints take 2.6 MiB together, where so many
	// come, and known ones 0.7 more: a guess at what a node can spare.
	defaultSources = 4096
)

// RatesConfig says how many datagrams are answered. Zero is the default of each, which
// is documented where it is defined; more lets floods cost more, less has honest nodes
// repeat themselves.
type RatesConfig struct {
	// Unproven bounds the tokens that are given, to all; UnprovenBlock to one IPv4
	// address or IPv6 /64. Known is what an address and port has beside that if it has
	// been proven and is still told apart.
	Unproven, UnprovenBlock, Known Limit
	// Proven bounds the answers to one address and port, ProvenBlock to one IPv4
	// address or IPv6 /64.
	Proven, ProvenBlock Limit
	// Sources is how many of each are told apart. Who has to make room is given a
	// new burst when he comes back; the bound of all is not so forgetful.
	Sources int
}

// Rates says who is answered now.
type Rates struct {
	cfg           RatesConfig
	unproven      bucket
	unprovenBlock *table[block, bucket]
	known         *table[endpoint, bucket]
	proven        *table[endpoint, bucket]
	provenBlock   *table[block, bucket]
	stats         RatesStats
}

// RatesStats counts the datagrams that were not answered, by the bound that they met,
// and the sources that had to make room.
type RatesStats struct {
	Unproven, UnprovenBlock, Proven, ProvenBlock uint64
	Evicted                                      uint64
}

// NewRates returns rates at which nothing has happened yet.
func NewRates(cfg RatesConfig) *Rates {
	cfg.Unproven = cfg.Unproven.or(defaultUnproven)
	cfg.UnprovenBlock = cfg.UnprovenBlock.or(defaultUnprovenBlock)
	cfg.Known = cfg.Known.or(defaultKnown)
	cfg.Proven = cfg.Proven.or(defaultProven)
	cfg.ProvenBlock = cfg.ProvenBlock.or(defaultProvenBlock)
	if cfg.Sources == 0 {
		cfg.Sources = defaultSources
	}
	return &Rates{
		cfg:           cfg,
		unproven:      cfg.Unproven.full(0),
		unprovenBlock: newTable[block, bucket](cfg.Sources),
		known:         newTable[endpoint, bucket](cfg.Sources),
		proven:        newTable[endpoint, bucket](cfg.Sources),
		provenBlock:   newTable[block, bucket](cfg.Sources),
	}
}

// Unproven reports whether an address that may be forged may be given a token. The
// bound of all is looked at first and used up last: so a flood beyond it does not
// touch what is known of others, and a block beyond its own takes nothing from them.
func (r *Rates) Unproven(now time.Duration, from netip.AddrPort) bool {
	if k := endpointOf(from); r.proven.get(k) != nil && bucketOf(r.known, k, now, r.cfg.Known).allow(now) {
		return true
	}
	if !r.unproven.has(now) {
		r.stats.Unproven++
		return false
	}
	if !loopback(from.Addr()) && !bucketOf(r.unprovenBlock, blockOf(from.Addr()), now, r.cfg.UnprovenBlock).allow(now) {
		r.stats.UnprovenBlock++
		return false
	}
	return r.unproven.allow(now)
}

// Proven reports whether one more request of an address that is proven may be answered.
func (r *Rates) Proven(now time.Duration, from netip.AddrPort) bool {
	if !bucketOf(r.proven, endpointOf(from), now, r.cfg.Proven).allow(now) {
		r.stats.Proven++
		return false
	}
	if !loopback(from.Addr()) && !bucketOf(r.provenBlock, blockOf(from.Addr()), now, r.cfg.ProvenBlock).allow(now) {
		r.stats.ProvenBlock++
		return false
	}
	return true
}

// Charge takes as much as so many more requests from an address that is proven: what it
// has sent took that much to deal with. It is answered again once that is paid off.
func (r *Rates) Charge(now time.Duration, from netip.AddrPort, requests int) {
	if requests <= 0 {
		return
	}
	bucketOf(r.proven, endpointOf(from), now, r.cfg.Proven).take(now, requests)
	if !loopback(from.Addr()) {
		bucketOf(r.provenBlock, blockOf(from.Addr()), now, r.cfg.ProvenBlock).take(now, requests)
	}
}

// Stats returns the counters.
func (r *Rates) Stats() RatesStats {
	s := r.stats
	s.Evicted = r.unprovenBlock.evicted + r.known.evicted + r.proven.evicted + r.provenBlock.evicted
	return s
}
