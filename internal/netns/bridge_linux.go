package netns

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
)

// bridge is a fabric of veth pairs and the kernel's bridge, with netem where
// something is to be impaired.
type bridge struct {
	ns       string
	mtu      int
	hosts    []*Host
	impaired bool
}

func (b *bridge) String() string {
	if b.impaired {
		return "veth, bridge, netem"
	}
	return "veth, bridge"
}

// canImpair tries whether there is netem, in the namespace's own loopback.
func (b *bridge) canImpair() bool {
	if _, err := exec.LookPath("tc"); err != nil {
		return false
	}
	if _, err := command("tc", "-n", b.ns, "qdisc", "add", "dev", "lo", "root", "netem", "loss", "1%"); err != nil {
		return false
	}
	_, err := command("tc", "-n", b.ns, "qdisc", "del", "dev", "lo", "root")
	return err == nil
}

// build makes the bridge and its sink, which gets what is sent to its address and
// nothing else. Snooping is off: it would have to learn first who wants IPv6's
// neighbour discovery.
func (b *bridge) build() error {
	err := ipBatch(b.ns,
		"link add name br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0",
		"link add name sink address "+sink+" type veth peer name psink",
		"link set psink master br0",
		"link set psink type bridge_slave flood off mcast_flood off bcast_flood off",
		// Neither of these has anything to say to the sink, nor that to anybody.
		"link set br0 addrgenmode none", "link set psink addrgenmode none", "link set sink addrgenmode none",
		"link set sink up", "link set psink up", "link set br0 up",
	)
	if err == nil {
		_, err = command("bridge", "-n", b.ns, "fdb", "add", sink, "dev", "psink", "master", "static")
	}
	return err
}

func (b *bridge) plug(h *Host) error {
	b.hosts = append(b.hosts, h)
	port := fmt.Sprint("p", h.N)
	return ipBatch(b.ns,
		fmt.Sprintf("link add name %s mtu %d type veth peer name eth0 netns %s", port, b.mtu, h.ns),
		"link set "+port+" master br0 up",
	)
}

// queue is how many packets may wait for their delay; netem's own 1,000 would add
// loss to delay.
const queue = "20000"

func (b *bridge) impair(h *Host, f Faults) error {
	b.impaired = true
	args := []string{"-n", h.ns, "qdisc", "replace", "dev", "eth0", "root", "netem", "limit", queue}
	_, err := command("tc", append(args, f.netem()...)...)
	return err
}

func (b *bridge) tally() (t Tally, err error) {
	if t.Cut, err = b.sunk(); err != nil {
		return t, err
	}
	for _, h := range b.hosts {
		out, err := command("tc", "-n", h.ns, "-j", "-s", "qdisc", "show", "dev", "eth0")
		if err != nil {
			return t, err
		}
		lost, err := readQdiscs(out)
		if err != nil {
			return t, err
		}
		t.add(lost)
	}
	return t, nil
}

func readQdiscs(out string) (t Tally, err error) {
	var qdiscs []struct {
		Kind           string
		Packets, Drops uint64
	}
	if err := json.Unmarshal([]byte(out), &qdiscs); err != nil {
		return t, fmt.Errorf("tc qdisc show: %w", err)
	}
	for _, q := range qdiscs {
		if q.Kind == "netem" {
			t.add(Tally{Sent: q.Packets, Lost: q.Drops})
		}
	}
	return t, nil
}

func (b *bridge) sunk() (uint64, error) {
	out, err := command("ip", "-n", b.ns, "-j", "-s", "link", "show", "dev", "sink")
	if err != nil {
		return 0, err
	}
	var links []struct {
		Stats64 struct{ RX struct{ Packets uint64 } }
	}
	if err := json.Unmarshal([]byte(out), &links); err != nil || len(links) != 1 {
		return 0, fmt.Errorf("ip link show: %q: %w", out, err)
	}
	return links[0].Stats64.RX.Packets, nil
}

func (b *bridge) unplug() error { return nil } // it goes with the namespace

// ipBatch runs commands of ip in a namespace, all in one process.
func ipBatch(ns string, commands ...string) error {
	_, err := commandWith(strings.Join(commands, "\n")+"\n", "ip", "-n", ns, "-batch", "-")
	return err
}
