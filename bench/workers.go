package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"time"
)

// A worker is a process that runs some of the nodes of a cluster, where one may not have
// the sockets of all of them. It does one thing after the other, as it is told.
type worker struct {
	cmd    *exec.Cmd
	in     *json.Encoder
	out    *json.Decoder
	stdin  io.Closer
	stderr tail
	first  int
	nodes  int
}

// order is what a worker is told to do: the first field that is set.
type order struct {
	Start     *share
	Broadcast []saying // at once
	Progress  bool
	Usage     bool
	Memory    bool
}

// share is which nodes a worker runs: each joins through the contact, or the first one.
type share struct {
	First, Nodes int
	Contact      string
	InMemory     bool // over a network in the memory of the process
}

// saying is a message, by its number, of a node.
type saying struct {
	Node   int
	Number uint64
}

// reply is what a worker answers.
type reply struct {
	Contact  string
	Progress map[uint64]progress
	Usage    usage
	Memory   int64 // heap and stacks
	Error    string
}

// progress is how many of a worker's nodes have had a message, and when the last of them
// did, in nanoseconds since 1970.
type progress struct {
	Had   int
	Twice int // or more often
	Last  int64
}

// usage is what a worker has used, in all or at the moment.
type usage struct {
	CPU                time.Duration
	Resident           float64
	Goroutines, Socket int
}

// startWorker has a process run so many nodes.
func startWorker(s share) (*worker, string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, "", err
	}
	w := &worker{cmd: exec.Command(self, "worker"), first: s.First, nodes: s.Nodes}
	w.cmd.Stderr = &w.stderr
	stdin, err := w.cmd.StdinPipe()
	if err != nil {
		return nil, "", err
	}
	stdout, err := w.cmd.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	if err := w.cmd.Start(); err != nil {
		return nil, "", err
	}
	w.stdin, w.in, w.out = stdin, json.NewEncoder(stdin), json.NewDecoder(stdout)
	r, err := w.do(order{Start: &s})
	if err != nil {
		w.end()
	}
	return w, r.Contact, err
}

func (w *worker) do(o order) (r reply, err error) {
	if err = w.in.Encode(o); err == nil {
		err = w.out.Decode(&r)
	}
	switch {
	case err != nil:
		return r, fmt.Errorf("worker: %w: %s", err, w.stderr.lastLine())
	case r.Error != "":
		return r, errors.New(r.Error)
	}
	return r, nil
}

// end has the process end, and waits for it.
func (w *worker) end() {
	w.stdin.Close()
	w.cmd.Wait()
}

// workerMain is the worker's half.
func workerMain() error {
	manyFiles()
	var h *hands
	defer func() {
		if h != nil {
			h.cluster.Close()
		}
	}()
	orders, out := readOrders(os.Stdin), json.NewEncoder(os.Stdout)
	for o := range orders {
		var r reply
		var err error
		switch {
		case o.Start != nil:
			h, err = newHands(*o.Start)
			if err == nil {
				r.Contact = h.cluster.node(0).Self().Addr
			}
		case o.Broadcast != nil:
			err = h.broadcast(o.Broadcast)
		case o.Progress:
			r.Progress = h.progress()
		case o.Usage:
			r.Usage = used()
		case o.Memory:
			r.Memory = heapAndStacks()
		}
		if err != nil {
			r.Error = err.Error()
		}
		if err := out.Encode(r); err != nil {
			return err
		}
	}
	return nil
}

// readOrders has the process end when nobody is there any more to tell it what to do, even if
// it is at something that takes minutes.
func readOrders(from io.Reader) <-chan order {
	orders := make(chan order)
	go func() {
		for in := json.NewDecoder(from); ; {
			var o order
			if err := in.Decode(&o); err != nil {
				if err != io.EOF {
					fmt.Fprintln(os.Stderr, "bench:", err)
				}
				break
			}
			orders <- o
		}
		close(orders)
		time.Sleep(workerPatience)
		os.Exit(1)
	}()
	return orders
}

// workerPatience is how long a worker may take to close its nodes.
const workerPatience = 30 * time.Second

// hands are the nodes of a worker and what they have had.
type hands struct {
	share
	cluster *ourCluster

	mu   sync.Mutex
	had  map[uint64]progress
	seen map[uint64][]bool // by node
}

func newHands(s share) (*hands, error) {
	h := &hands{share: s, had: make(map[uint64]progress), seen: make(map[uint64][]bool)}
	cluster, err := startShare(s, h.deliver)
	h.cluster = cluster
	return h, err
}

func (h *hands) deliver(node int, payload []byte) {
	now, number := time.Now().UnixNano(), messageID(payload)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.seen[number] == nil {
		h.seen[number] = make([]bool, h.Nodes)
	}
	p := h.had[number]
	if h.seen[number][node] {
		p.Twice++
	} else {
		h.seen[number][node] = true
		p.Had++
	}
	p.Last = max(p.Last, now)
	h.had[number] = p
}

func (h *hands) progress() map[uint64]progress {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maps.Clone(h.had)
}

func (h *hands) broadcast(list []saying) error {
	return each(len(list), func(i int) error {
		payload := make([]byte, scaleSize)
		putMessageID(payload, list[i].Number)
		return h.cluster.Broadcast(list[i].Node-h.First, payload)
	})
}

func used() usage {
	return usage{CPU: cpuTime(), Resident: residentMemory(), Goroutines: runtime.NumGoroutine(), Socket: openSockets()}
}
