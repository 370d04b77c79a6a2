package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
)

// A message may have headers: a few short pairs of text, for whoever handles it before
// anybody looks at the payload. They are in front of it, and to all but the two ends a part
// of it: messages without any are as they would be if there were none.

// The kinds of DATA whose payload begins with headers. Nodes without the capability Headers
// would skip them.
const (
	headedDataKind       = 19
	signedHeadedDataKind = 20
)

const (
	// MaxHeaders is the most bytes of headers, all in all: a trace context, a type of
	// content, a key, and as much again. A guess.
	MaxHeaders = 1 << 10
	// MaxHeaderKey is the longest key, in bytes.
	MaxHeaderKey = 64
)

// ErrHeaders refuses headers that must not travel.
var ErrHeaders = errors.New("headers that are not allowed")

// AppendHeaders appends headers, of which there must be some. They have one form: sorted
// by their keys.
func AppendHeaders(dst []byte, headers map[string]string) ([]byte, error) {
	if size := sizeOfHeaders(headers); size > MaxHeaders {
		return dst, fmt.Errorf("%w: they take %d bytes, at most %d are allowed", ErrHeaders, size, MaxHeaders)
	}
	var content []byte
	for _, key := range slices.Sorted(maps.Keys(headers)) {
		value := headers[key]
		if err := checkHeader([]byte(key), []byte(value)); err != nil {
			return dst, fmt.Errorf("%w: %w", ErrHeaders, err)
		}
		content = append(append(content, byte(len(key))), key...)
		content = append(binary.AppendUvarint(content, uint64(len(value))), value...)
	}
	return append(binary.AppendUvarint(dst, uint64(len(content))), content...), nil
}

// sizeOfHeaders is what they take, so that nothing is made of what is far too long.
func sizeOfHeaders(headers map[string]string) (size int) {
	for key, value := range headers { // a sum: the order does not show
		size += 1 + len(key) + uvarintLen(len(value)) + len(value)
	}
	return uvarintLen(size) + size
}

func uvarintLen(n int) int {
	var b [binary.MaxVarintLen64]byte
	return binary.PutUvarint(b[:], uint64(n))
}

// checkHeader reports what is wrong with one. What others say gets into logs and onto
// terminals, so that values are text as names are; but they may be empty.
func checkHeader(key, value []byte) error {
	switch {
	case len(key) == 0 || len(key) > MaxHeaderKey:
		return fmt.Errorf("the key %.80q has %d bytes; it must have 1 to %d", key, len(key), MaxHeaderKey)
	case slices.ContainsFunc(key, func(c byte) bool { return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' }):
		return fmt.Errorf("the key %.80q has other characters than a to z, 0 to 9 and -", key)
	case !plainName(value):
		return fmt.Errorf("the value of %.80q is no plain text: %.60q", key, value)
	}
	return nil
}

// headers reads headers for their form, which is checked once and for all.
func (r *reader) headers() {
	whole := len(r.b)
	n := r.uvarint()
	if n == 0 || n > MaxHeaders || whole-len(r.b)+int(n) > MaxHeaders {
		r.fail(fmt.Errorf("%w: headers of %d bytes, there must be some, of at most %d in all", ErrMalformed, n, MaxHeaders))
	}
	content := reader{b: r.bytes(int(n))}
	for last := []byte(nil); r.err == nil && len(content.b) > 0; {
		key, value := content.pair()
		if content.err == nil {
			content.err = checkHeader(key, value)
		}
		if content.err == nil && slices.Compare(last, key) >= 0 {
			content.err = fmt.Errorf("%w: headers out of order", ErrMalformed)
		}
		if content.err != nil {
			r.fail(fmt.Errorf("%w: %w", ErrMalformed, content.err))
		}
		last = key
	}
}

func (r *reader) pair() (key, value []byte) {
	key = r.bytes(int(r.byte()))
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		r.fail(ErrTruncated)
		return nil, nil
	}
	return key, r.bytes(int(n))
}

// SplitPayload returns the headers of a message that has been decoded or made, as they are
// on the wire, and its payload without them.
func SplitPayload(m *broadcast.Message) (headers, payload []byte) {
	if !m.Headed {
		return nil, m.Payload
	}
	n, size := binary.Uvarint(m.Payload)
	end := size + int(n)
	return m.Payload[:end:end], m.Payload[end:]
}

// ReadHeaders takes headers apart that SplitPayload has returned.
func ReadHeaders(b []byte) map[string]string {
	_, size := binary.Uvarint(b)
	text := string(b[size:]) // all keys and values are parts of it
	headers := make(map[string]string, countHeaders(b[size:]))
	for r := (reader{b: b[size:]}); len(r.b) > 0; {
		key, value := r.pair()
		at := len(text) - len(r.b) // behind the value
		keyAt := at - len(value) - uvarintLen(len(value)) - len(key)
		headers[text[keyAt:keyAt+len(key)]] = text[at-len(value) : at]
	}
	return headers
}

func countHeaders(b []byte) (n int) {
	for r := (reader{b: b}); len(r.b) > 0; n++ {
		r.pair()
	}
	return n
}

// WithoutHeaders is a message as it is told to a node that cannot read headers, and which
// therefore has no way to pass them on. Its Size is that of the whole.
func WithoutHeaders(m *broadcast.Message, book Book) *broadcast.Message {
	headers, payload := SplitPayload(m)
	bare := *m
	bare.Headed, bare.Payload, bare.Encoded = false, payload, nil
	EncodeMessage(&bare, book)
	bare.Bulk += len(headers)
	return &bare
}

// dataKind is the kind of a frame with a message.
func dataKind(m *broadcast.Message) byte {
	switch {
	case m.Headed && m.Signed:
		return signedHeadedDataKind
	case m.Headed:
		return headedDataKind
	case m.Signed:
		return signedDataKind
	}
	return byte(broadcast.Data)
}
