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
	time.Sleep(b.settling())
	runtime.GC()
	stop := b.profile()
	cpu, wire, began := cpuTime(), loopback(), time.Now()
	// memberlist compares states and yamux pings every 30 s, all nodes at about the same
	// moment if they started together.
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
