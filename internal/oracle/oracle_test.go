package oracle

import (
	"strings"
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// script writes what a node delivered as "a1{a:1} b1{a:1,b:1}".
func script(t *testing.T, deliveries string) []Delivery {
	t.Helper()
	var log []Delivery
	for word := range strings.FieldsSeq(deliveries) {
		id, clock, _ := strings.Cut(word, "{")
		var c vclock.Clock
		if err := c.UnmarshalText([]byte("{" + clock)); err != nil {
			t.Fatal(err)
		}
		log = append(log, Delivery{messageID(id), c})
	}
	return log
}

func messageID(id string) ID {
	return ID{node(id[:1]), uint64(id[1] - '0')}
}

func node(name string) vclock.Origin { return vclock.Origin{Name: name} }

// a says a1; b, having heard it, says b1; c says c1 before it hears of either.
func TestCheckFindsEachBrokenPromise(t *testing.T) {
	const (
		goodA = "a1{a:1} b1{a:1,b:1} c1{c:1}"
		goodB = "a1{a:1} b1{a:1,b:1} c1{c:1}"
		goodC = "c1{c:1} a1{a:1} b1{a:1,b:1}"
	)
	tests := []struct {
		name    string
		a, b, c string
		want    Report
		problem string
	}{
		{name: "all is well", a: goodA, b: goodB, c: goodC,
			want: Report{Expected: 9, Delivered: 9}},
		{name: "lost", a: goodA, b: goodB, c: "c1{c:1} a1{a:1}",
			want: Report{Expected: 9, Delivered: 8}, problem: "c never delivered b:1"},
		{name: "twice", a: goodA + " c1{c:1}", b: goodB, c: goodC,
			want: Report{Expected: 9, Delivered: 9, Duplicates: 1}, problem: "a delivered c:1 again"},
		{name: "invented", a: goodA + " d1{d:1}", b: goodB, c: goodC,
			want: Report{Expected: 9, Delivered: 9, Unexpected: 1}, problem: "a delivered d:1, which nobody sent"},
		{name: "answer before question", a: goodA, b: goodB, c: "c1{c:1} b1{a:1,b:1} a1{a:1}",
			want: Report{Expected: 9, Delivered: 9, CausalViolations: 1}, problem: "c delivered b:1 before a:1"},
		{name: "a clock that knows too little", a: goodA, b: goodB, c: "c1{c:1} a1{a:1} b1{b:1}",
			want: Report{Expected: 9, Delivered: 9, WrongClocks: 1}, problem: "c delivered b:1 with the clock {b:1}, the true one is {a:1, b:1}"},
		{name: "a clock that knows too much", a: "a1{a:1} b1{a:1,b:1} c1{a:1,c:1}", b: goodB, c: goodC,
			want: Report{Expected: 9, Delivered: 9, WrongClocks: 1}, problem: "a delivered c:1 with the clock {a:1, c:1}"},
		// Check believes the order of deliveries, not the clocks: what
		// all nodes agree on may be wrong all the same.
		{name: "a clock that everyone gets wrong", a: "a1{a:1} b1{b:1} c1{c:1}", b: "a1{a:1} b1{b:1} c1{c:1}", c: "c1{c:1} a1{a:1} b1{b:1}",
			want: Report{Expected: 9, Delivered: 9, WrongClocks: 3}},
	}
	sent := []ID{messageID("a1"), messageID("b1"), messageID("c1")}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := *Check(sent, []Journal{
				{node("a"), script(t, tt.a), sent}, {node("b"), script(t, tt.b), sent}, {node("c"), script(t, tt.c), sent},
			})
			problems := strings.Join(got.Problems, "\n")
			if got.Problems = nil; got.OK() != tt.want.OK() || got.counts() != tt.want.counts() {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
			if !strings.Contains(problems, tt.problem) || (problems == "") != tt.want.OK() {
				t.Errorf("problems %q, want %q", problems, tt.problem)
			}
		})
	}
}

func (r *Report) counts() [6]int {
	return [6]int{r.Expected, r.Delivered, r.Duplicates, r.Unexpected, r.CausalViolations, r.WrongClocks}
}

// A node that was stopped before its own message could be read from it has said
// nothing of that message's past; nobody is blamed for what cannot be known.
func TestCheckOfANodeThatWasStopped(t *testing.T) {
	journals := []Journal{
		{node("a"), script(t, "b1{b:1} c1{b:1,c:1}"), nil},
		{node("b"), script(t, "b1{b:1}"), nil},
		{node("c"), script(t, "b1{b:1}"), nil}, // stopped
	}
	journals[0].Owed = Union(journals)
	if got := Check(Union(journals), journals); !got.OK() || got.Delivered != 2 {
		t.Errorf("got %+v, want two deliveries and nothing wrong", got)
	}
}

// c1 answers b1 answers a1, but c broke its promise and had not delivered a1:
// a1 happened before c1 all the same, through b.
func TestCheckSeesThroughOthers(t *testing.T) {
	sent := []ID{messageID("a1"), messageID("b1"), messageID("c1")}
	r := newRelation(sent, []Journal{
		{node("a"), script(t, "a1{a:1}"), nil},
		{node("b"), script(t, "a1{a:1} b1{a:1,b:1}"), nil},
		{node("c"), script(t, "b1{a:1,b:1} c1{a:1,b:1,c:1}"), nil},
	})
	if !r.of[2].has(0) {
		t.Error("a1 did not happen before c1")
	}
}
