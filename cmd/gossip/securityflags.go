package main

import (
	"context"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
	"github.com/Ishan27gOrg/gossipProtocol/identity"
	"github.com/Ishan27gOrg/gossipProtocol/keyring"
)

// securityFlags are the flags that tell whom a node trusts.
type securityFlags struct {
	keys          string // a file, or env:NAME
	plain         bool
	cert, key, ca string
	names         bool
	identity      string
	roster        string
}

func (f *securityFlags) group() flagGroup {
	g := newGroup("Security flags")
	g.StringVar(&f.keys, "keyring", "", "`FILE` with the cluster's keys, a key a line, the first of which is used and all of which are accepted; read again on SIGHUP; or, for keys that do not change, env:NAME, a variable with keys separated by spaces. Without it everything is in the clear")
	g.BoolVar(&f.plain, "plain", false, "listen in the clear on other addresses than those of this machine alone: whoever can reach them can read and forge everything")
	g.StringVar(&f.cert, "tls-cert", "", "`FILE` with this node's certificate, PEM, for links under an authority of your own; read again when it changes, as are the next two")
	g.StringVar(&f.key, "tls-key", "", "`FILE` with the key of --tls-cert, which others must not be able to read")
	g.StringVar(&f.ca, "tls-ca", "", "`FILE` with the certificates of the authorities that others' certificates must be of")
	g.BoolVar(&f.names, "tls-names", false, "with --tls-cert, link only to peers whose name is one of their certificate's: a DNS name or the common name")
	g.StringVar(&f.identity, "identity", "", "`FILE` with this node's own key (gossip keys identity): its name is --id and the public half, and what it says is signed. All nodes have one or none has; it needs --keyring or --tls-cert, and --advertise where --listen is all interfaces")
	g.StringVar(&f.roster, "roster", "", "`FILE` that tells whose identities count, a public key or full name a line, '-' in front of those that are revoked, or '*' for all others; read again on SIGHUP")
	return g
}

// apply loads what the flags name.
func (f *securityFlags) apply(cfg *gossip.Config) (err error) {
	cfg.Plain, cfg.NamedCertificates = f.plain, f.names
	if f.keys != "" {
		if cfg.Keyring, err = keyring.Open(f.keys); err != nil {
			return usagef("--keyring: %w", err)
		}
	}
	if err := f.applyIdentity(cfg); err != nil {
		return err
	}
	given := 0
	for _, file := range []string{f.cert, f.key, f.ca} {
		if file != "" {
			given++
		}
	}
	switch given {
	case 0:
		return nil
	case 3:
	default:
		return usagef("--tls-cert, --tls-key and --tls-ca go together: allowed are all three or none")
	}
	log := cfg.Logger
	if cfg.TLS, err = gossip.CertificateFiles(f.cert, f.key, f.ca, func(err error) {
		log.Error("the certificates stay as they were", "error", err)
	}); err != nil {
		return usagef("--tls-cert, --tls-key, --tls-ca: %w", err)
	}
	return nil
}

func (f *securityFlags) applyIdentity(cfg *gossip.Config) (err error) {
	if f.identity != "" {
		if cfg.Identity, err = identity.Load(f.identity); err != nil {
			return usagef("--identity: %w", err)
		}
	}
	if f.roster != "" {
		if cfg.Roster, err = identity.LoadRoster(f.roster); err != nil {
			return usagef("--roster: %w", err)
		}
	}
	return nil
}

// reload reads the files again. What is wrong is logged, and changes nothing.
func (f *securityFlags) reload(cfg *gossip.Config) {
	if ring := cfg.Keyring; strings.HasPrefix(f.keys, "env:") {
		cfg.Logger.Warn("the keyring stays as it was: a variable cannot be read again, a file can", "keyring", f.keys)
	} else if ring != nil {
		if err := ring.Reload(f.keys); err != nil {
			cfg.Logger.Error("the keyring stays as it was", "file", f.keys, "error", err)
		}
	}
	if roster := cfg.Roster; roster != nil {
		if err := roster.Reload(f.roster); err != nil {
			cfg.Logger.Error("the roster stays as it was", "file", f.roster, "error", err)
		}
	}
}

// hangups is where SIGHUPs go from now on, instead of ending the process.
func hangups() chan os.Signal {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGHUP)
	return c
}

// onHangup calls reload whenever there is a SIGHUP, until ctx ends.
func onHangup(ctx context.Context, hangups chan os.Signal, reload func()) {
	go func() {
		defer signal.Stop(hangups)
		for {
			select {
			case <-hangups:
				reload()
			case <-ctx.Done():
				return
			}
		}
	}()
}
