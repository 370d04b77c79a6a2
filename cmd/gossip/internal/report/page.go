package report

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/experiment"
)

//go:embed page.html
var pageSource string

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"csv":     tableFile,
	"picture": figureFile,
	"cell":    rounded,
	"isText":  func(cell any) bool { _, is := cell.(string); return is },
	"words":   func(s string) string { return strings.ReplaceAll(s, "_", " ") },
}).Parse(pageSource))

// section is an experiment on the page.
type section struct {
	Record
	Question, PaperFound, Setting string
	Command                       string
	Holding                       int // findings
}

// pageFile is the page's.
const pageFile = "index.html"

// writePage writes index.html, about the experiments of which the folder has the
// results. It knows them from their JSON files alone, so it is the same however
// these came there.
func writePage(folder string) error {
	var sections []section
	for _, e := range experiment.All {
		record, err := read(filepath.Join(folder, e.Name+".json"))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return err
		}
		s := section{
			Record: record, Question: e.Question, PaperFound: e.PaperFound, Setting: e.Setting,
			Command: Command(record.Name, record.Params),
		}
		for _, f := range record.Findings {
			if f.Holds {
				s.Holding++
			}
		}
		sections = append(sections, s)
	}
	var b bytes.Buffer
	if err := page.Execute(&b, sections); err != nil {
		return err
	}
	return put(folder, pageFile, b.Bytes())
}

func read(file string) (r Record, err error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(content, &r); err != nil {
		return r, fmt.Errorf("%s: %w (remove it, or repeat its experiment)", file, err)
	}
	return r, nil
}

// Command is the command line that repeats an experiment.
func Command(name string, p experiment.Params) string {
	return fmt.Sprintf("gossip sim experiment %s --nodes %d --view %d --cycles %d --runs %d --seed %d",
		name, p.Nodes, p.View, p.Cycles, p.Runs, p.Seed)
}

// rounded writes a cell for people: four digits, or all of a whole number.
func rounded(cell any) string {
	x, is := cell.(float64)
	switch {
	case !is:
		return fmt.Sprint(cell)
	case x == math.Trunc(x) && math.Abs(x) < 1e9:
		return strconv.FormatFloat(x, 'f', 0, 64)
	case math.Abs(x) >= 1000:
		return strconv.FormatFloat(x, 'f', 1, 64)
	case math.Abs(x) < 0.001:
		return strconv.FormatFloat(x, 'g', 3, 64)
	}
	digits := 3 - int(math.Floor(math.Log10(math.Abs(x))))
	return strconv.FormatFloat(x, 'f', min(digits, 5), 64)
}
