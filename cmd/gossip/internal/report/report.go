// Package report writes what experiments measured into a folder: tables as CSV,
// everything as JSON, figures as SVG and PNG, and an index.html that shows all
// experiments whose results are in the folder.
//
// A file is there whole or not at all, and has nothing in it but what the
// experiment's parameters decide: no time, no machine, no folder.
package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/experiment"
	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/plot"
)

// Record is the JSON file of an experiment: all that the page needs to know.
type Record struct {
	Name     string               `json:"name"`
	Title    string               `json:"title"`
	Source   string               `json:"source"`
	Params   experiment.Params    `json:"params"`
	Findings []experiment.Finding `json:"findings"`
	Figures  []experiment.Figure  `json:"figures"` // drawn in NAME-FIGURE.svg and .png
	Tables   []*experiment.Table  `json:"tables"`  // also in NAME-TABLE.csv
}

// Try tells whether files can be put into the folder: better before an experiment
// than after it. It leaves everything as it is.
func Try(folder string) error {
	if info, err := os.Stat(filepath.Join(folder, pageFile)); err == nil && info.IsDir() {
		return fmt.Errorf("%s is a folder, and should be a file or nothing", filepath.Join(folder, pageFile))
	}
	missing := missingFrom(folder)
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	probe, err := os.CreateTemp(folder, ".probe-*")
	if err == nil {
		err = errors.Join(probe.Close(), os.Remove(probe.Name()))
	}
	for _, made := range missing {
		err = errors.Join(err, os.Remove(made))
	}
	return err
}

// missingFrom lists the folder and those around it that are not there, innermost
// first.
func missingFrom(folder string) (missing []string) {
	for at := filepath.Clean(folder); ; at = filepath.Dir(at) {
		if _, err := os.Stat(at); err == nil || at == filepath.Dir(at) {
			return missing
		}
		missing = append(missing, at)
	}
}

// Write writes the files of one experiment, and the page anew.
func Write(folder string, e *experiment.Experiment, p experiment.Params, r *experiment.Result) error {
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	for _, t := range r.Tables {
		if err := put(folder, tableFile(e.Name, t.Name), tableCSV(t)); err != nil {
			return err
		}
	}
	for _, f := range r.Figures {
		if err := putFigure(folder, e.Name, f); err != nil {
			return err
		}
	}
	record, err := json.MarshalIndent(Record{
		Name: e.Name, Title: e.Title, Source: e.Source, Params: p,
		Findings: r.Findings, Figures: r.Figures, Tables: r.Tables,
	}, "", " ")
	if err != nil {
		return err
	}
	// The page goes by the JSON files. Each comes after all that it names.
	if err := put(folder, e.Name+".json", append(record, '\n')); err != nil {
		return err
	}
	return writePage(folder)
}

func tableFile(experiment, table string) string { return experiment + "-" + table + ".csv" }
func figureFile(experiment, figure, kind string) string {
	return experiment + "-" + figure + "." + kind
}

func putFigure(folder, experiment string, f experiment.Figure) error {
	svg, err := plot.SVG(f)
	if err != nil {
		return fmt.Errorf("drawing %s: %w", f.Name, err)
	}
	png, err := plot.PNG(f)
	if err != nil {
		return fmt.Errorf("drawing %s: %w", f.Name, err)
	}
	if err := put(folder, figureFile(experiment, f.Name, "svg"), svg); err != nil {
		return err
	}
	return put(folder, figureFile(experiment, f.Name, "png"), png)
}

// put writes a file aside and then gives it its name, so that nobody ever sees a
// part of it.
func put(folder, name string, content []byte) error {
	aside, err := os.CreateTemp(folder, "."+name+".*")
	if err != nil {
		return err
	}
	_, err = aside.Write(content)
	if closed := aside.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Chmod(aside.Name(), 0o644)
	}
	if err == nil {
		err = os.Rename(aside.Name(), filepath.Join(folder, name))
	}
	if err != nil {
		os.Remove(aside.Name())
	}
	return err
}

func tableCSV(t *experiment.Table) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.Write(t.Columns) // a bytes.Buffer takes everything
	for _, row := range t.Rows {
		var cells []string
		for _, cell := range row {
			cells = append(cells, exact(cell))
		}
		_ = w.Write(cells)
	}
	w.Flush()
	return b.Bytes()
}

// exact writes the shortest number that is read back as the same.
func exact(cell any) string {
	switch x := cell.(type) {
	case float64:
		return strconv.FormatFloat(x, 'f', -1, 64)
	default:
		return fmt.Sprint(x)
	}
}
