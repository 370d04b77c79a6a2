package main

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/spf13/pflag"

	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
)

// policyFlags choose a peer sampling policy: a named one, or any point of the
// papers' space.
type policyFlags struct {
	preset        string
	view          int
	healing, swap int
	peer          string
	propagation   string
	viewSelection string
}

// group adds the flags of a node, by default those of gossip.DefaultPolicy; view is
// the default view size.
func (f *policyFlags) group(view int) flagGroup {
	*f = policyFlags{preset: "balanced", view: view, peer: "tail", propagation: "pushpull", viewSelection: "age"}
	g := newGroup("Peer sampling flags")
	g.Var(choiceValue{&f.preset, peersampling.PresetNames()},
		"policy", "the policy to start from: healer, balanced, swapper, blind, cyclon, newscast, lpbcast or brahms; the flags below change it (of brahms --view only)")
	addIntVar(g, &f.view, "view", 2, peersampling.MaxView, fmt.Sprintf("view size C: how many others a node knows, 2 to %d", peersampling.MaxView))
	addIntVar(g, &f.healing, "healing", math.MinInt32, math.MaxInt32, "H: how many of the oldest make room first, 0 to C/2 (default the policy's; 0 if --swap or --view-select is given and --policy is not)")
	addIntVar(g, &f.swap, "swap", math.MinInt32, math.MaxInt32, "S: how many of those just sent make room next, 0 to C/2 - H (default the policy's; 0 if --healing or --view-select is given and --policy is not)")
	g.Var(choiceValue{&f.peer, []string{"rand", "head", "tail"}}, "select", "whom to gossip with: rand (anyone), head (the freshest) or tail (the oldest)")
	g.Var(choiceValue{&f.propagation, []string{"push", "pull", "pushpull"}}, "propagate", "who sends: push (who begins), pull (who is asked) or pushpull (both)")
	g.Var(choiceValue{&f.viewSelection, []string{"age", "rand", "head", "tail"}}, "view-select", "what is kept: age (by H and S, as in the 2007 paper) or rand, head or tail by hops (as in the 2004 paper; no H, S)")
	for _, name := range []string{"healing", "swap", "select", "propagate", "view-select"} {
		g.Lookup(name).DefValue = "" // the policy's
	}
	return g
}

// pointGroup adds the flags of an experiment, by default without a preset: a
// point of the space is told by its coordinates.
func (f *policyFlags) pointGroup(view int) flagGroup {
	g := f.group(view)
	f.preset = ""
	g.Lookup("policy").DefValue = ""
	for name, standard := range map[string]string{
		"healing": "0", "swap": "0", "select": "rand", "propagate": "pushpull", "view-select": "age",
	} {
		usage, _, _ := strings.Cut(g.Lookup(name).Usage, " (default ")
		g.Lookup(name).Usage = usage + " (default " + standard + ", or the policy's)"
	}
	return g
}

// policy is what the flags say. It may not be valid; gossip.Start and
// overlay.New tell.
func (f *policyFlags) policy(given *pflag.FlagSet) peersampling.Policy {
	preset := f.preset
	if preset != "" && !given.Changed("policy") && (given.Changed("healing") || given.Changed("swap") || given.Changed("view-select")) {
		preset = "blind" // H = 0, S = 0
	}
	p, named := peersampling.Preset(preset, f.view)
	if !named { // the plainest point of the space, (rand,blind)
		p = peersampling.Blind(f.view)
		p.Peer = peersampling.Random
	}
	if given.Changed("select") {
		p.Peer = selection(f.peer)
	}
	if given.Changed("propagate") {
		p.Propagation, _ = peersampling.ParsePropagation(f.propagation)
	}
	if given.Changed("view-select") {
		p.View = selection(f.viewSelection)
		if p.View != peersampling.ByAge {
			p.H, p.S, p.Shuffle = 0, 0, 0
		}
	}
	if given.Changed("healing") {
		p.H = f.healing
	}
	if given.Changed("swap") {
		p.S = f.swap
	}
	return p
}

// selection reads a word that choiceValue has let through.
func selection(word string) peersampling.Selection {
	s, err := peersampling.ParseSelection(word)
	if err != nil {
		panic(err)
	}
	return s
}

// blamePolicyFlag names the flag behind a *peersampling.PolicyError.
func blamePolicyFlag(err error) (flag string, cause error) {
	field := (*peersampling.PolicyError)(nil)
	if !errors.As(err, &field) {
		return "", err
	}
	flag = map[string]string{
		"Peer": "select", "Propagation": "propagate", "View": "view-select",
		"C": "view", "H": "healing", "S": "swap", "Shuffle": "policy", "Samplers": "policy", "LiteralHops": "literal-hops",
	}[field.Field]
	return flag, fmt.Errorf("it is %s, allowed: %s", field.Value, field.Allowed)
}
