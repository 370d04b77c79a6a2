package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
)

// A Result is one number that came out of one run, a line of the file of results.
type Result struct {
	System  string   `json:"system"`
	Variant string   `json:"variant"`
	Measure string   `json:"measure"`
	Metric  string   `json:"metric,omitempty"`
	Nodes   int      `json:"n"`
	Payload int      `json:"payload,omitempty"`
	Origins int      `json:"origins,omitempty"`
	Window  int      `json:"window,omitempty"`
	MTU     int      `json:"mtu,omitempty"`     // 0: that of an Ethernet
	Unusual string   `json:"unusual,omitempty"` // in words: what else was not as it usually is
	Value   *float64 `json:"value"`             // null: what was waited for did not happen
	Unit    string   `json:"unit,omitempty"`
	Error   string   `json:"error,omitempty"` // there is no value, and why
	Run     int      `json:"run"`
	Go      string   `json:"go"`
	Commit  string   `json:"commit,omitempty"`
	Date    string   `json:"date"`
	Cores   int      `json:"cores"`
}

func (r *Result) label() string { return r.System + "/" + r.Variant }

func readResults(files []string) (results []Result, err error) {
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		some, err := decodeResults(f)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		results = append(results, some...)
	}
	return results, nil
}

func decodeResults(r io.Reader) (results []Result, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if strings.TrimSpace(lines.Text()) == "" {
			continue
		}
		var one Result
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			return nil, fmt.Errorf("line %d: %w", len(results)+1, err)
		}
		results = append(results, one)
	}
	return results, lines.Err()
}

// question is what a table answers for all systems and numbers of nodes.
type question struct {
	measure, metric, unit    string
	payload, origins, window int
	mtu                      int
	unusual                  string
}

func (q question) String() string {
	s := q.measure + ": " + q.metric
	if q.unit != "" {
		s += " [" + q.unit + "]"
	}
	if q.payload > 0 {
		s += fmt.Sprintf(", %d B", q.payload)
	}
	if q.origins > 0 {
		s += fmt.Sprintf(", %s", plural(q.origins, "origin"))
	}
	if q.window > 0 {
		s += fmt.Sprintf(", %d under way", q.window)
	}
	if q.mtu > 0 {
		s += fmt.Sprintf(", packets of %d B", q.mtu)
	}
	if q.unusual != "" {
		s += ", " + q.unusual
	}
	return s
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// answer is what all runs say of one system and one number of nodes.
type answer struct {
	values []float64
	never  int // runs in which what was waited for did not happen
	errors []string
}

// where is a cell of a table.
type where struct {
	label string
	nodes int
}

// a grid is a question with its answers; labels and nodes are in the order of the
// results, and by number.
type grid struct {
	question
	labels  []string
	nodes   []int
	answers map[where]*answer
}

func (g *grid) at(label string, nodes int) *answer { return g.answers[where{label, nodes}] }

// grids sorts results by the question that they answer, in the order in which these
// come up first. An error belongs to all questions of its measure and payload.
func grids(results []Result) (all []*grid) {
	of := make(map[question]*grid)
	for _, r := range results {
		if r.Metric == "" {
			continue
		}
		q := question{r.Measure, r.Metric, r.Unit, r.Payload, r.Origins, r.Window, r.MTU, r.Unusual}
		if of[q] == nil {
			of[q] = &grid{question: q, answers: make(map[where]*answer)}
			all = append(all, of[q])
		}
		a := of[q].add(&r)
		if r.Value == nil {
			a.never++
		} else {
			a.values = append(a.values, *r.Value)
		}
	}
	for _, r := range results {
		if r.Error == "" {
			continue
		}
		for _, g := range all {
			if g.measure == r.Measure && g.mtu == r.MTU && g.unusual == r.Unusual && (r.Payload == 0 || r.Payload == g.payload) {
				a := g.add(&r)
				a.errors = append(a.errors, r.Error)
			}
		}
	}
	for _, g := range all {
		slices.Sort(g.nodes)
		slices.SortStableFunc(g.labels, func(a, b string) int { return place(a) - place(b) })
	}
	return all
}

// place is where a system stands in tables: in the order of systems, others last.
func place(label string) int {
	known := systems()
	i := slices.IndexFunc(known, func(s System) bool { return s.Label() == label })
	if i < 0 {
		return len(known)
	}
	return i
}

func (g *grid) add(r *Result) *answer {
	if !slices.Contains(g.labels, r.label()) {
		g.labels = append(g.labels, r.label())
	}
	if !slices.Contains(g.nodes, r.Nodes) {
		g.nodes = append(g.nodes, r.Nodes)
	}
	at := where{r.label(), r.Nodes}
	if g.answers[at] == nil {
		g.answers[at] = &answer{}
	}
	return g.answers[at]
}

// runs is in how many there is an answer.
func (a *answer) runs() int { return len(a.values) + a.never }

// value is what all runs say together: the least of ratios, which ought to be 1 in all of them,
// and else the median. It is infinite if what was waited for did not happen in most.
func (g *grid) value(a *answer) (float64, bool) {
	switch {
	case a == nil || a.runs() == 0:
		return 0, false
	case strings.HasSuffix(g.metric, "ratio") && len(a.values) > 0:
		return slices.Min(a.values), true
	}
	return a.median(), true
}

// median is that of the values, and of an even number of them the lower of the two in the
// middle. What never happened is longer than all that did.
func (a *answer) median() float64 {
	slices.Sort(a.values)
	if i := (a.runs() - 1) / 2; i < len(a.values) {
		return a.values[i]
	}
	return math.Inf(1)
}
