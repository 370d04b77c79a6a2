package netns

import (
	"bufio"
	"container/heap"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

// tapSwitch is a fabric in a process of its own, for kernels without netem. It
// holds the TAP devices open that the hosts have as eth0.
type tapSwitch struct {
	ns  string
	cmd *exec.Cmd

	mu sync.Mutex // one order and its answer at a time
	in io.WriteCloser
	to *json.Encoder
	by *json.Decoder
}

// ErrNoFaults is why a lab cannot be, if it is to impair packets.
var ErrNoFaults = errors.New("neither has the kernel netem (or is tc missing), nor can there be TAP devices instead (/dev/net/tun)")

// order is what a switch is told, a JSON object a line; it answers each with a
// report.
type order struct {
	Port   int // from 1; 0 is none
	Faults Faults
}

type report struct {
	Tally Tally
	Error string `json:",omitempty"`
}

func startSwitch(ns string, ports int, seed uint64) (*tapSwitch, error) {
	s := &tapSwitch{ns: ns, cmd: inside(ns, "switch", strconv.Itoa(ports), strconv.FormatUint(seed, 10))}
	s.cmd.Stderr = os.Stderr
	in, err := s.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	s.in, s.to, s.by = in, json.NewEncoder(in), json.NewDecoder(out)
	if _, err := s.tell(order{}); err != nil { // which is answered once it stands
		return nil, errors.Join(fmt.Errorf("%w: %w", ErrNoFaults, err), s.unplug())
	}
	return s, nil
}

func (s *tapSwitch) String() string { return "TAP, our switch" }

func (s *tapSwitch) tell(o order) (Tally, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var r report
	if err := s.to.Encode(o); err != nil {
		return r.Tally, fmt.Errorf("the switch: %w", err)
	}
	if err := s.by.Decode(&r); err != nil {
		return r.Tally, fmt.Errorf("the switch: %w", err)
	}
	if r.Error != "" {
		return r.Tally, fmt.Errorf("the switch: %s", r.Error)
	}
	return r.Tally, nil
}

func (s *tapSwitch) plug(h *Host) error {
	return ipBatch(s.ns, fmt.Sprintf("link set p%d netns %s name eth0", h.N, h.ns))
}

func (s *tapSwitch) impair(h *Host, f Faults) error {
	_, err := s.tell(order{Port: h.N, Faults: f})
	return err
}

func (s *tapSwitch) tally() (Tally, error) { return s.tell(order{}) }

func (s *tapSwitch) unplug() error {
	s.in.Close()
	return s.cmd.Wait()
}

// What follows runs in the switch's own process.

// switching is the switch at work.
type switching struct {
	ports []*port // by number, from 1
	mu    sync.Mutex
	due   deliveries
	wake  chan struct{} // the first delivery has changed; room for one
}

type port struct {
	tap *os.File
	mu  sync.Mutex
	*Mangler
}

// switchMain is the process: the arguments are how many ports there are, and a seed.
// It ends with its input.
func switchMain(args []string) error {
	if len(args) != 2 {
		return errors.New("want the number of ports and a seed")
	}
	count, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	seed, err := strconv.ParseUint(args[1], 10, 64)
	if err != nil {
		return err
	}
	s := &switching{ports: make([]*port, 1), wake: make(chan struct{}, 1)}
	answers := json.NewEncoder(os.Stdout)
	for n := 1; n <= count; n++ {
		tap, err := openTAP(fmt.Sprint("p", n))
		if err != nil {
			return errors.Join(err, answers.Encode(report{Error: err.Error()}))
		}
		s.ports = append(s.ports, &port{tap: tap, Mangler: NewMangler(seed + uint64(n))})
	}
	for _, p := range s.ports[1:] {
		go s.read(p)
	}
	go s.deliver()
	return s.obey(json.NewDecoder(bufio.NewReader(os.Stdin)), answers)
}

func (s *switching) obey(orders *json.Decoder, answers *json.Encoder) error {
	for {
		var o order
		if err := orders.Decode(&o); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		var r report
		for n, p := range s.ports[1:] {
			p.mu.Lock()
			if n+1 == o.Port {
				p.Faults = o.Faults
			}
			r.Tally.add(p.Tally)
			p.mu.Unlock()
		}
		if err := answers.Encode(r); err != nil {
			return err
		}
	}
}

// openTAP makes a device that is there for as long as its file is open. It has
// checksums and segments of its own size put into frames before they come here, as
// it offers nothing else.
func openTAP(name string) (*os.File, error) {
	const path = "/dev/net/tun"
	fd, err := syscall.Open(path, syscall.O_RDWR|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	var request struct { // struct ifreq
		name  [syscall.IFNAMSIZ]byte
		flags uint16
		_     [22]byte
	}
	copy(request.name[:syscall.IFNAMSIZ-1], name)
	request.flags = syscall.IFF_TAP | syscall.IFF_NO_PI
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), syscall.TUNSETIFF, uintptr(unsafe.Pointer(&request)))
	if errno != 0 {
		_ = syscall.Close(fd)
		return nil, fmt.Errorf("make the TAP device %s: %w", name, errno)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// maxFrame is more than a device's MTU and its header.
const maxFrame = 2048

// read takes what a host sends.
func (s *switching) read(from *port) {
	b := make([]byte, maxFrame)
	for {
		n, err := from.tap.Read(b)
		if err != nil {
			return // the host's namespace is gone
		}
		if n < etherHeader {
			continue
		}
		from.mu.Lock()
		delays := from.Pass(b[:n])
		from.mu.Unlock()
		for _, d := range delays {
			s.forward(from, slices.Clone(b[:n]), d)
		}
	}
}

// etherHeader begins with the receiver's address.
const etherHeader = 14

// forward sends a frame to the one port that it is for, or to all others: which it
// is for is known from the addresses that hosts are given, nothing is learnt.
func (s *switching) forward(from *port, frame []byte, delay time.Duration) {
	n := hostOf(frame[:6])
	switch {
	case frame[0]&1 == 1: // to many
		for _, to := range s.ports[1:] {
			if to != from {
				s.schedule(to, frame, delay)
			}
		}
	case 0 < n && n < len(s.ports):
		s.schedule(s.ports[n], frame, delay)
	}
}

// delivery is a frame on its way.
type delivery struct {
	at    time.Time
	turn  uint64 // of those at one time, the first goes first
	to    *port
	frame []byte
}

func (s *switching) schedule(to *port, frame []byte, delay time.Duration) {
	if delay == 0 {
		to.write(frame)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.due.turn++
	heap.Push(&s.due, delivery{time.Now().Add(delay), s.due.turn, to, frame})
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// deliver writes each frame at its time.
func (s *switching) deliver() {
	timer := time.NewTimer(0)
	for {
		s.mu.Lock()
		now := time.Now()
		for len(s.due.list) > 0 && !s.due.list[0].at.After(now) {
			d := heap.Pop(&s.due).(delivery)
			d.to.write(d.frame)
		}
		if len(s.due.list) > 0 {
			timer.Reset(time.Until(s.due.list[0].at))
		}
		s.mu.Unlock()
		select {
		case <-timer.C:
		case <-s.wake:
		}
	}
}

// write hands a frame over. A host that is down, or its device's queue full, loses
// it as a real one would.
func (p *port) write(frame []byte) { _, _ = p.tap.Write(frame) }

// deliveries is a heap, by time.
type deliveries struct {
	list []delivery
	turn uint64
}

func (d *deliveries) Len() int { return len(d.list) }
func (d *deliveries) Less(i, j int) bool {
	if c := d.list[i].at.Compare(d.list[j].at); c != 0 {
		return c < 0
	}
	return d.list[i].turn < d.list[j].turn
}
func (d *deliveries) Swap(i, j int) { d.list[i], d.list[j] = d.list[j], d.list[i] }
func (d *deliveries) Push(x any)    { d.list = append(d.list, x.(delivery)) }
func (d *deliveries) Pop() any {
	last := d.list[len(d.list)-1]
	d.list = d.list[:len(d.list)-1]
	return last
}
