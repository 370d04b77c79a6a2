// Package secure makes links of connections: TLS 1.3, in which the two ends
// prove that they share a key, or show certificates of the user's own CA, or
// both. One of the two is required; where both are set, both are.
//
//	dialler                                   acceptor
//	   │  ClientHello ─────────────────────────▶ │
//	   │ ◀─── ServerHello … certificate, Finished│    TLS 1.3, ALPN "gossip/1"
//	   │  [certificate] Finished ──────────────▶ │
//	   │  proof ───────────────────────────────▶ │    with a ring only
//	   │ ◀─────────────────────────────── proof  │
//
// # The proof
//
//	┌────────────────────┬──────────────────────────────────────────────────┐
//	│ key id, 4, big e.  │ HMAC-SHA256(link key, role ‖ key id ‖ exported)  │
//	└────────────────────┴──────────────────────────────────────────────────┘
//
// The link key is derived by HKDF-SHA256 from the ring's key and the cluster's
// name. exported are 32 bytes that both ends, and nobody else, derive from this
// one TLS session (RFC 8446, section 7.5; label "EXPORTER-gossip-link-1"). So
// with a ring alone the certificates need no checking: who terminates TLS in
// the middle has two sessions with two values, and a proof from the one is
// worth nothing in the other. The role, 'd' or 'a', keeps a dialler's proof
// from being sent back to it. The acceptor proves nothing before the dialler
// has. The same proof, made again under a new primary on the live link, shows
// that the peer has the new key.
//
// Every session has its own ephemeral keys, and there are no session tickets:
// who steals a key later cannot read what was recorded. (The key exchange is
// package tls's default, X25519 with ML-KEM-768 at present, so neither can who
// has a quantum computer later. It is a third of a handshake's cost.) Such a
// thief can join, and can get into the middle of links made from then on.
//
// # What it does not do
//
// Sizes and times are in the clear, as are the addresses. A shared key does not
// say which node it is. Removing a key from the ring, or a certificate running
// out, ends no link that is there: whoever owns the link looks at
// [Conn.PeerKey] and closes it. There is no list of revoked certificates; a CA
// with short-lived ones does that. An acceptor signs once for everybody who
// connects, before it knows anything of them, so handshakes want a limit. Who is
// in the middle can end a link after any record, which looks like an end in good
// order: package tls takes it for one.
//
// Package tls never changes the keys of a session by itself. For AES-GCM, RFC
// 8446 (section 5.5) advises 2^24.5 full records, 390 GB, each way. Past that the
// margin of 2^-57 shrinks with the square: after a year of 1 MB/s it is 2^-44.
package secure

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"

	"github.com/Ishan27gOrg/gossipProtocol/keyring"
)

// protocol is what both ends must name (ALPN, RFC 7301), so that a connection
// that was meant for another service, or an attacker's who diverts it there, ends
// in the handshake.
const protocol = "gossip/1"

// Errors that say why there is no link, wrapped with more.
var (
	// ErrProof: the peer's proof is wrong: it has another key of that ID,
	// belongs to another cluster, or somebody is in the middle.
	ErrProof = errors.New("the proof of a shared key is wrong")
	// ErrUnknownKey: the peer uses a key that is not on the ring.
	ErrUnknownKey = errors.New("the peer uses an unknown key")
	// ErrRefused: the peer did not answer the proof with its own, most likely
	// because it does not know the key.
	ErrRefused = errors.New("the peer refused the proof of a shared key")
	// ErrNoRing: a proof was asked for or sent on a link without a ring.
	ErrNoRing = errors.New("there is no keyring")
	// ErrNotTLS: the peer does not speak TLS; it may run without any keys.
	ErrNotTLS = errors.New("the peer does not speak TLS")
)

// Config says what peers have to show. One of Ring and Certificates must be set.
type Config struct {
	// Cluster is bound into every proof.
	Cluster string
	// Ring has the keys that the cluster shares. Nil: no proof is given or
	// asked for.
	Ring *keyring.Ring
	// Certificates are the node's own, and the CA's that peers must have theirs
	// from. Nil: certificates are made up for the session and not looked at.
	Certificates Certificates
}

// Certificates says who this node is and whom it believes. It is asked at each
// handshake, so both may change.
type Certificates interface {
	// Certificate is what the node shows, as a client and as a server.
	Certificate() (*tls.Certificate, error)
	// Roots are the CAs that peers' certificates must come from. They are never
	// the system's: nil is an error.
	Roots() (*x509.CertPool, error)
}

// Upgrader makes links of connections. It is safe for concurrent use.
type Upgrader struct {
	cluster string
	ring    *keyring.Ring
	certs   Certificates
	verify  bool // certs are the user's
}

// New makes an Upgrader.
func New(cfg Config) (*Upgrader, error) {
	u := &Upgrader{cluster: cfg.Cluster, ring: cfg.Ring, certs: cfg.Certificates, verify: cfg.Certificates != nil}
	switch {
	case cfg.Ring == nil && !u.verify:
		return nil, errors.New("secure: neither a keyring nor certificates: anybody could be the peer")
	case cfg.Ring != nil && cfg.Ring.Primary() == 0:
		return nil, errors.New("secure: the keyring has no key")
	}
	if !u.verify {
		made, err := makeUp()
		if err != nil {
			return nil, fmt.Errorf("secure: make a certificate: %w", err)
		}
		u.certs = made
		return u, nil
	}
	if _, _, err := u.credentials(); err != nil { // now, rather than at some handshake
		return nil, fmt.Errorf("secure: %w", err)
	}
	return u, nil
}

// Client makes a link of a connection that this node dialled. It owns c from
// then on: with an error, or when ctx ends first, c is closed. It sets no
// deadlines.
//
// With certificates alone, the end of the handshake says nothing of what the
// acceptor thinks of this node's: its refusal is what the first Read returns.
func (u *Upgrader) Client(ctx context.Context, c net.Conn) (*Conn, error) {
	return u.upgrade(ctx, c, dialler)
}

// Server makes a link of a connection that was accepted, as Client does.
func (u *Upgrader) Server(ctx context.Context, c net.Conn) (*Conn, error) {
	return u.upgrade(ctx, c, acceptor)
}

func (u *Upgrader) upgrade(ctx context.Context, c net.Conn, r role) (*Conn, error) {
	// Closing is what wakes every Read and Write there is, on any connection.
	stop := context.AfterFunc(ctx, func() { c.Close() })
	link, err := u.handshake(c, r)
	if !stop() {
		err = context.Cause(ctx)
	}
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("secure: %s %v: %w", r.verb(), c.RemoteAddr(), err)
	}
	return link, nil
}

func (u *Upgrader) handshake(c net.Conn, r role) (*Conn, error) {
	cfg, err := u.config(r)
	if err != nil {
		return nil, err
	}
	link := &Conn{upgrader: u, role: r}
	if r == dialler {
		link.Conn = tls.Client(c, cfg)
	} else {
		link.Conn = tls.Server(c, cfg)
	}
	if err := link.Handshake(); err != nil {
		if bad := (tls.RecordHeaderError{}); errors.As(err, &bad) {
			return nil, fmt.Errorf("%w: %w", ErrNotTLS, err)
		}
		return nil, err
	}
	if u.ring == nil {
		return link, nil
	}
	return link, link.exchangeProofs()
}

// config is made anew for each handshake: what certificates there are may have
// changed, and a session shares nothing with another.
func (u *Upgrader) config(r role) (*tls.Config, error) {
	cert, roots, err := u.credentials()
	if err != nil {
		return nil, err
	}
	cfg := &tls.Config{
		MinVersion:             tls.VersionTLS13,
		NextProtos:             []string{protocol},
		Certificates:           []tls.Certificate{*cert},
		SessionTicketsDisabled: true,
		// Records are as long as WriteBuffers makes them.
		DynamicRecordSizingDisabled: true,
		// Nodes are found by gossip, under addresses that no certificate
		// foresees, so there is no host name to check. With certificates,
		// VerifyConnection checks the chain. Without, the certificate says
		// nothing, and the proof, which is bound to this very session, is what
		// the peer is known by.
		InsecureSkipVerify: true,
	}
	if u.verify && r == acceptor {
		cfg.ClientAuth = tls.RequireAnyClientCert // and VerifyConnection
	}
	cfg.VerifyConnection = func(s tls.ConnectionState) error {
		if s.NegotiatedProtocol != protocol {
			return fmt.Errorf("the peer does not speak %s", protocol)
		}
		if !u.verify {
			return nil
		}
		return checkChain(s.PeerCertificates, roots, r.peersUsage())
	}
	return cfg, nil
}

// exchangeProofs is where the acceptor waits for a proof before it gives one.
func (c *Conn) exchangeProofs() error {
	if c.role == acceptor {
		if err := c.readProof(); err != nil {
			return err
		}
		return c.writeProof()
	}
	if err := c.writeProof(); err != nil {
		return err
	}
	err := c.readProof()
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) {
		return fmt.Errorf("%w: does it know key %v of this cluster?", ErrRefused, c.upgrader.ring.Primary())
	}
	return err
}

func (c *Conn) writeProof() error {
	proof := c.AppendProof(nil)
	_, err := c.Write(proof)
	return err
}

func (c *Conn) readProof() error {
	var proof [ProofSize]byte
	if _, err := io.ReadFull(c, proof[:]); err != nil {
		return err
	}
	return c.checkProof(proof[:])
}
