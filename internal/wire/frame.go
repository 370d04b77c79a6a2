package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/causal"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// Limits of frames.
const (
	// FrameHeader is the length of what precedes a frame's kind and body.
	FrameHeader = 4
	// MaxOverhead is how much longer a frame may be than the longest payload:
	// the most dependencies with the longest names take 2.4 MB, the largest part
	// of a digest 2.7 MB, a clock of 65,536 origins with usual names about 1.3 MB.
	MaxOverhead = 4 << 20
	// MaxClock is how many origins a clock that is sent along may count: as many as a
	// node remembers.
	MaxClock = 1 << 16
	// maxControl bounds the elements of one control frame.
	maxControl = 1 << 12
	// maxEntries and maxSpans bound what the parts of a DIGEST have together: ten times
	// what a node puts into one, and as many spans as a node remembers at all.
	maxEntries = 1 << 14
	maxSpans   = 1 << 16
	// maxAge is the longest age that a message may claim, in microseconds:
	// about 35 years, so that no arithmetic on it overflows. What is older
	// still claims that much: it must not cost the sender its link.
	maxAge = 1 << 50

	smallestOrigin = 1 + 1 + 8 // a name of one byte
	smallestPart   = 1 + 1 + 1 // of a digest: the whole prefix, and no entries
)

// ErrFrameSize refuses a frame longer than the receiver allows.
var ErrFrameSize = errors.New("wire: frame too long")

// Flags of DATA. Others are for later versions, and ignored.
const (
	flagClock = 1 << iota
	flagEpoch
	flagResumes
)

// Flags of WANT, likewise.
const (
	flagWantClock = 1 << iota
	flagCheck
)

// AppendFrame appends a frame with its length. A message's body, which is the
// same on every link, is appended from f.Message.Encoded if that is set.
func AppendFrame(dst []byte, now time.Duration, f *broadcast.Frame, book Book) []byte {
	start := len(dst)
	dst = AppendFrameHead(dst, now, f, book)
	if f.Kind == broadcast.Data {
		dst = append(dst, EncodeMessage(f.Message, book)...)
		binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start-FrameHeader))
	}
	return dst
}

// AppendFrameHead appends all of a frame but, for DATA, the message's body,
// which the caller sends right behind it (EncodeMessage); the length counts it.
func AppendFrameHead(dst []byte, now time.Duration, f *broadcast.Frame, book Book) []byte {
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0, kindOf(f))
	body := 0
	switch f.Kind {
	case broadcast.Neighbor:
		dst = binary.BigEndian.AppendUint64(dst, f.Token)
		dst = appendBool(appendBool(dst, f.Priority), f.Repair)
	case broadcast.NeighborReply:
		dst = appendBool(dst, f.Accept)
		dst, _ = appendView(dst, f.Candidates, Identity{}, book, math.MaxInt, nil)
	case broadcast.Disconnect:
		dst = appendBool(dst, f.Leaving)
	case broadcast.Digest:
		dst = appendDigest(appendBool(dst, f.Opening), f.Digest, kindOf(f) == signedDigestKind, book)
	case broadcast.Refine:
		dst = appendPrefixes(dst, f.Refine)
	case broadcast.Data:
		dst = appendDataHead(dst, now, f)
		body = len(EncodeMessage(f.Message, book))
	case broadcast.Want:
		dst = appendWants(dst, f.Wants, book)
	case broadcast.Gone:
		dst = appendGone(dst, f.Gone, kindOf(f) == signedGoneKind, book)
	case broadcast.IHave:
		if f.Listed {
			dst = appendList(dst, f.Announced, book)
		} else {
			dst = appendSpans(dst, f.Announced, book)
		}
	}
	binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start-FrameHeader+body))
	return dst
}

func appendBool(dst []byte, b bool) []byte {
	if b {
		return append(dst, 1)
	}
	return append(dst, 0)
}

func appendDot(dst []byte, d peer.Dot, book Book) []byte {
	id, _ := book.Lookup(d.Origin)
	return binary.AppendUvarint(appendID(dst, id), d.Seq)
}

func appendDigest(dst []byte, parts []broadcast.DigestPart, signed bool, book Book) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(parts)))
	for i := range parts {
		dst = appendPrefix(dst, parts[i].Prefix)
		if dst = appendBool(dst, parts[i].Sums != nil); parts[i].Sums != nil {
			dst = appendSums(dst, parts[i].Sums)
		} else {
			dst = appendEntries(dst, parts[i].Entries, signed, book)
		}
	}
	return dst
}

// appendPrefix writes as many bytes as the prefix has.
func appendPrefix(dst []byte, p broadcast.Prefix) []byte {
	dst = append(dst, p.Len)
	for i := range (int(p.Len) + 1) / 2 {
		dst = append(dst, byte(p.Bits>>(56-8*i)))
	}
	return dst
}

func appendPrefixes(dst []byte, prefixes []broadcast.Prefix) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(prefixes)))
	for _, p := range prefixes {
		dst = appendPrefix(dst, p)
	}
	return dst
}

func appendSums(dst []byte, sums []uint64) []byte {
	for _, sum := range sums {
		dst = binary.BigEndian.AppendUint64(dst, sum)
	}
	return dst
}

func appendEntries(dst []byte, entries []broadcast.DigestEntry, signed bool, book Book) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(entries)))
	for _, e := range entries {
		dst = appendDot(dst, peer.Dot{Origin: e.Origin, Seq: e.Contiguous}, book)
		dst = binary.AppendUvarint(dst, uint64(len(e.Spans)))
		last := e.Contiguous
		for _, s := range e.Spans {
			dst = binary.AppendUvarint(dst, s.From-last)
			dst = binary.AppendUvarint(dst, s.To-s.From)
			last = s.To
		}
		if dst = binary.AppendUvarint(dst, e.Gone); e.Gone > 0 {
			dst = appendAge(dst, e.Age)
		}
		if signed {
			dst = appendEvidence(dst, e.Evidence)
		}
	}
	return dst
}

func appendDataHead(dst []byte, now time.Duration, f *broadcast.Frame) []byte {
	m := f.Message
	dst = append(dst, dataFlags(f), m.Hops)
	dst = appendAge(dst, now-m.Born)
	if m.Epoch != 0 {
		dst = binary.AppendUvarint(dst, uint64(m.Epoch))
	}
	if !f.WithClock {
		return dst
	}
	clock, err := m.Clock.MarshalBinary()
	if err != nil {
		panic(fmt.Sprintf("wire: a clock made of valid names does not encode: %v", err))
	}
	dst = binary.AppendUvarint(dst, uint64(len(clock)))
	return append(dst, clock...)
}

func dataFlags(f *broadcast.Frame) (flags byte) {
	if f.WithClock {
		flags |= flagClock
	}
	if f.Message.Epoch != 0 {
		flags |= flagEpoch
	}
	if f.Message.Resumes {
		flags |= flagResumes
	}
	return flags
}

// EncodeMessage returns what a message looks like on every link, making it at
// the first call.
func EncodeMessage(m *broadcast.Message, book Book) []byte {
	if m.Encoded != nil {
		return m.Encoded
	}
	return encode(m, nil, book)
}

// EncodeSigned is EncodeMessage for a message of this node's own, with its signature.
func EncodeSigned(m *broadcast.Message, signature []byte, book Book) {
	m.Signed = true
	encode(m, signature, book)
}

// SignatureOf is the signature in a message that is Signed.
func SignatureOf(m *broadcast.Message) []byte {
	end := len(m.Encoded) - len(m.Payload)
	return m.Encoded[end-SignatureSize : end]
}

func encode(m *broadcast.Message, signature []byte, book Book) []byte {
	dst := make([]byte, 0, 32+24*len(m.Deps)+len(signature)+len(m.Payload))
	dst = appendDot(dst, m.Dot, book)
	dst = binary.AppendUvarint(dst, uint64(len(m.Deps)))
	for _, d := range m.Deps {
		dst = appendDot(dst, d, book)
	}
	dst = append(append(dst, signature...), m.Payload...)
	m.Encoded = dst
	m.Payload = dst[len(dst)-len(m.Payload):] // the same bytes, held once
	return dst
}

func appendWants(dst []byte, wants []broadcast.WantEntry, book Book) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(wants)))
	for _, w := range wants {
		dst = append(appendDot(dst, w.Dot, book), wantFlags(w))
	}
	return dst
}

func wantFlags(w broadcast.WantEntry) (flags byte) {
	if w.Clock {
		flags |= flagWantClock
	}
	if w.Check {
		flags |= flagCheck
	}
	return flags
}

func appendGone(dst []byte, gone []broadcast.GoneEntry, signed bool, book Book) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(gone)))
	for _, g := range gone {
		dst = appendDot(dst, g.Dot, book)
		dst = binary.AppendUvarint(dst, g.UpTo)
		dst = appendAge(dst, g.Age)
		if signed {
			dst = appendEvidence(dst, g.Evidence)
		}
	}
	return dst
}

func appendAge(dst []byte, age time.Duration) []byte {
	return binary.AppendUvarint(dst, min(uint64(max(0, age)/time.Microsecond), maxAge))
}

// DecodeFrame takes a frame apart, without its length. The message of a DATA
// frame keeps b, which nobody may change any more.
func DecodeFrame(b []byte, now time.Duration, book Book) (f broadcast.Frame, err error) {
	if IsData(b) {
		f.Message = &broadcast.Message{}
	}
	err = decodeFrame(&f, b, now, book)
	return f, err
}

// Decoder is room to take frames apart in, one after the other.
type Decoder struct {
	frame     broadcast.Frame
	message   broadcast.Message
	announced []broadcast.Announcement
}

// Frame is DecodeFrame, but that the frame is the decoder's, and so are its message and
// its announcements: they are valid until the next call.
func (d *Decoder) Frame(b []byte, now time.Duration, book Book) (*broadcast.Frame, error) {
	if cap(d.message.Deps) > mostSpare {
		d.message.Deps = nil
	}
	d.frame.Message, d.frame.Announced = &d.message, d.announced
	err := decodeFrame(&d.frame, b, now, book)
	if d.frame.Kind == broadcast.IHave && cap(d.frame.Announced) > cap(d.announced) && cap(d.frame.Announced) <= mostSpare {
		d.announced = d.frame.Announced[:0]
	}
	return &d.frame, err
}

// Forget lets go of what the last frame was in. The frame is no longer valid.
func (d *Decoder) Forget() {
	d.frame, d.message = broadcast.Frame{}, broadcast.Message{Deps: d.message.Deps[:0]}
}

// Slim gives back the room that it has kept, for when nothing has come for a while. The last
// frame is no longer valid.
func (d *Decoder) Slim() { *d = Decoder{} }

// mostSpare is how many elements a Decoder has room for between two frames.
const mostSpare = 1 << 10

// decodeFrame takes a frame apart, into the message and the room for announcements that
// there are.
func decodeFrame(f *broadcast.Frame, b []byte, now time.Duration, book Book) error {
	m, announced := f.Message, f.Announced[:0]
	r := reader{b: b}
	onWire := r.byte()
	kind, signed := plainKind(onWire)
	*f = broadcast.Frame{Kind: kind}
	switch f.Kind {
	case broadcast.Neighbor:
		f.Token, f.Priority, f.Repair = r.uint64(), r.bool(), r.bool()
	case broadcast.NeighborReply:
		f.Accept = r.bool()
		f.Candidates = r.view(nil, sender{}, book, nil)
		f.Skipped = r.skipped
		if f.Accept && len(f.Candidates)+f.Skipped > 0 {
			r.fail(fmt.Errorf("%w: a yes, and whom to try instead", ErrMalformed))
		}
	case broadcast.Disconnect:
		f.Leaving = r.bool()
	case broadcast.Ping, broadcast.Pong, broadcast.SyncDone, broadcast.Graft, broadcast.Prune:
	case broadcast.Digest:
		f.Opening = r.bool()
		f.Digest = r.digest(signed, book)
	case broadcast.Refine:
		f.Refine = r.prefixes()
	case broadcast.Data:
		f.Message = m
		r.data(f, onWire, now, book)
	case broadcast.Want:
		f.Wants = r.wants(book)
	case broadcast.Gone:
		f.Gone = r.gone(signed, book)
	case broadcast.IHave:
		if f.Listed = onWire != spansKind; f.Listed {
			f.Announced = r.list(announced, book)
		} else {
			f.Announced = r.announcedSpans(announced, book)
		}
	default:
		r.fail(fmt.Errorf("%w of frame: %d", ErrUnknownKind, f.Kind))
	}
	switch {
	case r.err == nil && len(r.b) > 0:
		r.fail(fmt.Errorf("%w: %d bytes too many", ErrMalformed, len(r.b)))
	case r.err == nil && signed && kindOf(f) == byte(kind):
		r.fail(fmt.Errorf("%w: no evidence where there should be some", ErrMalformed))
	}
	if r.err != nil {
		*f = broadcast.Frame{Kind: f.Kind}
		return fmt.Errorf("%v frame: %w", f.Kind, r.err)
	}
	return nil
}

// proofKind is the kind of PROOF, which is between the drivers at both ends: the sender
// has another of the cluster's keys.
const proofKind = 14

// AppendProof appends a PROOF, with its length.
func AppendProof(dst, proof []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(1+len(proof)))
	return append(append(dst, proofKind), proof...)
}

// ProofIn returns the body of a PROOF, if a frame is one, without its length.
func ProofIn(b []byte) (proof []byte, ok bool) {
	if len(b) == 0 || b[0] != proofKind {
		return nil, false
	}
	return b[1:], true
}

// IsData reports whether a frame, without its length, brings a message, by its kind: DATA,
// SIGNED_DATA, or one of the two with headers.
func IsData(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	kind, _ := plainKind(b[0])
	return kind == broadcast.Data
}

func isHeaded(kind byte) bool { return kind == headedDataKind || kind == signedHeadedDataKind }

func (r *reader) dot(book Book) peer.Dot {
	return peer.Dot{Origin: r.origin(book), Seq: r.seq()}
}

// seq reads a sequence number, or a count of messages.
func (r *reader) seq() uint64 {
	n := r.uvarint()
	if n > peer.MaxSeq {
		r.fail(fmt.Errorf("%w: message %d, at most %d are made", ErrMalformed, n, uint64(peer.MaxSeq)))
		return 0
	}
	return n
}

func (r *reader) checkSeq(d peer.Dot) {
	if r.err == nil && d.Seq == 0 {
		r.fail(fmt.Errorf("%w: sequence numbers begin with 1", ErrMalformed))
	}
}

func (r *reader) digest(signed bool, book Book) []broadcast.DigestPart {
	n := r.count(maxControl, smallestPart)
	parts := make([]broadcast.DigestPart, 0, n)
	for range n {
		p := broadcast.DigestPart{Prefix: r.prefix()}
		if r.bool() {
			p.Sums = r.sums()
		} else {
			p.Entries = r.entries(signed, book)
		}
		if r.err == nil && p.Sums != nil && p.Len == broadcast.MaxPrefix {
			r.fail(fmt.Errorf("%w: sums below a whole place", ErrMalformed))
		}
		if r.err != nil {
			return nil
		}
		parts = append(parts, p)
	}
	return parts
}

// prefix reads as many bytes as the prefix has; what is beyond it must be 0, so that
// a prefix has one form.
func (r *reader) prefix() (p broadcast.Prefix) {
	p.Len = r.byte()
	if p.Len > broadcast.MaxPrefix {
		r.fail(fmt.Errorf("%w: a prefix of length %d, at most %d", ErrMalformed, p.Len, broadcast.MaxPrefix))
		return broadcast.Prefix{}
	}
	for i := range (int(p.Len) + 1) / 2 {
		p.Bits |= uint64(r.byte()) << (56 - 8*i)
	}
	if p.Bits<<(4*p.Len) != 0 {
		r.fail(fmt.Errorf("%w: a prefix with bits beyond its end", ErrMalformed))
	}
	return p
}

func (r *reader) prefixes() []broadcast.Prefix {
	n := r.count(maxControl, 1)
	prefixes := make([]broadcast.Prefix, 0, n)
	for range n {
		prefixes = append(prefixes, r.prefix())
	}
	if r.err != nil {
		return nil
	}
	return prefixes
}

func (r *reader) sums() []uint64 {
	b := r.bytes(16 * 8)
	if b == nil {
		return nil
	}
	sums := make([]uint64, 16)
	for i := range sums {
		sums[i] = binary.BigEndian.Uint64(b[8*i:])
	}
	return sums
}

func (r *reader) entries(signed bool, book Book) []broadcast.DigestEntry {
	n := r.entryCount()
	entries := make([]broadcast.DigestEntry, 0, n)
	for range n {
		e := r.entry(signed, book)
		if r.err != nil {
			return nil
		}
		entries = append(entries, e)
	}
	return entries
}

func (r *reader) entryCount() int {
	n := r.count(min(maxControl, maxEntries-r.entriesRead), smallestOrigin+3)
	r.entriesRead += n
	return n
}

func (r *reader) entry(signed bool, book Book) broadcast.DigestEntry {
	d := r.dot(book)
	e := broadcast.DigestEntry{Origin: d.Origin, Contiguous: d.Seq, Spans: r.spans(d.Seq), Gone: r.seq()}
	if e.Gone > 0 {
		e.Age = r.age()
	}
	if signed {
		e.Evidence = r.evidence()
	}
	return e
}

// spans reads intervals, each given by its distance from the one before.
func (r *reader) spans(last uint64) (spans []broadcast.Span) {
	n := r.count(min(broadcast.MaxSpans, maxSpans-r.spansRead), 2)
	r.spansRead += n
	for range n {
		skip, length := r.seq(), r.seq()
		s := broadcast.Span{From: last + skip, To: last + skip + length}
		if skip == 0 || s.To > peer.MaxSeq {
			r.fail(fmt.Errorf("%w: spans out of order", ErrMalformed))
			return nil
		}
		spans = append(spans, s)
		last = s.To
	}
	return spans
}

func (r *reader) age() time.Duration {
	us := r.uvarint()
	if us > maxAge {
		r.fail(fmt.Errorf("%w: an age of %d µs", ErrMalformed, us))
		return 0
	}
	return time.Duration(us) * time.Microsecond
}

func (r *reader) data(f *broadcast.Frame, kind byte, now time.Duration, book Book) {
	m := f.Message
	*m = broadcast.Message{Deps: m.Deps[:0]}
	flags := r.byte()
	if hops := r.byte(); hops < math.MaxUint8 {
		m.Hops = hops + 1
	} else {
		m.Hops = hops
	}
	m.Born = now - r.age()
	m.Resumes = flags&flagResumes != 0
	if flags&flagEpoch != 0 {
		m.Epoch = r.epoch()
	}
	if flags&flagClock != 0 {
		f.WithClock = true
		m.Clock = r.clock()
	}
	m.Encoded = r.b
	m.Dot = r.dot(book)
	m.Deps = r.deps(m.Deps, book)
	r.checkSeq(m.Dot)
	if kind == signedDataKind || kind == signedHeadedDataKind {
		r.bytes(SignatureSize)
		m.Signed = true
	}
	payload := r.b
	if isHeaded(kind) {
		r.headers()
		m.Headed = true
	}
	r.bytes(len(r.b))
	m.Payload = payload
}

func (r *reader) epoch() uint32 {
	epoch := r.uvarint()
	if epoch == 0 || epoch > math.MaxUint32 {
		r.fail(fmt.Errorf("%w: an epoch of %d", ErrMalformed, epoch))
		return 0
	}
	return uint32(epoch)
}

func (r *reader) clock() (c vclock.Clock) {
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		r.fail(ErrTruncated)
		return c
	}
	b := r.bytes(int(n))
	if n := vclock.BinaryLen(b); n > MaxClock {
		r.fail(fmt.Errorf("%w: a clock of %d origins, at most %d are allowed", ErrMalformed, n, MaxClock))
		return c
	}
	if err := c.UnmarshalBinary(b); r.err == nil && err != nil {
		r.fail(fmt.Errorf("%w: %w", ErrMalformed, err))
	}
	for o, n := range c.All() {
		if n > peer.MaxSeq {
			r.fail(fmt.Errorf("%w: a clock that counts %d messages", ErrMalformed, n))
		}
		// Clocks allow more than origins do, and these become origins.
		if o.Name == "" || len(o.Name) > MaxName || !plainName([]byte(o.Name)) {
			r.fail(fmt.Errorf("%w: a clock with the name %.60q", ErrMalformed, o.Name))
		}
	}
	return c
}

func (r *reader) deps(deps []peer.Dot, book Book) []peer.Dot {
	n := r.count(causal.MaxDeps, smallestOrigin+1)
	if cap(deps) < n {
		deps = make([]peer.Dot, 0, n)
	}
	for range n {
		d := r.dot(book)
		r.checkSeq(d)
		if r.err != nil {
			return nil
		}
		deps = append(deps, d)
	}
	return deps
}

func (r *reader) wants(book Book) (wants []broadcast.WantEntry) {
	for range r.count(maxControl, smallestOrigin+2) {
		w := broadcast.WantEntry{Dot: r.dot(book)}
		flags := r.byte()
		w.Clock, w.Check = flags&flagWantClock != 0, flags&flagCheck != 0
		r.checkSeq(w.Dot)
		if r.err != nil {
			return nil
		}
		wants = append(wants, w)
	}
	return wants
}

func (r *reader) gone(signed bool, book Book) (gone []broadcast.GoneEntry) {
	for range r.count(maxControl, smallestOrigin+3) {
		g := r.goneEntry(signed, book)
		if r.err != nil {
			return nil
		}
		gone = append(gone, g)
	}
	return gone
}

func (r *reader) goneEntry(signed bool, book Book) broadcast.GoneEntry {
	g := broadcast.GoneEntry{Dot: r.dot(book), UpTo: r.seq(), Age: r.age()}
	if signed {
		g.Evidence = r.evidence()
	}
	r.checkSeq(g.Dot)
	if r.err == nil && g.UpTo != 0 && g.UpTo < g.Dot.Seq {
		r.fail(fmt.Errorf("%w: gone up to %d, which is before %d", ErrMalformed, g.UpTo, g.Dot.Seq))
	}
	return g
}

// Hello opens every stream, in both directions: who is speaking, and for which
// cluster.
type Hello struct {
	Cluster string
	Identity
	// Horizon is how long the sender remembers who is silent (section 6), in whole
	// milliseconds; 0 if it does not say. All nodes of a network must have the same.
	Horizon time.Duration
	// Capabilities are what the sender can do beyond what every node of version 1 can.
	Capabilities Capabilities
	// Proof is the signature by which a sender that is Signed shows that it has the key
	// in its name, on this very stream; zeros if there is none.
	Proof [SignatureSize]byte
}

// SignatureSize is the length of an Ed25519 signature.
const SignatureSize = 64

// Capabilities is a set of them, one bit each. Bits that a receiver does not know
// are kept and mean nothing to it.
type Capabilities uint64

// CausalOrder: the sender names the dependencies of its messages, and passes nothing
// on before what it depends on. Nodes with and without it understand each other; but
// what the latter send comes after nothing, and what they relay may come early.
const CausalOrder Capabilities = 1 << 0

// Signed: the sender has an identity and signs what it makes. Nodes with and without
// it have no links.
const Signed Capabilities = 1 << 1

// Headers: the sender reads messages with headers, and passes them on.
const Headers Capabilities = 1 << 2

// Spans: the sender reads announcements by origins and spans.
const Spans Capabilities = 1 << 3

// Tags of a hello's extensions.
const (
	horizonTag      = 1
	capabilitiesTag = 2
	identityTag     = 3
)

// horizon reads what is in the extension.
func (r *reader) horizon() time.Duration {
	ms := r.positive()
	if ms > maxAge/1000 {
		r.fail(fmt.Errorf("%w: a horizon of %d ms", ErrMalformed, ms))
		return 0
	}
	return time.Duration(ms) * time.Millisecond
}

// positive reads a number that would not have been sent if it were 0.
func (r *reader) positive() uint64 {
	n := r.uvarint()
	if r.err == nil && n == 0 {
		r.fail(fmt.Errorf("%w: an extension that says 0", ErrMalformed))
	}
	return n
}

// helloKind is the kind of the first frame, which no other frame has.
const helloKind = 0x67

// MaxHello is the longest hello that is read, without its length. This version
// writes at most 500 bytes; the rest is for the extensions of later ones.
const MaxHello = 1024

// AppendHello appends a hello with its length.
func AppendHello(dst []byte, h Hello) []byte {
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0, helloKind, Version, byte(len(h.Cluster)))
	dst = append(dst, h.Cluster...)
	dst = appendIdentity(dst, h.ID, h.Addr)
	dst = appendNumber(dst, horizonTag, uint64(h.Horizon/time.Millisecond))
	dst = appendNumber(dst, capabilitiesTag, uint64(h.Capabilities))
	if h.Proof != [SignatureSize]byte{} {
		dst = append(append(dst, identityTag, SignatureSize), h.Proof[:]...)
	}
	binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start-FrameHeader))
	return dst
}

// appendNumber appends an extension that holds a number, unless that is 0.
func appendNumber(dst []byte, tag byte, n uint64) []byte {
	if n == 0 {
		return dst
	}
	var b [binary.MaxVarintLen64]byte
	value := binary.AppendUvarint(b[:0], n)
	return append(append(dst, tag, byte(len(value))), value...)
}

// DecodeHello takes a hello apart, without its length. from stands in for an
// address that the sender does not know.
func DecodeHello(b []byte, cluster string, from netip.AddrPort) (Hello, error) {
	r := reader{b: b}
	var h Hello
	if r.byte() != helloKind {
		r.fail(fmt.Errorf("%w: not a gossip stream", ErrMalformed))
	}
	if r.byte() != Version {
		r.fail(ErrVersion)
	}
	h.Cluster = string(r.bytes(int(r.byte())))
	if r.err == nil && h.Cluster != cluster {
		r.fail(fmt.Errorf("%w: it is of %q, this is %q", ErrCluster, h.Cluster, cluster))
	}
	name, incarnation := r.id()
	h.ID = peer.ID{Name: string(name), Incarnation: incarnation}
	h.Addr = r.sender(from)
	r.extensions(identityTag, func(tag byte, content *reader) {
		switch tag {
		case identityTag:
			if copy(h.Proof[:], content.bytes(SignatureSize)); content.err == nil && h.Proof == [SignatureSize]byte{} {
				content.fail(fmt.Errorf("%w: a signature of zeros", ErrMalformed))
			}
		case horizonTag:
			h.Horizon = content.horizon()
		case capabilitiesTag:
			h.Capabilities = Capabilities(content.positive())
		}
	})
	if r.err == nil && h.ID.Name == "" {
		r.fail(fmt.Errorf("%w: a sender without a name", ErrMalformed))
	}
	if r.err != nil {
		return Hello{}, fmt.Errorf("hello from %v: %w", from, r.err)
	}
	return h, nil
}
