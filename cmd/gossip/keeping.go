package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/datadir"
	"github.com/Ishan27gOrg/gossipProtocol/gossip"
)

// rememberEvery is how often the addresses of peers are written down. Much changes in
// less, but not all of it.
const rememberEvery = 30 * time.Second

// maxRemembered is how many addresses are written down, as many as a node joins at most.
const maxRemembered = 64

// keeping is the data directory of an agent, or nothing.
type keeping struct{ dir *datadir.Dir }

// openDataDir opens a directory and has the node go on from there. No directory is
// none.
func openDataDir(cfg *gossip.Config, node *nodeFlags, name string) (keeping, error) {
	if name == "" {
		return keeping{}, nil
	}
	d, err := datadir.Open(name, cfg.ID, time.Now())
	if errors.Is(err, datadir.ErrInUse) { // for now: who starts it again may be lucky
		return keeping{}, fmt.Errorf("--data-dir: %w", err)
	}
	if err != nil {
		return keeping{}, usagef("--data-dir: %w", err)
	}
	if node.remembered, err = d.Peers(); err != nil {
		err = usagef("--data-dir: %w", err)
	}
	if err = errors.Join(err, node.checkClear()); err != nil {
		d.Close()
		return keeping{}, err
	}
	cfg.ID, cfg.Incarnation, cfg.Store, cfg.Listen = d.ID(), d.Incarnation(), d, node.listenAddress()
	for _, p := range node.remembered {
		if len(cfg.Join) < maxRemembered && !slices.Contains(cfg.Join, p) {
			cfg.Join = append(cfg.Join, p)
		}
	}
	return keeping{d}, nil
}

// sync waits for the disk; nil if there is nothing to wait for.
func (k keeping) sync() func(context.Context) error {
	if k.dir == nil {
		return nil
	}
	return k.dir.Sync
}

func (k keeping) close() error {
	if k.dir == nil {
		return nil
	}
	return k.dir.Close()
}

// end closes the directory. That nobody has confirmed what the node said, as the last of a
// network to leave has nobody who could, is no failure if all of it is there.
func (k keeping) end(con console, node *gossip.Node, unconfirmed error) error {
	err := k.close()
	if unconfirmed == nil || err != nil || node.Stats().Unstored > 0 {
		return errors.Join(err, unconfirmed)
	}
	fmt.Fprintf(con.err, "gossip agent: %v; all of it is in --data-dir, and is spread when the agent is started again\n", unconfirmed)
	return nil
}

// rememberPeers writes down whom the node knows, now and then until ctx ends, and once
// more then. done is closed afterwards.
func (k keeping) rememberPeers(ctx context.Context, node *gossip.Node, log *slog.Logger) (done <-chan struct{}) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if k.dir == nil {
			return
		}
		tick := time.NewTicker(rememberEvery)
		defer tick.Stop()
		for last := false; !last; {
			select {
			case <-tick.C:
			case <-ctx.Done():
				last = true
			}
			if err := k.remember(node); err != nil {
				log.Error("whom the node knows is not written down", "error", err)
			}
		}
	}()
	return ended
}

// remember writes down the addresses of links first, which are up, and then of others.
func (k keeping) remember(node *gossip.Node) error {
	var addresses []string
	for _, p := range append(node.Links(), node.View()...) {
		if p.Addr != "" && !slices.Contains(addresses, p.Addr) && len(addresses) < maxRemembered {
			addresses = append(addresses, p.Addr)
		}
	}
	if len(addresses) == 0 {
		return nil // what was known before is better than nothing
	}
	return k.dir.SetPeers(addresses)
}
