package vclock

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// timed is what a clock with epochs means: for each origin a count and its epoch.
type timed map[Origin]timedCount

type timedCount struct {
	n     uint64
	epoch uint32
}

func (a timedCount) less(b timedCount) bool {
	return a.n < b.n || a.n == b.n && a.epoch < b.epoch
}

func (m timed) epoch() (newest uint32) {
	for _, x := range m {
		newest = max(newest, x.epoch)
	}
	return newest
}

// since is the model as of a later epoch (E2).
func (m timed) since(epoch uint32) timed {
	out := timed{}
	for o, x := range m {
		if x.epoch == 0 || x.epoch+Horizon >= epoch {
			out[o] = x
		}
	}
	return out
}

func (m timed) merge(other timed) timed {
	epoch := max(m.epoch(), other.epoch())
	out := m.since(epoch)
	for o, x := range other.since(epoch) {
		if out[o].less(x) {
			out[o] = x
		}
	}
	return out
}

func (m timed) contains(other timed) bool {
	epoch := max(m.epoch(), other.epoch())
	m, other = m.since(epoch), other.since(epoch)
	for o, x := range other {
		if m[o].less(x) {
			return false
		}
	}
	return true
}

func (m timed) check(t fataler, c Clock) {
	t.Helper()
	checkShape(t, c)
	if c.Epoch() != m.epoch() || c.Len() != len(m) {
		t.Fatalf("E1: epoch %d with %d entries, want %d with %d", c.Epoch(), c.Len(), m.epoch(), len(m))
	}
	for _, e := range c.root.appendTo(nil) {
		if want := m[e.key.Origin]; e.n != want.n || e.key.epoch != want.epoch {
			t.Fatalf("E2: %v is %d of epoch %d, want %v", e.key.Origin, e.n, e.key.epoch, want)
		}
	}
}

// epochOf keeps to E4: some origins' events have no epochs, and those of the others
// do not fall.
func epochOf(o Origin, n uint64) uint32 {
	if o.Incarnation == 2 {
		return 0
	}
	return uint32(hashName64(o.Name)%12) + 5*uint32(n) - 4
}

func drawTimed(t *rapid.T) (Clock, timed) {
	c, m := Clock{}, timed{}
	for range rapid.SampledFrom([]int{0, 1, 5, 17, 24}).Draw(t, "size") {
		o := drawOrigin(t)
		n := m[o].n + uint64(rapid.IntRange(1, 3).Draw(t, "more"))
		c, m = c.Advance(o, n, epochOf(o, n)), m.advance(o, n, epochOf(o, n))
	}
	m.check(t, c)
	return c, m
}

func (m timed) advance(o Origin, n uint64, epoch uint32) timed {
	if epoch != 0 && epoch+Horizon < m.epoch() {
		return m
	}
	out := m.since(max(m.epoch(), epoch))
	out[o] = timedCount{n, max(epoch, out[o].epoch)}
	return out
}

// Clocks with epochs are a lattice too, and what was pruned stays so.
func TestEpochsKeepTheLaws(t *testing.T) {
	checkEveryHash(t, func(t *rapid.T) {
		a, ma := drawTimed(t)
		b, mb := drawTimed(t)
		c, _ := drawTimed(t)
		if rapid.Bool().Draw(t, "related") {
			b, mb = b.Merge(a), mb.merge(ma)
		}
		ab := a.Merge(b)
		ma.merge(mb).check(t, ab)
		want := Concurrent
		switch le, ge := mb.contains(ma), ma.contains(mb); {
		case le && ge:
			want = Equal
		case le:
			want = Before
		case ge:
			want = After
		}
		if got := a.Compare(b); got != want {
			t.Fatalf("%v\n%v\ncompare as %v, want %v", ma, mb, got, want)
		}
		if b.Compare(a) != flip(want) {
			t.Fatalf("the other way round %v", b.Compare(a))
		}
		for why, eq := range map[string]bool{
			"commutative":            ab.Equal(b.Merge(a)),
			"associative":            ab.Merge(c).Equal(a.Merge(b.Merge(c))),
			"idempotent":             ab.Merge(b).Equal(ab) && a.Merge(a).Equal(a),
			"an upper bound":         a.Compare(ab)&^Before == 0 && b.Compare(ab)&^Before == 0,
			"the least one":          !(a.Compare(c)&^Before == 0 && b.Compare(c)&^Before == 0) || ab.Compare(c)&^Before == 0,
			"order is antisymmetric": (a.Compare(b) != Equal) || bytesOf(a) == bytesOf(b),
		} {
			if !eq {
				t.Fatalf("not %s:\n%v\n%v", why, ma, mb)
			}
		}
		for _, codec := range codecs {
			data, err := codec.marshal(a)
			var back Clock
			if err == nil {
				err = codec.unmarshal(&back, data)
			}
			keeps := !strings.HasPrefix(codec.name, "JSON")
			if err != nil || keeps && (!sameShape(back.root, a.root) || back.epoch != a.epoch) || !keeps && !maps.Equal(back.Map(), a.Map()) {
				t.Fatalf("%s %q: %v came back as %v: %v", codec.name, data, a, back, err)
			}
		}
		if len(ma) > 0 {
			o := rapid.SampledFrom(ma.sorted()).Draw(t, "removed")
			less := ma.since(0)
			delete(less, o)
			less.check(t, a.With(o, 0))
		}
	})
}

func (m timed) sorted() []Origin {
	plain := model{}
	for o := range m {
		plain[o] = 1
	}
	return plain.sorted()
}

func bytesOf(c Clock) string {
	b, _ := c.MarshalBinary()
	return string(b)
}

// history is what a process has heard of: as clocks say it, and as they would if they
// forgot nothing.
type history struct{ clock, full Clock }

// Processes come and go, speak now and then, and hear of some of each other's events
// some time. However much is pruned, E5 holds of any two clocks, however old. And if
// every event is heard of within the horizon, they compare as if nothing had ever been
// pruned.
func TestClocksThatForget(t *testing.T) {
	for _, heard := range []bool{true, false} {
		t.Run(fmt.Sprint("all is heard within the horizon: ", heard), func(t *testing.T) {
			pruned, byTime := 0, 0
			rapid.Check(t, func(t *rapid.T) {
				events := drawEvents(t, heard)
				for _, a := range events {
					for _, b := range events {
						want := a.full.Compare(b.full)
						if a.clock.Len() < a.full.Len() {
							pruned++
						}
						if want == Concurrent && !heard {
							switch {
							case a.clock.Epoch() < floor(b.clock.Epoch()):
								want = Before
								byTime++
							case b.clock.Epoch() < floor(a.clock.Epoch()):
								want = After
							}
						}
						if got := a.clock.Compare(b.clock); got != want {
							t.Fatalf("E5: %s\n%s\ncompare as %v, want %v, in full: %v, %v", textOf(a.clock), textOf(b.clock), got, want, a.full, b.full)
						}
					}
				}
				Sort(events, func(h history) Clock { return h.clock })
				for i, a := range events {
					for _, b := range events[:i] {
						if a.clock.HappenedBefore(b.clock) || a.full.HappenedBefore(b.full) {
							t.Fatalf("sorted, %v comes after %v", a.full, b.full)
						}
					}
				}
			})
			if pruned == 0 || byTime == 0 && !heard {
				t.Errorf("%d clocks were pruned, %d pairs compared by time", pruned, byTime)
			}
		})
	}
}

func drawEvents(t *rapid.T, heard bool) (events []history) {
	procs := make([]history, rapid.IntRange(2, 4).Draw(t, "processes"))
	names := make([]int, len(procs))
	next := 0
	epoch := uint32(rapid.IntRange(1, 20).Draw(t, "from"))
	for range rapid.IntRange(1, 60).Draw(t, "steps") {
		i := rapid.IntRange(0, len(procs)-1).Draw(t, "process")
		p := &procs[i]
		switch rapid.IntRange(0, 4).Draw(t, "what") {
		case 0: // time goes by
			epoch += uint32(rapid.IntRange(0, 5).Draw(t, "epochs"))
		case 1: // a new process: the old one is silent from now on
			next++
			names[i] = next
			if !heard {
				*p = history{}
			}
		case 2, 3: // an event
			o := Origin{Name: fmt.Sprint("p", i), Incarnation: uint64(names[i])}
			for _, e := range events {
				if heard && e.clock.Epoch()+Horizon < epoch {
					p.hear(e)
				}
			}
			n := p.full.At(o) + 1
			now := max(epoch-uint32(rapid.IntRange(0, 1).Draw(t, "its clock is late")), p.clock.Epoch(), 1)
			p.clock, p.full = p.clock.Advance(o, n, now), p.full.With(o, n)
			events = append(events, *p)
		case 4:
			if len(events) > 0 {
				p.hear(events[rapid.IntRange(0, len(events)-1).Draw(t, "event")])
			}
		}
	}
	return events
}

func (h *history) hear(e history) { h.clock, h.full = h.clock.Merge(e.clock), h.full.Merge(e.full) }

func textOf(c Clock) string {
	b, _ := c.MarshalText()
	return string(b)
}

// AdvanceAll is merging and advancing, whatever else its Maker has made.
func TestAdvanceAllIsMergeAndAdvance(t *testing.T) {
	var maker Maker
	checkEveryHash(t, func(t *rapid.T) {
		var pasts []Clock
		for range rapid.IntRange(0, 4).Draw(t, "pasts") {
			c, _ := drawTimed(t)
			pasts = append(pasts, c)
			for o, n := range c.All() { // most pasts have the same names
				if epochOf(o, n) != 0 {
					continue // with another number it would have another epoch (E4)
				}
				if rapid.Bool().Draw(t, "sibling") {
					pasts = append(pasts, c.With(o, n+uint64(rapid.IntRange(1, 3).Draw(t, "more"))))
				}
				break
			}
		}
		o, n, epoch := drawOrigin(t), uint64(rapid.IntRange(0, 9).Draw(t, "n")), uint32(rapid.IntRange(0, 60).Draw(t, "epoch"))
		var want Clock
		for _, p := range pasts {
			want = want.Merge(p)
		}
		for first := range want.All() { // an origin that has spoken before, as most have
			if rapid.Bool().Draw(t, "known") {
				o = first
			}
			break
		}
		want = want.Advance(o, n, max(epoch, want.Epoch()))
		before := bytesOf(maker.AdvanceAll(pasts, o, n, epoch))
		got := maker.AdvanceAll(pasts, o, n, epoch)
		maker.AdvanceAll(pasts, drawOrigin(t), 1, epoch)
		checkShape(t, got)
		if bytesOf(got) != before {
			t.Fatal("a clock has changed")
		}
		if clone := got.Clone(); bytesOf(clone) != before || clone.Epoch() != got.Epoch() {
			t.Fatal("a clone is another clock")
		}
		if bytesOf(got) != bytesOf(want) || got.Epoch() != want.Epoch() {
			t.Fatalf("%v, want %v, of %v", got, want, pasts)
		}
	})
}
