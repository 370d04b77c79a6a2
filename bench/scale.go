package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	// scaleOrigins is how many nodes broadcast one message each.
	scaleOrigins = 100
	scaleSize    = 256
	// filesPerNode is for how many files of a node a process must have room: seven
	// sockets are usual, with five links, and a few more while it changes some.
	filesPerNode = 10
	// scalePatience is how long is waited for everybody to have a message.
	scalePatience = 5 * time.Minute
)

// measureScale has as many nodes as there are come up through one of them, and leaves them
// alone, as measureIdle does; then a hundred of them broadcast one message each, all at once.
// What nodes hold after that is told apart: their logs have the messages. The nodes are
// in one process if that may have the sockets, or else in as few as will do.
func measureScale(b *bench) error {
	return b.scale(max(1, mostFiles()/filesPerNode), false)
}

// measureScaleInMemory does the same in one process, however many files that may have: the
// nodes are as real, and their network is in its memory.
func measureScaleInMemory(b *bench) error { return b.scale(b.Nodes, true) }

// scale is for at most so many nodes in a process.
func (b *bench) scale(most int, inMemory bool) error {
	began := time.Now()
	f, err := startFleet(b.Nodes, most, inMemory)
	defer f.end()
	if err != nil {
		return err
	}
	started := time.Since(began)
	probes, err := f.connect()
	if err != nil {
		return err
	}
	up := time.Since(began)
	if err := b.idleFleet(f, inMemory); err != nil {
		return err
	}
	before, err := f.usage()
	if err != nil {
		return err
	}
	from, sent := uint64(probes), time.Now()
	origins := min(scaleOrigins, b.Nodes)
	var list []saying
	for i := range origins {
		list = append(list, saying{i * b.Nodes / origins, from + uint64(i)})
	}
	if err := f.broadcast(list); err != nil {
		return err
	}
	had, err := f.await(from, origins)
	if err != nil {
		return err
	}
	after, err := f.usage()
	if err != nil {
		return err
	}
	report := func(metric string, value float64, unit string) { b.result(scaleSize, origins, metric, value, unit) }
	report("processes", float64(len(f.workers)), "")
	report("time until all have a link", started.Seconds(), "s")
	report("time until a message reached all", up.Seconds(), "s")
	deliveries, twice := 0, 0
	var lasts []time.Duration
	for _, p := range had {
		deliveries += p.Had
		twice += p.Twice
		lasts = append(lasts, time.Unix(0, p.Last).Sub(sent))
	}
	if twice > 0 || deliveries == 0 {
		return fmt.Errorf("%d deliveries, and %d of a message that a node had had", deliveries, twice)
	}
	report("delivery ratio", float64(deliveries)/float64(origins*b.Nodes), "")
	report("last node p50", millis(quantile(lasts, 0.5)), "ms")
	report("last node p99", millis(quantile(lasts, 0.99)), "ms")
	report("CPU per delivery", float64((after.CPU-before.CPU).Microseconds())/float64(deliveries), "µs")
	time.Sleep(b.Settle)
	memory, err := f.memory()
	report("heap and stack per node, with the messages", float64(memory)/1024/float64(b.Nodes), "KiB")
	return err
}

// idleFleet is measureIdle for nodes that run.
func (b *bench) idleFleet(f *fleet, inMemory bool) error {
	time.Sleep(b.Settle)
	wire, began := loopback(), time.Now()
	before, err := f.usage()
	if err != nil {
		return err
	}
	time.Sleep(b.lasting(30 * time.Second))
	after, err := f.usage()
	if err != nil {
		return err
	}
	crossed := loopback().minus(wire)
	nodes, seconds := float64(b.Nodes), time.Since(began).Seconds()
	memory, err := f.memory()
	if err != nil {
		return err
	}
	if !inMemory {
		b.result(0, 0, "bytes per second and node", float64(crossed.bytes)/seconds/nodes, "B/s")
	}
	b.result(0, 0, "CPU per second and node", millis(after.CPU-before.CPU)/seconds/nodes, "ms/s")
	b.result(0, 0, "goroutines per node", float64(after.Goroutines)/nodes, "")
	b.result(0, 0, "sockets per node", float64(after.Socket)/nodes, "")
	b.result(0, 0, "heap and stack per node", float64(memory)/1024/nodes, "KiB")
	b.result(0, 0, "resident memory per node", after.Resident/1024/nodes, "KiB")
	return nil
}

// A fleet is a cluster of ours in several processes.
type fleet struct {
	nodes   int
	workers []*worker
}

// startFleet starts so many nodes in processes of at most so many, first the one that has
// the contact of all and then the others together.
func startFleet(nodes, most int, inMemory bool) (*fleet, error) {
	f := &fleet{nodes: nodes}
	parts := (nodes + most - 1) / most
	part := func(i int) share {
		return share{First: i * nodes / parts, Nodes: (i+1)*nodes/parts - i*nodes/parts, InMemory: inMemory}
	}
	first, contact, err := startWorker(part(0))
	if err != nil {
		return f, err
	}
	f.workers = append(f.workers, first)
	var mu sync.Mutex
	err = each(parts-1, func(i int) error {
		s := part(i + 1)
		s.Contact = contact
		w, _, err := startWorker(s)
		if err == nil {
			mu.Lock()
			f.workers = append(f.workers, w)
			mu.Unlock()
		}
		return err
	})
	slices.SortFunc(f.workers, func(a, b *worker) int { return cmp.Compare(a.first, b.first) })
	return f, err
}

// each does something for 0 to n-1 at once.
func each(n int, do func(i int) error) error {
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = do(i) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// end ends all processes.
func (f *fleet) end() { each(len(f.workers), func(i int) error { f.workers[i].end(); return nil }) }

// connect broadcasts one message after the other until one has reached everybody, and
// returns how many it were.
func (f *fleet) connect() (probes int, err error) {
	for began := time.Now(); time.Since(began) < scalePatience; {
		if err := f.broadcast([]saying{{0, uint64(probes)}}); err != nil {
			return probes, err
		}
		probes++
		for range 20 { // a poll: it is other processes that are asked
			had, err := f.progress()
			if err != nil {
				return probes, err
			}
			for number := range uint64(probes) {
				if had[number].Had == f.nodes {
					return probes, nil
				}
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
	return probes, fmt.Errorf("no message reached all nodes within %v", scalePatience)
}

// broadcast has nodes broadcast, all at once.
func (f *fleet) broadcast(list []saying) error {
	return each(len(f.workers), func(i int) error {
		w := f.workers[i]
		var own []saying
		for _, m := range list {
			if m.Node >= w.first && m.Node < w.first+w.nodes {
				own = append(own, m)
			}
		}
		if len(own) == 0 {
			return nil
		}
		_, err := w.do(order{Broadcast: own})
		return err
	})
}

// await waits until so many messages from a number on have reached everybody, or for as
// long as patience lasts.
func (f *fleet) await(from uint64, messages int) ([]progress, error) {
	for began := time.Now(); ; {
		had, err := f.progress()
		if err != nil {
			return nil, err
		}
		list, whole := make([]progress, messages), true
		for i := range list {
			list[i] = had[from+uint64(i)]
			whole = whole && list[i].Had >= f.nodes
		}
		if whole || time.Since(began) > scalePatience {
			return list, nil
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// progress is that of all processes together.
func (f *fleet) progress() (map[uint64]progress, error) {
	replies := make([]reply, len(f.workers))
	err := each(len(f.workers), func(i int) (err error) {
		replies[i], err = f.workers[i].do(order{Progress: true})
		return err
	})
	all := make(map[uint64]progress)
	for _, r := range replies {
		for number, p := range r.Progress {
			a := all[number]
			all[number] = progress{a.Had + p.Had, a.Twice + p.Twice, max(a.Last, p.Last)}
		}
	}
	return all, err
}

func (f *fleet) usage() (sum usage, err error) {
	for _, w := range f.workers {
		r, err := w.do(order{Usage: true})
		if err != nil {
			return sum, err
		}
		sum.CPU += r.Usage.CPU
		sum.Resident += r.Usage.Resident
		sum.Goroutines += r.Usage.Goroutines
		sum.Socket += r.Usage.Socket
	}
	return sum, nil
}

// memory is what is in use once garbage is collected.
func (f *fleet) memory() (sum int64, err error) {
	for _, w := range f.workers {
		r, err := w.do(order{Memory: true})
		if err != nil {
			return sum, err
		}
		sum += r.Memory
	}
	return sum, nil
}
