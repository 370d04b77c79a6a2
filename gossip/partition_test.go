package gossip

import (
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/internal/transport"
)

// inMemory makes configs of nodes that live in a network in memory, each with
// an address of its own.
func inMemory(t *testing.T) (*transport.Network, func() Config) {
	t.Helper()
	network := transport.NewNetwork(1)
	host := uint32(0)
	return network, func() Config {
		host++
		addr := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(host >> 16), byte(host >> 8), byte(host)}), 7946)
		return Config{Listen: addr.String(), Plain: true, Logger: quiet, listen: func(string) (transport.Transport, error) {
			return network.Listen(addr)
		}}
	}
}

// side tells the halves of a cut network apart.
func side(a netip.AddrPort) byte { return a.Addr().As4()[3] & 1 }

// TestACutNetworkIsOneAgain: cut in two for longer than both sides remember
// each other, a network is one again after the cut is lifted, and what was sent
// on both sides meanwhile reaches the other exactly once, in causal order.
func TestACutNetworkIsOneAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory, config := inMemory(t)
		memory.SetFaults(transport.Faults{Loss: 0.02, Latency: 5 * time.Millisecond, Jitter: 5 * time.Millisecond})
		ctx := within(t, time.Hour)
		net := newNetwork(t)
		for range 24 {
			net.add(config())
		}
		net.ready(ctx)
		net.chatter(ctx, net.members, 20)
		mustBeRight(t, net.settled(ctx, 20))

		memory.Cut(func(from, to netip.AddrPort) bool { return side(from) != side(to) })
		for net.knowEachOther() {
			time.Sleep(time.Second) // of the bubble's time, which costs none
		}
		for range 20 {
			time.Sleep(10 * time.Second)
			net.chatter(ctx, net.members, 4)
		}
		memory.Heal()
		mustBeRight(t, net.settled(ctx, 20+20*4))
		if !net.linked() {
			t.Error("messages have crossed, but no link does")
		}
		net.closeAll() // within the bubble, which waits for every goroutine
		net.wg.Wait()
	})
}

// knowEachOther reports whether any node has a peer of the other side in view.
func (net *network) knowEachOther() bool {
	for _, m := range net.members {
		for _, p := range m.View() {
			if side(netip.MustParseAddrPort(p.Addr)) != side(netip.MustParseAddrPort(m.Self().Addr)) {
				return true
			}
		}
	}
	return false
}

// linked reports whether any link leads to the other side.
func (net *network) linked() bool {
	for _, m := range net.members {
		for _, p := range m.Links() {
			if side(netip.MustParseAddrPort(p.Addr)) != side(netip.MustParseAddrPort(m.Self().Addr)) {
				return true
			}
		}
	}
	return false
}

// TestLossyNetwork: with a third of the datagrams lost, twenty nodes that know
// one contact still find each other and get everything.
func TestLossyNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory, config := inMemory(t)
		memory.SetFaults(transport.Faults{Loss: 0.33, Duplicate: 0.1, Latency: 20 * time.Millisecond, Jitter: 30 * time.Millisecond})
		ctx := within(t, time.Hour)
		net := newNetwork(t)
		for range 20 {
			net.add(config())
		}
		net.ready(ctx)
		net.chatter(ctx, net.members, 200)
		mustBeRight(t, net.settled(ctx, 200))
		net.closeAll()
		net.wg.Wait()
	})
}

// TestAnIdleNetworkIsQuiet: when nothing happens, exchanges slow down, and an
// idle node costs next to nothing.
func TestAnIdleNetworkIsQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, config := inMemory(t)
		ctx := within(t, time.Hour)
		net := newNetwork(t)
		for range 20 {
			net.add(config())
		}
		net.ready(ctx)
		time.Sleep(5 * time.Minute)
		before := net.members[7].Stats()
		time.Sleep(10 * time.Minute)
		after := net.members[7].Stats()
		bytes := after.PacketBytesSent - before.PacketBytesSent + after.LinkBytesSent - before.LinkBytesSent
		exchanges := after.Exchanges - before.Exchanges
		t.Logf("an idle node sends %.1f bytes/s, %d exchanges in ten minutes", float64(bytes)/600, exchanges)
		if exchanges < 27 || exchanges > 52 {
			t.Errorf("%d exchanges in ten minutes, want about one each twenty seconds, and some where a link is changed", exchanges)
		}
		net.closeAll()
		net.wg.Wait()
	})
}

// TestALateNodeGetsWhatIsRetained, or not, as it wishes.
func TestALateNodeGetsWhatIsRetained(t *testing.T) {
	for _, history := range []History{Retained, None} {
		t.Run(history.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, config := inMemory(t)
				ctx := within(t, time.Hour)
				a := start(t, config().with("a"))
				for i := range 3 {
					if _, err := a.Broadcast(ctx, fmt.Append(nil, "early ", i)); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(time.Minute)
				cfg := config().with("b")
				cfg.History, cfg.Join = history, []string{a.Self().Addr}
				b := start(t, cfg)
				if err := b.Ready(ctx); err != nil {
					t.Fatal(err)
				}
				if _, err := a.Broadcast(ctx, []byte("late")); err != nil {
					t.Fatal(err)
				}
				want := []string{"early 0", "early 1", "early 2", "late"}
				if history == None {
					want = want[3:]
				}
				for _, text := range want {
					if m := receive(t, ctx, b); string(m.Payload) != text || m.Clock.Get("a") != m.ID.Seq {
						t.Errorf("got %q with %v, want %q", m.Payload, m.Clock, text)
					}
				}
				a.Close()
				b.Close()
			})
		})
	}
}

func (c Config) with(id string) Config {
	c.ID = id
	return c
}

// TestATreeOrAFlood: by default a network finds a tree over which each payload
// comes about once; with Config.Flood it comes over every link.
func TestATreeOrAFlood(t *testing.T) {
	for _, flood := range []bool{false, true} {
		t.Run(fmt.Sprintf("flood=%v", flood), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, config := inMemory(t)
				ctx := within(t, time.Hour)
				net := newNetwork(t)
				for range 20 {
					cfg := config()
					cfg.Flood = flood
					net.add(cfg)
				}
				net.ready(ctx)
				time.Sleep(time.Minute)
				sum := func() (duplicates, announced uint64) {
					for _, m := range net.members {
						s := m.Stats()
						duplicates, announced = duplicates+s.Duplicates, announced+s.Announced
					}
					return duplicates, announced
				}
				talk := func(count int) {
					for range count {
						if _, err := net.members[3].Broadcast(ctx, []byte("hello")); err != nil {
							t.Fatal(err)
						}
						time.Sleep(time.Second)
					}
				}
				talk(5)
				before, _ := sum()
				talk(20)
				after, announced := sum()
				each := float64(after-before) / (20 * 20)
				t.Logf("%.3f duplicates for each node and message, %d announcements", each, announced)
				if flood && (each < 1 || announced > 0) || !flood && (each > 0.05 || announced == 0) {
					t.Errorf("%.3f duplicates for each node and message, %d announcements", each, announced)
				}
				mustBeRight(t, net.settled(ctx, 25))
				net.closeAll()
				net.wg.Wait()
			})
		})
	}
}
