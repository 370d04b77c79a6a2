// Command logmerge merges the logs of several nodes into one that contradicts no cause and
// effect, whatever their clocks on the wall say.
//
//	go run ./examples/logmerge               # has three nodes write logs, and merges them
//	go run ./examples/logmerge a.log b.log   # merges files
//
// causallog.go is the example; this file and demo.go show it at work.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"time"
)

func main() {
	orders := flag.Int("orders", 30, "orders that the nodes work on")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "Usage: logmerge [flags] [FILE...]\n\nMerges log files that were written with clocks; without any, shows how.")
		flag.PrintDefaults()
	}
	flag.Parse()
	if err := run(os.Stdout, flag.Args(), *orders); err != nil {
		fmt.Fprintln(os.Stderr, "logmerge:", err)
		os.Exit(1)
	}
}

func run(out io.Writer, files []string, orders int) error {
	if len(files) > 0 {
		return mergeFiles(out, files)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp("", "logmerge")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	_, err = demo(ctx, out, dir, orders)
	return err
}

func mergeFiles(out io.Writer, files []string) error {
	logs, err := readFiles(files)
	if err != nil {
		return err
	}
	for _, l := range Merge(logs...) {
		if _, err := fmt.Fprintf(out, "%s: %s\n", l.Node, l.Raw); err != nil {
			return err
		}
	}
	return nil
}

func readFiles(files []string) (logs [][]Line, err error) {
	count := 0
	for _, file := range files {
		lines, err := readFile(file)
		if err != nil {
			return nil, err
		}
		if count += len(lines); count > mostLines {
			return nil, fmt.Errorf("there are more than %d lines in all", mostLines)
		}
		logs = append(logs, lines)
	}
	return logs, nil
}

func readFile(file string) ([]Line, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	base := filepath.Base(file)
	return Read(base[:len(base)-len(filepath.Ext(base))], f)
}
