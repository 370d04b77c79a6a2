// Command flags shows a distributed store of feature flags: every process has them all at
// hand, and may set them, with no server in the middle.
//
//	go run ./examples/flags
//
// flags.go is the example; this file and demo.go show it at work.
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
	flag.IntVar(&o.replicas, "replicas", 6, "replicas of the flags, half of them in each of two networks")
	flag.IntVar(&o.writes, "writes", 50, "times that each replica sets a flag under load")
	flag.DurationVar(&o.retain, "retain", 2*time.Second, "how long messages are kept for who joins")
	flag.Usage = func() {
		fmt.Fprintf(flag.CommandLine.Output(), "Shows replicas of feature flags: apart, at odds, late, and in agreement.\n\n")
		flag.PrintDefaults()
	}
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "flags:", err)
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
