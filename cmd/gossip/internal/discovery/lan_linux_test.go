package discovery

import (
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"
)

// inNamespace is set where a test runs in a network namespace of its own.
const inNamespace = "GOSSIP_TEST_IN_NAMESPACE"

// Two nodes of one local network find each other. It is a network that the test makes,
// in a namespace, so that nothing leaves this machine.
func TestLocalNetwork(t *testing.T) {
	if os.Getenv(inNamespace) == "" {
		if os.Geteuid() != 0 {
			t.Skip("only root may make a network namespace")
		}
		again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestLocalNetwork$", "-test.v")
		again.Env = append(os.Environ(), inNamespace+"=yes")
		again.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
		if out, err := again.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	for _, args := range [][]string{
		{"link", "set", "lo", "up"}, // by which this host reaches itself
		{"link", "add", "lan", "type", "veth", "peer", "name", "far"}, {"link", "set", "far", "up"}, {"addr", "add", "10.9.8.7/24", "dev", "lan"},
		{"link", "set", "lan", "up", "multicast", "on"}, {"route", "add", "224.0.0.0/4", "dev", "lan"},
	} {
		if out, err := exec.CommandContext(t.Context(), "ip", args...).CombinedOutput(); err != nil {
			t.Fatalf("ip %v: %v %s", args, err, out)
		}
	}
	self := func(addr string) Options {
		return Options{Every: 100 * time.Millisecond, Self: Announcement{"node " + addr, netip.MustParseAddrPort(addr)}}
	}
	const service = "mdns:_gossip._udp"
	found, failed := watch(t, parse(t, service, self("10.9.8.7:7001")))
	watch(t, parse(t, service, self("0.0.0.0:7002")))
	late := time.After(20 * time.Second)
	for {
		select {
		case a := <-found:
			if slices.Contains(a, "10.9.8.7:7001") && slices.Contains(a, "10.9.8.7:7002") {
				return
			}
		case err := <-failed:
			t.Error(err)
		case <-late:
			t.Fatal("they did not find each other")
		}
	}
}
