package wire

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
)

// The fuzz targets hold three promises about bytes from anybody:
//
//	W1  no decoder panics
//	W2  what is decoded, encoded again and decoded again is the same
//	W3  memory grows with the bytes that came, not with what they announce
//	W4  a frame has one form: what is decoded is encoded to the bytes that came,
//	    as far as this version knows what they mean

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
		checkProven(t, b)

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

// checkProven: with proofs more is refused than without, and nothing else is read.
func checkProven(t *testing.T, b []byte) {
	t.Helper()
	book := newTestBook()
	want, plainErr := DecodePacket(b, tag, from, nil, book)
	got, err := DecodePacket(b, tag, from, nil, &provenBook{testBook: book})
	switch {
	case plainErr != nil && err == nil:
		t.Fatalf("%x is refused where nobody proves anything, %v, and not where everybody does", b, plainErr)
	case err == nil && (len(got.View) != len(want.View) || got.Digest != want.Digest || got.Token != want.Token || got.Skipped != want.Skipped):
		t.Fatalf("%+v is %+v with proofs", want, got)
	}
}

func checkPrefix(t *testing.T, p, got peersampling.Packet, size int) {
	n := len(got.View)
	if n < len(p.View) && size < MaxDatagram-len(longestDescriptor) {
		t.Fatalf("%d descriptors of %d came back in %d bytes", n, len(p.View), size)
	}
	p.View, p.Room, p.Skipped = p.View[:n], size, 0 // what was left out is not said again
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
		checkForm(t, b, &first, book)
		checkTestimonies(t, b, &first, book)
		first.Skipped = 0 // what was left out is not said again
		want := describe(travelled(first))
		checkAgain(t, &first, book, want)
		if first.Kind == broadcast.Data {
			checkSaid(t, b, &first, book)
			m := first.Message
			if !slices.Equal(m.Encoded, b[len(b)-len(m.Encoded):]) {
				t.Fatal("the body that is relayed is not the one that came")
			}
			again(m, book) // as this node would have made it
			checkAgain(t, &first, book, want)
		}
	})
}

// checkSaid: what is looked into for a signature is what is delivered.
func checkSaid(t *testing.T, b []byte, f *broadcast.Frame, book *testBook) {
	t.Helper()
	s, err := ReadSignedData(b)
	if err != nil {
		t.Fatalf("%x is a message, and yet %v", b, err)
	}
	want, m := SaidBy(f.Message, book), f.Message
	id := book.known[m.Dot.Origin].ID
	if !bytes.Equal(s.Dot, want.Dot) || s.Rest != want.Rest || (s.Signature != nil) != m.Signed || m.Signed && !bytes.Equal(s.Signature, SignatureOf(m)) ||
		string(s.Name) != id.Name || s.Incarnation != id.Incarnation {
		t.Fatalf("of %x is checked %+v and delivered %+v", b, s, want)
	}
}

// again encodes a message anew.
func again(m *broadcast.Message, book Book) {
	if m.Signed {
		EncodeSigned(m, SignatureOf(m), book)
	} else {
		m.Encoded = nil
	}
}

// checkTestimonies: no evidence is taken that was not looked at, about whom it is about.
func checkTestimonies(t *testing.T, b []byte, f *broadcast.Frame, book *testBook) {
	t.Helper()
	var list []Testimony
	if err := ReadTestimonies(b, func(x *Testimony) bool { list = append(list, *x); return true }); err != nil {
		t.Fatalf("%x is a frame, and yet %v", b, err)
	}
	count := 0
	take := func(origin peer.Handle, e broadcast.Evidence) {
		if e.Seq > 0 {
			id, _ := book.Lookup(origin)
			if count >= len(list) || e.Proof != string(list[count].Rest[:])+string(list[count].Signature) ||
				list[count].Name != id.Name || !bytes.Equal(list[count].Dot, appendDot(nil, peer.Dot{Origin: origin, Seq: e.Seq}, book)) {
				t.Fatalf("evidence %d of %x is %+v about %v, and %+v was looked at", count, b, e, id, list)
			}
			count++
		}
	}
	for _, p := range f.Digest {
		for _, e := range p.Entries {
			take(e.Origin, e.Evidence)
		}
	}
	for _, g := range f.Gone {
		take(g.Dot.Origin, g.Evidence)
	}
	if count != len(list) {
		t.Fatalf("%d pieces of evidence in %x, %d were looked at", count, b, len(list))
	}
}

// checkForm holds W4 where a frame says all that its struct does. The others have
// flags that are ignored, or may name somebody twice at two addresses.
func checkForm(t *testing.T, b []byte, f *broadcast.Frame, book Book) {
	t.Helper()
	switch f.Kind {
	case broadcast.Neighbor, broadcast.Disconnect, broadcast.Ping, broadcast.Pong, broadcast.Digest, broadcast.Refine,
		broadcast.Gone, broadcast.SyncDone, broadcast.IHave, broadcast.Graft, broadcast.Prune:
		if again := AppendFrame(nil, now, f, book)[FrameHeader:]; !bytes.Equal(again, b) {
			t.Fatalf("%x has another form, %x", b, again)
		}
	case broadcast.Data:
		fresh := *f.Message
		again(&fresh, book)
		if again := EncodeMessage(&fresh, book); !bytes.HasSuffix(b, again) || len(again) != len(f.Message.Encoded) {
			t.Fatalf("the body of %x has another form, %x", b, again)
		}
		// One flags byte, of which the upper bits are ignored, and one of hops.
		flags, hops := b[1]&(flagClock|flagEpoch|flagResumes), b[2]
		head := AppendFrameHead(nil, now, f, book)[FrameHeader:]
		if head[0] != b[0] || head[1] != flags || head[2] != min(hops, 254)+1 || !bytes.Equal(head[3:], b[3:len(b)-len(f.Message.Encoded)]) {
			t.Fatalf("the head of %x has another form, %x", b, head)
		}
	}
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

// FuzzCheckName: whoever may call itself so is read by everybody, and what is refused
// is so for a reason that can be printed.
func FuzzCheckName(f *testing.F) {
	for _, name := range []string{"ann", "", "two words", "übung 日本", "a\xffb", "line\nline", "\u202e", "\u0085", "\u2028", strings.Repeat("n", MaxName+1)} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		err := CheckName(name)
		frame := pack(int(broadcast.IHave), 1, origin(peer.ID{Name: name, Incarnation: 1}), 1, 0)
		book := newTestBook()
		got, readErr := DecodeFrame(frame, now, book)
		if len(name) > 255 {
			return // whose length does not fit
		}
		if err == nil && (readErr != nil || book.known[got.Announced[0].Dot.Origin].ID.Name != name) {
			t.Fatalf("%q may be a node's name, and is read as %v, %v", name, got.Announced, readErr)
		}
		for _, err := range []error{err, readErr} {
			if err != nil && CheckName("n"+err.Error()) != nil && len(err.Error()) < MaxName {
				t.Fatalf("%q is refused with %q", name, err)
			}
		}
	})
}
