package wire

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/causal"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
	"github.com/Ishan27gOrg/gossipProtocol/protocol"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// document is the specification. Others implement what it says, so it must not
// fall behind the code.
func document(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTheDocumentHasTheLimits(t *testing.T) {
	doc := document(t)
	relay, links, sampling := broadcast.DefaultRelayConfig(), broadcast.DefaultLinksConfig(), peersampling.DefaultServiceConfig(peersampling.Healer(30))
	machine := protocol.DefaultConfig(hAnn, nil, peersampling.Healer(30))
	for name, value := range map[string]any{
		"Version": Version, "MaxDatagram": MaxDatagram, "MaxName": MaxName, "probeSize": probeSize, "exchangeSize": exchangeSize, "describeSize": describeSize,
		"FrameHeader": FrameHeader, "MaxHello": MaxHello, "MaxOverhead": MaxOverhead, "MaxClock": MaxClock, "maxControl": maxControl, "maxAge": maxAge,
		"MaxHeaders": MaxHeaders, "MaxHeaderKey": MaxHeaderKey, "MaxDeps": causal.MaxDeps, "MaxSpans": broadcast.MaxSpans, "MaxSeq": peer.MaxSeq, "maxEntries": maxEntries, "maxSpans": maxSpans,
		"DigestPart": relay.DigestPart, "Wants": relay.Wants, "Window": relay.Window, "Repairs": links.Repairs,
		"AnnounceEvery": relay.AnnounceEvery, "GraftAfter": machine.GraftAfter,
		"AnnounceCalm": relay.AnnounceCalm, "CalmAfter": relay.CalmAfter,
		"Answer": links.Answer, "Heartbeat": links.Heartbeat, "Timeout": links.Timeout, "Exchange": sampling.Answer,
	} {
		if row := fmt.Sprintf("\n| `%s` | %v | ", name, value); !strings.Contains(doc, row) {
			t.Errorf("docs/protocol.md lacks the row%s", row)
		}
	}
}

func TestTheDocumentHasTheKinds(t *testing.T) {
	doc := document(t)
	for _, k := range packetKinds {
		wantRow(t, doc, int(k), k.String())
	}
	for _, k := range frameKinds {
		wantRow(t, doc, int(k), k.String())
	}
	wantRow(t, doc, headedDataKind, "HEADED_DATA")
	wantRow(t, doc, signedHeadedDataKind, "SIGNED_HEADED_DATA")
	wantRow(t, doc, spansKind, "IHAVE_SPANS")
	wantRow(t, doc, describeKind, "DESCRIBE")
	wantRow(t, doc, descriptionKind, "DESCRIPTION")
	wantRow(t, doc, knockKind, "KNOCK")
	wantRow(t, doc, tokenKind, "TOKEN")
}

func wantRow(t *testing.T, doc string, number int, name string) {
	t.Helper()
	if row := fmt.Sprintf("\n| %d | %s | ", number, name); !strings.Contains(doc, row) {
		t.Errorf("docs/protocol.md lacks the row%s", row)
	}
}

// The examples of the document are golden vectors.
func TestTheDocumentHasTheVectors(t *testing.T) {
	blocks := regexp.MustCompile("(?s)```hex (\\w+)\n(.*?)```").FindAllStringSubmatch(document(t), -1)
	if len(blocks) == 0 {
		t.Error("no examples")
	}
	for _, b := range blocks {
		if text, err := os.ReadFile(goldenFile(b[1])); err != nil || string(text) != b[2] {
			t.Errorf("the example %s is not the golden vector (%v)", b[1], err)
		}
	}
}

// TestTheDocumentedDigest computes section 3's formula for a node that has had
// two messages, and holds it against what such a node sends.
func TestTheDocumentedDigest(t *testing.T) {
	sum := sha256.Sum256(appendID(nil, ann.ID))
	o := binary.BigEndian.Uint64(sum[:])
	want := splitmix(o ^ splitmix(2))

	var out protocol.Outbox
	cfg := protocol.DefaultConfig(hAnn, directory{newTestBook(ann, bob)}, peersampling.Healer(30))
	m, err := protocol.New(0, cfg, rand.NewPCG(1, 2))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := m.Broadcast(0, nil, &out); err != nil {
			t.Fatal(err)
		}
	}
	out.Reset()
	m.HandlePacket(0, peersampling.Packet{Kind: peersampling.ExchangeRequest, Peer: hBob}, &out)
	for _, p := range out.Packets {
		if p.Kind == peersampling.ExchangeReply && p.Digest == want {
			return
		}
	}
	t.Errorf("no answer with the digest %#x in %+v", want, out.Packets)
}

func splitmix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// directory makes a Directory of a book.
type directory struct{ *testBook }

func (d directory) Name(h peer.Handle) vclock.Origin   { return d.known[h].ID }
func (d directory) Handle(o vclock.Origin) peer.Handle { return d.byID[o] }
