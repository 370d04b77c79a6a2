package deploy

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// newCommand is the command with arguments.
func newCommand(t *testing.T, args ...string) *exec.Cmd {
	return exec.CommandContext(t.Context(), binary, args...)
}

// series are the metrics that an agent has, by name, with the values of their labels.
type series map[string]map[string][]string

func served(t *testing.T) series {
	t.Helper()
	all := make(series)
	sample := regexp.MustCompile(`^([a-z_]+)(?:\{(.*)\})? `)
	label := regexp.MustCompile(`([a-z_]+)="([^"]*)"`)
	for line := range strings.Lines(scrape(t)) {
		m := sample.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		if all[m[1]] == nil {
			all[m[1]] = make(map[string][]string)
		}
		for _, l := range label.FindAllStringSubmatch(m[2], -1) {
			all[m[1]][l[1]] = append(all[m[1]][l[1]], l[2])
		}
	}
	if len(all) < 50 {
		t.Fatalf("the agent serves %d metrics only", len(all))
	}
	return all
}

var (
	// A name, and what selects some of its series.
	metricInQuery = regexp.MustCompile(`\b((?:gossip|go|process)_[a-z_]+|up)\b(?:\{([^}]*)\})?`)
	matcher       = regexp.MustCompile(`([a-z_]+)(=~|=)"([^"]*)"`)
)

// check reports metrics in a query that no agent has, and labels without such values.
func (s series) check(t *testing.T, where, query string) {
	t.Helper()
	names := metricInQuery.FindAllStringSubmatch(query, -1)
	if len(names) == 0 {
		t.Errorf("%s: there is no metric in %s", where, query)
	}
	for _, m := range names {
		if m[1] == "up" {
			continue
		}
		labels, known := s[m[1]]
		if !known {
			t.Errorf("%s: an agent has no %s", where, m[1])
			continue
		}
		for _, l := range matcher.FindAllStringSubmatch(m[2], -1) {
			if l[1] == "job" || l[1] == "instance" { // which Prometheus adds
				continue
			}
			for value := range strings.SplitSeq(l[3], "|") {
				if !slices.Contains(labels[l[1]], value) {
					t.Errorf("%s: %s has no %s=%q, but %q", where, m[1], l[1], value, labels[l[1]])
				}
			}
		}
	}
}

// dashboard is what matters here of Grafana's form.
type dashboard struct {
	UID, Title string
	Panels     []struct {
		ID          int
		Type, Title string
		GridPos     struct{ X, Y, W, H int }
		Targets     []struct{ RefID, Expr string }
	}
	Templating struct {
		List []struct{ Name, Type, Definition string }
	}
}

func readDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	if err := json.Unmarshal([]byte(readFile(t, "grafana-dashboard.json")), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// Panels have ids of their own, do not overlap, and ask for something.
func TestDashboardIsInOrder(t *testing.T) {
	d := readDashboard(t)
	if d.UID == "" || d.Title == "" || len(d.Panels) < 10 {
		t.Fatalf("it has %d panels", len(d.Panels))
	}
	ids := make(map[int]bool)
	taken := make(map[[2]int]string)
	for _, p := range d.Panels {
		if p.ID == 0 || ids[p.ID] {
			t.Errorf("%q: the id %d is taken", p.Title, p.ID)
		}
		ids[p.ID] = true
		if (p.Type == "row") != (len(p.Targets) == 0) {
			t.Errorf("%q: a %s with %d queries", p.Title, p.Type, len(p.Targets))
		}
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" || x >= 24 {
					t.Fatalf("%q lies on %q, or outside", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
}

// What the dashboard and the alerts ask for is there: every name and every value of a
// label is served by an agent.
func TestQueriesAreOfMetricsThatAgentsHave(t *testing.T) {
	has := served(t)
	d := readDashboard(t)
	for _, p := range d.Panels {
		for _, q := range p.Targets {
			has.check(t, p.Title, q.Expr)
			for _, want := range []string{`job=~"$job"`, `instance=~"$instance"`} {
				if n := len(metricInQuery.FindAllString(q.Expr, -1)); strings.Count(q.Expr, want) != n {
					t.Errorf("%s: not all of its metrics are of the agents chosen: %s", p.Title, q.Expr)
				}
			}
		}
	}
	for _, v := range d.Templating.List {
		if v.Type == "query" {
			has.check(t, v.Name, v.Definition)
		}
	}
	expressions := regexp.MustCompile(`(?m)^ +expr: (.+(?:\n {10}.+)*)$`).FindAllStringSubmatch(readFile(t, "alerts.yml"), -1)
	if alerts := strings.Count(readFile(t, "alerts.yml"), "- alert: "); len(expressions) != alerts {
		t.Fatalf("%d expressions of %d alerts", len(expressions), alerts)
	}
	for _, e := range expressions {
		has.check(t, "alerts.yml", e[1])
	}
}

// Prometheus understands all queries: those of the dashboard as rules that record.
func TestQueriesAreUnderstood(t *testing.T) {
	promtool := tool(t, "promtool", "prometheus")
	var rules strings.Builder
	rules.WriteString("groups:\n- name: dashboard\n  rules:\n")
	fill := strings.NewReplacer("$__rate_interval", "1m", "$job", "x", "$instance", "x")
	n := 0
	for _, p := range readDashboard(t).Panels {
		for _, q := range p.Targets {
			text, err := json.Marshal(fill.Replace(q.Expr))
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&rules, "  - {record: \"panel:%d\", expr: %s}\n", n, text)
			n++
		}
	}
	file := filepath.Join(t.TempDir(), "rules.yml")
	writeFile(t, file, rules.String(), 0o600)
	if out := run(t, promtool, "check", "rules", file); !strings.Contains(out, fmt.Sprint("SUCCESS: ", n, " rules found")) {
		t.Errorf("of %d queries: %s", n, out)
	}
}

// The alerts are understood, fire when they should, and are part of a configuration that
// Prometheus takes.
func TestAlerts(t *testing.T) {
	promtool := tool(t, "promtool", "prometheus")
	run(t, promtool, "check", "rules", "alerts.yml")
	run(t, promtool, "test", "rules", "alerts_test.yml")
	tests := readFile(t, "alerts_test.yml")
	for _, m := range regexp.MustCompile(`- alert: (\w+)`).FindAllStringSubmatch(readFile(t, "alerts.yml"), -1) {
		if !strings.Contains(tests, "alertname: "+m[1]+"\n") {
			t.Errorf("nothing has %s fire", m[1])
		}
	}
	dir := t.TempDir()
	token := filepath.Join(dir, "token")
	writeFile(t, token, "secret", 0o600)
	writeFile(t, filepath.Join(dir, "alerts.yml"), readFile(t, "alerts.yml"), 0o600)
	config := filepath.Join(dir, "prometheus.yml")
	writeFile(t, config, strings.ReplaceAll(readFile(t, "prometheus.yml"), "/etc/prometheus/gossip-token", token), 0o600)
	run(t, promtool, "check", "config", config)
}

// The operations guide tells of every reason for a drop, and of every alert.
func TestTheGuideKnowsAllReasonsAndAlerts(t *testing.T) {
	guide := readFile(t, "../docs/operations.md")
	reasons := served(t)["gossip_dropped_total"]["reason"]
	if len(reasons) < 40 {
		t.Fatalf("an agent has the reasons %q", reasons)
	}
	for _, reason := range reasons {
		if n := strings.Count(guide, "\n| `"+reason+"` |"); n != 1 {
			t.Errorf("the guide has %d rows of %s", n, reason)
		}
	}
	for _, m := range regexp.MustCompile(`- alert: (\w+)`).FindAllStringSubmatch(readFile(t, "alerts.yml"), -1) {
		if !strings.Contains(guide, "\n| `"+m[1]+"` |") {
			t.Errorf("the guide tells nothing of %s", m[1])
		}
	}
	rows := regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| .* \\| (?:fine|look) \\|").FindAllStringSubmatch(guide, -1)
	for _, row := range rows {
		if !slices.Contains(reasons, row[1]) {
			t.Errorf("the guide tells of %s, which no agent has", row[1])
		}
	}
}
