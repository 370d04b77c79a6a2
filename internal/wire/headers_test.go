package wire

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math"
	"strings"
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"pgregory.net/rapid"
)

// someHeaders are those of the golden vectors.
var someHeaders = map[string]string{"content-type": "text/plain", "a": ""}

// headed puts headers in front of a payload.
func headed(headers map[string]string, payload string) []byte {
	b, err := AppendHeaders(nil, headers)
	if err != nil {
		panic(err)
	}
	return append(b, payload...)
}

var drawnHeaders = rapid.Custom(func(t *rapid.T) map[string]string {
	all := rapid.MapOfN(rapid.StringMatching(`[a-z0-9-]{1,64}`), rapid.StringOfN(rapid.RuneFrom([]rune("aZ0 ü日\u00a0;=\"")), 0, 30, -1), 1, 12).Draw(t, "headers")
	for sizeOfHeaders(all) > MaxHeaders {
		for key := range all {
			delete(all, key)
			break
		}
	}
	return all
})

func TestHeadersComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawnHeaders.Draw(t, "headers")
		payload := rapid.SliceOf(rapid.Byte()).Draw(t, "payload")
		m := &broadcast.Message{Dot: peer.Dot{Origin: hAnn, Seq: 1}, Born: now, Headed: true, Payload: headed(want, string(payload))}
		book := newTestBook(ann)
		if rapid.Bool().Draw(t, "signed") {
			EncodeSigned(m, aSignature[:], book)
		}
		f, err := DecodeFrame(AppendFrame(nil, now, &broadcast.Frame{Kind: broadcast.Data, Message: m}, book)[FrameHeader:], now, book)
		if err != nil || !f.Message.Headed {
			t.Fatalf("headed %v, %v", f.Message != nil && f.Message.Headed, err)
		}
		headers, rest := SplitPayload(f.Message)
		if got := ReadHeaders(headers); !maps.Equal(got, want) || !bytes.Equal(rest, payload) {
			t.Fatalf("%q and %x came back as %q and %x", want, payload, got, rest)
		}
	})
}

func TestHeadersThatMustNotTravel(t *testing.T) {
	long := strings.Repeat("k", MaxHeaderKey+1)
	for _, tt := range []struct {
		why     string
		headers map[string]string
		want    string // in the error; none if they may
	}{
		{"the longest key", map[string]string{long[1:]: "v"}, ""},
		{"as many bytes as may be", map[string]string{"k": strings.Repeat("v", MaxHeaders-6)}, ""},
		{"one more", map[string]string{"k": strings.Repeat("v", MaxHeaders-5)}, "1025 bytes, at most 1024"},
		{"a book", map[string]string{"k": strings.Repeat("v", 1<<20)}, "at most 1024"},
		{"no key", map[string]string{"": "v"}, `"" has 0 bytes`},
		{"a key too long", map[string]string{long: "v"}, "has 65 bytes"},
		{"an upper case key", map[string]string{"Content-Type": "v"}, `"Content-Type"`},
		{"a key with a space", map[string]string{"a b": "v"}, `"a b"`},
		{"a key in another alphabet", map[string]string{"ключ": "v"}, "other characters"},
		{"a line more", map[string]string{"k": "v\r\nset-cookie: x"}, `"k"`},
		{"a terminal's word", map[string]string{"k": "\x1b[2J"}, `"k"`},
		{"no text", map[string]string{"k": "\xff"}, `"k"`},
	} {
		_, err := AppendHeaders(nil, tt.headers)
		if tt.want == "" && err != nil || tt.want != "" && (!errors.Is(err, ErrHeaders) || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", tt.why, err, tt.want)
		}
		if err != nil && len(err.Error()) > 400 {
			t.Errorf("%s: an error of %d bytes", tt.why, len(err.Error()))
		}
	}
}

// TestHeadersAreReadStrictly: there is one form, and what a node would not send is nobody's.
func TestHeadersAreReadStrictly(t *testing.T) {
	refused := 0
	for _, tt := range []struct {
		why  string
		b    []byte
		want error
	}{
		{"fine", pack(3, 1, "k", 0, "payload"), nil},
		{"two, sorted", pack(6, 1, "a", 0, 1, "b", 0), nil},
		{"a key that begins like the one before", pack(7, 1, "a", 0, 2, "ab", 0), nil},
		{"none", pack(0, "payload"), ErrMalformed},
		{"nothing at all", nil, ErrTruncated},
		{"cut short", pack(4, 1, "k", 1), ErrTruncated},
		{"a length of two bytes where one does", pack(0x83, 0, 1, "k", 0), ErrMalformed},
		{"a value's length of two bytes where one does", pack(4, 1, "k", 0x80, 0), ErrMalformed},
		{"a value beyond the headers", pack(3, 1, "k", 9, "payload to spare"), ErrTruncated},
		{"a value of 2^64-1 bytes", pack(12, 1, "k", uv(math.MaxUint64)), ErrTruncated},
		{"headers of 2^64-1 bytes", pack(uv(math.MaxUint64), 1, "k", 0), ErrMalformed},
		{"a key beyond the headers", pack(3, 9, "k", 0, "payload to spare"), ErrTruncated},
		{"an empty key", pack(2, 0, 0), ErrMalformed},
		{"an upper case key", pack(3, 1, "K", 0), ErrMalformed},
		{"a control character", pack(4, 1, "k", 1, 7), ErrMalformed},
		{"the same key twice", pack(6, 1, "a", 0, 1, "a", 0), ErrMalformed},
		{"not sorted", pack(6, 1, "b", 0, 1, "a", 0), ErrMalformed},
		{"a byte more than may be", pack(uv(MaxHeaders-1), 1, "k", uv(MaxHeaders-5), strings.Repeat("v", MaxHeaders-5)), ErrMalformed},
	} {
		b := pack(headedDataKind, 0, 0, 0, origin(ann.ID), 1, 0, tt.b)
		f, err := DecodeFrame(b, now, newTestBook())
		if !errors.Is(err, tt.want) || (err == nil) != (f.Message != nil) {
			t.Errorf("%s: %v, want %v", tt.why, err, tt.want)
		}
		if err != nil {
			refused++
		}
	}
	t.Logf("%d second or malformed forms refused", refused)
}

// TestASignatureCoversHeaders: who passes a message on can neither add, alter nor take away
// headers, nor have a payload pass for some, without another text being signed.
func TestASignatureCoversHeaders(t *testing.T) {
	book := newTestBook(ann)
	payload := headed(someHeaders, "hello")
	texts := map[[32]byte]string{}
	for _, m := range []broadcast.Message{
		{Headed: true, Payload: payload},
		{Headed: false, Payload: payload},
		{Headed: false, Payload: []byte("hello")},
		{Headed: true, Payload: headed(map[string]string{"content-type": "text/html", "a": ""}, "hello")},
		{Headed: true, Payload: headed(map[string]string{"a": ""}, "hello")},
		{Headed: true, Payload: payload, Resumes: true},
		{Headed: false, Payload: payload, Resumes: true},
	} {
		m.Dot = peer.Dot{Origin: hAnn, Seq: 1}
		EncodeSigned(&m, aSignature[:], book)
		said := SaidBy(&m, book)
		if what, ok := texts[said.Rest]; ok {
			t.Errorf("%v and %s are signed alike", m.Headed, what)
		}
		texts[said.Rest] = fmt.Sprintf("%v %q", m.Headed, m.Payload)
		read, err := ReadSignedData(AppendFrame(nil, now, &broadcast.Frame{Kind: broadcast.Data, Message: &m}, book)[FrameHeader:])
		if err != nil || read.Rest != said.Rest || !bytes.Equal(read.Signature, aSignature[:]) {
			t.Errorf("what is checked of %q is not what is signed: %v", m.Payload, err)
		}
	}
	t.Logf("%d forms of a message are signed with as many texts", len(texts))
}

// TestWithoutHeaders: an older node is told the message as if there were none, and it counts
// for a link's window what the machine has reckoned with.
func TestWithoutHeaders(t *testing.T) {
	book := newTestBook(ann)
	m := &broadcast.Message{Dot: peer.Dot{Origin: hAnn, Seq: 1}, Deps: []peer.Dot{{Origin: hAnn, Seq: 7}}, Born: now, Headed: true, Payload: headed(someHeaders, "hello")}
	EncodeMessage(m, book)
	bare := WithoutHeaders(m, book)
	plain := &broadcast.Message{Dot: m.Dot, Deps: m.Deps, Born: now, Payload: []byte("hello")}
	got := AppendFrame(nil, now, &broadcast.Frame{Kind: broadcast.Data, Message: bare}, book)
	if want := AppendFrame(nil, now, &broadcast.Frame{Kind: broadcast.Data, Message: plain}, book); !bytes.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
	if bare.SizeOnWire() != m.SizeOnWire() {
		t.Errorf("it counts for %d, want %d", bare.SizeOnWire(), m.SizeOnWire())
	}
	if !m.Headed || !bytes.HasSuffix(m.Encoded, m.Payload) {
		t.Error("the message itself has changed")
	}
}

// TestNoHeadersCostNothing: neither a byte nor an allocation.
func TestNoHeadersCostNothing(t *testing.T) {
	m := &broadcast.Message{Dot: peer.Dot{Origin: hAnn, Seq: 1}, Born: now, Payload: []byte("hello")}
	book := newTestBook(ann)
	b := AppendFrame(nil, now, &broadcast.Frame{Kind: broadcast.Data, Message: m}, book)[FrameHeader:]
	var d Decoder
	allocs := testing.AllocsPerRun(100, func() {
		if f, err := d.Frame(b, now, book); err != nil || f.Message.Headed {
			t.Fatal(err)
		}
		if headers, payload := SplitPayload(&d.message); headers != nil || len(payload) != 5 {
			t.Fatal("headers of a message that has none")
		}
	})
	if want := 1 + 3 + originLen(ann.ID) + 1 + 1 + 5; allocs > 0 || len(b) != want {
		t.Errorf("%v allocations, %d bytes, want 0 and %d", allocs, len(b), want)
	}
}

func originLen(id peer.ID) int { return 1 + len(id.Name) + 8 }

func FuzzReadHeaders(f *testing.F) {
	f.Add(headed(someHeaders, ""))
	f.Add(pack(7, 1, "a", 0, 2, "ab", 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := reader{b: b}
		if r.headers(); r.err != nil {
			return
		}
		block := b[:len(b)-len(r.b)]
		again, err := AppendHeaders(nil, ReadHeaders(block))
		if err != nil || !bytes.Equal(again, block) {
			t.Fatalf("%x has another form, %x, %v", block, again, err)
		}
	})
}
