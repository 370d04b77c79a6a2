package wire

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/causal"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
	"pgregory.net/rapid"
)

// drawPast draws a mark of people in the book.
func (b *testBook) drawPast(t *rapid.T) (p Past) {
	p.Cluster = rapid.StringN(0, 20, 255).Draw(t, "cluster")
	p.Order = causal.Order(rapid.IntRange(0, 2).Draw(t, "order"))
	p.Horizon = time.Duration(rapid.Int64Range(1, 1<<40).Draw(t, "horizon")) * time.Millisecond
	p.Note = rapid.Bool().Draw(t, "note")
	signed := rapid.Bool().Draw(t, "signed")
	for _, h := range rapid.SliceOfDistinct(rapid.IntRange(1, len(b.known)-1), rapid.ID).Draw(t, "origins") {
		e := broadcast.DigestEntry{Origin: peer.Handle(h), Contiguous: uint64(rapid.IntRange(0, 9).Draw(t, "contiguous"))}
		if e.Gone = e.Contiguous; e.Gone > 0 {
			e.Age = time.Duration(rapid.Int64Range(0, 1<<40).Draw(t, "age")) * time.Microsecond
		}
		if rapid.Bool().Draw(t, "spans") {
			e.Spans = []broadcast.Span{{From: e.Contiguous + 2, To: e.Contiguous + 7}}
		}
		if signed {
			e.Evidence = broadcast.Evidence{Seq: e.Contiguous + 1, Proof: string(bytes.Repeat([]byte{7}, EvidenceSize))}
		}
		p.Had = append(p.Had, e)
		p.Clock = p.Clock.With(b.known[h].ID, e.Contiguous+1)
		p.Heads = append(p.Heads, causal.Head{Dot: peer.Dot{Origin: e.Origin, Seq: e.Contiguous + 1}, Epoch: rapid.Uint32().Draw(t, "epoch")})
	}
	return p
}

// A mark says what it was told, and a record that is not as it was written is refused,
// whichever bit of it has changed.
func TestMarksAreReadAsTheyWereWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		book, _ := drawBook(t)
		want := book.drawPast(t)
		record := AppendPast(nil, &want, book)
		b, err := Kept(record)
		if err != nil || !IsPast(b) {
			t.Fatal(err)
		}
		got, err := DecodePast(b, book)
		if err != nil {
			t.Fatal(err)
		}
		if got.Clock.Compare(want.Clock) != vclock.Equal {
			t.Fatalf("the clock %v is read as %v", want.Clock, got.Clock)
		}
		got.Clock, want.Clock = vclock.Clock{}, vclock.Clock{}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v is read as %+v", want, got)
		}
		record[rapid.IntRange(0, len(record)-1).Draw(t, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		if _, err := Kept(record); !errors.Is(err, ErrSum) {
			t.Fatalf("a record that was changed: %v", err)
		}
	})
}

// Marks of many origins are in blocks.
func TestALongMark(t *testing.T) {
	book := newTestBook()
	var p Past
	p.Horizon = time.Hour
	for i := range 3*pastBlock + 1 {
		h := book.add(Identity{ID: peer.ID{Name: "n", Incarnation: uint64(i)}})
		p.Had = append(p.Had, broadcast.DigestEntry{Origin: h, Contiguous: 1, Gone: 1})
	}
	b, err := Kept(AppendPast(nil, &p, book))
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodePast(b, book)
	if err != nil || !reflect.DeepEqual(got.Had, p.Had) {
		t.Errorf("of %d origins %d are read: %v", len(p.Had), len(got.Had), err)
	}
}

// A message is kept as it was had: it has not crossed a link since, and has the age that
// it had.
func TestMessagesAreKeptAsTheyWere(t *testing.T) {
	book := newTestBook(ann, bob)
	for _, hops := range []uint8{0, 1, 254, 255} {
		want := &broadcast.Message{
			Dot: peer.Dot{Origin: 1, Seq: 3}, Deps: []peer.Dot{{Origin: 2, Seq: 9}}, Payload: []byte("hello"),
			Clock: vclock.Clock{}.With(ann.ID, 3).With(bob.ID, 9), Epoch: 5, Hops: hops, Born: -time.Hour,
		}
		b, err := Kept(AppendKept(nil, time.Second, want, true, book))
		if err != nil {
			t.Fatal(err)
		}
		var d Decoder
		f, err := d.Kept(b, time.Second, book)
		if err != nil {
			t.Fatal(err)
		}
		got := f.Message
		if got.Hops != hops || got.Born != want.Born || got.Dot != want.Dot || got.Epoch != 5 || string(got.Payload) != "hello" ||
			!f.WithClock || got.Clock.Compare(want.Clock) != vclock.Equal || !reflect.DeepEqual(got.Deps, want.Deps) {
			t.Errorf("%+v is read as %+v", want, got)
		}
		if _, err := d.Kept([]byte{byte(broadcast.Ping)}, 0, book); !errors.Is(err, ErrUnknownKind) {
			t.Errorf("a PING is no record: %v", err)
		}
	}
}

// The form of a mark, by hand: what is on a disk is read by the next release.
func TestTheFormOfAMark(t *testing.T) {
	book := newTestBook(Identity{ID: peer.ID{Name: "a", Incarnation: 2}})
	p := Past{Cluster: "c", Order: causal.Causal, Horizon: 300 * time.Millisecond}
	p.Had = []broadcast.DigestEntry{{Origin: 1, Contiguous: 3, Gone: 3, Age: 5 * time.Microsecond}}
	p.Heads = []causal.Head{{Dot: peer.Dot{Origin: 1, Seq: 3}, Epoch: 130}}
	a := "\x01a\x00\x00\x00\x00\x00\x00\x00\x02" // the identity
	clock, _ := p.Clock.MarshalBinary()
	want := "\x70\x01\x00" + "\xac\x02" + "\x01c" + string(rune(len(clock))) + string(clock) +
		"\x01" + a + "\x03\x82\x01" + "\x00" + // one head; no evidence
		"\x01" + a + "\x03\x00\x03\x05" + "\x00" // one origin, and no more
	if got, err := Kept(AppendPast(nil, &p, book)); err != nil || string(got) != want {
		t.Errorf("%q, want %q (%v)", got, want, err)
	}
}

// FuzzDecodePast holds W1 to W3 of records. They are not from anybody, but disks are not
// to be trusted with the life of a process.
func FuzzDecodePast(f *testing.F) {
	book := newTestBook(ann, bob)
	p := Past{Cluster: "c", Horizon: time.Hour}
	p.Had = []broadcast.DigestEntry{{Origin: 1, Contiguous: 3, Spans: []broadcast.Span{{From: 5, To: 6}}, Gone: 3, Age: time.Second}}
	p.Heads = []causal.Head{{Dot: peer.Dot{Origin: 2, Seq: 4}, Epoch: 9}}
	p.Clock = vclock.Clock{}.With(ann.ID, 3)
	b, _ := Kept(AppendPast(nil, &p, book))
	f.Add(b)
	f.Add(b[:len(b)/2])
	f.Fuzz(func(t *testing.T, b []byte) {
		checkMemory(t, b, func() { DecodePast(b, nobody{}) })
		book := newTestBook()
		p, err := DecodePast(b, book)
		if err != nil {
			return
		}
		again, err := Kept(AppendPast(nil, &p, book))
		if err != nil {
			t.Fatal(err)
		}
		if q, err := DecodePast(again, book); err != nil || !reflect.DeepEqual(q.Had, p.Had) || !reflect.DeepEqual(q.Heads, p.Heads) {
			t.Fatalf("%+v, encoded again, is %+v: %v", p, q, err)
		}
	})
}
