package guard

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
	"time"
)

func TestWhoMayOpenAConnection(t *testing.T) {
	const local, remote, other = "127.0.0.1", "192.0.2.1", "192.0.2.2"
	type entry struct {
		from  string
		times int
		want  error
	}
	small := DoorsConfig{Handshakes: 8, PerBlock: 2, Rate: Limit{1, 100}}
	for _, test := range []struct {
		why     string
		cfg     DoorsConfig
		entries []entry
	}{
		{"one block gets a little more than half, the rest is for others", small,
			[]entry{{remote, 5, nil}, {remote, 1, ErrTooMany}, {other, 2, nil}, {other, 1, ErrTooMany}, {"2001:db8::1", 1, nil}, {"192.0.2.3", 1, ErrFull}}},
		{"the addresses of one /64 are one block", small,
			[]entry{{"2001:db8::1", 5, nil}, {"2001:db8::2", 1, ErrTooMany}, {"2001:db8:0:1::1", 2, nil}}},
		{"a mapped address is what it maps", small, []entry{{remote, 5, nil}, {"::ffff:192.0.2.1", 1, ErrTooMany}}},
		{"loopback may have all", small, []entry{{local, 4, nil}, {"::1", 3, nil}, {"::ffff:127.0.0.1", 1, nil}, {local, 1, ErrFull}}},
		{"a block that comes too fast", DoorsConfig{Handshakes: 100, Rate: Limit{1, 3}},
			[]entry{{remote, 3, nil}, {remote, 10, ErrTooFast}, {other, 3, nil}, {local, 20, nil}}},
		{"a thousand behind one address come twice, as fast as doors open", DoorsConfig{Handshakes: 5000},
			[]entry{{remote, 2000, nil}, {remote, 1, ErrTooFast}}},
	} {
		d := NewDoors(test.cfg)
		for _, e := range test.entries {
			for i := range e.times {
				if _, err := d.Enter(0, ip(e.from)); !errors.Is(err, e.want) {
					t.Errorf("%s: number %d from %s: %v, want %v", test.why, i+1, e.from, err, e.want)
				}
			}
		}
	}
}

// Who has left has made room, once, and nothing is remembered of him but his rate.
func TestLeaving(t *testing.T) {
	d := NewDoors(DoorsConfig{Handshakes: 2, Rate: Limit{1000, 1000}})
	first, err := d.Enter(0, ip("192.0.2.1"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := d.Enter(0, ip("192.0.2.2"))
	if err != nil {
		t.Fatal(err)
	}
	first()
	first() // it was not there twice
	if s := d.Stats(); s.Inside != 1 || s.Entered != 2 {
		t.Errorf("%+v", s)
	}
	second()
	if s := d.Stats(); s.Inside != 0 || len(d.of) != 0 {
		t.Errorf("%+v, %v", s, d.of)
	}
}

// A slow loris holds what it gets open for as long as it may, and others get in all the
// same.
func TestASlowLorisDoesNotKeepOthersOut(t *testing.T) {
	const holds = 5 * time.Second // the handshake's time
	d := NewDoors(DoorsConfig{})
	type held struct {
		until time.Duration
		leave func()
	}
	var loris []held
	refused := 0
	for now := time.Duration(0); now < time.Minute; now += 10 * time.Millisecond {
		for len(loris) > 0 && loris[0].until <= now {
			loris[0].leave()
			loris = loris[1:]
		}
		for { // it takes all that it can get
			leave, err := d.Enter(now, ip("192.0.2.1"))
			if err != nil {
				break
			}
			loris = append(loris, held{now + holds, leave})
		}
		leave, err := d.Enter(now, netip.AddrFrom4([4]byte{10, 0, byte(now >> 32), byte(now >> 24)}))
		if err != nil {
			refused++
			continue
		}
		leave()
	}
	if refused > 0 || len(loris) > 257 {
		t.Errorf("%d honest ones were refused; %d connections are held open", refused, len(loris))
	}
}

func TestBars(t *testing.T) {
	d := NewDoors(DoorsConfig{Blocks: 2})
	d.Bar(ip("192.0.2.1"), 10*time.Second)
	d.Bar(ip("192.0.2.1"), 5*time.Second) // does not shorten it
	d.Bar(ip("127.0.0.1"), time.Hour)
	for _, test := range []struct {
		why  string
		now  time.Duration
		from string
		want error
	}{
		{"barred", 0, "192.0.2.1", ErrBarred},
		{"mapped", 0, "::ffff:192.0.2.1", ErrBarred},
		{"to the end", 10*time.Second - 1, "192.0.2.1", ErrBarred},
		{"somebody else", 0, "192.0.2.2", nil},
		{"it is over", 10 * time.Second, "192.0.2.1", nil},
		{"loopback is all the nodes of a machine", 0, "127.0.0.1", nil},
	} {
		if _, err := d.Enter(test.now, ip(test.from)); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.why, err, test.want)
		}
	}
	// The bar that ends first makes room.
	d = NewDoors(DoorsConfig{Blocks: 2})
	d.Bar(ip("192.0.2.1"), time.Hour)
	d.Bar(ip("192.0.2.2"), time.Minute)
	d.Bar(ip("192.0.2.3"), 2*time.Minute)
	for from, want := range map[string]error{"192.0.2.1": ErrBarred, "192.0.2.2": nil, "192.0.2.3": ErrBarred} {
		if _, err := d.Enter(0, ip(from)); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", from, err, want)
		}
	}
	if s := d.Stats(); s.Evicted != 1 || s.Barred != 2 {
		t.Errorf("%+v", s)
	}
}

// Handshakes end in goroutines of their own. Run with -race.
func TestDoorsFromManyGoroutines(t *testing.T) {
	d := NewDoors(DoorsConfig{Handshakes: 16, PerBlock: 2})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			from := netip.AddrFrom4([4]byte{10, 0, 0, byte(i)})
			for n := range time.Duration(200) {
				leave, err := d.Enter(n*time.Millisecond, from)
				d.Bar(netip.AddrFrom4([4]byte{10, 0, 1, byte(i)}), n)
				if s := d.Stats(); s.Inside > 16 {
					t.Error(s.Inside, "are inside")
				}
				if err == nil {
					leave()
				}
			}
		})
	}
	wg.Wait()
	if s := d.Stats(); s.Inside != 0 || len(d.of) != 0 {
		t.Errorf("%+v, %v", s, d.of)
	}
}

// A flood of connections from everywhere leaves the tables at their bounds.
func TestDoorsKeepTheirBounds(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	d := NewDoors(DoorsConfig{Blocks: 64})
	for i := range 100_000 {
		from := randomSource(random).Addr()
		leave, err := d.Enter(time.Duration(i)*time.Microsecond, from)
		d.Bar(from, time.Duration(i))
		if err == nil && i%2 == 0 {
			leave() // the others never do
		}
	}
	s := d.Stats()
	if s.Inside > 512 || len(d.of) > 512 || d.rates.len() > 64 || d.barred.len() > 64 {
		t.Errorf("%d inside, of %d blocks; %d rates, %d bars", s.Inside, len(d.of), d.rates.len(), d.barred.len())
	}
	if fmt.Sprint(s.Full > 0, s.Evicted > 0) != "true true" {
		t.Errorf("%+v", s)
	}
}

func BenchmarkEnter(b *testing.B) {
	d := NewDoors(DoorsConfig{Rate: Limit{1e9, 1e9}})
	b.ReportAllocs()
	for b.Loop() {
		leave, err := d.Enter(0, alice.Addr())
		if err != nil {
			b.Fatal(err)
		}
		leave()
	}
}

func BenchmarkEnterRefused(b *testing.B) {
	d := NewDoors(DoorsConfig{})
	d.Bar(alice.Addr(), time.Hour)
	b.ReportAllocs()
	for b.Loop() {
		d.Enter(0, alice.Addr())
	}
}

// Attackers with many addresses have no more handshakes than the node has time for, and
// leave no trace of the rest.
func TestARushFromManyAddresses(t *testing.T) {
	d := NewDoors(DoorsConfig{Rush: Limit{10, 20}})
	entered := 0
	enter := func(now time.Duration, i int) {
		leave, err := d.Enter(now, netip.AddrFrom4([4]byte{192, 0, byte(i >> 8), byte(i)}))
		switch {
		case err == nil:
			entered++
			leave()
		case !errors.Is(err, ErrRush):
			t.Fatal(err)
		}
	}
	for i := range 1000 {
		enter(0, i)
	}
	if s := d.Stats(); entered != 20 || s.Rush != 980 || d.rates.len() != 20 {
		t.Errorf("%d have entered, %d addresses are known: %+v", entered, d.rates.len(), s)
	}
	for i := range 1000 {
		enter(time.Second, i)
	}
	if entered != 30 {
		t.Errorf("%d have entered after a second", entered)
	}
}
