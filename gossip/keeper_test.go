package gossip

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/internal/wire"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// TestAKeptMessageIsItsOwn: whatever the sizes, and whether a message waits or is
// delivered, nothing of it changes when the memory that it came in is used again, for the
// messages after it or for anything else.
func TestAKeptMessageIsItsOwn(t *testing.T) {
	type want struct {
		kept             *broadcast.Message
		encoded, payload []byte
		deps             []peer.Dot
	}
	r := rand.New(rand.NewPCG(1, 2))
	book := newBook(peer.ID{Name: "self", Incarnation: 1}, victim, 1<<16)
	var k keeper
	var decoder wire.Decoder
	var all []want
	buffer := make([]byte, 0, 1<<20)
	for i := range 500 {
		m := &broadcast.Message{Dot: peer.Dot{Origin: 100, Seq: uint64(i + 1)}, Payload: make([]byte, r.IntN(1<<(i%16)))}
		for range r.IntN(1 << (i % 6)) {
			m.Deps = append(m.Deps, peer.Dot{Origin: 101 + peer.Handle(r.IntN(50)), Seq: 1 + r.Uint64N(1000)})
		}
		for j := range m.Payload {
			m.Payload[j] = byte(r.Uint32())
		}
		buffer = wire.AppendFrame(buffer[:0], 0, &broadcast.Frame{Kind: broadcast.Data, Message: m}, naming(nil))
		frame := buffer[wire.FrameHeader:]
		if k.owned = i%7 == 0; k.owned {
			frame = slices.Clone(frame)
		}
		f, err := decoder.Frame(frame, 0, book)
		if err != nil {
			t.Fatal(err)
		}
		w := want{encoded: slices.Clone(f.Message.Encoded), payload: slices.Clone(m.Payload), deps: slices.Clone(f.Message.Deps)}
		w.kept = k.keep(f.Message, r.IntN(3) == 0)
		all = append(all, w)
		clear(buffer[:cap(buffer)])
		clear(f.Message.Deps[:cap(f.Message.Deps)])
		*f.Message = broadcast.Message{Deps: f.Message.Deps}
	}
	for i, w := range all {
		what := fmt.Sprintf("message %d, of %d bytes and %d dependencies", i, len(w.payload), len(w.deps))
		switch got := w.kept; {
		case got.Dot.Seq != uint64(i+1):
			t.Errorf("%s has become %d", what, got.Dot.Seq)
		case !bytes.Equal(got.Encoded, w.encoded) || !bytes.Equal(got.Payload, w.payload):
			t.Errorf("%s: its bytes have changed", what)
		case !slices.Equal(got.Deps, w.deps):
			t.Errorf("%s: its dependencies have changed", what)
		case len(got.Payload) > 0 && &got.Payload[0] != &got.Encoded[len(got.Encoded)-len(got.Payload)]:
			t.Errorf("%s: its payload is there twice", what)
		}
	}
}

// TestALogKeepsWhatCame: a node that took messages many at a time passes them on as they
// were, long after the memory that they came in has been used for others.
func TestALogKeepsWhatCame(t *testing.T) {
	ctx := within(t, 30*time.Second)
	payload := func(seq uint64) []byte { return bytes.Repeat(fmt.Appendf(nil, "%08d", seq), 1+int(seq)%40) }
	const count = 2000
	read := func(n *Node) {
		t.Helper()
		for range count {
			select {
			case m := <-n.Messages():
				if !bytes.Equal(m.Payload, payload(m.ID.Seq)) {
					t.Fatalf("message %d has become %.40q", m.ID.Seq, m.Payload)
				}
			case <-ctx.Done():
				t.Fatal("not all messages come")
			}
		}
	}
	a := start(t, Config{ID: "a"})
	b := start(t, Config{ID: "b", Join: []string{a.Self().Addr}})
	if err := b.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	for seq := range uint64(count) {
		if _, err := a.Broadcast(ctx, payload(seq+1)); err != nil {
			t.Fatal(err)
		}
	}
	read(b)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	read(start(t, Config{ID: "c", Join: []string{b.Self().Addr}}))
}
