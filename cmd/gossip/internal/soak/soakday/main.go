// Command soakday plays a scenario of a day in virtual time, and tells each hour of it
// what the nodes that are up hold, each in the mean, and what the process does. Its
// status is 1 if a promise was broken; P7 is about what nodes hold.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/protocol"
	"github.com/Ishan27gOrg/gossipProtocol/sim"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "soakday:", err)
		os.Exit(1)
	}
}

func run() error {
	file := flag.String("scenario", "sim/testdata/day.txt", "`file` that tells all that happens")
	every := flag.Duration("every", 2*time.Hour, "virtual time between two lines")
	flag.Parse()
	text, err := os.ReadFile(*file)
	if err != nil {
		return err
	}
	s, err := sim.ParseScenario(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", *file, err)
	}
	if *every < time.Second {
		return fmt.Errorf("-every: %v, allowed: 1s or more", *every)
	}
	fmt.Println("| virtual time | nodes up | ever | log, messages | log, KiB | held back | origins | expected | process, live MiB |")
	fmt.Println("|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
	began := time.Now()
	r := sim.RunWatched(s, *every, func(w *sim.World) {
		up, all := census(w)
		n := float64(up)
		fmt.Printf("| %v | %d | %d | %.0f | %.0f | %.1f | %.0f | %.1f | %.0f |\n", w.Now(), up, len(w.Nodes()),
			float64(all.LogMessages)/n, float64(all.LogBytes)/n/1024, float64(all.HeldMessages)/n,
			float64(all.Origins)/n, float64(all.Expected)/n, liveMiB())
	})
	total := 0
	for _, n := range r.Broken {
		total += n
	}
	fmt.Printf("\n%d messages, %d deliveries, %d missing, %d gaps, %d violations; %.1f h of virtual time in %v\n",
		r.Messages, r.Deliveries, r.Missing, r.Gaps, total, r.VirtualMS/3_600_000, time.Since(began).Round(time.Second))
	for _, v := range r.Violations {
		fmt.Println(" ", v)
	}
	if !r.Kept() {
		return fmt.Errorf("a promise was broken; again with gossip sim broadcast --scenario %s", *file)
	}
	return nil
}

// census adds up what the nodes hold that are up.
func census(w *sim.World) (up int, all protocol.Gauges) {
	for _, n := range w.Nodes() {
		if !n.Up {
			continue
		}
		up++
		g := n.Machine.Gauges()
		all.LogMessages += g.LogMessages
		all.LogBytes += g.LogBytes
		all.HeldMessages += g.HeldMessages
		all.Origins += g.Origins
		all.Expected += g.Expected
	}
	return up, all
}

// liveMiB is what the process cannot let go of: the nodes, those that have died too, and
// what the judge has to remember of all that was ever sent and delivered.
func liveMiB() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}
