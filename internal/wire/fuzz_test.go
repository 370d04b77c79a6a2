package wire

import (
	"slices"
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
)

// The fuzz targets hold three promises about bytes from anybody:
//
//	W1  no decoder panics
//	W2  what is decoded, encoded again and decoded again is the same
//	W3  memory grows with the bytes that came, not with what they announce

// The bounds of W3. TestMemoryOfTheWorstFrames finds 17 bytes for one that came,
// in clocks and spans. The slack is for errors and for what the runtime does
// meanwhile.
const (
	mostPerByte = 32
	memorySlack = 64 << 10
)

func checkMemory(t *testing.T, b []byte, decode func()) {
	t.Helper()
	if got := allocated(decode); got > uint64(mostPerByte*len(b)+memorySlack) {
		t.Errorf("%d bytes allocated for %d that came", got, len(b))
	}
}

// seeds adds every golden vector, with or without what precedes its kind.
func seeds(f *testing.F, skip int) {
	for _, v := range vectors() {
		if b := readGolden(f, v.name); len(b) > skip {
			f.Add(b[skip:])
		}
	}
}

func FuzzDecodePacket(f *testing.F) {
	seeds(f, 0)
	f.Fuzz(func(t *testing.T, b []byte) {
		b = b[:min(len(b), MaxDatagram)] // a socket's buffer holds no more
		checkMemory(t, b, func() { DecodePacket(b, tag, from, nil, nobody{}) })

		book := newTestBook()
		p, err := DecodePacket(b, tag, from, nil, book)
		if err != nil {
			return
		}
		// An address may have been in the view twice, in two lengths, so the view
		// may not fit as a whole any more.
		sent := p
		sent.Room = 0
		again := AppendPacket(nil, tag, book.known[p.Peer], &sent, book)
		if len(again) > MaxDatagram {
			t.Fatalf("%d bytes", len(again))
		}
		got, err := DecodePacket(again, tag, from, nil, book)
		if err != nil {
			t.Fatalf("%x, encoded again, is %x: %v", b, again, err)
		}
		checkPrefix(t, p, got, len(again))
	})
}

func checkPrefix(t *testing.T, p, got peersampling.Packet, size int) {
	n := len(got.View)
	if n < len(p.View) && size < MaxDatagram-len(longestDescriptor) {
		t.Fatalf("%d descriptors of %d came back in %d bytes", n, len(p.View), size)
	}
	p.View, p.Room = p.View[:n], size
	if describePacket(p) != describePacket(got) {
		t.Fatalf("%+v came back as %+v", p, got)
	}
}

// longestDescriptor is as long as a descriptor can be.
var longestDescriptor = make([]byte, 1+MaxName+8+1+16+2+5)

func FuzzDecodeFrame(f *testing.F) {
	seeds(f, FrameHeader)
	f.Fuzz(func(t *testing.T, b []byte) {
		checkMemory(t, b, func() { DecodeFrame(b, now, nobody{}) })

		book := newTestBook()
		first, err := DecodeFrame(b, now, book)
		if err != nil {
			return
		}
		want := describe(travelled(first))
		checkAgain(t, &first, book, want)
		if first.Kind == broadcast.Data {
			m := first.Message
			if !slices.Equal(m.Encoded, b[len(b)-len(m.Encoded):]) {
				t.Fatal("the body that is relayed is not the one that came")
			}
			m.Encoded = nil // now as this node would have made it
			checkAgain(t, &first, book, want)
		}
	})
}

func checkAgain(t *testing.T, f *broadcast.Frame, book Book, want string) {
	t.Helper()
	again := AppendFrame(nil, now, f, book)[FrameHeader:]
	got, err := DecodeFrame(again, now, book)
	if err != nil {
		t.Fatalf("encoded again, it is %x: %v", again, err)
	}
	if describe(got) != want {
		t.Fatalf("%s\ncame back as\n%s", want, describe(got))
	}
}

func FuzzDecodeHello(f *testing.F) {
	seeds(f, FrameHeader)
	f.Fuzz(func(t *testing.T, b []byte) {
		checkMemory(t, b, func() { DecodeHello(b, "test", from) })

		h, err := DecodeHello(b, "test", from)
		if err != nil {
			return
		}
		again := AppendHello(nil, h)[FrameHeader:]
		if got, err := DecodeHello(again, "test", from); err != nil || got != h {
			t.Fatalf("%+v came back as %+v, %v", h, got, err)
		}
	})
}
