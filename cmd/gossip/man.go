package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// newMan writes the manual from what --help tells. It is for who packages the command.
func newMan(con console) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "man DIRECTORY",
		Short: "Write the manual, a page for each verb, into a directory",
		Long: `man writes a manual page for each verb into a directory, which is made if it is
not there.`,
		Example: "  gossip man ./man && man ./man/gossip-agent.1",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("%d arguments, allowed: one DIRECTORY", len(args))
			}
			return nil
		},
	}
	addFlags(cmd)
	cmd.RunE = verb(func(_ context.Context, args []string) error {
		if err := os.MkdirAll(args[0], 0o755); err != nil {
			return err
		}
		root := newRoot(con)
		root.InitDefaultCompletionCmd()
		return doc.GenManTree(root, &doc.GenManHeader{Title: "GOSSIP", Section: "1", Source: "gossipProtocol", Manual: "Gossip over partial views"}, args[0])
	})
	return cmd
}
