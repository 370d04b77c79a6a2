package plot

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/color"
	"image/png"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/experiment"
)

func line(name string, style experiment.Style, ys ...float64) experiment.Series {
	s := experiment.Series{Name: name, Style: style, Y: ys}
	for i := range ys {
		s.X = append(s.X, float64(i+1))
	}
	return s
}

// example has what figures are made of: two panels with a label in common, a
// curve that a logarithmic axis cannot show all of, and a panel with nothing.
func example() experiment.Figure {
	x := experiment.Axis{Label: "cycle"}
	return experiment.Figure{
		Name: "example", Caption: "An example", Columns: 2,
		Panels: []experiment.Panel{
			{Title: "left & first", X: x, Y: experiment.Axis{Label: "dead links", Log: true}, Series: []experiment.Series{
				line("healer", experiment.Style{Colour: experiment.Vermillion, Marker: experiment.Triangle}, 15, 3, 0.2, 0),
				line("swapper <", experiment.Style{Colour: experiment.Green, Marker: experiment.Square, Line: experiment.Dashed, Open: true}, 15, 14, 13, 12),
			}},
			{Title: "right", X: x, Y: experiment.Axis{Label: "dead links", Log: true}, Series: []experiment.Series{
				line("healer", experiment.Style{Colour: experiment.Vermillion, Marker: experiment.Triangle}, 150, 30),
				line("points", experiment.Style{Line: experiment.NoLine, Marker: experiment.Cross}, 1, 2, 3),
			}},
			{Title: "nothing", X: x, Y: experiment.Axis{Label: "nothing"}},
		},
	}
}

// written returns what is written in an SVG, which must be well formed.
func written(t *testing.T, svg []byte) (words []string) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(svg))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return words
		}
		if err != nil {
			t.Fatal(err)
		}
		if chars, is := token.(xml.CharData); is && strings.TrimSpace(string(chars)) != "" {
			words = append(words, string(chars))
		}
	}
}

func count(words []string, word string) (n int) {
	for _, w := range words {
		if w == word {
			n++
		}
	}
	return n
}

func TestSVG(t *testing.T) {
	svg, err := SVG(example())
	if err != nil {
		t.Fatal(err)
	}
	words := written(t, svg)
	for word, want := range map[string]int{
		"left & first": 1, "right": 1, "nothing": 2, // a title and an axis
		"healer": 1, "swapper <": 1, "points": 1, // once in the legend
		"dead links": 1, // panels side by side share the name of an axis
		"cycle":      2, // the one on the right has nothing below it
	} {
		if got := count(words, word); got != want {
			t.Errorf("%q is written %d times, want %d", word, got, want)
		}
	}
	if strings.Contains(string(svg), "NaN") || strings.Contains(string(svg), "Inf") {
		t.Error("there is no such place")
	}
	for _, link := range []string{"href", "url(", "@import", "<image"} {
		if strings.Contains(string(svg), link) {
			t.Errorf("it needs something else: %s", link)
		}
	}
	if again, _ := SVG(example()); !bytes.Equal(svg, again) {
		t.Error("the same figure is not the same bytes")
	}
}

// The legend makes room for its longest name.
func TestLongNames(t *testing.T) {
	f := example()
	short := legendWidth(f)
	f.Panels[1].Series[1].Name = strings.Repeat("points, ", 8)
	least := sampleWidth + sampleGap + textStyle(textSize).Width(f.Panels[1].Series[1].Name)
	if long := legendWidth(f); short != leastLegend || long < least {
		t.Errorf("the legend is %v wide, and %v with a name that needs %v", short, long, least)
	}
	if _, err := SVG(f); err != nil {
		t.Error(err)
	}
}

func TestPNG(t *testing.T) {
	b, err := PNG(example())
	if err != nil {
		t.Fatal(err)
	}
	picture, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := picture.Bounds().Dx(), pageWidth*dpi/72; got != want {
		t.Errorf("%d pixels wide, want %d", got, want)
	}
	inked := map[color.Color]bool{}
	for y := range picture.Bounds().Dy() {
		for x := range picture.Bounds().Dx() {
			inked[color.RGBAModel.Convert(picture.At(x, y))] = true
		}
	}
	for _, c := range []experiment.Colour{experiment.Vermillion, experiment.Green} {
		if !inked[palette[c]] {
			t.Errorf("nothing is drawn in %v", palette[c])
		}
	}
	if again, _ := PNG(example()); !bytes.Equal(b, again) {
		t.Error("the same figure is not the same bytes")
	}
}

// Panels that name the same axis have the same range, so that they can be
// compared; what a logarithmic axis cannot show does not count.
func TestSharedRanges(t *testing.T) {
	ranges := sharedRanges(example())
	if got, want := ranges["y dead links"], (interval{0.2, 150}); got != want {
		t.Errorf("dead links %v, want %v", got, want)
	}
	for what, r := range ranges {
		if !(r.min < r.max) {
			t.Errorf("%s: %v is no range", what, r)
		}
	}
	flat := experiment.Figure{Panels: []experiment.Panel{{
		X: experiment.Axis{Label: "x"}, Y: experiment.Axis{Label: "y", Log: true},
		Series: []experiment.Series{line("flat", experiment.Style{}, 4, 4)},
	}}}
	if got, want := sharedRanges(flat)["y y"], (interval{2, 8}); got != want {
		t.Errorf("around what is always 4: %v, want %v", got, want)
	}
}

func TestTicks(t *testing.T) {
	for _, test := range []struct {
		name        string
		ticks       func(float64, float64) []string
		least, most float64
		want        string
	}{
		{"linear", labelsOf(linear), 0, 10, "0 2 4 6 8 10"},
		{"linear", labelsOf(linear), -0.2, 1, "-0.2 0 0.2 0.4 0.6 0.8 1"},
		{"linear", labelsOf(linear), 300, 600, "300 350 400 450 500 550 600"},
		{"log", labelsOf(logarithmic), 1, 300, "1 10 100"},
		{"log", labelsOf(logarithmic), 1, 100, "1 2 5 10 20 50 100"},
		{"log", labelsOf(logarithmic), 0.001, 20, "0.001 0.01 0.1 1 10"},
		{"log", labelsOf(logarithmic), 2.2, 2.8, "2.2 2.3 2.4 2.5 2.6 2.7 2.8"},
	} {
		if got := strings.Join(test.ticks(test.least, test.most), " "); got != test.want {
			t.Errorf("%s from %v to %v: %q, want %q", test.name, test.least, test.most, got, test.want)
		}
	}
	for _, test := range []struct {
		x    float64
		want string
	}{{0, "0"}, {math.Copysign(0, -1), "0"}, {0.1 + 0.2, "0.3"}, {12000, "12000"}, {1e-5, "1e-05"}, {1e7, "1e+07"}} {
		if got := number(test.x); got != test.want {
			t.Errorf("%v is written %q, want %q", test.x, got, test.want)
		}
	}
}

const (
	linear = iota
	logarithmic
)

func labelsOf(scale int) func(least, most float64) []string {
	return func(least, most float64) (labels []string) {
		ticks := linearTicks(least, most)
		if scale == logarithmic {
			ticks = logTicks(least, most)
		}
		for _, tick := range ticks {
			if tick.Label != "" {
				labels = append(labels, tick.Label)
			}
		}
		return labels
	}
}

// Markers stand apart, however close the points are.
func TestMarkersStandApart(t *testing.T) {
	f := example()
	var ys []float64
	for i := range 1000 {
		ys = append(ys, 1+float64(i%2)/100)
	}
	f.Panels[0].Series = []experiment.Series{line("dense", experiment.Style{Marker: experiment.Circle}, ys...)}
	dense, err := SVG(f)
	if err != nil {
		t.Fatal(err)
	}
	f.Panels[0].Series[0].Style.Marker = experiment.NoMarker
	bare, _ := SVG(f)
	if n := bytes.Count(dense, []byte("<path")) - bytes.Count(bare, []byte("<path")); n < 3 || n > 40 {
		t.Errorf("%d markers on a curve of 1000 points", n)
	}
}
