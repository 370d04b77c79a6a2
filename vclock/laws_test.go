package vclock

import (
	"maps"
	"testing"

	"pgregory.net/rapid"
)

// Whatever is done to clocks, each of them means what the map beside it means,
// for ever: versions made earlier are checked again after all that came later.
func TestModel(t *testing.T) {
	checkEveryHash(t, func(t *rapid.T) {
		pool := drawClocks(t, 2)
		pick := func(label string) pair {
			return pool[rapid.IntRange(0, len(pool)-1).Draw(t, label)]
		}
		t.Repeat(map[string]func(*rapid.T){
			"With": func(t *rapid.T) {
				p, o, n := pick("of"), drawOrigin(t), uint64(rapid.IntRange(0, 3).Draw(t, "count"))
				pool = append(pool, pair{p.clock.With(o, n), p.model.with(o, n)})
			},
			"Remove": func(t *rapid.T) {
				p := pick("of")
				os := p.model.sorted()
				os = os[:rapid.IntRange(0, len(os)).Draw(t, "how many")]
				for _, o := range os {
					p = pair{p.clock.With(o, 0), p.model.with(o, 0)}
					p.check(t)
				}
				pool = append(pool, p)
			},
			"Increment": func(t *rapid.T) {
				p, o := pick("of"), Origin{Name: drawOrigin(t).Name}
				pool = append(pool, pair{p.clock.Increment(o.Name), p.model.with(o, p.model[o]+1)})
			},
			"Merge": func(t *rapid.T) {
				p, q := pick("of"), pick("with")
				pool = append(pool, pair{p.clock.Merge(q.clock), p.model.merge(q.model)})
			},
			"Compare": func(t *rapid.T) {
				p, q := pick("of"), pick("with")
				if got, want := p.clock.Compare(q.clock), p.model.compare(q.model); got != want {
					t.Fatalf("Compare = %v, want %v\n%v\n%v", got, want, p.model, q.model)
				}
			},
			"At": func(t *rapid.T) {
				p, o := pick("of"), drawOrigin(t)
				if got := p.clock.At(o); got != p.model[o] {
					t.Fatalf("At(%v) = %d, want %d", o, got, p.model[o])
				}
				if got := p.clock.Get(o.Name); got != p.model.get(o.Name) {
					t.Fatalf("Get(%v) = %d, want %d", o.Name, got, p.model.get(o.Name))
				}
			},
			"": func(t *rapid.T) { pool[len(pool)-1].check(t) },
		})
		for _, p := range pool {
			p.check(t)
		}
	})
}

// The shape depends on the contents alone: however two equal clocks were made,
// walking them in step finds the same nodes at the same places.
func TestShapeIsCanonical(t *testing.T) {
	checkEveryHash(t, func(t *rapid.T) {
		m := drawModel(t, "clock")
		decoy := drawModel(t, "decoy")
		var c Clock
		for _, o := range rapid.Permutation(decoy.sorted()).Draw(t, "decoy order") {
			c = c.With(o, decoy[o])
		}
		for _, o := range rapid.Permutation(m.sorted()).Draw(t, "order") {
			c = c.With(o, m[o])
		}
		for _, o := range rapid.Permutation(decoy.sorted()).Draw(t, "removal order") {
			c = c.With(o, m[o])
		}
		var es []entry
		for o, n := range m {
			es = append(es, newEntry(o, n, 0))
		}
		if !sameShape(c.root, fromEntries(es).root) {
			t.Fatalf("two shapes of %v", m)
		}
	})
}

func sameShape(a, b *node) bool {
	if a == nil || b == nil || a.isBranch() != b.isBranch() {
		return a == nil && b == nil
	}
	if !a.isBranch() {
		return compareRuns(a.run(), b.run()) == Equal
	}
	for i := range slots {
		if !sameShape(a.kids.at[i], b.kids.at[i]) {
			return false
		}
	}
	return true
}

func TestCompareIsAPartialOrder(t *testing.T) {
	checkEveryHash(t, func(t *rapid.T) {
		ps := drawClocks(t, 3)
		a, b, c := ps[0].clock, ps[1].clock, ps[2].clock
		atMost := func(a, b Clock) bool { return a.Compare(b)&^Before == 0 }
		for i, p := range ps {
			if p.clock.Compare(p.clock) != Equal || p.clock.Compare(p.model.clock()) != Equal {
				t.Fatalf("clock %d is not equal to itself", i)
			}
		}
		if atMost(a, b) && atMost(b, a) && !maps.Equal(ps[0].model, ps[1].model) {
			t.Fatalf("antisymmetry: %v %v", a, b)
		}
		if atMost(a, b) && atMost(b, c) && !atMost(a, c) {
			t.Fatalf("transitivity: %v %v %v", a, b, c)
		}
		if got, want := a.Compare(b), ps[0].model.compare(ps[1].model); got != want {
			t.Fatalf("%v.Compare(%v) = %v, want %v", a, b, got, want)
		}
		if a.Compare(b) != flip(b.Compare(a)) {
			t.Fatalf("a to b is %v, but b to a is %v", a.Compare(b), b.Compare(a))
		}
		if a.HappenedBefore(b) != (a.Compare(b) == Before) || a.Equal(b) != (a.Compare(b) == Equal) {
			t.Fatalf("HappenedBefore or Equal disagrees with Compare: %v %v", a, b)
		}
	})
}

func TestIncrementIsAfter(t *testing.T) {
	checkEveryHash(t, func(t *rapid.T) {
		c, name := drawPair(t, "clock").clock, drawOrigin(t).Name
		d := c.Increment(name)
		if !c.HappenedBefore(d) || d.Get(name) != c.Get(name)+1 {
			t.Fatalf("%v incremented at %s is %v", c, name, d)
		}
	})
}

func TestMergeIsAJoin(t *testing.T) {
	checkEveryHash(t, func(t *rapid.T) {
		ps := drawClocks(t, 3)
		a, b, c := ps[0].clock, ps[1].clock, ps[2].clock
		ab := a.Merge(b)
		pair{ab, ps[0].model.merge(ps[1].model)}.check(t)
		if !ab.Equal(b.Merge(a)) {
			t.Fatalf("not commutative: %v %v", a, b)
		}
		if !ab.Merge(c).Equal(a.Merge(b.Merge(c))) {
			t.Fatalf("not associative: %v %v %v", a, b, c)
		}
		if !a.Merge(a).Equal(a) || !a.Merge(Clock{}).Equal(a) {
			t.Fatalf("not idempotent, or the zero clock is not neutral: %v", a)
		}
		if !ab.Merge(a).Equal(ab) || (a.Compare(b)&^Before == 0) != ab.Equal(b) {
			t.Fatalf("Merge and Compare do not belong together: %v %v", a, b)
		}
		// Least: taking one event from any entry loses a or b.
		for o, n := range ab.All() {
			less := ab.With(o, n-1)
			if a.Compare(less)&^Before == 0 && b.Compare(less)&^Before == 0 {
				t.Fatalf("%v is a smaller upper bound than %v", less, ab)
			}
		}
	})
}

// Merge hands out the very nodes of the clock that contains the other.
func TestMergeReturnsTheLargerClockItself(t *testing.T) {
	checkEveryHash(t, func(t *rapid.T) {
		ps := drawClocks(t, 2)
		a, b := ps[0].clock, ps[1].clock
		switch m := a.Merge(b); a.Compare(b) {
		case Equal, After:
			if m.root != a.root {
				t.Fatalf("not a itself: %v %v", a, b)
			}
		case Before:
			if m.root != b.root {
				t.Fatalf("not b itself: %v %v", a, b)
			}
		}
		if c := a.Merge(b); c.Merge(a).root != c.root || a.Merge(c).root != c.root {
			t.Fatalf("a merge does not absorb its part: %v %v", a, b)
		}
	})
}

func TestSortIsALinearExtension(t *testing.T) {
	checkEveryHash(t, func(t *rapid.T) {
		type item struct {
			pair
			at int
		}
		var items []item
		for i, p := range drawClocks(t, rapid.IntRange(1, 8).Draw(t, "items")) {
			items = append(items, item{p, i})
		}
		Sort(items, func(it item) Clock { return it.clock })
		for i, later := range items {
			for _, earlier := range items[:i] {
				if later.model.compare(earlier.model) == Before {
					t.Fatalf("%v comes after %v", later.clock, earlier.clock)
				}
				if later.clock.root.sum() == earlier.clock.root.sum() && later.at < earlier.at {
					t.Fatalf("%v and %v have changed places", later.clock, earlier.clock)
				}
			}
		}
	})
}
