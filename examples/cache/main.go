// Command cache shows web servers whose caches are emptied by gossip: a write at one of
// them invalidates what all others have cached.
//
//	go run ./examples/cache
//
// cache.go and server.go are the example; this file and demo.go show it at work.
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
	flag.IntVar(&o.servers, "servers", 5, "servers, each with a cache")
	flag.IntVar(&o.pages, "pages", 40, "pages in the store")
	flag.IntVar(&o.writes, "writes", 500, "writes under load")
	flag.Usage = func() {
		fmt.Fprintf(flag.CommandLine.Output(), "Shows web servers whose caches are emptied by gossip when one of them writes.\n\n")
		flag.PrintDefaults()
	}
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "cache:", err)
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
