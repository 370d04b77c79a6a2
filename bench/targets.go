package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// A target is what one of our variants is to reach in the same results: a number, or a
// multiple of the best of others. They are those of "ahead of every peer, measured in
// one run".
type target struct {
	ours            string
	measure, metric string
	payload         int
	origins         []int    // each of them; 0 for what has none
	nodes           []int    // nil: every number that there is
	than            []string // the best of these systems; nil: times is the number itself
	times           float64
	less            bool // at most, and the least of others is the best
}

var (
	anyGossipsub = []string{"gossipsub/default", "gossipsub/unsigned", "gossipsub/tuned"}
	signed       = []string{"gossipsub/default"}
	gossiping    = append([]string{"memberlist/default", "memberlist/tuned", "serf/default"}, anyGossipsub...)
)

var targets = slices.Concat(
	rates(ours, anyGossipsub, 10),
	rates(ours, []string{"memberlist/tuned"}, 3),
	rates("gossip/keyring", signed, 10),
	rates("gossip/tls", signed, 10),
	rates(ours, []string{"floor/single"}, 0.75),
	rates(ours, []string{"gossip/unordered"}, 0.8),
	whole(ours, "saturated", 256, 1, 8), whole(ours, "saturated", 1024, 1, 8),
	whole("gossip/keyring", "saturated", 256, 1, 8), whole("gossip/keyring", "saturated", 1024, 1, 8),
	whole("gossip/tls", "saturated", 256, 1, 8), whole("gossip/tls", "saturated", 1024, 1, 8),
	whole(ours, "latency", 256), whole(ours, "kill", 256, burst), whole(ours, "scale", scaleSize, scaleOrigins),
	whole(ours, "wire-saturated", 1024, 1, 8), whole(ours, "wire-saturated", 65536, 1, 8),
	idle("idle"), idle("scale"), idle("scale-memory"),
	[]target{
		{ours: ours, measure: "saturated", metric: "allocations per delivery", payload: 256, origins: []int{1, 8}, times: 2, less: true},
		{ours: ours, measure: "saturated", metric: "allocations per delivery", payload: 1024, origins: []int{1, 8}, times: 2, less: true},
		{ours: ours, measure: "latency", metric: "last node p50", payload: 256, than: gossiping, times: 1, less: true},
		{ours: ours, measure: "latency", metric: "last node p99", payload: 256, than: gossiping, times: 1, less: true},
		{ours: ours, measure: "latency", metric: "last node p50", payload: 256, nodes: []int{256}, than: []string{"floor/single"}, times: 3, less: true},
		{ours: ours, measure: "wire", metric: "wire bytes per payload byte", payload: 256, times: 1.8, less: true},
		{ours: "gossip/keyring", measure: "wire", metric: "wire bytes per payload byte", payload: 256, than: []string{ours}, times: 1.08, less: true},
		{ours: "gossip/tls", measure: "wire", metric: "wire bytes per payload byte", payload: 256, than: []string{ours}, times: 1.08, less: true},
		{ours: "gossip/keyring", measure: "wire-saturated", metric: "wire bytes per payload byte", payload: 1024, origins: []int{1, 8}, than: []string{ours}, times: 1.08, less: true},
		{ours: ours, measure: "wire-saturated", metric: "wire bytes per payload byte", payload: 1024, origins: []int{1, 8}, times: 1.15, less: true},
		{ours: ours, measure: "wire-saturated", metric: "wire bytes per payload byte", payload: 65536, origins: []int{1, 8}, times: 1.02, less: true},
		{ours: ours, measure: "idle", metric: "bytes per second and node", than: gossiping, times: 1, less: true},
		{ours: ours, measure: "kill", metric: "last survivor p99", payload: 256, origins: []int{burst}, than: anyGossipsub, times: 1, less: true},
		{ours: ours, measure: "kill", metric: "whole after", payload: 256, origins: []int{burst}, times: 0.01, less: true},
	},
)

// rates are what is to be reached at saturation.
func rates(ours string, than []string, times float64) (all []target) {
	for _, payload := range []int{256, 1024} {
		all = append(all, target{
			ours: ours, measure: "saturated", metric: "deliveries per CPU-second", payload: payload,
			origins: []int{1, 8}, nodes: []int{64, 256}, than: than, times: times,
		})
	}
	return all
}

// whole is that everything is delivered, in every run.
func whole(ours, measure string, payload int, origins ...int) []target {
	return []target{{ours: ours, measure: measure, metric: "delivery ratio", payload: payload, origins: origins, times: 1}}
}

// idle is what nodes may take that have nothing to do, but for bytes.
func idle(measure string) []target {
	return []target{
		{ours: ours, measure: measure, metric: "CPU per second and node", times: 0.1, less: true},
		{ours: ours, measure: measure, metric: "heap and stack per node", times: 120, less: true},
		{ours: ours, measure: measure, metric: "goroutines per node", times: 3 + 2*5, less: true}, // of five links
	}
}

// writeTargets writes a line of Markdown for each target and number of nodes that there
// are results for.
func writeTargets(w io.Writer, results []Result) error {
	all := grids(results)
	var b strings.Builder
	b.WriteString("| target | N | ours | compared with | is | runs | |\n| --- | ---: | ---: | ---: | ---: | ---: | --- |\n")
	for _, t := range targets {
		for _, g := range all {
			if g.measure == t.measure && g.metric == t.metric && g.payload == t.payload && g.window == 0 &&
				(len(t.origins) == 0 && g.origins == 0 || slices.Contains(t.origins, g.origins)) {
				t.judge(&b, g)
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (t *target) judge(b *strings.Builder, g *grid) {
	for _, n := range g.nodes {
		if t.nodes != nil && !slices.Contains(t.nodes, n) {
			continue
		}
		a := g.at(t.ours, n)
		own, ok := g.value(a)
		if !ok {
			if a != nil { // it was tried
				fmt.Fprintf(b, "| %s | %d | – | | | 0 | **missed**: %s |\n", t.text(g), n, a.errors[0])
			}
			continue
		}
		goal, with := 1.0, ""
		if t.than != nil {
			best, label := t.best(g, n)
			if label == "" {
				continue
			}
			goal, with = best, fmt.Sprintf("%s (%s)", number(best), label)
		}
		is := own / goal
		verdict := "reached"
		if t.less && !(is <= t.times) || !t.less && !(is >= t.times) {
			verdict = "**missed**"
		}
		if len(a.errors) > 0 {
			verdict = "**missed**: " + a.errors[0]
		}
		fmt.Fprintf(b, "| %s | %d | %s | %s | %s | %d | %s |\n", t.text(g), n, number(own), with, number(is), a.runs(), verdict)
	}
}

// best is the best of those to compare with, and who it is.
func (t *target) best(g *grid, nodes int) (best float64, label string) {
	for _, other := range t.than {
		v, ok := g.value(g.at(other, nodes))
		if ok && (label == "" || t.less && v < best || !t.less && v > best) {
			best, label = v, other
		}
	}
	return best, label
}

func (t *target) text(g *grid) string {
	relation := "≥"
	if t.less {
		relation = "≤"
	}
	s := fmt.Sprintf("%s, %s %s %v", t.ours, g.question, relation, t.times)
	if t.than != nil {
		s += " ×"
	}
	return s
}
