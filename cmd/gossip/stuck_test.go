package main

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// An agent that is interrupted ends though nobody reads what it prints.
func TestInterruptWhileNobodyReads(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	reader, writer := io.Pipe()
	defer reader.Close() // lets go of the write in the end
	status := make(chan int, 1)
	con := console{strings.NewReader("a line\n"), writer, io.Discard}
	go func() {
		status <- runContext(ctx, []string{"agent", "--id", "a", "--http", "off", "--stdin"}, con)
	}()
	if _, err := reader.Read(make([]byte, 1)); err != nil { // a byte of the line, and no more
		t.Fatal(err)
	}
	interrupt()
	select {
	case s := <-status:
		if s != statusFailed {
			t.Errorf("status %d, want %d: what it had to print is lost", s, statusFailed)
		}
	case <-time.After(20 * time.Second):
		t.Error("it does not end")
	}
}

// The command line goes before the environment: also where --api and --join say
// different things.
func TestAPIOrJoin(t *testing.T) {
	const address = "127.0.0.1:1"
	for _, c := range []struct {
		name, api, join string // where each is given
		asks, fails     bool
	}{
		{"neither", "", "", true, false},
		{"api", "flag", "", true, false},
		{"join", "", "flag", false, false},
		{"join in the environment", "", "variable", false, false},
		{"api, and join in the environment", "flag", "variable", true, false},
		{"join, and api in the environment", "variable", "flag", false, false},
		{"both", "flag", "flag", false, true},
		{"both in the environment", "variable", "variable", false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var node nodeFlags
			var agent apiFlags
			cmd := &cobra.Command{}
			addFlags(cmd, append([]flagGroup{agent.group()}, node.groups("none")...)...)
			for name, where := range map[string]string{"api": c.api, "join": c.join} {
				switch where {
				case "flag":
					if err := cmd.Flags().Set(name, address); err != nil {
						t.Fatal(err)
					}
				case "variable":
					t.Setenv("GOSSIP_"+strings.ToUpper(name), address)
				}
			}
			if err := settle(cmd); err != nil {
				t.Fatal(err)
			}
			if asks, err := agent.instead(&node); asks != c.asks || (err != nil) != c.fails {
				t.Errorf("asks an agent: %v, %v; want %v, an error: %v", asks, err, c.asks, c.fails)
			}
		})
	}
}

// An empty text is an empty list in a file too, not a list of one empty address.
func TestEmptyListInAFile(t *testing.T) {
	if values, err := manyValues(""); err != nil || len(values) != 0 {
		t.Errorf("%q, %v; want none", values, err)
	}
}
