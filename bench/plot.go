package main

import (
	"fmt"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// writePlots draws each question as a figure: the number of nodes across, the median
// up, a line for each system.
func writePlots(dir string, results []Result) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, g := range grids(results) {
		if err := g.plot(filepath.Join(dir, g.file())); err != nil {
			return fmt.Errorf("%s: %w", g.question, err)
		}
	}
	return nil
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

func (g *grid) file() string {
	return strings.Trim(notInNames.ReplaceAllString(strings.ToLower(g.String()), "-"), "-") + ".svg"
}

// colours are those of Okabe and Ito (Color Universal Design, 2008).
var colours = []color.Color{
	color.RGBA{0x11, 0x11, 0x11, 0xff}, color.RGBA{0x88, 0x88, 0x88, 0xff},
	color.RGBA{0xd5, 0x5e, 0x00, 0xff}, color.RGBA{0xe6, 0x9f, 0x00, 0xff},
	color.RGBA{0x00, 0x72, 0xb2, 0xff}, color.RGBA{0x56, 0xb4, 0xe9, 0xff},
	color.RGBA{0x00, 0x9e, 0x73, 0xff}, color.RGBA{0xcc, 0x79, 0xa7, 0xff},
}

func (g *grid) plot(file string) error {
	p := plot.New()
	p.Title.Text = g.String()
	p.X.Label.Text = "nodes"
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, g.ticks()
	p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	p.Legend.Top = true
	drawn := false
	for i, label := range g.labels {
		points := g.points(label)
		if len(points) == 0 {
			continue
		}
		line, dots, err := plotter.NewLinePoints(points)
		if err != nil {
			return err
		}
		line.Color, dots.Color = colours[i%len(colours)], colours[i%len(colours)]
		dots.Shape = draw.CircleGlyph{}
		if i >= len(colours) {
			line.Dashes = []vg.Length{4, 3}
			dots.Shape = draw.SquareGlyph{}
		}
		p.Add(line, dots)
		p.Legend.Add(label, line, dots)
		drawn = true
	}
	if !drawn {
		return nil
	}
	p.X.Min, p.X.Max = p.X.Min*0.9, p.X.Max*3 // room for the legend
	if p.Y.Min == p.Y.Max {
		p.Y.Min, p.Y.Max = p.Y.Min/2, p.Y.Max*2
	}
	return p.Save(6*vg.Inch, 4*vg.Inch, file)
}

// ticks are the numbers of nodes themselves.
func (g *grid) ticks() (ticks plot.ConstantTicks) {
	for _, n := range g.nodes {
		ticks = append(ticks, plot.Tick{Value: float64(n), Label: strconv.Itoa(n)})
	}
	return ticks
}

// points leaves out what a logarithm cannot show.
func (g *grid) points(label string) (points plotter.XYs) {
	for _, n := range g.nodes {
		if v, ok := g.value(g.at(label, n)); ok && v > 0 && !math.IsInf(v, 1) {
			points = append(points, plotter.XY{X: float64(n), Y: v})
		}
	}
	return points
}
