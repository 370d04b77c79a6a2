package wire

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"pgregory.net/rapid"
)

// aProof is one that nobody checks here.
var aProof = append(make([]byte, 8), aSignature[:]...)

func readQuestion(b []byte, _ Book) (string, error) {
	q, err := DecodeQuestion(b, tag, from, false)
	return fmt.Sprintf("%+v", q), err
}

func questionVector(name, about string, q Question, parts ...[]part) vector {
	return vector{
		name: name, about: about, layout: layout(parts...), decode: readQuestion, want: fmt.Sprintf("%+v", q),
		encode: func(Book) []byte { return AppendQuestion(nil, tag, &q) },
	}
}

func readDescription(b []byte, _ Book) (string, error) {
	d, err := DecodeDescription(b, tag, from)
	return fmt.Sprintf("%+v", d), err
}

func descriptionVector(name, about string, d Description, room int, parts ...[]part) vector {
	return vector{
		name: name, about: about, layout: layout(parts...), decode: readDescription, want: fmt.Sprintf("%+v", d),
		encode: func(Book) []byte { return AppendDescription(nil, tag, &d, room) },
	}
}

var drawnDescription = rapid.Custom(func(t *rapid.T) Description {
	d := Description{Self: identities.Draw(t, "self"), Nonce: rapid.Uint64().Draw(t, "nonce")}
	for range rapid.IntRange(0, 40).Draw(t, "links") {
		d.Links = append(d.Links, DescribedLink{identities.Draw(t, "link"), rapid.Bool().Draw(t, "outbound"), rapid.Bool().Draw(t, "tree")})
	}
	for range rapid.IntRange(0, 300).Draw(t, "view") {
		d.View = append(d.View, DescribedPeer{identities.Draw(t, "peer"), rapid.Uint32().Draw(t, "age")})
	}
	if rapid.Bool().Draw(t, "signed") {
		d.Proof = aProof
	}
	return d
})

// TestDescriptionsComeBack as far as there is room, which is used up, and say so if that is
// not far enough. No answer is larger than its question.
func TestDescriptionsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawnDescription.Draw(t, "description")
		signed := d.Proof != nil
		least := describeSize
		if signed {
			least += ownProof
		}
		q := Question{From: identities.Draw(t, "asker"), Nonce: d.Nonce, Token: rapid.Uint64Min(1).Draw(t, "token"), Proof: d.Proof}
		q.Room = rapid.IntRange(least, MaxDatagram).Draw(t, "room")
		asked := AppendQuestion([]byte("before"), tag, &q)[len("before"):]
		q.Room = len(asked)
		got, err := DecodeQuestion(asked, tag, from, signed)
		if err != nil || !reflect.DeepEqual(got, q) || len(asked) > MaxDatagram {
			t.Fatalf("%+v came back as %+v, %v, in %d bytes", q, got, err, len(asked))
		}
		b := AppendDescription([]byte("before"), tag, &d, got.Room)[len("before"):]
		if len(b) > len(asked) {
			t.Fatalf("%d bytes in answer to %d", len(b), len(asked))
		}
		read, err := DecodeDescription(b, tag, from)
		if err != nil {
			t.Fatal(err)
		}
		want := d
		want.Links, want.View = d.Links[:len(read.Links):len(read.Links)], d.View[:len(read.View):len(read.View)]
		want.Truncated = len(want.Links)+len(want.View) < len(d.Links)+len(d.View)
		if len(want.Links) == 0 {
			want.Links = nil
		}
		if len(want.View) == 0 {
			want.View = nil
		}
		if !reflect.DeepEqual(read, want) {
			t.Fatalf("%+v came back as %+v", want, read)
		}
		if len(read.View) > 0 && len(read.Links) < len(d.Links) {
			t.Fatal("a view, and not all links")
		}
		const largest = 1 + MaxName + 8 + 1 + 16 + 2 + 5
		if read.Truncated && len(read.View) < math.MaxUint8 && len(b)+largest+1 <= got.Room {
			t.Fatalf("%d bytes of %d used, and something left out", len(b), got.Room)
		}
	})
}

func TestDecodeQuestionRefuses(t *testing.T) {
	sender := pack(3, "ann", uint64(1), 0)
	pad := make([]byte, describeSize+ownProof)
	question := func(parts ...any) []byte { return append(pack(parts...), pad...) }
	for _, tt := range []struct {
		why    string
		b      []byte
		signed bool
		want   error
	}{
		{"fine", question(magic, Version, describeKind, tag, sender, uint64(1)), false, nil},
		{"fine, with a token and what nobody knows", question(magic, Version, describeKind, tag, sender, uint64(1), 9, 1, 1, tokenTag, 8, uint64(5)), false, nil},
		{"nothing", nil, false, ErrTruncated},
		{"another cluster", question(magic, Version, describeKind, tag+1, sender, uint64(1)), false, ErrCluster},
		{"a later version", question(magic, 2, describeKind, tag, sender, uint64(1)), false, ErrVersion},
		{"an answer", question(magic, Version, descriptionKind, tag, sender, uint64(1)), false, ErrUnknownKind},
		{"too short for an answer", question(magic, Version, describeKind, tag, sender, uint64(1))[:describeSize-1], false, ErrMalformed},
		{"too short for a signed one", question(magic, Version, describeKind, tag, sender, uint64(1))[:describeSize+ownProof-1], true, ErrMalformed},
		{"nobody", question(magic, Version, describeKind, tag, 0, uint64(1), 0, uint64(1)), false, ErrMalformed},
		{"somebody nowhere", question(magic, Version, describeKind, tag, 3, "ann", uint64(1), 4, uint32(0xffffffff), 1, 1, uint64(1)), false, ErrMalformed},
		{"a token of 0", question(magic, Version, describeKind, tag, sender, uint64(1), tokenTag, 8, uint64(0)), false, ErrMalformed},
		{"a token, twice", question(magic, Version, describeKind, tag, sender, uint64(1), tokenTag, 8, uint64(1), tokenTag, 8, uint64(1)), false, ErrMalformed},
		{"two proofs", question(magic, Version, describeKind, tag, sender, uint64(1), proofsTag, uv(144), make([]byte, 144)), true, ErrMalformed},
		{"a proof that is cut short", question(magic, Version, describeKind, tag, sender, uint64(1), proofsTag, 71, make([]byte, 71)), true, ErrTruncated},
	} {
		q, err := DecodeQuestion(tt.b, tag, from, tt.signed)
		if !errors.Is(err, tt.want) || (err == nil) != (q.From.ID.Name == "ann") {
			t.Errorf("%s: %+v, %v, want %v", tt.why, q, err, tt.want)
		}
	}
}

func TestDecodeDescriptionRefuses(t *testing.T) {
	sender := pack(3, "ann", uint64(1), 0)
	bobs := pack(origin(bob.ID), 16, bob.Addr.Addr().AsSlice(), int(bob.Addr.Port()>>8), int(bob.Addr.Port()&0xff))
	nowhere := pack(origin(eve.ID), 4, uint32(0), 1, 1)
	answer := func(parts ...any) []byte {
		return append(pack(magic, Version, descriptionKind, tag, sender, uint64(1)), pack(parts...)...)
	}
	for _, tt := range []struct {
		why                  string
		b                    []byte
		want                 error
		links, view, skipped int
	}{
		{"nothing to tell", answer(0, 0, 0), nil, 0, 0, 0},
		{"one of each, and flags of later", answer(0xfe, 1, bobs, 0xfd, 1, bobs, 5), nil, 1, 1, 0},
		{"who is nowhere is left out, and the others are not", answer(0, 2, nowhere, 0, bobs, 0, 3, bobs, 1, nowhere, 1, bobs, 1), nil, 1, 2, 2},
		{"a question", pack(magic, Version, describeKind, tag, sender, uint64(1), 0, 0, 0), ErrUnknownKind, 0, 0, 0},
		{"another cluster", pack(magic, Version, descriptionKind, tag+1, sender, uint64(1), 0, 0, 0), ErrCluster, 0, 0, 0},
		{"no view", answer(0, 0), ErrTruncated, 0, 0, 0},
		{"more links than there are", answer(0, 2, bobs, 0), ErrTruncated, 0, 0, 0},
		{"255 links that are not there", answer(0, 255), ErrTruncated, 0, 0, 0},
		{"more in the view than there is", answer(0, 0, 9, bobs, 1), ErrTruncated, 0, 0, 0},
		{"a link with nobody", answer(0, 1, 0, uint64(1), 4, uint32(1), 1, 1, 0, 0), ErrMalformed, 0, 0, 0},
		{"a link without an address", answer(0, 1, origin(bob.ID), 0, 0, 0), ErrMalformed, 0, 0, 0},
		{"a name that lies to a terminal", answer(0, 0, 1, 3, "\x1b[2", uint64(1), 4, uint32(1), 1, 1, 0), ErrMalformed, 0, 0, 0},
		{"an age above 64 bits", answer(0, 0, 1, bobs, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), ErrMalformed, 0, 0, 0},
		{"two proofs", answer(0, 0, 0, proofsTag, uv(144), make([]byte, 144)), ErrMalformed, 0, 0, 0},
	} {
		d, err := DecodeDescription(tt.b, tag, from)
		if !errors.Is(err, tt.want) || len(d.Links) != tt.links || len(d.View) != tt.view || d.Skipped != tt.skipped {
			t.Errorf("%s: %+v, %v, want %v", tt.why, d, err, tt.want)
		}
	}
}

// TestTheBarestDescriptionFitsItsQuestion: from whoever has the longest name, to the shortest
// question that is read.
func TestTheBarestDescriptionFitsItsQuestion(t *testing.T) {
	for _, proof := range [][]byte{nil, aProof} {
		least := describeSize
		if proof != nil {
			least += ownProof
		}
		d := Description{Self: longest, Proof: proof, View: []DescribedPeer{{ann, 1}}}
		b := AppendDescription(nil, tag, &d, least)
		if got, err := DecodeDescription(b, tag, from); len(b) != least || err != nil || !got.Truncated {
			t.Errorf("%d bytes for %d, %+v, %v", len(b), least, got, err)
		}
	}
}

// FuzzDecodeDescription holds W1 to W3 for both datagrams.
func FuzzDecodeDescription(f *testing.F) {
	seeds(f, 0)
	f.Fuzz(func(t *testing.T, b []byte) {
		b = b[:min(len(b), MaxDatagram)]
		checkMemory(t, b, func() { DecodeQuestion(b, tag, from, true); DecodeDescription(b, tag, from) })
		if q, err := DecodeQuestion(b, tag, from, false); err == nil {
			again := AppendQuestion(nil, tag, &q)
			got, err := DecodeQuestion(again, tag, from, false)
			if q.Room = len(again); err != nil || !reflect.DeepEqual(got, q) {
				t.Fatalf("%+v came back as %+v, %v", q, got, err)
			}
		}
		d, err := DecodeDescription(b, tag, from)
		if err != nil {
			return
		}
		for _, l := range d.Links {
			checkDescribed(t, l.ID)
		}
		for _, p := range d.View {
			checkDescribed(t, p.ID)
		}
		again := AppendDescription(nil, tag, &d, MaxDatagram)
		got, err := DecodeDescription(again, tag, from)
		if err != nil || len(again) > MaxDatagram {
			t.Fatalf("%d bytes, %v", len(again), err)
		}
		if d.Skipped = 0; !got.Truncated && !reflect.DeepEqual(got, d) {
			t.Fatalf("%+v came back as %+v", d, got)
		}
		if !bytes.Equal(got.Proof, d.Proof) || got.Self != d.Self {
			t.Fatalf("%+v came back as %+v", d.Self, got.Self)
		}
	})
}

func checkDescribed(t *testing.T, id peer.ID) {
	t.Helper()
	if !plainName([]byte(id.Name)) || id.Name == "" || strings.ContainsAny(id.Name, "\n\x1b") {
		t.Fatalf("the name %q", id.Name)
	}
}
