package wire

import (
	"encoding/binary"
	"fmt"
	"unicode/utf8"
)

// KeyNews is what a node has heard of one of the cluster's keys: who has it,
// who seals with it, and who does not have it.
type KeyNews struct {
	ID                 uint32
	Held, Used, Lacked Sighting
}

// Sighting is when somebody said so of himself for the last time, and who it was. By is
// empty if nobody has.
type Sighting struct {
	Age uint32 // in seconds
	By  string // cut to MaxSighted bytes
}

const (
	// MaxSighted is the longest name in a Sighting.
	MaxSighted = 32
	// MaxKeyNews is how many keys are told of: as many as a keyring has at most.
	MaxKeyNews = 16

	keyNewsTag = 2
)

// AppendKeyNews appends news in the order of the ids, each once; more than MaxKeyNews
// are left out.
func AppendKeyNews(dst []byte, news []KeyNews) []byte {
	for _, k := range news[:min(len(news), MaxKeyNews)] {
		dst = binary.BigEndian.AppendUint32(dst, k.ID)
		dst = appendSighting(appendSighting(appendSighting(dst, k.Held), k.Used), k.Lacked)
	}
	return dst
}

func appendSighting(dst []byte, s Sighting) []byte {
	dst = append(dst, byte(len(s.By)))
	if s.By == "" {
		return dst
	}
	return binary.AppendUvarint(append(dst, s.By...), uint64(s.Age))
}

// CutName returns as much of a name as a Sighting has room for.
func CutName(name string) string {
	if len(name) <= MaxSighted {
		return name
	}
	cut := MaxSighted
	for !utf8.RuneStart(name[cut]) {
		cut--
	}
	return name[:cut]
}

// DecodeKeyNews takes news apart.
func DecodeKeyNews(b []byte) ([]KeyNews, error) {
	r := reader{b: b}
	var news []KeyNews
	for len(r.b) > 0 && r.err == nil {
		k := KeyNews{ID: r.uint32(), Held: r.sighting(), Used: r.sighting(), Lacked: r.sighting()}
		if n := len(news); r.err == nil && (n == MaxKeyNews || n > 0 && k.ID <= news[n-1].ID) {
			r.fail(fmt.Errorf("%w: news of keys out of order, or of more than %d", ErrMalformed, MaxKeyNews))
		}
		news = append(news, k)
	}
	if r.err != nil {
		return nil, fmt.Errorf("news of keys: %w", r.err)
	}
	return news, nil
}

func (r *reader) sighting() (s Sighting) {
	n := int(r.byte())
	if n == 0 {
		return s
	}
	if n > MaxSighted {
		r.fail(fmt.Errorf("%w: a name of %d bytes, at most %d", ErrMalformed, n, MaxSighted))
	}
	name := string(r.bytes(n))
	age := r.uvarint()
	if r.err == nil && (age > 1<<31 || CheckName(name) != nil) {
		r.fail(fmt.Errorf("%w: %.60q, %d s ago", ErrMalformed, name, age))
	}
	if r.err != nil {
		return Sighting{}
	}
	return Sighting{uint32(age), name}
}
