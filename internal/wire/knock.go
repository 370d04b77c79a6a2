package wire

import (
	"encoding/binary"
	"fmt"
)

// A request is answered only if it carries a token, which shows that whoever sent it
// gets what is sent to where it says it came from. Tokens are had for the asking: by
// a KNOCK, or by a request whose token is missing or too old. What brings a token is
// never larger than what asked for it, and whoever gives it remembers nothing.

// Kinds of datagrams beside those of the peer sampling service.
const (
	knockKind = 5
	tokenKind = 6
)

// knockSize is the size of a TOKEN, and the least of a KNOCK.
const knockSize = 3 + 4 + 8 + 8

// Knock is a KNOCK, or the TOKEN that answers it or a request.
type Knock struct {
	// Nonce is the asker's: that of the KNOCK, or of the request.
	Nonce uint64
	// Token is 0 in a KNOCK.
	Token uint64
	// Answer tells a TOKEN from a KNOCK.
	Answer bool
}

// IsKnock reports whether a datagram seems to be a KNOCK or a TOKEN.
func IsKnock(b []byte) bool { return len(b) > 2 && (b[2] == knockKind || b[2] == tokenKind) }

// IsAnswer reports whether a datagram is, by its kind, one that answers another.
func IsAnswer(b []byte) bool { return len(b) > 2 && b[2]%2 == 0 }

// AppendKnock appends a KNOCK or a TOKEN.
func AppendKnock(dst []byte, cluster uint32, k Knock) []byte {
	kind := byte(knockKind)
	if k.Answer {
		kind = tokenKind
	}
	dst = append(dst, magic, Version, kind)
	dst = binary.BigEndian.AppendUint32(dst, cluster)
	dst = binary.BigEndian.AppendUint64(dst, k.Nonce)
	return binary.BigEndian.AppendUint64(dst, k.Token)
}

// DecodeKnock takes one apart. What follows it is ignored.
func DecodeKnock(b []byte, cluster uint32) (Knock, error) {
	r := reader{b: b}
	kind := r.header(cluster)
	k := Knock{Nonce: r.uint64(), Token: r.uint64(), Answer: kind == tokenKind}
	switch {
	case r.err != nil:
	case kind != knockKind && kind != tokenKind:
		r.fail(fmt.Errorf("%w of datagram: %d", ErrUnknownKind, kind))
	case k.Answer != (k.Token != 0):
		r.fail(fmt.Errorf("%w: a TOKEN without a token, or a KNOCK with one", ErrMalformed))
	}
	if r.err != nil {
		return Knock{}, r.err
	}
	return k, nil
}
