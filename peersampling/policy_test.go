package peersampling

import (
	"errors"
	"strings"
	"testing"
)

func TestPresetsAreValid(t *testing.T) {
	for c := 2; c <= 64; c++ {
		for _, p := range []Policy{Blind(c), Healer(c), Swapper(c), Newscast(c), Lpbcast(c), Cyclon(c), Brahms(c)} {
			if err := p.Validate(); err != nil {
				t.Errorf("%v: %v", p, err)
			}
		}
	}
}

func TestPresetsAreThePapersPoints(t *testing.T) {
	for want, p := range map[string]Policy{
		"(tail,pushpull,H=0,S=0,c=30)":      Blind(30),
		"(tail,pushpull,H=15,S=0,c=30)":     Healer(30),
		"(tail,pushpull,H=0,S=15,c=30)":     Swapper(30),
		"(tail,pushpull,H=3,S=0,c=7)":       Healer(7),
		"(rand,head,pushpull,c=30)":         Newscast(30),
		"(rand,rand,push,c=30)":             Lpbcast(30),
		"(tail,pushpull,shuffle=8,c=30)":    Cyclon(30),
		"(tail,pushpull,shuffle=5,c=5)":     Cyclon(5),
		"(rand,pushpull,samplers=30,c=30)":  Brahms(30),
		"(tail,head,pull,literal hops,c=9)": {Peer: Tail, Propagation: Pull, View: Head, C: 9, LiteralHops: true},
	} {
		if got := p.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestValidateNamesFieldAndRange(t *testing.T) {
	with := func(p Policy, change func(*Policy)) Policy { change(&p); return p }
	for _, test := range []struct {
		policy         Policy
		field, allowed string
	}{
		{Policy{}, "C", "2 to 16384"},
		{Healer(1), "C", "2 to 16384"},
		{Healer(MaxView + 1), "C", "2 to 16384"},
		{with(Healer(30), func(p *Policy) { p.Peer = ByAge }), "Peer", "rand, head or tail"},
		{with(Healer(30), func(p *Policy) { p.Propagation = 3 }), "Propagation", "push, pull or pushpull"},
		{with(Healer(30), func(p *Policy) { p.View = 4 }), "View", "rand, head, tail or age"},
		{with(Healer(30), func(p *Policy) { p.H = -1 }), "H", "0 to 15"},
		{with(Healer(30), func(p *Policy) { p.H = 16 }), "H", "0 to 15"},
		{with(Healer(30), func(p *Policy) { p.S = 1 }), "S", "0 to 0"},
		{with(Swapper(7), func(p *Policy) { p.S = 4 }), "S", "0 to 3"},
		{with(Swapper(7), func(p *Policy) { p.S = -1 }), "S", "0 to 3"},
		{with(Healer(30), func(p *Policy) { p.LiteralHops = true }), "LiteralHops", "false"},
		{with(Newscast(30), func(p *Policy) { p.H = 1 }), "H", "0 when View is"},
		{with(Newscast(30), func(p *Policy) { p.S = 1 }), "S", "0 when View is"},
		{with(Newscast(30), func(p *Policy) { p.Shuffle = 1 }), "Shuffle", "0 when View is"},
		{with(Cyclon(30), func(p *Policy) { p.Shuffle = 31 }), "Shuffle", "0 (not Cyclon) to 30"},
		{with(Cyclon(30), func(p *Policy) { p.Shuffle = -1 }), "Shuffle", "0 (not Cyclon) to 30"},
		{with(Cyclon(30), func(p *Policy) { p.Propagation = Push }), "Propagation", "pushpull"},
		{with(Cyclon(30), func(p *Policy) { p.H = 1 }), "H", "0 when Shuffle"},
		{with(Cyclon(30), func(p *Policy) { p.S = 1 }), "S", "0 when Shuffle"},
		{with(Cyclon(30), func(p *Policy) { p.LiteralHops = true }), "LiteralHops", "false"},
		{with(Brahms(30), func(p *Policy) { p.C = 1 }), "C", "2 to 16384"},
		{with(Brahms(30), func(p *Policy) { p.Samplers = -1 }), "Samplers", "0 (not Brahms) to 16384"},
		{with(Brahms(30), func(p *Policy) { p.Samplers = MaxView + 1 }), "Samplers", "0 (not Brahms) to 16384"},
		{with(Brahms(30), func(p *Policy) { p.Peer = Tail }), "Peer", "rand when Samplers"},
		{with(Brahms(30), func(p *Policy) { p.Propagation = Push }), "Propagation", "pushpull when Samplers"},
		{with(Brahms(30), func(p *Policy) { p.View = ByAge }), "View", "rand when Samplers"},
		{with(Brahms(30), func(p *Policy) { p.H = 1 }), "H", "0 when Samplers"},
		{with(Brahms(30), func(p *Policy) { p.S = 1 }), "S", "0 when Samplers"},
		{with(Brahms(30), func(p *Policy) { p.Shuffle = 8 }), "Shuffle", "0 when Samplers"},
		{with(Brahms(30), func(p *Policy) { p.LiteralHops = true }), "LiteralHops", "false when Samplers"},
		{Brahms(30), "Samplers", "0 for an Engine"}, // valid, but not there
	} {
		_, err := NewEngine(test.policy)
		var bad *PolicyError
		if !errors.As(err, &bad) {
			t.Errorf("%+v: got %v, want a *PolicyError", test.policy, err)
			continue
		}
		if bad.Field != test.field || !strings.HasPrefix(bad.Allowed, test.allowed) {
			t.Errorf("%+v: %v, want field %s and range %s", test.policy, err, test.field, test.allowed)
		}
		if !strings.Contains(err.Error(), "Policy."+test.field) || !strings.Contains(err.Error(), test.allowed) {
			t.Errorf("message %q does not tell field %s and range %s", err, test.field, test.allowed)
		}
	}
}

func TestParse(t *testing.T) {
	for s := Random; s <= ByAge; s++ {
		if got, err := ParseSelection(s.String()); got != s || err != nil {
			t.Errorf("ParseSelection(%q) = %v, %v", s.String(), got, err)
		}
	}
	for p := Push; p <= PushPull; p++ {
		if got, err := ParsePropagation(p.String()); got != p || err != nil {
			t.Errorf("ParsePropagation(%q) = %v, %v", p.String(), got, err)
		}
	}
	if _, err := ParseSelection("oldest"); err == nil || !strings.Contains(err.Error(), `"oldest", allowed: rand, head, tail, age`) {
		t.Errorf("ParseSelection: %v", err)
	}
	if _, err := ParsePropagation(""); err == nil || !strings.Contains(err.Error(), `"", allowed: push, pull, pushpull`) {
		t.Errorf("ParsePropagation: %v", err)
	}
}

func TestBufferIsWhatOneMessageCarries(t *testing.T) {
	for _, test := range []struct {
		policy Policy
		want   int
	}{
		{Healer(30), 15},   // own descriptor and c/2 - 1 others
		{Healer(7), 3},     //
		{Healer(2), 1},     //
		{Healer(3), 1},     //
		{Newscast(30), 31}, // own descriptor and the whole view
		{Cyclon(30), 8},
		{Brahms(30), 30}, // the view, without its owner
	} {
		if got := test.policy.Buffer(); got != test.want {
			t.Errorf("%v: %d, want %d", test.policy, got, test.want)
		}
	}
}
