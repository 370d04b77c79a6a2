package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/experiment"
)

// tiny is enough to have something in every table.
var tiny = experiment.Params{Nodes: 120, View: 8, Cycles: 20, Runs: 2, Seed: 7}

// some are the experiments that are carried out: all, but in a short run.
func some() []*experiment.Experiment {
	if testing.Short() {
		return []*experiment.Experiment{experiment.Named("self-healing")}
	}
	return experiment.All
}

// onOneCore are the files of some experiments, made once.
var onOneCore = struct {
	sync.Once
	files map[string][]byte
}{}

func alone(t *testing.T) map[string][]byte {
	onOneCore.Do(func() {
		before := runtime.GOMAXPROCS(1)
		defer runtime.GOMAXPROCS(before)
		onOneCore.files = written(t, tiny, some())
	})
	return onOneCore.files
}

// written carries experiments out and returns the files, by name.
func written(t *testing.T, p experiment.Params, some []*experiment.Experiment) map[string][]byte {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "a", "b")
	for _, e := range some {
		r, err := e.Run(t.Context(), p, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := Write(folder, e, p, r); err != nil {
			t.Fatal(err)
		}
	}
	return files(t, folder)
}

func files(t *testing.T, folder string) map[string][]byte {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for _, e := range entries {
		if all[e.Name()], err = os.ReadFile(filepath.Join(folder, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// Same parameters, same bytes: in every file, on one core or two, whatever
// GOMAXPROCS is; and another seed is another run.
func TestSameParametersSameBytes(t *testing.T) {
	alone := alone(t)
	p := tiny
	p.Cores = 3
	before := runtime.GOMAXPROCS(4)
	defer runtime.GOMAXPROCS(before)
	together := written(t, p, some())
	for _, name := range slices.Sorted(maps.Keys(alone)) {
		if !bytes.Equal(alone[name], together[name]) {
			t.Errorf("%s hangs on the cores", name)
		}
	}
	if len(alone) != len(together) {
		t.Errorf("%d files, then %d", len(alone), len(together))
	}
	p.Seed++
	for name, content := range written(t, p, []*experiment.Experiment{experiment.Named("self-healing")}) {
		if strings.HasSuffix(name, ".csv") && bytes.Equal(content, alone[name]) {
			t.Errorf("%s does not hang on the seed", name)
		}
	}
}

// Every file is what its name says, and the page leads to all of them and to
// nothing else.
func TestFiles(t *testing.T) {
	all := alone(t)
	for name, content := range all {
		switch filepath.Ext(name) {
		case ".csv":
			if rows, err := csv.NewReader(bytes.NewReader(content)).ReadAll(); err != nil || len(rows) < 2 {
				t.Errorf("%s: %d rows, %v", name, len(rows), err)
			}
		case ".svg":
			wellFormed(t, name, content)
		case ".png":
			if _, err := png.Decode(bytes.NewReader(content)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		case ".json", ".html":
		default:
			t.Errorf("%s should not be there", name)
		}
	}
	for _, e := range some() {
		checkRecord(t, e, all)
	}
	checkPage(t, all)
}

func wellFormed(t *testing.T, name string, content []byte) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(content))
	for {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
	}
}

// checkRecord: the JSON has the same numbers as the CSV files, to the last digit.
func checkRecord(t *testing.T, e *experiment.Experiment, all map[string][]byte) {
	t.Helper()
	var r Record
	if err := json.Unmarshal(all[e.Name+".json"], &r); err != nil {
		t.Fatal(e.Name, err)
	}
	if r.Name != e.Name || r.Params != tiny || len(r.Findings) == 0 || len(r.Tables) == 0 {
		t.Errorf("%s: the record is of %q, %+v, %d findings, %d tables", e.Name, r.Name, r.Params, len(r.Findings), len(r.Tables))
	}
	for _, table := range r.Tables {
		rows, err := csv.NewReader(bytes.NewReader(all[tableFile(e.Name, table.Name)])).ReadAll()
		if err != nil || len(rows) != len(table.Rows)+1 || !slices.Equal(rows[0], table.Columns) {
			t.Errorf("%s: table %s has %d rows and columns %q in JSON, %d and %q in CSV (%v)", e.Name, table.Name, len(table.Rows), table.Columns, len(rows)-1, rows[0], err)
			continue
		}
		for i, row := range table.Rows {
			for k, cell := range row {
				want := rows[i+1][k]
				if x, is := cell.(float64); is {
					if y, err := strconv.ParseFloat(want, 64); err != nil || x != y {
						t.Fatalf("%s, %s, row %d, %s: %v in JSON, %s in CSV", e.Name, table.Name, i, table.Columns[k], x, want)
					}
				} else if cell != want {
					t.Fatalf("%s, %s, row %d, %s: %v in JSON, %s in CSV", e.Name, table.Name, i, table.Columns[k], cell, want)
				}
			}
		}
	}
	for _, f := range r.Figures {
		for _, kind := range []string{"svg", "png"} {
			if len(all[figureFile(e.Name, f.Name, kind)]) == 0 {
				t.Errorf("%s: figure %s has no %s", e.Name, f.Name, kind)
			}
		}
	}
}

var (
	link   = regexp.MustCompile(`(?:href|src)="([^"]*)"`)
	anchor = regexp.MustCompile(` id="([^"]*)"`)
)

func checkPage(t *testing.T, all map[string][]byte) {
	t.Helper()
	page := string(all["index.html"])
	for _, outside := range []string{"://", "url(", "@import", "<script", "ZgotmplZ"} {
		if strings.Contains(page, outside) {
			t.Errorf("the page has %q in it", outside)
		}
	}
	anchors := map[string]bool{}
	for _, m := range anchor.FindAllStringSubmatch(page, -1) {
		anchors["#"+m[1]] = true
	}
	linked := map[string]bool{"index.html": true}
	for _, m := range link.FindAllStringSubmatch(page, -1) {
		linked[m[1]] = true
		if _, found := all[m[1]]; !found && !anchors[m[1]] {
			t.Errorf("the page leads to %q, which is not there", m[1])
		}
	}
	for name := range all {
		if !linked[name] {
			t.Errorf("the page does not lead to %s", name)
		}
	}
	for _, open := range []string{"table", "section", "figure", "ul", "li", "div", "details", "td", "tr"} {
		opened := strings.Count(page, "<"+open+">") + strings.Count(page, "<"+open+" ")
		if closed := strings.Count(page, "</"+open+">"); opened != closed {
			t.Errorf("%d <%s>, %d </%s>", opened, open, closed, open)
		}
	}
}

// A page tells what is in the folder: an experiment that was carried out before,
// with other parameters, stays on it.
func TestPageKeepsWhatIsThere(t *testing.T) {
	folder := t.TempDir()
	p := tiny
	for i, name := range []string{"self-healing", "catastrophic-failure"} {
		e := experiment.Named(name)
		p.Seed = uint64(40 + i)
		r, err := e.Run(t.Context(), p, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := Write(folder, e, p, r); err != nil {
			t.Fatal(err)
		}
	}
	page := string(files(t, folder)["index.html"])
	failure := strings.Index(page, "gossip sim experiment catastrophic-failure --nodes 120 --view 8 --cycles 20 --runs 2 --seed 41")
	healing := strings.Index(page, "gossip sim experiment self-healing --nodes 120 --view 8 --cycles 20 --runs 2 --seed 40")
	if failure < 0 || healing < failure {
		t.Errorf("the commands are at %d and %d, want both, in the order of experiment.All", failure, healing)
	}
}

func TestFindingThatDoesNotHold(t *testing.T) {
	folder := t.TempDir()
	e := experiment.Named("self-healing")
	r := &experiment.Result{Findings: []experiment.Finding{
		{Claim: "a claim <that> holds", Section: "section 1", Measured: "5", Holds: true},
		{Claim: "a claim that fails", Section: "section 2", Measured: "6 & 7"},
	}}
	if err := Write(folder, e, tiny, r); err != nil {
		t.Fatal(err)
	}
	page := string(files(t, folder)["index.html"])
	for _, want := range []string{"1 of 2", "a claim &lt;that&gt; holds", "a claim that fails <strong class=\"bad\">— does not hold here", "6 &amp; 7"} {
		if strings.Count(page, want) != 1 {
			t.Errorf("the page has %q %d times, want it once", want, strings.Count(page, want))
		}
	}
	if strings.Count(page, "does not hold here") != 1 {
		t.Error("a claim that holds is said not to")
	}
}

// Where nothing can be written nothing is left behind, and the error says where.
func TestNowhereToWrite(t *testing.T) {
	e, r := experiment.Named("self-healing"), &experiment.Result{}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Write(file, e, tiny, r); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("into a file: %v", err)
	}

	folder := t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, e.Name+".json"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := Write(folder, e, tiny, r); err == nil {
		t.Error("a folder stood where the file goes")
	}
	if left := under(t, folder); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

func under(t *testing.T, folder string) (names []string) {
	t.Helper()
	_ = filepath.WalkDir(folder, func(path string, _ fs.DirEntry, _ error) error {
		if path != folder {
			names = append(names, path)
		}
		return nil
	})
	return names
}

func TestSpoiledRecord(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "churn.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := Write(folder, experiment.Named("self-healing"), tiny, &experiment.Result{})
	if err == nil || !strings.Contains(err.Error(), "churn.json") || !strings.Contains(err.Error(), "remove it") {
		t.Errorf("%v, want it to name the file and what to do", err)
	}
}

func TestRounded(t *testing.T) {
	for _, test := range []struct {
		cell any
		want string
	}{
		{"word", "word"}, {30.0, "30"}, {10000.0, "10000"}, {0.0, "0"}, {22.7512, "22.75"}, {0.0066667, "0.00667"},
		{1234.56, "1234.6"}, {0.00012345, "0.000123"}, {2.6861, "2.686"}, {-0.5251, "-0.5251"},
	} {
		if got := rounded(test.cell); got != test.want {
			t.Errorf("%v is %q, want %q", test.cell, got, test.want)
		}
	}
}
