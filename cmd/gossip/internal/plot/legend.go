package plot

import (
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/experiment"
)

// The legend stands beside the panels, never over data.
const (
	entryHeight = 16
	sampleWidth = 26
	sampleGap   = 5 // between a sample and its name
	leastLegend = 140
)

func legendHeight(f experiment.Figure) int { return (len(entries(f)) + 2) * entryHeight }

func legendWidth(f experiment.Figure) vg.Length {
	text, width := textStyle(textSize), vg.Length(leastLegend)
	for _, s := range entries(f) {
		width = max(width, sampleWidth+sampleGap+text.Width(s.Name))
	}
	return width
}

func drawLegend(c draw.Canvas, f experiment.Figure) {
	text := textStyle(textSize)
	text.YAlign = draw.YCenter
	y := c.Max.Y - 1.5*entryHeight
	for _, s := range entries(f) {
		left, right := vg.Point{X: c.Min.X, Y: y}, vg.Point{X: c.Min.X + sampleWidth, Y: y}
		if s.Style.Line != experiment.NoLine {
			c.StrokeLine2(lineStyle(s.Style), left.X, y, right.X, y)
		}
		if s.Style.Marker != experiment.NoMarker {
			c.DrawGlyph(glyph(s.Style, 2.8), vg.Point{X: (left.X + right.X) / 2, Y: y})
		}
		c.FillText(text, vg.Point{X: right.X + sampleGap, Y: y}, s.Name)
		y -= entryHeight
	}
}
