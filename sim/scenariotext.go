package sim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/causal"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
	"github.com/Ishan27gOrg/gossipProtocol/protocol"
)

// A scenario as text is lines of a key and a value; a step is
//
//	at 3s talk 20 every 50ms answers 20
//
// Empty lines and what follows a # count for nothing. A key that is not there has
// DefaultScenario's value.

// key is one key of a scenario's text.
type key struct {
	name    string
	value   func(*Scenario) string
	set     func(s *Scenario, text string) bool
	allowed string
}

// check reports a value that would not be read back.
func (k key) check(s *Scenario) error {
	trial := *s
	if text := k.value(s); !k.set(&trial, text) {
		return &ScenarioError{k.name, text, k.allowed}
	}
	return nil
}

var keys = []key{
	{"seed",
		func(s *Scenario) string { return strconv.FormatUint(s.Seed, 10) },
		func(s *Scenario, text string) (ok bool) {
			n, err := strconv.ParseUint(text, 10, 64)
			s.Seed = n
			return err == nil
		}, "0 to 18446744073709551615"},
	intKey("nodes", 2, MaxNodes, func(s *Scenario) *int { return &s.Nodes }),
	timeKey("arrive", func(s *Scenario) *time.Duration { return &s.Arrive }),
	wordKey("order", func(s *Scenario) *causal.Order { return &s.Order }, causal.Causal, causal.FIFO, causal.Unordered),
	wordKey("history", func(s *Scenario) *protocol.History { return &s.History }, protocol.Retained, protocol.None),
	{"relay",
		func(s *Scenario) string {
			if s.Flood {
				return "flood"
			}
			return "tree"
		},
		func(s *Scenario, text string) bool {
			s.Flood = text == "flood"
			return s.Flood || text == "tree"
		}, "tree, flood"},
	{"policy",
		func(s *Scenario) string { return s.Policy },
		func(s *Scenario, text string) bool {
			s.Policy = text
			return slices.Contains(peersampling.PresetNames(), text)
		}, strings.Join(slices.Sorted(slices.Values(peersampling.PresetNames())), ", ")},
	intKey("view", 2, 1000, func(s *Scenario) *int { return &s.View }),
	switchKey("codec", func(s *Scenario) *bool { return &s.Codec }),
	switchKey("store", func(s *Scenario) *bool { return &s.Store }),
	intKey("origins", 0, MaxNodes, func(s *Scenario) *int { return &s.Origins }),
	{"retention",
		func(s *Scenario) string { return s.Retention.String() },
		func(s *Scenario, text string) bool { return setTime(&s.Retention, text) && s.Retention >= time.Second },
		"1s to 24h, with its unit, as in 90s or 1h30m"},
	intKey("log", leastBound, mostBound, func(s *Scenario) *int { return &s.LogBytes }),
	intKey("hold", leastBound, mostBound, func(s *Scenario) *int { return &s.HoldBytes }),
	timeKey("latency", func(s *Scenario) *time.Duration { return &s.Latency }),
	timeKey("spread", func(s *Scenario) *time.Duration { return &s.Spread }),
	timeKey("jitter", func(s *Scenario) *time.Duration { return &s.Jitter }),
	shareKey("loss", func(s *Scenario) *float64 { return &s.Loss }),
	shareKey("duplicate", func(s *Scenario) *float64 { return &s.Duplicate }),
	{"drift",
		func(s *Scenario) string { return formatShare(s.Drift) },
		func(s *Scenario, text string) bool { return setShare(&s.Drift, text) && s.Drift <= MaxDrift },
		fmt.Sprintf("a fraction of 0 to %v, as in 0.01", MaxDrift)},
	timeKey("end", func(s *Scenario) *time.Duration { return &s.End }),
}

// leastBound holds a few messages, mostBound more than any machine has memory for.
const leastBound, mostBound = 4096, 1 << 40

func switchKey(name string, field func(*Scenario) *bool) key {
	return key{name,
		func(s *Scenario) string {
			if *field(s) {
				return "on"
			}
			return "off"
		},
		func(s *Scenario, text string) bool {
			*field(s) = text == "on"
			return *field(s) || text == "off"
		}, "on, off"}
}

func intKey(name string, least, most int, field func(*Scenario) *int) key {
	return key{name,
		func(s *Scenario) string { return strconv.Itoa(*field(s)) },
		func(s *Scenario, text string) bool { return setInt(field(s), text, least, most) },
		fmt.Sprintf("%d to %d", least, most)}
}

func timeKey(name string, field func(*Scenario) *time.Duration) key {
	return key{name,
		func(s *Scenario) string { return field(s).String() },
		func(s *Scenario, text string) bool { return setTime(field(s), text) },
		allowedTime}
}

func shareKey(name string, field func(*Scenario) *float64) key {
	return key{name,
		func(s *Scenario) string { return formatShare(*field(s)) },
		func(s *Scenario, text string) bool { return setShare(field(s), text) },
		allowedShare}
}

func wordKey[T interface {
	comparable
	fmt.Stringer
}](name string, field func(*Scenario) *T, words ...T) key {
	var allowed []string
	for _, w := range words {
		allowed = append(allowed, w.String())
	}
	return key{name,
		func(s *Scenario) string { return (*field(s)).String() },
		func(s *Scenario, text string) bool {
			i := slices.Index(allowed, text)
			if i >= 0 {
				*field(s) = words[i]
			}
			return i >= 0
		}, strings.Join(allowed, ", ")}
}

const (
	allowedTime  = "0s to 24h, with its unit, as in 90s or 1h30m"
	allowedShare = "a fraction of 0 or more and less than 1, as in 0.01"
)

func setInt(p *int, text string, least, most int) bool {
	n, err := strconv.Atoi(text)
	*p = n
	return err == nil && n >= least && n <= most
}

func setTime(p *time.Duration, text string) bool {
	d, err := time.ParseDuration(text)
	*p = d
	return err == nil && d >= 0 && d <= MaxTime
}

func setShare(p *float64, text string) bool {
	x, err := strconv.ParseFloat(text, 64)
	*p = x
	return err == nil && x >= 0 && x < 1
}

func formatShare(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }

// operand is what a word of a step sets; the first of a kind goes without its word.
type operand struct {
	word    string
	value   func(*Step) string
	set     func(s *Step, text string) bool
	allowed string
}

var (
	countOperand   = intOperand("count", 1, func(s *Step) *int { return &s.Count })
	answersOperand = intOperand("answers", 0, func(s *Step) *int { return &s.Answers })
	sizeOperand    = intOperand("size", 0, func(s *Step) *int { return &s.Size })
	rateOperand    = intOperand("rate", 1, func(s *Step) *int { return &s.Rate })
	shareOperand   = operand{"share",
		func(s *Step) string { return formatShare(s.Share) },
		func(s *Step, text string) bool { return setShare(&s.Share, text) },
		allowedShare}
	everyOperand = timeOperand("every", func(s *Step) *time.Duration { return &s.Every })
	forOperand   = timeOperand("for", func(s *Step) *time.Duration { return &s.For })
)

func intOperand(word string, least int, field func(*Step) *int) operand {
	return operand{word,
		func(s *Step) string { return strconv.Itoa(*field(s)) },
		func(s *Step, text string) bool { return setInt(field(s), text, least, MaxCount) },
		fmt.Sprintf("%d to %d", least, MaxCount)}
}

func timeOperand(word string, field func(*Step) *time.Duration) operand {
	return operand{word,
		func(s *Step) string { return field(s).String() },
		func(s *Step, text string) bool { return setTime(field(s), text) },
		allowedTime}
}

// operands are what each kind of step takes, all of it or, but for the first, less.
var operands = map[StepKind][]operand{
	Talk:      {countOperand, everyOperand, answersOperand, sizeOperand},
	Crash:     {countOperand},
	Kill:      {shareOperand},
	Restart:   {countOperand},
	Join:      {countOperand},
	Churn:     {countOperand, everyOperand},
	Partition: {shareOperand, forOperand},
	OneWay:    {shareOperand, forOperand},
	Slow:      {shareOperand, forOperand, rateOperand},
	Lose:      {shareOperand, forOperand},
}

func (s Step) check() error {
	takes := operands[s.Kind]
	if takes == nil {
		return unknownKind(string(s.Kind))
	}
	var at time.Duration
	if !setTime(&at, s.At.String()) {
		return &ScenarioError{"at", s.At.String(), allowedTime}
	}
	for _, o := range takes {
		trial := s
		if text := o.value(&s); !o.set(&trial, text) {
			return &ScenarioError{fmt.Sprintf("at %v %s: %s", s.At, s.Kind, o.word), text, o.allowed}
		}
	}
	if s.Every > MaxTime/time.Duration(max(s.Count, 1)) {
		return &ScenarioError{fmt.Sprintf("at %v %s", s.At, s.Kind), "longer", "what is over within a day"}
	}
	return nil
}

func unknownKind(kind string) error {
	var known []string
	for k := range operands {
		known = append(known, string(k))
	}
	slices.Sort(known)
	return &ScenarioError{"step", strconv.Quote(kind), strings.Join(known, ", ")}
}

// String prints the scenario as ParseScenario reads it, every key of it.
func (s Scenario) String() string {
	var b strings.Builder
	for _, k := range keys {
		fmt.Fprintf(&b, "%s %s\n", k.name, k.value(&s))
	}
	for _, step := range s.Steps {
		fmt.Fprintf(&b, "%s\n", step)
	}
	return b.String()
}

func (s Step) String() string {
	text := fmt.Sprintf("at %v %s", s.At, s.Kind)
	for i, o := range operands[s.Kind] {
		switch value := o.value(&s); {
		case i == 0:
			text += " " + value
		case value != o.value(&Step{}):
			text += " " + o.word + " " + value
		}
	}
	return text
}

// ParseScenario reads what String prints, or less of it. The error names the line.
func ParseScenario(text string) (Scenario, error) {
	s := DefaultScenario()
	seen := make(map[string]bool)
	number := 0
	for line := range strings.Lines(text) {
		number++
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if err := s.parseLine(words, seen); err != nil {
			return Scenario{}, fmt.Errorf("line %d: %w", number, err)
		}
	}
	return s, s.Validate()
}

func (s *Scenario) parseLine(words []string, seen map[string]bool) error {
	name := words[0]
	if name == "at" {
		step, err := parseStep(words)
		s.Steps = append(s.Steps, step)
		return err
	}
	i := slices.IndexFunc(keys, func(k key) bool { return k.name == name })
	switch {
	case i < 0:
		return unknownKey(name)
	case seen[name]:
		return &ScenarioError{name, "there twice", "once"}
	case len(words) != 2:
		return &ScenarioError{name, fmt.Sprintf("%q", strings.Join(words[1:], " ")), "one value: " + keys[i].allowed}
	case !keys[i].set(s, words[1]):
		return &ScenarioError{name, words[1], keys[i].allowed}
	}
	seen[name] = true
	return nil
}

func unknownKey(name string) error {
	known := []string{"at"}
	for _, k := range keys {
		known = append(known, k.name)
	}
	return &ScenarioError{"key", strconv.Quote(name), strings.Join(known, ", ")}
}

// parseStep reads "at TIME KIND VALUE" and then words with their values.
func parseStep(words []string) (s Step, err error) {
	if len(words) < 4 || len(words)%2 != 0 {
		return s, &ScenarioError{"at", fmt.Sprintf("%q", strings.Join(words[1:], " ")), "TIME KIND VALUE and words with values, as in 3s talk 20 every 50ms"}
	}
	if !setTime(&s.At, words[1]) {
		return s, &ScenarioError{"at", words[1], allowedTime}
	}
	s.Kind = StepKind(words[2])
	takes := operands[s.Kind]
	if takes == nil {
		return s, unknownKind(words[2])
	}
	if !takes[0].set(&s, words[3]) {
		return s, &ScenarioError{words[2], words[3], takes[0].allowed}
	}
	for pair := range slices.Chunk(words[4:], 2) {
		if err := s.parseOperand(takes[1:], pair[0], pair[1]); err != nil {
			return s, err
		}
	}
	return s, s.check()
}

func (s *Step) parseOperand(takes []operand, word, value string) error {
	var known []string
	for _, o := range takes {
		if o.word == word {
			if !o.set(s, value) {
				return &ScenarioError{word, value, o.allowed}
			}
			return nil
		}
		known = append(known, o.word)
	}
	if len(known) == 0 {
		known = []string{"nothing more"}
	}
	return &ScenarioError{string(s.Kind), fmt.Sprintf("followed by %q", word), strings.Join(known, ", ")}
}
