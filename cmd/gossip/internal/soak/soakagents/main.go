// Command soakagents builds the gossip command, runs many agents of it for a long time
// while they are killed and restarted and their keys change, and tells what was lost
// and what grew. Its status is 1 if anything was, or did.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/soak"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "soakagents:", err)
		os.Exit(1)
	}
}

func run() error {
	minutes := flag.Float64("minutes", 20, "for how long there is load and trouble")
	agents := flag.Int("agents", 16, "how many agents")
	rate := flag.Float64("rate", 20, "messages a second, of all clients together")
	seed := flag.Uint64("seed", uint64(time.Now().UnixNano()), "decides who is ended when")
	samples := flag.String("samples", "", "`file` for what agents held, as CSV")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	dir, err := os.MkdirTemp("", "soak")
	if err != nil {
		return err
	}
	binary := filepath.Join(dir, "gossip")
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "github.com/Ishan27gOrg/gossipProtocol/cmd/gossip")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("building gossip: %w", err)
	}
	fmt.Fprintf(os.Stderr, "seed %d, in %s\n", *seed, dir)
	o := soak.Options{
		Command: []string{binary}, Dir: dir, Agents: *agents, For: time.Duration(*minutes * float64(time.Minute)),
		Rate: *rate, Seed: *seed, Log: os.Stderr,
	}
	if *samples != "" {
		f, err := os.Create(*samples)
		if err != nil {
			return err
		}
		defer f.Close()
		o.Samples = f
	}
	report, err := soak.Run(ctx, o)
	if err != nil {
		return err
	}
	fmt.Print(report)
	if !report.Kept() {
		return fmt.Errorf("it is not as it must be; what the agents logged is in %s", dir)
	}
	return os.RemoveAll(dir)
}
