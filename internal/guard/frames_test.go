package guard

import (
	"testing"
	"time"
)

// reader plays a link's reader: it takes frames that come every so often, waits when
// it is told to, and stops at a flood. It returns how many it took in that time.
func reader(f *FrameRate, now *time.Duration, until, every time.Duration, bytes int) (taken int, flood bool) {
	for due := *now; *now < until; due += every {
		*now = max(*now, due)
		wait, flood := f.Take(*now, true, bytes)
		taken++
		if flood {
			return taken, true
		}
		*now += wait
	}
	return taken, false
}

func TestHowFastALinkIsRead(t *testing.T) {
	for _, test := range []struct {
		why     string
		every   time.Duration
		bytes   int
		taken   int // in a minute, or before it is a flood
		flooded time.Duration
	}{
		{"honest: 66 frames a second", time.Second / 66, 500, 66 * 60, 0},
		{"announcements of 100,000 messages a second", time.Second / 390, 256 * 14, 390 * 60, 0},
		{"at the limit", time.Second / controlFrames, 100, controlFrames * 60, 0},
		{"twice the limit", time.Second / (2 * controlFrames), 100, controlFramesBurst + 30*controlFrames, 31 * time.Second},
		{"as many as TCP brings", 0, 100, controlFramesBurst + 30*controlFrames, 30 * time.Second},
		{"few, but long ones", time.Millisecond, 4 << 20, 4 + 30*4, 30 * time.Second},
		{"longer than any burst", 0, 1 << 30, 1 + 30, 30 * time.Second},
	} {
		f, now := NewFrameRate(0), time.Duration(0)
		taken, flood := reader(f, &now, time.Minute, test.every, test.bytes)
		if flood != (test.flooded > 0) || flood && (now < test.flooded-2*time.Second || now > test.flooded+2*time.Second) {
			t.Errorf("%s: flood %v, at %v; want one at %v", test.why, flood, now, test.flooded)
		}
		if taken < test.taken*9/10-1 || taken > test.taken*11/10+2 {
			t.Errorf("%s: %d frames were taken, want about %d", test.why, taken, test.taken)
		}
		t.Logf("%s: %d frames are taken in %v, which is a flood: %v", test.why, taken, now, flood)
	}
}

// DATA is held up by nothing here, and does not count.
func TestDataIsNotLimited(t *testing.T) {
	f := NewFrameRate(0)
	for range 1_000_000 {
		if wait, flood := f.Take(0, false, 1<<20); wait != 0 || flood {
			t.Fatal(wait, flood)
		}
	}
	if wait, _ := f.Take(0, true, 100); wait != 0 {
		t.Errorf("a control frame after it waits for %v", wait)
	}
	if s := f.Stats(); s.Frames != 1 || s.Bytes != 100 {
		t.Errorf("%+v", s)
	}
}

// A storm that ends is no flood: a reader that waits for ten seconds, now and then,
// pays it off in between.
func TestAStormPasses(t *testing.T) {
	f, now := NewFrameRate(0), time.Duration(0)
	for range 20 {
		if _, flood := reader(f, &now, now+10*time.Second, 0, 100); flood {
			t.Fatalf("a flood, at %v", now)
		}
		now += 20 * time.Second
	}
	if f.Stats().Waited < 20*8*time.Second {
		t.Errorf("it waited for %v only: this was no storm", f.Stats().Waited)
	}
}

func BenchmarkTake(b *testing.B) {
	f, now := NewFrameRate(0), time.Duration(0)
	b.ReportAllocs()
	for b.Loop() {
		now += time.Millisecond
		f.Take(now, true, 100)
	}
}
