package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/causal"
)

// What a node keeps for its next life is in records. One of a message is its frame as
// links have it, without the length; one of a mark begins with a kind that no frame has.
// Each ends with a sum, since what is on a disk may change there: a message that did would
// be spread under the name of the one that it was.

const (
	pastKind = 0x70
	noteKind = 0x71 // a mark that is of some origins only
	// pastVersion is what is written, and the only one that is read.
	pastVersion = 1
	// pastBlock is how many origins are counted together.
	pastBlock = 1 << 10

	sumSize = 4
)

// ErrSum refuses a record that is not as it was written.
var ErrSum = errors.New("wire: the record has been changed, or is not whole")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// AppendKept appends the record of a message, as it is now.
func AppendKept(dst []byte, now time.Duration, m *broadcast.Message, withClock bool, book Book) []byte {
	start := len(dst)
	dst = AppendFrame(dst, now, &broadcast.Frame{Kind: broadcast.Data, Message: m, WithClock: withClock}, book)
	dst = slices.Delete(dst, start, start+FrameHeader)
	return appendSum(dst, start)
}

func appendSum(dst []byte, start int) []byte {
	return binary.BigEndian.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli))
}

// Kept takes the sum off a record.
func Kept(b []byte) ([]byte, error) {
	n := len(b) - sumSize
	if n < 1 || binary.BigEndian.Uint32(b[n:]) != crc32.Checksum(b[:n], castagnoli) {
		return nil, ErrSum
	}
	return b[:n:n], nil
}

// Kept is Frame for the record of a message, without its sum. The message has crossed no
// further link.
func (d *Decoder) Kept(b []byte, now time.Duration, book Book) (*broadcast.Frame, error) {
	if !IsData(b) {
		return nil, fmt.Errorf("%w of record", ErrUnknownKind)
	}
	f, err := d.Frame(b, now, book)
	if err == nil {
		f.Message.Hops = b[2] // after kind and flags
	}
	return f, err
}

// Past is a mark: what a node had had when it was made, and what its records can be read
// with.
type Past struct {
	Cluster string
	Order   causal.Order
	Horizon time.Duration
	causal.Past
}

// IsPast reports whether a record is a mark, by its kind.
func IsPast(b []byte) bool { return len(b) > 0 && (b[0] == pastKind || b[0] == noteKind) }

// AppendPast appends a mark's record: kind, version, order, horizon in milliseconds as
// uvarint, length 1 and name of the cluster, length and clock, heads, whether there is
// evidence, origins in blocks, and an empty block.
func AppendPast(dst []byte, p *Past, book Book) []byte {
	start := len(dst)
	kind := byte(pastKind)
	if p.Note {
		kind = noteKind
	}
	dst = append(dst, kind, pastVersion, byte(p.Order))
	dst = binary.AppendUvarint(dst, uint64(p.Horizon/time.Millisecond))
	dst = append(append(dst, byte(len(p.Cluster))), p.Cluster...)
	clock, err := p.Clock.MarshalBinary()
	if err != nil {
		panic(fmt.Sprintf("wire: a clock made of valid names does not encode: %v", err))
	}
	dst = append(binary.AppendUvarint(dst, uint64(len(clock))), clock...)
	dst = binary.AppendUvarint(dst, uint64(len(p.Heads)))
	for _, h := range p.Heads {
		dst = binary.AppendUvarint(appendDot(dst, h.Dot, book), uint64(h.Epoch))
	}
	signed := slices.ContainsFunc(p.Had, func(e broadcast.DigestEntry) bool { return e.Evidence.Seq > 0 })
	dst = appendBool(dst, signed)
	for block := range slices.Chunk(p.Had, pastBlock) {
		dst = appendEntries(dst, block, signed, book)
	}
	dst = appendEntries(dst, nil, signed, book)
	return appendSum(dst, start)
}

// DecodePast reads a mark's record, without its sum.
func DecodePast(b []byte, book Book) (p Past, err error) {
	r := reader{b: b}
	if !IsPast(b) {
		r.fail(ErrUnknownKind)
	}
	p.Note = r.byte() == noteKind
	if v := r.byte(); r.err == nil && v != pastVersion {
		r.fail(fmt.Errorf("%w: %d", ErrVersion, v))
	}
	p.Order = causal.Order(r.byte())
	p.Horizon = r.horizon()
	p.Cluster = string(r.bytes(int(r.byte())))
	p.Clock = r.clock()
	for range r.count(MaxClock, smallestOrigin+2) {
		h := causal.Head{Dot: r.dot(book)}
		if epoch := r.uvarint(); epoch <= 1<<32-1 {
			h.Epoch = uint32(epoch)
		}
		r.checkSeq(h.Dot)
		if r.err != nil {
			break
		}
		p.Heads = append(p.Heads, h)
	}
	signed := r.bool()
	for r.err == nil {
		r.entriesRead = 0
		block := r.entries(signed, book)
		if len(block) == 0 {
			break
		}
		p.Had = append(p.Had, block...)
	}
	if r.err == nil && len(r.b) > 0 {
		r.fail(fmt.Errorf("%w: %d bytes too many", ErrMalformed, len(r.b)))
	}
	if r.err != nil {
		return Past{}, fmt.Errorf("mark: %w", r.err)
	}
	return p, nil
}
