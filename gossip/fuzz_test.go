package gossip

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/internal/wire"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
	"github.com/Ishan27gOrg/gossipProtocol/protocol"
)

// FuzzConfig: a Config is refused by the name of one of its fields, or a node can be
// made of it.
func FuzzConfig(f *testing.F) {
	day := int64(24 * time.Hour)
	f.Add("", "", "", "", uint8(0), uint8(0), 0, 0, 0, 0, int64(0), int64(0), int64(0), int64(0), int64(0), int64(0), uint8(0), uint8(0), uint8(0), 0, 0, 0, 0)
	f.Add("ann", "127.0.0.1:0", "10.0.0.1:7946,[::1]:1", "test", uint8(1), uint8(1), 5, 1<<20, 64<<20, 64<<20, day/24, day, int64(time.Second), int64(time.Minute), int64(time.Second), int64(time.Minute), uint8(2), uint8(2), uint8(3), 30, 1, 14, 0)
	f.Add("a\nb", ":x", ":", strings.Repeat("c", 256), uint8(9), uint8(9), 33, -1, 1, 1, day*3650, day*14600, int64(1), int64(math.MaxInt64), int64(math.MaxInt64), int64(math.MinInt64), uint8(0), uint8(2), uint8(0), 20, 0, 0, 20)
	f.Fuzz(func(t *testing.T, id, listen, join, cluster string, order, history uint8, links, payload, logBytes, backlog int,
		retention, horizon, exchangeMin, exchangeMax, heartbeat, timeout int64, who, way, keep uint8, c, h, s, samplers int) {
		cfg := Config{
			ID: id, Listen: listen, Cluster: cluster, Order: Order(order), History: History(history), Links: links,
			MaxPayload: payload, LogBytes: logBytes, BacklogBytes: backlog,
			Retention: time.Duration(retention), Horizon: time.Duration(horizon),
			ExchangeMin: time.Duration(exchangeMin), ExchangeMax: time.Duration(exchangeMax),
			Heartbeat: time.Duration(heartbeat), LinkTimeout: time.Duration(timeout),
			Sampling: peersampling.Policy{
				Peer: peersampling.Selection(who), Propagation: peersampling.Propagation(way), View: peersampling.Selection(keep),
				C: c, H: h, S: s, Samplers: samplers,
			},
		}
		if join != "" {
			cfg.Join = strings.Split(join, ",")
		}
		cfg = cfg.withDefaults()
		if err := cfg.validate(); err != nil {
			checkBlame(t, err)
			return
		}
		self := peer.ID{Name: cfg.ID, Incarnation: 1}
		mem, err := cfg.plan()
		if err != nil {
			t.Fatalf("a valid Config has no plan: %v", err)
		}
		book := newBook(self, netip.MustParseAddrPort("127.0.0.1:1"), mem.limit(identitiesShare))
		m, err := protocol.New(0, cfg.machine(book.self, book, &mem), rand.NewPCG(1, 2))
		if err != nil {
			t.Fatalf("a valid Config makes no machine: %v", err)
		}
		var out protocol.Outbox
		m.Join(0, book.address(netip.MustParseAddrPort("127.0.0.1:2")), &out)
		for range 3 {
			next := m.Deadline()
			if next < 0 {
				t.Fatalf("the next deadline of %+v is %v: before the start", cfg, next)
			}
			m.Tick(next, &out)
			out.Reset()
		}
	})
}

func checkBlame(t *testing.T, err error) {
	t.Helper()
	blame := (*ConfigError)(nil)
	if !errors.As(err, &blame) {
		t.Fatalf("%v is no *ConfigError", err)
	}
	if _, ok := reflect.TypeFor[Config]().FieldByName(blame.Field); !ok || blame.Err == nil || !strings.Contains(err.Error(), "Config."+blame.Field+": ") {
		t.Fatalf("%v blames the field %q", err, blame.Field)
	}
	policy := (*peersampling.PolicyError)(nil)
	if (blame.Field == "Sampling") != errors.As(err, &policy) {
		t.Fatalf("%v says nothing of the policy", err)
	}
}

// FuzzReadFrame reads a stream of anything: frames come out as they went in, none is
// longer than allowed, and memory grows with what came.
func FuzzReadFrame(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 4, 0, 0, 0, 2, 12, 13}, uint16(2))
	f.Add([]byte{0, 0, 0, 0}, uint16(9))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 1, 2, 3}, uint16(math.MaxUint16))
	f.Add([]byte{0, 0, 0xff, 0xff, 1}, uint16(math.MaxUint16))
	f.Add(wire.AppendHello(nil, wire.Hello{Cluster: "test"}), uint16(wire.MaxHello))
	f.Fuzz(func(t *testing.T, stream []byte, limit uint16) {
		r := bytes.NewReader(stream)
		var again []byte
		var err error
		for err == nil {
			var b []byte
			if b, err = readFrame(r, int(limit)); err == nil {
				if len(b) == 0 || len(b) > int(limit) {
					t.Fatalf("a frame of %d bytes, at most %d are allowed", len(b), limit)
				}
				again = append(binary.BigEndian.AppendUint32(again, uint32(len(b))), b...)
			}
		}
		if !bytes.HasPrefix(stream, again) {
			t.Fatalf("%x is read as %x", stream, again)
		}
		if rest := stream[len(again):]; errors.Is(err, wire.ErrFrameSize) {
			if size := binary.BigEndian.Uint32(rest); size > 0 && size <= uint32(limit) {
				t.Fatalf("a frame of %d bytes is refused: %v", size, err)
			}
		}
		// One frame of a length that nobody keeps: less than 128 KiB on a peer's word, and
		// then at most growth times what has come, with what that was copied from.
		most := uint64(2*trusted + (growth+1)*len(stream) + 16<<10)
		least := uint64(math.MaxUint64)
		for try := 0; try < 5 && least > most; try++ {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, _ = readFrame(bytes.NewReader(stream), math.MaxInt32)
			runtime.ReadMemStats(&after)
			least = min(least, after.TotalAlloc-before.TotalAlloc)
		}
		if least > most {
			t.Fatalf("%d bytes allocated for %d that came", least, len(stream))
		}
	})
}
