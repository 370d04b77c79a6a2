package main

import (
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"testing"
	"time"
)

// A child in a network of its own sees an Ethernet: a datagram counts with its headers,
// a long one once for each packet that it takes, and a stream has no packets of 64 KiB.
func TestOwnNetworkIsAnEthernet(t *testing.T) {
	if os.Getenv("BENCH_TEST_CHILD") == "" {
		if !mayMakeNetworks() {
			t.Skip("needs root and iproute2")
		}
		for _, mtu := range []string{"1500", "9000"} {
			child := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.v")
			child.Env = append(os.Environ(), "BENCH_TEST_CHILD="+mtu)
			ownNetwork(child)
			if out, err := child.CombinedOutput(); err != nil {
				t.Errorf("packets of %s B: %v\n%s", mtu, err, out)
			}
		}
		return
	}
	mtu, err := strconv.ParseInt(os.Getenv("BENCH_TEST_CHILD"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if err := makeEthernet(int(mtu)); err != nil {
		t.Fatal(err)
	}
	const ip, udp, tcp = 20, 8, 20 + 12 // 12 of timestamps
	if got, want := datagram(t, 100), (traffic{ip + udp + 100, 1}); got != want {
		t.Errorf("100 B: %+v and not %+v", got, want)
	}
	packets := (4000+udp)/(mtu-ip) + 1
	if got, want := datagram(t, 4000), (traffic{packets*ip + udp + 4000, packets}); got != want {
		t.Errorf("4000 B: %+v and not %+v", got, want)
	}
	const length = 1 << 20
	got := stream(t, length)
	segments := length / (mtu - ip - tcp)
	if got.packets <= segments || got.bytes < length+got.packets*(ip+tcp) {
		t.Errorf("1 MiB: %+v, but there are %d segments, and acknowledgements", got, segments)
	}
}

// Work takes CPU time, and no more than all cores have had.
func TestCPUTimeGrows(t *testing.T) {
	before, began := cpuTime(), time.Now()
	for cpuTime() == before {
	}
	used, most := cpuTime()-before, time.Since(began)*time.Duration(runtime.NumCPU())
	if tick := 20 * time.Millisecond; used > most+tick {
		t.Errorf("%v of at most %v", used, most)
	}
}

// datagram sends one on the loopback interface and returns what crossed it.
func datagram(t *testing.T, size int) traffic {
	to, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	conn, err := net.Dial("udp", to.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	before := loopback()
	if _, err := conn.Write(make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := to.ReadFrom(make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	return loopback().minus(before)
}

// stream does the same with a connection.
func stream(t *testing.T, size int64) traffic {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	before := loopback()
	go conn.Write(make([]byte, size))
	if _, err := io.CopyN(io.Discard, in, size); err != nil {
		t.Fatal(err)
	}
	return loopback().minus(before)
}
