package main

import (
	"context"
	"strings"

	"github.com/spf13/pflag"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
)

// reloader takes what has changed in the files of an agent that runs.
type reloader struct {
	flags *pflag.FlagSet
	node  *nodeFlags
	cfg   *gossip.Config
	file  string // of --config, or ""
}

// reload reads all files again: keys, the roster, and the settings, of which those
// count that can change on a node that runs. What is wrong is logged and changes
// nothing.
func (r *reloader) reload(ctx context.Context, node *gossip.Node) {
	r.node.security.reload(r.cfg)
	if r.file == "" {
		return
	}
	log := r.cfg.Logger
	changed, err := changedSettings(r.flags, r.file)
	if err != nil {
		log.Error("the settings stay as they were", "error", err)
		return
	}
	var later []string
	for _, s := range changed {
		if !r.apply(ctx, node, s) {
			later = append(later, s.name)
		}
	}
	if len(later) > 0 {
		log.Warn("these settings count once the agent is started again", "settings", strings.Join(later, ", "))
	}
}

// apply takes a setting that has changed, and reports whether that counts at once.
func (r *reloader) apply(ctx context.Context, node *gossip.Node, s setting) bool {
	log := r.cfg.Logger
	switch {
	case len(s.values) == 0 && s.name != "join":
		return false
	case s.name == "log-level":
		level, known := logLevels[s.values[0]]
		if !known {
			log.Error("the setting stays as it was", "setting", s.name, "given", s.values[0], "allowed", strings.Join(levelNames, ", "))
			return true
		}
		r.node.level.Set(level)
		log.Info("what is logged has changed", "log_level", s.values[0])
	case s.name == "join":
		// Who is not in the list any more stays known; it only adds ways in.
		if err := node.Join(ctx, s.values...); err != nil {
			log.Error("the setting stays as it was", "setting", s.name, "error", err)
			return true
		}
	default:
		return false
	}
	if err := r.flags.SetAnnotation(s.name, fromConfig, s.values); err != nil {
		log.Error("the setting stays as it was", "setting", s.name, "error", err)
	}
	return true
}
