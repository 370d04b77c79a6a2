package transport

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// impairedLab is a lab whose network has no faults of its own.
func impairedLab(t *testing.T, faults Faults, test func(lab, *Impairment)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n, impairment := NewNetwork(1), NewImpairment(42)
		if err := impairment.SetFaults(faults); err != nil {
			t.Fatal(err)
		}
		open := func(address string) (Transport, error) {
			tr, err := n.Listen(netip.MustParseAddrPort(address))
			if err != nil {
				return nil, err
			}
			return impairment.Over(tr), nil
		}
		test(lab{world: world{t: t, open: open}, net: n}, impairment)
	})
}

// Datagrams meet the same fates as in a network with these faults.
func TestImpairment(t *testing.T) {
	const sent = 1000
	for _, c := range []struct {
		faults            Faults
		atLeast, atMost   int // of 1000
		atLeast2, atMost2 int // arriving twice
	}{
		{Faults{}, sent, sent, 0, 0},
		{Faults{Loss: 0.2}, 750, 850, 0, 0},
		{Faults{Duplicate: 0.1, Latency: time.Second, Jitter: time.Second}, sent, sent, 70, 130},
		{Faults{Loss: 0.5, Duplicate: 0.5, Latency: 1}, 450, 550, 200, 300},
	} {
		t.Run(fmt.Sprintf("%+v", c.faults), func(t *testing.T) {
			impairedLab(t, c.faults, func(l lab, i *Impairment) {
				a, b := l.listen(), l.listen()
				l.send(a, b, sent)
				numbers := l.drain(b)
				l.must(a.Close())
				once, twice := tally(numbers)
				if once < c.atLeast || once > c.atMost || twice < c.atLeast2 || twice > c.atMost2 {
					t.Errorf("of %d, %d arrived and %d of them twice; want %d to %d and %d to %d",
						sent, once, twice, c.atLeast, c.atMost, c.atLeast2, c.atMost2)
				}
				ordered := slices.IsSorted(numbers)
				if c.faults.Latency == 0 && !ordered || c.faults.Jitter > 0 && ordered {
					t.Errorf("in order: %v", ordered)
				}
				s := i.Stats()
				if s.Sent != sent || s.SentBytes != 4*sent || int(s.Lost) != sent-once || int(s.Duplicated) != twice {
					t.Errorf("counted %+v; %d arrived, %d of them twice", s, once, twice)
				}
			})
		})
	}
}

func TestImpairmentTakesItsTime(t *testing.T) {
	impairedLab(t, Faults{Latency: 70 * time.Millisecond}, func(l lab, i *Impairment) {
		begin := time.Now()
		datagramEcho(l.world) // one after another
		if passed, sent := time.Since(begin), i.Stats().Sent; sent == 0 || passed != time.Duration(sent)*70*time.Millisecond {
			t.Errorf("%d datagrams took %v", sent, passed)
		}
		begin = time.Now()
		streamEcho(l.world) // nothing is done to streams
		if passed := time.Since(begin); passed != 0 {
			t.Errorf("%v passed", passed)
		}
		if err := i.SetFaults(Faults{Loss: 2}); err == nil || !strings.Contains(err.Error(), "Faults.Loss is 2") {
			t.Errorf("got %v", err)
		}
		if i.faults.Latency == 0 {
			t.Error("a refused change has had an effect")
		}
	})
}
