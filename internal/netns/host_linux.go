package netns

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Port is where all nodes listen.
const Port = "7946"

// Host is a namespace with one device, and perhaps a node.
type Host struct {
	N         int // from 1
	Addresses []netip.Prefix
	Node      *Life // the last that it had

	lab *Lab
	ns  string
	run *running
}

// running is a node's process.
type running struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	read chan struct{} // closed when its journal has ended
}

// Name is its node's.
func (h *Host) Name() string { return hostName(h.N) }

func hostName(n int) string { return fmt.Sprint("h", n) }

// mac is the address of its device, which a switch knows it by.
func (h *Host) mac() string { return fmt.Sprintf("02:67:00:00:00:%02x", h.N) }

// hostOf is the host whose device has an address, or 0.
func hostOf(mac []byte) int {
	if string(mac[:5]) != "\x02\x67\x00\x00\x00" {
		return 0
	}
	return int(mac[5])
}

func (h *Host) ip(commands ...string) error { return ipBatch(h.ns, commands...) }

// Readdress gives the host other addresses instead of those that it has.
func (h *Host) Readdress(addresses []netip.Prefix) error {
	commands := []string{"addr flush dev eth0 scope global"}
	for _, p := range addresses {
		word := ""
		if p.Addr().Is6() {
			word = " nodad" // nobody else is here, and to find out takes a second
		}
		commands = append(commands, fmt.Sprintf("addr add %v dev eth0%s", p, word))
	}
	h.Addresses = addresses
	return h.ip(commands...)
}

// Start starts a node that listens on an address and joins through others.
func (h *Host) Start(listen string, join ...string) error {
	spec := nodeSpec{ID: h.Name(), Listen: listen, Join: join}
	for n := range h.lab.plan.Hosts {
		spec.Talkers = append(spec.Talkers, hostName(n+1))
	}
	arg, err := json.Marshal(spec)
	if err != nil {
		return err
	}
	r := &running{cmd: inside(h.ns, "node", string(arg)), read: make(chan struct{})}
	life := h.lab.began(h.Name())
	log, err := h.create(life, "log")
	if err != nil {
		return err
	}
	defer log.Close() // the process has its own
	r.cmd.Stderr = log
	journal, err := h.create(life, "jsonl")
	if err != nil {
		return err
	}
	if r.in, err = r.cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := r.cmd.Start(); err != nil {
		return errors.Join(err, journal.Close())
	}
	h.Node, h.run = life, r
	go func() {
		defer close(r.read)
		defer journal.Close()
		h.lab.follow(life, io.TeeReader(out, journal))
	}()
	return nil
}

func (h *Host) create(life *Life, suffix string) (*os.File, error) {
	return os.Create(filepath.Join(h.lab.plan.Logs, fmt.Sprintf("%s.%d.%s", h.Name(), life.number, suffix)))
}

// StartAll starts a node on every host that has none: each listens on its first
// address, and joins through the first two hosts'.
func (l *Lab) StartAll() error {
	var join []string
	for _, h := range l.Hosts[:min(2, len(l.Hosts))] {
		join = append(join, h.Listen())
	}
	for _, h := range l.Hosts {
		if h.run == nil {
			if err := h.Start(h.Listen(), join...); err != nil {
				return err
			}
		}
	}
	return nil
}

// Listen is its first address, with the port.
func (h *Host) Listen() string { return h.at(0) }

func (h *Host) at(i int) string {
	port, _ := strconv.ParseUint(Port, 10, 16)
	return netip.AddrPortFrom(h.Addresses[i].Addr(), uint16(port)).String()
}

// Kill ends the host's node at once, and returns when all that it has said is read.
func (h *Host) Kill() {
	if h.run == nil {
		return
	}
	h.lab.ended(h.Node)
	_ = h.run.cmd.Process.Kill() // which fails if it has ended by itself
	<-h.run.read
	_ = h.run.cmd.Wait() // which tells that it was killed
	h.run.in.Close()
	h.run = nil
}

// Say has the host's node broadcast a message of so many bytes, and others answer
// it one after the other.
func (h *Host) Say(size, answers int) error {
	next := h.lab.Hosts[(h.N+size)%len(h.lab.Hosts)]
	h.lab.asked(h.Node)
	return h.tell(request{Say: &talk{Answers: answers, Next: next.Name(), Size: size}})
}

func (h *Host) tell(r request) error {
	if h.run == nil {
		return errors.New("the host has no node")
	}
	return json.NewEncoder(h.run.in).Encode(r)
}

// Counters are the kernel's, of the host's namespace, by protocol and name: "Tcp
// RetransSegs".
type Counters map[string]uint64

func (c Counters) add(o Counters) {
	for name, n := range o {
		c[name] += n
	}
}

// counterFiles are below /proc/PID/net.
var counterFiles = []struct {
	name  string
	parse func(string) (Counters, error)
}{{"snmp", parsePairs}, {"netstat", parsePairs}, {"snmp6", parseSingles}, {"dev", parseDevices}}

// Counters reads them all, of all hosts that have a node, and adds them up.
func (l *Lab) Counters() (Counters, error) {
	sum := Counters{}
	for _, h := range l.Hosts {
		if h.run == nil {
			continue
		}
		for _, f := range counterFiles {
			text, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", h.run.cmd.Process.Pid, f.name))
			if err != nil {
				return nil, err
			}
			c, err := f.parse(string(text))
			if err != nil {
				return nil, fmt.Errorf("/proc/net/%s: %w", f.name, err)
			}
			sum.add(c)
		}
	}
	return sum, nil
}

// parsePairs reads pairs of lines: a protocol and names, a protocol and numbers.
func parsePairs(text string) (Counters, error) {
	c := Counters{}
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i := 0; i+1 < len(lines); i += 2 {
		names, numbers := strings.Fields(lines[i]), strings.Fields(lines[i+1])
		if len(names) != len(numbers) || len(names) == 0 || names[0] != numbers[0] {
			return nil, fmt.Errorf("line %d and the next do not belong together", i+1)
		}
		for k := 1; k < len(names); k++ {
			n, err := strconv.ParseInt(numbers[k], 10, 64) // one of them is negative
			if err != nil {
				return nil, err
			}
			c[strings.TrimSuffix(names[0], ":")+" "+names[k]] = uint64(n)
		}
	}
	return c, nil
}

// parseSingles reads lines of a name and a number.
func parseSingles(text string) (Counters, error) {
	c := Counters{}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) != 2 {
			return nil, fmt.Errorf("%q is not a name and a number", line)
		}
		n, err := strconv.ParseUint(f[1], 10, 64)
		if err != nil {
			return nil, err
		}
		c[f[0]] = n
	}
	return c, nil
}

// parseDevices reads what eth0 has sent, as "eth0 bytes" and "eth0 packets".
func parseDevices(text string) (Counters, error) {
	for line := range strings.Lines(text) {
		f := strings.Fields(strings.Replace(line, ":", " ", 1))
		if len(f) < 11 || f[0] != "eth0" {
			continue
		}
		bytes, err := strconv.ParseUint(f[9], 10, 64)
		packets, err2 := strconv.ParseUint(f[10], 10, 64)
		return Counters{"eth0 bytes": bytes, "eth0 packets": packets}, errors.Join(err, err2)
	}
	return nil, errors.New("there is no eth0")
}

// Connection is an established TCP connection as ss(8) tells of it.
type Connection struct {
	RTT time.Duration // smoothed
	MSS int
}

// Connections lists those of the host.
func (h *Host) Connections() ([]Connection, error) {
	out, err := command("ip", "netns", "exec", h.ns, "ss", "-tinH", "state", "established")
	if err != nil {
		return nil, err
	}
	return parseConnections(out)
}

func parseConnections(out string) (list []Connection, err error) {
	for line := range strings.Lines(out) {
		var c Connection
		for word := range strings.FieldsSeq(line) {
			name, value, _ := strings.Cut(word, ":")
			switch name {
			case "rtt": // milliseconds/variance
				ms, _, _ := strings.Cut(value, "/")
				x, err := strconv.ParseFloat(ms, 64)
				if err != nil {
					return nil, fmt.Errorf("ss: %q: %w", word, err)
				}
				c.RTT = time.Duration(x * float64(time.Millisecond))
			case "mss":
				if c.MSS, err = strconv.Atoi(value); err != nil {
					return nil, fmt.Errorf("ss: %q: %w", word, err)
				}
			}
		}
		if c.MSS > 0 {
			list = append(list, c)
		}
	}
	return list, nil
}

// Unanswered lists the addresses that the host has asked for in vain.
func (h *Host) Unanswered() (list []netip.Addr, err error) {
	out, err := command("ip", "-n", h.ns, "neigh", "show", "dev", "eth0")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		if len(f) < 2 || f[len(f)-1] != "FAILED" && f[len(f)-1] != "INCOMPLETE" {
			continue
		}
		a, err := netip.ParseAddr(f[0])
		if err != nil {
			return nil, err
		}
		list = append(list, a)
	}
	return list, nil
}
