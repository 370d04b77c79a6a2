package secure

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/Ishan27gOrg/gossipProtocol/keyring"
)

// role is which end of a link this is. Its value goes into the proof.
type role byte

const (
	dialler  role = 'd'
	acceptor role = 'a'
)

func (r role) peers() role {
	if r == dialler {
		return acceptor
	}
	return dialler
}

func (r role) verb() string {
	if r == dialler {
		return "dial"
	}
	return "accept"
}

func (r role) peersUsage() x509.ExtKeyUsage {
	if r == dialler {
		return x509.ExtKeyUsageServerAuth
	}
	return x509.ExtKeyUsageClientAuth
}

// Conn is a link: a TLS connection whose peer has shown what it had to.
// CloseWrite tells the peer that nothing follows; the connection underneath stays
// open both ways until Close.
type Conn struct {
	*tls.Conn
	upgrader *Upgrader
	role     role
	peerKey  atomic.Uint32
}

// Close closes the connection at once. That of [tls.Conn] first tells the peer,
// for which it may wait five seconds if the peer does not read; who wants that
// calls CloseWrite before.
func (c *Conn) Close() error { return c.NetConn().Close() }

// PeerKey is the key that the peer proved last; 0 without a ring.
func (c *Conn) PeerKey() keyring.ID { return keyring.ID(c.peerKey.Load()) }

const (
	proofLabel = "EXPORTER-gossip-link-1"
	// ProofSize is the length of a proof.
	ProofSize = 4 + sha256.Size
)

// AppendProof appends a proof under the ring's primary of now. Without a ring it
// appends nothing.
func (c *Conn) AppendProof(dst []byte) []byte {
	if c.upgrader.ring == nil {
		return dst
	}
	key := c.upgrader.ring.Keys()[0]
	id := key.ID()
	mac, err := c.mac(key, id, c.role)
	if err != nil {
		// The exporter fails before the handshake is over, and there is no Conn
		// before that.
		panic("secure: " + err.Error())
	}
	return append(binary.BigEndian.AppendUint32(dst, uint32(id)), mac...)
}

// CheckProof checks a proof of the peer's, and if it is right makes it what
// PeerKey tells. If not, nothing changes.
func (c *Conn) CheckProof(b []byte) error {
	if err := c.checkProof(b); err != nil {
		return fmt.Errorf("secure: %w", err)
	}
	return nil
}

func (c *Conn) checkProof(b []byte) error {
	if c.upgrader.ring == nil {
		return ErrNoRing
	}
	if len(b) != ProofSize {
		return fmt.Errorf("%w: %d bytes, want %d", ErrProof, len(b), ProofSize)
	}
	id := keyring.ID(binary.BigEndian.Uint32(b))
	key, ok := c.upgrader.ring.Key(id)
	if !ok {
		return fmt.Errorf("%w: %v", ErrUnknownKey, id)
	}
	mac, err := c.mac(key, id, c.role.peers())
	if err != nil {
		return err
	}
	if !hmac.Equal(mac, b[4:]) {
		return fmt.Errorf("%w: key %v", ErrProof, id)
	}
	c.peerKey.Store(uint32(id))
	return nil
}

// mac is what an end of this link with that role proves a key by.
func (c *Conn) mac(key keyring.Key, id keyring.ID, r role) ([]byte, error) {
	linkKey, err := hkdf.Key(sha256.New, key[:], nil, "gossip/1 link "+c.upgrader.cluster, sha256.Size)
	if err != nil {
		return nil, err
	}
	exported, err := c.export(proofLabel, sha256.Size)
	if err != nil {
		return nil, err
	}
	h := hmac.New(sha256.New, linkKey)
	h.Write([]byte{byte(r)})
	h.Write(binary.BigEndian.AppendUint32(nil, uint32(id)))
	h.Write(exported)
	return h.Sum(nil), nil
}

// Export derives n bytes that the two ends of this link, and nobody else, have
// (RFC 8446, section 7.5). Another label gives other bytes.
func (c *Conn) Export(label string, n int) ([]byte, error) {
	b, err := c.export(label, n)
	if err != nil {
		return nil, fmt.Errorf("secure: %w", err)
	}
	return b, nil
}

func (c *Conn) export(label string, n int) ([]byte, error) {
	s := c.ConnectionState()
	b, err := s.ExportKeyingMaterial(label, nil, n)
	if err != nil {
		return nil, fmt.Errorf("export %q: %w", label, err)
	}
	return b, nil
}

// PeerNames are the names in the peer's certificate: the common name and the DNS
// names, each once. Without certificates of a CA there are none.
func (c *Conn) PeerNames() []string {
	chain := c.ConnectionState().PeerCertificates
	if !c.upgrader.verify || len(chain) == 0 {
		return nil
	}
	var names []string
	for _, name := range append([]string{chain[0].Subject.CommonName}, chain[0].DNSNames...) {
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// maxRecord is the most that a TLS record carries (RFC 8446, section 5.1).
const maxRecord = 16 << 10

// scratch lends the buffers in which WriteBuffers fills records, so that a link
// that has nothing to write holds none.
var scratch = sync.Pool{New: func() any { return new([maxRecord]byte) }}

// WriteBuffers writes and consumes bufs, as [net.Buffers.WriteTo] does, but in
// full records: each Write of a TLS connection is a record of its own, and a
// system call. What fills a record by itself is not copied. Of bufs nothing is
// promised after an error, which no TLS connection survives.
func (c *Conn) WriteBuffers(bufs *net.Buffers) (written int64, err error) {
	record := scratch.Get().(*[maxRecord]byte)
	defer scratch.Put(record)
	filled := 0
	for len(*bufs) > 0 {
		b := (*bufs)[0]
		for len(b) > 0 {
			if whole := len(b) - len(b)%maxRecord; filled == 0 && whole > 0 {
				if err := c.write(b[:whole], &written); err != nil {
					return written, err
				}
				b = b[whole:]
				continue
			}
			n := copy(record[filled:], b)
			filled, b = filled+n, b[n:]
			if filled == maxRecord {
				if err := c.write(record[:], &written); err != nil {
					return written, err
				}
				filled = 0
			}
		}
		(*bufs)[0] = nil // lets go of its bytes
		*bufs = (*bufs)[1:]
	}
	if filled > 0 {
		err = c.write(record[:filled], &written)
	}
	return written, err
}

func (c *Conn) write(b []byte, written *int64) error {
	n, err := c.Write(b)
	*written += int64(n)
	return err
}
