package main

import (
	"runtime"
	"time"
)

// measureIdle leaves the nodes alone for some time, and then looks at what they do.
func measureIdle(b *bench) error {
	runtime.GC()
	fixedGoroutines, fixedMemory, fixedSockets := runtime.NumGoroutine(), heapAndStacks(), openSockets()
	if err := b.start(Options{}); err != nil {
		return err
	}
	defer b.cluster.Close()
	time.Sleep(b.Settle)
	runtime.GC()
	stop := b.profile("")
	cpu, wire, began := cpuTime(), loopback(), time.Now()
	// Connections of gossipsub are pinged every 30 s, all at about the same moment as they were
	// opened together. memberlist compares states every 60 s with 64 nodes and every 120 s with
	// 256, so that some of that is not in what is counted.
	time.Sleep(b.lasting(30 * time.Second))
	used, crossed := cpuTime()-cpu, loopback().minus(wire)
	stop()
	nodeSeconds := time.Since(began).Seconds() * float64(b.Nodes)
	nodes := float64(b.Nodes)
	b.result(0, 0, "bytes per second and node", float64(crossed.bytes)/nodeSeconds, "B/s")
	b.result(0, 0, "packets per second and node", float64(crossed.packets)/nodeSeconds, "1/s")
	b.result(0, 0, "CPU per second and node", millis(used)/nodeSeconds, "ms/s")
	b.result(0, 0, "goroutines per node", float64(runtime.NumGoroutine()-fixedGoroutines)/nodes, "")
	b.result(0, 0, "sockets per node", float64(openSockets()-fixedSockets)/nodes, "")
	b.result(0, 0, "heap and stack per node", float64(heapAndStacks()-fixedMemory)/1024/nodes, "KiB")
	return nil
}

// heapAndStacks is what is in use once garbage is collected, in bytes.
func heapAndStacks() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}
