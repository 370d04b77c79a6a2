package main

import (
	"errors"
	"fmt"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
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

// A system has a colour, of those of Okabe and Ito (Color Universal Design, 2008), and its
// variants have dashes, the same in all figures.
var colours = map[string]color.Color{
	"floor":      color.RGBA{0x11, 0x11, 0x11, 0xff},
	"gossip":     color.RGBA{0xd5, 0x5e, 0x00, 0xff},
	"memberlist": color.RGBA{0x00, 0x72, 0xb2, 0xff},
	"serf":       color.RGBA{0xcc, 0x79, 0xa7, 0xff},
	"gossipsub":  color.RGBA{0x00, 0x9e, 0x73, 0xff},
}

var dashes = [][]vg.Length{nil, {6, 3}, {2, 2}, {8, 2, 2, 2}, {1, 3}, {10, 4}}

// style is how a system's line looks.
func style(label string) draw.LineStyle {
	name, _, _ := strings.Cut(label, "/")
	of := func(s System) bool { return s.Name == name }
	known := systems()
	variant := max(0, place(label)-max(0, slices.IndexFunc(known, of)))
	colour, ok := colours[name]
	if !ok {
		colour = color.Gray{0x88}
	}
	return draw.LineStyle{Color: colour, Width: vg.Points(1.5), Dashes: dashes[variant%len(dashes)]}
}

func (g *grid) plot(file string) error {
	p, legend := plot.New(), plot.NewLegend()
	p.Title.Text = g.String()
	p.X.Label.Text = "nodes"
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, g.ticks()
	legend.Top, legend.Left, legend.YOffs, legend.Padding = true, true, -vg.Points(30), vg.Points(3)
	drawn := false
	for _, label := range g.labels {
		points := g.points(label)
		if len(points) == 0 {
			continue
		}
		line, dots, err := plotter.NewLinePoints(points)
		if err != nil {
			return err
		}
		line.LineStyle = style(label)
		dots.Color, dots.Shape = line.Color, draw.CircleGlyph{}
		p.Add(line, dots)
		legend.Add(label, line, dots)
		drawn = true
	}
	if !drawn {
		return nil
	}
	p.X.Min, p.X.Max = p.X.Min*0.9, p.X.Max*1.1
	if p.Y.Max >= 5*p.Y.Min {
		p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	} else {
		p.Y.Min, p.Y.Max = 0, p.Y.Max*1.05
	}
	return save(p, legend, file)
}

// save draws the legend beside the figure, where it hides nothing.
func save(p *plot.Plot, legend plot.Legend, file string) error {
	const width, height, beside = 8.5 * vg.Inch, 4 * vg.Inch, 2.4 * vg.Inch
	canvas := vgsvg.New(width, height)
	page := draw.New(canvas)
	p.Draw(draw.Crop(page, 0, -beside, 0, 0))
	legend.Draw(draw.Crop(page, width-beside+vg.Points(8), 0, 0, 0))
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	_, err = canvas.WriteTo(f)
	return errors.Join(err, f.Close())
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
