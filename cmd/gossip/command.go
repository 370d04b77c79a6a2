package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// The exit statuses.
const (
	statusOK     = 0
	statusFailed = 1
	statusUsage  = 2
)

// console is where a verb reads and writes.
type console struct {
	in       io.Reader
	out, err io.Writer
}

// run is the whole command, until SIGINT or SIGTERM asks it to end in good
// order. A second signal ends it at once.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return runContext(ctx, args, console{stdin, stdout, stderr})
}

func runContext(ctx context.Context, args []string, con console) int {
	root := newRoot(con)
	root.SetArgs(append([]string{}, args...)) // of nil, cobra would make os.Args
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return statusOK
	}
	fmt.Fprintf(con.err, "%s: %v\n", cmd.CommandPath(), err)
	if failed := (*failure)(nil); errors.As(err, &failed) {
		return statusFailed
	}
	fmt.Fprintf(con.err, "Run '%s --help' for usage.\n", cmd.CommandPath())
	return statusUsage
}

func newRoot(con console) *cobra.Command {
	root := &cobra.Command{
		Use:   "gossip",
		Short: "Spread messages through a network in which everyone knows only a few others",
		Long: `gossip runs nodes of a gossip network. Each knows a small, always changing
sample of the others, and all of them deliver every message exactly once, in
causal order, with its vector clock.

Start with: gossip demo`,
		Example: `  gossip demo                                 # a whole network in one process
  gossip agent --listen 127.0.0.1:7946        # the first node of a network
  gossip listen --join 127.0.0.1:7946         # in another terminal
  gossip send --join 127.0.0.1:7946 "hello"   # in a third one
  gossip sim overlay --format table           # 10,000 simulated nodes`,
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          knownVerb,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },

		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return settle(cmd) },
	}
	root.SetIn(con.in)
	root.SetOut(con.out)
	root.SetErr(con.err)
	root.AddCommand(newDemo(con), newAgent(con), newSend(con), newListen(con), newKeys(con), newSim(con))
	root.AddCommand(askingVerbs(con)...)
	root.AddCommand(newTop(con), newMan(con))
	root.SetHelpCommand(&cobra.Command{
		Use:   "help [VERB...]",
		Short: "Tell all about a verb",
		RunE: func(_ *cobra.Command, args []string) error {
			cmd, unknown, err := root.Find(args)
			switch {
			case err != nil:
				return knownVerb(root, args)
			case cmd.HasSubCommands():
				err = knownVerb(cmd, unknown)
			default:
				err = noArgs(cmd, unknown)
			}
			if err != nil {
				return err
			}
			return cmd.Help()
		},
	})
	return root
}

// knownVerb is how a command of verbs takes arguments: as verbs that it does not
// know.
func knownVerb(parent *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var known []string
	for _, c := range parent.Commands() {
		if c.IsAvailableCommand() {
			known = append(known, c.Name())
		}
	}
	return fmt.Errorf("unknown command %q, allowed: %s", args[0], strings.Join(known, ", "))
}

func noArgs(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("unexpected argument %q, allowed: flags only", args[0])
	}
	return nil
}

// failure is an error of a verb at work. All other errors are about how the
// command was called.
type failure struct{ err error }

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// usageError is an error of a verb at work that is about how it was called.
type usageError struct{ err error }

func (u *usageError) Error() string { return u.err.Error() }
func (u *usageError) Unwrap() error { return u.err }

func usagef(format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...)}
}

// verb makes a function cobra's, and tells failures from misuse.
func verb(work func(ctx context.Context, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		err := blameFlag(work(cmd.Context(), args))
		if misuse := (*usageError)(nil); err == nil || errors.As(err, &misuse) {
			return err
		}
		return &failure{err}
	}
}
