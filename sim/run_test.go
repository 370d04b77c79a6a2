package sim

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/Ishan27gOrg/gossipProtocol/causal"
	"github.com/Ishan27gOrg/gossipProtocol/protocol"
)

// Same seed, same run: down to how many messages were asked for.
func TestAScenarioDecidesItsReport(t *testing.T) {
	for seed := range uint64(5) {
		a, b := Run(RandomScenario(seed, 40)), Run(RandomScenario(seed, 40))
		if !reflect.DeepEqual(a, b) {
			t.Errorf("seed %d has two reports:\n%+v\n%+v", seed, a, b)
		}
		if a.Messages < 80 || a.Deliveries < 2*a.Messages || a.Missing != 0 {
			t.Errorf("seed %d: %+v", seed, a)
		}
	}
}

// The text of a scenario is all of it.
func TestScenarioReadsWhatItPrints(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScenario(t)
		text := s.String()
		got, err := ParseScenario(text)
		if err != nil || !reflect.DeepEqual(got, s) {
			t.Fatalf("%v\n%s\nis read as\n%s", err, text, got)
		}
	})
	for seed := range uint64(500) {
		s := RandomScenario(seed, 200)
		if got, err := ParseScenario(s.String()); err != nil || !reflect.DeepEqual(got, s) {
			t.Fatalf("%v\n%s\nis read as\n%s", err, s, got)
		}
	}
}

func drawScenario(t *rapid.T) Scenario {
	duration := func(name string) time.Duration {
		return time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, name))
	}
	share := func(name string) float64 { return rapid.Float64Range(0, 0.999).Draw(t, name) }
	s := Scenario{
		Seed: rapid.Uint64().Draw(t, "seed"), Nodes: rapid.IntRange(2, MaxNodes).Draw(t, "nodes"), Arrive: duration("arrive"),
		Order:   rapid.SampledFrom([]causal.Order{causal.Causal, causal.FIFO, causal.Unordered}).Draw(t, "order"),
		History: rapid.SampledFrom([]protocol.History{protocol.Retained, protocol.None}).Draw(t, "history"),
		Codec:   rapid.Bool().Draw(t, "codec"),
		Flood:   rapid.Bool().Draw(t, "flood"), Policy: rapid.SampledFrom([]string{"healer", "blind", "newscast"}).Draw(t, "policy"),
		View: rapid.IntRange(2, 1000).Draw(t, "view"), Origins: rapid.IntRange(0, MaxNodes).Draw(t, "origins"),
		Retention: time.Second + duration("retention"),
		LogBytes:  rapid.IntRange(1<<22, mostBound).Draw(t, "log"), HoldBytes: rapid.IntRange(1<<22, mostBound).Draw(t, "hold"),
		Latency: duration("latency"), Spread: duration("spread"), Jitter: duration("jitter"),
		Loss: share("loss"), Duplicate: share("duplicate"), Drift: rapid.Float64Range(0, MaxDrift).Draw(t, "drift"), End: duration("end"),
	}
	for range rapid.IntRange(0, 5).Draw(t, "steps") {
		step := Step{At: duration("at"), Kind: rapid.SampledFrom([]StepKind{Talk, Crash, Kill, Restart, Join, Churn, Partition, OneWay, Slow, Lose}).Draw(t, "kind")}
		for _, o := range operands[step.Kind] {
			switch o.word {
			case "count":
				step.Count = rapid.IntRange(1, 20).Draw(t, "count")
			case "every":
				step.Every = duration("every")
			case "for":
				step.For = duration("for")
			case "answers":
				step.Answers = rapid.IntRange(0, 20).Draw(t, "answers")
			case "rate":
				step.Rate = rapid.IntRange(1, MaxCount).Draw(t, "rate")
			case "size":
				step.Size = rapid.IntRange(0, MaxCount).Draw(t, "size")
			case "share":
				step.Share = share("share")
			}
		}
		s.Steps = append(s.Steps, step)
	}
	return s
}

// Each error names the line, what is wrong there, and what is allowed.
func TestScenarioMistakes(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"nodes 10\nlos 0.1", `line 2: key: it is "los", allowed: at, seed, nodes, `},
		{"loss 1", "line 1: loss: it is 1, allowed: a fraction of 0 or more and less than 1"},
		{"loss NaN", "line 1: loss: it is NaN, allowed: a fraction"},
		{"nodes 1 # alone", "line 1: nodes: it is 1, allowed: 2 to 100000"},
		{"\n\nnodes 4\nnodes 5", "line 4: nodes: it is there twice, allowed: once"},
		{"latency 5", "line 1: latency: it is 5, allowed: 0s to 24h, with its unit"},
		{"latency", `line 1: latency: it is "", allowed: one value: 0s to 24h`},
		{"order total", "line 1: order: it is total, allowed: causal, fifo, unordered"},
		{"policy best", "line 1: policy: it is best, allowed: balanced, blind, brahms, cyclon, "},
		{"codec yes", "line 1: codec: it is yes, allowed: on, off"},
		{"drift 0.3", "line 1: drift: it is 0.3, allowed: a fraction of 0 to 0.2"},
		{"at 3s slow 0.3 for 4s", "line 1: at 3s slow: rate: it is 0, allowed: 1 to"},
		{"relay both", "line 1: relay: it is both, allowed: tree, flood"},
		{"at 3s", `line 1: at: it is "3s", allowed: TIME KIND VALUE`},
		{"at noon talk 3", "line 1: at: it is noon, allowed: 0s to 24h"},
		{"at 3s sing 3", `line 1: step: it is "sing", allowed: churn, crash, join, `},
		{"at 3s talk 0", "line 1: talk: it is 0, allowed: 1 to 1000000"},
		{"at 3s talk 5 for 3s", `line 1: talk: it is followed by "for", allowed: every, answers, size`},
		{"retention 0s", "line 1: retention: it is 0s, allowed: 1s to 24h"},
		{"log 4K", "line 1: log: it is 4K, allowed: 4096 to "},
		{"nodes 10\nhold 5000\nat 3s talk 5 size 6000", "at 3s talk: size: it is 6000, allowed: what log and hold have room for, beside what is charged for each message: 4584"},
		{"at 3s crash 5 every 3s", `line 1: crash: it is followed by "every", allowed: nothing more`},
		{"at 3s kill 50%", "line 1: kill: it is 50%, allowed: a fraction"},
		{"at 3s talk 1000 every 1h", "line 1: at 3s talk: it is longer, allowed: what is over within a day"},
	} {
		if _, err := ParseScenario(test.text); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: %v, want %q", test.text, err, test.want)
		}
	}
}

// The scenarios that come with the library keep all promises, and do what they are
// there for, which the first line of each tells.
func TestScenarioFiles(t *testing.T) {
	fits := map[string]func(Report) bool{
		"stable": func(r Report) bool {
			steady := r.Talks[1]
			return r.Nodes == 200 && steady.Reliability == 1 && steady.Redundancy < 0.05
		},
		"partition": func(r Report) bool {
			return r.Talks[1].MaxMS > 290_000 && r.Deliveries == r.Nodes*r.Messages && r.Gaps == 0
		},
		"outlasted": func(r Report) bool {
			apart, after := r.Talks[1], r.Talks[2]
			return r.Gaps > 800 && uint64(r.Deliveries)+r.Gaps == uint64(r.Nodes*r.Messages) &&
				apart.Reliability < 0.8 && after.Reliability == 1 && after.Messages > 100 && after.MaxMS < 10_000
		},
		"oneway": func(r Report) bool {
			brief, long := r.Talks[0], r.Talks[1]
			return brief.Messages == 150 && long.MaxMS > 30_000 && r.Deliveries == r.Nodes*r.Messages && r.Talks[2].MaxMS < 5000
		},
		"slow": func(r Report) bool {
			slow := r.Talks[1]
			return slow.P50MS < 1000 && slow.MaxMS > 10_000 && r.Talks[2].MaxMS < 5000 && r.Deliveries == r.Nodes*r.Messages
		},
		"many": func(r Report) bool {
			shared := r.Talks[1]
			return shared.Redundancy < 0.02 && shared.P50MS < 500 && shared.MaxMS < 1500
		},
		"atonce": func(r Report) bool { return r.Talks[1].LastHop <= 8 && r.Talks[1].Redundancy < 0.01 },
		// Real nodes play this one as well (internal/stage).
		// Who is alone for a moment, with its log full, is told so and sends one less.
		"everywhere": func(r Report) bool { return r.Nodes == 230 && r.Missing == 0 && r.Messages >= 318 && r.Messages <= 320 },
		"churn":      func(r Report) bool { return r.Nodes == 240 && r.Survivors < 140 && r.Talks[1].Reliability == 1 },
	}
	long := []string{"many", "atonce", "churn"}
	files, err := filepath.Glob("testdata/scenarios/*.txt")
	if err != nil || len(files) != len(fits) {
		t.Errorf("%v: %d files and %d tests", err, len(files), len(fits))
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		t.Run(name, func(t *testing.T) {
			if testing.Short() && slices.Contains(long, name) {
				t.Skip("takes minutes under the race detector, and has no goroutines to race")
			}
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil || !strings.HasPrefix(string(text), "# ") {
				t.Fatalf("%v, or the first line is no comment", err)
			}
			s, err := ParseScenario(string(text))
			if err != nil {
				t.Fatal(err)
			}
			if r := Run(s); !r.Kept() || !fits[name](r) {
				t.Errorf("%+v", r)
			}
		})
	}
}

// Who only looks changes nothing, and looks as often as was asked for.
func TestWhoLooksChangesNothing(t *testing.T) {
	s := RandomScenario(3, 40)
	var looked []time.Duration
	watched := RunWatched(s, time.Second, func(w *World) { looked = append(looked, w.Now()) })
	if plain := Run(s); !reflect.DeepEqual(plain, watched) {
		t.Errorf("looked at, a world came to\n%+v, and by itself to\n%+v", watched, plain)
	}
	for i, at := range looked {
		if at != time.Duration(i+1)*time.Second {
			t.Fatalf("it was looked at %v, want every second", looked)
		}
	}
	if want := int(s.end() / time.Second); len(looked) != want {
		t.Errorf("it was looked at %d times, want %d", len(looked), want)
	}
}

// What make soak-day plays is a day, with all that there is to go wrong.
func TestTheDayIsADay(t *testing.T) {
	text, err := os.ReadFile("testdata/day.txt")
	if err != nil {
		t.Fatal(err)
	}
	s, err := ParseScenario(string(text))
	if err != nil {
		t.Fatal(err)
	}
	if s.end() != MaxTime || !s.Store || s.Drift == 0 || s.Loss == 0 {
		t.Errorf("it ends after %v, stores: %v, drift %v, loss %v", s.end(), s.Store, s.Drift, s.Loss)
	}
	for _, kind := range []StepKind{Talk, Crash, Restart, Join, Churn, Partition, OneWay, Slow, Lose} {
		if !slices.ContainsFunc(s.Steps, func(x Step) bool { return x.Kind == kind }) {
			t.Errorf("nothing of the kind %q happens", kind)
		}
	}
}
