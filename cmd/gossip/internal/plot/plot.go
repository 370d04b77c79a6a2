// Package plot draws the figures of package experiment, as SVG and PNG. The same
// figure is the same bytes.
package plot

import (
	"bytes"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/experiment"
)

// Sizes, in points. Figures are as wide as a page; where panels share a row, none
// is higher than wide.
const (
	pageWidth = 860
	margin    = 8
	gap       = 14
	textSize  = 9.5
	titleSize = 10.5
	dpi       = 144 // of a PNG: for screens of two pixels a point
)

// SVG draws a figure. Its text is text, in a font that browsers have, or one of
// the same widths.
func SVG(f experiment.Figure) ([]byte, error) {
	width, height := size(f)
	c := vgsvg.New(width, height)
	paint(draw.New(c), f)
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return nil, err
	}
	return bytes.ReplaceAll(b.Bytes(), []byte("font-family:Liberation Sans;"),
		[]byte("font-family:Liberation Sans,Arial,Helvetica,sans-serif;")), nil
}

// PNG draws a figure.
func PNG(f experiment.Figure) ([]byte, error) {
	width, height := size(f)
	c := vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(dpi))}
	paint(draw.New(c), f)
	var b bytes.Buffer
	_, err := c.WriteTo(&b)
	return b.Bytes(), err
}

// columns is how many panels there are in a row.
func columns(f experiment.Figure) int {
	if f.Columns > 0 {
		return f.Columns
	}
	return max(1, len(f.Panels))
}

func rows(f experiment.Figure) int { return (len(f.Panels) + columns(f) - 1) / columns(f) }

func size(f experiment.Figure) (width, height vg.Length) {
	panel := 215
	switch {
	case columns(f) == 1:
		panel = 300
	case columns(f) == 2:
		panel = 260
	}
	high := max(rows(f)*panel, legendHeight(f))
	return pageWidth, vg.Length(high + 2*margin)
}

func paint(c draw.Canvas, f experiment.Figure) {
	c.SetColor(white)
	c.Fill(c.Rectangle.Path())
	c = draw.Crop(c, margin, -margin, margin, -margin)
	drawLegend(draw.Crop(c, pageWidth-2*margin-legendWidth(f), 0, 0, 0), f)
	c.Max.X -= legendWidth(f) + gap
	ranges := sharedRanges(f)
	for i, panel := range f.Panels {
		at := cell(c, f, i)
		p := newPanel(panel, ranges)
		p.Draw(fitted(p, c, at))
		drawWords(c, at, panel, namesX(f, i), namesY(f, i))
	}
}

// Axes that neighbours have in common are named once, at the edge.
func namesX(f experiment.Figure, i int) bool {
	below := i + columns(f)
	return below >= len(f.Panels) || f.Panels[below].X.Label != f.Panels[i].X.Label
}

func namesY(f experiment.Figure, i int) bool {
	return i%columns(f) == 0 || f.Panels[i-1].Y.Label != f.Panels[i].Y.Label
}

// What a panel needs around the data.
const (
	ticksLeft   = 38
	ticksBelow  = 15
	labelLeft   = 16 // in a column with a named axis
	labelBelow  = 14 // in a row with one
	titleAbove  = 22
	rightOfData = 12
)

// cell is where the data of a panel are drawn: as large as those of all others
// in the figure.
func cell(c draw.Canvas, f experiment.Figure, i int) vg.Rectangle {
	left, below := make([]vg.Length, columns(f)), make([]vg.Length, rows(f))
	for i := range f.Panels {
		if namesY(f, i) {
			left[i%columns(f)] = labelLeft
		}
		if namesX(f, i) {
			below[i/columns(f)] = labelBelow
		}
	}
	row, col := i/columns(f), i%columns(f)
	width := (c.Size().X-sum(left))/vg.Length(columns(f)) - ticksLeft - rightOfData
	height := (c.Size().Y-sum(below))/vg.Length(rows(f)) - ticksBelow - titleAbove
	x := c.Min.X + sum(left[:col+1]) + vg.Length(col)*(ticksLeft+width+rightOfData) + ticksLeft
	y := c.Max.Y - sum(below[:row]) - vg.Length(row)*(titleAbove+height+ticksBelow) - titleAbove
	return vg.Rectangle{Min: vg.Point{X: x, Y: y - height}, Max: vg.Point{X: x + width, Y: y}}
}

func sum(lengths []vg.Length) (total vg.Length) {
	for _, l := range lengths {
		total += l
	}
	return total
}

// fitted is the canvas on which the data of a plot come to lie in a rectangle.
// What the plot puts around them hangs on the canvas, so it takes some tries.
func fitted(p *plot.Plot, c draw.Canvas, want vg.Rectangle) draw.Canvas {
	c.Rectangle = want
	for range 4 {
		got := p.DataCanvas(c).Rectangle
		c.Min = c.Min.Add(want.Min.Sub(got.Min))
		c.Max = c.Max.Add(want.Max.Sub(got.Max))
	}
	return c
}

// drawWords writes the title and the names of the axes around the data.
func drawWords(c draw.Canvas, data vg.Rectangle, p experiment.Panel, x, y bool) {
	words := textStyle(titleSize)
	words.XAlign, words.YAlign = draw.XCenter, draw.YBottom
	middle := vg.Point{X: (data.Min.X + data.Max.X) / 2, Y: (data.Min.Y + data.Max.Y) / 2}
	c.FillText(words, vg.Point{X: middle.X, Y: data.Max.Y + 6}, p.Title)
	words.Font.Size = textSize
	if x {
		c.FillText(words, vg.Point{X: middle.X, Y: data.Min.Y - ticksBelow - labelBelow}, p.X.Label)
	}
	if y {
		words.Rotation = math.Pi / 2
		c.FillText(words, vg.Point{X: data.Min.X - ticksLeft, Y: middle.Y}, p.Y.Label)
	}
}

// entries are the series that the legend names, each once, in the order in which
// the panels have them.
func entries(f experiment.Figure) (list []experiment.Series) {
	for _, p := range f.Panels {
		for _, s := range p.Series {
			if s.Name != "" && !slices.ContainsFunc(list, func(x experiment.Series) bool { return x.Name == s.Name }) {
				list = append(list, s)
			}
		}
	}
	return list
}
