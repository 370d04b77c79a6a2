package oracle

import (
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// a, b and c talk: a:1, then b:1 in answer to it. Each story breaks one promise,
// and only that one is reported.
func TestCheckReportsWhatIsBroken(t *testing.T) {
	origin := func(name string) vclock.Origin { return vclock.Origin{Name: name} }
	clock := vclock.FromMap
	a1 := Delivery{origin("a"), 1, clock(map[string]uint64{"a": 1})}
	b1 := Delivery{origin("b"), 1, clock(map[string]uint64{"a": 1, "b": 1})}
	wrong := Delivery{origin("b"), 1, clock(map[string]uint64{"b": 1})}
	journal := func(name string, ds ...Delivery) Journal { return Journal{Node: origin(name), Deliveries: ds} }
	cut := func(j Journal) Journal { j.Cut = true; return j }
	for _, tc := range []struct {
		name     string
		journals []Journal
		want     Report
	}{
		{"all is well", []Journal{journal("a", a1, b1), journal("b", a1, b1), journal("c", a1, b1)},
			Report{Messages: 2, Expected: 6, Delivered: 6}},
		{"c lacks one", []Journal{journal("a", a1, b1), journal("b", a1, b1), journal("c", a1)},
			Report{Messages: 2, Expected: 6, Delivered: 5}},
		{"c has one twice", []Journal{journal("a", a1, b1), journal("b", a1, b1), journal("c", a1, a1, b1)},
			Report{Messages: 2, Expected: 6, Delivered: 6, Duplicates: 1}},
		{"c has the answer first", []Journal{journal("a", a1, b1), journal("b", a1, b1), journal("c", b1, a1)},
			Report{Messages: 2, Expected: 6, Delivered: 6, Violations: 1}},
		{"c is shown another clock", []Journal{journal("a", a1, b1), journal("b", a1, b1), journal("c", a1, wrong)},
			Report{Messages: 2, Expected: 6, Delivered: 6, WrongClock: 1}},
		{"the origin itself stamps wrongly", []Journal{journal("b", a1, wrong), journal("a", a1, wrong)},
			Report{Messages: 2, Expected: 4, Delivered: 4, WrongClock: 1}},
		{"a node that was cut owes nothing", []Journal{journal("a", a1, b1), cut(journal("b", a1)), journal("c", a1, b1)},
			Report{Messages: 2, Expected: 4, Delivered: 4}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := Check(tc.journals)
			ok := got.OK()
			if wantOK := tc.want.OK(); ok != wantOK {
				t.Errorf("OK is %v, want %v", ok, wantOK)
			}
			if !ok && len(got.Details) == 0 {
				t.Error("nothing says what is wrong")
			}
			got.Details = nil
			if got.Messages != tc.want.Messages || got.Expected != tc.want.Expected || got.Delivered != tc.want.Delivered ||
				got.Duplicates != tc.want.Duplicates || got.Violations != tc.want.Violations || got.WrongClock != tc.want.WrongClock {
				t.Errorf("got %+v\nwant %+v", *got, tc.want)
			}
		})
	}
}
