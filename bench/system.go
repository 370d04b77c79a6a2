package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A System is one way to have a message reach every node of a cluster, with its
// settings. Another one is a file with a function like those that systems calls.
type System struct {
	Name, Variant string
	// Settings says in words what is not the system's default.
	Settings string
	// MaxPayload is the longest payload in bytes that it takes as it is set here.
	MaxPayload int
	// Window is how many messages are under way at once at saturation, of all origins
	// together: the number of those tried (measure "windows") at which the system
	// delivers most for its CPU time and loses nothing.
	Window func(n, payload, origins int) int
	// Patience is how long a message may take at saturation before it counts as lost
	// and another one takes its place in the window.
	Patience time.Duration
	// Static systems know no joining and leaving.
	Static bool
	// Start has n nodes run in this process, on 127.0.0.1, and find each other.
	Start func(n int, o Options, deliver Deliver) (Cluster, error)
}

// Options are what a measure may ask of a cluster.
type Options struct {
	// LogBytes is the size of each node's log, for systems that have one. Zero: the
	// system's default, or less where n of them would not fit into the machine.
	LogBytes int
}

// Deliver is told of each delivery, by any number of goroutines. The payload is the
// caller's again afterwards.
type Deliver func(node int, payload []byte)

// A Cluster is a System that runs. Nodes are numbered from 0.
type Cluster interface {
	// Broadcast sends a payload from a node to all. The payload is the caller's again
	// afterwards. What is delivered at the node itself does not count.
	Broadcast(node int, payload []byte) error
	// Kill ends a node as a crash of its process would: its sockets are closed, and
	// nobody is told.
	Kill(node int)
	// Join starts one more node, whose number is the next one, and has it join through
	// another. It does not wait until it has.
	Join(node, contact int) error
	Close()
}

// joined has n nodes join a cluster that has none, all through the first. What has
// started is closed again if one of them cannot.
func joined(c Cluster, n int) (Cluster, error) {
	for i := range n {
		if err := c.Join(i, 0); err != nil {
			c.Close()
			return nil, err
		}
	}
	return c, nil
}

var errStatic = errors.New("nobody can join or leave")

// Label is the name that a system is chosen by.
func (s *System) Label() string { return s.Name + "/" + s.Variant }

// systems are all that can be measured.
func systems() []System {
	return slices.Concat(floorSystems(), ourSystems(), memberlistSystems(), serfSystems(), gossipsubSystems())
}

// choose returns the systems of a comma-separated list, each a label, or a name for
// all variants.
func choose(list string) (chosen []System, err error) {
	for name := range strings.SplitSeq(list, ",") {
		before := len(chosen)
		for _, s := range systems() {
			if name == "all" || name == s.Name || name == s.Label() {
				chosen = append(chosen, s)
			}
		}
		if len(chosen) == before {
			return nil, fmt.Errorf("there is no system %q", name)
		}
	}
	return chosen, nil
}

func find(label string) (System, error) {
	for _, s := range systems() {
		if s.Label() == label {
			return s, nil
		}
	}
	return System{}, fmt.Errorf("there is no system %q", label)
}

// sameWindow is a window that depends on nothing but that what is under way takes at
// most 16 MiB.
func sameWindow(messages int) func(n, payload, origins int) int {
	return func(_, payload, _ int) int { return max(1, min(messages, 16<<20/payload)) }
}
