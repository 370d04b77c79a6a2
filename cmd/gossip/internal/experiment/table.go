package experiment

import (
	"fmt"
	"math"
)

// Table is rows of numbers and words.
type Table struct {
	Name    string   `json:"name"` // of its file
	Title   string   `json:"title"`
	Summary bool     `json:"summary"` // short enough to be read by people
	Single  bool     `json:"single"`  // of one run, however many there are
	Columns []string `json:"columns"`
	Rows    [][]any  `json:"rows"` // of string, int or float64
}

// Tables are what an experiment measured.
type Tables []*Table

func (t *Table) add(row ...any) {
	if len(row) != len(t.Columns) {
		panic(fmt.Sprintf("experiment: table %s: a row of %d cells for %d columns", t.Name, len(row), len(t.Columns)))
	}
	for i, cell := range row {
		switch x := cell.(type) {
		case string, int:
		case float64:
			if math.IsNaN(x) || math.IsInf(x, 0) {
				panic(fmt.Sprintf("experiment: table %s: %s is %v", t.Name, t.Columns[i], x))
			}
		default:
			panic(fmt.Sprintf("experiment: table %s: %s is a %T", t.Name, t.Columns[i], cell))
		}
	}
	t.Rows = append(t.Rows, row)
}

// FirstRow tells what kinds of cells there are.
func (t *Table) FirstRow() []any {
	if len(t.Rows) == 0 {
		return make([]any, len(t.Columns))
	}
	return t.Rows[0]
}

// means are tables of means over several runs of the same settings: what is the
// same in all of them stays what it is.
func means(runs []Tables) (ms Tables) {
	for i, first := range runs[0] {
		m := *first
		if !m.Single {
			for _, run := range runs {
				if len(run[i].Rows) != len(first.Rows) {
					panic("experiment: table " + m.Name + " has other rows in every run: its experiment must know of runs")
				}
			}
			m.Rows = nil
			for r, row := range first.Rows {
				mean := make([]any, len(row))
				for c := range row {
					var cells []any
					for _, run := range runs {
						cells = append(cells, run[i].Rows[r][c])
					}
					mean[c] = meanCell(cells)
				}
				m.Rows = append(m.Rows, mean)
			}
		}
		ms = append(ms, &m)
	}
	return ms
}

func meanCell(cells []any) any {
	sum, same := 0.0, true
	for _, cell := range cells {
		same = same && cell == cells[0]
	}
	if same {
		return cells[0]
	}
	for _, cell := range cells {
		sum += number(cell) // panics if words differ: the rows do not belong together
	}
	return sum / float64(len(cells))
}

// named returns the table of that name.
func (ts Tables) named(name string) *Table {
	for _, t := range ts {
		if t.Name == name {
			return t
		}
	}
	panic("experiment: no table " + name)
}

// column returns its number.
func (t *Table) column(name string) int {
	for i, c := range t.Columns {
		if c == name {
			return i
		}
	}
	panic("experiment: table " + t.Name + " has no column " + name)
}

// where returns the rows in which the columns hold what is asked for, in pairs:
// where("protocol", "cyclon", "cycle", 3).
func (t *Table) where(pairs ...any) *Table {
	found := &Table{Name: t.Name, Columns: t.Columns}
	for _, row := range t.Rows {
		match := true
		for i := 0; i < len(pairs); i += 2 {
			match = match && row[t.column(pairs[i].(string))] == pairs[i+1]
		}
		if match {
			found.Rows = append(found.Rows, row)
		}
	}
	return found
}

// numbers returns a column.
func (t *Table) numbers(column string) []float64 {
	i := t.column(column)
	var xs []float64
	for _, row := range t.Rows {
		xs = append(xs, number(row[i]))
	}
	return xs
}

// last returns a column of the last row, NaN if there is none: no comparison
// with it holds.
func (t *Table) last(column string) float64 {
	if len(t.Rows) == 0 {
		return math.NaN()
	}
	return number(t.Rows[len(t.Rows)-1][t.column(column)])
}

func number(cell any) float64 {
	switch x := cell.(type) {
	case int:
		return float64(x)
	case float64:
		return x
	}
	panic(fmt.Sprintf("experiment: %v is no number", cell))
}
