package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.uber.org/goleak"
)

// asCommand is set in a process that is to be the command, not its tests.
const asCommand = "TEST_AS_THE_COMMAND"

func TestMain(m *testing.M) {
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "GOSSIP_") {
			os.Unsetenv(name)
		}
	}
	if os.Getenv(asCommand) != "" {
		main()
	}
	// Any free port, so that tests are in nobody's way.
	os.Setenv("GOSSIP_HTTP", "127.0.0.1:0")
	goleak.VerifyTestMain(m)
}

// patience is how long a test waits for what should take a moment.
const patience = 30 * time.Second

// call runs the command to its end.
func call(t *testing.T, stdin string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	p := launch(t, strings.NewReader(stdin), args...)
	return p.wait(), p.stdout.rest(), p.stderr.rest()
}

// process is the command running in this process.
type process struct {
	t              *testing.T
	args           []string
	stdout, stderr *lineBuffer
	interrupt      context.CancelFunc
	status         chan int
}

func launch(t *testing.T, stdin io.Reader, args ...string) *process {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	p := &process{
		t: t, args: args, stdout: newLineBuffer(), stderr: newLineBuffer(),
		interrupt: cancel, status: make(chan int, 1),
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.status <- runContext(ctx, args, console{stdin, p.stdout, p.stderr})
		p.stdout.Close()
		p.stderr.Close()
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return p
}

func (p *process) wait() int {
	p.t.Helper()
	select {
	case status := <-p.status:
		return status
	case <-time.After(patience):
		p.t.Fatalf("gossip %q does not end; stdout %q, stderr %q", p.args, p.stdout.rest(), p.stderr.rest())
		panic("unreachable")
	}
}

// next returns the next line of an output, or fails the test.
func (p *process) next(from *lineBuffer) string {
	p.t.Helper()
	select {
	case line, ok := <-from.lines:
		if !ok {
			p.t.Fatalf("gossip %q has ended; stderr %q", p.args, p.stderr.rest())
		}
		return line
	case <-time.After(patience):
		p.t.Fatalf("gossip %q prints nothing more; stderr %q", p.args, p.stderr.rest())
		panic("unreachable")
	}
}

// address returns where a node is that has just started.
func (p *process) address() string {
	p.t.Helper()
	_, addr := p.introduction()
	return addr
}

// introduction returns the name and the address of a node that has just started, which
// it tells after it has warned that everything is in the clear.
func (p *process) introduction() (id, addr string) {
	p.t.Helper()
	line := p.next(p.stderr)
	if strings.Contains(line, "no keyring") {
		line = p.next(p.stderr)
	}
	if f := strings.Fields(line); len(f) >= 3 && f[1] == "at" {
		return f[0], f[2]
	}
	p.t.Fatalf("gossip %q printed %q, want its name and address", p.args, line)
	panic("unreachable")
}

// lineBuffer takes apart what is written into lines. It never blocks the writer
// for the few lines of a test.
type lineBuffer struct {
	in    *io.PipeWriter
	lines chan string
}

func newLineBuffer() *lineBuffer {
	r, w := io.Pipe()
	b := &lineBuffer{in: w, lines: make(chan string, 10_000)}
	go func() {
		defer close(b.lines)
		for s := bufio.NewScanner(r); s.Scan(); {
			b.lines <- s.Text()
		}
	}()
	return b
}

func (b *lineBuffer) Write(p []byte) (int, error) { return b.in.Write(p) }
func (b *lineBuffer) Close() error                { return b.in.Close() }

// rest returns the lines that have not been read, up to the end if the command
// has ended.
func (b *lineBuffer) rest() string {
	var text strings.Builder
	for {
		select {
		case line, ok := <-b.lines:
			if !ok {
				return text.String()
			}
			fmt.Fprintln(&text, line)
		case <-time.After(time.Second): // it has not ended, and a test has failed
			return text.String()
		}
	}
}

const killAllowed = `"--kill" flag: allowed: F@CYCLE, as in 0.5@100, with a fraction F of more than 0 and less than 1, and a CYCLE of 1 to --cycles`

func TestMisuseIsTold(t *testing.T) {
	tests := []struct {
		args string
		env  string
		want string
	}{
		{args: "bogus", want: `unknown command "bogus", allowed: agent, clock, completion, demo, keys, leave, listen, log-level, man, send, sim, stats, top, view`},
		{args: "help bogus", want: `unknown command "bogus"`},
		{args: "--bogus", want: "unknown flag: --bogus"},
		{args: "agent --bogus", want: "unknown flag: --bogus"},
		{args: "agent more", want: `unexpected argument "more"`},
		{args: "demo --nodes 2", want: `"--nodes" flag: allowed: 3 to 500`},
		{args: "demo --nodes many", want: `"--nodes" flag: allowed: 3 to 500`},
		{args: "demo --messages 3", want: `"--messages" flag: allowed: 4 to 2000`},
		{args: "demo --seed -1", want: `"--seed" flag: allowed: 0 to 18446744073709551615`},
		{args: "demo --timeout 10", want: `"--timeout" flag: allowed: 1s to 1h`},
		{args: "demo --view 10 --healing 6", want: "--healing: it is 6, allowed: 0 to 5"},
		{args: "demo --view 1", want: `"--view" flag: allowed: 2 to 16384`},
		{args: "agent --id=", want: `"--id" flag: allowed: 1 to 128 bytes of printable text`},
		{args: "agent --id " + strings.Repeat("x", 129), want: "--id: the id is 129 bytes long; it must be 1 to 128 bytes"},
		{args: "agent --listen here", want: `"--listen" flag: allowed: HOST:PORT with a port of 0 to 65535`},
		{args: "agent --listen :65536", want: `"--listen" flag: allowed: HOST:PORT with a port of 0 to 65535`},
		{args: "agent --advertise here", want: `"--advertise" flag: allowed: HOST:PORT`},
		{args: "agent --join here", want: `--join: transport: address "here": want "host:port"`},
		{args: "agent --cluster " + strings.Repeat("x", 256), want: "--cluster: it is 256 bytes long, at most 255 are allowed"},
		{args: "agent --order total", want: `"--order" flag: allowed: causal, fifo, unordered`},
		{args: "agent --history all", want: `"--history" flag: allowed: retained, none`},
		{args: "agent --links 0", want: `"--links" flag: allowed: 1 to 32`},
		{args: "agent --max-payload 65MiB", want: `"--max-payload" flag: allowed: 1B to 64MiB`},
		{args: "agent --log-bytes 10", want: "--log-bytes: 10B, allowed: --max-payload (1MiB) to 1024GiB"},
		{args: "agent --memory 2TiB", want: `"--memory" flag: allowed: 0 to 1024GiB`},
		{args: "agent --memory 1MiB", want: "--memory: 1048576 bytes are less than the"},
		{args: "agent --memory 64MiB --log-bytes 64MiB", want: "--log-bytes: 67108864 bytes were asked for, at most"},
		{args: "agent --retention 1ms", want: `"--retention" flag: allowed: 1s to 1000h`},
		{args: "agent --policy best", want: `"--policy" flag: allowed: healer, balanced, swapper, blind, cyclon, newscast, lpbcast`},
		{args: "agent --swap 20", want: "--swap: it is 20, allowed: 0 to 15"},
		{args: "agent --policy cyclon --healing 1", want: "--healing: it is 1, allowed: 0 when Shuffle is set"},
		{args: "agent --policy cyclon --propagate push", want: "--propagate: it is push, allowed: pushpull"},
		{args: "agent --view-select rand --swap 1", want: "--swap: it is 1, allowed: 0 when View is rand"},
		{args: "agent --select age", want: `"--select" flag: allowed: rand, head, tail`},
		{args: "agent --propagate pushpush", want: `"--propagate" flag: allowed: push, pull, pushpull`},
		{args: "agent --view-select none", want: `"--view-select" flag: allowed: age, rand, head, tail`},
		{args: "agent --log-level loud", want: `"--log-level" flag: allowed: debug, info, warn, error`},
		{args: "agent --exit-on-eof", want: "--exit-on-eof is of no use without --stdin"},
		{args: "send --api x hello", want: `--api: "x" is not the address of an agent`},
		{args: "send --api 127.0.0.1:1 --join 127.0.0.1:2 hello", want: "--api and --join: allowed is one of them"},
		{args: "view --api unix:", want: `--api: "unix:" is not the address of an agent`},
		{args: "agent --discover consul:x", want: `--discover: "consul:x", allowed: dns:HOST:PORT, srv:NAME, mdns:SERVICE or file:PATH`},
		{args: "agent --http 7980", want: `--http: "7980", allowed: HOST:PORT, unix:PATH or off`},
		{args: "agent --http 0.0.0.0:0", want: "--http-token is missing: others may reach 0.0.0.0:0"},
		{args: "agent --http-token nowhere", want: "--http-token: open nowhere"},
		{args: "send --join 127.0.0.1:1", want: "MESSAGE is missing"},
		{args: "send --join 127.0.0.1:1 --max-payload 4 hello", want: "MESSAGE 1 is 5 bytes long, allowed: at most 4 (--max-payload)"},
		{args: "send --join 127.0.0.1:1 --links 2 --wait-links 3 hello", want: "--wait-links: 3, allowed: 1 to --links, which is 2"},
		{args: "send --join 127.0.0.1:1 --timeout 0s hello", want: `"--timeout" flag: allowed: 10ms to 1h`},
		{args: "listen --api x", want: `--api: "x" is not the address of an agent`},
		{args: "listen --events", want: "--events: allowed with --join"},
		{args: "listen --join 127.0.0.1:1 --count -1", want: `"--count" flag: allowed: 0 to 2147483647`},
		{args: "help sim bogus", want: `unknown command "bogus", allowed: broadcast, experiment, fuzz, overlay`},
		{args: "help demo more", want: `unexpected argument "more"`},
		{args: "sim bogus", want: `unknown command "bogus", allowed: broadcast, experiment, fuzz, overlay`},
		{args: "sim overlay more", want: `unexpected argument "more", allowed: flags only`},
		{args: "sim overlay --nodes 1", want: `"--nodes" flag: allowed: 2 to 268435456`},
		{args: "sim overlay --view 1", want: `"--view" flag: allowed: 2 to 16384`},
		{args: "sim overlay --view 20 --healing 11", want: "--healing: it is 11, allowed: 0 to 10"},
		{args: "sim overlay --view 7 --healing 3 --swap 1", want: "--swap: it is 1, allowed: 0 to 0 (H + S at most half of C, with C = 7 and H = 3)"},
		{args: "sim overlay --healing -1", want: `--healing: it is -1, allowed: 0 to 15`},
		{args: "sim overlay --view-select head --healing 1", want: "--healing: it is 1, allowed: 0 when View is rand, head or tail"},
		{args: "sim overlay --view-select tail --swap 1", want: "--swap: it is 1, allowed: 0 when View is rand, head or tail"},
		{args: "sim overlay --policy newscast --healing 1", want: "--healing: it is 1, allowed: 0 when View is rand, head or tail"},
		{args: "sim overlay --policy cyclon --propagate push", want: "--propagate: it is push, allowed: pushpull"},
		{args: "sim overlay --literal-hops", want: "--literal-hops: it is true, allowed: false when View is age"},
		{args: "sim overlay --select age", want: `"--select" flag: allowed: rand, head, tail`},
		{args: "sim overlay --propagate both", want: `"--propagate" flag: allowed: push, pull, pushpull`},
		{args: "sim overlay --view-select oldest", want: `"--view-select" flag: allowed: age, rand, head, tail`},
		{args: "sim overlay --policy best", want: `"--policy" flag: allowed: healer, balanced, swapper, blind, cyclon, newscast, lpbcast`},
		{args: "sim overlay --init ring", want: `"--init" flag: allowed: growing, lattice, random, star`},
		{args: "sim overlay --grow 0 --init growing", want: `"--grow" flag: allowed: 1 to 268435456`},
		{args: "sim overlay --grow 10", want: "--grow is of no use with --init random, allowed: --init growing"},
		{args: "sim overlay --model atomic", want: `"--model" flag: allowed: cycles, bare, deployed, forgetful`},
		{args: "sim overlay --latency 0.5", want: "--latency is of no use with --model cycles, allowed: --model bare, deployed or forgetful"},
		{args: "sim overlay --model bare --latency 101", want: `"--latency" flag: allowed: 0 to 100`},
		{args: "sim overlay --model bare --loss 1", want: `"--loss" flag: allowed: a fraction of 0 or more and less than 1`},
		{args: "sim overlay --model bare --policy brahms", want: "--model: it is bare, allowed: deployed or forgetful with Samplers"},
		{args: "sim overlay --cycles -1", want: `"--cycles" flag: allowed: 0 to 2147483647`},
		{args: "sim overlay --every 0", want: `"--every" flag: allowed: 1 to 2147483647`},
		{args: "sim overlay --seed x", want: `"--seed" flag: allowed: 0 to 18446744073709551615`},
		{args: "sim overlay --kill 0.5", want: killAllowed},
		{args: "sim overlay --kill @5", want: killAllowed},
		{args: "sim overlay --kill 0.5@", want: killAllowed},
		{args: "sim overlay --kill 0.5@x", want: killAllowed},
		{args: "sim overlay --kill 0.5@1@2", want: killAllowed},
		{args: "sim overlay --kill 1@5", want: killAllowed},
		{args: "sim overlay --kill 50@5", want: killAllowed},
		{args: "sim overlay --kill 0@5", want: killAllowed},
		{args: "sim overlay --kill -0.1@5", want: killAllowed},
		{args: "sim overlay --kill NaN@5", want: killAllowed},
		{args: "sim overlay --kill 0.5@0", want: killAllowed},
		{args: "sim overlay --kill 0.5@1,", want: killAllowed},
		{args: "sim overlay --kill 0.5@1 --kill 0.25@301", want: "--kill: 0.25@301, allowed: a CYCLE of 1 to --cycles, which is 300"},
		{args: "sim overlay --churn 1", want: `"--churn" flag: allowed: a fraction of 0 or more and less than 1`},
		{args: "sim overlay --churn -0.1", want: `"--churn" flag: allowed: a fraction of 0 or more and less than 1`},
		{args: "sim overlay --churn NaN", want: `"--churn" flag: allowed: a fraction of 0 or more and less than 1`},
		{args: "sim overlay --sample-clustering -1", want: `"--sample-clustering" flag: allowed: 0 to`},
		{args: "sim overlay --sample-paths some", want: `"--sample-paths" flag: allowed: 0 to`},
		{args: "sim overlay --format xml", want: `"--format" flag: allowed: csv, json, table`},
		{args: "sim overlay", env: "GOSSIP_KILL=1@5", want: "environment variable GOSSIP_KILL"},
		{args: "agent", env: "GOSSIP_LINKS=33", want: `environment variable GOSSIP_LINKS: invalid argument "33" for "--links" flag: allowed: 1 to 32`},
		{args: "agent", env: "GOSSIP_HEALING=16", want: "--healing: it is 16, allowed: 0 to 15"},
		{args: "demo", env: "GOSSIP_NODES=1", want: "environment variable GOSSIP_NODES"},
	}
	for _, tt := range tests {
		t.Run(tt.args+tt.env, func(t *testing.T) {
			if name, value, found := strings.Cut(tt.env, "="); found {
				t.Setenv(name, value)
			}
			status, stdout, stderr := call(t, "", strings.Fields(tt.args)...)
			if status != statusUsage || stdout != "" || !strings.Contains(stderr, tt.want) {
				t.Errorf("status %d, stdout %q, stderr %q; want 2, nothing, and %q", status, stdout, stderr, tt.want)
			}
			if !strings.Contains(stderr, "--help' for usage") {
				t.Errorf("stderr %q does not say where help is", stderr)
			}
		})
	}
}

func TestHelpTellsEveryFlagAndItsVariable(t *testing.T) {
	for _, verb := range verbs(newRoot(console{})) {
		path := strings.Fields(verb.CommandPath())[1:]
		t.Run(strings.Join(path, " "), func(t *testing.T) {
			status, help, stderr := call(t, "", append(path, "--help")...)
			if status != statusOK || stderr != "" {
				t.Fatalf("status %d, stderr %q", status, stderr)
			}
			verb.Flags().VisitAll(func(f *pflag.Flag) {
				if f.Name == "help" {
					return
				}
				if !strings.Contains(help, "--"+f.Name) || !strings.Contains(help, "["+variable(f)+"]") {
					t.Errorf("help does not tell of --%s and %s", f.Name, variable(f))
				}
			})
			for _, want := range []string{"Usage:", "Examples:", "Exit status:", "beats the"} {
				if !strings.Contains(help, want) {
					t.Errorf("help lacks %q", want)
				}
			}
			checkWidth(t, help)
		})
	}
	for args, want := range map[string]string{"": "gossip demo", "sim": "gossip sim overlay", "help sim overlay": "--kill"} {
		status, help, _ := call(t, "", strings.Fields(args)...)
		if status != statusOK || !strings.Contains(help, want) {
			t.Errorf("gossip %s: status %d, %q", args, status, help)
		}
		checkWidth(t, help)
	}
}

// verbs are the commands below one that do something themselves.
func verbs(parent *cobra.Command) (all []*cobra.Command) {
	for _, c := range parent.Commands() {
		switch {
		case c.HasSubCommands():
			all = append(all, verbs(c)...)
		case c.Name() != "help":
			all = append(all, c)
		}
	}
	return all
}

func checkWidth(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		if n := len([]rune(strings.TrimRight(line, "\n"))); n > 80 {
			t.Errorf("%d columns: %q", n, line)
		}
	}
}

// An interrupt is how an agent ends, so it ends well: the neighbours are told.
func TestInterruptEndsAnAgentInGoodOrder(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process cannot be interrupted there")
	}
	first := launch(t, nil, "agent", "--id", "first", "--events")
	cmd := exec.CommandContext(t.Context(), os.Args[0], "agent", "--id", "second", "--join", first.address())
	cmd.Env = append(os.Environ(), asCommand+"=1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line := first.next(first.stdout); !strings.HasPrefix(line, "# link up: second") {
		t.Errorf("got %q, want a link to second", line)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("interrupted agent: %v, stderr %q", err, stderr.String())
	}
	if line := first.next(first.stdout); !strings.HasPrefix(line, "# link down: second") {
		t.Errorf("got %q, want the link down", line)
	}
	first.interrupt()
	if status := first.wait(); status != statusOK {
		t.Errorf("status %d, stderr %q", status, first.stderr.rest())
	}
}
