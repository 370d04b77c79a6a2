package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/Ishan27gOrg/gossipProtocol/internal/oracle"
	"github.com/Ishan27gOrg/gossipProtocol/internal/stage"
	"github.com/Ishan27gOrg/gossipProtocol/sim"
)

// realNetworks are what --real takes.
var realNetworks = map[string]func(seed uint64) stage.Network{"memory": stage.Memory, "loopback": stage.Loopback}

// runReal plays a scenario with real nodes, in real time.
func (f *broadcastFlags) runReal(ctx context.Context, con console, s sim.Scenario) error {
	r, err := stage.Play(ctx, s, realNetworks[f.real](s.Seed))
	if refused := (*stage.UnsupportedError)(nil); errors.As(err, &refused) {
		return usagef("--real %s: not with real nodes on %s: %s", f.real, refused.On, strings.Join(refused.What, "; "))
	}
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	if err != nil {
		return err
	}
	text := realTable(r)
	if f.format == "json" {
		b, err := json.MarshalIndent(r, "", "  ")
		if err != nil {
			panic(err) // a report is plain, finite numbers
		}
		text = string(b) + "\n"
	}
	if _, err := io.WriteString(con.out, text); err != nil {
		return err
	}
	if !r.Kept() {
		return errors.New("a promise was broken: " + realBroken(r))
	}
	return nil
}

func realTable(r *stage.Report) string {
	var b strings.Builder
	missing := r.Oracle.Expected - r.Oracle.Delivered
	fmt.Fprintf(&b, "%d nodes, %d up at the end; %d messages, %d deliveries, %d missing\n", r.Nodes, r.Survivors, r.Messages, r.Deliveries, missing)
	fmt.Fprintf(&b, "%d of %d datagrams lost on purpose, %d gaps; settled %.1f s after the last step\n", r.Lost, r.Datagrams, r.Gaps, r.SettledMS/1000)
	fmt.Fprintf(&b, "%s\n%s", realBroken(r), indented(r.Oracle.Problems))
	return b.String()
}

func realBroken(r *stage.Report) string {
	var of []string
	for i, n := range r.Oracle.Broken() {
		if n > 0 {
			of = append(of, fmt.Sprintf("%d of P%d", n, i+1))
		}
	}
	if r.Unheard > 0 {
		of = append(of, fmt.Sprintf("%d reports and messages that were not read in time", r.Unheard))
	}
	if of == nil {
		return fmt.Sprintf("0 violations of P1 to P%d", oracle.Promises)
	}
	return strings.Join(of, ", ")
}
