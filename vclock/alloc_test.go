package vclock

import (
	"fmt"
	"runtime"
	"testing"
)

var (
	sink     Clock
	sinkOrd  Ordering
	sinkSum  uint64
	sinkData []byte
)

// wantAllocs fails if f allocates more often than want on average.
func wantAllocs(t *testing.T, what string, want float64, f func()) {
	t.Helper()
	if got := testing.AllocsPerRun(500, f); got > want {
		t.Errorf("%s: %v allocations, want at most %v", what, got, want)
	}
}

// AllocsPerRun rounds the average down, and many names are tried, because the
// random seed of the hash makes a path one node longer now and then.
func TestIncrementAllocations(t *testing.T) {
	for origins, want := range map[int]float64{1: 1, 10: 1, 16: 1, 100: 2, 1000: 3, 10000: 4} {
		c, i := many(origins), 0
		names := make([]string, 64)
		for i := range names {
			names[i] = nameOf(i * 31 % origins)
		}
		wantAllocs(t, fmt.Sprint("Increment at ", origins), want, func() {
			i++
			sink = c.Increment(names[i%len(names)])
		})
		wantAllocs(t, fmt.Sprint("With at ", origins), want, func() {
			i++
			sink = c.With(id(names[i%len(names)], 0), 1<<40)
		})
		o := id(names[0], 0)
		wantAllocs(t, "With that changes nothing", 0, func() { sink = c.With(o, c.At(o)) })
		wantAllocs(t, "Get and At", 0, func() { sinkSum = c.Get(names[1]) + c.At(o) })
	}
}

func TestMergeAndCompareAllocations(t *testing.T) {
	for _, origins := range []int{1, 10, 16, 17, 100, 1000, 10000} {
		c, twin := many(origins), many(origins)
		later := c.Increment(nameOf(0)).Increment(nameOf(origins / 2))
		part := FromMap(map[string]uint64{nameOf(0): 1})
		for _, tt := range []struct {
			what string
			a, b Clock
		}{
			{"the same clock", c, c},
			{"an equal clock made elsewhere", c, twin},
			{"a later clock", c, later},
			{"a later clock made elsewhere", twin, later},
			{"a small part of it", c, part},
			{"nothing", c, Clock{}},
		} {
			what := fmt.Sprintf("%d origins and %s", origins, tt.what)
			wantAllocs(t, "Merge of "+what, 0, func() { sink = tt.a.Merge(tt.b) })
			wantAllocs(t, "Merge, the other way round, of "+what, 0, func() { sink = tt.b.Merge(tt.a) })
			wantAllocs(t, "Compare of "+what, 0, func() { sinkOrd = tt.a.Compare(tt.b) })
		}
		if origins > 1 { // each knows of one event that the other does not
			a, b := c.Increment(nameOf(0)), c.Increment(nameOf(1))
			wantAllocs(t, fmt.Sprint("Merge of concurrent clocks at ", origins), 5, func() { sink = a.Merge(b) })
			wantAllocs(t, fmt.Sprint("Compare of concurrent clocks at ", origins), 0, func() { sinkOrd = a.Compare(b) })
		}
	}
}

var sizes = []int{10, 1000, 10000}

func benchSizes(b *testing.B, f func(b *testing.B, c Clock, names []string)) {
	for _, n := range sizes {
		names := make([]string, n)
		for i := range names {
			names[i] = nameOf(i)
		}
		b.Run(fmt.Sprintf("origins=%d", n), func(b *testing.B) {
			c := many(n)
			b.ReportAllocs()
			b.ResetTimer()
			f(b, c, names)
		})
	}
}

func BenchmarkIncrement(b *testing.B) {
	benchSizes(b, func(b *testing.B, c Clock, names []string) {
		for i := range b.N {
			sink = c.Increment(names[i%len(names)])
		}
	})
}

func BenchmarkGet(b *testing.B) {
	benchSizes(b, func(b *testing.B, c Clock, names []string) {
		for i := range b.N {
			sinkSum += c.Get(names[i%len(names)])
		}
	})
}

// What a node does for most messages: its clock meets one that is newer in one
// entry and older in another.
func BenchmarkMergeOneConcurrentEvent(b *testing.B) {
	benchSizes(b, func(b *testing.B, c Clock, names []string) {
		mine := c.Increment(names[0])
		theirs := make([]Clock, min(len(names)-1, 512))
		for i := range theirs {
			theirs[i] = c.Increment(names[i+1])
		}
		b.ResetTimer()
		for i := range b.N {
			sink = mine.Merge(theirs[i%len(theirs)])
		}
	})
}

func BenchmarkMergeLaterByOneEvent(b *testing.B) {
	benchSizes(b, func(b *testing.B, c Clock, names []string) {
		later := c.Increment(names[0])
		b.ResetTimer()
		for range b.N {
			sink = c.Merge(later)
		}
	})
}

func BenchmarkMergeNothingShared(b *testing.B) {
	benchSizes(b, func(b *testing.B, c Clock, names []string) {
		other := many(len(names))
		for i := 0; i < len(names); i += 2 {
			other = other.Increment(names[i])
			c = c.Increment(names[i+1])
		}
		b.ResetTimer()
		for range b.N {
			sink = c.Merge(other)
		}
	})
}

func BenchmarkCompareLaterByOneEvent(b *testing.B) {
	benchSizes(b, func(b *testing.B, c Clock, names []string) {
		later := c.Increment(names[0])
		b.ResetTimer()
		for range b.N {
			sinkOrd = c.Compare(later)
		}
	})
}

func BenchmarkCompareNothingShared(b *testing.B) {
	benchSizes(b, func(b *testing.B, c Clock, names []string) {
		twin := many(len(names))
		b.ResetTimer()
		for range b.N {
			sinkOrd = c.Compare(twin)
		}
	})
}

func BenchmarkAppendBinary(b *testing.B) {
	benchSizes(b, func(b *testing.B, c Clock, _ []string) {
		for range b.N {
			sinkData, _ = c.AppendBinary(sinkData[:0])
		}
		b.ReportMetric(float64(len(sinkData)), "wire-B")
	})
}

func BenchmarkUnmarshalBinary(b *testing.B) {
	benchSizes(b, func(b *testing.B, c Clock, _ []string) {
		data, _ := c.MarshalBinary()
		b.ResetTimer()
		for range b.N {
			if err := sink.UnmarshalBinary(data); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// What stays in memory: of a clock that shares nothing, and of each further
// version of it that is kept.
func BenchmarkFootprint(b *testing.B) {
	benchSizes(b, func(b *testing.B, c Clock, names []string) {
		data, _ := c.MarshalBinary()
		const copies, versions = 8, 1000
		var alone [copies]Clock
		perClock := held(func() {
			for i := range alone {
				_ = alone[i].UnmarshalBinary(data)
			}
		}) / copies
		kept := make([]Clock, versions)
		perVersion := held(func() {
			for i := range kept {
				c = c.Increment(names[i%len(names)])
				kept[i] = c
			}
		}) / versions
		runtime.KeepAlive(&alone)
		runtime.KeepAlive(kept)
		b.ReportMetric(float64(perClock), "B/clock")
		b.ReportMetric(float64(perVersion), "B/version")
	})
}

func held(f func()) int64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f()
	runtime.GC()
	runtime.ReadMemStats(&after)
	return int64(after.HeapAlloc) - int64(before.HeapAlloc)
}

// However many clocks an event comes after, its own is a fraction of an allocation while
// it is small.
func TestAdvanceAllAllocations(t *testing.T) {
	for _, origins := range []int{1, 8, 16} {
		c := many(origins)
		pasts := []Clock{c}
		for i := range min(origins, 5) {
			pasts = append(pasts, c.Increment(nameOf(i)))
		}
		o := id(nameOf(0), 0)
		var maker Maker
		wantAllocs(t, fmt.Sprint("AdvanceAll at ", origins), 0, func() { sink = maker.AdvanceAll(pasts, o, 1<<40, 0) })
	}
}

// Clocks that descend from each other differ in counts alone: a node keeps one for each
// message in its log, and each should be eight bytes an entry, none of them a pointer.
func TestClocksShareNames(t *testing.T) {
	c := many(10)
	o := id(nameOf(3), 0)
	a, b := c.Increment(nameOf(1)), c.With(id(nameOf(2), 0), 1<<40)
	var maker, other Maker
	elsewhere := other.AdvanceAll([]Clock{many(10)}, o, 7, 0) // has names of its own
	for what, d := range map[string]Clock{
		"Increment":                   a,
		"With":                        b,
		"Merge":                       a.Merge(b),
		"Merge of an equal set":       a.Merge(elsewhere.With(o, 1<<40)),
		"Merge with a part":           a.Merge(FromMap(map[string]uint64{nameOf(5): 1 << 40})),
		"AdvanceAll":                  maker.AdvanceAll([]Clock{a, b}, o, 8, 0),
		"Clone":                       maker.AdvanceAll([]Clock{a}, o, 9, 0).Clone(),
		"AdvanceAll of what it chose": maker.AdvanceAll([]Clock{c, {}}, o, 10, 0),
	} {
		if d.root.names != c.root.names {
			t.Errorf("%s has names of its own", what)
		}
	}
	first := maker.AdvanceAll([]Clock{c, elsewhere}, o, 11, 0)
	if second := maker.AdvanceAll([]Clock{elsewhere, a}, o, 12, 0); second.root.names != first.root.names {
		t.Error("a Maker gives names of its own to each clock of pasts that don't share theirs")
	}
}
