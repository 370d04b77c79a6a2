package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/api"
	"github.com/Ishan27gOrg/gossipProtocol/gossip"
)

type fleetOptions struct {
	json bool
	wait time.Duration
}

func newKeysFleet(con console) *cobra.Command {
	var (
		node  nodeFlags
		asked apiFlags
		o     = fleetOptions{wait: 20 * time.Second}
	)
	g := newGroup("Fleet flags")
	g.BoolVar(&o.json, "json", false, "print an object a line instead of a table")
	g.Var(durationValue{&o.wait, time.Second, time.Hour}, "wait", "how long to listen before telling, 1s to 1h")
	cmd := &cobra.Command{
		Use:   "fleet [--api ADDRESS | --join HOST:PORT --keyring FILE] [flags]",
		Short: "Tell which keys a running network uses, and who lacks one",
		Long: `fleet asks an agent, on this machine or at --api; with --join it joins a
network and listens for a while. For each key of the cluster it tells how long
ago a node is known to have had it, to have used it and to have lacked it, and
which one that was. Nodes tell each other so while there is more than one key
about. So a key is everywhere when nobody has lacked it for some minutes, and
may be removed when nobody has used it for as long.`,
		Example: `  gossip keys fleet
  gossip keys fleet --join 10.0.0.7:7946 --keyring keyring`,
		Args: noArgs,
	}
	addFlags(cmd, append([]flagGroup{g, asked.group()}, node.groups("none")...)...)
	cmd.RunE = verb(func(ctx context.Context, _ []string) error {
		if instead, err := asked.instead(&node); err != nil {
			return err
		} else if instead {
			return keysFleetThrough(ctx, con, &asked, o)
		}
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
		return leave(n, leaveTimeout, fmt.Errorf("nobody who has a key of --keyring answered within %v at %s (--join, --cluster, --keyring, --wait)",
			o.wait, strings.Join(cfg.Join, ", ")))
	}
	<-found.Done()
	var keys []api.Key
	for _, k := range n.Keys() {
		keys = append(keys, api.KeyOf(k))
	}
	return leave(n, leaveTimeout, printKeys(con, keys, o.json))
}

// keysFleetThrough tells what an agent knows, which has been listening all the time.
func keysFleetThrough(ctx context.Context, con console, asked *apiFlags, o fleetOptions) error {
	c, err := asked.client()
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	keys, err := c.Keys(ctx)
	if err != nil {
		return err
	}
	if len(keys) == 0 {
		return fmt.Errorf("the agent at %s has no keyring", c.Address())
	}
	return printKeys(con, keys, o.json)
}

func printKeys(con console, keys []api.Key, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(con.out)
		for _, k := range keys {
			if err := e.Encode(map[string]any{
				"key": k.ID, "here": k.Here, "primary": k.Primary,
				"held_s": ofMS(k.HeldMS), "held_by": k.HeldBy,
				"used_s": ofMS(k.UsedMS), "used_by": k.UsedBy,
				"lacked_s": ofMS(k.LackedMS), "lacked_by": k.LackedBy,
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
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", k.ID, here, sighting(k.HeldBy, k.HeldMS), sighting(k.UsedBy, k.UsedMS), sighting(k.LackedBy, k.LackedMS))
	}
	return w.Flush()
}

func ofMS(ms int64) float64 { return float64(ms) / 1000 }

func sighting(by string, agoMS int64) string {
	if by == "" {
		return "nobody"
	}
	return fmt.Sprintf("%s, %s ago", printable([]byte(by)), shortDuration(time.Duration(agoMS)*time.Millisecond))
}
