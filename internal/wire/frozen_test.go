package wire

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
)

// The golden vectors change with the code: whoever adds a field adds it there, and
// -update writes them anew. What a release has sent does not change any more. So each
// release leaves a copy behind, with what every later one must read in it, and
// nothing writes these files: testdata/golden/README.md tells how they are made.

// frozen has a checksum for each folder of frozen vectors. It is here so that nobody
// mends a vector that a change has broken. If a test of this file fails, the change
// is wrong, or it is for another Version.
var frozen = map[string]string{
	"v1-2026-11": "ea3eb7683615df1bb31905ddf6c0d83ace6646ac8351f751d6107286ac30fc84",
}

func TestFrozenVectorsAreReadForEver(t *testing.T) {
	for folder := range frozen {
		for _, file := range frozenFiles(t, folder) {
			t.Run(folder+"/"+strings.TrimSuffix(filepath.Base(file), ".hex"), func(t *testing.T) {
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				var want []string
				for line := range strings.Lines(string(text)) {
					if reading, ok := strings.CutPrefix(line, "#= "); ok {
						want = append(want, strings.TrimSpace(reading))
					}
				}
				b := readGolden(t, filepath.Join(folder, strings.TrimSuffix(filepath.Base(file), ".hex")))
				if got := reading(b); !slices.Equal(got, want) {
					t.Errorf("reads\n#= %s\nwant\n#= %s", strings.Join(got, "\n#= "), strings.Join(want, "\n#= "))
				}
			})
		}
	}
}

func TestNobodyHasEditedFrozenVectors(t *testing.T) {
	folders, err := filepath.Glob(filepath.Join("testdata", "golden", "v*"))
	if err != nil || len(folders) != len(frozen) {
		t.Errorf("the folders %v, %v; the table has %d", folders, err, len(frozen))
	}
	for folder, want := range frozen {
		sum := sha256.New()
		for _, file := range frozenFiles(t, folder) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(sum, "%s %d\n%s", filepath.Base(file), len(text), text)
		}
		if got := fmt.Sprintf("%x", sum.Sum(nil)); got != want {
			t.Errorf("%s has been edited: its checksum is %s, was %s", folder, got, want)
		}
	}
}

func frozenFiles(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "golden", folder, "*.hex"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %v, %v", folder, files, err)
	}
	slices.Sort(files)
	return files
}

// reading says what bytes mean, in words that do not change when a struct gets
// another field: one line for what there is once, and one for each element of a list.
func reading(b []byte) []string {
	book := newTestBook()
	switch {
	case b[0] == magic && IsKnock(b):
		k, err := DecodeKnock(b, tag)
		return refusedOr(err, func() []string {
			return []string{fmt.Sprintf("knock; nonce %x; token %x; answer %v", k.Nonce, k.Token, k.Answer)}
		})
	case b[0] == magic:
		p, err := DecodePacket(b, tag, from, nil, book)
		return refusedOr(err, func() []string { return readingOfPacket(p, book) })
	case len(b) <= FrameHeader || !bytes.HasPrefix(b, pack(uint32(len(b)-FrameHeader))):
		return []string{fmt.Sprintf("no frame: %d bytes that begin with % x", len(b), b[:min(len(b), FrameHeader)])}
	case b[FrameHeader] == helloKind:
		h, err := DecodeHello(b[FrameHeader:], "test", from)
		return refusedOr(err, func() []string {
			return []string{fmt.Sprintf("hello from %s at %v; cluster %q; horizon %v; capabilities %b",
				nameOf(h.ID), h.Addr, h.Cluster, h.Horizon, h.Capabilities)}
		})
	}
	f, err := DecodeFrame(b[FrameHeader:], now, book)
	return refusedOr(err, func() []string { return readingOfFrame(&f, book) })
}

func refusedOr(err error, read func() []string) []string {
	for known, what := range map[error]string{ErrUnknownKind: "skipped: of an unknown kind", ErrVersion: "refused: of another version", ErrCluster: "refused: of another cluster"} {
		if errors.Is(err, known) {
			return []string{what}
		}
	}
	if err != nil {
		return []string{"refused: " + err.Error()}
	}
	return read()
}

func nameOf(id peer.ID) string { return fmt.Sprintf("%s#%d", id.Name, id.Incarnation) }

func (b *testBook) dotName(d peer.Dot) string {
	return fmt.Sprintf("%s message %d", nameOf(b.known[d.Origin].ID), d.Seq)
}

func readingOfPacket(p peersampling.Packet, book *testBook) []string {
	who := book.known[p.Peer]
	head := fmt.Sprintf("%v from %s at %v; nonce %x; digest %x; %d bytes", p.Kind, nameOf(who.ID), who.Addr, p.Nonce, p.Digest, p.Room)
	if p.Token != 0 {
		head += fmt.Sprintf("; token %x", p.Token)
	}
	return append([]string{head}, readingOfView(p.View, p.Skipped, book)...)
}

func readingOfView(view []peer.Descriptor, skipped int, book *testBook) (lines []string) {
	for _, d := range view {
		lines = append(lines, fmt.Sprintf("descriptor: %s at %v; age %d", nameOf(book.known[d.Peer].ID), book.known[d.Peer].Addr, d.Age))
	}
	if skipped > 0 {
		lines = append(lines, fmt.Sprintf("skipped: %d descriptors", skipped))
	}
	return lines
}

func readingOfFrame(f *broadcast.Frame, book *testBook) []string {
	head := f.Kind.String()
	var list []string
	add := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	switch f.Kind {
	case broadcast.Neighbor:
		head += fmt.Sprintf("; token %x; priority %v; repair %v", f.Token, f.Priority, f.Repair)
	case broadcast.NeighborReply:
		head += fmt.Sprintf("; accept %v", f.Accept)
		list = readingOfView(f.Candidates, f.Skipped, book)
	case broadcast.Disconnect:
		head += fmt.Sprintf("; leaving %v", f.Leaving)
	case broadcast.Digest:
		head += fmt.Sprintf("; opening %v", f.Opening)
		for _, p := range f.Digest {
			add("prefix of %d groups, %x; sums %x", p.Len, p.Bits, p.Sums)
			for _, e := range p.Entries {
				add("entry: %s contiguous %d; spans %v; gone up to %d, %v ago", nameOf(book.known[e.Origin].ID), e.Contiguous, spansOf(e.Spans), e.Gone, e.Age)
			}
		}
	case broadcast.Refine:
		for _, p := range f.Refine {
			add("prefix of %d groups, %x", p.Len, p.Bits)
		}
	case broadcast.Data:
		m := f.Message
		head += fmt.Sprintf("; %s; hops %d; age %v; payload %x", book.dotName(m.Dot), m.Hops, now-m.Born, m.Payload)
		for _, d := range m.Deps {
			add("after %s", book.dotName(d))
		}
		if m.Epoch != 0 || m.Resumes {
			add("epoch %d; resumes %v", m.Epoch, m.Resumes)
		}
		if f.WithClock {
			text, _ := m.Clock.MarshalText()
			add("clock %s", text)
		}
	case broadcast.Want:
		for _, w := range f.Wants {
			add("want %s; clock %v; check %v", book.dotName(w.Dot), w.Clock, w.Check)
		}
	case broadcast.Gone:
		for _, g := range f.Gone {
			add("gone %s; up to %d, %v ago", book.dotName(g.Dot), g.UpTo, g.Age)
		}
	case broadcast.IHave:
		for _, a := range f.Announced {
			if f.Listed {
				add("have %s; hops %d", book.dotName(a.Dot), a.Hops)
			} else {
				add("have %s and %d more", book.dotName(a.Dot), a.More)
			}
		}
	}
	return append([]string{head}, list...)
}

func spansOf(spans []broadcast.Span) (s []string) {
	for _, span := range spans {
		s = append(s, fmt.Sprintf("%d-%d", span.From, span.To))
	}
	return s
}
