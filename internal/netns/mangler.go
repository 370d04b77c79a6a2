package netns

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"
)

// Faults is what is done to each packet that a host sends, in the terms of
// tc-netem(8). Shares are from 0 to 1.
type Faults struct {
	Loss, Duplicate float64
	Corrupt         float64 // one bit of it is turned over
	Delay, Jitter   time.Duration
	Reorder         float64 // are not delayed, and so overtake the others
}

// netem is what tc wants to be told.
func (f Faults) netem() (args []string) {
	percent := func(share float64) string { return strconv.FormatFloat(100*share, 'f', -1, 64) + "%" }
	ms := func(d time.Duration) string { return fmt.Sprintf("%gms", float64(d)/float64(time.Millisecond)) }
	if f.Delay > 0 {
		args = append(args, "delay", ms(f.Delay), ms(f.Jitter))
	}
	for _, share := range []struct {
		name string
		p    float64
	}{{"loss", f.Loss}, {"duplicate", f.Duplicate}, {"corrupt", f.Corrupt}, {"reorder", f.Reorder}} {
		if share.p > 0 {
			args = append(args, share.name, percent(share.p))
		}
	}
	return args
}

// Tally counts what was done to packets. Netem tells of those sent and lost alone.
type Tally struct {
	Sent, Lost                      uint64 // Sent are those that were not lost
	Duplicated, Corrupted, Overtook uint64
	Cut                             uint64 // by Lab.Cut
}

func (t *Tally) add(o Tally) {
	t.Sent += o.Sent
	t.Lost += o.Lost
	t.Duplicated += o.Duplicated
	t.Corrupted += o.Corrupted
	t.Overtook += o.Overtook
	t.Cut += o.Cut
}

// Mangler does to frames what netem would. Its randomness comes from a seed.
type Mangler struct {
	Faults
	Tally
	rng *rand.Rand
}

// NewMangler returns one that does nothing yet.
func NewMangler(seed uint64) *Mangler {
	return &Mangler{rng: rand.New(rand.NewPCG(seed, 0))}
}

// Pass answers after which delays a frame is to arrive: none if it is lost. It may
// damage the frame.
func (m *Mangler) Pass(frame []byte) (delays []time.Duration) {
	if m.happens(m.Loss) {
		m.Lost++
		return nil
	}
	m.Sent++
	if m.happens(m.Corrupt) {
		m.Corrupted++
		bit := m.rng.IntN(8 * len(frame))
		frame[bit/8] ^= 1 << (bit % 8)
	}
	delays = append(delays, m.delay())
	if m.happens(m.Duplicate) {
		m.Duplicated++
		delays = append(delays, m.delay())
	}
	return delays
}

func (m *Mangler) happens(share float64) bool { return share > 0 && m.rng.Float64() < share }

func (m *Mangler) delay() time.Duration {
	if m.happens(m.Reorder) {
		m.Overtook++
		return 0
	}
	d := m.Delay
	if m.Jitter > 0 {
		d += time.Duration(m.rng.Int64N(int64(2*m.Jitter))) - m.Jitter
	}
	return max(d, 0)
}
