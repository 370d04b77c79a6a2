// Command presence shows a service that knows who is online, and how long it takes to see
// that somebody left, crashed or hangs.
//
//	go run ./examples/presence
//
// presence.go is the example; this file and demo.go show it at work.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"
)

func main() {
	o := options{}
	flag.IntVar(&o.members, "members", 8, "who is there in the beginning")
	flag.DurationVar(&o.beat, "beat", 400*time.Millisecond, "time between two heartbeats; a lease lasts three")
	flag.Usage = func() {
		fmt.Fprintf(flag.CommandLine.Output(), "Shows how long it takes to see that somebody left, crashed or hangs.\n\n")
		flag.PrintDefaults()
	}
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "presence:", err)
		os.Exit(1)
	}
}

func run(o options) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	_, err := demo(ctx, os.Stdout, o)
	return err
}
