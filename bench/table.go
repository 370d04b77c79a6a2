package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// writeTables writes results as Markdown: a table for each question, with the medians
// over all runs, and the least of the ratios.
func writeTables(w io.Writer, results []Result) error {
	if len(results) == 0 {
		return fmt.Errorf("there are no results")
	}
	var b strings.Builder
	first := results[0]
	all := grids(results)
	fmt.Fprintf(&b, "Medians of %s, of ratios the least; %s, %d cores, %s.\n", runsOf(all), first.Go, first.Cores, first.Date)
	var notes []string
	for _, g := range all {
		notes = g.write(&b, notes)
	}
	if len(notes) > 0 {
		b.WriteString("\n")
	}
	for i, note := range notes {
		fmt.Fprintf(&b, "[%d] %s\n\n", i+1, note)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func runsOf(all []*grid) string {
	most := 0
	for _, g := range all {
		for _, a := range g.answers {
			most = max(most, a.runs())
		}
	}
	return "up to " + plural(most, "run")
}

// write appends a table and the notes that it needs.
func (g *grid) write(b *strings.Builder, notes []string) []string {
	fmt.Fprintf(b, "\n**%s**\n\n| |", g.question)
	for _, n := range g.nodes {
		fmt.Fprintf(b, " N = %d |", n)
	}
	b.WriteString("\n| --- |" + strings.Repeat(" ---: |", len(g.nodes)) + "\n")
	for _, label := range g.labels {
		fmt.Fprintf(b, "| %s |", label)
		for _, n := range g.nodes {
			text, note := g.text(g.at(label, n))
			if note != "" {
				i := slices.Index(notes, note)
				if i < 0 {
					i, notes = len(notes), append(notes, note)
				}
				text = strings.TrimSpace(fmt.Sprintf("%s [%d]", text, i+1))
			}
			fmt.Fprintf(b, " %s |", text)
		}
		b.WriteString("\n")
	}
	return notes
}

// text is what a cell of a table says, and a note to it.
func (g *grid) text(a *answer) (text, note string) {
	if a == nil {
		return "–", ""
	}
	if len(a.errors) > 0 {
		note = a.errors[0]
	}
	if v, ok := g.value(a); ok {
		text = number(v)
	}
	return text, note
}

// number writes three digits, or all that are in front of the point.
func number(v float64) string {
	size := math.Abs(v)
	switch {
	case math.IsInf(v, 1):
		return "never"
	case size == 0:
		return "0"
	case size >= 1e6:
		return strconv.FormatFloat(v/1e6, 'f', 2, 64) + " M"
	case size >= 1e4:
		return strconv.FormatFloat(v/1e3, 'f', 1, 64) + " k"
	case size >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case size > 0.99 && size < 1: // ratios: what is missing counts
		return strconv.FormatFloat(math.Floor(v*1e5)/1e5, 'f', 5, 64)
	case size >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	default:
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
}
