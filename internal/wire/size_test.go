package wire

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// sized names everybody with six bytes.
type sized struct{ Nobody }

func (sized) Lookup(h peer.Handle) (peer.ID, netip.AddrPort) {
	return peer.ID{Name: fmt.Sprintf("node%02d", h), Incarnation: 1 << 62}, netip.AddrPort{}
}

// TestBytesOfAMessage: what a message takes on a link beside its payload, and what an
// announcement takes, by hand. More is a matter of the format, and not to be had in
// passing.
func TestBytesOfAMessage(t *testing.T) {
	const (
		frame  = FrameHeader + 1 // length and kind
		origin = 1 + 6 + 8       // a name of six bytes, and the incarnation
		dot    = origin + 2      // a number of some hundreds or thousands
		head   = 1 + 1 + 2       // flags, hops, some milliseconds of age
		count  = 1               // of a list that is short
		epoch  = 3               // of the newest: the wall clock by eighths of the horizon
		hops   = 1
	)
	deps := func(n int) (dots []peer.Dot) {
		for i := range n {
			dots = append(dots, peer.Dot{Origin: peer.Handle(i + 2), Seq: 1000})
		}
		return dots
	}
	data := func(deps []peer.Dot, epoch uint32, payload int) *broadcast.Frame {
		return &broadcast.Frame{Kind: broadcast.Data, Message: &broadcast.Message{
			Dot: peer.Dot{Origin: 1, Seq: 1000}, Deps: deps, Epoch: epoch, Payload: make([]byte, payload),
		}}
	}
	announcing := func(n, every uint64) *broadcast.Frame {
		f := &broadcast.Frame{Kind: broadcast.IHave}
		for i := range n {
			f.Announced = append(f.Announced, broadcast.Announcement{Dot: peer.Dot{Origin: 1, Seq: 1000 + i*every}})
		}
		f.Announced = broadcast.Join(f.Announced)
		return f
	}
	listed := func(f *broadcast.Frame) *broadcast.Frame {
		f.Listed = true
		return f
	}
	for _, test := range []struct {
		what  string
		frame *broadcast.Frame
		want  int
	}{
		{"a message that comes after nothing", data(nil, 0, 256), frame + head + dot + count + 256},
		{"one that comes after one", data(deps(1), 0, 256), frame + head + dot + count + dot + 256},
		{"one that comes after eight", data(deps(8), 0, 1024), frame + head + dot + count + 8*dot + 1024},
		{"the first one of an epoch", data(deps(1), 1<<20, 256), frame + head + epoch + dot + count + dot + 256},
		{"an announcement", announcing(1, 1), frame + count + origin + count + 2},
		{"of 256 messages in a row", announcing(256, 1), frame + count + origin + count + 2 + 2},
		{"of every second one", announcing(256, 2), frame + count + origin + 2 + 2 + 255},
		{"an announcement in a list", listed(announcing(1, 1)), frame + count + dot + hops},
		{"a heartbeat", &broadcast.Frame{Kind: broadcast.Ping}, frame},
	} {
		if got := len(AppendFrame(nil, 5*time.Millisecond, test.frame, sized{})); got != test.want {
			t.Errorf("%s: %d bytes, want %d", test.what, got, test.want)
		}
	}
}
