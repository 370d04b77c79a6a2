package wire

import (
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
)

func TestKeyNews(t *testing.T) {
	news := []KeyNews{
		{ID: 0x01020304, Used: Sighting{300, "ann"}},
		{ID: 0xfffefdfc, Used: Sighting{0, "bob"}, Lacked: Sighting{7, "ann"}},
	}
	const want = "01020304" + "00" + "03616e6eac02" + "00" + "fffefdfc" + "00" + "03626f6200" + "03616e6e07"
	b := AppendKeyNews(nil, news)
	if got := hex.EncodeToString(b); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, err := DecodeKeyNews(b); err != nil || !slices.Equal(got, news) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []string{
		"01020304" + "000000" + "01020304" + "000000",                // twice
		"01020304" + "03616e6e" + "ffffffff0f" + "0000",              // 136 years ago
		"01020304" + "01" + "0a" + "00" + "0000",                     // a name that ends a line
		"010203",                                                     // cut short
		"01020304" + "21" + strings.Repeat("61", 33) + "00" + "0000", // a name of 33 bytes
	} {
		b, err := hex.DecodeString(bad)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := DecodeKeyNews(b); !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrTruncated) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestCutName(t *testing.T) {
	for name, want := range map[string]string{
		"ann":                         "ann",
		strings.Repeat("x", 40):       strings.Repeat("x", 32),
		strings.Repeat("x", 31) + "é": strings.Repeat("x", 31), // not in the middle of a character
	} {
		if got := CutName(name); got != want {
			t.Errorf("%q is cut to %q", name, got)
		}
	}
}

// TestNewsOfKeysMakeRoom: they go before descriptors, but not beyond the datagram.
func TestNewsOfKeysMakeRoom(t *testing.T) {
	book := newTestBook(ann, bob, eve)
	view := make([]peer.Descriptor, 100)
	for i := range view {
		view[i] = peer.Descriptor{Peer: hBob, Age: 1}
	}
	keys := AppendKeyNews(nil, []KeyNews{{ID: 1, Used: Sighting{1, strings.Repeat("x", 32)}, Lacked: Sighting{1, strings.Repeat("x", 32)}}})
	for _, room := range []int{80, 120, exchangeSize, 600, MaxDatagram} {
		for _, kind := range []peersampling.PacketKind{peersampling.ExchangeRequest, peersampling.ExchangeReply} {
			b := AppendPacket(nil, tag, ann, &peersampling.Packet{Kind: kind, View: view, Room: room, Keys: keys, Token: 1}, book)
			if len(b) > max(room, exchangeSize) { // a request is padded up to that
				t.Errorf("%v: %d bytes where there is room for %d", kind, len(b), room)
			}
			p, err := DecodePacket(b, tag, from, nil, book)
			if err != nil {
				t.Fatal(err)
			}
			if room >= 600 && len(p.Keys) != len(keys) {
				t.Errorf("%v in %d bytes: %d bytes of news, want %d", kind, room, len(p.Keys), len(keys))
			}
		}
	}
}

func FuzzDecodeKeyNews(f *testing.F) {
	f.Add(AppendKeyNews(nil, []KeyNews{{ID: 1, Used: Sighting{1, "ann"}}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		news, err := DecodeKeyNews(b)
		if err != nil {
			return
		}
		if again := AppendKeyNews(nil, news); !slices.Equal(again, b) {
			t.Fatalf("%x has a second form, %x", b, again)
		}
	})
}
