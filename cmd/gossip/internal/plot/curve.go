package plot

import (
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/experiment"
)

// palette is that of Okabe and Ito (Color Universal Design, 2008), which people
// with any common colour blindness can tell apart; without its yellow, which is
// too light on white, and with a grey.
var palette = map[experiment.Colour]color.Color{
	experiment.Blue:       color.RGBA{0x00, 0x72, 0xb2, 0xff},
	experiment.Vermillion: color.RGBA{0xd5, 0x5e, 0x00, 0xff},
	experiment.Green:      color.RGBA{0x00, 0x9e, 0x73, 0xff},
	experiment.Purple:     color.RGBA{0xcc, 0x79, 0xa7, 0xff},
	experiment.Orange:     color.RGBA{0xe6, 0x9f, 0x00, 0xff},
	experiment.Black:      color.RGBA{0x11, 0x11, 0x11, 0xff},
	experiment.Sky:        color.RGBA{0x56, 0xb4, 0xe9, 0xff},
	experiment.Grey:       color.RGBA{0x88, 0x88, 0x88, 0xff},
}

var dashes = map[experiment.Line][]vg.Length{
	experiment.Dashed: {5, 3},
	experiment.Dotted: {1.5, 2.5},
}

func lineStyle(s experiment.Style) draw.LineStyle {
	return draw.LineStyle{Color: palette[s.Colour], Width: 1.3, Dashes: dashes[s.Line]}
}

// glyph is the marker of a style.
func glyph(s experiment.Style, radius vg.Length) draw.GlyphStyle {
	return draw.GlyphStyle{Color: palette[s.Colour], Radius: radius, Shape: marker{s.Marker, !s.Open}}
}

// marker draws one of experiment's, centred.
type marker struct {
	kind   experiment.Marker
	filled bool
}

func (m marker) DrawGlyph(c *draw.Canvas, style draw.GlyphStyle, at vg.Point) {
	r := style.Radius
	switch m.kind {
	case experiment.Circle:
		var p vg.Path
		p.Move(vg.Point{X: at.X + r, Y: at.Y})
		p.Arc(at, r, 0, 2*math.Pi)
		m.shape(c, p)
	case experiment.Square:
		m.polygon(c, at, r*0.9, [][2]float64{{-1, -1}, {1, -1}, {1, 1}, {-1, 1}})
	case experiment.Triangle:
		m.polygon(c, at, r*1.15, [][2]float64{{-1, -0.7}, {1, -0.7}, {0, 1}})
	case experiment.Diamond:
		m.polygon(c, at, r*1.25, [][2]float64{{-1, 0}, {0, -1}, {1, 0}, {0, 1}})
	case experiment.Cross:
		m.strokes(c, at, r, [][4]float64{{-1, -1, 1, 1}, {-1, 1, 1, -1}})
	case experiment.Plus:
		m.strokes(c, at, r*1.2, [][4]float64{{-1, 0, 1, 0}, {0, -1, 0, 1}})
	}
}

func (m marker) polygon(c *draw.Canvas, at vg.Point, r vg.Length, corners [][2]float64) {
	var p vg.Path
	for i, k := range corners {
		corner := vg.Point{X: at.X + r*vg.Length(k[0]), Y: at.Y + r*vg.Length(k[1])}
		if i == 0 {
			p.Move(corner)
		} else {
			p.Line(corner)
		}
	}
	p.Close()
	m.shape(c, p)
}

// shape draws an outline, filled or white inside. The canvas has the colour.
func (m marker) shape(c *draw.Canvas, p vg.Path) {
	if m.filled {
		c.Fill(p)
		return
	}
	c.Push()
	c.SetColor(white)
	c.Fill(p)
	c.Pop()
	c.SetLineWidth(1)
	c.SetLineDash(nil, 0)
	c.Stroke(p)
}

func (m marker) strokes(c *draw.Canvas, at vg.Point, r vg.Length, lines [][4]float64) {
	width := vg.Length(1)
	if m.filled {
		width = 1.5
	}
	c.SetLineWidth(width)
	c.SetLineDash(nil, 0)
	for _, l := range lines {
		var p vg.Path
		p.Move(vg.Point{X: at.X + r*vg.Length(l[0]), Y: at.Y + r*vg.Length(l[1])})
		p.Line(vg.Point{X: at.X + r*vg.Length(l[2]), Y: at.Y + r*vg.Length(l[3])})
		c.Stroke(p)
	}
}

// curve draws a series.
type curve struct {
	experiment.Series
	logX, logY bool
}

func (s curve) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	var points []vg.Point
	for i := range s.X {
		if s.logX && s.X[i] <= 0 || s.logY && s.Y[i] <= 0 {
			continue
		}
		points = append(points, vg.Point{X: x(s.X[i]), Y: y(s.Y[i])})
	}
	if s.Style.Line == experiment.NoLine {
		c.Push()
		for _, at := range points {
			c.DrawGlyph(glyph(s.Style, 1.7), at)
		}
		c.Pop()
		return
	}
	c.StrokeLines(lineStyle(s.Style), points)
	if s.Style.Marker != experiment.NoMarker {
		for _, at := range apart(points, 22) {
			c.DrawGlyph(glyph(s.Style, 2.4), at)
		}
	}
}

// apart leaves out points so that those left are some way apart.
func apart(points []vg.Point, way vg.Length) (some []vg.Point) {
	for _, at := range points {
		if len(some) == 0 || math.Hypot(float64(at.X-some[len(some)-1].X), float64(at.Y-some[len(some)-1].Y)) >= float64(way) {
			some = append(some, at)
		}
	}
	return some
}
