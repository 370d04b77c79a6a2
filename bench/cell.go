package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"time"
)

// A cell is what one child process measures: one System, with one number of nodes.
type cell struct {
	System   string
	Nodes    int
	Measure  string
	Payloads []int
	Origins  []int
	Window   int           // of saturated; 0: the system's
	Rate     float64       // messages per second, of latency and wire
	For      time.Duration // how long to measure; 0: what is usual for the measure
	Settle   time.Duration // how old a network is to be when idle nodes, or the wire, are looked at
	MTU      int           // the longest packet of quiet measures, in bytes
	Profile  string        // what files of profiles, taken while it is measured, begin with
	Unusual  string        // what results are told of that
	Run      int
}

// usual is a light load in messages per second, and for how long networks settle before it is
// measured what they go on doing: whoever has just started does more, in every system.
const (
	usualRate   = 10
	usualSettle = 30 * time.Second
)

// unusual tells in words what is not as it usually is, so that it gets a table of its own.
func (c *cell) unusual(m measure) string {
	var words []string
	say := func(is bool, format string, args ...any) {
		if is {
			words = append(words, fmt.Sprintf(format, args...))
		}
	}
	say(m.light && c.Rate != usualRate, "%v messages/s", c.Rate)
	say(m.settles && c.Settle != usualSettle, "after %v", c.Settle)
	say(c.For != 0, "for %v", c.For)
	say(c.Window != 0, "%d under way", c.Window)
	say(realTime(), "real-time priority")
	return strings.Join(words, ", ")
}

// ethernet is the longest packet on most networks, in bytes.
const ethernet = 1500

// A measure appends what it finds by calling report.
type measure struct {
	name, about string
	run         func(*bench) error
	// light is for measures that send a few messages per second, as many as are asked for.
	light bool
	// settles is for measures of networks that have been left to themselves, or to a light load.
	settles bool
	// quiet has it run in a network namespace of its own, in which packets are counted.
	quiet bool
	// moves is for systems that nodes can join and leave.
	moves bool
	// oursOnly is for what others do not have.
	oursOnly bool
}

var measures = []measure{
	{name: "saturated", about: "deliveries per CPU-second, ratio, allocations and system calls, as fast as it goes", run: measureSaturated},
	{name: "latency", about: "time per delivery and to the last node at light load", run: measureLatency, light: true},
	{name: "wire", about: "bytes and packets on the wire at light load, headers and acknowledgements included", run: measureWireLight, light: true, settles: true, quiet: true},
	{name: "wire-saturated", about: "the same, as fast as it goes", run: measureWireSaturated, settles: true, quiet: true},
	{name: "idle", about: "bytes, CPU, memory, goroutines and sockets of nodes that have nothing to do", run: measureIdle, settles: true, quiet: true},
	{name: "join", about: "time until a node that joins gets what others broadcast", run: measureJoin, moves: true},
	{name: "kill", about: "30 % of the nodes die at once, then 50 messages at once", run: measureKill, moves: true},
	{name: "log", about: "memory of 10,000 and 100,000 messages in the log", run: measureLog, oursOnly: true},
	{name: "origins", about: "cost of a delivery with 10 to 10,000 origins, of which ten or all talk (Nodes does not count)", run: measureOrigins, oursOnly: true},
	{name: "scale", about: "nodes come up through one of them and are idle, and then a hundred broadcast one message each at once", run: measureScale, settles: true, quiet: true, oursOnly: true},
	{name: "scale-memory", about: "the same in one process, over a network in memory", run: measureScaleInMemory, settles: true, oursOnly: true},
	{name: "windows", about: "saturated with other windows, to choose the system's", run: measureWindows},
}

func findMeasure(name string) (measure, error) {
	i := slices.IndexFunc(measures, func(m measure) bool { return m.name == name })
	if i < 0 {
		return measure{}, fmt.Errorf("there is no measure %q", name)
	}
	return measures[i], nil
}

// jumbo is the longest packet where packets are counted, and 0 if that is an Ethernet's.
func (c *cell) jumbo(m measure) int {
	if !m.quiet || c.MTU == ethernet {
		return 0
	}
	return c.MTU
}

// bench is a cell that is being measured.
type bench struct {
	cell
	system  System
	led     *ledger
	cluster Cluster
	up      time.Duration
	report  func(r Result)
	jumbo   int // the longest packet where packets are counted, and 0 if that is an Ethernet's
}

func (b *bench) result(payload, origins int, metric string, value float64, unit string) {
	b.tell(payload, origins, metric, &value, unit)
}

// never reports that what was waited for did not happen.
func (b *bench) never(payload, origins int, metric, unit string) {
	b.tell(payload, origins, metric, nil, unit)
}

func (b *bench) tell(payload, origins int, metric string, value *float64, unit string) {
	r := b.blank(payload)
	r.Origins, r.Metric, r.Value, r.Unit = origins, metric, value, unit
	b.report(r)
}

// blank is a result that does not say anything yet.
func (b *bench) blank(payload int) Result {
	return Result{
		System: b.system.Name, Variant: b.system.Variant, Measure: b.Measure, Nodes: b.Nodes, Payload: payload,
		MTU: b.jumbo, Unusual: b.Unusual, Run: b.Run,
	}
}

// measureCell measures a cell in this process.
func measureCell(c cell, report func(Result)) error {
	system, err := find(c.System)
	if err != nil {
		return err
	}
	m, err := findMeasure(c.Measure)
	if err != nil {
		return err
	}
	return m.run(&bench{cell: c, system: system, led: newLedger(c.Nodes), report: report, jumbo: c.jumbo(m)})
}

// start has the system's nodes run, and returns once messages reach all of them.
func (b *bench) start(o Options) error {
	began := time.Now()
	cluster, err := b.system.Start(b.Nodes, o, b.led.deliver)
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	b.cluster = cluster
	if err := b.settle(5 * time.Minute); err != nil {
		return err
	}
	b.up = time.Since(began)
	return nil
}

// settle broadcasts until three messages have reached everybody. The longer that takes the
// longer it waits between two: what a system keeps of them is no part of what it needs.
func (b *bench) settle(most time.Duration) error {
	payload := b.led.newPayload(64)
	first := b.led.next.Load()
	best := 0.0
	for began := time.Now(); time.Since(began) < most; time.Sleep(max(200*time.Millisecond, time.Since(began)/4)) {
		b.led.write(payload, 0, nil)
		if err := b.cluster.Broadcast(0, payload); err != nil {
			return fmt.Errorf("broadcast: %w", err)
		}
		whole := 0
		for number := first; number < b.led.next.Load(); number++ {
			best = max(best, b.led.ratio(number, number+1))
			if b.led.everywhere(number) {
				whole++
			}
		}
		if whole >= 3 {
			b.led.drain(first, b.led.next.Load(), 500*time.Millisecond)
			return nil
		}
	}
	return fmt.Errorf("after %v no message reaches more than %.1f %% of the nodes", most, 100*best)
}

// lasting is how long to measure.
func (b *bench) lasting(usual time.Duration) time.Duration {
	if b.For > 0 {
		return b.For
	}
	return usual
}

// profile writes a profile until the function that it returns is called. The suffix tells it
// from others of the same cell.
func (b *bench) profile(suffix string) (stop func()) {
	if b.Profile == "" {
		return func() {}
	}
	name := b.Profile + suffix + ".prof"
	f, err := os.Create(name)
	if err == nil {
		err = pprof.StartCPUProfile(f)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench: no profile:", err)
		return func() {}
	}
	return func() {
		pprof.StopCPUProfile()
		f.Close()
		if heap, err := os.Create(name + ".heap"); err == nil {
			runtime.GC()
			pprof.Lookup("heap").WriteTo(heap, 0)
			heap.Close()
		}
	}
}

// trickle broadcasts at a rate, from a random node each time, until told to stop.
func (b *bench) trickle(size int, rate float64, stop <-chan struct{}) error {
	payload := b.led.newPayload(size)
	tick := time.NewTicker(time.Duration(float64(time.Second) / rate))
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-stop:
			return nil
		}
		origin := rand.IntN(b.Nodes)
		if b.system.Static {
			origin = 0 // or each would connect to everybody
		}
		b.led.write(payload, origin, nil)
		if err := b.cluster.Broadcast(origin, payload); err != nil {
			return fmt.Errorf("broadcast: %w", err)
		}
	}
}

// tooLong tells, also those who read the results, that a payload is too long.
func (b *bench) tooLong(payload int) bool {
	if payload <= b.system.MaxPayload {
		return false
	}
	r := b.blank(payload)
	r.Error = fmt.Sprintf("takes %d B at most", b.system.MaxPayload)
	b.report(r)
	return true
}
