package netns

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Every name begins with the process that made it: its id, and the time of its
// start, since ids come again. So runs do not collide, and what a run that was
// killed has left is told from what is in use.
var ours = regexp.MustCompile(`^gossip-([0-9]+)-([0-9]+)-`)

// etc is where ip-netns(8) finds the files that it shows in a namespace's /etc.
const etc = "/etc/netns"

func namesOf(pid int) (prefix string, err error) {
	started, err := startOf(pid)
	return fmt.Sprintf("gossip-%d-%d-", pid, started), err
}

// startOf is when a process began, in the kernel's ticks: field 22 of its stat. The
// second field is its name, in parentheses, which may hold anything.
func startOf(pid int) (uint64, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 20 {
		return 0, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	return strconv.ParseUint(fields[19], 10, 64)
}

// stale reports whether a name is one of ours whose run is over.
func stale(name string) bool {
	m := ours.FindStringSubmatch(name)
	if m == nil {
		return false
	}
	pid, err := strconv.Atoi(m[1])
	if err != nil {
		return false
	}
	prefix, err := namesOf(pid)
	return err != nil || m[0] != prefix
}

// making lets namespaces be made until the run is to end: CloseAll holds it.
var making sync.RWMutex

var labs atomic.Int64

// etcUse keeps the last to leave etc from taking it away from who comes.
var etcUse sync.Mutex

// CloseAll takes away all that this process has made, and lets nothing more be made.
// It is for the end of a process that is interrupted.
func CloseAll() error {
	making.Lock() // for ever
	prefix, err := namesOf(os.Getpid())
	if err != nil {
		return err
	}
	return sweep(func(name string) bool { return strings.HasPrefix(name, prefix) })
}

// Sweep takes away what runs that were killed have left.
func Sweep() error { return sweep(stale) }

// sweep ends what runs in the namespaces that match, and takes them away.
func sweep(match func(name string) bool) error {
	out, err := command("ip", "netns", "list")
	if err != nil {
		return err
	}
	var failures []error
	for line := range strings.Lines(out) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), " ") // "name (id: 0)"
		if !match(name) {
			continue
		}
		pids, _ := command("ip", "netns", "pids", name)
		for _, word := range strings.Fields(pids) {
			if pid, err := strconv.Atoi(word); err == nil {
				_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended by itself
			}
		}
		if _, err := command("ip", "netns", "del", name); err != nil {
			failures = append(failures, err)
		}
	}
	return errors.Join(errors.Join(failures...), sweepEtc(match))
}

func sweepEtc(match func(name string) bool) error {
	etcUse.Lock()
	defer etcUse.Unlock()
	dirs, err := filepath.Glob(filepath.Join(etc, "*"))
	if err != nil {
		return err
	}
	var failures []error
	for _, dir := range dirs {
		if match(filepath.Base(dir)) {
			failures = append(failures, os.RemoveAll(dir))
		}
	}
	_ = os.Remove(etc) // which fails, as it should, if anything is in it
	return errors.Join(failures...)
}

// Missing says what keeps this machine from having namespaces, if anything does.
func Missing() string {
	if _, err := exec.LookPath("ip"); err != nil {
		return "the command ip is missing: install iproute2"
	}
	l := &Lab{}
	if err := l.name(); err != nil {
		return err.Error()
	}
	defer l.Close()
	if err := l.namespace("probe"); err != nil {
		return fmt.Sprintf("the privilege to make network namespaces is missing (root, or CAP_SYS_ADMIN and CAP_NET_ADMIN): %v", err)
	}
	if _, err := command("ip", "-n", l.prefix+"probe", "link", "add", "name", "a", "type", "veth", "peer", "name", "b"); err != nil {
		return fmt.Sprintf("the kernel, or the privilege, for veth pairs is missing: %v", err)
	}
	if _, err := command("ip", "netns", "exec", l.prefix+"probe", "true"); err != nil {
		return fmt.Sprintf("the privilege to run commands in a namespace is missing: %v", err)
	}
	return ""
}

// commandTimeout bounds one command of iproute2, which takes milliseconds.
const commandTimeout = 30 * time.Second

func command(name string, args ...string) (stdout string, err error) {
	return commandWith("", name, args...)
}

func commandWith(stdin, name string, args ...string) (stdout string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), commandTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	var out, complaints bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &complaints
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, bytes.TrimSpace(complaints.Bytes()))
	}
	return out.String(), nil
}
