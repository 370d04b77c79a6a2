package soak

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/api"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// entry is message n of an origin, after so many of others.
func entry(origin string, n uint64, after map[string]uint64) api.Entry {
	var clock vclock.Clock
	for o, k := range after {
		clock = clock.With(vclock.Origin{Name: o, Incarnation: 1}, k)
	}
	clock = clock.With(vclock.Origin{Name: origin, Incarnation: 1}, n)
	text := origin + " says " + string(rune('0'+n))
	id := api.MessageID{ID: origin + "/1/" + string(rune('0'+n)), Origin: origin, Incarnation: 1, Seq: n}
	return api.Entry{Message: api.Message{MessageID: id, Payload: &text, Clock: api.Counts{Clock: clock}}}
}

func restored(e api.Entry) api.Entry { e.Restored = true; return e }

// The judge objects to each thing that an agent must not do, and to nothing else.
func TestJudge(t *testing.T) {
	a1, a2, b1 := entry("a", 1, nil), entry("a", 2, nil), entry("b", 1, map[string]uint64{"a": 1})
	other := "something else"
	forged := a1
	forged.Payload = &other
	uncounted := entry("b", 1, nil)
	uncounted.Clock = api.Counts{}
	for _, test := range []struct {
		name  string
		lives [][]api.Entry
		fault string
	}{
		{"all is well", [][]api.Entry{{a1, b1, a2}}, ""},
		{"restored messages are read again", [][]api.Entry{{a1, b1}, {restored(a1), restored(b1), a2}}, ""},
		{"restored messages that had not been read", [][]api.Entry{{a1}, {restored(b1), a2}}, ""},
		{"twice", [][]api.Entry{{a1, a1}}, "twice in one life"},
		{"again after a restart, and not marked", [][]api.Entry{{a1}, {a1}}, "delivered again"},
		{"out of its origin's order", [][]api.Entry{{a2, a1}}, "comes after 0"},
		{"one is left out", [][]api.Entry{{a2}}, "comes after 0"},
		{"before what happened before it", [][]api.Entry{{b1, a1}}, "comes before 1 of"},
		{"a clock that does not count its message", [][]api.Entry{{uncounted}}, "does not count it"},
		{"another payload", [][]api.Entry{{a1}, {restored(forged)}}, "and elsewhere"},
		{"some are gone", [][]api.Entry{{a1, {Missed: api.Missed{Missed: 3}}}}, "missed 3"},
		{"it could not resume", [][]api.Entry{{a1}, {{Missed: api.Missed{Unknown: true}}, restored(a1)}}, "unknown: true"},
	} {
		j := newJudge()
		d := newDiary(&member{name: "x", run: &run{judge: j}})
		for _, life := range test.lives {
			here := make(map[string]bool)
			for _, e := range life {
				d.take(e, here)
			}
		}
		found := strings.Join(j.faults, "\n")
		if test.fault == "" && found != "" || !strings.Contains(found, test.fault) {
			t.Errorf("%s: it says %q, want %q", test.name, found, test.fault)
		}
	}
}

// What was accepted, or delivered anywhere, must be everywhere.
func TestNothingMayBeMissing(t *testing.T) {
	j := newJudge()
	for _, name := range []string{"x", "y"} {
		j.diaries = append(j.diaries, newDiary(&member{name: name, run: &run{judge: j}}))
	}
	a1, b1 := entry("a", 1, nil), entry("b", 1, nil)
	j.accept(a1.ID, "a says 1")
	lost := func() (all []string) {
		j.missing(func(d *diary, id string, _ bool) { all = append(all, d.member.name+" "+id) })
		slices.Sort(all)
		return all
	}
	if got, want := lost(), []string{"x a/1/1", "y a/1/1"}; !slices.Equal(got, want) || j.complete() {
		t.Errorf("missing are %q, want %q", got, want)
	}
	for _, d := range j.diaries {
		d.take(a1, map[string]bool{})
	}
	if !j.complete() {
		t.Errorf("missing are %q, want nothing", lost())
	}
	j.diaries[0].take(b1, map[string]bool{})
	if got, want := lost(), []string{"y b/1/1"}; !slices.Equal(got, want) {
		t.Errorf("missing are %q, want %q", got, want)
	}
}

// A slope is found within what it says of itself, whether neighbouring samples are alike
// or not; and what does not grow is not said to.
func TestSlopes(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, kept := range []float64{0, 0.8} { // of the last deviation
		outside, runs := 0, 400
		for range runs {
			var at []time.Duration
			var values []float64
			deviation := 0.0
			for i := range 144 {
				deviation = kept*deviation + rng.NormFloat64()
				at = append(at, time.Duration(i)*5*time.Second)
				values = append(values, 40+6*at[i].Hours()+deviation)
			}
			if s := fit(at, values); math.Abs(s.perHour-6) > s.plusMinus {
				outside++
			}
		}
		// Two standard errors hold 95 of a hundred, if the correlation is known; it is
		// estimated, from few.
		if share := float64(outside) / float64(runs); share > 0.12 {
			t.Errorf("deviations of which %v stays: %.0f %% of the slopes are farther off than they say", kept, 100*share)
		}
	}
	s := pool([]slope{{perHour: 1, plusMinus: 0.1}, {perHour: 3, plusMinus: 0.1}})
	if s.perHour != 2 || math.Abs(s.plusMinus-2) > 1e-9 {
		t.Errorf("1 and 3 together are %v ± %v, want 2 ± 2: they do not agree better", s.perHour, s.plusMinus)
	}
	if s := pool(nil); !math.IsInf(s.plusMinus, 1) {
		t.Errorf("nothing was measured, and that to ±%v", s.plusMinus)
	}
}

func TestReadMetrics(t *testing.T) {
	got, err := readMetrics(strings.NewReader("# HELP x y\nx 3\nd{reason=\"a b\"} 1.5e+06\n"))
	if err != nil || got["x"] != 3 || got[`d{reason="a b"}`] != 1.5e6 || len(got) != 2 {
		t.Errorf("read %v, %v", got, err)
	}
	if _, err := readMetrics(strings.NewReader("x y\n")); err == nil {
		t.Error("what is no number was read")
	}
}
