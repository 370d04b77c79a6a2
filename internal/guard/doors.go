package guard

import (
	"errors"
	"net/netip"
	"sync"
	"time"
)

// Why a connection is not let in.
var (
	ErrFull    = errors.New("guard: too many connections are opening")
	ErrTooMany = errors.New("guard: too many connections from this address are opening")
	ErrTooFast = errors.New("guard: connections from this address come too fast")
	ErrRush    = errors.New("guard: connections come too fast")
	ErrBarred  = errors.New("guard: this address has misbehaved")
)

const (
	// defaultHandshakes is enough for some hundreds of nodes that join at once; who
	// finds it full comes again.
	defaultHandshakes = 512
	// defaultPerBlock is how many of the second half of the doors one block may
	// have: four hosts that hold connections open without a word do not fill it,
	// nor does any number of honest ones.
	defaultPerBlock = 64
	// defaultBlocks is how many blocks are told apart, for 1.3 MiB where so many
	// come. An
	// address that a connection comes from is not forged, so few attackers have more.
	defaultBlocks = 4096
)

// defaultDoorRate lets a thousand nodes behind one address join within seconds, each
// trying twice, and come back at 200 a second; that many TLS handshakes take a tenth
// of a core.
var defaultDoorRate = Limit{200, 2000}

// defaultRushRate is for all together: a TLS handshake takes this end some 0.4 ms
// before it knows whom it is for, so that attackers from many addresses get at most two
// fifths of a core. Four thousand nodes that come at one moment are let in at once.
var defaultRushRate = Limit{1000, 4000}

// DoorsConfig says how many connections may open. Zero is the default of each.
type DoorsConfig struct {
	// Handshakes is how many there may be at one time. Zero: 512.
	Handshakes int
	// PerBlock is how many there may be from one IPv4 address or IPv6 /64 once more
	// than half of all are taken. Zero: 64.
	PerBlock int
	// Rate is how fast connections may come from one IPv4 address or IPv6 /64. Zero:
	// 200 a second, 2,000 at once.
	Rate Limit
	// Rush is how fast they may come from all together. Zero: 1,000 a second, 4,000 at
	// once.
	Rush Limit
	// Blocks is how many are told apart. Zero: 4,096.
	Blocks int
}

// Doors bounds the connections that are opening, and who may open one. Any goroutine
// may use it.
type Doors struct {
	cfg DoorsConfig

	mu     sync.Mutex
	rush   bucket
	inside int
	of     map[block]int // of those inside; no more entries than those
	rates  *table[block, bucket]
	barred *table[block, time.Duration]
	stats  DoorsStats
}

// DoorsStats counts those that came in, and those that did not, by the error that they
// met.
type DoorsStats struct {
	Entered, Full, TooMany, TooFast, Rush, Barred uint64
	// Evicted blocks had to make room: their rate or bar was forgotten.
	Evicted uint64
	// Inside is how many are opening now.
	Inside int
}

// NewDoors returns doors that nobody has entered.
func NewDoors(cfg DoorsConfig) *Doors {
	orDefault(&cfg.Handshakes, defaultHandshakes)
	orDefault(&cfg.PerBlock, defaultPerBlock)
	orDefault(&cfg.Blocks, defaultBlocks)
	cfg.Rate = cfg.Rate.or(defaultDoorRate)
	cfg.Rush = cfg.Rush.or(defaultRushRate)
	return &Doors{
		cfg:    cfg,
		rush:   cfg.Rush.full(0),
		of:     make(map[block]int),
		rates:  newTable[block, bucket](cfg.Blocks),
		barred: newTable[block, time.Duration](cfg.Blocks),
	}
}

func orDefault(n *int, otherwise int) {
	if *n == 0 {
		*n = otherwise
	}
}

// Enter lets a connection in, or says why not. leave must be called when it has opened
// or failed; from any goroutine, and more than once does no harm.
func (d *Doors) Enter(now time.Duration, from netip.Addr) (leave func(), err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	b, exempt := blockOf(from), loopback(from)
	if err := d.refuse(now, b, exempt); err != nil {
		return nil, err
	}
	d.stats.Entered++
	d.inside++
	if !exempt {
		d.of[b]++
	}
	gone := false
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if gone {
			return
		}
		gone = true
		d.left(b, exempt)
	}, nil
}

func (d *Doors) left(b block, exempt bool) {
	d.inside--
	if exempt {
		return
	}
	d.of[b]--
	if d.of[b] == 0 {
		delete(d.of, b)
	}
}

// refuse asks the rates last: who does not get in for another reason has not used them.
func (d *Doors) refuse(now time.Duration, b block, exempt bool) error {
	switch {
	case !exempt && d.isBarred(now, b):
		d.stats.Barred++
		return ErrBarred
	case d.inside >= d.cfg.Handshakes:
		d.stats.Full++
		return ErrFull
	case !exempt && d.inside > d.cfg.Handshakes/2 && d.of[b] >= d.cfg.PerBlock:
		d.stats.TooMany++
		return ErrTooMany
	case !d.rush.has(now):
		d.stats.Rush++
		return ErrRush
	case !exempt && !bucketOf(d.rates, b, now, d.cfg.Rate).allow(now):
		d.stats.TooFast++
		return ErrTooFast
	}
	d.rush.allow(now)
	return nil
}

// Bar keeps the IPv4 address, or the IPv6 /64, out until then. That is hard on all who
// share it, so it is for what was done before anybody gave a name; see Penalties for
// the rest. Loopback is not barred: all the nodes of a machine share it.
func (d *Doors) Bar(from netip.Addr, until time.Duration) {
	if loopback(from) {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	b := blockOf(from)
	if had := d.barred.get(b); had != nil {
		*had = max(*had, until)
		return
	}
	d.barred.makeRoom(func(until *time.Duration) int64 { return int64(*until) })
	d.barred.put(b, until)
}

func (d *Doors) isBarred(now time.Duration, b block) bool {
	until := d.barred.get(b)
	if until == nil {
		return false
	}
	if now >= *until {
		d.barred.remove(b)
		return false
	}
	return true
}

// Stats returns the counters.
func (d *Doors) Stats() DoorsStats {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.stats
	s.Inside = d.inside
	s.Evicted = d.rates.evicted + d.barred.evicted
	return s
}
