package plot

import (
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/experiment"
)

var (
	white = color.Gray{0xff}
	ink   = color.Gray{0x22}
	faint = color.Gray{0xe2} // the grid
	axis  = color.Gray{0x77}
)

// textStyle is that of all words.
func textStyle(size vg.Length) text.Style {
	style := plot.New().Legend.TextStyle // it has what lays text out
	style.Font = sans(size)
	style.Color = ink
	return style
}

func sans(size vg.Length) font.Font {
	return font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
}

// interval is the range of an axis.
type interval struct{ min, max float64 }

// sharedRanges are the ranges of the axes by label: panels that say the same
// mean the same, and can be compared.
func sharedRanges(f experiment.Figure) map[string]interval {
	shared := map[string]interval{}
	for _, p := range f.Panels {
		for _, s := range p.Series {
			widen(shared, "x "+p.X.Label, p.X, s, s.X)
			widen(shared, "y "+p.Y.Label, p.Y, s, s.Y)
		}
	}
	for _, p := range f.Panels {
		for key, a := range map[string]experiment.Axis{"x " + p.X.Label: p.X, "y " + p.Y.Label: p.Y} {
			if _, found := shared[key]; !found {
				shared[key] = interval{1, 10} // nothing to draw
			}
			if r := shared[key]; r.min == r.max {
				shared[key] = around(a, r.min)
			}
		}
	}
	return shared
}

// around is a range for data that are all the same.
func around(a experiment.Axis, x float64) interval {
	switch {
	case a.Log:
		return interval{x / 2, x * 2}
	case x == 0:
		return interval{0, 1}
	}
	return interval{x - math.Abs(x)/2, x + math.Abs(x)/2}
}

// widen makes the range take in what can be drawn of a series.
func widen(shared map[string]interval, key string, a experiment.Axis, s experiment.Series, values []float64) {
	r, found := shared[key]
	if !found {
		r = interval{math.Inf(1), math.Inf(-1)}
		if a.Min != 0 || a.Max != 0 {
			r = interval{a.Min, a.Max}
		}
	}
	for _, v := range values {
		if a.Log && v <= 0 {
			continue
		}
		r.min, r.max = min(r.min, v), max(r.max, v)
	}
	if r.min <= r.max {
		shared[key] = r
	}
}

// newPanel is a plot of the data and the ticks.
func newPanel(p experiment.Panel, ranges map[string]interval) *plot.Plot {
	drawn := plot.New()
	drawn.BackgroundColor = nil
	style(&drawn.X, p.X, ranges["x "+p.X.Label])
	style(&drawn.Y, p.Y, ranges["y "+p.Y.Label])
	drawn.Add(gridLines{})
	for _, s := range p.Series {
		drawn.Add(curve{s, p.X.Log, p.Y.Log})
	}
	return drawn
}

func style(a *plot.Axis, as experiment.Axis, r interval) {
	a.Tick.Label.Font = sans(textSize - 1)
	a.Tick.Label.Color = ink
	a.Tick.LineStyle.Color = axis
	a.Tick.LineStyle.Width = 0.5
	a.Tick.Length = 4
	a.LineStyle.Color = axis
	a.LineStyle.Width = 0.5
	a.Padding = 2
	a.Min, a.Max = r.min, r.max
	if as.Log {
		a.Scale = plot.LogScale{}
		a.Tick.Marker = plot.TickerFunc(logTicks)
	} else {
		a.Tick.Marker = plot.TickerFunc(linearTicks)
	}
}

// gridLines are faint lines at the labelled ticks.
type gridLines struct{}

func (gridLines) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	line := draw.LineStyle{Color: faint, Width: 0.5}
	for _, t := range p.X.Tick.Marker.Ticks(p.X.Min, p.X.Max) {
		if t.Label != "" {
			c.StrokeLine2(line, x(t.Value), c.Min.Y, x(t.Value), c.Max.Y)
		}
	}
	for _, t := range p.Y.Tick.Marker.Ticks(p.Y.Min, p.Y.Max) {
		if t.Label != "" {
			c.StrokeLine2(line, c.Min.X, y(t.Value), c.Max.X, y(t.Value))
		}
	}
}
