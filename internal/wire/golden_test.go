package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

var update = flag.Bool("update", false, "write the golden vectors anew: only for a new Version of the format")

// vector is one message, as a value and as the bytes in testdata/golden. The
// bytes are the promise: nodes that run today's code talk to nodes that run
// yesterday's.
type vector struct {
	name, about string
	// encode is nil for what a later version sends and this one only reads.
	encode func(Book) []byte
	decode func([]byte, Book) (string, error)
	want   string
	err    error
	// layout names the parts of the bytes, and is where the comments in the
	// files come from.
	layout []part
	// complete is the length from which on a message that is cut off is a
	// message still: what may be missing is padding, extensions, or the end of a
	// payload, whose length only the frame's length tells. 0: the whole length.
	complete int
}

type part struct {
	size int
	note string
}

func layout(parts ...[]part) []part { return slices.Concat(parts...) }

func identityParts(who string, name, addr int) []part {
	p := []part{{1, who + ": length of the name"}, {name, "name"}, {8, "incarnation"}}
	return append(p, part{1, "length of the address"}, part{addr, "address"}, part{2, "port"})
}

func originParts(who string) []part {
	return []part{{1, who + ": length of the name"}, {3, "name"}, {8, "incarnation"}}
}

func dotParts(who string, seq int) []part {
	return append(originParts(who), part{seq, "sequence number"})
}

func datagramParts(kind string) []part {
	return layout([]part{{1, "'g'"}, {1, "version"}, {1, kind}, {4, "cluster"}},
		identityParts("sender", 3, 4), []part{{8, "nonce"}})
}

func frameParts(kind string) []part { return []part{{4, "length"}, {1, kind}} }

func viewParts(bobAge int) []part {
	return layout([]part{{1, "descriptors"}},
		identityParts("ann", 3, 4), []part{{1, "age"}},
		identityParts("bob", 3, 16), []part{{bobAge, "age"}})
}

func readPacket(b []byte, book Book) (string, error) {
	p, err := DecodePacket(b, tag, from, nil, book)
	return describePacket(p), err
}

func readSignedPacket(b []byte, book Book) (string, error) {
	proven := &provenBook{testBook: book.(*testBook)}
	p, err := DecodePacket(b, tag, from, nil, proven)
	return fmt.Sprintf("%s wrong %v", describePacket(p), proven.wrong), err
}

// signedVector is packetVector in a signed network.
func signedVector(name, about string, p peersampling.Packet, size int, parts ...[]part) vector {
	v := packetVector(name, about, p, size, parts...)
	v.encode = func(book Book) []byte {
		return AppendPacket(nil, tag, ann, &p, &provenBook{testBook: book.(*testBook)})
	}
	v.decode, v.want = readSignedPacket, v.want+" wrong []"
	return v
}

func packetVector(name, about string, p peersampling.Packet, size int, parts ...[]part) vector {
	v := vector{name: name, about: about, layout: layout(parts...), decode: readPacket}
	v.encode = func(book Book) []byte { return AppendPacket(nil, tag, ann, &p, book) }
	p.Peer = hAnn // of the sender, as the receiver sees it
	read := p
	read.Room, read.Wide = size, false
	v.want = describePacket(read)
	return v
}

func readKnock(b []byte, _ Book) (string, error) {
	k, err := DecodeKnock(b, tag)
	return fmt.Sprintf("%+v", k), err
}

func knockVector(name, about string, k Knock) vector {
	return vector{
		name: name, about: about, decode: readKnock, want: fmt.Sprintf("%+v", k),
		encode: func(Book) []byte { return AppendKnock(nil, tag, k) },
		layout: []part{{1, "'g'"}, {1, "version"}, {1, strings.ToUpper(name)}, {4, "cluster"}, {8, "nonce"}, {8, "token"}},
	}
}

func readFrame(b []byte, book Book) (string, error) {
	if len(b) < FrameHeader {
		return "", ErrTruncated
	}
	f, err := DecodeFrame(b[FrameHeader:], now, book)
	return describe(f), err
}

func frameVector(name, about string, f broadcast.Frame, parts ...[]part) vector {
	return vector{
		name: name, about: about, layout: layout(parts...), decode: readFrame,
		encode: func(book Book) []byte { return AppendFrame(nil, now, &f, book) },
		want:   describe(travelled(f)),
	}
}

func readHello(b []byte, _ Book) (string, error) {
	if len(b) < FrameHeader {
		return "", ErrTruncated
	}
	h, err := DecodeHello(b[FrameHeader:], "test", from)
	return fmt.Sprintf("%+v", h), err
}

func helloVector(name, about string, sent, read Identity, parts ...[]part) vector {
	return helloVectorOf(name, about, Hello{Cluster: "test", Identity: sent}, read, parts...)
}

func helloVectorOf(name, about string, sent Hello, read Identity, parts ...[]part) vector {
	want := sent
	want.Identity = read
	return vector{
		name: name, about: about, layout: layout(parts...), decode: readHello,
		encode: func(Book) []byte { return AppendHello(nil, sent) },
		want:   fmt.Sprintf("%+v", want),
	}
}

// fromLater is a message that only exists as bytes.
func fromLater(name string, decode func([]byte, Book) (string, error), want string, err error, complete int) vector {
	return vector{name: name, decode: decode, want: want, err: err, complete: complete}
}

func vectors() []vector {
	digest := []part{{8, "digest"}}
	exchange := peersampling.Packet{
		Kind: peersampling.ExchangeRequest, Nonce: 0xa1a2a3a4a5a6a7a8, Digest: 0x1122334455667788,
		View: []peer.Descriptor{{Peer: hAnn}, {Peer: hBob, Age: 300}},
	}
	wide, reply, empty := exchange, exchange, exchange
	wide.Wide, wide.View = true, wide.View[:1]
	reply.Kind, reply.Room = peersampling.ExchangeReply, 1200
	empty.Kind, empty.Room, empty.View = peersampling.ExchangeReply, 180, nil
	probe := peersampling.Packet{Kind: peersampling.ProbeRequest, Nonce: 1}
	proven := exchange
	proven.Token = 0x0102030405060708
	probeReply := peersampling.Packet{Kind: peersampling.ProbeReply, Nonce: 1, Room: 171}

	anywhere := ann
	anywhere.Addr = netip.MustParseAddrPort("0.0.0.0:7946")
	seen := ann
	seen.Addr = netip.MustParseAddrPort("203.0.113.9:7946")
	hello := func(name string) []part {
		return layout([]part{{4, "length"}, {1, "hello"}, {1, "version"}, {1, "length of the cluster's name"}, {4, name}}, identityParts("sender", 3, 4))
	}

	first := &broadcast.Message{Dot: peer.Dot{Origin: hAnn, Seq: 1}, Payload: []byte("hello"), Born: now}
	signed := &broadcast.Message{Dot: first.Dot, Payload: []byte("hello"), Born: now}
	EncodeSigned(signed, aSignature[:], newTestBook(ann, bob, eve))
	withHeaders := &broadcast.Message{Dot: first.Dot, Payload: headed(someHeaders, "hello"), Headed: true, Born: now}
	signedHeaders := &broadcast.Message{Dot: first.Dot, Payload: headed(someHeaders, "hello"), Headed: true, Born: now}
	EncodeSigned(signedHeaders, aSignature[:], newTestBook(ann, bob, eve))
	headersParts := []part{{1, "bytes of headers"}, {1, "length of the key"}, {1, "key"}, {1, "length of the value"},
		{1, "length of the key"}, {12, "key"}, {1, "length of the value"}, {10, "value"}, {5, "payload"}}
	third := &broadcast.Message{
		Dot: peer.Dot{Origin: hAnn, Seq: 3}, Payload: []byte("world"), Born: now - 1500*time.Millisecond, Hops: 2,
		Deps:  []peer.Dot{{Origin: hBob, Seq: 300}, {Origin: hAnn, Seq: 2}},
		Clock: vclock.Clock{}.With(ann.ID, 3).With(bob.ID, 300),
	}
	thirdParts := layout(dotParts("message", 1), []part{{1, "dependencies"}},
		dotParts("dependency", 2), dotParts("dependency", 1), []part{{5, "payload"}})

	seenByAnn := Description{
		Self: ann, Nonce: 1,
		Links: []DescribedLink{{Identity: bob, Tree: true}, {Identity: eve, Outbound: true}},
		View:  []DescribedPeer{{bob, 300}},
	}
	truncated := seenByAnn
	truncated.View, truncated.Truncated, truncated.Proof = nil, true, aProof

	list := []vector{
		packetVector("exchange", "ann begins an exchange: her own descriptor and bob's", exchange, 180,
			datagramParts("EXCHANGE"), digest, viewParts(2), []part{{84, "padding, up to 180 bytes"}}),
		packetVector("exchange_wide", "ann knows nobody yet and asks for a large answer", wide, 1200,
			datagramParts("EXCHANGE"), digest, []part{{1, "descriptors"}}, identityParts("ann", 3, 4),
			[]part{{1, "age"}, {1137, "padding, up to 1200 bytes"}}),
		packetVector("exchange_token", "the same, with a token that shows that ann gets what is sent to where she says she is", proven, 180,
			datagramParts("EXCHANGE"), digest, viewParts(2), []part{{1, "extension: token"}, {1, "length"}, {8, "token"}, {74, "padding, up to 180 bytes"}}),
		knockVector("knock", "a token, please", Knock{Nonce: 1}),
		knockVector("token", "here it is", Knock{Nonce: 1, Token: 0x0102030405060708, Answer: true}),
		packetVector("exchange_reply", "an answer", reply, 96,
			datagramParts("EXCHANGE_REPLY"), digest, viewParts(2)),
		packetVector("exchange_reply_empty", "an answer without a view, as under push", empty, 43,
			datagramParts("EXCHANGE_REPLY"), digest, []part{{1, "descriptors"}}),
		signedVector("exchange_signed", "the same in a signed network: with the proofs of ann's address and of bob's", proven, 254,
			datagramParts("EXCHANGE"), digest, viewParts(2), []part{{1, "extension: proofs"}, {2, "length"},
				{8, "signed by ann at"}, {64, "signature"}, {8, "signed by bob at"}, {64, "signature"},
				{1, "extension: token"}, {1, "length"}, {8, "token"}, {1, "padding, up to 254 bytes"}}),
		signedVector("probe_reply_signed", "ann is, and can prove it", probeReply, 108, datagramParts("PROBE_REPLY"),
			[]part{{1, "extension: proofs"}, {1, "length"}, {8, "signed by ann at"}, {64, "signature"}}),
		packetVector("probe", "who is there?", probe, 171,
			datagramParts("PROBE"), []part{{137, "padding, up to 171 bytes"}}),
		packetVector("probe_reply", "ann is", probeReply, 34, datagramParts("PROBE_REPLY")),

		questionVector("describe", "what do you see?", Question{From: ann, Nonce: 1, Token: 0x0102030405060708, Room: 1200},
			datagramParts("DESCRIBE"), []part{{1, "extension: token"}, {1, "length"}, {8, "token"}, {1156, "padding, up to 1200 bytes"}}),
		questionVector("describe_signed", "the same in a signed network, sealed", Question{From: ann, Proof: aProof, Nonce: 1, Token: 0x0102030405060708, Room: 1153},
			datagramParts("DESCRIBE"), []part{{1, "extension: proofs"}, {1, "length"}, {8, "signed by ann at"}, {64, "signature"},
				{1, "extension: token"}, {1, "length"}, {8, "token"}, {1035, "padding, up to 1153 bytes"}}),
		descriptionVector("description", "ann has a link with bob, who has dialled, in the tree, and one with eve that only announces; and sees bob", seenByAnn, 1200,
			datagramParts("DESCRIPTION"), []part{{1, "flags"}, {1, "links"}},
			identityParts("bob", 3, 16), []part{{1, "tree"}}, identityParts("eve", 3, 4), []part{{1, "outbound"}},
			[]part{{1, "descriptors"}}, identityParts("bob", 3, 16), []part{{2, "age"}}),
		descriptionVector("description_signed", "the same in a signed network, where there was no room for the view", truncated, 1153,
			datagramParts("DESCRIPTION"), []part{{1, "flags: truncated"}, {1, "links"}},
			identityParts("bob", 3, 16), []part{{1, "tree"}}, identityParts("eve", 3, 4), []part{{1, "outbound"}},
			[]part{{1, "descriptors"}, {1, "extension: proofs"}, {1, "length"}, {8, "signed by ann at"}, {64, "signature"}}),

		helloVector("hello", "how a stream begins", ann, ann, hello("cluster")),
		helloVectorOf("hello_horizon", "from a node that remembers for a day", Hello{Cluster: "test", Identity: ann, Horizon: 24 * time.Hour}, ann,
			hello("cluster"), []part{{1, "extension: horizon"}, {1, "length"}, {4, "milliseconds"}}),
		helloVectorOf("hello_capabilities", "from a node that remembers for a day and keeps causal order", Hello{Cluster: "test", Identity: ann, Horizon: 24 * time.Hour, Capabilities: CausalOrder}, ann,
			hello("cluster"), []part{{1, "extension: horizon"}, {1, "length"}, {4, "milliseconds"}, {1, "extension: capabilities"}, {1, "length"}, {1, "causal order"}}),
		helloVectorOf("hello_identity", "from a node that signs what it says", Hello{Cluster: "test", Identity: ann, Capabilities: CausalOrder | Signed, Proof: aSignature}, ann,
			hello("cluster"), []part{{1, "extension: capabilities"}, {1, "length"}, {1, "causal order, signed"}, {1, "extension: identity"}, {1, "length"}, {64, "signature"}}),
		helloVector("hello_anywhere", "from a node that listens on all interfaces", anywhere, seen, hello("cluster")),

		frameVector("neighbor", "please, a link; it would be my only one",
			broadcast.Frame{Kind: broadcast.Neighbor, Token: 0xfedcba9876543210, Priority: true},
			frameParts("NEIGHBOR"), []part{{8, "token"}, {1, "priority"}, {1, "repair"}}),
		frameVector("neighbor_repair", "please, one reconciliation",
			broadcast.Frame{Kind: broadcast.Neighbor, Token: 1, Repair: true},
			frameParts("NEIGHBOR"), []part{{8, "token"}, {1, "priority"}, {1, "repair"}}),
		frameVector("neighbor_reply_yes", "the link is up",
			broadcast.Frame{Kind: broadcast.NeighborReply, Accept: true},
			frameParts("NEIGHBOR_REPLY"), []part{{1, "accept"}, {1, "descriptors"}}),
		frameVector("neighbor_reply_no", "no room; try ann or bob",
			broadcast.Frame{Kind: broadcast.NeighborReply, Candidates: []peer.Descriptor{{Peer: hAnn, Age: 1}, {Peer: hBob, Age: 127}}},
			frameParts("NEIGHBOR_REPLY"), []part{{1, "accept"}}, viewParts(1)),
		frameVector("disconnect", "the link is given up", broadcast.Frame{Kind: broadcast.Disconnect},
			frameParts("DISCONNECT"), []part{{1, "leaving"}}),
		frameVector("disconnect_leaving", "goodbye", broadcast.Frame{Kind: broadcast.Disconnect, Leaving: true},
			frameParts("DISCONNECT"), []part{{1, "leaving"}}),
		frameVector("ping", "alive", broadcast.Frame{Kind: broadcast.Ping}, frameParts("PING")),
		frameVector("pong", "alive, too", broadcast.Frame{Kind: broadcast.Pong}, frameParts("PONG")),
		frameVector("digest", "how a digest begins: 1 to 5, 8 and 10 to 20 of ann's, nothing of bob's, 2^53 of eve's; ann's first 3 are gone, the third for 1.5 s",
			broadcast.Frame{Kind: broadcast.Digest, Opening: true, Digest: []broadcast.DigestPart{{Entries: []broadcast.DigestEntry{
				{Origin: hAnn, Contiguous: 5, Spans: []broadcast.Span{{From: 8, To: 8}, {From: 10, To: 20}}, Gone: 3, Age: 1500 * time.Millisecond},
				{Origin: hBob},
				{Origin: hEve, Contiguous: peer.MaxSeq},
			}}}},
			frameParts("DIGEST"), []part{{1, "opening"}, {1, "parts"}, {1, "length of the prefix: all origins"}, {1, "sums"}, {1, "entries"}},
			originParts("ann"), []part{{1, "contiguous"}, {1, "spans"}, {1, "distance: 5 to 8"}, {1, "and 0 more"}, {1, "distance: 8 to 10"}, {1, "and 10 more"}, {1, "gone"}, {3, "age"}},
			originParts("bob"), []part{{1, "contiguous"}, {1, "spans"}, {1, "gone"}},
			originParts("eve"), []part{{8, "contiguous"}, {1, "spans"}, {1, "gone"}}),
		frameVector("digest_sums", "more of it: the sums of what begins with a, of which there is nothing but in the last, and of the origins of 0bc nothing was had",
			broadcast.Frame{Kind: broadcast.Digest, Digest: []broadcast.DigestPart{
				{Prefix: broadcast.Prefix{Bits: 0xa << 60, Len: 1}, Sums: []uint64{15: 0x1122334455667788}},
				{Prefix: broadcast.Prefix{Bits: 0x0bc << 52, Len: 3}},
			}},
			frameParts("DIGEST"), []part{{1, "opening"}, {1, "parts"},
				{1, "length of the prefix"}, {1, "prefix a"}, {1, "sums"}, {120, "sums of a0 to ae"}, {8, "sum of af"},
				{1, "length of the prefix"}, {2, "prefix 0bc"}, {1, "sums"}, {1, "entries"}}),
		frameVector("refine", "please, more of what begins with a and with 0bc",
			broadcast.Frame{Kind: broadcast.Refine, Refine: []broadcast.Prefix{{Bits: 0xa << 60, Len: 1}, {Bits: 0x0bc << 52, Len: 3}}},
			frameParts("REFINE"), []part{{1, "prefixes"}, {1, "length of the prefix"}, {1, "prefix a"}, {1, "length of the prefix"}, {2, "prefix 0bc"}}),
		frameVector("data_first", "ann's first message", broadcast.Frame{Kind: broadcast.Data, Message: first},
			frameParts("DATA"), []part{{1, "flags"}, {1, "hops"}, {1, "age"}},
			dotParts("message", 1), []part{{1, "dependencies"}, {5, "payload"}}),
		frameVector("data", "ann's third message, after bob's 300th and her own second; two links and 1.5 s away from her",
			broadcast.Frame{Kind: broadcast.Data, Message: third},
			frameParts("DATA"), []part{{1, "flags"}, {1, "hops"}, {3, "age"}}, thirdParts),
		frameVector("data_clock", "the same with its clock",
			broadcast.Frame{Kind: broadcast.Data, Message: third, WithClock: true},
			frameParts("DATA"), []part{{1, "flags: a clock"}, {1, "hops"}, {3, "age"},
				{1, "length of the clock"}, {1, "form of the clock"}, {1, "entries"},
				{1, "length of the name"}, {3, "name"}, {9, "incarnation"}, {1, "count"},
				{1, "length of the name"}, {3, "name"}, {1, "incarnation"}, {2, "count"}}, thirdParts),
		frameVector("data_epoch", "ann again, after a long silence: her message before this one need not be known any more; with its clock",
			broadcast.Frame{Kind: broadcast.Data, WithClock: true, Message: &broadcast.Message{
				Dot: peer.Dot{Origin: hAnn, Seq: 3}, Deps: []peer.Dot{{Origin: hBob, Seq: 300}}, Payload: []byte("hello"), Born: now,
				Clock: vclock.Clock{}.Advance(bob.ID, 300, 161_801).Advance(ann.ID, 3, 161_803),
				Epoch: 161_803, Resumes: true}},
			frameParts("DATA"), []part{{1, "flags: a clock, an epoch, resumes"}, {1, "hops"}, {1, "age"}, {3, "epoch"},
				{1, "length of the clock"}, {1, "form of the clock: with epochs"}, {3, "epoch of the clock"}, {1, "entries"},
				{1, "length of the name"}, {3, "name"}, {9, "incarnation"}, {1, "count"}, {1, "epochs ago, and one"},
				{1, "length of the name"}, {3, "name"}, {1, "incarnation"}, {2, "count"}, {1, "epochs ago, and one"}},
			dotParts("message", 1), []part{{1, "dependencies"}}, dotParts("dependency", 2), []part{{5, "payload"}}),
		frameVector("data_signed", "ann's first message in a network where origins sign",
			broadcast.Frame{Kind: broadcast.Data, Message: signed},
			frameParts("SIGNED_DATA"), []part{{1, "flags"}, {1, "hops"}, {1, "age"}},
			dotParts("message", 1), []part{{1, "dependencies"}, {64, "signature"}, {5, "payload"}}),
		frameVector("data_headers", "ann's first message, with two headers",
			broadcast.Frame{Kind: broadcast.Data, Message: withHeaders},
			frameParts("HEADED_DATA"), []part{{1, "flags"}, {1, "hops"}, {1, "age"}},
			dotParts("message", 1), []part{{1, "dependencies"}}, headersParts),
		frameVector("data_headers_signed", "the same in a network where origins sign",
			broadcast.Frame{Kind: broadcast.Data, Message: signedHeaders},
			frameParts("SIGNED_HEADED_DATA"), []part{{1, "flags"}, {1, "hops"}, {1, "age"}},
			dotParts("message", 1), []part{{1, "dependencies"}, {64, "signature"}}, headersParts),
		frameVector("want", "please, bob's 300th, and ann's third with its clock",
			broadcast.Frame{Kind: broadcast.Want, Wants: []broadcast.WantEntry{
				{Dot: peer.Dot{Origin: hBob, Seq: 300}}, {Dot: peer.Dot{Origin: hAnn, Seq: 3}, Clock: true},
			}},
			frameParts("WANT"), []part{{1, "entries"}},
			dotParts("bob", 2), []part{{1, "with clock"}}, dotParts("ann", 1), []part{{1, "with clock"}}),
		frameVector("gone", "never had that; and all up to 900 has left the log",
			broadcast.Frame{Kind: broadcast.Gone, Gone: []broadcast.GoneEntry{
				{Dot: peer.Dot{Origin: hBob, Seq: 300}},
				{Dot: peer.Dot{Origin: hAnn, Seq: 3}, UpTo: 900, Age: time.Hour},
			}},
			frameParts("GONE"), []part{{1, "entries"}},
			dotParts("bob", 2), []part{{1, "up to"}, {1, "age"}},
			dotParts("ann", 1), []part{{2, "up to"}, {5, "age"}}),
		frameVector("digest_signed", "where origins sign: all but the first 3 of ann's 5 can be had, and she has signed the fifth; nothing of bob's",
			broadcast.Frame{Kind: broadcast.Digest, Opening: true, Digest: []broadcast.DigestPart{{Entries: []broadcast.DigestEntry{
				{Origin: hAnn, Contiguous: 5, Gone: 3, Age: 1500 * time.Millisecond, Evidence: broadcast.Evidence{Seq: 5, Proof: someEvidence}},
				{Origin: hBob},
			}}}},
			frameParts("SIGNED_DIGEST"), []part{{1, "opening"}, {1, "parts"}, {1, "length of the prefix: all origins"}, {1, "sums"}, {1, "entries"}},
			originParts("ann"), []part{{1, "contiguous"}, {1, "spans"}, {1, "gone"}, {3, "age"}, {1, "evidence: of message"}, {32, "hash of the rest"}, {64, "signature"}},
			originParts("bob"), []part{{1, "contiguous"}, {1, "spans"}, {1, "gone"}, {1, "evidence: none"}}),
		frameVector("gone_signed", "never had that; and all up to 900 has left the log, ann having signed message 901",
			broadcast.Frame{Kind: broadcast.Gone, Gone: []broadcast.GoneEntry{
				{Dot: peer.Dot{Origin: hBob, Seq: 300}},
				{Dot: peer.Dot{Origin: hAnn, Seq: 3}, UpTo: 900, Age: time.Hour, Evidence: broadcast.Evidence{Seq: 901, Proof: someEvidence}},
			}},
			frameParts("SIGNED_GONE"), []part{{1, "entries"}},
			dotParts("bob", 2), []part{{1, "up to"}, {1, "age"}, {1, "evidence: none"}},
			dotParts("ann", 1), []part{{2, "up to"}, {5, "age"}, {2, "evidence: of message"}, {32, "hash of the rest"}, {64, "signature"}}),
		frameVector("sync_done", "a repair has sent all it had", broadcast.Frame{Kind: broadcast.SyncDone}, frameParts("SYNC_DONE")),
		frameVector("ihave_spans", "bob's 300th can be had here, and ann's second to fourth, seventh and hundredth",
			broadcast.Frame{Kind: broadcast.IHave, Announced: []broadcast.Announcement{
				{Dot: peer.Dot{Origin: hBob, Seq: 300}},
				{Dot: peer.Dot{Origin: hAnn, Seq: 2}, More: 2}, {Dot: peer.Dot{Origin: hAnn, Seq: 7}}, {Dot: peer.Dot{Origin: hAnn, Seq: 100}},
			}},
			frameParts("IHAVE_SPANS"), []part{{1, "origins"}},
			originParts("bob"), []part{{1, "spans"}, {2, "299 left out, and one"}},
			originParts("ann"), []part{{1, "spans"}, {1, "one left out, and several"}, {1, "one more than two"}, {1, "one more left out than the 5th, and one"}, {2, "91 more than the 8th, and one"}}),
		frameVector("ihave", "the same as a list, for releases that read no spans: bob's 300th can be had here, and ann's third, which has crossed two links",
			broadcast.Frame{Kind: broadcast.IHave, Listed: true, Announced: []broadcast.Announcement{
				{Dot: peer.Dot{Origin: hBob, Seq: 300}}, {Dot: peer.Dot{Origin: hAnn, Seq: 3}, Hops: 2},
			}},
			frameParts("IHAVE"), []part{{1, "entries"}},
			dotParts("bob", 2), []part{{1, "hops"}}, dotParts("ann", 1), []part{{1, "hops"}}),
		frameVector("graft", "send me messages", broadcast.Frame{Kind: broadcast.Graft}, frameParts("GRAFT")),
		frameVector("prune", "only announce them", broadcast.Frame{Kind: broadcast.Prune}, frameParts("PRUNE")),
	}

	// What may be missing from the end without anybody noticing.
	tails := map[string]int{"exchange_wide": 1200 - 180, "data_first": 5, "data": 5, "data_clock": 5, "data_epoch": 5, "data_signed": 5, "data_headers": 5, "data_headers_signed": 5, "hello_horizon": 6, "hello_capabilities": 9, "hello_identity": 69, "describe": 1200 - describeSize, "describe_signed": 1153 - describeSize, "description_signed": 74, "probe_reply_signed": 74}
	for i := range list {
		size := 0
		for _, p := range list[i].layout {
			size += p.size
		}
		list[i].complete = size - tails[list[i].name]
	}

	read := exchange
	read.Peer, read.Room = hAnn, 241
	return append(list,
		fromLater("later_exchange", readPacket, describePacket(read), nil, 180),
		fromLater("later_version", readPacket, "", ErrVersion, 0),
		fromLater("later_datagram", readPacket, "", ErrUnknownKind, 0),
		fromLater("later_frame", readFrame, "", ErrUnknownKind, 0),
		fromLater("later_hello", readHello, fmt.Sprintf("%+v", Hello{Cluster: "test", Identity: ann}), nil, 30),
	)
}

// TestGolden fails if today's encoders write anything else than yesterday's
// did, or today's decoders read it in another way. Nodes are not all updated at
// one moment, so a difference is a bug, or a reason for a new Version.
func TestGolden(t *testing.T) {
	for _, v := range vectors() {
		t.Run(v.name, func(t *testing.T) {
			if *update && v.encode != nil {
				writeGolden(t, v)
			}
			golden := readGolden(t, v.name)
			if v.encode != nil {
				if got := v.encode(newTestBook(ann, bob, eve)); !bytes.Equal(got, golden) {
					t.Errorf("encodes to\n%x, want\n%x", got, golden)
				}
			}
			got, err := v.decode(golden, newTestBook(ann, bob, eve))
			if !errors.Is(err, v.err) {
				t.Fatalf("error %v, want %v", err, v.err)
			}
			if err == nil && got != v.want {
				t.Errorf("reads\n%s, want\n%s", got, v.want)
			}
		})
	}
}

// TestEveryFileIsTested keeps vectors from being left behind.
func TestEveryFileIsTested(t *testing.T) {
	files, err := filepath.Glob(goldenFile("*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(vectors()) {
		t.Errorf("%d files, %d vectors", len(files), len(vectors()))
	}
}

// TestEveryTruncationIsNoticed cuts every vector off at every byte.
func TestEveryTruncationIsNoticed(t *testing.T) {
	cuts, refused, whole := 0, 0, 0
	for _, v := range vectors() {
		golden := readGolden(t, v.name)
		for n := range golden {
			cuts++
			switch _, err := v.decode(golden[:n:n], newTestBook()); {
			case err != nil:
				refused++
			case n < v.complete:
				t.Errorf("%s: the first %d of %d bytes pass for a message", v.name, n, len(golden))
			default:
				whole++
			}
		}
	}
	t.Logf("%d vectors cut off in %d places: %d refused, %d are whole, with less padding, fewer extensions or a shorter payload",
		len(vectors()), cuts, refused, whole)
}

// TestBytesBehindAFrameAreNoticed: of all bytes, and behind all frames but those that
// end in a payload.
func TestBytesBehindAFrameAreNoticed(t *testing.T) {
	frames, refused := 0, 0
	for _, v := range vectors() {
		golden := readGolden(t, v.name)
		if v.err != nil || v.layout == nil || v.layout[0].note != "length" || golden[FrameHeader] == helloKind {
			continue // of a later version; a datagram or hello, which extensions may follow
		}
		if f, err := DecodeFrame(golden[FrameHeader:], now, newTestBook()); err != nil || f.Kind == broadcast.Data {
			continue
		}
		frames++
		for x := range 256 {
			if _, err := v.decode(append(bytes.Clone(golden), byte(x)), newTestBook()); errors.Is(err, ErrMalformed) || errors.Is(err, ErrTruncated) {
				refused++
			} else {
				t.Errorf("%s and a byte %#x: %v", v.name, x, err)
			}
		}
	}
	t.Logf("%d frames with a byte behind them, which has any of 256 values: %d refused", frames, refused)
	if frames < 10 {
		t.Errorf("only %d frames", frames)
	}
}

// TestLength holds the length that a frame begins with against its bytes.
func TestLength(t *testing.T) {
	for _, v := range vectors() {
		if golden := readGolden(t, v.name); golden[0] != magic && !bytes.HasPrefix(golden, pack(uint32(len(golden)-FrameHeader))) {
			t.Errorf("%s: %d bytes begin with % x", v.name, len(golden), golden[:FrameHeader])
		}
	}
}

func goldenFile(name string) string { return filepath.Join("testdata", "golden", name+".hex") }

// readGolden reads hexadecimal bytes, 00*n standing for n zeros; # begins a
// comment.
func readGolden(t testing.TB, name string) (b []byte) {
	t.Helper()
	text, err := os.ReadFile(goldenFile(name))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		for _, word := range strings.Fields(line) {
			digits, times, _ := strings.Cut(word, "*")
			n := 1
			if times != "" {
				n, err = strconv.Atoi(times)
			}
			some, err2 := hex.DecodeString(digits)
			if err := errors.Join(err, err2); err != nil {
				t.Fatalf("%s: %q: %v", name, word, err)
			}
			b = append(b, bytes.Repeat(some, n)...)
		}
	}
	return b
}

func writeGolden(t *testing.T, v vector) {
	t.Helper()
	b := v.encode(newTestBook(ann, bob, eve))
	text := []byte("# " + v.about + "\n")
	for _, p := range v.layout {
		if p.size > len(b) {
			t.Fatalf("%q takes %d bytes, of %x", p.note, p.size, b)
		}
		digits := hex.EncodeToString(b[:p.size])
		if p.size > 16 && strings.Trim(digits, "0") == "" {
			digits = fmt.Sprintf("00*%d", p.size)
		}
		text = fmt.Appendf(text, "%-32s  # %s\n", digits, p.note)
		b = b[p.size:]
	}
	if len(b) > 0 {
		t.Fatalf("bytes that the layout does not name: %x", b)
	}
	if err := os.WriteFile(goldenFile(v.name), text, 0o644); err != nil {
		t.Fatal(err)
	}
}
