package sim

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// FuzzParseScenario: what is read prints as what is read again, the same to the
// letter, and what is refused is refused by its line or its key.
func FuzzParseScenario(f *testing.F) {
	files, _ := filepath.Glob("testdata/scenarios/*.txt")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	for _, text := range []string{
		"", "# nothing\n", "seed 18446744073709551615", "seed 1\nseed 2", "nodes 1", "loss 1e-300\ndrift 0x1p-9",
		"loss NaN", "at 3s talk 20 every 50ms answers 20", "at 3s talk", "at 24h lose 0.5 for 1h", "at 1s churn 3 every 24h",
		"at 1s slow 0.1 rate 1 for 1s", "at -1s kill 0.5", "at 1s nothing 1", "order\x00 causal", "end 1h0m0s # at last", "retention 999ms",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseScenario(text)
		if err != nil {
			blame := (*ScenarioError)(nil)
			if !errors.As(err, &blame) || blame.Key == "" || blame.Allowed == "" {
				t.Fatalf("%q is refused without a reason: %v", text, err)
			}
			return
		}
		printed := s.String()
		again, err := ParseScenario(printed)
		if err != nil {
			t.Fatalf("%q is printed as\n%s\nwhich is refused: %v", text, printed, err)
		}
		if !reflect.DeepEqual(s, again) || again.String() != printed {
			t.Fatalf("%q is printed as\n%s\nand read again as\n%s", text, printed, again)
		}
		if n := strings.Count(printed, "\nat "); n != len(s.Steps) {
			t.Fatalf("%d steps are printed in %d lines", len(s.Steps), n)
		}
	})
}
