package gossip

import (
	"bytes"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// The node's clock counts the time that the computer slept, from when it looks again,
// and never goes back.
func TestTheClockCountsSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asleep := time.Hour // before the node started
		c := &clock{asleep: func() time.Duration { return asleep }}
		c.begin()
		want := func(why string, want time.Duration) {
			t.Helper()
			if got := c.now(); got != want {
				t.Errorf("%s: %v, want %v", why, got, want)
			}
		}
		want("at the start", 0)
		time.Sleep(time.Second)
		want("a second later", time.Second)
		asleep += 2 * time.Hour
		time.Sleep(lookEvery)
		want("after a sleep", time.Second+lookEvery+2*time.Hour)
		asleep -= time.Minute
		time.Sleep(time.Second)
		want("the system thinks better of it", 2*time.Second+lookEvery+2*time.Hour)
	})
}

// Many goroutines ask, and none of them sees it go back.
func TestTheClockNeverGoesBack(t *testing.T) {
	var c clock
	c.begin()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			last := c.now()
			for range 20_000 {
				now := c.now()
				if now < last {
					t.Errorf("%v after %v", now, last)
					return
				}
				last = now
			}
		})
	}
	wg.Wait()
	if runtime.GOOS == "linux" && suspended() < -time.Second {
		t.Errorf("the computer has slept for %v", suspended())
	}
}

// TestNodesThatDifferInHorizon: they would not understand each other's clocks, so
// they do not link, and both are told why.
func TestNodesThatDifferInHorizon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, config := inMemory(t)
		var told [2]bytes.Buffer
		cfg := [2]Config{config().with("a"), config().with("b")}
		for i := range cfg {
			cfg[i].Logger = slog.New(slog.NewTextHandler(&told[i], &slog.HandlerOptions{Level: slog.LevelWarn}))
		}
		a := start(t, cfg[0])
		cfg[1].Horizon, cfg[1].Join = 48*time.Hour, []string{a.Self().Addr}
		b := start(t, cfg[1])
		time.Sleep(30 * time.Second)
		a.Close()
		b.Close()
		for i := range told {
			if text := told[i].String(); !strings.Contains(text, "Config.Horizon must be the same on all nodes") || strings.Count(text, "no link") > 1 {
				t.Errorf("node %d was told %q", i, text)
			}
		}
		if n := a.Stats().LinksAccepted + b.Stats().LinksAccepted; n > 0 {
			t.Errorf("%d links", n)
		}
	})
}
