package netns

import (
	"bytes"
	"math"
	"math/bits"
	"slices"
	"strings"
	"testing"
	"time"
)

// What a mangler does to ten thousand frames is what it was told to, and the same
// again from the same seed.
func TestMangler(t *testing.T) {
	const frames = 10_000
	faults := Faults{
		Loss: 0.3, Duplicate: 0.1, Corrupt: 0.02, Reorder: 0.25,
		Delay: 80 * time.Millisecond, Jitter: 40 * time.Millisecond,
	}
	play := func() (tally Tally, arrivals []time.Duration, damaged int) {
		m := NewMangler(7)
		m.Faults = faults
		whole := bytes.Repeat([]byte{0xa5}, 100)
		for range frames {
			frame := bytes.Clone(whole)
			delays := m.Pass(frame)
			arrivals = append(arrivals, delays...)
			turned := 0
			for i := range frame {
				turned += bits.OnesCount8(frame[i] ^ whole[i])
			}
			if damaged += turned; turned > 1 {
				t.Fatalf("%d bits of a frame were turned over", turned)
			}
		}
		return m.Tally, arrivals, damaged
	}
	tally, arrivals, damaged := play()
	near := func(what string, got uint64, of int, share float64) {
		t.Helper()
		if math.Abs(float64(got)-share*float64(of)) > 5*math.Sqrt(share*float64(of)) {
			t.Errorf("%d of %d were %s, want about %v of them", got, of, what, share)
		}
	}
	near("lost", tally.Lost, frames, faults.Loss)
	near("duplicated", tally.Duplicated, int(tally.Sent), faults.Duplicate)
	near("corrupted", tally.Corrupted, int(tally.Sent), faults.Corrupt)
	near("ahead of the others", tally.Overtook, len(arrivals), faults.Reorder)
	if tally.Sent+tally.Lost != frames || len(arrivals) != int(tally.Sent+tally.Duplicated) || damaged != int(tally.Corrupted) {
		t.Errorf("%d arrived and %d were damaged: the tally %+v is of something else", len(arrivals), damaged, tally)
	}
	for _, d := range arrivals {
		if d != 0 && (d < 40*time.Millisecond || d >= 120*time.Millisecond) {
			t.Fatalf("a frame took %v, want none or 80 ms ± 40", d)
		}
	}
	again, same, _ := play()
	if again != tally || !slices.Equal(same, arrivals) {
		t.Error("the same seed did something else")
	}
}

func TestAManglerThatIsToldNothing(t *testing.T) {
	frame := []byte("whole")
	if got := NewMangler(1).Pass(frame); !slices.Equal(got, []time.Duration{0}) || string(frame) != "whole" {
		t.Errorf("delays %v of %q", got, frame)
	}
}

func TestNetemIsToldTheSame(t *testing.T) {
	f := Faults{Loss: 0.055, Duplicate: 0.1, Corrupt: 0.02, Reorder: 0.25, Delay: 80 * time.Millisecond, Jitter: 1500 * time.Microsecond}
	const want = "delay 80ms 1.5ms loss 5.5% duplicate 10% corrupt 2% reorder 25%"
	if got := strings.Join(f.netem(), " "); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := (Faults{}).netem(); len(got) > 0 {
		t.Errorf("no faults are %q", got)
	}
}
