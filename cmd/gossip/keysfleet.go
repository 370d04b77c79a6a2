package main

import (
	"context"
	"encoding/json"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
)

type fleetOptions struct {
	json bool
	wait time.Duration
}

func newKeysFleet(con console) *cobra.Command {
	var (
		node nodeFlags
		o    = fleetOptions{wait: 20 * time.Second}
	)
	g := newGroup("Fleet flags")
	g.BoolVar(&o.json, "json", false, "print an object a line instead of a table")
	g.Var(durationValue{&o.wait, time.Second, time.Hour}, "wait", "how long to listen before telling, 1s to 1h")
	cmd := &cobra.Command{
		Use:   "fleet --join HOST:PORT --keyring FILE [flags]",
		Short: "Tell which keys a running network uses, and who lacks one",
		Long: `fleet joins a network, listens for a while, and tells for each key of the
cluster how long ago a node is known to have had it, to have used it and to have
lacked it, and which one that was. Nodes tell each other so while there is more
than one key about. So a key is everywhere when nobody has lacked it for some
minutes, and may be removed when nobody has used it for as long.`,
		Example: `  gossip keys fleet --join 10.0.0.7:7946 --keyring keyring`,
		Args:    noArgs,
	}
	addFlags(cmd, append([]flagGroup{g}, node.groups("none")...)...)
	cmd.RunE = verb(func(ctx context.Context, _ []string) error {
		if err := node.check(true); err != nil {
			return err
		}
		cfg, err := node.config(cmd, con.err)
		if err != nil {
			return err
		}
		if cfg.Keyring == nil {
			return usagef("--keyring is missing: name the FILE with the keys of the network (or set GOSSIP_KEYRING)")
		}
		return runKeysFleet(ctx, con, cfg, o)
	})
	return cmd
}

func runKeysFleet(ctx context.Context, con console, cfg gossip.Config, o fleetOptions) error {
	n, err := start(ctx, cfg)
	if err != nil {
		return err
	}
	found, cancel := context.WithTimeout(ctx, o.wait)
	defer cancel()
	if n.Ready(found) != nil {
		return leave(n, leaveTimeout, errNobody(cfg, o.wait))
	}
	<-found.Done()
	return leave(n, leaveTimeout, printKeys(con, n.Keys(), o.json))
}

func printKeys(con console, keys []gossip.KeyUse, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(con.out)
		for _, k := range keys {
			if err := e.Encode(map[string]any{
				"key": k.ID.String(), "here": k.Here, "primary": k.Primary,
				"held_s": k.Held.Seconds(), "held_by": k.HeldBy,
				"used_s": k.Used.Seconds(), "used_by": k.UsedBy,
				"lacked_s": k.Lacked.Seconds(), "lacked_by": k.LackedBy,
			}); err != nil {
				return err
			}
		}
		return nil
	}
	w := tabwriter.NewWriter(con.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "KEY\tHERE\tLAST HAD BY\tLAST USED BY\tLAST LACKED BY")
	for _, k := range keys {
		here := "no"
		switch {
		case k.Primary:
			here = "used"
		case k.Here:
			here = "accepted"
		}
		fmt.Fprintf(w, "%v\t%s\t%s\t%s\t%s\n", k.ID, here, sighting(k.HeldBy, k.Held), sighting(k.UsedBy, k.Used), sighting(k.LackedBy, k.Lacked))
	}
	return w.Flush()
}

func sighting(by string, ago time.Duration) string {
	if by == "" {
		return "nobody"
	}
	return fmt.Sprintf("%s, %s ago", printable([]byte(by)), shortDuration(ago))
}
