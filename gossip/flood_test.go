package gossip

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"reflect"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/internal/wire"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

var floodFor = flag.Duration("flood", 5*time.Second, "how long TestFlood floods a node")

// The victim of the flood: its memory, and how far beyond it the process may be. The
// latter is Go's own and the test's, and what is allocated between the end of a
// collection and the reading.
const (
	victimMemory = 48 << 20
	victimSlack  = 8 << 20
	// victimGoroutines is what 1,000 connections at one time could come to; there are
	// fewer.
	victimGoroutines = 2000
	isVictim         = "GOSSIP_TEST_VICTIM"
)

func victimConfig() Config {
	return Config{ID: "victim", Memory: victimMemory, MaxPayload: 64 << 10, Links: 32, Logger: quiet,
		ExchangeMin: 50 * time.Millisecond, ExchangeMax: 200 * time.Millisecond, Heartbeat: 200 * time.Millisecond, LinkTimeout: 5 * time.Second}
}

// reading is what the victim says of itself, several times a second.
type reading struct {
	Addr             string
	Heap, Goroutines int
	First, Second    uint64 // messages of the two honest nodes that it has delivered
	Held             int
	Use              MemoryUse
}

// TestVictim is the process that TestFlood starts: a node whose application reads
// nothing, that broadcasts now and then, and tells how it is. It is a process of its
// own, so that nobody else's memory is measured.
func TestVictim(t *testing.T) {
	if os.Getenv(isVictim) == "" {
		t.Skip("this is for TestFlood to start")
	}
	n, err := Start(context.Background(), victimConfig())
	if err != nil {
		t.Fatal(err)
	}
	gone := make(chan struct{})
	go func() { io.Copy(io.Discard, os.Stdin); close(gone) }()
	for i := 0; ; i++ {
		select {
		case <-gone:
			n.Close()
			return
		case <-time.After(100 * time.Millisecond):
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		n.Broadcast(ctx, fmt.Append(nil, "victim ", i)) // the log may be full of what no link has taken
		cancel()
		json.NewEncoder(os.Stdout).Encode(readSelf(n))
	}
}

func readSelf(n *Node) reading {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	s, clock := n.Stats(), n.Clock()
	return reading{
		Addr: n.Self().Addr, Heap: int(m.HeapAlloc + m.StackInuse), Goroutines: runtime.NumGoroutine(),
		First: clock.Get("first"), Second: clock.Get("second"), Held: s.MemoryHeld, Use: s.MemoryUse,
	}
}

// TestFlood has many peers do their worst at once to a node with 48 MiB, whose
// application does not read: it stays within them, and messages of honest nodes reach
// it, and its own reach them, during the flood and after it.
func TestFlood(t *testing.T) {
	if underRace {
		t.Skip("the race detector changes what things take")
	}
	v := startVictim(t)
	ctx := within(t, *floodFor+90*time.Second)
	var honest []*Node
	for _, id := range []string{"first", "second"} {
		cfg := victimConfig()
		cfg.ID, cfg.Memory, cfg.Join = id, 0, []string{v.addr}
		n := start(t, cfg)
		if err := n.Ready(ctx); err != nil {
			t.Fatal(err)
		}
		honest = append(honest, n)
	}
	a := &attack{addr: v.addr, stop: make(chan struct{})}
	before := v.last.Load()
	t.Logf("before: %+v", *before)
	a.begin()
	end := time.After(*floodFor)
	var heardFrom [2]int
	for flooding := true; flooding; {
		select {
		case <-end:
			flooding = false
		case <-time.After(50 * time.Millisecond): // a pace of honest messages
			for i, n := range honest {
				if _, err := n.Broadcast(ctx, []byte("honest")); err != nil {
					t.Fatal(err)
				}
				heardFrom[i] += drain(n)
			}
		}
	}
	during := *v.last.Load()
	close(a.stop)
	a.wg.Wait()
	t.Logf("after %v: %+v", *floodFor, during)
	t.Logf("done to it: %s", a.deeds())
	worst := v.worst()
	t.Logf("the most: heap and stacks %d MiB of %d, %d goroutines, charged in all %d KiB, of each %+v",
		worst.Heap>>20, victimMemory>>20, worst.Goroutines, worst.Held>>10, worst.Use)
	if worst.Heap > victimMemory+victimSlack {
		t.Errorf("heap and stacks have come to %d bytes, at most %d are allowed", worst.Heap, victimMemory+victimSlack)
	}
	if worst.Held > victimMemory {
		t.Errorf("%d bytes are charged, of %d", worst.Held, victimMemory)
	}
	if worst.Goroutines > victimGoroutines {
		t.Errorf("%d goroutines", worst.Goroutines)
	}
	if during.First <= before.First || during.Second <= before.Second {
		t.Errorf("the victim has had no messages of honest nodes during the flood: %+v, then %+v", *before, during)
	}
	for i, n := range heardFrom {
		if n == 0 {
			t.Errorf("honest node %d has had none of the victim's messages during the flood", i)
		}
	}
	// Afterwards it is well again: what is broadcast now gets there and back.
	for i, n := range honest {
		id, err := n.Broadcast(ctx, []byte("after"))
		if err != nil {
			t.Fatal(err)
		}
		for has := uint64(0); has < id.Seq; {
			select {
			case <-v.read:
			case <-ctx.Done():
				t.Fatalf("the victim has %d of %d messages of %d", has, id.Seq, i)
			}
			has = [2]uint64{v.last.Load().First, v.last.Load().Second}[i]
			heardFrom[i] = drain(n)
		}
	}
	for i, n := range honest {
		for heard := 0; heard == 0; heard = drain(n) {
			select {
			case <-v.read:
			case <-ctx.Done():
				t.Fatalf("%d hears nothing of the victim any more", i)
			}
		}
	}
	t.Logf("afterwards: %+v", *v.last.Load())
}

// drain reads what has been delivered, and counts what is the victim's.
func drain(n *Node) (count int) {
	for {
		select {
		case m := <-n.Messages():
			if m.ID.Origin == "victim" {
				count++
			}
		default:
			return count
		}
	}
}

// floodVictim is the process of the victim, and what it says.
type floodVictim struct {
	addr string
	last atomic.Pointer[reading]
	read chan struct{}
	mu   sync.Mutex
	most reading
}

func startVictim(t *testing.T) *floodVictim {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestVictim$", "-test.v")
	cmd.Env = append(os.Environ(), isVictim+"=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	v := &floodVictim{read: make(chan struct{}, 1)}
	ready := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		v.listen(out, ready)
	}()
	t.Cleanup(func() {
		in.Close()
		<-done
		if err := cmd.Wait(); err != nil {
			t.Errorf("the victim has ended with %v", err)
		}
	})
	select {
	case <-ready:
	case <-time.After(30 * time.Second):
		t.Fatal("the victim does not start")
	}
	return v
}

func (v *floodVictim) listen(out io.Reader, ready chan struct{}) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var r reading
		if json.Unmarshal(lines.Bytes(), &r) != nil {
			continue // the testing package's own
		}
		if v.last.Swap(&r) == nil {
			v.addr = r.Addr
			close(ready)
		}
		v.mu.Lock()
		v.most.Heap = max(v.most.Heap, r.Heap)
		v.most.Held = max(v.most.Held, r.Held)
		v.most.Goroutines = max(v.most.Goroutines, r.Goroutines)
		most, now := reflect.ValueOf(&v.most.Use).Elem(), reflect.ValueOf(r.Use)
		for i := range most.NumField() {
			most.Field(i).SetInt(max(most.Field(i).Int(), now.Field(i).Int()))
		}
		v.mu.Unlock()
		select {
		case v.read <- struct{}{}:
		default:
		}
	}
}

func (v *floodVictim) worst() reading {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.most
}

// attack is everybody who floods.
type attack struct {
	addr string
	stop chan struct{}
	wg   sync.WaitGroup
	who  atomic.Uint64

	conns, links, bytes, silent, datagrams atomic.Uint64
}

func (a *attack) deeds() string {
	return fmt.Sprintf("%d connections, of which %d became links and brought %d MiB, %d that said nothing, %d datagrams",
		a.conns.Load(), a.links.Load(), a.bytes.Load()>>20, a.silent.Load(), a.datagrams.Load())
}

func (a *attack) stopped() bool {
	select {
	case <-a.stop:
		return true
	default:
		return false
	}
}

// begin starts all of them. Each comes again, by another name, when it is cut off.
func (a *attack) begin() {
	for _, role := range []struct {
		count int
		play  func(*attack, net.Conn, *rand.Rand)
	}{
		{6, (*attack).holdFrames}, {2, (*attack).sendDependencies}, {2, (*attack).sendClocks}, {2, (*attack).announce},
		{2, (*attack).sendDigests}, {3, (*attack).wantAll}, {2, (*attack).chatter}, {4, (*attack).sayNothing},
	} {
		for range role.count {
			a.wg.Go(func() { a.again(role.play) })
		}
	}
	for range 4 {
		a.wg.Go(a.halfOpen)
		a.wg.Go(a.crowd)
	}
	a.wg.Go(a.datagramsOfStrangers)
}

func (a *attack) again(play func(*attack, net.Conn, *rand.Rand)) {
	random := rand.New(rand.NewPCG(a.who.Add(1), 1))
	for !a.stopped() {
		conn, err := a.dial()
		if err == nil {
			err = a.becomeLink(conn)
		}
		if err == nil {
			play(a, conn, random)
		}
		if conn != nil {
			conn.Close()
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-a.stop:
		}
	}
}

// dial opens a connection that says hello by a new name.
func (a *attack) dial() (net.Conn, error) {
	conn, err := net.DialTimeout("tcp", a.addr, time.Second)
	if err != nil {
		return nil, err
	}
	a.conns.Add(1)
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	id := wire.Identity{ID: peer.ID{Name: fmt.Sprint("mallory-", a.who.Add(1)), Incarnation: 1}, Addr: netip.MustParseAddrPort("127.0.0.1:9")}
	if _, err := conn.Write(wire.AppendHello(nil, wire.Hello{Identity: id})); err != nil {
		return conn, err
	}
	_, err = readFrame(conn, wire.MaxHello)
	return conn, err
}

var errRefused = errors.New("refused")

// becomeLink asks to be a neighbour, and says that it has had nothing.
func (a *attack) becomeLink(conn net.Conn) error {
	if err := a.send(conn, &broadcast.Frame{Kind: broadcast.Neighbor, Token: rand.Uint64()}, nil); err != nil {
		return err
	}
	b, err := readFrame(conn, 1<<20)
	if err != nil {
		return err
	}
	if len(b) < 2 || b[0] != byte(broadcast.NeighborReply) || b[1] != 1 {
		return errRefused
	}
	a.links.Add(1)
	return a.send(conn, &broadcast.Frame{Kind: broadcast.Digest, Opening: true, Digest: []broadcast.DigestPart{{}}}, nil)
}

func (a *attack) send(conn net.Conn, f *broadcast.Frame, names naming) error {
	return a.write(conn, wire.AppendFrame(nil, 0, f, names))
}

func (a *attack) write(conn net.Conn, b []byte) error {
	n, err := conn.Write(b)
	a.bytes.Add(uint64(n))
	return err
}

// swallow reads what the victim says, so that it goes on listening.
func swallow(conn net.Conn) { go io.Copy(io.Discard, conn) }

// holdFrames sends the longest frame but for its last byte.
func (a *attack) holdFrames(conn net.Conn, _ *rand.Rand) {
	swallow(conn)
	size := victimConfig().MaxPayload + wire.MaxOverhead
	b := binary.BigEndian.AppendUint32(nil, uint32(size))
	if a.write(conn, append(b, make([]byte, size-1)...)) == nil {
		select {
		case <-a.stop:
		case <-time.After(15 * time.Second):
		}
	}
}

// sendDependencies sends messages after thousands that there are not.
func (a *attack) sendDependencies(conn net.Conn, random *rand.Rand) {
	swallow(conn)
	for !a.stopped() {
		deps := make([]peer.Dot, 1+random.IntN(8000))
		for i := range deps {
			deps[i] = peer.Dot{Origin: peer.Handle(random.Uint32()), Seq: 1 + random.Uint64N(1<<30)}
		}
		m := &broadcast.Message{Dot: peer.Dot{Origin: peer.Handle(random.Uint32()), Seq: 1}, Deps: deps}
		if a.send(conn, &broadcast.Frame{Kind: broadcast.Data, Message: m}, longNames) != nil {
			return
		}
	}
}

// sendClocks sends messages whose clocks count thousands that nobody knows.
func (a *attack) sendClocks(conn net.Conn, random *rand.Rand) {
	swallow(conn)
	for !a.stopped() {
		c := vclock.Clock{}
		for range 1 + random.IntN(20_000) {
			c = c.With(vclock.Origin{Name: fmt.Sprintf("%x", random.Uint32()), Incarnation: 1}, 1)
		}
		m := &broadcast.Message{Dot: peer.Dot{Origin: peer.Handle(random.Uint32()), Seq: 1}, Clock: c}
		if a.send(conn, &broadcast.Frame{Kind: broadcast.Data, Message: m, WithClock: true}, nil) != nil {
			return
		}
	}
}

// announce announces messages that there are not.
func (a *attack) announce(conn net.Conn, random *rand.Rand) {
	swallow(conn)
	for !a.stopped() {
		list := make([]broadcast.Announcement, 4096)
		for i := range list {
			list[i].Dot = peer.Dot{Origin: peer.Handle(random.Uint32()), Seq: 1 + random.Uint64N(1<<30)}
		}
		if a.send(conn, &broadcast.Frame{Kind: broadcast.IHave, Announced: list}, longNames) != nil {
			return
		}
	}
}

// sendDigests tells of thousands of origins that there are not, in thousands of pieces.
func (a *attack) sendDigests(conn net.Conn, random *rand.Rand) {
	swallow(conn)
	for !a.stopped() {
		part := broadcast.DigestPart{Entries: make([]broadcast.DigestEntry, 4000)}
		for i := range part.Entries {
			e := &part.Entries[i]
			e.Origin, e.Contiguous = peer.Handle(random.Uint32()), 1
			for s := range uint64(16) {
				e.Spans = append(e.Spans, broadcast.Span{From: 3 + 2*s, To: 3 + 2*s})
			}
		}
		if a.send(conn, &broadcast.Frame{Kind: broadcast.Digest, Opening: true, Digest: []broadcast.DigestPart{part}}, longNames) != nil {
			return
		}
	}
}

// wantAll wants everything again and again, and reads nothing.
func (a *attack) wantAll(conn net.Conn, _ *rand.Rand) {
	names := naming(func(h peer.Handle) string { return [...]string{"victim", "first", "second"}[h%3] })
	for seq := uint64(1); !a.stopped(); seq++ {
		wants := make([]broadcast.WantEntry, 256)
		for i := range wants {
			wants[i] = broadcast.WantEntry{Dot: peer.Dot{Origin: peer.Handle(i), Seq: 1 + seq%200}, Clock: true}
		}
		if a.send(conn, &broadcast.Frame{Kind: broadcast.Want, Wants: wants}, names) != nil {
			return
		}
	}
}

// chatter sends messages of ever new origins, as long as they may be.
func (a *attack) chatter(conn net.Conn, random *rand.Rand) {
	swallow(conn)
	for !a.stopped() {
		m := &broadcast.Message{Dot: peer.Dot{Origin: peer.Handle(random.Uint32()), Seq: 1}, Payload: make([]byte, random.IntN(64<<10))}
		if a.send(conn, &broadcast.Frame{Kind: broadcast.Data, Message: m}, longNames) != nil {
			return
		}
		time.Sleep(time.Millisecond) // a pace: the honest ones are to have a share of the log
	}
}

// sayNothing is a link and no more.
func (a *attack) sayNothing(conn net.Conn, _ *rand.Rand) {
	swallow(conn)
	<-a.stop
}

// halfOpen opens connections without a word.
func (a *attack) halfOpen() {
	var open []net.Conn
	for !a.stopped() {
		if conn, err := net.DialTimeout("tcp", a.addr, time.Second); err == nil {
			a.silent.Add(1)
			if open = append(open, conn); len(open) > 250 {
				open[0].Close()
				open = open[1:]
			}
		}
		time.Sleep(time.Millisecond)
	}
	for _, conn := range open {
		conn.Close()
	}
}

// crowd says hello, by ever new names, and then nothing.
func (a *attack) crowd() {
	var open []net.Conn
	for !a.stopped() {
		if conn, err := a.dial(); err == nil {
			if open = append(open, conn); len(open) > 200 {
				open[0].Close()
				open = open[1:]
			}
		} else if conn != nil {
			conn.Close()
		}
		time.Sleep(time.Millisecond)
	}
	for _, conn := range open {
		conn.Close()
	}
}

// datagramsOfStrangers shows where it is, and then gossips of nodes that there are not.
func (a *attack) datagramsOfStrangers() {
	conn, err := net.Dial("udp", a.addr)
	if err != nil {
		return
	}
	defer conn.Close()
	cluster := wire.ClusterTag("")
	var token uint64
	buf := make([]byte, wire.MaxDatagram)
	for nonce := uint64(1); !a.stopped(); nonce++ {
		if nonce%1000 == 1 {
			conn.Write(wire.AppendKnock(nil, cluster, wire.Knock{Nonce: nonce}))
			conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
			if n, err := conn.Read(buf); err == nil {
				if k, err := wire.DecodeKnock(buf[:n], cluster); err == nil {
					token = k.Token
				}
			}
		}
		view := make([]peer.Descriptor, 30)
		for i := range view {
			view[i].Peer = peer.Handle(rand.Uint32())
		}
		self := wire.Identity{ID: peer.ID{Name: fmt.Sprint("stranger-", nonce)}, Addr: netip.MustParseAddrPort(conn.LocalAddr().String())}
		p := peersampling.Packet{Kind: peersampling.ExchangeRequest, Nonce: nonce, View: view, Token: token, Wide: true, Room: wire.MaxDatagram}
		if _, err := conn.Write(wire.AppendPacket(nil, cluster, self, &p, addressed{})); err == nil {
			a.datagrams.Add(1)
		}
		time.Sleep(time.Millisecond)
	}
}

// addressed names nodes that there are not, at addresses.
type addressed struct{ naming }

func (addressed) Lookup(h peer.Handle) (peer.ID, netip.AddrPort) {
	ip := netip.AddrFrom4([4]byte{127, byte(h >> 16), byte(h >> 8), byte(h)})
	return peer.ID{Name: fmt.Sprint("s", h), Incarnation: 1}, netip.AddrPortFrom(ip, 9)
}
