package vclock

import (
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func id(name string, incarnation uint64) Origin {
	return Origin{Name: name, Incarnation: incarnation}
}

func TestZeroClock(t *testing.T) {
	var c Clock
	if c.Len() != 0 || c.Get("p1") != 0 || c.At(id("p1", 3)) != 0 || c.String() != "{}" {
		t.Errorf("the zero clock is not empty: %v", c)
	}
	if !c.Equal(Clock{}) || !c.Merge(Clock{}).Equal(c) || !c.With(id("p1", 0), 0).Equal(c) {
		t.Error("the zero clock does not equal itself")
	}
	if !c.HappenedBefore(c.Increment("p1")) {
		t.Error("the zero clock is not before every other")
	}
	if !c.Increment("p1").With(id("p1", 0), 0).Equal(c) {
		t.Error("a clock that everything was removed from is not the zero clock")
	}
}

func TestCompare(t *testing.T) {
	tests := []struct {
		a, b string
		want Ordering
	}{
		{"{}", "{}", Equal},
		{"{}", "{p1:1}", Before},
		{"{p1:1}", "{p1:2}", Before},
		{"{p1:1}", "{p1:1, p2:1}", Before},
		{"{p1:2, p2:1}", "{p1:2, p2:1}", Equal},
		{"{p1:2}", "{p2:1}", Concurrent},
		{"{p1:2, p2:1}", "{p1:1, p2:2}", Concurrent},
		{"{p1:2, p2:1}", "{p1:1, p2:1}", After},
		{"{p1#1:2}", "{p1#2:2}", Concurrent}, // two lives are two origins
		{"{p1#1:2}", "{p1#1:2, p1#2:1}", Before},
	}
	for _, tt := range tests {
		a, b := clock(t, tt.a), clock(t, tt.b)
		if got := a.Compare(b); got != tt.want {
			t.Errorf("%s is %v %s, want %v", tt.a, got, tt.b, tt.want)
		}
		if got := b.Compare(a); got != flip(tt.want) {
			t.Errorf("%s is %v %s, want %v", tt.b, got, tt.a, flip(tt.want))
		}
	}
}

func clock(t *testing.T, text string) (c Clock) {
	t.Helper()
	if err := c.UnmarshalText([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestOrderingString(t *testing.T) {
	got := fmt.Sprint(Equal, Before, After, Concurrent, Ordering(4))
	if want := "equal before after concurrent Ordering(4)"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestGetCountsAllLives(t *testing.T) {
	c := clock(t, "{p1:1, p1#17:2, p1#42:4, p11:8}")
	if c.Get("p1") != 7 || c.At(id("p1", 17)) != 2 || c.At(id("p1", 0)) != 1 {
		t.Errorf("Get = %d, At = %d and %d", c.Get("p1"), c.At(id("p1", 17)), c.At(id("p1", 0)))
	}
	if got, want := c.Map(), map[string]uint64{"p1": 7, "p11": 8}; !maps.Equal(got, want) {
		t.Errorf("Map = %v, want %v", got, want)
	}
}

func TestCountsDoNotWrap(t *testing.T) {
	full := Clock{}.With(id("p1", 0), math.MaxUint64)
	if got := full.Increment("p1"); !got.Equal(full) {
		t.Errorf("Increment wrapped to %v", got)
	}
	lives := full.With(id("p1", 1), 5)
	if lives.Get("p1") != math.MaxUint64 || lives.Map()["p1"] != math.MaxUint64 {
		t.Errorf("Get wrapped to %d, Map to %v", lives.Get("p1"), lives.Map())
	}
}

func TestFromMap(t *testing.T) {
	c := FromMap(map[string]uint64{"p2": 3, "p1": 1, "gone": 0})
	if c.String() != "{p1:1, p2:3}" || c.Len() != 2 {
		t.Errorf("FromMap = %v", c)
	}
	if !FromMap(c.Map()).Equal(c) || !FromMap(nil).Equal(Clock{}) {
		t.Error("FromMap and Map are not inverse")
	}
}

func TestAllStopsWhenAsked(t *testing.T) {
	for o := range clock(t, "{p1:1, p2:2}").All() {
		if o.Name != "p1" {
			t.Errorf("went on to %v", o)
		}
		break
	}
}

func TestString(t *testing.T) {
	tests := []struct {
		clock Clock
		want  string
	}{
		{Clock{}, "{}"},
		{Clock{}.Increment("p2").Increment("p1").Increment("p2"), "{p1:1, p2:2}"},
		{Clock{}.With(id("p1", 17), 1), "{p1:1}"},
		{Clock{}.With(id("p1", 42), 2).With(id("p1", 17), 1).With(id("p2", 9), 3), "{p1#17:1, p1#42:2, p2:3}"},
		{Clock{}.With(id("p1", 42), 2).With(id("p1", 0), 1), "{p1:1, p1#42:2}"},
		{Clock{}.Increment(""), `{"":1}`},
		{Clock{}.Increment("10.0.0.1:70"), `{"10.0.0.1:70":1}`},
		{Clock{}.Increment("a#1"), `{"a#1":1}`},
		{Clock{}.Increment("a b"), `{"a b":1}`},
		{Clock{}.Increment("a\x00\xff"), `{"a\x00\xff":1}`},
		{Clock{}.Increment("zürich-1/ø"), `{zürich-1/ø:1}`},
		{Clock{}.Increment("\ufffd"), "{\ufffd:1}"},
	}
	for _, tt := range tests {
		for _, verb := range []string{"%v", "%s", "%+v"} {
			if got := fmt.Sprintf(verb, tt.clock); got != tt.want {
				t.Errorf("%s: got %s, want %s", verb, got, tt.want)
			}
		}
	}
}

// The compiler refuses ==; whoever reaches for reflection is not misled either.
func TestDeepEqual(t *testing.T) {
	if reflect.TypeFor[Clock]().Comparable() {
		t.Error("clocks are comparable with ==, which would look at identity")
	}
	a, b := many(100), many(50).Merge(many(100))
	if !reflect.DeepEqual(a, b) {
		t.Error("equal clocks are not deeply equal")
	}
}

func TestClockIsTwoWords(t *testing.T) {
	if size := reflect.TypeFor[Clock]().Size(); size != 2*reflect.TypeFor[uintptr]().Size() {
		t.Errorf("a clock takes %d bytes", size)
	}
}

// A name with more lives than a bucket has entries stays in one place, next to
// other names or alone.
func TestManyLivesOfOneName(t *testing.T) {
	underEveryHash(t, func(t *testing.T) {
		m := model{}
		for i := range uint64(40) {
			m = m.with(id("phoenix", i), i+1)
		}
		p := pair{m.clock(), m}
		p.check(t)
		for i := range 20 {
			o := id(fmt.Sprint("bird", i), 0)
			p = pair{p.clock.With(o, 1), p.model.with(o, 1)}
			p.check(t)
		}
		other := pair{Clock{}.Increment("bird1"), model{id("bird1", 0): 1}}
		pair{p.clock.Merge(other.clock), p.model.merge(other.model)}.check(t)
		for i := range 20 { // down to where only the one name is left
			o := id(fmt.Sprint("bird", i), 0)
			p = pair{p.clock.With(o, 0), p.model.with(o, 0)}
			p.check(t)
		}
	})
}

func TestSort(t *testing.T) {
	full := fmt.Sprintf("{p1:%d, p2:1}", uint64(math.MaxUint64))
	fuller := fmt.Sprintf("{p1:%d, p2:2}", uint64(math.MaxUint64))
	tests := []struct {
		name     string
		in, want string
	}{
		{"nothing", "", ""},
		{"a chain", "{p1:3};{p1:1};{p1:2}", "{p1:1};{p1:2};{p1:3}"},
		{"concurrent items of one size stay", "{p3:1};{p1:1};{p2:1}", "{p3:1};{p1:1};{p2:1}"},
		{"the effect waits for both causes", "{p1:1, p2:1};{p2:1};{p1:1}", "{p2:1};{p1:1};{p1:1, p2:1}"},
		{"smaller ones first", "{p1:2};{p2:1}", "{p2:1};{p1:2}"},
		{"sums above 64 bits", fuller + ";" + full, full + ";" + fuller},
	}
	for _, tt := range tests {
		items := strings.Split(tt.in, ";")
		if tt.in == "" {
			items = nil
		}
		Sort(items, func(s string) Clock { return clock(t, s) })
		if got := strings.Join(items, ";"); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestSortAsksEachItemOnce(t *testing.T) {
	var asked []int
	items := []int{3, 1, 2}
	Sort(items, func(i int) Clock {
		asked = append(asked, i)
		return Clock{}.With(id("p1", 0), uint64(i))
	})
	if !slices.Equal(asked, []int{3, 1, 2}) || !slices.Equal(items, []int{1, 2, 3}) {
		t.Errorf("asked for %v, sorted to %v", asked, items)
	}
}

// many returns a clock of n origins with names as long as real ones.
func many(n int) Clock {
	m := make(map[string]uint64, n)
	for i := range n {
		m[nameOf(i)] = uint64(i + 1)
	}
	return FromMap(m)
}

func nameOf(i int) string { return fmt.Sprintf("node-%05d", i) }
