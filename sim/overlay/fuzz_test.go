package overlay

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
)

// FuzzWords: a word is read as what prints it, and any other is refused by its name.
func FuzzWords(f *testing.F) {
	for _, word := range []string{"", "growing", "lattice", "random", "star", "hub", "flood", "Star", "star ", "Start(9)"} {
		f.Add(word, uint8(len(word)))
	}
	f.Fuzz(func(t *testing.T, word string, n uint8) {
		start, err := ParseStart(word)
		checkWord(t, word, start.String(), err)
		kind, err := ParseAttackKind(word)
		checkWord(t, word, kind.String(), err)
		if again, err := ParseStart(Start(n).String()); (err == nil) != (n <= uint8(Star)) || err == nil && again != Start(n) {
			t.Fatalf("start %d prints as %v, which is read as %v, %v", n, Start(n), again, err)
		}
		if again, err := ParseAttackKind(AttackKind(n).String()); (err == nil) != (n <= uint8(Flood)) || err == nil && again != AttackKind(n) {
			t.Fatalf("attack %d prints as %v, which is read as %v, %v", n, AttackKind(n), again, err)
		}
	})
}

func checkWord(t *testing.T, word, printed string, err error) {
	t.Helper()
	if err == nil && printed != word {
		t.Fatalf("%q is read as %q", word, printed)
	}
	if err != nil && !(strings.Contains(err.Error(), strconv.Quote(word)) && strings.Contains(err.Error(), "allowed: ")) {
		t.Fatalf("%q is refused with %v", word, err)
	}
}

// FuzzConfig: a Config is refused by the name of a field and what it may be, or an
// overlay of it takes its steps.
func FuzzConfig(f *testing.F) {
	f.Add(uint16(20), uint8(0), uint8(6), uint64(1), 0.5, 2, 0.1, 0, 0, 1, 0.0, uint8(0), 0, 0, false)
	f.Add(uint16(2), uint8(3), uint8(2), uint64(0), 0.0, 0, 0.999, 7, 1, 0, 0.5, uint8(1), 3, 1, true)
	f.Add(uint16(50), uint8(9), uint8(200), uint64(3), -1.0, -1, -0.5, -1, -1, -1, 2.0, uint8(9), -1, -1, false)
	f.Fuzz(func(t *testing.T, nodes uint16, start, view uint8, seed uint64, kill float64, at int, churn float64, grow, quiet, cores int,
		attackers float64, attack uint8, rate, from int, dropDead bool) {
		cfg := Config{
			Nodes: int(nodes % 200), Start: Start(start), Policy: peersampling.Blind(int(view)), Seed: seed,
			Kill: []Kill{{kill, at}}, Churn: churn, GrowPerCycle: grow, Quiet: quiet, Cores: cores, DropDead: dropDead,
			Attack: Attack{Kind: AttackKind(attack), Fraction: attackers, Rate: rate, From: from},
		}
		if err := cfg.Validate(); err != nil {
			own, policy := (*ConfigError)(nil), (*peersampling.PolicyError)(nil)
			if !(errors.As(err, &own) && own.Field != "" && own.Allowed != "" || errors.As(err, &policy)) {
				t.Fatalf("%+v is refused with %v", cfg, err)
			}
			if _, err := New(cfg); err == nil {
				t.Fatalf("%+v is not valid, and an overlay is made of it", cfg)
			}
			return
		}
		cfg.Attack.Rate = min(cfg.Attack.Rate, 3) // it is a flood, and time is short
		cfg.Cores = min(cfg.Cores, 2)
		o, err := New(cfg)
		if err != nil {
			t.Fatalf("%+v is valid, but: %v", cfg, err)
		}
		for range 3 {
			o.Step()
		}
	})
}
