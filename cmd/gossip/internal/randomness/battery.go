package randomness

import (
	"fmt"
	"math"
	"strings"

	"gonum.org/v1/gonum/stat/distuv"
)

// Result is what one test says about a stream.
type Result struct {
	Name   string  `json:"name"`
	Params []Param `json:"params"` // what it was run with, also what it chose itself
	// Statistic is the number that the stream was turned into.
	Statistic float64 `json:"statistic"`
	// Distribution is the statistic's if the stream is ideal, in words.
	Distribution string `json:"distribution"`
	// P is the probability of a statistic as high or higher from an ideal
	// stream. Both ends tell against a stream; see the package documentation.
	P float64 `json:"p"`
	// Parts are P-values of parts of the test, if it has any.
	Parts []float64 `json:"parts,omitempty"`
	// Verdict sums P up.
	Verdict Verdict `json:"verdict"`
	// Err tells why there is no verdict: a *TooShortError, mostly.
	Err error `json:"-"`
}

// Param is a parameter of a test.
type Param struct {
	Name  string `json:"name"`
	Value int    `json:"value"`
}

// String returns the result as a line for people.
func (r Result) String() string {
	var params strings.Builder
	for _, p := range r.Params {
		fmt.Fprintf(&params, " %s=%d", p.Name, p.Value)
	}
	if r.Err != nil {
		return fmt.Sprintf("%-11s %-8s %v", r.Name, r.Verdict, r.Err)
	}
	return fmt.Sprintf("%-11s %-8s p = %.6f, %.6g of %s;%s", r.Name, r.Verdict, r.P, r.Statistic, r.Distribution, params.String())
}

// Verdict sums a P-value up.
type Verdict uint8

// The verdicts.
const (
	Untested Verdict = iota // the stream is too short
	Pass
	Suspect // a P within SuspectAt of 0 or 1, or rather half of it on each side
	Fail    // the same with FailAt
)

// SuspectAt and FailAt are how often an ideal stream gets these verdicts, or a
// worse one. Guesses: the first is a statistician's habit, the second rare
// enough for the number of tests that anybody looks at.
const (
	SuspectAt = 0.01
	FailAt    = 0.0001
)

var verdictNames = [...]string{Untested: "untested", Pass: "pass", Suspect: "suspect", Fail: "FAIL"}

// String returns a word.
func (v Verdict) String() string {
	if int(v) < len(verdictNames) {
		return verdictNames[v]
	}
	return fmt.Sprintf("Verdict(%d)", uint8(v))
}

// MarshalText returns the word, for JSON.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

func verdictOf(p float64) Verdict {
	switch tail := 2 * min(p, 1-p); {
	case math.IsNaN(p):
		return Untested
	case tail < FailAt:
		return Fail
	case tail < SuspectAt:
		return Suspect
	}
	return Pass
}

// TooShortError says that a stream is too short for a test: the distribution
// that the test assumes would not hold.
type TooShortError struct {
	Test       string
	Have, Need int // samples
}

func (e *TooShortError) Error() string {
	return fmt.Sprintf("randomness: %s: the stream has %d samples, needed: %d or more", e.Test, e.Have, e.Need)
}

// Battery runs every test, with parameters that suit the stream. A test that
// cannot be run says so in its Result.
func Battery(s Stream) []Result {
	if err := s.Validate(); err != nil {
		return []Result{{Name: "stream", Err: err}}
	}
	tests := []struct {
		name string
		run  func() (Result, error)
	}{
		{"frequency", func() (Result, error) { return Frequency(s, 0) }},
		{"collision", func() (Result, error) { return Collision(s, 0) }},
		{"serial", func() (Result, error) { return Serial(s, 1, 0) }},
		{"repetition", func() (Result, error) { return Repetition(s, 0) }},
		{"gap", func() (Result, error) { return Gap(s, 0) }},
		{"coupon", func() (Result, error) { return Coupon(s, 0) }},
		{"permutation", func() (Result, error) { return Permutation(s, 0) }},
		{"birthday", func() (Result, error) { return Birthday(s, 0) }},
	}
	results := make([]Result, len(tests))
	for i, t := range tests {
		r, err := t.run()
		if err != nil {
			r = Result{Name: t.name, Err: err}
		}
		results[i] = r
	}
	return results
}

// finish adds the verdict.
func (r Result) finish() (Result, error) {
	r.P = min(1, max(0, r.P))
	r.Verdict = verdictOf(r.P)
	return r, nil
}

// chiSquare is a result whose statistic has that distribution.
func chiSquare(name string, statistic float64, freedom int, params ...Param) (Result, error) {
	return Result{
		Name: name, Params: params, Statistic: statistic,
		Distribution: fmt.Sprintf("chi-square with %d degrees of freedom", freedom),
		P:            distuv.ChiSquared{K: float64(freedom)}.Survival(statistic),
	}.finish()
}

// fit is Pearson's chi-square of counts against what they were expected to be.
func fit(counts []int, expected []float64) (statistic float64) {
	for i, n := range counts {
		d := float64(n) - expected[i]
		statistic += d * d / expected[i]
	}
	return statistic
}

// enough is how many of each kind must be expected for a count to be as good as
// normal: 5 is the rule of thumb (Knuth, section 3.3.1); twice that keeps far
// tails right too.
const enough = 10

// need returns a *TooShortError if the stream is shorter than that.
func (s Stream) need(test string, samples float64) error {
	if have := len(s.Peers); float64(have) < samples {
		return &TooShortError{Test: test, Have: have, Need: int(math.Ceil(samples))}
	}
	return nil
}

// badParam is the error for a parameter that cannot be.
func badParam(test, name string, value, low, high int) error {
	return fmt.Errorf("randomness: %s: %s is %d, allowed: %d to %d, or 0 to choose", test, name, value, low, high)
}
