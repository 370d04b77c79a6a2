package experiment

import (
	"os"
	"strings"
	"testing"
)

// docs/experiments.md has every experiment, every claim word for word, and every
// figure.
func TestDocsTellEverything(t *testing.T) {
	const docs = "../../../../docs/"
	page, err := os.ReadFile(docs + "experiments.md")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(page), `\*`, "*")
	each(t, func(t *testing.T, e *Experiment, r *Result) {
		if !strings.Contains(text, "gossip sim experiment "+e.Name) || !strings.Contains(text, "## "+e.Title+"\n") {
			t.Errorf("there is no section on it")
		}
		for _, f := range r.Findings {
			if !strings.Contains(text, "| "+f.Claim+" (") {
				t.Errorf("the claim is not told: %s", f.Claim)
			}
		}
		for _, f := range r.Figures {
			file := "experiments/" + e.Name + "-" + f.Name + ".svg"
			if _, err := os.Stat(docs + file); err != nil || !strings.Contains(text, "("+file+")") {
				t.Errorf("%s is not shown, or not there: %v", file, err)
			}
		}
	})
}
