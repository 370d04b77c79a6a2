package transport

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// lab is a network in a bubble: time passes only when everybody waits for it.
type lab struct {
	world
	net *Network
}

func inLab(t *testing.T, faults Faults, test func(*testing.T, lab)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork(42)
		if err := n.SetFaults(faults); err != nil {
			t.Fatal(err)
		}
		open := func(address string) (Transport, error) { return n.Listen(netip.MustParseAddrPort(address)) }
		test(t, lab{world: world{t: t, open: open}, net: n})
	})
}

// send numbers datagrams and sends them from a to b.
func (l lab) send(a, b Transport, count int) {
	l.t.Helper()
	for i := range count {
		l.must(a.WriteTo(binary.BigEndian.AppendUint32(nil, uint32(i)), b.Addr()))
	}
}

// drain closes a transport once nothing more can arrive and answers the numbers
// it received.
func (l lab) drain(a Transport) (numbers []int) {
	l.t.Helper()
	done := l.async(func() error {
		for buffer := make([]byte, 4); ; {
			if _, _, err := a.ReadFrom(buffer); err != nil {
				return err
			}
			numbers = append(numbers, int(binary.BigEndian.Uint32(buffer)))
		}
	})
	time.Sleep(3 * maxDelay) // of the bubble's time
	l.must(a.Close())
	l.is(l.result(done), net.ErrClosed)
	return numbers
}

// balance checks the equation that Stats promises.
func (l lab) balance() Stats {
	l.t.Helper()
	s := l.net.Stats()
	if s.Sent+s.Duplicated != s.Delivered+s.Lost+s.Separated+s.Unreachable+s.Overflowed+s.InFlight {
		l.t.Errorf("the counts do not add up: %+v", s)
	}
	return s
}

func TestFaultsOutOfRange(t *testing.T) {
	for _, c := range []struct {
		faults Faults
		want   string
	}{
		{Faults{Loss: -0.1}, "Faults.Loss is -0.1: want a probability from 0 to 1"},
		{Faults{Loss: math.NaN()}, "Faults.Loss is NaN"},
		{Faults{Duplicate: 1.5}, "Faults.Duplicate is 1.5"},
		{Faults{Latency: -1}, "Faults.Latency is -1ns: want a duration from 0 to 1h"},
		{Faults{Spread: -1}, "Faults.Spread is -1ns"},
		{Faults{Jitter: 2 * time.Hour}, "Faults.Jitter is 2h"},
	} {
		n := NewNetwork(1)
		before := Faults{Loss: 0.5}
		if err := n.SetFaults(before); err != nil {
			t.Fatal(err)
		}
		if err := n.SetFaults(c.faults); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got %v, want %q", c.faults, err, c.want)
		}
		if n.faults != before {
			t.Errorf("a refused change became %+v", n.faults)
		}
	}
}

func TestNoFaultsTakeNoTime(t *testing.T) {
	inLab(t, Faults{}, func(t *testing.T, l lab) {
		start := time.Now()
		datagramEcho(l.world)
		streamEcho(l.world)
		if passed := time.Since(start); passed != 0 {
			t.Errorf("%v passed", passed)
		}
		if l.net.flight.alarm != nil {
			t.Error("a timer was needed")
		}
	})
}

func TestLossAndDuplication(t *testing.T) {
	const sent = 1000
	for _, c := range []struct {
		name              string
		faults            Faults
		atLeast, atMost   int // of 1000
		atLeast2, atMost2 int // arriving twice
	}{
		{"none", Faults{}, sent, sent, 0, 0},
		{"all", Faults{Loss: 1}, 0, 0, 0, 0},
		{"a fifth", Faults{Loss: 0.2}, 750, 850, 0, 0},
		{"a tenth doubled", Faults{Duplicate: 0.1, Latency: 1, Jitter: time.Second}, sent, sent, 70, 130},
		{"both", Faults{Loss: 0.5, Duplicate: 0.5, Latency: 1}, 450, 550, 200, 300},
	} {
		t.Run(c.name, func(t *testing.T) {
			run := func() (fates []int) {
				inLab(t, c.faults, func(t *testing.T, l lab) {
					a, b := l.listen(), l.listen()
					l.send(a, b, sent)
					fates = l.drain(b)
					l.balance()
				})
				return fates
			}
			fates := run()
			once, twice := tally(fates)
			if once < c.atLeast || once > c.atMost || twice < c.atLeast2 || twice > c.atMost2 {
				t.Errorf("of %d, %d arrived and %d of them twice; want %d to %d and %d to %d",
					sent, once, twice, c.atLeast, c.atMost, c.atLeast2, c.atMost2)
			}
			if again := run(); !slices.Equal(fates, again) {
				t.Error("the same seed led to other fates")
			}
		})
	}
}

// tally answers how many different numbers there are, and how many of them
// twice.
func tally(numbers []int) (once, twice int) {
	counts := make(map[int]int)
	for _, n := range numbers {
		counts[n]++
		if counts[n] == 2 {
			twice++
		}
	}
	return len(counts), twice
}

func TestLatencyIsExact(t *testing.T) {
	const latency = 35 * time.Millisecond
	inLab(t, Faults{Latency: latency}, func(t *testing.T, l lab) {
		a, b := l.listen(), l.listen()
		took := func(what string, want time.Duration, f func()) {
			t.Helper()
			start := time.Now()
			f()
			if got := time.Since(start); got != want {
				t.Errorf("%s took %v, want %v", what, got, want)
			}
		}
		took("a datagram", latency, func() {
			l.send(a, b, 1)
			_, _, err := b.ReadFrom(make([]byte, 4))
			l.must(err)
		})
		var near, far net.Conn
		took("a dial", 2*latency, func() { near, far = l.connect(a, b) })
		took("writing", 0, func() { l.write(near, "bytes") })
		took("reading", latency, func() { l.read(far, "bytes") })
		took("a full buffer", latency, func() {
			_, err := near.Write(noise(streamBuffer))
			l.must(err)
			_, err = far.Read(make([]byte, 1))
			l.must(err)
		})
		took("the end", latency, func() {
			l.must(far.Close())
			l.readAll(near, "")
		})
		took("a refusal", 2*latency, func() {
			l.must(b.Close())
			_, err := a.Dial(t.Context(), b.Addr())
			l.is(err, syscall.ECONNREFUSED)
		})
	})
}

// Each two transports are as far apart as they are, whoever sends and whatever it is.
func TestSpread(t *testing.T) {
	inLab(t, Faults{Latency: 100 * time.Millisecond, Spread: 50 * time.Millisecond}, func(t *testing.T, l lab) {
		nodes := make([]Transport, 12)
		for i := range nodes {
			nodes[i] = l.listen()
		}
		takes := func(from, to Transport) time.Duration {
			begin := time.Now()
			l.must(from.WriteTo([]byte("x"), to.Addr()))
			_, _, err := to.ReadFrom(make([]byte, 1))
			l.must(err)
			return time.Since(begin)
		}
		least, most := time.Hour, time.Duration(0)
		for i, a := range nodes {
			for _, b := range nodes[:i] {
				there, back := takes(a, b), takes(b, a)
				begin := time.Now()
				near, far := l.connect(a, b)
				if dialled := time.Since(begin); there != back || dialled != 2*there {
					t.Fatalf("%v there, %v back, %v for a dial", there, back, dialled)
				}
				begin = time.Now()
				l.write(near, "x")
				l.read(far, "x")
				if sent := time.Since(begin); sent != there {
					t.Fatalf("%v there, %v on a stream", there, sent)
				}
				l.must(near.Close())
				l.must(far.Close())
				least, most = min(least, there), max(most, there)
			}
		}
		if least < 100*time.Millisecond || least > 110*time.Millisecond || most < 140*time.Millisecond || most > 150*time.Millisecond {
			t.Errorf("from %v to %v, want about 100 ms to 150 ms", least, most)
		}
		for _, n := range nodes {
			l.must(n.Close())
		}
	})
}

func TestLatencyLoweredKeepsStreamsInOrder(t *testing.T) {
	inLab(t, Faults{Latency: time.Second}, func(t *testing.T, l lab) {
		near, far := l.pair()
		l.write(near, "slow ")
		l.must(l.net.SetFaults(Faults{}))
		l.write(near, "fast")
		l.must(near.Close())
		start := time.Now()
		l.readAll(far, "slow fast")
		if got := time.Since(start); got != time.Second {
			t.Errorf("the bytes took %v, want 1s", got)
		}
	})
}

func TestJitterReorders(t *testing.T) {
	faults := Faults{Latency: 10 * time.Millisecond, Jitter: 5 * time.Millisecond}
	inLab(t, faults, func(t *testing.T, l lab) {
		a, b := l.listen(), l.listen()
		const count = 500
		start := time.Now()
		l.send(a, b, count)
		buffer, numbers := make([]byte, 4), []int{}
		for range count {
			_, _, err := b.ReadFrom(buffer)
			l.must(err)
			if took := time.Since(start); took < faults.Latency || took > faults.Latency+faults.Jitter {
				t.Fatalf("a datagram took %v", took)
			}
			numbers = append(numbers, int(binary.BigEndian.Uint32(buffer)))
		}
		if slices.IsSorted(numbers) {
			t.Error("all arrived in order")
		}
		slices.Sort(numbers)
		if len(slices.Compact(numbers)) != count {
			t.Error("some arrived twice")
		}
	})
}

func TestQueueOverflow(t *testing.T) {
	inLab(t, Faults{}, func(t *testing.T, l lab) {
		a, b := l.listen(), l.listen()
		l.send(a, b, inboxSize+10)
		if s := l.balance(); s.Overflowed != 10 || s.Delivered != inboxSize {
			t.Errorf("got %+v", s)
		}
		if got := l.drain(b); len(got) != inboxSize || got[inboxSize-1] != inboxSize-1 {
			t.Errorf("%d arrived, not the first %d", len(got), inboxSize)
		}
	})
}

// A node that restarts on its address may receive what was sent to the one
// before it, as it may on a real network.
func TestDatagramReachesTheSuccessor(t *testing.T) {
	inLab(t, Faults{Latency: time.Second}, func(t *testing.T, l lab) {
		a, b := l.listen(), l.listen()
		l.send(a, b, 2)
		l.must(b.Close())
		again, err := l.open(b.Addr().String())
		l.must(err)
		if got := l.drain(again); len(got) != 2 {
			t.Errorf("%d arrived, want 2", len(got))
		}
		l.send(a, b, 1)
		time.Sleep(time.Minute)
		if s := l.balance(); s.Unreachable != 1 {
			t.Errorf("got %+v", s)
		}
	})
}

func TestLastTransportTakesTheTimerAlong(t *testing.T) {
	inLab(t, Faults{Latency: time.Minute}, func(t *testing.T, l lab) {
		a := l.listen()
		l.send(a, a, 3)
		l.must(a.Close())
		if s := l.balance(); s.Unreachable != 3 || l.net.flight.alarm != nil {
			t.Errorf("got %+v, timer %v", s, l.net.flight.alarm)
		}
	})
}

func TestCutDropsDatagrams(t *testing.T) {
	inLab(t, Faults{Latency: time.Second}, func(t *testing.T, l lab) {
		a, b, c := l.listen(), l.listen(), l.listen()
		l.send(a, b, 3) // under way when the cut comes
		l.net.Cut(fromTo(a, b))
		l.send(a, b, 4)
		l.send(b, a, 5) // the cut is one-way
		l.send(a, c, 6)
		l.send(a, a, 7) // nobody is ever cut off from itself
		if s := l.balance(); s.Separated != 7 || s.InFlight != 18 {
			t.Errorf("got %+v", s)
		}
		l.net.Heal()
		l.send(a, b, 1)
		for _, want := range []struct {
			at    Transport
			count int
		}{{b, 1}, {a, 12}, {c, 6}} {
			if got := len(l.drain(want.at)); got != want.count {
				t.Errorf("%d arrived, want %d", got, want.count)
			}
		}
	})
}

func TestNobodyIsCutOffFromItself(t *testing.T) {
	inLab(t, Faults{}, func(t *testing.T, l lab) {
		l.net.Cut(everybody)
		a := l.listen()
		l.send(a, a, 1)
		near, far := l.connect(a, a)
		l.write(near, "me")
		l.read(far, "me")
	})
}

func TestCutStallsStreams(t *testing.T) {
	for _, latency := range []time.Duration{0, 20 * time.Millisecond} {
		inLab(t, Faults{Latency: latency}, func(t *testing.T, l lab) {
			near, far := l.pair()
			l.write(near, "arrived")
			time.Sleep(latency)
			l.write(near, "under way")
			l.net.Cut(everybody)
			if latency == 0 { // then nothing is ever under way
				l.read(far, "arrivedunder way")
			} else {
				l.read(far, "arrived")
			}

			// Nothing arrives and nothing tells, not even an end.
			l.must(far.SetReadDeadline(time.Now().Add(time.Hour)))
			_, err := far.Read(make([]byte, 1))
			l.is(err, os.ErrDeadlineExceeded)
			l.must(far.SetReadDeadline(time.Time{}))

			// Writes fill the buffer and then block.
			sent := noise(2 * streamBuffer)
			l.must(near.SetWriteDeadline(time.Now().Add(time.Hour)))
			n, err := near.Write(sent)
			l.is(err, os.ErrDeadlineExceeded)
			l.must(near.SetWriteDeadline(time.Time{}))
			if n > streamBuffer || n < streamBuffer-100 {
				t.Errorf("%d bytes went into the buffer of %d", n, streamBuffer)
			}

			// What blocked goes on when the cut heals, and every byte arrives.
			rest := l.async(func() error {
				_, err := near.Write(sent[n:])
				_ = near.Close()
				return err
			})
			time.Sleep(time.Hour)
			l.net.Heal()
			healed := time.Now()
			if latency > 0 {
				l.read(far, "under way")
			}
			l.readAll(far, string(sent))
			l.must(l.result(rest))
			if latency == 0 && time.Since(healed) != 0 {
				t.Errorf("after the cut healed it took %v", time.Since(healed))
			}
		})
	}
}

// The bytes of a one-way cut arrive, but no acknowledgement comes back.
func TestOneWayCutFillsTheWindow(t *testing.T) {
	inLab(t, Faults{}, func(t *testing.T, l lab) {
		a, b := l.listen(), l.listen()
		near, far := l.connect(a, b)
		l.net.Cut(fromTo(b, a))
		l.must(near.SetWriteDeadline(time.Now().Add(time.Second)))
		read := l.async(func() error {
			_, err := far.Read(make([]byte, streamBuffer))
			return err
		})
		n, err := near.Write(make([]byte, streamBuffer+1))
		l.is(err, os.ErrDeadlineExceeded)
		if n != streamBuffer {
			t.Errorf("wrote %d bytes, want %d", n, streamBuffer)
		}
		l.must(l.result(read))
		l.net.Heal()
		l.must(near.SetWriteDeadline(time.Time{}))
		l.write(near, "more")
	})
}

func TestCloseAcrossACut(t *testing.T) {
	for _, c := range []struct {
		name string
		cut  func(near, far Transport) func(from, to netip.AddrPort) bool
	}{
		{"both ways", func(near, far Transport) func(from, to netip.AddrPort) bool { return everybody }},
		{"to the closed end", func(near, far Transport) func(from, to netip.AddrPort) bool { return fromTo(near, far) }},
		{"from the closed end", func(near, far Transport) func(from, to netip.AddrPort) bool { return fromTo(far, near) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			inLab(t, Faults{Latency: time.Millisecond}, func(t *testing.T, l lab) {
				a, b := l.listen(), l.listen()
				near, far := l.connect(a, b)
				l.net.Cut(c.cut(a, b))
				l.must(far.Close())
				write := l.async(func() error { return writeUntilError(near) })
				time.Sleep(time.Hour)
				select {
				case err := <-write:
					t.Fatalf("the writer heard of it across the cut: %v", err)
				default:
				}
				l.net.Heal()
				l.is(l.result(write), syscall.EPIPE)
				l.readAll(near, "")
			})
		})
	}
}

func TestDialAcrossACut(t *testing.T) {
	inLab(t, Faults{Latency: time.Second}, func(t *testing.T, l lab) {
		a, b := l.listen(), l.listen()
		for _, cut := range []func(from, to netip.AddrPort) bool{everybody, fromTo(a, b), fromTo(b, a)} {
			l.net.Cut(cut)
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			start := time.Now()
			_, err := a.Dial(ctx, b.Addr())
			l.is(err, context.DeadlineExceeded)
			if waited := time.Since(start); waited != time.Hour {
				t.Errorf("gave up after %v", waited)
			}
			cancel()
		}
		// One that goes on trying gets through a round trip after the heal.
		dial := l.async(func() error {
			c, err := a.Dial(t.Context(), b.Addr())
			if err == nil {
				err = c.Close()
			}
			return err
		})
		time.Sleep(time.Hour)
		l.net.Heal()
		start := time.Now()
		l.must(l.result(dial))
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("took %v after the heal, want 2s", took)
		}
	})
}

func TestCloseWakesDial(t *testing.T) {
	inLab(t, Faults{}, func(t *testing.T, l lab) {
		a, b := l.listen(), l.listen()
		l.net.Cut(everybody)
		dial := l.async(func() error { _, err := a.Dial(t.Context(), b.Addr()); return err })
		synctest.Wait()
		l.must(a.Close())
		l.is(l.result(dial), net.ErrClosed)
	})
}

func TestDialWaitsForAFullBacklog(t *testing.T) {
	inLab(t, Faults{Latency: time.Millisecond}, func(t *testing.T, l lab) {
		a, b := l.listen(), l.listen()
		full := b.(*endpoint)
		full.backlog = make([]*stream, backlogSize)
		dial := l.async(func() error { _, err := a.Dial(t.Context(), b.Addr()); return err })
		time.Sleep(time.Hour)
		select {
		case err := <-dial:
			t.Fatalf("got in: %v", err)
		default:
		}
		_, err := b.Accept()
		l.must(err)
		l.must(l.result(dial))
		full.backlog = nil
	})
}

func TestKill(t *testing.T) {
	inLab(t, Faults{Latency: time.Second}, func(t *testing.T, l lab) {
		a, b := l.listen(), l.listen()
		near, far := l.connect(a, b)
		waiting, err := a.Dial(t.Context(), b.Addr()) // not accepted by b
		l.must(err)
		l.write(far, "arrived")
		time.Sleep(time.Second)
		l.write(far, "dies with its sender")
		own := l.async(func() error { _, err := far.Read(make([]byte, 1)); return err })
		accept := l.async(func() error { _, err := b.Accept(); return err })
		synctest.Wait()

		killed := time.Now()
		if !l.net.Kill(b.Addr()) {
			t.Error("there was nothing to kill")
		}
		l.is(l.result(own), net.ErrClosed)
		l.is(b.WriteTo(nil, a.Addr()), net.ErrClosed)
		l.read(near, "arrived")
		for _, c := range []net.Conn{near, waiting} {
			_, err := c.Read(make([]byte, 1))
			l.is(err, syscall.ECONNRESET)
			_, err = c.Write(make([]byte, 1))
			l.is(err, syscall.ECONNRESET)
		}
		if took := time.Since(killed); took != time.Second {
			t.Errorf("the resets took %v, want 1s", took)
		}
		_, err = a.Dial(t.Context(), b.Addr())
		l.is(err, syscall.ECONNREFUSED)
		<-accept
		if l.net.Kill(b.Addr()) {
			t.Error("killed twice")
		}
		again, err := l.open(b.Addr().String())
		l.must(err)
		l.must(again.Close())
	})
}

func TestKillAcrossACut(t *testing.T) {
	inLab(t, Faults{}, func(t *testing.T, l lab) {
		a, b := l.listen(), l.listen()
		near, _ := l.connect(a, b)
		l.net.Cut(everybody)
		l.net.Kill(b.Addr())
		read := l.async(func() error { _, err := near.Read(make([]byte, 1)); return err })
		write := l.async(func() error { return writeUntilError(near) })
		time.Sleep(time.Hour)
		select {
		case err := <-read:
			t.Fatalf("the death was heard of across the cut: %v", err)
		case err := <-write:
			t.Fatalf("the death was heard of across the cut: %v", err)
		default:
		}
		l.net.Heal()
		l.is(l.result(read), syscall.ECONNRESET)
		l.is(l.result(write), syscall.ECONNRESET)
	})
}

func TestKillAfterClose(t *testing.T) {
	inLab(t, Faults{}, func(t *testing.T, l lab) {
		a, b := l.listen(), l.listen()
		near, _ := l.connect(a, b)
		l.must(b.Close())
		if l.net.Kill(b.Addr()) {
			t.Error("there was no transport left to kill")
		}
		_, err := near.Read(make([]byte, 1))
		l.is(err, syscall.ECONNRESET)
	})
}

func TestClosedStreamsAreForgotten(t *testing.T) {
	inLab(t, Faults{}, func(t *testing.T, l lab) {
		a, b := l.listen(), l.listen()
		for range 10 {
			near, far := l.connect(a, b)
			l.must(near.Close())
			l.must(far.Close())
		}
		l.connect(a, b)
		l.net.Kill(a.Addr())
		if s := l.net.Stats(); len(l.net.streams) != 2 || s.Streams != 11 {
			t.Errorf("%d ends remembered, want 2; %+v", len(l.net.streams), s)
		}
	})
}

func TestMemoryListenErrors(t *testing.T) {
	n := NewNetwork(1)
	for _, addr := range []netip.AddrPort{{}, netip.MustParseAddrPort("0.0.0.0:1"), netip.MustParseAddrPort("[::]:1")} {
		if _, err := n.Listen(addr); err == nil || !strings.Contains(err.Error(), "want an IP address of its own") {
			t.Errorf("%v: %v", addr, err)
		}
	}
	mapped, err := n.Listen(netip.MustParseAddrPort("[::ffff:10.0.0.1]:5"))
	if err != nil {
		t.Fatal(err)
	}
	if want := netip.MustParseAddrPort("10.0.0.1:5"); mapped.Addr() != want {
		t.Errorf("got %v, want %v", mapped.Addr(), want)
	}
	if err := mapped.WriteTo(nil, netip.AddrPort{}); err == nil {
		t.Error("sent to no address")
	}
	if _, err := mapped.Dial(t.Context(), netip.AddrPort{}); err == nil {
		t.Error("dialled no address")
	}
}

func TestMemoryRunsOutOfPorts(t *testing.T) {
	n := NewNetwork(1)
	anyPort := netip.MustParseAddrPort("10.0.0.1:0")
	for range 1<<16 - firstFreePort {
		if _, err := n.Listen(anyPort); err != nil {
			t.Fatal(err)
		}
	}
	_, err := n.Listen(anyPort)
	world{t: t}.is(err, syscall.EADDRINUSE)
}

// step is one line of a drawn script. Scripts are drawn outside the bubble that
// plays them, where rapid can shorten one that fails.
type step struct {
	what string
	n    int
}

func scripts(kinds ...string) *rapid.Generator[[]step] {
	return rapid.SliceOf(rapid.Custom(func(t *rapid.T) step {
		return step{rapid.SampledFrom(kinds).Draw(t, "what"), rapid.IntRange(0, 1<<16).Draw(t, "n")}
	}))
}

// TestStreamBytesSurvive writes, reads, cuts, heals and changes the latency in
// any order and compares what was read with what was written.
func TestStreamBytesSurvive(t *testing.T) {
	kinds := scripts("write", "write", "read", "cut", "cut there", "cut back", "heal", "pass", "latency")
	rapid.Check(t, func(rt *rapid.T) {
		script := kinds.Draw(rt, "script")
		var wrong string
		inLab(t, Faults{}, func(t *testing.T, l lab) { wrong = l.playStream(script) })
		if wrong != "" {
			rt.Fatal(wrong)
		}
	})
}

func (l lab) playStream(script []step) (wrong string) {
	a, b := l.listen(), l.listen()
	near, far := l.connect(a, b)
	source := noise(1 << 16)
	buffer := make([]byte, 2*streamBuffer)
	var sent, got []byte
	for _, s := range script {
		switch s.what {
		case "write":
			l.must(near.SetWriteDeadline(time.Now().Add(1)))
			n, _ := near.Write(source[:s.n])
			sent = append(sent, source[:n]...)
		case "read":
			l.must(far.SetReadDeadline(time.Now().Add(1)))
			n, _ := far.Read(buffer[:s.n])
			got = append(got, buffer[:n]...)
		case "cut":
			l.net.Cut(everybody)
		case "cut there":
			l.net.Cut(fromTo(a, b))
		case "cut back":
			l.net.Cut(fromTo(b, a))
		case "heal":
			l.net.Heal()
		case "pass":
			time.Sleep(time.Duration(s.n) * time.Microsecond)
		case "latency":
			l.must(l.net.SetFaults(Faults{Latency: time.Duration(s.n) * time.Microsecond}))
		}
		if p := &far.(*stream).in; p.size+p.unacknowledged > streamBuffer {
			return fmt.Sprintf("%d bytes in a buffer of %d", p.size+p.unacknowledged, streamBuffer)
		}
	}
	l.net.Heal()
	l.must(near.Close())
	l.must(far.SetReadDeadline(time.Time{}))
	rest, err := io.ReadAll(far)
	if got = append(got, rest...); err != nil || !bytes.Equal(got, sent) {
		return fmt.Sprintf("read %d bytes and %v, not the %d that were written", len(got), err, len(sent))
	}
	return ""
}

// TestCountsAddUp sends through faults that change all the time.
func TestCountsAddUp(t *testing.T) {
	kinds := scripts("send", "send", "loss", "duplicate", "latency", "jitter", "cut", "heal", "kill", "pass")
	rapid.Check(t, func(rt *rapid.T) {
		script := kinds.Draw(rt, "script")
		inLab(t, Faults{}, func(t *testing.T, l lab) { l.playDatagrams(script) })
	})
}

func (l lab) playDatagrams(script []step) {
	nodes := []Transport{l.listen(), l.listen(), l.listen(), l.listen()}
	var faults Faults
	for _, s := range script {
		from, to := nodes[s.n%4], nodes[s.n/4%4]
		switch s.what {
		case "send":
			for range s.n % (2 * inboxSize) {
				_ = from.WriteTo(nil, to.Addr()) // it may be dead
			}
		case "loss":
			faults.Loss = float64(s.n) / (1 << 16)
		case "duplicate":
			faults.Duplicate = float64(s.n) / (1 << 16)
		case "latency":
			faults.Latency = time.Duration(s.n)
		case "jitter":
			faults.Jitter = time.Duration(s.n)
		case "cut":
			l.net.Cut(fromTo(from, to))
		case "heal":
			l.net.Heal()
		case "kill":
			l.net.Kill(from.Addr())
		case "pass":
			time.Sleep(time.Duration(s.n))
		}
		l.must(l.net.SetFaults(faults))
		l.balance()
	}
}

func everybody(_, _ netip.AddrPort) bool { return true }

func fromTo(a, b Transport) func(from, to netip.AddrPort) bool {
	return func(from, to netip.AddrPort) bool { return from == a.Addr() && to == b.Addr() }
}
