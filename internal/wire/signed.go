package wire

import (
	"crypto/sha256"
	"encoding/binary"
	"math"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
)

// The kinds of frames that only signed networks have: those that say something in an
// origin's name, with its signature. To whoever steps a machine they are the frames
// that they stand for.
const signedDataKind = 15

// kindOf is the kind that a frame has on the wire.
func kindOf(f *broadcast.Frame) byte {
	if f.Kind == broadcast.Data && f.Message.Signature != nil {
		return signedDataKind
	}
	return byte(f.Kind)
}

// plainKind is the kind that one on the wire stands for.
func plainKind(kind byte) (plain broadcast.FrameKind, signed bool) {
	if kind == signedDataKind {
		return broadcast.Data, true
	}
	return broadcast.FrameKind(kind), false
}

// IsSigned reports whether a frame, without its length, is one that only signed
// networks have.
func IsSigned(b []byte) bool { return len(b) > 0 && b[0] == signedDataKind }

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
	return Said{appendDot(nil, m.Dot, book), hashRest(m.Resumes, m.Epoch, deps, m.Payload)}
}

// hashRest hashes: resumes 1, epoch 4, dependencies as encoded, payload.
func hashRest(resumes bool, epoch uint32, deps, payload []byte) (sum [sha256.Size]byte) {
	h := sha256.New()
	h.Write(binary.BigEndian.AppendUint32(appendBool(nil, resumes), epoch))
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

// ReadSignedData looks into a DATA or SIGNED_DATA frame, without its length, for what
// its origin has signed. It allocates nothing to speak of, and what it returns is in b.
func ReadSignedData(b []byte) (s SignedData, err error) {
	r := reader{b: b}
	signed := r.byte() == signedDataKind
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
	s.Rest = hashRest(head.resumes, head.epoch, deps, r.b)
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
