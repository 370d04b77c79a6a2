package main

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// cpuTime is what the process has used, in user and system mode.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// realTime tells whether the process has real-time priority.
func realTime() bool {
	const fifo, roundRobin = 1, 2
	policy, _, err := syscall.Syscall(syscall.SYS_SCHED_GETSCHEDULER, 0, 0, 0)
	return err == 0 && (policy == fifo || policy == roundRobin)
}

// waitTime is how long the process's threads have been ready and had no core.
func waitTime() (waited time.Duration) {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return 0
	}
	for _, thread := range threads { // time on a core, time waiting for one, turns
		b, err := os.ReadFile("/proc/self/task/" + thread.Name() + "/schedstat")
		if fields := strings.Fields(string(b)); err == nil && len(fields) == 3 {
			ns, _ := strconv.ParseInt(fields[1], 10, 64)
			waited += time.Duration(ns)
		}
	}
	return waited
}

// countCalls counts the process's system calls until the function that it returns is
// called; with perf, which has the kernel count them and costs little. That returns -1
// if perf is absent or may not.
func countCalls() (stop func() int64) {
	perf := exec.Command("perf", "stat", "-x", ",", "-e", "raw_syscalls:sys_enter", "-p", strconv.Itoa(os.Getpid()))
	var out strings.Builder
	perf.Stderr = &out
	if err := perf.Start(); err != nil {
		return func() int64 { return -1 }
	}
	time.Sleep(300 * time.Millisecond) // until it counts; it does not tell
	return func() int64 {
		perf.Process.Signal(os.Interrupt)
		perf.Wait()
		count, _, _ := strings.Cut(out.String(), ",")
		n, err := strconv.ParseInt(count, 10, 64)
		if err != nil {
			return -1
		}
		return n
	}
}

// traffic is what crossed the loopback interface: IP packets and their bytes.
type traffic struct{ bytes, packets int64 }

func (t traffic) minus(other traffic) traffic {
	return traffic{t.bytes - other.bytes, t.packets - other.packets}
}

func loopback() traffic {
	return traffic{statistic("tx_bytes"), statistic("tx_packets")}
}

// statistic reads /proc, which is that of the process's network namespace.
func statistic(name string) int64 {
	dev, err := os.ReadFile("/proc/self/net/dev")
	if err != nil {
		return 0
	}
	// The fields of man 5 proc: receive bytes, packets and six more, transmit bytes, packets.
	column := map[string]int{"tx_bytes": 8, "tx_packets": 9}[name]
	for line := range strings.SplitSeq(string(dev), "\n") {
		if of, rest, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(of) == "lo" {
			n, _ := strconv.ParseInt(strings.Fields(rest)[column], 10, 64)
			return n
		}
	}
	return 0
}

// ownNetwork has a child process be in a network namespace of its own.
func ownNetwork(child *exec.Cmd) {
	child.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
}

// makeEthernet has the loopback interface of that namespace carry packets as an Ethernet
// would: of at most so many bytes, each counted.
func makeEthernet(mtu int) error {
	for _, args := range [][]string{
		{"link", "set", "dev", "lo", "mtu", strconv.Itoa(mtu), "gso_max_segs", "1"},
		{"link", "set", "dev", "lo", "up"},
	} {
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, out)
		}
	}
	os.WriteFile("/proc/sys/net/ipv4/ip_local_port_range", []byte("1024 65535"), 0) // if it can be
	return nil
}

// mayMakeNetworks tells whether this process may have namespaces.
func mayMakeNetworks() bool {
	_, err := exec.LookPath("ip")
	return err == nil && os.Geteuid() == 0
}

// openSockets is how many sockets the process has.
func openSockets() (sockets int) {
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	for _, fd := range fds {
		if to, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil && strings.HasPrefix(to, "socket:") {
			sockets++
		}
	}
	return sockets
}

// residentMemory is what the process takes of the machine's memory, in bytes.
func residentMemory() float64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	pages, _ := strconv.ParseFloat(strings.Fields(string(b))[1], 64)
	return pages * float64(os.Getpagesize())
}

// mostFiles is how many files the process may have open.
func mostFiles() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 1024
	}
	return int(min(limit.Max, 1<<20))
}

// manyFiles lets the process have as many sockets as the machine allows.
func manyFiles() {
	for _, n := range []uint64{1 << 20, 1 << 18} {
		if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: n, Max: n}) == nil {
			return
		}
	}
}
