// Command bench measures this project and its peers on the same work in the same run:
// N nodes of a system in one process on 127.0.0.1, a process for each system, measure
// and N.
//
//	go run ./bench --systems gossip,memberlist --nodes 16,64 --measure saturated,latency --out results.jsonl
//	go run ./bench table results.jsonl
//	go run ./bench targets results.jsonl
//	go run ./bench plot results.jsonl plots
//	go run ./bench list
//
// A system is a file (memberlist.go, gossipsub.go, ...), and so is a measure
// (saturated.go, idle.go, ...). docs/benchmarks.md says what is fair about it and what
// is not.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	if err := command(os.Args[1:]); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "bench:", strings.Join(strings.Fields(err.Error()), " ")) // one line, for the results
		}
		os.Exit(1)
	}
}

func command(args []string) error {
	verb := ""
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		verb, args = args[0], args[1:]
	}
	switch verb {
	case "", "run":
		return runMain(args)
	case "cell":
		if len(args) != 1 {
			return errors.New("cell is for bench itself")
		}
		return childMain(args[0])
	case "worker":
		return workerMain()
	case "table":
		results, err := readResults(args)
		if err != nil {
			return err
		}
		return writeTables(os.Stdout, results)
	case "targets":
		results, err := readResults(args)
		if err != nil {
			return err
		}
		return writeTargets(os.Stdout, results)
	case "plot":
		if len(args) < 2 {
			return errors.New("plot takes files of results, and a directory")
		}
		results, err := readResults(args[:len(args)-1])
		if err != nil {
			return err
		}
		return writePlots(args[len(args)-1], results)
	case "list":
		list()
		return nil
	default:
		return fmt.Errorf("there is no verb %q: run, table, targets, plot, list", verb)
	}
}

func list() {
	fmt.Println("systems:")
	for _, s := range systems() {
		fmt.Printf("  %-18s %s\n", s.Label(), s.Settings)
	}
	fmt.Println("measures:")
	for _, m := range measures {
		fmt.Printf("  %-18s %s\n", m.name, m.about)
	}
}

func runMain(args []string) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	chosen := flags.String("systems", "all", "`names`, with or without a variant")
	which := flags.String("measure", "saturated,latency,wire,idle,join,kill", "`names`")
	nodes := flags.String("nodes", "16,64,256", "`numbers` of nodes")
	payloads := flags.String("payload", "256,1024", "`sizes` in bytes; latency takes the first")
	origins := flags.String("origins", "1,8", "`numbers` of nodes that broadcast at saturation")
	out := flags.String("out", "results.jsonl", "`file` that results are appended to")
	p := plan{log: os.Stderr}
	flags.IntVar(&p.runs, "runs", 5, "how often everything is measured")
	flags.IntVar(&p.first, "first", 1, "`number` of the first run, where there are others before")
	flags.DurationVar(&p.budget, "budget", 0, "`time` after which nothing new is begun")
	flags.DurationVar(&p.limit, "limit", 5*time.Minute, "`time` after which a child process is ended")
	flags.StringVar(&p.profiles, "profiles", "", "`directory` for profiles of CPU and heap")
	flags.IntVar(&p.cell.Window, "window", 0, "`messages` under way at saturation (default: the system's)")
	flags.Float64Var(&p.cell.Rate, "rate", usualRate, "messages per second of a light load")
	flags.DurationVar(&p.cell.For, "for", 0, "`time` to measure (default: what is usual for the measure)")
	flags.DurationVar(&p.cell.Settle, "settle", usualSettle, "`time` before idle nodes, or the wire, are looked at")
	flags.IntVar(&p.cell.MTU, "mtu", ethernet, "`bytes` of the longest packet where packets are counted")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("what is %q?", flags.Arg(0))
	}
	if p.cell.MTU < 576 || p.cell.MTU > 65536 {
		return fmt.Errorf("--mtu %d: a packet has 576 to 65,536 bytes", p.cell.MTU)
	}
	if p.cell.Rate <= 0 {
		return fmt.Errorf("--rate %v: it has to be more than 0", p.cell.Rate)
	}
	var err error
	if p.systems, err = choose(*chosen); err != nil {
		return err
	}
	for name := range strings.SplitSeq(*which, ",") {
		m, err := findMeasure(name)
		if err != nil {
			return err
		}
		p.measures = append(p.measures, m)
	}
	for _, l := range []struct {
		text string
		to   *[]int
	}{{*nodes, &p.nodes}, {*payloads, &p.cell.Payloads}, {*origins, &p.cell.Origins}} {
		if *l.to, err = numbers(l.text); err != nil {
			return err
		}
	}
	if longest := slices.Max(p.cell.Payloads); longest > longestPayload {
		return fmt.Errorf("--payload %d: it may have %d bytes at most", longest, longestPayload)
	}
	if p.profiles != "" {
		if err := os.MkdirAll(p.profiles, 0o755); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(*out, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	askGit()
	lines := json.NewEncoder(f)
	return p.run(func(r Result) {
		if r.Go == "" {
			r = stamp(r)
		}
		lines.Encode(r)
	})
}

func numbers(list string) (ns []int, err error) {
	for text := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q is not a number of at least 1", text)
		}
		ns = append(ns, n)
	}
	return ns, nil
}
