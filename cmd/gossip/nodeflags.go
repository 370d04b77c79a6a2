package main

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
)

// nodeFlags are the flags of one node. The defaults are those of
// gossip.Config, except for the logger and the address to listen on.
type nodeFlags struct {
	id, listen, advertise string
	join                  []string
	joinFlag              *pflag.Flag
	discovers             bool     // addresses come from elsewhere, too
	remembered            []string // addresses of an earlier life
	cluster               string
	order, history        string
	links                 int
	maxPayload, logBytes  int
	memory                int
	retention, horizon    time.Duration
	logLevel              string
	level                 slog.LevelVar // of the logger, once there is one
	logFormat             string
	policy                policyFlags
	security              securityFlags
}

// maxLogBytes is more than any node should need.
const maxLogBytes = 1 << 40

var (
	orders    = map[string]gossip.Order{"causal": gossip.Causal, "fifo": gossip.FIFO, "unordered": gossip.Unordered}
	histories = map[string]gossip.History{"retained": gossip.Retained, "none": gossip.None}
	logLevels = map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	}
	levelNames = []string{"debug", "info", "warn", "error"}
)

// groups adds the flags; history is the verb's default.
func (f *nodeFlags) groups(history string) []flagGroup {
	f.order, f.history, f.links, f.maxPayload, f.logBytes = "causal", history, 5, 1<<20, 64<<20
	f.retention, f.logLevel, f.logFormat = time.Hour, "warn", "text"
	g := newGroup("Node flags")
	g.Var(nameValue{&f.id}, "id", "the node's name, unique in the network: 1 to 128 bytes of printable text (default node- and 8 random hex digits)")
	g.Var(addressValue{&f.listen}, "listen", "where to listen on, UDP and TCP; port 0 is any free one (default a free port: of 127.0.0.1 if all addresses to join are on this machine and none are discovered, else of all interfaces)")
	g.Var(addressValue{&f.advertise}, "advertise", "where others reach the node (default where it listens)")
	g.StringSliceVar(&f.join, "join", nil, "`HOST:PORT` of a node of the network; several with commas or by repeating the flag, one that is up is enough")
	f.joinFlag = g.Lookup("join")
	g.StringVar(&f.cluster, "cluster", "", "the network's `NAME`, at most 255 bytes; nodes of others are ignored (default the empty name)")
	g.Var(choiceValue{&f.order, []string{"causal", "fifo", "unordered"}}, "order", "order of delivery, the same on all nodes: causal (a message after all that happened before it), fifo (each origin's messages in order) or unordered")
	g.Var(choiceValue{&f.history, []string{"retained", "none"}}, "history", "what is delivered of the time before the start: retained (what the network still has in its logs) or none")
	addIntVar(g, &f.links, "links", 1, 32, "stable links to keep, 1 to 32")
	g.Var(sizeValue{&f.maxPayload, 1, 64 << 20}, "max-payload", "longest payload sent or accepted, 1B to 64MiB, the same on all nodes")
	g.Var(sizeValue{&f.logBytes, 1, maxLogBytes}, "log-bytes", "bound of the log that late nodes are served from, --max-payload to 1024GiB")
	g.Var(sizeValue{&f.memory, 0, maxLogBytes}, "memory", "bound of all that the node holds, of which log and backlog are shares unless --log-bytes is given; 0B: what the other flags come to, some 464MiB by default")
	g.Var(durationValue{&f.retention, time.Second, 1000 * time.Hour}, "retention", "how long messages stay in that log, 1s to 1000h")
	g.Var(durationValue{&f.horizon, 0, 4000 * time.Hour}, "horizon", "how long a node that sends nothing stays in clocks, the same for all nodes, 8s to 4000h and at least four times --retention; 0s: a day")
	g.Var(choiceValue{&f.logLevel, levelNames}, "log-level", "least severe lines logged to stderr: debug, info, warn or error")
	g.Var(choiceValue{&f.logFormat, []string{"text", "json"}}, "log-format", "how they are written: text (key=value) or json (an object a line); docs/logging.md lists messages and keys")
	return []flagGroup{g, f.security.group(), f.policy.group(gossip.DefaultPolicy().C)}
}

func addIntVar(g flagGroup, p *int, name string, least, most int, usage string) {
	g.Var(intValue{p, least, most}, name, usage)
}

// config is what the flags say, with the log going to w.
func (f *nodeFlags) config(cmd *cobra.Command, w io.Writer) (gossip.Config, error) {
	f.level.Set(logLevels[f.logLevel])
	cfg := gossip.Config{
		ID: f.id, Listen: f.listenAddress(), Advertise: f.advertise, Join: f.join, Cluster: f.cluster,
		Sampling: f.policy.policy(cmd.Flags()), Order: orders[f.order], History: histories[f.history],
		Links: f.links, MaxPayload: f.maxPayload, LogBytes: f.logBytes, Memory: f.memory, Retention: f.retention, Horizon: f.horizon,
		// No more than the log may wait for the application to read it.
		BacklogBytes: f.logBytes,
		Logger:       slog.New(f.logHandler(w)),
	}
	if f.memory != 0 && !cmd.Flags().Changed("log-bytes") {
		cfg.LogBytes, cfg.BacklogBytes = 0, 0 // shares of it
	}
	err := f.security.apply(&cfg)
	return cfg, err
}

func (f *nodeFlags) logHandler(w io.Writer) slog.Handler {
	o := &slog.HandlerOptions{Level: &f.level}
	if f.logFormat == "json" {
		return slog.NewJSONHandler(w, o)
	}
	return slog.NewTextHandler(w, o)
}

// listenAddress is --listen or its default: a node that listens on the loopback
// interface only cannot talk to other machines.
func (f *nodeFlags) listenAddress() string {
	elsewhere := func(address string) bool { return !onLoopback(address) }
	switch {
	case f.listen != "":
		return f.listen
	case f.discovers, slices.ContainsFunc(f.join, elsewhere), slices.ContainsFunc(f.remembered, elsewhere):
		return ":0"
	}
	return "127.0.0.1:0"
}

func onLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil || host == "localhost" {
		return true // an address that is malformed is an error later
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// check tells what cannot be seen from one flag alone. A verb that makes no
// sense without a network needs --join.
func (f *nodeFlags) check(needJoin bool) error {
	switch {
	case needJoin && len(f.join) == 0:
		return usagef("--join is missing: name the HOST:PORT of at least one node of the network (or set GOSSIP_JOIN)")
	case f.logBytes < f.maxPayload:
		return usagef("--log-bytes: %s, allowed: --max-payload (%s) to %s",
			formatSize(f.logBytes), formatSize(f.maxPayload), formatSize(maxLogBytes))
	}
	return f.checkClear()
}

// checkClear refuses to listen in the clear where others may reach it, unless that is
// what is wanted.
func (f *nodeFlags) checkClear() error {
	if f.security.keys != "" || f.security.plain || onLoopback(f.listenAddress()) {
		return nil
	}
	return usagef("--keyring is missing: others may reach %s, where the node would listen in the clear; allowed: a FILE with keys (see gossip keys), or --plain if they may read and forge everything; or --listen 127.0.0.1:0 if all of the network is on this machine", f.listenAddress())
}

// flagOf names the flag behind a field of gossip.Config.
var flagOf = map[string]string{
	"ID": "id", "Listen": "listen", "Advertise": "advertise", "Join": "join", "Cluster": "cluster",
	"Links": "links", "MaxPayload": "max-payload", "LogBytes": "log-bytes", "BacklogBytes": "log-bytes", "Memory": "memory", "Retention": "retention", "Horizon": "horizon",
	"Keyring": "keyring", "TLS": "tls-cert", "NamedCertificates": "tls-names", "Identity": "identity", "Roster": "roster",
}

// blameFlag turns an error that names a field into one that names a flag.
func blameFlag(err error) error {
	for _, blame := range []func(error) (string, error){blamePolicyFlag, blameOverlayFlag} {
		if flag, cause := blame(err); flag != "" {
			return usagef("--%s: %v", flag, cause)
		}
	}
	field := (*gossip.ConfigError)(nil)
	if !errors.As(err, &field) {
		return err
	}
	if name := flagOf[field.Field]; name != "" {
		return usagef("--%s: %w", name, field.Err)
	}
	return err
}
