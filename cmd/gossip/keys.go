package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/Ishan27gOrg/gossipProtocol/identity"
	"github.com/Ishan27gOrg/gossipProtocol/keyring"
)

func newKeys(con console) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Make keys, and tell those in a keyring apart",
		Long: `keys is about the keys that make up a cluster. A keyring is a file with a key a
line; the first is used, all are accepted. To change keys without losing a
message, reload the keyring of each node (SIGHUP) three times: with the new key
added at the end, then with it moved to the front, then without the old one.

Besides, each node may have an identity: a key of its own, in a file of its own,
the public half of which is part of the node's name.`,
		Example: `  umask 077; gossip keys new > keyring
  gossip agent --keyring keyring --listen 10.0.0.7:7946
  gossip keys list keyring
  umask 077; gossip keys identity > identity; gossip keys name db-1 identity`,
		Args: knownVerb,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newKeysNew(con), newKeysList(con), newKeysFleet(con), newKeysIdentity(con), newKeysName(con))
	return cmd
}

func newKeysNew(con console) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "new",
		Short: "Print a new key",
		Long: `new prints a new random key, for a keyring. Keep it from everybody but the
nodes.`,
		Example: `  umask 077; gossip keys new > keyring`,
		Args:    noArgs,
	}
	addFlags(cmd)
	cmd.RunE = verb(func(context.Context, []string) error {
		_, err := fmt.Fprintln(con.out, keyring.NewKey().Text())
		return err
	})
	return cmd
}

func newKeysList(con console) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list FILE",
		Short: "Print the ids of the keys in a keyring",
		Long: `list prints the ids of the keys in a keyring, the one that is used first. An id
tells keys apart and reveals nothing of them; nodes log them.`,
		Example: `  gossip keys list keyring`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("%d arguments, allowed: the name of one file", len(args))
			}
			return nil
		},
	}
	addFlags(cmd)
	cmd.RunE = verb(func(_ context.Context, args []string) error {
		ring, err := keyring.Load(args[0])
		if err != nil {
			return err
		}
		for i, id := range ring.IDs() {
			use := "accepted"
			if i == 0 {
				use = "used"
			}
			if _, err := fmt.Fprintln(con.out, id, use); err != nil {
				return err
			}
		}
		return nil
	})
	return cmd
}

func newKeysIdentity(con console) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "identity",
		Short: "Print a new identity",
		Long: `identity prints a new key for one node, with which that node signs. Keep it from
everybody else.`,
		Example: `  umask 077; gossip keys identity > identity`,
		Args:    noArgs,
	}
	addFlags(cmd)
	cmd.RunE = verb(func(context.Context, []string) error {
		_, err := fmt.Fprintln(con.out, identity.Generate().Text())
		return err
	})
	return cmd
}

func newKeysName(con console) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "name LABEL FILE",
		Short: "Print the name of the node that has an identity",
		Long: `name prints the name that a node has by an identity and a label (its --id). It
is no secret; a roster lists such names, or the key at the end of them alone.`,
		Example: `  gossip keys name db-1 identity >> roster`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return fmt.Errorf("%d arguments, allowed: a label, and the name of one file", len(args))
			}
			return nil
		},
	}
	addFlags(cmd)
	cmd.RunE = verb(func(_ context.Context, args []string) error {
		key, err := identity.Load(args[1])
		if err != nil {
			return err
		}
		name, err := identity.Name(args[0], key.Public())
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(con.out, name)
		return err
	})
	return cmd
}
