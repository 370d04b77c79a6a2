package main

import (
	"strings"
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// script writes what a node delivered as "a1{a:1} b1{a:1,b:1}".
func script(t *testing.T, deliveries string) []gossip.Message {
	t.Helper()
	var log []gossip.Message
	for word := range strings.FieldsSeq(deliveries) {
		id, clock, _ := strings.Cut(word, "{")
		var c vclock.Clock
		if err := c.UnmarshalText([]byte("{" + clock)); err != nil {
			t.Fatal(err)
		}
		log = append(log, gossip.Message{ID: messageID(id), Clock: c})
	}
	return log
}

func messageID(id string) gossip.MessageID {
	return gossip.MessageID{Origin: id[:1], Seq: uint64(id[1] - '0')}
}

// a says a1; b, having heard it, says b1; c says c1 before it hears of either.
func TestCheckerFindsEachBrokenPromise(t *testing.T) {
	const (
		goodA = "a1{a:1} b1{a:1,b:1} c1{c:1}"
		goodB = "a1{a:1} b1{a:1,b:1} c1{c:1}"
		goodC = "c1{c:1} a1{a:1} b1{a:1,b:1}"
	)
	tests := []struct {
		name    string
		a, b, c string
		want    verdict
		problem string
	}{
		{name: "all is well", a: goodA, b: goodB, c: goodC,
			want: verdict{Expected: 9, Delivered: 9}},
		{name: "lost", a: goodA, b: goodB, c: "c1{c:1} a1{a:1}",
			want: verdict{Expected: 9, Delivered: 8}, problem: "c never delivered b:1"},
		{name: "twice", a: goodA + " c1{c:1}", b: goodB, c: goodC,
			want: verdict{Expected: 9, Delivered: 9, Duplicates: 1}, problem: "a delivered c:1 again"},
		{name: "invented", a: goodA + " d1{d:1}", b: goodB, c: goodC,
			want: verdict{Expected: 9, Delivered: 9, Unexpected: 1}, problem: "a delivered d:1, which nobody sent"},
		{name: "answer before question", a: goodA, b: goodB, c: "c1{c:1} b1{a:1,b:1} a1{a:1}",
			want: verdict{Expected: 9, Delivered: 9, CausalViolations: 1}, problem: "c delivered b:1 before a:1"},
		{name: "a clock that knows too little", a: goodA, b: goodB, c: "c1{c:1} a1{a:1} b1{b:1}",
			want: verdict{Expected: 9, Delivered: 9, WrongClocks: 1}, problem: "c delivered b:1 with the clock {b:1}, the true one is map[a:1 b:1]"},
		{name: "a clock that knows too much", a: "a1{a:1} b1{a:1,b:1} c1{a:1,c:1}", b: goodB, c: goodC,
			want: verdict{Expected: 9, Delivered: 9, WrongClocks: 1}, problem: "a delivered c:1 with the clock {a:1, c:1}"},
		// The checker believes the order of deliveries, not the clocks: what
		// all nodes agree on may be wrong all the same.
		{name: "a clock that everyone gets wrong", a: "a1{a:1} b1{b:1} c1{c:1}", b: "a1{a:1} b1{b:1} c1{c:1}", c: "c1{c:1} a1{a:1} b1{b:1}",
			want: verdict{Expected: 9, Delivered: 9, WrongClocks: 3}},
	}
	sent := []gossip.MessageID{messageID("a1"), messageID("b1"), messageID("c1")}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := check(sent, []journal{
				{"a", script(t, tt.a), sent}, {"b", script(t, tt.b), sent}, {"c", script(t, tt.c), sent},
			})
			problems := strings.Join(got.Problems, "\n")
			if got.Problems = nil; got.ok() != tt.want.ok() || got.counts() != tt.want.counts() {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
			if !strings.Contains(problems, tt.problem) || (problems == "") != tt.want.ok() {
				t.Errorf("problems %q, want %q", problems, tt.problem)
			}
		})
	}
}

func (v *verdict) counts() [6]int {
	return [6]int{v.Expected, v.Delivered, v.Duplicates, v.Unexpected, v.CausalViolations, v.WrongClocks}
}

// c1 answers b1 answers a1, but c broke its promise and had not delivered a1:
// a1 happened before c1 all the same, through b.
func TestCheckerSeesThroughOthers(t *testing.T) {
	sent := []gossip.MessageID{messageID("a1"), messageID("b1"), messageID("c1")}
	r := newRelation(sent, []journal{
		{"a", script(t, "a1{a:1}"), nil},
		{"b", script(t, "a1{a:1} b1{a:1,b:1}"), nil},
		{"c", script(t, "b1{a:1,b:1} c1{a:1,b:1,c:1}"), nil},
	})
	if !r.of[2].has(0) {
		t.Error("a1 did not happen before c1")
	}
}
