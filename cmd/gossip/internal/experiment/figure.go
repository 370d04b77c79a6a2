package experiment

// Figure is what is to be drawn side by side, with one legend. Its data are its
// panels', so a file of results need not repeat them.
type Figure struct {
	Name    string  `json:"name"` // of its files
	Caption string  `json:"caption"`
	Panels  []Panel `json:"-"`
	Columns int     `json:"-"` // panels in a row; 0 means all
}

// Panel is a pair of axes with curves. Panels of one figure that have the same
// label on an axis have the same range on it.
type Panel struct {
	Title  string
	X, Y   Axis
	Series []Series
}

// Axis is one of a Panel's.
type Axis struct {
	Label    string
	Log      bool    // what is not positive is not drawn
	Min, Max float64 // what the range takes in at least; both 0 for what the data need
}

// Series is a curve. Those of one name in different panels have one entry in the
// legend.
type Series struct {
	Name  string
	Style Style
	X, Y  []float64
}

// Style is how a curve looks. No two in a figure differ by colour alone.
type Style struct {
	Colour Colour
	Line   Line
	Marker Marker // 0 for none
	Open   bool   // markers are hollow
}

// Colour is one of a palette that colour-blind readers can tell apart.
type Colour int

// The colours.
const (
	Blue Colour = iota
	Vermillion
	Green
	Purple
	Orange
	Black
	Sky
	Grey
)

// Line is how a curve is drawn.
type Line int

// The lines.
const (
	Solid Line = iota
	Dashed
	Dotted
	NoLine
)

// Marker is what its points are drawn as.
type Marker int

// The markers.
const (
	NoMarker Marker = iota
	Circle
	Square
	Triangle
	Diamond
	Cross
	Plus
)
