package main

import (
	"fmt"
	"os"
	"testing"
	"time"
)

// The workers of a fleet are this program, started again.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "worker" {
		if err := workerMain(); err != nil {
			os.Stderr.WriteString("bench: " + err.Error())
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// A cluster in three processes, or in one with its network in memory, is one: what some nodes
// broadcast reaches all of them once.
func TestAFleetIsOneCluster(t *testing.T) {
	const nodes = 8
	for _, c := range []struct {
		most      int
		inMemory  bool
		processes int
		sockets   int // of each node, at least
	}{
		{3, false, 3, 2},
		{nodes, true, 1, 0},
	} {
		t.Run(fmt.Sprint(c.processes, " processes"), func(t *testing.T) {
			began := time.Now()
			f, err := startFleet(nodes, c.most, c.inMemory)
			defer f.end()
			if err != nil {
				t.Fatal(err)
			}
			if len(f.workers) != c.processes {
				t.Fatalf("%d processes, want %d", len(f.workers), c.processes)
			}
			probes, err := f.connect()
			if err != nil {
				t.Fatal(err)
			}
			from := uint64(probes)
			if err := f.broadcast([]saying{{0, from}, {4, from + 1}, {7, from + 2}}); err != nil {
				t.Fatal(err)
			}
			had, err := f.await(from, 3)
			if err != nil {
				t.Fatal(err)
			}
			for i, p := range had {
				if at := time.Unix(0, p.Last); p.Had != nodes || p.Twice > 0 || at.Before(began) || at.After(time.Now()) {
					t.Errorf("message %d was delivered %d times at %d nodes, at last at %v", i, p.Had, nodes, at)
				}
			}
			u, err := f.usage()
			if err != nil || u.CPU <= 0 || u.Goroutines < nodes || openSockets() > 0 && u.Socket < c.sockets*nodes {
				t.Errorf("%+v, %v", u, err)
			}
			if c.inMemory && u.Socket >= nodes {
				t.Errorf("%d sockets, though the network is in memory", u.Socket)
			}
			if memory, err := f.memory(); err != nil || memory <= 0 {
				t.Errorf("%d bytes, %v", memory, err)
			}
		})
	}
}

func TestAWorkerWhoseContactHasNoAddress(t *testing.T) {
	if _, _, err := startWorker(share{Nodes: 1, Contact: "nowhere"}); err == nil {
		t.Error("a worker whose contact has no address starts")
	}
}
