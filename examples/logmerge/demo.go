package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
	"github.com/Ishan27gOrg/gossipProtocol/keyring"
)

// steps are what is done to an order, one after the other, and by which node.
var steps = []struct{ node, what string }{
	{"shop", "placed"}, {"stock", "reserved"}, {"shipping", "shipped"}, {"shop", "done"},
}

// open is how many orders are worked on at a time.
const open = 3

// skews are how wrong the nodes' clocks on the wall are.
var skews = map[string]time.Duration{"shop": 0, "stock": -3 * time.Second, "shipping": 2 * time.Second}

// progress is what a node tells the others.
type progress struct{ Order, Step int }

// worker is a node that does its steps of every order, and logs them.
type worker struct {
	node   *gossip.Node
	log    *slog.Logger
	orders int
}

// result is how many lines of the merged log came before what led to them, or before an
// earlier line of their own node.
type result struct{ lines, byTime, byClock int }

func demo(ctx context.Context, out io.Writer, dir string, orders int) (r result, err error) {
	if orders < 1 || orders > 10_000 {
		return r, errors.New("allowed: 1 to 10000 orders")
	}
	files, err := writeLogs(ctx, dir, orders)
	if err != nil {
		return r, err
	}
	logs, err := readFiles(files)
	if err != nil {
		return r, err
	}
	merged := Merge(logs...)
	byTime := slices.Concat(logs...)
	slices.SortStableFunc(byTime, func(a, b Line) int { return a.Time.Compare(b.Time) })
	r = result{len(merged), misplaced(byTime, logs), misplaced(merged, logs)}

	fmt.Fprintf(out, "Three nodes work on %d orders, and log it. The clock of stock is 3 s slow, that of shipping 2 s fast.\n", orders)
	show(out, "Order 1 by the time on the lines", byTime)
	show(out, "Order 1 by the vector clocks on the lines", merged)
	fmt.Fprintf(out, "\nOf %d lines, %d come before what led to them by time, %d by vector clocks.\n", r.lines, r.byTime, r.byClock)
	if r.byClock > 0 {
		return r, errors.New("the merged log contradicts what happened")
	}
	return r, nil
}

func show(out io.Writer, title string, lines []Line) {
	fmt.Fprintf(out, "\n%s\n", title)
	for _, l := range lines {
		if strings.HasPrefix(l.Text, "order 1 ") {
			fmt.Fprintln(out, " ", l)
		}
	}
}

// writeLogs has the nodes work, and returns the files of their logs.
func writeLogs(ctx context.Context, dir string, orders int) (files []string, err error) {
	keys, err := keyring.New(keyring.NewKey()) // elsewhere: the same file on every host
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	finished := make(chan error)
	var contact []string
	started := 0
	for _, name := range []string{"shop", "stock", "shipping"} {
		file, err := os.Create(filepath.Join(dir, name+".log"))
		if err != nil {
			cancel(err)
			break
		}
		defer file.Close()
		files = append(files, file.Name())
		node, err := gossip.Start(ctx, gossip.Config{ID: name, Join: contact, Keyring: keys})
		if err != nil {
			cancel(err)
			break
		}
		defer node.Close()
		contact = []string{node.Self().Addr}
		w := &worker{node, newLogger(file, node), orders}
		go func() { finished <- w.work(ctx) }()
		started++
	}
	for range started {
		if err := <-finished; err != nil {
			cancel(err) // the others need not wait for this one
		}
	}
	return files, context.Cause(ctx)
}

// newLogger logs to a file as JSON, with the node's vector clock and a wrong time.
func newLogger(file io.Writer, node *gossip.Node) *slog.Logger {
	skew := skews[node.Self().ID]
	h := slog.NewJSONHandler(file, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			a.Value = slog.TimeValue(a.Value.Time().Add(skew))
		}
		return a
	}})
	return slog.New(Handler{h, node.Clock})
}

// work does this node's steps until all orders are done.
func (w *worker) work(ctx context.Context) error {
	first := w.node.Self().ID == steps[0].node
	if first {
		for order := range min(open, w.orders) {
			if err := w.do(ctx, progress{order + 1, 0}); err != nil {
				return err
			}
		}
	}
	for done := 0; done < w.orders; {
		var p progress
		select {
		case m, ok := <-w.node.Messages():
			if !ok {
				return gossip.ErrClosed
			}
			if err := json.Unmarshal(m.Payload, &p); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		next := p.Step + 1
		switch {
		case next == len(steps):
			done++
			if order := done + open; first && order <= w.orders {
				if err := w.do(ctx, progress{order, 0}); err != nil {
					return err
				}
			}
		case next > 0 && next < len(steps) && steps[next].node == w.node.Self().ID:
			if err := w.do(ctx, progress{p.Order, next}); err != nil {
				return err
			}
		}
	}
	return nil
}

// do does a step, logs it, and then tells the others. The other way round, they could log
// what they do about it with a clock that this line knows nothing of.
func (w *worker) do(ctx context.Context, p progress) error {
	w.log.Info(fmt.Sprintf("order %d %s", p.Order, steps[p.Step].what), "order", p.Order, "step", p.Step)
	payload, err := json.Marshal(p)
	if err != nil {
		return err
	}
	_, err = w.node.Broadcast(ctx, payload)
	return err
}

// misplaced counts the lines that come before what led to them. It knows that from what
// the lines say and from the files, and not from any clock.
func misplaced(lines []Line, logs [][]Line) (count int) {
	led := map[string]string{} // for each line, by node and text, the line of the step before it
	for _, own := range logs {
		for _, l := range own {
			var s struct{ Order, Step int }
			if json.Unmarshal([]byte(l.Raw), &s) == nil && s.Step > 0 {
				before := steps[s.Step-1]
				led[key(l.Node, l.Text)] = key(before.node, fmt.Sprintf("order %d %s", s.Order, before.what))
			}
		}
	}
	there := map[string]bool{}
	next := map[string]int{} // for each node, its line that is due
	for _, l := range lines {
		k := key(l.Node, l.Text)
		own := logs[slices.IndexFunc(logs, func(o []Line) bool { return o[0].Node == l.Node })]
		if cause, ok := led[k]; ok && !there[cause] || own[next[l.Node]].Text != l.Text {
			count++
		}
		there[k] = true
		next[l.Node]++
	}
	return count
}

func key(node, text string) string { return node + " " + text }
