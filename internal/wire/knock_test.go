package wire

import (
	"encoding/hex"
	"errors"
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
)

func TestKnockAndToken(t *testing.T) {
	for _, tc := range []struct {
		knock Knock
		bytes string
	}{
		{Knock{Nonce: 0xa1a2a3a4a5a6a7a8}, "670105" + "afd071e5" + "a1a2a3a4a5a6a7a8" + "0000000000000000"},
		{Knock{Nonce: 0xa1a2a3a4a5a6a7a8, Token: 0x0102030405060708, Answer: true}, "670106" + "afd071e5" + "a1a2a3a4a5a6a7a8" + "0102030405060708"},
	} {
		b := AppendKnock(nil, tag, tc.knock)
		if got := hex.EncodeToString(b); got != tc.bytes {
			t.Errorf("%+v is %s, want %s", tc.knock, got, tc.bytes)
		}
		if len(b) != knockSize || !IsKnock(b) || IsAnswer(b) != tc.knock.Answer {
			t.Errorf("%+v: %d bytes, a knock: %v, an answer: %v", tc.knock, len(b), IsKnock(b), IsAnswer(b))
		}
		if got, err := DecodeKnock(b, tag); got != tc.knock || err != nil {
			t.Errorf("decoded as %+v, %v; want %+v", got, err, tc.knock)
		}
		for n := range b {
			if _, err := DecodeKnock(b[:n], tag); err == nil {
				t.Errorf("%d bytes of %+v are enough", n, tc.knock)
			}
		}
		if _, err := DecodeKnock(b, tag+1); !errors.Is(err, ErrCluster) {
			t.Errorf("another cluster: %v", err)
		}
	}
}

// Without its token a TOKEN would make the asker think that it has one, and a KNOCK
// that carries one is not smaller than it must be for nothing.
func TestKnockMalformed(t *testing.T) {
	for _, k := range []Knock{{Nonce: 1, Answer: true}, {Nonce: 1, Token: 1}} {
		if _, err := DecodeKnock(AppendKnock(nil, tag, k), tag); !errors.Is(err, ErrMalformed) {
			t.Errorf("%+v: %v, want ErrMalformed", k, err)
		}
	}
	exchange := AppendPacket(nil, tag, ann, &peersampling.Packet{Kind: peersampling.ExchangeRequest}, newTestBook())
	if _, err := DecodeKnock(exchange, tag); !errors.Is(err, ErrUnknownKind) || IsKnock(exchange) {
		t.Errorf("an EXCHANGE: %v", err)
	}
}

// TestRequestsCarryTokens: also where the view has to make room for one.
func TestRequestsCarryTokens(t *testing.T) {
	book := newTestBook(ann, bob, eve)
	view := make([]peer.Descriptor, 200)
	for i := range view {
		view[i] = peer.Descriptor{Peer: hBob, Age: 1 << 30}
	}
	for _, p := range []peersampling.Packet{
		{Kind: peersampling.ProbeRequest},
		{Kind: peersampling.ExchangeRequest, View: view},
		{Kind: peersampling.ExchangeRequest, View: view, Room: 700},
		{Kind: peersampling.ExchangeRequest, View: view[:1], Wide: true, Room: 700},
	} {
		p.Token = 0x0102030405060708
		b := AppendPacket(nil, tag, ann, &p, book)
		room := p.Room
		if room == 0 {
			room = MaxDatagram
		}
		if len(b) > room || p.Wide && len(b) != room {
			t.Errorf("%v: %d bytes where there is room for %d", p.Kind, len(b), room)
		}
		got, err := DecodePacket(b, tag, from, nil, book)
		if err != nil || got.Token != p.Token {
			t.Errorf("%v: token %x, %v", p.Kind, got.Token, err)
		}
	}
}

func FuzzDecodeKnock(f *testing.F) {
	f.Add(AppendKnock(nil, tag, Knock{Nonce: 1}))
	f.Add(AppendKnock(nil, tag, Knock{Nonce: 1, Token: 2, Answer: true}))
	f.Fuzz(func(t *testing.T, b []byte) {
		k, err := DecodeKnock(b, tag)
		if err != nil {
			return
		}
		if again, err := DecodeKnock(AppendKnock(nil, tag, k), tag); again != k || err != nil {
			t.Fatalf("%+v came back as %+v, %v", k, again, err)
		}
	})
}
