package vclock

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// model is what a clock means, without any cleverness.
type model map[Origin]uint64

func (m model) with(o Origin, n uint64) model {
	out := maps.Clone(m)
	if out == nil {
		out = model{}
	}
	out[o] = n
	if n == 0 {
		delete(out, o)
	}
	return out
}

func (m model) merge(other model) model {
	out := maps.Clone(m)
	if out == nil {
		out = model{}
	}
	for o, n := range other {
		out[o] = max(out[o], n)
	}
	return out
}

func (m model) contains(other model) bool {
	for o, n := range other {
		if m[o] < n {
			return false
		}
	}
	return true
}

func (m model) compare(other model) Ordering {
	switch le, ge := other.contains(m), m.contains(other); {
	case le && ge:
		return Equal
	case le:
		return Before
	case ge:
		return After
	default:
		return Concurrent
	}
}

func (m model) get(name string) (sum uint64) {
	for o, n := range m {
		if o.Name == name {
			sum += n
		}
	}
	return sum
}

func (m model) sorted() []Origin {
	return slices.SortedFunc(maps.Keys(m), Origin.Compare)
}

func (m model) clock() (c Clock) {
	for o, n := range m {
		c = c.With(o, n)
	}
	return c
}

// pair keeps a clock beside what it has to mean, for as long as the test runs.
type pair struct {
	clock Clock
	model model
}

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

func (p pair) check(t fataler) {
	t.Helper()
	checkShape(t, p.clock)
	if p.clock.Len() != len(p.model) {
		t.Fatalf("Len = %d, want %d", p.clock.Len(), len(p.model))
	}
	want := p.model.sorted()
	i := 0
	for o, n := range p.clock.All() {
		if i == len(want) || o != want[i] || n != p.model[o] {
			t.Fatalf("All: entry %d is %v:%d, want the entries of %v", i, o, n, p.model)
		}
		if at := p.clock.At(o); at != n {
			t.Fatalf("At(%v) = %d, but All says %d", o, at, n)
		}
		if get := p.clock.Get(o.Name); get != p.model.get(o.Name) {
			t.Fatalf("Get(%q) = %d, want %d", o.Name, get, p.model.get(o.Name))
		}
		i++
	}
	if i != len(want) {
		t.Fatalf("All: %d entries, want %d", i, len(want))
	}
}

// checkShape checks invariants T1 to T5 of trie.go.
func checkShape(t fataler, c Clock) {
	t.Helper()
	if c.root != nil {
		checkNode(t, c.root, nil)
	}
}

// checkNode returns the first and the last entry below n, which T4 and T5 make
// those with the lowest and the highest hash.
func checkNode(t fataler, n *node, path []int) (first, last entry) {
	t.Helper()
	if n.kids == nil {
		es := n.appendTo(nil)
		checkBucket(t, es, path)
		return es[0], es[len(es)-1]
	}
	count := 0
	for i, kid := range n.kids.at {
		if kid == nil {
			continue
		}
		lo, hi := checkNode(t, kid, append(slices.Clone(path), i))
		if count == 0 {
			first = lo
		}
		last = hi
		count += kid.len()
	}
	if count != n.kids.n {
		t.Fatalf("branch at %v says %d entries, has %d", path, n.kids.n, count)
	}
	if count <= bucketMax || first.key.hash == last.key.hash {
		t.Fatalf("T3: branch over %d entries at %v", count, path)
	}
	return first, last
}

func checkBucket(t fataler, es []entry, path []int) {
	t.Helper()
	if len(es) == 0 {
		t.Fatalf("T1: bucket at %v is empty", path)
	}
	if len(es) > bucketMax && es[0].key.hash != es[len(es)-1].key.hash {
		t.Fatalf("T2: bucket of %d entries at %v", len(es), path)
	}
	for i, e := range es {
		if e.n == 0 {
			t.Fatalf("T1: zero count for %v", e.key)
		}
		if i > 0 && compareKeys(es[i-1].key, e.key) >= 0 {
			t.Fatalf("T4: %v before %v", es[i-1].key, e.key)
		}
		for depth, want := range path {
			if slot(e.key.hash, topShift-uint(depth)*slotBits) != want {
				t.Fatalf("T5: %v is below slots %v", e.key, path)
			}
		}
	}
}

// hashes are the functions that the properties are tested under. All but the
// first are as bad as a hash can be, each in its own way.
var hashes = []struct {
	name string
	hash func(string) uint64
}{
	{"real", hashName},
	{"all collide", func(string) uint64 { return 7 }},
	{"differ in the last bits only", func(s string) uint64 { return hashName64(s) % 32 }},
	{"differ in the first bit only", func(s string) uint64 { return hashName64(s) << 63 }},
	{"few values", func(s string) uint64 { return hashName64(s) % 5 * 0x9e3779b97f4a7c15 }},
}

// hashName64 is the same in every run, so that a failure can be replayed.
func hashName64(s string) uint64 {
	h := uint64(14695981039346656037) // FNV-1a
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h ^ h>>32
}

// underEveryHash runs f as a subtest for each hash. Clocks must not leak from
// one subtest to the next.
func underEveryHash(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	for _, h := range hashes {
		t.Run(h.name, func(t *testing.T) {
			real := hashName
			hashName = h.hash
			defer func() { hashName = real }()
			f(t)
		})
	}
}

// checkEveryHash is rapid.Check under every hash.
func checkEveryHash(t *testing.T, f func(t *rapid.T)) {
	t.Helper()
	underEveryHash(t, func(t *testing.T) { rapid.Check(t, f) })
}

// Small ranges make origins meet and clocks be comparable.
func drawOrigin(t *rapid.T) Origin {
	return Origin{
		Name:        fmt.Sprintf("p%d", rapid.IntRange(0, 60).Draw(t, "name")),
		Incarnation: uint64(max(0, rapid.IntRange(-4, 2).Draw(t, "incarnation"))),
	}
}

func drawModel(t *rapid.T, label string) model {
	m := model{}
	// The size comes first because rapid prefers short slices, and what is
	// interesting begins at bucketMax.
	for range rapid.SampledFrom([]int{0, 1, 3, 16, 17, 18, 60, 90}).Draw(t, label+" size") {
		m[drawOrigin(t)] = uint64(rapid.IntRange(1, 3).Draw(t, "count"))
	}
	return m
}

func drawPair(t *rapid.T, label string) pair {
	m := drawModel(t, label)
	return pair{m.clock(), m}
}

// drawRelated returns a clock that shares structure with p.
func drawRelated(t *rapid.T, p pair, label string) pair {
	for range rapid.IntRange(0, 6).Draw(t, label+" changes") {
		o, n := drawOrigin(t), uint64(rapid.IntRange(0, 3).Draw(t, "count"))
		p = pair{p.clock.With(o, n), p.model.with(o, n)}
	}
	return p
}

// drawClocks returns n clocks of which some are related.
func drawClocks(t *rapid.T, n int) []pair {
	ps := []pair{drawPair(t, "first")}
	for i := 1; i < n; i++ {
		label := fmt.Sprintf("clock %d", i)
		if rapid.Bool().Draw(t, label+" is related") {
			ps = append(ps, drawRelated(t, ps[rapid.IntRange(0, i-1).Draw(t, "to")], label))
		} else {
			ps = append(ps, drawPair(t, label))
		}
	}
	return ps
}
