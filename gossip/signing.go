package gossip

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/identity"
	"github.com/Ishan27gOrg/gossipProtocol/internal/secure"
	"github.com/Ishan27gOrg/gossipProtocol/internal/wire"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// In a signed network every node has an identity, and its name ends in the key that
// its signatures are checked with. Each of the things that are signed begins with
// other words, so that none passes for another.
const (
	signedLink    = "gossip/1 link "
	signedMessage = "gossip/1 message "

	// linkExporter is for what both ends of one TLS session know and nobody else.
	linkExporter = "EXPORTER-gossip-identity-1"
)

// Why something is not believed.
var (
	errUnsigned = errors.New("nodes with and without identities do not talk to each other")
	errForged   = errors.New("a signature is missing or wrong")
	errRevoked  = errors.New("the identity is not on the roster, or revoked")
)

// signer is what a node with an identity signs with and checks others by. It is nil
// in a network without identities, which every method takes.
type signer struct {
	key     *identity.Key
	roster  *identity.Roster
	cluster [sha256.Size]byte // of its name
	// verified is for the readers of all links.
	verified verified
}

func newSigner(cfg *Config) *signer {
	if cfg.Identity == nil {
		return nil
	}
	s := &signer{key: cfg.Identity, roster: cfg.Roster, cluster: sha256.Sum256([]byte(cfg.Cluster))}
	if s.roster == nil {
		s.roster = identity.NewRoster()
	}
	return s
}

// belongs reports whether a name is that of an identity which is on the roster.
func (s *signer) belongs(name string) bool { return s.refuses(name) == nil }

// refuses tells why somebody is not dealt with, if so.
func (s *signer) refuses(name string) error {
	if s == nil {
		return nil
	}
	switch _, p, ok := identity.Split(name); {
	case !ok:
		return errUnsigned
	case !s.roster.Has(p):
		return errRevoked
	}
	return nil
}

// appendLinkText appends what an end of a link signs: its role, and what only the two
// ends of this very session know, so that its signature is worth nothing in another.
func appendLinkText(dst []byte, conn *secure.Conn, first bool) ([]byte, error) {
	secret, err := conn.Export(linkExporter, sha256.Size)
	if err != nil {
		return nil, err
	}
	role := byte('a')
	if first {
		role = 'd'
	}
	return append(append(append(dst, signedLink...), role), secret...), nil
}

// proveLink is what this node says in its hello of who it is; nil without an identity.
func (s *signer) proveLink(conn *secure.Conn, first bool) ([]byte, error) {
	if s == nil {
		return nil, nil
	}
	text, err := appendLinkText(nil, conn, first)
	if err != nil {
		return nil, err
	}
	return s.key.Sign(text), nil
}

// checkHello reports why a hello is not believed. first tells whether this node
// dialled, so that the other end did not. One without an identity is another matter:
// that it says so is true.
func (s *signer) checkHello(h *wire.Hello, conn *secure.Conn, first bool) error {
	if s == nil || h.Capabilities&wire.Signed == 0 {
		return nil
	}
	_, p, ok := identity.Split(h.ID.Name)
	if !ok {
		return fmt.Errorf("%w: the name %q has no key", errForged, h.ID.Name)
	}
	text, err := appendLinkText(nil, conn, !first)
	if err != nil {
		return err
	}
	if !p.Verify(text, h.Proof[:]) {
		return fmt.Errorf("%w: %q has not shown that it has its key", errForged, h.ID.Name)
	}
	if !s.roster.Has(p) {
		return fmt.Errorf("%w: %q", errRevoked, h.ID.Name)
	}
	return nil
}

// appendMessageText appends what an origin signs of a message.
func (s *signer) appendMessageText(dst []byte, said *wire.Said) []byte {
	dst = append(append(dst, signedMessage...), s.cluster[:]...)
	return append(append(dst, said.Dot...), said.Rest[:]...)
}

// evidence is what the machine keeps of each message that is delivered, to show to
// others how far its origin has got. This node's own messages are signed here: this
// comes before anybody is sent them.
func (n *Node) evidence(m *broadcast.Message) string {
	if !m.Signed && m.Dot.Origin != n.book.self {
		return "" // which cannot be: readers let no such message in
	}
	said := wire.SaidBy(m, n.book)
	if !m.Signed {
		wire.EncodeSigned(m, n.signer.key.Sign(n.signer.appendMessageText(nil, &said)), n.book)
	}
	return string(said.Rest[:]) + string(wire.SignatureOf(m))
}

// checkFrame looks at what a frame says in somebody's name, before the loop sees it:
// this is where the time goes. The error is one that ends the link, for no node that
// checks what it passes on sends such a frame. Whether the somebody belongs is for the
// loop to say, which knows how often the roster has changed by then.
func (n *Node) checkFrame(b []byte) error {
	switch {
	case n.signer == nil && wire.IsSigned(b):
		return fmt.Errorf("%w: a signature where nobody has an identity", wire.ErrMalformed)
	case n.signer == nil:
		return nil
	case wire.IsData(b):
		return n.checkMessage(b)
	case wire.IsSigned(b):
		return n.signer.checkEvidence(b)
	}
	return nil
}

func (n *Node) checkMessage(b []byte) error {
	s := n.signer
	d, err := wire.ReadSignedData(b)
	if err != nil {
		return nil // nor will the loop be able to read it, and blame the sender
	}
	if d.Incarnation == n.self.ID.Incarnation && string(d.Name) == n.self.ID.Name {
		return nil // this node knows best what it has said
	}
	_, p, ok := identity.Split(string(d.Name))
	if !ok || !s.verified.check(p, s.appendMessageText(nil, &d.Said), d.Signature) {
		return fmt.Errorf("%w: a message of %q", errForged, d.Name)
	}
	return nil
}

// checkEvidence looks at the evidence in a frame. That of an origin which was revoked
// counts: what it has said before that, it has said.
func (s *signer) checkEvidence(b []byte) (err error) {
	unreadable := wire.ReadTestimonies(b, func(t *wire.Testimony) bool {
		_, p, ok := identity.Split(t.Name)
		if !ok || !s.verified.check(p, s.appendMessageText(nil, &t.Said), t.Signature) {
			err = fmt.Errorf("%w: evidence about %q", errForged, t.Name)
		}
		return err == nil
	})
	if unreadable != nil {
		return nil // nor will the loop be able to read it, and blame the sender
	}
	return err
}

// limitClaims cuts what a frame claims about origins down to what its evidence shows,
// and keeps the evidence. Whoever has none to show says nothing then, and is sent what
// he may have had.
func (n *Node) limitClaims(f *broadcast.Frame) {
	for i := range f.Digest {
		for j := range f.Digest[i].Entries {
			e := &f.Digest[i].Entries[j]
			n.machine.Prove(e.Origin, e.Evidence)
			if most := e.Evidence.Seq; highest(e) > most {
				n.stats.Unproved++
				e.Contiguous, e.Gone = min(e.Contiguous, most), min(e.Gone, most)
				e.Spans = slices.DeleteFunc(e.Spans, func(s broadcast.Span) bool { return s.To > most })
			}
		}
	}
	for i := range f.Gone {
		g := &f.Gone[i]
		n.machine.Prove(g.Dot.Origin, g.Evidence)
		if g.UpTo > g.Evidence.Seq {
			n.stats.Unproved++
			g.UpTo = 0
		}
	}
}

// highest is the last message that an entry claims.
func highest(e *broadcast.DigestEntry) uint64 {
	if n := len(e.Spans); n > 0 {
		return e.Spans[n-1].To
	}
	return max(e.Contiguous, e.Gone)
}

// samplerIdentity is what Brahms' samplers tell peers apart by, where everybody has a key:
// that, and not the label, which one key may have as many of as it likes. As elsewhere it
// is hashed with a secret of this node, so that nobody can choose a key that it likes.
func (n *Node) samplerIdentity() func(peer.Handle) uint64 {
	var secret [sha256.Size]byte
	rand.Read(secret[:])
	return func(h peer.Handle) uint64 {
		id, _ := n.book.Lookup(h)
		_, p, ok := identity.Split(id.Name)
		if !ok {
			return 0 // a join address, of which nothing is known
		}
		sum := sha256.Sum256(append(secret[:len(secret):len(secret)], p[:]...))
		return binary.BigEndian.Uint64(sum[:])
	}
}

// nodeName is the name that others know a node by.
func (c *Config) nodeName() (string, error) {
	if c.Identity == nil {
		return c.ID, nil
	}
	return identity.Name(c.ID, c.Identity.Public())
}

// checkIdentity reports what is wrong with a config's identity.
func (c *Config) checkIdentity() error {
	switch {
	case c.Identity == nil && c.Roster != nil:
		return bad("Roster", "it says whose signatures count, but without Identity nothing is signed")
	case c.Identity == nil:
		return nil
	case c.Identity.IsZero():
		return bad("Identity", "it has no key; make it with identity.Generate, Parse or Load")
	case c.Keyring == nil && c.TLS == nil:
		return bad("Identity", "it needs a Keyring or TLS: on a link in the clear anybody can put in what he likes behind a hello")
	case c.Roster != nil && !c.Roster.Has(c.Identity.Public()):
		return bad("Roster", "this node's own identity, %v, is not on it, or is revoked", c.Identity.Public())
	}
	if _, err := c.nodeName(); err != nil {
		return &ConfigError{"ID", err}
	}
	return nil
}

// mayAdvertise reports why an address cannot be signed: one that each peer takes to be
// another one is nobody's word.
func (c *Config) mayAdvertise(self wire.Identity) error {
	if c.Identity != nil && self.Addr.Addr().IsUnspecified() {
		return bad("Advertise", "the node listens on all interfaces, %v; with an Identity it has to say at which address others reach it, for it signs that", self.Addr)
	}
	return nil
}

// countRefusal counts what was not believed, and tells whether it was for a reason
// that has a counter here.
func (n *Node) countRefusal(err error) bool {
	switch {
	case errors.Is(err, errUnsigned):
		n.stats.Unsigned++
	case errors.Is(err, errForged):
		n.stats.BadSignatures++
	case errors.Is(err, errRevoked):
		n.stats.Revoked++
	default:
		return false
	}
	return true
}

// rosterChanged shuts those out who do not belong any more. What of theirs was
// delivered here before stays; what waits for its turn does not get it.
func (n *Node) rosterChanged() {
	n.log.Info("the roster has changed")
	if !n.signer.belongs(n.self.ID.Name) {
		n.log.Error("this node is not on its own roster: nobody who has the same will talk to it")
	}
	for _, id := range n.sortedLinks() {
		l := n.links[id]
		if l == nil || n.signer.belongs(l.peer.ID.Name) {
			continue // or ended by the step before
		}
		n.stats.Revoked++
		n.endLink(l, errRevoked)
	}
	for _, d := range slices.Clone(n.machine.View()) {
		if n.isBanned(d.Peer) {
			n.machine.Expel(n.now(), d.Peer, &n.out)
			n.carryOut()
		}
	}
	n.machine.Banish(n.now(), n.isBanned, &n.out)
	n.carryOut()
}

func (n *Node) isBanned(p peer.Handle) bool {
	id, _ := n.book.Lookup(p)
	return id.Name != "" && p != n.book.self && !n.signer.belongs(id.Name)
}
