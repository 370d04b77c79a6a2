package vclock

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// The binary form, all integers unsigned varints as in encoding/binary:
//
//	1 | number of entries | entries
//	entry = length of name | name | incarnation | count
//
// and if there are epochs
//
//	2 | epoch of the clock | number of entries | entries
//	entry = length of name | name | incarnation | count | ago
//
// where ago is 0 for an entry without an epoch and otherwise one more than by how
// much its epoch is before the clock's. Entries are strictly sorted by name and then
// by incarnation, and varints are as short as they can be, so that a clock has
// exactly one binary form.
const (
	withoutEpochs  = 1
	withEpochs     = 2
	minBinaryEntry = 3 // an empty name, one byte for each number
)

// AppendBinary appends the binary form of the clock to b. Equal clocks have
// equal binary forms. The error is always nil. O(n log n).
//
// The form is a version byte (1), the number of entries, and for each entry the
// length of the name, the name, the incarnation and the count, where every
// number is an unsigned varint and entries are sorted by name and incarnation. If
// there are epochs the version byte is 2 and the clock's epoch follows it, and each
// count is followed by 0 if the entry has none, and else by one more than by how
// much its epoch is before the clock's.
func (c Clock) AppendBinary(b []byte) ([]byte, error) {
	es := c.sorted()
	epoch := newest(es)
	if epoch == 0 {
		b = append(b, withoutEpochs)
	} else {
		b = binary.AppendUvarint(append(b, withEpochs), uint64(epoch))
	}
	b = binary.AppendUvarint(b, uint64(len(es)))
	for _, e := range es {
		b = binary.AppendUvarint(b, uint64(len(e.key.Name)))
		b = append(b, e.key.Name...)
		b = binary.AppendUvarint(b, e.key.Incarnation)
		b = binary.AppendUvarint(b, e.n)
		switch {
		case epoch == 0:
		case e.key.epoch == 0:
			b = append(b, 0)
		default:
			b = binary.AppendUvarint(b, uint64(epoch-e.key.epoch)+1)
		}
	}
	return b, nil
}

// MarshalBinary returns the binary form of the clock; see [Clock.AppendBinary].
func (c Clock) MarshalBinary() ([]byte, error) { return c.AppendBinary(nil) }

// UnmarshalBinary replaces c by the clock whose binary form is data. It takes
// nothing but what [Clock.AppendBinary] writes: an unknown version, entries
// that are unsorted or occur twice, a count of zero, an epoch that is none of the
// clock's last Horizon + 1 or is not needed, a varint longer than necessary or above
// 64 bits, a length beyond the end of data, and bytes after
// the last entry are errors, which say what was found and what is allowed; c is
// then unchanged. Lengths are checked against the bytes that are there before
// anything is allocated, so memory is proportional to len(data). data is not
// kept. O(n log n).
func (c *Clock) UnmarshalBinary(data []byte) error {
	r := binaryReader{data: data}
	es, err := r.clock()
	if err != nil {
		return fmt.Errorf("vclock: binary form: %w", err)
	}
	*c = fromEntries(es)
	return nil
}

// BinaryLen is how many entries a binary form announces, for who wants to know before
// it is taken apart; 0 if it does not say.
func BinaryLen(data []byte) uint64 {
	if len(data) == 0 {
		return 0
	}
	r := binaryReader{data: data, at: 1}
	if data[0] == withEpochs {
		r.uvarint()
	}
	n, err := r.uvarint()
	if err != nil {
		return 0
	}
	return n
}

type binaryReader struct {
	data  []byte
	at    int
	epoch uint32 // of the clock
}

func (r *binaryReader) left() int { return len(r.data) - r.at }

func (r *binaryReader) clock() ([]entry, error) {
	if len(r.data) == 0 {
		return nil, fmt.Errorf("no data, want at least version byte %d or %d and a number of entries", withoutEpochs, withEpochs)
	}
	r.at = 1
	switch v := r.data[0]; v {
	case withoutEpochs:
	case withEpochs:
		epoch, err := r.uvarint()
		if err == nil && (epoch == 0 || epoch > math.MaxUint32) {
			err = errEpoch
		}
		if err != nil {
			return nil, fmt.Errorf("epoch: %w", err)
		}
		r.epoch = uint32(epoch)
	default:
		return nil, fmt.Errorf("version %d, want %d or %d", v, withoutEpochs, withEpochs)
	}
	count, err := r.uvarint()
	if err != nil {
		return nil, fmt.Errorf("number of entries: %w", err)
	}
	if most := r.left() / minBinaryEntry; count > uint64(most) {
		return nil, fmt.Errorf("announces %d entries, but the remaining %d bytes hold at most %d", count, r.left(), most)
	}
	es, err := r.entries(int(count))
	if err != nil {
		return nil, err
	}
	if r.left() > 0 {
		return nil, fmt.Errorf("%d bytes after the last entry, want none", r.left())
	}
	return es, nil
}

func (r *binaryReader) entries(count int) ([]entry, error) {
	es := make([]entry, 0, count)
	var last Origin
	newest := uint32(0)
	for i := range count {
		start := r.at
		o, n, epoch, err := r.entry(last.Name)
		if err == nil && i > 0 && last.Compare(o) >= 0 {
			err = fmt.Errorf("origin %s comes after %s, want strictly ascending names and incarnations", brief(o), brief(last))
		}
		if err != nil {
			return nil, fmt.Errorf("entry %d at byte %d: %w", i, start, err)
		}
		es = append(es, newEntry(o, n, epoch))
		last, newest = o, max(newest, epoch)
	}
	if newest != r.epoch {
		return nil, fmt.Errorf("epoch %d, but that of the newest entry is %d", r.epoch, newest)
	}
	return es, nil
}

func (r *binaryReader) entry(lastName string) (o Origin, n uint64, epoch uint32, err error) {
	if o.Name, err = r.name(lastName); err != nil {
		return o, 0, 0, fmt.Errorf("name: %w", err)
	}
	if o.Incarnation, err = r.uvarint(); err != nil {
		return o, 0, 0, fmt.Errorf("incarnation: %w", err)
	}
	if n, err = r.uvarint(); err != nil {
		return o, 0, 0, fmt.Errorf("count: %w", err)
	}
	if n == 0 {
		return o, 0, 0, errZeroCount
	}
	if epoch, err = r.entryEpoch(); err != nil {
		return o, 0, 0, fmt.Errorf("epoch: %w", err)
	}
	return o, n, epoch, nil
}

func (r *binaryReader) entryEpoch() (uint32, error) {
	if r.epoch == 0 {
		return 0, nil
	}
	ago, err := r.uvarint()
	switch most := uint64(r.epoch-max(floor(r.epoch), 1)) + 1; {
	case err != nil:
		return 0, err
	case ago == 0:
		return 0, nil
	case ago > most:
		return 0, fmt.Errorf("%d before the clock's, want at most %d", ago-1, most-1)
	}
	return r.epoch - uint32(ago-1), nil
}

// name copies the name, except that the lives of one name share one copy.
func (r *binaryReader) name(last string) (string, error) {
	size, err := r.uvarint()
	if err != nil {
		return "", err
	}
	if size > uint64(r.left()) {
		return "", fmt.Errorf("length %d, but only %d bytes remain", size, r.left())
	}
	raw := r.data[r.at:][:size]
	r.at += len(raw)
	if string(raw) == last {
		return last, nil
	}
	return string(raw), nil
}

var (
	errTruncated    = errors.New("data ends within a number")
	errLargeVarint  = errors.New("varint above 64 bits, want at most 18446744073709551615")
	errPaddedVarint = errors.New("varint longer than necessary, want the shortest form")
)

func (r *binaryReader) uvarint() (uint64, error) {
	n, size := binary.Uvarint(r.data[r.at:])
	switch {
	case size == 0:
		return 0, errTruncated
	case size < 0:
		return 0, errLargeVarint
	case size > 1 && r.data[r.at+size-1] == 0:
		return 0, errPaddedVarint
	}
	r.at += size
	return n, nil
}
