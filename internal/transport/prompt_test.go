package transport

import (
	"io"
	"net/netip"
	"testing"
	"time"
)

// A stream takes at once what it has room for. When it is full it takes nothing, without
// having anybody wait, and the deadline that somebody else has set does not matter; when it
// is closed as well.
func TestPromptNeverWaits(t *testing.T) {
	w := world{t: t, open: Listen}
	near, far := w.pair()
	raw := Raw(near)
	if raw == nil {
		t.Skip("nothing is written at once on this system")
	}
	w.must(near.SetWriteDeadline(time.Unix(1, 0)))
	var p Prompt
	piece := make([]byte, 64<<10)
	total, began := 0, time.Now()
	for n := 1; n > 0; total += n {
		n = p.Write(raw, piece)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("%v until the stream was full", took)
	}
	if total == 0 {
		t.Fatal("a stream that is empty takes nothing")
	}
	if _, err := io.ReadFull(far, make([]byte, total)); err != nil {
		t.Fatalf("what was taken does not arrive: %v", err)
	}
	if n := p.Write(raw, piece[:1]); n != 1 {
		t.Errorf("%d bytes are taken of one when there is room again", n)
	}
	w.must(near.Close())
	if n := p.Write(raw, piece[:1]); n != 0 {
		t.Errorf("%d bytes are taken by a closed stream", n)
	}
}

// The twin has no socket to be asked.
func TestPromptIsForSockets(t *testing.T) {
	n := NewNetwork(1)
	w := world{t: t, open: func(address string) (Transport, error) { return n.Listen(netip.MustParseAddrPort(address)) }}
	near, _ := w.pair()
	if Raw(near) != nil {
		t.Error("a stream in memory is written to at once")
	}
}
