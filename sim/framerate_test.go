package sim

import (
	"fmt"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/internal/guard"
	"github.com/Ishan27gOrg/gossipProtocol/internal/wire"
	"github.com/Ishan27gOrg/gossipProtocol/protocol"
)

// margin is how many times as many control frames as honest links bring are let through
// without a wait.
const margin = 10

// meter counts the control frames from each node to each other one, and shows every
// one of them to the reader's limit, so many times.
type meter struct {
	w    *World
	of   map[way]*counted
	all  int
	held time.Duration
	// The most that one way had in a tenth of a second, and in a second.
	burst, second counted
}

type way struct{ from, to *Node }

type counted struct {
	rate           *guard.FrameRate
	tenth, second  time.Duration
	burst, frames  int
	bytes, inBurst int
}

func newMeter(w *World) *meter {
	m := &meter{w: w, of: make(map[way]*counted)}
	w.tamper = func(from, to *Node, f *broadcast.Frame) bool { m.take(way{from, to}, f); return true }
	return m
}

func (m *meter) take(x way, f *broadcast.Frame) {
	if f.Kind == broadcast.Data {
		return
	}
	c := m.of[x]
	if c == nil {
		c = &counted{rate: guard.NewFrameRate(m.w.now)}
		m.of[x] = c
	}
	size := len(wire.AppendFrame(nil, m.w.local(x.from), f, book{m.w}))
	for range margin {
		wait, _ := c.rate.Take(m.w.now, true, size)
		m.held = max(m.held, wait)
	}
	if now := m.w.now / (time.Second / 10); now != c.tenth {
		c.tenth, c.burst, c.inBurst = now, 0, 0
	}
	if now := m.w.now / time.Second; now != c.second {
		c.second, c.frames, c.bytes = now, 0, 0
	}
	c.burst++
	c.inBurst += size
	c.frames++
	c.bytes += size
	m.all++
	m.burst.frames, m.burst.bytes = max(m.burst.frames, c.burst), max(m.burst.bytes, c.inBurst)
	m.second.frames, m.second.bytes = max(m.second.frames, c.frames), max(m.second.bytes, c.bytes)
}

func (m *meter) check(t *testing.T, why string, least int) {
	t.Helper()
	t.Logf("%s: %d control frames; at most %d (%d bytes) on a link in a second, %d (%d bytes) in a tenth", why,
		m.all, m.second.frames, m.second.bytes, m.burst.frames, m.burst.bytes)
	if m.held > 0 {
		t.Errorf("%s: %d times as many would have been made to wait for %v", why, margin, m.held)
	}
	if m.second.frames < least {
		t.Errorf("%s: no link brought more than %d in a second: nothing happened", why, m.second.frames)
	}
}

// What honest links bring is far from what they may, when a thousand messages a second
// are broadcast and nodes come and go, and when half of the nodes were cut off.
func TestHonestLinksAreNotMadeToWait(t *testing.T) {
	for _, test := range []struct{ why, scenario string }{
		{"1,000 messages a second, and churn", `
nodes 30
arrive 5s
latency 10ms
spread 90ms
at 15s talk 1000 every 1ms
at 15s churn 10 every 100ms
`},
		{"a partition heals", `
nodes 24
latency 10ms
at 15s talk 200 every 100ms
at 16s partition 0.5 for 20s
`},
	} {
		s, err := ParseScenario(test.scenario)
		if err != nil {
			t.Fatal(err)
		}
		var m *meter
		if r := run(s, func(w *World) { m = newMeter(w) }); !r.Kept() {
			t.Errorf("%s: %v: %q", test.why, r.Broken, r.Violations)
		}
		m.check(t, test.why, 10)
	}
}

// A newcomer is told of many origins that are gone, and asks about each whose messages
// have left the logs: the most that comes over a link at once. It is in proportion to
// the origins.
func TestNewcomersAreNotMadeToWait(t *testing.T) {
	const origins = 300
	w := NewWorld(1)
	m := newMeter(w)
	w.Configure = func(c *protocol.Config) { c.Log.Bytes = 20 << 10 }
	w.Faults = Faults{Latency: 10 * time.Millisecond, Jitter: 5 * time.Millisecond}
	nodes := grow(w, 4)
	w.Run(5 * time.Second)
	for i := range origins {
		n := w.Start(fmt.Sprint("guest", i))
		w.Join(n, nodes[i%len(nodes)])
		w.Run(150 * time.Millisecond) // until it has a link
		w.Broadcast(n, []byte("x"))
		w.Run(60 * time.Millisecond) // until others have it
		w.Crash(n)
	}
	if had := w.Oracle.Delivered(nodes[0]); had < origins*9/10 {
		t.Errorf("only %d messages of %d guests were delivered", had, origins)
	}
	m.check(t, fmt.Sprint(origins, " origins"), 10)
}
