package main

import (
	"encoding/json"
	"io"
	"os"

	"golang.org/x/term"

	"github.com/Ishan27gOrg/gossipProtocol/internal/oracle"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// reporter shows what happens in a demo. err is the first error in writing.
type reporter interface {
	show(event)
	err() error
}

// event is something worth showing; kind is its type in JSON.
type event interface{ kind() string }

type (
	startEvent struct {
		Nodes    int    `json:"nodes"`
		Messages int    `json:"messages"`
		Seed     uint64 `json:"seed"`
		Policy   string `json:"policy"`
		ViewSize int    `json:"view_size"`
		Links    int    `json:"links"`
		Contact  string `json:"contact"`
	}
	// overlayEvent is how far the nodes have found each other.
	overlayEvent struct {
		ElapsedMS float64 `json:"elapsed_ms"`
		Ready     int     `json:"ready"`
		Nodes     int     `json:"nodes"`
		ViewMin   int     `json:"view_min"`
		ViewMean  float64 `json:"view_mean"`
		ViewFull  int     `json:"view_full"`
		LinksMean float64 `json:"links_mean"`
		Settled   bool    `json:"settled"`
	}
	phaseEvent struct {
		Phase string `json:"phase"`
	}
	// progressEvent is for a line that is drawn again and again.
	progressEvent struct {
		Sent    int    `json:"sent"`
		Pending int    `json:"pending"`
		ID      string `json:"id"` // the oldest that is pending
		Have    int    `json:"have"`
		Nodes   int    `json:"nodes"`
	}
	// spreadEvent is a message that every node has.
	spreadEvent struct {
		ID        string  `json:"id"`
		Origin    string  `json:"origin"`
		InReplyTo string  `json:"in_reply_to,omitempty"`
		Text      string  `json:"text"`
		Have      int     `json:"have"`
		Nodes     int     `json:"nodes"`
		Hops      int     `json:"hops_max"`
		LastMS    float64 `json:"last_ms"`
	}
	// deliveryEvent is an entry of one node's log.
	deliveryEvent struct {
		Node  string       `json:"node"`
		Place int          `json:"place"`
		ID    string       `json:"id"`
		Text  string       `json:"text"`
		Clock vclock.Clock `json:"clock"`
		More  int          `json:"more"` // entries that follow and are not shown
	}
	relationEvent struct {
		A      string       `json:"a"`
		B      string       `json:"b"`
		Order  string       `json:"order"` // of A to B
		ClockA vclock.Clock `json:"clock_a"`
		ClockB vclock.Clock `json:"clock_b"`
	}
	// retryEvent is two messages that were to be concurrent and are not.
	retryEvent struct {
		A     string `json:"a"`
		B     string `json:"b"`
		Order string `json:"order"`
	}
	killEvent struct {
		Node  string `json:"node"`
		Views int    `json:"views"` // that held it
		Links int    `json:"links"` // that led to it

		LinksMean float64 `json:"links_mean"` // of the others
	}
	healEvent struct {
		Node      string  `json:"node"`
		ElapsedMS float64 `json:"elapsed_ms"`
		Survivors int     `json:"survivors"`
		Views     int     `json:"views"` // that still hold it
		Links     int     `json:"links"` // that still lead to it
		LinksMean float64 `json:"links_mean"`
		Healed    bool    `json:"healed"`
		GivenUp   bool    `json:"given_up"` // no longer waited for
	}
	summaryEvent struct {
		OK                bool `json:"ok"`
		Nodes             int  `json:"nodes"`
		NodesComplete     int  `json:"nodes_complete"` // that had all messages before the crash
		Messages          int  `json:"messages"`       // before it
		Survivors         int  `json:"survivors"`
		SurvivorsComplete int  `json:"survivors_complete"` // that had all messages after it
		MessagesAfter     int  `json:"messages_after"`
		oracle.Report
		PacketBytes uint64  `json:"packet_bytes_per_node"`
		LinkBytes   uint64  `json:"link_bytes_per_node"`
		WallMS      float64 `json:"wall_ms"`
	}
)

func (startEvent) kind() string    { return "start" }
func (overlayEvent) kind() string  { return "overlay" }
func (phaseEvent) kind() string    { return "phase" }
func (progressEvent) kind() string { return "progress" }
func (spreadEvent) kind() string   { return "message" }
func (deliveryEvent) kind() string { return "delivery" }
func (relationEvent) kind() string { return "relation" }
func (retryEvent) kind() string    { return "retry" }
func (killEvent) kind() string     { return "kill" }
func (healEvent) kind() string     { return "heal" }
func (summaryEvent) kind() string  { return "summary" }

func newReporter(w io.Writer, asJSON bool) reporter {
	if asJSON {
		return &jsonReporter{out: jsonLines{w: w}}
	}
	return newTextReporter(w)
}

// jsonReporter prints events for programs. Those that are shown again and again
// are printed when they change.
type jsonReporter struct {
	out     jsonLines
	overlay overlayEvent
	heal    healEvent
}

func (r *jsonReporter) err() error { return r.out.err }

func (r *jsonReporter) show(e event) {
	switch e := e.(type) {
	case progressEvent:
		return // each message has its line in the end
	case overlayEvent:
		last := r.overlay
		r.overlay = e
		if last.ElapsedMS = e.ElapsedMS; last == e {
			return
		}
	case healEvent:
		last := r.heal
		r.heal = e
		if last.ElapsedMS = e.ElapsedMS; last == e {
			return
		}
	}
	r.out.print(e.kind(), e)
}

// jsonLines prints an object a line, its type first.
type jsonLines struct {
	w   io.Writer
	err error
}

func (j *jsonLines) print(kind string, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // all that is printed are structs of this package
	}
	head := `{"type":"` + kind + `"`
	if len(b) > len("{}") {
		head += ","
	}
	line := append([]byte(head), b[1:]...)
	if _, err := j.w.Write(append(line, '\n')); err != nil && j.err == nil {
		j.err = err
	}
}

// terminal returns the width of the terminal that w is, or false.
func terminal(w io.Writer) (width int, is bool) {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" || !term.IsTerminal(int(f.Fd())) {
		return 0, false
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width <= 0 {
		width = 80
	}
	return width, true
}
