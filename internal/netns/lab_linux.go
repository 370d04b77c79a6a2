package netns

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
)

// Plan is what a lab is to be like.
type Plan struct {
	Hosts int
	MTU   int // of all devices; 0 is 1,500
	// Faults: packets are to be impaired.
	Faults bool
	// Addresses are those of each host, counted from 1. Nil: IPv4.
	Addresses func(host int) []netip.Prefix
	Seed      uint64
	Logs      string // a directory for what nodes say
}

// V4 and V6 are the addresses that a host may have.
func V4(host int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 77, 0, byte(host)}), 24)
}

// V6 is like V4.
func V6(host int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom16([16]byte{0: 0xfd, 1: 0x77, 15: byte(host)}), 64)
}

// Lab is hosts on one network.
type Lab struct {
	*Ledger
	Hosts []*Host
	plan  Plan

	prefix string // of its namespaces' names
	fabric fabric
}

// fabric joins hosts.
type fabric interface {
	String() string
	// plug gives a host its device eth0, which is down.
	plug(*Host) error
	impair(*Host, Faults) error
	tally() (Tally, error)
	unplug() error
}

// Open makes the hosts of a lab. Close takes them away, also after an error.
func Open(plan Plan) (*Lab, error) {
	if plan.MTU == 0 {
		plan.MTU = 1500
	}
	if plan.Addresses == nil {
		plan.Addresses = func(host int) []netip.Prefix { return []netip.Prefix{V4(host)} }
	}
	l := &Lab{Ledger: newLedger(), plan: plan}
	if err := l.name(); err != nil {
		return l, err
	}
	if err := l.namespace("sw"); err != nil {
		return l, err
	}
	if err := l.connect(); err != nil {
		return l, err
	}
	for n := 1; n <= plan.Hosts; n++ {
		if err := l.addHost(n); err != nil {
			return l, err
		}
	}
	return l, nil
}

func (l *Lab) name() (err error) {
	l.prefix, err = namesOf(os.Getpid())
	l.prefix += fmt.Sprintf("%d-", labs.Add(1))
	return err
}

func (l *Lab) namespace(name string) error {
	making.RLock()
	defer making.RUnlock()
	_, err := command("ip", "netns", "add", l.prefix+name)
	return err
}

// connect takes the kernel's bridge if that can do what is planned, else a switch.
func (l *Lab) connect() (err error) {
	sw := l.prefix + "sw"
	if b := (&bridge{ns: sw, mtu: l.plan.MTU}); !l.plan.Faults || b.canImpair() {
		l.fabric = b
		return b.build()
	}
	l.fabric, err = startSwitch(sw, l.plan.Hosts, l.plan.Seed)
	return err
}

// Fabric says what joins the hosts.
func (l *Lab) Fabric() string { return l.fabric.String() }

func (l *Lab) addHost(n int) error {
	h := &Host{N: n, ns: fmt.Sprintf("%sh%d", l.prefix, n), lab: l}
	if err := l.namespace(fmt.Sprintf("h%d", n)); err != nil {
		return err
	}
	if err := l.fabric.plug(h); err != nil {
		return err
	}
	if err := h.ip(
		"link set lo up",
		fmt.Sprintf("link set eth0 address %v mtu %d up", h.mac(), l.plan.MTU),
	); err != nil {
		return err
	}
	l.Hosts = append(l.Hosts, h)
	return h.Readdress(l.plan.Addresses(n))
}

// Names gives all hosts an /etc/hosts of their own. Lines are as in hosts(5).
func (l *Lab) Names(lines ...string) error {
	etcUse.Lock()
	defer etcUse.Unlock()
	text := "127.0.0.1 localhost\n::1 localhost\n" + strings.Join(lines, "\n") + "\n"
	for _, h := range l.Hosts {
		dir := filepath.Join(etc, h.ns)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		// Written in place: a namespace that is in use shows this very file.
		if err := os.WriteFile(filepath.Join(dir, "hosts"), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Impair has faults done to all that hosts send; none with the zero Faults.
func (l *Lab) Impair(f Faults) error {
	for _, h := range l.Hosts {
		if err := l.fabric.impair(h, f); err != nil {
			return err
		}
	}
	return nil
}

// Tally counts what was done to packets.
func (l *Lab) Tally() (Tally, error) { return l.fabric.tally() }

// sink is where packets go that are cut off.
const sink = "02:67:00:00:ff:ff"

// Cut keeps what from sends to each of to from arriving. Nobody is told.
func (l *Lab) Cut(from *Host, to ...*Host) error {
	return from.ip(neighbours(to, "neigh replace %v lladdr "+sink+" dev eth0 nud permanent")...)
}

// Mend takes a cut back.
func (l *Lab) Mend(from *Host, to ...*Host) error {
	return from.ip(neighbours(to, "neigh del %v dev eth0")...)
}

func neighbours(hosts []*Host, format string) (commands []string) {
	for _, h := range hosts {
		for _, p := range h.Addresses {
			commands = append(commands, fmt.Sprintf(format, p.Addr()))
		}
	}
	return commands
}

// Close ends all nodes and takes everything away.
func (l *Lab) Close() error {
	for _, h := range l.Hosts {
		h.Kill()
	}
	var err error
	if l.fabric != nil {
		err = l.fabric.unplug()
	}
	return errors.Join(err, sweep(func(name string) bool { return strings.HasPrefix(name, l.prefix) }))
}
