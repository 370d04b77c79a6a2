package vclock

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The binary form, all integers unsigned varints as in encoding/binary:
//
//	version byte | number of entries | entries
//	entry = length of name | name | incarnation | count
//
// Entries are strictly sorted by name and then by incarnation, and varints are
// as short as they can be, so that a clock has exactly one binary form.
const (
	binaryVersion  = 1
	minBinaryEntry = 3 // an empty name, one byte for each number
)

// AppendBinary appends the binary form of the clock to b. Equal clocks have
// equal binary forms. The error is always nil. O(n log n).
//
// The form is a version byte (1), the number of entries, and for each entry the
// length of the name, the name, the incarnation and the count, where every
// number is an unsigned varint and entries are sorted by name and incarnation.
func (c Clock) AppendBinary(b []byte) ([]byte, error) {
	es := c.sorted()
	b = append(b, binaryVersion)
	b = binary.AppendUvarint(b, uint64(len(es)))
	for _, e := range es {
		b = binary.AppendUvarint(b, uint64(len(e.key.Name)))
		b = append(b, e.key.Name...)
		b = binary.AppendUvarint(b, e.key.Incarnation)
		b = binary.AppendUvarint(b, e.n)
	}
	return b, nil
}

// MarshalBinary returns the binary form of the clock; see [Clock.AppendBinary].
func (c Clock) MarshalBinary() ([]byte, error) { return c.AppendBinary(nil) }

// UnmarshalBinary replaces c by the clock whose binary form is data. It takes
// nothing but what [Clock.AppendBinary] writes: an unknown version, entries
// that are unsorted or occur twice, a count of zero, a varint longer than
// necessary or above 64 bits, a length beyond the end of data, and bytes after
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

type binaryReader struct {
	data []byte
	at   int
}

func (r *binaryReader) left() int { return len(r.data) - r.at }

func (r *binaryReader) clock() ([]entry, error) {
	if len(r.data) == 0 {
		return nil, fmt.Errorf("no data, want at least version byte %d and a number of entries", binaryVersion)
	}
	if v := r.data[0]; v != binaryVersion {
		return nil, fmt.Errorf("version %d, want %d", v, binaryVersion)
	}
	r.at = 1
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
	for i := range count {
		start := r.at
		o, n, err := r.entry(last.Name)
		if err == nil && i > 0 && last.Compare(o) >= 0 {
			err = fmt.Errorf("origin %s comes after %s, want strictly ascending names and incarnations", brief(o), brief(last))
		}
		if err != nil {
			return nil, fmt.Errorf("entry %d at byte %d: %w", i, start, err)
		}
		es = append(es, newEntry(o, n))
		last = o
	}
	return es, nil
}

func (r *binaryReader) entry(lastName string) (o Origin, n uint64, err error) {
	if o.Name, err = r.name(lastName); err != nil {
		return o, 0, fmt.Errorf("name: %w", err)
	}
	if o.Incarnation, err = r.uvarint(); err != nil {
		return o, 0, fmt.Errorf("incarnation: %w", err)
	}
	if n, err = r.uvarint(); err != nil {
		return o, 0, fmt.Errorf("count: %w", err)
	}
	if n == 0 {
		return o, 0, errZeroCount
	}
	return o, n, nil
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
