package transport

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Impairment does to the datagrams of any transports, real sockets among them,
// what a Network's faults do to those in memory: on their way out some are lost,
// come twice, or take longer. Streams are left alone; what they meet is the real
// network's business.
type Impairment struct {
	mu     sync.Mutex
	faults Faults
	random *rand.Rand
	stats  Stats
}

// NewImpairment makes one without faults. Its randomness comes from seed.
func NewImpairment(seed uint64) *Impairment {
	return &Impairment{random: rand.New(rand.NewPCG(seed, 0))}
}

// SetFaults replaces the faults for all datagrams that are sent from now on. An
// error names the field out of range and leaves the faults as they were.
func (i *Impairment) SetFaults(f Faults) error {
	if err := f.check(); err != nil {
		return err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.faults = f
	return nil
}

// Stats counts what was sent, lost and duplicated; what became of the rest only
// the real network knows.
func (i *Impairment) Stats() Stats {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.stats
}

// Over returns a transport whose datagrams meet the faults.
func (i *Impairment) Over(t Transport) Transport { return &impaired{t, i} }

// impaired is a Transport but for what it does to datagrams.
type impaired struct {
	Transport
	by *Impairment
}

// WriteTo loses a datagram, or sends it now, or later, when nobody hears of an
// error any more.
func (t *impaired) WriteTo(b []byte, to netip.AddrPort) (err error) {
	for _, delay := range t.by.fate(len(b), t.Addr(), to) {
		if delay == 0 {
			err = t.Transport.WriteTo(b, to)
			continue
		}
		data := slices.Clone(b)
		time.AfterFunc(delay, func() { t.Transport.WriteTo(data, to) })
	}
	return err
}

// fate draws how long each copy of a datagram takes; none is for one that is lost.
func (i *Impairment) fate(size int, from, to netip.AddrPort) (delays []time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.stats.Sent++
	i.stats.SentBytes += uint64(size)
	if i.chance(i.faults.Loss) {
		i.stats.Lost++
		return nil
	}
	delays = append(delays, i.delay(from, to))
	if i.chance(i.faults.Duplicate) {
		i.stats.Duplicated++
		delays = append(delays, i.delay(from, to))
	}
	return delays
}

func (i *Impairment) chance(p float64) bool { return p > 0 && i.random.Float64() < p }

func (i *Impairment) delay(from, to netip.AddrPort) time.Duration {
	d := i.faults.latency(from, to)
	if i.faults.Jitter > 0 {
		d += time.Duration(i.random.Int64N(int64(i.faults.Jitter) + 1))
	}
	return d
}
