package main

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// logCall is a place in the source that logs.
type logCall struct {
	where   token.Position
	level   string
	message string
	keys    []string
	values  []string // as they are written
}

// logCalls are all in the library and the command.
func logCalls(t *testing.T) (calls []logCall) {
	t.Helper()
	for _, root := range []string{"../../gossip", "."} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && slices.Contains([]string{"node_modules", "testdata", "testserver"}, d.Name()):
				return fs.SkipDir
			case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
				return nil
			}
			calls = append(calls, logCallsIn(t, path)...)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return calls
}

// logCallsIn finds calls of a logger's methods, which is called log or Logger everywhere, and of
// the library's warn, which bounds how many lines there are.
func logCallsIn(t *testing.T, path string) (calls []logCall) {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		call, isCall := n.(*ast.CallExpr)
		if !isCall {
			return true
		}
		f, isMethod := call.Fun.(*ast.SelectorExpr)
		if !isMethod {
			return true
		}
		args, level := call.Args, f.Sel.Name
		on := types.ExprString(f.X)
		on = on[strings.LastIndex(on, ".")+1:]
		switch {
		case level == "warn" && on == "n":
			args, level = args[1:], "Warn"
		case on != "log" && on != "Logger" || !slices.Contains([]string{"Debug", "Info", "Warn", "Error"}, level):
			return true
		case call.Ellipsis.IsValid() && strings.HasSuffix(path, "gossip/warnings.go"):
			return true // warn itself
		}
		c := logCall{where: fset.Position(call.Pos()), level: strings.ToLower(level), message: literal(args[0])}
		for i := 1; i < len(args); i += 2 {
			c.keys = append(c.keys, literal(args[i]))
			if i+1 < len(args) {
				c.values = append(c.values, types.ExprString(args[i+1]))
			}
		}
		if c.message == "" || slices.Contains(c.keys, "") || len(c.keys) != len(c.values) || call.Ellipsis.IsValid() {
			t.Errorf("%v: message and keys must be literals, in front of values", c.where)
		}
		if filepath.Base(path) != "warnings.go" && f.Sel.Name == "warn" {
			c.keys = append(c.keys, "left_out")
		}
		calls = append(calls, c)
		return true
	})
	return calls
}

func literal(e ast.Expr) string {
	if l, ok := e.(*ast.BasicLit); ok && l.Kind == token.STRING {
		text, _ := strconv.Unquote(l.Value)
		return text
	}
	return ""
}

// rows are those of the tables of a page: the first cells, unquoted.
func rows(t *testing.T, page string) (all [][]string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| -") {
			continue
		}
		var cells []string
		for _, cell := range strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|") {
			cells = append(cells, strings.ReplaceAll(strings.TrimSpace(cell), "`", ""))
		}
		all = append(all, cells)
	}
	return all
}

var snakeCase = regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)

// docs/logging.md has every line that is logged, with its level and its keys, and every
// key, and nothing else: who reads logs with a program goes by it.
func TestLogsAreAsDocumented(t *testing.T) {
	documented := make(map[string]string) // message: level and keys
	keys := make(map[string]bool)
	for _, row := range rows(t, "../../docs/logging.md") {
		switch {
		case row[0] == "Level" || row[0] == "Key":
		case len(row) == 4:
			documented[row[1]] = row[0] + " " + row[2]
		case len(row) == 2:
			for _, key := range strings.Split(row[0], ", ") {
				keys[key] = false
			}
		default:
			t.Errorf("docs/logging.md: a row of %d cells: %q", len(row), row)
		}
	}
	said := make(map[string]*logCall)
	for _, c := range logCalls(t) {
		if first := said[c.message]; first == nil {
			said[c.message] = &c
		} else {
			if first.level != c.level {
				t.Errorf("%v: %q is logged as %s, and as %s at %v", c.where, c.message, c.level, first.level, first.where)
			}
			first.keys = append(first.keys, c.keys...)
		}
		for i, key := range c.keys {
			if slices.Contains([]string{slog.TimeKey, slog.LevelKey, slog.MessageKey, slog.SourceKey}, key) {
				t.Errorf("%v: a line has a %q of its own already", c.where, key)
			}
			if _, known := keys[key]; !known || !snakeCase.MatchString(key) {
				t.Errorf("%v: the key %q is not in docs/logging.md, or not in snake case", c.where, key)
			}
			keys[key] = true
			// What others hide in a payload, or a user in a file, is nobody's to read in a log.
			if i < len(c.values) && regexp.MustCompile(`(?i)payload|token|secret|\.keys\[|\.Headers`).MatchString(c.values[i]) {
				t.Errorf("%v: %s is logged", c.where, c.values[i])
			}
		}
	}
	for message, c := range said {
		slices.Sort(c.keys)
		keys := strings.Join(slices.Compact(c.keys), ", ")
		if got, want := c.level+" "+keys, documented[message]; strings.TrimSpace(got) != strings.TrimSpace(want) {
			t.Errorf("%v: docs/logging.md has %q for %q, want\n| %s | %s | %s | … |", c.where, want, message, c.level, message, keys)
		}
	}
	for message := range documented {
		if said[message] == nil {
			t.Errorf("docs/logging.md has %q, which nobody logs", message)
		}
	}
	for key, used := range keys {
		if !used && !slices.Contains([]string{"time", "level", "msg", "node", "discover", "text"}, key) {
			t.Errorf("docs/logging.md has the key %q, which nobody uses", key)
		}
	}
	if len(said) < 30 {
		t.Errorf("only %d messages were found in the source", len(said))
	}
}

// jsonRecords returns what is in the log of an agent that logs JSON.
func jsonRecords(t *testing.T, text string) (records []map[string]any) {
	t.Helper()
	for line := range strings.Lines(text) {
		var r map[string]any
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Errorf("%q is no JSON: %v", line, err)
			continue
		}
		for key, value := range r {
			switch value.(type) {
			case string, float64, bool:
			default:
				t.Errorf("%s is a %T, want something plain: %s", key, value, line)
			}
			if !snakeCase.MatchString(key) {
				t.Errorf("the key %q is not in snake case: %s", key, line)
			}
		}
		for _, key := range []string{"time", "level", "msg"} {
			if r[key] == nil {
				t.Errorf("no %s: %s", key, line)
			}
		}
		records = append(records, r)
	}
	return records
}

// notices are the addresses in those that an agent begins with: of its node and of its API.
func (p *process) notices() (addr, url string) {
	p.t.Helper()
	for {
		line := p.next(p.stderr)
		var r struct{ Msg, Text string }
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			p.t.Fatalf("gossip %q printed %q, want JSON", p.args, line)
		}
		if _, at, found := strings.Cut(r.Text, "HTTP API and window at "); found {
			return addr, at
		}
		_, addr, _ = strings.Cut(r.Text, " at ")
	}
}

// A log in JSON is JSON from the first line to the last. At debug level, which is chosen
// while the agent runs, it tells of messages that are part of a trace, and not what is in
// them.
func TestLogInJSON(t *testing.T) {
	const traceID, spanID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	a := launch(t, nil, "agent", "--id", "a", "--quiet", "--log-format", "json")
	addr, url := a.notices()
	send := func(traceparent, payload string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"v1/messages", strings.NewReader(payload))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("traceparent", traceparent)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		if answer.StatusCode != http.StatusCreated {
			t.Fatalf("sending: %v", answer.Status)
		}
	}
	defer http.DefaultClient.CloseIdleConnections()
	send("00-"+traceID+"-"+spanID+"-01", "before")
	if status, out, stderr := call(t, "", "log-level", "debug", "--api", url); status != statusOK || out != "debug\n" {
		t.Fatalf("log-level: status %d, stdout %q, stderr %q", status, out, stderr)
	}
	send("00-"+traceID+"-"+spanID+"-01", "sesame")
	send("00-nonsense-01", "sesame")
	log := ""
	for !strings.Contains(log, traceID) { // who leaves drops what nobody has read
		log += a.next(a.stderr) + "\n"
	}
	stranger, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(stranger, "GET / HTTP/1.0\r\n\r\n")
	for !strings.Contains(log, `"no connection"`) {
		log += a.next(a.stderr) + "\n"
	}
	stranger.Close()
	if status, out, _ := call(t, "", "log-level", "--api", url, "--json"); status != statusOK || out != `{"level":"debug"}`+"\n" {
		t.Errorf("log-level: status %d, %q", status, out)
	}
	a.interrupt()
	if status := a.wait(); status != statusOK {
		t.Errorf("the agent ended with %d", status)
	}
	log += a.stderr.rest()
	var traced []map[string]any
	changed, refused := false, false
	for _, r := range jsonRecords(t, log) {
		switch r["msg"] {
		case "message of a trace":
			traced = append(traced, r)
		case "what is logged has changed":
			changed = r["level"] == "INFO" && r["log_level"] == "debug"
		case "no connection":
			refused = r["node"] == "a" && r["error"] != ""
		}
	}
	if len(traced) != 1 || !changed || !refused {
		t.Fatalf("%d messages of a trace were logged, want the second; the change of level: %v, that of a stranger: %v\n%s", len(traced), changed, refused, log)
	}
	r := traced[0]
	if id, _ := r["message_id"].(string); r["trace_id"] != traceID || r["span_id"] != spanID || r["level"] != "DEBUG" || !strings.HasPrefix(id, "a/") || !strings.HasSuffix(id, "/2") {
		t.Errorf("logged was %v", r)
	}
	if strings.Contains(log, "sesame") || strings.Contains(log, "nonsense") {
		t.Errorf("a payload, or a header that is none, is in the log: %s", log)
	}
}

// A level is one that there is.
func TestLogLevelIsChecked(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"log-level loud", `"loud", allowed: debug, info, warn, error`},
		{"log-level info warn", "2 arguments, allowed: at most one of debug"},
		{"agent --log-format xml", `"--log-format" flag: allowed: text, json`},
	} {
		if status, _, stderr := call(t, "", strings.Fields(c.args)...); status != statusUsage || !strings.Contains(stderr, c.want) {
			t.Errorf("%s: status %d, stderr %q, want %q", c.args, status, stderr, c.want)
		}
	}
	if status, _, stderr := call(t, "", "log-level", "debug", "--api", "unix:"+filepath.Join(t.TempDir(), "nobody")); status != statusFailed || stderr == "" {
		t.Errorf("without an agent: status %d, stderr %q", status, stderr)
	}
}
