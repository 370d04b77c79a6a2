package guard

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var mallory = Culprit{ip("192.0.2.66"), "mallory"}

// Each time is twice as long, up to ten minutes; and somebody who has behaved for ten
// minutes is as good as new.
func TestPenaltiesGrowAndAreForgotten(t *testing.T) {
	p := NewPenalties(8)
	now := time.Duration(0)
	for i, want := range []time.Duration{10, 20, 40, 80, 160, 320, 600, 600} {
		want *= time.Second
		until := p.Punish(now, mallory)
		if until-now != want {
			t.Errorf("penalty %d is %v, want %v", i+1, until-now, want)
		}
		if again := p.Punish(until-1, mallory); again != until {
			t.Errorf("what he did before he was out has made it %v longer", again-until)
		}
		for _, at := range []time.Duration{now, until - 1} {
			if !p.Barred(at, mallory) {
				t.Errorf("penalty %d: in at %v", i+1, at)
			}
		}
		if p.Barred(until, mallory) {
			t.Errorf("penalty %d does not end", i+1)
		}
		now = until
	}
	if until := p.Punish(now+probation-1, mallory); until-(now+probation-1) != longestPenalty {
		t.Error("it was forgotten too early")
	}
	now += probation - 1 + longestPenalty + probation
	if until := p.Punish(now, mallory); until != now+firstPenalty {
		t.Errorf("it was not forgotten: %v", until-now)
	}
}

// Where anybody can claim any name, misbehaving under another's bars nobody but whoever
// did it, under that name.
func TestAPenaltyIsForANameAtAnAddress(t *testing.T) {
	p := NewPenalties(8)
	p.Punish(0, Culprit{mallory.Addr, "alice"})
	for _, test := range []struct {
		why  string
		c    Culprit
		want bool
	}{
		{"who did it", Culprit{mallory.Addr, "alice"}, true},
		{"as a dual-stack socket tells it", Culprit{ip("::ffff:192.0.2.66"), "alice"}, true},
		{"whose name it is", Culprit{ip("192.0.2.1"), "alice"}, false},
		{"who shares the address", Culprit{mallory.Addr, "bob"}, false},
		{"whoever gives no name there", Culprit{mallory.Addr, ""}, false},
		{"a neighbour", Culprit{ip("192.0.2.67"), "alice"}, false},
	} {
		if got := p.Barred(0, test.c); got != test.want {
			t.Errorf("%s: barred %v, want %v", test.why, got, test.want)
		}
	}
	p.Punish(0, Culprit{ip("fe80::1%eth0"), "carol"})
	if !p.Barred(0, Culprit{ip("fe80::1%eth1"), "carol"}) {
		t.Error("a zone makes it another")
	}
}

// One attacker with very many names earns very many short penalties. They push out each
// other, and not the long ones.
func TestShortPenaltiesDoNotPushOutLongOnes(t *testing.T) {
	p := NewPenalties(64)
	now := time.Duration(0)
	for range 6 {
		now = p.Punish(now, mallory)
	}
	until := p.Punish(now, mallory)
	for i := range 10_000 {
		p.Punish(now, Culprit{ip("192.0.2.99"), fmt.Sprint("name", i)})
		now += 10 * time.Millisecond
	}
	if now >= until || !p.Barred(now, mallory) {
		t.Error("mallory is in again")
	}
	if s := p.Stats(); s.Records != 64 || s.Evicted != 10_000-63 {
		t.Errorf("%+v", s)
	}
}

// Whatever happens: a penalty is from ten seconds to ten minutes, exactly those who
// are punished are barred, and there are no more records than the bound.
func TestPenaltiesAgainstAModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := NewPenalties(4)
		now := time.Duration(0)
		until := map[Culprit]time.Duration{}
		culprit := rapid.SampledFrom([]Culprit{mallory, {alice.Addr(), "alice"}, {alice.Addr(), "mallory"}, {bob.Addr(), ""}})
		t.Repeat(map[string]func(*rapid.T){
			"time passes": func(t *rapid.T) { now += time.Duration(rapid.Int64Range(0, int64(30*time.Minute)).Draw(t, "for")) },
			"punish": func(t *rapid.T) {
				c := culprit.Draw(t, "who")
				got := p.Punish(now, c)
				if was := until[c]; now < was && got != was {
					t.Fatalf("he was barred until %v, and now until %v", was, got)
				} else if now >= was && (got < now+firstPenalty || got > now+longestPenalty) {
					t.Fatalf("barred for %v", got-now)
				}
				until[c] = got
			},
			"": func(t *rapid.T) {
				for _, c := range []Culprit{mallory, {alice.Addr(), "alice"}, {alice.Addr(), "mallory"}, {bob.Addr(), ""}} {
					if got, want := p.Barred(now, c), now < until[c]; got != want {
						t.Fatalf("%v: barred %v, want %v", c, got, want)
					}
				}
			},
		})
	})
}

func BenchmarkPunishInAFullTable(b *testing.B) {
	p := NewPenalties(1024)
	names := make([]string, 1<<14)
	for i := range names {
		names[i] = fmt.Sprint("name", i)
	}
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		i++
		p.Punish(time.Duration(i), Culprit{mallory.Addr, names[i%len(names)]})
	}
}
