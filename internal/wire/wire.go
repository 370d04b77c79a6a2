package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"net/netip"
	"unicode"
	"unicode/utf8"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

const (
	// Version is what this package writes, and the only one it reads.
	Version = 1
	// MaxDatagram keeps datagrams whole on every path: IPv6 promises 1,280
	// bytes (RFC 8200, section 5), of which IP and UDP headers take up to 48.
	MaxDatagram = 1200
	// MaxName is the longest node name, in bytes.
	MaxName = 128

	magic = 'g'
)

// Errors that decoders return, wrapped with where they happened.
var (
	ErrTruncated   = errors.New("wire: truncated")
	ErrMalformed   = errors.New("wire: malformed")
	ErrUnknownKind = errors.New("wire: unknown kind")
	ErrVersion     = errors.New("wire: unknown version")
	ErrCluster     = errors.New("wire: another cluster")
)

// Book translates between handles and who and where they are.
type Book interface {
	// Lookup returns the identity and the address of a handle, each empty if it
	// is not known.
	Lookup(peer.Handle) (peer.ID, netip.AddrPort)
	// Intern returns the handle of an identity. An address that is not valid
	// changes nothing about the one known. name is only read during the call.
	Intern(name []byte, incarnation uint64, addr netip.AddrPort) peer.Handle
}

// Nobody is a Book for having a look at a message: it knows nobody and notes nothing.
type Nobody struct{}

// Lookup is part of Book.
func (Nobody) Lookup(peer.Handle) (peer.ID, netip.AddrPort) { return peer.ID{}, netip.AddrPort{} }

// Intern is part of Book.
func (Nobody) Intern([]byte, uint64, netip.AddrPort) peer.Handle { return peer.None }

// CheckName reports what is wrong with a node name, if anything.
func CheckName(name string) error {
	switch {
	case name == "":
		return errors.New("the id is empty; it must be 1 to 128 bytes of printable text")
	case len(name) > MaxName:
		return fmt.Errorf("the id is %d bytes long; it must be 1 to %d bytes", len(name), MaxName)
	case !utf8.ValidString(name):
		return fmt.Errorf("the id %q is not valid UTF-8", name)
	}
	for _, r := range name {
		if !unicode.IsPrint(r) || unsafeRune(r) {
			return fmt.Errorf("the id %q contains %q; only printable characters are allowed", name, r)
		}
	}
	return nil
}

// plainName reports whether a decoder takes the name: it is UTF-8 and has nothing in
// it that could make a log or a terminal say something else. That is less than
// CheckName asks of a node's own name, because which characters are printable
// changes with Unicode, and nodes of two releases must not end links over it.
func plainName(name []byte) bool {
	for _, c := range name {
		if c < ' ' || c >= 0x7f {
			return plainRunes(name)
		}
	}
	return true
}

func plainRunes(name []byte) bool {
	if !utf8.Valid(name) {
		return false
	}
	for i := 0; i < len(name); {
		r, n := utf8.DecodeRune(name[i:])
		if unsafeRune(r) {
			return false
		}
		i += n
	}
	return true
}

// unsafeRune is a control character, an end of a line or of a paragraph, or turns the
// direction of text. This list is part of the format, and does not follow Unicode.
func unsafeRune(r rune) bool {
	return r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

// ClusterTag is what datagrams carry of the cluster's name.
func ClusterTag(name string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(name))
	return h.Sum32()
}

// Identity is who a node is and where it can be reached.
type Identity struct {
	ID   peer.ID
	Addr netip.AddrPort
}

func appendIdentity(dst []byte, id peer.ID, addr netip.AddrPort) []byte {
	return appendAddr(appendID(dst, id), addr)
}

// appendID writes: length 1, name, incarnation 8.
func appendID(dst []byte, id peer.ID) []byte {
	dst = append(dst, byte(len(id.Name)))
	dst = append(dst, id.Name...)
	return binary.BigEndian.AppendUint64(dst, id.Incarnation)
}

// appendAddr writes: length 1 (0, 4 or 16), address, port 2 unless length 0.
func appendAddr(dst []byte, addr netip.AddrPort) []byte {
	if !addr.IsValid() {
		return append(dst, 0)
	}
	ip := addr.Addr().Unmap()
	dst = append(dst, byte(ip.BitLen()/8))
	dst = append(dst, ip.AsSlice()...)
	return binary.BigEndian.AppendUint16(dst, addr.Port())
}

// reader takes a message apart. The first error sticks, and everything read
// after it is zero.
type reader struct {
	b   []byte
	err error
	// skipped is how many descriptors were left out of views: nobody can be there.
	skipped int
	// entriesRead and spansRead are how many there were in a digest so far.
	entriesRead, spansRead int
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.b = nil
}

func (r *reader) bytes(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.fail(ErrTruncated)
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) byte() byte {
	if b := r.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) bool() bool {
	switch r.byte() {
	case 0:
		return false
	case 1:
		return true
	}
	r.fail(ErrMalformed)
	return false
}

func (r *reader) uint32() uint32 {
	if b := r.bytes(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (r *reader) uint64() uint64 {
	if b := r.bytes(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// uvarint reads a number in its shortest form, so that a message has one form.
func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	switch {
	case n == 0:
		r.fail(ErrTruncated)
		return 0
	case n < 0:
		r.fail(fmt.Errorf("%w: a number above 64 bits", ErrMalformed))
		return 0
	case n > 1 && r.b[n-1] == 0:
		r.fail(fmt.Errorf("%w: a number longer than necessary", ErrMalformed))
		return 0
	}
	r.b = r.b[n:]
	return v
}

// count reads how many elements follow. There can be no more than the limit,
// nor than fit in what is left at each's smallest size.
func (r *reader) count(limit, smallest int) int {
	n := r.uvarint()
	if n > uint64(limit) || n > uint64(len(r.b)/smallest) {
		r.fail(fmt.Errorf("%w: %d elements, at most %d are allowed and %d bytes left", ErrMalformed, n, limit, len(r.b)))
		return 0
	}
	return int(n)
}

func (r *reader) id() (name []byte, incarnation uint64) {
	n := int(r.byte())
	if n > MaxName {
		r.fail(fmt.Errorf("%w: a name of %d bytes", ErrMalformed, n))
	}
	name = r.bytes(n)
	if r.err == nil && !plainName(name) {
		r.fail(fmt.Errorf("%w: the name %.60q", ErrMalformed, name))
	}
	return name, r.uint64()
}

func (r *reader) addr() netip.AddrPort {
	n := r.byte()
	if n == 0 {
		return netip.AddrPort{}
	}
	if n != 4 && n != 16 {
		r.fail(fmt.Errorf("%w: an address of %d bytes", ErrMalformed, n))
		return netip.AddrPort{}
	}
	ip, ok := netip.AddrFromSlice(r.bytes(int(n)))
	port := r.bytes(2)
	if !ok || port == nil {
		return netip.AddrPort{}
	}
	if ip.Is4In6() {
		r.fail(fmt.Errorf("%w: an IPv4 address in 16 bytes", ErrMalformed))
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(ip, binary.BigEndian.Uint16(port))
}

// everybody is IPv4's limited broadcast (RFC 919, section 7).
var everybody = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// reachable reports whether one node could be at an address.
func reachable(addr netip.AddrPort) bool {
	ip := addr.Addr()
	return addr.Port() != 0 && ip.IsValid() && !ip.IsUnspecified() && !ip.IsMulticast() && ip != everybody
}

// origin reads an identity without an address and interns it.
func (r *reader) origin(book Book) peer.Handle {
	name, incarnation := r.id()
	if r.err == nil && len(name) == 0 {
		r.fail(fmt.Errorf("%w: an origin without a name", ErrMalformed))
	}
	if r.err != nil {
		return peer.None
	}
	return book.Intern(name, incarnation, netip.AddrPort{})
}
