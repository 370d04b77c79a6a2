package wire

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"net/netip"
	"slices"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// The kinds of frames that only signed networks have: those that say something in an
// origin's name, with its signature. To whoever steps a machine they are the frames
// that they stand for.
const (
	signedDataKind   = 15
	signedDigestKind = 16
	signedGoneKind   = 17
)

// EvidenceSize is the length of the evidence that an origin has got as far as a message:
// Said.Rest of it, and the signature.
const EvidenceSize = sha256.Size + SignatureSize

// kindOf is the kind that a frame has on the wire. Claims without any evidence are as
// they are elsewhere, so that a frame has one form.
func kindOf(f *broadcast.Frame) byte {
	switch {
	case f.Kind == broadcast.Data:
		return dataKind(f.Message)
	case f.Kind == broadcast.Digest && slices.ContainsFunc(f.Digest, func(p broadcast.DigestPart) bool {
		return p.Sums == nil && slices.ContainsFunc(p.Entries, func(e broadcast.DigestEntry) bool { return e.Evidence.Seq > 0 })
	}):
		return signedDigestKind
	case f.Kind == broadcast.IHave && !f.Listed:
		return spansKind
	case f.Kind == broadcast.Gone && slices.ContainsFunc(f.Gone, func(g broadcast.GoneEntry) bool { return g.Evidence.Seq > 0 }):
		return signedGoneKind
	}
	return byte(f.Kind)
}

// plainKind is the kind that one on the wire stands for.
func plainKind(kind byte) (plain broadcast.FrameKind, signed bool) {
	switch kind {
	case headedDataKind:
		return broadcast.Data, false
	case signedDataKind, signedHeadedDataKind:
		return broadcast.Data, true
	case signedDigestKind:
		return broadcast.Digest, true
	case signedGoneKind:
		return broadcast.Gone, true
	case spansKind:
		return broadcast.IHave, false
	}
	return broadcast.FrameKind(kind), false
}

// appendEvidence writes: number as uvarint, and if it is not 0 the evidence.
func appendEvidence(dst []byte, e broadcast.Evidence) []byte {
	if dst = binary.AppendUvarint(dst, e.Seq); e.Seq > 0 {
		dst = append(dst, e.Proof...)
	}
	return dst
}

func (r *reader) evidence() (e broadcast.Evidence) {
	if e.Seq = r.seq(); e.Seq > 0 {
		e.Proof = string(r.bytes(EvidenceSize))
	}
	return e
}

// Testimony is evidence as it can be checked.
type Testimony struct {
	Said
	Name      string // of the origin
	Signature []byte
}

// ReadTestimonies shows take each piece of evidence in a frame, without its length, until
// that returns false. What is read of the frame is let go of at once: many links are
// read at one time, and what the whole of a frame takes is reckoned with once only.
func ReadTestimonies(b []byte, take func(*Testimony) bool) error {
	r := reader{b: b}
	kind, signed := plainKind(r.byte())
	var w witness
	switch kind {
	case broadcast.Digest:
		r.bool()
		for range r.count(maxControl, smallestPart) {
			r.prefix()
			if r.bool() {
				r.bytes(16 * 8)
				continue
			}
			for range r.entryCount() {
				if e := r.entry(signed, &w); !w.tells(&r, e.Evidence, take) {
					return r.err
				}
			}
		}
	case broadcast.Gone:
		for range r.count(maxControl, smallestOrigin+3) {
			if g := r.goneEntry(signed, &w); !w.tells(&r, g.Evidence, take) {
				return r.err
			}
		}
	}
	return r.err
}

// witness is a Book that remembers whom it was told of last.
type witness struct {
	Nobody
	name        []byte
	incarnation uint64
}

// Intern is part of Book.
func (w *witness) Intern(name []byte, incarnation uint64, _ netip.AddrPort) peer.Handle {
	w.name, w.incarnation = name, incarnation
	return peer.None
}

// tells shows the evidence about that one; false if there is to be no more.
func (w *witness) tells(r *reader, e broadcast.Evidence, take func(*Testimony) bool) bool {
	if r.err != nil || e.Seq == 0 {
		return r.err == nil
	}
	id := peer.ID{Name: string(w.name), Incarnation: w.incarnation}
	t := Testimony{Name: id.Name, Signature: []byte(e.Proof[sha256.Size:])}
	t.Dot = binary.AppendUvarint(appendID(nil, id), e.Seq)
	copy(t.Rest[:], e.Proof)
	return take(&t)
}

// IsSigned reports whether a frame, without its length, is one that only signed
// networks have.
func IsSigned(b []byte) bool {
	return len(b) > 0 && (b[0] >= signedDataKind && b[0] <= signedGoneKind || b[0] == signedHeadedDataKind)
}

// Said is what an origin signs of one of its messages. The dot is as it is, so that
// evidence of how far an origin has got need not hold the message; of all the rest
// there is the hash.
type Said struct {
	Dot  []byte // as encoded
	Rest [sha256.Size]byte
}

// SaidBy is what the origin of a message signs.
func SaidBy(m *broadcast.Message, book Book) Said {
	deps := binary.AppendUvarint(nil, uint64(len(m.Deps)))
	for _, d := range m.Deps {
		deps = appendDot(deps, d, book)
	}
	return Said{appendDot(nil, m.Dot, book), hashRest(m.Resumes, m.Headed, m.Epoch, deps, m.Payload)}
}

// hashRest hashes: resumes and headed in one byte, epoch 4, dependencies as encoded, payload
// with its headers.
func hashRest(resumes, headed bool, epoch uint32, deps, payload []byte) (sum [sha256.Size]byte) {
	first := byte(0)
	if resumes {
		first = 1
	}
	if headed {
		first |= 2
	}
	h := sha256.New()
	h.Write(binary.BigEndian.AppendUint32([]byte{first}, epoch))
	h.Write(deps)
	h.Write(payload)
	h.Sum(sum[:0])
	return sum
}

// SignedData is a message as far as a signature is about it.
type SignedData struct {
	Said
	Name        []byte // of the origin
	Incarnation uint64
	Signature   []byte // nil if there is none
}

// ReadSignedData looks into a frame with a message, without its length, for what its origin
// has signed. It allocates nothing to speak of, and what it returns is in b.
func ReadSignedData(b []byte) (s SignedData, err error) {
	r := reader{b: b}
	kind := r.byte()
	_, signed := plainKind(kind)
	head := r.dataHead()
	whole := r.b
	s.Name, s.Incarnation = r.id()
	r.uvarint()
	s.Dot = whole[:len(whole)-len(r.b)]
	deps := r.b
	n := r.uvarint()
	for i := uint64(0); i < n && r.err == nil; i++ {
		r.id()
		r.uvarint()
	}
	deps = deps[:len(deps)-len(r.b)]
	if signed {
		s.Signature = r.bytes(SignatureSize)
	}
	if r.err != nil {
		return SignedData{}, r.err
	}
	s.Rest = hashRest(head.resumes, isHeaded(kind), head.epoch, deps, r.b)
	return s, nil
}

// dataHead is what precedes the body of a DATA frame, as far as it is the origin's.
type dataHead struct {
	resumes bool
	epoch   uint32
}

func (r *reader) dataHead() (h dataHead) {
	flags := r.byte()
	r.byte() // hops
	r.age()
	h.resumes = flags&flagResumes != 0
	if flags&flagEpoch != 0 {
		h.epoch = r.epoch()
	}
	if flags&flagClock != 0 {
		r.bytes(int(min(r.uvarint(), math.MaxInt32)))
	}
	return h
}
