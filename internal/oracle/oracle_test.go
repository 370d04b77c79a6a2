package oracle

import (
	"slices"
	"strings"
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/causal"
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
			want: Report{Expected: 9, Delivered: 8}, problem: "P4: c never delivered b:1"},
		{name: "twice", a: goodA + " c1{c:1}", b: goodB, c: goodC,
			want: Report{Expected: 9, Delivered: 9, Duplicates: 1}, problem: "P1: a delivered c:1 again"},
		{name: "invented", a: goodA + " d1{d:1}", b: goodB, c: goodC,
			want: Report{Expected: 9, Delivered: 9, Unexpected: 1}, problem: "P2: a delivered d:1, which nobody sent"},
		{name: "answer before question", a: goodA, b: goodB, c: "c1{c:1} b1{a:1,b:1} a1{a:1}",
			want: Report{Expected: 9, Delivered: 9, CausalViolations: 1}, problem: "P2: c delivered b:1 before a:1"},
		{name: "an answer without its question", a: goodA, b: goodB, c: "c1{c:1} b1{a:1,b:1}",
			want: Report{Expected: 9, Delivered: 8, UnreportedGaps: 1}, problem: "P6: c delivered b:1 without a:1"},
		{name: "a clock that knows too little", a: goodA, b: goodB, c: "c1{c:1} a1{a:1} b1{b:1}",
			want: Report{Expected: 9, Delivered: 9, WrongClocks: 1}, problem: "P3: c delivered b:1 with the clock {b:1}, the true one is {a:1, b:1}"},
		{name: "a clock that knows too much", a: "a1{a:1} b1{a:1,b:1} c1{a:1,c:1}", b: goodB, c: goodC,
			want: Report{Expected: 9, Delivered: 9, WrongClocks: 1}, problem: "P3: a delivered c:1 with the clock {a:1, c:1}"},
		// Check believes the order of deliveries, not the clocks: what
		// all nodes agree on may be wrong all the same.
		{name: "a clock that everyone gets wrong", a: "a1{a:1} b1{b:1} c1{c:1}", b: "a1{a:1} b1{b:1} c1{c:1}", c: "c1{c:1} a1{a:1} b1{b:1}",
			want: Report{Expected: 9, Delivered: 9, WrongClocks: 3}},
	}
	sent := []ID{messageID("a1"), messageID("b1"), messageID("c1")}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := *Check(sent, []Journal{
				{Node: node("a"), Log: script(t, tt.a), Owed: sent},
				{Node: node("b"), Log: script(t, tt.b), Owed: sent},
				{Node: node("c"), Log: script(t, tt.c), Owed: sent},
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

func (r *Report) counts() [11]int {
	return [11]int{
		r.Expected, r.Delivered, r.Duplicates, r.Unexpected,
		r.CausalViolations, r.WrongClocks, r.WrongLinks, r.UnreportedGaps, r.WrongGaps, r.OverBounds, r.Restless,
	}
}

// A node that was stopped before its own message could be read from it has said
// nothing of that message's past; nobody is blamed for what cannot be known.
func TestCheckOfANodeThatWasStopped(t *testing.T) {
	journals := []Journal{
		{Node: node("a"), Log: script(t, "b1{b:1} c1{b:1,c:1}")},
		{Node: node("b"), Log: script(t, "b1{b:1}")},
		{Node: node("c"), Log: script(t, "b1{b:1}")}, // stopped
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
	r := newRelation(causal.Causal, sent, []Journal{
		{Node: node("a"), Log: script(t, "a1{a:1}")},
		{Node: node("b"), Log: script(t, "a1{a:1} b1{a:1,b:1}")},
		{Node: node("c"), Log: script(t, "b1{a:1,b:1} c1{a:1,b:1,c:1}")},
	})
	if !r.of[2].has(0) {
		t.Error("a1 did not happen before c1")
	}
}

// c missed a1, which is gone. To report that is an excuse for b1 without a1, and for
// nothing else.
func TestCheckOfGaps(t *testing.T) {
	const good = "a1{a:1} b1{a:1,b:1}"
	gone := []Gap{{node("a"), 1, 1}}
	tests := []struct {
		name    string
		log     string
		gaps    []Gap
		broken  int
		problem string
	}{
		{"reported", "b1{a:1,b:1}", gone, 0, ""},
		{"not reported", "b1{a:1,b:1}", nil, 1, "c delivered b:1 without a:1, which happened before it, and reported no gap"},
		{"reported of another life", "b1{a:1,b:1}", []Gap{{vclock.Origin{Name: "a", Incarnation: 9}, 1, 1}}, 2, "c delivered b:1 without a:1"},
		{"reported and delivered", "b1{a:1,b:1} a1{a:1}", gone, 1, "c reported a:1 as gone, and delivered it"},
		{"delivered and reported", good, gone, 1, "c reported a:1 as gone, and delivered it"},
		{"reported twice", "b1{a:1,b:1}", []Gap{gone[0], gone[0]}, 1, "c reported a:1 as gone, and again"},
		{"never sent", good, []Gap{{node("a"), 2, 2}}, 1, "c reported a:2 as gone, which nobody sent"},
	}
	sent := []ID{messageID("a1"), messageID("b1")}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Check(sent, []Journal{
				{Node: node("a"), Log: script(t, good), Owed: sent},
				{Node: node("b"), Log: script(t, good), Owed: sent},
				{Node: node("c"), Log: script(t, tt.log), Gaps: tt.gaps},
			})
			problems := strings.Join(got.Problems, "\n")
			if broken := got.Broken(); broken[5] != tt.broken || !strings.Contains(problems, tt.problem) || got.OK() != (tt.broken == 0) {
				t.Errorf("broken %v, want %d of P6\n%s", broken, tt.broken, problems)
			}
			if order := got.CausalViolations; (order > 0) != strings.HasPrefix(tt.log, "b1{a:1,b:1} a1") {
				t.Errorf("%d causal violations", order)
			}
		})
	}
}

// b sent b1 after a1, and died before b1 could be read from it. Nobody knows what
// its clock should be, but it is the same for all, and b1 still came before b2.
func TestCheckOfWhatTheDeadSaid(t *testing.T) {
	sent := []ID{messageID("b1"), messageID("b2")}
	tests := []struct {
		name   string
		c      string
		broken [Promises]int
	}{
		{"as the others have it", "b1{a:1,b:1} b2{a:1,b:2}", [Promises]int{}},
		{"with another clock", "b1{b:1} b2{a:1,b:2}", [Promises]int{2: 1}},
		{"in the wrong order", "b2{a:1,b:2} b1{a:1,b:1}", [Promises]int{1: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Check(sent, []Journal{
				{Node: node("a"), Log: script(t, "b1{a:1,b:1} b2{a:1,b:2}")},
				{Node: node("c"), Log: script(t, tt.c)},
			})
			if got.Broken() != tt.broken {
				t.Errorf("broken %v, want %v: %q", got.Broken(), tt.broken, got.Problems)
			}
		})
	}
}

// d was told of a gap and has delivered c1 all the same, whose past nobody knows:
// then nobody knows d1's either.
func TestCheckBlamesNobodyForAClockThatFollowsTheUnknown(t *testing.T) {
	sent := []ID{messageID("a1"), messageID("c1"), messageID("d1")}
	a := Journal{Node: node("a"), Log: script(t, "a1{a:1}")}
	d := Journal{Node: node("d"), Log: script(t, "c1{a:1,c:1} d1{a:1,c:1,d:1}"), Gaps: []Gap{{node("a"), 1, 1}}}
	if got := Check(sent, []Journal{a, d}); !got.OK() {
		t.Errorf("told of a gap: %q", got.Problems)
	}
	d.Gaps = nil
	if got := Check(sent, []Journal{a, d}); got.Broken() != [Promises]int{2: 1} {
		t.Errorf("not told of a gap: broken %v, want one wrong clock", got.Broken())
	}
}

// What each order promises, and no more.
func TestCheckOfWeakerOrders(t *testing.T) {
	sent := []ID{messageID("a1"), messageID("b1"), messageID("a2")}
	tests := []struct {
		order causal.Order
		log   string
		want  [Promises]int
	}{
		{causal.Causal, "a1{a:1} b1{a:1,b:1} a2{a:2,b:1}", [Promises]int{}},
		{causal.FIFO, "a1{a:1} a2{a:2} b1{b:1}", [Promises]int{}},
		{causal.FIFO, "a1{a:1} a2{a:2} b1{a:1,b:1}", [Promises]int{2: 1}},
		{causal.FIFO, "a2{a:2} a1{a:1} b1{b:1}", [Promises]int{1: 1}},
		{causal.Unordered, "a2{a:2} b1{b:1} a1{a:1}", [Promises]int{}},
		{causal.Unordered, "a2{a:2} b1{b:1} a1{a:1} a2{a:2}", [Promises]int{1}},
	}
	for _, tt := range tests {
		got := Rules{Order: tt.order}.Check(sent, []Journal{
			{Node: node("a"), Log: script(t, tt.log)}, {Node: node("b"), Log: script(t, tt.log)}, {Node: node("c"), Log: script(t, tt.log)},
		})
		for i := range tt.want {
			tt.want[i] *= 3 // all three of them
		}
		if got.Broken() != tt.want {
			t.Errorf("%v, %s: broken %v, want %v: %q", tt.order, tt.log, got.Broken(), tt.want, got.Problems)
		}
	}
}

func TestCheckOfLinks(t *testing.T) {
	tests := []struct {
		name    string
		links   string // a name to a link that comes up, with a minus to one that goes
		problem string // or none
	}{
		{"one after another", "b c -b d -c b", ""},
		{"two to a peer", "b c b", "P5: a has two links to b"},
		{"one to itself", "b a", "P5: a has a link to itself"},
		{"too many", "b c d", "P5: a has 3 links, more than the 2 configured"},
		{"one too few", "b -b -b", "P5: a lost a link to b, which it had not"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			j := Journal{Node: node("a")}
			for word := range strings.FieldsSeq(tt.links) {
				name, down := strings.CutPrefix(word, "-")
				j.Links = append(j.Links, LinkChange{node(name), !down})
			}
			got := Rules{MaxLinks: 2}.Check(nil, []Journal{j})
			problems := strings.Join(got.Problems, "\n")
			if problems != tt.problem || got.OK() != (tt.problem == "") || got.Broken()[4] != len(got.Problems) {
				t.Errorf("broken %v: %q, want %q", got.Broken(), problems, tt.problem)
			}
		})
	}
}

// What the logs need no longer have is delivered or reported by those who were up
// when it was sent, and may be lacked by those who came later.
func TestCheckOfWhatHasLapsed(t *testing.T) {
	sent := []ID{messageID("a1"), messageID("b1")}
	tests := []struct {
		name   string
		c      Journal
		broken [Promises]int
	}{
		{"delivered", Journal{Log: script(t, "a1{a:1} b1{a:1,b:1}"), Lapsed: sent[:1]}, [Promises]int{}},
		{"reported", Journal{Log: script(t, "b1{a:1,b:1}"), Lapsed: sent[:1], Gaps: []Gap{{node("a"), 1, 1}}}, [Promises]int{}},
		{"not reported", Journal{Log: script(t, "b1{a:1,b:1}"), Lapsed: sent[:1]}, [Promises]int{5: 1}},
		{"not reported, and nothing came after it", Journal{Lapsed: sent[:1]}, [Promises]int{5: 1}},
		{"older than the node", Journal{Log: script(t, "b1{a:1,b:1}"), Foregone: sent[:1]}, [Promises]int{}},
		{"older than the node, but late", Journal{Log: script(t, "b1{a:1,b:1} a1{a:1}"), Foregone: sent[:1]}, [Promises]int{1: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.c.Node = node("c")
			got := Check(sent, []Journal{
				{Node: node("a"), Log: script(t, "a1{a:1} b1{a:1,b:1}")},
				{Node: node("b"), Log: script(t, "a1{a:1} b1{a:1,b:1}")},
				tt.c,
			})
			if got.Broken() != tt.broken {
				t.Errorf("broken %v, want %v: %q", got.Broken(), tt.broken, got.Problems)
			}
		})
	}
}

func TestCheckOfBounds(t *testing.T) {
	got := Check(nil, []Journal{{
		Node: node("a"),
		Held: []Holding{{"peers in its view", 20, 20}, {"bytes in its log", 7, 6}},
		Rest: []Holding{{"datagrams", 3, 4}, {"messages", 2, 0}},
	}})
	want := []string{"P7: a has 7 bytes in its log, more than 6", "P9: a sent 2 messages, more than 0"}
	if got.Broken() != [Promises]int{6: 1, 8: 1} || !slices.Equal(got.Problems, want) {
		t.Errorf("broken %v: %q", got.Broken(), got.Problems)
	}
}

// One network: every link is known at both ends, and the dead hold nothing together.
func TestCheckOfConnectedness(t *testing.T) {
	tests := []struct {
		name  string
		links string // of a, b, c and d
		dead  string
		parts int
	}{
		{"a chain", "b|a c|b d|c", "", 1},
		{"two pairs", "b|a|d|c", "", 2},
		{"a link that one end has given up", "b|a c -c|b d|c", "", 2},
		{"through the dead", "b|a c|b d|c", "c", 2},
		{"nobody is left", "|||", "abcd", 0},
		{"no links at all", "|||", "", 4},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var journals []Journal
			for i, links := range strings.Split(tt.links, "|") {
				name := "abcd"[i : i+1]
				j := Journal{Node: node(name), Up: !strings.Contains(tt.dead, name)}
				for word := range strings.FieldsSeq(links) {
					peer, down := strings.CutPrefix(word, "-")
					j.Links = append(j.Links, LinkChange{node(peer), !down})
				}
				journals = append(journals, j)
			}
			got := Check(nil, journals)
			if got.Parts != tt.parts || got.Broken() != [Promises]int{7: max(tt.parts-1, 0)} || got.OK() != (len(got.Problems) == 0) {
				t.Errorf("%d parts, want %d; broken %v: %q", got.Parts, tt.parts, got.Broken(), got.Problems)
			}
		})
	}
}

// Everybody is owed what a survivor has, and what a survivor has sent; the dead
// and what they alone had are not.
func TestOwe(t *testing.T) {
	sent := []ID{messageID("a1"), messageID("b1"), messageID("c1"), messageID("c2")}
	journals := []Journal{
		{Node: node("a"), Log: script(t, "c1{c:1} d1{d:1}"), Up: true}, // nobody sent d1
		{Node: node("b"), Log: script(t, "b1{b:1}"), Up: true},
		{Node: node("c"), Log: script(t, "c2{c:2}")},
	}
	want := sent[:3]
	if got := Owe(sent, journals); !slices.Equal(got, want) {
		t.Errorf("owed %v, want %v", got, want)
	}
}
